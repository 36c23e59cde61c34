"""The perceptron rule without rounding: how many epochs pass until nothing changes, or until it is seen to go round.

Source: Rosenblatt (1958), *Psychological Review* 65:386; that the rule ends where a line separates the samples, and only
there, is the theorem of Novikoff (1962).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple


class Neuron(NamedTuple):
    """The start of the rule."""

    weights: tuple[Fraction, ...]
    bias: Fraction
    learns: tuple[bool, bool]
    """Whether the weights learn, and whether the bias does."""


def epochs(
    neuron: Neuron,
    samples: Sequence[tuple[Sequence[Fraction], Fraction]],
    rate: Fraction,
    answer: Callable[[Fraction], Fraction],
    most: int,
) -> int:
    """The number of epochs up to the first that changes nothing, or that ends as an earlier one did; at most ``most``.

    ``samples`` are inputs with their targets, and ``answer`` is the step.
    """
    weights, bias, _ = neuron
    seen = {(weights, bias)}
    for epoch in range(1, most + 1):
        before = weights, bias
        for x, target in samples:
            error = target - answer(sum((w * one for w, one in zip(weights, x, strict=True)), bias))
            if neuron.learns[0]:
                weights = tuple(w + rate * error * one for w, one in zip(weights, x, strict=True))
            if neuron.learns[1]:
                bias += rate * error
        if (weights, bias) == before or (weights, bias) in seen:
            return epoch
        seen.add((weights, bias))
    return most
