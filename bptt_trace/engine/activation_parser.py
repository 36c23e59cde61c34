"""A user's own activation: expressions in ``z``.

Numbers, ``z``, ``+ - * / ^``, brackets and the functions of ``functions.ELEMENTARY``.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

from bptt_trace.engine.expressions import MAX_DEPTH as MAX_DEPTH
from bptt_trace.engine.expressions import MAX_LENGTH as MAX_LENGTH
from bptt_trace.engine.expressions import Expression, Parser, Reading
from bptt_trace.engine.formula import Function
from bptt_trace.engine.functions import ACTIVATIONS, ELEMENTARY, Z, defined, relu
from bptt_trace.errors import nearest


@cache
def activation(source: str, name: str, latex: str, slope_at_0: Fraction = Fraction(0)) -> Function:
    """The function that an expression in z describes; ``slope_at_0`` is what the slope of a relu in it is there.

    Raises ``ProblemError``, with a caret under the place, for anything that is
    not such an expression.
    """
    parser = _InZ(source)
    expression = parser.whole()
    if not any(True for _ in expression.names()):
        raise parser.error("the expression does not contain z", 0)
    functions = {**ELEMENTARY, "relu": relu(slope_at_0)}
    return defined(name, latex, Reading(source, lambda _: Z, functions).formula(expression), source.strip())


class _InZ(Parser):
    """Expressions with one name, ``z``."""

    def word(self, text: str, place: int) -> Expression:
        if text == "z":
            return Expression("name", place, text=text)
        if text not in ELEMENTARY:
            raise self.error(
                f"unknown word {text!r}{nearest(text, [*ELEMENTARY, *ACTIVATIONS])}; "
                f"an activation is one of {', '.join(ACTIVATIONS)}, or an expression in z with {', '.join(ELEMENTARY)}",
                place,
            )
        if not self.take("("):
            raise self.error(f"{text} needs a bracket", self.peek()[2])
        return Expression("call", place, (self.closed(")"),), text)
