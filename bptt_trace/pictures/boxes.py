"""The parts of pictures: boxes, arrows, and the quantities in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bptt_trace.document.figures import Edge, Grid, Node, Picture
from bptt_trace.document.mathematics import Math, MathRow, Relation, between
from bptt_trace.document.notation import BESIDE
from bptt_trace.document.sentences import Inline, in_a_row, inline, row_of, say, together
from bptt_trace.engine.formula import Sum
from bptt_trace.engine.formula_walks import variables
from bptt_trace.engine.names import LOSS, Layer, Name, Role, gradient
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.parts_of_sheet import Source, sources_of
from bptt_trace.lines.rows import Rows, of_any_sample
from bptt_trace.lines.spelling import Clock
from bptt_trace.networks.forward_pass import Network

MOST_VALUES = 3
"""The largest number of components that are printed; a longer vector shows its name only."""


MOST_STEPS = 4
"""The largest number of time steps that are drawn; of more, the first two and the last two."""


MOST_PARAMETERS = 2
"""The largest number of parameters named at an arrow; of more, the first and the last of each kind."""


ROOMY_STEPS = 2
"""The largest number of time steps with the value of the parameter at every arrow."""


MOST_DIGITS = 8
"""With more digits in a number only the first and the last step are drawn."""


SHORT_FORMULA = 12
"""The largest number of characters of a formula in a box."""


@dataclass(frozen=True)
class Quantity:
    """A name with its printed values."""

    name: Math
    values: tuple[Math, ...] = ()
    remark: str = ""

    @property
    def equation(self) -> Math:
        """``h_1 = 0.5370``, or the name if there is no value."""
        if not self.values:
            return self.name
        (value,) = self.values
        return Relation(self.name, value)

    def told(self) -> Inline:
        """The quantity in a sentence: ``h_1 = (0.5370, 0.1236)``."""
        if len(self.values) < 2:
            return (self.equation,)
        return together(self.name, " = ", listed(self.values))


def listed(values: Sequence[Math]) -> Inline:
    """A value, or several in brackets."""
    return tuple(values) if len(values) == 1 else together("(", in_a_row(", ", values), ")")


def grid(quantities: Sequence[Quantity]) -> Grid:
    """Quantities one below the other; vectors side by side, with their components below their names."""
    high = max((len(quantity.values) for quantity in quantities), default=0)
    if high < 2:
        return tuple((((q.equation, row_of(" ", q.remark)) if q.remark else (q.equation,)),) for q in quantities)
    rows: list[tuple[Inline, ...]] = [tuple((quantity.name,) for quantity in quantities)]
    for component in range(high):
        rows.append(tuple((q.values[component],) if component < len(q.values) else () for q in quantities))
    return tuple(rows)


def digits_of(desk: Desk) -> int:
    """The approximate number of digits of a number on the sheet."""
    rounding = desk.values.rounding
    return max(rounding.places, rounding.most_digits, 17 if rounding.policy == "full" else 0)


class Pencil:
    """Draws nodes and edges from the lines of one sample."""

    def __init__(self, desk: Desk, board: Rows) -> None:
        self.desk, self.board = desk, board
        self.network = desk.problem.network
        self.sample = self.network.numbers[0]
        self.nodes: dict[str, Node] = {}
        self.told: dict[str, list[Inline]] = {}
        """The alternative text of each node."""
        self.edges: dict[tuple[str, str, str], Edge] = {}
        self.owner: dict[int, str] = {}
        """The node of each line."""

    # ------------------------------------------------------------- quantities

    def name(self, position: int, clock: Clock = str) -> Math:
        """The name without its sample, which is in the title."""
        return self.desk.speller.math(of_any_sample(self.board.steps[position].target), clock)

    def quantity(self, position: int, most: int = MOST_VALUES, remark: str = "") -> Quantity:
        """Name and values of a line."""
        lines = self.board.lines(position)
        values = tuple(self.desk.value(line) for line in lines) if len(lines) <= most else ()
        return Quantity(self.name(position), values if all(values) else (), remark)

    def state(self, position: int) -> Quantity:
        """A state; in a small picture with its formula: ``h_1 = tanh(a_1) = 0.5370``."""
        plain, step = self.quantity(position), self.board.steps[position]
        if self.board is not self.desk or self.sample is not None or self.desk.last_time > ROOMY_STEPS or step.rule is None:
            return plain
        formula = self.desk.filled(step.rule, step.arguments)[0]
        if formula.width > SHORT_FORMULA:
            return plain
        return Quantity(Relation(plain.name, formula), plain.values)

    def total(self, position: int) -> int | None:
        """The gradient of a line."""
        return self.board.find(gradient(self.board.steps[position].target))

    def sources(self, position: int) -> list[Source]:
        """The contributions to the gradient of a line."""
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
        end = max((number for number, p in enumerate(lines) if steps[p].role is Role.HIDDEN), default=-1) + 1
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

    def kept(self, time: int, strand: Strand) -> Kept:
        """The node and the lines of the last layer of a strand at a time."""
        lines = self.cells(time, strand.layers)[-1]
        return self.owner[lines[-1]], lines

    def inputs(self, lines: Iterable[int]) -> list[int]:
        """The inputs of a cell from outside the layers: x, and the quantity that is fed back."""
        steps = self.board.steps
        used = (argument for p in lines for argument in steps[p].arguments)
        return [p for p in dict.fromkeys(used) if steps[p].target.stem in ("x", "y", "target")]

    def shown(self, lines: Sequence[int]) -> tuple[list[int], list[int]]:
        """The pre-activation, if there is only one, and the states among the lines of a cell."""
        steps = self.board.steps
        before = [p for p in lines if steps[p].role is Role.PREACTIVATION]
        cell = self.network.cell_of(steps[lines[0]].target.layer)
        # Gates have a picture of their own; here there is room only for the states.
        states = [p for p in lines if steps[p].target.stem in cell.state or (steps[p].role is Role.HIDDEN and not cell.gates)]
        return (before if len(before) == 1 else []), states

    def parameters(self, start: Iterable[int], end: Iterable[int]) -> list[int]:
        """The parameters that multiply the lines of one node in the formulas of another."""
        begun = set(start)
        factors = (parameters for p in end for others, parameters in self.products(p) if begun & set(others))
        return list(dict.fromkeys(parameter for parameters in factors for parameter in parameters))

    def biases(self, lines: Iterable[int]) -> list[int]:
        """The biases in the formulas of these lines: parameters that multiply nothing."""
        summands = (parameters for p in lines for others, parameters in self.products(p) if not others)
        return list(dict.fromkeys(parameter for parameters in summands for parameter in parameters))

    def products(self, position: int) -> Iterator[tuple[list[int], list[int]]]:
        """The quantities and the parameters of each term of a line."""
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
        """Draw a node for these lines; return its id."""
        column, row = place
        key = f"{column}-{row}"
        self.nodes[key] = Node(key, column, row, grid(shown), style, grid(totals))
        self.told[key] = [quantity.told() for quantity in (*shown, *totals)]
        self.owner.update(dict.fromkeys(lines, key))
        return key

    def dots(self, column: int, row: int) -> str:
        """Draw the dots for time steps that are left out; return their id."""
        key = f"{column}-{row}"
        self.nodes[key] = Node(key, column, row, ((("…",),),), "dots")
        self.told[key] = []
        return key

    def edge(self, start: str, end: str, kind: str, label: Grid = ()) -> None:
        """Draw an arrow; a further label of the same arrow stands below the first."""
        known = self.edges.get((start, end, kind))
        self.edges[start, end, kind] = Edge(start, end, kind, (*known.label, *label) if known else label)

    def forward(self, start: str, end: str, parameters: Sequence[int], *, values: bool) -> None:
        """Draw a forward arrow with its parameters; a matrix shows its name only."""
        if len(parameters) > MOST_PARAMETERS:
            self.edge(start, end, "forward", grid(self.briefly(parameters)))
            return
        quantities = [self.quantity(p, 1 if values else 0) for p in parameters]
        self.edge(start, end, "forward", grid(quantities))

    def briefly(self, parameters: Sequence[int], clock: Clock = str) -> list[Quantity]:
        """The names of a few parameters, or of those of many gates the first and the last of each kind."""
        if len(parameters) <= MOST_PARAMETERS:
            return [Quantity(self.name(p, clock)) for p in parameters]
        kinds: dict[object, list[int]] = {}
        for p in parameters:
            kinds.setdefault(self._kind(p), []).append(p)
        names = []
        for members in kinds.values():
            first, last = self.name(members[0], clock), self.name(members[-1], clock)
            several = MathRow(first, ", ..., ", last)
            names.append(Quantity(several if len(members) > 1 else first))
        return names

    def _kind(self, parameter: int) -> object:
        """The kind of a parameter, common to all gates: its stem without the letter of the gate, and its shape."""
        step = self.board.steps[parameter]
        return step.target.letter, step.target.below[:-1], step.shape

    def named_edge(self, start: str, end: str, parameters: Sequence[Quantity]) -> None:
        """Draw an arrow with the names of its parameters, and add its alternative text."""
        self.edge(start, end, "forward", grid(parameters))
        source: Inline = inline("itself one step earlier") if start == end else self.nodes[start].cells[-1][0]
        names = in_a_row(", ", [parameter.name for parameter in parameters])
        by = inline("from {source} by {names}", source=source, names=names)
        self.told[end].append(by if names else inline("from {source}", source=source))

    def given(self, place: tuple[int, int], position: int | None) -> str | None:
        """Draw a node for a given quantity; return its id."""
        if position is None:
            return None
        return self.node(place, [position], [self.quantity(position)], "given")

    def losses(self, place: tuple[int, int], time: int | None, below: str) -> str | None:
        """Draw the node of the loss and the arrow to it; return its id."""
        position = self.loss(time)
        if position is None:
            return None
        key = self.node(place, [position], [self.quantity(position)], "plain")
        self.edge(below, key, "forward")
        given = self.board.find(Name("target", time=time, sample=self.sample))
        if given is not None:
            target = self.quantity(given)
            rows = grid([target])
            if len(target.values) > 1:  # a vector is written as a row, so that the box is no higher than others
                row = MathRow(*between(BESIDE, target.values))
                rows = (((target.name,),), ((row,),))
            self.nodes[key] = replace(self.nodes[key], cells=(*self.nodes[key].cells, *rows))
            self.told[key].append(target.told())
        return key

    def arriving(self, position: int, named: bool, broad: bool, dots: str = "") -> None:
        """Draw the gradients that arrive at a state, each from the node through which it comes."""
        end = self.owner.get(position, dots)
        for source, through, said in self.sources(position):
            start = self.owner.get(through, dots)
            if not start or start == end:
                continue
            # The gradient from a decoder to its encoder is carried over time too.
            kind, gradient = "carried" if said in ("carried", "from the decoder") else "direct", self.quantity(source)
            values = gradient.values
            if named:
                known = self.edges.get((start, end, kind))
                told = known is not None and ((said,),) in known.label
                label: Grid = grid([gradient]) if told else (((said,),), *grid([gradient]))
            elif broad and len(values) == 1:
                label = (((row_of(said, " "), values[0]),),)
            else:
                label = (((said,),), *(((value,),) for value in values))
            self.edge(start, end, kind, label)
            words = (" ", gradient.told()) if named else (" = ", listed(values)) if values else ()
            self.told[end].append(together(said, *words))

    def picture(self, which: str, title: str, lead: str) -> Picture:
        """The picture with its alternative text."""
        named = self.sample is not None and which != "rolled-up"
        sample = say(" (sample {sample} of the batch)", sample=self.sample) if named else ""
        said = [in_a_row(", ", parts) for _, parts in sorted(self.told.items(), key=self._reading) if parts]
        alternative = together(lead, sample, ": ", in_a_row(say("; "), said), say("."))
        return Picture(which, together(title, sample), tuple(self.nodes.values()), tuple(self.edges.values()), alternative)

    def _reading(self, item: tuple[str, list[Inline]]) -> tuple[int, int]:
        node = self.nodes[item[0]]
        return node.column, node.row


def drawn_times(desk: Desk, last: int) -> list[int]:
    """The time steps that are drawn."""
    digits = digits_of(desk)
    if last <= (ROOMY_STEPS if digits > MOST_DIGITS else MOST_STEPS):
        return list(range(1, last + 1))
    return [1, last] if digits > MOST_DIGITS else [1, 2, last - 1, last]


@dataclass(frozen=True)
class Strand:
    """Layers that take their time steps together."""

    layers: tuple[Layer, ...]
    rows: tuple[int, ...]
    """The row of each layer."""
    columns: Mapping[int, int]
    """The column of each time step that is drawn."""
    below: int
    """The row of the input of the first layer."""
    onward: int = 1
    """1, or −1 for a layer that reads from the last step to the first."""

    @property
    def times(self) -> list[int]:
        """The time steps in the order of the calculation."""
        return sorted(self.columns, reverse=self.onward < 0)

    def gap(self, time: int) -> int | None:
        """The column of the dots before a time step, if steps are left out there."""
        later = self.times.index(time) > 0 and time - self.onward not in self.columns
        return self.columns[time] - self.onward if later else None

    def after(self, time: int) -> int | None:
        """The next time step that is drawn."""
        number = self.times.index(time) + 1
        return self.times[number] if number < len(self.columns) else None


def columns_of(times: Sequence[int], last: int = 0) -> dict[int, int]:
    """A column for each time step, and one for the dots between them."""
    columns: dict[int, int] = {}
    for time in times:
        last += 2 if columns and time - 1 not in columns else 1
        columns[time] = last
    return columns


def drawable(network: Network) -> bool:
    """Whether every arrow of a network goes to a neighbouring box."""
    if network.tokens or network.attention:
        return False  # the map of the weights shows which token looks at which
    return not network.bidirectional or (len(network.layers) == 2 and network.every)


Kept = tuple[str, list[int]]
"""The id of a node that carries a state on, and its lines."""
