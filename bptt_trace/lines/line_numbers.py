"""The numbers of lines, as the column "uses" prints them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby


def ranges(lines: Sequence[int]) -> str:
    """Line numbers in short.

    >>> ranges([1, 2, 3, 31])
    '1–3, 31'
    """
    if len(lines) < 3:
        return ", ".join(map(str, lines))
    runs = [[line for _, line in run] for _, run in groupby(enumerate(lines), lambda pair: pair[1] - pair[0])]
    if len(runs) > MOST_RUNS and all(len(run) == 1 for run in runs):
        return _progressions(lines)
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


MOST_RUNS = 12
"""Lines in a row that are not neighbours; more of them, one for each time step, are told by the first two and the last."""


def _progressions(lines: Sequence[int]) -> str:
    """Many lines, those at equal distances as a progression.

    >>> _progressions([2, 6, 11, 16, 21, 26])
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
    return ", ".join(f"{run[0]}, {run[1]}, …, {run[-1]}" if len(run) > 3 else ", ".join(map(str, run)) for run in runs)
