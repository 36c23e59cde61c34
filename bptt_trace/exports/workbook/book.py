"""A workbook while it is written: its cells, its formats, and texts whose numbers are live."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from io import BytesIO
from typing import Any

from bptt_trace.calculation.arithmetic import Values, evaluate
from bptt_trace.document.local import localized
from bptt_trace.document.notation import TEXT, UNICODE
from bptt_trace.document.sentences import Inline, say, words
from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError, ProgramMissing
from bptt_trace.exports.asked_lines import AskedSection, needed, parts_with_lines
from bptt_trace.exports.workbook.line_cells import MOST_DIGITS, SAID, Cells
from bptt_trace.handouts.blanks import of_a_size_to_fill_in
from bptt_trace.handouts.fill_in_text import MOST, Form, hole
from bptt_trace.lines.blanks import Blanks
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.spelling import Shown
from bptt_trace.lines.view import View
from bptt_trace.marking.key import Key
from bptt_trace.problem.numbers import Number
from bptt_trace.problem.rounding import Rounding
from bptt_trace.worked_solution.sections import sections
from bptt_trace.worked_solution.writer import Writer

FIRST_DAY = datetime(1980, 1, 1)
NOTHING_BLANK = Blanks({}, frozenset())
LONGEST_WORDS = 255
"""The largest length of a string in a formula."""
LONGEST_TEXT = 8_000
"""The largest length of a formula that puts a text together; a longer text is written with its present numbers."""
GIVEN, LINES, TIME = say("Given"), say("Lines"), say("Over time")
MATRICES, PICTURE, VARIANTS = say("Matrices"), say("Picture"), say("Variants")
FIRST_GIVEN, FIRST_LINE = 6, 4
"""The rows in which given numbers and lines begin, counted from 0."""
INK, PALE = "#222222", "#666666"
INPUT, ANSWER, CALCULATED = "#FFF6D5", "#E8F1FB", "#F2F2F2"
"""The colours of inputs, of boxes for answers, and of results."""
FACE = "DejaVu Serif"
APOSTROPHE = "'"


class _Cells(Desk):
    """A desk whose numbers are places of cells, so that no line is approximate."""

    def relation(self, position: int) -> str:
        """Always the equals sign."""
        del position
        return "="


@dataclass(frozen=True)
class Copy:
    """The numbers of one variant: its code, its given numbers, and how many digits its worksheet asks for."""

    code: str
    given: Mapping[Name, Number]
    asked: Mapping[int, str] = field(default_factory=dict)


def writer_of_workbooks() -> Any:
    """The library. Raises ``ProgramMissing`` where it is not installed."""
    try:
        import xlsxwriter
    except ImportError:
        raise ProgramMissing("a workbook needs XlsxWriter; pip install 'bptt-trace[xlsx]' installs it") from None
    return xlsxwriter


def fits(key: Key, values: Values, copies: Sequence[Copy] = ()) -> None:
    """Raise ``ProblemError`` where a spreadsheet cannot hold a problem: it has doubles, and shows 15 digits of them."""
    of_a_size_to_fill_in(key.problem)
    rounding = values.rounding
    if rounding.policy == "exact":
        raise ProblemError("closed forms cannot be calculated by a spreadsheet; use --round 4dp or full")
    for numbers in (key.problem.given, *(copy.given for copy in copies)):
        for name, number in numbers.items():
            if any(_digits(part) > MOST_DIGITS for part in number.text.split("/")):
                raise ProblemError(f"{name} = {number.text}: more than the {MOST_DIGITS} digits of a spreadsheet")
    if rounding.policy in ("full", "carry"):
        return
    for step, number in zip(key.steps, values.numbers, strict=True):
        if step.rule is not None and (rounding.figures or _digits(str(number))) > MOST_DIGITS:
            raise ProblemError(
                f"{step.target} has more than the {MOST_DIGITS} digits of a spreadsheet; use fewer places (--round 4dp)"
            )


def _digits(text: str) -> int:
    """The significant digits of a number as it is typed."""
    return len(re.sub(r"[^0-9]", "", text.lower().partition("e")[0]).lstrip("0"))


class Book:
    """One workbook while it is written."""

    def __init__(self, key: Key, blanks: Blanks | None, copies: Sequence[Copy], student: str) -> None:
        library = writer_of_workbooks()
        self.key, self.blanks, self.copies, self.student = key, blanks, copies, student
        self.steps, self.problem = key.steps, key.problem
        self.locale = self.problem.handout.locale
        self.values = evaluate(key.program, self.problem.given, self.problem.rounding)
        fits(key, self.values, copies)
        self.size = len(self.steps)
        if 2 * self.size >= MOST:
            raise ProblemError(f"{self.size:,} lines, too many for a workbook; use fewer iterations or time steps")
        self.buffer = BytesIO()
        self.book = library.Workbook(self.buffer, {"in_memory": True})
        self.book.set_properties({"title": self.problem.title, "created": FIRST_DAY, "comments": ""})
        self.book.set_calc_mode("auto")
        self.on = ""
        """The tab that is written."""
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    @cached_property
    def paper(self) -> Desk:
        """The lines as they are printed, with gaps where a student fills in."""
        return self._desk(self.blanks or NOTHING_BLANK)

    @cached_property
    def live(self) -> Desk:
        """The same without gaps, for tables and pictures: each number is the place of a cell, which may still be empty."""
        return self._desk(NOTHING_BLANK)

    def _desk(self, blanks: Blanks) -> Desk:
        exact = Values(self.key.program, tuple(self.key.exact), self.problem.given, Rounding("full"))
        shown = Shown(self.values)
        for signs in (TEXT, UNICODE, self.locale.notation(TEXT), self.locale.notation(UNICODE)):
            shown.bare[signs] = [hole(position) for position in range(self.size)]
            shown.operands[signs] = [hole(self.size + position) for position in range(self.size)]
        return _Cells(self.problem, self.key.program, self.values, exact, blanks=blanks, shown=shown, detail="lines")

    @cached_property
    def shown(self) -> list[str]:
        """The present text of each hole, bare and as operands; dots for a result that a worksheet hides."""
        printed = Shown(self.values).bare[TEXT]
        bare = ["…" if position in self.paper.hidden else text for position, text in enumerate(printed)]
        for position, step in enumerate(self.steps):
            if step.rule is None:  # a spreadsheet does not keep how a number was typed
                bare[position] = f"{Decimal(f'{float(self.problem.given[step.target].value):.15g}'):f}"
            elif (figures := self.key.figures(position)) and bare[position] != "…":
                number = float(self.values.numbers[position])
                decimals = figures - 1 - (math.floor(math.log10(abs(number))) if number else 0)
                bare[position] = (
                    f"{number:.15g}".replace("e", "E") if decimals > MOST_DIGITS else f"{number:.{max(decimals, 0)}f}"
                )
        if self.locale.comma:
            bare = [text.replace(".", ",") for text in bare]
        return [*bare, *(f"({text})" if text.startswith("-") else text for text in bare)]

    # --------------------------------------------------------------- language

    def said(self, text: Any) -> Any:
        """Words, mathematics, or tables of them, in the language and with the decimal mark of the sheet."""
        return localized(text, self.locale)

    def reference(self, tab: str) -> str:
        """The name of a tab as a formula has it."""
        name: str = self.said(tab)
        return name if name.isascii() and name.isalnum() else f"'{name.replace(APOSTROPHE, 2 * APOSTROPHE)}'"

    # ---------------------------------------------------------------- formats

    def format(self, **own: Any) -> Any:
        """A format, made once."""
        told = tuple(sorted({"font_name": FACE, "font_size": 9, "font_color": INK, "valign": "top", **own}.items()))
        if told not in self._formats:
            self._formats[told] = self.book.add_format(dict(told))
        return self._formats[told]

    def number_format(self, position: int) -> str:
        """The number format of a line's result."""
        if self.problem.rounding.policy == "full" or self.key.figures(position) is not None:
            return "General"
        return "0." + "0" * self.key.usual[position]

    # ------------------------------------------------------------- live text

    def live_text(self, text: str) -> tuple[str, str]:
        """A text with holes as a formula, and its present reading; a text without holes twice."""
        form = Form(text)
        if not form.holes:
            return text, text
        pieces: list[str] = []
        for place, literal in enumerate(form.literals):
            if place:
                pieces.append(self._number_text(form.holes[place - 1]))
            pieces += [_quoted(literal[start : start + LONGEST_WORDS]) for start in range(0, len(literal), LONGEST_WORDS)]
        return f'=SUBSTITUTE({"&".join(pieces)},"-","−")', form.fill(self.shown).replace("-", "−")

    def _number_text(self, number: int) -> str:
        """A number as text; in a calculation a negative one stands in brackets."""
        position = number % self.size
        if not self._has_cell(position):
            return '"…"'
        cell = self._cell(position)
        text = self._as_text(position, cell)
        if self.locale.comma:  # independent of the mark that the program itself writes
            text = f'SUBSTITUTE({text},".",",")'
        return f'IF(N({cell})<0,"("&{text}&")",{text})' if number >= self.size else text

    def _has_cell(self, position: int) -> bool:
        """Whether a number has a cell; on a worksheet lines that are not asked for have none."""
        position = self.cells.original(position)
        return position in self.cells.given or position in self.cells.rows

    def _cell(self, position: int) -> str:
        """The cell of a number as seen from the tab that is written."""
        cell = self.cells.used(position) if self._is_open(position) else self.cells.where(position)
        return cell if "!" in cell or self.on == LINES else f"{self.reference(LINES)}!{cell}"

    def _is_open(self, position: int) -> bool:
        """Whether only the student has the number."""
        return self.cells.original(position) not in (self.cells.told | self.cells.given.keys())

    def _as_text(self, position: int, cell: str) -> str:
        """A number with its digits; FIXED does not depend on the language, as TEXT does."""
        position = self.cells.original(position)
        figures = self.key.figures(position)
        if self.steps[position].rule is None or self.problem.rounding.policy == "full":
            return f'({cell}&"")'
        places = str(self.key.usual[position])
        if figures is not None:
            places = f"{figures - 1}-INT(LOG10(ABS({cell})+({cell}=0)))"
        text = f"FIXED({cell},{places},TRUE)"
        if figures is not None:  # FIXED has no more decimals than a number has digits
            text = f'IF({places}>{MOST_DIGITS},{cell}&"",{text})'
        return f'IF(ISNUMBER({cell}),{text},"…")' if self._is_open(position) else text

    def write(self, sheet: Any, row: int, column: int, text: Inline | str, form: Any) -> None:
        """Write words, some of which may be numbers in cells."""
        local = self.said(text)
        said = local if isinstance(local, str) else words(local, lambda math: math.spell(UNICODE))
        formula, now = self.live_text(said)
        alone = Form(said)
        if len(alone.holes) == 1 and not any(alone.literals):  # a number by itself stays one
            position = alone.holes[0] % self.size
            if not self._has_cell(position):
                sheet.write_string(row, column, "…", form)
                return
            told, cell = not self._is_open(position), self._cell(position)
            formula = f"={cell}" if told else f'=IF(ISNUMBER({cell}),{cell},"")'
            value = float(self.values.numbers[position]) if told else ""
            sheet.write_formula(row, column, formula, form, value)
        elif formula is said or len(formula) >= LONGEST_TEXT:
            sheet.write_string(row, column, now, form)
        else:
            sheet.write_formula(row, column, formula, form, now)

    # ----------------------------------------------------------------- lines

    @cached_property
    def writer(self) -> Writer:
        """The writer of the worksheet, for formulas and lines alone."""
        return Writer(self.paper, View("full", style="compact", show="all"))

    @cached_property
    def sections(self) -> list[AskedSection]:
        """The sections with their blocks of lines, each line with its position."""
        return list(parts_with_lines(self.key, map(self.said, sections(self.writer))))

    @cached_property
    def cells(self) -> Cells:
        """The positions of all numbers."""
        rows, row = dict[int, int](), FIRST_LINE
        repeated = set()
        for _, blocks in self.sections:
            row += 1
            for title, lines in blocks:
                row += bool(title)
                for position, _ in lines:
                    if self.steps[position].repeats or position in rows:
                        repeated.add(position)
                    else:
                        rows[position] = row + 1
                    row += 1
        hidden = self.paper.hidden
        told = frozenset(p for p, step in enumerate(self.steps) if step.rule is not None and not step.repeats) - hidden
        boxed = frozenset(self.blanks.asked) if self.blanks else told
        row += 1
        for position in needed(self.key, [p for p in told | boxed if p in rows]):
            if position not in rows:
                row += 1
                rows[position] = row
        given = {position: f"{self.reference(GIVEN)}!{cell}" for position, cell in self.given_cells.items()}
        verdicts = self.said(SAID)
        return Cells(self.key, given, rows, told & rows.keys(), boxed & rows.keys(), verdicts)

    # ----------------------------------------------------------------- given

    @cached_property
    def blocks_of_given(self) -> list[tuple[list[int], dict[int, tuple[int, int]], list[str]]]:
        """Groups of given numbers, with the row and column of each in its block, and the heads of the columns."""
        groups: dict[Name, list[int]] = {}
        for position, step in enumerate(self.steps):
            if step.rule is None:
                target = step.target
                over_time = target.time is not None and len(target.index) < 2 and target.stem in ("x", "target")
                groups.setdefault(target._replace(index=(), time=None if over_time else target.time), []).append(position)
        found = []
        for positions in groups.values():
            places: dict[int, tuple[int, int]] = {}
            targets = [self.steps[position].target for position in positions]
            times = sorted({target.time for target in targets if target.time is not None})
            over_time = targets[0].stem in ("x", "target") and bool(times)
            for position, target in zip(positions, targets, strict=True):
                down, across = (*target.index, 1, 1)[:2]
                if over_time:
                    across = times.index(target.time or 0) + 1
                elif self.key.program.rows and target.index:
                    down, across = across, down
                places[position] = down - 1, across - 1
            found.append((positions, places, [f"t = {time}" for time in times] if over_time else []))
        return found

    @cached_property
    def given_cells(self) -> dict[int, str]:
        """The cell of each given number on its tab."""
        cells, row = dict[int, str](), FIRST_GIVEN
        for _, places, heads in self.blocks_of_given:
            row += bool(heads)
            for position, (down, across) in places.items():
                cells[position] = f"${letters(2 + across)}${row + down + 1}"
            row += 1 + max(down for down, _ in places.values()) + (len(places) > 1)
        return cells

    # -------------------------------------------------------------- variants

    @property
    def of_a_class(self) -> bool:
        """Whether there are several variants to choose from."""
        return len(self.copies) > 1

    @cached_property
    def varied(self) -> dict[int, int]:
        """The column of each given number that the variants do not share, on their tab."""
        names = {position: self.steps[position].target for position in self.given_cells} if self.of_a_class else {}
        differ = [p for p, name in names.items() if len({copy.given[name].value for copy in self.copies}) > 1]
        return {position: 1 + place for place, position in enumerate(differ)}

    @cached_property
    def varied_digits(self) -> dict[int, int]:
        """The column of the digits asked for, of each line where the variants differ in it."""
        asked = self.blanks.asked if self.blanks and self.of_a_class else {}
        differ = [p for p in asked if len({copy.asked.get(p) for copy in self.copies}) > 1]
        return {position: 1 + len(self.varied) + place for place, position in enumerate(differ)}

    def chosen(self, column: int) -> str:
        """The entry of the chosen variant in a column of the tab of variants."""
        last, letter = len(self.copies) + 1, letters(column)
        variants, given = self.reference(VARIANTS), self.reference(GIVEN)
        return f"=INDEX({variants}!${letter}$2:${letter}${last},MATCH({given}!$B$5,{variants}!$A$2:$A${last},0))"

    # ------------------------------------------------------------------ tabs

    def tab(self, name: str) -> Any:
        """A new tab, protected against slips, that prints on A4 landscape."""
        self.on = name
        sheet = self.book.add_worksheet(self.said(name))
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.set_margins(0.5, 0.5, 0.6, 0.6)
        sheet.fit_to_pages(1, 0)
        page = self.said(say("page {page} of {pages}", page="&P", pages="&N"))
        sheet.set_footer(f"&L&9{_footer(self.problem.title)}&R&9&A, {page}")
        sheet.protect("", {"select_locked_cells": True, "format_columns": True, "format_rows": True})
        return sheet

    def heading(self, sheet: Any) -> None:
        """Write the title, and the kind of workbook."""
        sheet.set_row(0, 21)
        sheet.write_string(0, 0, self.problem.title, self.format(bold=True, font_size=14))
        what = self.writer.subtitle(say("Worksheet") if self.blanks else say("Worked solution"))
        code = self.problem.handout_with_code.code if len(self.copies) < 2 else ""
        told = [what, say("sheet {code}", code=code) if code else "", self.student]
        sheet.write_string(1, 0, "   ".join(map(self.said, filter(None, told))), self.format(font_color="#555555"))

    def close(self) -> bytes:
        """The bytes of the file."""
        self.book.close()
        return self.buffer.getvalue()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def letters(column: int) -> str:
    """The name of a column, counted from 0.

    >>> letters(0), letters(26)
    ('A', 'AA')
    """
    text, rest = "", column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        text = chr(65 + letter) + text
    return text


def _footer(title: str) -> str:
    """A title for a footer, where & begins a command, cut to 200 characters."""
    return title.replace("&", "&&")[:200]
