"""What a comma is in the numbers of one sheet: the decimal mark, or what separates thousands.

``0,0187`` can be read in one way only; ``1,530`` in two. What shows it, in this
order: the separator of the file, the other answers, the size of the problem's
numbers, and what the problem says. Where nothing shows it, it stays open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from bptt_trace.marking.answer_number import read


class DecimalMark(NamedTuple):
    """What was decided for a sheet, and what shows it."""

    mark: str = ""
    """``,`` or ``.``; empty where nothing shows what a comma is, or where there is none."""
    because: str = ""

    @property
    def said(self) -> str:
        """The decision as a sentence; empty where there is none."""
        what = {",": "A comma is read as the decimal mark", ".": "A comma is read as separating thousands"}
        return f"{what[self.mark]}: {self.because}." if self.mark else ""


NONE = DecimalMark()


def decided(cells: Sequence[tuple[str, float]], separator: str, declared: bool) -> DecimalMark:
    """What a comma is in these answers, each with the right value of its line.

    ``separator`` is what stands between the cells of the file, if it has cells;
    ``declared`` is whether the problem says that a comma is the decimal mark.
    """
    if not any("," in text for text, _ in cells):
        return NONE
    if separator == ";":
        return DecimalMark(",", "semicolons stand between the cells of the file")
    commas = [text for text, _ in cells if "," in text and read(text).value is not None]
    points = [text for text, _ in cells if "." in text and read(text).value is not None]
    size = _by_size(cells)
    if commas and not points:
        return DecimalMark(",", f"{commas[0].strip()} can be read in no other way")
    if points and not commas and size != ",":
        return DecimalMark(".", f"{points[0].strip()} has a decimal point")
    if size and not (points and not commas):
        return DecimalMark(size, "of the two numbers that it can be, this one is of the size of the right one")
    return DecimalMark(",", "the problem says so") if declared else NONE


def _by_size(cells: Sequence[tuple[str, float]]) -> str:
    """What the open answers are by the size of the right values, if that is the same for all of them."""
    found = set()
    for text, exact in cells:
        value = read(text, mark=",").value
        if value and exact and read(text).value is None:
            found.add("," if abs(exact) < math.sqrt(1000) * abs(float(value)) else ".")
    return found.pop() if len(found) == 1 else ""
