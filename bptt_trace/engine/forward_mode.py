"""Forward mode: the slope of every line in one parameter, from left to right.

Over time this is real-time recurrent learning. Sources: Williams and Zipser
(1989), *Neural Computation* 1:270; Griewank and Walther, *Evaluating
Derivatives*, 2nd ed., ch. 3.1. It gives the gradient of BPTT by another road,
with a pass for each parameter instead of one for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from bptt_trace.engine.components import component
from bptt_trace.engine.formula import ONE, Apply, Entry, Formula, Var, product
from bptt_trace.engine.formula_walks import rewrite
from bptt_trace.engine.gradients import RESULT, adjoint, depends_on
from bptt_trace.engine.lines_of_numbers import Numbers
from bptt_trace.engine.names import LOSS, Name, Role
from bptt_trace.engine.program import Builder
from bptt_trace.engine.rules import Rule, renumbered

FORWARD_LOSS = "L_forward"
"""The stem of a loss in the names of its slopes forward: ``dL_forward/dw_hh`` is the gradient once more."""


def write_forward(builder: Builder, whole: int, parameters: Sequence[Name]) -> None:
    """Append the slopes of all lines up to the loss in line ``whole``, in each of these numbers or entries of matrices."""
    numbers = Numbers(builder)
    (loss,) = numbers.of(whole)
    for parameter in parameters:
        position = numbers.index[parameter]
        slopes: dict[int, Formula] = {position: ONE}
        for line in sorted(depends_on(numbers.steps, [position], 0, loss) - {position}):
            terms = [product(slope, slopes[used]) for used, slope in _slopes(numbers, line) if used in slopes]
            total = terms[0]
            for term in terms[1:]:
                total = total + term
            name = parameter._replace(of=_forward(numbers.steps[line].target))
            slopes[line] = Var(numbers.let(name, total, Role.TANGENT, line))


def _forward(line: Name) -> Name:
    """The line in the name of its slope; the slopes of losses in parameters have the names of gradients otherwise."""
    return line._replace(stem=FORWARD_LOSS) if line.stem == LOSS.stem else line


def _slopes(numbers: Numbers, line: int) -> Iterator[tuple[int, Formula]]:
    """The arguments of a line, with its slope by each."""
    step = numbers.steps[line]
    whole = numbers.whole(line)
    formula = cast(Rule, whole.rule).formula
    if isinstance(formula, Apply) and formula.function.jacobian is not None:
        yield from _of_column(numbers, line, formula)
        return
    rule = cast(Rule, step.rule)
    for place, used in enumerate(step.arguments):
        back = adjoint(rule, min(place, rule.arity), ONE)
        filled = [line if source == RESULT else step.arguments[source] for source in back.sources]
        yield used, renumbered(back.rule.formula, filled)


def _of_column(numbers: Numbers, line: int, formula: Apply) -> Iterator[tuple[int, Formula]]:
    """The slopes of an entry of a function of a whole column, as softmax is: a row of its matrix of slopes."""
    assert formula.function.jacobian is not None
    results = numbers.siblings(line)
    matrix = formula.function.jacobian(Var(0, formula.shape))

    def own(part: Formula) -> Formula | None:
        return Var(results[part.component]) if isinstance(part, Entry) else None

    row = results.index(line)
    for column, used in enumerate(numbers.of(numbers.whole(line).arguments[0])):
        yield used, rewrite(component(matrix, row, column), own)
