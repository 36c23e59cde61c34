"""Which steps of a program belong to which part of a sheet, told by role, time and sample."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import NamedTuple

from bptt_trace.engine.names import BACKWARD, DECODER, ENCODER, FORWARD, LOSS, WHOLE_LOSS, Layer, Name, Role, word_and_number
from bptt_trace.engine.program import Moment, Program, Step


def way(target: Name, through: Name) -> str:
    """How a gradient reaches a state.

    ``direct`` from its own time step, ``carried`` from the step that the state
    is handed to, ``from above`` from another layer, or ``from the decoder``.
    """
    words = word_and_number(target.layer)[0], word_and_number(through.layer)[0]
    if words == (ENCODER, DECODER):
        return "from the decoder"
    if through.layer is not None and through.layer != target.layer:
        return "from above"
    return "carried" if None not in (target.time, through.time) and through.time != target.time else "direct"


class Source(NamedTuple):
    """One of the ways by which a gradient arrives."""

    position: int
    """The line of its value: a term of the sum, or the only line there is."""
    through: int
    """The line by which it arrives."""
    word: str
    """How: as ``way`` says, or ``handed in``."""


def sources_of(program: Program, total: int) -> list[Source]:
    """The ways by which the gradient in a line arrives: one, or one for each term of the sum that it is.

    The contributions stand before their sum. One with the factor 1 has no line of its own, and
    the sum then takes the line that it repeats; what it arrives by is still its own.
    """
    steps = program.steps
    step = steps[total]

    def source(term: int, through: int, value: Step) -> Source:
        handed_in = value.rule is None  # a given gradient
        return Source(term, through, "handed in" if handed_in else way(step.target, steps[through].target))

    if step.through is not None:
        return [source(total, step.through, steps[step.arguments[0]] if step.rule and step.rule.copies else step)]
    vectors, first = program.vectors
    whole = bisect_right(first, total) - 1
    count = len(vectors.steps[whole].arguments)
    found: list[Source] = []
    for term, line in zip(step.arguments, range(whole - count, whole), strict=True):
        through = steps[first[line] + total - first[whole]].through
        if through is not None:
            found.append(source(term, through, steps[term]))
    return found


def one_step(factor: Name) -> bool:
    """Whether a factor ∂h_t/∂h_s is that of a single step, and not a product."""
    return factor.of is not None and factor.of.time is not None and factor.time is not None and factor.of.time == factor.time + 1


@dataclass
class Pass:
    """A forward pass: its lines by time step, and its losses."""

    steps: dict[Moment, list[int]] = field(default_factory=dict)
    losses: list[int] = field(default_factory=list)

    def at(self, time: int | None, sample: int | None = None) -> list[int]:
        """The lines of a time step, on every pass over time."""
        return [p for track in self.tracks for p in self.steps.get(Moment(time, sample, track=track), [])]

    @cached_property
    def tracks(self) -> list[str]:
        """The passes over time, in the order in which they begin; asked for when the lines are all there."""
        return list(dict.fromkeys(moment.track for moment in self.steps))


def by_track(groups: Mapping[Moment, list[int]]) -> dict[str, dict[Moment, list[int]]]:
    """The groups of each pass over time, in the order in which the passes begin."""
    found: dict[str, dict[Moment, list[int]]] = {}
    for moment, positions in groups.items():
        found.setdefault(moment.track, {})[moment] = positions
    return found


@dataclass
class Parts:
    """Positions of steps, in the order of the program."""

    parameters: list[int] = field(default_factory=list)
    given: list[int] = field(default_factory=list)
    ahead: list[int] = field(default_factory=list)
    """Where the gradient is taken, if the optimizer looks ahead."""
    forward: Pass = field(default_factory=Pass)
    links: list[int] = field(default_factory=list)
    """Slopes of single lines, in a feedforward network: ∂y/∂h, ∂h/∂a."""
    backward: dict[Moment, list[int]] = field(default_factory=dict)
    """Gradients of everything but parameters, last time step first."""
    inputs: list[int] = field(default_factory=list)
    """Gradients of inputs and of initial states."""
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


class _Tracks(dict[Layer, str]):
    """On which pass over time the lines of a layer belong, looked up once for each layer."""

    def __init__(self, program: Program) -> None:
        parameters = takewhile(lambda step: step.role is Role.PARAMETER, program.steps)
        decodes = any(word_and_number(step.target.layer)[0] == DECODER for step in parameters)
        self._outside = DECODER if decodes else ""
        """Where what belongs to no layer belongs: a readout follows its decoder."""

    def __missing__(self, layer: Layer) -> str:
        word, number = word_and_number(layer)
        track = self._outside if layer is None else word + number if word in (FORWARD, BACKWARD) else word
        self[layer] = track
        return track


def _put(groups: dict[Moment, list[int]], target: Name, position: int, tracks: _Tracks) -> None:
    """Add a step to the group of its moment; a moment is made once, and looked up as the tuple that it is."""
    track = tracks[target.layer]
    group = groups.get((target.time, target.sample, 1, track))  # type: ignore[call-overload]
    if group is None:
        group = groups[Moment(target.time, target.sample, track=track)] = []
    group.append(position)


CLIPPING = ("squares", "norm", "scale", "clipped")
"""Stems of the lines that come before the update, of one parameter or of all."""


_GRADIENTS = frozenset({Role.CONTRIBUTION, Role.GRADIENT})
_FORWARD = frozenset({Role.PREACTIVATION, Role.HIDDEN, Role.OUTPUT})
_LISTS = {Role.LOSS: "losses", Role.UPDATE: "updates", Role.FACTOR: "factors"}


def parts_of(program: Program) -> Parts:
    """The parts of a program; those of its first iteration, with the later ones in ``later``."""
    first = Parts()
    tracks = _Tracks(program)
    iterations = {1: first}
    parameters: dict[tuple[str, Layer, tuple[int, ...]], int] = {}
    received: set[tuple[str, int | None]] = set()
    parts, current = first, 1
    for position, (target, _, _, role, _, shape) in enumerate(program.steps):
        number = target.iteration
        if number != current:  # the lines of an iteration stand together
            current = number
            parts = iterations.get(number) or iterations.setdefault(number, Parts())
        if role in _GRADIENTS:
            parameter = parameters.get((target.stem, target.layer, target.index))
            of = target.of
            if of is not LOSS and of == WHOLE_LOSS:  # nearly all are of the loss, and identity is quick to tell
                parts.whole.append(position)
            elif of is not LOSS and of != LOSS and not shape:
                parts.links.append(position)
            elif parameter is None and (target.stem, target.time) in received:
                parts.inputs.append(position)
            elif parameter is None:
                _put(parts.backward, target, position, tracks)
            else:
                parts.gradients.setdefault(parameter, []).append(position)
        elif role in _FORWARD:
            _put(parts.forward.steps, target, position, tracks)
        elif role is Role.STATE:
            stem = target.stem.partition("_")[0]
            own = {"cut": parts.cut, "ahead": parts.ahead}.get(stem, parts.clipping if stem in CLIPPING else parts.updates)
            own.append(position)
        elif role is Role.PARAMETER:
            first.parameters.append(position)
            parameters[target.stem, target.layer, target.index] = position
        elif role is Role.GIVEN:
            first.given.append(position)
            if target.of is None:
                received.add((target.stem, target.time))
        else:
            getattr(parts.forward if role is Role.LOSS else parts, _LISTS[role]).append(position)
    del iterations[1]
    if iterations and not iterations[last := max(iterations)].updates:
        first.again = iterations.pop(last).forward
    first.later = iterations
    return first
