"""The sections after the first update: the same forward pass again, later iterations, and a table of all."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.mathematics import Verbatim
from bptt_trace.document.sentences import inline
from bptt_trace.document.sheet import Block, Lines, Paragraph
from bptt_trace.engine.program import WRITTEN_OUT
from bptt_trace.lines.row_words import headings
from bptt_trace.pictures import plane
from bptt_trace.worked_solution import truncated_passes, update_notes
from bptt_trace.worked_solution.forward_section import ahead, ledgers
from bptt_trace.worked_solution.iteration_table import Course
from bptt_trace.worked_solution.loss_section import adds_up, loss_lines
from bptt_trace.worked_solution.perceptron import Epochs
from bptt_trace.worked_solution.update_section import changes
from bptt_trace.worked_solution.writer import Writer


def iteration(writer: Writer, k: int) -> Iterator[Block]:
    """A later iteration: its lines; the formulas are those of the first."""
    board, labels, parts = writer.board, writer.labels.of, writer.parts.iteration(k)
    forward = [p for lines in parts.forward.steps.values() for p in lines]
    backward = [p for lines in parts.backward.values() for p in lines]
    yield from ahead(writer, parts)
    if forward:
        yield Lines(inline("Forward pass"), board.stream(forward, labels))
        *terms, _ = parts.forward.losses
        one_sum = adds_up(writer, terms)
        yield Lines(inline("Loss"), board.stream(parts.forward.losses, labels, one_sum), one_sum)
    if backward:
        yield Lines(inline("Backward pass"), board.stream(backward, labels))
    if parts.passes:
        yield from truncated_passes.passes(board, writer.labels, parts, writer.update_of)
    for parameter, group in parts.gradients.items():
        long = len(group) > WRITTEN_OUT + 1
        yield Lines(inline("Gradient of {parameter}", parameter=board.name(parameter)), board.stream(group, labels, long), long)
    if parts.inputs:
        yield Lines((headings(writer.desk)["inputs"],), board.stream(parts.inputs, labels))
    yield from changes(writer, parts)


def training(writer: Writer) -> Iterator[Block]:
    """Loss and parameters by iteration."""
    course = Course(writer.desk, writer.board)
    epochs = None if writer.compact else Epochs.of(writer.desk)
    if epochs:
        yield from epochs.tables()
        yield from writer.picture(lambda desk, _: plane.separating_line(desk))
        yield from epochs.said()
        return
    yield from course.table()
    if writer.drawn:
        yield from course.figure()
    if not writer.compact:
        yield from course.said()


def again(writer: Writer) -> Iterator[Block]:
    """The forward pass with the new parameters."""
    again = writer.parts.again
    if not again.losses:
        return
    number = f"@{writer.parts.last + 1}"
    yield Paragraph(
        inline(
            "The same forward pass with the new parameters shows whether the step helped; {number} marks its quantities.",
            number=Verbatim(number),
        ),
    )
    if writer.on_ledger:
        yield from ledgers(writer, again)
        yield from loss_lines(writer, again)
    else:
        everything = [position for positions in again.steps.values() for position in positions]
        if adds_up(writer, again.losses[:-1]):
            yield Lines(inline("All steps"), writer.board.stream(everything, writer.labels.of))
            yield Lines(inline("Losses"), writer.board.stream(again.losses, writer.labels.of, True), True)
        else:
            everything += again.losses
            yield Lines(inline("All steps") if writer.recurrent else (), writer.board.stream(everything, writer.labels.of))
    yield from writer.said(update_notes.new_loss, writer.desk)
