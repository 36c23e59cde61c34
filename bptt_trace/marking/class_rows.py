"""Each student of a class: one row of the marks file, and a report if it is asked for.

A row that cannot be read is a row that says so, and one that breaks the program
is left to a human: no row stops a class.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from io import StringIO
from pathlib import Path
from typing import Any
from unicodedata import category

from bptt_trace.archives import Archive
from bptt_trace.document.sheet import Sheet
from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError, TraceError, TypesettingError
from bptt_trace.files import read
from bptt_trace.marking.answer_files import Answers, decoded
from bptt_trace.marking.check import check
from bptt_trace.marking.class_columns import Columns
from bptt_trace.marking.class_file import StudentRow, head, names_of, rows_of
from bptt_trace.marking.class_summary import Tally
from bptt_trace.marking.key import Key
from bptt_trace.marking.marks import Marks, as_json
from bptt_trace.marking.report import report
from bptt_trace.problem.numbers import shown
from bptt_trace.problem.problem import Problem, load, parse

PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
HEADS = ("student", "score", "out_of", "first_wrong", "mistakes", "remark")


@dataclass(frozen=True)
class Graded:
    """One student: the row of the marks file, and the report, if there is one."""

    row: list[str]
    report: str | None = None


@dataclass(frozen=True)
class MarkedRows:
    """The marks of some students of a class."""

    rows: list[list[str]]
    tally: Tally
    reports: list[str | bytes | None] = field(default_factory=list)
    """For each row its report, if reports are due: text, or a PDF; None where there is none."""
    failures: dict[int, str] = field(default_factory=dict)
    """Why there is no PDF, by the place of its row."""

    @property
    def text(self) -> str:
        """The rows as lines of CSV."""
        out = StringIO()
        csv.writer(out, lineterminator="\n").writerows(self.rows)
        return out.getvalue()


@dataclass
class Grader:
    """Marks rows; another process gets its arguments and makes it again."""

    problem: Problem
    names: Sequence[Name]
    form: str | None = None
    """The form of reports: html, markdown, latex, pdf or json; None for none."""
    variants: Path | None = None
    separator: str = ","
    """The separator of the cells of the class."""
    key: Key = field(default=None, repr=False)  # type: ignore[assignment]
    """The key of the problem, if it has been made."""

    def __post_init__(self) -> None:
        self.key = self.key or Key(self.problem)
        self._variants = None if self.variants is None else Variants(self.variants)
        self._variant = lru_cache(maxsize=64)(self._load_variant)
        self._columns = Columns(self.key, self.names)
        self._whole = f"{round(sum(self.key.weights[p] for p in self._columns.positions), 4):.10g}"

    def __reduce__(self) -> tuple[Any, ...]:
        return Grader, (self.problem, self.names, self.form, self.variants, self.separator)

    def part(self, rows: Sequence[StudentRow]) -> MarkedRows:
        """The marks of some rows; sheets in which all is right are settled together, where no report is due."""
        tally = Tally(list(map(str, self.names)))
        settled: dict[int, tuple[str, ...]] = {}
        if self.form is None and self.variants is None:
            try:
                places, correct = self._columns.right([row.cells[1:] for row in rows])
            except Exception:  # the rows one by one then tell which it is
                places = []
            if places:
                settled = dict(zip(places, self._columns.words(correct), strict=True))
                tally.add_right(correct.sum(axis=0).tolist(), len(places), float(self._whole) / (float(self._whole) or 1.0))
        marked: list[list[str]] = []
        reports: list[str | None] = []
        for index, row in enumerate(rows):
            if index in settled:
                head = hardened(row.cells[0].strip()), self._whole, self._whole, "", "", ""
                marked.append([*head, *settled[index]])
                continue
            graded = self.grade(row)
            tally.add(graded.row)
            marked.append(graded.row)
            reports.append(graded.report)
        if self.form is None:
            return MarkedRows(marked, tally)
        return MarkedRows(marked, tally, *(_set(reports) if self.form == "pdf" else ([*reports],)))

    def grade(self, row: StudentRow) -> Graded:
        """The marks of one row, or the reason why it has none; an error in one row stops no other."""
        student = row.cells[0].strip() if row.cells else ""
        try:
            return self._graded(row, student)
        except (TraceError, OSError) as error:
            return Graded(self.unread(student, str(error)))
        except Exception as error:  # a defect of ours must not cost a class its marks
            what = f"{type(error).__name__}: {error}".rstrip(": ")
            why = f"row {row.number}: needs a human: marking failed with {what[:200]}; please report it"
            return Graded(self.unread(student, why, "needs-human"))

    def _graded(self, row: StudentRow, student: str) -> Graded:
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

    def unread(self, student: str, why: str, verdict: str = "") -> list[str]:
        """The row of the marks file for one that could not be marked."""
        return [hardened(student), "", "", "", "", hardened(why), *[verdict] * len(self.names)]

    def report(self, key: Key, marks: Marks, student: str) -> str:
        """The report for this student; for PDF its source, because many are set in one run."""
        if self.form == "json":
            return as_json(marks)
        from bptt_trace.media.pdf import source
        from bptt_trace.media.templates import html, latex, markdown

        writers: dict[str, Callable[[Sheet], str]] = {"html": html, "markdown": markdown, "latex": latex, "pdf": source}
        return writers[self.form or "html"](report(key, marks, student))

    def _load_variant(self, student: str) -> Key:
        assert self._variants is not None
        key = Key(self._variants.problem(student))
        missing = [name for name in self.names if name not in key.program.index]
        if missing:
            raise ProblemError(f"has no quantity {missing[0]}, which the class file asks for", source=key.problem.source)
        return key


MOST_LISTED = 64 * 2**20
"""The largest list of variants that is read: bytes."""


class Variants:
    """The problem of each student: in a folder, or in an archive as ``vary`` writes it."""

    def __init__(self, path: Path) -> None:
        """Raises ``ProblemError`` where there is neither."""
        if not path.exists():
            raise ProblemError("no such folder or archive of variants", source=str(path))
        self.path = path
        self._archive = None if path.is_dir() else Archive(path, lambda name: name.endswith((".toml", ".json", "index.csv")))

    def problem(self, student: str) -> Problem:
        """The problem that the list names, else that of the student's name; raises ``ProblemError`` where there is none."""
        name = self._index.get(hardened(student), f"{safe(student)}.toml")
        path = self.path / name
        if self._archive is not None and name in self._archive:
            return parse(decoded(self._archive.read(name), str(path)), str(path))
        if self._archive is None and path.resolve().is_relative_to(self.path.resolve()) and path.is_file():
            return load(path)
        raise ProblemError(f"no variant {shown(path.name)} for student {shown(student)}", source=str(self.path))

    @cached_property
    def _index(self) -> dict[str, str]:
        """Problem files by student, where there is a list of them."""
        listed = self.path / "index.csv"
        if self._archive is not None:
            data = self._archive.read("index.csv") if "index.csv" in self._archive else b""
        else:
            data = read(listed, "the list of variants is a CSV file", MOST_LISTED)[0] if listed.is_file() else b""
        rows = csv.DictReader(StringIO(decoded(data, str(listed)), newline=""))
        return {str(row.get("student")): str(row.get("problem")) for row in rows}


def _set(sources: Sequence[str | None]) -> tuple[list[str | bytes | None], dict[int, str]]:
    """Reports as PDF, set in one run, and why some could not be set."""
    from bptt_trace.media.pdf import compile_many

    documents = {str(index): text for index, text in enumerate(sources) if text is not None}
    try:
        made, failures = compile_many(documents), dict[str, str]()
    except TypesettingError as error:
        made, failures = error.done, error.failures
    return [made.get(str(index)) for index in range(len(sources))], {int(index): why for index, why in failures.items()}


def grade_part(key: Key, text: str) -> tuple[list[list[str]], Tally]:
    """The marks of some students: what a cluster maps over the parts of a class.

    ``text`` is a class of its own as CSV: the row of names, then a line for each
    student. Returns a row of the marks file for each (columns: ``HEADS``, then
    the quantities), and their tally; ``Tally.merge`` adds up those of several
    parts. Neither depends on how the class is divided, but for the numbers of lines in
    remarks. Raises ``ProblemError`` where the row of names is none.
    """
    file = StringIO(text, newline=None)
    first, sign, header = head(file)
    grader = Grader(key.problem, names_of(key, header), separator=sign, key=key)
    part = grader.part(list(rows_of(file, sign, number=first + 1)))
    return part.rows, part.tally


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
    spaced = "".join(" " if category(sign) == "Zs" else sign for sign in text[:1000])  # spaces that do not break
    plain = "".join(sign if sign.isprintable() else "?" for sign in spaced)
    return f"'{plain}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not PLAIN.fullmatch(text) else plain


def as_csv(row: Sequence[str]) -> str:
    """One line of CSV."""
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerow(row)
    return out.getvalue()
