"""Cells: one file each, and in it the equations of the paper and nothing else.

A cell says which parameters it has (with their shapes in ``n`` hidden units and
``d`` inputs), which quantities are its state, and in ``step`` how one time step
is calculated: ``let`` writes a line and returns the quantity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.functions import Function

Let = Callable[[str, Formula], Var]


class Parameters:
    """The parameters of a cell: ``p.W_xh``, or ``p["W_xh"]``."""

    def __init__(self, values: Mapping[str, Formula]) -> None:
        self._values = values

    def __getattr__(self, stem: str) -> Formula:
        return self._values[stem]

    __getitem__ = __getattr__


class Cell(Protocol):
    """The interface of a cell for the forward pass."""

    @property
    def activation(self) -> Function:
        """The activation of the hidden value."""

    @property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        """Shapes of the parameters, by stem, in ``n`` (units), ``d`` (inputs), ``n+d``."""

    @property
    def gates(self) -> Mapping[str, Function]:
        """The activations of quantities other than the hidden value, by stem; empty where there are none."""

    @property
    def state(self) -> tuple[str, ...]:
        """Stems of the states that are carried from one time step to the next; the first is the hidden state."""

    @property
    def memory(self) -> str:
        """The stem of the state along which the cell remembers; empty where it has no state."""

    @property
    def words(self) -> Mapping[str, str]:
        """The words for the lines, by stem, where their role says too little."""

    def step(self, let: Let, p: Parameters, x: Formula, *state: Var) -> tuple[Var, ...]:
        """Write the lines of one step; return the hidden value and the rest of the new state."""
