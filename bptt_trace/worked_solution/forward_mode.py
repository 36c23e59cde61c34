"""The section on forward mode: the slopes of all lines in one parameter, and the gradient beside that of BPTT."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.mathematics import Number
from bptt_trace.document.sentences import Inline, in_a_row, inline, inline_many, say
from bptt_trace.document.sheet import Block, Column, Lines, Note, Paragraph, Table, Word
from bptt_trace.engine.forward_mode import FORWARD_LOSS
from bptt_trace.engine.names import WHOLE_LOSS, Name, gradient
from bptt_trace.lines.desk import Desk
from bptt_trace.worked_solution.every_path import kept


def blocks(desk: Desk, *, compact: bool) -> Iterator[Block]:
    """The blocks of the section; none if the problem does not ask for it."""
    lines: dict[Name, list[int]] = {}
    for position in desk.parts.tangents:
        lines.setdefault(desk.steps[position].target._replace(of=None), []).append(position)
    if not lines:
        return
    if not compact:
        yield Paragraph(
            (
                say(
                    "The slope of every line in one parameter, from left to right: each line passes on the slopes of what "
                    "it uses. Nothing has to be remembered for a way back, but there is a pass for each parameter. Over "
                    "time this is called real-time recurrent learning (RTRL)."
                )
                + kept(desk),
            )
        )

    def word(position: int, component: int) -> Word:
        del component
        of = desk.steps[position].target.of
        return Word(say("gradient"), short=say("gradient")) if of is not None and of == Name(FORWARD_LOSS) else Word(say("slope"))

    for parameter, positions in lines.items():
        yield Lines(inline("Slopes in {parameter}", parameter=desk.speller.math(parameter)), desk.stream(positions, word))
    yield _beside(desk, lines)
    if not compact:
        yield _counted(desk, lines)


def _beside(desk: Desk, lines: dict[Name, list[int]]) -> Table:
    """The gradient of each parameter by both roads, and the lines of forward mode."""
    rows: list[tuple[Inline, ...]] = []
    for parameter, positions in lines.items():
        known = desk.find(gradient(parameter, of=WHOLE_LOSS))  # forward mode has no windows
        known = desk.find(gradient(parameter)) if known is None else known
        other: Inline = (desk.value(known),) if known is not None else inline("none")
        rows.append(((desk.speller.math(parameter),), (desk.value(positions[-1]),), other, (Number(len(positions)),)))
    columns = (
        Column(inline("parameter")),
        Column(inline("forward mode"), right=True, strong=True),
        Column(("BPTT",), right=True, strong=True),
        Column(inline("lines forward"), right=True),
    )
    return Table(columns, rows, inline("The same gradients by two roads"))


def _counted(desk: Desk, lines: dict[Name, list[int]]) -> Note:
    """The number of lines of either method."""
    parts = desk.parts
    groups = (parts.links, *parts.backward.values(), *parts.gradients.values())
    backward = len({p for group in groups for p in group if desk.line_of[p]})
    names = in_a_row(say(", "), map(desk.speller.math, lines))
    forward = sum(map(len, lines.values()))
    return Note(
        say("Lines"),
        inline_many(
            "Forward mode takes {forward} line for {names}; the backward pass takes {backward} for all {all} "
            "parameters that learn.",
            "Forward mode takes {forward} lines for {names}; the backward pass takes {backward} for all {all} "
            "parameters that learn.",
            forward,
            forward=str(forward),
            s="" if forward == 1 else "s",
            names=names,
            backward=str(backward),
            all=str(len(parts.gradients)),
        ),
    )
