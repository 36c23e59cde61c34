"""A user's own activation: what is read, and what is refused."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptt_trace.errors import ProblemError
from bptt_trace.evaluate import evaluate
from bptt_trace.expressions import MAX_DEPTH, MAX_LENGTH, activation
from bptt_trace.names import Name
from bptt_trace.numbers import Number, Rounding
from bptt_trace.program import Builder, Role

A, H = Name("a"), Name("h")


def value(source: str, z: str) -> float:
    """What an expression comes to at z."""
    builder = Builder()
    a = builder.given(A)
    builder.let(H, activation(source, "phi", r"\varphi")(a), Role.HIDDEN)
    return evaluate(builder.build(), {A: Number(Fraction(z), z)}, Rounding("full"))[H]


@pytest.mark.parametrize(
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


@pytest.mark.parametrize(("source", "place", "reason"), REFUSED)
def test_what_is_refused(source, place, reason):
    """The message says why, shows the expression, and points at the place with a caret."""
    with pytest.raises(ProblemError) as caught:
        activation(source, "phi", r"\varphi")
    message, shown, caret = str(caught.value).rsplit("\n", 2)
    assert reason in message
    assert f"    {' ' * place}^" == caret
    assert len(f"    {source}") == len(shown)
    assert shown.isprintable()
    assert shown.isascii()


@pytest.mark.parametrize("source", ["z" * (MAX_LENGTH + 1), "(" * 100_000, "9" * 5_000 + "*z", "z+" * 10**6 + "z"])
def test_a_long_text_is_refused_unread(source):
    """Past a ceiling of characters nothing is read, and nothing of it is repeated."""
    with pytest.raises(ProblemError, match=f"at most {MAX_LENGTH}") as caught:
        activation(source, "phi", r"\varphi")
    assert len(str(caught.value)) < 100


@given(st.text("z0123.9+-*/^() tanhexpslbg_'", max_size=30) | st.text(max_size=30))
def test_any_text_is_an_expression_or_a_problem(source):
    """No text makes anything but a function or ``ProblemError``."""
    try:
        function = activation(source, "phi", r"\varphi")
    except ProblemError:
        return
    assert source.strip() == function.source
