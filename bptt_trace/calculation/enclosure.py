"""Numbers between two bounds, rounded outwards: the exact value is always inside, however much its terms cancel.

This is interval arithmetic (Moore 1966, *Interval Analysis*) on decimals. More
digits give narrower bounds: for a rounded value their number is raised until both
bounds round to the same value (Ziv 1991, *ACM TOMS* 17:410).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    ROUND_CEILING,
    ROUND_FLOOR,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from fractions import Fraction
from functools import lru_cache, reduce
from operator import mul
from typing import Any

from bptt_trace.engine.functions import Libraries
from bptt_trace.errors import CalculationError

LARGEST_ANGLE = 1_000
"""Sine and cosine are for numbers below 10^1000; π is not known to more digits."""
ZERO, ONE = Decimal(0), Decimal(1)


class Undecided(ArithmeticError):
    """The bounds are too wide to decide on which side of a number the value lies; more digits may decide."""


class NearZero(Undecided):
    """A divisor may be 0."""


class Undefined(ValueError):
    """A function has no value at its argument; the message names both."""


class Digits:
    """Arithmetic with ``count`` digits; one object for each count."""

    def __init__(self, count: int) -> None:
        self.count = count
        traps = [InvalidOperation, DivisionByZero, Overflow]
        self.down = Context(count, ROUND_FLOOR, MIN_EMIN, MAX_EMAX, traps=traps)
        self.up = Context(count, ROUND_CEILING, MIN_EMIN, MAX_EMAX, traps=traps)

    def number(self, value: Fraction | Decimal) -> Enclosure:
        """The bounds of an exact number."""
        if isinstance(value, Decimal):
            return Enclosure(self, self.down.plus(value), self.up.plus(value))
        above, below = Decimal(value.numerator), Decimal(value.denominator)
        return Enclosure(self, self.down.divide(above, below), self.up.divide(above, below))

    @lru_cache(maxsize=256)  # noqa: B019 - there are few such objects, and they live as long as the program
    def many(self, more: int) -> Any:
        """mpmath with this many digits more; loaded here, because doubles decide nearly every line."""
        import mpmath

        context = mpmath.mp.clone()
        context.dps = self.count + more
        return context

    def about(self, value: Any) -> tuple[Decimal, Decimal]:
        """Bounds of a number that mpmath has calculated with at least 10 digits more."""
        import mpmath

        number = Decimal(mpmath.nstr(value, self.count + 8, min_fixed=0, max_fixed=0))
        error = self.up.multiply(abs_of(number), Decimal((0, (1,), -self.count - 5)))
        return self.down.subtract(number, error), self.up.add(number, error)


digits = lru_cache(maxsize=64)(Digits)


def abs_of(number: Decimal) -> Decimal:
    """The absolute value; ``abs`` would round it."""
    return number.copy_abs()


class Enclosure:
    """A number between two bounds. A comparison raises ``Undecided`` if the bounds do not decide it."""

    __slots__ = ("digits", "high", "low")

    def __init__(self, digits: Digits, low: Decimal, high: Decimal) -> None:
        self.digits, self.low, self.high = digits, low, high

    def __repr__(self) -> str:
        return f"[{self.low}, {self.high}]"

    @property
    def width(self) -> Decimal:
        """The distance of the bounds."""
        return self.digits.up.subtract(self.high, self.low)

    def __neg__(self) -> Enclosure:
        return Enclosure(self.digits, self.high.copy_negate(), self.low.copy_negate())

    def __add__(self, other: Enclosure) -> Enclosure:
        how = self.digits
        return Enclosure(how, how.down.add(self.low, other.low), how.up.add(self.high, other.high))

    def __sub__(self, other: Enclosure) -> Enclosure:
        how = self.digits
        return Enclosure(how, how.down.subtract(self.low, other.high), how.up.subtract(self.high, other.low))

    def __mul__(self, other: Enclosure) -> Enclosure:
        how = self.digits
        if self.low >= 0 and other.low >= 0:
            return Enclosure(how, how.down.multiply(self.low, other.low), how.up.multiply(self.high, other.high))
        if other is self:
            return self**2  # never negative
        return self._extremes(other, how.down.multiply, how.up.multiply)

    def __truediv__(self, other: Enclosure) -> Enclosure:
        how = self.digits
        if other.low <= 0 <= other.high:
            raise NearZero if other.low != other.high else ZeroDivisionError
        return self._extremes(other, how.down.divide, how.up.divide)

    def _extremes(self, other: Enclosure, down: Callable[..., Decimal], up: Callable[..., Decimal]) -> Enclosure:
        pairs = [(left, right) for left in (self.low, self.high) for right in (other.low, other.high)]
        return Enclosure(self.digits, min(down(*pair) for pair in pairs), max(up(*pair) for pair in pairs))

    def __pow__(self, exponent: int) -> Enclosure:
        base = self
        if exponent % 2 == 0 and self.low < 0:  # an even power is the power of the absolute value
            sizes = abs_of(self.low), abs_of(self.high)
            base = Enclosure(self.digits, min(sizes) if self.high < 0 else ZERO, max(sizes))
        return reduce(mul, [base] * exponent)

    def larger(self, other: Enclosure) -> Enclosure:
        """The larger of two numbers."""
        return Enclosure(self.digits, max(self.low, other.low), max(self.high, other.high))

    def __gt__(self, other: Enclosure | int) -> bool:
        low, high = (other.low, other.high) if isinstance(other, Enclosure) else (other, other)
        if self.low <= high and self.high > low:
            raise Undecided
        return self.low > high

    def __ge__(self, other: Enclosure | int) -> bool:
        low, high = (other.low, other.high) if isinstance(other, Enclosure) else (other, other)
        if self.low < high and self.high >= low:
            raise Undecided
        return self.low >= high

    def __lt__(self, other: Enclosure | int) -> bool:
        return not self >= other

    def __le__(self, other: Enclosure | int) -> bool:
        return not self > other


# ------------------------------------------------------------------- functions

Bounds = tuple[Decimal, Decimal]


def increasing(bounds: Callable[[Digits, Decimal], Bounds]) -> Callable[[Enclosure], Enclosure]:
    """An increasing function of enclosures, from its bounds at a single number."""

    def applied(z: Enclosure) -> Enclosure:
        low, high = bounds(z.digits, z.low)
        if z.high != z.low:
            _, high = bounds(z.digits, z.high)
        return Enclosure(z.digits, low, high)

    return applied


def _exp(how: Digits, z: Decimal) -> Bounds:
    if not z:
        return ONE, ONE
    size = z.adjusted()
    if size >= 18:  # the exponent of a decimal cannot be larger
        if z > 0:
            raise Overflow
        return ZERO, how.up.next_plus(ZERO)
    if size < -how.count:  # 1 + z ≤ exp(z) ≤ 1 + z + z²
        return how.down.add(ONE, z), how.up.next_plus(how.up.add(ONE, z))
    context = how.many(30)
    return how.about(context.exp(context.mpf(str(z))))


exp = increasing(_exp)


def _ln(how: Digits, z: Decimal) -> Bounds:
    if z <= 0:
        raise Undefined(f"ln({z:.6g})")
    if z == 1:
        return ZERO, ZERO
    context = how.many(how.count + 30)  # twice as many digits: close to 1 the first ones cancel
    exponent = z.adjusted()
    if abs(exponent) < LARGEST_ANGLE:
        return how.about(context.log(context.mpf(str(z))))
    return how.about(context.log(context.mpf(str(z.scaleb(-exponent, how.up)))) + exponent * context.ln10)


_ln_of = increasing(_ln)


def ln(z: Enclosure) -> Enclosure:
    """The natural logarithm."""
    if z.low <= 0 < z.high:
        raise Undecided
    return _ln_of(z)


def _sqrt(how: Digits, z: Decimal) -> Bounds:
    if z < 0:
        raise Undefined(f"sqrt({z:.6g})")
    how.up.clear_flags()
    root = how.up.sqrt(z)
    return (how.down.next_minus(root), how.up.next_plus(root)) if how.up.flags[Inexact] else (root, root)


_sqrt_of = increasing(_sqrt)


def sqrt(z: Enclosure) -> Enclosure:
    """The square root."""
    if z.low < 0 <= z.high:
        raise Undecided
    return _sqrt_of(z)


def _tanh(how: Digits, z: Decimal) -> Bounds:
    if z < 0:
        low, high = _tanh(how, z.copy_negate())
        return high.copy_negate(), low.copy_negate()
    if z.adjusted() < -how.count // 2:  # z − z³/3 ≤ tanh(z) ≤ z
        return how.down.multiply(z, how.down.subtract(ONE, how.up.multiply(z, z))), how.up.plus(z)
    finer = how if z.adjusted() >= -2 else digits(2 * how.count)  # 1 − exp(−2z) loses as many digits as z has zeros
    unit, small = finer.number(ONE), exp(finer.number(Decimal(-2)) * finer.number(z))
    size = (unit - small) / (unit + small)
    return how.down.plus(size.low), how.up.plus(size.high)


def _sigmoid(how: Digits, z: Decimal) -> Bounds:
    unit, small = how.number(ONE), exp(-how.number(abs_of(z)))
    size = (unit if z >= 0 else small) / (unit + small)
    return size.low, size.high


def _softplus(how: Digits, z: Decimal) -> Bounds:
    small = exp(-how.number(abs_of(z)))
    if small.high.adjusted() < -how.count:  # x − x² ≤ ln(1 + x) ≤ x
        rest = Enclosure(how, (small * (how.number(ONE) - small)).low, small.high)
    else:
        rest = ln(how.number(ONE) + small)
    total = rest + how.number(max(z, ZERO))
    return total.low, total.high


def _wave(name: str, near_zero: Callable[[Digits, Decimal], Bounds]) -> Callable[[Enclosure], Enclosure]:
    """Sine or cosine of enclosures: neither changes faster than its argument."""

    def applied(z: Enclosure) -> Enclosure:
        how, width = z.digits, z.digits.up.subtract(z.high, z.low)
        if z.low.adjusted() > LARGEST_ANGLE:
            raise CalculationError(
                f"{name} is taken of numbers below 10^{LARGEST_ANGLE} only, and this one has {z.low.adjusted()} digits"
            )
        if z.low.adjusted() < -how.count:
            low, high = near_zero(how, z.low)
        else:
            context = how.many(max(0, z.low.adjusted()) + how.count + 30)
            low, high = how.about(getattr(context, name)(context.mpf(str(z.low))))
        return Enclosure(how, max(-ONE, how.down.subtract(low, width)), min(ONE, how.up.add(high, width)))

    return applied


def _sin_near_zero(how: Digits, z: Decimal) -> Bounds:
    if z < 0:
        low, high = _sin_near_zero(how, z.copy_negate())
        return high.copy_negate(), low.copy_negate()
    return how.down.multiply(z, how.down.next_minus(ONE)), how.up.plus(z)


_SHARPER: dict[str, Callable[[Enclosure], Enclosure]] = {
    "tanh": increasing(_tanh),
    "sigmoid": increasing(_sigmoid),
    "softplus": increasing(_softplus),
    "exp": exp,
    "ln": ln,
    "sqrt": sqrt,
    "sin": _wave("sin", _sin_near_zero),
    "cos": _wave("cos", lambda how, z: (how.down.next_minus(ONE) if z else ONE, ONE)),
}


def enclosed(libraries: Libraries) -> Callable[[Enclosure], Enclosure]:
    """A function of enclosures: one of this module, or made from a function that mpmath calculates."""
    return _SHARPER[libraries.bounds] if libraries.bounds else _between(libraries.mpmath)


def _between(function: Callable[[Any, Any], Any]) -> Callable[[Enclosure], Enclosure]:
    """The bounds from the values at both ends, for a function that is monotonic or nowhere steeper than 1."""

    def at(how: Digits, z: Decimal) -> Bounds:
        context = how.many(how.count + 30)  # twice as many digits: the first ones may cancel
        value = function(context, context.mpf(str(z)))
        if isinstance(value, context.mpc) or not context.isfinite(value):
            raise Undefined
        return how.about(value)

    def applied(z: Enclosure) -> Enclosure:
        how, ends = z.digits, [at(z.digits, z.low), at(z.digits, z.high)]
        width = how.up.subtract(z.high, z.low)
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        return Enclosure(how, how.down.subtract(low, width), how.up.add(high, width))

    return applied
