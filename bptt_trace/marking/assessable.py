"""Whether a line that follows from wrong numbers shows that its writer can calculate it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bptt_trace.marking.key import HALF, MOST_UNITS, Key
from bptt_trace.marking.slips import out_of_range

HUGE = 1e6
FEW = 2
"""A number is informative if it is at least this many tolerances away from 0, or from another number."""


def says_nothing(
    key: Key, written: Mapping[int, float], position: int, value: float, sources: Sequence[int], reference: float, radius: float
) -> str:
    """Why a line that follows from wrong numbers shows no work; empty if it does.

    A line shows work if it cannot be filled in without calculating: its
    sources are possible numbers, none of them is a 0 or ±1 that leaves nothing
    to calculate, its value is more than a few tolerances away from 0, and it
    does not repeat a source, unless it should.
    """
    exact = key.exact[position]
    for one in sources:
        if abs(written[one]) > HUGE * max(1.0, abs(key.exact[one])) or out_of_range(key, one, written[one]):
            return "what it follows from is out of range"
    emptied = {0.0, 1.0, -1.0} | {key.exact[a] for a in key.arguments[position] if key.steps[a].rule is None}
    near = HALF * key.quantum[position]
    dull = any(abs(reference - number) <= near < abs(exact - number) for number in emptied)
    if dull and _empties(key, written, sources):
        return "what it follows from empties the step"
    room = max(radius, key.quantum[position])
    unit = max(room, 10.0**-key.problem.rounding.places)
    if abs(reference) <= FEW * room or (MOST_UNITS * abs(reference) < abs(exact) and abs(reference) <= FEW * unit):
        return "what it follows from leaves nothing to calculate: any number near 0 would do"
    if any(abs(value - written[one]) <= room and abs(exact - key.exact[one]) > FEW * room for one in sources):
        return "it repeats a number that it follows from"
    return ""


def _empties(key: Key, written: Mapping[int, float], sources: Sequence[int]) -> bool:
    """Whether a source is itself 0 or ±1 where it should not be."""
    return any(written[one] in (0.0, 1.0, -1.0) and abs(key.exact[one] - written[one]) > key.quantum[one] for one in sources)
