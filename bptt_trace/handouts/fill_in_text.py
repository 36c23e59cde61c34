"""Sheets that are typeset once and filled in many times.

A sheet is rendered with a sign of its own in place of each number; the text is
cut at these signs, and a filled-in sheet is its pieces with strings between.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

FIRST, LAST = 0xF0000, 0x10FFFC
"""Private signs of Unicode, which no text has (the last two of each plane are none)."""
PLANE = 0xFFFE
PAD = "\U0010fffd"
"""Makes a hole as wide as what will stand in it, for whoever looks at the length of a text."""
MOST = 2 * PLANE - 2
_HOLE = re.compile(f"([{chr(FIRST)}-{chr(LAST)}]){PAD}*")


def hole(number: int, like: str = "") -> str:
    """The sign of a hole, as wide as this text."""
    plane, place = divmod(number, PLANE)
    return chr(FIRST + 0x10000 * plane + place) + PAD * (len(like) - 1)


class Form:
    """A text with holes in it."""

    def __init__(self, text: str) -> None:
        pieces = _HOLE.split(text)
        self.literals = pieces[::2]
        self.holes = [self._number(sign) for sign in pieces[1::2]]

    @staticmethod
    def _number(sign: str) -> int:
        plane, place = divmod(ord(sign) - FIRST, 0x10000)
        return plane * PLANE + place

    def fill(self, strings: Sequence[str]) -> str:
        """The text with a string in each hole, by its number."""
        pieces = [""] * (2 * len(self.holes) + 1)
        pieces[::2] = self.literals
        pieces[1::2] = [strings[number] for number in self.holes]
        return "".join(pieces)
