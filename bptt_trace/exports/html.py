"""Words and tables of a sheet as HTML, without tags and braces that a platform would interpret."""

from __future__ import annotations

from html import escape

from bptt_trace.document.notation import UNICODE
from bptt_trace.document.sentences import Inline, words
from bptt_trace.document.sheet import Table


def clean(text: str) -> str:
    r"""A text without the characters that XML forbids.

    >>> clean("a\x00b")
    'a b'
    """
    return "".join(sign if sign.isprintable() else " " for sign in text)


def plain(text: str) -> str:
    """A text with its special characters escaped."""
    return escape(clean(text), quote=False).replace("{", "&#123;").replace("}", "&#125;")


def spelled(text: Inline) -> str:
    """Words with mathematics."""
    return plain(words(text, lambda math: math.spell(UNICODE)))


def table(given: Table, look: str = "") -> str:
    """A table; ``look`` are the attributes of its cells."""
    head = "".join(f"<th{look}>{spelled(column.heading)}</th>" for column in given.columns)
    rows = "".join(f"<tr>{''.join(f'<td{look}>{spelled(cell)}</td>' for cell in row)}</tr>" for row in given.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
