"""Long short-term memory: gates keep, write and read the cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import ABSENT, Formula, Var
from bptt_trace.engine.functions import Function, sigmoid
from bptt_trace.networks.cells import Let, Parameters
from bptt_trace.networks.cells.gated import Gated


@dataclass(frozen=True)
class LSTM(Gated):
    """c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t and h_t = o_t ⊙ φ(c_t), with gates i, f, o = σ(…) and the candidate g = φ(…)

    Source: Hochreiter and Schmidhuber (1997), *Neural Computation* 9:1735, with
    the forget gate of Gers, Schmidhuber and Cummins (2000) and the peepholes of
    Gers and Schmidhuber (2000); in the notation of PyTorch's ``nn.LSTM``.
    """

    peepholes: bool = False
    """Whether the gates see the cell: i and f see c_{t−1}, o sees c_t."""
    gate_order: str = "ifgo"
    state: ClassVar = ("h", "c")
    memory: ClassVar = "c"
    words: ClassVar[Mapping[str, str]] = {
        "i": say("input gate"), "f": say("forget gate"), "g": say("candidate"), "o": say("output gate"), "c": say("cell"),
    }  # fmt: skip

    @property
    def gates(self) -> Mapping[str, Function]:
        return {gate: self.activation if gate == "g" else sigmoid for gate in self.gate_order}

    @property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        looks = {f"W_c{gate}": ("n",) for gate in self.gate_order if self.peepholes and gate != "g"}
        return {**super().parameters, **looks}

    def step(self, let: Let, p: Parameters, x: Formula, *state: Var) -> tuple[Var, ...]:
        h, c = state

        def gate(name: str, seen: Var) -> Var:
            look = p[f"W_c{name}"] * seen if self.peepholes and name != "g" else ABSENT
            return let(name, self.gates[name](let(f"a_{name}", self.net(p, name, x, h, look))))

        value = {name: gate(name, c) for name in self.gate_order if not (self.peepholes and name == "o")}
        c = let("c", value["f"] * c + value["i"] * value["g"])
        o = gate("o", c) if self.peepholes else value["o"]
        return (let("h", o * self.activation(c)), c)
