"""What marking that follows the student's own numbers gives and costs, beside a key of fixed numbers.

The problem is a recurrent network of two tanh units over three steps; 45 of
its lines are asked for. Both sides mark the same sheets, in turn.

    python benchmarks/marking.py
    python benchmarks/marking.py --part simulation --part slips
    python benchmarks/marking.py --part class --pandas /path/to/python
"""

from __future__ import annotations

import argparse
import copy
import csv
import gc
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cold_start import in_turn, program

from bptt_trace.engine.names import Name
from bptt_trace.marking.check import check
from bptt_trace.marking.key import Key
from bptt_trace.marking.marks import RIGHT, Marked
from bptt_trace.problem.problem import load

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from students import blanked, by_hand

PARTS = ("simulation", "slips", "sheets", "class", "jobs", "cold")
PLACES, BLANKS = (2, 3, 4), (0.0, 0.5, 0.8)
HALF, PERCENT = 0.51, 0.01
SLIP = (20, 400)
"""Size of a slip in units of the last place: of its line, or of a coarser one in which it first shows."""
LOCATED = 0.99
CLEAN_MS, SLIP_MS = 0.2, 1.0
STUDENTS, FEW = 10_000, 1_000
DIFFERENT = 400
"""Different sheets in a class; they are repeated."""
CLASS_SECONDS, GROWTH, PANDAS, COLD_SECONDS = 60.0, 1.1, 1.5, 1.0
SIZES = (2_000, 100_000)
"""Students of the classes that are marked by one process and by two."""
FASTER, MEGABYTES, MILLION_SECONDS = 1.8, 150, 180
VARIANTS, VARIANT_SECONDS = 5_000, 60
"""Variants that are written; seconds of work for 100,000."""
IMPORTS = "import sympy, numpy"

LAUNCHER = """
import resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
taken = time.perf_counter() - start
sys.stderr.buffer.write(code.stderr[-2000:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(taken, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime)
sys.exit(code.returncode)
"""
"""A small process that starts another, so that the memory is that of the other."""

FIXED = """
import json, sys
import pandas
source, key, target = sys.argv[1:]
goals = json.load(open(key))
table = pandas.read_csv(source, index_col=0)
right = (table - goals["exact"]).abs() <= goals["radius"]
marks = right.replace({True: "correct", False: "wrong"})
marks.insert(0, "score", right.sum(axis=1))
marks.to_csv(target)
"""


# -------------------------------------------------------------------- problems


def document(seed: int, places: int) -> str:
    """The problem file of one set of random numbers."""
    chance = random.Random(seed)

    def number() -> float:
        return round(chance.uniform(-1.2, 1.2), 2)

    def column(n: int) -> list[float]:
        return [number() for _ in range(n)]

    return "\n".join(
        (
            'title = "Two tanh units over three steps"',
            f"rounding = {{places = {places}}}",
            'network = {cell = "rnn", hidden = 2, activation = "tanh"}',
            "[parameters]",
            f"W_xh = [[{number()}], [{number()}]]",
            f"W_hh = [{column(2)}, {column(2)}]",
            f"b_h = {column(2)}",
            f"W_hy = [{column(2)}]",
            f"b_y = {number()}",
            "[given]",
            f"h_0 = {column(2)}",
            f"x = {column(3)}",
            f"target = {column(3)}",
            "[update]",
            "learning_rate = 0.1",
            "",
        )
    )


def key_of(folder: Path, seed: int, places: int) -> Key:
    """The key of a problem, read from its file."""
    path = folder / f"{seed}-{places}.toml"
    path.write_text(document(seed, places), encoding="utf-8")
    key = Key(load(str(path)))
    _ = key.lines, key.line_texts, key.weights
    return key


def lines_of(key: Key) -> list[int]:
    """The lines of the first pass, without new parameters and a second forward pass."""
    return [
        p
        for p, step in enumerate(key.steps)
        if step.rule is not None and not step.repeats and step.target.iteration == 1 and "'" not in str(step.target)
    ]


def asked(key: Key) -> list[int]:
    """The 45 lines that are asked for: all but the single contributions to a sum."""
    return [p for p in lines_of(key) if key.steps[p].target.via is None]


def sixty(key: Key) -> list[int]:
    """The 45 lines, contributions to the gradients of the hidden values, and new parameters."""
    names = [str(step.target) for step in key.steps]
    more = [p for p, name in enumerate(names) if "via" in name and name.startswith("dL/dh")]
    more += [p for p, name in enumerate(names) if "'" in name]
    return sorted((asked(key) + more)[:60])


def only(key: Key, answers: dict[Name, str], lines: Sequence[int]) -> dict[Name, str]:
    """Some of the answers."""
    return {key.steps[p].target: answers[key.steps[p].target] for p in lines}


class FixedKey:
    """The exact numbers, and how far an answer may be from them."""

    def __init__(self, key: Key, names: Sequence[Name]) -> None:
        places = [key.program.index[name] for name in names]
        self.exact = np.array([key.exact[p] for p in places])
        self.half = HALF * np.array([key.quantum[p] for p in places])
        self.percent = PERCENT * abs(self.exact)

    def wrong(self, texts: Sequence[str]) -> tuple[int, int]:
        """How many answers are wrong at half a unit of the last place, and at one per cent; blanks are not."""
        apart = abs(np.array([float(text or "nan") for text in texts]) - self.exact)
        return int((apart > self.half).sum()), int((apart > self.percent).sum())


def verdict(right: bool) -> str:
    """The word behind a figure."""
    return "ok" if right else "MISSED"


# ------------------------------------------------------------------- simulation


def simulation(folder: Path, count: int) -> None:
    """Students without an error: how many of their answers are marked wrong."""
    print(f"Error-free students who round every line: answers marked wrong; {count} sheets in each row\n")
    print("places  blank   answers   ours   fixed, half a unit   fixed, 1 %   right by following")
    for places in PLACES:
        keys = [key_of(folder, seed, places) for seed in range(count)]
        for share in BLANKS:
            written = ours = half = percent = followed = 0
            for seed, key in enumerate(keys):
                answers = blanked(only(key, by_hand(key), asked(key)), share, seed)
                fixed = FixedKey(key, list(answers)).wrong(list(answers.values()))
                half, percent = half + fixed[0], percent + fixed[1]
                marks = check(key, answers).answers
                written += sum(one.verdict != "blank" for one in marks)
                wrong = [one for one in marks if one.verdict not in RIGHT | {"blank"}]
                ours += len(wrong)
                followed += sum(one.verdict == "rounded" for one in marks)
                for one in wrong:
                    print(f"  WRONGED: places {places}, blank {share:.0%}, seed {seed}: {one.name} {one.raw} {one.verdict}")
            shares = [100 * n / written for n in (ours, half, percent, followed)]
            print(
                f"{places:>6}{share:>7.0%}{written:>10,}{shares[0]:>5.1f} %{shares[1]:>19.1f} %{shares[2]:>11.1f} %"
                f"{shares[3]:>19.1f} %  {verdict(ours == 0)}"
            )
    print()


# ------------------------------------------------------------------------ slips


def users(key: Key, line: int, written: set[int]) -> set[int]:
    """The written lines that show the value of a line first: itself, or those that use it over lines left out."""
    if line in written:
        return {line}
    found: set[int] = set()
    for p in range(line + 1, len(key.steps)):
        if line in key.arguments[p]:
            found |= users(key, p, written)
    return found


def sound(one: Marked) -> bool:
    """Whether an answer is no fault, and nothing to look at."""
    return one.verdict in RIGHT | {"blank"}


def slips(folder: Path, count: int, keys: int) -> None:
    """Students with one slip: whether it is found where it is."""
    print(f"One slip of {SLIP[0]} to {SLIP[1]} units of the last place, what follows calculated from it\n")
    for places in PLACES:
        known = [key_of(folder, seed, places) for seed in range(keys)]
        for what, chosen in (("45 answers, slip in one", asked), ("45 answers, slip anywhere", lines_of)):
            chance = random.Random(places)
            located = half = percent = 0
            kinds: Counter[str] = Counter()
            missed: list[str] = []
            for number in range(count):
                key = known[number % keys]
                line = chance.choice(chosen(key))
                size = chance.choice((1, -1)) * chance.randint(*SLIP)
                shows = users(key, line, set(asked(key)))
                off = size * max(key.quantum[p] for p in {line, *shows})
                answers = only(key, by_hand(key, slips={line: off}), asked(key))
                marks = check(key, answers)
                roots = {str(one.name) for one in (*marks.faults, *marks.unwritten)}
                goals = {str(key.steps[p].target) for p in shows}
                fixed = FixedKey(key, list(answers)).wrong(list(answers.values()))
                half, percent = half + fixed[0], percent + fixed[1]
                if len(roots) == 1 and roots <= goals | {str(key.steps[line].target)}:
                    located += 1
                    continue
                kind = "not seen" if not roots else "also elsewhere" if roots & goals else "elsewhere"
                kinds[kind] += 1
                there = [one for one in marks.answers if str(one.name) in goals]
                room = max(one.radius or 0.0 for one in there)
                said = [f"{one.name} {one.raw} {one.verdict}" for one in marks.answers if one in there or not sound(one)]
                missed.append(
                    f"  missed ({kind}): seed {number % keys}, {key.steps[line].target} exact {key.exact[line]:.3g}"
                    f" off by {off:.3g} (room there {room:.3g}): {'; '.join(said[:4])}"
                )
            print(
                f"{places} places, {what}: {located / count:.2%} of {count:,} located"
                f" (at least {LOCATED:.0%}: {verdict(located / count >= LOCATED)}) {dict(kinds) or ''}"
            )
            print(f"  the fixed key marks {half / count:.1f} answers wrong for each slip; at 1 %, {percent / count:.1f}")
            print("\n".join(missed))
    print()


# ----------------------------------------------------------------------- sheets


def milliseconds(work: Callable[[], object], repeat: int = 5) -> float:
    """The least time of some runs."""
    least = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        least = min(least, time.perf_counter() - start)
    return 1e3 * least


def sheets(folder: Path, count: int) -> None:
    """The time for one sheet, the key being ready."""
    key, chance = key_of(folder, 1, 4), random.Random(1)
    lines, changes = asked(key), (key.changes, key.worlds)  # made once
    fixed = FixedKey(key, [key.steps[p].target for p in lines])
    clean = [only(key, by_hand(varied(key, chance), how=chance.choice(HOWS)), lines) for _ in range(count)]
    slipped = [
        only(key, by_hand(key, slips={p: chance.choice((1, -1)) * chance.randint(*SLIP) * key.quantum[p]}), lines)
        for p in (chance.choice(lines) for _ in range(count))
    ]
    del changes
    print(f"One sheet of {len(lines)} answers, key ready, {count} sheets each, in turn; gc off; medians\n")
    print("                ours       the slowest   numbers compared with NumPy")
    gc.collect()
    gc.disable()
    for what, some, bound in (("correct", clean, CLEAN_MS), ("with a slip", slipped, SLIP_MS)):
        ours, theirs = [], []
        for answers in some:
            ours.append(milliseconds(lambda a=answers: check(key, a)))
            theirs.append(milliseconds(lambda a=answers: fixed.wrong(list(a.values()))))
        middle, other = statistics.median(ours), statistics.median(theirs)
        print(
            f"{what:<12}{middle:>8.3f} ms{max(ours):>12.3f} ms{other:>12.3f} ms{middle / other:>12.1f} ×"
            f"  (below {bound} ms: {verdict(middle < bound)})"
        )
    gc.enable()
    print()


# ------------------------------------------------------------------------ class

HOWS = (ROUND_HALF_UP, ROUND_HALF_EVEN)


def varied(key: Key, chance: random.Random) -> Key:
    """The key by which a student writes who gives some lines more decimals."""
    other = copy.copy(key)
    other.places = [max(places, 0) + chance.choice((0, 0, 1, 2)) for places in key.places]
    return other


def class_of(key: Key, path: Path, lines: Sequence[int], students: int, *, clean: bool) -> None:
    """A class file: without errors, or of whom three in five have a slip and one in five has blanks."""
    chance = random.Random(students)
    rows = []
    for number in range(min(DIFFERENT, students)):
        line = chance.choice(lines)
        off = chance.choice((1, -1)) * chance.randint(*SLIP) * key.quantum[line]
        slip = {line: off} if not clean and chance.random() < 0.6 else None
        answers = only(key, by_hand(varied(key, chance), how=chance.choice(HOWS), slips=slip), lines)
        if not clean and chance.random() < 0.2:
            answers = blanked(answers, 0.2, number)
        rows.append(list(answers.values()))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["student", *(str(key.steps[p].target) for p in lines)])
        writer.writerows([f"s{number:05}", *rows[number % len(rows)]] for number in range(students))


class Run(NamedTuple):
    """What a process took, with all that it started."""

    seconds: float
    megabytes: float
    """Of the largest process."""
    work: float
    """Seconds of work, of all processes together."""


def run(*command: str | Path) -> Run:
    """Run a program to its end."""
    done = subprocess.run([sys.executable, "-S", "-c", LAUNCHER, *map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:  # 1 says that some answer is wrong
        sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stderr[-800:]}")
    return Run(*map(float, done.stdout.split()))


def whole_class(folder: Path, python: str | None, few: int, many: int) -> None:
    """Many students, from the class file to the marks, and a few beside them."""
    key, name, problem = key_of(folder, 1, 4), program(), folder / "1-4.toml"
    lines = asked(key)
    print(f"A class of {many:,}, whole processes\n")
    memory = {}
    for students in (few, many):
        source = folder / f"class-{students}.csv"
        class_of(key, source, lines, students, clean=False)
        reports = folder / f"reports-{students}"
        marks = folder / f"marks-{students}.csv"
        options = ("--reports", reports, "--report-format", "json", "--jobs", "2")
        taken, memory[students], _ = run(name, "grade", problem, source, "-o", marks, *options)
        files = sum(1 for _ in reports.iterdir())
        with marks.open(encoding="utf-8") as file:
            assert sum(1 for _ in file) == students + 1
        note = f"  (below {CLASS_SECONDS:g} s: {verdict(taken < CLASS_SECONDS)})" if students == many else ""
        print(
            f"{students:>6,} × {len(lines)}, {files:,} JSON reports, 2 jobs {taken:>8.2f} s,"
            f" {memory[students]:.0f} MB in the largest process{note}"
        )
    growth = memory[many] / memory[few]
    print(f"memory, {many:,} beside {few:,} {growth:>25.2f} ×  (at most {GROWTH}: {verdict(growth <= GROWTH)})\n")

    lines = sixty(key)
    source = folder / "clean.csv"
    class_of(key, source, lines, many, clean=True)
    goals = {"exact": [key.exact[p] for p in lines], "radius": [HALF * key.quantum[p] for p in lines]}
    (folder / "key.json").write_text(json.dumps(goals), encoding="utf-8")
    (folder / "fixed.py").write_text(FIXED, encoding="utf-8")
    has = python is not None and not subprocess.run([python, "-c", "import pandas"], capture_output=True, check=False).returncode
    ours, theirs = [], []
    for number in range(3):
        ours.append(run(name, "grade", problem, source, "-o", folder / f"clean-{number}.csv").work)
        if has:
            theirs.append(run(python or "", folder / "fixed.py", source, folder / "key.json", folder / "fixed.csv").work)
    print(f"{many:,} × {len(lines)}, no errors, no reports, 1 job {min(ours):>7.2f} s of work")
    if has:
        ratio = min(ours) / min(theirs)
        print(f"pandas: read, compare with fixed numbers, write {min(theirs):>5.2f} s of work")
        print(f"ratio {ratio:>47.2f} ×  (at most {PANDAS:g}: {verdict(ratio <= PANDAS)})\n")
    else:
        print("pandas: left out, as it cannot be imported; --pandas names a Python that has it\n")


def jobs(folder: Path, sizes: Sequence[int], repeat: int, variants: int) -> None:
    """One process and two, in turn: the time, the work, the memory; and variants for a large course."""
    key, name = Key(load("rnn")), program()
    print(f"One process and two, {repeat} runs each, in turn; medians")
    print(f"On two idle cores {SIZES[1]:,} students with slips are marked {FASTER} × as fast by two\n")
    print("                                        seconds        work    memory")
    for clean in (True, False):
        for students in sizes:
            source = folder / f"jobs-{students}-{clean}.csv"
            class_of(key, source, asked(key), students, clean=clean)
            outputs = [folder / "jobs-1.csv", folder / "jobs-2.csv"]
            runs: list[list[Run]] = [[], []]
            for _ in range(repeat):
                for place, output in enumerate(outputs):
                    runs[place].append(run(name, "grade", "rnn", source, "-o", output, "--jobs", str(place + 1)))
            assert outputs[0].read_bytes() == outputs[1].read_bytes()
            middle = [Run(*map(statistics.median, zip(*some, strict=True))) for some in runs]
            for place, one in enumerate(middle):
                what = (
                    f"{students:>7,} {'without errors' if clean else 'three in five with a slip'}, {place + 1} job{'s' * place}"
                )
                print(f"{what:<36}{one.seconds:>9.2f} s{one.work:>9.2f} s{one.megabytes:>7.0f} MB")
            ratio, more = middle[0].seconds / middle[1].seconds, middle[1].work / middle[0].work
            memory = verdict(max(one.megabytes for one in middle) <= MEGABYTES)
            print(f"two are faster by {ratio:.2f} ×, with {more:.2f} × the work; at most {MEGABYTES} MB: {memory}")
        first, last = (run(name, "grade", "rnn", folder / f"jobs-{n}-{clean}.csv", "-o", outputs[0]).work for n in sizes)
        million = (last - first) / (sizes[1] - sizes[0]) * 1e6
        said = f"{million / 2:.0f} s on two idle cores (at most {MILLION_SECONDS})"
        print(f"a million of these: {million:.0f} s of work, so {said}\n")
    few = variants // 5
    works = [run(name, "vary", "rnn", "-n", str(n), "--archive", folder / "variants.zip").work for n in (few, variants)]
    course = works[0] + (works[1] - works[0]) / (variants - few) * (100_000 - few)
    said = f"(at most {VARIANT_SECONDS:g}: {verdict(course <= VARIANT_SECONDS)})"
    print(f"100,000 variants in an archive: {course:.0f} s of work  {said}\n")


# ------------------------------------------------------------------- cold start


def cold(folder: Path, repeat: int) -> None:
    """One sheet on the command line, from nothing."""
    key = Key(load("rnn"))
    sheet = folder / "answers.csv"
    rows = [f"{name},{text}" for name, text in by_hand(key).items()]
    sheet.write_text("\n".join(("quantity,answer", *rows, "")), encoding="utf-8")
    ours, imports = in_turn([program(), "check", "rnn", str(sheet)], [sys.executable, "-c", IMPORTS], repeat)
    middle, other = statistics.median(ours), statistics.median(imports)
    print(f"{repeat} runs each, in turn; medians\n")
    said = f"(below {COLD_SECONDS:g} s: {verdict(middle < COLD_SECONDS)})"
    print(f"bptt-trace check rnn answers.csv    {1e3 * middle:>6.0f} ms  {said}")
    print(f'python -c "{IMPORTS}"    {1e3 * other:>6.0f} ms')
    print(f"ratio                               {middle / other:>6.2f} ×\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; may be repeated")
    parser.add_argument("--pandas", default=sys.executable, metavar="PYTHON", help="a Python that has pandas")
    parser.add_argument("--sheets", type=int, default=300, metavar="N", help="sheets in each row (default 300)")
    parser.add_argument("--slips", type=int, default=2000, metavar="N", help="slips in each row (default 2000)")
    parser.add_argument("--quick", action="store_true", help="every part with a few sheets: whether it works, not how fast it is")
    options = parser.parse_args()
    if options.quick:
        options.sheets, options.slips = 2, 4
    keys, some, few, many, runs = (4, 5, 10, 20, 1) if options.quick else (100, 200, FEW, STUDENTS, 15)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts: dict[str, Callable[[], None]] = {
            "simulation": lambda: simulation(folder, options.sheets),
            "slips": lambda: slips(folder, options.slips, keys),
            "sheets": lambda: sheets(folder, some),
            "class": lambda: whole_class(folder, options.pandas, few, many),
            "jobs": lambda: jobs(folder, *(((10, 20), 1, 50) if options.quick else (SIZES, 3, VARIANTS))),
            "cold": lambda: cold(folder, runs),
        }
        for part in options.part or PARTS:
            parts[part]()


if __name__ == "__main__":
    main()
