"""The picture of an expression graph: every number and every line a box with its value and its gradient."""

from __future__ import annotations

from bptt_trace.document.figures import Picture
from bptt_trace.document.sentences import say
from bptt_trace.engine.names import Role, gradient
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.rows import Rows
from bptt_trace.pictures.boxes import MOST_DIGITS, Pencil, digits_of

MOST_COLUMNS = 7
"""The largest depth of a graph that is drawn."""


def graph(desk: Desk, board: Rows) -> Picture | None:
    """The numbers on the left, each line to the right of its arguments; None where the graph is too deep."""
    if desk.values.rounding.policy == "exact" or digits_of(desk) > MOST_DIGITS:
        return None
    pencil, steps = Pencil(desk, board), board.steps
    last = board.parts.forward.losses[-1]
    shown = [p for p in range(last + 1) if steps[p].target.of is None]
    depth: dict[int, int] = {}
    for position in shown:
        depth[position] = max((depth[used] + 1 for used in steps[position].arguments), default=0)
    first_use = {used: depth[p] for p in reversed(shown) for used in steps[p].arguments}
    for position in shown:
        if not steps[position].arguments:
            depth[position] = first_use[position] - 1  # a number stands beside the line that uses it first
    if max(depth.values()) >= MOST_COLUMNS:
        return None
    filled: dict[int, int] = {}
    for position in reversed(shown):
        column = depth[position]
        row = filled[column] = filled.get(column, -1) + 1
        step = steps[position]
        own = board.find(gradient(step.target))
        style = "given" if step.role in (Role.PARAMETER, Role.GIVEN) else "state" if position == last else "plain"
        told = [position] if own is None else [position, own]
        pencil.node((column, row), [position], [pencil.quantity(p) for p in told], style)
    for position in shown:
        for used in dict.fromkeys(steps[position].arguments):
            pencil.edge(pencil.owner[used], pencil.owner[position], "forward")
    drawn = pencil.picture("graph", say("The graph"), say("The graph with its values and gradients"))
    return Picture(drawn.id, drawn.title, drawn.nodes, drawn.edges, drawn.alternative, wired=True)
