"""What a writer of sheets has on the desk: the lines as rows, and a scratch pad.

``row`` sets a step of the program. ``calculate`` does a side calculation for a
sentence by the same rules, arithmetic and templates as every line, so that a
number in a sentence is as reliable as a number in a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, localcontext
from fractions import Fraction
from functools import cached_property, partial
from itertools import chain, groupby
from operator import add
from typing import Any

from bptt_trace.calculation.arithmetic import WORKING, Arithmetic, Values, arithmetic, settler
from bptt_trace.document.mathematics import NOTHING, Math, MathRow, Number, Relation, say
from bptt_trace.document.notation import LATEX, TEXT, Signs
from bptt_trace.document.sheet import NO_WORD, LineNumber, Row, Stream, Uses, Word
from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Program, Step
from bptt_trace.engine.rules import Rule, rule_of
from bptt_trace.lines.line_numbers import in_short, joined, ranges, span
from bptt_trace.lines.parts_of_sheet import parts_of
from bptt_trace.lines.row_mathematics import FilledRule, NameOf, Names, ValueOf, WithNames, WithNumbers, Written
from bptt_trace.lines.spelling import (
    Clock,
    Notations,
    Shown,
    Speller,
    plain,
    printed,
    recomputes,
    seen,
    shower,
)
from bptt_trace.problem.problem import Problem

Label = Callable[[int, int], Word]
"""The word for a line, from its place among the steps and, in a program of numbers, that of a component."""
ROLE_WORDS = {role: role.value for role in Role}
"""``role.value`` is a Python function, and asked for in every line."""


def _component(index: str, line: int) -> LineNumber:
    """A component of a line by the number of that line."""
    return LineNumber(str(line), f"{line}.{index}")


@dataclass(frozen=True)
class Calculation:
    """A side calculation: ``0.8 * 0.5370 = 0.4296``."""

    variable: Var
    """For use in further calculations."""
    number: Any
    equation: Math
    value: Math


class Desk:
    """A program with its values, set line by line."""

    def __init__(
        self,
        problem: Problem,
        program: Program,
        values: Values,
        reference: Values,
        *,
        with_latex: bool,
        speller: Speller | None = None,
        detail: str = "both",
        few: bool = False,
    ) -> None:
        """``few`` says that few of the lines will be printed: of many iterations a summary."""
        self.problem = problem
        self.parts = parts_of(program)
        self.program = program
        self.steps: Sequence[Step] = program.steps
        self.values = values
        self.reference = reference
        self.with_latex = with_latex
        self.speller = speller or Speller(problem.vocabulary)
        self.shown = Shown(values)
        self.few = few
        self.names: dict[Signs, Sequence[str]] = Notations(self._spelled)
        self.policy = values.rounding.policy
        self.unrounded: list[Any] = list(values.numbers)
        """What lines and side calculations go on with."""
        carries, every = self.policy == "carry", range(len(self.steps))
        self.numbers: list[Any] = [printed(values, p, self.shown.bare[TEXT]) for p in every] if carries else self.unrounded
        """What stands on the sheet: sentences are true of the digits that their reader sees."""
        self.has_components = program.vectors.program is not program
        """Whether this is a network of vectors."""
        self.on_board = self.has_components and detail != "lines"
        """Whether lines of matrices are printed, which other lines can refer to."""
        self.line_of, self._line_texts = self._numbered()
        self._rules: dict[Rule, FilledRule] = {}
        if with_latex:  # made before the first row is written, so that rows alone come and go while they are
            _ = self.names[LATEX], self.shown.operands[LATEX]

    def _spelled(self, signs: Signs) -> Sequence[str]:
        """The names of all steps in one notation."""
        spelling = self.speller.spelling(signs)
        if self.few:
            return Names(self.steps, spelling)
        if signs.in_line and signs.root is not TEXT:
            return self.speller.all(self.steps, self.names[TEXT], signs)
        return [spelling(step.target) for step in self.steps]

    def _numbered(self) -> tuple[list[int], list[str]]:
        """The line number of every step, and how it is written: a component of line 4 is ``4.1``, or ``4.1,2``.

        0, and nothing, for given numbers and for contributions that repeat a line.
        """
        program, first = self.program.vectors
        lines, texts = [0] * len(self.steps), [""] * len(self.steps)
        count = 0
        for position, step in enumerate(program.steps):
            rule = step.rule
            if rule is None or (rule.copies and step.repeats):
                continue
            count += 1
            start = first[position]
            if not step.shape:
                lines[start], texts[start] = count, str(count)
                continue
            for place in range(start, first[position + 1]):
                lines[place], texts[place] = count, f"{count}.{','.join(map(str, self.steps[place].target.index))}"
        return lines, texts

    # ---------------------------------------------------------------- lookups

    def find(self, name: Name) -> int | None:
        """The position of a name, if the program has it."""
        return self.program.index.get(name)

    @staticmethod
    def lines(position: int) -> range:
        """The component lines of a step: itself."""
        return range(position, position + 1)

    @cached_property
    def last_time(self) -> int:
        """The number of time steps; 0 for a feedforward network."""
        return self.problem.network.steps or 0

    def name(self, position: int) -> Math:
        """The name of a step."""
        return NameOf(self, position)

    def value(self, position: int) -> Math:
        """The printed value of a step or of a side calculation."""
        return ValueOf(self.shown, position)

    def equals(self, position: int) -> Math:
        """``h_1 = 0.5370``."""
        return Relation(self.name(position), self.value(position))

    def line(self, position: int) -> str:
        """``line 12``, in words."""
        return say("line {position}", position=self._line_texts[position])

    def printed(self, position: int) -> Any:
        """The number that stands on the sheet, where that is not the one used next."""
        return self.numbers[position]

    def result(self, position: int) -> Math:
        """The printed value of a line whose calculation is not beside it, with ≈ where its digits do not give it."""
        (_, rule, arguments, role, _, _), value = self.steps[position], self.value(position)
        if rule is None or self.relation(rule, role, arguments, position) == "=":
            return value
        return about(value)

    def reading(self, how: Callable[[str], str], position: int) -> Math:
        """A printed number as a sentence reads it, in one of the ``READINGS``."""
        return Number(how(self.value(position).text))

    def said(self, how: Callable[[str], str], position: int) -> str | Math:
        """The same among words, not in mathematics."""
        return self.reading(how, position).text

    def change(self, position: int) -> str:
        """What an update does to its parameter, as printed: ``rises``, ``falls``, ``stays``.

        ``rounded`` is a parameter given with more digits than a result has, of
        which the update changes no more than rounding it does.
        """
        before = self.steps[position].arguments[0]
        if self.policy == "exact":
            new, old = (self.reference.numbers[one] for one in (position, before))
        else:
            new, old = Fraction(self.printed(position)), Fraction(self.printed_or_given(before))
        if new == old:
            return "stays"
        if self.policy in ("by_hand", "carry"):
            with localcontext(WORKING):
                if settler(self.values.rounding, Role.UPDATE)(Decimal(old.numerator) / old.denominator) == new:
                    return "rounded"
        return "rises" if new > old else "falls"

    def printed_or_given(self, position: int) -> Any:
        """The number that stands on the sheet; a given one stands there as it was typed."""
        return self.numbers[position] if self.steps[position].rule is None else self.printed(position)

    def sign(self, position: int) -> int:
        """The sign of the printed value."""
        number = self.printed(position)
        return int(number > 0) - int(number < 0)

    # ------------------------------------------------------------------- rows

    def rule(self, rule: Rule) -> FilledRule:
        """How a rule is filled."""
        found = self._rules.get(rule)
        if found is None:
            found = self._rules[rule] = FilledRule(self, rule)
        return found

    def filled(self, rule: Rule, arguments: Sequence[int]) -> tuple[Math, Math]:
        """A rule with names, and with numbers."""
        filled = self.rule(rule)
        return WithNames(filled, arguments), WithNumbers(filled, arguments)

    def row(self, position: int, label: Word = NO_WORD, so_far: Math = NOTHING) -> Row:
        """A step as a line of the sheet."""
        target, rule, arguments, role, _, _ = self.steps[position]
        assert rule is not None
        formula, numbers = self.filled(rule, arguments)
        relation, exact = "=", ""
        beside: Math = NOTHING
        if self.with_latex:
            exact = repr(self.reference.numbers[position] + 0.0)
        if self.policy == "carry":
            relation = self.relation(rule, role, arguments, position)
        elif self.policy == "exact" and not self.numbers[position].is_Integer:
            beside = Number(f"{self.reference.numbers[position]:.6g}")
        return Row(
            self._line_texts[position],
            self.name(position),
            formula,
            numbers,
            self.value(position),
            self.uses(arguments),
            label,
            ROLE_WORDS[role],
            target.time,
            exact,
            so_far,
            relation,
            beside,
        )

    def uses(self, arguments: Sequence[int]) -> Uses:
        """The lines whose results go in, all of them, in the order of the sheet: ``12, 17, 50–54``.

        Where matrices have lines of their own, 4 stands for all components of line 4; ``[1,2] of 30–35`` is the same
        component of several lines.
        """
        if not self.has_components:
            known = sorted({self.line_of[position] for position in arguments} - {0})
            return Uses(ranges(known), partial(in_short, known))
        groups: dict[int, list[int]] = {}
        for position in sorted(set(arguments)):
            if self.line_of[position]:
                groups.setdefault(self.line_of[position], []).append(position)

        def alike(line: int) -> str:
            """What neighbours have in common that are told together."""
            if self._is_whole(line, len(groups[line])):
                return ""
            return self._line_texts[groups[line][0]].removeprefix(f"{line}.") if len(groups[line]) == 1 else f"line {line}"

        pieces: list[Iterator[str]] = []
        apart = ", "
        for common, run in groupby(groups, alike):
            lines = list(run)
            if not common:
                pieces.append(in_short(lines, self._whole))
            elif len(lines) > 2:
                pieces.append(chain((say("[{common}] of ", common=common),), in_short(lines, partial(_component, common))))
                apart = "; "
            else:
                pieces += [self._components(groups[line]) for line in lines]
        told = tuple(joined(pieces, apart))
        return Uses("".join(told), lambda: told)

    def _whole(self, line: int) -> LineNumber:
        """A line with all of its components, or the first of them where it has no line of its own."""
        return LineNumber(str(line), "" if self.on_board else self._line_texts[self._first[line]])

    def _is_whole(self, line: int, count: int) -> bool:
        """Whether so many components of a line are told by its number alone."""
        return self._line_texts[self._first[line]] == str(line) or (self.on_board and count == self._sizes[line])

    def _components(self, positions: Sequence[int]) -> Iterator[str]:
        """Components of one line in short: ``4.1–4.3``; of a matrix those of one row, ``4.1,1–4.1,3``."""

        def alike(pair: tuple[int, int]) -> tuple[int, str]:
            place, position = pair
            return position - place, self._line_texts[position].rpartition(",")[0]

        runs = groupby(enumerate(positions), alike)
        return joined(span([LineNumber(self._line_texts[position]) for _, position in run]) for _, run in runs)

    @cached_property
    def _first(self) -> dict[int, int]:
        """The first component of each line."""
        return {line: position for position, line in reversed(list(enumerate(self.line_of)))}

    @cached_property
    def _sizes(self) -> Counter[int]:
        """How many components each line has."""
        return Counter(self.line_of)

    def relation(self, rule: Rule, role: Role, arguments: Sequence[int], position: int) -> str:
        """``=`` where the printed digits give the printed result, ``~`` where they do not."""
        if self.values.rounding.policy != "carry":
            return "="
        texts = self.shown.bare[TEXT]
        inputs = [
            printed(self.values, argument, texts) if argument < len(self.steps) else Decimal(texts[argument])
            for argument in arguments
        ]
        with localcontext(WORKING):
            return "=" if recomputes(rule, role, self.values.rounding, inputs, Decimal(texts[position])) else "~"

    def stream(self, positions: Sequence[int], label: Label | None = None, adds_up: bool = False) -> Stream:
        """Rows for these steps, made while they are read; in a long sum with running totals."""

        def produce() -> Iterator[Row]:
            totals = self.running_totals(positions[:-1]) if adds_up else iter(())
            for position in positions:
                yield self.row(position, label(position, position) if label else NO_WORD, next(totals, NOTHING))

        return Stream(produce, len(positions))

    def running_totals(self, positions: Iterable[int]) -> Iterator[Math]:
        """The sum so far after each of these steps, unrounded; nothing from where 60 digits do not hold it.

        Sums of printed numbers are exact.
        """
        if self.values.rounding.policy == "exact":
            return
        exactly = Context(WORKING.prec, traps=[Inexact])
        together = {"full": add, "by_hand": exactly.add, "carry": WORKING.add}[self.policy]
        total: Any = None
        held = True
        for position in positions:
            try:
                total = together(total, self.numbers[position]) if total is not None else self.numbers[position]
            except Inexact:
                held = False
            text = shower(self.values.rounding)(total, Role.CONTRIBUTION) if self.policy == "full" else plain(total)
            yield Number(text) if held else NOTHING

    def general(self, position: int, clock: Clock) -> tuple[Math, Math]:
        """The name and the formula of a step with its times written by a clock; of whichever sample."""
        step = self.steps[position]
        assert step.rule is not None

        def named(argument: int) -> Math:
            return self.speller.math(*seen(clock, step.target, of_any_sample(self.steps[step.arguments[argument]].target)))

        return self.speller.math(of_any_sample(step.target), clock), Written(step.rule, named)

    # ---------------------------------------------------------- side calculations

    def calculate(self, formula: Formula, role: Role = Role.HIDDEN) -> Calculation:
        """The value of a formula over steps and earlier calculations, and how it reads."""
        rule, arguments = rule_of(formula)
        with localcontext(WORKING):
            number = self._arithmetic.line(rule, role)(*[self.unrounded[argument] for argument in arguments])
        text = shower(self.values.rounding)(number, role)
        self.unrounded.append(number)
        if self.policy == "carry":
            number = Decimal(text)
            self.numbers.append(number)
        self.shown.add(text, number)
        position = len(self.numbers) - 1
        sign = f" {self.relation(rule, role, arguments, position)} "
        value = self.value(position)
        return Calculation(Var(position), number, Relation(self.filled(rule, arguments)[1], value, sign=sign), value)

    @cached_property
    def _arithmetic(self) -> Arithmetic:
        return arithmetic(self.values.rounding, self.values.given)

    def filled_numbers(self, position: int) -> Math:
        """The right side of a step with its numbers: ``1 - 0.8005^2``."""
        step = self.steps[position]
        assert step.rule is not None
        return self.filled(step.rule, step.arguments)[1]


def about(value: Math) -> Math:
    """A value behind ≈."""
    return MathRow("~ ", value)


def of_any_sample(name: Name) -> Name:
    """The name without the number of its sample, as general formulas have it."""

    def plain(part: Name | None) -> Name | None:
        return None if part is None else part._replace(sample=None)

    return name._replace(sample=None, of=plain(name.of), via=plain(name.via))
