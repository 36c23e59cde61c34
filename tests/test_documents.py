"""Sheets as sources for other programs: Markdown that KaTeX and pandoc read, Typst."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner
from random_problems import examples
from sweeps import chosen, thinned
from sweeps import key as key_of
from sweeps import solution as example

import bptt_trace
from bptt_trace.commands import command
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.media.pdf import typst_pdf
from bptt_trace.media.templates import FLAVORS, markdown
from bptt_trace.problem.files import example as file_of

FEW = ["rnn", "toy-batch"]
Formula = tuple[bool, str]
Katex = Callable[[list[Formula]], list[str]]
KATEX = """
const katex = require("katex");
const faults = [];
for (const [display, text] of JSON.parse(require("fs").readFileSync(0, "utf-8"))) {
  try {
    katex.renderToString(text, { displayMode: display, strict: "error", throwOnError: true });
  } catch (error) {
    faults.push(`${text}: ${error.message}`);
  }
}
console.log(JSON.stringify(faults));
"""


def program(name: str, package: str) -> str:
    """Where a program is; the test is skipped without it, but never where ``CI`` is set."""
    found = shutil.which(name)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{name} is not installed (Debian: {package})")
    assert found, f"{name} is missing; with CI set, nothing is skipped"
    return found


def formulas(text: str) -> list[Formula]:
    """The formulas of a Markdown text as GitHub finds them, and whether each is displayed; no code is a formula."""
    prose = re.sub(r"(?ms)^```.*?^```$", "", text)
    return [(bool(shown), shown or within) for shown, within in re.findall(r"\$\$([^$]+)\$\$|(?<!\\)\$([^$\n]+)\$", prose)]


@pytest.fixture(scope="session")
def katex() -> Katex:
    """The complaints of KaTeX about formulas; npm installs it into the folder ``BPTT_TRACE_NODE_MODULES``."""
    node, folder = program("node", "nodejs"), os.environ.get("BPTT_TRACE_NODE_MODULES", "")
    if not folder and not os.environ.get("CI"):
        pytest.skip("BPTT_TRACE_NODE_MODULES names no folder in which npm has installed katex")

    def complaints(found: list[Formula]) -> list[str]:
        run = subprocess.run(
            [node, "-e", KATEX], input=json.dumps(found), env={**os.environ, "NODE_PATH": folder}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        return list(json.loads(run.stdout))

    return complaints


@pytest.mark.parametrize("names", [FEW, pytest.param(examples(), marks=pytest.mark.exhaustive)], ids=["some", "all"])
def test_katex_reads_every_formula(katex: Katex, names: list[str]) -> None:
    """KaTeX takes each formula of each example without an error or a warning, of both flavors, in solutions and worksheets."""
    sheets = [sheet for name in names for sheet in (example(name).sheet, worksheet(key_of(name)))]
    found = [formula for sheet in sheets for flavor in FLAVORS for formula in formulas(markdown(sheet, flavor=flavor))]
    assert len(found) > 400 * len(names)
    assert [] == katex(list(dict.fromkeys(found)))


def test_katex_would_complain(katex: Katex) -> None:
    """What KaTeX does not know is a fault."""
    assert len(katex([(False, r"{a_{1}^{\langle 1\rangle@2}}"), (True, r"\frac{1}{2}")])) == 1


@pytest.mark.parametrize("name", chosen(examples(), ["adam"], each=6))
def test_pandoc_leaves_no_tex_in_a_word_file(tmp_path: Path, name: str) -> None:
    """Each formula of the flavor ``pandoc`` becomes an equation of Word; pandoc warns of nothing, and no sign of TeX is left."""
    text = markdown(example(name).sheet, flavor="pandoc")
    document = tmp_path / "sheet.docx"
    to_word = [program("pandoc", "pandoc"), "--from", "markdown", "--output", str(document)]
    run = subprocess.run(to_word, input=text, capture_output=True, text=True, check=False)
    assert (0, "") == (run.returncode, run.stderr)
    word = ZipFile(document).read("word/document.xml").decode("utf-8")
    assert word.count("<m:oMath>") == len(formulas(text))
    left = re.sub(r"<[^>]+>", "", word)
    assert [] == re.findall(r"\\[a-z]+|\$", left)


@pytest.mark.exhaustive
def test_pandoc_cannot_read_the_other_flavor(tmp_path: Path) -> None:
    """That is why there are two: the matrices of the flavor ``github`` stay TeX, and pandoc says so."""
    text = markdown(example("classifier").sheet)
    command_line = [program("pandoc", "pandoc"), "--from", "markdown", "--output", str(tmp_path / "sheet.docx")]
    assert (
        "Could not convert TeX math"
        in subprocess.run(command_line, input=text, capture_output=True, text=True, check=True).stderr
    )


@pytest.mark.parametrize("words", thinned([["worksheet", "rnn", "--key"], ["solve", "lstm"], ["worksheet", "classifier"]], 3))
def test_a_typst_source_compiles(tmp_path: Path, words: list[str]) -> None:
    """``-o FILE.typ`` writes what Typst sets, and nothing else is needed for it."""
    pytest.importorskip("typst", reason="the extra pdf")
    file = tmp_path / "sheet.typ"
    outcome = CliRunner().invoke(command, [*words, "-o", str(file)], standalone_mode=False)
    assert outcome.exception is None
    assert typst_pdf(file.read_text("utf-8")).startswith(b"%PDF")


def test_a_flavor_goes_with_markdown() -> None:
    """``--flavor`` with another form is an error of usage."""
    outcome = CliRunner().invoke(command, ["solve", "rnn", "-f", "latex", "--flavor", "pandoc"])
    assert (2, True) == (outcome.exit_code, "--flavor goes with -f markdown" in outcome.output)


# --------------------------------------------------------------- blocks in documents

PAGE = """# A page

```{BLOCK}
PROBLEM
```

## After it
"""


def page(block: str, problem: str = "") -> str:
    return PAGE.replace("{BLOCK}", block).replace("PROBLEM", problem)


def filtered(tmp_path: Path, text: str, form: str) -> subprocess.CompletedProcess[str]:
    """What pandoc makes of a page by the filter that the command writes; the program bptt-trace is the one of this Python."""
    lua = tmp_path / "bptt.lua"
    assert CliRunner().invoke(command, ["export", "pandoc", "-o", str(lua)]).exit_code == 0
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    words = [program("pandoc", "pandoc"), "--mathjax", "--lua-filter", str(lua), "--from", "markdown", "--to", form]
    return subprocess.run(words, input=text, capture_output=True, text=True, env={**os.environ, "PATH": path}, check=False)


def test_a_block_in_a_page_for_pandoc_becomes_its_sheet(tmp_path: Path) -> None:
    """With the options of the command line, headings below the one around it, and pictures that a browser draws."""
    run = filtered(tmp_path, page('{.bptt round="3dp" prove="true"}', file_of("rnn")), "html")
    assert (0, "") == (run.returncode, run.stderr)
    headings = re.findall(r"<h(\d)[^>]*>(.*?)</h", run.stdout, re.DOTALL)
    assert ["1", "2", "3"] == [level for level, _ in headings[:3]]
    assert ("2", "After it") == headings[-1]
    assert 2 == run.stdout.count("<svg ")
    assert "0.600" in run.stdout
    assert "0.6000" not in run.stdout
    assert "central differences" in run.stdout


@pytest.mark.exhaustive
def test_a_block_may_name_a_problem_and_a_command(tmp_path: Path) -> None:
    """As here a worksheet, for Word; its pictures are drawn in characters."""
    run = filtered(tmp_path, page('{.bptt command="worksheet" problem="fnn" hints="1"}'), "native")
    assert (0, "") == (run.returncode, run.stderr)
    assert '"Worksheet:"' in run.stdout
    assert "RawInline" not in run.stdout


def test_a_block_that_cannot_be_read_stops_pandoc(tmp_path: Path) -> None:
    """With the message of bptt-trace."""
    run = filtered(tmp_path, page("{.bptt}", "[network]"), "html")
    assert run.returncode != 0
    assert 'network: the key "cell" is missing' in run.stderr


def built(tmp_path: Path, text: str, *, check: bool = True) -> tuple[str, str]:
    """The page that Sphinx makes of a page in MyST, and its warnings."""
    pytest.importorskip("myst_parser", reason="the extra sphinx")
    (tmp_path / "index.md").write_text(text, "utf-8")
    (tmp_path / "conf.py").write_text(
        'extensions = ["myst_parser", "bptt_trace.sphinx"]\nmyst_enable_extensions = ["dollarmath"]\n', "utf-8"
    )
    words = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(tmp_path), str(tmp_path / "out")]
    run = subprocess.run(words, capture_output=True, text=True, check=check)
    return (tmp_path / "out" / "index.html").read_text("utf-8"), run.stderr


def test_a_block_in_a_page_for_sphinx_becomes_its_sheet(tmp_path: Path) -> None:
    """Nothing is warned of; headings go below the one around the block, formulas to MathJax, pictures into the page."""
    html, warnings = built(tmp_path, page("{bptt}", f":options: --round 3dp\n\n{file_of('rnn')}"))
    assert warnings == ""
    headings = re.findall(r"<h(\d)>([^<]*)", html)
    assert [("1", "A page"), ("2", "One-neuron RNN, two time steps"), ("3", "Given")] == headings[:3]
    assert ("2", "After it") in headings
    assert 2 == html.count('<img src="data:image/svg+xml')
    assert r"\(0.600\)" in html


@pytest.mark.exhaustive
def test_sphinx_is_told_of_a_block_that_cannot_be_read(tmp_path: Path) -> None:
    """At its place in the page."""
    _, warnings = built(tmp_path, page("{bptt}", ":problem: nothing-like-it"))
    assert re.search(r"index\.md:3: .*bptt: nothing-like-it: no such file", warnings)


def test_filter_and_directive_are_short() -> None:
    """So that whoever has another document system can write one like them."""
    package = Path(bptt_trace.__file__).parent
    for name in ("exports/bptt.lua", "sphinx.py"):
        assert len((package / name).read_text("utf-8").splitlines()) <= 60
