"""The lines on the pages of a PDF, and what is ill made up on them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

BODY = 0.947
"""The part of a page's height above its footer."""
MARGIN = 78
"""The left margin, and a little more, in the units of pdftohtml: 1.5 of them are a point."""


LEAST = 0.26
"""The part of a page that has to be filled; the last one may be shorter."""


class Piece(NamedTuple):
    """Some letters of one font, by where they stand."""

    left: int
    text: str
    bold: bool

    @property
    def letters(self) -> int:
        return len(re.findall(r"[^\W\d_]", self.text))


def ill_made(pdf: Path) -> list[str]:
    """What no page may have: a heading with fewer than two lines of its own below it, a foot alone, hardly anything.

    The headings of columns are no lines of a heading's own; a single line is enough where the next page begins with another
    heading or with the foot. A picture may be so high that it leaves the page before it to a few lines, but not empty.
    """
    command = ["pdftohtml", "-xml", "-i", "-stdout", str(pdf)]
    xml = subprocess.run(command, capture_output=True, check=True).stdout
    elements = list(ElementTree.fromstring(re.sub(rb"<!DOCTYPE.*?>", b"", xml)).iter("page"))
    pages = list(map(lines, elements))
    found = []
    for number, (page, following) in enumerate(zip(pages, [*pages[1:], None], strict=True), 1):
        where = f"page {number} of {len(pages)}"
        below = [line for line in page if "result" not in text(line)]
        heading = max((place for place, line in enumerate(below) if heads(line)), default=None)
        if heading is not None and len(below) - heading < 3 and following and not (heads(following[0]) or foots(following[0])):
            found.append(f"{where} ends with {text(below[heading])}")
        if following is not None and reach(elements[number - 1]) < LEAST:
            found.append(f"{where} is almost empty")
        if page and foots(page[0]):
            found.append(f"{where} has the foot alone")
    return found


def reach(page: ElementTree.Element) -> float:
    """How far down a page its last line stands, as a part of its height above the footer."""
    end = int(page.attrib["height"]) * BODY
    return max((top + height for top, height, _ in pieces(page) if top <= end), default=0) / end


def lines(page: ElementTree.Element) -> list[list[Piece]]:
    """The lines of a page from its top, without the footer; what stands a little higher or lower belongs to the line."""
    end = int(page.attrib["height"]) * BODY
    found: list[list[Piece]] = []
    bottom = 0
    for top, height, piece in sorted(pieces(page)):
        if top > end:
            break
        if top > bottom - 5:
            found.append([])
            bottom = top + height
        found[-1].append(piece)
    return [sorted(line) for line in found]


def pieces(page: ElementTree.Element) -> Iterator[tuple[int, int, Piece]]:
    for one in page.iter("text"):
        letters = "".join(one.itertext())
        if letters.strip():
            top, height, left = (int(one.attrib[key]) for key in ("top", "height", "left"))
            yield top, height, Piece(left, letters, one.find(".//b") is not None)


def heads(line: list[Piece]) -> bool:
    """Whether a line is a heading: it begins bold at the margin, and most of its letters are bold."""
    bold = sum(piece.letters for piece in line if piece.bold)
    return line[0].bold and line[0].left <= MARGIN and bold > sum(piece.letters for piece in line if not piece.bold)


def foots(line: list[Piece]) -> bool:
    """Whether a line is the first of the foot, which says how far rounding has led."""
    return line[0].bold and line[0].left <= MARGIN and line[0].text.startswith("Rounding.")


def text(line: list[Piece]) -> str:
    return " ".join(piece.text for piece in line)
