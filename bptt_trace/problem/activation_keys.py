"""Activations in problem files: by name, or as an expression in z."""

from __future__ import annotations

import re
from fractions import Fraction

from bptt_trace.engine.activation_parser import activation as expression
from bptt_trace.engine.functions import ACTIVATIONS, Function, leaky_relu, relu, threshold
from bptt_trace.errors import ProblemError, nearest
from bptt_trace.problem.numbers import exact_number, shown
from bptt_trace.problem.tables import Keys

THRESHOLDS = ("step", "sign")
"""Activations without a slope."""


def activation_of(table: Keys, text: str, key: str, name: str, sign: str, number: int | None = None) -> Function:
    """The activation that a text names or defines by an expression in z; ``name``, ``sign`` and ``number`` are for the latter."""
    if text in THRESHOLDS:
        return threshold(text, number_of(table, "step_at_0"))
    if text == "relu":
        return relu(number_of(table, "relu_slope_at_0"))
    if text == "leaky_relu":
        at_zero = number_of(table, "relu_slope_at_0") if "relu_slope_at_0" in table else None
        return leaky_relu(number_of(table, "leak"), at_zero)
    if text in ACTIVATIONS:
        return ACTIVATIONS[text]
    known = [*ACTIVATIONS, *THRESHOLDS]
    if re.fullmatch(r"[A-Za-z_]+", text) and text != "z":
        raise ProblemError(
            f"unknown activation {shown(text)}{nearest(text, known)}; "
            f"one of {', '.join(known)}, or an expression in z such as z/(1+abs(z))",
            path=f"network.{key}",
        )
    try:
        return expression(text, name, sign, number_of(table, "relu_slope_at_0"), number)
    except ProblemError as error:
        error.path = f"network.{key}"
        raise


def number_of(table: Keys, key: str) -> Fraction:
    """A number of [network]."""
    return exact_number(table[key], f"network.{key}").value
