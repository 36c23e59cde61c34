"""Single quantities with decimals of their own: what is printed, what is calculated from it, and how answers are marked."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import claims
import pytest
from click.testing import CliRunner
from hand_students import Calculator, sheets
from law import Digits, is_factor
from live import NODE, agreement, compared
from random_problems import examples
from spreadsheet import recalculated
from sweeps import abreast, chosen, printed
from test_law import lines_of, obey, solved_functions
from test_sentences import built_in

from bptt_trace import Key, ProblemError, check, load, solve
from bptt_trace.commands import command
from bptt_trace.engine.names import Name
from bptt_trace.exports.canvas import quiz
from bptt_trace.exports.moodle import questions
from bptt_trace.exports.qti import item
from bptt_trace.exports.workbook import workbook
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.marking.class_columns import Columns
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import from_document
from bptt_trace.solution import Solution

PROBLEMS: dict[str, dict[str, int]] = {
    "rnn": {"h": 3, "L": 6, "dL/dw_hh": 5, "w_hh'": 2},
    "fnn": {"h": 2, "dh/da": 6, "dL": 5, "dL/dh": 3},
    "classifier": {"y": 5, "z": 2, "dL/dW_hh": 6, "W_hh'": 3},
    "lstm": {"c": 6, "a_f": 2, "dL": 5, "dL/dh": 3},
    "gru": {"h": 2, "n": 6, "dL/da_n": 3, "dL/db_n": 2},
    "seq2seq": {"h": 5, "dL/dh": 2, "b_h'": 6},
    "training": {"h": 2, "L": 7, "dL": 5},
    "attention-weights": {"alpha": 2, "context": 5},
    "look-ahead": {"dL": 6, "L": 2},
    "slstm": {"h": 5, "dL/dc": 2},
    "bidirectional": {"h": 3, "dL": 5},
    "perceptron-or": {"a": 2},
}
"""Problems with the decimals of some quantities: of states, losses, gates, slopes, gradients, parts of these, new parameters."""
FEW = ("rnn", "fnn", "classifier")


def changes(problem: str) -> list[str]:
    return [f"rounding.places_of.{name}={places}" for name, places in PROBLEMS[problem].items()]


def quantity(name: str) -> str:
    """A name of a sheet without layer, time step, component, sample and iteration, and as the gradient of which it is a part."""

    def bare(part: str) -> str:
        stem = re.match(r"[^\W\d_]\w*?(?=_\d|_\(|\(|\[|#|@|'|$)", part)
        assert stem, name
        return re.sub("^L_(full|check|pass)$", "L", stem[0].replace("α", "alpha")) + "'" * ("'" in part)

    derivative = re.fullmatch(r"d([^/]+)/d(.+)", name.partition(" via ")[0])
    return f"d{bare(derivative[1])}/d{bare(derivative[2])}" if derivative else bare(name)


@dataclass(frozen=True)
class Own(Digits):
    """Decimals, with those of single quantities."""

    places_of: dict[str, int] = field(default_factory=dict)

    def of(self, name: str) -> Digits:
        if is_factor(name):
            return Digits(self.count, figures=True)
        key = quantity(name)
        every = self.places_of.get("dL", self.count) if key.startswith("dL/") else self.count
        return Digits(self.places_of.get(key, every))


def solved(problem: str, **how: Any) -> Solution:
    return solve(load(problem, changes(problem)), **how)


# ------------------------------------------------------------------- the law

FORMS = ["markdown", "json", "html", "latex", "terminal-80-unicode"]


@pytest.mark.parametrize(
    ("problem", "medium"), abreast(chosen(PROBLEMS, FEW), chosen(FORMS, ["json", "markdown", "terminal-80-unicode"]))
)
def test_every_line_has_its_decimals_and_recomputes(problem: str, medium: str) -> None:
    """Every printed line, worked out from its printed digits and rounded to the decimals of its quantity, gives its result."""
    text = printed(solved(problem, steps="full"), medium)
    assert obey(lines_of(text, medium), Own(4, places_of=PROBLEMS[problem]), solved_functions()) >= 6


@pytest.mark.exhaustive
@pytest.mark.parametrize(("problem", "medium"), abreast(examples(), FORMS))
def test_every_example_obeys_its_decimals(problem: str, medium: str) -> None:
    """With decimals of its own for every quantity of the forward pass and of the update, and others for all gradients."""
    document = built_in(problem)
    rounding = document.get("rounding", {})
    names = [name for name in quantities(problem) if not name.startswith("dL/")]
    if "figures" in rounding or rounding.get("policy", "by_hand") != "by_hand" or not names:
        return  # it has no decimals
    own = {name: 3 + place % 4 for place, name in enumerate(names)}
    own |= {"dL": 5} if any(name.startswith("dL/") for name in quantities(problem)) else {}
    document["rounding"] = {**rounding, "places_of": own}
    one = solve(from_document(document), steps="full")
    medium = "json" if one.problem.vocabulary.renamed else medium  # which has the names of the package
    text = printed(one, medium)
    assert obey(lines_of(text, medium), Own(rounding.get("places", 4), places_of=own), solved_functions()) > 0


def quantities(problem: str) -> list[str]:
    """The quantities of a problem that keep decimals, as the names of its sheet have them."""
    entries = [entry for section in sheet_of(problem)["sections"] for entry in section["entries"]]
    return sorted({quantity(entry["name"]) for entry in entries if not is_factor(entry["name"])})


def drawn(problem: str, seed: int) -> dict[str, int]:
    """Some quantities of a problem with random decimals, as the names of its sheet have them."""
    chance = random.Random(f"{problem}{seed}")
    names = quantities(problem)
    return {name: chance.randint(2, 7) for name in chance.sample(names, min(len(names), chance.randint(1, 4)))}


@cache
def sheet_of(problem: str) -> Any:
    """A problem without decimals of single quantities, as JSON."""
    return json.loads(solve(from_document(built_in(problem))).to_json())


@pytest.mark.parametrize("problem", chosen(PROBLEMS, ["rnn", "fnn"]))
def test_every_sentence_is_true(problem: str) -> None:
    """Whatever quantities have decimals of their own: the claim of each sentence is worked out from the printed numbers."""
    for seed in range(2 if problem in FEW else 4):
        document = built_in(problem)
        document["rounding"] = {**document.get("rounding", {}), "places_of": drawn(problem, seed)}
        one = solve(from_document(document))
        assert claims.check(document, one.to_json(), one.to_markdown()).checked > 2, document["rounding"]


@pytest.mark.parametrize("form", chosen(["python", "numpy", "torch", "sympy"], ["python"]))
@pytest.mark.parametrize("problem", chosen(["rnn", "classifier", "lstm", "training"], ["rnn"]))
def test_its_program_agrees_with_the_sheet(problem: str, form: str) -> None:
    """The programs of a sheet compare their numbers with its digits."""
    if form == "torch":
        pytest.importorskip("torch")
    code = solved(problem).to_code(form)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert " agree with " in run.stdout


# ----------------------------------------------------------------- what is said


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "to 4 decimals (3 for h, 6 for L, 2 for dL/dh, 5 for other gradients) and the rounded"),
        ("de", "auf 4 Dezimalen (h: 3, L: 6, dL/dh: 2, übrige Gradienten: 5) gerundet"),
        ("fr", "(h : 3, L : 6, dL/dh : 2, les autres gradients : 5)"),
        ("es", "(h: 3, L: 6, dL/dh: 2, los demás gradientes: 5)"),
        ("zh", "（h 取 3 位、L 取 6 位、dL/dh 取 2 位、其余梯度 取 5 位）"),
    ],
    ids=["en", "de", "fr", "es", "zh"],
)
def test_the_rule_of_rounding_names_them(language: str, sentence: str) -> None:
    """The box of conventions of solution and worksheet says which quantities have other decimals, in every language."""
    own = {"h": 3, "L": 6, "dL/dh": 2, "dL": 5}
    problem = load("rnn", [f'handout.language="{language}"', *(f"rounding.places_of.{key}={n}" for key, n in own.items())])
    for sheet in (solve(problem).sheet, worksheet(Key(problem))):
        text = re.sub(r"\s", "", as_text(sheet, 80))
        assert sentence.replace(" ", "") in text


def test_names_of_the_lecturer_are_read_and_said() -> None:
    """``E`` is the loss and ``out_h`` a hidden value in the names of Mazur; JSON keeps the names of the package."""
    own = ["rounding.places_of.out_h=3", "rounding.places_of.dE=4", "rounding.places_of.dE/dw_ho=5", "rounding.places_of.E=2"]
    one = solve(load("mazur", own))
    found = json.loads(one.to_json())
    assert {"h": 3, "dL": 4, "dL/dW_hy": 5, "L": 2} == found["rounding"]["places_of"]
    text = re.sub(r"\s+", " ", as_text(one.sheet, 80))
    assert "to 9 decimals (3 for out_h, 5 for dE/dw_ho, 2 for E, 4 for other gradients) and" in text
    decimals = {entry["name"]: len(entry["value"].partition(".")[2]) for part in found["sections"] for entry in part["entries"]}
    assert [3, 2, 5, 4, 9] == [decimals[name] for name in ("h[1]", "L", "dL/dW_hy[1,1]", "dL/dh[1]", "a[1]")]


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("problem", "settings", "message"),
    [
        ("rnn", ["places_of.hh=3"], 'rounding.places_of: no line has the result hh (did you mean "h"?); there are h, a, y, L, '),
        ("rnn", ["places_of.dL/dW_hh=3"], 'no line has the result dL/dW_hh (did you mean "dL/dw_hh"?)'),
        ("rnn", ["places_of.dL/dx=3"], "no line has the result dL/dx"),
        ("rnn", ["places_of.x=3"], "x is given, and stands on the sheet as it was typed"),
        ("adam", ["places_of.m_w=3"], "m_w keeps significant figures"),
        ("rnn", ["places_of.dh/dh=3"], "dh/dh keeps significant figures"),
        ("rnn", ["places_of.h_2=3"], '"h_2" is more than the name of a quantity; h stands for its lines at every time step'),
        ("classifier", ["places_of.h[1]=3"], '"h[1]" is more than the name of a quantity'),
        ("rnn", ["places_of.h h=3"], '"h h" is not the name of a quantity, as h or "dL/dw_hh" is; "dL" stands for all gradients'),
        ("hello", ["places_of.dL/dW_xh=3"], "entries of dL/dW_xh repeat those of dL/da; expected the same number of decimals"),
        ("mazur", ["places_of.h=3", "places_of.out_h=4"], "out_h has two numbers of decimals"),
        ("adam", ["places_of.dL=3"], "no line has the result dL"),
        ("rnn", ["places_of.h=0"], "rounding.places_of.h: 0 is not possible here; decimals, a whole number from 1 to 15"),
        ("rnn", ["places_of.h=16"], "rounding.places_of.h: 16 is not possible"),
        ("rnn", ["places_of.h=2.5"], "rounding.places_of.h: 2.5 is not possible"),
        ("rnn", ['places_of.h="three"'], 'rounding.places_of.h: "three" is not possible'),
        ("rnn", ["places_of=3"], "a table [rounding.places_of]"),
        ("rnn", ["places_of.h=3", "policy=carry"], 'under policy = "by_hand"; here it is "carry"'),
        ("rnn", ["places_of.h=3", "policy=full"], 'under policy = "by_hand"; here it is "full"'),
        ("rnn", ["places_of.h=3", "policy=exact"], 'under policy = "by_hand"; here it is "exact"'),
        ("rnn", ["figures=3", "places_of.h=3"], "results have significant figures; leave figures or places_of out"),
    ],
)
def test_what_is_no_quantity_or_no_rounding_is_refused(problem: str, settings: list[str], message: str) -> None:
    """The error says the file, the key, what was found and what is accepted."""
    with pytest.raises(ProblemError) as error:
        solve(load(problem, [f"rounding.{one}" for one in settings]))
    assert str(error.value).startswith(f"{problem}: rounding")
    assert message in str(error.value)


def test_whole_numbers_have_one_number_of_decimals(tmp_path: Path) -> None:
    """Variants without rounding are refused with decimals of single quantities."""
    words = ["vary", "whole-numbers", "-n", "2", "--set", "rounding.places_of.h=3", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(command, words, standalone_mode=False)
    assert "rounding.places_of: whole numbers have the same number of decimals in every line" in str(done.exception)


def test_another_rounding_replaces_the_whole_table() -> None:
    """``--round 3dp`` and significant figures leave no quantity with decimals of its own; other decimals leave them."""
    rows = {row.name.text: row.result.text for row in solve(load("rnn", changes("rnn")), rounding="3dp").sheet.rows()}
    assert ("0.910", "0.034", "0.600") == (rows["h_2"], rows["L"], rows["a_1"])
    assert not load("rnn", [*changes("rnn"), "rounding.figures=3"]).rounding.places_of
    assert load("rnn", [*changes("rnn"), "rounding.places=5"]).rounding.places_of
    assert load("rnn", changes("rnn")).code != load("rnn").code


def test_sampled_text_leaves_out_what_it_does_not_calculate() -> None:
    """The forward pass over sampled letters has no loss and no gradient, and keeps the decimals of its states."""
    done = CliRunner().invoke(
        command,
        ["sample", "hello", "--letters", "2", *(w for c in ("h=2", "L=6", "dL=5") for w in ("--set", f"rounding.places_of.{c}"))],
    )
    assert done.exit_code == 0, done.output
    assert "(2 for h)" in re.sub(r"\s+", " ", done.output)


# -------------------------------------------------------------------- marking


@pytest.mark.parametrize("problem", chosen(["rnn", "classifier", "lstm", "fnn", "gru", "seq2seq", "training"], ["rnn"]))
def test_rounding_as_the_sheet_says_costs_nothing(problem: str) -> None:
    """Half up or half even, at every line or where it is written, zeros dropped, half of it blank: full marks."""
    calculator, key = Calculator(problem, tuple(changes(problem)), 4), Key(load(problem, changes(problem)))
    chance, lost = random.Random(problem), []
    for what, sheet in sheets(calculator, chance, (0, 0.5)):
        marks = check(key, sheet)
        lost += [f"{what}: {a.name} = {a.raw} is {a.verdict}" for a in marks.answers if a.raw and a.credit < a.out_of]
    assert lost == []


def test_three_decimals_are_enough_where_three_are_kept() -> None:
    """Of four common decimals a state with three has no fewer than it should; any other line has."""
    key = Key(load("rnn", ["rounding.places_of.h=3"]))
    answers = {"h_1": "0.537", "y_1": "0.3444", "dL/dy_1": "-0.156", "h_2": "0.910"}
    verdicts = {str(answer.name): answer.verdict for answer in check(key, answers).answers}
    assert {"h_1": "correct", "y_1": "correct", "dL/dy_1": "rough", "h_2": "correct"} == verdicts
    answers = {"h_1": "0.5370", "a_2": "1.5296", "h_2": "0.910"}
    assert "rough" == check(Key(load("rnn")), answers).answers[-1].verdict
    finer = Key(load("rnn", ["rounding.places_of.h=6"]))
    (answer,) = check(finer, {"h_1": "0.5370"}).answers
    assert ("rough", "the right number; give 6 decimals") == (answer.verdict, answer.message)


def test_a_worksheet_asks_for_the_decimals_of_each_line() -> None:
    """The digits beside each box are those that marking takes, and small numbers keep three figures."""
    problem = load("lstm", changes("lstm"))
    key = Key(problem)
    for position, asked in blanks_of(key).asked.items():
        own = Own(4, places_of=PROBLEMS["lstm"]).of(str(key.steps[position].target))
        assert asked.number == own.count or (asked.number > own.count and abs(key.exact[position]) < 10 ** (2 - own.count))
    text = as_text(worksheet(key), 80)
    assert "go on with 4 decimals (6 for c, 2 for a_f, 3 for dL/dh, 5 for other gradients);" in re.sub(r"\s+", " ", text)


def test_a_class_is_marked_as_each_sheet_of_it() -> None:
    """Columns of answers have the verdicts of single sheets, with the decimals of each line."""
    settings = changes("rnn")
    calculator, key = Calculator("rnn", tuple(settings), 4), Key(load("rnn", settings))
    rows = [sheet for _, sheet in sheets(calculator, random.Random(1), (0,))]
    names = [key.program.index[name] for name in map(Name.parse, rows[0])]
    quick = Columns(key, [key.steps[position].target for position in names])
    told, correct = quick.right([[*row.values()] for row in rows])
    assert len(told) > len(rows) / 2
    for place, words in zip(told, quick.words(correct), strict=True):
        assert [a.verdict for a in check(key, rows[place]).answers] == [*words]


@pytest.mark.exhaustive
def test_a_variant_has_the_worksheet_and_the_key_of_its_file(tmp_path: Path) -> None:
    """What is filled in for many variants at once is what each problem file gives by itself."""
    settings = [word for change in changes("rnn") for word in ("--set", change)]
    invoke = CliRunner().invoke
    assert invoke(command, ["vary", "rnn", "-n", "3", "--seed", "4", *settings, "-o", str(tmp_path / "out")]).exit_code == 0
    files = sorted((tmp_path / "out" / "problems").glob("*.toml"))
    assert len(files) == 3
    for file in files:
        for folder, words in (("worksheets", []), ("keys", ["--key"])):
            one = invoke(command, ["worksheet", str(file), *words, "-f", "markdown"])
            assert one.output == (tmp_path / "out" / folder / f"{file.stem}.md").read_text("utf-8")


# -------------------------------------------------------------------- exports


@pytest.mark.skipif(NODE is None and not os.environ.get("CI"), reason="node is not installed (Debian: nodejs)")
@pytest.mark.parametrize("problem", chosen(["rnn", "lstm", "classifier", "training"], ["rnn"]))
def test_the_page_has_the_digits_and_verdicts_of_python(problem: str) -> None:
    """The engine of the page prints every line and marks every sheet as Python does."""
    found = compared(problem, "", 3, changes=changes(problem))
    assert (found["count"], found["differ"]) == (0, [])
    same, count, others = agreement(problem, 12, changes=changes(problem))
    assert (same, others) == (count, [])


def test_a_workbook_rounds_and_formats_each_line() -> None:
    """The formulas round to the decimals of the line, and the cells show as many."""
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("xlsxwriter")
    key = Key(load("rnn", changes("rnn")))
    tab = openpyxl.load_workbook(BytesIO(workbook(key)))["Lines"]
    own, seen = Own(4, places_of=PROBLEMS["rnn"]), 0
    for row in range(5, tab.max_row + 1):
        name, cell = tab.cell(row, 2).value, tab.cell(row, 5)
        if not name or not str(cell.value).startswith("=ROUND("):
            continue
        places = own.of(name.replace("∂", "d").replace("′", "'")).count
        assert (cell.number_format, str(cell.value).rpartition(",")[2]) == ("0." + "0" * places, f"{places})"), name
        seen += 1
    assert seen > 30


@pytest.mark.exhaustive
@pytest.mark.parametrize("problem", ["rnn", "lstm", "classifier"])
def test_a_workbook_recalculates_to_its_sheet(problem: str, tmp_path: Path) -> None:
    """LibreOffice calculates every line to its printed digits."""
    pytest.importorskip("xlsxwriter")
    file = tmp_path / "book.xlsx"
    file.write_bytes(workbook(Key(load(problem, changes(problem)))))
    column = [row[4] for row in recalculated(tmp_path, file)["Lines"][4:] if len(row) > 4]
    results = sorted(float(text) for text in column if re.fullmatch(r"-?[\d.]+(E-\d+)?", text))
    values = solved(problem).values
    pairs = zip(values.program, values.numbers, strict=True)
    wanted = sorted(float(number) for step, number in pairs if step.rule is not None and not step.repeats)
    assert len(results) == len(wanted) > 20
    assert all(abs(one - other) < 1e-9 for one, other in zip(results, wanted, strict=True))


def test_an_item_of_qti_judges_by_the_decimals_of_each_line() -> None:
    """One unit of the last place of a line that keeps decimals is that of its quantity."""
    key = Key(load("rnn", changes("rnn")))
    blanks = blanks_of(key)
    root = ElementTree.fromstring(item(key, blanks))
    own = Own(4, places_of=PROBLEMS["rnn"])
    units: dict[str, set[float]] = {}
    for put in root.iter():
        if put.tag.endswith("set-outcome-value"):
            numbers = (
                float(one.text or "") for one in put.iter() if one.tag.endswith("base-value") and one.get("base-type") == "float"
            )
            units.setdefault(put.get("identifier", ""), set()).update(numbers)
    for position, asked in blanks.asked.items():
        usual = own.of(str(key.steps[position].target)).count
        assert (10.0**-usual in units[f"N{position}"]) and asked.number >= usual, key.steps[position].target
        assert not {10.0**-other for other in range(2, 7) if other < usual} & units[f"N{position}"]


def test_other_platforms_ask_for_the_decimals_of_each_line() -> None:
    """Moodle and Canvas name them in the question, and take what rounds to them."""
    key = Key(load("rnn", changes("rnn")))
    blanks = blanks_of(key, ["h_1", "L", "a_1"])
    assert {"(3 decimals)", "(6 decimals)", "(4 decimals)"} == set(
        re.findall(r"\(\d decimals\)", "".join(questions(key, blanks)))
    )
    text = quiz(key, blanks)
    assert ["4 decimals", "3 decimals", "4 decimals"] == re.findall("with (\\d decimals)", text)
    assert "10^2" in text  # Canvas keeps four decimals of a number, so the loss is asked for times a power of ten
