"""How long the command line takes from nothing, beside the bare imports it cannot do without.

Whole processes, in turn, so that a busy machine slows both sides alike.

    python benchmarks/cold_start.py
    python benchmarks/cold_start.py --repeat 40
    python benchmarks/cold_start.py --quick
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bptt_trace import solve

LEAST_RUNS = 15
ENGINE = "import sympy, numpy, rich.table, jinja2"
SHELL = "import click, rich.console"
WITH_BYTECODE = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""An installed package is not compiled anew at each start, and the first run keeps what it has compiled."""


@dataclass(frozen=True)
class Pair:
    """A command, what it is compared with, and how many times as long it may take."""

    command: tuple[str, ...]
    imports: str
    bound: float


def pairs(answers: Path) -> tuple[Pair, ...]:
    """All that is timed; ``answers`` is a right answer sheet for ``rnn``."""
    return (
        Pair(("solve", "rnn"), ENGINE, 0.45),
        Pair(("solve", "rnn", "-f", "json"), ENGINE, 0.45),
        Pair(("check", "rnn", str(answers)), ENGINE, 0.5),
        Pair(("--help",), SHELL, 1.0),
        Pair(("names", "rnn"), SHELL, 2.0),
    )


def write_answers(file: Path) -> None:
    """Every result of ``rnn``, as a student hands it in."""
    values = solve("rnn").values
    rows = (
        f'"{step.target}",{number}\n'
        for step, number in zip(values.program, values.numbers, strict=True)
        if step.rule is not None
    )
    file.write_text("quantity,answer\n" + "".join(rows), "utf-8")


def program() -> str:
    """The command ``bptt-trace`` of this environment."""
    beside = Path(sys.executable).with_name("bptt-trace")
    found = str(beside) if beside.exists() else shutil.which("bptt-trace")
    if found is None:
        sys.exit("bptt-trace is not installed in this environment")
    return found


def seconds(command: list[str]) -> float:
    """The wall time of a process, its output thrown away."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=WITH_BYTECODE)
    return time.perf_counter() - start


def in_turn(left: list[str], right: list[str], repeat: int) -> tuple[list[float], list[float]]:
    """The times of both commands, one after the other; the first run of each only fills the caches."""
    times: tuple[list[float], list[float]] = ([], [])
    for run in range(repeat + 1):
        for command, taken in zip((left, right), times, strict=True):
            one = seconds(command)
            if run:
                taken.append(one)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description="Time cold starts of the command line beside bare imports.")
    parser.add_argument("--repeat", type=int, default=21, metavar="N", help=f"runs of each (default 21, at least {LEAST_RUNS})")
    parser.add_argument("--quick", action="store_true", help="one run of each: whether it works, not how fast it is")
    options = parser.parse_args()
    repeat = 1 if options.quick else max(options.repeat, LEAST_RUNS)
    name = program()
    print(f"{repeat} runs each, in turn; medians (least in brackets)\n")
    with tempfile.TemporaryDirectory() as folder:
        answers = Path(folder) / "answers.csv"
        write_answers(answers)
        for pair in pairs(answers):
            ours, imports = in_turn([name, *pair.command], [sys.executable, "-c", pair.imports], repeat)
            ratio = statistics.median(ours) / statistics.median(imports)
            verdict = "ok" if ratio <= pair.bound else "TOO SLOW"
            shown = " ".join(pair.command).replace(str(answers), answers.name)
            for what, times in ((f"bptt-trace {shown}", ours), (f'python -c "{pair.imports}"', imports)):
                print(f"{what:<56}{statistics.median(times) * 1e3:>6.0f} ms ({min(times) * 1e3:.0f} ms)")
            print(f"{'ratio':<56}{ratio:>6.2f} ×  (at most {pair.bound:g}: {verdict})\n")


if __name__ == "__main__":
    main()
