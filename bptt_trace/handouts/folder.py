"""A folder of handouts: for each variant a worksheet, a key, a sheet for the answers, the problem; and a list of them.

The folder, or the archive in its place, appears whole or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from bptt_trace.archives import new_archive, packed
from bptt_trace.errors import OutputError, ProblemError, TypesettingError
from bptt_trace.handouts.variant_sheets import Medium, Typesetter
from bptt_trace.handouts.variants import Candidate, Variant
from bptt_trace.marking.answer_files import cells, content, delimiter_of
from bptt_trace.marking.class_rows import hardened, safe
from bptt_trace.problem.numbers import shown
from bptt_trace.processes import in_order, unseen

Made = TypeVar("Made")

HEADS = ("student", "students", "id", "name", "student id", "student no", "student no.", "number")
MOST_STUDENTS = 100_000
KINDS = ("worksheets", "keys", "answers", "problems")
TOGETHER, PAGES = 256, 24
"""The most variants whose sheets are written together, and set as PDF together."""
ENOUGH, PARTS = 48, 8
"""The least number of variants in a part, and the number of parts that processes can share."""
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
    variants: Sequence[Candidate | Variant],
    setter: Typesetter,
    students: Sequence[str] = (),
    advance: Callable[[int], None] = unseen,
    jobs: int = 1,
) -> None:
    """Write all files of these variants; ``students`` has one for each, or none.

    ``advance`` is called with the number of variants just written; the number ``jobs`` of processes changes no byte.
    Raises ``OutputError`` where the folder is there already and has something in
    it, or cannot be written, and ``TypesettingError`` where some cannot be set as
    PDF; the others are there.
    """
    with new_folder(folder) as made:
        for kind in KINDS:
            (made / kind).mkdir()

        def write(name: str, data: bytes) -> None:
            with open(made / name, "wb", buffering=0) as file:  # the folder is put in its place when all is written
                file.write(data)

        failures = _write_all(variants, setter, students, advance, jobs, write, lambda _: None)
    if failures:  # what could be set is there
        raise TypesettingError(failures)


def write_archive(
    archive: Path,
    variants: Sequence[Candidate | Variant],
    setter: Typesetter,
    students: Sequence[str] = (),
    advance: Callable[[int], None] = unseen,
    jobs: int = 1,
) -> None:
    """The same as one ZIP archive, which takes the place of one that is there."""
    with new_archive(archive) as put:
        failures = _write_all(variants, setter, students, advance, jobs, packed, put)
    if failures:
        raise TypesettingError(failures)


def _write_all(
    variants: Sequence[Candidate | Variant],
    setter: Typesetter,
    students: Sequence[str],
    advance: Callable[[int], None],
    jobs: int,
    make: Callable[[str, bytes], Made],
    put: Callable[[Made], None],
) -> dict[str, str]:
    """All files: each is made by one of several processes, and put in its place by this one; why some could not be set as PDF."""
    medium, names = setter.medium, _names(variants, students)
    size = _part(len(variants), medium)

    def write(start: int) -> tuple[list[Made], list[list[Any]], dict[str, list[Any]], dict[str, str]]:
        """The files of some variants, their rows of the list, what goes into files of all, and what could not be set."""
        files: dict[str, bytes] = {}
        documents: dict[str, Any] = {}
        rows: list[list[Any]] = []
        for number, variant in enumerate(setter.factory.finished(variants[start : start + size]), start=start):
            student, name = students[number] if students else "", names[number]
            sheets = setter.sheets(variant, student)
            paths = [f"worksheets/{name}.{medium.ending}", f"keys/{name}.{medium.key_ending or medium.ending}"]
            documents.update(zip(paths, (sheets.worksheet, sheets.key), strict=True))
            paths += [f"answers/{name}.csv", f"problems/{name}.toml"]
            files[paths[2]], files[paths[3]] = sheets.answers.encode(), sheets.problem.encode()
            rows.append([number + 1, hardened(student) if student else "", variant.code, paths[3], *paths[:3]])
        compiled, together, failures = _compiled(medium, documents)
        return [make(path, data) for path, data in {**compiled, **files}.items()], rows, together, failures

    index, failed = StringIO(), dict[str, str]()
    writer = csv.writer(index, lineterminator="\n")
    writer.writerow(COLUMNS)
    printed: dict[str, list[Any]] = {kind: [] for kind in KINDS[:2]}
    with closing(in_order(write, range(0, len(variants), size), jobs, heavy=medium.compile is not None)) as parts:
        for made, rows, together, failures in parts:
            for one in made:
                put(one)
            writer.writerows(rows)
            for kind, pdfs in together.items():
                printed[kind] += pdfs
            failed |= failures
            advance(len(rows))
    for kind, pdfs in printed.items() if medium.compile else ():
        put(make(f"all-{kind}.{medium.ending}", medium.join(pdfs)))
    for kind, sheets in printed.items() if medium.all else ():
        assert medium.all is not None
        for name, data in medium.all(kind, sheets).items():
            put(make(f"all-{kind}{name}", data))
    put(make("index.csv", index.getvalue().encode()))
    if students:
        put(make("class.csv", _class_file(setter, variants, students).encode()))
    return failed


def _compiled(medium: Medium, documents: Mapping[str, Any]) -> tuple[Mapping[str, bytes], dict[str, list[Any]], dict[str, str]]:
    """Documents as files, by path; what goes into the files of all, by kind; and why some could not be set."""
    if medium.compile:
        failures: dict[str, str] = {}
        try:
            compiled = medium.compile(documents)
        except TypesettingError as error:
            compiled, failures = error.done, error.failures
        return compiled, _by_kind(compiled), failures
    if medium.file:
        files = {path: medium.file(path.partition("/")[0], sheet) for path, sheet in documents.items()}
        return files, _by_kind(documents), {}
    return {path: text.encode() for path, text in documents.items()}, {}, {}


def _by_kind(files: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Worksheets and keys, each with its own kind."""
    return {kind: [file for path, file in files.items() if path.startswith(kind)] for kind in KINDS[:2]}


def _part(count: int, medium: Medium) -> int:
    """The number of variants that are written together; the number of processes does not change it."""
    parts = -(-count // PAGES) if medium.compile else max(-(-count // TOGETHER), min(-(-count // ENOUGH), PARTS))
    return -(-count // max(parts, 1)) or 1


def _names(variants: Sequence[Candidate | Variant], students: Sequence[str]) -> list[str]:
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


def _class_file(setter: Typesetter, variants: Sequence[Candidate | Variant], students: Sequence[str]) -> str:
    """A file of the class for ``grade``, with nothing in it but names: of students, and of the answers asked for."""
    family = setter.factory.family(variants[0].drawn)
    names = [str(family.key.steps[position].target) for position in family.blanks.asked]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["student", *names])
    writer.writerows([hardened(student), *[""] * len(names)] for student in students)
    return text.getvalue()


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside the one wanted, which takes its place when it is complete."""
    folder = folder.resolve()
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            what = "is there already, with something in it" if folder.is_dir() else "is a file"
            raise OutputError(f"{folder}: {what}; expected the name of a new folder")
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
