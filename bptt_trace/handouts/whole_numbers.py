"""Variants for mental arithmetic: given numbers are whole or halves, and every line is short without rounding.

The ranges are small, and a candidate is kept if every line of it, up to the
update, is a short decimal; in closed form, a fraction with a small denominator.
Doubles sort out most candidates, and the others are proved with fractions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bptt_trace.calculation.arrays import Column
from bptt_trace.calculation.build import build
from bptt_trace.calculation.compiled_rules import source
from bptt_trace.calculation.function_values import resolve
from bptt_trace.engine.names import Name
from bptt_trace.engine.program import Program
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import CalculationError, ProblemError, TraceError
from bptt_trace.handouts.blanks import lines_up_to_update
from bptt_trace.handouts.number_ranges import DECIMALS
from bptt_trace.problem.files import change_document
from bptt_trace.problem.numbers import Number
from bptt_trace.problem.problem import Problem, from_document
from bptt_trace.problem.rounding import Rounding
from bptt_trace.problem.rounding_keys import PATH
from bptt_trace.problem.tables import with_defaults

PLACES = 2
"""The decimals of a sheet whose problem file does not say how many."""
LARGEST = 100
"""No line is larger in size."""
DENOMINATOR = 60
"""The largest denominator of a fraction in closed form."""
CLOSE = 1e-6
"""The distance from a whole number within which a double is worth a proof."""


def with_places(document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a problem with two decimals, if its variants have whole numbers and it does not say how many decimals it has."""
    whole = deepcopy(dict(document))
    tables = with_defaults(document)
    rounding = tables["rounding"]
    if tables["vary"]["numbers"] != DECIMALS and rounding["policy"] == "by_hand" and not {"places", "figures"} & set(rounding):
        whole["rounding"] = {**rounding, "places": PLACES}
    return whole


class WholeNumbers:
    """The condition that lines are short, for one program."""

    def __init__(self, program: Program, lines: Iterable[int], rounding: Rounding) -> None:
        """``lines`` has the positions of the lines."""
        self._program, self.lines, self._rounding = program, frozenset(lines), rounding
        self._steps = program.ancestors(lines)
        self._rules: dict[int, Callable[..., Any]] = {}

    @property
    def condition(self) -> str:
        """The condition, worded as a failure."""
        if self._rounding.policy == "exact":
            return f"a line is larger than {LARGEST} in size, or has a denominator above {DENOMINATOR}"
        return f"a line is larger than {LARGEST} in size, or has more than {self._rounding.precision.words}"

    def seems_long(self, values: Mapping[int, Column]) -> npt.NDArray[np.bool_]:
        """The candidates that certainly fail, as columns of doubles show."""
        columns = [values[position] for position in self.lines if position in values]
        bad = np.any([np.abs(column) > LARGEST + CLOSE for column in columns], axis=0)
        if self._rounding.policy != "exact":
            units = [column * 10.0**self._rounding.places for column in columns]
            bad |= np.any([np.abs(unit - np.rint(unit)) > CLOSE for unit in units], axis=0)
        return np.asarray(bad)

    def holds(self, given: Mapping[Name, Number]) -> bool:
        """Whether every line is short, proved with fractions."""
        values: dict[int, Fraction] = {}
        for position in self._steps:
            step = self._program.steps[position]
            if step.rule is None:
                values[position] = given[step.target].value
                continue
            if position not in self._rules:
                self._rules[position] = source(step.rule).bind(Fraction, lambda function: resolve(function, Fraction))
            try:
                values[position] = Fraction(self._rules[position](*[values[argument] for argument in step.arguments]))
            except (ArithmeticError, ValueError, CalculationError):
                return False
            if position in self.lines and not self._short(values[position]):
                return False
        return True

    def _short(self, value: Fraction) -> bool:
        if abs(value) > LARGEST:
            return False
        if self._rounding.policy == "exact":
            return value.denominator <= DENOMINATOR
        return bool((value * 10**self._rounding.places).denominator == 1)


# --------------------------------------------------------------- what can be whole

CHANGES = (
    ("network.activation=relu",),
    ("network.output_activation=identity",),
    ("loss.kind=squared_error",),
    ("network.output_activation=identity", "loss.kind=squared_error"),
)
"""Changes that make the lines of a problem sums, products and straight pieces."""


def possible(problem: Problem, document: Mapping[str, Any]) -> None:
    """Raise ``ProblemError`` if no numbers make all lines of a problem short; the message says which change would."""
    if problem.rounding.figures is not None:
        what = "whole numbers have decimal places and no significant figures; rounding.places = 2 has them"
        raise ProblemError(what, path="rounding.figures")
    if problem.rounding.places_of:
        raise ProblemError("whole numbers have the same number of decimals in every line; leave places_of out", path=PATH)
    curved = _curved(problem)
    if not curved:
        return
    changed, needed = deepcopy(dict(document)), list[str]()
    for changes in CHANGES:
        attempt = deepcopy(changed)
        try:
            for change in changes:
                change_document(attempt, change)
            left = _curved(from_document(attempt))
        except TraceError:
            continue
        if len(left) < len(curved):
            changed, curved = attempt, left
            needed += [f"--set {change}" for change in changes]
    name, function = next(iter(_curved(problem).items()))
    advice = 'a network with cell = "rnn", activation = "relu" and a squared error has them'
    if not curved:
        advice = f"with {' '.join(dict.fromkeys(needed))} it has them"
    elif problem.update is not None and problem.update.rule != "gd":
        advice = f'the update rule "gd" has them, {problem.update.rule} has not'
    raise ProblemError(f"{name} is a value of {function}, which has no short numbers; {advice}", path="vary.numbers")


def _curved(problem: Problem) -> dict[Name, str]:
    """The lines with a function that is not put together from straight pieces, and the name of the function."""
    program = scalars(build(problem))
    return {
        program.steps[position].target: function.name
        for position in lines_up_to_update(program)
        if (rule := program.steps[position].rule) is not None
        for function in source(rule).functions
        if function.pieces is None
    }
