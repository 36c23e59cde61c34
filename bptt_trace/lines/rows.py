"""The steps of a program as rows of a sheet.

``Rows`` is what all of them have in common. The rows of single numbers are a ``Desk`` (in ``desk``); those of vectors and
matrices a ``Blackboard`` (in ``matrix_rows``), whose entries are rows of its desk.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from bptt_trace.calculation.arithmetic import Values
from bptt_trace.document.mathematics import NOTHING, Math, MathRow
from bptt_trace.document.sheet import NO_USES, NO_WORD, Row, Stream, Word
from bptt_trace.engine.names import Name
from bptt_trace.engine.program import Program, Step
from bptt_trace.lines.blanks import Blanks
from bptt_trace.lines.parts_of_sheet import parts_of
from bptt_trace.lines.spelling import Clock, Speller
from bptt_trace.problem.problem import Problem

if TYPE_CHECKING:
    from bptt_trace.lines.desk import Desk

Label = Callable[[int, int], Word]
"""The word for a line, from its place among the steps and, in a program of numbers, that of a component."""
NONE: frozenset[int] = frozenset()


class Rows(ABC):
    """The steps of a program, each set as a row; a number is a matrix with one entry."""

    desk: Desk
    """The rows of the single numbers."""
    line_of: Sequence[int]
    """The line number of every step; 0 for a given number and for a contribution that repeats a line."""

    def __init__(
        self,
        problem: Problem,
        program: Program,
        first: Sequence[int],
        values: Values,
        *,
        speller: Speller,
        detail: str,
        blanks: Blanks | None,
    ) -> None:
        """The entries of step p are the lines from ``first[p]`` to ``first[p + 1]`` of the program of numbers.

        ``detail`` says how a line of vectors is shown: ``board`` (matrices), ``lines`` (component by component) or ``both``.
        With ``blanks`` a result that is left to the student has no string at all, and where it goes into a later line
        stands a box with the number of its line: nothing that is written from such rows can tell it.
        """
        self.problem, self.program, self.first, self.values = problem, program, first, values
        self.steps: Sequence[Step] = program.steps
        self.parts = parts_of(program)
        self.speller, self.detail, self.blanks = speller, detail, blanks
        self.hidden = blanks.hidden if blanks else NONE
        """Lines of the program of numbers whose results are left to the student."""
        self.last_time = problem.network.steps or 0
        """The number of time steps; 0 for a feedforward network."""

    def find(self, name: Name) -> int | None:
        """The position of a name, if the program has it."""
        return self.program.index.get(name)

    def lines(self, position: int) -> range:
        """The component lines of a step; of a number itself."""
        return range(self.first[position], self.first[position + 1])

    @abstractmethod
    def name(self, position: int) -> Math:
        """The name of a step."""

    @abstractmethod
    def value(self, position: int) -> Math:
        """The printed value of a step, with all of its entries; nothing where one of them is left to the student."""

    @abstractmethod
    def line(self, position: int) -> str:
        """``line 12``, in words."""

    @abstractmethod
    def line_number(self, position: int) -> str:
        """The number of a line: ``12``."""

    @abstractmethod
    def relation(self, position: int) -> str:
        """``=`` where the printed digits give the printed result, ``~`` where they do not."""

    @abstractmethod
    def row(self, position: int, label: Word = NO_WORD, so_far: Math = NOTHING) -> Row:
        """A step as a line of the sheet; a blank one shows as much as the hints allow."""

    @abstractmethod
    def general(self, position: int, clock: Clock) -> tuple[Math, Math]:
        """The name and the formula of a step with its times written by a clock; of whichever sample."""

    @abstractmethod
    def running_totals(self, positions: Sequence[int]) -> Iterator[Math]:
        """The sum so far after each of these steps."""

    @abstractmethod
    def totals_by_entry(self, positions: Sequence[int]) -> Iterator[Sequence[Math]]:
        """The same, entry by entry."""

    def result(self, position: int) -> Math:
        """The printed value of a line whose calculation is not beside it, with ≈ where its digits do not give it."""
        value = self.value(position)
        return value if self.steps[position].rule is None or self.relation(position) == "=" else about(value)

    def stream(self, positions: Sequence[int], label: Label | None = None, adds_up: bool = False) -> Stream:
        """Rows for these steps, made while they are read; in a long sum with running totals.

        Only such a sum has rows for terms that repeat another line. On a worksheet it has no totals, which would tell, and
        repeated terms only where they are numbers.
        """
        listed = self._listed(positions, adds_up and (self.blanks is None or self is self.desk))
        adds_up = adds_up and self.blanks is None

        def produce() -> Iterator[Row]:
            totals = self.totals_by_entry(listed[:-1]) if adds_up else iter(())
            for position in listed:
                so_far = next(totals, ())
                if self.steps[position].shape:
                    yield from self._with_entries(position, label, so_far)
                else:
                    word = label(position, self.first[position]) if label else NO_WORD
                    yield self.row(position, word, so_far[0] if so_far else NOTHING)

        return Stream(produce, sum(map(self._height, listed)))

    def _listed(self, positions: Sequence[int], repeated: bool) -> Sequence[int]:
        """Those of these steps that have a row: of which something is asked for or shown."""
        listed = positions if repeated else [position for position in positions if not self.steps[position].repeats]
        if self.blanks and self.blanks.left_out:
            return [position for position in listed if not self.blanks.left_out.issuperset(self.lines(position))]
        return listed

    def _height(self, position: int) -> int:
        """The number of rows of a step."""
        if not self.steps[position].shape:
            return 1
        lines, left_out = self.lines(position), self.blanks.left_out if self.blanks else NONE
        return (self.detail != "lines") + (self.detail != "board") * sum(line not in left_out for line in lines)

    def _with_entries(self, position: int, label: Label | None, totals: Sequence[Math]) -> Iterator[Row]:
        """A line of matrices, and those of its entries that are asked for or shown, as the detail has it."""
        lines, left_out = self.lines(position), self.blanks.left_out if self.blanks else NONE
        words = [label(position, line) if label else NO_WORD for line in lines]
        told_by_entry = any(word != words[0] for word in words)
        if self.detail != "lines":
            yield self.row(position, NO_WORD if told_by_entry else words[0])
        if self.detail == "board":
            return
        under = self.detail == "both"
        for place, line in enumerate(lines):
            if line in left_out:
                continue
            word = words[place] if told_by_entry or not under else NO_WORD
            row = self.desk.row(line, word, totals[place] if totals else NOTHING)
            yield row._replace(kind="component") if under else row

    def _with_blanks(self, row: Row) -> Row:
        """A row whose result is left to the student."""
        assert self.blanks is not None
        return row._replace(
            formula=row.formula if self.blanks.hints >= 2 else NOTHING,
            numbers=row.numbers if self.blanks.told else NOTHING,
            result=NOTHING,
            label=row.label if self.blanks.hints == 1 else NO_WORD,
            uses=NO_USES,
        )


def about(value: Math) -> Math:
    """A value behind ≈."""
    return MathRow("~ ", value)


def of_any_sample(name: Name) -> Name:
    """The name without the number of its sample, as general formulas have it."""

    def plain(part: Name | None) -> Name | None:
        return None if part is None else part._replace(sample=None)

    return name._replace(sample=None, of=plain(name.of), via=plain(name.via))
