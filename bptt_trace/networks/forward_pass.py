"""The forward pass of a network: cells over layers, directions, time and samples.

The layers that take a time step together are recorded once as a tape. It is
replayed at every time step of every sample with the same parameters: these
are the "shared" parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from bptt_trace.engine.formula import ABSENT, Const, Formula, OneHot, Shape, Var, product, shape_of, stack
from bptt_trace.engine.functions import Function, identity
from bptt_trace.engine.names import BACKWARD, DECODER, ENCODER, FORWARD, Layer, Name, Role, layer_word
from bptt_trace.engine.program import Builder, Moment
from bptt_trace.engine.rules import Recorder, Tape, record
from bptt_trace.networks.attention import Attention, SelfAttention, WriteLine
from bptt_trace.networks.cells import Cell, Let, Parameters
from bptt_trace.networks.cells.readout import Readout
from bptt_trace.networks.cells.readout_equations import ReadoutEquations


class _OutputRoles(dict[str, Role]):
    """The roles of the lines of an output layer; a line that is not listed comes before the output."""

    def __missing__(self, stem: str) -> Role:
        return Role.PREACTIVATION


class _Roles(dict[str, Role]):
    """The roles of the lines of a pass, by stem; a stem that is not listed is a hidden value."""

    def __missing__(self, stem: str) -> Role:
        return Role.PREACTIVATION if stem.startswith("a_") else Role.HIDDEN


OF_CELL = _Roles(a=Role.PREACTIVATION, score=Role.PREACTIVATION)
OF_READOUT = _OutputRoles(y=Role.OUTPUT)


@dataclass(frozen=True)
class Letters:
    """A text that is read letter by letter, each as a one-hot column."""

    vocabulary: tuple[str, ...]
    text: tuple[int, ...]
    """The place of each letter in the vocabulary, counted from 0."""

    def letter(self, index: int) -> str:
        """The printed form of a letter, by its place."""
        return SPACES.get(self.vocabulary[index], self.vocabulary[index])


SPACES = {" ": "space", "\n": "newline", "\t": "tab"}
"""Invisible letters, in words."""


@dataclass(frozen=True)
class Network:
    """Cells in layers, their readout, and their sizes."""

    cells: tuple[Cell, ...]
    """One for each layer, from the input on."""
    readout: Readout | ReadoutEquations | None
    """None if the hidden value is itself the prediction."""
    inputs: int = 1
    """The number of components of an input; 0 for a network without inputs."""
    hidden: tuple[int, ...] = (1,)
    """The number of units of each layer."""
    outputs: int = 1
    steps: int | None = None
    """The number of time steps (of the decoder, if there is one); None for a feedforward network."""
    every: bool = True
    """Whether there is a prediction at every time step or only at the last."""
    first_only: bool = False
    """Whether there is an input at the first time step only (one-to-many)."""
    samples: int | None = None
    """The number of samples of a batch; None without a batch."""
    bias: bool = True
    shared: frozenset[Name] = frozenset()
    """Biases that are one number for all units of a layer."""
    rows: bool = False
    """Whether vectors are rows (``x W``): matrices are then read and shown transposed."""
    layers: tuple[Layer, ...] = (None,)
    """The layers in names: a number, ``fwd`` and ``bwd``, ``enc`` and ``dec``; None for a single layer."""
    feedback: str = ""
    """The quantity of the step before that is an input: ``output``, ``target`` (teacher forcing), or empty for none."""
    source_steps: int | None = None
    """The number of time steps that an encoder reads; None without an encoder."""
    input_gradients: bool = False
    """Whether the gradients of inputs and initial states are wanted too."""
    dropout: Fraction | None = None
    """The share of the last hidden layer that is dropped before the output; None without dropout."""
    letters: Letters | None = None
    """The text whose letters are the inputs, where they are."""
    attention: Attention | None = None
    """The attention of a decoder to the states of its encoder, if it has any."""

    def cell_of(self, layer: Layer) -> Cell:
        """The cell of a layer, by its name; the first cell for a quantity without a layer."""
        return self.cells[self.layers.index(layer) if layer in self.layers else 0]

    @property
    def tokens(self) -> SelfAttention | None:
        """The head by which the tokens of a sequence look at each other, where there is one."""
        cell = self.cells[0] if self.cells else None
        return cell if isinstance(cell, SelfAttention) else None

    @property
    def recurrent(self) -> bool:
        """Whether something is carried from one time step to the next."""
        return self.steps is not None and self.tokens is None

    @property
    def bidirectional(self) -> bool:
        """Whether each layer reads the sequence in both directions."""
        return any(layer_word(layer) == FORWARD for layer in self.layers)

    @property
    def groups(self) -> list[list[int]]:
        """The indices of layers, grouped: the two directions of a layer together, other layers alone."""
        width = 2 if self.bidirectional else 1
        return [list(range(start, start + width)) for start in range(0, len(self.layers), width)]

    @cached_property
    def below(self) -> tuple[int, ...]:
        """The number of components that each layer reads: those of the input, or of the layers below."""
        fed = self.outputs if self.feedback and not self.first_only else 0
        widths: list[int] = []
        width = self.inputs + (0 if self.source_steps else fed)
        for group in self.groups:
            if self.source_steps and group[0] == len(self.layers) // 2:
                width = fed + (self.hidden[group[0] - 1] if self.attention and self.attention.before else 0)
            widths += [width] * len(group)
            width = sum(self.hidden[index] for index in group)
        return tuple(widths)

    @property
    def seen(self) -> int:
        """The number of components that the readout reads."""
        return sum(self.hidden[index] for index in self.groups[-1])

    def declared(self) -> dict[Name, tuple[int, ...]]:
        """The dimensions of all parameters by name, in the order of the equations, without absent parameters."""
        dimensions: dict[Name, tuple[int, ...]] = {}
        for layer, cell, units, below in zip(self.layers, self.cells, self.hidden, self.below, strict=True):
            dimensions |= self._of_part(cell.parameters, layer, {"n": units, "d": below, "1": 1})
        if self.attention:
            sizes = {"n": self.seen, "m": self.hidden[len(self.layers) // 2 - 1]}
            dimensions |= self._of_part(self.attention.parameters, None, sizes)
        if self.readout:
            dimensions |= self._of_part(self.readout.parameters, None, {"n": self.seen, "k": self.outputs})
        return dimensions

    def _of_part(
        self, parameters: Mapping[str, tuple[str, ...]], layer: Layer, sizes: Mapping[str, int]
    ) -> dict[Name, tuple[int, ...]]:
        dimensions_of = {
            Name(stem, layer): tuple(sum(sizes[part] for part in size.split("+")) for size in dimensions)
            for stem, dimensions in parameters.items()
            if self.bias or not Name(stem).is_bias
        }
        return {name: dimensions for name, dimensions in dimensions_of.items() if 0 not in dimensions}

    def parameters(self) -> dict[Name, Shape]:
        """The parameters of the network and their shapes, in the order of its equations, under their printed names."""
        return {written(name, shape): shape for name, shape in self.shapes().items()}

    def shapes(self) -> dict[Name, Shape]:
        """The shapes of the parameters, under the stems of their cells' equations."""
        return {name: () if name in self.shared else shape_of(*dimensions) for name, dimensions in self.declared().items()}

    @property
    def inner(self) -> list[Name]:
        """The parameters of the hidden layers, under their printed names."""
        readout = self.readout.parameters if self.readout else {}
        return [written(name, shape) for name, shape in self.shapes().items() if name.stem not in readout]

    @property
    def times(self) -> Sequence[int | None]:
        """1 … T; a single None for a feedforward network."""
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
        """1 … N for a batch; a single None without a batch."""
        return [None] if self.samples is None else range(1, self.samples + 1)

    def predicts(self, time: int | None) -> bool:
        """Whether there is a prediction at this time."""
        return self.every or time == self.steps

    @property
    def single(self) -> bool:
        """Whether there is a single prediction, not one for each time step."""
        return self.steps is None or (not self.every and self.steps > 1)

    @property
    def activation(self) -> Function:
        """The activation of the last hidden layer."""
        return self.cells[-1].activation

    @property
    def output_activation(self) -> Function:
        """The activation whose value is the prediction: that of the readout, or without one that of the last layer."""
        if self.readout:
            return self.readout.activation
        return identity if self.bidirectional or self.cells[-1].gates else self.activation

    def prediction(self, time: int | None) -> Name:
        """The name of the prediction at a time: y, or without readout the hidden value of the last layer."""
        if self.readout or self.bidirectional:
            return Name("y", time=time)
        return Name(self.tokens.prediction if self.tokens else "h", self.layers[-1], time)

    @property
    def state(self) -> list[tuple[Name, int]]:
        """The initial states that the problem gives: the name and the size of each.

        A layer that reads backward in time starts after the last step; a decoder
        starts from the last state of its encoder and has no initial state here.
        """
        initial = [
            (Name(stem, layer, (self.steps or 0) + 1 if layer_word(layer) == BACKWARD else 0), units)
            for layer, cell, units in zip(self.layers, self.cells, self.hidden, strict=True)
            for stem in cell.state
            if layer_word(layer) != DECODER
        ]
        return initial + ([(Name("y", time=0), self.outputs)] if self.feedback and not self.first_only else [])

    @cached_property
    def handed(self) -> dict[Name, int]:
        """The quantities whose gradients may be handed in, with their sizes: states, hidden values, outputs."""
        sizes = {
            Name(stem, layer, time): units
            for layer, cell, units in zip(self.layers, self.cells, self.hidden, strict=True)
            for stem in cell.state or ("h",)
            for time in (self.reading if layer_word(layer) == ENCODER else self.times)
            if stem != "m"  # a stabiliser cancels
        }
        return sizes | ({Name("y", time=time): self.outputs for time in self.predicting} if self.readout else {})


def written(name: Name, shape: Shape) -> Name:
    """The name of a parameter of this shape: single numbers have small letters.

    >>> str(written(Name("W_hh"), ())), str(written(Name("W_hh"), (2, 2))), str(written(Name("b_h"), (2,)))
    ('w_hh', 'W_hh', 'b_h')
    """
    return name if shape else name._replace(stem=name.stem.lower())


class Sample(NamedTuple):
    """The given quantities of one sample, as steps of the program."""

    inputs: Mapping[int | None, Var]
    """The input, a column of d numbers, at each time that has one."""
    state: Sequence[Var]
    """The initial states, in the order of ``network.state``."""
    targets: Mapping[int | None, Var]
    masks: Mapping[int | None, Var]
    """With dropout: 1 for kept units and 0 for dropped ones, at each time with a prediction."""
    number: int | None = None


Prediction = tuple[int | None, Var]


def forward(
    builder: Builder, network: Network, parameters: Sequence[Var], sample: Sample, iteration: int = 1
) -> list[Prediction]:
    """Write the forward pass of one sample; return the predictions with their times.

    ``parameters`` are in the order of ``network.shapes()``.
    """
    forward_pass = _Pass(builder, network, parameters, sample, iteration)
    if network.source_steps:
        return forward_pass.decode()
    if network.tokens:
        return forward_pass.attend(network.tokens)
    return forward_pass.in_both_directions() if network.bidirectional else forward_pass.over_time()


class _Pass:
    """The forward pass of one sample."""

    def __init__(self, builder: Builder, network: Network, parameters: Sequence[Var], sample: Sample, iteration: int) -> None:
        self.builder, self.network, self.parameters, self.sample = builder, network, parameters, sample
        self.iteration = iteration
        self.tapes: dict[object, Tape] = {}

    def over_time(self) -> list[Prediction]:
        """All layers at the first time step, then all at the second, and so on."""
        places = range(len(self.network.layers))
        states = list(self.sample.state)
        return self._unrolled(places, states, states.pop() if self._starts_with_output else None)

    def in_both_directions(self) -> list[Prediction]:
        """A layer in both directions over all time steps, then the layer above it."""
        network, states = self.network, list(self.sample.state)
        below: dict[int | None, list[Var]] = {time: [x] for time, x in self.sample.inputs.items()}
        for group in network.groups:
            above: dict[int | None, list[Var]] = {time: [] for time in network.times}
            for index in group:
                carried = [states.pop(0) for _ in network.cells[index].state]
                onward = layer_word(network.layers[index]) != BACKWARD
                for time in network.times if onward else reversed(network.times):
                    carried, hidden = self._step([index], time, below[time], carried, predicts=False)
                    above[time].append(hidden)
            below = above
        if not network.every:  # each direction has read the whole sequence at its end
            below[network.steps] = [below[network.steps][0], below[1][1]]
        return [(time, self._step([], time, below[time], [], predicts=True)[1]) for time in network.predicting]

    def decode(self) -> list[Prediction]:
        """The encoder reads the whole sequence; the decoder starts from its last state."""
        half = len(self.network.layers) // 2
        states, attention = list(self.sample.state), self.network.attention
        start = states.pop()
        seen: list[tuple[Var, Var]] = []  # key and state of each place
        for time in self.network.reading:
            states, hidden = self._step(range(half), time, [self.sample.inputs[time]], states, predicts=False)
            if attention:  # the key stands below the state that it is made of
                weights = _of(self._given, None, attention.parameters)
                seen.append((attention.key(self._let(len(seen) + 1, self.network.layers[half - 1]), weights, hidden), hidden))
        if attention:
            return self._looking_back(attention, states, start, seen)
        return self._unrolled(range(half, 2 * half), states, start)

    def attend(self, head: SelfAttention) -> list[Prediction]:
        """Query, key and value of every token, then what each token takes from those that it sees."""
        network, weights = self.network, _of(self._given, None, head.parameters)
        queries: dict[int | None, Var] = {}
        tokens: dict[int, tuple[Var, ...]] = {}
        for token_time in range(1, (network.steps or 0) + 1):
            let, x = self._let(token_time), self._read(token_time)
            if network.predicts(token_time):
                queries[token_time] = head.query(let, weights, x)
            tokens[token_time] = head.step(let, weights, x)
        predictions: list[Prediction] = []
        for time in network.predicting:
            seen = [tokens[token_time] for token_time in head.seen(time or 1, network.steps or 1)]
            keys, values = zip(*seen, strict=True)
            hidden = head.attend(self._line(time), self._read(time), queries[time], keys, values)
            predictions.append((time, self._step([], time, [hidden], [], predicts=True)[1]))
        return predictions

    def _looking_back(
        self, attention: Attention, states: list[Var], fed: Var, seen: Sequence[tuple[Var, Var]]
    ) -> list[Prediction]:
        """A decoder that looks at all states of its encoder at each step: ``seen`` has key and state of each place."""
        network, sample = self.network, self.sample
        indices = range(len(network.layers) // 2, len(network.layers))
        keys, values = zip(*seen, strict=True)
        weights = _of(self._given, None, attention.parameters)
        top = sum(len(network.cells[index].state) for index in indices[:-1])
        predictions: list[Prediction] = []
        for time in network.times:
            line, inputs = self._line(time), [fed]
            if attention.before:
                context = attention.context(line, weights, states[top], keys, values)
                inputs.append(context)
            states, hidden = self._step(indices, time, inputs, states, predicts=False)
            if not attention.before:
                context = attention.context(line, weights, hidden, keys, values)
            shown = attention.attentional(line, weights, context, hidden)
            value = self._step([], time, [shown], [], predicts=True)[1]
            predictions.append((time, value))
            fed = value if network.feedback == "output" else sample.targets[time]
        return predictions

    @property
    def _given(self) -> dict[Name, Var]:
        """The parameters by the stems of their equations."""
        return dict(zip(self.network.shapes(), self.parameters, strict=True))

    def _read(self, time: int | None) -> Formula:
        """The input at a time, which may be a known letter."""
        x, place, letters = self.sample.inputs[time], self._letter(time), self.network.letters
        return x if place is None or letters is None else OneHot(x, place, letters.letter(place))

    def _let(self, time: int, layer: Layer = None) -> Let:
        """Writes lines of a layer at a time."""
        write = self._line(time, layer)
        return lambda stem, formula: write(stem, (), formula)

    def _line(self, time: int | None, layer: Layer = None) -> WriteLine:
        """Writes lines at a time, some of them for one place of the sequence that is looked at."""

        def write(stem: str, index: tuple[int, ...], formula: Formula) -> Var:
            name = Name(stem, layer, time, index, self.sample.number, self.iteration)
            return self.builder.let(name, formula, OF_CELL[stem])

        return write

    @property
    def _starts_with_output(self) -> bool:
        return bool(self.network.feedback) and not self.network.first_only

    def _unrolled(self, indices: Sequence[int], states: list[Var], fed: Var | None) -> list[Prediction]:
        """The layers with these indices over time; ``fed`` is the value that is fed back at the first step."""
        network, sample = self.network, self.sample
        predictions: list[Prediction] = []
        for time in network.times:
            x = [] if network.source_steps or time not in sample.inputs else [sample.inputs[time]]
            predicts = network.predicts(time)
            states, value = self._step(indices, time, [*x, *([fed] if fed else [])], states, predicts=predicts)
            if predicts:
                predictions.append((time, value))
            if network.feedback:
                fed = value if network.feedback == "output" else sample.targets[time]
        return predictions

    def _step(
        self, indices: Sequence[int], time: int | None, inputs: list[Var], states: list[Var], *, predicts: bool
    ) -> tuple[list[Var], Var]:
        """One time step of these layers: their new states, and the prediction (without readout, the hidden value)."""
        masks = [self.sample.masks[time]] if predicts and time in self.sample.masks else []
        slots = [*self.parameters, *inputs, *states, *masks]
        letter = self._letter(time) if inputs and inputs[0] == self.sample.inputs.get(time) else None
        key = (tuple(indices), len(inputs), predicts, letter)
        if key not in self.tapes:
            shapes = [slot.shape for slot in slots]
            self.tapes[key] = _tape(self.network, indices, shapes, len(inputs), letter, predicts=predicts)
        tape = self.tapes[key]
        moment = Moment(time, self.sample.number, self.iteration)
        results = self.builder.replay(tape, [slot.number for slot in slots], moment)
        *kept, value = (Var(result, self.builder.steps[result].shape) for result in results)
        return kept, value

    def _letter(self, time: int | None) -> int | None:
        """The place of the letter that is read at a time, where letters are read."""
        letters = self.network.letters
        return letters.text[time - 1] if letters and time is not None else None


def _tape(
    network: Network, indices: Sequence[int], shapes: list[Shape], inputs: int, letter: int | None, *, predicts: bool
) -> Tape:
    """The tape of one time step of these layers, with or without readout: the new states, then the prediction.

    ``shapes`` are those of parameters, inputs, states and, with dropout, the mask, ``inputs`` the number of inputs, the first
    of which may be a letter.
    """
    names = list(network.shapes())

    def run(record_line: Recorder, slots: list[Var]) -> list[Var]:
        given = dict(zip(names, slots, strict=False))
        others = slots[len(names) :]
        read: list[Formula] = list(others[:inputs])
        if letter is not None and network.letters:
            read[0] = OneHot(others[0], letter, network.letters.letter(letter))
        value: Formula = stack(*read) if inputs else ABSENT
        states = iter(others[inputs:])
        kept: list[Var] = []
        for index in indices:
            layer, cell = network.layers[index], network.cells[index]
            state = [next(states) for _ in cell.state]
            new = cell.step(_writing(record_line, layer, OF_CELL), _of(given, layer, cell.parameters), value, *state)
            kept += new[: len(cell.state)]
            value = new[0]
        if predicts and network.readout:
            if network.dropout is not None:
                # Inverted dropout (Srivastava et al. 2014, JMLR 15:1929, sec. 10): kept values are scaled up at once.
                kept_up = Const(1 / (1 - network.dropout))
                value = _writing(record_line, None, OF_READOUT)("drop", product(kept_up, next(states), value))
            of_readout = _of(given, None, network.readout.parameters)
            return [*kept, network.readout.step(_writing(record_line, None, OF_READOUT), of_readout, value)]
        if not isinstance(value, Var):  # without readout, both directions together are the prediction
            value = _writing(record_line, None, OF_READOUT)("y", value)
        return [*kept, value]

    return record(shapes, run)


def _writing(record_line: Recorder, layer: Layer, roles: Mapping[str, Role]) -> Let:
    """The function with which a cell writes its lines; a cell does not know its layer."""
    return lambda stem, formula: record_line(stem, layer, roles[stem], formula)


def _of(given: Mapping[Name, Var], layer: Layer, stems: Mapping[str, tuple[str, ...]]) -> Parameters:
    """The parameters of one cell; absent ones vanish from its equations."""
    return Parameters({stem: given.get(Name(stem, layer), ABSENT) for stem in stems})
