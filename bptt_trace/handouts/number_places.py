"""The place of each given number in a problem file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from bptt_trace.engine.gradient_check import EPSILON
from bptt_trace.engine.names import ABOVE, Name
from bptt_trace.networks.graph import Graph
from bptt_trace.networks.optimizers import STATES, at_start
from bptt_trace.problem.problem import Problem

Path = tuple[str | int, ...]
Document = dict[str, Any]


def leaves(document: Document, problem: Problem) -> dict[Path, tuple[Name, ...]]:
    """The numbers that each place of the file stands for: one number, or all numbers of a class."""
    leaves_of: dict[Path, tuple[Name, ...]] = {}
    for path, names in _groups(problem):
        places = list(_flat(*_at(document, path)))
        each, rest = divmod(len(names), len(places))
        assert not rest
        for start, place in enumerate(places):
            leaves_of[place] = tuple(names[start * each : (start + 1) * each])
    return leaves_of


def completed(document: Document, problem: Problem) -> Document:
    """A copy with all defaults written out: initial states, and the numbers of the update."""
    whole = deepcopy(document)
    given = whole.setdefault("given", {})
    for name, units in problem.network.state:
        given.setdefault(str(name), 0 if units == 1 else [0] * units)
    for name, number in problem.given.items():
        if name in OF_UPDATE:
            whole["update"].setdefault(OF_UPDATE[name], number.text)
    return whole


def replaced(document: Document, values: Mapping[Path, Any]) -> Document:
    """A copy with other values in some places."""
    whole = deepcopy(document)
    for path, value in values.items():
        table = whole
        for step in path[:-1]:
            table = table[step]  # type: ignore[index]
        table[path[-1]] = value  # type: ignore[index]
    return whole


def _groups(problem: Problem) -> Iterator[tuple[Path, list[Name]]]:
    """The tables and keys of the file, with the numbers that are read from them, in order."""
    groups: dict[Path, list[Name]] = {}
    states = {name for name, _ in problem.network.state}
    parameters = set(problem.network.parameters())
    fixed = dict(problem.network.fixed) if isinstance(problem.network, Graph) else {}
    carried = {at_start(stem, parameter): (stem, str(parameter)) for stem in STATES for parameter in parameters}
    for name in problem.given:
        if problem.network.letters and name.stem in ("x", "target"):
            continue  # a text has letters, not numbers
        plain = name._replace(index=(), iteration=1)
        path: Path
        if name == EPSILON:  # which the file may omit, and no variant changes
            continue
        if plain in parameters:
            path = ("parameters", str(plain))
        elif plain in fixed:
            path = ("graph", "constants", str(plain))
        elif name.stem in ("x", "target", "mask"):
            path = ("given", name.stem)
        elif plain in OF_UPDATE:
            path = ("update", OF_UPDATE[plain])
        elif name.via == ABOVE:
            path = ("given", str(plain._replace(via=None)))
        elif name.of is not None:
            path = ("given", "gradient", plain.stem)
        elif plain in carried:
            path = ("update", "state", *carried[plain])
        else:
            plain = plain._replace(sample=None)
            assert plain in states
            path = ("given", str(plain))
        groups.setdefault(path, []).append(name)
    yield from groups.items()


OF_UPDATE = {
    Name("eta"): "learning_rate",
    Name("beta"): "beta",
    Name("beta", time=1): "beta_1",
    Name("beta", time=2): "beta_2",
    Name("epsilon"): "epsilon",
    Name("lambda"): "weight_decay",
    Name("gamma"): "gamma",
    Name("clip"): "clip",
    Name("v", time=0): "accumulator",
    Name("psi"): "momentum_decay",
}
"""The keys of the table [update] that are numbers."""


def _at(document: Document, path: Path) -> tuple[Any, Path]:
    """The value at a path, and the path as far as there are tables: a number may stand for the table of one parameter."""
    value: Any = document
    for length, step in enumerate(path):
        if not isinstance(value, dict):
            return value, path[:length]
        value = value[step]
    return value, path


def _flat(value: Any, path: Path) -> Iterator[Path]:
    if not isinstance(value, list):
        yield path
        return
    for index, item in enumerate(value):
        yield from _flat(item, (*path, index))
