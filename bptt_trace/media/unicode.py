"""The spelling of a terminal: with the signs of Unicode, or in ASCII."""

from __future__ import annotations

from bptt_trace.document.locale import ENGLISH, Locale
from bptt_trace.document.mathematics import Math
from bptt_trace.document.notation import TEXT, UNICODE
from bptt_trace.document.sentences import Inline

_ASCII = str.maketrans(
    {
        "–": "-",
        "−": "-",
        "…": "...",
        "≈": "~",
        "±": "+/-",
        "’": "'",
        "“": '"',
        "”": '"',
        "·": "*",
        "≤": "<=",
        "φ": "phi",
        "∂": "d",
        "⊙": ".*",
        "✓": "+",
        "○": "o",
        "×": "x",
    }
)


def plain(text: str) -> str:
    """Words in ASCII; a character without an ASCII form becomes a question mark."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


class Script:
    """The spelling of a terminal: with Unicode or in ASCII."""

    def __init__(self, unicode: bool, locale: Locale = ENGLISH) -> None:
        self.unicode = unicode
        self.locale = locale
        self.signs = UNICODE if unicode else TEXT

    def math(self, math: Math) -> str:
        """Mathematics in the signs of this terminal."""
        return math.spell(self.signs)

    def said(self, text: str) -> str:
        """Words in the signs of this terminal."""
        return text if self.unicode else plain(text)

    def say(self, words: str, **places: str) -> str:
        """Words of the layout, in the language of the sheet."""
        return self.said(self.locale.say(words, **places))

    def relation(self, sign: str) -> str:
        """``=``, or ``~`` for an approximate equality."""
        return "≈" if self.unicode and sign == "~" else sign

    def inline(self, text: Inline) -> str:
        """Words with mathematics."""
        if len(text) == 1 and isinstance(text[0], Math):
            return self.math(text[0])
        return "".join(self.math(part) if isinstance(part, Math) else self.said(part) for part in text)
