"""Moodle XML and quizzes of Canvas: well formed, by their grammars, and what they accept is what is right.

The grammar of embedded answers is written here from Moodle's documentation
(docs.moodle.org, "Embedded Answers (Cloze) question type") and shares no code
with the package.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from random_problems import examples
from students import by_hand
from sweeps import chosen

from bptt_trace import Key, load
from bptt_trace.commands import command
from bptt_trace.exports import canvas, moodle
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.variants import Factory
from bptt_trace.problem.problem import document, from_document

VARIANTS = int(os.environ.get("BPTT_MOODLE_VARIANTS", "4"))
"""How many variants are looked at of each problem; 10,000 in all take about seven minutes."""

NUMBER = re.compile(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")


@dataclass
class Alternative:
    """One answer of a box."""

    share: Fraction
    value: Decimal
    tolerance: Decimal
    feedback: str


@dataclass
class Box:
    """One embedded answer."""

    weight: int
    alternatives: list[Alternative]

    def share(self, answer: Decimal) -> Fraction:
        """What an answer earns: the share of the first alternative that it is within."""
        return next((one.share for one in self.alternatives if abs(answer - one.value) <= one.tolerance), Fraction(0))


def boxes(text: str) -> Iterator[Box]:
    """The embedded answers of a text: ``{weight:NUMERICAL:alternative~alternative}``. Raises ``ValueError`` for a fault."""
    rest = text
    while "{" in rest:
        rest = rest[rest.index("{") + 1 :]
        inside, brace, after = rest.partition("}")
        if not brace or "{" in inside:
            raise ValueError(f"a brace that belongs to nothing: {rest[:60]}")
        rest = after
        weight, kind, listed = inside.split(":", 2)
        if not weight.isdigit() or int(weight) < 1 or kind != "NUMERICAL":
            raise ValueError(f"no box: {inside[:60]}")
        yield Box(int(weight), [alternative(one) for one in listed.split("~")])
    if "}" in rest:
        raise ValueError(f"a brace that belongs to nothing: {rest[:60]}")


def alternative(text: str) -> Alternative:
    """``=value:tolerance#feedback``, or with a share in per cent: ``%50%value:tolerance#feedback``."""
    answer, _, feedback = text.partition("#")
    if answer.startswith("="):
        share, numbers = Fraction(1), answer[1:]
    elif match := re.fullmatch(r"%([0-9]{1,3})%(.*)", answer):
        share, numbers = Fraction(int(match[1]), 100), match[2]
    else:
        raise ValueError(f"no share: {text[:60]}")
    value, _, tolerance = numbers.partition(":")
    for number in (value, tolerance):
        if not NUMBER.fullmatch(number):
            raise ValueError(f"no number: {number}")
    if "\\" in feedback or "\n" in text:
        raise ValueError(f"what ends a box, or escapes its end: {text[:60]}")
    return Alternative(share, Decimal(value), Decimal(tolerance), unescape(feedback))


def faultless(text: str) -> tuple[list[Box], list[ElementTree.Element]]:
    """The boxes of a question bank, and its numerical questions; every fault of its form fails the test."""
    assert "]]>" not in text
    quiz = ElementTree.fromstring(text)
    assert quiz.tag == "quiz"
    found: list[Box] = []
    numerical = []
    for question in quiz:
        kind = question.get("type")
        if kind == "category":
            assert question.findtext("category/text", "").startswith("$course$/top/")
            continue
        assert question.findtext("name/text") and question.find("questiontext") is not None
        if kind == "cloze":
            found += boxes(question.findtext("questiontext/text", ""))
        else:
            assert kind == "numerical"
            assert not list(boxes(question.findtext("questiontext/text", "")))
            assert next(answer.get("fraction") for answer in question.iter("answer")) == "100"
            numerical.append(question)
    for box in found:
        right = [one for one in box.alternatives if one.share == 1]
        wrong = [one for one in box.alternatives if one.share != 1]
        assert right and all(one.share == 0 and one.feedback for one in wrong)
        for one in wrong:
            for other in right:
                assert abs(one.value - other.value) > one.tolerance + other.tolerance, "a mistake that may be right"
        for place, one in enumerate(wrong):
            assert all(abs(one.value - other.value) > one.tolerance for other in wrong[:place]), "a mistake that hides another"
    return found, numerical


def variants(name: str, count: int) -> Iterator[Key]:
    read, source = document(name)
    factory = Factory(read, source=source)
    for one in factory.search(count, 1).found:
        yield Key(factory.variant_problem(one.code, one.drawn))


@pytest.mark.parametrize("name", chosen(["rnn", "rnn3", "classifier", "adam", "fnn"], ["rnn"]))
def test_variants_have_no_fault_against_the_grammar(name: str) -> None:
    """Every box of every variant is by the grammar, its keys have all digits, and no mistake may be right."""
    for key in variants(name, VARIANTS):
        blanks = blanks_of(key)
        found, _ = faultless(moodle.question_bank(moodle.questions(key, blanks)))
        assert [float(box.alternatives[0].value) for box in found] == [key.exact[position] for position in blanks.asked]


@pytest.mark.parametrize("name", chosen(examples(), ["rnn", "tomyeh-lstm", "clipping"]))
def test_whoever_calculates_by_hand_gets_every_mark(name: str) -> None:
    """Somebody who rounds every line as the sheet says, and somebody who never rounds, earn all marks of every box."""
    key = Key(load(name))
    if key.problem.rounding.policy == "exact" or len(key.steps) > 2_000:
        pytest.skip("nobody fills in so much")
    blanks = blanks_of(key)
    found, _ = faultless(moodle.question_bank(moodle.questions(key, blanks)))
    written = by_hand(key)
    for box, position in zip(found, [p for p in blanks.asked if key.weights[p]], strict=True):
        target = key.steps[position].target
        places = max(key.places[position], 0)
        assert box.share(Decimal(f"{key.exact[position]:.{places}f}")) == 1, target
        if target in written and abs(float(written[target]) - key.exact[position]) <= 10 * key.quantum[position]:
            assert box.share(Decimal(written[target])) == 1, target
        if position in key.printed and abs(float(key.printed[position]) - key.exact[position]) <= 10 * key.quantum[position]:
            assert box.share(key.printed[position]) == 1, target


def test_a_named_mistake_is_told_and_earns_nothing() -> None:
    """The value of a mistake of the catalogue has its message."""
    key = Key(load("rnn"))
    blanks = blanks_of(key)
    found, _ = faultless(moodle.question_bank(moodle.questions(key, blanks)))
    position = key.program.index[next(step.target for step in key.steps if str(step.target) == "dL/da_2")]
    box = found[list(blanks.asked).index(position)]
    without_slope = key.exact[next(a for a in key.arguments[position] if str(key.steps[a].target) == "dL/dh_2")]
    one = next(one for one in box.alternatives if abs(float(one.value) - without_slope) < 1e-9)
    assert one.share == 0 and "multiplied by its slope" in one.feedback


def test_weights_are_whole_numbers() -> None:
    """Half a mark for a section makes boxes of 1 and others of 2."""
    key = Key(load("rnn", ["marks.weights.forward=0.5"]))
    found, _ = faultless(moodle.question_bank(moodle.questions(key, blanks_of(key))))
    assert {box.weight for box in found} == {1, 2}


def test_words_of_braces_are_no_box() -> None:
    """What a lecturer writes never becomes an answer, nor the end of one."""
    title = "{1:SHORTANSWER:=x} ~ # ]]> & <b> \\}"
    key = Key(from_document({**document("rnn")[0], "title": title, "handout": {"instructions": title}}))
    text = moodle.question_bank(moodle.questions(key, blanks_of(key)))
    faultless(text)
    assert title in ElementTree.fromstring(text).findtext("question[2]/name/text", "")


def test_final_results_are_numerical_questions() -> None:
    """A question each for what no other line asked for is made of: the loss, and the new parameters."""
    key = Key(load("rnn"))
    _, numerical = faultless(moodle.question_bank(moodle.questions(key, blanks_of(key))))
    names = [question.findtext("name/text", "").rpartition(": ")[2] for question in numerical]
    assert names == ["L", "w_xh'", "w_hh'", "b_h'", "w_hy'", "b_y'"]


# -------------------------------------------------------------------- Canvas

SPACE = {"q": "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"}


def questions_of(text: str) -> list[ElementTree.Element]:
    return [
        one
        for one in ElementTree.fromstring(text).iter(f"{{{SPACE['q']}}}item")
        if "text_only_question" not in "".join(one.itertext())
    ]


@pytest.mark.parametrize("name", chosen(examples(), ["rnn", "adam", "vanishing"]))
def test_canvas_holds_every_answer(name: str) -> None:
    """Every bound has at most four decimals, as Canvas keeps, and the right result, times the power asked for, lies within."""
    key = Key(load(name))
    if key.problem.rounding.policy == "exact" or len(key.steps) > 2_000:
        pytest.skip("nobody fills in so much")
    blanks = blanks_of(key)
    found = questions_of(canvas.quiz(key, blanks))
    assert len(found) == len(blanks.asked)
    for question, position in zip(found, blanks.asked, strict=True):
        said = unescape("".join(question.find("q:presentation", SPACE).itertext()))  # type: ignore[union-attr]
        power = int(match[1]) if (match := re.search(r"times 10\^([0-9]+)", said)) else 0
        low, high = (Decimal(question.findtext(f".//q:{bound}", "", SPACE)) for bound in ("vargte", "varlte"))
        assert all(-number.as_tuple().exponent <= 4 for number in (low, high))  # type: ignore[operator]
        right = Decimal(key.exact[position]).scaleb(power)
        assert low <= right <= high and low <= right.quantize(Decimal("0.0001")) <= high
        unit = Decimal(key.quantum[position]).scaleb(power)
        assert unit >= Decimal("0.00009"), "a unit that Canvas does not keep"
        assert high - low <= 2 * 11 * unit + Decimal("0.0003")


def test_the_package_of_canvas_has_its_files() -> None:
    """The manifest names the quiz that is there; the same quiz gives the same bytes."""
    key = Key(load("rnn"))
    data = canvas.package({"sheet": canvas.quiz(key, blanks_of(key))})
    with zipfile.ZipFile(BytesIO(data)) as parts:
        manifest = ElementTree.fromstring(parts.read("imsmanifest.xml"))
        assert [file.get("href") for file in manifest.iter() if file.tag.endswith("}file")] == ["sheet.xml"]
        assert parts.namelist() == ["imsmanifest.xml", "sheet.xml"]
    assert data == canvas.package({"sheet": canvas.quiz(key, blanks_of(key))})


# ------------------------------------------------------------------ commands


def run(*arguments: str) -> Any:
    return CliRunner().invoke(command, list(arguments))


@pytest.mark.parametrize("form", chosen(["moodle", "canvas", "qti", "qti2.1"], ["moodle", "qti"]))
def test_a_class_is_one_bank(form: str, tmp_path: Path) -> None:
    """``vary`` writes a file for each variant and one with all of them, and says that they hold the key."""
    result = run("vary", "rnn", "-n", "3", "-f", form, "-o", str(tmp_path / "class"))
    assert result.exit_code == 0 and "holds the key" in result.output
    codes = [re.search(r'code = "(.*)"', file.read_text())[1] for file in sorted((tmp_path / "class" / "problems").iterdir())]  # type: ignore[index]
    bank = next((tmp_path / "class").glob("all-worksheets.*")).read_bytes()
    if form == "moodle":
        text = bank.decode()
    else:
        with zipfile.ZipFile(BytesIO(bank)) as parts:
            text = "".join(parts.read(name).decode() for name in parts.namelist())
    assert all(f"({code})" in text for code in codes)
    assert sorted(file.suffix for file in (tmp_path / "class" / "keys").iterdir()) == [".md"] * 3


@pytest.mark.exhaustive
@pytest.mark.parametrize("form", ["xlsx", "moodle", "canvas", "qti"])
def test_jobs_change_no_byte(form: str, tmp_path: Path) -> None:
    """Two processes write the files that one writes."""
    for jobs in ("1", "2"):
        assert run("vary", "rnn", "-n", "6", "-f", form, "-o", str(tmp_path / jobs), "--jobs", jobs).exit_code == 0
    files = [{file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.*")} for folder in tmp_path.iterdir()]
    assert files[0] == files[1] and len(files[0]) > 20


@pytest.mark.parametrize(("name", "form"), [("x.xml", "moodle"), ("x.zip", "qti")])
def test_the_ending_chooses_the_platform(name: str, form: str, tmp_path: Path) -> None:
    """``-o x.xml`` is for Moodle, ``-o x.zip`` a package of QTI; the key that they hold is told."""
    result = run("worksheet", "rnn", "-o", str(tmp_path / name))
    assert result.exit_code == 0 and f"-f {form} holds the key" in result.output
    assert (tmp_path / name).read_bytes()[:5] in (b"<?xml", b"PK\x03\x04\x14")
