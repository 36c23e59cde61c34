"""A folder of handouts: for each variant a worksheet, a key, a sheet for the answers, the problem; and a list of them.

The folder appears whole or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bptt_trace.errors import OutputError, ProblemError, TypesettingError
from bptt_trace.handouts.variant_sheets import Typesetter
from bptt_trace.handouts.variants import Variant
from bptt_trace.marking.answer_files import cells, content, delimiter_of
from bptt_trace.marking.class_rows import hardened, safe
from bptt_trace.problem.numbers import shown

HEADS = ("student", "students", "id", "name", "student id", "student no", "student no.", "number")
MOST_STUDENTS = 100_000
COLUMNS = ("number", "student", "code", "problem", "worksheet", "key", "answers")


def students_of(path: Path) -> list[str]:
    """The students in the first column of a CSV file; raises ``ProblemError``."""
    text, source = content(path)
    lines = text.split("\n")
    sign = delimiter_of(next((line for line in lines if line.strip()), ""))
    students: dict[str, int] = {}
    try:
        for number, row in enumerate(cells(lines, sign), start=1):
            student = row[0].strip()
            if not student or (not students and student.lower() in HEADS):
                continue
            if student in students:
                raise ProblemError(f"{shown(student)} is there twice, first in row {students[student]}", path=f"row {number}")
            students[student] = number
    except ProblemError as error:
        error.source = source
        raise
    if not students:
        raise ProblemError("no students in it; the first column has one in each row", source=source)
    if len(students) > MOST_STUDENTS:
        raise ProblemError(f"more than {MOST_STUDENTS:,} students", source=source)
    return list(students)


def write_folder(
    folder: Path,
    variants: Sequence[Variant],
    setter: Typesetter,
    students: Sequence[str] = (),
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Write everything of these variants; ``students`` has one for each, or none.

    ``advance`` is called after each variant. Raises ``OutputError`` where the
    folder is there already and has something in it, or cannot be written, and
    ``TypesettingError`` where some cannot be set as PDF; the others are there.
    """
    failure: TypesettingError | None = None
    medium = setter.medium
    with _new_folder(folder) as made:
        documents: dict[str, str] = {}
        rows = []
        for kind in ("worksheets", "keys", "answers", "problems"):
            (made / kind).mkdir()
        names = _names(variants, students)
        for number, (variant, name) in enumerate(zip(variants, names, strict=True), start=1):
            sheets = setter.sheets(variant, students[number - 1] if students else "")
            paths = [f"worksheets/{name}.{medium.ending}", f"keys/{name}.{medium.ending}"]
            for path, text in zip(paths, (sheets.worksheet, sheets.key), strict=True):
                if medium.compile:
                    documents[path] = text
                else:
                    _write(made / path, text)
            _write(made / f"answers/{name}.csv", sheets.answers)
            _write(made / f"problems/{name}.toml", sheets.problem)
            student = hardened(students[number - 1]) if students else ""
            rows.append([number, student, variant.code, f"problems/{name}.toml", *paths, f"answers/{name}.csv"])
            advance()
        if medium.compile:
            try:
                compiled = medium.compile(documents)
            except TypesettingError as error:
                compiled, failure = error.done, error
            for path, data in compiled.items():
                (made / path).write_bytes(data)
            for kind in ("worksheets", "keys"):
                together = [data for path, data in compiled.items() if path.startswith(kind)]
                (made / f"all-{kind}.{medium.ending}").write_bytes(medium.join(together))
        with (made / "index.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
        if students:
            with (made / "class.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(_class_file(setter, variants, students))
    if failure is not None:  # what could be set is there
        raise failure


def _names(variants: Sequence[Variant], students: Sequence[str]) -> list[str]:
    """A file name for each variant: that of its student, or its number."""
    names: list[str] = []
    taken: set[str] = set()
    for student in students:
        name = safe(student)
        if name.casefold() in taken:  # a file system may not tell Ann from ann
            name = f"{name}-{hashlib.sha256(student.encode('utf-8', 'replace')).hexdigest()[:8]}"
        names.append(name)
        taken.add(name.casefold())
    if students:
        return names
    width = len(str(len(variants)))
    return [f"{number:0{width}}" for number in range(1, len(variants) + 1)]


def _class_file(setter: Typesetter, variants: Sequence[Variant], students: Sequence[str]) -> Iterator[list[str]]:
    """A file of the class for ``grade``, with nothing in it but names: of students, and of the answers asked for."""
    family = setter.factory.family(variants[0].drawn)
    names = [str(family.key.steps[position].target) for position in family.blanks.asked]
    yield ["student", *names]
    for student in students:
        yield [hardened(student), *[""] * len(names)]


def _write(path: Path, text: str) -> None:
    with open(path, "wb", buffering=0) as file:  # the folder is put in its place when all is written
        file.write(text.encode())


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside the one wanted, which takes its place when it is complete."""
    folder = folder.resolve()
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            what = "is there already, with something in it" if folder.is_dir() else "is a file"
            raise OutputError(f"{folder}: {what}; the name of a new folder is due")
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = folder.with_name(f".{folder.name[:40]}.{os.getpid()}.{secrets.token_hex(4)}")
        beside.mkdir()
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from None
    try:
        yield beside
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
