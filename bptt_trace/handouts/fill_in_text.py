"""Sheets that are rendered once and filled in many times.

A sheet is rendered with a private character in place of each number. The text is
cut at these characters, and a filled-in sheet joins its pieces with the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

FIRST, LAST = 0xF0000, 0x10FFFC
"""Private characters of Unicode, which no text has (the last two of each plane are not characters)."""
PLANE = 0xFFFE
PAD = "\U0010fffd"
"""Fills a hole up to the width of its text, for code that depends on the length of a text."""
MOST = 2 * PLANE - 2
_HOLE = re.compile(f"([{chr(FIRST)}-{chr(LAST)}]){PAD}*")


def hole(number: int, like: str = "") -> str:
    """The characters of a hole, as many as this text has."""
    plane, offset = divmod(number, PLANE)
    return chr(FIRST + 0x10000 * plane + offset) + PAD * (len(like) - 1)


class Form:
    """A text with holes in it."""

    def __init__(self, text: str) -> None:
        pieces = _HOLE.split(text)
        self.literals = pieces[::2]
        self.holes = [self._number(sign) for sign in pieces[1::2]]

    @staticmethod
    def _number(sign: str) -> int:
        plane, offset = divmod(ord(sign) - FIRST, 0x10000)
        return plane * PLANE + offset

    def fill(self, strings: Sequence[str]) -> str:
        """The text with a string in each hole, by its number."""
        pieces = [""] * (2 * len(self.holes) + 1)
        pieces[::2] = self.literals
        pieces[1::2] = [strings[number] for number in self.holes]
        return "".join(pieces)
