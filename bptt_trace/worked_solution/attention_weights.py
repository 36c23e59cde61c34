"""The weights of an attention as a table: a row for each query, a column for each key."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.mathematics import Number, Relation, Symbol
from bptt_trace.document.sentences import Inline, inline
from bptt_trace.document.sheet import Column, Table
from bptt_trace.lines.desk import Desk
from bptt_trace.pictures.attention_map import looked_at

MOST_PLACES = 10
"""Places with a column of their own."""


def table(desk: Desk) -> Iterator[Table]:
    """The weights of the first sample; masked cells stay empty."""
    rows_of = looked_at(desk)
    places = sorted({place for row in rows_of.values() for place in row})
    if len(places) > MOST_PLACES:
        return
    columns = [
        Column((Symbol("t"),), right=True),
        *(Column((Relation(Symbol("j"), Number(place)),), right=True) for place in places),
    ]
    rows: list[tuple[Inline, ...]] = []
    for time, row in rows_of.items():
        cells: list[Inline] = [(desk.value(row[place]),) if place in row else inline("masked") for place in places]
        rows.append(((Number(time),), *cells))
    alpha = desk.steps[next(iter(next(iter(rows_of.values())).values()))].target._replace(index=())
    name = desk.speller.math(alpha, lambda _: "t,j")
    title = inline("The weights {alpha}: how much of place {j} step {t} takes in", alpha=name, j=Symbol("j"), t=Symbol("t"))
    yield Table(tuple(columns), rows, title)
