"""What a line is to the calculation."""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """What a quantity is to the calculation."""

    PARAMETER = "parameter"
    GIVEN = "given"
    PREACTIVATION = "preactivation"
    HIDDEN = "hidden"
    OUTPUT = "output"
    LOSS = "loss"
    CONTRIBUTION = "contribution"
    GRADIENT = "gradient"
    UPDATE = "update"
    FACTOR = "factor"
    """∂h_t/∂h_{t−1} and the products of these: how far an error reaches back."""
    STATE = "state"
    """What an optimizer makes of a gradient and carries on: velocities, moments, norms, clipped gradients."""

    # The members are many keys of many dictionaries; the default hash is a Python function.
    __hash__ = object.__hash__
