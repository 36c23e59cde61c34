"""What a thousand variants cost, beside a program written for this one network that fills and writes the same files.

The hand-written side knows the network: it calculates the 33 lines of the
two-step RNN by hand (decimals) and unrounded (floats), puts them into texts
that are ready but for their numbers, and writes them. What likely mistakes give
it is told.

    python benchmarks/variants.py
    python benchmarks/variants.py --count 200 --repeat 3
    python benchmarks/variants.py --check          # compares the files of both sides, measures nothing
"""

from __future__ import annotations

import argparse
import csv
import gc
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from bptt_trace.handouts.answer_key import decimals
from bptt_trace.handouts.fill_in_text import Form
from bptt_trace.handouts.folder import COLUMNS, write_folder
from bptt_trace.handouts.variant_sheets import Medium, Typesetter
from bptt_trace.handouts.variants import Factory, Variant
from bptt_trace.media.templates import markdown, markdown_words
from bptt_trace.problem.files import content, document_of

FILLING, ALL = 3.0, 6.0
"""How many times as long as the hand-written program filling may take, and drawing and screening with it."""
MARKDOWN = Medium("md", markdown, markdown_words)
TITLE = "one-neuron RNN, two steps"


# ------------------------------------------------------------------ by hand


def lines(number: Callable[[str], Any], keep: Callable[[Any], Any], tanh: Callable[[Any], Any], g: dict[str, str]) -> list[Any]:
    """The lines of the two-step RNN up to its update, in the order of the sheet."""
    w_xh, w_hh, b_h, w_hy, b_y, x_1, x_2, t_1, t_2, h_0, eta = (number(g[name]) for name in NAMES)
    two, half = number("2"), number("0.5")
    a_1 = keep(w_xh * x_1 + w_hh * h_0 + b_h)
    h_1 = keep(tanh(a_1))
    y_1 = keep(w_hy * h_1 + b_y)
    a_2 = keep(w_xh * x_2 + w_hh * h_1 + b_h)
    h_2 = keep(tanh(a_2))
    y_2 = keep(w_hy * h_2 + b_y)
    l_1 = keep((y_1 - t_1) ** 2)
    l_2 = keep((y_2 - t_2) ** 2)
    loss = keep(half * (l_1 + l_2))
    dy_2 = keep(two * half * (y_2 - t_2))
    dh_2 = keep(dy_2 * w_hy)
    da_2 = keep(dh_2 * (1 - h_2**2))
    dy_1 = keep(two * half * (y_1 - t_1))
    direct = keep(dy_1 * w_hy)
    carried = keep(da_2 * w_hh)
    dh_1 = keep(direct + carried)
    da_1 = keep(dh_1 * (1 - h_1**2))
    wx_1, wx_2 = keep(da_1 * x_1), keep(da_2 * x_2)
    wx = keep(wx_1 + wx_2)
    wh_1, wh_2 = keep(da_1 * h_0), keep(da_2 * h_1)
    wh = keep(wh_1 + wh_2)
    bh = keep(da_1 + da_2)
    wy_1, wy_2 = keep(dy_1 * h_1), keep(dy_2 * h_2)
    wy = keep(wy_1 + wy_2)
    by = keep(dy_1 + dy_2)
    new = [keep(p - eta * d) for p, d in ((w_xh, wx), (w_hh, wh), (b_h, bh), (w_hy, wy), (b_y, by))]
    forward = [a_1, h_1, y_1, a_2, h_2, y_2, l_1, l_2, loss]
    back = [dy_2, dh_2, da_2, dy_1, direct, carried, dh_1, da_1]
    return [*forward, *back, wx_1, wx_2, wx, wh_1, wh_2, wh, bh, wy_1, wy_2, wy, by, *new]


NAMES = ("w_xh", "w_hh", "b_h", "w_hy", "b_y", "x_1", "x_2", "target_1", "target_2", "h_0", "eta")
QUANTUM = Decimal("0.0001")


def rounded(value: Decimal) -> Decimal:
    return value.quantize(QUANTUM, ROUND_HALF_UP) + 0


def float_tanh(value: Decimal) -> Decimal:
    return Decimal(math.tanh(float(value)))


class Hand:
    """Texts with a gap for each number, filled in with ``%``."""

    def __init__(self, factory: Factory, variants: Sequence[Variant]) -> None:
        setter = Typesetter(factory, MARKDOWN)
        setter.sheets(variants[0])
        (family,) = setter._families.values()
        self.asked = list(factory.family(variants[0].drawn).blanks.asked)
        steps = factory.family(variants[0].drawn).key.steps
        self.size = len(steps)
        self.given = {p: str(step.target) for p, step in enumerate(steps) if step.rule is None}
        self.worksheet = self._gaps(family._worksheet)
        self.problem = self._gaps(family.problem.form)
        self.keys = {}
        for variant in variants:
            slugs = tuple(best.slug for best in variant.mistakes)
            if slugs not in self.keys:
                self.keys[slugs] = self._gaps(family._key(variant))
        self.answers = family.answers
        self.code = family._code
        self.told = [
            (
                slugs := tuple(best.slug for best in variant.mistakes),
                [
                    text
                    for best in variant.mistakes
                    for text in (*family._spelling[best.position], decimals(best.value, places(variant.exact[best.position])))
                ],
            )
            for variant in variants
        ]
        self.inputs = [{str(name): number.text for name, number in factory.given(variant.drawn).items()} for variant in variants]
        self.leaves = [str(names[0]) for names in family.problem.places.values()]

    @staticmethod
    def _gaps(form: Form) -> tuple[str, list[int]]:
        text = "%s".join(literal.replace("%", "%%") for literal in form.literals)
        return text, form.holes

    def write(self, folder: Path, variants: Sequence[Variant]) -> None:
        for kind in ("worksheets", "keys", "answers", "problems"):
            (folder / kind).mkdir(parents=True)
        rows = []
        width = len(str(len(variants)))
        size = self.size
        for number, variant in enumerate(variants, start=1):
            given = self.inputs[number - 1]
            exact = lines(float, lambda value: value, math.tanh, given)
            by_hand = lines(Decimal, rounded, float_tanh, given)
            slugs, told = self.told[number - 1]
            strings: dict[int, str] = {position: given[name] for position, name in self.given.items()}
            for position, right, value in zip(self.asked, by_hand, exact, strict=True):
                strings[position] = str(right)
                digits = places(value)
                strings[2 * size + position] = decimals(value, digits + 2)
                strings[3 * size + position] = str(digits)
            strings |= dict(enumerate(told, start=4 * size))
            strings[self.code] = variant.code
            name = f"{number:0{width}}"
            sheet, holes = self.worksheet
            with open(folder / f"worksheets/{name}.md", "w", encoding="utf-8", newline="\n") as file:
                file.write(sheet % tuple(strings.get(hole, "") for hole in holes))
            sheet, holes = self.keys[slugs]
            with open(folder / f"keys/{name}.md", "w", encoding="utf-8", newline="\n") as file:
                file.write(sheet % tuple(strings.get(hole, "") for hole in holes))
            with open(folder / f"answers/{name}.csv", "w", encoding="utf-8", newline="\n") as file:
                file.write(self.answers)
            with open(folder / f"problems/{name}.toml", "w", encoding="utf-8", newline="\n") as file:
                values = [*(given[leaf] for leaf in self.leaves), variant.code]
                file.write(self.problem[0] % tuple(values[hole] for hole in self.problem[1]))
            paths = [f"problems/{name}.toml", f"worksheets/{name}.md", f"keys/{name}.md", f"answers/{name}.csv"]
            rows.append([number, "", variant.code, *paths])
        with (folder / "index.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def places(value: float) -> int:
    """Four decimals, and at least three significant figures."""
    return max(4, 2 - math.floor(math.log10(abs(value)))) if value else 4


# ----------------------------------------------------------------- measuring


def folders() -> Iterator[Path]:
    """New names in a temporary folder, each gone when the next is made."""
    with tempfile.TemporaryDirectory() as top:
        for number in range(10**6):
            folder = Path(top) / str(number)
            yield folder
            shutil.rmtree(folder, ignore_errors=True)


def seconds(run: Callable[[], None]) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    finally:
        gc.enable()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--quick", action="store_true", help="twenty variants, compared and not measured")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.count, arguments.check = 20, True
    document = document_of(content("rnn")[0])
    factory = Factory(document)
    variants = factory.search(arguments.count, 1).variants
    hand = Hand(factory, variants)
    every = folders()

    def filled(folder: Path) -> None:
        write_folder(folder, variants, Typesetter(factory, MARKDOWN))

    def whole(folder: Path) -> None:
        fresh = Factory(document)
        write_folder(folder, fresh.search(arguments.count, 1).found, Typesetter(fresh, MARKDOWN))

    mine, its = next(every), None
    filled(mine)
    files = {path.relative_to(mine): path.read_bytes() for path in mine.rglob("*.*")}
    its = next(every)
    hand.write(its, variants)
    assert files == {path.relative_to(its): path.read_bytes() for path in its.rglob("*.*")}, "the two sides differ"
    size = sum(map(len, files.values())) / 1e6
    print(f"{arguments.count} variants of the {TITLE}: {len(files)} files, {size:.1f} MB, the same on both sides")
    if arguments.check:
        return 0
    taken: dict[str, list[float]] = {"by hand": [], "filled in": [], "drawn, screened, filled in": []}
    for _ in range(arguments.repeat):
        for name, run in (
            ("by hand", lambda folder: hand.write(folder, variants)),
            ("filled in", filled),
            ("drawn, screened, filled in", whole),
        ):
            folder = next(every)
            taken[name].append(seconds(lambda run=run, folder=folder: run(folder)))  # type: ignore[misc]
    print(f"{arguments.repeat} runs each, in turn; gc off; medians (least in brackets)\n")
    for name, times in taken.items():
        each = statistics.median(times) / arguments.count * 1e3
        print(f"{name:<28}{statistics.median(times):8.3f} s ({min(times):.3f} s)  {each:.3f} ms a variant")
    print()
    good = True
    for name, bound in (("filled in", FILLING), ("drawn, screened, filled in", ALL)):
        ratio = statistics.median(a / b for a, b in zip(taken[name], taken["by hand"], strict=True))
        good &= ratio <= bound
        print(f"{name} / by hand:{ratio:8.2f} ×  (at most {bound:g}: {'ok' if ratio <= bound else 'MISSED'})")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
