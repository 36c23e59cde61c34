"""Gradient flow of several units and layers: matrices of slopes, their products, and spectral norms."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from law import FUNCTIONS, Digits, evaluate, number
from networks import filled, sequence
from sweeps import chosen
from test_paths import MEDIA

from bptt_trace import load
from bptt_trace.calculation.arithmetic import Precise, run
from bptt_trace.calculation.build import build
from bptt_trace.commands import command
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Builder
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.engine.state_slopes import matrix_factors
from bptt_trace.errors import ProblemError
from bptt_trace.media.drawing.svg import pictures
from bptt_trace.media.sheet_json import write_json
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import Problem, from_document
from bptt_trace.problem.rounding import Rounding
from bptt_trace.worked_solution.matrix_flow import matrix_flow_sheet

SMALL = Decimal("1e-20")
NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("h", {"cell": "rnn", "hidden": 2}),
    ("h", {"cell": "rnn", "hidden": 3, "products": "x W"}),
    ("h", {"cell": "rnn", "hidden": [1, 1]}),
    ("h", {"cell": "rnn", "hidden": [2, 1]}),
    ("h", {"cell": "gru", "hidden": 2}),
    ("c", {"cell": "lstm", "hidden": 2}),
]


def problem(network: dict[str, Any], T: int = 3) -> Problem:
    return from_document(filled(network, {"x": sequence(T), "target": sequence(T, seed=2)}))


@pytest.mark.parametrize(("memory", "network"), NETWORKS, ids=str)
def test_an_entry_is_a_central_difference(memory: str, network: dict[str, Any]) -> None:
    """One unit is moved a little at one step; other states than the memory are held, later memories are not."""
    one = problem(network)
    builder = Builder(build(one))
    cells = one.network.cells
    matrix_factors(builder, {cell.memory for cell in cells}, {stem for cell in cells for stem in cell.state})
    program = scalars(builder.build())
    value = dict(zip((step.target for step in program.steps), run(program, one.given, Precise()), strict=True))
    factors = [step.target for step in program.steps if step.role is Role.FACTOR]
    assert len(factors) >= 2 * 3
    states = {name for name in value if name.of is None and name.iteration == 1 and name.stem in cells[0].state}
    for target in factors:
        assert target.of is not None
        before = target._replace(of=None)
        held = {name: value[name] for name in states if name.stem != memory or (name.time == before.time and name != before)}
        moved = [
            run(program, one.given, Precise(), {**held, before: value[before] + by})[program.index[target.of]]
            for by in (SMALL, -SMALL)
        ]
        assert abs((moved[0] - moved[1]) / (2 * SMALL) - value[target]) < Decimal("1e-15"), target


def test_pytorch_has_the_same_matrices() -> None:
    """∂h_3/∂h_1 of two units, by autograd's Jacobian."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    one = load("classifier")
    value = {str(name): float(number.value) for name, number in one.given.items()}

    def matrix(stem: str) -> Any:
        rows = [[value[f"{stem}[{i},{j}]"] for j in (1, 2)] for i in (1, 2)]
        return torch.tensor(rows, dtype=torch.float64)

    W_xh, W_hh = matrix("W_xh"), matrix("W_hh")
    b = torch.tensor([value["b_h[1]"], value["b_h[2]"]], dtype=torch.float64)
    xs = [torch.tensor([value[f"x_{t}[{i}]"] for i in (1, 2)], dtype=torch.float64) for t in (1, 2, 3)]

    def later(h: Any) -> Any:
        for x in xs[1:]:
            h = torch.tanh(W_xh @ x + W_hh @ h + b)
        return h

    ours = {row.name.text: float(row.result.text) for row in matrix_flow_sheet(one.rounded(Rounding("full"))).rows()}
    jacobian = torch.autograd.functional.jacobian(later, torch.tanh(W_xh @ xs[0] + b))
    for i in (1, 2):
        for j in (1, 2):
            assert ours[f"dh_3[{i}]/dh_1[{j}]"] == pytest.approx(float(jacobian[i - 1, j - 1]), rel=1e-12)


@pytest.mark.parametrize("medium", chosen(MEDIA, ["json", "markdown", "terminal-120"]))
def test_every_line_recomputes(medium: str) -> None:
    """To the figures of the sheet, in every medium."""
    write_as, read = MEDIA[medium]
    for one in (load("classifier"), problem({"cell": "rnn", "hidden": [2, 1]})):
        sheet = matrix_flow_sheet(one)
        rows = [row for section in read(write_as(sheet)) for row in section]
        assert len(list(sheet.rows())) == len(rows) > 8
        for row in rows:
            assert Digits(4, figures=True).rounded(evaluate(row.numbers, FUNCTIONS)) == number(row.result), row


@pytest.mark.parametrize(("memory", "network"), NETWORKS, ids=str)
def test_a_norm_is_that_of_the_printed_matrix(memory: str, network: dict[str, Any]) -> None:
    """NumPy's singular values of the printed entries, rounded as the sheet rounds."""
    printed = json.loads("".join(write_json(matrix_flow_sheet(problem(network), canonical=True))))
    entries: dict[tuple[int, int], dict[tuple[Any, Any], float]] = {}
    for section in printed["sections"]:
        for entry in section["entries"]:
            target = Name.parse(entry["name"])
            assert target.of is not None and target.stem == memory
            at = (target.of.layer, target.of.index), (target.layer, target.index)
            entries.setdefault((target.of.time or 0, target.time or 0), {})[at] = float(entry["value"])
    (table,) = (table for section in printed["sections"] for table in section.get("tables", []))
    units = sorted({unit for matrix in entries.values() for pair in matrix for unit in pair}, key=str)
    for row in table["rows"]:
        t = int(row[0])
        for late, told in ((t + 1, row[1]), (3, row[2])):
            matrix = [[entries[late, t].get((i, j), 0.0) for j in units] for i in units]
            assert float(told) == pytest.approx(np.linalg.norm(np.array(matrix), 2), rel=6e-4)


def test_a_higher_layer_has_no_way_back_into_a_lower_one() -> None:
    """So such an entry has no line."""
    rows = {row.name.text for row in matrix_flow_sheet(problem({"cell": "rnn", "hidden": [1, 1]})).rows()}
    assert "dh(2)_3/dh(1)_2" in rows
    assert "dh(1)_3/dh(2)_2" not in rows


def test_the_command_takes_one_such_problem() -> None:
    """Beside others a matrix has no place; closed forms of norms, and very many entries, are refused."""
    alone = CliRunner().invoke(command, ["flow", "classifier"])
    assert 0 == alone.exit_code and "Verdict: Vanishing." in alone.output
    both = CliRunner().invoke(command, ["flow", "rnn", "classifier"])
    assert str(both.exception).startswith("classifier: network.hidden: 2 units")
    with pytest.raises(ProblemError, match="rounding: a spectral norm has no closed form"):
        matrix_flow_sheet(load("classifier").rounded(Rounding("exact")))
    with pytest.raises(ProblemError, match=r"network.hidden: about 1,264 entries of slopes, more than 1,000"):
        matrix_flow_sheet(problem({"cell": "rnn", "hidden": 2}, 159))


def test_the_picture_has_the_norms() -> None:
    """On a logarithmic scale, as that of one unit."""
    sheet = matrix_flow_sheet(load("classifier"))
    assert "0.1554" in pictures(sheet)["decades"]
    assert max(map(len, as_text(sheet, 60).splitlines())) <= 60
