"""The engine of the page, by node, against Python: the digits of every line, and the verdicts of ``check``.

``PAGE_CASES`` and ``PAGE_SHEETS`` say how many random inputs and answer sheets each example gets.
"""

from __future__ import annotations

import json
import os
from fractions import Fraction
from typing import Any

import pytest
from live import NODE, agreement, compared, engine, node
from random_problems import examples
from sweeps import abreast, at_once, chosen

from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.engine.formula import Const, Formula, Rest, Var
from bptt_trace.engine.functions import cos, exp, leaky_relu, ln, sigmoid, sin, softplus, sqrt, tanh
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Builder
from bptt_trace.engine.rules import rule_of
from bptt_trace.errors import CalculationError, ProblemError
from bptt_trace.exports.page.program import Code
from bptt_trace.exports.page.rules import Functions, in_javascript
from bptt_trace.lines.spelling import shown
from bptt_trace.marking.answer_number import read
from bptt_trace.problem.numbers import exact_number
from bptt_trace.problem.rounding import Rounding

CASES = int(os.environ.get("PAGE_CASES", "4"))
SHEETS = int(os.environ.get("PAGE_SHEETS", "12"))


@pytest.fixture(scope="module", autouse=True)
def _needs_node() -> None:
    """The tests are skipped without node, but never where ``CI`` is set."""
    if NODE is None and not os.environ.get("CI"):
        pytest.skip("node is not installed (Debian: nodejs)")
    assert NODE, "node is missing; with CI set, nothing is skipped"


ROUNDINGS = ("4dp", "2dp", "12dp", "3sf", "5sf", "carry:4dp", "carry:5sf")
FEW = ("rnn", "classifier", "lstm", "relu-bce", "adam", "selective-state-space", "seq2seq")


@pytest.mark.parametrize(("name", "rounding"), abreast(chosen(examples(), FEW), ROUNDINGS))
def test_every_line_has_the_digits_of_python(name: str, rounding: str) -> None:
    """For random given numbers every line is printed as in Python, and what cannot be calculated fails at the same line."""
    found = compared(name, rounding, CASES)
    assert (found["count"], found["differ"]) == (0, [])
    assert found["lines"] + found["failures"] > 0


@pytest.mark.parametrize("name", chosen(examples(), ["rnn"]))
def test_verdicts_are_those_of_check(name: str) -> None:
    """Answers of random students get the verdict, and the named mistake, that ``check`` gives them."""
    same, count, others = agreement(name, SHEETS)
    assert (same, others) == (count, [])


TEXTS = 'const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));\n'


def tell(what: str) -> str:
    """A statement that prints a value for ``node``."""
    return f"console.log(JSON.stringify({what}));"


A, B, C = map(Var, range(3))
IN_JAVASCRIPT: dict[str, tuple[Formula, str]] = {
    "sum": (A * B + C, "(k, s0, s1, s2) => k.add(k.mul(s0, s1), s2)"),
    "difference": (A - B / C, "(k, s0, s1, s2) => k.sub(s0, k.div(s1, s2))"),
    "function": (tanh(A * B), "(k, s0, s1) => k.tanh(k.mul(s0, s1))"),
    "constant": (Const(Fraction(2, 3)) * A, "(k, s0) => k.mul(k.div(k.int(2n), k.int(3n)), s0)"),
    "pieces": (leaky_relu()(A), "(k, s0) => k.bent(s0, k.div(k.int(1n), k.int(100n)), k.int(1n))"),
    "power": (1 - tanh(A) ** 2, "(k, s0) => k.sub(k.int(1n), k.pow(k.tanh(s0), 2))"),
    "negative": (-(A + B), "(k, s0, s1) => k.neg(k.add(s0, s1))"),
    "rest": (Rest() * A, "(k, s0, ...rest) => k.mul(k.sum(rest), s0)"),
}


@at_once("name", IN_JAVASCRIPT)
def test_a_rule_is_a_function_of_an_arithmetic(name: str) -> None:
    """The printer of formulas writes a rule as calls on an arithmetic."""
    formula, wanted = IN_JAVASCRIPT[name]
    assert in_javascript(rule_of(formula)[0], Functions()) == wanted


TYPED = (
    "0.5", "-0.50", "+3", ".5", "5.", "007", "1/3", "-6/4", "1e-3", "2.50e2", "1E5", "0.00", "0", "-0", "0e3", "1e-31", "1e30",
    "9e29", "1/0", "", " ", "x", "0x10", "1_000", "1.2.3", "--1", "1e", "1" * 41, "1234567890" * 4, "0." + "1" * 41, "٣", "nan",
)  # fmt: skip


def test_given_numbers_are_read_as_in_a_problem_file() -> None:
    """What a problem file takes for a number the page takes, with the same text; what it refuses the page refuses."""

    def by_python(text: str) -> str | None:
        try:
            return exact_number(text, "x").text
        except ProblemError:
            return None

    found = node(f"{engine('arithmetic')}\n{TEXTS}{tell('texts.map(text => given(text).text ?? null)')}", TYPED)
    assert dict(zip(TYPED, found, strict=True)) == {text: by_python(text) for text in TYPED}


HARD: dict[str, tuple[Formula, list[str], str]] = {
    "a difference that loses forty digits": (1 - tanh(A) ** 2, ["60"], "3sf"),
    "one that loses nine hundred": (1 - tanh(A) ** 2, ["1000"], "3sf"),
    "nothing times a function": (A * tanh(B), ["0", "0.3"], "3sf"),
    "a function of a number near nothing": (A * tanh(B * B * B * B * B * B * B * B * B), ["1", "1e-28"], "3sf"),
    "a tie less what is left of 1": (B * tanh(A), ["200", "0.0005"], "3dp"),
    "a tie that functions come to": (B * sigmoid(A) + B * sigmoid(-A), ["0.7", "0.0005"], "3dp"),
    "a tie of equal shares": (exp(A) / (exp(A) + exp(A) + exp(A) + exp(A)) * B, ["0.3", "0.002"], "3dp"),
    "a tie": (Const(Fraction(2, 3)) * A, ["0.00075"], "3dp"),
    "a small probability": (exp(A) / (exp(A) + exp(B)), ["-300", "400"], "5sf"),
    "its logarithm": (ln(A), ["1e-30"], "12dp"),
    "a large exponential": (exp(A), ["60"], "12dp"),
    "a number too large": (exp(A), ["200"], "4dp"),
    "a division by nothing": (A / B, ["1", "0"], "4dp"),
    "nothing times what is beyond all": (exp(-A * exp(B)), ["0", "676311.6"], "4dp"),
    "a number near 10^-26,000": (sigmoid(A), ["-60000"], "3sf"),
    "one near 10^-185,000": (softplus(A), ["-426440"], "3sf"),
    "a function of a number near 10^-4,900": (tanh(exp(A)), ["-11230"], "3sf"),
    "a share of numbers too large": (exp(A) / (exp(A) + exp(B)), ["2000000", "-3000000"], "5sf"),
    "a logarithm next to 1": (ln(1 + A * A), ["1e-30"], "5sf"),
    "a wave of a large number": (sin(A) + cos(A), ["123456789.5"], "12dp"),
    "a root of a small number": (sqrt(A), ["3e-29"], "12sf"),
    "terms that cancel whatever a function comes to": (A * tanh(C) + B * tanh(C), ["0.2", "-0.2", "1.1"], "3sf"),
    "a fraction that is too large to be printed": (A * B * B, ["1/3", "1e29"], "carry:4dp"),
    "a number that is too small": (exp(-exp(A)), ["20"], "5sf"),
}


LAST = "evaluate(program, new Map(texts.map((text, i) => [i, given(text)]))).at(-1).text ?? null"


def hard(name: str) -> tuple[Any, str]:
    """What Python prints of a hard line, nothing where it fails, and a script that prints what the page does."""
    formula, texts, rule = HARD[name]
    builder, rounding = Builder(), Rounding.parse(rule)
    names = [Name("x", time=time) for time, _ in enumerate(texts)]
    for one in names:
        builder.given(one)
    builder.let(Name("y"), formula, Role.HIDDEN)
    program = builder.build()
    given = {one: exact_number(text, "x") for one, text in zip(names, texts, strict=True)}
    wanted: Any
    try:
        wanted = shown(evaluate(program, given, rounding))[-1]
    except CalculationError:
        wanted = None
    code = Code(program.steps, rounding).javascript()
    return wanted, f"(texts => {{\n{code}\nreturn {LAST};\n}})({json.dumps(texts)})"


def test_hard_lines_come_to_the_same() -> None:
    """Where digits cancel, ties are spoilt or numbers leave their bounds, the line is that of Python, or fails as it does."""
    lines = {name: hard(name) for name in HARD}
    scripts = ",\n".join(script for _, script in lines.values())
    found = node(f"{engine('arithmetic', 'calculation')}\n{tell(f'[{scripts}]')}", [])
    assert dict(zip(lines, found, strict=True)) == {name: wanted for name, (wanted, _) in lines.items()}


def test_powers_of_ten_are_the_doubles_next_to_them() -> None:
    """The unit of the last place is that of ``check``; ``10 ** -4`` is one double below it in Chromium and node."""
    exponents = list(range(-40, 41))
    found = node(f"{engine('arithmetic')}\n{TEXTS}{tell('texts.map(tenTo)')}", exponents)
    assert found == [float(f"1e{exponent}") for exponent in exponents]


ANSWERS = (
    "0.5", "-0,5", "−0.1515", "2.9e-4", "2.9x10^-4", "2.9 · 10⁻⁴", "2.9*10**-4", "3/8", "nan", "", "1,530", "1/0", "0x10",
    "12e400", " 7 ", "1 000", "--1", ".5", "5.", "9" * 41,
)  # fmt: skip


def test_answers_are_read_as_check_reads_them() -> None:
    """With a comma as decimal mark the page reads the number, its decimals and digits as ``check`` does, or says why not."""

    def by_python(text: str) -> list[Any]:
        one = read(text, mark=",")
        return [None if one.value is None else float(one.value), one.decimals, one.digits, one.reason]

    told = "one => [one.value ?? null, one.decimals ?? 0, one.digits ?? 0, one.reason ?? '']"
    script = f"{engine('arithmetic', 'calculation', 'worlds')}\n{TEXTS}{tell(f'texts.map(reading).map({told})')}"
    found = node(script, ANSWERS)
    assert dict(zip(ANSWERS, found, strict=True)) == {text: by_python(text) for text in ANSWERS}
