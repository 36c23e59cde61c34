"""A desk for worksheets: lines whose results are left to the student.

A blank result has no string at all, and where it goes into a later line stands
a box with the number of its line: nothing that is written from this desk can
tell it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_trace.calculation.arithmetic import Values
from bptt_trace.document.digits import NOT_ASKED
from bptt_trace.document.mathematics import NOTHING, Math, Put, Verbatim, say
from bptt_trace.document.notation import TEXT
from bptt_trace.document.sheet import NO_USES, NO_WORD, Row, Stream, Word
from bptt_trace.engine.names import Role
from bptt_trace.engine.program import Program
from bptt_trace.engine.rules import Rule
from bptt_trace.handouts.blanks import Blanks
from bptt_trace.lines.matrix_rows import Blackboard
from bptt_trace.lines.row_words import Labels
from bptt_trace.lines.rows import Desk, Label
from bptt_trace.lines.spelling import Shown, Speller
from bptt_trace.problem.problem import Problem


class Paper(Desk):
    """A program, set line by line with blanks in it."""

    def __init__(
        self,
        problem: Problem,
        program: Program,
        values: Values,
        reference: Values,
        blanks: Blanks,
        *,
        shown: Shown | None = None,
        detail: str = "both",
        answers: bool = False,
        speller: Speller | None = None,
    ) -> None:
        super().__init__(problem, program, values, reference, with_latex=True, detail=detail, speller=speller)
        self.blanks = blanks
        self.answers: Desk | None = None
        """The same lines with everything in them, for blanks that a switch fills in."""
        if answers:
            self.answers = Desk(problem, program, values, reference, with_latex=True, detail=detail, speller=speller)
        self.hidden = frozenset(blanks.asked) | blanks.left_out
        self.show(shown or self.shown)

    def show(self, shown: Shown) -> None:
        """Take these strings, but for what is blank."""
        self.shown = shown.with_gaps({position: self._box(position) for position in self.hidden})
        self._rules.clear()

    def value(self, position: int) -> Math:
        """The printed value of a line; nothing where it is blank."""
        return NOTHING if position in self.hidden else super().value(position)

    def _box(self, position: int) -> Math:
        """What stands in later lines for a result that is to be found: the number of its line."""
        line, step = self._line_texts[position], self.steps[position]
        while not line and step.repeats:
            position = step.arguments[0]
            line, step = self._line_texts[position], self.steps[position]
        return Put("box", Verbatim(line))

    def row(self, position: int, label: Word = NO_WORD, so_far: Math = NOTHING) -> Row:
        """A line; a blank one tells as much as the hints do."""
        del so_far
        row = super().row(position, label)._replace(exact="", beside=NOTHING)
        if position not in self.hidden:
            return row
        hints = self.blanks
        told = row._replace(
            formula=row.formula if hints.hints >= 2 else NOTHING,
            numbers=row.numbers if hints.told else NOTHING,
            result=NOTHING,
            label=label if hints.hints == 1 else NO_WORD,
            uses=NO_USES,
            blank=self.blanks.asked.get(position, NOT_ASKED),
        )
        if self.answers is None or position not in hints.asked:
            return told
        right = self.answers.row(position)
        return told._replace(answer=(right.numbers, right.result))

    def relation(self, rule: Rule, role: Role, arguments: Sequence[int], position: int) -> str:
        """As the desk has it; an equals sign where nothing is printed that could be compared."""
        return "=" if position in self.hidden else super().relation(rule, role, arguments, position)

    def stream(self, positions: Sequence[int], label: Label | None = None, adds_up: bool = False) -> Stream:
        """Rows for those of these lines that are asked for or shown."""
        del adds_up  # a running total would tell
        left_out = self.blanks.left_out
        return super().stream([position for position in positions if position not in left_out], label)


class PaperBoard(Blackboard):
    """The lines of vectors on a worksheet: the matrices as names, the components to fill in."""

    def __init__(self, paper: Paper, detail: str) -> None:
        super().__init__(paper, detail)
        self.paper = paper

    def value(self, position: int) -> Math:
        """The printed value of a line; nothing where an entry is blank."""
        return super().value(position) if self.paper.hidden.isdisjoint(self.lines(position)) else NOTHING

    def row(self, position: int, label: Word = NO_WORD) -> Row:
        """A line of matrices; where an entry is blank without its result."""
        row = super().row(position, label)
        if not self.steps[position].shape or self.paper.hidden.isdisjoint(self.lines(position)):
            return row
        return row._replace(
            formula=row.formula if self.paper.blanks.hints >= 2 else NOTHING,
            numbers=row.numbers if self.paper.blanks.told else NOTHING,
            result=NOTHING,
            label=label if self.paper.blanks.hints == 1 else NO_WORD,
            uses=NO_USES,
        )

    def stream(self, positions: Sequence[int], label: Label | None = None, adds_up: bool = False) -> Stream:
        """Rows for those of these lines of which a component is asked for or shown."""
        del adds_up
        left_out = self.paper.blanks.left_out
        return super().stream([p for p in positions if not left_out.issuperset(self.lines(p))], label)

    def _rows(self, position: int, label: Label | None, totals: list[Math] | None) -> Iterator[Row]:
        """A component that is neither asked for nor shown has no row."""
        left_out = {str(self.paper.names[TEXT][line]) for line in self.lines(position) if line in self.paper.blanks.left_out}
        return (row for row in super()._rows(position, label, totals) if row.name.text not in left_out)

    def _height(self, position: int) -> int:
        missing = sum(line in self.paper.blanks.left_out for line in self.lines(position))
        return super()._height(position) - missing * (self.detail != "board")


class PaperLabels(Labels):
    """Words that tell what kind of line it is, and nothing of its value."""

    def of(self, position: int, component: int) -> Word:
        """What a line is, in a word."""
        return Word(say("update")) if self.board.steps[position].role is Role.UPDATE else super().of(position, component)
