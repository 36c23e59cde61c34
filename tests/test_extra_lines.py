"""Lines on request: expressions over the lines of the sheet, such as ``tanh(c_t)``, ``1 - h_t^2``, ``sqrt(vhat)``."""

from __future__ import annotations

import math

import pytest
from law import FUNCTIONS, Digits, evaluate, number
from sweeps import chosen, paired
from test_paths import MEDIA

from bptt_trace import Key, check, load, solve
from bptt_trace.calculation.arithmetic import evaluate as values_of
from bptt_trace.calculation.build import build
from bptt_trace.document.sheet import Sheet
from bptt_trace.engine.names import Role
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import ProblemError
from bptt_trace.lines.view import View
from bptt_trace.problem.rounding import Rounding
from bptt_trace.worked_solution.worked_solution import write

LSTM = ['also.lines.tc_t="tanh(c_t)"', 'also.lines.slope_t="1 - h_t^2"', 'also.lines.kept_t="f_t * c_(t-1)"']


def test_what_an_lstm_reads_out_has_a_line_of_its_own() -> None:
    """At every step; with the state of the step before, from the first step on."""
    solution = solve(load("lstm", LSTM), rounding="full")
    for t in (1, 2, 3):
        assert solution[f"tc_{t}"] == pytest.approx(math.tanh(solution[f"c_{t}"]), rel=1e-15)
        assert solution[f"slope_{t}"] == pytest.approx(1 - solution[f"h_{t}"] ** 2, rel=1e-15)
        assert solution[f"kept_{t}"] == pytest.approx(solution[f"f_{t}"] * solution[f"c_{t - 1}"], rel=1e-15)


def test_the_lines_of_an_update_can_be_asked_for_too() -> None:
    """The root that Adam divides by."""
    solution = solve(load("rnn", ["update.rule=adam", 'also.lines.root="sqrt(vhat_w_hh)"']), rounding="full")
    assert solution["root"] == pytest.approx(math.sqrt(solution["vhat_w_hh"]), rel=1e-15)


def test_vectors_and_a_forward_pass_alone() -> None:
    """Entry by entry; without a loss there are lines too."""
    solution = solve(load("tomyeh-lstm", ['also.lines.tc_t="tanh(c_t)"']), rounding="full")
    assert solution["tc_2[2]"] == pytest.approx(math.tanh(solution["c_2[2]"]), rel=1e-15)


def sheet_of(name: str, changes: list[str], rounding: str) -> Sheet:
    one = load(name, changes).rounded(Rounding.parse(rounding))
    program = scalars(build(one))
    return write(one, program, values_of(program, one.given, one.rounding), View(detail="lines"), only=("extra",))


@pytest.mark.parametrize(("rounding", "medium"), paired(["4dp", "2dp", "5sf"], chosen(MEDIA, ["latex", "terminal-60"])))
def test_every_line_recomputes(rounding: str, medium: str) -> None:
    """In every medium."""
    write_as, read = MEDIA[medium]
    digits = Digits(int(rounding[0]), figures=rounding.endswith("sf"))
    rows = [row for section in read(write_as(sheet_of("lstm", LSTM, rounding))) for row in section]
    assert 9 == len(rows)
    for row in rows:
        assert digits.rounded(evaluate(row.numbers, FUNCTIONS)) == number(row.result), row
        assert digits.shown(row.result), row


def test_they_are_marked_as_every_line() -> None:
    """By the student's own numbers."""
    key = Key(load("lstm", LSTM))
    values = values_of(key.program, key.problem.given, key.problem.rounding)
    right = {str(step.target): str(values[step.target]) for step in key.program.steps if step.role is Role.EXTRA}
    assert 9 == len(right) and not check(key, right).faults
    assert ["tc_1"] == [str(answer.name) for answer in check(key, {**right, "tc_1": "0.9"}).faults]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('also.lines.q_t="tanh(d_t)"', "also.lines.q_t: no line d_2"),
        ('also.lines.q_t="tanh(h_t"', "also.lines.q_t: a bracket is not closed"),
        ('also.lines.h_t="tanh(a_t)"', "also.lines.h_t: h_1 is a line already; use another name"),
        ('also.lines.q_t="1 +"', "also.lines.q_t: expected a number, the name of a line"),
    ],
)
def test_what_is_no_line_is_refused(change: str, message: str) -> None:
    """With the key, and a caret where there is a place."""
    with pytest.raises(ProblemError) as caught:
        build(load("rnn", [change]))
    assert message in str(caught.value)
