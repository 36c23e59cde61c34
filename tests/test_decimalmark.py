"""What a comma is, decided for a whole sheet; and that the report says it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hand_students import Calculator
from sweeps import at_once

from bptt_trace import Key, check, load
from bptt_trace.marking.answer_files import Answers, parse
from bptt_trace.marking.decimal_mark import decided
from bptt_trace.marking.marks import as_json, gradescope
from bptt_trace.marking.report import report
from bptt_trace.media.templates import markdown


@at_once(
    ("cells", "separator", "declared", "mark", "because"),
    [
        ([("1.530", 1.53)], ",", False, "", ""),
        ([("1,530", 1.53)], ";", False, ",", "semicolons"),
        ([("1,530", 1.53), ("0,0187", 0.0187)], ",", False, ",", "0,0187 can be read in no other way"),
        ([("1,530", 1.53), ("2,718", 2.7)], ",", False, ",", "of the size of the right one"),
        ([("1,530", 1530.2)], ",", False, ".", "of the size of the right one"),
        ([("1,530", 1530.2), ("0.5", 0.5)], ",", True, ".", "0.5 has a decimal point"),
        ([("1,530", 1.53), ("0.5", 0.5)], ",", False, "", ""),
        ([("1,530", 1.53), ("0.5", 0.5)], ",", True, ",", "the problem says so"),
        ([("1,530", 1.53), ("0.5", 0.5), ("0,5", 0.5)], ",", False, ",", "of the size of the right one"),
        ([("1,530", 0.0)], ",", False, "", ""),
        ([("1,530", 0.0)], ",", True, ",", "the problem says so"),
        ([("1,530", 1.53), ("2,718", 2718.0)], ",", False, "", ""),
        ([("x,y", 1.0)], ",", False, "", ""),
    ],
)
def test_what_shows_what_a_comma_is(
    cells: list[tuple[str, float]], separator: str, declared: bool, mark: str, because: str
) -> None:
    """The file's separator, other answers, the size of the right values, the problem: the first that shows it."""
    found = decided(cells, separator, declared)
    assert mark == found.mark
    assert because in found.because
    assert bool(mark) == bool(found.said)


@pytest.mark.parametrize("places", [2, 3, 4])
@pytest.mark.parametrize("problem", ["rnn", "classifier", "lstm"])
def test_a_sheet_with_decimal_commas_is_read_as_one_with_points(problem: str, places: int) -> None:
    """In a file with commas and quotes, in one with semicolons, or in JSON: the numbers are the same."""
    calculator = Calculator(problem, (), places)
    key = Key(load(problem, calculator.set_rounding))
    sheet = calculator.answers("asked")
    assert any("." in text for text in sheet.values())
    points = [answer.read for answer in check(key, sheet).answers]
    for sign in (",", ";"):
        text = "".join(f'"{name}"{sign}"{answer}"\r\n'.replace(".", ",") for name, answer in sheet.items())
        read = parse(text.replace("\r\n", "\n"), key.register, ".csv")
        assert sign == read.separator
        assert points == [answer.read for answer in check(key, read).answers]
    commas = {name: text.replace(".", ",") for name, text in sheet.items()}
    assert points == [answer.read for answer in check(key, commas).answers]


def test_what_was_decided_is_said() -> None:
    """In the report, in the data as their schema has them, and in the results of an autograder; without commas nowhere."""
    schema = json.loads((Path(__file__).parent.parent / "bptt_trace" / "marking" / "marks.schema.json").read_text("utf-8"))
    key = Key(load("rnn"))
    said = "A comma is read as the decimal mark: 0,5370 can be read in no other way."
    marks = check(key, {"a_2": "1,530", "h_1": "0,5370"})
    assert said in markdown(report(key, marks))
    assert said in json.loads(gradescope(marks))["output"]
    assert {"mark": ",", "because": "0,5370 can be read in no other way"} == json.loads(as_json(marks))["decimal_mark"]
    jsonschema.validate(json.loads(as_json(marks)), schema)
    plain = check(key, {"a_2": "1.530", "h_1": "0.5370"})
    assert "comma" not in markdown(report(key, plain))
    assert "decimal_mark" not in json.loads(as_json(plain))


def test_the_separator_goes_with_the_answers() -> None:
    """Whoever reads a file and marks it has what the file shows."""
    answers = Answers({load_name: "1,530" for load_name in Key(load("rnn")).register.names.values() if str(load_name) == "a_2"})
    answers.separator = ";"
    assert ["correct"] == [answer.verdict for answer in check(load("rnn", ["rounding.places=3"]), answers).answers]
