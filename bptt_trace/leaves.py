"""Where in a problem file each given number stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from bptt_trace.names import Name
from bptt_trace.problem import Problem

Path = tuple[str | int, ...]
Document = dict[str, Any]


def leaves(document: Document, problem: Problem) -> dict[Path, tuple[Name, ...]]:
    """The numbers that each place of the file stands for: one, or all that say a class."""
    found: dict[Path, tuple[Name, ...]] = {}
    for path, names in _groups(problem):
        places = list(_flat(_at(document, path), path))
        each, rest = divmod(len(names), len(places))
        assert not rest
        for start, place in enumerate(places):
            found[place] = tuple(names[start * each : (start + 1) * each])
    return found


def completed(document: Document, problem: Problem) -> Document:
    """A copy in which what the file leaves to its defaults is written out: initial states."""
    whole = deepcopy(document)
    given = whole.setdefault("given", {})
    for name, units in problem.network.state:
        given.setdefault(str(name), 0 if units == 1 else [0] * units)
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
    """Tables and keys of the file, with the numbers that are read from them, in order."""
    groups: dict[Path, list[Name]] = {}
    states = {name for name, _ in problem.network.state}
    parameters = set(problem.network.parameters())
    for name in problem.given:
        plain = name._replace(index=())
        if name.stem in ("x", "target"):
            path: Path = ("given", name.stem)
        elif name.stem == "eta":
            path = ("update", "learning_rate")
        elif plain in parameters:
            path = ("parameters", str(plain))
        else:
            plain = plain._replace(sample=None)
            assert plain in states
            path = ("given", str(plain))
        groups.setdefault(path, []).append(name)
    yield from groups.items()


def _at(document: Document, path: Path) -> Any:
    value: Any = document
    for step in path:
        value = value[step]
    return value


def _flat(value: Any, path: Path) -> Iterator[Path]:
    if not isinstance(value, list):
        yield path
        return
    for place, item in enumerate(value):
        yield from _flat(item, (*path, place))
