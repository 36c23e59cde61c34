"""The command line: what each command and option does, and what is said when something is wrong."""

from __future__ import annotations

import fcntl
import gc
import io
import json
import os
import pty
import re
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from networks import without_pictures
from random_problems import examples
from sweeps import at_once, chosen, paired, thinned

import bptt_trace.media.sheet_json
from bptt_trace import __version__, load, solve
from bptt_trace.commands import command
from bptt_trace.commands import main as entry
from bptt_trace.media.latex_program import VARIABLE

ROOT = Path(__file__).parent.parent
RNN = ROOT / "examples" / "rnn.toml"
HERE = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "utf-8"}


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


Main = Callable[..., Outcome]


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Main:
    """Run the command line in this process, as ``bptt-trace`` does."""

    def run(*arguments: str, stdin: str | bytes = "") -> Outcome:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "argv", ["bptt-trace", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        status: Any = 0
        try:
            entry()
        except SystemExit as ending:
            status = ending.code or 0
        finally:
            gc.enable()
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    environment = {**HERE, **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "bptt_trace", *arguments], capture_output=True, env=environment, check=False, **options
    )


def long_problem(folder: Path, steps: int) -> str:
    """A problem whose JSON is far larger than the buffer of a pipe."""
    file = folder / "long.json"
    document = {
        "network": {"cell": "rnn"},
        "parameters": {"w_xh": "0.5", "w_hh": "0.8", "b_h": 0, "w_hy": "1.2", "b_y": 0},
        "given": {"x": [1] * steps, "target": [1] * steps},
    }
    file.write_text(json.dumps(document), "utf-8")
    return str(file)


# ------------------------------------------------------------------------ help


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield name, found


WITH_EXAMPLES = (
    "",
    "solve",
    "page",
    "flow",
    "paths",
    "rtrl",
    "sample",
    "worksheet",
    "vary",
    "check",
    "grade",
    "export",
    "from-weights",
)


def test_the_commands() -> None:
    """What the main uses are, in this order, then what helps with them."""
    names = "solve page worksheet vary check grade export flow paths rtrl sample mistakes prove names examples from-weights"
    assert names == " ".join(name for name, _ in commands())


@at_once("name", ["", *(name for name, _ in commands())])
@at_once("option", ["--help", "-h"])
def test_help(main: Main, name: str, option: str) -> None:
    """Each command says what it does; ``solve`` and the whole show examples."""
    outcome = main(*filter(None, [name, option]))
    assert (0, "") == (outcome.status, outcome.err)
    assert outcome.out.startswith("Usage: ")
    assert ("Examples:" in outcome.out) == (name in WITH_EXAMPLES)
    assert max(map(len, outcome.out.splitlines())) <= 100


def test_the_list_of_commands_has_whole_sentences(main: Main) -> None:
    """No line of ``--help`` about a command is cut."""
    listed = main("--help").out.partition("Commands:\n")[2].splitlines()
    assert len(listed) == len(list(commands()))
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


@at_once("name", [name for name, _ in commands()])
def test_the_readme_mentions_every_command_and_option(name: str) -> None:
    """Nothing on the command line is undocumented."""
    readme = (ROOT / "README.md").read_text("utf-8")
    assert re.search(rf"bptt-trace {name}\b", readme)
    options = [option.opts for option in dict(commands())[name].params if isinstance(option, click.Option)]
    assert [] == [spellings for spellings in options if not re.search(rf"(?<![\w-])(?:{'|'.join(spellings)})(?![\w-])", readme)]


@at_once("name", [name for name, _ in commands()])
def test_every_option_has_a_help_text(name: str) -> None:
    """``--help`` explains each option in a sentence."""
    options = [option for option in dict(commands())[name].params if isinstance(option, click.Option)]
    assert all((option.help or "").endswith((".", ")")) for option in options)


def test_the_examples_in_the_help_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main: Main) -> None:
    """Every command line that help shows works as it stands."""
    (tmp_path / "my.toml").write_text(RNN.read_text("utf-8"), "utf-8")
    (tmp_path / "answers.csv").write_text("quantity,answer\nh_1,0.5370\n", "utf-8")
    (tmp_path / "class.csv").write_text("student,h_1\nAda,0.5370\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "typst")  # sets a page in a tenth of the time
    helps = [main(*filter(None, [name]), "--help").out for name in ("", "solve", "page", "check", "grade")]
    shown = [line.strip() for text in helps for line in text.splitlines()]
    lines = [re.split(r"\s{2,}| > ", line)[0] for line in shown if line.startswith("bptt-trace ")]
    assert len(lines) > 6
    for line in lines:
        outcome = main(*line.split()[1:])
        assert (0, "") == (outcome.status, outcome.err), line


def test_version(main: Main) -> None:
    """``--version`` prints name and version."""
    assert f"bptt-trace, version {__version__}\n" == main("--version").out


# ----------------------------------------------------------------------- solve


def test_solve_prints_the_sheet(main: Main) -> None:
    """Without options: terminal text of 80 columns, without colour, to a pipe."""
    outcome = main("solve", "rnn")
    assert Outcome(0, solve("rnn").to_text(), "") == outcome
    assert "\x1b" not in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-f", "terminal"], lambda s: s.to_text()),
        (["-f", "markdown"], lambda s: s.to_markdown()),
        (["--format", "latex"], lambda s: s.to_latex()),
        (["-f", "latex", "--fragment"], lambda s: s.to_latex(fragment=True)),
        (["-f", "json"], lambda s: s.to_json()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_formats(main: Main, options: list[str], expected: Callable[[Any], str]) -> None:
    """The command line prints what the library returns."""
    assert expected(solve("fnn")) == main("solve", "fnn", *options).out


@pytest.mark.parametrize("problem", [str(RNN), "rnn", "-"])
def test_a_problem_is_a_file_an_example_or_standard_input(main: Main, problem: str) -> None:
    """All three are read alike."""
    assert solve("rnn").to_text() == main("solve", problem, stdin=RNN.read_bytes()).out


def test_a_problem_may_be_json(main: Main) -> None:
    """The same structure as JSON is accepted too, from standard input as well."""
    document = '{"network": {"cell": "dense"}, "parameters": {"w_xh": 0.5, "b_h": 0.1, "w_hy": 1.2, "b_y": -0.3}, '
    outcome = main("solve", "-", "-f", "json", stdin=document + '"given": {"x": 2, "target": 0.5}}')
    assert json.loads(outcome.out)["values"]["L"] == "0.0258"


def values(main: Main, *arguments: str) -> dict[str, str]:
    outcome = main("solve", *arguments, "-f", "json")
    assert outcome.status == 0, outcome.err
    found: dict[str, str] = json.loads(outcome.out)["values"]
    return found


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        (["w_hh=0.9"], "w_hh", "0.9"),
        (["w_hh=-1/3"], "w_hh", "-1/3"),
        (['w_hh="1/3"'], "w_hh", "1/3"),
        (["w_hh=0.9", "w_hh=0.7"], "w_hh", "0.7"),
        (["learning_rate=0.25"], "eta", "0.25"),
        (["update.learning_rate=0.25"], "eta", "0.25"),
        (["x=[1,2,3]", "target=[0,0,1]"], "x_3", "3"),
        (["h_0=0.5"], "h_0", "0.5"),
        (["network.activation=sigmoid"], "h_1", "0.6457"),
        (["activation=relu"], "h_1", "0.6000"),
        (["network.activation=z/(1+abs(z))"], "h_1", "0.3750"),
        (["places=2"], "h_1", "0.54"),
        (["loss.over_time=sum"], "L", "0.0673"),
        (["factor=1/2"], "L_1", "0.0121"),
    ],
    ids=str,
)
def test_set_changes_a_key(main: Main, changes: list[str], name: str, value: str) -> None:
    """``--set`` takes a number, a fraction, a list or a word; a bare key finds its table."""
    options = [part for change in changes for part in ("--set", change)]
    assert value == values(main, "rnn", *options)[name]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("4dp", "0.5370"),
        ("2dp", "0.54"),
        ("5sf", "0.53705"),
        ("carry:3dp", "0.537"),
        ("carry", "0.5370"),
        ("full", "0.5370495669980353"),
    ],
)
def test_round_replaces_the_rounding(main: Main, rule: str, value: str) -> None:
    """``--round`` has the last word."""
    assert value == values(main, "rnn", "--round", rule)["h_1"]


def test_round_exact_prints_closed_forms(main: Main) -> None:
    """tanh(3/5), with the decimal beside it."""
    entry = json.loads(main("solve", "rnn", "--round", "exact", "-f", "json", "--set", "x=[1]", "--set", "target=[0.5]").out)[
        "sections"
    ][0]
    assert ["3/5", "tanh(3/5)"] == [one["value"] for one in entry["entries"][:2]]


def test_steps(main: Main) -> None:
    """Two steps print in full, six as a ledger, unless told."""
    six = ["--set", "x=[1,2,3,4,5,6]", "--set", "target=[1,2,3,4,5,6]"]
    auto, full, ledger = (main("solve", "rnn", *six, "--steps", steps).out for steps in ("auto", "full", "ledger"))
    assert auto == ledger
    assert "ledger form" in re.sub(r"\s+", " ", auto)
    assert "ledger" not in full
    assert main("solve", "rnn").out == main("solve", "rnn", "--steps", "full").out
    assert "ledger form" in re.sub(r"\s+", " ", main("solve", "rnn", "--steps", "ledger").out)


def test_detail(main: Main) -> None:
    """One number is its own board; of vectors the board, the components, or both are shown."""
    assert main("solve", "rnn").out == main("solve", "rnn", "--detail", "lines").out
    board, lines, both = (main("solve", "classifier", "--detail", detail).out for detail in ("board", "lines", "both"))
    assert both == main("solve", "classifier").out
    assert "[-0.6904; 1.6422]".replace("-", "−") in board
    assert "  5.1  " not in board
    assert "a_3 = W_xh x_3" not in lines
    assert "  5.1  " in lines
    assert len(board) < len(both)


@pytest.mark.parametrize("form", ["terminal", "markdown", "latex", "json"])
def test_prove_says_so_in_the_footer(main: Main, form: str) -> None:
    """The proof sentence is printed only when the proof ran."""
    assert "central differences" in re.sub(r"\s+", " ", main("solve", "rnn", "--prove", "-f", form).out)
    assert "central differences" not in re.sub(r"\s+", " ", main("solve", "rnn", "-f", form).out)


def test_templates(main: Main, tmp_path: Path) -> None:
    """A folder of the user's own replaces a template."""
    (tmp_path / "sheet.md.j2").write_text("{{ sheet.title }}!", "utf-8")
    assert "One-neuron RNN, two time steps!\n" == main("solve", "rnn", "-f", "markdown", "--templates", str(tmp_path)).out


# ------------------------------------------------------------- other commands


AT_ZERO = {"perceptron-or"}
"""Published examples of which a unit stands at the step of its activation, where the loss has a corner."""


@pytest.mark.parametrize("name", chosen(examples(), ["fnn", "rnn", "shared-weight", "softmax-gradient"]))
def test_prove_agrees_for_every_example(main: Main, name: str) -> None:
    """A table with each gradient three times, and exit status 0."""
    outcome = main("prove", name)
    assert (0, "") == (outcome.status, outcome.err)
    assert outcome.out.splitlines()[0] == load(name).title
    agreed = "There is nothing to compare" if load(name).loss.kind == "none" else "All gradients agree."
    assert agreed in outcome.out
    assert ("At a corner" in outcome.out) == (name in AT_ZERO)
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_prove_prints_0_as_0(main: Main) -> None:
    """A gradient of 0 has no exponent, with however many digits it was calculated."""
    outcome = main("prove", "slstm", "--set", "x=[1]", "--set", "target=[0.5]")
    rows = [line.split() for line in outcome.out.splitlines() if line.startswith("dL/d")]
    zeros = [row for row in rows if float(row[1]) == 0]
    assert len(zeros) == 8
    assert all(row[1:] == ["0", "0", "0", "0", "agrees"] for row in zeros)


def test_prove_fails_when_a_slope_is_wrong(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    """A derivative off by a thousandth gives exit status 1 and the word DIFFERS."""
    right = bptt_trace.prove

    def wrong(*arguments: Any, **options: Any) -> Any:
        first, *others = right(*arguments, **options)
        return [replace(first, bptt=first.bptt * Decimal("1.001")), *others]

    monkeypatch.setattr(sys.modules["bptt_trace.calculation.prove"], "prove", wrong)
    outcome = main("prove", "rnn")
    assert outcome.status == 1
    assert outcome.err == ""
    assert outcome.out.count("DIFFERS") == 1
    assert "Some gradients differ" in outcome.out
    assert "NOT agree" in main("solve", "rnn", "--prove").out


def test_prove_names_a_corner(main: Main) -> None:
    """Where a relu stands exactly at 0, the loss has one slope on each side, and that of the sheet is one of those between."""
    outcome = main("prove", "fnn", "--set", "activation=relu", "--set", "w_xh=0.5", "--set", "x=1", "--set", "b_h=-0.5")
    said = " ".join(outcome.out.split())
    assert (0, "") == (outcome.status, outcome.err)
    assert "All gradients agree. At a corner the loss has one slope to the left and another to the right: " in said
    assert outcome.out.count(" corner\n") == said.count("(0 and -1.92)") == 2


def test_prove_notices_a_wrong_rule() -> None:
    """With the slope of tanh in the table off by a thousandth, the proof fails."""
    code = (
        "import sys; from fractions import Fraction\n"
        "from bptt_trace.engine import formula, functions; from bptt_trace import commands\n"
        "wrong = lambda z, y: formula.Const(Fraction(1001, 1000)) * (1 - y**2)\n"
        "object.__setattr__(functions.tanh, 'slope', wrong)\n"
        "sys.argv = ['bptt-trace', 'prove', 'rnn']; commands.main()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=HERE, check=False)
    assert (1, "") == (run.returncode, run.stderr)
    assert "DIFFERS" in run.stdout


def test_prove_takes_changes(main: Main) -> None:
    """``--set`` works as for ``solve``."""
    assert (
        "All gradients agree."
        in main("prove", "rnn", "--set", "activation=z/(1+abs(z))", "--set", "outputs=last", "--set", "target=1").out
    )


def test_names(main: Main) -> None:
    """One on each line, in the order of the calculation, spelled as in answer files."""
    lines = main("names", "rnn").out.splitlines()
    assert len(lines) == len(set(lines))
    assert {"x_1", "h_2", "dL/dh_1 via a_2", "dL/dw_hh via a_1", "dL/db_h via a_1", "w_hh'", "L@2", "dh_2/dh_1", "eta"} <= set(
        lines
    )
    assert list(values(main, "rnn")) == lines
    assert "h_3" in main("names", "rnn", "--set", "x=[1,2,3]", "--set", "target=[1,2,3]").out.splitlines()


def test_examples(main: Main) -> None:
    """A list with titles, or one of the files as it is."""
    listed = main("examples").out.splitlines()
    assert examples() == [line.split()[0] for line in listed]
    assert "One-neuron RNN, two time steps" in "\n".join(listed)
    for name in examples():
        assert (ROOT / "examples" / f"{name}.toml").read_text("utf-8") == main("examples", name).out


# ---------------------------------------------------------------------- output


@pytest.mark.parametrize("form", ["terminal", "markdown", "latex", "json"])
def test_output_goes_into_a_file(main: Main, tmp_path: Path, form: str) -> None:
    """The same text as on the screen, in UTF-8, and nothing on the screen; Markdown has its pictures in files beside it."""
    outcome = main("solve", "rnn", "-f", form, "-o", str(tmp_path / "out"))
    assert Outcome(0, "", "") == outcome
    on_screen, in_file = main("solve", "rnn", "-f", form).out, (tmp_path / "out").read_text("utf-8")
    beside = ["out-rolled-up.svg", "out-unrolled.svg"] if form == "markdown" else []
    if form == "markdown":
        on_screen, in_file = without_pictures(on_screen), without_pictures(in_file)
    assert on_screen == in_file
    assert ["out", *beside] == sorted(path.name for path in tmp_path.iterdir())


def test_a_file_is_replaced_and_keeps_its_mode(main: Main, tmp_path: Path) -> None:
    """An earlier file is replaced as a whole; a new one is as readable as any other."""
    old, new = tmp_path / "old.md", tmp_path / "new.md"
    old.write_text("earlier" * 10_000, "utf-8")
    old.chmod(0o640)
    for path in (old, new):
        main("solve", "fnn", "-f", "markdown", "-o", str(path))
        assert without_pictures(solve("fnn").to_markdown()) == without_pictures(path.read_text("utf-8"))
    umask = os.umask(0)
    os.umask(umask)
    assert [0o640, 0o666 & ~umask] == [stat.S_IMODE(path.stat().st_mode) for path in (old, new)]


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("unforeseen"), MemoryError()]
)
def test_a_failure_midway_leaves_no_file(
    main: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    """Written files appear whole or not at all, and an earlier one stays."""

    def broken(_: Any) -> Iterator[str]:
        yield "half"
        raise failure

    monkeypatch.setattr(bptt_trace.media.sheet_json, "write_json", broken)
    (tmp_path / "old.json").write_text("earlier", "utf-8")
    for name in ("new.json", "old.json"):
        try:
            outcome = main("solve", "rnn", "-f", "json", "-o", str(tmp_path / name))
        except (ValueError, MemoryError):
            continue
        assert outcome.status == (130 if isinstance(failure, KeyboardInterrupt) else 2)
        assert outcome.err.strip().count("\n") == 0
    assert {"old.json": "earlier"} == {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}


@pytest.mark.parametrize("place", ["nowhere/out.md", ".", "", "file/out.md"])
def test_an_output_that_cannot_be_written_is_one_message(
    main: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A missing folder, a folder, nothing, a file as folder: exit status 2, and no file."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    outcome = main("solve", "rnn", "-f", "markdown", "-o", place)
    assert outcome.status == 2
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert re.search(r"cannot be written|is a folder|Invalid value|does not exist", outcome.err)
    assert ["file"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_one_message(main: Main, tmp_path: Path) -> None:
    """Exit status 2, with the reason."""
    tmp_path.chmod(0o500)
    outcome = main("solve", "rnn", "-o", str(tmp_path / "out"))
    assert (2, "") == (outcome.status, outcome.out)
    assert "Permission denied" in outcome.err


def test_output_may_be_a_device(main: Main) -> None:
    """``-o /dev/null`` does not replace the device."""
    assert Outcome(0, "", "") == main("solve", "rnn", "-o", "/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


# ---------------------------------------------------------------------- errors


BAD: list[tuple[list[str], str]] = [
    (["solve", "nowhere.toml"], r"nowhere\.toml: no such file"),
    (["solve", "rrn"], r'did you mean "rnn"'),
    (["solve", "."], r"not a regular file"),
    (["solve", "-"], r"<standard input>"),
    (["solve", "/dev/zero"], r"/dev/zero: not a regular file"),
    (["solve", "rnn", "--set", "w_hh"], r"KEY=VALUE"),
    (["solve", "rnn", "--set", "=1"], r"KEY=VALUE"),
    (["solve", "rnn", "--set", "w_hx=1"], r"w_hx"),
    (["solve", "rnn", "--set", "w_hh=much"], r"parameters\.w_hh: .*is not a number"),
    (["solve", "rnn", "--set", "w_hh=nan"], r"parameters\.w_hh"),
    (["solve", "rnn", "--set", "w_hh=inf"], r"parameters\.w_hh"),
    (["solve", "rnn", "--set", "x=[]", "--set", "target=[]"], r"0 time steps"),
    (["solve", "rnn", "--set", "x=[1,2,3]"], r"target: 2 values, but there are 3 time steps"),
    (["solve", "rnn", "--set", "activation=tanhh"], r'did you mean "tanh"'),
    (["solve", "rnn", "--set", "activation=__import__('os').system('id')"], r"network\.activation"),
    (["solve", "rnn", "--set", "hidden=5000"], r"hidden units"),
    (["solve", "rnn", "--round", "four"], r"not a rounding"),
    (["solve", "rnn", "--round", "99dp"], r"from 1 to 15"),
    (["solve", "rnn", "--round", "0dp"], r"from 1 to 15"),
    (["solve", "rnn", "-f", "markdown", "--templates", "nowhere"], r"nowhere: not a folder"),
    (["names", "rrn"], r'did you mean "rnn"'),
    (["prove", "rrn"], r'did you mean "rnn"'),
    (["examples", "rrn"], r'did you mean "rnn"'),
]


@at_once(("arguments", "message"), BAD)
def test_bad_input_is_one_message_and_status_2(main: Main, arguments: list[str], message: str) -> None:
    """No traceback, nothing on standard output, the name of the program in front."""
    outcome = main(*arguments)
    assert (2, "") == (outcome.status, outcome.out)
    assert outcome.err.startswith("bptt-trace: ")
    assert re.search(message, outcome.err), outcome.err
    _, *others = outcome.err.splitlines()
    assert all(line.startswith("    ") for line in others), "only the place in an expression stands on lines of its own"
    assert "Traceback" not in outcome.err


@at_once(
    ("arguments", "message"),
    [
        (["slove", "rnn"], r"No such command 'slove'"),
        (["solve"], r"Missing argument 'PROBLEM'"),
        (["solve", "rnn", "fnn"], r"unexpected extra argument"),
        (["solve", "rnn", "-f", "word"], r"'word' is not one of 'terminal', 'markdown', 'latex', 'pdf', 'html', 'json'"),
        (["solve", "rnn", "--steps", "some"], r"'some' is not one of"),
        (["solve", "rnn", "--detail", "matrix"], r"'matrix' is not one of"),
        (["solve", "rnn", "--fromat", "json"], r"No such option"),
        (["solve", "rnn", "--fragment"], r"--fragment goes with -f latex"),
        (["solve", "rnn", "--templates", "."], r"--templates goes with"),
        (["names"], r"Missing argument"),
    ],
)
def test_wrong_usage_is_status_2(main: Main, arguments: list[str], message: str) -> None:
    """What was wrong, and where help is."""
    outcome = main(*arguments)
    assert (2, "") == (outcome.status, outcome.out)
    assert re.search(message, outcome.err), outcome.err
    assert "--help" in outcome.err
    assert "Traceback" not in outcome.err


@at_once(
    ("text", "message"),
    [
        (b"[network]\ncell = rnn\n", r"not valid TOML: .*line 2, column 8"),
        (b'{"network": }', r"not valid JSON: .*line 1, column 13"),
        (b"\xff\xfe", r"not UTF-8 text \(line 1\)"),
        (b"[network]\ncell = 'rnn'\ncell = 'rnn'\n", r"not valid TOML"),
        (b"[network]\ncell = 'rnn'\nhiden = 1\n", r'network: unknown key "hiden" \(did you mean "hidden"\?\)'),
        (b"[" * 100_000, r"nested too deeply|not valid TOML"),
        (b'{"a":' * 100_000, r"nested too deeply|not valid JSON"),
        (b"title = '" + b"x" * 300 + b"'\n[network]\ncell='rnn'\n", r"title"),
        (b"title = \"a\\u001b]0;owned\\u0007\"\n[network]\ncell='rnn'\n", r"title"),
        (b"", r"network"),
        (b"x = " + b"9" * 6000, r"number|unknown key"),
    ],
)
def test_a_file_that_says_nothing_of_use_is_one_message(main: Main, text: bytes, message: str) -> None:
    """With the place, and never with a control character of the file's."""
    outcome = main("solve", "-", stdin=text)
    assert (2, "") == (outcome.status, outcome.out)
    assert outcome.err.startswith("bptt-trace: <standard input>: ")
    assert re.search(message, outcome.err), outcome.err
    assert len(outcome.err) < 1000
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", outcome.err)


def test_control_characters_in_arguments_do_not_reach_the_terminal(main: Main) -> None:
    """An escape code in a file name is shown as a question mark."""
    outcome = main("solve", "\x1b]0;owned\x07.toml")
    assert outcome.status == 2
    assert "\x1b" not in outcome.err
    assert "\x07" not in outcome.err


# -------------------------------------------------- processes, pipes, terminals


def test_a_process_ends_with_the_status_of_what_happened() -> None:
    """0 all well, 2 bad input; messages go to standard error."""
    good, bad = process("names", "rnn"), process("names", "rrn")
    assert (0, b"") == (good.returncode, good.stderr)
    assert (2, b"", 1) == (bad.returncode, bad.stdout, bad.stderr.count(b"\n"))


@pytest.mark.parametrize(
    "arguments",
    chosen([("solve", "-f", "json"), ("solve", "--steps", "full"), ("names",)], [("solve", "-f", "json")]),
    ids=" ".join,
)
def test_a_closed_pipe_is_no_drama(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """``| head -1`` prints one line, and no traceback."""
    name, *options = arguments
    line = [sys.executable, "-m", "bptt_trace", name, long_problem(tmp_path, 500), *options]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=HERE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(60) in (0, 2)


def heed_interrupts() -> None:
    """In the new process: a shell in the background hands on that interrupts are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.exhaustive
def test_control_c_ends_with_130(tmp_path: Path) -> None:
    """One word, no traceback."""
    line = [sys.executable, "-m", "bptt_trace", "solve", long_problem(tmp_path, 500), "-f", "json"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=HERE, preexec_fn=heed_interrupts) as running:
        assert running.stdout is not None
        running.stdout.read(1)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert (130, b"bptt-trace: interrupted") == (running.returncode, errors.strip())


def test_control_c_leaves_no_file(tmp_path: Path) -> None:
    """Neither the file wanted nor a temporary one."""
    folder = tmp_path / "out"
    folder.mkdir()
    line = [sys.executable, "-m", "bptt_trace", "solve", long_problem(tmp_path, 900), "-f", "json", "-o", str(folder / "x.json")]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=HERE, preexec_fn=heed_interrupts) as running:
        until = time.monotonic() + 60
        while not list(folder.iterdir()) and running.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=60)
    assert (130, b"", b"bptt-trace: interrupted") == (running.returncode, output, errors.strip())
    assert [] == list(folder.iterdir())


def test_a_full_disk_is_one_message() -> None:
    """Standard output that cannot be written: exit status 2."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with Path("/dev/full").open("w") as full:
        line = [sys.executable, "-m", "bptt_trace", "solve", "rnn"]
        run = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, env=HERE, check=False)
    assert run.returncode == 2
    assert b"Traceback" not in run.stderr
    assert b"No space left on device" in run.stderr


TITLE = "title=Übung – Größe"


@pytest.mark.parametrize(
    ("arguments", "encoding"),
    paired(
        thinned(
            [
                ["solve", "rnn", "--set", TITLE],
                ["solve", "rnn", "--set", TITLE, "-f", "markdown"],
                ["solve", "rnn", "--set", TITLE, "-f", "latex"],
                ["solve", "rnn", "--set", TITLE, "-f", "json"],
                ["solve", "Übung.toml"],
                ["prove", "rnn", "--set", TITLE],
                ["examples"],
            ],
            3,
        ),
        ["ascii", "cp1252", "latin-1"],
    ),
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_terminal_without_unicode(arguments: list[str], encoding: str) -> None:
    """What cannot be printed is written otherwise; nothing crashes."""
    run = process(*arguments, env={"PYTHONIOENCODING": encoding})
    assert run.returncode == (2 if arguments[1:] == ["Übung.toml"] else 0), run.stderr.decode(errors="replace")[-300:]
    assert b"Traceback" not in run.stderr
    run.stdout.decode(encoding)
    if arguments[0] == "solve" and len(arguments) == 4:
        assert run.stdout.decode(encoding).replace("Ü", "U").replace("ö", "o").replace("ß", "s").replace("–", "-").isascii()


@cache
def in_terminal(*arguments: str, width: int, **environment: str) -> str:
    """What a terminal of this width is sent."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    known = {key: value for key, value in HERE.items() if key not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR", "CI")}
    line = [sys.executable, "-m", "bptt_trace", *arguments]
    settings = {**known, "TERM": "xterm-256color", "PAGER": "cat", **environment}
    with subprocess.Popen(line, stdin=slave, stdout=slave, stderr=slave, env=settings) as running:
        os.close(slave)
        received = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            received += piece
    os.close(master)
    assert running.returncode == 0
    return received.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("width", chosen([60, 80, 120], [80]))
def test_a_terminal_is_filled_and_coloured(width: int) -> None:
    """Its width is used, and no more than its width."""
    text = in_terminal("solve", "rnn", width=width)
    assert re.search(r"\x1b\[(?:[0-9]+;)*(?:3[0-9]|9[0-7])(?:;[0-9]+)*m", text)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert width == max(map(len, lines))
    assert [line.rstrip() for line in lines] == [line.rstrip() for line in solve("rnn").to_text(width).splitlines()]


@pytest.mark.exhaustive
def test_no_color_is_honoured() -> None:
    """With NO_COLOR set, no colour is sent; bold and dim may be."""
    text = in_terminal("solve", "rnn", width=80, NO_COLOR="1")
    assert not re.search(r"\x1b\[(?:[0-9]+;)*(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])(?:;[0-9]+)*m", text)


@pytest.mark.exhaustive
def test_a_dumb_terminal_gets_plain_text() -> None:
    """``TERM=dumb`` has no escape codes."""
    assert "\x1b" not in in_terminal("solve", "rnn", width=80, TERM="dumb")


def test_a_pipe_is_80_columns_wide_and_plain() -> None:
    """What the terminal around it is changes nothing."""
    run = process("solve", "rnn", env={"TERM": "xterm-256color"})
    assert solve("rnn").to_text() == run.stdout.decode()


@pytest.mark.parametrize(
    ("option", "columns", "wide"),
    [
        ([], "60", 60),
        (["--width", "100"], "60", 100),
        pytest.param([], "no number", 80, marks=pytest.mark.exhaustive),
    ],
)
def test_width_comes_before_columns_and_columns_before_80(
    main: Main, monkeypatch: pytest.MonkeyPatch, option: list[str], columns: str, wide: int
) -> None:
    """``--width``, else COLUMNS, else 80 columns."""
    monkeypatch.setenv("COLUMNS", columns)
    assert solve("rnn").to_text(wide) == main("solve", "rnn", *option).out


def test_ascii_is_ascii(main: Main) -> None:
    """``--ascii`` prints what a terminal without Unicode prints."""
    printed = main("solve", "fnn", "--ascii").out
    assert printed.isascii()
    assert printed == process("solve", "fnn", env={"PYTHONIOENCODING": "ascii"}).stdout.decode()


def test_force_color_colours_a_pipe(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    """FORCE_COLOR sends colours down a pipe; NO_COLOR comes before it."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    forced = main("solve", "fnn").out
    assert re.sub(r"\x1b\[[0-9;]*m", "", forced) == solve("fnn").to_text()
    assert "\x1b[" in forced
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in main("solve", "fnn").out


@pytest.mark.exhaustive
def test_a_terminal_lists_the_examples_in_its_width() -> None:
    """Titles go on below themselves, between words or after a hyphen; elsewhere each example is one row."""
    listed = in_terminal("examples", width=60)
    assert max(map(len, listed.splitlines())) <= 60
    in_rows, elsewhere = (" ".join(text.split()).replace("- ", "-") for text in (listed, in_terminal("examples", width=200)))
    assert in_rows == elsewhere
    assert [line.split()[0] for line in listed.splitlines() if line[0] != " "] == examples()


def test_a_terminal_reads_through_the_pager(tmp_path: Path) -> None:
    """PAGER gets what the terminal would; a pager that ends early, or that is missing, is no error."""
    kept = tmp_path / "kept"
    plain = in_terminal("solve", "fnn", width=80, PAGER=f"tee {kept}")
    assert kept.read_text() == plain
    assert in_terminal("solve", "fnn", width=80, PAGER="no-such-pager") == plain
    assert in_terminal("solve", "rnn3", width=80, PAGER="head -3").count("\n") == 3


@pytest.mark.exhaustive
@pytest.mark.parametrize("locale", chosen(["C", "de_DE.UTF-8", "tr_TR.UTF-8"], ["tr_TR.UTF-8"]))
def test_the_locale_changes_nothing(locale: str) -> None:
    """A decimal point stays a point, and ``i`` stays ``i``."""
    run = process("solve", "fnn", "-f", "json", env={"LC_ALL": locale, "LANG": locale})
    assert (0, solve("fnn").to_json()) == (run.returncode, run.stdout.decode())


def test_small_commands_do_not_wait_for_sympy() -> None:
    """Help, names and examples import neither SymPy nor NumPy."""
    lines = [["--help"], ["--version"], ["solve", "--help"], ["names", "rnn"], ["examples"], ["examples", "rnn"]]
    code = (
        "import sys; from bptt_trace import commands\n"
        f"for line in {lines!r}:\n"
        "    commands.command(line, standalone_mode=False)\n"
        "    print(*line, {'sympy', 'mpmath', 'numpy', 'jinja2'} & set(sys.modules), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.splitlines() == [f"{' '.join(line)} set()" for line in lines]


def test_the_runner_of_click_sees_the_same(main: Main) -> None:
    """``command`` is an ordinary click command."""
    assert main("solve", "fnn").out == CliRunner().invoke(command, ["solve", "fnn"]).output


WRITING = [
    ("solve rnn", "-o"),
    ("page rnn", "-o"),
    ("page rnn --collect", "-o"),
    ("flow rnn3", "-o"),
    ("paths rnn3 --of w_hh", "-o"),
    ("rtrl rnn3", "-o"),
    ("sample hello", "-o"),
    ("worksheet rnn", "-o"),
    ("check rnn examples/sheets/rnn.csv", "-o"),
    ("grade rnn class.csv", "-o"),
    ("grade rnn class.csv -o marks.csv", "--summary"),
    ("vary rnn", "--archive"),
    ("from-weights model.npz", "-o"),
    ("export gradescope rnn", "-o"),
    ("export pandoc", "-o"),
]
"""Commands that write a file, and the option that names it."""


def test_no_command_that_writes_a_file_is_left_out() -> None:
    """Every command with a file behind ``-o`` is in the table whose endings are looked at; the others write a folder."""
    top = dict(commands())
    exports = {f"export {name}": one for name, one in top["export"].commands.items()}  # type: ignore[attr-defined]
    writing = {
        name
        for name, one in (top | exports).items()
        if any("-o" in option.opts and option.make_metavar(click.Context(one)) != "DIR" for option in one.params)
    }
    named = [words.split() for words, option in WRITING if option == "-o"]
    assert writing == {" ".join(words[: 1 + (words[0] == "export")]) for words in named}


@at_once(("words", "option"), WRITING)
@at_once("name", ["sheet.docx", "sheet"])
def test_a_file_whose_ending_says_nothing_is_not_written(main: Main, tmp_path: Path, words: str, option: str, name: str) -> None:
    """It is an error of usage that names the endings which do, before anything is calculated."""
    outcome = main(*words.split(), option, str(tmp_path / name))
    said = "the ending .docx says nothing" if "." in name else "no ending"
    assert (2, "") == (outcome.status, outcome.out)
    assert f"{said}; {option} takes a file that ends in ." in outcome.err
    assert [] == list(tmp_path.iterdir())
