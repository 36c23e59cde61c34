"""The law: under ``by_hand`` every printed line re-computes from its own printed digits, in every medium."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from html_reader import read_html
from hypothesis import assume, given
from hypothesis import strategies as st
from law import (
    Digits,
    Function,
    Matrix,
    Printed,
    Said,
    Series,
    Unreadable,
    answer_name,
    entries,
    evaluate,
    is_board,
    minus_zeros,
    number,
    plain,
    read_json,
    read_latex,
    read_markdown,
    read_terminal,
    said_in_math,
    said_in_text,
    to_figures,
    to_places,
    unbracketed,
)
from networks import document as network_document
from random_problems import Case, cases
from sweeps import WIDER, at_once, of_examples, of_media, paired, printed, runs, thinned
from sweeps import solution as example

from bptt_trace import parse, solve
from bptt_trace.errors import CalculationError
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import from_document
from bptt_trace.solution import Solution

WIDTHS = (60, 80, 120)
MEDIA = [
    "json",
    "markdown",
    "latex",
    "html",
    *(f"terminal-{width}-{signs}" for width in WIDTHS for signs in ("unicode", "ascii")),
]


document = printed


def lines_of(text: str, medium: str) -> list[list[Printed]]:
    """The lines of a document, section by section."""
    readers = {"json": read_json, "markdown": read_markdown, "latex": read_latex, "html": read_html, "terminal": read_terminal}
    return readers[medium.partition("-")[0]](text)


def solved(case: Case, steps: str = "full") -> Solution:
    try:
        return solve(parse(case.text), steps=steps)
    except CalculationError as error:
        assume("division by zero" not in str(error))  # a normaliser of an sLSTM that is 0 to the digits kept
        raise


# ---------------------------------------------------------- what a line must be


def terms_above(section: list[Printed], place: int) -> list[Printed]:
    """The rows with running totals that stand above a row."""
    first = place
    index = component(section[place].name)
    while first and not section[place].so_far and index and component(section[first - 1].name) and not section[first - 1].so_far:
        first -= 1  # other components of the same sum
    while first and section[first - 1].so_far:
        first -= 1
    return [row for row in section[first:place] if row.so_far and component(row.name) == index]


def component(name: str) -> str:
    """The index of a component: ``[1,2]`` of ``dL/dW_hh[1,2] via a_3``."""
    match = re.search(r"\[[\d,]+\]", name)
    return match[0] if match else ""


def recomputed(row: Printed, terms: list[Printed], functions: Mapping[str, Function]) -> Fraction:
    """The exact value of the printed numbers of a row; its ``…`` stands for the terms above it."""
    series = Series(sum((number(term.result) for term in terms), Fraction(0)))
    value = evaluate(row.numbers, functions, series)
    if series.first is not None and terms:
        assert (series.first, series.last) == (number(terms[0].result), number(terms[-1].result)), row
    return value


def running(terms: list[Printed]) -> None:
    """Running totals add up exactly, and the last one is the whole sum."""
    total = Fraction(0)
    for term in terms:
        total += number(term.result)
        assert total == number(term.so_far), term


def board(row: Printed, how: Digits, functions: Mapping[str, Function]) -> None:
    """A line of matrices gives its printed result, entry by entry, from its printed digits."""
    assert row.relation == "=", row
    shown = entries(row.result)
    assert all(map(how.shown, shown)), row
    if "..." in plain(row.numbers) or r"\dots" in row.numbers:
        return  # its terms, and the sums of their entries, are component lines
    value = evaluate(row.numbers, functions)
    assert isinstance(value, Matrix), row
    assert [how.rounded(x) for line in value.rows for x in line] == [number(x) for x in shown], row


def obey(sections: list[list[Printed]], digits: Digits, functions: Mapping[str, Function], ledger: bool = False) -> int:
    """Every line gives its printed result from its printed digits; returns how many there are."""
    count = 0
    for section in sections:
        for row in filter(is_board, section):
            board(row, digits.of(row.name), functions)
            count += 1
        section = [row for row in section if not is_board(row)]
        for place, row in enumerate(section):
            terms = terms_above(section, place)
            if "..." in plain(row.numbers) or r"\dots" in row.numbers:
                if ledger and not terms:
                    continue  # its terms stand in the ledger: test_a_ledger_adds_up
                assert len(terms) > 4, row
                running(terms)
            how = digits.of(row.name)
            assert how.rounded(recomputed(row, terms, functions)) == number(row.result), row
            assert how.shown(row.result), row
            assert row.relation == "=", row
            count += 1
    return count


@runs(200)
@given(medium=st.sampled_from(MEDIA), case=cases())
def test_every_line_recomputes(medium: str, case: Case) -> None:
    """Printed numbers, worked out and rounded half up, give the printed result."""
    solution = solved(case)
    sections = lines_of(document(solution, medium), medium)
    assert obey(sections, case.digits, case.functions) == sum(1 for _ in solution.sheet.rows())


@runs(120)
@given(medium=st.sampled_from(MEDIA), case=cases(any_shape=True))
def test_every_line_of_any_network_recomputes(medium: str, case: Case) -> None:
    """Over time in both directions, from an encoder to a decoder, with what is fed back; with matrices among the lines."""
    for steps in ("full", "ledger"):
        solution = solved(case, steps)
        obey(lines_of(document(solution, medium), medium), case.digits, case.functions, ledger=steps == "ledger")


@runs(100)
@given(medium=st.sampled_from([medium for medium in MEDIA if medium != "json"]), case=cases())
def test_every_line_of_a_ledger_recomputes(medium: str, case: Case) -> None:
    """The lines that a ledger prints in full obey the law too."""
    solution = solved(case, "ledger")
    sections = lines_of(document(solution, medium), medium)
    obey(sections, case.digits, case.functions, ledger=True)
    assert sum(map(len, sections)) == sum(1 for _ in solution.sheet.rows())


@pytest.mark.parametrize(
    ("name", "rounding", "medium"), paired(of_examples(every_run=WIDER), ["4dp", "2dp", "5sf", "9dp"], of_media(sorted(MEDIA)))
)
def test_every_example_recomputes_in_every_medium(name: str, rounding: str, medium: str) -> None:
    """The built-in problems obey the law, however they are rounded."""
    solution = example(name, rounding=rounding, steps="full")
    digits = Digits(int(rounding[0]), figures=rounding.endswith("sf"))
    assert obey(lines_of(document(solution, medium), medium), digits, solved_functions()) >= 6


def solved_functions() -> dict[str, Function]:
    return Case({"network": {}}).functions


def test_a_tie_made_of_given_fractions_is_rounded_up() -> None:
    """(4/3) · 0.30 + 1/8 is 0.525 exactly, although 4/3 has no end in decimals."""
    document = {
        "network": {"cell": "dense", "activation": "identity"},
        "parameters": {"w_xh": "4/3", "b_h": "1/8", "w_hy": 1, "b_y": 0},
        "given": {"x": "0.30", "target": 0},
        "rounding": {"places": 2},
    }
    assert solve(parse(json.dumps(document)))["a"] == 0.53


def test_a_sum_that_cancels_is_zero_to_any_number_of_figures() -> None:
    """(-0.3) · (1/3) + 0.1 is 0, and not the rest of a division."""
    document = {
        "network": {"cell": "dense", "activation": "identity"},
        "parameters": {"w_xh": "-0.3", "b_h": "0.1", "w_hy": 1, "b_y": 0},
        "given": {"x": "1/3", "target": 0},
        "rounding": {"figures": 2},
    }
    assert json.loads(solve(parse(json.dumps(document))).to_json())["values"]["a"] == "0.0"


@runs(40)
@given(case=cases())
def test_a_formula_gives_the_result_from_the_values_of_its_names(case: Case) -> None:
    """The formula of a line, with printed values in place of its names, gives the printed result."""
    printed = json.loads(solved(case).to_json())
    values = printed["values"]
    steps = len(case.document["given"]["x"])
    known = "|".join(map(re.escape, sorted(values, key=len, reverse=True)))
    names = re.compile(rf"(?<!\w)(?:{known})(?![\w'])")
    for section in printed["sections"]:
        for entry in section["entries"]:
            formula = entry["formula"]["text"]
            assert values[entry["name"]] == entry["value"]
            if "..." in formula:
                continue
            numbers = names.sub(lambda match: f"({values[match[0]]})", formula)
            numbers = re.sub(r"\bT\b", str(steps), numbers)
            result = case.digits.of(entry["name"]).rounded(evaluate(numbers, case.functions))
            assert result == number(entry["value"]), entry


@runs(40)
@given(case=cases())
def test_the_latex_of_an_entry_is_its_text(case: Case) -> None:
    """Both spellings of a line have the same value, and the same name."""
    for section in json.loads(solved(case).to_json())["sections"]:
        for entry in section["entries"]:
            numbers = entry["numbers"]
            text, latex = (evaluate(numbers[spelling], case.functions, Series(Fraction(0))) for spelling in ("text", "latex"))
            assert text == latex
            assert entry["text"] == f"{entry['name']} = {entry['formula']['text']} = {numbers['text']} = {entry['value']}"
            name, formula, substituted, result = entry["latex"].split(" = ")
            assert (answer_name(name), formula, substituted) == (entry["name"], entry["formula"]["latex"], numbers["latex"])
            assert number(result) == number(entry["value"])


# -------------------------------------------------------------------- sentences


def sentences_of_terminal(text: str) -> str:
    """Notes, bullets and footer with their line breaks undone."""
    joined, kind = "", ""
    for line in text.splitlines():
        begins = {"  │ ": "note", "  | ": "note", "• ": "bullet", "* ": "bullet", "Rounding: ": "footer", "Proof: ": "footer"}
        mark = next((mark for mark in begins if line.startswith(mark)), "")
        if mark or (kind == "bullet" and line.startswith("  ")) or (kind == "footer" and line):
            kind = begins.get(mark, kind)
            piece = line if kind == "footer" else line[4 if kind == "note" else 2 :]
            joined += piece if joined.endswith("-") and not joined.endswith(" -") else f" {piece}"
        else:
            kind = ""
            joined += "\n"
    return joined


def agrees(said: Said, digits: Digits, functions: Mapping[str, Function]) -> bool:
    """Whether a calculation in a sentence re-computes, to places or (for factors) to significant figures."""
    value, result = evaluate(said.numbers, functions), number(said.result)
    ways = {digits, Digits(digits.count, figures=True)}
    return any(way.rounded(value) == result and way.shown(said.result) for way in ways)


def said_everywhere(solution: Solution, functions: Mapping[str, Function]) -> Iterator[tuple[str, list[Said]]]:
    """The calculations in the sentences of every medium."""
    printed = json.loads(solution.to_json())
    notes = [note for section in printed["sections"] for note in section["notes"]]
    yield "json", [said for note in [*notes, *printed["footer"]] for said in said_in_text(note, functions)]
    markdown = "\n".join(line for line in solution.to_markdown().splitlines() if line.startswith((">", "-", "**")))
    yield "markdown", list(said_in_math(markdown, functions))
    latex = [
        line for line in solution.to_latex().splitlines() if line.startswith((r"\explained", r"\item", r"\par\medskip\hrule"))
    ]
    yield "latex", list(said_in_math("\n".join(latex), functions))
    for width in WIDTHS:
        for unicode in (True, False):
            text = sentences_of_terminal(as_text(solution.sheet, width, unicode=unicode))
            yield f"terminal-{width}-{unicode}", list(said_in_text(text, functions))


@runs(30)
@given(case=cases())
def test_calculations_in_sentences_recompute(case: Case) -> None:
    """``0.8 * 0.5370 = 0.4296`` inside a sentence is as right as a line, and stands in every medium."""
    found = {}
    for medium, calculations in said_everywhere(solved(case), case.functions):
        for said in calculations:
            # A given number that is shown with fewer digits is not equal to what is shown: 0.25 ≈ 0.3.
            assert said.relation == "=" or re.fullmatch(r"[-−\d./ {}\\frac]+", said.numbers), (medium, said)
            assert agrees(said, case.digits, case.functions), (medium, said)
        found[medium] = [(evaluate(said.numbers, case.functions), number(said.result)) for said in calculations]
    assert all(calculations == found["json"] for calculations in found.values()), found
    recurrent = case.document["network"]["cell"] == "rnn"
    assert not recurrent or found["json"], "a recurrent sheet says what its first state remembers"


@runs(40)
@given(case=cases())
def test_calculations_in_the_summary_are_lines(case: Case) -> None:
    """The table ``What was calculated`` of a short problem repeats lines, digit for digit."""
    assume(case.document["network"]["cell"] == "dense" or len(case.document["given"]["x"]) <= 3)
    solution = solved(case)
    lines = {(row.numbers, row.result) for section in read_markdown(solution.to_markdown()) for row in section}
    after = solution.to_markdown().partition("**What was calculated**")[2]
    table = re.findall(r"(?:^\|.*\n)+", after, re.MULTILINE)[0]  # the tables over time: test_over_time.py
    chains = [piece.split(" = ") for piece in re.findall(r"\$([^$]+ = [^$]+)\$", table)]
    assert chains
    for name, *numbers, result in chains:
        assert ((numbers or [result])[0], result) in lines, name


@runs(40)
@given(case=cases())
def test_every_decimal_in_a_sentence_is_known(case: Case) -> None:
    """A number in a sentence stands in a line, is given, or is calculated in that sentence."""
    printed = json.loads(solved(case).to_json())
    values = {value.removeprefix("-") for value in printed["values"].values()}
    for section in printed["sections"]:
        for note in section["notes"]:
            if note.startswith("L_t = ") or " = " not in note:
                continue
            calculated = [said.result.removeprefix("-") for said in said_in_text(note, case.functions)]
            for decimal in re.findall(r"(?<![\w.])\d+\.\d+(?:e-?\d+)?(?![\d.]| %)", note):
                rounded = values | set(calculated)
                # An amount taken from the calculation in another sentence of the same sheet.
                known = decimal in rounded or any(decimal in other for other in _calculated(printed, case))
                assert known, (decimal, note)


def _calculated(printed: dict[str, object], case: Case) -> Iterator[set[str]]:
    for section in printed["sections"]:  # type: ignore[attr-defined]
        for note in section["notes"]:
            yield {said.result.removeprefix("-") for said in said_in_text(note, case.functions)}


@runs(40)
@given(case=cases())
def test_comparisons_and_percentages_in_sentences_are_true(case: Case) -> None:
    """``0.0242 <= 0.0337 <= 0.0431`` holds; ``15 %`` has two figures of the share beside it."""
    printed = json.loads(solved(case).to_json())
    notes = [note for section in printed["sections"] for note in section["notes"]]
    for note in notes:
        for chain in re.findall(r"[\d.e-]+(?: <= [\d.e-]+)+", note):
            parts = [number(part.rstrip(".")) for part in chain.split(" <= ")]
            assert parts == sorted(parts), note
        for share, percent in re.findall(r" = (-?[\d.e-]+), that is ([\d.]+) %", note):
            assert to_figures(abs(number(share)) * 100, 2) == number(percent) or number(share) == 0, note


# ----------------------------------------------------------------------- ledger


def tables_of_markdown(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Headings and rows of every table, mathematics as names and numbers of answer files."""

    def cells(line: str) -> list[str]:
        return [answer_name(cell.strip().strip("$")) for cell in line.strip("|").split("|")]

    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = block.splitlines()
        yield cells(head), [cells(row) for row in rows]


def at(heading: str, time: int) -> str:
    """The name in a heading (``h_t``, ``h_t-1``) at a time."""
    return re.sub(r"_\{?t([-+]\d+)?\}?", lambda match: f"_{time + int(match[1] or 0)}", heading)


@runs(40)
@given(case=cases())
def test_a_ledger_shows_the_values_of_its_lines(case: Case) -> None:
    """A number in a ledger is the printed value of the quantity that its heading names."""
    seen = cells_of_a_ledger(solved(case, "ledger"))
    steps = len(case.document["given"]["x"])
    assert seen or case.document["network"]["cell"] == "dense" or steps == 1


@pytest.mark.parametrize("name", of_examples(["rnn", "vanishing", "gru", "lstm", "training"], ["rnn", "vanishing"]))
def test_the_ledger_of_an_example_shows_the_values_of_its_lines(name: str) -> None:
    """The same for examples of one unit over several time steps, whatever random problems are drawn."""
    assert cells_of_a_ledger(example(name, steps="ledger")) > 30


def cells_of_a_ledger(solution: Solution) -> int:
    """Compare each cell whose heading is the name of a number with its value; how many there are."""
    values = json.loads(solution.to_json())["values"]
    seen = 0
    for head, rows in tables_of_markdown(solution.to_markdown()):
        if head[0] != "t" or head[-1] not in ("lines", "line"):
            continue
        for row in rows:
            for heading, cell in zip(head[1:-1], row[1:-1], strict=True):
                named = "_" in heading and not heading.startswith(("via ", r"\frac")) and "matrix" not in cell
                if row[0] and cell != "none" and named and "_{" not in at(heading, int(row[0])):
                    name = at(heading, int(row[0])).strip("{}")
                    seen += 1
                    in_text = re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", cell)
                    spellings = (name, f"{name}@2", name.partition("@")[0])  # what is given has no iteration
                    assert in_text == next(values[one] for one in spellings if one in values), (name, row)
    return seen


@runs(40)
@given(case=cases())
def test_a_ledger_adds_up(case: Case) -> None:
    """direct + carried = sum, contribution = operand · operand, and each sum so far continues the one above."""
    solution = solved(case, "ledger")
    digits = case.digits
    for head, rows in tables_of_markdown(solution.to_markdown()):
        for place in range(len(head) - 2) if head[-1] == "lines" else []:
            if {head[place], head[place + 1]} != {"direct", "carried"}:
                continue
            for row in rows:
                parts = [number(part) for part in row[place : place + 2] if part != "none"]
                if parts:
                    assert number(row[place + 2]) == digits.rounded(sum(parts, Fraction(0)))
        if "sum so far" in head:
            _adds_up(head, rows, digits)
        if "product back from T" in head:
            _multiplies(rows, digits)


def _adds_up(head: list[str], rows: list[list[str]], digits: Digits) -> None:
    total = Fraction(0)
    terms = rows if all(row[0] for row in rows) else rows[:-1]
    for row in terms:
        operands = [number(cell) for cell in row[1 : head.index("sum so far")]]
        if "contribution" in head:
            *factors, contribution = operands
            product = Fraction(1)
            for factor in factors:
                product *= factor
            assert digits.rounded(product) == contribution, row
        else:
            (contribution,) = operands
        total += contribution
        assert number(row[head.index("sum so far")]) == total, row
    if terms is not rows:
        assert digits.rounded(total) == number(rows[-1][head.index("sum so far")])


def _multiplies(rows: list[list[str]], digits: Digits) -> None:
    """Each product back is the one above times the factor of its row."""
    how = Digits(digits.count, figures=True)
    product = Fraction(1)
    for row in rows:
        factor, so_far = number(row[2]), number(row[3])
        product = how.rounded(product * factor)
        assert product == so_far, row


@runs(40)
@given(case=cases())
def test_a_long_sum_on_a_ledger_has_its_terms_beside_it(case: Case) -> None:
    """``L_1 + … + L_6`` gives its result from the terms that the ledger prints."""
    solution = solved(case, "ledger")
    text = solution.to_markdown()
    for section in read_markdown(text):
        for row in section:
            if r"\dots" not in row.numbers:
                continue
            iteration = "@2" if row.name.endswith("@2") else ""
            columns = [
                (head.index(f"L_t{iteration}"), rows)
                for head, rows in tables_of_markdown(text)
                if f"L_t{iteration}" in [re.sub(r"[{}]", "", heading) for heading in head]
            ]
            assert columns, row
            column, rows = columns[0]
            terms = [number(each[column]) for each in rows if each[column] != "none"]
            series = Series(sum(terms, Fraction(0)))
            assert case.digits.rounded(evaluate(row.numbers, case.functions, series)) == number(row.result)
            assert (series.first, series.last) == (terms[0], terms[-1])


# --------------------------------------------------------------- other policies


@runs(120)
@given(medium=st.sampled_from(MEDIA), case=cases(policy="carry"))
def test_carry_marks_exactly_the_lines_that_do_not_recompute(medium: str, case: Case) -> None:
    """``≈`` stands where the printed digits do not give the printed result, and only there."""
    for section in lines_of(document(solved(case), medium), medium):
        for place, row in enumerate(section):
            value = recomputed(row, terms_above(section, place), case.functions)
            how = case.digits.of(row.name)
            same = how.rounded(value) == number(row.result)
            assert (row.relation == "=") == same, row
            assert how.shown(row.result), row


@runs(20)
@given(case=cases(policy="carry"))
def test_carry_marks_calculations_in_sentences(case: Case) -> None:
    """A sentence does not claim an equality that its digits contradict."""
    for medium, calculations in said_everywhere(solved(case), case.functions):
        for said in calculations:
            assert (said.relation == "=") == agrees(said, case.digits, case.functions), (medium, said)


@runs(40)
@given(case=cases(policy="full"))
def test_full_values_read_back_to_the_same_double(case: Case) -> None:
    """Under ``full`` a value is the shortest text of its float64, and its line holds to about the last digit."""
    printed = json.loads(solved(case).to_json())
    for section in printed["sections"]:
        for entry in section["entries"]:
            value = entry["value"]
            assert value == repr(float(value)) == entry["exact"]
            assert len(value.replace(".", "").partition("e")[0].strip("-0")) <= 17
            if "..." not in entry["numbers"]["text"]:
                sizes = [abs(float(size)) for size in re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", entry["numbers"]["text"])]
                near = evaluate(entry["numbers"]["text"], case.functions)
                assert float(near) == pytest.approx(float(value), rel=1e-13, abs=1e-13 * max(1, *sizes) ** 2)


@pytest.mark.parametrize("name", ["fnn", "shared-weight", "shared-weight-4"])
def test_exact_values_have_the_decimals_beside_them(name: str) -> None:
    """Under ``exact`` a closed form, worked out with 70 digits, is the decimal printed with it."""
    for section in json.loads(solve(name, rounding="exact").to_json())["sections"]:
        for entry in section["entries"]:
            value = evaluate(entry["value"].replace("Abs", "abs"))
            assert float(value) == pytest.approx(float(entry["exact"]), rel=1e-12, abs=1e-13), entry["name"]


# ------------------------------------------------------------- signs everywhere


@runs(60)
@given(policy=st.sampled_from(["by_hand", "carry", "full"]), case=cases(policy="by_hand"))
def test_zero_has_no_sign_and_negative_operands_have_brackets(policy: str, case: Case) -> None:
    """``-0.0000`` occurs nowhere; a negative number inside a calculation is bracketed, the first one too."""
    case.document["rounding"]["policy"] = policy
    solution = solved(case)
    for medium in ("json", "latex", "terminal-80-unicode", "terminal-120-ascii"):
        text = document(solution, medium)
        assert minus_zeros(text) == []
        for section in lines_of(text, medium):
            for row in section:
                own_sign = plain(row.formula).startswith("-")  # of the formula, and not of its first number
                assert unbracketed(plain(row.numbers).removeprefix("-") if own_sign else row.numbers) == [], row


@runs(30)
@given(case=cases())
def test_between_numbers_stands_a_product_sign(case: Case) -> None:
    """No two factors of a calculation stand side by side."""
    for section in read_json(solved(case).to_json()):
        for row in section:
            assert not re.search(r"\d \d|\d\(|\)\(|\)\d", row.numbers), row


# ------------------------------------------------------------ the footer's drift


@runs(40)
@given(case=cases())
def test_the_footer_states_the_largest_distance_from_full_precision(case: Case) -> None:
    """No line is further from its unrounded value than the footer says, and the line it names is that far."""
    assert_footer(solved(case), case.digits.count)


@pytest.mark.parametrize("name", of_examples())
def test_the_footer_of_an_example_names_the_line_that_is_furthest_away(name: str) -> None:
    """The same for the built-in examples, with four decimals."""
    assert_footer(example(name, rounding="4dp"), 4)


def assert_footer(solution: Solution, places: int) -> None:
    """What the footer says of the distance from full precision is what the lines say."""
    printed = json.loads(solution.to_json())
    entries = [entry for section in printed["sections"] for entry in section["entries"] if entry["line"]]
    distances = {entry["line"]: abs(Fraction(entry["value"]) - Fraction(entry["exact"])) for entry in entries}
    (note,) = [note for note in printed["footer"] if note.startswith("Rounding:")]
    if note == "Rounding: No result differs from full precision.":
        assert all(distances[entry["line"]] <= 1e-14 * max(1, abs(float(entry["exact"]))) for entry in entries)
        return
    assert any(distances.values())
    if note == "Rounding: Every result agrees with full precision to 12 decimals.":
        assert all(distances[entry["line"]] <= 1e-12 * max(1, abs(float(entry["exact"]))) for entry in entries)
        return
    stated = re.search(r"full precision is (\S+) \(line (\S+): (\S+) here, (\S+) unrounded\)", note)
    assert stated, note
    assert to_figures(max(distances.values()), 2) == pytest.approx(float(stated[1]), rel=0.06, abs=1e-15)
    (entry,) = [entry for entry in entries if str(entry["line"]) == stated[2]]
    assert float(distances[entry["line"]]) == pytest.approx(float(max(distances.values())), rel=1e-6)
    assert entry["value"] == stated[3]
    assert float(entry["exact"]) == pytest.approx(float(stated[4]), rel=1e-2, abs=10.0**-places)


@pytest.mark.parametrize("weight", ["0.1", "0.3", "1.1"])
def test_a_sheet_that_rounds_nothing_says_so(weight: str) -> None:
    """Where every result has few decimals, the footer does not speak of the noise of floating point."""
    problem = {
        "network": {"cell": "dense", "activation": "identity", "bias": False},
        "parameters": {"w_xh": weight, "w_hy": 1},
        "given": {"x": 3, "target": 0},
    }
    printed = json.loads(solve(parse(json.dumps(problem))).to_json())
    assert printed["footer"] == ["Rounding: No result differs from full precision."]


# ---------------------------------------------------- the calculator would notice


@at_once(
    ("text", "value"),
    [
        ("0.5 * 1 + 0.8 * 0 + 0.1", "0.6"),
        ("0.5 · 2 + (−0.3)", "0.7"),
        (r"\frac{1}{2} \cdot (0.0242 + 0.0431)", "0.03365"),
        ("(−0.6997)²", "0.48958009"),
        (r"(0.3444 - 0.5)^{2}", "0.02421136"),
        ("(2/3) * (1 - 0.5^2)", "0.5"),
        (r"(1.25 \cdot 10^{-3}) \cdot 2", "0.0025"),
        ("(1.25e-3) * 2", "0.0025"),
        ("identity(-3)", "-3"),
    ],
)
def test_the_calculator_reads_every_spelling(text: str, value: str) -> None:
    """The calculator of these tests reads ASCII, Unicode and LaTeX alike."""
    assert Fraction(value) == evaluate(text)


@pytest.mark.parametrize("text", ["h_1 * 2", "1 2", "0.5 ** 2", "__import__('os')", "", "(1", "1.2.3"])
def test_the_calculator_refuses_the_rest(text: str) -> None:
    """What is not a calculation with numbers is not worked out."""
    with pytest.raises(Unreadable):
        evaluate(text)


def test_functions_are_known_to_many_digits() -> None:
    """tanh(1.1) = 0.80049902176062970… (Abramowitz and Stegun, table 4.15)."""
    assert to_places(evaluate(r"\tanh(1.1)"), 14) == Fraction("0.80049902176063")


@pytest.mark.parametrize(
    ("value", "places", "figures"),
    [
        ("0.00125", "0.0013", "0.00125"),
        ("-0.00005", "-0.0001", "-0.0000500"),
        ("2.34565", "2.3457", "2.35"),
        ("0", "0.0000", "0"),
    ],
)
def test_ties_are_rounded_away_from_zero(value: str, places: str, figures: str) -> None:
    """Rounding half up is done on exact fractions."""
    assert Fraction(places) == to_places(Fraction(value), 4)
    assert Fraction(figures) == to_figures(Fraction(value), 3)


@pytest.mark.parametrize("medium", of_media(MEDIA))
def test_a_wrong_digit_would_be_noticed(medium: str) -> None:
    """One changed digit in a result of a document breaks the law."""
    text = document(solve("rnn"), medium)
    changed = re.sub(r"[-−](?:</mo><mn>)?0\.2208", lambda match: match[0].replace("8", "9"), text)
    with pytest.raises(AssertionError):
        obey(lines_of(changed, medium), Digits(4), solved_functions())


@at_once(
    ("numbers", "wrong"),
    [
        ("-0.5 * 2", ["-0.5 * 2"]),
        ("(-0.5) * 2", []),
        ("2 * -0.5", ["-0.5"]),
        ("tanh(-0.5)", []),
        ("-0.5", []),
        ("1 - -0.5", ["-0.5"]),
        (r"\tanh(-0.5) \cdot (-1.2 \cdot 10^{-9})", []),
        ("1 − −0.5", ["-0.5"]),
        ("-0.5^2", ["-0.5^2"]),
    ],
)
def test_a_missing_bracket_would_be_noticed(numbers: str, wrong: list[str]) -> None:
    """The test of brackets knows a binary minus from a sign."""
    assert wrong == unbracketed(numbers)


def test_a_minus_zero_would_be_noticed() -> None:
    """``-0.0000`` is found, a small negative number is not."""
    assert minus_zeros("a = -0.0000, b = −0.0, c = -0.0001, d = 1 - 0.5, e = 1e-05") == ["-0.0000", "−0.0"]


# ---------------------------------------------------------------------- vectors

ENTROPY = {"kind": "cross_entropy"}
BINARY = {"kind": "binary_cross_entropy"}
VECTORS: list[dict[str, Any]] = [
    {"hidden": 2, "d": 3, "k": 2},
    {"hidden": 3, "d": 2, "k": 3, "T": 3, "loss": ENTROPY, "output_activation": "softmax"},
    {"hidden": 2, "d": 2, "k": 3, "loss": ENTROPY | {"gradient": "long"}, "output_activation": "softmax"},
    {"hidden": 2, "k": 3, "loss": ENTROPY | {"gradient": "long"}, "output_activation": "softmax", "softmax": "steps"},
    {"hidden": 2, "d": 2, "k": 2, "products": "x W", "activation": "sigmoid", "loss": {"over_units": "mean"}},
    {"hidden": 2, "d": 2, "k": 2, "products": "x W", "form": "concatenated", "outputs": "last"},
    {"hidden": 2, "d": 2, "form": "concatenated", "T": 3},
    {"hidden": 2, "d": 1, "k": 1, "biases": 2, "inputs": "first", "T": 3},
    {"cell": "dense", "hidden": [3, 2], "d": 2, "k": 2, "activation": ["relu", "tanh"], "loss": {"factor": "1/2"}},
    {"cell": "dense", "hidden": 2, "d": 2, "k": 2, "batch": 3, "loss": BINARY, "output_activation": "sigmoid"},
    {"hidden": 2, "d": 2, "k": 1, "T": 6, "batch": 2, "outputs": "last"},
    {"hidden": [2, 2], "d": 1, "k": 2, "T": 2},
    {"hidden": 1, "d": 1, "k": 1, "batch": 3, "T": 2},
]  # fmt: skip


@cache
def of_vectors(place: int, detail: str) -> Solution:
    """The solution of one of these."""
    made = network_document(**VECTORS[place], seed=len(str(VECTORS[place])))
    return solve(from_document({**made, "rounding": {"places": 4}}), steps="full", detail=detail)


@pytest.mark.parametrize(
    ("place", "detail", "medium"), paired(thinned(range(len(VECTORS)), 2), ["both", "lines", "board"], of_media(MEDIA))
)
def test_every_line_of_vectors_recomputes(place: int, detail: str, medium: str) -> None:
    """Matrices, and each of their components, in every medium."""
    solution = of_vectors(place, detail)
    shown = sum(1 for _ in solution.sheet.rows())
    count = obey(lines_of(document(solution, medium), medium), Digits(4), solved_functions())
    assert count == shown if medium != "json" else count >= 8
