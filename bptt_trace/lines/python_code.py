"""Formulas as Python writes them: of numbers, and of arrays.

Both are printed by the same walk over formulas as the sheet; what differs is how
operators and functions are spelled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from bptt_trace.calculation.compiled_rules import definition
from bptt_trace.document.notation import ATOM, PRODUCT, PYTHON, SUM, Form, Signs, like
from bptt_trace.engine.formula import Apply, Const, Entry, Formula, OneHot, Rest, Shape, Var
from bptt_trace.engine.formula_text import ArrayPrinter, LinePrinter, Template, Written, is_whole
from bptt_trace.engine.formula_walks import children
from bptt_trace.engine.functions import ACTIVATIONS, ELEMENTARY, Function, Pieces, Z, slope_of
from bptt_trace.lines.identifiers import Identifiers

HELPERS = frozenset({
    "Context", "DRIFT", "Decimal", "Fraction", "ROUND_HALF_UP", "array", "checked", "compare", "compared", "composed", "decimal",
    "evaluated", "functools", "getcontext", "graph", "keep", "line", "math", "np", "number", "parameter", "partial", "quantity",
    "rounded", "slope", "sympy", "to_figures", "torch", "unit", "values",
    *(function.name for function in (*ELEMENTARY.values(), *ACTIVATIONS.values()) if function.code),
})  # fmt: skip
"""The identifiers that the templates use themselves."""


NUMBERS = ("decimal", "float")
"""Forms in which z is one number, which Python compares with 0."""


class Scope:
    """The identifiers of one program of code; functions are defined when they are first written."""

    def __init__(self, form: str) -> None:
        self.form = form
        """``decimal``, ``float`` or ``sympy`` (numbers), ``numpy`` or ``torch`` (arrays)."""
        self.identifiers = Identifiers(HELPERS)
        self.standard: list[str] = []
        """The definitions of the functions of the table that are used."""
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
        if function.code is not None:
            definition = function.code[self.form]
            if definition not in self.standard:
                self.standard.append(definition)
            return function.name
        if function not in self._functions:
            body = self._pieces(function, function.pieces) if function.pieces else self._defined(function)
            name = self.identifiers.fresh(function.name.replace("'", "_prime"))
            self._functions[function] = name
            self.definitions.append(f"def {name}(z):\n    return {body}")
        return self._functions[function]

    def _defined(self, function: Function) -> str:
        form = NumberCode(self).template(definition(function))
        return form.pattern % (("z",) * len(form.holes))

    def _pieces(self, function: Function, pieces: Pieces) -> str:
        """A function of straight pieces: ``z if z > 0 else 0 * z``."""
        if pieces.steps:
            right, left, at_zero = (exact(value) for value in (pieces.right, pieces.left, pieces.at_zero))
            return self._three(right, left, at_zero)
        right, left = _times_z(pieces.right), _times_z(pieces.left)
        if self.form in NUMBERS:
            return f"{right} if z > 0 else {left}"
        if self.form == "numpy":
            return f"np.where(z > 0, {right}, {left})"
        # Autograd differentiates the piece that is taken: at 0 one with the slope that the problem gives there.
        slope = slope_of(function, Z, Z)
        at_zero = _times_z(slope.function.pieces.at_zero if isinstance(slope, Apply) and slope.function.pieces else pieces.left)
        return self._three(right, left, at_zero)

    def _three(self, right: str, left: str, at_zero: str) -> str:
        """The pieces right of 0, left of 0 and at 0."""
        if self.form in NUMBERS:
            return f"{right} if z > 0 else {left} if z < 0 else {at_zero}"
        if self.form == "sympy":
            return f"sympy.Piecewise(({right}, z > 0), ({left}, z < 0), ({at_zero}, True))"
        where = "torch.where" if self.form == "torch" else "np.where"
        return f"{where}(z > 0, {right}, {where}(z < 0, {left}, {at_zero}))"


def exact(value: Fraction) -> str:
    """An exact number: whole numbers as they are, others by the program's own ``number``."""
    return str(value) if value.denominator == 1 else f'number("{value}")'


def _times_z(value: Fraction) -> str:
    return {1: "z", -1: "-z"}.get(int(value) if value.denominator == 1 else 0, f"{exact(value)} * z")


# ------------------------------------------------------------------- of numbers


SYMPY = like(PYTHON, extremes={"max": "sympy.Max", "min": "sympy.Min"})


class NumberCode(LinePrinter):
    """Writes a formula of numbers as Python; the holes are for identifiers.

    Whole numbers are written as such. A quotient of two of them would leave the
    program's arithmetic, so one of them is made a ``number``.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__(SYMPY if scope.form == "sympy" else PYTHON)
        self.scope = scope

    def rest(self) -> Written:
        """One hole, for a sum of many."""
        return self.hole(-1), ATOM

    def constant(self, number: Const) -> Written:
        """An exact number of the program."""
        if number.symbol:
            return self.scope.symbol(number.symbol, number.value), ATOM
        if number.value < 0 and number.value.denominator != 1:
            return self.put(self.signs.negative, Const(-number.value))
        return exact(number.value), ATOM if number.value >= 0 else SUM

    def over(self, numerator: Formula, denominator: Formula) -> Written:
        """A quotient."""
        if self._varies(numerator) or self._varies(denominator):
            return self.put(self.signs.over, numerator, denominator)
        if is_whole(numerator) and is_whole(denominator):
            return f'number("{self.part(numerator, SUM)}/{self.part(denominator, SUM)}")', ATOM
        return f"number({self.part(numerator, SUM)}) / {self.part(denominator, ATOM)}", PRODUCT

    def applied(self, function: Function, argument: Formula) -> Written:
        """A function with its argument."""
        text = self.part(argument, SUM)
        return f"{self.scope.function(function)}({text if self._varies(argument) else f'number({text})'})", ATOM

    def _varies(self, formula: Formula) -> bool:
        return _varies(formula, self.scope.form)


def _varies(formula: Formula, form: str) -> bool:
    """Whether anything in a formula is a number of the program, and not a whole number of Python."""
    pieces = formula.function.pieces if isinstance(formula, Apply) else None
    if pieces is not None and pieces.steps and form == "decimal":
        return False  # the slope of relu is 1 or 0
    known = isinstance(formula, Var | Entry | Rest) or (isinstance(formula, Const) and bool(formula.symbol))
    return known or any(_varies(child, form) for child in children(formula))


def of_numbers(scope: Scope, formula: Formula) -> Template:
    """A formula of numbers as Python, with holes for identifiers."""
    return NumberCode(scope).template(formula)


# -------------------------------------------------------------------- of arrays


def _arrays(library: str) -> Signs:
    """Arrays as NumPy and PyTorch have them: a column of n numbers has the shape (n, 1), a row (1, n), a number none."""
    return like(
        PYTHON,
        extreme=f"{library}.{{}}({{}}, {{}})",
        extremes={"max": "maximum", "min": "minimum"},
        entrywise="{} * {}",
        matmul="{} @ {}",
        transposed="{}.T",
        total=Form("{}.sum()", (ATOM,)),
        diagonal=Form(f"{library}.diag({{}}.ravel())", (ATOM,)),
        column=f"{library}.vstack([{{}}])",
        row=f"{library}.column_stack([{{}}])",
        below=", ",
        ones=f"{library}.ones({{}})",
    )


NUMPY, TORCH = _arrays("np"), _arrays("torch")


class ArrayCode(ArrayPrinter):
    """Writes a formula of arrays as NumPy or PyTorch has it."""

    def __init__(self, scope: Scope, rows: bool, leaf: Callable[[Var], str], rest: str) -> None:
        super().__init__(TORCH if scope.form == "torch" else NUMPY, leaf, self._place, rest=rest, rows=rows)
        self.scope = scope

    def _place(self, entry: Entry, bare: bool) -> str:
        """The index of a component in its array: ``a[1, 0]``."""
        del bare
        shape = entry.variable.shape
        row, column = divmod(entry.component, shape[1] if len(shape) == 2 else 1)
        return f"{self.leaf(entry.variable)}[{column}, {row}]" if self.rows else f"{self.leaf(entry.variable)}[{row}, {column}]"

    def rest(self) -> Written:
        """A sum of many terms, in brackets."""
        return self.others, ATOM

    def constant(self, number: Const) -> Written:
        """An exact number of the program."""
        return (self.scope.symbol(number.symbol, number.value), ATOM) if number.symbol else super().constant(number)

    def function(self, function: Function) -> str:
        """The identifier of a function."""
        return self.scope.function(function)

    def applied(self, function: Function, argument: Formula) -> Written:
        """A function with its argument; PyTorch's functions take a number as a tensor only."""
        if self.scope.form != "torch" or _varies(argument, self.scope.form):
            return super().applied(function, argument)
        return f"{self.function(function)}(torch.tensor(float({self.part(argument, SUM)})))", ATOM

    def picked(self, matrix: Var, letter: OneHot) -> Written:
        """The column of a matrix that a letter picks."""
        return self.put(self.signs.matmul, *((letter, matrix) if self.rows else (matrix, letter)))

    def side_by_side(self, parts: Sequence[Formula]) -> str:
        """Columns as an array."""
        form = self.signs.column if self.rows else self.signs.row
        return form.pattern.format(", ".join(self.part(part, form.least[0]) for part in parts))

    def matmul(self, left: Formula, right: Formula) -> Written:
        """A matrix product; the product of a row and a column is a number."""
        text, strength = super().matmul(left, right)
        number = left.shape and right.shape and not (left @ right).shape
        return (f"({text}).squeeze()" if number else text), strength

    def beside(self, left: Formula, right: Formula) -> Form:
        """The sign of a product of matrices, or of one with a number."""
        return self.signs.matmul if left.shape and right.shape else self.signs.scaled

    def spread(self, operand: Formula, shape: Shape) -> Written:
        """A number times a column of ones."""
        ones = self.signs.ones.format((1, *shape) if self.rows else (*shape, 1))
        return self.signs.times.pattern.format(self.part(operand, PRODUCT), ones), PRODUCT

    def cut(self, operand: Formula, start: int, shape: Shape) -> Written:
        """Some entries of a column."""
        places = f"{start}:{start + shape[0]}" if shape else str(start)
        along = ":" if shape else "0"
        index = f"{along}, {places}" if self.rows else f"{places}, {along}"
        return f"{self.part(operand, ATOM)}[{index}]", ATOM


def of_arrays(scope: Scope, formula: Formula, rows: bool, leaf: Callable[[Var], str], rest: str) -> str:
    """A formula of arrays as NumPy or PyTorch has it, with identifiers for its variables."""
    return ArrayCode(scope, rows, leaf, rest)(formula)
