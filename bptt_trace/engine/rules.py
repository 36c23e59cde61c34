"""Rules: formulas without names, each stored once.

A rule is a formula whose variables are numbered in the order in which they
are read: ``s0 * s1 + s2 * s3 + s4``. Rules are interned and compared by
identity, so that expensive work (lowering, printing, compiling) is done once
for each rule and not once for each line.

A ``Tape`` is a cell run once on placeholders; it is replayed at every time step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakValueDictionary

from bptt_trace.engine.components import component, entries
from bptt_trace.engine.formula import Entry, Formula, OneHot, Rest, Shape, Var
from bptt_trace.engine.formula_walks import children, rewrite, variables
from bptt_trace.engine.names import Layer, Role

KEPT_RULES = 4096
"""The number of rules whose text and source are cached: more than a large problem has."""


class Pick(NamedTuple):
    """The number that fills one variable of a component line: a component of an argument of the matrix rule."""

    argument: int
    component: int


class Rule:
    """A formula with its variables numbered from 0; equal formulas share one rule."""

    __slots__ = ("__weakref__", "arity", "copies", "formula", "lowered", "lowered_rows", "shape", "sums_rest")

    def __init__(self, formula: Formula) -> None:
        self.formula = formula
        self.shape: Shape = formula.shape
        """The shape of the result."""
        self.arity = 1 + max((variable.number for variable in variables(formula)), default=-1)
        """The number of arguments that the formula names."""
        self.sums_rest = _has_rest(formula)
        """Whether further arguments follow; ``Rest`` is their sum."""
        self.copies = isinstance(formula, Var)
        """Whether the rule only repeats its argument."""
        self.lowered: Lowered | None = None
        self.lowered_rows: Lowered | None = None

    def __repr__(self) -> str:
        return f"Rule({self.formula})"


Lowered = tuple[tuple[Rule, tuple[Pick, ...], int | None], ...]
"""The component lines of a rule; see ``lower``."""

_interned: WeakValueDictionary[Formula, Rule] = WeakValueDictionary()


def intern(formula: Formula) -> Rule:
    """The one rule for a formula whose variables are already numbered from 0."""
    rule = _interned.get(formula)
    if rule is None:
        rule = _interned[formula] = Rule(formula)
    return rule


def rule_of(formula: Formula) -> tuple[Rule, tuple[int, ...]]:
    """The rule of a formula, and the numbers of the variables that fill it.

    >>> rule_of(Var(7) * Var(3) + Var(7))
    (Rule(s0 * s1 + s0), (7, 3))
    """
    numbers: dict[int, int] = {}
    for variable in variables(formula):
        numbers.setdefault(variable.number, len(numbers))
    return intern(renumbered(formula, numbers)), tuple(numbers)


@lru_cache(maxsize=KEPT_RULES)
def of_any_letter(rule: Rule) -> Rule:
    """The rule with an input in place of a known letter: the general form, which holds for every letter."""
    return rule_of(rewrite(rule.formula, lambda part: part.operand if isinstance(part, OneHot) else None))[0]


def renumbered(formula: Formula, numbers: Mapping[int, int] | Sequence[int]) -> Formula:
    """The formula with other variables: ``numbers`` maps each number to the new one."""

    def change(part: Formula) -> Formula | None:
        if isinstance(part, Entry):
            return Entry(Var(numbers[part.variable.number], part.variable.shape), part.component)
        return Var(numbers[part.number], part.shape) if isinstance(part, Var) else None

    return rewrite(formula, change)


def lower(rule: Rule, *, rows: bool = False) -> Lowered:
    """The component lines of a rule, row by row: each a rule of numbers, and the picks that fill it.

    The last item is the component that is taken of every further argument if
    the rule sums these, and None otherwise. ``rows`` writes matrix products
    for vectors that are rows.
    """
    known = rule.lowered_rows if rows else rule.lowered
    if known is None:
        known = tuple(
            _lowered(rule, tuple(coordinate - 1 for coordinate in index), position, rows)
            for position, index in enumerate(entries(rule.shape))
        )
        if rows:
            rule.lowered_rows = known
        else:
            rule.lowered = known
    return known


def _lowered(rule: Rule, index: tuple[int, ...], position: int, rows: bool) -> tuple[Rule, tuple[Pick, ...], int | None]:
    formula = component(rule.formula, *index, rows=rows)
    numbers: dict[Pick, int] = {}

    def numbered(part: Formula) -> Formula | None:
        if isinstance(part, Entry):
            pick = Pick(part.variable.number, part.component)
        elif isinstance(part, Var):
            pick = Pick(part.number, 0)
        else:
            return None
        return Var(numbers.setdefault(pick, len(numbers)))

    lowered = intern(rewrite(formula, numbered))
    return lowered, tuple(numbers), position if rule.sums_rest else None


def _has_rest(formula: Formula) -> bool:
    return isinstance(formula, Rest) or any(map(_has_rest, children(formula)))


class TapeLine(NamedTuple):
    """One line of a tape."""

    stem: str
    layer: Layer
    role: Role
    rule: Rule
    sources: tuple[int, ...]
    """Numbers of placeholders; larger numbers are earlier lines of the tape."""


class Tape(NamedTuple):
    """The lines of a cell, recorded on placeholders."""

    lines: tuple[TapeLine, ...]
    results: tuple[int, ...]
    """The results of the cell: numbers of placeholders; larger numbers are lines of the tape."""


Recorder = Callable[[str, Layer, Role, Formula], Var]
"""Records a line of this stem, layer and role on a tape."""


def record(shapes: list[Shape], run: Callable[[Recorder, list[Var]], list[Var]]) -> Tape:
    """Call ``run`` with a recorder and placeholders of these shapes; return what it records and returns."""
    lines: list[TapeLine] = []

    def let(stem: str, layer: Layer, role: Role, formula: Formula) -> Var:
        rule, sources = rule_of(formula)
        lines.append(TapeLine(stem, layer, role, rule, sources))
        return Var(len(shapes) + len(lines) - 1, formula.shape)

    results = run(let, [Var(number, shape) for number, shape in enumerate(shapes)])
    return Tape(tuple(lines), tuple(result.number for result in results))
