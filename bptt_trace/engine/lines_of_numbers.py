"""Further lines of numbers behind a program of numbers or of vectors: a component of a vector is one of its entries."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from bptt_trace.engine.formula import Entry, Formula, Var
from bptt_trace.engine.formula_walks import rewrite
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Builder, Step
from bptt_trace.engine.rules import rule_of
from bptt_trace.engine.scalar_program import scalars


class Numbers:
    """The lines of a builder as lines of numbers; a line that is appended here is appended to the builder."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        program = scalars(builder.build())
        self.steps: list[Step] = list(program.steps)
        self.index = dict(program.index)
        vectors, first = program.vectors
        self._sources: list[Formula] = []
        self._wholes: list[int] = []
        for whole, step in enumerate(vectors.steps):
            for rank in range(first[whole + 1] - first[whole]):
                self._wholes.append(whole)
                if not step.shape:
                    self._sources.append(Var(whole))
                    continue
                if builder.rows and len(step.shape) == 2:  # such a matrix is written column by column
                    column, row = divmod(rank, step.shape[0])
                    rank = row * step.shape[1] + column
                self._sources.append(Entry(Var(whole, step.shape), rank))

    def let(self, target: Name, formula: Formula, role: Role, through: int | None = None) -> int:
        """Append a line whose formula has positions of lines of numbers as variables; return its position."""
        written = rewrite(formula, lambda part: self._sources[part.number] if isinstance(part, Var) else None)
        whole = self.builder.let(target, written, role, None if through is None else self._wholes[through])
        rule, arguments = rule_of(formula)
        position = len(self.steps)
        self.steps.append(Step(target, rule, arguments, role, through))
        self.index[target] = position
        self._sources.append(whole)
        self._wholes.append(whole.number)
        return position

    def whole(self, position: int) -> Step:
        """The step of the builder of which a line is a component."""
        return self.builder.steps[self._wholes[position]]

    def siblings(self, position: int) -> Sequence[int]:
        """The lines of the same step."""
        return self.of(self._wholes[position])

    def of(self, whole: int) -> Sequence[int]:
        """The lines of numbers of a step of the builder."""
        start = bisect_left(self._wholes, whole)
        return range(start, bisect_right(self._wholes, whole, start))
