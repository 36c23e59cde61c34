"""What is too large is refused in a moment, what is not asked for is not calculated, and what has no meaning is told."""

from __future__ import annotations

import json
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from any_problem import problem_of_any_kind
from click.testing import CliRunner
from networks import filled, sequence
from sweeps import share_of

from bptt_trace import load, parse, solve
from bptt_trace.calculation.prove import prove
from bptt_trace.calculation.symbolic import MAX_OPERATIONS_TOGETHER
from bptt_trace.commands import command
from bptt_trace.commands.output import ENDINGS
from bptt_trace.errors import CalculationError, ProblemError
from bptt_trace.handouts.blanks import MOST_LINES, of_a_size_to_fill_in
from bptt_trace.media.templates import markdown
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import from_document
from bptt_trace.worked_solution.gradient_flow import flow_sheet


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(command, list(arguments))


# ------------------------------------------------------------------ many iterations


def test_flow_and_proof_are_of_the_first_iteration() -> None:
    """Ten thousand iterations change neither, but for the sentence that says how lines are numbered."""
    once, often = (load("slstm", [f"update.iterations={count}"]) for count in (1, 10_000))
    said = as_text(flow_sheet([often])).replace(" of a single iteration", "")
    assert as_text(flow_sheet([once])).split() == said.split()
    assert prove(once) == prove(often)


def test_an_update_that_cannot_be_calculated_is_no_matter_of_the_proof() -> None:
    """Adagrad without epsilon divides by the root of a gradient that is 0; the gradients are right all the same."""
    changes = ["update.rule=adagrad", "update.epsilon=0", "x=[0, 0]"]
    with pytest.raises(CalculationError, match="division by zero"):
        solve(load("rnn", changes))
    assert all(one.agrees for one in prove(load("rnn", changes)))


@pytest.mark.parametrize(("x", "proved"), [(60, True), (90, False), (120, False)])
def test_nothing_is_proved_where_all_digits_cancel(x: int, proved: bool) -> None:
    """Of 1 − sigmoid(90) sixty digits leave twenty: that is said, and not that BPTT is wrong."""
    table = {
        "network": {"cell": "dense", "activation": "identity", "output_activation": "sigmoid"},
        "parameters": {"w_xh": 1, "b_h": 0, "w_hy": 1, "b_y": 0},
        "given": {"x": x, "target": 0},
        "loss": {"kind": "binary_cross_entropy", "gradient": "long"},
    }
    if proved:
        assert all(one.agrees for one in prove(from_document(table)))
    else:
        with pytest.raises(CalculationError, match=r"^L is not known to enough digits: its terms cancel"):
            prove(from_document(table))


@pytest.mark.parametrize("change", ["update.iterations=10000", "update.epochs=10000"])
def test_nobody_fills_in_so_many_lines(change: str) -> None:
    """A worksheet, and a key, of hundreds of thousands of lines is refused before it is calculated."""
    for arguments in (["-f", "html"], ["-f", "latex", "--key"], ["-f", "csv"]):
        ended = invoke("worksheet", "slstm", "--set", change, *arguments)
        assert isinstance(ended.exception, ProblemError)
        assert f"more than the {MOST_LINES:,} of a worksheet; use fewer iterations" in str(ended.exception)


@pytest.mark.parametrize("name", ["rnn", "lstm", "classifier", "seq2seq", "training", "toy-batch"])
def test_examples_are_of_a_size_to_fill_in(name: str) -> None:
    """The limit is far away from what is handed out."""
    of_a_size_to_fill_in(load(name))


# ------------------------------------------------------------------- closed forms


@pytest.mark.parametrize(
    "seed", [45, 276, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in (159, 227, 282, *range(share_of(1000))))]
)
def test_exact_answers_or_says_what_will_do(seed: int) -> None:
    """No problem keeps SymPy busy: its closed forms are there in ten seconds of calculation, or it says which rounding works."""
    problem = parse(json.dumps({**problem_of_any_kind(seed), "rounding": {"policy": "exact"}}))
    started, said = process_time(), ""
    try:
        assert solve(problem).to_json()
    except CalculationError as error:
        said = str(error)
    assert process_time() - started < 10
    assert ("too large for exact" in said) == ("use --round full or --round carry, or a smaller problem" in said)
    assert seed != 227 or said


@pytest.mark.parametrize("name", ["cs224n-gru", "tomyeh-lstm-medium"])
def test_gates_have_closed_forms(name: str) -> None:
    """Cells with gates are solved exactly, where their numbers allow it, in every medium."""
    solution = solve(load(name), rounding="exact")
    assert solution.to_text()
    assert solution.to_markdown()


def test_closed_forms_are_too_large_all_together() -> None:
    """No single one is, but nobody waits for, or reads, thousands of operations."""
    given = {"x": sequence(2, 2), "target": sequence(2, 2)}
    problem = from_document(
        filled({"cell": "rnn", "hidden": 2}, given, rounding={"policy": "exact"}, update={"learning_rate": "1"})
    )
    with pytest.raises(CalculationError, match=r"too large for exact: .* [0-9,]+ operations\b.*; use --round") as caught:
        solve(problem)
    assert f"{MAX_OPERATIONS_TOGETHER:,}" in str(caught.value) or "its closed form" in str(caught.value)


def test_closed_forms_call_functions_what_formulas_call_them() -> None:
    """ln and exp(1), in text and in LaTeX; a whole number has no decimals beside it."""
    changes = ["network.activation=ln(z^2 + 2)", "network.output_activation=exp(z)", "w_xh=0", "b_h=0", "w_hy=1", "b_y=1"]
    solution = solve(load("fnn", changes), rounding="exact")
    text, tex = " ".join(solution.to_text(120).split()), solution.to_latex()
    assert "ln(2) ≈ 0.693147" in text
    assert "2 · exp(1) ≈ 5.43656" in text
    assert "log" not in text
    assert r"\log" not in tex
    whole = solve(load("shared-weight"), rounding="exact")
    assert {0} == {value - int(value) for value in map(float, whole.values.numbers)}
    assert not [row for section in whole.sheet.sections for block in section.blocks for row in getattr(block, "rows", ())
                if getattr(row, "beside", "")]  # fmt: skip
    assert "≈" not in whole.to_markdown().split("## ", 2)[2].partition("Summary")[0]


# --------------------------------------------------------------- carried and fed back


@pytest.mark.parametrize("rounding", ["carry:1dp", "carry:2dp"])
@pytest.mark.parametrize("name", ["lstm", "rnn", "gru", "slstm", "rnn3"])
def test_a_printed_zero_divides_nothing(name: str, rounding: str) -> None:
    """Where a gradient is printed as 0.00 its shares are there, from hidden digits, and marked so."""
    ended = invoke("flow", name, "--round", rounding)
    assert 0 == ended.exit_code, ended.exception


def test_the_logarithm_of_a_printed_zero_is_marked() -> None:
    """A probability of 0.00 has a loss of 10.00 by the digits that are carried, and not by those that are printed."""
    text = """
        network = {cell = "dense", activation = "identity", output_activation = "softmax"}
        parameters = {w_xh = 1, b_h = 0, W_hy = [[5], [-5]], b_y = [0, 0]}
        given = {x = 1, target = 2}
        loss = {kind = "cross_entropy"}
        rounding = {policy = "carry", places = 2}
    """
    assert "= -ln(0.00) ≈ 10.00" in " ".join(solve(parse(text)).to_text(100).replace("−", "-").split())


def test_several_outputs_fed_back_are_no_single_slope() -> None:
    """Flow says so, and at which key."""
    given = {"x": sequence(2), "target": sequence(2, 2)}
    table = filled({"cell": "rnn", "hidden": 1, "feedback": "output"}, given)
    with pytest.raises(ProblemError, match=r"^network\.feedback: 2 outputs that are fed back: .*; use one output$"):
        markdown(flow_sheet([from_document(table)]))


def test_the_larger_of_two_symbols_is_composed() -> None:
    """The stabiliser of an sLSTM, in SymPy's derivative too."""
    comparisons = prove(load("slstm", ["x=[1]", "target=[0.5]"]))
    assert comparisons
    assert all(one.agrees and one.composed is not None for one in comparisons)


# ------------------------------------------------------------------- endings of files


@pytest.mark.parametrize("name", ["x.docx", "x.svg", "x.odt", "x", "x.tar.gz"])
@pytest.mark.parametrize("start", [["solve", "rnn"], ["flow", "rnn"], ["worksheet", "rnn"], ["check", "rnn", "-"]])
def test_an_ending_that_says_nothing_is_refused(start: list[str], name: str, tmp_path: Path) -> None:
    """The message lists the endings of this command; with -f any name will do."""
    ended = invoke(*start, "-o", str(tmp_path / name))
    assert 2 == ended.exit_code
    assert "-o takes a file that ends in .md, .tex, .pdf, .html," in ended.output
    assert not list(tmp_path.iterdir())
    if start[0] != "check":
        assert 0 == invoke(*start, "-f", "markdown", "-o", str(tmp_path / name)).exit_code
        assert (tmp_path / name).exists()


def test_each_ending_that_is_listed_is_taken(tmp_path: Path) -> None:
    """But .pdf here, which wants LaTeX."""
    listed = invoke("solve", "rnn", "-o", str(tmp_path / "x.docx")).output.partition("ends in ")[2].partition(", or")[0]
    for ending in listed.split(", "):
        assert ending in ENDINGS
        if ending != ".pdf":
            assert 0 == invoke("solve", "rnn", "-o", str(tmp_path / f"y{ending}")).exit_code


def test_an_slstm_with_names_of_its_own_has_a_sheet() -> None:
    """Its stabiliser is called m, whether other quantities are renamed or not."""
    assert "state_1" in solve(load("slstm", ["names.h=state"])).to_text()
