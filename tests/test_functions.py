"""The table of functions: SymPy proves every slope."""

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import mpmath
import numpy
import pytest
import sympy
from sweeps import at_once

from bptt_trace.calculation.compiled_rules import definition
from bptt_trace.calculation.symbolic import expression, symbolic
from bptt_trace.engine.activation_parser import activation
from bptt_trace.engine.formula import Apply, Const, Formula, Neg, Over, Power, Sum, Times, Var
from bptt_trace.engine.functions import (
    ACTIVATIONS,
    ELEMENTARY,
    Function,
    absolute,
    cos,
    defined,
    exp,
    identity,
    leaky_relu,
    ln,
    relu,
    sigmoid,
    sin,
    slope_of,
    softplus,
    sqrt,
    tanh,
)

z = sympy.Symbol("z", real=True)
positive = sympy.Symbol("p", positive=True)
negative = sympy.Symbol("n", negative=True)
ARGUMENT, VALUE = Var(0), Var(1)

TRUTH: dict[str, Any] = {
    "identity": lambda z: z,
    "tanh": lambda z: (sympy.exp(z) - sympy.exp(-z)) / (sympy.exp(z) + sympy.exp(-z)),
    "sigmoid": lambda z: 1 / (1 + sympy.exp(-z)),
    "softplus": lambda z: sympy.log(1 + sympy.exp(z)),
    "exp": sympy.exp,
    "ln": sympy.log,
    "sqrt": sympy.sqrt,
    "sin": sympy.sin,
    "cos": sympy.cos,
}


def in_sympy(formula: Formula, argument: Any, value: Any) -> Any:
    """A formula in z and y as ordinary SymPy, with the true functions in it."""

    def of(part: Formula) -> Any:
        return in_sympy(part, argument, value)

    match formula:
        case Var(number):
            return (argument, value)[number]
        case Const(number):
            return sympy.Rational(number.numerator, number.denominator)
        case Neg(operand):
            return -of(operand)
        case Sum(terms):
            return sympy.Add(*map(of, terms))
        case Times(factors):
            return sympy.Mul(*map(of, factors))
        case Over(numerator, denominator):
            return of(numerator) / of(denominator)
        case Power(base, exponent):
            return of(base) ** exponent
        case Apply(function, inner):
            return TRUTH[function.name](of(inner))
    raise AssertionError(formula)


SMOOTH = [identity, tanh, sigmoid, softplus, exp, ln, sqrt, sin, cos]
ARGUMENTS = ("-300", "-0.5", "0.001", "0.5", "2", "30", "300")


@at_once("function", [one for one in SMOOTH if one.libraries])
def test_the_libraries_of_a_function_agree_with_its_definition(function: Function):
    """Doubles, columns of doubles and numbers of 30 digits are what SymPy makes of the definition, far from 0 too."""
    arguments = [one for one in ARGUMENTS if float(one) > 0 or function not in (ln, sqrt)]
    with mpmath.workdps(30):
        truth = [mpmath.mpf(sympy.N(TRUTH[function.name](sympy.Rational(one)), 200)) for one in arguments]
        for_mpmath = [function.libraries.mpmath(mpmath.mp, mpmath.mpf(one)) for one in arguments]
        assert all(mpmath.almosteq(one, other, 1e-25) for one, other in zip(truth, for_mpmath, strict=True))
    doubles = list(map(float, arguments))
    assert list(map(float, truth)) == pytest.approx([function.libraries.math(one) for one in doubles], rel=1e-13, abs=1e-300)
    assert list(map(float, truth)) == pytest.approx(function.libraries.numpy(numpy, numpy.array(doubles)), rel=1e-13, abs=1e-300)


WAVES = ("-1e8", "-123456.5", "-164", "-22", "0", "1e-30", "3.14159265358979", "99.9", "1000", "163.9596")


@at_once("function", [one for one in SMOOTH if one.code])
def test_programs_calculate_a_function_to_fifty_digits(function: Function):
    """What ``-f python`` prints for it has 50 digits of 60; the sine of a large number has 60 but its size and one."""
    space: dict[str, Any] = {"Decimal": Decimal, "decimal": Decimal, "number": Decimal}
    exec(function.code["decimal"], space)
    arguments = [one for one in ARGUMENTS if float(one) > 0 or function not in (ln, sqrt)]
    for one in (*arguments, *(WAVES if function in (sin, cos) else ())):
        with localcontext() as context:
            context.prec = 60
            found = space[function.name](Decimal(one))
        truth = Decimal(str(sympy.N(TRUTH[function.name](sympy.Rational(one)), 200)))
        if function in (sin, cos):
            assert abs(found - truth) <= Decimal("1e-58") * max(1, abs(Decimal(one)))
        else:
            assert abs(found - truth) <= Decimal("1e-50") * abs(truth)


@at_once("function", SMOOTH)
def test_the_slope_in_the_table_is_the_derivative(function: Function):
    """The book's slope, in z and y, equals the derivative of the definition."""
    at = positive if function in (ln, sqrt) else z
    truth = TRUTH[function.name](at)
    slope = in_sympy(slope_of(function, ARGUMENT, VALUE), at, truth)
    assert 0 == sympy.simplify((slope - sympy.diff(truth, at)).rewrite(sympy.exp))


@pytest.mark.parametrize("function", [tanh, sigmoid], ids=repr)
def test_a_slope_off_by_a_thousandth_is_no_derivative(function: Function):
    """The proof above notices a slope that is 0.1 % too large."""
    truth = TRUTH[function.name](z)
    slope = in_sympy(Fraction(1001, 1000) * slope_of(function, ARGUMENT, VALUE), z, truth)
    assert 0 != sympy.simplify((slope - sympy.diff(truth, z)).rewrite(sympy.exp))


BENT = [
    (relu(), sympy.Max(0, positive), sympy.Max(0, negative), 0),
    (relu(Fraction(1, 2)), sympy.Max(0, positive), sympy.Max(0, negative), Fraction(1, 2)),
    (leaky_relu(), positive, negative / 100, Fraction(1, 100)),
    (leaky_relu(Fraction(1, 5)), positive, negative / 5, Fraction(1, 5)),
    (leaky_relu(Fraction(1, 5), Fraction(1)), positive, negative / 5, 1),
    (absolute, sympy.Abs(positive), sympy.Abs(negative), 0),
]


@pytest.mark.parametrize(("function", "right", "left", "at_zero"), BENT, ids=lambda value: str(value))
def test_a_bent_function_and_its_slope_on_each_side(function: Function, right, left, at_zero):
    """Right and left of 0 the pieces are the function and its derivative; at 0 the slope is the stated convention."""
    pieces = function.pieces
    assert pieces is not None
    assert (right, left, 0) == (pieces.right * positive, sympy.nsimplify(pieces.left) * negative, pieces.at_zero)
    slope = slope_of(function, ARGUMENT, VALUE)
    assert isinstance(slope, Apply)
    steps = slope.function.pieces
    assert steps is not None
    assert steps.steps
    assert (sympy.diff(right, positive), sympy.diff(left, negative)) == (steps.right, sympy.nsimplify(steps.left))
    assert at_zero == steps.at_zero


@pytest.mark.parametrize("function", [relu(), leaky_relu(), absolute], ids=repr)
def test_the_slope_of_a_slope_that_is_a_step(function: Function):
    """A step is flat."""
    slope = slope_of(function, ARGUMENT, VALUE)
    assert isinstance(slope, Apply)
    assert Const(Fraction(0)) == slope_of(slope.function, ARGUMENT, VALUE)


def known(printed: Any) -> Any:
    """An expression of the package as ordinary SymPy in z."""
    printed = printed.subs(dict.fromkeys(printed.free_symbols, z))
    return printed.replace(
        lambda part: hasattr(part, "ours"), lambda part: (TRUTH | {"abs": sympy.Abs})[part.ours.name](*part.args)
    )


@at_once("function", [f for f in SMOOTH if f is not identity])
def test_sympy_differentiates_by_the_table(function: Function):
    """The derivative that SymPy finds for a function of the package is that of its definition."""
    at = symbolic(function)(z)
    assert 0 == sympy.simplify((known(sympy.diff(at, z)) - sympy.diff(TRUTH[function.name](z), z)).rewrite(sympy.exp))


@at_once(
    ("source", "truth"),
    [
        ("z^3 - 2*z + 1/2", z**3 - 2 * z + sympy.Rational(1, 2)),
        ("z*sigmoid(z)", z / (1 + sympy.exp(-z))),
        ("exp(-z^2)", sympy.exp(-(z**2))),
        ("sin(z)*cos(3*z)", sympy.sin(z) * sympy.cos(3 * z)),
        ("ln(1 + exp(z))", sympy.log(1 + sympy.exp(z))),
        ("z/sqrt(1 + z^2)", z / sympy.sqrt(1 + z**2)),
        ("z*tanh(softplus(z))", z * sympy.tanh(sympy.log(1 + sympy.exp(z)))),
        ("1/(1 + exp(-2.5*z))", 1 / (1 + sympy.exp(-sympy.Rational(5, 2) * z))),
        ("(z - 1)^2/(z^2 + 1)", (z - 1) ** 2 / (z**2 + 1)),
    ],
)
def test_a_users_expression_and_its_derivative(source, truth):
    """What stands in a problem file is read, and differentiated, as SymPy has it."""
    function = activation(source, "phi", "phi")
    slope = slope_of(function, ARGUMENT, VALUE)
    assert isinstance(slope, Apply)
    assert 0 == sympy.simplify((known(expression(definition(function))) - truth).rewrite(sympy.exp))
    assert 0 == sympy.simplify((known(expression(definition(slope.function))) - sympy.diff(truth, z)).rewrite(sympy.exp))


def test_a_function_without_a_slope_says_so():
    """A slope that stands nowhere is never guessed."""
    slopeless = defined("f", "f", ARGUMENT**2, "z^2")
    inner = slope_of(slopeless, ARGUMENT, VALUE)
    assert isinstance(inner, Apply)
    with pytest.raises(NotImplementedError, match="f'"):
        slope_of(inner.function, ARGUMENT, VALUE)


def test_functions_are_kept_by_their_conventions():
    """Two functions are the same only if they are one object, and the same convention is one object."""
    assert relu() is relu(Fraction(0))
    assert relu() is not relu(Fraction(1))
    assert leaky_relu() is leaky_relu(Fraction(1, 100))
    assert {"identity", "relu", "leaky_relu", "softmax"} | set(ELEMENTARY) >= set(ACTIVATIONS)


def test_an_expression_of_names_is_unevaluated():
    """SymPy neither reorders nor computes what a formula says."""
    a, b = Var(0), Var(1)
    assert ("s1", "s0", "s1") == tuple(map(str, expression(b + a + b).args))
