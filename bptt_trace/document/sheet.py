"""A calculation as readers see it: sections of strings, and nothing else.

A sheet knows no formulas, no numbers and no medium. Mathematics comes in two
spellings, plain text and LaTeX. Rows may be produced while they are read, so
that a long trace is never held in memory as strings; iterating again produces
them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

from bptt_trace.document.digits import NOT_ASKED, Digits
from bptt_trace.document.figures import Bars, Decades, Figure, HeatMap, Picture, Plane
from bptt_trace.document.heading import Handout
from bptt_trace.document.locale import ENGLISH, Locale
from bptt_trace.document.mathematics import NOTHING, Math, MathRow, Relation, Words
from bptt_trace.document.sentences import Inline, to_say, words


class Word(str):
    """The role of a line in a word or two: ``carried``, ``sum``, ``through tanh``."""

    kind: str
    """``direct`` or ``carried`` for the ways of a gradient, ``sum`` where they meet, else empty."""
    said: str
    """The words, where these know their pattern."""
    short: str
    """A short form that fits above a result; empty where the name of the line says enough."""
    name: str
    """The words in English, whatever the language of the sheet."""

    def __new__(cls, said: str, kind: str = "", short: str = "", name: str = "") -> Word:
        """A word with its kind, its short form and its English form, for media that set each kind differently."""
        word = super().__new__(cls, said)
        word.said = said
        word.name = name or str(said)
        word.kind, word.short = kind, short
        return word


NO_WORD = Word("")


class LineNumber(str):
    """The number of a line, where another refers to it."""

    at: str
    """The line that is meant: in ``[1,2] of 30–35``, line 30.1,2 by 30."""
    whole: str
    """The line of matrices of which that is a component, 30; otherwise the same."""

    def __new__(cls, said: str, at: str = "") -> LineNumber:
        """A number; by default of the line that has it."""
        number = super().__new__(cls, said)
        number.at = at or said
        number.whole = number.at.partition(".")[0]
        return number


class Uses(str):
    """The lines whose results a line uses: ``14, 15``."""

    _parts: Callable[[], Iterable[str]]

    def __new__(cls, said: str = "", parts: Callable[[], Iterable[str]] = tuple) -> Uses:
        """The words, and a function that makes their parts: most lines need no parts, and a long trace has many lines."""
        uses = super().__new__(cls, said)
        uses._parts = parts
        return uses

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts from left to right: numbers of lines, and the words between them."""
        return tuple(self._parts())


NO_USES = Uses()


class Row(NamedTuple):
    """One line of the calculation, ready to be set."""

    number: str
    """The line number; empty where the row only recalls another line."""
    name: Math
    formula: Math
    numbers: Math
    result: Math
    uses: Uses
    label: Word
    role: str = ""
    """The role of the quantity, as in JSON."""
    time: int | None = None
    exact: str = ""
    """The value at full precision."""
    so_far: Math = NOTHING
    """In a long sum: the running total up to this row."""
    relation: str = "="
    """``=``, or ``~`` where the printed digits do not give the printed result (policy ``carry``)."""
    beside: Math = NOTHING
    """A decimal beside a closed form (policy ``exact``)."""
    kind: str = ""
    """``board`` for a line of matrices, ``component`` for an entry of the board above it."""
    blank: Digits = NOT_ASKED
    """On a worksheet, where the result is left to the student: the digits asked for."""
    answer: tuple[Math, Math] | None = None
    """With a blank that can be filled in by a switch: the calculation and the result."""


class Stream(Iterable["Row"]):
    """Rows that are produced anew at every iteration."""

    def __init__(self, produce: Callable[[], Iterator[Row]], count: int) -> None:
        self._produce = produce
        self.count = count

    def __iter__(self) -> Iterator[Row]:
        return self._produce()

    def __len__(self) -> int:
        return self.count


A_PAGE = 40
"""Lines of print beyond which a table is broken over pages."""
TALL = 27
"""Lines of print that a heading and a block below it may have together with room to spare on a page."""

THIRD = 40
"""The width of a third of a page, in characters of small print."""


@dataclass(frozen=True)
class Lines:
    """A block of numbered lines, such as one time step."""

    kind: ClassVar = "lines"
    title: Inline
    rows: Stream
    adds_up: bool = False
    """Whether rows carry running totals."""

    @property
    def tall(self) -> bool:
        """Whether the block may be higher than a page."""
        return len(self.rows) > TALL or sum(map(_height, self.rows)) > TALL

    @property
    def groups(self) -> dict[int, int]:
        """The rows that stay on one page: how many they are, by the place of the first of them.

        The first two rows stay together, the last two, a sum with the row above it, and a board with its first component.
        """
        groups = {0: 0}
        above = ""
        for place, row in enumerate(self.rows):
            joins = row.label.name == "sum" or (above, row.kind) == ("board", "component")
            if joins or place in (0, 1, len(self.rows) - 1):
                groups[max(groups)] += 1
            else:
                groups[place] = 1
            above = row.kind
        return groups


def _height(row: Row) -> int:
    """The approximate number of printed lines of a row: a board is as high as its highest matrix."""
    if row.kind == "board":
        return 1 + row.numbers.height
    if row.kind == "component":
        return 1 + row.numbers.width // 60
    return 1 + max(row.formula.width, row.numbers.width) // 32


@dataclass(frozen=True)
class Column:
    """The heading of a column of a table."""

    heading: Inline
    right: bool = False
    strong: bool = False
    room: int = 0
    """The largest width on paper in millimetres, where there is one: words are set smaller, sentences break."""


@dataclass(frozen=True)
class Table:
    """A table of words and numbers."""

    kind: ClassVar = "table"
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Inline, ...]]
    title: Inline = ()
    calculates: bool = False
    """Whether its second column holds calculations."""
    data: bool = False
    """Whether the table is part of JSON too, because no line has its content."""
    folds: bool = False
    """Whether it is so narrow that on paper its halves stand side by side."""

    @property
    def long(self) -> bool:
        """Whether it has too many rows to be set whole: it may break between two of them, so it stands in no box."""
        return len(self.rows) > 30

    @property
    def abreast(self) -> int:
        """The number of parts of a folding table that stand side by side."""
        return 3 if self.width <= THIRD else 2

    @property
    def folded(self) -> int:
        """The number of rows in each of its parts, where the table folds: as many as fit a page, or fewer."""
        return min(-(-len(self.rows) // self.abreast), 38)

    @property
    def breaks(self) -> bool:
        """Whether it may be higher than a page."""
        return self.height > A_PAGE

    @property
    def height(self) -> int:
        """The approximate number of printed lines of the table: a row is as high as its highest matrix."""
        return sum(max(_height_of_cell(cell) for cell in row) for row in self.rows)

    def beside(self, other: Table) -> bool:
        """Whether another table has room to its right on a page."""
        narrow = self.width + 2 * len(self.columns) <= 60 and other.width + 2 * len(other.columns) <= 90
        return narrow and not any(table.calculates or table.folds or table.long or table.breaks for table in (self, other))

    @property
    def width(self) -> int:
        """The width of its columns in plain text, in characters."""
        cells = zip(*([column.heading for column in self.columns], *self.rows), strict=True)
        return sum(max(len(words(cell)) for cell in column) for column in cells)


def _height_of_cell(cell: Inline) -> int:
    return max((part.height for part in cell if isinstance(part, Math)), default=1)


@dataclass(frozen=True)
class Part:
    """A summand of a general formula, with the word under its brace."""

    math: Math
    word: str = ""
    via: Math | None = None
    """The quantity by which it arrives, where the word is ``via``."""
    kind: str = ""
    """``direct`` or ``carried`` for the ways of a gradient."""

    @property
    def below(self) -> Math:
        """The text under the brace: the word, or the quantity by which the summand arrives."""
        return MathRow(Words(f"{self.word} "), self.via) if self.via else Words(self.word)


@dataclass(frozen=True)
class Equation:
    """A general formula, ``left = part + part``, with a remark."""

    left: Math
    parts: tuple[Part, ...]
    remark: str = ""

    @property
    def length(self) -> int:
        """The length in plain text, in characters."""
        return self.left.width + sum(part.math.width + 3 for part in self.parts)


@dataclass(frozen=True)
class Equations:
    """The general formulas that open a section."""

    kind: ClassVar = "equations"
    lead: Inline
    items: tuple[Equation, ...]

    @property
    def long(self) -> bool:
        """Whether a formula may be wider than a page."""
        return any(item.length > 46 for item in self.items)

    @property
    def named(self) -> bool:
        """Whether there are names of summands or remarks besides the formulas."""
        return any(item.remark or len(item.parts) > 1 for item in self.items)


@dataclass(frozen=True)
class Note:
    """An explanation behind a key word; every number in it stands in a line or is calculated in it."""

    kind: ClassVar = "note"
    word: str
    text: Inline


@dataclass(frozen=True)
class Paragraph:
    """A sentence or two."""

    kind: ClassVar = "paragraph"
    text: Inline


@dataclass(frozen=True)
class Bullets:
    """A list."""

    kind: ClassVar = "bullets"
    items: tuple[Inline, ...]


Block = Lines | Table | Equations | Note | Paragraph | Bullets | Figure


@dataclass(frozen=True)
class Section:
    """A numbered part of a sheet."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    marks: str = ""
    """On a worksheet: the marks of all its blanks together."""


@dataclass(frozen=True)
class Sheet:
    """A document: given numbers, conventions, sections, and footnotes about its numbers."""

    title: str
    subtitle: str
    given: tuple[Table, ...]
    conventions: tuple[tuple[str, Inline], ...]
    sections: tuple[Section, ...]
    footer: tuple[Note, ...] = ()
    rounding: Mapping[str, Any] = field(default_factory=dict)
    values: Iterable[tuple[str, str]] = ()
    """Every quantity by name, with its printed value."""
    kind: str = to_say("worked solution")
    """The kind of document, in a word or two."""
    box: Inline = ()
    """The content of the box at the top: the score."""
    closing: str = ""
    """The last words."""
    handout: Handout = field(default_factory=Handout)
    """Course, author, date, instructions, and the code of the sheet, where it has one."""
    locale: Locale = ENGLISH
    """The language and the decimal mark of its readers."""
    local: bool = False
    """Whether the sheet is already translated."""
    layout: str = ""
    """``one-page`` for a sheet that is set on one page."""
    density: int = 0
    """The density of that page, from 0 (as dense as can be read) to 2 (the most white space)."""

    @property
    def wide(self) -> bool:
        """Whether numbers are so long that a line wants several rows of its own."""
        digits = (self.rounding.get("places", 0), self.rounding.get("figures", 0), *self.rounding.get("places_of", {}).values())
        return self.rounding.get("policy") in ("full", "exact") or max(digits) > 8

    @property
    def much_given(self) -> bool:
        """Whether the given numbers are too wide, or too many, to stand beside the box of conventions."""
        return any(table.breaks or table.width > 44 or table.width + 2 * len(table.columns) > 56 for table in self.given)

    @property
    def has_answers(self) -> bool:
        """Whether blanks have their answers behind them, for a switch."""
        return any(row.answer is not None for row in self.rows())

    def figures(self) -> Iterator[Figure]:
        """All pictures in their order."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Picture | Bars | Decades | HeatMap | Plane):
                    yield block

    def rows(self) -> Iterator[Row]:
        """All lines in their order."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Lines):
                    yield from block.rows


def airy(sheet: Sheet) -> Sheet:
    """A sheet for one page, with white space according to its number of lines."""
    count = sum(1 for _ in sheet.rows())
    return replace(sheet, density=2 if count <= 26 else 1 if count <= 46 else 0)


def turned(columns: Sequence[Column], rows: Sequence[tuple[Inline, ...]], title: Inline = (), symbol: Math = NOTHING) -> Table:
    """The table with its rows as columns; ``symbol`` stands before the headings that are numbers: ``t = 1``."""
    first, *others = columns
    heads = [Column(first.heading if symbol is NOTHING else ())]
    for row in rows:
        heading = (Relation(symbol, part) if symbol is not NOTHING and isinstance(part, Math) else part for part in row[0])
        heads.append(Column(tuple(heading), right=True))
    cells = [(column.heading, *(row[place + 1] for row in rows)) for place, column in enumerate(others)]
    return Table(tuple(heads), cells, title)
