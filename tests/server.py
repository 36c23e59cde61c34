"""A server's work in one process: many problems, no two alike. Prints the megabytes it has taken, after each tenth."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from bptt_trace import solve
from bptt_trace.problem.problem import load


def changes(number: int) -> Iterator[str]:
    """What makes one problem unlike all before it: an activation, slopes, the constants of an update, the numbers."""
    slope = f"{1 + number / 100_000:.5f}"
    yield f"x=[{slope}, -0.5, 0.{number:06}]"
    yield "target=[0.5, 1.0, 0.25]"
    if number % 3 == 0:
        yield f"activation=z/(1+{slope}*abs(z)) + z^{2 + number % 5}/{1000 + number}"
    if number % 3 == 1:
        yield "activation=leaky_relu"
        yield f"network.leak=0.{number:06}1"
    yield from (
        ("update.rule=adam", f"update.beta_1=0.{number:06}1")
        if number % 2
        else ("update.rule=momentum", f"update.beta=0.{number:06}1")
    )


def megabytes() -> int:
    """The most memory that this process has had since it was started; ``ru_maxrss`` counts that of its parent too."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    many = int(sys.argv[1])
    for number in range(many):
        solve(load("rnn", tuple(changes(number)))).to_text()
        if (number + 1) % max(many // 10, 1) == 0:
            print(megabytes(), flush=True)
