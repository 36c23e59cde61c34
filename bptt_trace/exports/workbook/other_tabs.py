"""The tabs that show the numbers of the lines once more: over time, as matrices, and in a picture."""

from __future__ import annotations

from typing import Any

from bptt_trace.document.figures import Picture
from bptt_trace.document.notation import UNICODE
from bptt_trace.document.sentences import Inline, words
from bptt_trace.exports.workbook.book import INPUT, MATRICES, PICTURE, TIME, Book
from bptt_trace.exports.workbook.picture_cells import placed
from bptt_trace.handouts.fill_in_text import Form, hole
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.matrix_rows import board_of
from bptt_trace.pictures import network_picture
from bptt_trace.worked_solution.iteration_table import Course
from bptt_trace.worked_solution.summary import Summary


def write_over_time(book: Book) -> None:
    """The summary: quantities over time, and parameters."""
    desk = book.live
    tables = [table for table in Summary(desk, desk, on_ledger=True).tables() if not table.calculates]
    if desk.parts.last > 1:
        tables += Course(desk, desk).table()
    if not tables:
        return
    sheet = book.tab(TIME)
    book.heading(sheet)
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 40, 12)
    row = 3
    for table in tables:
        book.write(sheet, row, 0, table.title, book.format(bold=True, font_size=11))
        row += 1
        for column, head in enumerate(table.columns):
            form = book.format(bold=True, bottom=1, text_wrap=True, align="right" if column else "left")
            book.write(sheet, row, column, head.heading, form)
        for cells in table.rows:
            row += 1
            for column, cell in enumerate(cells):
                book.write(sheet, row, column, cell, _cell_format(book, cell, column))
        row += 3


def _cell_format(book: Book, cell: Inline, column: int) -> Any:
    form = Form(words(book.said(cell), lambda math: math.spell(UNICODE)))
    if len(form.holes) == 1 and not any(form.literals):
        position = book.cells.original(form.holes[0] % book.size)
        given = book.steps[position].rule is None
        return book.format(num_format="General" if given else book.number_format(position), align="right")
    return book.format(align="right" if column else "left")


def write_matrices(book: Book) -> None:
    """Every vector and matrix as a block."""
    program, first = book.key.program.vectors
    shaped = [p for p, step in enumerate(program.steps) if step.shape and step.rule is not None]
    blocks = []
    for place in shaped:
        lines = [book.cells.original(line) for line in range(first[place], first[place + 1])]
        if all(line in book.cells.rows or line in book.cells.given for line in lines):
            blocks.append((place, list(range(first[place], first[place + 1]))))
    if not blocks:
        return
    sheet = book.tab(MATRICES)
    book.heading(sheet)
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 40, 10)
    row, turned = 3, book.key.program.rows
    for _, lines in blocks:
        whole = book.steps[lines[0]].target._replace(index=())
        sheet.write_string(row, 0, book.paper.speller.math(whole).spell(UNICODE), book.format())
        deepest = 0
        for line in lines:
            down, across = (*book.steps[line].target.index, 1)[:2]
            down, across = (across, down) if turned else (down, across)
            form = {"num_format": book.number_format(line), "align": "right", "border": 1, "border_color": "#CCCCCC"}
            book.write(sheet, row + down - 1, across, hole(line), book.format(**form))
            deepest = max(deepest, down)
        row += deepest + 1


def write_picture(book: Book) -> None:
    """The network unrolled, with the numbers of the lines."""
    desk: Desk = book.live
    board = board_of(book.live)
    draw = network_picture.unrolled if desk.last_time else network_picture.by_layer
    figure = draw(desk, board) if desk.parts.forward.steps else None
    if isinstance(figure, Picture):
        sheet = book.tab(PICTURE)
        book.heading(sheet)
        sheet.fit_to_pages(1, 1)
        _write_boxes(book, sheet, figure)


def _write_boxes(book: Book, sheet: Any, figure: Picture) -> None:
    boxes = placed(book.said(figure), lambda text: words(text, lambda math: math.spell(UNICODE)))
    for column, wide in enumerate(boxes.widths):
        sheet.set_column(column, column, wide)
    for cell in boxes.cells:
        edges = {"top": cell.top, "bottom": cell.bottom, "left": cell.framed, "right": cell.framed}
        look = {"align": "center", "font_color": cell.colour, "bold": cell.strong, "valign": "vcenter", "text_wrap": False}
        if cell.framed:
            look |= {"bg_color": INPUT if cell.given else "#FFFFFF"}
        form = book.format(**{name: width for name, width in edges.items() if width}, **look)
        book.write(sheet, 3 + cell.row, cell.column, cell.text, form)
