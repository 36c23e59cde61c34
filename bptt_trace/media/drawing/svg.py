"""A picture as SVG: one self-contained file, without scripts, styles, fonts or identifiers.

Heads of arrows and hatching are drawn as lines and shapes, not by reference, so
that one page can hold several pictures.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from math import hypot

from bptt_trace.document.figures import Figure
from bptt_trace.document.local import local
from bptt_trace.document.notation import UNICODE
from bptt_trace.document.sentences import words
from bptt_trace.document.sheet import Sheet
from bptt_trace.media.drawing.bar_layout import on_paper
from bptt_trace.media.drawing.network_layout import Arrow, Drawing, Label, Point
from bptt_trace.media.drawing.text_width import DEJAVU, SMALL, Face, Fraction, Run, set_inline

COLOURS = {"forward": "#707070", "direct": "#005A9C", "carried": "#C2410C", "sum": "#8a8a8a"}
"""Direct is solid, carried dashed or hatched: colour comes last."""


@dataclass(frozen=True)
class Colours:
    """The colours of a picture."""

    ink: str
    ground: str
    given: str
    """The inside of a box with given numbers."""
    forward: str
    direct: str
    carried: str
    sum: str

    def of(self, kind: str) -> str:
        """The colour of an arrow, a bar or its words."""
        colour: str = getattr(self, kind) if kind in COLOURS else self.ink
        return colour


PAPER = Colours(ink="#222222", ground="#ffffff", given="#ececec", **COLOURS)
"""The colours of a file, which has a ground of its own."""
SCALE = 1.65
"""Pixels per point."""
MARGIN = 4
HEAD = 5.5
"""The length of the head of an arrow, in points."""
DOT = 1.5
"""Half the size of the dot at a join, in points."""
SIZE = 8
"""The size of the letters, in points."""


def svg(figure: Figure, colours: Colours = PAPER, face: Face = DEJAVU) -> str:
    """The picture as an SVG document, laid out for letters of this face."""
    drawing = on_paper(figure, face)
    width, height = drawing.width + 2 * MARGIN, drawing.height + 2 * MARGIN
    title, described = (_plain(text) for text in (figure.title, figure.alternative))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-MARGIN} {-MARGIN} {_number(width)} {_number(height)}" '
            f'width="{_number(width * SCALE)}" height="{_number(height * SCALE)}" role="img" '
            f'font-family="{face.family}" font-size="{SIZE}" fill="{colours.ink}">',
            f"<title>{title}</title>",
            f"<desc>{described}</desc>",
            f'<rect x="{-MARGIN}" y="{-MARGIN}" width="{_number(width)}" height="{_number(height)}" fill="{colours.ground}"/>',
            *_shapes(drawing, colours, face),
            "</svg>",
            "",
        ]
    )


def pictures(sheet: Sheet) -> dict[str, str]:
    """The pictures of a sheet as SVG documents, by their ids."""
    return {figure.id: svg(figure) for figure in local(sheet).figures()}


def embedded(sheet: Sheet) -> dict[str, str]:
    """The pictures of a sheet as data URLs, by their ids."""
    return {which: f"data:image/svg+xml;base64,{b64encode(text.encode()).decode()}" for which, text in pictures(sheet).items()}


def _plain(text: Sequence[object]) -> str:
    return _safe(words(text, lambda math: math.spell(UNICODE)))  # type: ignore[arg-type]


def _safe(text: str) -> str:
    """Text for XML: markup is escaped, and characters that XML forbids are replaced."""
    return escape("".join(sign if sign.isprintable() else " " for sign in text), quote=True)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _shapes(drawing: Drawing, colours: Colours, face: Face) -> Iterator[str]:
    for shade in drawing.shades:
        x, y, side = map(_number, (shade.x, shade.y, shade.side))
        share = f'fill="{colours.of("direct")}" fill-opacity="{shade.share / 1000:g}"'
        yield f'<rect x="{x}" y="{y}" width="{side}" height="{side}" {share} stroke="{colours.ink}" stroke-width="0.4"/>'
    for (x1, y1), (x2, y2) in drawing.rules:
        yield _line((x1, y1), (x2, y2), colours.ink, 0.6)
    for block in drawing.blocks:
        colour = colours.of(block.kind)
        fill = "none" if block.kind == "carried" else colour
        if block.place is not None:
            yield f'<g data-h="{block.place}">'
        if block.kind == "carried":
            for start, end in block.hatching():
                yield _line(start, end, colour, 0.7)
        x, y, width, height = map(_number, (block.x, block.y, block.width, block.height))
        yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" stroke="{colour}" stroke-width="0.8"/>'
        if block.place is not None:
            yield "</g>"
    for start, end in drawing.wires:
        yield _line(start, end, colours.forward, 0.7)
    for arrow in drawing.arrows:
        yield from _arrow(arrow, colours)
    for across, down in drawing.joins:
        square = f'x="{_number(across - DOT)}" y="{_number(down - DOT)}" width="{_number(2 * DOT)}" height="{_number(2 * DOT)}"'
        yield f'<rect {square} rx="{DOT}" fill="{colours.forward}"/>'
    for (across, down), filled in drawing.circles:
        look = f'fill="{colours.direct if filled else colours.ground}" stroke="{colours.ink}" stroke-width="0.8"'
        yield f'<circle cx="{_number(across)}" cy="{_number(down)}" r="3.2" {look}/>'
    for frame in drawing.frames:
        x, y, width, height = map(_number, (frame.x, frame.y, frame.width, frame.height))
        fill = colours.given if frame.style == "given" else colours.ground
        stroke = "1.1" if frame.style == "state" else "0.6"
        round_ = _number(frame.height / 2) if frame.style == "operation" else "3.5"
        yield (
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{round_}" fill="{fill}" stroke="{colours.ink}" '
            f'stroke-width="{stroke}"/>'
        )
    for label in drawing.labels:
        yield from _label(label, colours, face)


def _line(start: Point, end: Point, colour: str, width: float, dashed: bool = False) -> str:
    x1, y1, x2, y2 = map(_number, (*start, *end))
    dash = ' stroke-dasharray="5 2.5"' if dashed else ""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"{dash}/>'


def head(arrow: Arrow, length: float = HEAD) -> tuple[Point, Point, Point, Point]:
    """The head of an arrow: the end of its line, and the three corners of the head."""
    (x1, y1), (x2, y2) = arrow.points[-2:]
    size = hypot(x2 - x1, y2 - y1) or 1
    dx, dy = (x2 - x1) / size, (y2 - y1) / size
    back = (x2 - dx * length, y2 - dy * length)
    half = length * 0.42
    return back, (back[0] - dy * half, back[1] + dx * half), (x2, y2), (back[0] + dy * half, back[1] - dx * half)


def _arrow(arrow: Arrow, colours: Colours) -> Iterator[str]:
    colour, (back, *corners) = colours.of(arrow.kind), head(arrow)
    width = 0.7 if arrow.kind == "forward" else 1.4
    points = [*arrow.points[:-1], back]
    for start, end in pairwise(points):
        yield _line(start, end, colour, width, arrow.kind == "carried")
    shape = " ".join(f"{_number(x)},{_number(y)}" for x, y in corners)
    yield f'<polygon points="{shape}" fill="{colour}"/>'


def _label(label: Label, colours: Colours, face: Face) -> Iterator[str]:
    """A line of text; a fraction in it is two lines with a rule between them."""
    colour = colours.ground if label.kind == "light" else colours.of(label.kind)
    fill = colour if label.kind in (*COLOURS, "light") else ""
    pieces = set_inline(label.text, strong=label.kind in ("direct", "carried"))
    if not any(isinstance(piece, Fraction) for piece in pieces):
        anchor = {"left": "start", "center": "middle", "right": "end"}[label.align]
        yield _text(pieces, label.anchor, label.baseline, face, anchor, fill)  # type: ignore[arg-type]
        return
    x = label.x
    waiting: list[Run] = []
    for piece in (*pieces, None):
        if isinstance(piece, Run):
            waiting.append(piece)
            continue
        if waiting:
            yield _text(waiting, x, label.baseline, face, fill=fill)
            x += sum(face.width(run, SIZE) for run in waiting)
            waiting = []
        if piece is not None:
            width = face.width(piece, SIZE)
            axis = label.baseline - 2.4
            yield _text(piece.above, x + width / 2, axis - 2.2, face, "middle", fill, SIZE * SMALL)
            yield _line((x, axis), (x + width, axis), colour, 0.5)
            deep = 8.4 if any(run.over for run in piece.below) else 6.6
            yield _text(piece.below, x + width / 2, axis + deep, face, "middle", fill, SIZE * SMALL)
            x += width


def _text(runs: Sequence[Run], x: float, y: float, face: Face, anchor: str = "start", fill: str = "", size: float = SIZE) -> str:
    """Runs on one line; exponents and subscripts are shifted up or down and back."""
    spans, shift = [], 0.0
    for run in runs:
        if run.over:
            said, shift = _stacked(run, shift, size, face)
            spans.append(said)
            continue
        wanted = {1: -0.36, 0: 0.0, -1: 0.22}[run.level] * size
        attributes = f' dy="{_number(wanted - shift)}"' if wanted != shift else ""
        if run.level:
            attributes += f' font-size="{_number(size * SMALL)}"'
        if run.slanted:
            attributes += ' font-style="italic"'
        if run.strong:
            attributes += ' font-weight="bold"'
        if run.number is not None:
            attributes += f' data-{"o" if run.number.bracketed else "v"}="{run.number.place}"'
        shift = wanted
        said = _safe(run.text)
        spans.append(f"<tspan{attributes}>{said}</tspan>" if attributes else said)
    attributes = "" if anchor == "start" else f' text-anchor="{anchor}"'
    attributes += f' fill="{fill}"' if fill else ""
    attributes += "" if size == SIZE else f' font-size="{_number(size)}"'
    words = "".join(run.text for run in runs)
    attributes += "" if words == " ".join(words.split()) else ' xml:space="preserve"'
    return f'<text x="{_number(x)}" y="{_number(y)}"{attributes}>{"".join(spans)}</text>'


def _stacked(run: Run, shift: float, size: float, face: Face) -> tuple[str, float]:
    """A subscript and the exponent above it, and how far below the line they end: the wider one begins where the other did."""
    below, above = replace(run, over=""), Run(run.over, 1)
    said, back = "", ""
    for part in sorted((below, above), key=lambda text: face.width(text, size)):
        wanted = (-0.5 if part is above else 0.32) * size
        length = _number(face.width(part, size))  # in any face, so that the shift back is known
        attributes = (
            f' dx="-{back}" dy="{_number(wanted - shift)}"' if back else f' dy="{_number(wanted - shift)}" textLength="{length}"'
        )
        attributes += ' font-style="italic"' if part.slanted else ""
        said += f'<tspan{attributes} font-size="{_number(size * SMALL)}">{_safe(part.text)}</tspan>'
        shift, back = wanted, length
    return said, shift
