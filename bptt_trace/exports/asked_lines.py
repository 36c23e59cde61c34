"""The lines of a worksheet in their order, each with its position in the program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bptt_trace.document.mathematics import words
from bptt_trace.document.notation import UNICODE
from bptt_trace.document.sheet import Lines, Row, Section
from bptt_trace.lines.spelling import Speller
from bptt_trace.marking.key import Key


class Part(NamedTuple):
    """A section of a sheet with its blocks of lines."""

    title: str
    blocks: list[tuple[str, list[tuple[int, Row]]]]
    """Each block with its title."""


def parts_with_lines(key: Key, sections: Iterable[Section]) -> Iterator[Part]:
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
            yield Part(section.title, blocks)


def original(key: Key, position: int) -> int:
    """The line itself, or the one that it repeats."""
    while key.steps[position].repeats:
        position = key.steps[position].arguments[0]
    return position


def needed(key: Key, asked: Iterable[int]) -> list[int]:
    """The lines that are asked for and those that they are made of, in the order of the program, without repetitions."""
    found: set[int] = set()
    ahead = [original(key, position) for position in asked]
    while ahead:
        position = ahead.pop()
        if position in found or key.steps[position].rule is None:
            continue
        found.add(position)
        ahead += [original(key, argument) for argument in key.steps[position].arguments]
    return sorted(found)
