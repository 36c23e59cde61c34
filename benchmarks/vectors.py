"""How long a trace of vectors takes as JSON, beside the trace of single numbers with as many lines.

Both run in turn in one process, from the problem to the text: a recurrent
network with four units, inputs and outputs over ten steps, and a scalar one
over as many steps as give the same number of lines.

    python benchmarks/vectors.py

Then the cells with gates, each beside the simple recurrent network of the same
size: its time for a line, of which it has more.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import time

from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.lines.view import View
from bptt_trace.media.sheet_json import write_json
from bptt_trace.problem.network_keys import network_of
from bptt_trace.problem.problem import Problem, parse
from bptt_trace.problem.tables import with_defaults
from bptt_trace.worked_solution.worked_solution import write

BOUND, BOUND_OF_GATES = 3.0, 1.5


def network(n: int, T: int, cell: str = "rnn") -> Problem:
    """A recurrent network with n units, n inputs and n outputs."""
    chance = random.Random(n)
    x = [[0] * n] * T if n > 1 else [0] * T
    table = with_defaults({"network": {"cell": cell, "hidden": n}})["network"]
    shapes = network_of(table, {"x": x, "target": x}, {}).parameters()

    def number() -> str:
        return f"{chance.uniform(-1, 1):.2f}"

    def column() -> object:
        return number() if n == 1 else [number() for _ in range(n)]

    def filled(shape: tuple[int, ...]) -> object:
        return [filled(shape[1:]) for _ in range(shape[0])] if shape else number()

    document = {
        "network": {"cell": cell, "hidden": n},
        "parameters": {str(name): filled(shape) for name, shape in shapes.items()},
        "given": {"x": [column() for _ in range(T)], "target": [column() for _ in range(T)]},
        "update": {"learning_rate": "0.1"},
    }
    return parse(json.dumps(document))


def run(problem: Problem) -> tuple[float, int]:
    """Seconds from the problem to its JSON, and how many lines that has."""
    gc.collect()
    start = time.perf_counter()
    program = scalars(build(problem))
    values = evaluate(program, problem.given, problem.rounding)
    text = "".join(write_json(write(problem, program, values, View("full", "lines"), canonical=True)))
    seconds = time.perf_counter() - start
    return seconds, text.count('"line": ')


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--units", type=int, default=4)
    arguments.add_argument("--steps", type=int, default=10)
    arguments.add_argument("--repeat", type=int, default=7)
    arguments.add_argument("--quick", action="store_true", help="two units, three steps, one run: whether it works, not how fast")
    options = arguments.parse_args()
    if options.quick:
        options.units, options.steps, options.repeat = 2, 3, 1
    per_step = (run(network(1, 110))[1] - run(network(1, 10))[1]) / 100
    vectors = network(options.units, options.steps)
    first, lines = run(vectors)
    numbers = network(1, round(lines / per_step))
    pairs = [(run(vectors), run(numbers)) for _ in range(options.repeat)]
    ours, theirs = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
    print(f"{options.units} units, {options.steps} steps: {lines:,} lines of JSON in {ours:.3f} s")
    print(f"one unit, {numbers.network.steps} steps: {pairs[0][1][1]:,} lines of JSON in {theirs:.3f} s")
    ratio = ours / theirs * pairs[0][1][1] / lines
    print(f"per line: {ratio:.2f} x (bound {BOUND}); the first time, with its rules still to be made, {first:.3f} s")
    for cell in ("lstm", "gru", "slstm"):
        gated = network(options.units, options.steps, cell)
        run(gated)
        pairs = [(run(gated), run(vectors)) for _ in range(options.repeat)]
        ours, theirs = (statistics.median(pair[side][0] / pair[side][1] for pair in pairs) for side in (0, 1))
        count = pairs[0][0][1]
        print(f"{cell}: {count:,} lines, per line {ours / theirs:.2f} x the simple network (bound {BOUND_OF_GATES})")


if __name__ == "__main__":
    main()
