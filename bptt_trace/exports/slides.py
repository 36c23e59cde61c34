r"""Slides for Beamer: for each line first the formula, then the numbers, then the result, and a picture that fills up.

A frame has as many lines as fit it in letters of 12 points. What is too wide is broken at a sign of operation; matrices
and high fractions are made smaller. Sentences are notes for the speaker (``\setbeameroption{show notes}``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from bptt_trace.calculation.arithmetic import Values
from bptt_trace.calculation.unrounded import unrounded
from bptt_trace.document.figures import Picture
from bptt_trace.document.local import localized
from bptt_trace.document.mathematics import Math, Number
from bptt_trace.document.notation import LATEX, Signs
from bptt_trace.document.sentences import Inline, inline, say, together
from bptt_trace.document.sheet import Block, Bullets, Equation, Equations, Lines, Note, Row, Section, Sheet, Table
from bptt_trace.engine.program import Program
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.matrix_rows import board_of
from bptt_trace.media.templates import rendered
from bptt_trace.pictures import network_picture
from bptt_trace.problem.problem import Problem

ROOM = 13.0
"""Lines of print on a frame."""
SIGNS = 62
"""The length of a printed line, in characters of plain text."""
MOST_ROWS, MOST_SIGNS, MOST_POINTS = 9, 74, 4
"""Rows and columns of a table, and points of a list, that fit a frame."""
NETWORK = ("unrolled", "layers")
"""The pictures that fill up, by their names on a sheet."""


@dataclass(frozen=True)
class Frame:
    """One frame: a title and one kind of content; ``notes`` are for the speaker."""

    title: Inline
    rows: Sequence[Row] = ()
    equations: Sequence[Equation] = ()
    lead: Inline = ()
    picture: Picture | None = None
    table: Table | None = None
    points: Sequence[Inline] = ()
    notes: Sequence[Note] = ()


def slides(problem: Problem, program: Program, values: Values, sheet: Sheet, templates: Path | None = None) -> str:
    """A worked solution as a document for Beamer.

    ``program`` and ``values`` are those of the sheet, whose pictures are drawn anew, step by step.
    """
    desk = Desk(problem, program, values, unrounded(program, problem.given), with_latex=True)
    frames = localized(list(_with_notes(_frames(desk, sheet))), sheet.locale)
    titled = replace(sheet, subtitle=localized(sheet.subtitle, sheet.locale))
    return rendered("slides.tex.j2", {"sheet": titled, "frames": frames}, templates)


def _frames(desk: Desk, sheet: Sheet) -> Iterator[Frame | Note]:
    for table in sheet.given:
        yield from _tables((say("Given"),), table)
    drawn, seen = {figure.id for figure in sheet.figures()}, 0
    fills = bool(drawn.intersection(NETWORK))
    for section in sheet.sections:
        for block in section.blocks:
            yield from _of_block(section, block)
            if isinstance(block, Lines) and fills:
                last = max((int(row.number.partition(".")[0] or 0) for row in block.rows), default=0)
                picture = _at_stage(desk, seen, last)
                if picture is not None:
                    yield Frame(inline("{title}: the network", title=_title(section, block.title)), picture=picture)
                seen = max(seen, last)


def _title(section: Section, of: Inline) -> Inline:
    return together(section.title, ": ", of) if of else (section.title,)


def _of_block(section: Section, block: Block) -> Iterator[Frame | Note]:
    match block:
        case Lines(title, rows):
            for group in _groups(_families(rows), _height, ROOM):
                yield Frame(_title(section, title), rows=[row for family in group for row in family])
        case Equations(lead, items):
            for several in _groups(items, _height_of_equation, ROOM - 2):
                yield Frame((section.title,), equations=several, lead=lead)
        case Picture() if block.id not in NETWORK:
            yield Frame(block.title, picture=block)
        case Table():
            if block.width <= MOST_SIGNS:
                yield from _tables((section.title,), block)
        case Bullets(items):
            for start in range(0, len(items), MOST_POINTS):
                yield Frame((section.title,), points=items[start : start + MOST_POINTS])
        case Note():
            yield block


def _tables(title: Inline, table: Table) -> Iterator[Frame]:
    """A table, on several frames where it is long."""
    for rows in _groups(table.rows, _height_of_cells, ROOM - 2):
        yield Frame(title, table=Table(table.columns, rows, table.title))


Item = TypeVar("Item")


def _groups(items: Iterable[Item], height: Callable[[Item], float], room: float) -> Iterator[list[Item]]:
    """Items in groups that fit the room; an item that is higher stands alone."""
    group: list[Item] = []
    left = room
    for item in items:
        if group and height(item) > left:
            yield group
            group, left = [], room
        group.append(item)
        left -= height(item)
    if group:
        yield group


def _families(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows that stand on one frame if they can: a line of matrices with its components, else one line."""
    family: list[Row] = []
    for row in rows:
        if family and (row.kind != "component" or _height([*family, row]) > ROOM):
            yield family
            family = []
        family.append(row)
    if family:
        yield family


def _height(family: Sequence[Row]) -> float:
    return sum(map(_height_of_row, family))


def _height_of_row(row: Row) -> float:
    """The number of printed lines of a row: its formula and, below it, its numbers and its result."""
    if row.kind == "component":
        return max(_lines(row.name), _lines(row.numbers, row.name.width + row.result.width)) + 0.15
    above = max(_lines(row.name), _lines(row.formula, row.name.width))
    return above + max(_lines(row.result), _lines(row.numbers, row.result.width)) + 0.5


def _lines(math: Math, beside: int = 0) -> float:
    """The lines that a piece takes: the entries of its highest matrix, or its length, where a fraction is two high."""
    if math.height > 1:
        return 1.2 * math.height
    if math.has_fraction:
        return 2.3 * (1 + (math.width * 2 // 3 + beside) // SIGNS)
    return 1.25 * (1 + (math.width + beside) // SIGNS)


def _height_of_equation(item: Equation) -> float:
    return 2.5 + 1.1 * any(part.word for part in item.parts) + 0.9 * bool(item.remark)


def _height_of_cells(cells: Sequence[Inline]) -> float:
    return max((_lines(part) for cell in cells for part in cell if isinstance(part, Math)), default=1.25) + 0.15


class _Covered(Number):
    """A number that a slide does not show at once; it takes its room, and ``appears`` on the slide or on a later one."""

    __slots__ = ("appears",)

    def __init__(self, digits: str, *, appears: bool) -> None:
        super().__init__(digits)
        self.appears = appears

    def spell(self, signs: Signs) -> str:
        text = super().spell(signs)
        if signs.root is not LATEX:
            return text
        return rf"\uncover<2->{{\alert<2>{{{text}}}}}" if self.appears else rf"\phantom{{{text}}}"


def _at_stage(desk: Desk, seen: int, last: int) -> Picture | None:
    """The network while the lines up to ``last`` appear; none if nothing in it does.

    Values of lines up to ``seen`` stand there already, and those of later lines leave room.
    """

    def covered(position: int, value: Math) -> Math:
        line = _line_worked_out(desk, position)
        return value if line <= seen else _Covered(value.text, appears=line <= last)

    stage = desk.covered(covered)
    draw = network_picture.unrolled if stage.last_time else network_picture.by_layer
    picture = draw(stage, board_of(stage))
    return picture if picture is not None and any(_appears(part) for part in _parts(picture)) else None


def _line_worked_out(desk: Desk, position: int) -> int:
    """The line on which a value is found: its own, or the one that it repeats; 0 for a given number."""
    while not desk.line_of[position] and desk.steps[position].repeats:
        position = desk.steps[position].arguments[0]
    return desk.line_of[position]


def _parts(picture: Picture) -> Iterator[str | Math]:
    grids = [grid for node in picture.nodes for grid in (node.cells, node.totals)]
    grids += [edge.label for edge in picture.edges]
    return (part for grid in grids for row in grid for cell in row for part in cell)


def _appears(part: str | Math) -> bool:
    return isinstance(part, Math) and any(isinstance(piece, _Covered) and piece.appears for piece in part.walk())


def _with_notes(pieces: Iterable[Frame | Note]) -> Iterator[Frame]:
    """Frames, each with the notes that follow it."""
    frame: Frame | None = None
    for piece in pieces:
        if isinstance(piece, Note):
            frame = frame and replace(frame, notes=(*frame.notes, piece))
        else:
            if frame is not None:
                yield frame
            frame = piece
    if frame is not None:
        yield frame
