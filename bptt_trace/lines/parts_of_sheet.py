"""The division of a program's steps into the parts of a sheet, by role, time and sample."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import NamedTuple

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import Shape
from bptt_trace.engine.names import (
    BACKWARD,
    DECODER,
    ENCODER,
    FORWARD,
    LOSS,
    LOSS_OF_WINDOW,
    WHOLE_LOSS,
    Layer,
    Name,
    Role,
    word_and_number,
)
from bptt_trace.engine.program import Moment, Program, Step

PROJECTION, ATTENTION = "qkv", "att"
"""The tracks of self-attention: queries, keys and values, then what each token takes from the others."""


DIRECT, CARRIED = say("direct"), say("carried")
"""The two ways of a gradient over time."""


def way(target: Name, through: Name) -> str:
    """The way by which a gradient reaches a state.

    ``direct`` from its own time step, ``carried`` from the step that the state
    is handed to, ``from above`` from another layer, or ``from the decoder``,
    whose attention has scores and contexts of no layer.
    """
    words = word_and_number(target.layer)[0], word_and_number(through.layer)[0]
    if words[0] == ENCODER and (words[1] == DECODER or through.layer is None):
        return say("from the decoder")
    if through.layer is not None and through.layer != target.layer:
        return say("from above")
    return CARRIED if None not in (target.time, through.time) and through.time != target.time else DIRECT


class Source(NamedTuple):
    """One of the ways by which a gradient arrives."""

    position: int
    """The line of its value: a term of the sum, or the only line there is."""
    through: int
    """The line by which it arrives."""
    word: str
    """The way: as in ``way``, or ``handed in``."""


def sources_of(program: Program, total: int) -> list[Source]:
    """The ways by which the gradient in a line arrives: one, or one for each term of the sum that it is.

    The contributions stand before their sum. One with the factor 1 has no line of its own, and
    the sum then takes the line that it repeats; what it arrives by is still its own.
    """
    steps = program.steps
    step = steps[total]

    def source(term: int, through: int, value: Step) -> Source:
        handed_in = value.rule is None  # a given gradient
        return Source(term, through, say("handed in") if handed_in else way(step.target, steps[through].target))

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
    """The lines of the point of the gradient, if the optimizer looks ahead."""
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
    passes: dict[int, list[int]] = field(default_factory=dict)
    """The gradients of each of several overlapping backward passes, by the step from which the pass begins."""
    whole: list[int] = field(default_factory=list)
    """The gradients of the whole backward pass, if the pass of the sheet is truncated."""
    cut: list[int] = field(default_factory=list)
    """The part of each gradient that the truncation leaves out."""
    updates: list[int] = field(default_factory=list)
    """The state of the optimizer and the new parameters."""
    again: Pass = field(default_factory=Pass)
    """The forward pass with the new parameters."""
    factors: list[int] = field(default_factory=list)
    """∂h_t/∂h_{t−1} and the products of these."""
    extras: list[int] = field(default_factory=list)
    """Lines that the problem asks for besides its calculation."""
    tangents: list[int] = field(default_factory=list)
    """Slopes of lines in a parameter, calculated forward."""
    paths: list[int] = field(default_factory=list)
    """Slopes, paths and their sums."""
    checks: list[int] = field(default_factory=list)
    """Passes with a parameter moved a little, each before its quotient."""
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
    """The pass over time of a layer's lines, looked up once for each layer."""

    def __init__(self, program: Program) -> None:
        parameters = takewhile(lambda step: step.role is Role.PARAMETER, program.steps)
        decodes = any(word_and_number(step.target.layer)[0] == DECODER for step in parameters)
        attends = not decodes and _attends(program)
        self._outside = DECODER if decodes else ATTENTION if attends else ""
        """The pass of lines without a layer: a readout follows its decoder."""
        self.own = dict.fromkeys(("q", "k", "v"), PROJECTION) if attends else {}
        """Stems with a track of their own: all tokens are projected before any of them looks at the others."""

    def __missing__(self, layer: Layer) -> str:
        word, number = word_and_number(layer)
        track = self._outside if layer is None else word + number if word in (FORWARD, BACKWARD) else word
        self[layer] = track
        return track


def _attends(program: Program) -> bool:
    """Whether the last token of a sequence looks at the others."""
    given = takewhile(lambda step: step.rule is None, program.steps)
    last = max((step.target for step in given if step.target.stem == "x" and step.target.time), key=_when, default=None)
    return last is not None and any(last._replace(stem="alpha", index=index) in program.index for index in ((), (1,)))


def _when(name: Name) -> int:
    return name.time or 0


def _put(groups: dict[Moment, list[int]], target: Name, position: int, tracks: _Tracks) -> None:
    """Add a step to the group of its moment; a moment is made once, and looked up as the tuple that it is."""
    track = tracks.own.get(target.stem) or tracks[target.layer]
    group = groups.get((target.time, target.sample, 1, track))  # type: ignore[call-overload]
    if group is None:
        group = groups[Moment(target.time, target.sample, track=track)] = []
    group.append(position)


def _of_another(parts: Parts, of: Name, shape: Shape) -> list[int] | None:
    """The part of a line that is the gradient of something other than the whole loss; None for a gradient of the whole loss."""
    if of == WHOLE_LOSS:
        return parts.whole
    if of.stem == LOSS_OF_WINDOW:
        return parts.passes.setdefault(of.time or 0, [])
    return parts.links if of != LOSS and not shape else None


CLIPPING = ("squares", "norm", "scale", "clipped")
"""Stems of the lines that come before the update, of one parameter or of all."""


_GRADIENTS = frozenset({Role.CONTRIBUTION, Role.GRADIENT})
_FORWARD = frozenset({Role.PREACTIVATION, Role.HIDDEN, Role.OUTPUT})
_LISTS = {
    Role.LOSS: "losses",
    Role.UPDATE: "updates",
    Role.FACTOR: "factors",
    Role.TANGENT: "tangents",
    Role.PATH: "paths",
    Role.EXTRA: "extras",
}


def parts_of(program: Program) -> Parts:
    """The parts of a program; those of its first iteration, with the later ones in ``later``."""
    first = Parts()
    tracks = _Tracks(program)
    iterations = {1: first}
    parameters: dict[tuple[str, Layer, tuple[int, ...]], int] = {}
    received: set[tuple[str, int | None]] = set()
    parts, current = first, 1
    for position, (target, _, _, role, _, shape) in enumerate(program.steps):
        if role is Role.CHECK:  # whose numbers behind @ are those of no iteration
            first.checks.append(position)
            continue
        number = target.iteration
        if number != current:  # the lines of an iteration stand together
            current = number
            parts = iterations.get(number) or iterations.setdefault(number, Parts())
        if role in _GRADIENTS:
            parameter = parameters.get((target.stem, target.layer, target.index))
            of = target.of
            # Nearly all are of the loss, and identity is quick to tell.
            if of is not LOSS and of is not None and (own := _of_another(parts, of, shape)) is not None:
                own.append(position)
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
