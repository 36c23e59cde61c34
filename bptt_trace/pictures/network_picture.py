"""Pictures of a network: boxes and arrows with the numbers of its lines.

Nodes and arrows follow from roles, names and the arguments of the steps, so a
new cell needs no code here. A value whose text is empty is left out: its name
stands alone, and its bar has no height.
"""

from __future__ import annotations

from collections.abc import Sequence

from bptt_trace.document.figures import Picture
from bptt_trace.document.sentences import say
from bptt_trace.engine.names import BACKWARD, Layer, Name, layer_word
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.rows import Rows
from bptt_trace.lines.spelling import Clock, clock_at
from bptt_trace.pictures.boxes import ROOMY_STEPS, Kept, Pencil, Quantity, Strand, columns_of, drawable, drawn_times, grid

MOST_BARS = 8
"""The largest number of bars; of more time steps the first two and the last four."""


# ------------------------------------------------------------------ in time


def _strands(pencil: Pencil) -> list[Strand]:
    """One strand, or two: an encoder left of its decoder, or one direction above the other."""
    network, count = pencil.network, len(pencil.network.layers)
    if network.bidirectional:
        columns = columns_of(drawn_times(pencil.desk, pencil.desk.last_time))
        onward, back = ((layer,) for layer in network.layers)
        # The output stands between the two directions, and the input on both sides, so that each is beside both.
        return [Strand(onward, (1,), columns, 0), Strand(back, (3,), columns, 4, -1)]
    if not network.source_steps:
        columns = columns_of(drawn_times(pencil.desk, pencil.desk.last_time))
        return [Strand(network.layers, tuple(range(1, count + 1)), columns, 0)]
    rows = tuple(range(1, count // 2 + 1))
    source = columns_of(drawn_times(pencil.desk, network.source_steps))
    answer = columns_of(drawn_times(pencil.desk, pencil.desk.last_time), max(source.values()))
    return [Strand(network.layers[: count // 2], rows, source, 0), Strand(network.layers[count // 2 :], rows, answer, 0)]


def unrolled(desk: Desk, board: Rows) -> Picture | None:
    """A recurrent network unrolled in time, with its values and gradients."""
    if not desk.last_time or desk.values.rounding.policy == "exact" or not drawable(desk.problem.network):
        return None
    pencil = Pencil(desk, board)
    strands = _strands(pencil)
    before: list[Kept | None] = []
    for strand in strands:
        if strand is strands[0] or strand.onward < 0:
            before = [_memory(pencil, row, layer, strand) for row, layer in zip(strand.rows, strand.layers, strict=True)]
        for time in strand.times:
            gap = strand.gap(time)
            if gap is not None:
                before = _left_out(pencil, gap, strand.rows, before)
            values = time == strand.times[0] or desk.last_time <= ROOMY_STEPS
            before = _time_step(pencil, strand, time, before, values=values)
            if strand is strands[-1]:
                _answers(pencil, strands, time, values=time == 1 or desk.last_time <= ROOMY_STEPS)
    for strand in strands:
        for time in strand.times:
            _gradients_of(pencil, strand, time)
    return pencil.picture("unrolled", say("The network, unrolled in time"), say("The network unrolled in time"))


def _memory(pencil: Pencil, row: int, layer: Layer, strand: Strand) -> Kept | None:
    """Draw the initial state: before the first step, or after the last for a layer that reads backward."""
    stems, first = pencil.network.cell_of(layer).state, strand.times[0]
    time, column = first - strand.onward, strand.columns[first] - strand.onward
    states = [pencil.board.find(Name(stem, layer, time, (), pencil.sample)) for stem in stems]
    states = [p if p is not None else pencil.board.find(Name(s, layer, time)) for p, s in zip(states, stems, strict=True)]
    lines = [p for p in states if p is not None]
    return (pencil.node((column, row), lines, [pencil.quantity(p) for p in lines], "given"), lines) if lines else None


def _left_out(pencil: Pencil, column: int, rows: Sequence[int], before: Sequence[Kept | None]) -> list[Kept | None]:
    """Draw dots in every row that carries a state on."""
    after: list[Kept | None] = []
    for row, kept in zip(rows, before, strict=True):
        if kept is not None:
            dots = pencil.dots(column, row)
            pencil.edge(kept[0], dots, "forward")
            after.append((dots, []))
        else:
            after.append(None)
    return after


def _time_step(pencil: Pencil, strand: Strand, time: int, before: Sequence[Kept | None], *, values: bool) -> list[Kept | None]:
    """Draw the layers of a strand at a time step."""
    cells, column = pencil.cells(time, strand.layers), strand.columns[time]
    lines = pencil.inputs(cells[0])
    new = [p for p in lines if p not in pencil.owner]  # an output that is fed back has its node where it is calculated
    key = pencil.node((column, strand.below), new, [pencil.quantity(p) for p in lines], "given") if lines else None
    kept: list[Kept | None] = []
    for row, cell, memory in zip(strand.rows, cells, before, strict=True):
        pre, states = pencil.shown(cell)
        totals = [
            pencil.quantity(total, remark="(sum)" if pencil.board.steps[total].through is None else "")
            for p in (*states, *pre)
            if (total := pencil.total(p)) is not None
        ]
        shown = [*map(pencil.quantity, pre), *map(pencil.state, states)]
        node = pencil.node((column, row), cell, shown, "state", totals)
        biases = pencil.biases(cell)
        if key is not None:
            pencil.forward(key, node, [*pencil.parameters(lines, cell), *biases], values=values)
            biases = []
        if memory is not None:
            pencil.forward(memory[0], node, [*pencil.parameters(memory[1], cell), *biases], values=values)
        key, lines = node, cell
        kept.append((node, cell))
    return kept


def _answers(pencil: Pencil, strands: Sequence[Strand], time: int, *, values: bool) -> None:
    """Draw output and loss of a time step: above the last layer, or between two directions."""
    strand, readout = strands[-1], pencil.readout(time)
    column = strand.columns[time]
    if strand.onward > 0:
        _above(pencil, time, (column, strand.rows[-1] + 1), pencil.kept(time, strand), readout, values=values)
        return
    loss = pencil.loss(time)
    target = pencil.board.find(Name("target", time=time, sample=pencil.sample))
    shown = [readout[0], readout[-1]] if len(readout) > 1 else readout
    quantities = [pencil.quantity(p) for p in (*shown, *(p for p in (target, loss) if p is not None))]
    arrived = [pencil.quantity(total) for p in shown[::-1] if (total := pencil.total(p)) is not None]
    key = pencil.node((column, 2), [*readout, *([loss] if loss is not None else [])], quantities, "plain", arrived)
    for strand in strands:
        node, lines = pencil.kept(time, strand)
        used = [*pencil.parameters(lines, readout), *(pencil.biases(readout) if strand is strands[0] else [])]
        pencil.forward(node, key, used, values=values)


def _above(
    pencil: Pencil, time: int | None, place: tuple[int, int], below: Kept, readout: Sequence[int], *, values: bool
) -> None:
    """Draw output and loss of a time step above a layer."""
    (key, lines), (column, row) = below, place
    if readout:
        shown = [readout[0], readout[-1]] if len(readout) > 1 else readout
        output = pencil.node(place, readout, [pencil.quantity(p) for p in shown], "plain")
        pencil.forward(key, output, [*pencil.parameters(lines, readout), *pencil.biases(readout)], values=values)
        key = output
    loss = pencil.losses((column, row + 1), time, key)
    if loss is not None and readout:
        arrived = [pencil.quantity(total) for p in shown[::-1] if (total := pencil.total(p)) is not None]
        if arrived:
            pencil.edge(loss, key, "direct", grid(arrived))
            pencil.told[key] += [quantity.told() for quantity in arrived]


def _gradients_of(pencil: Pencil, strand: Strand, time: int) -> None:
    """Draw the gradients that arrive at the states of a time step, and those to steps that are left out."""
    network = pencil.network
    broad = max(pencil.desk.last_time, network.source_steps or 0) <= ROOMY_STEPS
    gap, after = strand.gap(time), strand.after(time)
    dots = strand.gap(after) if after is not None else None
    for row, cell in zip(strand.rows, pencil.cells(time, strand.layers), strict=True):
        _, states = pencil.shown(cell)
        for state in states:
            pencil.arriving(state, len(states) > 1, broad, f"{dots}-{row}" if dots is not None else "")
    if gap is None:
        return
    here, hidden = (pencil.cells(moment, strand.layers) for moment in (time, time - strand.onward))
    for row, cell, left_out in zip(strand.rows, here, hidden, strict=True):
        for state in pencil.shown(left_out)[1]:
            for source, through, word in pencil.sources(state):
                if through in cell:
                    values = pencil.quantity(source).values
                    key = f"{strand.columns[time]}-{row}"
                    pencil.edge(key, f"{gap}-{row}", "carried", (((word,),), *(((v,),) for v in values)))


# ---------------------------------------------------------------- rolled up


def rolled_up(desk: Desk, board: Rows) -> Picture | None:
    """A recurrent network with its states as loops, and names only."""
    if not desk.last_time or desk.values.rounding.policy == "exact":
        return None
    pencil = Pencil(desk, board)
    network, last = pencil.network, desk.last_time
    if network.source_steps or not drawable(network):
        return None
    time = min(2, last)
    cells = pencil.step(time)[0]
    readout = pencil.readout(time) or (pencil.readout(last) if network.predicts(last) else [])
    clock = clock_at(time)

    def read(row: int, cell: Sequence[int], clock: Clock) -> tuple[str | None, list[int]]:
        lines = pencil.inputs(cell)
        told = [Quantity(pencil.name(p, clock)) for p in lines]
        return (pencil.node((0, row), lines, told, "given") if lines else None), lines

    first = pencil.step(1)[0]
    key, lines = read(0, first[0] if network.first_only else cells[0], str if network.first_only else clock)
    above, seen = 1, list(cells[-1])
    for cell, once in zip(cells, first, strict=True):
        if layer_word(pencil.layer(cell)) == BACKWARD:  # the output stands between the directions
            above, (key, lines) = 3, read(4, cell, clock)
        _, states = pencil.shown(cell)
        node = pencil.node((0, above), cell, [Quantity(pencil.name(p, clock)) for p in states], "state")
        if key is not None:
            pencil.named_edge(key, node, pencil.briefly(pencil.parameters(lines, once if network.first_only else cell), clock))
        stems = network.cell_of(pencil.layer(cell)).state
        used = (p for q in cell for p in board.steps[q].arguments if board.steps[p].target.stem in stems)
        earlier = [p for p in dict.fromkeys(used) if board.steps[p].target.time != time]
        pencil.named_edge(node, node, pencil.briefly(pencil.parameters(earlier, cell), clock))
        key, lines, above = node, cell, above + 1
    if readout:
        at = board.steps[readout[-1]].target.time or last
        told = [Quantity(pencil.name(readout[-1], clock_at(at, "t" if network.every else "T")))]
        output = pencil.node((0, 2 if network.bidirectional else above), readout, told, "plain")
        if not network.every:
            seen = pencil.step(last)[0][-1]
        for cell in cells if network.bidirectional else [seen]:
            node = pencil.owner.get(cell[-1]) or pencil.owner[cells[-1][-1]]
            pencil.named_edge(node, output, pencil.briefly(pencil.parameters(cell, readout), clock))
    return pencil.picture("rolled-up", say("The network, rolled up"), say("The network with its state as a loop"))


# ----------------------------------------------------------------- by layer


def by_layer(desk: Desk, board: Rows) -> Picture | None:
    """A feedforward network from its input to its loss, with its values and its gradients."""
    if desk.last_time or desk.values.rounding.policy == "exact":
        return None
    pencil = Pencil(desk, board)
    cells, readout = pencil.step(None)
    x = board.find(Name("x", sample=pencil.sample))
    key, lines = pencil.given((0, 0), x), [x] if x is not None else []
    column = 0
    for column, cell in enumerate(cells, 1):
        pre, states = pencil.shown(cell)
        totals = [pencil.quantity(total) for p in pre if (total := pencil.total(p)) is not None]
        node = pencil.node((column, 0), cell, [*map(pencil.quantity, pre), *map(pencil.quantity, states)], "state", totals)
        if key is not None:
            pencil.forward(key, node, [*pencil.parameters(lines, cell), *pencil.biases(cell)], values=True)
        key, lines = node, cell
    assert key is not None
    hidden = key
    if readout:
        shown = [readout[0], readout[-1]] if len(readout) > 1 else readout
        between = [pencil.quantity(total) for p in shown[:-1] if (total := pencil.total(p)) is not None]
        key = pencil.node((column + 1, 0), readout, [pencil.quantity(p) for p in shown], "plain", between)
        pencil.forward(hidden, key, [*pencil.parameters(lines, readout), *pencil.biases(readout)], values=True)
    loss = pencil.losses((column + 2, 0), None, key)
    _back_by_layer(pencil, [*cells, *([readout] if readout else [])], loss)
    return pencil.picture("layers", say("The network, layer by layer"), say("The network layer by layer"))


def _back_by_layer(pencil: Pencil, nodes: Sequence[Sequence[int]], loss: str | None) -> None:
    """Draw the gradients from each node to the one before it."""
    after = loss
    for lines in nodes[::-1]:
        node = pencil.owner[lines[-1]]
        total = pencil.total(lines[-1])
        if total is not None and after is not None:
            arrived = pencil.quantity(total)
            pencil.edge(after, node, "direct", grid([arrived]))
            pencil.told[node].append(arrived.told())
        elif after is not None and any(pencil.total(p) is not None for p in lines):
            pencil.edge(after, node, "direct")
        after = node


# ------------------------------------------------------------ gradient flow
