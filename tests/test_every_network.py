"""Worksheets, keys, variants and marking take every cell and every way over time as it is: no code of theirs knows them."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from cell_mistakes import GRU, LSTM, RESET_AFTER, RESET_BEFORE, SLSTM, problem_with
from networks import filled, sequence
from students import blanked, by_hand, variant_of
from sweeps import paired, thinned

from bptt_trace import Key, check
from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.variants import Factory
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.media.templates import markdown
from bptt_trace.problem.problem import from_document
from bptt_trace.problem.rounding import Rounding

RNN = {"cell": "rnn", "hidden": 1}
NETWORKS: dict[str, dict[str, Any]] = {
    "gru": GRU,
    "gru, reset before": RESET_BEFORE,
    "gru, two biases": RESET_AFTER,
    "slstm": SLSTM,
    "slstm, sigmoid": {**SLSTM, "forget": "sigmoid"},
    "slstm, not stabilised": {**SLSTM, "stabiliser": False},
    "lstm with peepholes": {**LSTM, "peepholes": True},
    "lstm, concatenated": {**LSTM, "form": "concatenated"},
    "stacked": {**GRU, "hidden": [1, 2]},
    "both directions": {**RNN, "bidirectional": True},
    "both directions, lstm": {**LSTM, "bidirectional": True},
    "both directions, stacked": {**RNN, "hidden": [2, 1], "bidirectional": True},
    "encoder and decoder": {**RNN, "decoder": "output"},
    "encoder and decoder, lstm": {**LSTM, "decoder": "target"},
    "feedback": {**GRU, "feedback": "output"},
}
EACH = pytest.mark.parametrize("name", NETWORKS)
SOME = pytest.mark.parametrize("name", thinned(NETWORKS, 3))


@cache
def key(name: str) -> Key:
    return Key(from_document(problem_with(NETWORKS[name], steps=2)))


@EACH
def test_the_key_earns_everything(name: str) -> None:
    """The exact numbers of all lines that a worksheet asks for are right, whatever the number of digits."""
    one = key(name)
    asked = blanks_of(one).asked
    marks = check(one, {one.steps[p].target: f"{one.exact[p]:.9f}" for p in asked})
    assert marks.score == marks.out_of == len(asked) > 10
    assert {answer.verdict for answer in marks.answers} == {"correct"}


@EACH
def test_the_sheet_by_hand_earns_everything(name: str) -> None:
    """What the worked solution prints, with every line rounded, is right."""
    one = key(name)
    numbers = evaluate(one.program, one.problem.given, one.problem.rounding).numbers
    answers = {one.steps[p].target: f"{numbers[p]:f}" for p in blanks_of(one).asked}
    marks = check(one, answers)
    assert marks.score == marks.out_of


@EACH
@pytest.mark.parametrize("extra", [0, 1, 4])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_an_error_free_student_has_nothing_wrong(name: str, extra: int, share: float) -> None:
    """Rounding every line to the places asked for or more, with blanks or without, is never held against anybody."""
    one = key(name)
    marks = check(one, blanked(by_hand(one, extra=extra), share, seed=extra))
    assert {answer.verdict for answer in marks.answers} <= {"correct", "rounded", "blank"}


@SOME
def test_a_slip_is_one_fault(name: str) -> None:
    """A wrong gate, or a wrong pre-activation, is found where it is; what follows from it follows."""
    one = key(name)
    position = next(
        p for p, s in enumerate(one.steps) if s.rule is not None and s.target.stem.startswith("a") and s.target.time == 1
    )
    marks = check(one, by_hand(one, slips={position: 0.31}))
    assert [one.steps[position].target] == [answer.name for answer in marks.faults]
    assert marks.first_wrong == one.steps[position].target


@SOME
def test_worksheet_and_key_sheet(name: str) -> None:
    """Every line that is asked for stands on the worksheet without its result, and on the key with it."""
    one = key(name)
    blanks = blanks_of(one, ["all"], 1)
    names = {getattr(row.name, "text", row.name) for row in worksheet(one, blanks).rows()}
    assert {str(one.steps[p].target) for p in blanks.asked if not one.steps[p].target.index} <= names
    for text in (markdown(worksheet(one, blanks)), markdown(key_sheet(one))):
        assert text.count("$") > 20


@SOME
def test_a_variant_is_made_again_from_its_code(name: str) -> None:
    """Numbers are drawn and screened, and the code gives the same problem again."""
    given = {"x": sequence(2), "target": sequence(2, seed=2)}
    made = filled(NETWORKS[name], given, update={"learning_rate": "0.1"}, rounding={"places": 6}, vary={})
    factory = Factory(made, ["forward"])
    found = factory.search(1, 1).variants[0]
    again = variant_of(factory, found.code)
    assert again.drawn == found.drawn
    own = Key(factory.variant_problem(again.code, again.drawn))
    assert own.problem.rounded(Rounding("full")).code
    assert markdown(key_sheet(own))


@pytest.mark.parametrize(("apart", "extra"), paired(["0", "0.00004", "-0.00004"], [0, 1, 4]))
def test_where_two_exponents_are_equally_large(apart: str, extra: int) -> None:
    """At the bend of the maximum, or within rounding of it, nobody who rounds is wrong, and a wrong stabiliser is."""
    made = problem_with(SLSTM, steps=2)
    made["parameters"] |= {f"{stem}f": made["parameters"][f"{stem}i"] for stem in ("w_x", "w_h", "b_")}
    made["given"]["m_0"] = apart
    made["rounding"] = {"places": 4}
    one = Key(from_document(made))
    assert {answer.verdict for answer in check(one, by_hand(one, extra=extra)).answers} <= {"correct", "rounded"}
    stabiliser = next(p for p, step in enumerate(one.steps) if step.target.stem == "m" and step.target.time == 1)
    assert [one.steps[stabiliser].target] == [a.name for a in check(one, by_hand(one, slips={stabiliser: 0.1234})).faults]
