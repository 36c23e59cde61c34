"""Formulas as Python writes them: of numbers, and of arrays.

Lines of numbers are printed from the same SymPy expressions as the sheet, lines
of matrices by the same walk over formulas as the board; what differs is how
operators and functions are spelled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy

from bptt_trace.formula import Apply, Const, Diagonal, Entry, Extreme, Formula, Rest, Shape, Total, Var
from bptt_trace.functions import (
    Function,
    Pieces,
    Z,
    cos,
    exp,
    ln,
    sigmoid,
    sin,
    slope_of,
    softmax,
    softplus,
    sqrt,
    tanh,
)
from bptt_trace.identifiers import Identifiers
from bptt_trace.lines import Hole, Known, LinePrinter, Signs, Template, definition, expression
from bptt_trace.matrices import MatrixLine

CODE = Signs(" * ", "{} / {}", "{}**{}", ", ")
STANDARD = frozenset({tanh, sigmoid, softplus, exp, ln, sqrt, sin, cos, softmax})
"""Functions that templates have in their heads, under their own names."""
HELPERS = frozenset({
    "Context", "DRIFT", "Decimal", "Fraction", "ROUND_HALF_UP", "array", "checked", "compare", "compared", "decimal",
    "getcontext", "keep", "line", "math", "np", "number", "parameter", "rounded", "to_figures", "torch", "unit",
    *(function.name for function in STANDARD),
})  # fmt: skip
"""What the templates call their own things."""

_SUM, _NEGATION, _PRODUCT, _FRACTION, _ATOM = range(5)
"""How tightly an expression of numbers holds together, as in ``lines``."""
_POWER_OF_ARRAY, _ATOM_OF_ARRAY = 3, 4
"""The same of arrays, as in ``matrices``."""


class Scope:
    """What one program of code calls things; functions are defined when they are first written."""

    def __init__(self, form: str) -> None:
        self.form = form
        """``python`` (numbers), ``numpy`` or ``torch`` (arrays)."""
        self.identifiers = Identifiers(HELPERS)
        self.standard: list[str] = []
        """Functions of the template's head that are used."""
        self.definitions: list[str] = []
        """All other functions, each behind those that it uses."""
        self.symbols: dict[tuple[str, Fraction], str] = {}
        """Exact numbers for which formulas write a symbol, and the identifier of each."""
        self._functions: dict[Function, str] = {}

    def symbol(self, symbol: str, value: Fraction) -> str:
        """The identifier of an exact number that formulas write as a symbol: ``T``."""
        if (symbol, value) not in self.symbols:
            self.symbols[symbol, value] = self.identifiers.fresh(symbol)
        return self.symbols[symbol, value]

    def function(self, function: Function) -> str:
        """The identifier of a function, which is defined from now on."""
        if function in STANDARD:
            if function.name not in self.standard:
                self.standard.append(function.name)
            return function.name
        if function not in self._functions:
            body = self._pieces(function, function.pieces) if function.pieces else self._defined(function)
            name = self.identifiers.fresh(function.name.replace("'", "_prime"))
            self._functions[function] = name
            self.definitions.append(f"def {name}(z):\n    return {body}")
        return self._functions[function]

    def _defined(self, function: Function) -> str:
        form = NumberLine(self).template(definition(function))
        return form.pattern % (("z",) * len(form.holes))

    def _pieces(self, function: Function, pieces: Pieces) -> str:
        """A function of straight pieces: ``z if z > 0 else 0 * z``."""
        if pieces.steps:
            right, left, at_zero = (exact(value) for value in (pieces.right, pieces.left, pieces.at_zero))
            if self.form == "python":
                return f"{right} if z > 0 else {left} if z < 0 else {at_zero}"
            where = f"{'torch' if self.form == 'torch' else 'np'}.where"
            return f"{where}(z > 0, {right}, {where}(z < 0, {left}, {at_zero}))"
        right, left = _times_z(pieces.right), _times_z(pieces.left)
        if self.form == "python":
            return f"{right} if z > 0 else {left}"
        if self.form == "numpy":
            return f"np.where(z > 0, {right}, {left})"
        # Autograd goes by the branch that is taken: at 0 one with the slope that the problem has there.
        slope = slope_of(function, Z, Z)
        at_zero = _times_z(slope.function.pieces.at_zero if isinstance(slope, Apply) and slope.function.pieces else pieces.left)
        return f"torch.where(z > 0, {right}, torch.where(z < 0, {left}, {at_zero}))"


def exact(value: Fraction) -> str:
    """An exact number: whole numbers as they are, others by the program's own ``number``."""
    return str(value) if value.denominator == 1 else f'number("{value}")'


def _times_z(value: Fraction) -> str:
    return {1: "z", -1: "-z"}.get(int(value) if value.denominator == 1 else 0, f"{exact(value)} * z")


# ------------------------------------------------------------------- of numbers


class NumberLine(LinePrinter):
    """Prints an unevaluated expression of numbers as Python; the holes are for identifiers.

    Whole numbers are written as such. A quotient of two of them would leave the
    program's arithmetic, so one of them is made a ``number``.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__(CODE, numbers=False)
        self.scope = scope

    def hole(self, hole: Hole, least: int, bare: bool) -> str:
        """A place for an identifier, or for a sum of many."""
        del least
        self.holes.append(hole.number)
        self.bare.append(bare)
        return "%s"

    def fraction(self, above: list[Any], below: list[Any]) -> tuple[str, int]:
        """A quotient."""
        numerator, denominator = (sympy.Mul(*parts, evaluate=False) if len(parts) != 1 else parts[0] for parts in (above, below))
        if numerator.free_symbols or denominator.free_symbols:
            return f"{self.part(numerator, _FRACTION)} / {self.part(denominator, _ATOM)}", _PRODUCT
        if isinstance(numerator, sympy.Integer) and isinstance(denominator, sympy.Integer):
            return f'number("{numerator}/{denominator}")', _ATOM
        return f"number({self.part(numerator, _SUM)}) / {self.part(denominator, _ATOM)}", _PRODUCT

    def _print_Known(self, known: Known) -> tuple[str, int]:
        return self.scope.symbol(str(known.name), known.known), _ATOM

    def _print_Rational(self, number: Any) -> tuple[str, int]:
        if number < 0:
            return "-" + self._print_Rational(-number)[0], _NEGATION
        return exact(Fraction(int(number.p), int(number.q))), _ATOM

    def _print_Pow(self, power: Any) -> tuple[str, int]:
        text, strength = super()._print_Pow(power)
        return text, min(strength, _FRACTION)  # powers of powers want brackets: ** goes from right to left

    def _print_Function(self, applied: Any) -> tuple[str, int]:
        argument = self.part(applied.args[0], _SUM, bare=True)
        argument = argument if applied.args[0].free_symbols else f"number({argument})"
        return f"{self.scope.function(applied.ours)}({argument})", _ATOM


def of_numbers(scope: Scope, formula: Formula) -> Template:
    """A formula of numbers as Python, with holes for identifiers."""
    return NumberLine(scope).template(expression(formula))


# -------------------------------------------------------------------- of arrays


@dataclass(frozen=True)
class ArrayLine(MatrixLine):
    """A formula of arrays as NumPy or PyTorch has it.

    A column of n numbers is an array of shape (n, 1), where vectors are rows of
    shape (1, n); a number has no dimensions.
    """

    scope: Scope = field(kw_only=True)

    @property
    def library(self) -> str:
        """The module whose functions are called."""
        return "torch" if self.scope.form == "torch" else "np"

    def write(self, formula: Formula) -> tuple[str, int]:
        """A formula, and how tightly it holds together."""
        match formula:
            case Const(value, symbol) if symbol:
                return self.scope.symbol(symbol, value), _ATOM_OF_ARRAY
            case Rest():
                return self.rest, _ATOM_OF_ARRAY
            case Apply(function, argument):
                return f"{self.scope.function(function)}({self.part(argument, _SUM)})", _ATOM_OF_ARRAY
            case Extreme(kind, parts):
                return f"{self.library}.{kind}imum({', '.join(self.part(part, _SUM) for part in parts)})", _ATOM_OF_ARRAY
            case Total(operand):
                return f"{self.part(operand, _ATOM_OF_ARRAY)}.sum()", _ATOM_OF_ARRAY
            case Diagonal(operand):
                return f"{self.library}.diag({self.part(operand, _ATOM_OF_ARRAY)}.ravel())", _ATOM_OF_ARRAY
            case _:
                return super().write(formula)

    @property
    def entrywise(self) -> str:
        """Between two columns."""
        return self.signs.times

    def between(self, left: Formula, right: Formula) -> str:
        """Between the factors of a matrix product."""
        return " @ " if left.shape and right.shape else self.signs.times

    def product(self, left: Formula, right: Formula) -> str:
        """A matrix product; where a row meets a column, what comes out is a number."""
        text = super().product(left, right)
        return text if (left @ right).shape or not (left.shape and right.shape) else f"({text}).squeeze()"

    def transposed(self, operand: Formula) -> str:
        """Rows become columns."""
        return f"{self.part(operand, _ATOM_OF_ARRAY)}.T"

    def stack(self, parts: Sequence[Formula]) -> str:
        """Columns one below the other."""
        together = "column_stack" if self.rows else "vstack"
        return f"{self.library}.{together}([{', '.join(self.part(part, _SUM) for part in parts)}])"

    def spread(self, operand: Formula, shape: Shape) -> str:
        """A number times a column of ones."""
        size = (1, *shape) if self.rows else (*shape, 1)
        kind = ", dtype=torch.float64" if self.scope.form == "torch" else ""
        return f"{self.part(operand, _PRODUCT)} * {self.library}.ones({size}{kind})"

    def cut(self, operand: Formula, start: int, shape: Shape) -> str:
        """Some entries of a column."""
        places = f"{start}:{start + shape[0]}" if shape else str(start)
        along = ":" if shape else "0"
        index = f"{along}, {places}" if self.rows else f"{places}, {along}"
        return f"{self.part(operand, _ATOM_OF_ARRAY)}[{index}]"


def entry_of(part: Entry, rows: bool) -> str:
    """Where a component stands in its array: ``[1, 0]``."""
    shape = part.variable.shape
    row, column = divmod(part.component, shape[1] if len(shape) == 2 else 1)
    return f"[{column}, {row}]" if rows else f"[{row}, {column}]"


def of_arrays(scope: Scope, formula: Formula, rows: bool, leaf: Callable[[Var], str], rest: str) -> str:
    """A formula of arrays as NumPy or PyTorch has it, with identifiers for its variables."""

    def entry(part: Entry) -> str:
        return leaf(part.variable) + entry_of(part, rows)

    return ArrayLine(CODE, rows, leaf, entry, rest, scope=scope)(formula)
