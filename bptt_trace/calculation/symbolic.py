"""SymPy, the symbolic engine: a program as a graph of equations, closed forms, the slope of a user's own activation.

Calculations by hand do not need this module, so that they start without SymPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, NamedTuple

import sympy
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from bptt_trace.document.notation import LATEX, MATHML, TEXT, TYPST, UNICODE, Signs
from bptt_trace.engine.formula import (
    Apply,
    Const,
    Extreme,
    Formula,
    Neg,
    Over,
    Power,
    Rest,
    Sum,
    Times,
    Var,
)
from bptt_trace.engine.formula_walks import children, walk
from bptt_trace.engine.functions import Function, Libraries, Pieces, slope_of
from bptt_trace.engine.names import Name
from bptt_trace.engine.program import Program
from bptt_trace.engine.rules import Rule
from bptt_trace.errors import CalculationError, DesignError
from bptt_trace.problem.numbers import Number

Expression = Any
"""A SymPy expression; SymPy has no types of its own."""
MAX_OPERATIONS = 600
"""The largest number of operations of a closed form."""
MAX_OPERATIONS_TOGETHER = 8_000
"""The largest number of operations of all closed forms of a program: a few seconds of printing."""
MAX_EXPONENT = 1_000
"""The largest argument of an exponential: 1 − tanh(1,000)² begins with 868 zeros, all of which SymPy calculates."""
MAX_COMPOSED = 1_000
"""The largest number of operations of a line with all that it is composed of; where it applies a function, or compares,
times how deep functions then stand in one another: SymPy asks there for the signs of all that stands within."""


# --------------------------------------------------------------- formulas as expressions


class Argument(sympy.Symbol):  # type: ignore[misc]
    """A variable of a rule, by its number."""

    def __new__(cls, number: int) -> Argument:
        """The symbol ``s0`` for the number 0."""
        argument: Argument = super().__new__(cls, f"s{number}", real=True)
        argument.number = number
        return argument


def expression(
    formula: Formula,
    argument: Callable[[int], Expression] = Argument,
    rest: Iterable[Expression] = (),
    *,
    function: Callable[[Function], Callable[[Expression], Expression]] | None = None,
    evaluate: bool = False,
) -> Expression:
    """A formula of numbers in SymPy; without ``evaluate`` SymPy neither reorders nor computes anything.

    ``argument`` gives the expression for each variable, ``rest`` has those of
    all further arguments, and ``function`` gives the callable that stands for a
    function: by default ``symbolic``, a class with its name.
    """
    applied = function or symbolic

    def of(part: Formula) -> Expression:
        match part:
            case Var(number):
                return argument(number)
            case Rest():
                return sympy.Add(*rest, evaluate=evaluate)
            case Const(value):
                return rational(value)
            case Neg(operand):
                return sympy.Mul(-1, of(operand), evaluate=evaluate)
            case Sum(terms):
                return sympy.Add(*map(of, terms), evaluate=evaluate)
            case Times(factors):
                return sympy.Mul(*map(of, factors), evaluate=evaluate)
            case Over(numerator, denominator):
                return sympy.Mul(of(numerator), sympy.Pow(of(denominator), -1, evaluate=evaluate), evaluate=evaluate)
            case Power(base, exponent):
                return sympy.Pow(of(base), exponent, evaluate=evaluate)
            case Apply(called, inner):
                return applied(called)(of(inner))
            case Extreme(kind, both):
                return (sympy.Max if kind == "max" else sympy.Min)(*map(of, both), evaluate=evaluate)
            case _:
                raise DesignError(f"{part} is not a formula of numbers; lower it first")

    return of(formula)


def rational(value: Fraction) -> Expression:
    """An exact number."""
    return sympy.Rational(value.numerator, value.denominator)


@lru_cache(maxsize=256)
def symbolic(function: Function) -> Any:
    """The SymPy class of a function; it is never evaluated, and its derivative is the slope in the table."""

    def fdiff(self: Any, argindex: int = 1) -> Expression:
        del argindex
        z = Var(0)
        return expression(slope_of(function, z, Apply(function, z))).subs(Argument(0), self.args[0])

    return type(sympy.Function)(function.name, (sympy.Function,), {"ours": function, "nargs": 1, "fdiff": fdiff})


def true(function: Function) -> Callable[[Expression], Expression]:
    """A function in SymPy's own terms: tanh, a quotient with exponentials, pieces on both sides of 0."""
    if function.pieces is not None:
        return _piecewise(function.pieces)
    if function.libraries is not None:
        return closed(function.libraries)
    return defined(function, true)


def defined(
    function: Function, inner: Callable[[Function], Callable[[Expression], Expression]]
) -> Callable[[Expression], Expression]:
    """A function of a problem file, or its slope; ``inner`` gives the functions that its definition applies."""
    if function.definition is None:
        raise DesignError(f"{function.name} has no definition")
    formula = function.definition
    return lambda z: expression(formula, lambda _: z, function=inner, evaluate=True)


def _piecewise(pieces: Pieces) -> Callable[[Expression], Expression]:
    left, at_zero, right = map(rational, (pieces.left, pieces.at_zero, pieces.right))
    if pieces.steps:
        return lambda z: sympy.Piecewise((right, z > 0), (left, z < 0), (at_zero, True))
    return lambda z: sympy.Piecewise((right * z, z > 0), (left * z, True))


# ------------------------------------------------------------------------ closed forms


def closed(libraries: Libraries) -> Callable[[Expression], Expression]:
    """A function of closed forms.

    It raises ``ValueError`` if its value is not a real number, and ``CalculationError`` if that differs from 0, or from 1,
    so far behind the point that SymPy does not find where.
    """

    def applied(z: Expression) -> Expression:
        value = libraries.sympy(sympy, z)
        if value.has(sympy.I, sympy.zoo):
            raise ValueError
        steep = sympy.exp, sympy.tanh
        if value.is_number and value.atoms(*steep) - z.atoms(*steep) and abs(z.evalf(3)) > MAX_EXPONENT:
            raise _too_large(f"an exponential of {z.evalf(3)}")
        return value

    return applied


class Size(NamedTuple):
    """The size of an expression."""

    operations: int
    depth: int
    """The depth to which functions and roots are nested."""


def size_of(value: Expression) -> Size:
    """The size of a closed form."""

    def depth(part: Expression) -> int:
        inner = max(map(depth, part.args), default=0)
        return inner + bool(part.is_Function or (part.is_Pow and not part.exp.is_Integer))

    return Size(int(value.count_ops()), depth(value))


def composed(formula: Formula, arguments: Sequence[Size], rest: Sequence[Size] = ()) -> Size:
    """The size that a formula has with expressions of these sizes in it, before any of it is simplified."""

    def of(part: Formula) -> Size:
        match part:
            case Var(number):
                return arguments[number]
            case Const():
                return Size(0, 0)
            case Apply(function, argument):
                inner = of(argument)
                if function.definition is not None:
                    return composed(function.definition, [inner])
                return Size(inner.operations + 1, inner.depth + (function.pieces is None))
        parts = rest if isinstance(part, Rest) else [of(child) for child in children(part)]
        return Size(1 + sum(part.operations for part in parts), max((part.depth for part in parts), default=0))

    return of(formula)


class Readable:
    """Lets closed forms pass that SymPy can finish and a person can read; see ``MAX_COMPOSED`` and ``MAX_OPERATIONS``."""

    def __init__(self) -> None:
        self.operations = 0
        """The number of operations of all closed forms so far."""
        self._size_of = cache(size_of)

    def before(self, rule: Rule, numbers: Sequence[Expression]) -> None:
        """Raise ``CalculationError`` where a line of these closed forms is too large to be put together."""
        sizes = [self._size_of(number) for number in numbers]
        whole = composed(rule.formula, sizes[: rule.arity], sizes[rule.arity :])
        asks = any(isinstance(part, Apply | Extreme) for part in walk(rule.formula))
        if whole.operations * (max(whole.depth, 1) if asks else 1) > MAX_COMPOSED:
            deep = f", with functions {whole.depth} deep in one another" if asks and whole.depth > 1 else ""
            raise _too_large(f"put together from other closed forms, it has {whole.operations:,} operations{deep}")

    def __call__(self, value: Expression) -> Expression:
        """The value itself.

        Raises ``ValueError`` if it is not a real number, ``ZeroDivisionError`` if it is
        not a number, and ``CalculationError`` if it is too long.
        """
        if value.has(sympy.I):
            raise ValueError
        if value.has(sympy.zoo, sympy.nan, sympy.oo):
            raise ZeroDivisionError
        size = self._size_of(value).operations
        self.operations += size
        for met, most, what in (
            (size, MAX_OPERATIONS, "its closed form has"),
            (self.operations, MAX_OPERATIONS_TOGETHER, "the closed forms up to here have together"),
        ):
            if met > most:
                raise _too_large(f"{what} more than {most:,} operations")
        return value


def _too_large(why: str) -> CalculationError:
    return CalculationError(f"too large for exact: {why}; use --round full or --round carry, or a smaller problem")


class _Text(StrPrinter):  # type: ignore[misc]
    """Closed forms with the names that functions have in formulas."""

    def _print_log(self, applied: Any) -> str:
        return f"ln({self._print(applied.args[0])})"

    def _print_Exp1(self, number: Any) -> str:
        del number
        return "exp(1)"


class _Unicode(_Text):
    """Closed forms with whole exponents above."""

    def _print_Pow(self, power: Any, rational: bool = False) -> str:
        if power.exp.is_Integer and power.exp > 1:
            return f"{self.parenthesize(power.base, PRECEDENCE['Pow'])}{UNICODE.exponent(power.exp)}"
        return str(super()._print_Pow(power, rational))


class _Typst(_Text):
    """Closed forms with fractions and roots set."""

    def _print_Pow(self, power: Any, rational: bool = False) -> str:
        del rational
        if power.exp == sympy.Rational(1, 2):
            return f"sqrt({self._print(power.base)})"
        if power.exp.could_extract_minus_sign():
            return self._quotient(sympy.S.One, 1 / power)
        return f"{self.parenthesize(power.base, PRECEDENCE['Pow'])}^({self._print(power.exp)})"

    def _print_Rational(self, number: Any) -> str:
        return f"{'-' if number < 0 else ''}{self._quotient(sympy.Integer(abs(number.p)), sympy.Integer(number.q))}"

    def _print_Mul(self, product: Any) -> str:
        if product.could_extract_minus_sign():
            return f"-{self.parenthesize(-product, PRECEDENCE['Mul'], strict=True)}"
        above, below = sympy.fraction(product)
        if below != 1:
            return self._quotient(above, below)
        return " * ".join(self.parenthesize(factor, PRECEDENCE["Mul"], strict=True) for factor in product.as_ordered_factors())

    def _print_Function(self, applied: Any) -> str:
        return f"{applied.func.__name__}({', '.join(map(self._print, applied.args))})"

    def _quotient(self, above: Expression, below: Expression) -> str:
        return f"frac({self._print(above)}, {self._print(below)})"


def in_text(value: Expression) -> str:
    """A closed form in plain text."""
    return str(_Text().doprint(value)).replace("**", "^").replace("*", " * ")


def in_latex(value: Expression) -> str:
    """A closed form in LaTeX, with brackets at which a line may break."""
    text = str(sympy.latex(value, long_frac_ratio=1, mul_symbol="dot", ln_notation=True))
    return text.replace(r"\left(", "(").replace(r"\right)", ")")


def in_mathml(value: Expression) -> str:
    """A closed form in MathML."""
    from sympy.printing.mathml import mathml

    text = str(mathml(value, printer="presentation", mul_symbol="dot", ln_notation=True))
    named = text.replace("&ExponentialE;", "e").replace("<mi>log</mi>", "<mi>ln</mi>").replace("&#xB7;", "·")
    return named.replace(">-", ">−").replace("<mo>(</mo>", MATHML.marks["("]).replace("<mo>)</mo>", MATHML.marks[")"])


def in_notation(value: Expression, signs: Signs) -> str:
    """A closed form in a notation."""
    root = signs.root  # closed forms have whole numbers alone: neither decimal marks nor names
    return _in_root(value, root).replace(root.dot, signs.dot)


def _in_root(value: Expression, signs: Signs) -> str:
    if signs is LATEX:
        return in_latex(value)
    if signs is TEXT:
        return in_text(value)
    if signs.within is MATHML.within:
        return in_mathml(value)
    printer = _Typst() if signs.within is TYPST else _Unicode()
    text = str(printer.doprint(value)).replace("**", "^").replace("*", signs.marks["*"] if signs.within is TYPST else " · ")
    return text if signs.within is TYPST else signs.script(text)


# --------------------------------------------------------------------------- the graph


def graph(program: Program, given: Mapping[Name, Number], spelled: Callable[[Name], str] = str) -> dict[str, sympy.Eq]:
    """The computation graph of a program of numbers: an equation for each step, by its name, in the order of the calculation.

    The left side is the symbol of the step. The right side is the given number,
    or the formula of the step in the symbols of earlier steps, with SymPy's
    functions and in the printed order.
    """
    symbols = [sympy.Symbol(spelled(step.target), real=True) for step in program.steps]
    equations: dict[str, sympy.Eq] = {}
    for symbol, step in zip(symbols, program.steps, strict=True):
        if step.rule is None:
            right = rational(given[step.target].value)
        else:
            arguments = [symbols[argument] for argument in step.arguments]
            right = expression(step.rule.formula, arguments.__getitem__, arguments[step.rule.arity :], function=true)
        equations[symbol.name] = sympy.Eq(symbol, right, evaluate=False)
    return equations
