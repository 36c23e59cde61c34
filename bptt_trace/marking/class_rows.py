"""Each student of a class: one row of the marks file, and a report if it is asked for.

The rows go by one after the other, in one process or in several, never all at
once in memory. A row that cannot be read is a row that says so.
"""

from __future__ import annotations

import csv
import hashlib
import re
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from io import StringIO
from itertools import islice
from pathlib import Path

from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError, TraceError
from bptt_trace.marking.answer_files import Answers
from bptt_trace.marking.check import check
from bptt_trace.marking.class_columns import Columns
from bptt_trace.marking.class_file import Row
from bptt_trace.marking.key import Key
from bptt_trace.marking.marks import Marks, as_json
from bptt_trace.marking.report import report
from bptt_trace.problem.numbers import shown
from bptt_trace.problem.problem import Problem, load

CHUNK = 100
"""Rows that are marked together, or go to another process at a time."""
PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
HEADS = ("student", "score", "out_of", "first_wrong", "mistakes", "remark")


@dataclass(frozen=True)
class Graded:
    """One student: the row of the marks file, and the report, if there is one."""

    row: list[str]
    report: str | None = None


@dataclass
class Grader:
    """Marks rows; made once in each process."""

    problem: Problem
    names: Sequence[Name]
    form: str | None = None
    """The form of reports: html, markdown, latex, pdf or json; None for none."""
    variants: Path | None = None
    separator: str = ","
    """What stands between the cells of the class."""
    key: Key = field(init=False)

    def __post_init__(self) -> None:
        self.key = Key(self.problem)
        self._variant = lru_cache(maxsize=64)(self._load_variant)
        self._columns = Columns(self.key, self.names)
        self._whole = f"{round(sum(self.key.weights[p] for p in self._columns.positions), 4):.10g}"

    def grade_all(self, rows: Sequence[Row]) -> list[Graded]:
        """The marks of some rows; sheets in which all is right are settled together, where no report is due."""
        if self.form is not None or self.variants is not None:
            return [self.grade(row) for row in rows]
        try:
            settled = self._columns.settle([row.cells[1:] for row in rows])
        except Exception:  # the rows one by one then tell which it is
            settled = [None] * len(rows)
        return [
            self.grade(row)
            if verdicts is None
            else Graded([hardened(row.cells[0].strip()), self._whole, self._whole, "", "", "", *verdicts])
            for row, verdicts in zip(rows, settled, strict=True)
        ]

    def grade(self, row: Row) -> Graded:
        """The marks of one row, or why it has none: whatever fails, the rows behind it are marked."""
        student = row.cells[0].strip() if row.cells else ""
        try:
            return self._graded(row, student)
        except (TraceError, OSError) as error:
            return Graded(self.unread(student, str(error)))
        except Exception as error:  # a defect of ours must not cost a class its marks
            return Graded(self.unread(student, f"needs a human: marking failed with {type(error).__name__}: {error}"))

    def _graded(self, row: Row, student: str) -> Graded:
        if row.error:
            raise ProblemError(row.error)
        if any(cell.strip() for cell in row.cells[len(self.names) + 1 :]):
            raise ProblemError(f"row {row.number}: {len(row.cells)} cells for {len(self.names) + 1} columns")
        key = self.key if self.variants is None else self._variant(student)
        cells = [*row.cells[1:], *[""] * len(self.names)]
        answers = Answers(zip(self.names, cells, strict=False))
        answers.separator = self.separator
        marks = check(key, answers)
        return Graded(self.row(student, marks), None if self.form is None else self.report(key, marks, student))

    def row(self, student: str, marks: Marks) -> list[str]:
        """The row of the marks file for a marked sheet."""
        slugs = dict.fromkeys(slug for answer in marks.faults for slug in answer.misconceptions)
        verdicts = {answer.name: answer.verdict for answer in marks.answers}
        human = [name for name, verdict in verdicts.items() if verdict in ("unreadable", "needs-human", "not-assessable")]
        remark = f"to look at: {', '.join(map(str, human))}" if human else ""
        first = "" if marks.first_wrong is None else str(marks.first_wrong)
        score, out_of = (f"{round(value, 4):.10g}" for value in (marks.score, marks.out_of))
        head = [hardened(student), score, out_of, first, " ".join(slugs), remark]
        return [*head, *(verdicts[name] for name in self.names)]

    def unread(self, student: str, why: str) -> list[str]:
        """The row of the marks file for one that could not be marked."""
        return [hardened(student), "", "", "", "", hardened(why), *[""] * len(self.names)]

    def report(self, key: Key, marks: Marks, student: str) -> str:
        """What this student gets back; for PDF its source, because many are set in one run."""
        if self.form == "json":
            return as_json(marks)
        from bptt_trace.media.pdf import source
        from bptt_trace.media.templates import html, latex, markdown

        return {"html": html, "markdown": markdown, "latex": latex, "pdf": source}[self.form or "html"](
            report(key, marks, student)
        )

    @cached_property
    def _index(self) -> dict[str, str]:
        """Problem files by student, where the folder of variants has a list of them."""
        path = (self.variants or Path()) / "index.csv"
        if not path.is_file():
            return {}
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {str(row.get("student")): str(row.get("problem")) for row in csv.DictReader(file)}

    def _load_variant(self, student: str) -> Key:
        assert self.variants is not None
        path = self.variants / self._index.get(hardened(student), f"{safe(student)}.toml")
        if not path.resolve().is_relative_to(self.variants.resolve()) or not path.is_file():
            raise ProblemError(f"no variant {shown(path.name)} for student {shown(student)}", source=str(self.variants))
        key = Key(load(path))
        missing = [name for name in self.names if name not in key.program.index]
        if missing:
            raise ProblemError(f"has no quantity {missing[0]}, which the class file asks for", source=str(path))
        return key


# ------------------------------------------------------------------- processes

_worker: Grader | None = None


def _start(problem: Problem, names: Sequence[Name], form: str | None, variants: Path | None, separator: str) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and stops them
    _worker = Grader(problem, names, form, variants, separator)


def _grade(rows: list[Row]) -> list[Graded]:
    assert _worker is not None
    return _worker.grade_all(rows)


def graded(
    problem: Problem,
    names: Sequence[Name],
    rows: Iterable[Row],
    form: str | None = None,
    variants: Path | None = None,
    jobs: int = 1,
    separator: str = ",",
) -> Iterator[Graded]:
    """Every row marked, in order, in one process or in several; at most a few chunks are under way."""
    from multiprocessing import get_all_start_methods, get_context

    rest = iter(rows)
    if jobs <= 1 or "fork" not in get_all_start_methods():
        grader = Grader(problem, names, form, variants, separator)
        while chunk := list(islice(rest, CHUNK)):
            yield from grader.grade_all(chunk)
        return
    from concurrent.futures import ProcessPoolExecutor

    # Forked, because a problem holds functions, which cannot be sent to a process that starts afresh.
    pool = ProcessPoolExecutor(jobs, get_context("fork"), _start, (problem, names, form, variants, separator))
    try:
        under_way = deque(pool.submit(_grade, chunk) for chunk in _chunks(rest, 2 * jobs))
        while under_way:
            done = under_way.popleft().result()
            under_way.extend(pool.submit(_grade, chunk) for chunk in _chunks(rest, 1))
            yield from done
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(rows: Iterator[Row], count: int) -> Iterator[list[Row]]:
    for _ in range(count):
        chunk = list(islice(rows, CHUNK))
        if not chunk:
            return
        yield chunk


# ------------------------------------------------------------------------ text


def safe(text: str) -> str:
    """A name for a file, from any text.

    >>> safe("anna-7")
    'anna-7'
    """
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:60].strip("_-")
    reserved = not plain or re.fullmatch(r"CON|PRN|AUX|NUL|(COM|LPT)\d", plain.upper())
    if plain == text and not reserved:
        return plain
    return f"{plain or 'student'}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"


def hardened(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: a plain number stays as it is.

    >>> hardened("=1+1"), hardened("-0.25")
    ("'=1+1", '-0.25')
    """
    plain = "".join(sign if sign.isprintable() else "?" for sign in text)[:1000]
    return f"'{plain}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not PLAIN.fullmatch(text) else plain


def as_csv(row: Sequence[str]) -> str:
    """One line of CSV."""
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerow(row)
    return out.getvalue()
