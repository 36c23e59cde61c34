"""Every cell, in every convention and in every shape over time: its gradients against central differences of its loss.

Each convention meets each number of units and steps, and each cell each shape
over time with each of these; the product of everything would be ten times as
many. The forward equations have oracles of their own: PyTorch and ONNX, where
these are installed, and published numbers.
"""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal, localcontext
from itertools import product
from typing import Any

import pytest
from networks import crooked, filled, sequence
from sweeps import each_once, paired

from bptt_trace.calculation.arithmetic import WORKING, Precise, Remembering, decimal, run
from bptt_trace.calculation.build import build
from bptt_trace.engine.functions import exp, sigmoid, tanh
from bptt_trace.engine.names import LOSS, Name, Role, gradient
from bptt_trace.engine.program import Program
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import ProblemError
from bptt_trace.networks.cells import gru, lstm, slstm
from bptt_trace.problem.network_keys import CELLS, CONVENTIONS
from bptt_trace.problem.problem import Problem, from_document

OF_ANY: list[dict[str, Any]] = [
    {},
    {"form": "concatenated"},
    {"biases": 2},
    {"products": "x W"},
    {"form": "concatenated", "products": "x W"},
    {"biases": 2, "products": "x W"},
    {"bias": False},
    {"activation": "sigmoid"},
    {"activation": "z/(1+abs(z))"},
    {"activation": "relu"},
    {"activation": "softplus", "bias": False},
    {"form": "concatenated", "bias": False},
]
KINDS: dict[str, list[dict[str, Any]]] = {
    "rnn": OF_ANY,
    "lstm": [
        *OF_ANY,
        {"gate_order": "fiog"},
        {"peepholes": True},
        {"peepholes": True, "form": "concatenated"},
        {"peepholes": True, "biases": 2, "gate_order": "ogfi"},
        {"peepholes": True, "products": "x W", "bias": False},
    ],
    "gru": [
        *({"keeps": keeps, "reset": reset, "biases": biases} for keeps, reset, biases in product(
            ("z", "1 - z"), ("after", "before"), (1, 2))),
        {"reset": "before", "form": "concatenated"},
        {"reset": "before", "form": "concatenated", "keeps": "1 - z", "products": "x W"},
        {"products": "x W", "biases": 2},
        {"bias": False, "activation": "softplus"},
    ],
    "slstm": [
        {"forget": forget, "stabiliser": stabiliser, **written}
        for forget, stabiliser, written in product(
            ("exp", "sigmoid"), (True, False), ({}, {"form": "concatenated"}, {"biases": 2, "products": "x W"}))
    ],
}  # fmt: skip
"""The conventions of each cell."""

SHAPES = [
    "a stack",
    "both directions",
    "both directions in a stack",
    "both directions without readout",
    "sequence to vector",
    "vector to sequence",
    "vector to sequence by its own outputs",
    "output fed back",
    "target fed back",
    "decoder fed with its output",
    "decoder fed with the target",
    "a batch without readout",
]
SIZES = list(product((1, 2, 3), (1, 2, 4)))


def document(cell: str, convention: dict[str, Any], shape: str, n: int, T: int) -> dict[str, Any]:
    """A random problem; where it is not too long, of two samples."""
    network: dict[str, Any] = {"cell": cell, "hidden": n, **convention}
    samples = 2 if shape == "a batch without readout" or T * n < 4 else 0
    d, k = 1 + (n + T) % 2, 1 + n % 2
    match shape:
        case "a stack":
            network["hidden"] = [n, 1 + n % 2]
        case "both directions":
            network["bidirectional"] = True
        case "both directions in a stack":
            network |= {"bidirectional": True, "hidden": [n, 1]}
        case "both directions without readout":
            network |= {"bidirectional": True, "readout": False}
            k = 2 * n
        case "sequence to vector":
            network["outputs"] = "last"
        case "vector to sequence":
            network |= {"inputs": "first", "steps": T}
        case "vector to sequence by its own outputs":
            network |= {"inputs": "first", "steps": T, "feedback": "output"}
            k = d
        case "output fed back" | "target fed back":
            network["feedback"] = shape.split()[0]
        case "decoder fed with its output" | "decoder fed with the target":
            network["decoder"] = shape.split()[-1]
        case _:
            network["readout"] = False
            k = n
    target: Any = sequence(T, k, samples, seed=2)
    x: Any = sequence(3 - T % 2 if "decoder" in network else T, d, samples)
    if network.get("outputs") == "last":
        target = [one[-1] for one in target] if samples else target[-1]
    if "steps" in network:
        x = [one[0] for one in x] if samples else x[0]
    return filled(network, {"x": x, "target": target})


def possible(convention: dict[str, Any], shape: str) -> bool:
    """One matrix for state and input wants an input at every step."""
    return not (convention.get("form") == "concatenated" and shape == "vector to sequence")


def cases() -> list[tuple[str, dict[str, Any], str, int, int]]:
    found = []
    for cell, conventions in KINDS.items():
        for (place, convention), (turn, (n, T)) in product(enumerate(conventions), enumerate(SIZES)):
            shapes = [SHAPES[(place + turn + more) % len(SHAPES)] for more in (0, 1)]
            found.append((cell, convention, next(shape for shape in shapes if possible(convention, shape)), n, T))
        met = {(shape, n, T) for one, _, shape, n, T in found if one == cell}
        found += [(cell, conventions[0], shape, n, T) for shape, (n, T) in product(SHAPES, SIZES) if (shape, n, T) not in met]
    return found


CASES = cases()


def parameters_of(program: Program) -> list[Name]:
    return [step.target for step in program if step.role is Role.PARAMETER and gradient(step.target) in program.index]


def distance(problem: Problem, program: Program | None = None) -> Decimal:
    """How far the gradients are from central differences with 60 digits, in a random direction of all parameters.

    A gradient that is wrong in one component is wrong in almost every direction. ``program`` has the gradients to be
    judged; the loss is calculated by the problem's own forward pass.
    """
    judged = program or scalars(build(problem))
    forward = scalars(build(problem))
    forward = Program(forward.steps[: forward.index[LOSS] + 1])
    chance = random.Random(str(problem.title))
    ways = {name: Decimal(chance.randrange(200, 1000)) / chance.choice((1000, -1000)) for name in parameters_of(judged)}
    numbers, how, step = run(judged, problem.given, Precise()), Remembering(Precise()), Decimal("1e-15")

    def loss(sign: int) -> Decimal:
        at = {name: decimal(problem.given[name].value) + sign * step * way for name, way in ways.items()}
        result: Decimal = run(forward, problem.given, how, at)[-1]
        return result

    with localcontext(WORKING):
        slope = sum((way * numbers[judged.index[gradient(name)]] for name, way in ways.items()), Decimal(0))
        return abs(slope - (loss(1) - loss(-1)) / (2 * step)) / max(abs(slope), Decimal("0.01"))


def features(case: tuple[str, dict[str, Any], str, int, int]) -> set[tuple[Any, ...]]:
    """What of a case every run wants to have seen: each convention, shape and size with each cell."""
    cell, convention, shape, n, T = case
    return {(cell, str(convention)), (cell, shape), (cell, n, T)}


@pytest.mark.parametrize("case", each_once(CASES, features), ids=lambda case: "-".join(map(str, case)))
def test_gradients_agree_with_central_differences(case: tuple[str, dict[str, Any], str, int, int]) -> None:
    """All of them together, to twenty digits."""
    assert distance(from_document(document(*case))) < Decimal("1e-20")


def test_the_cases_cover_what_they_should() -> None:
    """Every key that a cell leaves open, every convention with every size, every cell in every shape with every size."""
    of_attention = {"mask", "scale", "residual"}  # in tests/test_attention.py, as the cell
    assert set(KINDS) | {"dense", "attention"} == set(CELLS)
    assert {key for conventions in KINDS.values() for one in conventions for key in one} >= set(CONVENTIONS) - of_attention
    assert {(cell, str(convention), n, T) for cell, convention, _, n, T in CASES} == {
        (cell, str(convention), n, T) for cell, conventions in KINDS.items() for convention in conventions for n, T in SIZES
    }
    assert {(cell, shape, n, T) for cell, _, shape, n, T in CASES} == {
        (cell, shape, n, T) for cell in KINDS for shape in SHAPES for n, T in SIZES
    }


# ------------------------------------------------- the oracle would notice


SLOPES = [("rnn", None, tanh), ("lstm", None, tanh), ("lstm", lstm, sigmoid), ("gru", gru, sigmoid), ("slstm", slstm, exp)]


@pytest.mark.parametrize(("shape", "place"), paired(SHAPES, range(len(SLOPES))))
def test_a_slope_off_by_a_thousandth_is_noticed(monkeypatch: pytest.MonkeyPatch, shape: str, place: int) -> None:
    """Of the activation of the hidden value, or of the gates, in every shape over time; a right one is 1e-20 off at most."""
    cell, module, function = SLOPES[place]
    problem = from_document(document(cell, {}, shape, 2, 2))
    assert distance(problem) < Decimal("1e-20")
    wrong = crooked(function)
    cells = problem.network.cells
    if module is None:
        cells = tuple(replace(one, activation=wrong) for one in cells)
    else:
        monkeypatch.setattr(module, function.name, wrong)
    judged = scalars(build(replace(problem, network=replace(problem.network, cells=cells))))
    monkeypatch.undo()
    assert distance(problem, judged) > Decimal("1e-9")


# ------------------------------------------------------ what has no meaning


def test_one_matrix_wants_an_input_at_every_step() -> None:
    """After the first step there is nothing below the state in [h, x]."""
    keys = {"cell": "rnn", "form": "concatenated", "inputs": "first", "steps": 2}
    with pytest.raises(ProblemError, match=r'^network\.form: after the first step there is no x .*; form = "separate"'):
        from_document({"network": keys, "parameters": {"W_h": [[1, 2]]}, "given": {"x": 1, "target": [1, 2]}})


@pytest.mark.parametrize(("cell", "shape"), [("lstm", "a batch without readout"), ("rnn", "both directions without readout")])
def test_binary_cross_entropy_wants_a_sigmoid_last(cell: str, shape: str) -> None:
    """The state of an LSTM, o ⊙ φ(c), and the states of both directions together do not come out of φ."""
    made = document(cell, {"activation": "sigmoid"}, shape, 2, 4)
    with pytest.raises(ProblemError, match=r"^loss\.kind: .* it goes with sigmoid at the output, not with identity"):
        from_document({**made, "loss": {"kind": "binary_cross_entropy"}})
