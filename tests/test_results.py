"""Marks as data: as the shipped schema describes them, as Gradescope takes them, and with nothing told that was not asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import fastjsonschema
import jsonschema
import pytest
from students import blanked, by_hand
from sweeps import chosen, key

from bptt_trace import load
from bptt_trace.marking.check import check
from bptt_trace.marking.key import Key
from bptt_trace.marking.marks import Marks, as_data, as_json, gradescope
from bptt_trace.marking.report import report
from bptt_trace.media.templates import html, latex, markdown
from bptt_trace.media.terminal import as_text

SCHEMA: dict[str, Any] = json.loads((files("bptt_trace") / "marking" / "marks.schema.json").read_text("utf-8"))
GRADESCOPE: dict[str, Any] = json.loads((Path(__file__).parent / "gradescope.schema.json").read_text("utf-8"))
SHEETS = ["fnn", "rnn3", "classifier", "toy-batch"]
SOME = ["fnn", "toy-batch"]
HOSTILE = [
    "nan",
    "1e309",
    "\ud800",
    "\x1b]0;owned\x07",
    "<script>",
    "0.29\u202e31",
    "9" * 5000,
    "1e300",
    "-1e300",
    "=1+1",
    '"\\',
    "0",
]


def lines(one: Key) -> list[int]:
    """The lines that a student writes."""
    return [p for p, step in enumerate(one.steps) if step.rule is not None and not step.repeats]


@cache
def sheets(name: str) -> dict[str, Marks]:
    """Marked sheets of one problem: right ones, ones with faults of every kind, and careless ones."""
    one = key(name)
    right = by_hand(one)
    some = lines(one)[1::5]
    found = {
        "right": right,
        "blank": dict.fromkeys(right, ""),
        "half": blanked(right, 0.5, seed=1),
        "slips": by_hand(one, slips={p: 40 * one.quantum[p] for p in some}),
        "slips-half": blanked(by_hand(one, slips={p: 40 * one.quantum[p] for p in some}), 0.5, seed=2),
        "hostile": {name: HOSTILE[place % len(HOSTILE)] for place, name in enumerate(right)},
        "some-hostile": {**right, **{quantity: HOSTILE[i % len(HOSTILE)] for i, quantity in enumerate([*right][::3])}},
        "nothing": {},
    }
    found |= {change.slug: by_hand(one, changed=changed) for change, changed in one.changes}
    return {what: check(one, answers) for what, answers in found.items()}


def no_constant(text: str) -> Any:
    raise AssertionError(f"{text} is not JSON")


validators = {"marks": fastjsonschema.compile(SCHEMA), "gradescope": fastjsonschema.compile(GRADESCOPE)}


def complaint(schema: str, text: str) -> str:
    """What is wrong with a text first, if anything is."""
    try:
        validators[schema](json.loads(text, parse_constant=no_constant))
    except fastjsonschema.JsonSchemaValueException as error:
        return str(error)
    return ""


# --------------------------------------------------------------------- schemas


@pytest.mark.parametrize("schema", [SCHEMA, GRADESCOPE], ids=["marks", "gradescope"])
def test_a_schema_is_a_schema(schema: dict[str, Any]) -> None:
    """Both are valid JSON Schemas (draft 7)."""
    jsonschema.Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("reveal", [False, True])
@pytest.mark.parametrize("name", chosen(SHEETS, SOME))
def test_marks_are_as_the_schema_says(name: str, reveal: bool) -> None:
    """Whatever the student wrote, and whether right values are shown or not."""
    for what, marks in sheets(name).items():
        assert complaint("marks", as_json(marks, reveal=reveal)) == "", what


@pytest.mark.parametrize("reveal", [False, True])
@pytest.mark.parametrize("name", chosen(SHEETS, SOME))
def test_results_are_as_gradescope_wants_them(name: str, reveal: bool) -> None:
    """A test for each answer; the scores add up to the score."""
    for what, marks in sheets(name).items():
        text = gradescope(marks, reveal=reveal)
        assert complaint("gradescope", text) == "", what
        document = json.loads(text)
        assert [str(answer.name) for answer in marks.answers] == [test["name"] for test in document["tests"]]
        assert document["score"] == pytest.approx(sum(test["score"] for test in document["tests"]), abs=1e-3)


def test_the_schema_notices_what_is_wrong() -> None:
    """A key too many, one too few, an unknown verdict, half a revelation."""
    data = as_data(sheets("fnn")["slips"])
    answer = data["answers"][0]
    for changed in (
        {**data, "more": 1},
        {name: value for name, value in data.items() if name != "score"},
        {**data, "answers": [{**answer, "verdict": "fine"}]},
        {**data, "answers": [{**answer, "expected": "0.1"}]},
        {**data, "answers": [{**answer, "read": "NaN"}]},
    ):
        assert complaint("marks", json.dumps(changed))


def test_the_schema_knows_every_verdict() -> None:
    """Sheets of all kinds have no verdict that is not in it, and most of those that are."""
    seen = {answer.verdict for name in SOME for marks in sheets(name).values() for answer in marks.answers}
    known = set(SCHEMA["definitions"]["verdict"]["enum"])
    assert seen <= known
    assert {"correct", "rounded", "follow-through", "misconception", "slip", "wrong", "unreadable", "blank"} <= seen


# --------------------------------------------------------------------- numbers


def test_scores_have_four_places(tmp_path: Path) -> None:
    """A third of a mark is 0.3333, in both files."""
    text = (Path(__file__).parent.parent / "examples" / "fnn.toml").read_text("utf-8")
    path = tmp_path / "thirds.toml"
    path.write_text(text + '\n[marks]\nfollow_through = "1/3"\n', "utf-8")
    one = Key(load(path))
    marks = check(one, by_hand(one, slips={p: 400 * one.quantum[p] for p in lines(one)[:1]}))
    assert any(answer.verdict == "follow-through" for answer in marks.answers)
    data, results = as_data(marks, reveal=True), json.loads(gradescope(marks))
    scores = [data["score"], results["score"], *(a["credit"] for a in data["answers"]), *(t["score"] for t in results["tests"])]
    assert 0.3333 in scores
    assert scores == [round(score, 4) for score in scores]


@pytest.mark.parametrize("name", chosen(SHEETS, SOME))
def test_scores_lie_between_nothing_and_everything(name: str) -> None:
    """No answer earns more than it is worth, a right sheet earns all, an empty one nothing."""
    for marks in sheets(name).values():
        assert all(0 <= answer["credit"] <= answer["out_of"] for answer in as_data(marks)["answers"])
    right, blank = as_data(sheets(name)["right"]), as_data(sheets(name)["blank"])
    assert (right["score"], right["first_wrong"]) == (right["out_of"], None)
    assert (blank["score"], blank["first_wrong"]) == (0, None)


def test_what_could_not_be_read_is_said() -> None:
    """Where nothing is wrong but something is unreadable, the first sentence says so."""
    one = key("fnn")
    answers = by_hand(one)
    marks = check(one, {**answers, next(iter(answers)): "nan"})
    assert json.loads(gradescope(marks))["output"] == "No line is wrong. 1 line could not be read."
    assert "No line is wrong. 1 line could not be read." in markdown(report(one, marks))


# --------------------------------------------------------------------- secrets


def media(one: Key, marks: Marks) -> Iterator[tuple[str, str]]:
    """Everything that a student may be given."""
    sheet = report(one, marks, "Ada")
    yield "json", as_json(marks)
    yield "gradescope", gradescope(marks)
    yield "terminal", as_text(sheet, 80)
    yield "markdown", markdown(sheet)
    yield "html", html(sheet)
    yield "latex", latex(sheet)


@pytest.mark.parametrize("name", chosen(SHEETS, SOME))
@pytest.mark.parametrize("kind", ["slips", "slips-half", "some-hostile", "blank", "half"])
def test_no_right_value_is_told(name: str, kind: str) -> None:
    """The right value of a line stands in no output, unless the student wrote it."""
    one, marks = key(name), sheets(name)[kind]
    wrote = "\n".join(answer.raw for answer in marks.answers)
    values = {f"{abs(one.exact[p]):.{max(one.places[p], 4)}f}" for p in lines(one)}
    values |= {repr(abs(one.exact[p]))[:8] for p in lines(one)}
    given = {f"{abs(value):.4f}" for p, value in enumerate(one.exact) if one.steps[p].rule is None}
    secret = {value for value in values - given if len(value.strip("-0.")) > 3 and value not in wrote}
    assert secret
    for medium, text in media(one, marks):
        assert [] == [value for value in secret if value in text], medium


@pytest.mark.parametrize("name", chosen(SHEETS, SOME))
def test_right_values_are_told_when_they_are_asked_for(name: str) -> None:
    """With ``reveal`` the right value of each faulty line stands in every output."""
    one, marks = key(name), sheets(name)["slips"]
    assert marks.faults
    sheet = report(one, marks, reveal=True)
    data = json.loads(as_json(marks, reveal=True))
    expected = [answer.expected for answer in marks.answers]
    assert [float(answer["expected"]) for answer in data["answers"]] == pytest.approx(expected, rel=1e-11)
    assert all(len(answer["expected"].lstrip("-0.").partition("e")[0]) <= 13 for answer in data["answers"])
    for text in (gradescope(marks, reveal=True), html(sheet), markdown(sheet), latex(sheet)):
        for answer in marks.faults:
            assert f"{answer.expected:.8g}"[:7] in text


# ----------------------------------------------------------------------- bytes


ALL_FORMS = """
import sys
from click.testing import CliRunner
from bptt_trace.commands import command
for form in ("json", "gradescope", "markdown", "html", "latex", "terminal"):
    ended = CliRunner().invoke(command, [*sys.argv[1:], "-f", form])
    print(form, ended.exit_code, ended.output, sep="\\n")
"""


@pytest.mark.exhaustive
def test_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    """``check`` prints the same with PYTHONHASHSEED 0 and 1, and its exit status says that something is wrong."""
    one = key("rnn")
    answers = by_hand(one, slips={p: 300 * one.quantum[p] for p in lines(one)[3::6]})
    path = tmp_path / "answers.csv"
    path.write_text("quantity,answer\n" + "".join(f"{name},{text}\n" for name, text in answers.items()), "utf-8")
    command = [sys.executable, "-c", ALL_FORMS, "check", "rnn", str(path)]
    printed = set()
    for seed in "01":
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"}
        root = Path(__file__).parent.parent
        run = subprocess.run(command, cwd=root, env=environment, capture_output=True, timeout=120, check=True)
        printed.add(run.stdout)
    (text,) = printed
    for form in ("json", "gradescope", "markdown", "html", "latex", "terminal"):
        assert f"{form}\n1\n".encode() in text
    assert str(tmp_path).encode() not in text
