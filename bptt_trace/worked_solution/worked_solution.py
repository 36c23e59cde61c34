"""From a program with its values to a sheet: the worked solution.

``sections`` has the order in which sections are read. Each of them has a module whose name ends in ``_section``, and
what it says in sentences stands in one whose name ends in ``_notes``; the box of conventions is in ``conventions``,
and tables with a row for each time step are in ``step_tables``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from bptt_trace.calculation.arithmetic import Values
from bptt_trace.calculation.unrounded import unrounded
from bptt_trace.document.notation import TEXT
from bptt_trace.document.sentences import Inline, inline, joined, say
from bptt_trace.document.sheet import Note, Section, Sheet
from bptt_trace.engine.program import Program
from bptt_trace.errors import ProblemError, nearest
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.spelling import Speller
from bptt_trace.lines.view import View
from bptt_trace.problem.problem import Problem
from bptt_trace.worked_solution import footer
from bptt_trace.worked_solution.conventions import conventions
from bptt_trace.worked_solution.given_section import given
from bptt_trace.worked_solution.one_page import one_page
from bptt_trace.worked_solution.results import results
from bptt_trace.worked_solution.sections import sections
from bptt_trace.worked_solution.writer import Writer

MANY = 1_000
"""Lines from which a sheet that prints some of its iterations spells only the names that it needs."""
MAX_PRINTED = 300_000
"""Component lines that are printed; without them, on the board, a network may be larger."""


ARRANGED: Mapping[str, Callable[[Sheet], Sheet]] = {"one-page": one_page, "results": results}
"""Styles that arrange a sheet of formulas and lines anew."""
OF_A_PART: tuple[tuple[str, Inline], ...] = ((say("Lines"), inline("they are numbered as in the worked solution (solve)")),)
"""The remark on a sheet with some of the sections."""


def within_reach(program: Program, detail: str) -> None:
    """Raise ``ProblemError`` where a network of vectors has too many component lines to print."""
    has_components = program.vectors.program is not program
    if has_components and detail != "board" and len(program) > MAX_PRINTED:
        raise ProblemError(
            f"{len(program):,} component lines, more than {MAX_PRINTED:,}; "
            "use fewer units, samples or time steps, or the matrices alone (--detail board)"
        )


def write(
    problem: Problem,
    program: Program,
    values: Values,
    view: View = View(),
    *,
    with_latex: bool = True,
    canonical: bool = False,
    proof: Note | None = None,
    only: Collection[str] = (),
) -> Sheet:
    """The worked solution of a problem.

    ``program`` is a program of numbers and ``values`` its values; ``view`` says how much of it is printed.
    ``with_latex=False`` leaves the LaTeX spellings out, for media without them; ``canonical`` shows the names of answer
    files instead of those of the problem's own vocabulary. ``only`` names the sections that are printed, where that is not
    all of them. Raises ``ProblemError`` for a name that no section has.
    """
    if view.style in ARRANGED and view.detail == "both":
        view = replace(view, detail="board")
    full_precision = unrounded(program, problem.given)
    speller = Speller() if canonical else Speller(problem.vocabulary)
    few = bool(problem.update) and view.show not in ("all", "auto") and len(program) > MANY
    desk = Desk(problem, program, values, full_precision, with_latex=with_latex, speller=speller, detail=view.detail, few=few)
    writer = Writer(desk, view)
    printed = _chosen([section for section in sections(writer) if section.blocks], only)
    names = [str(step.target) for step in program.steps] if speller.vocabulary.renamed else desk.names[TEXT]
    sheet = Sheet(
        title=problem.title,
        subtitle=joined(say("; "), [section.title for section in printed]) if only else writer.subtitle(),
        given=tuple(given(writer)),
        conventions=(*conventions(desk, writer.board), *(OF_A_PART if only else ())),
        sections=printed,
        footer=(*footer.drift(desk), *([proof] if proof else []), *footer.source(problem), *footer.errata(desk)),
        rounding=values.rounding.data,
        values=_Pairs(names, desk.shown.bare[TEXT]),
        handout=problem.handout,
        locale=problem.handout.locale,
    )
    return ARRANGED[view.style](sheet) if view.style in ARRANGED else sheet


def _chosen(written: Sequence[Section], only: Collection[str]) -> tuple[Section, ...]:
    """The sections that are asked for, in the order of the sheet."""
    known = [section.id for section in written]
    for name in only:
        if name not in known:
            raise ProblemError(f'no section "{name}"{nearest(name, known)}; this sheet has {", ".join(known)}')
    return tuple(section for section in written if not only or section.id in only)


class _Pairs:
    """Names with values, paired while they are read."""

    def __init__(self, names: Sequence[str], values: Sequence[str]) -> None:
        self._names, self._values = names, values

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return zip(self._names, self._values, strict=False)
