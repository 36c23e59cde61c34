"""The table of functions: how each is written, what it is, and its slope.

A slope is written as the book writes it, in the argument ``z`` or in the value
``y`` of the function: ``1 − y²`` for tanh, ``y · (1 − y)`` for the sigmoid.
SymPy proves in the tests that it is the derivative.

What a function *is* comes in one of three ways: the arithmetics know it
(``tanh``); it is put together from straight pieces (``relu``); or it is defined by
a formula in ``z``, as an activation from a problem file and the derivative of one are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from bptt_trace.errors import DesignError
from bptt_trace.formula import (
    ONE,
    ZERO,
    Apply,
    Const,
    Diagonal,
    Formula,
    Neg,
    Outer,
    Over,
    Power,
    Sum,
    Times,
    Var,
    constant,
    product,
)

Z = Var(0)
"""The argument, in a definition."""


@dataclass(frozen=True)
class Pieces:
    """Slope left of 0, value at 0 and slope right of 0, or constants on the three (``steps``)."""

    left: Fraction
    at_zero: Fraction
    right: Fraction
    steps: bool = False


@dataclass(frozen=True, eq=False)
class Function:
    """A function of one number. Two functions are the same only if they are one object."""

    name: str
    latex: str
    slope: Callable[[Formula, Formula], Formula] | None = None
    """The slope as a formula, from formulas for the argument z and the value y."""
    pieces: Pieces | None = None
    definition: Formula | None = None
    source: str = ""
    """The text of a definition, as its author wrote it."""
    entry: Callable[[Sequence[Formula], int], Formula] | None = None
    """For a function of a whole column: one entry of the value, from the entries of the argument."""
    jacobian: Callable[[Formula], Formula] | None = None
    """For a function of a whole column: the matrix of its slopes, from its value y."""

    def __call__(self, argument: Formula) -> Formula:
        """The function applied to a formula; the identity leaves it as it is."""
        return argument if self is identity else Apply(self, argument)

    def __repr__(self) -> str:
        return self.name


identity = Function("identity", r"\mathrm{id}", lambda z, y: ONE, pieces=Pieces(Fraction(1), Fraction(0), Fraction(1)))
tanh = Function("tanh", r"\tanh", lambda z, y: 1 - y**2)
sigmoid = Function("sigmoid", r"\sigma", lambda z, y: y * (1 - y))
softplus = Function("softplus", r"\mathrm{softplus}", lambda z, y: sigmoid(z))
exp = Function("exp", r"\exp", lambda z, y: y)
ln = Function("ln", r"\ln", lambda z, y: 1 / z)
sqrt = Function("sqrt", r"\mathrm{sqrt}", lambda z, y: 1 / (2 * y))
sin: Function = Function("sin", r"\sin", lambda z, y: cos(z))
cos: Function = Function("cos", r"\cos", lambda z, y: -sin(z))


softmax = Function(
    "softmax",
    r"\mathrm{softmax}",
    entry=lambda z, place: exp(z[place]) / Sum(tuple(map(exp, z))),
    jacobian=lambda y: Diagonal(y) - Outer(y, y),
)
"""exp(z_i) / Σ exp(z_j). Its slopes ∂y_i/∂z_j are y_i − y_i² on the diagonal and −y_i · y_j beside it (Bridle 1990)."""


@cache
def _bent(name: str, latex: str, left: Fraction, at_zero: Fraction) -> Function:
    """``z`` right of 0 and ``left · z`` left of it; ``at_zero`` is the slope taken at 0."""
    one, zero = Fraction(1), Fraction(0)
    slope = Function(f"{name}'", f"{latex}'", lambda z, y: ZERO, pieces=Pieces(left, at_zero, one, steps=True))
    return Function(name, latex, lambda z, y: slope(z), pieces=Pieces(left, zero, one))


def relu(slope_at_0: Fraction = Fraction(0)) -> Function:
    """max(0, z); it has no derivative at 0, and ``slope_at_0`` is what is used there."""
    return _bent("relu", r"\mathrm{ReLU}", Fraction(0), slope_at_0)


def leaky_relu(leak: Fraction = Fraction(1, 100), slope_at_0: Fraction | None = None) -> Function:
    """z right of 0 and ``leak`` · z left of it (Maas et al. 2013); at 0 the slope is ``leak`` if not told."""
    return _bent("leaky_relu", r"\mathrm{LeakyReLU}", leak, leak if slope_at_0 is None else slope_at_0)


absolute = _bent("abs", r"\mathrm{abs}", Fraction(-1), Fraction(0))

ACTIVATIONS = ("identity", "tanh", "sigmoid", "relu", "leaky_relu", "softplus", "softmax")
"""The activations that a problem file may name; anything else is an expression in z."""

ELEMENTARY = {function.name: function for function in (exp, ln, sqrt, sin, cos, tanh, sigmoid, softplus, absolute, relu())} | {
    "log": ln
}
"""What an expression in z may apply."""


def defined(name: str, latex: str, definition: Formula, source: str) -> Function:
    """A function given by a formula in ``Z``, and its derivative."""
    slope = Function(f"{name}'", f"{latex}'", definition=derivative(definition))
    return Function(name, latex, lambda z, y: slope(z), definition=definition, source=source)


def derivative(formula: Formula) -> Formula:
    """The derivative of a formula of one number, ``Z``, by the rules of differentiation.

    Nothing is simplified but factors 1 and terms 0, so it is defined wherever
    these rules have a meaning.
    """
    match formula:
        case Var():
            return ONE
        case Const():
            return ZERO
        case Neg(operand):
            return _negated(derivative(operand))
        case Sum(terms):
            return _added(map(derivative, terms))
        case Times(factors):
            return _added(
                _times(*factors[:place], derivative(factor), *factors[place + 1 :]) for place, factor in enumerate(factors)
            )
        case Over(above, below):
            return _added([_over(derivative(above), below), _negated(_over(_times(above, derivative(below)), below**2))])
        case Power(base, exponent):
            lower = base ** (exponent - 1) if exponent > 2 else base
            return _times(Const(Fraction(exponent)), lower, derivative(base))
        case Apply(function, argument):
            slope, inner = slope_of(function, argument, formula), derivative(argument)
            if isinstance(slope, Over) and slope.numerator == ONE:
                return _over(inner, slope.denominator)
            return _times(slope, inner)
        case _:
            raise DesignError(f"{formula} is not a formula of one number")


def _times(*factors: Formula) -> Formula:
    """A product in which signs stand in front and a factor 0 leaves nothing."""
    if ZERO in factors:
        return ZERO
    plain = [part for one in factors for part in ((Const(Fraction(-1)), one.operand) if isinstance(one, Neg) else (one,))]
    return product(*plain)


def _over(above: Formula, below: Formula) -> Formula:
    """A quotient in which a sign stands in front and an exact number is one number."""
    if isinstance(above, Neg):
        return Neg(_over(above.operand, below))
    if isinstance(above, Const) and isinstance(below, Const) and below != ZERO:
        return Const(above.value / below.value)
    return ZERO if above == ZERO else above / below


def _negated(formula: Formula) -> Formula:
    if isinstance(formula, Const):
        return Const(-formula.value)
    return formula.operand if isinstance(formula, Neg) else Neg(formula)


def _added(terms: Iterable[Formula]) -> Formula:
    present = [term for term in terms if term != ZERO]
    if all(isinstance(term, Const) for term in present):
        return Const(sum((term.value for term in present if isinstance(term, Const)), Fraction(0)))
    return sum(present[1:], start=present[0]) if present else ZERO


def slope_of(function: Function, z: Formula, y: Formula) -> Formula:
    """The slope of a function at z, where its value is y."""
    if function.slope is None:
        raise NotImplementedError(f"{function.name} has no slope in the table")
    return constant(function.slope(z, y))
