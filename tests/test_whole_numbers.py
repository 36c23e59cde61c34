"""Variants in whole numbers and halves: every line is short without rounding, from the first pre-activation to the update.

The oracles are of fractions: the calculator of printed lines, and dual numbers, which know no backward pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from law import FUNCTIONS, bent, evaluate, number, read_json
from sweeps import chosen

from bptt_trace import load, solve
from bptt_trace.commands import command
from bptt_trace.errors import ProblemError
from bptt_trace.handouts.screening import ACCEPTED
from bptt_trace.handouts.variants import Factory
from bptt_trace.problem.files import content, document_of
from bptt_trace.problem.problem import Problem
from bptt_trace.problem.problem import document as changed

WHOLE = "whole-numbers"
THREE = ("given.x=[1,2,3]", "given.target=[1,2,3]", "loss.over_time=sum")
WORLDS: dict[str, tuple[str, ...]] = {
    "whole": (),
    "halves": ("vary.numbers=halves",),
    "identity": ("network.activation=identity",),
    "three": THREE,
    "identity, three, halves": (*THREE, "network.activation=identity", "vary.numbers=halves", "rounding.places=3"),
    "places": ("rounding.places=1", "update.learning_rate=0.5"),
    "fractions": ("vary.numbers=halves", "rounding.policy=exact"),
    "fractions, three": ("given.x=[1,2,3]", "given.target=[1,2,3]", "rounding.policy=exact", "vary.tries=20000"),
}
"""What is changed in the example."""


@cache
def variants(world: str, count: int = 6) -> tuple[Factory, list[Problem]]:
    factory = Factory(changed(WHOLE, WORLDS[world])[0])
    return factory, [factory.variant_problem(one.code, one.drawn) for one in factory.search(count, 3).found]


@pytest.mark.parametrize("world", chosen([one for one in WORLDS if "fractions" not in one], ["whole", "halves"]))
def test_every_line_is_exact_with_the_decimals_of_the_sheet(world: str) -> None:
    """The printed numbers of a line give its printed result, with nothing rounded away: forward, backward and update."""
    _, problems = variants(world)
    functions = dict(FUNCTIONS)
    functions["relu"], functions["relu'"] = bent(Fraction(0), Fraction(0))
    for problem in problems:
        rows = [row for section in read_json(solve(problem, steps="full").to_json()) for row in section]
        rows = [row for row in rows if "@" not in row.name and not row.name.startswith("dh_")]  # up to the update
        assert {"w_hh'", "dL/da_1", "h_2"} <= {row.name for row in rows}
        for row in rows:
            exact = evaluate(row.numbers, functions)
            assert (row.name, exact) == (row.name, number(row.result))
            assert (exact * 10**problem.rounding.places).denominator == 1
            assert abs(exact) <= 100


@dataclass(frozen=True)
class Dual:
    """A number and its slope in one parameter."""

    value: Fraction
    slope: Fraction = Fraction(0)

    def __add__(self, other: Dual) -> Dual:
        return Dual(self.value + other.value, self.slope + other.slope)

    def __sub__(self, other: Dual) -> Dual:
        return Dual(self.value - other.value, self.slope - other.slope)

    def __mul__(self, other: Dual) -> Dual:
        return Dual(self.value * other.value, self.value * other.slope + self.slope * other.value)


def relu(z: Dual) -> Dual:
    return z if z.value > 0 else Dual(Fraction(0))


def loss(given: dict[str, Fraction], steps: int, activation: Callable[[Dual], Dual], mean: bool, slope_in: str) -> Dual:
    """The loss of the network, with its slope in one parameter."""
    at = {name: Dual(value, Fraction(name == slope_in)) for name, value in given.items()}
    h, total = at["h_0"], Dual(Fraction(0))
    for t in range(1, steps + 1):
        h = activation(at["w_xh"] * at[f"x_{t}"] + at["w_hh"] * h + at["b_h"])
        error = at["w_hy"] * h + at["b_y"] - at[f"target_{t}"]
        total = total + error * error
    return total * Dual(Fraction(1, steps)) if mean else total


@pytest.mark.parametrize("world", chosen(list(WORLDS), ["whole", "halves", "fractions"]))
def test_loss_gradients_and_new_parameters_are_those_of_fractions(world: str) -> None:
    """Dual numbers of fractions give the same, without a backward pass; a closed form has a small denominator."""
    _, problems = variants(world)
    for problem in problems:
        given = {str(name): value.value for name, value in problem.given.items()}
        steps = problem.network.steps or 1
        activation = relu if problem.network.activation.name == "relu" else lambda z: z
        printed = {row.name: row for section in read_json(solve(problem).to_json()) for row in section}
        exact = problem.rounding.policy == "exact"

        def same(name: str, value: Fraction, printed: dict[str, Any] = printed, exact: bool = exact) -> None:
            assert (name, value) == (name, Fraction(printed[name].result) if exact else number(printed[name].result))
            assert not exact or value.denominator <= 60

        for name in ("w_xh", "w_hh", "b_h", "w_hy", "b_y"):
            whole = loss(given, steps, activation, problem.loss.over_time == "mean", name)
            same("L", whole.value)
            same(f"dL/d{name}", whole.slope)
            same(f"{name}'", given[name] - given["eta"] * whole.slope)


@pytest.mark.parametrize("world", chosen(list(WORLDS), ["whole", "halves"]))
def test_what_is_given_is_small(world: str) -> None:
    """Whole numbers or halves up to 5, none of them 0, beside the initial state and the learning rate."""
    factory, problems = variants(world)
    for problem in problems:
        for name, given in problem.given.items():
            if str(name) in ("h_0", "eta"):
                continue
            halves = factory.ranges.numbers == "halves" and name.stem not in ("x", "target")
            assert 0 < abs(given.value) <= 5
            assert (given.value * (2 if halves else 1)).denominator == 1
            assert given.text in (str(given.value), str(float(given.value)))


def test_a_sheet_without_a_rounding_of_its_own_has_two_decimals() -> None:
    """What the file says holds; significant figures are refused, naming what goes."""
    document = document_of(content(WHOLE)[0])
    del document["rounding"]
    factory = Factory(document)
    assert 2 == factory.problem.rounding.places == factory.document["rounding"]["places"]
    assert "rounding" not in document
    assert 4 == Factory({**document, "vary": {}}).problem.rounding.places
    assert 3 == Factory({**document, "rounding": {"places": 3}}).problem.rounding.places
    with pytest.raises(ProblemError, match=r"decimal places and no significant figures; rounding\.places = 2"):
        Factory({**document, "rounding": {"figures": 4}})


@pytest.mark.parametrize("name", ["rnn", "mazur", "relu-bce"])
def test_what_has_no_short_numbers_says_what_has(name: str, tmp_path: Path) -> None:
    """The options that the error names make the same command work."""
    arguments = ["vary", name, "--numbers", "whole", "-n", "2"]
    runner = CliRunner()
    refused = runner.invoke(command, [*arguments, "-o", str(tmp_path / "one")])
    assert isinstance(refused.exception, ProblemError)
    advised = re.findall(r"--set [a-z_.]+=[a-z_]+", str(refused.exception))
    followed = runner.invoke(command, [*arguments, *" ".join(advised).split(), "-o", str(tmp_path / "two")])
    assert 0 == followed.exit_code, (advised, followed.exception)


@pytest.mark.parametrize(("name", "words"), [("lstm", 'cell = "rnn"'), ("adam", 'the update rule "gd" has them')])
def test_what_no_option_makes_whole_names_what_is(name: str, words: str) -> None:
    """Gates are not put together from straight pieces, and Adam takes roots."""
    with pytest.raises(ProblemError, match=words):
        Factory(changed(name, ("vary.numbers=whole",))[0])


def test_a_worksheet_draws_its_own_numbers(tmp_path: Path) -> None:
    """``--numbers`` and ``--seed`` give worksheet and key of the first variant of that seed, under its code."""
    runner = CliRunner()
    made = runner.invoke(command, ["vary", WHOLE, "-n", "1", "--seed", "7", "-o", str(tmp_path / "out")])
    assert 0 == made.exit_code, made.output
    for options, kind in (([], "worksheets"), (["--key"], "keys")):
        outcome = runner.invoke(command, ["worksheet", WHOLE, "--seed", "7", "-f", "markdown", *options])
        assert (tmp_path / "out" / kind / "1.md").read_text("utf-8") == outcome.output
    other = runner.invoke(command, ["worksheet", WHOLE, "--numbers", "halves", "-f", "markdown"])
    assert (0, True) == (other.exit_code, "0.5" in other.output or "1.5" in other.output)
    notebook = runner.invoke(command, ["worksheet", WHOLE, "--seed", "7", "-f", "ipynb"])
    code = load(tmp_path / "out/problems/1.toml").handout_with_code.code
    assert code in notebook.output


# ---------------------------------------------------------------------- advice

HOPELESS: dict[str, tuple[str, ...]] = {
    "rnn places": ("rnn", "rounding.places=1"),
    "rnn one input": ("rnn", "vary.x=[2]"),
    "rnn large weights": ("rnn", "vary.w_xh=[30,40]", "vary.tries=100"),
    "rnn few tries": ("rnn", "vary.tries=1"),
    "graph": ("micrograd",),
    "whole, mean of three": (WHOLE, "given.x=[1,2,3]", "given.target=[1,2,3]", "vary.tries=500"),
    "whole, long rate": (WHOLE, "update.learning_rate=0.0123", "vary.tries=300"),
}


@pytest.mark.parametrize("which", chosen(list(HOPELESS), ["rnn places", "rnn few tries", "whole, long rate"]))
def test_following_the_advice_works(which: str, tmp_path: Path) -> None:
    """A search that fails names an option; the same command with it finds all variants."""
    name, *changes = HOPELESS[which]
    runner = CliRunner()
    arguments = ["vary", name, "-n", "30", *(part for change in changes for part in ("--set", change))]
    failed = runner.invoke(command, [*arguments, "-o", str(tmp_path / "one")])
    assert isinstance(failed.exception, ProblemError)
    advised = re.findall(r"--set (?:'([^']+)'|(\S+))", str(failed.exception))
    assert advised, failed.exception
    more = [part for quoted, bare in advised for part in ("--set", quoted or bare)]
    followed = runner.invoke(command, [*arguments, *more, "-o", str(tmp_path / "two")])
    assert 0 == followed.exit_code, (more, followed.exception)


@pytest.mark.parametrize("word", sorted(ACCEPTED))
def test_a_screen_that_is_accepted_rejects_nothing(word: str) -> None:
    """Its condition is no longer among those that failed, and codes stay what they were."""
    strict, free = Factory(changed("rnn3")[0]), Factory(changed("rnn3", (f'vary.accept=["{word}"]',))[0])
    assert strict.key == free.key
    assert ACCEPTED[word] not in free.search(20, 1).rejected
    if word in ("equal-inputs", "saturated", "small", "ties"):
        assert ACCEPTED[word] in strict.search(20, 1).rejected


@pytest.mark.parametrize("name", chosen(["lstm", "gru", "slstm", "seq2seq"], ["gru", "slstm"]))
def test_long_examples_have_variants_as_they_are_shipped(name: str) -> None:
    """Thirty within a thirtieth of the candidates that are allowed: about a second."""
    search = Factory(changed(name)[0]).search(30, 1)
    assert 30 == len(search.found)
    assert search.drawn <= 20_000
