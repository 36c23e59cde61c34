"""A picture in a terminal: boxes and arrows of characters, at most as wide as the terminal.

A picture that is too wide is drawn with equations in two rows, then with fewer
time steps, then from below to above; if nothing fits, its alternative text is
printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise
from math import ceil

from bptt_trace.document.figures import Bars, Decades, Figure, HeatMap, Picture, Plane
from bptt_trace.media.drawing.cell_layout import lay
from bptt_trace.media.drawing.narrower import shortened, turned
from bptt_trace.media.drawing.network_layout import Arrow, Drawing, Frame, Point
from bptt_trace.media.drawing.sizes import BARE, MOST_NARROW, Cells
from bptt_trace.media.table_grid import columns_of, folded
from bptt_trace.media.unicode import Script

Span = tuple[str, str]
"""Text and its style."""
STYLES = {"forward": "dim", "direct": "bold blue", "carried": "bold bright_red"}
FRAMES = {True: {"state": "┏━┓┃┗┛", "": "┌─┐│└┘"}, False: {"state": "+=+|++", "": "+-+|++"}}
"""Corners and sides: upper left, horizontal, upper right, vertical, lower left, lower right."""
LEVEL = {True: {"forward": "─", "direct": "═", "carried": "╌"}, False: {"forward": "-", "direct": "=", "carried": "."}}
UPRIGHT = {True: {"forward": "│", "direct": "║", "carried": "╎"}, False: {"forward": "|", "direct": "|", "carried": ":"}}
HEADS = {True: "▶◀▼▲", False: "><v^"}
"""Heads of arrows to the right, to the left, down, up."""
LEFT, RIGHT, UP, DOWN = 1, 2, 4, 8
"""The sides of a cell to which lines run; a cell has their sum."""
LINES = dict(enumerate(" ───│┘└┴│┐┌┬│┤├┼"))
LINES_IN_ASCII = dict(enumerate(" ---|+++|+++|+++"))
FILLS = {True: {"direct": "█", "carried": "▒", "sum": "▓"}, False: {"direct": "#", "carried": "/", "sum": "="}}
LEAST_BAR, MOST_BAR = 8, 60
"""The least and the largest room for bars, in columns."""


def boxes(figure: Figure, width: int, script: Script) -> list[list[Span]]:
    """The rows of a picture, with at most ``width`` columns; where it cannot be drawn, the same in words."""
    return drawn(figure, width, script) or in_words(figure, width, script)


def drawn(figure: Figure, width: int, script: Script) -> list[list[Span]]:
    """The rows of a picture, with at most ``width`` columns; none where it is wider."""
    if isinstance(figure, Bars | Decades | HeatMap | Plane):
        rows = list(_rows(figure, width, script))
        if max(columns_of("".join(said for said, _ in row).rstrip()) for row in rows) <= width:
            return rows
        return []
    for picture, cells in _ways(figure, script):
        drawing = lay(picture, cells)
        if drawing.width <= width:
            return _Canvas(drawing, script).rows()
    return []


def needed(picture: Picture, script: Script) -> int:
    """The columns in which a picture can be drawn, if need be with fewer time steps."""
    return min(ceil(lay(way, cells).width) for way, cells in _ways(picture, script))


def _ways(figure: Picture, script: Script) -> Iterator[tuple[Picture, Cells]]:
    """The ways to draw a picture, in the order in which they are tried: at last with less space in its boxes."""
    for picture in _attempts(figure):
        for cells in squeezed(picture, script):
            yield picture, cells
    for picture in _attempts(figure):
        yield picture, Cells(script.inline, MOST_NARROW, pad_x=1)


def _rows(figure: Bars | Decades | HeatMap | Plane, width: int, script: Script) -> Iterator[list[Span]]:
    """A figure that has no boxes and arrows."""
    if isinstance(figure, Bars):
        return _bars(figure, width, script)
    if isinstance(figure, Plane):
        return _plane(figure, script)
    return _decades(figure, width, script) if isinstance(figure, Decades) else _map(figure, script)


def squeezed(picture: Picture, script: Script) -> Iterator[Cells]:
    """Measures that make a picture narrower and narrower."""
    for narrow in range(MOST_NARROW + 1):
        yield Cells(script.inline, narrow)
    if picture.wired:
        yield Cells(script.inline, BARE, pad_x=1)


def in_words(figure: Figure, width: int, script: Script) -> list[list[Span]]:
    """The alternative text."""
    return [[(line, "")] for line in folded(script.inline(figure.alternative), width)]


def text(figure: Figure, width: int, script: Script) -> str:
    """The picture as plain text."""
    return "\n".join("".join(said for said, _ in row).rstrip() for row in boxes(figure, width, script))


def _attempts(picture: Picture) -> Iterator[Picture]:
    """The picture, then narrower ones."""
    yield picture
    shorter = shortened(picture) if picture.id == "unrolled" else None
    while shorter:
        yield shorter
        shorter = shortened(shorter)
    if picture.id == "layers":
        yield turned(picture)


class _Canvas:
    """Cells of a terminal, each with a character and a style."""

    def __init__(self, drawing: Drawing, script: Script) -> None:
        self.script = script
        self.unicode = script.unicode
        width, height = int(drawing.width) + 1, int(drawing.height) + 1
        self.cells: list[list[Span]] = [[(" ", "")] * width for _ in range(height)]
        if drawing.wires:
            self.circuit(drawing)
        else:
            for arrow in drawing.arrows:
                self.arrow(arrow)
        for frame in drawing.frames:
            self.frame(frame)
        for label in drawing.labels:
            style = STYLES.get(label.kind, "bold" if label.kind == "total" else "")
            self.write(int(label.x), int(label.y), script.inline(label.text), style)

    def write(self, x: int, y: int, text: str, style: str = "") -> None:
        """Put a text into its cells: behind a wide sign one stays empty, and an accent stands with its letter."""
        cells, column = self.cells[y], x
        for sign in text:
            wide = columns_of(sign)
            if wide:
                cells[column : column + wide] = [(sign, style), ("", style)][:wide]
            else:
                cells[column - 1] = (cells[column - 1][0] + sign, style)
            column += wide

    def frame(self, frame: Frame) -> None:
        known = FRAMES[self.unicode]
        upper_left, level, upper_right, upright, lower_left, lower_right = tuple(known.get(frame.style, known[""]))
        x, y, width, height = map(int, (frame.x, frame.y, frame.width, frame.height))
        if frame.style == "operation":
            self.write(x, y, "(")
            self.write(x + width - 1, y, ")")
            return
        self.write(x, y, upper_left + level * (width - 2) + upper_right)
        for row in range(y + 1, y + height - 1):
            self.write(x, row, upright)
            self.write(x + width - 1, row, upright)
        self.write(x, y + height - 1, lower_left + level * (width - 2) + lower_right)

    def arrow(self, arrow: Arrow) -> None:
        style = STYLES[arrow.kind]
        for (x1, y1), (x2, y2) in pairwise(arrow.points):
            if int(y1) == int(y2):
                left, right = sorted((int(x1), int(x2)))
                self.write(left, int(y1), LEVEL[self.unicode][arrow.kind] * (right - left), style)
            else:
                top, bottom = sorted((int(y1), int(y2)))
                for row in range(top, bottom):
                    self.write(int(x1), row, UPRIGHT[self.unicode][arrow.kind], style)
        self.head(arrow)
        if len(arrow.points) == 4:
            corners = "┐┘" if self.unicode else "++"
            for (x, y), corner in zip(arrow.points[1:3], tuple(corners), strict=True):
                self.write(int(x), int(y), corner, style)

    def head(self, arrow: Arrow) -> None:
        """Draw the head of an arrow, in the last cell before its target."""
        style = STYLES[arrow.kind]
        (x1, y1), (x2, y2) = arrow.points[-2:]
        heads = HEADS[self.unicode]
        if int(y1) == int(y2):
            self.write(int(x2) - (1 if x2 > x1 else 0), int(y2), heads[0] if x2 > x1 else heads[1], style)
        else:
            self.write(int(x2), int(y2) - (1 if y2 > y1 else 0), heads[2] if y2 > y1 else heads[3], style)

    def circuit(self, drawing: Drawing) -> None:
        """Draw lines that turn, join and cross; where lines only cross, the vertical one is on top."""
        joins = {(int(x), int(y)) for x, y in drawing.joins}
        sides: dict[tuple[int, int], int] = {}
        for start, end in (*drawing.wires, *(arrow.points for arrow in drawing.arrows)):
            for cell, reached in _sides(start, end):
                sides[cell] = sides.get(cell, 0) | reached
        for (x, y), reached in sides.items():
            crossed = reached == LEFT | RIGHT | UP | DOWN and (x, y) not in joins
            sign = UP | DOWN if crossed else reached
            known = LINES if self.unicode else LINES_IN_ASCII
            self.write(x, y, known[sign], STYLES["forward"])
        for arrow in drawing.arrows:
            self.head(arrow)

    def rows(self) -> list[list[Span]]:
        rows = []
        for row in self.cells:
            rows.append([("".join(sign for sign, _ in cells), style) for style, cells in groupby(row, lambda cell: cell[1])])
        while rows and not "".join(text for text, _ in rows[-1]).strip():
            rows.pop()
        return rows


def _sides(start: Point, end: Point) -> Iterator[tuple[tuple[int, int], int]]:
    """The cells of a line, each with the sides to which the line runs; a turn is in the middle of a cell."""
    level = int(start[1]) == int(end[1])
    here, there = sorted((start[0], end[0]) if level else (start[1], end[1]))
    before, after = (LEFT, RIGHT) if level else (UP, DOWN)
    for cell in range(int(here), ceil(there)):
        reached = (before if cell >= here else 0) | (after if cell + 1 <= there else 0)
        yield ((cell, int(start[1])) if level else (int(start[0]), cell)), reached


def _bars(figure: Bars, width: int, script: Script) -> Iterator[list[Span]]:
    """A row for each time step, and between them the factor of the gradient on its way back."""
    names = [script.inline((bar.name,)) for bar in figure.bars]
    values = [script.inline((bar.value,)) for bar in figure.bars]
    name_width, value_width = (max(map(len, column)) for column in (names, values))
    room = max(width - name_width - value_width - 4, LEAST_BAR)
    room = min(room, 40)
    up = "▲" if script.unicode else "^"
    for bar, name, value in zip(figure.bars, names, values, strict=True):
        if bar.dots:
            yield [(f"{script.said('…'):>{name_width}}", "dim")]
            continue
        spans: list[Span] = [(f"{name:<{name_width}}  {value:>{value_width}}  ", "")]
        used = 0
        for kind, share in bar.parts:
            length = max(round((share * room) / 1000), 1 if share and not used else 0)
            spans.append((FILLS[script.unicode][kind] * length, STYLES.get(kind, "")))
            used += length
        yield spans
        if bar.factor:
            yield [(f"{up:>{name_width // 2 + 1}} {script.math(bar.multiplied)}", STYLES["carried"])]


def _decades(figure: Decades, width: int, script: Script) -> Iterator[list[Span]]:
    """A row for each number, after its time step, below the powers of ten."""
    names = [script.math(group.name) for group in figure.groups]
    values = [script.math(level.value) for group in figure.groups for level in group.levels]
    name_width = max(map(len, names))
    room = max(width - name_width - max(map(len, values)) - 4, LEAST_BAR)
    yield [(f"{'t':>{name_width}}  {_scale(figure, min(room, MOST_BAR), script)}", "dim")]
    for name, group in zip(names, figure.groups, strict=True):
        for number, level in enumerate(group.levels):
            length = max(round(level.height * min(room, MOST_BAR) / 1000), 1 if level.height else 0)
            bar = FILLS[script.unicode][level.filling] * length
            behind = f"  {script.math(level.value)}" if bar else script.math(level.value)
            yield [(f"{name if number == 0 else '':>{name_width}}  ", ""), (bar, STYLES.get(level.filling, "")), (behind, "")]
    for filling, meaning in figure.key:
        first, *others = folded(script.said(meaning), width - 3) or [""]
        yield [(FILLS[script.unicode][filling] * 2, STYLES.get(filling, "")), (f" {first}", "")]
        yield from ([("   " + line, "")] for line in others)


SHADES = {True: " ░▒▓█", False: " .:#@"}
"""From white to black: up to an eighth, three eighths and so on."""


def _map(figure: HeatMap, script: Script) -> Iterator[list[Span]]:
    """A row of values for each row of the map, between two of shades."""
    values = [["" if cell is None else script.math(cell.value) for cell in row] for row in figure.cells]
    heads = [script.math(head) for head in figure.columns]
    side = max(len(script.math(name)) for name in figure.rows)
    wide = max(len(text) for row in (heads, *values) for text in row) + 2
    yield [(" " * side + "  " + " ".join(head.center(wide) for head in heads), "dim")]
    shades = SHADES[script.unicode]
    for name, row, texts in zip(figure.rows, figure.cells, values, strict=True):
        dark = [shades[(cell.share * 4 + 500) // 1000] if cell else "" for cell in row]
        band = " ".join((shade * wide if cell else "x".center(wide)) for shade, cell in zip(dark, row, strict=True))
        yield [(f"{'':>{side}}  {band.rstrip()}", "")]
        yield [(f"{script.math(name):>{side}}  " + " ".join(text.center(wide) for text in texts).rstrip(), "")]


WIDE, HIGH = 40, 16
"""The columns and rows of a plane."""


def _plane(figure: Plane, script: Script) -> Iterator[list[Span]]:
    """Samples as circles, lines as rows of dots, the last of them of stars."""
    signs = {"first": "·", "last": "*"} if script.unicode else {"first": ".", "last": "*"}
    circles = "○●" if script.unicode else "oO"
    canvas = [[" "] * (WIDE + 1) for _ in range(HIGH + 1)]
    for stroke in figure.strokes:
        (x1, y1), (x2, y2) = stroke.start, stroke.end
        count = 2 * WIDE
        for place in range(count + 1):
            x, y = x1 + (x2 - x1) * place / count, y1 + (y2 - y1) * place / count
            canvas[HIGH - round(y * HIGH / 1000)][round(x * WIDE / 1000)] = signs[stroke.kind]
    for dot in figure.dots:
        canvas[HIGH - round(dot.y * HIGH / 1000)][round(dot.x * WIDE / 1000)] = circles[dot.filled]
    across, up = (f"{script.math(name)}: {script.math(span)}" for name, span in zip(figure.names, figure.ranges, strict=True))
    yield [(f"  {up}", "dim")]
    for row in canvas:
        yield [("  " + "".join(row).rstrip(), "")]
    yield [(" " * max(WIDE + 3 - len(across), 2) + across, "dim")]
    told = {"first": script.say("before"), "last": script.say("after the last update")}
    if figure.strokes:
        yield [("  " + ", ".join(f"{signs[stroke.kind]} {told[stroke.kind]}" for stroke in figure.strokes), "dim")]


def _scale(figure: Decades, room: int, script: Script) -> str:
    """The powers of ten, each ending where a bar of that size ends; powers without room are left out."""
    line = ""
    for math, height in reversed(figure.marks):
        sign, end = script.math(math), round(height * room / 1000)
        start = max(end - len(sign), 0)
        if not line:
            line = " " * start + sign
        elif not line[start : start + len(sign) + 1].strip():
            line = line[:start] + sign + line[start + len(sign) :]
    return line.rstrip()
