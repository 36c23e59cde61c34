"""A desk for a page: every number that it sets has a place, and every side calculation is a further step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bptt_trace.calculation.arithmetic import Values
from bptt_trace.document.mathematics import Math, MathRow, Placed, Relation
from bptt_trace.document.notation import MATHML, TEXT, UNICODE, Signs, like
from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.program import Program
from bptt_trace.engine.rules import Rule, rule_of
from bptt_trace.exports.page.program import Code
from bptt_trace.exports.page.watched import LOST, Numbers, Watch
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.side_calculations import Calculation
from bptt_trace.lines.spelling import Shown
from bptt_trace.problem.problem import Problem
from bptt_trace.problem.rounding import Precision

SET = (MATHML, MATHML.within)
"""Notations in which a number is an element."""
SPOKEN = like(UNICODE)
"""Words and signs for an alternative text, with the places of numbers between marks."""
OPEN, CLOSE = "\ue000", "\ue001"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def printed(digits: str) -> str:
    """A number as a page prints it in one run of letters.

    >>> printed("-0.5"), printed("1.20e-7")
    ('−0.5', '1.20·10⁻⁷')
    """
    mantissa, power, exponent = digits.partition("e")
    return mantissa.replace("-", "−") + (f"·10{exponent.translate(_RAISED)}" if power else "")


class LiveShown(Shown):
    """The numbers of a program, in MathML as elements with a place; a closed form stands in its element as it is."""

    def __init__(self, values: Values, watch: Watch, mark: str) -> None:
        super().__init__(values)
        self.watch, self.mark = watch, mark

    def _bare(self, signs: Signs) -> Any:
        if signs.root is SPOKEN:
            return _Places(lambda place: f"{OPEN}{place}{CLOSE}")
        if signs.root in SET:
            return _Places(lambda place: self._place(place, signs))
        return super()._bare(signs)

    def _place(self, place: int, signs: Signs) -> str:
        text = self.bare[TEXT][place]
        if self.exact:
            return f'<mrow data-v="{place}">{self._numeral(place, text, signs)}</mrow>'
        return f'<mn data-v="{place}">{self._printed(text)}</mn>'

    def _printed(self, text: str) -> str:
        return printed(text).replace(".", self.mark)

    def _operands(self, signs: Signs) -> Any:
        if signs.root in SET:
            return _Places(lambda place: self._operand_place(place, signs))
        return super()._operands(signs)

    def _operand_place(self, place: int, signs: Signs) -> str:
        text = self.bare[TEXT][place]
        if self.exact:
            return self.operand(place, self._place(place, signs), signs)
        shown = self._printed(text) if text.replace(".", "", 1).isdigit() else f"({self._printed(text)})"
        return f'<mn data-o="{place}">{shown}</mn>'

    def add(self, text: str, number: Any) -> None:
        """Append one more number."""
        place = len(self.bare[TEXT])
        self._closed += [number] * self.exact
        for strings, made in ((self.bare, self._numeral), (self.operands, self._operand)):
            for signs, texts in strings.items():
                if isinstance(texts, list):
                    texts.append(made(place, text, signs))

    def _operand(self, place: int, text: str, signs: Signs) -> str:
        del text
        return self.operand(place, self.bare[signs][place], signs)


class _Places:
    """Elements that are made on request."""

    def __init__(self, make: Any) -> None:
        self.make = make

    def __getitem__(self, place: int) -> str:
        made: str = self.make(place)
        return made


def _with(values: Values, numbers: Any) -> Values:
    """Values whose numbers remember how they are compared."""
    return replace(values, numbers=numbers)


class _Value(Placed):
    """The printed value of a step; a sentence that reads its digits is true of these only."""

    __slots__ = ("shown",)

    def __init__(self, shown: LiveShown, place: int) -> None:
        self.shown, self.place, self.bracketed = shown, place, False

    @property
    def digits(self) -> str:  # type: ignore[override]
        return self.shown.bare[TEXT][self.place]

    def spell(self, signs: Signs) -> str:
        if signs is TEXT:
            self.shown.watch.note(*LOST)
        if signs.root is UNICODE:
            return signs.numeral(self.digits) if signs.base else printed(self.digits)
        return self.shown.bare[signs][self.place]


class _About(MathRow):
    """A value with ≈ before it while its digits do not give it."""

    __slots__ = ("sign",)

    def __init__(self, value: _Value, relation: str) -> None:
        super().__init__(*(["~ "] if relation != "=" else []), value)
        self.sign = "≈" if relation != "=" else ""

    def spell(self, signs: Signs) -> str:
        if signs.root in SET:
            value: Any = self.parts[-1]
            return f'<mo data-r="{value.place}">{self.sign}</mo>{value.spell(signs)}'
        return super().spell(signs)


class FixedDesk(Desk):
    """A program with its values, each of which has a place on a page that shows them as they are."""

    def __init__(self, problem: Problem, program: Program, values: Values, reference: Values, watch: Watch, detail: str) -> None:
        self.live = LiveShown(values, watch, problem.handout.locale.decimal_mark)
        super().__init__(problem, program, values, reference, with_latex=False, detail=detail, shown=self.live)
        self.watch, self.code = watch, Code(program.steps, values.rounding)

    def value(self, position: int) -> Math:
        """The place of a step or of a side calculation."""
        return _Value(self.live, position)

    def calculate(self, formula: Formula, precision: Precision | None = None) -> Calculation:
        """A side calculation; its result has a place of its own behind those of the steps."""
        rule, arguments = rule_of(formula)
        precision = precision or self.values.rounding.precision
        with self.watch.paused():
            number, text = self._worked_out(rule, precision, [self.unrounded[argument] for argument in arguments])
        value = self._add(text, number)
        sign = self._sign(rule, precision, arguments, value.place, self.live.bare[TEXT])
        equation = Relation(self.filled(rule, arguments)[1], value, sign=f" {sign} ")
        return Calculation(Var(value.place), self.numbers[value.place], equation, value)

    def _add(self, text: str, number: Any) -> _Value:
        """A place for a number that is no step of the program."""
        self.unrounded.append(number)
        if self.policy == "carry":
            self.numbers.append(Decimal(text))
        self.live.add(text, number)
        return _Value(self.live, len(self.unrounded) - 1)


class LiveDesk(FixedDesk):
    """A program with its values, set for a page that calculates them again."""

    def __init__(self, problem: Problem, program: Program, values: Values, reference: Values, watch: Watch, detail: str) -> None:
        super().__init__(problem, program, values, reference, watch, detail)
        self.numbers: Any = Numbers(self.numbers, watch, "v")
        rounded, exact = Numbers(list(values.numbers), watch, "v"), Numbers(list(reference.numbers), watch, "x")
        self.values, self.reference = _with(values, rounded), _with(reference, exact)
        self._totals: dict[tuple[int, ...], list[Math]] = {}

    def result(self, position: int) -> Math:
        """The printed value, with ≈ where its digits do not give it."""
        value = _Value(self.live, position)
        if self.steps[position].rule is None or self.policy != "carry":
            return value
        with self.watch.paused():
            return _About(value, self.relation(position))

    def _sign(self, rule: Rule, precision: Precision, arguments: Sequence[int], position: int, texts: Sequence[str]) -> str:
        """The sign of the desk; a sentence with the sign stays true as long as the sign does."""
        with self.watch.paused():
            sign = super()._sign(rule, precision, arguments, position, texts)
        if self.policy == "carry":
            self.watch.note("relation", position, sign == "=")
        return sign

    def change(self, position: int) -> str:
        """The change of a parameter by an update, in a word; a sentence with the word is true as long as the word is."""
        with self.watch.paused():
            word = super().change(position)
        self.watch.note("change", position, self.steps[position].arguments[0], word)
        return word

    def calculate(self, formula: Formula, precision: Precision | None = None) -> Calculation:
        """A side calculation, which the page goes on calculating."""
        position = self.code.add(*rule_of(formula), precision or self.values.rounding.precision)
        made = super().calculate(formula, precision)
        assert position == made.variable.number
        return made

    def reading(self, how: Callable[[str], str], position: int) -> Math:
        """A printed number as a sentence reads it, which the page goes on reading."""
        with self.watch.paused():
            text = super().reading(how, position).text
        self.code.add_reading(how, position)
        return self._add(text, Decimal(text))

    def said(self, how: Callable[[str], str], number: Calculation) -> str | Math:
        """The same, in mathematics: it has a place there."""
        return self.reading(how, number.variable.number)

    def running_totals(self, positions: Iterable[int]) -> Iterator[Math]:
        """The sum so far after each of these steps; each is a step of the page."""
        terms = tuple(positions)
        if terms not in self._totals:
            with self.watch.paused():
                self._totals[terms] = [self._total(terms, count) for count in range(1, len(terms) + 1)]
        return iter(self._totals[terms])

    def _total(self, terms: tuple[int, ...], count: int) -> Math:
        *_, text = super().running_totals(terms[:count])
        if not text:
            return text  # 60 digits do not hold it
        self.code.add_total(terms[:count])
        return self._add(text.text, Decimal(text.text))
