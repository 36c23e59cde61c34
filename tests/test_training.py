"""Training: optimizers, clipping, truncation and iterations, as lines of the program and as sheets."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from law import read_json, read_latex, read_markdown, read_terminal
from networks import document as network_document
from oracle import Oracle
from random_problems import Case, cases
from test_law import MEDIA, document, lines_of, obey

from bptt_trace import Name, ProblemError, Rounding, build, evaluate, load, parse, scalars, solve
from bptt_trace.documents import examples
from bptt_trace.problem import Problem, from_document

del read_json, read_latex, read_markdown, read_terminal, examples, load

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


def training(update: dict[str, Any], cell: str = "rnn", hidden: int = 1, T: int = 3, **more: Any) -> dict[str, Any]:
    """A network with an update."""
    made = network_document(hidden=hidden, d=1, k=1, T=T, seed=5)
    made["update"] = {"learning_rate": "0.1", **update}
    return {**made, **more}


# --------------------------------------------------------------------- the law


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "adam, no epsilon"])  # a gradient may be 0
@settings(max_examples=4)
@given(case=cases(most_places=6), iterations=st.sampled_from([1, 2, 3, 5]))
def test_every_line_of_an_update_recomputes_in_every_medium(rule: str, case: Case, iterations: int) -> None:
    """State, corrections, norms, clipped gradients, learning rates: whatever is printed follows from its digits."""
    made = case.document
    made["update"] = {"learning_rate": "0.1", "iterations": iterations, **RULES[rule]}
    if "g" in rule and made["rounding"].get("places", 9) < 4:
        made["rounding"]["places"] = 4
    solution = solve(parse(json.dumps(made)), steps="full")
    for medium in MEDIA:
        sections = lines_of(document(solution, medium), medium)
        assert obey(sections, case.digits, case.functions) > 0


@pytest.mark.parametrize("rule", ["momentum", "adam", "clip", "clip by value"])
def test_every_line_of_an_update_of_matrices_recomputes(rule: str) -> None:
    """Board and components of vectors and matrices."""
    from law import FUNCTIONS, Digits

    solution = solve(from_document(training({**RULES[rule], "iterations": 2}, hidden=2, T=2)), steps="full")
    for medium in MEDIA:
        assert obey(lines_of(document(solution, medium), medium), Digits(4), dict(FUNCTIONS)) > 100
