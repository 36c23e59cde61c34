"""What a student can check alone: rules that hold for right results, without a number in them."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.blackboard import Blackboard
from bptt_trace.desk import Desk
from bptt_trace.functions import Function, sigmoid, softmax, tanh
from bptt_trace.lossterms import loss_name
from bptt_trace.names import Layer, Name, gradient
from bptt_trace.sheet import Block, Inline, Math, Note, inline

WORD = "Check yourself"


def check_yourself(desk: Desk, board: Desk | Blackboard) -> Iterator[tuple[str, tuple[Block, ...]]]:
    """For each section of a sheet the rules that its results keep."""
    rules = _Rules(desk, board)
    for section, found in (
        ("forward", rules.forward()),
        ("loss", rules.loss()),
        ("backward", rules.backward()),
        ("gradients", rules.gradients()),
        ("update", rules.update()),
        ("again", rules.again()),
    ):
        sentences: list[str | Math] = []
        for sentence in found:
            sentences += [" "] if sentences else []
            sentences += sentence
        if sentences:
            yield section, (Note(WORD, tuple(sentences)),)


class _Rules:
    """The rules of one problem."""

    def __init__(self, desk: Desk, board: Desk | Blackboard) -> None:
        self.desk = desk
        self.board = board
        self.network, self.loss_of = desk.problem.network, desk.problem.loss
        self.output = self.network.output_activation
        self.update_of = desk.problem.update

    def _general(self, name: Name) -> Math:
        """A name at any time, of any sample and any component."""
        return self.desk.speller.math(name) if name.time is None else self.desk.speller.seen_from(name, name.time)

    def _at(self, stem: str, layer: Layer = None) -> Name:
        """A quantity at a time step; in a feedforward network without one."""
        return Name(stem, layer, None if self.network.steps is None else 1)

    # ------------------------------------------------------------------ rules

    def forward(self) -> Iterator[Inline]:
        """The range of every activation."""
        for layer, cell in zip(self.network.layers, self.network.cells, strict=True):
            yield from self._range(cell.activation, self._general(self._at("h", layer)))
        if self.network.readout:
            yield from self._range(self.network.readout.activation, self._general(self._at("y")))

    @staticmethod
    def _range(function: Function, value: Math) -> Iterator[Inline]:
        low, high = function.values
        if low is not None and high is not None:
            yield (Math(f"{low} < {value.text} < {high}", f"{low} < {value.latex} < {high}"), ".")
        elif low == 0:
            yield inline("{value} is never negative.", value=value)
        elif function is softmax:
            yield inline("The entries of {value} are positive and add up to 1, but for their rounding.", value=value)

    def loss(self) -> Iterator[Inline]:
        """Its sign, and where the whole lies among its parts."""
        kind, network = self.loss_of.kind, self.network
        several = not network.single or network.samples is not None
        if kind in ("squared_error", "cross_entropy", "binary_cross_entropy"):
            yield ("No loss term is negative.",) if several else ("The loss is not negative.",)
        if network.single or network.samples is not None:
            return
        whole = loss_name(self.desk)
        if self.loss_of.over_time == "mean":
            yield inline("{L} lies between the smallest and the largest of its terms.", L=whole)
        elif kind != "output":
            yield inline("{L} is the sum of its terms, so it is not smaller than any of them.", L=whole)

    def backward(self) -> Iterator[Inline]:
        """Signs that must agree, and sizes that cannot grow."""
        if not self.desk.parts.backward:
            return
        y, target = self._general(self._at("y" if self.network.readout else "h")), self._general(self._at("target"))
        before = self._at(self.network.readout.logits) if self.network.readout else self._at("a", self.network.layers[-1])
        short = self.loss_of.gradient == "short"
        used_again = self._has(gradient(self.network.prediction(None)))
        if self.loss_of.kind == "squared_error" and self.network.readout and self._has(gradient(self._at("y"))):
            error = self._general(gradient(self._at("y")))
            yield inline("{error} is negative where {y} is below its target {target}.", error=error, y=y, target=target)
        elif self.loss_of.kind == "cross_entropy" and short and self._has(gradient(before)):
            error = self._general(gradient(before))
            yield inline("The entries of {error} add up to 0, but for their rounding.", error=error)
        elif self.loss_of.kind == "binary_cross_entropy" and short and self._has(gradient(before)) and not used_again:
            error = self._general(gradient(before))
            yield inline("{error} is negative where {y} is below its target {target}.", error=error, y=y, target=target)
        for layer, cell in zip(self.network.layers, self.network.cells, strict=True):
            names = [gradient(self._at(stem, layer)) for stem in ("a", "h")]
            if cell.activation not in (tanh, sigmoid) or not all(map(self._has, names)):
                continue
            through, arrived = map(self._general, names)
            size = "is not larger in size" if cell.activation is tanh else "is at most a quarter of it in size"
            yield inline("{a} has the sign of {h} and {size}.", a=through, h=arrived, size=size)

    def _has(self, name: Name) -> bool:
        """Whether there is such a line, at any time and of any sample."""
        return any(
            step.target._replace(time=None, sample=None, index=()) == name._replace(time=None)
            for step in self.board.steps
            if step.target.of is not None
        )

    def gradients(self) -> Iterator[Inline]:
        """Where a bias is used with the factor 1."""
        groups = self.desk.parts.gradients
        if any(len(group) > 1 for group in groups.values()):
            yield ("The gradient of a shared parameter is the sum of what all of its uses contribute.",)

    def update(self) -> Iterator[Inline]:
        """Against the gradient."""
        update = self.update_of
        if self.desk.parts.updates and update and not update.decay and (update.rule == "gd" or update.iterations == 1):
            yield ("A parameter with a negative gradient grows; with a positive one it shrinks.",)

    def again(self) -> Iterator[Inline]:
        """Downhill."""
        new = self.desk.speller.math(Name("L", iteration=self.desk.parts.last + 1))
        if self.update_of and self.update_of.online:
            return
        yield inline("The step went downhill if {new} is below {old}.", new=new, old=loss_name(self.desk))
