"""How long the command line takes from nothing, beside the bare imports it cannot do without.

Whole processes, in turn, so that a busy machine slows both sides alike.

    python benchmarks/cold_start.py
    python benchmarks/cold_start.py --repeat 40
    python benchmarks/cold_start.py --quick
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

LEAST_RUNS = 15
ENGINE = "import sympy, numpy, rich.table, jinja2"
SHELL = "import click, rich.console"


@dataclass(frozen=True)
class Pair:
    """A command, what it is compared with, and how many times as long it may take."""

    command: tuple[str, ...]
    imports: str
    bound: float


PAIRS = (
    Pair(("solve", "rnn"), ENGINE, 1.6),
    Pair(("--help",), SHELL, 2.5),
    Pair(("names", "rnn"), SHELL, 2.5),
)


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
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
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
    for pair in PAIRS:
        ours, imports = in_turn([name, *pair.command], [sys.executable, "-c", pair.imports], repeat)
        ratio = statistics.median(ours) / statistics.median(imports)
        verdict = "ok" if ratio <= pair.bound else "TOO SLOW"
        for what, times in ((f"bptt-trace {' '.join(pair.command)}", ours), (f'python -c "{pair.imports}"', imports)):
            print(f"{what:<56}{statistics.median(times) * 1e3:>6.0f} ms ({min(times) * 1e3:.0f} ms)")
        print(f"{'ratio':<56}{ratio:>6.2f} ×  (at most {pair.bound:g}: {verdict})\n")


if __name__ == "__main__":
    main()
