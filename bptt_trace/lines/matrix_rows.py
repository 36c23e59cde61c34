"""A network of vectors as it stands on the board: each line with its matrices, then its components.

It looks as a ``Desk`` looks to whoever writes a sheet, but its steps are those
of the program of vectors; a network of single numbers needs none, its desk is
its board.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from bptt_trace.document.mathematics import NOTHING, Math, say
from bptt_trace.document.notation import Signs
from bptt_trace.document.sheet import NO_WORD, Row, Stream, Word
from bptt_trace.engine.components import entries
from bptt_trace.engine.formula import Entry, Formula, Shape, Var
from bptt_trace.engine.formula_text import ArrayPrinter, literal
from bptt_trace.engine.formula_walks import divides
from bptt_trace.engine.names import Name
from bptt_trace.engine.program import Step
from bptt_trace.engine.rules import Rule, of_any_letter
from bptt_trace.engine.scalar_program import rank
from bptt_trace.lines.parts_of_sheet import parts_of
from bptt_trace.lines.row_mathematics import OfFormula
from bptt_trace.lines.rows import ROLE_WORDS, Desk, Label, about, of_any_sample
from bptt_trace.lines.spelling import Clock, seen


class Spelled(OfFormula):
    """A line of matrices, written when it is asked for."""

    __slots__ = ("_formula", "_names", "write")

    def __init__(self, write: Callable[[Signs], str], formula: Formula | None = None, names: Sequence[Math] = ()) -> None:
        """``formula`` is written with these names; without names with numbers."""
        self.write, self._formula, self._names = write, formula, names

    @property
    def formula(self) -> Formula | None:
        """What is written."""
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


class Blackboard:
    """The lines of vectors and matrices of a desk."""

    def __init__(self, desk: Desk, detail: str) -> None:
        self.desk = desk
        self.detail = detail
        """``board``: matrices; ``lines``: components; ``both``."""
        self.program, self.first = desk.program.vectors
        self.steps: Sequence[Step] = self.program.steps
        self.parts = parts_of(self.program)
        self.problem, self.values, self.speller = desk.problem, desk.values, desk.speller
        self.last_time = desk.last_time
        self.line_of = [desk.line_of[first] for first in self.first[:-1]]

    # ---------------------------------------------------------------- lookups

    def find(self, name: Name) -> int | None:
        """The position of a name, if the program has it."""
        return self.program.index.get(name)

    def lines(self, position: int) -> range:
        """The component lines of a step."""
        return range(self.first[position], self.first[position + 1])

    def name(self, position: int) -> Math:
        """The name of a step."""
        return self.speller.math(self.steps[position].target)

    def value(self, position: int) -> Math:
        """The printed value of a step, with all of its entries."""
        return Spelled(lambda signs: self._literal(position, signs))

    def line(self, position: int) -> str:
        """``line 12``, in words."""
        return say("line {position}", position=self.line_of[position])

    def _literal(self, position: int, signs: Signs) -> str:
        texts = self.desk.shown.bare[signs]
        return literal([texts[line] for line in self.lines(position)], self.steps[position].shape, signs, self.program.rows)

    # ------------------------------------------------------------------- rows

    def stream(self, positions: Sequence[int], label: Label | None = None, adds_up: bool = False) -> Stream:
        """Rows for these steps, made while they are read; in a long sum the components have running totals."""
        shown = [p for p in positions if not self.steps[p].repeats] if not adds_up else list(positions)

        def produce() -> Iterator[Row]:
            totals = self._totals(shown[:-1]) if adds_up else iter(())
            for position in shown:
                yield from self._rows(position, label, next(totals, None))

        return Stream(produce, sum(self._height(position) for position in shown))

    def _height(self, position: int) -> int:
        size = len(self.lines(position))
        if not self.steps[position].shape:
            return 1
        return (self.detail != "lines") + (self.detail != "board") * size

    def _rows(self, position: int, label: Label | None, totals: list[Math] | None) -> Iterator[Row]:
        step, lines = self.steps[position], self.lines(position)
        if not step.shape:
            yield self.desk.row(lines[0], label(position, lines[0]) if label else NO_WORD, totals[0] if totals else NOTHING)
            return
        word = label(position, lines[0]) if label else NO_WORD
        each = [label(position, line) if label else NO_WORD for line in lines]
        told_by_component = any(other != word for other in each)
        if self.detail != "lines":
            yield self.row(position, NO_WORD if told_by_component else word)
        if self.detail != "board":
            under = self.detail == "both"
            for place, line in enumerate(lines):
                own = each[place] if told_by_component or not under else NO_WORD
                row = self.desk.row(line, own, totals[place] if totals else NOTHING)
                yield row._replace(kind="component") if under else row

    def row(self, position: int, label: Word = NO_WORD) -> Row:
        """A step as a line of matrices, or of numbers where it is one."""
        step = self.steps[position]
        if not step.shape:
            return self.desk.row(self.first[position], label)
        formula, numbers = self._spelled(position, in_numbers=False), self._spelled(position, in_numbers=True)
        return Row(
            number=str(self.line_of[position] or ""),
            name=self.name(position),
            formula=formula,
            numbers=numbers,
            result=self.value(position),
            uses=self.desk.uses([line for argument in step.arguments for line in self.lines(argument)]),
            label=label,
            role=ROLE_WORDS[step.role],
            time=step.target.time,
            relation="~" if self._marked(position) else "=",
            kind="board",
        )

    def _marked(self, position: int) -> bool:
        """Whether the printed digits of an entry do not give its printed result."""
        carries = self.values.rounding.policy == "carry"
        return carries and any(self.desk.row(line).relation != "=" for line in self.lines(position))

    def result(self, position: int) -> Math:
        """The printed value of a line whose calculation is not beside it, with ≈ where its digits do not give it."""
        value = self.value(position)
        return about(value) if self.steps[position].rule is not None and self._marked(position) else value

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

    # ----------------------------------------------------------------- totals

    def _totals(self, positions: Sequence[int]) -> Iterator[list[Math]]:
        """The sum so far after each of these steps, component by component."""
        sizes = [self.lines(position) for position in positions]
        columns = [self.desk.running_totals([lines[place] for lines in sizes]) for place in range(len(sizes[0]))]
        return (list(texts) for texts in zip(*columns, strict=True))

    def running_totals(self, positions: Iterable[int]) -> Iterator[Math]:
        """The sum so far after each of these steps, with all of its entries."""
        positions = list(positions)
        shape, rows = self.steps[positions[0]].shape, self.program.rows
        for totals in self._totals(positions):
            yield Matrix(totals, shape, rows)
