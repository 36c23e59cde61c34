"""A hundred epochs as a summary, beside a plain NumPy loop with hand-written gradients.

One tanh unit over T = 2 steps, four samples, plain gradient descent, batch or
online. The loop does the same 100 epochs with arrays and prints the same table
of losses. Both sides run in turn in one process, start-up aside, garbage
collection off as on the command line; the numbers of both are compared first.

    python benchmarks/training.py
    python benchmarks/training.py --epochs 20 --repeat 3
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bptt_trace import Rounding, build, evaluate, scalars
from bptt_trace.lines.view import View
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import Problem, from_document
from bptt_trace.worked_solution.iteration_table import picked
from bptt_trace.worked_solution.worked_solution import write

INPUTS = [[1, 0], [0, 1], [1, 1], [0, 0]]
TARGETS = [[1.0, 0.5], [0.0, 1.0], [0.2, 1.0], [0.0, 0.0]]
START = {"w_xh": 0.8, "w_hh": 0.5, "b_h": 0.0, "w_hy": 1.0, "b_y": -0.2}
ETA = 0.1
LIMIT = 5.0

Arrays = dict[str, np.ndarray[Any, Any]]


def problem(epochs: int, mode: str) -> Problem:
    """The same as a problem file."""
    return from_document(
        {
            "network": {"cell": "rnn"},
            "parameters": {name: str(value) for name, value in START.items()},
            "given": {"x": INPUTS, "target": [[str(y) for y in row] for row in TARGETS]},
            "update": {"learning_rate": str(ETA), "epochs": epochs, "mode": mode},
        }
    )


def gradients(p: Mapping[str, Any], x: Any, target: Any) -> tuple[Any, Arrays]:
    """Loss and gradients of one sample; vectors of one number, as a network of any size would have them."""
    h, hs, errors, loss = np.zeros(1), [np.zeros(1)], [], 0.0
    steps = len(x)
    for t in range(steps):
        h = np.tanh(p["w_xh"] @ x[t] + p["w_hh"] @ h + p["b_h"])
        error = p["w_hy"] @ h + p["b_y"] - target[t]
        loss += float(error @ error) / steps
        hs.append(h)
        errors.append(error)
    found = {name: np.zeros_like(value) for name, value in p.items()}
    carried = np.zeros(1)
    for t in range(steps - 1, -1, -1):
        dy = 2 / steps * errors[t]
        found["w_hy"] += np.outer(dy, hs[t + 1])
        found["b_y"] += dy
        da = (p["w_hy"].T @ dy + carried) * (1 - hs[t + 1] ** 2)
        found["w_xh"] += np.outer(da, x[t])
        found["w_hh"] += np.outer(da, hs[t])
        found["b_h"] += da
        carried = p["w_hh"].T @ da
    return loss, found


def by_numpy(epochs: int, mode: str) -> tuple[list[float], Arrays]:
    """The loss before each iteration, and the parameters after all of them."""
    p = {name: np.full((1, 1) if name.startswith("w") else (1,), value) for name, value in START.items()}
    xs = np.array(INPUTS, dtype=float)[:, :, None]
    targets = np.array(TARGETS)[:, :, None]
    losses = []
    for _ in range(epochs):
        whole, total = 0.0, {name: np.zeros_like(value) for name, value in p.items()}
        for x, target in zip(xs, targets, strict=True):
            loss, found = gradients(p, x, target)
            if mode == "online":
                losses.append(loss)
                p = {name: value - ETA * found[name] for name, value in p.items()}
            else:
                whole += loss / len(xs)
                for name in total:
                    total[name] += found[name] / len(xs)
        if mode == "batch":
            losses.append(whole)
            p = {name: value - ETA * total[name] for name, value in p.items()}
    return losses, p


def table(losses: list[float]) -> str:
    """The losses of the iterations that a summary has."""
    return "\n".join(f"{k:4d} {losses[k - 1]:9.4f}" for k in picked(len(losses), 12))


def ours(epochs: int, mode: str) -> str:
    """The summary as the terminal prints it."""
    read = problem(epochs, mode)
    program = scalars(build(read))
    values = evaluate(program, read.given, read.rounding)
    return as_text(write(read, program, values, View(show="none"), with_latex=False), 80)


def compare(epochs: int, mode: str) -> None:
    """Both sides come to the same with double precision."""
    read = problem(epochs, mode)
    program = scalars(build(read))
    values = evaluate(program, read.given, Rounding("full"))
    found = {str(step.target): number for step, number in zip(program.steps, values.numbers, strict=True)}
    losses, p = by_numpy(epochs, mode)
    for k, loss in enumerate(losses, start=1):
        assert abs(found[f"L@{k}" if k > 1 else "L"] - loss) < 1e-9, k
    for name, value in p.items():
        assert abs(found[f"{name}'@{len(losses)}"] - value.item()) < 1e-9, name


def seconds(run: Callable[[], object]) -> float:
    """How long a run takes."""
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Compare, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="ten epochs, one run: whether both sides agree")
    options = parser.parse_args()
    if options.quick:
        options.epochs, options.repeat = 10, 1
    gc.disable()
    print(f"{options.epochs} epochs of {len(INPUTS)} samples, T = 2, as a summary; {options.repeat} runs each, in turn; gc off\n")
    for mode in ("batch", "online"):
        compare(options.epochs, mode)
        ours(2, mode)  # what is done once for each rule belongs to the start
        pairs = []
        for _ in range(options.repeat):
            floor = seconds(lambda mode=mode: table(by_numpy(options.epochs, mode)[0]))  # type: ignore[misc]
            pairs.append((floor, seconds(lambda mode=mode: ours(options.epochs, mode))))  # type: ignore[misc]
        medians = [statistics.median(side) for side in zip(*pairs, strict=True)]
        ratio = statistics.median(one / floor for floor, one in pairs)
        verdict = "ok" if ratio <= LIMIT else "TOO SLOW"
        print(
            f"{mode:8}NumPy {medians[0]:.3f} s   ours {medians[1]:.3f} s   ratio {ratio:5.2f} ×  (at most {LIMIT:g}: {verdict})"
        )


if __name__ == "__main__":
    main()
