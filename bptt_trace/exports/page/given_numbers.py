"""The given numbers as inputs of a page, and the bounds of those that may change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bptt_trace.document.mathematics import Math
from bptt_trace.document.sentences import joined, say
from bptt_trace.engine.names import Name, Role
from bptt_trace.exports.page.live_desk import FixedDesk
from bptt_trace.lines.rows import Rows
from bptt_trace.networks.optimizers import STATES
from bptt_trace.problem.problem import Problem
from bptt_trace.worked_solution.given_tables import meaning_of

BOUNDS: dict[str, tuple[int, bool, int | None]] = {
    "eta": (0, True, None),
    "beta": (0, True, 1),
    "psi": (0, True, None),
    "epsilon": (0, False, None),
    "gamma": (0, False, None),
    "lambda": (0, False, None),
    "clip": (0, False, None),
}
"""For numbers of an update, by stem: the least value, whether that value itself is possible, and the upper bound."""


@dataclass(frozen=True)
class Input:
    """One number."""

    place: int
    """Its step."""
    label: str
    """The label for a screen reader."""
    text: str
    free: bool
    """Whether it may change."""
    slider: tuple[str, str, str] | None = None
    """Least, most and step of its slider, where it has one."""

    @property
    def width(self) -> int:
        """The width of its box, in characters."""
        return max(6, len(self.text) + 1)


@dataclass(frozen=True)
class Quantity:
    """A number, a vector or a matrix."""

    name: Math
    meaning: str
    rows: tuple[tuple[Input, ...], ...]


@dataclass(frozen=True)
class Group:
    """Quantities that belong together."""

    title: str
    quantities: tuple[Quantity, ...]


UNROUNDED = {
    "full": say(
        "Nothing is rounded on this page: its results are doubles, and their last digits depend on the computer that "
        "calculates them."
    ),
    "exact": say("The results on this page are closed forms, which it cannot work out again."),
}
"""Why a page does not calculate, by policy."""


def calculates(problem: Problem) -> bool:
    """Whether a page finds the digits of the sheet again."""
    return problem.rounding.policy not in UNROUNDED


def fixed(problem: Problem) -> str:
    """Why some numbers are shown and no inputs; empty where all are inputs."""
    if not calculates(problem):
        why = UNROUNDED[problem.rounding.policy]
        return say(
            "{why} So the numbers are those of the file. With --round 4dp, 5sf or carry each is an input, and lines follow.",
            why=why,
        )
    if problem.network.letters:
        return say(
            "Letters are columns with a single 1, and which column of a matrix a line takes follows from it: the text stays."
        )
    if problem.loss.over_classes:
        return say("A target says which class is right: the terms of the loss follow from it, so it stays as it is in the file.")
    if problem.loss.of_probabilities:
        return say("A target says which terms the loss has, so it stays as it is in the file.")
    return ""


def is_free(problem: Problem, name: Name) -> bool:
    """Whether the steps of the calculation stay the same whatever the number is."""
    if name.stem == "x" and problem.network.letters:
        return False
    return calculates(problem) and (name.stem != "target" or not problem.loss.of_probabilities)


def bounds(problem: Problem, name: Name, role: Role) -> tuple[int, bool, int | None] | None:
    """The bounds of a number, as in its problem file."""
    if role is Role.PARAMETER:
        return None
    rule = problem.update.rule if problem.update else ""
    if name.letter in STATES and name.time == 0 and (name.below or not problem.network.cells):
        return None if name.letter == "m" or rule in ("momentum", "nesterov") else (0, True, None)
    return BOUNDS.get(name.stem) if problem.update else None


def groups(desk: FixedDesk, board: Rows) -> Iterator[Group]:
    """All given numbers: over time, parameters, and the rest."""
    steps, problem = board.steps, desk.problem
    of_samples = {p: steps[p].target.stem in ("x", "target") for p in board.parts.given}
    kinds = (
        (say("Inputs and targets"), [p for p in of_samples if of_samples[p]]),
        (say("Parameters") if problem.network.cells else say("Numbers"), board.parts.parameters),
        (say("Update and start"), [p for p in of_samples if not of_samples[p]]),
    )
    for title, positions in kinds:
        if positions:
            yield Group(title, tuple(_quantity(desk, board, problem, position) for position in positions))


def _quantity(desk: FixedDesk, board: Rows, problem: Problem, position: int) -> Quantity:
    step = board.steps[position]
    meaning = meaning_of(problem.network, step.target, problem.update.rule if problem.update else "")
    lines = list(board.lines(position))
    wide = len(lines) // step.shape[0] if len(step.shape) == 2 else 1
    if desk.program.rows:
        wide = step.shape[0] if step.shape else 1
    made = [_input(desk, problem, line, meaning) for line in lines]
    rows = tuple(tuple(made[start : start + wide]) for start in range(0, len(made), wide))
    return Quantity(board.name(position), meaning, rows)


def _input(desk: FixedDesk, problem: Problem, place: int, meaning: str) -> Input:
    target, role = desk.steps[place].target, desk.steps[place].role
    text, free = problem.given[target].text, is_free(problem, target)
    label = joined(say(", "), [part for part in (desk.speller.text(target), meaning) if part])
    slides = free and (role is Role.PARAMETER or target.stem == "eta") and "/" not in text
    return Input(place, label, text, free, _slider(text, bounds(problem, target, role)) if slides else None)


def _slider(text: str, within: Sequence[int | bool | None] | None) -> tuple[str, str, str]:
    """A range of 2, or of twice the number's size, in both directions, in steps of its last digit."""
    number = Decimal(text)
    reach = max(Decimal(2), 2 * abs(number))
    exponent = number.as_tuple().exponent
    step = Decimal(1).scaleb(max(min(int(exponent), -1), -2) if isinstance(exponent, int) else -1)
    least = Decimal(0) if within else -reach
    return f"{least:f}", f"{reach:f}", f"{step:f}"
