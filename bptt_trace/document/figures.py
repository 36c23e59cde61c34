"""Pictures and charts of a sheet, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bptt_trace.document.mathematics import NOTHING, Math, MathRow, Number, Placed
from bptt_trace.document.sentences import Inline, say

Grid = tuple[tuple[Inline, ...], ...]
"""Rows of cells; rows of as many cells stand in columns."""


@dataclass(frozen=True)
class Node:
    """A box of a picture, in a column (counted from the left) and a row (counted from below)."""

    id: str
    column: int
    row: int
    cells: Grid
    style: str = "plain"
    """``given``, ``state``, ``plain``, ``operation`` for a sign, or, without a frame, ``dots`` for omitted time steps and
    ``exit`` for an arrow that leaves the picture."""
    totals: Grid = ()
    """The text below the box."""


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
"""Kinds of arrows, each with a long and a short name; the last is a gradient that is not divided into kinds."""


@dataclass(frozen=True)
class Picture:
    """A network as boxes and arrows."""

    kind: ClassVar = "picture"
    id: str
    """The name of the picture on its sheet and in file names."""
    title: Inline
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    alternative: Inline
    """The picture in words, with its numbers."""
    close: bool = False
    """Whether the picture has no legend and little space in its boxes, as on a one-page sheet."""
    wired: bool = False
    """Whether an arrow keeps to the row of its start until it meets the column of its end, however far that is."""
    legend: tuple[tuple[str, str, str], ...] = LEGEND
    """The names of the kinds of arrows."""


@dataclass(frozen=True)
class Bar:
    """A time step of a figure of bars."""

    name: Math
    value: Math
    """Empty where the worksheet does not show the value; the bar is empty then too."""
    parts: tuple[tuple[str, int], ...] = ()
    """From below: ``direct``, ``carried`` or ``sum``, and a height in thousandths of the highest bar."""
    factor: Math = NOTHING
    """The factor on the way from the next bar to this one."""
    dots: bool = False
    """Whether the bar stands for omitted steps."""

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
    """The size of a quantity at each time step or iteration, with the factors between the steps."""

    kind: ClassVar = "bars"
    id: str
    title: Inline
    bars: tuple[Bar, ...]
    alternative: Inline

    @property
    def flows(self) -> bool:
        """Whether factors lead from bar to bar."""
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
    """The meaning of each filling; empty where there is only one."""
    alternative: Inline


@dataclass(frozen=True)
class Cell:
    """A cell of a map."""

    value: Math
    share: int
    """The darkness of the cell, in thousandths."""


@dataclass(frozen=True)
class HeatMap:
    """Numbers from 0 to 1 as cells, the darker the larger; a masked cell is crossed out."""

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
    """The range of each input."""
    dots: tuple[Dot, ...]
    strokes: tuple[Stroke, ...]
    alternative: Inline


Figure = Picture | Bars | Decades | HeatMap | Plane
