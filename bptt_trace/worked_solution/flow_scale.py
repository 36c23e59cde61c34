"""The measures of gradient flow: a verdict, and a logarithmic scale."""

from __future__ import annotations

from decimal import Decimal
from math import ceil, log10
from typing import NamedTuple

from bptt_trace.document.mathematics import Math, Power
from bptt_trace.document.sentences import say
from bptt_trace.worked_solution.backward_notes import lasts

MOST_MARKS = 5
"""Powers of ten that are written on a scale."""


def judged(product: float) -> tuple[str, str]:
    """The meaning of the product of all slopes for the gradient, in a word and in a clause."""
    if product == 0:
        return say("Blocked"), say("nothing comes back")
    if lasts(product):
        return say("Stable"), say("at least half of it is left, and it does not double")
    return (
        (say("Vanishing"), say("less than half of it is left")) if product < 1 else (say("Exploding"), say("it at least doubles"))
    )


class Scale(NamedTuple):
    """A logarithmic scale between two powers of ten."""

    low: int
    high: int

    def height(self, size: float) -> int:
        """The position of a number, in thousandths of the scale; 0 has no logarithm and no bar."""
        return round(1000 * (log10(size) - self.low) / (self.high - self.low)) if size else 0

    def marks(self) -> tuple[tuple[Math, int], ...]:
        """Some powers of ten in ascending order, with their positions."""
        step = ceil((self.high - self.low) / (MOST_MARKS - 1))
        exponents = reversed(range(self.high, self.low - 1, -step))
        return tuple((_power(exponent), round(1000 * (exponent - self.low) / (self.high - self.low))) for exponent in exponents)


def _power(exponent: int) -> Math:
    """A power of ten on a scale."""
    text = f"{Decimal(1).scaleb(exponent):f}" if -4 <= exponent <= 2 else f"1e{exponent}"
    return Power(text, exponent)
