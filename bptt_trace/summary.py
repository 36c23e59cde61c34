"""The summary: every calculation on a line of its own, quantities over time, and the parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_trace import sentences
from bptt_trace.desk import Desk
from bptt_trace.names import Name, gradient
from bptt_trace.notation import seen_from
from bptt_trace.parts import Parts, Time
from bptt_trace.sheet import Column, Inline, Math, Table, inline, turned

EVERY_STEP_UP_TO = 3
"""Time steps that are printed in full; more of them become a ledger."""
ONE_BLOCK_FROM = 50
"""Time steps beyond which every line is printed without a heading, and without being summed up, for each step."""


class Summary:
    """The tables that close a sheet."""

    def __init__(self, desk: Desk, parts: Parts, *, on_ledger: bool) -> None:
        self.on_ledger = on_ledger
        self.desk = desk
        self.parts = parts
        self.recurrent = desk.last_time > 0

    def tables(self) -> Iterator[Table]:
        """The tables in their order; closed forms are too long for any."""
        if self.desk.values.rounding.policy == "exact":
            return
        if self.desk.last_time <= EVERY_STEP_UP_TO:
            yield self._calculations()
        if self.recurrent and (self.on_ledger or self.desk.last_time <= ONE_BLOCK_FROM):
            yield from self._over_steps()
        if self.parts.updates:
            yield self._parameter_table()

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
            ("hidden state ", seen_from(Name("h", time=1), 1), Name("h", time=1)),
            ("output ", seen_from(Name("y", time=1), 1), Name("y", time=1)),
            ("loss term ", seen_from(Name("L", time=1), 1), Name("L", time=1)),
        ]
        h, a = gradient(Name("h", time=1)), gradient(Name("a", time=1))
        head = seen_from(h, 1)
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
                rows.append(((seen_from(name, 1), suffix) if suffix else (seen_from(name, 1),), cells))
        across = [Column((Math("t", "t"),), right=True), *(Column(label, right=True) for label, _ in rows)]
        down: list[tuple[Inline, ...]] = [
            ((Math(str(time), str(time)),), *(cells[time - 1] for _, cells in rows)) for time in times
        ]
        if desk.last_time <= EVERY_STEP_UP_TO:
            yield turned(across, down, ("Over time",), symbol="t = ")
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
