"""One walk over formulas, one table for each notation."""

from __future__ import annotations

import operator
import re
from fractions import Fraction
from functools import reduce
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bptt_trace.calculation.compiled_rules import source
from bptt_trace.document.notation import ATOM, LATEX, PYTHON, SUM, TEXT, Form, Signs, like
from bptt_trace.engine.formula import Apply, Const, Extreme, Formula, Neg, Over, Power, Sum, Times, Total, Var
from bptt_trace.engine.formula_text import LinePrinter
from bptt_trace.engine.functions import ln, sqrt, tanh
from bptt_trace.engine.rules import rule_of
from bptt_trace.errors import DesignError

VALUES = (Fraction(3), Fraction(-2, 7), Fraction(5, 3))
a, b, c = Var(0), Var(1), Var(2)


def value_of(formula: Formula) -> Fraction:
    """What a formula of numbers comes to, node by node: the oracle of all notations."""
    match formula:
        case Var(number):
            return VALUES[number]
        case Const(value):
            return value
        case Neg(operand):
            return -value_of(operand)
        case Sum(terms):
            return sum(map(value_of, terms), Fraction(0))
        case Times(factors):
            return reduce(operator.mul, map(value_of, factors))
        case Over(above, below):
            return value_of(above) / value_of(below)
        case Power(base, exponent):
            return value_of(base) ** exponent
        case Extreme(kind, both):
            return {"max": max, "min": min}[kind](map(value_of, both))
    raise AssertionError(formula)


leaves = st.one_of(
    st.integers(0, 2).map(Var),
    st.builds(Fraction, st.integers(-3, 3), st.integers(1, 3)).map(Const),
)
formulas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(Neg),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(Sum),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(Times),
        st.builds(Over, inner, inner),
        st.builds(Power, inner, st.integers(2, 3)),
        st.builds(Extreme, st.sampled_from(["max", "min"]), st.tuples(inner, inner)),
    ),
    max_leaves=8,
)


def in_names(formula: Formula, signs: Signs) -> str:
    form = LinePrinter(signs).template(formula)
    return form.pattern % tuple("abc"[hole] for hole in form.holes)


def by_python(text: str) -> Any:
    """What Python makes of a text; its digits are exact."""
    exact = re.sub(r"\d+", r"F(\g<0>)", text)
    return eval(exact, dict(zip("abc", VALUES, strict=True)) | {"F": Fraction, "max": max, "min": min})


PREFIX = like(
    TEXT,
    plus=Form("(+ {} {})"),
    minus=Form("(- {} {})"),
    negative=Form("(- 0 {})", (SUM,)),
    times=Form("(* {} {})"),
    over=Form("(/ {} {})"),
    ratio=Form("(/ {} {})"),
    power=Form("(^ {} {})", (SUM,)),
    call=Form("({} {})", (SUM,)),
    extreme="({} {} {})",
)
"""A language without precedence."""


def by_prefix(text: str) -> Fraction:
    """What a text with the operator in front comes to."""
    words = text.replace("(", " ( ").replace(")", " ) ").split()
    operators = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "max": max, "min": min}
    operators["^"] = lambda base, exponent: base ** int(exponent)

    def read() -> Fraction:
        word = words.pop(0)
        if word != "(":
            return dict(zip("abc", VALUES, strict=True)).get(word) or Fraction(word)
        sign, left, right = words.pop(0), read(), read()
        assert words.pop(0) == ")"
        return operators[sign](left, right)

    return read()


@pytest.mark.parametrize(
    ("signs", "read"),
    [(TEXT, lambda text: by_python(text.replace("^", "**"))), (PYTHON, by_python), (PREFIX, by_prefix)],
    ids=["text", "python", "prefix"],
)
@given(formula=formulas)
def test_a_text_means_what_the_formula_says(signs, read, formula):
    """Brackets stand where they are needed: read by the rules of its notation, a text has the value of the formula."""
    try:
        value = value_of(formula)
    except ZeroDivisionError:
        assume(False)
    assert value == read(in_names(formula, signs))


@given(formula=formulas)
def test_the_source_of_a_rule_means_what_the_formula_says(formula):
    """What is calculated is the formula, in whatever arithmetic."""
    try:
        value = value_of(formula)
    except ZeroDivisionError:
        assume(False)
    rule, arguments = rule_of(formula)
    assert value == source(rule).bind(Fraction, lambda function: pytest.fail(str(function)))(*[VALUES[n] for n in arguments])


MATHML = like(
    TEXT,
    plus="{}<mo>+</mo>{}",
    minus="{}<mo>−</mo>{}",
    negative="<mo>−</mo>{}",
    times="{}<mo>·</mo>{}",
    over=Form("<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>", (SUM, SUM), ATOM),
    ratio=Form("<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>", (SUM, SUM), ATOM),
    power="<msup><mrow>{}</mrow><mn>{}</mn></msup>",
    call="<mi>{}</mi><mo>(</mo>{}<mo>)</mo>",
    calls={"sqrt": "<msqrt>{}</msqrt>"},
    number="<mn>{}</mn>",
    bracket="<mo>(</mo>{}<mo>)</mo>",
)


def test_a_notation_of_elements_is_a_table_too():
    """MathML is one row of signs, like the others."""
    form = LinePrinter(MATHML).template(a * (b - c) / sqrt(a**2 + 1) + tanh(-b))
    text = form.pattern % tuple(f"<mi>{'abc'[hole]}</mi>" for hole in form.holes)
    tree = ElementTree.fromstring(f"<math>{text}</math>")
    assert ["mfrac", "mo", "mi", "mo", "mo", "mi", "mo"] == [element.tag for element in tree]
    assert "a·(b−c)a2+1+tanh(−b)" == "".join(tree.itertext())
    assert ["mrow", "mrow"] == [element.tag for element in tree[0]]
    assert "msqrt" == tree[0][1][0].tag


@pytest.mark.parametrize(
    ("formula", "text", "latex"),
    [
        ((a**2) ** 3, "(z^2)^3", "(z^{2})^{3}"),
        (a / (a / 2), "z / (z / 2)", r"\frac{z}{\frac{z}{2}}"),
        (-(a**2), "-z^2", "-z^{2}"),
        ((-a) ** 2, "(-z)^2", "(-z)^{2}"),
        (ln(a) * sqrt(a + 1), "ln(z) * sqrt(z + 1)", r"\ln(z) \cdot \sqrt{z + 1}"),
        (Const(Fraction(-1, 2)) * a, "-(1/2) * z", r"-\frac{1}{2} \cdot z"),
    ],
)
def test_brackets(formula, text, latex):
    """A power of a power, a quotient in a quotient, a sign before a power."""
    assert [text, latex] == [LinePrinter(signs).template(formula).pattern.replace("%s", "z") for signs in (TEXT, LATEX)]


def test_a_line_of_numbers_has_no_matrices():
    """What was not lowered to components is an error, never a guess."""
    for formula in (Total(Var(0, (2,))), Apply(tanh, Total(Var(0, (2,))))):
        with pytest.raises(DesignError, match="lower it first"):
            LinePrinter(TEXT).template(formula)
