"""The lines that a worksheet leaves to the student, those it shows, and those it must not show.

A line that follows from a blank would give the blank away, so it is left out
unless it is a blank itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bptt_trace.calculation.build import build
from bptt_trace.calculation.iterations import first_iteration
from bptt_trace.document.digits import Digits
from bptt_trace.engine.names import Name
from bptt_trace.engine.program import Program
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import ProblemError, UnknownName, nearest
from bptt_trace.lines.blanks import Blanks
from bptt_trace.lines.parts_of_sheet import Parts, parts_of
from bptt_trace.marking.key import Key
from bptt_trace.problem.problem import Problem

HINTS = range(4)
"""0: nothing; 1: the kind of line; 2: its formula; 3: also the formula with the given numbers."""
PARTS = ("forward", "loss", "backward", "update", "again", "memory", "extra", "gradient_check", "forward_mode", "paths")
"""The parts of a sheet by name; ``gradients`` is everything from the backward pass to the update."""


MOST_LINES = 10_000
"""The largest number of lines of a worksheet or a key."""


def of_a_size_to_fill_in(problem: Problem) -> None:
    """Raise ``ProblemError`` if the calculation has more than ``MOST_LINES`` lines.

    The lines of the first iteration are counted and multiplied by the number of
    iterations.
    """
    iterations = problem.update.iterations if problem.update else 1
    size = len(scalars(build(first_iteration(problem)))) * iterations
    if size > MOST_LINES:
        what = "iterations" if iterations > 1 else "units, samples or time steps"
        raise ProblemError(f"about {size:,} lines, more than the {MOST_LINES:,} of a worksheet; use fewer {what}")


def blanks_of(key: Key, wanted: Sequence[str] = ("all",), hints: int = 2) -> Blanks:
    """The blanks of a worksheet.

    ``wanted`` has ``all`` (every line up to the update), ``results`` (the same,
    with printed calculations), ``gradients``, parts of the sheet, or names of
    quantities; a vector stands for its components. ``hints`` is 0 to 3. Raises
    ``ProblemError`` for an unknown word.
    """
    if hints not in HINTS:
        raise ProblemError(f"{hints} is not possible here; from 0 to 3", path="hints")
    lines = _lines(parts_of(key.program))
    every = lines_up_to_update(key.program)
    asked: set[int] = set()
    for word in wanted:
        if word in ("all", "results"):
            asked |= set(every)
        elif word in lines:
            asked |= set(lines[word])
        else:
            asked |= set(_named(key, word))
    asked -= {position for position in asked if key.steps[position].repeats}
    if not asked:
        raise ProblemError("there is nothing to fill in: this problem has no such lines", path="blanks")
    left_out = _given_away(key, asked)
    for part in ("again", "memory", "extra", "gradient_check", "forward_mode", "paths"):
        if asked.isdisjoint(lines[part]):
            left_out |= set(lines[part])
    calculations = "results" not in wanted
    return Blanks({p: digits(key, p, key.places[p]) for p in sorted(asked)}, frozenset(left_out), hints, calculations)


def lines_up_to_update(program: Program) -> list[int]:
    """The positions of all lines of the forward pass, the loss, the backward pass and the update."""
    lines = _lines(parts_of(program))
    return [*lines["forward"], *lines["loss"], *lines["gradients"]]


def digits(key: Key, position: int, places: int) -> Digits:
    """The digits asked for in a line: a number of decimals, or the problem's significant figures."""
    figures = key.figures(position)
    return Digits(places) if figures is None else Digits(figures, significant=True)


def _lines(parts: Parts) -> dict[str, list[int]]:
    """The lines of every part of a sheet."""
    lines_of: dict[str, list[int]] = {part: [] for part in (*PARTS, "gradients")}
    for iteration in (parts, *parts.later.values()):
        lines_of["forward"] += [p for lines in iteration.forward.steps.values() for p in lines]
        lines_of["loss"] += iteration.forward.losses
        backward = [*iteration.links, *(p for lines in iteration.backward.values() for p in lines), *iteration.inputs]
        backward += [p for lines in iteration.passes.values() for p in lines]
        of_parameters = [p for lines in iteration.gradients.values() for p in lines]
        of_truncation = [*iteration.whole, *iteration.cut]
        lines_of["backward"] += backward
        lines_of["update"] += [*iteration.ahead, *iteration.changes]
        lines_of["gradients"] += [*backward, *of_parameters, *of_truncation, *iteration.ahead, *iteration.changes]
    lines_of["again"] = [*(p for lines in parts.again.steps.values() for p in lines), *parts.again.losses]
    lines_of["memory"] = parts.factors
    lines_of["extra"] = parts.extras
    lines_of["gradient_check"] = parts.checks
    lines_of["forward_mode"], lines_of["paths"] = parts.tangents, parts.paths
    return lines_of


def _named(key: Key, word: str) -> list[int]:
    """The lines of a quantity, or of the components of one."""
    try:
        return [key.program.index[key.register.find(word)]]
    except UnknownName as error:
        try:
            whole = key.problem.vocabulary.canonical(Name.parse(word))
        except UnknownName:
            whole = None
        cells = [p for name, p in key.program.index.items() if whole is not None and name._replace(index=()) == whole]
        lines = [position for position in cells if key.steps[position].rule is not None]
        if not lines:
            words = ("all", "results", "gradients", *PARTS)
            meant = "" if "did you mean" in str(error) else nearest(word, words)
            raise ProblemError(f"{error}{meant}; or {', '.join(words)}", path="blanks") from None
        return lines


def _given_away(key: Key, asked: Collection[int]) -> set[int]:
    """The lines that follow from a blank."""
    follows: set[int] = set()
    for position, step in enumerate(key.steps):
        if position not in asked and any(argument in asked or argument in follows for argument in step.arguments):
            follows.add(position)
    return follows


def answers_csv(key: Key, blanks: Blanks) -> str:
    """An answer sheet for ``check`` as CSV, with one row for each blank."""
    rows = [_cell(str(key.steps[position].target)) + ",\n" for position in blanks.asked]
    return "".join(["quantity,answer\n", *rows])


def answers_toml(key: Key, blanks: Blanks) -> str:
    """An answer sheet for ``check`` as TOML."""
    return "".join(f'"{key.steps[position].target}" = ""\n' for position in blanks.asked)


def _cell(text: str) -> str:
    return f'"{text}"' if "," in text else text
