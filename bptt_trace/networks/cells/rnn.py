"""The simple recurrent network: the hidden state is fed back through W_hh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.functions import Function, tanh
from bptt_trace.networks.cells import Let, Parameters
from bptt_trace.networks.cells.affine import Affine


@dataclass(frozen=True)
class RNN:
    """h_t = φ(W_xh x_t + W_hh h_{t−1} + b_h), or with one matrix h_t = φ(W_h [h_{t−1}, x_t] + b_h)

    Source: Elman (1990), *Cognitive Science* 14:179; in the notation of
    Goodfellow, Bengio and Courville, *Deep Learning* (2016), eqs. 10.8 and 10.9;
    with two biases in that of PyTorch's ``nn.RNN``.
    """

    activation: Function = tanh
    form: str = "separate"
    biases: int = 1
    state: ClassVar = ("h",)
    memory: ClassVar = "h"
    gates: ClassVar[Mapping[str, Function]] = {}
    words: ClassVar[Mapping[str, str]] = {}

    @property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        return Affine(self.form, self.biases).parameters("h")

    def step(self, let: Let, p: Parameters, x: Formula, *state: Var) -> tuple[Var, ...]:
        (h,) = state
        a = let("a", Affine(self.form, self.biases)(p, "h", x, h))
        return (let("h", self.activation(a)),)
