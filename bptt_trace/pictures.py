"""Pictures of a network: boxes and arrows with the numbers of its lines.

Everything is found by role, name and what the steps use, so that a picture of
another cell needs nothing new. A value whose string is empty is not told: its
name stands alone, and a bar without a value has no height.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from bptt_trace.blackboard import Blackboard
from bptt_trace.desk import Desk, of_any_sample
from bptt_trace.formula import Sum, variables
from bptt_trace.names import BACKWARD, LOSS, Layer, Name, gradient
from bptt_trace.notation import Clock, clock_at
from bptt_trace.parts import Source, sources_of
from bptt_trace.program import Role
from bptt_trace.sheet import Bar, Bars, Edge, Grid, Inline, Math, Node, Picture, inline
from bptt_trace.wiring import Network

MOST_VALUES = 3
"""Components that are told; of longer vectors there is the name."""
MOST_STEPS = 4
"""Time steps that are drawn; of more of them the first two and the last two."""
MOST_PARAMETERS = 2
"""Parameters that are named at an arrow; of more of them the first and the last of each kind."""
ROOMY_STEPS = 2
"""Time steps up to which every arrow has the value of its parameter."""
MOST_BARS = 8
"""Bars that are drawn; of more time steps the first two and the last four."""
MOST_DIGITS = 8
"""Digits beyond which only the first and the last step are drawn."""
SHORT_FORMULA = 12
"""Signs of a formula that has room in a box."""


@dataclass(frozen=True)
class Quantity:
    """A name with the values that are told of it."""

    name: Math
    values: tuple[Math, ...] = ()
    remark: str = ""

    @property
    def equation(self) -> Math:
        """``h_1 = 0.5370``; the name alone without a value."""
        if not self.values:
            return self.name
        (value,) = self.values
        return Math(f"{self.name.text} = {value.text}", f"{self.name.latex} = {value.latex}")

    def told(self) -> Inline:
        """In a sentence: ``h_1 = (0.5370, 0.1236)``."""
        if len(self.values) < 2:
            return (self.equation,)
        return (self.name, " = (", *in_a_row(", ", [(value,) for value in self.values]), ")")


def in_a_row(separator: str, parts: Iterable[Inline]) -> Inline:
    """Parts with a separator between them."""
    joined: list[str | Math] = []
    for part in parts:
        joined += [separator, *part] if joined else part
    return tuple(joined)


def grid(quantities: Sequence[Quantity]) -> Grid:
    """One below the other; vectors side by side, with their components below their names."""
    high = max((len(one.values) for one in quantities), default=0)
    if high < 2:
        return tuple((((one.equation, f" {one.remark}") if one.remark else (one.equation,)),) for one in quantities)
    rows: list[tuple[Inline, ...]] = [tuple((one.name,) for one in quantities)]
    for place in range(high):
        rows.append(tuple((one.values[place],) if place < len(one.values) else () for one in quantities))
    return tuple(rows)


def digits_of(desk: Desk) -> int:
    """About how many digits a number of the sheet has."""
    rounding = desk.values.rounding
    return max(rounding.figures or 0, rounding.places or 0, 17 if rounding.policy == "full" else 0)


class Pencil:
    """Draws nodes and edges from the lines of one sample."""

    def __init__(self, desk: Desk, board: Desk | Blackboard) -> None:
        self.desk, self.board = desk, board
        self.network = desk.problem.network
        self.sample = self.network.numbers[0]
        self.nodes: dict[str, Node] = {}
        self.told: dict[str, list[Inline]] = {}
        """What the picture says in words, by the node that it is about."""
        self.edges: dict[tuple[str, str, str], Edge] = {}
        self.owner: dict[int, str] = {}
        """The node in which a line stands."""

    # ------------------------------------------------------------- quantities

    def name(self, position: int, clock: Clock = str) -> Math:
        """The name without its sample, which the title tells."""
        return self.desk.speller.math(of_any_sample(self.board.steps[position].target), clock)

    def quantity(self, position: int, most: int = MOST_VALUES, remark: str = "") -> Quantity:
        """Name and values of a line."""
        lines = self.board.lines(position)
        values = tuple(self.desk.value(line) for line in lines) if len(lines) <= most else ()
        return Quantity(self.name(position), values if all(value.text for value in values) else (), remark)

    def state(self, position: int) -> Quantity:
        """A state of a small picture shows what it is made by: ``h_1 = tanh(a_1) = 0.5370``."""
        one, step = self.quantity(position), self.board.steps[position]
        if self.board is not self.desk or self.sample is not None or self.desk.last_time > ROOMY_STEPS or step.rule is None:
            return one
        formula = self.desk.filled(step.rule, step.arguments)[0]
        if len(formula.text) > SHORT_FORMULA:
            return one
        return Quantity(Math(f"{one.name.text} = {formula.text}", f"{one.name.latex} = {formula.latex}"), one.values)

    def total(self, position: int) -> int | None:
        """The gradient of a line."""
        return self.board.find(gradient(self.board.steps[position].target))

    def sources(self, position: int) -> list[Source]:
        """The ways by which the gradient of a line arrives."""
        total = self.total(position)
        return [] if total is None else sources_of(self.board.program, total)

    # --------------------------------------------------------- parts of a step

    def step(self, time: int | None) -> tuple[list[list[int]], list[int]]:
        """The lines of each layer at a time, and those of the readout."""
        lines = self.board.parts.forward.at(time, self.sample)
        steps = self.board.steps
        if len(self.network.layers) > 1:
            return [[p for p in lines if steps[p].target.layer == layer] for layer in self.network.layers], [
                p for p in lines if steps[p].target.layer is None
            ]
        end = max((place for place, p in enumerate(lines) if steps[p].role is Role.HIDDEN), default=-1) + 1
        return [lines[:end]], lines[end:]

    def cells(self, time: int, layers: Sequence[Layer]) -> list[list[int]]:
        """The lines of these layers at a time."""
        of = dict(zip(self.network.layers, self.step(time)[0], strict=True))
        return [of[layer] for layer in layers]

    def layer(self, lines: Sequence[int]) -> Layer:
        """The layer of a cell."""
        return self.board.steps[lines[0]].target.layer

    def readout(self, time: int) -> list[int]:
        """The lines of the output at a time."""
        return self.step(time)[1]

    def kept(self, time: int, strand: _Strand) -> Kept:
        """The node and the lines of the last layer of a strand at a time."""
        lines = self.cells(time, strand.layers)[-1]
        return self.owner[lines[-1]], lines

    def inputs(self, lines: Iterable[int]) -> list[int]:
        """What comes into a cell from outside the layers: the input, and what is fed back."""
        steps = self.board.steps
        used = (argument for p in lines for argument in steps[p].arguments)
        return [p for p in dict.fromkeys(used) if steps[p].target.stem in ("x", "y", "target")]

    def shown(self, lines: Sequence[int]) -> tuple[list[int], list[int]]:
        """The pre-activation, where there is one only, and the states among the lines of a cell."""
        steps = self.board.steps
        before = [p for p in lines if steps[p].role is Role.PREACTIVATION]
        cell = self.network.cell_of(steps[lines[0]].target.layer)
        # Gates have a picture of their own; here there is room for what goes on from the cell.
        states = [p for p in lines if steps[p].target.stem in cell.state or (steps[p].role is Role.HIDDEN and not cell.gates)]
        return (before if len(before) == 1 else []), states

    def parameters(self, start: Iterable[int], end: Iterable[int]) -> list[int]:
        """What multiplies the lines of one node in those of another."""
        begun = set(start)
        found = (parameters for p in end for others, parameters in self.products(p) if begun & set(others))
        return list(dict.fromkeys(parameter for parameters in found for parameter in parameters))

    def biases(self, lines: Iterable[int]) -> list[int]:
        """Parameters that multiply nothing."""
        found = (parameters for p in lines for others, parameters in self.products(p) if not others)
        return list(dict.fromkeys(parameter for parameters in found for parameter in parameters))

    def products(self, position: int) -> Iterator[tuple[list[int], list[int]]]:
        """For each term of a line: the quantities in it, and the parameters."""
        step = self.board.steps[position]
        if step.rule is None:
            return
        formula = step.rule.formula
        for term in formula.terms if isinstance(formula, Sum) else (formula,):
            used = [step.arguments[variable.number] for variable in variables(term)]
            parameters = [p for p in used if self.board.steps[p].role is Role.PARAMETER]
            yield [p for p in used if p not in parameters], parameters

    def loss(self, time: int | None) -> int | None:
        """The loss of the prediction at a time."""
        if not self.network.predicts(time):
            return None
        names = [LOSS._replace(time=time, sample=self.sample)]
        if self.network.single or self.desk.last_time <= 1:
            names += [LOSS._replace(sample=self.sample), LOSS]
        return next((position for name in names if (position := self.board.find(name)) is not None), None)

    # --------------------------------------------------------- nodes and edges

    def node(
        self, place: tuple[int, int], lines: Sequence[int], shown: Sequence[Quantity], style: str, totals: Sequence[Quantity] = ()
    ) -> str:
        """A node for these lines; returns its id."""
        column, row = place
        key = f"{column}-{row}"
        self.nodes[key] = Node(key, column, row, grid(shown), style, grid(totals))
        self.told[key] = [one.told() for one in (*shown, *totals)]
        self.owner.update(dict.fromkeys(lines, key))
        return key

    def dots(self, column: int, row: int) -> str:
        """A node for what is left out."""
        key = f"{column}-{row}"
        self.nodes[key] = Node(key, column, row, ((("…",),),), "dots")
        self.told[key] = []
        return key

    def edge(self, start: str, end: str, kind: str, label: Grid = ()) -> None:
        """An arrow; a further label for the same arrow stands below the first."""
        known = self.edges.get((start, end, kind))
        self.edges[start, end, kind] = Edge(start, end, kind, (*known.label, *label) if known else label)

    def forward(self, start: str, end: str, parameters: Sequence[int], *, values: bool) -> None:
        """An arrow with its parameters; a matrix has its name only."""
        if len(parameters) > MOST_PARAMETERS:
            self.edge(start, end, "forward", grid(self.briefly(parameters)))
            return
        quantities = [self.quantity(p, 1 if values else 0) for p in parameters]
        self.edge(start, end, "forward", grid(quantities))

    def briefly(self, parameters: Sequence[int], clock: Clock = str) -> list[Quantity]:
        """Names of parameters, one each where there are few; of those of many gates the first and the last of a kind."""
        if len(parameters) <= MOST_PARAMETERS:
            return [Quantity(self.name(p, clock)) for p in parameters]
        kinds: dict[object, list[int]] = {}
        for p in parameters:
            kinds.setdefault(self._kind(p), []).append(p)
        found = []
        for one in kinds.values():
            first, last = self.name(one[0], clock), self.name(one[-1], clock)
            several = Math(f"{first.text}, ..., {last.text}", rf"{first.latex}, \dots, {last.latex}")
            found.append(Quantity(several if len(one) > 1 else first))
        return found

    def _kind(self, parameter: int) -> object:
        """What parameters of several gates have in common: the stem but for its last letters, and the shape."""
        step = self.board.steps[parameter]
        letter, _, rest = step.target.stem.partition("_")
        return letter, rest[:-1], step.shape

    def named_edge(self, start: str, end: str, parameters: Sequence[Quantity]) -> None:
        """An arrow with the names of its parameters, and what it says in words."""
        self.edge(start, end, "forward", grid(parameters))
        source: Inline = ("itself one step earlier",) if start == end else self.nodes[start].cells[-1][0]
        names = in_a_row(", ", [(one.name,) for one in parameters])
        self.told[end].append(("from ", *source, *((" by ", *names) if names else ())))

    def given(self, place: tuple[int, int], position: int | None) -> str | None:
        """A node for a given quantity."""
        if position is None:
            return None
        return self.node(place, [position], [self.quantity(position)], "given")

    def losses(self, place: tuple[int, int], time: int | None, below: str) -> str | None:
        """The node of the loss, and the arrow to it."""
        position = self.loss(time)
        if position is None:
            return None
        key = self.node(place, [position], [self.quantity(position)], "plain")
        self.edge(below, key, "forward")
        given = self.board.find(Name("target", time=time, sample=self.sample))
        if given is not None:
            target = self.quantity(given)
            rows = grid([target])
            if len(target.values) > 1:  # a vector lies on its side, so that the box is no higher than others
                texts = [value.text for value in target.values]
                row = Math(", ".join(texts), r",\ ".join(value.latex for value in target.values))
                rows = (((target.name,),), ((row,),))
            self.nodes[key] = replace(self.nodes[key], cells=(*self.nodes[key].cells, *rows))
            self.told[key].append(target.told())
        return key

    def arriving(self, position: int, named: bool, broad: bool, dots: str = "") -> None:
        """Arrows of the gradients that arrive at a state, each from the node by which it comes."""
        end = self.owner.get(position, dots)
        for source, through, said in self.sources(position):
            start = self.owner.get(through, dots)
            if not start or start == end:
                continue
            # What a decoder sends back to its encoder is carried over time too.
            kind, one = "carried" if said in ("carried", "from the decoder") else "direct", self.quantity(source)
            value = one.values
            if named:
                known = self.edges.get((start, end, kind))
                told = known is not None and ((said,),) in known.label
                label: Grid = grid([one]) if told else (((said,),), *grid([one]))
            elif broad and len(value) == 1:
                label = (((f"{said} ", value[0]),),)
            else:
                label = (((said,),), *(((one,),) for one in value))
            self.edge(start, end, kind, label)
            self.told[end].append((f"{said} ", *one.told()) if named else Quantity(Math(said, said), value).told())

    def picture(self, which: str, title: str, lead: str) -> Picture:
        """The picture, with what it says in words."""
        named = self.sample is not None and which != "rolled-up"
        sample = f" (sample {self.sample} of the batch)" if named else ""
        said = [in_a_row(", ", parts) for _, parts in sorted(self.told.items(), key=self._reading) if parts]
        alternative: Inline = (f"{lead}{sample}: ", *in_a_row("; ", said), ".")
        return Picture(which, (f"{title}{sample}",), tuple(self.nodes.values()), tuple(self.edges.values()), alternative)

    def _reading(self, item: tuple[str, list[Inline]]) -> tuple[int, int]:
        node = self.nodes[item[0]]
        return node.column, node.row


# ------------------------------------------------------------------ in time


def _times(desk: Desk, last: int) -> list[int]:
    """The time steps that are drawn."""
    digits = digits_of(desk)
    if last <= (ROOMY_STEPS if digits > MOST_DIGITS else MOST_STEPS):
        return list(range(1, last + 1))
    return [1, last] if digits > MOST_DIGITS else [1, 2, last - 1, last]


@dataclass(frozen=True)
class _Strand:
    """Layers that go through the same time steps together."""

    layers: tuple[Layer, ...]
    rows: tuple[int, ...]
    """The row of each layer."""
    columns: Mapping[int, int]
    """The column of each time step that is drawn."""
    below: int
    """The row of what the first layer reads."""
    onward: int = 1
    """1, or −1 for a layer that reads from the last step to the first."""

    @property
    def times(self) -> list[int]:
        """The time steps in the order of the calculation."""
        return sorted(self.columns, reverse=self.onward < 0)

    def gap(self, time: int) -> int | None:
        """The column of the dots before a step, where steps are left out."""
        later = self.times.index(time) > 0 and time - self.onward not in self.columns
        return self.columns[time] - self.onward if later else None

    def after(self, time: int) -> int | None:
        """The step that is drawn next."""
        place = self.times.index(time) + 1
        return self.times[place] if place < len(self.columns) else None


def _strands(pencil: Pencil) -> list[_Strand]:
    """One strand, or two: an encoder and a decoder behind each other, two directions above each other."""
    network, count = pencil.network, len(pencil.network.layers)
    if network.bidirectional:
        columns = _columns(_times(pencil.desk, pencil.desk.last_time))
        onward, back = ((layer,) for layer in network.layers)
        # The output stands between the directions, and what they read on both sides, so that each has it beside it.
        return [_Strand(onward, (1,), columns, 0), _Strand(back, (3,), columns, 4, -1)]
    if not network.source_steps:
        columns = _columns(_times(pencil.desk, pencil.desk.last_time))
        return [_Strand(network.layers, tuple(range(1, count + 1)), columns, 0)]
    rows = tuple(range(1, count // 2 + 1))
    source = _columns(_times(pencil.desk, network.source_steps))
    answer = _columns(_times(pencil.desk, pencil.desk.last_time), max(source.values()))
    return [_Strand(network.layers[: count // 2], rows, source, 0), _Strand(network.layers[count // 2 :], rows, answer, 0)]


def _columns(times: Sequence[int], last: int = 0) -> dict[int, int]:
    """A column for each time step, and one between them for the dots of those that are left out."""
    columns: dict[int, int] = {}
    for time in times:
        last += 2 if columns and time - 1 not in columns else 1
        columns[time] = last
    return columns


def drawable(network: Network) -> bool:
    """Whether every arrow of a network goes from a box to one beside it."""
    return not network.bidirectional or (len(network.layers) == 2 and network.every)


def unrolled(desk: Desk, board: Desk | Blackboard) -> Picture | None:
    """A recurrent network unrolled in time, with its values and, where there are any, its gradients."""
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
    return pencil.picture("unrolled", "The network, unrolled in time", "The network unrolled in time")


Kept = tuple[str, list[int]]
"""A node that carries a state on, and its lines."""


def _memory(pencil: Pencil, row: int, layer: Layer, strand: _Strand) -> Kept | None:
    """The state before the first step; before the last, where a layer reads from there."""
    stems, first = pencil.network.cell_of(layer).state, strand.times[0]
    time, column = first - strand.onward, strand.columns[first] - strand.onward
    found = [pencil.board.find(Name(stem, layer, time, (), pencil.sample)) for stem in stems]
    found = [p if p is not None else pencil.board.find(Name(s, layer, time)) for p, s in zip(found, stems, strict=True)]
    lines = [p for p in found if p is not None]
    return (pencil.node((column, row), lines, [pencil.quantity(p) for p in lines], "given"), lines) if lines else None


def _left_out(pencil: Pencil, column: int, rows: Sequence[int], before: Sequence[Kept | None]) -> list[Kept | None]:
    """Dots in every row that carries a state on."""
    after: list[Kept | None] = []
    for row, kept in zip(rows, before, strict=True):
        if kept is not None:
            dots = pencil.dots(column, row)
            pencil.edge(kept[0], dots, "forward")
            after.append((dots, []))
        else:
            after.append(None)
    return after


def _time_step(pencil: Pencil, strand: _Strand, time: int, before: Sequence[Kept | None], *, values: bool) -> list[Kept | None]:
    """The layers of a strand at a time step."""
    cells, column = pencil.cells(time, strand.layers), strand.columns[time]
    lines = pencil.inputs(cells[0])
    own = [p for p in lines if p not in pencil.owner]  # an output that is fed back stands where it is calculated
    key = pencil.node((column, strand.below), own, [pencil.quantity(p) for p in lines], "given") if lines else None
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


def _answers(pencil: Pencil, strands: Sequence[_Strand], time: int, *, values: bool) -> None:
    """Output and loss of a time step: above the last layer, or between two directions."""
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
    for one in strands:
        node, lines = pencil.kept(time, one)
        used = [*pencil.parameters(lines, readout), *(pencil.biases(readout) if one is strands[0] else [])]
        pencil.forward(node, key, used, values=values)


def _above(
    pencil: Pencil, time: int | None, place: tuple[int, int], below: Kept, readout: Sequence[int], *, values: bool
) -> None:
    """Output and loss of a time step."""
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
            pencil.told[key] += [one.told() for one in arrived]


def _gradients_of(pencil: Pencil, strand: _Strand, time: int) -> None:
    """The gradients that arrive at the states of a time step, and those that go on to steps that are left out."""
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
    here, hidden = (pencil.cells(one, strand.layers) for one in (time, time - strand.onward))
    for row, cell, left_out in zip(strand.rows, here, hidden, strict=True):
        for state in pencil.shown(left_out)[1]:
            for source, through, word in pencil.sources(state):
                if through in cell:
                    values = pencil.quantity(source).values
                    key = f"{strand.columns[time]}-{row}"
                    pencil.edge(key, f"{gap}-{row}", "carried", (((word,),), *(((v,),) for v in values)))


# ---------------------------------------------------------------- rolled up


def rolled_up(desk: Desk, board: Desk | Blackboard) -> Picture | None:
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
        if str(pencil.layer(cell)).startswith(BACKWARD):  # the output stands between the directions
            above, (key, lines) = 3, read(4, cell, clock)
        _, states = pencil.shown(cell)
        node = pencil.node((0, above), cell, [Quantity(pencil.name(p, clock)) for p in states], "state")
        if key is not None:
            pencil.named_edge(key, node, pencil.briefly(pencil.parameters(lines, once if network.first_only else cell), clock))
        stems = network.cell_of(pencil.layer(cell)).state
        found = (p for q in cell for p in board.steps[q].arguments if board.steps[p].target.stem in stems)
        earlier = [p for p in dict.fromkeys(found) if board.steps[p].target.time != time]
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
    return pencil.picture("rolled-up", "The network, rolled up", "The network with its state as a loop")


# ----------------------------------------------------------------- by layer


def by_layer(desk: Desk, board: Desk | Blackboard) -> Picture | None:
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
    return pencil.picture("layers", "The network, layer by layer", "The network layer by layer")


def _back_by_layer(pencil: Pencil, nodes: Sequence[Sequence[int]], loss: str | None) -> None:
    """The gradients that go from each node to the one before it."""
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


def gradient_flow(desk: Desk) -> Bars | None:
    """How much of an error at the last step is left at each earlier one: the products of the slopes between the states."""
    factors, last = desk.parts.factors, desk.last_time
    if not factors or last < 3 or desk.values.rounding.policy == "exact":
        return None
    end = desk.steps[factors[0]].target.of
    assert end is not None
    earlier = range(1, last)
    times = list(earlier) if last <= MOST_BARS else [1, 2, *earlier[-3:]]
    left = {time: desk.find(end._replace(time=time, of=end)) for time in times}
    products = {time: position for time, position in left.items() if position is not None}
    highest = max((abs(_number(desk, position)) for position in products.values()), default=Decimal(0))
    bars: list[Bar] = []
    for time, position in products.items():
        if bars and time - 1 not in times:
            bars.append(Bar(Math("…", r"\dots"), Math("", ""), dots=True))
        bars.append(_bar(desk, position, highest))
    title = inline("How far an error reaches back: what is left of an error at {end}", end=desk.speller.math(end))
    said = [Quantity(bar.name, (bar.value,) if bar.value.text else ()).told() for bar in bars if not bar.dots]
    alternative: Inline = ("What is left of an error at the last step: ", *in_a_row("; ", said), ".")
    return Bars("gradient-flow", title, tuple(bars), alternative)


def _number(desk: Desk, position: int) -> Decimal:
    """The number that is printed; 0 where none is."""
    try:
        return Decimal(desk.value(position).text)
    except InvalidOperation:
        return Decimal(0)


def _bar(desk: Desk, product: int, highest: Decimal) -> Bar:
    """One time step: the slope of the last state in this one, and the slope of the next in this one."""
    state = desk.steps[product].target
    assert state.time is not None
    value = desk.value(product)
    height = abs(_number(desk, product)) * 1000 / highest if highest else Decimal(0)
    after = state._replace(time=state.time + 1, of=None)
    step = desk.find(state._replace(of=after)) if after != state.of else None
    return Bar(
        name=desk.name(product),
        value=value,
        parts=(("carried", int(height.to_integral_value())),) if value.text else (),
        factor=desk.value(step) if step is not None else Math("", ""),
    )
