"""The epochs of one neuron whose samples take turns: a row for each presentation, and whether the rule has ended."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.mathematics import Math, Number
from bptt_trace.document.sentences import Inline, inline, inline_many, say
from bptt_trace.document.sheet import Column, Note, Table
from bptt_trace.engine.formula import Var
from bptt_trace.engine.names import Name
from bptt_trace.lines.desk import Desk
from bptt_trace.worked_solution.wording import summed

MOST_ROWS = 60
"""Presentations that have a row each; of more, the epochs alone have."""


class Epochs:
    """The epochs of a sheet."""

    def __init__(self, desk: Desk) -> None:
        update, network = desk.problem.update, desk.problem.network
        assert update is not None
        self.desk, self.turns, self.last = desk, update.online, update.iterations
        names = [desk.steps[position].target for position in desk.parts.parameters]
        self.parameters = [name for name in names if name._replace(index=()) not in update.freeze]
        self.inputs = [(place,) for place in range(1, network.inputs + 1)] if network.inputs > 1 else [()]
        self.stops = desk.problem.loss.kind == "perceptron"
        """Whether an answer is right or wrong, so that the rule may end."""

    @staticmethod
    def of(desk: Desk) -> Epochs | None:
        """The epochs of a problem; None where it has none, or is no single neuron."""
        update, network, kind = desk.problem.update, desk.problem.network, desk.problem.loss.kind
        alone = network.steps is None and len(network.cells) == 1 and not network.readout and network.outputs == 1
        if not update or not update.online or not alone or kind not in ("perceptron", "squared_error"):
            return None
        if desk.values.rounding.policy == "exact" or update.iterations % update.online:
            return None
        return Epochs(desk)

    # ------------------------------------------------------------------- tables

    def tables(self) -> Iterator[Table]:
        """A row for each presentation, if there are few; then a row for each epoch."""
        if self.last <= MOST_ROWS:
            yield Table(
                tuple(self._heads()), [self._presentation(k) for k in range(1, self.last + 1)], inline("Sample by sample")
            )
        yield self._epochs()

    def _heads(self) -> Iterator[Column]:
        speller = self.desk.speller
        names = [Name("x", index=index) for index in self.inputs] + [Name("target"), Name("a")]
        yield Column(inline("epoch"), right=True)
        yield Column(inline("sample"), right=True)
        yield from (Column((speller.math(name),), right=True) for name in names)
        if self.stops:
            yield Column((speller.math(Name("h")),), right=True)
        yield Column(inline("error"), right=True, strong=True)
        yield from (Column((speller.math(name._replace(updated=True)),), right=True) for name in self.parameters)

    def _presentation(self, k: int) -> tuple[Inline, ...]:
        desk = self.desk
        sample = (k - 1) % self.turns + 1
        place = self._line
        cells: list[Inline] = [(Number((k - 1) // self.turns + 1),) if sample == 1 else ("",), (Number(sample),)]
        cells += [(desk.value(place(Name("x", index=index, sample=sample))),) for index in self.inputs]
        cells += [(desk.value(place(Name("target", sample=sample))),), (desk.value(place(Name("a", iteration=k))),)]
        cells += [(desk.value(self._answer(k)),)] if self.stops else []
        answer = self._answer(k)
        error = desk.calculate(Var(place(Name("target", sample=sample))) - Var(answer), desk.precision(answer))
        cells.append((error.value,))
        return (*cells, *((desk.value(self._after(name, k)),) for name in self.parameters))

    def _epochs(self) -> Table:
        desk, speller = self.desk, self.desk.speller
        counted = (
            Column(inline("wrong"), right=True, strong=True)
            if self.stops
            else Column(inline("sum of the losses"), right=True, strong=True)
        )
        columns = (
            Column(inline("epoch"), right=True), counted,
            *(Column(inline("{name} at its end", name=speller.math(name)), right=True) for name in self.parameters),
        )  # fmt: skip
        rows: list[tuple[Inline, ...]] = []
        for epoch in range(1, self.count + 1):
            after = [(desk.value(self._after(name, epoch * self.turns)),) for name in self.parameters]
            rows.append(((Number(epoch),), (self._score(epoch),), *after))
        return Table(columns, rows, inline("Epoch by epoch"))

    def _score(self, epoch: int) -> Math:
        """The number of wrong answers in an epoch, or the sum of its losses."""
        if self.stops:
            return Number(self.wrong(epoch))
        losses = [self._line(Name("L", iteration=k)) for k in self._turns(epoch)]
        return self.desk.calculate(summed([*map(Var, losses)]), self.desk.precision(losses[0])).value

    # ------------------------------------------------------------------- words

    def said(self) -> Iterator[Note]:
        """Whether the rule has ended, goes round, or goes on."""
        if not self.stops:
            return
        states = [tuple(self._printed(name, epoch * self.turns) for name in self.parameters) for epoch in range(self.count + 1)]
        if states[-1] == states[-2] and self.wrong(self.count) == 0:
            yield Note(
                say("End"),
                inline(
                    "Epoch {count} changes nothing: every sample is answered right, and the rule has ended.", count=self.count
                ),
            )
        elif states[-1] in states[:-1]:
            before = states.index(states[-1])
            since = say("those after epoch {before}", before=before) if before else say("those at the beginning")
            again = say(
                "The weights after epoch {count} are {since}: all of it happens again, and the rule does not end.",
                count=self.count,
                since=since,
            )
            why = say(" By the convergence theorem of the perceptron no line separates these samples.")
            yield Note(say("No end"), (again + why,))
        else:
            yield Note(
                say("No end yet"),
                inline_many(
                    "After {n} epoch something still changes.",
                    "After {n} epochs something still changes.",
                    self.count,
                    n=self.count,
                ),
            )

    @property
    def count(self) -> int:
        """The number of epochs."""
        return self.last // self.turns

    def wrong(self, epoch: int) -> int:
        """The number of samples with a wrong answer, each at its turn."""
        desk = self.desk
        pairs = ((self._answer(k), self._line(Name("target", sample=(k - 1) % self.turns + 1))) for k in self._turns(epoch))
        return sum(desk.numbers[first] != desk.numbers[other] for first, other in pairs)

    # ----------------------------------------------------------------- lookups

    def _turns(self, epoch: int) -> range:
        return range((epoch - 1) * self.turns + 1, epoch * self.turns + 1)

    def _line(self, name: Name) -> int:
        return self.desk.program.index[name]

    def _answer(self, k: int) -> int:
        """The line of the answer in an iteration; without an activation that is the weighted sum."""
        found = self.desk.find(Name("h", iteration=k))
        return self._line(Name("a", iteration=k)) if found is None else found

    def _after(self, name: Name, k: int) -> int:
        """A parameter after iteration k, or as it is given."""
        found = self.desk.find(name._replace(updated=True, iteration=k)) if k else None
        return self._line(name) if found is None else found

    def _printed(self, name: Name, k: int) -> object:
        return self.desk.numbers[self._after(name, k)]
