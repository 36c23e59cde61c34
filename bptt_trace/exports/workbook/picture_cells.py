"""A picture of a network as cells of a spreadsheet, whose numbers are live: boxes with frames, arrows between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bptt_trace.document.figures import Edge, Node, Picture
from bptt_trace.document.sentences import Inline

Spell = Callable[[Inline], str]
COLOURS = {"forward": "#555555", "direct": "#005A9C", "carried": "#C2410C"}
INK, PALE = "#222222", "#666666"
BOX, GAP = 24, 22
"""The widths of a box, and of a gap with an arrow, in digits."""


@dataclass
class Cell:
    """One cell of the picture."""

    row: int
    column: int
    text: str
    colour: str = INK
    framed: int = 0
    """The weight of the frame at its sides; 0 for none."""
    top: int = 0
    bottom: int = 0
    strong: bool = False
    given: bool = False


@dataclass
class Placed:
    """The cells of a picture, and the widths of its columns."""

    cells: list[Cell] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)


def placed(picture: Picture, spell: Spell) -> Placed:
    """The boxes of a picture in every other column, and its arrows between them."""
    nodes = {node.id: node for node in picture.nodes}
    columns = sorted({node.column for node in picture.nodes})
    rows = sorted({node.row for node in picture.nodes}, reverse=True)
    across: dict[tuple[int, int], list[tuple[str, str]]] = {}
    upright: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for edge in picture.edges:
        _put(edge, nodes[edge.start], nodes[edge.end], spell, across, upright)
    found = Placed(widths=[BOX if place % 2 == 0 else GAP for place in range(2 * len(columns) - 1)])
    row = 0
    for place, level in enumerate(rows):
        boxes = [node for node in picture.nodes if node.row == level]
        beside = {left: said for (left, at), said in across.items() if at == level}
        high = max([_height(node) for node in boxes] + [len(said) for said in beside.values()])
        for node in boxes:
            found.cells += _box(node, row + (high - _height(node)) // 2, 2 * columns.index(node.column), spell)
        for left, said in beside.items():
            column = 2 * columns.index(left) + 1
            start = row + (high - len(said)) // 2
            found.cells += [Cell(start + line, column, text, colour) for line, (text, colour) in enumerate(said)]
        row += high
        below = {column: said for (column, at), said in upright.items() if place + 1 < len(rows) and at == rows[place + 1]}
        for column, said in below.items():
            found.cells += [Cell(row + line, 2 * columns.index(column), text, colour) for line, (text, colour) in enumerate(said)]
        row += max((len(said) for said in below.values()), default=0)
    return found


def _height(node: Node) -> int:
    return len(node.cells) + len(node.totals)


def _box(node: Node, row: int, column: int, spell: Spell) -> list[Cell]:
    """The lines of a box, and below them its totals."""
    texts = [" ".join(spell(part) for part in line) for line in (*node.cells, *node.totals)]
    weight = {"state": 2, "dots": 0, "exit": 0}.get(node.style, 1)
    cells = [
        Cell(row + line, column, text, INK if line < len(node.cells) else PALE, weight, given=node.style == "given")
        for line, text in enumerate(texts)
    ]
    cells[0].top = cells[-1].bottom = weight
    return cells


def _put(
    edge: Edge,
    start: Node,
    end: Node,
    spell: Spell,
    across: dict[tuple[int, int], list[tuple[str, str]]],
    upright: dict[tuple[int, int], list[tuple[str, str]]],
) -> None:
    """An arrow with its words, in the gap right of the left box, or above the lower one."""
    label = [" ".join(spell(part) for part in line) for line in edge.label]
    colour = COLOURS.get(edge.kind, INK)
    if start.column != end.column:
        arrow = "⟶" if start.column < end.column else "⟵"
        where = across.setdefault((min(start.column, end.column), start.row), [])
    else:
        arrow = "↑" if start.row < end.row else "↓"
        where = upright.setdefault((start.column, min(start.row, end.row)), [])
    first, *others = label or [""]
    where += [(f"{arrow} {first}".strip(), colour), *((other, colour) for other in others)]
