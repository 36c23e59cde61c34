"""Lowering: from a program of vectors and matrices to the program of its components.

Every component line is an entry of the formula of its step, so both programs
do the same calculation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from bptt_trace.engine.components import entries
from bptt_trace.engine.formula import Shape
from bptt_trace.engine.program import Program, Step, Vectors
from bptt_trace.engine.rules import Pick, lower


def scalars(program: Program) -> Program:
    """The program of numbers of a program of vectors and matrices: each step becomes its component lines.

    The lines of a step are neighbours, row by row. A program of numbers is
    returned as it is.
    """
    if not any(step.shape for step in program.steps):
        return program
    lowering = _Lowering(program)
    for step in program.steps:
        lowering.add(step)
    vectors = Vectors(program, (*lowering.first, len(lowering.steps)))
    return Program(lowering.steps, rows=program.rows, vectors=vectors)


class _Lowering:
    """Collects the component lines of a program of vectors."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.first: list[int] = []
        self.steps: list[Step] = []

    def add(self, step: Step) -> None:
        """Append the component lines of a step."""
        through = None if step.through is None else self.first[step.through]
        self.first.append(len(self.steps))
        names = [step.target]
        if step.shape:
            names = [step.target._replace(index=index) for index in indices(step.shape, self.program.rows)]
        if step.rule is None:
            self.steps += [Step(name, None, (), step.role) for name in names]
            return
        lines = lower(step.rule, rows=self.program.rows)
        for name, component in zip(names, self._order(step.shape), strict=True):
            rule, picks, rest = lines[component]
            arguments = [self._position(step, pick) for pick in picks]
            if rest is not None:
                arguments += [self.first[argument] + self._rank(argument, rest) for argument in step.arguments[step.rule.arity :]]
            self.steps.append(Step(name, rule, tuple(arguments), step.role, through))

    def _position(self, step: Step, pick: Pick) -> int:
        """The component line that a pick stands for."""
        argument = step.arguments[pick.argument]
        return self.first[argument] + self._rank(argument, pick.component)

    def _rank(self, position: int, component: int) -> int:
        """The number of lines of a step before the line of a component, in the order of ``_order``."""
        return rank(self.program.steps[position].shape, component, self.program.rows)

    def _order(self, shape: Shape) -> Iterable[int]:
        """The components of a shape in the order of their lines."""
        count = math.prod(shape)
        if not self.program.rows or len(shape) < 2:
            return range(count)
        return (row * shape[1] + column for column in range(shape[1]) for row in range(shape[0]))


def rank(shape: Shape, component: int, rows: bool) -> int:
    """The number of component lines of a quantity before that of a component; with ``rows`` a matrix is transposed."""
    if not rows or len(shape) < 2:
        return component
    row, column = divmod(component, shape[1])
    return column * shape[0] + row


def indices(shape: Shape, rows: bool = False) -> list[tuple[int, ...]]:
    """The indices, counted from 1, of the component lines of a shape; with ``rows`` a matrix is transposed."""
    return entries((shape[1], shape[0]) if rows and len(shape) == 2 else shape)
