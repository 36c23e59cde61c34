"""Vectors, layers, batches, losses, shapes over time and conventions, against central differences in 50 digits."""

from __future__ import annotations

import sys
from itertools import product
from typing import Any

import pytest
from networks import document
from oracle import Oracle
from sweeps import at_once, paired

from bptt_trace import CalculationError, ProblemError, parse, solve
from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.engine.names import LOSS, Name, gradient
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.problem.problem import from_document
from bptt_trace.problem.rounding import Rounding
from bptt_trace.worked_solution.worked_solution import MAX_PRINTED, within_reach


def worst(made: dict[str, Any], batch: int = 0) -> float:
    """The largest distance of loss, gradients and updated parameters from the oracle."""
    problem = from_document(made)
    program = scalars(build(problem))
    values = evaluate(program, problem.given, Rounding("full"))
    oracle = Oracle({**made, "samples": batch})
    apart = [abs(values[LOSS] - oracle.loss(oracle.start))]
    moved = {}
    for key, start in oracle.start.items():
        slope = oracle.slope(key)
        apart.append(abs(values[gradient(Name.parse(key))] - slope))
        moved[key] = start - slope / 10
    apart.append(abs(values[LOSS._replace(iteration=2)] - oracle.loss(moved)))
    return float(max(apart))


SIZES = list(product((1, 2, 3), repeat=3))
ACTIVATIONS = ["identity", "tanh", "sigmoid", "relu", "leaky_relu", "softplus", "z/(1+abs(z))"]


@pytest.mark.parametrize(("size", "T", "outputs"), paired(SIZES, [1, 2, 4, 1], ["every", "last"]))
def test_recurrent(size, T, outputs):
    """Any number of units, inputs and outputs, over any number of steps, many-to-many and many-to-one."""
    n, d, k = size
    assert worst(document(hidden=n, d=d, k=k, T=T, outputs=outputs, seed=n + 3 * d + 9 * k + T)) < 1e-11


@pytest.mark.parametrize(
    ("activation", "cell", "products"), paired(ACTIVATIONS, ["dense", "rnn"], ["W x", "W x", "x W", "x W"][::2])
)
def test_activations_and_both_orientations(activation, cell, products):
    """Every activation, with vectors as columns and as rows."""
    assert worst(document(cell, hidden=2, d=3, k=2, activation=activation, products=products, seed=len(activation))) < 1e-11


LOSSES: list[tuple[dict[str, Any], str]] = [
    ({"factor": "1/2", "over_units": "mean"}, "tanh"),
    ({"over_units": "sum"}, "softmax"),
    ({"kind": "cross_entropy"}, "softmax"),
    ({"kind": "cross_entropy", "gradient": "long", "factor": "2"}, "softmax"),
    ({"kind": "binary_cross_entropy"}, "sigmoid"),
    ({"kind": "binary_cross_entropy", "gradient": "long"}, "sigmoid"),
    ({"kind": "binary_cross_entropy", "over_units": "mean", "factor": "1/3"}, "sigmoid"),
]


@pytest.mark.parametrize(
    ("behind", "shape", "k"), paired(LOSSES, [{"outputs": "every"}, {"outputs": "last"}, {"inputs": "first"}], [2, 3]), ids=str
)
def test_losses_over_time(behind, shape, k):
    """Every loss, with a prediction at every step or at the last, an input at every step or at the first."""
    loss, output = behind
    made = document(hidden=2, d=2, k=k, T=3, loss=loss, output_activation=output, seed=k, **shape)
    assert worst(made) < 1e-11


@pytest.mark.parametrize(("behind", "hidden"), paired(LOSSES, [[2], [3, 2], [2, 1, 3]]), ids=str)
def test_losses_of_deep_networks(behind, hidden):
    """Every loss, behind one to three layers with activations of their own."""
    loss, output = behind
    activation = ["tanh", "sigmoid", "leaky_relu"][: len(hidden)]
    made = document("dense", hidden=hidden, d=2, k=2, loss=loss, activation=activation, output_activation=output, seed=5)
    assert worst(made) < 1e-11


def test_losses_of_one_unit():
    """With one output a loss has no terms of units."""
    for gradient_ in ("short", "long"):
        for seed in range(4):
            loss = {"kind": "binary_cross_entropy", "gradient": gradient_}
            assert worst(document("dense", hidden=2, d=2, loss=loss, output_activation="sigmoid", seed=seed)) < 1e-11


@pytest.mark.parametrize(
    ("size", "over_batch", "cell", "batch"),
    paired([(1, 1), (2, 1), (1, 3), (2, 2), (2, 3)], ["mean", "sum", "sum"], ["dense", "rnn"], [1, 2, 5, 2]),
)
def test_batches(size, over_batch, cell, batch):
    """A batch of samples: the mean, or the sum, of their losses."""
    d, k = size
    if (batch, cell, d) == (1, "dense", 1):
        return  # [0.5] is one input that is a column of one, not a batch
    loss = {"over_batch": over_batch} | ({"over_time": "sum"} if cell == "rnn" else {})
    assert worst(document(cell, hidden=2, d=d, k=k, batch=batch, loss=loss, seed=batch), batch) < 1e-11


@pytest.mark.parametrize(
    ("size", "form", "products"),
    paired(
        [(1, 1), (1, 2), (2, 1), (3, 2), (2, 2)],
        [{"form": "concatenated"}, {"biases": 2}, {"readout": False}, {"bias": False}],
        ["W x", "x W"],
    ),
    ids=str,
)
def test_forms_of_a_recurrent_layer(size, form, products):
    """One matrix for [h, x]; a bias beside each matrix; the state as prediction; no bias."""
    n, d = size
    assert worst(document(hidden=n, d=d, k=2, T=3, products=products, seed=n, **form)) < 1e-11


def test_stacked_layers():
    """A layer reads the states of the layer below it, at the same time step."""
    assert worst(document(hidden=[2, 3], d=2, k=2, T=3, batch=2, seed=2), 2) < 1e-11


@pytest.mark.parametrize("first", [0, 1])
def test_a_class_is_a_target(first):
    """The number of a class stands for the list with a 1 at its place."""
    loss = {"kind": "cross_entropy", "first_class": first}
    made = document(hidden=2, k=3, T=3, loss=loss, classes=True, output_activation="softmax", seed=4)
    assert worst(made) < 1e-11


@pytest.mark.parametrize("softmax", ["line", "steps"])
def test_softmax_in_one_line_or_with_its_exponentials(softmax):
    """The same numbers either way, and by either way back."""
    for gradient_ in ("short", "long"):
        loss = {"kind": "cross_entropy", "gradient": gradient_}
        made = document(hidden=2, k=3, T=2, loss=loss, output_activation="softmax", softmax=softmax, seed=4)
        assert worst(made) < 1e-11


def test_an_activation_of_the_output_layer_alone():
    """Softmax regression: a dense layer that is itself the output."""
    loss = {"kind": "cross_entropy"}
    made = document("dense", hidden=3, d=2, loss=loss, readout=False, activation="softmax")
    assert worst(made) < 1e-11


# ----------------------------------------------------------------- large logits

REGRESSION = """
[network]
cell = "dense"
readout = false
activation = "softmax"
[parameters]
W_xh = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
b_h = [0, 0, 0]
[given]
x = [{logits}]
target = 2
[loss]
kind = "cross_entropy"
"""


@at_once("logits", ["1000, 1001, 1002", "-1000, -999, -998", "1, 2, 3"])
@at_once("rounding", ["4dp", "5sf", "carry", "full"])
def test_large_logits(logits, rounding):
    """A softmax depends on differences of logits alone, however large they are."""
    values = solve(parse(REGRESSION.format(logits=logits)), rounding=rounding)
    shown = [f"{values[name]:.4f}" for name in ("h[1]", "h[2]", "h[3]", "dL/da[2]")]
    assert ["0.0900", "0.2447", "0.6652", "-0.7553"] == shown


@pytest.mark.parametrize(("rounding", "fits"), [("4dp", False), ("15dp", True), ("5sf", True), ("carry", True), ("full", True)])
def test_a_probability_that_prints_as_0(rounding, fits):
    """Its logarithm does not exist: an error says what would do, and never is a small number added."""
    problem = parse(REGRESSION.format(logits="1, 2, 25"))
    if fits:
        assert pytest.approx(23, abs=0.01) == solve(problem, rounding=rounding)["L"]
        return
    with pytest.raises(CalculationError, match=r"^L cannot be calculated: a probability in it is 0 .*--round 5sf.*--round carry"):
        solve(problem, rounding=rounding)


def test_more_component_lines_than_anybody_prints(monkeypatch):
    """A large network is shown on the board alone; the message says so."""
    assert MAX_PRINTED == 300_000
    monkeypatch.setattr(sys.modules[within_reach.__module__], "MAX_PRINTED", 1_000)
    problem = from_document(document(hidden=12, d=8, k=1, T=5, outputs="last"))
    with pytest.raises(ProblemError, match=r"component lines, more than 1,000; .*--detail board"):
        solve(problem)
    assert "W_xh x_1" in solve(problem, detail="board").to_text()
