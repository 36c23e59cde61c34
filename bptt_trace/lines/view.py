"""The choice of the lines and forms that a sheet shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """The parts of a worked solution that are printed; a worksheet has ``detail`` and ``style`` alone."""

    steps: str = "auto"
    """``full`` (every time step line by line), ``ledger`` (two of them, then a row for each), or ``auto``: a ledger from four."""
    detail: str = "both"
    """The form of lines of vectors: ``board`` (matrices), ``lines`` (component by component) or ``both``."""
    style: str = "full"
    """``full``, ``compact`` (formulas and lines only), ``one-page`` (arranged for one page) or ``results`` (without formulas);
    in the last two vectors are matrices, unless ``detail`` is ``lines``."""
    show: str = "auto"
    """The iterations that are printed in full: ``auto``, ``all``, ``none``, or numbers with commas and ``last``."""
