"""The lines on the pages of a PDF, and the headings that a page leaves behind at its foot."""

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


class Piece(NamedTuple):
    """Some letters of one font, by where they stand."""

    left: int
    text: str
    bold: bool

    @property
    def letters(self) -> int:
        return len(re.findall(r"[^\W\d_]", self.text))


def abandoned(pdf: Path) -> list[str]:
    """Headings with nothing between them and the end of their page; those of sections with a single line, too."""
    command = ["pdftohtml", "-xml", "-i", "-stdout", str(pdf)]
    xml = subprocess.run(command, capture_output=True, check=True).stdout
    pages = ElementTree.fromstring(re.sub(rb"<!DOCTYPE.*?>", b"", xml)).iter("page")
    ends = ((number, lines(page)[-2:]) for number, page in enumerate(pages, 1))
    return [
        f"page {number}: {text(line)}"
        for number, end in ends
        for line in end
        if heads(line) and (line is end[-1] or re.match(r"\d+\b", line[0].text))
    ]


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


def text(line: list[Piece]) -> str:
    return " ".join(piece.text for piece in line)
