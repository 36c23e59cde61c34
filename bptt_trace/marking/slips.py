"""Slips of the pen: a sign, the decimal point, two digits, another line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bptt_trace.calculation.compiled_rules import source
from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import Apply
from bptt_trace.engine.functions import exp
from bptt_trace.engine.names import Role
from bptt_trace.marking.key import Key
from bptt_trace.networks.cells.equations import Equations

CUT_OFF = say("cut off instead of rounded")


def bounds(key: Key, position: int) -> tuple[float, float]:
    """The range of a line: |tanh| < 1, a squared loss ≥ 0, with one unit of the last place."""
    step = key.steps[position]
    function = next(iter(source(step.rule).functions), None) if step.rule is not None else None
    near = key.quantum[position]
    cell = key.problem.network.cell_of(step.target.layer) if key.problem.network.cells else None
    if isinstance(cell, Equations) and (function is exp or not (step.rule and isinstance(step.rule.formula, Apply))):
        function = None  # neither an exponential nor an expression around a function has a bound
    if step.role in (Role.HIDDEN, Role.OUTPUT) and function is not None:
        if function.name == "tanh":
            return -1 - near, 1 + near
        if function.name in ("sigmoid", "exp"):
            return (-near, 1 + near) if step.target.stem != "e" else (0.0, math.inf)
    return (-near if step.role is Role.LOSS and key.problem.loss.is_error else -math.inf), math.inf


def out_of_range(key: Key, position: int, value: float) -> bool:
    """Whether a line cannot have this value."""
    low, high = bounds(key, position)
    return not low <= value <= high


def neighbours(key: Key, order: Sequence[int], position: int) -> Iterator[int]:
    """The lines of a sheet whose number may be written here: before and after, at other times, across the diagonal."""
    number = order.index(position)
    yield from (order[i] for i in (number - 1, number + 1) if 0 <= i < len(order))
    target = key.steps[position].target
    if target.time is not None and target.via is None:
        yield from (line for line in order if line != position and key.steps[line].target._replace(time=target.time) == target)
    if len(target.index) == 2:
        turned = key.program.index.get(target._replace(index=target.index[::-1]))
        if turned is not None and turned != position:
            yield turned


def slip(value: float, goal: float, radius: float, places: int) -> str:
    """The slip of the pen that turns ``goal`` into ``value``; empty if there is none."""
    if abs(goal) <= 2 * radius:
        return ""
    if abs(value + goal) <= radius:
        return say("the sign is turned")
    for power in (1, -1, 2, -2, 3, -3):
        if abs(value - goal * 10.0**power) <= radius * 10.0 ** max(power, 0) and abs(value) > radius:
            return say("the decimal point is shifted")
    units = goal * 10.0**places
    if math.isfinite(units):
        cut = math.trunc(units) / 10.0**places
        if abs(value - cut) <= max(0.01 * 10.0**-places, 1e-15 * abs(cut)):
            return CUT_OFF
    typed, right = f"{abs(value):.{max(places, 0)}f}", f"{abs(goal):.{max(places, 0)}f}"
    if len(typed) == len(right) and (value < 0) == (goal < 0):
        differ = [i for i, (a, b) in enumerate(zip(typed, right, strict=True)) if a != b]
        if len(differ) == 2 and {*typed[differ[0] + 1 : differ[1]]} <= {"."}:
            first, second = differ
            if (typed[first], typed[second]) == (right[second], right[first]):
                return say("two digits are swapped")
    return ""
