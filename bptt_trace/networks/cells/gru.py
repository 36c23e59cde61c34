"""The gated recurrent unit: one gate mixes the old state with a candidate, one resets what the candidate sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.functions import Function, sigmoid
from bptt_trace.errors import ProblemError
from bptt_trace.networks.cells import Let, Parameters
from bptt_trace.networks.cells.gated import Gated


@dataclass(frozen=True)
class GRU(Gated):
    """h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_{t−1}, with gates r, z = σ(…) and the candidate n = φ(…)

    Source: Cho et al. (2014), arXiv:1406.1078, eqs. 5–8, with the reset gate before
    the matrix product; after it in PyTorch (``nn.GRU``) and Keras (``reset_after``).
    """

    keeps: str = "z"
    """The factor of the old state: ``z``, or ``1 - z`` (Chung et al. 2014, arXiv:1412.3555)."""
    reset: str = "after"
    """``after``: r ⊙ (W_hn h); ``before``: W_hn (r ⊙ h)."""
    state: ClassVar = ("h",)
    memory: ClassVar = "h"
    words: ClassVar[Mapping[str, str]] = {
        "r": say("reset gate"), "z": say("update gate"), "n": say("candidate"), "rh": say("reset state"),
        "a_hn": say("from the state"),
    }  # fmt: skip

    def __post_init__(self) -> None:
        if self.form == "concatenated" and self.reset == "after":
            raise ProblemError('with one matrix the reset stands before the product: reset = "before"', path="network.reset")

    @property
    def gates(self) -> Mapping[str, Function]:
        return {"r": sigmoid, "z": sigmoid, "n": self.activation}

    def step(self, let: Let, p: Parameters, x: Formula, *state: Var) -> tuple[Var, ...]:
        (h,) = state
        r, z = (let(gate, sigmoid(let(f"a_{gate}", self.net(p, gate, x, h)))) for gate in "rz")
        if self.reset == "before":
            a = let("a_n", self.net(p, "n", x, let("rh", r * h)))
        elif self.biases == 2:
            a = let("a_n", p.W_xn @ x + p.b_xn + r * let("a_hn", p.W_hn @ h + p.b_hn))
        else:
            a = let("a_n", p.W_xn @ x + r * let("a_hn", p.W_hn @ h) + p.b_n)
        n = let("n", self.activation(a))
        return (let("h", (1 - z) * n + z * h if self.keeps == "z" else (1 - z) * h + z * n),)
