"""A picture in a terminal: boxes and arrows of characters, as wide as the terminal lets it be.

What does not fit is drawn with equations in two rows, then with fewer steps,
then from below to above; last there are the words.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby, pairwise

from bptt_trace.render.drawing import Arrow, Drawing, Frame, lay
from bptt_trace.render.measures import MOST_NARROW, Cells
from bptt_trace.render.narrower import shortened, turned
from bptt_trace.render.signs import Script
from bptt_trace.sheet import Bar, Bars, Figure, Picture

Span = tuple[str, str]
"""Text and its style."""
STYLES = {"forward": "dim", "direct": "bold blue", "carried": "bold bright_red"}
FRAMES = {True: {"state": "┏━┓┃┗┛", "": "┌─┐│└┘"}, False: {"state": "+=+|++", "": "+-+|++"}}
"""Corners and sides: upper left, level, upper right, upright, lower left, lower right."""
LEVEL = {True: {"forward": "─", "direct": "═", "carried": "╌"}, False: {"forward": "-", "direct": "=", "carried": "."}}
UPRIGHT = {True: {"forward": "│", "direct": "║", "carried": "╎"}, False: {"forward": "|", "direct": "|", "carried": ":"}}
HEADS = {True: "▶◀▼▲", False: "><v^"}
"""To the right, to the left, down, up."""
FILLS = {True: {"direct": "█", "carried": "▒", "sum": "▓"}, False: {"direct": "#", "carried": "/", "sum": "="}}
LEAST_BAR = 8
"""The shortest room for bars."""


def boxes(figure: Figure, width: int, script: Script) -> list[list[Span]]:
    """The rows of a picture, at most so wide."""
    if isinstance(figure, Bars):
        rows = list(_bars(figure, width, script))
        if max(len("".join(said for said, _ in row).rstrip()) for row in rows) <= width:
            return rows
        return _in_words(figure, width, script)
    for picture in _attempts(figure):
        for narrow in range(MOST_NARROW + 1):
            drawing = lay(picture, Cells(script.inline, narrow))
            if drawing.width <= width:
                return _Canvas(drawing, script).rows()
    return _in_words(figure, width, script)


def _in_words(figure: Figure, width: int, script: Script) -> list[list[Span]]:
    """The alternative text."""
    return [[(line, "")] for line in textwrap.wrap(script.inline(figure.alternative), width)]


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
    """Cells of a terminal, each with a sign and a style."""

    def __init__(self, drawing: Drawing, script: Script) -> None:
        self.script = script
        self.unicode = script.unicode
        width, height = int(drawing.width) + 1, int(drawing.height) + 1
        self.cells: list[list[Span]] = [[(" ", "")] * width for _ in range(height)]
        for arrow in drawing.arrows:
            self.arrow(arrow)
        for frame in drawing.frames:
            self.frame(frame)
        for label in drawing.labels:
            style = STYLES.get(label.kind, "bold" if label.kind == "total" else "")
            self.write(int(label.x), int(label.y), script.inline(label.text), style)

    def write(self, x: int, y: int, text: str, style: str = "") -> None:
        for place, sign in enumerate(text):
            self.cells[y][x + place] = (sign, style)

    def frame(self, frame: Frame) -> None:
        known = FRAMES[self.unicode]
        upper_left, level, upper_right, upright, lower_left, lower_right = tuple(known.get(frame.style, known[""]))
        x, y, width, height = map(int, (frame.x, frame.y, frame.width, frame.height))
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
        (x1, y1), (x2, y2) = arrow.points[-2:]
        heads = HEADS[self.unicode]
        if int(y1) == int(y2):
            self.write(int(x2) - (1 if x2 > x1 else 0), int(y2), heads[0] if x2 > x1 else heads[1], style)
        else:
            self.write(int(x2), int(y2) - (1 if y2 > y1 else 0), heads[2] if y2 > y1 else heads[3], style)
        if len(arrow.points) == 4:
            corners = "┐┘" if self.unicode else "++"
            for (x, y), corner in zip(arrow.points[1:3], tuple(corners), strict=True):
                self.write(int(x), int(y), corner, style)

    def rows(self) -> list[list[Span]]:
        found = []
        for row in self.cells:
            found.append([("".join(sign for sign, _ in cells), style) for style, cells in groupby(row, lambda cell: cell[1])])
        while found and not "".join(said for said, _ in found[-1]).strip():
            found.pop()
        return found


def _bars(figure: Bars, width: int, script: Script) -> Iterator[list[Span]]:
    """A row for each step, and between them the factor by which the gradient goes back."""
    names = [script.inline((bar.name,)) for bar in figure.bars]
    values = [script.inline((bar.value,)) for bar in figure.bars]
    products = [_product(bar, script) for bar in figure.bars]
    name, value, product = (max(map(len, column)) for column in (names, values, products))
    room = max(width - name - value - 4, LEAST_BAR)
    beside = product if room - product - 2 >= LEAST_BAR and product else 0
    room = min(room - (beside + 2 if beside else 0), 40)
    up = "▲" if script.unicode else "^"
    told = any(bar.parts for bar in figure.bars)
    for bar, one, number, whole in zip(figure.bars, names, values, products, strict=True):
        if bar.dots:
            yield [(f"{script.said('…'):>{name}}", "dim")]
            continue
        spans: list[Span] = [(f"{one:<{name}}  {number:>{value}}  ", "")]
        used = 0
        for kind, share in bar.parts:
            length = max(round((share * room) / 1000), 1 if share and not used else 0)
            spans.append((FILLS[script.unicode][kind] * length, STYLES.get(kind, "")))
            used += length
        if whole and beside:
            spans.append((" " * ((room - used if told else 0) + 2) + whole, ""))
        yield spans
        if whole and not beside:
            yield [(" " * (name + 2) + whole, "")]
        if bar.factor.text:
            sign = script.math(bar.factor)
            yield [
                (
                    f"{up:>{name // 2 + 1}} {'·' if script.unicode else '*'} {f'({sign})' if sign[0] in '-−' else sign}",
                    STYLES["carried"],
                )
            ]
    if told and figure.flows:
        yield from _key(figure, width, script)


def _product(bar: Bar, script: Script) -> str:
    """``dh_4/dh_1 = 0.01``"""
    if not bar.product:
        return ""
    name, value = map(script.math, bar.product)
    return f"{name} = {value}" if value else name


def _key(figure: Bars, width: int, script: Script) -> Iterator[list[Span]]:
    """Which filling is which."""
    meaning = {"direct": "direct", "carried": "carried back", "sum": "sum of opposite signs"}
    kinds = [kind for kind in meaning if any(kind == part for bar in figure.bars for part, _ in bar.parts)]
    rows: list[list[Span]] = [[]]
    for kind in kinds:
        entry: list[Span] = [(FILLS[script.unicode][kind] * 2, STYLES.get(kind, "")), (f" {meaning[kind]}   ", "")]
        if sum(len(said) for said, _ in (*rows[-1], *entry)) > width + 3:
            rows.append([])
        rows[-1] += entry
    yield from rows
