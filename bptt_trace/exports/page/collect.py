"""A worksheet as a page that collects answers; it has boxes and no solution in it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from bptt_trace.document.local import local, localized
from bptt_trace.document.locale import Locale
from bptt_trace.document.sheet import Row
from bptt_trace.exports.page.page import framed
from bptt_trace.exports.page.program import language, script
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.lines.blanks import Blanks
from bptt_trace.lines.spelling import Speller
from bptt_trace.lines.view import View
from bptt_trace.marking.key import Key
from bptt_trace.media.templates import page as rendered


def collecting(key: Key, blanks: Blanks | None = None, view: View = View(), *, templates: Path | None = None) -> str:
    """A worksheet with a box for each blank, and a button that writes ``answers.csv`` for ``check`` and ``grade``.

    The page reveals no result: it has neither a number that is asked for nor the engine that calculates one.
    """
    blanks = blanks or blanks_of(key)
    sheet = local(worksheet(key, blanks, view))
    speller = Speller(key.problem.vocabulary)
    names = {speller.text(key.steps[place].target): str(key.steps[place].target) for place in blanks.asked}
    body = rendered("collect.html.j2", sheet, templates, {"box": _box(names, sheet.locale)})
    whole = f'<main class="sheet worksheet live">\n{body}\n</main>'
    code = script("collect")
    return framed(sheet, whole, f"{language(code, sheet.locale)}\n{code}", plain=True, templates=templates)


def _box(names: dict[str, str], locale: Locale) -> Callable[[Row], str]:
    """A filter: the box for the result of a row."""

    def box(row: Row) -> str:
        shown = row.name.text
        label = escape(locale.say("{name}, line {line}", name=shown, line=row.number))
        asks = f'aria-label="{label}" placeholder="{escape(localized(row.blank.in_full, locale))}"'
        return f'<input class="blank" data-name="{escape(names[shown])}" autocomplete="off" spellcheck="false" {asks}>'

    return box
