"""A sheet in the terminal, at any width, with or without colour and Unicode.

The line tables have layouts of their own: one row for each line where there is
room, two or three where there is not. Long traces go out as plain aligned
columns. rich colours what goes to a real terminal, and is loaded only there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import IO, TYPE_CHECKING, ClassVar, assert_never

from bptt_trace.document.figures import Bars, Decades, Figure, HeatMap, Picture, Plane
from bptt_trace.document.local import local
from bptt_trace.document.locale import Locale
from bptt_trace.document.mathematics import Math
from bptt_trace.document.sentences import Inline
from bptt_trace.document.sheet import Block, Bullets, Equations, Lines, Note, Paragraph, Part, Section, Sheet, Table
from bptt_trace.media.drawing.characters import drawn, in_words, needed
from bptt_trace.media.table_grid import Column, Grid, at_left, at_right, centred, columns_of, folded
from bptt_trace.media.terminal_rows import SAMPLE, Layout, Span, broken
from bptt_trace.media.unicode import Script

if TYPE_CHECKING:
    from rich.console import Console

CHUNK = 500
"""Rows of a long trace that are written at once."""
LONG_TABLE = 100
"""Rows from which a table is set row by row, its widths from a sample."""

BESIDE = 5
"""Columns between tables that stand side by side."""
LEAST_WORDS = 12
"""The narrowest column of words."""
HELD = "\u2800"
"""Stands for a space at which a table must not break a line."""

NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Plain:
    """A file or a pipe, in place of a terminal: no colour, and a given width."""

    file: IO[str]
    width: int = 80
    is_terminal: ClassVar[bool] = False


def show(sheet: Sheet, console: Console | Plain, *, unicode: bool = True) -> None:
    """Print a sheet on a terminal, or plainly into a file."""
    _Terminal(console, unicode, sheet.locale).sheet(local(sheet))


class _Terminal:
    """Prints block by block; knows the console, and whether it can print Unicode."""

    def __init__(self, console: Console | Plain, unicode: bool, locale: Locale) -> None:
        self.console = console
        self.width = console.width
        self.unicode = unicode
        self.script = Script(unicode, locale)

    def rule(self, heavy: bool = False) -> str:
        if self.unicode:
            return ("━" if heavy else "─") * self.width
        return ("=" if heavy else "-") * self.width

    # --------------------------------------------------------------- document

    def sheet(self, sheet: Sheet) -> None:
        self.layout = Layout(sheet, self.width, self.script)
        code = (
            f"   {self.script.say('sheet')} {sheet.handout.code}"
            if sheet.handout.code and sheet.kind in ("worksheet", "key")
            else ""
        )
        self.wrapped(self.script.said(sheet.title) + code, style="bold")
        if sheet.subtitle:
            self.wrapped(self.script.said(sheet.subtitle), style="dim")
        if sheet.handout.line:
            self.wrapped(self.script.said(sheet.handout.line), style="dim")
        if sheet.kind == "worksheet":
            self.line()
            name, which, date = map(self.script.say, ("Name", "Student no.", "Date"))
            rest = f"  {which} {'_' * 10}  {date} {'_' * 8}"
            room = max(self.width - columns_of(f"{name} {rest}"), 6)
            student = self.script.said(sheet.handout.student)[:room] or "_" * room
            self.line((f"{name} {at_left(student, room)}{rest}", ""))
        if sheet.handout.instructions:
            self.line()
            self.wrapped(self.script.said(sheet.handout.instructions))
        if sheet.box:
            self.line()
            self.wrapped(self.unbroken(sheet.box), style="bold")
        if sheet.given:
            self.heading(self.script.say("Given"))
            self.given(sheet.given)
        if sheet.conventions:
            self.heading(self.script.say("Conventions of this sheet"))
            self.conventions(sheet.conventions)
        for number, section in enumerate(sheet.sections, 1):
            self.section(number, section)
        if sheet.closing:
            self.line()
            self.wrapped(self.script.said(sheet.closing), style="dim")
        if sheet.footer:
            self.line()
            self.line((self.rule(), "dim"))
            for note in sheet.footer:
                self.note(note, bar="")

    def heading(self, title: str, *, heavy: bool = False) -> None:
        self.line()
        self.wrapped(title, style="bold")
        self.line((self.rule(heavy), "dim"))

    def section(self, number: int, section: Section) -> None:
        self.heading(f"{number}  {self.script.said(section.title)}", heavy=True)
        headed = False
        after_lines = False
        for before, block in zip((None, *section.blocks), section.blocks, strict=False):
            if isinstance(before, Picture | Bars | Decades | HeatMap | Plane) and isinstance(block, Note | Paragraph | Bullets):
                self.line()
            if isinstance(block, Lines):
                self.lines(block, headed=not headed, apart=headed or after_lines)
                headed = True
            else:
                if after_lines and isinstance(block, Equations):
                    self.line()
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
            case Picture() | Bars() | Decades() | HeatMap() | Plane():
                self.figure(block)
            case _:
                assert_never(block)

    # ------------------------------------------------------------ short pieces

    def line(self, *spans: Span) -> None:
        """One line of the terminal; never wrapped, never read as markup."""
        if isinstance(self.console, Plain) or not self.console.is_terminal:
            self.console.file.write("".join([text for text, _ in spans]).rstrip() + "\n")
            return
        from rich.text import Text

        text = Text.assemble(*spans) if spans else Text()
        text.rstrip()
        self.console.print(text, soft_wrap=True)

    def unbroken(self, text: Inline) -> str:
        """Inline content in which no calculation breaks over a line, as long as it fits on one."""
        room = self.width - 8
        return "".join(
            self.held(self.script.math(part), room) if isinstance(part, Math) else self.script.said(part) for part in text
        )

    @staticmethod
    def held(math: str, room: int) -> str:
        return math.replace(" ", NO_BREAK) if len(math) <= room else math

    def wrapped(self, text: str, *, first: str = "", others: str = "", style: str = "", word: str = "") -> None:
        """A paragraph; ``word`` is set bold at its beginning."""
        for index, line in enumerate(folded(f"{word}{text}", self.width - columns_of(first)) or [""]):
            line = line.replace(NO_BREAK, " ")
            start = first if index == 0 else others
            if index == 0 and word and line.startswith(word):
                self.line((start, "dim"), (word, "bold"), (line[len(word) :], style))
            else:
                self.line((start, "dim"), (line, style))

    def note(self, note: Note, bar: str | None = None) -> None:
        mark = ("  │ " if self.unicode else "  | ") if bar is None else bar
        self.wrapped(
            f" {self.unbroken(note.text)}", first=mark, others=mark, style="green" if bar is None else "dim", word=f"{note.word}:"
        )

    def figure(self, figure: Figure) -> None:
        self.line()
        self.wrapped(self.script.inline(figure.title), style="bold")
        self.line()
        rows = drawn(figure, self.width - 2, self.script)
        for row in rows or in_words(figure, self.width - 2, self.script):
            self.line(("  ", ""), *row)
        if not rows and isinstance(figure, Picture):
            self.line()
            self.wrapped(
                self.script.say("The picture needs {n} columns.", n=str(needed(figure, self.script) + 2)), first="  ", style="dim"
            )

    def conventions(self, rows: Iterable[tuple[str, Inline]]) -> None:
        rows = list(rows)
        width = max(columns_of(term) for term, _ in rows) + 3
        for term, text in rows:
            self.wrapped(self.unbroken(text), first=at_left(term, width), others=" " * width)

    def equations(self, block: Equations) -> None:
        if block.lead:
            self.wrapped(self.unbroken(block.lead))
        lefts = max(len(self.script.math(item.left)) for item in block.items)
        for item in block.items:
            start = f"     {self.script.math(item.left):<{lefts}} = "
            parts = [self.script.math(part.math) for part in item.parts]
            line = start + "   +   ".join(parts)
            remark = f"    {self.script.said(item.remark)}" if item.remark and not any(part.word for part in item.parts) else ""
            if columns_of(line + remark) > self.width:
                remark = ""
            if len(line) <= self.width:
                self.line((line, ""), (remark, "dim"))
                self.braces(len(start), parts, item.parts)
                continue
            for index, one in enumerate(broken(" + ".join(parts), self.width - len(start))):
                self.line((start if index == 0 else " " * len(start), ""), (one, ""))

    def braces(self, indent: int, shown: list[str], parts: tuple[Part, ...]) -> None:
        """``└── direct ──┘`` under the parts of a sum that have a name."""
        if not any(part.word for part in parts):
            return
        left, across, right = "└─┘" if self.unicode else "'-'"
        line = " " * indent
        for index, (text, part) in enumerate(zip(shown, parts, strict=True)):
            line += " " * 7 if index else ""
            word = f"{part.word} {self.script.math(part.via)}" if part.via else part.word
            line += left + centred(f" {word} ", len(text) - 2, across) + right
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
        widths = [min(grid.natural, self.width) for grid in grids]
        if sum(widths) + BESIDE * (len(grids) - 1) <= self.width:
            self.beside(grids, widths)
            return
        for index, (table, grid) in enumerate(zip(tables, grids, strict=True)):
            if index:
                self.line()
            if all(column.right for column in table.columns[1:]):  # numbers, which would be cut where they have no room
                gap, groups = self.chunks(table)
                for columns in groups:
                    self.print(self.grid(table, columns, gap))
            else:
                self.print(grid)

    def beside(self, grids: list[Grid], widths: list[int]) -> None:
        """Tables side by side, each as wide as it is by itself."""
        for row in zip_longest(*(grid.lines(width) for grid, width in zip(grids, widths, strict=True))):
            spans: list[Span] = []
            for index, (line, width) in enumerate(zip(row, widths, strict=True)):
                spans += [(" " * BESIDE, "")] if index else []
                spans += [(" " * width, "")] if line is None else line
            self.line(*((text.replace(HELD, " "), style) for text, style in spans))

    def table(self, table: Table) -> None:
        if table.title:
            self.wrapped(self.script.inline(table.title), style="bold")
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
        heads = [self.script.inline(column.heading) for column in table.columns]
        sample = [
            [self.script.inline(cell) for cell in row] for rows in (table.rows[:SAMPLE], table.rows[-SAMPLE:]) for row in rows
        ]
        sizes = [max(columns_of(head), *(columns_of(row[place]) for row in sample)) for place, head in enumerate(heads)]
        sides = [(at_right if column.right else at_left, size) for column, size in zip(table.columns, sizes, strict=True)]

        def set_(cells: Iterable[str]) -> str:
            return "  ".join([side(cell, size) for (side, size), cell in zip(sides, cells, strict=True)])

        self.line((set_(heads), "bold"))
        for row in table.rows:
            self.console.file.write(set_(map(self.script.inline, row)).rstrip() + "\n")

    def longest_calculation(self, table: Table) -> int:
        """The largest width beside the words of a table of calculations; 0 for other tables."""
        if not table.calculates:
            return 0
        sizes = [max(columns_of(line) for row in table.rows for line in self.script.inline(row[c]).split("\n")) for c in range(2)]
        return sum(sizes) + 6

    def stacked(self, table: Table) -> None:
        """The rows for narrow terminals: step and explanation, and the calculations below them."""
        for step, calculations, explanation in table.rows:
            if step[0]:  # a step of several calculations is named with the first
                self.wrapped(f" {self.script.inline(explanation)}", word=f"{self.script.inline(step)}:")
            for part in calculations:
                if isinstance(part, Math):
                    for index, piece in enumerate(broken(self.script.math(part), self.width - 6)):
                        self.line(("  " if index == 0 else "      ", ""), (piece, ""))

    def grid(self, table: Table, columns: list[int], gap: int = 3) -> Grid:
        """Some columns of a table; calculations in it do not break."""
        fixed = len(table.columns) - 1 if self.longest_calculation(table) > 0 else 0
        return Grid(
            [
                Column(
                    self.script.inline(column.heading),
                    [self.cell(row[column_number]) for row in table.rows],
                    right=column.right,
                    strong=column.strong,
                    fixed=column_number < fixed,
                )
                for column_number, column in ((column_number, table.columns[column_number]) for column_number in columns)
            ],
            gap,
            "─" if self.unicode else "-",
            self.script.said("…"),
        )

    def cell(self, text: Inline) -> str:
        return "".join(
            self.breakable(self.script.math(part)) if isinstance(part, Math) else self.script.said(part) for part in text
        )

    def breakable(self, math: str) -> str:
        """Mathematics in a cell: a matrix may break behind a row, a row that is long behind a number."""
        held = math.replace(" ", HELD).replace(f";{HELD}", "; ")
        return held.replace(f",{HELD}", ", ") if max(map(len, held.split("; "))) > self.width // 3 else held

    def print(self, grid: Grid) -> None:
        for spans in grid.lines(self.width):
            self.line(*((text.replace(HELD, " "), style) for text, style in spans))

    def chunks(self, table: Table) -> tuple[int, list[list[int]]]:
        """The space between columns, and the columns in as few groups as fit; each group repeats the first column."""
        cells = [[self.script.inline(row[c]) for row in table.rows] for c in range(len(table.columns))]
        heads = [self.script.inline(column.heading) for column in table.columns]
        sizes = [max([columns_of(head), *map(columns_of, column)]) for head, column in zip(heads, cells, strict=True)]
        every = list(range(len(sizes)))
        for gap in (3, 2):
            if sum(sizes) + gap * (len(sizes) - 1) <= self.width:
                return gap, [every]
        wraps = [place for place in every if table.columns[place].room and not table.columns[place].right]
        rest = sum(size for place, size in enumerate(sizes) if place not in wraps) + 3 * (len(sizes) - 1)
        if table.calculates or (wraps and rest + 2 * LEAST_WORDS * len(wraps) <= self.width):
            return 3, [every]  # the columns of words break
        groups, used = [[0]], sizes[0]
        for column in every[1:]:
            if used + 3 + sizes[column] > self.width and len(groups[-1]) > 1:
                groups.append([0])
                used = sizes[0]
            groups[-1].append(column)
            used += 3 + sizes[column]
        return 3, groups

    def lines(self, block: Lines, *, headed: bool, apart: bool) -> None:
        """A block of lines; the heading of its columns comes once for each section."""
        if apart or block.title:
            self.line()
        if block.title:
            dash = "─" if self.unicode else "-"
            *above, title = folded(f"{dash * 2} {self.script.inline(block.title)}", self.width - 3, "   ")
            for text in above:
                self.line((text, "bold"))
            self.line((f"{title} ", "bold"), (dash * (self.width - columns_of(title) - 1), "dim"))
        if headed:
            self.line((self.layout.head(), "dim"))
        write = self.console.file.write
        if self.layout.long and not self.layout.boards and not self.layout.worksheet:
            texts = map(self.layout.aligned, block.rows)
            while chunk := "".join(islice(texts, CHUNK)):
                write(chunk)
            return
        rows = self.layout.rows()
        if not self.console.is_terminal:
            for row in block.rows:
                for spans in rows(row):
                    write("".join([text for text, _ in spans]).rstrip() + "\n")
            return
        for row in block.rows:
            for spans in rows(row):
                self.line(*spans)


def as_text(sheet: Sheet, width: int = 80, *, unicode: bool = True) -> str:
    """A sheet as plain text."""
    from io import StringIO

    out = StringIO()
    show(sheet, Plain(out, width), unicode=unicode)
    return out.getvalue()
