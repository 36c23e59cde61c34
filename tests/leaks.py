"""What must not stand in a file for students: the digits of a result that is left to them, in plain sight or encoded."""

from __future__ import annotations

import re
from base64 import b64decode
from decimal import Decimal
from functools import cache

from sweeps import key as key_of
from sweeps import solution as example

from bptt_trace.handouts.blanks import blanks_of


@cache
def secrets(name: str) -> frozenset[str]:
    """The results of all blanks of an example with the digits that the worked solution prints, or that are asked for."""
    key, printed = key_of(name), example(name, steps="full").values
    given = {number.text.lstrip("-") for number in printed.given.values()}
    found = set()
    for position in blanks_of(key).asked:
        found.add(str(abs(printed.numbers[position])))
        found.add(f"{abs(key.exact[position]):.{max(key.places[position], 0)}f}")
        if abs(abs(printed.numbers[position]) - abs(Decimal(key.exact[position]))) > Decimal(
            "1e-12"
        ):  # not the noise of a double
            found.add(repr(abs(key.exact[position])))
    return frozenset(text for text in found - given if len(text.partition(".")[2].rstrip("0")) > 2 and "E" not in text)


def leaked(name: str, text: str) -> set[str]:
    """The secrets of an example that stand in a text, or in what it holds in base 64."""
    encoded = re.findall(r"base64,([A-Za-z0-9+/=]+)", text)
    everything = "\n".join([text, *(b64decode(one).decode("utf-8") for one in encoded)])
    return set(re.findall(r"(?<![\w.])\d+\.\d+(?:e-?\d+)?", everything)) & secrets(name)
