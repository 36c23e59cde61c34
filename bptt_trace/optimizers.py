"""Optimizers: parameter and gradient in, update steps out."""

from __future__ import annotations

from bptt_trace.formula import Var
from bptt_trace.program import Builder, Role


def gradient_descent(builder: Builder, parameter: Var, gradient: Var, learning_rate: Var) -> Var:
    """p' = p − η · ∂L/∂p

    Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), eq. 4.5.
    """
    target = builder.steps[parameter.number].target._replace(updated=True)
    return builder.let(target, parameter - learning_rate * gradient, Role.UPDATE, gradient.number)


RULES = {"gd": gradient_descent}
"""The update rules that a problem may name."""
