"""Rules over NumPy arrays: many variants of one problem at once.

The source of a rule is the one that every arithmetic uses; here its functions
take whole columns of doubles.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from bptt_trace.calculation.compiled_rules import definition_source, source
from bptt_trace.engine.functions import Function, Pieces
from bptt_trace.engine.rules import Rule

Column = npt.NDArray[np.float64]


def over_arrays(rule: Rule) -> Callable[..., Any]:
    """A rule as a function of columns; an entry that cannot be calculated is NaN or infinite."""
    return source(rule).bind(float, _function)


def _function(function: Function) -> Callable[[Any], Any]:
    if function.pieces is not None:
        return _bent(function.pieces)
    if function.libraries is not None:
        return partial(function.libraries.numpy, np)
    return definition_source(function).bind(float, _function)


def _bent(pieces: Pieces) -> Callable[[Any], Any]:
    left, at_zero, right = map(float, (pieces.left, pieces.at_zero, pieces.right))
    if pieces.steps:
        return lambda z: np.where(z > 0, right, np.where(z < 0, left, at_zero))
    return lambda z: np.where(z > 0, right * z, left * z)
