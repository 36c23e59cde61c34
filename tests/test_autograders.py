"""Autograders: what Gradescope, PrairieLearn and otter-grader get, run as they run it."""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema
import nbformat
import pytest
from click.testing import CliRunner
from leaks import leaked
from sweeps import COVERING, chosen
from sweeps import key as key_of
from sweeps import solution as example

from bptt_trace import __version__, check
from bptt_trace.commands import command
from bptt_trace.exports import gradescope
from bptt_trace.handouts.blanks import blanks_of

SOME = (*COVERING, "classifier")
"""The examples that are exported; all of them take several minutes, and differ in nothing else."""
SCHEMA = json.loads((Path(__file__).parent / "gradescope.schema.json").read_text("utf-8"))


def run(*words: str) -> Any:
    """A command that ends well."""
    outcome = CliRunner().invoke(command, list(words), standalone_mode=False)
    assert outcome.exception is None, outcome.exception
    return outcome


def right(name: str) -> dict[str, str]:
    """The right answers, as the worked solution prints them."""
    values, key = example(name, steps="full").values, key_of(name)
    return {str(key.steps[p].target): str(values.numbers[p]) for p in blanks_of(key).asked}


def slipped(name: str) -> dict[str, str]:
    """The right answers but for the second, with a blank and one with few digits."""
    answers = right(name)
    names = list(answers)
    return answers | {names[1]: "7.25", names[3]: "", names[4]: f"{float(answers[names[4]]):.2f}"}


# ------------------------------------------------------------------- Gradescope


@pytest.fixture
def autograder(tmp_path: Path) -> Path:
    """The folder of Gradescope, with the archive of the example rnn unpacked as it is there."""
    run("export", "gradescope", "rnn", "-o", str(tmp_path / "rnn.zip"))
    folder = tmp_path / "autograder"
    for part in ("source", "submission", "results"):
        (folder / part).mkdir(parents=True)
    with ZipFile(tmp_path / "rnn.zip") as archive:
        archive.extractall(folder / "source")
        assert {info.filename: info.external_attr >> 16 & 0o111 for info in archive.infolist()} == {
            "setup.sh": 0o111, "run_autograder": 0o111, "problem.toml": 0,
        }  # fmt: skip
    shutil.copy(folder / "source" / "run_autograder", folder)
    return folder


def test_gradescope_gets_what_check_prints(autograder: Path) -> None:
    """Byte for byte, from the script that Gradescope calls, whatever the folder it is called in."""
    (autograder / "submission" / "my answers.csv").write_text(
        "quantity,answer\n" + "".join(f"{name},{answer}\n" for name, answer in slipped("rnn").items()), "utf-8"
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["bash", str(autograder / "run_autograder")], cwd="/", env={**os.environ, "PATH": path}, check=True)
    results = (autograder / "results" / "results.json").read_text("utf-8")
    printed = CliRunner().invoke(command, ["check", "rnn", str(autograder / "submission" / "my answers.csv"), "-f", "gradescope"])
    assert printed.stdout == results
    jsonschema.validate(json.loads(results), SCHEMA)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "submission: expected one file with answers, ending in .csv, .toml, .json, .md, .markdown; no such file"),
        ({"a.csv": "h_1,1", "b.md": "x"}, "2 files: a.csv, b.md"),
        ({"a.csv": "quantity,answer\nh_9,1\n"}, "a.csv: row 2: "),
        ({"a.csv": "\0"}, "a.csv: a character NUL in it"),
    ],
)
def test_gradescope_is_told_why_a_submission_cannot_be_marked(autograder: Path, files: dict[str, str], message: str) -> None:
    """With no marks, and the name of the file without its folder."""
    for name, text in files.items():
        (autograder / "submission" / name).write_text(text, "utf-8")
    gradescope.run(autograder)
    results = json.loads((autograder / "results" / "results.json").read_text("utf-8"))
    jsonschema.validate(results, SCHEMA)
    assert results["score"] == 0
    assert message in results["output"]
    assert str(autograder) not in results["output"]


def test_the_scripts_for_gradescope_are_programs_of_bash(autograder: Path) -> None:
    """Bash can read them; the version that is installed is this one."""
    for name in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", str(autograder / "source" / name)], check=True)
    assert f"bptt-trace=={__version__}" in (autograder / "source" / "setup.sh").read_text("utf-8")


# ----------------------------------------------------------------- PrairieLearn

Data = dict[str, Any]


class Server:
    """A question's server.py, called as PrairieLearn calls it: each time with data that were kept as JSON."""

    def __init__(self, folder: Path) -> None:
        self.functions: dict[str, Callable[[Data], None]] = {}
        exec(compile((folder / "server.py").read_text("utf-8"), "server.py", "exec"), self.functions)

    def call(self, function: str, data: Data) -> Data:
        self.functions[function](data)
        kept: Data = json.loads(json.dumps(data, allow_nan=False))
        return kept

    def fresh(self, seed: int = 1) -> Data:
        parts = ("params", "correct_answers", "submitted_answers", "raw_submitted_answers", "format_errors", "partial_scores")
        return self.call("generate", {**{part: {} for part in parts}, "feedback": {}, "score": 0.0, "variant_seed": seed})

    def submit(self, data: Data, answers: dict[str, str]) -> Data:
        data = data | {"submitted_answers": answers, "raw_submitted_answers": answers}
        data = self.call("parse", data)
        return data if data["format_errors"] else self.call("grade", data)


class Tags(HTMLParser):
    """Looks whether every element is closed where it has to be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        del attrs
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()


def question(folder: Path, name: str, *words: str) -> Server:
    run("export", "prairielearn", name, "-o", str(folder), *words)
    assert {"info.json", "question.html", "server.py"} == {path.name for path in folder.iterdir()}
    return Server(folder)


@pytest.mark.parametrize("name", chosen(SOME, ["rnn", "classifier"]))
def test_prairielearn_marks_as_check_does(tmp_path: Path, name: str) -> None:
    """Each box has the share of its line, the question that of the sheet; the right answers earn everything."""
    server = question(tmp_path / "q", name)
    fields = server.functions["FIELDS"]
    data = server.fresh()
    everything = server.submit(data, dict(data["correct_answers"]))
    assert everything["score"] == pytest.approx(1)
    answers = slipped(name)
    marks = check(key_of(name), answers)
    marked = server.submit(server.fresh(), {field: answers[line] for field, line in fields.items()})
    assert marked["score"] == pytest.approx(marks.score / marks.out_of)
    shares = {str(one.name): one.credit / one.out_of for one in marks.answers if one.out_of}
    assert {fields[field]: part["score"] for field, part in marked["partial_scores"].items() if part["weight"]} == shares
    assert str(marks.first_wrong) in unescape(marked["feedback"]["report"])


def test_prairielearn_sends_back_what_is_no_number(tmp_path: Path) -> None:
    """The box is named, and nothing is marked."""
    server = question(tmp_path / "q", "rnn")
    data = server.submit(server.fresh(), {"line_1": "0.6 or so", "line_2": "0.5370"})
    assert ["line_1"] == list(data["format_errors"])
    assert {} == data["partial_scores"]


@pytest.mark.parametrize("name", chosen(SOME, ["rnn", "classifier"]))
def test_a_question_for_prairielearn_has_a_box_for_each_blank_and_no_result(tmp_path: Path, name: str) -> None:
    """Elements are closed, no sign of Mustache is left in formulas, and no result of a blank is in the folder."""
    server = question(tmp_path / "q", name)
    html = (tmp_path / "q" / "question.html").read_text("utf-8")
    assert list(server.functions["FIELDS"]) == re.findall(r'<pl-string-input answers-name="(\w+)"', html)
    assert html.startswith("{{=<% %>=}}\n")
    tags = Tags()
    tags.feed(html)
    assert [] == tags.open
    assert ["params.given", "feedback.report"] == re.findall(r"<%& (\S+) %>", html)
    for file in (tmp_path / "q").iterdir():
        assert set() == leaked(name, file.read_text("utf-8"))
    assert set() == leaked(name, server.fresh()["params"]["given"])
    info = json.loads((tmp_path / "q" / "info.json").read_text("utf-8"))
    assert {"uuid", "title", "topic", "tags", "type"} == set(info)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", info["uuid"])


def test_each_student_of_prairielearn_can_have_other_numbers(tmp_path: Path) -> None:
    """With ``--vary`` the seed of PrairieLearn draws them; the same seed draws the same."""
    server = question(tmp_path / "q", "rnn", "--vary")
    one, again, other = server.fresh(5), server.fresh(5), server.fresh(6)
    assert one == again
    assert one["params"]["given"] != other["params"]["given"]
    assert one["correct_answers"] != other["correct_answers"]
    assert server.submit(other, dict(other["correct_answers"]))["score"] == pytest.approx(1)
    assert server.submit(one, dict(other["correct_answers"]))["score"] < 0.9


@pytest.mark.parametrize("words", [["--hints", "3"], ["--blanks", "gradients"]])
def test_a_question_that_prints_numbers_does_not_vary(tmp_path: Path, words: list[str]) -> None:
    """They would be those of one student only."""
    outcome = CliRunner().invoke(command, ["export", "prairielearn", "rnn", "--vary", *words, "-o", str(tmp_path / "q")])
    assert (2, True) == (outcome.exit_code, "with --vary each student has other numbers" in outcome.output)


# ------------------------------------------------------------------------ otter


def points(test: dict[str, Any], environment: dict[str, Any]) -> tuple[float, float]:
    """What a test in otter's OK format is worth, and what it earns: a case counts if its doctest passes."""
    earned = out_of = 0.0
    for number, case in enumerate(test["suites"][0]["cases"]):
        found = doctest.DocTestParser().get_doctest(case["code"], dict(environment), f"case {number}", None, None)
        out_of += case["points"]
        earned += case["points"] * (not doctest.DocTestRunner(verbose=False).run(found, out=lambda _: None).failed)
    return earned, out_of


@pytest.mark.parametrize("name", chosen(SOME, ["rnn"]))
def test_the_tests_for_otter_add_up_to_the_marks(tmp_path: Path, name: str) -> None:
    """Partial credit included; the notebook asks for each test once, and has no result."""
    run("export", "otter", name, "-o", str(tmp_path / "lab"))
    text = (tmp_path / "lab" / "lab.ipynb").read_text("utf-8")
    notebook = nbformat.reads(text, 4)
    nbformat.validate(notebook)
    assert set() == leaked(name, text)
    answers = slipped(name)
    marks = check(key_of(name), answers)
    total = [0.0, 0.0]
    files = sorted((tmp_path / "lab" / "tests").iterdir())
    for file in files:
        written: dict[str, Any] = {}
        exec(file.read_text("utf-8"), written)
        assert written["OK_FORMAT"]
        assert 1 == text.count(f'grader.check(\\"{written["test"]["name"]}\\")')
        for place, part in enumerate(points(written["test"], {"key": key_of(name), "answers": answers})):
            total[place] += part
    assert total == pytest.approx([marks.score, marks.out_of])


@pytest.mark.parametrize("kind", ["prairielearn", "otter"])
def test_a_folder_that_has_something_in_it_is_left_alone(tmp_path: Path, kind: str) -> None:
    """Nothing is written over."""
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    outcome = CliRunner().invoke(command, ["export", kind, "rnn", "-o", str(tmp_path)])
    assert "something in it" in str(outcome.exception)
    assert ["mine.txt"] == [path.name for path in tmp_path.iterdir()]
