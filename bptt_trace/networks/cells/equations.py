"""A cell that a problem file defines by its equations: every equation is a line.

``h_t = (1 - f_t) * h_(t-1) + f_t * g_t``: on the left the line that is made, on
the right an expression (``engine/expressions.py``) over the input ``x_t``, lines
that are already made (``f_t``), states of the step before (``h_(t-1)``) and
parameters (``W_xf``). Factors side by side, or ``@`` between them, are a matrix
product; ``*`` (or ``⊙``) multiplies entry by entry; ``[h_(t-1), x_t]`` is one column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from bptt_trace.document.sentences import say
from bptt_trace.engine.activation_parser import activation
from bptt_trace.engine.expressions import Expression, Parser, Reading, left_side, refusal
from bptt_trace.engine.formula import ABSENT, Formula, Var
from bptt_trace.engine.functions import ELEMENTARY, Function, exp, identity, leaky_relu, relu, sigmoid, softmax
from bptt_trace.errors import ProblemError, nearest
from bptt_trace.networks.cells import Let, Parameters

PARAMETER = re.compile(r"[Ww]_.+|b_.+")
"""Names that denote parameters without a declaration: ``W_`` a matrix, ``w_`` and ``b_`` a column or a number."""
STEM = r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z][A-Za-z0-9]*)*"
REPEATED = "equation {number} makes {stem}_t"
COMBINING = ("sum", "max", "min")
"""Operations that are written like functions: the sum of all entries, the larger and the smaller of two."""


@dataclass(frozen=True)
class Equation:
    """One line of a cell."""

    stem: str
    source: str
    """The equation as its author wrote it, in ASCII signs."""
    formula: Expression

    @property
    def function(self) -> str:
        """The outermost function of the line; empty where there is none."""
        return self.formula.text if self.formula.kind == "call" else ""


@dataclass(frozen=True)
class Equations:
    """The equations of a problem file, with their declarations.

    Raises ``ProblemError``, with a caret under the place, where they are read
    (``lines``, ``parameters``) and where shapes do not fit (``step``).
    """

    name: str
    equations: tuple[str, ...]
    state: tuple[str, ...]
    """Stems of the states; the first is ``h``."""
    memory: str
    told: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Shapes of parameters, by stem, as ``parameters`` has them."""
    definitions: tuple[tuple[str, str], ...] = ()
    """The user's own functions: expressions in z, by name."""
    told_words: tuple[tuple[str, str], ...] = ()
    stabiliser: str = ""
    """The state that keeps exponentials small: it cancels in the output, so no gradient flows through it."""
    source: str = ""
    slope_at_0: Fraction = field(default=Fraction(0))
    """The slope of relu at 0."""
    leak: Fraction = field(default=Fraction(1, 100))
    seen: str = "x"
    """The quantity that its lines read: the input or, for an output layer, the hidden value of the last layer."""
    key: str = "equations"
    """The key of the equations in the table [cell]."""

    # ---------------------------------------------------------------- reading

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """The functions of the equations, by name."""
        custom = {}
        for name, text in self.definitions:
            with _at(f"functions.{name}"):
                custom[name] = activation(text, name, name, self.slope_at_0)
        bent = {"relu": relu(self.slope_at_0), "leaky_relu": leaky_relu(self.leak)}
        of_columns = {"softmax": softmax} if self.seen == "h" else {}  # the output layer has it
        return {**ELEMENTARY, "identity": identity, **bent, **of_columns, **custom}

    @cached_property
    def lines(self) -> tuple[Equation, ...]:
        """The equations in their order."""
        plain = [text.translate(SIGNS) for text in self.equations]
        stems: list[str] = []
        for number, text in enumerate(plain, 1):
            with _at(f"{self.key}[{number}]"):
                stems.append(left_side(text, rf"({STEM})_t", stems, example="h_t = tanh(a_t)", repeated=REPEATED))
        equations: list[Equation] = []
        for number, (text, stem) in enumerate(zip(plain, stems, strict=True), 1):
            with _at(f"{self.key}[{number}]"):
                equations.append(Equation(stem, text, RightSide(text, self, stems, number - 1).right_side()))
        return tuple(equations)

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems of its lines."""
        return tuple(line.stem for line in self.lines)

    @cached_property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        """Shapes of the parameters, by stem, in ``n`` (units), ``d`` (inputs), ``1`` and sums of these (``n+d``)."""
        return _Shapes(self).found

    # ------------------------------------------------------ what a cell tells

    @cached_property
    def gates(self) -> Mapping[str, Function]:
        """The activations of quantities other than the hidden value, by stem."""
        return {
            line.stem: self.functions[line.function]
            for line in self.lines
            if line.function and line.stem != "h" and not is_preactivation(line.stem)
        }

    @property
    def hidden_activation(self) -> Function | None:
        """The outermost function of the hidden value; None where there is none."""
        line = next(line for line in self.lines if line.stem == "h")
        return self.functions[line.function] if line.function else None

    @cached_property
    def activation(self) -> Function:
        """The activation of the hidden value or, where that has none, of the candidate."""
        if self.hidden_activation is not None:
            return self.hidden_activation
        candidates = [function for function in self.gates.values() if function not in (sigmoid, exp)]
        return candidates[-1] if candidates else identity

    @property
    def simple(self) -> bool:
        """Whether it is one activation of one pre-activation, ``a``, of weights and biases alone, as an RNN is."""
        if self.stems != ("a", "h"):
            return False
        a, h = (line.formula for line in self.lines)
        argument = h.parts[0] if h.kind == "call" else h
        return argument.kind == "name" and argument.text == "a" and all(map(_is_weighted, _terms(a)))

    @cached_property
    def applied(self) -> frozenset[Function]:
        """The functions in its lines."""
        return frozenset(self.functions[call.text] for line in self.lines for call in line.formula.calls())

    @cached_property
    def words(self) -> Mapping[str, str]:
        """The words for its lines, by stem, where their role does not say it."""
        words: dict[str, str] = {}
        for line in self.lines:
            if line.stem in self.state[1:]:
                words[line.stem] = say("stabiliser") if line.stem == self.stabiliser else say("state")
            elif line.stem != "h" and not is_preactivation(line.stem):
                words[line.stem] = line.function or say("part of the cell")
        return {**words, **dict(self.told_words)}

    # ------------------------------------------------------------------- step

    def step(self, let: Let, p: Parameters, x: Formula, *state: Var) -> tuple[Var, ...]:
        """Write the lines of one step; return the new state."""
        before = dict(zip(self.state, state, strict=True))
        now: dict[str, Formula] = {self.seen: x}

        def name(part: Expression) -> Formula:
            if part.before:
                return before[part.text]
            return now[part.text] if part.kind == "name" else p[part.text]

        new: dict[str, Var] = {}
        for number, line in enumerate(self.lines, 1):
            held = (line.formula,) if line.stem == self.stabiliser else ()
            with _at(f"{self.key}[{number}]"):
                formula = Reading(line.source, name, self.functions, held).formula(line.formula)
                if formula is ABSENT:
                    raise refusal(line.source, "nothing is left of this line where there is no input", line.formula.place)
            now[line.stem] = new[line.stem] = let(line.stem, formula)
        return tuple(new[stem] for stem in self.state)

    def last(self, let: Let, p: Parameters, seen: Formula) -> Var:
        """Write all lines, none of which has a state; return the last."""
        made: list[Var] = []

        def write(stem: str, formula: Formula) -> Var:
            made.append(let(stem, formula))
            return made[-1]

        self.step(write, p, seen)
        return made[-1]

    def needed(self, *, by_gradients: bool = False) -> Iterator[frozenset[str]]:
        """The names that the last step's hidden value rests on: in that step, in the last two, and so on, until all are met.

        ``by_gradients`` goes only where gradients go back, which is not through a stabiliser.
        """
        stopped = self.stabiliser if by_gradients else ""
        uses = {line.stem: list(line.formula.names()) if line.stem != stopped else [] for line in self.lines}
        wanted, met = {"h"}, frozenset[str]()
        while wanted:
            here, carried = set(wanted), set[str]()
            for line in reversed(self.lines):
                if line.stem in here:
                    here |= {part.text for part in uses[line.stem] if not part.before}
                    carried |= {part.text for part in uses[line.stem] if part.before}
            known, met = met, met | here
            yield met
            wanted = (carried | wanted if met != known else set()) & set(self.state)


SIGNS = str.maketrans({"⊙": "*", "·": "*", "×": "*", "−": "-", "∗": "*"})
"""Signs of the mathematics, each by one sign of the keyboard."""


def is_preactivation(stem: str) -> bool:
    """Whether a line of this name is the argument of an activation, as ``a`` and ``a_f`` are in every cell."""
    return stem == "a" or stem.startswith("a_")


def _terms(part: Expression) -> Iterator[Expression]:
    """The terms of a sum."""
    if part.kind == "+":
        for term in part.parts:
            yield from _terms(term)
    else:
        yield part


def _is_weighted(term: Expression) -> bool:
    """Whether a term is a bias, or a weight with its factor."""
    if term.kind != "beside":
        return term.kind == "parameter"
    weight, seen = term.parts
    names = seen.parts if seen.kind == "column" else (seen,)
    return weight.kind == "parameter" and all(name.kind == "name" for name in names)


@contextmanager
def _at(key: str) -> Iterator[None]:
    """Add this key of the table [cell] to every error inside the context."""
    try:
        yield
    except ProblemError as error:
        error.path = error.path or f"cell.{key}"
        raise


class RightSide(Parser):
    """The right side of an equation."""

    token = re.compile(
        r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
        rf"|(?P<word>{STEM}(?:_\(\s*t\s*-\s*1\s*\)|_\{{\s*t\s*-\s*1\s*\}})?)"
        r"|(?P<sign>\*\*|[-+*/^()@=,\[\]]))",
        re.ASCII,
    )
    atoms = "a number, a name, a function or a bracket"

    def __init__(self, source: str, cell: Equations, stems: Sequence[str], number: int) -> None:
        super().__init__(source)
        self.cell, self.stems, self.number = cell, stems, number

    def right_side(self) -> Expression:
        """The expression after the equals sign."""
        self.position = self.source.index("=") + 1
        start = self.peek()[2]
        expression = self.whole()
        if not any(True for _ in expression.names()):
            raise self.error("a line is made of quantities, and this one is always the same number", start)
        return expression

    def beside(self) -> Expression:
        total = self.power()
        while True:
            kind, text, place = self.peek()
            if text == "@":
                self.position = place + 1
            elif kind != "word" and text not in ("(", "["):
                return total
            total = Expression("beside", place, (total, self.power()))

    def atom(self) -> Expression:
        place = self.peek()[2]
        if not self.take("["):
            return super().atom()
        parts = [self.sum()]
        while self.take(","):
            parts.append(self.sum())
        self.close("]")
        return Expression("column", place, tuple(parts))

    def word(self, text: str, place: int) -> Expression:
        followed = self.peek()[1] == "("
        if followed and text in COMBINING:
            return self.combined(text, place)
        if text in self.cell.functions:
            if not self.take("("):
                raise self.error(f"{text} needs a bracket", self.peek()[2])
            return Expression("call", place, (self.closed(")"),), text)
        stem = re.split(r"_[({]", text)[0]
        if stem != text:
            self.carried(stem, place)
            return Expression("name", place, text=stem, before=True)
        if text.endswith("_t"):
            self.made(text.removesuffix("_t"), place)
            return Expression("name", place, text=text.removesuffix("_t"))
        if not PARAMETER.fullmatch(text) and text not in dict(self.cell.told):
            raise self.unknown(text, place, followed=followed)
        return Expression("parameter", place, text=text)

    def combined(self, text: str, place: int) -> Expression:
        """``sum( )``, and ``max( , )`` and ``min( , )``."""
        self.take("(")
        parts = [self.sum()]
        if text != "sum":
            if not self.take(","):
                raise self.error(f"{text} is taken of two, as in {text}(0, a_t)", self.peek()[2])
            parts.append(self.sum())
        self.close(")")
        return Expression(text, place, tuple(parts))

    def carried(self, stem: str, place: int) -> None:
        """Check that a quantity of the step before is a state."""
        if stem in self.cell.state:
            return
        if stem in self.stems or stem == self.cell.seen:
            states = ", ".join(self.cell.state)
            raise self.error(f"{stem} is not carried from one step to the next; cell.state names what is: {states}", place)
        raise self.unknown(f"{stem}_(t-1)", place)

    def made(self, stem: str, place: int) -> None:
        """Check that a line is defined before its use."""
        if stem == self.cell.seen or stem in self.stems[: self.number]:
            return
        if stem in self.stems:
            maker = self.stems.index(stem) + 1
            also = f", or {stem}_(t-1) is meant" if stem in self.cell.state else ""
            raise self.error(f"{stem}_t is used before it is made: equation {maker} makes it{also}", place)
        raise self.unknown(f"{stem}_t", place)

    def unknown(self, text: str, place: int, *, followed: bool = False) -> ProblemError:
        """The error for a word that is no name and no function."""
        if text in (self.cell.seen, *self.stems):
            return self.error(f"{text} has a time: {text}_t, or {text}_(t-1) of the step before", place)
        lines = [
            f"{self.cell.seen}_t",
            *(f"{stem}_t" for stem in self.stems[: self.number]),
            *(f"{stem}_(t-1)" for stem in self.cell.state),
        ]
        functions = [*self.cell.functions, *COMBINING]
        hint = nearest(text, functions if followed else lines) or nearest(text, [*lines, *functions, *dict(self.cell.told)])
        return self.error(
            f"unknown name {text!r}{hint}; a parameter begins with W_, w_ or b_, or has its shape in [cell.shapes]", place
        )


class _Shapes:
    """The shapes of the parameters, declared or derived from their factors, equation by equation."""

    def __init__(self, cell: Equations) -> None:
        self.told = dict(cell.told)
        self.found: dict[str, tuple[str, ...]] = {}
        self.lines: dict[str, tuple[str, ...]] = {cell.seen: ("d",), **dict.fromkeys(cell.state, ("n",))}
        for line in cell.lines:
            self.lines[line.stem] = self.shape(line.formula)
        for stem in self.told:
            if stem not in self.found:
                raise ProblemError("no equation has this parameter", path=f"cell.shapes.{stem}")

    def shape(self, part: Expression) -> tuple[str, ...]:
        """The shape of a part of an equation; a number that is added to a column, or multiplies it, is as long as the column."""
        match part.kind:
            case "number":
                return ()
            case "beside":
                return self.product(*part.parts)
            case "column":
                return ("+".join(rows for own in part.parts for rows in self.shape(own) or ("1",)),)
            case "sum":
                self.shape(part.parts[0])
                return ()
            case "name":
                return self.lines[part.text]
            case "parameter":
                return self.found.setdefault(part.text, self.told.get(part.text, ("n",)))
            case _:
                shapes = [self.shape(operand) for operand in part.parts]  # for all of them, because each may have parameters
                return next(filter(None, shapes), ())

    def product(self, left: Expression, right: Expression) -> tuple[str, ...]:
        """The shape of a product; an undeclared matrix has as many columns as its factor has rows."""
        stem = left.text
        if left.kind == "parameter" and stem.startswith("W_") and stem not in self.found and stem not in self.told:
            self.found[stem] = ("n",)  # its place in the order of the equations
            self.found[stem] = ("n", *self.shape(right))
            return ("n",)
        first, second = self.shape(left), self.shape(right)
        return first[:1] if len(first) == 2 else first or second
