"""A user's own activation: what is read, and what is refused."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import at_once

from bptt_trace import load, solve
from bptt_trace.calculation.arithmetic import WORKING, Precise, evaluate
from bptt_trace.calculation.arrays import over_arrays
from bptt_trace.document.notation import LATEX, TEXT
from bptt_trace.engine.activation_parser import MAX_DEPTH, MAX_LENGTH, activation
from bptt_trace.engine.formula_text import LinePrinter
from bptt_trace.engine.functions import Z
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Builder
from bptt_trace.engine.rules import rule_of
from bptt_trace.errors import ProblemError
from bptt_trace.problem.numbers import Number
from bptt_trace.problem.rounding import Rounding

A, H = Name("a"), Name("h")


def value(source: str, z: str) -> float:
    """What an expression comes to at z."""
    builder = Builder()
    a = builder.given(A)
    builder.let(H, activation(source, "phi", "phi")(a), Role.HIDDEN)
    return evaluate(builder.build(), {A: Number(Fraction(z), z)}, Rounding("full"))[H]


@at_once(
    ("source", "z", "result"),
    [
        ("z", "0.7", 0.7),
        (" z ", "0.7", 0.7),
        ("(((z)))", "0.7", 0.7),
        ("-z", "0.7", -0.7),
        ("+z", "0.7", 0.7),
        ("-z^2", "3", -9),
        ("(-z)^2", "3", 9),
        ("z**2", "3", 9),
        ("z^20", "2", 2**20),
        ("2*z^3 - z/2 + 1", "2", 16),
        ("8/z/2", "4", 1),
        ("8/(z/2)", "4", 4),
        ("10 - z - 1", "4", 5),
        ("10 - (z - 1)", "4", 7),
        ("1 + 2*z", "3", 7),
        ("z*-1", "3", -3),
        (".5*z", "3", 1.5),
        ("5.*z", "3", 15),
        ("0.25*z", "3", 0.75),
        ("z/(1+abs(z))", "-3", -0.75),
        ("1/(1+exp(-z))", "0.5", 1 / (1 + math.exp(-0.5))),
        ("exp(z)", "1", math.e),
        ("ln(z)", "2", math.log(2)),
        ("log(z)", "2", math.log(2)),
        ("sqrt(z^2+1)", "2", math.sqrt(5)),
        ("sin(z)*cos(z)", "2", math.sin(2) * math.cos(2)),
        ("tanh(z)", "0.5", math.tanh(0.5)),
        ("z*sigmoid(z)", "0.5", 0.5 / (1 + math.exp(-0.5))),
        ("softplus(z)", "0.5", math.log(1 + math.exp(0.5))),
        ("relu(z - 1)", "0.5", 0),
        ("relu(z - 1)", "1.5", 0.5),
        ("exp(-exp(-z))", "0.5", math.exp(-math.exp(-0.5))),
        ("z\t+\n1", "2", 3),
        ("(" * (MAX_DEPTH - 1) + "z" + ")" * (MAX_DEPTH - 1), "2", 2),
        ("z" + "+z" * 99, "1", 100),
    ],
)
def test_expressions_that_are_read(source, z, result):
    """Numbers, z, + - * / ^, brackets and functions, with the usual precedence."""
    assert pytest.approx(result, rel=1e-15) == value(source, z)


REFUSED = [
    ("", 0, "expected a number"),
    ("   ", 3, "expected a number"),
    ("5", 0, "does not contain z"),
    ("exp(1)", 0, "does not contain z"),
    ("__import__('os')", 0, "unknown word '__import__'"),
    ("__import__('os').system('id')", 0, "unknown word"),
    ("z.__class__", 1, "no meaning"),
    ("z.real", 1, "no meaning"),
    ("().__class__.__base__", 1, "expected a number"),
    ("(lambda: z)()", 1, "unknown word 'lambda'"),
    ("[z for z in z]", 0, "no meaning"),
    ("z[0]", 1, "no meaning"),
    ("z if z else 0", 2, "expected an operator"),
    ("z;z", 1, "no meaning"),
    ("z,z", 1, "no meaning"),
    ("z=1", 1, "no meaning"),
    ("z%2", 1, "no meaning"),
    ("z//2", 2, "expected a number"),
    ("z\\2", 1, "no meaning"),
    ("{{7*7}}", 0, "no meaning"),
    ("'z'", 0, "no meaning"),
    ("z²", 1, "no meaning"),
    ("z·2", 1, "no meaning"),
    ("٣*z", 0, "no meaning"),
    ("ｚ", 0, "no meaning"),
    ("z\x00", 1, "no meaning"),
    ("z\x1b[31m", 1, "no meaning"),
    ("2z", 1, "expected an operator"),
    ("z z", 2, "expected an operator"),
    ("1e5*z", 1, "expected an operator"),
    ("1_000*z", 1, "expected an operator"),
    ("0x1F*z", 1, "expected an operator"),
    ("1.2.3*z", 3, "expected an operator"),
    ("z+", 2, "expected a number"),
    ("z/0", 2, "a division by zero"),
    ("1 + z/(0*z)", 6, "a division by zero"),
    ("*z", 0, "expected a number"),
    ("z*/2", 2, "expected a number"),
    ("--z", 1, "two signs"),
    ("-+z", 1, "two signs"),
    ("(z", 2, "not closed"),
    ("(z]", 2, "no meaning"),
    ("z)", 1, "expected an operator"),
    ("()", 1, "expected a number"),
    ("tanh", 4, "needs a bracket"),
    ("tanh z", 5, "needs a bracket"),
    ("tanh()", 5, "expected a number"),
    ("tanh(z", 6, "not closed"),
    ("tanh(z)(z)", 7, "expected an operator"),
    ("z^z", 2, "an exponent must be"),
    ("z^-1", 2, "an exponent must be"),
    ("z^0.5", 2, "an exponent must be"),
    ("z^(2)", 2, "an exponent must be"),
    ("z^0", 2, "an exponent must be"),
    ("z^1", 2, "an exponent must be"),
    ("z^21", 2, "an exponent must be"),
    ("z^999999999", 2, "an exponent must be"),
    ("9**9**9*z", 4, "expected an operator"),
    ("z^2^3", 3, "expected an operator"),
    ("x + 1", 0, "unknown word 'x'"),
    ("max(0, z)", 0, "unknown word 'max'"),
    ("Tanh(z)", 0, '(did you mean "tanh"?)'),
    ("1 + tahn(z)", 4, '(did you mean "tanh"?)'),
    ("sigmoud(z)", 0, '(did you mean "sigmoid"?)'),
    ("eval(z)", 0, "unknown word"),
    ("(" * MAX_DEPTH + "z" + ")" * MAX_DEPTH, MAX_DEPTH, f"more than {MAX_DEPTH} deep"),
    ("sin(" * 30 + "z" + ")" * 30, 4 * MAX_DEPTH, f"more than {MAX_DEPTH} deep"),
]


@at_once(("source", "place", "reason"), REFUSED)
def test_what_is_refused(source, place, reason):
    """The message says why, shows the expression, and points at the place with a caret."""
    with pytest.raises(ProblemError) as caught:
        activation(source, "phi", "phi")
    message, shown, caret = str(caught.value).rsplit("\n", 2)
    assert reason in message
    assert f"    {' ' * place}^" == caret
    assert len(f"    {source}") == len(shown)
    assert shown.isprintable()
    assert shown.isascii()


SMOOTH = ["z^20", "3/z", "z/3", "-(z/(1+z^2))", "((z/2)^2)^3", "1/(1+exp(-z))", "z*sigmoid(z) - cos(-z)/sin(z)",
          "-((0/z)/((0.5)^3))^4",
          "((sin((z)^20))-(((z)*(0))^2))*(relu(ln(z/z)))", "2*z - z", "abs(z)^3*sqrt(z)", "ln(sqrt(tanh(softplus(z))))",
          "relu(z - 0.1)*abs(0.2 - z)", "(z - z)*z", "exp(exp(-z)/z)/(z*z*z)"]  # fmt: skip
"""Expressions that have a slope from 0.3 to 0.9, among them some that are the same for every z."""


@at_once("z", ["0.3", "0.7", "0.9"])
@at_once("source", SMOOTH)
def test_the_slope_is_the_limit_of_differences(source, z):
    """Every expression is differentiated as it stands: central differences with 60 digits find the same."""
    function = activation(source, "phi", "phi")
    value, slope = (Precise().line(rule_of(formula)[0]) for formula in (function(Z), function.slope(Z, Z)))
    with localcontext(WORKING):
        at, step = Decimal(z), Decimal("1e-20")
        difference = (value(at + step) - value(at - step)) / (2 * step)
        assert abs(slope(at) - difference) <= Decimal("1e-30") * max(1, abs(difference))


def test_a_power_of_a_power_stands_in_brackets():
    """2^2^3 would be 2 to the eighth, and no LaTeX at all."""
    function = activation("((z/2)^2)^3", "phi", "phi")
    assert "((z / 2)^2)^3" == LinePrinter(TEXT).template(function.definition).pattern.replace("%s", "z")
    assert r"((\frac{z}{2})^{2})^{3}" == LinePrinter(LATEX).template(function.definition).pattern.replace("%s", "z")


@pytest.mark.parametrize("slope", ["0", "1/2", "1"])
def test_the_slope_at_0_of_a_relu_in_an_expression_is_told_and_used(slope):
    """As for relu alone: it stands among the conventions and in the line."""
    solution = solve(
        load("fnn", ["network.activation=relu(z) + 2*abs(z)", f"network.relu_slope_at_0={slope}", "w_xh=0", "b_h=0"])
    )
    assert float(Fraction(slope)) == solution["dh/da"]
    said = " ".join(solution.to_text().split())
    assert f"relu'(z) (1 right of 0, 0 left of 0, and at exactly 0 taken as {slope})" in said
    assert "abs'(z) (1 right of 0, -1 left of 0, and at exactly 0 taken as 0)" in said


def test_whole_columns_take_corners_inside_an_expression():
    """What is screened for variants is what is solved."""
    builder = Builder()
    a = builder.given(A)
    builder.let(H, activation("relu(z) - abs(z)/4", "phi", "phi")(a), Role.HIDDEN)
    rule = builder.steps[-1].rule
    assert [-0.5, 0, 1.5] == over_arrays(rule)(np.array([-2.0, 0, 2])).tolist()


@pytest.mark.parametrize("source", ["z" * (MAX_LENGTH + 1), "(" * 100_000, "9" * 5_000 + "*z", "z+" * 10**6 + "z"])
def test_a_long_text_is_refused_unread(source):
    """Past a ceiling of characters nothing is read, and nothing of it is repeated."""
    with pytest.raises(ProblemError, match=f"at most {MAX_LENGTH}") as caught:
        activation(source, "phi", "phi")
    assert len(str(caught.value)) < 100


@given(st.text("z0123.9+-*/^() tanhexpslbg_'", max_size=30) | st.text(max_size=30))
def test_any_text_is_an_expression_or_a_problem(source):
    """No text makes anything but a function or ``ProblemError``."""
    try:
        function = activation(source, "phi", "phi")
    except ProblemError:
        return
    assert source.strip() == function.source
