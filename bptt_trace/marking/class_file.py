"""The file of a class: students down, quantities across, read one line at a time.

A line is a student. A fault in one line stays in that line: an open
quote does not swallow the students below it. So a class can be cut at the end
of any line, and its pieces be read apart from each other.
"""

from __future__ import annotations

import csv
import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError, UnknownName
from bptt_trace.marking.answer_files import MAX_CELL, delimiter_of, separator_told
from bptt_trace.marking.key import Key

MAX_LINE = 4_000_000
MAX_COLUMNS = 20_000
BLOCK = 1 << 20
"""The number of bytes that are searched at a time for the ends of lines."""
STEP = 24
"""The distance of possible cuts of a class, in lines."""
MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"\xef\xbb\xbf": "utf-8"}
"""Byte order marks, and what follows them."""


class StudentRow(NamedTuple):
    """One line of a class file."""

    number: int
    cells: list[str]
    error: str = ""
    """Why it cannot be read; empty if it can."""


class Piece(NamedTuple):
    """Some lines of a class file, by the bytes where they begin and end."""

    start: int
    end: int
    line: int
    """The number of the first line."""
    lines: int


class Outline(NamedTuple):
    """The result of one pass over the bytes of a class."""

    digest: str
    """A fingerprint of the content of the file."""
    cuts: Sequence[int]
    """The beginning of every 24th line, and the end of the last."""
    lines: int

    def pieces(self, most: int) -> Iterator[Piece]:
        """The class in pieces of at most so many lines: small ones first and last, so that several processes end together.

        They depend on the file alone, not on who reads them.
        """
        first, last = 0, len(self.cuts) - 1
        while first < last:
            count = max(1, min(most // STEP, first, (last - first) // 4))
            end = first + count
            lines = count * STEP if end < last else self.lines - first * STEP
            yield Piece(self.cuts[first], self.cuts[end], first * STEP + 1, lines)
            first = end


@dataclass(frozen=True)
class ClassFile:
    """A class as a CSV file, with commas, semicolons or tabs."""

    path: Path
    sign: str
    encoding: str
    header: tuple[str, ...]
    first: int = 1
    """The line with the names; the second, where ``sep=;`` stands above it."""
    start: int = 0
    """Bytes before the first line: a byte order mark."""

    @classmethod
    def open(cls, path: Path) -> ClassFile:
        """Read the first line; raises ``ProblemError`` where there is no class."""
        source = str(path)
        if not path.is_file():
            what = "not a regular file; a class is a CSV file" if path.exists() else "no such file"
            raise ProblemError(what, source=source)
        try:
            with path.open("rb") as binary:
                begun = binary.read(3)
            mark = next((mark for mark in MARKS if begun.startswith(mark)), b"")
            encoding = MARKS.get(mark, "utf-8")
            with path.open("rb") as binary:
                binary.seek(len(mark))
                file = TextIOWrapper(binary, encoding)
                first, sign, header = head(file)
        except UnicodeError:
            raise ProblemError("not UTF-8 text; save it as UTF-8", source=source) from None
        except ProblemError as error:
            error.source = source
            raise
        except OSError as error:
            raise ProblemError(f"cannot be read: {error.strerror or error}", source=source) from None
        return cls(path, sign, encoding, header, first, len(mark))

    def names(self, key: Key) -> list[Name]:
        """The quantities of the columns; raises ``ProblemError`` for one that the problem does not have."""
        try:
            return names_of(key, self.header)
        except ProblemError as error:
            error.source = str(self.path)
            raise

    def outline(self) -> Outline:
        """One pass over the file: its fingerprint, and where it can be cut."""
        unit = np.dtype({"utf-16-le": "<u2", "utf-16-be": ">u2"}.get(self.encoding, "u1"))
        digest, cuts, lines, offset = hashlib.sha256(), array("q", [self.start]), 0, self.start
        returned = False
        """Whether the last sign was a carriage return, behind which a line feed may be due."""
        with self.path.open("rb") as file:
            digest.update(file.read(self.start))
            while block := file.read(BLOCK):
                digest.update(block)
                signs = np.frombuffer(block[: len(block) // unit.itemsize * unit.itemsize], unit)
                ends = _line_ends(signs, returned) * unit.itemsize + offset
                cuts.extend(ends[STEP - 1 - lines % STEP :: STEP].tolist())
                lines, offset, returned = lines + len(ends), offset + len(block), bool(signs[-1:] == 13)
        if cuts[-1] < offset:
            cuts.append(offset)
        return Outline(digest.hexdigest(), cuts, lines + 1)

    def rows(self, piece: Piece | None = None) -> Iterator[StudentRow]:
        """The lines below the names that are not empty: all of them, or those of a piece."""
        with self.path.open("rb") as file:
            file.seek(piece.start if piece else self.start)
            raw: Any = _Portion(file, piece.end - piece.start) if piece else file
            with TextIOWrapper(BufferedReader(raw) if piece else raw, self.encoding, "replace") as text:
                yield from rows_of(text, self.sign, self.first, piece.line if piece else 1)


class _Portion(RawIOBase):
    """A number of bytes of a file from its current position."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what is left."""
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)


def _line_ends(signs: Any, returned: bool) -> Any:
    """The places behind the ends of lines: LF, CR LF, or CR alone; ``returned`` is whether a CR stands before them."""
    feeds, returns = signs == 10, signs == 13
    if not returned and not returns.any():
        return np.flatnonzero(feeds) + 1
    alone = returns.copy()
    alone[:-1] &= ~feeds[1:]
    alone[-1:] = False  # the next bytes decide
    ends = np.flatnonzero(feeds | alone) + 1
    return np.concatenate(([0], ends)) if returned and len(feeds) and not feeds[0] else ends


def head(file: IO[str]) -> tuple[int, str, tuple[str, ...]]:
    """The number of the line of names, what separates cells, and the names; raises ``ProblemError`` where there are none."""
    line = file.readline(MAX_LINE)
    told = separator_told(line)
    if told:
        line = file.readline(MAX_LINE)
    sign = told or delimiter_of(line)
    header = tuple(_cells(line, sign, 1).cells)
    if len(header) < 2:
        raise ProblemError("a class has a row of names first: student, then quantities such as h_1")
    if len(header) > MAX_COLUMNS:
        raise ProblemError(f"more than {MAX_COLUMNS:,} columns", path="row 1")
    return (2 if told else 1), sign, header


def names_of(key: Key, header: Sequence[str]) -> list[Name]:
    """The quantities that a row of names has behind the student; raises ``ProblemError``."""
    names: dict[Name, None] = {}
    for column, text in enumerate(header[1:], start=2):
        try:
            name = key.register.find(text)
        except UnknownName as error:
            raise ProblemError(str(error), path=f"row 1, column {column}") from None
        if name in names:
            raise ProblemError(f"{name} has two columns", path=f"row 1, column {column}")
        names[name] = None
    return list(names)


def rows_of(file: IO[str], sign: str, first: int = 0, number: int = 1) -> Iterator[StudentRow]:
    """The rows of lines of which the first has this number; those up to the line ``first``, and empty ones, are passed over."""
    for line_number, line in enumerate(_lines(file), start=number):
        if line_number > first and line.strip(f" \t\n{sign}"):
            yield _cells(line, sign, line_number)


def _lines(file: IO[str]) -> Iterator[str]:
    """Lines, an endless one cut: its rest is skipped."""
    while line := file.readline(MAX_LINE):
        rest = line
        while not rest.endswith("\n") and (rest := file.readline(MAX_LINE)):
            line = "\0"
        yield line


def _cells(line: str, sign: str, number: int) -> StudentRow:
    if "\0" in line:
        what = f"longer than {MAX_LINE:,} characters" if line == "\0" else "a character NUL in it"
        return StudentRow(number, [], f"row {number}: {what}")
    if '"' not in line and len(line) < MAX_CELL:  # the common case
        return StudentRow(number, line.rstrip("\n").split(sign))
    try:
        return StudentRow(number, next(csv.reader([line], delimiter=sign, strict=True), []))
    except csv.Error as error:
        return StudentRow(number, [], f"row {number}: {error}; is a quote closed?")
