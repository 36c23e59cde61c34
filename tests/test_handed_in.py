"""Gradients that are handed in from above, instead of a loss."""

from __future__ import annotations

from typing import Any

import claims
import pytest
from law import FUNCTIONS, Digits
from networks import document as network_document
from sweeps import of_media, paired
from test_law import MEDIA, document, lines_of, obey
from test_torch import agree, arrays, slopes, texts, torch, unwrapped  # noqa: F401  (a fixture)

from bptt_trace import Key, Name, ProblemError, Rounding, build, check, evaluate, scalars, solve
from bptt_trace.handouts.number_places import completed, leaves
from bptt_trace.handouts.number_ranges import ranges_of
from bptt_trace.problem.problem import from_document
from bptt_trace.problem.tables import with_defaults
from bptt_trace.trained_models.problem_file import document_from


def handed(cell: str = "rnn", **gradients: Any) -> dict[str, Any]:
    """Three steps of one unit without a readout, with these gradients handed in: ``h_3="0.4"``."""
    made = network_document(T=3, readout=False)
    if cell == "lstm":
        gates = {f"{stem}{gate}": value for gate in "ifgo" for stem, value in (("w_x", "0.5"), ("w_h", "-0.3"), ("b_", "0.2"))}
        made |= {"network": {"cell": "lstm", "readout": False}, "parameters": gates}
    made["given"] = {"x": ["0.6", "-0.4", "1.1"], "h_0": "0.2", **{f"dL/d{name}": value for name, value in gradients.items()}}
    made.pop("loss", None)
    return made


SIZES = [(1, 1, 2), (2, 1, 3), (2, 2, 2)]
"""Units, inputs and time steps."""


@pytest.mark.parametrize(("cell", "size"), paired(["RNNCell", "LSTMCell", "GRUCell"], SIZES))
def test_what_is_handed_in_goes_back_as_in_pytorch(torch: Any, cell: str, size: tuple[int, int, int]) -> None:  # noqa: F811
    """``torch.autograd.backward`` with gradients of the first and of the last state; inputs have theirs too."""
    n, d, T = size
    made = getattr(torch.nn, cell)(d, n)
    x = torch.randn(T, 1, d, requires_grad=True)
    start = {stem: torch.randn(1, n, requires_grad=True) for stem in ("hc" if cell == "LSTMCell" else "h")}
    state: Any = tuple(start.values()) if cell == "LSTMCell" else start["h"]
    quantities: dict[str, Any] = {}
    for t, one in enumerate(x, 1):
        state = made(one, state)
        parts = state if isinstance(state, tuple) else (state,)
        quantities |= {f"{stem}_{t}": part for stem, part in zip(start, parts, strict=True) if t in (1, T)}
    given = {name: torch.randn(1, n) for name in quantities}
    torch.autograd.backward(list(quantities.values()), list(given.values()))
    problem_file = document_from(arrays(made), steps=T)
    problem_file["network"] |= {"readout": False, "input_gradients": True}
    problem_file["given"] = {
        "x": texts([unwrapped(one) for (one,) in x.tolist()]),
        **{f"{stem}_0": texts(unwrapped(one.tolist()[0])) for stem, one in start.items()},
        **{f"dL/d{name}": texts(unwrapped(one.tolist()[0])) for name, one in given.items()},
    }
    problem_file.pop("loss", None)
    problem = from_document(problem_file)
    values = evaluate(scalars(build(problem)), problem.given, Rounding("full"))
    for key, table in document_from(slopes(made), cell=problem_file["network"]["cell"])["parameters"].items():
        agree(values, key, table)
    for t, (slope,) in enumerate(x.grad.tolist(), 1):
        agree(values, f"x_{t}", unwrapped(slope))
    for stem, one in start.items():
        agree(values, f"{stem}_0", unwrapped(one.grad.tolist()[0]))


@pytest.mark.parametrize(
    ("medium", "made"), paired(of_media(MEDIA, 1), [handed(h_3="0.4"), handed("lstm", h_3="0.3", c_3="-0.2", h_1="0.1")])
)
def test_every_line_recomputes_and_every_sentence_is_true(medium: str, made: dict[str, Any]) -> None:
    """Formula, numbers and result; a state to which only its own gradient is handed repeats it."""
    solution = solve(from_document(made), steps="full")
    assert obey(lines_of(document(solution, medium), medium), Digits(4), dict(FUNCTIONS)) > 10
    assert "handed in" in solution.to_markdown()
    claims.check(made, solution.to_json(), solution.to_markdown())


def test_it_varies_and_is_marked() -> None:
    """What is handed in is drawn anew for each variant; the key of a sheet scores everything."""
    made = handed("lstm", h_3="0.3", c_3="-0.2")
    problem = from_document(made)
    ranges = ranges_of(problem, with_defaults({})["vary"])
    assert {Name.parse("dL/dh_3 via above"), Name.parse("dL/dc_3 via above")} <= set(ranges.choices)
    places = leaves(completed(made, problem), problem)
    assert places["given", "dL/dc_3"] == (Name.parse("dL/dc_3 via above"),)
    key = Key(problem)
    answers = {step.target: repr(value) for step, value in zip(key.steps, key.exact, strict=True) if step.rule is not None}
    assert check(key, answers).score == len(answers)


def test_a_parameter_that_no_gradient_reaches_stays() -> None:
    """The cell of an LSTM at its only step does not depend on the output gate."""
    made = handed("lstm", c_1="0.5")
    made["given"]["x"] = ["0.6"]
    made["update"] = {"learning_rate": "0.1"}
    names = {str(step.target) for step in build(from_document(made)).steps}
    assert {"dL/dw_xf", "w_xf'"} <= names
    assert not {"dL/dw_xo", "w_xo'"} & names


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        ({"given": {"x": [1, 2], "dL/dh_3": 1}}, "given.dL/dh_3", "there are dL/dh_1, dL/dh_2"),
        ({"given": {"x": [1, 2], "dL/dh_2": [1, 2]}}, "given.dL/dh_2", "a list of 2"),
        ({"given": {"x": [1, 2], "dL/dw_hh": 1}}, "given", "dL/dw_hh"),
        ({"loss": {"kind": "none"}}, "loss", "one of the two"),
        ({"given": {"x": [1, 2], "dL/dh_2": 1, "target": [1, 2]}}, "given.target", "has no target"),
        ({"update": {"learning_rate": 1, "iterations": 2}}, "update.iterations", "one iteration"),
        ({"update": {"learning_rate": 1, "truncate": 1}}, "update.truncate", "a problem of its own"),
    ],
)
def test_what_has_no_meaning_beside_it(change: dict[str, Any], path: str, said: str) -> None:
    """What was met, and what would do."""
    made = handed(h_2="0.4")
    made["given"] = {"x": [1, 2], "dL/dh_2": 1}
    made.pop("update", None)
    with pytest.raises(ProblemError) as error:
        from_document({**made, **change})
    assert error.value.path == path
    assert said in str(error.value)
