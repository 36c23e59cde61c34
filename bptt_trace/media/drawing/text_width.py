"""Plain-text mathematics as runs of letters, subscripts and fractions, with their widths.

The layout of a picture needs the widths of its texts. They are those of a
wide serif face (DejaVu Serif) or of Computer Modern; with a narrower face of
the reader some room is left over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from bptt_trace.document.mathematics import Inline, Math
from bptt_trace.media.unicode import fine


@dataclass(frozen=True)
class Run:
    """Letters in one style: ``level`` is 1 for an exponent, −1 for a subscript."""

    text: str
    level: int = 0
    slanted: bool = False
    strong: bool = False


@dataclass(frozen=True)
class Fraction:
    """One row of runs above another."""

    above: tuple[Run, ...]
    below: tuple[Run, ...]


Piece = Run | Fraction

_STEM = r"[A-Za-z][A-Za-z\d]*(?:_[A-Za-z][A-Za-z\d]*)*"
_NAME = _STEM + r"(?:\(\d+\))?(?:_(?:\d+|[tT]|\([tT][-+]\d+\)))?'?(?:\[\d+(?:,\d+)*\])?(?:#(?:\d+|s))?(?:@\d+)?"


@cache
def _token() -> re.Pattern[str]:
    """The pattern of a token; compiled on first use, because a terminal does not need it."""
    return re.compile(
        rf"(?P<fraction>d(?P<of>{_NAME})/d(?P<by>{_NAME}))|(?P<power>(?P<mantissa>\d(?:\.\d+)?)e(?P<exponent>-?\d+))"
        rf"|(?P<function>[A-Za-z]\w*(?=\((?!\d+\))))|(?P<name>{_NAME})|(?P<other>[^A-Za-z\d]+|\d[\d.]*)"
    )


@cache
def _parts() -> re.Pattern[str]:
    """The parts of a name."""
    return re.compile(
        rf"(?P<letter>[A-Za-z][A-Za-z\d]*?)(?:_(?P<below>{_STEM}))?(?P<layer>\(\d+\))?"
        r"(?:_(?P<time>\d+|[tT]|\([tT][-+]\d+\)))?(?P<prime>'?)(?P<index>\[[\d,]+\])?(?:#(?P<sample>\w+))?(?P<again>@\d+)?"
    )


_LETTERS = {"eta": "η", "beta": "β", "gamma": "γ", "epsilon": "ε", "lambda": "λ", "theta": "θ", "yhat": "ŷ"}


def pieces(math: Math) -> tuple[Piece, ...]:
    """The runs and fractions of a piece of mathematics."""
    found: list[Piece] = []
    place = 0
    while place < len(math.text):
        match = _token().match(math.text, place)
        if match is None:
            found.append(Run(fine(math.text[place])))
            place += 1
            continue
        place = match.end()
        if match["fraction"]:
            found.append(Fraction(*((Run("∂"), *_name(match[part])) for part in ("of", "by"))))
        elif match["power"]:
            found += [Run(f"{match['mantissa']}\N{NO-BREAK SPACE}·\N{NO-BREAK SPACE}10"), Run(fine(match["exponent"]), 1)]
        elif match["name"]:
            found += _name(match["name"])
        else:
            found.append(Run(fine(match[0])))
    return tuple(found)


def _name(text: str) -> tuple[Run, ...]:
    """The runs of a name: its letter, marks above and below it, its index."""
    match = _parts().fullmatch(text)
    if match is None:
        return (Run(fine(text)),)
    time = (match["time"] or "").strip("()")
    below = ",".join(part for part in (match["below"], time) if part).replace("_", ",")
    letter = _LETTERS.get(match["letter"], match["letter"])
    above = (match["layer"] or "") + (f"⟨{match['sample']}⟩" if match["sample"] else "") + (match["again"] or "")
    runs = [Run(letter + (match["prime"] or ""), slanted=len(letter) == 1)]
    if below:
        runs.append(Run(fine(below), -1, slanted=below.isalpha()))
    if above:
        runs.append(Run(above, 1))
    if match["index"]:
        runs.append(Run(match["index"]))
    return tuple(runs)


def set_inline(text: Inline, *, strong: bool = False) -> tuple[Piece, ...]:
    """The pieces of words with mathematics; ``strong`` sets the words bold."""
    found: list[Piece] = []
    for part in text:
        found += pieces(part) if isinstance(part, Math) else [Run(part, strong=strong)]
    return tuple(found)


def has_fraction(text: Inline) -> bool:
    """Whether a line is higher than a line of words."""
    return any(isinstance(piece, Fraction) for part in text if isinstance(part, Math) for piece in pieces(part))


_LAYER = re.compile(r"[A-Za-z]\(\d+\)_|_[A-Za-z]+\(\d+\)")


def has_layer(text: Inline) -> bool:
    """Whether a letter has both a layer above and a subscript below, which LaTeX sets one over the other."""
    return any(isinstance(part, Math) and _LAYER.search(part.text) for part in text)


@dataclass(frozen=True)
class Face:
    """The widths of characters, as fractions of the size of the letters."""

    digit: float
    lower: float
    upper: float
    sign: float
    """The width of =, −, +."""
    space: float
    point: float

    def sign_width(self, sign: str) -> float:
        """The width of one character."""
        if sign.isdigit():
            return self.digit
        if sign in " \N{NO-BREAK SPACE}":
            return self.space
        if sign in ".,;:'·|!ijl[]()":
            return self.point
        if sign in "=−+≈<>":
            return self.sign
        if sign.isascii() and sign.islower() and sign not in "mw":
            return self.lower
        return self.upper if sign.isascii() or sign in "∂ηŷ…⟨⟩⁰¹²³⁴⁵⁶⁷⁸⁹" else 2 * self.lower

    def width(self, piece: Piece, size: float) -> float:
        """The width of a run or a fraction, in points, with letters of this size."""
        if isinstance(piece, Fraction):
            return max(sum(self.width(run, size * SMALL) for run in part) for part in (piece.above, piece.below)) + 2
        scale = size * (SMALL if piece.level else 1) * (1.12 if piece.strong else 1)
        return sum(map(self.sign_width, piece.text)) * scale


SMALL = 0.75
"""The size of subscripts and of the parts of a fraction, relative to the letters."""
DEJAVU = Face(digit=0.64, lower=0.66, upper=0.92, sign=0.84, space=0.33, point=0.42)
COMPUTER_MODERN = Face(digit=0.54, lower=0.56, upper=0.82, sign=0.86, space=0.36, point=0.34)
