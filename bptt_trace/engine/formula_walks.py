"""Walks over formulas: their parts, and the same formula with other parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_never, cast

from bptt_trace.engine.formula import (
    Apply,
    Beside,
    Const,
    Diagonal,
    Entry,
    Extreme,
    Formula,
    MatMul,
    Neg,
    Node,
    OneHot,
    Outer,
    Over,
    Power,
    Rest,
    Slice,
    Spread,
    Stack,
    Sum,
    Times,
    Total,
    Transpose,
    Var,
)
from bptt_trace.engine.functions import exp


def children(formula: Formula) -> Iterator[Formula]:
    """The direct parts of a formula, from left to right."""
    for name in formula.__match_args__:
        value = getattr(formula, name)
        if isinstance(value, Formula):
            yield value
        elif isinstance(value, tuple):
            yield from (part for part in value if isinstance(part, Formula))


def walk(formula: Formula) -> Iterator[Formula]:
    """A formula and all formulas in it, from the outside in and from left to right."""
    yield formula
    for child in children(formula):
        yield from walk(child)


def variables(formula: Formula) -> Iterator[Var]:
    """The variables of a formula from left to right, once for each use."""
    return (part for part in walk(formula) if isinstance(part, Var))


def applications(formula: Formula) -> Iterator[Apply]:
    """The functions that a formula applies, from the outside in."""
    return (part for part in walk(formula) if isinstance(part, Apply))


def divides(formula: Formula) -> bool:
    """Whether a formula has a quotient in it."""
    return any(isinstance(part, Over) for part in walk(formula))


def has_fraction(formula: Formula) -> bool:
    """Whether a formula divides, or has a fraction for a constant."""
    constants = (part for part in walk(formula) if isinstance(part, Const) and not part.symbol)
    return divides(formula) or any(constant.value.denominator != 1 for constant in constants)


def has_exponential(formula: Formula) -> bool:
    """Whether a formula applies the exponential function."""
    return any(applied.function is exp for applied in applications(formula))


def divides_exponentials(formula: Formula) -> bool:
    """Whether a formula has a quotient that begins with an exponential above its line, as softmax does."""
    return any(isinstance(part, Over) and _begins_with_exponential(part.numerator) for part in walk(formula))


def _begins_with_exponential(formula: Formula) -> bool:
    match formula:
        case Sum((first, *_)) | Times((first, *_)) | Power(first):
            return _begins_with_exponential(first)
        case _:
            return isinstance(formula, Apply) and formula.function is exp


def rewrite(formula: Formula, change: Callable[[Formula], Formula | None]) -> Formula:  # noqa: C901 - a case for each node
    """The formula with the replacements of ``change``, which returns None for a part that stays."""
    changed = change(formula)
    if changed is not None:
        return changed

    def again(part: Formula) -> Formula:
        return rewrite(part, change)

    def all_of(parts: tuple[Formula, ...]) -> tuple[Formula, ...]:
        return tuple(again(part) for part in parts)

    node = cast(Node, formula)
    match node:
        case Var() | Entry() | Rest() | Const():
            return node
        case Neg(operand):
            return Neg(again(operand))
        case Sum(terms):
            return Sum(all_of(terms))
        case Times(factors):
            return Times(all_of(factors))
        case Over(numerator, denominator):
            return Over(again(numerator), again(denominator))
        case Power(base, exponent, bracketed):
            return Power(again(base), exponent, bracketed)
        case Apply(function, argument):
            return Apply(function, again(argument))
        case MatMul(left, right):
            return again(left) @ again(right)
        case Outer(column, row):
            return Outer(again(column), again(row))
        case Transpose(operand):
            return again(operand).T
        case Total(operand):
            return Total(again(operand))
        case Stack(parts):
            return Stack(all_of(parts))
        case Beside(parts):
            return Beside(all_of(parts))
        case Slice(operand, start, shape):
            return Slice(again(operand), start, shape)
        case Spread(operand, shape):
            return Spread(again(operand), shape)
        case Diagonal(operand):
            return Diagonal(again(operand))
        case Extreme(kind, (left, right), held):
            return Extreme(kind, (again(left), again(right)), held)
        case OneHot(operand, place, label):
            changed = again(operand)
            return OneHot(changed, place, label) if isinstance(changed, Var) else changed
        case _:
            assert_never(node)
