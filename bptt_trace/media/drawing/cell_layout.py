"""The layout of a circuit: nodes on tracks, and lines that turn at the nodes that use them.

``network_layout`` lays out all other pictures; ``lay`` chooses between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bptt_trace.document.figures import Picture
from bptt_trace.media.drawing.network_layout import Arrow, Drawing, Frame, Layout
from bptt_trace.media.drawing.sizes import Measure


def lay(picture: Picture, measure: Measure) -> Drawing:
    """The picture, laid out."""
    return Circuit(picture, measure).draw() if picture.wired else Layout(picture, measure).draw()


Trunk = tuple[int, tuple[str, ...]]
"""A vertical line in front of a column, for the boxes in it that use the same nodes."""


class Circuit(Layout):
    """Lays a circuit out."""

    def __init__(self, picture: Picture, measure: Measure) -> None:
        super().__init__(picture, measure)
        self.used: dict[str, list[str]] = {node.id: [] for node in picture.nodes}
        for edge in picture.edges:
            self.used[edge.end].append(edge.start)
        self.trunks: dict[Trunk, list[str]] = {}
        for key, sources in self.used.items():
            if sources and not self.operation(key) and any(self.row(source) != self.row(key) for source in sources):
                self.trunks.setdefault((self.nodes[key].column, tuple(sorted(set(sources)))), []).append(key)
        self.y: dict[int, float] = {}
        """The middle of each row."""
        self.turns: dict[Trunk, float] = {}
        """The position of each trunk."""
        self.far: dict[str, float] = {}
        """The right end of the line of a node, where it turns for the last time."""
        self.straight: set[str] = set()
        """Nodes with an arrow that does not turn; it is their longest."""

    # ------------------------------------------------------------------ sizes

    def _sizes(self) -> Mapping[str, tuple[float, float]]:
        """Width and height of each node: an operation is as small as its sign."""
        measure, sizes = self.measure, {}
        for node in self.picture.nodes:
            box = self.boxes[node.id]
            width, height = box.width + 2 * measure.pad_x, box.height + 2 * measure.pad_y
            if node.style == "operation":
                width, height = box.width + 2 * measure.ring, max(box.height, measure.circle)
                width = max(width, height if not measure.odd else 0)
            if measure.odd and int(width) % 2 == 0:
                width += 1
            sizes[node.id] = (width, height) if node.cells else (0.0, 0.0)
        return sizes

    def operation(self, key: str) -> bool:
        """Whether a node is an operation."""
        return self.nodes[key].style == "operation"

    def row(self, key: str) -> int:
        """The row of a node."""
        return self.nodes[key].row

    # ----------------------------------------------------------------- layout

    def draw(self) -> Drawing:
        """The drawing."""
        self.across()
        self.down(0)
        for node in self.picture.nodes:
            if node.cells:
                self.stand(node.id)
        for trunk, boxes in self.trunks.items():
            self.trunk(trunk, boxes)
        for key, sources in self.used.items():
            self.arrive(key, sources)
        for key, far in self.far.items():
            if key not in self.straight:
                self.drawing.wires.append(((self.right_of(key), self.y[self.row(key)]), (far, self.y[self.row(key)])))
        self.join()
        drawing = self.drawing
        points = [point for arrow in drawing.arrows for point in arrow.points]
        drawing.width = max([frame.x + frame.width for frame in drawing.frames] + [x for x, _ in points])
        drawing.height = max(frame.y + frame.height for frame in drawing.frames)
        return drawing

    def across(self) -> None:
        """The middle of every column, and the trunks before it."""
        measure, x = self.measure, 0.0
        for column in self.columns:
            trunks = [trunk for trunk in self.trunks if trunk[0] == column]
            if column != self.columns[0]:
                for number, trunk in enumerate(trunks):
                    self.turns[trunk] = x + measure.gap / 2 + (0.5 if measure.odd else 0) + number * measure.gap
                x += measure.gap * len(trunks) + measure.head + (measure.gap / 2 if not trunks else 0)
            width = max(self.sizes[node.id][0] for node in self.picture.nodes if node.column == column)
            self.x[column] = x + width / 2
            x += width

    def down(self, top: float) -> None:
        """The middle of every row; an operation has room for the heads of its arrows."""
        measure = self.measure
        for row in self.rows:
            heights = [self.sizes[node.id][1] for node in self.picture.nodes if node.row == row]
            signs = [
                measure.circle + 2 * measure.stem for node in self.picture.nodes if node.row == row and self.operation(node.id)
            ]
            height = max(*heights, *signs, 0.0, 0.0)
            self.y[row] = self.whole(top + height / 2 - (0.5 if measure.odd else 0)) + (0.5 if measure.odd else 0)
            top += height + (0 if measure.odd else measure.gap)

    def right_of(self, key: str) -> float:
        """The right side of a node."""
        return self.x[self.nodes[key].column] + self.sizes[key][0] / 2

    def left_of(self, key: str) -> float:
        """The left side of a node."""
        return self.x[self.nodes[key].column] - self.sizes[key][0] / 2

    # ------------------------------------------------------------------- draw

    def stand(self, key: str) -> None:
        """Draw a node with its frame and its lines."""
        (width, height), middle, box = self.sizes[key], self.y[self.row(key)], self.boxes[key]
        top = self.whole(middle - height / 2 + (0.5 if self.measure.odd and int(height) % 2 == 0 else 0))
        self.drawing.frames.append(Frame(self.left_of(key), top, width, height, self.nodes[key].style))
        self.grid(box, self.left_of(key) + (width - box.width) / 2, top + self.whole((height - box.height) / 2), "", "center")

    def trunk(self, trunk: Trunk, boxes: list[str]) -> None:
        """Draw a trunk, and from it an arrow to each box."""
        x, sources = self.turns[trunk], trunk[1]
        heights = [self.y[self.row(key)] for key in (*sources, *boxes)]
        self.drawing.wires.append(((x, min(heights)), (x, max(heights))))
        for key in boxes:
            if all(self.row(source) != self.row(key) for source in sources):
                y = self.y[self.row(key)]
                self.drawing.arrows.append(Arrow(((x, y), (self.left_of(key), y)), "forward"))
        for source in sources:
            self.reach(source, x)

    def reach(self, source: str, x: float) -> None:
        """Extend the line of a node to x, if it is shorter."""
        self.far[source] = max(self.far.get(source, 0.0), x)

    def arrive(self, key: str, sources: list[str]) -> None:
        """Draw the arrows that stay in their row, and those that enter an operation from above or below."""
        y, half, x = self.y[self.row(key)], self.sizes[key][1] / 2, self.x[self.nodes[key].column]
        heights = [self.y[self.row(source)] for source in sources]
        for source in sources:
            if self.row(source) == self.row(key):
                self.drawing.arrows.append(Arrow(((self.right_of(source), y), (self.left_of(key), y)), "forward"))
                self.straight.add(source)
            elif self.operation(key):
                self.reach(source, x)
        if self.operation(key) and min(heights) < y:
            self.drawing.arrows.append(Arrow(((x, min(heights)), (x, y - half)), "forward"))
        if self.operation(key) and max(heights) > y:
            self.drawing.arrows.append(Arrow(((x, max(heights)), (x, y + half)), "forward"))

    def join(self) -> None:
        """Add dots where lines of one node meet; lines that only cross have none."""
        for trunk, boxes in self.trunks.items():
            x = self.turns[trunk]
            heights = sorted({self.y[self.row(key)] for key in (*trunk[1], *boxes)})
            self.drawing.joins += [(x, y) for y in sorted({*heights[1:-1], *self.onward(trunk[1], x)})]
        for key, sources in self.used.items():
            if self.operation(key):
                x, y = self.x[self.nodes[key].column], self.y[self.row(key)]
                for side in (1, -1):
                    beside = [source for source in sources if (self.y[self.row(source)] - y) * side > 0]
                    inner = sorted({self.y[self.row(source)] for source in beside}, key=lambda height: abs(height - y))[:-1]
                    self.drawing.joins += [(x, height) for height in sorted({*inner, *self.onward(beside, x)})]

    def onward(self, sources: Iterable[str], x: float) -> set[float]:
        """The heights at which lines of these nodes continue to the right of x."""
        return {self.y[self.row(key)] for key in sources if key in self.straight or self.far.get(key, 0.0) > x}
