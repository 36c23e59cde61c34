"""Every path from a loss back to the use of a parameter, and its contribution to the gradient.

The junctions of an unrolled network are its states, its outputs and the losses
of its time steps. A path goes from junction to junction; what it contributes
is the product of the slopes on the way, each with all other junctions held,
times the slope of the line that uses the parameter.

Sources: the chain rule over all paths, as in Werbos (1990), *Proc. IEEE*
78:1550; Pascanu, Mikolov and Bengio (2013), *On the difficulty of training
recurrent neural networks*, eqs. 3 to 5, who also have the immediate derivative
∂⁺h_t/∂w.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple, cast

from bptt_trace.engine.formula import ONE, ZERO, Formula, Var, product
from bptt_trace.engine.gradients import RESULT, Route, adjoint, depends_on
from bptt_trace.engine.lines_of_numbers import Numbers
from bptt_trace.engine.names import LOSS, Name, Role
from bptt_trace.engine.program import Builder, Step
from bptt_trace.engine.rules import Rule, renumbered
from bptt_trace.engine.state_slopes import slope_between, way_between

SUM_OF_PATHS = Name("L_paths")
"""The loss in the names of sums over paths, which are gradients once more: ``dL_paths/dw_hh``."""
PATH = "path"
"""The stem of one path among several, before its number."""
MOST_PATHS = 8
"""The largest number of paths from one loss to one use that are lines of their own; more are added up from state to state."""


def is_one_path(name: Name) -> bool:
    """Whether a line is the contribution of one path among several: ``path3``."""
    return name.of is None and name.stem.startswith(PATH)


class Uncountable(Exception):
    """The paths need more lines than are allowed."""


class Origin(NamedTuple):
    """The loss of a time step or of a sample, or the whole loss: where paths begin."""

    position: int
    name: Name
    """Its name; ``SUM_OF_PATHS`` for the whole loss."""
    weight: Formula
    """The exact number by which the whole loss multiplies it: 1/T."""
    errors: Mapping[int, Formula]
    """Its slope in each quantity that it compares with a target."""


class Unrolled:
    """The lines of a forward pass as junctions, and the slopes between them."""

    def __init__(
        self, numbers: Numbers, loss: int, leaves: Collection[int], states: Collection[str], borders: Collection[int]
    ) -> None:
        self.numbers, self.borders = numbers, borders
        self.steps: Sequence[Step] = numbers.steps
        self.moving = depends_on(self.steps, leaves, 0, loss)
        """The parameters that learn, and the lines that depend on them."""
        self.states = [p for p in sorted(self.moving) if self.steps[p].target.stem in states and self.steps[p].rule]
        outputs = (p for p in self.moving if self.steps[p].role is Role.OUTPUT)
        self.junctions = {*self.states, *outputs}
        self._slopes: dict[tuple[int, int], Formula] = {}

    def reached(self, junction: int) -> tuple[set[int], list[int]]:
        """The lines on which a junction depends with all others held, and the junctions where the way to them ends."""
        between, ends, wanted = {junction}, set[int](), [junction]
        while wanted:
            user = wanted.pop()
            for argument in self.steps[user].arguments:
                if argument not in self.moving or self._cut(user, argument):
                    continue
                if argument in self.junctions:
                    ends.add(argument)
                elif argument not in between:
                    between.add(argument)
                    wanted.append(argument)
        return between, sorted(ends)

    def _cut(self, user: int, used: int) -> bool:
        """Whether nothing is carried back from one line to the other."""
        after, before = self.steps[user].target.time, self.steps[used].target.time
        return after is not None and before is not None and before < after and before in self.borders

    def slope(self, after: int, before: int) -> Formula:
        """∂after/∂before with all other junctions held: 1, or a line, which is written if it does not exist yet."""
        if after == before:
            return ONE
        if (after, before) not in self._slopes:
            self._slopes[after, before] = self._written(after, before)
        return self._slopes[after, before]

    def _written(self, after: int, before: int) -> Formula:
        # A stabiliser is held too: it cancels in the output.
        held = {p for p in range(before + 1, after) if p in self.junctions or p not in self.moving}
        rule, filled = slope_between(self.steps, before, after, held)
        formula = renumbered(rule.formula, filled)
        if formula == ONE:
            return ONE
        name = self.steps[before].target._replace(of=self.steps[after].target)
        known = self.numbers.index.get(name)
        if known is not None:
            if self.steps[known].rule is rule and self.steps[known].arguments == filled:
                return Var(known)
            # A line of this name does not hold the other junctions.
            first = next(p for p in way_between(self.steps, before, after, held) if before in self.steps[p].arguments)
            name = name._replace(via=self.steps[first].target)
        return Var(self.numbers.let(name, formula, Role.PATH, after))

    def use(self, line: int, parameter: int) -> Formula:
        """∂line/∂parameter in this line alone: the factor of the parameter."""
        step = self.steps[line]
        rule = cast(Rule, step.rule)
        back = adjoint(rule, min(step.arguments.index(parameter), rule.arity), ONE)
        return renumbered(back.rule.formula, [line if source == RESULT else step.arguments[source] for source in back.sources])


def errors_of(builder: Builder, term: int, routes: Mapping[int, Route]) -> Mapping[int, int]:
    """Write the slope of a loss in its prediction where a route has it; map the position of the quantity to that of the slope."""
    route = routes.get(term)
    if route is not None and route.past is not None and _used_again(builder.steps, route.past):
        route = route.instead
    if route is None:
        return {}
    target = builder.steps[route.to].target._replace(of=builder.steps[term].target)
    known = next((p for p, step in enumerate(builder.steps) if step.target == target), None)
    if known is None:
        known = builder.let(target, renumbered(route.formula, route.arguments), Role.PATH, term).number
    return {route.to: known}


def _used_again(steps: Sequence[Step], position: int) -> bool:
    """Whether another line of the forward pass than a loss uses a prediction."""
    return any(position in step.arguments and step.role in (Role.PREACTIVATION, Role.HIDDEN) for step in steps)


class Paths:
    """Writes the paths of some parameters."""

    def __init__(self, unrolled: Unrolled, origins: Sequence[Origin], most: int) -> None:
        self.unrolled, self.origins = unrolled, origins
        self.numbers, self.steps = unrolled.numbers, unrolled.steps
        self.reached = cache(unrolled.reached)
        self.count = 0
        self.most = len(self.steps) + most

    def uses(self, parameter: int) -> list[int]:
        """The lines of the forward pass that use a parameter."""
        moving = sorted(self.unrolled.moving)
        return [p for p in moving if parameter in self.steps[p].arguments]

    def write_slopes(self, parameters: Sequence[int]) -> None:
        """Append the slopes between junctions, and from these to the uses of parameters, from the first step on."""
        behind = {junction for origin in self.origins for junction in self._behind(origin)}
        for use in {use: None for parameter in parameters for use in self.uses(parameter)}:
            ways = self._count(use)
            for junction in sorted(behind):
                between, ends = self.reached(junction)
                for before in (*(end for end in ends if ways(end)), *([use] if use in between else [])):
                    self.unrolled.slope(junction, before)
                    if len(self.steps) > self.most:
                        raise Uncountable

    def write(self, parameter: int) -> None:
        """Append the lines of a parameter. Raises ``Uncountable`` where there are more than ``most``, of all together."""
        name = self.steps[parameter].target
        uses = self.uses(parameter)
        rows: dict[int, list[int]] = {}
        columns: dict[int, list[tuple[Formula, int]]] = {}
        alone = len(self.origins) == 1
        for origin in self.origins:
            for use in uses:
                only = alone and len(uses) == 1
                target = name._replace(of=origin.name, via=None if only else self.steps[use].target)
                entry = self._entry(origin, use, parameter, target)
                if entry is not None:
                    rows.setdefault(origin.position, []).append(entry)
                    columns.setdefault(use, []).append((origin.weight, entry))
        for origin in self.origins:
            entries = rows.get(origin.position, ())
            if not alone and len(entries) > 1:
                self._let(name._replace(of=origin.name), _added([Var(one) for one in entries]), None)
        sums: list[Formula] = []
        for use, parts in columns.items():
            ((weight,), column) = {weight for weight, _ in parts}, _added([Var(one) for _, one in parts])
            if alone or (weight == ONE and len(parts) == 1):
                sums.append(column)
                continue
            via = name._replace(of=SUM_OF_PATHS, via=self.steps[use].target)
            sums.append(Var(self._let(via, product(weight, column), use)))
        if not alone or len(sums) != 1:  # no path leads from a letter that is never read: the sum is 0
            self._let(name._replace(of=SUM_OF_PATHS), _added(sums or [ZERO]), None)
        self._totals(parameter, name, uses)

    def _let(self, target: Name, formula: Formula, through: int | None) -> int:
        if len(self.steps) >= self.most:
            raise Uncountable
        return self.numbers.let(target, formula, Role.PATH, through)

    # ------------------------------------------------------------------ paths

    def _entry(self, origin: Origin, use: int, parameter: int, target: Name) -> int | None:
        """The contribution of the loss by this use: the product along the path, or the sum over all paths; None without any."""
        if use == origin.position:  # the last line of an expression graph uses numbers itself
            return self._let(target, self.unrolled.use(use, parameter), use)
        ways = self._count(use)
        starts = [start for start in origin.errors if ways(start)]
        if not starts:
            return None
        immediate = self.unrolled.use(use, parameter)
        if sum(map(ways, starts)) > MOST_PATHS:
            parts = [
                product(self._slope_of_loss(origin, junction), self.unrolled.slope(junction, use), immediate)
                for junction in self._behind(origin)
                if use in self.reached(junction)[0]
            ]
            return self._let(target, _added(parts), use)
        products = [product(origin.errors[p[0]], *self._slopes(p, use), immediate) for s in starts for p in self._along(s, use)]
        if len(products) == 1:
            return self._let(target, products[0], use)
        lines = []
        for product_of_slopes in products:
            self.count += 1
            lines.append(self._let(Name(f"{PATH}{self.count}"), product_of_slopes, use))
        return self._let(target, _added([Var(line) for line in lines]), use)

    def _count(self, use: int) -> Callable[[int], int]:
        @cache
        def ways(junction: int) -> int:
            """The number of paths from a junction to the use."""
            between, ends = self.reached(junction)
            return (use in between) + sum(map(ways, ends))

        return ways

    def _along(self, junction: int, use: int) -> Iterator[tuple[int, ...]]:
        """Every path from a junction to a use, as the junctions on it, the latest first."""
        between, ends = self.reached(junction)
        if use in between:
            yield (junction,)
        for end in reversed(ends):
            for path in self._along(end, use):
                yield (junction, *path)

    def _slopes(self, path: Sequence[int], use: int) -> Iterator[Formula]:
        for after, before in zip(path, (*path[1:], use), strict=True):
            yield self.unrolled.slope(after, before)

    # ------------------------------------------------- from state to state

    def _behind(self, origin: Origin) -> list[int]:
        """The junctions on which a loss depends, the latest first."""
        junctions, wanted = set(origin.errors), list(origin.errors)
        while wanted:
            for end in self.reached(wanted.pop())[1]:
                if end not in junctions:
                    junctions.add(end)
                    wanted.append(end)
        return sorted(junctions, reverse=True)

    def _slope_of_loss(self, origin: Origin, junction: int) -> Formula:
        """The slope of a loss in a junction by all paths: a line that adds up those of the junctions after it."""
        if junction in origin.errors:
            return origin.errors[junction]
        name = self.steps[junction].target._replace(of=origin.name)
        if name not in self.numbers.index:
            after = [next_junction for next_junction in self._behind(origin) if junction in self.reached(next_junction)[1]]
            parts = [
                product(self._slope_of_loss(origin, next_junction), self.unrolled.slope(next_junction, junction))
                for next_junction in after
            ]
            self._let(name, _added(parts), junction)
        return Var(self.numbers.index[name])

    # ------------------------------------------ immediate and total derivatives

    def _totals(self, parameter: int, name: Name, uses: Sequence[int]) -> None:
        """The derivatives of each state by the parameter: the immediate one, in this step alone, and the total one."""
        totals: dict[int, int] = {}
        states = [state for state in self.unrolled.states if self.steps[state].target.time is not None]
        fed_back = {end for state in states for end in self.reached(state)[1]}
        for state in sorted({*states, *fed_back}):
            between, ends = self.reached(state)
            target = name._replace(of=self.steps[state].target)
            direct = {
                use: product(self.unrolled.slope(state, use), self.unrolled.use(use, parameter)) for use in uses if use in between
            }
            known = self.numbers.index.get(target)
            carried = [product(self.unrolled.slope(state, end), Var(totals[end])) for end in ends if end in totals]
            if not direct and not carried:
                continue
            if len(direct) + len(carried) > 1:
                vias = {use: target._replace(via=self.steps[use].target) for use in direct}
                direct = {use: Var(self._let(vias[use], slope, use)) for use, slope in direct.items()}
            if known is None:
                alone = next(iter(direct), None) if len(direct) + len(carried) == 1 else None
                known = self._let(target, _added([*direct.values(), *carried]), alone)
            totals[state] = known  # forward mode has it already, if the problem asks for it


def _added(terms: Sequence[Formula]) -> Formula:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def origins_of(builder: Builder, whole: int) -> list[tuple[int, Formula]]:
    """The losses that the whole loss adds up, each with the exact number that it is multiplied by; or the whole loss alone."""
    steps = builder.steps
    weights: dict[int, Formula] = {whole: ONE}
    origins: list[tuple[int, Formula]] = []
    for position in range(whole, -1, -1):
        if position not in weights:
            continue
        step = steps[position]
        parts = [p for p in step.arguments if steps[p].role is Role.LOSS and not steps[p].target.index]
        if not parts:
            origins.insert(0, (position, weights[position]))
        for index, part in enumerate(step.arguments):
            if part in parts:
                rule = cast(Rule, step.rule)
                weights[part] = adjoint(rule, min(index, rule.arity), weights[position]).rule.formula
    return origins


def write_paths(
    builder: Builder,
    whole: int,
    parameters: Sequence[Name],
    *,
    leaves: Collection[int],
    routes: Mapping[int, Route],
    states: Collection[str],
    borders: Collection[int],
    most: int,
) -> None:
    """Append slopes, paths and sums of these parameters, which are numbers or entries of matrices.

    ``whole`` is the line of the loss, ``leaves`` the parameters that learn, ``routes`` the routes from the losses,
    ``states`` the stems of what is carried over time. No path goes back to a state at a time step in ``borders``.
    Raises ``Uncountable`` beyond ``most`` lines.
    """
    terms = origins_of(builder, whole)
    routed = {term: errors_of(builder, term, routes) for term, _ in terms}
    numbers = Numbers(builder)
    (loss,) = numbers.of(whole)
    unrolled = Unrolled(numbers, loss, [p for leaf in leaves for p in numbers.of(leaf)], states, borders)
    for slopes in routed.values():
        unrolled.junctions |= {p for to in slopes for p in numbers.of(to)}
    origins = []
    for term, weight in terms:
        (position,) = numbers.of(term)
        target = builder.steps[term].target
        name = SUM_OF_PATHS if target == LOSS else target
        pairs = (zip(numbers.of(to), numbers.of(line), strict=True) for to, line in routed[term].items())
        errors: dict[int, Formula] = {to: Var(line) for pair in pairs for to, line in pair}
        for end in unrolled.reached(position)[1] if not errors else ():
            errors[end] = _error(unrolled, position, end)
        origins.append(Origin(position, name, weight, errors))
    paths, positions = Paths(unrolled, origins, most), [numbers.index[parameter] for parameter in parameters]
    paths.write_slopes(positions)
    for position in positions:
        paths.write(position)


def _error(unrolled: Unrolled, loss: int, compared: int) -> Formula:
    """The slope of a loss by a quantity that it compares: the line of the backward pass, where that line has no other part."""
    steps = unrolled.steps
    target = steps[compared].target._replace(of=steps[loss].target)
    for position, step in enumerate(steps):
        if step.through == loss and step.target._replace(via=None) == target:
            return Var(step.arguments[0] if step.repeats else position)
    return unrolled.slope(loss, compared)
