"""The tabs of given numbers, and of the numbers of all variants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bptt_trace.document.notation import UNICODE
from bptt_trace.document.sentences import joined, say, words
from bptt_trace.exports.workbook.book import CALCULATED, FIRST_GIVEN, GIVEN, INPUT, LINES, PALE, VARIANTS, Book
from bptt_trace.lines.matrix_rows import board_of
from bptt_trace.media.table_grid import columns_of
from bptt_trace.networks.optimizers import Update
from bptt_trace.worked_solution.conventions import conventions
from bptt_trace.worked_solution.given_tables import meaning_of


def write_given(book: Book) -> None:
    """Write the tab of the given numbers."""
    sheet = book.tab(GIVEN)
    live = book.blanks is None and not book.of_a_class
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 30)
    sheet.set_column(2, 30, 10)
    book.heading(sheet)
    if book.of_a_class:
        _write_choice(book, sheet)
    sheet.write_string(2, 0, book.said(joined(" ", _how(book, live=live))), book.format(italic=True))
    sheet.write_string(FIRST_GIVEN - 1, 0, book.said(GIVEN), book.format(bold=True, font_size=11))
    row = FIRST_GIVEN
    for positions, places, heads in book.blocks_of_given:
        target = book.steps[positions[0]].target
        cells = {position: book.given_cells[position] for position in places}
        row, last = (pick(int(cell.rpartition("$")[2]) for cell in cells.values()) - 1 for pick in (min, max))
        for place, head in enumerate(heads):
            sheet.write_string(row - 1, 2 + place, head, book.format(font_color=PALE, align="right"))
        whole = target._replace(index=(), time=None if heads else target.time)
        sheet.write_string(row, 0, book.paper.speller.math(whole).spell(UNICODE), book.format())
        rule = (book.problem.update or Update()).rule
        sheet.write_string(row, 1, book.said(meaning_of(book.problem.network, target, rule)), book.format(font_color=PALE))
        for position, cell in cells.items():
            _write_given_number(book, sheet, position, cell, unlocked=live)
        row = last
    _write_conventions(book, sheet, row + 2)


def _how(book: Book, *, live: bool) -> Iterator[str]:
    """The instructions for the workbook, as sentences."""
    if book.of_a_class:
        yield say("Choose a variant by its code.")
    elif live:
        yield say("Change a yellow number: every line recomputes.")
    if book.blanks:
        yield say("On the tab {lines} type your results into the blue boxes, with the digits asked for.", lines=LINES)
        yield say("A wrong line costs only itself: each is judged by your own numbers before it.")
    else:
        yield say("On the tab {lines} type results of your own: each is judged by your own numbers before it.", lines=LINES)


def _write_conventions(book: Book, sheet: Any, row: int) -> None:
    board = board_of(book.paper)
    sheet.write_string(row, 0, book.said(say("Conventions")), book.format(bold=True, font_size=11))
    for head, said in conventions(book.paper, board):
        if head == "Reading":
            continue
        row += 1
        sheet.write_string(row, 0, book.said(head), book.format())
        sheet.merge_range(row, 1, row, 10, "", book.format(text_wrap=True))
        book.write(sheet, row, 1, said, book.format(text_wrap=True))
        sheet.set_row(row, 13 * (1 + columns_of(words(book.said(said))) // 115))


def _write_given_number(book: Book, sheet: Any, position: int, cell: str, *, unlocked: bool) -> None:
    name = book.steps[position].target
    colour = INPUT if unlocked else CALCULATED
    look = {"bg_color": colour, "border": 1, "border_color": "#BBBBBB", "align": "right", "locked": not unlocked}
    form = book.format(**look)
    column = book.varied.get(position)
    number = book.problem.given[name]
    if column is not None:
        sheet.write_formula(cell.replace("$", ""), book.chosen(column), form, float(number.value))
    elif number.is_fraction:
        sheet.write_formula(cell.replace("$", ""), f"={number.text}", form, float(number.value))
    else:
        sheet.write_number(cell.replace("$", ""), float(number.value), form)


def _write_choice(book: Book, sheet: Any) -> None:
    sheet.write_string(4, 0, book.said(say("Variant")), book.format(bold=True))
    form = book.format(bg_color=INPUT, border=1, locked=False, bold=True)
    sheet.write_string(4, 1, book.copies[0].code, form)
    sheet.data_validation(4, 1, 4, 1, {
        "validate": "list", "source": f"={book.reference(VARIANTS)}!$A$2:$A${len(book.copies) + 1}",
        "error_title": book.said(say("No such variant")), "error_message": book.said(say("Choose a code from the list.")),
    })  # fmt: skip


def write_variants(book: Book) -> None:
    """The tab with the numbers of all variants."""
    if not book.of_a_class:
        return
    sheet = book.tab(VARIANTS)
    bold = book.format(bold=True, bottom=1)
    sheet.write_string(0, 0, book.said(say("variant")), bold)
    for position, column in book.varied.items():
        sheet.write_string(0, column, book.paper.name(position).spell(UNICODE), bold)
    for position, column in book.varied_digits.items():
        name = book.paper.name(position).spell(UNICODE)
        sheet.write_string(0, column, book.said(say("digits of {name}", name=name)), bold)
    for row, copy in enumerate(book.copies, start=1):
        sheet.write_string(row, 0, copy.code, book.format())
        for position, column in book.varied.items():
            number = copy.given[book.steps[position].target]
            if number.is_fraction:
                sheet.write_formula(row, column, f"={number.text}", book.format(), float(number.value))
            else:
                sheet.write_number(row, column, float(number.value), book.format())
        for position, column in book.varied_digits.items():
            sheet.write_string(row, column, copy.asked.get(position, ""), book.format())
