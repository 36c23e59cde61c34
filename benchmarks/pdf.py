"""Many sheets as PDF: ``compile_many`` beside one engine run over the same pages, and beside a run each.

The one document is put together by hand: the preamble once, the bodies one after
the other, each on a new page, with nothing that tells them apart. All sides take
turns in one process, with one engine at a time.

    python benchmarks/pdf.py
    python benchmarks/pdf.py --documents 60 --repeat 3 --kind solutions
"""

from __future__ import annotations

import argparse
import gc
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bptt_trace import load, solve
from bptt_trace.handouts.variant_sheets import Medium, Typesetter
from bptt_trace.handouts.variants import Factory
from bptt_trace.media.latex_program import find_engine
from bptt_trace.media.pdf import compile_many, compile_one
from bptt_trace.media.templates import latex, tex_words
from bptt_trace.problem.files import content, document_of

BOUND = 1.3


def documents(count: int, kind: str) -> dict[str, str]:
    """Worksheets and keys of so many variants, or worked solutions of networks that differ in their numbers and titles."""
    if kind == "variants":
        factory = Factory(document_of(content("rnn")[0]))
        setter = Typesetter(factory, Medium("tex", latex, tex_words))
        sheets = [setter.sheets(variant) for variant in factory.search(count, 7).variants]
        both = [{f"worksheet-{i}": one.worksheet, f"key-{i}": one.key} for i, one in enumerate(sheets)]
        return {name: tex for pair in both for name, tex in pair.items()}
    names = ("rnn", "fnn", "rnn3", "mazur", "relu-bce")
    problems = (load(names[i % len(names)], [f"title='Sheet {i}'"]) for i in range(count))
    return {f"sheet-{i}": solve(problem).to_latex() for i, problem in enumerate(problems)}


def by_hand(sheets: dict[str, str]) -> str:
    """One document of them all, as a person would write it."""
    preamble, begin, _ = next(iter(sheets.values())).partition("\\begin{document}\n")
    bodies = [tex.partition(begin)[2].partition("\\end{document}")[0] for tex in sheets.values()]
    return preamble + begin + "\\clearpage\n".join(bodies) + "\\end{document}\n"


def run(tex: str) -> int:
    """A single run of the engine, and the pages it has made."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "all.tex").write_text(tex, "utf-8")
        command = [find_engine().path, "-no-shell-escape", "-interaction=batchmode", "-halt-on-error", "all.tex"]
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
        found = re.search(r"Output written on all.pdf \((\d+) pages", (folder / "all.log").read_text("utf-8", "replace"))
        assert found
        return int(found[1])


def pages(pdf: bytes) -> int:
    from io import BytesIO

    from pypdf import PdfReader

    return len(PdfReader(BytesIO(pdf)).pages)


def timed(function: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--documents", type=int, default=30)
    parser.add_argument("--kind", choices=["variants", "solutions"], default="variants")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two variants, one run: whether all sides agree")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.documents, arguments.repeat = 2, 1
    gc.disable()  # as on the command line
    sheets = documents(arguments.documents, arguments.kind)
    whole = by_hand(sheets)
    count = run(whole)
    assert count == sum(map(pages, compile_many(sheets).values()))
    what = f"{len(sheets)} sheets of {arguments.documents} {arguments.kind}"
    print(f"{what}, {count} pages on all sides; {find_engine().name}; {arguments.repeat} runs, in turn; gc off")
    print()
    sides: dict[str, Callable[[], object]] = {
        "one document by hand, one run": lambda: run(whole),
        "compile_many": lambda: compile_many(sheets),
        "compile_many, 2 jobs": lambda: compile_many(sheets, 2),
        "a run each": lambda: [compile_one(tex) for tex in sheets.values()],
    }
    times: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(arguments.repeat):
        for side, function in sides.items():
            times[side].append(timed(function))
    (hand, *_) = times.values()
    print(f"{'':32}{'median':>8}{'least':>10}{'a page':>12}   beside one run by hand")
    for side, taken in times.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(taken, hand, strict=True))
        bound = f"  (at most {BOUND}: {'ok' if ratio <= BOUND else 'TOO SLOW'})" if side == "compile_many" else ""
        middle = statistics.median(taken)
        print(f"{side:32}{middle:6.2f} s{min(taken):8.2f} s{1000 * middle / count:9.1f} ms   {ratio:5.2f} ×{bound}")
    slow = statistics.median(mine / theirs for mine, theirs in zip(times["compile_many"], hand, strict=True)) > BOUND
    return int(slow and not arguments.quick)


if __name__ == "__main__":
    sys.exit(main())
