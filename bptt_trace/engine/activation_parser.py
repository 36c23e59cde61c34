"""A user's own activation: a small parser for expressions in ``z``.

It reads numbers, ``z``, ``+ - * / ^``, brackets and the functions of
``functions.ELEMENTARY``; it never evaluates Python. Errors point at the
position with a caret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from bptt_trace.engine.formula import Const, Formula, Function, Neg, Over, Power, Times
from bptt_trace.engine.formula_walks import variables
from bptt_trace.engine.functions import ACTIVATIONS, ELEMENTARY, Z, defined, relu, while_used
from bptt_trace.errors import ProblemError, nearest

MAX_LENGTH = 200
MAX_DEPTH = 20
MAX_EXPONENT = 20

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)|(?P<word>[A-Za-z_][A-Za-z_0-9]*)|(?P<sign>\*\*|[-+*/^()]))", re.ASCII
)


@while_used
def activation(source: str, name: str, sign: str, slope_at_0: Fraction = Fraction(0), number: int | None = None) -> Function:
    """The function that an expression in z defines; ``slope_at_0`` is the slope of a relu in it at 0.

    ``name`` is its name in plain text; where formulas are set, that is ``sign`` with the ``number`` below it.

    Raises ``ProblemError``, with a caret under the position, if ``source`` is
    not such an expression.
    """
    parser = _Parser(source, {**ELEMENTARY, "relu": relu(slope_at_0)})
    formula = parser.whole()
    if not any(True for _ in variables(formula)):
        raise parser.error("the expression does not contain z", 0)
    return defined(name, sign, formula, source.strip(), number, (activation, (source, name, sign, slope_at_0, number)))


class _Parser:
    """Recursive descent, one method for each level of precedence."""

    def __init__(self, source: str, functions: Mapping[str, Function]) -> None:
        self.source = source
        self.functions = functions
        self.position = 0
        self.depth = 0
        if len(source) > MAX_LENGTH:
            raise ProblemError(f"an expression of {len(source)} characters; at most {MAX_LENGTH} are read")

    def error(self, message: str, position: int) -> ProblemError:
        shown = re.sub(r"[^ -~]", "?", self.source)
        return ProblemError(f"{message}\n    {shown}\n    {' ' * position}^")

    def peek(self) -> tuple[str, str, int]:
        """Kind, text and position of the next token; the kind is ``end`` at the end."""
        match = _TOKEN.match(self.source, self.position)
        if match is None:
            rest = self.source[self.position :]
            start = self.position + len(rest) - len(rest.lstrip())
            if not rest.strip():
                return "end", "", start
            raise self.error("this character has no meaning in an expression", start)
        kind = match.lastgroup or ""
        return kind, match[kind], match.start(kind)

    def take(self, *signs: str) -> str:
        """The next token if it is one of these signs, and an empty text otherwise."""
        kind, text, start = self.peek()
        if kind == "sign" and text in signs:
            self.position = start + len(text)
            return text
        return ""

    def whole(self) -> Formula:
        formula = self.sum()
        kind, text, start = self.peek()
        if kind != "end":
            raise self.error(f"expected an operator or the end, met {text!r}", start)
        return formula

    def sum(self) -> Formula:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"brackets nested more than {MAX_DEPTH} deep", self.position)
        total = self.product()
        while sign := self.take("+", "-"):
            term = self.product()
            total = total + term if sign == "+" else total - term
        self.depth -= 1
        return total

    def product(self) -> Formula:
        total = self.signed()
        while sign := self.take("*", "/"):
            start = self.peek()[2]
            factor = self.signed()
            if sign == "/" and _is_zero(factor):
                raise self.error("a division by zero", start)
            total = total * factor if sign == "*" else total / factor
        return total

    def signed(self) -> Formula:
        if self.take("-"):
            return Neg(self.signed_power())
        self.take("+")
        return self.power()

    def signed_power(self) -> Formula:
        if self.peek()[1] in ("-", "+"):
            raise self.error("two signs in a row", self.peek()[2])
        return self.power()

    def power(self) -> Formula:
        base = self.atom()
        if not self.take("^", "**"):
            return base
        kind, text, start = self.peek()
        if kind != "number" or not text.isdigit() or not 1 <= len(text) <= 2 or not 2 <= int(text) <= MAX_EXPONENT:
            raise self.error(f"an exponent must be a whole number from 2 to {MAX_EXPONENT}", start)
        self.position = start + len(text)
        return base ** int(text)

    def atom(self) -> Formula:
        kind, text, start = self.peek()
        if kind == "number":
            self.position = start + len(text)
            return Const(Fraction(text))
        if kind == "word":
            self.position = start + len(text)
            if text == "z":
                return Z
            return self.apply(text, start)
        if self.take("("):
            return self.closed()
        raise self.error("expected a number, z, a function or a bracket", start)

    def apply(self, word: str, start: int) -> Formula:
        function = self.functions.get(word)
        if function is None:
            raise self.error(
                f"unknown word {word!r}{nearest(word, [*ELEMENTARY, *ACTIVATIONS])}; "
                f"an activation is one of {', '.join(ACTIVATIONS)}, or an expression in z with {', '.join(ELEMENTARY)}",
                start,
            )
        if not self.take("("):
            raise self.error(f"{word} needs a bracket", self.peek()[2])
        return function(self.closed())

    def closed(self) -> Formula:
        inner = self.sum()
        if not self.take(")"):
            raise self.error("a bracket is not closed", self.peek()[2])
        return inner


def _is_zero(formula: Formula) -> bool:
    """Whether a part of an expression is 0 for every z because a factor or a numerator is 0."""
    match formula:
        case Const(value):
            return value == 0
        case Neg(operand) | Power(operand):
            return _is_zero(operand)
        case Times(factors):
            return any(map(_is_zero, factors))
        case Over(above, _):
            return _is_zero(above)
        case _:
            return False
