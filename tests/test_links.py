"""The links of a feedforward chain of single numbers, dy/dh and dh/da, however many inputs it has."""

from __future__ import annotations

import json
import math
import random
from itertools import pairwise
from typing import Any

import pytest
from networks import filled

from bptt_trace import solve
from bptt_trace.document.sentences import words
from bptt_trace.document.sheet import Lines, Sheet
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.marking.key import Key
from bptt_trace.problem.problem import from_document

TITLE = "The links of the chain"


def document(inputs: int, layers: int, *, readout: bool) -> dict[str, Any]:
    chance = random.Random(f"{inputs} {layers} {readout}")
    x = [f"{chance.uniform(-1, 1):.2f}" for _ in range(inputs)]
    network = {"cell": "dense", "hidden": [1] * layers if layers > 1 else 1, "readout": readout}
    return filled(network, {"x": x if inputs > 1 else x[0], "target": "0.25"}, seed=inputs)


def chain(layers: int, *, readout: bool) -> list[str]:
    """The quantities of the chain, from the prediction back: what a link leads from, and what it leads to."""
    endings = [""] if layers == 1 else [f"({i})" for i in range(layers, 0, -1)]
    return ["y"] * readout + [f"{stem}{ending}" for ending in endings for stem in "ha"]


def expected(made: dict[str, Any], names: list[str]) -> list[float]:
    """The slopes: the weight between two units, and 1 - tanh(a)^2 within one."""
    parameters = made["parameters"]

    def column(value: Any) -> list[float]:
        return [number for one in value for number in column(one)] if isinstance(value, list) else [float(value)]

    def parameter(stem: str, ending: str) -> list[float]:
        return column(parameters[next(key for key in (stem + ending, stem.upper()[0] + stem[1:] + ending) if key in parameters)])

    inputs, units = column(made["given"]["x"]), {}
    for name in [name for name in names[::-1] if name[0] == "a"]:
        ending = name[1:]
        a = sum(w * x for w, x in zip(parameter("w_xh", ending), inputs, strict=True)) + parameter("b_h", ending)[0]
        units[ending] = math.tanh(a)
        inputs = [units[ending]]
    found = []
    for above, below in pairwise(names):
        within = above[0] == "h" and below[0] == "a"
        weight = parameter("w_hy", "") if above == "y" else parameter("w_xh", above[1:])
        found.append(1 - units[above[1:]] ** 2 if within else weight[0])
    return found


SHAPES = [(inputs, layers, readout) for inputs in (1, 2, 3, 4, 7) for layers in (1, 2, 3) for readout in (True, False)]
QUICK = [(1, 1, True), (2, 1, True), (3, 1, False), (4, 1, True), (2, 2, False)]


@pytest.mark.parametrize(
    ("inputs", "layers", "readout"),
    [*QUICK, *(pytest.param(*one, marks=pytest.mark.exhaustive) for one in SHAPES if one not in QUICK)],
)
def test_the_links_are_the_slopes_of_the_chain(inputs: int, layers: int, readout: bool) -> None:
    """Their section has one line for each link, with the slope of that link, and the worksheet asks for the same lines."""
    made = document(inputs, layers, readout=readout)
    names = chain(layers, readout=readout)
    links = [f"d{above}/d{below}" for above, below in pairwise(names)]
    problem = from_document(made)
    for detail in ("both", "lines", "board"):
        solution = solve(problem, detail=detail, rounding="9sf")
        assert titled(solution.sheet) == links
        assert TITLE in solution.to_markdown()
    values = json.loads(solution.to_json())["values"]
    assert [float(values[link]) for link in links] == pytest.approx(expected(made, names), rel=1e-6)
    assert titled(worksheet(Key(problem))) == links


def titled(sheet: Sheet) -> list[str]:
    """The names of the lines in that section."""
    blocks = [block for section in sheet.sections for block in section.blocks]
    (lines,) = [block for block in blocks if isinstance(block, Lines) and words(block.title) == TITLE]
    return [row.name.text for row in lines.rows]
