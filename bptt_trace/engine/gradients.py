"""Reverse mode: the backward pass of a program, as more steps of the same kind.

``adjoints`` derives once for each rule how a gradient at its result flows to
each of its arguments; ``backward`` wires these rules along the program. A
gradient with two or more sources has one line for each (``dL/dh_1 via a_2``)
and one for their sum.

The equations are those of reverse accumulation (Griewank and Walther,
*Evaluating Derivatives*, 2nd ed., ch. 3); unrolled over time they are
backpropagation through time (Werbos 1990, *Proc. IEEE* 78:1550).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple, assert_never, cast

from bptt_trace.engine.components import component
from bptt_trace.engine.formula import (
    ONE,
    Apply,
    Beside,
    Const,
    Diagonal,
    Entry,
    Extreme,
    Formula,
    MatMul,
    Neg,
    Node,
    OneHot,
    Outer,
    Over,
    Power,
    Rest,
    Slice,
    Spread,
    Stack,
    Sum,
    Times,
    Total,
    Transpose,
    Var,
    product,
)
from bptt_trace.engine.formula_walks import variables
from bptt_trace.engine.functions import Function, slope_of, unit_step
from bptt_trace.engine.names import LOSS, Name, Role, gradient
from bptt_trace.engine.program import WRITTEN_OUT, Builder, Program, Step
from bptt_trace.engine.rules import Rule, rule_of
from bptt_trace.errors import DesignError


class Adjoint(NamedTuple):
    """The gradient at one argument of a rule: a rule of its own, and the sources that fill it."""

    rule: Rule
    sources: tuple[int, ...]
    """Numbers of arguments of the forward rule, ``RESULT`` or ``INCOMING``."""


RESULT, INCOMING = -1, -2
"""Stand for the result of the forward rule and for the gradient at this result."""


@lru_cache(maxsize=4096)
def adjoint(rule: Rule, number: int, incoming: Formula | None = None) -> Adjoint:
    """The flow of the gradient from the rule's result to argument ``number`` (``arity`` for every argument of ``Rest``).

    ``incoming`` is the gradient at the result if it is an exact constant (1/T
    for a term of a mean); the formula then contains this constant. Raises
    ``DesignError`` if the rule does not use the argument.
    """
    formula = rule.formula
    result = Var(RESULT, formula.shape)
    flow = list(_push(formula, incoming or Var(INCOMING, formula.shape), result, number, rule.arity, whole=True))
    if not flow:
        raise DesignError(f"{rule} does not use its argument {number}")
    return Adjoint(*rule_of(_merged(flow)))


def _push(formula: Formula, flow: Formula, result: Formula, number: int, arity: int, *, whole: bool = False) -> Iterator[Formula]:  # noqa: C901 - a case for each node
    """A term for every path on which ``flow``, the gradient at ``formula``, reaches the argument."""
    if not any(v.number == number for v in variables(formula)) and not (number == arity and _sums_rest(formula)):
        return

    def push(part: Formula, through: Formula) -> Iterator[Formula]:
        # A number that is added to every entry of a column, or multiplies it, collects the gradients of all entries.
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
            raise DesignError(f"the gradient of one component of {variable} needs a route of its own")
        case Neg(operand):
            yield from push(operand, product(Const(Fraction(-1)), flow))
        case Sum(terms):
            for term in terms:
                yield from push(term, flow)
        case Times(factors):
            for index, factor in enumerate(factors):
                yield from push(factor, product(flow, *factors[:index], *factors[index + 1 :]))
        case Over(numerator, Apply() as root) if not any(variables(root)):  # one root of d below the whole, not one in each term
            yield from (Over(part, root) for part in push(numerator, flow))
        case Over(numerator, denominator):
            yield from push(numerator, product(flow, ONE / denominator))
            yield from push(denominator, product(Const(Fraction(-1)), flow, numerator / denominator**2))
        case Power(base, exponent, _):
            lower = base ** (exponent - 1) if exponent > 2 else base
            yield from push(base, product(flow, Const(Fraction(exponent)), lower))
        case Apply(function, argument):
            # The value of the function has a name only if the rule is this application alone.
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
            # An exact number times a product has the shape of its other factors, where these are columns too.
            columns = isinstance(operand, Times) and all(factor.shape == operand.shape for factor in operand.factors)
            plain = not operand.shape or (columns and isinstance(flow.operand if isinstance(flow, Neg) else flow, Const))
            yield from push(operand, flow if plain else Spread(flow, operand.shape))
        case Stack(parts):
            start = 0
            for part in parts:
                yield from push(part, Slice(flow, start, part.shape))
                start += part.shape[0] if part.shape else 1
        case Extreme(kind, (left, right), False):
            for own, other in ((left, right), (right, left)):
                ahead = own - other if kind == "max" else other - own
                yield from push(own, product(flow, unit_step(ahead)))
        case Beside(parts):
            column, row = cast(Outer, flow).column, cast(Outer, flow).row  # a matrix is used in a product with a column
            for place, part in enumerate(parts):
                yield from push(part, product(component(row, place), column))
        case OneHot(operand, _, _):
            yield from push(operand, flow)
        case Slice() | Spread() | Diagonal() | Extreme():
            raise DesignError(f"{node} is for backward passes and updates only")
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
    """The sum of several uses of one argument in a formula, with the incoming gradient factored out."""
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
    """A textbook formula for the gradient of one quantity, instead of the chain rule through a line.

    A loss gives one if the chain rule through its line would be longer:
    cross-entropy after softmax gives ``y − target`` at the logits.
    """

    to: int
    """The position of the quantity."""
    formula: Formula
    """The slope, with variables numbered from 0; it multiplies the gradient at the line."""
    arguments: tuple[int, ...]
    """The steps that fill it."""
    past: int | None = None
    """The position of a quantity that the route leaves out: the prediction after the logits. If another line uses it,
    its gradient has other sources too, and the route is not taken."""
    instead: Route | None = None
    """The route in that case; None stands for the chain rule through the line."""


@lru_cache(maxsize=1024)
def _along(formula: Formula, incoming: Formula) -> tuple[Rule, tuple[int, ...]]:
    """The rule of a gradient that goes along a route."""
    return rule_of(product(incoming, formula))


class Source(NamedTuple):
    """One contribution to the gradient at a step: the step that uses it, and the rule with its arguments."""

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

    Parameters in ``frozen`` have no gradient. ``routes`` maps the position of a
    line to the route that its gradient takes instead of the chain rule.
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
    optional: Collection[int] = (),
    without: Collection[int] = (),
) -> dict[int, int]:
    """Write the gradients of the line ``start``; map the position of each leaf that it depends on to that of its gradient.

    The gradients are written from the last step to the first, one sample after
    the other, and those of the leaves at the end, in their order. ``leaves`` are
    the parameters that learn, and the other given quantities that have a gradient,
    with the names of their gradients; only those in ``optional`` may be without one.
    ``since`` is the first line that uses them. Nothing is carried back to the
    states at the time steps in ``borders``, nor through the lines in ``without``.
    ``of`` is the numerator in the names of the gradients.
    """
    return _Backwards(builder, start, leaves, routes, since, borders, of, optional, without).written()


class _Backwards:
    """One pass backwards over the steps of a builder."""

    def __init__(
        self,
        builder: Builder,
        start: int,
        leaves: Mapping[int, Name],
        routes: Mapping[int, Route],
        since: int,
        borders: Collection[int],
        of: Name,
        optional: Collection[int],
        without: Collection[int],
    ) -> None:
        self.builder, self.start, self.leaves, self.routes = builder, start, leaves, routes
        self.since, self.borders, self.of, self.optional = since, borders, of, optional
        self.without = frozenset(without)
        steps = self.steps = builder.steps
        self.moving = depends_on(steps, leaves, since, start)
        self.arriving: dict[int, list[Source]] = {start: []}
        self.gradients: dict[int, int | Formula] = {}
        left_out = {route.past for route in routes.values()} - {None}
        self.used_again = {
            argument
            for position in (self.moving if left_out else ())
            for argument in steps[position].arguments
            if argument in left_out and steps[position].role is not Role.LOSS and not self.cut(steps[position], steps[argument])
        }
        # The gradients of a truncated and of the whole pass go through the same slopes.
        self.known_slopes = {} if of == LOSS else {step.target: place for place, step in enumerate(steps) if len(step.shape) == 2}

    def written(self) -> dict[int, int]:
        """All gradients, the leaves last; the positions of these."""
        order = sorted(range(self.start, self.since - 1, -1), key=lambda position: self.steps[position].target.sample or 0)
        for position in order:
            if position in self.moving and position not in self.leaves and position in self.arriving:
                self.settle(position)
                self.send(position)
        for position in self.leaves:
            if position in self.arriving or position not in self.optional:
                self.settle(position)
        return {position: cast(int, self.gradients[position]) for position in self.leaves if position in self.gradients}

    def settle(self, position: int) -> None:
        """Write the lines of a gradient, all of whose sources are known."""
        sources = self.arriving.pop(position, [])[::-1]
        step = self.steps[position]
        if position == self.start:
            self.gradients[position] = ONE
        elif step.role is Role.LOSS and (fixed := _constant(sources)) is not None:
            self.gradients[position] = fixed
        else:
            self.gradients[position] = _write(self.builder, self.leaves.get(position, step.target), step, sources, self.of)

    def send(self, position: int) -> None:
        """Pass the gradient of a step on to its arguments."""
        step, incoming = self.steps[position], self.gradients[position]
        route = self.routes.get(position)
        if route is not None and route.past in self.used_again:
            route = route.instead
        if route is not None:
            self.follow(route, position, incoming)
            return
        rule = cast(Rule, step.rule)
        if isinstance(rule.formula, Apply) and rule.formula.function.jacobian is not None:
            self.through_jacobian(position, rule.formula.function, cast(int, incoming))
            return
        fixed = incoming if isinstance(incoming, Formula) else None
        arguments = step.arguments
        for index, argument in enumerate(arguments):
            if argument not in self.moving or argument in self.without or (self.borders and self.cut(step, self.steps[argument])):
                continue
            back = adjoint(rule, min(index, rule.arity), fixed)
            filled = [arguments[source] if source >= 0 else position if source == RESULT else incoming for source in back.sources]
            self.arrives(argument, Source(position, back.rule, cast(tuple[int, ...], tuple(filled))))

    def arrives(self, position: int, source: Source) -> None:
        """One more part of the gradient of a step."""
        self.arriving.setdefault(position, []).append(source)

    def cut(self, user: Step, used: Step) -> bool:
        """Whether the path from a step back to one that it used crosses a border."""
        time, before = user.target.time, used.target.time
        return time is not None and before is not None and before < time and before in self.borders

    def follow(self, route: Route, position: int, incoming: int | Formula) -> None:
        """Pass the gradient on by the route of this line alone."""
        if route.to not in self.moving:
            return
        fixed = isinstance(incoming, Formula)
        shape = self.steps[position].shape
        rule, sources = _along(route.formula, incoming if isinstance(incoming, Formula) else Var(INCOMING, shape))
        filled = [incoming if source == INCOMING and not fixed else route.arguments[source] for source in sources]
        self.arrives(route.to, Source(position, rule, cast(tuple[int, ...], tuple(filled))))

    def through_jacobian(self, position: int, function: Function, incoming: int) -> None:
        """Pass the gradient on through the matrix of slopes, which gets lines of its own."""
        step, (argument,) = self.steps[position], self.steps[position].arguments
        name = self.steps[argument].target._replace(of=step.target)
        if name not in self.known_slopes:
            matrix, _ = rule_of(cast(Callable[[Formula], Formula], function.jacobian)(Var(0, step.shape)))
            self.known_slopes[name] = self.builder.fill(name, matrix, (position,), Role.GRADIENT, position)
        slopes = self.known_slopes[name]
        rule, _ = rule_of(Var(0, self.steps[slopes].shape).T @ Var(1, step.shape))
        self.arrives(argument, Source(position, rule, (slopes, incoming)))


def depends_on(steps: Sequence[Step], leaves: Collection[int], since: int, start: int, *, held: bool = True) -> set[int]:
    """The leaves, and the lines up to ``start`` to which a gradient flows back on its way to them.

    No gradient flows through a maximum that is held, which is a stabiliser: it
    scales numerator and denominator alike, so the state does not depend on it.
    With ``held=False`` all lines that depend on the leaves.
    """
    moving = set(leaves)
    for position in range(since, start + 1):
        rule = steps[position].rule
        stops = held and rule is not None and isinstance(rule.formula, Extreme) and rule.formula.held
        if not stops and not moving.isdisjoint(steps[position].arguments):
            moving.add(position)
    return moving


def _constant(sources: list[Source]) -> Formula | None:
    """The gradient if it is an exact number that does not depend on the values: 1/T for a term of a mean."""
    if len(sources) == 1 and not sources[0].arguments:
        return sources[0].rule.formula
    return None


def _write(builder: Builder, name: Name, step: Step, sources: list[Source], of: Name) -> int:
    """Write the contributions to one gradient and their sum, or one line if it has one source; return the position."""
    steps = builder.steps
    target = gradient(name, of=of)
    if not sources:
        raise DesignError(f"the loss does not depend on {step.target}")
    if len(sources) == 1:
        user, rule, arguments = sources[0]
        return builder.fill(target, rule, arguments, Role.GRADIENT, user)
    # Contributions from the earliest sample and step come first.
    sources.sort(key=lambda source: (steps[source.user].target.sample or 0, steps[source.user].target.time or 0))
    terms: list[int] = []
    for user, rule, arguments in sources:
        via = gradient(name, steps[user].target, of)
        line = builder.fill(via, rule, arguments, Role.CONTRIBUTION, user)
        terms.append(arguments[0] if rule.copies else line)
    # A parameter is used at every time step, so its sum may be long; any other sum is as short as the equations of a cell.
    most = WRITTEN_OUT if step.role is Role.PARAMETER else len(terms)
    return builder.sum(target, terms, Role.GRADIENT, most=most)
