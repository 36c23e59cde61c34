"""From the ASCII of a sheet to the finer signs of a terminal, and from words to ASCII."""

from __future__ import annotations

import re

_ETA = re.compile(r"\beta\b")
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
    }
)


def fine(math: str) -> str:
    """Mathematics with ·, −, ², Σ, η instead of their ASCII forms."""
    text = math.replace("*", "·").replace("-", "−")
    if "^2" in text and "^20" not in text:
        text = text.replace("^2", "²")
    if "^" in text:
        text = _POWER.sub(lambda match: _SUPERSCRIPTS[int(match[1])], text)
    if "eta" in text:
        text = _ETA.sub("η", text)
    return text.replace("...", "…").replace("<=", "≤").replace("sum_t", "Σ_t").replace("~", "≈")


def plain(text: str) -> str:
    """Words in ASCII; what has no ASCII form becomes a question mark."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
