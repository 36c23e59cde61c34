"""Lines of vectors and matrices as they stand on the board: with names, and with entries.

A matrix product is juxtaposed; what is done entry by entry has a sign of its
own (``.*`` in plain text, ⊙ elsewhere). Where vectors are rows, every formula
is read transposed: ``W x`` becomes ``x W``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never, cast

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
    Shape,
    Spread,
    Stack,
    Sum,
    Times,
    Total,
    Transpose,
    Var,
)
from bptt_trace.lines import Signs

_SUM, _NEGATION, _PRODUCT, _POWER, _ATOM = range(5)

Written = tuple[str, int]
"""A text, and how tightly it holds together."""


@dataclass(frozen=True)
class MatrixLine:
    """One formula in one notation, with what is written for its variables."""

    signs: Signs
    rows: bool
    """Whether vectors are rows."""
    leaf: Callable[[Var], str]
    """The name of a variable, or its entries."""
    entry: Callable[[Entry], str]
    """The name of one component, or its number."""
    rest: str = ""
    """What stands for a sum of all further arguments."""
    numbers: bool = False
    """Whether entries are written: then symbols for exact numbers are too."""

    def __call__(self, formula: Formula) -> str:
        """The formula as a line."""
        return self.part(formula, _SUM)

    def part(self, formula: Formula, least: int) -> str:
        """A part of the formula, in brackets where it would fall apart."""
        written, strength = self.write(formula)
        return written if strength >= least else self.bracket(written)

    def bracket(self, text: str) -> str:
        if self.signs.latex and "matrix" in text:
            return rf"\left({text}\right)"
        return f"({text})"

    def write(self, formula: Formula) -> Written:
        """A formula, and how tightly it holds together."""
        node = cast(Node, formula)
        match node:
            case Var():
                return self.leaf(node), _ATOM
            case Entry():
                return self.entry(node), _ATOM
            case Rest():
                return self.rest, _SUM
            case Const(value, symbol):
                text = symbol if symbol and not self.numbers else str(value)
                return text, _ATOM if value.denominator == 1 and value >= 0 else _SUM
            case Neg(operand):
                return f"-{self.part(operand, _PRODUCT)}", _NEGATION
            case Sum(terms):
                return self.sum(terms), _SUM
            case Times(factors):
                return self.times(factors), _PRODUCT
            case Over(numerator, denominator):
                return self.over(numerator, denominator)
            case Power(base, exponent, bracketed):
                name = bracketed and not self.numbers
                return self.signs.power.format(
                    self.bracket(self.part(base, _SUM)) if name else self.part(base, _ATOM), exponent
                ), _POWER
            case Apply(function, argument):
                return self.signs.applied(function, self.part(argument, _SUM)), _ATOM
            case MatMul(left, right):
                return self.product(left, right), _PRODUCT
            case Outer(column, row):
                return self.outer(column, row), _PRODUCT
            case Transpose(operand):
                return self.transposed(operand), _ATOM
            case Total(operand):
                sign = r"\textstyle\sum" if self.signs.latex else "sum"
                return f"{sign}({self.part(operand, _SUM)})", _ATOM
            case Stack(parts):
                return self.stack(parts), _ATOM
            case Part(operand, start, shape):
                return self.cut(operand, start, shape), _ATOM
            case Spread(operand, shape):
                return self.spread(operand, shape), _PRODUCT
            case Extreme(kind, (left, right)):
                return f"{self.signs.named(kind)}({self.part(left, _SUM)}, {self.part(right, _SUM)})", _ATOM
            case Diagonal(operand):
                sign = r"\mathrm{diag}" if self.signs.latex else "diag"
                return f"{sign}({self.part(operand, _SUM)})", _ATOM
            case _:
                assert_never(node)

    def sum(self, terms: Sequence[Formula]) -> str:
        text = self.part(terms[0], _NEGATION)
        for term in terms[1:]:
            sign, positive = ("-", term.operand) if isinstance(term, Neg) else ("+", term)
            text += f" {sign} {self.part(positive, _PRODUCT)}"
        return text

    def times(self, factors: Sequence[Formula]) -> str:
        """A number multiplies with the sign of every product, a column with the sign for entry by entry."""
        text, vectors = self.part(factors[0], _POWER), bool(factors[0].shape)
        for factor in factors[1:]:
            sign = self.entrywise if vectors and factor.shape else self.signs.times
            vectors = vectors or bool(factor.shape)
            text += f"{sign}{self.part(factor, _POWER)}"
        return text

    @property
    def entrywise(self) -> str:
        return r" \odot " if self.signs.latex else " .* "

    def over(self, numerator: Formula, denominator: Formula) -> Written:
        if self.signs.latex:
            return self.signs.fraction.format(self.part(numerator, _SUM), self.part(denominator, _SUM)), _ATOM
        if isinstance(numerator, Const) and isinstance(denominator, Const):
            return f"({self.part(numerator, _ATOM)}/{self.part(denominator, _ATOM)})", _ATOM
        return f"{self.part(numerator, _POWER)} / {self.part(denominator, _ATOM)}", _PRODUCT

    def product(self, left: Formula, right: Formula) -> str:
        first, second = (right, left) if self.rows else (left, right)
        return f"{self.part(first, _PRODUCT)}{self.between(left, right)}{self.part(second, _POWER)}"

    def between(self, left: Formula, right: Formula) -> str:
        """What stands between the factors of a matrix product: nothing, but beside a single number the sign of a product."""
        if self.numbers:
            return " " if left.shape and right.shape else self.signs.times
        return r" \thinspace " if self.signs.latex else " "

    def outer(self, column: Formula, row: Formula) -> str:
        """column · rowᵀ; of rows, the transpose of that: rowᵀ · column."""
        if self.rows:
            return f"{self.flipped(row)}{self.between(row, column)}{self.part(column, _POWER)}"
        return f"{self.part(column, _POWER)}{self.between(column, row)}{self.flipped(row)}"

    def flipped(self, formula: Formula) -> str:
        """The transpose of a column (or of a row); a number is its own."""
        return self.transposed(formula) if formula.shape else self.part(formula, _POWER)

    def transposed(self, operand: Formula) -> str:
        sign = r"^{\top}" if self.signs.latex else "^T"
        text = self.part(operand, _ATOM)
        # An index below and a sign above share the place behind a LaTeX fraction badly.
        return rf"\left({text}\right){sign}" if self.signs.latex and text.startswith(r"\frac") else f"{text}{sign}"

    def stack(self, parts: Sequence[Formula]) -> str:
        if not self.signs.latex:
            return f"[{(', ' if self.rows else '; ').join(self.part(part, _SUM) for part in parts)}]"
        between = " & " if self.rows else r" \cr "
        return rf"\begin{{pmatrix}}{between.join(self.part(part, _SUM) for part in parts)}\end{{pmatrix}}"

    def spread(self, operand: Formula, shape: Shape) -> str:
        """A number times a column of ones."""
        ones = r"\mathbf{1}" if self.signs.latex else "ones"
        if self.numbers:
            ones = literal(["1"] * shape[0], shape, self.signs, self.rows)
        return f"{self.part(operand, _PRODUCT)}{self.signs.times}{ones}"

    def cut(self, operand: Formula, start: int, shape: Shape) -> str:
        last = start + (shape[0] if shape else 1)
        text = self.bracket(self.part(operand, _SUM))
        places = str(last) if last == start + 1 else f"{start + 1}..{last}"
        return rf"{text}_{{[{places}]}}" if self.signs.latex else f"{text}_[{places}]"


def literal(texts: Sequence[str], shape: Shape, signs: Signs, rows: bool) -> str:
    """The entries of a quantity, in the order of its component lines, as they stand in brackets.

    >>> from bptt_trace.lines import TEXT
    >>> literal(["1", "2", "3", "4"], (2, 2), TEXT, False), literal(["1", "2"], (2,), TEXT, True)
    ('[1, 2; 3, 4]', '[1, 2]')
    """
    match shape:
        case ():
            return texts[0]
        case (n,):
            wide = n if rows else 1
        case _:
            wide = shape[0] if rows else shape[1]
    lines = [texts[start : start + wide] for start in range(0, len(texts), wide)]
    if signs.latex:
        body = r" \cr ".join(" & ".join(line) for line in lines)
        return rf"\begin{{pmatrix}}{body}\end{{pmatrix}}"
    return f"[{'; '.join(', '.join(line) for line in lines)}]"
