"""A sheet on one page: everything is there, nothing is too small to be read, and what has no room is refused."""

from __future__ import annotations

import io
import re
from functools import cache
from math import hypot
from pathlib import Path

import pytest
from click.testing import CliRunner
from pypdf import PdfReader
from sweeps import at_once, chosen

from bptt_trace import ProblemError, Solution, solve
from bptt_trace.commands import command
from bptt_trace.document.sentences import words
from bptt_trace.media.pdf import as_pdf, typst_pdf
from bptt_trace.media.templates import latex, typst

pytestmark = pytest.mark.latex

WHOLE = ("rnn", "fnn", "adam", "rnn3")
"""The examples that a page has to hold."""
PAGES = chosen(
    [pytest.param(name, program) for name in WHOLE for program in ("latex", "typst")],
    [pytest.param("rnn3", "latex"), pytest.param("rnn", "typst")],
)
"""Each by each program, one by each in every run."""
READABLE = 8.0
"""Points."""
INDEX = 5.5
"""Points of the smallest index."""


@cache
def arranged(name: str) -> Solution:
    """An example arranged for one page."""
    return solve(name, style="one-page")


@cache
def page(name: str, program: str) -> bytes:
    """The page as PDF."""
    sheet = arranged(name).sheet
    return as_pdf(sheet) if program == "latex" else typst_pdf(typst(sheet))


def letters(pdf: bytes) -> list[tuple[str, float, float, float]]:
    """Pieces of text with their places and sizes in points."""
    found: list[tuple[str, float, float, float]] = []

    def visit(text: str, cm: list[float], tm: list[float], _: object, size: float) -> None:
        if text.strip():
            x, y = (tm[4] * cm[place] + tm[5] * cm[place + 2] + cm[place + 4] for place in (0, 1))
            high = hypot(tm[2] * cm[0] + tm[3] * cm[2], tm[2] * cm[1] + tm[3] * cm[3])
            found.append((text, x, y, round(size * high, 1)))

    for one in PdfReader(io.BytesIO(pdf)).pages:
        one.extract_text(visitor_text=visit)
    return found


@pytest.mark.parametrize(("name", "program"), PAGES)
def test_the_whole_calculation_stands_on_one_page(name: str, program: str) -> None:
    """One page has the number, and every digit of the result, of each line of the worked solution, in their order."""
    reader = PdfReader(io.BytesIO(page(name, program)))
    assert len(reader.pages) == 1
    text = re.sub(r"\s", "", reader.pages[0].extract_text())
    for row in solve(name).sheet.rows():
        assert row.result.text.removeprefix("-") in text, (row.number, row.result.text)
    numbers = [row.number for row in arranged(name).sheet.rows()]
    assert numbers == [row.number for row in solve(name).sheet.rows()]


@pytest.mark.parametrize(("name", "program"), PAGES)
def test_letters_can_be_read(name: str, program: str) -> None:
    """Letters have 8 points or more; smaller ones are indices: they stand beside a larger one, above or below its line."""
    found = letters(page(name, program))
    assert sum(len(text) for text, *_ in found) > 500
    full = [(x, y) for _, x, y, size in found if size >= READABLE - 0.05]
    small = [piece for piece in found if piece[3] < READABLE - 0.05]
    for text, x, y, size in small:
        assert size >= INDEX, (text, size)
        assert re.fullmatch(r"[^.=·]{1,6}", text.strip()), (text, size)  # 1, hh, 2, @2, t−1: no number, no word, no formula
        assert any(-2 < x - start < 250 and abs(y - line) < 9 for start, line in full), (text, size)


@pytest.mark.parametrize("name", chosen(WHOLE, ["rnn3"]))
def test_nothing_sticks_out(name: str, tmp_path, pdflatex) -> None:  # type: ignore[no-untyped-def]
    """No box is too full."""
    log = pdflatex(tmp_path, latex(arranged(name).sheet), draft=True)
    assert "Overfull" not in log


@pytest.mark.exhaustive
def test_what_a_page_cannot_hold_is_refused(tmp_path: Path) -> None:
    """The error says how many pages it comes to, and which sections a page holds: with these there is a page."""
    with pytest.raises(ProblemError, match=r"takes 3 pages, not one; --only forward,loss fits on one, and --style compact"):
        arranged("lstm").to_pdf()
    words = ["solve", "lstm", "--style", "one-page", "--only", "forward,loss", "-o", str(tmp_path / "part.pdf")]
    assert CliRunner().invoke(command, words).exit_code == 0


@at_once("form", ["json", "python", "ipynb", "beamer", "xlsx"])
@at_once("option", [("--style", "one-page"), ("--style", "results"), ("--only", "update")])
def test_data_and_programs_have_every_line(form: str, option: tuple[str, str]) -> None:
    """What is no sheet is not arranged: the option is refused."""
    result = CliRunner().invoke(command, ["solve", "rnn", *option, "-f", form, "-o", "FILE"])
    assert result.exit_code == 2
    assert f"goes with a sheet on paper or on the screen; -f {form} has every line" in result.output


def test_a_page_is_no_fragment() -> None:
    """A whole page cannot be set into another document."""
    result = CliRunner().invoke(command, ["solve", "rnn", "--style", "one-page", "-f", "latex", "--fragment"])
    assert (result.exit_code, "a whole page" in result.output) == (2, True)


def test_the_terminal_draws_the_picture_first() -> None:
    """Elsewhere a sheet of one page is a picture, then formulas and lines without sentences."""
    text = solve("rnn", style="one-page").to_text()
    assert text.index("◀╌╌") < text.index("Forward pass")
    assert "Memory: Line 4 adds" not in text and "Key takeaways" not in text


@pytest.mark.parametrize("name", ["rnn", "classifier", "training"])
def test_results_alone(name: str) -> None:
    """Every line has its number and its result, and nothing is calculated."""
    sheet = solve(name, style="results").sheet
    tables = [block for section in sheet.sections for block in section.blocks]
    assert {block.kind for block in tables} == {"table"}
    shown = {words(row[0]): words(row[2]) for block in tables if words(block.columns[0].heading) == "line" for row in block.rows}
    lines = {row.number: row.result.text for row in solve(name, style="compact", detail="board").sheet.rows() if row.number}
    assert shown == lines


def test_some_sections() -> None:
    """Sections are chosen by name; lines keep their numbers; an unknown name lists those that there are."""
    some = CliRunner().invoke(command, ["solve", "rnn", "--only", "update, backward", "--width", "80"]).output
    assert some.index("Backward pass") < some.index("Update") and "Forward pass" not in some.split("Conventions")[1]
    assert " 33  b_y'" in some
    result = CliRunner().invoke(command, ["solve", "rnn", "--only", "backwards"])
    assert result.exit_code != 0
    assert "this sheet has forward, loss, backward, gradients, update" in str(result.exception)
