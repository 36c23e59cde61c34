"""The worked solution for a page: its numbers have places, its sentences the conditions under which they are true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bptt_trace.calculation.arithmetic import Values
from bptt_trace.calculation.unrounded import unrounded
from bptt_trace.document.figures import Bars
from bptt_trace.document.local import local
from bptt_trace.document.sheet import Block, Bullets, Note, Sheet
from bptt_trace.engine.program import Program
from bptt_trace.exports.page.given_numbers import calculates
from bptt_trace.exports.page.live_desk import FixedDesk, LiveDesk
from bptt_trace.exports.page.watched import Condition, Watch
from bptt_trace.lines.rows import Rows
from bptt_trace.lines.view import View
from bptt_trace.problem.problem import Problem
from bptt_trace.worked_solution import footer, takeaways
from bptt_trace.worked_solution.conventions import conventions
from bptt_trace.worked_solution.sections import sections
from bptt_trace.worked_solution.writer import Writer

ALWAYS = ("lines", "equations", "picture")
"""Blocks that are the calculation itself: they are shown for any numbers."""


def follows(figure: Bars) -> bool:
    """Whether the bars of a figure can follow their numbers: a bar without height has nothing to be drawn higher."""
    return all(bar.dots or (len(bar.parts) == 1 and bar.parts[0][1] > 0) for bar in figure.bars)


class LiveWriter(Writer):
    """Writes a worked solution and remembers which block is true under which conditions."""

    def __init__(self, desk: FixedDesk, view: View) -> None:
        super().__init__(desk, view)
        self.watch = desk.watch
        self.conditions: dict[int, tuple[Condition, ...]] = {}
        """By the identity of a block, which the sheet keeps."""

    def said(self, sentence: Callable[..., Iterator[Note]], *about: Any, **also: Any) -> Iterator[Note]:
        """The notes of a sentence, each with its conditions."""
        for note, conditions in self.watch.written(super().said(sentence, *about, **also)):
            self.conditions[id(note)] = conditions
            yield note

    def collected(self, blocks: Iterator[Block]) -> tuple[Block, ...]:
        """The blocks of a section, each with the comparisons of numbers that led to it."""
        found: list[Block] = []
        for block, conditions in self.watch.written(blocks, apart=True):
            found.append(block)
            if block.kind not in ALWAYS and not (isinstance(block, Bars) and follows(block)):
                self.conditions.setdefault(id(block), conditions)
        return tuple(found)

    def takeaways(self) -> Iterator[Block]:
        """The takeaways, each sentence in a block of its own, because each has its own conditions."""
        for point, conditions in self.watch.written(takeaways.takeaways(self.desk, self.desk.parts)):
            block = Bullets((point,))
            self.conditions[id(block)] = conditions
            yield block

    def footer(self) -> Iterator[Note]:
        """Distance from full precision, source and errata."""
        sources = (footer.drift(self.desk), footer.source(self.desk.problem), footer.errata(self.desk))
        for notes in sources:
            for note, conditions in self.watch.written(notes):
                self.conditions[id(note)] = conditions
                yield note


@dataclass(frozen=True)
class LiveSheet:
    """A sheet in its language, its desk, and the conditions under which each block is shown."""

    sheet: Sheet
    desk: FixedDesk
    board: Rows
    conditions: dict[int, tuple[Condition, ...]]


def live_sheet(problem: Problem, program: Program, values: Values, view: View = View()) -> LiveSheet:
    """The worked solution with places for its numbers."""
    made = LiveDesk if calculates(problem) else FixedDesk
    desk = made(problem, program, values, unrounded(program, problem.given), Watch(), view.detail)
    writer = LiveWriter(desk, view)
    written = tuple(section for section in sections(writer) if section.blocks)
    sheet = Sheet(
        title=problem.title,
        subtitle=writer.subtitle(),
        given=(),
        conventions=tuple(conventions(desk, writer.board)),
        sections=written,
        footer=tuple(writer.footer()),
        rounding=values.rounding.data,
        handout=problem.handout,
        locale=problem.handout.locale,
    )
    printed, conditions = local(sheet), writer.conditions if calculates(problem) else {}
    same = zip(_blocks(sheet), _blocks(printed), strict=True)
    return LiveSheet(
        printed, desk, writer.board, {id(said): conditions[id(block)] for block, said in same if id(block) in conditions}
    )


def _blocks(sheet: Sheet) -> Iterator[Block]:
    for section in sheet.sections:
        yield from section.blocks
    yield from sheet.footer
