"""How much of a sweep every run takes, and what the built-in examples come to, worked out once in each process.

The default run takes a covering part of each sweep; what is left of it is
marked ``exhaustive``. ``python -m pytest -m ""`` runs all, and then as many
random problems are drawn as ``runs`` says.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from functools import cache, lru_cache, wraps
from itertools import product
from math import lcm
from reprlib import Repr
from typing import Any

import pytest
from hypothesis import settings
from random_problems import examples

from bptt_trace import Key, Problem, load, solve
from bptt_trace.media.terminal import as_text
from bptt_trace.solution import Solution

COVERING = (
    "clipping", "nbis-chain", "shared-weight-4", "selective-state-space", "postnetwork", "adam", "rnn",
)  # fmt: skip
"""The examples that every run looks at: short ones, which were picked one by one, each time the one with the most new
branches for the time that it takes."""

FEW = ("shared-weight-4", "selective-state-space", "postnetwork", "adam", "rnn")
"""Of these the longer ones, for what is asked of the form of a sheet."""

WIDER = (*COVERING, "look-ahead", "relu-bce", "cs224n-gru", "bidirectional", "seq2seq", "slstm", "vanishing-lstm")
"""With these, 99 % of the branches that examples execute: for the law, and for what is no dearer with a long sheet."""

MANY = 200
"""``runs`` of so many are as many random inputs as the profile says."""

Values = Iterable[Any]
Test = Callable[..., None]
SHORT = Repr()
SHORT.maxstring = SHORT.maxother = 100
"""How a case is written that fails."""

SHARE = float(os.environ.get("SWEEP_SHARE", "0.05"))
"""Which part of thousands of random problems the exhaustive run takes, that it may end within minutes; 1 takes all."""
wide = True
"""Whether the values that are left to the exhaustive run are there at all; ``conftest.py`` says so before tests are collected."""


# ----------------------------------------------------------- parts of a sweep


def chosen(values: Values, every_run: Collection[Any], *, each: int = 1) -> list[Any]:
    """The values of a parameter, of which every run takes those in ``every_run``.

    What takes seconds the exhaustive run asks of one in ``each`` of the others; of all where ``SWEEP_SHARE`` is 1.
    """
    taken = [value for place, value in enumerate(values) if place % each == 0 or value in every_run or SHARE >= 1]
    return _params(([_set(value)], value in every_run) for value in taken)


def of_examples(names: Iterable[str] | None = None, every_run: Collection[str] = COVERING, *, each: int = 1) -> list[Any]:
    """The built-in examples, or some of them, of which every run takes the covering set; ``each`` as in ``chosen``."""
    return chosen(examples() if names is None else names, every_run, each=each)


def of_media(media: Iterable[str], turn: int | None = None) -> list[Any]:
    """Media, of which every run takes two of the terminals: a narrow one without Unicode, and the usual one.

    With a turn it takes every second one, from the first (0) or the next (1) on: the tests of many files ask the same.
    """
    one_by_one = [one for one in media if one in ("terminal-60-ascii", "terminal-80-unicode") or one[:8] != "terminal"]
    return chosen(media, one_by_one if turn is None else one_by_one[turn::2])


def thinned(values: Values, each: int) -> list[Any]:
    """The values of a parameter, of which every run takes one in ``each``."""
    return _params(([_set(value)], place % each == 0) for place, value in enumerate(values))


def paired(*columns: Values) -> list[Any]:
    """Combinations of several parameters, of which every run takes so few that each value is among them once.

    The exhaustive run has each value of the first parameter beside each value of every other, and all
    combinations where ``SWEEP_SHARE`` is 1. A value that ``chosen`` leaves to it is in none of every run.
    """
    return _combined(columns, _each_with_each)


def abreast(*columns: Values) -> list[Any]:
    """The same for what takes seconds: in the exhaustive run too each value is there so few times that all are there once."""
    return _combined(columns, _once)


def _combined(columns: tuple[Values, ...], wider: Callable[[list[int]], Iterable[tuple[int, ...]]]) -> list[Any]:
    """What every run takes, and beside it what ``wider`` makes of the numbers of values."""
    sets = [[_set(value) for value in column] for column in columns]
    quick = [[place for place, one in enumerate(column) if not is_exhaustive(one)] for column in sets]
    rows = {tuple(places[row % len(places)] for places in quick) for row in range(max(map(len, quick)))}
    many = list(map(len, sets))
    every = {*rows, *(product(*map(range, many)) if SHARE >= 1 else wider(many))} if wide else rows
    return _params(
        ([column[place] for column, place in zip(sets, places, strict=True)], places in rows) for places in sorted(every)
    )


def _each_with_each(many: list[int]) -> Iterator[tuple[int, ...]]:
    """Places of values: each of the first parameter with each of the others, which go on in turns."""
    first, *others = many
    for one in range(first):
        for turn in range(max(others, default=1)):
            yield one, *((turn + one * place) % count for place, count in enumerate(others, 1))


def _once(many: list[int]) -> Iterator[tuple[int, ...]]:
    """Places of values side by side, as many as the longest parameter has.

    Beside it the others go on by one whenever they would meet the same values again.
    """
    longest = many.index(max(many))
    shorter = [place for place in range(len(many)) if place != longest]
    rounds = {place: lcm(*(many[one] for one in shorter[: turn + 1])) if turn else 0 for turn, place in enumerate(shorter)}
    for row in range(max(many)):
        yield tuple((row + (row // rounds[place] if rounds.get(place) else 0)) % count for place, count in enumerate(many))


def _set(value: Any) -> Any:
    return value if isinstance(value, type(pytest.param())) else pytest.param(value)


def is_exhaustive(one: Any) -> bool:
    """Whether a value of a parameter is left to the exhaustive run."""
    return any(mark.name == "exhaustive" for mark in getattr(one, "marks", ()))


def _params(rows: Iterable[tuple[list[Any], bool]]) -> list[Any]:
    """Rows of parameters, each with whether every run takes it; twelve thousand more take seconds to collect."""
    return [_param(parts, every_run) for parts, every_run in rows if every_run or wide]


def _param(parts: list[Any], every_run: bool) -> Any:
    """The values of some parameters in one row, with their marks."""
    marks = [mark for part in parts for mark in part.marks if mark.name != "exhaustive"]
    return pytest.param(
        *(value for part in parts for value in part.values), marks=marks if every_run else [*marks, pytest.mark.exhaustive]
    )


def each_once(values: Values, features: Callable[[Any], Iterable[Hashable]]) -> list[Any]:
    """The values of a parameter, of which every run takes those with a feature that none before them has."""
    seen: set[Hashable] = set()
    found = []
    for value in values:
        new = set(features(value)) - seen
        seen |= new
        found.append(([_set(value)], bool(new)))
    return _params(found)


def at_once(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Test], Test]:
    """The same as ``parametrize`` for cases that take a millisecond each, in one test: a test of its own costs two more.

    All of them are looked at; what fails is raised with the case that it fails for.
    """
    parameters = (names,) if isinstance(names, str) else names
    rows = [case if len(parameters) > 1 else (case,) for case in cases]
    assert rows

    def joined(test: Test) -> Test:
        signature = inspect.signature(test)

        def all_cases(**fixtures: Any) -> None:
            failures = []
            for row in rows:
                case = dict(zip(parameters, row, strict=True))
                try:
                    test(**case, **fixtures)
                except (Exception, pytest.fail.Exception) as failure:
                    failure.add_note(f"with {', '.join(f'{name}={SHORT.repr(value)}' for name, value in case.items())}")
                    failures.append(failure)
            if len(failures) > 1:
                raise BaseExceptionGroup(f"{len(failures)} of {len(rows)} cases", failures)
            for failure in failures:
                raise failure

        fixtures = [one for name, one in signature.parameters.items() if name not in parameters]
        wraps(test)(all_cases)
        vars(all_cases)["__signature__"] = signature.replace(parameters=fixtures)
        return all_cases

    return joined


def share_of(many: int) -> int:
    """How many of very many random problems the exhaustive run takes."""
    return max(1, round(many * SHARE))


def runs(many: int) -> settings:
    """How many random problems a test draws: its share, of ``MANY``, of those that the profile says."""
    return settings(max_examples=max(1, many * settings.default.max_examples // MANY))


# ------------------------------------------------------------ worked out once


@lru_cache(maxsize=256)
def solution(
    name: str, changes: tuple[str, ...] = (), *, rounding: str | None = None, steps: str = "auto", detail: str = "both"
) -> Solution:
    """The solution of a built-in example; it is the same object for whoever asks."""
    return solve(load(name, changes), rounding=rounding, steps=steps, detail=detail)


@lru_cache(maxsize=256)
def printed(one: Solution, medium: str) -> str:
    """A solution as text: ``json``, ``markdown``, ``latex``, ``fragment``, ``html``, or ``terminal-80-unicode`` and the like."""
    kind, *how = medium.split("-")
    if kind == "terminal":
        return as_text(one.sheet, int(how[0]), unicode=how[1] == "unicode")
    return {
        "json": one.to_json,
        "markdown": one.to_markdown,
        "latex": one.to_latex,
        "html": one.to_html,
        "fragment": lambda: one.to_latex(fragment=True),
    }[kind]()


@cache
def problem(name: str) -> Problem:
    """A built-in example."""
    return load(name)


@cache
def key(name: str) -> Key:
    """The key of a built-in example."""
    return Key(problem(name))
