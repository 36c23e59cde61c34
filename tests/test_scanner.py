"""One number in a student's text: what is read, what is not and why, and that nothing is ever evaluated."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import at_once

from bptt_trace.marking.answer_number import MAX_DIGITS, MAX_EXPONENT, MAX_LENGTH, read

MINUS = "-\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d"
SPACES = "\u00a0\u2007\u2009\u200a\u202f\u200b\u200c\u200d\u2060\ufeff"
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


# ------------------------------------------------------------------------ read


READ: list[tuple[str, str, int, int]] = [  # text, value, decimals, significant digits
    ("0.2913", "0.2913", 4, 4),
    ("-0.2913", "-0.2913", 4, 4),
    ("+0.2913", "0.2913", 4, 4),
    (".2913", "0.2913", 4, 4),
    ("-.5", "-0.5", 1, 1),
    ("5.", "5", 0, 1),
    ("5,", "5", 0, 1),
    ("12", "12", 0, 2),
    ("0.0500", "0.05", 4, 3),
    ("007", "7", 0, 1),
    ("0", "0", 0, 0),
    ("-0.0", "0", 1, 0),
    ("0,4621", "0.4621", 4, 4),
    ("0,462", "0.462", 3, 3),
    ("-0,462", "-0.462", 3, 3),
    ("1,23", "1.23", 2, 3),
    ("1,2345", "1.2345", 4, 5),
    ("1234,567", "1234.567", 3, 7),
    ("2.9e-4", "0.00029", 5, 2),
    ("2.9E-4", "0.00029", 5, 2),
    ("2.9e4", "29000", 0, 2),
    ("2.9e+04", "29000", 0, 2),
    ("2,9·10^-4", "0.00029", 5, 2),
    ("2.9×10⁻⁴", "0.00029", 5, 2),
    ("2.9 × 10⁻⁴", "0.00029", 5, 2),
    ("2.9x10^-4", "0.00029", 5, 2),
    ("2.9*10**-4", "0.00029", 5, 2),
    ("2.9·10^\u22124", "0.00029", 5, 2),
    ("3×10²", "300", 0, 1),
    ("3×10⁺²", "300", 0, 1),
    ("−0.2913", "-0.2913", 4, 4),
    ("–0.2913", "-0.2913", 4, 4),
    ("0.29\u00a0", "0.29", 2, 2),
    ("\ufeff0.29", "0.29", 2, 2),
    ("\t 0.29 \r\n", "0.29", 2, 2),
    ("- 0.29".replace(" ", "\u2009"), "-0.29", 2, 2),
    ("1e300", "1e300", 0, 1),
    ("1e-300", "1e-300", 300, 1),
]


@at_once(("text", "value", "decimals", "digits"), READ)
def test_a_number_is_read_with_the_precision_that_was_typed(text: str, value: str, decimals: int, digits: int) -> None:
    """The value is exact; ``2.9e-4`` has five decimals and two significant digits."""
    reading = read(text)
    assert (Decimal(value), decimals, digits, "") == (reading.value, reading.decimals, reading.digits, reading.reason)
    assert not reading.blank


@pytest.mark.parametrize("text", ["", " ", "\t\r\n", "\u00a0", "\u200b\u2060\ufeff", " " * 200])
def test_white_space_is_a_blank(text: str) -> None:
    """A blank has no value and no reason."""
    reading = read(text)
    assert reading.blank
    assert (None, "") == (reading.value, reading.reason)


# ------------------------------------------------------------------ unreadable


CODE = [
    "9**9**9**9", "__import__('os').getpid()", "().__class__.__base__", "factorial(10**8)", "0x1F", "1j", "1+1",
    "2*3", "=1+1", "@SUM(A1)", '=HYPERLINK("http://x","y")', "<script>alert(1)</script>", "[x](javascript:alert(1))",
    "\\input{/etc/passwd}", "\\write18{id}", "^^5cinput", "{{7*7}}", "{0.__class__}",
    "\x1b]0;owned\x07", "]]>", "|", "`0.29`", "\ud800",
]  # fmt: skip
WORDS = [
    "nan", "NaN", "-NaN", "sNaN", "inf", "-Infinity", "∞", "true", "null", "zero", "x", "e", "e5", ".e5", "1e", "1e+", "10^",
    "×10⁻⁴", "0.29 or 0.31", "0.2..0.4", "0.2.4", "0,2,4", "1.234,5", "1,234.5", "≈0.29", "~0.29", "0.29?", "0.29 V", "50%",
    "(0.29)", "1 000", "1_000", "٠٫٢٩", "１２", "०.२९", "²", "1²", "½",
    "0.29\u202e31", "0.\u00ad29", "--1", "+-1", "- 1", "-", "+", ".", ",", "-.",
    "1\n2", "0.29\0", "1e999999999", "10⁻4", "2.9×10⁻⁴⁰⁰⁰⁰", "1/", "/3", "1//3", "1/2/3", "0.5/2", "1/-3", "1 1/2", "1/3x",
]  # fmt: skip


@at_once("text", CODE + WORDS)
def test_what_is_no_number_is_unreadable(text: str) -> None:
    """Code, markup, two numbers, digits of other scripts, and words for no number have no value, and a reason."""
    for mark in ("", ",", "."):
        reading = read(text, mark=mark)
        assert (None, "no number", False) == (reading.value, reading.reason, reading.blank)


@at_once(
    ("text", "reason"),
    [
        ("1e309", "a power of ten beyond 300"),
        ("1e-301", "a power of ten beyond 300"),
        ("1·10^9999", "a power of ten beyond 300"),
        ("1×10⁹⁹⁹", "a power of ten beyond 300"),
        ("9" * 41, "more than 40 digits"),
        ("0." + "3" * 40, "more than 40 digits"),
        ("0" * 41, "more than 40 digits"),
        ("9" * 65, "more than 64 characters"),
        ("9" * 5000, "more than 64 characters"),
        (" " * 5000, "more than 64 characters"),
        ("x" * 1_000_000, "more than 64 characters"),
        ("1/0", "a division by zero"),
        ("-3/00", "a division by zero"),
    ],
)
def test_a_number_beyond_the_bounds_is_unreadable(text: str, reason: str) -> None:
    """At most 64 characters, 40 digits and a power of ten of 300, and the reason says which."""
    reading = read(text)
    assert (None, reason) == (reading.value, reading.reason)


@pytest.mark.parametrize("text", ["9" * 40, "0." + "3" * 39, "-" + "1" * 20 + "," + "2" * 20, "1e300", "1e-300", "0" * 40])
def test_a_number_at_the_bounds_is_read(text: str) -> None:
    """Forty digits are read, every one of them."""
    assert Decimal(text.replace(",", ".")) == read(text).value


# --------------------------------------------------------------- decimal comma


@pytest.mark.parametrize("text", ["1,234", "-1,234", "12,345", "999,000", "−1,234", "1,234e2", "1,234·10^2"])
def test_a_comma_before_three_digits_is_ambiguous(text: str) -> None:
    """``1,234`` is unreadable, and the reason says both ways to write it, unless the problem states its locale."""
    reading = read(text)
    assert reading.value is None
    assert "can be two numbers: write " in reading.reason
    assert Decimal(text.replace(",", ".").replace("−", "-").replace("·10^", "e")) == read(text, mark=",").value
    assert Decimal(text.replace(",", "").replace("−", "-").replace("·10^", "e")) == read(text, mark=".").value


@pytest.mark.parametrize("text", ["0,234", "00,234", "1234,567", "1,23", "1,2340", ",234", "1.234"])
def test_no_other_comma_is_ambiguous(text: str) -> None:
    """Where nobody groups thousands, one comma is a decimal comma; a point always is the decimal point."""
    assert Decimal(text.replace(",", ".")) == read(text).value == read(text, mark=",").value == read(text, mark=".").value


# -------------------------------------------------------------------- fractions


@given(
    above=st.integers(-(10**20) + 1, 10**20 - 1), below=st.integers(1, 10**20 - 1), sign=st.sampled_from(["/", " / ", "⁄", "∕"])
)
def test_a_fraction_is_read_to_forty_digits(above: int, below: int, sign: str) -> None:
    """``3/8`` is 0.375, and ``1/3`` lies within one part in 10^39 of a third; no digit of it counts as missing."""
    reading = read(f"{above}{sign}{below}")
    assert reading.value is not None
    assert abs(Fraction(reading.value) - Fraction(above, below)) <= abs(Fraction(above, below)) / 10**39
    assert (MAX_DIGITS, MAX_DIGITS, "") == (reading.decimals, reading.digits, reading.reason)


# ------------------------------------------------------------------ properties


NUMBERISH = st.text(st.sampled_from("0123456789.,eE+-×x*·^ ⁰¹⁴⁻" + MINUS + SPACES), max_size=80)


@given(text=st.one_of(st.text(max_size=300), NUMBERISH), mark=st.sampled_from(["", ",", "."]))
def test_any_text_is_a_number_a_blank_or_unreadable(text: str, mark: str) -> None:
    """Nothing is raised; a value is finite, of at most 40 digits and an exponent that can be worked with."""
    reading = read(text, mark=mark)
    assert [reading.value is not None, bool(reading.reason), reading.blank].count(True) == 1
    if reading.value is not None:
        assert reading.value.is_finite()
        assert len(reading.value.as_tuple().digits) <= MAX_DIGITS
        assert abs(reading.value.adjusted()) <= MAX_EXPONENT + MAX_DIGITS
        assert 0 <= reading.digits <= MAX_DIGITS
        assert 0 <= reading.decimals <= MAX_EXPONENT + MAX_DIGITS


@given(
    units=st.integers(-(10**20), 10**20),
    places=st.integers(0, 20),
    minus=st.sampled_from(MINUS),
    before=st.text(st.sampled_from(SPACES + " \t"), max_size=3),
    after=st.text(st.sampled_from(SPACES + " \t\r\n"), max_size=3),
    comma=st.booleans(),
)
def test_a_decimal_is_read_back_exactly(units: int, places: int, minus: str, before: str, after: str, comma: bool) -> None:
    """With any minus, a point or a comma, and any space around it."""
    value = Decimal(units).scaleb(-places)
    text = f"{value:f}".replace("-", minus)
    reading = read(before + (text.replace(".", ",") if comma else text) + after, mark="," if comma else "")
    assert (value, places, "") == (reading.value, reading.decimals, reading.reason)


NOTATIONS = ["{}e{}", "{}E{}", "{}x10^{}", "{}×10^{}", "{} × 10^{}", "{}·10^{}", "{} · 10**{}", "{}*10**{}"]


@given(
    units=st.integers(-(10**15), 10**15),
    places=st.integers(0, 15),
    power=st.integers(-MAX_EXPONENT, MAX_EXPONENT),
    minus=st.sampled_from(MINUS),
    comma=st.booleans(),
    space=st.sampled_from(["", *SPACES]),
    notation=st.sampled_from([*NOTATIONS, "raised"]),
)
def test_a_power_of_ten_is_read_back_exactly(
    units: int, places: int, power: int, minus: str, comma: bool, space: str, notation: str
) -> None:
    """``2.9e-4``, ``2,9·10^-4`` and ``2.9×10⁻⁴`` are one number, with the decimals that it has when written out."""
    mantissa = f"{Decimal(units).scaleb(-places):f}".replace(".", "," if comma else ".").replace("-", minus)
    if notation == "raised":
        text = f"{mantissa}×10{str(power).translate(RAISED)}"
    else:
        text = notation.format(mantissa, str(power).replace("-", minus))
    reading = read(text + space, mark="," if comma else "")
    assert Decimal(units).scaleb(power - places) == reading.value
    assert max(places - power, 0) == reading.decimals


@given(text=NUMBERISH.filter(lambda text: len(text) <= MAX_LENGTH))
def test_a_comma_and_a_point_are_one_sign_where_the_locale_is_stated(text: str) -> None:
    """With a decimal comma, the text with points in place of commas has the same value."""
    assert read(text.replace(",", "."), mark=",").value == read(text, mark=",").value
