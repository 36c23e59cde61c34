"""The language of a sheet's readers, their decimal mark and their sign of multiplication."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from bptt_trace.document.notation import UNICODE, Signs
from bptt_trace.document.sentences import Pattern, Place, filled, to_say
from bptt_trace.document.variations import with_comma, with_multiplication, with_words

if TYPE_CHECKING:
    from gettext import NullTranslations

CATALOGUES = Path(__file__).parent.parent / "languages"
LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "zh": "简体中文"}
"""The languages of sheets, each with its own name for itself."""
WITH_COMMA = frozenset({"de", "fr", "es"})
"""Languages whose readers write a decimal comma."""


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: str) -> NullTranslations:
    """The translations into a language, read once in a process."""
    from gettext import GNUTranslations

    made, source = (CATALOGUES / f"{language}{ending}" for ending in (".mo", ".po"))
    if source.is_file() and not (made.is_file() and made.stat().st_mtime >= source.stat().st_mtime):  # in a checkout
        from bptt_trace.languages.catalogues import compiled

        return GNUTranslations(BytesIO(compiled(source)))
    with made.open("rb") as file:
        return GNUTranslations(file)


@dataclass(frozen=True)
class Locale:
    """A language, a decimal mark and a sign of multiplication; a value that is handed on with a sheet."""

    language: str = "en"
    decimal_mark: str = "."
    multiplication: str = "dot"
    """``dot``, ``cross``, or ``none`` between names."""

    @classmethod
    def of(cls, language: str = "", decimal_mark: str = "", multiplication: str = "") -> Locale:
        """The locale of a problem: its language, by default English, and its mark, by default that of the language."""
        return cls(language or "en", decimal_mark or ("," if language in WITH_COMMA else "."), multiplication or "dot")

    @property
    def comma(self) -> bool:
        """Whether numbers have a decimal comma."""
        return self.decimal_mark == ","

    @property
    def plain(self) -> bool:
        """Whether a sheet needs no translation and no other notation."""
        return self == ENGLISH

    def notation(self, signs: Signs) -> Signs:
        """The variation of a notation that these readers are used to."""
        return _notation(self, signs)

    @property
    def times(self) -> str:
        """The sign before a power of ten in a picture."""
        return self.notation(UNICODE).dot

    def words(self, pattern: Pattern) -> str:
        """The words of a pattern, in English where they have no translation, with the sign of multiplication of these readers."""
        said = self._words(pattern)
        return said.replace(UNICODE.dot, UNICODE.cross) if self.multiplication == "cross" else said

    def _words(self, pattern: Pattern) -> str:
        if self.language == "en":
            return pattern.english
        known = catalogue(self.language)
        if pattern.many:
            return known.ngettext(pattern.words, pattern.many, pattern.count)
        return known.gettext(pattern.words) if pattern.words else ""

    def say(self, words: str, /, **places: Place) -> str:
        """Words in this language, with strings at their places."""
        return "".join(map(str, filled(self.words(Pattern(words, places)), places)))


@lru_cache(maxsize=256)
def _notation(locale: Locale, signs: Signs) -> Signs:
    signs = with_multiplication(with_comma(signs) if locale.comma else signs, locale.multiplication)
    if locale.language == "en":
        return signs
    picked = to_say("column {letter} of {matrix}"), to_say("row {letter} of {matrix}")
    return with_words(signs, *(locale.words(Pattern(words, {})) for words in picked))


ENGLISH = Locale()
