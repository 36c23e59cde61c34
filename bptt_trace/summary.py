"""The summary: every calculation on a line of its own, quantities over time, and the parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_trace import sentences
from bptt_trace.blackboard import Blackboard
from bptt_trace.desk import Desk
from bptt_trace.names import Name, gradient
from bptt_trace.parts import way
from bptt_trace.program import Moment, Role
from bptt_trace.sheet import Column, Inline, Math, Table, turned

EVERY_STEP_UP_TO = 3
"""Time steps that are printed in full; more of them become a ledger."""
ONE_BLOCK_FROM = 50
"""Time steps beyond which every line is printed without a heading, and without being summed up, for each step."""


NONE: Inline = ("none",)
"""A part that does not exist; a dash would read as a minus sign."""


class Summary:
    """The tables that close a sheet."""

    def __init__(self, desk: Desk, board: Desk | Blackboard, *, on_ledger: bool) -> None:
        self.on_ledger = on_ledger
        self.desk = desk
        self.board = board
        self.parts = desk.parts
        self.recurrent = desk.last_time > 0
        self.alone = desk.problem.network.samples is None

    def tables(self) -> Iterator[Table]:
        """The tables in their order; closed forms are too long for any."""
        if self.desk.values.rounding.policy == "exact":
            return
        if self.desk.last_time <= EVERY_STEP_UP_TO and len(self.parts.forward.steps) <= ONE_BLOCK_FROM:
            yield self._calculations()
        if self.recurrent and self.alone and (self.on_ledger or self.desk.last_time <= ONE_BLOCK_FROM):
            yield from self._over_steps()
        if self.parts.updates:
            yield self._parameter_table()

    def _calculations(self) -> Table:
        """Step, calculation, explanation."""
        board, parts = self.board, self.board.parts
        rows: list[tuple[Inline, ...]] = []

        def add(step: str, positions: Sequence[int], explanation: str) -> None:
            if self.desk.has_components:  # matrices are high: each has a row of its own, so that a page may break
                for place, position in enumerate(positions):
                    first = place == 0
                    rows.append(((step if first else "",), (self._short(position),), (explanation if first else "",)))
                return
            lines: list[str | Math] = []
            for position in positions:
                lines += ["\n", self._short(position)] if lines else [self._short(position)]
            if lines:
                rows.append(((step,), tuple(lines), (explanation,)))

        for moment, positions in parts.forward.steps.items():
            add(self._where("forward", moment), positions, self._forward_meaning(moment.time))
        add(
            "loss",
            parts.forward.losses[-1:],
            "how far the outputs are from their targets" if self.desk.problem.loss.has_target else "what is differentiated",
        )
        for moment, positions in parts.backward.items():
            lines = [p for p in positions if board.steps[p].target.via is None]
            add(self._where("backward", moment), lines, self._backward_meaning(moment.time))
        totals = [group[-1] for group in parts.gradients.values()]
        several = self.desk.last_time > 1 or not self.alone
        every = "the sum over all steps" if self.alone else "the sum over all samples"
        add("gradients", totals, every if several else "error times what the parameter multiplied")
        updates = [p for p in parts.updates if board.steps[p].role is Role.UPDATE]
        add("update", updates, "against the gradient" if updates else "")
        if parts.again.losses and not parts.later:
            add("new loss", parts.again.losses[-1:], "the forward pass again, with the new parameters")
        return Table(
            (Column(("step",)), Column(("calculation",)), Column(("explanation",))),
            rows,
            ("What was calculated",),
            calculates=True,
        )

    @staticmethod
    def _where(pass_: str, moment: Moment) -> str:
        where = pass_
        if moment.sample is not None:
            where += f", sample {moment.sample}"
        return where if moment.time is None else f"{where}, t = {moment.time}"

    def _short(self, position: int) -> Math:
        board = self.board
        row = board.row(position) if not board.steps[position].shape else None
        name, value = board.name(position), board.value(position)
        if row is None or row.numbers.text == row.result.text or not board.steps[position].arguments or row.kind == "board":
            return Math(f"{name.text} = {value.text}", f"{name.latex} = {value.latex}")
        relation = ("=", "=") if row.relation == "=" else (row.relation, r"\approx")
        return Math(
            f"{row.name.text} = {row.numbers.text} {relation[0]} {row.result.text}",
            f"{row.name.latex} = {row.numbers.latex} {relation[1]} {row.result.latex}",
        )

    def _forward_meaning(self, time: int | None) -> str:
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

    def _backward_meaning(self, time: int | None) -> str:
        own = "own error" if self.desk.problem.loss.has_target else "own part of the loss"
        if time is None:
            return "the error goes back through the weight and the slope"
        if time == self.desk.last_time or not self._states():
            return f"only the {own}: nothing is carried back" if self.desk.last_time > 1 else f"only the {own}"
        return f"{own} and what is carried back" if self._sources(time, self._states()[0]) else "only what is carried back"

    def _states(self) -> list[Name]:
        """The hidden values of one step, component by component."""
        steps = [self.desk.steps[position] for position in self.parts.forward.steps.get(Moment(1), [])]
        return [step.target for step in steps if step.role is Role.HIDDEN]

    def _sources(self, time: int, state: Name) -> sentences.Sources | None:
        return sentences.sources(self.desk, time, state.index, state.layer)

    def _over_steps(self) -> Iterator[Table]:
        """States, outputs, losses and gradients over time; what this network does not have gets no row."""
        rows = [row for row in self._rows_over_steps() if any(cell != NONE for cell in row[1])]
        times = range(1, self.desk.last_time + 1)
        across = [Column((Math("t", "t"),), right=True), *(Column(label, right=True) for label, _ in rows)]
        down: list[tuple[Inline, ...]] = [
            ((Math(str(time), str(time)),), *(cells[time - 1] for _, cells in rows)) for time in times
        ]
        if self.desk.last_time <= EVERY_STEP_UP_TO:
            yield turned(across, down, ("Over time",), symbol="t = ")
        else:
            yield Table(tuple(across), down, ("Over time",))

    def _rows_over_steps(self) -> Iterator[tuple[Inline, list[Inline]]]:
        times = range(1, self.desk.last_time + 1)
        seen_from = self.desk.speller.seen_from
        last = [self.desk.steps[position].target for position in self.parts.forward.steps[Moment(self.desk.last_time)]]
        outputs = [name for name in last if name.stem == "y"]
        states = self._states()
        for words, names in (("hidden state ", states), ("output ", outputs), ("loss term ", [Name("L", time=1)])):
            for name in names:
                label = (words, seen_from(name, name.time or 1))
                yield label, [self._value_or_none(name._replace(time=time)) for time in times]
        for state in states:
            head = seen_from(gradient(state), 1)
            summed = self.desk.last_time > 1
            if summed:
                for word in ("direct", "carried"):
                    yield (head, f" {word}"), [self._source(word, time, state) for time in times]
            yield (head, " sum") if summed else (head,), self._gradients_over(state, times)
        for state in states:
            before = state._replace(stem="a")
            yield (seen_from(gradient(before), 1),), self._gradients_over(before, times)

    def _gradients_over(self, name: Name, times: range) -> list[Inline]:
        return [self._value_or_none(gradient(name._replace(time=time))) for time in times]

    def _value_or_none(self, name: Name) -> Inline:
        position = self.desk.find(name)
        return NONE if position is None else (self.desk.value(position),)

    def _source(self, word: str, time: int, state: Name) -> Inline:
        """The direct or the carried part at this time; a gradient with one source is that part."""
        desk = self.desk
        found = self._sources(time, state)
        if found is not None:
            return (desk.value(found.direct if word == "direct" else found.carried),)
        total = desk.find(gradient(state._replace(time=time)))
        if total is None:
            return NONE
        through = desk.steps[total].through
        only = way(desk.steps[total].target, desk.steps[through].target) if through is not None else "direct"
        return (desk.value(total),) if only == word else NONE

    def _parameter_table(self) -> Table:
        """Old value, contributions, gradient and new value of every parameter."""
        desk, parts = self.desk, self.parts
        every = self.recurrent and self.alone and 1 < desk.last_time <= EVERY_STEP_UP_TO
        times = range(1, desk.last_time + 1) if every else range(0)
        headings: list[Inline] = [
            ("old",),
            *(("from ", Math(f"t = {time}", f"t = {time}")) for time in times),
            ("gradient",),
            ("new",),
        ]
        columns = (Column(("parameter",)), *(Column(heading, right=True) for heading in headings))
        rows: list[tuple[Inline, ...]] = []
        for parameter in parts.parameters:
            group = parts.gradients.get(parameter, [])
            new = desk.find(desk.steps[parameter].target._replace(updated=True))
            shares = self._shares(group)
            cells: list[Inline] = [(desk.name(parameter),), (desk.value(parameter),)]
            cells += [shares.get(time, NONE) for time in times]
            cells.append((desk.value(group[-1]),) if group else ("frozen",))
            cells.append((desk.value(new),) if new is not None else (desk.value(parameter),))
            rows.append(tuple(cells))
        return Table(columns, rows, ("Parameters",))

    def _shares(self, group: Sequence[int]) -> dict[int | None, Inline]:
        """What each time step contributes to the gradient of a parameter; one step alone contributes all of it."""
        desk = self.desk
        shares: dict[int | None, Inline] = {}
        for position in group[:-1] or group:
            through = desk.steps[position].through
            if through is not None:
                shares[desk.steps[through].target.time] = (desk.value(position),)
        return shares
