"""Attention: scores, their softmax, and the context that they weigh.

In an encoder–decoder a state of the decoder is compared with every state of the
encoder; in self-attention each token of a sequence is compared with the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from bptt_trace.engine.formula import Apply, Beside, Const, Formula, Var, matrix_shape, stack
from bptt_trace.engine.functions import Function, identity, softmax, sqrt, tanh
from bptt_trace.networks.cells import Let, Parameters

WriteLine = Callable[[str, tuple[int, ...], Formula], Var]
"""Writes a line of this stem, at these places of the sequence."""


def weighed(line: WriteLine, scores: Formula, values: Sequence[Var]) -> Var:
    """The context Σ_j α_j v_j, with α = softmax(scores); a single value has the weight 1 for any score."""
    if len(values) == 1:
        line("score", (1,), scores)
        return line("context", (), line("alpha", (1,), Const(Fraction(1))) * values[0])
    alpha = line("alpha", (), softmax(line("score", (), scores)))
    return line("context", (), Beside(tuple(values)) @ alpha)


SHAPES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "dot": {"W_c": ("n", "m+n")},
    "general": {"W_a": ("n", "m"), "W_c": ("n", "m+n")},
    "additive": {"W_a": ("n", "n"), "U_a": ("n", "m"), "v_a": ("n",)},
}
"""The parameters of each kind of attention of a decoder."""


@dataclass(frozen=True)
class Attention:
    """The attention of a decoder with the state s to the states h̄_j of its encoder.

    ``dot``: score_j = sᵀ h̄_j; ``general``: score_j = sᵀ W_a h̄_j. Both with the new state, and what is read out is
    h̃ = tanh(W_c [context, s]). Source: Luong, Pham and Manning (2015), arXiv:1508.04025.

    ``additive``: score_j = v_aᵀ tanh(W_a s + U_a h̄_j) with the state of the step before; the context is an input of the
    new one. Source: Bahdanau, Cho and Bengio (2015), arXiv:1409.0473.
    """

    kind: str = "dot"

    @property
    def before(self) -> bool:
        """Whether the scores use the state of the step before, so that the context is an input."""
        return self.kind == "additive"

    @property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        """Shapes of the parameters, in ``n`` units of the decoder and ``m`` of the encoder."""
        return SHAPES[self.kind]

    def key(self, let: Let, p: Parameters, hidden: Var) -> Var:
        """The key of an encoder state, calculated once for all steps of the decoder."""
        match self.kind:
            case "general":
                return let("key", p.W_a @ hidden)
            case "additive":
                return let("key", p.U_a @ hidden)
        return hidden

    def context(self, line: WriteLine, p: Parameters, state: Var, keys: Sequence[Var], values: Sequence[Var]) -> Var:
        """The context of the decoder."""
        if not self.before:
            return weighed(line, Beside(tuple(keys)).T @ state, values)
        query = line("query", (), p.W_a @ state)
        return weighed(line, Beside(tuple(tanh(query + key) for key in keys)).T @ p.v_a, values)

    def attentional(self, line: WriteLine, p: Parameters, context: Var, state: Var) -> Var:
        """The input of the readout: the state if the context was an input, else h̃ = tanh(W_c [context, s])."""
        if self.before:
            return state
        return line("htilde", (), tanh(line("a_c", (), p.W_c @ stack(context, state))))


@dataclass(frozen=True)
class SelfAttention:
    """One head: q = W_q x, k = W_k x, v = W_v x; score_tj = q_tᵀ k_j / √n, α_t = softmax(score_t), context_t = Σ_j α_tj v_j.

    Source: Vaswani et al. (2017), *Attention Is All You Need*, arXiv:1706.03762.
    """

    activation: Function = identity
    mask: str = "causal"
    """``causal``: a token sees itself and those before it; ``none``: all of them."""
    scale: bool = True
    """Whether scores are divided by the root of the number of their terms."""
    residual: bool = False
    """Whether the token is added to its context: h_t = x_t + context_t."""
    parameters: ClassVar = {"W_q": ("n", "d"), "W_k": ("n", "d"), "W_v": ("n", "d")}
    state: ClassVar = ()
    memory: ClassVar = ""
    gates: ClassVar[Mapping[str, Function]] = {}
    words: ClassVar[Mapping[str, str]] = {}

    @property
    def prediction(self) -> str:
        """The stem of the quantity that is read out."""
        return "h" if self.residual else "context"

    def step(self, let: Let, p: Parameters, x: Formula, *state: Var) -> tuple[Var, ...]:
        """Key and value of one token."""
        del state
        return let("k", p.W_k @ x), let("v", p.W_v @ x)

    def query(self, let: Let, p: Parameters, x: Formula) -> Var:
        """The query of one token."""
        return let("q", p.W_q @ x)

    def seen(self, time: int, steps: int) -> range:
        """The places that a token sees."""
        return range(1, 1 + (time if self.mask == "causal" else steps))

    def attend(self, line: WriteLine, x: Formula, query: Var, keys: Sequence[Var], values: Sequence[Var]) -> Var:
        """The context of one token, from the tokens that it sees."""
        units = matrix_shape(query)[0]
        scores = Beside(tuple(keys)).T @ query if len(keys) > 1 else query.T @ keys[0]
        context = weighed(line, scores / Apply(sqrt, Const(Fraction(units))) if self.scale and units > 1 else scores, values)
        return line("h", (), x + context) if self.residual else context
