"""The slopes between states and their products."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.mathematics import Number, Symbol
from bptt_trace.document.sentences import Inline, inline, say
from bptt_trace.document.sheet import Block, Column, Equation, Equations, Lines, Paragraph, Part, Table
from bptt_trace.lines.spelling import clock_at
from bptt_trace.pictures import gradient_bars
from bptt_trace.worked_solution import backward_notes
from bptt_trace.worked_solution.writer import Writer


def memory(writer: Writer) -> Iterator[Block]:
    """The slopes between states and their products."""
    desk, factors = writer.desk, writer.desk.parts.factors
    if not factors:
        return
    digits = (
        say(
            " Factors are kept to {figures}: with decimals a product of many would print as 0.",
            figures=desk.values.rounding.of_products.words,
        )
        if desk.values.rounding.policy in ("by_hand", "carry")
        else ""
    )
    whole = inline(
        "A small change of one state reaches the next multiplied by the slope between them; "
        "over several steps the slopes multiply.{digits}",
        digits=digits,
    )
    yield Paragraph(whole)
    clock = clock_at(desk.steps[desk.steps[factors[0]].through or 0].target.time or 0)
    left, right = desk.general(factors[0], clock)
    yield Equations((), (Equation(left, (Part(right),)),))
    if writer.on_ledger:
        yield _ledger(writer)
    else:
        yield Lines(inline("From the last step back"), desk.stream(factors, writer.labels.factor))
    yield from writer.picture(lambda desk, _: gradient_bars.gradient_flow(desk))
    yield from writer.said(backward_notes.reach, desk, desk.parts)


def _ledger(writer: Writer) -> Table:
    desk = writer.desk
    first = desk.steps[desk.parts.factors[0]].target
    end, last = first._replace(time=desk.last_time, of=None), desk.last_time
    columns = (
        Column((Symbol("t"),), right=True),
        Column((desk.speller.seen_from(end, last),), right=True),
        Column((desk.speller.seen_from(first, last),), right=True),
        Column(inline("product back from T"), right=True, strong=True),
        Column(inline("lines")),
    )
    rows: list[tuple[Inline, ...]] = []
    for time in range(last, 1, -1):
        state, before = (end._replace(time=t) for t in (time, time - 1))
        positions = [desk.find(before._replace(of=state)), desk.find(before._replace(of=end))]
        shown = [desk.result(p) for p in positions if p is not None]
        lines = dict.fromkeys(str(desk.line_of[p]) for p in positions if p is not None)
        at = desk.find(state)
        assert at is not None
        rows.append(((Number(time),), (desk.value(at),), (shown[0],), (shown[-1],), (", ".join(lines),)))
    return Table(columns, rows, inline("All steps"))
