"""Training: optimizers, clipping, truncation and iterations, as lines of the program and as sheets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law import FUNCTIONS, Digits
from networks import document as network_document
from oracle import Oracle
from random_problems import Case, cases
from sweeps import at_once, of_media, paired, runs
from test_law import MEDIA, document, lines_of, obey

from bptt_trace import ProblemError, Rounding, build, evaluate, parse, scalars, solve
from bptt_trace.calculation.build import GivenSteps
from bptt_trace.calculation.iterations import PassForward, Training
from bptt_trace.networks.optimizers import Update
from bptt_trace.problem.problem import Problem, from_document
from bptt_trace.problem.problem import told as told_of

RULES: dict[str, dict[str, Any]] = {
    "gd": {},
    "l2": {"weight_decay": "0.1"},
    "decoupled": {"weight_decay": "0.1", "decay": "decoupled"},
    "momentum": {"rule": "momentum"},
    "momentum, mean": {"rule": "momentum", "velocity": "mean", "beta": "0.8"},
    "momentum, inside": {"rule": "momentum", "rate": "inside"},
    "nesterov": {"rule": "nesterov"},
    "nesterov, inside": {"rule": "nesterov", "rate": "inside"},
    "adagrad": {"rule": "adagrad"},
    "adagrad, accumulator": {"rule": "adagrad", "accumulator": "0.1", "epsilon_at": "inside"},
    "rmsprop": {"rule": "rmsprop"},
    "rmsprop, centered": {"rule": "rmsprop", "centered": True, "beta": "0.5"},
    "adam": {"rule": "adam"},
    "adam, inside": {"rule": "adam", "epsilon_at": "inside", "epsilon": "0.001"},
    "adam, no epsilon": {"rule": "adam", "epsilon": 0},
    "adamw": {"rule": "adamw"},
    "adam, no correction": {"rule": "adam", "bias_correction": False},
    "adam, uncorrected": {"rule": "adam", "epsilon_at": "uncorrected", "epsilon": "0.001"},
    "amsgrad": {"rule": "adam", "amsgrad": True},
    "amsgrad, no correction": {"rule": "adam", "amsgrad": True, "bias_correction": False},
    "adadelta": {"rule": "adadelta"},
    "adamax": {"rule": "adamax"},
    "adamax, inside": {"rule": "adamax", "epsilon_at": "inside", "epsilon": "0.001"},
    "nadam": {"rule": "nadam"},
    "nadam, growing as in Keras": {"rule": "nadam", "momentum_decay": 1},
    "nadam, growing": {"rule": "nadam", "momentum_decay": "0.004"},
    "step": {"schedule": "step", "gamma": "0.5", "every": 2},
    "exponential": {"schedule": "exponential", "gamma": "0.9"},
    "warmup": {"schedule": "warmup", "every": 3},
    "clip": {"clip": "0.1"},
    "clip by value": {"clip": "0.05", "clip_by": "value"},
    "clip by parameter": {"clip": "0.1", "clip_by": "parameter"},
}


def told(gradients: Any, parameters: Any, **update: Any) -> Problem:
    """A problem of an optimizer alone."""
    return from_document(
        {"parameters": parameters, "given": {"gradient": gradients}, "update": {"learning_rate": "0.1", **update}}
    )


def exact(problem: Problem) -> dict[str, float]:
    """Every line with double precision."""
    program = scalars(build(problem))
    values = evaluate(program, problem.given, Rounding("full"))
    return {str(step.target): number for step, number in zip(program.steps, values.numbers, strict=True)}


def training(update: dict[str, Any], hidden: int = 1, T: int = 3, **more: Any) -> dict[str, Any]:
    """A network with an update."""
    made = network_document(hidden=hidden, d=1, k=1, T=T, seed=5)
    made["update"] = {"learning_rate": "0.1", **update}
    return {**made, **more}


# --------------------------------------------------------------------- the law


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "adam, no epsilon"])  # a gradient may be 0
@runs(16)
@given(case=cases(most_places=6), iterations=st.sampled_from([1, 2, 3, 5]), medium=st.sampled_from(MEDIA))
def test_every_line_of_an_update_recomputes_in_any_medium(rule: str, case: Case, iterations: int, medium: str) -> None:
    """State, corrections, norms, clipped gradients, learning rates: whatever is printed follows from its digits."""
    made = case.document
    made["update"] = {"learning_rate": "0.1", "iterations": iterations, **RULES[rule]}
    if "g" in rule and made["rounding"].get("places", 9) < 4:
        made["rounding"]["places"] = 4
    solution = solve(parse(json.dumps(made)), steps="full")
    assert obey(lines_of(document(solution, medium), medium), case.digits, case.functions) > 0


@pytest.mark.parametrize(("medium", "rule"), paired(of_media(MEDIA, 0), ["momentum", "adam", "clip", "clip by value"]))
def test_every_line_of_an_update_of_matrices_recomputes(medium: str, rule: str) -> None:
    """Board and components of vectors and matrices."""
    solution = solve(from_document(training({**RULES[rule], "iterations": 2}, hidden=2, T=2)), steps="full")
    assert obey(lines_of(document(solution, medium), medium), Digits(4), dict(FUNCTIONS)) > 100


BEGUN: dict[str, dict[str, Any]] = {
    "adam": {"rule": "adam", "state": {"t": 3, "m": {"w_hh": "0.1"}, "v": {"w_hh": "0.2", "b_y": "0.01"}}},
    "looking ahead": {"rule": "nesterov", "look_ahead": True, "state": {"v": {"w_hh": "-0.3"}}},
    "adadelta": {"rule": "adadelta", "state": {"v": {"w_xh": "0.5"}, "u": {"w_xh": "0.02"}}},
}


@pytest.mark.parametrize(("medium", "rule"), paired(of_media(MEDIA, 1), BEGUN))
def test_every_line_of_an_update_with_a_given_state_recomputes(medium: str, rule: str) -> None:
    """The given numbers stand in the formulas under names of their own, ``v_w_hh_0``."""
    solution = solve(from_document(training({**BEGUN[rule], "iterations": 3}, T=2)), steps="full")
    assert obey(lines_of(document(solution, medium), medium), Digits(4), dict(FUNCTIONS)) > 60
    assert "at the start" in solution.to_markdown()


# ---------------------------------------------------------------- the rules alone

GRADIENTS = [0.5, -0.3, 0.2, 0.7, -0.1, 0.4]


def by_torch(make: Any, gradients: list[float] = GRADIENTS, start: float = 1.0) -> list[float]:
    """The parameter after each update, as an optimizer of PyTorch has it."""
    torch = pytest.importorskip("torch")
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # what NAdam counts by itself has this type
    try:
        return list(_by_torch(torch, make, gradients, start))
    finally:
        torch.set_default_dtype(usual)


def _by_torch(torch: Any, make: Any, gradients: list[float], start: float) -> Iterator[float]:
    theta = torch.nn.Parameter(torch.tensor(start))
    optimizer, *schedules = make(torch, [theta])
    for value in gradients:
        theta.grad = torch.tensor(value)
        optimizer.step()
        for schedule in schedules:
            schedule.step()
        yield float(theta.detach())


PYTORCH: dict[str, Any] = {
    "gd": lambda t, p: [t.optim.SGD(p, 0.1)],
    "l2": lambda t, p: [t.optim.SGD(p, 0.1, weight_decay=0.1)],
    "momentum": lambda t, p: [t.optim.SGD(p, 0.1, momentum=0.9)],
    "nesterov": lambda t, p: [t.optim.SGD(p, 0.1, momentum=0.9, nesterov=True)],
    "adagrad": lambda t, p: [t.optim.Adagrad(p, 0.1, eps=1e-8)],
    "rmsprop": lambda t, p: [t.optim.RMSprop(p, 0.1, alpha=0.9, eps=1e-8)],
    "rmsprop, centered": lambda t, p: [t.optim.RMSprop(p, 0.1, alpha=0.5, eps=1e-8, centered=True)],
    "adam": lambda t, p: [t.optim.Adam(p, 0.1)],
    "adamw": lambda t, p: [t.optim.AdamW(p, 0.1, weight_decay=0.01)],
    "amsgrad": lambda t, p: [t.optim.Adam(p, 0.1, amsgrad=True)],
    "adadelta": lambda t, p: [t.optim.Adadelta(p, 0.1, rho=0.9, eps=1e-6)],
    "adamax, inside": lambda t, p: [t.optim.Adamax(p, 0.1, eps=0.001)],
    "nadam, growing as in Keras": lambda t, p: [t.optim.NAdam(p, 0.1, momentum_decay=1)],
    "nadam, growing": lambda t, p: [t.optim.NAdam(p, 0.1)],
    "step": lambda t, p: [o := t.optim.SGD(p, 0.1), t.optim.lr_scheduler.StepLR(o, 2, 0.5)],
    "exponential": lambda t, p: [o := t.optim.SGD(p, 0.1), t.optim.lr_scheduler.ExponentialLR(o, 0.9)],
    "warmup": lambda t, p: [
        o := t.optim.SGD(p, 0.1),
        t.optim.lr_scheduler.LambdaLR(o, lambda k: min((k + 1) / 3, 1)),
    ],
}


@pytest.mark.parametrize("rule", PYTORCH)
def test_rules_are_those_of_pytorch(rule: str) -> None:
    """Six updates with the same gradients give the same parameters."""
    mine = exact(told([str(g) for g in GRADIENTS], {"theta": 1}, **RULES[rule]))
    names = ["theta'", *(f"theta'@{k}" for k in range(2, 7))]
    assert [mine[name] for name in names] == pytest.approx(by_torch(PYTORCH[rule]), abs=1e-12)


def test_adam_with_l2_is_not_adamw() -> None:
    """PyTorch tells them apart too."""
    mine = exact(told([str(g) for g in GRADIENTS], {"theta": 1}, rule="adam", weight_decay="0.01"))
    assert mine["theta'@6"] == pytest.approx(by_torch(lambda t, p: [t.optim.Adam(p, 0.1, weight_decay=0.01)])[-1], abs=1e-12)
    decoupled = exact(told([str(g) for g in GRADIENTS], {"theta": 1}, **RULES["adamw"]))
    assert abs(mine["theta'@6"] - decoupled["theta'@6"]) > 1e-4


def by_formula(rule: str) -> float:
    """Rules that PyTorch has not, with plain numbers."""
    w, v, eta = 1.0, 0.0, 0.1
    for k, g in enumerate(GRADIENTS, start=1):
        match rule:
            case "momentum, mean":
                v = 0.8 * v + 0.2 * g
                w -= eta * v
            case "momentum, inside":  # Keras: velocity = momentum * velocity - learning_rate * g; w = w + velocity
                v = 0.9 * v - eta * g
                w += v
            case "nesterov, inside":  # Keras: w = w + momentum * velocity - learning_rate * g
                v = 0.9 * v - eta * g
                w += 0.9 * v - eta * g
            case "decoupled":
                w = w - eta * 0.1 * w - eta * g
            case "adagrad, accumulator":
                v = (v or 0.1) + g * g
                w -= eta * g / (v + 1e-8) ** 0.5
            case "adam, no epsilon":
                v = 0.9 * v + 0.1 * g
                squares = sum((0.001 * 0.999 ** (k - i)) * x * x for i, x in enumerate(GRADIENTS[:k], start=1))
                w -= eta * (v / (1 - 0.9**k)) / (squares / (1 - 0.999**k)) ** 0.5
            case _:
                w -= eta * of_adam(rule, GRADIENTS[:k])
    return w


def of_adam(rule: str, gradients: list[float]) -> float:
    """The last step of a relative of Adam without its learning rate, from sums over all gradients so far."""
    k, g = len(gradients), gradients[-1]

    def mean(beta: float, power: int, upto: int = k) -> float:
        return sum((1 - beta) * beta ** (upto - i) * x**power for i, x in enumerate(gradients[:upto], start=1))

    match rule:
        case "adam, no correction":
            return mean(0.9, 1) / (mean(0.999, 2) ** 0.5 + 1e-8)
        case "adam, uncorrected":  # Kingma and Ba (2015), end of sect. 2
            return (1 - 0.999**k) ** 0.5 / (1 - 0.9**k) * mean(0.9, 1) / (mean(0.999, 2) ** 0.5 + 0.001)
        case "amsgrad, no correction":  # Reddi, Kale and Kumar (2018), algorithm 2
            return mean(0.9, 1) / (max(mean(0.999, 2, upto) for upto in range(1, k + 1)) ** 0.5 + 1e-8)
        case "adamax":  # Kingma and Ba (2015), sect. 7.1: the largest of all sizes, each with its power of beta_2
            largest = max(0.999 ** (k - i) * abs(x) for i, x in enumerate(gradients, start=1))
            return mean(0.9, 1) / (1 - 0.9**k) / (largest + 1e-8)
        case "nadam":  # Dozat (2016), algorithm 2 with a momentum that stays
            ahead = 0.9 * mean(0.9, 1) / (1 - 0.9 ** (k + 1)) + 0.1 * g / (1 - 0.9**k)
            return ahead / ((mean(0.999, 2) / (1 - 0.999**k)) ** 0.5 + 1e-8)
        case _:
            raise AssertionError(rule)


@at_once(
    "rule",
    [
        "momentum, mean", "momentum, inside", "nesterov, inside", "decoupled", "adagrad, accumulator", "adam, no epsilon",
        "adam, no correction", "adam, uncorrected", "amsgrad, no correction", "adamax", "nadam",
    ],
)  # fmt: skip
def test_rules_of_other_books(rule: str) -> None:
    """Keras's velocities, a running mean, decoupled decay of plain descent, a first sum of squares, Adam without epsilon."""
    mine = exact(told([str(g) for g in GRADIENTS], {"theta": 1}, **RULES[rule]))
    assert mine["theta'@6"] == pytest.approx(by_formula(rule), abs=1e-12)


def test_momentum_with_the_rate_inside_is_the_same_while_it_stays() -> None:
    """Inside or outside differs only where the learning rate changes."""
    gradients = [str(g) for g in GRADIENTS]
    outside, inside = (exact(told(gradients, {"w": 1}, rule="momentum", rate=rate)) for rate in ("outside", "inside"))
    assert outside["w'@6"] == pytest.approx(inside["w'@6"], abs=1e-12)
    rates = ["0.1", "0.05", "0.02", "0.1", "0.1", "0.1"]
    outside, inside = (
        exact(told(gradients, {"w": 1}, rule="momentum", rate=rate, learning_rate=rates)) for rate in ("outside", "inside")
    )
    assert abs(outside["w'@6"] - inside["w'@6"]) > 1e-3


STARTED: dict[str, tuple[list[str], dict[str, int]]] = {
    "momentum": (["v"], {}),
    "nesterov": (["v"], {}),
    "adagrad": (["v"], {}),
    "rmsprop, centered": (["v", "m"], {}),
    "adadelta": (["v", "u"], {}),
    "adam": (["m", "v"], {"t": 3}),
    "amsgrad": (["m", "v", "vmax"], {"t": 3}),
    "adam, uncorrected": (["m", "v"], {"t": 3}),
    "adamw": (["m", "v"], {"t": 3}),
    "adamax, inside": (["m", "u"], {"t": 3}),
    "nadam": (["m", "v"], {"t": 3}),
}


@pytest.mark.parametrize("rule", STARTED)
def test_a_state_that_is_given_goes_on_where_it_was_left(rule: str) -> None:
    """Six updates at once, and three that begin with what the first three have left, come to the same."""
    stems, counts = STARTED[rule]
    name = "theta"
    gradients = [str(g) for g in GRADIENTS]
    whole = exact(told(gradients, {name: 1}, **RULES[rule]))
    left = {stem: repr(whole[f"{stem}_{name}@3"]) for stem in stems}
    rest = exact(told(gradients[3:], {name: repr(whole[f"{name}'@3"])}, **RULES[rule], state={**left, **counts}))
    assert rest[f"{name}'@3"] == pytest.approx(whole[f"{name}'@6"], abs=1e-12)
    fresh = exact(told(gradients[3:], {name: repr(whole[f"{name}'@3"])}, **RULES[rule]))
    assert abs(fresh[f"{name}'@3"] - whole[f"{name}'@6"]) > 1e-5


@pytest.mark.parametrize("hidden", [1, 2])
def test_who_looks_ahead_takes_the_gradient_there(hidden: int) -> None:
    """Six iterations, of which the last are replayed: v = βv + ηg(p − βv), p' = p − v, with central differences."""
    made = training({"rule": "nesterov", "look_ahead": True, "iterations": 6}, hidden=hidden, T=2)
    mine = exact(from_document(made))
    oracle = Oracle(made)
    step, beta, eta = mpmath.mpf("1e-15"), mpmath.mpf("0.9"), mpmath.mpf("0.1")
    with mpmath.workdps(50):
        numbers = dict(oracle.start)
        velocity = dict.fromkeys(numbers, mpmath.mpf(0))
        for _ in range(6):
            ahead = {name: value - beta * velocity[name] for name, value in numbers.items()}
            for name, value in ahead.items():
                up, down = ({**ahead, name: value + sign * step} for sign in (1, -1))
                velocity[name] = beta * velocity[name] + eta * (oracle.loss(up) - oracle.loss(down)) / (2 * step)
            numbers = {name: value - velocity[name] for name, value in numbers.items()}
    for name, value in numbers.items():
        stem, bracket, index = name.partition("[")
        assert mine[f"{stem}'{bracket}{index}@6"] == pytest.approx(float(value), abs=1e-12)
    assert mine["L@7"] == pytest.approx(float(oracle.loss(numbers)), abs=1e-12)


# -------------------------------------------------------------------- clipping


@pytest.mark.parametrize(
    ("gradients", "bound", "how", "clipped"),
    [
        ([[3, 4]], 2, "norm", [1.2, 1.6]),  # amanailab
        ([[3, 4]], 1, "norm", [0.6, 0.8]),  # adomicarts
        ([[100, 100]], 1, "norm", [0.70710678, 0.70710678]),  # keras/src/optimizers/sgd_test.py
        ([[3, 4]], 10, "norm", [3, 4]),
        ([[3, -4]], 1, "value", [1, -1]),
        ([[3, "0.5"]], 1, "value", [1, 0.5]),
    ],
)
def test_clipping_gives_the_published_numbers(gradients: Any, bound: int, how: str, clipped: list[float]) -> None:
    """By the global norm, or by value."""
    mine = exact(told(gradients, {"W": [1, 1]}, clip=bound, clip_by=how))
    assert [mine["clipped_W[1]"], mine["clipped_W[2]"]] == pytest.approx(clipped, abs=1e-8)


def test_a_published_clip_by_rows_is_not_the_global_norm() -> None:
    """click4ai's rows, each to norm 1, are those of clip_by = "parameter"; the global norm of the matrix gives others."""
    rows = exact(told({"A": [[1, 2]], "B": [[3, 4]]}, {"A": [0, 0], "B": [0, 0]}, clip=1, clip_by="parameter"))
    assert [rows[f"clipped_{x}[{i}]"] for x in "AB" for i in (1, 2)] == pytest.approx([0.4472136, 0.8944272, 0.6, 0.8])
    whole = exact(told({"A": [[1, 2]], "B": [[3, 4]]}, {"A": [0, 0], "B": [0, 0]}, clip=1))
    right = [0.18257418583505536, 0.3651483716701107, 0.5477225575051661, 0.7302967433402214]
    assert [whole[f"clipped_{x}[{i}]"] for x in "AB" for i in (1, 2)] == pytest.approx(right)


@pytest.mark.parametrize("bound", [0.01, 0.3, 5.0])
def test_clipping_of_a_network_is_that_of_pytorch(bound: float) -> None:
    """torch.nn.utils.clip_grad_norm_ adds 1e-6 to the norm."""
    torch = pytest.importorskip("torch")
    mine = exact(from_document(training({"clip": str(bound)}, hidden=2)))
    names = [name.removeprefix("clipped_") for name in mine if name.startswith("clipped_")]
    parameters = [torch.nn.Parameter(torch.zeros((), dtype=torch.float64)) for _ in names]
    for name, one in zip(names, parameters, strict=True):
        one.grad = torch.tensor(mine[f"dL/d{name}"], dtype=torch.float64)
    norm = torch.nn.utils.clip_grad_norm_(parameters, bound)
    assert mine["norm"] == pytest.approx(float(norm))
    assert [mine[f"clipped_{name}"] for name in names] == pytest.approx([float(one.grad) for one in parameters], rel=1e-3)


# ------------------------------------------------------------------ truncation


def torch_gradients(made: dict[str, Any], borders: list[int]) -> dict[str, float]:
    """Gradients by PyTorch's autograd of a one-unit RNN whose state is detached behind some time steps."""
    torch = pytest.importorskip("torch")

    def number(x: Any) -> Any:
        return torch.tensor(float(Fraction(str(x))), dtype=torch.float64)

    p = {name: number(value).requires_grad_() for name, value in made["parameters"].items()}
    h, total = number(made["given"].get("h_0", 0)), 0
    for t, (x, target) in enumerate(zip(made["given"]["x"], made["given"]["target"], strict=True), start=1):
        h = torch.tanh(p["w_xh"] * number(x) + p["w_hh"] * h + p["b_h"])
        total = total + (p["w_hy"] * h + p["b_y"] - number(target)) ** 2
        if t in borders:
            h = h.detach()
    (total / len(made["given"]["x"])).backward()
    return {name: float(one.grad) for name, one in p.items()}


@pytest.mark.parametrize(("length", "borders"), [(1, [1, 2, 3, 4]), (2, [2, 4]), (3, [3]), (4, [4])])
def test_truncated_gradients_are_those_of_a_detached_state(length: int, borders: list[int]) -> None:
    """PyTorch detaches the state where a window ends; the whole gradient, and what is left out, are lines too."""
    made = training({"truncate": length}, T=5)
    mine = exact(from_document(made))
    part, whole = torch_gradients(made, borders), torch_gradients(made, [])
    for name in part:
        assert mine[f"dL/d{name}"] == pytest.approx(part[name], abs=1e-12)
        assert mine[f"dL_full/d{name}"] == pytest.approx(whole[name], abs=1e-12)
        assert mine[f"cut_{name}"] == pytest.approx(whole[name] - part[name], abs=1e-12)
    assert any(abs(mine[f"cut_{name}"]) > 1e-6 for name in part)


def test_windows_end_with_the_only_prediction() -> None:
    """With one prediction, at the last step, the last window is whole: exactly two steps are gone back."""
    made = training({"truncate": 2}, T=5)
    made["network"]["outputs"] = "last"
    made["given"]["target"] = made["given"]["target"][-1]
    mine = exact(from_document(made))
    assert "dL/da_4" in mine and "dL/da_3" not in mine


# ------------------------------------------------------------------ iterations


def unrolled(made: dict[str, Any], iterations: int) -> Any:
    """The parameters after plain descent with central differences of the oracle's loss, in 50 digits."""
    oracle = Oracle(made)
    numbers = dict(oracle.start)
    step = mpmath.mpf("1e-15")
    with mpmath.workdps(50):
        for _ in range(iterations):
            slopes = {}
            for name, value in numbers.items():
                up, down = ({**numbers, name: value + sign * step} for sign in (1, -1))
                slopes[name] = (oracle.loss(up) - oracle.loss(down)) / (2 * step)
            numbers = {name: value - mpmath.mpf("0.1") * slopes[name] for name, value in numbers.items()}
        return numbers, oracle.loss(numbers)


@pytest.mark.parametrize("hidden", [1, 2])
def test_iterations_are_those_of_central_differences(hidden: int) -> None:
    """Six iterations, of which the last are replayed: parameters and loss as by descent with another's slopes."""
    made = training({"iterations": 6}, hidden=hidden, T=2)
    mine = exact(from_document(made))
    numbers, loss = unrolled(made, 6)
    for name, value in numbers.items():
        stem, bracket, index = name.partition("[")
        assert mine[f"{stem}'{bracket}{index}@6"] == pytest.approx(float(value), abs=1e-12)
    assert mine["L@7"] == pytest.approx(float(loss), abs=1e-12)


def written_anew(training: Training, pass_forward: PassForward) -> None:
    """Every iteration after the first as one forward pass, one backward pass and one update: what iterations are."""
    while training.iteration <= training.options.iterations:
        routes = pass_forward(training.begin(), training.iteration, training.sample(training.iteration))
        training.backward(len(training.builder.steps) - 1, routes)
        training.update()


OF_NETWORKS = {
    **RULES,
    "looking ahead": {"rule": "nesterov", "look_ahead": True},
    "looking ahead, clipped": {"rule": "nesterov", "look_ahead": True, "clip": "0.1"},
    "adam, begun before": {"rule": "adam", "state": {"t": 4}},
}
"""The rules, and those that mean something where there is a network."""
SHAPES_OF_TRAINING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one unit": ({}, {}),
    "windows": ({}, {"truncate": 2}),
    "windows that end with the last prediction": ({"outputs": "last"}, {"truncate": 2}),
    "matrices": ({"hidden": 2, "d": 2}, {}),
    "matrices, some frozen": ({"hidden": 2}, {"freeze": ["W_hh", "b_y"]}),
    "feedforward": ({"cell": "dense", "hidden": [2, 1]}, {}),
    "a batch": ({"batch": 3}, {}),
    "samples in turns": ({"batch": 3}, {"mode": "online", "epochs": 4}),
    "samples in turns, windows": ({"batch": 2, "hidden": 2}, {"mode": "online", "epochs": 5, "truncate": 2}),
}
"""Networks, and what of an update goes with any rule."""


@pytest.mark.parametrize(("rule", "shape"), paired(OF_NETWORKS, SHAPES_OF_TRAINING))
def test_replayed_iterations_are_those_that_are_written_anew(rule: str, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, formula, operands, role: every line of every iteration, and so every power of β and every learning rate."""
    network, of_shape = SHAPES_OF_TRAINING[shape]
    made = network_document(**{"T": 3, "seed": 5, **network})
    made["update"] = {"learning_rate": "0.1", **OF_NETWORKS[rule], **of_shape}
    if "epochs" not in of_shape:
        made["update"]["iterations"] = 7
    problem = from_document(made)
    assert problem.update is not None
    replayed = build(problem)
    monkeypatch.setattr(Training, "repeat", written_anew)
    anew = build(problem)
    for mine, theirs in zip(replayed.steps, anew.steps, strict=True):
        assert mine == theirs
    assert f"@{problem.update.iterations}" in str(replayed)


def test_long_runs_are_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred iterations the forward pass is written three times, and once more for the loss at the end."""
    passes: list[int] = []
    forward = GivenSteps.pass_forward

    def counted(self: GivenSteps, parameters: Any, iteration: int = 1, only: int | None = None) -> Any:
        passes.append(iteration)
        return forward(self, parameters, iteration, only)

    monkeypatch.setattr(GivenSteps, "pass_forward", counted)
    build(from_document(training({"rule": "adam", "iterations": 100})))
    assert passes == [1, 2, 3, 101]


BATCH = {
    "network": {"cell": "rnn"},
    "parameters": {"w_xh": "0.8", "w_hh": "0.5", "b_h": 0, "w_hy": 1, "b_y": "-0.2"},
    "given": {"x": [[1, 0], [0, 1], [1, 1]], "target": [[1, "0.5"], [0, 1], ["0.2", 1]]},
}


def test_online_updates_after_every_sample() -> None:
    """Each iteration is a problem of one sample with the parameters that the one before has left."""
    mine = exact(from_document({**BATCH, "update": {"learning_rate": "0.1", "mode": "online", "epochs": 3}}))
    parameters: dict[str, Any] = dict(BATCH["parameters"])
    for k in range(9):
        one = {**BATCH, "parameters": parameters, "update": {"learning_rate": "0.1"}}
        one["given"] = {key: value[k % 3] for key, value in BATCH["given"].items()}  # type: ignore[attr-defined]
        values = exact(from_document(one))
        at = f"@{k + 1}" if k else ""
        assert mine[f"L{at}"] == pytest.approx(values["L"], abs=1e-12)
        parameters = {name: Decimal(repr(values[f"{name}'"])) for name in parameters}
    assert [mine[f"{name}'@9"] for name in parameters] == pytest.approx(list(map(float, parameters.values())), abs=1e-9)


def test_a_batch_updates_after_all_samples() -> None:
    """An epoch is one iteration; it is not what the same samples give one after the other."""
    batch = exact(from_document({**BATCH, "update": {"learning_rate": "0.1", "epochs": 2}}))
    online = exact(from_document({**BATCH, "update": {"learning_rate": "0.1", "epochs": 2, "mode": "online"}}))
    assert "w_hh'@2" in batch and "w_hh'@3" not in batch
    assert abs(batch["w_hh'@2"] - online["w_hh'@6"]) > 1e-3


# ------------------------------------------------------------------- the file

ALONE = {"parameters": {"theta": 1}, "given": {"gradient": ["0.5", "-0.3"]}, "update": {"learning_rate": "0.1"}}


@at_once(
    ("change", "path", "said"),
    [
        ({"update": {"rule": "adan", "learning_rate": 1}}, "update.rule", 'did you mean "adam"'),
        ({"update": {"learning_rate": -1}}, "update.learning_rate", "goes uphill"),
        ({"update": {"learning_rate": ["0.1"]}}, "update.learning_rate", "1 learning rates for 2 iterations"),
        ({"update": {"learning_rate": 1, "beta": 0}}, "update.beta", "the rule gd has no beta"),
        ({"update": {"learning_rate": 1, "rule": "momentum", "beta": 1}}, "update.beta", "from 0, below 1"),
        ({"update": {"learning_rate": 1, "velocity": "mean"}}, "update.velocity", "it goes with momentum"),
        ({"update": {"learning_rate": 1, "rule": "nesterov", "velocity": "mean"}}, "update.velocity", "goes with momentum"),
        ({"update": {"learning_rate": 1, "rule": "adam", "epsilon": 0, "epsilon_at": "inside"}}, "update.epsilon_at", "nowhere"),
        ({"update": {"learning_rate": 1, "decay": "l2"}}, "update.decay", "no weight_decay"),
        ({"update": {"learning_rate": 1, "rule": "rmsprop", "epsilon_at": "uncorrected"}}, "update.epsilon_at", "adam, adamw"),
        (
            {"update": {"learning_rate": 1, "rule": "adam", "epsilon_at": "uncorrected", "bias_correction": False}},
            "update.epsilon_at",
            "no other place",
        ),
        ({"update": {"learning_rate": 1, "rule": "adadelta", "epsilon": 0}}, "update.epsilon", "never begins to move"),
        ({"update": {"learning_rate": 1, "rule": "nadam", "amsgrad": True}}, "update.amsgrad", "goes with adam, adamw"),
        ({"update": {"learning_rate": 1, "rule": "adam", "momentum_decay": 1}}, "update.momentum_decay", "goes with nadam"),
        ({"update": {"learning_rate": 1, "rule": "nesterov", "look_ahead": True}}, "update.look_ahead", "nothing to look ahead"),
        ({"update": {"learning_rate": 1, "state": {"v": 1}}}, "update.state.v", "the rule gd has no v, which carries nothing"),
        ({"update": {"learning_rate": 1, "rule": "adam", "state": {"u": 1}}}, "update.state.u", "it carries m and v"),
        ({"update": {"learning_rate": 1, "rule": "adam", "state": {"v": -1}}}, "update.state.v.theta", "is not a square"),
        ({"update": {"learning_rate": 1, "rule": "adam", "state": {"v": {"teta": 1}}}}, "update.state.v", 'did you mean "theta"'),
        ({"update": {"learning_rate": 1, "rule": "adam", "state": {"v": [1, 2]}}}, "update.state.v.theta", "a list of 2"),
        ({"update": {"learning_rate": 1, "rule": "adam", "state": {"w": 1}}}, "update.state", "w"),
        ({"update": {"learning_rate": 1, "rule": "momentum", "state": {"t": 2}}}, "update.state.t", "leave t out"),
        ({"update": {"learning_rate": 1, "rule": "nadam", "momentum_decay": 1, "state": {"t": 2}}}, "update.state.t", "momenta"),
        (
            {"update": {"learning_rate": 1, "rule": "adagrad", "accumulator": 1, "state": {"v": 2}}},
            "update.state.v",
            "leave one out",
        ),
        ({"update": {"learning_rate": 1, "rule": "adamw", "decay": "l2"}}, "update.decay", 'the rule "adam"'),
        ({"update": {"learning_rate": 1, "weight_decay": 0}}, "update.weight_decay", "more than 0"),
        ({"update": {"learning_rate": 1, "clip_by": "value"}}, "update.clip_by", "there is no clip"),
        ({"update": {"learning_rate": 1, "schedule": "step", "gamma": 1}}, "update", '"every" is missing'),
        ({"update": {"learning_rate": 1, "gamma": 1}}, "update.gamma", "there is no schedule"),
        ({"update": {"learning_rate": 1, "truncate": 1}}, "update.truncate", "there is no time"),
        ({"update": {"learning_rate": 1, "mode": "online"}}, "update.mode", "one sample only"),
        ({"update": {"learning_rate": 1, "epochs": 2}}, "update.epochs", "no epochs"),
        ({"update": {"learning_rate": 1, "iterations": 3}}, "update.iterations", "gradients for 2"),
        ({"given": {"gradient": []}}, "given.gradient", "an empty list"),
        ({"given": {"gradient": {"teta": [1]}}}, "given.gradient", 'did you mean "theta"'),
        ({"given": {"gradient": [[1, 2]]}}, "given.gradient[1]", "a list of 2; expected one number"),
        ({"given": {"gradient": [1], "x": 1}}, "given.x", "there is no network"),
        ({"parameters": {"theta": 1, "phi": 2}}, "given.gradient", "there are theta, phi"),
        ({"parameters": {"eta": 1}}, "parameters", "the update uses that name"),
        ({"parameters": {"w_1": 1}}, "parameters", "letters"),
        ({"network": {"cell": "rnn"}}, "given.gradient", "one of the two"),
        ({"loss": {"factor": 1}}, "loss", "there is no loss"),
    ],
)
def test_what_has_no_meaning_is_an_error_with_its_path(change: dict[str, Any], path: str, said: str) -> None:
    """What was met, and what would do."""
    with pytest.raises(ProblemError) as error:
        from_document({**ALONE, **change})
    assert error.value.path == path
    assert said in str(error.value)


def test_windows_as_long_as_the_sequence_cut_nothing() -> None:
    """That is an error, because a reader would expect a difference."""
    with pytest.raises(ProblemError, match="nothing would be cut"):
        from_document(training({"truncate": 3}, T=3))


def test_a_problem_of_an_update_alone_can_be_marked_and_handed_out() -> None:
    """Its key, a worksheet of it, and its sheet for the answers."""
    from bptt_trace.handouts.blanks import answers_csv, blanks_of
    from bptt_trace.handouts.worksheet import worksheet
    from bptt_trace.marking.check import check
    from bptt_trace.marking.key import Key

    key = Key(from_document({**ALONE, "update": {"learning_rate": "0.1", "rule": "adam"}}))
    blanks = blanks_of(key)
    assert worksheet(key, blanks).sections
    names = [line.strip(",") for line in answers_csv(key, blanks).splitlines()[1:]]
    assert names == [str(step.target) for step in key.steps if step.rule is not None]
    answers = {step.target: repr(value) for step, value in zip(key.steps, key.exact, strict=True) if step.rule is not None}
    assert check(key, answers).score == len(names)


def test_the_code_of_a_sheet_without_optimizer_is_what_it_was() -> None:
    """Keys that are not told do not enter the code."""
    assert told_of(Update()) == "Update()"
    assert told_of(Update("momentum", velocity="mean")) == "Update(rule='momentum', velocity='mean')"


@pytest.mark.parametrize(
    ("show", "said"),
    [("1,2,last", [1, 2, 9]), ("all", list(range(1, 10))), ("none", []), ("auto", [1, 9]), ("3", [3])],
)
def test_show_says_which_iterations_are_printed(show: str, said: list[int]) -> None:
    """The others are in the table only; numbers of lines do not depend on it."""
    sheet = solve(from_document(training({"iterations": 9}, T=2)), show=show).sheet
    sections = [section.id for section in sheet.sections]
    assert [k for k in range(2, 10) if f"iteration-{k}" in sections] == [k for k in said if k > 1]
    assert ("forward" in sections) == (1 in said)
    assert "training" in sections


@pytest.mark.parametrize("show", ["0", "10", "first", "1,,2", "-1"])
def test_show_of_an_iteration_that_is_not_there(show: str) -> None:
    """It says which there are."""
    with pytest.raises(ProblemError, match="numbers from 1 to 9"):
        _ = solve(from_document(training({"iterations": 9}, T=2)), show=show).sheet
