"""How documents are made up on paper: how many pages they take, and where lines end."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from functools import cache
from math import hypot
from pathlib import Path

import pytest
import sweeps
from pypdf import PdfReader
from random_problems import examples
from sweeps import chosen, key, paired, solution
from sweeps import problem as built_in
from test_one_page import letters

from bptt_trace import load, solve
from bptt_trace.document.figures import Picture
from bptt_trace.document.sheet import Section, Sheet
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.media.drawing.characters import drawn
from bptt_trace.media.pdf import as_pdf, compile_many, typst_pdf
from bptt_trace.media.templates import latex, typst
from bptt_trace.media.unicode import Script

pytestmark = pytest.mark.latex

SOLUTIONS = {"rnn": 4, "fnn": 2, "adam": 2, "lstm": 8, "classifier": 8}


OF_TYPST = ("rnn3", "vanishing-lstm")
"""Examples of which every run looks at the pages of Typst."""


def of_single_numbers(name: str) -> bool:
    """Whether a sheet has no matrices and no fractions of roots, which a reader of pages takes apart."""
    problem = built_in(name)
    plain = problem.update is None or problem.update.rule == "gd"
    kept = (problem.rounding.policy, problem.rounding.places, problem.rounding.figures) == ("by_hand", 4, None)
    return plain and kept and not any(step.target.index for step in key(name).steps)


def titled() -> Sheet:
    """A sheet with a title and an author of many letters."""
    return solve(load("fnn", ["handout.author=Jürgen {Đặng} & Söhne", "title=Ein Netz: 50 % (β)"])).sheet


@cache
def together() -> dict[str, bytes]:
    """What every run looks at, set in one run of LaTeX."""
    sheets = {name: solution(name).sheet for name in ("fnn", "adam")}
    asked = blanks_of(key("rnn"), ("all",), 2)
    sheets |= {"worksheet": worksheet(key("rnn"), asked), "key": key_sheet(key("rnn"), asked), "titled": titled()}
    sheets |= {"pictures of slstm": pictured("slstm")}
    return compile_many({name: latex(sheet) for name, sheet in sheets.items()})


def pdf_of(name: str) -> bytes:
    """A worked solution, or another sheet of every run."""
    return together()[name] if name in together() else as_pdf(solution(name).sheet)


def pages(pdf: bytes) -> int:
    """How many pages a file has."""
    return len(PdfReader(io.BytesIO(pdf)).pages)


@pytest.mark.parametrize("name", chosen(SOLUTIONS, ["fnn", "adam"]))
def test_worked_solutions_are_no_longer_than_they_must_be(name: str) -> None:
    """A page more would be half empty, whichever program sets them."""
    assert pages(pdf_of(name)) <= SOLUTIONS[name]
    assert pages(typst_pdf(typst(solution(name).sheet))) <= SOLUTIONS[name]


def test_a_worksheet_has_three_pages_and_its_key_one() -> None:
    """For the one-neuron RNN over two steps, whichever program sets them."""
    assert (pages(pdf_of("worksheet")), pages(pdf_of("key"))) == (3, 1)
    asked = blanks_of(key("rnn"), ("all",), 2)
    sheets = worksheet(key("rnn"), asked), key_sheet(key("rnn"), asked)
    assert [pages(typst_pdf(typst(sheet))) for sheet in sheets] == [3, 1]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "most"), [("lstm", 9), ("gru", 7)])
def test_a_table_of_a_worksheet_begins_on_the_page_that_has_room(name: str, most: int) -> None:
    """And goes on on the next one, whichever program sets them: no page is left half empty before it."""
    sheet = worksheet(key(name), blanks_of(key(name), ("all",), 2))
    assert pages(as_pdf(sheet)) <= most
    assert pages(typst_pdf(typst(sheet))) <= most


def chunks(pdf: bytes, folder: Path) -> list[str]:
    """The pieces of a PDF that stand in columns, each a line of print."""
    (folder / "sheet.pdf").write_bytes(pdf)
    text = subprocess.run(["pdftotext", "-layout", "sheet.pdf", "-"], cwd=folder, capture_output=True, check=True).stdout.decode()
    return [chunk for line in text.splitlines() for chunk in re.split(r"\s{3,}", line.strip())]


CALCULATED = [pytest.param("fnn", 10), *(pytest.param(name, 100) for name in ("lstm", "seq2seq", "gru", "classifier"))]
"""Examples, and how many calculations they have at least."""


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed (Debian: poppler-utils)")
@pytest.mark.parametrize(("name", "least"), chosen(CALCULATED, CALCULATED[:1]))
def test_no_line_ends_after_a_dot_or_in_brackets(name: str, least: int, tmp_path: Path) -> None:
    """A calculation goes on, on its next line, with a plus, a minus or, if need be, a dot."""
    assert unbroken(chunks(pdf_of(name), tmp_path)) > least


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed (Debian: poppler-utils)")
@pytest.mark.parametrize("name", chosen(filter(of_single_numbers, examples() if sweeps.wide else OF_TYPST), OF_TYPST))
def test_no_line_of_typst_ends_after_a_dot_or_in_brackets(name: str, tmp_path: Path) -> None:
    """The same where Typst sets the pages."""
    assert unbroken(chunks(typst_pdf(typst(solution(name).sheet)), tmp_path)) > 5


def unbroken(found: list[str]) -> int:
    """How many lines of a page are calculations; each of them ends where a line may end."""
    calculated = [chunk for chunk in found if re.fullmatch(r"[tanhσ\d.·⋅+−()\s]*\d\.\d{4}[tanhσ\d.·⋅+−()\s]*", chunk)]
    for chunk in calculated:
        assert not re.search(r"[·⋅+−]$", chunk), chunk
        assert chunk.count("(") == chunk.count(")"), chunk
    return len(calculated)


@pytest.mark.parametrize("program", chosen(["latex", "typst", "together"], ["typst", "together"]))
def test_a_pdf_says_what_it_is(program: str) -> None:
    """Title and author stand in the file, in any letters, also where several documents were set in one run."""
    if program == "together":
        pdf = together()["titled"]
    else:
        pdf = as_pdf(titled()) if program == "latex" else typst_pdf(typst(titled()))
    about = PdfReader(io.BytesIO(pdf)).metadata
    assert about is not None
    assert (about.title, about.author) == ("Ein Netz: 50 % (β)", "Jürgen {Đặng} & Söhne")
    assert about.creator is not None and about.creator.startswith("Typst" if program == "typst" else "bptt-trace")


@pytest.mark.parametrize(("name", "width"), paired(["lstm", "seq2seq", "bidirectional"], [120, 80, 60]))
def test_a_terminal_draws_the_network_or_says_what_width_it_needs(name: str, width: int) -> None:
    """At the width that it names the picture is drawn, one column below it is not."""
    picture = next(figure for figure in solution(name).sheet.figures() if figure.id == "unrolled")
    text = solution(name).to_text(width).partition("unrolled in time\n")[2].partition("Gradients of")[0]
    wide = re.search(r"The picture needs (\d+) columns\.", text)
    assert (drawn(picture, width - 2, Script(unicode=True)) == []) is (wide is not None)
    assert wide or "═▶direct" in text or "═▶ direct" in text
    if wide:
        enough = int(wide[1]) - 2
        assert drawn(picture, enough, Script(unicode=True))
        assert not drawn(picture, enough - 1, Script(unicode=True))


def pictured(name: str) -> Sheet:
    """The pictures of a worked solution, and nothing else."""
    sheet = solution(name).sheet
    drawn = tuple(figure for figure in sheet.figures() if isinstance(figure, Picture))
    assert drawn
    return replace(sheet, given=(), conventions=(), sections=(Section("pictures", "Pictures", drawn),), footer=())


WITH_PICTURES = ["slstm", "lstm", "gru", "seq2seq", "bidirectional", "vanishing-lstm"]


@pytest.mark.parametrize("name", chosen(WITH_PICTURES, ["slstm"]))
def test_letters_of_pictures_can_be_read(name: str) -> None:
    """A picture that is wider than the page is turned: no letter that stands alone is less than 7 points high."""
    pdf = together().get(f"pictures of {name}") or as_pdf(pictured(name))
    sizes = Counter(size for text, _, _, size in letters(pdf) if re.fullmatch(r"[\d.−= a-z]{4,}", text.strip()))
    assert sizes.total() > 10
    assert min(sizes) >= 7, sizes


@pytest.mark.parametrize("program", chosen(["latex", "typst"], ["typst"]))
def test_fractions_of_softmax_can_be_read(program: str) -> None:
    """Their exponentials have 8 points or more, whichever program sets them."""
    pdf = pdf_of("classifier") if program == "latex" else typst_pdf(typst(solution("classifier").sheet))
    page = next(one for one in PdfReader(io.BytesIO(pdf)).pages if one.extract_text().count("exp") > 8)
    sizes: list[float] = []

    def visit(text: str, cm: list[float], tm: list[float], _: object, size: float) -> None:
        if "exp" in text:
            sizes.append(size * hypot(tm[2] * cm[0] + tm[3] * cm[2], tm[2] * cm[1] + tm[3] * cm[3]))

    page.extract_text(visitor_text=visit)
    assert len(sizes) >= 9
    assert min(sizes) >= 8, sizes


def heights(pdf: bytes) -> list[float]:
    """How high the boxes of numbers are, whichever way they are turned."""
    text = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    corners = re.findall(r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">[−-]?\d\.\d{4}<', text)
    return [min(float(right) - float(left), float(low) - float(high)) for left, high, right, low in corners]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed (Debian: poppler-utils)")
@pytest.mark.parametrize("name", chosen(WITH_PICTURES, ["slstm"]))
def test_letters_of_pictures_in_typst_can_be_read(name: str) -> None:
    """The same there: against the letters of a small picture, which have 8 points."""
    usual = max(heights(typst_pdf(typst(pictured("rnn")))))
    found = heights(typst_pdf(typst(pictured(name))))
    assert len(found) > 5
    assert min(found) / usual * 8 >= 7
