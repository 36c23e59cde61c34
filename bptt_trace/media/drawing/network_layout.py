"""The layout of a picture: positions and sizes of boxes, labels and arrows.

All media share one layout. They differ in the measure: points on paper, or the
cells of a terminal, where every position is a whole number. Boxes stand in bands,
labels of vertical arrows in the channels between them; each band and channel is
filled from the left, so nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil

from bptt_trace.document.figures import Edge, Grid, Node, Picture
from bptt_trace.document.mathematics import Number
from bptt_trace.document.sentences import Inline
from bptt_trace.media.drawing.sizes import Measure

Point = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """The box of a node."""

    x: float
    y: float
    width: float
    height: float
    style: str


@dataclass(frozen=True)
class Label:
    """A line of words and mathematics in a rectangle."""

    x: float
    y: float
    width: float
    height: float
    text: Inline
    kind: str = ""
    align: str = "center"

    @property
    def anchor(self) -> float:
        """The x of the left end, the middle or the right end of the text, as it is aligned."""
        return self.x + {"left": 0, "center": self.width / 2, "right": self.width}[self.align]

    @property
    def baseline(self) -> float:
        """The y of the baseline, on paper."""
        return self.y + self.height / 2 + 2.7


@dataclass(frozen=True)
class Arrow:
    """A line from point to point with a head at its end."""

    points: tuple[Point, ...]
    kind: str


@dataclass(frozen=True)
class Block:
    """A bar, or a part of one."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    place: int | None = None
    """On a page that calculates: the place of the number that it is as high as."""

    def hatching(self, apart: float = 3.2) -> Iterator[tuple[Point, Point]]:
        """Slanted lines across the block."""
        right, bottom = self.x + self.width, self.y + self.height
        for number in range(1, int((self.width + self.height) / apart) + 1):
            reach = number * apart
            start = (self.x + max(0.0, reach - self.height), self.y + min(reach, self.height))
            end = (self.x + min(reach, self.width), self.y + max(0.0, reach - self.width))
            if start[0] <= right and end[1] <= bottom:
                yield start, end


@dataclass(frozen=True)
class Shade:
    """A square of a map."""

    x: float
    y: float
    side: float
    share: int
    """The darkness of the cell, in thousandths."""


@dataclass
class Drawing:
    """A picture that is laid out: its parts and its size; y grows downwards."""

    width: float = 0
    height: float = 0
    frames: list[Frame] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    shades: list[Shade] = field(default_factory=list)
    circles: list[tuple[Point, bool]] = field(default_factory=list)
    """Middles of circles, and whether they are filled."""
    rules: list[tuple[Point, Point]] = field(default_factory=list)
    wires: list[tuple[Point, Point]] = field(default_factory=list)
    """Lines of a circuit without a head; arrows may start on them."""
    joins: list[Point] = field(default_factory=list)
    """The points at which lines of a circuit meet; crossings are not among them."""


def _bare(cell: Inline) -> bool:
    """Whether a cell is a number and nothing else."""
    return len(cell) == 1 and isinstance(cell[0], Number)


@dataclass(frozen=True)
class _Box:
    """A grid with the sizes of its columns and rows."""

    rows: Grid
    columns: tuple[float, ...]
    heights: tuple[float, ...]
    width: float
    height: float


NOTHING = _Box((), (), (), 0, 0)


class Layout:
    """Lays one picture out."""

    def __init__(self, picture: Picture, measure: Measure) -> None:
        self.picture, self.measure = picture, measure
        self.drawing = Drawing()
        self.nodes = {node.id: node for node in picture.nodes}
        self.places = {(node.column, node.row): node for node in reversed(picture.nodes)}
        self.loops: dict[str, Edge] = {}
        """The loop of a node."""
        self.beside: dict[tuple[str, bool], Edge] = {}
        """The edge between a node and the next in its row, forward or back."""
        self.above: dict[tuple[str, bool], Edge] = {}
        """The edge between a node and the one above it, forward or back."""
        self.back: set[str] = set()
        """Nodes with a horizontal arrow back."""
        self.sort_edges()
        self.known: dict[int, _Box] = {}
        """The labels of edges and the totals of nodes: each is measured once."""
        self.columns = sorted({node.column for node in picture.nodes})
        self.rows = sorted({node.row for node in picture.nodes}, reverse=True)
        self.boxes = {node.id: self.box(measure.boxed(node.cells)) for node in picture.nodes}
        self.sizes = self._sizes()
        self.x: dict[int, float] = {}
        """The middle of each column."""
        self.bands: dict[int, tuple[float, float]] = {}
        """The middle of each row, and the height of its nodes."""
        self.edges_of_bands: dict[int, tuple[float, float]] = {}
        """The upper and the lower end of each row with the labels of its arrows."""

    # ------------------------------------------------------------------ sizes

    def box(self, grid: Grid) -> _Box:
        """The sizes of a grid: rows with the same number of cells share columns."""
        measure = self.measure
        count = max((len(row) for row in grid), default=0)
        sizes = [0.0] * count
        for row in grid:
            if len(row) == count:
                sizes = [max(size, measure.width(cell, strong=True)) for size, cell in zip(sizes, row, strict=True)]
        heights = tuple(max((measure.height(cell) for cell in row), default=0) for row in grid)
        alone = (sum(measure.width(cell, strong=True) for cell in row) for row in grid)
        width = max([sum(sizes) + measure.column * max(count - 1, 0), *alone], default=0)
        return _Box(grid, tuple(sizes), heights, width, sum(heights))

    def _sizes(self) -> Mapping[str, tuple[float, float]]:
        """Width and height of each node; nodes of a row have the same height."""
        measure = self.measure
        high = {
            row: max(
                max(self.boxes[node.id].height, 2 * measure.height(("x",)) if self.paired(node) else 0) + 2 * measure.pad_y
                for node in self.picture.nodes
                if node.row == row
            )
            for row in self.rows
        }
        sizes = {}
        for node in self.picture.nodes:
            width = self.boxes[node.id].width + (2 * measure.pad_x if node.style != "dots" else measure.pad_x)
            if measure.odd and int(width) % 2 == 0:
                width += 1
            sizes[node.id] = (width, high[node.row])
        return sizes

    def paired(self, node: Node) -> bool:
        """Whether arrows in both directions lie beside a node."""
        return node.id in self.back or node.id in self.loops

    # ------------------------------------------------------------------ edges

    def sort_edges(self) -> None:
        """Find each edge by the node from which it goes to the right, or up, or back to the same node."""
        for edge in self.picture.edges:
            forward = edge.kind == "forward"
            if edge.start == edge.end:
                self.loops.setdefault(edge.start, edge)
            elif self.level(edge):
                self.back |= set() if forward else {edge.start, edge.end}
                self.beside.setdefault((min(edge.start, edge.end, key=lambda node: self.nodes[node].column), forward), edge)
            else:
                self.above.setdefault((min(edge.start, edge.end, key=lambda node: self.nodes[node].row), forward), edge)

    def level(self, edge: Edge) -> bool:
        """Whether an edge is horizontal: from column to column."""
        return self.nodes[edge.start].column != self.nodes[edge.end].column

    def upright(self, lower: Node, kind: str) -> Edge | None:
        """The edge between a node and the one above it, forward or back."""
        return self.above.get((lower.id, kind == "forward"))

    def between(self, left: Node, kind: str) -> Edge | None:
        """The edge between a node and the next in its row, forward or back."""
        return self.beside.get((left.id, kind == "forward"))

    def label(self, edge: Edge | None) -> _Box:
        """The label of an edge."""
        return self.measured(edge, edge.label) if edge else NOTHING

    def totals(self, node: Node) -> _Box:
        """The text below a node."""
        return self.measured(node, node.totals)

    def measured(self, whose: Edge | Node, grid: Grid) -> _Box:
        if id(whose) not in self.known:
            self.known[id(whose)] = self.box(self.measure.broken(grid))
        return self.known[id(whose)]

    # ----------------------------------------------------------------- layout

    def draw(self) -> Drawing:
        """The drawing."""
        top = self.legend()
        self.across()
        self.down(top)
        for node in self.picture.nodes:
            self.node(node)
        for edge in self.picture.edges:
            self.edge(edge)
        drawing = self.drawing
        parts: list[Frame | Label] = [*drawing.frames, *drawing.labels]
        points = [point for arrow in drawing.arrows for point in arrow.points]
        drawing.width = max([part.x + part.width for part in parts] + [x for x, _ in points])
        drawing.height = max([part.y + part.height for part in parts] + [y for _, y in points])
        return drawing

    def legend(self) -> float:
        """Draw the legend of the arrows, if there are several kinds; return its height."""
        kinds = [kind for kind in ("forward", "direct", "carried") if any(edge.kind == kind for edge in self.picture.edges)]
        if len(kinds) < 2 or self.picture.close:
            return 0
        measure = self.measure
        words = {name: (long, short) for name, long, short in self.picture.legend}
        x = 0.0
        for kind in kinds:
            alone = kind == "direct" and "carried" not in kinds
            text: Inline = (measure.key(*words["gradient" if alone else kind]),)
            height, width = measure.height(text), measure.width(text, strong=True)
            self.drawing.arrows.append(Arrow(((x, height / 2), (x + measure.reach, height / 2)), kind))
            self.drawing.labels.append(Label(x + measure.reach + measure.gap / 2, 0, width, height, text, "", "left"))
            x += measure.reach + measure.gap / 2 + width + 1.5 * measure.gap
            if measure.odd:
                x = float(ceil(x))
        return measure.height(("x",)) * 2

    def left(self, node: Node) -> float:
        """The extent of the labels of the arrow above a node to the left."""
        width = self.label(self.upright(node, "forward")).width
        return self.measure.apart + self.margin() + width if width else 0

    def margin(self) -> float:
        """The distance from the middle of a vertical arrow to its label."""
        return 1.5 if self.measure.odd else 4

    def right(self, below: Node | None, above: Node | None) -> float:
        """The extent of labels and totals to the right in the channel between two nodes."""
        widths = [self.label(self.upright(below, "back")).width if below else 0]
        widths.append(self.totals(above).width if above else 0)
        return self.measure.apart + self.margin() + max(widths) if max(widths) else 0

    def at(self, column: int, row: int) -> Node | None:
        """The node in this column and row."""
        return self.places.get((column, row))

    def channels(self, column: int) -> Iterator[tuple[int, Node | None, Node | None]]:
        """The node in each row, and the one below it."""
        for number, row in enumerate(self.rows):
            below = self.rows[number + 1] if number + 1 < len(self.rows) else None
            yield row, self.at(column, row), None if below is None else self.at(column, below)

    def across(self) -> None:
        """Set the middle of every column."""
        measure = self.measure
        filled: dict[tuple[str, int], float] = {}
        behind: dict[int, Node] = {}
        for column in self.columns:
            least: list[float] = []
            spans: list[tuple[tuple[str, int], float, float]] = []
            for row, node, below in self.channels(column):
                if node is not None:
                    half = self.sizes[node.id][0] / 2
                    room = measure.gap
                    if row in behind:
                        labels = [self.label(self.between(behind[row], kind)).width for kind in ("forward", "back")]
                        joined = any(self.between(behind[row], kind) for kind in ("forward", "back"))
                        room = max(measure.reach, max(labels) + measure.gap) if joined else measure.gap
                    spans.append((("band", row), half, half + self._loop(node)))
                    least.append(filled.get(("band", row), -room) + room + half)
                    behind[row] = node
                left = self.left(below) if below is not None else 0
                right = self.right(below, node)
                if row == self.rows[-1] and node is not None:
                    left = right = self.totals(node).width / 2
                if left or right:
                    key = ("channel", row)
                    spans.append((key, left, right))
                    least.append(filled.get(key, -measure.gap) + measure.gap + left)
            middle = max(least)
            if measure.odd:
                middle = ceil(middle - 0.5) + 0.5
            self.x[column] = middle
            for key, _, right in spans:
                filled[key] = middle + right

    def _loop(self, node: Node) -> float:
        edge = self.loops.get(node.id)
        return 0 if edge is None else self.measure.loop + self.margin() + 0.5 + self.label(edge).width

    def down(self, top: float) -> None:
        """Set the middle of every row, and the positions of the channels below."""
        measure = self.measure
        for number, row in enumerate(self.rows):
            nodes = [node for node in self.picture.nodes if node.row == row]
            height = self.sizes[nodes[0].id][1]
            offset = max(measure.beside(height), -measure.single(height))
            reaches = {
                kind: max((self.label(self.between(node, kind)).height for node in nodes), default=0)
                for kind in ("forward", "back")
            }
            up, low = (
                max(height / 2, offset + measure.thick + reaches[kind]) if reaches[kind] else height / 2
                for kind in ("forward", "back")
            )
            self.bands[row] = (top + up, height)
            self.edges_of_bands[row] = (top, top + up + low)
            top += up + low
            below = self.rows[number + 1] if number + 1 < len(self.rows) else None
            heights = [self.channel(node, None if below is None else self.at(node.column, below)) for node in nodes]
            if max(heights) or below is not None:
                least = (measure.reach / 2 if measure.odd else measure.reach * 0.75) if below is not None else 0
                top += max(least, max(heights) + 2 * self.clearance())

    def clearance(self) -> float:
        """The space above and below the labels in a channel; a terminal needs a row for the head of an arrow."""
        return 0 if self.measure.odd else 4

    def channel(self, above: Node, below: Node | None) -> float:
        """The height that a channel needs between these nodes."""
        left = self.label(self.upright(below, "forward")).height if below else 0
        back = self.label(self.upright(below, "back")).height if below else 0
        totals = self.totals(above).height
        return max(left, back + totals + (self.between_labels() if back and totals else 0))

    def between_labels(self) -> float:
        """The distance from the totals of a node to the label of the arrow below them."""
        return 2 * self.measure.thick

    # ------------------------------------------------------------------- draw

    def node(self, node: Node) -> None:
        """Draw a node with its frame, its lines, and its totals below it."""
        x, (middle, _) = self.x[node.column], self.bands[node.row]
        width, height = self.sizes[node.id]
        if node.style != "dots":
            self.drawing.frames.append(Frame(x - width / 2, middle - height / 2, width, height, node.style))
        box = self.boxes[node.id]
        top = middle - box.height / 2
        self.grid(box, x - box.width / 2, self.whole(top), "", "center")
        totals = self.totals(node)
        start = self.edges_of_bands[node.row][1] + self.clearance()
        if node.row == self.rows[-1]:
            self.grid(totals, self.whole(x - totals.width / 2), start, "total", "center")
            return
        align = "center" if totals.rows and len(totals.rows[0]) > 1 else "left"
        self.grid(totals, x + self.measure.apart + self.margin(), start, "total", align)

    def whole(self, position: float) -> float:
        """A position, rounded down to a whole number in a terminal."""
        return float(int(position)) if self.measure.odd else position

    def grid(self, box: _Box, x: float, y: float, kind: str, align: str) -> None:
        """Draw the cells of a grid, whose upper left corner is at x and y; a row of one cell has the whole width."""
        measure = self.measure
        count = len(box.columns)
        numbers = [
            max((measure.width(row[c], strong=True) for row in box.rows if len(row) == count and _bare(row[c])), default=0.0)
            for c in range(count)
        ]
        for row, height in zip(box.rows, box.heights, strict=True):
            whole = len(row) == 1
            sizes = (box.width,) if whole else box.columns
            start = x + (0 if whole else (box.width - sum(sizes) - measure.column * (len(sizes) - 1)) / 2)
            start = self.whole(start)
            for column, (cell, size) in enumerate(zip(row, sizes, strict=True)):
                if len(row) == count and _bare(cell):  # numbers are aligned at their last digits
                    free = size - numbers[column]
                    left = start + {"left": 0, "center": free / 2, "right": free}[align]
                    self.place(cell, self.whole(left), y, numbers[column], height, kind, "right")
                elif cell:
                    self.place(cell, start, y, size, height, kind, align)
                start += size + measure.column
            y += height

    def place(self, cell: Inline, x: float, y: float, room: float, height: float, kind: str, align: str) -> None:
        """Draw a label in its room."""
        width = self.measure.width(cell, strong=True)
        free = room - width
        start = x + {"left": 0, "center": free / 2, "right": free}[align]
        start = self.whole(start)
        self.drawing.labels.append(Label(start, y, width, height, cell, kind, align))

    def edge(self, edge: Edge) -> None:
        """Draw an arrow with its label."""
        if edge.start == edge.end:
            self.loop(edge)
        elif self.level(edge):
            self.horizontal(edge)
        else:
            self.vertical(edge)

    def horizontal(self, edge: Edge) -> None:
        """Draw an arrow in a row: forward arrows above, gradients below."""
        measure = self.measure
        first, second = sorted((self.nodes[edge.start], self.nodes[edge.end]), key=lambda node: node.column)
        middle, height = self.bands[first.row]
        left = self.x[first.column] + self.sizes[first.id][0] / 2
        right = self.x[second.column] - self.sizes[second.id][0] / 2
        forward = edge.kind == "forward"
        paired = self.between(first, "back" if forward else "forward") is not None
        y = middle + (measure.beside(height) * (-1 if forward else 1) if paired else measure.single(height))
        points = ((left, y), (right, y))
        self.drawing.arrows.append(Arrow(points if edge.start == first.id else points[::-1], edge.kind))
        box = self.label(edge)
        x = (left + right - box.width) / 2
        self.grid(
            box, self.whole(x), y - measure.thick - box.height if forward else y + measure.thick,
            edge.kind, "center",
        )  # fmt: skip

    def vertical(self, edge: Edge) -> None:
        """Draw an arrow between rows: forward arrows left with their labels, gradients right."""
        measure = self.measure
        lower, upper = sorted((self.nodes[edge.start], self.nodes[edge.end]), key=lambda node: node.row)
        forward = edge.kind == "forward"
        paired = self.upright(lower, "back" if forward else "forward") is not None
        x = self.x[lower.column] + (measure.apart * (-1 if forward else 1) if paired else 0)
        high, low = self.bands[upper.row], self.bands[lower.row]
        points = ((x, low[0] - low[1] / 2), (x, high[0] + high[1] / 2))
        top, bottom = self.edges_of_bands[upper.row][1] + self.clearance(), self.edges_of_bands[lower.row][0] - self.clearance()
        self.drawing.arrows.append(Arrow(points if edge.start == lower.id else points[::-1], edge.kind))
        box = self.label(edge)
        if forward:
            start = self.x[lower.column] - measure.apart - self.margin() - box.width
            centre = (top + bottom - box.height) / 2
            self.grid(box, start, self.whole(centre), edge.kind, "right")
            return
        totals = self.box(measure.broken(upper.totals)).height
        above = totals + self.between_labels() if totals else 0
        start = top + above + (bottom - top - above - box.height) / 2
        self.grid(box, self.x[lower.column] + measure.apart + self.margin(), self.whole(start), edge.kind, "left")

    def loop(self, edge: Edge) -> None:
        """Draw an arrow that returns to its node, on the right."""
        measure, node = self.measure, self.nodes[edge.start]
        middle, height = self.bands[node.row]
        right, offset = self.x[node.column] + self.sizes[node.id][0] / 2, measure.beside(height) * (1 if measure.odd else 1.4)
        out = right + measure.loop
        points = ((right, middle - offset), (out, middle - offset), (out, middle + offset), (right, middle + offset))
        self.drawing.arrows.append(Arrow(points, edge.kind))
        box = self.label(edge)
        y = middle - box.height / 2
        self.grid(box, self.whole(out + self.margin() + 0.5), self.whole(y), edge.kind, "left")
