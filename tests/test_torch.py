"""PyTorch's autograd on the same numbers; where PyTorch is not installed, skipped, but never where ``CI`` is set."""

from __future__ import annotations

import os
from typing import Any

import pytest

from bptt_trace.build import build
from bptt_trace.evaluate import evaluate
from bptt_trace.lowering import scalars
from bptt_trace.names import LOSS, Name, gradient
from bptt_trace.numbers import Rounding
from bptt_trace.problem import from_document
from bptt_trace.weights import document_from

if not os.environ.get("CI"):
    pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")


@pytest.fixture(scope="module")
def torch() -> Any:
    import torch

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(3)
    return torch


def compare(document: dict[str, Any], loss: Any, gradients: dict[str, Any]) -> None:
    """Loss and gradients of a problem beside a tensor's."""
    problem = from_document(document)
    values = evaluate(scalars(build(problem)), problem.given, Rounding("full"))
    assert pytest.approx(loss.item(), rel=1e-12) == values[LOSS]
    for stem, tensor in gradients.items():
        table = tensor.tolist()
        rows = table if tensor.dim() == 2 else [[x] for x in table]
        for i, row in enumerate(rows, 1):
            for j, x in enumerate(row, 1):
                index = () if tensor.numel() == 1 else (i, j) if tensor.dim() == 2 else (i,)
                name = Name(stem if index else stem.lower(), index=index)
                assert pytest.approx(x, rel=1e-10, abs=1e-14) == values[gradient(name)], name


def arrays(*modules: Any) -> dict[str, Any]:
    return {name: tensor.numpy() for module in modules for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize(("n", "d", "k"), [(1, 1, 2), (3, 2, 2), (2, 3, 3)])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("kind", ["squared_error", "cross_entropy", "binary_cross_entropy"])
def test_recurrent_networks_and_losses(torch: Any, n: int, d: int, k: int, nonlinearity: str, kind: str) -> None:
    """``nn.RNN`` with its two biases, ``nn.Linear``, and the loss that PyTorch has for it."""
    T = 4
    layer, readout = torch.nn.RNN(d, n, nonlinearity=nonlinearity), torch.nn.Linear(n, k)
    x, h_0 = torch.randn(T, d), torch.randn(1, n)
    states, _ = layer(x, h_0)
    z = readout(states)
    classes = torch.randint(0, k, (T,))
    bits = torch.randint(0, 2, (T, k)).double()
    goal = torch.randn(T, k)
    losses = {
        "squared_error": (lambda: torch.nn.functional.mse_loss(z, goal), "identity", goal, {"over_units": "mean"}),
        "cross_entropy": (lambda: torch.nn.functional.cross_entropy(z, classes), "softmax", classes, {"first_class": 0}),
        "binary_cross_entropy": (
            lambda: torch.nn.functional.binary_cross_entropy_with_logits(z, bits), "sigmoid", bits, {"over_units": "mean"},
        ),
    }  # fmt: skip
    function, output, target, keys = losses[kind]
    loss = function()
    loss.backward()
    document = document_from(arrays(layer, readout), "rnn", activation=nonlinearity, output_activation=output)
    listed = [[str(v) for v in row] for row in target.tolist()] if target.dim() == 2 else target.tolist()
    document["given"] = {"x": texts(x.tolist()), "target": listed, "h_0": texts(h_0[0].tolist())}
    document["loss"] = {"kind": kind, **keys}
    gradients = {
        "W_xh": layer.weight_ih_l0.grad,
        "W_hh": layer.weight_hh_l0.grad,
        "b_xh": layer.bias_ih_l0.grad,
        "b_hh": layer.bias_hh_l0.grad,
        "W_hy": readout.weight.grad,
        "b_y": readout.bias.grad,
    }
    compare(document, loss, gradients)


def test_a_stack_of_linear_layers_on_a_batch(torch: Any) -> None:
    """``nn.Sequential`` of linear layers; the mean over the batch."""
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Sigmoid(), torch.nn.Linear(3, 2), torch.nn.Tanh(),
                                  torch.nn.Linear(2, 2))  # fmt: skip
    x, classes = torch.randn(5, 2), torch.randint(0, 2, (5,))
    loss = torch.nn.functional.cross_entropy(network(x), classes)
    loss.backward()
    document = document_from(arrays(network), "dense", output_activation="softmax")
    document["network"]["activation"] = ["sigmoid", "tanh"]
    document["given"] = {"x": texts(x.tolist()), "target": classes.tolist()}
    document["loss"] = {"kind": "cross_entropy", "first_class": 0}
    problem = from_document(document)
    values = evaluate(scalars(build(problem)), problem.given, Rounding("full"))
    assert pytest.approx(loss.item(), rel=1e-12) == values[LOSS]
    for layer, module in ((1, network[0]), (2, network[2])):
        for i, row in enumerate(module.weight.grad.tolist(), 1):
            for j, slope in enumerate(row, 1):
                assert pytest.approx(slope, rel=1e-10) == values[gradient(Name("W_xh", layer, index=(i, j)))]


def texts(value: Any) -> Any:
    """Numbers as a file has them: decimals of at most 17 digits."""
    return [texts(item) for item in value] if isinstance(value, list) else str(value)
