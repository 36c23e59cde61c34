"""A sheet in the language of its readers, with their decimal mark and their sign of multiplication.

A sheet is written once, and says here how it wants to be read. Its mathematics keeps
what it is; it is spelled in a variation of the notation that a medium asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

from bptt_trace.document.digits import Digits
from bptt_trace.document.locale import Locale
from bptt_trace.document.mathematics import NOTHING, Derivative, Figures, Math, Number, Relation, Symbol, Words
from bptt_trace.document.notation import Signs
from bptt_trace.document.sentences import Inline, Pattern, Phrase, Sentence, filled
from bptt_trace.document.sheet import Sheet, Stream, Uses, Word

PARTS = ("title", "subtitle", "given", "conventions", "sections", "footer", "box", "closing")
"""The fields of a sheet that have words."""


class _Local(Math):
    """A piece of mathematics in the notation of its readers."""

    __slots__ = ("locale", "piece")

    def __init__(self, piece: Math, locale: Locale) -> None:
        self.piece, self.locale = piece, locale

    @property
    def pieces(self) -> Iterable[Math]:
        """The piece."""
        return (self.piece,)

    @property
    def is_name(self) -> bool:
        """The same as for the piece."""
        return self.piece.is_name

    def spell(self, signs: Signs) -> str:
        """The spelling in the variation of the notation."""
        return self.piece.spell(self.locale.notation(signs))

    def flat(self, signs: Signs) -> Iterator[str | Symbol | Derivative | Number]:
        """The parts of the piece; numbers stay in this notation."""
        for part in self.piece.flat(self.locale.notation(signs)):
            yield _LocalNumber(part, self.locale) if isinstance(part, Number) else part

    @property
    def text(self) -> str:
        """The spelling in plain text, as programs and layouts read it: with the names and numbers of answer files."""
        return self.piece.text


class _LocalNumber(Number):
    """A number in the notation of its readers."""

    __slots__ = ("locale", "number")

    def __init__(self, number: Number, locale: Locale) -> None:
        self.number, self.locale = number, locale

    @property
    def pieces(self) -> Iterable[Math]:
        """The number."""
        return (self.number,)

    @property
    def digits(self) -> str:  # type: ignore[override]
        return self.number.digits

    @property
    def times(self) -> str:
        """The sign that these readers use."""
        return self.locale.times

    def alike(self, math: Math) -> Math:
        """The piece in the notation of these readers."""
        return _Local(math, self.locale)

    def spell(self, signs: Signs) -> str:
        """The spelling in the variation of the notation."""
        return self.number.spell(self.locale.notation(signs))

    def parted(self) -> tuple[Number, str]:
        """The same as for any number."""
        mantissa, exponent = self.number.parted()
        return _LocalNumber(mantissa, self.locale), exponent

    @property
    def text(self) -> str:
        """The spelling in plain text, as programs and layouts read it."""
        return self.number.text


def local_math(math: Math, locale: Locale) -> Math:
    """A piece of mathematics in the notation of its readers; a relation stays one, since lines break at its sign."""
    if math is NOTHING:
        return math
    if type(math) is Relation:
        return Relation(*[local_math(side, locale) for side in math.sides], sign=math.sign)
    return _LocalNumber(math, locale) if isinstance(math, Number) else _Local(math, locale)


@lru_cache(maxsize=64)
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.init)


class _Localizer:
    """Puts the parts of a sheet into the language and the notation of its readers."""

    def __init__(self, locale: Locale) -> None:
        self.locale = locale

    def __call__(self, value: Any) -> Any:
        """The same value in this language and with this decimal mark; a stream of rows is translated while it is read."""
        match value:
            case Math():
                return self.math(value)
            case str():
                return self.text(value)
            case Sentence():
                return self.sentence(value)
            case Stream():
                return Stream(lambda: map(self, value), len(value))
            case tuple() if hasattr(value, "_fields"):
                return type(value)(*map(self, value))
            case tuple():
                return tuple(map(self, value))
            case list():
                return list(map(self, value))
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{name: self(getattr(value, name)) for name in _fields(type(value))})
        return value

    def math(self, math: Math) -> Math:
        if isinstance(math, Words):
            return Words(self.text(math.said))
        return local_math(math, self.locale)

    def text(self, text: str) -> str:
        match text:
            case Phrase():
                said = "".join(map(str, self.pieces(text.pattern)))
                return said[:1].upper() + said[1:] if text.pattern.capital else said
            case Word():
                return Word(self.text(text.said), text.kind, self.text(text.short), text.name)
            case Digits():
                return text.written(self.text(text.said))
            case Uses():
                parts = tuple(map(self.text, text.parts))
                return Uses("".join(parts), lambda: parts)
            case Figures():
                return text.replace(".", ",") if self.locale.comma else text
        return text

    def sentence(self, sentence: Sentence) -> Inline:
        return tuple(self.pieces(sentence.pattern))

    def pieces(self, pattern: Pattern) -> list[str | Math]:
        return filled(self.locale.words(pattern), {name: self(part) for name, part in pattern.places.items()})


def localized(value: Any, locale: Locale) -> Any:
    """A sheet, or a part of one, in the language of its readers; a stream of rows is translated while it is read."""
    return value if locale.plain else _Localizer(locale)(value)


def local(sheet: Sheet) -> Sheet:
    """The sheet in the language and the notation of its readers."""
    if sheet.local:
        return sheet
    parts = {name: localized(getattr(sheet, name), sheet.locale) for name in PARTS}
    return replace(sheet, **parts, local=True)
