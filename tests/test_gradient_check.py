"""A gradient check as lines: passes with a parameter moved a little, and the quotient of the losses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from law import FUNCTIONS, Digits, evaluate, number
from sweeps import chosen, of_examples, paired, thinned
from test_paths import MEDIA, NETWORKS, asked, lines_of, problem, sheet_of

from bptt_trace import load, solve
from bptt_trace.calculation.arithmetic import Precise, run
from bptt_trace.engine.names import LOSS, WHOLE_LOSS, Name, Role
from bptt_trace.errors import ProblemError
from bptt_trace.media.terminal import as_text

CHECK = Name("L_check")


LONG = {
    "vanishing-lstm": '["w_hf", "b_g"]',
    "bahdanau-attention": '["v_a"]',
    "hello": '["b_h"]',
    "hello-notebook": '["b_h"]',
}
"""Parameters of an example that has too many lines for all of them."""


@pytest.mark.parametrize("name", of_examples())
def test_the_quotient_is_near_the_gradient(name: str) -> None:
    """With a tiny epsilon and 60 digits to ten digits, for every parameter; of a truncated pass near the whole gradient."""
    which = LONG.get(name, "all")
    one = load(name, ["also.epsilon=0.00000001", f"also.gradient_check={which}"]) if asked(name, "gradient_check") else None
    assert one is not None
    if name in ("relu-bce", "hi-there-class", "perceptron-or"):
        pytest.skip("a unit may stand at the corner of relu, or a score at that of the perceptron's loss")
    if name == "attention-backward":
        with pytest.raises(ProblemError, match="more than 1,000 lines"):
            lines_of(one)
        return
    _, value = lines_of(one)
    back = WHOLE_LOSS if one.update and one.update.truncate else LOSS
    quotients = [target for target in value if target.of == CHECK]
    assert quotients
    for target in quotients:
        assert abs(value[target] - value[target._replace(of=back)]) < Decimal("1e-10"), target


@pytest.mark.parametrize("network", thinned(NETWORKS, 2), ids=str)
def test_each_pass_is_the_forward_pass_with_the_moved_parameter(network: dict[str, Any]) -> None:
    """Every line of it, calculated by the program itself with another number; what does not depend on it is not there."""
    one = problem(network, 2, also={"gradient_check": "all", "epsilon": "0.1"})
    program, value = lines_of(one)
    moved = [step.target for step in program.steps if step.role is Role.CHECK and step.target.of is None]
    first = [target for target in moved if target._replace(iteration=1) in one.given]
    for name in first[:6]:
        parameter, number_behind = name._replace(iteration=1), name.iteration
        again = run(program, one.given, Precise(), {parameter: value[name]})
        for target in moved:
            if target.iteration == number_behind:
                assert again[program.index[target._replace(iteration=1)]] == value[target], target


@pytest.mark.parametrize(
    ("example", "rounding", "medium"),
    paired(
        [("rnn3", '["w_hh"]'), ("lstm", '["w_hf"]'), ("classifier", '["W_hh[1,2]"]'), ("graph", "all")],
        ["4dp", "2dp", "6sf"],
        chosen(MEDIA, ["markdown", "latex", "terminal-60"]),
    ),
)
def test_every_line_recomputes_from_its_printed_digits(example: tuple[str, str], rounding: str, medium: str) -> None:
    """In every medium, to the digits of the sheet."""
    write_as, read = MEDIA[medium]
    sheet = sheet_of(*example, key="gradient_check", rounding=rounding)
    digits = Digits(int(rounding[0]), figures=rounding.endswith("sf"))
    rows = [row for section in read(write_as(sheet)) for row in section]
    assert len(list(sheet.rows())) == len(rows) > 3
    for row in rows:
        assert digits.rounded(evaluate(row.numbers, FUNCTIONS)) == number(row.result), row
        assert digits.shown(row.result) and row.relation == "=", row


def test_the_sheet_says_how_far_they_are_apart_and_what_rounding_can_do() -> None:
    """Half a unit of two losses over 2 epsilon: 0.00005 / 0.05 is 0.001."""
    text = " ".join(as_text(sheet_of("rnn", '["w_hh"]', key="gradient_check"), 120).replace("│", " ").split())
    assert (
        "are apart by 0.0011: by the order of the square of eps, and by rounding: that of the two losses alone can do 0.001."
        in text
    )


def test_iterations_and_passes_have_numbers_of_their_own() -> None:
    """After three updates the last forward pass is @4; the passes of the check are @5 and @6."""
    solution = solve(load("training", ['also.gradient_check=["w_hh"]']))
    names = {step.target.iteration for step in solution.program.steps if step.role is Role.CHECK}
    assert {1, 5, 6} == names
    assert "Forward pass with the new parameters" in solution.to_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["also.epsilon=0"], "also.epsilon: 0 is not possible here; a number above 0"),
        (["also.epsilon=0.1"], "also.epsilon: nothing is moved by it; also.gradient_check names what is"),
        (['also.gradient_check=["w"]'], 'also.gradient_check: "w" is not a parameter that learns'),
    ],
)
def test_what_the_table_may_not_say(changes: list[str], message: str) -> None:
    """With the key that it is about."""
    with pytest.raises(ProblemError) as caught:
        load("rnn", changes)
    assert message in str(caught.value)
