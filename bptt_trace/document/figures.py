"""Pictures and charts of a sheet, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bptt_trace.document.mathematics import NOTHING, Inline, Math, MathRow, Number, Placed, say

Grid = tuple[tuple[Inline, ...], ...]
"""Rows of cells; rows of as many cells stand in columns."""


@dataclass(frozen=True)
class Node:
    """A box of a picture, at a place among columns (from the left) and rows (from below)."""

    id: str
    column: int
    row: int
    cells: Grid
    style: str = "plain"
    """``given``, ``state``, ``plain``, ``operation`` for a sign, or, without a frame, ``dots`` for what is left out and
    ``exit`` for where an arrow leaves the picture."""
    totals: Grid = ()
    """What stands below the box."""


@dataclass(frozen=True)
class Edge:
    """An arrow between two boxes of a picture; one that comes back to its start is a loop."""

    start: str
    end: str
    kind: str
    """``forward``, or the way of a gradient: ``direct``, ``carried``."""
    label: Grid = ()


LEGEND = (
    ("forward", say("forward"), say("forward")),
    ("direct", say("gradient, direct"), say("direct")),
    ("carried", say("gradient, carried"), say("carried")),
    ("gradient", say("gradient"), say("gradient")),
)
"""Kinds of arrows, and what each is called where there is room, and in short; the last is a gradient of one kind alone."""


@dataclass(frozen=True)
class Picture:
    """A network as boxes and arrows."""

    kind: ClassVar = "picture"
    id: str
    """What it is called among the pictures of a sheet, and in the name of a file."""
    title: Inline
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    alternative: Inline
    """The same in words, with the numbers."""
    close: bool = False
    """Whether it has no legend and little space in its boxes, for a page that has to hold everything."""
    wired: bool = False
    """Whether an arrow keeps to the row of its start until it meets the column of its end, however far that is."""
    legend: tuple[tuple[str, str, str], ...] = LEGEND
    """What the kinds of arrows are called."""


@dataclass(frozen=True)
class Bar:
    """A time step of a figure of bars."""

    name: Math
    value: Math
    """Empty, as the bar is then, where it is not told."""
    parts: tuple[tuple[str, int], ...] = ()
    """From below: ``direct``, ``carried`` or ``sum``, and a height in thousandths of the highest bar."""
    factor: Math = NOTHING
    """By what the way to this bar from the one behind it multiplies."""
    dots: bool = False
    """Whether it stands for steps that are left out."""

    @property
    def multiplied(self) -> Math:
        """The factor behind a sign of multiplication: ``· 0.4594``; nothing where there is none."""
        if not isinstance(self.factor, Number):
            return MathRow("* ", self.factor) if self.factor else NOTHING
        negative = self.factor.digits.startswith("-") and not isinstance(self.factor, Placed)
        number = self.factor.operand() if isinstance(self.factor, Placed) else self.factor
        return self.factor.alike(MathRow("* ", "(", number, ")") if negative else MathRow("* ", number))


@dataclass(frozen=True)
class Bars:
    """How large something is at each time step or iteration, and by which factors it came there."""

    kind: ClassVar = "bars"
    id: str
    title: Inline
    bars: tuple[Bar, ...]
    alternative: Inline

    @property
    def flows(self) -> bool:
        """Whether something goes from bar to bar, by a factor."""
        return any(bool(bar.factor) for bar in self.bars)


@dataclass(frozen=True)
class Level:
    """One bar on a logarithmic scale."""

    value: Math
    height: int
    """In thousandths of the scale."""
    filling: str
    """``direct``, ``carried`` or ``sum``, as in a figure of bars."""


@dataclass(frozen=True)
class Levels:
    """The bars of one time step."""

    name: Math
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Decades:
    """Numbers that are powers of ten apart, one or several for each time step, on a logarithmic scale."""

    kind: ClassVar = "bars"
    id: str
    title: Inline
    groups: tuple[Levels, ...]
    marks: tuple[tuple[Math, int], ...]
    """Powers of ten, and where they are, in thousandths of the scale."""
    key: tuple[tuple[str, str], ...]
    """What each filling stands for; nothing where there is only one."""
    alternative: Inline


@dataclass(frozen=True)
class Cell:
    """A cell of a map."""

    value: Math
    share: int
    """How dark it is, in thousandths."""


@dataclass(frozen=True)
class HeatMap:
    """Numbers from 0 to 1 as cells, the darker the larger; a cell that is not there is crossed out."""

    kind: ClassVar = "bars"
    id: str
    title: Inline
    rows: tuple[Math, ...]
    columns: tuple[Math, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    alternative: Inline


@dataclass(frozen=True)
class Dot:
    """A sample in a plane, in thousandths of its sides from the lower left corner."""

    x: int
    y: int
    filled: bool


@dataclass(frozen=True)
class Stroke:
    """A straight line in a plane, in thousandths of its sides."""

    start: tuple[int, int]
    end: tuple[int, int]
    kind: str
    """``first``: before the first update; ``last``: after the last."""


@dataclass(frozen=True)
class Plane:
    """The plane of two inputs, with samples and lines."""

    kind: ClassVar = "bars"
    id: str
    title: Inline
    names: tuple[Math, ...]
    ranges: tuple[Math, ...]
    """From where to where each input goes."""
    dots: tuple[Dot, ...]
    strokes: tuple[Stroke, ...]
    alternative: Inline


Figure = Picture | Bars | Decades | HeatMap | Plane
