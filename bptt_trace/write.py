"""From a program with its values to a sheet: the worked solution.

One function for each section, in the order in which they are read. What a
section says in sentences is in ``sentences``; the box of conventions is in
``conventions``; long traces on paper are in ``ledger``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bptt_trace import sentences
from bptt_trace.conventions import conventions, sum_over_time
from bptt_trace.desk import Desk
from bptt_trace.evaluate import Values, evaluate
from bptt_trace.labels import Labels
from bptt_trace.ledger import ledger, loss_ledger, parameter_ledger
from bptt_trace.lines import LATEX, TEXT
from bptt_trace.names import LOSS, Name, gradient, spell
from bptt_trace.notation import clock_at, general, seen_from, spelled
from bptt_trace.numbers import Rounding
from bptt_trace.parts import Parts, Pass, Time, way
from bptt_trace.problem import Problem
from bptt_trace.program import WRITTEN_OUT, Program
from bptt_trace.sheet import (
    Block,
    Bullets,
    Column,
    Equation,
    Equations,
    Inline,
    Lines,
    Math,
    Note,
    Paragraph,
    Part,
    Section,
    Sheet,
    Table,
    inline,
    turned,
)
from bptt_trace.summary import EVERY_STEP_UP_TO, ONE_BLOCK_FROM, Summary

EXPLAINED_STEPS = 3
"""Time steps with sentences of their own."""

MEANINGS = {
    "w_xh": "input to hidden",
    "w_hh": "hidden to hidden",
    "b_h": "bias, hidden",
    "w_hy": "hidden to output",
    "b_y": "bias, output",
    "x": "input",
    "target": "target",
    "h": "initial memory",
    "eta": "learning rate",
}


def write(
    problem: Problem,
    program: Program,
    values: Values,
    *,
    steps: str = "auto",
    with_latex: bool = True,
    proof: Note | None = None,
) -> Sheet:
    """The worked solution of a problem.

    ``program`` is a program of numbers and ``values`` its values. ``steps`` is
    ``auto`` (a ledger from four time steps on), ``full`` or ``ledger``;
    ``with_latex=False`` leaves the LaTeX spellings out, for media without them.
    """
    full_precision = evaluate(program, problem.given, Rounding("full"))
    desk = Desk(problem, program, values, full_precision, with_latex=with_latex)
    parts = desk.parts
    on_ledger = steps == "ledger" or (steps == "auto" and desk.last_time > EVERY_STEP_UP_TO)
    writer = _Writer(desk, parts, on_ledger=on_ledger and desk.last_time > 1)
    sections = tuple(section for section in writer.sections() if section.blocks)
    rounding: dict[str, str | int] = {"policy": values.rounding.policy}
    if values.rounding.policy in ("by_hand", "carry"):
        digits = ("figures", values.rounding.figures) if values.rounding.figures else ("places", values.rounding.places)
        rounding[digits[0]] = digits[1] or 0
    names = desk.names[TEXT]
    return Sheet(
        title=problem.title,
        subtitle=writer.subtitle(),
        given=tuple(writer.given()),
        conventions=tuple(conventions(desk)),
        sections=sections,
        footer=(*sentences.drift(desk), *([proof] if proof else [])),
        rounding=rounding,
        values=_Pairs(names, desk.shown.bare[TEXT]),
    )


class _Pairs:
    """Names with values, paired while they are read."""

    def __init__(self, names: Sequence[str], values: Sequence[str]) -> None:
        self._names, self._values = names, values

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return zip(self._names, self._values, strict=False)


class _Writer:
    """Writes the sections of a worked solution from a desk."""

    def __init__(self, desk: Desk, parts: Parts, *, on_ledger: bool) -> None:
        self.desk = desk
        self.parts = parts
        self.on_ledger = on_ledger
        self.recurrent = desk.last_time > 0
        self.labels = Labels(desk, parts)

    def subtitle(self) -> str:
        through_time = " through time" if self.recurrent else ""
        update = ", one update" if self.parts.updates else ""
        shape = ". In ledger form: two steps in full, then a row for every step" if self.on_ledger else ""
        return f"Worked solution: forward pass, backpropagation{through_time}{update}{shape}"

    # ------------------------------------------------------------------ given

    def given(self) -> Iterator[Table]:
        """What comes with the problem: over time, parameters, and the rest."""
        desk = self.desk
        over_time = [p for p in self.parts.given if desk.steps[p].target.stem in ("x", "target")]
        if self.recurrent and over_time:
            yield self._over_time(over_time)
            over_time = []
        others = [p for p in self.parts.given if desk.steps[p].target.stem not in ("x", "target")]
        rows = [self._given_row(position) for position in (*over_time, *self.parts.parameters, *others)]
        yield Table((Column(("quantity",)), Column(()), Column(("value",), right=True)), rows)

    def _given_row(self, position: int) -> tuple[Inline, ...]:
        desk = self.desk
        stem = desk.steps[position].target.stem
        return (desk.name(position),), (MEANINGS.get(stem.lower(), ""),), (desk.value(position),)

    def _over_time(self, positions: Sequence[int]) -> Table:
        desk = self.desk
        names = dict.fromkeys(desk.steps[p].target._replace(time=None) for p in positions)
        times = range(1, desk.last_time + 1)
        columns = [Column(("time ", Math("t", "t"))), *(Column((name,), right=True) for name in map(self._general_given, names))]
        rows: list[tuple[Inline, ...]] = []
        for time in times:
            cells = [desk.find(name._replace(time=time)) for name in names]
            rows.append(
                ((Math(str(time), str(time)),), *(((desk.value(cell),) if cell is not None else ("none",)) for cell in cells))
            )
        return turned(columns, rows) if len(rows) <= 10 else Table(tuple(columns), rows)

    def _general_given(self, name: Name) -> Math:
        return seen_from(name._replace(time=1), 1)

    # --------------------------------------------------------------- sections

    def sections(self) -> Iterator[Section]:
        """All sections, empty ones included."""
        yield Section("forward", "Forward pass", tuple(self.forward()))
        yield Section("loss", "Loss", tuple(self.loss()))
        backward = "Backward pass (backpropagation through time)" if self.recurrent else "Backward pass"
        yield Section("backward", backward, tuple(self.backward()))
        shared = "Gradients of the shared parameters" if self.desk.last_time > 1 else "Gradients of the parameters"
        yield Section("gradients", shared, tuple(self.gradients()))
        yield Section("update", "Update", tuple(self.update()))
        yield Section("again", "Forward pass with the new parameters", tuple(self.again()))
        yield Section("memory", "Memory: how far an error reaches back", tuple(self.memory()))
        yield Section("summary", "Summary", tuple(Summary(self.desk, self.parts, on_ledger=self.on_ledger).tables()))
        yield Section("takeaways", "Key takeaways", (Bullets(tuple(sentences.takeaways(self.desk, self.parts))),))

    def forward(self) -> Iterator[Block]:
        desk, steps = self.desk, self.parts.forward.steps
        lead: Inline = ("For every step ", Math("t", "t"), ", in this order:") if self.recurrent else ("In this order:",)
        yield Equations(lead, tuple(self._forward_equations()))
        if desk.last_time > ONE_BLOCK_FROM and not self.on_ledger:
            yield self._all_steps(steps)
            return
        for time in self._in_full(list(steps)):
            title: Inline = (f"Time step {time}",) if self.recurrent else ()
            yield Lines(title, desk.stream(steps[time], self.labels.of))
            if time is not None and time <= EXPLAINED_STEPS:
                yield from sentences.memory(desk, time)
        if self.on_ledger:
            yield self._forward_ledger(self.parts.forward)

    def _forward_equations(self) -> Iterator[Equation]:
        """The formulas of a step in t; what happens only at the last step is written with T."""
        first, *_, last = [*self.parts.forward.steps.values()] * 2
        every = {self.desk.steps[position].target._replace(time=None) for position in first}
        for position in last:
            target = self.desk.steps[position].target
            symbol = "t" if target._replace(time=None) in every else "T"
            yield self._plain_equation(position, symbol)

    def _all_steps(self, steps: Mapping[Time, Sequence[int]]) -> Lines:
        """Every line in one block: in a long trace the names say which step it is."""
        return Lines(("All steps",), self.desk.stream([p for positions in steps.values() for p in positions], self.labels.of))

    def _forward_ledger(self, one: Pass) -> Table:
        groups = {time: list(positions) for time, positions in one.steps.items() if time is not None}
        for position in one.losses:
            time = self.desk.steps[position].target.time
            if time is not None:
                groups[time].append(position)
        return ledger(self.desk, groups, ("All steps",))

    def loss(self) -> Iterator[Block]:
        yield from self._loss_equations()
        yield from self._loss_lines(self.parts.forward)
        yield from sentences.loss_check(self.desk, self.parts)

    def _loss_equations(self) -> Iterator[Block]:
        *terms, total = self.parts.forward.losses
        if not terms:
            yield Equations((), (self._plain_equation(total),))
            return
        mean = self.desk.problem.loss.over_time == "mean"
        summed = [
            f"{front if mean else ''}{sum_over_time(signs is LATEX)} {term}"
            for signs, front, term in ((TEXT, "(1/T) * ", "L_t"), (LATEX, r"\frac{1}{T} \cdot ", "L_t"))
        ]
        whole = Equation(Math("L", "L"), (Part(Math(*summed)),))
        yield Equations(("For every step, then in total:",), (self._plain_equation(terms[0]), whole))

    def _loss_lines(self, one: Pass) -> Iterator[Block]:
        desk = self.desk
        *terms, total = one.losses
        if self.on_ledger and terms:
            if len(terms) > WRITTEN_OUT:
                yield loss_ledger(desk, one.losses, ("All terms",))
            yield Lines((), desk.stream([total], self.labels.of))
            return
        adds_up = len(terms) > WRITTEN_OUT
        yield Lines(("All steps",) if terms else (), desk.stream(one.losses, self.labels.of, adds_up), adds_up)

    def backward(self) -> Iterator[Block]:
        desk, backward = self.desk, self.parts.backward
        if not backward:
            return  # every parameter is frozen
        if self.parts.links:
            yield from self._links()
        lead = ("From the last step to the first:",) if self.recurrent else ("From the output back:",)
        yield Equations(lead, tuple(self._backward_equations()))
        if not self.recurrent:
            yield Lines((), desk.stream(backward[None], self.labels.of))
            yield from sentences.chain(desk)
            yield from sentences.through_activation(desk, [None])
            return
        if desk.last_time > ONE_BLOCK_FROM and not self.on_ledger:
            yield self._all_steps(backward)
            return
        times = [time for time in backward if time is not None]
        shown = self._in_full(times)
        first = True
        for time in shown:
            title = f"Time step {time}"
            if time == desk.last_time and len(times) > 1 and self._carries():
                title += " (the last: nothing is carried back)"
            yield Lines((title,), desk.stream(backward[time], self.labels.of))
            if time is not None and (desk.last_time <= EXPLAINED_STEPS or time in shown[:EXPLAINED_STEPS]):
                notes = list(sentences.two_sources(desk, time, first=first))
                first = first and not notes
                yield from notes
        if self.on_ledger:
            yield ledger(desk, {time: backward[time] for time in times}, ("All steps",))
        yield from sentences.through_activation(desk, shown[:EXPLAINED_STEPS][::-1])

    def _carries(self) -> bool:
        """Whether anything is carried back at all: not where all that could is frozen."""
        return len(self.parts.backward) > 1

    def _links(self) -> Iterator[Block]:
        links = self.parts.links
        names = [self.desk.name(position) for position in links]
        last = self.desk.steps[links[-1]].target
        weight = next((p for p in self.parts.parameters if self.desk.steps[p].target.stem == "w_xh"), None)
        first = gradient(self.desk.steps[links[0]].target.of or LOSS)
        if weight in self.parts.gradients and weight is not None:
            target = self.desk.steps[weight].target
            chain = [spelled(gradient(target)), spelled(first), *names, spelled(target._replace(of=last._replace(of=None)))]
            product = Math(" * ".join(one.text for one in chain[1:]), r" \cdot ".join(one.latex for one in chain[1:]))
            whole = Math(f"{chain[0].text} = {product.text}", f"{chain[0].latex} = {product.latex}")
            yield Paragraph(
                inline("Each quantity is used once, so each gradient has one source. Read it as a chain: {chain}.", chain=whole)
            )
        yield Lines(("The links of the chain",), self.desk.stream(links, self.labels.of))

    def _backward_equations(self) -> Iterator[Equation]:
        """The general formulas of the backward pass; a formula that holds only at the last step says so."""
        desk, backward = self.desk, self.parts.backward
        times = list(backward)
        if len(times) > 1 and not desk.problem.network.every:
            yield from self._equations_at(backward[times[0]], "T")
        yield from self._equations_at(backward[times[-1]], "t")

    def _equations_at(self, positions: Sequence[int], symbol: str) -> Iterator[Equation]:
        desk = self.desk
        contributions: dict[Name, list[int]] = {}
        for position in positions:
            target = desk.steps[position].target
            if target.via is not None:
                contributions.setdefault(target._replace(via=None), []).append(position)
                continue
            yield self._backward_equation(position, contributions.get(target, []), symbol)

    def _backward_equation(self, position: int, sources: Sequence[int], symbol: str) -> Equation:
        desk = self.desk
        now = desk.steps[position].target.time
        clock = str if now is None else clock_at(now, symbol)
        left, right = general(desk.steps, position, clock)
        if not sources:
            return Equation(left, (Part(right),), self._remark(position))
        parts = []
        for source in sources:
            via = desk.steps[source].target.via
            assert via is not None and now is not None
            word = way(desk.steps[source].target, via)
            parts.append(Part(general(desk.steps, source, clock)[1], f"{word}, via {spell(via, clock)}"))
        if desk.steps[position].target.index:
            return Equation(left, tuple(parts))
        return Equation(left, tuple(parts), "two sources, because the state is used twice; the last step has only the first")

    def _remark(self, position: int) -> str:
        return {"y": "the error of this step" if self.recurrent else "the error", "a": f"through {self._activation()}"}.get(
            self.desk.steps[position].target.stem, ""
        )

    def _activation(self) -> str:
        return self.desk.problem.network.activation.name

    def gradients(self) -> Iterator[Block]:
        desk, gradients = self.desk, self.parts.gradients
        if not gradients:
            return
        if desk.last_time > 1:
            yield Paragraph(self._sharing())
        yield Equations((), tuple(self._parameter_equation(parameter, lines) for parameter, lines in gradients.items()))
        if not self.recurrent:
            lines = [line for group in gradients.values() for line in group]
            yield Lines((), desk.stream(lines, self.labels.of))
            return
        for parameter, group in gradients.items():
            name = spelled(desk.steps[parameter].target)
            long = len(group) > WRITTEN_OUT + 1
            if self.on_ledger and len(group) > 1:
                yield parameter_ledger(desk, group, ("Gradient of ", spelled(desk.steps[parameter].target)))
                continue
            lines = [p for p in group if long or not desk.steps[p].repeats]
            yield Lines(("Gradient of ", name), desk.stream(lines, self.labels.of, long), long)
        yield from sentences.recurrent_weight(desk)

    def _sharing(self) -> Inline:
        """Which parameters are used at every step."""
        shared = [p for p, group in self.parts.gradients.items() if len(group) > 1]
        once = [p for p, group in self.parts.gradients.items() if len(group) == 1]
        if not once:
            return ("Each parameter is one number used at every step. Every use contributes; the gradient is the sum.",)
        if not shared:
            return ("Each of these parameters is used at the last step only.",)
        names = [sentences.listed([str(self.desk.steps[p].target) for p in group]) for group in (shared, once)]
        are = ["are" if len(group) > 1 else "is" for group in (shared, once)]
        return (
            f"{names[0]} {are[0]} used at every step: every use contributes, and the gradient is the sum. "
            f"{names[1]} {are[1]} used at the last step only.",
        )

    def _parameter_equation(self, parameter: int, lines: Sequence[int]) -> Equation:
        """``dL/dw_hh = sum_t dL/da_t * h_(t-1)``"""
        desk = self.desk
        left = spelled(gradient(desk.steps[parameter].target))
        first = desk.steps[lines[0]]
        through = desk.steps[first.through].target if first.through is not None else first.target
        only_last = len(lines) == 1 and 1 < desk.last_time == through.time
        clock = str if through.time is None else clock_at(through.time, "T" if only_last else "t")
        _, right = general(desk.steps, lines[0], clock)
        if len(lines) > 1:
            right = Math(f"{sum_over_time(False)} {right.text}", f"{sum_over_time(True)} {right.latex}")
        return Equation(left, (Part(right),))

    def update(self) -> Iterator[Block]:
        updates = self.parts.updates
        if not updates:
            return
        rule = Math("p' = p - eta * dL/dp", r"p' = p - \eta \cdot \frac{\partial L}{\partial p}")
        yield Paragraph(inline("For every parameter {p}: {rule}", p=Math("p", "p"), rule=rule))
        yield Lines(("All parameters",), self.desk.stream(updates, self.labels.of))
        yield from sentences.update_check(self.desk, self.parts)

    def again(self) -> Iterator[Block]:
        desk, again = self.desk, self.parts.again
        if not again.losses:
            return
        yield Paragraph(
            (
                "The same forward pass with the new parameters shows whether the step helped; ",
                Math("@2", "^{(2)}"),
                " marks its quantities.",
            ),
        )
        if self.on_ledger:
            yield self._forward_ledger(again)
            yield from self._loss_lines(again)
        else:
            everything = [position for positions in again.steps.values() for position in positions]
            long = len(again.losses) > WRITTEN_OUT + 1
            if long:
                yield Lines(("All steps",), desk.stream(everything, self.labels.of))
                yield Lines(("Losses",), desk.stream(again.losses, self.labels.of, True), True)
            else:
                everything += again.losses
                yield Lines(("All steps",) if self.recurrent else (), desk.stream(everything, self.labels.of))
        yield from sentences.new_loss(desk)

    def memory(self) -> Iterator[Block]:
        desk, factors = self.desk, self.parts.factors
        if not factors:
            return
        figures = desk.values.rounding.figures or desk.values.rounding.places
        digits = (
            f" Factors are kept to {figures} significant figures: with decimals a product of many would print as 0."
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
        left, right = general(desk.steps, factors[0], clock)
        yield Equations((), (Equation(left, (Part(right),)),))
        if self.on_ledger:
            yield self._factor_ledger()
        else:
            yield Lines(("From the last step back",), desk.stream(factors, self.labels.of))
        yield from sentences.reach(desk, self.parts)

    def _factor_ledger(self) -> Table:
        desk = self.desk
        last = desk.last_time
        columns = (
            Column((Math("t", "t"),), right=True),
            Column((Math("h_t", "h_t"),), right=True),
            Column((Math("dh_t/dh_(t-1)", r"\frac{\partial h_t}{\partial h_{t-1}}"),), right=True),
            Column(("product back from T",), right=True, strong=True),
            Column(("lines",)),
        )
        rows: list[tuple[Inline, ...]] = []
        for time in range(last, 1, -1):
            state, before = (Name("h", time=t) for t in (time, time - 1))
            positions = [desk.find(before._replace(of=state)), desk.find(before._replace(of=Name("h", time=last)))]
            shown = [desk.value(p) for p in positions if p is not None]
            lines = dict.fromkeys(str(desk.line_of[p]) for p in positions if p is not None)
            at = desk.find(state)
            assert at is not None
            rows.append(((Math(str(time), str(time)),), (desk.value(at),), (shown[0],), (shown[-1],), (", ".join(lines),)))
        return Table(columns, rows, ("All steps",))

    # ----------------------------------------------------------- small pieces

    def _in_full(self, times: Sequence[Time]) -> Sequence[Time]:
        """The time steps that are printed line by line."""
        return times[:2] if self.on_ledger else times

    def _plain_equation(self, position: int, symbol: str = "t") -> Equation:
        target = self.desk.steps[position].target
        clock = str if target.time is None else clock_at(target.time, symbol)
        left, right = general(self.desk.steps, position, clock)
        return Equation(left, (Part(right),))
