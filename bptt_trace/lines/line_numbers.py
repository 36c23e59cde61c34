"""The numbers of lines, and how other lines refer to them: the column "uses"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain, groupby

from bptt_trace.document.sentences import say
from bptt_trace.document.sheet import LineNumber, Uses
from bptt_trace.engine.program import Program

Numbered = Callable[[int], str]
"""The reference to a line."""


def ranges(lines: Sequence[int]) -> str:
    """Line numbers in short.

    >>> ranges([1, 2, 3, 31])
    '1–3, 31'
    """
    return ", ".join(map(str, lines)) if len(lines) < 3 else "".join(in_short(lines, str))


def in_short(lines: Sequence[int], number: Numbered = lambda line: LineNumber(str(line))) -> Iterator[str]:
    """The same from left to right: numbers, and the signs between them."""
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
"""Lines at equal distances; longer progressions are given by their first two and their last line."""


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
        elif len(run) == 2:  # two lines are no progression: the second may begin one
            runs[-1:] = [run[:1], [run[1], line]]
        else:
            runs.append([line])
    told = ([number(line) for line in run] for run in runs)
    return joined(listed((run[0], run[1], "…", run[-1])) if len(run) > 3 else listed(run) for run in told)


def numbered(program: Program) -> tuple[list[int], list[str]]:
    """The line number of every step of a program of numbers, and how it is written.

    A component of line 4 is written ``4.1``, or ``4.1,2``. The number is 0, and written as
    nothing, for given numbers and for contributions that repeat a line.
    """
    vectors, first = program.vectors
    lines, texts = [0] * len(program.steps), [""] * len(program.steps)
    count = 0
    for position, step in enumerate(vectors.steps):
        rule = step.rule
        if rule is None or (rule.copies and step.repeats):
            continue
        count += 1
        start = first[position]
        if not step.shape:
            lines[start], texts[start] = count, str(count)
            continue
        for component in range(start, first[position + 1]):
            index = ",".join(map(str, program.steps[component].target.index))
            lines[component], texts[component] = count, f"{count}.{index}"
    return lines, texts


class LineNumbers:
    """The line number of every step of a program of numbers.

    Components of vectors have the number of their line: those of line 4 are ``4.1``, ``4.2``, or ``4.1,2``.
    """

    def __init__(self, program: Program, *, on_board: bool) -> None:
        """``on_board`` says that lines of matrices are printed, which other lines can refer to."""
        self.program, self.on_board = program, on_board
        self.has_components = program.vectors.program is not program
        """Whether this is a network of vectors."""
        self.of, self.texts = numbered(program)

    def uses(self, arguments: Sequence[int]) -> Uses:
        """All lines whose results a line uses, in the order of the sheet: ``12, 17, 50–54``.

        Where matrices have lines of their own, 4 stands for all components of line 4; ``[1,2] of 30–35`` is the same
        component of several lines.
        """
        if not self.has_components:
            known = sorted({self.of[position] for position in arguments} - {0})
            return Uses(ranges(known), partial(in_short, known))
        groups: dict[int, list[int]] = {}
        for position in sorted(set(arguments)):
            if self.of[position]:
                groups.setdefault(self.of[position], []).append(position)

        def alike(line: int) -> str:
            """The common part of neighbouring references."""
            if self._is_whole(line, len(groups[line])):
                return ""
            return self.texts[groups[line][0]].removeprefix(f"{line}.") if len(groups[line]) == 1 else f"line {line}"

        pieces: list[Iterator[str]] = []
        apart = ", "
        for common, run in groupby(groups, alike):
            lines = list(run)
            if not common:
                pieces.append(in_short(lines, self._whole))
            elif len(lines) > 2:
                pieces.append(chain((say("[{common}] of ", common=common),), in_short(lines, partial(_component, common))))
                apart = "; "
            else:
                pieces += [self._components(groups[line]) for line in lines]
        told = tuple(joined(pieces, apart))
        return Uses("".join(told), lambda: told)

    def _whole(self, line: int) -> LineNumber:
        """A line with all of its components, or the first of them where it has no line of its own."""
        return LineNumber(str(line), "" if self.on_board else self.texts[self._first[line]])

    def _is_whole(self, line: int, count: int) -> bool:
        """Whether the number of a line stands for this many of its components."""
        return self.texts[self._first[line]] == str(line) or (self.on_board and count == self._sizes[line])

    def _components(self, positions: Sequence[int]) -> Iterator[str]:
        """Components of one line in short: ``4.1–4.3``; of a matrix those of one row, ``4.1,1–4.1,3``."""

        def alike(pair: tuple[int, int]) -> tuple[int, str]:
            place, position = pair
            return position - place, self.texts[position].rpartition(",")[0]

        runs = groupby(enumerate(positions), alike)
        return joined(span([LineNumber(self.texts[position]) for _, position in run]) for _, run in runs)

    @cached_property
    def _first(self) -> dict[int, int]:
        """The first component of each line."""
        return {line: position for position, line in reversed(list(enumerate(self.of)))}

    @cached_property
    def _sizes(self) -> Counter[int]:
        """The number of components of each line."""
        return Counter(self.of)


def _component(index: str, line: int) -> LineNumber:
    """A component of a line by the number of that line."""
    return LineNumber(str(line), f"{line}.{index}")
