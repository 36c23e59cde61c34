"""The same content in every medium, and nothing in a title or a template that could do harm."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

import jinja2
import pytest
from html_reader import read_html
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import meta, nodes
from law import is_board, number, read_json, read_latex, read_markdown, read_terminal
from markdown_it import MarkdownIt
from markdown_it.token import Token
from random_problems import Case, cases
from rich.console import Console
from sweeps import FEW, abreast, at_once, of_examples, paired, printed, runs, thinned
from sweeps import solution as example

from bptt_trace import ProblemError, parse, solve
from bptt_trace.document.mathematics import Math
from bptt_trace.document.sentences import Phrase
from bptt_trace.document.sheet import Row, Sheet, Stream
from bptt_trace.engine.names import Name
from bptt_trace.media.templates import environment_for, latex, markdown, template_directory
from bptt_trace.media.terminal import as_text, show
from bptt_trace.solution import Solution

WIDTHS = (60, 80, 100, 120)
STEPS = ("full", "ledger")
LONG = ["x=[1,-2,3,0.5,1,1]", "target=[1,2,0,0.5,1,1]"]
HOSTILE = [
    r"\input{/etc/passwd}",
    r"\write18{id} $x^2_3$ 50 % & # ~ ^ _ { }",
    r"\end{document} ^^5cinput %",
    "<script>alert(1)</script> <b>bold</b> &amp;",
    "**bold** _it_ `code` ``` [x](javascript:alert(1)) ![i](http://x/y.png)",
    "[red]markup[/] [bold]x[/bold] [link=file:///etc/passwd]y[/link]",
    "{{7*7}} {% for x in y %} ((( 7*7 ))) ((* if 1 *)) {0.__class__} %s %(x)s",
    "a | b || c",
    "=cmd|' /C calc'!A0",
    "# not a heading > not a quote - not a list 1. not one either",
    "]]> --> <!-- ' \" \\",
    "-rf ../../x CON",
    "Übung zu „Rückwärts“ – Größe ≈ 1 … ± · − ≤ ’",
]
SOURCES = ["sheet.md.j2", "sheet.html.j2", "sheet.tex.j2", "exam.tex.j2", "packages.tex.j2", "sheet.typ.j2", "body.tex.j2"]
SOURCES += ["body.html.j2", "slides.tex.j2", "fragment.html.j2", "style.css.j2", "sheet.css.j2", "dark.css.j2"]
SOURCES += ["scripts.tex.j2", "fragment.tex.j2", "question.html.j2", "breaks.tex.j2", "one-page.tex.j2"]
SOURCES += ["metadata.tex.j2", "one-page.typ.j2"]
PAGES = ["page.html.j2", "page.css.j2", "live.html.j2", "stage.html.j2", "collect.html.j2"]
"""The parts of a page that calculates, which know its inputs and scripts besides."""
PROGRAMS = ["python.py.j2", "numpy.py.j2", "torch.py.j2", "sympy.py.j2", "passages.py.j2"]


def problem_titled(title: str) -> Solution:
    document = {
        "title": title,
        "network": {"cell": "dense"},
        "parameters": {"w_xh": "0.5", "b_h": 0, "w_hy": "1.2", "b_y": "-0.3"},
        "given": {"x": 1, "target": 1},
    }
    return solve(parse(json.dumps(document)))


def long_example(steps: str) -> Solution:
    from bptt_trace import load

    return solve(load("rnn", LONG), steps=steps)


# --------------------------------------------------------------- equal content


Lines = list[list[tuple[str, str, Any, str]]]


def content(sections: Any) -> Lines:
    """Line number, name, value and sign of relation of every line of numbers, section by section."""
    return [
        [
            (row.line, row.name, number(row.result), {"≈": "~"}.get(row.relation, row.relation))
            for row in section
            if not is_board(row)
        ]
        for section in sections
    ]


def canonical(solution: Solution, sections: Lines) -> Lines:
    """The same with the names of answer files instead of the problem's own."""
    back = solution.problem.vocabulary.canonical
    known = {str(step.target) for step in solution.program.steps}

    def own(name: str) -> str:
        text = str(back(Name.parse(name.replace("δ", "delta").replace("α", "alpha"))))
        joined = re.sub(r"(?<=[a-z])_(?=\d)", "", text)  # c1 of an author's graph is set as c with a 1 below it
        return text if text in known or joined not in known else joined

    return [[(line, own(name), *rest) for line, name, *rest in section] for section in sections]


def on_sheet(solution: Solution, sections: Lines) -> Lines:
    """Without the lines of iterations that a sheet of many leaves out; JSON has them."""
    numbers = {row.number for row in solution.sheet.rows()}
    left = [[one for one in section if not one[0] or one[0] in numbers] for section in sections]
    return [section for section in left if section]


MEDIA = [
    "markdown",
    "latex",
    "fragment",
    "html",
    *(f"terminal-{width}-{signs}" for width in WIDTHS for signs in ("unicode", "ascii")),
]


def lines_in(solution: Solution, medium: str) -> Lines:
    """The lines of a solution, as they are read from a medium."""
    readers = {
        "markdown": read_markdown,
        "latex": read_latex,
        "fragment": read_latex,
        "html": read_html,
        "terminal": read_terminal,
    }
    return content(readers[medium.partition("-")[0]](printed(solution, medium)))


@lru_cache(maxsize=16)
def lines_in_json(solution: Solution) -> Lines:
    """The lines of a solution, which are compared with those of many media."""
    return content(read_json(printed(solution, "json")))


@pytest.mark.parametrize(("name", "medium"), paired(of_examples(every_run=FEW), MEDIA))
def test_every_medium_has_the_same_lines(name: str, medium: str) -> None:
    """Line numbers, names and results are equal in JSON, terminal, Markdown, LaTeX and HTML, by different roundings in turn."""
    rounding = ["4dp", "3sf", "carry:3dp"][(len(name) + MEDIA.index(medium)) % 3]
    solution = example(name, rounding=rounding, steps="full")
    assert on_sheet(solution, lines_in_json(solution)) == canonical(
        solution, [section for section in lines_in(solution, medium) if section]
    )


@pytest.mark.parametrize(("name", "medium"), abreast(of_examples(every_run=FEW), MEDIA))
def test_a_ledger_numbers_its_lines_as_the_full_sheet_does(name: str, medium: str) -> None:
    """``line 15`` is the same line however many lines are printed."""
    known = {line: rest for section in lines_in_json(example(name)) for line, *rest in section}
    solution = example(name, steps="ledger")
    for line, *rest in (row for section in canonical(solution, lines_in(solution, medium)) for row in section):
        assert not line or known[line] == rest


@pytest.mark.parametrize("name", of_examples(every_run=FEW))
def test_lines_are_numbered_from_the_top(name: str) -> None:
    """No line stands below one that has a larger number."""
    numbers = [
        int(row.line.partition(".")[0]) for section in read_json(printed(example(name), "json")) for row in section if row.line
    ]
    assert numbers == sorted(numbers)


@runs(60)
@given(case=cases(), medium=st.sampled_from(MEDIA))
def test_random_problems_have_the_same_lines_in_every_medium(case: Case, medium: str) -> None:
    """Whatever the network and rounding."""
    solution = solve(parse(case.text), steps="full")
    assert content(read_json(solution.to_json())) == lines_in(solution, medium)


@pytest.mark.parametrize(("name", "steps"), paired(of_examples(every_run=FEW), STEPS))
def test_every_medium_has_the_same_headings_notes_and_takeaways(name: str, steps: str) -> None:
    """The words of every sentence stand in every medium."""
    solution = example(name, steps=steps)

    def bare(text: str) -> str:
        return re.sub(r"[^a-z]", "", text.lower())

    def spoken(block: Any) -> list[str]:
        if block.kind in ("note", "paragraph"):
            return [part for part in block.text if isinstance(part, str)]
        return [part for item in block.items for part in item if isinstance(part, str)] if block.kind == "bullets" else []

    pieces = [
        piece for section in solution.sheet.sections for block in section.blocks for piece in (section.title, *spoken(block))
    ]
    assert len(pieces) >= 5
    for medium in ("markdown", "latex", "terminal-80-unicode", "terminal-60-ascii"):
        text = printed(solution, medium)
        letters = bare(text.replace(r"\pm", ""))
        for piece in pieces:
            assert bare(piece.replace("±", "+/-") if text.isascii() else piece) in letters, piece


def test_a_recalled_line_has_no_number() -> None:
    """In a long sum a bias's contributions stand as rows without a number of their own."""
    rows = [row for section in read_markdown(long_example("full").to_markdown()) for row in section]
    recalled = [row.name for row in rows if not row.line]
    assert [f"dL/db_h via a_{t}" for t in range(1, 7)] + [f"dL/db_y via y_{t}" for t in range(1, 7)] == recalled


# -------------------------------------------------------------------- terminal


@pytest.mark.parametrize(("name", "steps", "width"), paired([*of_examples(every_run=FEW), "long"], STEPS, WIDTHS))
def test_no_line_of_the_terminal_is_wider_than_it(name: str, steps: str, width: int) -> None:
    """At 60, 80, 100 and 120 columns, Unicode or ASCII, in full or as a ledger."""
    solution = long_example(steps) if name == "long" else example(name, steps=steps)
    for signs in ("unicode", "ascii"):
        lines = printed(solution, f"terminal-{width}-{signs}").splitlines()
        assert [] == [line for line in lines if len(line) > width]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("rounding", ["8dp", "carry:6sf", "full"])
def test_many_digits_fit_too(rounding: str, width: int) -> None:
    """Long numbers do not push a line over the edge."""
    lines = as_text(solve("rnn3", rounding=rounding).sheet, width).splitlines()
    assert [] == [line for line in lines if len(line) > width]


@pytest.mark.parametrize(("name", "steps"), paired([*of_examples(every_run=FEW), "long"], STEPS))
def test_ascii_is_ascii(name: str, steps: str) -> None:
    """A terminal that cannot print Unicode gets none."""
    solution = long_example(steps) if name == "long" else example(name, steps=steps)
    for width in WIDTHS:
        assert printed(solution, f"terminal-{width}-ascii").isascii()


@pytest.mark.parametrize("name", of_examples(every_run=FEW))
def test_no_line_ends_in_spaces(name: str) -> None:
    """Text that is copied or compared has no invisible ends."""
    lines = printed(example(name), "terminal-80-unicode").splitlines()
    assert [] == [line for line in lines if line != line.rstrip()]


def on_terminal(solution: Solution, **options: Any) -> str:
    out = StringIO()
    show(
        solution.sheet,
        Console(file=out, width=80, force_terminal=True, highlight=False, emoji=False, legacy_windows=False, **options),
    )
    return out.getvalue()


def test_colour_changes_nothing_but_colour() -> None:
    """Without its escape codes, coloured output is the plain output."""
    for name in ("rnn", "fnn", "shared-weight-4"):
        coloured = on_terminal(solve(name), color_system="truecolor", no_color=False)
        assert "\x1b[" in coloured
        bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
        assert [line.rstrip() for line in solve(name).to_text().splitlines()] == [line.rstrip() for line in bare.splitlines()]


def test_direct_and_carried_have_colours_and_words() -> None:
    """Colour comes last: the words are there as well."""
    coloured = on_terminal(solve("rnn"), color_system="standard", no_color=False)
    assert re.search(r"\x1b\[1;34m +direct", coloured)
    assert re.search(r"\x1b\[1;9?[1-9]+m +carried", coloured)


# -------------------------------------------------------------------- Markdown


@cache
def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def tables(text: str) -> Iterator[list[int]]:
    """The number of cells in each row of each table."""
    cells: list[int] = []
    for token in tokens(text):
        if token.type == "table_open":
            cells = []
        elif token.type == "tr_open":
            cells.append(0)
        elif token.type in ("th_open", "td_open"):
            cells[-1] += 1
        elif token.type == "table_close":
            yield cells


@pytest.mark.parametrize(("name", "steps"), paired([*of_examples(every_run=FEW), "long"], STEPS))
def test_markdown_tables_are_whole(name: str, steps: str) -> None:
    """Every table is read as a table, its rows have as many cells as its head, and no bar is left over."""
    text = printed(long_example(steps) if name == "long" else example(name, steps=steps), "markdown")
    found = list(tables(text))
    assert len(re.findall(r"^\|(?::?-+:?\|)+$|^\| ?(?:[:-]+ ?\| ?)+$", text, re.MULTILINE)) == len(found)
    written = [block.count("\n") - 1 for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]
    assert written == [len(rows) for rows in found]
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") - line.count(r"\|") for line in block.splitlines()}) == 1, block
    prose = [token.content for token in tokens(text) if token.type == "inline" and "|" in re.sub(r"\\\|", "", token.content)]
    assert prose == []


@pytest.mark.parametrize(("name", "steps"), paired([*of_examples(every_run=FEW), "long"], STEPS))
def test_markdown_mathematics_stands_as_github_reads_it(name: str, steps: str) -> None:
    """Blank lines round ``$$``; inside mathematics no bar, no star, and no backslash but before a command."""
    text = printed(long_example(steps) if name == "long" else example(name, steps=steps), "markdown")
    lines = ["", *text.splitlines(), ""]
    for place, line in enumerate(lines):
        if "$$" in line:
            assert re.fullmatch(r"\$\$.+\$\$", line)
            assert (lines[place - 1], lines[place + 1]) == ("", "")
    pieces = re.findall(r"\$\$(.+)\$\$", text) + re.findall(r"(?<![\\$])\$([^$\n]+)\$(?!\$)", text)
    assert len(pieces) > 50
    for piece in pieces:
        assert not re.search(r"\\[^A-Za-z]", piece), piece
        assert "|" not in piece
        assert "*" not in piece
        assert piece == piece.strip(), "GitHub wants no space inside the dollar signs"
        assert piece.count("{") == piece.count("}")
    assert text.replace(r"\$", "").count("$") % 2 == 0


@pytest.mark.parametrize("name", of_examples(every_run=FEW))
def test_markdown_has_the_structure_of_the_sheet(name: str) -> None:
    """One title, a heading for each section, no raw HTML but line breaks, no more than one blank line in a row."""
    solution = example(name)
    text = printed(solution, "markdown")
    heads = [
        after.content
        for token, after in zip(tokens(text), tokens(text)[1:], strict=False)
        if token.type == "heading_open" and token.tag in ("h1", "h2")
    ]
    titles = [f"{place} {section.title}" for place, section in enumerate(solution.sheet.sections, 1)]
    assert heads == [solution.sheet.title, "Given", *titles]
    html = [child.content for token in tokens(text) for child in (token.children or [token]) if child.type.startswith("html")]
    assert {*html} <= {"<br>"}
    assert "\n\n\n" not in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


# ------------------------------------------------------------------- strangers


def text_of(token: Token) -> str:
    return "".join(child.content for child in token.children or [] if child.type in ("text", "text_special"))


@pytest.mark.parametrize("title", HOSTILE)
def test_a_title_in_markdown_is_only_text(title: str) -> None:
    """Read by a Markdown parser, the heading is the title, letter for letter."""
    text = problem_titled(title).to_markdown()
    found = tokens(text)
    assert [token.type for token in found[:3]] == ["heading_open", "inline", "heading_close"]
    assert {child.type for child in found[1].children or []} <= {"text", "text_special"}
    assert text_of(found[1]) == title
    assert len(list(tables(text))) == len(list(tables(problem_titled("plain").to_markdown())))
    heading = text.splitlines()[0]
    assert not re.search(r"(?<!\\)\$", heading), "GitHub reads mathematics between bare dollar signs"


@pytest.mark.parametrize("title", thinned(HOSTILE, 2))
def test_a_title_in_a_terminal_is_only_text(title: str) -> None:
    """Rich markup, escape codes and format strings print as they are."""
    for width in (60, 80, 300):
        text = as_text(problem_titled(title).sheet, width)
        head = text.partition("Worked solution")[0]
        assert re.sub(r"\s+", "", head) == re.sub(r"\s+", "", title)
    coloured = on_terminal(problem_titled(title), color_system="truecolor", no_color=False)
    assert re.sub(r"\s+", "", re.sub(r"\x1b\[[0-9;]*m", "", coloured.partition("Worked solution")[0])) == re.sub(
        r"\s+", "", title
    )
    assert as_text(problem_titled(title).sheet, 80, unicode=False).isascii()


@pytest.mark.parametrize("title", thinned(HOSTILE, 2))
def test_a_title_in_json_is_only_text(title: str) -> None:
    """Read by a JSON parser, it is the title."""
    assert title == json.loads(problem_titled(title).to_json())["title"]


LATEX_COMMANDS = {
    r"\textbackslash{}",
    r"\textasciicircum{}",
    r"\textasciitilde{}",
    r"\textless{}",
    r"\textgreater{}",
    r"\dots{}",
    r"\textbar{}",
}


@pytest.mark.parametrize("title", thinned(HOSTILE, 2))
def test_a_title_in_latex_has_no_command_of_its_own(title: str) -> None:
    """Of what LaTeX could act upon, only our own escapes are left."""
    line = next(line for line in problem_titled(title).to_latex().splitlines() if line.startswith(r"{\LARGE"))
    body = line.removeprefix(r"{\LARGE\bfseries ").removesuffix(r"\par}\smallskip")
    ours = r"\\[{}$&#%_]|\$\\[a-z]+\$|\$-\$|\\texttt\{\[U\+[0-9A-F]{4,6}\]\}|\\(?:text|quote)[a-z]+\{\}|\\dots\{\}|-\{\}(?=-)"
    left = re.sub(ours, "", body)
    assert not re.search(r"[\\{}$&#%_^~]", left), left


@pytest.mark.latex
@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext (poppler-utils) is not here to read the page back")
def test_titles_in_latex_read_back_from_the_page(tmp_path: Path, pdflatex: Any) -> None:
    """Set by pdflatex and read back by pdftotext, each title is itself."""
    heads = [
        next(line for line in problem_titled(title).to_latex().splitlines() if line.startswith(r"{\LARGE")).replace(
            "LARGE", "small"
        )
        for title in HOSTILE
    ]
    preamble = problem_titled("plain").to_latex().partition(r"\begin{document}")[0]
    page = "\n\n".join(rf"\noindent START{head}\par\noindent END\par" for head in heads)
    pdflatex(tmp_path, rf"{preamble}\begin{{document}}\raggedright {page}\end{{document}}")
    text = subprocess.run(
        ["pdftotext", "-raw", "document.pdf", "-"], cwd=tmp_path, capture_output=True, check=True
    ).stdout.decode()

    def same(words: str) -> str:
        """Without spaces, and with the quotation marks that TeX makes of ASCII undone."""
        words = re.sub(r"\s+", "", words)
        words = re.sub(r"\s+", "", words)
        for seen, typed in {"’": "'", "‘": "`", "“": "``", "”": "''", "−": "-", "–": "-", "∗": "*", "...": "…"}.items():
            words = words.replace(seen, typed)
        return words

    found = [same(piece) for piece in re.findall(r"START(.*?)END", text, re.DOTALL)]
    assert [same(title) for title in HOSTILE] == found


@pytest.mark.exhaustive
@pytest.mark.latex
def test_a_title_in_any_script_does_not_stop_latex(tmp_path: Path, pdflatex: Any) -> None:
    """A sign that the fonts do not have is written otherwise, and the document still compiles."""
    scripts = ["Ausdruck α → β", "循環ネットワーク", "RNN 😀", "Нейронная сеть", "naïve façade – Ærø", "x²"]
    pdflatex(tmp_path, problem_titled(", ".join(scripts)).to_latex(), draft=True)


# ------------------------------------------------------------------- templates


@at_once("name", [*SOURCES, *PROGRAMS])
def test_templates_loop_and_place_and_do_nothing_else(name: str) -> None:
    """They know only the sheet, or the listing; they do not calculate, import, or change anything."""
    environment = environment_for(name)
    source = (template_directory() / name).read_text("utf-8")
    tree = environment.parse(source)
    own = {macro.name for macro in tree.find_all(nodes.Macro)}
    own |= {one.target.name for one in tree.find_all(nodes.Assign) if isinstance(one.target, nodes.Name)}
    assert meta.find_undeclared_variables(tree) - own <= ({"listing"} if name in PROGRAMS else {"sheet", "frames"})
    calculating = (
        nodes.Add,
        nodes.Sub,
        nodes.Mul,
        nodes.Div,
        nodes.FloorDiv,
        nodes.Mod,
        nodes.Pow,
        nodes.Import,
        nodes.FromImport,
    )
    assert list(tree.find_all(calculating)) == []
    assert {node.template.value for node in tree.find_all(nodes.Include) if isinstance(node.template, nodes.Const)} <= {
        *SOURCES,
        *PROGRAMS,
    }


def test_there_are_no_other_templates() -> None:
    """All templates are among those tested here."""
    assert sorted([*SOURCES, *PAGES, *PROGRAMS]) == sorted(path.name for path in template_directory().iterdir())


def test_a_template_of_the_users_own_replaces_ours(tmp_path: Path) -> None:
    """One file in the folder replaces one template; the others stay."""
    (tmp_path / "sheet.md.j2").write_text("My sheet: {{ sheet.title|words }} ({{ sheet.sections|length }})\n", "utf-8")
    sheet = solve("rnn").sheet
    assert markdown(sheet, tmp_path) == "My sheet: One-neuron RNN, two time steps (9)\n"
    assert latex(sheet, tmp_path) == latex(sheet)


def test_a_template_of_the_users_own_is_used_inside_ours(tmp_path: Path) -> None:
    """The document includes the body, whoever's it is."""
    (tmp_path / "body.tex.j2").write_text("only ((( sheet.title|words )))\n", "utf-8")
    assert re.search(
        r"\\begin\{document\}\s+only One-neuron RNN, two time steps\n\\end\{document\}\n$", latex(solve("rnn").sheet, tmp_path)
    )


def test_the_title_is_never_a_template(tmp_path: Path) -> None:
    """``{{7*7}}`` in a title stays what it is, in a user's template too."""
    (tmp_path / "sheet.md.j2").write_text("{{ sheet.title }}", "utf-8")
    assert markdown(problem_titled("{{7*7}}").sheet, tmp_path) == "{{7*7}}\n"


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ sheet.__class__.__init__.__globals__ }}",
        "{{ sheet.rows.__globals__ }}",
        "{{ sheet|attr('__class__') }}",
        "{{ sheet.nothing }}",
        "{{ nothing }}",
        "{% for",
        "{{ sheet.title|nofilter }}",
        "{% include '/etc/passwd' %}",
        "{% include '../../../../etc/passwd' %}",
        "{{ 1 / 0 }}",
        "{{ sheet.title + 1 }}",
        "{{ range(999999999) }}",
        "{% for i in sheet.sections %}{{ i.blocks[99].kind }}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    ],
)
def test_a_template_that_is_wrong_or_wants_too_much_is_refused(tmp_path: Path, source: str) -> None:
    """One message that names the folder and the template; the sandbox keeps the rest."""
    (tmp_path / "sheet.md.j2").write_text(source, "utf-8")
    with pytest.raises(ProblemError) as caught:
        markdown(solve("fnn").sheet, tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "sheet.md.j2" in str(caught.value) or "etc/passwd" in str(caught.value)
    assert "root:" not in str(caught.value)


def test_a_template_may_not_change_the_sheet(tmp_path: Path) -> None:
    """The sheet that a template sees is read-only."""
    (tmp_path / "sheet.md.j2").write_text("{% do sheet.rounding.clear() %}{{ sheet.rounding.clear() }}", "utf-8")
    sheet = solve("fnn").sheet
    with pytest.raises(ProblemError):
        markdown(sheet, tmp_path)
    assert sheet.rounding


def test_a_template_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """A file in another encoding is an error with its name."""
    (tmp_path / "sheet.md.j2").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProblemError, match=r"sheet\.md\.j2"):
        markdown(solve("fnn").sheet, tmp_path)


def test_templates_must_be_a_folder(tmp_path: Path) -> None:
    """A folder that is not there is an error."""
    with pytest.raises(ProblemError, match="not a folder"):
        markdown(solve("fnn").sheet, tmp_path / "nowhere")


def test_our_templates_parse_in_their_own_syntax() -> None:
    """LaTeX templates use ``(((`` and ``((*``, because braces are LaTeX's."""
    for name in SOURCES:
        assert isinstance(environment_for(name), jinja2.sandbox.ImmutableSandboxedEnvironment)


# ----------------------------------------------------------------- the sheet


def strings_only(value: Any, place: str) -> None:
    """Strings, whole numbers that count, and containers of these."""
    if isinstance(value, Row):
        assert all(isinstance(part, str | Math | int | None) for part in value), place
    elif isinstance(value, Stream):
        for row in value:
            strings_only(row, place)
    elif is_dataclass(value):
        for field in fields(value):
            if field.name == "values":
                continue  # read below
            strings_only(getattr(value, field.name), f"{place}.{field.name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            assert isinstance(key, str), place
            strings_only(item, f"{place}[{key}]")
    elif isinstance(value, Math):
        assert type(value.text) is str
        assert type(value.latex) is str
    elif isinstance(value, tuple | list):
        for item in value:
            strings_only(item, place)
    else:
        assert value is None or type(value) in (str, Phrase, bool, int), (place, type(value))


@pytest.mark.parametrize("rounding", ["4dp", "full", "exact"])
@pytest.mark.parametrize("steps", STEPS)
def test_a_sheet_is_made_of_strings(rounding: str, steps: str) -> None:
    """It knows no formulas, no numbers and no medium."""
    sheet = solve("shared-weight-4", rounding=rounding, steps=steps).sheet
    assert isinstance(sheet, Sheet)
    strings_only({"sheet": sheet, "values": list(sheet.values)}, "sheet")
