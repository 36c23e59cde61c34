"""Mistakes that can be made in any network: in its layers, its loss, its backward pass and its update."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from bptt_trace.engine.formula import ONE, Apply, Const, Formula, Neg, Over, Sum, Times, Var, constant, product
from bptt_trace.engine.formula_walks import children
from bptt_trace.engine.functions import exp, ln, sigmoid, slope_of, softmax, tanh
from bptt_trace.engine.names import ABOVE, LOSS, WHOLE_LOSS, Name, Role, gradient
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import (
    MOST_PARTS,
    MOST_STEPS,
    Case,
    added,
    handed_on,
    misconception,
    replaced,
    simplified,
    some_of,
    terms_of,
    uses,
)

# ------------------------------------------------------------------ forward pass


@misconception(
    "bias-forgotten",
    "the bias is left out",
    "A unit adds its bias to the weighted inputs before the activation.",
)
def _bias_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role in (Role.PREACTIVATION, Role.OUTPUT) and isinstance(formula := case.formula(position), Sum):
        kept = [t for t in formula.terms if not (isinstance(t, Var) and t.number in case.parameters)]
        yield from some_of(kept, formula.terms)


@misconception(
    "output-of-the-bias-alone",
    "the output has nothing but its bias",
    "An output adds its bias to the weighted hidden values; without them it would be the same for every input.",
)
def _output_of_the_bias_alone(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.target.stem in ("y", "z") and step.role in (Role.PREACTIVATION, Role.OUTPUT):
        terms = terms_of(case.formula(position))
        yield from some_of([t for t in terms if isinstance(t, Var) and t.number in case.parameters], terms)


@misconception(
    "state-forgotten",
    "the memory is left out",
    "The pre-activation has a part from the state before: W_hh times h_(t-1). It is what the network remembers.",
)
def _state_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.PREACTIVATION:
        terms = terms_of(case.formula(position))
        kept = [t for t in terms if not uses(t, lambda n: case.is_memory(n, step.target))]
        yield from some_of(kept, terms)


@misconception(
    "initial-state-again",
    "every step begins with h_0",
    "Each step goes on from the state of the step before it, not from the initial one.",
)
def _initial_state_again(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role in (Role.PREACTIVATION, Role.HIDDEN):

        def first(number: int) -> Formula | None:
            start = _start(case, case.steps[number].target) if case.is_carried(number, step.target) else None
            return None if start is None else Var(start)

        changed = replaced(case.formula(position), first)
        if changed != case.formula(position):
            yield changed


def _start(case: Case, state: Name) -> int | None:
    """What a state begins with: of its own sample, or of all; what a decoder begins with is calculated."""
    times = [name.time for name, _ in case.network.state if (name.stem, name.layer) == (state.stem, state.layer)]
    if not times:
        return None
    own = state._replace(time=times[0], iteration=1)
    return case.find(own) if own in case.program.index else case.find(own._replace(sample=None))


@misconception(
    "activation-forgotten",
    "the activation is left out",
    "The value of a unit is its activation function of the pre-activation, not the pre-activation itself.",
)
def _activation_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if step.role in (Role.HIDDEN, Role.OUTPUT) and isinstance(formula, Apply):
        yield formula.argument


@misconception(
    "another-activation",
    "another activation function",
    "The box of conventions says which function the layer has; tanh and the sigmoid are not the same.",
)
def _another_activation(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if step.role in (Role.HIDDEN, Role.OUTPUT) and isinstance(formula, Apply) and case.activation_of_gate(position) is None:
        yield from (Apply(other, formula.argument) for other in (tanh, sigmoid) if other is not formula.function)


@misconception(
    "softmax-not-normalised",
    "softmax without its sum",
    "Softmax divides each exponential by the sum of all: probabilities add up to 1.",
)
def _softmax_not_normalised(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if _is_softmax(case, step) and isinstance(formula, Over):
        yield formula.numerator


@misconception(
    "softmax-twice",
    "softmax of softmax",
    "Softmax is applied once, to the logits; its result is the probability.",
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
    "rows and columns of a matrix are swapped",
    "Row i of W belongs to unit i (with x W: column i). Going back, the matrix is transposed once.",
)
def _rows_and_columns(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role in (Role.PREACTIVATION, Role.OUTPUT) or case.of_state(step):

        def turned(number: int) -> Formula | None:
            target = case.steps[number].target
            if number not in case.parameters or len(target.index) != 2:
                return None
            other = case.find(target._replace(index=target.index[::-1]))
            return None if other is None else Var(other)

        changed = replaced(case.formula(position), turned)
        if changed != case.formula(position):
            yield changed


# ------------------------------------------------------------------------- loss


@misconception(
    "square-forgotten",
    "the square is forgotten",
    "A squared error is the square of the difference: it is never negative.",
)
def _square_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.LOSS and case.loss.kind == "squared_error" and (error := _error(case, step)):
        scale = _scale(case, step)
        yield product(scale, error)
        yield product(scale, Neg(error))


def _error(case: Case, step: Step) -> Formula | None:
    """prediction − target, in the line of a loss or of a gradient at a prediction."""
    targets = [a for a in step.arguments if case.steps[a].target.stem == "target"]
    outputs = [a for a in step.arguments if case.steps[a].role in (Role.OUTPUT, Role.HIDDEN)]
    return Var(outputs[0]) - Var(targets[0]) if len(targets) == len(outputs) == 1 else None


def _scale(case: Case, step: Step) -> Formula:
    """The exact number in front of the square in the line of a loss."""
    del step
    averaged = case.loss.over_units == "mean" and case.network.outputs > 1
    return Const(case.loss.factor / (case.network.outputs if averaged else 1))


@misconception(
    "common-logarithm",
    "log to the base 10",
    "The logarithm of a cross-entropy is the natural one, ln.",
)
def _common_logarithm(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if step.role is Role.LOSS and any(isinstance(v, Apply) and v.function is ln for v in _parts(formula)):
        yield Over(formula, Apply(ln, constant(10)))


def _parts(formula: Formula) -> Iterator[Formula]:
    yield formula
    for child in children(formula):
        yield from _parts(child)


@misconception(
    "mean-forgotten",
    "the sum instead of the mean",
    "The loss of this sheet is the mean: its terms, and every gradient, carry the factor 1/T (or 1/N).",
)
def _mean_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    for count, mean in _counts(case):
        if mean and (_is_total(case, step, count) or _is_error(case, step)):
            yield product(Const(Fraction(count)), case.formula(position))


@misconception(
    "mean-for-sum",
    "the mean instead of the sum",
    "The loss of this sheet is the sum of its terms: nothing is divided by their number.",
)
def _mean_for_sum(case: Case, position: int, step: Step) -> Iterator[Formula]:
    for count, mean in _counts(case):
        if not mean and (_is_total(case, step, count) or _is_error(case, step)):
            yield product(Const(Fraction(1, count)), case.formula(position))


@misconception(
    "last-loss-only",
    "the loss of the last step alone",
    "The loss has the terms of all time steps (or samples), not the last one alone.",
)
def _last_loss_only(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if any(_is_total(case, step, count) for count, _ in _counts(case)):
        yield Var(step.arguments[-1])


def _counts(case: Case) -> Iterator[tuple[int, bool]]:
    """Over how many terms the loss goes, and whether it is their mean."""
    network, loss = case.network, case.loss
    if network.steps and not network.single and network.steps > 1:
        yield network.steps, loss.over_time == "mean"
    if network.samples and network.samples > 1:
        yield network.samples, loss.over_batch == "mean"
    if network.outputs > 1 and loss.kind in ("squared_error", "binary_cross_entropy"):
        yield network.outputs, loss.over_units == "mean"


def _is_total(case: Case, step: Step, count: int) -> bool:
    return step.role is Role.LOSS and not step.target.index and len(step.arguments) == count > 1 and _adds_losses(case, step)


def _adds_losses(case: Case, step: Step) -> bool:
    return all(case.steps[argument].role is Role.LOSS for argument in step.arguments)


def _is_error(case: Case, step: Step) -> bool:
    """Whether a line is the gradient at a prediction that the loss gives itself."""
    return case.is_gradient(step) and step.target.via is None and _error(case, step) is not None


# ---------------------------------------------------------------- backward pass


@misconception(
    "error-sign",
    "the sign of the error",
    "The derivative of (y - target)^2 has y - target, prediction minus target. The update subtracts it.",
)
def _error_sign(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _is_error(case, step):
        yield product(Const(Fraction(-1)), case.formula(position))


@misconception(
    "two-forgotten",
    "the 2 of the square is forgotten",
    "The derivative of a square is 2 times what is squared; only a factor 1/2 in the loss cancels it.",
)
def _two_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _is_error(case, step) and case.loss.kind == "squared_error" and case.loss.factor != Fraction(1, 2):
        yield product(Const(Fraction(1, 2)), case.formula(position))


@misconception(
    "half-forgotten",
    "the 1/2 of the loss is forgotten",
    "The loss of this sheet has a factor 1/2, which belongs to its value and cancels the 2 of its derivative.",
)
def _half_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.loss.kind == "squared_error" and case.loss.factor == Fraction(1, 2):
        term = step.role is Role.LOSS and not _adds_losses(case, step)
        if term or _is_error(case, step):
            yield product(Const(Fraction(2)), case.formula(position))


@misconception(
    "entropy-of-the-target-forgotten",
    "the cross-entropy instead of the divergence",
    "The divergence compares two distributions, target * ln(target / y): it is 0 where they are equal. A cross-entropy is not.",
)
def _entropy_of_target_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    for target, y in _divergence(case, position, step):
        yield Neg(added([one * Apply(ln, other) for one, other in zip(target, y, strict=True)]))


@misconception(
    "divergence-turned-round",
    "the divergence the other way round",
    "The divergence weighs with the target: target * ln(target / y). With y * ln(y / target) it is another number.",
)
def _divergence_turned_round(case: Case, position: int, step: Step) -> Iterator[Formula]:
    for target, y in _divergence(case, position, step):
        yield added([other * Apply(ln, other / one) for one, other in zip(target, y, strict=True)])


def _divergence(case: Case, position: int, step: Step) -> Iterator[tuple[list[Formula], list[Formula]]]:
    """Of a term of the divergence the targets, and the predictions beside them."""
    if case.loss.kind == "kl_divergence" and step.role is Role.LOSS and not _adds_losses(case, step):
        ratios = [part for part in _parts(case.formula(position)) if isinstance(part, Over) and isinstance(part.numerator, Var)]
        yield [ratio.numerator for ratio in ratios], [ratio.denominator for ratio in ratios]


@misconception(
    "entropy-with-slope",
    "the slope of the output beside a cross-entropy",
    "The slope of sigmoid or softmax cancels with the logarithm: the gradient at the logits is prediction minus target.",
)
def _entropy_with_slope(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.loss.of_probabilities and case.loss.gradient == "short" and _is_error(case, step):
        y = next(Var(a) for a in step.arguments if case.steps[a].role in (Role.OUTPUT, Role.HIDDEN))
        yield product(case.formula(position), y, 1 - y)


@misconception(
    "memory-path-dropped",
    "the memory path is missing",
    "A state is used twice: by its own output and as the memory of the next step. Its gradient is the sum of both "
    "parts, direct and carried.",
)
def _memory_path_dropped(case: Case, position: int, step: Step) -> Iterator[Formula]:
    yield from _some_ways(case, step, carried=False)


@misconception(
    "own-error-dropped",
    "the direct path is missing",
    "A state also acts on the loss through its own output: the direct part belongs to the sum beside the carried one.",
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
    "the slope of the activation is missing",
    "Going back through an activation, the gradient is multiplied by its slope.",
)
def _slope_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if found := case.crossing(step):
        yield found.flow


@misconception(
    "slope-twice",
    "the slope of the activation twice",
    "The slope belongs to the crossing from h to a, once; it is not multiplied in again.",
)
def _slope_twice(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (found := case.crossing(step)) and found.function.slope is not None:
        yield product(case.formula(position), slope_of(found.function, found.argument, found.value))


@misconception(
    "slope-of-the-next-step-twice",
    "the slope of the next step twice",
    "dL/da of the next step has the slope of that step already: going back from there to h it is only multiplied by the weight.",
)
def _slope_of_the_next_step_twice(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not case.of_state(step) or step.through is None or not handed_on(step.target, case.steps[step.through].target):
        return

    def sloped(number: int) -> Formula | None:
        found = case.crossing(case.steps[number])
        if found is None or found.function.slope is None:
            return None
        return product(Var(number), slope_of(found.function, found.argument, found.value))

    changed = replaced(case.formula(position), sloped)
    if changed != case.formula(position):
        yield changed


@misconception(
    "slope-at-the-net-input",
    "the slope formula is used with the pre-activation",
    "1 - h^2 and y(1 - y) take the value of the activation, not its argument; with a cell, 1 - tanh(c)^2 and not 1 - c^2.",
)
def _slope_at_net_input(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (found := case.crossing(step)) and found.function in (tanh, sigmoid):
        yield product(found.flow, slope_of(found.function, found.argument, found.argument))


@misconception(
    "slope-of-the-output",
    "the slope is taken at the activated value",
    "h is already the activated value: its slope is 1 - h^2, without another tanh.",
)
def _slope_of_output(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (found := case.crossing(step)) and found.function in (tanh, sigmoid):
        yield product(found.flow, slope_of(found.function, found.argument, found.function(found.value)))


@misconception(
    "slope-of-another-function",
    "the slope of another function",
    "tanh has the slope 1 - h^2, the sigmoid y(1 - y): each goes with its own function.",
)
def _slope_of_another(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (found := case.crossing(step)) and found.function in (tanh, sigmoid):
        other = sigmoid if found.function is tanh else tanh
        yield product(found.flow, slope_of(other, found.argument, found.value))


@misconception(
    "stale-output-weights",
    "the output weights were updated before the hidden gradient",
    "All gradients of one step are taken at the same old weights; the update comes last.",
)
def _stale_output_weights(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.of_state(step) and step.through is not None and case.network.readout:

        def updated(number: int) -> Formula | None:
            target = case.steps[number].target
            if number not in case.parameters or target.stem.lower() != "w_hy":
                return None
            after = case.find(target._replace(updated=True))
            return None if after is None else Var(after)

        changed = replaced(case.formula(position), updated)
        if changed != case.formula(position):
            yield changed


@misconception(
    "updated-inside-the-loop",
    "the recurrent weights were updated inside the time loop",
    "One weight serves every time step: all its parts are taken at the old weight and added up; it is updated once, at the end.",
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

    changed = replaced(case.formula(position), updated)
    if changed != case.formula(position):
        yield changed


@misconception(
    "weight-forgotten",
    "the weight on the way back is missing",
    "Going back from a layer to what feeds it, the gradient is multiplied by the weight between them.",
)
def _weight_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.of_state(step) and step.through is not None:
        changed = replaced(case.formula(position), lambda n: ONE if n in case.parameters else None)
        if changed != case.formula(position):
            yield simplified(changed)


@misconception(
    "one-path-only",
    "only one of several paths",
    "A unit that feeds several others gets a part of its gradient from each of them: add them all up.",
)
def _one_path_only(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not case.of_state(step) or step.through is None or not isinstance(formula := case.formula(position), Sum):
        return
    # Each path brings a gradient; what a loss gives itself, h - target, is one path.
    if all(uses(term, lambda n: case.is_gradient(case.steps[n])) for term in formula.terms):
        yield from formula.terms


@misconception(
    "wrong-time",
    "the state of the same step in the gradient of W_hh",
    "W_hh multiplies the state before the step: its gradient has h_(t-1), never h_t.",
)
def _wrong_time(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not case.is_gradient(step) or case.of_parameter(step) is None or step.through is None:
        return
    through = case.steps[step.through].target

    def later(number: int) -> Formula | None:
        if not case.is_memory(number, through):
            return None
        own = case.steps[number].target._replace(layer=through.layer, time=through.time, sample=through.sample)
        after = case.find(own)
        return None if after is None else Var(after)

    changed = replaced(case.formula(position), later)
    if changed != case.formula(position):
        yield changed


@misconception(
    "net-input-for-state",
    "the pre-activation instead of the hidden value",
    "The gradient of a weight has the value that the weight multiplied: the hidden value, after its activation.",
)
def _net_input_for_state(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and case.of_parameter(step) is not None and step.through is not None:

        def before(number: int) -> Formula | None:
            other = case.steps[number]
            value = case.formula(number) if other.role is Role.HIDDEN and other.rule is not None else None
            return value.argument if isinstance(value, Apply) else None

        changed = replaced(case.formula(position), before)
        if changed != case.formula(position):
            yield changed


@misconception(
    "gradient-of-the-state",
    "the gradient of the hidden value instead of that of the pre-activation",
    "A weight stands before the activation: its gradient has dL/da, which is dL/dh times the slope of the activation.",
)
def _gradient_of_the_state(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and case.of_parameter(step) is not None and step.through is not None:

        def behind(number: int) -> Formula | None:
            other = case.steps[number]
            crossing = case.crossing(other)
            return None if crossing is None else crossing.flow

        changed = replaced(case.formula(position), behind)
        if changed != case.formula(position):
            yield changed


@misconception(
    "input-forgotten",
    "the input is missing in the gradient of its weight",
    "The gradient of a weight is the error behind it times what the weight multiplied.",
)
def _input_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and case.of_parameter(step) is not None and step.through is not None:
        formula = case.formula(position)
        if isinstance(formula, Times) and len(formula.factors) == 2:
            yield from (f for f in formula.factors if uses(f, lambda n: case.is_gradient(case.steps[n])))


@misconception(
    "contributions-not-added",
    "one contribution instead of the sum",
    "A weight that is used at several steps is one weight: its gradient adds up the contributions of all of them.",
)
def _contributions_not_added(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and case.of_parameter(step) is not None and step.through is None and len(step.arguments) > 1:
        yield from (Var(argument) for argument in (step.arguments[-1], step.arguments[0]))


@misconception(
    "contributions-averaged",
    "the mean of the contributions",
    "The contributions of the steps are added up; a mean belongs to the loss, and is in them already.",
)
def _contributions_averaged(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and case.of_parameter(step) is not None and step.through is None and len(step.arguments) > 1:
        yield product(Const(Fraction(1, len(step.arguments))), case.formula(position))


@misconception(
    "total-for-a-part",
    "the whole gradient for one of its parts",
    "A line with via asks for what comes by one way alone; all ways together are the line without it.",
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
    "what is handed in from above is missing",
    "What is handed in from above is one part of the gradient of its quantity; what comes by the network is added to it.",
)
def _handed_in_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and step.target.via is None and len(step.arguments) > 1 and isinstance(case.formula(position), Sum):
        rest = [argument for argument in step.arguments if case.steps[argument].target.via != ABOVE]
        if 0 < len(rest) < len(step.arguments):
            yield added([Var(argument) for argument in rest])


@misconception(
    "truncation-ignored",
    "the gradient is carried across the end of a window",
    "The backward pass is cut on this sheet: nothing is carried back from one window of steps to the window before it.",
)
def _truncation_ignored(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not case.is_gradient(step) or (whole := case.find(step.target._replace(of=WHOLE_LOSS))) is None:
        return
    if len(case.steps[whole].arguments) > MOST_STEPS:
        return

    def of_this_pass(number: int) -> Formula | None:
        target = case.steps[number].target
        if target.of != WHOLE_LOSS:
            return None
        own = case.find(target._replace(of=LOSS))
        return replaced(case.formula(number), of_this_pass) if own is None else Var(own)

    changed = replaced(case.formula(whole), of_this_pass)
    if changed != case.formula(position):
        yield changed


@misconception(
    "longest-path-only",
    "only the longest path, entry by entry",
    "A weight that is used at several steps acts by every one of them: the memory path adds to what the later steps contribute "
    "themselves, it does not replace them.",
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
