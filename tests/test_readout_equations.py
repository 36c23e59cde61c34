"""An output layer told by its equations: the same lines as the built-in one, right gradients, and errors with a caret."""

from __future__ import annotations

from typing import Any

import pytest
from law import Digits
from sweeps import of_media, paired, printed
from test_law import MEDIA, lines_of, obey, solved_functions

from bptt_trace import Key, check, load, solve
from bptt_trace.calculation.build import build
from bptt_trace.calculation.prove import prove
from bptt_trace.errors import ProblemError
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.problem.problem import Problem, from_document

RNN = ["a_t = W_xh x_t + W_hh h_(t-1) + b_h", "h_t = tanh(a_t)"]
BUILT_IN: dict[str, tuple[dict[str, Any], list[str], dict[str, Any]]] = {
    "identity": ({}, ["y_t = W_hy h_t + b_y"], {}),
    "sigmoid": (
        {"output_activation": "sigmoid"}, ["z_t = W_hy h_t + b_y", "y_t = sigmoid(z_t)"],
        {"loss": {"kind": "binary_cross_entropy"}},
    ),
    "softmax": (
        {"output_activation": "softmax"}, ["z_t = W_hy h_t + b_y", "y_t = softmax(z_t)"], {"loss": {"kind": "cross_entropy"}},
    ),
}  # fmt: skip


def numbers(kind: str) -> dict[str, Any]:
    hidden = {"W_xh": ["0.4", "-0.3"], "W_hh": [["0.5", "0.1"], ["-0.2", "0.6"]], "b_h": ["0.1", 0]}
    if kind == "softmax":
        return {**hidden, "W_hy": [["0.7", "-0.5"], ["0.2", "0.4"], [0, "0.3"]], "b_y": [0, "0.1", "-0.1"]}
    return {**hidden, "W_hy": ["0.7", "-0.5"], "b_y": "0.1"}


def problem(network: dict[str, Any], cell: dict[str, Any] | None, kind: str, tables: dict[str, Any]) -> Problem:
    target = [1, 3] if kind == "softmax" else [1, 0]
    own = {"cell": {"name": "RNN", "state": ["h"], "equations": RNN, **cell}} if cell else {}
    given = {"x": [1, "-0.5"], "target": target}
    return from_document({"network": network, **own, "parameters": numbers(kind), "given": given, **tables})


@pytest.mark.parametrize("kind", BUILT_IN)
def test_the_built_in_readout_written_out_gives_the_same_program(kind: str) -> None:
    """Line for line."""
    options, readout, tables = BUILT_IN[kind]
    written = problem({"cell": "equations"}, {"readout": readout}, kind, tables)
    built_in = problem({"cell": "rnn", **options}, None, kind, tables)
    assert str(build(written)) == str(build(built_in))


OWN: list[tuple[list[str], dict[str, Any], dict[str, Any]]] = [
    (["p_t = relu(W_hp h_t + b_p)", "y_t = w_s * p_t + b_y"], {"w_hp": "1.2", "b_p": "0.1", "w_s": "0.9", "b_y": "-0.3"}, {}),
    (["q_t = h_t * h_t", "z_t = W_hy q_t", "y_t = tanh(z_t)"], {"w_hy": "0.7"}, {}),
    (["y_t = k * h_t + b_y"], {"k": "1.5", "b_y": 0}, {"shapes": {"k": []}}),
]


@pytest.mark.parametrize(("readout", "parameters", "more"), OWN, ids=lambda one: str(one)[:40])
def test_gradients_are_derivatives(readout: list[str], parameters: dict[str, Any], more: dict[str, Any]) -> None:
    """Central differences and SymPy, of every parameter."""
    cell = {"name": "RNN", "state": ["h"], "equations": RNN, "readout": readout, **more}
    hidden = {"w_xh": "0.5", "w_hh": "0.8", "b_h": "0.1"}
    one = from_document({
        "network": {"cell": "equations"}, "cell": cell, "parameters": {**hidden, **parameters},
        "given": {"x": [1, "0.5"], "target": ["0.5", "0.2"]},
    })  # fmt: skip
    compared = prove(one)
    assert len(compared) == 3 + len(parameters)
    assert all(comparison.agrees and comparison.composed is not None for comparison in compared)


@pytest.mark.parametrize(("rounding", "medium"), paired(["4dp", "2dp", "5sf"], of_media(MEDIA, 1)))
def test_every_line_recomputes(rounding: str, medium: str) -> None:
    """In every medium."""
    solution = solve("readout-equations", rounding=rounding, steps="full")
    digits = Digits(int(rounding[0]), figures=rounding.endswith("sf"))
    assert obey(lines_of(printed(solution, medium), medium), digits, solved_functions()) > 30


def test_worksheets_and_follow_through() -> None:
    """A slip in the projection costs one line."""
    key = Key(load("readout-equations"))
    assert "p_1" in {row.name.text for row in worksheet(key).rows() if row.blank}
    solution = solve("readout-equations")
    right = {str(step.target): str(solution.values[step.target]) for step in solution.program.steps if step.rule is not None}
    marks = check(key, {**right, "p_1": "0.9"})
    assert ["p_1"] == [str(answer.name) for answer in marks.faults][:1]


@pytest.mark.parametrize(
    ("readout", "place", "message"),
    [
        (["z_t = W_hy h_t"], None, "cell.readout[1]: the last line of the readout makes y_t"),
        (["y_t = 2 * tanh(W_hy h_t)"], 10, "cell.readout[1]: the output is a function of one line"),
        (["y_t = W_hy x_t"], 11, "cell.readout[1]: unknown name 'x_t'"),
        (["y_t = W_hy h_(t-1)"], 11, "cell.readout[1]: h is not carried from one step to the next"),
        (["a_t = W_hy h_t", "y_t = tanh(a_t)"], None, "cell.readout[1]: a means something else already"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(readout: list[str], place: int | None, message: str) -> None:
    """And a caret, where it is a place in an equation."""
    cell = {"name": "RNN", "state": ["h"], "equations": RNN, "readout": readout}
    with pytest.raises(ProblemError) as caught:
        from_document({
            "network": {"cell": "equations"}, "cell": cell,
            "parameters": {"w_xh": 1, "w_hh": 1, "b_h": 0, "w_hy": 1}, "given": {"x": [1], "target": [1]},
        })  # fmt: skip
    assert str(caught.value).startswith(message)
    if place is not None:
        assert f"\n    {' ' * place}^" in str(caught.value)


def test_keys_that_say_the_same_are_refused() -> None:
    """The equations say it."""
    for change in ("network.output_activation=tanh", "network.readout=false"):
        with pytest.raises(ProblemError, match=r"the readout is given by its equations \(cell.readout\)"):
            load("readout-equations", [change])
