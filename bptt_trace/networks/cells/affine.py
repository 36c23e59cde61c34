"""The argument of the activation of a recurrent layer or a gate, W x + W h + b, in each of its forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bptt_trace.engine.formula import ABSENT, Formula, stack
from bptt_trace.errors import ProblemError
from bptt_trace.networks.cells import Parameters


@dataclass(frozen=True)
class Affine:
    """The weighted sum of input, state and bias for a part: ``h``, or a gate such as ``i``."""

    form: str
    """``separate``: W_x· x + W_h· h; ``concatenated``: one matrix W_· that multiplies [h, x]."""
    biases: int
    """1, or 2 for a bias beside each matrix."""

    def __post_init__(self) -> None:
        if self.form == "concatenated" and self.biases == 2:
            raise ProblemError("with one matrix there is one bias", path="network.biases")

    def parameters(self, *parts: str) -> dict[str, tuple[str, ...]]:
        """The shapes of the weights and biases of these parts, by stem."""
        return {stem: shape for part in parts for stem, shape in self._of(part).items()}

    def _of(self, part: str) -> Mapping[str, tuple[str, ...]]:
        if self.form == "concatenated":
            return {f"W_{part}": ("n", "n+d"), f"b_{part}": ("n",)}
        if self.biases == 2:
            return {f"W_x{part}": ("n", "d"), f"b_x{part}": ("n",), f"W_h{part}": ("n", "n"), f"b_h{part}": ("n",)}
        return {f"W_x{part}": ("n", "d"), f"W_h{part}": ("n", "n"), f"b_{part}": ("n",)}

    def __call__(self, p: Parameters, part: str, x: Formula, h: Formula, also: Formula = ABSENT) -> Formula:
        """The weighted sum, with the further term ``also`` before the bias."""
        if self.form == "concatenated":
            return p[f"W_{part}"] @ stack(h, x) + also + p[f"b_{part}"]
        if self.biases == 2:
            return p[f"W_x{part}"] @ x + p[f"b_x{part}"] + p[f"W_h{part}"] @ h + p[f"b_h{part}"] + also
        return p[f"W_x{part}"] @ x + p[f"W_h{part}"] @ h + also + p[f"b_{part}"]
