"""Reverse mode: the backward pass of a program, as more steps of the same kind.

``adjoints`` derives once for each rule how a gradient at its result flows to
each of its arguments; ``backward`` wires these rules along the program. Every
gradient with two or more sources has a line for each (``dL/dh_1 via a_2``) and
a line for their sum.

The equations are those of reverse accumulation (Griewank and Walther,
*Evaluating Derivatives*, 2nd ed., ch. 3); unrolled over time they are
backpropagation through time (Werbos 1990, *Proc. IEEE* 78:1550).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple, assert_never, cast

from bptt_trace.engine.formula import (
    ONE,
    Apply,
    Const,
    Diagonal,
    Entry,
    Extreme,
    Formula,
    Function,
    MatMul,
    Neg,
    Node,
    Outer,
    Over,
    Part,
    Power,
    Rest,
    Spread,
    Stack,
    Sum,
    Times,
    Total,
    Transpose,
    Var,
    product,
    variables,
)
from bptt_trace.engine.functions import slope_of
from bptt_trace.engine.names import LOSS, Name, Role, gradient
from bptt_trace.engine.program import WRITTEN_OUT, Builder, Program, Step
from bptt_trace.engine.rules import Rule, rule_of
from bptt_trace.errors import DesignError


class Adjoint(NamedTuple):
    """How a gradient reaches one argument of a rule: a rule, and what fills it."""

    rule: Rule
    sources: tuple[int, ...]
    """Arguments of the forward rule by number, ``RESULT`` or ``INCOMING``."""


RESULT, INCOMING = -1, -2
"""Places of the rule's result and of the gradient that comes in."""


@lru_cache(maxsize=4096)
def adjoint(rule: Rule, number: int, incoming: Formula | None = None) -> Adjoint:
    """How the gradient at the rule's result flows to argument ``number`` (``arity`` for those behind it).

    ``incoming`` is the gradient at the result where it is an exact constant
    (1/T for a term of a mean); it then stands in the formula instead of a name.
    """
    formula = rule.formula
    result = Var(RESULT, formula.shape)
    flow = list(_push(formula, incoming or Var(INCOMING, formula.shape), result, number, rule.arity, whole=True))
    if not flow:
        raise DesignError(f"{rule} does not use its argument {number}")
    return Adjoint(*rule_of(_merged(flow)))


def _push(formula: Formula, flow: Formula, result: Formula, number: int, arity: int, *, whole: bool = False) -> Iterator[Formula]:
    """Every way by which ``flow``, the gradient at ``formula``, reaches the argument."""
    if not any(v.number == number for v in variables(formula)) and not (number == arity and _sums_rest(formula)):
        return

    def push(part: Formula, through: Formula) -> Iterator[Formula]:
        # A number that is added to, or multiplies, every entry of a column collects from all of them.
        if not part.shape and through.shape:
            through = Total(through)
        return _push(part, through, result, number, arity)

    node = cast(Node, formula)
    match node:
        case Var() | Rest():
            yield flow
        case Const():
            return
        case Entry(variable, _):
            raise DesignError(f"the gradient of one component of {variable} wants a route of its own")
        case Neg(operand):
            yield from push(operand, product(Const(Fraction(-1)), flow))
        case Sum(terms):
            for term in terms:
                yield from push(term, flow)
        case Times(factors):
            for place, factor in enumerate(factors):
                yield from push(factor, product(flow, *factors[:place], *factors[place + 1 :]))
        case Over(numerator, denominator):
            yield from push(numerator, product(flow, ONE / denominator))
            yield from push(denominator, product(Const(Fraction(-1)), flow, numerator / denominator**2))
        case Power(base, exponent, _):
            lower = base ** (exponent - 1) if exponent > 2 else base
            yield from push(base, product(flow, Const(Fraction(exponent)), lower))
        case Apply(function, argument):
            # The value of the function has a name of its own only where the rule is nothing else.
            value = result if whole else node
            yield from push(argument, product(flow, slope_of(function, argument, value)))
        case MatMul(left, right):
            yield from push(left, outer(flow, right))
            yield from push(right, left.T @ flow)
        case Outer(column, row):
            yield from push(column, flow @ row)
            yield from push(row, flow.T @ column)
        case Transpose(operand):
            yield from push(operand, flow.T)
        case Total(operand):
            # Where the total is the loss itself, its factors have the shape of what they are multiplied by.
            plain = not operand.shape or (flow == ONE and isinstance(operand, Times))
            yield from push(operand, flow if plain else Spread(flow, operand.shape))
        case Stack(parts):
            start = 0
            for part in parts:
                yield from push(part, Part(flow, start, part.shape))
                start += part.shape[0] if part.shape else 1
        case Part() | Spread() | Diagonal() | Extreme():
            raise DesignError(f"{node} stands in backward passes and updates only")
        case _:
            assert_never(node)


def _sums_rest(formula: Formula) -> bool:
    return isinstance(formula, Rest) or (
        isinstance(formula, Sum | Times) and any(map(_sums_rest, formula.terms if isinstance(formula, Sum) else formula.factors))
    )


def outer(flow: Formula, row: Formula) -> Formula:
    """flow · rowᵀ; with a single number on either side it is an ordinary product."""
    if not flow.shape and not row.shape:
        return product(flow, row)
    return Outer(flow, row)


def _merged(flow: list[Formula]) -> Formula:
    """Several uses of one argument inside one formula: the gradient that comes in is factored out."""
    if len(flow) == 1:
        return flow[0]
    unsigned = [part.operand if isinstance(part, Neg) else part for part in flow]
    firsts = {part.factors[0] if isinstance(part, Times) else part for part in unsigned}
    first = firsts.pop()
    if firsts:
        return Sum(tuple(flow))
    rests = [product(*part.factors[1:]) if isinstance(part, Times) else ONE for part in unsigned]
    signed = [Neg(rest) if isinstance(part, Neg) else rest for part, rest in zip(flow, rests, strict=True)]
    signed.sort(key=lambda part: isinstance(part, Neg))  # h − n, not −n + h
    return product(first, Sum(tuple(signed)))


class Route(NamedTuple):
    """How the gradient at a line reaches one quantity, written down as the book has it.

    A loss says so where the chain rule through its own line would be the longer
    way: cross-entropy behind softmax gives ``y − target`` at the logits.
    """

    to: int
    """The position of the quantity."""
    formula: Formula
    """The slope, in variables numbered from 0; it is multiplied by the gradient at the line."""
    arguments: tuple[int, ...]
    """The steps that fill it."""
    past: int | None = None
    """The position of a quantity that the route leaves out, the prediction behind the logits. Where that is used again,
    its gradient has other sources too, and the route is not taken."""
    instead: Route | None = None
    """The route that is then taken; without one, the chain rule through the line."""


@lru_cache(maxsize=1024)
def _along(formula: Formula, incoming: Formula) -> tuple[Rule, tuple[int, ...]]:
    """The rule of a gradient that goes along a route."""
    return rule_of(product(incoming, formula))


class Source(NamedTuple):
    """One way by which a gradient arrives at a step."""

    user: int
    rule: Rule
    arguments: tuple[int, ...]


def backward(
    program: Program,
    loss: Name = LOSS,
    frozen: frozenset[Name] = frozenset(),
    routes: Mapping[int, Route] | None = None,
) -> Program:
    """The program, followed by the gradients of ``loss`` in every quantity that depends on a parameter.

    Parameters in ``frozen`` have no gradient. ``routes`` has the lines from
    which the gradient goes by a way of its own, instead of to each of their
    arguments.
    """
    builder = Builder(program)
    leaves = {
        position: step.target
        for position, step in enumerate(program.steps)
        if step.role is Role.PARAMETER and step.target not in frozen
    }
    write(builder, program.index[loss], leaves, routes or {})
    return builder.build()


def write(
    builder: Builder,
    start: int,
    leaves: Mapping[int, Name],
    routes: Mapping[int, Route],
    *,
    since: int = 0,
    borders: Collection[int] = (),
    of: Name = LOSS,
) -> dict[int, int]:
    """Write the gradients of the line ``start``; return those of the leaves that it depends on, by their positions.

    The steps are gone through from last to first, one sample after the other;
    the leaves come at the end, in their order. ``leaves`` are the parameters
    that learn, and what else is given and has a gradient, with the names of
    their gradients; some may be without one. ``since`` is the first line
    that is made from them. Nothing is carried back over the time steps in
    ``borders``: to the states there only the gradient of their own step comes.
    ``of`` is what the gradients are called gradients of.
    """
    steps = builder.steps
    moving = _depends_on(steps, leaves, since, start)
    arriving: dict[int, list[Source]] = {start: []}
    gradients: dict[int, int | Formula] = {}

    def settle(position: int) -> None:
        """All sources of this gradient are known: write its lines."""
        sources = arriving.pop(position, [])[::-1]
        step = steps[position]
        if position == start:
            gradients[position] = ONE
        elif step.role is Role.LOSS and (fixed := _constant(sources)) is not None:
            gradients[position] = fixed
        else:
            gradients[position] = _write(builder, leaves.get(position, step.target), step, sources, of)

    def send(position: int) -> None:
        """Pass the gradient of a step on to what it was made of."""
        step = steps[position]
        incoming = gradients[position]
        route = routes.get(position)
        if route is not None and route.past in used_again:
            route = route.instead
        if route is not None:
            follow(route, position, incoming)
            return
        rule = cast(Rule, step.rule)
        fixed = incoming if isinstance(incoming, Formula) else None
        arguments = step.arguments
        if isinstance(rule.formula, Apply) and rule.formula.function.jacobian is not None:
            through_jacobian(position, rule.formula.function, cast(int, incoming))
            return
        for place, argument in enumerate(arguments):
            if argument not in moving or (borders and cut(step, steps[argument])):
                continue
            back = adjoint(rule, place if place < rule.arity else rule.arity, fixed)
            filled = [arguments[source] if source >= 0 else position if source == RESULT else incoming for source in back.sources]
            arriving.setdefault(argument, []).append(Source(position, back.rule, cast(tuple[int, ...], tuple(filled))))

    def cut(user: Step, used: Step) -> bool:
        """Whether the way from a step back to what it used goes over a border."""
        time, before = user.target.time, used.target.time
        return time is not None and before is not None and before < time and before in borders

    def follow(route: Route, position: int, incoming: int | Formula) -> None:
        """Pass the gradient on by the route of this line alone."""
        if route.to not in moving:
            return
        fixed = isinstance(incoming, Formula)
        rule, sources = _along(route.formula, incoming if isinstance(incoming, Formula) else Var(INCOMING, steps[position].shape))
        filled = [incoming if source == INCOMING and not fixed else route.arguments[source] for source in sources]
        arriving.setdefault(route.to, []).append(Source(position, rule, cast(tuple[int, ...], tuple(filled))))

    def through_jacobian(position: int, function: Function, incoming: int) -> None:
        """Pass the gradient on through the matrix of slopes, which gets lines of its own."""
        step, (argument,) = steps[position], steps[position].arguments
        name = steps[argument].target._replace(of=step.target)
        if name not in known_slopes:
            matrix, _ = rule_of(cast(Callable[[Formula], Formula], function.jacobian)(Var(0, step.shape)))
            known_slopes[name] = builder.fill(name, matrix, (position,), Role.GRADIENT, position)
        slopes = known_slopes[name]
        rule, _ = rule_of(Var(0, steps[slopes].shape).T @ Var(1, step.shape))
        arriving.setdefault(argument, []).append(Source(position, rule, (slopes, incoming)))

    left_out = {route.past for route in routes.values()} - {None}
    used_again = {
        argument
        for position in (moving if left_out else ())
        for argument in steps[position].arguments
        if argument in left_out and steps[position].role is not Role.LOSS and not cut(steps[position], steps[argument])
    }
    # The gradients of a truncated and of the whole pass go through the same slopes.
    known_slopes = {} if of == LOSS else {step.target: place for place, step in enumerate(steps) if len(step.shape) == 2}
    for position in sorted(range(start, since - 1, -1), key=lambda position: steps[position].target.sample or 0):
        if position in moving and position not in leaves and position in arriving:
            settle(position)
            send(position)
    for position in leaves:
        if position in arriving:
            settle(position)
    return {position: cast(int, gradients[position]) for position in leaves if position in gradients}


def _depends_on(steps: Sequence[Step], leaves: Collection[int], since: int, start: int) -> set[int]:
    """The leaves, and the lines up to ``start`` to which a gradient flows back on its way to them.

    None flows through the larger of two, a stabiliser: it scales numerator and
    denominator alike, so what it is does not change the state that is read.
    """
    moving = set(leaves)
    for position in range(since, start + 1):
        rule = steps[position].rule
        if not moving.isdisjoint(steps[position].arguments) and not (rule and isinstance(rule.formula, Extreme)):
            moving.add(position)
    return moving


def _constant(sources: list[Source]) -> Formula | None:
    """The gradient where it is the same exact number whatever the values are: 1/T for a term of a mean."""
    if len(sources) == 1 and not sources[0].arguments:
        return sources[0].rule.formula
    return None


def _write(builder: Builder, name: Name, step: Step, sources: list[Source], of: Name) -> int:
    """The lines of one gradient: its contributions and their sum, or the one line there is."""
    steps = builder.steps
    target = gradient(name, of=of)
    if not sources:
        raise DesignError(f"the loss does not depend on {step.target}")
    if len(sources) == 1:
        user, rule, arguments = sources[0]
        return builder.fill(target, rule, arguments, Role.GRADIENT, user)
    # What comes from the same step comes first.
    sources.sort(key=lambda source: (steps[source.user].target.sample or 0, steps[source.user].target.time or 0))
    terms: list[int] = []
    for user, rule, arguments in sources:
        via = gradient(name, steps[user].target, of)
        line = builder.fill(via, rule, arguments, Role.CONTRIBUTION, user)
        terms.append(arguments[0] if rule.copies else line)
    # A parameter is used at every time step; what uses any other line is a matter of the cell, and all of it is shown.
    most = WRITTEN_OUT if step.role is Role.PARAMETER else len(terms)
    return builder.sum(target, terms, Role.GRADIENT, most=most)
