"""Calculations of a sentence besides those of the program: ``0.8 * 0.5370 = 0.4296``.

They are calculated and printed by the rules, arithmetic and templates of every line, so that a number in a sentence is as
reliable as one in a table. A side calculation is a value: whoever asked for it hands it on to further ones.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from bptt_trace.document.mathematics import NOTHING, Math
from bptt_trace.engine.formula import Var


@dataclass(frozen=True, eq=False)
class Outcome(Var):
    """The result of a side calculation, as a variable of a further formula; it has no place among the steps."""

    number: int = sys.maxsize
    """A position of no step, so that the result is not found among the steps."""
    unrounded: Any = None
    """The number with which further calculations go on."""
    printed: Any = None
    """The printed number."""
    text: str = ""
    value: Math = NOTHING

    __eq__, __hash__ = object.__eq__, object.__hash__  # two results are different objects, even with equal values


@dataclass(frozen=True)
class Calculation:
    """A side calculation, or a step where a calculation is wanted."""

    variable: Var
    """For use in further calculations."""
    number: Any
    """The printed value."""
    equation: Math
    value: Math
