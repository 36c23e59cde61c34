"""A line between bounds, calculated with more and more digits until its rounding is certain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any

from bptt_trace.calculation.compiled_rules import Source
from bptt_trace.calculation.enclosure import Undecided, digits, enclosed
from bptt_trace.calculation.function_values import resolve, roughly
from bptt_trace.engine.functions import Libraries
from bptt_trace.errors import CalculationError

ZERO = Decimal(0)
FLOATING = 30
"""The number of digits for which functions in floating point are accurate enough."""
COUNTS = (FLOATING, 40, 80, 160, 320, 640, 1280, 2560, 5120)
"""The numbers of digits of the bounds, tried one after the other until both bounds round alike."""
SUSPICIOUS = 160
"""From this many digits on, the terms of a line may cancel for any values of its functions."""
MAX_FRACTION = 1_000
"""Numbers beyond 10^±1000 are too long for fractions."""


def far(numbers: Sequence[Any]) -> bool:
    """Whether one of these numbers is too far from 1 for fractions."""
    return any(isinstance(number, Decimal) and abs(number.adjusted()) > MAX_FRACTION for number in numbers)


class Enclosed:
    """A line between bounds, calculated with more and more digits until both bounds are settled alike."""

    def __init__(
        self,
        one: Source,
        settle: Callable[[Decimal], Decimal],
        counts: Sequence[int] = COUNTS,
        cancelled: Decimal | None = None,
    ) -> None:
        """``cancelled`` is the value to return where all digits cancel; without it that case is an error."""
        self._one, self._settle, self._counts, self._cancelled = one, settle, counts, cancelled
        self._lines: dict[int, Callable[..., Any]] = {}

    def __call__(self, *numbers: Any) -> Decimal:
        """The settled value; raises ``CalculationError`` where all digits that are tried cancel."""
        return self.decided(*numbers)[0]

    def decided(self, *numbers: Any) -> tuple[Decimal, int]:
        """The settled value, and the number of digits that it took."""
        for count in self._counts:
            if count == SUSPICIOUS and self._is_nothing(numbers):
                return self._settle(ZERO), count
            how = digits(count)
            try:
                value = self._line(count)(*map(how.number, numbers))
            except Undecided:
                continue
            bounds = value.low, value.high
            if count == self._counts[-1]:  # a tie that a division spoils, for no other number is so close to one
                snap = Context(count - 20, ROUND_HALF_UP, MIN_EMIN, MAX_EMAX)
                bounds = snap.plus(value.low), snap.plus(value.high)
            low, high = map(self._settle, bounds)
            if low == high:
                return low, count
        if self._cancelled is not None:
            return self._cancelled, self._counts[-1]
        raise CalculationError(
            f"its terms cancel in their first {self._counts[-1]:,} digits; decimal places (--round 4dp) may do"
        )

    def _is_nothing(self, numbers: Sequence[Any]) -> bool:
        """Whether the value is 0 for any values of the functions, as in 0.2 f(x) − 0.1 f(x) − 0.1 f(x)."""
        nearby: dict[tuple[Libraries, Fraction], Fraction] = {}

        def library(libraries: Libraries) -> Callable[[Fraction], Fraction]:
            def applied(z: Fraction) -> Fraction:
                if (libraries, z) not in nearby:
                    value = enclosed(libraries)(digits(40).number(z)).low
                    if far([value]):
                        raise Undecided
                    nearby[libraries, z] = Fraction(value) * (1 + Fraction(len(nearby) + 1, 10**20))
                return nearby[libraries, z]

            return applied

        if far(numbers):
            return False
        line = self._one.bind(Fraction, lambda f: resolve(f, Fraction, library))
        try:
            return not line(*map(Fraction, numbers))
        except (ArithmeticError, ValueError, CalculationError):
            return False

    def _line(self, count: int) -> Callable[..., Any]:
        if count not in self._lines:
            number, library = digits(count).number, roughly if count == FLOATING else enclosed
            self._lines[count] = self._one.bind(number, lambda f: resolve(f, number, library))
        return self._lines[count]
