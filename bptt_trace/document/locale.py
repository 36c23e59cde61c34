"""How the readers of a sheet write: their decimal mark, and their language."""

from __future__ import annotations

from dataclasses import dataclass

from bptt_trace.document.notation import Signs, with_comma


@dataclass(frozen=True)
class Locale:
    """A language and a decimal mark; a value that is handed on with a sheet."""

    decimal_mark: str = "."

    @property
    def comma(self) -> bool:
        """Whether numbers have a decimal comma."""
        return self.decimal_mark == ","

    def notation(self, signs: Signs) -> Signs:
        """The variation of a notation that these readers are used to."""
        return with_comma(signs) if self.comma else signs


ENGLISH = Locale()
