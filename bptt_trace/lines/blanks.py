"""The blanks of a sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bptt_trace.document.digits import Digits


@dataclass(frozen=True)
class Blanks:
    """The lines that a worksheet asks for, and the help that it gives."""

    asked: Mapping[int, Digits]
    """The digits asked for, by the position of the line among the steps."""
    left_out: frozenset[int]
    """The positions of lines that are neither asked for nor shown."""
    hints: int = 2
    calculations: bool = True
    """Whether the student writes the calculation too, or only the result."""

    @property
    def told(self) -> bool:
        """Whether the calculation is printed with its given numbers."""
        return self.hints > 2 or not self.calculations

    @cached_property
    def hidden(self) -> frozenset[int]:
        """The positions of all lines whose results are hidden."""
        return frozenset(self.asked) | self.left_out


NO_BLANKS = Blanks({}, frozenset())
"""Every line is shown with its result."""
