"""Mathematics on a sheet: a formula in text and in LaTeX, and words with formulas between them."""

from __future__ import annotations

from collections.abc import Callable
from string import Formatter
from typing import NamedTuple


class Math(NamedTuple):
    """A piece of mathematics in both spellings."""

    text: str
    latex: str


NOTHING = Math("", "")


Inline = tuple["str | Math", ...]
"""Words and mathematics in a row."""


def inline(pattern: str, **parts: str | Math | Inline) -> Inline:
    """Words with mathematics set in: ``inline("{h} is small", h=Math("h_1", "h_{1}"))``."""
    pieces: list[str | Math] = []
    for words, key, _, _ in Formatter().parse(pattern):
        if words:
            pieces.append(words)
        if key is not None:
            part = parts[key]
            if isinstance(part, Math | str):
                pieces.append(part)
            else:
                pieces += part
    return tuple(pieces)


def words(text: Inline, spelling: Callable[[Math], str] = lambda math: math.text) -> str:
    """Inline content as one string; ``spelling`` sets the mathematics."""
    return "".join(spelling(part) if isinstance(part, Math) else part for part in text)
