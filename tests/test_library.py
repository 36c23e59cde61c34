"""What ``import bptt_trace`` gives."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from networks import without_pictures
from sweeps import at_once

import bptt_trace
from bptt_trace import CalculationError, ProblemError, TraceError, load, parse, solve
from bptt_trace.document.sheet import Sheet

MODULES = ["bptt_trace", *(module.name for module in pkgutil.walk_packages(bptt_trace.__path__, "bptt_trace."))]


def test_the_public_names_are_sorted() -> None:
    """``__all__`` is in alphabetical order, without regard to case, each name once."""
    assert sorted(set(bptt_trace.__all__), key=str.lower) == list(bptt_trace.__all__)


@at_once("name", bptt_trace.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """It can be had, is documented, and is listed by ``dir``."""
    assert getattr(bptt_trace, name).__doc__
    assert name in dir(bptt_trace)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As Python says it."""
    with pytest.raises(AttributeError, match=r"module 'bptt_trace' has no attribute 'slove'"):
        bptt_trace.slove  # noqa: B018


def test_the_package_is_typed() -> None:
    """``py.typed`` ships with the package."""
    assert (files("bptt_trace") / "py.typed").is_file()


def test_the_examples_in_docstrings_are_true() -> None:
    """Every ``>>>`` prints what stands below it."""
    modules = [importlib.import_module(name) for name in MODULES if not name.endswith("__main__")]
    shown = [one for one in modules if ">>>" in inspect.getsource(one)]  # testmod takes milliseconds to find nothing
    assert [] == [one.__name__ for one in shown if doctest.testmod(one, optionflags=doctest.ELLIPSIS).failed]


def test_there_are_examples_in_docstrings() -> None:
    """The doctest run above is not empty."""
    found = [
        test
        for name in MODULES
        if not name.endswith("__main__")
        for test in doctest.DocTestFinder().find(importlib.import_module(name))
    ]
    assert sum(len(test.examples) for test in found) > 3


def test_every_module_says_what_it_is() -> None:
    """A module begins with a docstring."""
    for name in MODULES:
        path = importlib.util.find_spec(name)
        assert path is not None
        assert path.origin is not None
        first = Path(path.origin).read_text("utf-8").lstrip()
        assert first.startswith(('"""', 'r"""')), name


def test_five_lines_are_enough() -> None:
    """``load``, ``solve``, a number and a text."""
    solution = solve(load("rnn"))
    assert solution["dL/dw_hh"] == -0.0229
    assert solution["h_2"] == 0.9104
    assert "dL/dh_1 via a_2" in solution.to_text()


def test_solve_takes_a_name_a_path_or_a_problem(tmp_path: Path) -> None:
    """All three give the same sheet."""
    file = tmp_path / "my.toml"
    file.write_text((Path(__file__).parent.parent / "examples" / "rnn.toml").read_text("utf-8"), "utf-8")
    texts = {solve(problem).to_text() for problem in ("rnn", file, str(file), load("rnn"))}
    assert len(texts) == 1


def test_every_way_to_print() -> None:
    """Text of any width, Markdown, LaTeX with or without preamble, JSON."""
    solution = solve("rnn3")
    assert max(map(len, solution.to_text(60).splitlines())) <= 60
    assert solution.to_markdown().startswith("# ")
    assert solution.to_latex().startswith(r"\documentclass")
    assert r"\documentclass" not in solution.to_latex(fragment=True)
    assert solution.to_json().startswith('{"format": "bptt-trace/1"')


def test_it_shows_itself_in_jupyter() -> None:
    """``_repr_markdown_`` is what Jupyter asks for: the same Markdown, with pictures instead of characters."""
    solution = solve("fnn")
    assert without_pictures(solution.to_markdown()) == without_pictures(solution._repr_markdown_())


def test_rounding_and_steps_are_arguments() -> None:
    """They replace what the problem says."""
    assert solve("rnn", rounding="2dp")["h_1"] == 0.54
    assert solve("rnn", rounding="full")["h_1"] == pytest.approx(0.5370495669980353, abs=1e-16)
    assert "All steps" in solve("rnn3", steps="ledger").to_text()


def test_the_same_problem_prints_the_same_bytes() -> None:
    """Printing twice changes nothing, in any medium."""
    solution = solve("rnn3")
    for print_it in (solution.to_text, solution.to_markdown, solution.to_latex, solution.to_json):
        assert print_it() == print_it()


def test_the_hash_seed_changes_nothing() -> None:
    """Output does not depend on ``PYTHONHASHSEED``."""
    code = "from bptt_trace import solve; s = solve('rnn3'); print(s.to_json(), s.to_markdown(), s.to_text())"
    line = [sys.executable, "-c", code]
    other = {"PYTHONHASHSEED": "1", "PYTHONUTF8": "1"}  # here it is drawn at random
    one = solve("rnn3")
    printed = subprocess.run(line, env=other, capture_output=True, check=True).stdout
    assert printed.decode() == f"{one.to_json()} {one.to_markdown()} {one.to_text()}\n"


def test_the_sheet_can_be_read_twice() -> None:
    """Rows are made anew at every reading."""
    sheet = solve("rnn").sheet
    assert isinstance(sheet, Sheet)
    assert list(sheet.rows()) == list(sheet.rows())
    assert list(sheet.values) == list(sheet.values)


def test_errors_can_be_caught_by_kind() -> None:
    """A problem that cannot be read, and one that cannot be calculated, are both ``TraceError``."""
    with pytest.raises(ProblemError):
        parse("[network]\ncell = 'lsmt'")
    too_large = (
        '{"network": {"cell": "dense", "activation": "exp(z)"}, "parameters": {"w_xh": 1, "w_hy": 1, "b_h": 0, "b_y": 0}, '
    )
    with pytest.raises(CalculationError):
        solve(parse(too_large + '"given": {"x": 100000000, "target": 1}}'))
    assert issubclass(ProblemError, TraceError)
    assert issubclass(CalculationError, TraceError)


def test_an_unknown_quantity_is_an_error_that_says_so() -> None:
    """``solution["h_99"]`` names the quantity."""
    with pytest.raises((KeyError, TraceError), match="h_99"):
        solve("rnn")["h_99"]


def loaded(packages: set[str], *lines: list[str]) -> list[str]:
    """Which of some packages are loaded after each command line, run one after the other in a process; all of them print."""
    code = (
        "import sys; from click.testing import CliRunner; from bptt_trace.commands import command\n"
        f"for line in {lines!r}:\n"
        "    ended = CliRunner().invoke(command, line)\n"
        "    assert ended.exit_code in (0, 1) and len(ended.output) > 500, (line, ended.output)\n"
        f"    print(*line, {packages!r} & {{name.partition('.')[0] for name in sys.modules}})"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return printed.splitlines()


def test_by_hand_nothing_is_asked_of_sympy() -> None:
    """What is calculated by hand is printed, checked and set as a worksheet without SymPy and without NumPy."""
    sheet = Path(__file__).parent.parent / "examples" / "answers" / "nbis-chain.csv"
    lines = [line.split() for line in ("solve rnn", "worksheet rnn", "solve lstm -f latex", "solve rnn -f python")]
    lines.append(["check", "nbis-chain", str(sheet)])
    assert loaded({"sympy", "numpy"}, *lines) == [f"{' '.join(line)} set()" for line in lines]


@pytest.mark.exhaustive
def test_what_is_piped_does_without_rich() -> None:
    """rich is loaded where a terminal wants colour, and nowhere else."""
    lines = ["solve rnn", "solve rnn -f json", "solve rnn -f markdown", "worksheet rnn", "mistakes rnn"]
    assert loaded({"rich"}, *(line.split() for line in lines)) == [f"{line} set()" for line in lines]


def test_importing_the_package_does_not_import_sympy() -> None:
    """Reading a problem does not need algebra."""
    code = "import sys; from bptt_trace import load; load('rnn'); print('sympy' in sys.modules, 'numpy' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "False False\n"


def test_no_private_name_crosses_a_module() -> None:
    """What another module imports has a public name."""
    package = Path(bptt_trace.__file__).parent
    crossing = [
        f"{file.relative_to(package)}: {name.name}"
        for file in package.rglob("*.py")
        if re.search(r"import\b[^=]*?[\s,(]_[a-z]", text := file.read_text(encoding="utf-8"))  # the others have none
        for statement in ast.walk(ast.parse(text))
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("bptt_trace")
        for name in statement.names
        if name.name.startswith("_") and not name.name.startswith("__")
    ]
    assert crossing == []
