"""The numbers of lines, as the column "uses" prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from bptt_trace.document.sheet import LineNumber

Numbered = Callable[[int], str]
"""How a line is referred to."""


def ranges(lines: Sequence[int]) -> str:
    """Line numbers in short.

    >>> ranges([1, 2, 3, 31])
    '1–3, 31'
    """
    return ", ".join(map(str, lines)) if len(lines) < 3 else "".join(in_short(lines, str))


def in_short(lines: Sequence[int], number: Numbered = lambda line: LineNumber(str(line))) -> Iterator[str]:
    """The same from left to right: numbers, and what stands between them."""
    if len(lines) < 3:
        return listed(map(number, lines))
    runs = [[line for _, line in run] for _, run in groupby(enumerate(lines), lambda pair: pair[1] - pair[0])]
    if len(runs) > MOST_RUNS and all(len(run) == 1 for run in runs):
        return _progressions(lines, number)
    return joined(span([number(line) for line in run]) for run in runs)


def span(run: Sequence[str]) -> Iterator[str]:
    """Neighbours: the first and the last, or both of two."""
    return iter((run[0], "–", run[-1])) if len(run) > 2 else listed(run)


def listed(numbers: Iterable[str]) -> Iterator[str]:
    """One after the other."""
    return joined((number,) for number in numbers)


def joined(pieces: Iterable[Iterable[str]], between: str = ", ") -> Iterator[str]:
    """Pieces with a sign between each two."""
    for place, piece in enumerate(pieces):
        if place:
            yield between
        yield from piece


MOST_RUNS = 12
"""Lines in a row that are not neighbours; more of them, one for each time step, are told by the first two and the last."""


def _progressions(lines: Sequence[int], number: Numbered = str) -> Iterator[str]:
    """Many lines, those at equal distances as a progression.

    >>> "".join(_progressions([2, 6, 11, 16, 21, 26]))
    '2, 6, 11, …, 26'
    """
    runs: list[list[int]] = []
    for line in lines:
        run = runs[-1] if runs else []
        if len(run) == 1 or (len(run) > 1 and line - run[-1] == run[1] - run[0]):
            run.append(line)
        elif len(run) == 2:  # two are no progression: the second may begin one
            runs[-1:] = [run[:1], [run[1], line]]
        else:
            runs.append([line])
    told = ([number(line) for line in run] for run in runs)
    return joined(listed((run[0], run[1], "…", run[-1])) if len(run) > 3 else listed(run) for run in told)
