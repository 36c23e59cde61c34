"""Formulas as they are written: a small closed set of frozen nodes.

Operators build them and constructors check shapes. The author's order of terms
and factors is kept and nothing is ever computed: what a formula comes to is
the business of ``evaluate``, how it looks that of ``lines``.

A shape is ``()`` for a number, ``(n,)`` for a column of n numbers, ``(m, n)``
for a matrix of m rows. A single number has no dimensions: ``(1,)`` and
``(1, 1)`` are ``()``, so that a cell that writes ``W @ x`` also describes one neuron.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from bptt_trace.errors import DesignError

if TYPE_CHECKING:
    from bptt_trace.engine.functions import Function

Shape = tuple[int, ...]


def shape_of(*dimensions: int) -> Shape:
    """The shape with these dimensions; one number has none.

    >>> shape_of(3), shape_of(1), shape_of(2, 1), shape_of(1, 1)
    ((3,), (), (2, 1), ())
    """
    return () if all(size == 1 for size in dimensions) else dimensions


class Formula:
    """The common base of all nodes: a shape, and operators that build further nodes."""

    __match_args__: ClassVar[tuple[str, ...]] = ()
    """The names of a node's fields; each dataclass below has its own."""

    @property
    def shape(self) -> Shape:
        """The shape of the value; a number unless a node says otherwise."""
        return ()

    def __add__(self, other: Operand) -> Formula:
        return sum_of((*terms_of(self), *terms_of(constant(other))))

    def __radd__(self, other: Operand) -> Formula:
        return constant(other) + self

    def __sub__(self, other: Operand) -> Formula:
        return sum_of((*terms_of(self), Neg(constant(other))))

    def __rsub__(self, other: Operand) -> Formula:
        return constant(other) - self

    def __neg__(self) -> Formula:
        return Neg(self)

    def __mul__(self, other: Operand) -> Formula:
        if self is ABSENT or other is ABSENT:
            return ABSENT
        return Times((*factors_of(self), *factors_of(constant(other))))

    def __rmul__(self, other: Operand) -> Formula:
        return constant(other) * self

    def __truediv__(self, other: Operand) -> Formula:
        return Over(self, constant(other))

    def __rtruediv__(self, other: Operand) -> Formula:
        return Over(constant(other), self)

    def __pow__(self, exponent: int) -> Formula:
        return Power(self, exponent)

    def __matmul__(self, other: Formula) -> Formula:
        """Matrix product; between two numbers it is the product."""
        if self is ABSENT or other is ABSENT:
            return ABSENT
        return MatMul(self, other) if self.shape or other.shape else self * other

    @property
    def T(self) -> Formula:
        """The transpose; a number is its own."""
        match self:
            case Transpose(operand):
                return operand
            case Outer(column, row):
                return Outer(row, column)
        return Transpose(self) if self.shape else self

    def __str__(self) -> str:
        from bptt_trace.engine.formula_text import text

        return text(self, "s{}".format)


Operand = Formula | int | Fraction


@dataclass(frozen=True)
class Var(Formula):
    """A quantity, by the number of the step (or, inside a rule, of the argument) that makes it."""

    number: int
    shape: Shape = ()


@dataclass(frozen=True)
class Entry(Formula):
    """One component of a quantity: the probability of one class; what a matrix formula is lowered to."""

    variable: Var
    component: int
    """Counted from 0 along the rows."""


@dataclass(frozen=True)
class Rest(Formula):
    """``first + … + last``: the sum of all arguments behind the numbered ones."""

    shape: Shape = ()


@dataclass(frozen=True)
class Const(Formula):
    """An exact number; ``symbol`` is what a formula writes for it (``T`` for the number of steps)."""

    value: Fraction
    symbol: str = ""


@dataclass(frozen=True)
class Neg(Formula):
    """−x"""

    operand: Formula

    @property
    def shape(self) -> Shape:
        return self.operand.shape


@dataclass(frozen=True)
class Sum(Formula):
    """a + b + …, entry by entry; a number is added to every entry."""

    terms: tuple[Formula, ...]

    def __post_init__(self) -> None:
        _common(self.terms)

    @property
    def shape(self) -> Shape:
        return _common(self.terms)


@dataclass(frozen=True)
class Times(Formula):
    """a · b · …, entry by entry; a number multiplies every entry."""

    factors: tuple[Formula, ...]

    def __post_init__(self) -> None:
        _common(self.factors)

    @property
    def shape(self) -> Shape:
        return _common(self.factors)


@dataclass(frozen=True)
class Over(Formula):
    """a / b, entry by entry."""

    numerator: Formula
    denominator: Formula

    def __post_init__(self) -> None:
        _common((self.numerator, self.denominator))

    @property
    def shape(self) -> Shape:
        return _common((self.numerator, self.denominator))


@dataclass(frozen=True)
class Power(Formula):
    """base to a whole number, entry by entry."""

    base: Formula
    exponent: int
    bracketed: bool = False
    """Whether the base stands in brackets as a name too: dL/dw is a fraction."""

    @property
    def shape(self) -> Shape:
        return self.base.shape


@dataclass(frozen=True)
class Apply(Formula):
    """function(argument), entry by entry."""

    function: Function
    argument: Formula

    @property
    def shape(self) -> Shape:
        return self.argument.shape


@dataclass(frozen=True)
class MatMul(Formula):
    """Matrix product; a column is a matrix of one column."""

    left: Formula
    right: Formula

    def __post_init__(self) -> None:
        if matrix_shape(self.left)[1] != matrix_shape(self.right)[0]:
            raise DesignError(f"a matrix product of shapes {self.left.shape} and {self.right.shape}")

    @property
    def shape(self) -> Shape:
        return _column_or_matrix(matrix_shape(self.left)[0], matrix_shape(self.right)[1])


@dataclass(frozen=True)
class Outer(Formula):
    """column · rowᵀ: the matrix of all products of entries."""

    column: Formula
    row: Formula

    def __post_init__(self) -> None:
        if len(self.column.shape) > 1 or len(self.row.shape) > 1:
            raise DesignError(f"an outer product of shapes {self.column.shape} and {self.row.shape}")

    @property
    def shape(self) -> Shape:
        return shape_of(matrix_shape(self.column)[0], matrix_shape(self.row)[0])


@dataclass(frozen=True)
class Transpose(Formula):
    """Rows become columns."""

    operand: Formula

    @property
    def shape(self) -> Shape:
        rows, columns = matrix_shape(self.operand)
        return _column_or_matrix(columns, rows)


@dataclass(frozen=True)
class Total(Formula):
    """The sum of all entries."""

    operand: Formula


@dataclass(frozen=True)
class Stack(Formula):
    """Columns one below the other, as one column: [h, x]."""

    parts: tuple[Formula, ...]

    def __post_init__(self) -> None:
        if any(len(part.shape) > 1 for part in self.parts):
            raise DesignError(f"a stack of shapes {[part.shape for part in self.parts]}")

    @property
    def shape(self) -> Shape:
        return shape_of(sum(matrix_shape(part)[0] for part in self.parts))


@dataclass(frozen=True)
class Beside(Formula):
    """Columns side by side, as a matrix: the keys of a sequence."""

    parts: tuple[Formula, ...]

    def __post_init__(self) -> None:
        if len({part.shape for part in self.parts}) > 1 or any(len(part.shape) > 1 for part in self.parts):
            raise DesignError(f"columns of shapes {[part.shape for part in self.parts]} side by side")

    @property
    def shape(self) -> Shape:
        return shape_of(matrix_shape(self.parts[0])[0], len(self.parts))


@dataclass(frozen=True)
class Slice(Formula):
    """Consecutive entries of a column: one part of a stack."""

    operand: Formula
    start: int
    """Counted from 0."""
    shape: Shape = ()


@dataclass(frozen=True)
class Spread(Formula):
    """The same number in every entry: the gradient of a column's total by each of its entries."""

    operand: Formula
    shape: Shape = ()


@dataclass(frozen=True)
class Diagonal(Formula):
    """The square matrix with a column on its diagonal and nothing beside it."""

    operand: Formula

    @property
    def shape(self) -> Shape:
        rows = matrix_shape(self.operand)[0]
        return shape_of(rows, rows)


@dataclass(frozen=True)
class Extreme(Formula):
    """The larger (``max``) or the smaller (``min``) of two, entry by entry."""

    kind: str
    parts: tuple[Formula, Formula]
    held: bool = True
    """Whether no gradient flows through it: a stabiliser, which cancels in the output, or a bound of gradients."""

    def __post_init__(self) -> None:
        _common(self.parts)

    @property
    def shape(self) -> Shape:
        return _common(self.parts)


@dataclass(frozen=True)
class OneHot(Formula):
    """A column that is 1 at one place and 0 elsewhere: a letter. A product with it is a lookup."""

    operand: Var
    place: int
    """Counted from 0."""
    label: str
    """The letter that the place stands for."""

    @property
    def shape(self) -> Shape:
        return self.operand.shape


class _Absent(Formula):
    """A missing part of a network: a bias, an input. It vanishes from sums, and so does a product with it."""


ABSENT = _Absent()
ONE = Const(Fraction(1))
ZERO = Const(Fraction(0))

Node = (
    Var | Entry | Rest | Const | Neg | Sum | Times | Over | Power | Apply
    | MatMul | Outer | Transpose | Total | Stack | Slice | Spread | Diagonal | Extreme | OneHot | Beside
)  # fmt: skip


def constant(value: Operand) -> Formula:
    """A formula for an exact number; a formula is returned as it is."""
    return value if isinstance(value, Formula) else Const(Fraction(value))


def sum_of(terms: tuple[Formula, ...]) -> Formula:
    """The sum of terms; a term that is ABSENT adds nothing, and one alone stands for itself."""
    present = tuple(term for term in terms if term is not ABSENT)
    if not present:
        return ABSENT
    return Sum(present) if len(present) > 1 else present[0]


def terms_of(formula: Formula) -> tuple[Formula, ...]:
    """The terms of a sum; of another formula, itself."""
    return formula.terms if isinstance(formula, Sum) else (formula,)


def factors_of(formula: Formula) -> tuple[Formula, ...]:
    """The factors of a product; of another formula, itself."""
    return formula.factors if isinstance(formula, Times) else (formula,)


def matrix_shape(formula: Formula) -> tuple[int, int]:
    """Rows and columns; a number is a matrix with one entry, a vector a column."""
    match formula.shape:
        case ():
            return 1, 1
        case (n,):
            return n, 1
        case (m, n):
            return m, n
        case shape:
            raise DesignError(f"the shape {shape} has more than two dimensions")


def _column_or_matrix(rows: int, columns: int) -> Shape:
    return shape_of(rows) if columns == 1 else shape_of(rows, columns)


def _common(operands: Sequence[Formula]) -> Shape:
    """The shape of an entry-by-entry operation; raises ``DesignError`` where they do not fit."""
    shapes = {operand.shape for operand in operands} - {()}
    if len(shapes) > 1:
        raise DesignError(f"entry by entry, but of shapes {sorted(shapes)}")
    return shapes.pop() if shapes else ()


def product(*factors: Formula) -> Formula:
    """The product as a book writes it: one exact coefficient in front, no factor 1, the sign outside."""
    coefficient = Fraction(1)
    symbols: list[Formula] = []
    others: list[Formula] = []
    for factor in _flat(factors):
        match factor:
            case Const(value, ""):
                coefficient *= value
            case Over(Const(value, ""), below):
                coefficient *= value
                symbols += _flat((below,))
            case _:
                others.append(factor)
    front = _coefficient(abs(coefficient), symbols)
    if front is not None or not others:
        others.insert(0, front or ONE)
    unsigned = others[0] if len(others) == 1 else Times(tuple(others))
    return Neg(unsigned) if coefficient < 0 else unsigned


def _flat(factors: Sequence[Formula]) -> Iterator[Formula]:
    for factor in factors:
        match factor:
            case Times(inner):
                yield from _flat(inner)
            case Neg(inner):
                yield Const(Fraction(-1))
                yield from _flat((inner,))
            case _:
                yield factor


def _coefficient(value: Fraction, below: list[Formula]) -> Formula | None:
    """value / below as one fraction, with whole numbers above and below; None for 1."""
    if not below:
        return None if value == 1 else Const(value)
    if value.denominator != 1:
        below = [Const(Fraction(value.denominator)), *below]
    return Over(Const(Fraction(value.numerator)), below[0] if len(below) == 1 else Times(tuple(below)))


def stack(*parts: Formula) -> Formula:
    """Columns one below the other; a missing part takes no room."""
    present = tuple(part for part in parts if part is not ABSENT)
    return Stack(present) if len(present) > 1 else present[0]


def larger(left: Formula, right: Formula) -> Formula:
    """The larger of two, entry by entry."""
    return Extreme("max", (left, right))
