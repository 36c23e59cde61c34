"""What a program comes to: a loop, and a table of arithmetics.

====== =================== ============================ =====================
policy numbers             a result is                  what is used next
====== =================== ============================ =====================
by_hand ``Decimal``        rounded half up              the rounded value
carry  ``Decimal``         60 digits                    the 60 digits
full   ``float``           IEEE 754 double              the same
exact  SymPy numbers       closed form                  the same
====== =================== ============================ =====================

By hand, sums and products are taken with 60 digits and snapped to 50 before
they are rounded, because a division spoils ties. Functions are taken in floating
point, and again with 60 digits where that leaves a doubt about the last place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from fractions import Fraction
from functools import cache
from typing import Any, Protocol

from bptt_trace.errors import CalculationError, UnknownName, nearest
from bptt_trace.functions import Function, Libraries, Pieces, ln
from bptt_trace.lines import Source, definition_source, source
from bptt_trace.names import Name
from bptt_trace.numbers import Number, Rounding
from bptt_trace.program import KEEPS_FIGURES, Program, Role
from bptt_trace.rules import Rule

WORKING = Context(
    prec=60, rounding=ROUND_HALF_UP, Emax=999_999, Emin=-999_999, traps=[InvalidOperation, DivisionByZero, Overflow]
)
SNAP = Context(prec=50, rounding=ROUND_HALF_UP, Emax=999_999, Emin=-999_999)
ZERO = Decimal(0)


@dataclass(frozen=True, eq=False)
class Values:
    """One number for each step of a program, in a chosen arithmetic."""

    program: Program
    numbers: tuple[Any, ...]
    given: Mapping[Name, Number]
    rounding: Rounding

    def __getitem__(self, name: Name) -> Any:
        """The number of a quantity; raises ``UnknownName`` where the program has none of that name."""
        if name not in self.program.index:
            known = nearest(str(name), map(str, self.program.index))
            raise UnknownName(f"{name} is not a quantity of this problem{known}")
        return self.numbers[self.program.index[name]]


class Arithmetic(Protocol):
    """How numbers are made and lines are calculated."""

    def number(self, value: Fraction) -> Any:
        """An exact number in this arithmetic."""

    def line(self, rule: Rule, role: Role) -> Callable[..., Any]:
        """A rule as a function of its arguments, rounding included."""


def arithmetic(rounding: Rounding, given: Mapping[Name, Number]) -> Arithmetic:
    """The arithmetic of a rounding policy, for a problem with these given numbers."""
    match rounding.policy:
        case "by_hand":
            return ByHand(rounding, endless=any(map(_endless, given.values())))
        case "carry":
            return Precise(endless=any(map(_endless, given.values())))
        case "full":
            return Full()
        case _:
            return Exact()


def evaluate(
    program: Program,
    given: Mapping[Name, Number],
    rounding: Rounding,
    override: Mapping[Name, Any] | None = None,
) -> Values:
    """The value of every step of a program of numbers.

    ``given`` has a number for each step without a rule; ``override`` replaces
    values by name. Raises ``CalculationError`` where a value cannot be had.
    """
    return Values(program, run(program, given, arithmetic(rounding, given), override), given, rounding)


class Remembering:
    """An arithmetic that keeps its lines, for a program that is evaluated many times."""

    def __init__(self, how: Arithmetic) -> None:
        self.number = how.number
        self.line = cache(how.line)


def run(
    program: Program, given: Mapping[Name, Number], how: Arithmetic, override: Mapping[Name, Any] | None = None
) -> tuple[Any, ...]:
    """The number of every step in an arithmetic."""
    instead = {program.index[name]: value for name, value in (override or {}).items()}
    lines: dict[Rule, Callable[..., Any]] = {}
    factors: dict[Rule, Callable[..., Any]] = {}  # these are rounded in their own way
    numbers: list[Any] = []
    append = numbers.append
    with localcontext(WORKING):
        for position, (target, rule, arguments, role, _, _) in enumerate(program.steps):
            if position in instead:
                append(instead[position])
            elif rule is None:
                append(how.number(given[target].value))
            else:
                known = factors if role in KEEPS_FIGURES else lines
                line = known.get(rule)
                if line is None:
                    line = known[rule] = how.line(rule, role)
                try:
                    append(line(*[numbers[argument] for argument in arguments]))
                except (ArithmeticError, ValueError, CalculationError) as error:
                    raise CalculationError(f"{target} cannot be calculated: {_reason(error, rule, role)}") from None
    return tuple(numbers)


def _reason(error: Exception, rule: Rule, role: Role) -> str:
    if role is Role.LOSS and isinstance(error, ValueError) and ln in source(rule).functions:
        return (
            "a probability in it is 0 with the digits that are kept, and ln(0) does not exist; "
            "more places, significant figures (--round 5sf) or unrounded values (--round carry) would do"
        )
    if isinstance(error, ZeroDivisionError | DivisionByZero) or "DivisionUndefined" in str(error):
        return "a division by zero, with the digits that are kept; more places, or significant figures (--round 5sf), may do"
    if isinstance(error, CalculationError):
        return str(error)
    if isinstance(error, ValueError):
        return "a function is not defined there"
    return "the number is too large; smaller parameters or a smaller learning rate would do"


# ------------------------------------------------------------------ functions


Library = Callable[[Libraries], Callable[[Any], Any]]
"""Which of its libraries an arithmetic takes a function from."""


def resolve(function: Function, number: Callable[[Fraction], Any], library: Library) -> Callable[[Any], Any]:
    """A function in an arithmetic: put together from pieces, defined by a formula, or from a library."""
    if function.pieces is not None:
        return _bent(function.pieces, number)
    if function.libraries is not None:
        return library(function.libraries)
    return definition_source(function).bind(number, lambda inner: resolve(inner, number, library))


def _bent(pieces: Pieces, number: Callable[[Fraction], Any]) -> Callable[[Any], Any]:
    left, at_zero, right = map(number, (pieces.left, pieces.at_zero, pieces.right))
    if pieces.steps:
        return lambda z: right if z > 0 else left if z < 0 else at_zero
    return lambda z: right * z if z > 0 else left * z


@cache
def _sixty_digits() -> Any:
    """mpmath with 60 digits; it is imported where a double leaves a doubt."""
    import mpmath

    context = mpmath.mp.clone()
    context.dps = 60
    return context


def floats(libraries: Libraries) -> Callable[[float], float]:
    """A function of doubles."""
    return libraries.math


def _by_float(libraries: Libraries) -> Callable[[Decimal], Decimal]:
    return lambda z: Decimal(libraries.math(float(z)))


def _by_digits(libraries: Libraries) -> Callable[[Decimal], Decimal]:
    def applied(z: Decimal) -> Decimal:
        digits = _sixty_digits()
        value = libraries.mpmath(digits, digits.mpf(str(z)))
        if isinstance(value, digits.mpc) or not digits.isfinite(value):
            raise ValueError
        return Decimal(digits.nstr(value, 58, min_fixed=0, max_fixed=0))

    return applied


# ---------------------------------------------------------------- arithmetics


def decimal(value: Fraction) -> Decimal:
    """An exact number with 60 digits."""
    return WORKING.divide(Decimal(value.numerator), Decimal(value.denominator))


def _endless(number: Number) -> bool:
    """Whether a number has no end in decimals: 1/3."""
    rest = number.value.denominator
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    return rest != 1


LONGEST_FRACTION = 1_000
"""Bits of a denominator beyond which a fraction becomes a decimal of 60 digits."""


@dataclass(frozen=True)
class Precise:
    """Decimals of 60 digits, never rounded to less."""

    endless: bool = False
    """Whether some given number has no end in decimals: fractions are then kept, as by hand, so that what cancels is 0."""

    def number(self, value: Fraction) -> Any:
        return value if self.endless and _endless(Number(value, "")) else decimal(value)

    def line(self, rule: Rule, role: Role) -> Callable[..., Any]:
        by_decimals = self._decimal_line(rule)
        if not self.endless:
            return by_decimals
        one = source(rule)
        if any(function.pieces is None for function in one.functions):
            return lambda *numbers: by_decimals(*[n if isinstance(n, Decimal) else decimal(n) for n in numbers])
        exact = one.bind(Fraction, lambda f: resolve(f, Fraction, _by_digits))

        def line(*numbers: Any) -> Any:
            value = Fraction(exact(*map(Fraction, numbers)))
            return self.number(value) if value.denominator.bit_length() <= LONGEST_FRACTION else decimal(value)

        return line

    @staticmethod
    def _decimal_line(rule: Rule) -> Callable[..., Any]:
        return source(rule).bind(decimal, lambda f: resolve(f, decimal, _by_digits), lambda value: value + ZERO)


@dataclass(frozen=True)
class ByHand:
    """Every result rounded half up, as a person with a calculator works."""

    rounding: Rounding
    endless: bool = False
    """Whether some given number has no end in decimals. It is then kept as a fraction, and sums and products
    are taken with fractions, so that 1/3 · 0.3 − 0.1 is 0 and a tie is a tie."""

    def number(self, value: Fraction) -> Any:
        return value if self.endless and _endless(Number(value, "")) else decimal(value)

    def line(self, rule: Rule, role: Role) -> Callable[..., Any]:
        if not self.endless:
            return self._decimal_line(rule, role)
        one = source(rule)
        if any(self._inexact(function) for function in one.functions):
            by_decimals = self._decimal_line(rule, role)
            return lambda *numbers: by_decimals(*[n if isinstance(n, Decimal) else decimal(n) for n in numbers])
        exact = one.bind(Fraction, lambda f: resolve(f, Fraction, _by_digits))
        settle = settler(self.rounding, role)
        return lambda *numbers: settle(decimal(Fraction(exact(*map(Fraction, numbers)))))

    def _decimal_line(self, rule: Rule, role: Role) -> Callable[..., Any]:
        one = source(rule)
        settle = settler(self.rounding, role)
        if not any(self._inexact(function) for function in one.functions):
            return one.bind(decimal, lambda f: resolve(f, decimal, _by_digits), settle)
        precise = one.bind(decimal, lambda f: resolve(f, decimal, _by_digits), settle)
        if any(function.pieces is None and function.libraries is None for function in one.functions):
            return precise  # nobody knows how errors grow in a user's own formula
        return self._quick(one, precise, settle, self.rounding.figures)

    @staticmethod
    def _inexact(function: Function) -> bool:
        return function.pieces is None

    @staticmethod
    def _quick(one: Source, precise: Callable[..., Any], settle: Callable[[Any], Any], figures: int | None) -> Callable[..., Any]:
        """By floating point, and by 60 digits where the value lies close to a tie."""
        rough = one.bind(decimal, lambda f: resolve(f, decimal, _by_float))
        half, doubt, relative = Decimal("0.5"), Decimal("1e-6"), Decimal("1e-14")

        def line(*arguments: Decimal) -> Any:
            try:
                value = rough(*arguments)
            except (OverflowError, ValueError):  # too large, or too small, for doubles
                return precise(*arguments)
            result = settle(value)
            # Just below a power of ten the last figure stands one place further right than in the result.
            place = int(result.as_tuple().exponent)
            if figures is not None and value and value.adjusted() < result.adjusted():
                place -= 1
            quantum = Decimal((0, (1,), place))
            if abs(abs(value - result) / quantum - half) < doubt + abs(value) * relative / quantum:
                return precise(*arguments)
            return result

        return line


def settler(rounding: Rounding, role: Role) -> Callable[[Any], Any]:
    """What rounds a result to the digits that are shown.

    Factors of the gradient flow and the state of an optimizer keep significant
    figures whatever the policy: with four places the product of a few factors,
    or a squared gradient, would be 0.0000.
    """
    if rounding.figures is None and role not in KEEPS_FIGURES:
        quantum = Decimal(1).scaleb(-rounding.places)
        plus = SNAP.plus

        def to_places(value: Decimal) -> Decimal:
            # + 0: minus zero is zero. Even a product wants snapping: a given 4/3 has no end in decimals.
            return plus(value).quantize(quantum, ROUND_HALF_UP) + ZERO

        return to_places
    figures = Context(
        prec=rounding.figures or rounding.places, rounding=ROUND_HALF_UP, Emax=999_999, Emin=-999_999, traps=[InvalidOperation]
    )
    least = figures.prec - 1

    def to_figures(value: Decimal) -> Decimal:
        rounded = figures.plus(SNAP.plus(value))
        if not rounded:
            return Decimal((0, (0,), -least))
        return rounded.quantize(Decimal((0, (1,), rounded.adjusted() - least)))

    return to_figures


class Full:
    """IEEE 754 doubles."""

    number = staticmethod(float)

    def line(self, rule: Rule, role: Role) -> Callable[..., Any]:
        one = source(rule)
        quick = one.bind(float, lambda f: resolve(f, float, floats), self._finite)
        if not any(function.name == "exp" for function in one.functions):
            return quick
        precise = one.bind(decimal, lambda f: resolve(f, decimal, _by_digits), float)

        def line(*arguments: float) -> float:
            # A probability is a quotient of exponentials that may be too large, or too small, for doubles.
            try:
                return float(quick(*arguments))
            except OverflowError:
                return self._finite(precise(*map(Decimal, arguments)))

        return line

    @staticmethod
    def _finite(value: float) -> float:
        if value - value != 0:
            raise OverflowError
        return value + 0.0


class Exact:
    """Closed forms: SymPy numbers, of which all together have a size that can be worked with."""

    def __init__(self) -> None:
        from bptt_trace.symbolic import Readable

        self.readable = Readable()

    @staticmethod
    def number(value: Fraction) -> Any:
        from bptt_trace.symbolic import rational

        return rational(value)

    def line(self, rule: Rule, role: Role) -> Callable[..., Any]:
        from bptt_trace.symbolic import closed

        return source(rule).bind(self.number, lambda f: resolve(f, self.number, closed), self.readable)
