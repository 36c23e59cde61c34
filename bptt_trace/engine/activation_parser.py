"""A user's own activation, an expression in ``z``, and a user's own loss, one in ``y`` and ``target``.

Numbers, these names, ``+ - * / ^``, brackets and the functions of ``functions.ELEMENTARY``.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from bptt_trace.engine.expressions import MAX_DEPTH as MAX_DEPTH
from bptt_trace.engine.expressions import MAX_LENGTH as MAX_LENGTH
from bptt_trace.engine.expressions import Expression, Parser, Reading
from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.functions import ACTIVATIONS, ELEMENTARY, Function, Z, defined, relu, while_used
from bptt_trace.errors import nearest


@while_used
def activation(source: str, name: str, sign: str, slope_at_0: Fraction = Fraction(0), number: int | None = None) -> Function:
    """The function that an expression in z defines; ``slope_at_0`` is the slope of a relu in it at 0.

    ``name`` is its name in plain text; where formulas are set, that is ``sign`` with the ``number`` below it.

    Raises ``ProblemError``, with a caret under the position, if ``source`` is
    not such an expression.
    """
    parser = _InZ(source)
    expression = parser.whole()
    if not any(True for _ in expression.names()):
        raise parser.error("the expression does not contain z", 0)
    functions = {**ELEMENTARY, "relu": relu(slope_at_0)}
    formula = Reading(source, lambda _: Z, functions).formula(expression)
    return defined(name, sign, formula, source.strip(), number, (activation, (source, name, sign, slope_at_0, number)))


@lru_cache(maxsize=256)
def comparison(source: str) -> Formula:
    """The formula of an expression in ``y`` and ``target`` for one output, with the numbers 0 and 1 for these two.

    Raises ``ProblemError``, with a caret under the place, for anything that is
    not such an expression, or does not contain ``y``.
    """
    parser = _Comparing(source)
    expression = parser.whole()
    if "y" not in {part.text for part in expression.names()}:
        raise parser.error("the expression does not contain y", 0)
    numbers = {"y": Var(0), "target": Var(1)}
    return Reading(source, lambda part: numbers[part.text], ELEMENTARY).formula(expression)


class _InZ(Parser):
    """Expressions with one name, ``z``."""

    known: Mapping[str, str] = {"z": "z"}
    """The known names, and the quantity behind each."""
    meant = f"an activation is one of {', '.join(ACTIVATIONS)}, or an expression in z with "

    def word(self, text: str, place: int) -> Expression:
        if text in self.known:
            return Expression("name", place, text=self.known[text])
        if text not in ELEMENTARY:
            raise self.error(
                f"unknown word {text!r}{nearest(text, [*ELEMENTARY, *ACTIVATIONS])}; {self.meant}{', '.join(ELEMENTARY)}", place
            )
        if not self.take("("):
            raise self.error(f"{text} needs a bracket", self.peek()[2])
        return Expression("call", place, (self.closed(")"),), text)


class _Comparing(_InZ):
    """Expressions with a prediction and its target."""

    known: Mapping[str, str] = {"y": "y", "y_t": "y", "target": "target", "target_t": "target"}
    meant = "a loss is an expression in y_t and target_t with "
    atoms = "a number, y_t, target_t, a function or a bracket"
