"""How long a long trace takes, beside the same rows written down by hand.

Floor and package run in turn in one process, each with its output in a file.
Ours is what ``bptt-trace solve --steps full`` does once it has started: read,
build, evaluate, write, render. First both outputs are compared row by row.

    python benchmarks/long_trace.py
    python benchmarks/long_trace.py --steps 2000 --repeat 3
    python benchmarks/long_trace.py --check
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path

import floor
from rich.console import Console

from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.lines.view import View
from bptt_trace.media.sheet_json import write_json
from bptt_trace.media.terminal import show
from bptt_trace.problem.problem import load
from bptt_trace.worked_solution.worked_solution import write

Job = Callable[[int, Path], None]

FORMS = ("text", "json")
BOUND, BOUND_IN_T = 8.0, 11.5
HEADINGS = ("quantity", "= formula", "= with numbers", "= result", "so far", "uses", "role")
CHECKED = ((6, "json"), (40, "json"), (40, "text"), (300, "text"))
"""Time steps and forms of the quick comparison; text has the layout of long traces from some 20 steps on, and powers of ten from
some 70 on."""


# ------------------------------------------------------------------- both sides


def ours(form: str) -> Job:
    """The package, from the problem file to the text."""

    def run(T: int, folder: Path) -> None:
        problem = load(str(folder / f"{T}.toml"))
        program = scalars(build(problem))
        values = evaluate(program, problem.given, problem.rounding)
        sheet = write(problem, program, values, View("full"), with_latex=form == "json")
        with (folder / f"ours.{form}").open("w", encoding="utf-8") as file:
            if form == "json":
                file.writelines(write_json(sheet))
            else:
                console = Console(
                    file=file,
                    width=80,
                    color_system=None,
                    force_terminal=False,
                    legacy_windows=False,
                    highlight=False,
                    emoji=False,
                )
                show(sheet, console)

    return run


def by_hand(form: str, widths: tuple[int, ...] = floor.WIDTHS) -> Job:
    """The floor."""

    def run(T: int, folder: Path) -> None:
        with (folder / f"floor.{form}").open("w", encoding="utf-8") as file:
            if form == "json":
                floor.write_json(T, file.write)
            else:
                floor.write_text(T, file.write, widths)

    return run


# --------------------------------------------------------------------- checking


def widths_of(text: str) -> tuple[int, ...]:
    """The widths of the columns, from the heading of a line table and the row below it."""
    lines = text.splitlines()
    place, heading = next((place, line) for place, line in enumerate(lines) if line.startswith("line ") and "so far" in line)
    quantity, formula, numbers, result, so_far, uses, role = (heading.index(word) for word in HEADINGS)
    end_of_numbers = lines[place + 1].rindex(" = ")
    end_of_result, end_of_total = result + len("= result"), so_far + len("so far")
    return (
        quantity - 2,
        formula - quantity - 1,
        numbers - formula - 3,
        end_of_numbers - numbers - 2,
        end_of_result - end_of_numbers - 3,
        end_of_total - end_of_result - 2,
        role - uses - 2,
    )


def rows_of(text: str, form: str, widths: tuple[int, ...]) -> Iterator[str]:
    """The data rows of a document."""
    if form == "text":
        number, name, formula, numbers, *_ = widths
        first = number + 2 + name
        second = first + 3 + formula
        equals = [slice(place, place + 3) for place in (first, second, second + 3 + numbers)]
        yield from (line for line in text.splitlines() if all(line[place] == " = " for place in equals))
        return
    document = json.loads(text)
    for section in document.get("sections", [document]):
        yield from map(str, section["entries"])
    yield from map(str, document["values"].items())


def check(T: int, form: str, folder: Path) -> tuple[int, tuple[int, ...]]:
    """Compare the rows of both; return how many lines there are, and the widths of the columns."""
    prepare(T, folder)
    ours(form)(T, folder)
    text = (folder / f"ours.{form}").read_text(encoding="utf-8")
    widths = widths_of(text) if form == "text" else floor.WIDTHS
    by_hand(form, widths)(T, folder)
    expected = (folder / f"floor.{form}").read_text(encoding="utf-8")
    count = 0
    for row, wanted in zip_longest(rows_of(text, form, widths), rows_of(expected, form, widths)):
        if row != wanted:
            sys.exit(f"T = {T}, {form}: row {count + 1} differs\n  ours   {row}\n  floor  {wanted}")
        count += 1
    return count, widths


def prepare(T: int, folder: Path) -> None:
    """Write the problem file."""
    (folder / f"{T}.toml").write_text(floor.problem(T), encoding="utf-8")


# -------------------------------------------------------------------- measuring


def seconds(job: Job, T: int, folder: Path) -> float:
    """How long one run takes; what it leaves behind is thrown away before the next."""
    start = time.perf_counter()
    job(T, folder)
    taken = time.perf_counter() - start
    gc.collect()
    return taken


def in_turn(jobs: dict[str, tuple[Job, int]], folder: Path, repeat: int) -> dict[str, list[float]]:
    """The times of several runs, the jobs one after the other each time, so that a busy machine slows all alike."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeat):
        for name, (job, T) in jobs.items():
            times[name].append(seconds(job, T, folder))
    return times


def ratio(above: list[float], below: list[float]) -> float:
    """The median of the ratios of runs that followed each other."""
    return statistics.median(one / other for one, other in zip(above, below, strict=True))


def megabytes(side: str, form: str, T: int) -> float:
    """The most memory that a process needs for one run."""
    done = subprocess.run(
        [sys.executable, __file__, "--memory-of", side, form, "--steps", str(T)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def peak(side: str, form: str, T: int) -> None:
    """Run once and print the most memory needed, in megabytes; ``start`` runs nothing."""
    with tempfile.TemporaryDirectory() as name:
        if side != "start":
            prepare(T, Path(name))
            (ours if side == "ours" else by_hand)(form)(T, Path(name))
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the process that started this one, too
        print(next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024)
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def verdict(found: float, bound: float) -> str:
    """A ratio beside its bound."""
    return f"{found:6.2f} ×  (at most {bound:g}: {'ok' if found <= bound else 'TOO SLOW'})"


def report(T: int, repeat: int, folder: Path) -> None:
    """Measure and print everything."""
    short = T // 10
    prepare(short, folder)
    widths: tuple[int, ...] = floor.WIDTHS
    count = 0
    for form in FORMS:
        lines, found = check(T, form, folder)
        if form == "text":
            count, widths = lines, found
    print(f"T = {T:,}: {count:,} rows, the same on both sides; {repeat} runs each, in turn; gc off\n")
    jobs: dict[str, tuple[Job, int]] = {}
    for form in FORMS:
        jobs[f"floor {form}"] = by_hand(form, widths), T
        jobs[f"ours {form}"] = ours(form), T
        jobs[f"short {form}"] = ours(form), short
    times = in_turn(jobs, folder, repeat)
    print(f"{'':<12}{'median':>9}{'least':>9}{'a row':>10}{'peak memory':>14}")
    for form in FORMS:
        for side in ("floor", "ours"):
            taken = times[f"{side} {form}"]
            middle = statistics.median(taken)
            size = megabytes(side, form, T)
            print(f"{f'{side} {form}':<12}{middle:>7.2f} s{min(taken):>7.2f} s{middle / count * 1e6:>7.2f} µs{size:>11.0f} MB")
    print(f"{'(start only)':<40}{megabytes('start', 'text', T):>11.0f} MB\n")
    for form in FORMS:
        print(f"{f'ours / floor, {form}':<32}{verdict(ratio(times[f'ours {form}'], times[f'floor {form}']), BOUND)}")
    for form in FORMS:
        growth = ratio(times[f"ours {form}"], times[f"short {form}"])
        print(f"{f'T = {T:,} / T = {short:,}, {form}':<32}{verdict(growth, BOUND_IN_T)}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Time long traces beside the same rows written down by hand.")
    parser.add_argument("--steps", type=int, default=10_000, metavar="T", help="time steps (default 10000)")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="runs of each (default 5)")
    parser.add_argument("--check", action="store_true", help="only compare the rows of short traces")
    parser.add_argument("--memory-of", nargs=2, metavar=("SIDE", "FORM"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    gc.disable()  # as the command line does
    if chosen.memory_of:
        side, form = chosen.memory_of
        peak(side, form, chosen.steps)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.check:
            for T, form in CHECKED:
                print(f"T = {T}, {form}: {check(T, form, folder)[0]:,} rows, the same on both sides")
        else:
            report(chosen.steps, chosen.repeat, folder)


if __name__ == "__main__":
    main()
