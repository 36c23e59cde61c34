"""The steps of a program of numbers as rows of a sheet, and the calculations of sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from decimal import Context, Decimal, Inexact, localcontext
from fractions import Fraction
from functools import cached_property
from operator import add
from typing import Any

from bptt_trace.calculation.arithmetic import Arithmetic, Values, arithmetic
from bptt_trace.document.digits import NOT_ASKED
from bptt_trace.document.mathematics import NOTHING, Math, Number, Put, Relation, Verbatim
from bptt_trace.document.notation import LATEX, TEXT, Signs
from bptt_trace.document.sentences import say
from bptt_trace.document.sheet import NO_WORD, Row, Uses, Word
from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.formula_walks import rewrite, variables
from bptt_trace.engine.names import Role
from bptt_trace.engine.program import Program
from bptt_trace.engine.rules import Rule, rule_of
from bptt_trace.lines.blanks import Blanks
from bptt_trace.lines.line_numbers import LineNumbers
from bptt_trace.lines.row_mathematics import FilledRule, NameOf, Names, ValueOf, WithNames, WithNumbers, Written
from bptt_trace.lines.rows import Rows, of_any_sample
from bptt_trace.lines.side_calculations import Calculation, Outcome
from bptt_trace.lines.spelling import Clock, Notations, Shown, Speller, plain, printed, recomputes, seen, shower
from bptt_trace.problem.problem import Problem
from bptt_trace.problem.rounding import WORKING, Precision

ROLE_WORDS = {role: role.value for role in Role}
"""``role.value`` is a Python function, and asked for in every line."""


class Desk(Rows):
    """The steps of a program of numbers, each set as a line, and side calculations in the same arithmetic."""

    def __init__(
        self,
        problem: Problem,
        program: Program,
        values: Values,
        reference: Values,
        *,
        with_latex: bool = True,
        speller: Speller | None = None,
        detail: str = "both",
        few: bool = False,
        blanks: Blanks | None = None,
        shown: Shown | None = None,
        answers: Desk | None = None,
    ) -> None:
        """``reference`` has the values at full precision.

        ``few`` says that few of the lines will be printed: of many iterations a summary. ``shown`` stands for the strings of
        the values. ``answers`` has the same lines without blanks, for blanks that a switch fills in.
        """
        every = range(len(program.steps))
        super().__init__(
            problem,
            program,
            range(len(every) + 1),
            values,
            speller=speller or Speller(problem.vocabulary),
            detail=detail,
            blanks=blanks,
        )
        self.desk = self
        self.reference, self.with_latex, self.few, self.answers = reference, with_latex, few, answers
        self.policy = values.rounding.policy
        self.has_components = program.vectors.program is not program
        """Whether this is a network of vectors."""
        self.on_board = self.has_components and detail != "lines"
        """Whether lines of matrices are printed, which other lines can refer to."""
        self.line_numbers = LineNumbers(program, on_board=self.on_board)
        self.line_of = self.line_numbers.of
        texts = Shown(values) if shown is None or self.policy == "carry" else shown
        self.unrounded: list[Any] = list(values.numbers)
        """The numbers with which lines and side calculations go on."""
        self.numbers: list[Any] = self.unrounded
        """The printed numbers: sentences are true of the digits that their reader sees."""
        if self.policy == "carry":
            self.numbers = [printed(values, position, texts.bare[TEXT]) for position in every]
        self.shown = shown or texts
        if self.hidden:
            self.shown = self.shown.with_gaps({position: self._box(position) for position in self.hidden})
        self.names: dict[Signs, Sequence[str]] = Notations(self._spelled)
        self._rules: dict[Rule, FilledRule] = {}
        self._cover: Callable[[int, Math], Math] | None = None
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

    def _box(self, position: int) -> Math:
        """The box for a blank result in later lines: the number of its line."""
        line, step = self.line_numbers.texts[position], self.steps[position]
        while not line and step.repeats:
            position = step.arguments[0]
            line, step = self.line_numbers.texts[position], self.steps[position]
        return Put("box", Verbatim(line))

    def covered(self, cover: Callable[[int, Math], Math]) -> Desk:
        """The same lines with values as ``cover`` has them, which is given the position of a line and its value."""
        other = copy(self)
        other.desk, other._cover = other, cover
        return other

    # ---------------------------------------------------------------- lookups

    def name(self, position: int) -> Math:
        """The name of a step."""
        return NameOf(self, position)

    def value(self, position: int) -> Math:
        """The printed value of a step; nothing where it is blank."""
        if position in self.hidden:
            return NOTHING
        value = ValueOf(self.shown, position)
        return self._cover(position, value) if self._cover else value

    def equals(self, position: int) -> Math:
        """``h_1 = 0.5370``."""
        return Relation(self.name(position), self.value(position))

    def line(self, position: int) -> str:
        """``line 12``, in words."""
        return say("line {position}", position=self.line_number(position))

    def line_number(self, position: int) -> str:
        """The number of a line, ``12``, or of a component, ``12.1``; empty for what has no line of its own."""
        return self.line_numbers.texts[position]

    def printed(self, position: int) -> Any:
        """The printed number; a given one is printed as it was typed."""
        return self.numbers[position]

    def comparable(self, position: int) -> Any:
        """The printed number, to be compared with another: of a closed form, for which SymPy may take minutes, a double."""
        return self.reference.numbers[position] if self.policy == "exact" else self.printed(position)

    def reading(self, how: Callable[[str], str], position: int) -> Math:
        """A printed number as a sentence reads it, in one of the ``READINGS``."""
        return Number(how(self.value(position).text))

    def said(self, how: Callable[[str], str], number: Calculation) -> str | Math:
        """The same among words, not in mathematics."""
        return how(number.value.text)

    def precision(self, position: int) -> Precision:
        """The digits of a line."""
        return self._precisions[position]

    @cached_property
    def _precisions(self) -> Sequence[Precision]:
        return self.values.rounding.of_lines(self.steps)

    def change(self, position: int) -> str:
        """The change of a parameter by its update, as printed: ``rises``, ``falls``, ``stays``.

        ``rounded`` is a parameter given with more digits than a result has, of
        which the update changes no more than rounding it does.
        """
        before = self.steps[position].arguments[0]
        new, old = Fraction(self.comparable(position)), Fraction(self.comparable(before))
        if new == old:
            return "stays"
        if self.policy in ("by_hand", "carry"):
            with localcontext(WORKING):
                if self.precision(position).settle(Decimal(old.numerator) / old.denominator) == new:
                    return "rounded"
        return "rises" if new > old else "falls"

    def sign(self, position: int) -> int:
        """The sign of the printed value."""
        number = self.printed(position)
        return int(number > 0) - int(number < 0)

    def rule(self, rule: Rule) -> FilledRule:
        """The filling of a rule."""
        found = self._rules.get(rule)
        if found is None:
            found = self._rules[rule] = FilledRule(self, rule, self.shown)
        return found

    def filled(self, rule: Rule, arguments: Sequence[int]) -> tuple[Math, Math]:
        """A rule with names, and with numbers."""
        filled = self.rule(rule)
        return WithNames(filled, arguments), WithNumbers(filled, arguments)

    def row(self, position: int, label: Word = NO_WORD, so_far: Math = NOTHING) -> Row:
        """A step as a line of the sheet; a blank one shows as much as the hints allow."""
        target, rule, arguments, role, _, _ = self.steps[position]
        assert rule is not None
        formula, numbers = self.filled(rule, arguments)
        relation, exact = "=", ""
        beside: Math = NOTHING
        if self.with_latex and self.blanks is None:
            exact = repr(self.reference.numbers[position] + 0.0)
        if self.policy == "carry":
            relation = self.relation(position)
        elif self.policy == "exact" and self.blanks is None and not self.numbers[position].is_Integer:
            beside = Number(f"{self.reference.numbers[position]:.6g}")
        row = Row(
            self.line_numbers.texts[position],
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
        return self._with_blank(row, position) if position in self.hidden else row

    def _with_blank(self, row: Row, position: int) -> Row:
        """A blank line, with the digits asked for, and with its answer where a switch prints it."""
        assert self.blanks is not None
        told = self._with_blanks(row)._replace(blank=self.blanks.asked.get(position, NOT_ASKED))
        if self.answers is None or position not in self.blanks.asked:
            return told
        right = self.answers.row(position)
        return told._replace(answer=(right.numbers, right.result))

    def uses(self, arguments: Sequence[int]) -> Uses:
        """The lines whose results go in."""
        return self.line_numbers.uses(arguments)

    def relation(self, position: int) -> str:
        """``=`` where the printed digits give the printed result, ``~`` where they do not or where nothing is to be compared."""
        _, rule, arguments, _, _, _ = self.steps[position]
        if self.policy != "carry" or rule is None or position in self.hidden:
            return "="
        return self._sign(rule, self.precision(position), arguments, position, self.shown.bare[TEXT])

    def _sign(self, rule: Rule, precision: Precision, arguments: Sequence[int], position: int, texts: Sequence[str]) -> str:
        """The same for a rule of these arguments with the result at ``position``, from what is printed for all of them."""
        if self.policy != "carry":
            return "="
        steps = len(self.steps)
        inputs = [printed(self.values, place, texts) if place < steps else Decimal(texts[place]) for place in arguments]
        with localcontext(WORKING):
            return "=" if recomputes(rule, precision, inputs, Decimal(texts[position])) else "~"

    def totals_by_entry(self, positions: Sequence[int]) -> Iterator[Sequence[Math]]:
        """The sum so far after each of these steps, of which each has one entry."""
        return ((total,) for total in self.running_totals(positions))

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
            text = self.show(total, self.values.rounding.precision) if self.policy == "full" else plain(total)
            yield Number(text) if held else NOTHING

    def general(self, position: int, clock: Clock) -> tuple[Math, Math]:
        """The name and the formula of a step with its times written by a clock; of whichever sample."""
        step = self.steps[position]
        assert step.rule is not None

        def named(argument: int) -> Math:
            return self.speller.math(*seen(clock, step.target, of_any_sample(self.steps[step.arguments[argument]].target)))

        return self.speller.math(of_any_sample(step.target), clock), Written(step.rule, named)

    # ---------------------------------------------------------- side calculations

    def calculate(self, formula: Formula, precision: Precision | None = None) -> Calculation:
        """The value of a formula over steps and earlier calculations, and its spelling.

        It keeps the digits of most lines, or, where it is compared with a line, the ``precision`` of that line.
        """
        earlier = [*dict.fromkeys(part for part in variables(formula) if isinstance(part, Outcome))]
        places = {part: Var(len(self.steps) + place) for place, part in enumerate(earlier)}
        rule, arguments = rule_of(rewrite(formula, lambda part: places[part] if isinstance(part, Outcome) else None))
        behind = [part.unrounded for part in earlier]
        inputs = [self.unrounded[place] if place < len(self.steps) else behind[place - len(self.steps)] for place in arguments]
        precision = precision or self.values.rounding.precision
        number, text = self._worked_out(rule, precision, inputs)
        shown = self.shown.followed_by([*((part.text, part.unrounded) for part in earlier), (text, number)])
        position = len(self.steps) + len(earlier)
        sign = self._sign(rule, precision, arguments, position, shown.bare[TEXT])
        value = ValueOf(shown, position)
        equation = Relation(WithNumbers(FilledRule(self, rule, shown), arguments), value, sign=f" {sign} ")
        told = Decimal(text) if self.policy == "carry" else number
        return Calculation(Outcome(unrounded=number, printed=told, text=text, value=value), told, equation, value)

    def as_calculation(self, variable: Var) -> Calculation:
        """A step, or the result of an earlier calculation, where a calculation is wanted."""
        if isinstance(variable, Outcome):
            return Calculation(variable, variable.printed, variable.value, variable.value)
        value = self.value(variable.number)
        return Calculation(variable, self.numbers[variable.number], value, value)

    def _worked_out(self, rule: Rule, precision: Precision, inputs: Sequence[Any]) -> tuple[Any, str]:
        """The result of a rule, as a number and as printed."""
        with localcontext(WORKING):
            number = self._arithmetic.line(rule, precision)(*inputs)
        return number, self.show(number, precision)

    @cached_property
    def show(self) -> Callable[[Any, Precision], str]:
        """The function that prints a result with its digits."""
        return shower(self.values.rounding)

    @cached_property
    def _arithmetic(self) -> Arithmetic:
        return arithmetic(self.values.rounding, self.values.given)

    def filled_numbers(self, position: int) -> Math:
        """The right side of a step with its numbers: ``1 - 0.8005^2``."""
        step = self.steps[position]
        assert step.rule is not None
        return self.filled(step.rule, step.arguments)[1]
