"""Narrower pictures: with fewer time steps, or from below to above instead of from left to right."""

from __future__ import annotations

from dataclasses import replace

from bptt_trace.document.figures import Node, Picture


def shortened(picture: Picture) -> Picture | None:
    """The picture with one time step less in its middle; None if only the first and the last are left."""
    dots = {node.column for node in picture.nodes if node.style == "dots"}
    inner = sorted({node.column for node in picture.nodes if node.style == "state"})[1:-1]
    if not inner:
        return None
    gaps = dots or {inner[len(inner) // 2]}
    _, column, gap = min((abs(column - gap), column, gap) for column in inner for gap in gaps)
    return _merged(picture, column, gap)


def _merged(picture: Picture, column: int, gap: int) -> Picture:
    """The picture with a column merged into the dots beside it, or replaced by dots."""
    rows = {node.row for node in picture.nodes if node.column == column and node.style == "state"}
    dots = {row: f"{gap}-{row}" for row in rows}
    moved = {node.id: dots[node.row] for node in picture.nodes if node.column == column and node.row in rows}
    nodes = [node for node in picture.nodes if node.column not in (column, gap)]
    nodes += [Node(which, gap, row, ((("…",),),), "dots") for row, which in dots.items()]
    kept = {node.id for node in nodes}
    edges = []
    for edge in picture.edges:
        start, end = moved.get(edge.start, edge.start), moved.get(edge.end, edge.end)
        within = {start, end} <= set(dots.values())  # an arrow inside the steps that are left out
        if not within and {start, end} <= kept:
            loose = edge.kind == "forward" and {start, end} & set(dots.values())
            edges.append(replace(edge, start=start, end=end, label=() if loose else edge.label))
    return replace(picture, nodes=tuple(nodes), edges=tuple(edges))


def turned(picture: Picture) -> Picture:
    """The picture from below to above instead of from left to right."""
    return replace(picture, nodes=tuple(replace(node, column=node.row, row=node.column) for node in picture.nodes))
