"""The bounds of every value of a program: two arithmetics, which tell how far a calculation in few digits may be off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

from bptt_trace.calculation.compiled_rules import source
from bptt_trace.calculation.enclosure import Enclosure, NearZero, digits, enclosed
from bptt_trace.calculation.function_values import resolve
from bptt_trace.engine.rules import Rule
from bptt_trace.errors import CalculationError
from bptt_trace.problem.rounding import Precision, Rounding

MANY = 480
"""The number of digits that are tried before a value with fewer digits counts as 0."""
TINY = Decimal("1e-30")
"""A limit for the excess width of bounds: they are wider than the value needs, but by less than this."""
NARROW = Decimal("1e-9")
"""The largest width of bounds that count as showing two numbers to be equal."""


class Untold(Enum):
    """A value that the bounds do not determine."""

    DIVISION = "whether a line divides by 0"
    WAY = "which way a line goes, where two numbers are as good as equal"
    WIDE = "anything: they have become too wide"


class Between:
    """Bounds with a given number of digits; a line that they do not determine determines no line that depends on it."""

    rounding = Rounding("full")

    def __init__(self, count: int) -> None:
        self.count = digits(count)

    def number(self, value: Fraction | Decimal) -> Enclosure:
        """The bounds of an exact number."""
        return self.count.number(value)

    def line(self, rule: Rule, precision: Precision | None = None) -> Callable[..., Any]:
        """The bounds of a line, which is not rounded."""
        bounds = source(rule).bind(self.number, lambda f: resolve(f, self.number, enclosed))

        def line(*numbers: Enclosure | Untold) -> Enclosure | Untold:
            narrow = True
            for one in numbers:
                if isinstance(one, Untold):
                    return one
                narrow = narrow and one.width <= NARROW
            try:
                found: Enclosure = bounds(*numbers)
            except (NearZero, ZeroDivisionError):
                return Untold.DIVISION if narrow else Untold.WIDE
            except (ArithmeticError, ValueError, CalculationError):
                return Untold.WAY if narrow else Untold.WIDE
            return found

        return line


class BetweenDoubles(Between):
    """Bounds of values that are calculated in doubles: 15 digits are fewer than doubles have, and 0.1 is no double."""

    def __init__(self) -> None:
        self.count = digits(15)

    def number(self, value: Fraction | Decimal) -> Enclosure:
        """The bounds of a number and of the double next to it."""
        bounds = self.count.number(value)
        if Fraction(float(value)) == value:
            return bounds
        return Enclosure(self.count, self.count.down.next_minus(bounds.low), self.count.up.next_plus(bounds.high))


def cancelled(numbers: Sequence[Any], kept: int, bounds: Callable[[int], Sequence[Enclosure | Untold]]) -> list[int]:
    """The positions of values that cancellation leaves without a true digit: not even ``MANY`` digits tell them from 0.

    ``kept`` is the number of digits of the values; ``bounds`` gives the bounds of all values with so many digits.
    """

    def about_0(positions: Sequence[int], count: int) -> dict[int, Decimal]:
        found = bounds(count)
        here = [(position, found[position]) for position in positions]
        return {p: bound.width for p, bound in here if isinstance(bound, Enclosure) and bound.low <= 0 <= bound.high}

    widths = about_0([position for position, number in enumerate(numbers) if number], kept)
    # A value far smaller than its bounds comes from a line whose terms cancel.
    noise = [p for p, width in widths.items() if abs(Fraction(numbers[p])) > Fraction(width * TINY)]
    narrow = Decimal(1).scaleb(-MANY // 2)  # bounds that are still wide decide nothing
    return [p for p, width in about_0(noise, MANY).items() if width < narrow] if noise else []
