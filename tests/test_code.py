"""Programs that reproduce a sheet: they run, they agree, and they notice what is wrong."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import keyword
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from decimal import localcontext
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from any_problem import problem_of_any_kind
from click.testing import CliRunner
from hypothesis import given
from networks import document, filled, sequence
from random_problems import Case, cases, examples
from sweeps import of_examples, paired, runs, share_of, thinned
from sweeps import problem as built_in
from sweeps import solution as example

from bptt_trace import ProblemError, load, parse, solve
from bptt_trace.commands import command
from bptt_trace.engine.names import Name
from bptt_trace.errors import InputError
from bptt_trace.lines.identifiers import Identifiers, identifier
from bptt_trace.lines.python_code import HELPERS
from bptt_trace.problem.problem import from_document

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None and not os.environ.get("CI"), reason="PyTorch is not installed (pip install torch)"
)
FORMS = ["python", "numpy", pytest.param("torch", marks=needs_torch)]
ROUNDINGS = [None, "5sf", "carry:5dp", "full"]
WITHOUT_A_LOSS = {name for name in examples() if built_in(name).loss.kind == "none"}


def run(text: str) -> str:
    """What a program prints; it ends with ``SystemExit`` where something does not agree."""
    out = StringIO()
    with redirect_stdout(out), localcontext():
        exec(compile(text, "<program>", "exec"), {"__name__": "__main__"})
    return out.getvalue()


def last_line(text: str) -> str:
    return run(text).splitlines()[-1]


# ------------------------------------------------------------------ they agree


@pytest.mark.parametrize(("name", "rounding", "form"), paired(of_examples(), ROUNDINGS, FORMS))
def test_every_example_reproduces_itself(name: str, rounding: str | None, form: str) -> None:
    """Under every rounding that is made of numbers."""
    solution = example(name, rounding=rounding)
    if form == "torch" and name in WITHOUT_A_LOSS:
        with pytest.raises(ProblemError, match="without a loss"):
            solution.to_code(form)
        return
    if (name, rounding, form) == ("perceptron", "carry:5dp", "numpy"):  # 0.1 + 0.2 − 0.3 is not 0, where it steps, in doubles
        with pytest.raises(ProblemError, match="no digit of h@12 is sure"):
            solution.to_code(form)
        return
    ended = last_line(solution.to_code(form))
    if form == "torch":
        assert re.fullmatch(r"All \d+ values agree with autograd: .*", ended)
        return
    _, first = solution.program.vectors
    lines = [p for p, step in enumerate(solution.program.vectors.program) if step.rule is not None and not step.repeats]
    assert f"All {sum(first[p + 1] - first[p] for p in lines)} values agree with the sheet." == ended


ACTIVATIONS = ["tanh", "sigmoid", "relu", "leaky_relu", "softplus", "z/(1+abs(z))", "sin(z) + z^3/10", "exp(-z^2)*cos(2*z)",
               "ln(1 + z^2) - sqrt(z^2 + 1)/3", "((z/2)^2)^3*exp(1)/3 + 1/3*z - (2/3)^2"]  # fmt: skip
WAYS: list[dict[str, Any]] = [{}, {"form": "concatenated"}, {"biases": 2}, {"outputs": "last"}, {"inputs": "first"}, {"T": 6}]


def networks_of_every_shape() -> Iterator[dict[str, Any]]:
    """Layers, rows and columns, batches, inputs, outputs, losses; each with another activation and another form."""
    losses = [("squared_error", "identity"), ("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid")]
    shapes = [
        (cell, hidden, d, k)
        for cell in ("rnn", "dense")
        for hidden in (1, 2, [2, 3])
        for d, k in ((1, 1), (2, 1), (1, 2), (2, 3))
    ]
    for number, (cell, hidden, d, k) in enumerate(shapes):
        kind, output = losses[number % 3 if k > 1 else number % 2 * 2]
        loss = {"kind": kind} | ({"gradient": "long"} if kind != "squared_error" and number % 4 < 2 else {})
        network: dict[str, Any] = {"activation": ACTIVATIONS[number % 10], "output_activation": output}
        network |= WAYS[number % 6] if cell == "rnn" else {}
        for products in ("W x", "x W"):
            batch = 2 * (number % 2 == (products == "W x"))
            yield document(cell, hidden=hidden, d=d, k=k, batch=batch, loss=loss, seed=number, products=products, **network)


NETWORKS = list(networks_of_every_shape())


@pytest.mark.parametrize(("number", "form"), paired(thinned(range(len(NETWORKS)), 3), FORMS))
def test_networks_of_every_shape_reproduce_themselves(number: int, form: str) -> None:
    """Columns and rows, numbers among matrices, stacks and their parts, matrices of slopes."""
    for rounding in ("4dp", "full"):
        assert last_line(solve(from_document(NETWORKS[number]), rounding=rounding).to_code(form)).startswith("All ")


@runs(60)
@given(cases())
def test_random_problems_reproduce_themselves(case: Case) -> None:
    """By hand to the last digit, from decimals and from fractions without end."""
    assert last_line(solve(parse(case.text)).to_code("python")).startswith("All ")
    assert last_line(solve(parse(case.text)).to_code("numpy")).startswith("All ")


DIVIDED = ["abs(z)/3", "relu(z)^2 - abs(z)/3", "abs(relu(z))/7 + z", "2*relu(z)/3"]


@pytest.mark.parametrize("activation", DIVIDED)
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_a_slope_of_pieces_divided_by_a_number_is_a_number_of_the_program(activation: str, rounding: str | None) -> None:
    """1/3, the slope of |z|/3, has all digits of the program's arithmetic, and not those of a quotient of Python's integers."""
    solution = solve(from_document(document("rnn", hidden=2, activation=activation)), rounding=rounding)
    for form in ("python", "numpy"):
        assert last_line(solution.to_code(form)).startswith("All ")


@needs_torch
@pytest.mark.parametrize("activation", DIVIDED)
def test_a_slope_of_pieces_divided_by_a_number_is_a_double_in_pytorch(activation: str) -> None:
    """PyTorch makes single precision of a quotient of its integers; in a second iteration the sheet's own slopes are used."""
    import torch

    torch.set_default_dtype(torch.float32)
    twice = {**document("rnn", hidden=2, activation=activation), "update": {"rule": "adam", "learning_rate": 1, "iterations": 3}}
    assert last_line(solve(from_document(twice)).to_code("torch")).startswith("All ")


ADAM = {"rule": "adam", "learning_rate": "0.1"}
"""What divides a gradient by its size, noise too."""


FORGET = ["w_xf", "w_hf", "b_f"]


def one_step(seed: int) -> dict[str, Any]:
    """An sLSTM from an empty state: h is o · z, whatever lets things in, so that the gradient of that is 0."""
    draw = random.Random(seed)
    parameters = {f"{kind}{gate}": f"{draw.uniform(-2, 2):.2f}" for gate in "ifzo" for kind in ("w_x", "w_h", "b_")}
    return {
        "network": {"cell": "slstm", "stabiliser": draw.choice([True, False])},
        "parameters": parameters | {"w_hy": f"{draw.uniform(-2, 2):.2f}", "b_y": "0.3"},
        "given": {"x": [f"{draw.uniform(-2, 2):.2f}"], "target": [f"{draw.uniform(-2, 2):.2f}"]},
        "update": ADAM,
    }


@needs_torch
@pytest.mark.parametrize(
    "seeds", [range(2), pytest.param(range(2, 2 + share_of(2_000)), marks=pytest.mark.exhaustive)], ids=["few", "many"]
)
def test_what_doubles_lose_of_a_gradient_that_is_0_is_known(seeds: range) -> None:
    """Adam makes a step of the 10^(−17) that doubles leave of 0: the programs say how far they may be off."""
    for seed in seeds:
        for rounding in ("full", "5sf", "carry:4dp"):
            solution = solve(from_document(one_step(seed)), rounding=rounding)
            assert last_line(solution.to_code("torch")).startswith("All "), seed
            assert rounding != "carry:4dp" or last_line(solution.to_code("numpy")).startswith("All "), seed


@needs_torch
@pytest.mark.parametrize(
    "seeds", [range(2), pytest.param(range(2, 2 + share_of(600)), marks=pytest.mark.exhaustive)], ids=["few", "many"]
)
def test_where_doubles_have_no_bound_nothing_is_called_wrong(seeds: range) -> None:
    """Steps of Adam make more and more of what is left of 0: what nobody knows is not compared, or the program is refused."""
    for seed in seeds:
        for iterations in (2, 3, 4):
            made = {**one_step(seed), "update": {**ADAM, "learning_rate": 1, "iterations": iterations, "amsgrad": seed % 2 == 0}}
            try:
                assert last_line(solve(from_document(made), rounding="full").to_code("torch")).startswith("All ")
            except ProblemError as error:
                if " is sure; -f python has more digits" not in str(error):
                    raise


@needs_torch
def test_a_step_that_doubles_cannot_tell_is_refused() -> None:
    """Without an epsilon Adam's step is as large for what is left of 0 as for any gradient, and 0/0 for 0 itself."""
    said = set()
    for seed in range(8):
        step = one_step(seed)
        sure = {**step, "given": {**step["given"], "h_0": "0.5"}, "update": {**ADAM, "epsilon": 0, "freeze": FORGET}}
        with pytest.raises(InputError) as refused:
            solve(from_document(sure), rounding="full").to_code("torch")
        said.add(str(refused.value).partition(":")[0].partition(", in which")[0])
    assert {"-f torch calculates in double precision"} < said


SMALL = {"cell": "dense", "hidden": 1}
AT_THE_EDGE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "exponentials, the long way": (
        {**SMALL, "output_activation": "softmax", "softmax": "steps"},
        {"loss": {"kind": "cross_entropy", "gradient": "long"}, "update": {"learning_rate": 1, "iterations": 2}},
    ),
    "relu twice": ({**SMALL, "activation": "relu"}, {"update": {"learning_rate": "0.1", "iterations": 2}}),
    "leaky relu twice": ({**SMALL, "activation": "leaky_relu"}, {"update": {"learning_rate": "0.1", "iterations": 2}}),
    "a gradient that is 1": (
        SMALL,
        {"loss": {"kind": "output"}, "update": {"learning_rate": "0.1", "iterations": 2, "clip": "0.5", "clip_by": "parameter"}},
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", AT_THE_EDGE)
def test_what_is_rarely_written_reproduces_itself(name: str, form: str) -> None:
    """Sums that repeat a component, corners in a second pass, columns of ones, gradients that are numbers."""
    network, tables = AT_THE_EDGE[name]
    given = {"x": "0.7"} if name == "a gradient that is 1" else {"x": "0.7", "target": [1, 0] if "exp" in name else "0.5"}
    hidden = {**network, "hidden": 2} if name == "exponentials, the long way" else network
    assert last_line(solve(from_document(filled(hidden, given, **tables))).to_code(form)).startswith("All ")


@pytest.mark.parametrize("form", ["numpy", "torch"])
def test_values_that_doubles_do_not_hold_are_refused(form: str) -> None:
    """The probability e^−800 is 0 in doubles and has no logarithm; with 60 digits the program of numbers agrees."""
    unlikely = {"parameters": {"w_xh": 1, "b_h": 0, "W_hy": [[400], [-400]], "b_y": [0, 0]}, "given": {"x": 1, "target": 2}}
    network = {"cell": "dense", "activation": "identity", "output_activation": "softmax"}
    solution = solve(
        from_document({"network": network, "loss": {"kind": "cross_entropy"}, "rounding": {"figures": 5}, **unlikely})
    )
    with pytest.raises(
        ProblemError, match=f"^-f {form} calculates in double precision, and there L cannot be calculated: .* -f python"
    ):
        solution.to_code(form)
    assert last_line(solution.to_code()).startswith("All ")


@needs_torch
@pytest.mark.parametrize("slope", ["0", "1/3", "1"])
def test_autograd_takes_the_slope_of_relu_at_0_that_the_problem_has(slope: str) -> None:
    """PyTorch's own has 0 there."""
    changes = ["network.activation=relu", f"network.relu_slope_at_0={slope}", "b_h=-0.5"]
    problem = load("rnn", changes)
    assert 0 == solve(problem)["a_1"]
    assert last_line(solve(problem).to_code("torch")).startswith("All ")


# ----------------------------------------------------------------- they notice


def changed_digits(text: str, call: str, place: int) -> Iterator[str]:
    """The program with one digit changed, for every call: the last of one of its texts, counted from the end."""
    for match in re.finditer(rf"^(?:\w+ = )?{call}\((?:.|\n)*?\)(?=  #|\n)", text, re.MULTILINE):
        texts = list(re.finditer(r'"([^"]*[0-9]\]?)"', match[0]))
        start, end = (match.start() + edge for edge in texts[place].span(1))
        digit = max(i for i in range(start, end) if text[i].isdigit())
        yield text[:digit] + str((int(text[digit]) + 1) % 10) + text[digit + 1 :]


@pytest.mark.parametrize(
    ("name", "rounding", "form"),
    [
        *(("rnn", rounding, form) for rounding, form in ((None, "python"), ("carry:6dp", "numpy"))),
        *(
            pytest.param("rnn", rounding, form, marks=pytest.mark.exhaustive)
            for rounding, form in ((None, "numpy"), ("carry:6dp", "python"), ("5sf", "python"), ("5sf", "numpy"))
        ),
        *(pytest.param("classifier", None, form, marks=pytest.mark.exhaustive) for form in ("python", "numpy")),
    ],
)
def test_one_changed_digit_is_noticed_in_every_line(name: str, rounding: str | None, form: str) -> None:
    """The last one, by one."""
    text = solve(load(name), rounding=rounding).to_code(form)
    changed = list(changed_digits(text, "line", -1))
    assert text.count(" = line(") == len(changed)
    for one in changed:
        with pytest.raises(SystemExit, match=r" is .*, the sheet has "):
            run(one)


@needs_torch
def test_one_changed_digit_is_noticed_beside_autograd() -> None:
    """Of the unrounded numbers; of a printed one as soon as it is off by more than rounding can explain."""
    text = solve(load("rnn")).to_code("torch")
    changed = list(changed_digits(text, "compare", -1))
    assert 17 == len(changed)
    coarse = re.sub(r'(, "-?\d\.\d{9})\d*"', r'\1"', text)  # 9 decimals: one unit of the last is seen
    for one in changed_digits(coarse, "compare", -1):
        with pytest.raises(SystemExit, match="autograd finds"):
            run(one)
    with pytest.raises(SystemExit, match="rounding does not explain"):
        run(text.replace('w_hh.grad, "-0.0229"', 'w_hh.grad, "-0.0239"'))


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_formula_is_noticed(form: str) -> None:
    """The memory path left out; in the forward pass, where only that is written."""
    text = solve(load("rnn")).to_code(form)
    wrong = (
        text.replace("w_hh * h_1 + b_h", "b_h")
        if form == "torch"
        else text.replace("dL_dh_1_via_y_1 + dL_dh_1_via_a_2", "dL_dh_1_via_y_1")
    )
    assert wrong != text
    with pytest.raises(SystemExit):
        run(wrong)


# -------------------------------------------------------------------- the names


def assigned(text: str) -> list[str]:
    """What a program assigns to under the given numbers, in order."""
    body = ast.parse(text.partition("# ---- Given ----")[2]).body
    return [target.id for one in body if isinstance(one, ast.Assign) for target in one.targets if isinstance(target, ast.Name)]


@pytest.mark.parametrize(
    ("name", "form"), paired(of_examples(name for name in examples() if name not in WITHOUT_A_LOSS), ["python", "numpy", "torch"])
)
def test_no_two_quantities_have_one_identifier(name: str, form: str) -> None:
    """And none is a word of the language, or of the program's head."""
    names = assigned(example(name).to_code(form))
    assert len(names) == len(set(names))
    assert not {*names} & {*keyword.kwlist, *dir(builtins), *HELPERS}


@pytest.mark.parametrize("form", ["python", "numpy", "torch"])
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_all_that_a_template_calls_its_own_is_reserved(form: str, rounding: str | None) -> None:
    """Names of the head, imports included."""
    for name in ("rnn", "mazur", "relu-bce", "softmax-loss"):
        tree = ast.parse(solve(load(name), rounding=rounding).to_code(form).partition("# ---- Given ----")[0])
        made = {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}
        made |= {
            alias.asname or alias.name for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom) for alias in one.names
        }
        made |= {t.id for one in tree.body if isinstance(one, ast.Assign) for t in one.targets if isinstance(t, ast.Name)}
        assert made <= HELPERS | {"relu", "relu_prime"}


@pytest.mark.parametrize("form", FORMS)
def test_names_that_are_words_of_python_get_an_underline(form: str) -> None:
    """So do those of the program's own functions, and what would be the same as another name."""
    names = {"w_xh": "lambda", "w_hh": "line", "h": "sum", "w_hy": "number", "b_y": "array"}
    text = solve(load("rnn", [f"names.{old}={new}" for old, new in names.items()])).to_code(form)
    assert {"lambda_", "line_", "number_", "array_"} <= set(assigned(text))
    assert last_line(text).startswith("All ")


def test_two_names_with_one_spelling_are_told_apart() -> None:
    """A component of a vector, and the vector at a time."""
    assert ["h_1", "h_1"] == [identifier(Name.parse(text)) for text in ("h_1", "h[1]")]
    identifiers = Identifiers()
    assert ["h_1", "h_1_", "class_", "print_"] == [identifiers.fresh(one) for one in ("h_1", "h_1", "class", "print")]


# ---------------------------------------------------------------- bad input, use


@pytest.mark.parametrize("form", ["python", "numpy", "torch"])
def test_closed_forms_are_no_numbers(form: str) -> None:
    """``exact`` is refused, and the message says what would do."""
    with pytest.raises(ProblemError, match=rf"^rounding: -f {form} compares numbers, .* expected 4dp, carry or full$"):
        solve(load("fnn"), rounding="exact").to_code(form)


@pytest.mark.exhaustive
def test_numbers_beyond_what_sixty_digits_hold_are_carried_on() -> None:
    """An sLSTM in two layers whose gates are exponentials of hundreds: its program has 43 digits before the point."""
    solution = solve(from_document(problem_of_any_kind(1137)))
    assert re.search(r"\d{43}\.\d{4}", program := solution.to_code("python"))
    assert last_line(program).startswith("All ")


SOME_CELLS: list[dict[str, Any]] = [
    {"cell": "rnn"},
    {"cell": "lstm", "form": "concatenated"},
    {"cell": "gru"},
    {"cell": "slstm"},
    {"cell": "gru", "form": "concatenated", "reset": "before"},
]


@needs_torch
@pytest.mark.parametrize("seeds", [range(4), pytest.param(range(4, 120), marks=pytest.mark.exhaustive)], ids=["few", "many"])
def test_a_line_before_which_nothing_is_learnt_has_its_gradient_too(seeds: range) -> None:
    """Parameters are frozen at random, and windows of one step cut off the state: the gradients of gates are compared."""
    for seed in seeds:
        draw = random.Random(seed)
        made = filled(draw.choice(SOME_CELLS), {"x": sequence(3), "target": sequence(3)})
        parameters = sorted(made["parameters"])
        frozen = draw.sample(parameters, draw.randrange(1, len(parameters)))
        cut = {"truncate": 1} if draw.random() < 0.7 else {}
        solution = solve(from_document({**made, "update": {"learning_rate": "0.1", "freeze": frozen} | cut}))
        assert last_line(solution.to_code("torch")).startswith("All "), (seed, frozen)


def test_autograd_wants_something_to_differentiate() -> None:
    """Not where every parameter is frozen."""
    frozen = load("rnn", ['update.freeze=["w_xh", "w_hh", "b_h", "w_hy", "b_y"]'])
    with pytest.raises(ProblemError, match=r"^update\.freeze: where every parameter is frozen"):
        solve(frozen).to_code("torch")


@pytest.mark.parametrize("title", ['"""', "\\", '\\"""\\', "Größe ≈ 1", '"', "{{ 7 }} %s \\N{DIGIT ONE}"])
def test_a_title_is_only_words(title: str) -> None:
    """Nothing in it is code."""
    table = document()
    text = solve(from_document({**table, "title": title})).to_code()
    assert ast.get_docstring(ast.parse(text), clean=False).splitlines()[0] == title
    assert last_line(text).startswith("All ")


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(command, list(arguments))


def test_the_ending_of_a_file_says_that_it_is_python(tmp_path: Path) -> None:
    """``-o x.py`` is ``-f python``; the others are asked for by name."""
    one, other = tmp_path / "x.py", tmp_path / "y.py"
    assert 0 == invoke("solve", "rnn", "-o", str(one)).exit_code
    assert 0 == invoke("solve", "rnn", "-f", "numpy", "-o", str(other)).exit_code
    assert solve(load("rnn")).to_code("python") == one.read_text("utf-8")
    assert solve(load("rnn")).to_code("numpy") == other.read_text("utf-8") == invoke("solve", "rnn", "-f", "numpy").output


@pytest.mark.parametrize("flags", [[], ["-O"]], ids=["plain", "optimised"])
def test_the_exit_status_says_whether_all_agrees(tmp_path: Path, flags: list[str]) -> None:
    """0 or 1, with asserts and without."""
    path, text = tmp_path / "rnn.py", solve(load("rnn")).to_code()
    for program, status, said in (
        (text, 0, "All 43 values agree with the sheet.\n"),
        (text.replace('"-0.2208"', '"-0.2209"'), 1, "dL/dh_1 is -0.2208, the sheet has -0.2209\n"),
    ):
        path.write_text(program, "utf-8")
        ended = subprocess.run([sys.executable, "-I", *flags, str(path)], capture_output=True, text=True, check=False)
        assert (status, said) == (ended.returncode, ended.stdout + ended.stderr)


def test_a_program_has_no_footer_for_a_proof() -> None:
    """``--prove`` is refused, and so are options of other media."""
    for option in (["--prove"], ["--fragment"], ["--templates", "."]):
        assert 2 == invoke("solve", "rnn", "-f", "torch", *option).exit_code


@pytest.mark.parametrize("form", ["python", "numpy", "torch"])
def test_a_statement_is_broken_where_it_is_long(form: str) -> None:
    """Lines end at column 100, but for a comment behind the first line of a statement."""
    for name in ("rnn", "classifier", "mazur", "hi-there-class"):
        wide = [line for line in solve(load(name)).to_code(form).splitlines() if len(line) > 100]
        assert [] == [line for line in wide if not re.search(r"\(  # [0-9.,]+$", line)]
