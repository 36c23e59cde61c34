"""The perceptron and the delta rule: the table of epochs, the end or no end of it, and the line in the plane."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from law import Digits
from sweeps import chosen, printed, solution
from test_law import MEDIA, lines_of, obey, solved_functions

from bptt_trace import Key, load, solve
from bptt_trace.calculation.prove import prove
from bptt_trace.errors import ProblemError
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.media.drawing.svg import pictures
from bptt_trace.media.terminal import as_text

CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def learns(
    targets: Sequence[int], w: Sequence[Fraction], b: Fraction, rate: Fraction, most: int = 20
) -> list[tuple[int, list[Fraction]]]:
    """The textbook's loop: for each epoch the wrong answers and the weights at its end, up to the first without a change."""
    found, w = [], list(w)
    for _ in range(most):
        wrong, before = 0, (*w, b)
        for x, target in zip(CORNERS, targets, strict=True):
            y = 1 if w[0] * x[0] + w[1] * x[1] + b >= 0 else 0
            wrong += y != target
            w = [one + rate * (target - y) * x_i for one, x_i in zip(w, x, strict=True)]
            b += rate * (target - y)
        found.append((wrong, [*w, b]))
        if (*w, b) == before:
            break
    return found


def table(one: Any, title: str) -> list[list[str]]:
    """The cells of a table of the section on all iterations."""
    (section,) = (section for section in one.sheet.sections if section.id == "training")
    (found,) = (block for block in section.blocks if getattr(block, "title", ()) == (title,))
    return [[part if isinstance(part, str) else part.text for cell in row for part in cell] for row in found.rows]


def test_unrounded_numbers_jump_where_fractions_do() -> None:
    """Where a sum comes to exactly 0, the unrounded numbers of marking go on as the textbook does, though doubles have 3e-17."""
    key = Key(load("perceptron"))
    number = {str(step.target): value for step, value in zip(key.steps, key.exact, strict=True)}
    expected = learns((0, 0, 0, 1), [Fraction("0.3"), Fraction("-0.1")], Fraction("-0.2"), Fraction("0.1"))
    for epoch, (_, (*weights, bias)) in enumerate(expected, 1):
        names = ["W_xh'[1,1]", "W_xh'[1,2]", "b_h'"]
        assert [number[f"{name}@{4 * epoch}"] for name in names] == pytest.approx([float(one) for one in (*weights, bias)])


SEPARABLE = [targets for targets in product((0, 1), repeat=4) if targets not in ((0, 1, 1, 0), (1, 0, 0, 1))]


@pytest.mark.parametrize("targets", chosen(SEPARABLE, [(0, 0, 0, 1), (0, 1, 1, 1), (1, 1, 1, 1)]))
def test_the_epochs_are_those_of_the_textbook(targets: tuple[int, ...]) -> None:
    """Wrong answers and weights of every epoch, until one changes nothing; every line that separates is found."""
    one = solve(load("perceptron", [f"target={list(targets)}"]))
    expected = learns(targets, [Fraction("0.3"), Fraction("-0.1")], Fraction("-0.2"), Fraction("0.1"))
    rows = table(one, "Epoch by epoch")
    assert [(int(wrong), [Fraction(cell) for cell in cells]) for _, wrong, *cells in rows] == expected
    assert rows[-1][1] == "0"
    assert "changes nothing: every sample is answered right" in " ".join(as_text(one.sheet).split()).replace("│ ", "")


@pytest.mark.parametrize("targets", [(0, 1, 1, 0), (1, 0, 0, 1)])
def test_what_no_line_separates_does_not_end(targets: tuple[int, ...]) -> None:
    """XOR and its opposite: an epoch ends as an earlier one did, and the sheet says so."""
    one = solve(load("perceptron", [f"target={list(targets)}"]))
    rows = table(one, "Epoch by epoch")
    ends = [tuple(cells) for _, _, *cells in rows]
    assert ends[-1] in ends[:-1]
    assert len(set(ends)) == len(ends) - 1
    said = " ".join(as_text(one.sheet).replace("│", " ").split())
    assert "the rule does not end" in said
    assert f"The weights after epoch {len(rows)} are those after epoch {ends.index(ends[-1]) + 1}" in said


def test_epochs_that_are_told_may_be_too_few() -> None:
    """After two epochs of four something still changes."""
    one = solve(load("perceptron", ["update.epochs=2"]))
    assert len(table(one, "Epoch by epoch")) == 2
    assert "After 2 epochs something still changes." in " ".join(as_text(one.sheet).split())


def test_a_row_for_every_presentation() -> None:
    """Each has the input, the target, the sum, the answer, the error and the new weights of its lines."""
    one = solution("perceptron")
    known = json.loads(one.to_json())["values"]
    rows = table(one, "Sample by sample")
    assert len(rows) == 16
    for k, (_, sample, *cells) in enumerate(rows, 1):
        at = "" if k == 1 else f"@{k}"
        target = known[f"target#{sample}"]
        error = Fraction(target) - Fraction(known[f"h{at}"])
        new = [known[f"W_xh'[1,{place}]{at}"] for place in (1, 2)]
        given = [known[f"x[{place}]#{sample}"] for place in (1, 2)]
        assert cells[:-4] == [*given, target, known[f"a{at}"], known[f"h{at}"]]
        assert Fraction(cells[-4]) == error
        assert cells[-3:] == [*new, known[f"b_h'{at}"]]


def test_signs_of_plus_and_minus_one() -> None:
    """A bipolar neuron answers −1 or 1, and another value at 0 is a choice."""
    changes = ["network.activation=sign", "x=[[-1,-1],[-1,1],[1,-1],[1,1]]", "target=[-1,-1,-1,1]"]
    one = solve(load("perceptron", changes))
    assert {one[name] for name in ("h", "h@2", "h@3", "h@4")} <= {-1.0, 1.0}
    zero = ["W_xh=[0,0]", "b_h=0"]
    assert solve(load("perceptron", zero))["h"] == 1
    assert solve(load("perceptron", [*zero, "network.step_at_0=0"]))["h"] == 0


def test_the_delta_rule_is_half_the_squared_error() -> None:
    """w + rate · (target − a) · x, sample by sample, as Widrow and Hoff have it."""
    one = solve(load("delta-rule"), rounding="full")
    w, b = [0.3, -0.1], -0.2
    for k in range(1, 17):
        x = [(-1, -1), (-1, 1), (1, -1), (1, 1)][(k - 1) % 4]
        target = [-1, -1, -1, 1][(k - 1) % 4]
        error = target - (w[0] * x[0] + w[1] * x[1] + b)
        w, b = [old + 0.1 * error * one_x for old, one_x in zip(w, x, strict=True)], b + 0.1 * error
        at = "" if k == 1 else f"@{k}"
        found = [one[f"W_xh'[1,{place}]{at}"] for place in (1, 2)] + [one[f"b_h'{at}"]]
        assert pytest.approx([*w, b]) == found


@pytest.mark.parametrize("medium", chosen(MEDIA, ["json", "latex", "terminal-80-unicode"]))
@pytest.mark.parametrize("name", ["perceptron", "delta-rule"])
def test_every_line_recomputes(name: str, medium: str) -> None:
    """The law holds of steps, too."""
    one = solution(name, steps="full")
    assert obey(lines_of(printed(one, medium), medium), Digits(4), solved_functions()) > 20


def test_gradients_agree_where_no_sum_is_0() -> None:
    """Central differences of (y − target) · a, with an answer that is wrong."""
    compared = prove(load("perceptron", ["x=[[1,0.5],[0,1]]", "target=[0,1]"]))
    assert all(one.agrees for one in compared)
    assert any(one.bptt for one in compared)


def test_the_line_goes_where_the_sum_is_0() -> None:
    """On the strong line of the picture the weighted sum of the last weights is 0; circles stand at the samples."""
    one = solution("perceptron")
    svg = pictures(one.sheet)["plane"]
    circles = [tuple(map(float, match)) for match in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)]
    (x0, y0), (x1, y1) = circles[0], circles[3]  # (0, 0) and (1, 1)
    strong = re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)" stroke="#222222"', svg)
    assert len(strong) == 1
    last = one.problem.update.iterations  # type: ignore[union-attr]
    w, v, b = (one[f"{name}@{last}"] for name in ("W_xh'[1,1]", "W_xh'[1,2]", "b_h'"))
    numbers = [float(number) for number in strong[0]]
    for x, y in (numbers[:2], numbers[2:]):
        first, second = (x - x0) / (x1 - x0), (y - y0) / (y1 - y0)
        assert abs(w * first + v * second + b) < 0.002
    assert svg.count('fill="#005A9C"') == 1


def test_a_worksheet_has_the_samples_alone() -> None:
    """The line of the last weights is an answer, and so is the table of epochs."""
    sheet = worksheet(Key(load("perceptron")))
    assert "Epoch by epoch" not in as_text(sheet)
    assert "plane" not in pictures(sheet)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["loss.kind=squared_error"], "loss.kind: a step has no slope to go back through"),
        (["network.activation=tanh"], "loss.kind: a perceptron is one neuron"),
        (["target=[0,0,0,2]"], "given.target#4: 2 is not an output of step; expected 0 or 1"),
        (["update.mode=batch"], "update.until: nothing changes any more where a perceptron is right"),
        (["update.iterations=4"], "update.iterations: with until, iterations has no meaning"),
        (["network.hidden=2", "W_xh=[[1,1],[1,1]]", "b_h=[0,0]", "target=[[0,0],[0,0],[0,0],[1,1]]"], "loss.kind: 2 neurons"),
    ],
)
def test_what_has_no_meaning_names_its_key(changes: list[str], message: str) -> None:
    """Each error has the path of the key."""
    with pytest.raises(ProblemError) as error:
        load("perceptron", changes)
    assert message in str(error.value)


def test_a_step_without_a_perceptron_goes_forward_alone() -> None:
    """Two layers of steps are XOR; nothing is learnt through them."""
    text = {
        "network": {"cell": "dense", "hidden": 2, "activation": "step", "output_activation": "step"},
        "parameters": {"W_xh": [[1, 1], [1, 1]], "b_h": ["-0.5", "-1.5"], "W_hy": [1, -2], "b_y": "-0.5"},
        "given": {"x": [[0, 0], [0, 1], [1, 0], [1, 1]]},
        "loss": {"kind": "none"},
    }
    from bptt_trace import parse

    one = solve(parse(json.dumps(text)))
    assert [one[f"y#{sample}"] for sample in (1, 2, 3, 4)] == [0, 1, 1, 0]
