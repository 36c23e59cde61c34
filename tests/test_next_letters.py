"""Letters: a text is read one-hot, a product with a letter is a column, and a network writes by its likeliest letters."""

from __future__ import annotations

import json
import math
import os
import shutil
from typing import Any

import pytest
from click.testing import CliRunner
from law import Digits
from sweeps import chosen, printed
from test_law import MEDIA, lines_of, obey, solved_functions

from bptt_trace import Key, load, solve
from bptt_trace.calculation.prove import prove
from bptt_trace.commands import command
from bptt_trace.errors import ProblemError
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.media.pdf import compile_one, source
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import Problem, from_document
from bptt_trace.solution import Solution

WEIGHTS: dict[str, Any] = {
    "W_xh": [["0.4", "-0.5", "0.3"], ["-0.3", "0.6", "0.5"]],
    "W_hh": [["0.2", "0.5"], ["-0.4", "0.3"]],
    "b_h": ["0.1", "-0.2"],
    "W_hy": [["0.6", "-0.4"], ["0.7", "0.2"], ["-0.3", "0.8"]],
    "b_y": ["0.1", "0", "-0.1"],
}


def text_problem(text: Any = "abca", vocabulary: Any = ("a", "b", "c"), **network: Any) -> dict[str, Any]:
    """A problem file of three letters and two units."""
    return {
        "network": {"cell": "rnn", "output_activation": "softmax", "vocabulary": list(vocabulary), **network},
        "parameters": WEIGHTS,
        "given": {"text": text},
        "loss": {"kind": "cross_entropy"},
        "update": {"learning_rate": "0.1"},
    }


def in_numbers(**network: Any) -> dict[str, Any]:
    """The same problem with its columns written out."""
    plain = text_problem(**network)
    del plain["network"]["vocabulary"]
    return plain | {"given": {"x": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "target": [2, 3, 1]}}


def values(one: Solution) -> dict[str, str]:
    found: dict[str, str] = json.loads(one.to_json())["values"]
    return found


@pytest.mark.parametrize(
    "network",
    [{}, {"input_gradients": True}, {"cell": "equations"}, {"bidirectional": True}],
    ids=["plain", "inputs", "equations", "both"],
)
def test_a_text_is_its_one_hot_columns(network: dict[str, Any]) -> None:
    """Read letter by letter or as columns of numbers, every line has the same value."""
    files = [text_problem(**network), in_numbers(**network)]
    for file in files:
        if network.get("cell") == "equations":
            equation = "h_t = tanh(W_xh x_t + W_hh h_(t-1) + b_h)"
            file["cell"] = {"name": "RNN", "state": ["h"], "equations": [equation]}
        if network.get("bidirectional"):
            twice = {f"{stem}({way})": WEIGHTS[stem] for way in ("fwd", "bwd") for stem in ("W_xh", "W_hh", "b_h")}
            wide = {"W_hy": [[*row, *row] for row in WEIGHTS["W_hy"]], "b_y": WEIGHTS["b_y"]}
            file["parameters"] = twice | wide
    letters, numbers = (values(solve(from_document(file))) for file in files)
    assert letters == numbers


def test_where_a_letter_stands_among_other_numbers_it_is_a_column_of_numbers() -> None:
    """One matrix for [h, x], and what is fed back beside x, have products with 1 and 0."""
    joined = [[*row, *other] for row, other in zip(WEIGHTS["W_hh"], WEIGHTS["W_xh"], strict=True)]
    for more, weights in (
        ({"form": "concatenated"}, {"W_h": joined}),
        ({"feedback": "output"}, {"W_xh": [[*row, "0.3", "-0.2", "0.4"] for row in WEIGHTS["W_xh"]]}),
    ):
        files = [text_problem(**more), in_numbers(**more)]
        for file in files:
            kept = {key: value for key, value in WEIGHTS.items() if "form" not in more or key not in ("W_xh", "W_hh")}
            file["parameters"] = kept | weights
        letters, numbers = (values(solve(from_document(file))) for file in files)
        assert letters == numbers


@pytest.mark.parametrize("medium", chosen(MEDIA, ["json", "latex", "terminal-80-unicode"]))
def test_every_line_of_letters_recomputes(medium: str) -> None:
    """The law holds of columns that stand in the place of products."""
    one = solve(from_document(text_problem()), steps="full")
    assert obey(lines_of(printed(one, medium), medium), Digits(4), solved_functions()) > 50


def test_a_product_with_a_letter_is_a_column() -> None:
    """It is named in every medium, in both orientations, and multiplies nothing."""
    one = solve(from_document(text_problem()))
    assert "a_1 = column a of W_xh + W_hh h_0 + b_h" in as_text(one.sheet, unicode=False)
    assert r"\text{column b of }W_{xh}" in one.to_latex()
    assert r"\text{column b of }W_{xh}" in one.to_markdown()
    first = next(row for row in one.sheet.rows() if row.name.text == "a_1[1]")
    assert first.numbers.text == "0.4 + 0.2 * 0 + 0.5 * 0 + 0.1"
    rows = text_problem(products="x W")
    rows["parameters"] = {
        key: list(map(list, zip(*value, strict=True))) if key[0] == "W" else value for key, value in WEIGHTS.items()
    }
    assert "a_2 = row b of W_xh + h_1 W_hh + b_h" in as_text(solve(from_document(rows)).sheet, unicode=False)


def test_the_general_formula_holds_for_every_letter() -> None:
    """Above the lines stands W_xh x_t once, not a formula for each letter."""
    said = as_text(solve(from_document(text_problem())).sheet, unicode=False)
    assert said.count("a_t = W_xh x_t + W_hh h_(t-1) + b_h") == 1
    assert "a_t = column" not in said


def test_the_table_has_the_likeliest_letter_of_each_step() -> None:
    """It is the highest of the printed probabilities, beside the letter that should follow."""
    one = solve(load("hello"))
    (table,) = (block for block in one.sheet.sections[0].blocks if getattr(block, "title", ()) == ("Which letter is next",))
    known = values(one)
    for time, row in enumerate(table.rows, 1):
        cells = [part if isinstance(part, str) else part.text for (part,) in row]
        probabilities = [known[f"y_{time}[{place}]"] for place in range(1, 5)]
        assert cells == [
            str(time),
            "hell"[time - 1],
            *probabilities,
            "helo"[probabilities.index(max(probabilities))],
            "ello"[time - 1],
        ]


def test_gradients_of_letters_are_right() -> None:
    """Central differences agree, also at the columns of letters that are never read."""
    assert all(one.agrees for one in prove(from_document(text_problem("aba"))))
    unread = solve(from_document(text_problem("aba")), rounding="full")
    assert unread["dL/dW_xh[1,3]"] == 0


# ------------------------------------------------------------------------ writing


def written_by(problem: dict[str, Any], first: str, count: int) -> str:
    """What a network writes, worked out in plain Python without rounding."""
    number, vocabulary = problem["parameters"], problem["network"]["vocabulary"]
    W_xh, W_hh, W_hy = ([[float(x) for x in row] for row in number[key]] for key in ("W_xh", "W_hh", "W_hy"))
    b_h, b_y = ([float(x) for x in number[key]] for key in ("b_h", "b_y"))
    h, text = [0.0] * len(b_h), first
    for _ in range(count):
        place = vocabulary.index(text[-1])
        net = [row[place] + sum(w * old for w, old in zip(back, h, strict=True)) + b
               for row, back, b in zip(W_xh, W_hh, b_h, strict=True)]  # fmt: skip
        h = [math.tanh(a) for a in net]
        z = [sum(w * x for w, x in zip(row, h, strict=True)) + b for row, b in zip(W_hy, b_y, strict=True)]
        text += vocabulary[z.index(max(z))]
    return text


@pytest.mark.parametrize("first", "abc")
def test_a_network_writes_its_likeliest_letters(first: str) -> None:
    """Each letter that it reads is the likeliest one of the step before."""
    from bptt_trace.worked_solution.sampled_text import sampled

    problem = text_problem()
    assert sampled(from_document(problem), first, 8).title == f"Sampled by argmax: {written_by(problem, first, 8)}"


def test_a_trained_network_writes_hello() -> None:
    """After enough updates "hello" is what it writes, with the parameters as they are printed."""
    run = CliRunner().invoke(
        command, ["sample", "hello", "--updated", "--letters", "4", "--set", "update.iterations=60", "-f", "json"]
    )
    assert run.exit_code == 0, run.output
    told = json.loads(run.output)
    assert told["title"] == "Sampled by argmax: hello"
    assert all(value in "01" for name, value in told["values"].items() if name.startswith("x_"))


def test_sampling_needs_letters() -> None:
    """What cannot be written says why, with the key."""
    for arguments, message in (
        (["rnn"], "rnn: given: there are no letters"),
        (["hello", "--first", "z"], "hello: network.vocabulary: 'z' is not in the vocabulary, which has h, e, l, o"),
        (["hello", "--round", "exact"], "closed forms have no likeliest letter"),
    ):
        run = CliRunner().invoke(command, ["sample", *arguments])
        assert isinstance(run.exception, ProblemError)
        assert message in str(run.exception)


# --------------------------------------------------------------------- handouts


def test_a_worksheet_does_not_tell_the_likeliest_letter() -> None:
    """The table of letters is an answer."""
    assert "likeliest" not in as_text(worksheet(Key(load("hello"))))


def test_variants_keep_their_text() -> None:
    """Numbers are drawn for the weights; the letters stay, and no range may change them."""
    from bptt_trace.handouts.variants import Factory

    table = text_problem()
    search = Factory(table).search(1, 3)
    (found,) = search.found
    variant = search.factory.variant_problem(found.code, found.drawn)
    given = search.factory.problem.given
    assert variant.given != given
    assert all(variant.given[name] == given[name] for name in given if name.stem in ("x", "target"))
    for key in ("x", "target"):
        with pytest.raises(ProblemError, match="the letters of a text stay as they are"):
            Factory(table | {"vary": {key: "fixed"}})


# ----------------------------------------------------------------------- errors


def refused(change: Any) -> str:
    table = text_problem()
    change(table)
    with pytest.raises(ProblemError) as error:
        from_document(table)
    return str(error.value)


def test_what_is_wrong_with_a_text_names_its_key() -> None:
    """Unknown letters, letters that are there twice, and what a text excludes."""
    assert refused(lambda t: t["given"].update(text="abd")) == 'given.text: "d" is not in the vocabulary, which has "a", "b", "c"'
    assert refused(lambda t: t["given"].update(text="a")).startswith("given.text: expected a text of at least two letters")
    assert refused(lambda t: t["network"].update(vocabulary=["a", "a"])) == 'network.vocabulary: "a" is there twice'
    assert refused(lambda t: t["given"].update(x=[1, 2])).startswith("given.x: x and text exclude each other")
    assert refused(lambda t: t["network"].update(decoder="target")).startswith("network.decoder: a text is read letter by letter")
    assert refused(lambda t: t["given"].pop("text")).startswith("network.vocabulary: a vocabulary has the letters of given.text")


def test_a_vocabulary_is_that_of_the_text_if_it_is_not_told() -> None:
    """Its letters, in the order in which they come; of a list, its words."""
    for text, words in (("abca", ("a", "b", "c")), (["the", "cat", "sat", "the"], ("the", "cat", "sat"))):
        table = text_problem(text)
        del table["network"]["vocabulary"]
        letters = from_document(table).network.letters
        assert letters is not None
        assert (letters.vocabulary, letters.text) == (words, (0, 1, 2, 0))


AWKWARD = ["\\", "{", "%", " ", '"', "$", "_", "<", "&", "ж", "#", "^"]


def awkward() -> Problem:
    """A text of these signs."""
    table = text_problem("".join(AWKWARD), AWKWARD)
    table["parameters"] = {
        "W_xh": [["0.1"] * 12, ["0.2"] * 12], "W_hh": WEIGHTS["W_hh"], "b_h": WEIGHTS["b_h"], "W_hy": [["0.1", "-0.1"]] * 12,
        "b_y": [0] * 12,
    }  # fmt: skip
    return from_document(table)


def test_letters_are_no_markup() -> None:
    """Signs that mean something to LaTeX, Markdown, HTML or Typst are letters like others."""
    one = solve(awkward(), steps="full", detail="board")
    assert "column space of W_xh" in as_text(one.sheet, unicode=False)
    assert r"\text{column \% of }W_{xh}" in one.to_latex()


@pytest.mark.exhaustive
@pytest.mark.skipif(shutil.which("pdflatex") is None and not os.environ.get("CI"), reason="pdflatex is not installed")
def test_letters_that_are_markup_are_set() -> None:
    """LaTeX sets a sheet with such letters, and matrices of twelve columns."""
    assert compile_one(source(solve(awkward(), detail="board").sheet)).startswith(b"%PDF")
