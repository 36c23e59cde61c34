"""Notebooks: what they hold, what they do when they are run, and the magics."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import nbformat
import pytest
from click.testing import CliRunner
from jupyter_client import KernelManager
from leaks import leaked, secrets
from nbclient import NotebookClient
from random_problems import examples
from sweeps import chosen
from sweeps import key as key_of

from bptt_trace import check
from bptt_trace.commands import command
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.problem.files import example as file_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")  # of nbclient's own parts


FEW = ["rnn", "classifier", "adam"]
"""Examples that every run looks at."""


def printed(*words: str) -> Any:
    """The notebook that a command prints."""
    outcome = CliRunner().invoke(command, list(words), standalone_mode=False)
    assert outcome.exception is None, outcome.exception
    notebook = nbformat.reads(outcome.output, 4)
    nbformat.validate(notebook)
    return notebook


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[..., Any]]:
    """What gives a notebook after its cells have been run; one kernel runs all of them."""
    kernel = KernelManager(kernel_name="python3")
    kernel.start_kernel()

    def execute(notebook: Any, **options: Any) -> Any:
        client = NotebookClient(notebook, km=kernel, timeout=300, **options)
        try:
            return client.execute()
        finally:
            client.kc.stop_channels()

    yield execute
    kernel.shutdown_kernel(now=True)


def fill_in(notebook: Any, answers: dict[str, str]) -> None:
    """Write answers between the quotes of their cells, as a student does."""
    for cell in notebook.cells:
        for name, answer in answers.items():
            cell.source = cell.source.replace(f'    {json.dumps(name)}: "",', f"    {json.dumps(name)}: {json.dumps(answer)},")


def boxes(notebook: Any) -> list[str]:
    """The names with an empty answer."""
    return [name for cell in notebook.cells for name in re.findall(r'(?m)^    "([^"]+)": "",$', cell.source)]


def filled_in(name: str) -> tuple[Any, dict[str, str]]:
    """A worksheet with a slip in its first answer and all others right, and these answers."""
    answers = right(name)
    answers[next(iter(answers))] = "12.5"
    notebook = printed("worksheet", name, "-f", "ipynb")
    fill_in(notebook, answers)
    assert [] == boxes(notebook)
    return notebook, answers


def right(name: str) -> dict[str, str]:
    """The right answers, in full."""
    key = key_of(name)
    return {str(key.steps[position].target): repr(key.exact[position]) for position in blanks_of(key).asked}


def test_a_solution_runs_and_agrees_with_itself(run: Callable[..., Any]) -> None:
    """Text for every section, then the program of the sheet, which finds every printed result."""
    notebook = run(printed("solve", "rnn", "-f", "ipynb"))
    program = notebook.cells[-1]
    assert program.cell_type == "code"
    assert re.fullmatch(r"All \d+ values agree with the sheet\.\n", program.outputs[0].text)


def test_a_solution_in_closed_forms_is_text_alone() -> None:
    """There is no program of closed forms."""
    notebook = printed("solve", "fnn", "--round", "exact", "-f", "ipynb")
    assert {"markdown"} == {cell.cell_type for cell in notebook.cells}


@pytest.mark.parametrize("name", chosen(examples(), FEW))
def test_every_blank_has_one_box(name: str) -> None:
    """In the order of the calculation; the cells of answers are those that nbgrader lets students change."""
    notebook, key = printed("worksheet", name, "-f", "ipynb"), key_of(name)
    asked = [str(key.steps[position].target) for position in blanks_of(key).asked]
    assert sorted(asked) == sorted(boxes(notebook))
    facts = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert len({fact.grade_id for fact in facts}) == len(facts)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            fact = cell.metadata.nbgrader
            assert fact.solution == ('": "",' in cell.source) == (not fact.locked)
    assert facts[-1].grade
    assert facts[-1].points == pytest.approx(sum(key.weights[position] for position in blanks_of(key).asked))


@pytest.mark.parametrize("name", chosen(examples(), FEW))
def test_no_result_of_a_blank_is_in_a_worksheet(name: str) -> None:
    """Neither in its cells nor in its pictures nor in its metadata, with all hints; the solution would be noticed."""
    words = ["worksheet", name, "--hints", "3", "-f", "ipynb"]
    assert set() == leaked(name, CliRunner().invoke(command, words).output)
    if name != "perceptron":  # what it prints is 0, 1 and sums of given numbers
        assert not secrets(name) or leaked(name, CliRunner().invoke(command, ["solve", name, "-f", "ipynb"]).output)


@pytest.mark.parametrize("name", chosen(examples(), FEW))
def test_no_result_of_a_blank_is_in_a_source_of_typst(name: str) -> None:
    """The same of a worksheet for Typst."""
    assert set() == leaked(name, CliRunner().invoke(command, ["worksheet", name, "--hints", "3", "-f", "typst"]).output)


def test_a_worksheet_marks_itself(run: Callable[..., Any]) -> None:
    """The last cell is worth the marks that ``check`` gives to the same answers: nbgrader takes its value as credit."""
    notebook, answers = filled_in("rnn")
    run(notebook)
    report, value = (cell.outputs[0].data for cell in notebook.cells[-2:])
    assert round(check(key_of("rnn"), answers).score, 4) == float(value["text/plain"])
    assert "Marked: " in report["text/markdown"]


@pytest.mark.parametrize("name", chosen(examples(), FEW))
def test_every_worksheet_marks_as_check_does(name: str) -> None:
    """Its cells one after the other, without a kernel; the last is an expression."""
    notebook, answers = filled_in(name)
    *cells, last = (cell.source for cell in notebook.cells if cell.cell_type == "code")
    names: dict[str, Any] = {}
    for cell in cells:
        exec(cell, names)
    assert eval(last, names) == round(check(key_of(name), answers).score, 4)


@pytest.mark.exhaustive
def test_an_empty_worksheet_earns_nothing(run: Callable[..., Any]) -> None:
    """Run as it is handed out, it reports blanks and ends with 0."""
    notebook = run(printed("worksheet", "rnn", "--blanks", "loss", "-f", "ipynb"))
    assert 0 == float(notebook.cells[-1].outputs[0].data["text/plain"])


def test_the_same_notebook_has_the_same_bytes() -> None:
    """Twice in a row; a notebook can lie in version control."""
    first, second = (CliRunner().invoke(command, ["worksheet", "lstm", "-f", "ipynb"]).output for _ in range(2))
    assert first == second


def test_a_key_is_no_notebook() -> None:
    """A notebook is filled in; the key is for people."""
    outcome = CliRunner().invoke(command, ["worksheet", "rnn", "--key", "-f", "ipynb"])
    assert (2, True) == (outcome.exit_code, "--key goes with a form for people" in outcome.output)


def test_the_magics(run: Callable[..., Any]) -> None:
    """``%%bptt`` shows the sheet of the problem in its cell, ``%bptt`` that of a named one; errors are one line."""
    problem = file_of("rnn")
    cells = {
        "%load_ext bptt_trace": "",
        f"%%bptt --round 3dp\n{problem}": "# One-neuron RNN, two time steps",
        f"%%bptt worksheet --hints 0\n{problem}": "Worksheet: forward pass",
        "%bptt flow rnn3": "Gradient flow",
        f"%%bptt -f python\n{problem}": "The sheet as a program",
        "%%bptt\n[network]": 'UsageError: this cell: network: the key "cell" is missing',
        f"%%bptt --nope\n{problem}": "UsageError: No such option '--nope'",
        "%bptt": "UsageError: Missing argument 'PROBLEM'",
    }
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    run(notebook, allow_errors=True)
    for cell, expected in zip(notebook.cells, cells.values(), strict=True):
        said = "".join(output.get("text", "") or output.data["text/markdown"] for output in cell.outputs)
        assert expected in said, cell.source
        assert "Traceback" not in said
        assert ("data:image/svg+xml" in said) == ("flow" in cell.source or "--round" in cell.source)
