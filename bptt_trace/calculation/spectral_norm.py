"""The spectral norm of a matrix: the largest factor by which it lengthens a small change."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import mpmath

from bptt_trace.problem.rounding import WORKING, Rounding

MP = mpmath.mp.clone()
MP.dps = 60


def spectral_norm(rows: Sequence[Sequence[Any]], rounding: Rounding) -> str:
    """The largest singular value of a matrix of numbers, as a sheet prints a slope.

    Source: Golub and Van Loan, *Matrix Computations*, 4th ed., sec. 2.3.
    """
    matrix = MP.matrix([[_number(entry) for entry in row] for row in rows])
    largest = max(MP.svd_r(matrix, compute_uv=False))
    if rounding.policy == "full":
        return repr(float(largest))
    with localcontext(WORKING):
        return f"{rounding.of_products.settle(Decimal(MP.nstr(largest, 50)))}"


def _number(entry: Any) -> Any:
    exact = Fraction(entry)
    return MP.mpf(exact.numerator) / exact.denominator
