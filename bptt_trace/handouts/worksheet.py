"""The worksheet of a problem: the worked solution with blanks.

Nothing of the key is on it: rows with blanks make no text of a blank result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bptt_trace.calculation.arithmetic import Values, evaluate
from bptt_trace.document.figures import Picture
from bptt_trace.document.mathematics import Put, Verbatim
from bptt_trace.document.sentences import Inline, Sentence, inline, say, to_say, together
from bptt_trace.document.sheet import Block, Equations, Lines, Paragraph, Section, Sheet
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.self_checks import check_yourself
from bptt_trace.lines.blanks import Blanks
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.spelling import Shown, Speller
from bptt_trace.lines.view import View
from bptt_trace.marking.key import Key
from bptt_trace.marking.report import number
from bptt_trace.problem.rounding import Rounding
from bptt_trace.worked_solution.conventions import conventions
from bptt_trace.worked_solution.given_section import given
from bptt_trace.worked_solution.sections import sections
from bptt_trace.worked_solution.wording import kept_digits
from bptt_trace.worked_solution.writer import Writer


def worksheet(
    key: Key,
    blanks: Blanks | None = None,
    view: View = View(),
    *,
    values: Values | None = None,
    shown: Shown | None = None,
    answers: bool = False,
    student: str = "",
) -> Sheet:
    """A worksheet; without ``blanks`` every line up to the update is left to the student.

    ``view`` has the detail and the style. ``answers=True`` puts the answers behind the blanks, for a LaTeX source that
    prints worksheet or key: such a sheet is for the lecturer only. ``shown`` replaces the texts of the given numbers, for a
    sheet that is filled in many times; ``student`` names its owner.
    """
    problem = key.problem
    blanks = blanks or blanks_of(key)
    if values is None:
        values = evaluate(key.program, problem.given, problem.rounding)
    exact = Values(key.program, tuple(key.exact), problem.given, Rounding("full"))
    full = Desk(problem, key.program, values, exact, detail=view.detail) if answers else None
    desk = Desk(problem, key.program, values, exact, detail=view.detail, blanks=blanks, shown=shown, answers=full)
    # A picture shows names; the student adds the numbers.
    every = Blanks({}, frozenset(range(len(key.steps))))
    bare = Desk(problem, key.program, values, exact, detail=view.detail, blanks=every)
    in_full = view.style == "full"
    writer = Writer(
        desk,
        replace(view, steps="full", style="compact", show="all"),
        sketch=bare,
        drawn=in_full and blanks.hints >= 2,
    )
    checks = dict(check_yourself(desk, writer.board)) if in_full else {}
    printed = []
    for section in sections(writer):
        blocks = tuple(_blocks(section, blanks))
        if any(isinstance(block, Lines) for block in blocks):
            asked = {row.name.text for block in blocks if isinstance(block, Lines) for row in block.rows if row.blank}
            marks = sum(key.weights[p] for p in blanks.asked if desk.name(p).text in asked)
            printed.append(Section(section.id, section.title, (*blocks, *checks.get(section.id, ())), number(marks)))
    return Sheet(
        title=problem.title,
        subtitle=writer.subtitle(say("Worksheet")),
        given=tuple(given(writer)),
        conventions=(*(row for row in conventions(desk, writer.board) if row[0] != "Reading"), *_answering(key, blanks)),
        sections=tuple(printed),
        kind=to_say("worksheet"),
        handout=replace(problem.handout_with_code, student=student),
        locale=problem.handout.locale,
    )


def _blocks(section: Section, blanks: Blanks) -> Iterator[Block]:
    """The blocks of a section that are not empty and that the hints allow."""
    for block in section.blocks:
        match block:
            case Lines(title, rows):
                if len(rows):
                    yield Lines(title, rows)
            case Equations():  # every line has its own formula, if the hints allow it
                if section.id == "backward" and isinstance(block.lead, Sentence):
                    yield Paragraph(inline("{lead}. Use the old parameters throughout.", lead=block.lead.pattern.places["lead"]))
            case Picture(id="rolled-up"):
                pass  # the unrolled picture has all of it
            case Paragraph():
                if blanks.hints >= 2:
                    yield block
            case _:
                yield block


def _answering(key: Key, blanks: Blanks) -> Iterator[tuple[str, Inline]]:
    """The rules for answers, in addition to that of rounding, which says how many decimals a result has."""
    rounding = key.problem.rounding
    digits: Inline | str
    if rounding.figures is not None:
        digits = say("Extra digits do no harm.")
    elif rounding.policy == "by_hand":
        digits = inline(
            "If more decimals are asked for beside a box, write that many there and go on with {kept}; extra decimals do "
            "no harm.",
            kept=kept_digits(rounding, Speller(key.problem.vocabulary)),
        )
    elif rounding.policy == "carry":
        digits = say("If more decimals are asked for beside a box, write that many there; extra decimals do no harm.")
    else:
        digits = say("Write every result with the number of decimals printed beside its box; extra decimals do no harm.")
    if key.problem.marks.follow_through == 1:
        costs = say("A wrong line costs only itself: later lines are marked with your own numbers.")
    else:
        costs = say("Later lines are marked with your own numbers.")
    yield say("Answers"), together(digits, " ", costs)
    if blanks.told:
        yield say("Boxes"), inline("{box} in a calculation is your result of line 4", box=Put("box", Verbatim("4")))
