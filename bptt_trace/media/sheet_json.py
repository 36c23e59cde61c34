"""A sheet as JSON, written while it is read: a long trace is never held as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from json.encoder import encode_basestring_ascii

from bptt_trace.document.figures import Bars, Decades, HeatMap, Picture, Plane
from bptt_trace.document.mathematics import NOTHING
from bptt_trace.document.sentences import words
from bptt_trace.document.sheet import Block, Bullets, Equations, Lines, Note, Paragraph, Row, Section, Sheet, Table

CHUNK = 500
"""The number of entries that are written at once."""
quote = encode_basestring_ascii
"""A JSON string of a text; this one is written in C."""


def write_json(sheet: Sheet) -> Iterator[str]:
    """The pieces of the document, in order (format ``bptt-trace/1``)."""
    yield f'{{"format": "bptt-trace/1",\n "title": {quote(sheet.title)},\n "subtitle": {quote(sheet.subtitle)},\n'
    conventions = ", ".join(f"{quote(term)}: {quote(words(text))}" for term, text in sheet.conventions)
    yield f' "conventions": {{{conventions}}},\n'
    yield f' "rounding": {json.dumps(sheet.rounding)},\n "sections": ['
    for place, section in enumerate(sheet.sections):
        yield ",\n  " if place else "\n  "
        yield from _section(section)
    footer = ", ".join(quote(f"{note.word}: {words(note.text)}") for note in sheet.footer)
    yield f'],\n "footer": [{footer}],\n "values": {{'
    separator = "\n  "
    for name, value in sheet.values:
        yield f"{separator}{quote(name)}: {quote(value)}"
        separator = ",\n  "
    yield "}}\n"


def _section(section: Section) -> Iterator[str]:
    yield f'{{"id": {quote(section.id)}, "title": {quote(section.title)},\n   "notes": ['
    notes = [text for block in section.blocks for text in _texts(block)]
    yield ", ".join(quote(text) for text in notes)
    yield '],\n   "entries": ['
    separator = "\n    "
    for block in section.blocks:
        if isinstance(block, Lines):
            entries = map(_entry, block.rows)
            while chunk := ",\n    ".join(islice(entries, CHUNK)):
                yield separator + chunk
                separator = ",\n    "
    tables = [block for block in section.blocks if isinstance(block, Table) and block.data]
    yield f'],\n   "tables": [{", ".join(map(_table, tables))}]}}' if tables else "]}"


def _table(table: Table) -> str:
    """A table with its headings, as strings."""
    rows = [[column.heading for column in table.columns], *table.rows]
    heads, *cells = (f"[{', '.join(quote(words(cell)) for cell in row)}]" for row in rows)
    return f'{{"title": {quote(words(table.title))}, "columns": {heads},\n    "rows": [{", ".join(cells)}]}}'


def _texts(block: Block) -> Iterator[str]:
    """The words and general formulas of a block."""
    match block:
        case Note(word, text):
            yield f"{word}: {words(text)}"
        case Paragraph(text):
            yield words(text)
        case Equations(_, items):
            for item in items:
                yield f"{item.left.text} = {' + '.join(part.math.text for part in item.parts)}"
        case Bullets(items):
            yield from map(words, items)
        case Picture() | Bars() | Decades() | HeatMap() | Plane():
            yield words(block.alternative)
        case _:
            return


def _entry(row: Row) -> str:
    number, name, formula, numbers, result, uses, label, role, time, exact, so_far, relation, *_ = row
    equal = "=" if relation == "=" else r"\approx"
    line = quote(number) if "." in number else number or "null"
    when = "null" if time is None else time
    spelled = name.text, formula.text, numbers.text, result.text
    in_latex = name.latex, formula.latex, numbers.latex, result.latex
    total = f', "so_far": {quote(so_far.text)}' if so_far is not NOTHING else ""
    return (
        f'{{"line": {line}, "name": {quote(spelled[0])}, "role": "{role}", "time": {when}, '
        f'"text": {quote(f"{spelled[0]} = {spelled[1]} = {spelled[2]} {relation} {spelled[3]}")}, '
        f'"latex": {quote(f"{in_latex[0]} = {in_latex[1]} = {in_latex[2]} {equal} {in_latex[3]}")}, '
        f'"formula": {{"text": {quote(spelled[1])}, "latex": {quote(in_latex[1])}}}, '
        f'"numbers": {{"text": {quote(spelled[2])}, "latex": {quote(in_latex[2])}}}, '
        f'"value": "{spelled[3]}", "exact": "{exact}", "uses": {quote(uses)}, "note": {quote(label)}{total}}}'
    )
