"""Advice for a search that finds too few variants: each change is tried out before it is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from math import ceil, floor, log10
from typing import Any

from bptt_trace.errors import TraceError
from bptt_trace.handouts.number_ranges import DECIMALS, HALVES, Ranges
from bptt_trace.handouts.screening import ACCEPTED, EQUAL_INPUTS, hidden
from bptt_trace.marking.catalogue.entry import CATALOGUE
from bptt_trace.problem.files import change_document
from bptt_trace.problem.problem import Problem

Changes = list[str]
"""Changes of a problem file, each as ``--set`` takes it."""

MOST_CANDIDATES = 500_000
"""The largest number of candidates that is advised, for all variants together."""


def what_works(
    document: dict[str, Any], some: Iterator[Changes], finds_enough: Callable[[dict[str, Any]], bool]
) -> Changes | None:
    """The first of some changes with which enough variants are found."""
    for changes in some:
        changed = deepcopy(document)
        try:
            for change in changes:
                change_document(changed, change)
            if finds_enough(changed):
                return changes
        except TraceError:  # a change that this problem cannot have
            continue
    return None


def remedies(
    problem: Problem, ranges: Ranges, own: Sequence[str], rejected: Counter[str], found: int, count: int
) -> Iterator[Changes]:
    """Changes that may help, the smallest first; ``own`` has the keys of the file that give ranges."""
    drawn = found + rejected.total()
    if rejected.most_common(1)[0][0] == EQUAL_INPUTS and ranges.numbers == DECIMALS:
        yield ["vary.inputs={from=-2,to=2,step=0.1}"]
    if found and (tries := _round_up(2 * drawn / found)) * count <= MOST_CANDIDATES:
        yield [f"vary.tries={tries}"]
    yield from _of_decimals(problem, own) if ranges.numbers == DECIMALS else _of_whole_numbers(problem, ranges)
    words = [word for condition, _ in rejected.most_common() for word, known in ACCEPTED.items() if known == condition]
    accepted = [*sorted(ranges.accept)]
    lists: list[Changes] = []
    for number in range(1, len(words) + 1):
        lists.append([f"vary.accept={_listed([*accepted, *words[:number]])}"])
    slugs = [entry.slug for entry in CATALOGUE if hidden(entry.slug) in rejected]
    if slugs:
        hide = f"vary.may_hide={_listed([*sorted(ranges.may_hide), *slugs])}"
        yield [hide]
        lists += [[*one, hide] for one in lists[-1:]]
    yield from lists


def _of_decimals(problem: Problem, own: Sequence[str]) -> Iterator[Changes]:
    if problem.rounding.figures is None and problem.rounding.places < 4:
        yield ["rounding.places=4"]
    for grid in ("0.05", "0.01"):
        yield [f"vary.grid={grid}"]
    for size in ("0.5", "0.3", "0.1"):
        yield [f"vary.weights={{from=-{size},to={size},step=0.02}}"]
    ranges = [f"vary.{key}={{from=-1,to=1,step=0.1}}" for key in own]
    yield from ([one] for one in ranges)
    yield ["vary.inputs={from=-2,to=2,step=0.1}", "vary.weights={from=-1,to=1,step=0.1}", *ranges]


def _of_whole_numbers(problem: Problem, ranges: Ranges) -> Iterator[Changes]:
    sums = ["loss.over_time=sum"] if problem.loss.over_time == "mean" else []
    rate = ["learning_rate=0.1"] if problem.update is not None else []
    by_hand = problem.rounding.policy == "by_hand"
    gentle = [sums, rate, ["vary.numbers=whole"] if ranges.numbers == HALVES else [], ["vary.weights=[-2,-1,1,2]"]]
    yield from filter(None, gentle)
    for places in range(problem.rounding.places + 1, 5) if by_hand else ():
        yield [f"rounding.places={places}"]
        yield from ([*change, f"rounding.places={places}"] for change in (sums, rate) if change)
    yield [*sums, *rate, "vary.weights=[-2,-1,1,2]"]
    if by_hand:
        yield ["rounding.policy=exact"]


def _listed(words: Sequence[str]) -> str:
    return "[" + ",".join(f'"{word}"' for word in dict.fromkeys(words)) + "]"


def _round_up(number: float) -> int:
    """A number at least as large with one digit of 1, 2 or 5.

    >>> _round_up(1300), _round_up(20), _round_up(51)
    (2000, 20, 100)
    """
    size = 10 ** floor(log10(number))
    return int(next(digit * size for digit in (1, 2, 5, 10) if digit * size >= ceil(number)))
