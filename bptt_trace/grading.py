"""The run of a whole class: the marks file, a report for each student, a bar that grows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bptt_trace.check import Key
from bptt_trace.errors import OutputError
from bptt_trace.grade import ClassFile, Graded, Summary, as_csv, graded, header, kept, line_of, safe, skipped
from bptt_trace.marked import report
from bptt_trace.problem import Problem
from bptt_trace.results import as_json

ENDINGS = {"html": ".html", "markdown": ".md", "latex": ".tex", "json": ".json"}


def run(
    problem: Problem,
    class_path: Path,
    output: Path,
    reports: Path | None,
    form: str,
    variants: Path | None,
    jobs: int,
    *,
    progress: bool = False,
) -> Summary:
    """Mark a class into a file that is whole or absent; returns what was counted.

    Raises ``ProblemError`` for a file that is no class and ``OutputError`` where
    nothing can be written. What is done is kept in ``OUTPUT.part``.
    """
    key = Key(problem)
    source = ClassFile.open(class_path)
    names = source.names(key)
    summary = Summary(names)
    mark = source.fingerprint(problem)
    part = output.with_name(f"{output.name}.part")
    try:
        if reports is not None:
            reports.mkdir(parents=True, exist_ok=True)
        done = kept(part, mark)
        with _part(part, done, mark, names) as file, _bar(progress, source) as advance:
            for one in _all(problem, source, names, done, summary, jobs, variants):
                file.write(as_csv(line_of(one, len(names))))
                if reports is not None:
                    _report(reports, key, one, form)
                summary.add(one)
                advance()
        _finish(part, output)
    except OSError as error:
        raise OutputError(f"{error.filename or output}: cannot be written: {error.strerror or error}") from None
    return summary


def _all(
    problem: Problem, source: ClassFile, names: list[Any], done: int, summary: Summary, jobs: int, variants: Path | None
) -> Iterator[Graded]:
    """The rows that are still to be marked; those of an earlier run are counted only."""
    rows = source.rows()
    if done:
        for one in graded(problem, names, (row for row, _ in zip(rows, range(done), strict=False)), jobs, variants):
            summary.add(one)
        rows = skipped(source.rows(), done)
    yield from graded(problem, names, rows, jobs, variants)


@contextmanager
def _part(part: Path, done: int, mark: str, names: list[Any]) -> Iterator[Any]:
    with part.open("a" if done else "w", encoding="utf-8", newline="") as file:
        if not done:
            file.write(f"#{mark}\n{as_csv(header(names))}")
        yield file


def _finish(part: Path, output: Path) -> None:
    """The result without the line that says what a part belongs to."""
    whole = output.with_name(f".{output.name}.whole")
    with part.open(encoding="utf-8", newline="") as old, whole.open("w", encoding="utf-8", newline="") as new:
        old.readline()
        for line in old:
            new.write(line)
    whole.replace(output)
    part.unlink()


def _report(folder: Path, key: Key, one: Graded, form: str) -> None:
    if one.marks is None:
        return
    if form == "json":
        text = as_json(one.marks)
    else:
        from bptt_trace.render.document import html, latex, markdown

        text = {"html": html, "markdown": markdown, "latex": latex}[form](report(key, one.marks, one.student))
    path = folder / f"{safe(one.student)}{ENDINGS[form]}"
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text(text, "utf-8", newline="\n")
    beside.replace(path)


@contextmanager
def _bar(progress: bool, source: ClassFile) -> Iterator[Any]:
    """A bar on a terminal; elsewhere nothing."""
    if not progress:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr)) as bar:
        task = bar.add_task(source.path.name[:40], total=sum(1 for _ in source.rows()))
        yield lambda: bar.advance(task)
