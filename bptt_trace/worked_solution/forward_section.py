"""The forward pass: its formulas, then its lines step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bptt_trace.document.mathematics import Symbol
from bptt_trace.document.sentences import Inline, inline, say, to_say
from bptt_trace.document.sheet import Block, Equation, Equations, Lines, Part, Table
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Moment, Step
from bptt_trace.engine.rules import Rule, of_any_letter
from bptt_trace.lines.parts_of_sheet import Parts, Pass, by_track
from bptt_trace.lines.spelling import clock_at
from bptt_trace.pictures import attention_map, cell_picture, network_picture
from bptt_trace.worked_solution import attention_weights, forward_notes, letters
from bptt_trace.worked_solution.step_tables import ledger
from bptt_trace.worked_solution.summary import ONE_BLOCK_FROM
from bptt_trace.worked_solution.writer import EXPLAINED_STEPS, Writer, every_step


def forward(writer: Writer) -> Iterator[Block]:
    """The forward pass."""
    steps = writer.parts.forward.steps
    if not steps:
        return
    yield from ahead(writer, writer.parts)
    lead = _lead(writer)
    yield from writer.picture(network_picture.rolled_up)
    if not writer.graph:  # its equations already have the lines
        yield Equations(lead, tuple(_equations(writer)))
    yield from _lines(writer, steps)
    if writer.attention and not writer.compact:
        yield from attention_weights.table(writer.desk)
    if writer.attention:
        yield from writer.picture(lambda desk, _: attention_map.weights(desk))
    if writer.desk.problem.network.letters and not writer.compact:
        yield from letters.predicted(writer.desk, writer.desk.problem.network.letters)
    yield from writer.picture(cell_picture.cell)
    if not writer.parts.backward:
        yield from writer.network()


def ahead(writer: Writer, parts: Parts) -> Iterator[Block]:
    """The lines of the point at which an optimizer that looks ahead takes the gradient."""
    if parts.ahead:
        yield Lines(inline("Where the gradient is taken"), writer.board.stream(parts.ahead, writer.labels.of))


def _lead(writer: Writer) -> Inline:
    """The order in which the formulas are evaluated."""
    network = writer.desk.problem.network
    every = writer.samples is not None
    if not writer.recurrent:
        return inline("For every sample, in this order:") if every else inline("In this order:")
    if network.source_steps:
        pattern = to_say("For every step {t} of the encoder, then for every step of the decoder:")
        of_each = to_say("For every sample and every step {t} of the encoder, then for every step of the decoder:")
    elif network.bidirectional:
        pattern = to_say(
            "For every step {t}, from the first to the last where a layer reads forward, from the last to the first where it "
            "reads backward; then what needs both:"
        )
        of_each = to_say(
            "For every sample and every step {t}, from the first to the last where a layer reads forward, from the last to the "
            "first where it reads backward; then what needs both:"
        )
    else:
        pattern, of_each = (
            to_say("For every step {t}, in this order:"),
            to_say("For every sample and every step {t}, in this order:"),
        )
    return inline(of_each if every else pattern, t=Symbol("t"))


def _lines(writer: Writer, steps: Mapping[Moment, Sequence[int]]) -> Iterator[Block]:
    board = writer.board
    if len(steps) > ONE_BLOCK_FROM and not writer.on_ledger:
        yield writer.all_steps(steps)
        return
    for moment in writer.in_full(list(steps)):
        yield Lines(writer.title(moment), board.stream(steps[moment], writer.labels.of))
        if moment.time is not None and moment.time <= EXPLAINED_STEPS:
            yield from writer.said(forward_notes.memory, writer.desk, moment.time)
            if moment.sample in (None, 1):
                yield from writer.said(forward_notes.gates, writer.desk, moment)
        if moment.sample in (None, 1) and any(board.steps[p].role is Role.OUTPUT for p in steps[moment]):
            yield from writer.said(forward_notes.probabilities, writer.desk, moment)
    if writer.on_ledger:
        yield from ledgers(writer, writer.parts.forward)


def _equations(writer: Writer) -> Iterator[Equation]:
    """The formulas of a step in t; formulas of the first or the last step alone have 1 or T."""
    for track in by_track(writer.parts.forward.steps).values():
        yield from _equations_of(writer, [lines for moment, lines in track.items() if moment.sample in (None, 1)])


def _equations_of(writer: Writer, groups: Sequence[Sequence[int]]) -> Iterator[Equation]:
    steps = writer.board.steps
    model = groups[min(1, len(groups) - 1)] if len(groups) > 2 or writer.desk.problem.network.every else groups[0]
    usual = {steps[position].target._replace(time=None): _general_rule(steps[position]) for position in model}
    written: set[tuple[Name, Rule | None]] = set()
    attended: set[str] = set()
    if len(groups) == 1 and steps[model[0]].target.time not in (None, 1):
        model = []  # what is done at the last step only
    for lines, symbol in ((groups[0], "1"), (model, "t"), (groups[-1], "T")) if model else ((groups[-1], "T"),):
        for position in lines:
            form = steps[position].target._replace(time=None), _general_rule(steps[position])
            if writer.attention and (equation := writer.attention.forward(form[0].stem)):
                if form[0].stem not in attended:
                    yield equation
                attended.add(form[0].stem)
                continue
            if form in written or (symbol != "t" and usual.get(form[0]) is form[1]):
                continue
            after_the_first = symbol == "t" and form[0] in {name for name, _ in written}
            written.add(form)
            yield _equation(writer, position, symbol, say("from step 2 on") if after_the_first else "")


def _equation(writer: Writer, position: int, symbol: str, remark: str) -> Equation:
    """The formula of a line with its time written as a letter, or with ``1`` as the number it is."""
    time = writer.board.steps[position].target.time
    clock = str if time is None or symbol == "1" else clock_at(time, symbol)
    left, right = writer.board.general(position, clock)
    return Equation(left, (Part(right),), remark)


def ledgers(writer: Writer, one: Pass) -> Iterator[Table]:
    """A row for each time step; a table for each sample."""
    for sample in writer.desk.problem.network.numbers:
        groups = {m.time: list(lines) for m, lines in one.steps.items() if m.sample == sample and m.time is not None}
        for position in one.losses:
            target = writer.board.steps[position].target
            if target.time is not None and target.sample == sample:
                groups[target.time].append(position)
        yield ledger(writer.board, groups, (every_step(sample),))


def _general_rule(step: Step) -> Rule | None:
    """The rule of a step, as it holds at every time."""
    return of_any_letter(step.rule) if step.rule else None
