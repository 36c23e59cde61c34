"""How far an error reaches back: ∂h_t/∂h_{t−1} and the products of these factors.

Source: Pascanu, Mikolov and Bengio (2013), *On the difficulty of training
recurrent neural networks*, eq. 5: the gradient that reaches step t from step T
is multiplied by the product of the factors between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, cast

from bptt_trace.backward import INCOMING, RESULT, Adjoint, adjoint
from bptt_trace.formula import ONE, Formula, Var, product, rewrite
from bptt_trace.program import Builder, Program, Role, Step
from bptt_trace.rules import Rule, rule_of

Named = dict[int, tuple[int, int]]


def factors(program: Program, state: str = "h") -> Program:
    """The program, followed by ∂h_t/∂h_{t−1} for t = T … 2 and their products from T back to 1.

    A network without a recurrent state of single numbers has none.
    """
    states = [
        position
        for position, step in enumerate(program.steps)
        if step.role is Role.HIDDEN and step.target.stem == state and step.target.iteration == 1
    ]
    memories = {step.target.stem for step in program.steps if step.target.time == 0 and step.rule is None}
    if memories != {state}:
        return program  # the slope of one state alone is not the way back where there are two
    if len(states) < 2 or not all(_alone(program.steps[position]) for position in states):
        return program
    builder = Builder(program)
    last = program.steps[states[-1]].target
    product_so_far: int | None = None
    for before, after in zip(states[-2::-1], states[:0:-1], strict=True):
        earlier = program.steps[before].target
        name = earlier._replace(of=program.steps[after].target)
        rule, arguments = _factor(program.steps, before, after)
        factor = builder.fill(name, rule, arguments, Role.FACTOR, after)
        if product_so_far is None:
            product_so_far = factor
        else:
            name = earlier._replace(of=last)
            product_so_far = builder.fill(name, _PRODUCT, (product_so_far, factor), Role.FACTOR, after)
    return builder.build()


def _alone(step: Step) -> bool:
    """Whether a state is one number, of the only layer and the only sample."""
    return step.target.time is not None and not step.shape and step.target.layer is None and step.target.sample is None


class Link(NamedTuple):
    """One line on the way from a state to the next: its rule, and where its arguments come from."""

    rule: Rule
    origins: tuple[int, ...]
    """Earlier links by number; ``STATE`` for the state that the way begins with; ``OUTSIDE`` for all else."""


STATE, OUTSIDE = -1, -2
_PRODUCT = rule_of(Var(0) * Var(1))[0]


def _factor(steps: Sequence[Step], before: int, after: int) -> tuple[Rule, tuple[int, ...]]:
    """∂after/∂before along the lines between them, as a rule and the steps that fill it."""
    way: list[int] = []
    wanted = {after}
    for position in range(after, before, -1):
        if position in wanted:
            way.insert(0, position)
            wanted.update(steps[position].arguments)
    places = {before: STATE} | {position: number for number, position in enumerate(way)}
    links = tuple(
        Link(cast(Rule, steps[position].rule), tuple(places.get(a, OUTSIDE) for a in steps[position].arguments))
        for position in way
    )
    rule, sources = _chain(links)
    return rule, tuple(
        way[number] if argument == RESULT else steps[way[number]].arguments[argument] for number, argument in sources
    )


@lru_cache(maxsize=256)
def _chain(links: tuple[Link, ...]) -> tuple[Rule, tuple[tuple[int, int], ...]]:
    """The chain rule along these links, once for all time steps: a rule, and (link, argument) for each variable."""
    places: list[tuple[int, int]] = []
    slopes: dict[int, Formula] = {STATE: ONE}
    for number, link in enumerate(links):
        for argument, origin in enumerate(link.origins):
            if origin not in slopes:
                continue
            back = adjoint(link.rule, argument)
            named = {source: (number, source) for source in back.sources}

            def fill(part: Formula, back: Adjoint = back, origin: int = origin, named: Named = named) -> Formula | None:
                if not isinstance(part, Var):
                    return None
                source = back.sources[part.number]
                if source == INCOMING:
                    return slopes[origin]
                if named[source] not in places:
                    places.append(named[source])
                return Var(places.index(named[source]))

            slope = product(rewrite(back.rule.formula, fill))
            slopes[number] = slopes[number] + slope if number in slopes else slope
    rule, sources = rule_of(slopes[len(links) - 1])
    return rule, tuple(places[source] for source in sources)


def links(builder: Builder) -> None:
    """Write the links of a feedforward chain: ∂y/∂h, ∂h/∂a, from the output back.

    A network over time, or one of vectors, or a batch, has none.
    """
    forward = {Role.PREACTIVATION, Role.HIDDEN, Role.OUTPUT}
    chain = [(position, step) for position, step in enumerate(builder.steps) if step.role in forward and step.rule is not None]
    if any(step.target.time is not None or step.target.sample is not None or step.shape for _, step in chain):
        return
    for position, step in reversed(chain):
        for place, argument in enumerate(step.arguments):
            before = builder.steps[argument]
            if before.role in forward:
                rule, sources = adjoint(cast(Rule, step.rule), place, ONE)
                filled = tuple(position if source == RESULT else step.arguments[source] for source in sources)
                builder.fill(before.target._replace(of=step.target), rule, filled, Role.GRADIENT, position)
