"""sLSTM, the scalar memory cell of xLSTM: exponential gates, and a normaliser that sums them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import Formula, Var, larger
from bptt_trace.engine.functions import Function, exp, sigmoid, softplus
from bptt_trace.networks.cells import Let, Parameters
from bptt_trace.networks.cells.gated import Gated


@dataclass(frozen=True)
class SLSTM(Gated):
    """h_t = o_t ⊙ c_t / n_t with c_t = f_t ⊙ c_{t−1} + i_t ⊙ z_t and n_t = f_t ⊙ n_{t−1} + i_t

    Source: Beck et al. (2024), *xLSTM: Extended Long Short-Term Memory*,
    arXiv:2405.04517, eqs. 8–17. With the stabiliser m, i and f are the paper's
    i′ and f′ (eqs. 16 and 17); h is the same with and without it.
    """

    forget: str = "exp"
    """The activation of the forget gate: ``exp`` or ``sigmoid``; the input gate always has exp."""
    stabiliser: bool = True
    memory: ClassVar = "c"
    words: ClassVar[Mapping[str, str]] = {
        "i": say("input gate"), "f": say("forget gate"), "z": say("cell input"), "o": say("output gate"), "c": say("cell"),
        "n": say("normaliser"), "m": say("stabiliser"), "l": say("log of forget gate"),
    }  # fmt: skip

    @property
    def state(self) -> tuple[str, ...]:
        return ("h", "c", "n", "m") if self.stabiliser else ("h", "c", "n")

    @property
    def gates(self) -> Mapping[str, Function]:
        return {"i": exp, "f": exp if self.forget == "exp" or self.stabiliser else sigmoid, "z": self.activation, "o": sigmoid}

    def step(self, let: Let, p: Parameters, x: Formula, *state: Var) -> tuple[Var, ...]:
        h, c, n, *stabiliser = state
        a: dict[str, Formula] = {gate: let(f"a_{gate}", self.net(p, gate, x, h)) for gate in self.gates}
        above_i, above_f, m = a["i"], a["f"], None
        if stabiliser:
            # ln σ(a) = −softplus(−a), which does not overflow and has the slope σ(−a).
            log_f = above_f if self.forget == "exp" else let("l", -softplus(-above_f))
            m = let("m", larger(log_f + stabiliser[0], above_i))
            above_i, above_f = above_i - m, log_f + stabiliser[0] - m
        i, f = let("i", exp(above_i)), let("f", self.gates["f"](above_f))
        z, o = let("z", self.activation(a["z"])), let("o", sigmoid(a["o"]))
        c, n = let("c", f * c + i * z), let("n", f * n + i)
        return (let("h", o * c / n), c, n, *((m,) if m else ()))
