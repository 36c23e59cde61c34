"""How cells are put together: the forward pass over layers, time and samples.

All layers and the readout are recorded once as a tape, which is replayed at
every time step of every sample with the same parameters: that is all that
"shared" means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bptt_trace.cells import Cell, Let, Parameters
from bptt_trace.cells.readout import Readout
from bptt_trace.formula import ABSENT, Formula, Shape, Var, shape_of
from bptt_trace.functions import Function
from bptt_trace.names import Name
from bptt_trace.program import Builder, Moment, Role
from bptt_trace.rules import Recorder, Tape, record

ROLES = {
    "a": Role.PREACTIVATION,
    "z": Role.PREACTIVATION,
    "e": Role.PREACTIVATION,
    "s": Role.PREACTIVATION,
    "h": Role.HIDDEN,
    "a_i": Role.PREACTIVATION,
    "a_f": Role.PREACTIVATION,
    "a_g": Role.PREACTIVATION,
    "a_o": Role.PREACTIVATION,
    "i": Role.HIDDEN,
    "f": Role.HIDDEN,
    "g": Role.HIDDEN,
    "o": Role.HIDDEN,
    "c": Role.HIDDEN,
    "y": Role.OUTPUT,
}
"""What the lines of cells are, by stem."""


@dataclass(frozen=True)
class Network:
    """Cells in layers, their readout, and their sizes."""

    cells: tuple[Cell, ...]
    """One for each layer, from the input on."""
    readout: Readout | None
    """None where the hidden value is itself the prediction."""
    inputs: int = 1
    """How many numbers one input has; 0 for a network without inputs."""
    hidden: tuple[int, ...] = (1,)
    """Units of each layer."""
    outputs: int = 1
    steps: int | None = None
    """How many time steps; None for a feedforward network, which knows no time."""
    every: bool = True
    """Whether there is a prediction at every time step or only at the last."""
    first_only: bool = False
    """Whether there is an input at the first time step only (one-to-many)."""
    samples: int | None = None
    """How many samples a batch has; None where there is no batch."""
    bias: bool = True
    shared: frozenset[Name] = frozenset()
    """Biases of which a layer of several units has only one."""
    rows: bool = False
    """Whether vectors are rows (``x W``): matrices are then read and shown transposed."""

    @cached_property
    def layers(self) -> tuple[int | None, ...]:
        """The numbers of the layers in names; a single layer has none."""
        return (None,) if len(self.cells) == 1 else tuple(range(1, len(self.cells) + 1))

    def cell_of(self, layer: int | None) -> Cell:
        """The cell of a layer, by the number in a name."""
        return self.cells[(layer or 1) - 1]

    def declared(self) -> dict[Name, tuple[int, ...]]:
        """Dimensions of all parameters by name, in the order of the equations, those that are not there left out."""
        found: dict[Name, tuple[int, ...]] = {}
        below = self.inputs
        for layer, cell, units in zip(self.layers, self.cells, self.hidden, strict=True):
            found |= self._of_part(cell.parameters, layer, {"n": units, "d": below, "n+d": units + below})
            below = units
        if self.readout:
            found |= self._of_part(self.readout.parameters, None, {"n": below, "k": self.outputs})
        return found

    def _of_part(
        self, parameters: Mapping[str, tuple[str, ...]], layer: int | None, sizes: Mapping[str, int]
    ) -> dict[Name, tuple[int, ...]]:
        return {
            Name(stem, layer): tuple(sizes[size] for size in dimensions)
            for stem, dimensions in parameters.items()
            if (self.bias or not stem.startswith("b_")) and 0 not in (sizes[size] for size in dimensions)
        }

    def parameters(self) -> dict[Name, Shape]:
        """The parameters that the network has, in the order of its equations; names as they are written."""
        return {written(name, shape): shape for name, shape in self.shapes().items()}

    def shapes(self) -> dict[Name, Shape]:
        """The shapes of the parameters, under the stems of their cells' equations."""
        return {name: () if name in self.shared else shape_of(*dimensions) for name, dimensions in self.declared().items()}

    @property
    def inner(self) -> list[Name]:
        """The parameters of the hidden layers, as they are written."""
        readout = self.readout.parameters if self.readout else {}
        return [written(name, shape) for name, shape in self.shapes().items() if name.stem not in readout]

    @property
    def times(self) -> Sequence[int | None]:
        """1 … T, or None alone where there is no time."""
        return [None] if self.steps is None else range(1, self.steps + 1)

    @property
    def numbers(self) -> Sequence[int | None]:
        """1 … N for a batch, or None alone where there is none."""
        return [None] if self.samples is None else range(1, self.samples + 1)

    def predicts(self, time: int | None) -> bool:
        """Whether there is a prediction at this time."""
        return self.every or time == self.steps

    def reads(self, time: int | None) -> bool:
        """Whether there is an input at this time."""
        return bool(self.inputs) and not (self.first_only and time != 1)

    @property
    def single(self) -> bool:
        """Whether there is one prediction only, and not one for each of the time steps."""
        return self.steps is None or (not self.every and self.steps > 1)

    @property
    def activation(self) -> Function:
        """The activation of the last hidden layer."""
        return self.cells[-1].activation

    @property
    def state(self) -> list[tuple[Name, int]]:
        """What is carried from one time step to the next: its name at time 0, and its size."""
        return [
            (Name(stem, layer, 0), units)
            for layer, cell, units in zip(self.layers, self.cells, self.hidden, strict=True)
            for stem in cell.state
        ]


def written(name: Name, shape: Shape) -> Name:
    """The name of a parameter of this shape: capital letters are for vectors' and matrices' weights.

    >>> str(written(Name("W_hh"), ())), str(written(Name("W_hh"), (2, 2))), str(written(Name("b_h"), (2,)))
    ('w_hh', 'W_hh', 'b_h')
    """
    return name if shape else name._replace(stem=name.stem.lower())


def forward(
    builder: Builder,
    network: Network,
    parameters: Sequence[Var],
    inputs: Mapping[int | None, Var],
    state: Sequence[Var],
    sample: int | None = None,
    iteration: int = 1,
) -> list[tuple[int | None, Var]]:
    """Write the forward pass of one sample; return the predictions with their times.

    ``parameters`` are those of ``network.shapes()``; ``inputs`` has a column of
    d numbers for each time that reads one; ``state`` is the initial state.
    """
    carried = [variable.number for variable in state]
    shared = [variable.number for variable in parameters]
    tapes: dict[tuple[bool, bool], Tape] = {}
    predictions: list[tuple[int | None, Var]] = []
    for time in network.times:
        reads, predicts = network.reads(time), network.predicts(time)
        x = [inputs[time]] if reads else []
        if (reads, predicts) not in tapes:
            shapes = [one.shape for one in (*parameters, *x, *state)]
            tapes[reads, predicts] = _tape(network, shapes, reads=reads, predicts=predicts)
        sources = [*shared, *(one.number for one in x), *carried]
        *carried, prediction = builder.replay(tapes[reads, predicts], sources, Moment(time, sample, iteration), ROLES)
        if predicts:
            predictions.append((time, Var(prediction, builder.steps[prediction].shape)))
    return predictions


def _tape(network: Network, shapes: list[Shape], *, reads: bool, predicts: bool) -> Tape:
    """One time step of all layers, with or without input and readout: the new state, then the prediction."""
    names = list(network.shapes())

    def run(record_line: Recorder, slots: list[Var]) -> list[Var]:
        given = dict(zip(names, slots, strict=False))
        others = slots[len(names) :]
        value: Formula = others.pop(0) if reads else ABSENT
        kept: list[Var] = []
        for layer, cell in zip(network.layers, network.cells, strict=True):
            state = [others.pop(0) for _ in cell.state]
            new = cell.step(_writing(record_line, layer), _of(given, layer, cell.parameters), value, *state)
            kept += new[: len(cell.state)]
            value = hidden = new[0]
        if predicts and network.readout:
            own = _of(given, None, network.readout.parameters)
            return [*kept, network.readout.step(_writing(record_line, None), own, hidden)]
        return [*kept, hidden]

    return record(shapes, run)


def _writing(record_line: Recorder, layer: int | None) -> Let:
    """What a cell writes its lines with: it does not know its layer."""
    return lambda stem, formula: record_line(stem, layer, formula)


def _of(given: Mapping[Name, Var], layer: int | None, stems: Mapping[str, tuple[str, ...]]) -> Parameters:
    """The parameters of one cell; those that are not there vanish from its equations."""
    return Parameters({stem: given.get(Name(stem, layer), ABSENT) for stem in stems})
