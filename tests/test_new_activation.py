"""A new activation is one row of the table of functions; every use of it follows."""

from __future__ import annotations

import math
from contextlib import redirect_stdout
from decimal import localcontext
from io import StringIO

import numpy as np
import pytest
import sympy

from bptt_trace import ProblemError, load, solve
from bptt_trace.calculation.arrays import over_arrays
from bptt_trace.calculation.prove import prove
from bptt_trace.engine.formula import Apply, Var
from bptt_trace.engine.functions import ACTIVATIONS, ELEMENTARY, Function, Libraries
from bptt_trace.engine.rules import rule_of
from bptt_trace.media.templates import typst

arctan = Function(
    "arctan",
    "arctan",
    lambda z, _: 1 / (1 + z**2),
    libraries=Libraries(math.atan, lambda m, z: m.atan(z), lambda m, z: m.atan(z), lambda m, z: m.arctan(z)),
    code={
        "decimal": '''\
def arctan(z):
    """z - z^3/3 + z^5/5 - ..., of an angle that is halved until it is small."""
    z, halved = decimal(z), 0
    while abs(z) > Decimal("0.01"):
        z, halved = z / (1 + (1 + z * z).sqrt()), halved + 1
    total, power, n = Decimal(0), z, 1
    while total + power / n != total:
        total, power, n = total + power / n, -power * z * z, n + 2
    return number(total * 2**halved)''',
        "float": "arctan = math.atan",
        "numpy": "arctan = np.arctan",
        "torch": "arctan = torch.arctan",
        "sympy": "arctan = sympy.atan",
    },
)


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "arctan", arctan)
    monkeypatch.setitem(ELEMENTARY, "arctan", arctan)


@pytest.mark.parametrize(
    ("activation", "rounding", "tolerance"),
    [
        ("arctan", "4dp", 2e-4), ("arctan", "carry:8dp", 1e-12), ("arctan", "full", 1e-12), ("arctan", "exact", 1e-12),
        ("z*arctan(z)", "4dp", 2e-4), ("z*arctan(z)", "carry:8dp", 1e-12), ("z*arctan(z)", "full", 1e-12),
    ],
)  # fmt: skip
def test_every_arithmetic_calculates_it(activation: str, rounding: str, tolerance: float) -> None:
    """By hand, with 60 digits, with doubles and as a closed form."""
    found = solve(load("rnn", [f"network.activation={activation}"]), rounding=rounding)
    a = 0.5 * 1 + 0.1
    assert found["h_1"] == pytest.approx(math.atan(a) * (a if activation != "arctan" else 1), abs=tolerance)


def test_its_gradients_are_proved() -> None:
    """By SymPy's derivative of the composed loss and by central differences."""
    compared = prove(load("rnn", ["network.activation=arctan"]))
    assert 5 == len(compared)
    assert all(one.agrees and one.composed is not None for one in compared)


@pytest.mark.parametrize("form", ["python", "numpy", "torch", "sympy"])
@pytest.mark.parametrize("activation", ["arctan", "z*arctan(z)"])
@pytest.mark.parametrize("rounding", ["4dp", "full"])
def test_every_program_has_it(activation: str, form: str, rounding: str) -> None:
    """Each defines it and reproduces the sheet."""
    if form == "torch":
        pytest.importorskip("torch")
    text = solve(load("rnn", [f"network.activation={activation}"]), rounding=rounding).to_code(form)
    assert arctan.code is not None
    assert arctan.code["float" if form == "python" and rounding == "full" else {"python": "decimal"}.get(form, form)] in text
    out = StringIO()
    with redirect_stdout(out), localcontext():
        exec(compile(text, "<program>", "exec"), {"__name__": "__main__"})
    assert out.getvalue().splitlines()[-1].startswith("All ")


def test_every_notation_spells_it() -> None:
    """Plain text, Markdown, LaTeX, Typst, and the equations of the graph."""
    solution = solve(load("rnn", ["network.activation=arctan"]))
    assert "arctan(a_1)" in solution.to_text()
    assert r"\mathrm{arctan}(a_{1})" in solution.to_markdown()
    assert r"\mathrm{arctan}(a_{1})" in solution.to_latex()
    assert '"arctan"\\(a_(1)\\)' in typst(solution.sheet)
    assert sympy.atan(sympy.Symbol("a_1", real=True)) == solution.graph["h_1"].rhs


def test_columns_have_it() -> None:
    """Variants are screened over columns of doubles."""
    rule, _ = rule_of(Apply(arctan, Var(0)))
    assert [math.atan(0.5), math.atan(-2.0)] == pytest.approx(over_arrays(rule)(np.array([0.5, -2.0])).tolist(), rel=1e-15)


def test_messages_name_it() -> None:
    """A misspelt activation is answered with the table as it is."""
    with pytest.raises(ProblemError, match="arctan") as error:
        load("rnn", ["network.activation=arctann"])
    assert "softplus" in str(error.value)
