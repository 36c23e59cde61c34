"""Tables in a terminal: columns as wide as their cells, or narrower with words broken at spaces.

The widths are those that rich gives the same table (a test compares them): where the cells have no room, the widest column
that may break gives way first, down to the next widest, and so on. Nothing here knows colours or terminals.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

Span = tuple[str, str]
"""Text and its style."""


@dataclass(frozen=True)
class Column:
    """A heading, which may be empty, and the cells below it; a line feed in a cell begins a new line."""

    heading: str
    cells: Sequence[str]
    right: bool = False
    """Set flush right, as numbers are."""
    strong: bool = False
    fixed: bool = False
    """Never broken at a space."""


@dataclass(frozen=True)
class Grid:
    """Columns side by side, headings over a line."""

    columns: Sequence[Column]
    gap: int
    """Spaces between columns: 1, 2 or 3."""
    dash: str
    """The sign that the line below the headings is made of."""
    ellipsis: str = "…"
    """The sign at the end of a word that is cut off."""

    @property
    def headed(self) -> bool:
        """Whether a column has a heading."""
        return any(column.heading for column in self.columns)

    @property
    def natural(self) -> int:
        """The width in which nothing has to be broken."""
        return sum(self._sizes()) + len(self.columns) - 1

    def lines(self, width: int) -> Iterator[list[Span]]:
        """The table in at most ``width`` columns of the terminal, each line filled up to the width of the table."""
        widths = self._widths(width - (len(self.columns) - 1))
        rows = zip(*(column.cells for column in self.columns), strict=True)
        if self.headed:
            yield from self._row([column.heading for column in self.columns], widths, width, heading=True)
            yield [(self.dash * min(sum(widths) + len(widths) - 1, width), "")]
        for row in rows:
            yield from self._row(row, widths, width)

    def _row(self, texts: Sequence[str], widths: Sequence[int], most: int, *, heading: bool = False) -> Iterator[list[Span]]:
        cells = []
        for place, (column, text, width) in enumerate(zip(self.columns, texts, widths, strict=True)):
            left, right = self._padding(place)
            inner = width - left - right
            pieces = _broken(text, inner, column, self.ellipsis) if inner >= 1 else []
            cells.append([f"{' ' * left}{piece}{' ' * right}" for piece in pieces])
        height = max(1, *map(len, cells))
        for line in range(height):
            spans: list[Span] = []
            for place, (column, cell, width) in enumerate(zip(self.columns, cells, widths, strict=True)):
                at = line - (height - len(cell)) if heading else line  # headings stand on the line below them
                text = cell[at] if 0 <= at < len(cell) else " " * max(width, 0)
                spans += [(" ", "")] if place else []
                spans.append((text, "bold" if heading or column.strong else ""))
            yield spans if sum(widths) + len(widths) - 1 <= most else _cropped(spans, most)

    def _padding(self, place: int) -> tuple[int, int]:
        """Spaces left and right of a cell; with the one that stands between two columns they make the gap."""
        last = len(self.columns) - 1
        return (1 if self.gap > 2 and place > 0 else 0), (1 if self.gap > 1 and place < last else 0)

    def _sizes(self) -> list[int]:
        """The width that each column needs, with the spaces beside it."""
        sizes = []
        for place, column in enumerate(self.columns):
            texts = [*([column.heading] if self.headed else []), *column.cells]
            longest = max((columns_of(line) for text in texts for line in text.splitlines()), default=0)
            sizes.append(longest + sum(self._padding(place)))
        return sizes

    def _widths(self, room: int) -> list[int]:
        """The widths of the columns, in ``room`` columns of the terminal without the spaces between them."""
        if room < 1:
            return [0] * len(self.columns)
        sizes = self._sizes()
        widths = [min(size, room) or 1 for size in sizes]
        if sum(widths) <= room:
            return widths
        breaks = [not column.fixed for column in self.columns]
        while (excess := sum(widths) - room) > 0 and any(breaks):
            widest = max(width for width, may in zip(widths, breaks, strict=True) if may)
            next_widest = max((width for width, may in zip(widths, breaks, strict=True) if may and width != widest), default=0)
            if widest == next_widest or not widest:
                break
            gives = [may and width == widest for width, may in zip(widths, breaks, strict=True)]
            widths = _reduced(widths, excess, gives, widest - next_widest)
        if (excess := sum(widths) - room) > 0:
            widths = _reduced(widths, excess, [width > 0 for width in widths], None)
        return [max(min(width, size), 0) for width, size in zip(widths, sizes, strict=True)]


def _reduced(widths: Sequence[int], excess: int, gives: Sequence[bool], most: int | None) -> list[int]:
    """Widths from which ``excess`` is taken, in even parts, from each that gives; from none more than ``most`` or all of it."""
    result, sharing = [], sum(gives)
    bound = excess if most is None else min(excess, most)
    for width, gives_way in zip(widths, gives, strict=True):
        part = 0
        if gives_way:
            part = min(width if most is None else bound, round(excess / sharing))
            excess, sharing = excess - part, sharing - 1
        result.append(width - part)
    return result


def _broken(text: str, width: int, column: Column, ellipsis: str) -> list[str]:
    """A cell as lines of this width; a word that is too long ends in an ellipsis."""
    lines = [piece for line in text.split("\n") for piece in ([line] if column.fixed else _wrapped(line, width))]
    if column.right:
        return [_cut(line.rstrip(), width, ellipsis, right=True) for line in lines]
    return [_cut(line, width, ellipsis) for line in lines]


def _wrapped(line: str, width: int) -> Iterator[str]:
    """A line broken before the words that have no room on it; a word keeps the spaces behind it."""
    start = used = 0
    for word in re.finditer(r"\s*\S+\s*", line):
        size = columns_of(word[0].rstrip())
        if width - used < size and (used or size > width) and word.start():
            yield _without_end(line[start : word.start()], width)
            start, used = word.start(), 0
        elif width - used < size <= width:
            continue
        used += columns_of(word[0])
    yield _without_end(line[start:], width)


def _without_end(line: str, width: int) -> str:
    """A line without as many of the spaces at its end as stand beyond this width."""
    spaces = len(line) - len(line.rstrip())
    return line[: len(line) - min(spaces, max(len(line) - width, 0))]


def _cut(line: str, width: int, ellipsis: str, *, right: bool = False) -> str:
    """A line of just this width: filled up with spaces, or cut off with an ellipsis."""
    if columns_of(line) > width:
        line = _start(line, max(width - len(ellipsis), 0)) + ellipsis[:width]
    rest = " " * (width - columns_of(line))
    return rest + line if right else line + rest


def _start(text: str, width: int) -> str:
    """The beginning of a text that is too long, in just this width; a wide sign that has half its room becomes a space."""
    while columns_of(text) > width:
        text = text[:-1]
    return text + " " * (width - columns_of(text))


def _cropped(spans: Sequence[Span], width: int) -> list[Span]:
    """The part of a line that fits, where not even one sign of each column does."""
    kept: list[Span] = []
    for text, style in spans:
        if columns_of(text) > width:
            return [*kept, (_start(text, width), style)]
        kept.append((text, style))
        width -= columns_of(text)
    return kept


WIDE = r"\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"  # signs between which a line may end
OPENING, CLOSING = "（《", "、。，；：！？）》"  # they stay with the sign behind them, or before them
PIECE = rf"[{OPENING}]*(?:[{WIDE}]|[^ {WIDE}]+)[{CLOSING}]* *| +"


def folded(text: str, width: int, indent: str = "") -> list[str]:
    """A paragraph in lines of this many columns; ``indent`` stands before all but the first.

    >>> folded("对每一步 t，按此顺序：", 10)
    ['对每一步', 't，按此顺', '序：']
    """
    if columns_of(text) <= len(text):
        return textwrap.wrap(text, width, subsequent_indent=indent)
    lines: list[str] = []
    line = ""
    pieces = (textwrap.wrap(piece, width) if columns_of(piece) > width else [piece] for piece in re.findall(PIECE, text))
    for piece in chain.from_iterable(pieces):
        if line.strip() and columns_of(line + piece.rstrip(" ")) > width:
            lines.append(line.rstrip(" "))
            line = indent
        line += piece
    return [*lines, line.rstrip(" ")]


def at_left(text: str, width: int) -> str:
    """A text at the left of this many columns."""
    return text + " " * (width - columns_of(text))


def at_right(text: str, width: int) -> str:
    """A text at the right of this many columns."""
    return " " * (width - columns_of(text)) + text


def centred(text: str, width: int, filling: str = " ") -> str:
    """A text in the middle of this many columns."""
    room = max(width - columns_of(text), 0)
    before = room // 2 + (room & width & 1)  # as str.center has it
    return filling * before + text + filling * (room - before)


def columns_of(text: str) -> int:
    """The width of a text in columns of a terminal: two for a wide sign of East Asia, none for a combining accent."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
