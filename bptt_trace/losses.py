"""Losses: prediction and target in, steps out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from bptt_trace.formula import ONE, Const, Formula, Total, Var, product
from bptt_trace.names import LOSS, Name
from bptt_trace.program import Builder, Role
from bptt_trace.rules import rule_of


@dataclass(frozen=True)
class Loss:
    """What is minimised, with the conventions on which textbooks differ."""

    kind: str = "squared_error"
    """``squared_error``, or ``output``: the prediction is itself the loss (exercises on ∂h_T/∂w)."""
    factor: Fraction = Fraction(1)
    """In front of every term: 1, or 1/2 for the half squared error."""
    over_time: str = "mean"
    """``mean`` or ``sum`` of the terms of the time steps."""

    @property
    def has_target(self) -> bool:
        """Whether the prediction is compared with something."""
        return self.kind != "output"


def term(loss: Loss, prediction: Formula, target: Formula = ONE) -> Formula:
    """The loss of one prediction.

    factor · (y − target)², added up over the units of the output; source:
    Goodfellow, Bengio and Courville, *Deep Learning* (2016), sec. 5.1.4.
    """
    error = (prediction - target) ** 2 if loss.has_target else prediction
    return product(Const(loss.factor), Total(error) if error.shape else error)


def write(
    builder: Builder,
    loss: Loss,
    predictions: Sequence[Var],
    targets: Sequence[Var],
    times: Sequence[int | None],
    iteration: int = 1,
) -> None:
    """The loss of every prediction, then ``L``; a single prediction is all there is of ``L``."""
    total = LOSS._replace(iteration=iteration)
    single = times[0] is None or len(predictions) == 1 < len(times)
    compared = [prediction.shape for prediction in predictions[:1]] * (2 if targets else 1)
    one = term(loss, *(Var(number, shape) for number, shape in enumerate(compared)))
    rule, _ = rule_of(one)
    lines: list[int] = []
    for place, prediction in enumerate(predictions):
        filled = (prediction.number, targets[place].number) if targets else (prediction.number,)
        name = total if single else Name(LOSS.stem, None, times[place], (), None, iteration)
        lines.append(builder.fill(name, rule, filled, Role.LOSS))
    if not single:
        mean = ONE / Const(Fraction(len(lines)), "T") if loss.over_time == "mean" else None
        builder.sum(total, lines, Role.LOSS, mean)
