"""The sheet of gradient flow: the reach of an error back in time, for one network or for several side by side.

Slopes, products and contributions are lines of the program; shares are side
calculations on the desk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, log10

from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.calculation.iterations import first_iteration, passes, truncated
from bptt_trace.calculation.unrounded import unrounded
from bptt_trace.document.figures import Decades, Level, Levels
from bptt_trace.document.mathematics import Math, Number, Symbol
from bptt_trace.document.sentences import Inline, in_a_row, inline, say, to_say, together
from bptt_trace.document.sheet import Block, Column, Equation, Equations, Lines, Note, Paragraph, Part, Section, Sheet, Table
from bptt_trace.engine.formula import Const, Var
from bptt_trace.engine.names import Name
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import ProblemError
from bptt_trace.lines.cell_words import scaled
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.parts_of_sheet import one_step
from bptt_trace.lines.row_words import Labels
from bptt_trace.lines.spelling import Clock, Speller, clock_at
from bptt_trace.networks.forward_pass import written
from bptt_trace.problem.problem import Problem
from bptt_trace.worked_solution.conventions import rounding_rule
from bptt_trace.worked_solution.flow_scale import Scale, judged

MOST_PROBLEMS = 3
"""Problems that have a filling of their own in a picture."""
FILLINGS = ("direct", "carried", "sum")
MOST_LINES = 8
"""Time steps up to which every slope and every product is printed as a line."""
MOST_GROUPS = 8
"""Time steps that are drawn."""
HUNDRED = Const(Fraction(100))


def flow_sheet(problems: Sequence[Problem], *, with_latex: bool = True, canonical: bool = False) -> Sheet:
    """The sheet of gradient flow.

    With ``canonical`` every line is there, under the names of answer files, as
    in JSON. Raises ``ProblemError`` where a slope between two states is not one
    number, and where there are too many problems for a picture.
    """
    if not 1 <= len(problems) <= MOST_PROBLEMS:
        raise ProblemError(f"{len(problems)} problems; from one to {MOST_PROBLEMS} have room side by side")
    tags = "ABC"[: len(problems)] if len(problems) > 1 else [""]
    flows = [_Flow(problem, tag, with_latex, canonical) for problem, tag in zip(problems, tags, strict=True)]
    return _Writer(flows, canonical).sheet()


def followed(problem: Problem, *, matrices: bool = False) -> None:
    """Raise ``ProblemError`` where a network has no slopes from state to state: single numbers, or with ``matrices`` these."""
    network = problem.network
    if not network.cells or not network.cells[0].memory:
        raise ProblemError("a network without time has no state that is carried back; use a recurrent cell", path="network.cell")
    for there, key in ((network.bidirectional, "bidirectional"), (network.source_steps, "decoder")):
        if there:
            raise ProblemError("the way back is no single product of slopes; flow follows one unit", path=f"network.{key}")
    if len(network.layers) > 1 and not matrices:
        raise ProblemError(
            f"{len(network.layers)} layers: the way back is not one product of slopes; use one layer, or it alone",
            path="network.hidden",
        )
    if network.hidden[0] > 1 and not matrices:
        raise ProblemError(
            f"{network.hidden[0]} units: the slope between two states is a matrix; beside others, use hidden = 1",
            path="network.hidden",
        )
    if network.feedback == "output" and network.outputs > 1:
        raise ProblemError(
            f"{network.outputs} outputs that are fed back: the way back is not one product of slopes; use one output",
            path="network.feedback",
        )
    if network.samples is not None:
        raise ProblemError(f"{network.samples} samples: flow follows one sequence; use one sample", path="given.x")
    if (network.steps or 0) < 2:
        raise ProblemError("one time step: nothing is carried back; use two or more", path="given.x")


class _Flow:
    """One problem, with the lines of its way back."""

    def __init__(self, problem: Problem, tag: str, with_latex: bool, canonical: bool) -> None:
        followed(problem)
        self.goes_on = problem.update is not None and problem.update.iterations > 1
        """Whether there are further iterations, which this sheet omits."""
        problem = first_iteration(problem)
        self.problem, self.tag = problem, tag
        program = scalars(build(problem))
        values = evaluate(program, problem.given, problem.rounding)
        reference = unrounded(program, problem.given) if with_latex or problem.rounding.policy == "exact" else values
        speller = Speller() if canonical else Speller(problem.vocabulary)
        self.desk = Desk(problem, program, values, reference, with_latex=with_latex, speller=speller, detail="lines")
        self.factors = self.desk.parts.factors
        self.singles = [p for p in self.factors if one_step(self.desk.steps[p].target)]
        self.end = self.desk.steps[self.factors[0]].target.of or Name("h")
        """The state at the last time step."""

    @property
    def last(self) -> int:
        """The number of time steps."""
        return self.desk.last_time

    def state(self, time: int) -> Math:
        """``h_2``"""
        return self.desk.speller.math(self.end._replace(time=time))

    def factor(self, time: int) -> int | None:
        """∂h_{t+1}/∂h_t."""
        return self.desk.find(self.end._replace(time=time, of=self.end._replace(time=time + 1)))

    def product(self, time: int) -> int | None:
        """∂h_T/∂h_t; one step before the end, the factor."""
        return self.desk.find(self.end._replace(time=time, of=self.end))

    @cached_property
    def products(self) -> dict[int, int]:
        """The positions of all products, by the time step that they lead back to."""
        return {time: found for time in range(1, self.last) if (found := self.product(time)) is not None}

    def size(self, position: int) -> float:
        """The size of a slope as printed, for a comparison or a picture."""
        exact = self.problem.rounding.policy == "exact"
        return abs(float(self.desk.reference.numbers[position] if exact else self.desk.printed(position)))

    @cached_property
    def held(self) -> list[str]:
        """The states that are held while one is followed."""
        cell = self.problem.network.cells[0]
        return [stem for stem in cell.state if stem != cell.memory]

    @cached_property
    def weights(self) -> list[int]:
        """The parameters that multiply the state."""
        desk, network = self.desk, self.problem.network
        shapes = network.shapes()
        recurrent = {
            written(Name(stem), shapes[Name(stem)])
            for stem, dimensions in network.cells[0].parameters.items()
            if len(dimensions) == 2 and dimensions[0] == "n" and dimensions[1].startswith("n")
        }
        targets = ((position, desk.steps[position].target) for position in desk.parts.parameters)
        # One matrix for [h, x] has the weight of the state in its first column.
        return [p for p, target in targets if target._replace(index=()) in recurrent and target.index in ((), (1, 1))]

    @cached_property
    def shares(self) -> list[_Shares]:
        """The contribution of each time step to the gradients of these parameters; none for a frozen one."""
        desk, gradients = self.desk, self.desk.parts.gradients
        found = []
        for group in (gradients[weight] for weight in self.weights if weight in gradients):
            *terms, total = group
            parts: dict[int, int] = {}
            for term in terms or [total]:
                through = desk.steps[term].through
                if through is not None:
                    parts[desk.steps[through].target.time or 0] = term
            found.append(_Shares(desk, total, parts))
        return found


@dataclass(frozen=True)
class _Shares:
    """The gradient of one parameter, and the part of each time step in it."""

    desk: Desk
    total: int
    parts: dict[int, int]
    """The contribution of each time step, by its position."""

    @cached_property
    def percentages(self) -> dict[int, Math]:
        """contribution / gradient · 100, for each time step; none where the gradient is 0."""
        if not self.desk.numbers[self.total]:
            return {}
        whole = Var(self.total)
        return {
            t: self.desk.calculate(Var(part) / whole * HUNDRED, self.desk.values.rounding.of_products).value
            for t, part in self.parts.items()
        }


class _Writer:
    """Writes the sheet of some problems."""

    def __init__(self, flows: Sequence[_Flow], every_line: bool) -> None:
        self.flows = flows
        self.every_line = every_line
        self.last = max(flow.last for flow in flows)

    def sheet(self) -> Sheet:
        """The whole document."""
        alone = len(self.flows) == 1
        first = self.flows[0].problem
        sections = [Section("reach", say("How far an error reaches back"), tuple(self.reach()))]
        for flow in self.flows:
            whose = f", {flow.tag}" if flow.tag else ""
            sections.append(
                Section(
                    f"slopes{flow.tag.lower()}",
                    say("The slopes from state to state{whose}", whose=whose),
                    tuple(self.slopes(flow)),
                )
            )
            shares = tuple(self.shares(flow))
            if shares:
                sections.append(
                    Section(f"shares{flow.tag.lower()}", say("What each time step contributes{whose}", whose=whose), shares)
                )
        return Sheet(
            title=first.title if alone else "; ".join(f"{flow.tag}: {flow.problem.title}" for flow in self.flows),
            subtitle=say("Gradient flow: slopes from state to state, their products, and the share of each time step"),
            given=tuple(map(self.given, self.flows)),
            conventions=tuple(self.conventions()),
            sections=tuple(sections),
            rounding=first.rounding.data,
            kind=to_say("gradient flow"),
            locale=first.handout.locale,
        )

    def given(self, flow: _Flow) -> Table:
        """The weights that multiply the state, and the number of time steps; the rest stands in the worked solution."""
        desk = flow.desk
        rows: list[tuple[Inline, ...]] = [((desk.name(p),), (desk.value(p),)) for p in flow.weights]
        rows.append((inline("time steps {t}", t=Symbol("T")), (Number(flow.last),)))
        return Table(
            (
                Column((say("{tag}: quantity", tag=flow.tag) if flow.tag else say("quantity"),)),
                Column(inline("value"), right=True),
            ),
            rows,
        )

    def conventions(self) -> Iterator[tuple[str, Inline]]:
        """The definitions, and the rule of rounding."""
        for flow in self.flows:
            held = [flow.desk.speller.math(Name(stem, time=1), clock_at(1)) for stem in flow.held]
            named = in_a_row(say(", "), held)
            state = flow.desk.speller.math(flow.end._replace(time=1), clock_at(1))
            slope = inline("by what factor one step multiplies a small change of {state}", state=state)
            yield (
                say("Slope {tag}", tag=flow.tag) if flow.tag else say("Slope"),
                inline("{slope}, with {named} held", slope=slope, named=named) if held else slope,
            )
        rules = {flow.problem.rounding: flow for flow in reversed(self.flows)}
        for rounding, flow in reversed(rules.items()):
            slopes = say("; slopes, products and shares are kept to {figures}", figures=rounding.of_products.words)
            own = slopes if rounding.policy in ("by_hand", "carry") and not rounding.figures else ""
            yield (
                say("Rounding") if len(rules) == 1 else say("Rounding {tag}", tag=flow.tag),
                together(rounding_rule(flow.desk), own),
            )
        alone = inline("they are numbered as in the worked solution of a single iteration (solve)")
        several = any(flow.goes_on for flow in self.flows)
        yield say("Lines"), alone if several else inline("they are numbered as in the worked solution (solve)")

    # ----------------------------------------------------------------- reach

    def reach(self) -> Iterator[Block]:
        """Products by time step, as table and picture, and their meaning."""
        yield Paragraph(
            inline(
                "A small change of one state reaches the next multiplied by the slope between them. Over several "
                "steps the slopes multiply, and the gradient that comes back from the last step is multiplied by the "
                "same product."
            )
        )
        yield self._table()
        yield from self._picture()
        for flow in self.flows:
            yield self._verdict(flow)

    def _table(self) -> Table:
        columns = [Column((Symbol("t"),), right=True)]
        for flow in self.flows:
            tag: Inline = (f"{flow.tag}: ",) if flow.tag else ()
            slope, product = flow.end._replace(time=1, of=flow.end._replace(time=2)), flow.end._replace(time=1, of=flow.end)
            columns += [
                Column((*tag, flow.desk.speller.seen_from(slope, 1)), right=True),
                Column((*tag, flow.desk.speller.math(product, self._from_the_end(flow))), right=True, strong=True),
            ]
        rows: list[tuple[Inline, ...]] = []
        for time in range(self.last - 1, 0, -1):
            cells = [(f, p) for f in self.flows for p in (f.factor(time), f.product(time))]
            values: list[Inline] = [
                (flow.desk.value(position),) if position is not None else inline("none") for flow, position in cells
            ]
            rows.append(((Number(time),), *values))
        return Table(tuple(columns), rows, inline("From the last step back"), data=True)

    @staticmethod
    def _from_the_end(flow: _Flow) -> Clock:
        """The last time step is T, the other t."""
        return lambda time: "T" if time == flow.last else "t"

    def _picture(self) -> Iterator[Decades]:
        """The products on a logarithmic scale."""
        sizes = [size for flow in self.flows for position in flow.products.values() if (size := flow.size(position))]
        if not sizes or self.last < 3:
            return
        scale = Scale(min(ceil(log10(min(sizes))) - 1, -1), max(ceil(log10(max(sizes))), 0))
        reach = self.last - 1
        count = min(reach, MOST_GROUPS)
        times = [reach - round(place * (reach - 1) / (count - 1)) for place in range(count)]
        fillings = [(flow, filling) for flow, filling in zip(self.flows, FILLINGS, strict=False)]
        groups: list[Levels] = []
        said: list[str | Math] = []
        for time in times:
            levels: list[Level] = []
            for flow, filling in fillings:
                if time in flow.products:
                    position = flow.products[time]
                    levels.append(Level(flow.desk.value(position), scale.height(flow.size(position)), filling))
                    said += ["; " if said else "", *((f"{flow.tag}: ",) if flow.tag else ()), flow.desk.equals(position)]
            groups.append(Levels(Number(time), tuple(levels)))
        yield Decades(
            "decades",
            inline("What is left of a change at step {t} (logarithmic scale)", t=Symbol("t")),
            tuple(groups),
            scale.marks(),
            tuple((filling, f"{flow.tag}: {flow.problem.title}") for flow, filling in fillings if flow.tag),
            inline("The products, from the last step back: {said}.", said=said),
        )

    def _verdict(self, flow: _Flow) -> Note:
        """Vanishing, stable or exploding, with the reason."""
        desk = flow.desk
        product = flow.factors[-1]
        smallest, largest = min(flow.singles, key=flow.size), max(flow.singles, key=flow.size)
        word, meaning = judged(flow.size(product))
        along = flow.held
        if scaled(desk.problem.network.cells[0]):
            meaning += say(
                "; but the stabiliser rescales the memory at every step and cancels in the output, so this does not "
                "measure what is kept"
            )
        if truncated(desk.problem):
            meaning += (
                say("; the update leaves out what a backward pass would carry beyond its end")
                if passes(desk.problem)
                else say("; the update leaves out what would be carried from window to window")
            )
        text = inline(
            to_say(
                "{word}. {why}; a change of {first} arrives at {last} along this memory multiplied by {product} "
                "({line}): {meaning}."
            )
            if along
            else to_say("{word}. {why}; a change of {first} arrives at {last} multiplied by {product} ({line}): {meaning}."),
            word=word,
            why=self._why(flow, smallest, largest),
            first=flow.state(1),
            last=flow.state(flow.last),
            product=desk.value(product),
            line=desk.line(product),
            meaning=meaning,
        )
        return Note(say("Verdict {tag}", tag=flow.tag) if flow.tag else say("Verdict"), text)

    def _why(self, flow: _Flow, smallest: int, largest: int) -> Inline:
        """The position of the slopes: below 1, above 1, or on both sides."""
        desk = flow.desk
        rule = desk.general(flow.singles[0], clock_at(flow.last - 1))[1]
        low, high = flow.size(smallest), flow.size(largest)
        several = len(flow.singles) > 1
        if low == high:
            if low in (0, 1):
                one, many = (
                    to_say("The slope {rule} is {n} in size: {one}"),
                    to_say("The slope {rule} is {n} in size at every step: {one}"),
                )
            elif low < 1:
                one = to_say("The slope {rule} is below 1 in size: {one}")
                many = to_say("The slope {rule} is below 1 in size at every step: {one}")
            else:
                one = to_say("The slope {rule} is above 1 in size: {one}")
                many = to_say("The slope {rule} is above 1 in size at every step: {one}")
            return inline(many if several else one, rule=rule, n=f"{low:g}", one=desk.equals(smallest))
        pattern = to_say("The slope {rule} is between {smallest} and {largest} in size")
        if high < 1:
            pattern = to_say("The slope {rule} is below 1 in size at every step, from {smallest} to {largest}")
        elif low > 1:
            pattern = to_say("The slope {rule} is above 1 in size at every step, from {smallest} to {largest}")
        return inline(pattern, rule=rule, smallest=desk.equals(smallest), largest=desk.equals(largest))

    # ---------------------------------------------------------------- slopes

    def slopes(self, flow: _Flow) -> Iterator[Block]:
        """The general formula, and the lines."""
        desk = flow.desk
        left, right = desk.general(flow.singles[0], clock_at(flow.last - 1))
        yield Equations((), (Equation(left, (Part(right),)),))
        every = self.every_line or flow.last <= MOST_LINES
        shown = flow.factors if every else flow.factors[:3]
        title = say("From the last step back") if every else say("The last steps; the others are made in the same way")
        yield Lines((title,), desk.stream(shown, Labels(desk, desk).factor))

    # ---------------------------------------------------------------- shares

    def shares(self, flow: _Flow) -> Iterator[Block]:
        """The contribution of each time step to the gradients of the recurrent weights, and its percentage."""
        shares, desk = flow.shares, flow.desk
        if not shares:
            return
        yield Paragraph(
            inline(
                "The gradient of a weight that multiplies the state is the sum of what every time step contributes; a "
                "percentage is that of the sum, and negative where a step pulls the other way."
            )
        )
        columns = [Column((Symbol("t"),), right=True)]
        for share in shares:
            columns += [Column((desk.name(share.total),), right=True), Column(("%",), right=True, strong=True)]
        rows: list[tuple[Inline, ...]] = []
        for time in range(flow.last, 0, -1):
            cells: list[Inline] = []
            for share in shares:
                part, percentage = share.parts.get(time), share.percentages.get(time)
                cells.append((desk.value(part),) if part is not None else inline("none"))
                cells.append((percentage,) if percentage is not None else inline("none"))
            rows.append(((Number(time),), *cells))
        rows.append((inline("sum"), *(cell for share in shares for cell in ((desk.value(share.total),), ()))))
        yield Table(tuple(columns), rows, inline("Contributions"), data=True)
        for share in shares:
            yield from self._loudest(flow, share)

    def _loudest(self, flow: _Flow, shares: _Shares) -> Iterator[Note]:
        """The time step with the largest contribution, as a calculation; where several have it, nothing."""
        desk = flow.desk
        if not shares.percentages or desk.values.rounding.policy == "exact":
            return
        sizes = {time: abs(desk.printed(part)) for time, part in shares.parts.items()}
        largest = [time for time, size in sizes.items() if size == max(sizes.values())]
        if len(largest) > 1:
            return
        part = shares.parts[largest[0]]
        calculated = desk.calculate(Var(part) / Var(shares.total) * HUNDRED, desk.values.rounding.of_products)
        with_it = desk.sign(part) == desk.sign(shares.total)
        yield Note(
            say("Share"),
            inline(
                to_say("Step {time} contributes most to {gradient}: {equation} %.")
                if with_it
                else to_say("Step {time} contributes most in size to {gradient}, but against the sum: {equation} %."),
                time=str(largest[0]),
                gradient=desk.name(shares.total),
                equation=calculated.equation,
            ),
        )
