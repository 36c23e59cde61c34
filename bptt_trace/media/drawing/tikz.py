"""A picture in LaTeX: plain TikZ, without any of its libraries.

The drawing is that of the SVG, in points; heads of arrows and hatching are
drawn as lines and shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bptt_trace.document.figures import Figure
from bptt_trace.document.sentences import Inline
from bptt_trace.media.drawing.bar_layout import on_paper
from bptt_trace.media.drawing.network_layout import Drawing, Point
from bptt_trace.media.drawing.svg import COLOURS, head
from bptt_trace.media.drawing.text_width import COMPUTER_MODERN

HIGHEST = 600
"""The height of a page for a picture, in points."""


def tikz(figure: Figure, spelled: Callable[[Inline], str]) -> str:
    """The picture as TikZ; ``spelled`` writes words with mathematics in LaTeX."""
    drawing = on_paper(figure, COMPUTER_MODERN)
    colours = "".join(rf"\definecolor{{trace{name}}}{{HTML}}{{{colour[1:]}}}" for name, colour in COLOURS.items())
    body = "\n".join(
        [
            rf"{colours}\begin{{tikzpicture}}[x=1pt,y=-1pt,every node/.style={{inner sep=0pt,outer sep=0pt,font=\footnotesize}}]",
            *_commands(drawing, spelled),
            r"\end{tikzpicture}",
        ]
    )
    return body if drawing.height <= HIGHEST else rf"\scalebox{{{HIGHEST / drawing.height:.3f}}}{{{body}}}"


def _at(point: Point) -> str:
    return f"({point[0]:.1f},{point[1]:.1f})"


def _commands(drawing: Drawing, spelled: Callable[[Inline], str]) -> Iterator[str]:
    for shade in drawing.shades:
        corner, size = _at((shade.x, shade.y)), f"{shade.side:.1f},{shade.side:.1f}"
        yield rf"\filldraw[draw=black,fill=tracedirect!{shade.share / 10:.0f},line width=.3pt] {corner} rectangle ++({size});"
    for start, end in drawing.rules:
        yield rf"\draw[line width=.5pt] {_at(start)} -- {_at(end)};"
    for block in drawing.blocks:
        corner, size = _at((block.x, block.y)), f"{block.width:.1f},{block.height:.1f}"
        if block.kind == "carried":
            lines = " ".join(f"{_at(start)} -- {_at(end)}" for start, end in block.hatching())
            if lines:
                yield rf"\draw[tracecarried,line width=.5pt] {lines};"
            yield rf"\draw[tracecarried,line width=.6pt] {corner} rectangle ++({size});"
        else:
            yield rf"\filldraw[trace{block.kind},line width=.6pt] {corner} rectangle ++({size});"
    for start, end in drawing.wires:
        yield rf"\draw[traceforward,line width=.4pt] {_at(start)} -- {_at(end)};"
    for join in drawing.joins:
        yield rf"\fill[traceforward] {_at(join)} circle[radius=1.3pt];"
    for arrow in drawing.arrows:
        back, *corners = head(arrow, 4.5)
        style = {"forward": "line width=.4pt", "direct": "line width=.9pt"}.get(
            arrow.kind, "line width=.9pt,dash pattern=on 4pt off 2pt"
        )
        yield rf"\draw[trace{arrow.kind},{style}] {' -- '.join(map(_at, (*arrow.points[:-1], back)))};"
        yield rf"\fill[trace{arrow.kind}] {' -- '.join(map(_at, corners))} -- cycle;"
    for middle, filled in drawing.circles:
        fill = "tracedirect" if filled else "white"
        yield rf"\filldraw[draw=black,fill={fill},line width=.6pt] {_at(middle)} circle[radius=3.2pt];"
    for frame in drawing.frames:
        fill = "black!8" if frame.style == "given" else "white"
        width = ".8pt" if frame.style == "state" else ".4pt"
        corner, size = _at((frame.x, frame.y)), f"{frame.width:.1f},{frame.height:.1f}"
        bend = f"{frame.height / 2:.1f}" if frame.style == "operation" else "3"
        yield rf"\filldraw[draw=black,fill={fill},line width={width},rounded corners={bend}pt] {corner} rectangle ++({size});"
    for label in drawing.labels:
        anchor = {"left": "base west", "center": "base", "right": "base east"}[label.align]
        colour = f",trace{label.kind}" if label.kind in COLOURS else ",white" if label.kind == "light" else ""
        strong = label.kind in ("direct", "carried") and isinstance(label.text[0], str)
        text = spelled(label.text)
        if strong:
            text = rf"\textbf{{{spelled(label.text[:1]).rstrip()}}} {spelled(label.text[1:])}"
        yield rf"\node[anchor={anchor}{colour}] at {_at((label.anchor, label.baseline))} {{{text}}};"
