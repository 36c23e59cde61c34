"""The content of a row: names, values and rules filled with them, each spelled when a medium asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, overload

from bptt_trace.document.mathematics import Derivative, Math, Number, Symbol
from bptt_trace.document.notation import TEXT, Signs
from bptt_trace.engine.formula import Formula
from bptt_trace.engine.formula_text import LinePrinter, template
from bptt_trace.engine.formula_walks import divides_exponentials, has_exponential, has_fraction, variables
from bptt_trace.engine.program import Step
from bptt_trace.engine.rules import Rule
from bptt_trace.lines.spelling import (
    Notations,
    Shown,
    filler,
)

if TYPE_CHECKING:
    from bptt_trace.lines.desk import Desk


class Names(Sequence[str]):
    """The names of steps, each spelled when it is first asked for."""

    def __init__(self, steps: Sequence[Step], spelling: Callable[..., str]) -> None:
        self._steps, self._spelling = steps, spelling
        self._known: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        known = self._known.get(place)
        if known is None:
            known = self._known[place] = self._spelling(self._steps[place].target)
        return known


class NameOf(Math):
    """The name of a step."""

    __slots__ = ("desk", "place")

    def __init__(self, desk: Desk, place: int) -> None:
        self.desk, self.place = desk, place

    @property
    def has_fraction(self) -> bool:
        """Whether it is the name of a derivative."""
        return self.desk.steps[self.place].target.of is not None

    def spell(self, signs: Signs) -> str:
        """The name, in a notation."""
        name: str = self.desk.names[signs][self.place]
        return name

    def flat(self, signs: Signs) -> Iterator[str | Symbol | Derivative | Number]:
        """The letter with its signs."""
        return self.desk.speller.math(self.desk.steps[self.place].target).flat(signs)


class ValueOf(Number):
    """The printed value of a step or of a side calculation."""

    __slots__ = ("place", "shown")

    def __init__(self, shown: Shown, place: int) -> None:
        self.shown, self.place = shown, place

    @property
    def digits(self) -> str:  # type: ignore[override]
        """The digits in plain text."""
        return self.shown.bare[TEXT][self.place]

    def spell(self, signs: Signs) -> str:
        """The digits, in a notation."""
        return self.shown.bare[signs][self.place]


class OfFormula(Math):
    """A formula with names or numbers for its variables: ``pieces`` are the names."""

    __slots__ = ()

    @property
    def formula(self) -> Formula | None:
        """The formula that is written; None for a single number."""
        raise NotImplementedError

    @property
    def has_fraction(self) -> bool:
        """Whether the formula has one, or one of the names is one."""
        return (self.formula is not None and has_fraction(self.formula)) or super().has_fraction

    @property
    def has_exponential(self) -> bool:
        """Whether the formula does."""
        return self.formula is not None and has_exponential(self.formula)

    @property
    def divides_exponentials(self) -> bool:
        """Whether the formula does."""
        return self.formula is not None and divides_exponentials(self.formula)


class FilledRule:
    """A rule over the steps of a desk, to be filled with names or with numbers in each notation."""

    def __init__(self, desk: Desk, rule: Rule, shown: Shown) -> None:
        names = desk.names
        self.desk, self.rule = desk, rule
        self.names = Notations(lambda signs: filler(template(rule, signs, False), names[signs], names[signs]))
        self.numbers = Notations(lambda signs: filler(template(rule, signs, True), shown.bare[signs], shown.operands[signs]))


class OfRule(OfFormula):
    """A rule with the names or the numbers of its arguments."""

    __slots__ = ("arguments", "rule")

    def __init__(self, rule: FilledRule, arguments: Sequence[int]) -> None:
        self.rule, self.arguments = rule, arguments

    @property
    def formula(self) -> Formula:
        """The formula of the rule."""
        return self.rule.rule.formula


class WithNames(OfRule):
    """A rule filled with the names of its arguments."""

    __slots__ = ()

    @property
    def pieces(self) -> Iterable[Math]:
        """The names."""
        return [NameOf(self.rule.desk, argument) for argument in self.arguments]

    def spell(self, signs: Signs) -> str:
        """The line with names, in a notation."""
        line: str = self.rule.names[signs](self.arguments)
        return line

    def flat(self, signs: Signs) -> Iterator[str | Symbol | Derivative | Number]:
        """The line with the letters and signs of its names."""
        form = template(self.rule.rule, signs, False)
        signs_between = form.pattern.split("%s")
        for place, between in enumerate(signs_between):
            if place:
                yield from NameOf(self.rule.desk, self.arguments[form.holes[place - 1]]).flat(signs)
            if between:
                yield between


class WithNumbers(OfRule):
    """A rule filled with the numbers of its arguments."""

    __slots__ = ()

    def spell(self, signs: Signs) -> str:
        """The line with numbers, in a notation."""
        line: str = self.rule.numbers[signs](self.arguments)
        return line


class Written(OfFormula):
    """A formula with the given names."""

    __slots__ = ("form", "names")

    def __init__(self, formula: Rule | Formula, names: Callable[[int], Math]) -> None:
        """``names`` gives the name of each argument of a rule or variable of a formula, by its number; −1 is the last."""
        self.names = names
        self.form = formula

    @property
    def formula(self) -> Formula:
        """The formula, also of a rule."""
        return self.form.formula if isinstance(self.form, Rule) else self.form

    @property
    def pieces(self) -> Iterable[Math]:
        """The names."""
        return [self.names(variable.number) for variable in variables(self.formula)]

    def spell(self, signs: Signs) -> str:
        """The formula as a line of the sheet has it."""
        form = template(self.form, signs, False) if isinstance(self.form, Rule) else LinePrinter(signs).template(self.form)
        return form.pattern % tuple(self.names(hole).spell(signs) for hole in form.holes)
