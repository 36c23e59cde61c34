"""A worked solution arranged for one page: the network with its numbers first, then formulas and lines without words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bptt_trace.document.figures import Grid, Picture
from bptt_trace.document.mathematics import InLine, Math, Relation
from bptt_trace.document.sentences import Inline, say
from bptt_trace.document.sheet import Block, Paragraph, Section, Sheet, airy

DRAWN = ("unrolled", "layers", "graph")
"""The pictures that have all numbers of a network; a page has room for one."""
SAID = ("backward", "update")
"""The sections whose sentences are formulas."""
LEFT_OUT = ("Reading",)
"""The remark on columns that a page has no room for."""


def one_page(sheet: Sheet) -> Sheet:
    """A compact sheet with pictures, arranged for one page."""
    drawn = [figure for figure in sheet.figures() if isinstance(figure, Picture) and figure.id in DRAWN]
    network = [Section("network", say("The network with its numbers"), (_in_line(figure),)) for figure in drawn[:1]]
    lines = [replace(section, blocks=tuple(_kept(section))) for section in sheet.sections]
    arranged = replace(
        sheet,
        layout="one-page",
        conventions=tuple(term for term in sheet.conventions if term[0] not in LEFT_OUT),
        sections=(*network, *(section for section in lines if section.blocks)),
    )
    return airy(arranged)


def _kept(section: Section) -> Iterator[Block]:
    """The blocks of a section without its pictures, and without sentences that are no formulas."""
    for block in section.blocks:
        if block.kind not in ("picture", "bars") and (section.id in SAID or not isinstance(block, Paragraph)):
            yield block


def _in_line(picture: Picture) -> Picture:
    """A picture with its derivatives in one line, so that their letters are as large as all others, set closely."""
    nodes = (replace(node, cells=_grid(node.cells), totals=_grid(node.totals)) for node in picture.nodes)
    edges = (replace(edge, label=_grid(edge.label)) for edge in picture.edges)
    return replace(picture, nodes=tuple(nodes), edges=tuple(edges), close=True)


def _grid(grid: Grid) -> Grid:
    return tuple(tuple(map(_cell, row)) for row in grid)


def _cell(text: Inline) -> Inline:
    return tuple(_flat(part) if isinstance(part, Math) else part for part in text)


def _flat(math: Math) -> Math:
    """A piece in one line; an equation stays one, of which a narrow terminal makes two rows."""
    return Relation(*map(_flat, math.sides), sign=math.sign) if isinstance(math, Relation) else InLine(math)
