"""From a program with its values to a sheet: the worked solution.

One function for each section, in the order in which they are read. What a
section says in sentences is in ``sentences``; the box of conventions is in
``conventions``; long traces on paper are in ``ledger``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_trace import sentences
from bptt_trace.conventions import conventions, sum_over_time
from bptt_trace.desk import Desk
from bptt_trace.evaluate import Values, evaluate
from bptt_trace.ledger import ledger, loss_ledger, parameter_ledger
from bptt_trace.lines import LATEX, TEXT
from bptt_trace.names import LOSS, Name, gradient, spell
from bptt_trace.notation import clock_at, general, latex
from bptt_trace.parts import Parts, Pass, Time, parts_of
from bptt_trace.problem import Problem, Rounding
from bptt_trace.program import WRITTEN_OUT, Program, Role
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
)

EVERY_STEP_UP_TO = 3
"""Time steps that are printed in full; more of them become a ledger."""
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
    parts = parts_of(program)
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
        parameters = [desk.steps[position].target for position in parts.parameters]
        self.parameter_keys = {(name.stem, name.layer, name.index) for name in parameters}

    def subtitle(self) -> str:
        through_time = " through time" if self.recurrent else ""
        update = ", one update" if self.parts.updates else ""
        shape = ". In ledger form: the first steps in full, then one row for each" if self.on_ledger else ""
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
        return _turned(columns, rows) if len(rows) <= 10 else Table(tuple(columns), rows)

    def _general_given(self, name: Name) -> Math:
        return _general_name(name._replace(time=1), 1)

    # --------------------------------------------------------------- sections

    def sections(self) -> Iterator[Section]:
        """All sections, empty ones included."""
        yield Section("forward", "Forward pass", tuple(self.forward()))
        yield Section("loss", "Loss", tuple(self.loss()))
        backward = "Backward pass (backpropagation through time)" if self.recurrent else "Backward pass"
        yield Section("backward", backward, tuple(self.backward()))
        shared = "Gradients of the shared parameters" if self.recurrent else "Gradients of the parameters"
        yield Section("gradients", shared, tuple(self.gradients()))
        yield Section("update", "Update", tuple(self.update()))
        yield Section("again", "Forward pass with the new parameters", tuple(self.again()))
        yield Section("memory", "Memory: how far an error reaches back", tuple(self.memory()))
        yield Section("summary", "Summary", tuple(self.summary()))
        yield Section("takeaways", "Key takeaways", (Bullets(tuple(sentences.takeaways(self.desk, self.parts))),))

    def forward(self) -> Iterator[Block]:
        desk, steps = self.desk, self.parts.forward.steps
        model = max(steps.values(), key=len)
        lead: Inline = ("For every step ", Math("t", "t"), ", in this order:") if self.recurrent else ("In this order:",)
        yield Equations(lead, tuple(self._plain_equation(position) for position in model))
        for time in self._in_full(list(steps)):
            title: Inline = (f"Time step {time}",) if self.recurrent else ()
            yield Lines(title, desk.stream(steps[time], self._labels(steps[time])))
            if time is not None and time <= EXPLAINED_STEPS:
                yield from sentences.memory(desk, time)
        if self.on_ledger:
            yield self._forward_ledger(self.parts.forward)

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
            yield Lines((), desk.stream([total], self._labels([total])))
            return
        adds_up = len(terms) > WRITTEN_OUT
        yield Lines(("All steps",) if terms else (), desk.stream(one.losses, self._labels(one.losses), adds_up), adds_up)

    def backward(self) -> Iterator[Block]:
        desk, backward = self.desk, self.parts.backward
        if self.parts.links:
            yield from self._links()
        lead = ("From the last step to the first:",) if self.recurrent else ("From the output back:",)
        yield Equations(lead, tuple(self._backward_equations()))
        if not self.recurrent:
            yield Lines((), desk.stream(backward[None], self._labels(backward[None])))
            yield from sentences.chain(desk)
            yield from sentences.through_activation(desk, [None])
            return
        times = [time for time in backward if time is not None]
        shown = self._in_full(times)
        first = True
        for time in shown:
            title = f"Time step {time}"
            if time == desk.last_time and len(times) > 1:
                title += " (the last: nothing is carried back)"
            yield Lines((title,), desk.stream(backward[time], self._labels(backward[time])))
            if time is not None and (desk.last_time <= EXPLAINED_STEPS or time in shown[:EXPLAINED_STEPS]):
                notes = list(sentences.two_sources(desk, time, first=first))
                first = first and not notes
                yield from notes
        if self.on_ledger:
            yield ledger(desk, {time: backward[time] for time in times}, ("All steps",))
        yield from sentences.through_activation(desk, shown[:EXPLAINED_STEPS][::-1])

    def _links(self) -> Iterator[Block]:
        links = self.parts.links
        names = [self.desk.name(position) for position in links]
        last = self.desk.steps[links[-1]].target
        weight = next((p for p in self.parts.parameters if self.desk.steps[p].target.stem == "w_xh"), None)
        first = gradient(self.desk.steps[links[0]].target.of or LOSS)
        if weight is not None:
            target = self.desk.steps[weight].target
            chain = [spelled(gradient(target)), spelled(first), *names, spelled(target._replace(of=last._replace(of=None)))]
            product = Math(" * ".join(one.text for one in chain[1:]), r" \cdot ".join(one.latex for one in chain[1:]))
            whole = Math(f"{chain[0].text} = {product.text}", f"{chain[0].latex} = {product.latex}")
            yield Paragraph(
                inline("Each quantity is used once, so each gradient has one source. Read it as a chain: {chain}.", chain=whole)
            )
        yield Lines(("The links of the chain",), self.desk.stream(links, dict.fromkeys(links, "link")))

    def _backward_equations(self) -> Iterator[Equation]:
        """The general formulas of the backward pass; a formula that holds only at the last step says so."""
        desk, backward = self.desk, self.parts.backward
        times = list(backward)
        model = backward[times[-1]]
        if len(times) > 1 and len(backward[times[0]]) and not self.desk.problem.network.every:
            yield from self._equations_at(backward[times[0]], "T", skip=set())
            known = {desk.steps[position].target.stem for position in model}
            model = [position for position in model if desk.steps[position].target.stem in known]
        yield from self._equations_at(model, "t", skip=set())

    def _equations_at(self, positions: Sequence[int], symbol: str, skip: set[int]) -> Iterator[Equation]:
        desk = self.desk
        contributions: dict[Name, list[int]] = {}
        for position in positions:
            target = desk.steps[position].target
            if target.index not in ((), (1,), (1, 1)) or position in skip:
                continue
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
            word = "direct" if via.time == now else "carried"
            parts.append(Part(general(desk.steps, source, clock)[1], f"{word}, via {spell(via, clock)}"))
        return Equation(left, tuple(parts), "two sources, because the state is used twice; the last step has only the first")

    def _remark(self, position: int) -> str:
        return {"y": "the error of this step" if self.recurrent else "the error", "a": f"through {self._activation()}"}.get(
            self.desk.steps[position].target.stem, ""
        )

    def _activation(self) -> str:
        return self.desk.problem.network.activation.name

    def gradients(self) -> Iterator[Block]:
        desk, gradients = self.desk, self.parts.gradients
        if self.recurrent:
            yield Paragraph(("Each parameter is one number used at every step. Every use contributes; the gradient is the sum.",))
        yield Equations((), tuple(self._parameter_equation(parameter, lines) for parameter, lines in gradients.items()))
        if not self.recurrent:
            lines = [line for group in gradients.values() for line in group]
            yield Lines((), desk.stream(lines, self._labels(lines)))
            return
        for parameter, group in self._by_parameter():
            name = spelled(desk.steps[parameter].target)
            long = len(group) > WRITTEN_OUT + 1
            if self.on_ledger and len(group) > 1:
                yield parameter_ledger(desk, group, ("Gradient of ", spelled(desk.steps[parameter].target)))
                continue
            lines = [p for p in group if long or not desk.steps[p].repeats]
            yield Lines(("Gradient of ", name), desk.stream(lines, self._labels(lines), long), long)
        yield from sentences.recurrent_weight(desk)

    def _by_parameter(self) -> Iterator[tuple[int, list[int]]]:
        yield from self.parts.gradients.items()

    def _parameter_equation(self, parameter: int, lines: Sequence[int]) -> Equation:
        """``dL/dw_hh = sum_t dL/da_t * h_(t-1)``"""
        desk = self.desk
        left = spelled(gradient(desk.steps[parameter].target))
        first = desk.steps[lines[0]]
        through = desk.steps[first.through].target if first.through is not None else first.target
        clock = str if through.time is None else clock_at(through.time)
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
        yield Lines(("All parameters",), self.desk.stream(updates, self._labels(updates)))
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
                yield Lines(("All steps",), desk.stream(everything, self._labels(everything)))
                yield Lines(("Losses",), desk.stream(again.losses, self._labels(again.losses), True), True)
            else:
                everything += again.losses
                yield Lines(("All steps",) if self.recurrent else (), desk.stream(everything, self._labels(everything)))
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
            yield Lines(("From the last step back",), desk.stream(factors, self._labels(factors)))
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

    def summary(self) -> Iterator[Block]:
        if self.desk.values.rounding.policy == "exact":
            return  # closed forms are too long for tables
        if self.desk.last_time <= EVERY_STEP_UP_TO:
            yield self._calculations()
        if self.recurrent:
            yield from self._over_steps()
        if self.parts.updates:
            yield self._parameter_table()

    # ----------------------------------------------------------- small pieces

    def _in_full(self, times: Sequence[Time]) -> Sequence[Time]:
        """The time steps that are printed line by line."""
        return times[:2] if self.on_ledger else times

    def _plain_equation(self, position: int) -> Equation:
        target = self.desk.steps[position].target
        clock = str if target.time is None else clock_at(target.time)
        left, right = general(self.desk.steps, position, clock)
        return Equation(left, (Part(right),))

    def _labels(self, positions: Sequence[int]) -> dict[int, str]:
        return {position: self._label(position) for position in positions}

    def _label(self, position: int) -> str:
        """What a line is, in a word."""
        step = self.desk.steps[position]
        match step.role:
            case Role.PREACTIVATION:
                return "pre-activation"
            case Role.HIDDEN:
                return "hidden state" if self.recurrent else "hidden value"
            case Role.OUTPUT:
                return "output"
            case Role.LOSS:
                return self._loss_label(position)
            case Role.CONTRIBUTION | Role.GRADIENT:
                return self._gradient_label(position)
            case Role.UPDATE:
                change = self.desk.numbers[position] - self.desk.numbers[step.arguments[0]]
                return "grows" if change > 0 else "shrinks" if change < 0 else "stays"
            case Role.FACTOR:
                target = step.target
                near = (
                    target.of is not None
                    and target.of.time is not None
                    and target.time is not None
                    and target.of.time == target.time + 1
                )
                return "one step" if near else "product"
            case _:
                return ""

    def _loss_label(self, position: int) -> str:
        if self.desk.steps[position].target.time is not None:
            return "loss term"
        losses = self.parts.forward.losses
        return f"loss ({self.desk.problem.loss.over_time})" if len(losses) > 1 else "loss"

    def _gradient_label(self, position: int) -> str:
        step = self.desk.steps[position]
        target = step.target
        of_parameter = (target.stem, target.layer, target.index) in self.parameter_keys
        if step.through is None:
            return "sum"
        through = self.desk.steps[step.through].target
        if of_parameter:
            return f"step {through.time}" if target.via is not None else ""
        if target.stem == "h" and self.recurrent:
            word = "direct" if through.time in (target.time, None) else "carried"
            return word if target.via is not None or self.desk.last_time == 1 else f"{word} only"
        return self._local_label(target.stem)

    def _local_label(self, stem: str) -> str:
        readout = self.desk.problem.network.readout
        match stem:
            case "y":
                return "own error" if self.recurrent else "error"
            case "z":
                return f"through {readout.activation.name}" if readout else ""
            case "a":
                return f"through {self._activation()}"
            case _:
                return "" if self.recurrent else "one source"

    # ---------------------------------------------------------------- summary

    def _calculations(self) -> Table:
        """Step, calculation, explanation."""
        desk, parts = self.desk, self.parts
        rows: list[tuple[Inline, ...]] = []

        def add(step: str, positions: Sequence[int], explanation: str) -> None:
            lines: list[str | Math] = []
            for position in positions:
                lines += ["\n", self._short(position)] if lines else [self._short(position)]
            if lines:
                rows.append(((step,), tuple(lines), (explanation,)))

        for time, positions in parts.forward.steps.items():
            where = f"forward, t = {time}" if self.recurrent else "forward"
            add(where, positions, self._forward_meaning(time))
        add(
            "loss",
            parts.forward.losses[-1:],
            "how far the outputs are from their targets" if desk.problem.loss.has_target else "what is differentiated",
        )
        for time, positions in parts.backward.items():
            where = f"backward, t = {time}" if self.recurrent else "backward"
            lines = [p for p in positions if desk.steps[p].target.via is None]
            add(where, lines, self._backward_meaning(time))
        totals = [group[-1] for group in parts.gradients.values()]
        add(
            "gradients",
            totals,
            "the sum over all steps" if self.recurrent and desk.last_time > 1 else "error times what the parameter multiplied",
        )
        add("update", parts.updates, "against the gradient" if parts.updates else "")
        if parts.again.losses:
            add("new loss", parts.again.losses[-1:], "the forward pass again, with the new parameters")
        return Table((Column(("step",)), Column(("calculation",)), Column(("explanation",))), rows, ("What was calculated",))

    def _short(self, position: int) -> Math:
        row = self.desk.row(position)
        relation = ("=", "=") if row.relation == "=" else (row.relation, r"\approx")
        if row.numbers.text == row.result.text:
            return Math(f"{row.name.text} = {row.result.text}", f"{row.name.latex} = {row.result.latex}")
        return Math(
            f"{row.name.text} = {row.numbers.text} {relation[0]} {row.result.text}",
            f"{row.name.latex} = {row.numbers.latex} {relation[1]} {row.result.latex}",
        )

    def _forward_meaning(self, time: Time) -> str:
        if time is None:
            return "the input is weighted, passed through the activation, and weighted again"
        if time > 1:
            return f"the state carries {'step 1' if time == 2 else f'steps 1 to {time - 1}'} on"
        h_0 = self.desk.find(Name("h", time=0))
        if h_0 is not None and self.desk.numbers[h_0] == 0:
            return (
                "the memory is empty: the state knows this input only"
                if self.desk.problem.network.inputs
                else "the memory is empty"
            )
        return "the state begins with the initial memory"

    def _backward_meaning(self, time: Time) -> str:
        if time is None:
            return "the error goes back through the weight and the slope"
        if time == self.desk.last_time:
            return "only the own error: nothing is carried back" if self.desk.last_time > 1 else "only the own error"
        found = sentences.sources(self.desk, time)
        return "own error and what is carried back" if found else "only what is carried back"

    def _over_steps(self) -> Iterator[Table]:
        """States, outputs, losses and gradients over time."""
        desk = self.desk
        wanted: list[tuple[str, Math, Name]] = [
            ("hidden state ", _general_name(Name("h", time=1), 1), Name("h", time=1)),
            ("output ", _general_name(Name("y", time=1), 1), Name("y", time=1)),
            ("loss term ", _general_name(Name("L", time=1), 1), Name("L", time=1)),
        ]
        h, a = gradient(Name("h", time=1)), gradient(Name("a", time=1))
        head = _general_name(h, 1)
        rows: list[tuple[Inline, list[Inline]]] = []
        times = range(1, desk.last_time + 1)
        for words, math, name in wanted:
            cells = [self._value_or_none(name._replace(time=time)) for time in times]
            if any(cell != ("none",) for cell in cells):
                rows.append(((words, math), cells))
        if desk.last_time > 1:
            for word in ("direct", "carried"):
                rows.append(((head, f" {word}"), [self._source(word, time) for time in times]))
        for name in (h, a):
            cells = [self._value_or_none(name._replace(time=time)) for time in times]
            if any(cell != ("none",) for cell in cells):
                suffix = " sum" if name is h and desk.last_time > 1 else ""
                rows.append(((_general_name(name, 1), suffix) if suffix else (_general_name(name, 1),), cells))
        across = [Column((Math("t", "t"),), right=True), *(Column(label, right=True) for label, _ in rows)]
        down: list[tuple[Inline, ...]] = [
            ((Math(str(time), str(time)),), *(cells[time - 1] for _, cells in rows)) for time in times
        ]
        if desk.last_time <= EVERY_STEP_UP_TO:
            yield _turned(across, down, ("Over time",), symbol="t = ")
        else:
            yield Table(tuple(across), down, ("Over time",))

    def _value_or_none(self, name: Name) -> Inline:
        position = self.desk.find(name)
        return ("none",) if position is None else (self.desk.value(position),)

    def _source(self, word: str, time: int) -> Inline:
        """The direct or the carried part at this time; a gradient with one source is that part."""
        desk = self.desk
        found = sentences.sources(desk, time)
        if found is not None:
            return (desk.value(found.direct if word == "direct" else found.carried),)
        total = desk.find(gradient(Name("h", time=time)))
        if total is None:
            return ("none",)
        through = desk.steps[total].through
        only = "carried" if through is not None and desk.steps[through].target.time not in (time, None) else "direct"
        return (desk.value(total),) if only == word else ("none",)

    def _parameter_table(self) -> Table:
        """Old value, contributions, gradient and new value of every parameter."""
        desk, parts = self.desk, self.parts
        every = (
            self.recurrent
            and 1 < desk.last_time <= EVERY_STEP_UP_TO
            and all(len(group) > 1 for group in parts.gradients.values())
        )
        steps = (
            [inline("from {t}", t=Math(f"t = {time}", f"t = {time}")) for time in range(1, desk.last_time + 1)] if every else []
        )
        headings: list[Inline] = [("old",), *steps, ("gradient",), ("new",)]
        columns = (Column(("parameter",)), *(Column(heading, right=True) for heading in headings))
        rows: list[tuple[Inline, ...]] = []
        for parameter in parts.parameters:
            group = parts.gradients.get(parameter, [])
            new = desk.find(desk.steps[parameter].target._replace(updated=True))
            cells: list[Inline] = [(desk.name(parameter),), (desk.value(parameter),)]
            if every:
                shares: list[Inline] = [(desk.value(p),) for p in group[:-1]]
                cells += shares if group else [("none",)] * len(steps)
            cells.append((desk.value(group[-1]),) if group else ("frozen",))
            cells.append((desk.value(new),) if new is not None else (desk.value(parameter),))
            rows.append(tuple(cells))
        return Table(columns, rows, ("Parameters",))


def spelled(name: Name) -> Math:
    """A name in both spellings."""
    return Math(str(name), latex(name))


def _general_name(name: Name, now: int) -> Math:
    clock = clock_at(now)
    return Math(spell(name, clock), latex(name, clock))


def _turned(columns: Sequence[Column], rows: Sequence[tuple[Inline, ...]], title: Inline = (), symbol: str = "") -> Table:
    """The table with its rows as columns."""
    first, *others = columns
    heads: list[Column] = [Column(() if symbol else first.heading)]
    for row in rows:
        heading: Inline = (
            Math(f"{symbol}{part.text}", f"{symbol}{part.latex}") if isinstance(part, Math) else part for part in row[0]
        )  # type: ignore[assignment]
        heads.append(Column(tuple(heading), right=True))
    turned = [(column.heading, *(row[place + 1] for row in rows)) for place, column in enumerate(others)]
    return Table(tuple(heads), turned, title)
