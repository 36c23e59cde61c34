"""The file of a class: students down, quantities across, read one line at a time.

A line is a student. What is wrong with one line stays in that line: an open
quote does not swallow the students below it.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError, UnknownName
from bptt_trace.marking.answer_files import delimiter_of, separator_told
from bptt_trace.marking.key import Key

MAX_LINE = 4_000_000
MAX_COLUMNS = 20_000


class Row(NamedTuple):
    """One line of a class file."""

    number: int
    cells: list[str]
    error: str = ""
    """Why it cannot be read; empty if it can."""


@dataclass(frozen=True)
class ClassFile:
    """A class as a CSV file, with commas, semicolons or tabs."""

    path: Path
    sign: str
    encoding: str
    header: tuple[str, ...]
    first: int = 1
    """The line with the names; the second, where ``sep=;`` stands above it."""

    @classmethod
    def open(cls, path: Path) -> ClassFile:
        """Read the first line; raises ``ProblemError`` where there is no class."""
        source = str(path)
        if not path.is_file():
            what = "not a regular file; a class is a CSV file" if path.exists() else "no such file"
            raise ProblemError(what, source=source)
        try:
            with path.open("rb") as binary:
                start = binary.read(2)
            encoding = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
            with path.open(encoding=encoding) as file:
                line = file.readline(MAX_LINE)
                told = separator_told(line)
                if told:
                    line = file.readline(MAX_LINE)
        except UnicodeError:
            raise ProblemError("not UTF-8 text; save it as UTF-8", source=source) from None
        except OSError as error:
            raise ProblemError(f"cannot be read: {error.strerror or error}", source=source) from None
        sign = told or delimiter_of(line)
        header = tuple(_cells(line, sign, 1).cells)
        if len(header) < 2:
            raise ProblemError("a class has a row of names first: student, then quantities such as h_1", source=source)
        if len(header) > MAX_COLUMNS:
            raise ProblemError(f"more than {MAX_COLUMNS:,} columns", path="row 1", source=source)
        return cls(path, sign, encoding, header, 2 if told else 1)

    def names(self, key: Key) -> list[Name]:
        """The quantities of the columns; raises ``ProblemError`` for one that the problem does not have."""
        found: dict[Name, None] = {}
        for place, text in enumerate(self.header[1:], start=2):
            try:
                name = key.register.find(text)
            except UnknownName as error:
                raise ProblemError(str(error), path=f"row 1, column {place}", source=str(self.path)) from None
            if name in found:
                raise ProblemError(f"{name} has two columns", path=f"row 1, column {place}", source=str(self.path))
            found[name] = None
        return list(found)

    def rows(self) -> Iterator[Row]:
        """The lines below the first that are not empty."""
        with self.path.open(encoding=self.encoding, errors="replace") as file:
            for number, line in enumerate(_lines(file), start=1):
                if number <= self.first or not line.strip(f" \t\n{self.sign}"):
                    continue
                yield _cells(line, self.sign, number)

    def digest(self) -> str:
        """A fingerprint of all that is in the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _lines(file: IO[str]) -> Iterator[str]:
    """Lines, an endless one cut: its rest is skipped."""
    while line := file.readline(MAX_LINE):
        rest = line
        while not rest.endswith("\n") and (rest := file.readline(MAX_LINE)):
            line = "\0"
        yield line


def _cells(line: str, sign: str, number: int) -> Row:
    if "\0" in line:
        what = f"longer than {MAX_LINE:,} characters" if line == "\0" else "a character NUL in it"
        return Row(number, [], f"row {number}: {what}")
    try:
        return Row(number, next(csv.reader([line], delimiter=sign, strict=True), []))
    except csv.Error as error:
        return Row(number, [], f"row {number}: {error}; is a quote closed?")
