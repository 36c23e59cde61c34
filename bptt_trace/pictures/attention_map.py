"""A map of the weights of an attention: the darker a cell, the larger its weight."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from bptt_trace.document.figures import Cell, HeatMap
from bptt_trace.document.mathematics import MathRow, Number, Relation, Symbol
from bptt_trace.document.sentences import Inline, inline
from bptt_trace.engine.names import Role
from bptt_trace.lines.desk import Desk

MOST_CELLS = 144


def looked_at(desk: Desk) -> dict[int, dict[int, int]]:
    """The lines of the weights of the first sample in the first iteration, by step and by place."""
    found: dict[int, dict[int, int]] = {}
    for position, (target, _, _, role, _, _) in enumerate(desk.steps):
        first = target.iteration == 1 and target.sample in (None, 1)
        if target.stem == "alpha" and role is Role.HIDDEN and first and target.time is not None and target.index:
            found.setdefault(target.time, {})[target.index[0]] = position
    return found


def weights(desk: Desk) -> HeatMap | None:
    """The map of the weights; closed forms have none."""
    rows = looked_at(desk)
    if not rows or desk.values.rounding.policy == "exact":
        return None
    places = sorted({place for row in rows.values() for place in row})
    if len(rows) * len(places) > MOST_CELLS:
        return None
    cells = tuple(tuple(_cell(desk, row.get(place)) for place in places) for row in rows.values())
    said: list[object] = []
    for position in (position for row in rows.values() for position in row.values()):
        said += ["; "] if said else []
        said += [desk.name(position)]
        if desk.value(position):
            said += [" = ", desk.value(position)]
    alternative: Inline = inline("The weights of the attention: {said}.", said=said)  # type: ignore[arg-type]
    return HeatMap(
        "attention",
        inline("Who looks at whom: the weights of the attention"),
        tuple(MathRow(Relation(Symbol("t"), Number(time))) for time in rows),
        tuple(MathRow(Relation(Symbol("j"), Number(place))) for place in places),
        cells,
        alternative,
    )


def _cell(desk: Desk, position: int | None) -> Cell | None:
    """A weight and its darkness; None where a mask hides it."""
    if position is None:
        return None
    value = desk.value(position)
    try:
        share = int((Decimal(value.text) * 1000).to_integral_value())
    except InvalidOperation:
        share = 0  # the cell of a blank is white
    return Cell(value, max(0, min(share, 1000)))
