"""How long ``flow`` takes for 200 time steps, beside the bare imports that it cannot do without.

Whole processes, in turn, so that a busy machine slows both sides alike; the package is the one of this folder.

    python benchmarks/flow.py
    python benchmarks/flow.py --steps 1000
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
from pathlib import Path

from cold_start import ENGINE, LEAST_RUNS, in_turn

BOUND = 2.0
GATES = "\n".join(f"w_x{gate} = 0.5\nw_h{gate} = 0.3\nb_{gate} = {3 if gate == 'f' else 0.1}" for gate in "ifgo")
CELLS = {"rnn": "w_xh = 0.5\nw_hh = 0.9\nb_h = 0.1", "lstm": GATES}


def problem(cell: str, steps: int) -> str:
    """A problem file with random inputs and targets."""
    chance = random.Random(steps)
    x, target = ([round(chance.uniform(-1, 1), 1) for _ in range(steps)] for _ in range(2))
    return (
        f'[network]\ncell = "{cell}"\n[parameters]\n{CELLS[cell]}\nw_hy = 1.2\nb_y = -0.3\n'
        f"[given]\nx = {x}\ntarget = {target}\n[update]\nlearning_rate = 0.1\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time flow over many time steps beside bare imports.")
    parser.add_argument("--steps", type=int, default=200, metavar="T", help="time steps (default 200)")
    parser.add_argument("--repeat", type=int, default=21, metavar="N", help=f"runs of each (default 21, at least {LEAST_RUNS})")
    parser.add_argument("--quick", action="store_true", help="20 steps, one run of each: whether it works, not how fast")
    options = parser.parse_args()
    if options.quick:
        options.steps = 20
    repeat = 1 if options.quick else max(options.repeat, LEAST_RUNS)
    print(f"T = {options.steps}; {repeat} runs each, in turn; medians (least in brackets)\n")
    with tempfile.TemporaryDirectory() as folder:
        files = {cell: Path(folder) / f"{cell}.toml" for cell in CELLS}
        for cell, file in files.items():
            file.write_text(problem(cell, options.steps), "utf-8")
        for which in (["rnn"], ["lstm"], ["rnn", "lstm"]):
            command = [sys.executable, "-m", "bptt_trace", "flow", *(str(files[cell]) for cell in which)]
            ours, imports = in_turn(command, [sys.executable, "-c", ENGINE], repeat)
            ratio = statistics.median(ours) / statistics.median(imports)
            bound = f"(at most {BOUND:g}: {'ok' if ratio <= BOUND else 'TOO SLOW'})" if len(which) == 1 else ""
            for what, times in ((f"bptt-trace flow {' '.join(which)}", ours), (f'python -c "{ENGINE}"', imports)):
                print(f"{what:<56}{statistics.median(times) * 1e3:>6.0f} ms ({min(times) * 1e3:.0f} ms)")
            print(f"{'ratio':<56}{ratio:>6.2f} ×  {bound}".rstrip() + "\n")


if __name__ == "__main__":
    main()
