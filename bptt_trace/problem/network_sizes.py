"""The sizes of a network: its layers, units, inputs, outputs, samples and time steps.

The file gives them, or they follow from the shapes of its parameters and of its inputs.
"""

from __future__ import annotations

from typing import Any

from bptt_trace.engine.names import Layer, Name
from bptt_trace.errors import ProblemError, UnknownName
from bptt_trace.networks.cells import Cell
from bptt_trace.problem.numbers import shown
from bptt_trace.problem.tables import Keys

MAX_STEPS = 50_000
MAX_UNITS = 16
MAX_LAYERS = 8
MAX_SAMPLES = 1_000


class Sizes:
    """The numbers of units, inputs and outputs, from the file or from the shapes of its parameters."""

    def __init__(
        self, table: Keys, given: Keys, parameters: Keys, rows: bool, cells: tuple[Cell, ...], layers: list[Layer]
    ) -> None:
        self.table, self.given, self.parameters, self.rows = table, given, parameters, rows
        self.cells = cells
        self.ends = [f"({layer})" if layer else "" for layer in layers]
        """The suffix in the names of each layer's parameters."""

    def hidden(self) -> tuple[int, ...]:
        """Units of each layer."""
        said = self.table.get("hidden")
        if said is None:
            units = [self._told(cell, end) for cell, end in zip(self.cells, self.ends, strict=True)]
        else:
            units = said if isinstance(said, list) else [said]
        for count in units:
            within(count, 1, MAX_UNITS, "hidden units", "network.hidden")
        return tuple(units)

    def _told(self, cell: Cell, end: str) -> int:
        # A square matrix determines most, and a bias least.
        told = [stem for stem, dimensions in cell.parameters.items() if dimensions[:1] == ("n",)]
        for stem in sorted(told, key=lambda stem: cell.parameters[stem].count("n"), reverse=True):
            value = self.parameters.get(stem + end)
            if isinstance(value, list) and value:
                into = self._matrix(stem + end)
                return into[0] if into else len(value)
        return 1

    def _matrix(self, key: str) -> tuple[int, int] | None:
        """Rows and columns of a parameter as W stands left of its column; None where it is no matrix."""
        value = self.parameters.get(key)
        if not isinstance(value, list) or not value or not isinstance(value[0], list):
            return None
        size = (len(value), max(len(value[0]), 1))
        return (size[1], size[0]) if self.rows else size

    def inputs(self, units: int, over_time: bool, fed_back: int) -> int:
        """The size of one input; 0 without inputs. ``fed_back`` columns are not those of x."""
        if "x" not in self.given:
            return 0
        for stem, dimensions in self.cells[0].parameters.items():
            key = stem + self.ends[0]
            if len(dimensions) < 2 or dimensions[0] != "n" or dimensions[1].count("d") != 1:
                continue
            more = units * dimensions[1].count("n") + dimensions[1].count("1")
            if key.lower() in self.parameters:
                return 1
            if (size := self._matrix(key)) and size[0] == units:
                return max(size[1] - more - fed_back, 1)
            if isinstance(self.parameters.get(key), list) and not size and not more:
                # A flat list: one input for each unit, or one unit.
                return 1 if units > 1 else max(len(self.parameters[key]) - fed_back, 1)
        return _innermost(self.given["x"], over_time)

    def outputs(self, units: int, recurrent: bool, samples: int | None) -> int:
        """The number of outputs: that of the rows of the output weights, else that of the numbers of a target."""
        if "w_hy" in self.parameters:
            return 1
        if size := self._matrix("W_hy"):
            return size[1] if size[1] != units == size[0] else size[0]
        if isinstance(self.parameters.get("W_hy"), list):
            return 1 if units > 1 else max(len(self.parameters["W_hy"]), 1)
        target = self.given.get("target", 0)
        if samples is not None and isinstance(target, list) and target:
            target = target[0]
        return _width(target, recurrent and self.table["outputs"] == "every")


def count_layers(table: Keys, parameters: Keys, word: str) -> int:
    """The number of stacked layers, from the file or from the names of its parameters."""
    said = table.get("hidden")
    if said is not None:
        count = len(said) if isinstance(said, list) else 1
    else:
        numbers = [0]
        for key in parameters:
            try:
                layer = Name.parse(key).layer
            except UnknownName:
                continue
            if isinstance(layer, int) and not word:
                numbers.append(layer)
            elif isinstance(layer, str) and word and (number := layer.removeprefix(word)).isdigit():
                numbers.append(int(number))
        count = min(max(numbers), MAX_LAYERS + 1) or 1
    within(count, 1, MAX_LAYERS, "layers", "network.hidden")
    return count


def _width(value: Any, over_time: bool) -> int:
    """The size of one input (or target), taken from the first one."""
    first = value[0] if over_time and isinstance(value, list) and value else value
    return len(first) if isinstance(first, list) and first else 1


def _innermost(value: Any, over_time: bool) -> int:
    """The size of one input, taken from the lists that hold numbers."""
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


def samples_of(given: Keys, inputs: int, over_time: bool) -> int | None:
    """The number of samples in ``x``: a batch is one level of lists deeper than one sample."""
    x = given.get("x", 0)
    depth = _depth(x)
    if inputs == 1 and depth > int(over_time) and _ends_in_single_numbers(x):
        depth -= 1
    if depth <= int(over_time) + int(inputs > 1):
        return None
    within(len(x), 1, MAX_SAMPLES, "samples", "given.x")
    return len(x)


def _ends_in_single_numbers(value: Any) -> bool:
    """Whether the innermost lists have one number each: then they are columns of one."""
    while isinstance(value, list) and value and isinstance(value[0], list):
        value = value[0]
    return isinstance(value, list) and len(value) == 1


def steps_of(table: Keys, given: Keys, samples: int | None, first_only: bool) -> int:
    """The number of time steps: that of the inputs, else the one in the file."""
    x = given.get("x")
    if x is None or first_only:
        steps = _told_steps(table, first_only)
    else:
        if not isinstance(x, list):
            raise ProblemError(f"{shown(x)} is one input; expected a list with one input for each time step", path="given.x")
        steps = len(x[0]) if samples and isinstance(x[0], list) else len(x)
        if "steps" in table and table["steps"] != steps and "decoder" not in table:
            raise ProblemError(f"{table['steps']} steps, but x has {steps} inputs", path="network.steps")
    within(steps, 1, MAX_STEPS, "time steps", "network.steps" if x is None or first_only else "given.x")
    return steps


def _told_steps(table: Keys, first_only: bool) -> int:
    if "steps" in table:
        return int(table["steps"])
    if first_only:
        raise ProblemError('the key "steps" is missing: how many time steps follow from the one input', path="network")
    raise ProblemError(
        'the key "x" is missing: a list with an input for each time step (or network.steps, without inputs)', path="given"
    )


def decoder_steps(table: Keys, given: Keys, samples: int | None) -> int:
    """The number of steps of a decoder: that of the targets, else the one in the file."""
    target = given.get("target")
    if samples is not None and isinstance(target, list) and target:
        target = target[0]
    if isinstance(target, list):
        if table.get("steps", len(target)) != len(target):
            raise ProblemError(f"{table['steps']} steps, but target has {len(target)}", path="network.steps")
        steps = len(target)
    elif "steps" in table:
        steps = int(table["steps"])
    else:
        raise ProblemError(
            'the key "steps" is missing: how many steps the decoder takes (or given.target, a list)', path="network"
        )
    within(steps, 1, MAX_STEPS, "steps of the decoder", "given.target" if "target" in given else "network.steps")
    return steps


def within(value: int, least: int, most: int, what: str, path: str) -> None:
    """Raise ``ProblemError`` with this path where a size lies outside of its bounds."""
    if not least <= value <= most:
        met = f"{value:,}" if abs(value) < 10**30 else shown(value)
        raise ProblemError(f"{met} {what}; from {least} to {most:,} are possible", path=path)
