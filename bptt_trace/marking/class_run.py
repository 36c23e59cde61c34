"""The run of a whole class: the marks file, a report for each student, a bar that grows.

What is done is kept in ``OUTPUT.part``, of which every line is whole, so that an
interrupted run goes on where it stopped.
"""

from __future__ import annotations

import csv
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

from bptt_trace import __version__
from bptt_trace.errors import OutputError, ProblemError, TypesettingError
from bptt_trace.marking.class_file import ClassFile
from bptt_trace.marking.class_rows import HEADS, Graded, as_csv, graded, safe
from bptt_trace.marking.class_summary import Tally
from bptt_trace.marking.key import Key
from bptt_trace.problem.problem import Problem

ENDINGS = {"html": ".html", "markdown": ".md", "latex": ".tex", "pdf": ".pdf", "json": ".json"}
BATCH = 96
"""Students whose reports are set as PDF together."""


def run(
    problem: Problem,
    class_path: Path,
    output: Path,
    *,
    reports: Path | None = None,
    form: str = "html",
    variants: Path | None = None,
    jobs: int = 1,
    progress: bool = False,
) -> Tally:
    """Mark a class into a file that is whole or absent; returns what was counted.

    A report that cannot be set as PDF costs only itself: it is among the
    ``failures`` of the tally. Raises ``ProblemError`` for a file that is no
    class and ``OutputError`` where nothing can be written.
    """
    key = Key(problem)
    source = ClassFile.open(class_path)
    names = source.names(key)
    if variants is not None and not variants.is_dir():
        raise ProblemError("no such folder of variants", source=str(variants))
    if output.is_dir():
        raise OutputError(f"{output}: is a folder; the name of a file is due")
    if output.exists() and output.samefile(class_path):
        raise OutputError(f"{output}: is the class itself; the marks want another file")
    tally = Tally(list(map(str, names)))
    belongs = f"{__version__}{key.program}{problem}{source.digest()}{reports}{form}{variants}"
    mark = f"#{hashlib.sha256(belongs.encode('utf-8', 'replace')).hexdigest()[:32]}\n"
    part = output.with_name(f"{output.name}.part")
    try:
        folder = None if reports is None else Reports(reports, form, jobs)
        done = [] if part.is_dir() else _kept(part, mark)
        total = sum(1 for _ in source.rows()) if progress else 0
        with _appended(part, mark, tally, done=bool(done)) as file, bar(source.path.name, total, len(done)) as advance:
            for row in done:
                tally.add(row)
                if folder is not None and row[1]:
                    folder.kept(row[0])
            rows = islice(source.rows(), len(done), None)
            marked = graded(problem, names, rows, None if reports is None else form, variants, jobs, source.sign)
            while batch := list(islice(marked, 1 if folder is None else folder.batch)):
                if folder is not None:
                    folder.write(batch)  # before their rows, so that no row is without its report
                for one in batch:
                    file.write(as_csv(one.row))
                    tally.add(one.row)
                    advance()
        _finish(part, output)
    except OSError as error:
        raise OutputError(f"{error.filename or output}: cannot be written: {error.strerror or error}") from None
    if folder is not None:
        tally.failures = folder.failures
    return tally


class Reports:
    """A folder with a file for each student; students of one name get one each."""

    def __init__(self, folder: Path, form: str, jobs: int = 1) -> None:
        if form == "pdf":
            from bptt_trace.media.latex_program import find_engine

            find_engine()  # before a class is marked, not after
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.form, self.ending, self.jobs = folder, form, ENDINGS[form], jobs
        self.batch = BATCH if form == "pdf" else 1
        self.failures: dict[str, str] = {}
        self._taken: dict[str, int] = {}

    def path(self, student: str) -> Path:
        """Where the report of the next student of this name stands."""
        name = safe(student)
        count = self._taken[name.lower()] = self._taken.get(name.lower(), 0) + 1
        return self.folder / f"{name}{f'.{count}' if count > 1 else ''}{self.ending}"

    def kept(self, student: str) -> None:
        """Pass over a student who was marked in an earlier run."""
        path = self.path(student)
        if self.form == "pdf" and not path.exists():
            self.failures[path.name] = "it failed in the run that was interrupted"

    def write(self, batch: Sequence[Graded]) -> None:
        """Write some reports, each whole."""
        texts = {self.path(one.row[0]): one.report for one in batch if one.report is not None}
        if self.form == "pdf":
            files = self._set({path.name: text for path, text in texts.items()})
        else:
            files = {path.name: text.encode("utf-8", "replace") for path, text in texts.items()}
        for name, data in files.items():
            beside = self.folder / f".{name}.tmp"
            beside.write_bytes(data)
            beside.replace(self.folder / name)

    def _set(self, texts: dict[str, str]) -> dict[str, bytes]:
        """The PDF of those that can be set; the others are among the failures."""
        from bptt_trace.media.pdf import compile_many

        try:
            return compile_many(texts, self.jobs)
        except TypesettingError as error:
            self.failures |= error.failures
            return error.done


def _kept(part: Path, mark: str) -> list[list[str]]:
    """The rows of an earlier run of the same; half a line at the end is cut off."""
    if not part.is_file():
        return []
    with part.open("rb+") as file:
        if file.readline() != mark.encode():
            return []
        file.readline()
        whole = file.tell()
        rows = []
        for line in file:
            if not line.endswith(b"\n"):
                break
            rows.append(next(csv.reader([line.decode("utf-8")])))
            whole += len(line)
        file.truncate(whole)
    return rows


@contextmanager
def _appended(part: Path, mark: str, tally: Tally, *, done: bool) -> Iterator[IO[str]]:
    with part.open("a" if done else "w", encoding="utf-8", errors="replace", newline="") as file:
        if not done:
            file.write(f"{mark}{as_csv([*HEADS, *tally.names])}")
        yield file


def _finish(part: Path, output: Path) -> None:
    """The result, without the line that says what a part belongs to."""
    whole = output.with_name(f".{output.name[:40]}.{os.getpid()}")
    try:
        with part.open("rb") as old, whole.open("wb") as new:
            old.readline()
            new.writelines(old)
        whole.replace(output)
    finally:
        whole.unlink(missing_ok=True)
    part.unlink()


@contextmanager
def bar(title: str, total: int, done: int = 0) -> Iterator[Callable[[], None]]:
    """A bar on standard error, moved by calling what it gives; nothing where ``total`` is 0."""
    if not total:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    with Progress(console=Console(file=sys.stderr)) as shown:
        task = shown.add_task(Text(title[:40]).markup, total=total, completed=done)
        yield lambda: shown.advance(task)
