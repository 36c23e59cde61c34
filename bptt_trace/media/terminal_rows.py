"""Line tables in a terminal: in columns, one row for each line where there is room and two where there is not, or as a stack.

The columns have the same widths in all tables of a document. A long trace is
set in plain aligned columns, one string for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from bptt_trace.document.mathematics import NOTHING
from bptt_trace.document.sheet import Lines, Row, Sheet, Word
from bptt_trace.media.table_grid import at_left, at_right, columns_of, folded
from bptt_trace.media.unicode import Script

LONG = 400
"""Rows from which a trace counts as long."""
SAMPLE = 60
"""Rows of a long block that are looked at to find the widths of its columns."""
LEAST_BODY = 26
"""The narrowest column in which formulas are still pleasant to read."""
BOX = 10
"""Room for a result that is to be filled in."""
TAIL = 9
"""Room for the role, or for the lines used, right of a result."""

Span = tuple[str, str]
"""Text and its style."""


@dataclass(frozen=True)
class Widths:
    """Widths of the columns, the same in all line tables of a document."""

    number: int
    name: int
    formula: int
    numbers: int
    result: int
    uses: int
    label: int
    so_far: int = 0
    least_tail: int = 0
    """Room for the lines used, written without spaces, for a short label, and for what stands above them in the head."""

    def tail(self) -> int:
        """The width of everything right of the result."""
        return 2 + self.uses + 2 + self.label + (2 + self.so_far if self.so_far else 0)


class Layout:
    """The layout of the lines of one sheet at one width."""

    def __init__(self, sheet: Sheet, width: int, script: Script) -> None:
        self.width = width
        self.script = script
        self.long = sum(len(b.rows) for s in sheet.sections for b in s.blocks if isinstance(b, Lines)) > LONG
        self.worksheet = sheet.kind == "worksheet"
        self.closed_forms = sheet.rounding.get("policy") == "exact"
        self.boards = any(row.kind for block in self.looked_at(sheet) for row in islice(block.rows, SAMPLE))
        """Whether lines of matrices stand on the sheet: then all lines are set as on a board."""
        self.widths = self.measured(sheet)

    @staticmethod
    def looked_at(sheet: Sheet) -> Iterator[Lines]:
        """The blocks that tell how wide columns are: of a section, the first and the last."""
        for section in sheet.sections:
            blocks = [block for block in section.blocks if isinstance(block, Lines)]
            yield from blocks[:SAMPLE] + blocks[SAMPLE:][-SAMPLE:]

    def measured(self, sheet: Sheet) -> Widths:
        """The widths of all columns, from all rows or, in a long trace, from the first of every block."""
        name = formula = numbers = result = uses = label = short = so_far = number = tail = 0
        for block in self.looked_at(sheet):
            for row in islice(block.rows, SAMPLE) if self.long else block.rows:
                number = max(number, len(row.number))
                name = max(name, len(self.script.math(row.name)))
                formula = max(formula, len(self.script.math(row.formula)))
                numbers = max(numbers, len(self.script.math(row.numbers)))
                result = max(result, len(self.script.math(row.result)))
                uses = max(uses, columns_of(row.uses))
                tail = max(tail, columns_of(self.compact(row.uses)) + columns_of(self.total(row)))
                label = max(label, columns_of(row.label))
                short = max(short, columns_of(row.label.short))
                so_far = max(so_far, len(self.script.math(row.so_far)))
        extra = 4 if self.long else 0
        return Widths(
            max(self.said("line") - 1, number + extra),
            max(name + extra, self.said("quantity")),
            formula + 3 * extra,
            numbers,
            max(result, self.said("result") + 1),
            max(uses + extra, self.said("uses")),
            max(label, self.said("role")),
            so_far,
            max(tail, short, self.said("role") + self.said("uses") + 1),
        )

    def said(self, word: str) -> int:
        """The width of a word of the head, in columns."""
        return columns_of(self.script.say(word))

    def rows(self) -> Callable[[Row], Iterator[list[Span]]]:
        """The layout of a line at this width: one row, or two or more."""
        if self.worksheet:
            return self.row_with_blanks
        if self.stacked:
            return self.row_in_a_stack
        return self.row_of_one if self.on_one_row() else self.row_of_two

    @cached_property
    def stacked(self) -> bool:
        """Whether formula, numbers and result stand one below the other: of matrices, of closed forms, where room is short."""
        return self.boards or self.closed_forms or not (self.on_one_row() or self.body() >= LEAST_BODY)

    def on_one_row(self) -> bool:
        return self.long or self.room_for_one() >= 2 * LEAST_BODY

    def room_for_one(self) -> int:
        """The room for formula and numbers together in the layout of one row."""
        w = self.widths
        return self.width - (w.number + 2 + w.name + 3 + 3 + 3 + w.result + w.tail())

    def body(self) -> int:
        """The room for formula or numbers in the layout of two rows."""
        w = self.widths
        return self.width - (w.number + 2 + w.name + 3 + 1 + w.result + 2 + max(TAIL, w.least_tail))

    def head(self) -> str:
        w, say = self.widths, self.script.say
        line = f"{at_left(say('line'), w.number + 1)} "
        if self.worksheet:
            start = f"{line}{say('quantity')} = {say('formula')}"
            end = f"= {say('with numbers')} = {say('result')}  {say('decimals')}"
            if columns_of(f"{start} {end}") > self.width:
                end = f"= {say('result')}  {say('decimals')}"
            return f"{start} {at_right(end, self.width - columns_of(start) - 1)}"
        if self.stacked:
            numbers = say("numbers")
            start, result = f"{line}{say('quantity')} = {say('formula')} = {numbers}", f"= {say('result')}"
            if self.boards:
                return f"{start}{at_right(result, max(self.width - columns_of(start) - self.tail_on_board, 10))}  {say('uses')}"
            words = f"{say('role')}, {say('uses')}"
            ways = (f"{start} {result}", f"{line}{say('quantity')} {result}")
            start = next((start for start in ways if columns_of(f"{start}  {words}") <= self.width), "")
            return start + at_right(words, self.width - columns_of(start)) if start else ways[-1]
        quantity = f"{at_left(say('quantity'), w.name)}"
        if self.on_one_row():
            formula, room = self.shares()
            so_far = f"  {at_right(say('so far'), w.so_far)}" if w.so_far else ""
            return (
                f"{line}{quantity} = {at_left(say('formula'), formula)} = {at_left(say('with numbers'), room)} "
                f"{at_right('= ' + say('result'), w.result + 2)}{so_far}  {at_left(say('uses'), w.uses)}  {say('role')}"
            )
        both = say("formula, then with numbers")
        fits = columns_of(both) < self.body()
        body = f"{at_left(both if fits else say('formula'), self.body() - 1)}"
        return f"{line}{quantity} = {body} {at_right('= ' + say('result'), w.result + 1)}  {say('role')}/{say('uses')}"

    def shares(self) -> tuple[int, int]:
        """The widths of formula and numbers on one row: those that they need, or those that fit."""
        w = self.widths
        room = self.room_for_one()
        if self.long or w.formula + w.numbers <= room:
            return w.formula, w.numbers
        formula = min(w.formula, max(room // 2, room - w.numbers))
        return formula, room - formula

    def row_of_one(self, row: Row) -> Iterator[list[Span]]:
        w = self.widths
        formula, numbers = self.shares()
        relation = self.script.relation(row.relation)
        formulas = [self.script.math(row.formula)] if self.long else broken(self.script.math(row.formula), formula)
        numerics = [self.script.math(row.numbers)] if self.long else broken(self.script.math(row.numbers), numbers)
        so_far = f"  {self.script.math(row.so_far):>{w.so_far}}" if w.so_far else ""
        height = max(len(formulas), len(numerics))
        for index in range(height):
            start = (
                (f"{row.number:>{w.number}}  ", f"{self.script.math(row.name):<{w.name}} = ")
                if index == 0
                else (" " * (w.number + 2), " " * (w.name + 3))
            )
            left = formulas[index] if index < len(formulas) else ""
            right = numerics[index] if index < len(numerics) else ""
            spans = [(start[0], "dim"), (f"{start[1]}{left:<{formula}} {'=' if index == 0 else ' '} {right:<{numbers}}", "")]
            if index == height - 1:
                spans += [
                    (f" {relation} ", ""),
                    (f"{self.script.math(row.result):>{w.result}}", "bold"),
                    (f"{so_far}  {at_left(self.script.said(row.uses), w.uses)}", "dim"),
                    (f"  {row.label}", label_style(row.label)),
                ]
            yield spans

    @cached_property
    def aligned(self) -> Callable[[Row], str]:
        """Lines of a long trace: one row each, set in one go."""
        w = self.widths
        form = f"%{w.number}s  %-{w.name}s = %-{w.formula}s = %-{w.numbers}s %s %{w.result}s"
        form += f"  %{w.so_far}s" if w.so_far else "%s"
        uses = f"  %-{w.uses}s  %s\n"
        signs, said, relation = self.script.signs, self.script.said, self.script.relation

        def set_(row: Row) -> str:
            name, formula, numbers = row.name.spell(signs), row.formula.spell(signs), row.numbers.spell(signs)
            sign, result, so_far = relation(row.relation), row.result.spell(signs), row.so_far.spell(signs)
            return form % (row.number, name, formula, numbers, sign, result, so_far) + uses % (said(row.uses), row.label)

        return set_

    def row_of_two(self, row: Row) -> Iterator[list[Span]]:
        """Formula above numbers; the role on the first row, result and uses on the last."""
        w = self.widths
        body = self.body()
        indent = " " * (w.number + 2 + w.name)
        start = f"{row.number:>{w.number}}", f"  {self.script.math(row.name):<{w.name}}"
        rule = ("─" if self.script.unicode else "-") * w.result if row.label.kind == "sum" else ""
        short = row.label.short
        parts = [("=", text) for text in (self.script.math(row.formula), self.script.math(row.numbers))]
        if parts[0] == parts[1]:
            parts.pop()
        lines = [
            f" {sign if index == 0 else ' '} {piece}" for sign, text in parts for index, piece in enumerate(broken(text, body))
        ]
        lines[-len(broken(parts[-1][1], body))] = lines[-len(broken(parts[-1][1], body))].replace(
            " =", f" {self.script.relation(row.relation)}", 1
        )
        for index, line in enumerate(lines):
            last = index == len(lines) - 1
            spans: list[Span] = [(start[0], "dim"), (start[1], "")] if index == 0 else [(indent, "")]
            spans.append((f"{line:<{body + 3}} ", ""))
            if last:
                spans.append((f"{self.script.math(row.result):>{w.result}}", "bold"))
                spans.append((f"  {self.uses(row)}", "dim"))
            elif index == 0:
                spans += [
                    (f"{rule if len(lines) == 2 else '':>{w.result}}", ""),
                    (f"  {short}", label_style(row.label) if short else "dim"),
                ]
            elif index == len(lines) - 2:
                spans.append((f"{rule:>{w.result}}", ""))
            yield spans

    def uses(self, row: Row) -> str:
        """The lines used, without spaces where there is no room for them, and the running total."""
        uses, total = self.script.said(row.uses), self.total(row)
        fits = columns_of(uses + total) <= max(TAIL, self.widths.least_tail)
        return (uses if fits else self.compact(row.uses)) + total

    def total(self, row: Row) -> str:
        return f"  {self.script.say('so far')} {self.script.math(row.so_far)}" if row.so_far is not NOTHING else ""

    def compact(self, uses: str) -> str:
        """Lines used, without spaces; where numbers have a decimal comma, ``27,28`` would be one."""
        return self.script.said(uses).replace(", ", ";" if self.script.locale.comma else ",")

    def row_in_a_stack(self, row: Row) -> Iterator[list[Span]]:
        """A line with its formula, its numbers and its result one below the other; of a component only numbers and result."""
        w = self.widths
        if row.kind == "component":
            yield from self.component(row)
            return
        name, indent = self.script.math(row.name), " " * (w.number + 2)
        parts = [self.script.math(row.formula), self.script.math(row.numbers)]
        if parts[1] in (parts[0], self.script.math(row.result)):
            parts.pop()
        label = f"  {row.label}" if row.label else ""
        room = self.width - w.number - 5
        alone = False
        if len(name) + columns_of(parts[0]) + columns_of(label) > room:
            tail = label + self.used(row, "")
            alone = not self.boards and columns_of(tail) + min(row.result.width, room // 2) > room
            label = label if alone else ""
        first = broken(parts[0], room - len(name) - columns_of(label))
        if alone or columns_of(first[0]) > room - len(name) - columns_of(label):  # the quantity on a row of its own
            first = ["", *broken(parts[0], room - 4)]
        lead = max(self.width - w.number - 5 - len(name) - columns_of(first[0]) - columns_of(label), 0)
        start = [(f"{row.number:>{w.number}}  ", "dim"), (f"{name} = {first[0]}".rstrip(), ""), (" " * lead, "")]
        yield [*start, (label, label_style(row.label))]
        for text in first[1:]:
            yield [(indent, ""), (f"    {text}", "")]
        for part in parts[1:]:
            for index, text in enumerate(broken(part, room - 4)):
                yield [(indent, ""), (f"  = {text}" if index == 0 else f"      {text}", "")]
        # On a board the name of a line without its role says which it is.
        yield from self.last(row, "" if label or self.boards else row.label)

    def last(self, row: Row, label: str) -> Iterator[list[Span]]:
        """The result of a line and the lines that it uses; beside components a number stands below theirs."""
        start, result = f"{' ' * (self.widths.number + 2)}  {self.script.relation(row.relation)} ", self.script.math(row.result)
        if row.beside.text:
            result += f"  {self.script.relation('~')} {self.script.math(row.beside)}"
        tail, label = self.used(row, ""), f"  {label}" if label else ""
        if self.boards and not row.kind:
            tail = at_left(tail, self.tail_on_board)
            gap = max(self.width - len(start) - columns_of(result) - columns_of(tail), 0)
            yield [(start, ""), (" " * gap, ""), (result, "bold"), (tail, "dim")]
            return
        # Below the first row of a matrix the others stand two columns further right.
        *above, result = broken(result, self.width - len(start) - 2 - columns_of(label + tail))
        indent = " " * (len(start) + 2)
        for text in above:
            yield [(start, ""), (text, "bold")]
            start = indent
        gap = max(self.width - len(start) - columns_of(result + label + tail), 0)
        yield [(start, ""), (result, "bold"), (" " * gap, ""), (label, label_style(row.label)), (tail, "dim")]

    @property
    def tail_on_board(self) -> int:
        """Room right of the results of components."""
        return min(2 + self.widths.uses, 14)

    def used(self, row: Row, label: str) -> str:
        """The lines used, the running total and the role, as they stand right of a result."""
        uses = self.script.said(row.uses)
        return "".join((f"  {uses}" if uses else "", self.total(row), f"  {label}" if label else ""))

    def component(self, row: Row) -> Iterator[list[Span]]:
        """An entry of a matrix: numbers and result on one row where there is room."""
        w = self.widths
        start, result = f"{self.script.math(row.name)} = ", self.script.math(row.result)
        tail = at_left(self.used(row, row.label), self.tail_on_board)
        sign = "" if row.relation == "=" else f"{self.script.relation(row.relation)} "
        numbers = self.script.math(row.numbers)
        taken = w.number + 4 + len(sign) + len(result)  # the width of all but quantity, numbers and tail
        indent = len(start)
        if len(numbers) > self.width - taken - columns_of(tail) - indent < LEAST_BODY:  # the quantity on a row of its own
            yield [(f"{row.number:>{w.number}}  ", "dim"), (start.rstrip(), "")]
            row, start, indent = row._replace(number=""), "    ", 4
        below = ""
        if (
            columns_of(tail) > self.tail_on_board and self.width - taken - columns_of(tail) - indent < LEAST_BODY // 2
        ):  # the lines used on a row of their own
            tail, below = " " * self.tail_on_board, tail.strip()
        lines = broken(numbers, max(self.width - taken - columns_of(tail) - indent, LEAST_BODY // 2))
        for index, line in enumerate(lines):
            head = start if index == 0 else " " * indent
            spans: list[Span] = [(f"{row.number if index == 0 else '':>{w.number}}  ", "dim"), (f"{head}{line}", "")]
            if index == len(lines) - 1:
                gap = self.width - w.number - 2 - len(head) - len(line) - len(sign) - len(result) - columns_of(tail)
                spans += [(" " * max(gap, 2) + sign, ""), (result, "bold"), (tail, "dim")]
            yield spans
        for text in folded(below, self.width - w.number - 6):
            yield [(at_right(text, self.width), "dim")]

    def row_with_blanks(self, row: Row) -> Iterator[list[Span]]:
        """A row of a worksheet: quantity and formula, then room for the calculation and the result."""
        w = self.widths
        indent = " " * (w.number + 2)
        formula = self.script.math(row.formula) if row.kind != "component" else ""
        start = f"{self.script.math(row.name)} = " if formula else self.script.math(row.name)
        room, hanging = self.width - len(indent) - len(start), len(start)
        lines = broken(formula, room)
        if max(map(columns_of, lines)) > room:  # the quantity on a row of its own
            lines, hanging = ["", *broken(formula, self.width - len(indent) - 4)], 4
        label = f"({row.label})" if row.label and row.blank else ""
        yield [(f"{row.number:>{w.number}}  ", "dim"), (f"{start}{lines[0]}", ""), (label, "dim")]
        for text in lines[1:]:
            yield [(f"{indent}{' ' * hanging}{text}", "")]
        numbers = self.script.math(row.numbers)
        if row.kind == "board" and not numbers:
            return
        tail = (
            f" = [{'':{BOX}}] {at_right(row.blank, 5)}"
            if row.blank
            else f" {self.script.relation(row.relation)} {self.script.math(row.result):>{BOX + 2}}      "
        )
        room = self.width - len(indent) - 2 - (columns_of(tail) if row.kind != "board" else 0)
        *above, last = broken(numbers, room) if numbers else ["_" * min(room, 60) if row.blank else ""]
        for index, text in enumerate(above):
            yield [(f"{indent}{'= ' if index == 0 else '    '}{text}", "")]
        gap = max(room - len(last) - (2 if above else 0), 0)
        spans: list[Span] = [(f"{indent}{'    ' if above else '= '}{last}", "")]
        yield spans if row.kind == "board" else [*spans, (" " * gap + tail.rstrip(), "")]


STYLES = {"direct": "bold blue", "carried": "bold bright_red", "sum": "bold"}


def label_style(label: Word) -> str:
    """The style of a label; colour comes last, so the word tells it too."""
    return STYLES.get(label.kind, "dim")


def broken(text: str, width: int) -> list[str]:
    """A formula over several lines: broken before =, + and −, then before · and /; inside brackets only as a last resort."""
    if columns_of(text) <= width:
        return [text]
    for signs, deepest in (("=≈", 0), ("+-−", 0), ("][", 0), ("⊙", 0), ("*·×", 0), ("/", 0), ("+-−", 99), ("*·×", 99)):
        pieces = (
            text.replace("] [", "]\n[").replace("]^T [", "]^T\n[").split("\n") if signs == "][" else _pieces(text, signs, deepest)
        )
        if len(pieces) > 1:
            lines: list[str] = []
            for piece in pieces:
                if lines and columns_of(lines[-1]) + 1 + columns_of(piece) <= width - 2:
                    lines[-1] += f" {piece}"
                else:
                    lines.append(piece)
            return [part for line in lines for part in broken(line, width)]
    return _rows_of_matrices(text, width)


def _rows_of_matrices(text: str, width: int) -> list[str]:
    """Matrices too wide for one line: broken behind a row, then behind an entry."""
    for mark in (" | ", "; ") if " | " in text else ("; ", ", "):  # where numbers have a comma, rows have a stroke between them
        first, *others = text.split(mark)
        if not others:
            continue
        lines = [first]
        for piece in others:
            if len(lines[-1]) + len(mark) + len(piece) <= width - 2:
                lines[-1] += mark + piece
            else:
                lines[-1] += mark.rstrip()
                lines.append(piece)
        return [part for line in lines for part in (broken(line, width) if len(lines) > 1 else [line])]
    return [text]


def _pieces(text: str, signs: str, deepest: int) -> list[str]:
    """The parts of a formula that begin with one of these signs, no deeper in brackets than so."""
    pieces: list[str] = []
    depth, start = 0, 0
    for index, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign in signs and depth <= deepest and text[index - 1 : index] == " " and text[index + 1 : index + 2] == " ":
            if index > start + 1:
                pieces.append(text[start : index - 1])
            start = index
    return [*pieces, text[start:]]
