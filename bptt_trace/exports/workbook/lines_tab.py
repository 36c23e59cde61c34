"""The tab of all lines: formulas, numbers, results, boxes for answers and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from bptt_trace.calculation.compiled_rules import source
from bptt_trace.calculation.function_values import floats, resolve
from bptt_trace.document.digits import NOT_ASKED, Digits
from bptt_trace.document.notation import UNICODE
from bptt_trace.document.sentences import say
from bptt_trace.document.sheet import Row
from bptt_trace.engine.formula import Formula
from bptt_trace.engine.gradients import RESULT
from bptt_trace.engine.rules import rule_of
from bptt_trace.exports.formulas import slopes
from bptt_trace.exports.workbook.book import ANSWER, CALCULATED, FIRST_LINE, LINES, PALE, Book
from bptt_trace.handouts.fill_in_text import Form, hole

WIDTHS = (6, 19, 36, 42, 11, 14, 24)
"""The widths of the columns: line, quantity, formula, with numbers, result, answer, check."""
NUMBERS = (0, 4, 5)
"""Columns that are set on the right."""


class LinesTab:
    """The tab while it is written."""

    def __init__(self, book: Book) -> None:
        self.book, self.cells, self.key, self.blanks = book, book.cells, book.key, book.blanks

    def write(self) -> None:
        """The tab of all lines."""
        sheet = self.book.tab(LINES)
        self.book.heading(sheet)
        answers = say("result of yours") if self.blanks else say("your answer")
        heads = (say("line"), say("quantity"), say("formula"), say("with numbers"), say("result"), answers, say("check"))
        for column, (heading, width) in enumerate(zip(heads, WIDTHS, strict=True)):
            look: dict[str, Any] = {"align": "right"} if column in NUMBERS else {"align": "left", "indent": 1}
            sheet.write_string(3, column, self.book.said(heading), self.book.format(bold=True, bottom=1, **look))
            sheet.set_column(column, column, width)
        sheet.set_column(7, 12, 10, None, {"hidden": True})
        hidden = (say("follows"), say("used next"), say("rounding"), say("unsound"), say("unit"), say("largest error"))
        for column, heading in enumerate(hidden, start=7):
            sheet.write_string(3, column, self.book.said(heading), self.book.format(font_color=PALE))
        row = FIRST_LINE
        for title, blocks in self.book.sections:
            sheet.write_string(row, 0, title, self.book.format(bold=True, font_size=11))
            row += 1
            for head, lines in blocks:
                if head:
                    sheet.write_string(row, 0, head, self.book.format(italic=True, font_color="#555555"))
                    row += 1
                for position, line in lines:
                    self._write_line(sheet, row, position, line)
                    row += 1
        for position in sorted(self.cells.carried):
            sheet.set_row(self.cells.rows[position] - 1, None, None, {"hidden": True})
            self._write_workings(sheet, position)
        self._marks_in_colour(sheet, row)
        sheet.freeze_panes(4, 2)
        sheet.repeat_rows(3)

    def _write_line(self, sheet: Any, row: int, position: int, line: Row) -> None:
        cells, wrapped = self.cells, self.book.format(text_wrap=True, align="left", indent=1)
        sheet.write_string(row, 0, line.number, self.book.format(align="right", font_color=PALE))
        sheet.write_string(row, 1, line.name.spell(UNICODE), self.book.format(align="left", indent=1))
        formula, numbers = line.formula.spell(UNICODE), line.numbers.spell(UNICODE)
        self.book.write(sheet, row, 2, formula, wrapped)
        if len(Form(numbers).holes) == 1 and not any(Form(numbers).literals):
            numbers += " "  # a line that repeats a number shows it as text, like every other
        self.book.write(sheet, row, 3, numbers, wrapped)
        longest = max(len(formula) / 40, 1.35 * len(Form(numbers).fill(self.book.shown)) / 58)
        if longest > 1:
            sheet.set_row(row, 12.5 * int(1 + longest))
        if cells.rows.get(position) != row + 1:  # it only recalls another line
            if position not in self.book.paper.hidden:
                sheet.write_formula(row, 4, f"={cells.where(position)}", self.result_format(position), self.told(position))
            return
        if position in cells.told:
            sheet.write_formula(row, 4, cells.result(position), self.result_format(position), self.told(position))
        else:
            self._write_digits(sheet, row, position, line.blank)
        if position in cells.boxed:
            form = {"num_format": "General", "border": 1, "border_color": "#7A9CC6", "bg_color": ANSWER, "locked": False}
            sheet.write_blank(row, 5, None, self.book.format(align="right", **form))
            if self.has_verdicts:
                sheet.write_formula(row, 6, cells.verdict(position), self.book.format(align="left", indent=1), "")
        if self.has_verdicts:
            self._write_workings(sheet, position)

    @property
    def has_verdicts(self) -> bool:
        """Whether verdicts are written: a verdict shows its formula, which a worksheet without formulas must hide."""
        return self.blanks is None or self.blanks.hints >= 2

    def result_format(self, position: int) -> Any:
        """The format of a result."""
        return self.book.format(num_format=self.book.number_format(position), bg_color=CALCULATED, align="right", bold=True)

    def told(self, position: int) -> float:
        """The value for viewers that do not calculate."""
        return float(self.book.values.numbers[position])

    def _write_digits(self, sheet: Any, row: int, position: int, asked: Digits) -> None:
        """Write the number of digits asked for."""
        form, column = self.book.format(align="right", font_color="#888888"), self.book.varied_digits.get(position)
        if column is not None:
            before, after = self.book.said(say("{digits} decimals", digits=hole(0))).split(hole(0))
            formula = f'="{before}"&{self.book.chosen(column)[1:]}&"{after}"'
            sheet.write_formula(row, 4, formula, form, f"{before}{asked}{after}")
        else:
            sheet.write_string(row, 4, self.book.said(asked.in_words), form)

    def _write_workings(self, sheet: Any, position: int) -> None:
        """The hidden columns, by which verdicts follow a student's numbers."""
        cells, row, form = self.cells, self.cells.rows[position] - 1, self.book.format(font_color="#999999")
        if position in cells.boxed or position in cells.carried:
            if cells.marked_by_key or position in cells.carried:
                sheet.write_formula(row, 7, cells.follows(position), form, self.now(position))
            sheet.write_formula(row, 8, cells.used_next(position), form, self.now(position))
            sheet.write_formula(row, 9, cells.spread(position), form, self.spreads.get(position, ""))
            sheet.write_formula(row, 10, cells.unsound(position), form, 0)
        digits, column = "", self.book.varied_digits.get(position)
        asked = self.blanks.asked.get(position, NOT_ASKED) if self.blanks else NOT_ASKED
        if asked and not asked.significant:
            digits = f"VALUE({self.book.chosen(column)[1:]})" if column is not None else asked
        unit = 10.0 ** -self.key.usual[position] if self.key.figures(position) is None else self.unit_now(position)
        sheet.write_formula(row, 11, cells.unit(position, digits), form, unit)
        sheet.write_formula(row, 12, cells.width(position), form, self.widths.get(position, 0))

    # ------------------------------------ what hidden cells come to as long as nothing is filled in

    def now(self, position: int) -> float | str:
        """The unrounded value of a line; nothing on a worksheet."""
        return "" if self.blanks else self.key.exact[position]

    def unit_now(self, position: int) -> float:
        """One unit of the last place of a line that keeps figures."""
        value = 0.0 if self.blanks else self.key.exact[position]
        return 10.0 ** -self.key.decimals(position, value) if value else 0.0

    @cached_property
    def spreads(self) -> dict[int, float]:
        """The effect of rounding on each line where all are calculated."""
        return {p: spread for p, (spread, _) in self._rounding.items()}

    @cached_property
    def widths(self) -> dict[int, float]:
        """The largest error of each line where all are calculated; on a worksheet, that of the lines it tells."""
        if self.blanks:
            return {p: self.unit_of(p) / 2 for p in self.cells.told}
        return {p: width for p, (_, width) in self._rounding.items()}

    def unit_of(self, position: int) -> float:
        """One unit of the last place."""
        if self.key.figures(position) is None:
            return 10.0 ** -self.key.usual[position]
        return 10.0 ** -self.key.decimals(position, self.key.exact[position])

    @cached_property
    def _rounding(self) -> dict[int, tuple[float, float]]:
        if self.blanks:
            return {}
        found: dict[int, tuple[float, float]] = {}
        for position, step in enumerate(self.book.steps):
            if step.rule is None or step.repeats:
                continue
            spread = 0.0
            for argument, slope, fill in slopes(step):
                argument = self.cells.original(argument)
                if argument in found:
                    numbers = [self.key.exact[position if filled == RESULT else filled] for filled in fill]
                    spread += abs(_calculated(slope, numbers)) * found[argument][1]
            half = self.unit_of(position) / 2 if self.key.exact[position] else 0.0
            found[position] = spread, half + spread
        return found

    def _marks_in_colour(self, sheet: Any, last: int) -> None:
        said = self.cells.verdicts
        for start, colour in (("✓", "#0A6B2D"), (said.wrong, "#B3261E"), (said.no_number, "#B3261E")):
            form = self.book.book.add_format({"font_color": colour})
            sheet.conditional_format(4, 6, last, 6, {"type": "text", "criteria": "begins with", "value": start, "format": form})


def _calculated(slope: Formula, numbers: Sequence[float]) -> float:
    """A slope as a double; 0 where it has no value."""
    rule, order = rule_of(slope)
    line = source(rule).bind(float, lambda function: resolve(function, float, floats))
    try:
        return float(line(*(numbers[place] for place in order)))
    except (ArithmeticError, ValueError):
        return 0.0
