"""The screens for candidates: a good exercise is friendly to calculate and hides no mistake.

All candidates of one shape are screened together, with a column of numbers for
each line. The conditions are tested in order, the cheap ones first; a candidate
is counted under the first that it fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from bptt_trace.calculation.arrays import Column, over_arrays
from bptt_trace.calculation.compiled_rules import source
from bptt_trace.engine.formula import Formula
from bptt_trace.engine.functions import identity
from bptt_trace.engine.names import Role
from bptt_trace.engine.rules import Rule, rule_of
from bptt_trace.handouts.number_ranges import Ranges
from bptt_trace.handouts.whole_numbers import WholeNumbers
from bptt_trace.lines.blanks import Blanks
from bptt_trace.marking.key import Key
from bptt_trace.marking.tolerance import LEAST_FIGURES
from bptt_trace.marking.visible_mistakes import VISIBLE, Best, is_better, shows

Mask = npt.NDArray[np.bool_]
Plan = list[tuple[int, Callable[..., Any], tuple[int, ...]]]
"""Lines in the order of their calculation: position, compiled rule, arguments."""

TIE = 0.02
"""The least distance of an answer from a rounding tie, in units of its last place: near it both roundings are right.
Of ``MANY`` answers and more it is one in so many units, or hardly any numbers would pass."""
MANY = 50
"""The number of answers, or of pre-activations, from which on one may be small, or saturated."""
SMALLEST = 5
"""An answer below this many units of its last place looks like 0."""
FLAT, STRAIGHT = 2.5, 0.05
"""Beyond the first size of a pre-activation an activation is saturated; within the second it looks straight."""
ZERO = 1e-12

EQUAL_INPUTS = "two inputs are equal"
SYMMETRIC = "the recurrent matrix is symmetric"
SATURATED = f"a pre-activation is not between {STRAIGHT} and {FLAT} in size"
DEAD = "every hidden value is 0"
SMALL = f"an answer is below {SMALLEST} units of its last place"
NEAR_TIE = f"an answer is within {TIE:.0%} of a rounding tie"
ZEROS = "more than one answer in ten is 0"
UNDEFINED = "a line cannot be calculated"

ACCEPTED = {
    "equal-inputs": EQUAL_INPUTS,
    "symmetric-matrix": SYMMETRIC,
    "saturated": SATURATED,
    "dead": DEAD,
    "small": SMALL,
    "ties": NEAR_TIE,
}
"""The conditions that a problem file may accept, by their words there."""


def hidden(slug: str) -> str:
    """The condition that a mistake shows, worded as a failure."""
    return f"the mistake {slug} does not show"


class Screens:
    """The conditions of one problem, for candidates that differ only in their given numbers."""

    def __init__(self, key: Key, blanks: Blanks, ranges: Ranges, whole: WholeNumbers | None = None) -> None:
        """``whole`` asks for short lines without rounding, in place of answers far from ties."""
        self.key = key
        self.steps = key.steps
        self.asked = list(blanks.asked)
        self.may_hide = ranges.may_hide
        self.whole = whole
        self.accepted = frozenset(ACCEPTED[word] for word in ranges.accept)
        self._lines: dict[Rule, Any] = {}
        used = {argument for plans in self.ways.values() for plan in plans for _, _, arguments in plan for argument in arguments}
        self.needed = self.key.program.ancestors({*self.asked, *used, *(whole.lines if whole else ())})
        """The lines that an answer or a wrong answer depends on, in order."""
        self.demanded: frozenset[str] = frozenset()
        """The mistakes that must show."""
        self.vanishing: frozenset[int] = frozenset()
        """The answers that are 0 for all numbers."""
        self.never_shown: tuple[str, ...] = ()
        """The mistakes that hardly any numbers of this problem would show, by themselves or beside the others."""

    # ---------------------------------------------------------------- learning

    def learn(self, given: Mapping[int, Column]) -> None:
        """Learn from some candidates which answers always vanish and which mistakes never show."""
        values = self.evaluate(given)
        self.vanishing = frozenset(p for p in self.asked if np.all(np.abs(values[p]) < ZERO))
        if self.whole is not None and (some := ~self._zeros(values)[1]).any():
            values = self._kept(values, some)
        quanta = self._quanta(values)
        shown = {slug: self._visible(slug, values, quanta) for slug in self.ways if slug not in self.may_hide}
        demanded: list[str] = []
        together = ~self._any([], values)
        for slug in sorted(shown, key=lambda slug: -int(np.sum(shown[slug]))):
            with_it = together & shown[slug]
            # Some exclude each other: over two steps a ReLU is off somewhere, or carries both errors back.
            if np.mean(shown[slug]) >= SELDOM and with_it.any():
                demanded.append(slug)
                together = with_it
        self.demanded = frozenset(demanded)
        self.never_shown = tuple(slug for slug in shown if slug not in self.demanded)

    # ------------------------------------------------------------- evaluating

    def line(self, rule: Rule) -> Any:
        """A rule for columns, compiled once."""
        if rule not in self._lines:
            self._lines[rule] = over_arrays(rule)
        return self._lines[rule]

    def evaluate(self, given: Mapping[int, Column]) -> dict[int, Any]:
        """The columns of all lines that are needed; ``given`` has those of the numbers that vary."""
        values: dict[int, Any] = {}
        with np.errstate(all="ignore"):
            for position in self.needed:
                rule = self.steps[position].rule
                if rule is None:
                    values[position] = given.get(position, self.key.exact[position])
                else:
                    values[position] = self.line(rule)(*[values[argument] for argument in self.key.arguments[position]])
        size = len(next(iter(given.values())))
        return {p: value if isinstance(value, np.ndarray) else np.full(size, float(value)) for p, value in values.items()}

    def _quanta(self, values: Mapping[int, Column]) -> dict[int, Column]:
        """One unit of the last place asked for, of every answer."""
        return {position: 10.0 ** -self.places(position, values[position]) for position in self.asked}

    def places(self, position: int, column: Column) -> Column:
        """The decimals asked for, by the rule of ``Key``, for a whole column."""
        figures, usual = self.key.figures(position), self.key.usual[position]
        if figures is not None:
            return figures - 1 - self._sizes(column)
        places = np.full(len(column), float(usual))
        small = (np.abs(column) < 10.0 ** (LEAST_FIGURES - usual)) & (column != 0)
        places[small] = np.maximum(usual, LEAST_FIGURES - 1 - self._sizes(column[small]))
        return places

    @staticmethod
    def _sizes(column: Column) -> Column:
        """The powers of ten of the first digits; 0 for 0."""
        with np.errstate(divide="ignore"):
            size = np.floor(np.log10(np.abs(column)))
        return np.where(column == 0, 0.0, size)

    # ------------------------------------------------------------- conditions

    def screen(self, given: Mapping[int, Column]) -> list[str]:
        """The condition that each candidate fails; empty if it passes all."""
        size = len(next(iter(given.values())))
        failed = np.full(size, "", dtype=object)
        alive = np.arange(size)
        columns = dict(given)

        def drop(condition: str, bad: Mask) -> Mask:
            nonlocal alive, columns
            if condition in self.accepted:
                return np.ones(len(alive), dtype=bool)
            failed[alive[bad]] = condition
            alive = alive[~bad]
            columns = {position: column[~bad] for position, column in columns.items()}
            return ~bad

        for find_given in (self._equal_inputs, self._symmetric):
            condition, bad = find_given(columns)
            drop(condition, bad)
        if not len(alive):
            return list(failed)
        values = self.evaluate(columns)
        finite = np.all([np.isfinite(values[p]) for p in self.needed], axis=0)
        values = self._kept(values, drop(UNDEFINED, ~finite))
        rounded = (self._small, self._near_tie) if self.whole is None else (self._long, self._zeros)
        for find in (self._saturated, self._dead, *rounded):
            if not len(alive):
                return list(failed)
            condition, bad = find(values)
            values = self._kept(values, drop(condition, bad))
        quanta = self._quanta(values)
        for slug in self.ways:
            if slug in self.demanded and len(alive):
                shown = drop(hidden(slug), ~self._visible(slug, values, quanta))
                values, quanta = self._kept(values, shown), self._kept(quanta, shown)
        return list(failed)

    @staticmethod
    def _kept(values: dict[int, Column], keep: Mask) -> dict[int, Column]:
        return {position: column[keep] for position, column in values.items()} if not keep.all() else values

    def _equal_inputs(self, given: Mapping[int, Column]) -> tuple[str, Mask]:
        return EQUAL_INPUTS, self._same(given, self.inputs)

    def _symmetric(self, given: Mapping[int, Column]) -> tuple[str, Mask]:
        return SYMMETRIC, self._same(given, self.mirrored)

    def _same(self, given: Mapping[int, Column], pairs: Iterable[tuple[tuple[int, ...], tuple[int, ...]]]) -> Mask:
        """Whether the two sides of any pair are equal; pairs in which nothing varies do not count."""
        size = len(next(iter(given.values())))

        def column(position: int) -> Any:
            return given.get(position, np.full(size, self.key.exact[position]))

        masks = [
            np.all([column(a) == column(b) for a, b in zip(first, second, strict=True)], axis=0)
            for first, second in pairs
            if any(position in given for position in (*first, *second))
        ]
        return self._any(masks, given)

    @cached_property
    def inputs(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Pairs of inputs of one sample, each with all of its components."""
        groups: dict[int | None, dict[int | None, list[int]]] = {}
        for position, step in enumerate(self.steps):
            if step.role is Role.GIVEN and step.target.stem == "x":
                groups.setdefault(step.target.sample, {}).setdefault(step.target.time, []).append(position)
        return [(tuple(a), tuple(b)) for times in groups.values() for a, b in combinations(times.values(), 2) if len(a) == len(b)]

    @cached_property
    def mirrored(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """The entries of each square recurrent matrix above the diagonal, and those below."""
        pairs = []
        network = self.key.problem.network
        for layer, cell in zip(network.layers, network.cells, strict=True):
            for stem, dimensions in cell.parameters.items():
                if dimensions != ("n", "n"):
                    continue
                cells = {
                    step.target.index: position
                    for position, step in enumerate(self.steps)
                    if step.role is Role.PARAMETER and (step.target.stem, step.target.layer) == (stem, layer)
                }
                above = [(i, j) for i, j in (index for index in cells if len(index) == 2) if i < j]
                if above:
                    pairs.append((tuple(cells[i, j] for i, j in above), tuple(cells[j, i] for i, j in above)))
        return pairs

    @cached_property
    def bent(self) -> list[tuple[int, float]]:
        """The arguments of activations, each with its bound."""
        bounds = []
        for position in self.needed:
            step = self.steps[position]
            if step.rule is None or step.role not in (Role.HIDDEN, Role.OUTPUT) or len(step.arguments) != 1:
                continue
            for function in source(step.rule).functions:
                if function is not identity:
                    bounds.append((step.arguments[0], np.inf if function.pieces is not None else FLAT))
        return bounds

    def _saturated(self, values: Mapping[int, Column]) -> tuple[str, Mask]:
        bad = [(np.abs(values[p]) < STRAIGHT) | (np.abs(values[p]) > largest) for p, largest in self.bent]
        return SATURATED, self._more(bad, len(bad) // MANY, values)

    def _dead(self, values: Mapping[int, Column]) -> tuple[str, Mask]:
        states = [p for p in self.needed if self.steps[p].role is Role.HIDDEN]
        if not states:
            return DEAD, self._any([], values)
        return DEAD, np.all([np.abs(values[p]) < ZERO for p in states], axis=0)

    def _small(self, values: Mapping[int, Column]) -> tuple[str, Mask]:
        """The condition and the candidates with an answer that looks like 0, apart from zeros of a ReLU that is off."""
        off = any(largest == np.inf for _, largest in self.bent)
        shown = [p for p in self.asked if p not in self.vanishing and self.key.figures(p) is None]
        sizes = [(np.abs(values[p]), SMALLEST * 10.0 ** -self.key.usual[p]) for p in shown]
        bad = [(size < least) & ~((size < ZERO) & off) for size, least in sizes]
        return SMALL, self._more(bad, len(self.asked) // MANY, values)

    def _long(self, values: Mapping[int, Column]) -> tuple[str, Mask]:
        assert self.whole is not None
        return self.whole.condition, self.whole.seems_long(values)

    def _zeros(self, values: Mapping[int, Column]) -> tuple[str, Mask]:
        """The condition and the candidates with many answers that are 0, or any where no ReLU is off."""
        off = any(largest == np.inf for _, largest in self.bent)
        zero = [np.abs(values[p]) < ZERO for p in self.asked if p not in self.vanishing]
        return ZEROS, self._more(zero, len(zero) // 10 if off else 0, values)

    def _near_tie(self, values: Mapping[int, Column]) -> tuple[str, Mask]:
        bad, closest = [], min(TIE, 1 / len(self.asked))
        for position in self.asked:
            units = np.abs(values[position]) * 10.0 ** self.places(position, values[position])
            bad.append(np.abs(units - np.floor(units) - 0.5) <= closest)
        return NEAR_TIE, self._any(bad, values)

    @classmethod
    def _more(cls, masks: Sequence[Mask], most: int, values: Mapping[int, Column]) -> Mask:
        """The candidates for which more than a number of these conditions hold."""
        return np.asarray(np.sum(masks, axis=0) > most) if most and masks else cls._any(masks, values)

    @staticmethod
    def _any(masks: Sequence[Mask], values: Mapping[int, Column]) -> Mask:
        size = len(next(iter(values.values())))
        return np.any(masks, axis=0) if masks else np.zeros(size, dtype=bool)

    # --------------------------------------------------------------- mistakes

    @cached_property
    def ways(self) -> dict[str, list[Plan]]:
        """The lines to be recalculated for every mistake that changes an answer, and each way of making it."""
        asked = set(self.asked)
        plans = {}
        for mistake, lines in self.key.changed_formulas:
            if not asked.isdisjoint(lines):
                count = max(map(len, lines.values()))
                plans[mistake.slug] = [self._plan(lines, way) for way in range(count)]
        return plans

    def _plan(self, lines: Mapping[int, list[Formula]], way: int) -> Plan:
        """The lines that differ under a mistake and that its changed answers need.

        A changed line may use a later one (a parameter that is updated too
        early), so the order is that of use; a circular line has no value.
        """
        plan: Plan = []
        known: dict[int, bool | None] = {}

        def differs(position: int) -> bool | None:
            if position in known:
                return known[position]
            known[position] = None  # a circle
            step = self.steps[position]
            rule, arguments = step.rule, step.arguments
            if position in lines:
                rule, arguments = rule_of(lines[position][min(way, len(lines[position]) - 1)])
            changed = [differs(argument) for argument in arguments]
            if None in changed:
                return None
            known[position] = rule is not None and (position in lines or any(changed))
            if known[position] and rule is not None:
                plan.append((position, self.line(rule), arguments))
            return known[position]

        for position in self.asked:
            if position in lines:
                differs(position)
        return plan

    @cached_property
    def changed(self) -> dict[str, frozenset[int]]:
        """The answers whose rule each mistake changes."""
        return {mistake.slug: frozenset(lines) & frozenset(self.asked) for mistake, lines in self.key.changed_formulas}

    def _worlds(self, slug: str, values: Mapping[int, Column]) -> Iterator[tuple[int, Column]]:
        """The values that this mistake gives, at the answers that it changes."""
        with np.errstate(all="ignore"):
            for plan in self.ways[slug]:
                world: dict[int, Any] = {}
                for position, line, arguments in plan:
                    world[position] = line(*[world[a] if a in world else values[a] for a in arguments])
                    if position in self.changed[slug]:
                        yield position, world[position]

    def _visible(self, slug: str, values: Mapping[int, Column], quanta: Mapping[int, Column]) -> Mask:
        seen = self._any([], values)
        for position, column in self._worlds(slug, values):
            with np.errstate(invalid="ignore"):
                seen = seen | shows(column, values[position], quanta[position])
            if seen.all():
                break
        return seen

    def best(self, given: Mapping[int, Column]) -> list[list[Best]]:
        """The mistakes that show in each candidate, each where it shows best, in the order of the catalogue."""
        values = self.evaluate(given)
        quanta = self._quanta(values)
        size = len(next(iter(given.values())))
        shown: list[list[Best]] = [[] for _ in range(size)]
        for slug in self.ways:
            furthest = np.full(size, float(VISIBLE))
            where = np.full(size, -1)
            wrong = np.zeros(size)
            for position, column in self._worlds(slug, values):
                with np.errstate(invalid="ignore"):
                    apart = np.abs(column - values[position]) / quanta[position]
                    better = is_better(apart, furthest)
                furthest = np.where(better, apart, furthest)
                where = np.where(better, position, where)
                wrong = np.where(better, column, wrong)
            for candidate in np.flatnonzero(where >= 0).tolist():
                shown[candidate].append(Best(slug, int(where[candidate]), float(wrong[candidate])))
        return shown


SELDOM = 0.02
"""A mistake is demanded if at least this share of candidates shows it, and some of them together with those demanded before."""


def summary(failed: Counter[str]) -> str:
    """The conditions that failed and how often, the most frequent first."""
    whole = sum(failed.values())
    return ", ".join(f"{condition} ({count / whole:.0%})" for condition, count in failed.most_common(3))
