"""A program: an ordered tuple of named steps, from the given quantities to the last update.

It has neither numbers nor formats. Forward pass, loss, backward pass and update are all steps of
the one program. ``str(program)`` reads as the textbook does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from bptt_trace.engine.formula import Formula, Rest, Shape, Var
from bptt_trace.engine.formula_text import text
from bptt_trace.engine.names import Name
from bptt_trace.engine.names import Role as Role
from bptt_trace.engine.rules import Rule, Tape, renumbered, rule_of
from bptt_trace.errors import DesignError

KEEPS_FIGURES = frozenset({Role.FACTOR, Role.STATE, Role.PATH, Role.TANGENT})
"""Lines that keep significant figures under every rounding: products and squares of small numbers."""


class Step(NamedTuple):
    """One line of the calculation: a new quantity and its rule.

    It is a named tuple for the same reason as ``Name``.
    """

    target: Name
    rule: Rule | None
    """None if the problem gives the value."""
    arguments: tuple[int, ...]
    """The positions in the program of the steps that fill the rule."""
    role: Role
    through: int | None = None
    """For a gradient: the position of the step through which it flows back."""
    shape: Shape = ()

    @property
    def formula(self) -> Formula | None:
        """The formula of the step, with positions in the program as variables; for reading, not for calculating."""
        if self.rule is None:
            return None
        return renumbered(self.rule.formula, self.arguments)

    @property
    def repeats(self) -> bool:
        """Whether this is a contribution that only repeats another line (a bias: factor 1)."""
        return self.role is Role.CONTRIBUTION and self.rule is not None and self.rule.copies


class Program:
    """An ordered tuple of steps, each of which uses only earlier ones."""

    def __init__(
        self, steps: Iterable[Step], base: Program | None = None, *, rows: bool = False, vectors: Vectors | None = None
    ) -> None:
        """Raise ``DesignError`` if a step uses a later one or if a name occurs twice.

        ``base`` is a program that these steps continue; its own steps are not
        checked again. With ``rows`` the vectors of the program are rows
        (``x W``): it is printed differently, and its results are the same.
        """
        self.steps = tuple(steps)
        self.rows = rows
        self.vectors = vectors or Vectors(self, range(len(self.steps) + 1))
        """The program of vectors that a program of numbers was made from, or the program itself."""
        start = len(base) if base else 0
        self.index: dict[Name, int] = dict(base.index) if base else {}
        """The position of each name."""
        for position in range(start, len(self.steps)):
            step = self.steps[position]
            target, rule, arguments, _, _, _ = step
            if arguments and max(arguments) >= position:
                raise DesignError(f"{target} uses a step that is not there yet")
            if rule is not None and rule.arity != len(arguments) and not rule.sums_rest:
                raise DesignError(f"{target} fills {rule} with {len(arguments)} arguments")
            self.index[target] = position
            if len(self.index) <= position:
                raise DesignError(f"{target} is given twice")

    def __getitem__(self, name: Name) -> Step:
        return self.steps[self.index[name]]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def at(self, name: Name) -> Var:
        """The quantity of this name as a variable for further formulas."""
        position = self.index[name]
        return Var(position, self.steps[position].shape)

    def ancestors(self, positions: Iterable[int]) -> list[int]:
        """These positions and those of all steps that they depend on, in order."""
        found = set(positions)
        for position in range(max(found, default=-1), -1, -1):
            if position in found:
                found.update(self.steps[position].arguments)
        return sorted(found)

    def __str__(self) -> str:
        return "\n".join(self.describe(step) for step in self.steps)

    def describe(self, step: Step) -> str:
        """One step as text: ``h_2 = tanh(a_2)``."""
        if step.rule is None:
            return f"{step.target} = {step.role.value}"
        names = [str(self.steps[argument].target) for argument in step.arguments]
        others = names[step.rule.arity :]
        rest = f"{others[0]} + … + {others[-1]}" if others else ""
        return f"{step.target} = {text(step.rule.formula, names.__getitem__, rest)}"


class Vectors(NamedTuple):
    """A program of vectors and matrices, and the positions of its component lines in a program of numbers."""

    program: Program
    first: Sequence[int]
    """The first component line of each step, and at the end the number of lines."""

    def lines(self, position: int) -> range:
        """The component lines of a step."""
        return range(self.first[position], self.first[position + 1])


class Moment(NamedTuple):
    """The moment of a line: its time step, sample, iteration, and pass over time."""

    time: int | None = None
    sample: int | None = None
    iteration: int = 1
    track: str = ""
    """For a network that goes over time more than once: ``fwd``, ``bwd2``, ``enc`` or ``dec``."""


WRITTEN_OUT = 4
"""The largest number of terms that a sum over time or samples prints in its line."""


class Builder:
    """Builds a program step by step; the only mutable object of this module."""

    def __init__(self, program: Program | None = None, *, rows: bool = False) -> None:
        self.base = program
        self.rows = program.rows if program else rows
        self.steps: list[Step] = list(program.steps) if program else []

    def given(self, target: Name, role: Role = Role.GIVEN, shape: Shape = ()) -> Var:
        """Append a quantity whose value the problem gives."""
        self.steps.append(Step(target, None, (), role, None, shape))
        return Var(len(self.steps) - 1, shape)

    def let(self, target: Name, formula: Formula, role: Role, through: int | None = None, rest: Sequence[int] = ()) -> Var:
        """Append a quantity with its formula; ``rest`` are the steps that ``Rest`` adds up in it."""
        rule, arguments = rule_of(formula)
        return Var(self.fill(target, rule, (*arguments, *rest), role, through), rule.shape)

    def fill(self, target: Name, rule: Rule, arguments: tuple[int, ...], role: Role, through: int | None = None) -> int:
        """Append a quantity with its rule and the steps that fill it; return its position."""
        steps = self.steps
        steps.append(Step(target, rule, arguments, role, through, rule.shape))
        return len(steps) - 1

    def replay(self, tape: Tape, sources: list[int], moment: Moment) -> list[int]:
        """Append the lines of a tape at one moment; ``sources`` fill its placeholders. Return the positions of its results."""
        time, sample, iteration, _ = moment
        positions = sources[:]
        steps = self.steps
        for stem, layer, role, rule, inputs in tape.lines:
            positions.append(len(steps))
            name = Name(stem, layer, time, (), sample, iteration)
            steps.append(Step(name, rule, tuple([positions[i] for i in inputs]), role, None, rule.shape))
        return [positions[result] for result in tape.results]

    def sum(
        self, target: Name, terms: Sequence[int], role: Role, factor: Formula | None = None, *, most: int = WRITTEN_OUT
    ) -> int:
        """Append the sum of these steps times an exact factor; with more than ``most`` terms it is ``first + … + last``."""
        rule = _sum(len(terms) if len(terms) <= most else 0, self.steps[terms[0]].shape, factor)
        return self.fill(target, rule, tuple(terms), role)

    def build(self) -> Program:
        """The program so far; raises the errors of ``Program``."""
        return Program(self.steps, self.base, rows=self.rows)


@lru_cache(maxsize=256)
def _sum(count: int, shape: Shape, factor: Formula | None) -> Rule:
    """The rule that adds ``count`` terms, written out; with 0, the rule for any number of terms."""
    total: Formula = Var(0, shape) if count else Rest(shape)
    for number in range(1, count):
        total = total + Var(number, shape)
    return rule_of(total if factor is None else factor * total)[0]


def composed_size(steps: Sequence[Step]) -> int:
    """The size of the last step when every step is substituted into the next; a step that is used twice counts twice."""
    sizes: list[int] = []
    for step in steps:
        sizes.append(1 + sum(sizes[argument] for argument in step.arguments) if step.rule is not None else 1)
    return sizes[-1]
