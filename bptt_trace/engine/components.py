"""The entries of a vector or matrix formula as scalar formulas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never, cast

from bptt_trace.engine.formula import (
    ABSENT,
    ONE,
    ZERO,
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
    Shape,
    Slice,
    Spread,
    Stack,
    Sum,
    Times,
    Total,
    Transpose,
    Var,
    factors_of,
    matrix_shape,
    sum_of,
    terms_of,
)
from bptt_trace.errors import DesignError


def component(formula: Formula, row: int = 0, column: int = 0, *, rows: bool = False) -> Formula:  # noqa: C901 - a case for each node
    """The entry in this row and column, counted from 0, as a formula of numbers.

    Its variables are entries of the variables of ``formula``. With ``rows``
    vectors are rows (``x W``), and the factors of each product are exchanged.
    Raises ``DesignError`` for a row that the formula does not have.

    >>> str(component(Var(0, (2, 2)) @ Var(1, (2,)), row=1))
    's0[3] * s1[1] + s0[4] * s1[2]'
    >>> str(component(Var(0, (2, 2)) @ Var(1, (2,)), row=1, rows=True))
    's1[1] * s0[3] + s1[2] * s0[4]'
    """

    def at(part: Formula, row: int = 0, column: int = 0) -> Formula:
        return component(part, row, column, rows=rows)

    def entry(part: Formula) -> Formula:
        return at(part, row, column) if part.shape else at(part)

    node = cast(Node, formula)
    match node:
        case Entry() | Const():
            return node
        case Rest():
            return Rest()
        case Var(_, shape):
            if not shape:
                return node
            return Entry(node, row * matrix_shape(node)[1] + column)
        case Neg(operand):
            return Neg(entry(operand))
        case Sum(terms):
            return sum_of(tuple(part for term in terms for part in terms_of(entry(term))))
        case Times(factors):
            return Times(tuple(part for factor in factors for part in factors_of(entry(factor))))
        case Over(numerator, denominator):
            return Over(entry(numerator), entry(denominator))
        case Power(base, exponent, bracketed):
            return Power(entry(base), exponent, bracketed)
        case Apply(function, argument):
            if function.entry is not None:
                return function.entry([at(argument, i) for i in range(matrix_shape(argument)[0])], row)
            return Apply(function, entry(argument))
        case MatMul(left, OneHot(_, place, _)):
            return at(left, row, place)
        case MatMul(left, right):
            return _added(_times(at(left, row, k), at(right, k, column), rows) for k in range(matrix_shape(left)[1]))
        case Outer(first, second):
            return _times(at(first, row), at(second, column), rows)
        case Transpose(operand):
            return at(operand, column, row)
        case Total(operand):
            return _added(at(operand, i, j) for i, j in _coordinates(operand))
        case Stack(parts):
            start = 0
            for part in parts:
                if row < start + matrix_shape(part)[0]:
                    return at(part, row - start)
                start += matrix_shape(part)[0]
            raise DesignError(f"row {row} of {formula}")
        case Beside(parts):
            return at(parts[column], row)
        case Slice(operand, start, _):
            return at(operand, start + row)
        case Spread(operand, _):
            return at(operand)
        case Diagonal(operand):
            return at(operand, row) if row == column else ABSENT
        case Extreme(kind, (left, right), held):
            return Extreme(kind, (entry(left), entry(right)), held)
        case OneHot(_, place, _):
            return ONE if row == place else ZERO
        case _:
            assert_never(node)


def _times(left: Formula, right: Formula, rows: bool) -> Formula:
    """One product of entries in a product of matrices."""
    if right == ONE:  # a slope of 1 that came through a matrix, or a letter
        return left
    if right == ZERO:
        return ZERO
    return right * left if rows else left * right


def _coordinates(formula: Formula) -> Iterator[tuple[int, int]]:
    rows, columns = matrix_shape(formula)
    return ((i, j) for i in range(rows) for j in range(columns))


def _added(terms: Iterator[Formula]) -> Formula:
    total = next(terms)
    for term in terms:
        total = total + term
    return total


def entries(shape: Shape) -> list[tuple[int, ...]]:
    """The indices of all components, counted from 1; one empty index for a number.

    >>> entries((2, 2))
    [(1, 1), (1, 2), (2, 1), (2, 2)]
    """
    match shape:
        case ():
            return [()]
        case (n,):
            return [(i,) for i in range(1, n + 1)]
        case (m, n):
            return [(i, j) for i in range(1, m + 1) for j in range(1, n + 1)]
        case _:
            raise DesignError(f"the shape {shape} has more than two dimensions")
