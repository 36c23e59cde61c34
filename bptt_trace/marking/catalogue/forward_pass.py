"""Mistakes of the forward pass, in any network."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import Apply, Formula, Over, Sum, Var
from bptt_trace.engine.functions import exp, sigmoid, softmax, tanh
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import (
    Case,
    misconception,
    replaced,
    swapped,
    uses,
    without,
)


@misconception(
    "bias-forgotten",
    say("the bias is left out"),
    say("A unit adds its bias to the weighted inputs before the activation."),
)
def _bias_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role in (Role.PREACTIVATION, Role.OUTPUT) and isinstance(formula := case.formula(position), Sum):
        yield from without(formula, lambda term: isinstance(term, Var) and term.number in case.parameters)


@misconception(
    "output-of-the-bias-alone",
    say("the output has nothing but its bias"),
    say("An output adds its bias to the weighted hidden values; without them it would be the same for every input."),
)
def _output_of_the_bias_alone(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.target.stem in ("y", "z") and step.role in (Role.PREACTIVATION, Role.OUTPUT):
        yield from without(case.formula(position), lambda term: not (isinstance(term, Var) and term.number in case.parameters))


@misconception(
    "state-forgotten",
    say("the memory is left out"),
    say("The pre-activation has a part from the state before: W_hh times h_(t-1). It is what the network remembers."),
)
def _state_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.PREACTIVATION:
        yield from without(case.formula(position), lambda term: uses(term, lambda n: case.is_memory(n, step.target)))


@misconception(
    "initial-state-again",
    say("every step begins with h_0"),
    say("Each step goes on from the state of the step before it, not from the initial one."),
)
def _initial_state_again(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role in (Role.PREACTIVATION, Role.HIDDEN):

        def first(number: int) -> Formula | None:
            start = _start(case, case.steps[number].target) if case.is_carried(number, step.target) else None
            return None if start is None else Var(start)

        yield from swapped(case.formula(position), first)


def _start(case: Case, state: Name) -> int | None:
    """The initial state, of one sample or of all; that of a decoder is calculated."""
    times = [name.time for name, _ in case.network.state if (name.stem, name.layer) == (state.stem, state.layer)]
    if not times:
        return None
    own = state._replace(time=times[0], iteration=1)
    return case.find(own) if own in case.program.index else case.find(own._replace(sample=None))


@misconception(
    "activation-forgotten",
    say("the activation is left out"),
    say("The value of a unit is its activation function of the pre-activation, not the pre-activation itself."),
)
def _activation_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if step.role in (Role.HIDDEN, Role.OUTPUT) and isinstance(formula, Apply):
        yield formula.argument


@misconception(
    "another-activation",
    say("another activation function"),
    say("The box of conventions says which function the layer has; tanh and the sigmoid are not the same."),
)
def _another_activation(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if step.role in (Role.HIDDEN, Role.OUTPUT) and isinstance(formula, Apply) and case.activation_of_gate(position) is None:
        yield from (Apply(other, formula.argument) for other in (tanh, sigmoid) if other is not formula.function)


@misconception(
    "softmax-not-normalised",
    say("softmax without its sum"),
    say("Softmax divides each exponential by the sum of all: probabilities add up to 1."),
)
def _softmax_not_normalised(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if _is_softmax(case, step) and isinstance(formula, Over):
        yield formula.numerator


@misconception(
    "softmax-twice",
    say("softmax of softmax"),
    say("Softmax is applied once, to the logits; its result is the probability."),
)
def _softmax_twice(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if _is_softmax(case, step) and isinstance(formula, Over) and isinstance(formula.denominator, Sum):
        once = formula.denominator

        def probability(number: int) -> Formula:
            return Over(Apply(exp, Var(number)), once)

        yield replaced(formula, probability)


def _is_softmax(case: Case, step: Step) -> bool:
    output = case.network.output_activation
    return output is softmax and step.target.stem in ("y", "h") and step.role in (Role.OUTPUT, Role.HIDDEN)


@misconception(
    "rows-and-columns-swapped",
    say("rows and columns of a matrix are swapped"),
    say("Row i of W belongs to unit i (with x W: column i). Going back, the matrix is transposed once."),
)
def _rows_and_columns(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role in (Role.PREACTIVATION, Role.OUTPUT) or case.of_state(step):

        def turned(number: int) -> Formula | None:
            target = case.steps[number].target
            if number not in case.parameters or len(target.index) != 2:
                return None
            other = case.find(target._replace(index=target.index[::-1]))
            return None if other is None else Var(other)

        yield from swapped(case.formula(position), turned)
