"""From the ASCII of a sheet to the finer signs of a terminal, and from words to ASCII."""

from __future__ import annotations

import re

from bptt_trace.document.mathematics import Inline, Math

_GREEK = {"eta": "η", "beta": "β", "gamma": "γ", "epsilon": "ε", "lambda": "λ"}
_LETTER = re.compile(rf"(?<![A-Za-z])({'|'.join(_GREEK)})(?![A-Za-z])")
_POWER = re.compile(r"\^([0-9])(?![0-9.])")
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
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


def lettered(text: str) -> bool:
    """Whether a name in it may be that of a Greek letter; quickly, as every line is asked."""
    return "eta" in text or "lambda" in text or "epsilon" in text or "gamma" in text


def fine(math: str) -> str:
    """Mathematics with ·, −, ², Σ, η, β instead of their ASCII forms."""
    text = math.replace(".*", "⊙") if ".*" in math else math
    text = text.replace("*", "·").replace("-", "−")
    if "^2" in text and "^20" not in text:
        text = text.replace("^2", "²")
    if "^" in text:
        text = _POWER.sub(lambda match: _SUPERSCRIPTS[int(match[1])], text)
    if lettered(text):
        text = _LETTER.sub(lambda match: _GREEK[match[1]], text)
    return text.replace("...", "…").replace("<=", "≤").replace("sum_", "Σ_").replace("~", "≈")


def plain(text: str) -> str:
    """Words in ASCII; what has no ASCII form becomes a question mark."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


class Script:
    """How a terminal writes: with Unicode or in ASCII."""

    def __init__(self, unicode: bool) -> None:
        self.unicode = unicode

    def math(self, math: Math) -> str:
        """Mathematics in the signs of this terminal."""
        return fine(math.text) if self.unicode else math.text

    def said(self, text: str) -> str:
        """Words in the signs of this terminal."""
        return text if self.unicode else plain(text)

    def signed(self, text: str) -> str:
        """A number or a relation in the signs of this terminal."""
        return fine(text) if self.unicode else text

    def inline(self, text: Inline) -> str:
        """Words with mathematics."""
        if len(text) == 1 and isinstance(text[0], Math):
            return self.math(text[0])
        return "".join(self.math(part) if isinstance(part, Math) else self.said(part) for part in text)
