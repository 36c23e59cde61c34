"""What a student gets back is harmless in every medium, whatever the student wrote, and whatever the student is called."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest
import sweeps
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console
from students import by_hand
from sweeps import abreast, chosen, key, thinned

from bptt_trace.document.sheet import Sheet, Table
from bptt_trace.marking.check import check
from bptt_trace.marking.marks import Marks
from bptt_trace.marking.report import report, written
from bptt_trace.media.latex_words import tex_words
from bptt_trace.media.templates import html, latex, markdown
from bptt_trace.media.terminal import as_text, show

HOSTILE = [
    "=1+1",
    "@SUM(A1)",
    '=HYPERLINK("http://x.y","z")',
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "![i](http://x.y/z.png)",
    "<http://x.y>",
    "http://x.y/z",
    "www.example.org",
    r"\input{/etc/passwd}",
    r"\write18{id}",
    "^^5cinput",
    "50% # & _ ~ $x$ { }",
    "{{7*7}}",
    "((( 7*7 )))",
    "{0.__class__} %s",
    "\x1b]0;owned\x07",
    "\x1b[31mred\x1b[0m",
    "\x9b31m \x7f \x00",
    "]]>",
    "-->",
    "|",
    "a | b || c",
    "`code` ``` ~~~",
    "\ud800",
    "0.29\u202e31",
    "\u0660\u066b\u0662\u0669",
    "&lt;b&gt; &amp;",
    "'\" \\",
    "[red]markup[/]",
    "# heading",
    "> quote",
    "- item",
    "1. item",
    "---",
    "===",
    "two\nlines\r\n\n# three",
    "9" * 5000,
    "W" * 60,
    "ĦħĸĿŀŉŦŧſ ǆ ﬁ 循環 😀",
]
NAMES = [*HOSTILE, "=cmd|' /C calc'!A0", "Doe, Jr", "../x", "CON", "-rf", "x" * 10_000, "Ærø Ångström-Ñandú"]
LONG = "0.123456789"
LINE = 4
"""The line that has the hostile answer."""

hostile = pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
half_hostile = pytest.mark.parametrize("text", thinned(HOSTILE, 2), ids=lambda text: ascii(text)[:24])
some_hostile = pytest.mark.parametrize("text", thinned(HOSTILE, 4), ids=lambda text: ascii(text)[:24])
some_named = pytest.mark.parametrize("text", thinned(NAMES, 4), ids=lambda text: ascii(text)[:24])


@cache
def sheet(text: str, student: str = "Ada", *, reveal: bool = False) -> Sheet:
    """A report with one answer that is this text, and one fault elsewhere."""
    one = key("rnn")
    answers = by_hand(one)
    names = list(answers)
    answers |= {names[LINE]: text, names[-4]: LONG}
    return report(one, check(one, answers), student, reveal=reveal)


def every_string(name: str = "rnn3", *, reveal: bool = False) -> Sheet:
    """A report with all hostile strings at once."""
    one = key(name)
    answers = by_hand(one)
    answers |= dict(zip(answers, HOSTILE, strict=False))
    return report(one, check(one, answers), NAMES[0], reveal=reveal)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_all_hostile_strings_find_room() -> None:
    """The sheet of three steps has as many lines as there are strings."""
    assert len(by_hand(key("rnn3"))) >= len(HOSTILE)


@hostile
def test_what_was_written_is_short_and_printable(text: str) -> None:
    """Forty signs at most, none of which moves the cursor, turns the direction of writing, or breaks a line."""
    shown = written(text)
    assert len(shown) <= 40
    assert shown.isprintable()
    shown.encode("utf-8")


@hostile
def test_what_cannot_be_read_is_a_row_and_not_a_fault(text: str) -> None:
    """It stands in the table as it was written, and in no sentence."""
    (table,) = [block for section in sheet(text).sections for block in section.blocks if isinstance(block, Table)]
    assert table.rows[LINE][2] == (written(text),)
    if text not in ("9" * 5000,):
        assert str(table.rows[LINE][4][0]).startswith("could not be read")


# ------------------------------------------------------------------------ HTML


class Page(HTMLParser):
    """The tags and the words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.cells: list[str] = []
        self.subtitle = ""
        self.others: list[str] = []
        self.inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))
        if tag == "td":
            self.cells.append("")
        self.inside = "subtitle" if ("class", "subtitle") in attrs else "td" if tag == "td" else self.inside

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", ()))
        self.inside = "" if tag in ("td", "p") else self.inside

    def handle_data(self, data: str) -> None:
        if self.inside == "td":
            self.cells[-1] += data
        elif self.inside == "subtitle":
            self.subtitle += data

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


@cache
def page_of(text: str, student: str = "Ada") -> Page:
    return Page(html(sheet(text, student)))


@half_hostile
def test_an_answer_in_html_is_only_text(text: str) -> None:
    """The page has the tags of a harmless one, and the cell reads as it was written."""
    page, clean = page_of(text), page_of("abc")
    assert page.tags == clean.tags
    assert page.others == []
    assert written(text) in page.cells


@some_named
def test_a_name_in_html_is_only_text(text: str) -> None:
    """The same for what a student is called."""
    page, clean = page_of("abc", text), page_of("abc")
    assert page.tags == clean.tags
    assert page.subtitle == written(text)


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    """No script, no image, no link, no form; a policy that forbids them."""
    page = Page(html(every_string()))
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "a", "link", "iframe", "form", "object", "embed", "svg", "base"}
    names = {name for _, attributes in page.tags for name, _ in attributes}
    spoken = {"aria-label", "aria-labelledby", "role", "scope", "tabindex", "id", "dir"}
    assert names <= {"class", "lang", "charset", "name", "content", "http-equiv"} | spoken
    assert "default-src 'none'" in html(every_string())


# -------------------------------------------------------------------- Markdown


@cache
def in_markdown(text: str, student: str = "Ada") -> str:
    return markdown(sheet(text, student))


@cache
def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def structure(text: str) -> list[str]:
    """The kinds of all blocks."""
    return [token.type for token in tokens(text)]


def inside(text: str) -> set[str]:
    """The kinds of what stands inside the blocks."""
    return {child.type for token in tokens(text) for child in token.children or []}


def cells(text: str) -> list[str]:
    found = tokens(text)
    pairs = pairwise(found)
    return ["".join(child.content for child in after.children or []) for token, after in pairs if token.type == "td_open"]


@half_hostile
def test_an_answer_in_markdown_is_only_text(text: str) -> None:
    """The blocks of a harmless report, no HTML, no link; the cell reads as it was written."""
    marked, clean = in_markdown(text), in_markdown("abc")
    assert structure(marked) == structure(clean)
    assert inside(marked) == inside(clean)
    assert written(text) in cells(marked)
    assert not re.search(r"(?<!\\)<", marked)


@some_named
def test_a_name_in_markdown_is_only_text(text: str) -> None:
    """A name is a paragraph: no heading, list, rule, link or table is made of it."""
    marked, clean = in_markdown("abc", text), in_markdown("abc")
    assert structure(marked) == structure(clean)
    assert inside(marked) == inside(clean)
    (paragraph, *_) = [token for token in tokens(marked)[3:] if token.type == "inline"]
    assert "".join(child.content for child in paragraph.children or []) == written(text)


@half_hostile
def test_rows_of_markdown_tables_have_as_many_bars_as_their_heads(text: str) -> None:
    """A bar in an answer is escaped."""
    rows = [line for line in in_markdown(text).splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


@pytest.mark.parametrize("text", ["http://x.y/z", "https://x.y", "www.example.org", "HTTP://X.Y"])
def test_an_address_in_markdown_is_not_a_link(text: str) -> None:
    """GitHub makes links of bare addresses, but not where a backslash stands in them."""
    for marked in (in_markdown(text), in_markdown("abc", text)):
        assert not re.search(r"https?://|www\.", marked, re.IGNORECASE)


# -------------------------------------------------------------------- terminal


@some_named
def test_a_terminal_gets_no_control_characters(text: str) -> None:
    """Neither from an answer nor from a name, in Unicode or ASCII, at any width."""
    for width in (60, 80, 120):
        for unicode in (True, False):
            printed = as_text(sheet(text, text), width, unicode=unicode)
            assert [] == [sign for sign in printed.replace("\n", "") if not sign.isprintable()]
            assert unicode or printed.isascii()
            if text.isascii():
                assert [] == [line for line in printed.splitlines() if len(line) > width]


@half_hostile
def test_colours_of_a_terminal_are_ours(text: str) -> None:
    """Only colours are set, and markup prints as it is."""
    out = StringIO()
    console = Console(file=out, width=200, force_terminal=True, color_system="standard", highlight=False, emoji=False)
    show(sheet(text, text), console)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert "\x1b" not in bare
    assert squeezed(written(text)) in squeezed(bare)


# ----------------------------------------------------------------------- LaTeX

OURS = (
    r"\\[{}$&#%_]|\$\\[a-z]+\$|\$-\$|\$\^2\$|\\lettersof\{[a-z]+\}\{[^\x00-\x7f]+\}|\\(?:text|quote)[a-z]+\{\}|\\dots\{\}|"
    r"\{\}(?=[-'])|\\allowbreak\{\}"
)


@some_hostile
def test_an_answer_in_latex_has_no_command_of_its_own(text: str) -> None:
    """Of what LaTeX could act upon, only our own escapes are left."""
    cells = re.findall(r"\\fitted\{\d+\\sheetmm\}\{(.*?)\} & ", latex(sheet(text)))
    assert len(cells) == len(by_hand(key("rnn")))
    left = re.sub(OURS, "", cells[LINE])
    assert not re.search(r"[\\{}$&#%_^~]", left), left


@some_named
def test_a_name_in_latex_has_no_command_of_its_own(text: str) -> None:
    """The same for what a student is called."""
    source = latex(sheet("abc", text))
    (line,) = re.findall(r"^\{\\color\{gray\}(.*)\\par\}", source.partition(r"\LARGE")[2].partition(r"\section")[0], re.MULTILINE)
    left = re.sub(OURS, "", line)
    assert not re.search(r"[\\{}$&#%_^~]", left), left
    assert r"\input{" not in source
    assert r"\write18" not in source


Compile = Callable[..., str]


def complaints(log: str) -> list[str]:
    return re.findall(r"^Overfull \\[hv]box .*$|^! .*$", log, re.MULTILINE)


@pytest.mark.latex
@pytest.mark.parametrize("reveal", chosen([False, True], [True]))
def test_all_hostile_strings_compile(tmp_path: Path, pdflatex: Compile, reveal: bool) -> None:
    """One report with all of them as answers, and titles of reports with each as a name, without an overfull box."""
    preamble, _, _ = latex(sheet("abc")).partition(r"\begin{document}")
    titles = [replace(sheet("abc", name, reveal=reveal), sections=()) for name in NAMES]
    bodies = "\\clearpage\n".join(latex(one, fragment=True) for one in [every_string(reveal=reveal), *titles])
    source = f"{preamble}\\begin{{document}}\n{bodies}\n\\end{{document}}\n"
    assert complaints(pdflatex(tmp_path, source, draft=True)) == []


@pytest.mark.latex
@pytest.mark.parametrize(
    ("name", "reveal"), abreast(chosen(["fnn", "rnn", "rnn3", "classifier", "mazur"], ["fnn"]), chosen([True, False], [True]))
)
def test_reports_on_every_misconception_compile(tmp_path: Path, pdflatex: Compile, name: str, reveal: bool) -> None:
    """Each misconception that can be had in the problem, one report after the other, without an overfull box."""
    one = key(name)
    marks: dict[str, Marks] = {change.slug: check(one, by_hand(one, changed=lines)) for change, lines in one.changes}
    reports = [report(one, marked, slug, reveal=reveal) for slug, marked in marks.items() if marked.faults]
    assert len(reports) > 5
    reports = reports if sweeps.wide else reports[::4]
    preamble, _, _ = latex(reports[0]).partition(r"\begin{document}")
    bodies = "\\clearpage\n".join(latex(one, fragment=True) for one in reports)
    source = f"{preamble}\\begin{{document}}\n{bodies}\n\\end{{document}}\n"
    assert complaints(pdflatex(tmp_path, source, draft=True)) == []


@pytest.mark.latex
def test_every_letter_compiles(tmp_path: Path, pdflatex: Compile) -> None:
    """All printable signs up to U+2500, and signs of other scripts; what the fonts do not have is a box."""
    signs = [chr(code) for code in range(32, 0x2500) if chr(code).isprintable()]
    names = ["".join(signs[i : i + 30]) for i in range(0, len(signs), 30)]
    names += ["王小明", "김민준", "नमस्ते"]
    preamble, _, _ = latex(replace(sheet("abc"), subtitle="".join(names[-3:]))).partition(r"\begin{document}")
    words = "\n\n".join(map(tex_words, names))
    log = pdflatex(tmp_path, f"{preamble}\\begin{{document}}\\raggedright {words}\\end{{document}}\n", draft=True)
    assert not re.findall(r"^! .*$|^Missing character.*$", log, re.MULTILINE)
