"""The LSTM: published numbers, central differences; and that every use of a problem takes it as it is."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import pytest
from students import variant_of
from sweeps import thinned

from bptt_trace import Key, check, load, solve
from bptt_trace.calculation.build import build
from bptt_trace.calculation.prove import prove
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.variants import Factory
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.media.templates import markdown
from bptt_trace.problem.problem import from_document
from bptt_trace.problem.rounding import Rounding

GATES = "ifgo"


def document(
    n: int = 1, T: int = 2, d: int = 1, layers: int = 1, readout: bool = True, seed: int = 1, **network: Any
) -> dict[str, Any]:
    """A random problem."""
    chance = random.Random(f"{n} {T} {d} {layers} {readout} {seed}")

    def numbers(*shape: int) -> Any:
        if not shape:
            return f"{chance.uniform(-0.9, 0.9):.2f}"
        return [numbers(*shape[1:]) for _ in range(shape[0])]

    def named(stem: str, rows: int, columns: int, layer: str) -> dict[str, Any]:
        one = rows == columns == 1
        return {f"{stem.lower() if one else stem}{layer}": numbers() if one else numbers(rows, columns)}

    parameters: dict[str, Any] = {}
    for layer in range(1, layers + 1):
        suffix, below = (f"({layer})", d if layer == 1 else n) if layers > 1 else ("", d)
        for gate in GATES:
            parameters |= named(f"W_x{gate}", n, below, suffix) | named(f"W_h{gate}", n, n, suffix)
            parameters[f"b_{gate}{suffix}"] = numbers(n) if n > 1 else numbers()
    k = 1 if readout else n
    if readout:
        parameters |= named("W_hy", 1, n, "") | {"b_y": numbers()}
    return {
        "network": {"cell": "lstm", "hidden": [n] * layers if layers > 1 else n, "readout": readout, **network},
        "parameters": parameters,
        "given": {
            "x": [numbers(d) if d > 1 else numbers() for _ in range(T)],
            "target": [numbers(k) if k > 1 else numbers() for _ in range(T)],
        },
        "update": {"learning_rate": "0.1"},
    }


SHAPES = [
    *({"n": 1, "T": T, "d": d} for T in (1, 2, 4) for d in (1, 2)),
    {"n": 2, "T": 1, "d": 2},
    {"n": 2, "T": 2},
    {"n": 3, "T": 1},
    {"n": 1, "T": 2, "layers": 2},
    {"n": 2, "T": 2, "readout": False},
    {"n": 1, "T": 3, "activation": "sigmoid"},
    {"n": 2, "T": 2, "d": 2, "bias": False},
]


def small(shape: dict[str, Any]) -> dict[str, Any]:
    made = document(**shape)
    if not made["network"].get("bias", True):
        made["parameters"] = {key: value for key, value in made["parameters"].items() if not key.startswith("b_")}
    return made


@pytest.mark.parametrize("shape", thinned(SHAPES, 4), ids=str)
def test_every_gradient_agrees_with_central_differences(shape: dict[str, Any]) -> None:
    """With 60 digits; also with SymPy's derivative where the loss is short enough to be composed."""
    comparisons = prove(from_document(small(shape)))
    assert len(comparisons) > 8
    assert all(one.agrees for one in comparisons)
    assert max(one.difference for one in comparisons) < 1e-12


def test_all_published_numbers_of_gomez() -> None:
    """Eight places of 28 numbers: gates, cells, states, and every new parameter."""
    path = Path(__file__).parent.parent / "examples" / "answers" / "gomez.csv"
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    assert 28 == len(rows)
    solution = solve("gomez", rounding="full")
    for row in rows:
        digits = len(row["answer"].partition(".")[2])
        assert abs(solution[row["quantity"]] - float(row["answer"])) <= 0.51 * 10.0**-digits


def test_both_ways_back_are_lines() -> None:
    """A state is reached from its output and each gate of the next step, a cell from its state and the next cell."""
    names = {str(step.target) for step in scalars(build(load("gomez")))}
    assert {f"dL/dh_1 via {via}" for via in ("L_1", "a_i_2", "a_f_2", "a_g_2", "a_o_2")} <= names
    assert {"dL/dc_1 via h_1", "dL/dc_1 via c_2", "dL/dc_1"} <= names
    assert "dc_2/dc_1 = f_2" == str(build(load("gomez"))).splitlines()[-1]


def test_worksheets_variants_and_marking_take_a_cell_as_it_is() -> None:
    """No code of theirs knows its name; the key of every variant earns everything."""
    one = Key(load("gomez"))
    marks = check(one, {one.steps[p].target: f"{one.exact[p]:.9f}" for p in blanks_of(one).asked})
    assert marks.score == marks.out_of == len(blanks_of(one).asked)
    assert "dL/dc_1" in str([row.name for row in worksheet(one).rows()])
    assert "forget gate" in markdown(worksheet(one, blanks_of(one, ["all"], 1)))
    made = {**document(1, 2), "vary": {}}
    factory = Factory(made, ["gradients"])
    variant = variant_of(factory, factory.search(1, 1).variants[0].code)
    own = Key(factory.variant_problem(variant.code, variant.drawn))
    assert f"{own.problem.rounded(Rounding('full')).code}"
    assert "dL/df_1" in markdown(key_sheet(own)) or r"\partial f_{1}" in markdown(key_sheet(own))
