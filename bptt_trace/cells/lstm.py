"""Long short-term memory: a cell that gates keep, write and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bptt_trace.cells import Let, Parameters
from bptt_trace.formula import Formula, Var
from bptt_trace.functions import Function, sigmoid, tanh


@dataclass(frozen=True)
class LSTM:
    """c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t and h_t = o_t ⊙ φ(c_t), with gates i, f, o = σ(…) and the candidate g = φ(…)

    Source: Hochreiter and Schmidhuber (1997), *Neural Computation* 9:1735, with
    the forget gate of Gers, Schmidhuber and Cummins (2000); in this notation as
    PyTorch documents ``nn.LSTM``, with one bias for each gate.
    """

    activation: Function = tanh
    state: ClassVar = ("h", "c")

    @property
    def gates(self) -> Mapping[str, Function]:
        return {"i": sigmoid, "f": sigmoid, "g": self.activation, "o": sigmoid}

    @property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        shapes = {"W_x": ("n", "d"), "W_h": ("n", "n"), "b_": ("n",)}
        return {f"{kind}{gate}": shape for gate in self.gates for kind, shape in shapes.items()}

    def step(self, let: Let, p: Parameters, x: Formula, *state: Var) -> tuple[Var, ...]:
        h, c = state
        i = let("i", sigmoid(let("a_i", p.W_xi @ x + p.W_hi @ h + p.b_i)))
        f = let("f", sigmoid(let("a_f", p.W_xf @ x + p.W_hf @ h + p.b_f)))
        g = let("g", self.activation(let("a_g", p.W_xg @ x + p.W_hg @ h + p.b_g)))
        o = let("o", sigmoid(let("a_o", p.W_xo @ x + p.W_ho @ h + p.b_o)))
        c = let("c", f * c + i * g)
        return (let("h", o * self.activation(c)), c)
