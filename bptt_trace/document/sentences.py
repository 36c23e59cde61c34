"""Words with mathematics between them: sentences that know the pattern by which they are said, so that they can be translated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from string import Formatter
from typing import Any

from bptt_trace.document.mathematics import Math

Inline = tuple[str | Math, ...]
"""Words and mathematics in a row."""

Place = str | int | Fraction | Math | Sequence[str | Math]
"""A value for a place of a pattern."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sentence before it is said: its words with named places, and what stands there. A translation has other words."""

    words: str
    places: Mapping[str, Place]
    many: str = ""
    """The words for several, where the number in ``count`` decides."""
    count: int = 1
    capital: bool = False
    """Whether the sentence begins with a capital letter."""

    @property
    def english(self) -> str:
        """The words in English."""
        return self.many if self.many and self.count != 1 else self.words


class Sentence(tuple[str | Math, ...]):
    """Words and mathematics in a row that know the pattern by which they are said."""

    pattern: Pattern

    def __add__(self, other: Any) -> Any:
        """One behind the other; both keep their patterns."""
        return together(self, other)

    def __radd__(self, other: Any) -> Any:
        """The same; a list that grows by it stays a list."""
        return together(other, self) if isinstance(other, tuple) else NotImplemented


class Phrase(str):
    """Words that know the pattern by which they are said."""

    pattern: Pattern

    def __add__(self, other: str) -> Phrase:
        """One behind the other; both keep their patterns."""
        return row_of(self, other)

    def __radd__(self, other: str) -> Phrase:
        """The same."""
        return row_of(other, self)

    def capitalize(self) -> Phrase:
        """With a capital at the beginning, in any language."""
        return phrase(replace(self.pattern, capital=True))


@lru_cache(maxsize=4096)
def _parsed(words: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((text, key) for text, key, _, _ in Formatter().parse(words))


def filled(words: str, places: Mapping[str, Place]) -> list[str | Math]:
    """The pieces of a pattern with its places filled; neighbouring words stay apart."""
    pieces: list[str | Math] = []
    for text, key in _parsed(words):
        if text:
            pieces.append(text)
        if key is not None:
            part = places[key]
            if isinstance(part, Math | str):
                pieces.append(part)
            elif isinstance(part, Sequence):
                pieces.extend(part)
            else:
                pieces.append(str(part))
    return pieces


def inline(pattern: str, /, **places: Place) -> Inline:
    """A sentence, by its pattern: ``inline("{h} is small", h=Symbol("h"))``."""
    return in_pattern(Pattern(pattern, places))


def inline_many(one: str, many: str, number: int, /, **places: Place) -> Inline:
    """A sentence on one thing, or on several: ``inline_many("one step", "{n} steps", 3, n="3")``."""
    return in_pattern(Pattern(one, places, many, number))


def in_pattern(pattern: Pattern) -> Inline:
    """A sentence in English that knows its pattern."""
    sentence = Sentence(filled(pattern.english, pattern.places))
    sentence.pattern = pattern
    return sentence


def say(words: str, /, **places: Any) -> Phrase:
    """Words by their pattern, without mathematics: ``say("time step {t}", t="2")``."""
    return phrase(Pattern(words, places))


def say_many(one: str, many: str, number: int, /, **places: Any) -> Phrase:
    """Words on one thing, or on several."""
    return phrase(Pattern(one, places, many, number))


def phrase(pattern: Pattern) -> Phrase:
    """Words in English that know their pattern."""
    words = "".join(map(str, filled(pattern.english, pattern.places)))
    said = Phrase(words[:1].upper() + words[1:] if pattern.capital else words)
    said.pattern = pattern
    return said


def row_of(*parts: str | int) -> Phrase:
    """Words one behind the other; each keeps its pattern."""
    return phrase(_in_a_row(parts))


def joined(mark: str, parts: Iterable[str | int]) -> Phrase:
    """Words with a sign between each two; each keeps its pattern."""
    found: list[str | int] = []
    for part in parts:
        found += [mark, part] if found else [part]
    return row_of(*found)


def _in_a_row(parts: Sequence[Place]) -> Pattern:
    names = [f"part{number}" for number in range(len(parts))]
    return Pattern("".join(f"{{{name}}}" for name in names), dict(zip(names, parts, strict=True)))


def to_say(words: str) -> str:
    """Words that are said elsewhere, as they are: for those who collect what there is to translate."""
    return words


def to_say_many(one: str, many: str) -> tuple[str, str]:
    """The same of words on one thing and on several."""
    return one, many


def in_a_row(mark: str | Math, parts: Iterable[Place]) -> Inline:
    """Pieces with a sign between each two; each keeps its pattern."""
    found: list[Place] = []
    for part in parts:
        found += [mark, part] if found else [part]
    return together(*found)


def together(*parts: Place) -> Inline:
    """Sentences one behind the other; each keeps its pattern."""
    return in_pattern(_in_a_row(parts))


def words(text: Inline, spelling: Callable[[Math], str] = lambda math: math.text) -> str:
    """Inline content as one string; ``spelling`` sets the mathematics."""
    return "".join(spelling(part) if isinstance(part, Math) else part for part in text)
