"""The key of a worksheet: every result asked for, and the values that likely mistakes give. Not for students."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bptt_trace.calculation.arithmetic import Values, evaluate
from bptt_trace.document.mathematics import Math, Number, Verbatim
from bptt_trace.document.sentences import Inline, inline, say, to_say
from bptt_trace.document.sheet import Block, Column, Paragraph, Section, Sheet, Table
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.lines.blanks import Blanks
from bptt_trace.lines.desk import Desk
from bptt_trace.marking.key import Key
from bptt_trace.marking.report import TITLES, number
from bptt_trace.marking.visible_mistakes import seen_best
from bptt_trace.problem.rounding import Rounding

FINER = 2
"""The number of further decimals that unrounded results have."""


def decimals(value: float, places: int) -> str:
    """A number with this many decimals; minus zero is zero.

    >>> decimals(-0.00001, 4), decimals(-1.5, 2)
    ('0.0000', '-1.50')
    """
    text = "%.*f" % (places if places > 0 else 0, value)  # noqa: UP031 - sixty of these on each sheet: the quickest way
    return text[1:] if -1 < value <= 0 and text[0] == "-" and not text.strip("-0.") else text


def key_sheet(key: Key, blanks: Blanks | None = None, *, values: Values | None = None) -> Sheet:
    """The key of the lines that a worksheet asks for; ``values`` are those under the problem's rounding."""
    problem = key.problem
    if values is None:
        values = evaluate(key.program, problem.given, problem.rounding)
    exact = Values(key.program, tuple(key.exact), problem.given, Rounding("full"))
    desk = Desk(problem, key.program, values, exact, with_latex=True)
    blanks = blanks or blanks_of(key)
    mistakes = seen_best(key, blanks.asked)
    strings = KeyStrings(
        {position: desk.value(position) for position in blanks.asked},
        {p: Number(decimals(key.exact[p], key.places[p] + FINER)) for p in blanks.asked},
        [
            (
                desk.name(best.position),
                Verbatim(desk.line_number(best.position)),
                Number(decimals(best.value, key.places[best.position])),
            )
            for best in mistakes
        ],
        [TITLES[best.slug] for best in mistakes],
    )
    return lay_out(key, desk, blanks, strings)


class KeyStrings(NamedTuple):
    """The numbers and names on a key, as strings."""

    results: Mapping[int, Math]
    unrounded: Mapping[int, Math]
    mistakes: Sequence[tuple[Math, Math, Math]]
    """Quantity, line and wrong value."""
    titles: Sequence[str]


def lay_out(key: Key, desk: Desk, blanks: Blanks, strings: KeyStrings) -> Sheet:
    """The key sheet of these strings."""
    rows: list[tuple[Inline, ...]] = []
    for position in blanks.asked:
        uses = desk.uses(key.arguments[position])
        rows.append(
            (
                (desk.line_number(position),),
                (desk.name(position),),
                (strings.results[position],),
                (strings.unrounded[position],),
                (uses,),
            )
        )
    columns = (
        Column(inline("line"), right=True),
        Column(inline("quantity")),
        Column(inline("result"), right=True, strong=True),
        Column(inline("unrounded"), right=True),
        Column(inline("uses")),
    )
    sections = [Section("results", say("Results"), (Paragraph(_reading(key, blanks)), Table(columns, rows, folds=True)))]
    if strings.mistakes:
        sections.append(Section("mistakes", say("What likely mistakes give"), tuple(_mistakes(strings))))
    return Sheet(
        title=key.problem.title,
        subtitle=say("Key: not for students"),
        given=(),
        conventions=(),
        sections=tuple(sections),
        kind=to_say("key"),
        handout=key.problem.handout_with_code,
        locale=key.problem.handout.locale,
    )


def _reading(key: Key, blanks: Blanks) -> Inline:
    marks = sum(key.weights[position] for position in blanks.asked)
    each = say("One mark a line, ") if all(key.weights[position] == 1 for position in blanks.asked) else say("Marks: ")
    by = say("as the rounding rule of the sheet says") if key.problem.rounding.policy == "by_hand" else say("as printed")
    return inline(
        "Result: {by}. Unrounded: full precision throughout. Either is right, and so is anything that follows "
        "from the student's own earlier numbers. {each}{marks} in all.",
        by=by,
        each=each,
        marks=number(marks),
    )


def _mistakes(strings: KeyStrings) -> list[Block]:
    columns = (
        Column(inline("mistake"), room=90),
        Column(inline("line")),
        Column(inline("quantity")),
        Column(inline("would be"), right=True),
    )
    rows: list[tuple[Inline, ...]] = []
    for title, (name, line, value) in zip(strings.titles, strings.mistakes, strict=True):
        rows.append(((title,), (line,), (name,), (value,)))
    return [
        Paragraph(inline("If a student makes only one of these mistakes, it is most visible in this line, with this value:")),
        Table(columns, rows),
    ]
