"""Mistakes with gates, cells and sequences: each is told as itself, in every cell that has what it is about."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
from cell_mistakes import ALIKE, ALSO_OF_CELLS, OF_CELLS, problem_with
from students import assert_diagnosed, by_hand
from sweeps import each_once

from bptt_trace.engine.names import Name
from bptt_trace.marking.catalogue import gates, sequences
from bptt_trace.marking.catalogue.entry import CATALOGUE
from bptt_trace.marking.check import check
from bptt_trace.marking.key import Key
from bptt_trace.problem.problem import from_document

HOMES = [
    pytest.param(slug, tuple(network.items()), way, id=f"{slug}-{'-'.join(map(str, network.values()))}-{way}")
    for slug, homes in (OF_CELLS | ALSO_OF_CELLS).items()
    for network, way in homes
]


@cache
def key(network: tuple[tuple[str, Any], ...]) -> Key:
    return Key(from_document(problem_with(dict(network))))


@pytest.mark.parametrize(("slug", "network", "way"), each_once(HOMES, lambda home: {home.values[0]}))
def test_each_is_diagnosed_as_itself(slug: str, network: tuple[tuple[str, Any], ...], way: int) -> None:
    """Whoever makes one mistake at every place where it can be made is told that mistake and no other."""
    assert_diagnosed(key(network), slug, way, ALIKE.get(slug, ""))


def test_every_mistake_of_cells_has_a_home() -> None:
    """The file of the catalogue and the table of fixtures have the same slugs."""
    entered = {
        one.slug for one in CATALOGUE if one.change.__module__ in (gates.__name__, sequences.__name__) or one.slug in OF_CELLS
    }
    assert entered == set(OF_CELLS)


def test_none_is_offered_where_a_network_has_nothing_of_it() -> None:
    """A simple recurrent network with one bias has no gate, no cell and no other direction."""
    simple = key((("cell", "rnn"), ("hidden", 1)))
    assert not {one.slug for one, _ in simple.changes} & set(OF_CELLS)


# I. Lab, "AI by Hand", advanced/LSTM.xlsx, sheet "medium", commit c2529f7: the output gate of step 2
OUTPUT_GATE = {
    "x": [2, 1, 0],
    "h": ["0.5446453937464424", 0, "-0.5157175989085812", 0, "0.5938469802626664", "-0.06979478731839865"],
    "c": [
        "1.0699527808002762",
        "-0.804641771830533",
        "-0.23293871850890296",
        "0.8734510435427727",
        "1.0982090745569282",
        "-0.7086363486821372",
    ],
    "W": [
        [1, 0, 0, 1, 1, 0, 0, 0, 1, 0],
        [1, 1, 0, 0, -2, 0, 0, 1, 0, 0],
        [1, 0, 1, 0, 0, 1, 0, 0, 1, 0],
        [1, 0, 0, 0, 0, 1, 0, -1, 1, -3],
        [0, 1, 1, 0, 0, 0, 0, 0, 1, 0],
        [0, 0, -1, 0, 1, 1, 1, 0, 1, -1],
    ],
    "o": ["0.92235984", "0.60634650", "0.66395559", "-0.54400109", "0", "0.17001621"],
    "h after": ["0.72815092", "-0.40420500", "-0.15192305", "-0.38249983", "0", "-0.10367945"],
}


@cache
def output_gate() -> Key:
    """One step of an LSTM with six units that has the cell of the sheet: half of its double is kept, nothing is written."""
    units = range(6)
    zero, weights = [[0] * 9 for _ in units], OUTPUT_GATE["W"]
    parameters: dict[str, Any] = {}
    for gate in "ifgo":
        parameters |= {f"W_x{gate}": [row[:3] for row in zero], f"W_h{gate}": [row[:6] for row in zero], f"b_{gate}": [0] * 6}
    parameters |= {
        "W_xo": [row[:3] for row in weights],
        "W_ho": [row[3:9] for row in weights],
        "b_o": [row[9] for row in weights],
    }
    doubled = [f"{2 * float(c):.16f}" for c in OUTPUT_GATE["c"]]
    made = {
        "network": {"cell": "lstm", "hidden": 6, "readout": False},
        "parameters": parameters,
        "given": {"x": [OUTPUT_GATE["x"]], "h_0": OUTPUT_GATE["h"], "c_0": doubled},
        "loss": {"kind": "none"},
        "rounding": {"places": 8},
    }
    return Key(from_document(made))


def test_the_spreadsheet_with_a_wrong_output_gate() -> None:
    """Units 2 to 5 have tanh of other cells in place of their gate; what follows from them follows."""
    answers = {
        Name(stem, time=1, index=(unit,)): text
        for stem, column in (("o", "o"), ("h", "h after"))
        for unit, text in enumerate(OUTPUT_GATE[column], 1)
    }
    marks = check(output_gate(), answers)
    assert [f"o_1[{unit}]" for unit in (2, 3, 4, 5)] == [str(answer.name) for answer in marks.faults]
    assert {"wrong"} == {answer.verdict for answer in marks.faults}
    verdicts = {str(answer.name): answer.verdict for answer in marks.answers}
    assert {"correct", "rounded"} >= {verdicts[name] for name in ("o_1[1]", "o_1[6]", "h_1[1]", "h_1[6]")}
    assert ["follow-through"] * 2 == [verdicts[f"h_1[{unit}]"] for unit in (2, 3)]
    assert "not-assessable" == verdicts["h_1[4]"], "no sigmoid is negative, so nothing follows from such a gate"


def test_tanh_on_some_units_of_a_gate() -> None:
    """The mistake that the spreadsheet was making, done on the right cells: told as what it is, unit by unit."""
    one = output_gate()
    gates = [one.program.index[Name("o", time=1, index=(unit,))] for unit in (2, 3, 4)]
    slips = {gate: math.tanh(one.exact[gate - 6]) - one.exact[gate] for gate in gates}
    marks = check(one, by_hand(one, slips=slips))
    assert [("wrong-activation-on-a-gate",)] * 3 == [answer.misconceptions for answer in marks.faults]
