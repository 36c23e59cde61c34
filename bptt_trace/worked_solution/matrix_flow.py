"""The sheet of gradient flow where the slope between two states is a matrix: several units, or several layers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import ceil, log10

from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.calculation.iterations import first_iteration
from bptt_trace.calculation.spectral_norm import spectral_norm
from bptt_trace.calculation.unrounded import unrounded
from bptt_trace.document.figures import Decades, Level, Levels
from bptt_trace.document.mathematics import MathRow, Number, Symbol
from bptt_trace.document.sentences import Inline, inline, say, together
from bptt_trace.document.sheet import Block, Column, Lines, Note, Paragraph, Section, Sheet, Table
from bptt_trace.engine.names import Name
from bptt_trace.engine.program import Builder
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.engine.state_slopes import matrix_factors
from bptt_trace.errors import ProblemError
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.parts_of_sheet import one_step
from bptt_trace.lines.row_words import Labels
from bptt_trace.lines.spelling import Speller
from bptt_trace.problem.problem import Problem
from bptt_trace.worked_solution.conventions import rounding_rule
from bptt_trace.worked_solution.flow_scale import Scale, judged

MOST_ENTRIES = 1_000
"""The largest number of entries of all matrices together."""
MOST_LINES = 64
"""Entries up to which every one is printed as a line; of more, those of the last step."""


def is_matrix(problem: Problem) -> bool:
    """Whether the slope between two states of a network is a matrix."""
    network = problem.network
    return bool(network.cells and network.cells[0].memory) and sum(network.hidden) > 1


def matrix_flow_sheet(problem: Problem, *, with_latex: bool = True, canonical: bool = False) -> Sheet:
    """The sheet of gradient flow; with ``canonical`` every line is there, under the names of answer files, as in JSON.

    Raises ``ProblemError`` where there are too many entries, and for closed forms.
    """
    if problem.rounding.policy == "exact":
        raise ProblemError("a spectral norm has no closed form that can be read; expected 4dp, carry or full", path="rounding")
    units, steps = sum(problem.network.hidden), problem.network.steps or 0
    size = 2 * units**2 * (steps - 1)
    if size > MOST_ENTRIES:
        raise ProblemError(
            f"about {size:,} entries of slopes, more than {MOST_ENTRIES:,}; use fewer units or time steps",
            path="network.hidden",
        )
    return _Matrices(problem, with_latex, canonical).sheet()


class _Matrices:
    """One problem: its matrices of slopes and their norms."""

    def __init__(self, problem: Problem, with_latex: bool, canonical: bool) -> None:
        self.problem = problem = first_iteration(problem)
        cells = problem.network.cells
        builder = Builder(build(problem))
        matrix_factors(builder, {cell.memory for cell in cells}, {stem for cell in cells for stem in cell.state})
        program = scalars(builder.build())
        values = evaluate(program, problem.given, problem.rounding)
        reference = unrounded(program, problem.given) if with_latex else values
        speller = Speller() if canonical else Speller(problem.vocabulary)
        self.desk = Desk(problem, program, values, reference, with_latex=with_latex, speller=speller, detail="lines")
        self.every = canonical or len(self.desk.parts.factors) <= MOST_LINES
        self.last = self.desk.last_time

    def entries(self, late: int, early: int) -> dict[tuple[Name, Name], int]:
        """The entries of ∂(state at ``late``)/∂(state at ``early``), by row and column without their times."""
        found = {}
        for position in self.desk.parts.factors:
            target = self.desk.steps[position].target
            if target.of is not None and (target.of.time, target.time) == (late, early):
                found[target.of._replace(time=None), target._replace(time=None, of=None)] = position
        return found

    def norm(self, late: int, early: int) -> str:
        """The spectral norm of the printed matrix."""
        entries = self.entries(late, early)
        names = list(dict.fromkeys(name for pair in self.entries(self.last, self.last - 1) for name in pair))
        at = {key: self.desk.printed(position) for key, position in entries.items()}
        return spectral_norm([[at.get((row, column), 0) for column in names] for row in names], self.problem.rounding)

    @cached_property
    def norms(self) -> dict[int, tuple[str, str]]:
        """The norm of one step, and that of the product from the end, for each time step."""
        return {t: (self.norm(t + 1, t), self.norm(self.last, t)) for t in range(self.last - 1, 0, -1)}

    def sheet(self) -> Sheet:
        """The whole document."""
        return Sheet(
            title=self.problem.title,
            subtitle=say("Gradient flow: the matrices of the slopes from state to state, their products, and spectral norms"),
            given=(
                Table(
                    (Column(inline("quantity")), Column(inline("value"), right=True)),
                    [(inline("time steps {t}", t=Symbol("T")), (Number(self.last),))],
                ),
            ),
            conventions=tuple(self.conventions()),
            sections=(
                Section("reach", say("How far an error reaches back"), tuple(self.reach())),
                Section("slopes", say("The slopes from state to state"), tuple(self.slopes())),
            ),
            rounding=self.problem.rounding.data,
            kind="gradient flow",
            locale=self.problem.handout.locale,
        )

    def conventions(self) -> Iterator[tuple[str, Inline]]:
        """The definitions, and the rule of rounding."""
        held = sorted({stem for cell in self.problem.network.cells for stem in cell.state if stem != cell.memory})
        others = say(", with {held} held", held=", ".join(held)) if held else ""
        what = say("how each unit of a step moves with each unit of the step before{others}: a matrix", others=others)
        yield say("Slopes"), inline("{what}; an entry that is always 0 has no line", what=what)
        yield (
            say("Norm"),
            inline("the spectral norm, the largest singular value: a small change becomes at most so many times as long"),
        )
        rounding = self.problem.rounding
        own = (
            say("; slopes, products and norms are kept to {figures}", figures=rounding.of_products.words)
            if rounding.policy != "full"
            else ""
        )
        yield say("Rounding"), together(rounding_rule(self.desk), own)
        yield say("Lines"), inline("they are numbered as in the worked solution of a single iteration (solve)")

    def reach(self) -> Iterator[Block]:
        """Norms by time step, as table and picture, and their meaning."""
        yield Paragraph(
            inline(
                "A small change of the state reaches the next step multiplied by the matrix of slopes between them. "
                "Over several steps the matrices multiply; the norm of their product says how much of a change can "
                "arrive at most."
            )
        )
        rows: list[tuple[Inline, ...]] = [
            ((Number(t),), (Number(one),), (Number(all_),)) for t, (one, all_) in self.norms.items()
        ]
        columns = (
            Column((Symbol("t"),), right=True),
            Column(inline("norm of one step"), right=True),
            Column(inline("norm back from {t}", t=Symbol("T")), right=True, strong=True),
        )
        yield Table(columns, rows, inline("From the last step back"), data=True)
        yield from self._picture()
        yield self._verdict()

    def _picture(self) -> Iterator[Decades]:
        sizes = [size for _, product in self.norms.values() if (size := float(product))]
        if not sizes or self.last < 3:
            return
        scale = Scale(min(ceil(log10(min(sizes))) - 1, -1), max(ceil(log10(max(sizes))), 0))
        groups, said = [], []
        for time, (_, product) in list(self.norms.items())[:8]:
            groups.append(Levels(Number(time), (Level(Number(product), scale.height(float(product)), "direct"),)))
            said.append(MathRow(Symbol("t"), " = ", Number(time), ": ", Number(product)))
        told: list[object] = []
        for statement in said:
            told += ["; ", statement] if told else [statement]
        yield Decades(
            "decades",
            inline("How much of a change at step {t} can be left (logarithmic scale)", t=Symbol("t")),
            tuple(groups),
            scale.marks(),
            (),
            inline("The norms of the products, from the last step back: {told}.", told=told),  # type: ignore[arg-type]
        )

    def _verdict(self) -> Note:
        """Vanishing, stable or exploding."""
        _, product = self.norms[1]
        word, meaning = judged(float(product))
        return Note(
            say("Verdict"),
            inline(
                "{word}. The matrix from step {last} back to step 1 has the norm {norm}: {meaning}.",
                word=word,
                last=Number(self.last),
                norm=Number(product),
                meaning=meaning,
            ),
        )

    def slopes(self) -> Iterator[Block]:
        """The entries as lines."""
        desk = self.desk
        labels = Labels(desk, desk).factor
        for early in range(self.last - 1, 0, -1):
            for late in dict.fromkeys((early + 1, self.last)):
                lines = list(self.entries(late, early).values())
                shown = self.every or (late, early) == (self.last, self.last - 1)
                if lines and shown:
                    what = say("Slopes") if one_step(desk.steps[lines[0]].target) else say("Product")
                    yield Lines(
                        inline("{what} from step {late} back to step {early}", what=what, late=late, early=early),
                        desk.stream(lines, labels),
                    )
