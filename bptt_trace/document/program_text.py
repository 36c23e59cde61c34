"""A program for others to run, as the strings that fill a template of code.

Like a sheet it knows no formulas and no numbers. Statements are whole; the
template puts the fixed text around them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Passage:
    """Statements under a comment: a section of the sheet, or a block of lines in it."""

    title: str
    statements: tuple[str, ...] = ()
    level: int = 2
    """1 for a section, 2 for a block in it; a block without a title goes on after what stands above it."""


@dataclass(frozen=True)
class Listing:
    """A program that reproduces a sheet."""

    form: str
    """``python``, ``numpy``, ``torch`` or ``sympy``: which template it fills."""
    title: str
    policy: str
    """``by_hand``, ``carry`` or ``full``."""
    quantum: str
    """One unit of the last decimal, ``0.0001``; empty where no decimals are kept."""
    figures: str
    """Significant figures: of every result, or of the slopes between states alone."""
    digits: str
    """The digits that a result keeps, in words: ``4 decimals``."""
    working: str
    """Digits that Python calculates functions with."""
    slopes: bool
    """Whether there are slopes between states, which keep figures where all else keeps decimals."""
    others: bool
    """Whether single quantities have decimals of their own."""
    symbols: tuple[str, ...]
    """Exact numbers for which formulas write a symbol: ``T = 2``."""
    definitions: tuple[str, ...]
    """The functions that are used, each behind those that it uses."""
    given: tuple[str, ...]
    passages: tuple[Passage, ...]
    loss: str = ""
    """The identifier of the quantity from which autograd goes back."""
    comparisons: tuple[str, ...] = ()
    """The quantities that are compared with autograd."""
    updates: tuple[str, ...] = ()
    """From the gradients to the new parameters."""
    new: tuple[str, ...] = ()
    """The quantities that are compared after the update."""
    drift: str = ""
    """The largest distance of a compared quantity from full precision, caused by rounding."""
    composed: bool = False
    """Whether the loss is short enough to be written as one expression in the given numbers."""

    @property
    def settled(self) -> int:
        """The digits that Python keeps of a value before it rounds it: those behind them are traces of divisions."""
        return 50 if self.policy == "carry" else int(self.working) - 10
