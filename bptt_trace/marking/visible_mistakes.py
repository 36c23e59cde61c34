"""The mistakes that the numbers of a problem distinguish, those that they do not, and the line that shows each best.

The two conditions, ``shows`` and ``is_better``, hold for a number and for a column of the numbers of many candidates.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any, NamedTuple

from bptt_trace.engine.names import Name
from bptt_trace.marking.catalogue.entry import CATALOGUE, Misconception
from bptt_trace.marking.key import Key

VISIBLE = 5
"""The least difference of a line that shows a mistake, in units of the last place."""


CLEARLY = 1 + 1e-6
"""The factor by which a line must be further away to be better: of two similar lines the first is taken."""


class Best(NamedTuple):
    """The line that shows a mistake best in the numbers of a problem."""

    slug: str
    position: int
    """The place of the line among the steps."""
    value: float
    """The value of this line with the mistake."""


def shows(value: Any, right: Any, quantum: Any) -> Any:
    """Whether a value is far enough from the right one to show a mistake."""
    return abs(value - right) > VISIBLE * quantum


def is_better(apart: Any, furthest: Any) -> Any:
    """Whether a line shows a mistake better than the best one so far; both are so many units away, at first ``VISIBLE``."""
    return apart > furthest * CLEARLY


def seen_best(key: Key, asked: Container[int]) -> list[Best]:
    """The mistakes that show in the lines asked for, each where it shows best, in the order of the catalogue."""
    visible = []
    for misconception, lines in key.changes:
        best: Best | None = None
        furthest = float(VISIBLE)
        for world in key.worlds[misconception.slug]:
            for position in lines:
                value = world.get(position)
                if value is None or position not in asked:
                    continue
                apart = abs(value - key.exact[position]) / key.quantum[position]
                if is_better(apart, furthest):
                    best, furthest = Best(misconception.slug, position, value), apart
        if best:
            visible.append(best)
    return visible


@dataclass(frozen=True)
class Visibility:
    """One mistake of the catalogue, as far as a problem can have it."""

    mistake: Misconception
    possible: bool
    """Whether the problem has a line at which it can be made."""
    shows: tuple[Name, ...]
    """The lines that show it."""
    like: tuple[str, ...]
    """Other mistakes that give the same numbers on every line."""


def visibility(key: Key) -> list[Visibility]:
    """Every mistake of the catalogue, for one problem."""
    changed = {mistake.slug: lines for mistake, lines in key.changes}
    seen: dict[str, dict[int, float]] = {}
    for slug in changed:
        values: dict[int, float] = {}
        for world in key.worlds[slug]:
            for position in changed[slug]:
                value = world.get(position)
                if value is not None and shows(value, key.exact[position], key.quantum[position]):
                    values.setdefault(position, value)
        seen[slug] = values
    mistakes = []
    for mistake in CATALOGUE:
        mine = seen.get(mistake.slug, {})
        like = [slug for slug, other in seen.items() if slug != mistake.slug and mine and _same(key, mine, other)]
        names = tuple(key.steps[position].target for position in mine)
        mistakes.append(Visibility(mistake, mistake.slug in changed, names, tuple(like)))
    return mistakes


def _same(key: Key, mine: dict[int, float], other: dict[int, float]) -> bool:
    return mine.keys() == other.keys() and all(abs(mine[p] - other[p]) <= key.quantum[p] for p in mine)
