"""SymPy as the symbolic engine: graphs of equations, and the program that differentiates one."""

from __future__ import annotations

import subprocess
import sys
from contextlib import redirect_stdout
from decimal import localcontext
from io import StringIO

import pytest
import sympy
from random_problems import examples
from sweeps import problem as built_in

from bptt_trace import ProblemError, load, solve
from bptt_trace.engine.names import LOSS

COVERING = ["fnn", "rnn", "relu-bce", "gru", "slstm", "softmax-gradient", "training", "infosys"]
"""Examples that cover what such a program has: pieces, gates, exponentials, classes, iterations, a truncated pass."""
WITH_A_LOSS = [name for name in examples() if built_in(name).loss.kind != "none"]


def run(text: str) -> tuple[int, str, str]:
    """How a program ends, and what it prints, as in a process of its own."""
    out, errors, code = StringIO(), "", 0
    with redirect_stdout(out), localcontext():
        try:
            exec(compile(text, "<program>", "exec"), {"__name__": "__main__"})
        except SystemExit as ended:
            errors, code = str(ended), 1
    return code, out.getvalue(), errors


@pytest.mark.exhaustive
def test_the_program_is_a_file_to_be_run() -> None:
    """In a process of its own it says and does the same as below, here with a wrong line."""
    wrong = solve("rnn").to_code("sympy").replace("tanh(a_2)", "tanh(a_1)", 1)
    ended = subprocess.run([sys.executable, "-c", wrong], capture_output=True, text=True, check=False)
    assert run(wrong) == (ended.returncode, ended.stdout, ended.stderr.strip())


@pytest.mark.parametrize("name", ["rnn", "relu-bce", "slstm", "classifier"])
def test_the_graph_has_the_equation_of_every_line(name: str) -> None:
    """In the order of the lines, each with the value that the line has in full precision."""
    solution = solve(name, rounding="full")
    graph = solution.graph
    assert [str(step.target) for step in solution.program.steps] == list(graph)
    numbers: dict[sympy.Symbol, sympy.Expr] = {}
    for (known, equation), value in zip(graph.items(), solution.values.numbers, strict=True):
        assert equation.lhs == sympy.Symbol(known, real=True)
        assert equation.rhs.free_symbols <= {*numbers}
        numbers[equation.lhs] = equation.rhs.xreplace(numbers).evalf(40)
        assert abs(numbers[equation.lhs] - sympy.Float(value)) <= 1e-12 * max(1, abs(value))


def test_a_graph_keeps_the_order_of_the_sheet_and_the_lecturers_names() -> None:
    """The right side reads as the line does."""
    graph = solve(load("rnn", ["names.h=s"])).graph
    assert "b_h + s_0*w_hh + w_xh*x_1" == str(graph["a_1"].rhs.doit())
    assert sympy.tanh(sympy.Symbol("a_1", real=True)) == graph["s_1"].rhs
    assert ("w_xh", "x_1") == tuple(map(str, graph["a_1"].rhs.args[0].args))


def test_the_composed_loss_is_differentiated() -> None:
    """SymPy's own derivative of the graph's loss is the gradient of the sheet."""
    solution = solve("rnn", rounding="full")
    graph = solution.graph
    parameter = graph["w_hh"].lhs
    loss = graph[str(LOSS)].lhs
    for equation in reversed(graph.values()):
        if equation.lhs.name[0] in "ahyL" and not equation.rhs.is_number:
            loss = loss.xreplace({equation.lhs: equation.rhs})
    given = {equation.lhs: equation.rhs for equation in graph.values() if equation.rhs.is_Number}
    assert float(sympy.diff(loss, parameter).xreplace(given)) == pytest.approx(solution["dL/dw_hh"], rel=1e-12)


@pytest.mark.parametrize(
    ("name", "rounding"),
    [(name, None) for name in COVERING]
    + [("rnn", rounding) for rounding in ("5sf", "carry:5dp", "full")]
    + [
        pytest.param(name, rounding, marks=pytest.mark.exhaustive)
        for name in WITH_A_LOSS
        for rounding in (None, "carry:5dp", "full")
        if (name, rounding) not in [(one, None) for one in COVERING]
    ],
)
def test_every_gradient_agrees_with_sympy(name: str, rounding: str | None) -> None:
    """The program ends with 0 and names the number of parameters that learn."""
    solution = solve(name, rounding=rounding)
    code, printed, errors = run(solution.to_code("sympy"))
    assert (0, "") == (code, errors)
    assert printed.splitlines()[-1].startswith(
        f"All {solution.to_code('sympy').count('compare(') - 1} gradients agree with SymPy"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"-0.0229", "-0.0229', '"-0.0231", "-0.0229'),  # the sheet's digits
        ('"-0.0229061', '"-0.0229071'),  # the unrounded gradient
        ("tanh(a_2)", "tanh(a_1)"),  # a line
        ('quantity("w_hh", "0.8")', 'quantity("w_hh", "0.81")'),  # a given number
    ],
)
def test_what_is_wrong_is_noticed(old: str, new: str) -> None:
    """The program ends with 1 and says which gradient."""
    text = solve("rnn").to_code("sympy")
    assert old in text
    code, _, errors = run(text.replace(old, new, 1))
    assert code == 1
    assert errors.startswith("SymPy finds ")


@pytest.mark.parametrize("slope", ["0", "1/3", "1"])
def test_sympy_takes_the_slope_of_relu_at_0_that_the_problem_has(slope: str) -> None:
    """The chosen slope at the corner is the one that is composed."""
    problem = load("rnn", ["network.activation=relu", f"network.relu_slope_at_0={slope}", "b_h=-0.5"])
    assert 0 == solve(problem)["a_1"]
    assert 0 == run(solve(problem).to_code("sympy"))[0]


def test_without_anything_to_differentiate() -> None:
    """The message says what would do."""
    with pytest.raises(ProblemError, match="without a loss SymPy has nothing to differentiate; -f python"):
        solve("keras-gru").to_code("sympy")
    with pytest.raises(ProblemError, match=r"every parameter is frozen .*; use -f python"):
        solve(load("rnn", ['update.freeze=["w_xh", "w_hh", "b_h", "w_hy", "b_y"]'])).to_code("sympy")
