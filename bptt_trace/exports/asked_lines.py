"""A worksheet for learning platforms: its lines in order, each with its position in the program."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from bptt_trace.document.local import local, localized
from bptt_trace.document.notation import UNICODE
from bptt_trace.document.sentences import say, words
from bptt_trace.document.sheet import Lines, Row, Section, Sheet
from bptt_trace.exports.html import clean, plain, spelled, table
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.lines.blanks import Blanks
from bptt_trace.lines.spelling import Speller
from bptt_trace.lines.view import View
from bptt_trace.marking.key import Key


class AskedSection(NamedTuple):
    """A section of a sheet with its blocks of lines."""

    title: str
    blocks: list[tuple[str, list[tuple[int, Row]]]]
    """Each block with its title."""


def parts_with_lines(key: Key, sections: Iterable[Section]) -> Iterator[AskedSection]:
    """The sections that have lines."""
    speller = Speller(key.problem.vocabulary)
    position_of = {speller.text(step.target): position for position, step in enumerate(key.steps)}
    for section in sections:
        blocks = [
            (words(block.title, lambda math: math.spell(UNICODE)), [(position_of[row.name.text], row) for row in block.rows])
            for block in section.blocks
            if isinstance(block, Lines) and len(block.rows)
        ]
        if blocks:
            yield AskedSection(section.title, blocks)


class AskedLine(NamedTuple):
    """A line whose result is left to the student."""

    position: int
    row: Row
    section: str
    block: str
    """The titles above it."""


class AskedSheet:
    """The worksheet of a key for a platform: without pictures, each vector as its components."""

    def __init__(self, key: Key, blanks: Blanks) -> None:
        self.key, self.blanks = key, blanks

    @cached_property
    def sheet(self) -> Sheet:
        """The worksheet."""
        return local(worksheet(self.key, self.blanks, View(detail="lines", style="compact")))

    @cached_property
    def title(self) -> str:
        """The title, with the code of the sheet."""
        code = self.sheet.handout.code
        return clean(f"{self.sheet.title} ({code})" if code else self.sheet.title)

    def said(self, text: str) -> str:
        """Words that know their pattern, in the language of the sheet, as HTML."""
        return plain(localized(text, self.sheet.locale))

    @cached_property
    def parts(self) -> tuple[AskedSection, ...]:
        """The sections that have lines."""
        return tuple(parts_with_lines(self.key, self.sheet.sections))

    def is_asked(self, position: int, row: Row) -> bool:
        """Whether the result of a line is left to the student."""
        return position in self.blanks.asked and bool(row.blank)

    def asked(self) -> Iterator[AskedLine]:
        """The lines whose results are left to the student, in their order."""
        for part in self.parts:
            for title, lines in part.blocks:
                for position, row in lines:
                    if self.is_asked(position, row):
                        yield AskedLine(position, row, part.title, title)

    def instructions(self) -> Iterator[str]:
        """The instructions above the sheet, in HTML."""
        if self.sheet.handout.instructions:
            yield f"<p>{plain(self.sheet.handout.instructions)}</p>"

    def decimal_point(self) -> Iterator[str]:
        """A note for sheets with a decimal comma, on platforms that read the decimal point alone."""
        if self.sheet.locale.comma:
            said = say("Type your answers with a decimal point: {example}.", example="0.5")
            yield f"<p>{self.said(said)}</p>"

    def given(self, look: str = "") -> Iterator[str]:
        """The tables of given numbers in HTML; ``look`` are the attributes of their cells."""
        return (table(given, look) for given in self.sheet.given)

    def conventions(self, element: str, without: Collection[str] = ()) -> Iterator[str]:
        """The rules of the sheet in HTML, each in its element; ``without`` has the English heads of rules that do not apply."""
        left_out = set(map(self.sheet.locale.say, without))
        for head, said in self.sheet.conventions:
            if head not in left_out:
                yield f"<{element}>{plain(head)}: {spelled(said)}</{element}>"


def original(key: Key, position: int) -> int:
    """The line itself, or the one that it repeats."""
    while key.steps[position].repeats:
        position = key.steps[position].arguments[0]
    return position


def needed(key: Key, asked: Iterable[int]) -> list[int]:
    """The lines that are asked for and all lines that these depend on, in the order of the program, without repetitions."""
    found: set[int] = set()
    ahead = [original(key, position) for position in asked]
    while ahead:
        position = ahead.pop()
        if position in found or key.steps[position].rule is None:
            continue
        found.add(position)
        ahead += [original(key, argument) for argument in key.steps[position].arguments]
    return sorted(found)
