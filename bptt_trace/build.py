"""From a problem to its program: the whole calculation in one function."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_trace import losses, optimizers
from bptt_trace.backward import Route, backward
from bptt_trace.flow import factors, links
from bptt_trace.formula import Var, entries, shape_of
from bptt_trace.losses import Compared
from bptt_trace.names import Name, gradient
from bptt_trace.problem import Problem
from bptt_trace.program import Builder, Program, Role
from bptt_trace.wiring import Sample, forward


def build(problem: Problem) -> Program:
    """Forward pass, loss, backward pass, update, the loss after it, and how far errors reach back."""
    network = problem.network
    cell = network.cells[0]  # there are factors in networks of one layer only
    builder = Builder(rows=network.rows)
    given = _Given(builder, problem)
    frozen = frozenset(problem.update.freeze) if problem.update else frozenset()
    routes = given.pass_forward(given.parameters)
    forward_program = builder.build()
    if problem.loss.kind == "none":
        return factors(forward_program, cell.memory, cell.state)
    if not frozen.issuperset(network.inner):
        forward_program = links(forward_program)  # the chain ends at the hidden layer, if that learns at all
    builder = given.builder = Builder(backward(forward_program, frozen=frozen, routes=routes))
    if problem.update and given.learning_rate is not None:
        program = builder.build()
        rule = optimizers.RULES[problem.update.rule]
        changed = [
            old if name in frozen else rule(builder, old, program.at(gradient(name)), given.learning_rate)
            for name, old in zip(given.names, given.parameters, strict=True)
        ]
        given.pass_forward(changed, 2)
    return factors(builder.build(), cell.memory, cell.state)


class _Given:
    """What comes with a problem, as the first steps of its program; and the forward pass from there."""

    def __init__(self, builder: Builder, problem: Problem) -> None:
        self.builder, self.problem = builder, problem
        network = self.network = problem.network
        shapes = network.parameters()
        self.names = list(shapes)
        self.parameters = [builder.given(name, Role.PARAMETER, shape) for name, shape in shapes.items()]
        width, size = shape_of(network.inputs or 1), shape_of(network.outputs)
        predicting = network.predicting if problem.loss.has_target or network.feedback == "target" else []
        self.inputs, self.state, self.targets = [], [], []
        for sample in network.numbers:
            self.inputs.append(
                {time: builder.given(Name("x", time=time, sample=sample), shape=width) for time in network.reading}
            )
        common: dict[Name, Var] = {}
        for sample in network.numbers:
            own: list[Var] = []
            for name, units in network.state:
                one = problem.initial(name, sample)
                if one not in common:
                    common[one] = builder.given(one, shape=shape_of(units))
                own.append(common[one])
            self.state.append(own)
        for sample in network.numbers:
            self.targets.append(
                {time: builder.given(Name("target", time=time, sample=sample), shape=size) for time in predicting}
            )
        self.learning_rate = builder.given(Name("eta")) if problem.update else None

    def pass_forward(self, parameters: Sequence[Var], iteration: int = 1) -> dict[int, Route]:
        """The forward pass of all samples, then the loss; returns the loss's routes for the way back."""
        samples: dict[int | None, list[Compared]] = {}
        for place, sample in enumerate(self.network.numbers):
            given = Sample(self.inputs[place], self.state[place], self.targets[place], sample)
            predictions = forward(self.builder, self.network, parameters, given, iteration)
            samples[sample] = [self._compared(time, one, self.targets[place].get(time)) for time, one in predictions]
        return losses.write(self.builder, self.problem.loss, samples, self.network.single, iteration)

    def _compared(self, time: int | None, prediction: Var, target: Var | None) -> Compared:
        if target is None:
            return Compared(time, prediction, None, ())
        name = self.builder.steps[target.number].target
        numbers = tuple(self.problem.given[name._replace(index=index)].value for index in entries(target.shape))
        return Compared(time, prediction, target, numbers)
