"""The summary: every calculation on a line of its own, quantities over time, and the parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bptt_trace.document.mathematics import Math, Number, Relation, Symbol
from bptt_trace.document.sentences import Inline, inline, joined, say, together
from bptt_trace.document.sheet import Column, Row, Table, turned
from bptt_trace.engine.formula import Var
from bptt_trace.engine.formula_text import signed
from bptt_trace.engine.names import DECODER, Name, Role, gradient
from bptt_trace.engine.program import Moment
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.parts_of_sheet import ATTENTION, PROJECTION, by_track, sources_of, way
from bptt_trace.lines.row_words import OF_ATTENTION
from bptt_trace.lines.rows import Rows
from bptt_trace.lines.spelling import clock_at, layer_in_words, seen
from bptt_trace.networks.optimizers import of_parameter
from bptt_trace.worked_solution.wording import listed

EVERY_STEP_UP_TO = 3
"""Time steps that are printed in full; more of them become a ledger."""
ONE_BLOCK_FROM = 50
"""Time steps beyond which every line is printed without a heading, and without being summed up, for each step."""


MOST_IN_A_COLUMN = 16
"""Parameters beyond which their table stands in two columns on paper."""
FOR_EACH = {PROJECTION: say("each token is multiplied by three matrices"), ATTENTION: say("each token takes in what it looks at")}
AND_BACK = {
    PROJECTION: say("a sum over all that a token looks at, or that look at it"),
    ATTENTION: say("the error of each token goes back through its weights"),
}
"""The work for each token, by track."""

NONE: Inline = inline("none")
"""A part that does not exist; a dash would read as a minus sign."""


class Summary:
    """The tables that close a sheet."""

    def __init__(self, desk: Desk, board: Rows, *, on_ledger: bool) -> None:
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
            add(self._where(say("forward"), moment), positions, self._forward_meaning(moment))
        add(
            say("loss"),
            parts.forward.losses[-1:],
            say("how far the outputs are from their targets")
            if self.desk.problem.loss.has_target
            else say("what is differentiated"),
        )
        for moment, positions in parts.backward.items():
            lines = [p for p in positions if board.steps[p].target.via is None]
            add(self._where(say("backward"), moment), lines, self._backward_meaning(positions, moment))
        totals = [group[-1] for group in parts.gradients.values()]
        several = self.desk.last_time > 1 or not self.alone
        every = say("the sum over all steps") if self.alone else say("the sum over all samples")
        add(say("gradients"), totals, every if several else say("error times what the parameter multiplied"))
        updates = [p for p in parts.updates if board.steps[p].role is Role.UPDATE]
        add(say("update"), updates, say("against the gradient") if updates else "")
        if parts.again.losses and not parts.later:
            add(say("new loss"), parts.again.losses[-1:], say("the forward pass again, with the new parameters"))
        return Table(
            (Column(inline("step")), Column(inline("calculation")), Column(inline("explanation"))),
            rows,
            inline("What was calculated"),
            calculates=True,
        )

    @staticmethod
    def _where(pass_: str, moment: Moment) -> str:
        where = [pass_, *([layer_in_words(moment.track)] if moment.track else [])]
        if moment.sample is not None:
            where.append(say("sample {sample}", sample=moment.sample))
        if moment.time is not None:
            where.append(f"t = {moment.time}")
        return joined(", ", where)

    def _short(self, position: int) -> Math:
        board = self.board
        row = board.row(position) if not board.steps[position].shape else None
        name, value = board.name(position), board.value(position)
        if row is None or not board.steps[position].arguments or row.kind == "board" or self._taken_over(position, row):
            return Relation(name, value)
        return Relation(row.name, Relation(row.numbers, row.result, sign=f" {row.relation} "))

    def _taken_over(self, position: int, row: Row) -> bool:
        """Whether the calculation reads like its result: a number that another line has, or that with a sign."""
        step = self.board.steps[position]
        if step.rule is None or not isinstance(signed(step.rule.formula)[1], Var):
            return False
        return (step.rule.copies and self.board.steps[step.arguments[0]].rule is not None) or row.numbers == row.result

    def _forward_meaning(self, moment: Moment) -> str:
        time = moment.time
        network = self.desk.problem.network
        if network.tokens:
            return FOR_EACH[moment.track] if time == 1 else ""
        if time is None:
            if len(network.layers) > 1:
                return say("each layer weights what comes in, and passes it through its activation")
            if network.readout:
                return say("the input is weighted, passed through the activation, and weighted again")
            return say("the input is weighted and passed through the activation")
        if moment.track:
            return "" if time > 1 else say("the encoder's state is handed over") if moment.track == DECODER else ""
        if len(self.parts.forward.tracks) > 1:
            return say("both directions are read")
        if time > 1:
            if time == 2:
                return say("the state carries step 1 on")
            return say("the state carries steps 1 to {time} on", time=time - 1)
        before = [p for p in self.desk.parts.given if self.desk.steps[p].target.time == 0]
        if any(self.desk.numbers[p] != 0 for p in before if self.desk.steps[p].target.stem not in ("y", "target")):
            return say("the state begins with the initial memory")
        alone = network.inputs and not (network.feedback and not network.first_only)
        return say("the memory is empty: the state knows this input only") if alone else say("the memory is empty")

    def _backward_meaning(self, positions: Sequence[int], moment: Moment) -> str:
        """The gradients that reach this step, from those of its states."""
        time, loss = moment.time, self.desk.problem.loss
        if self.desk.problem.network.tokens:
            return AND_BACK[moment.track] if time == self.desk.last_time else ""
        own = say("own error") if loss.has_target else say("own part of the loss")
        if time is None:
            network = self.desk.problem.network
            if len(network.layers) > 1:
                return say("the error goes back through the slope and the weights of each layer")
            if network.readout:
                return say("the error goes back through the weight and the slope")
            return say("the error goes back through the slope")
        words = [word for word in ("direct", "carried", "from above", "from the decoder") if word in self._ways(positions)]
        own_part = say("the own error") if loss.has_target else say("the own part of the loss")
        said = {
            "direct": own_part,
            "carried": say("what is carried back"),
            "from above": say("what comes from above"),
            "from the decoder": say("what comes from the decoder"),
        }
        if loss.kind == "above":
            said["direct"] = say("what is handed in")
        elif words == ["direct"]:
            if self.desk.last_time > 1:
                return say("only this step's {own}; nothing is carried back", own=own)
            return say("only the {own}", own=own)
        parts = [said[word] for word in words]
        return say("only {part}", part=parts[0]) if len(parts) == 1 else listed(parts)

    def _ways(self, positions: Sequence[int]) -> set[str]:
        """The ways by which gradients reach the hidden states among these lines."""
        steps, found = self.board.steps, set[str]()
        for position in positions:
            step = steps[position]
            if step.target.stem == "h" and step.through is not None:
                found.add(way(step.target, steps[step.through].target))
        return found or {"direct"}

    def _states(self) -> list[Name]:
        """The hidden values of one step, component by component."""
        return self._hidden(self.parts.forward.at(1))

    def _hidden(self, positions: Sequence[int]) -> list[Name]:
        steps = [self.desk.steps[position] for position in positions]
        return [step.target for step in steps if step.role is Role.HIDDEN and step.target.stem != "alpha"]

    def _over_steps(self) -> Iterator[Table]:
        """A table for each pass over time; what this network does not have gets no row."""
        for track, groups in by_track(self.parts.forward.steps).items():
            times = sorted(moment.time or 0 for moment in groups)
            rows = [row for row in self._rows_over_steps(groups, times) if any(cell != NONE for cell in row[1])]
            across = [Column((Symbol("t"),), right=True), *(Column(label, right=True) for label, _ in rows)]
            down: list[tuple[Inline, ...]] = [
                ((Number(time),), *(cells[place] for _, cells in rows)) for place, time in enumerate(times)
            ]
            title: Inline = (say("Over time, {track}", track=layer_in_words(track)) if track else say("Over time"),)
            if len(times) <= EVERY_STEP_UP_TO or len(times) < len(rows):  # whichever is less wide
                yield turned(across, down, title, symbol=Symbol("t"))
            else:
                yield Table(tuple(across), down, title)

    def _rows_over_steps(self, groups: Mapping[Moment, list[int]], times: Sequence[int]) -> Iterator[tuple[Inline, list[Inline]]]:
        """States, outputs, losses and gradients."""
        desk = self.desk
        seen_from = desk.speller.seen_from
        network = desk.problem.network
        lines = [next(group for moment, group in groups.items() if moment.time == time) for time in (times[0], times[-1])]
        outputs = [name for position in lines[1] if (name := desk.steps[position].target).stem == "y"]
        hidden = self._hidden(lines[0])
        states = [name for name in hidden if name.stem in network.cell_of(name.layer).state]
        losses = [Name("L", time=1)] if outputs else []
        for words, names in (("", hidden), (say("output"), outputs), (say("loss term"), losses)):
            for name in names:
                attended = OF_ATTENTION.get(name.stem) if network.tokens or network.attention else None
                word = words or attended or network.cell_of(name.layer).words.get(name.stem) or say("hidden state")
                head = inline("{word} {name}", word=word, name=seen_from(name, name.time or 1))
                yield head, [self._value_or_none(name._replace(time=time)) for time in times]
        for state in states:
            total = seen_from(gradient(state), state.time or 1)
            terms = list(self._terms_over(state, times))
            for label, cells in terms:
                yield together(total, label), cells
            yield inline("{total} sum", total=total) if terms else (total,), self._gradients_over(state, times)
        for before in self._preactivations(lines[0]):
            yield (seen_from(gradient(before), before.time or 1),), self._gradients_over(before, times)

    def _preactivations(self, positions: Sequence[int]) -> list[Name]:
        """The pre-activations of hidden layers."""
        readout = self.desk.problem.network.readout
        names = [self.desk.steps[p].target for p in positions if self.desk.steps[p].role is Role.PREACTIVATION]
        return [name for name in names if name.stem.startswith("a") and (readout is None or name.stem != readout.logits)]

    def _gradients_over(self, name: Name, times: Sequence[int]) -> list[Inline]:
        return [self._value_or_none(gradient(name._replace(time=time))) for time in times]

    def _value_or_none(self, name: Name) -> Inline:
        position = self.desk.find(name)
        return NONE if position is None else (self.desk.value(position),)

    def _terms_over(self, state: Name, times: Sequence[int]) -> Iterator[tuple[Inline, list[Inline]]]:
        """A row for each way by which the gradient of a state arrives, called as its line is; nothing where all have one way."""
        desk = self.desk
        totals = {time: desk.find(gradient(state._replace(time=time))) for time in times}
        found = {time: sources_of(desk.program, total) for time, total in totals.items() if total is not None}
        if all(len(ways) < 2 for ways in found.values()):
            return
        several = {way.word for ways in found.values() for way in ways if [other.word for other in ways].count(way.word) > 1}
        rows: dict[tuple[str, str], dict[int, int]] = {}
        labels: dict[tuple[str, str], Inline] = {}
        for time, ways in sorted(found.items(), key=lambda item: -len(item[1])):  # the fullest sum gives the order
            for position, through, word in ways:
                now = state._replace(time=time)
                arrives_by = desk.steps[position].target.via or desk.steps[through].target
                via = desk.speller.math(*seen(clock_at(time), now, arrives_by))
                key = word, via.text if word in several else ""
                label = inline(" {word} via {via}", word=word, via=via) if word in several else inline(" {word}", word=word)
                labels.setdefault(key, label)
                rows.setdefault(key, {})[time] = position
        for key, cells in rows.items():
            yield labels[key], [(desk.value(cells[time]),) if time in cells else NONE for time in times]

    def _parameter_table(self) -> Table:
        """Old value, contributions, gradient and new value of every parameter."""
        desk, parts = self.desk, self.parts
        every = self.recurrent and self.alone and 1 < desk.last_time <= EVERY_STEP_UP_TO
        times = range(1, desk.last_time + 1) if every else range(0)
        clips = desk.problem.update is not None and bool(desk.problem.update.clip)
        headings: list[Inline] = [
            inline("old"),
            *(inline("from {time}", time=Relation(Symbol("t"), Number(time))) for time in times),
            inline("gradient"),
            *([inline("clipped")] if clips else []),
            inline("new"),
        ]
        columns = (Column(inline("parameter")), *(Column(heading, right=True) for heading in headings))
        rows: list[tuple[Inline, ...]] = []
        for parameter in parts.parameters:
            group = parts.gradients.get(parameter, [])
            new = desk.find(desk.steps[parameter].target._replace(updated=True))
            shares = self._shares(group)
            cells: list[Inline] = [(desk.name(parameter),), (desk.value(parameter),)]
            cells += [shares.get(time, NONE) for time in times]
            cells.append((desk.value(group[-1]),) if group else inline("frozen"))
            if clips:
                clipped = desk.find(of_parameter("clipped", desk.steps[parameter].target))
                cells.append((desk.value(clipped),) if clipped is not None else NONE)
            cells.append((desk.value(new),) if new is not None else (desk.value(parameter),))
            rows.append(tuple(cells))
        folds = len(rows) > MOST_IN_A_COLUMN and len(columns) <= 4
        return Table(columns, rows, inline("Parameters"), folds=folds)

    def _shares(self, group: Sequence[int]) -> dict[int | None, Inline]:
        """The contribution of each time step to the gradient of a parameter; a single step contributes all of it."""
        desk = self.desk
        shares: dict[int | None, Inline] = {}
        for position in group[:-1] or group:
            through = desk.steps[position].through
            if through is not None:
                shares[desk.steps[through].target.time] = (desk.value(position),)
        return shares
