"""The picture of a cell: one time step as a graph of its lines, with the numbers of that step.

It is made from the program alone: a line is a box, each operation of its
formula (``*``, ``+``, a function) a small ring, and an arrow is a use. A weighted
sum is not split: its arguments go straight into the box, which has the
pre-activation and its function together. No cell is known by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_trace.document.figures import Edge, Grid, Node, Picture
from bptt_trace.document.mathematics import Applied, Math, MathRow, Number, Put, Symbol
from bptt_trace.document.sentences import Inline, in_a_row, inline, say
from bptt_trace.engine.formula import ONE, Apply, Const, Extreme, Formula, MatMul, Neg, Over, Power, Stack, Sum, Times, Var
from bptt_trace.engine.formula_walks import children, variables
from bptt_trace.engine.names import ENCODER, Role, layer_word
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.rows import Rows
from bptt_trace.pictures.boxes import MOST_DIGITS, MOST_VALUES, Pencil, digits_of, grid
from bptt_trace.pictures.cell_grid import Tracks

TIMES = MathRow("*")
"""The sign of a product of entries in a ring."""
EXIT = "exit"
"""The id of the nodes at which a state leaves the picture."""


def cell(desk: Desk, board: Rows) -> Picture | None:
    """A time step of the cell with gates in the first layer, for the first sample; None without gates."""
    network = desk.problem.network
    if not desk.last_time or desk.values.rounding.policy == "exact" or not network.cells[0].gates:
        return None
    last = network.source_steps if layer_word(network.layers[0]) == ENCODER else desk.last_time
    # The second step: its incoming state is a result and not a row of zeros; later steps look alike.
    time = min(2, last or 1)
    pencil = Pencil(desk, board)
    lines = pencil.step(time)[0][0]
    return _Sketch(pencil, lines, network.cells[0].state).picture(time) if lines else None


class _Sketch:
    """The nodes of a cell and their arrows, found by walking back from its states."""

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
        """Pairs of a line and its pre-activation, if no other line of the cell uses that pre-activation."""
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
        """Add a node, after the nodes that it uses; return its key."""
        self.cells[key], self.styles[key] = cells, style
        self.sources[key] = list(dict.fromkeys(sources))
        return key

    def line(self, position: int) -> str:
        """Add the box of a line of the cell or of one of its inputs; return its key."""
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
        """Names and values of these lines, also for the alternative text."""
        quantities = [self.pencil.quantity(position, self.most) for position in positions]
        self.told += [quantity.told() for quantity in quantities]
        return grid(quantities)

    def operation(self, formula: Formula) -> str:
        """Add the outermost operation of a formula; an operation that several lines share is added once."""
        if formula not in self.operations:
            sign, parts = _operation(formula)
            sources = [source for part in parts for source in self.feeds(part)]
            self.operations[formula] = self.node(f"{len(self.cells)}: {sign.text}", (((sign,),),), "operation", sources)
        return self.operations[formula]

    # --------------------------------------------------------------- formulas

    def weighted(self, formula: Formula) -> bool:
        """Whether a formula contains a parameter."""
        return any(self.steps[variable.number].role is Role.PARAMETER for variable in variables(formula))

    def feeds(self, formula: Formula) -> list[str]:
        """The nodes that a formula reads: directly in weighted sums and stacks, otherwise through operations."""
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
        sample = say(" (sample {sample} of the batch)", sample=self.pencil.sample) if self.pencil.sample is not None else ""
        alternative: Inline = inline(
            "The cell at time step {time}{sample}: {told}.", time=time, sample=sample, told=in_a_row(", ", self.told)
        )
        return Picture(
            "cell",
            inline("The cell at time step {time}{sample}", time=time, sample=sample),
            tuple(nodes),
            tuple(edges),
            alternative,
            wired=True,
        )

    def _carried(self, key: str) -> bool:
        """Whether a state is used without a weight: it then runs along the top, as a memory that is kept."""
        return any(int(key) in self.steps[p].arguments and not self.weighted(self._formula(p)) for p in self.states)


def _applied(formula: Apply) -> Math:
    """The name of a function."""
    return Applied(formula.function)


def _operation(formula: Formula) -> tuple[Math, Sequence[Formula]]:
    """The sign of the outermost operation of a formula, and its parts."""
    match formula:
        case Apply(_, argument):
            return _applied(formula), [argument]
        case Sum((Const(value), Neg(other))):
            return MathRow(Number(value), " -"), [other]
        case Sum(terms):
            return MathRow("+"), terms
        case Times(factors):
            return TIMES, factors
        case Neg(operand):
            return MathRow("-"), [operand]
        case Over(Const(value), denominator):
            return MathRow(Number(value), " /"), [denominator]
        case Over(numerator, denominator):
            return TIMES, [numerator, Over(ONE, denominator)]
        case Power(base, exponent, _):
            return Put("powered", exponent), [base]
        case Extreme(kind, both):
            return MathRow(kind), both
        case _:
            return Symbol("f"), list(children(formula))
