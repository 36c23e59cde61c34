"""How cells are put together: the forward pass over layers, directions, time and samples.

The layers that are stepped through together are recorded once as a tape, which
is replayed at every time step of every sample with the same parameters: that is
all that "shared" means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bptt_trace.engine.formula import ABSENT, Formula, Function, Shape, Var, identity, shape_of, stack
from bptt_trace.engine.names import BACKWARD, DECODER, ENCODER, FORWARD, Layer, Name, Role
from bptt_trace.engine.program import Builder, Moment
from bptt_trace.engine.rules import Recorder, Tape, record
from bptt_trace.networks.cells import Cell, Let, Parameters
from bptt_trace.networks.cells.readout import Readout


class _Roles(dict[str, Role]):
    """What the lines of a pass are, by stem; what a cell names itself is a hidden value."""

    def __missing__(self, stem: str) -> Role:
        return Role.PREACTIVATION if stem.startswith("a_") else Role.HIDDEN


OF_CELL = _Roles(a=Role.PREACTIVATION)
OF_READOUT = _Roles(z=Role.PREACTIVATION, e=Role.PREACTIVATION, s=Role.PREACTIVATION, y=Role.OUTPUT)


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
    """How many time steps (of the decoder, where there is one); None for a feedforward network, which knows no time."""
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
    layers: tuple[Layer, ...] = (None,)
    """What layers are called in names: their number, ``fwd`` and ``bwd``, ``enc`` and ``dec``; a single layer has no name."""
    feedback: str = ""
    """What of the step before is an input: ``output`` or ``target`` (teacher forcing); nothing where empty."""
    source_steps: int | None = None
    """How many time steps an encoder reads; None where there is no encoder."""
    input_gradients: bool = False
    """Whether the gradients of inputs and initial states are wanted too."""

    def cell_of(self, layer: Layer) -> Cell:
        """The cell of a layer, by its name; the first where a quantity belongs to no layer."""
        return self.cells[self.layers.index(layer) if layer in self.layers else 0]

    @property
    def bidirectional(self) -> bool:
        """Whether each layer reads the sequence in both directions."""
        return any(str(layer).startswith(FORWARD) for layer in self.layers)

    @property
    def groups(self) -> list[list[int]]:
        """Places of the layers that work side by side: two directions, else one layer after the other."""
        width = 2 if self.bidirectional else 1
        return [list(range(start, start + width)) for start in range(0, len(self.layers), width)]

    @cached_property
    def below(self) -> tuple[int, ...]:
        """How many numbers each layer is given: those of the input, or of the layers below."""
        fed = self.outputs if self.feedback and not self.first_only else 0
        found: list[int] = []
        width = self.inputs + (0 if self.source_steps else fed)
        for group in self.groups:
            if self.source_steps and group[0] == len(self.layers) // 2:
                width = fed
            found += [width] * len(group)
            width = sum(self.hidden[place] for place in group)
        return tuple(found)

    @property
    def seen(self) -> int:
        """How many numbers the readout is given."""
        return sum(self.hidden[place] for place in self.groups[-1])

    def declared(self) -> dict[Name, tuple[int, ...]]:
        """Dimensions of all parameters by name, in the order of the equations, those that are not there left out."""
        found: dict[Name, tuple[int, ...]] = {}
        for layer, cell, units, below in zip(self.layers, self.cells, self.hidden, self.below, strict=True):
            found |= self._of_part(cell.parameters, layer, {"n": units, "d": below, "n+d": units + below})
        if self.readout:
            found |= self._of_part(self.readout.parameters, None, {"n": self.seen, "k": self.outputs})
        return found

    def _of_part(
        self, parameters: Mapping[str, tuple[str, ...]], layer: Layer, sizes: Mapping[str, int]
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
    def reading(self) -> Sequence[int | None]:
        """The times at which there is an input x."""
        if self.source_steps:
            return range(1, self.source_steps + 1)
        return [time for time in self.times if self.inputs and not (self.first_only and time != 1)]

    @property
    def predicting(self) -> Sequence[int | None]:
        """The times at which there is a prediction."""
        return [time for time in self.times if self.predicts(time)]

    @property
    def numbers(self) -> Sequence[int | None]:
        """1 … N for a batch, or None alone where there is none."""
        return [None] if self.samples is None else range(1, self.samples + 1)

    def predicts(self, time: int | None) -> bool:
        """Whether there is a prediction at this time."""
        return self.every or time == self.steps

    @property
    def single(self) -> bool:
        """Whether there is one prediction only, and not one for each of the time steps."""
        return self.steps is None or (not self.every and self.steps > 1)

    @property
    def activation(self) -> Function:
        """The activation of the last hidden layer."""
        return self.cells[-1].activation

    @property
    def output_activation(self) -> Function:
        """What a prediction comes out of; without readout that of the hidden value, where nothing follows it."""
        if self.readout:
            return self.readout.activation
        return identity if self.bidirectional or self.cells[-1].gates else self.activation

    def prediction(self, time: int | None) -> Name:
        """What the prediction at a time is called: without readout it is the hidden value, or that of both directions."""
        return Name("y", time=time) if self.readout or self.bidirectional else Name("h", self.layers[-1], time)

    @property
    def state(self) -> list[tuple[Name, int]]:
        """What comes with the problem before the first step: its name, and its size.

        What reads backward in time starts behind the last step; a decoder starts from what its encoder ends with.
        """
        found = [
            (Name(stem, layer, (self.steps or 0) + 1 if str(layer).startswith(BACKWARD) else 0), units)
            for layer, cell, units in zip(self.layers, self.cells, self.hidden, strict=True)
            for stem in cell.state
            if not str(layer).startswith(DECODER)
        ]
        return found + ([(Name("y", time=0), self.outputs)] if self.feedback and not self.first_only else [])

    @cached_property
    def handed(self) -> dict[Name, int]:
        """The quantities whose gradients may be handed in, with their sizes: states, hidden values, outputs."""
        found = {
            Name(stem, layer, time): units
            for layer, cell, units in zip(self.layers, self.cells, self.hidden, strict=True)
            for stem in cell.state or ("h",)
            for time in (self.reading if str(layer).startswith(ENCODER) else self.times)
            if stem != "m"  # a stabiliser cancels
        }
        return found | ({Name("y", time=time): self.outputs for time in self.predicting} if self.readout else {})


def written(name: Name, shape: Shape) -> Name:
    """The name of a parameter of this shape: capital letters are for vectors' and matrices' weights.

    >>> str(written(Name("W_hh"), ())), str(written(Name("W_hh"), (2, 2))), str(written(Name("b_h"), (2,)))
    ('w_hh', 'W_hh', 'b_h')
    """
    return name if shape else name._replace(stem=name.stem.lower())


class Sample(NamedTuple):
    """What comes with one sample, as steps of the program."""

    inputs: Mapping[int | None, Var]
    """A column of d numbers for each time that reads one."""
    state: Sequence[Var]
    """What ``network.state`` names."""
    targets: Mapping[int | None, Var]
    number: int | None = None


Prediction = tuple[int | None, Var]


def forward(
    builder: Builder, network: Network, parameters: Sequence[Var], sample: Sample, iteration: int = 1
) -> list[Prediction]:
    """Write the forward pass of one sample; return the predictions with their times.

    ``parameters`` are those of ``network.shapes()``.
    """
    one = _Pass(builder, network, parameters, sample, iteration)
    if network.source_steps:
        return one.decode()
    return one.in_both_directions() if network.bidirectional else one.over_time()


class _Pass:
    """The forward pass of one sample."""

    def __init__(self, builder: Builder, network: Network, parameters: Sequence[Var], sample: Sample, iteration: int) -> None:
        self.builder, self.network, self.parameters, self.sample = builder, network, parameters, sample
        self.iteration = iteration
        self.tapes: dict[object, Tape] = {}

    def over_time(self) -> list[Prediction]:
        """All layers at the first step, then at the second."""
        places = range(len(self.network.layers))
        states = list(self.sample.state)
        return self._unrolled(places, states, states.pop() if self._starts_with_output else None)

    def in_both_directions(self) -> list[Prediction]:
        """A layer from the first step to the last and from the last to the first, then the layer above it."""
        network, states = self.network, list(self.sample.state)
        below: dict[int | None, list[Var]] = {time: [x] for time, x in self.sample.inputs.items()}
        for group in network.groups:
            above: dict[int | None, list[Var]] = {time: [] for time in network.times}
            for place in group:
                carried = [states.pop(0) for _ in network.cells[place].state]
                onward = not str(network.layers[place]).startswith(BACKWARD)
                for time in network.times if onward else reversed(network.times):
                    carried, hidden = self._step([place], time, below[time], carried, predicts=False)
                    above[time].append(hidden)
            below = above
        if not network.every:  # each direction has read everything where it ends
            below[network.steps] = [below[network.steps][0], below[1][1]]
        return [(time, self._step([], time, below[time], [], predicts=True)[1]) for time in network.predicting]

    def decode(self) -> list[Prediction]:
        """The encoder reads the whole sequence; the decoder starts from its last state."""
        half = len(self.network.layers) // 2
        states = list(self.sample.state)
        start = states.pop()
        for time in self.network.reading:
            states, _ = self._step(range(half), time, [self.sample.inputs[time]], states, predicts=False)
        return self._unrolled(range(half, 2 * half), states, start)

    @property
    def _starts_with_output(self) -> bool:
        return bool(self.network.feedback) and not self.network.first_only

    def _unrolled(self, places: Sequence[int], states: list[Var], fed: Var | None) -> list[Prediction]:
        """These layers over time; ``fed`` is what is fed back at the first step."""
        network, sample = self.network, self.sample
        predictions: list[Prediction] = []
        for time in network.times:
            x = [] if network.source_steps or time not in sample.inputs else [sample.inputs[time]]
            predicts = network.predicts(time)
            states, value = self._step(places, time, [*x, *([fed] if fed else [])], states, predicts=predicts)
            if predicts:
                predictions.append((time, value))
            if network.feedback:
                fed = value if network.feedback == "output" else sample.targets[time]
        return predictions

    def _step(
        self, places: Sequence[int], time: int | None, inputs: list[Var], states: list[Var], *, predicts: bool
    ) -> tuple[list[Var], Var]:
        """One time step of these layers: their new state, and the prediction (without readout, the hidden value)."""
        slots = [*self.parameters, *inputs, *states]
        key = (tuple(places), len(inputs), predicts)
        if key not in self.tapes:
            self.tapes[key] = _tape(self.network, places, [one.shape for one in slots], len(inputs), predicts=predicts)
        tape = self.tapes[key]
        moment = Moment(time, self.sample.number, self.iteration)
        results = self.builder.replay(tape, [one.number for one in slots], moment)
        *kept, value = (Var(one, self.builder.steps[one].shape) for one in results)
        return kept, value


def _tape(network: Network, places: Sequence[int], shapes: list[Shape], inputs: int, *, predicts: bool) -> Tape:
    """One time step of these layers, with or without input and readout: the new state, then the prediction."""
    names = list(network.shapes())

    def run(record_line: Recorder, slots: list[Var]) -> list[Var]:
        given = dict(zip(names, slots, strict=False))
        others = slots[len(names) :]
        value: Formula = stack(*others[:inputs]) if inputs else ABSENT
        states = iter(others[inputs:])
        kept: list[Var] = []
        for place in places:
            layer, cell = network.layers[place], network.cells[place]
            state = [next(states) for _ in cell.state]
            new = cell.step(_writing(record_line, layer, OF_CELL), _of(given, layer, cell.parameters), value, *state)
            kept += new[: len(cell.state)]
            value = new[0]
        if predicts and network.readout:
            own = _of(given, None, network.readout.parameters)
            return [*kept, network.readout.step(_writing(record_line, None, OF_READOUT), own, value)]
        if not isinstance(value, Var):  # without readout, both directions together are the prediction
            value = _writing(record_line, None, OF_READOUT)("y", value)
        return [*kept, value]

    return record(shapes, run)


def _writing(record_line: Recorder, layer: Layer, roles: Mapping[str, Role]) -> Let:
    """What a cell writes its lines with: it does not know its layer."""
    return lambda stem, formula: record_line(stem, layer, roles[stem], formula)


def _of(given: Mapping[Name, Var], layer: Layer, stems: Mapping[str, tuple[str, ...]]) -> Parameters:
    """The parameters of one cell; those that are not there vanish from its equations."""
    return Parameters({stem: given.get(Name(stem, layer), ABSENT) for stem in stems})
