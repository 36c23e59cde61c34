"""Printed numbers as sentences read them: without a sign, or in percent."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal


def size(text: str) -> str:
    """A number without its sign.

    >>> size("-0.2400")
    '0.2400'
    """
    return text.removeprefix("-")


def percent(text: str) -> str:
    """The size of a share in percent, with two significant figures.

    >>> percent("0.1544"), percent("0.00033"), percent("-1.5")
    ('15', '0.033', '150')
    """
    two = Context(prec=2, rounding=ROUND_HALF_UP)
    return f"{two.plus(abs(Decimal(text)) * 100):f}"


def whole_percent(text: str) -> str:
    """A part of 1 in whole percent.

    >>> whole_percent("0.8700"), whole_percent("0.005")
    ('87', '1')
    """
    return str((Decimal(text) * 100).to_integral_value(ROUND_HALF_UP))


READINGS = (size, percent, whole_percent)
