"""A sheet in the terminal, at any width, with or without colour and Unicode.

Short documents are set by rich. The line tables have layouts of their own: one
row for each line where there is room, two or three where there is not. Long or
piped traces go out as plain aligned columns, because rich takes a hundred
times as long for a row.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import assert_never

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bptt_trace.render.signs import fine, plain
from bptt_trace.sheet import (
    Block,
    Bullets,
    Equations,
    Inline,
    Lines,
    Math,
    Note,
    Paragraph,
    Part,
    Row,
    Section,
    Sheet,
    Table,
)

LONG = 400
"""Rows from which a trace counts as long."""
CHUNK = 500
"""Rows of a long trace that are written at once."""
LONG_TABLE = 100
"""Rows from which a table is set without rich."""
SAMPLE = 60
"""Rows of a long block that are looked at to find the widths of its columns."""

LEAST_BODY = 26
"""The narrowest column in which formulas are still pleasant to read."""
LEAST_WORDS = 12
"""The narrowest column of words."""
TAIL = 9
"""Room for the role, or for the lines used, right of a result."""
HELD = "\u2800"
"""Stands for a space at which rich must not break a line; rich breaks at every kind of real space."""

Span = tuple[str, str]
"""Text and its style."""
NO_BREAK = "\N{NO-BREAK SPACE}"


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
    """Room for the lines used, written without spaces."""

    def tail(self) -> int:
        """What stands right of the result."""
        return 2 + self.uses + 2 + self.label + (2 + self.so_far if self.so_far else 0)


def show(sheet: Sheet, console: Console, *, unicode: bool = True) -> None:
    """Print a sheet on a console."""
    _Terminal(console, unicode).sheet(sheet)


class _Terminal:
    """Prints block by block; knows the console, and whether it can print Unicode."""

    def __init__(self, console: Console, unicode: bool) -> None:
        self.console = console
        self.width = console.width
        self.unicode = unicode
        self.widths = Widths(4, 0, 0, 0, 0, 0, 0)
        self.long = False
        self.closed_forms = False

    # ------------------------------------------------------------------ signs

    def math(self, math: Math) -> str:
        return fine(math.text) if self.unicode else math.text

    def said(self, text: str) -> str:
        return text if self.unicode else plain(text)

    def inline(self, text: Inline) -> str:
        if len(text) == 1 and isinstance(text[0], Math):
            return self.math(text[0])
        return "".join(self.math(part) if isinstance(part, Math) else self.said(part) for part in text)

    def rule(self, heavy: bool = False) -> str:
        if self.unicode:
            return ("━" if heavy else "─") * self.width
        return ("=" if heavy else "-") * self.width

    # --------------------------------------------------------------- document

    def sheet(self, sheet: Sheet) -> None:
        self.long = sum(len(b.rows) for s in sheet.sections for b in s.blocks if isinstance(b, Lines)) > LONG
        self.closed_forms = sheet.rounding.get("policy") == "exact"
        self.widths = self.measured(sheet)
        self.wrapped(self.said(sheet.title), style="bold")
        self.wrapped(self.said(sheet.subtitle), style="dim")
        self.heading("Given")
        self.given(sheet.given)
        self.heading("Conventions of this sheet")
        self.conventions(sheet.conventions)
        for number, section in enumerate(sheet.sections, 1):
            self.section(number, section)
        if sheet.footer:
            self.line()
            self.line((self.rule(), "dim"))
            for note in sheet.footer:
                self.note(note, bar="")

    def heading(self, title: str, *, heavy: bool = False) -> None:
        self.line()
        self.line((title, "bold"))
        self.line((self.rule(heavy), "dim"))

    def section(self, number: int, section: Section) -> None:
        self.heading(f"{number}  {self.said(section.title)}", heavy=True)
        headed = False
        after_lines = False
        for block in section.blocks:
            if isinstance(block, Lines):
                self.lines(block, headed=not headed, apart=headed or after_lines)
                headed = True
            else:
                self.block(block)
            after_lines = True

    def block(self, block: Block) -> None:
        match block:
            case Table():
                self.line()
                self.table(block)
            case Note():
                self.note(block)
            case Paragraph(text):
                self.wrapped(self.unbroken(text))
            case Equations():
                self.equations(block)
            case Bullets(items):
                bullet = "•" if self.unicode else "*"
                for item in items:
                    self.wrapped(self.unbroken(item), first=f"{bullet} ", others="  ")
            case Lines():
                self.lines(block, headed=True, apart=True)
            case _:
                assert_never(block)

    # ------------------------------------------------------------ short pieces

    def line(self, *spans: Span) -> None:
        """One line of the terminal; never wrapped, never read as markup."""
        if not self.console.is_terminal:
            self.console.file.write("".join([text for text, _ in spans]).rstrip() + "\n")
            return
        text = Text.assemble(*spans) if spans else Text()
        text.rstrip()
        self.console.print(text, soft_wrap=True)

    def unbroken(self, text: Inline) -> str:
        """Inline content in which no calculation breaks over a line, as long as it fits on one."""
        room = self.width - 8
        return "".join(self.held(self.math(part), room) if isinstance(part, Math) else self.said(part) for part in text)

    @staticmethod
    def held(math: str, room: int) -> str:
        return math.replace(" ", NO_BREAK) if len(math) <= room else math

    def wrapped(self, text: str, *, first: str = "", others: str = "", style: str = "", word: str = "") -> None:
        """A paragraph; ``word`` is set bold at its beginning."""
        for place, line in enumerate(textwrap.wrap(f"{word}{text}", self.width - len(first), break_long_words=True) or [""]):
            line = line.replace(NO_BREAK, " ")
            start = first if place == 0 else others
            if place == 0 and word and line.startswith(word):
                self.line((start, "dim"), (word, "bold"), (line[len(word) :], style))
            else:
                self.line((start, "dim"), (line, style))

    def note(self, note: Note, bar: str | None = None) -> None:
        mark = ("  │ " if self.unicode else "  | ") if bar is None else bar
        self.wrapped(
            f" {self.unbroken(note.text)}", first=mark, others=mark, style="green" if bar is None else "dim", word=f"{note.word}:"
        )

    def conventions(self, rows: Iterable[tuple[str, Inline]]) -> None:
        rows = list(rows)
        width = max(len(term) for term, _ in rows) + 3
        for term, text in rows:
            self.wrapped(self.unbroken(text), first=f"{term:<{width}}", others=" " * width)

    def equations(self, block: Equations) -> None:
        if block.lead:
            self.wrapped(self.unbroken(block.lead))
        lefts = max(len(self.math(item.left)) for item in block.items)
        for item in block.items:
            start = f"     {self.math(item.left):<{lefts}} = "
            parts = [self.math(part.math) for part in item.parts]
            line = start + "   +   ".join(parts)
            remark = f"    {self.said(item.remark)}" if item.remark and not any(part.word for part in item.parts) else ""
            if len(line) + len(remark) > self.width:
                remark = ""
            if len(line) <= self.width:
                self.line((line, ""), (remark, "dim"))
                self.braces(len(start), parts, item.parts)
                continue
            for place, one in enumerate(_broken(" + ".join(parts), self.width - len(start))):
                self.line((start if place == 0 else " " * len(start), ""), (one, ""))

    def braces(self, indent: int, shown: list[str], parts: tuple[Part, ...]) -> None:
        """``└── direct ──┘`` under the parts of a sum that have a name."""
        if not any(part.word for part in parts):
            return
        left, across, right = "└─┘" if self.unicode else "'-'"
        line = " " * indent
        for place, (text, part) in enumerate(zip(shown, parts, strict=True)):
            line += " " * 7 if place else ""
            word = part.word.split(",")[0]
            line += left + f" {word} ".center(len(text) - 2, across) + right
        self.line((line, "dim"))

    def given(self, tables: Iterable[Table]) -> None:
        """The given numbers, side by side where there is room."""
        tables = list(tables)
        if any(len(table.rows) > LONG_TABLE for table in tables):
            for table in tables:
                self.table(table)
                self.line()
            return
        grids = [self.grid(table, list(range(len(table.columns)))) for table in tables]
        options = self.console.options
        widths = [self.console.measure(grid, options=options).maximum for grid in grids]
        if sum(widths) + 5 * (len(grids) - 1) <= self.width:
            beside = RichTable.grid(padding=(0, 5, 0, 0))
            for _ in grids:
                beside.add_column()
            beside.add_row(*grids)
            self.print(beside)
            return
        for place, grid in enumerate(grids):
            if place:
                self.line()
            self.print(grid)

    def table(self, table: Table) -> None:
        if table.title:
            self.line((self.inline(table.title), "bold"))
        room = self.width - self.longest_calculation(table)
        if room < LEAST_WORDS:
            self.stacked(table)
            return
        if len(table.rows) > LONG_TABLE:
            self.columns(table)
            return
        gap, groups = self.chunks(table)
        for columns in groups:
            self.print(self.grid(table, columns, gap))

    def columns(self, table: Table) -> None:
        """A long table as plain aligned columns."""
        heads = [self.inline(column.heading) for column in table.columns]
        sample = [[self.inline(cell) for cell in row] for rows in (table.rows[:SAMPLE], table.rows[-SAMPLE:]) for row in rows]
        sizes = [max(len(head), *(len(row[place]) for row in sample)) for place, head in enumerate(heads)]
        form = "  ".join(f"{{:{'>' if column.right else '<'}{size}}}" for column, size in zip(table.columns, sizes, strict=True))
        write = self.console.file.write
        self.line((form.format(*heads), "bold"))
        for row in table.rows:
            write(form.format(*map(self.inline, row)).rstrip() + "\n")

    def longest_calculation(self, table: Table) -> int:
        """What stands beside the words of a table of calculations, at its widest; 0 for other tables."""
        if not table.calculates:
            return 0
        sizes = [max(len(line) for row in table.rows for line in self.inline(row[c]).split("\n")) for c in range(2)]
        return sum(sizes) + 6

    def stacked(self, table: Table) -> None:
        """For narrow terminals: step and explanation, and the calculations below them."""
        for step, calculations, explanation in table.rows:
            self.wrapped(f" {self.inline(explanation)}", word=f"{self.inline(step)}:")
            for part in calculations:
                if isinstance(part, Math):
                    for place, piece in enumerate(_broken(self.math(part), self.width - 6)):
                        self.line(("  " if place == 0 else "      ", ""), (piece, ""))

    def grid(self, table: Table, columns: list[int], gap: int = 3) -> RichTable:
        """Some columns of a table for rich; calculations in it do not break."""
        lines = box.SIMPLE_HEAD if self.unicode else _ASCII_HEAD
        heads = [self.inline(table.columns[place].heading) for place in columns]
        grid = RichTable(
            box=lines, show_header=any(heads), pad_edge=False, header_style="bold", show_edge=False, padding=_PADDING[gap]
        )
        for head, place in zip(heads, columns, strict=True):
            column = table.columns[place]
            fixed = self.longest_calculation(table) > 0 and place < len(table.columns) - 1
            grid.add_column(
                Text(head), justify="right" if column.right else "left", style="bold" if column.strong else "", no_wrap=fixed
            )
        for row in table.rows:
            grid.add_row(*(Text(self.cell(row[place])) for place in columns))
        return grid

    def cell(self, text: Inline) -> str:
        return "".join(self.math(part).replace(" ", HELD) if isinstance(part, Math) else self.said(part) for part in text)

    def print(self, grid: RichTable) -> None:
        with self.console.capture() as capture:
            self.console.print(grid)
        lines = (line.replace(HELD, " ").rstrip() for line in capture.get().splitlines())
        self.console.file.write("\n".join(lines) + "\n")

    def chunks(self, table: Table) -> tuple[int, list[list[int]]]:
        """The space between columns, and the columns in as few groups as fit; each group repeats the first column."""
        cells = [[self.inline(row[c]) for row in table.rows] for c in range(len(table.columns))]
        heads = [self.inline(column.heading) for column in table.columns]
        sizes = [max([len(head), *map(len, column)]) for head, column in zip(heads, cells, strict=True)]
        every = list(range(len(sizes)))
        for gap in (3, 2, 1):
            if sum(sizes) + gap * (len(sizes) - 1) <= self.width:
                return gap, [every]
        if table.calculates:
            return 3, [every]
        groups, used = [[0]], sizes[0]
        for column in every[1:]:
            if used + 3 + sizes[column] > self.width and len(groups[-1]) > 1:
                groups.append([0])
                used = sizes[0]
            groups[-1].append(column)
            used += 3 + sizes[column]
        return 3, groups

    # ------------------------------------------------------------- line tables

    def measured(self, sheet: Sheet) -> Widths:
        """The widths of all columns, from all rows or, in a long trace, from the first of every block."""
        name = formula = numbers = result = uses = label = so_far = number = tail = 0
        for section in sheet.sections:
            blocks = [block for block in section.blocks if isinstance(block, Lines)]
            for block in blocks[:SAMPLE] + blocks[SAMPLE:][-SAMPLE:]:
                for row in islice(block.rows, SAMPLE) if self.long else block.rows:
                    number = max(number, len(row.number))
                    name = max(name, len(row.name.text))
                    formula = max(formula, len(self.math(row.formula)))
                    numbers = max(numbers, len(self.math(row.numbers)))
                    result = max(result, len(row.result.text))
                    uses = max(uses, len(row.uses))
                    tail = max(tail, len(self.compact(row.uses)) + len(self.total(row)))
                    label = max(label, len(row.label))
                    so_far = max(so_far, len(row.so_far))
        extra = 4 if self.long else 0
        return Widths(
            max(3, number + extra),
            max(name + extra, len("quantity")),
            formula + 3 * extra,
            numbers,
            max(result, 7),
            max(uses + extra, 4),
            max(label, 4),
            so_far,
            tail,
        )

    def layout(self) -> Callable[[Row], Iterator[list[Span]]]:
        """How lines are laid out at this width: one row for each, or two or more."""
        if self.closed_forms:
            return self.row_of_three
        return self.row_of_one if self.on_one_row() else self.row_of_two if self.body() >= LEAST_BODY else self.row_of_three

    def on_one_row(self) -> bool:
        return not self.closed_forms and (self.long or self.room_for_one() >= 2 * LEAST_BODY)

    def room_for_one(self) -> int:
        """What formula and numbers may share when everything stands on one row."""
        w = self.widths
        return self.width - (w.number + 2 + w.name + 3 + 3 + 3 + w.result + w.tail())

    def body(self) -> int:
        """What formula or numbers may take when they stand above each other."""
        w = self.widths
        return self.width - (w.number + 2 + w.name + 3 + 1 + w.result + 2 + max(TAIL, w.least_tail))

    def lines(self, block: Lines, *, headed: bool, apart: bool) -> None:
        """A block of lines; the heading of its columns comes once for each section."""
        if apart or block.title:
            self.line()
        if block.title:
            dash = "─" if self.unicode else "-"
            title = f"{dash * 2} {self.inline(block.title)} "
            self.line((title, "bold"), (dash * max(self.width - len(title), 2), "dim"))
        if headed:
            self.line((self.head(), "dim"))
        write = self.console.file.write
        if self.long:
            texts = map(self.aligned, block.rows)
            while chunk := "".join(islice(texts, CHUNK)):
                write(chunk)
            return
        layout = self.layout()
        if not self.console.is_terminal:
            for row in block.rows:
                for spans in layout(row):
                    write("".join([text for text, _ in spans]).rstrip() + "\n")
            return
        for row in block.rows:
            for spans in layout(row):
                self.line(*spans)

    def head(self) -> str:
        w = self.widths
        if self.on_one_row():
            formula, numbers = self.shares()
            so_far = f"  {'so far':>{w.so_far}}" if w.so_far else ""
            return (
                f"{'line':<{w.number + 1}} {'quantity':<{w.name}} = {'formula':<{formula}} = {'with numbers':<{numbers}} "
                f"{'= result':>{w.result + 2}}{so_far}  {'uses':<{w.uses}}  role"
            )
        if self.body() >= LEAST_BODY and not self.closed_forms:
            body = f"{'formula, then with numbers':<{self.body() - 1}}"
            return f"{'line':<{w.number + 1}} {'quantity':<{w.name}} = {body} {'= result':>{w.result + 1}}  role/uses"
        return f"{'line':>{w.number}}  quantity, formula, numbers, result" + "uses, role".rjust(
            max(self.width - w.number - 41, 12)
        )

    def shares(self) -> tuple[int, int]:
        """Widths of formula and numbers on one row: what they need, or what there is."""
        w = self.widths
        room = self.room_for_one()
        if self.long or w.formula + w.numbers <= room:
            return w.formula, w.numbers
        formula = min(w.formula, max(room // 2, room - w.numbers))
        return formula, room - formula

    def row_of_one(self, row: Row) -> Iterator[list[Span]]:
        w = self.widths
        formula, numbers = self.shares()
        relation = self.relation(row)
        formulas = [self.math(row.formula)] if self.long else _broken(self.math(row.formula), formula)
        numerics = [self.math(row.numbers)] if self.long else _broken(self.math(row.numbers), numbers)
        so_far = f"  {self.signed(row.so_far):>{w.so_far}}" if w.so_far else ""
        height = max(len(formulas), len(numerics))
        for place in range(height):
            start = (
                (f"{row.number:>{w.number}}  ", f"{self.math(row.name):<{w.name}} = ")
                if place == 0
                else (" " * (w.number + 2), " " * (w.name + 3))
            )
            left = formulas[place] if place < len(formulas) else ""
            right = numerics[place] if place < len(numerics) else ""
            spans = [(start[0], "dim"), (f"{start[1]}{left:<{formula}} {'=' if place == 0 else ' '} {right:<{numbers}}", "")]
            if place == height - 1:
                spans += [
                    (f" {relation} ", ""),
                    (f"{self.signed(row.result.text):>{w.result}}", "bold"),
                    (f"{so_far}  {self.said(row.uses):<{w.uses}}", "dim"),
                    (f"  {row.label}", _label_style(row.label)),
                ]
            yield spans

    @cached_property
    def aligned(self) -> Callable[[Row], str]:
        """Lines of a long trace: one row each, set in one go."""
        w = self.widths
        form = f"%{w.number}s  %-{w.name}s = %-{w.formula}s = %-{w.numbers}s %s %{w.result}s"
        form += f"  %{w.so_far}s" if w.so_far else "%s"
        uses = f"  %-{w.uses}s  %s\n"
        unicode = self.unicode

        def set_(row: Row) -> str:
            formula, numbers = row.formula.text, row.numbers.text
            if not unicode:
                line = form % (row.number, row.name.text, formula, numbers, row.relation, row.result.text, row.so_far)
                return line + uses % (plain(row.uses), row.label)
            if "^" in formula or "..." in formula or "eta" in formula:
                formula, numbers = fine(formula), fine(numbers)
            line = form % (row.number, row.name.text, formula, numbers, row.relation, row.result.text, row.so_far)
            # Signs that take one column before and after can be replaced when everything has its place.
            line = line.replace("*", "·").replace("-", "−")
            return (line if row.relation == "=" else line.replace("~", "≈")) + uses % (row.uses, row.label)

        return set_

    def relation(self, row: Row) -> str:
        return "=" if row.relation == "=" else self.signed(row.relation)

    def signed(self, text: str) -> str:
        """A number or a relation in the signs of this terminal."""
        return fine(text) if self.unicode else text

    def row_of_two(self, row: Row) -> Iterator[list[Span]]:
        """Formula above numbers; the role on the first row, result and uses on the last."""
        w = self.widths
        body = self.body()
        indent = " " * (w.number + 2 + w.name)
        start = f"{row.number:>{w.number}}", f"  {self.math(row.name):<{w.name}}"
        rule = ("─" if self.unicode else "-") * w.result if row.label == "sum" else ""
        short = row.label.removesuffix(" only")
        if short not in _SHORT_LABELS and not short.startswith("step"):
            short = ""
        parts = [("=", text) for text in (self.math(row.formula), self.math(row.numbers))]
        if parts[0] == parts[1]:
            parts.pop()
        lines = [
            f" {sign if place == 0 else ' '} {piece}" for sign, text in parts for place, piece in enumerate(_broken(text, body))
        ]
        lines[-len(_broken(parts[-1][1], body))] = lines[-len(_broken(parts[-1][1], body))].replace(
            " =", f" {self.relation(row)}", 1
        )
        for place, line in enumerate(lines):
            last = place == len(lines) - 1
            spans: list[Span] = [(start[0], "dim"), (start[1], "")] if place == 0 else [(indent, "")]
            spans.append((f"{line:<{body + 3}} ", ""))
            if last:
                spans.append((f"{self.signed(row.result.text):>{w.result}}", "bold"))
                spans.append((f"  {self.uses(row)}", "dim"))
            elif place == 0:
                spans += [(f"{rule if len(lines) == 2 else '':>{w.result}}", ""), (f"  {short}", _label_style(short))]
            elif place == len(lines) - 2:
                spans.append((f"{rule:>{w.result}}", ""))
            yield spans

    def uses(self, row: Row) -> str:
        """The lines used, without spaces where there is no room for them, and the running total."""
        uses = self.said(row.uses)
        total = self.total(row)
        return (uses if len(uses) + len(total) <= max(TAIL, self.widths.least_tail) else self.compact(row.uses)) + total

    def total(self, row: Row) -> str:
        return f"  so far {self.signed(row.so_far)}" if row.so_far else ""

    def compact(self, uses: str) -> str:
        """Lines used, without spaces."""
        return self.said(uses).replace(", ", ",")

    def row_of_three(self, row: Row) -> Iterator[list[Span]]:
        """For narrow terminals: quantity and role, then the formula, then the numbers."""
        w = self.widths
        indent = w.number + 2
        room = self.width - indent - 2
        name = self.math(row.name)
        gap = max(self.width - indent - len(name) - len(row.label), 1)
        yield [(f"{row.number:>{w.number}}  ", "dim"), (name, ""), (" " * gap, ""), (row.label, _label_style(row.label))]
        relation = self.relation(row)
        result = self.signed(row.result.text)
        lines = [("=", part) for part in (self.math(row.formula), self.math(row.numbers))]
        if lines[0] == lines[1]:
            lines.pop()
        for sign, text in lines:
            for place, part in enumerate(_broken(text, room)):
                yield [(" " * indent, ""), (f"{sign} {part}" if place == 0 else f"    {part}", "")]
        if row.beside:
            *above, result = _broken(result, room)
            for place, part in enumerate(above):
                yield [(" " * indent, ""), (f"{relation} " if place == 0 else "    ", ""), (part, "bold")]
            relation, result = " " if above else relation, f"{result}  {self.signed('~')} {self.signed(row.beside)}"
        uses = f"uses {self.said(row.uses)}" if row.uses else ""
        total = self.total(row)
        gap = max(self.width - indent - 2 - len(result) - len(uses) - len(total), 2)
        yield [(" " * indent, ""), (f"{relation} ", ""), (result, "bold"), (total, "dim"), (" " * gap, ""), (uses, "dim")]


_SHORT_LABELS = {"direct", "carried", "sum", "grows", "shrinks", "stays", "product"}
_PADDING = {3: (0, 1, 0, 1), 2: (0, 1, 0, 0), 1: (0, 0, 0, 0)}
"""Space around cells that makes gaps of so many columns; rich adds one of its own."""
_ASCII_HEAD = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


def _label_style(label: str) -> str:
    if label.startswith("direct"):
        return "bold blue"
    if label.startswith("carried"):
        return "bold bright_red"
    return "bold" if label == "sum" else "dim"


def _broken(text: str, width: int) -> list[str]:
    """A formula over several lines: broken before =, then before + and −, inside brackets only where nothing else helps."""
    if len(text) <= width:
        return [text]
    for signs, deepest in (("=≈", 0), ("+-−", 0), ("+-−", 99), ("*·", 99)):
        pieces = _pieces(text, signs, deepest)
        if len(pieces) > 1:
            lines: list[str] = []
            for piece in pieces:
                if lines and len(lines[-1]) + 1 + len(piece) <= width - 2:
                    lines[-1] += f" {piece}"
                else:
                    lines.append(piece)
            return [part for line in lines for part in _broken(line, width)]
    return [text]


def _pieces(text: str, signs: str, deepest: int) -> list[str]:
    """The parts of a formula that begin with one of these signs, no deeper in brackets than so."""
    pieces: list[str] = []
    depth, start = 0, 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign in signs and depth <= deepest and text[place - 1 : place] == " " and text[place + 1 : place + 2] == " ":
            if place > start + 1:
                pieces.append(text[start : place - 1])
            start = place
    return [*pieces, text[start:]]


def as_text(sheet: Sheet, width: int = 80, *, unicode: bool = True) -> str:
    """A sheet as plain text."""
    from io import StringIO

    out = StringIO()
    show(sheet, Console(file=out, width=width, color_system=None, force_terminal=False, legacy_windows=False), unicode=unicode)
    return out.getvalue()
