"""Names of the world on paper: every letter is set where a font has it, and where none has, a warning says what to install."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import unicodedata
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader
from sweeps import at_once, chosen, solution, thinned

from bptt_trace.document.sheet import Sheet
from bptt_trace.errors import LettersMissing
from bptt_trace.media import pdf as pdf_module
from bptt_trace.media.latex_program import VARIABLE
from bptt_trace.media.latex_words import is_plain, other_letters, tex_words
from bptt_trace.media.pdf import compile_one, source
from bptt_trace.media.templates import html, latex

pytestmark = pytest.mark.latex

NAMES = {
    "Zoë Brontë": "west",
    "Łukasz Żółw": "west",
    "Nguyễn Thị Hạnh": "accents",
    "Ștefan Țepeș": "accents",
    "Иван Петров": "other",
    "Γιώργος": "other",
    "王小明": "han",
    "さくら": "han",
    "김민준": "hangul",
    "محمد": "other",
    "דוד": "other",
}
"""Names, and what they want of LaTeX."""
SIGNS = "— ‘a’ “b” √2 ≥ ≠ ∞ ∈ ⊙ € № ∇"


def titled(title: str) -> Sheet:
    """A small sheet with this title."""
    sheet = solution("fnn").sheet
    return replace(sheet, title=title, sections=sheet.sections[:1])


def words(pdf: bytes) -> str:
    """What can be read in a PDF, composed letters composed."""
    return unicodedata.normalize("NFC", "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


@at_once("name", NAMES)
def test_the_scripts_of_a_name_are_known(name: str) -> None:
    """A plain installation sets the letters of Europe west of Cyrillic; other letters are marked with their script."""
    scripts: set[str] = set()
    text = tex_words(name, scripts)
    assert scripts == ({NAMES[name]} if NAMES[name] not in ("west", "accents") else set())
    assert is_plain(name) == (not scripts)
    assert "U+" not in text
    assert (text == name) == (NAMES[name] == "west")


def test_composed_and_decomposed_letters_are_the_same() -> None:
    """File systems and forms differ in how they write an ễ."""
    for name in NAMES:
        assert tex_words(unicodedata.normalize("NFD", name)) == tex_words(name)


@pytest.mark.usefixtures("pdflatex_alone")
def test_names_in_accents_and_common_signs_are_set_by_pdflatex() -> None:
    """Accents stay accents, and common signs have commands; nothing is a box, and nobody is warned."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = source(titled(f"Nguyễn Thị Hạnh, Ștefan {SIGNS}"))
    assert r"\documentclass" in text
    assert "lettersof" not in text
    pdf = compile_one(text)
    for sign in ("—", "√2", "∞", "∈", "⊙", "€", "∇"):
        assert sign in words(pdf), sign


@pytest.mark.parametrize("name", thinned(["Иван Петров", "Γιώργος", "Nguyễn Văn Tư"], 3))
def test_other_letters_are_set_by_typst(name: str) -> None:
    """The fonts that Typst brings along have these letters; no font of the system is wanted, and nobody is warned."""
    pytest.importorskip("typst")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pdf = compile_one(source(titled(name)))
    assert name in words(pdf)
    assert "Typst" in str(PdfReader(io.BytesIO(pdf)).metadata)


def test_a_letter_that_no_font_has_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The warning says which letters, and what to install."""
    pytest.importorskip("typst")
    with pytest.warns(LettersMissing, match=r"no font here has \U00012000; .*fonts-noto"):
        compile_one(source(titled("A cuneiform \U00012000")))
    monkeypatch.setattr(pdf_module, "find_spec", lambda _: None)
    with pytest.warns(LettersMissing, match=r"bptt-trace\[pdf\]"):
        text = source(titled("王小明"))
    assert r"\lettersof{han}{王小明}" in text
    assert len(PdfReader(io.BytesIO(compile_one(text))).pages) > 0


def test_signs_that_hold_the_place_of_a_number_are_no_letters() -> None:
    """A variant's numbers are put in afterwards: until then private signs stand in formulas, for which no font is wanted."""
    scripts: set[str] = set()
    assert other_letters("a = \U000f0014\U0010fffd", scripts) == "a = \U000f0014\U0010fffd"
    assert other_letters(r"\text{直接} · 2", scripts) == r"\text{\lettersof{han}{直接}} · 2"
    assert scripts == {"han"}


def test_an_engine_that_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names pdfLaTeX is warned of letters that it lacks."""
    monkeypatch.setenv(VARIABLE, "pdflatex")
    with pytest.warns(LettersMissing, match="lualatex"):
        assert r"\lettersof{other}{Иван}" in source(titled("Иван"))


@pytest.mark.exhaustive
@pytest.mark.parametrize("form", chosen([{}, {"exam": True}, {"fragment": True}], [{}]))
def test_lualatex_sets_other_letters_from_fonts_of_the_system(form: dict[str, bool], tmp_path: Path) -> None:
    """The document, as ``-f latex`` writes it, compiled by hand."""
    if shutil.which("lualatex") is None or not _found("fontspec.sty") or shutil.which("fc-list") is None:
        if os.environ.get("CI"):
            pytest.fail("lualatex with fontspec is missing")
        pytest.skip("lualatex with fontspec is not installed (Debian: texlive-luatex)")
    if "DejaVu Serif" not in subprocess.run(["fc-list"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("the font DejaVu Serif is not installed")
    text = latex(titled("Иван Петров"), **form)
    if form.get("fragment"):
        before = r"\usepackage{fontspec,amsmath,amssymb,array,booktabs,colortbl,graphicx,longtable,tikz,xcolor}"
        own = r"\newfontfamily\serif{DejaVu Serif}\newcommand\lettersof[2]{{\serif #2}}"
        text = f"\\documentclass{{article}}\n{before}{own}\n\\begin{{document}}\n{text}\n\\end{{document}}\n"
    (tmp_path / "a.tex").write_text(text, "utf-8")
    run = ["lualatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-2000:]
    assert "Иван Петров" in words((tmp_path / "a.pdf").read_bytes())


def test_html_isolates_a_name_that_runs_from_right_to_left() -> None:
    """A title in Hebrew or Arabic runs as its letters do, and turns nothing else round."""
    assert '<h1 dir="auto">محمد</h1>' in html(titled("محمد"))


@pytest.fixture
def pdflatex_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine is asked for by name."""
    monkeypatch.delenv(VARIABLE, raising=False)


def _found(file: str) -> bool:
    return subprocess.run(["kpsewhich", file], capture_output=True).returncode == 0
