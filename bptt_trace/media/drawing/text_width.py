"""Mathematics as runs of letters with subscripts and fractions, and their widths.

The layout of a picture needs the widths of its texts. They are those of a
wide serif face (DejaVu Serif) or of Computer Modern; with a narrower face of
the reader some room is left over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import combining, normalize

from bptt_trace.document.letters import GREEK, by_name
from bptt_trace.document.mathematics import Derivative, Math, Number, Placed, Symbol
from bptt_trace.document.notation import UNICODE
from bptt_trace.document.sentences import Inline

NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Run:
    """Letters in one style: ``level`` is 1 for an exponent, −1 for a subscript."""

    text: str
    level: int = 0
    slanted: bool = False
    strong: bool = False
    number: Placed | None = None
    """On a page that calculates: the place of its number."""
    over: str = ""
    """With a subscript: the exponent of the same letter."""


@dataclass(frozen=True)
class Fraction:
    """One row of runs above another."""

    above: tuple[Run, ...]
    below: tuple[Run, ...]


Piece = Run | Fraction

_COMBINING = {"hat": "\u0302", "tilde": "\u0303", "bar": "\u0304"}
_LETTERS = {
    name: normalize("NFC", sign)
    for name, sign in by_name(GREEK, {accent: "{}" + sign for accent, sign in _COMBINING.items()}).items()
}


def pieces(math: Math) -> Iterator[Piece]:
    """The runs and fractions of a piece of mathematics."""
    for part in math.flat(UNICODE):
        match part:
            case Derivative(of, by):
                yield Fraction((Run("∂"), *_runs(of)), (Run("∂"), *_runs(by)))
            case Symbol():
                yield from _runs(part)
            case Placed():
                yield Run(part.spell(UNICODE), number=part)
            case Number():
                mantissa, exponent = part.parted()
                ten = f"{NO_BREAK}{part.times}{NO_BREAK}10" if exponent else ""
                yield Run(f"{mantissa.spell(UNICODE)}{ten}")
                if exponent:
                    yield Run(UNICODE.numeral(exponent), 1)
            case _:
                yield Run(part)


def _runs(symbol: Symbol) -> Iterator[Run]:
    """A letter with its subscript, its superscript and its index."""
    letter = _LETTERS.get(symbol.letter, symbol.letter)
    yield Run(letter + "'" * symbol.prime, slanted=len(symbol.letter) == 1 or symbol.letter in _LETTERS)
    below = ",".join(part for part in (_below(symbol), symbol.time) if part)
    above = f"({symbol.word}{symbol.number})" if symbol.word or symbol.number else ""
    above += "" if symbol.sample is None else f"⟨{symbol.sample}⟩"
    above += "" if symbol.iteration == 1 else f"@{symbol.iteration}"
    if below:
        yield Run(UNICODE.script(below), -1, slanted=below.isalpha(), over=above)
    elif above:
        yield Run(above, 1)
    if symbol.index:
        yield Run(f"[{','.join(map(str, symbol.index))}]")


def _below(symbol: Symbol) -> str:
    """The letters below a letter; a name there stands in one row."""
    below = symbol.below
    if isinstance(below, Symbol):
        return ",".join(filter(None, (_LETTERS.get(below.letter, below.letter), _below(below))))
    return below


def set_inline(text: Inline, *, strong: bool = False) -> tuple[Piece, ...]:
    """The pieces of words with mathematics; ``strong`` sets the words bold."""
    found: list[Piece] = []
    for part in text:
        found += pieces(part) if isinstance(part, Math) else [Run(part, strong=strong)]
    return tuple(found)


def has_fraction(text: Inline) -> bool:
    """Whether a line is higher than a line of words."""
    return any(isinstance(part, Derivative) for part in _flat(text))


def has_layer(text: Inline) -> bool:
    """Whether a letter has both a superscript and a subscript, which LaTeX sets one over the other."""
    return any(
        (symbol.word or symbol.number) and (symbol.below or symbol.time) for part in _flat(text) for symbol in _symbols(part)
    )


def _flat(text: Inline) -> Iterator[str | Math]:
    return (piece for part in text if isinstance(part, Math) for piece in part.flat(UNICODE))


def _symbols(part: str | Math) -> tuple[Symbol, ...]:
    match part:
        case Derivative(of, by):
            return of, by
        case Symbol():
            return (part,)
        case _:
            return ()


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
    family: str = ""
    """Its name in SVG, and those of faces that stand in for it."""

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
        if combining(sign):
            return 0
        return self.upper if sign.isascii() or sign in "∂ηŷ…⟨⟩⁰¹²³⁴⁵⁶⁷⁸⁹" else 2 * self.lower

    def width(self, piece: Piece, size: float) -> float:
        """The width of a run or a fraction, in points, with letters of this size."""
        if isinstance(piece, Fraction):
            return max(sum(self.width(run, size * SMALL) for run in part) for part in (piece.above, piece.below)) + 2
        scale = size * (SMALL if piece.level else 1) * (1.12 if piece.strong else 1)
        return max(sum(map(self.sign_width, text)) for text in (piece.text, piece.over)) * scale


SMALL = 0.75
"""The size of subscripts and of the parts of a fraction, relative to the letters."""
DEJAVU = Face(
    digit=0.64, lower=0.66, upper=0.92, sign=0.84, space=0.33, point=0.42,
    family="'DejaVu Serif', 'Bitstream Vera Serif', 'STIX Two Text', serif",
)  # fmt: skip
COMPUTER_MODERN = Face(
    digit=0.54, lower=0.56, upper=0.82, sign=0.86, space=0.36, point=0.34, family="'New Computer Modern', serif"
)  # fmt: skip
