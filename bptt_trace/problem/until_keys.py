"""``until = "nothing changes"``: the number of epochs of a perceptron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError
from bptt_trace.networks.forward_pass import Network, written
from bptt_trace.networks.losses import Loss
from bptt_trace.networks.optimizers import Update
from bptt_trace.networks.perceptron import Neuron, epochs
from bptt_trace.problem.numbers import Number

MOST = 20
"""The default limit of epochs."""


def until(table: Mapping[str, Any], update: Update, network: Network, loss: Loss, numbers: Mapping[Name, Number]) -> Update:
    """The update with the necessary number of iterations; ``network`` is that of the file, with all samples."""
    if "until" not in table:
        return update
    if loss.kind != "perceptron" or not update.online or update.rule != "gd":
        raise ProblemError(
            'nothing changes any more where a perceptron is right: loss.kind = "perceptron", mode = "online", rule = "gd"',
            path="update.until",
        )
    if "iterations" in table or update.schedule:
        key = "iterations" if "iterations" in table else "learning_rate"
        raise ProblemError(
            f"with until, {key} has no meaning; epochs is the largest number that is worked out", path=f"update.{key}"
        )
    shapes = network.shapes()
    weights = [written(name, shape) for name, shape in shapes.items() if name.stem == "W_xh"]
    indices = [(1, place) for place in range(1, network.inputs + 1)] if network.inputs > 1 else [()]
    bias = numbers.get(Name("b_h"))
    neuron = Neuron(
        tuple(numbers[weights[0]._replace(index=index)].value for index in indices),
        bias.value if bias else Fraction(0),
        (weights[0] not in update.freeze, bias is not None and Name("b_h") not in update.freeze),
    )
    columns = [(place,) for place in range(1, network.inputs + 1)] if network.inputs > 1 else [()]
    samples = [
        (
            [numbers[Name("x", sample=sample, index=index)].value for index in columns],
            numbers[Name("target", sample=sample)].value,
        )
        for sample in range(1, update.online + 1)
    ]
    pieces = network.activation.pieces
    assert pieces is not None

    def answer(a: Fraction) -> Fraction:
        return pieces.right if a > 0 else pieces.left if a < 0 else pieces.at_zero

    count = epochs(neuron, samples, numbers[Name("eta")].value, answer, table.get("epochs", MOST))
    return replace(update, iterations=count * update.online)
