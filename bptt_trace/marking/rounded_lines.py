"""The value of a line if every blank line before it is rounded, as in a calculation by hand.

A tolerance grows with every blank line, and beyond ten units of the last place it
makes no answer right by itself. What a calculation without an error gives is right
however far it is from the unrounded number, to half a unit: what the worked
solution prints, the exact number, and what is made of the written numbers by hand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from bptt_trace.marking.key import Key, Work, World

DIGITS = 12
"""A double with the digits of a tie to this many is a tie: 0.1 · 0.0225 is 0.00225."""


class RoundedWorld(World):
    """The values of all lines, given some written values, with every blank line rounded before it is used.

    The decimals are those asked for, or with ``asked=False`` those of the
    sheet's own rule, which for a small number are fewer.
    """

    def __init__(self, key: Key, written: Mapping[int, float], work: Work, how: str, *, asked: bool) -> None:
        super().__init__(key, written, work=work)
        self.how, self.asked = how, asked

    def kept(self, position: int) -> float | None:
        """The value of a blank line, rounded; a given number as it is."""
        value = self.rule(position)
        if not value or self.key.steps[position].rule is None:
            return value
        return _rounded(value, self._decimals(position, value), self.how)

    def _decimals(self, position: int, value: float) -> int:
        if self.key.figures(position) is not None:
            return self.key.decimals(position, value)
        return self.key.places[position] if self.asked else self.key.usual[position]


def _rounded(value: float, decimals: int, how: str) -> float:
    """The number with these decimals; unchanged if its twelve digits do not reach that far."""
    if math.floor(math.log10(abs(value))) + decimals >= DIGITS:
        return value
    return float(Decimal(f"{value:.{DIGITS}g}").quantize(Decimal(1).scaleb(-decimals), how))


def by_hand(key: Key, written: Mapping[int, float], work: Work, position: int) -> Iterator[float]:
    """The results of a line for students who go on from these numbers without an error and round every blank line.

    They round to the decimals asked for or by the sheet's rule, half up or half to even.
    """
    for asked in (True, False):
        for how in (ROUND_HALF_UP, ROUND_HALF_EVEN):
            value = RoundedWorld(key, written, work, how, asked=asked).rule(position)
            if value is not None:
                yield value
