"""Which steps of a program belong to which part of a sheet, told by role, time and sample."""

from __future__ import annotations

from dataclasses import dataclass, field

from bptt_trace.names import LOSS, WHOLE_LOSS, Name
from bptt_trace.program import Moment, Program, Role


def way(target: Name, through: Name) -> str:
    """How a gradient reaches a state: ``direct``, from its own time step, or ``carried`` back from a later one."""
    return "carried" if target.time is not None and through.time is not None and through.time > target.time else "direct"


def one_step(factor: Name) -> bool:
    """Whether a factor ∂h_t/∂h_s is that of a single step, and not a product."""
    return factor.of is not None and factor.of.time is not None and factor.time is not None and factor.of.time == factor.time + 1


@dataclass
class Pass:
    """A forward pass: its lines by time step, and its losses."""

    steps: dict[Moment, list[int]] = field(default_factory=dict)
    losses: list[int] = field(default_factory=list)


@dataclass
class Parts:
    """Positions of steps, in the order of the program."""

    parameters: list[int] = field(default_factory=list)
    given: list[int] = field(default_factory=list)
    forward: Pass = field(default_factory=Pass)
    links: list[int] = field(default_factory=list)
    """Slopes of single lines, in a feedforward network: ∂y/∂h, ∂h/∂a."""
    backward: dict[Moment, list[int]] = field(default_factory=dict)
    """Gradients of everything but parameters, last time step first."""
    gradients: dict[int, list[int]] = field(default_factory=dict)
    """For each parameter: its contributions, repeated ones included, and their sum."""
    clipping: list[int] = field(default_factory=list)
    """Norms, and clipped gradients."""
    whole: list[int] = field(default_factory=list)
    """Where the backward pass is truncated: the gradients of the whole pass."""
    cut: list[int] = field(default_factory=list)
    """What the truncation leaves out of each gradient."""
    updates: list[int] = field(default_factory=list)
    """The state of the optimizer and the new parameters."""
    again: Pass = field(default_factory=Pass)
    """The forward pass with the new parameters."""
    factors: list[int] = field(default_factory=list)
    """∂h_t/∂h_{t−1} and the products of these."""
    later: dict[int, Parts] = field(default_factory=dict)
    """The second iteration and those that follow, by number."""

    @property
    def changes(self) -> list[int]:
        """All that an update calculates, from clipping on."""
        return [*self.clipping, *self.updates]

    def iteration(self, number: int) -> Parts:
        """The parts of an iteration."""
        return self if number == 1 else self.later[number]

    @property
    def last(self) -> int:
        """The number of the last iteration."""
        return max(self.later, default=1)


def _put(groups: dict[Moment, list[int]], target: Name, position: int) -> None:
    """Add a step to the group of its moment; a moment is made once, and looked up as the tuple that it is."""
    group = groups.get((target.time, target.sample, 1))  # type: ignore[call-overload]
    if group is None:
        group = groups[Moment(target.time, target.sample)] = []
    group.append(position)


CLIPPING = ("squares", "norm", "scale", "clipped")
"""Stems of the lines that come before the update, of one parameter or of all."""


_GRADIENTS = frozenset({Role.CONTRIBUTION, Role.GRADIENT})
_FORWARD = frozenset({Role.PREACTIVATION, Role.HIDDEN, Role.OUTPUT})
_LISTS = {Role.LOSS: "losses", Role.UPDATE: "updates", Role.FACTOR: "factors"}


def parts_of(program: Program) -> Parts:
    """The parts of a program; those of its first iteration, with the later ones in ``later``."""
    first = Parts()
    iterations = {1: first}
    parameters: dict[tuple[str, int | None, tuple[int, ...]], int] = {}
    for position, (target, _, _, role, _, shape) in enumerate(program.steps):
        number = target.iteration
        parts = iterations.get(number)
        if parts is None:
            parts = iterations[number] = Parts()
        if role in _GRADIENTS:
            parameter = parameters.get((target.stem, target.layer, target.index))
            of = target.of
            if of is not LOSS and of == WHOLE_LOSS:  # nearly all are of the loss, and identity is quick to tell
                parts.whole.append(position)
            elif of is not LOSS and of != LOSS and not shape:
                parts.links.append(position)
            elif parameter is None:
                _put(parts.backward, target, position)
            else:
                parts.gradients.setdefault(parameter, []).append(position)
        elif role in _FORWARD:
            _put(parts.forward.steps, target, position)
        elif role is Role.STATE:
            stem = target.stem.partition("_")[0]
            (parts.cut if stem == "cut" else parts.clipping if stem in CLIPPING else parts.updates).append(position)
        elif role is Role.PARAMETER:
            first.parameters.append(position)
            parameters[target.stem, target.layer, target.index] = position
        elif role is Role.GIVEN:
            first.given.append(position)
        else:
            getattr(parts.forward if role is Role.LOSS else parts, _LISTS[role]).append(position)
    del iterations[1]
    if iterations and not iterations[last := max(iterations)].updates:
        first.again = iterations.pop(last).forward
    first.later = iterations
    return first
