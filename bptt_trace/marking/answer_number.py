"""A number as a student types it.

A linear scanner of its own: nothing here evaluates what it reads. Answers are
text, kept as they are; what is read is a decimal with the precision that was
typed, or nothing, or unreadable with the reason.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import NamedTuple

from bptt_trace.document.sentences import say

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
_FRACTION = re.compile(r"(?P<above>[+-]?[0-9]{1,20}) ?[/⁄∕] ?(?P<below>[0-9]{1,20})")
_ENOUGH = Context(prec=MAX_DIGITS)
_PLAIN = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")


class Reading(NamedTuple):
    """The reading of a cell."""

    value: Decimal | None
    """None where it is blank or cannot be read."""
    decimals: int = 0
    """The number of typed decimals; ``2.9e-4`` has five, a fraction as many as its value keeps."""
    digits: int = 0
    """The number of typed significant digits."""
    reason: str = ""
    """Why it cannot be read; empty for a blank."""

    @property
    def blank(self) -> bool:
        """Whether nothing was written."""
        return self.value is None and not self.reason


BLANK = Reading(None)


def read(text: str, *, mark: str = "") -> Reading:
    """The number in a cell.

    ``mark`` is the decimal mark that the sheet as a whole shows: beside a ``,`` a comma
    is never anything else, beside a ``.`` it separates thousands where it can.

    >>> read("−0,1515").value, read("2.9e-4").decimals, read("3/8").value, read("nan").reason
    (Decimal('-0.1515'), 5, Decimal('0.375'), 'no number')
    """
    if _PLAIN.fullmatch(text):  # the common case
        whole, _, part = text.partition(".")
        return Reading(Decimal(text), len(part), len((whole.lstrip("-") + part).lstrip("0")))
    if len(text) > 4 * MAX_LENGTH:
        return Reading(None, reason=say("more than {n} characters", n=MAX_LENGTH))
    plain = text.translate(_SPACES).translate(_MINUS).strip(" \t\r\n")
    if not plain:
        return BLANK
    if len(plain) > MAX_LENGTH:
        return Reading(None, reason=say("more than {n} characters", n=MAX_LENGTH))
    fraction = _FRACTION.fullmatch(plain)
    if fraction is not None:
        return _quotient(Decimal(fraction["above"]), Decimal(fraction["below"]))
    match = _NUMBER.fullmatch(plain)
    if match is None or not (match["whole"] or match["part"]):
        return Reading(None, reason=say("no number"))
    return _number(match, mark)


def _quotient(above: Decimal, below: Decimal) -> Reading:
    """A fraction is an exact number: all of its digits count as typed."""
    if not below:
        return Reading(None, reason=say("a division by zero"))
    return Reading(_ENOUGH.divide(above, below), MAX_DIGITS, MAX_DIGITS)


def _number(match: re.Match[str], mark: str) -> Reading:
    whole, part = match["whole"], match["part"] or ""
    if match["mark"] == "," and mark != "," and re.fullmatch("[1-9][0-9]{0,2}", whole) and len(part) == 3:
        if mark != ".":
            return Reading(
                None,
                reason=say("{whole},{part} can be two numbers: write {whole}.{part}, or {whole}{part}", whole=whole, part=part),
            )
        whole, part = whole + part, ""
    if len(whole) + len(part) > MAX_DIGITS:
        return Reading(None, reason=say("more than {n} digits", n=MAX_DIGITS))
    exponent = int(match["e"] or match["power"] or (match["raised"] or "0").translate(_RAISED))
    if abs(exponent) > MAX_EXPONENT:
        return Reading(None, reason=say("a power of ten beyond {n}", n=MAX_EXPONENT))
    digits = whole + part
    value = Decimal((match["sign"] == "-", tuple(map(int, digits)), exponent - len(part)))
    return Reading(value, max(len(part) - exponent, 0), len(digits.lstrip("0")))
