"""The evaluation of programs: a loop, and a table of arithmetics.

====== =================== ============================ =====================
policy numbers             a result is                  what is used next
====== =================== ============================ =====================
by_hand ``Decimal``        rounded half up              the rounded value
carry  ``Decimal``         60 digits                    the 60 digits
full   ``float``           IEEE 754 double              the same
exact  SymPy numbers       closed form                  the same
====== =================== ============================ =====================

By hand every result is the exact value of its line, rounded. Sums and products
of decimals are exact; where they are not, fractions are taken. Lines with
functions are calculated between bounds (``enclosure``): with functions in
floating point, and then with more and more digits until both bounds round alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    ROUND_05UP,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Subnormal,
    Underflow,
    getcontext,
    localcontext,
)
from fractions import Fraction
from functools import cache, partial
from typing import Any, Protocol

from bptt_trace.calculation.bounds import Between, cancelled
from bptt_trace.calculation.compiled_rules import Source, source
from bptt_trace.calculation.enclosed_lines import COUNTS, Enclosed, far
from bptt_trace.calculation.enclosure import Undefined
from bptt_trace.calculation.function_values import floats, resolve
from bptt_trace.engine.formula import Const, Formula, Over
from bptt_trace.engine.formula_walks import children
from bptt_trace.engine.functions import Function, ln
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Program
from bptt_trace.engine.rules import Rule
from bptt_trace.errors import CalculationError, UnknownName, nearest
from bptt_trace.problem.numbers import Number
from bptt_trace.problem.rounding import WORKING, Precision, Rounding

SNAP = Context(prec=50, rounding=ROUND_HALF_UP, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""A rounded quotient can hide a tie: 2/3 · 0.00075 must round as exactly 0.0005 does."""
STICKY = Context(prec=80, rounding=ROUND_05UP, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""For quotients that are rounded once more: a digit that is cut off leaves a trace, so only a true tie looks like a tie."""
SIXTY = Rounding("carry", figures=WORKING.prec)
"""The digits of numbers that are carried on."""
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
    """One arithmetic: it makes numbers and calculates lines."""

    def number(self, value: Fraction) -> Any:
        """An exact number in this arithmetic."""

    @property
    def rounding(self) -> Rounding:
        """The digits that its lines keep."""

    def line(self, rule: Rule, precision: Precision | None = None) -> Callable[..., Any]:
        """A rule as a function of its arguments, rounding included: to these digits, or to those of most lines."""


def arithmetic(rounding: Rounding, given: Mapping[Name, Number]) -> Arithmetic:
    """The arithmetic of a rounding policy, for a problem with these given numbers."""
    match rounding.policy:
        case "by_hand":
            return ByHand(rounding, endless=any(_endless(number.value) for number in given.values()))
        case "carry":
            return Precise(rounding, endless=any(_endless(number.value) for number in given.values()))
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
    if rounding.policy == "carry":
        return Values(program, _carried(program, given, rounding, override), given, rounding)
    return Values(program, run(program, given, arithmetic(rounding, given), override), given, rounding)


def _in_fractions(rule: Rule) -> Callable[..., Any] | None:
    """A rule without functions as a function of fractions; nothing for a rule with one whose values have no end."""
    code = source(rule)
    return None if any(map(_inexact, code.functions)) else code.bind(Fraction, lambda f: resolve(f, Fraction))


def _sixty_digits_do(exactly: Callable[..., Any], precision: Precision, numbers: Sequence[Any], value: Decimal) -> bool:
    """Whether 60 digits are enough to round a line without functions; a value just below a tie looks like the tie."""
    if far(numbers):
        return False
    return bool(precision.settle(SNAP.plus(decimal(Fraction(exactly(*map(Fraction, numbers)))))) == value)


def digits_needed(values: Values) -> int:
    """The number of digits that each line needs to round correctly: more than 60 where terms cancel, or close to a tie."""
    in_fractions, lines, most = cache(_in_fractions), dict[tuple[Rule, Precision], Enclosed](), WORKING.prec
    by_hand, steps = values.rounding.policy == "by_hand", values.program.steps
    with localcontext(WORKING):
        for step, precision, value in zip(steps, values.rounding.of_lines(steps), values.numbers, strict=True):
            if step.rule is None:
                continue
            numbers = [values.numbers[argument] for argument in step.arguments]
            exactly = in_fractions(step.rule)
            if exactly is not None and (not by_hand or _sixty_digits_do(exactly, precision, numbers, value)):
                continue
            key = step.rule, precision
            line = lines[key] = lines.get(key) or ByHand.enclosed(*key)
            try:
                _, count = line.decided(*numbers)
            except (InvalidOperation, Subnormal):
                continue  # carried on beyond what 60 digits hold with these decimals, or below 10^-999,999, which is 0
            most = max(most, count + 20)
    return most


def _carried(
    program: Program, given: Mapping[Name, Number], rounding: Rounding, override: Mapping[Name, Any] | None
) -> tuple[Any, ...]:
    """Every value to 60 digits; 0 where so many digits cancel that none of the 60 belongs to the value."""
    how, instead = arithmetic(rounding, given), dict(override or {})
    while True:
        numbers = run(program, given, how, instead)
        zeros = cancelled(numbers, WORKING.prec, partial(_bounds, program, given, instead))
        if not zeros:
            return numbers
        instead |= {program.steps[position].target: ZERO for position in zeros}


def _bounds(program: Program, given: Mapping[Name, Number], instead: Mapping[Name, Any], count: int) -> tuple[Any, ...]:
    between = Between(count)
    return run(program, given, between, {name: between.number(value) for name, value in instead.items()})


class Remembering:
    """An arithmetic that keeps its lines, for a program that is evaluated many times."""

    def __init__(self, how: Arithmetic) -> None:
        self.number, self.rounding = how.number, how.rounding
        self.line = cache(how.line)


class Repeated:
    """Some lines of a program and all lines that they need, calculated by hand for many sets of given numbers."""

    def __init__(self, program: Program, how: ByHand, wanted: Iterable[int]) -> None:
        """``wanted`` has the positions of the lines."""
        self._program, self._how = program, how
        line, precisions = cache(how.line_where_inexact_is_an_error), how.rounding.of_lines(program.steps)
        self._lines = [
            (position, line(step.rule, precisions[position]), step.arguments)
            for position in program.ancestors(wanted)
            if (step := program.steps[position]).rule is not None
        ]

    def __call__(self, given: Mapping[Name, Number], numbers: Mapping[int, Decimal | Fraction]) -> tuple[Any, ...]:
        """The same as ``run``, with None for unused lines; ``numbers`` has the given numbers by the positions of their steps."""
        values: list[Any] = [*map(numbers.get, range(len(self._program.steps)))]
        try:
            with localcontext(WORKING) as context:
                context.traps[Inexact] = True
                for position, line, arguments in self._lines:
                    values[position] = line(*[values[argument] for argument in arguments])
        except (ArithmeticError, ValueError, CalculationError):  # 60 digits do not hold a line, or it cannot be calculated
            return run(self._program, given, self._how)
        return tuple(values)


def run(
    program: Program, given: Mapping[Name, Number], how: Arithmetic, override: Mapping[Name, Any] | None = None
) -> tuple[Any, ...]:
    """The number of every step in an arithmetic."""
    instead = {program.index[name]: value for name, value in (override or {}).items()}
    lines: defaultdict[Precision, dict[Rule, Callable[..., Any]]] = defaultdict(dict)
    precisions = how.rounding.of_lines(program.steps)
    numbers: list[Any] = []
    append = numbers.append
    with localcontext(WORKING):
        for position, (target, rule, arguments, role, _, _) in enumerate(program.steps):
            if position in instead:
                append(instead[position])
            elif rule is None:
                append(how.number(given[target].value))
            else:
                known = lines[precision := precisions[position]]
                line = known.get(rule)
                if line is None:
                    line = known[rule] = how.line(rule, precision)
                try:
                    append(line(*[numbers[argument] for argument in arguments]))
                except (ArithmeticError, ValueError, CalculationError) as error:
                    raise CalculationError(f"{target} cannot be calculated: {_reason(error, rule, role)}") from None
    return tuple(numbers)


def _reason(error: Exception, rule: Rule, role: Role) -> str:
    if role is Role.LOSS and isinstance(error, ValueError) and ln in source(rule).functions:
        return (
            "a probability in it is 0 with the digits that are kept, and ln(0) does not exist; "
            "use more places, significant figures (--round 5sf) or unrounded values (--round carry)"
        )
    if isinstance(error, ZeroDivisionError | DivisionByZero) or "DivisionUndefined" in str(error):
        return "a division by zero, with the digits that are kept; more places, or significant figures (--round 5sf), may do"
    if isinstance(error, CalculationError):
        return str(error)
    if isinstance(error, Undefined) and role in (Role.STATE, Role.UPDATE):
        return f"{error} does not exist; with more digits (--round 8sf, or carry) what stands below the root may not be negative"
    if isinstance(error, ValueError):
        return f"a function is not defined there{f': {error}' if isinstance(error, Undefined) else ''}"
    if isinstance(error, Subnormal | Underflow):
        return "the number is too small, below 10^-999,999; use decimal places (--round 4dp)"
    return "the number is too large; use smaller parameters or a smaller learning rate"


# ---------------------------------------------------------------- arithmetics


def decimal(value: Fraction) -> Decimal:
    """An exact number with 60 digits."""
    return WORKING.divide(Decimal(value.numerator), Decimal(value.denominator))


def _endless(value: Fraction) -> bool:
    """Whether the decimals of a number never end: 1/3."""
    rest = value.denominator
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    return rest != 1


def _divides(formula: Formula) -> bool:
    """Whether the decimals of a quotient in a formula may never end; a division by 2 or by 5 always ends."""
    if isinstance(formula, Over):
        below = formula.denominator
        if not isinstance(below, Const) or not below.value or _endless(1 / below.value):
            return True
    return any(map(_divides, children(formula)))


LONGEST_FRACTION = 1_000
"""The size of a denominator, in bits, beyond which a fraction becomes a decimal of 60 digits."""


@dataclass(frozen=True)
class Precise:
    """Decimals of 60 digits, never rounded to less."""

    rounding: Rounding = SIXTY
    """The rounding of shown results."""
    endless: bool = False
    """Whether the decimals of some given number never end: fractions are then kept, and cancelling terms give 0, as by hand."""

    def number(self, value: Fraction) -> Any:
        return value if self.endless and _endless(value) else decimal(value)

    def line(self, rule: Rule, precision: Precision | None = None) -> Callable[..., Any]:
        code = source(rule)
        carry = self._carried(precision or self.rounding.precision)
        if any(map(_inexact, code.functions)):
            enclosed = Enclosed(code, WORKING.plus, COUNTS[2:7], cancelled=ZERO)
            return lambda *numbers: carry(enclosed(*numbers))
        decimals = code.bind(decimal, lambda f: resolve(f, decimal), carry)
        if not self.endless:
            return decimals
        exact = code.bind(Fraction, lambda f: resolve(f, Fraction))

        def line(*numbers: Any) -> Any:
            if far(numbers):
                return decimals(*[number if isinstance(number, Decimal) else decimal(number) for number in numbers])
            value = Fraction(exact(*map(Fraction, numbers)))
            short = value.denominator.bit_length() <= LONGEST_FRACTION
            carried = carry(decimal(value))  # which refuses what is too large
            return value if short and _endless(value) else carried

        return line

    @staticmethod
    def _carried(precision: Precision) -> Callable[[Decimal], Decimal]:
        if precision.significant:
            return lambda value: value + ZERO
        most = SNAP.prec - precision.digits

        def fitting(value: Decimal) -> Decimal:
            if value and value.adjusted() >= most:  # a zero of 0 / 0.848… has an exponent of 60
                raise Overflow
            return value + ZERO

        return fitting


def _inexact(function: Function) -> bool:
    return function.pieces is None


@dataclass(frozen=True)
class ByHand:
    """Every result rounded half up, as a person with a calculator works."""

    rounding: Rounding
    endless: bool = False
    """Whether some given number has no end in decimals. It is then kept as a fraction, and sums and products
    are taken with fractions, so that 1/3 · 0.3 − 0.1 is 0 and a tie is a tie."""

    def number(self, value: Fraction) -> Any:
        return value if self.endless and _endless(value) else decimal(value)

    def line(self, rule: Rule, precision: Precision | None = None) -> Callable[..., Any]:
        code, precision = source(rule), precision or self.rounding.precision
        if any(map(_inexact, code.functions)):
            return self.enclosed(rule, precision)
        if self._of_fractions(rule):
            return self._fractions(code, precision.settle)
        return self._exact(code, precision.settle)

    def line_where_inexact_is_an_error(self, rule: Rule, precision: Precision) -> Callable[..., Any]:
        """The line for a context with a trap for ``Inexact``, so that it need not ask whether 60 digits were enough."""
        code = source(rule)
        if any(map(_inexact, code.functions)) or self._of_fractions(rule):
            return self.line(rule, precision)
        return code.bind(decimal, lambda f: resolve(f, decimal), precision.settle)

    def _of_fractions(self, rule: Rule) -> bool:
        """Whether a line without functions is not always a number of decimals."""
        return self.endless or _divides(rule.formula) or any(map(_endless, source(rule).constants))

    @staticmethod
    def enclosed(rule: Rule, precision: Precision) -> Enclosed:
        """The line between bounds, for any rule."""
        return Enclosed(source(rule), precision.settle)

    def _exact(self, code: Source, settle: Callable[[Decimal], Decimal]) -> Callable[..., Any]:
        """Sums and products of decimals, and fractions where 60 digits do not hold them."""
        quick = code.bind(decimal, lambda f: resolve(f, decimal))
        fractions = self._fractions(code, settle)

        def line(*numbers: Decimal) -> Decimal:
            context = getcontext()
            context.clear_flags()
            value = quick(*numbers)
            return fractions(*numbers) if context.flags[Inexact] else settle(value)

        return line

    @staticmethod
    def _fractions(code: Source, settle: Callable[[Decimal], Decimal]) -> Callable[..., Any]:
        exact = code.bind(Fraction, lambda f: resolve(f, Fraction))
        enclosed = Enclosed(code, settle)

        def line(*numbers: Any) -> Decimal:
            if far(numbers):
                return enclosed(*numbers)
            value = Fraction(exact(*map(Fraction, numbers)))
            return settle(STICKY.divide(Decimal(value.numerator), Decimal(value.denominator)))

        return line


class Full:
    """IEEE 754 doubles."""

    rounding = Rounding("full")
    number = staticmethod(float)

    def line(self, rule: Rule, precision: Precision | None = None) -> Callable[..., Any]:
        code = source(rule)
        quick = code.bind(float, lambda f: resolve(f, float, floats), self._finite)
        if not any(function.name == "exp" for function in code.functions):
            return quick
        precise = Precise().line(rule)

        def line(*arguments: float) -> float:
            # A probability is a quotient of exponentials that may be too large, or too small, for doubles.
            try:
                return float(quick(*arguments))
            except OverflowError:
                return self._finite(float(precise(*map(Decimal, arguments))))

        return line

    @staticmethod
    def _finite(value: float) -> float:
        if value - value != 0:
            raise OverflowError
        return value + 0.0


class Exact:
    """Closed forms: SymPy numbers, whose total size is limited so that SymPy can work with them."""

    rounding = Rounding("exact")

    def __init__(self) -> None:
        from bptt_trace.calculation.symbolic import Readable

        self.readable = Readable()

    @staticmethod
    def number(value: Fraction) -> Any:
        from bptt_trace.calculation.symbolic import rational

        return rational(value)

    def line(self, rule: Rule, precision: Precision | None = None) -> Callable[..., Any]:
        from bptt_trace.calculation.symbolic import closed

        compose = source(rule).bind(self.number, lambda f: resolve(f, self.number, closed), self.readable)

        def line(*numbers: Any) -> Any:
            self.readable.before(rule, numbers)
            return compose(*numbers)

        return line
