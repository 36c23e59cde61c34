"""The output layer: from the hidden value to the prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bptt_trace.engine.formula import Formula, Total, Var
from bptt_trace.engine.functions import Function, exp, identity
from bptt_trace.networks.cells import Let, Parameters


@dataclass(frozen=True)
class Readout:
    """z = W_hy h + b_y and y = φ(z); without z if φ is the identity

    Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), eq. 10.10.
    """

    activation: Function = identity
    exponentials: bool = False
    """Whether a softmax shows its exponentials e and their sum s as lines of their own."""
    logits: str = "z"
    """The stem of the argument of the activation; a cell may have a z of its own."""
    parameters: ClassVar = {"W_hy": ("k", "n"), "b_y": ("k",)}

    def step(self, let: Let, p: Parameters, h: Formula) -> Var:
        net = p.W_hy @ h + p.b_y
        if self.activation is identity:
            return let("y", net)
        z = let(self.logits, net)
        if self.exponentials:
            e = let("e", exp(z))
            return let("y", e / let("s", Total(e)))
        return let("y", self.activation(z))
