"""Truncated BPTT with k1 ≠ k2: a backward pass every k1 steps that goes back k2 steps (Williams and Peng 1990)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import claims
import pytest
from law import Digits
from networks import filled, sequence
from sweeps import of_media, paired, printed, thinned
from test_law import MEDIA, lines_of, obey, solved_functions

from bptt_trace import Key, check, load, solve
from bptt_trace.calculation.arithmetic import Precise, run
from bptt_trace.calculation.build import build
from bptt_trace.calculation.prove import prove
from bptt_trace.engine.names import LOSS, Name
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import ProblemError
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.problem.problem import Problem, from_document

CASES = [(T, k1, k2) for T in (4, 5) for k1 in (1, 2, 3) for k2 in (2, 3) if k1 < k2]
CELLS: list[dict[str, Any]] = [{"cell": "rnn"}, {"cell": "lstm"}, {"cell": "gru"}]


def problem(network: dict[str, Any], T: int, **tables: Any) -> Problem:
    return from_document({**filled(network, {"x": sequence(T), "target": sequence(T, seed=2)}), **tables})


def values(one: Problem) -> dict[Name, Any]:
    program = scalars(build(one))
    return dict(zip((step.target for step in program.steps), run(program, one.given, Precise()), strict=True))


@pytest.mark.parametrize("network", thinned(CELLS, 2), ids=str)
@pytest.mark.parametrize(("T", "k1", "k2"), CASES)
def test_the_gradient_has_the_paths_that_some_pass_follows(network: dict[str, Any], T: int, k1: int, k2: int) -> None:
    """A loss belongs to the next pass after it; of that pass only the uses of the last k2 steps count."""
    update = {"learning_rate": "0.1", "truncate": k2, "truncate_every": k1}
    truncated = values(problem(network, T, update=update))
    some = {"rnn": "all", "lstm": ["w_hf", "b_o", "w_hy"], "gru": ["w_hz", "b_n", "b_y"]}[network["cell"]]
    whole = values(problem(network, T, also={"paths": some}))
    expected: dict[Name, Any] = {}
    for name, value in whole.items():
        if name.of is None or name.of.stem != "L" or name.via is None or name.time is not None or name.of.time is None:
            continue
        from_pass = min(-(-name.of.time // k1) * k1, T)
        if name.via.time is not None and name.via.time > from_pass - k2:
            total = name._replace(of=LOSS, via=None)
            expected[total] = expected.get(total, 0) + value / T
    assert expected
    for total, value in expected.items():
        assert abs(truncated[total] - value) < Decimal("1e-25"), total


def test_pytorch_gives_the_same_gradient() -> None:
    """For each pass the states before its window are detached, and the losses of the window go back."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    T, k1, k2 = 5, 2, 3
    one = problem({"cell": "rnn"}, T, update={"learning_rate": "0.1", "truncate": k2, "truncate_every": k1})
    g = {str(name): float(number.value) for name, number in one.given.items()}
    parameters = {
        stem: torch.tensor(g[stem], dtype=torch.float64, requires_grad=True) for stem in ("w_xh", "w_hh", "b_h", "w_hy", "b_y")
    }
    begin = 0
    for end in (2, 4, 5):
        h = torch.tensor(g["h_0"], dtype=torch.float64)
        for t in range(1, end + 1):
            if t == end - k2 + 1:
                h = h.detach()
            h = torch.tanh(parameters["w_xh"] * g[f"x_{t}"] + parameters["w_hh"] * h + parameters["b_h"])
            if begin < t:
                loss = (parameters["w_hy"] * h + parameters["b_y"] - g[f"target_{t}"]) ** 2 / T
                loss.backward(retain_graph=True)
        begin = end
    found = values(one)
    for stem, tensor in parameters.items():
        assert float(found[Name(stem, of=LOSS)]) == pytest.approx(float(tensor.grad), rel=1e-12)


CHANGES = ["update.truncate=2", "update.truncate_every=1"]


@pytest.mark.parametrize(("rounding", "medium"), paired(["4dp", "2dp", "5sf"], of_media(MEDIA, 0)))
def test_every_line_recomputes(rounding: str, medium: str) -> None:
    """In every medium."""
    solution = solve(load("rnn3", CHANGES), rounding=rounding, steps="full")
    digits = Digits(int(rounding[0]), figures=rounding.endswith("sf"))
    assert obey(lines_of(printed(solution, medium), medium), digits, solved_functions()) > 60


def test_the_sheet_its_sentences_and_its_worksheet() -> None:
    """A block for each pass; the sum of the passes; sentences that are true; blanks that can be filled in."""
    one = load("rnn3", CHANGES)
    solution = solve(one)
    text = solution.to_text()
    assert "Pass from step 3 back to step 2: the loss of step 3" in text
    assert "dL/dw_hh = dL_pass_1/dw_hh + dL_pass_2/dw_hh + dL_pass_3/dw_hh" in text
    document = {"network": {"cell": "rnn"}, "update": {"truncate": 2, "truncate_every": 1}}
    assert claims.check(document, solution.to_json(), solution.to_markdown()).checked > 5
    key = Key(one)
    assert any(row.blank for row in worksheet(key).rows() if row.name.text.startswith("dL_pass_2/"))
    answers = {step_name: value for step_name, value in json.loads(solution.to_json())["values"].items() if "dL" in step_name}
    assert not check(key, answers).faults


def test_as_many_steps_between_as_back_are_the_windows_of_before() -> None:
    """k1 = k2 gives the same program."""
    same = ["update.truncate=2", "update.truncate_every=2"]
    assert str(build(load("rnn3", same))) == str(build(load("rnn3", same[:1])))


def test_later_iterations_go_back_in_passes_too() -> None:
    """Three updates, each from the sum of its passes; proofs compare the whole gradient."""
    one = load("rnn3", [*CHANGES, "update.iterations=4"])
    names = values(one)
    for k in (1, 2, 3, 4):
        total = Name("w_hh", iteration=k, of=LOSS)
        parts = [names[total._replace(of=Name("L_pass", time=s))] for s in (1, 2, 3)]
        assert abs(names[total] - sum(parts)) < Decimal("1e-25")
    assert all(comparison.agrees for comparison in prove(one))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["update.truncate_every=1"], "update: how far a pass goes back is missing"),
        (["update.truncate=1", "update.truncate_every=2"], "update.truncate_every: 2 steps between passes that go back 1"),
        ([*CHANGES, "also.paths=all"], "also.paths: windows overlap (update.truncate_every)"),
    ],
)
def test_what_does_not_fit_is_refused(changes: list[str], message: str) -> None:
    """With the key that it is about."""
    with pytest.raises(ProblemError) as caught:
        load("rnn3", changes)
    assert message in str(caught.value)
    with pytest.raises(ProblemError, match="autograd goes back once, and here several passes overlap"):
        solve(load("rnn3", CHANGES)).to_code("torch")
