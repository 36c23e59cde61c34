"""Iterations: repeated backward pass, clipping and update, as steps of one program.

The parameters of iteration k + 1 are the lines ``w_hh'@k``. From the third
iteration on (online: the third with the same sample) the steps are those of the
iteration before with other numbers; these iterations are replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from bptt_trace.engine import gradients
from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.gradients import Route
from bptt_trace.engine.names import LOSS_OF_WINDOW, WHOLE_LOSS, Name, Role, gradient
from bptt_trace.engine.program import Builder, Step
from bptt_trace.engine.rules import rule_of
from bptt_trace.networks import optimizers
from bptt_trace.networks.clipping import clip
from bptt_trace.networks.optimizers import STATES, Ageing, Turn, Update, at_start, of_parameter, scheduled
from bptt_trace.problem.problem import Problem

PassForward = Callable[[Sequence[Var], int, int | None], dict[int, Route]]


class Training:
    """Writes the iterations; holds the current parameters and states of the optimizer."""

    def __init__(
        self, builder: Builder, problem: Problem, names: Sequence[Name], parameters: Sequence[Var], numbers: Mapping[str, Var]
    ) -> None:
        self.builder = builder
        self.options = problem.update or Update()
        self.names, self.numbers = names, numbers
        self.parameters = list(parameters)
        """The current parameters."""
        self.leaves = self.parameters
        """The point of the next gradient: the parameters, or a point ahead of them."""
        self.handed_in = problem.loss.kind == "above"
        """Whether gradients are handed in, so that some parameters may be without one."""
        self.frozen = frozenset(self.options.freeze)
        self.inputs: list[Var] = []
        """The other quantities with a gradient: inputs and initial states, where the problem asks for theirs."""
        self.iteration = 1
        """The number of the next iteration."""
        self.borders = borders(problem)
        self.passes = passes(problem)
        self.states: list[dict[str, Var]] = [
            {stem: numbers[key] for stem in STATES if (key := str(at_start(stem, name))) in numbers} for name in names
        ]
        """The state that each parameter carries from iteration to iteration, by stem."""
        self.common: dict[str, Var] = {}
        self.gradients: list[Var | None] = [None] * len(names)
        self.since = 0
        """The first line of this iteration."""
        self.ageing: Ageing = {}

    def sample(self, iteration: int) -> int | None:
        """The sample of an iteration in online mode; None otherwise."""
        return (iteration - 1) % self.options.online + 1 if self.options.online else None

    # -------------------------------------------------------------- one iteration

    def begin(self) -> Sequence[Var]:
        """The point of the gradient of this iteration: the parameters, or the point to which their velocity alone would lead."""
        self.leaves = list(self.parameters)
        for index, (name, old) in enumerate(zip(self.names, self.parameters, strict=True)):
            velocity = self.states[index].get("v")
            if self.options.look_ahead and velocity is not None and name not in self.frozen:
                ahead = of_parameter("ahead", name._replace(iteration=self.iteration))
                formula = optimizers.ahead(old, self.numbers["beta"], velocity)
                self.leaves[index] = self.builder.let(ahead, formula, Role.STATE, velocity.number)
        return self.leaves

    def backward(self, start: int, routes: Mapping[int, Route], *, compared: bool = False) -> None:
        """Write the gradients of the parameters, from the loss in line ``start``.

        With ``compared`` the gradients without truncation follow, and the part of
        each that the truncation leaves out.
        """
        leaves = {
            leaf.number: name._replace(iteration=self.iteration)
            for name, leaf in zip(self.names, self.leaves, strict=True)
            if name not in self.frozen
        }
        inputs = [(quantity.number, self.builder.steps[quantity.number].target) for quantity in self.inputs]
        received = {position: name._replace(iteration=self.iteration) for position, name in inputs}
        given = received | leaves
        optional = given if self.handed_in else received
        if self.passes:
            written = self._in_passes(start, given, routes)
        else:
            written = gradients.write(
                self.builder, start, given, routes, since=self.since, borders=self.borders, optional=optional
            )
        self.gradients = [self._line(written[leaf.number]) if leaf.number in written else None for leaf in self.leaves]
        if (self.borders or self.passes) and compared:
            whole = gradients.write(self.builder, start, leaves, routes, since=self.since, of=WHOLE_LOSS)
            for position, name in leaves.items():
                part = self._line(written[position])
                self.builder.let(of_parameter("cut", name), self._line(whole[position]) - part, Role.STATE, part.number)

    def _in_passes(self, start: int, given: Mapping[int, Name], routes: Mapping[int, Route]) -> dict[int, int]:
        """Write a backward pass for each window, from the losses that no earlier window has, and the sums of their gradients.

        Source: Williams and Peng (1990), *Neural Computation* 2:490, BPTT(h; h').
        """
        steps, back = self.builder.steps, self.options.truncate or 0
        losses = [p for p in range(self.since, start) if steps[p].role is Role.LOSS and steps[p].target.time is not None]
        of_gradient: dict[int, list[int]] = {}
        for before, end in pairwise((0, *self.passes)):
            others = [p for p in losses if not before < (steps[p].target.time or 0) <= end]
            of, cut = Name(LOSS_OF_WINDOW, time=end), {end - back}
            written = gradients.write(
                self.builder, start, given, routes, since=self.since, borders=cut, of=of, optional=given, without=others
            )
            for position, line in written.items():
                of_gradient.setdefault(position, []).append(line)
        return {
            position: self.builder.sum(gradient(name), of_gradient[position], Role.GRADIENT, most=len(of_gradient[position]))
            for position, name in given.items()
            if position in of_gradient
        }

    def _line(self, position: int) -> Var:
        return Var(position, self.builder.steps[position].shape)

    def update(self, gradients: Sequence[Var] | None = None) -> None:
        """Clip the gradients and update the parameters; ``gradients`` replaces those of the backward pass."""
        if gradients is not None:
            self.gradients = [None if name in self.frozen else given for name, given in zip(self.names, gradients, strict=True)]
        options, numbers = self.options, self.numbers
        used = {
            name._replace(iteration=self.iteration): gradient
            for name, gradient in zip(self.names, self.gradients, strict=True)
            if gradient is not None
        }
        if options.clip and used:
            used = clip(self.builder, options.clip, numbers["clip"], used, self.iteration)
        rate = self._rate()
        for index, (name, old) in enumerate(zip(self.names, self.parameters, strict=True)):
            current = name._replace(iteration=self.iteration)
            if current in used:
                after: dict[str, Var] = {}
                before = self.states[index]
                turn = Turn(
                    self.builder, options, numbers, rate, current, old, used[current], before, self.ageing, after, self.common
                )
                self.parameters[index] = optimizers.change(turn)
                self.states[index] = after
        self.iteration += 1
        self.since = len(self.builder.steps)

    def _rate(self) -> Var:
        """The learning rate of this iteration."""
        if self.options.schedule == "list":
            return self.numbers[str(Name("eta", iteration=self.iteration))]
        eta = self.numbers["eta"]
        if not self.options.schedule:
            return eta

        def make(k: int) -> Formula:
            return scheduled(self.options, eta, self.numbers.get("gamma"), k)

        line = self.builder.let(Name("rate", iteration=self.iteration), make(self.iteration), Role.STATE)
        self.ageing[line.number] = line.number, make
        return line

    # ----------------------------------------------------------- all iterations

    def repeat(self, pass_forward: PassForward) -> None:
        """Write the second iteration and all further ones."""
        turns = self.options.online or 1
        begins = [self.since]
        """The first lines of the second iteration and of each further one."""
        while self.iteration <= self.options.iterations:
            lengths = {after - before for before, after in pairwise(begins)}
            if self.iteration > turns + 2 and len(lengths) == 1 and self.options.schedule != "list":
                self._replay(begins, lengths.pop(), turns)
                return
            routes = pass_forward(self.begin(), self.iteration, self.sample(self.iteration))
            self.backward(len(self.builder.steps) - 1, routes)
            self.update()
            begins.append(self.since)

    def _replay(self, begins: Sequence[int], length: int, turns: int) -> None:
        """Replay all further iterations, of ``length`` lines each, from the last iteration with the same sample."""
        steps, first, ageing, last = self.builder.steps, begins[0], self.ageing, self.options.iterations
        shift = turns * length
        position = begins[-1] - shift
        new, append = tuple.__new__, steps.append  # this takes half the time of calling the class, for very many lines
        for iteration in range(self.iteration, last + 1):
            for (stem, layer, time, index, sample, _, of, via, updated), rule, arguments, role, through, shape in steps[
                position : position + length
            ]:
                if via is not None:
                    via = new(Name, (*via[:5], iteration, *via[6:]))
                back = shift
                if position in ageing:
                    origin, make = ageing[position + shift] = ageing[position]
                    rule, arguments = rule_of(make(iteration))
                    back = position + shift - origin
                target = new(Name, (stem, layer, time, index, sample, iteration, of, via, updated))
                moved = tuple([argument + back if argument >= first else argument for argument in arguments])
                append(new(Step, (target, rule, moved, role, None if through is None else through + shift, shape)))
                position += 1
        on = (last + 1 - self.iteration) * length
        self.parameters = [p if p.number < first else Var(p.number + on, p.shape) for p in self.parameters]
        self.iteration = last + 1


def borders(problem: Problem) -> frozenset[int]:
    """The time steps to whose states nothing is carried back.

    The first window begins with the first step. If the only prediction is at the
    last step, the last window ends there instead and is whole.
    """
    last = problem.network.steps
    length = problem.update.truncate if problem.update else None
    if length is None or last is None or passes(problem):
        return frozenset()
    if problem.network.every:
        return frozenset(range(length, last, length))
    return frozenset(range(last - length, 0, -length))


def truncated(problem: Problem) -> bool:
    """Whether the backward pass is cut anywhere."""
    return problem.update is not None and problem.update.truncate is not None


def passes(problem: Problem) -> tuple[int, ...]:
    """The time steps from which backward passes begin, where their windows overlap; none otherwise."""
    every = problem.update.truncate_every if problem.update else None
    last = problem.network.steps or 0
    return (*range(every, last, every), last) if every else ()


def first_iteration(problem: Problem) -> Problem:
    """The problem with a single update, for the gradients of the first iteration."""
    if problem.update is None or problem.update.schedule == "list":
        return problem
    return replace(problem, update=replace(problem.update, iterations=1))
