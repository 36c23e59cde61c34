"""The sentences of a sheet are true of the numbers that are printed, also of ties, zeros, ones, equal and tiny numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import claims
import claims_of_features  # noqa: F401 - they are known from here on
import pytest
import rules_kept as rules
from any_feature import KINDS, problem_with_a_feature
from awkward import awkward
from random_problems import examples
from sweeps import share_of

from bptt_trace import Key, load, parse, solve
from bptt_trace.document.figures import Bars
from bptt_trace.errors import CalculationError, ProblemError
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.media.sheet_json import write_json
from bptt_trace.problem.problem import document as document_of_file
from bptt_trace.problem.problem import from_document
from bptt_trace.solution import Solution
from bptt_trace.worked_solution.gradient_flow import flow_sheet

EXAMPLES = Path(__file__).parent.parent / "examples"
SOME = ("rnn3", "training", "bidirectional", "seq2seq", "toy-batch", "gru")
"""Examples that are looked at by default."""
SEEDS = (*range(16), 144, 984, 1616, 1643)
"""The last ones: a sum that carry makes approximate, a state that is printed otherwise without its memory, a cut-off pass,
a largest distance that is a tie of its two figures."""
MANY = share_of(40)
"""Blocks of a hundred seeds in the wide sweep."""
wide = [pytest.param(range(100 * k, 100 * (k + 1)), marks=pytest.mark.exhaustive, id=f"seeds-{100 * k}") for k in range(MANY)]
BLOCKS = pytest.mark.parametrize("seeds", [pytest.param(SEEDS, id="some"), *wide])


def solution(document: dict[str, Any] | None) -> Solution | None:
    """The worked solution; nothing where the numbers cannot be calculated, or do not fit together."""
    if document is None:
        return None
    try:
        return solve(parse(json.dumps(document)))
    except (ProblemError, CalculationError):
        return None


@lru_cache(maxsize=len(SEEDS))
def drawn(seed: int) -> tuple[dict[str, Any] | None, Solution | None]:
    """A problem file with awkward numbers, and its worked solution."""
    document = awkward(seed)
    return document, solution(document)


def built_in(name: str) -> dict[str, Any]:
    """The problem file of an example, with the usual names."""
    table, _ = document_of_file(EXAMPLES / f"{name}.toml")
    return {key: value for key, value in table.items() if key not in ("notation", "names")}


def checked(document: dict[str, Any], solved: Solution) -> claims.Sheet:
    return claims.check(document, solved.to_json(), solved.to_markdown())


@BLOCKS
def test_every_sentence_of_a_random_problem_is_true(seeds: Sequence[int]) -> None:
    """The claim of each sentence is worked out again from the printed numbers; a sentence without a known claim is an error."""
    sheets = sentences = 0
    for seed in seeds:
        document, solved = drawn(seed)
        if document is None or solved is None:
            continue
        try:
            sentences += checked(document, solved).checked
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        sheets += 1
    assert sheets > len(seeds) * 0.4
    assert sentences > 8 * sheets
    print(f"{sheets} sheets, {sentences} sentences")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in SOME else pytest.mark.exhaustive) for n in examples()])
def test_every_sentence_of_an_example_is_true(name: str) -> None:
    """The same of what ships."""
    document = built_in(name)
    assert checked(document, solve(from_document(document))).checked > 2


@cache
def told(name: str) -> str:
    """An example as JSON."""
    return solve(from_document(built_in(name))).to_json()


@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=[] if seed in range(1, KINDS, 2) else pytest.mark.exhaustive) for seed in range(share_of(600))],
)
def test_every_sentence_about_what_few_networks_have_is_true(seed: int) -> None:
    """The same of attention, letters, perceptrons, own equations, graphs, dropout, windows, and sections that are asked for."""
    document = problem_with_a_feature(seed)
    solved = solution(document)
    if solved is not None:
        assert checked(document, solved).checked


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("falls", "rises"), ("most", "least"), ("negative: both ask for a larger", "negative: both ask for a smaller"),
        ("direct part is larger", "carried part is larger"),
        ("smaller than 1 in size", "larger than 1 in size"), ("adds three terms", "adds two terms"), ("all five", "all four"),
        ("fades (vanishing gradient): over two", "lasts (stable gradient): over two"), ("over two steps", "over three steps"),
        ("Both are positive", "Both are negative"),
        ("each of the three steps", "each of the two steps"),
        ("The loss falls", "The loss rises"),
        ("used at every step", "used at the last step"), ("is not empty: h_0 = 0.3", "is not empty: h_0 = 0"),
    ],
)  # fmt: skip
def test_a_false_sentence_is_noticed(said: str, instead: str) -> None:
    """The check is not too kind: one word changed in a sheet makes it fail."""
    noticed = found = 0
    for name in ("rnn3", "rnn", "gru", "hi-there-class", "vanishing"):
        document = built_in(name)
        data = json.loads(told(name))
        for section in data["sections"]:
            for place, note in enumerate(section["notes"]):
                if said in note and not note.startswith(("One", "The network")):
                    found += 1
                    section["notes"][place] = note.replace(said, instead, 1)
                    with pytest.raises(AssertionError):
                        claims.check(document, json.dumps(data))
                    noticed += 1
                    section["notes"][place] = note
    assert found == noticed > 0


def test_a_sentence_of_a_new_kind_wants_a_claim() -> None:
    """A sentence that no pattern knows is an error."""
    document = built_in("rnn3")
    data = json.loads(solve(from_document(document)).to_json())
    data["sections"][0]["notes"].append("Check: The state is far from 0.")
    with pytest.raises(AssertionError, match="no claim is known"):
        claims.check(document, json.dumps(data))


# ------------------------------------------------------------- general formulas


@BLOCKS
def test_a_general_formula_gives_every_line_of_its_kind(seeds: Sequence[int]) -> None:
    """With numbers for t and s, a formula at the head of a section gives the unrounded lines: sum and mean, t - 1 and t + 1."""
    compared = 0
    for seed in seeds:
        document = awkward(seed)
        if document is None:
            continue
        document["rounding"] = {"policy": "full"}
        solved = solution(document)
        if solved is None:
            continue
        sheet = claims.Sheet(document, json.loads(solved.to_json()))
        functions = claims.functions_of()
        for section in sheet.data["sections"]:
            formulas = section["notes"] if section["id"] in ("forward", "loss", "backward", "gradients", "memory") else []
            told = {note.partition(" = ")[0] for note in formulas}
            for note in formulas:
                try:
                    compared += claims.instances(sheet, note, functions, told)
                except AssertionError as error:
                    raise AssertionError(f"seed {seed}: {error}") from error
    assert compared > 4 * len(seeds)


@pytest.mark.parametrize("gradient", ["short", "long"])
@pytest.mark.parametrize("over_time", ["mean", "sum"])
def test_the_slope_of_a_binary_cross_entropy_is_written_for_every_target(gradient: str, over_time: str) -> None:
    """Where the lines of targets 0 and 1 have shorter formulas, the general one gives both."""
    document = {
        "network": {"cell": "rnn", "activation": "sigmoid", "readout": False},
        "parameters": {"w_xh": "0.5", "w_hh": "0.3", "b_h": "0.1"},
        "given": {"x": [1, -1, 2], "target": [1, 0, 1]},
        "loss": {"kind": "binary_cross_entropy", "over_time": over_time, "factor": "1/2", "gradient": gradient},
        "rounding": {"policy": "full"},
    }
    sheet = claims.Sheet(document, json.loads(solve(from_document(document)).to_json()))
    (formula,) = (note for section in sheet.data["sections"] for note in section["notes"] if note.startswith("dL/dh_t = "))
    direct, _, carried = formula.partition(" + dL/da")
    for time, total in ((1, "dL/dh_1 via L_1"), (2, "dL/dh_2 via L_2")):
        sheet.by_name["dL/dh_" + str(time)] = sheet.by_name[total]
    assert carried
    assert claims.instances(sheet, direct, claims.functions_of()) >= 2


# ------------------------------------------------------------------- the update


def test_where_a_smaller_learning_rate_is_promised_it_lowers_the_loss() -> None:
    """The loss of a step that was too long falls with a rate small enough."""
    promised = 0
    for seed in range(150):
        document = awkward(seed)
        if document is None or document.get("update", {}).get("learning_rate") not in ("1", "5"):
            continue
        document["rounding"] = {"policy": "full"}
        document["update"].pop("iterations", None)
        solved = solution(document)
        if solved is None or claims.TOO_LONG not in solved.to_json():
            continue
        promised += 1
        rates = ("0.01", "0.0001", "0.000001")
        slower = [solution({**document, "update": {**document["update"], "learning_rate": rate}}) for rate in rates]
        assert any(float(one["L@2"]) < float(one["L"]) for one in slower if one is not None), seed
    assert promised > 0


# -------------------------------------------------------------- check yourself


@BLOCKS
def test_what_students_are_told_to_check_holds_for_every_right_result(seeds: Sequence[int]) -> None:
    """No right result breaks a rule of "Check yourself", as it is rounded by the sheet's own rule."""
    kept = 0
    for seed in seeds:
        document, solved = drawn(seed)
        if document is not None and solved is not None:
            kept += _keeps_its_rules(document, solved, f"seed {seed}")
    assert kept > len(seeds)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in SOME else pytest.mark.exhaustive) for n in examples()])
def test_the_results_of_an_example_keep_its_rules(name: str) -> None:
    """The same of the worksheets that ship."""
    document = built_in(name)
    assert (
        _keeps_its_rules(document, solve(from_document(document)), name) > 0
        or document.get("network", {}).get("cell", "graph") == "graph"
    )  # no network, no rules


def _keeps_its_rules(document: dict[str, Any], solved: Solution, whose: str) -> int:
    try:
        sheet = worksheet(Key(from_document(document)))
    except ProblemError:
        return 0  # nothing is left to the student
    printed = rules.Results(json.loads(solved.to_json()))
    told = json.loads("".join(write_json(sheet)))["sections"]
    kept = 0
    for note in (note for section in told for note in section["notes"] if note.startswith("Check yourself: ")):
        for rule in re.split(r"(?<=\.) (?=\S)", note.removeprefix("Check yourself: ")):
            try:
                rules.keeps(printed, rule)
            except AssertionError as error:
                raise AssertionError(f"{whose}: {rule}: {error}") from error
            kept += 1
    return kept


# ------------------------------------------------------------------------- flow


@BLOCKS
def test_every_sentence_of_gradient_flow_is_true(seeds: Sequence[int]) -> None:
    """Verdict and share: what is largest is so alone, and what is stable keeps half and does not double."""
    said = 0
    for seed in seeds:
        document = awkward(seed)
        if document is None:
            continue
        try:
            problem = from_document(document)
            data = json.loads("".join(write_json(flow_sheet([problem], canonical=True))))
        except (ProblemError, CalculationError):
            continue
        except ArithmeticError:
            continue  # a printed total is 0
        sheet = claims.Sheet(document, data)
        for section in data["sections"]:
            for note in section["notes"]:
                if note.startswith(("Verdict", "Share")):
                    claims.flow(sheet, note)
                    said += 1
    assert said > len(seeds) / 10


# --------------------------------------------------------------------- pictures


@pytest.mark.parametrize("name", ["rnn3", "lstm", "gru", "vanishing", "hi-there-class"])
def test_the_picture_draws_what_its_sentence_says(name: str) -> None:
    """How far an error reaches back: a bar for each slope of the last state in an earlier one, as high as it is large."""
    solved = solve(load(name))
    (figure,) = [block for section in solved.sheet.sections for block in section.blocks if isinstance(block, Bars)][:1]
    bars = [bar for bar in figure.bars if not bar.dots]
    sizes = [abs(float(bar.value.text)) for bar in bars]
    for bar, size in zip(bars, sizes, strict=True):
        assert re.fullmatch(r"d([hc])_(\d+)/d\1_(\d+)", bar.name.text)
        assert solved[bar.name.text] == float(bar.value.text)
        assert abs(sum(height for _, height in bar.parts) - 1000 * size / max(sizes)) <= 1


def test_the_weight_of_a_letter_is_no_bias() -> None:
    """Where a letter picks one column of the weights, its term is what the input brings; there is one bias."""
    document = {
        "network": {"cell": "rnn", "hidden": 1, "output_activation": "softmax", "vocabulary": ["a", "b"]},
        "parameters": {"W_xh": [["0.4", "-0.3"]], "w_hh": "0.5", "b_h": "0.1", "W_hy": [["1"], ["-1"]], "b_y": ["0", "0.2"]},
        "given": {"text": "abba"},
        "loss": {"kind": "cross_entropy"},
    }
    told = " ".join(solve(from_document(document)).to_markdown().split())
    assert "comes from the input and the bias" in told
    assert "the bias and the bias" not in told
