"""The README says what the program does today: its commands are run, its Python is run, its problem file is solved."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from bptt_trace import parse, solve
from bptt_trace.cli import command
from bptt_trace.errors import TraceError
from bptt_trace.misconceptions import CATALOGUE

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


@pytest.mark.parametrize("block", blocks("toml"))
def test_the_problem_file_of_the_readme_is_the_built_in_one(block: str) -> None:
    """Solving either gives the same sheet."""
    assert solve(parse(block)).to_text() == solve("rnn").to_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    """A relative link names a file of the project."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_documentation_lists_every_key_of_a_problem_file() -> None:
    """The table in docs/problem-files.md and the schema agree."""
    from bptt_trace.documents import schema

    text = (ROOT / "docs" / "problem-files.md").read_text("utf-8")
    keys = {key for table in schema()["properties"].values() for key in table.get("properties", {})}
    documented = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    assert keys - documented == set()
    assert documented - keys == {"w_xh"}
