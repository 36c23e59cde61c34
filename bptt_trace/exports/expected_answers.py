"""The answers that a question accepts without following a student's numbers: values with tolerances, and values of mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bptt_trace.document.sentences import joined
from bptt_trace.marking.catalogue.entry import CATALOGUE
from bptt_trace.marking.key import Key, World
from bptt_trace.marking.tolerance import HALF, MOST_UNITS

MESSAGES = {misconception.slug: misconception.message for misconception in CATALOGUE}
APART = 3
"""The least distance between a right answer and the value of a mistake, in tolerances."""

NEAR = 1e-6
"""The largest difference between the last digits of doubles, in units of the last place."""


@dataclass(frozen=True)
class Expected:
    """One value that an answer may have."""

    value: float
    tolerance: float
    message: str = ""
    """The message, if it is the value of a mistake."""

    @property
    def right(self) -> bool:
        """Whether the value earns the marks."""
        return not self.message

    def meets(self, other: Expected) -> bool:
        """Whether some answer is within both tolerances."""
        return abs(self.value - other.value) <= self.tolerance + other.tolerance


class ExpectedAnswers:
    """The answers to the lines of one problem."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self._world = World(key, {}, unit=lambda position: key.unit(position, key.exact[position]))

    def of(self, position: int) -> list[Expected]:
        """The right answers of a line, unrounded and by hand, then the values of mistakes; no two of different kinds meet."""
        key = self.key
        exact, quantum = key.exact[position], key.quantum[position]
        half = HALF * quantum
        right = [Expected(exact, min(half + self._world.spread(position), max(half, MOST_UNITS * quantum)))]
        printed = key.printed.get(position)
        apart = 0.0 if printed is None else abs(float(printed) - exact)
        if printed is not None and apart > NEAR * quantum and apart + half > right[0].tolerance:
            right.append(Expected(float(printed), half))
        return [*right, *self._mistakes(position, right)]

    def _mistakes(self, position: int, right: list[Expected]) -> Iterator[Expected]:
        found: list[tuple[Expected, list[str]]] = []
        tolerance = min(right[0].tolerance, 5 * self.key.quantum[position])
        for misconception, lines in self.key.changes:
            for world in self.key.worlds[misconception.slug] if position in lines else ():
                value = world.get(position)
                if value is None:
                    continue
                expected = Expected(value, tolerance)
                if any(abs(value - good.value) <= APART * good.tolerance + tolerance for good in right):
                    continue
                said = MESSAGES[misconception.slug]
                same = next((messages for other, messages in found if other.meets(expected)), None)
                if same is None:
                    found.append((expected, [said]))
                elif said not in same:
                    same.append(said)
        for expected, messages in found:
            yield Expected(expected.value, expected.tolerance, joined(" ", messages))
