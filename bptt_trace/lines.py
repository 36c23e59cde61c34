"""A rule's line as an unevaluated SymPy expression, and what is made of it.

That one expression is printed (with holes for names or for numbers) and
compiled, so that text and value cannot disagree. All of it is done once for
each rule; a line of a sheet is a template with its holes filled.

SymPy on its own reorders sums and evaluates products, so the expressions are
built with ``evaluate=False`` and printed by the printers of this module, which
keep the author's order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, reduce
from operator import add
from typing import Any, assert_never, cast

import sympy
from sympy.printing.printer import Printer

from bptt_trace.errors import DesignError
from bptt_trace.formula import (
    Apply,
    Const,
    Diagonal,
    Entry,
    Extreme,
    Formula,
    MatMul,
    Neg,
    Node,
    Outer,
    Over,
    Part,
    Power,
    Rest,
    Spread,
    Stack,
    Sum,
    Times,
    Total,
    Transpose,
    Var,
)
from bptt_trace.functions import Function, Z, slope_of, sqrt
from bptt_trace.rules import Rule

Expression = Any
"""A SymPy expression; SymPy has no types of its own."""


class Hole(sympy.Symbol):  # type: ignore[misc]
    """The place of an argument: ``number`` counts them, −1 stands for all behind the numbered ones."""

    def __new__(cls, number: int) -> Hole:
        hole: Hole = super().__new__(cls, f"s{number}" if number >= 0 else "rest", real=True)
        hole.number = number
        return hole


class Known(sympy.Symbol):  # type: ignore[misc]
    """An exact number for which formulas write a symbol: T, the number of time steps."""

    def _hashable_content(self) -> tuple[Any, ...]:
        return (*super()._hashable_content(), str(self.known))

    def __new__(cls, symbol: str, value: Fraction) -> Known:
        known: Known = sympy.Symbol.__xnew__(cls, symbol, positive=True)  # not cached: T is another number elsewhere
        known.known = value
        return known


class Bracketed(sympy.Function):  # type: ignore[misc]
    """A part that stands in brackets as a name, whatever it is."""

    nargs = 1


class Larger(sympy.Function):  # type: ignore[misc]
    """The larger of two; like all functions here it is never evaluated."""

    nargs = 2


class Smaller(sympy.Function):  # type: ignore[misc]
    """The smaller of two."""

    nargs = 2


# ------------------------------------------------------- formula → expression


def expression(formula: Formula) -> Expression:
    """A formula of numbers as a SymPy expression in which nothing is evaluated or reordered."""
    node = cast(Node, formula)
    match node:
        case Var(number):
            return Hole(number)
        case Rest():
            return Hole(-1)
        case Const(value, symbol):
            return Known(symbol, value) if symbol else sympy.Rational(value.numerator, value.denominator)
        case Neg(operand):
            return sympy.Mul(-1, expression(operand), evaluate=False)
        case Sum(terms):
            return sympy.Add(*map(expression, terms), evaluate=False)
        case Times(factors):
            return sympy.Mul(*map(expression, factors), evaluate=False)
        case Over(numerator, denominator):
            return sympy.Mul(expression(numerator), sympy.Pow(expression(denominator), -1, evaluate=False), evaluate=False)
        case Power(base, exponent, bracketed):
            inner = expression(base)
            return sympy.Pow(Bracketed(inner) if bracketed else inner, exponent, evaluate=False)
        case Apply(function, argument):
            return symbolic(function)(expression(argument))
        case Extreme(kind, (left, right)):
            return (Larger if kind == "max" else Smaller)(expression(left), expression(right))
        case Entry() | MatMul() | Outer() | Transpose() | Total() | Stack() | Part() | Spread() | Diagonal():
            raise DesignError(f"{formula} is not a formula of numbers; lower it first")
        case _:
            assert_never(node)


@cache
def symbolic(function: Function) -> Any:
    """The SymPy class of a function; it is never evaluated, and its derivative is the slope in the table."""

    def fdiff(self: Any, argindex: int = 1) -> Expression:
        z = Var(0)
        return expression(slope_of(function, z, Apply(function, z))).subs(Hole(0), self.args[0])

    return type(sympy.Function)(function.name, (sympy.Function,), {"ours": function, "nargs": 1, "fdiff": fdiff})


@cache
def definition(function: Function) -> Expression:
    """What a user's function, or the derivative of one, is in z (the hole number 0)."""
    if function.definition is None:
        raise DesignError(f"{function.name} has no definition")
    return expression(function.definition)


# --------------------------------------------------------- expression → text

# How tightly an expression holds together, for brackets.
_SUM, _NEGATION, _PRODUCT, _FRACTION, _ATOM = range(5)


@dataclass(frozen=True)
class Template:
    """A line with holes: ``pattern % strings`` fills it."""

    pattern: str
    holes: tuple[int, ...]
    """Which argument stands in each hole, from left to right; −1 is the last one."""
    bare: tuple[bool, ...]
    """Whether a negative number stands in the hole without brackets."""


@dataclass(frozen=True, eq=False)
class Signs:
    """How one notation writes operators. Two are the same only if they are one object."""

    times: str
    fraction: str
    power: str
    ellipsis: str
    latex: bool = False

    def function(self, function: Function) -> str:
        return function.latex if self.latex else function.name

    def applied(self, function: Function, argument: str) -> str:
        """A function with its argument; a root has a sign of its own."""
        if self.latex and function is sqrt:
            return rf"\sqrt{{{argument}}}"
        return f"{self.function(function)}({argument})"

    def named(self, kind: str) -> str:
        """``max`` and ``min``."""
        return rf"\{kind}" if self.latex else kind


TEXT = Signs(" * ", "{} / {}", "{}^{}", " + ... + ")
LATEX = Signs(r" \cdot ", r"\frac{{{}}}{{{}}}", "{}^{{{}}}", r" + \dots + ", latex=True)


class LinePrinter(Printer):  # type: ignore[misc]
    """Prints an unevaluated expression as it stands, with holes for its arguments."""

    def __init__(self, signs: Signs, numbers: bool, arity: int = 0) -> None:
        super().__init__()
        self.signs = signs
        self.numbers = numbers
        self.arity = arity
        self.holes: list[int] = []
        self.bare: list[bool] = []

    def template(self, expression: Expression) -> Template:
        pattern = self.part(expression, _SUM, bare=True)
        return Template(pattern, tuple(self.holes), tuple(self.bare))

    def part(self, expression: Expression, least: int, *, bare: bool = False) -> str:
        if isinstance(expression, Hole):
            return self.hole(expression, least, bare)
        text, strength = self._print(expression)
        return text if strength >= least else f"({text})"

    def hole(self, hole: Hole, least: int, bare: bool) -> str:
        if hole.number >= 0:
            self.holes.append(hole.number)
            self.bare.append(bare)
            return "%s"
        self.holes += [self.arity, -1]
        self.bare += [False, False]
        series = f"%s{self.signs.ellipsis}%s"
        return series if least == _SUM else f"({series})"

    def _print_Known(self, known: Known) -> tuple[str, int]:
        return (str(known.known) if self.numbers else str(known.name)), _ATOM

    def _print_Integer(self, number: Any) -> tuple[str, int]:
        return str(number), _ATOM if number >= 0 else _SUM

    def _print_Rational(self, number: Any) -> tuple[str, int]:
        if number < 0:
            return "-" + self._print_Rational(-number)[0], _NEGATION
        if self.signs.latex:
            return self.signs.fraction.format(number.p, number.q), _FRACTION
        return f"({number.p}/{number.q})", _ATOM

    def _print_Add(self, total: Any) -> tuple[str, int]:
        text = self.part(total.args[0], _NEGATION)
        for term in total.args[1:]:
            sign, positive = _signed(term)
            text += f" {sign} {self.part(positive, _PRODUCT)}"
        return text, _SUM

    def _print_Mul(self, product: Any) -> tuple[str, int]:
        sign, positive = _signed(product)
        if sign == "-":
            return f"-{self.part(positive, _PRODUCT)}", _NEGATION
        above, below = _split(product.args)
        if below:
            return self.fraction(above, below)
        return self.signs.times.join(self.part(factor, _FRACTION) for factor in above), _PRODUCT

    def fraction(self, above: list[Any], below: list[Any]) -> tuple[str, int]:
        numerator, denominator = (sympy.Mul(*parts, evaluate=False) if len(parts) != 1 else parts[0] for parts in (above, below))
        if self.signs.latex:
            return self.signs.fraction.format(self.part(numerator, _SUM), self.part(denominator, _SUM)), _FRACTION
        if all(isinstance(part, sympy.Integer | Known) for part in (numerator, denominator)):
            return f"({self.part(numerator, _ATOM)}/{self.part(denominator, _ATOM)})", _ATOM
        return self.signs.fraction.format(self.part(numerator, _FRACTION), self.part(denominator, _ATOM)), _PRODUCT

    def _print_Pow(self, power: Any) -> tuple[str, int]:
        if power.exp.is_negative:
            return self.fraction([sympy.Integer(1)], [_inverse(power)])
        base = self.part(power.base, _ATOM)
        return self.signs.power.format(f"({base})" if power.base.is_Pow else base, power.exp), _ATOM

    def _print_Bracketed(self, whole: Any) -> tuple[str, int]:
        (inner,) = whole.args
        return self.part(inner, _ATOM) if self.numbers else f"({self.part(inner, _SUM)})", _ATOM

    def _print_Larger(self, pair: Any, kind: str = "max") -> tuple[str, int]:
        left, right = (self.part(part, _SUM, bare=True) for part in pair.args)
        return f"{self.signs.named(kind)}({left}, {right})", _ATOM

    def _print_Smaller(self, pair: Any) -> tuple[str, int]:
        return self._print_Larger(pair, "min")

    def _print_Function(self, applied: Any) -> tuple[str, int]:
        return self.signs.applied(applied.ours, self.part(applied.args[0], _SUM, bare=True)), _ATOM


def _signed(term: Any) -> tuple[str, Any]:
    """A term as a sign and what follows it."""
    if term.is_Mul and term.args[0] == -1 and len(term.args) > 1:
        rest = term.args[1:]
        return "-", rest[0] if len(rest) == 1 else sympy.Mul(*rest, evaluate=False)
    if term.is_Mul and term.args[0].is_Number and term.args[0] < 0:
        return "-", sympy.Mul(-term.args[0], *term.args[1:], evaluate=False)
    if term.is_Number and term < 0:
        return "-", -term
    return "+", term


def _split(factors: tuple[Any, ...]) -> tuple[list[Any], list[Any]]:
    """What stands above and below the line of a fraction."""
    below = [_inverse(factor) for factor in factors if factor.is_Pow and factor.exp.is_negative]
    above = [factor for factor in factors if not (factor.is_Pow and factor.exp.is_negative)]
    return above or [sympy.Integer(1)], below


def _inverse(power: Any) -> Any:
    return power.base if power.exp == -1 else sympy.Pow(power.base, -power.exp, evaluate=False)


@cache
def template(rule: Rule, signs: Signs, numbers: bool) -> Template:
    """The line of a rule in one notation, with holes for names or for numbers."""
    return LinePrinter(signs, numbers, rule.arity).template(expression(rule.formula))


def in_z(function: Function, signs: Signs) -> str:
    """What a user's function is, written in z."""
    pattern = LinePrinter(signs, numbers=False).template(definition(function)).pattern
    return pattern.replace("%s", "z")


# ------------------------------------------------------- expression → program


@dataclass(frozen=True)
class Source:
    """A rule as Python source, the same for every arithmetic."""

    body: str
    parameters: str
    constants: tuple[Fraction, ...]
    functions: tuple[Function, ...]

    def bind(
        self,
        number: Callable[[Fraction], Any],
        function: Callable[[Function], Callable[[Any], Any]],
        settle: Callable[[Any], Any] | None = None,
    ) -> Callable[..., Any]:
        """The rule as a function of its arguments in one arithmetic.

        ``number`` makes a constant, ``function`` a function of one number;
        ``settle`` is applied to the result (it rounds).
        """
        scope: dict[str, Any] = {f"k{place}": number(value) for place, value in enumerate(self.constants)}
        scope |= {f"f{place}": function(one) for place, one in enumerate(self.functions)}
        scope |= {"settle": settle, "total": total, "larger": larger, "smaller": smaller}
        body = self.body if settle is None else f"settle({self.body})"
        # The text is written by ``_Python`` below from numbered names and operators alone.
        bound: Callable[..., Any] = eval(f"lambda {self.parameters}: {body}", scope)  # noqa: S307
        return bound


def total(terms: Sequence[Any]) -> Any:
    """The sum from left to right, as the running totals of a sheet show it (``sum`` compensates floats)."""
    return reduce(add, terms)


def larger(left: Any, right: Any) -> Any:
    """The larger of two numbers, or of two columns number by number."""
    return _where(left, right, lambda a, b: a >= b)


def smaller(left: Any, right: Any) -> Any:
    """The smaller of two."""
    return _where(left, right, lambda a, b: a <= b)


def _where(left: Any, right: Any, better: Callable[[Any, Any], Any]) -> Any:
    chosen = better(left, right)
    if hasattr(chosen, "dtype"):
        import numpy as np

        return np.where(chosen, left, right)
    if isinstance(chosen, sympy.core.relational.Relational):  # of symbols, of which nobody knows yet
        return sympy.Piecewise((left, chosen), (right, True))
    return left if chosen else right


class _Python(Printer):  # type: ignore[misc]
    """Prints an expression as Python over s0, s1, …, with its constants k0, … and functions f0, … outside."""

    def __init__(self) -> None:
        super().__init__()
        self.constants: list[Fraction] = []
        self.functions: list[Function] = []

    def constant(self, value: Fraction) -> str:
        if value not in self.constants:
            self.constants.append(value)
        return f"k{self.constants.index(value)}"

    def _print_Hole(self, hole: Hole) -> str:
        return f"s{hole.number}" if hole.number >= 0 else "total(rest)"

    def _print_Known(self, known: Known) -> str:
        return self.constant(known.known)

    def _print_Rational(self, number: Any) -> str:
        return self.constant(Fraction(int(number.p), int(number.q)))

    _print_Integer = _print_Rational

    def _print_Add(self, total: Any) -> str:
        text = str(self._print(total.args[0]))
        for term in total.args[1:]:
            sign, positive = _signed(term)
            text += f" {sign} {self._print(positive)}"
        return f"({text})"

    def _print_Mul(self, product: Any) -> str:
        sign, positive = _signed(product)
        if sign == "-":
            return f"(-{self._print(positive)})"
        above, below = _split(product.args)
        text = " * ".join(str(self._print(factor)) for factor in above)
        return f"({text}{''.join(f' / {self._print(factor)}' for factor in below)})"

    def _print_Pow(self, power: Any) -> str:
        if power.exp.is_negative:
            return f"({self.constant(Fraction(1))} / {self._print(_inverse(power))})"
        base = self._print(power.base)
        if power.exp == 2 and power.base.is_Symbol:
            return f"({base} * {base})"
        return f"({base} ** {int(power.exp)})"

    def _print_Bracketed(self, whole: Any) -> str:
        return str(self._print(whole.args[0]))

    def _print_Larger(self, pair: Any) -> str:
        return f"larger({', '.join(map(self._print, pair.args))})"

    def _print_Smaller(self, pair: Any) -> str:
        return f"smaller({', '.join(map(self._print, pair.args))})"

    def _print_Function(self, applied: Any) -> str:
        return f"{self.function(applied.ours)}({self._print(applied.args[0])})"

    def function(self, function: Function) -> str:
        if function not in self.functions:
            self.functions.append(function)
        return f"f{self.functions.index(function)}"


@cache
def source(rule: Rule) -> Source:
    """The Python source of a rule."""
    parameters = [f"s{number}" for number in range(rule.arity)] + (["*rest"] if rule.sums_rest else [])
    return _source(expression(rule.formula), ", ".join(parameters))


@cache
def definition_source(function: Function) -> Source:
    """The Python source of a user's function, or of the derivative of one."""
    return _source(definition(function), f"s{Z.number}")


def _source(expression: Expression, parameters: str) -> Source:
    printer = _Python()
    body = printer.doprint(expression)
    return Source(body, parameters, tuple(printer.constants), tuple(printer.functions))
