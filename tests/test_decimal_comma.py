"""Sheets with a decimal comma: read back with it, they obey the same law; what machines read keeps the point."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from sweeps import abreast, of_examples, paired, solution
from test_law import Digits, lines_of, obey, solved_functions

from bptt_trace import check, load
from bptt_trace.commands import command
from bptt_trace.document.locale import Locale
from bptt_trace.document.sheet import Sheet
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.marking.key import Key
from bptt_trace.marking.report import report
from bptt_trace.media.drawing.svg import pictures
from bptt_trace.media.sheet_json import write_json
from bptt_trace.media.templates import html, latex, markdown, typst
from bptt_trace.media.terminal import as_text

COMMA = Locale(decimal_mark=",")
MARK = 'handout.decimal_mark=","'
MEDIA = ("markdown", "latex", "html", "terminal-80-unicode", "terminal-120-ascii", "terminal-60-unicode")


def printed(sheet: Sheet, medium: str) -> str:
    kind, *how = medium.split("-")
    if kind == "terminal":
        return as_text(sheet, int(how[0]), unicode=how[1] == "unicode")
    return {"markdown": markdown, "latex": latex, "html": html, "typst": typst}[kind](sheet)


@cache
def with_comma(name: str, rounding: str = "4dp") -> Sheet:
    """The sheet of an example as it is with ``decimal_mark = ","``; steps are those of the test of the law."""
    return replace(solution(name, rounding=rounding, steps="full").sheet, locale=COMMA)


def with_points(text: str, medium: str) -> str:
    """What the reader with the calculator reads: commas in numbers as points, then the signs between numbers as commas."""
    if medium in ("markdown", "latex"):
        text = re.sub(r"(?<=\d)\{,\}(?=\d)", ".", text)
        return re.sub(r"(\\(?:max|min)\([^;]*); ", r"\1, ", text)
    if medium == "html":
        text = re.sub(r"(?<=<mn>)(\d+),(\d+)", r"\1.\2", text)
        return text.replace("<mo>;</mo>", "<mo>,</mo>")
    # Not the number of a line, 4.1,2, and not the index of a name, W[1,2].
    text = re.sub(r"(?<![\d.,])(?<![A-Za-z'@\d]\[)(\d+),(\d+)", r"\1.\2", text)
    text = re.sub(r"\] \|(?=\s+\[)", "];", text)  # vectors above each other
    brackets = r"(\[[^\]]*\]|m(?:ax|in)\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))"
    return re.sub(brackets, lambda m: re.sub(r" \|(?=\s)", ";", re.sub(r";(?=\s)", ",", m[1])), text)


@pytest.mark.parametrize(("name", "rounding", "medium"), abreast(of_examples(), ["4dp", "5sf"], MEDIA))
def test_every_line_with_commas_recomputes(name: str, rounding: str, medium: str) -> None:
    """The numbers of a line, read with the comma, give its result."""
    digits = Digits(int(rounding[0]), figures=rounding.endswith("sf"))
    text = with_points(printed(with_comma(name, rounding), medium), medium)
    text = text.replace("dE/", "dL/").replace(r"\partial E", r"\partial L")  # what Mazur calls the loss
    assert obey(lines_of(text, medium), digits, solved_functions()) >= 6


NOT_NUMBERS = re.compile(
    r"""=\"[^\"]*\"|<style.*?</style>|image\(bytes\([^\n]*|arXiv:\S+|\d+\.\d+[ ]?(?:\\sheet\w+|\\dimexpr|mm|cm|pt|em|ex|mu)"""
    r"""|\\(?:draw|node|fill|filldraw)[^\n]*|(?:#(?:let|set)|\nlet) [^\n]*|\n// [^\n]*""",
    re.DOTALL,
)
"""Attributes, styles, lengths, and the coordinates of pictures."""


def points(text: str, sheet: Sheet) -> set[str]:
    """What still looks like a number with a point, but for the numbers of lines."""
    text = text.rpartition(r"\begin{document}")[2]
    lines = {row.number.partition(",")[0] for row in sheet.rows()}
    return set(re.findall(r"(?<![\w.,{])\d+\.\d+(?![\d.])", NOT_NUMBERS.sub("", text))) - lines


@pytest.mark.parametrize(("name", "medium"), paired(["rnn3", "adam", "classifier"], [*MEDIA, "typst"]))
def test_no_decimal_point_is_left(name: str, medium: str) -> None:
    """In lines, tables, sentences and pictures alike; the same sheet with points is full of them."""
    sheet = replace(with_comma(name), footer=())
    assert points(printed(sheet, medium), sheet) == set()
    plain = replace(sheet, locale=Locale())
    assert len(points(printed(plain, medium), plain)) > 20


def test_pictures_have_the_comma_too() -> None:
    """In their letters and in their alternative texts."""
    drawn = pictures(with_comma("rnn"))
    assert drawn
    for text in drawn.values():
        said = " ".join(re.findall(r">([^<>]+)<", text))
        assert not re.search(r"\d\.\d", said)
    assert any(re.search(r"\d,\d", text) for text in drawn.values())


@pytest.mark.parametrize("form", ["json", "python", "numpy"])
def test_what_machines_read_keeps_the_point(form: str) -> None:
    """JSON and programs are the same, whatever mark the sheet has."""
    both = [CliRunner().invoke(command, ["solve", "rnn", "-f", form, *more]).stdout for more in ((), ("--set", MARK))]
    assert both[0] == both[1]


@pytest.mark.parametrize("say", [markdown, latex, html, typst, lambda sheet: as_text(sheet, 100)])
def test_worksheet_and_key_have_the_comma(say: object) -> None:
    """What is given on the one, the results and what mistakes give on the other."""
    key = Key(load("rnn3", (MARK,)))
    for sheet in (worksheet(key), key_sheet(key)):
        text = say(sheet)  # type: ignore[operator]
        assert points(text, sheet) == set()


def test_answers_are_read_with_the_mark_of_the_problem() -> None:
    """1,530 is one and a half where sheets have commas; otherwise it can be two numbers. The report has the comma as well."""
    key = Key(load("rnn", (MARK,)))
    marks = check(key, {"a_2": "1,530", "h_1": "0.5370"})
    assert [answer.read for answer in marks.answers if str(answer.name) == "a_2"] == [Decimal("1.530")]
    assert "printed so" in marks.comma.said
    undecided = check(Key(load("rnn")), {"a_2": "1,530", "h_1": "0.5370"})
    assert any(answer.verdict == "unreadable" for answer in undecided.answers)
    shown = markdown(report(key, check(key, {"a_1": "0,7"}), reveal=True))
    assert "0,6" in shown
    assert not re.search(r"\d\.\d", shown)


def test_variants_have_the_comma(tmp_path: Path) -> None:
    """A filled-in sheet is what ``worksheet`` prints for the variant's own file."""
    folder = tmp_path / "class"
    done = CliRunner().invoke(
        command, ["vary", "rnn3", "--set", MARK, "-n", "2", "--seed", "1", "-f", "markdown", "-o", str(folder)]
    )
    assert done.exit_code == 0, done.output
    for problem in sorted(folder.rglob("*.toml")):
        code = problem.stem
        alone = CliRunner().invoke(command, ["worksheet", str(problem), "-f", "markdown"]).stdout
        filled = next(path for path in folder.rglob(f"*{code}*.md") if "key" not in str(path))
        assert alone == filled.read_text("utf-8")
        assert re.search(r"\d\{,\}\d", alone)
    assert list(folder.rglob("*.toml"))


def test_json_of_a_sheet_keeps_the_point() -> None:
    """The document that ``-f json`` writes is made of the sheet before it is localized."""
    sheet = with_comma("rnn")
    assert "".join(write_json(sheet)) == "".join(write_json(replace(sheet, locale=Locale())))
