"""A whole class: one row for each student, marked one after the other, never all at once in memory.

What is done is kept beside the result, so that an interrupted run goes on where
it stopped. A row that cannot be read is a row that says so.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

from bptt_trace.answers import delimiter_of
from bptt_trace.check import Key, Marks, check
from bptt_trace.errors import ProblemError, TraceError, UnknownName
from bptt_trace.misconceptions import CATALOGUE
from bptt_trace.names import Name
from bptt_trace.problem import Problem, load
from bptt_trace.sheet import Block, Column, Inline, Math, Paragraph, Section, Sheet, Table

MAX_CELL = 200_000
CHUNK = 64
PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
BINS = 10


@dataclass(frozen=True)
class ClassFile:
    """A class as a CSV file: students down, quantities across."""

    path: Path
    sign: str
    encoding: str
    header: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> ClassFile:
        """Read the first row; raises ``ProblemError`` where there is none."""
        if not path.is_file():
            what = "not a regular file; a class is a CSV file" if path.exists() else "no such file"
            raise ProblemError(what, source=str(path))
        with path.open("rb") as file:
            start = file.read(2)
        encoding = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            with path.open(encoding=encoding, newline="") as file:
                line = file.readline(MAX_CELL)
        except UnicodeDecodeError:
            raise ProblemError("not UTF-8 text; save it as UTF-8", source=str(path)) from None
        sign = delimiter_of(line)
        header = tuple(next(csv.reader([line], delimiter=sign), ()))
        if len(header) < 2:
            raise ProblemError("a class has a row of names first: student, then quantities such as h_1", source=str(path))
        return cls(path, sign, encoding, header)

    def names(self, key: Key) -> list[Name]:
        """The quantities of the columns; raises ``ProblemError`` for one that the problem does not have."""
        found: list[Name] = []
        for place, text in enumerate(self.header[1:], start=2):
            try:
                name = key.register.find(text)
            except UnknownName as error:
                raise ProblemError(str(error), path=f"row 1, column {place}", source=str(self.path)) from None
            if name in found:
                raise ProblemError(f"{name} has two columns", path=f"row 1, column {place}", source=str(self.path))
            found.append(name)
        return found

    def rows(self) -> Iterator[tuple[int, list[str] | str]]:
        """The rows below the first, with their numbers; a row that cannot be read is the reason."""
        csv.field_size_limit(MAX_CELL)
        with self.path.open(encoding=self.encoding, newline="", errors="replace") as file:
            reader = csv.reader((line.replace("\0", "\ufffd") for line in file), delimiter=self.sign)
            number = 0
            while True:
                number += 1
                try:
                    row: list[str] | str = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    row = str(error)
                if number > 1 and row:
                    yield number, row

    def fingerprint(self, problem: Problem) -> str:
        """What a kept part of the result belongs to."""
        stat = self.path.stat()
        text = f"{self.header}{stat.st_size}{stat.st_mtime_ns}{sorted((str(k), v.text) for k, v in problem.given.items())}"
        return hashlib.sha256(f"{text}{problem.rounding}{problem.marks}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Graded:
    """One student: the row of the marks file, and what the summary counts."""

    row: int
    student: str
    marks: Marks | None
    error: str = ""


@dataclass
class Grader:
    """Marks rows; made once in each process."""

    problem: Problem
    names: Sequence[Name]
    variants: Path | None = None
    key: Key = field(init=False)

    def __post_init__(self) -> None:
        self.key = Key(self.problem)
        self._variant = lru_cache(maxsize=64)(self._load_variant)

    def grade(self, numbered: tuple[int, list[str] | str]) -> Graded:
        """The marks of one row."""
        number, row = numbered
        if isinstance(row, str):
            return Graded(number, "", None, f"row {number}: {row}")
        student = row[0].strip()
        if len(row) > len(self.names) + 1 and any(cell.strip() for cell in row[len(self.names) + 1 :]):
            return Graded(number, student, None, f"row {number}: {len(row)} cells for {len(self.names) + 1} columns")
        try:
            key = self.key if self.variants is None else self._variant(student)
            cells = [*row[1:], *[""] * len(self.names)]
            return Graded(number, student, check(key, dict(zip(self.names, cells, strict=False))))
        except (TraceError, OSError) as error:
            return Graded(number, student, None, f"row {number}: {error}")

    def _load_variant(self, student: str) -> Key:
        assert self.variants is not None
        index = self.variants / "index.csv"
        if index.is_file():
            with index.open(encoding="utf-8-sig", newline="") as file:
                for row in csv.DictReader(file):
                    if row.get("student") == student and row.get("problem"):
                        return Key(load(self.variants / str(row["problem"])))
            raise ProblemError(f"no variant for student {student[:80]!r}", source=str(index))
        path = self.variants / f"{safe(student)}.toml"
        if not path.is_file():
            raise ProblemError(f"no variant {path.name} for student {student[:80]!r}", source=str(self.variants))
        return Key(load(path))


_worker: Grader | None = None


def _start(problem: Problem, names: Sequence[Name], variants: Path | None) -> None:
    global _worker
    _worker = Grader(problem, names, variants)


def _grade(numbered: tuple[int, list[str] | str]) -> Graded:
    assert _worker is not None
    return _worker.grade(numbered)


def graded(
    problem: Problem,
    names: Sequence[Name],
    rows: Iterable[tuple[int, list[str] | str]],
    jobs: int = 1,
    variants: Path | None = None,
) -> Iterator[Graded]:
    """Every row marked, in order, in one process or in several."""
    if jobs <= 1:
        yield from map(Grader(problem, names, variants).grade, rows)
        return
    from multiprocessing import get_context

    with get_context("fork" if hasattr(__import__("os"), "fork") else "spawn").Pool(
        jobs, _start, (problem, names, variants)
    ) as pool:
        yield from pool.imap(_grade, rows, CHUNK)


# ------------------------------------------------------------------------ files


def safe(text: str) -> str:
    """A name for a file, from any text."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:60].strip("_-")
    known = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
    reserved = plain.upper() in {"CON", "PRN", "AUX", "NUL"} or not plain
    return plain if plain == text and not reserved else f"{plain or 'student'}-{known}"


def hardened(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: a plain number stays as it is."""
    plain = "".join(sign if sign.isprintable() else "?" for sign in text)
    return f"'{plain}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not PLAIN.fullmatch(text) else plain


def header(names: Sequence[Name]) -> list[str]:
    """The first row of the marks file."""
    return ["student", "score", "out_of", "first_wrong", "mistakes", "remark", *map(str, names)]


def line_of(one: Graded, count: int) -> list[str]:
    """A row of the marks file."""
    if one.marks is None:
        return [hardened(one.student), "", "", "", "", hardened(one.error), *[""] * count]
    marks = one.marks
    slugs = dict.fromkeys(slug for answer in marks.faults for slug in answer.misconceptions)
    verdicts = {answer.name: answer.verdict for answer in marks.answers}
    human = [answer.name for answer in marks.answers if answer.verdict in ("unreadable", "needs-human", "not-assessable")]
    remark = f"to look at: {', '.join(map(str, human))}" if human else ""
    first = "" if marks.first_wrong is None else str(marks.first_wrong)
    row = [one.student, f"{marks.score:g}", f"{marks.out_of:g}", first, " ".join(slugs), remark]
    return [*map(hardened, row), *verdicts.values()]


def as_csv(row: Sequence[str]) -> str:
    """One line of CSV."""
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerow(row)
    return out.getvalue()


def kept(part: Path, fingerprint: str) -> int:
    """How many rows of an earlier run are in a part of the result; 0 where it belongs to something else."""
    if not part.is_file():
        return 0
    with part.open(encoding="utf-8", newline="") as file:
        if file.readline().strip() != f"#{fingerprint}":
            return 0
        return max(sum(1 for line in csv.reader(file) if line) - 1, 0)


# ---------------------------------------------------------------------- summary


@dataclass
class Summary:
    """What a class has done, counted while it goes by."""

    names: Sequence[Name]
    students: int = 0
    unread: int = 0
    shares: Counter[int] = field(default_factory=Counter)
    """Students by tenths of the marks."""
    total: float = 0.0
    squares: float = 0.0
    verdicts: dict[Name, Counter[str]] = field(default_factory=dict)
    mistakes: Counter[str] = field(default_factory=Counter)
    first: Counter[Name] = field(default_factory=Counter)

    def add(self, one: Graded) -> None:
        """Count one student."""
        if one.marks is None:
            self.unread += 1
            return
        marks = one.marks
        share = marks.score / marks.out_of if marks.out_of else 0.0
        self.students += 1
        self.total += share
        self.squares += share * share
        self.shares[min(int(share * BINS), BINS - 1)] += 1
        for answer in marks.answers:
            self.verdicts.setdefault(answer.name, Counter())[answer.verdict] += 1
        self.mistakes.update({slug for answer in marks.faults for slug in answer.misconceptions})
        if marks.first_wrong is not None:
            self.first[marks.first_wrong] += 1

    def sheet(self, title: str) -> Sheet:
        """The summary as a document."""
        count = max(self.students, 1)
        mean = self.total / count
        spread = max(self.squares / count - mean * mean, 0.0) ** 0.5
        students = f"{self.students} student{'s' if self.students != 1 else ''}"
        words = f"{students}, on average {mean:.0%} of the marks (standard deviation {spread:.0%})."
        if self.unread:
            words += f" {self.unread} row{'s' if self.unread != 1 else ''} could not be read."
        sections = [
            Section(
                "distribution",
                "Distribution",
                (self._bars([(f"{10 * b} to {10 * b + 10} %", self.shares[b]) for b in range(BINS)], "marks"),),
            ),
            Section("first", "Where it first goes wrong", self._first()),
            Section("mistakes", "The most common mistakes", self._mistakes()),
            Section("quantities", "By quantity", (self._quantities(),)),
        ]
        return Sheet(f"Class: {title}", "", (), (), tuple(sections), kind="class summary", box=(words,))

    @staticmethod
    def _bars(rows: Sequence[tuple[str, int]], what: str) -> Table:
        most = max((count for _, count in rows), default=0) or 1
        columns = (Column((what,)), Column(("students",), right=True), Column(()))
        cells: list[tuple[Inline, ...]] = [((label,), (str(count),), ("█" * round(24 * count / most),)) for label, count in rows]
        return Table(columns, cells)

    def _first(self) -> tuple[Block, ...]:
        if not self.first:
            return (Paragraph(("Nobody has a wrong line.",)),)
        return (self._bars([(str(name), count) for name, count in self.first.most_common(12)], "line"),)

    def _mistakes(self) -> tuple[Block, ...]:
        if not self.mistakes:
            return (Paragraph(("No mistake has a name.",)),)
        titles = {one.slug: one.title for one in CATALOGUE}
        return (self._bars([(titles[slug], count) for slug, count in self.mistakes.most_common(12)], "mistake"),)

    def _quantities(self) -> Table:
        groups: list[tuple[str, Callable[[Counter[str]], int]]] = [
            ("right", lambda c: c["correct"] + c["rounded"]),
            ("follows", lambda c: c["follow-through"] + c["mixed"]),
            ("few decimals", lambda c: c["rough"]),
            ("wrong", lambda c: c["wrong"] + c["slip"] + c["misconception"]),
            ("blank", lambda c: c["blank"]),
            ("to look at", lambda c: c["unreadable"] + c["needs-human"] + c["not-assessable"]),
        ]
        columns = (Column(("quantity",)), *(Column((word,), right=True) for word, _ in groups))
        rows: list[tuple[Inline, ...]] = []
        for name in self.names:
            counts = self.verdicts.get(name, Counter())
            whole = sum(counts.values()) or 1
            rows.append(((str(name),), *((f"{of(counts) / whole:.0%}" if of(counts) else "",) for _, of in groups)))
        return Table(columns, rows)


def skipped(rows: Iterator[Any], count: int) -> Iterator[Any]:
    """The rows behind the first ones."""
    for _ in islice(rows, count):
        pass
    return rows


__all__ = [
    "ClassFile",
    "Graded",
    "Grader",
    "Math",
    "Summary",
    "as_csv",
    "graded",
    "hardened",
    "header",
    "kept",
    "line_of",
    "safe",
]
