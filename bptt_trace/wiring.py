"""How cells are put together: the forward pass over time.

A cell and its readout are recorded once as a tape, which is replayed at every
time step with the same parameters: that is all that "shared" means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bptt_trace.cells import Cell, Let, Parameters
from bptt_trace.cells.readout import Readout
from bptt_trace.formula import ABSENT, Formula, Shape, Var, shape_of
from bptt_trace.functions import Function
from bptt_trace.program import Builder, Role
from bptt_trace.rules import Tape, record

ROLES = {"a": Role.PREACTIVATION, "z": Role.PREACTIVATION, "h": Role.HIDDEN, "y": Role.OUTPUT}
"""What the lines of cells are, by stem."""


@dataclass(frozen=True)
class Network:
    """A cell, its readout, and their sizes."""

    cell: Cell
    readout: Readout | None
    """None where the hidden value is itself the prediction."""
    inputs: int = 1
    """How many numbers one input has; 0 for a network without inputs."""
    hidden: int = 1
    outputs: int = 1
    steps: int | None = None
    """How many time steps; None for a feedforward network, which knows no time."""
    every: bool = True
    """Whether there is a prediction at every time step or only at the last."""
    bias: bool = True
    shared: frozenset[str] = frozenset()
    """Biases of which a layer of several units has only one."""

    def shapes(self) -> dict[str, Shape]:
        """The parameters that the network has, in the order of its equations."""
        sizes = {"n": self.hidden, "d": self.inputs, "k": self.outputs}
        declared = dict(self.cell.parameters) | dict(self.readout.parameters if self.readout else {})
        return {
            stem: () if stem in self.shared else shape_of(*(sizes[size] for size in dimensions))
            for stem, dimensions in declared.items()
            if (self.bias or not stem.startswith("b_")) and not ("d" in dimensions and self.inputs == 0)
        }

    @property
    def activation(self) -> Function:
        """The hidden activation."""
        return self.cell.activation

    @property
    def times(self) -> Sequence[int | None]:
        """1 … T, or None alone where there is no time."""
        return [None] if self.steps is None else range(1, self.steps + 1)


def written(stem: str, shape: Shape) -> str:
    """The stem of a parameter of this shape: capital letters are for vectors' and matrices' weights.

    >>> written("W_hh", ()), written("W_hh", (2, 2)), written("b_h", (2,))
    ('w_hh', 'W_hh', 'b_h')
    """
    return stem if shape else stem.lower()


def forward(
    builder: Builder,
    network: Network,
    parameters: Mapping[str, Var],
    inputs: Sequence[Var],
    state: Sequence[Var],
    iteration: int = 1,
) -> list[Var]:
    """Write the forward pass; return the predictions, one or one for each time step.

    ``parameters`` are those of ``network.shapes()``; ``inputs`` has one column
    of d numbers for each step, or is empty; ``state`` is the initial state.
    """
    carried = [variable.number for variable in state]
    shared = [variable.number for variable in parameters.values()]
    shapes = [*(p.shape for p in parameters.values()), *(x.shape for x in inputs[:1]), *(s.shape for s in state)]
    cell_only, whole = (_tape(network, list(parameters), shapes, readout) for readout in (False, True))
    predictions: list[Var] = []
    for place, time in enumerate(network.times):
        predicts = network.every or time == network.steps
        tape = whole if predicts else cell_only
        sources = [*shared, *(x.number for x in inputs[place : place + 1]), *carried]
        *carried, prediction = builder.replay(tape, sources, time, iteration, ROLES)
        if predicts:
            predictions.append(Var(prediction, builder.steps[prediction].shape))
    return predictions


def _tape(network: Network, stems: list[str], shapes: list[Shape], readout: bool) -> Tape:
    """One time step of the cell, with or without its readout: the new state, then the prediction."""

    def run(let: Let, slots: list[Var]) -> list[Var]:
        known: dict[str, Formula] = dict.fromkeys((*network.cell.parameters, *Readout.parameters), ABSENT)
        p = Parameters(known | dict(zip(stems, slots, strict=False)))
        others = slots[len(stems) :]
        x = others.pop(0) if network.inputs else ABSENT
        hidden = network.cell.step(let, p, x, *others)
        kept = hidden[: len(network.cell.state)]
        prediction = network.readout.step(let, p, hidden[0]) if readout and network.readout else hidden[0]
        return [*kept, prediction]

    return record(shapes, run)
