"""The reach of an error back in time: ∂h_t/∂h_{t−1} and the products of these factors.

Source: Pascanu, Mikolov and Bengio (2013), *On the difficulty of training
recurrent neural networks*, eq. 5: the gradient that reaches step t from step T
is multiplied by the product of the factors between them.

For a cell with its own memory the slopes are taken along that memory,
∂c_t/∂c_{t−1}, other states held fixed: the "constant error carousel" of Hochreiter and
Schmidhuber (1997), *Neural Computation* 9:1735, sect. 3.2.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import NamedTuple, cast

from bptt_trace.engine.formula import ONE, Formula, Var, product
from bptt_trace.engine.formula_walks import rewrite
from bptt_trace.engine.gradients import INCOMING, RESULT, Adjoint, adjoint
from bptt_trace.engine.lines_of_numbers import Numbers
from bptt_trace.engine.names import Role
from bptt_trace.engine.program import Builder, Program, Step
from bptt_trace.engine.rules import Rule, renumbered, rule_of

Named = dict[int, int]


def factors(program: Program, memory: str, state: Sequence[str]) -> Program:
    """The program, followed by ∂h_t/∂h_{t−1} for t = T … 2 and their products from T back to 1.

    ``state`` has the stems of the states of the cell; the slopes are those of
    ``memory``, with the other states held fixed. The program is returned as it
    is if the state is not a single number, or if there are several layers.
    """
    states = [
        position
        for position, step in enumerate(program.steps)
        if step.role is Role.HIDDEN and step.target.stem == memory and step.target.iteration == 1
    ]
    if len(states) < 2 or not all(_alone(program.steps[position]) for position in states):
        return program
    held = _positions(program, set(state) - {memory})
    if any(program.steps[position].shape for position in way_between(program.steps, states[0], states[1], held)):
        return program  # the path leads through an output of several numbers that is fed back
    builder = Builder(program)
    last = program.steps[states[-1]].target
    product_so_far: int | None = None
    for before, after in zip(states[-2::-1], states[:0:-1], strict=True):
        earlier = program.steps[before].target
        name = earlier._replace(of=program.steps[after].target)
        rule, arguments = slope_between(program.steps, before, after, held)
        factor = builder.fill(name, rule, arguments, Role.FACTOR, after)
        if product_so_far is None:
            product_so_far = factor
        else:
            name = earlier._replace(of=last)
            product_so_far = builder.fill(name, _PRODUCT, (product_so_far, factor), Role.FACTOR, after)
    return builder.build()


def _alone(step: Step) -> bool:
    """Whether a state is a single number, in a network of one layer and without a batch."""
    return step.target.time is not None and not step.shape and step.target.layer is None and step.target.sample is None


class Link(NamedTuple):
    """One line on the path from a state to the next: its rule, and the origins of its arguments."""

    rule: Rule
    origins: tuple[int, ...]
    """Numbers of earlier links; ``STATE`` for the state at which the path begins; numbers below it for other lines."""


STATE = -1
_PRODUCT = rule_of(Var(0) * Var(1))[0]


def _positions(program: Program, stems: AbstractSet[str]) -> frozenset[int]:
    """The positions of the quantities with these stems."""
    return frozenset(
        position for position, step in enumerate(program.steps) if step.target.stem in stems and step.target.of is None
    )


def way_between(steps: Sequence[Step], before: int, after: int, held: AbstractSet[int]) -> list[int]:
    """The lines after the earlier state that the later one depends on, in order and with itself; without held ones."""
    way: list[int] = []
    wanted = {after}
    for position in range(after, before, -1):
        if position in wanted and position not in held:
            way.insert(0, position)
            wanted.update(steps[position].arguments)
    return way


def slope_between(steps: Sequence[Step], before: int, after: int, held: AbstractSet[int]) -> tuple[Rule, tuple[int, ...]]:
    """∂after/∂before along the lines between them, without held ones: a rule, and the steps that fill it."""
    way = way_between(steps, before, after, held)
    origins = {before: STATE} | {position: number for number, position in enumerate(way)}
    for position in way:
        for argument in steps[position].arguments:
            origins.setdefault(argument, len(way) - 1 - len(origins))
    links = tuple(
        Link(cast(Rule, steps[position].rule), tuple(origins[argument] for argument in steps[position].arguments))
        for position in way
    )
    rule, filled = _chain(links)
    position_of = {origin: position for position, origin in origins.items()}
    return rule, tuple(position_of[origin] for origin in filled)


@lru_cache(maxsize=256)
def _chain(links: tuple[Link, ...]) -> tuple[Rule, tuple[int, ...]]:
    """The chain rule along these links, cached for all time steps: a rule, and the origin of each of its variables."""
    used: list[int] = []
    slopes: dict[int, Formula] = {STATE: ONE}
    for number, link in enumerate(links):
        for argument, origin in enumerate(link.origins):
            if origin not in slopes:
                continue
            back = adjoint(link.rule, argument)
            named = {
                source: number if source == RESULT else link.origins[source] for source in back.sources if source != INCOMING
            }

            def fill(part: Formula, back: Adjoint = back, flow: Formula = slopes[origin], named: Named = named) -> Formula | None:
                if not isinstance(part, Var):
                    return None
                source = back.sources[part.number]
                if source == INCOMING:
                    return flow
                if named[source] not in used:
                    used.append(named[source])
                return Var(used.index(named[source]), part.shape)

            slope = product(rewrite(back.rule.formula, fill))
            slopes[number] = slopes[number] + slope if number in slopes else slope
    rule, filled = rule_of(slopes[len(links) - 1])
    return rule, tuple(used[number] for number in filled)


def links(builder: Builder) -> None:
    """Write the slopes of a feedforward chain, ∂y/∂h and ∂h/∂a, from the output back.

    They are written for single numbers only, not over time, for vectors or for
    a batch.
    """
    forward = {Role.PREACTIVATION, Role.HIDDEN, Role.OUTPUT}
    chain = [(position, step) for position, step in enumerate(builder.steps) if step.role in forward and step.rule is not None]
    if any(step.target.time is not None or step.target.sample is not None or step.shape for _, step in chain):
        return
    for position, step in reversed(chain):
        for number, argument in enumerate(step.arguments):
            before = builder.steps[argument]
            if before.role in forward:
                rule, sources = adjoint(cast(Rule, step.rule), number, ONE)
                filled = tuple(position if source == RESULT else step.arguments[source] for source in sources)
                builder.fill(before.target._replace(of=step.target), rule, filled, Role.GRADIENT, position)


def matrix_factors(builder: Builder, memories: Collection[str], state: Collection[str]) -> None:
    """Append the matrices of ∂h_t/∂h_{t−1} for t = T … 2, and their products from T back, entry by entry.

    The state of a time step is one column: all units of all layers. ``memories`` has the stems that are followed and
    ``state`` those of all states, of which the others are held. An entry that is 0 whatever the numbers are, as that of a
    lower layer in a higher one, has no line.
    """
    numbers = Numbers(builder)
    steps = numbers.steps
    states: dict[int, list[int]] = {}
    for position, step in enumerate(steps):
        name = step.target
        if name.stem in memories and name.time and name.of is None and name.iteration == 1 and step.role is Role.HIDDEN:
            states.setdefault(name.time, []).append(position)
    held = frozenset(
        p for p, step in enumerate(steps) if step.target.stem in set(state) - set(memories) and step.target.of is None
    )
    times = sorted(states)
    products: dict[tuple[int, int], int] = {}
    for before, after in zip(times[-2::-1], times[:0:-1], strict=True):
        factors: dict[tuple[int, int], int] = {}
        for row in states[after]:
            for column in states[before]:
                others = held.union(states[before]) - {column}
                if column in _uses(steps, row, column, others):
                    name = steps[column].target._replace(of=steps[row].target)
                    rule, filled = slope_between(steps, column, row, others)
                    factors[row, column] = numbers.let(name, renumbered(rule.formula, filled), Role.FACTOR, row)
        if not products:
            products = factors
            continue
        longer: dict[tuple[int, int], int] = {}
        for row in states[times[-1]]:
            for column in states[before]:
                terms = [
                    Var(products[row, between]) * Var(factors[between, column])
                    for between in states[after]
                    if (row, between) in products and (between, column) in factors
                ]
                if terms:
                    name = steps[column].target._replace(of=steps[row].target)
                    longer[row, column] = numbers.let(name, sum(terms[1:], start=terms[0]), Role.FACTOR, row)
        products = longer


def _uses(steps: Sequence[Step], after: int, before: int, held: AbstractSet[int]) -> set[int]:
    """The quantities on the way from a line back to another."""
    return {argument for position in way_between(steps, before, after, held) for argument in steps[position].arguments}
