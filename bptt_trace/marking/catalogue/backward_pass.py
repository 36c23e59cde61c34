"""Mistakes of the backward pass, in any network."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import ONE, Apply, Const, Formula, Sum, Times, Var, product
from bptt_trace.engine.functions import sigmoid, slope_of, tanh
from bptt_trace.engine.names import ABOVE, LOSS, WHOLE_LOSS, Name, Role, gradient
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import (
    MOST_PARTS,
    MOST_STEPS,
    MOST_WRITTEN_OUT,
    Case,
    added,
    handed_on,
    misconception,
    replaced,
    simplified,
    some_of,
    swapped,
    uses,
)


@misconception(
    "memory-path-dropped",
    say("the memory path is missing"),
    say(
        "A state is used twice: by its own output and as the memory of the next step. Its gradient is the sum of both "
        "parts, direct and carried."
    ),
)
def _memory_path_dropped(case: Case, position: int, step: Step) -> Iterator[Formula]:
    yield from _some_ways(case, step, carried=False)


@misconception(
    "own-error-dropped",
    say("the direct path is missing"),
    say("A state also acts on the loss through its own output: the direct part belongs to the sum beside the carried one."),
)
def _own_error_dropped(case: Case, position: int, step: Step) -> Iterator[Formula]:
    yield from _some_ways(case, step, carried=True)


def _some_ways(case: Case, step: Step, *, carried: bool) -> Iterator[Formula]:
    if not case.of_state(step) or step.through is not None:
        return
    kept = [Var(argument) for argument in step.arguments if handed_on(step.target, case.way(argument)) is carried]
    yield from some_of(kept, step.arguments)


@misconception(
    "slope-forgotten",
    say("the slope of the activation is missing"),
    say("Going back through an activation, the gradient is multiplied by its slope."),
)
def _slope_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if crossing := case.crossing(step):
        yield crossing.flow


@misconception(
    "slope-twice",
    say("the slope of the activation twice"),
    say("The slope belongs to the crossing from h to a, once; it is not multiplied in again."),
)
def _slope_twice(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (crossing := case.crossing(step)) and crossing.function.slope is not None:
        yield product(case.formula(position), slope_of(crossing.function, crossing.argument, crossing.value))


@misconception(
    "slope-of-the-next-step-twice",
    say("the slope of the next step twice"),
    say(
        "dL/da of the next step has the slope of that step already: going back from there to h it is only "
        "multiplied by the weight."
    ),
)
def _slope_of_the_next_step_twice(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not case.of_state(step) or step.through is None or not handed_on(step.target, case.steps[step.through].target):
        return

    def sloped(number: int) -> Formula | None:
        crossing = case.crossing(case.steps[number])
        if crossing is None or crossing.function.slope is None:
            return None
        return product(Var(number), slope_of(crossing.function, crossing.argument, crossing.value))

    yield from swapped(case.formula(position), sloped)


@misconception(
    "slope-at-the-net-input",
    say("the slope formula is used with the pre-activation"),
    say("1 - h^2 and y(1 - y) take the value of the activation, not its argument; with a cell, 1 - tanh(c)^2 and not 1 - c^2."),
)
def _slope_at_net_input(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (crossing := case.crossing(step)) and crossing.function in (tanh, sigmoid):
        yield product(crossing.flow, slope_of(crossing.function, crossing.argument, crossing.argument))


@misconception(
    "slope-of-the-output",
    say("the slope is taken at the activated value"),
    say("h is already the activated value: its slope is 1 - h^2, without another tanh."),
)
def _slope_of_output(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (crossing := case.crossing(step)) and crossing.function in (tanh, sigmoid):
        yield product(crossing.flow, slope_of(crossing.function, crossing.argument, crossing.function(crossing.value)))


@misconception(
    "slope-of-another-function",
    say("the slope of another function"),
    say("tanh has the slope 1 - h^2, the sigmoid y(1 - y): each goes with its own function."),
)
def _slope_of_another(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (crossing := case.crossing(step)) and crossing.function in (tanh, sigmoid):
        other = sigmoid if crossing.function is tanh else tanh
        yield product(crossing.flow, slope_of(other, crossing.argument, crossing.value))


@misconception(
    "stale-output-weights",
    say("the output weights were updated before the hidden gradient"),
    say("All gradients of one step are taken at the same old weights; the update comes last."),
)
def _stale_output_weights(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.of_state(step) and step.through is not None and case.network.readout:

        def updated(number: int) -> Formula | None:
            target = case.steps[number].target
            if number not in case.parameters or target.stem.lower() != "w_hy":
                return None
            after = case.find(target._replace(updated=True))
            return None if after is None else Var(after)

        yield from swapped(case.formula(position), updated)


@misconception(
    "updated-inside-the-loop",
    say("the recurrent weights were updated inside the time loop"),
    say(
        "One weight serves every time step: all its parts are taken at the old weight and added up; it is "
        "updated once, at the end."
    ),
)
def _updated_inside_the_loop(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not case.of_state(step) or step.through is None or (case.network.steps or 0) > MOST_STEPS:
        return
    later = case.steps[step.through].target
    if later.time is None or not handed_on(step.target, later):
        return

    def updated(number: int) -> Formula | None:
        after = case.find(case.steps[number].target._replace(updated=True))
        if number not in case.parameters or after is None or len(case.steps[after].arguments) != 3:
            return None
        parts: list[Formula] = [Var(part) for time, part in case.parts.get(number, ()) if time >= (later.time or 0)]
        return Var(number) - Var(case.steps[after].arguments[1]) * added(parts) if parts else None

    yield from swapped(case.formula(position), updated)


@misconception(
    "weight-forgotten",
    say("the weight on the way back is missing"),
    say("Going back from a layer to what feeds it, the gradient is multiplied by the weight between them."),
)
def _weight_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.of_state(step) and step.through is not None:
        yield from map(simplified, swapped(case.formula(position), lambda n: ONE if n in case.parameters else None))


@misconception(
    "one-path-only",
    say("only one of several paths"),
    say("A unit that feeds several others gets a part of its gradient from each of them: add them all up."),
)
def _one_path_only(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not case.of_state(step) or step.through is None or not isinstance(formula := case.formula(position), Sum):
        return
    # Each path brings a gradient; what a loss gives itself, h - target, is one path.
    if all(uses(term, lambda n: case.is_gradient(case.steps[n])) for term in formula.terms):
        yield from formula.terms


@misconception(
    "wrong-time",
    say("the state of the same step in the gradient of W_hh"),
    say("W_hh multiplies the state before the step: its gradient has h_(t-1), never h_t."),
)
def _wrong_time(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not case.is_gradient(step) or case.of_parameter(step) is None or step.through is None:
        return
    through = case.steps[step.through].target

    def later(number: int) -> Formula | None:
        if not case.is_memory(number, through):
            return None
        at_its_time = case.steps[number].target._replace(layer=through.layer, time=through.time, sample=through.sample)
        after = case.find(at_its_time)
        return None if after is None else Var(after)

    yield from swapped(case.formula(position), later)


@misconception(
    "net-input-for-state",
    say("the pre-activation instead of the hidden value"),
    say("The gradient of a weight has the value that the weight multiplied: the hidden value, after its activation."),
)
def _net_input_for_state(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and case.of_parameter(step) is not None and step.through is not None:

        def before(number: int) -> Formula | None:
            other = case.steps[number]
            value = case.formula(number) if other.role is Role.HIDDEN and other.rule is not None else None
            return value.argument if isinstance(value, Apply) else None

        yield from swapped(case.formula(position), before)


@misconception(
    "gradient-of-the-state",
    say("the gradient of the hidden value instead of that of the pre-activation"),
    say("A weight stands before the activation: its gradient has dL/da, which is dL/dh times the slope of the activation."),
)
def _gradient_of_the_state(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and case.of_parameter(step) is not None and step.through is not None:

        def behind(number: int) -> Formula | None:
            other = case.steps[number]
            crossing = case.crossing(other)
            return None if crossing is None else crossing.flow

        yield from swapped(case.formula(position), behind)


@misconception(
    "input-forgotten",
    say("the input is missing in the gradient of its weight"),
    say("The gradient of a weight is the error behind it times what the weight multiplied."),
)
def _input_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and case.of_parameter(step) is not None and step.through is not None:
        formula = case.formula(position)
        if isinstance(formula, Times) and len(formula.factors) == 2:
            yield from (f for f in formula.factors if uses(f, lambda n: case.is_gradient(case.steps[n])))


@misconception(
    "contributions-not-added",
    say("one contribution instead of the sum"),
    say("A weight that is used at several steps is one weight: its gradient adds up the contributions of all of them."),
)
def _contributions_not_added(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and case.of_parameter(step) is not None and step.through is None and len(step.arguments) > 1:
        yield from (Var(argument) for argument in (step.arguments[-1], step.arguments[0]))


@misconception(
    "contributions-averaged",
    say("the mean of the contributions"),
    say("The contributions of the steps are added up; a mean belongs to the loss, and is in them already."),
)
def _contributions_averaged(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and case.of_parameter(step) is not None and step.through is None and len(step.arguments) > 1:
        yield product(Const(Fraction(1, len(step.arguments))), case.formula(position))


@misconception(
    "total-for-a-part",
    say("the whole gradient for one of its parts"),
    say("A line with via asks for what comes by one way alone; all ways together are the line without it."),
)
def _total_for_a_part(case: Case, position: int, step: Step) -> Iterator[Formula]:
    whole = case.find(step.target._replace(via=None)) if step.target.via is not None and case.is_gradient(step) else None
    if whole is None or not 1 < len(case.steps[whole].arguments) <= MOST_PARTS:
        return
    # The parts are written out: the total is made of this line, and a line cannot be made of itself.
    parts = [
        case.formula(part) if case.steps[part].target.via and case.steps[part].rule else Var(part)
        for part in case.steps[whole].arguments
    ]
    yield added(parts)


@misconception(
    "handed-in-forgotten",
    say("what is handed in from above is missing"),
    say("What is handed in from above is one part of the gradient of its quantity; what comes by the network is added to it."),
)
def _handed_in_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and step.target.via is None and len(step.arguments) > 1 and isinstance(case.formula(position), Sum):
        rest = [argument for argument in step.arguments if case.steps[argument].target.via != ABOVE]
        if 0 < len(rest) < len(step.arguments):
            yield added([Var(argument) for argument in rest])


@misconception(
    "truncation-ignored",
    say("the gradient is carried across the end of a window"),
    say("The backward pass is cut on this sheet: nothing is carried back from one window of steps to the window before it."),
)
def _truncation_ignored(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not case.is_gradient(step) or (whole := case.find(step.target._replace(of=WHOLE_LOSS))) is None:
        return
    if len(case.steps[whole].arguments) > MOST_STEPS:
        return

    written_out: list[int] = []

    def of_this_pass(number: int) -> Formula | None:
        target = case.steps[number].target
        if target.of != WHOLE_LOSS:
            return None
        if (of_loss := case.find(target._replace(of=LOSS))) is not None:
            return Var(of_loss)
        written_out.append(number)
        return None if len(written_out) > MOST_WRITTEN_OUT else replaced(case.formula(number), of_this_pass)

    changed = replaced(case.formula(whole), of_this_pass)
    if len(written_out) <= MOST_WRITTEN_OUT and changed != case.formula(position):
        yield changed


@misconception(
    "longest-path-only",
    say("only the longest path, entry by entry"),
    say(
        "A weight that is used at several steps acts by every one of them: the memory path adds to what the "
        "later steps contribute "
        "themselves, it does not replace them."
    ),
)
def _longest_path_only(case: Case, position: int, step: Step) -> Iterator[Formula]:
    network, T = case.network, case.network.steps or 0
    target = step.target
    if step.through is not None or target.stem != "W_xh" or len(target.index) != 2 or T < 2 or len(network.cells) > 1:
        return
    i, j = target.index if not network.rows else target.index[::-1]
    slope = case.find(gradient(Name("y", time=T)))
    out = case.find(Name("W_hy", index=(1, i) if not network.rows else (i, 1)))
    x = case.find(Name("x", time=1, index=(j,))) or case.find(Name("x", time=1))
    if slope is None or out is None or x is None or not case.is_gradient(step) or network.samples is not None:
        return
    factors: list[Formula] = [Var(slope), Var(out)]
    for time in range(T, 1, -1):
        terms: list[Formula] = []
        for k in range(1, network.hidden[0] + 1):
            weight = case.find(Name("W_hh", index=(k, i) if not network.rows else (i, k)))
            if weight is None:
                return
            terms.append(product(_slope(case, time, k), Var(weight)))
        factors.append(added(terms))
    whole = product(*factors, _slope(case, 1, i), Var(x))
    yield whole
    yield product(Const(Fraction(-1)), whole)


def _slope(case: Case, time: int, unit: int) -> Formula:
    """The slope of the activation of one unit."""
    a, h = (case.program.index[Name(stem, time=time, index=(unit,))] for stem in ("a", "h"))
    return slope_of(case.network.activation, Var(a), Var(h))
