"""PyTorch's autograd on the same numbers; where PyTorch is not installed, skipped, but never where ``CI`` is set."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import pytest
from sweeps import paired

from bptt_trace.calculation.arithmetic import Values, evaluate
from bptt_trace.calculation.build import build
from bptt_trace.engine.names import LOSS, Name, gradient
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.problem.problem import from_document
from bptt_trace.problem.rounding import Rounding
from bptt_trace.trained_models.problem_file import document_from

MISSING = find_spec("torch") is None and not os.environ.get("CI")
WHY = "PyTorch is not installed (pip install torch)"
pytestmark = pytest.mark.skipif(MISSING, reason=WHY)


@pytest.fixture(scope="module")
def torch() -> Any:
    if MISSING:  # the tests of other files ask for it too
        pytest.skip(WHY)
    import torch

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(3)
    return torch


def compare(document: dict[str, Any], loss: Any, gradients: dict[str, Any], **told: Any) -> Values:
    """Loss and gradients of a problem beside PyTorch's, which are arrays in the layout of the parameters."""
    problem = from_document(document)
    values = evaluate(scalars(build(problem)), problem.given, Rounding("full"))
    assert pytest.approx(loss.item(), rel=1e-12) == values[LOSS]
    for key, table in document_from(gradients, document["network"]["cell"], **told)["parameters"].items():
        agree(values, key, table)
    return values


def agree(values: Values, key: str, table: Any) -> None:
    """The gradients of one parameter."""
    name = Name.parse(key)
    rows = table if isinstance(table, list) else [table]
    for i, row in enumerate(rows, 1):
        for j, slope in enumerate(row if isinstance(row, list) else [row], 1):
            index = () if not isinstance(table, list) else (i, j) if isinstance(row, list) else (i,)
            one = gradient(name._replace(index=index))
            assert pytest.approx(float(slope), rel=1e-10, abs=1e-14) == values[one], one


def arrays(*modules: Any) -> dict[str, Any]:
    return {name: tensor.numpy() for module in modules for name, tensor in module.state_dict().items()}


def slopes(*modules: Any) -> dict[str, Any]:
    """The gradients of parameters, by the names of the parameters."""
    return {name: tensor.grad.numpy() for module in modules for name, tensor in module.named_parameters()}


@pytest.mark.parametrize(
    ("kind", "size", "nonlinearity"),
    paired(
        ["squared_error", "cross_entropy", "kl_divergence", "binary_cross_entropy"],
        [(1, 1, 2), (3, 2, 2), (2, 3, 3)],
        ["tanh", "relu"],
    ),
)
def test_recurrent_networks_and_losses(torch: Any, kind: str, size: tuple[int, int, int], nonlinearity: str) -> None:
    """``nn.RNN`` with its two biases, ``nn.Linear``, and the loss that PyTorch has for it."""
    T, (n, d, k) = 4, size
    layer, readout = torch.nn.RNN(d, n, nonlinearity=nonlinearity), torch.nn.Linear(n, k)
    x, h_0 = torch.randn(T, d), torch.randn(1, n)
    states, _ = layer(x, h_0)
    z = readout(states)
    classes = torch.randint(0, k, (T,))
    bits = torch.randint(0, 2, (T, k)).double()
    goal = torch.randn(T, k)
    shares = torch.stack([torch.tensor([0.625, 0.375, 0.0][:k]).roll(t) for t in range(T)])
    losses = {
        "squared_error": (lambda: torch.nn.functional.mse_loss(z, goal), "identity", goal, {"over_units": "mean"}),
        "cross_entropy": (lambda: torch.nn.functional.cross_entropy(z, classes), "softmax", classes, {"first_class": 0}),
        "kl_divergence": (
            lambda: torch.nn.functional.kl_div(z.log_softmax(1), shares, reduction="batchmean"), "softmax", shares, {},
        ),
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
    compare(document, loss, slopes(layer, readout), activation=nonlinearity)


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
    compare(document, loss, slopes(network))


WIDE = [
    (1, 1, 1, 1, False, 0),
    (1, 2, 4, 1, False, 0),
    (2, 1, 3, 1, False, 3),
    (3, 2, 2, 1, False, 0),
    (2, 2, 3, 2, False, 2),
    (1, 1, 3, 3, False, 0),
    (1, 1, 1, 1, True, 0),
    (2, 2, 3, 1, True, 2),
    (2, 1, 3, 2, True, 0),
    (1, 2, 2, 2, True, 2),
]
"""Units, inputs, time steps, layers, whether it reads in both directions, and samples, 0 for no batch."""


@pytest.mark.parametrize(("size", "cell", "bias"), paired(WIDE, ["RNN", "LSTM", "GRU"], [True, False]))
def test_layers_directions_and_batches(torch: Any, size: tuple[int, int, int, int, bool, int], cell: str, bias: bool) -> None:
    """``nn.RNN``, ``nn.LSTM`` and ``nn.GRU`` behind ``nn.Linear``: every state, the loss, and every gradient, of inputs too."""
    n, d, T, layers, both, batch = size
    layer = getattr(torch.nn, cell)(d, n, layers, bidirectional=both, bias=bias, batch_first=True)
    readout = torch.nn.Linear(n * (1 + both), 2, bias=bias)
    samples = batch or 1
    x, goal = torch.randn(samples, T, d, requires_grad=True), torch.randn(samples, T, 2)
    count = layers * (1 + both)
    state = {stem: torch.randn(count, samples, n, requires_grad=True) for stem in ("hc" if cell == "LSTM" else "h")}
    states, _ = layer(x, tuple(state.values()) if cell == "LSTM" else state["h"])
    loss = torch.nn.functional.mse_loss(readout(states), goal)
    loss.backward()

    def samples_of(values: list[Any]) -> Any:
        return texts(values if batch else values[0])

    document = document_from(arrays(layer, readout))
    document["network"]["input_gradients"] = True
    assert cell.lower() == document["network"]["cell"]
    ends = [f"({word}{number if layers > 1 else ''})" for number in range(1, layers + 1) for word in ("fwd", "bwd")]
    if not both:
        ends = [f"({number})" for number in range(1, layers + 1)] if layers > 1 else [""]
    first = {
        f"{stem}{end}_{T + 1 if 'bwd' in end else 0}": samples_of([unwrapped(row) for row in tensor.tolist()])
        for stem, whole in state.items()
        for end, tensor in zip(ends, whole, strict=True)
    }
    document["given"] = {"x": samples_of([[unwrapped(row) for row in one] for one in x.tolist()]),
                         "target": samples_of(goal.tolist()), **first}  # fmt: skip
    document["loss"] = {"over_units": "mean"}
    values = compare(document, loss, slopes(layer, readout))
    for place in range(samples):
        sample = f"#{place + 1}" if batch else ""
        for t, slope in enumerate(x.grad[place].tolist(), 1):
            agree(values, f"x_{t}{sample}", unwrapped(slope))
        for stem, whole in state.items():
            for end, slope in zip(ends, whole.grad[:, place].tolist(), strict=True):
                agree(values, f"{stem}{end}_{T + 1 if 'bwd' in end else 0}{sample}", unwrapped(slope))
    top = [end for end in ends if layers == 1 or str(layers) in end]
    for place, sample in enumerate(states.tolist(), 1):
        for t, hidden in enumerate(sample, 1):
            for unit, value in enumerate(hidden):
                name = Name.parse(f"h{top[unit // n]}_{t}")
                name = name._replace(index=(unit % n + 1,) if n > 1 else (), sample=place if batch else None)
                assert pytest.approx(value, rel=1e-12) == values[name]


@pytest.mark.parametrize(
    ("cell", "fed", "size"),
    paired(
        ["RNNCell", "LSTMCell", "GRUCell"],
        ["output", "target"],
        [(1, 1, 1, 2, 2), (2, 1, 2, 3, 2), (2, 3, 1, 1, 3), (2, 2, 2, 2, 3)],
    ),
)
def test_encoder_and_decoder(torch: Any, cell: str, fed: str, size: tuple[int, int, int, int, int]) -> None:
    """Two cells, stepped one by one: the decoder is fed with its own outputs, or with what they should have been."""
    n, d, k, S, T = size
    make = getattr(torch.nn, cell)
    encoder, decoder, readout = make(d, n), make(k, n), torch.nn.Linear(n, k)
    x, goal, start = torch.randn(S, 1, d, requires_grad=True), torch.randn(T, 1, k), torch.randn(1, k, requires_grad=True)
    state = None
    for one in x:
        state = encoder(one, state)
    outputs, given = [], start
    for t in range(T):
        state = decoder(given, state)
        outputs.append(readout(state[0] if isinstance(state, tuple) else state))
        given = outputs[-1] if fed == "output" else goal[t]
    loss = torch.nn.functional.mse_loss(torch.stack(outputs), goal)
    loss.backward()

    def parameters(values: Any) -> dict[str, Any]:
        halves = {
            f"{key}({word})": value
            for word, module in (("enc", encoder), ("dec", decoder))
            for key, value in document_from(values(module))["parameters"].items()
        }
        last = document_from(values(decoder, readout))["parameters"]
        return halves | {key: value for key, value in last.items() if key.lower() in ("w_hy", "b_y")}

    document = document_from(arrays(encoder, readout), steps=S)
    document["network"] |= {"decoder": fed, "input_gradients": True}
    document["parameters"] = parameters(arrays)
    document["given"] = {
        "x": texts([unwrapped(one) for (one,) in x.tolist()]),
        "target": texts([unwrapped(one) for (one,) in goal.tolist()]),
        "y_0": texts(unwrapped(start.tolist()[0])),
    }
    if k > 1:
        document["loss"] = {"over_units": "mean"}
    problem = from_document(document)
    values = evaluate(scalars(build(problem)), problem.given, Rounding("full"))
    assert pytest.approx(loss.item(), rel=1e-12) == values[LOSS]
    for key, table in parameters(slopes).items():
        agree(values, key, table)
    for t, (slope,) in enumerate(x.grad.tolist(), 1):
        agree(values, f"x_{t}", unwrapped(slope))
    agree(values, "y_0", unwrapped(start.grad.tolist()[0]))


def unwrapped(column: list[Any]) -> Any:
    """A column of one number is that number."""
    return column[0] if len(column) == 1 else column


def texts(value: Any) -> Any:
    """Numbers as a file has them: decimals of at most 17 digits."""
    return [texts(item) for item in value] if isinstance(value, list) else str(value)
