"""A live workbook: given numbers are inputs, every line a formula, every answer has a verdict that follows it.

There are no macros. A workbook of a class has the numbers of all variants, and
one cell chooses among them. On a worksheet a line that the student fills in has
no cell with its result, so that neither a formula nor a stored value tells it.
"""

from __future__ import annotations

from collections.abc import Sequence

from bptt_trace.exports.workbook.book import Book, Copy
from bptt_trace.exports.workbook.given_tab import write_given, write_variants
from bptt_trace.exports.workbook.lines_tab import LinesTab
from bptt_trace.exports.workbook.other_tabs import write_matrices, write_over_time, write_picture
from bptt_trace.lines.blanks import Blanks
from bptt_trace.marking.key import Key

__all__ = ["Copy", "workbook"]


def workbook(key: Key, blanks: Blanks | None = None, copies: Sequence[Copy] = (), student: str = "") -> bytes:
    """The workbook of a problem: its solution, or with ``blanks`` a worksheet.

    With several ``copies`` it has the numbers of all of them, which must share
    one program; the key is that of the first. Raises ``ProgramMissing`` without
    XlsxWriter, and ``ProblemError`` for what a spreadsheet cannot hold: closed
    forms, numbers of more than 15 digits, very many lines.
    """
    book = Book(key, blanks, copies, student)
    write_given(book)
    LinesTab(book).write()
    for write in (write_over_time, write_matrices, write_picture, write_variants):
        write(book)
    return book.close()
