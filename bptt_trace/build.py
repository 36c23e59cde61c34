"""From a problem to its program: the whole calculation in one function."""

from __future__ import annotations

from bptt_trace import losses, optimizers
from bptt_trace.backward import backward
from bptt_trace.flow import factors, links
from bptt_trace.formula import Var
from bptt_trace.names import Name, gradient
from bptt_trace.problem import Problem
from bptt_trace.program import Builder, Program, Role
from bptt_trace.wiring import forward, written


def build(problem: Problem) -> Program:
    """Forward pass, loss, backward pass, update, the loss after it, and how far errors reach back."""
    network = problem.network
    builder = Builder()
    parameters = {
        stem: builder.given(Name(written(stem, shape)), Role.PARAMETER, shape) for stem, shape in network.shapes().items()
    }
    width = (network.inputs,) if network.inputs > 1 else ()
    inputs = [builder.given(Name("x", time=time), shape=width) for time in network.times] if network.inputs else []
    units = (network.hidden,) if network.hidden > 1 else ()
    state = [builder.given(Name(stem, time=0), shape=units) for stem in network.cell.state]
    times = list(network.times) if network.every else list(network.times)[-1:]
    size = (network.outputs,) if network.outputs > 1 else ()
    targets = [builder.given(Name("target", time=time), shape=size) for time in times] if problem.loss.has_target else []
    learning_rate = builder.given(Name("eta")) if problem.update else None

    def pass_forward(values: dict[str, Var], iteration: int) -> None:
        predictions = forward(builder, network, values, inputs, state, iteration)
        losses.write(builder, problem.loss, predictions, targets, list(network.times), iteration)

    pass_forward(parameters, 1)
    frozen = frozenset(Name(stem) for stem in problem.update.freeze) if problem.update else frozenset()
    forward_program = builder.build()
    inner = [builder.steps[old.number].target for stem, old in parameters.items() if stem in network.cell.parameters]
    if not frozen.issuperset(inner):
        forward_program = links(forward_program)  # the chain ends at the hidden layer, if that learns at all
    builder = Builder(backward(forward_program, frozen=frozen))
    if problem.update and learning_rate is not None:
        program = builder.build()
        changed = {
            stem: optimizers.RULES[problem.update.rule](
                builder, old, program.at(gradient(program.steps[old.number].target)), learning_rate
            )
            for stem, old in parameters.items()
            if program.steps[old.number].target not in frozen
        }
        pass_forward(parameters | changed, 2)
    return factors(builder.build())
