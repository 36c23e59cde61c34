"""A fully connected layer: without a state, so that samples do not depend on each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.functions import Function, tanh
from bptt_trace.networks.cells import Let, Parameters


@dataclass(frozen=True)
class Dense:
    """h = φ(W_xh x + b_h)

    Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), eq. 6.36.
    """

    activation: Function = tanh
    parameters: ClassVar = {"W_xh": ("n", "d"), "b_h": ("n",)}
    state: ClassVar = ()
    memory: ClassVar = ""
    gates: ClassVar[Mapping[str, Function]] = {}
    words: ClassVar[Mapping[str, str]] = {}

    def step(self, let: Let, p: Parameters, x: Formula, *state: Var) -> tuple[Var, ...]:
        a = let("a", p.W_xh @ x + p.b_h)
        return (let("h", self.activation(a)),)
