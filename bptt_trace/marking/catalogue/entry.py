"""The parts of the catalogue of mistakes: its view of a program, and the entry of a mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bptt_trace.engine.formula import Apply, Formula, Rest, Sum, Times, Var, product
from bptt_trace.engine.formula_walks import rewrite, variables
from bptt_trace.engine.functions import Function, identity, sigmoid
from bptt_trace.engine.gradients import INCOMING, RESULT, adjoint
from bptt_trace.engine.names import DECODER, ENCODER, LOSS, Layer, Name, Role, gradient, word_and_number
from bptt_trace.engine.program import Program, Step
from bptt_trace.engine.rules import renumbered, rule_of
from bptt_trace.networks.losses import Loss
from bptt_trace.problem.problem import Problem

MOST_STEPS = 50
"""The largest number of time steps for mistakes that take a sum of many parts."""

MOST_PARTS = 10
"""The largest number of parts of a gradient for the mistake that takes its total in place of one part."""

MOST_WRITTEN_OUT = 100
"""Gradients up to which one is written out by others, each by others again: there is one for each path."""


class Case:
    """One problem's program of numbers, as the catalogue sees it."""

    def __init__(self, problem: Problem, program: Program) -> None:
        self.problem = problem
        self.network = problem.network
        self.loss: Loss = problem.loss
        self.program = program
        self.steps = program.steps
        self._formulas: dict[int, Formula] = {}

    @cached_property
    def parameters(self) -> frozenset[int]:
        """Positions of the parameters."""
        return frozenset(position for position, step in enumerate(self.steps) if step.role is Role.PARAMETER)

    def formula(self, position: int) -> Formula:
        """The right side of a line over the positions of the program, made once: every mistake looks at it."""
        if position not in self._formulas:
            self._formulas[position] = self._written_out(self.steps[position])
        return self._formulas[position]

    def _written_out(self, step: Step) -> Formula:
        formula = step.formula
        assert formula is not None
        if step.rule is not None and step.rule.sums_rest:
            others = step.arguments[step.rule.arity :]
            total = added([Var(other) for other in others])
            return rewrite(formula, lambda part: total if isinstance(part, Rest) else None)
        return formula

    @cached_property
    def parts(self) -> dict[int, list[tuple[int, int]]]:
        """The parts of the gradient of each parameter: time and position."""
        contributions: dict[int, list[tuple[int, int]]] = {}
        for position, step in enumerate(self.steps):
            if self.is_gradient(step) and step.through is not None and (parameter := self.of_parameter(step)) is not None:
                contributions.setdefault(parameter, []).append((self.steps[step.through].target.time or 0, position))
        return contributions

    @cached_property
    def by_sample(self) -> dict[int, list[tuple[int, int]]]:
        """The parts of the gradient of each parameter in the first iteration: sample and position."""
        contributions: dict[int, list[tuple[int, int]]] = {}
        for position, step in enumerate(self.steps):
            if step.target.iteration > 1 or not self.is_gradient(step) or step.through is None:
                continue
            sample = self.steps[step.through].target.sample
            if sample is not None and (parameter := self.of_parameter(step)) is not None:
                contributions.setdefault(parameter, []).append((sample, position))
        return contributions

    def find(self, name: Name) -> int | None:
        """The position of a name."""
        return self.program.index.get(name)

    def is_gradient(self, step: Step) -> bool:
        """Whether a line is a gradient of the loss, or a part of one."""
        return step.role in (Role.GRADIENT, Role.CONTRIBUTION) and step.target.of == LOSS

    def of_parameter(self, step: Step) -> int | None:
        """The parameter whose gradient a line is."""
        target = step.target
        return self.find(Name(target.stem, target.layer, None, target.index)) if self._is_parameter(target) else None

    def _is_parameter(self, target: Name) -> bool:
        position = self.find(Name(target.stem, target.layer, None, target.index))
        return target.time is None and target.sample is None and position in self.parameters

    def of_state(self, step: Step) -> bool:
        """Whether a line is a gradient of a hidden value."""
        return self.is_gradient(step) and step.target.stem == "h" and self.of_parameter(step) is None

    def states(self, layer: Layer) -> tuple[str, ...]:
        """The stems of what a layer carries over time; the hidden state is the first."""
        return self.network.cell_of(layer).state if layer in self.network.layers else ()

    def is_carried(self, number: int, user: Name) -> bool:
        """Whether a quantity comes to the line ``user`` from the step before."""
        target = self.steps[number].target
        return target.of is None and target.stem in self.states(target.layer) and handed_on(target, user)

    def is_memory(self, number: int, user: Name) -> bool:
        """The same for the hidden state alone, which the weights multiply."""
        return self.steps[number].target.stem == "h" and self.is_carried(number, user)

    def activation_of_gate(self, number: int) -> Function | None:
        """The activation of a gate or of a candidate; None for other quantities."""
        target, role = self.steps[number].target, self.steps[number].role
        if role is not Role.HIDDEN or target.layer not in self.network.layers:
            return None
        return self.network.cell_of(target.layer).gates.get(target.stem)

    def is_candidate(self, number: int) -> bool:
        """Whether a quantity is a candidate for the memory, and not a gate: it has the activation of the cell."""
        function, cell = self.activation_of_gate(number), self.network.cell_of(self.steps[number].target.layer)
        return function is not None and function is cell.activation and function is not sigmoid

    def is_gate(self, number: int) -> bool:
        """Whether a quantity is a gate."""
        return self.activation_of_gate(number) is not None and not self.is_candidate(number)

    @cached_property
    def users(self) -> dict[int, list[int]]:
        """The lines of a forward pass that use a line, by the position of that line."""
        users_of: dict[int, list[int]] = {}
        for position, step in enumerate(self.steps):
            if step.role in (Role.PREACTIVATION, Role.HIDDEN):
                for argument in step.arguments:
                    users_of.setdefault(argument, []).append(position)
        return users_of

    def gates(self, layer: Layer) -> list[str]:
        """The stems of the gates of a layer, without its candidate."""
        return list(self._lines_of_gates.get(layer, ()))

    def share_a_line(self, layer: Layer, one: str, other: str) -> bool:
        """Whether two gates are used in one line."""
        lines = self._lines_of_gates[layer]
        return not lines[one].isdisjoint(lines[other])

    @cached_property
    def _lines_of_gates(self) -> dict[Layer, dict[str, set[str]]]:
        """The stems of the gates of each layer, and of the lines that use them."""
        lines: dict[Layer, dict[str, set[str]]] = {}
        for position, step in enumerate(self.steps):
            if step.role is Role.HIDDEN and self.is_gate(position):
                used = (self.steps[user].target.stem for user in self.users.get(position, ()))
                lines.setdefault(step.target.layer, {}).setdefault(step.target.stem, set()).update(used)
        return lines

    def way(self, argument: int) -> Name:
        """The quantity by which a part of a gradient arrives."""
        target = self.steps[argument].target
        # A part that only repeats another gradient stands in the sum as that gradient itself.
        return target.via or target._replace(of=None)

    def through(self, step: Step) -> int | None:
        """The line by which a gradient flows back; of a column that is taken entry by entry, the same entry."""
        if step.through is None or not step.target.index:
            return step.through
        entry = self.find(self.steps[step.through].target._replace(index=step.target.index))
        return step.through if entry is None else entry

    def crossing(self, step: Step) -> Crossing | None:
        """The passage of a gradient through an activation; None where there is none."""
        through = self.through(step)
        if not self.is_gradient(step) or through is None or self.steps[through].rule is None:
            return None
        formula = self.formula(through)
        incoming = self.find(gradient(self.steps[through].target))
        state = self.find(step.target._replace(of=None, via=None))
        if incoming is None or state is None:
            return None
        if isinstance(formula, Apply):
            if Var(state) in terms_of(formula.argument):
                return Crossing(formula.function, formula.argument, Var(through), Var(incoming))
        elif isinstance(formula, Times):
            for index, factor in enumerate(formula.factors):
                if isinstance(factor, Apply) and factor.argument == Var(state) and factor.function is not identity:
                    others = formula.factors[:index] + formula.factors[index + 1 :]
                    return Crossing(factor.function, factor.argument, factor, product(Var(incoming), *others))
        return None


class Crossing(NamedTuple):
    """The passage of a gradient through an activation."""

    function: Function
    argument: Formula
    value: Formula
    flow: Formula
    """The factor beside the slope."""


def handed_on(target: Name, user: Name) -> bool:
    """Whether a line uses a state from another time step; a decoder goes on from its encoder."""
    if (word_and_number(target.layer)[0], word_and_number(user.layer)[0]) == (ENCODER, DECODER):
        return True
    return target.layer == user.layer and None not in (target.time, user.time) and target.time != user.time


def added(terms: Sequence[Formula]) -> Formula:
    """The sum of these terms, in this order."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def some_of(kept: Sequence[Formula], whole: Sequence[object]) -> Iterator[Formula]:
    """The sum of the remaining terms, if some are left out and some remain."""
    if 0 < len(kept) < len(whole):
        yield added(kept)


def without(formula: Formula, left_out: Callable[[Formula], bool]) -> Iterator[Formula]:
    """A mistake that leaves out some terms of a sum, where there are others."""
    terms = terms_of(formula)
    yield from some_of([term for term in terms if not left_out(term)], terms)


def swapped(formula: Formula, other: Callable[[int], Formula | None]) -> Iterator[Formula]:
    """A mistake that replaces some quantities of a formula by others, where the formula has them."""
    changed = replaced(formula, other)
    if changed != formula:
        yield changed


def replaced(formula: Formula, old: Callable[[int], Formula | None]) -> Formula:
    """The formula with some of its variables replaced."""
    return rewrite(formula, lambda part: old(part.number) if isinstance(part, Var) else None)


def terms_of(formula: Formula) -> tuple[Formula, ...]:
    """The terms of a sum; any other formula as a single term."""
    return formula.terms if isinstance(formula, Sum) else (formula,)


def factors_of(formula: Formula) -> tuple[Formula, ...]:
    """The factors of a product; any other formula as a single factor."""
    return formula.factors if isinstance(formula, Times) else (formula,)


def uses(formula: Formula, wanted: Callable[[int], bool]) -> bool:
    """Whether a formula has a quantity with this property."""
    return any(wanted(variable.number) for variable in variables(formula))


Change = Callable[[Case, int, Step], Iterator[Formula]]


@dataclass(frozen=True)
class Misconception:
    """One entry of the catalogue."""

    slug: str
    title: str
    message: str
    """The message for the student: the rule, never a value."""
    change: Change
    """The formulas by which somebody with this mistake would calculate a line."""


CATALOGUE: list[Misconception] = []


Where = Callable[[Case, int], bool]
"""Whether something is true of a quantity, given by its position."""


def misconception(slug: str, title: str, message: str, *, goes_back_to: Where | None = None) -> Callable[[Change], Change]:
    """Enter a change into the catalogue.

    Who calculates a line of the forward pass in this way also goes back through
    it in this way, to those of its quantities of which ``goes_back_to`` is true.
    """

    def enter(change: Change) -> Change:
        CATALOGUE.append(Misconception(slug, title, message, _and_back(change, goes_back_to) if goes_back_to else change))
        return change

    return enter


def _and_back(change: Change, goes_back_to: Where) -> Change:
    """The change, and with it the gradients that flow back through the lines that it changes."""

    def both(case: Case, position: int, step: Step) -> Iterator[Formula]:
        yield from change(case, position, step)
        through = case.through(step)
        if not case.is_gradient(step) or through is None or case.steps[through].role is not Role.HIDDEN:
            return
        incoming = case.find(gradient(case.steps[through].target))
        state = case.find(step.target._replace(of=None, via=None))
        if incoming is None or state is None or not goes_back_to(case, state):
            return
        for formula in change(case, through, case.steps[through]):
            rule, arguments = rule_of(formula)
            if state not in arguments:
                continue
            back = adjoint(rule, arguments.index(state))
            places = {**dict(enumerate(arguments)), RESULT: through, INCOMING: incoming}
            changed = renumbered(back.rule.formula, [places[source] for source in back.sources])
            if changed != case.formula(position):
                yield changed

    return both


def product_of(factors: Sequence[Formula]) -> Formula:
    """These factors as a product in their order; one alone stands for itself."""
    return factors[0] if len(factors) == 1 else Times(tuple(factors))


def simplified(formula: Formula) -> Formula:
    """Factors 1 dropped."""
    return added([product(*(t.factors if isinstance(t, Times) else (t,))) for t in terms_of(formula)])
