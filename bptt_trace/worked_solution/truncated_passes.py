"""Truncated backward passes: those that overlap, and what a truncation leaves out."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.mathematics import inline
from bptt_trace.document.sheet import Block, Lines, Paragraph
from bptt_trace.engine.names import WHOLE_LOSS, Name, gradient
from bptt_trace.lines.matrix_rows import Blackboard
from bptt_trace.lines.parts_of_sheet import Parts
from bptt_trace.lines.row_words import Labels
from bptt_trace.lines.rows import Desk
from bptt_trace.networks.optimizers import Update
from bptt_trace.worked_solution.wording import in_words

MOST_UNCUT = 100
"""Lines of a backward pass without cuts that are printed beside a ledger; of more, the gradients of the parameters."""


def passes(board: Desk | Blackboard, labels: Labels, parts: Parts, update: Update) -> Iterator[Block]:
    """Backward passes that overlap, the lines of each."""
    back, every, before = update.truncate or 0, update.truncate_every or 0, 0
    often = f"every {in_words(every)} steps" if every > 1 else "every step"
    yield Paragraph(
        (
            f"A pass begins after {often}, with the losses that no earlier pass had, and goes back {in_words(back)} steps. "
            "The gradients of all passes are added up.",
        )
    )
    for end, lines in parts.passes.items():
        first = max(end - back, 0) + 1
        losses = f"loss of step {end}" if end == before + 1 else f"losses of steps {before + 1} to {end}"
        title = f"Pass from step {end} back to step {first}: the {losses}"
        yield Lines((title,), board.stream([p for p in lines if not board.steps[p].repeats], labels.of))
        before = end


def left_out(board: Desk | Blackboard, labels: Labels, parts: Parts, update: Update, *, brief: bool) -> Iterator[Block]:
    """The gradients of the whole backward pass, and what the truncated one leaves out of each."""
    if not parts.cut:
        return
    length, math = update.truncate or 0, labels.desk.speller.math
    windows = "" if parts.passes else (
        f"Gradients are carried back within windows of {in_words(length)} step{'s' if length != 1 else ''}; at the border of two "
        "windows the way back is cut. "
    )  # fmt: skip
    yield Paragraph(
        inline(
            windows + "{whole} is the gradient without any cut. The update uses {part}.",
            whole=math(gradient(Name("p"), of=WHOLE_LOSS)),
            part=math(gradient(Name("p"))),
        )
    )
    lines = [p for p in parts.whole if not board.steps[p].repeats]
    if brief and len(lines) > MOST_UNCUT:
        lines = [p for p in lines if board.steps[p].target.time is None and board.steps[p].target.via is None]
    yield Lines(("The whole backward pass",), board.stream(lines, labels.of))
    yield Lines(("Whole minus truncated",), board.stream(parts.cut, labels.of))
