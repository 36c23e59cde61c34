"""The positions of the nodes of a circuit: a column, and a track along which the result runs to the right.

An arrow runs along the track of its start and turns at its end: it enters an
operation from above or below in the middle of its column, and a box from the
left, after a vertical line in front of its column. A node gets the first
position to the right of everything that it uses where no arrow runs through a
box or along another arrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

FAR = 1_000_000
"""A column to the right of every node; also the first track along the bottom."""


class Tracks:
    """Gives positions to nodes, one after the other."""

    def __init__(self, sources: Mapping[str, Sequence[str]], operations: frozenset[str], exits: Mapping[str, str]) -> None:
        """``sources`` has the nodes that each node uses; ``exits`` the node that leads to each exit at the right end."""
        self.sources, self.operations, self.exits = sources, operations, exits
        self.users: dict[str, list[str]] = {}
        for user, used in sources.items():
            for source in used:
                self.users.setdefault(source, []).append(user)
        self.at: dict[str, tuple[int, int]] = {}
        """Column and track of each node that has its position."""
        self.top, self.bottom = 0, FAR

    def begin(self, key: str, *, above: bool) -> None:
        """Give a position to an input of the circuit, along the top or along the bottom."""
        self.at[key] = (0, self.top if above else self.bottom)
        if above:
            self.top += 1
        else:
            self.bottom += 1

    def place(self, key: str) -> None:
        """Give a position to the next node; all nodes that it uses have theirs."""
        used = [self.at[source] for source in self.sources[key]]
        first = 1 + max((column for column, _ in used), default=0)
        candidates = self._candidates(first, [track for _, track in used])
        self.at[key] = next((column, track) for column, track in candidates if self._fits(key, column, track))

    def _candidates(self, first: int, tracks: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Positions, the best first: on the track of a node that is used, near to it, or further right."""
        middle = range(self.top, max([self.top, *(track + 1 for _, track in self.at.values() if track < FAR)]) + 1)
        near = sorted(middle, key=lambda track: min((abs(track - other) for other in tracks), default=0))
        if tracks and min(tracks) >= FAR:  # boxes with sources at the bottom stand one under the other
            near = list(middle)
        for column in count(first):
            for track in (*sorted(tracks), *near):
                yield column, track

    def _fits(self, key: str, column: int, track: int) -> bool:
        """Whether the track of a node is free at this column, and the paths of its arrows."""
        for other, (start, taken) in self.at.items():
            if taken == track and (start >= column or self.reach(other, key) >= column):
                return False
            if start == column and other in self.operations and self._between(self.span(other), track):
                return False
        if key not in self.operations:
            return True
        low, high = span = self._span([track, *(self.at[source][1] for source in self.sources[key])])
        for other, (start, taken) in self.at.items():
            if start == column and (
                self._between(span, taken) or (other in self.operations and self._meet(span, self.span(other)))
            ):
                return False
        return low <= high

    def reach(self, key: str, but: str = "") -> int:
        """The last column to which the result of a node runs, for users other than ``but``."""
        others = [user for user in self.users.get(key, ()) if user != but]
        if key in self.exits.values() or any(user not in self.at for user in others):
            return FAR
        return max((self.at[user][0] for user in others), default=self.at[key][0])

    def span(self, operation: str) -> tuple[int, int]:
        """The first and the last track of the arrows to an operation."""
        return self._span([self.at[key][1] for key in (operation, *self.sources[operation])])

    @staticmethod
    def _span(tracks: Sequence[int]) -> tuple[int, int]:
        return min(tracks), max(tracks)

    @staticmethod
    def _between(span: tuple[int, int], track: int) -> bool:
        return span[0] <= track <= span[1]

    @staticmethod
    def _meet(first: tuple[int, int], second: tuple[int, int]) -> bool:
        return first[0] <= second[1] and second[0] <= first[1]

    def places(self) -> dict[str, tuple[int, int]]:
        """Column and row of every node and of every exit; rows are counted from below."""
        last = 1 + max(column for column, _ in self.at.values())
        positions = {**self.at, **{end: (last, self.at[key][1]) for end, key in self.exits.items()}}
        rows = {track: row for row, track in enumerate(sorted({track for _, track in positions.values()}, reverse=True))}
        return {key: (column, rows[track]) for key, (column, track) in positions.items()}
