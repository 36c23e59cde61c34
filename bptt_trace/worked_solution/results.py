"""A worked solution without its calculations: the number, the quantity and the result of each line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bptt_trace.document.mathematics import Relation, Words
from bptt_trace.document.sentences import Inline, inline
from bptt_trace.document.sheet import Block, Column, Lines, Row, Section, Sheet, Table

COLUMNS = (
    Column(inline("line"), right=True),
    Column(inline("quantity")),
    Column(inline("result"), right=True, strong=True),
)
LEFT_OUT = ("Reading",)
"""The remark on columns that this style omits."""


def results(sheet: Sheet) -> Sheet:
    """A compact sheet with the results of its lines alone; tables that have a row for each time step stay."""
    sections = (replace(section, blocks=tuple(_results(section))) for section in sheet.sections)
    return replace(
        sheet,
        conventions=tuple(term for term in sheet.conventions if term[0] not in LEFT_OUT),
        sections=tuple(section for section in sections if section.blocks),
    )


def _results(section: Section) -> Iterator[Block]:
    """One table of the lines of a section, and the tables that it has."""
    rows = [_row(row) for block in section.blocks if isinstance(block, Lines) for row in block.rows if row.number]
    if rows:
        yield Table(COLUMNS, rows, folds=True)
    yield from (block for block in section.blocks if isinstance(block, Table) and not block.calculates)


def _row(row: Row) -> tuple[Inline, ...]:
    shown = row.result if row.relation == "=" else Relation(Words(""), row.result, sign="~ ")
    return (row.number,), (row.name,), (shown,)
