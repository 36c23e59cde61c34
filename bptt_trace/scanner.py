"""A number as a student types it.

A linear scanner of its own: nothing here evaluates what it reads. Answers are
text, kept as they are; what is read is a decimal with the precision that was
typed, or nothing, or unreadable with the reason.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

MAX_LENGTH, MAX_DIGITS, MAX_EXPONENT = 64, 40, 300

_MINUS = dict.fromkeys(map(ord, "\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d"), "-")
_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u200a\u202f\u200b\u200c\u200d\u2060\ufeff"), "")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:(?P<mark>[.,])(?P<part>[0-9]*))?"
    r"(?:[eE](?P<e>[+-]?[0-9]{1,4})"
    r"| ?[x×*·] ?10(?:\^|\*\*)(?P<power>[+-]?[0-9]{1,4})"
    r"| ?[x×*·] ?10(?P<raised>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4}))?"
)
_PLAIN = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")


class Reading(NamedTuple):
    """What a cell says."""

    value: Decimal | None
    """None where it is blank or cannot be read."""
    decimals: int = 0
    """How many decimals were typed; ``2.9e-4`` has five."""
    digits: int = 0
    """How many significant digits were typed."""
    reason: str = ""
    """Why it cannot be read; empty for a blank."""

    @property
    def blank(self) -> bool:
        """Whether nothing was written."""
        return self.value is None and not self.reason


BLANK = Reading(None)


def read(text: str, *, decimal_comma: bool = False) -> Reading:
    """The number in a cell; with ``decimal_comma`` a comma is never anything else.

    >>> read("−0,1515").value, read("2.9e-4").decimals, read("nan").reason
    (Decimal('-0.1515'), 5, 'no number')
    """
    if _PLAIN.fullmatch(text):  # the common case
        whole, _, part = text.partition(".")
        return Reading(Decimal(text), len(part), len((whole.lstrip("-") + part).lstrip("0")))
    if len(text) > 4 * MAX_LENGTH:
        return Reading(None, reason=f"more than {MAX_LENGTH} characters")
    plain = text.translate(_SPACES).translate(_MINUS).strip(" \t\r\n")
    if not plain:
        return BLANK
    if len(plain) > MAX_LENGTH:
        return Reading(None, reason=f"more than {MAX_LENGTH} characters")
    match = _NUMBER.fullmatch(plain)
    if match is None or not (match["whole"] or match["part"]):
        return Reading(None, reason="no number")
    return _number(match, decimal_comma)


def _number(match: re.Match[str], decimal_comma: bool) -> Reading:
    whole, part = match["whole"], match["part"] or ""
    if match["mark"] == "," and not decimal_comma and re.fullmatch("[1-9][0-9]{0,2}", whole) and len(part) == 3:
        return Reading(None, reason=f"{whole},{part} can be two numbers: write {whole}.{part}, or {whole}{part}")
    if len(whole) + len(part) > MAX_DIGITS:
        return Reading(None, reason=f"more than {MAX_DIGITS} digits")
    exponent = int(match["e"] or match["power"] or (match["raised"] or "0").translate(_RAISED))
    if abs(exponent) > MAX_EXPONENT:
        return Reading(None, reason=f"a power of ten beyond {MAX_EXPONENT}")
    digits = whole + part
    value = Decimal((match["sign"] == "-", tuple(map(int, digits)), exponent - len(part)))
    return Reading(value, max(len(part) - exponent, 0), len(digits.lstrip("0")))
