"""What answers are compared with: the lines of a problem, in exact numbers and in a student's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property, lru_cache

from bptt_trace.calculation.arithmetic import Full, evaluate, floats, resolve, unrounded
from bptt_trace.calculation.build import build
from bptt_trace.calculation.compiled_rules import source
from bptt_trace.engine.formula import Formula
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import KEEPS_FIGURES, Program
from bptt_trace.engine.rules import Rule, rule_of
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import CalculationError
from bptt_trace.marking.answer_files import Register
from bptt_trace.marking.catalogue.entry import CATALOGUE, Case, Misconception
from bptt_trace.marking.marks import VERDICTS
from bptt_trace.problem.problem import Problem

Line = Callable[..., float]


Changed = Mapping[int, list[tuple[Line, tuple[int, ...]]]]
"""Lines that somebody calculates in another way, or in one of several."""


HALF, MARGIN = 0.51, 1.05


LEAST_FIGURES = 3
"""Significant figures that an answer has at least, however small it is."""


MOST_UNITS = 10
"""Units of the last place beyond which a tolerance alone makes no answer right."""


LEAST_SHIFT = 1e-8
"""The part of a number by which it is moved at least to see a slope: less would drown in the digits of a double."""


class Key:
    """All of a problem that marking needs; made once, used for every sheet."""

    def __init__(self, problem: Problem, program: Program | None = None) -> None:
        self.problem = problem
        self.program = program or scalars(build(problem))
        self.steps = self.program.steps
        self.arguments = [step.arguments for step in self.steps]
        self.exact: list[float] = list(unrounded(self.program, problem.given).numbers)
        self.places = [self.decimals(position, value) for position, value in enumerate(self.exact)]
        self.quantum = [10.0**-places for places in self.places]
        self.farthest = list(map(self._farthest, self.quantum))
        self.register = Register([step.target for step in self.steps if step.rule is not None], problem.vocabulary)
        self.sources = lru_cache(maxsize=256)(self._sources)
        self._bound: dict[Rule, Line] = {}

    def __reduce__(self) -> tuple[type[Key], tuple[Problem]]:
        """Another process gets the problem, and makes the key of it again."""
        return Key, (self.problem,)

    def decimals(self, position: int, value: float) -> int:
        """Decimals that are asked for: those of the problem, and at least three significant figures of this value."""
        figures, places = self.figures(position), self.problem.rounding.places
        size = math.floor(math.log10(abs(value))) if value else 0
        if figures is not None:
            return figures - 1 - size
        return max(places, LEAST_FIGURES - 1 - size) if value else places

    def figures(self, position: int) -> int | None:
        """The significant figures that the sheet's own rule keeps of a line; None where it keeps decimals."""
        rounding = self.problem.rounding
        if rounding.figures is None and self.steps[position].role in KEEPS_FIGURES:
            return rounding.places
        return rounding.figures

    def unit(self, position: int, value: float | None, typed: int = 0) -> float:
        """One unit of the last place that somebody keeps who has this value at a line.

        The size of this value tells its figures, not that of the right one. Where
        decimals are kept, the problem's own are enough, however small the value;
        ``typed`` ones beyond them count. A spreadsheet drops zeros, so fewer never do.
        """
        own = self.decimals(position, value) if value else self.places[position]
        if self.figures(position) is None:
            own = min(own, max(typed, self.problem.rounding.places))
        return max(self.quantum[position], 10.0**-own)

    def _farthest(self, quantum: float) -> float:
        """How far an answer may be from what follows, whatever the tolerance: a few units, or half a unit of the sheet's places.

        Where a small number is asked for with three significant figures, who
        keeps to the places of the sheet is not held to ten of those.
        """
        rounding = self.problem.rounding
        return max(MOST_UNITS * quantum, HALF * 10.0**-rounding.places if rounding.figures is None else 0.0)

    def _sources(self, written: frozenset[int]) -> Sources:
        return Sources(self, written)

    @cached_property
    def lines(self) -> list[Line | None]:
        """The rule of every step as a function of doubles."""
        how, made = Full(), dict[Rule, Line]()
        for step in self.steps:
            if step.rule is not None and step.rule not in made:
                made[step.rule] = how.line(step.rule, step.role)
        return [None if step.rule is None else made[step.rule] for step in self.steps]

    @cached_property
    def printed(self) -> dict[int, Decimal]:
        """The results of the worked solution, where they are rounded by hand."""
        if self.problem.rounding.policy != "by_hand":
            return {}
        try:
            numbers = evaluate(self.program, self.problem.given, self.problem.rounding).numbers
        except CalculationError:
            return {}
        return {p: numbers[p] for p, step in enumerate(self.steps) if step.rule is not None}

    @cached_property
    def line_texts(self) -> list[str]:
        """The number of every line on the sheet."""
        program, first = self.program.vectors
        texts, count = [""] * len(self.steps), 0
        for position, step in enumerate(program.steps):
            if step.rule is None or step.repeats:
                continue
            count += 1
            for place in range(first[position], first[position + 1]):
                index = self.steps[place].target.index if step.shape else ()
                texts[place] = f"{count}.{','.join(map(str, index))}" if index else str(count)
        return texts

    @cached_property
    def shares(self) -> dict[str, float]:
        """What each verdict earns of the marks of its line."""
        return {kind: self.problem.marks.credit(kind) for kind in VERDICTS}

    @cached_property
    def cells(self) -> dict[Name, dict[tuple[int, ...], int]]:
        """The lines of the components of each vector and matrix."""
        found: dict[Name, dict[tuple[int, ...], int]] = {}
        for position, step in enumerate(self.steps):
            if step.rule is not None and step.target.index:
                found.setdefault(step.target._replace(index=()), {})[step.target.index] = position
        return found

    @cached_property
    def weights(self) -> list[float]:
        """Marks for each line: as the problem's table [marks] says, else 1."""
        marks = self.problem.marks
        return [marks.weight(step.target, step.role) for step in self.steps]

    # ------------------------------------------------------------ misconceptions

    @cached_property
    def changed_formulas(self) -> list[tuple[Misconception, dict[int, list[Formula]]]]:
        """For each misconception the lines that it changes, and the formulas that they would have."""
        case = Case(self.problem, self.program)
        found = []
        for one in CATALOGUE:
            lines = {}
            for position, step in enumerate(self.steps):
                if step.rule is None or step.role is Role.FACTOR:
                    continue
                ways = list(one.change(case, position, step))
                if ways:
                    lines[position] = ways
            if lines:
                found.append((one, lines))
        return found

    @cached_property
    def changes(self) -> list[tuple[Misconception, dict[int, list[tuple[Line, tuple[int, ...]]]]]]:
        """The same, as functions of doubles."""
        return [
            (one, {position: list(map(self._compiled, ways)) for position, ways in lines.items()})
            for one, lines in self.changed_formulas
        ]

    def _compiled(self, formula: Formula) -> tuple[Line, tuple[int, ...]]:
        rule, arguments = rule_of(formula)
        if rule not in self._bound:
            self._bound[rule] = source(rule).bind(float, lambda f: resolve(f, float, floats))
        return self._bound[rule], arguments

    @cached_property
    def worlds(self) -> dict[str, list[dict[int, float]]]:
        """What every line comes to for somebody who has one misconception, from the first line on."""
        found: dict[str, list[dict[int, float]]] = {}
        for one, lines in self.changes:
            ways = max(len(way) for way in lines.values())
            found[one.slug] = [World(self, {}, lines, way).all() for way in range(ways)]
        return found


class Sources:
    """What each line is made of, where some lines are written; the same for every sheet with the same lines written."""

    def __init__(self, key: Key, written: frozenset[int]) -> None:
        self.key, self.written = key, written
        self._known: dict[int, tuple[frozenset[int], frozenset[int]]] = {}

    def of(self, position: int) -> tuple[frozenset[int], frozenset[int]]:
        """The written lines that a line uses, and the blank ones on the way to them."""
        known = self._known.get(position)
        if known is None:
            known = self._known[position] = self._found(position)
        return known

    def _found(self, position: int) -> tuple[frozenset[int], frozenset[int]]:
        steps, arguments = self.key.steps, self.key.arguments
        written: set[int] = set()
        passed: set[int] = set()
        ahead = list(arguments[position])
        while ahead:
            one = ahead.pop()
            if one in self.written:
                written.add(one)
            elif steps[one].rule is not None and one not in passed:
                passed.add(one)
                ahead += arguments[one]
        return frozenset(written), frozenset(one for one in passed if not steps[one].repeats)


class TooMuchWork(Exception):
    """A sheet for which more lines would have to be calculated than are granted."""


class Work:
    """How many lines may still be calculated for a sheet: a limit of time that is the same on every machine."""

    def __init__(self, left: float = math.inf) -> None:
        self.left = left

    def spend(self) -> None:
        """Count one line; raise ``TooMuchWork`` where it was one too many."""
        self.left -= 1
        if self.left < 0:
            raise TooMuchWork


class World:
    """The values of all lines where some are written, and some rules are others."""

    def __init__(
        self,
        key: Key,
        written: Mapping[int, float],
        changed: Changed | None = None,
        way: int = 0,
        work: Work | None = None,
        unit: Callable[[int], float] | None = None,
    ) -> None:
        """``unit`` is one unit of the last place that somebody keeps of a line, if it is not the one asked for."""
        self.key, self.written = key, written
        self.unit = unit or key.quantum.__getitem__
        self.changed = changed or {}
        self.way = way
        self.work = work or Work()
        self._known: dict[int, float | None] = {}
        self._slopes: dict[int, list[tuple[int, float]]] = {}

    def line(self, position: int) -> tuple[Line | None, Sequence[int]]:
        """The rule of a line here, and what it is made of; None for a given number."""
        if position in self.changed:
            ways = self.changed[position]
            return ways[min(self.way, len(ways) - 1)]
        return self.key.lines[position], self.key.arguments[position]

    def value(self, position: int) -> float | None:
        """What a line comes to here; None where that cannot be had."""
        if position in self.written:
            return self.written[position]
        if position not in self._known:
            for one in self.behind([position], self._known):
                self._known[one] = self.rule(one)
        return self._known[position]

    def behind(self, positions: Iterable[int], known: dict[int, float | None] | None = None) -> list[int]:
        """These lines and all that are behind them, as far as they are blank, each after what it is made of.

        ``known`` are lines that are passed over; those that are found are put
        there without a value, which is what a circle has.
        """
        passed: dict[int, float | None] = {} if known is None else known
        found: list[int] = []
        ahead = list(positions)
        while ahead:
            one = ahead.pop()
            if one < 0:
                found.append(~one)
            elif one not in passed and one not in self.written:
                passed[one] = None
                ahead.append(~one)
                ahead += self.line(one)[1]
        return found

    def rule(self, position: int, instead: Mapping[int, float] | None = None) -> float | None:
        """What the rule of a line gives from the values of its arguments, some of them replaced."""
        line, arguments = self.line(position)
        if line is None:
            return self.key.exact[position]
        values = []
        for argument in arguments:
            value = instead[argument] if instead and argument in instead else self.value(argument)
            if value is None:
                return None
            values.append(value)
        return self._result(line, values)

    def _result(self, line: Line, values: list[float]) -> float | None:
        self.work.spend()
        try:
            result = float(line(*values))
        except (ArithmeticError, ValueError):
            return None
        return result if math.isfinite(result) else None

    def spread(self, position: int) -> float:
        """How far a line may be moved by rounding behind it: half a unit of every number there times its slope.

        One pass back along the lines, each before what it is made of, adds up
        the slopes of all paths.
        """
        slopes = {position: 1.0}
        spread = 0.0
        for one in (position, *reversed(self.behind(self.line(position)[1]))):
            if one not in slopes:
                continue
            slope = slopes.pop(one)
            if one != position:
                spread += abs(slope) * self.rounding(one)
            for argument, own in self.slopes(one):
                slopes[argument] = slopes.get(argument, 0.0) + slope * own
        for one, slope in slopes.items():
            spread += abs(slope) * self.rounding(one)
        return spread

    def rounding(self, position: int) -> float:
        """Half a unit of the last place: how far a number may be off by being rounded. A given number and an exact 0 are not."""
        step = self.key.steps[position]
        if position in self.written:
            exact_zero = self.written[position] == 0 == self.key.exact[position]
        else:
            exact_zero = step.repeats or self.value(position) == 0
        return 0.0 if step.rule is None or exact_zero else self.unit(position) / 2

    def slopes(self, position: int) -> list[tuple[int, float]]:
        """By how much a line changes with each number it is made of, over half a unit to the side where that is more."""
        known = self._slopes.get(position)
        if known is None:
            known = self._slopes[position] = list(self._slopes_of(position))
        return known

    def _slopes_of(self, position: int) -> Iterator[tuple[int, float]]:
        line, arguments = self.line(position)
        values = [self.value(argument) for argument in arguments]
        numbers = [value for value in values if value is not None]
        if line is None or len(numbers) < len(values):
            return
        middle = self._result(line, numbers)
        for place, argument in enumerate(arguments if middle is not None else ()):
            if self.key.steps[argument].rule is None:
                continue
            value = numbers[place]
            shift = max(self.key.quantum[argument] / 2, abs(self.key.exact[argument]) * LEAST_SHIFT)
            to_a_side = []
            for side in (shift, -shift):
                there = self._result(line, [*numbers[:place], value + side, *numbers[place + 1 :]])
                if there is not None and middle is not None:
                    to_a_side.append((there - middle) / side)
            if to_a_side:
                yield argument, self.steeper(to_a_side)

    def steeper(self, slopes: list[float]) -> float:
        """The slope that is larger, whatever its sign."""
        return max(slopes, key=abs)

    def all(self) -> dict[int, float]:
        """Every line that has a value, the changed ones and what follows from them."""
        return {p: value for p in range(len(self.key.steps)) if (value := self.value(p)) is not None}
