"""ONNX's reference implementation of RNN, LSTM and GRU on the same numbers.

``ReferenceEvaluator`` calculates forward values only. Of the attributes of these
operators it takes no notice of ``clip``, ``input_forget`` and ``sequence_lens``,
and of ``activations`` for LSTM and GRU (they are always sigmoid and tanh); for
RNN it knows tanh and Affine. What it does take notice of stands below. Where
onnx is not installed, skipped, but never where ``CI`` is set.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from networks import filled, sequence
from sweeps import paired

from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.engine.names import Name
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.problem.problem import from_document
from bptt_trace.problem.rounding import Rounding

pytestmark = pytest.mark.skipif(
    find_spec("onnx") is None and not os.environ.get("CI"), reason="ONNX is not installed (pip install onnx)"
)

OPERATORS = {"rnn": ("RNN", "h", ""), "lstm": ("LSTM", "iofg", "iof"), "gru": ("GRU", "zrn", "")}
"""The operator of a cell, the order of its gates, and of those with peepholes."""
OPSET = 22


def reference(operator: str, inputs: list[Any], outputs: int, **attributes: Any) -> list[Any]:
    """What ONNX calculates with one node; an input that is None is left out."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    names = [f"i{place}" if value is not None else "" for place, value in enumerate(inputs)]
    results = [f"o{place}" for place in range(outputs)]
    node = helper.make_node(operator, names, results, **attributes)
    graph = helper.make_graph(
        [node],
        operator,
        [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in names if name],
        [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in results],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    given = {name: value for name, value in zip(names, inputs, strict=True) if name}
    return list(ReferenceEvaluator(model).run(None, given))


class Sides:
    """A problem with random numbers, and its parameters as ONNX stacks them."""

    def __init__(self, cell: str, n: int, d: int, T: int, batch: int, direction: str, initial: bool, **keys: Any) -> None:
        self.cell, self.n, self.d, self.T, self.batch, self.direction = cell, n, d, T, batch, direction
        both = direction == "bidirectional"
        self.ends = ["(fwd)", "(bwd)"] if both else [""]
        given: dict[str, Any] = {"x": sequence(T, d, batch)}
        self.states = "hc" if cell == "lstm" else "h"
        if initial:
            for seed, (end, stem) in enumerate((end, stem) for end in self.ends for stem in self.states):
                given[f"{stem}{end}_{self.first(end)}"] = sequence(batch, n, seed=seed)
        network = {"cell": cell, "hidden": n, "readout": False, **({"bidirectional": True} if both else {}), **keys}
        self.document = filled(network, given, loss={"kind": "none"})

    def first(self, end: str) -> int:
        return self.T + 1 if end == "(bwd)" else 0

    def array(self, stem: str, end: str, *shape: int) -> Any:
        parameters = self.document["parameters"]
        return np.array(parameters.get(stem + end, parameters.get(stem.lower() + end)), float).reshape(shape)

    def stacked(self, stems: list[str], *shape: int) -> Any:
        return np.stack([np.concatenate([self.array(stem, end, *shape) for stem in stems]) for end in self.ends])

    @property
    def inputs(self) -> list[Any]:
        """X, W, R, B, sequence_lens, initial_h and, of an LSTM, initial_c and P."""
        _, gates, looks = OPERATORS[self.cell]
        network, given = self.document["network"], self.document["given"]
        x = np.array(given["x"], float).reshape(self.batch, self.T, self.d).swapaxes(0, 1)
        bias = None
        if network.get("bias", True):
            second = [f"b_h{gate}" for gate in gates]
            bias = self.stacked([f"b_x{gate}" for gate in gates] + second, self.n)
        state = [
            np.stack([np.array(given[f"{stem}{end}_{self.first(end)}"], float).reshape(self.batch, self.n) for end in self.ends])
            if f"{stem}{self.ends[0]}_0" in given
            else None
            for stem in self.states
        ]
        peepholes = [self.stacked([f"W_c{gate}" for gate in looks], self.n) if network.get("peepholes") else None]
        return [
            np.flip(x, 0) if self.direction == "reverse" else x,
            self.stacked([f"W_x{gate}" for gate in gates], self.n, self.d),
            self.stacked([f"W_h{gate}" for gate in gates], self.n, self.n),
            bias,
            None,
            *state,
            *(peepholes if self.cell == "lstm" else []),
        ]

    def compare(self, **attributes: Any) -> None:
        """Every hidden state, and what the last step leaves."""
        problem = from_document(self.document)
        values = evaluate(scalars(build(problem)), problem.given, Rounding("full"))

        def ours(stem: str, end: str, time: int) -> Any:
            name = Name.parse(f"{stem}{end}_{time}")
            return [
                [values[name._replace(sample=sample, index=(unit,) if self.n > 1 else ())] for unit in range(1, self.n + 1)]
                for sample in range(1, self.batch + 1)
            ]

        operator = OPERATORS[self.cell][0]
        whole, *last = reference(
            operator, self.inputs, 1 + len(self.states), hidden_size=self.n, direction=self.direction, **attributes
        )
        times = range(1, self.T + 1)
        expected = np.stack([np.stack([ours("h", end, time) for end in self.ends]) for time in times])
        assert np.allclose(np.flip(whole, 0) if self.direction == "reverse" else whole, expected, rtol=1e-12, atol=1e-14)
        for stem, end_state in zip(self.states, last, strict=True):
            left = np.stack([ours(stem, end, 1 if end == "(bwd)" else self.T) for end in self.ends])
            assert np.allclose(end_state, left, rtol=1e-12, atol=1e-14)


DIRECTIONS = ["forward", "reverse", "bidirectional"]
SIZES = [(1, 1, 1, 2), (2, 3, 3, 2), (3, 1, 4, 3), (2, 2, 2, 2)]
Size = tuple[int, int, int, int]
"""Units, inputs, time steps, samples."""


@pytest.mark.parametrize(("direction", "size", "initial"), paired(DIRECTIONS, SIZES, [True, False]))
def test_rnn(direction: str, size: Size, initial: bool) -> None:
    """Two biases, an initial state or none, all directions."""
    Sides("rnn", *size, direction, initial, biases=2).compare()


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_rnn_with_an_affine_activation(direction: str) -> None:
    """Affine with alpha 0.5 and beta 0.25 is the expression z/2 + 1/4."""
    many = 2 if direction == "bidirectional" else 1
    one = Sides("rnn", 2, 2, 3, 2, direction, True, biases=2, activation="0.5*z + 0.25")
    one.compare(activations=["Affine"] * many, activation_alpha=[0.5] * many, activation_beta=[0.25] * many)


@pytest.mark.parametrize(
    ("direction", "size", "told"),
    paired(DIRECTIONS, SIZES, [(True, True, True), (False, True, False), (True, False, True), (False, False, False)]),
)
def test_lstm(direction: str, size: Size, told: tuple[bool, bool, bool]) -> None:
    """Peepholes at c of the step before (i, f) and of this one (o), initial h and c, two biases or none."""
    initial, peepholes, bias = told
    keys = {"biases": 2} if bias else {"bias": False}
    Sides("lstm", *size, direction, initial, peepholes=peepholes, **keys).compare()


@pytest.mark.parametrize(
    ("direction", "size", "reset", "whole"), paired(DIRECTIONS, SIZES, ["before", "after"], [True, False, True])
)
def test_gru(direction: str, size: Size, reset: str, whole: bool) -> None:
    """``linear_before_reset`` says whether the reset stands after the product; two biases and an initial state, or neither."""
    keys = {"biases": 2} if whole else {"bias": False}
    Sides("gru", *size, direction, whole, reset=reset, **keys).compare(linear_before_reset=int(reset == "after"))
