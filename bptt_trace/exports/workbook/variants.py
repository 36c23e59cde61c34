"""Workbooks of variants: for each a worksheet and a solution, and for the class one of each in which a cell chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bptt_trace.exports.variants import Exporter
from bptt_trace.exports.workbook import workbook
from bptt_trace.exports.workbook.book import Copy, writer_of_workbooks
from bptt_trace.handouts.blanks import digits
from bptt_trace.handouts.variant_sheets import Medium
from bptt_trace.handouts.variants import Drawn, Factory, Family, Variant
from bptt_trace.marking.key import Key


class Kept(NamedTuple):
    """The data kept of a variant."""

    drawn: Drawn
    copy: Copy
    student: str


def workbooks(factory: Factory) -> Exporter:
    """The exporter of a factory's variants as workbooks. Raises ``ProgramMissing`` without XlsxWriter."""
    writer_of_workbooks()

    def kept(family: Family, variant: Variant, student: str) -> tuple[Kept, Kept]:
        key = family.key
        asked = {p: digits(key, p, key.decimals(p, value)) for p, value in variant.exact.items()}
        copy = Kept(variant.drawn, Copy(variant.code, factory.given(variant.drawn), asked), student)
        return copy, copy

    def made(kind: str, copies: Sequence[Kept]) -> bytes:
        first = copies[0]
        key = Key(factory.variant_problem(first.copy.code, first.drawn))
        blanks = factory.blanks(key) if kind == "worksheets" else None
        return workbook(key, blanks, [kept.copy for kept in copies], first.student if len(copies) == 1 else "")

    def of_class(kind: str, copies: Sequence[Kept]) -> Mapping[str, bytes]:
        """A workbook for each program: where targets are 0 or 1 a cross-entropy has fewer terms."""
        families: dict[int, list[Kept]] = {}
        for copy in copies:
            families.setdefault(id(factory.family(copy.drawn)), []).append(copy)
        several = len(families) > 1
        return {
            f"{f'-{place}' if several else ''}.xlsx": made(kind, some) for place, some in enumerate(families.values(), start=1)
        }

    return Exporter(factory, Medium("xlsx", str, str, file=lambda kind, one: made(kind, [one]), all=of_class), kept)
