"""SymPy, the symbolic engine: a program as a graph of equations, closed forms, the slope of a user's own activation.

Nothing here is needed for what is printed by hand, so SymPy is imported only
where this module is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import sympy

from bptt_trace.errors import CalculationError, DesignError
from bptt_trace.formula import (
    ONE,
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
from bptt_trace.functions import Function, Libraries, Pieces, slope_of
from bptt_trace.names import Name
from bptt_trace.numbers import Number
from bptt_trace.program import Program

Expression = Any
"""A SymPy expression; SymPy has no types of its own."""
MAX_OPERATIONS = 600
"""How large a closed form may become."""


# --------------------------------------------------------------- formulas as expressions


class Argument(sympy.Symbol):  # type: ignore[misc]
    """A variable of a rule by its number."""

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
    """A formula of numbers in SymPy; unless it is to ``evaluate``, SymPy neither reorders nor computes anything.

    ``argument`` has the expression for each variable, ``rest`` those of all
    arguments behind the numbered ones, and ``function`` what is applied for a
    function: by default a class with its name, ``symbolic``.
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


@cache
def symbolic(function: Function) -> Any:
    """The SymPy class of a function; it is never evaluated, and its derivative is the slope in the table."""

    def fdiff(self: Any, argindex: int = 1) -> Expression:
        del argindex
        z = Var(0)
        return expression(slope_of(function, z, Apply(function, z))).subs(Argument(0), self.args[0])

    return type(sympy.Function)(function.name, (sympy.Function,), {"ours": function, "nargs": 1, "fdiff": fdiff})


def true(function: Function) -> Callable[[Expression], Expression]:
    """A function as SymPy itself has it: tanh, a quotient with exponentials, pieces on both sides of 0."""
    if function.pieces is not None:
        return _piecewise(function.pieces)
    if function.libraries is not None:
        return closed(function.libraries)
    formula = slope(function.derivative_of) if function.derivative_of is not None else function.definition
    if formula is None:
        raise DesignError(f"{function.name} has no definition")
    return lambda z: expression(formula, lambda _: z, function=true, evaluate=True)


def _piecewise(pieces: Pieces) -> Callable[[Expression], Expression]:
    left, at_zero, right = map(rational, (pieces.left, pieces.at_zero, pieces.right))
    if pieces.steps:
        return lambda z: sympy.Piecewise((right, z > 0), (left, z < 0), (at_zero, True))
    return lambda z: sympy.Piecewise((right * z, z > 0), (left * z, True))


# ------------------------------------------------------------------------ closed forms


def closed(libraries: Libraries) -> Callable[[Expression], Expression]:
    """A function of closed forms; raises ``ValueError`` where its value is no real number."""

    def applied(z: Expression) -> Expression:
        value = libraries.sympy(sympy, z)
        if value.has(sympy.I, sympy.zoo):
            raise ValueError
        return value

    return applied


def readable(value: Expression) -> Expression:
    """A closed form that a person can read.

    Raises ``ValueError`` where it is no real number, ``ZeroDivisionError`` where it
    is no number and ``CalculationError`` where it is too long.
    """
    if value.has(sympy.I):
        raise ValueError
    if value.has(sympy.zoo, sympy.nan, sympy.oo):
        raise ZeroDivisionError
    if value.count_ops() > MAX_OPERATIONS:
        raise CalculationError(
            f"its closed form has more than {MAX_OPERATIONS:,} operations; --round full, or a smaller problem, would do"
        )
    return value


def in_latex(value: Expression) -> str:
    """A closed form in LaTeX, with brackets at which a line may break."""
    return str(sympy.latex(value, long_frac_ratio=1, mul_symbol="dot")).replace(r"\left(", "(").replace(r"\right)", ")")


# ----------------------------------------------------------------------------- a slope


@cache
def slope(function: Function) -> Formula:
    """The derivative of a user's function, in z, as SymPy finds it."""
    if function.definition is None:
        raise DesignError(f"{function.name} has no definition")
    return formula_of(sympy.diff(expression(function.definition), Argument(0)))


def formula_of(found: Expression) -> Formula:
    """A SymPy expression of functions of the table as a formula, its terms and factors in SymPy's order."""
    if isinstance(found, Argument):
        return Var(found.number)
    if found.is_Rational:
        return Const(Fraction(int(found.p), int(found.q)))
    if found.is_Add:
        return Sum(tuple(map(formula_of, found.args)))
    if found.is_Pow:
        return Over(ONE, _power(found)) if found.exp.is_negative else _power(found)
    if found.is_Mul:
        return _product(*found.args)
    return Apply(found.ours, formula_of(found.args[0]))


def _product(first: Expression, *others: Expression) -> Formula:
    """Factors with their sign in front, and below a line what has a negative exponent."""
    if first.is_Number and first < 0 and others:
        return Neg(_product(*(() if first == -1 else (-first,)), *others))
    factors = (first, *others)
    above = [formula_of(factor) for factor in factors if not _is_inverse(factor)] or [ONE]
    below = [_power(factor) for factor in factors if _is_inverse(factor)]
    return Over(_times(above), _times(below)) if below else _times(above)


def _is_inverse(factor: Expression) -> bool:
    return bool(factor.is_Pow and factor.exp.is_negative)


def _power(power: Expression) -> Formula:
    """A power as if its exponent were positive."""
    base, exponent = formula_of(power.base), abs(int(power.exp))
    return base if exponent == 1 else Power(base, exponent)


def _times(factors: list[Formula]) -> Formula:
    return Times(tuple(factors)) if len(factors) > 1 else factors[0]


# --------------------------------------------------------------------------- the graph


def graph(program: Program, given: Mapping[Name, Number], spelled: Callable[[Name], str] = str) -> dict[str, sympy.Eq]:
    """The computation graph of a program of numbers: an equation for each step, by its name, in the order of the calculation.

    On the left stands the step's own symbol; on the right the given number, or
    the step's formula over the symbols of the steps before it, with SymPy's own
    functions and in the order in which it is printed.
    """
    symbols = [sympy.Symbol(spelled(step.target), real=True) for step in program.steps]
    equations: dict[str, sympy.Eq] = {}
    for symbol, step in zip(symbols, program.steps, strict=True):
        if step.rule is None:
            right = rational(given[step.target].value)
        else:
            places = [symbols[argument] for argument in step.arguments]
            right = expression(step.rule.formula, places.__getitem__, places[step.rule.arity :], function=true)
        equations[symbol.name] = sympy.Eq(symbol, right, evaluate=False)
    return equations
