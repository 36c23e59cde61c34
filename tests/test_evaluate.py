"""Values: every arithmetic against exact fractions or many digits."""

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from time import process_time

import mpmath
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st
from sweeps import at_once, chosen, of_examples, paired

from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.document.notation import TEXT
from bptt_trace.engine.activation_parser import activation
from bptt_trace.engine.formula import Apply, Const, Formula, Var
from bptt_trace.engine.formula_text import template
from bptt_trace.engine.functions import Function, identity, leaky_relu, sigmoid, softplus, tanh
from bptt_trace.engine.names import LOSS, Name, Role
from bptt_trace.engine.program import Builder, Program
from bptt_trace.engine.rules import rule_of
from bptt_trace.errors import CalculationError
from bptt_trace.problem.numbers import Number
from bptt_trace.problem.problem import from_document, load
from bptt_trace.problem.rounding import Rounding

MANY = mpmath.mp.clone()
MANY.dps = 80
A, B, H = Name("a"), Name("b"), Name("h")
POLICIES = ["by_hand", "carry", "full", "exact"]


def places(count: int) -> Rounding:
    return Rounding(places=count)


def figures(count: int) -> Rounding:
    return Rounding(figures=count)


def half_up(value: Fraction, rounding: Rounding) -> Fraction:
    """Rounding as taught at school, in whole numbers."""
    if rounding.figures is None:
        shift = rounding.places
    elif value == 0:
        return value
    else:
        shift = rounding.figures
        while abs(value) * Fraction(10) ** shift >= 10**rounding.figures:
            shift -= 1
        while abs(value) * Fraction(10) ** (shift + 1) < 10**rounding.figures:
            shift += 1
    scale = Fraction(10) ** shift
    size = math.floor(abs(value) * scale + Fraction(1, 2)) / scale
    return -size if value < 0 else size


def line(formula: Formula, rounding: Rounding, *numbers: Fraction, role: Role = Role.HIDDEN):
    """The value of one line over a and b."""
    builder = Builder()
    for name, _ in zip((A, B), numbers, strict=False):
        builder.given(name)
    builder.let(H, formula, role)
    given_numbers = {name: Number(number, "") for name, number in zip((A, B), numbers, strict=False)}
    return evaluate(builder.build(), given_numbers, rounding)[H]


a, b = Var(0), Var(1)

# ------------------------------------------------------------------- by hand


@at_once(
    ("number", "rounding", "shown"),
    [
        ("0.00005", places(4), "0.0001"),
        ("-0.00005", places(4), "-0.0001"),
        ("0.00004999", places(4), "0.0000"),
        ("-0.00004999", places(4), "0.0000"),
        ("0.12345", places(4), "0.1235"),
        ("0.12355", places(4), "0.1236"),
        ("-0.12345", places(4), "-0.1235"),
        ("1", places(4), "1.0000"),
        ("0", places(4), "0.0000"),
        ("12.34565", places(4), "12.3457"),
        ("2.5", places(1), "2.5"),
        ("0.25", places(1), "0.3"),
        ("0.35", places(1), "0.4"),
        ("99.96", places(1), "100.0"),
        ("2/3", places(15), "0.666666666666667"),
        ("0.00123456", figures(3), "0.00123"),
        ("0.0012350", figures(3), "0.00124"),
        ("-0.0012350", figures(3), "-0.00124"),
        ("9.9949", figures(3), "9.99"),
        ("9.995", figures(3), "10.0"),
        ("99950", figures(3), "100000"),
        ("12345", figures(3), "12300"),
        ("1", figures(3), "1.00"),
        ("0", figures(3), "0.00"),
        ("-0.5", figures(1), "-0.5"),
        ("1/3", figures(5), "0.33333"),
    ],
)
def test_rounding_half_up(number, rounding, shown):
    """A half goes away from zero, at every sign; the value shows all its digits, and never a minus zero."""
    result = line(Const(Fraction(1)) * a, rounding, Fraction(number))
    assert Fraction(shown) == Fraction(result)
    assert shown == f"{result:f}" if rounding.figures is None or abs(Fraction(number)) < 100 else True


decimals = st.decimals(-100, 100, places=6, allow_nan=False).map(Fraction) | st.decimals(-1, 1, places=3).map(Fraction)
fractions = st.builds(Fraction, st.integers(-999, 999), st.integers(1, 99))
ties = st.builds(lambda n, p: Fraction(2 * n + 1, 2 * 10**p), st.integers(-500, 500), st.integers(1, 6))
numbers = decimals | fractions | ties
roundings = st.integers(1, 15).map(places) | st.integers(1, 15).map(figures)

RATIONAL = {
    "a + b": (a + b, lambda a, b: a + b),
    "a - b": (a - b, lambda a, b: a - b),
    "a * b": (a * b, lambda a, b: a * b),
    "a / b": (a / b, lambda a, b: a / b if b else None),
    "(1 - a^2) * b": ((1 - a**2) * b, lambda a, b: (1 - a * a) * b),
    "a * (1 - a)": (a * (1 - a), lambda a, _: a * (1 - a)),
    "2/3 * (a - b)": (Fraction(2, 3) * (a - b), lambda a, b: Fraction(2, 3) * (a - b)),
    "(1/T) * (a + b)": (Const(Fraction(1)) / Const(Fraction(3), "T") * (a + b), lambda a, b: (a + b) / 3),
    "1/2 * (a - b)^2": (Fraction(1, 2) * (a - b) ** 2, lambda a, b: (a - b) ** 2 / 2),
    "a / b / b": (a / b / b, lambda a, b: a / b / b if b else None),
    "-a": (-a, lambda a, _: -a),
    "leaky_relu(a) * b": (leaky_relu()(a) * b, lambda a, b: (a if a > 0 else a / 100) * b),
    "identity(a)": (identity(a), lambda a, _: a),
}


@pytest.mark.parametrize("name", RATIONAL)
@given(st.data())
def test_a_rational_line_is_rounded_exactly(name, data):
    """By hand, a line comes to its exact value, rounded half up: no tie is lost to a division or a fraction."""
    formula, exact = RATIONAL[name]
    one, other, rounding = data.draw(numbers), data.draw(numbers), data.draw(roundings)
    expected = exact(one, other)
    assume(expected is not None)
    result = line(formula + 0 * b, rounding, one, other)
    assert half_up(expected, rounding) == Fraction(result)
    assert not (result.is_signed() and result == 0)


def test_a_tie_between_typed_fractions():
    """1/3 of 0.00015 is a half of the last place, and goes up."""
    assert Decimal("0.0001") == line(a * b, places(4), Fraction(1, 3), Fraction("0.00015"))


class Sheet:
    """A one-neuron network with time, worked through in fractions, line by line."""

    def __init__(self, numbers: dict[str, Fraction], xs, targets, rounding: Rounding, leak: Fraction, factor: Fraction) -> None:
        self.lines: dict[str, Fraction] = {}
        self.rounding = rounding
        p, T = dict(numbers), len(xs)
        h = {0: p["h_0"]}
        y, slope = {}, {}
        for t, x in enumerate(xs, 1):
            z = self.let(f"a_{t}", p["w_xh"] * x + p["w_hh"] * h[t - 1] + p["b_h"])
            h[t] = self.let(f"h_{t}", z if z > 0 else leak * z)
            slope[t] = 1 if z > 0 else leak
            y[t] = self.let(f"y_{t}", p["w_hy"] * h[t] + p["b_y"])
        errors = [self.let(f"L_{t}", factor * (y[t] - targets[t - 1]) ** 2) for t in y]
        self.let("L", sum(errors) / T)
        dy, da = {}, {}
        for t in range(T, 0, -1):
            dy[t] = self.let(f"dL/dy_{t}", 2 * factor / T * (y[t] - targets[t - 1]))
            dh = self.let(f"dL/dh_{t} via y_{t}" if t < T else f"dL/dh_{t}", dy[t] * p["w_hy"])
            if t < T:
                dh = self.let(f"dL/dh_{t}", dh + self.let(f"dL/dh_{t} via a_{t + 1}", da[t + 1] * p["w_hh"]))
            da[t] = self.let(f"dL/da_{t}", dh * slope[t])
        self.shared("w_xh", "a", da, dict(enumerate(xs, 1)), p)
        self.shared("w_hh", "a", da, {t: h[t - 1] for t in da}, p)
        self.shared("b_h", "a", da, dict.fromkeys(da, Fraction(1)), p)
        self.shared("w_hy", "y", dy, h, p)
        self.shared("b_y", "y", dy, dict.fromkeys(dy, Fraction(1)), p)

    def let(self, name: str, value: Fraction) -> Fraction:
        self.lines[name] = half_up(value, self.rounding)
        return self.lines[name]

    def shared(self, stem, by, flow, factors, p) -> None:
        parts = []
        for t in sorted(flow):
            name = f"dL/d{stem} via {by}_{t}" if len(flow) > 1 else f"dL/d{stem}"
            parts.append(self.let(name, flow[t] * factors[t]))
        total = self.let(f"dL/d{stem}", sum(parts)) if len(flow) > 1 else parts[0]
        self.let(f"{stem}'", p[stem] - p["eta"] * total)


typed = st.decimals(-2, 2, places=3).map(str) | st.builds("{}/{}".format, st.integers(-9, 9), st.integers(1, 9))


@given(
    st.fixed_dictionaries(dict.fromkeys(("w_xh", "w_hh", "b_h", "w_hy", "b_y"), typed)),
    typed,
    st.lists(st.tuples(typed, typed), min_size=1, max_size=4),
    st.integers(1, 8).map(places) | st.integers(1, 8).map(figures),
    st.sampled_from(["0", "1/100", "1/5", "1"]),
    st.sampled_from(["1", "1/2", "3"]),
)
def test_a_whole_sheet_by_hand(solved, parameters, state, steps, rounding, leak, factor):
    """Every line of a rational network is what somebody finds who rounds each result and goes on with it."""
    xs, targets = [x for x, _ in steps], [target for _, target in steps]
    problem = from_document(
        {
            "network": {"cell": "rnn", "activation": "leaky_relu", "leak": leak},
            "parameters": parameters,
            "given": {"x": xs, "target": targets, "h_0": state},
            "loss": {"factor": factor},
            "update": {"learning_rate": "0.1"},
        }
    )
    values = solved(problem, rounding)
    numbers = {key: Fraction(text) for key, text in parameters.items()} | {"h_0": Fraction(state), "eta": Fraction("0.1")}
    sheet = Sheet(numbers, list(map(Fraction, xs)), list(map(Fraction, targets)), rounding, Fraction(leak), Fraction(factor))
    assert sheet.lines == {name: Fraction(values[Name.parse(name)]) for name in sheet.lines}


# ----------------------------------------------------------- functions by hand

TRUTH = {
    "tanh": (tanh, MANY.tanh, MANY.atanh),
    "sigmoid": (sigmoid, lambda z: 1 / (1 + MANY.exp(-z)), lambda y: MANY.log(y / (1 - y))),
    "softplus": (softplus, lambda z: MANY.log(1 + MANY.exp(z)), lambda y: MANY.log(MANY.exp(y) - 1)),
}


def exactly(value) -> Fraction:
    """A number of 80 digits as a fraction."""
    return Fraction(MANY.nstr(value, 75, min_fixed=-100, max_fixed=100))


@pytest.mark.parametrize("name", TRUTH)
@given(st.decimals(-30, 30, places=6) | st.decimals(-2, 2, places=15), roundings)
def test_a_function_by_hand(name, z, rounding):
    """tanh, the sigmoid and softplus are correctly rounded at every number of digits."""
    function, truth, _ = TRUTH[name]
    expected = half_up(exactly(truth(MANY.mpf(str(z)))), rounding)
    assert expected == Fraction(line(function(a), rounding, Fraction(z)))


@pytest.mark.parametrize("name", TRUTH)
@pytest.mark.parametrize("digits", [8, 16, 17, 20, 30, 38])
@given(st.data())
def test_a_function_close_to_a_tie(name, digits, data):
    """An argument typed so that the value lies within a hair of a tie is still rounded to the right side."""
    function, truth, inverse = TRUTH[name]
    count = data.draw(st.integers(1, 12))
    tie = Fraction(2 * data.draw(st.integers(0, 10**count - 1)) + 1, 2 * 10**count)
    z = Fraction(MANY.nstr(inverse(MANY.mpf(tie.numerator) / tie.denominator), digits, min_fixed=-100, max_fixed=100))
    for argument in (z, z + Fraction(1, 10**digits), z - Fraction(1, 10**digits)):
        expected = half_up(exactly(truth(MANY.mpf(argument.numerator) / argument.denominator)), places(count))
        assert expected == Fraction(line(function(a), places(count), argument))


@pytest.mark.parametrize(("name", "digits"), [("tanh", (12, 13)), ("sigmoid", (12, 13))])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_tie_next_to_a_power_of_ten(name, digits, sign):
    """Just below 0.99…95 the value keeps its nines, although the place of the last figure changes there."""
    function, truth, inverse = TRUTH[name]
    for count in range(2, 14):
        tie = 1 - Fraction(1, 2 * 10**count)
        exact = inverse(MANY.mpf(tie.numerator) / tie.denominator)
        for digit in digits:
            z = Fraction(MANY.nstr(exact, digit + 2, min_fixed=-100, max_fixed=100)) + sign * Fraction(1, 10**digit)
            expected = half_up(exactly(truth(MANY.mpf(z.numerator) / z.denominator)), figures(count))
            assert expected == Fraction(line(function(a), figures(count), z))


@pytest.mark.parametrize(
    ("number", "value"), [("-1000000", "0.0000"), ("1000000", "1.0000"), ("-1e29", "0.0000"), ("1e29", "1.0000")]
)
def test_far_out_on_the_sigmoid(number, value):
    """Where floating point underflows, the rounded value is still right."""
    assert Decimal(value) == line(sigmoid(a), places(4), Fraction(number))


@at_once("policy", POLICIES)
@at_once(
    ("source", "number", "value"),
    [
        ("exp(-z)", "3", "exp(-3)"),
        ("ln(z)", "3", "log(3)"),
        ("sqrt(z)", "3", "sqrt(3)"),
        ("sin(z)", "3", "sin(3)"),
        ("cos(z)", "3", "cos(3)"),
        ("z/(1+abs(z))", "-3", "-3/4"),
        ("z*sigmoid(z)", "2", "2/(1+exp(-2))"),
        ("softplus(z)^2", "-2", "log(1+exp(-2))**2"),
        ("1/3 + 0*z", "1", "1/3"),
    ],
)
def test_a_users_function_in_every_arithmetic(policy, source, number, value):
    """One expression, four arithmetics, one value."""
    function = activation(source, "phi", "phi")
    result = line(function(a), Rounding(policy), Fraction(number))
    exact = sympy.sympify(value, rational=True).evalf(60)
    if policy == "by_hand":
        assert half_up(Fraction(str(exact)), places(4)) == Fraction(result)
    else:
        tolerance = 1e-15 if policy == "full" else 1e-50
        assert abs(exact - sympy.sympify(str(result) if policy == "carry" else result).evalf(60)) < tolerance


# -------------------------------------------------------- the other policies


@pytest.mark.parametrize(("example", "policy"), paired(of_examples(), ["full", "carry"]))
def test_no_minus_zero(solved, example, policy):
    """A zero has no sign."""
    problem = load(example, ["given.x=[0, 0, 0]"] if example == "rnn3" else [])
    assert not [value for value in solved(problem, Rounding(policy)).numbers if value == 0 and str(value).startswith("-")]


@at_once("policy", ["by_hand", "carry", "full"])
@at_once("formula", [-a, a * Const(Fraction(-3)), Const(Fraction(-3)) * a, a / Const(Fraction(-3)), leaky_relu()(-a)])
def test_no_minus_zero_from_zero(policy, formula):
    """Zero times a negative number is zero."""
    assert "-" not in str(line(formula, Rounding(policy), Fraction(0)))


def test_a_small_negative_number_rounds_to_plain_zero():
    """−0.00004 to four places is 0.0000."""
    assert "0.0000" == str(line(a * b, places(4), Fraction("-0.00004"), Fraction(1)))


@pytest.mark.parametrize(
    "case", [{}, {"T": 6}, {"n": 3, "d": 2, "k": 2, "T": 4, "activation": "sigmoid"}, {"cell": "dense", "k": 2}]
)
def test_full_precision_is_double_precision(net, solved, case):
    """Floating point stays within 10⁻¹² of 50 digits on every line."""
    problem = net(**case).problem
    full, many = solved(problem), solved(problem, Rounding("carry"))
    assert {float} == set(map(type, full.numbers))
    for double, digits in zip(full.numbers, many.numbers, strict=True):
        assert abs(Decimal(double) - digits) <= Decimal("1e-12") * max(1, abs(digits))


def test_carry_is_never_rounded(net, solved):
    """The values that are carried on agree with an independent calculation to 45 digits."""
    network = net(T=4, n=2)
    expected = network.loss(network.start)
    met = solved(network.problem, Rounding("carry"))[LOSS]
    assert abs(MANY.mpf(str(met)) - expected) < MANY.mpf("1e-45")


@pytest.mark.parametrize("example", chosen(["fnn", "rnn", "nbis-chain", "shared-weight", "shared-weight-4"], ["fnn"]))
def test_closed_forms_equal_decimals(solved, example):
    """An exact value is a SymPy number without a float in it, equal to 30 digits of what is carried."""
    problem = load(example)
    exact, many = solved(problem, Rounding("exact")), solved(problem, Rounding("carry"))
    for form, digits in zip(exact.numbers, many.numbers, strict=True):
        assert not form.has(sympy.Float)
        assert abs(form.evalf(40) - sympy.Float(str(digits), 40)) < sympy.Float("1e-30")


@pytest.mark.parametrize(
    ("example", "name", "form"),
    [
        ("shared-weight", "L", "18"),
        ("shared-weight", "dL/dw_hh", "12"),
        ("shared-weight-4", "L", "1/16"),
        ("shared-weight-4", "dL/dw_hh", "1/2"),
        ("rnn", "h_1", "tanh(3/5)"),
        ("fnn", "h", "tanh(11/10)"),
        pytest.param("nbis-chain", "a", "-19/200", marks=pytest.mark.exhaustive),
    ],
)
def test_closed_forms(solved, example, name, form):
    """Fractions stay fractions and functions stay functions."""
    assert form == str(solved(load(example), Rounding("exact"))[Name.parse(name)])


def test_closed_forms_end_in_bounded_time(solved):
    """Three steps, forward and backward, are calculated in closed form within seconds."""
    problem = replace(load("rnn3"), update=None)
    started = process_time()
    assert solved(problem, Rounding("exact"))[LOSS].is_real
    assert process_time() - started < 5


def test_a_closed_form_that_is_too_large_is_named(net, solved):
    """The refusal names the line and what would do."""
    with pytest.raises(CalculationError, match=r"^\S.* cannot be calculated: too large for exact: .*--round full"):
        solved(net(T=4, n=2, learning_rate=None).problem, Rounding("exact"))


# --------------------------------------------------------------- what cannot be


def dense(activation: str, x: str, **more) -> dict:
    return {
        "network": {"cell": "dense", "activation": activation},
        "parameters": {"w_xh": 1, "b_h": 0, "w_hy": 1, "b_y": 0},
        "given": {"x": x, "target": "0.5"},
        **more,
    }


@at_once("policy", POLICIES)
@at_once(
    ("activation", "x", "quantity", "reason"),
    [
        ("1/z", "0", "h", "a division by zero"),
        ("z/(1 - z)", "1", "h", "a division by zero"),
        ("sqrt(z)", "0", "dh/da", "a division by zero"),
        ("ln(z)", "-1", "h", "a function is not defined there"),
        ("ln(z)", "0", "h", ""),
        ("sqrt(z)", "-2", "h", "a function is not defined there"),
        ("sqrt(z)/sqrt(z)", "-2", "h", ""),
        ("1/(z - z)*z", "1", "h", "a division by zero"),
    ],
)
def test_what_has_no_value(solved, policy, activation, x, quantity, reason):
    """The line is named with the reason, under every policy."""
    with pytest.raises(CalculationError) as caught:
        solved(from_document(dense(activation, x)), Rounding(policy))
    assert str(caught.value).startswith(f"{quantity} cannot be calculated: {reason}")


@at_once("policy", ["by_hand", "full"])
@at_once(
    ("activation", "x"), [("exp(z)", "100000"), ("exp(exp(z))", "1000"), ("z^20", "99999999999999999999"), ("exp(z)", "1e29")]
)
def test_what_is_too_large(solved, policy, activation, x):
    """An overflow names the line and says what would do."""
    with pytest.raises(CalculationError, match=r"^\S+ cannot be calculated: the number is too large; use smaller parameters"):
        solved(from_document(dense(activation, x)), Rounding(policy))


def test_a_learning_rate_that_overflows(solved):
    """A huge learning rate is read, and fails where its square no longer fits."""
    document = dense("exp(z)", "1", update={"learning_rate": "1e29"}) | {"given": {"x": 1, "target": 5}}
    for policy in ("by_hand", "full"):
        with pytest.raises(CalculationError, match=r"@2 cannot be calculated"):
            solved(from_document(document), Rounding(policy))


@pytest.mark.parametrize(
    ("policy", "activation"),
    paired(
        ["by_hand", "carry", "full"],
        ["exp(z)", "z^20", "ln(z)", "1/z", "sqrt(z)", "exp(exp(z))", "sin(z)", "tanh(z)", "softplus"],
    ),
)
@pytest.mark.parametrize("x", ["0", "-1", "1e-29", "1e29", "-1e29", "700", "-700"])
def test_no_value_but_a_finite_number(solved, policy, activation, x):
    """Whatever the numbers are, every value is finite, or the calculation is refused."""
    try:
        values = solved(from_document(dense(activation, x)), Rounding(policy))
    except CalculationError:
        return
    assert all(value.is_finite() if policy != "full" else math.isfinite(value) for value in values.numbers)


# ------------------------------------------------------------------- override


def test_a_value_can_be_replaced():
    """What follows a replaced line follows from its new value."""
    problem = load("rnn")
    program = build(problem)
    h = Name("h", time=1)
    changed = evaluate(program, problem.given, Rounding(), {h: Decimal("0.6")})
    plain = evaluate(program, problem.given, Rounding())
    assert Decimal("0.6") == changed[h]
    assert Decimal("0.4200") == changed[Name("y", time=1)]
    assert plain[Name("a", time=1)] == changed[Name("a", time=1)]


def test_a_given_number_can_be_replaced():
    """A replaced parameter needs no other problem."""
    problem = load("rnn")
    program = build(problem)
    changed = evaluate(program, problem.given, Rounding("full"), {Name("w_hh"): 0.9})
    other = load("rnn", ["w_hh=0.9"])
    assert evaluate(program, other.given, Rounding("full")).numbers == changed.numbers


# ----------------------------------------------------------- text and number


def test_a_symbol_keeps_its_number():
    """T is 3 in one line and 5 in another, in whatever order the lines are made."""
    rules = [rule_of(Const(Fraction(1)) / Const(Fraction(T), "T"))[0] for T in (3, 5)]
    assert [("(1/T)", "(1/3)"), ("(1/T)", "(1/5)")] == [
        tuple(template(rule, TEXT, numbers).pattern for numbers in (False, True)) for rule in rules
    ]


@at_once(
    ("formula", "names", "digits"),
    [
        (a * b, "a * b", "(-2) * 3"),
        (a + b, "a + b", "(-2) + 3"),
        (b - a, "b - a", "3 - (-2)"),
        (tanh(a), "tanh(a)", "tanh(-2)"),
        (1 - a**2, "1 - a^2", "1 - (-2)^2"),
        (Const(Fraction(1)) / Const(Fraction(3), "T") * a, "(1/T) * a", "(1/3) * (-2)"),
        (a / b, "a / b", "(-2) / 3"),
        (-a, "-a", "-(-2)"),
        (b - Fraction(1, 2) * a, "b - (1/2) * a", "3 - (1/2) * (-2)"),
        (b * a * b + a, "b * a * b + a", "3 * (-2) * 3 + (-2)"),
        (a, "a", "-2"),
    ],
)
def test_a_line_is_printed_from_its_expression(formula, names, digits):
    """Names or numbers stand in the same line; a negative number is bracketed unless it stands alone."""
    rule, arguments = rule_of(formula)

    def filled(fill: list[str], numbers: bool) -> str:
        line = template(rule, TEXT, numbers)
        values = [fill[arguments[hole]] for hole in line.holes]
        return line.pattern % tuple(
            f"({v})" if v.startswith("-") and not bare else v for v, bare in zip(values, line.bare, strict=True)
        )

    assert (names, digits) == (filled(["a", "b"], False), filled(["-2", "3"], True))


def test_one_function_one_object():
    """A function from the table and one from a file with the same text stay two."""
    one = Function("f", "f", definition=Var(0) ** 2)
    other = Function("f", "f", definition=Var(0) ** 3)
    assert Decimal("4.0000") == line(Apply(one, a), places(4), Fraction(2))
    assert Decimal("8.0000") == line(Apply(other, a), places(4), Fraction(2))


def test_values_know_their_rounding(solved):
    """Values carry the program, the given numbers and the policy they were made by."""
    problem = load("rnn")
    values = solved(problem, places(3))
    assert (places(3), problem.given) == (values.rounding, values.given)
    assert isinstance(values.program, Program)
    assert replace(problem, rounding=places(3)) == problem.rounded(places(3))
