"""Formulas as text: one walk over the nodes of a formula, with the forms of a notation.

The walk keeps the author's order and evaluates nothing. A row of ``Signs`` holds
the differences between notations: a pattern for each kind of node, the
precedence that each part needs to stand there without brackets, and the
precedence of the whole. Subclasses of ``Printer`` differ in what they write for a
variable: a hole that is filled later (``Line``), or a name or entries
(``ArrayPrinter``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import cast

from bptt_trace.document.notation import ATOM, INTERNAL, POWER, PRODUCT, SUM, Form, Signs
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
    Shape,
    Slice,
    Spread,
    Stack,
    Sum,
    Times,
    Total,
    Transpose,
    Var,
    matrix_shape,
    shape_of,
)
from bptt_trace.engine.formula_walks import children
from bptt_trace.engine.functions import Function
from bptt_trace.engine.rules import KEPT_RULES, Rule
from bptt_trace.errors import DesignError

Written = tuple[str, int]
"""A text and its precedence."""


def signed(term: Formula) -> tuple[str, Formula]:
    """A term as its sign and the rest.

    >>> signed(Neg(Var(0))), signed(Const(Fraction(-2)))[1]
    (('-', Var(number=0, shape=())), Const(value=Fraction(2, 1), symbol=''))
    """
    match term:
        case Neg(operand):
            return "-", operand
        case Const(value, "") if value < 0:
            return "-", Const(-value)
        case Times((Const(value, ""), *others)) if value < 0:
            factors = [*([] if value == -1 else [Const(-value)]), *others]
            return "-", Times(tuple(factors)) if len(factors) > 1 else factors[0]
        case Over(Const(value, ""), below) if value < 0:
            return "-", Over(Const(-value), below)
        case _:
            return "+", term


def is_whole(formula: Formula) -> bool:
    """Whether a formula is a whole number, or a symbol for an exact one."""
    return isinstance(formula, Const) and (bool(formula.symbol) or formula.value.denominator == 1)


def stand_beside(before: Formula, factor: Formula) -> bool:
    """Whether two factors need no sign between them: two names, or a whole number and a name."""
    return isinstance(factor, Var | Entry) and (isinstance(before, Var | Entry) or is_whole(before))


class Printer:
    """The walk over a formula of numbers; subclasses write the variables.

    In a notation that lets lines end, they do so before the signs of a sum, or of a product, that is the whole formula.
    """

    numbers = False
    """Whether variables are written as numbers; symbols for exact numbers are then numbers too."""

    def __init__(self, signs: Signs) -> None:
        self.signs = signs

    # ------------------------------------------------------- what readers differ in

    def variable(self, variable: Var, bare: bool) -> str:
        """The text of a variable; with ``bare`` a negative number needs no brackets."""
        raise NotImplementedError

    def entry(self, entry: Entry) -> str:
        """The text of one component of a variable."""
        raise self.not_of_numbers(entry)

    def rest(self) -> Written:
        """The text of the sum of all further arguments."""
        raise NotImplementedError

    def function(self, function: Function) -> str:
        """The name of a function."""
        return self.signs.word(function)

    def constant(self, number: Const) -> Written:
        """An exact number."""
        value = number.value
        if number.symbol:
            return (self.signs.number.format(value) if self.numbers else self.signs.letter.format(number.symbol)), ATOM
        if value.denominator == 1:
            return self.signs.number.format(value), ATOM if value >= 0 else SUM
        if value < 0:
            return self.put(self.signs.negative, Const(-value))
        return self.put(self.signs.ratio, *map(Const, map(Fraction, (value.numerator, value.denominator))))

    # ------------------------------------------------------------------------ the walk

    def part(self, formula: Formula, least: int, *, bare: bool = False) -> str:
        """A part of a formula, in brackets if its precedence is below ``least``."""
        text, strength = (self.variable(formula, bare), ATOM) if isinstance(formula, Var) else self.write(formula)
        return text if strength >= least else self.bracket(text, formula)

    def bracket(self, text: str, formula: Formula) -> str:
        """A part in brackets."""
        del formula
        return self.signs.bracket.format(text)

    def put(self, form: Form, *parts: Formula) -> Written:
        """A form, filled with the parts of a node."""
        with self.inside():
            written = [self.part(part, least) for part, least in zip(parts, form.least, strict=True)]
        return form.pattern.format(*written), form.strength

    @contextmanager
    def inside(self) -> Iterator[Signs]:
        """The notation of a node, while its parts are written in that of what stands within."""
        signs, self.signs = self.signs, self.signs.within
        yield signs
        self.signs = signs

    def write(self, formula: Formula) -> Written:
        """A formula as text, and its precedence."""
        sign, positive = signed(formula)
        if sign == "-" and not isinstance(formula, Const):
            return self.put(self.signs.negative, positive)
        match formula:
            case Var():
                return self.variable(formula, False), ATOM
            case Entry():
                return self.entry(formula), ATOM
            case Rest():
                return self.rest()
            case Const():
                return self.constant(formula)
            case Sum(terms):
                return self.sum(terms)
            case Times(factors):
                return self.times(factors)
            case Over(numerator, denominator):
                return self.over(numerator, denominator)
            case Power(base, exponent, bracketed):
                return self.power(base, exponent, bracketed and not self.numbers)
            case Apply(function, argument):
                return self.applied(function, argument)
            case Extreme(kind, both):
                with self.inside() as signs:
                    texts = [self.part(part, least, bare=True) for part, least in zip(both, signs.extreme.least, strict=True)]
                return self.signs.extreme.pattern.format(self.signs.extremes[kind], *texts), ATOM
            case _:
                return self.of_arrays(cast(Node, formula))

    def sum(self, terms: Sequence[Formula]) -> Written:
        """Terms from left to right."""
        with self.inside() as signs:
            text = self.part(terms[0], signs.plus.least[0])
            for term in terms[1:]:
                sign, positive = signed(term)
                form = signs.plus if sign == "+" else signs.minus
                text = form.pattern.format(text, self.part(positive, form.least[1]))
        return text, signs.plus.strength

    def times(self, factors: Sequence[Formula]) -> Written:
        """Factors from left to right; between two columns stands the sign for entry by entry."""
        with self.inside() as signs:
            text, vectors = self.part(factors[0], signs.times.least[0]), bool(factors[0].shape)
            for before, factor in pairwise(factors):
                form = signs.entrywise if vectors and factor.shape else signs.times
                vectors = vectors or bool(factor.shape)
                beside = signs.adjacent and form is signs.times and not self.numbers and stand_beside(before, factor)
                text = (signs.matmul if beside else form).pattern.format(text, self.part(factor, form.least[1]))
        return text, signs.times.strength

    def over(self, numerator: Formula, denominator: Formula) -> Written:
        """A quotient."""
        whole = is_whole(numerator) and is_whole(denominator)
        return self.put(self.signs.ratio if whole else self.signs.over, numerator, denominator)

    def power(self, base: Formula, exponent: int, bracketed: bool) -> Written:
        """A whole power; ``bracketed`` puts a name in brackets too."""
        form = self.signs.power
        with self.inside():
            text = self.bracket(self.part(base, SUM), base) if bracketed else self.part(base, form.least[0])
        return form.pattern.format(text, self.signs.exponent(exponent)), form.strength

    def applied(self, function: Function, argument: Formula) -> Written:
        """A function with its argument; a fraction in brackets has those of the function only."""
        with self.inside():
            text = self.part(argument, self.signs.call.least[0], bare=True)
        if isinstance(argument, Const) and not argument.symbol:
            fraction = self.signs.fraction.format(*argument.value.as_integer_ratio())
            text = fraction if text == self.signs.bracket.format(fraction) else text
        own = self.signs.calls.get(function.name)
        return own.format(text) if own else self.signs.call.pattern.format(self.function(function), text), ATOM

    def of_arrays(self, node: Node) -> Written:
        """A node of vectors or matrices."""
        raise self.not_of_numbers(node)

    @staticmethod
    def not_of_numbers(formula: Formula) -> DesignError:
        """The error for a formula that must be lowered to its components first."""
        return DesignError(f"{formula} is not a formula of numbers; lower it first")


# ------------------------------------------------------------------ lines of numbers


@dataclass(frozen=True)
class Template:
    """A line with holes: ``pattern % strings`` fills it."""

    pattern: str
    holes: tuple[int, ...]
    """The argument for each hole, from left to right; −1 is the last one."""
    bare: tuple[bool, ...]
    """For each hole, whether a negative number stands in it without brackets."""


class LinePrinter(Printer):
    """Writes a formula of numbers with a hole for each argument."""

    def __init__(self, signs: Signs, *, numbers: bool = False, arity: int = 0) -> None:
        super().__init__(signs)
        self.numbers, self.arity = numbers, arity
        self.holes: list[int] = []
        self.bare: list[bool] = []

    def template(self, formula: Formula) -> Template:
        """The whole formula."""
        return Template(self.part(formula, SUM, bare=True), tuple(self.holes), tuple(self.bare))

    def hole(self, number: int, bare: bool = False) -> str:
        """One more hole."""
        self.holes.append(number)
        self.bare.append(bare)
        return "%s"

    def variable(self, variable: Var, bare: bool) -> str:
        """A hole."""
        return self.hole(variable.number, bare)

    def rest(self) -> Written:
        """Two holes, for the first and the last term."""
        return self.signs.ellipsis.format(self.hole(self.arity), self.hole(-1)), SUM


@lru_cache(maxsize=KEPT_RULES)
def template(rule: Rule, signs: Signs, numbers: bool) -> Template:
    """The line of a rule in one notation, with holes for names or for numbers."""
    return LinePrinter(signs, numbers=numbers, arity=rule.arity).template(rule.formula)


# ------------------------------------------------------ lines of vectors and matrices


class ArrayPrinter(Printer):
    """Writes a formula of vectors and matrices, with names or with entries.

    A matrix product has no sign; operations entry by entry have a sign of their
    own. With ``rows`` vectors are rows, and every formula is transposed: ``W x``
    becomes ``x W``.
    """

    def __init__(
        self,
        signs: Signs,
        leaf: Callable[[Var], str],
        component: Callable[[Entry, bool], str],
        *,
        rest: str = "",
        rows: bool = False,
        numbers: bool = False,
        fraction: Callable[[Var], bool] = lambda _: False,
    ) -> None:
        """Choose how the parts of a formula are written.

        ``component`` writes an entry, without brackets where it stands alone; ``fraction`` says whether the name of a
        variable is set as a fraction: that of a derivative.
        """
        super().__init__(signs)
        self.fraction = fraction
        self.leaf, self.component, self.others = leaf, component, rest
        self.rows, self.numbers = rows, numbers

    def __call__(self, formula: Formula) -> str:
        """The whole formula."""
        return self.part(formula, SUM)

    def variable(self, variable: Var, bare: bool) -> str:
        """Its name, or its entries."""
        del bare
        return self.leaf(variable)

    def entry(self, entry: Entry) -> str:
        """The name of one component, or its number."""
        return self.component(entry, False)

    def rest(self) -> Written:
        """The sum of all further arguments."""
        return self.others, SUM

    def constant(self, number: Const) -> Written:
        """An exact number; fractions are written with a slash in every notation."""
        if number.symbol or number.value.denominator == 1:
            return super().constant(number)
        return self.signs.fraction.format(number.value.numerator, number.value.denominator), SUM

    def bracket(self, text: str, formula: Formula) -> str:
        """A part in brackets, which are as high as the part."""
        return (self.signs.tall if self.high(formula) else self.signs.bracket).format(text)

    def high(self, formula: Formula) -> bool:
        """Whether a matrix with its entries stands in a formula."""
        match formula:
            case Stack() | Beside():
                return True
            case Entry():
                return False
            case Var() | Spread() if self.numbers and formula.shape:
                return True
            case _:
                return any(map(self.high, children(formula)))

    def of_arrays(self, node: Node) -> Written:
        """A node that only vectors and matrices have."""
        match node:
            case MatMul(left, right):
                return self.matmul(left, right)
            case Outer(column, row):
                return self.outer(column, row)
            case Transpose(operand):
                return self.transposed(operand)
            case Total(operand):
                return self.put(self.signs.total, operand)
            case Diagonal(operand):
                return self.put(self.signs.diagonal, operand)
            case Stack(parts):
                form, between = (self.signs.row, self.signs.beside) if self.rows else (self.signs.column, self.signs.below)
                with self.inside():
                    return form.pattern.format(between.join(self.part(part, form.least[0]) for part in parts)), ATOM
            case Beside(parts):
                return self.side_by_side(parts), ATOM
            case Slice(operand, start, shape):
                return self.cut(operand, start, shape)
            case Spread(operand, shape):
                return self.spread(operand, shape)
            case OneHot(operand, _, _):
                return self.part(operand, ATOM), ATOM
            case _:
                raise DesignError(f"{node!r} has no form in any notation")

    def matmul(self, left: Formula, right: Formula) -> Written:
        """A matrix product; with ``rows`` its factors are exchanged. One with a letter is a column, or a row."""
        if isinstance(right, OneHot) and isinstance(left, Var):
            return self.picked(left, right)
        return self.put(self.beside(left, right), *((right, left) if self.rows else (left, right)))

    def picked(self, matrix: Var, letter: OneHot) -> Written:
        """The column of a matrix that a letter picks, in words or in its entries."""
        if self.numbers:
            height, width = matrix_shape(matrix)
            entries = [Entry(matrix, row * width + letter.place) for row in range(height)]
            bare = height > 1
            return literal([self.component(entry, bare) for entry in entries], shape_of(height), self.signs, self.rows), ATOM
        said = (self.signs.row_of if self.rows else self.signs.column_of).replace("{letter}", self.signs.label(letter.label))
        before, after = (self.signs.in_words(words) for words in said.split("{matrix}"))
        return before + self.leaf(matrix) + after, ATOM

    def side_by_side(self, parts: Sequence[Formula]) -> str:
        """Columns as a matrix; with ``rows`` they are rows, one below the other."""
        if self.numbers and all(isinstance(part, Var) for part in parts):
            columns = cast(Sequence[Var], parts)
            height = matrix_shape(columns[0])[0]
            places = [(i, j) for j in range(len(columns)) for i in range(height)]
            places = places if self.rows else sorted(places)
            texts = [self.component(Entry(columns[j], i), True) for i, j in places]
            return literal(texts, shape_of(height, len(columns)), self.signs, self.rows)
        form, between = (self.signs.column, self.signs.below) if self.rows else (self.signs.row, self.signs.beside)
        return form.pattern.format(between.join(self.part(part, form.least[0]) for part in parts))

    def beside(self, left: Formula, right: Formula) -> Form:
        """The form of a product: of names, of two matrices of entries, or of entries and a single number."""
        if not self.numbers:
            return self.signs.matmul
        return self.signs.matmul_of_entries if left.shape and right.shape else self.signs.scaled

    def outer(self, column: Formula, row: Formula) -> Written:
        """column · rowᵀ; with ``rows`` the transpose of that: rowᵀ · column."""
        form = self.beside(column, row)
        with self.inside():
            flipped = self.transposed(row)[0] if row.shape else self.part(row, POWER)
            upright = self.part(column, POWER)
        texts = (flipped, upright) if self.rows else (upright, flipped)
        return form.pattern.format(*texts), PRODUCT

    def transposed(self, operand: Formula) -> Written:
        """The transpose."""
        with self.inside():
            text = self.part(operand, self.signs.transposed.least[0])
        # An index below and a sign above share the place behind a fraction badly.
        if not self.signs.in_line and isinstance(operand, Var) and self.fraction(operand):
            text = self.signs.tall.format(text)
        return self.signs.transposed.pattern.format(text), ATOM

    def spread(self, operand: Formula, shape: Shape) -> Written:
        """A number times a column of ones."""
        one = self.signs.number.format(1)
        ones = literal([one] * shape[0], shape, self.signs, self.rows) if self.numbers else self.signs.ones
        with self.inside() as signs:
            return signs.times.pattern.format(self.part(operand, PRODUCT), ones), PRODUCT

    def cut(self, operand: Formula, start: int, shape: Shape) -> Written:
        """Some entries of a column, counted from 1."""
        last = start + (shape[0] if shape else 1)
        places = str(last) if last == start + 1 else f"{start + 1}..{last}"
        with self.inside():
            return self.signs.cut.format(self.bracket(self.part(operand, SUM), operand), places), ATOM


def literal(texts: Sequence[str], shape: Shape, signs: Signs, rows: bool) -> str:
    """The entries of a quantity, in the order of its component lines, in brackets.

    >>> from bptt_trace.document.notation import TEXT
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
    lines = [signs.beside.join(texts[start : start + wide]) for start in range(0, len(texts), wide)]
    return signs.matrix.format(signs.below.join(lines))


def text(formula: Formula, names: Callable[[int], str], rest: str = "…") -> str:
    """A formula of any shape in plain text; ``names`` gives the name of each variable by its number."""

    def name(variable: Var) -> str:
        return names(variable.number)

    def component(entry: Entry, bare: bool) -> str:
        del bare
        return f"{name(entry.variable)}[{entry.component + 1}]"

    return ArrayPrinter(INTERNAL, name, component, rest=rest)(formula)
