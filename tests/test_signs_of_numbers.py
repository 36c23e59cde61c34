"""Other signs of multiplication, and powers of ten where they are shorter: sheets with them obey the same law."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from click.testing import CliRunner
from law import evaluate, number
from sweeps import abreast, at_once, of_examples, paired, solution
from test_decimal_comma import printed
from test_law import Digits, lines_of, obey, solved_functions

from bptt_trace import check, load, solve
from bptt_trace.commands import command
from bptt_trace.document.locale import Locale
from bptt_trace.document.notation import LATEX, MATHML, TYPST, UNICODE
from bptt_trace.exports.page.page import page
from bptt_trace.lines.spelling import shorter
from bptt_trace.media.drawing.svg import pictures
from bptt_trace.media.sheet_json import write_json
from bptt_trace.problem.rounding import Rounding

MEDIA = ("markdown", "latex", "html", "terminal-80-unicode", "terminal-120-ascii", "terminal-60-unicode")
CROSSES = {"×": "·", r"\times": r"\cdot"}
SCIENTIFIC = 'rounding.notation="scientific"'


def with_dots(text: str) -> str:
    """What the reader with the calculator reads."""
    for cross, dot in CROSSES.items():
        text = text.replace(cross, dot)
    return text.replace("dE/", "dL/").replace(r"\partial E", r"\partial L")  # what Mazur calls the loss


def digits_of(rounding: str) -> Digits:
    """What a sheet keeps under a rounding of one digit and ``dp`` or ``sf``."""
    return Digits(int(rounding[0]), figures=rounding.endswith("sf"))


# ------------------------------------------------------------------- multiplication


@pytest.mark.parametrize(("name", "sign", "medium"), abreast(of_examples(), ["cross", "none"], MEDIA))
def test_every_line_recomputes_with_another_sign(name: str, sign: str, medium: str) -> None:
    """Between numbers always stands a sign, and a cross where the lecturer wants it; no dot is left."""
    sheet = replace(solution(name, rounding="4dp", steps="full").sheet, locale=Locale(multiplication=sign))
    text = printed(sheet, medium)
    if sign == "cross" and medium.split("-")[0] in ("latex", "html", "markdown"):
        assert not re.search(r"\\cdot(?!\))|<mo>·</mo>", re.sub(r"(?s)\\def\\cdot.*?\n|\\let.*?\n", "", text))
    assert obey(lines_of(with_dots(text), medium), digits_of("4dp"), solved_functions()) >= 6


@pytest.mark.parametrize("name", ["rnn3", "lstm", "adam", "fnn", "mazur"])
def test_names_beside_each_other_are_multiplied(name: str) -> None:
    """With a sign put between any two names that have only a space between them, a formula is the usual one."""
    one, medium = solution(name, steps="full"), "terminal-120-unicode"
    usual, without = (
        [
            row.formula
            for section in lines_of(printed(replace(one.sheet, locale=Locale(multiplication=sign)), medium), medium)
            for row in section
        ]
        for sign in ("dot", "none")
    )
    named = r"[A-Za-zα-ω]\w*(?:/d\w+)?(?: via \w+)?'?(?:@\d+)?(?![\w(])"
    assert [re.sub(rf"(?<![\w)²] )(?<!\w)({named}) · (?={named})", r"\1 ", formula) for formula in usual] == without
    assert sum(" · " in formula for formula in usual) > sum(" · " in formula for formula in without)


@pytest.mark.parametrize(
    ("signs", "cross"),
    [(UNICODE, "{} × {}"), (LATEX, r"{} \times {}"), (TYPST, "{}×{}"), (MATHML, "<mo>×</mo>{}")],
    ids=["unicode", "latex", "typst", "mathml"],
)
def test_each_notation_has_a_cross(signs: object, cross: str) -> None:
    """In its products, and before its powers of ten."""
    own = Locale(multiplication="cross").notation(signs)  # type: ignore[arg-type]
    assert own.times.pattern.endswith(cross)
    assert "×" in own.numeral("1.5e-7") or r"\times" in own.numeral("1.5e-7")


def test_a_comma_and_a_cross_go_together() -> None:
    """A sheet in German with crosses."""
    signs = Locale.of("de", multiplication="cross").notation(LATEX)
    assert r"1{,}5 \times 10^{-7}" == signs.numeral("1.5e-7")


def test_pictures_have_the_sign_too() -> None:
    """The factors of the bars."""
    sheet = replace(solution("vanishing").sheet, locale=Locale(multiplication="cross"))
    drawn = "".join(pictures(sheet).values())
    assert "×" in drawn
    assert "· " not in drawn


def test_the_command_line_has_it_and_machines_do_not_see_it() -> None:
    """``--multiplication`` is the key of the handout; JSON and programs stay as they are."""
    shown = CliRunner().invoke(command, ["solve", "rnn", "--multiplication", "cross"]).stdout
    assert "w_xh × x_t + w_hh × h_(t−1)" in shown
    assert shown == CliRunner().invoke(command, ["solve", "rnn", "--set", "handout.multiplication=cross"]).stdout
    for form in ("json", "python", "numpy"):
        usual, crossed = (
            CliRunner().invoke(command, ["solve", "rnn", "-f", form, *more]).stdout
            for more in ([], ["--multiplication", "cross"])
        )
        assert usual == crossed
    wrong = CliRunner().invoke(command, ["solve", "rnn", "--set", "handout.multiplication=star"])
    assert wrong.exit_code
    assert "one of dot, cross, none" in str(wrong.exception)


def test_a_localised_sheet_stays_plain_for_layouts() -> None:
    """JSON of a sheet that is printed with crosses."""
    sheet = solution("rnn").sheet
    assert list(write_json(replace(sheet, locale=Locale(multiplication="none")))) == list(write_json(sheet))


# ---------------------------------------------------------------- scientific notation


@at_once(
    ("text", "power"),
    [
        ("0.0000012", "1.2e-6"), ("1200000000", "1.2e9"), ("-0.00000001", "-1e-8"), ("0.0012", "0.0012"), ("0.0000", "0.0000"),
        ("123456", "123456"), ("100000", "1e5"), ("10000", "10000"), ("1/3", "1/3"), ("1.5e-7", "1.5e-7"),
        ("0.00001230", "0.00001230"),
        ("0.000001230", "1.230e-6"), ("1200000000.0000", "1200000000.0000"),
    ],
)  # fmt: skip
def test_a_power_of_ten_stands_where_it_is_shorter(text: str, power: str) -> None:
    """It has the same value and the same digits that count."""
    assert power == shorter(text)
    assert Decimal(text) == Decimal(power) if "/" not in text else text == power


TINY = ("x=[0.0000012,-1200000000,0.00000003]", "w_xh=0.000004", "learning_rate=0.00001")


@pytest.mark.parametrize(("rounding", "medium"), paired(["3sf", "5sf", "4dp", "9dp"], MEDIA))
def test_every_line_recomputes_with_powers_of_ten(rounding: str, medium: str) -> None:
    """Tiny and huge numbers among the given ones and the results."""
    text = printed(solution("rnn3", (SCIENTIFIC, *TINY), rounding=rounding, steps="full").sheet, medium)
    assert obey(lines_of(text, medium), digits_of(rounding), solved_functions()) >= 6
    spelled = {"markdown": r"1.2 \cdot 10^{-6}", "latex": r"1.2 \cdot 10^{-6}", "html": "<mn>1.2</mn><mo>·</mo><msup><mn>10</mn>"}
    assert spelled.get(medium, "1.2e-6" if "ascii" in medium else "1.2·10⁻⁶") in text


@pytest.mark.parametrize(("name", "rounding", "medium"), abreast(of_examples(), ["4sf", "7dp"], MEDIA))
def test_every_example_recomputes_with_powers_of_ten(name: str, rounding: str, medium: str) -> None:
    """The law holds, whatever is printed with a power."""
    text = printed(solution(name, (SCIENTIFIC,), rounding=rounding, steps="full").sheet, medium)
    assert obey(lines_of(with_dots(text), medium), digits_of(rounding), solved_functions()) >= 6


@pytest.mark.parametrize("form", ["python", "numpy", "json"])
def test_values_are_the_same(form: str) -> None:
    """Powers of ten change no value."""
    from test_code import last_line

    one = solve(load("rnn3", [SCIENTIFIC, *TINY]), rounding="5sf")
    assert one.values.numbers == solve(load("rnn3", TINY), rounding="5sf").values.numbers
    if form != "json":
        assert last_line(one.to_code(form)).startswith("All ")


def test_the_code_of_a_sheet_does_not_know_how_numbers_are_written() -> None:
    """Sheets with the same numbers belong together, and the page has their digits."""
    assert load("rnn").code == load("rnn", [SCIENTIFIC]).code
    one = load("rnn", ["w_xh=0.0000024"])
    assert page(one) == page(load("rnn", ["w_xh=0.0000024", SCIENTIFIC]))


@at_once(
    "written", ["1.2e-6", "1.2E-6", "1.2·10^-6", "1.2 · 10^-6", "1.2 x 10^-6", "1.2×10^-6", "1,2·10^-6", "1.2·10⁻⁶", "0.0000012"]
)
def test_answers_may_have_powers_of_ten(written: str) -> None:
    """However they are written."""
    problem = load("rnn", ["w_xh=0.0000024", "w_hh=0", "b_h=0", "x=[0.5,1]"]).rounded(Rounding.parse("2sf"))
    marks = check(problem, {"a_1": written})
    assert [("a_1", "correct")] == [(str(answer.name), answer.verdict) for answer in marks.answers if answer.verdict != "blank"]


@pytest.mark.parametrize("text", ["1.5·10⁻⁷", "1.5e-7", r"1.5 \cdot 10^{-7}"])
def test_the_calculator_reads_powers_of_ten(text: str) -> None:
    """In every spelling."""
    assert Fraction(15, 10**8) == number(text)
    assert 2 * Fraction(15, 10**8) == evaluate(f"({text}) + {text}", {})
