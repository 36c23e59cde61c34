"""Which mistakes the numbers of a problem can tell apart, and which they cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bptt_trace.engine.names import Name
from bptt_trace.marking.catalogue.entry import CATALOGUE, Misconception
from bptt_trace.marking.key import Key

VISIBLE = 5
"""By how many units of the last place a line must differ to show a mistake."""


CLEARLY = 1 + 1e-6
"""How much further away a line must be to be the better one: of two that are alike the first is taken."""


class Best(NamedTuple):
    """Where a mistake is seen best in the numbers of a problem."""

    slug: str
    position: int
    """The place of the line among the steps."""
    value: float
    """What somebody with this mistake gets there."""


@dataclass(frozen=True)
class Visibility:
    """One mistake of the catalogue, as far as a problem can have it."""

    mistake: Misconception
    possible: bool
    """Whether the problem has a line at which it can be made."""
    shows: tuple[Name, ...]
    """The lines that give it away."""
    like: tuple[str, ...]
    """Other mistakes that give the same numbers on every line."""


def visibility(key: Key) -> list[Visibility]:
    """Every mistake of the catalogue, for one problem."""
    changed = {one.slug: lines for one, lines in key.changes}
    shows: dict[str, dict[int, float]] = {}
    for slug in changed:
        values: dict[int, float] = {}
        for world in key.worlds[slug]:
            for position in changed[slug]:
                value = world.get(position)
                if value is not None and abs(value - key.exact[position]) > VISIBLE * key.quantum[position]:
                    values.setdefault(position, value)
        shows[slug] = values
    found = []
    for one in CATALOGUE:
        mine = shows.get(one.slug, {})
        like = [slug for slug, other in shows.items() if slug != one.slug and mine and _same(key, mine, other)]
        names = tuple(key.steps[position].target for position in mine)
        found.append(Visibility(one, one.slug in changed, names, tuple(like)))
    return found


def _same(key: Key, mine: dict[int, float], other: dict[int, float]) -> bool:
    return mine.keys() == other.keys() and all(abs(mine[p] - other[p]) <= key.quantum[p] for p in mine)
