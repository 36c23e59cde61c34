"""From the keys of a problem file to a network: its cells, its sizes, its shape over time and samples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from bptt_trace.cells import Cell
from bptt_trace.cells.dense import Dense
from bptt_trace.cells.lstm import LSTM
from bptt_trace.cells.readout import Readout
from bptt_trace.cells.rnn import RNN
from bptt_trace.errors import ProblemError, UnknownName, nearest
from bptt_trace.expressions import activation as expression
from bptt_trace.functions import (
    ACTIVATIONS,
    Function,
    identity,
    leaky_relu,
    relu,
    sigmoid,
    softmax,
    softplus,
    tanh,
)
from bptt_trace.names import Name
from bptt_trace.numbers import exact_number, shown
from bptt_trace.wiring import Network

CELLS: dict[str, type[Dense] | type[RNN] | type[LSTM]] = {"dense": Dense, "rnn": RNN, "lstm": LSTM}

MAX_STEPS = 50_000
MAX_UNITS = 16
MAX_LAYERS = 8
MAX_SAMPLES = 1_000
MAX_LINES = 3_000_000

Keys = Mapping[str, Any]


def network_of(table: Keys, given: Keys, parameters: Keys) -> Network:
    """The network of a problem file; raises ``ProblemError`` with the key's path."""
    rows = table.get("products", "W x") == "x W"
    sizes = _Sizes(table, given, parameters, rows)
    hidden = sizes.hidden()
    cells = _cells(table, len(hidden))
    recurrent = bool(cells[0].state)
    readout = _readout(table)
    first_only = table.get("inputs", "every") == "first"
    _no_time(table, recurrent)
    inputs = sizes.inputs(hidden[0], recurrent and not first_only)
    samples = _samples(given, inputs, recurrent and not first_only)
    steps = _steps(table, given, samples, first_only) if recurrent else None
    if not recurrent and "x" not in given:
        raise ProblemError('the key "x" is missing; the input, a number or a list', path="given")
    outputs = sizes.outputs(hidden[-1], recurrent, samples) if readout else hidden[-1]
    for count, what in ((inputs, "inputs"), (outputs, "outputs")):
        _within(count, 0, MAX_UNITS, what, "given.x" if what == "inputs" else "given.target")
    network = Network(
        cells=cells,
        readout=readout,
        inputs=inputs,
        hidden=hidden,
        outputs=outputs,
        steps=steps,
        every=table.get("outputs", "every") == "every",
        first_only=first_only,
        samples=samples,
        bias=table.get("bias", True),
        shared=_shared(len(hidden), parameters),
        rows=rows,
    )
    _softmax_stands_last(network)
    _of_a_size_to_work_with(network)
    return network


# ------------------------------------------------------------------------ cells


def _cells(table: Keys, layers: int) -> tuple[Cell, ...]:
    given = table.get("activation", "tanh")
    several = isinstance(given, list)
    texts = given if isinstance(given, list) else [given] * layers
    if len(texts) != layers:
        raise ProblemError(
            f"{len(texts)} activation{'s' if len(texts) != 1 else ''} for {layers} layer{'s' if layers > 1 else ''}; "
            "one for each, or one for all, is due",
            path="network.activation",
        )
    _only_with_corners(table)
    names = [("phi", r"\varphi") if not several else (f"phi{'abcdefgh'[i]}", rf"\varphi_{{{i + 1}}}") for i in range(layers)]
    made: dict[str, Function] = {}
    cells: list[Cell] = []
    for text, (name, latex) in zip(texts, names, strict=True):
        if text not in made:
            made[text] = activation_of(table, text, "activation", name, latex)
        cells.append(_cell(table, made[text]))
    return tuple(cells)


def _cell(table: Keys, activation: Function) -> Cell:
    options = {key: table[key] for key in ("form", "biases") if key in table}
    if table["cell"] == "rnn":
        concatenated = options.get("form", "separate") == "concatenated"
        if concatenated and "biases" in options and options["biases"] != 1:
            raise ProblemError("with one matrix there is one bias", path="network.biases")
        return RNN(activation, concatenated, options.get("biases", 1))
    for key in options if table["cell"] == "lstm" else ():
        raise ProblemError(
            f"each gate of an LSTM has two matrices and one bias here, so {key} is no choice", path=f"network.{key}"
        )
    for key in options:
        raise ProblemError(f"a feedforward layer has one matrix and one bias, so {key} has no meaning", path=f"network.{key}")
    return CELLS[table["cell"]](activation)


def _readout(table: Keys) -> Readout | None:
    text = table.get("output_activation", "identity")
    if not table.get("readout", True):
        for key in ("output_activation", "softmax"):
            if key in table:
                raise ProblemError("there is no output layer (readout = false), so it has no activation", path=f"network.{key}")
        return None
    if "softmax" in table and text != "softmax":
        raise ProblemError("there is no softmax at the output, so nothing is to be said of it", path="network.softmax")
    function = activation_of(table, text, "output_activation", "psi", r"\psi")
    return Readout(function, table.get("softmax", "line") == "steps")


def activation_of(table: Keys, text: str, key: str, name: str, latex: str) -> Function:
    """The activation that a text names or spells out in z; ``name`` and ``latex`` are for one spelt out."""
    fixed = {"identity": identity, "tanh": tanh, "sigmoid": sigmoid, "softplus": softplus, "softmax": softmax}
    if text in fixed:
        return fixed[text]
    if text == "relu":
        return relu(_number(table, "relu_slope_at_0", Decimal(0)))
    if text == "leaky_relu":
        at_zero = _number(table, "relu_slope_at_0", Decimal(0)) if "relu_slope_at_0" in table else None
        return leaky_relu(_number(table, "leak", Decimal("0.01")), at_zero)
    if re.fullmatch(r"[A-Za-z_]+", text) and text != "z":
        raise ProblemError(
            f"unknown activation {shown(text)}{nearest(text, ACTIVATIONS)}; "
            f"one of {', '.join(ACTIVATIONS)}, or an expression in z such as z/(1+abs(z))",
            path=f"network.{key}",
        )
    try:
        return expression(text, name, latex)
    except ProblemError as error:
        error.path = f"network.{key}"
        raise


def _number(table: Keys, key: str, default: Decimal) -> Fraction:
    return exact_number(table.get(key, default), f"network.{key}").value


def _only_with_corners(table: Keys) -> None:
    """Slopes that have no meaning for the activations chosen are errors, not ignored."""
    used = " ".join(str(table.get(key, "")) for key in ("activation", "output_activation"))
    for key, function, what in (("leak", "leaky_relu", "leak"), ("relu_slope_at_0", "relu", "its slope at 0")):
        if key not in table:
            continue
        _number(table, key, Decimal(0))
        if function not in used:
            raise ProblemError(f"there is no {function} in this network, so {what} has no meaning", path=f"network.{key}")


def _softmax_stands_last(network: Network) -> None:
    """Softmax makes a prediction of several outputs: nowhere else has it a meaning here."""
    hidden = [cell.activation is softmax for cell in network.cells]
    if any(hidden) and (network.readout or any(hidden[:-1]) or network.cells[-1].state):
        raise ProblemError("softmax belongs to the output: network.output_activation", path="network.activation")
    last = network.readout.activation if network.readout else network.activation
    if last is softmax and network.outputs < 2:
        key = "output_activation" if network.readout else "activation"
        raise ProblemError("softmax of one output is always 1; two outputs or more, or sigmoid, would do", path=f"network.{key}")


# ------------------------------------------------------------------------ sizes


class _Sizes:
    """How many units, inputs and outputs there are: as the file says, or as the shapes of its parameters tell."""

    def __init__(self, table: Keys, given: Keys, parameters: Keys, rows: bool) -> None:
        self.table, self.given, self.parameters, self.rows = table, given, parameters, rows

    def hidden(self) -> tuple[int, ...]:
        """Units of each layer."""
        said = self.table.get("hidden")
        if said is None:
            layers = _layers(self.parameters)
            units = [self._told(layer) for layer in layers]
        else:
            units = said if isinstance(said, list) else [said]
        _within(len(units), 1, MAX_LAYERS, "layers", "network.hidden")
        for count in units:
            _within(count, 1, MAX_UNITS, "hidden units", "network.hidden")
        return tuple(units)

    def _told(self, layer: str) -> int:
        for stem in ("W_hh", "W_xh", "W_h", "b_h", "b_xh", "W_hi", "W_xi", "b_i"):
            value = self.parameters.get(stem + layer)
            if isinstance(value, list) and value:
                into = self._matrix(stem + layer)
                return into[0] if into else len(value)
        return 1

    def _matrix(self, key: str) -> tuple[int, int] | None:
        """Rows and columns of a parameter as W stands left of its column; None where it is no matrix."""
        value = self.parameters.get(key)
        if not isinstance(value, list) or not value or not isinstance(value[0], list):
            return None
        size = (len(value), max(len(value[0]), 1))
        return (size[1], size[0]) if self.rows else size

    def inputs(self, units: int, over_time: bool) -> int:
        """How many numbers one input has; 0 where there is none."""
        if "x" not in self.given:
            return 0
        first = "(1)" if "(1)" in _layers(self.parameters) else ""
        for stem in ("xh", "xi"):
            key = f"W_{stem}{first}"
            if key.lower() in self.parameters:
                return 1
            if (size := self._matrix(key)) and size[0] == units:
                return size[1]
            if isinstance(self.parameters.get(key), list) and not size:
                return 1 if units > 1 else len(self.parameters[key])  # a flat list: one input for each unit, or one unit
        if (size := self._matrix(f"W_h{first}")) and size[0] == units:
            return max(size[1] - units, 1)
        return _innermost(self.given["x"], over_time)

    def outputs(self, units: int, recurrent: bool, samples: int | None) -> int:
        """How many outputs there are: as many as the output weights have rows, else as many as a target has numbers."""
        if "w_hy" in self.parameters:
            return 1
        if size := self._matrix("W_hy"):
            return size[1] if size[1] != units == size[0] else size[0]
        if isinstance(self.parameters.get("W_hy"), list):
            return 1 if units > 1 else max(len(self.parameters["W_hy"]), 1)
        target = self.given.get("target", 0)
        if samples is not None and isinstance(target, list) and target:
            target = target[0]
        return _width(target, recurrent and self.table.get("outputs", "every") == "every")


def _layers(parameters: Keys) -> list[str]:
    """The layers that the keys of the parameters speak of, as they stand in keys: ``(1)``; none for a single layer."""
    numbers: set[int] = set()
    for key in parameters:
        try:
            name = Name.parse(key)
        except UnknownName:
            continue
        if name.layer is not None:
            numbers.add(name.layer)
    return [f"({number})" for number in range(1, min(max(numbers), MAX_LAYERS + 1) + 1)] if numbers else [""]


def _width(value: Any, over_time: bool) -> int:
    """How many numbers one input (or target) has, told by the first one."""
    first = value[0] if over_time and isinstance(value, list) and value else value
    return len(first) if isinstance(first, list) and first else 1


def _innermost(value: Any, over_time: bool) -> int:
    """How many numbers one input has, told by the lists that hold numbers."""
    if _depth(value) <= int(over_time):
        return 1
    while isinstance(value, list) and value and isinstance(value[0], list):
        value = value[0]
    return max(len(value), 1) if isinstance(value, list) else 1


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def _samples(given: Keys, inputs: int, over_time: bool) -> int | None:
    """How many samples ``x`` has: a batch is one level of lists deeper than one sample."""
    x = given.get("x", 0)
    depth = _depth(x)
    if inputs == 1 and depth > int(over_time) and _ends_in_single_numbers(x):
        depth -= 1
    if depth <= int(over_time) + int(inputs > 1):
        return None
    _within(len(x), 1, MAX_SAMPLES, "samples", "given.x")
    return len(x)


def _ends_in_single_numbers(value: Any) -> bool:
    """Whether the innermost lists have one number each: then they are columns of one."""
    while isinstance(value, list) and value and isinstance(value[0], list):
        value = value[0]
    return isinstance(value, list) and len(value) == 1


# ------------------------------------------------------------------------- time


def _no_time(table: Keys, recurrent: bool) -> None:
    if recurrent:
        return
    for key in ("outputs", "steps", "inputs"):
        if key in table:
            raise ProblemError(f"a feedforward network knows no time, so {key} has no meaning", path=f"network.{key}")


def _steps(table: Keys, given: Keys, samples: int | None, first_only: bool) -> int:
    x = given.get("x")
    if x is None or first_only:
        steps = _told_steps(table, first_only)
    else:
        if not isinstance(x, list):
            raise ProblemError(f"{shown(x)} is one input; a list with an input for each time step is due", path="given.x")
        steps = len(x[0]) if samples and isinstance(x[0], list) else len(x)
        if "steps" in table and table["steps"] != steps:
            raise ProblemError(f"{table['steps']} steps, but x has {steps} inputs", path="network.steps")
    _within(steps, 1, MAX_STEPS, "time steps", "network.steps" if x is None or first_only else "given.x")
    return steps


def _told_steps(table: Keys, first_only: bool) -> int:
    if "steps" in table:
        return int(table["steps"])
    if first_only:
        raise ProblemError('the key "steps" is missing: how many time steps follow from the one input', path="network")
    raise ProblemError(
        'the key "x" is missing: a list with an input for each time step (or network.steps, without inputs)', path="given"
    )


# ----------------------------------------------------------------------- limits


def _shared(layers: int, parameters: Keys) -> frozenset[Name]:
    """Biases that are given as one number: one for all units of their layer."""
    numbers: list[int | None] = [None] if layers == 1 else list(range(1, layers + 1))
    names = [Name(stem, layer) for stem in ("b_h", "b_xh", "b_hh") for layer in numbers] + [Name("b_y")]
    return frozenset(name for name in names if not isinstance(parameters.get(str(name), []), list))


def _within(value: int, least: int, most: int, what: str, path: str) -> None:
    if not least <= value <= most:
        met = f"{value:,}" if abs(value) < 10**30 else shown(value)
        raise ProblemError(f"{met} {what}; from {least} to {most:,} are possible", path=path)


def _of_a_size_to_work_with(network: Network) -> None:
    weights = sum(max(a * (b + a + network.outputs + 8), 1) for a, b in zip(network.hidden, (network.inputs, *network.hidden)))  # noqa: B905
    size = 3 * weights * (network.steps or 1) * (network.samples or 1)
    if size > MAX_LINES:
        raise ProblemError(
            f"about {size:,} lines, more than {MAX_LINES:,}; fewer units, samples or time steps would do", path="network"
        )
