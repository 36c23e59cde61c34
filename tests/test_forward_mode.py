"""Forward mode (real-time recurrent learning): the slope of every line in one parameter, from left to right."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner
from law import FUNCTIONS, Digits, evaluate, number
from sweeps import chosen, of_examples, paired, thinned
from test_paths import MEDIA, NETWORKS, asked, lines_of, problem, sheet_of

from bptt_trace import Key, check, load
from bptt_trace.calculation.arithmetic import Precise, run
from bptt_trace.calculation.arithmetic import evaluate as values_of
from bptt_trace.calculation.build import build
from bptt_trace.calculation.prove import prove
from bptt_trace.commands import command
from bptt_trace.engine.names import LOSS, WHOLE_LOSS, Name, Role
from bptt_trace.errors import ProblemError
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import from_document

FORWARD = Name("L_forward")
SMALL = Decimal("1e-20")


LONG = {"attention-backward": "W_q", "hello": "b_h", "hello-notebook": "b_h"}
"""A parameter of an example that has too many lines for all of them."""


@pytest.mark.parametrize("name", of_examples())
def test_the_gradient_is_that_of_bptt(name: str) -> None:
    """To 12 digits, for every parameter; of a truncated pass the whole gradient, since nothing is cut on the way forward."""
    only = LONG.get(name)
    one = load(name, [f'also.forward_mode=["{only}"]']) if only else asked(name, "forward_mode")
    _, value = lines_of(one)
    totals = [target for target in value if target.of == FORWARD]
    back = WHOLE_LOSS if one.update and one.update.truncate else LOSS
    learned = {t for t in value if t.of == back and t.time is None and not t.via and t._replace(of=None) in one.given}
    assert {t._replace(of=back) for t in totals} >= {t for t in learned if only in (None, t.stem)} != set()
    for target in totals:
        whole = value[target._replace(of=back)]
        assert abs(value[target] - whole) <= Decimal("1e-12") * max(1, abs(whole)), target


@pytest.mark.parametrize(
    "network", thinned([*NETWORKS, {"cell": "rnn", "hidden": 2, "output_activation": "sigmoid"}], 2), ids=str
)
def test_every_slope_is_a_central_difference(network: dict[str, Any]) -> None:
    """Of each line, in each parameter; a stabiliser that cancels is held."""
    one = problem(network, also={"forward_mode": "all"})
    program, value = lines_of(one)
    slopes = [step.target for step in program.steps if step.role is Role.TANGENT]
    assert len(slopes) > 20
    by_parameter: dict[Name, tuple[Any, ...]] = {}
    for target in slopes:
        parameter, of = target._replace(of=None), target.of
        assert of is not None
        if network["cell"] == "slstm" and of.stem not in ("h", "y", "L_forward"):
            continue
        if parameter not in by_parameter:
            ends = [run(program, one.given, Precise(), {parameter: value[parameter] + by}) for by in (SMALL, -SMALL)]
            by_parameter[parameter] = tuple((up - down) / (2 * SMALL) for up, down in zip(*ends, strict=True))
        line = program.index[of._replace(stem="L") if of.stem == "L_forward" else of]
        assert abs(by_parameter[parameter][line] - value[target]) < Decimal("1e-15"), target


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own parts
def test_pytorchs_forward_mode_has_the_same_slopes() -> None:
    """By dual numbers, through the states of an RNN."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    dual = torch.autograd.forward_ad
    one = load("rnn3", ['also.forward_mode=["w_hh"]'])
    _, value = lines_of(one)
    g = {str(name): torch.tensor(float(n.value), dtype=torch.float64) for name, n in one.given.items()}
    with dual.dual_level():
        w = dual.make_dual(g["w_hh"], torch.tensor(1.0, dtype=torch.float64))
        h = g["h_0"]
        for t in range(1, 4):
            h = torch.tanh(g["w_xh"] * g[f"x_{t}"] + w * h + g["b_h"])
            ours = value[Name("w_hh", of=Name("h", time=t))]
            assert abs(float(dual.unpack_dual(h).tangent) - float(ours)) < 1e-12


def test_each_line_passes_on_the_slopes_of_what_it_uses() -> None:
    """As a book writes it: ``dh_t/dw = (1 - h_t^2) · (h_(t-1) + w · dh_(t-1)/dw)``, in two lines."""
    lines = str(build(load("rnn3", ['also.forward_mode=["w_hh"]']))).splitlines()
    assert "da_2/dw_hh = h_1 + w_hh * dh_1/dw_hh" in lines
    assert "dh_2/dw_hh = (1 - h_2^2) * da_2/dw_hh" in lines
    assert "dL_forward_2/dw_hh = 2 * (y_2 - target_2) * dy_2/dw_hh" in lines


@pytest.mark.parametrize(
    ("example", "rounding", "medium"),
    paired([("rnn3", "all"), ("lstm", '["w_hf"]'), ("classifier", '["W_hh[1,2]"]'), ("toy-batch", '["w_hh"]')],
           ["4dp", "2dp", "6sf"], chosen(MEDIA, ["json", "latex", "terminal-80"])),
)  # fmt: skip
def test_every_line_recomputes_from_its_printed_digits(example: tuple[str, str], rounding: str, medium: str) -> None:
    """In every medium, to the figures that the sheet keeps."""
    write_as, read = MEDIA[medium]
    sheet = sheet_of(*example, key="forward_mode", rounding=rounding)
    figures = Digits(int(rounding[0]), figures=True)
    rows = [row for section in read(write_as(sheet)) for row in section]
    assert len(list(sheet.rows())) == len(rows) > 3
    for row in rows:
        assert figures.rounded(evaluate(row.numbers, FUNCTIONS)) == number(row.result), row
        assert figures.shown(row.result) and row.relation == "=", row


def test_the_sheet_counts_the_lines_of_both_roads() -> None:
    """Nine lines forward for one weight of ``rnn``; nineteen back for all five."""
    text = " ".join(as_text(sheet_of("rnn", '["w_hh"]', key="forward_mode"), 120).replace("│", " ").split())
    assert "Forward mode takes 9 lines for w_hh; the backward pass takes 19 for all 5 parameters that learn." in text
    program = build(load("rnn"))
    backward = [s for s in program if s.role in (Role.GRADIENT, Role.CONTRIBUTION) and not s.repeats and s.target.of == LOSS]
    assert 19 == len(backward)
    assert 9 == sum(step.role is Role.TANGENT for step in build(load("rnn", ['also.forward_mode=["w_hh"]'])))


def test_both_roads_together_share_the_total_derivatives() -> None:
    """``dh_2/dw_hh`` is one line, whoever asks for it."""
    one = load("rnn3", ['also.forward_mode=["w_hh"]', 'also.paths=["w_hh"]'])
    _, value = lines_of(one)
    assert abs(value[Name("w_hh", of=FORWARD)] - value[Name("w_hh", of=Name("L_paths"))]) < Decimal("1e-30")
    assert 3 == sum(
        target.of is not None and target.of.stem == "h" and target.stem == "w_hh" and not target.via for target in value
    )


def test_proofs_compare_these_roads_too() -> None:
    """With SymPy's derivative and central differences."""
    for one in prove(load("lstm", ['also.forward_mode=["w_hf"]', "also.paths=all"])):
        assert one.agrees and one.composed is not None
        assert {"paths"} <= dict(one.roads).keys()
        assert ("forward mode" in dict(one.roads)) == (one.name == Name("w_hf"))


def test_a_loss_that_is_too_long_to_compose_is_differentiated_line_by_line() -> None:
    """Six losses are a sum that is not written out; SymPy's slopes of every line come to the same gradients."""
    compared = prove(problem({"cell": "lstm"}, 6))
    assert len(compared) == 14
    assert all(one.by_lines and one.agrees and one.composed is not None for one in compared)


NESTED: dict[str, Any] = {
    "network": {"cell": "rnn", "hidden": [1, 1], "activation": ["softplus", "z/(1+abs(z))"], "decoder": "output",
                "output_activation": "tanh", "form": "concatenated"},
    "parameters": {
        "W_h(enc1)": [["-1/6", "1/3"]], "b_h(enc1)": "-2/3", "W_h(enc2)": [["1/7", "1/7"]], "b_h(enc2)": "1/7",
        "W_h(dec1)": [["1/7", "-1/6"]], "b_h(dec1)": "-2/3", "W_h(dec2)": [["2/9", "2/9"]], "b_h(dec2)": "2/9",
        "w_hy": "2/9", "b_y": "0.5",
    },
    "given": {"x": ["-1/6", "0.5"], "target": ["1/7", "-1/6", "1/3"]},
}  # fmt: skip


def test_a_loss_is_measured_before_it_is_composed() -> None:
    """SymPy took minutes to put softplus functions into one another; line by line it is a matter of a second."""
    assert all(one.by_lines and one.agrees for one in prove(from_document(NESTED)))


def test_the_command_and_its_errors() -> None:
    """``rtrl`` prints the section alone; twenty steps of all weights of an LSTM are too many lines."""
    alone = CliRunner().invoke(command, ["rtrl", "rnn3", "--of", "w_hh"])
    assert 0 == alone.exit_code
    assert "The same gradients by two roads" in alone.output and "Every path" not in alone.output
    long = problem({"cell": "lstm"}, 20, also={"forward_mode": "all"})
    with pytest.raises(ProblemError, match=re.escape("also.forward_mode: more than 1,000 lines; use one unit")):
        build(long)


def test_check_follows_the_students_own_slopes() -> None:
    """A wrong slope costs only itself."""
    key = Key(load("rnn3", ['also.forward_mode=["w_hh"]']))
    values = values_of(key.program, key.problem.given, key.problem.rounding)
    answers = {str(step.target): str(values[step.target]) for step in key.program.steps if step.role is Role.TANGENT}
    assert not check(key, answers).faults
    marks = check(key, {**answers, "da_2/dw_hh": "0.9"})
    assert ["da_2/dw_hh"] == [str(answer.name) for answer in marks.faults if answer.verdict == "wrong"]
