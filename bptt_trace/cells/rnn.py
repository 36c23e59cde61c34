"""The simple recurrent network: the hidden state is fed back through W_hh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bptt_trace.cells import Let, Parameters
from bptt_trace.formula import Formula, Var
from bptt_trace.functions import Function, tanh


@dataclass(frozen=True)
class RNN:
    """h_t = φ(W_xh x_t + W_hh h_{t−1} + b_h)

    Source: Elman (1990), *Cognitive Science* 14:179; in this notation Goodfellow,
    Bengio and Courville, *Deep Learning* (2016), eqs. 10.8 and 10.9.
    """

    activation: Function = tanh
    parameters: ClassVar = {"W_xh": ("n", "d"), "W_hh": ("n", "n"), "b_h": ("n",)}
    state: ClassVar = ("h",)

    def step(self, let: Let, p: Parameters, x: Formula, *state: Var) -> tuple[Var, ...]:
        (h,) = state
        a = let("a", p.W_xh @ x + p.W_hh @ h + p.b_h)
        return (let("h", self.activation(a)),)
