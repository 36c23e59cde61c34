"""Attention: right gradients for every kind, size and mask; the law; names with two places; the map of the weights."""

from __future__ import annotations

import math
import os
import random
import re
from importlib.util import find_spec
from typing import Any, NamedTuple

import pytest
from law import Digits
from sweeps import chosen, paired, printed
from test_law import MEDIA, lines_of, obey, solved_functions

from bptt_trace import Key, load, solve
from bptt_trace.calculation.prove import prove
from bptt_trace.engine.components import entries
from bptt_trace.engine.names import Name, gradient
from bptt_trace.errors import ProblemError
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.media.drawing.svg import pictures
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import from_document

needs_torch = pytest.mark.skipif(
    find_spec("torch") is None and not os.environ.get("CI"), reason="PyTorch is not installed (pip install torch)"
)

Document = dict[str, Any]


def numbers(chance: random.Random, *sizes: int) -> Any:
    """Random numbers with three decimals, in lists of these sizes; sizes of 1 are left out."""
    if not sizes:
        return f"{chance.uniform(-1.2, 1.2):.3f}"
    if all(size == 1 for size in sizes):
        return numbers(chance)
    return [numbers(chance, *sizes[1:]) if len(sizes) > 1 else numbers(chance) for _ in range(sizes[0])]


def named(stem: str, value: Any) -> str:
    """A single number has a small letter."""
    return stem if isinstance(value, list) else stem.lower()


def head(T: int = 3, d: int = 2, n: int = 2, k: int = 1, seed: int = 1, **network: Any) -> Document:
    """One head of self-attention over T tokens of d numbers, with n units and k outputs."""
    chance = random.Random(seed)
    readout = network.get("readout", True)
    width = k if readout else n
    matrices = {"W_q": (n, d), "W_k": (n, d), "W_v": (n, d)} | ({"W_hy": (k, n), "b_y": (k,)} if readout else {})
    parameters: Document = {}
    for stem, sizes in matrices.items():
        value = turned(numbers(chance, *sizes)) if network.get("products") == "x W" else numbers(chance, *sizes)
        parameters[named(stem, value)] = value
    last = network.get("outputs") == "last"
    return {
        "network": {"cell": "attention", **network},
        "parameters": parameters,
        "given": {
            "x": [numbers(chance, d) for _ in range(T)],
            "target": numbers(chance, width) if last else [numbers(chance, width) for _ in range(T)],
        },
        "update": {"learning_rate": "0.1"},
    }


def turned(value: Any) -> Any:
    """The transpose of a matrix; anything else is as it is."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        return [list(column) for column in zip(*value, strict=True)]
    return value


def decoder(
    kind: str, n: int = 1, d: int = 1, k: int = 1, S: int = 3, T: int = 2, seed: int = 1, fed: str = "target"
) -> Document:
    """A recurrent encoder of S steps and a decoder of T steps that looks at it."""
    chance = random.Random(seed)
    read = k + (n if kind == "additive" else 0)
    own = {
        "dot": {"W_c": (n, 2 * n)},
        "general": {"W_a": (n, n), "W_c": (n, 2 * n)},
        "additive": {"W_a": (n, n), "U_a": (n, n), "v_a": (n,)},
    }[kind]
    parameters: Document = {}
    for word, width in (("enc", d), ("dec", read)):
        for stem, sizes in {"W_xh": (n, width), "W_hh": (n, n), "b_h": (n,)}.items():
            value = numbers(chance, *sizes)
            parameters[f"{named(stem, value)}({word})"] = value
    for stem, sizes in {**own, "W_hy": (k, n), "b_y": (k,)}.items():
        value = numbers(chance, *sizes)
        parameters[named(stem, value)] = value
    return {
        "network": {"cell": "rnn", "decoder": fed, "attention": kind},
        "parameters": parameters,
        "given": {
            "x": [numbers(chance, d) for _ in range(S)],
            "target": [numbers(chance, k) for _ in range(T)],
            "y_0": numbers(chance, k),
        },
        "update": {"learning_rate": "0.1"},
    }


# ----------------------------------------------------------------------- PyTorch


@pytest.fixture(scope="module")
def torch() -> Any:
    import torch

    torch.set_default_dtype(torch.float64)
    return torch


def tensors(torch: Any, document: Document) -> dict[str, Any]:
    """The parameters as tensors that learn, matrices with two dimensions, in the orientation W x."""
    found = {}
    for key, value in document["parameters"].items():
        floats = (
            [[float(x) for x in row] if isinstance(row, list) else float(row) for row in value]
            if isinstance(value, list)
            else float(value)
        )
        if document["network"].get("products") == "x W":
            floats = turned(floats)
        found[key] = torch.tensor(floats, requires_grad=True)
    return found


def agrees(document: Document, loss: Any, own: dict[str, Any], more: dict[str, Any]) -> None:
    """Loss and gradients beside autograd's: those of the parameters, and those of the lines in ``more``."""
    solution = solve(from_document(document), rounding="full")
    assert pytest.approx(loss.item(), rel=1e-10) == solution["L"]
    for key, tensor in {**own, **more}.items():
        program = solution.program.vectors.program
        name = gradient(Name.parse(key))
        shape = program[name].shape
        slopes = tensor.grad.reshape(shape) if shape else tensor.grad.reshape(())
        rows = program.rows and len(shape) == 2
        for index in entries(shape):
            found = solution.values[name._replace(index=index[::-1] if rows else index)]
            assert pytest.approx(float(slopes[tuple(i - 1 for i in index)]), rel=1e-9, abs=1e-12) == float(found), (name, index)


SIZES = [(2, 1, 1, 1), (3, 2, 2, 1), (3, 2, 3, 2), (4, 3, 2, 1)]


@needs_torch
@pytest.mark.parametrize(("size", "mask", "scale", "residual"), paired(SIZES, ["causal", "none"], [True, False], [True, False]))
def test_self_attention_has_the_gradients_of_pytorch(torch: Any, size: Any, mask: str, scale: bool, residual: bool) -> None:
    """Of its weights and of every query, key, value and weight, by ``scaled_dot_product_attention``, to nine digits."""
    T, d, n, k = size
    n = d if residual else n
    document = head(T, d, n, k, seed=sum(size), mask=mask, scale=scale, residual=residual)
    own = tensors(torch, document)
    x = torch.tensor([[float(v) for v in (row if isinstance(row, list) else [row])] for row in document["given"]["x"]])

    def matrix(key: str, wide: int) -> Any:
        found = own.get(key, own.get(key.lower()))
        return found.reshape(-1, wide)

    q, k_, v = (x @ matrix(f"W_{letter}", d).T for letter in "qkv")
    for tensor in (q, k_, v):
        tensor.retain_grad()
    factor = None if scale else 1.0
    causal = mask == "causal"
    context = torch.nn.functional.scaled_dot_product_attention(q[None], k_[None], v[None], is_causal=causal, scale=factor)[0]
    hidden = x + context if residual else context
    y = hidden @ matrix("W_hy", n).T + own["b_y"].reshape(-1)
    goal = torch.tensor([[float(v) for v in (row if isinstance(row, list) else [row])] for row in document["given"]["target"]])
    loss = ((y - goal) ** 2).sum() / T
    loss.backward()
    # With a mask no gradient reaches the query of the first token, and the sheet has no line for it.
    first = {"q": 1 if causal else 0, "k": 0, "v": 0}
    more = {
        f"{stem}_{t}": Row(tensor.grad[t - 1])
        for stem, tensor in (("q", q), ("k", k_), ("v", v))
        for t in range(1 + first[stem], T + 1)
    }
    agrees(document, loss, own, more)


class Row(NamedTuple):
    """A gradient as if it hung on a tensor."""

    grad: Any


@needs_torch
@pytest.mark.parametrize(
    ("kind", "size", "fed"),
    paired(["dot", "general", "additive"], [(1, 1, 1, 2, 1), (2, 1, 1, 3, 2), (2, 2, 2, 2, 3)], ["target", "output"]),
)
def test_a_decoder_that_looks_back_has_the_gradients_of_pytorch(torch: Any, kind: str, size: Any, fed: str) -> None:
    """By ``RNNCell``, products and a softmax over the states of the encoder, to nine digits."""
    n, d, k, S, T = size
    document = decoder(kind, n, d, k, S, T, seed=sum(size), fed=fed)
    own = tensors(torch, document)

    def get(key: str, *shape: int) -> Any:
        found = own.get(key)
        found = own[key[0].lower() + key[1:]] if found is None else found
        return found.reshape(*shape)

    def cell(word: str, x: Any, h: Any, wide: int) -> Any:
        return torch.tanh(get(f"W_xh({word})", n, wide) @ x + get(f"W_hh({word})", n, n) @ h + get(f"b_h({word})", n))

    def columns(key: str) -> list[Any]:
        rows = document["given"][key]
        return [torch.tensor([float(v) for v in (row if isinstance(row, list) else [row])]) for row in rows]

    h, states = torch.zeros(n), []
    for x in columns("x"):
        h = cell("enc", x, h, d)
        states.append(h)
    H = torch.stack(states)
    start = document["given"]["y_0"]
    given = torch.tensor([float(v) for v in (start if isinstance(start, list) else [start])])
    loss = torch.zeros(())
    for goal in columns("target"):
        if kind == "additive":
            scores = torch.tanh(h @ get("W_a", n, n).T + H @ get("U_a", n, n).T) @ get("v_a", n)
            context = torch.softmax(scores, 0) @ H
            h = cell("dec", torch.cat([given, context]), h, k + n)
            read = h
        else:
            h = cell("dec", given, h, k)
            scores = H @ h if kind == "dot" else (H @ get("W_a", n, n).T) @ h
            context = torch.softmax(scores, 0) @ H
            read = torch.tanh(get("W_c", n, 2 * n) @ torch.cat([context, h]))
        y = get("W_hy", k, n) @ read + get("b_y", k)
        loss = loss + ((y - goal) ** 2).sum() / T
        given = y if fed == "output" else goal
    loss.backward()
    agrees(document, loss, own, {})


# -------------------------------------------------------------- central differences


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "document",
    [
        head(), head(mask="none", products="x W", readout=False), head(outputs="last", residual=True), head(n=1, d=1, k=2),
        decoder("dot"), decoder("general", n=2), decoder("additive", n=2, k=2),
    ],
)  # fmt: skip
def test_gradients_agree_with_central_differences(document: Document) -> None:
    """With 60 digits on both sides of each parameter."""
    assert all(one.agrees for one in prove(from_document(document)))


@pytest.mark.parametrize("name", chosen(["luong-attention", "self-attention", "bahdanau-attention"], ["luong-attention"]))
def test_the_examples_are_proved(name: str) -> None:
    """Central differences agree with the sheet."""
    assert all(one.agrees for one in prove(load(name)))


# ------------------------------------------------------------------------- the law

SHEETS: dict[str, Document] = {
    "head": head(),
    "rows": head(T=2, mask="none", products="x W", readout=False),
    "one unit": head(T=2, d=1, n=1),
    "last": head(outputs="last", residual=True),
    "dot": decoder("dot", S=2, T=1),
    "general": decoder("general", n=2, S=2, T=1),
    "additive": decoder("additive", n=2, S=2, T=1),
}


@pytest.mark.parametrize(("which", "medium"), paired(SHEETS, chosen(MEDIA, ["json", "markdown", "latex", "terminal-80-unicode"])))
def test_every_line_of_an_attention_recomputes(which: str, medium: str) -> None:
    """Printed numbers, worked out and rounded half up, give the printed result."""
    one = solve(from_document(SHEETS[which]), steps="full")
    assert obey(lines_of(printed(one, medium), medium), Digits(4), solved_functions()) > 20


@pytest.mark.parametrize("which", SHEETS)
def test_names_with_two_places_are_read_as_they_are_written(which: str) -> None:
    """``alpha_2,1`` is the weight of place 1 in step 2."""
    program = solve(from_document(SHEETS[which])).program
    for step in program.steps:
        assert Name.parse(str(step.target)) == step.target
    weights = [str(step.target) for step in program.steps if step.target.stem == "alpha" and step.target.of is None]
    assert weights
    assert all(re.fullmatch(r"alpha_\d,\d(@2)?", name) for name in weights)


def test_weights_of_a_row_add_up_to_1() -> None:
    """Unrounded, and what a mask hides has no weight."""
    one = solve(load("self-attention"), rounding="full")
    for t in (1, 2, 3):
        assert math.isclose(sum(one[f"alpha_{t},{j}"] for j in range(1, t + 1)), 1)
    assert Name.parse("alpha_2,3") not in one.program.index


def test_letters_look_at_each_other() -> None:
    """A text is a sequence of tokens too; a product with a letter is a column."""
    document = head(d=3, n=2, k=3, output_activation="softmax")
    document["given"] = {"text": "abca"}
    document["loss"] = {"kind": "cross_entropy"}
    one = solve(from_document(document))
    assert "q_2 = column b of W_q" in as_text(one.sheet, unicode=False)
    assert one["alpha_3,1"] > 0


def test_a_batch_of_sequences_is_a_head_for_each() -> None:
    """Every sample has weights of its own, and the gradient is that of their mean loss."""
    document = head()
    x, target = document["given"]["x"], document["given"]["target"]
    batch = {**document, "given": {"x": [x, x[::-1]], "target": [target, target[::-1]]}}
    single = [
        solve(from_document({**document, "given": {"x": a, "target": b}}), rounding="full")
        for a, b in ((x, target), (x[::-1], target[::-1]))
    ]
    both = solve(from_document(batch), rounding="full")
    for name in ("dL/dW_q[1,2]", "dL/dW_k[2,1]", "dL/dW_v[1,1]"):
        assert math.isclose(both[name], sum(one[name] for one in single) / 2, rel_tol=1e-9)
    assert math.isclose(both["alpha_2,1#2"], single[1]["alpha_2,1"])


# --------------------------------------------------------------------- on the sheet


def test_the_formulas_have_a_letter_for_each_place() -> None:
    """t looks, j is looked at, in the forward and in the backward pass."""
    said = as_text(solve(load("self-attention")).sheet, unicode=False)
    for formula in (
        "score_(t,j) = (q_t^T k_j) / sqrt(2)",
        "alpha_(t,j) = exp(score_(t,j)) / sum_i exp(score_(t,i))",
        "context_t   = sum_j alpha_(t,j) * v_j",
        "= v_j^T dL/dcontext_t",
        "= sum_t alpha_(t,j) * dL/dcontext_t",
        "= sum_t (dL/dscore_(t,j) * q_t) / sqrt(2)",
        "= sum_j (dL/dscore_(t,j) * k_j) / sqrt(2)",
    ):
        assert formula in said, formula
    assert "q_(t-1)" not in said
    assert "k_(t-1)" not in said


def test_the_map_of_the_weights_is_as_dark_as_they_are_large() -> None:
    """In SVG, in TikZ and in characters; what the mask hides is crossed out."""
    one = solve(load("self-attention"))
    svg = pictures(one.sheet)["attention"]
    shades = [float(value) for value in re.findall(r'<rect [^>]*fill-opacity="(.*?)"', svg)]
    weights = [[one[f"alpha_{t},{j}"] if j <= t else 0.0 for j in (1, 2, 3)] for t in (1, 2, 3)]
    assert shades == [round(weight, 3) for row in weights for weight in row]
    assert svg.count("<line") == 6
    assert re.findall(r"fill=tracedirect!(\d+)", one.to_latex()) == [
        f"{round(w * 1000) / 10:.0f}" for row in weights for w in row
    ]
    text = as_text(one.sheet).partition("Who looks at whom")[2]
    assert "████" in text


def test_a_worksheet_has_an_empty_map() -> None:
    """Neither the table of the weights nor a shade tells them."""
    sheet = worksheet(Key(load("self-attention")))
    text = as_text(sheet)
    assert "The weights" not in text
    assert "█" not in text
    assert set(re.findall(r'fill-opacity="(.*?)"', pictures(sheet)["attention"])) == {"0"}


# ---------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": {"activation": "tanh"}}, "network.activation: the tokens of a sequence look at each other, so activation"),
        ({"network": {"hidden": [2, 2]}}, "network.hidden: self-attention is one head in one layer"),
        ({"network": {"residual": True, "hidden": 3}, "parameters": {"W_q": [["1", "1"]] * 3, "W_k": [["1", "1"]] * 3,
          "W_v": [["1", "1"]] * 3, "W_hy": ["1", "1", "1"]}}, "network.residual: a token of 2 numbers and a context of 3"),
        ({"given": {"x": [["1", "2"]], "target": ["1"]}}, "given.x: attention to one place alone is always 1"),
        ({"network": {"cell": "rnn", "attention": "dot"}}, "network.attention: a decoder looks at its encoder"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_names_its_key(change: Document, message: str) -> None:
    """Each error has the path of the key."""
    document = head()
    for table, keys in change.items():
        document[table] = {**document[table], **keys}
    if change.get("network", {}).get("cell") == "rnn":
        document["parameters"] = {"W_xh": [["1", "1"]], "w_hh": "1", "b_h": "0", "w_hy": "1", "b_y": "0"}
    with pytest.raises(ProblemError) as error:
        from_document(document)
    assert str(error.value).startswith(message)
