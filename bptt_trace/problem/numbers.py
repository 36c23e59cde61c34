"""Given numbers, read exactly and kept as typed."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from bptt_trace.errors import ProblemError

MAX_DIGITS = 40
MAX_MAGNITUDE = 30


class Number(NamedTuple):
    """A given number: its exact value, and the text that was typed."""

    value: Fraction
    text: str

    @property
    def is_fraction(self) -> bool:
        """Whether it was typed with a stroke: ``1/3``."""
        return "/" in self.text


def counted(count: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "decimal"), counted(4, "decimal")
    ('1 decimal', '4 decimals')
    """
    return f"{count} {what}{'' if count == 1 else 's'}"


def exact_number(value: Any, path: str) -> Number:
    """An exact number: an integer, a decimal, or a fraction in a string.

    Raises ``ProblemError`` for everything else: text, truth values, NaN,
    infinity, and numbers too large or too long to work with by hand.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ProblemError(f"{shown(value)} is not a number", path=path)
    if isinstance(value, str):
        return _typed(value, path)
    if isinstance(value, int):
        if abs(value) >= 10**MAX_MAGNITUDE:
            raise ProblemError(f"{shown(value)} is out of range; numbers below 10^{MAX_MAGNITUDE} are possible", path=path)
        return Number(Fraction(value), str(value))
    return _exact(value, path)


def _typed(text: str, path: str) -> Number:
    """A number in a string: ``"1/3"``, ``"0.5"``."""
    match = re.fullmatch(r"([+-]?[0-9]{1,20})/([0-9]{1,20})", text.strip(), re.ASCII)
    if match and int(match[2]):
        return Number(Fraction(int(match[1]), int(match[2])), f"{int(match[1])}/{int(match[2])}")
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text.strip(), re.ASCII) and len(text) <= 64:
        return _exact(Decimal(text.strip()), path)
    raise ProblemError(f'{shown(text)} is not a number; expected a decimal or a fraction such as "1/3"', path=path)


def _exact(value: Decimal, path: str) -> Number:
    if not value.is_finite():
        raise ProblemError(f"{value} is not a finite number", path=path)
    if value and not -MAX_MAGNITUDE <= value.adjusted() < MAX_MAGNITUDE:
        raise ProblemError(
            f"{shown(value)} is out of range; numbers from 10^-{MAX_MAGNITUDE} to 10^{MAX_MAGNITUDE} are possible", path=path
        )
    if len(value.as_tuple().digits) > MAX_DIGITS:
        raise ProblemError(f"a number of more than {MAX_DIGITS} digits", path=path)
    if not value:
        typed = f"{abs(value):f}"
        return Number(Fraction(0), typed if len(typed) <= 10 else "0")
    return Number(Fraction(value), f"{value:f}")


def shown(value: Any) -> str:
    """A value for a message: shortened, and safe for a terminal."""
    if isinstance(value, Decimal):
        text = str(value)
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, dict):
        text = "a table"
    elif isinstance(value, int) and value.bit_length() > 400:
        text = "an integer of more than 120 digits"
    else:
        try:
            text = json.dumps(value, default=str)
        except (ValueError, RecursionError):
            text = "a list"
    return text if len(text) <= 60 else text[:57] + "…"
