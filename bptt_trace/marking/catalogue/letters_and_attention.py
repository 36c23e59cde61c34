"""Mistakes with letters: which column of a matrix one stands for."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.names import Role
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import Case, misconception, replaced


@misconception(
    "column-of-another-letter",
    "the column of the letter that follows",
    "A letter that is read picks its own column of the input weights. The letter that should follow is the target, and stands "
    "in the loss alone.",
)
def _column_of_another_letter(case: Case, position: int, step: Step) -> Iterator[Formula]:
    letters, time = case.network.letters, step.target.time
    if letters is None or time is None or step.role is not Role.PREACTIVATION:
        return
    read, stems, at = letters.text[time - 1], _read_by(case), 0 if case.network.rows else 1

    def follows(number: int) -> Formula | None:
        name = case.steps[number].target
        if number not in case.parameters or name.stem not in stems or name.index[at] != read + 1:
            return None
        index = list(name.index)
        index[at] = letters.text[time] + 1
        return Var(case.program.index[name._replace(index=tuple(index))])

    changed = replaced(case.formula(position), follows)
    if changed != case.formula(position):
        yield changed


def _read_by(case: Case) -> set[str]:
    """The stems of the matrices that multiply the letters alone."""
    return {stem for stem, shape in case.network.cells[0].parameters.items() if shape[1:] == ("d",)}
