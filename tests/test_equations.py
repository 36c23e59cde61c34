"""Cells told by their equations: the same lines as the cells that are built in, right gradients, and errors with a caret."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable
from contextlib import redirect_stdout
from decimal import Decimal
from fractions import Fraction
from io import StringIO
from pathlib import Path
from typing import Any

import mpmath
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from law import Digits, by_digits
from networks import document as network_document
from networks import filled, sequence
from students import by_hand
from sweeps import at_once, chosen, of_media, paired, printed, thinned
from test_law import MEDIA, lines_of, obey, solved_functions

from bptt_trace import Key, check, load, solve
from bptt_trace.calculation.prove import prove
from bptt_trace.commands import command
from bptt_trace.engine.names import Name, Role, gradient
from bptt_trace.errors import ProblemError
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.problem.problem import Problem, document, from_document

MP = mpmath.mp.clone()
MP.dps = 60
Numbers = dict[str, Any]


# ------------------------------------------------- the cells that are built in


def gate(name: str, function: str = "sigmoid") -> list[str]:
    return [f"a_{name}_t = W_x{name} x_t + W_h{name} h_(t-1) + b_{name}", f"{name}_t = {function}(a_{name}_t)"]


BUILT_IN: dict[str, dict[str, Any]] = {
    "rnn": {"state": ["h"], "equations": ["a_t = W_xh x_t + W_hh h_(t-1) + b_h", "h_t = tanh(a_t)"]},
    "lstm": {
        "state": ["h", "c"],
        "memory": "c",
        "equations": [
            *gate("i"), *gate("f"), *gate("g", "tanh"), *gate("o"), "c_t = f_t ⊙ c_(t-1) + i_t ⊙ g_t", "h_t = o_t ⊙ tanh(c_t)",
        ],
        "words": {"i": "input gate", "f": "forget gate", "g": "candidate", "o": "output gate", "c": "cell"},
    },
    "gru": {
        "state": ["h"],
        "equations": [
            *gate("r"), *gate("z"), "a_hn_t = W_hn h_(t-1)", "a_n_t = W_xn x_t + r_t * a_hn_t + b_n", "n_t = tanh(a_n_t)",
            "h_t = (1 - z_t) * n_t + z_t * h_{t-1}",
        ],
        "words": {"r": "reset gate", "z": "update gate", "n": "candidate", "a_hn": "from the state"},
    },
    "slstm": {
        "state": ["h", "c", "n", "m"],
        "memory": "c",
        "stabiliser": "m",
        "equations": [
            *(gate(name)[0] for name in "ifzo"), "m_t = max(a_f_t + m_(t-1), a_i_t)",
            "i_t = exp(a_i_t - m_t)", "f_t = exp(a_f_t + m_(t-1) - m_t)", "z_t = tanh(a_z_t)", "o_t = sigmoid(a_o_t)",
            "c_t = f_t * c_(t-1) + i_t * z_t", "n_t = f_t * n_(t-1) + i_t", "h_t = o_t * c_t / n_t",
        ],
        "words": {"i": "input gate", "f": "forget gate", "z": "cell input", "o": "output gate", "c": "cell", "n": "normaliser"},
    },
}  # fmt: skip
"""The equations of the built-in cells, as a lecturer writes them."""


def told(kind: str, table: dict[str, Any]) -> dict[str, Any]:
    """The same problem with the equations of its cell written out."""
    return {**table, "network": {**table["network"], "cell": "equations"}, "cell": {"name": kind, **BUILT_IN[kind]}}


def lines(problem: Problem) -> dict[str, tuple[Any, ...]]:
    """Every line by its name: formula, numbers, result, and what it is."""
    return {
        row.name.text: (row.formula.text, row.formula.latex, row.numbers.text, row.result.text, row.label)
        for row in solve(problem).sheet.rows()
    }


def on_columns(kind: str, **network: Any) -> dict[str, Any]:
    """Two units, two inputs, two steps."""
    return filled(
        {"cell": kind, "hidden": 2, **network}, {"x": sequence(2, 2), "target": sequence(2, 1)}, update={"learning_rate": 1}
    )


TABLES: dict[str, Callable[[str], dict[str, Any]]] = {
    "one unit": lambda kind: filled({"cell": kind}, {"x": sequence(3), "target": sequence(3)}, update={"learning_rate": 1}),
    "columns": on_columns,
    "rows": lambda kind: on_columns(kind, products="x W"),
    "a stack": lambda kind: on_columns(kind, hidden=[2, 1]),
    "both directions": lambda kind: on_columns(kind, bidirectional=True),
    "a decoder": lambda kind: on_columns(kind, decoder="output"),
    "a batch": lambda kind: filled({"cell": kind, "hidden": 2}, {"x": sequence(2, 1, 2), "target": sequence(2, 1, 2)}),
}


@pytest.mark.parametrize(("kind", "shape"), paired(thinned(BUILT_IN, 2), TABLES))
def test_a_built_in_cell_written_out_gives_the_same_lines(kind: str, shape: str) -> None:
    """Names, formulas, numbers, results and words of all lines, whatever the network is."""
    table = TABLES[shape](kind)
    assert lines(from_document(told(kind, table))) == lines(from_document(table))


@pytest.mark.parametrize("kind", BUILT_IN)
def test_a_built_in_cell_written_out_has_the_same_pictures(kind: str) -> None:
    """The network and the cell."""
    table = TABLES["one unit"](kind)
    ours, theirs = (list(solve(from_document(one)).sheet.figures()) for one in (told(kind, table), table))
    assert ours == theirs


# ---------------------------------------------- the examples, by other libraries

Step = Callable[[Any, Callable[[str], Any], Any, list[Any]], list[Any]]
"""The equations of an example in another library: what it has, the parameters, the input, the state; the new state."""


def sigmoid(library: Any, z: Any) -> Any:
    return 1 / (1 + library.exp(-z))


def minimal(m: Any, p: Callable[[str], Any], x: Any, state: list[Any]) -> list[Any]:
    f = sigmoid(m, p("w_xf") * x + p("w_hf") * state[0] + p("b_f"))
    return [(1 - f) * state[0] + f * m.tanh(p("w_xg") * x + p("w_hg") * f * state[0] + p("b_g"))]


def min_gru(m: Any, p: Callable[[str], Any], x: Any, state: list[Any]) -> list[Any]:
    z = sigmoid(m, p("w_xz") * x + p("b_z"))
    return [(1 - z) * state[0] + z * (p("w_xg") * x + p("b_g"))]


def min_lstm(m: Any, p: Callable[[str], Any], x: Any, state: list[Any]) -> list[Any]:
    f, i = (sigmoid(m, p(f"w_x{gate}") * x + p(f"b_{gate}")) for gate in "fi")
    return [(f * state[0] + i * (p("w_xg") * x + p("b_g"))) / (f + i)]


def coupled(m: Any, p: Callable[[str], Any], x: Any, state: list[Any]) -> list[Any]:
    f, g, o = (p(f"w_x{gate}") * x + p(f"w_h{gate}") * state[0] + p(f"b_{gate}") for gate in "fgo")
    c = sigmoid(m, f) * state[1] + sigmoid(m, -f) * m.tanh(g)
    return [sigmoid(m, o) * m.tanh(c), c]


def leaky(m: Any, p: Callable[[str], Any], x: Any, state: list[Any]) -> list[Any]:
    fresh = m.tanh(p("w_xg") * x + p("w_hg") * state[0] + p("b_g"))
    return [state[0] + p("leak") * (fresh - state[0])]


def selective(m: Any, p: Callable[[str], Any], x: Any, state: list[Any]) -> list[Any]:
    delta = m.log(1 + m.exp(p("w_xd") * x + p("b_d")))
    s = m.exp(-m.exp(p("w_decay")) * delta) * state[1] + delta * p("w_xb") * x**2
    return [p("w_xc") * x * s, s]


EXAMPLES: dict[str, Step] = {
    "minimal-gated-unit": minimal,
    "min-gru": min_gru,
    "min-lstm": min_lstm,
    "coupled-gates": coupled,
    "leaky-integrator": leaky,
    "selective-state-space": selective,
}
"""The equations of each."""


def loss(name: str, library: Any, number: Callable[[Any], Any], parameters: Numbers) -> Any:
    """The mean squared error of an example, or that of its last step."""
    if name == "jordan":
        return loss_of_jordan(library, number, parameters)
    keys, _ = document(name)
    step = EXAMPLES[name]
    given, terms = keys["given"], []
    state = [number(given.get(f"{stem}_0", 0)) for stem in keys["cell"]["state"]]
    for x in given["x"]:
        state = step(library, parameters.__getitem__, number(x), state)
        terms.append(parameters["w_hy"] * state[0] + parameters["b_y"])
    if not isinstance(given["target"], list):
        return (terms[-1] - number(given["target"])) ** 2
    return sum((y - number(target)) ** 2 for y, target in zip(terms, given["target"], strict=True)) / len(terms)


def loss_of_jordan(library: Any, number: Callable[[Any], Any], parameters: Numbers) -> Any:
    given = document("jordan")[0]["given"]
    y, terms = number(given["y_0"]), []
    for x, target in zip(given["x"], given["target"], strict=True):
        h = library.tanh(parameters["W_xh[1,1]"] * number(x) + parameters["W_xh[1,2]"] * y + parameters["b_h"])
        y = sigmoid(library, parameters["w_hy"] * h + parameters["b_y"])
        terms.append((y - number(target)) ** 2)
    return sum(terms) / len(terms)


def gradients(name: str) -> tuple[Numbers, dict[str, float]]:
    """The parameters of an example as its file has them, and its gradients in full precision."""
    problem = load(name)
    values = solve(problem, rounding="full").values
    parameters = [step.target for step in values.program.steps if step.role is Role.PARAMETER]
    return {str(one): problem.given[one].text for one in parameters}, {
        str(one): float(values[gradient(one)]) for one in parameters
    }


STEP = MP.mpf("1e-20")


def digits(value: Any) -> Any:
    """A number of a file, with 60 digits."""
    return MP.mpf(str(value))


@pytest.mark.parametrize("name", [*EXAMPLES, "jordan"])
def test_gradients_of_the_examples_agree_with_central_differences(name: str) -> None:
    """Of the paper's equations, written down anew and calculated with 60 digits."""
    texts, found = gradients(name)
    start = {key: MP.mpf(text) for key, text in texts.items()}
    for key, value in found.items():
        above, below = (loss(name, MP, digits, {**start, key: start[key] + sign * STEP}) for sign in (1, -1))
        assert value == pytest.approx(float((above - below) / (2 * STEP)), rel=1e-12, abs=1e-14), key


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None and not os.environ.get("CI"), reason="PyTorch is not installed (pip install torch)"
)
@pytest.mark.parametrize("name", [*EXAMPLES, "jordan"])
def test_gradients_of_the_examples_agree_with_autograd(name: str) -> None:
    """PyTorch's, of the same equations."""
    import torch

    def number(value: Any) -> Any:
        return torch.tensor(float(value), dtype=torch.float64)

    texts, found = gradients(name)
    parameters = {key: number(text).requires_grad_() for key, text in texts.items()}
    loss(name, torch, number, parameters).backward()
    assert found == pytest.approx({key: one.grad.item() for key, one in parameters.items()}, rel=1e-12, abs=1e-14)


# ------------------------------------------------------------- all that follows

RICH: dict[str, Any] = {
    "network": {"cell": "equations", "hidden": 2},
    "cell": {
        "name": "A bit of everything",
        "state": ["h", "u"],
        "memory": "u",
        "equations": [
            "q_t = swish(W_q [h_(t-1), x_t] + b_q)",
            "p_t = max(W_xp @ x_t, -w_p * u_(t-1))",
            "v_t = sqrt(1 + sum(p_t^2)) + ln(2 + q_t^2)",
            "u_t = min(u_(t-1), q_t) + v_t * p_t / (1 + exp(-q_t))",
            "h_t = tanh(u_t · q_t)",
        ],
        "functions": {"swish": "z*sigmoid(z)"},
    },
}
"""Every operation that the equations have, on columns."""


def rich(**network: Any) -> Problem:
    given = {"x": [["0.5", "-0.3"], ["-0.4", "0.8"]], "target": ["0.5", "-0.2"], "u_0": ["0.3", "-0.6"]}
    numbers = {
        "W_q": [["0.3", "-0.5", "0.7", "0.2"], ["-0.4", "0.6", "0.1", "0.9"]],
        "b_q": ["0.2", "-0.1"],
        "W_xp": [["0.6", "-0.2"], ["0.3", "0.5"]],
        "w_p": ["0.4", "-0.7"],
        "W_hy": ["0.8", "-0.5"],
        "b_y": "0.1",
    }
    return from_document({**RICH, "given": given, "parameters": numbers, "update": {"learning_rate": "0.1"}, **network})


def test_every_operation_has_the_right_gradient() -> None:
    """Matrix products, columns, max and min, sums, roots, logarithms and a function of one's own, on columns of two."""
    compared = prove(rich())
    assert len(compared) == 19
    assert all(one.difference <= abs(one.central) * Decimal("1e-20") for one in compared), compared


def slope_of_swish(z: Any) -> Any:
    s = 1 / (1 + MP.exp(-z))
    return s + z * s * (1 - s)


@pytest.mark.parametrize("medium", chosen(MEDIA, ("json", "markdown", "latex", "terminal-80-unicode")))
def test_every_line_of_a_cell_of_ones_own_recomputes(medium: str) -> None:
    """From its printed digits, in every medium."""
    functions = {**solved_functions(), "swish": by_digits(lambda z: z / (1 + MP.exp(-z))), "swish'": by_digits(slope_of_swish)}
    functions["step"] = lambda z: Fraction((z > 0) + (z >= 0), 2)
    solution = solve(rich(), steps="full")
    assert obey(lines_of(printed(solution, medium), medium), Digits(4), functions) > 60


def test_a_program_prints_the_values_again() -> None:
    """``-f python`` of a cell with columns and a function of one's own."""
    out = StringIO()
    with redirect_stdout(out):
        exec(compile(solve(rich()).to_code(), "<program>", "exec"), {"__name__": "__main__"})
    assert "values agree with the sheet" in out.getvalue()


@pytest.mark.parametrize(("name", "line"), [("coupled-gates", "g_1"), ("selective-state-space", "k_1")])
def test_one_slip_is_one_fault_and_the_rest_follows_through(name: str, line: str) -> None:
    """A wrong line of the cell is found, and what goes on from its number is right."""
    key = Key(load(name))
    assert not check(key, by_hand(key)).faults
    marks = check(key, by_hand(key, slips={key.program.index[Name.parse(line)]: 0.05}))
    assert [line] == [str(one.name) for one in marks.faults]
    assert "follow-through" in {one.verdict for one in marks.answers}


@pytest.mark.parametrize("name", ["minimal-gated-unit", "leaky-integrator"])
def test_there_are_worksheets_and_variants(name: str, tmp_path: Path) -> None:
    """A worksheet leaves lines to the student; a variant has other numbers."""
    assert any(row.blank for row in worksheet(Key(load(name))).rows())
    outcome = CliRunner().invoke(command, ["vary", name, "-n", "1", "--seed", "1", "-o", str(tmp_path / "made")])
    assert outcome.exit_code == 0, outcome.output
    (made,) = (tmp_path / "made").glob("**/*.toml")
    assert load(made).given != load(name).given
    assert load(made).network == load(name).network


# --------------------------------------------------------------- the loss

LOSSES = [
    "(y_t - target_t)^4",
    "sqrt(1 + (y_t - target_t)^2) - 1",
    "exp(-y_t * target_t)",
    "abs(y_t - target_t)",
    "ln(1 + exp(y)) - target * y",
    "y_t^2",
]


def losing(equation: str, outputs: int) -> Problem:
    """A network of one unit with a loss of its own, averaged over its outputs."""
    made = network_document(k=outputs)
    made["loss"] = {"kind": "equation", "equation": equation, "factor": "1/2", **({"over_units": "mean"} if outputs > 1 else {})}
    if "target" not in equation:
        del made["given"]["target"]
    return from_document(made)


@pytest.mark.parametrize(("equation", "outputs"), paired(thinned(LOSSES, 2), [1, 2]))
def test_a_loss_of_ones_own_has_the_right_gradient(equation: str, outputs: int) -> None:
    """Against central differences and SymPy, of one output and of several."""
    assert all(one.difference <= Decimal("1e-25") for one in prove(losing(equation, outputs)))


@pytest.mark.parametrize(("equation", "outputs", "medium"), paired(LOSSES, [1, 2], of_media(MEDIA, 1)))
def test_every_line_of_a_loss_of_ones_own_recomputes(equation: str, outputs: int, medium: str) -> None:
    """From its printed digits, in every medium."""
    functions = {**solved_functions(), "abs": abs, "abs'": lambda z: Fraction((z > 0) - (z < 0))}
    assert obey(lines_of(printed(solve(losing(equation, outputs), steps="full"), medium), medium), Digits(4), functions) > 8


@pytest.mark.parametrize(
    ("equation", "place", "reason"),
    [
        ("(y_t - goal)^2", 7, "unknown word 'goal'; a loss is an expression in y_t and target_t"),
        ("(y_t - target_t", 15, "a bracket is not closed"),
        ("target_t^2", 0, "the expression does not contain y"),
    ],
)
def test_a_caret_stands_under_what_is_wrong_in_a_loss(equation: str, place: int, reason: str) -> None:
    """As in an activation."""
    with pytest.raises(ProblemError) as caught:
        losing(equation, 1)
    message, _, caret = str(caught.value).rsplit("\n", 2)
    assert message.startswith(f"loss.equation: {reason}")
    assert f"    {' ' * place}^" == caret


@pytest.mark.parametrize("table", [{"kind": "equation"}, {"equation": "y"}])
def test_an_equation_of_the_loss_goes_with_its_kind(table: dict[str, Any]) -> None:
    """Each without the other is an error."""
    with pytest.raises(ProblemError, match=r'^loss: a loss of your own is kind = "equation" and equation'):
        from_document({**network_document(), "loss": table})


# ------------------------------------------------------------------------ errors

GOOD = {
    "network": {"cell": "equations"},
    "cell": {"name": "A cell", "state": ["h"], "equations": ["g_t = tanh(W_x x_t + W_h h_(t-1) + b_g)", "h_t = h_(t-1) + g_t"]},
    "given": {"x": ["1", "2"], "target": ["0", "1"]},
    "parameters": {"w_x": "0.5", "w_h": "0.4", "b_g": "0", "w_hy": "1", "b_y": "0"},
}

CARETS = [
    ("h_t = f_t * h_(t-1)", "f_t", "unknown name 'f_t'"),
    ("h_t = g_t + fo * h_(t-1)", "fo", "a parameter begins with W_, w_ or b_, or has its shape in [cell.shapes]"),
    ("h_t = tahn(W_x x_t) + g_t", "tahn", '(did you mean "tanh"?)'),
    ("h_t = g_t + h_t", "h_t", "used before it is made: equation 2 makes it, or h_(t-1) is meant"),
    ("h_t = g_t + g_(t-1)", "g_(t-1)", "g is not carried from one step to the next; cell.state names what is: h"),
    ("h_t = g_t + x_{t-1}", "x_{t-1}", "x is not carried"),
    ("h_t = g_t + q_(t-1)", "q_(t-1)", "unknown name 'q_(t-1)'"),
    ("h_t = g + h_(t-1)", "g ", "g has a time: g_t, or g_(t-1) of the step before"),
    ("h_t = g_t + * h_(t-1)", "* h", "expected a number, a name, a function or a bracket"),
    ("h_t = g_t + (h_(t-1)", "", "a bracket is not closed"),
    ("h_t = [g_t, h_(t-1)", "", "a bracket is not closed"),
    ("h_t = g_t + h_(t-1))", ")", "expected an operator or the end"),
    ("h_t = g_t = h_(t-1)", "= h", "expected an operator or the end"),
    ("h_t = tanh + g_t", "+", "tanh needs a bracket"),
    ("h_t = max(g_t)", ")", "max is taken of two"),
    ("h_t = g_t / (0 * h_(t-1))", "(0", "a division by zero"),
    ("h_t = g_t ^ h_(t-1)", "h_(t-1)", "an exponent must be a whole number"),
    ("h_t = __import__('os')", "__import", "no meaning"),
    ("h_t = 1 + 1", "1 + 1", "always the same number"),
    ("h_t + g_t", "h_t", "an equation begins with the line that it makes"),
    ("h = g_t", "h", "an equation begins with the line that it makes"),
    ("g_t = tanh(x_t)", "g_t", "equation 1 makes g_t"),
]
"""What is wrong in the second equation, the first text at which the caret stands (nothing: the end), and why."""


@at_once(("equation", "place", "reason"), CARETS)
def test_a_caret_stands_under_what_is_wrong(equation: str, place: str, reason: str) -> None:
    """The message names the equation, says why, and shows it."""
    cell = {**GOOD["cell"], "equations": [GOOD["cell"]["equations"][0], equation]}
    with pytest.raises(ProblemError) as caught:
        from_document({**GOOD, "cell": cell})
    message, shown, caret = str(caught.value).rsplit("\n", 2)
    assert message.startswith("cell.equations[2]: ")
    assert reason in message
    assert f"    {equation}" == shown
    assert f"    {' ' * caret_of(equation, place)}^" == caret


def caret_of(equation: str, place: str) -> int:
    """Where a text stands for the last time; the end of the equation for none."""
    return len(equation.rstrip()) if not place else equation.rindex(place)


MISFITS = [
    ("h_t = W_hh h_(t-1) + W_xh * x_t", "*", "a matrix of 2 rows and 3 columns and a column of 3 do not fit together"),
    ("h_t = h_(t-1) + x_t", "+", "a column of 2 and a column of 3 do not fit together: both must be of one shape"),
    ("h_t = W_hh x_t + W_hh h_(t-1)", "h_(t-1)", "needs as many columns on the left as there are rows on the right"),
    ("h_t = tanh(h_(t-1)) x_t", "x_t", "entry by entry they are multiplied by * or"),
    ("h_t = [W_hh, h_(t-1)]", "[", "puts numbers and columns below each other"),
    ("h_t = sum(h_(t-1))", "sum", "this makes a number of h_t, which is a column of 2"),
    ("h_t = [h_(t-1), x_t]", "[", "this makes a column of 5 of h_t, which is a column of 2"),
]
"""An equation of a cell with two units and three inputs, where the caret stands, and why."""


@pytest.mark.parametrize(("equation", "place", "reason"), MISFITS)
def test_a_caret_stands_where_shapes_do_not_fit(equation: str, place: str, reason: str) -> None:
    """The shapes are those of the problem's own numbers."""
    shapes = {stem: shape for stem, shape in (("W_hh", ["n", "n"]), ("W_xh", ["n", "d"])) if stem in equation}
    shapes = {} if "W_hh x_t" in equation else shapes
    with pytest.raises(ProblemError) as caught:
        from_document(
            {
                "network": {"cell": "equations", "hidden": 2},
                "cell": {"name": "A cell", "state": ["h"], "equations": [equation], "shapes": shapes},
                "given": {"x": [[1, 2, 3]], "target": [1]},
            }
        )
    message, shown, caret = str(caught.value).rsplit("\n", 2)
    assert message.startswith("cell.equations[1]: ")
    assert reason in message
    assert f"    {equation}" == shown
    assert f"    {' ' * caret_of(equation, place)}^" == caret


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"cell": None}, "the table [cell] is missing"),
    ({"network": {"cell": "rnn"}}, "cell: [cell] has the equations"),
    ({"network": {"activation": "tanh"}}, "network.activation: the equations say it"),
    ({"network": {"bias": False}}, "network.bias: the equations say it"),
    ({"network": {"peepholes": True}}, "network.peepholes: the equations say it"),
    ({"network": {"leak": "0.1"}}, "network.leak: there is no leaky_relu"),
    ({"cell": {"state": ["h", "c"]}}, "cell.state: no equation makes the state c_t"),
    ({"cell": {"state": ["c"]}}, "cell.state: the first state is what is read out, and is called h"),
    ({"cell": {"memory": "c"}}, 'cell.memory: "c" is not a state'),
    ({"cell": {"stabiliser": "h"}}, "cell.equations[2]: a stabiliser is the larger of two: h_t = max( , )"),
    ({"cell": {"words": {"q": "gate"}}}, 'cell.words: no equation makes "q"'),
    ({"cell": {"shapes": {"U": []}}}, "cell.shapes.U: no equation has this parameter"),
    ({"cell": {"shapes": {"W_x": ["m"]}}}, 'cell.shapes.W_x.0: "m" is not possible here; n, d, 1 or a sum'),
    ({"cell": {"functions": {"tanh": "z"}}}, 'cell.functions: "tanh" is not possible here'),
    ({"cell": {"functions": {"swish": "z * sigmoud(z)"}}}, "cell.functions.swish: unknown word 'sigmoud'"),
    ({"cell": {"equations": ["g_t = W_x x_t", "h_t = W_h h_(t-1)"]}}, "cell.equations[1]: nothing that h is made of uses g_t"),
    ({"cell": {"equations": ["y_t = W_x x_t", "h_t = y_t + b_g"]}}, "cell.equations[1]: y is the output"),
    ({"cell": {"equations": ["T_t = W_x x_t", "h_t = T_t + b_g"]}}, "cell.equations[1]: T is the number of steps"),
    ({"cell": {"equations": ["a_t = W_x x_t", "h_t = a_t + h_(t-1)"]}}, "cell.equations[1]: a is the pre-activation of an RNN"),
    ({"cell": {"equations": ["h_t = W_hy x_t + W_h h_(t-1)"]}}, "cell.equations: W_hy is a parameter of the readout"),
    ({"cell": {"equations": ["h_t = W_x x_t + w_x * h_(t-1)"]}}, "cell.equations: W_x and w_x are one name"),
    ({"cell": {"equations": ["w_x_t = W_x x_t", "h_t = w_x_t"]}}, "cell.equations: W_x is the name of a line too"),
    ({"cell": {"equations": ["h_t = eta * x_t"], "shapes": {"eta": []}}}, "cell.shapes: eta is not possible as a parameter"),
    (
        {"cell": {"state": ["h", "m"], "stabiliser": "m",
                  "equations": ["m_t = max(W_x x_t, m_(t-1))", "h_t = tanh(W_h h_(t-1) + m_t)"]}},
        "cell.stabiliser: W_x acts through the stabiliser alone",
    ),
    (
        {"network": {"inputs": "first", "steps": 2}, "given": {"x": "1", "target": ["0", "1"]},
         "cell": {"equations": ["h_t = tanh(W_x x_t + b_g)"]}},
        'cell.equations[1]: with inputs = "first" h_t rests on h_(t-1)',
    ),
    (
        {"given": {"x": [1], "target": [0]},
         "cell": {"state": ["h", "c"], "equations": ["h_t = W_x x_t + c_(t-1)", "c_t = W_c x_t + c_(t-1)"]}},
        "network: with 1 time step nothing depends on W_c",
    ),
]  # fmt: skip
"""What is changed in a problem that is right, and what is said of it."""


@at_once(("changes", "message"), REFUSED)
def test_what_a_table_may_not_say(changes: dict[str, Any], message: str) -> None:
    """The message names the place, what was met, and what would do."""
    tables: dict[str, Any] = {key: {**GOOD[key], **(changes.get(key) or {})} for key in GOOD}
    tables = {key: table for key, table in tables.items() if not (key in changes and changes[key] is None)}
    with pytest.raises(ProblemError) as caught:
        from_document(tables)
    assert str(caught.value).startswith(message)


def test_the_code_of_a_sheet_tells_equations_apart() -> None:
    """Two problems with the same numbers and other equations have other codes."""
    other = {**GOOD["cell"], "equations": [GOOD["cell"]["equations"][0], "h_t = h_(t-1) - g_t"]}
    assert from_document(GOOD).code != from_document({**GOOD, "cell": other}).code


@given(st.text("ghx_t-1() =+*/^[]@,WbΩ2", max_size=40))
def test_any_text_is_an_equation_or_a_problem(text: str) -> None:
    """Nothing that a file has there makes anything else."""
    with contextlib.suppress(ProblemError):
        from_document({**GOOD, "cell": {**GOOD["cell"], "equations": [*GOOD["cell"]["equations"][:1], f"h_t = g_t {text}"]}})
