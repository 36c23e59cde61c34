"""The tolerance of an answer: one rule, for a number and for a column of the numbers of many sheets.

A result is rounded to half a unit of its last place, and so is every number that
goes into it; to first order each of these moves the result by its half unit
times its slope. The sum of all is ``spread`` (``World.spread``).
"""

from __future__ import annotations

from typing import Any

HALF = 0.51
"""The tolerance of a rounded result, in units of its last place: a little more than a half, for the last bits of doubles."""
MARGIN = 1.05
"""The factor by which a spread exceeds its first order, to cover higher orders."""
MOST_UNITS = 10
"""The largest tolerance that makes an answer right, in units of the last place."""
TOLD_APART = 3
"""The least distance of two distinguishable values, in tolerances."""
LEAST_FIGURES = 3
"""The least number of significant figures that is asked for."""
MOST_DECIMALS = 12
"""The most decimals that a small number is asked for; of a still smaller one, those of the problem, where it is 0."""


def is_rounded(apart: Any, unit: Any) -> Any:
    """Whether an answer at this distance from a value is that value, rounded to this unit."""
    return apart <= HALF * unit


def radius(unit: Any, spread: Any) -> Any:
    """The tolerance of an answer that follows from rounded numbers."""
    return HALF * unit + MARGIN * spread


def is_near(from_reference: Any, from_exact: Any, most: Any) -> Any:
    """Whether an answer is so near to what it follows from, or to the right number, that a tolerance may make it right."""
    return (from_reference <= most) | (from_exact <= most)
