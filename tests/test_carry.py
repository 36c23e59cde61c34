"""Unrounded values used next, rounded ones shown: every sheet marks what its digits do not give, and says how often."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction

import mpmath
from hypothesis import assume, given, settings
from law import number
from random_problems import Case, cases

from bptt_trace import parse, solve
from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.document.mathematics import Math
from bptt_trace.document.sheet import Table
from bptt_trace.engine.formula import Var
from bptt_trace.engine.functions import exp
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Builder
from bptt_trace.errors import CalculationError
from bptt_trace.problem.numbers import exact_number
from bptt_trace.problem.rounding import Rounding
from bptt_trace.solution import Solution


def solved(case: Case, steps: str) -> Solution:
    try:
        return solve(parse(case.text), steps=steps)
    except CalculationError:
        assume(False)
        raise


def stated(solution: Solution) -> tuple[int, int]:
    """How many lines are marked, as the footer has it, and of how many it speaks; no number of all is given where none is."""
    (note,) = [note for note in json.loads(solution.to_json())["footer"] if note.startswith("Rounding:")]
    if note == "Rounding: On every line the printed digits give the printed result.":
        return 0, 0
    (found,) = re.findall(r"On ([1-9]\d*) of (\d+) lines", note)
    return int(found[0]), int(found[1])


def marked_in_markdown(text: str) -> set[str]:
    """The numbers of the lines with ≈, of rows and of the cells of ledgers."""
    found: set[str] = set()
    for block in re.findall(r"(?:^\|.*\n)+", text.partition("**What was calculated**")[0], re.MULTILINE):
        head, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines())
        for row in rows:
            if head[0] == "line":
                found |= {row[0]} if r"\approx" in row[4] else set()
            elif head[-1] in ("line", "lines"):
                # A cell that is marked stands for one of the lines of its row; which one, its value and its column tell.
                found |= {f"{row[-1]}: {heading}" for heading, cell in zip(head, row, strict=True) if r"\approx" in cell}
    return found


@settings(max_examples=2)
@given(case=cases(policy="carry"))
def test_the_footer_counts_the_marks_of_full_sheets(case: Case) -> None:
    """As many lines have ≈ as the footer says."""
    solution = solved(case, "full")
    assert stated(solution)[0] == len(marked_in_markdown(solution.to_markdown()))


@settings(max_examples=3)
@given(case=cases(policy="carry"))
def test_a_ledger_marks_the_lines_that_the_full_sheet_marks(case: Case) -> None:
    """Each value behind ≈ on the full sheet has it in the ledger, in the cell of its line, and no other has."""
    assume(case.document["network"]["cell"] != "dense")
    full, ledger = solved(case, "full"), solved(case, "ledger")
    assert stated(full) == stated(ledger)
    marks = {(row.number, row.result.text) for row in full.sheet.rows() if row.relation != "="}
    values = {row.number: row.result.text for row in full.sheet.rows()}
    rows = {row.number for row in ledger.sheet.rows()}
    assert {mark for mark in marks if mark[0] in rows} == {
        (row.number, row.result.text) for row in ledger.sheet.rows() if row.relation != "="
    }
    found = {line for line, _ in marks if line in rows}
    for table in ledgers(ledger):
        for cells in table.rows:
            lines = [str(one) for one in _lines(cells[-1])]
            shown = {part.text for cell in cells for part in cell if isinstance(part, Math) and part.text.startswith("~ ")}
            own = {line for line in lines if (line, values[line]) in marks and f"~ {values[line]}" in shown}
            assert shown == {f"~ {values[line]}" for line in own}, case.document
            found |= own
    assert found == {line for line, _ in marks}, case.document


def ledgers(solution: Solution) -> Iterator[Table]:
    """The tables with a row for each time step that name their lines."""
    for section in solution.sheet.sections:
        for block in section.blocks:
            if isinstance(block, Table) and block.columns[-1].heading in (("line",), ("lines",)):
                yield block


def _lines(cell: tuple[object, ...]) -> Iterator[int]:
    for piece in str(cell[0]).split(", "):
        first, _, last = piece.partition("–")
        yield from range(int(first), int(last or first) + 1)


def test_a_ledger_without_marks_would_be_noticed() -> None:
    """vanishing has such lines that stand in its ledgers alone."""
    ledger = solve("vanishing", rounding="carry:3dp")
    rows = {row.number for row in ledger.sheet.rows() if row.relation != "="}
    assert stated(ledger) == (14, 69)
    assert len(rows) == 2
    assert ledger.to_markdown().count(r"$\approx ") == 14


def test_what_cancels_is_nothing() -> None:
    """(-0.3) · (1/3) + 0.1 is 0, and its line needs no mark."""
    network = {"cell": "dense", "activation": "identity"}
    parameters = {"w_xh": "-0.3", "b_h": "0.1", "w_hy": 1, "b_y": 0}
    for figures in (2, 5):
        made = {"network": network, "parameters": parameters, "given": {"x": "1/3", "target": 0}}
        solution = solve(parse(json.dumps(made | {"rounding": {"policy": "carry", "figures": figures}})))
        assert Fraction(json.loads(solution.to_json())["values"]["a"]) == 0
        assert stated(solution)[0] == 0


@settings(max_examples=5)
@given(case=cases(policy="carry"))
def test_sentences_are_true_of_the_printed_digits(case: Case) -> None:
    """What is called positive, negative, together or so many percent is so by the digits beside it."""
    printed = json.loads(solved(case, "full").to_json())
    notes = [note for section in printed["sections"] for note in section["notes"]]
    for note in notes:
        for first, second, sign in re.findall(r"\(line \d+: (\S+)\).*?\(line \d+: (\S+)\)\. Both are (positive|negative)", note):
            assert all((number(one) > 0) == (sign == "positive") and number(one) for one in (first, second)), note
        for value in re.findall(r"^Off: \S+ = (\S+) is negative", note):
            assert number(value) < 0, note
        for share, percent in re.findall(r"(?:=|~) (-?[\d.e-]+), that is ([\d.]+) %", note):
            assert abs(abs(number(share)) * 100 - number(percent)) <= abs(number(percent)) / 20, note
        for value, percent in re.findall(r"= (\S+) keeps (\d+) %", note):
            assert abs(number(value) * 100 - number(percent)) <= Fraction(1, 2), note
        for direct, carried, about, total in re.findall(r"direct (\S+) and carried (\S+), together (about )?(\S+)\.$", note):
            assert bool(about) == (case.digits.rounded(number(direct) + number(carried)) != number(total)), note


def test_a_number_far_from_one_stands_beside_a_third() -> None:
    """Where a given number is 1/3, a product with e^-2,000,000 has its 60 digits, and takes no longer than others."""
    builder = Builder()
    third, large = Name("x", time=1), Name("x", time=2)
    for name in (third, large):
        builder.given(name)
    builder.let(Name("y"), exp(-Var(1)), Role.HIDDEN)
    builder.let(Name("z"), Var(0) * Var(2), Role.OUTPUT)
    given = {third: exact_number("1/3", "x"), large: exact_number("2000000", "x")}
    *_, found = evaluate(builder.build(), given, Rounding.parse("carry:5sf")).numbers
    with mpmath.workdps(80):
        wanted = mpmath.exp(-2_000_000) / 3
        assert abs(mpmath.mpf(str(found)) / wanted - 1) < mpmath.mpf(10) ** -58
