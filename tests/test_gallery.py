"""The gallery: published worked examples, reproduced, and their mistakes."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from random_problems import examples
from sweeps import at_once

from bptt_trace import Name, check, load, solve
from bptt_trace.problem.problem import Citation

ROOT = Path(__file__).parent.parent
ANSWERS = ROOT / "examples" / "answers"
GALLERY = ROOT / "docs" / "gallery.md"

AUTHORS_ROUNDING = Decimal("0.004")
"""How far a number may be off, relatively, where its author has rounded on the way."""


@dataclass(frozen=True)
class Number:
    """One published number beside the right one."""

    name: str
    printed: str
    value: Decimal

    @property
    def apart(self) -> Decimal:
        return abs(self.value - Decimal(self.printed))

    @property
    def to_the_digit(self) -> bool:
        """Whether the right value, rounded, is what is printed; the 17th digit of a double may be off by one."""
        unit = Decimal(1).scaleb(int(Decimal(self.printed).as_tuple().exponent))
        return self.apart <= max(unit / 2, Decimal("6e-16") * abs(self.value))

    @property
    def nearly(self) -> bool:
        return self.apart <= AUTHORS_ROUNDING * abs(self.value)

    @property
    def right(self) -> str:
        """The right value with two figures more than were printed, as far as a double has them."""
        digits = len(Decimal(self.printed).as_tuple().digits)
        return f"{self.value:.{min(max(digits + 2, 4), 12)}g}"


@dataclass(frozen=True)
class Published:
    """A published example: where it is from, and its numbers."""

    example: str
    title: str
    source: Citation
    numbers: tuple[Number, ...]


def published() -> list[str]:
    return [name for name in examples() if (ANSWERS / f"{name}.csv").exists()]


@cache
def entry(example: str) -> Published:
    problem = load(example)
    assert problem.citation is not None, example
    values = solve(problem, rounding="full").values
    with (ANSWERS / f"{example}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    numbers = tuple(Number(row["quantity"], row["answer"], Decimal(values[Name.parse(row["quantity"])])) for row in rows)
    return Published(example, problem.title, problem.citation, numbers)


@at_once("example", published())
def test_every_published_number_is_reproduced_or_listed_as_wrong(example: str) -> None:
    """To its printed digits, or to its author's rounding; what the source has wrong is wrong, and nothing else."""
    one = entry(example)
    for number in one.numbers:
        if number.name in one.source.errata:
            assert not number.to_the_digit, number
            assert one.source.errata[number.name].printed == number.printed
        else:
            assert number.to_the_digit or number.nearly, number
    assert set(one.source.errata) <= {number.name for number in one.numbers}


def test_every_source_has_its_answers() -> None:
    """An example that names a source comes with what that source printed."""
    assert published() == [name for name in examples() if load(name).citation is not None]
    assert {path.stem for path in ANSWERS.iterdir()} == set(published())


def test_the_totals_of_the_best_known_tutorial() -> None:
    """0.291027924 is printed; 0.291027774 is right."""
    (total,) = (number for number in entry("mazur").numbers if number.name == "L@2")
    assert ("0.291027924", "0.291027774") == (total.printed, f"{total.value:.9f}")


def test_the_output_gate_of_a_spreadsheet() -> None:
    """Its numbers as an answer sheet: the first wrong line is o[2], tanh of another cell where the sigmoid is due."""
    marks = check(load("tomyeh-lstm-medium"), {one.name: one.printed for one in entry("tomyeh-lstm-medium").numbers})
    assert "o_1[2]" == str(marks.first_wrong)
    assert [f"o_1[{unit}]" for unit in (2, 3, 4, 5)] == [str(one.name) for one in marks.faults]
    verdicts = {str(one.name): one.verdict for one in marks.answers}
    assert {"correct"} == {verdicts[f"{stem}[{unit}]"] for stem in ("o_1", "h_1") for unit in (1, 6)}
    assert {"follow-through"} == {verdicts[f"h_1[{unit}]"] for unit in (2, 3)}


def gallery() -> str:
    """The page, from the examples and their answers."""
    lines = [
        "# Gallery",
        "",
        "Worked examples that other people have printed, as problem files with the numbers of their sources.",
        "`bptt-trace solve mazur` prints one; `bptt-trace examples mazur` prints its file. At full precision each number is",
        "compared with the printed one: equal to the last printed digit; no further off than its author's own rounding",
        "explains (0.4 %); or wrong. The published numbers stand in [examples/answers](../examples/answers).",
        "",
        "The best-known of them quotes totals that its own text rules out: after one update the loss is 0.291027774, and",
        "0.291027924 results if the hidden gradient is taken with weights that are already updated. A teaching",
        "chapter (`stale-weights`) makes the same mistake; a notebook (`infosys`) drops the memory path; a walkthrough",
        "(`prachub`) evaluates one tanh wrongly, and nine numbers follow; a spreadsheet (`tomyeh-lstm-medium`) has tanh in four",
        "cells of an output gate, so that one gate is negative and one is 0.",
        "",
        "| example | source | numbers | to the digit | rounded on the way | wrong |",
        "|:---|:---|---:|---:|---:|---:|",
    ]
    for example in published():
        one = entry(example)
        wrong = [number for number in one.numbers if number.name in one.source.errata]
        exact = sum(number.to_the_digit for number in one.numbers)
        source = f"[{one.source.title}]({one.source.url})" if one.source.url else one.source.title
        rounded = len(one.numbers) - exact - len(wrong)
        lines.append(f"| `{example}` | {source} | {len(one.numbers)} | {exact} | {rounded} | {len(wrong)} |")
    lines += ["", "## What is wrong in them", "", "| example | quantity | printed | right | why |", "|:---|:---|---:|---:|:---|"]
    for example in published():
        one = entry(example)
        for number in one.numbers:
            if number.name in one.source.errata:
                why = one.source.errata[number.name].why
                lines.append(f"| `{example}` | `{number.name}` | {number.printed} | {number.right} | {why} |")
    return "\n".join(lines) + "\n"


def test_the_gallery_is_fresh(request: pytest.FixtureRequest) -> None:
    """docs/gallery.md says what the examples and their answers say (``--update-golden`` writes it)."""
    if request.config.getoption("--update-golden"):
        GALLERY.write_text(gallery(), "utf-8")
    assert gallery() == GALLERY.read_text("utf-8")
