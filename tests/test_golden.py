"""What the examples print is committed beside them, and is fresh."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from sweeps import printed
from sweeps import solution as example

from bptt_trace.commands import command

GOLDEN = (
    "rnn", "adam", "cs224n-gru", "postnetwork", "shared-weight-4", "clipping", "nbis-chain", "bidirectional", "relu-bce",
    "recurrent-layer", "vanishing", "seq2seq", "tomyeh-lstm",
)  # fmt: skip
"""The examples whose sheets are committed: a covering set, without the longest.

The published numbers of all examples are held by ``test_gallery.py``.
"""
MOST_LINES = 20_000
"""So much can be looked at when it changes."""
OUTPUT = Path(__file__).parent.parent / "examples" / "output"
SHEETS = OUTPUT.parent / "sheets"


ENDINGS = {"txt": "terminal-80-unicode", "md": "markdown", "tex": "latex", "json": "json"}


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_committed_output_of_an_example_is_what_it_prints(name: str, ending: str, request: pytest.FixtureRequest) -> None:
    """``pytest --update-golden`` writes these files."""
    now = printed(example(name), ENDINGS[ending])
    path = OUTPUT / f"{name}.{ending}"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(now, "utf-8", newline="\n")
    assert path.read_text("utf-8") == now


def test_the_committed_program_is_what_is_printed(request: pytest.FixtureRequest) -> None:
    """``solve rnn -f python``; the tests of code run it."""
    now, path = example("rnn").to_code(), OUTPUT / "rnn.py"
    if request.config.getoption("--update-golden"):
        path.write_text(now, "utf-8", newline="\n")
    assert path.read_text("utf-8") == now


MARKED = {
    "rnn-torch.py": ["solve", "rnn", "-f", "torch"],
    "classifier-numpy.py": ["solve", "classifier", "-f", "numpy"],
    "rnn-marked.txt": ["check", "rnn", "rnn.csv"],
    "rnn-marked.md": ["check", "rnn", "rnn.csv", "-f", "markdown"],
    "rnn-marked.html": ["check", "rnn", "rnn.csv", "-f", "html"],
    "rnn-marked.tex": ["check", "rnn", "rnn.csv", "-f", "latex"],
    "rnn-marked.json": ["check", "rnn", "rnn.csv", "-f", "json", "--reveal"],
    "rnn-gradescope.json": ["check", "rnn", "rnn.csv", "-f", "gradescope"],
    "vanishing-flow.txt": ["flow", "vanishing", "vanishing-lstm"],
    "vanishing-flow.md": ["flow", "vanishing", "vanishing-lstm", "-f", "markdown"],
    "vanishing-flow.tex": ["flow", "vanishing", "vanishing-lstm", "-f", "latex"],
    "vanishing-flow.json": ["flow", "vanishing", "vanishing-lstm", "-f", "json"],
    "rnn-mistakes.txt": ["mistakes", "rnn"],
    "rnn-worksheet.txt": ["worksheet", "rnn"],
    "rnn-worksheet.md": ["worksheet", "rnn", "-f", "markdown"],
    "rnn-worksheet.tex": ["worksheet", "rnn", "-f", "latex"],
    "rnn-worksheet.html": ["worksheet", "rnn", "-f", "html"],
    "rnn-key.txt": ["worksheet", "rnn", "--key"],
    "rnn-key.md": ["worksheet", "rnn", "--key", "-f", "markdown"],
    "rnn-key.tex": ["worksheet", "rnn", "--key", "-f", "latex"],
    "rnn-answers.csv": ["worksheet", "rnn", "-f", "csv"],
    "classifier-worksheet.txt": ["worksheet", "classifier", "--blanks", "gradients", "--hints", "3"],
    "rnn-exam.tex": ["worksheet", "rnn", "-f", "latex", "--exam", "--switch"],
    "class-marks.csv": ["grade", "rnn", "class.csv", "-o", "class-marks.csv"],
    "class-summary.md": ["grade", "rnn", "class.csv", "-o", "marks.csv", "--summary", "class-summary.md"],
}
"""What stands beside the sheets of the examples, and the command that prints it."""


@pytest.mark.parametrize("name", MARKED)
def test_the_committed_marks_are_what_is_printed(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer sheet and a class, marked in every form; a worksheet and its key."""
    for sheet in ("rnn.csv", "class.csv"):
        shutil.copy(SHEETS / sheet, tmp_path)
    monkeypatch.chdir(tmp_path)
    outcome = CliRunner().invoke(command, MARKED[name])
    assert outcome.exit_code == (1 if MARKED[name][0] in ("check", "grade") else 0)
    now = Path(name).read_text("utf-8") if Path(name).exists() else outcome.output
    if request.config.getoption("--update-golden"):
        (SHEETS / name).write_text(now, "utf-8", newline="\n")
    assert (SHEETS / name).read_text("utf-8") == now


def test_there_is_no_other_output() -> None:
    """Every file in the folder of outputs is one of those above, and a person can read them all."""
    assert {path.name for path in OUTPUT.iterdir()} == {"rnn.py", *(f"{name}.{ending}" for name in GOLDEN for ending in ENDINGS)}
    every = [*OUTPUT.iterdir(), *SHEETS.iterdir()]
    assert sum(path.read_text("utf-8").count("\n") for path in every) <= MOST_LINES
