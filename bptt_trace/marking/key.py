"""The key of a problem: its lines with exact numbers, and with the numbers of a student."""

from __future__ import annotations

import math
import sys
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property, lru_cache

from bptt_trace.calculation.arithmetic import Full, evaluate
from bptt_trace.calculation.build import build
from bptt_trace.calculation.compiled_rules import source
from bptt_trace.calculation.function_values import floats, resolve
from bptt_trace.calculation.unrounded import unrounded
from bptt_trace.engine.formula import Formula
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Program
from bptt_trace.engine.rules import Rule, rule_of
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import CalculationError
from bptt_trace.lines.line_numbers import numbered
from bptt_trace.marking.answer_files import Register
from bptt_trace.marking.catalogue.entry import CATALOGUE, Case, Misconception
from bptt_trace.marking.marks import VERDICTS
from bptt_trace.marking.tolerance import HALF, LEAST_FIGURES, MOST_DECIMALS, MOST_UNITS, TOLD_APART
from bptt_trace.problem.problem import Problem

LineFunction = Callable[..., float]


Changed = Mapping[int, list[tuple[LineFunction, tuple[int, ...]]]]
"""The lines that a misconception changes, each with its possible rules and their arguments."""


Mistakes = tuple[Misconception, ...]
"""One misconception, or several that are made at once."""


Made = tuple[Mistakes, Changed]
"""Mistakes, and the lines that they change."""


AT_ONCE = [("memory-path-dropped", "carry-dropped")]
"""A student who leaves out the gradient from the next step may leave out all of it: along the state and along the cell."""


LEAST_SHIFT = 1e-8
"""The least relative shift of a number for a slope; a smaller one would be lost in the digits of a double."""


class Key:
    """All data that marking needs of a problem; made once, used for every sheet."""

    def __init__(self, problem: Problem, program: Program | None = None) -> None:
        self.problem = problem
        self.program = program or scalars(build(problem))
        self.steps = self.program.steps
        self.arguments = [step.arguments for step in self.steps]
        self.given = [step.rule is None for step in self.steps]
        self.exact: list[float] = list(unrounded(self.program, problem.given).numbers)
        precisions = problem.rounding.of_lines(self.steps)
        self._figures = [precision.digits if precision.significant else None for precision in precisions]
        self.usual = [problem.rounding.places if precision.significant else precision.digits for precision in precisions]
        """The decimals that the sheet keeps in each line; those of the problem for a line that keeps figures."""
        self._plain = [10.0 ** (LEAST_FIGURES - 1 - usual) for usual in self.usual]  # from here on these are figures enough
        self.places = [self._places(position, value) for position, value in enumerate(self.exact)]
        self.quantum = [max(10.0**-places, sys.float_info.min) for places in self.places]
        self.coarse = [max(quantum, 10.0**-usual) for quantum, usual in zip(self.quantum, self.usual, strict=True)]
        """One unit of the last place of a line that has the decimals of the problem and no more."""
        self.shifts = [max(q / 2, abs(v) * LEAST_SHIFT) for q, v in zip(self.quantum, self.exact, strict=True)]
        """For each line, the distance by which it is moved for the slopes of others."""
        self.farthest = list(map(self._farthest, self.quantum, self.usual))
        self.register = Register([step.target for step in self.steps if step.rule is not None], problem.vocabulary)
        self.sources = lru_cache(maxsize=256)(self._sources)
        self._bound: dict[Rule, LineFunction] = {}

    def __reduce__(self) -> tuple[type[Key], tuple[Problem]]:
        """Another process gets the problem, and makes the key of it again."""
        return Key, (self.problem,)

    def _places(self, position: int, value: float) -> int:
        """The decimals beside a box."""
        places, asked = self.usual[position], self.decimals(position, value)
        return places if self._figures[position] is None and asked > max(places, MOST_DECIMALS) else asked

    def decimals(self, position: int, value: float) -> int:
        """The decimals asked for: those of the line, and at least three significant figures of this value."""
        figures, places = self._figures[position], self.usual[position]
        if figures is None and abs(value) >= self._plain[position]:
            return places
        size = math.floor(math.log10(abs(value))) if value else 0
        if figures is not None:
            return figures - 1 - size
        return max(places, LEAST_FIGURES - 1 - size) if value else places

    def figures(self, position: int) -> int | None:
        """The significant figures that the sheet keeps in a line; None if it keeps decimals."""
        return self._figures[position]

    def unit(self, position: int, value: float | None, typed: int = 0) -> float:
        """One unit of the last place that a student keeps whose value at a line is ``value``.

        The size of this value determines its figures, not that of the right one.
        If a line keeps decimals, those of the sheet are enough, however small the
        value; ``typed`` decimals beyond them count. Fewer do not, because a
        spreadsheet drops zeros.
        """
        keeps_decimals = self._figures[position] is None
        if keeps_decimals and typed <= self.usual[position]:
            return self.coarse[position]
        asked = self.decimals(position, value) if value else self.places[position]
        if keeps_decimals:
            asked = min(asked, typed)
        return max(self.quantum[position], 10.0**-asked)

    def _farthest(self, quantum: float, usual: int) -> float:
        """The largest distance from the reference under any tolerance: ten units, or half a unit of the sheet's decimals.

        The second bound is for a small number that is asked for with three
        significant figures, when a student keeps the decimals of the sheet.
        """
        return max(MOST_UNITS * quantum, HALF * 10.0**-usual if self.problem.rounding.figures is None else 0.0)

    def _sources(self, written: frozenset[int]) -> Sources:
        return Sources(self, written)

    @cached_property
    def lines(self) -> list[LineFunction | None]:
        """The rule of every step as a function of doubles."""
        how, made = Full(), dict[Rule, LineFunction]()
        for step in self.steps:
            if step.rule is not None and step.rule not in made:
                made[step.rule] = how.line(step.rule)
        return [None if step.rule is None else made[step.rule] for step in self.steps]

    @cached_property
    def printed(self) -> dict[int, Decimal]:
        """The results of the worked solution, if they are rounded by hand."""
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
        return numbered(self.program)[1]

    @cached_property
    def shares(self) -> dict[str, float]:
        """The share of the marks of its line that each verdict earns."""
        return {kind: self.problem.marks.credit(kind) for kind in VERDICTS}

    @cached_property
    def cells(self) -> dict[Name, dict[tuple[int, ...], int]]:
        """The lines of the components of each vector and matrix."""
        cells_of: dict[Name, dict[tuple[int, ...], int]] = {}
        for position, step in enumerate(self.steps):
            if step.rule is not None and step.target.index:
                cells_of.setdefault(step.target._replace(index=()), {})[step.target.index] = position
        return cells_of

    @cached_property
    def weights(self) -> list[float]:
        """The marks for each line, from the table [marks] of the problem; 1 by default."""
        marks = self.problem.marks
        return [marks.weight(step.target, step.role) for step in self.steps]

    # ------------------------------------------------------------ misconceptions

    @cached_property
    def changed_formulas(self) -> list[tuple[Misconception, dict[int, list[Formula]]]]:
        """The lines that each misconception changes, with their wrong formulas."""
        case = Case(self.problem, self.program)
        changed = []
        for misconception in CATALOGUE:
            lines = {}
            for position, step in enumerate(self.steps):
                if step.rule is None or step.role is Role.FACTOR:
                    continue
                ways = list(misconception.change(case, position, step))
                if ways:
                    lines[position] = ways
            if lines:
                changed.append((misconception, lines))
        return changed

    @cached_property
    def changes(self) -> list[tuple[Misconception, dict[int, list[tuple[LineFunction, tuple[int, ...]]]]]]:
        """The lines that each misconception changes, with their wrong rules as functions of doubles."""
        return [
            (misconception, {position: list(map(self._compiled, ways)) for position, ways in lines.items()})
            for misconception, lines in self.changed_formulas
        ]

    @cached_property
    def changes_at_once(self) -> list[Made]:
        """The lines that mistakes change which are often made at once."""
        of = {misconception.slug: (misconception, lines) for misconception, lines in self.changes}
        pairs = [[of[slug] for slug in slugs] for slugs in AT_ONCE if all(slug in of for slug in slugs)]
        return [(tuple(mistake for mistake, _ in pair), dict(ChainMap(*(lines for _, lines in pair)))) for pair in pairs]

    def _compiled(self, formula: Formula) -> tuple[LineFunction, tuple[int, ...]]:
        rule, arguments = rule_of(formula)
        if rule not in self._bound:
            self._bound[rule] = source(rule).bind(float, lambda f: resolve(f, float, floats))
        return self._bound[rule], arguments

    @cached_property
    def worlds(self) -> dict[str, list[dict[int, float]]]:
        """The value of every line under each misconception, from the first line on; one world for each way to make it."""
        worlds_of: dict[str, list[dict[int, float]]] = {}
        for misconception, lines in self.changes:
            ways = max(len(way) for way in lines.values())
            worlds_of[misconception.slug] = [World(self, {}, lines, way).all() for way in range(ways)]
        return worlds_of

    @cached_property
    def mistaken(self) -> list[list[tuple[Misconception, float]]]:
        """The values of each line under each misconception, made from the first line on, that rounding does not explain."""
        values: list[list[tuple[Misconception, float]]] = [[] for _ in self.steps]
        for misconception, _ in self.changes:
            for world in self.worlds[misconception.slug]:
                for position, value in world.items():
                    if abs(value - self.exact[position]) > TOLD_APART * HALF * self.quantum[position]:
                        values[position].append((misconception, value))
        return values


class Sources:
    """The sources of each line, given which lines are written; shared by sheets with the same lines written."""

    def __init__(self, key: Key, written: frozenset[int]) -> None:
        self.key, self.written = key, written
        self._known: dict[int, tuple[frozenset[int], frozenset[int]]] = {}
        self._changes: dict[int, list[Made]] = {}

    def changes(self, position: int) -> list[Made]:
        """The mistakes that change a line, or a blank line on the way to it, with all lines that they change."""
        if position not in self._changes:
            blanks = self.of(position)[1]
            made: list[Made] = [((mistakes,), lines) for mistakes, lines in self.key.changes]
            made += self.key.changes_at_once if blanks else []
            self._changes[position] = [
                (mistakes, lines) for mistakes, lines in made if position in lines or not blanks.isdisjoint(lines)
            ]
        return self._changes[position]

    def of(self, position: int) -> tuple[frozenset[int], frozenset[int]]:
        """The written lines that a line uses, and the blank lines on the way to them."""
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
            line = ahead.pop()
            if line in self.written:
                written.add(line)
            elif steps[line].rule is not None and line not in passed:
                passed.add(line)
                ahead += arguments[line]
        return frozenset(written), frozenset(line for line in passed if not steps[line].repeats)


class TooMuchWork(Exception):
    """The limit of lines that may be calculated for a sheet is reached."""


class Work:
    """The number of lines that may still be calculated for a sheet: a limit that is the same on every machine."""

    def __init__(self, left: float = math.inf) -> None:
        self.left = left

    def spend(self) -> None:
        """Count one line. Raises ``TooMuchWork`` beyond the limit."""
        self.left -= 1
        if self.left < 0:
            raise TooMuchWork


class World:
    """The values of all lines, given some written values and some changed rules."""

    def __init__(
        self,
        key: Key,
        written: Mapping[int, float],
        changed: Changed | None = None,
        way: int = 0,
        work: Work | None = None,
        unit: Callable[[int], float] | None = None,
    ) -> None:
        """``unit`` gives one unit of the last place that a student keeps in a line; by default the one asked for."""
        self.key, self.written = key, written
        self.unit = unit or key.quantum.__getitem__
        self.changed = changed or {}
        self.way = way
        self.work = work or Work()
        self._known: dict[int, float | None] = {}
        self._slopes: dict[int, list[tuple[int, float]]] = {}

    def line(self, position: int) -> tuple[LineFunction | None, Sequence[int]]:
        """The rule of a line in this world, and its arguments; None for a given number."""
        if position in self.changed:
            ways = self.changed[position]
            return ways[min(self.way, len(ways) - 1)]
        return self.key.lines[position], self.key.arguments[position]

    def value(self, position: int) -> float | None:
        """The value of a line in this world; None if it cannot be calculated."""
        if position in self.written:
            return self.written[position]
        if self.key.given[position]:
            return self.key.exact[position]
        if position not in self._known:
            for line in self.behind([position], self._known):
                self._known[line] = self.kept(line)
        return self._known[position]

    def kept(self, position: int) -> float | None:
        """The result of a blank line as the lines after it use it."""
        return self.rule(position)

    def behind(self, positions: Iterable[int], known: dict[int, float | None] | None = None) -> list[int]:
        """These lines and all that they depend on, without written lines and given numbers; each after its arguments.

        Lines in ``known`` are skipped. New lines are entered there without a value,
        which a circular line keeps.
        """
        passed: dict[int, float | None] = {} if known is None else known
        given, written = self.key.given, self.written
        ordered: list[int] = []
        ahead = list(positions)
        while ahead:
            step = ahead.pop()
            if step < 0:
                ordered.append(~step)
            elif step not in written and not given[step] and step not in passed:
                passed[step] = None
                ahead.append(~step)
                ahead += self.line(step)[1]
        return ordered

    def rule(self, position: int, instead: Mapping[int, float] | None = None) -> float | None:
        """The result of the rule of a line, with some arguments replaced; None if it has no value."""
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

    def _result(self, line: LineFunction, values: list[float]) -> float | None:
        self.work.spend()
        try:
            result = float(line(*values))
        except (ArithmeticError, ValueError):
            return None
        return result if math.isfinite(result) else None

    def spread(self, position: int) -> float:
        """The largest effect on a line of rounding its sources: the sum of half a unit times slope over all of them.

        One pass back along the lines, each before its arguments, adds up the
        slopes of all paths.
        """
        slopes = {position: 1.0}
        spread = 0.0
        for step in (position, *reversed(self.behind(self.line(position)[1]))):
            if step not in slopes:
                continue
            slope = slopes.pop(step)
            if step != position:
                spread += abs(slope) * self.rounding(step)
            for argument, partial in self.slopes(step):
                slopes[argument] = slopes.get(argument, 0.0) + slope * partial
        for step, slope in slopes.items():
            spread += abs(slope) * self.rounding(step)
        return spread

    def rounding(self, position: int) -> float:
        """The largest rounding error of a number: half a unit of its last place; 0 for a given number and an exact 0."""
        if position in self.written:
            exact_zero = self.written[position] == 0 == self.key.exact[position]
        else:
            exact_zero = self.key.given[position] or self.key.steps[position].repeats or self.value(position) == 0
        return 0.0 if exact_zero else self.unit(position) / 2

    def slopes(self, position: int) -> list[tuple[int, float]]:
        """The slope of a line in each of its arguments, over half a unit to the side on which it is larger."""
        known = self._slopes.get(position)
        if known is None:
            known = self._slopes[position] = self._slopes_of(position)
        return known

    def _slopes_of(self, position: int) -> list[tuple[int, float]]:
        line, arguments = self.line(position)
        values = [value for argument in arguments if (value := self.value(argument)) is not None]
        if line is None or len(values) < len(arguments):
            return []
        middle = self._result(line, values)
        if middle is None:
            return []
        slopes = []
        for number, argument in enumerate(arguments):
            if self.key.given[argument]:
                continue
            shift, value = self.key.shifts[argument], values[number]
            to_a_side = []
            for side in (shift, -shift):
                values[number] = value + side
                there = self._result(line, values)
                if there is not None:
                    to_a_side.append((there - middle) / side)
            values[number] = value
            if to_a_side:
                slopes.append((argument, self.steeper(to_a_side)))
        return slopes

    def steeper(self, slopes: list[float]) -> float:
        """The slope that is largest in size."""
        return max(slopes, key=abs)

    def all(self) -> dict[int, float]:
        """The values of all lines that have one, with the changed rules."""
        return {p: value for p in range(len(self.key.steps)) if (value := self.value(p)) is not None}
