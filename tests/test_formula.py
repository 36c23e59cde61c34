"""Formulas: shapes, order, text, components."""

from fractions import Fraction

import pytest
from sweeps import at_once

from bptt_trace.engine.components import component, entries
from bptt_trace.engine.formula import (
    ABSENT,
    ONE,
    Const,
    Formula,
    MatMul,
    Outer,
    Over,
    Rest,
    Sum,
    Times,
    Total,
    Var,
    product,
    shape_of,
)
from bptt_trace.engine.formula_text import text
from bptt_trace.engine.formula_walks import rewrite, variables
from bptt_trace.engine.functions import tanh
from bptt_trace.errors import DesignError

a, b, c = Var(0), Var(1), Var(2)
M, N = Var(3, (2, 3)), Var(4, (3, 2))
u, v = Var(5, (2,)), Var(6, (3,))
NAMES = ["a", "b", "c", "M", "N", "u", "v"]


def written(formula: Formula) -> str:
    return text(formula, NAMES.__getitem__, "first + … + last")


@pytest.mark.parametrize(
    ("dimensions", "shape"),
    [((), ()), ((1,), ()), ((1, 1), ()), ((3,), (3,)), ((1, 3), (1, 3)), ((3, 1), (3, 1)), ((2, 2), (2, 2))],
)
def test_a_single_number_has_no_dimensions(dimensions, shape):
    """Dimensions of 1 are dropped only where all are 1."""
    assert shape == shape_of(*dimensions)


@at_once(
    ("formula", "shape"),
    [
        (a + b, ()),
        (a + u, (2,)),
        (a * M, (2, 3)),
        (u / a, (2,)),
        (-M, (2, 3)),
        (u**2, (2,)),
        (tanh(v), (3,)),
        (M @ v, (2,)),
        (M @ N, (2, 2)),
        (M.T, (3, 2)),
        (u.T, (1, 2)),
        (u.T @ u, ()),
        (u.T @ M, (1, 3)),
        (u.T @ M @ v, ()),
        (Outer(u, v), (2, 3)),
        (Outer(u, a), (2, 1)),
        (Outer(a, v), (1, 3)),
        (Total(M), ()),
        (Rest((2,)) + u, (2,)),
        (Var(0, (1, 3)) @ v, ()),
        (Var(0, (3, 1)) @ a, (3,)),
    ],
)
def test_shapes(formula, shape):
    """The shape of a formula follows from those of its parts."""
    assert shape == formula.shape


@at_once(
    "build",
    [
        lambda: u + v,
        lambda: u * v,
        lambda: u / v,
        lambda: M + N,
        lambda: M * u,
        lambda: M @ u,
        lambda: M @ M,
        lambda: u @ u,
        lambda: a @ u.T @ v,
        lambda: Outer(M, u),
        lambda: Outer(u, M),
        lambda: Sum((a, u, v)),
        lambda: Times((u, v)),
        lambda: Over(M, N),
        lambda: entries((2, 2, 2)),
    ],
)
def test_shapes_that_do_not_fit(build):
    """What does not fit is refused when it is written, not when it is calculated."""
    with pytest.raises(DesignError):
        build()


@at_once(
    ("formula", "line"),
    [
        (a * b + c, "a * b + c"),
        (c + b * a, "c + b * a"),
        (b + a + c, "b + a + c"),
        (c * a * b, "c * a * b"),
        (a - b - c, "a - b - c"),
        (a - (b - c), "a - (b - c)"),
        (a - (b + c), "a - (b + c)"),
        (a + (b + c), "a + b + c"),
        ((a + b) * c, "(a + b) * c"),
        (a * (b - c), "a * (b - c)"),
        (-a * b, "(-a) * b"),
        (-(a * b), "-a * b"),
        (-(a + b), "-(a + b)"),
        (a + -b, "a - b"),
        (1 - a**2, "1 - a^2"),
        ((1 - a) ** 2, "(1 - a)^2"),
        ((-a) ** 2, "(-a)^2"),
        ((a * b) ** 2, "(a * b)^2"),
        ((a**2) ** 3, "(a^2)^3"),
        (a / b, "a / b"),
        (a / b / c, "(a / b) / c"),
        (a / (b * c), "a / (b * c)"),
        (a / b * c, "(a / b) * c"),
        (a * (b / c), "a * (b / c)"),
        (Fraction(1, 2) * a, "(1/2) * a"),
        (Const(Fraction(-3)) * a, "-3 * a"),
        (ONE / Const(Fraction(2), "T") * a, "(1/T) * a"),
        (tanh(a + b), "tanh(a + b)"),
        (tanh(a) ** 2, "tanh(a)^2"),
        (-tanh(a), "-tanh(a)"),
        (M @ v + u, "M @ v + u"),
        (M @ (v + v), "M @ (v + v)"),
        (M.T @ u, "M.T @ u"),
        ((M @ N).T, "(M @ N).T"),
        (Outer(u, v), "u @ v.T"),
        (Total((u - u) ** 2), "total((u - u)^2)"),
        (Rest() * a, "(first + … + last) * a"),
        (Rest(), "first + … + last"),
        (2 - a, "2 - a"),
        (2 * a, "2 * a"),
        (2 / a, "2 / a"),
        (2 + a, "2 + a"),
    ],
)
def test_text(formula, line):
    """A formula reads as it was written: no term moves, nothing is computed, brackets stand where they are needed."""
    assert line == written(formula)


def test_nothing_is_computed():
    """Constants are not folded and equal terms are not collected."""
    assert ["1 + 1", "a - a", "0 * a"] == [written(ONE + 1), written(a - a), written(0 * a)]


@at_once(
    ("factors", "line"),
    [
        ((a, ONE), "a"),
        ((ONE, ONE), "1"),
        ((a, Const(Fraction(2)), b), "2 * a * b"),
        ((a, Const(Fraction(2)), Const(Fraction(1, 2))), "a"),
        ((a, -b), "-a * b"),
        ((-a, -b), "a * b"),
        ((Const(Fraction(-1)), a + b), "-(a + b)"),
        ((a * b, c * a), "a * b * c * a"),
        ((ONE / Const(Fraction(3), "T"), Const(Fraction(2)), a), "(2/T) * a"),
        ((ONE / Const(Fraction(3), "T"), Const(Fraction(1, 2)), Const(Fraction(2)), a), "(1/T) * a"),
        ((a, 1 / b), "(1 / b) * a"),
    ],
)
def test_products_of_the_chain_rule(factors, line):
    """One exact coefficient in front, no factor 1, the sign outside."""
    assert line == written(product(*factors))


@at_once(
    ("formula", "components"),
    [
        (M @ v + u, ["M[1] * v[1] + M[2] * v[2] + M[3] * v[3] + u[1]", "M[4] * v[1] + M[5] * v[2] + M[6] * v[3] + u[2]"]),
        (tanh(u), ["tanh(u[1])", "tanh(u[2])"]),
        (a * u, ["a * u[1]", "a * u[2]"]),
        (u * (1 - u**2), ["u[1] * (1 - u[1]^2)", "u[2] * (1 - u[2]^2)"]),
        (M.T @ u, [f"M[{j + 1}] * u[1] + M[{j + 4}] * u[2]" for j in range(3)]),
        (Outer(u, v), [f"u[{i + 1}] * v[{j + 1}]" for i in range(2) for j in range(3)]),
        (Outer(u, a), ["u[1] * a", "u[2] * a"]),
        (Total(u**2), ["u[1]^2 + u[2]^2"]),
        (a + u, ["a + u[1]", "a + u[2]"]),
        (u / a, ["u[1] / a", "u[2] / a"]),
        (-u, ["-u[1]", "-u[2]"]),
        (a * b + c, ["a * b + c"]),
    ],
)
def test_components(formula, components):
    """The lines of a matrix formula, row by row, in the author's order."""
    indices = [tuple(place - 1 for place in index) for index in entries(formula.shape)]
    assert components == [written(component(formula, *index)) for index in indices]


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        (a + ABSENT, "a"),
        (ABSENT + a, "a"),
        (M @ ABSENT + u, "u"),
        (ABSENT @ v + u, "u"),
        (M @ v + ABSENT, "M @ v"),
        (ABSENT @ a + b * c + ABSENT, "b * c"),
        (a + (ABSENT + b), "a + b"),
    ],
)
def test_what_a_network_does_not_have_vanishes(formula, line):
    """An absent bias or input leaves a sum, and takes its matrix along."""
    assert line == written(formula)


def test_a_sum_of_nothing_is_nothing():
    """Where every term is absent, so is the sum."""
    assert (ABSENT + ABSENT) is ABSENT
    assert "a" == written(ABSENT + ABSENT + a)


def test_equal_formulas_are_equal():
    """A formula is a value."""
    assert (a * b + c, hash(a * b + c)) == (a * b + c, hash(a * b + c))
    assert a * b != b * a


def test_variables_from_left_to_right():
    """Every use of a variable is met, in reading order."""
    assert [c, a, M, v, c] == list(variables(c * a + Total(M @ v) / c))


def test_rewriting_keeps_order():
    """Replacing variables changes nothing else."""
    swapped = rewrite(a * b - tanh(a) / b, lambda f: {a: b, b: a}.get(f) if isinstance(f, Var) else None)
    assert "b * a - tanh(b) / a" == written(swapped)


def test_numbers_multiply_as_numbers():
    """Between two numbers, the matrix product is the product."""
    assert ("a * b", a) == (written(a @ b), a.T)
    assert isinstance(M @ v, MatMul)
