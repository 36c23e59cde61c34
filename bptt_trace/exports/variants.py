"""Variants of a problem in binary forms: the data kept of each variant, and the functions that make files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bptt_trace.handouts.variant_sheets import Anew, Medium, Sheets, Typesetter
from bptt_trace.handouts.variants import Factory, Family, Variant

Kept = Callable[[Family, Variant, str], tuple[Any, Any]]
"""The data of the worksheet and of the key of a variant, possibly with its student."""


class Exporter(Typesetter):
    """Makes the files of one factory's variants."""

    def __init__(self, factory: Factory, medium: Medium, kept: Kept) -> None:
        super().__init__(factory, medium)
        self.kept = kept

    def of_family(self, family: Family, *, filled: bool) -> Anew:
        """Sheets that are made anew for each variant."""
        del filled
        return _Exported(self, family)


class _Exported(Anew):
    """The files of variants that share a program."""

    setter: Exporter

    def sheets(self, variant: Variant, student: str) -> Sheets:
        """The files of one variant."""
        return Sheets(*self.setter.kept(self.family, variant, student), self.answers, self.problem.text(variant))
