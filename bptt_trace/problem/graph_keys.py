"""The table [graph]: a problem of equations over given numbers, without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bptt_trace.engine.formula import Shape
from bptt_trace.engine.names import LOSS, Name
from bptt_trace.engine.program import Builder
from bptt_trace.errors import ProblemError, UnknownName
from bptt_trace.networks.cells.equations import COMBINING
from bptt_trace.networks.graph import NODES, Graph
from bptt_trace.problem.number_keys import quantity
from bptt_trace.problem.numbers import Number, shown

MAX_EQUATIONS = 100
GRAPH = "graph"
"""The value of ``network.cell`` for a graph."""
WITHOUT = ("given", "loss", "update", "cell")
"""Tables that have no meaning for a graph."""

Numbers = dict[Name, Number]


def graph_of(document: Mapping[str, Any]) -> tuple[Graph, Numbers]:
    """The graph that a problem file describes, and its numbers; raises ``ProblemError`` with the path of the key."""
    for key in document["network"]:
        if key != "cell":
            raise ProblemError(f"a graph has no layers, so {key} has no meaning", path=f"network.{key}")
    for key in WITHOUT:
        if key in document:
            raise ProblemError("a graph has equations ([graph]) and numbers ([parameters], [graph.constants]) alone", path=key)
    if GRAPH not in document:
        raise ProblemError('the table [graph] is missing: the equations of network.cell = "graph"', path="")
    table = document[GRAPH]
    if len(table["equations"]) > MAX_EQUATIONS:
        raise ProblemError(f"{len(table['equations'])} equations; at most {MAX_EQUATIONS} are read", path="graph.equations")
    numbers: Numbers = {}
    learned = tuple(_read(document["parameters"], "parameters", numbers))
    fixed = tuple(_read(table["constants"], "graph.constants", numbers))
    if not learned:
        raise ProblemError("a number (or a list) for each letter whose gradient is wanted, such as x = -2", path="parameters")
    for name in table["functions"]:
        if not re.fullmatch("[a-z]{1,20}", name) or name in (*Graph((NODES,), None).functions, *COMBINING):
            raise ProblemError(
                f"{shown(name)} is not possible here; small letters that name no function yet", path="graph.functions"
            )
    graph = Graph(
        (NODES,), None, 0, layers=(None,), equations=tuple(table["equations"]), learned=learned, fixed=fixed,
        definitions=tuple(table["functions"].items()),
    )  # fmt: skip
    if LOSS.stem in (*graph.stems[:-1], *(str(name) for name, _ in (*learned, *fixed))):
        raise ProblemError("L is the name of the last line alone; use another letter", path="graph.equations")
    used = {part.text for _, _, right in graph.lines for part in right.names()}
    for name, _ in (*learned, *fixed):
        if str(name) not in used:
            raise ProblemError(f"no equation has {name}", path="parameters" if name in dict(learned) else "graph.constants")
    for stem in graph.stems[:-1]:
        if stem not in used:
            raise ProblemError(f"nothing is made of {stem}, so it has no gradient", path="graph.equations")
    sketch = Builder()  # where shapes do not fit, it is the file that is wrong
    graph.write(sketch, *([sketch.given(name, shape=shape) for name, shape in own] for own in (learned, fixed)))
    return graph, numbers


def _read(table: Mapping[str, Any], path: str, numbers: Numbers) -> Iterator[tuple[Name, Shape]]:
    """Names and shapes of the numbers of a table, which are added to ``numbers``."""
    for key, value in table.items():
        try:
            name = Name.parse(key)
        except UnknownName:
            name = Name("")
        if name != Name(key) or Name(key) in {known._replace(index=()) for known in numbers}:
            raise ProblemError(f"{shown(key)} is not possible here; letters, digits behind them, each name once", path=path)
        shape = _shape(value, f"{path}.{key}")
        numbers.update(quantity(name, value, shape, f"{path}.{key}"))
        yield name, shape


def _shape(value: Any, path: str) -> Shape:
    """The shape of a number, a list of numbers or a list of rows."""
    if not isinstance(value, list):
        return ()
    if not value or value[0] == []:
        raise ProblemError("an empty list; expected a number or a list of numbers", path=path)
    if len(value) == 1:
        raise ProblemError("a list of one; expected a number", path=path)
    return (len(value), len(value[0])) if isinstance(value[0], list) else (len(value),)
