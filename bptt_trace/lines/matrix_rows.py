"""A network of vectors as it stands on the board: each line with its matrices, then its components.

It has the interface of a ``Desk``, but its steps are those of the program of vectors; in a network of single numbers the desk
itself is the board.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from bptt_trace.document.mathematics import NOTHING, Math
from bptt_trace.document.notation import Signs
from bptt_trace.document.sentences import say
from bptt_trace.document.sheet import NO_WORD, Row, Word
from bptt_trace.engine.components import entries
from bptt_trace.engine.formula import Entry, Formula, Shape, Var
from bptt_trace.engine.formula_text import ArrayPrinter, literal
from bptt_trace.engine.formula_walks import divides
from bptt_trace.engine.names import Name
from bptt_trace.engine.rules import Rule, of_any_letter
from bptt_trace.engine.scalar_program import rank
from bptt_trace.lines.desk import ROLE_WORDS, Desk
from bptt_trace.lines.row_mathematics import OfFormula
from bptt_trace.lines.rows import Rows, of_any_sample
from bptt_trace.lines.spelling import Clock, seen


class Spelled(OfFormula):
    """A line of matrices, written when it is asked for."""

    __slots__ = ("_formula", "_names", "write")

    def __init__(self, write: Callable[[Signs], str], formula: Formula | None = None, names: Sequence[Math] = ()) -> None:
        """``formula`` is written with these names; without names with numbers."""
        self.write, self._formula, self._names = write, formula, names

    @property
    def formula(self) -> Formula | None:
        """The formula that is written."""
        return self._formula

    @property
    def pieces(self) -> Iterable[Math]:
        """The names."""
        return self._names

    @property
    def has_fraction(self) -> bool:
        """Whether the formula divides, or one of the names is a derivative; between matrices 1/2 stands in the line."""
        return (self.formula is not None and divides(self.formula)) or any(name.has_fraction for name in self._names)

    def spell(self, signs: Signs) -> str:
        """The line in a notation."""
        return self.write(signs)


class Matrix(Math):
    """Numbers as the entries of a matrix."""

    __slots__ = ("entries", "rows", "shape")

    def __init__(self, entries: Sequence[Math], shape: Shape, rows: bool) -> None:
        self.entries, self.shape, self.rows = entries, shape, rows

    @property
    def pieces(self) -> Iterable[Math]:
        """The entries."""
        return self.entries

    def spell(self, signs: Signs) -> str:
        """The entries in brackets."""
        return literal([entry.spell(signs) for entry in self.entries], self.shape, signs, self.rows)


def _entry(name: Name, index: tuple[int, ...]) -> Name:
    """The name of a component; without an index that of the whole."""
    return name._replace(index=index) if index else name


class Blackboard(Rows):
    """The lines of vectors and matrices of a desk."""

    def __init__(self, desk: Desk) -> None:
        program, first = desk.program.vectors
        super().__init__(
            desk.problem,
            program,
            first,
            desk.values,
            speller=desk.speller,
            detail=desk.detail,
            blanks=desk.blanks,
        )
        self.desk = desk
        self.line_of = [desk.line_of[first] for first in self.first[:-1]]

    def name(self, position: int) -> Math:
        """The name of a step."""
        return self.speller.math(self.steps[position].target)

    def value(self, position: int) -> Math:
        """The printed value of a step, with all of its entries; nothing where one of them is blank."""
        return NOTHING if self._blank(position) else Spelled(lambda signs: self._literal(position, signs))

    def line(self, position: int) -> str:
        """``line 12``, in words."""
        return say("line {position}", position=self.line_number(position))

    def line_number(self, position: int) -> str:
        """The number of a line: ``12``."""
        return str(self.line_of[position])

    def relation(self, position: int) -> str:
        """``=`` where the printed digits of all entries give their printed results, ``~`` where one does not."""
        if self.desk.policy != "carry":
            return "="
        if self.desk.policy != "carry":
            return "="
        if self.desk.policy != "carry":
            return "="
        return "=" if all(self.desk.relation(line) == "=" for line in self.lines(position)) else "~"

    def _blank(self, position: int) -> bool:
        """Whether an entry is left to the student."""
        return not self.hidden.isdisjoint(self.lines(position))

    def _literal(self, position: int, signs: Signs) -> str:
        texts = self.desk.shown.bare[signs]
        return literal([texts[line] for line in self.lines(position)], self.steps[position].shape, signs, self.program.rows)

    def row(self, position: int, label: Word = NO_WORD, so_far: Math = NOTHING) -> Row:
        """A step as a line of matrices, or of numbers where it is one."""
        step = self.steps[position]
        if not step.shape:
            return self.desk.row(self.first[position], label, so_far)
        row = Row(
            number=str(self.line_of[position] or ""),
            name=self.name(position),
            formula=self._spelled(position, in_numbers=False),
            numbers=self._spelled(position, in_numbers=True),
            result=self.value(position),
            uses=self.desk.uses([line for argument in step.arguments for line in self.lines(argument)]),
            label=label,
            role=ROLE_WORDS[step.role],
            time=step.target.time,
            relation=self.relation(position),
            kind="board",
        )
        return self._with_blanks(row) if self._blank(position) else row

    def _spelled(self, position: int, *, in_numbers: bool) -> Math:
        step = self.steps[position]
        assert step.rule is not None
        names = [] if in_numbers else [self.name(argument) for argument in step.arguments]
        return Spelled(lambda signs: self._line(position, signs, in_numbers=in_numbers), step.rule.formula, names)

    def _line(self, position: int, signs: Signs, *, in_numbers: bool) -> str:
        """The right side of a step, with names or with entries."""
        if not in_numbers:
            spelling = self.speller.spelling(signs)
            return self._printed(position, signs, lambda argument, index: spelling(_entry(self.steps[argument].target, index)))
        operands = self.desk.shown.operands[signs]

        def leaf(argument: int, index: tuple[int, ...]) -> str:
            del index
            return self._literal(argument, signs) if self.steps[argument].shape else operands[self.first[argument]]

        return self._printed(position, signs, leaf, operands)

    def _printed(
        self,
        position: int,
        signs: Signs,
        leaf: Callable[[int, tuple[int, ...]], str],
        operands: Sequence[str] | None = None,
        rule: Rule | None = None,
    ) -> str:
        """``leaf`` writes an argument, or one of its components by its index.

        With ``operands``, the numbers of lines, entries are written and not names. ``rule`` stands for that of the step, with
        the same arguments.
        """
        step = self.steps[position]
        rule = rule or step.rule
        assert rule is not None
        arguments = step.arguments

        def entry(part: Entry, bare: bool) -> str:
            argument = arguments[part.variable.number]
            if operands is not None:
                texts = self.desk.shown.bare[signs] if bare else operands
                return texts[self.lines(argument)[rank(part.variable.shape, part.component, self.program.rows)]]
            return leaf(argument, entries(part.variable.shape)[part.component])

        def variable(part: Var) -> str:
            return leaf(arguments[part.number], ())

        def fraction(part: Var) -> bool:
            return operands is None and self.steps[arguments[part.number]].target.of is not None

        others = arguments[rule.arity :]
        rest = signs.ellipsis.format(leaf(others[0], ()), leaf(others[-1], ())) if others else ""
        printer = ArrayPrinter(
            signs, variable, entry, rest=rest, rows=self.program.rows, numbers=operands is not None, fraction=fraction
        )
        return printer(rule.formula)

    def general(self, position: int, clock: Clock) -> tuple[Math, Math]:
        """The name and the formula of a step with its times written by a clock; of whichever sample."""
        step = self.steps[position]

        def named(argument: int, index: tuple[int, ...]) -> Math:
            return self.speller.math(*seen(clock, step.target, _entry(of_any_sample(self.steps[argument].target), index)))

        rule = of_any_letter(step.rule) if step.rule else None
        formula = Spelled(
            lambda signs: self._printed(position, signs, lambda *one: named(*one).spell(signs), rule=rule),
            rule.formula if rule else None,
            [named(argument, ()) for argument in step.arguments],
        )
        return self.speller.math(of_any_sample(step.target), clock), formula

    def totals_by_entry(self, positions: Sequence[int]) -> Iterator[Sequence[Math]]:
        """The sum so far after each of these steps, entry by entry."""
        sizes = [self.lines(position) for position in positions]
        return zip(*(self.desk.running_totals(column) for column in zip(*sizes, strict=True)), strict=True)

    def running_totals(self, positions: Sequence[int]) -> Iterator[Math]:
        """The sum so far after each of these steps, with all of its entries."""
        shape, rows = self.steps[positions[0]].shape, self.program.rows
        return (Matrix(totals, shape, rows) for totals in self.totals_by_entry(positions))


def board_of(desk: Desk) -> Rows:
    """The lines as a sheet has them: of vectors and matrices, where there are any."""
    return Blackboard(desk) if desk.has_components else desk
