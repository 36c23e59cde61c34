"""How much of a sweep every run takes, and what the built-in examples come to, worked out once in each process.

The default run takes a covering part of each sweep; what is left of it is
marked ``exhaustive``. ``python -m pytest -m ""`` runs all, and then as many
random problems are drawn as ``runs`` says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Hashable, Iterable
from functools import cache, lru_cache
from itertools import product
from typing import Any

import pytest
from hypothesis import settings
from random_problems import examples

from bptt_trace import Key, load, solve
from bptt_trace.media.terminal import as_text
from bptt_trace.solution import Solution

COVERING = (
    "rnn", "adam", "cs224n-gru", "postnetwork", "shared-weight-4", "clipping", "nbis-chain", "bidirectional", "vanishing-lstm",
    "relu-bce", "look-ahead", "hi-there-class", "vanishing", "seq2seq", "slstm", "selective-state-space",
)  # fmt: skip
"""The examples that every run looks at.

Of the branches that the 42 of built-in cells execute in ``solve`` (five media, a ledger, three
roundings, three programs), ``worksheet``, ``check``, ``mistakes`` and ``flow``,
these execute more than 97 %. They were picked one by one: each time the one with the most
new branches for the length of its sheets, and no sheet is longer than 150 lines.
"""

MANY = 200
"""How many random inputs a test draws in the exhaustive run, if it does not say another number by ``runs``."""

Values = Iterable[Any]

SHARE = float(os.environ.get("SWEEP_SHARE", "0.1"))
"""Which part of thousands of random problems the exhaustive run takes, that it may end within minutes; 1 takes all."""
wide = True
"""Whether the values that are left to the exhaustive run are there at all; ``conftest.py`` says so before tests are collected."""


# ----------------------------------------------------------- parts of a sweep


def chosen(values: Values, every_run: Collection[Any]) -> list[Any]:
    """The values of a parameter, of which every run takes those in ``every_run``."""
    return _params(([_set(value)], value in every_run) for value in values)


def of_examples(names: Iterable[str] | None = None) -> list[Any]:
    """The built-in examples, or some of them, of which every run takes the covering set."""
    return chosen(examples() if names is None else names, COVERING)


def thinned(values: Values, each: int) -> list[Any]:
    """The values of a parameter, of which every run takes one in ``each``."""
    return _params(([_set(value)], place % each == 0) for place, value in enumerate(values))


def paired(*columns: Values) -> list[Any]:
    """All combinations of several parameters, of which every run takes so few that each value is among them once.

    A value that ``chosen`` leaves to the exhaustive run is in none of these.
    """
    sets = [[_set(value) for value in column] for column in columns]
    quick = [[place for place, one in enumerate(column) if not _exhaustive(one)] for column in sets]
    rows = {tuple(places[row % len(places)] for places in quick) for row in range(max(map(len, quick)))}
    return _params(
        ([column[place] for column, place in zip(sets, places, strict=True)], places in rows)
        for places in (product(*(range(len(column)) for column in sets)) if wide else sorted(rows))
    )


def _set(value: Any) -> Any:
    return value if isinstance(value, type(pytest.param())) else pytest.param(value)


def _exhaustive(one: Any) -> bool:
    return any(mark.name == "exhaustive" for mark in one.marks)


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


def share_of(many: int) -> int:
    """How many of very many random problems the exhaustive run takes."""
    return max(1, round(many * SHARE))


def runs(many: int) -> settings:
    """How many random problems a test draws: so many in the exhaustive run, and a share of them in every run."""
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
def key(name: str) -> Key:
    """The key of a built-in example."""
    return Key(load(name))
