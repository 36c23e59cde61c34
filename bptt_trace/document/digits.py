"""The number of digits that a blank asks for."""

from __future__ import annotations

from bptt_trace.document.sentences import say, say_many


class Digits(str):
    """The digits that a blank asks for, as a column of a worksheet has them: ``4``, ``4 sf``, or empty without a blank."""

    number: int
    significant: bool
    """Whether significant figures are asked for, and not decimals."""
    said: str
    """The text, where it knows its pattern."""

    def __new__(cls, number: int | None = None, *, significant: bool = False) -> Digits:
        """The given number of digits; None where there is no blank."""
        said = "" if number is None else say("{places} sf", places=number) if significant else str(number)
        return cls._made(said, number or 0, significant)

    @classmethod
    def _made(cls, said: str, number: int, significant: bool) -> Digits:
        digits = super().__new__(cls, said)
        digits.said, digits.number, digits.significant = said, number, significant
        return digits

    def written(self, said: str) -> Digits:
        """The same with another text: in another language, or a hole that is filled in later."""
        return self._made(said, self.number, self.significant)

    @property
    def in_words(self) -> str:
        """The number of digits with its noun.

        >>> Digits(1).in_words, Digits(4, significant=True).in_words
        ('1 decimal', '4 sf')
        """
        return self.said if self.significant else say_many("{count} decimal", "{count} decimals", self.number, count=self.number)

    @property
    def in_full(self) -> str:
        """The same without an abbreviation.

        >>> Digits(4, significant=True).in_full
        '4 significant figures'
        """
        return say("{number} significant figures", number=self.number) if self.significant else self.in_words


NOT_ASKED = Digits()
