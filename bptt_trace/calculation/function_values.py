"""The value of a function in an arithmetic: from pieces of straight lines, from a library, or by its definition."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from bptt_trace.calculation.compiled_rules import definition_source
from bptt_trace.calculation.enclosure import Enclosure, Undecided
from bptt_trace.engine.functions import Function, Libraries, Pieces
from bptt_trace.errors import DesignError

SMALLEST = 1e-290
"""Doubles this close to 0 have fewer digits than others, or none."""
RELATIVE_ERROR = 4e-13
"""More than the relative error of a function of doubles, with that of its argument, where doubles keep all of their digits."""

Library = Callable[[Libraries], Callable[[Any], Any]]
"""The part of a function's libraries that an arithmetic uses."""


def resolve(function: Function, number: Callable[[Fraction], Any], library: Library | None = None) -> Callable[[Any], Any]:
    """A function in an arithmetic: put together from pieces, from a library, or defined by a formula.

    Without a ``library`` the arithmetic has functions of straight pieces alone.
    """
    if function.pieces is not None:
        return _bent(function.pieces, number)
    if function.libraries is None:
        return definition_source(function).bind(number, lambda inner: resolve(inner, number, library))
    if library is None:
        raise DesignError(f"{function.name} is no function of straight pieces")
    return library(function.libraries)


def _bent(pieces: Pieces, number: Callable[[Fraction], Any]) -> Callable[[Any], Any]:
    left, at_zero, right = map(number, (pieces.left, pieces.at_zero, pieces.right))
    if pieces.steps:
        return lambda z: right if z > 0 else left if z < 0 else at_zero
    return lambda z: right * z if z > 0 else left * z


def floats(libraries: Libraries) -> Callable[[float], float]:
    """A function of doubles."""
    return libraries.math


def roughly(libraries: Libraries) -> Callable[[Enclosure], Enclosure]:
    """A function between bounds by floating point, where its error is known and no more digits are wanted."""
    function, absolute = libraries.math, libraries.near_zero

    def applied(z: Enclosure) -> Enclosure:
        argument = float(z.low)
        if absolute is None or z.low != z.high or (z.low and abs(argument) < SMALLEST):
            raise Undecided
        try:
            value = function(argument)
        except (OverflowError, ValueError):
            raise Undecided from None
        if argument and abs(value) < SMALLEST:
            raise Undecided  # doubles lose digits, or all of them
        error = RELATIVE_ERROR * abs(value) + absolute
        return Enclosure(z.digits, Decimal(value - error), Decimal(value + error))

    return applied
