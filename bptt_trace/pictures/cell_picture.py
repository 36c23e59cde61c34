"""The picture of a cell: one time step as a graph of its lines, with the numbers of that step.

It is told by the program alone: a line is a box, what its formula does on the
way is an operation (``*``, ``+``, a function), an arrow is a use. Weighted sums
are not taken apart: what they read goes straight into the box, which has the
pre-activation and its function together. No cell is known by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_trace.document.figures import Edge, Grid, Node, Picture
from bptt_trace.document.mathematics import Inline, Math
from bptt_trace.engine.formula import (
    ONE,
    Apply,
    Const,
    Extreme,
    Formula,
    MatMul,
    Neg,
    Over,
    Power,
    Stack,
    Sum,
    Times,
    Var,
    children,
    variables,
)
from bptt_trace.engine.names import ENCODER, Role
from bptt_trace.lines.matrix_rows import Blackboard
from bptt_trace.lines.rows import Desk
from bptt_trace.pictures.boxes import MOST_DIGITS, MOST_VALUES, Pencil, digits_of, grid, in_a_row
from bptt_trace.pictures.cell_grid import Tracks

TIMES = Math("*", r"\cdot")
"""In a ring it reads as the sign for products of entries."""
EXIT = "exit"
"""What the places are called at which a state leaves the picture."""


def cell(desk: Desk, board: Desk | Blackboard) -> Picture | None:
    """A time step of a cell with gates, where the network has one; of the first layer and the first sample."""
    network = desk.problem.network
    if not desk.last_time or desk.values.rounding.policy == "exact" or not network.cells[0].gates:
        return None
    last = network.source_steps if str(network.layers[0]).startswith(ENCODER) else desk.last_time
    # The second step: what it carries in is a result, and not the zeros of a usual beginning; longer ones look alike.
    time = min(2, last or 1)
    pencil = Pencil(desk, board)
    lines = pencil.step(time)[0][0]
    return _Sketch(pencil, lines, network.cells[0].state).picture(time) if lines else None


class _Sketch:
    """The nodes of a cell and their arrows, found by walking from its states back to what they are made of."""

    def __init__(self, pencil: Pencil, lines: Sequence[int], state: Sequence[str]) -> None:
        self.pencil, self.steps = pencil, pencil.board.steps
        self.most = 0 if digits_of(pencil.desk) > MOST_DIGITS else MOST_VALUES
        self.lines = set(lines)
        self.states = [p for p in lines if self.steps[p].target.stem in state]
        self.cells: dict[str, Grid] = {}
        self.styles: dict[str, str] = {}
        self.sources: dict[str, list[str]] = {}
        """The nodes that each node uses, in the order of its formula."""
        self.operations: dict[Formula, str] = {}
        self.told: list[Inline] = []
        self.inside = dict(self._inside(lines))
        for position in self.states:
            self.line(position)

    def _inside(self, lines: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Lines whose result is a function of one pre-activation that nothing else in the cell uses, with that one."""
        used = [argument for line in lines for argument in self.steps[line].arguments]
        for line in lines:
            match self._formula(line):
                case Apply(_, Var(number)) if self.steps[number].role is Role.PREACTIVATION and used.count(number) == 1:
                    yield line, number
                case _:
                    pass

    def _formula(self, position: int) -> Formula:
        formula = self.steps[position].formula
        assert formula is not None
        return formula

    # ------------------------------------------------------------------ nodes

    def node(self, key: str, cells: Grid, style: str, sources: Sequence[str] = ()) -> str:
        """A node, after all that it uses."""
        self.cells[key], self.styles[key] = cells, style
        self.sources[key] = list(dict.fromkeys(sources))
        return key

    def line(self, position: int) -> str:
        """The box of a line of the cell, or of what comes into it."""
        key = str(position)
        if key in self.cells:
            return key
        if position not in self.lines:
            return self.node(key, self.told_as([position]), "given")
        shown, formula = [position], self._formula(position)
        head: Grid = ()
        if isinstance(formula, Apply):
            head = (((_applied(formula),),),)
            formula = formula.argument
            if position in self.inside:
                shown.insert(0, self.inside[position])
                formula = self._formula(self.inside[position])
        sources = self.feeds(formula)
        style = "state" if position in self.states else "plain"
        return self.node(key, (*head, *self.told_as(shown)), style, sources)

    def told_as(self, positions: Sequence[int]) -> Grid:
        """Names and values of these lines, here and in words."""
        quantities = [self.pencil.quantity(position, self.most) for position in positions]
        self.told += [one.told() for one in quantities]
        return grid(quantities)

    def operation(self, formula: Formula) -> str:
        """The outermost operation of a formula; one that several lines do stands there once."""
        if formula not in self.operations:
            sign, parts = _operation(formula)
            sources = [source for part in parts for source in self.feeds(part)]
            self.operations[formula] = self.node(f"{len(self.cells)}: {sign.text}", (((sign,),),), "operation", sources)
        return self.operations[formula]

    # --------------------------------------------------------------- formulas

    def weighted(self, formula: Formula) -> bool:
        """Whether a parameter stands in a formula."""
        return any(self.steps[variable.number].role is Role.PARAMETER for variable in variables(formula))

    def feeds(self, formula: Formula) -> list[str]:
        """The nodes from which a formula is read: what is weighted or stacked directly, the rest by operations."""
        if all(self.steps[variable.number].role is Role.PARAMETER for variable in variables(formula)):
            return []
        match formula:
            case Var(number):
                return [self.line(number)]
            case Stack(parts):
                return [source for part in parts for source in self.feeds(part)]
            case MatMul() | Sum() | Times() if self.weighted(formula):
                return [source for part in children(formula) for source in self.feeds(part)]
        return [self.operation(formula)]

    # ---------------------------------------------------------------- picture

    def picture(self, time: int) -> Picture:
        """The cell with its nodes in columns and rows."""
        exits = {f"{EXIT} {position}": str(position) for position in self.states}
        tracks = Tracks(self.sources, frozenset(key for key, style in self.styles.items() if style == "operation"), exits)
        for key in self.cells:
            if self.styles[key] == "given":
                tracks.begin(key, above=self._carried(key))
        for key in self.cells:
            if self.styles[key] != "given":
                tracks.place(key)
        places = tracks.places()
        nodes = [Node(key, *places[key], cells, self.styles[key]) for key, cells in self.cells.items()]
        nodes += [Node(key, *places[key], (), EXIT) for key in exits]
        edges = [Edge(source, key, "forward") for key, sources in self.sources.items() for source in sources]
        edges += [Edge(state, key, "forward") for key, state in exits.items()]
        sample = f" (sample {self.pencil.sample} of the batch)" if self.pencil.sample is not None else ""
        alternative: Inline = (f"The cell at time step {time}{sample}: ", *in_a_row(", ", self.told), ".")
        return Picture("cell", (f"The cell at time step {time}{sample}",), tuple(nodes), tuple(edges), alternative, wired=True)

    def _carried(self, key: str) -> bool:
        """Whether a state is made of what comes in without a weight: it then runs along the top, as a memory that is kept."""
        return any(int(key) in self.steps[p].arguments and not self.weighted(self._formula(p)) for p in self.states)


def _applied(formula: Apply) -> Math:
    """The name of a function."""
    return Math(formula.function.name, formula.function.latex)


def _operation(formula: Formula) -> tuple[Math, Sequence[Formula]]:
    """The sign of the outermost operation of a formula, and its parts."""
    match formula:
        case Apply(_, argument):
            return _applied(formula), [argument]
        case Sum((Const(value), Neg(other))):
            return Math(f"{value} -", f"{value} -"), [other]
        case Sum(terms):
            return Math("+", "+"), terms
        case Times(factors):
            return TIMES, factors
        case Neg(operand):
            return Math("-", "-"), [operand]
        case Over(Const(value), denominator):
            return Math(f"{value} /", f"{value} /"), [denominator]
        case Over(numerator, denominator):
            return TIMES, [numerator, Over(ONE, denominator)]
        case Power(base, exponent, _):
            return Math(f"^{exponent}", rf"(\cdot)^{exponent}"), [base]
        case Extreme(kind, both):
            return Math(kind, rf"\{kind}"), both
        case _:
            return Math("f", "f"), list(children(formula))
