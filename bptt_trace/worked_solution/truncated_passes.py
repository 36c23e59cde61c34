"""Truncated backward passes: those that overlap, and the part that a truncation leaves out."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.sentences import inline, say, say_many, to_say
from bptt_trace.document.sheet import Block, Lines, Paragraph
from bptt_trace.engine.names import WHOLE_LOSS, Name, gradient
from bptt_trace.lines.parts_of_sheet import Parts
from bptt_trace.lines.row_words import Labels
from bptt_trace.lines.rows import Rows
from bptt_trace.networks.optimizers import Update
from bptt_trace.worked_solution.wording import in_words

MOST_UNCUT = 100
"""Lines of a backward pass without cuts that are printed beside a ledger; of more, the gradients of the parameters."""


def passes(board: Rows, labels: Labels, parts: Parts, update: Update) -> Iterator[Block]:
    """Backward passes that overlap, the lines of each."""
    back, every, before = update.truncate or 0, update.truncate_every or 0, 0
    often = say("every {every} steps", every=in_words(every)) if every > 1 else say("every step")
    yield Paragraph(
        inline(
            "A pass begins after {often}, with the losses that no earlier pass had, and goes back {back} steps. "
            "The gradients of all passes are added up.",
            often=often,
            back=in_words(back),
        )
    )
    for end, lines in parts.passes.items():
        first = max(end - back, 0) + 1
        pattern = (
            to_say("Pass from step {end} back to step {first}: the loss of step {end}")
            if end == before + 1
            else to_say("Pass from step {end} back to step {first}: the losses of steps {start} to {end}")
        )
        title = say(pattern, end=end, first=first, start=before + 1)
        yield Lines((title,), board.stream(lines, labels.of))
        before = end


def left_out(board: Rows, labels: Labels, parts: Parts, update: Update, *, brief: bool) -> Iterator[Block]:
    """The gradients of the whole backward pass, and the part of each that the truncated pass leaves out."""
    if not parts.cut:
        return
    length, math = update.truncate or 0, labels.desk.speller.math
    windows = (
        ""
        if parts.passes
        else say_many(
            "Gradients are carried back within windows of {n} step; at the border of two windows the way back is cut. ",
            "Gradients are carried back within windows of {n} steps; at the border of two windows the way back is cut. ",
            length,
            n=in_words(length),
        )
    )
    yield Paragraph(
        inline(
            "{windows}{whole} is the gradient without any cut. The update uses {part}.",
            windows=windows,
            whole=math(gradient(Name("p"), of=WHOLE_LOSS)),
            part=math(gradient(Name("p"))),
        )
    )
    lines = [p for p in parts.whole if not board.steps[p].repeats]
    if brief and len(lines) > MOST_UNCUT:
        lines = [p for p in lines if board.steps[p].target.time is None and board.steps[p].target.via is None]
    yield Lines(inline("The whole backward pass"), board.stream(lines, labels.of))
    yield Lines(inline("Whole minus truncated"), board.stream(parts.cut, labels.of))
