"""The values of a calculation without rounding."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bptt_trace.calculation.arithmetic import Precise, Values, evaluate, run
from bptt_trace.engine.formula_walks import applications
from bptt_trace.engine.names import Name
from bptt_trace.engine.program import Program
from bptt_trace.errors import CalculationError
from bptt_trace.problem.numbers import Number
from bptt_trace.problem.rounding import Rounding

NOISE = 1e-12
"""Numbers of a calculation in doubles that are smaller than this may be the noise of a 0."""


def _jumps(program: Program) -> bool:
    """Whether a function of a program jumps at 0: a step, or the slope of a relu."""
    rules = {step.rule for step in program.steps if step.rule is not None}
    pieces = (application.function.pieces for rule in rules for application in applications(rule.formula))
    return any(piece is not None and piece.steps for piece in pieces)


def unrounded(program: Program, given: Mapping[Name, Number]) -> Values:
    """Every value in double precision, with which rounded ones are compared.

    Where doubles fail on the way (a probability of 10^-348 is 0 in them, and has
    no logarithm), or have noise for the 0 at which a step or the slope of a relu
    jumps, 60 digits are taken, and their results as doubles. Raises
    ``CalculationError`` where a result is larger than doubles can be.
    """
    try:
        values = evaluate(program, given, Rounding("full"))
        if not (any(0 < abs(number) < NOISE for number in values.numbers) and _jumps(program)):
            return values
    except CalculationError:
        pass
    numbers = tuple(map(float, run(program, given, Precise())))
    for step, number in zip(program.steps, numbers, strict=True):
        if math.isinf(number):
            raise CalculationError(
                f"{step.target} cannot be calculated: unrounded, it is beyond 10^308; "
                "use smaller parameters or a smaller learning rate"
            )
    return Values(program, numbers, given, Rounding("full"))
