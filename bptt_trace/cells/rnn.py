"""The simple recurrent network: the hidden state is fed back through W_hh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bptt_trace.cells import Let, Parameters
from bptt_trace.formula import Formula, Var, stack
from bptt_trace.functions import Function, tanh


@dataclass(frozen=True)
class RNN:
    """h_t = φ(W_xh x_t + W_hh h_{t−1} + b_h), or with one matrix h_t = φ(W_h [h_{t−1}, x_t] + b_h)

    Source: Elman (1990), *Cognitive Science* 14:179; in this notation Goodfellow,
    Bengio and Courville, *Deep Learning* (2016), eqs. 10.8 and 10.9. With a bias
    beside each matrix as PyTorch documents ``nn.RNN``.
    """

    activation: Function = tanh
    concatenated: bool = False
    """Whether one matrix multiplies [h_{t−1}, x_t]."""
    biases: int = 1
    """2: one beside each matrix."""
    state: ClassVar = ("h",)
    gates: ClassVar[Mapping[str, Function]] = {}

    @property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        if self.concatenated:
            return {"W_h": ("n", "n+d"), "b_h": ("n",)}
        if self.biases == 2:
            return {"W_xh": ("n", "d"), "b_xh": ("n",), "W_hh": ("n", "n"), "b_hh": ("n",)}
        return {"W_xh": ("n", "d"), "W_hh": ("n", "n"), "b_h": ("n",)}

    def step(self, let: Let, p: Parameters, x: Formula, *state: Var) -> tuple[Var, ...]:
        (h,) = state
        if self.concatenated:
            a = let("a", p.W_h @ stack(h, x) + p.b_h)
        elif self.biases == 2:
            a = let("a", p.W_xh @ x + p.b_xh + p.W_hh @ h + p.b_hh)
        else:
            a = let("a", p.W_xh @ x + p.W_hh @ h + p.b_h)
        return (let("h", self.activation(a)),)
