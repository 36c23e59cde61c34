"""The head of a handout, and the code that distinguishes its sheets."""

from __future__ import annotations

from dataclasses import dataclass

from bptt_trace.document.locale import Locale


@dataclass(frozen=True)
class Handout:
    """Course, author, date and instructions, as the lecturer gives them; each may be empty."""

    course: str = ""
    author: str = ""
    date: str = ""
    instructions: str = ""
    code: str = ""
    """The code of the variant: ``K7M-2QX``."""
    student: str = ""
    """The student who gets the sheet."""
    language: str = ""
    """``de``, ``fr``, …; empty where the lecturer says nothing."""
    decimal_mark: str = ""
    """``.`` or ``,``; empty where the lecturer says nothing."""

    multiplication: str = ""
    """``dot``, ``cross`` or ``none``; empty where the lecturer says nothing."""

    @property
    def locale(self) -> Locale:
        """The language and the decimal mark of its readers."""
        return Locale.of(self.language, self.decimal_mark, self.multiplication)

    @property
    def line(self) -> str:
        """Course, author and date in one line."""
        return " • ".join(part for part in (self.course, self.author, self.date) if part)
