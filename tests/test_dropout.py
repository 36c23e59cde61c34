"""Dropout with given masks: inverted, between the last hidden layer and the output."""

from __future__ import annotations

from typing import Any

import pytest
from law import Digits
from networks import filled, sequence
from sweeps import of_media, paired, printed
from test_law import MEDIA, lines_of, obey, solved_functions

from bptt_trace import load, solve
from bptt_trace.calculation.prove import prove
from bptt_trace.engine.names import LOSS, Role
from bptt_trace.errors import ProblemError
from bptt_trace.problem.problem import Problem, from_document

NETWORKS: list[tuple[dict[str, Any], Any]] = [
    ({"cell": "rnn"}, [1, 0, 1]),
    ({"cell": "lstm", "hidden": 2}, [[1, 0], [1, 1], [0, 0]]),
    pytest.param({"cell": "gru", "outputs": "last"}, 1, marks=pytest.mark.exhaustive),
    ({"cell": "rnn", "hidden": [2, 2]}, [[1, 0], [0, 1], [1, 1]]),
    ({"cell": "dense", "hidden": 2}, [0, 1]),
]


def problem(network: dict[str, Any], mask: Any, share: str = "0.2") -> Problem:
    T = 3
    targets = sequence(1, seed=2)[0] if network.get("outputs") == "last" else sequence(T, seed=2)
    given = {"x": "0.5", "target": "0.25"} if network["cell"] == "dense" else {"x": sequence(T), "target": targets}
    document = filled(network, given)
    document["network"]["dropout"] = share
    document["given"]["mask"] = mask
    return from_document(document)


@pytest.mark.parametrize(("network", "mask"), NETWORKS, ids=str)
def test_gradients_are_derivatives_of_the_loss(network: dict[str, Any], mask: Any) -> None:
    """SymPy's and central differences, with the same mask on both sides."""
    compared = prove(problem(network, mask))
    assert compared and all(one.agrees and one.composed is not None for one in compared)


def test_pytorch_has_the_same_gradients() -> None:
    """By autograd, with the mask and the scale written out."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    solution = solve("dropout", rounding="full")

    def matrix(*rows: Any) -> Any:
        return torch.tensor(rows, dtype=torch.float64, requires_grad=True)

    W_xh, W_hh, b_h = matrix(0.4, -0.6), matrix([0.5, 0.2], [-0.3, 0.7]), matrix(0.1, 0)
    W_hy, b_y = matrix(0.8, -0.5), matrix(0.1)
    masks = torch.tensor([[1, 0], [1, 1]], dtype=torch.float64)
    h, losses = torch.zeros(2, dtype=torch.float64), []
    for x, target, mask in zip((1, -0.5), (0.5, 0.2), masks, strict=True):
        h = torch.tanh(W_xh * x + W_hh @ h + b_h)
        losses.append((W_hy @ (h * mask / 0.5) + b_y - target) ** 2)
    torch.stack(losses).mean().backward()
    for name, tensor in (("W_xh", W_xh), ("W_hh", W_hh), ("b_h", b_h), ("W_hy", W_hy)):
        assert tensor.grad is not None
        for place, slope in enumerate(tensor.grad.flatten()):
            row, column = divmod(place, 2)
            index = {"W_hh": f"{row + 1},{column + 1}", "W_hy": f"1,{place + 1}", "W_xh": f"{place + 1},1"}.get(
                name, str(place + 1)
            )
            assert solution[f"dL/d{name}[{index}]"] == pytest.approx(float(slope), rel=1e-12), name


@pytest.mark.parametrize(("rounding", "medium"), paired(["4dp", "2dp", "5sf"], of_media(MEDIA, 0)))
def test_every_line_recomputes(rounding: str, medium: str) -> None:
    """In every medium."""
    solution = solve("dropout", rounding=rounding, steps="full")
    digits = Digits(int(rounding[0]), figures=rounding.endswith("sf"))
    assert obey(lines_of(printed(solution, medium), medium), digits, solved_functions()) > 20


def test_what_is_dropped_is_zero_both_ways_and_what_is_kept_is_scaled() -> None:
    """The second unit of step 1: nothing goes forward, and of its gradient only what is carried comes back."""
    solution = solve("dropout", rounding="full")
    assert solution["drop_1[2]"] == 0
    assert solution["drop_1[1]"] == 2 * solution["h_1[1]"]
    assert solution["dL/dh_1[2] via drop_1"] == 0
    assert "between the last hidden layer and the output" in solution.to_text()


def test_the_same_mask_holds_after_the_update() -> None:
    """The second forward pass compares like with like."""
    program = solve(load("dropout", ["update.learning_rate=0.1"])).program
    masks = [step for step in program.steps if step.role is Role.GIVEN and step.target.stem == "mask"]
    assert 4 == len(masks)
    again = program[LOSS._replace(iteration=2)]
    assert again.rule is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["network.dropout=1"], "network.dropout: 1 is not possible here; a share above 0 and below 1"),
        (["given.mask=[[1,0],[2,1]]"], "given.mask: 2 is not possible here; 1 keeps and 0 drops"),
        (["given.mask=[[1,0]]"], "given.mask: 1 value, but there are 2 time steps"),
        (["network.bidirectional=true"], "network.dropout: with bidirectional, dropout has no meaning here"),
    ],
)
def test_what_does_not_fit_is_refused(changes: list[str], message: str) -> None:
    """With the key that it is about."""
    with pytest.raises(ProblemError) as caught:
        load("dropout", changes)
    assert message in str(caught.value)
    with pytest.raises(ProblemError, match=r"without network\.dropout nothing is dropped"):
        load("rnn", ["given.mask=[1,1]"])
