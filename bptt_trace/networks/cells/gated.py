"""The base of all cells with gates: an activation and a weighted sum for each gate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from bptt_trace.engine.functions import Function, tanh
from bptt_trace.networks.cells.affine import Affine


@dataclass(frozen=True)
class Gated(ABC):
    """A cell with gates."""

    activation: Function = tanh
    form: str = "separate"
    biases: int = 1

    @property
    @abstractmethod
    def words(self) -> Mapping[str, str]:
        """The words for the lines, by stem, where their role says too little."""

    @property
    @abstractmethod
    def gates(self) -> Mapping[str, Function]:
        """The activation of each gate and of the candidate, by stem."""

    @property
    def net(self) -> Affine:
        """The argument of the activation of a gate."""
        return Affine(self.form, self.biases)

    @property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        """Shapes of the parameters, by stem."""
        return self.net.parameters(*self.gates)
