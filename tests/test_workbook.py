"""Live workbooks: lines recalculate to what the sheet prints, and verdicts follow the student's numbers."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sweeps
from click.testing import CliRunner
from random_problems import examples
from spreadsheet import ALL_TABS, cell, office, recalculated, spreadsheets_hold, tabs_of
from students import by_hand, rounded
from sweeps import chosen

from bptt_trace import Key, load
from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.commands import command
from bptt_trace.errors import CalculationError, ProblemError, TraceError
from bptt_trace.exports.workbook import workbook
from bptt_trace.exports.workbook.line_cells import Cells
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.marking.key import World
from bptt_trace.problem.numbers import exact_number
from bptt_trace.problem.rounding import Rounding

openpyxl = pytest.importorskip("openpyxl")
xlsxwriter = pytest.importorskip("xlsxwriter")

LINES = int(os.environ.get("BPTT_WORKBOOK_LINES", "1500" if sweeps.wide else "200"))
"""How many lines a sweep recalculates for each problem and rounding; 25,000 make 300,000 in all."""


Tabs = dict[str, list[list[str]]]
"""The cells of each tab of a workbook."""


@dataclass(frozen=True)
class Book:
    """A workbook, and what a test knows of it."""

    key: Key
    data: bytes
    known: Any = None


def written(folder: Path, data: bytes, name: str = "book.xlsx") -> Path:
    file = folder / name
    file.write_bytes(data)
    return file


def rows_of(data: bytes) -> dict[str, int]:
    """The row of each quantity on the tab of lines, by its name; of a name that is there twice, the first."""
    tab = openpyxl.load_workbook(BytesIO(data))["Lines"]
    rows: dict[str, int] = {}
    for row in range(5, tab.max_row + 1):
        if tab.cell(row, 2).value:
            rows.setdefault(str(tab.cell(row, 2).value), row)
    return rows


def shown(key: Key, position: int) -> str:
    """A name as a workbook writes it, with Greek letters."""
    from bptt_trace.document.notation import UNICODE
    from bptt_trace.lines.spelling import Speller

    return Speller(key.problem.vocabulary).math(key.steps[position].target).spell(UNICODE)


def answered(data: bytes, key: Key, answers: Mapping[Any, str]) -> bytes:
    """A workbook with answers typed into it."""
    rows, book, file = rows_of(data), openpyxl.load_workbook(BytesIO(data)), BytesIO()
    for name, text in answers.items():
        if text:
            book["Lines"].cell(rows[shown(key, key.program.index[name])], 6).value = float(text)
    book.save(file)
    return file.getvalue()


def verdicts(tabs: Tabs, data: bytes, key: Key, answers: Mapping[Any, str]) -> dict[Any, str]:
    """What stands beside the answers in a workbook that was calculated anew."""
    rows = rows_of(data)
    return {name: cell(tabs["Lines"], f"G{rows[shown(key, key.program.index[name])]}") for name in answers}


def with_answers(folder: Path, data: bytes, key: Key, answers: Mapping[Any, str]) -> dict[Any, str]:
    """The verdicts beside answers that are typed into a workbook."""
    return verdicts(recalculated(folder, written(folder, answered(data, key, answers))), data, key, answers)


@pytest.fixture(scope="module")
def calculated(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Tabs]:
    """The tabs of a workbook that a function makes, calculated anew: one start of LibreOffice for all that every run asks for."""
    folder = tmp_path_factory.mktemp("books")
    files: dict[Any, Path] = {}

    def tabs(*book: Any) -> Tabs:
        if book not in files:
            new = EVERY_RUN if book in EVERY_RUN else [book]
            files.update({(make, *how): folder / f"{len(files) + place}.xlsx" for place, (make, *how) in enumerate(new)})
            office(folder, ALL_TABS, *(written(folder, make(*how).data, files[make, *how].name) for make, *how in new))
        return tabs_of(folder, files[book])

    return tabs


# ------------------------------------------------------------------- results


@cache
def lines_of(name: str, rounding: str) -> Book:
    """Lines with random given numbers; known are their rows, positions and results by hand."""
    chance = random.Random(f"{name} {rounding}")
    key = Key(load(name).rounded(Rounding.parse(rounding)))
    own = [p for p, step in enumerate(key.steps) if step.rule is not None and not step.repeats]
    file = BytesIO()
    book = xlsxwriter.Workbook(file)
    sheet = book.add_worksheet("Lines")
    expected: list[tuple[int, int, Decimal]] = []
    row = 0
    while len(expected) < LINES:
        given = dict(key.problem.given)
        for step in key.steps:
            kept = ("beta", "epsilon", "target" if name == "classifier" else "")
            if step.rule is None and step.target.stem not in kept:
                digits = chance.choice([0, 1, 1, 2, 3])
                most = 3 * 10**digits
                given[step.target] = exact_number(Decimal(chance.randint(-most, most)).scaleb(-digits), "")
        try:
            numbers = evaluate(key.program, given, key.problem.rounding).numbers
        except CalculationError:
            continue
        cells, rows = {}, {}
        for position, step in enumerate(key.steps):
            if step.repeats:
                continue
            row += 1
            if step.rule is None:
                cells[position] = f"$B${row}"
                sheet.write_number(row - 1, 1, float(given[step.target].value))
            else:
                rows[position] = row
        lines = Cells(key, cells, rows, frozenset(own), frozenset(own))
        for position in own:
            sheet.write_formula(rows[position] - 1, 4, lines.result(position))
            expected.append((rows[position], position, numbers[position]))
    book.close()
    return Book(key, file.getvalue(), expected)


@pytest.mark.parametrize("rounding", chosen(["4dp", "2dp", "6dp", "4sf"], ["4dp"]))
@pytest.mark.parametrize("name", chosen(["rnn", "lstm", "classifier", "adam"], ["lstm"]))
def test_lines_recalculate_to_the_digits_by_hand(name: str, rounding: str, calculated: Callable[..., Tabs]) -> None:
    """With random given numbers every result of a spreadsheet is the result by hand, to its last digit."""
    book = lines_of(name, rounding)
    key, tab = book.key, calculated(lines_of, name, rounding)["Lines"]
    for at, position, value in book.known:
        there = tab[at - 1][4]
        tiny = Decimal("1e-9") * (abs(value) if key.figures(position) else Decimal(10) ** -key.problem.rounding.places)
        assert abs(Decimal(there) - value) <= tiny, f"{key.steps[position].target}: {there}, by hand {value}"


SQUARES = ["network.activation=exp(-z^2)*cos(2*z) - z^2"]
"""A sign in front of a square: −z² is negative, and a spreadsheet would square the sign too."""
TOGETHER = [["clipping", "squares"], *(examples()[start::4] for start in range(4 if sweeps.SHARE >= 1 else 2))]
"""Examples that one start of LibreOffice looks at."""


@pytest.mark.parametrize("names", chosen(TOGETHER, TOGETHER[:1]))
def test_every_example_recalculates_to_its_sheet(names: list[str], tmp_path: Path) -> None:
    """The workbook of an example has no error in any cell, and its results are the printed ones."""
    keys = {name: Key(load("rnn", SQUARES) if name == "squares" else load(name)) for name in names}
    keys = {name: key for name, key in keys.items() if key.problem.rounding.policy != "exact" and len(key.steps) <= 2_000}
    files = {}
    for name, key in keys.items():
        if not spreadsheets_hold(key.problem):
            with pytest.raises(ProblemError, match="more than the 15 digits"):
                workbook(key)
        else:
            files[name] = written(tmp_path, workbook(key), f"{name}.xlsx")
    sheets = [written(tmp_path, workbook(keys[name], blanks_of(keys[name])), f"{name}-worksheet.xlsx") for name in files]
    office(tmp_path, ALL_TABS, *files.values(), *sheets)
    for sheet in sheets:
        check_stored(sheet, tabs_of(tmp_path, sheet))
    for name, file in files.items():
        tabs = tabs_of(tmp_path, file)
        check_tabs(keys[name], tabs, rows_of(file.read_bytes()))
        check_stored(file, tabs)


def check_stored(file: Path, tabs: Tabs) -> None:
    """What is stored in every cell, for viewers that do not calculate, is what a spreadsheet calculates."""
    for tab in openpyxl.load_workbook(file, data_only=True):
        for stored in (one for row in tab.iter_rows(max_col=9 if tab.title == "Lines" else None) for one in row):
            row = tabs[tab.title][stored.row - 1] if stored.row <= len(tabs[tab.title]) else []
            there = row[stored.column - 1] if stored.column <= len(row) else ""
            if isinstance(stored.value, float | int):
                assert abs(float(there) - stored.value) <= 1e-9 * max(1, abs(stored.value)), f"{tab.title} {stored.coordinate}"
            else:
                assert there == (stored.value or ""), f"{tab.title} {stored.coordinate}"


def check_tabs(key: Key, tabs: Tabs, rows: dict[str, int]) -> None:
    """No cell has an error, and every result is the printed one."""
    for title, tab in tabs.items():
        wrong = [text for row in tab for text in row if text.startswith(("#", "Err:"))]
        assert not wrong, f"{title}: {wrong[:3]}"
    numbers = evaluate(key.program, key.problem.given, key.problem.rounding).numbers
    for position, step in enumerate(key.steps):
        if step.rule is None or step.repeats:
            continue
        value = float(numbers[position])
        room = 1e-9 * abs(value) + 1e-12 if key.problem.rounding.policy == "by_hand" else 1e-9 * (1 + abs(value))
        there = cell(tabs["Lines"], f"E{rows[shown(key, position)]}")
        assert abs(float(there) - value) <= room, f"{step.target}: {there}, printed {value}"


@pytest.mark.exhaustive
def test_sums_of_very_many_lines_recalculate(tmp_path: Path) -> None:
    """A function of a spreadsheet takes 255 arguments; the bias of 300 time steps has more contributions."""
    numbers = ",".join(f"0.{step % 7}" for step in range(300))
    key = Key(load("rnn", [f"x=[{numbers}]", f"target=[{numbers}]"]))
    file = written(tmp_path, workbook(key))
    check_tabs(key, recalculated(tmp_path, file), rows_of(file.read_bytes()))


@pytest.mark.exhaustive
def test_a_changed_input_recomputes_every_line(tmp_path: Path) -> None:
    """With another number in a yellow cell the workbook shows what the problem with that number prints."""
    data = workbook(Key(load("rnn")))
    book = openpyxl.load_workbook(BytesIO(data))
    given = book["Given"]
    at = next(row for row in range(1, 30) if given.cell(row, 1).value == "w_hh")
    given.cell(at, 3).value = 0.25
    book.save(tmp_path / "changed.xlsx")
    tab = recalculated(tmp_path, tmp_path / "changed.xlsx")["Lines"]
    other = Key(load("rnn", ["w_hh=0.25"]))
    numbers, rows = evaluate(other.program, other.problem.given, other.problem.rounding), rows_of(data)
    for position, step in enumerate(other.steps):
        if step.rule is not None and not step.repeats:
            assert float(cell(tab, f"E{rows[shown(other, position)]}")) == float(numbers.numbers[position])


@pytest.mark.exhaustive
def test_numbers_that_are_carried_on_have_a_workbook() -> None:
    """Under ``carry`` a line has no digits to be compared with: its cell has the number."""
    key = Key(load("rnn", ["rounding.policy=carry"]))
    assert workbook(key) and workbook(key, blanks=blanks_of(key))


@cache
def saturated(weight: int) -> Book:
    """A sigmoid of a sum that this weight makes large."""
    key = Key(load("rnn", ["network.activation=sigmoid", f"w_xh={weight}"]))
    return Book(key, workbook(key))


@pytest.mark.parametrize("weight", [-1000, 1000])
def test_large_exponents_have_values(weight: int, calculated: Callable[..., Tabs]) -> None:
    """A sigmoid far from 0 is 0 or 1, and no error: EXP of 1000 has no value in a spreadsheet."""
    tab = calculated(saturated, weight)["Lines"]
    assert float(cell(tab, f"E{rows_of(saturated(weight).data)['h_1']}")) == (weight > 0)


# ------------------------------------------------------------------ verdicts


@cache
def with_a_slip(sheet: str) -> Book:
    """A student slips in h_1 and goes on with that number; known are the answers."""
    key = Key(load("rnn"))
    blanks = blanks_of(key)
    slip = key.program.index[next(step.target for step in key.steps if str(step.target) == "h_1")]
    answers = {name: text for name, text in by_hand(key, slips={slip: 0.05}).items() if key.program.index[name] in blanks.asked}
    return Book(key, answered(workbook(key, blanks if sheet == "worksheet" else None), key, answers), answers)


@pytest.mark.parametrize("sheet", chosen(["solution", "worksheet"], ["worksheet"]))
def test_one_slip_is_one_line_to_look_at_again(sheet: str, calculated: Callable[..., Tabs]) -> None:
    """After a slip later lines are right or follow from the student's own numbers; the slip alone is to be looked at again."""
    book = with_a_slip(sheet)
    said = {str(name): one for name, one in verdicts(calculated(with_a_slip, sheet), book.data, book.key, book.known).items()}
    assert [name for name, one in said.items() if one == "look again"] == ["h_1"]
    assert all(said[name] == "✓ right" for name in list(said)[: list(said).index("h_1")])
    follows = [name for name, one in said.items() if one == "✓ from your own numbers"]
    assert len(follows) > 10 and len(follows) + sum(one == "✓ right" for one in said.values()) == len(book.known) - 1


@cache
def rounded_with_gaps(name: str) -> Book:
    """A student calculates with all digits, rounds what is written, and leaves lines blank; known are the answers."""
    key, chance = Key(load(name)), random.Random(name)
    lines = {key.steps[p].target: p for p, step in enumerate(key.steps) if step.rule is not None and not step.repeats}
    answers = {
        target: "" if chance.random() < 0.3 else rounded(key.exact[p], max(key.places[p], 0)) for target, p in lines.items()
    }
    return Book(key, answered(workbook(key), key, answers), answers)


@pytest.mark.parametrize("name", chosen(["rnn", "lstm", "classifier", "clipping"], ["lstm"]))
def test_students_who_round_and_leave_lines_blank_are_right(name: str, calculated: Callable[..., Tabs]) -> None:
    """Whoever calculates with all digits and rounds what is written is right in every line, whichever lines are blank."""
    book = rounded_with_gaps(name)
    said = verdicts(calculated(rounded_with_gaps, name), book.data, book.key, book.known)
    assert {one for target, one in said.items() if book.known[target]} == {"✓ right"}
    assert {one for target, one in said.items() if not book.known[target]} <= {""}


@pytest.mark.exhaustive
def test_a_wrong_number_is_followed_through_blank_lines(tmp_path: Path) -> None:
    """A line is judged by the student's numbers also where the lines between were left out."""
    key = Key(load("rnn"))
    names = {str(step.target): step.target for step in key.steps}
    wrong = World(key, {key.program.index[names["a_1"]]: -0.6})
    last = wrong.value(key.program.index[names["a_2"]])
    assert last is not None
    answers = {names["a_1"]: "-0.6", names["a_2"]: f"{last:.4f}"}
    assert list(with_answers(tmp_path, workbook(key), key, answers).values()) == ["look again", "✓ from your own numbers"]


@cache
def of_a_class(number: int) -> Book:
    """The workbook of a class with the code of one variant in its cell; known is its worksheet."""
    with TemporaryDirectory() as folder:
        made = Path(folder, "class")
        assert run("vary", "rnn", "-n", "5", "-f", "xlsx", "-o", str(made)).exit_code == 0
        key, file = Key(load(made / "problems" / f"{number}.toml")), BytesIO()
        book = openpyxl.load_workbook(made / "all-keys.xlsx")
        assert book["Given"]["B5"].value != key.problem.handout.code
        book["Given"]["B5"].value = key.problem.handout.code
        book.save(file)
        return Book(key, file.getvalue(), (made / "all-worksheets.xlsx").read_bytes())


def test_a_class_chooses_its_variant_by_a_cell(calculated: Callable[..., Tabs]) -> None:
    """In the workbook of a class another code in one cell gives the lines of that variant; the worksheet has no result."""
    book = of_a_class(4)
    key, tab, rows = book.key, calculated(of_a_class, 4)["Lines"], rows_of(book.data)
    numbers = evaluate(key.program, key.problem.given, key.problem.rounding).numbers
    for position, step in enumerate(key.steps):
        if step.rule is not None and not step.repeats:
            assert float(cell(tab, f"E{rows[shown(key, position)]}")) == float(numbers[position])
    sheet = openpyxl.load_workbook(BytesIO(book.known), data_only=True)["Lines"]
    assert not [row for row in range(1, sheet.max_row + 1) if isinstance(sheet.cell(row, 5).value, float)]


@pytest.mark.exhaustive
def test_a_worksheet_waits_for_the_lines_before(tmp_path: Path) -> None:
    """On a worksheet a line is judged only where those that go into it are filled in; the workbook does not calculate them."""
    key = Key(load("rnn"))
    names = {str(step.target): step.target for step in key.steps}
    data = workbook(key, blanks_of(key))
    verdicts = with_answers(tmp_path, data, key, {names["a_1"]: "0.6000", names["a_2"]: "1.5296"})
    assert list(verdicts.values()) == ["✓ right", "first the lines before it"]


# --------------------------------------------------------------- what it tells


def strings(data: bytes) -> str:
    """Everything that is written in a workbook."""
    with zipfile.ZipFile(BytesIO(data)) as parts:
        return "\n".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist())


ASKED = ["rnn: h_1 dL/dw_hh", "rnn: all", "rnn: gradients", "lstm: all", "lstm: gradients", "classifier: all", "tomyeh-lstm: all",
         "adam: all"]  # fmt: skip
"""Problems, and what their worksheets ask for."""


@cache
def asking(asked: str) -> Book:
    """A worksheet; known are its blanks."""
    name, _, wanted = asked.partition(": ")
    key = Key(load(name))
    blanks = blanks_of(key, wanted.split())
    return Book(key, workbook(key, blanks), blanks)


@pytest.mark.parametrize("asked", chosen(ASKED, ASKED[:1]))
def test_no_result_of_a_blank_is_in_a_worksheet(asked: str, calculated: Callable[..., Tabs]) -> None:
    """No cell of a worksheet has a result that is left to the student, neither as stored nor after it is recalculated."""
    key, data, blanks = asking(asked).key, asking(asked).data, asking(asked).known
    hidden = {*blanks.asked, *blanks.left_out}
    told = {float(n.value) for n in key.problem.given.values()} | {0.0, 1.0, -1.0}
    printed = evaluate(key.program, key.problem.given, key.problem.rounding).numbers
    told |= {float(printed[p]) for p in range(len(key.steps)) if p not in hidden}
    results = {float(printed[p]) for p in hidden} | {key.exact[p] for p in hidden}
    secret = {value for value in results if not any(abs(value - other) < 1e-4 for other in told) and abs(value) > 0.01}
    assert secret
    numbers = {float(text) for text in re.findall(r"(?<![\w.])-?[0-9]+\.[0-9]{2,}(?:E-?[0-9]+)?", strings(data))}
    assert not [value for value in numbers if any(abs(value - one) < 1e-9 for one in secret)]
    for title, tab in calculated(asking, asked).items():
        for row in tab:
            for text in row:
                if re.fullmatch(r"-?[0-9.]+(E-?[0-9]+)?", text):
                    assert not any(abs(float(text) - one) < 1e-6 for one in secret), f"{title}: {text}"


EVERY_RUN: list[tuple[Any, ...]] = [
    (lines_of, "lstm", "4dp"), (saturated, -1000), (saturated, 1000), (with_a_slip, "worksheet"), (rounded_with_gaps, "lstm"),
    (of_a_class, 4), (asking, ASKED[0]),
]  # fmt: skip
"""Workbooks that one start of LibreOffice calculates: a function, and what it is given."""


def test_without_formulas_a_worksheet_has_no_verdicts() -> None:
    """Hints below 2 do not tell formulas, and then no cell has one in it."""
    key = Key(load("rnn"))
    for hints in (0, 1):
        text = strings(workbook(key, blanks_of(key, hints=hints)))
        assert "TANH" not in text and "w_hh · h_1" not in text


# ------------------------------------------------------------------- the file


def test_the_same_workbook_is_the_same_bytes() -> None:
    """A workbook does not say when it was made."""
    assert workbook(Key(load("lstm"))) == workbook(Key(load("lstm")))


def test_no_macros_no_links() -> None:
    """A workbook has no macros, and nothing of it lies elsewhere."""
    with zipfile.ZipFile(BytesIO(workbook(Key(load("rnn"))))) as parts:
        assert not [name for name in parts.namelist() if "vba" in name.lower() or "external" in name.lower()]


def test_stored_values_are_the_printed_ones() -> None:
    """Viewers that do not calculate show what the sheet prints, text included."""
    data = workbook(Key(load("rnn")))
    tab, rows = openpyxl.load_workbook(BytesIO(data), data_only=True)["Lines"], rows_of(data)
    assert tab.cell(rows["h_1"], 5).value == 0.5370
    assert tab.cell(rows["a_2"], 4).value == "0.5 · 2 + 0.8 · 0.5370 + 0.1"
    assert tab.cell(rows["dL/da_1"], 4).value == "(−0.2208) · (1 − 0.5370²)"


@pytest.mark.exhaustive
def test_it_prints_on_a4_landscape(tmp_path: Path) -> None:
    """Every tab prints on pages of A4 landscape, as wide as the paper."""
    office(tmp_path, "pdf", written(tmp_path, workbook(Key(load("lstm")))))
    if shutil.which("pdfinfo") is None:
        pytest.skip("pdfinfo is not installed (Debian: poppler-utils)")
    told = subprocess.run(["pdfinfo", tmp_path / "book.pdf"], capture_output=True, text=True, check=True).stdout
    width, height = map(float, re.search(r"Page size: +([\d.]+) x ([\d.]+)", told).groups())  # type: ignore[union-attr]
    assert (round(width), round(height)) == (842, 595)
    assert 5 <= int(re.search(r"Pages: +(\d+)", told)[1]) <= 14  # type: ignore[index]


# ----------------------------------------------------------------- commands


def run(*arguments: str) -> Any:
    return CliRunner().invoke(command, list(arguments))


def test_the_ending_chooses_a_workbook(tmp_path: Path) -> None:
    """``-o x.xlsx`` writes one, for solve and for worksheet."""
    for verb in ("solve", "worksheet"):
        file = tmp_path / f"{verb}.xlsx"
        assert run(verb, "rnn", "-o", str(file)).exit_code == 0
        assert openpyxl.load_workbook(file).sheetnames == ["Given", "Lines", "Over time", "Picture"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("solve", "rnn", "--round", "exact"), "closed forms"),
        (("solve", "rnn", "--set", "w_hh=0.1234567890123456"), "w_hh = 0.1234567890123456: more than the 15 digits"),
        (("solve", "rnn", "--round", "15dp"), "more than the 15 digits"),
        (("worksheet", "rnn", "--key"), "--key"),
    ],
)
def test_what_no_workbook_holds_is_refused(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """Closed forms, numbers of more than 15 digits and keys are refused, and nothing is written."""
    result = run(*arguments, "-o", str(tmp_path / "x.xlsx"))
    assert isinstance(result.exception, SystemExit | TraceError) and said in f"{result.output}{result.exception}"
    assert not list(tmp_path.iterdir())


def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The extra that is missing is named."""
    monkeypatch.setitem(__import__("sys").modules, "xlsxwriter", None)
    result = run("solve", "rnn", "-o", str(tmp_path / "x.xlsx"))
    assert isinstance(result.exception, TraceError) and "bptt-trace[xlsx]" in str(result.exception)
