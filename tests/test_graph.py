"""Expression graphs without a network: equations over given numbers, each a line, and the gradients of the last."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from law import Digits
from sweeps import at_once, of_media, paired, printed
from test_law import MEDIA, lines_of, obey, solved_functions

from bptt_trace import Key, check, load, solve
from bptt_trace.calculation.arithmetic import Precise, run
from bptt_trace.calculation.build import build
from bptt_trace.calculation.prove import prove
from bptt_trace.engine.names import LOSS, Name
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import ProblemError
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.media.drawing.svg import pictures
from bptt_trace.problem.problem import Problem, from_document

EXAMPLES = ["graph", "micrograd", "softmax-of-logits"]


def problem(equations: list[str], parameters: dict[str, Any], constants: dict[str, Any] | None = None, **tables: Any) -> Problem:
    graph = {"equations": equations, **({"constants": constants} if constants else {})}
    return from_document({"network": {"cell": "graph"}, "graph": graph, "parameters": parameters, **tables})


def test_the_first_example_of_a_course() -> None:
    """(x + y) · z at −2, 5, −4: f is −12, and its gradients are −4, −4 and 3 (Stanford CS231n, notes on backpropagation)."""
    solution = solve("graph")
    found = {name: solution[name] for name in ("q", "f", "df/dq", "df/dx", "df/dy", "df/dz")}
    assert {"q": 3, "f": -12, "df/dq": -4, "df/dx": -4, "df/dy": -4, "df/dz": 3} == found
    assert "q = x + y" in str(solution.program).splitlines()


def test_micrograds_readme_is_reproduced() -> None:
    """Each number that it prints, to its last digit."""
    solution = solve("micrograd")
    assert ("24.7041", "138.8338", "645.5773") == tuple(f"{solution[name]:.4f}" for name in ("g", "dg/da", "dg/db"))


def test_pytorch_has_the_same_gradients() -> None:
    """Of micrograd's expression, and of softmax with cross-entropy, by autograd."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    a, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (-4.0, 2.0))
    c, d = a + b, a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + (b + a).relu()
    d = d + 3 * d + (b - a).relu()
    f = (c - d) ** 2
    (f / 2.0 + 10.0 / f).backward()
    exact = solve("micrograd", rounding="full")
    assert exact["dg/da"] == pytest.approx(float(a.grad), rel=1e-12)
    assert exact["dg/db"] == pytest.approx(float(b.grad), rel=1e-12)
    z = torch.tensor([2.0, 1.0, 0.1], dtype=torch.float64, requires_grad=True)
    torch.nn.functional.cross_entropy(z[None], torch.tensor([0])).backward()
    logits = solve("softmax-of-logits", rounding="full")
    for place, slope in enumerate(z.grad, start=1):
        assert logits[f"dL/dz[{place}]"] == pytest.approx(float(slope), rel=1e-12)


KINDS: list[tuple[list[str], dict[str, Any], dict[str, Any]]] = [
    (["p = W v + b", "h = tanh(p)", "L = sum((h - t) * (h - t)) / 2"], {"W": [["0.5", "-0.2"], ["0.1", "0.3"]], "b": ["0.1", 0]},
     {"v": [1, 2], "t": ["0.3", "0.4"]}),
    (["u = exp(x) / (1 + exp(x))", "w = u * u + max(x, y)", "L = ln(w) - sqrt(y)"], {"x": "0.7", "y": "1.3"}, {}),
    (["s = a * b", "r = s + s * a", "L = min(r, s) ^ 3"], {"a": "0.7", "b": "-1.3"}, {}),
    (["m = [p, q]", "y = softmax(m)", "L = -sum(k * ln(y))"], {"p": "0.7", "q": "0.2"}, {"k": ["0.25", "0.75"]}),
]  # fmt: skip


@pytest.mark.parametrize(("equations", "parameters", "constants"), KINDS, ids=lambda one: str(one)[:30])
def test_gradients_are_central_differences(equations: list[str], parameters: dict[str, Any], constants: dict[str, Any]) -> None:
    """Of every number with a gradient, and SymPy's derivative agrees; constants have none."""
    one = problem(equations, parameters, constants)
    compared = prove(one)
    assert compared and all(comparison.agrees and comparison.composed is not None for comparison in compared)
    assert {comparison.name.stem for comparison in compared} == set(parameters)


def test_every_path_of_a_graph() -> None:
    """Each line is a junction: the paths from the last line to a number add up to its gradient, and forward mode agrees."""
    one = load("micrograd", ["also.paths=all", "also.forward_mode=all"])
    program = scalars(build(one))
    value = dict(zip((step.target for step in program.steps), run(program, one.given, Precise()), strict=True))
    for letter in "ab":
        whole = value[Name(letter, of=LOSS)]
        for road in ("L_paths", "L_forward"):
            assert abs(value[Name(letter, of=Name(road))] - whole) < Decimal("1e-40")
    lines = str(program).splitlines()
    assert "dL_paths/da via d1 = dL/df * df/de * de/dd3 * dd3/dd2 * dd2/dd1 * b" in lines


@pytest.mark.parametrize(("name", "medium"), paired(EXAMPLES, of_media(MEDIA, 0)))
def test_every_line_recomputes(name: str, medium: str) -> None:
    """In every medium."""
    solution = solve(load(name, ["rounding.policy=by_hand", "rounding.places=5"]), steps="full")
    assert obey(lines_of(printed(solution, medium), medium), Digits(5), solved_functions()) >= 5


def test_the_sheet_calls_the_last_line_by_its_name() -> None:
    """Also in gradients, and by the other roads; the picture has every number and every line."""
    solution = solve(load("graph", ["also.paths=all"]))
    text = solution.to_text()
    assert "df/dq" in text and "df_paths/dx" in text and "dL" not in text
    picture = pictures(solution.sheet)["graph"]
    for value in ("−12.0000", "3.0000", "−4.0000"):
        assert value in picture


def test_worksheets_and_marking() -> None:
    """Every line is a blank; a slip costs one line, and the rest follows."""
    key = Key(load("graph"))
    assert [row.name.text for row in worksheet(key).rows() if row.blank] == ["q", "f", "df/dq", "df/dx", "df/dy", "df/dz"]
    marks = check(key, {"q": "7", "f": "-28", "df/dq": "-4", "df/dx": "-4", "df/dy": "-4", "df/dz": "7"})
    assert ["q"] == [str(answer.name) for answer in marks.faults]


@at_once(
    ("equations", "place", "message"),
    [
        (["q = x + y", "f = q * w"], 8, "graph.equations[2]: unknown name 'w'; there are x, y, z, q"),
        (["q = x + y", "q = q * z"], 0, "graph.equations[2]: q is there already; each line has a name of its own, as in q2"),
        (["f = p * x", "p = y + z"], 4, "graph.equations[1]: unknown name 'p'"),
        (["q + x", "f = q"], 0, "graph.equations[1]: an equation begins with the line that it makes"),
        (["q = x / 0", "f = q"], 8, "graph.equations[1]: a division by zero"),
        (["q = tahn(x)", "f = q + y + z"], 4, "graph.equations[1]: unknown name 'tahn' (did you mean \"tanh\"?)"),
        (["f = softmax(x) * y * z"], 4, "graph.equations[1]: softmax has one number; expected a column"),
        (["f = [x, y] * z"], 11, "graph.equations[1]: the last line is a column of 2; gradients are those of a number"),
        (["f = [x, y] + [x, y, z]"], 11, "graph.equations[1]: a column of 2 and a column of 3 do not fit together"),
    ],
)
def test_a_caret_stands_under_what_is_wrong(equations: list[str], place: int, message: str) -> None:
    """With the number of the equation."""
    with pytest.raises(ProblemError) as caught:
        problem(equations, {"x": 1, "y": 2, "z": 3})
    said, _, caret = str(caught.value).rsplit("\n", 2)
    assert said.startswith(message)
    assert f"    {' ' * place}^" == caret


@at_once(
    ("changes", "message"),
    [
        ({"parameters": {}}, "parameters: a number (or a list) for each letter whose gradient is wanted"),
        ({"loss": {"kind": "none"}}, "loss: a graph has equations"),
        ({"update": {"learning_rate": 1}}, "update: a graph has equations"),
        ({"network": {"cell": "graph", "hidden": 2}}, "network.hidden: a graph has no layers, so hidden has no meaning"),
        ({"parameters": {"x": 1, "y": 2, "z": 3, "w": 4}}, "parameters: no equation has w"),
        ({"graph": {"equations": ["q = x + y", "f = x * y * z"]}}, "graph.equations: nothing is made of q"),
        ({"graph": {"equations": ["L = x + y", "f = L * z"]}}, "graph.equations: L is the name of the last line alone"),
        ({"parameters": {"x": [1], "y": 2, "z": 3}}, "parameters.x: a list of one; expected a number"),
        ({"parameters": {"x_1": 1, "y": 2, "z": 3}}, 'parameters: "x_1" is not possible here'),
        ({"network": {"cell": "rnn"}}, '[graph] has the equations of network.cell = "graph", and of no other'),
    ],
)
def test_what_a_graph_may_not_say(changes: dict[str, Any], message: str) -> None:
    """With the key that it is about."""
    plain = {
        "network": {"cell": "graph"},
        "graph": {"equations": ["q = x + y", "f = q * z"]},
        "parameters": {"x": 1, "y": 2, "z": 3},
    }
    with pytest.raises(ProblemError) as caught:
        from_document({**plain, **changes})
    assert message in str(caught.value)
