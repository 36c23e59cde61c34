"""Sheets as sources for other programs: Markdown that KaTeX and pandoc read, Typst."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner
from random_problems import examples
from sweeps import chosen
from sweeps import key as key_of
from sweeps import solution as example

from bptt_trace.commands import command
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.media.pdf import typst_pdf
from bptt_trace.media.templates import FLAVORS, markdown

FEW = ["rnn", "toy-batch", "classifier"]
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


@pytest.mark.parametrize("name", chosen(examples(), ["rnn", "adam", "gomez", "relu-bce"]))
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


def test_pandoc_cannot_read_the_other_flavor(tmp_path: Path) -> None:
    """That is why there are two: the matrices of the flavor ``github`` stay TeX, and pandoc says so."""
    text = markdown(example("classifier").sheet)
    command_line = [program("pandoc", "pandoc"), "--from", "markdown", "--output", str(tmp_path / "sheet.docx")]
    assert (
        "Could not convert TeX math"
        in subprocess.run(command_line, input=text, capture_output=True, text=True, check=True).stderr
    )


@pytest.mark.parametrize("words", [["solve", "lstm"], ["worksheet", "classifier"], ["worksheet", "rnn", "--key"]])
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
