"""The loss: its terms and their total."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_trace.document.sentences import Inline, inline
from bptt_trace.document.sheet import Block, Equation, Equations, Lines, Paragraph, Part
from bptt_trace.engine.program import WRITTEN_OUT
from bptt_trace.lines.parts_of_sheet import Pass
from bptt_trace.worked_solution import forward_notes
from bptt_trace.worked_solution.loss_formulas import loss_name, summed, term_equation
from bptt_trace.worked_solution.step_tables import loss_ledger
from bptt_trace.worked_solution.writer import Writer


def loss(writer: Writer) -> Iterator[Block]:
    """Its terms and their total."""
    if not writer.parts.forward.losses:
        return
    if not writer.graph:
        yield from _equations(writer)
    yield from loss_lines(writer, writer.parts.forward)
    yield from writer.said(forward_notes.loss_check, writer.desk, writer.desk.parts)


def _equations(writer: Writer) -> Iterator[Block]:
    """The loss of one prediction, and the combination of these losses."""
    desk, network, loss = writer.desk, writer.desk.problem.network, writer.desk.problem.loss
    if loss.kind == "above":
        yield Paragraph(inline("There is no loss; the sum of what is handed in times what it belongs to stands for it:"))
        yield Equations((), (term_equation(desk, writer.board),))
        return
    items = [term_equation(desk, writer.board)]
    sample = "" if writer.samples is None else "s"
    if not network.single:
        items.append(
            Equation(loss_name(desk, sample=sample), (Part(summed(loss.over_time, "T", "t", loss_name(desk, "t", sample))),))
        )
    if writer.samples is not None:
        items.append(Equation(loss_name(desk), (Part(summed(loss.over_batch, "N", "s", loss_name(desk, sample="s"))),)))
    lead = inline("For every step, then in total:") if not network.single and writer.samples is None else ()
    if writer.samples is not None:
        lead = inline("For every sample, then for the batch:")
    yield Equations(lead, tuple(items))


def loss_lines(writer: Writer, one: Pass) -> Iterator[Block]:
    """The lines of the losses of a pass; in ledger form a table of the terms and a line for the total."""
    board = writer.board
    *terms, total = one.losses
    if writer.on_ledger and terms and writer.samples is None:
        ends = [p for p in one.losses if board.steps[p].target.time is not None and not board.steps[p].target.index]
        if len(ends) > WRITTEN_OUT:
            yield loss_ledger(board, [*ends, total], inline("All terms"))
        yield Lines((), board.stream([total], writer.labels.of))
        return
    one_sum = adds_up(writer, terms)
    yield Lines(_all_terms(writer) if terms else (), board.stream(one.losses, writer.labels.of, one_sum), one_sum)


def adds_up(writer: Writer, terms: Sequence[int]) -> bool:
    """Whether the terms are one long sum, which then has running totals."""
    steps = writer.board.steps
    plain = all(not steps[p].target.index for p in terms)
    one_level = len({(steps[p].target.time is None, steps[p].target.sample is None) for p in terms}) == 1
    return len(terms) > WRITTEN_OUT and plain and one_level


def _all_terms(writer: Writer) -> Inline:
    return inline("All steps") if writer.recurrent and writer.samples is None else inline("All terms")
