"""The gradient of every state and every prediction, not only of parameters, against PyTorch's autograd.

The forward pass is written down a second time, from the problem file alone.
"""

from __future__ import annotations

import os
import random
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

import pytest
import sweeps
from networks import filled, sequence
from sweeps import share_of

from bptt_trace.calculation.arithmetic import Values, evaluate
from bptt_trace.calculation.build import build
from bptt_trace.engine.names import LOSS, Name, Role
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.marking.check import check
from bptt_trace.marking.key import Key
from bptt_trace.marking.marks import RIGHT
from bptt_trace.problem.problem import from_document
from bptt_trace.problem.rounding import Rounding

if find_spec("torch") is None and not os.environ.get("CI"):
    pytest.skip("PyTorch is not installed (pip install torch)", allow_module_level=True)

SHAPES: dict[str, dict[str, Any]] = {
    "step by step": {},
    "no readout": {"readout": False},
    "output fed back": {"feedback": "output"},
    "target fed back": {"feedback": "target"},
    "decoder on its own": {"decoder": "output"},
    "decoder told": {"decoder": "target"},
}
LOSSES: dict[str, dict[str, Any]] = {
    "squared": {"kind": "squared_error"},
    "binary": {"kind": "binary_cross_entropy"},
    "binary, long": {"kind": "binary_cross_entropy", "gradient": "long"},
    "classes": {"kind": "cross_entropy"},
    "classes, long": {"kind": "cross_entropy", "gradient": "long"},
}
CASES = [(shape, loss) for shape in SHAPES for loss in LOSSES if shape != "no readout" or not loss.startswith("classes")]
"""Softmax makes predictions of a readout only."""
AGAIN = [case for case in CASES if case[0] in ("no readout", "output fed back", "decoder on its own") and "long" not in case[1]]
"""Where a prediction is used again, and the way back could go past it."""
OUTPUT = {"squared_error": "identity", "binary_cross_entropy": "sigmoid", "cross_entropy": "softmax"}


def document(shape: str, loss: str, seed: int) -> dict[str, Any]:
    """A recurrent network of this shape with random sizes, numbers and targets."""
    chance = random.Random(f"{shape} {loss} {seed}")
    kind = LOSSES[loss]["kind"]
    T, k = chance.randint(1, 4), chance.randint(2, 3) if kind == "cross_entropy" else chance.randint(1, 2)
    keys: dict[str, Any] = {"cell": "rnn", "hidden": chance.randint(1, 3), **SHAPES[shape]}
    if shape == "no readout":
        keys |= {"hidden": k, "activation": OUTPUT[kind]}
    else:
        keys["output_activation"] = OUTPUT[kind]
        if kind == "cross_entropy" and chance.random() < 0.5:
            keys["softmax"] = "steps"

    def target() -> Any:
        if kind == "cross_entropy":
            parts = [chance.randint(0, 2) for _ in range(k)]
            parts[chance.randrange(k)] += 1
            return [f"{part}/{sum(parts)}" for part in parts]
        numbers = [chance.choice(["0", "1", "1/4"]) for _ in range(k)]
        return numbers if k > 1 else numbers[0]

    reading = chance.randint(1, 3) if "decoder" in keys else T
    given = {"x": sequence(reading, chance.randint(1, 2), seed=seed), "target": [target() for _ in range(T)]}
    told = LOSSES[loss] | {"over_time": chance.choice(["mean", "sum"])}
    if kind == "binary_cross_entropy" and k > 1:
        told["over_units"] = chance.choice(["mean", "sum"])
    return filled(keys, given, seed=seed, loss=told)


def autograd(torch: Any, made: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Loss, and for each state, pre-activation and prediction its gradient, as a column."""
    network, told = made["network"], made["loss"]

    def tensor(value: Any) -> Any:
        number = [tensor(one) for one in value] if isinstance(value, list) else float(Fraction(str(value)))
        return torch.stack(number) if isinstance(value, list) else torch.tensor(number)

    def column(value: Any) -> Any:
        return torch.atleast_1d(tensor(value))

    activations = {
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "softmax": lambda z: torch.softmax(z, 0),
        "identity": lambda z: z,
    }
    kept: dict[str, Any] = {}

    def line(name: str, value: Any) -> Any:
        one = value + 0  # a node of its own, also where the activation is the identity
        one.retain_grad() if one.requires_grad else one.requires_grad_()
        kept[name] = one
        return one

    weights = {key: tensor(value).requires_grad_() for key, value in made["parameters"].items()}

    def parameter(stem: str, ending: str, dimensions: int) -> Any:
        key = next(key for key in (stem + ending, stem.lower() + ending) if key in weights)
        return torch.atleast_2d(weights[key]) if dimensions == 2 else torch.atleast_1d(weights[key])

    def state(ending: str, t: int, inputs: list[Any], before: Any) -> Any:
        a = parameter("W_hh", ending, 2) @ before + parameter("b_h", ending, 1)
        if inputs:
            a = a + parameter("W_xh", ending, 2) @ torch.cat(inputs)
        a = line(f"a{ending}_{t}", a)
        return line(f"h{ending}_{t}", activations[network.get("activation", "tanh")](a))

    targets = [column(value) for value in made["given"]["target"]]
    xs = [column(value) for value in made["given"]["x"]]
    before, ending = torch.zeros(network["hidden"]), ""
    fed = torch.zeros(len(targets[0]))
    back = network.get("feedback") or network.get("decoder")
    if "decoder" in network:
        for t, x in enumerate(xs, 1):
            before = state("(enc)", t, [x], before)
        ending = "(dec)"
    losses = []
    for t, target in enumerate(targets, 1):
        inputs = ([] if "decoder" in network else [xs[t - 1]]) + ([fed] if back else [])
        before = prediction = state(ending, t, inputs, before)
        if network.get("readout", True):
            z = parameter("W_hy", "", 2) @ before + parameter("b_y", "", 1)
            name = "y" if network["output_activation"] == "identity" else "z"
            prediction = line(f"{name}_{t}", z)
            if name == "z":
                prediction = line(f"y_{t}", activations[network["output_activation"]](prediction))
        kind = told["kind"]
        terms = {
            "squared_error": lambda y, to: (y - to) ** 2,
            "binary_cross_entropy": lambda y, to: -(to * y.log() + (1 - to) * (1 - y).log()),
            "cross_entropy": lambda y, to: -torch.xlogy(to, y),
        }[kind](prediction, target)
        losses.append(terms.mean() if told.get("over_units") == "mean" else terms.sum())
        fed = target if back == "target" else prediction
    loss = sum(losses) / (len(losses) if told["over_time"] == "mean" else 1)
    loss.backward()
    return loss.item(), {name: one.grad for name, one in kept.items()}


def compare(made: dict[str, Any]) -> set[str]:
    """Compare every gradient that the program has of states and predictions; returns their names."""
    import torch

    torch.set_default_dtype(torch.float64)
    loss, found = autograd(torch, made)
    asked = from_document(made)
    values: Values = evaluate(scalars(build(asked)), asked.given, Rounding("full"))
    assert pytest.approx(loss, rel=1e-12) == values[LOSS]
    met = set()
    for step in values.program:
        target = step.target
        if step.role is Role.GRADIENT and target.of == LOSS and target.time is not None and target.stem in "ahyz":
            key = str(target._replace(of=None, index=()))
            place = target.index[0] - 1 if target.index else 0
            assert values[target] == pytest.approx(float(found[key][place]), rel=1e-9, abs=1e-13), (str(target), made)
            met.add(key)
    return met


@pytest.mark.parametrize(("shape", "loss"), CASES)
def test_gradients_of_states_and_predictions_are_totals(shape: str, loss: str) -> None:
    """A gradient without "via" is the whole derivative of the loss by that quantity, whatever uses the quantity again."""
    for seed in range(4 if sweeps.wide else 2):
        assert compare(document(shape, loss, seed))


@pytest.mark.exhaustive
@pytest.mark.parametrize(("shape", "loss"), CASES)
def test_gradients_of_many_states_and_predictions_are_totals(shape: str, loss: str) -> None:
    """The same for many random problems of each shape and loss."""
    for seed in range(4, 4 + share_of(100)):
        assert compare(document(shape, loss, seed))


@pytest.mark.parametrize(("shape", "loss"), [case for case in AGAIN if case[1] != "squared"])
def test_a_prediction_that_is_used_again_has_a_gradient_of_its_own(shape: str, loss: str) -> None:
    """Also where a cross-entropy goes the short way past it, so that the comparison above has something to compare."""
    stem = "h" if shape == "no readout" else "y"
    made = next(made for seed in range(9) if len((made := document(shape, loss, seed))["given"]["target"]) > 2)
    last = len(made["given"]["target"])
    met = compare(made)
    assert {f"{stem}_{t}" for t in range(1, last)} <= met
    assert f"{stem}_{last}" not in met


def test_the_total_is_the_right_answer() -> None:
    """An answer sheet with the total as dL/dh_1 is right; the part that is carried back, 0.3338, is not the total."""
    given = {"x": [1, 2], "target": [1, 0]}
    network = {"cell": "rnn", "readout": False, "activation": "sigmoid"}
    made = {"network": network, "parameters": {"w_xh": "0.5", "w_hh": "0.8", "b_h": "0.1"}, "given": given}
    key = Key(from_document({**made, "loss": {"kind": "binary_cross_entropy"}}))
    for written, right in (("-0.4406", True), ("0.3338", False)):
        (answer,) = [one for one in check(key, {Name.parse("dL/dh_1"): written}).answers if str(one.name) == "dL/dh_1"]
        assert (answer.verdict in RIGHT) is right
