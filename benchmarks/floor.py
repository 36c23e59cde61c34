"""The floor under the speed of a trace: the same rows, written down by hand.

A program for one network and nothing else: the scalar tanh RNN of
``problem``, by hand with four decimals. Rows are f-strings in one pattern of columns; numbers are
whole ten-thousandths, so that sums and products are exact. It imports nothing
of the package, and prints the data rows of ``bptt-trace solve --steps full``
(plain text of a long trace) or the entries and values of its JSON, byte for byte.

    python benchmarks/floor.py 1000 > rows.txt
    python benchmarks/floor.py 1000 --json > rows.json
    python benchmarks/floor.py 1000 --problem > problem.toml
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import accumulate
from math import tanh
from typing import Generic, TypeVar

Number = TypeVar("Number", int, float)
Write = Callable[[str], object]

W_XH, W_HH, B_H, W_HY, B_Y, ETA = 0.4, 0.9, 0.1, 0.7, 0.2, 0.1
WHOLE = 10_000
"""One, in ten-thousandths."""
FOUR_FIGURES = Context(prec=4, rounding=ROUND_HALF_UP, Emax=999_999, Emin=-999_999)

WIDTHS = (9, 25, 72, 61, 13, 9, 24)
"""Columns of the text: number, name, formula, numbers, result, so far, uses."""


def used_lines(lines: Sequence[int]) -> str:
    """The lines that a sum takes its terms from: neighbours as a range, many others as a progression."""
    lines = sorted(lines)
    if lines[-1] - lines[0] == len(lines) - 1 and len(lines) > 2:
        return f"{lines[0]}–{lines[-1]}"
    if len(lines) <= 12:
        return ", ".join(map(str, lines))
    start = 2 if lines[1] - lines[0] == lines[2] - lines[1] else 3  # the last time step may have fewer lines than the others
    return f"{', '.join(map(str, lines[:start]))}, …, {lines[-1]}"


def escaped(text: str) -> str:
    """As JSON has it."""
    return json.dumps(text)[1:-1]


def inputs(T: int) -> list[str]:
    """x_1 … x_T as typed."""
    return [f"{(37 * t % 19 - 9) / 10}" for t in range(1, T + 1)]


def targets(T: int) -> list[str]:
    """target_1 … target_T as typed."""
    return [f"{(29 * t % 17 - 8) / 10}" for t in range(1, T + 1)]


def problem(T: int) -> str:
    """The problem file of the network that this program calculates."""
    return f"""title = "A long trace"

[network]
cell = "rnn"
activation = "tanh"

[parameters]
w_xh = {W_XH}
w_hh = {W_HH}
b_h = {B_H}
w_hy = {W_HY}
b_y = {B_Y}

[given]
h_0 = 0
x = [{", ".join(inputs(T))}]
target = [{", ".join(targets(T))}]

[loss]
kind = "squared_error"
over_time = "mean"

[update]
learning_rate = {ETA}
"""


# ----------------------------------------------------------------- the numbers


@dataclass
class Trace(Generic[Number]):
    """Every number of the calculation. Lists over time begin with t = 1, ``h`` and ``h2`` with h_0."""

    a: list[Number]
    h: list[Number]
    y: list[Number]
    losses: list[Number]
    loss: Number
    dy: list[Number]
    direct: list[Number]
    carried: list[Number]
    dh: list[Number]
    da: list[Number]
    shares: list[list[Number]]
    """For each parameter, the contribution of every time step."""
    gradients: list[Number]
    new: list[Number]
    a2: list[Number]
    h2: list[Number]
    y2: list[Number]
    losses2: list[Number]
    loss2: Number


def half_up(above: int, below: int) -> int:
    """above / below, rounded half up."""
    return (2 * above + below) // (2 * below) if above >= 0 else -((below - 2 * above) // (2 * below))


def by_hand(T: int) -> Trace[int]:
    """The calculation in ten-thousandths, every result rounded and used as rounded."""
    x, target = ([round(float(one) * WHOLE) for one in typed] for typed in (inputs(T), targets(T)))
    old = [round(one * WHOLE) for one in (W_XH, W_HH, B_H, W_HY, B_Y)]

    def forward(w_xh: int, w_hh: int, b_h: int, w_hy: int, b_y: int) -> tuple[list[int], list[int], list[int], list[int], int]:
        a, h, y, losses = [], [0], [], []
        for x_t, target_t in zip(x, target, strict=True):
            a.append(half_up(w_xh * x_t + w_hh * h[-1] + b_h * WHOLE, WHOLE))
            h.append(round(tanh(a[-1] / WHOLE) * WHOLE))
            y.append(half_up(w_hy * h[-1] + b_y * WHOLE, WHOLE))
            losses.append(half_up((y[-1] - target_t) ** 2, WHOLE))
        return a, h, y, losses, half_up(sum(losses), T)

    a, h, y, losses, loss = forward(*old)
    _, w_hh, _, w_hy, _ = old
    dy, direct, carried, dh, da = ([0] * T for _ in range(5))
    for t in range(T - 1, -1, -1):
        dy[t] = half_up(2 * (y[t] - target[t]), T)
        direct[t] = half_up(dy[t] * w_hy, WHOLE)
        carried[t] = half_up(da[t + 1] * w_hh, WHOLE) if t < T - 1 else 0
        dh[t] = direct[t] + carried[t]
        da[t] = half_up(dh[t] * (WHOLE * WHOLE - h[t + 1] ** 2), WHOLE * WHOLE)
    shares = [
        [half_up(d * one, WHOLE) for d, one in zip(da, x, strict=True)],
        [half_up(d * one, WHOLE) for d, one in zip(da, h, strict=False)],
        da,
        [half_up(d * one, WHOLE) for d, one in zip(dy, h[1:], strict=True)],
        dy,
    ]
    gradients = [sum(share) for share in shares]
    new = [half_up(10 * one - slope, 10) for one, slope in zip(old, gradients, strict=True)]
    return Trace(a, h, y, losses, loss, dy, direct, carried, dh, da, shares, gradients, new, *forward(*new))


def in_full(T: int) -> Trace[float]:
    """The calculation in floating point."""
    x, target = ([float(one) for one in typed] for typed in (inputs(T), targets(T)))

    def forward(
        w_xh: float, w_hh: float, b_h: float, w_hy: float, b_y: float
    ) -> tuple[list[float], list[float], list[float], list[float], float]:
        a, h, y, losses = [], [0.0], [], []
        for x_t, target_t in zip(x, target, strict=True):
            a.append(w_xh * x_t + w_hh * h[-1] + b_h)
            h.append(tanh(a[-1]))
            y.append(w_hy * h[-1] + b_y)
            losses.append((y[-1] - target_t) * (y[-1] - target_t))
        return a, h, y, losses, 1 / T * summed(losses)

    a, h, y, losses, loss = forward(W_XH, W_HH, B_H, W_HY, B_Y)
    factor = 2 / T
    dy, direct, carried, dh, da = ([0.0] * T for _ in range(5))
    for t in range(T - 1, -1, -1):
        dy[t] = factor * (y[t] - target[t])
        direct[t] = dy[t] * W_HY
        carried[t] = da[t + 1] * W_HH if t < T - 1 else 0.0
        dh[t] = direct[t] + carried[t]
        da[t] = dh[t] * (1 - h[t + 1] * h[t + 1])
    shares = [
        [d * one + 0.0 for d, one in zip(da, x, strict=True)],
        [d * one + 0.0 for d, one in zip(da, h, strict=False)],
        da,
        [d * one + 0.0 for d, one in zip(dy, h[1:], strict=True)],
        dy,
    ]
    gradients = [summed(share) for share in shares]
    new = [one - ETA * slope for one, slope in zip((W_XH, W_HH, B_H, W_HY, B_Y), gradients, strict=True)]
    return Trace(a, h, y, losses, loss, dy, direct, carried, dh, da, shares, gradients, new, *forward(*new))


def summed(terms: Iterable[float]) -> float:
    """The sum from left to right; ``sum`` of newer Pythons compensates."""
    *_, total = accumulate(terms)
    return total


def factors(h: Sequence[int]) -> list[tuple[str, str]]:
    """∂h_t/∂h_(t−1) and ∂h_T/∂h_(t−1) for t = T … 2, to four significant figures."""
    w_hh = round(W_HH * WHOLE)
    product: Decimal | None = None
    found = []
    for state in h[:1:-1]:
        factor = figures(Decimal(w_hh * (WHOLE * WHOLE - state**2)).scaleb(-12, FOUR_FIGURES))
        product = factor if product is None else figures(FOUR_FIGURES.multiply(product, factor))
        found.append((in_words(factor), in_words(product)))
    return found


def figures(number: Decimal) -> Decimal:
    """A number with exactly four figures."""
    number = FOUR_FIGURES.plus(number)
    return number.quantize(Decimal((0, (1,), number.adjusted() - 3)), context=FOUR_FIGURES)


def in_words(number: Decimal) -> str:
    """A number with decimals, or far from 1 with a power of ten."""
    return f"{number:f}" if number.adjusted() >= -13 else f"{number:e}"


def decimals(numbers: Iterable[int]) -> list[str]:
    """Ten-thousandths as people write them."""
    return [f"{one / WHOLE:.4f}" for one in numbers]


RAISED = str.maketrans("-−0123456789", "⁻⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def raised(number: str) -> str:
    """A number with its power of ten as a terminal shows it."""
    mantissa, sign, exponent = number.partition("e")
    return f"{mantissa}·10{exponent.translate(RAISED)}" if sign else number


def bracketed(numbers: Iterable[str]) -> list[str]:
    """Numbers inside a calculation: negative ones, and those with a power of ten, stand in brackets."""
    return [f"({one})" if one[0] in "-−" or "e" in one else one for one in numbers]


# -------------------------------------------------------------------- the text


def write_text(T: int, write: Write, widths: Sequence[int] = WIDTHS) -> None:
    """The rows as plain text in aligned columns."""
    number, name, formula, numbers, result, so_far, uses = widths
    row = f"%{number}s  %-{name}s = %-{formula}s = %-{numbers}s = %{result}s  %{so_far}s  %-{uses}s  %s\n"
    trace = by_hand(T)

    def both(values: Iterable[int]) -> tuple[list[str], list[str]]:
        bare = [f"{one / WHOLE:.4f}" if one >= 0 else f"−{-one / WHOLE:.4f}" for one in values]
        return bare, bracketed(bare)

    typed = [[one.replace("-", "−") for one in given] for given in (inputs(T), targets(T))]
    x, target = map(bracketed, typed)
    old = ("w_xh", "w_hh", "b_h", "w_hy", "b_y")

    def forward(
        lines: tuple[list[int], list[int], list[int], list[int], int],
        mark: str,
        parameters: list[str],
        n: int,
        after: tuple[str, str, str],
    ) -> tuple[list[str], list[str]]:
        """The forward pass and its losses; ``after`` are the lines of the parameters."""
        (a, _), (h, h_in), (y, y_in) = (both(values) for values in lines[:3])
        w_xh, w_hh, b_h, w_hy, b_y = parameters
        prime = "'" if mark else ""
        h_in[0] = "0"
        pieces: list[str] = []
        add = pieces.append
        for t in range(1, T + 1):
            before = f"h_{t - 1}{mark}" if t > 1 else "h_0"
            used = f"{after[0]}, {n - 2}" if mark and t > 1 else after[0] if mark else n - 2 if t > 1 else ""
            add(
                row
                % (
                    n,
                    f"a_{t}{mark}",
                    f"w_xh{prime} · x_{t} + w_hh{prime} · {before} + b_h{prime}",
                    f"{w_xh} · {x[t - 1]} + {w_hh} · {h_in[t - 1]} + {b_h}",
                    a[t - 1],
                    "",
                    used,
                    "pre-activation",
                )
            )
            add(row % (n + 1, f"h_{t}{mark}", f"tanh(a_{t}{mark})", f"tanh({a[t - 1]})", h[t], "", n, "hidden state"))
            add(
                row
                % (
                    n + 2,
                    f"y_{t}{mark}",
                    f"w_hy{prime} · h_{t}{mark} + b_y{prime}",
                    f"{w_hy} · {h_in[t]} + {b_y}",
                    y[t - 1],
                    "",
                    f"{after[1]}, {n + 1}" if mark else n + 1,
                    "output",
                )
            )
            n += 3
        write("".join(pieces))
        pieces.clear()
        losses, _ = both(lines[3])
        totals, _ = both(accumulate(lines[3]))
        first = n - 3 * T + 2
        for t in range(1, T + 1):
            add(
                row
                % (
                    n,
                    f"L_{t}{mark}",
                    f"(y_{t}{mark} − target_{t})²",
                    f"({y_in[t - 1]} − {target[t - 1]})²",
                    losses[t - 1],
                    totals[t - 1],
                    first + 3 * t - 3,
                    "loss term",
                )
            )
            n += 1
        add(
            row
            % (
                n,
                f"L{mark}",
                f"(1/T) · (L_1{mark} + … + L_{T}{mark})",
                f"(1/{T}) · ({losses[0]} + … + {losses[-1]})",
                both([lines[4]])[0][0],
                "",
                used_lines(range(n - T, n)),
                "loss (mean)",
            )
        )
        write("".join(pieces))
        return h_in, y_in

    given = [str(one) for one in (W_XH, W_HH, B_H, W_HY, B_Y)]
    h_in, y_in = forward((trace.a, trace.h, trace.y, trace.losses, trace.loss), "", given, 1, ("", "", ""))
    n = 4 * T + 2

    (dy, dy_in), (direct, direct_in), (carried, carried_in), (dh, dh_in), (da, da_in) = (
        both(values) for values in (trace.dy, trace.direct, trace.carried, trace.dh, trace.da)
    )
    dy_line, da_line = [0] * T, [0] * T
    pieces: list[str] = []
    add = pieces.append
    for t in range(T, 0, -1):
        i = t - 1
        dy_line[i] = n
        add(
            row
            % (
                n,
                f"dL/dy_{t}",
                f"(2/T) · (y_{t} − target_{t})",
                f"(2/{T}) · ({y_in[i]} − {target[i]})",
                dy[i],
                "",
                3 * t,
                "own error",
            )
        )
        if t == T:
            add(row % (n + 1, f"dL/dh_{t}", f"dL/dy_{t} · w_hy", f"{dy_in[i]} · {W_HY}", dh[i], "", n, "direct only"))
            n += 2
        else:
            add(row % (n + 1, f"dL/dh_{t} via y_{t}", f"dL/dy_{t} · w_hy", f"{dy_in[i]} · {W_HY}", direct[i], "", n, "direct"))
            add(
                row
                % (
                    n + 2,
                    f"dL/dh_{t} via a_{t + 1}",
                    f"dL/da_{t + 1} · w_hh",
                    f"{da_in[t]} · {W_HH}",
                    carried[i],
                    "",
                    n - 1,
                    "carried",
                )
            )
            add(
                row
                % (
                    n + 3,
                    f"dL/dh_{t}",
                    f"dL/dh_{t} via y_{t} + dL/dh_{t} via a_{t + 1}",
                    f"{direct_in[i]} + {carried_in[i]}",
                    dh[i],
                    "",
                    f"{n + 1}, {n + 2}",
                    "sum",
                )
            )
            n += 4
        da_line[i] = n
        add(
            row
            % (
                n,
                f"dL/da_{t}",
                f"dL/dh_{t} · (1 − h_{t}²)",
                f"{dh_in[i]} · (1 − {h_in[t]}²)",
                da[i],
                "",
                f"{3 * t - 1}, {n - 1}",
                "through tanh",
            )
        )
        n += 1
    write("".join(pieces))

    gradient_lines = []
    for place, (parameter, share) in enumerate(zip(old, trace.shares, strict=True)):
        through, flow, flow_line = ("a", da_in, da_line) if place < 3 else ("y", dy_in, dy_line)
        bare, inside = both(share)
        totals, _ = both(accumulate(share))
        pieces.clear()
        gradient = f"dL/d{parameter}"
        for t in range(1, T + 1):
            i = t - 1
            share_name = f"{gradient} via {through}_{t}"
            if place == 0:
                add(
                    row
                    % (n, share_name, f"dL/da_{t} · x_{t}", f"{flow[i]} · {x[i]}", bare[i], totals[i], flow_line[i], f"step {t}")
                )
                n += 1
            elif place == 1:
                before = f"{3 * t - 4}, " if t > 1 else ""
                used = f"{before}{flow_line[i]}"
                add(row % (n, share_name, f"dL/da_{t} · h_{i}", f"{flow[i]} · {h_in[i]}", bare[i], totals[i], used, f"step {t}"))
                n += 1
            elif place == 3:
                add(
                    row
                    % (
                        n,
                        share_name,
                        f"dL/dy_{t} · h_{t}",
                        f"{flow[i]} · {h_in[t]}",
                        bare[i],
                        totals[i],
                        f"{3 * t - 1}, {flow_line[i]}",
                        f"step {t}",
                    )
                )
                n += 1
            else:
                add(row % ("", share_name, f"dL/d{through}_{t}", bare[i], bare[i], totals[i], flow_line[i], f"step {t}"))
        total, _ = both([trace.gradients[place]])
        if place in (2, 4):
            summed_up, used = f"dL/d{through}_1 + … + dL/d{through}_{T}", used_lines(flow_line)
        else:
            summed_up, used = f"{gradient} via {through}_1 + … + {gradient} via {through}_{T}", used_lines(range(n - T, n))
        add(row % (n, gradient, summed_up, f"{inside[0]} + … + {inside[-1]}", total[0], "", used, "sum"))
        gradient_lines.append(n)
        n += 1
        write("".join(pieces))

    new, new_in = both(trace.new)
    _, slopes_in = both(trace.gradients)
    for place, (parameter, before) in enumerate(zip(old, given, strict=True)):
        moved = trace.new[place] - round(float(before) * WHOLE)
        word = "rises" if moved > 0 else "falls" if moved < 0 else "stays"
        write(
            row
            % (
                n,
                f"{parameter}'",
                f"{parameter} − η · dL/d{parameter}",
                f"{before} − {ETA} · {slopes_in[place]}",
                new[place],
                "",
                gradient_lines[place],
                word,
            )
        )
        n += 1
    after = f"{n - 5}–{n - 3}", f"{n - 2}, {n - 1}", ""
    forward((trace.a2, trace.h2, trace.y2, trace.losses2, trace.loss2), "@2", new_in, n, after)
    n += 4 * T + 1

    pieces.clear()
    found = factors(trace.h)
    single = [one.replace("-", "−") for one, _ in found]
    product = [one.replace("-", "−") for _, one in found]
    single_in, product_in = bracketed(single), [raised(one) for one in bracketed(product)]
    product = [raised(one) for one in product]
    for place, t in enumerate(range(T, 1, -1)):
        add(
            row
            % (
                n,
                f"dh_{t}/dh_{t - 1}",
                f"w_hh · (1 − h_{t}²)",
                f"{W_HH} · (1 − {h_in[t]}²)",
                single[place],
                "",
                3 * t - 1,
                "one step",
            )
        )
        n += 1
        if place:
            used = f"{n - 2}, {n - 1}"
            add(
                row
                % (
                    n,
                    f"dh_{T}/dh_{t - 1}",
                    f"dh_{T}/dh_{t} · dh_{t}/dh_{t - 1}",
                    f"{product_in[place - 1]} · {single_in[place]}",
                    product[place],
                    "",
                    used,
                    "product",
                )
            )
            n += 1
    write("".join(pieces))


# -------------------------------------------------------------------- the JSON


def write_json(T: int, write: Write) -> None:
    """The entries and the values as JSON."""
    trace, exact = by_hand(T), in_full(T)
    values: list[str] = []
    pieces: list[str] = []

    def add(
        line: int | str, name: str, in_latex: str, role: str, time: int | str, formula: str, formula_in_latex: str,
        numbers: str, numbers_in_latex: str, value: str, unrounded: float, uses: int | str, note: str,
        so_far: str = "", value_in_latex: str = "",
    ) -> None:  # fmt: skip
        total = f', "so_far": "{so_far}"' if so_far else ""
        pieces.append(
            f'    {{"line": {line}, "name": "{name}", "role": "{role}", "time": {time}, '
            f'"text": "{name} = {formula} = {numbers} = {value}", '
            f'"latex": "{in_latex} = {formula_in_latex} = {numbers_in_latex} = {value_in_latex or value}", '
            f'"formula": {{"text": "{formula}", "latex": "{formula_in_latex}"}}, '
            f'"numbers": {{"text": "{numbers}", "latex": "{numbers_in_latex}"}}, '
            f'"value": "{value}", "exact": "{unrounded!r}", "uses": "{uses}", "note": "{note}"{total}}}'
        )
        values.append(f'"{name}": "{value}"')

    def flush(last: bool = False) -> None:
        write(",\n".join(pieces))
        write("" if last else ",\n")
        pieces.clear()

    def both(numbers: Iterable[int]) -> tuple[list[str], list[str]]:
        bare = decimals(numbers)
        return bare, bracketed(bare)

    def d(above: str, below: str) -> str:
        return rf"\\frac{{\\partial {above}}}{{\\partial {below}}}"

    x, target = inputs(T), targets(T)
    old = ("w_xh", "w_hh", "b_h", "w_hy", "b_y")
    given = [str(one) for one in (W_XH, W_HH, B_H, W_HY, B_Y)]
    values += [f'"{name}": "{value}"' for name, value in zip(old, given, strict=True)]
    values += [f'"x_{t}": "{one}"' for t, one in enumerate(x, 1)]
    values.append('"h_0": "0"')
    values += [f'"target_{t}": "{one}"' for t, one in enumerate(target, 1)]
    values.append(f'"eta": "{ETA}"')
    x, target = bracketed(x), bracketed(target)

    def forward(
        lines: tuple[list[int], list[int], list[int], list[int], int],
        full: tuple[list[float], list[float], list[float], list[float], float],
        mark: str, parameters: list[str], n: int, after: tuple[str, str],
    ) -> tuple[list[str], list[str]]:  # fmt: skip
        (a, _), (h, h_in), (y, y_in) = (both(numbers) for numbers in lines[:3])
        w_xh, w_hh, b_h, w_hy, b_y = parameters
        prime, left, power = ("'", "{", "^{{}@2}}") if mark else ("", "", "")
        h_in[0] = "0"
        for t in range(1, T + 1):
            i = t - 1
            before, before_in_latex = (f"h_{i}{mark}", f"{left}h_{{{i}}}{power}") if t > 1 else ("h_0", "h_{0}")
            used = f"{after[0]}, {n - 2}" if mark and t > 1 else after[0] if mark else n - 2 if t > 1 else ""
            add(
                n, f"a_{t}{mark}", f"{left}a_{{{t}}}{power}", "preactivation", t,
                f"w_xh{prime} * x_{t} + w_hh{prime} * {before} + b_h{prime}",
                rf"w_{{xh}}{prime} \\cdot x_{{{t}}} + w_{{hh}}{prime} \\cdot {before_in_latex} + b_{{h}}{prime}",
                f"{w_xh} * {x[i]} + {w_hh} * {h_in[i]} + {b_h}", rf"{w_xh} \\cdot {x[i]} + {w_hh} \\cdot {h_in[i]} + {b_h}",
                a[i], full[0][i], used, "pre-activation",
            )  # fmt: skip
            add(
                n + 1, f"h_{t}{mark}", f"{left}h_{{{t}}}{power}", "hidden", t,
                f"tanh(a_{t}{mark})", rf"\\tanh({left}a_{{{t}}}{power})",
                f"tanh({a[i]})", rf"\\tanh({a[i]})", h[t], full[1][t], n, "hidden state",
            )  # fmt: skip
            add(
                n + 2, f"y_{t}{mark}", f"{left}y_{{{t}}}{power}", "output", t,
                f"w_hy{prime} * h_{t}{mark} + b_y{prime}", rf"w_{{hy}}{prime} \\cdot {left}h_{{{t}}}{power} + b_{{y}}{prime}",
                f"{w_hy} * {h_in[t]} + {b_y}", rf"{w_hy} \\cdot {h_in[t]} + {b_y}",
                y[i], full[2][i], f"{after[1]}, {n + 1}" if mark else n + 1, "output",
            )  # fmt: skip
            n += 3
        flush()
        losses, _ = both(lines[3])
        totals = decimals(accumulate(lines[3]))
        first = n - 3 * T + 2
        for t in range(1, T + 1):
            i = t - 1
            add(
                n, f"L_{t}{mark}", f"{left}L_{{{t}}}{power}", "loss", t,
                f"(y_{t}{mark} - target_{t})^2", rf"({left}y_{{{t}}}{power} - \\mathrm{{target}}_{{{t}}})^{{2}}",
                f"({y_in[i]} - {target[i]})^2", f"({y_in[i]} - {target[i]})^{{2}}",
                losses[i], full[3][i], first + 3 * i, "loss term", totals[i],
            )  # fmt: skip
            n += 1
        add(
            n, f"L{mark}", f"{left}L{power}", "loss", "null", f"(1/T) * (L_1{mark} + ... + L_{T}{mark})",
            rf"\\frac{{1}}{{T}} \\cdot ({left}L_{{1}}{power} + \\dots + {left}L_{{{T}}}{power})",
            f"(1/{T}) * ({losses[0]} + ... + {losses[-1]})", rf"\\frac{{1}}{{{T}}} \\cdot ({losses[0]} + \\dots + {losses[-1]})",
            decimals([lines[4]])[0], full[4], escaped(used_lines(range(n - T, n))), "loss (mean)",
        )  # fmt: skip
        flush()
        return h_in, y_in

    write('{"entries": [\n')
    h_in, y_in = forward(
        (trace.a, trace.h, trace.y, trace.losses, trace.loss),
        (exact.a, exact.h, exact.y, exact.losses, exact.loss),
        "",
        given,
        1,
        ("", ""),
    )
    n = 4 * T + 2

    (dy, dy_in), (direct, direct_in), (carried, carried_in), (dh, dh_in), (da, da_in) = (
        both(numbers) for numbers in (trace.dy, trace.direct, trace.carried, trace.dh, trace.da)
    )
    dy_line, da_line = [0] * T, [0] * T
    for t in range(T, 0, -1):
        i = t - 1
        dy_line[i] = n
        to_y, to_h, to_a = d("L", f"y_{{{t}}}"), d("L", f"h_{{{t}}}"), d("L", f"a_{{{t}}}")
        add(
            n, f"dL/dy_{t}", to_y, "gradient", t,
            f"(2/T) * (y_{t} - target_{t})", rf"\\frac{{2}}{{T}} \\cdot (y_{{{t}}} - \\mathrm{{target}}_{{{t}}})",
            f"(2/{T}) * ({y_in[i]} - {target[i]})", rf"\\frac{{2}}{{{T}}} \\cdot ({y_in[i]} - {target[i]})",
            dy[i], exact.dy[i], 3 * t, "own error",
        )  # fmt: skip
        through_y = f"dL/dy_{t} * w_hy", rf"{to_y} \\cdot w_{{hy}}", f"{dy_in[i]} * {W_HY}", rf"{dy_in[i]} \\cdot {W_HY}"
        if t == T:
            add(n + 1, f"dL/dh_{t}", to_h, "gradient", t, *through_y, dh[i], exact.dh[i], n, "direct only")
            n += 2
        else:
            via_y, via_a = rf"{to_h}\\text{{ via }}y_{{{t}}}", rf"{to_h}\\text{{ via }}a_{{{t + 1}}}"
            add(n + 1, f"dL/dh_{t} via y_{t}", via_y, "contribution", t, *through_y, direct[i], exact.direct[i], n, "direct")
            add(
                n + 2, f"dL/dh_{t} via a_{t + 1}", via_a, "contribution", t,
                f"dL/da_{t + 1} * w_hh", rf"{d('L', f'a_{{{t + 1}}}')} \\cdot w_{{hh}}",
                f"{da_in[t]} * {W_HH}", rf"{da_in[t]} \\cdot {W_HH}", carried[i], exact.carried[i], n - 1, "carried",
            )  # fmt: skip
            add(
                n + 3, f"dL/dh_{t}", to_h, "gradient", t,
                f"dL/dh_{t} via y_{t} + dL/dh_{t} via a_{t + 1}", f"{via_y} + {via_a}",
                f"{direct_in[i]} + {carried_in[i]}", f"{direct_in[i]} + {carried_in[i]}",
                dh[i], exact.dh[i], f"{n + 1}, {n + 2}", "sum",
            )  # fmt: skip
            n += 4
        da_line[i] = n
        add(
            n, f"dL/da_{t}", to_a, "gradient", t, f"dL/dh_{t} * (1 - h_{t}^2)", rf"{to_h} \\cdot (1 - h_{{{t}}}^{{2}})",
            f"{dh_in[i]} * (1 - {h_in[t]}^2)", rf"{dh_in[i]} \\cdot (1 - {h_in[t]}^{{2}})",
            da[i], exact.da[i], f"{3 * t - 1}, {n - 1}", "through tanh",
        )  # fmt: skip
        n += 1
    flush()

    gradient_lines = []
    for place, parameter in enumerate(old):
        through, flow, flow_line = ("a", da_in, da_line) if place < 3 else ("y", dy_in, dy_line)
        bare, inside = both(trace.shares[place])
        full = exact.shares[place]
        totals = decimals(accumulate(trace.shares[place]))
        stem, _, subscript = parameter.partition("_")
        gradient, in_latex = f"dL/d{parameter}", d("L", f"{stem}_{{{subscript}}}")
        for t in range(1, T + 1):
            i = t - 1
            name, via = f"{gradient} via {through}_{t}", rf"{in_latex}\\text{{ via }}{through}_{{{t}}}"
            upstream = d("L", f"{through}_{{{t}}}")
            if place in (2, 4):
                add(
                    "null", name, via, "contribution", "null", f"dL/d{through}_{t}", upstream,
                    bare[i], bare[i], bare[i], full[i], flow_line[i], f"step {t}", totals[i],
                )  # fmt: skip
                continue
            other, number, used = (
                (f"x_{t}", x[i], 0)
                if place == 0
                else (f"h_{i}", h_in[i], 3 * t - 4)
                if place == 1
                else (f"h_{t}", h_in[t], 3 * t - 1)
            )
            add(
                n, name, via, "contribution", "null",
                f"dL/d{through}_{t} * {other}", rf"{upstream} \\cdot {other[0]}_{{{other[2:]}}}",
                f"{flow[i]} * {number}", rf"{flow[i]} \\cdot {number}",
                bare[i], full[i], f"{used}, {flow_line[i]}" if used > 0 else flow_line[i], f"step {t}", totals[i],
            )  # fmt: skip
            n += 1
        if place in (2, 4):
            first, last = (f"dL/d{through}_{t}" for t in (1, T))
            first_in_latex, last_in_latex = (d("L", f"{through}_{{{t}}}") for t in (1, T))
            used = escaped(used_lines(flow_line))
        else:
            first, last = (f"{gradient} via {through}_{t}" for t in (1, T))
            first_in_latex, last_in_latex = (rf"{in_latex}\\text{{ via }}{through}_{{{t}}}" for t in (1, T))
            used = escaped(used_lines(range(n - T, n)))
        add(
            n, gradient, in_latex, "gradient", "null", f"{first} + ... + {last}", rf"{first_in_latex} + \\dots + {last_in_latex}",
            f"{inside[0]} + ... + {inside[-1]}", rf"{inside[0]} + \\dots + {inside[-1]}",
            decimals([trace.gradients[place]])[0], exact.gradients[place], used, "sum",
        )  # fmt: skip
        gradient_lines.append(n)
        n += 1
        flush()

    new, new_in = both(trace.new)
    _, slopes_in = both(trace.gradients)
    for place, (parameter, before) in enumerate(zip(old, given, strict=True)):
        moved = trace.new[place] - round(float(before) * WHOLE)
        stem, _, subscript = parameter.partition("_")
        in_latex = f"{stem}_{{{subscript}}}"
        add(
            n, f"{parameter}'", f"{in_latex}'", "update", "null",
            f"{parameter} - eta * dL/d{parameter}", rf"{in_latex} - \\eta \\cdot {d('L', in_latex)}",
            f"{before} - {ETA} * {slopes_in[place]}", rf"{before} - {ETA} \\cdot {slopes_in[place]}",
            new[place], exact.new[place], gradient_lines[place], "rises" if moved > 0 else "falls" if moved < 0 else "stays",
        )  # fmt: skip
        n += 1
    flush()
    forward(
        (trace.a2, trace.h2, trace.y2, trace.losses2, trace.loss2), (exact.a2, exact.h2, exact.y2, exact.losses2, exact.loss2),
        "@2", new_in, n, (rf"{n - 5}\u2013{n - 3}", f"{n - 2}, {n - 1}"),
    )  # fmt: skip
    n += 4 * T + 1

    found = factors(trace.h)
    in_latex_too = [(power_of_ten(one), power_of_ten(product)) for one, product in found]
    single_in, product_in = bracketed(one for one, _ in found), bracketed(product for _, product in found)
    so_far = 1.0
    for place, t in enumerate(range(T, 1, -1)):
        factor = W_HH * (1 - exact.h[t] * exact.h[t])
        single, product = found[place]
        this = d(f"h_{{{t}}}", f"h_{{{t - 1}}}")
        add(
            n, f"dh_{t}/dh_{t - 1}", this, "factor", t - 1, f"w_hh * (1 - h_{t}^2)", rf"w_{{hh}} \\cdot (1 - h_{{{t}}}^{{2}})",
            f"{W_HH} * (1 - {h_in[t]}^2)", rf"{W_HH} \\cdot (1 - {h_in[t]}^{{2}})", single, factor, 3 * t - 1, "one step",
        )  # fmt: skip
        n += 1
        so_far = so_far * factor
        if place:
            before_this = f"({in_latex_too[place - 1][1]})" if "e" in found[place - 1][1] else found[place - 1][1]
            add(
                n, f"dh_{T}/dh_{t - 1}", d(f"h_{{{T}}}", f"h_{{{t - 1}}}"), "factor", t - 1,
                f"dh_{T}/dh_{t} * dh_{t}/dh_{t - 1}", rf"{d(f'h_{{{T}}}', f'h_{{{t}}}')} \\cdot {this}",
                f"{product_in[place - 1]} * {single_in[place]}", rf"{before_this} \\cdot {single_in[place]}",
                product, so_far, f"{n - 2}, {n - 1}", "product", "", in_latex_too[place][1],
            )  # fmt: skip
            n += 1
    flush(last=True)
    write('],\n"values": {\n  ')
    write(",\n  ".join(values))
    write("}}\n")


def power_of_ten(number: str) -> str:
    """A number as LaTeX inside JSON."""
    mantissa, sign, exponent = number.partition("e")
    return rf"{mantissa} \\cdot 10^{{{exponent}}}" if sign else number


def main() -> None:
    parser = argparse.ArgumentParser(description="The rows of a long trace, written down by hand.")
    parser.add_argument("T", type=int, help="time steps (5 or more)")
    parser.add_argument("--json", action="store_true", help="entries and values as JSON")
    parser.add_argument("--problem", action="store_true", help="the problem file instead")
    chosen = parser.parse_args()
    if chosen.problem:
        sys.stdout.write(problem(chosen.T))
    elif chosen.json:
        write_json(chosen.T, sys.stdout.write)
    else:
        write_text(chosen.T, sys.stdout.write)


if __name__ == "__main__":
    main()
