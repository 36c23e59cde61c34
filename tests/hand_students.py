"""Students without an error, made by a calculator that shares nothing with the package.

They work through the statements of ``bptt-trace solve -f python`` with fractions
and functions of mpmath; only the formulas are the package's, no evaluator and no
rounding. Four kinds, by what they carry from line to line and what they write:

* ``asked``: every line is rounded to the decimals that a worksheet asks for, and used so;
* ``rule``: every line is rounded by the sheet's own rule, and used so;
* ``carry``: nothing is rounded but what is written, to the decimals that are asked for;
* ``carry-rule``: nothing is rounded but what is written, by the sheet's own rule.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any

import mpmath

from bptt_trace import load, solve

EXAMPLES = Path(__file__).parent.parent / "examples"
KINDS = ("asked", "rule", "carry", "carry-rule")
HALVES = {"half up": ROUND_HALF_UP, "half even": ROUND_HALF_EVEN}
LEAST_FIGURES = 3
MP = mpmath.mp.clone()
MP.dps = 45
DIGITS = 40


def as_decimal(value: Fraction) -> Decimal:
    """With forty decimals more than the number has before the point."""
    size = max(len(str(abs(value.numerator) // value.denominator)), 1)
    whole = round(value * 10**DIGITS)
    return Decimal((whole < 0, tuple(map(int, str(abs(whole)))), -DIGITS)) if size else Decimal(0)


def size_of(value: Fraction) -> int:
    """The place of the first digit: 0 for 1.5, −2 for 0.03."""
    return as_decimal(value).adjusted()


def by_mpmath(function: Any) -> Any:
    """A function of mpmath over fractions."""

    def applied(value: Any) -> Fraction:
        value = Fraction(value)
        found = function(MP.mpf(value.numerator) / value.denominator)
        return Fraction(MP.nstr(found, DIGITS, min_fixed=0, max_fixed=0))

    return applied


FUNCTIONS = {
    "tanh": by_mpmath(MP.tanh),
    "sigmoid": by_mpmath(lambda z: 1 / (1 + MP.exp(-z))),
    "exp": by_mpmath(MP.exp),
    "ln": by_mpmath(MP.log),
    "sqrt": by_mpmath(MP.sqrt),
    "softplus": by_mpmath(lambda z: MP.log1p(MP.exp(z))),
    "relu": lambda z: max(Fraction(z), Fraction(0)),
    "relu_prime": lambda z: Fraction(z > 0),
    "step": lambda z: Fraction(z >= 0),
}


def short(value: Fraction) -> Fraction:
    """The same to forty digits: fractions of fractions would have thousands."""
    return round(value * 10**60) / Fraction(10**60)


@dataclass(frozen=True)
class Calculator:
    """The statements of one problem, and its rounding."""

    problem: str
    settings: tuple[str, ...]
    places: int
    figures: int | None = None

    @cached_property
    def rounding(self) -> str:
        return f"{self.figures}sf" if self.figures else f"{self.places}dp"

    @cached_property
    def code(self) -> CodeType:
        """The statements, from the given numbers on; the head with its rounding is left out."""
        text = solve(load(self.problem, [*self.settings, *self.set_rounding])).to_code("python")
        statements = text[text.index("# ---- Given ----") :]
        return compile(re.sub(r"\nprint\(.*", "", statements), f"{self.problem}.py", "exec")

    @cached_property
    def set_rounding(self) -> list[str]:
        return [f"rounding.figures={self.figures}"] if self.figures else [f"rounding.places={self.places}"]

    def run(self, line: Any) -> None:
        exec(self.code, {**FUNCTIONS, "number": Fraction, "line": line, "rounded": False, "to_figures": True, "to_places": int})

    @cached_property
    def exact(self) -> dict[str, Fraction]:
        """Every line without any rounding."""
        found: dict[str, Fraction] = {}

        def line(name: str, value: Any, *_: Any) -> Fraction:
            found[name] = short(Fraction(value))
            return found[name]

        self.run(line)
        return found

    def decimals(self, name: str, value: Fraction, own: bool | int, *, asked: bool) -> int:
        """How many decimals a student writes of a value, whose line keeps figures (True) or decimals of its own."""
        if self.figures or own is True:
            figures = self.figures or self.places
            return figures - 1 - size_of(value) if value else figures - 1
        exact = self.exact[name]
        places = own or self.places
        return max(places, LEAST_FIGURES - 1 - size_of(exact)) if asked and exact else places

    def answers(self, kind: str, half: str = "half up", slips: Mapping[str, Fraction] | None = None) -> dict[str, str]:
        """What a student of this kind writes; ``slips`` are added to results, and carried on."""
        written: dict[str, str] = {}
        asked, carries = kind in ("asked", "carry"), kind.startswith("carry")

        def line(name: str, value: Any, _: str, own: bool | int = False) -> Fraction:
            value = short(Fraction(value)) + (slips or {}).get(name, 0)
            places = self.decimals(name, value, own, asked=asked)
            text = as_decimal(value).quantize(Decimal(1).scaleb(-places), HALVES[half]) + Decimal(0)
            written[name] = f"{text:f}"
            return value if carries else Fraction(text)

        with localcontext(prec=3 * DIGITS):
            self.run(line)
        return written


def stripped(text: str) -> str:
    """As a spreadsheet stores it: without zeros at the end."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def blanked(answers: Mapping[str, str], share: float, chance: random.Random) -> dict[str, str]:
    return {name: "" if chance.random() < share else text for name, text in answers.items()}


NETWORKS = ("rnn", "rnn3", "fnn", "classifier", "lstm", "gru", "seq2seq", "bidirectional", "training")
OTHERS = (
    "attention-mask", "bahdanau-attention", "coupled-gates", "delta-rule", "dropout", "every-path",
    "forward-mode", "graph", "hello", "jordan", "leaky-integrator", "luong-attention", "micrograd", "min-gru",
    "min-lstm", "minimal-gated-unit", "perceptron", "perceptron-or", "readout-equations", "recurrent-layer",
    "selective-state-space", "self-attention", "softmax-of-logits",
)  # fmt: skip
"""Examples of attention, letters, equations, graphs, and of what is asked for besides."""


def other_numbers(problem: str, chance: random.Random) -> tuple[str, ...]:
    """Settings that give every parameter of a built-in problem another number."""

    def another(value: Any) -> Any:
        return [another(one) for one in value] if isinstance(value, list) else chance.randint(-12, 12) / 10

    with (EXAMPLES / f"{problem}.toml").open("rb") as file:
        parameters = tomllib.load(file)["parameters"]
    return tuple(f"parameters.{name}={another(value)}" for name, value in parameters.items())


def sheets(calculator: Calculator, chance: random.Random, shares: tuple[float, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """One sheet of each kind, way of rounding, and share of blanks; with zeros, and without."""
    for kind in KINDS:
        for half in HALVES:
            answers = calculator.answers(kind, half)
            for share in shares:
                sheet = blanked(answers, share, chance)
                yield f"{kind}, {half}, {share:.0%} blank", sheet
                yield f"{kind}, {half}, {share:.0%} blank, stripped", {n: stripped(t) for n, t in sheet.items()}
