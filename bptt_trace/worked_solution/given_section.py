"""The given numbers: over time or over samples, parameters, and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_trace.document.mathematics import Number, Symbol
from bptt_trace.document.sentences import Inline, inline
from bptt_trace.document.sheet import Column, Table, turned
from bptt_trace.worked_solution import letters
from bptt_trace.worked_solution.given_tables import meaning_of
from bptt_trace.worked_solution.writer import Writer


def given(writer: Writer) -> Iterator[Table]:
    """The given numbers: over time or over samples, parameters, and the rest."""
    steps = writer.board.steps
    of_inputs = [p for p in writer.parts.given if steps[p].target.stem in ("x", "target", "mask")]
    if writer.desk.problem.network.letters:
        yield letters.reading(writer.desk, writer.board, writer.desk.problem.network.letters)
        of_inputs = []
    if writer.recurrent and of_inputs:
        for sample in writer.desk.problem.samples:
            yield _over_time(writer, [p for p in of_inputs if steps[p].target.sample == sample], sample)
        of_inputs = []
    elif writer.desk.problem.samples[0] is not None:
        yield _over_samples(writer, of_inputs)
        of_inputs = []
    others = [p for p in writer.parts.given if steps[p].target.stem not in ("x", "target", "mask")]
    rows = [_row(writer, position) for position in (*of_inputs, *writer.parts.parameters, *others)]
    yield Table((Column(inline("quantity")), Column(()), Column(inline("value"), right=True)), rows)


def _row(writer: Writer, position: int) -> tuple[Inline, ...]:
    return (
        (writer.board.name(position),),
        (meaning_of(writer.desk.problem.network, writer.board.steps[position].target, writer.update_of.rule),),
        (writer.board.value(position),),
    )


def _over_time(writer: Writer, positions: Sequence[int], sample: int | None) -> Table:
    board = writer.board
    names = dict.fromkeys(board.steps[p].target._replace(time=None) for p in positions)
    times = range(1, max(board.steps[p].target.time or 0 for p in positions) + 1)
    columns = [
        Column(inline("time {t}", t=Symbol("t"))),
        *(Column((writer.desk.speller.seen_from(name._replace(time=1), 1),), right=True) for name in names),
    ]
    rows: list[tuple[Inline, ...]] = []
    for time in times:
        cells = [board.find(name._replace(time=time)) for name in names]
        rows.append(((Number(time),), *(((board.value(cell),) if cell is not None else inline("none")) for cell in cells)))
    title: Inline = inline("Sample {sample}", sample=sample) if sample is not None else ()
    return turned(columns, rows, title) if len(rows) <= 10 else Table(tuple(columns), rows, title)


def _over_samples(writer: Writer, positions: Sequence[int]) -> Table:
    board = writer.board
    names = dict.fromkeys(board.steps[p].target._replace(sample=None) for p in positions)
    columns = [Column(inline("sample")), *(Column((writer.desk.speller.math(name),), right=True) for name in names)]
    rows: list[tuple[Inline, ...]] = []
    for sample in writer.desk.problem.samples:
        cells = [board.find(name._replace(sample=sample)) for name in names]
        rows.append(((str(sample),), *((board.value(cell),) if cell is not None else inline("none") for cell in cells)))
    return turned(columns, rows) if len(rows) <= 6 else Table(tuple(columns), rows)
