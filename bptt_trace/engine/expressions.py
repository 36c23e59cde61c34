"""The user's expressions, read into a tree; nothing is ever evaluated as Python.

One grammar, from the lowest precedence to the highest: ``+ -``, then ``* /``, then a minus sign, then products side by side
(or ``@``), then ``^``, then numbers, names, brackets and functions. A language (a subclass of ``Parser``) defines the names
and the functions. Errors point at the place with a caret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from bptt_trace.engine.formula import ABSENT, Const, Extreme, Formula, Neg, Total, stack
from bptt_trace.engine.functions import Function
from bptt_trace.errors import DesignError, ProblemError

MAX_LENGTH = 200
MAX_DEPTH = 20
MAX_EXPONENT = 20


@dataclass(frozen=True)
class Expression:
    """A part of an expression: its kind, its position and its parts."""

    kind: str
    """``number``, ``name``, ``parameter``, ``call``, ``sum``, ``max``, ``min``, ``column``, ``negative``, ``beside``, a sign."""
    place: int
    """The position of the word, of the sign between the parts, or of the second part where no sign stands between them."""
    parts: tuple[Expression, ...] = ()
    text: str = ""
    """Digits, or a word."""
    before: bool = False
    """Whether the name means the value of the time step before."""

    def names(self) -> Iterator[Expression]:
        """The names in it, from left to right."""
        if self.kind in ("name", "parameter"):
            yield self
        for part in self.parts:
            yield from part.names()

    def calls(self) -> Iterator[Expression]:
        """The functions that it applies, from the outside in."""
        if self.kind == "call":
            yield self
        for part in self.parts:
            yield from part.calls()

    @property
    def is_zero(self) -> bool:
        """Whether its numbers make it 0 for any values of its names."""
        match self.kind:
            case "number":
                return Fraction(self.text) == 0
            case "*" | "beside":
                return any(part.is_zero for part in self.parts)
            case "negative" | "^" | "/":
                return self.parts[0].is_zero
            case _:
                return False


def refusal(source: str, message: str, position: int) -> ProblemError:
    """The error that shows an expression, with a caret under the place that is wrong."""
    shown = re.sub(r"[^ -~]", "?", source)
    return ProblemError(f"{message}\n    {shown}\n    {' ' * position}^")


def left_side(equation: str, form: str, known: Sequence[str], *, example: str, repeated: str) -> str:
    """The line that an equation makes, by the pattern of its left side; raises ``ProblemError`` if there is none, or twice.

    ``repeated`` is what is said of a line that is ``known``, with places for its ``stem`` and its ``number`` among them.
    """
    place = len(equation) - len(equation.lstrip())
    left = re.match(rf"\s*{form}\s*=", equation, re.ASCII)
    if left is None:
        message = f"an equation begins with the line that it makes, as in {example}"
        raise refusal(equation[:MAX_LENGTH], message, place)
    stem = left[1]
    if stem in known:
        raise refusal(equation[:MAX_LENGTH], repeated.format(stem=stem, number=known.index(stem) + 1), place)
    return stem


class Parser:
    """Recursive descent, one method for each level of precedence."""

    token = re.compile(
        r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)|(?P<word>[A-Za-z_][A-Za-z_0-9]*)|(?P<sign>\*\*|[-+*/^()]))", re.ASCII
    )
    atoms = "a number, z, a function or a bracket"

    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.depth = 0
        if len(source) > MAX_LENGTH:
            raise ProblemError(f"an expression of {len(source)} characters; at most {MAX_LENGTH} are read")

    def error(self, message: str, position: int) -> ProblemError:
        """The error for a fault at a position."""
        return refusal(self.source, message, position)

    def peek(self) -> tuple[str, str, int]:
        """Kind, text and place of the next token; ``end`` at the end."""
        match = self.token.match(self.source, self.position)
        if match is None:
            rest = self.source[self.position :]
            place = self.position + len(rest) - len(rest.lstrip())
            if not rest.strip():
                return "end", "", place
            raise self.error("this character has no meaning in an expression", place)
        kind = match.lastgroup or ""
        return kind, match[kind], match.start(kind)

    def take(self, *signs: str) -> str:
        """The next token if it is one of these signs, and nothing otherwise."""
        kind, text, place = self.peek()
        if kind == "sign" and text in signs:
            self.position = place + len(text)
            return text
        return ""

    def whole(self) -> Expression:
        """The whole expression."""
        expression = self.sum()
        kind, text, place = self.peek()
        if kind != "end":
            raise self.error(f"expected an operator or the end, met {text!r}", place)
        return expression

    def sum(self) -> Expression:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"brackets nested more than {MAX_DEPTH} deep", self.position)
        total = self.product()
        while sign := self.take("+", "-"):
            total = Expression(sign, self.position - 1, (total, self.product()))
        self.depth -= 1
        return total

    def product(self) -> Expression:
        total = self.signed()
        while sign := self.take("*", "/"):
            at, place = self.position - 1, self.peek()[2]
            factor = self.signed()
            if sign == "/" and factor.is_zero:
                raise self.error("a division by zero", place)
            total = Expression(sign, at, (total, factor))
        return total

    def signed(self) -> Expression:
        if self.take("-"):
            place = self.position - 1
            if self.peek()[1] in ("-", "+"):
                raise self.error("two signs in a row", self.peek()[2])
            return Expression("negative", place, (self.beside(),))
        self.take("+")
        return self.beside()

    def beside(self) -> Expression:
        """Factors side by side; a language may forbid them."""
        return self.power()

    def power(self) -> Expression:
        base = self.atom()
        sign = self.take("^", "**")
        if not sign:
            return base
        kind, text, place = self.peek()
        if kind != "number" or not text.isdigit() or not 1 <= len(text) <= 2 or not 2 <= int(text) <= MAX_EXPONENT:
            raise self.error(f"an exponent must be a whole number from 2 to {MAX_EXPONENT}", place)
        self.position = place + len(text)
        return Expression("^", place - len(sign), (base,), text)

    def atom(self) -> Expression:
        kind, text, place = self.peek()
        if kind == "number":
            self.position = place + len(text)
            return Expression("number", place, text=text)
        if kind == "word":
            self.position = place + len(text)
            return self.word(text, place)
        if self.take("("):
            return self.closed(")")
        raise self.error(f"expected {self.atoms}", place)

    def word(self, text: str, place: int) -> Expression:
        """The meaning of a word in this language."""
        raise NotImplementedError

    def closed(self, bracket: str) -> Expression:
        inner = self.sum()
        self.close(bracket)
        return inner

    def close(self, bracket: str) -> None:
        if not self.take(bracket):
            raise self.error("a bracket is not closed", self.peek()[2])


# -------------------------------------------------------------------- formulas


@dataclass(frozen=True)
class Reading:
    """The conversion of expressions to formulas, with the meaning of their names and functions."""

    source: str
    """The text that an error shows."""
    name: Callable[[Expression], Formula]
    functions: Mapping[str, Function]
    held: Collection[Expression] = ()
    """Maximum and minimum without a gradient."""

    def formula(self, part: Expression) -> Formula:
        """The formula; raises ``ProblemError`` with a caret where shapes do not fit."""
        if part.kind == "number":
            return Const(Fraction(part.text))
        if part.kind in ("name", "parameter"):
            return self.name(part)
        try:
            return self._node(part, [self.formula(operand) for operand in part.parts])
        except DesignError:
            raise self._misfit(part) from None

    def _node(self, part: Expression, operands: list[Formula]) -> Formula:
        first = operands[0]
        if part.kind in ("+", "-"):
            return first + operands[1] if part.kind == "+" else first - operands[1] if operands[1] is not ABSENT else first
        if part.kind == "column":
            return stack(*operands) if any(operand is not ABSENT for operand in operands) else ABSENT
        if any(operand is ABSENT for operand in operands):
            return ABSENT
        if part.kind in ("*", "/") and isinstance(first, Neg):  # a sign in front is that of the whole product
            return Neg(self._node(part, [first.operand, *operands[1:]]))
        match part.kind:
            case "negative":
                return Neg(first)
            case "*":
                return first * operands[1]
            case "/":
                return first / operands[1]
            case "beside":
                matrices = len(first.shape) == 2 or (first.shape and operands[1].shape)
                return first @ operands[1] if matrices else first * operands[1]
            case "^":
                return first ** int(part.text)
            case "sum":
                return Total(first) if first.shape else first
            case "max" | "min":
                return Extreme(part.kind, (first, operands[1]), held=part in self.held)
            case _:
                return self.functions[part.text](first)

    def _misfit(self, part: Expression) -> ProblemError:
        """The error where shapes do not fit: the shapes, and the rule of the operation."""
        operands = [self.formula(operand) for operand in part.parts]
        shapes = " and ".join(shape_in_words(operand.shape) for operand in operands)
        match part.kind:
            case "beside":
                advice = (
                    "entry by entry they are multiplied by * or ⊙"
                    if all(len(operand.shape) == 1 for operand in operands)
                    else "a matrix product needs as many columns on the left as there are rows on the right"
                )
            case "column":
                advice = "[ , ] puts numbers and columns below each other"
            case "*" if any(len(operand.shape) == 2 for operand in operands):
                advice = "* multiplies entry by entry; a matrix product is written side by side, or with @"
            case _:
                advice = "both must be of one shape, or one of them a number"
        return refusal(self.source, f"{shapes} do not fit together: {advice}", part.place)


def shape_in_words(shape: tuple[int, ...]) -> str:
    """A shape as a sentence names it.

    >>> shape_in_words(()), shape_in_words((2,)), shape_in_words((2, 1))
    ('a number', 'a column of 2', 'a matrix of 2 rows and 1 column')
    """
    match shape:
        case ():
            return "a number"
        case (n,):
            return f"a column of {n}"
        case _:
            m, n = shape
            return f"a matrix of {m} row{'s' if m != 1 else ''} and {n} column{'s' if n != 1 else ''}"
