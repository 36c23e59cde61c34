"""Every command on problems of every kind: a sheet or one clear error, programs that end well, and nothing in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from decimal import localcontext
from io import StringIO
from typing import Any

import pytest
import sweeps
from any_feature import KINDS, problem_with_a_feature
from any_problem import problem_of_any_kind
from sweeps import share_of

from bptt_trace import Key, Problem, Solution, parse, solve
from bptt_trace.calculation.prove import prove
from bptt_trace.document.sheet import Sheet
from bptt_trace.errors import DesignError, InputError
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.blanks import answers_csv, answers_toml, blanks_of
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.lines.view import View
from bptt_trace.media.templates import html, latex, markdown
from bptt_trace.media.terminal import as_text
from bptt_trace.worked_solution.gradient_flow import flow_sheet

FEW, MANY = 1, share_of(600)
"""Random problems of every run, and of the exhaustive one; the environment may name more."""
DEAR = ("prove", "worksheet --key", "worksheet", "solve --steps ledger")
"""Commands of which a problem is asked one, in turn: they take most of the time."""
PROGRAMS = ("solve -f python", "solve -f numpy", "solve -f torch")
"""The same where few problems are asked."""
MEDIA: tuple[Callable[[Sheet], str], ...] = (as_text, markdown, latex, html)
CORNERS = ("relu", "abs", "step", "sign")
"""Functions that have no slope at 0, where proofs need not agree."""


def agrees_with_itself(program: str) -> bool:
    """Whether a generated program comes to its last line: it ends with ``SystemExit`` where a value differs."""
    out = StringIO()
    with redirect_stdout(out), localcontext():
        exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})
    return out.getvalue().splitlines()[-1].startswith("All ")


def commands(seed: int, document: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is asked of a problem: each command, in a medium that goes by the seed."""
    problem: Problem = parse(json.dumps(document))
    solved: list[Solution] = []
    keys: list[Key] = []

    def solution() -> Solution:
        if not solved:
            solved.append(solve(problem))
        return solved[0]

    def key() -> Key:
        if not keys:
            keys.append(Key(problem))
        return keys[0]

    def shown(place: int, sheet: Sheet) -> bool:
        return bool(MEDIA[(seed + place) % len(MEDIA)](sheet))

    def proved() -> bool:
        return all(one.agrees for one in prove(problem)) or any(one in str(document) for one in CORNERS)

    def program(form: str) -> Callable[[], bool]:
        return lambda: agrees_with_itself(solution().to_code(form))

    yield "solve", lambda: shown(0, solution().sheet)
    yield "solve --steps ledger", lambda: shown(1, replace(solution(), view=View("ledger")).sheet)
    yield "solve -f json", lambda: solution().to_json()
    yield "flow", lambda: shown(2, flow_sheet([problem]))
    yield "prove", proved
    yield "worksheet", lambda: shown(3, worksheet(key(), blanks_of(key(), ("all",), seed % 4)))
    yield "worksheet --key", lambda: shown(4, key_sheet(key(), blanks_of(key(), ("all",), seed % 4)))
    yield "worksheet -f csv", lambda: answers_csv(key(), blanks_of(key()))
    yield "worksheet -f toml", lambda: answers_toml(key(), blanks_of(key()))
    for form in ("python", "numpy", "torch"):
        yield f"solve -f {form}", program(form)


@pytest.mark.parametrize("seed", [*range(FEW), *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(FEW, MANY))])
def test_every_command_answers_or_says_why_not(seed: int) -> None:
    """No problem that can be read ends a command in anything but its result or an ``InputError``."""
    assert_answers(seed, problem_of_any_kind(seed))


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[] if seed in range(0, KINDS, 2) else pytest.mark.exhaustive) for seed in range(MANY)]
)
def test_every_command_answers_for_what_few_networks_have(seed: int) -> None:
    """The same with attention, letters, perceptrons, own equations, graphs, dropout, windows, and what is asked for besides."""
    assert_answers(seed, problem_with_a_feature(seed))


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", [930, 1235, 2598])
def test_what_once_stopped_a_command_does_so_no_more(seed: int) -> None:
    """Nested softplus functions in a proof; squares beyond doubles for NumPy; a value among the noise of 60 digits for Python."""
    assert_answers(seed, problem_of_any_kind(seed))


def assert_answers(seed: int, document: dict[str, Any]) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")
    in_turn = [DEAR] if sweeps.wide else [DEAR, PROGRAMS]
    left_out = {one for group in in_turn for one in group if one != group[seed % len(group)]}
    for command, run in commands(seed, document):
        if command in left_out:
            continue
        fault = ""
        try:
            fault = "" if run() else "is not what it should be"
        except InputError as error:
            fault = "" if str(error) else "an error without a message"
        except (DesignError, SystemExit) as error:
            fault = str(error)
        assert not fault, f"{command}: {fault}"
