"""The README says what the program does today: its commands are run, its Python is run, its problem file is solved."""

from __future__ import annotations

import json
import math
import re
import shlex
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w
from click.testing import CliRunner
from sweeps import at_once

from bptt_trace import parse, solve
from bptt_trace.commands import command
from bptt_trace.errors import ProblemError, TraceError
from bptt_trace.marking.catalogue.entry import CATALOGUE
from bptt_trace.problem.files import example_directory

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: block.splitlines()[0][2:])
def test_a_command_prints_what_the_readme_shows(block: str) -> None:
    """``[…]`` stands for lines that are left out."""
    first, *shown = block.splitlines()
    words = shlex.split(first.removeprefix("$ "))
    assert words[0] == "bptt-trace"
    result = CliRunner().invoke(command, words[1:])
    printed = result.output
    if isinstance(result.exception, TraceError):
        printed = f"bptt-trace: {result.exception}\n"
    place = 0
    for part in "\n".join(shown).split("[…]"):
        wanted = part.strip("\n")
        found = printed.find(wanted, place)
        assert wanted in printed[place:], wanted
        place = found + len(wanted)


@pytest.mark.parametrize(
    ("block", "printed"),
    list(
        zip(
            blocks("python"),
            ["-0.0229\n# One-neuron RNN", 'dL/dh_1 [(\'memory-path-dropped\',)]\n{\n "format": "bptt-trace-marks/1"'],
            strict=True,
        )
    ),
)
def test_the_python_of_the_readme_runs(block: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints the number that the sheet has, and the name of the mistake."""
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith(printed)


def test_the_autograder_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes what the command line writes."""
    text = (ROOT / "docs" / "marking.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (command_line,) = re.findall(r"`bptt-trace (check rnn .*?results.json)`", text)
    shutil.copytree(ROOT / "examples" / "sheets", tmp_path / "examples" / "sheets")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "marking.md", "exec"), {})
    written = Path("results.json").read_text("utf-8")
    assert 1 == CliRunner().invoke(command, shlex.split(command_line)).exit_code
    assert written == Path("results.json").read_text("utf-8")


def test_the_readme_counts_the_mistakes() -> None:
    """README and CHANGELOG say how many the catalogue has."""
    assert f"{len(CATALOGUE)} of them are in the catalogue" in README
    assert f"the {len(CATALOGUE)} mistakes of the catalogue" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_readme_counts_the_published_examples() -> None:
    """As many have a source."""
    count = sum("\n[source]" in path.read_text("utf-8") for path in (ROOT / "examples").glob("*.toml"))
    assert f"{count} published examples come with the package" in README


def test_the_readme_tells_which_digits_are_whose() -> None:
    """What Mazur prints, what the sheet prints by hand, and what it prints unrounded."""
    assert "quotes 0.291027924" in README
    assert "0.291027924" in (ROOT / "examples" / "mazur.toml").read_text("utf-8")
    assert "prints 0.291027773" in README
    assert "0.291027773" == str(solve("mazur")["L@2"])
    assert "0.29102777369." in README
    assert str(solve("mazur", rounding="full")["L@2"]).startswith("0.29102777369")


@at_once("layers", range(1, 10))
def test_the_readme_says_how_deep_a_network_may_be(layers: int) -> None:
    """Feedforward nets of one to eight layers are solved; of nine there is an error that says so."""
    assert "Feedforward nets of one to eight layers" in README
    suffixes = [""] if layers == 1 else [f"({place})" for place in range(1, layers + 1)]
    parameters = {f"{stem}{suffix}": "0.3" for suffix in suffixes for stem in ("w_xh", "b_h")} | {"w_hy": "0.5", "b_y": "0.1"}
    document = {"network": {"cell": "dense", "hidden": [1] * layers}, "parameters": parameters, "given": {"x": 1, "target": 1}}
    if layers > 8:
        with pytest.raises(TraceError, match="from 1 to 8 are possible"):
            parse(json.dumps(document))
        return
    h = 1.0
    for _ in range(layers):
        h = math.tanh(0.3 * h + 0.3)
    printed = float(solve(parse(json.dumps(document)), rounding="full")["y"])
    assert math.isclose(printed, 0.5 * h + 0.1, rel_tol=1e-12)


def test_the_readme_quotes_what_the_benchmarks_printed() -> None:
    """Every figure under "Speed" is one that benchmarks/README.md has as printed, rounded to the digits that are quoted."""
    (section,) = re.findall(r"## Speed\n(.*?)\n## ", README, re.DOTALL)
    text = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    fenced = "\n".join(
        re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE) + re.findall(r"^    .*$", text, re.MULTILINE)
    )
    printed = {float(one.replace(",", "")) for one in re.findall(r"\d[\d,]*(?:\.\d+)?", fenced)}
    prose = re.sub(r"`[^`]*`|\([^)]*\)", "", section)
    quoted = [one.replace(",", "") for one in re.findall(r"\d[\d,]*\d(?:\.\d+)?|\d(?:\.\d+)?", prose)]
    assert len(quoted) > 15
    for one in quoted:
        places = len(one.partition(".")[2])
        assert any(abs(value - float(one)) <= 0.5 * 10**-places + 1e-9 for value in printed), one


@pytest.mark.parametrize("block", blocks("toml"))
def test_the_problem_file_of_the_readme_is_the_built_in_one(block: str) -> None:
    """Solving either gives the same sheet."""
    assert solve(parse(block)).to_text() == solve("rnn").to_text()


@at_once("document", DOCUMENTS)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    """A relative link names a file of the project."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_documentation_lists_every_key_of_a_problem_file() -> None:
    """The table in docs/problem-files.md and the schema agree."""
    from bptt_trace.problem.files import schema

    text = (ROOT / "docs" / "problem-files.md").read_text("utf-8")
    keys = {key for table in schema()["properties"].values() for key in table.get("properties", {})}
    documented = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    assert keys - documented == set()
    assert documented - keys == {"w_xh"}


OF_EACH_KIND = (
    "rnn", "lstm", "gru", "slstm", "attention-weights", "adam", "momentum", "classifier", "clipping", "toy-batch", "relu-bce",
    "leaky-integrator", "forward-mode", "perceptron", "look-ahead",
)  # fmt: skip
"""Examples in which most keys can be set."""


def defaults() -> list[tuple[str, str, str]]:
    """Table, key and default, where the documentation of problem files gives a number or a word of TOML."""
    rows, table = [], ""
    for line in (ROOT / "docs" / "problem-files.md").read_text("utf-8").splitlines():
        if head := re.match(r"\| \*\*`\[(\w+)\]`", line):
            table = head[1]
        elif (row := re.match(r"\| `(\w+)` \|.*\| (`[^`]+`|[0-9.]+) \|$", line)) and table not in (
            "",
            "marks",
            "handout",
            "vary",
        ):
            rows.append((table, row[1], row[2].strip("`")))
    return rows


def test_the_documented_defaults_are_those_of_the_program() -> None:
    """A problem in which a key has its default is the problem without this key, wherever the key can be set."""
    examples = [example_directory() / f"{name}.toml" for name in OF_EACH_KIND]
    documents = [tomllib.loads(path.read_text("utf-8")) for path in examples]
    without = [parse(tomli_w.dumps(document)) for document in documents]
    tried = set()
    for table, key, default in defaults():
        try:
            value = tomllib.loads(f"value = {default}")["value"]
        except tomllib.TOMLDecodeError:
            value = default
        for document, problem in zip(documents, without, strict=True):
            if key in document.get(table, {key: ""}):
                continue
            try:
                told = parse(tomli_w.dumps({**document, table: {**document[table], key: value}}))
            except ProblemError:
                continue
            assert replace(told, source=problem.source) == problem, (table, key)
            tried.add((table, key))
    assert len(tried) >= 35


@pytest.mark.parametrize("word", ["Key", "Layer", "Rule", "Shape", "Row", "Part"])
def test_one_word_has_one_meaning(word: str) -> None:
    """As CONTRIBUTING.md promises: one class or type of the package has the name, and no other is imported by it."""
    meanings = re.compile(rf"^(?:class _?{word}\b|_?{word} = |.* as {word}\b(?!.*import {word} as {word}))", re.MULTILINE)
    paths = sorted((ROOT / "bptt_trace").rglob("*.py"))
    defined = [str(path.relative_to(ROOT)) for path in paths for _ in meanings.findall(path.read_text("utf-8"))]
    assert len(defined) == 1
