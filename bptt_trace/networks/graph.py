"""An expression graph without a network: equations over given numbers, each a line, and the gradients of the last.

``q = x + y`` and ``f = q * z``, as textbooks introduce the chain rule. Source of the idea: the computational graphs of
Bauer (1974), *SIAM Review* 16:87; Goodfellow, Bengio and Courville, *Deep Learning* (2016), sec. 6.5.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bptt_trace.engine.activation_parser import activation
from bptt_trace.engine.expressions import Expression, Parser, Reading, left_side, refusal, shape_in_words
from bptt_trace.engine.formula import Formula, Shape, Var
from bptt_trace.engine.formula_walks import applications
from bptt_trace.engine.functions import ELEMENTARY, Function, identity, leaky_relu, relu, softmax
from bptt_trace.engine.names import LOSS, Name, Role
from bptt_trace.engine.program import Builder
from bptt_trace.errors import ProblemError, nearest
from bptt_trace.networks.cells.dense import Dense
from bptt_trace.networks.cells.equations import COMBINING, SIGNS, STEM, RightSide
from bptt_trace.networks.forward_pass import Network


@dataclass(frozen=True)
class Graph(Network):
    """The stand-in for a network: numbers, and the lines that follow from them.

    Raises ``ProblemError``, with a caret under the place, where the equations are read (``lines``) and where shapes do
    not fit (``write``).
    """

    equations: tuple[str, ...] = ()
    learned: tuple[tuple[Name, Shape], ...] = ()
    """The numbers that have gradients, columns and matrices of them."""
    fixed: tuple[tuple[Name, Shape], ...] = ()
    """The numbers without gradients."""
    definitions: tuple[tuple[str, str], ...] = ()
    """The user's own functions: expressions in z, by name."""

    def parameters(self) -> dict[Name, Shape]:
        """The numbers that have gradients."""
        return dict(self.learned)

    shapes = parameters

    @property
    def inner(self) -> list[Name]:
        """No layer hides any of them."""
        return [name for name, _ in self.learned]

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """The functions of the equations, by name."""
        custom = {}
        for name, text in self.definitions:
            try:
                custom[name] = activation(text, name, name)
            except ProblemError as error:
                error.path = error.path or f"graph.functions.{name}"
                raise
        return {**ELEMENTARY, "identity": identity, "relu": relu(), "leaky_relu": leaky_relu(), "softmax": softmax, **custom}

    @cached_property
    def lines(self) -> tuple[tuple[str, str, Expression], ...]:
        """The name, the text and the right side of each equation."""
        lines: list[tuple[str, str, Expression]] = []
        names = [str(name) for name, _ in (*self.learned, *self.fixed)]
        for number, source in enumerate(self.equations, 1):
            text = source.translate(SIGNS)
            try:
                stem = left_side(text, f"({STEM})", names, example="q = x + y", repeated=REPEATED)
                lines.append((stem, text, _RightWithoutTimes(text, names, self.functions).right_side()))
            except ProblemError as error:
                error.path = error.path or f"graph.equations[{number}]"
                raise
            names.append(stem)
        return tuple(lines)

    @property
    def stems(self) -> tuple[str, ...]:
        """The names of the lines; the last stands for the loss."""
        return tuple(stem for stem, _, _ in self.lines)

    def write(self, builder: Builder, parameters: Sequence[Var], fixed: Sequence[Var]) -> None:
        """Write all lines."""
        numbers = zip((*self.learned, *self.fixed), (*parameters, *fixed), strict=True)
        known: dict[str, Formula] = {str(name): variable for (name, _), variable in numbers}
        for number, (stem, text, right) in enumerate(self.lines, 1):
            last = number == len(self.equations)
            try:
                formula = Reading(text, lambda part: known[part.text], self.functions).formula(right)
                for call in applications(formula):
                    if call.function.entry is not None and not call.argument.shape:
                        message = f"{call.function.name} has one number; expected a column, as in {call.function.name}([x, y])"
                        raise refusal(text, message, next(at.place for at in right.calls() if at.text == call.function.name))
                if last and formula.shape:
                    message = (
                        f"the last line is {shape_in_words(formula.shape)}; gradients are those of a number, as of sum({stem})"
                    )
                    raise refusal(text, message, right.place)
            except ProblemError as error:
                error.path = error.path or f"graph.equations[{number}]"
                raise
            known[stem] = builder.let(LOSS if last else Name(stem), formula, Role.LOSS if last else Role.HIDDEN)


REPEATED = "{stem} is there already; each line has a name of its own, as in {stem}2"

NODES = Dense(identity)
"""The cell of a graph: a placeholder without a function of its own."""


class _RightWithoutTimes(RightSide):
    """The right side of an equation: names without times."""

    token = re.compile(
        rf"\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)|(?P<word>{STEM})|(?P<sign>\*\*|[-+*/^()@=,\[\]]))", re.ASCII
    )

    def __init__(self, source: str, known: Sequence[str], functions: Mapping[str, Function]) -> None:
        Parser.__init__(self, source)
        self.known, self.functions = list(known), functions

    def word(self, text: str, place: int) -> Expression:
        followed = self.peek()[1] == "("
        if followed and text in COMBINING:
            return self.combined(text, place)
        if text in self.known:
            return Expression("name", place, text=text)
        if text in self.functions:
            if not self.take("("):
                raise self.error(f"{text} needs a bracket", self.peek()[2])
            return Expression("call", place, (self.closed(")"),), text)
        functions = [*self.functions, *COMBINING]
        hint = nearest(text, functions if followed else self.known) or nearest(text, [*self.known, *functions])
        raise self.error(f"unknown name {text!r}{hint}; there are {', '.join(self.known)}", place)
