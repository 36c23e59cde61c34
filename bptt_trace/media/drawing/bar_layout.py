"""The layout of figures of bars, on paper."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from bptt_trace.document.figures import Bars, Decades, Figure, HeatMap, Plane
from bptt_trace.document.mathematics import Placed, Symbol
from bptt_trace.document.sentences import Inline, words
from bptt_trace.media.drawing.cell_layout import lay
from bptt_trace.media.drawing.network_layout import Arrow, Block, Drawing, Label, Shade
from bptt_trace.media.drawing.sizes import Points
from bptt_trace.media.drawing.text_width import Face

HIGHEST = 84
"""The height of the highest bar, in points."""
BROADEST = 480
"""The width of a page for a circuit, in points."""
WIDEST = 525
"""The width of a page for a network, in points: letters of 8 points then have 7.5 at least."""
BROAD = 30
"""The width of a bar, in points."""


def lay_bars(figure: Bars, paper: Points) -> Drawing:
    """Upright bars from left to right, with the factors on the arrows between them."""
    drawing = Drawing()
    told = any(bar.parts for bar in figure.bars)
    base = HIGHEST + 13 if told else 4.0
    line, high = 11.5, 18.5
    x = 0.0
    middles: list[float] = []
    for bar in figure.bars:
        own = [(bar.name,), (bar.value,)]
        half = max([BROAD, *(paper.width(text) for text in own if text)]) / 2 if not bar.dots else 8
        reach = paper.width((bar.multiplied,)) + 2 * paper.gap if middles and bar.factor else paper.gap
        middle = max(x + paper.gap + half, middles[-1] + reach if middles else 0)
        middles.append(middle)
        x = middle + half
    for place, (bar, middle) in enumerate(zip(figure.bars, middles, strict=True)):
        if bar.dots:
            drawing.labels.append(Label(middle - 8, base - line, 16, line, ("…",)))
            continue
        top = base
        for kind, share in bar.parts:
            height = share * HIGHEST / 1000
            top -= height
            number = bar.value.place if isinstance(bar.value, Placed) else None
            drawing.blocks.append(Block(middle - BROAD / 2, top, BROAD, height, kind, number))
        _centred(drawing, paper, (bar.value,), middle, top - line - 1)
        _centred(drawing, paper, (bar.name,), middle, base + 2)
        if figure.flows and place + 1 < len(middles):
            y = base + 2 + high + line + 2
            drawing.arrows.append(Arrow(((middles[place + 1] - 5, y), (middle + 5, y)), "carried"))
            between = (middle + middles[place + 1]) / 2
            _centred(drawing, paper, (bar.multiplied,), between, y - line - 1, "carried")
    drawing.rules.append(((0, base), (x + paper.gap, base)))
    drawing.width, drawing.height = x + paper.gap, base + 2 + high + (line + 6 if figure.flows else 0)
    return drawing


def _centred(drawing: Drawing, paper: Points, text: Inline, middle: float, y: float, kind: str = "") -> None:
    """Add a label that is centred at ``middle``."""
    if not words(text):
        return
    width = paper.width(text)
    drawing.labels.append(Label(middle - width / 2, y, width, paper.height(text), text, kind))


LONGEST = 230
"""The length of the longest bar on a logarithmic scale, in points."""
THICK = 9.5
"""The thickness of these bars, in points."""


def lay_decades(figure: Decades, paper: Points) -> Drawing:
    """Level bars, one below the other, on a scale of powers of ten."""
    drawing = Drawing()
    symbol: Inline = (Symbol("t"),)
    left = max(paper.width(text) for text in (symbol, *((group.name,) for group in figure.groups)))
    line, names = 11.5, left
    left += 3 + max([paper.gap, *(paper.width((mark,)) / 2 for mark, height in figure.marks if not height)])
    drawing.labels.append(Label(0, 0, names, line, symbol, "", "right"))
    for mark, height in figure.marks:
        _centred(drawing, paper, (mark,), left + height * LONGEST / 1000, 0)
    y, right = line + 5, left + LONGEST
    top = y - 2
    for group in figure.groups:
        y += 2
        drawing.labels.append(Label(0, y - 1, names, line, (group.name,), "", "right"))
        for level in group.levels:
            length = level.height * LONGEST / 1000
            if length:
                drawing.blocks.append(Block(left, y, length, THICK - 1, level.filling))
            width = paper.width((level.value,))
            drawing.labels.append(Label(left + length + 4, y - 1.5, width, line, (level.value,), "", "left"))
            right = max(right, left + length + 4 + width)
            y += THICK + 1.5
        y += 2
    drawing.rules.append(((left, top), (left, y)))
    drawing.width, drawing.height = right, y
    for filling, meaning in figure.key:
        text: Inline = (meaning,)
        drawing.height += 4
        drawing.blocks.append(Block(left, drawing.height + 2, 14, 8, filling))
        drawing.labels.append(Label(left + 18, drawing.height, paper.width(text), line, text, "", "left"))
        drawing.width = max(drawing.width, left + 18 + paper.width(text))
        drawing.height += line
    return drawing


def lay_map(figure: HeatMap, paper: Points) -> Drawing:
    """Square cells with their values; masked cells are crossed out."""
    drawing = Drawing()
    line = 11.5
    texts = [(cell.value,) for row in figure.cells for cell in row if cell]
    side = max([26.0, *(paper.width(text) + 8 for text in texts), *(paper.width((head,)) + 6 for head in figure.columns)])
    left = max(paper.width((name,)) for name in figure.rows) + 6
    for place, head in enumerate(figure.columns):
        _centred(drawing, paper, (head,), left + (place + 0.5) * side, 0)
    for number, (name, row) in enumerate(zip(figure.rows, figure.cells, strict=True)):
        top = line + 3 + number * side
        drawing.labels.append(Label(0, top + (side - line) / 2, left - 6, line, (name,), "", "right"))
        for place, cell in enumerate(row):
            x = left + place * side
            if cell is None:
                drawing.rules += [((x, top), (x + side, top + side)), ((x, top + side), (x + side, top))]
                drawing.shades.append(Shade(x, top, side, 0))
                continue
            drawing.shades.append(Shade(x, top, side, cell.share))
            _centred(drawing, paper, (cell.value,), x + side / 2, top + (side - line) / 2, "light" if cell.share > DARK else "")
    drawing.width, drawing.height = left + len(figure.columns) * side, line + 3 + len(figure.rows) * side
    return drawing


SIDE = 150
"""The sides of a plane, in points."""


def lay_plane(figure: Plane, paper: Points) -> Drawing:
    """Samples as circles in a square; the line before all updates is thin, the one after them strong."""
    drawing = Drawing()
    line = 11.5
    top, left = line + 2, 2.0

    def at(point: tuple[int, int]) -> tuple[float, float]:
        return left + point[0] * SIDE / 1000, top + SIDE - point[1] * SIDE / 1000

    across, up = ((name, ": ", span) for name, span in zip(figure.names, figure.ranges, strict=True))
    drawing.labels.append(Label(left, 0, paper.width(up), line, up, "", "left"))
    drawing.labels.append(Label(left + SIDE - paper.width(across), top + SIDE + 2, paper.width(across), line, across, "", "left"))
    corners = [(0, 0), (1000, 0), (1000, 1000), (0, 1000), (0, 0)]
    drawing.wires += [(at(corner), at(other)) for corner, other in pairwise(corners)]
    for stroke in figure.strokes:
        (drawing.rules if stroke.kind == "last" else drawing.wires).append((at(stroke.start), at(stroke.end)))
    drawing.circles += [(at((dot.x, dot.y)), dot.filled) for dot in figure.dots]
    drawing.width, drawing.height = left + max(SIDE, paper.width(up), paper.width(across)) + 2, top + SIDE + 2 + line
    return drawing


DARK = 550
"""The darkness from which on the number of a cell is white, in thousandths."""


def on_paper(figure: Figure, face: Face) -> Drawing:
    """A picture or a figure of bars, laid out in points."""
    paper = Points(face)
    if isinstance(figure, HeatMap):
        return lay_map(figure, paper)
    if isinstance(figure, Plane):
        return lay_plane(figure, paper)
    if isinstance(figure, Decades):
        return lay_decades(figure, paper)
    if isinstance(figure, Bars):
        return lay_bars(figure, paper)
    paper = replace(paper, pad_x=4, pad_y=3, gap=5, reach=18) if figure.close else paper
    drawing = lay(figure, paper)
    if figure.wired:
        return lay(figure, replace(paper, narrow=1)) if drawing.width > BROADEST else drawing
    for narrow in (0, 1, 2):
        if drawing.width <= WIDEST:
            break
        drawing = lay(figure, replace(paper, pad_x=min(paper.pad_x, 5), gap=min(paper.gap, 6), narrow=narrow))
    return drawing
