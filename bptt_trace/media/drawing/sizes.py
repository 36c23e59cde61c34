"""The sizes of the parts of a picture: in points on paper, in cells in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from bptt_trace.document.figures import Grid
from bptt_trace.document.mathematics import Math, MathRow, Relation
from bptt_trace.document.sentences import Inline
from bptt_trace.media.drawing.text_width import Face, has_fraction, has_layer, set_inline
from bptt_trace.media.table_grid import columns_of


class Measure(Protocol):
    """The sizes of a medium, in its unit."""

    @property
    def pad_x(self) -> float:
        """The space between a frame and its content, left and right."""

    @property
    def pad_y(self) -> float:
        """The space between a frame and its content, above and below."""

    @property
    def gap(self) -> float:
        """The space between neighbours."""

    @property
    def column(self) -> float:
        """The space between the columns of a grid."""

    @property
    def apart(self) -> float:
        """The distance from the middle of a node to each of two vertical arrows."""

    @property
    def thick(self) -> float:
        """The distance from a vertical arrow to its label."""

    @property
    def reach(self) -> float:
        """The length of the shortest arrow."""

    @property
    def loop(self) -> float:
        """The extent of a loop."""

    @property
    def ring(self) -> float:
        """The space between a sign and its ring, left and right."""

    @property
    def circle(self) -> float:
        """The least height of a ring."""

    @property
    def stem(self) -> float:
        """The length of the shortest vertical arrow to a ring."""

    @property
    def head(self) -> float:
        """The length of the shortest arrow to the right."""

    @property
    def odd(self) -> bool:
        """Whether positions are cells of a terminal: widths are then odd, so that a box has a middle."""

    def width(self, text: Inline, *, strong: bool = False) -> float:
        """The width of a line."""

    def height(self, text: Inline) -> float:
        """The height of a line."""

    def beside(self, height: float) -> float:
        """The distance from the middle of a node of this height to each of two horizontal arrows."""

    def single(self, height: float) -> float:
        """The distance from the middle of a node of this height to its only horizontal arrow."""

    def broken(self, label: Grid) -> Grid:
        """A label with its equations in one line or in two."""

    def boxed(self, cells: Grid) -> Grid:
        """The content of a box with its equations in one line or in two."""

    def key(self, word: str, short: str) -> str:
        """The name of an arrow in the legend, whole or short."""


@dataclass(frozen=True)
class Points:
    """Points on paper, with letters of 8 points."""

    face: Face
    pad_x: float = 7
    pad_y: float = 5
    gap: float = 9
    column: float = 8
    apart: float = 6
    thick: float = 3
    reach: float = 24
    loop: float = 22
    ring: float = 3.5
    circle: float = 14
    stem: float = 8
    head: float = 9
    odd: bool = False
    narrow: int = 0
    """1: in a box a value stands under its name; 2: also beside an arrow. For pictures that are too wide for a page."""

    def width(self, text: Inline, *, strong: bool = False) -> float:
        """The sum of the widths of its pieces."""
        return sum(self.face.width(piece, 8) for piece in set_inline(text, strong=strong))

    def height(self, text: Inline) -> float:
        """A line with a fraction, or with marks above and below one letter, is higher."""
        high = 18.5 if has_fraction(text) else 11.5
        return high + (5 if has_layer(text) else 0)

    def beside(self, height: float) -> float:
        """The same for every node."""
        del height
        return 5

    def single(self, height: float) -> float:
        """0: the arrow is in the middle."""
        del height
        return 0

    def broken(self, label: Grid) -> Grid:
        """Equations stay on one line where there is room."""
        return tuple(half for row in label for half in _halves(row)) if self.narrow > 1 else label

    def boxed(self, cells: Grid) -> Grid:
        """Equations stay on one line where there is room."""
        return tuple(_bare(half) for row in cells for half in _halves(row)) if self.narrow else cells

    def key(self, word: str, short: str) -> str:
        """The whole name."""
        del short
        return word


MOST_NARROW = 3
"""The narrowest measure for a picture in a terminal."""
BARE = 4
"""The narrowest measure for a circuit."""


@dataclass(frozen=True)
class Cells:
    """Columns and rows of a terminal."""

    spelled: Callable[[Inline], str]
    narrow: int = 0
    """1: labels and long equations take two rows; 2: every equation does; 3: columns stand below each other.

    4, for circuits only: a value stands under its name without an equals sign, and close to its frame."""
    pad_x: float = 2
    pad_y: float = 1
    gap: float = 2
    column: float = 2
    apart: float = 1
    thick: float = 0.5
    reach: float = 4
    loop: float = 4
    ring: float = 1
    circle: float = 1
    stem: float = 1
    head: float = 2
    odd: bool = True

    def width(self, text: Inline, *, strong: bool = False) -> float:
        """One column for each character, two for a wide one."""
        del strong
        return columns_of(self.spelled(text))

    def height(self, text: Inline) -> float:
        """One row."""
        del text
        return 1

    def beside(self, height: float) -> float:
        """The distance at which each arrow has its own row."""
        return 0.5 if int(height) % 2 == 0 else 1

    def single(self, height: float) -> float:
        """The distance to the row of the upper of two arrows."""
        return -0.5 if int(height) % 2 == 0 else 0

    def broken(self, label: Grid) -> Grid:
        """The rows of a label; in a narrow terminal an equation takes two."""
        return tuple(half for row in self.stacked(label) for half in _halves(row)) if self.narrow else label

    def stacked(self, grid: Grid) -> Grid:
        """A grid; in the narrowest terminal its columns stand below each other."""
        count = max((len(row) for row in grid), default=0)
        if self.narrow < MOST_NARROW or count < 2:
            return grid
        columns = [row for row in grid if len(row) == count]
        first = next(number for number, row in enumerate(grid) if len(row) == count)
        others = [row for row in grid[first:] if len(row) < count]
        return (*grid[:first], *((row[column],) for column in range(count) for row in columns if row[column]), *others)

    def boxed(self, cells: Grid) -> Grid:
        """The rows of a box; only narrower terminals break them, as ``broken`` does."""
        if self.narrow < 2:
            return tuple(half for row in cells for half in (_halves(row) if self.narrow and _long(row) else (row,)))
        rows = tuple(third for row in self.stacked(cells) for half in _halves(row) for third in _halves(half))
        return tuple(map(_bare, rows)) if self.narrow == BARE else rows

    def key(self, word: str, short: str) -> str:
        """The name, in a narrow terminal without the words that all names share."""
        return short if self.narrow else word


def _long(row: tuple[Inline, ...]) -> bool:
    """Whether a row has two equals signs."""
    first = row[0][0] if len(row) == 1 and row[0] else ""
    return isinstance(first, Relation) and isinstance(first.sides[0], Relation)


class _Value(MathRow):
    """``= value``, below a name."""

    def __init__(self, value: Math) -> None:
        super().__init__("= ", value)
        self.value = value


def _bare(row: tuple[Inline, ...]) -> tuple[Inline, ...]:
    """A value without the equals sign before it."""
    return tuple(tuple(part.value if isinstance(part, _Value) else part for part in cell) for cell in row)


def _halves(row: tuple[Inline, ...]) -> Iterator[tuple[Inline, ...]]:
    """``name = value`` as a row with the name and a row with ``= value``; of words and a value a row for each."""
    if len(row) == 1 and len(row[0]) == 2 and isinstance(row[0][0], str):
        yield ((row[0][0].rstrip(),),)
        yield ((row[0][1],),)
        return
    first = row[0][0] if len(row) == 1 and row[0] else ""
    if isinstance(first, Relation):
        name, value = first.sides
        yield ((name,),)
        yield ((_Value(value),),)
        for remark in row[0][1:]:
            yield ((remark.lstrip() if isinstance(remark, str) else remark,),)
        return
    yield row
