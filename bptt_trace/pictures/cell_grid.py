"""Where the parts of a circuit stand: each node in a column, and on a track that its result keeps to the right.

An arrow runs along the track of its start and turns where it meets its end: an
operation is entered from above or below in the middle of its column, a box from
the left, behind an upright line in front of its column. The first place is taken
that is right of everything used and where no arrow runs through a box or along
another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

FAR = 1_000_000
"""A column that nothing reaches, and the first of the tracks along the bottom."""


class Tracks:
    """Places of nodes, given one after the other."""

    def __init__(self, sources: Mapping[str, Sequence[str]], operations: frozenset[str], exits: Mapping[str, str]) -> None:
        """``exits`` has for each place at the right end the node that goes on there."""
        self.sources, self.operations, self.exits = sources, operations, exits
        self.users: dict[str, list[str]] = {}
        for user, used in sources.items():
            for one in used:
                self.users.setdefault(one, []).append(user)
        self.at: dict[str, tuple[int, int]] = {}
        """Column and track of each node that has its place."""
        self.top, self.bottom = 0, FAR

    def begin(self, key: str, *, above: bool) -> None:
        """Something that comes in, along the top or along the bottom."""
        self.at[key] = (0, self.top if above else self.bottom)
        if above:
            self.top += 1
        else:
            self.bottom += 1

    def place(self, key: str) -> None:
        """The next node; everything that it uses has its place."""
        used = [self.at[one] for one in self.sources[key]]
        first = 1 + max((column for column, _ in used), default=0)
        self.at[key] = next(one for one in self._candidates(first, [track for _, track in used]) if self._fits(key, *one))

    def _candidates(self, first: int, tracks: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Places from the best on: on the track of something used, near to it, or further right."""
        middle = range(self.top, max([self.top, *(track + 1 for _, track in self.at.values() if track < FAR)]) + 1)
        near = sorted(middle, key=lambda track: min((abs(track - one) for one in tracks), default=0))
        if tracks and min(tracks) >= FAR:  # from below, boxes stand one under the other
            near = list(middle)
        for column in count(first):
            for track in (*sorted(tracks), *near):
                yield column, track

    def _fits(self, key: str, column: int, track: int) -> bool:
        """Whether a node finds its track free, and its arrows their way."""
        for other, (start, own) in self.at.items():
            if own == track and (start >= column or self.reach(other, key) >= column):
                return False
            if start == column and other in self.operations and self._between(self.span(other), track):
                return False
        if key not in self.operations:
            return True
        low, high = span = self._span([track, *(self.at[one][1] for one in self.sources[key])])
        for other, (start, own) in self.at.items():
            if start == column and (
                self._between(span, own) or (other in self.operations and self._meet(span, self.span(other)))
            ):
                return False
        return low <= high

    def reach(self, key: str, but: str = "") -> int:
        """The last column to which the result of a node is carried, for others than ``but``."""
        others = [user for user in self.users.get(key, ()) if user != but]
        if key in self.exits.values() or any(user not in self.at for user in others):
            return FAR
        return max((self.at[user][0] for user in others), default=self.at[key][0])

    def span(self, operation: str) -> tuple[int, int]:
        """From which to which track the arrows to an operation run."""
        return self._span([self.at[one][1] for one in (operation, *self.sources[operation])])

    @staticmethod
    def _span(tracks: Sequence[int]) -> tuple[int, int]:
        return min(tracks), max(tracks)

    @staticmethod
    def _between(span: tuple[int, int], track: int) -> bool:
        return span[0] <= track <= span[1]

    @staticmethod
    def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
        return one[0] <= other[1] and other[0] <= one[1]

    def places(self) -> dict[str, tuple[int, int]]:
        """Column and row of every node and of every exit; rows are counted from below."""
        last = 1 + max(column for column, _ in self.at.values())
        found = {**self.at, **{place: (last, self.at[key][1]) for place, key in self.exits.items()}}
        rows = {track: row for row, track in enumerate(sorted({track for _, track in found.values()}, reverse=True))}
        return {key: (column, rows[track]) for key, (column, track) in found.items()}
