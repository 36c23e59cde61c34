"""A gradient check as lines: the loss with a parameter a little larger and a little smaller, and their quotient.

Source: central differences, (L(w + ε) − L(w − ε)) / 2ε, with an error of the order of ε²; Goodfellow, Bengio and
Courville, *Deep Learning* (2016), sec. 11.5, eq. 11.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.gradients import depends_on
from bptt_trace.engine.lines_of_numbers import Numbers
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Builder
from bptt_trace.engine.rules import Rule, renumbered

CHECK = Name("L_check")
"""The loss in the name of a quotient of differences: ``dL_check/dw_hh``."""
EPSILON = Name("eps")
"""The distance by which a parameter is moved."""


def write_check(builder: Builder, whole: int, parameters: Sequence[Name], first: int) -> None:
    """Append, for each of these numbers, the dependent lines twice and the quotient.

    ``whole`` is the line of the loss. ``first`` is the number behind @ of the first pass; the others follow.
    """
    epsilon = builder.given(EPSILON).number
    numbers = Numbers(builder)
    (loss,), (moved_by,) = numbers.of(whole), numbers.of(epsilon)
    for place, parameter in enumerate(parameters):
        position = numbers.index[parameter]
        again = sorted(depends_on(numbers.steps, [position], 0, loss, held=False) - {position})
        ends = []
        for side, by in enumerate((Var(moved_by), -Var(moved_by))):
            number = first + 2 * place + side
            moved = {position: numbers.let(parameter._replace(iteration=number), Var(position) + by, Role.CHECK)}
            for line in again:
                step = numbers.steps[line]
                formula = renumbered(cast(Rule, step.rule).formula, [moved.get(used, used) for used in step.arguments])
                moved[line] = numbers.let(step.target._replace(iteration=number), formula, Role.CHECK)
            ends.append(moved.get(loss, loss))  # the weights of a letter that does not occur move no loss
        up, down = map(Var, ends)
        quotient: Formula = (up - down) / (2 * Var(moved_by))
        numbers.let(parameter._replace(of=CHECK), quotient, Role.CHECK)
