"""The meaning of a comma in the numbers of one sheet: decimal mark, or separator of thousands.

``0,0187`` can be read in one way only, ``1,530`` in two. The meaning follows from,
in this order: the decimal mark of the sheet, the separator of the file, the other answers, the size of the right
values, and the setting of the problem. Otherwise it stays undecided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from bptt_trace.document.sentences import say
from bptt_trace.marking.answer_number import read


class DecimalMark(NamedTuple):
    """The decision for a sheet, and its reason."""

    mark: str = ""
    """``,`` or ``.``; empty if there is no comma, or no decision."""
    because: str = ""

    @property
    def said(self) -> str:
        """The decision as a sentence; empty without a decision."""
        what = {",": say("A comma is read as the decimal mark"), ".": say("A comma is read as separating thousands")}
        return say("{what}: {because}.", what=what[self.mark], because=self.because) if self.mark else ""


NONE = DecimalMark()


def decided(cells: Sequence[tuple[str, float]], separator: str, declared: bool, *, printed: bool = False) -> DecimalMark:
    """The meaning of a comma in these answers, each given with the right value of its line.

    ``separator`` is the separator of the cells of the file, if it has cells;
    ``declared`` is the setting ``decimal_comma`` of the problem; ``printed`` says
    whether its sheets have decimal commas.
    """
    if not any("," in text for text, _ in cells):
        return NONE
    if printed:
        return DecimalMark(",", say("the sheet is printed so"))
    if separator == ";":
        return DecimalMark(",", say("semicolons stand between the cells of the file"))
    commas = [text for text, _ in cells if "," in text and read(text).value is not None]
    points = [text for text, _ in cells if "." in text and read(text).value is not None]
    size = _by_size(cells)
    if commas and not points:
        return DecimalMark(",", say("{answer} can be read in no other way", answer=commas[0].strip()))
    if points and not commas and size != ",":
        return DecimalMark(".", say("{answer} has a decimal point", answer=points[0].strip()))
    if size and not (points and not commas):
        return DecimalMark(size, say("of the two numbers that it can be, this one is of the size of the right one"))
    return DecimalMark(",", say("the problem says so")) if declared else NONE


def _by_size(cells: Sequence[tuple[str, float]]) -> str:
    """The meaning by the size of the right values, if it is the same for all ambiguous answers."""
    meanings = set()
    for text, exact in cells:
        value = read(text, mark=",").value
        if value and exact and read(text).value is None:
            meanings.add("," if abs(exact) < math.sqrt(1000) * abs(float(value)) else ".")
    return meanings.pop() if len(meanings) == 1 else ""
