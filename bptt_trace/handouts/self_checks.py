"""Rules for *Check yourself*: they hold for right results and contain no number."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.mathematics import Math, Number, Put, Relation
from bptt_trace.document.sentences import Inline, in_a_row, inline, say, to_say
from bptt_trace.document.sheet import Block, Note
from bptt_trace.engine.functions import Function, identity, sigmoid, softmax, tanh
from bptt_trace.engine.names import BACKWARD, Layer, Name, gradient, word_and_number
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.rows import Rows
from bptt_trace.networks.cells.equations import Equations
from bptt_trace.problem.loss_keys import PAIRED
from bptt_trace.worked_solution.loss_formulas import loss_name

WORD = say("Check yourself")


def check_yourself(desk: Desk, board: Rows) -> Iterator[tuple[str, tuple[Block, ...]]]:
    """The rules that right results obey, by section of the sheet."""
    rules = _Rules(desk, board)
    for section, rules_of_section in (
        ("forward", rules.forward()),
        ("loss", rules.loss()),
        ("backward", rules.backward()),
        ("gradients", rules.gradients()),
        ("update", rules.update()),
        ("again", rules.again()),
    ):
        sentences = list(rules_of_section)
        if sentences:
            yield section, (Note(WORD, in_a_row(" ", sentences)),)


class _Rules:
    """The rules of one problem."""

    def __init__(self, desk: Desk, board: Rows) -> None:
        self.desk = desk
        self.board = board
        self.network, self.loss_of = desk.problem.network, desk.problem.loss
        self.output = self.network.output_activation
        self.update_of = desk.problem.update

    def _general(self, name: Name) -> Math:
        """A name at any time, of any sample and any component."""
        return self.desk.speller.math(name) if name.time is None else self.desk.speller.seen_from(name, name.time)

    def _at(self, stem: str, layer: Layer = None) -> Name:
        """A quantity at a time step, or without one in a feedforward network."""
        return Name(stem, layer, None if self.network.steps is None else 1)

    # ------------------------------------------------------------------ rules

    def forward(self) -> Iterator[Inline]:
        """The range of every activation; for a GRU and an sLSTM, whose first state may be large, the bound of the next."""
        for layer, cell in zip(self.network.layers, self.network.cells, strict=True):
            h = self._general(self._at("h", layer))
            match type(cell).__name__:
                case "GRU":
                    # A layer that reads backward has its state from the step after.
                    behind = 2 if word_and_number(layer)[0] == BACKWARD else 0
                    before = self.desk.speller.seen_from(Name("h", layer, behind), 1)
                    n = self._general(self._at("n", layer))
                    yield inline("{h} lies between {n} and {before}, apart from rounding.", h=h, n=n, before=before)
                case "SLSTM":
                    c, n = (self._general(self._at(stem, layer)) for stem in ("c", "n"))
                    read = Put("over", c, n)
                    yield inline("{h} is not larger in size than {read}, apart from rounding.", h=h, read=read)
                case _:
                    function = cell.hidden_activation if isinstance(cell, Equations) else cell.activation
                    yield from self._range(function or identity, h)
        if self.network.tokens or self.network.attention:
            row = self.desk.speller.seen_from(Name("alpha", None, 1), 1)
            yield inline("No weight {alpha} is negative, and those of one row add up to 1, apart from rounding.", alpha=row)
        if self.network.readout:
            yield from self._range(self.network.readout.activation, self._general(self._at("y")))

    @staticmethod
    def _range(function: Function, value: Math) -> Iterator[Inline]:
        low, high = function.values
        if low is not None and high is not None:
            yield (Relation(Number(low), value, Number(high), sign=" <= "), ".")
        elif low == 0:
            yield inline("{value} is never negative.", value=value)
        elif function is softmax:
            yield inline("No entry of {value} is negative, and they add up to 1, apart from rounding.", value=value)

    def loss(self) -> Iterator[Inline]:
        """The sign of the loss, and its bounds among its terms."""
        kind, network = self.loss_of.kind, self.network
        several = not network.single or network.samples is not None
        if kind in ("squared_error", "cross_entropy", "binary_cross_entropy"):
            yield inline("No loss term is negative.") if several else inline("The loss is not negative.")
        if network.single or network.samples is not None or kind == "above":
            return
        whole = loss_name(self.desk)
        if self.loss_of.over_time == "mean":
            yield inline("{L} lies between the smallest and the largest of its terms.", L=whole)
        elif kind not in ("output", "kl_divergence"):
            yield inline("{L} is the sum of its terms, so it is not smaller than any of them.", L=whole)

    def backward(self) -> Iterator[Inline]:
        """Signs that must agree, and sizes that cannot grow."""
        if not self.desk.parts.backward:
            return
        y, target = self._general(self._at("y" if self.network.readout else "h")), self._general(self._at("target"))
        before = self._at(self.network.readout.logits) if self.network.readout else self._at("a", self.network.layers[-1])
        short = self.loss_of.gradient == "short"
        # A quantity that is used again, as the next input or state, has more sources than its own error.
        own_error_only = self.network.feedback != "output" and (self.network.readout is not None or self.network.steps is None)
        error = {"squared_error": gradient(self._at("y")), "binary_cross_entropy": gradient(before)}.get(self.loss_of.kind)
        if error is not None and own_error_only and self._has(error) and (short or self.loss_of.kind == "squared_error"):
            yield inline(
                "{error} is negative where {y} is below {target}, apart from rounding.",
                error=self._general(error),
                y=y,
                target=target,
            )
        elif self.loss_of.over_classes and short and self._has(gradient(before)):
            yield inline("The entries of {error} add up to 0, apart from rounding.", error=self._general(gradient(before)))
        for layer, cell in zip(self.network.layers, self.network.cells, strict=True):
            names = [gradient(self._at(stem, layer)) for stem in ("a", "h")]
            straight = self.loss_of.kind in PAIRED and short and not self.network.readout and layer == self.network.layers[-1]
            if cell.activation not in (tanh, sigmoid) or straight or not all(map(self._has, names)):
                continue
            through, arrived = map(self._general, names)
            pattern = (
                to_say("{a} has the sign of {h} and is not larger in size, apart from rounding.")
                if cell.activation is tanh
                else to_say("{a} has the sign of {h} and is at most a quarter of it in size, apart from rounding.")
            )
            yield inline(pattern, a=through, h=arrived)

    def _has(self, name: Name) -> bool:
        """Whether there is such a line, at any time and of any sample."""
        return any(
            step.target._replace(time=None, sample=None, index=()) == name._replace(time=None)
            for step in self.board.steps
            if step.target.of is not None
        )

    def gradients(self) -> Iterator[Inline]:
        """The gradient of a bias, which has the factor 1."""
        groups = self.desk.parts.gradients
        if any(len(group) > 1 for group in groups.values()):
            yield inline("The gradient of a shared parameter is the sum of what all of its uses contribute.")

    def update(self) -> Iterator[Inline]:
        """The direction of the update: against the gradient."""
        update = self.update_of
        if self.desk.parts.updates and update and not update.decay and (update.rule == "gd" or update.iterations == 1):
            yield inline("A parameter with a negative gradient rises, one with a positive gradient falls, apart from rounding.")

    def again(self) -> Iterator[Inline]:
        """The loss after the update: lower."""
        new = self.desk.speller.math(Name("L", iteration=self.desk.parts.last + 1))
        if self.update_of and self.update_of.online:
            return
        yield inline("The step went downhill if {new} is below {old}.", new=new, old=loss_name(self.desk))
