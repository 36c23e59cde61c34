"""The run of a whole class: the marks file, a report for each student, a bar that grows.

A class is marked in pieces, by one process or by several, each of which reads its pieces from the class file. Finished pieces
are kept in ``OUTPUT.part``, so an interrupted run goes on with the first piece that is missing there.
"""

from __future__ import annotations

import csv
import gc
import hashlib
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO

from bptt_trace import __version__
from bptt_trace.errors import OutputError, ProblemError
from bptt_trace.files import in_place_of
from bptt_trace.marking.class_file import ClassFile, Piece
from bptt_trace.marking.class_rows import HEADS, Grader, MarkedRows, as_csv, safe
from bptt_trace.marking.class_summary import Tally
from bptt_trace.marking.key import Key
from bptt_trace.marking.parquet import is_parquet
from bptt_trace.problem.problem import Problem
from bptt_trace.processes import in_order, unseen

ENDINGS = {"html": ".html", "markdown": ".md", "latex": ".tex", "pdf": ".pdf", "json": ".json"}
ROWS, REPORTS, PAGES = 1008, 96, 24
"""Lines that are marked together: of rows alone, with reports, and with reports that are set as PDF together."""


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
    scheduler: str = "",
) -> Tally:
    """Mark a class into a file that is whole or absent; returns what was counted.

    ``scheduler`` is the address of a Dask cluster that does the marking. A report
    that cannot be set as PDF costs only itself: it is among the ``failures`` of
    the tally. Raises ``ProblemError`` for a file that is no class and
    ``OutputError`` where nothing can be written.
    """
    key = Key(problem)
    with _readable(class_path) as readable:
        try:
            source = ClassFile.open(readable)
            names = source.names(key)
        except ProblemError as error:
            error.source = str(class_path)
            raise
        if output.is_dir():
            raise OutputError(f"{output}: is a folder; expected the name of a file")
        if output.exists() and output.samefile(class_path):
            raise OutputError(f"{output}: is the class itself; the marks want another file")
        kind = None if reports is None else form
        grader = Grader(problem, names, kind, variants, source.sign, key)
        return _run(source, grader, output, reports, jobs, scheduler, class_path.name if progress else "")


def _readable(path: Path) -> AbstractContextManager[Path]:
    """The class as a CSV file."""
    if not is_parquet(path):
        return nullcontext(path)
    from bptt_trace.marking.parquet import as_csv

    return as_csv(path)


def _run(source: ClassFile, grader: Grader, output: Path, reports: Path | None, jobs: int, scheduler: str, title: str) -> Tally:
    names, form = list(map(str, grader.names)), grader.form
    tally = Tally(names)
    outline = source.outline()
    network = grader.problem.network
    plain = replace(grader.problem, network=replace(network, shared=frozenset()))
    shared = sorted(map(str, network.shared))  # a set has no order, and another run would not go on
    belongs = f"{__version__}{grader.key.program}{plain}{shared}{outline.digest}{reports}{form}{grader.variants}"
    mark = f"#{hashlib.sha256(belongs.encode('utf-8', 'replace')).hexdigest()[:32]}\n"
    part = output.with_name(f"{output.name}.part")
    pieces = outline.pieces(PAGES if form == "pdf" else REPORTS if form or grader.variants else ROWS)
    try:
        folder = None if reports is None or form is None else Reports(reports, form)
        with (
            bar(title, outline.lines if title else 0) as advance,
            _gone_on_with(part, f"{mark}{as_csv([*HEADS, *names])}") as file,
            _collected(),
        ):
            pieces = _passed_over(file, source, pieces, tally, folder, advance)
            with closing(marked(source, grader, pieces, jobs, scheduler)) as parts:
                for piece, done in parts:
                    if folder is not None:
                        folder.write(done)  # before their rows, so that no row is without its report
                    file.write(done.text.encode("utf-8", "replace"))
                    file.flush()
                    tally.merge(done.tally)
                    advance(piece.lines)
        _finish(part, output)
    except OSError as error:
        raise OutputError(f"{error.filename or output}: cannot be written: {error.strerror or error}") from None
    if folder is not None:
        tally.failures = folder.failures
    return tally


def marked(
    source: ClassFile, grader: Grader, pieces: Iterator[Piece], jobs: int = 1, scheduler: str = ""
) -> Generator[tuple[Piece, MarkedRows], None, None]:
    """The pieces of a class, marked, in order: here, by several processes, or by a cluster."""

    def mark(piece: Piece) -> tuple[Piece, MarkedRows]:
        return piece, grader.part(list(source.rows(piece)))

    if scheduler:
        from bptt_trace.marking.cluster import on_cluster

        return on_cluster(scheduler, source, grader, pieces)
    return in_order(mark, pieces, jobs, heavy=grader.form == "pdf")


@contextmanager
def _collected() -> Iterator[None]:
    """Sheets that are done make room for others: what refers to itself is looked for among new things only."""
    before = gc.isenabled()
    gc.freeze()
    gc.enable()
    try:
        yield
    finally:
        gc.unfreeze()
        if not before:
            gc.disable()


class Reports:
    """A folder with a file for each student; students of one name get one each."""

    def __init__(self, folder: Path, form: str) -> None:
        if form == "pdf":
            from bptt_trace.media.latex_program import find_engine

            find_engine()  # before a class is marked, not after
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.form, self.ending = folder, form, ENDINGS[form]
        self.failures: dict[str, str] = {}
        self._taken: dict[str, int] = {}

    def path(self, student: str) -> Path:
        """The path of the report of the next student of this name."""
        name = safe(student)
        count = self._taken[name.lower()] = self._taken.get(name.lower(), 0) + 1
        return self.folder / f"{name}{f'.{count}' if count > 1 else ''}{self.ending}"

    def kept(self, student: str) -> None:
        """Pass over a student who was marked in an earlier run."""
        path = self.path(student)
        if self.form == "pdf" and not path.exists():
            self.failures[path.name] = "it failed in the run that was interrupted"

    def write(self, part: MarkedRows) -> None:
        """Write the reports of some students, each whole."""
        for place, (row, report) in enumerate(zip(part.rows, part.reports, strict=True)):
            if place in part.failures:
                self.failures[self.path(row[0]).name] = part.failures[place]
            elif report is not None:
                path = self.path(row[0])
                beside = self.folder / f".{path.name}.tmp"
                beside.write_bytes(report.encode("utf-8", "replace") if isinstance(report, str) else report)
                beside.replace(path)


@contextmanager
def _gone_on_with(part: Path, heading: str) -> Iterator[IO[bytes]]:
    """The file of finished pieces, behind its heading; a new one if none belongs to this run."""
    begun = heading.encode("utf-8", "replace")
    if not part.is_dir():
        with part.open("ab"):
            pass
    with part.open("rb+") as file:
        if file.read(len(begun)) != begun:
            file.seek(0)
            file.truncate()
            file.write(begun)
        yield file


def _passed_over(
    file: IO[bytes],
    source: ClassFile,
    pieces: Iterator[Piece],
    tally: Tally,
    folder: Reports | None,
    advance: Callable[[int], None],
) -> Iterator[Piece]:
    """The pieces that are still to be marked; the rows of an incomplete piece are cut off."""
    for piece in pieces:
        whole = file.tell()
        count = sum(1 for _ in source.rows(piece)) if file.peek(1) else -1  # type: ignore[attr-defined]
        lines = list(islice(file, max(count, 0)))
        if len(lines) != count or (lines and not lines[-1].endswith(b"\n")):
            file.seek(whole)
            file.truncate()
            yield piece
            break
        for row in csv.reader(line.decode("utf-8") for line in lines):
            tally.add(row)
            if folder is not None and row[1]:
                folder.kept(row[0])
        advance(piece.lines)
    else:
        file.truncate()
    yield from pieces


def _finish(part: Path, output: Path) -> None:
    """The result, without the line that identifies a part."""
    if is_parquet(output):
        from bptt_trace.marking.parquet import write

        with part.open(encoding="utf-8", newline="") as marks:
            marks.readline()
            write(marks, output)
    else:
        with part.open("rb") as old, in_place_of(output, binary=True) as new:
            old.readline()
            new.writelines(old)
    part.unlink()


@contextmanager
def bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, with a function to advance it; no bar where ``total`` is 0."""
    if not total:
        yield unseen
        return
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    with Progress(console=Console(file=sys.stderr)) as shown:
        task = shown.add_task(Text(title[:40]).markup, total=total)
        yield lambda done: shown.advance(task, done)
