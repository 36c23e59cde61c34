"""Marking: a verdict for each answer, following the student's own numbers.

An answer is right where it follows from the exact numbers, or by the rule of
its line from the student's own; the mistake is where it does neither. What was
left blank is walked through. Tolerances come from the precision asked for,
never from the precision typed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import combinations, islice
from typing import Any, NamedTuple

from bptt_trace.answers import Answers, Register
from bptt_trace.build import build
from bptt_trace.decimalmark import NONE, DecimalMark, decided
from bptt_trace.errors import CalculationError
from bptt_trace.evaluate import Full, evaluate, floats, resolve, unrounded
from bptt_trace.formula import Formula
from bptt_trace.lines import source
from bptt_trace.lowering import scalars
from bptt_trace.misconceptions import CATALOGUE, Case, Misconception
from bptt_trace.names import Name
from bptt_trace.problem import Problem
from bptt_trace.program import KEEPS_FIGURES, Program, Role
from bptt_trace.rules import Rule, rule_of
from bptt_trace.scanner import Reading, read

Line = Callable[..., float]
Changed = Mapping[int, list[tuple[Line, tuple[int, ...]]]]
"""Lines that somebody calculates in another way, or in one of several."""
Explanation = Callable[[int, float, Misconception, Changed, float | None, float], float | None]
"""How far an answer is from what a misconception gives; None where that does not explain it."""

HALF, MARGIN = 0.51, 1.05
LEAST_FIGURES = 3
"""Significant figures that an answer has at least, however small it is."""
RIGHT = frozenset({"correct", "rough", "rounded", "follow-through", "mixed"})
FAULTS = frozenset({"misconception", "slip", "wrong"})
VERDICTS = RIGHT | FAULTS | {"unreadable", "blank", "not-assessable", "needs-human"}
HUGE = 1e6
MOST_COMBINATIONS = 15
MOST_UNITS = 10
"""Units of the last place beyond which a tolerance alone makes no answer right."""
CUT_OFF = "cut off instead of rounded"
FEW = 3
"""Tolerances that a number is away from 0, or from another, where it says something."""
LEAST_FILLED = 3
"""Answers of a sheet from which on one number in every box is no coincidence."""
LEAST_SHIFT = 1e-8
"""The part of a number by which it is moved at least to see a slope: less would drown in the digits of a double."""
MOST_WORK = 5_000_000
"""Lines that are calculated for one sheet, which takes about ten seconds; what is open then is left to a human."""


class Marked(NamedTuple):
    """One answer with its verdict; a named tuple, as a class has hundreds of thousands of them."""

    name: Name
    line: str
    raw: str
    read: Decimal | None
    verdict: str
    credit: float
    out_of: float
    message: str = ""
    misconceptions: tuple[str, ...] = ()
    inherits: tuple[Name, ...] = ()
    """The root faults that a follow-through rests on."""
    expected: float | None = None
    """The right value."""
    reference: float | None = None
    """What it was compared with: the right value, or what follows from the student's own numbers."""
    radius: float | None = None

    @property
    def root(self) -> bool:
        """Whether a fault begins here."""
        return self.verdict in FAULTS


@dataclass(frozen=True)
class Unwritten:
    """A fault in a line that was left blank, found by what follows from it."""

    name: Name
    line: str
    explains: tuple[Name, ...]


@dataclass(frozen=True)
class Marks:
    """One answer sheet, marked."""

    answers: tuple[Marked, ...]
    unwritten: tuple[Unwritten, ...] = ()
    comma: DecimalMark = NONE
    """What a comma was taken for, where there is one."""

    @property
    def score(self) -> float:
        """What was earned."""
        return math.fsum(answer.credit for answer in self.answers)

    @property
    def out_of(self) -> float:
        """What could be earned."""
        return math.fsum(answer.out_of for answer in self.answers)

    @property
    def faults(self) -> tuple[Marked, ...]:
        """The answers in which a fault begins, in the order of the calculation."""
        return tuple(answer for answer in self.answers if answer.root)

    @property
    def first_wrong(self) -> Name | None:
        """Where it first goes wrong; a blank line counts where what follows shows that its value was wrong."""
        places = [(float(one.line.partition(".")[0] or "inf"), one.name) for one in self.faults]
        places += [(float(one.line.partition(".")[0] or "inf"), one.name) for one in self.unwritten]
        return min(places, key=lambda place: place[0])[1] if places else None

    def to_data(self, *, reveal: bool = False) -> dict[str, Any]:
        """As plain data (format ``bptt-trace-marks/1``); ``reveal`` adds the right values and the tolerances."""
        from bptt_trace.results import as_data

        return as_data(self, reveal=reveal)

    def to_json(self, *, reveal: bool = False) -> str:
        """The same as text."""
        from bptt_trace.results import as_json

        return as_json(self, reveal=reveal)

    def to_gradescope(self, *, reveal: bool = False) -> str:
        """The ``results.json`` of an autograder at Gradescope."""
        from bptt_trace.results import gradescope

        return gradescope(self, reveal=reveal)


# ------------------------------------------------------------------------ the key


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


# ---------------------------------------------------------------------- marking


def check(problem: Problem | Key, answers: Mapping[Name, str] | Mapping[str, str]) -> Marks:
    """The marks of one answer sheet.

    ``answers`` has the text of each answer by the name of its quantity; blank
    and unreadable ones are answers too. A ``Key`` in place of the problem saves
    the work of making it for every sheet. Raises ``UnknownName``.
    """
    key = problem if isinstance(problem, Key) else Key(problem)
    index, find = key.program.index, key.register.find
    order = sorted((index[name if isinstance(name, Name) else find(name)], str(text)) for name, text in answers.items())
    separator = answers.separator if isinstance(answers, Answers) else ""
    comma = decided([(text, key.exact[p]) for p, text in order], separator, key.problem.marks.decimal_comma)
    readings = {position: (text, read(text, mark=comma.mark)) for position, text in order}
    return replace(_Marking(key, readings).marks(), comma=comma)


@dataclass
class _Verdict:
    kind: str
    message: str = ""
    slugs: tuple[str, ...] = ()
    inherits: frozenset[int] = frozenset()
    reference: float | None = None
    radius: float | None = None


_CORRECT = _Verdict("correct")


@dataclass
class _Marking:
    """One sheet, while it is being marked, in the order of the calculation."""

    key: Key
    readings: Mapping[int, tuple[str, Reading]]
    verdicts: dict[int, _Verdict] = field(default_factory=dict)
    roots: dict[int, frozenset[int]] = field(default_factory=dict)
    """For each unsound answer the root faults behind it."""

    def __post_init__(self) -> None:
        self.written = {p: float(r.value) for p, (_, r) in self.readings.items() if r.value is not None}
        self.work = Work(MOST_WORK)
        self.world = World(self.key, self.written, work=self.work, unit=self.unit)
        self.mistaken: dict[tuple[str, int], World] = {}
        self.typed: dict[int, float] = {}
        """Right numbers with too few decimals, as they were typed."""
        self._sources: Sources | None = None
        self.first_cut = -1
        """The first line that is cut off instead of rounded."""

    def marks(self) -> Marks:
        """Verdicts for all answers, then what blanks explain."""
        for position, (_, reading) in self.readings.items():
            if reading.value is None:
                self.verdicts[position] = _Verdict("blank") if reading.blank else _Verdict("unreadable", reading.reason)
            else:
                self.verdicts[position] = self.judged(position)
        unwritten = self.unwritten() if any(v.kind in FAULTS for v in self.verdicts.values()) else ()
        self.look_over()
        return Marks(tuple(self.marked(position) for position in self.readings), unwritten)

    def marked(self, position: int) -> Marked:
        """The answer with its verdict, for whoever reads it."""
        text, reading = self.readings[position]
        verdict, key = self.verdicts[position], self.key
        exact, weight = key.exact[position], key.weights[position]
        return Marked(
            key.steps[position].target,
            key.line_texts[position],
            text,
            reading.value,
            verdict.kind,
            weight * key.shares[verdict.kind],
            weight,
            verdict.message,
            verdict.slugs,
            tuple(key.steps[root].target for root in sorted(verdict.inherits)) if verdict.inherits else (),
            exact,
            exact if verdict.reference is None else verdict.reference,
            HALF * key.quantum[position] if verdict.radius is None else verdict.radius,
        )

    # ---------------------------------------------------------------- verdicts

    def judged(self, position: int) -> _Verdict:
        """The verdict on an answer, or that it takes too much work to find."""
        try:
            return self.judge(position, self.written[position], self.readings[position][1])
        except TooMuchWork:
            self.roots[position] = frozenset({position})
            return _Verdict("needs-human", "this sheet takes too much calculation to be marked to its end")

    def look_over(self) -> None:
        """Take back what answers earned by chance on a sheet that has one number in every box."""
        filled = {position: reading.value for position, (_, reading) in self.readings.items() if reading.value is not None}
        right = sum(self.verdicts[position].kind == "correct" for position in filled)
        if len(set(filled.values())) == 1 and len(filled) >= LEAST_FILLED and right < len(filled) / 2:
            for position in filled:
                if self.verdicts[position].kind in RIGHT:
                    self.verdicts[position] = _Verdict("not-assessable", "the same number is in every box")

    def judge(self, position: int, value: float, reading: Reading) -> _Verdict:
        """The first verdict that applies."""
        key, exact = self.key, self.key.exact[position]
        if abs(value - exact) <= HALF * key.quantum[position] or abs(value - exact) <= HALF * self.unit(position):
            return _CORRECT
        if reading.value == key.printed.get(position):
            return _CORRECT
        found = self.consistent(position, value) or self.cut_short(position, value, reading)
        found = found or self.from_few_decimals(position, value)
        if found is not None:
            return found
        reference = self.world.rule(position)
        radius = self.radius(position, reference)
        fault = (
            self.rearranged(position)
            or self.mixed(position, value)
            or self.misconceived(self.explained_here, position, value, reference, radius)
            or self.slipped(position, value, reference, radius)
            or self.misconceived(self.explained_everywhere, position, value, reference, radius)
            or _Verdict("wrong")
        )
        fault.reference, fault.radius = (reference, radius) if fault.kind != "mixed" else (fault.reference, fault.radius)
        if fault.kind in FAULTS:
            self.roots[position] = frozenset({position})
        return fault

    def cut_short(self, position: int, value: float, reading: Reading) -> _Verdict | None:
        """Whether it is the right number, or the one that follows, with up to two decimals too few."""
        key, exact = self.key, self.key.exact[position]
        advice = f"the right number; give {max(key.places[position], 0)} decimals"
        if self.is_rough(position, value, reading, exact):
            found, meant = _Verdict("rough", advice), exact
        else:
            reference = self.world.rule(position)
            if reference is None or not self.is_rough(position, value, reading, reference):
                return None
            whole = self.consistent(position, reference)  # what it would be with all decimals
            if whole is None or whole.kind not in ("rounded", "follow-through"):
                return whole
            found, meant = _Verdict("rough", advice, (), whole.inherits, reference, whole.radius), reference
        self.typed[position] = value
        self.written[position] = meant
        return found

    def is_rough(self, position: int, value: float, reading: Reading, goal: float) -> bool:
        """Whether it is this number with up to two decimals too few, or with the decimals of a problem that wants figures."""
        half = HALF * 10.0**-reading.decimals
        if not abs(value - goal) <= half:
            return False
        if self.key.problem.rounding.figures is None and reading.decimals >= self.key.problem.rounding.places:
            return True
        short = self.key.decimals(position, goal) - reading.decimals
        return 0 < short <= 2 and reading.digits >= 2 and half <= 0.05 * abs(goal)

    def unit(self, position: int) -> float:
        """One unit of the last place that this student keeps of a line; of a blank one, as of the written ones."""
        key = self.key
        if position in self.written and position in self.readings:
            return key.unit(position, self.written[position], self.readings[position][1].decimals)
        typed = max(key.places[position], 0) if self.keeps_small_digits else 0
        return key.unit(position, self.world.value(position), typed)

    @cached_property
    def keeps_small_digits(self) -> bool:
        """Whether small numbers on this sheet have more decimals than the problem's own, as is asked for."""
        places, figures = self.key.problem.rounding.places, self.key.figures
        return any(reading.decimals > places and figures(p) is None for p, (_, reading) in self.readings.items())

    def consistent(self, position: int, value: float) -> _Verdict | None:
        """Whether it follows from the student's own numbers."""
        reference = self.world.rule(position)
        if reference is None:
            return _Verdict("not-assessable", "what it is made of has no value") if self.unsound(position) else None
        sources = self.unsound(position)
        if not sources and abs(value - reference) <= HALF * self.unit(position):
            return _Verdict("rounded", reference=reference)  # the most common case: no more room is needed
        radius = self.radius(position, reference)
        if not abs(value - reference) <= radius:
            return None
        behind = frozenset().union(*(self.roots[one] for one in sources))
        if self.is_far(position, value, reference):
            self.roots[position] = behind or frozenset({position})
            return _Verdict("needs-human", "too much rounding on the way to tell", (), behind, reference, radius)
        if not sources:
            return _Verdict("rounded", reference=reference, radius=radius)
        self.roots[position] = behind
        why = self.says_nothing(position, value, sources, reference, radius)
        why = why or self.hides_again(position, behind, reference, radius)
        return _Verdict("not-assessable" if why else "follow-through", why, (), behind, reference, radius)

    def is_far(self, position: int, value: float, reference: float) -> bool:
        """Whether an answer is so far from what follows, and from the right number, that no tolerance makes it right."""
        most = max(self.key.farthest[position], MOST_UNITS * self.unit(position))
        return not (abs(value - reference) <= most or abs(value - self.key.exact[position]) <= most)

    def from_few_decimals(self, position: int, value: float) -> _Verdict | None:
        """Whether it follows from what was written with too few decimals, as it was written."""
        rough = {one: self.typed[one] for one in self.sources(position)[0] if one in self.typed}
        if not rough:
            return None
        world = World(self.key, {**self.written, **rough}, work=self.work, unit=self.unit)
        reference = world.rule(position)
        radius = self.radius(position, reference, world)
        if reference is None or not abs(value - reference) <= radius:
            return None
        behind = frozenset().union(*(self.roots[one] for one in self.unsound(position)))
        self.roots[position] = behind
        return _Verdict("follow-through", "", (), behind | rough.keys(), reference, radius)

    def mixed(self, position: int, value: float) -> _Verdict | None:
        """Whether it follows when some unsound lines are replaced by the right ones, as copied from the board."""
        sources = sorted(self.unsound(position))
        pairs = (c for size in (1, 2) for c in combinations(sources, size))
        for replaced in islice(pairs, MOST_COMBINATIONS):
            if len(replaced) == len(sources):
                continue
            world = World(
                self.key, {**self.written, **{one: self.key.exact[one] for one in replaced}}, work=self.work, unit=self.unit
            )
            reference = world.rule(position)
            radius = self.radius(position, reference, world)
            kept = [one for one in sources if one not in replaced]
            if (
                reference is not None
                and abs(value - reference) <= radius
                and not self.is_far(position, value, reference)
                and not self.says_nothing(position, value, kept, reference, radius)
            ):
                behind = frozenset().union(*(self.roots[one] for one in kept))
                self.roots[position] = behind
                return _Verdict("mixed", "", (), behind, reference, radius)
        return None

    def misconceived(
        self, explains: Explanation, position: int, value: float, reference: float | None, radius: float
    ) -> _Verdict | None:
        """The misconception by which it can be calculated, the nearest one; two where both fit alike."""
        fits = [
            (apart, one)
            for one, lines in self.key.changes
            if (apart := explains(position, value, one, lines, reference, radius)) is not None
        ]
        if not fits:
            return None
        # Who has made a mistake makes it again, rather than another that happens to give the same number.
        named = {slug for verdict in self.verdicts.values() for slug in verdict.slugs}
        fits = [(apart, one) for apart, one in fits if one.slug in named] or fits
        nearest = min(apart for apart, _ in fits) + 0.02 * self.key.quantum[position]
        best = [one for apart, one in fits if apart <= nearest]
        return _Verdict("misconception", " ".join(one.message for one in best), tuple(one.slug for one in best))

    def explained_here(
        self, position: int, value: float, one: Misconception, lines: Changed, reference: float | None, radius: float
    ) -> float | None:
        """How far an answer is from what this misconception makes of the student's numbers; None where that is too far."""
        if position not in lines and not self.sources(position)[1] & lines.keys():
            return None
        found: list[float] = []
        for way in range(max(len(ways) for ways in lines.values())):
            world = self.mistaken_world(one.slug, lines, way)
            other = world.rule(position)
            if other is None or not abs(value - other) <= 20 * max(radius, self.key.quantum[position]):
                continue
            room = self.radius(position, other, world)
            if abs(value - other) <= room and (reference is None or abs(other - reference) > 3 * max(radius, room)):
                found.append(abs(value - other))
        return min(found, default=None)

    def mistaken_world(self, slug: str, lines: Changed, way: int) -> World:
        """What follows from the student's numbers for somebody who has this misconception; made once for the sheet."""
        if (slug, way) not in self.mistaken:
            self.mistaken[slug, way] = World(self.key, self.written, lines, way, self.work, self.unit)
        return self.mistaken[slug, way]

    def explained_everywhere(
        self, position: int, value: float, one: Misconception, lines: Changed, reference: float | None, radius: float
    ) -> float | None:
        """The same from the exact numbers, with the misconception on every line."""
        del lines, reference
        quantum = self.key.quantum[position]
        room = max(HALF * quantum, min(radius, 5 * quantum))
        values = [world[position] for world in self.key.worlds[one.slug] if position in world]
        told_apart = [other for other in values if abs(other - self.key.exact[position]) > 3 * room]
        return min((abs(value - other) for other in told_apart if abs(value - other) <= room), default=None)

    def rearranged(self, position: int) -> _Verdict | None:
        """Whether the whole matrix is written transposed, or the whole vector shifted by one place."""
        target = self.key.steps[position].target
        cells = self.key.cells.get(target._replace(index=()), {}) if target.index else {}
        if len(cells) < 2 or not all(cell in self.written for cell in cells.values()):
            return None
        order = list(cells)
        if len(target.index) == 2:
            ways = [("the whole matrix is transposed", [index[::-1] for index in order])]
        else:
            ways = [("the whole vector is shifted by one place", order[by:] + order[:by]) for by in (1, -1)]
        for said, places in ways:
            pairs = [(cells[index], cells.get(place)) for index, place in zip(order, places, strict=True)]
            if all(other is not None and self.has_value_of(cell, other) for cell, other in pairs):
                return _Verdict("slip", said)
        return None

    def has_value_of(self, position: int, other: int) -> bool:
        """Whether an answer is what another line comes to."""
        reference = self.world.rule(other)
        radius = self.radius(other, reference)
        goals = [goal for goal in (reference, self.key.exact[other]) if goal is not None]
        return any(abs(self.written[position] - goal) <= radius for goal in goals)

    def slipped(self, position: int, value: float, reference: float | None, radius: float) -> _Verdict | None:
        """A slip of the pen: the sign, the point, two digits, the wrong cell."""
        goals = [goal for goal in (reference, self.key.exact[position]) if goal is not None]
        for goal in goals:
            said = slip(value, goal, radius, self.key.places[position])
            if said == CUT_OFF and self.first_cut not in (-1, position):
                # Who cuts off throughout is told once, and loses one line.
                self.roots[position] = frozenset({self.first_cut})
                return _Verdict("follow-through", f"{said}, as before", (), self.roots[position])
            if said:
                self.first_cut = position if said == CUT_OFF else self.first_cut
                return _Verdict("slip", said)
        steps, exact = self.key.steps, self.key.exact
        quantum = HALF * self.key.quantum[position]
        target = steps[position].target
        for other in self.neighbours(position):
            follows = position in self.sources(other)[0]  # then it may be wrong in a way that ends at this number
            own = exact[other] if follows else self.written.get(other, exact[other])
            there = min(abs(value - exact[other]), abs(value - own))
            if there <= quantum and abs(exact[other] - exact[position]) > 3 * radius and exact[other] != 0:
                name = steps[other].target
                same = name._replace(time=target.time) == target
                what = "the value of another time step" if same else "the value of another cell"
                return _Verdict("slip", f"this is {self.key.problem.vocabulary.shown(name)}: {what}")
        return None

    def neighbours(self, position: int) -> Iterable[int]:
        """The answers before and after, and the same quantity at other times."""
        order = list(self.readings)
        place = order.index(position)
        yield from (order[i] for i in (place - 1, place + 1) if 0 <= i < len(order))
        target = self.key.steps[position].target
        if target.time is not None and target.via is None:
            yield from (
                other
                for other in order
                if other != position and self.key.steps[other].target._replace(time=target.time) == target
            )
        if len(target.index) == 2:
            turned = self.key.program.index.get(target._replace(index=target.index[::-1]))
            if turned is not None and turned != position:
                yield turned

    # --------------------------------------------------------------- tolerances

    def sources(self, position: int) -> tuple[frozenset[int], frozenset[int]]:
        """The written lines that a line uses, and the blank ones on the way to them."""
        if self._sources is None:
            self._sources = self.key.sources(frozenset(self.written))
        return self._sources.of(position)

    def unsound(self, position: int) -> list[int]:
        """The written lines behind a line that are not right themselves."""
        return [one for one in self.sources(position)[0] if one in self.roots] if self.roots else []

    def radius(self, position: int, reference: float | None, world: World | None = None) -> float:
        """How far an answer may be from what follows: half a unit, and what rounding on the way can do."""
        half = HALF * self.unit(position)
        if reference is None:
            return half
        radius = half + MARGIN * (world or self.world).spread(position)
        return radius if math.isfinite(radius) else math.inf

    def hides_again(self, position: int, behind: Iterable[int], reference: float, radius: float) -> str:
        """Why a line cannot show whether the misconception behind it was made here again; empty if it can."""
        slugs = {slug for root in behind if root in self.verdicts for slug in self.verdicts[root].slugs}
        for one, lines in self.key.changes if slugs else ():
            if one.slug not in slugs or position not in lines:
                continue
            for way in range(len(lines[position])):
                other = self.mistaken_world(one.slug, lines, way).rule(position)
                if other is not None and abs(other - reference) <= radius:
                    return "the mistake before it gives the same number here"
        return ""

    def says_nothing(self, position: int, value: float, sources: list[int], reference: float, radius: float) -> str:
        """Why a line that follows from wrong numbers shows nothing of its own; empty if it does.

        It has to tell whoever calculates from whoever fills in numbers: the
        numbers behind it are possible, they do not empty the step, what follows
        is more than a few tolerances away from 0, and it is not what stands in
        a line before it, unless it should be.
        """
        key, exact = self.key, self.key.exact[position]
        for one in sources:
            if abs(self.written[one]) > HUGE * max(1.0, abs(key.exact[one])) or out_of_range(key, one, self.written[one]):
                return "what it follows from is out of range"
        emptied = {0.0, 1.0, -1.0} | {key.exact[a] for a in key.arguments[position] if key.steps[a].rule is None}
        near = HALF * key.quantum[position]
        dull = any(abs(reference - value) <= near < abs(exact - value) for value in emptied)
        if dull and self.empties(sources):
            return "what it follows from empties the step"
        room = max(radius, key.quantum[position])
        unit = max(room, 10.0**-key.problem.rounding.places)
        if abs(reference) <= FEW * room or (MOST_UNITS * abs(reference) < abs(exact) and abs(reference) <= FEW * unit):
            return "what it follows from leaves nothing to calculate: any number near 0 would do"
        if any(abs(value - self.written[one]) <= room and abs(exact - key.exact[one]) > FEW * room for one in sources):
            return "it repeats a number that it follows from"
        return ""

    def empties(self, sources: list[int]) -> bool:
        """Whether a source is itself 0 or ±1 where it should not be."""
        key = self.key
        return any(
            self.written[one] in (0.0, 1.0, -1.0) and abs(key.exact[one] - self.written[one]) > key.quantum[one]
            for one in sources
        )

    # ----------------------------------------------------------- blank lines

    def unwritten(self) -> tuple[Unwritten, ...]:
        """Blank lines whose value, if it is taken from one wrong answer, explains others."""
        found: list[Unwritten] = []
        try:
            while True:
                wrong = [p for p in self.readings if self.verdicts[p].kind in FAULTS]
                if not any(self.explain(blank, wrong, found) for blank in self.candidates(wrong)):
                    break
        except TooMuchWork:
            pass  # what has been found stands
        return tuple(found)

    def candidates(self, wrong: list[int]) -> list[int]:
        """Blank lines behind two wrong answers or more, the last ones first."""
        counts: dict[int, int] = {}
        for position in wrong:
            for blank in self.sources(position)[1]:
                counts[blank] = counts.get(blank, 0) + 1
        return sorted((blank for blank, count in counts.items() if count > 1), reverse=True)

    def explain(self, blank: int, wrong: list[int], found: list[Unwritten]) -> bool:
        """Solve a blank line for one wrong answer and see what else that explains."""
        behind = [p for p in wrong if blank in self.sources(p)[1]]
        value = self.solved(blank, behind[0])
        if value is None or out_of_range(self.key, blank, value) or self.absurd(blank, value):
            return False
        self.take(blank, value)
        if not all(self.goes_with(position) for position in behind):
            self.take(blank, None)
            return False
        self.roots[blank] = frozenset({blank})
        names = tuple(self.key.steps[position].target for position in behind)
        found.append(Unwritten(self.key.steps[blank].target, self.key.line_texts[blank], names))
        unsettled = ("wrong", "slip", "follow-through", "mixed", "needs-human", "not-assessable")
        for position in [p for p in self.readings if p > blank and self.verdicts[p].kind in unsettled]:
            self.roots.pop(position, None)
            self.verdicts[position] = self.judged(position)
        return True

    def take(self, blank: int, value: float | None) -> None:
        """Take a blank line as written with a value, or as blank again."""
        if value is None:
            del self.written[blank]
        else:
            self.written[blank] = value
        self._sources = None
        self.world = World(self.key, self.written, work=self.work, unit=self.unit)
        self.mistaken = {}

    def goes_with(self, position: int) -> bool:
        """Whether an answer follows; twice the usual room, as the blank line is known from a rounded answer only."""
        reference = self.world.rule(position)
        if reference is None:
            return False
        radius = self.radius(position, reference)
        return radius <= 10 * self.key.quantum[position] and abs(self.written[position] - reference) <= 2 * radius

    def absurd(self, blank: int, value: float) -> bool:
        """Whether nobody would have had this value: so far off that it explains anything."""
        exact = self.key.exact[blank]
        return abs(value) > 100 * max(abs(exact), 10 * self.key.quantum[blank])

    def solved(self, blank: int, position: int) -> float | None:
        """The value of a blank line with which a later answer is right (secant method)."""
        goal, way = self.written[position], self.way(blank, position)

        def off(value: float) -> float | None:
            moved: dict[int, float] = {blank: value}
            for one in way:
                there = self.world.rule(one, moved)
                if there is None:
                    return None
                moved[one] = there
            return moved[position] - goal

        start = self.world.value(blank)
        if start is None:
            return None
        left, right = start, start + max(abs(start), 1.0) * 1e-3
        low, high = off(left), off(right)
        for _ in range(40):
            if low is None or high is None or high == low:
                return None
            left, right = right, right - high * (right - left) / (high - low)
            low, high = high, off(right)
            if high is not None and abs(high) <= 1e-12 * max(1.0, abs(goal)):
                return right
        return None

    def way(self, blank: int, position: int) -> list[int]:
        """The lines by which a blank line acts on a later answer, in order, and that answer."""
        on_the_way = {blank}
        for one in (*self.world.behind(self.key.arguments[position]), position):
            if not on_the_way.isdisjoint(self.key.arguments[one]):
                on_the_way.add(one)
        return sorted(on_the_way - {blank})


def out_of_range(key: Key, position: int, value: float) -> bool:
    """Whether a value cannot be what a line gives: |tanh| ≥ 1, a negative squared loss."""
    step = key.steps[position]
    function = next(iter(source(step.rule).functions), None) if step.rule is not None else None
    near = key.quantum[position]
    if step.role in (Role.HIDDEN, Role.OUTPUT) and function is not None:
        if function.name == "tanh":
            return abs(value) >= 1 + near
        if function.name in ("sigmoid", "exp"):
            return not -near < value < 1 + near if step.target.stem != "e" else value < 0
    return step.role is Role.LOSS and key.problem.loss.kind not in ("output", "none") and value < -near


def slip(value: float, goal: float, radius: float, places: int) -> str:
    """What slip of the pen makes one number of another; empty if none."""
    if abs(goal) <= 2 * radius:
        return ""
    if abs(value + goal) <= radius:
        return "the sign is turned"
    for power in (1, -1, 2, -2, 3, -3):
        if abs(value - goal * 10.0**power) <= radius * 10.0 ** max(power, 0) and abs(value) > radius:
            return "the decimal point is shifted"
    cut = math.trunc(goal * 10.0**places) / 10.0**places
    if abs(value - cut) <= 1e-9 * max(1.0, abs(cut)):
        return CUT_OFF
    typed, right = f"{abs(value):.{max(places, 0)}f}", f"{abs(goal):.{max(places, 0)}f}"
    if len(typed) == len(right) and (value < 0) == (goal < 0):
        differ = [i for i, (a, b) in enumerate(zip(typed, right, strict=True)) if a != b]
        if len(differ) == 2 and {*typed[differ[0] + 1 : differ[1]]} <= {"."}:
            first, second = differ
            if (typed[first], typed[second]) == (right[second], right[first]):
                return "two digits are swapped"
    return ""
