"""An output layer that a problem file defines by its equations: every equation is a line, the last one gives y."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bptt_trace.engine.expressions import refusal
from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.functions import Function, identity
from bptt_trace.errors import ProblemError
from bptt_trace.networks.cells import Let, Parameters
from bptt_trace.networks.cells.equations import Equations

SIZES = {"n": "k", "d": "n"}
"""The units and the inputs of a line of an output layer."""


@dataclass(frozen=True)
class ReadoutEquations:
    """``z_t = W_hy h_t + b_y`` and ``y_t = sigmoid(z_t)``, or whatever the file says.

    Raises ``ProblemError`` where the last line does not make y, or where it is a function of more than a line.
    """

    equations: Equations
    exponentials: ClassVar = False

    def __post_init__(self) -> None:
        line = self.equations.lines[-1]
        place = f"cell.readout[{len(self.equations.lines)}]"
        if line.stem != "y":
            raise ProblemError(f"the last line of the readout makes y_t, the output, and this one {line.stem}_t", path=place)
        calls = list(line.formula.calls())
        if calls and not (line.function and line.formula.parts[0].kind == "name"):
            message = "the output is a function of one line, as in z_t = W_hy h_t + b_y and y_t = sigmoid(z_t)"
            error = refusal(line.source, message, calls[0].place)
            error.path = place
            raise error

    @property
    def activation(self) -> Function:
        """The activation of the output."""
        line = self.equations.lines[-1]
        return self.equations.functions[line.function] if line.function else identity

    @property
    def logits(self) -> str:
        """The stem of its argument."""
        line = self.equations.lines[-1]
        return line.formula.parts[0].text if line.function else "z"

    def word(self, stem: str) -> str:
        """The words for a line before the output; empty where its role says it."""
        return next((line.function for line in self.equations.lines[:-1] if line.stem == stem), "")

    @cached_property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        """Shapes of the parameters, in ``k`` (outputs) and ``n`` (hidden units)."""
        return {stem: tuple(SIZES.get(size, size) for size in sizes) for stem, sizes in self.equations.parameters.items()}

    def step(self, let: Let, p: Parameters, h: Formula) -> Var:
        """Write the lines; return the output."""
        return self.equations.last(let, p, h)
