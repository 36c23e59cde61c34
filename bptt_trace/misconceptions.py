"""The mistakes that people make, each as a change of a program.

A misconception looks at a line, told by its role, its name and what it flows
through, and says by which formula a person with this mistake would calculate
it. What follows from there follows by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from bptt_trace.formula import (
    ONE,
    Apply,
    Const,
    Extreme,
    Formula,
    Neg,
    Over,
    Power,
    Rest,
    Sum,
    Times,
    Var,
    children,
    constant,
    product,
    rewrite,
    variables,
)
from bptt_trace.functions import Function, exp, ln, sigmoid, slope_of, softmax, sqrt, tanh
from bptt_trace.losses import Loss
from bptt_trace.names import LOSS, Name, gradient
from bptt_trace.optimizers import powered
from bptt_trace.parts import way
from bptt_trace.problem import Problem
from bptt_trace.program import Program, Role, Step

MOST_STEPS = 50
"""Time steps up to which a mistake is looked for that takes the sum of many parts."""


class Case:
    """One problem's program of numbers, as the catalogue looks at it."""

    def __init__(self, problem: Problem, program: Program) -> None:
        self.problem = problem
        self.network = problem.network
        self.loss: Loss = problem.loss
        self.program = program
        self.steps = program.steps

    @cached_property
    def parameters(self) -> frozenset[int]:
        """Positions of the parameters."""
        return frozenset(position for position, step in enumerate(self.steps) if step.role is Role.PARAMETER)

    def formula(self, position: int) -> Formula:
        """The right side of a line over the positions of the program."""
        formula = self.steps[position].formula
        assert formula is not None
        step = self.steps[position]
        if step.rule is not None and step.rule.sums_rest:
            others = step.arguments[step.rule.arity :]
            total = _added([Var(other) for other in others])
            return rewrite(formula, lambda part: total if isinstance(part, Rest) else None)
        return formula

    @cached_property
    def parts(self) -> dict[int, list[tuple[int, int]]]:
        """For each parameter the parts of its gradient: time and position."""
        found: dict[int, list[tuple[int, int]]] = {}
        for position, step in enumerate(self.steps):
            if self.is_gradient(step) and step.through is not None and (parameter := self.of_parameter(step)) is not None:
                found.setdefault(parameter, []).append((self.steps[step.through].target.time or 0, position))
        return found

    @cached_property
    def by_sample(self) -> dict[int, list[tuple[int, int]]]:
        """For each parameter the parts of its gradient in the first iteration: sample and position."""
        found: dict[int, list[tuple[int, int]]] = {}
        for position, step in enumerate(self.steps):
            if step.target.iteration > 1 or not self.is_gradient(step) or step.through is None:
                continue
            sample = self.steps[step.through].target.sample
            if sample is not None and (parameter := self.of_parameter(step)) is not None:
                found.setdefault(parameter, []).append((sample, position))
        return found

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

    def crossing(self, step: Step) -> tuple[Function, int, int, int] | None:
        """Where a gradient passes an activation: the function, its argument, its value, and the gradient that comes in."""
        if not self.is_gradient(step) or step.through is None:
            return None
        through = self.steps[step.through]
        form = through.rule.formula if through.rule else None
        incoming = self.find(gradient(through.target))
        if not isinstance(form, Apply) or not isinstance(form.argument, Var) or incoming is None:
            return None
        return form.function, through.arguments[0], step.through, incoming


def _added(terms: list[Formula]) -> Formula:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def replaced(formula: Formula, old: Callable[[int], Formula | None]) -> Formula:
    """The formula with other things in place of some of its variables."""
    return rewrite(formula, lambda part: old(part.number) if isinstance(part, Var) else None)


def _terms(formula: Formula) -> tuple[Formula, ...]:
    return formula.terms if isinstance(formula, Sum) else (formula,)


def _uses(formula: Formula, wanted: Callable[[int], bool]) -> bool:
    return any(wanted(variable.number) for variable in variables(formula))


Change = Callable[[Case, int, Step], Iterator[Formula]]


@dataclass(frozen=True)
class Misconception:
    """One entry of the catalogue."""

    slug: str
    title: str
    message: str
    """What to tell the student: the rule, never a value."""
    change: Change
    """The formulas by which somebody with this mistake would calculate a line."""


CATALOGUE: list[Misconception] = []


def misconception(slug: str, title: str, message: str) -> Callable[[Change], Change]:
    """Enter a change into the catalogue."""

    def enter(change: Change) -> Change:
        CATALOGUE.append(Misconception(slug, title, message, change))
        return change

    return enter


# ------------------------------------------------------------------ forward pass


@misconception(
    "bias-forgotten",
    "the bias is left out",
    "A unit adds its bias to the weighted inputs before the activation.",
)
def _bias_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role in (Role.PREACTIVATION, Role.OUTPUT) and isinstance(formula := case.formula(position), Sum):
        kept = [t for t in formula.terms if not (isinstance(t, Var) and t.number in case.parameters)]
        if 0 < len(kept) < len(formula.terms):
            yield _added(kept)


@misconception(
    "state-forgotten",
    "the memory is left out",
    "The pre-activation has a part from the state before: W_hh times h_(t-1). It is what the network remembers.",
)
def _state_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    time = step.target.time
    if step.role is Role.PREACTIVATION and step.target.stem == "a" and time is not None:
        terms = _terms(case.formula(position))
        kept = [t for t in terms if not _uses(t, lambda n: _is_state(case, n, time - 1))]
        if 0 < len(kept) < len(terms):
            yield _added(kept)


def _is_state(case: Case, position: int, time: int) -> bool:
    target = case.steps[position].target
    return target.stem == "h" and target.time == time and target.of is None


@misconception(
    "initial-state-again",
    "every step begins with h_0",
    "Each step goes on from the state of the step before it, not from the initial one.",
)
def _initial_state_again(case: Case, position: int, step: Step) -> Iterator[Formula]:
    time = step.target.time
    if step.role is Role.PREACTIVATION and step.target.stem == "a" and time is not None and time > 1:

        def first(number: int) -> Formula | None:
            target = case.steps[number].target
            start = case.find(target._replace(time=0, iteration=1)) if _is_state(case, number, time - 1) else None
            if start is None and _is_state(case, number, time - 1):
                start = case.find(target._replace(time=0, iteration=1, sample=None))
            return None if start is None else Var(start)

        changed = replaced(case.formula(position), first)
        if changed != case.formula(position):
            yield changed


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
    if step.role in (Role.HIDDEN, Role.OUTPUT) and isinstance(formula, Apply):
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
    output = case.network.readout.activation if case.network.readout else case.network.activation
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
    "entropy-with-slope",
    "the slope of the output beside a cross-entropy",
    "The slope of sigmoid or softmax cancels with the logarithm: the gradient at the logits is prediction minus target.",
)
def _entropy_with_slope(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.loss.kind in ("cross_entropy", "binary_cross_entropy") and case.loss.gradient == "short" and _is_error(case, step):
        y = next(Var(a) for a in step.arguments if case.steps[a].role in (Role.OUTPUT, Role.HIDDEN))
        yield product(case.formula(position), y, 1 - y)


@misconception(
    "memory-path-dropped",
    "the memory path is missing",
    "A state is used twice: by its own output and as the memory of the next step. Its gradient is the sum of both "
    "parts, direct and carried.",
)
def _memory_path_dropped(case: Case, position: int, step: Step) -> Iterator[Formula]:
    yield from _some_ways(case, step, "direct")


@misconception(
    "own-error-dropped",
    "the direct path is missing",
    "A state also acts on the loss through its own output: the direct part belongs to the sum beside the carried one.",
)
def _own_error_dropped(case: Case, position: int, step: Step) -> Iterator[Formula]:
    yield from _some_ways(case, step, "carried")


def _some_ways(case: Case, step: Step, which: str) -> Iterator[Formula]:
    if not case.of_state(step) or step.through is not None:
        return
    kept: list[Formula] = []
    for argument in step.arguments:
        target = case.steps[argument].target
        if target.via is not None and way(target, target.via) == which:
            kept.append(Var(argument))
    if 0 < len(kept) < len(step.arguments):
        yield _added(kept)


@misconception(
    "slope-forgotten",
    "the slope of the activation is missing",
    "Going back through an activation, the gradient is multiplied by its slope.",
)
def _slope_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if found := case.crossing(step):
        yield Var(found[3])


@misconception(
    "slope-twice",
    "the slope of the activation twice",
    "The slope belongs to the crossing from h to a, once; it is not multiplied in again.",
)
def _slope_twice(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if found := case.crossing(step):
        function, before, after, _ = found
        if function.slope is not None:
            yield product(case.formula(position), slope_of(function, Var(before), Var(after)))


@misconception(
    "slope-at-the-net-input",
    "the slope formula with the pre-activation",
    "1 - h^2 and y(1 - y) take the value of the activation, not its argument.",
)
def _slope_at_net_input(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (found := case.crossing(step)) and found[0] in (tanh, sigmoid):
        _, before, after, _ = found
        yield replaced(case.formula(position), lambda n: Var(before) if n == after else None)


@misconception(
    "slope-of-the-output",
    "the slope at the activated value",
    "h is already the activated value: its slope is 1 - h^2, without another tanh.",
)
def _slope_of_output(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (found := case.crossing(step)) and found[0] in (tanh, sigmoid):
        function, _, after, _ = found
        yield replaced(case.formula(position), lambda n: Apply(function, Var(after)) if n == after else None)


@misconception(
    "slope-of-another-function",
    "the slope of another function",
    "tanh has the slope 1 - h^2, the sigmoid y(1 - y): each goes with its own function.",
)
def _slope_of_another(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (found := case.crossing(step)) and found[0] in (tanh, sigmoid):
        function, before, after, incoming = found
        other = sigmoid if function is tanh else tanh
        yield product(Var(incoming), slope_of(other, Var(before), Var(after)))


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
    if later.time is None or step.target.time is None or later.time <= step.target.time:
        return

    def updated(number: int) -> Formula | None:
        after = case.find(case.steps[number].target._replace(updated=True))
        if number not in case.parameters or after is None or len(case.steps[after].arguments) != 3:
            return None
        parts: list[Formula] = [Var(part) for time, part in case.parts.get(number, ()) if time >= (later.time or 0)]
        return Var(number) - Var(case.steps[after].arguments[1]) * _added(parts) if parts else None

    changed = replaced(case.formula(position), updated)
    if changed != case.formula(position):
        yield changed


@misconception(
    "weight-forgotten",
    "the weight of the crossing is missing",
    "Going back from a layer to what feeds it, the gradient is multiplied by the weight between them.",
)
def _weight_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.of_state(step) and step.through is not None:
        changed = replaced(case.formula(position), lambda n: ONE if n in case.parameters else None)
        if changed != case.formula(position):
            yield _simplified(changed)


def _simplified(formula: Formula) -> Formula:
    """Factors 1 dropped."""
    return _added([product(*(t.factors if isinstance(t, Times) else (t,))) for t in _terms(formula)])


@misconception(
    "one-path-only",
    "only one of several paths",
    "A unit that feeds several others gets a part of its gradient from each of them: add them all up.",
)
def _one_path_only(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.of_state(step) and step.through is not None and isinstance(formula := case.formula(position), Sum):
        yield from formula.terms


@misconception(
    "wrong-time",
    "the state of the same step in the gradient of W_hh",
    "W_hh multiplies the state before the step: its gradient has h_(t-1), never h_t.",
)
def _wrong_time(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not case.is_gradient(step) or case.of_parameter(step) is None or step.through is None:
        return
    time = case.steps[step.through].target.time
    if time is None or not step.target.stem.lower().startswith(("w_hh", "w_h")):
        return

    def later(number: int) -> Formula | None:
        if not _is_state(case, number, time - 1):
            return None
        through = case.steps[step.through or 0].target
        target = case.steps[number].target._replace(time=time, sample=through.sample)
        after = case.find(target)
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
            if other.role is not Role.HIDDEN or other.rule is None:
                return None
            position = case.find(other.target._replace(stem="a"))
            return None if position is None else Var(position)

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
            return None if crossing is None or not case.is_gradient(other) else Var(crossing[3])

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
            yield from (f for f in formula.factors if _uses(f, lambda n: case.is_gradient(case.steps[n])))


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
        factors.append(_added(terms))
    whole = product(*factors, _slope(case, 1, i), Var(x))
    yield whole
    yield product(Const(Fraction(-1)), whole)


def _slope(case: Case, time: int, unit: int) -> Formula:
    """The slope of the activation of one unit."""
    a, h = (case.program.index[Name(stem, time=time, index=(unit,))] for stem in ("a", "h"))
    return slope_of(case.network.activation, Var(a), Var(h))


# ----------------------------------------------------------------------- update


@misconception(
    "uphill",
    "the update goes uphill",
    "Gradient descent goes against the gradient: p' = p - eta * dL/dp.",
)
def _uphill(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.UPDATE and isinstance(formula := case.formula(position), Sum) and isinstance(formula.terms[-1], Neg):
        yield Sum((*formula.terms[:-1], formula.terms[-1].operand))


@misconception(
    "learning-rate-forgotten",
    "the learning rate is missing",
    "A step has the length eta * dL/dp, not dL/dp.",
)
def _learning_rate_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    plain = step.role is Role.UPDATE and _stem_of_rule(case) == "gd" and not _decays(case, "decoupled")
    if plain or _stem(step) == "step":  # of momentum there are mistakes of their own about it
        changed = replaced(case.formula(position), lambda n: ONE if _is_rate(case, n) else None)
        if changed != case.formula(position):
            yield _simplified(changed)


def _is_rate(case: Case, position: int) -> bool:
    return case.steps[position].target.stem in ("eta", "rate")


@misconception(
    "step-for-parameter",
    "the step instead of the new parameter",
    "The new parameter is the old one minus the step eta * dL/dp.",
)
def _step_for_parameter(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.UPDATE and isinstance(formula := case.formula(position), Sum) and isinstance(formula.terms[-1], Neg):
        yield formula.terms[-1].operand
        yield formula.terms[-1]


# ------------------------------------------------------------ optimizers and clipping


def _stem(step: Step) -> str:
    """Which line of an optimizer a line is: ``v`` of ``v_w_hh``."""
    return step.target.stem.partition("_")[0] if step.role is Role.STATE else ""


@misconception(
    "bias-correction-forgotten",
    "Adam without its bias correction",
    "Both means of Adam begin at 0 and are too small at first: mhat = m / (1 - beta_1^k) and vhat = v / (1 - beta_2^k) "
    "set that right.",
)
def _correction_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _stem(step) in ("mhat", "vhat") and isinstance(formula := case.formula(position), Over):
        yield formula.numerator


@misconception(
    "bias-correction-without-power",
    "the bias correction without its power",
    "The bias correction has the power of the iteration: 1 - beta^k, and 1 - beta in the first iteration only.",
)
def _correction_without_power(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _stem(step) in ("mhat", "vhat") and step.target.iteration > 1:
        yield _with_power(case.formula(position), 1)


@misconception(
    "iterations-counted-from-0",
    "the iterations of Adam are counted from 0",
    "The iterations of Adam are counted from 1: the first correction has beta^1, the third beta^3.",
)
def _counted_from_0(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _stem(step) in ("mhat", "vhat") and step.target.iteration > 2:
        yield _with_power(case.formula(position), step.target.iteration - 1)


@misconception(
    "iterations-counted-by-parameter",
    "the iterations of Adam are counted on with every parameter",
    "The k of Adam counts iterations: it is the same for all parameters of one update.",
)
def _counted_by_parameter(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _stem(step) not in ("mhat", "vhat"):
        return
    same = [
        other.target for other in case.steps if _stem(other) == _stem(step) and other.target.iteration == step.target.iteration
    ]
    before, each = same.index(step.target), len(same)
    count = (step.target.iteration - 1) * each + before + 1
    if count != step.target.iteration:
        yield _with_power(case.formula(position), count)


def _with_power(formula: Formula, exponent: int) -> Formula:
    """A bias correction with another power of β."""
    assert isinstance(formula, Over)
    denominator = formula.denominator
    assert isinstance(denominator, Sum)
    (one, taken) = denominator.terms
    assert isinstance(taken, Neg)
    base = taken.operand.base if isinstance(taken.operand, Power) else taken.operand
    return Over(formula.numerator, Sum((one, Neg(powered(base, exponent)))))


@misconception(
    "velocity-as-a-mean",
    "the velocity with the factor 1 - beta",
    "On this sheet the whole gradient is added to the velocity: v = beta * v + g. Other books take (1 - beta) * g.",
)
def _velocity_as_mean(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if _is_velocity(case, step) and update and update.velocity == "sum":
        old, push = _terms(case.formula(position))
        yield old + (ONE - Var(_beta(case))) * push


@misconception(
    "velocity-as-a-sum",
    "the velocity without the factor 1 - beta",
    "On this sheet the velocity is a running mean: v = beta * v + (1 - beta) * g. Other books add the whole gradient.",
)
def _velocity_as_sum(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if _is_velocity(case, step) and update and update.velocity == "mean":
        old, push = _terms(case.formula(position))
        assert isinstance(push, Times)
        yield old + product(*(factor for factor in push.factors if not isinstance(factor, Sum)))


def _is_velocity(case: Case, step: Step) -> bool:
    return _stem(step) == "v" and case.problem.update is not None and case.problem.update.rule in ("momentum", "nesterov")


def _beta(case: Case) -> int:
    return case.program.index[Name("beta")]


def _rate_at(case: Case, iteration: int) -> int:
    """The learning rate of an iteration."""
    for name in (Name("rate", iteration=iteration), Name("eta", iteration=iteration), Name("eta")):
        position = case.find(name)
        if position is not None:
            return position
    raise KeyError(iteration)


@misconception(
    "rate-inside-the-velocity",
    "the learning rate inside the velocity",
    "On this sheet the velocity has no learning rate; the step has it: p' = p - eta * v.",
)
def _rate_inside(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if update and update.rule == "momentum" and update.rate == "outside":
        formula = case.formula(position)
        if _is_velocity(case, step):
            old, push = _terms(formula)
            yield old + Var(_rate_at(case, step.target.iteration)) * push
        elif step.role is Role.UPDATE:
            yield _simplified(replaced(formula, lambda n: ONE if _is_rate(case, n) else None))


@misconception(
    "rate-outside-the-velocity",
    "the learning rate outside the velocity",
    "On this sheet the velocity has the learning rate in it, v = beta * v + eta * g; the step is v itself.",
)
def _rate_outside(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if update and update.rule == "momentum" and update.rate == "inside":
        formula = case.formula(position)
        if _is_velocity(case, step):
            old, push = _terms(formula)
            yield old + _simplified(replaced(push, lambda n: ONE if _is_rate(case, n) else None))
        elif step.role is Role.UPDATE and isinstance(formula, Sum) and isinstance(formula.terms[-1], Neg):
            taken = Var(_rate_at(case, step.target.iteration)) * formula.terms[-1].operand
            yield Sum((*formula.terms[:-1], Neg(taken)))


@misconception(
    "epsilon-under-the-root",
    "epsilon under the root",
    "On this sheet epsilon stands beside the root: sqrt(v) + epsilon.",
)
def _epsilon_inside(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if _stem(step) == "step" and isinstance(formula, Over) and isinstance(formula.denominator, Sum):
        root, epsilon = formula.denominator.terms
        if isinstance(root, Apply):
            yield Over(formula.numerator, Apply(root.function, root.argument + epsilon))


@misconception(
    "epsilon-beside-the-root",
    "epsilon beside the root",
    "On this sheet epsilon stands under the root: sqrt(v + epsilon).",
)
def _epsilon_outside(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if _stem(step) == "step" and isinstance(formula, Over) and isinstance(root := formula.denominator, Apply):
        *inner, epsilon = _terms(root.argument)
        if inner:
            yield Over(formula.numerator, Apply(root.function, _added(inner)) + epsilon)


@misconception(
    "square-of-the-gradient-forgotten",
    "the gradient instead of its square",
    "The mean (or sum) of squares takes the square of the gradient.",
)
def _gradient_not_squared(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _stem(step) == "v" and not _is_velocity(case, step):
        yield rewrite(case.formula(position), lambda part: part.base if isinstance(part, Power) else None)


@misconception(
    "decay-without-the-rate",
    "the weight decay without the learning rate",
    "Decoupled weight decay takes eta * lambda * p from the parameter; the learning rate is in it.",
)
def _decay_without_rate(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if step.role is Role.UPDATE and _decays(case, "decoupled") and isinstance(formula, Sum):
        old, decay, *others = formula.terms
        yield Sum((old, _simplified(replaced(decay, lambda n: ONE if _is_rate(case, n) else None)), *others))


@misconception(
    "decay-in-the-gradient",
    "the weight decay in the gradient",
    "On this sheet weight decay is decoupled: it stands in the line of the new parameter, and no gradient has it.",
)
def _decay_in_gradient(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not _decays(case, "decoupled"):
        return
    formula = case.formula(position)
    if step.role is Role.UPDATE and isinstance(formula, Sum) and _stem_of_rule(case) != "gd":
        old, _, *others = formula.terms
        yield Sum((old, *others))
    elif _stem(step) in ("m", "v", "step"):
        whole = Name(step.target.stem.partition("_")[2], step.target.layer, None, step.target.index)
        before = whole._replace(updated=True, iteration=step.target.iteration - 1) if step.target.iteration > 1 else whole
        parameter, factor = case.find(before), case.find(Name("lambda"))
        assert parameter is not None and factor is not None
        changed = rewrite(formula, lambda part: _with_decay(case, part, Var(factor) * Var(parameter)))
        if changed != formula:
            yield changed


def _with_decay(case: Case, part: Formula, decay: Formula) -> Formula | None:
    """A gradient, or its square, with weight decay added to it."""
    if isinstance(part, Power) and isinstance(part.base, Var) and _is_slope(case, part.base.number):
        return Power(part.base + decay, part.exponent)
    return part + decay if isinstance(part, Var) and _is_slope(case, part.number) else None


def _is_slope(case: Case, position: int) -> bool:
    """Whether a line is the gradient that an update uses, clipped or not."""
    step = case.steps[position]
    return step.target.of == LOSS or _stem(step) == "clipped"


def _decays(case: Case, how: str) -> bool:
    return case.problem.update is not None and case.problem.update.decay == how


def _stem_of_rule(case: Case) -> str:
    return case.problem.update.rule if case.problem.update else ""


@misconception(
    "decay-beside-the-step",
    "the weight decay beside the step",
    "On this sheet weight decay is L2: lambda * p is added to the gradient before the rule takes it.",
)
def _decay_beside_step(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not _decays(case, "l2") or _stem_of_rule(case) == "gd":
        return  # in plain descent both are the same
    formula = case.formula(position)
    if _stem(step) == "g":
        yield _terms(formula)[0]
    elif step.role is Role.UPDATE and isinstance(formula, Sum):
        old, *others = formula.terms
        rate, factor = Var(_rate_at(case, step.target.iteration)), Var(case.program.index[Name("lambda")])
        yield Sum((old, Neg(rate * factor * old), *others))


@misconception(
    "clipped-one-by-one",
    "each parameter is clipped by its own norm",
    "One norm is taken of all gradients together, and all are scaled by the same factor: their direction stays.",
)
def _clipped_one_by_one(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _clips(case, step) == "norm":
        whole = Name(step.target.stem.partition("_")[2], step.target.layer, None, (), None, step.target.iteration)
        squares = case.find(whole._replace(stem=f"squares_{whole.stem}"))
        if squares is not None:
            norm, bound = Apply(sqrt, Var(squares)), Var(case.program.index[Name("clip")])
            yield bound / Extreme("max", (norm, bound)) * Var(step.arguments[1])


@misconception(
    "clipped-number-by-number",
    "every number is clipped by itself",
    "Clipping by the norm scales all numbers by one factor; it does not cut each of them off.",
)
def _clipped_by_number(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _clips(case, step) in ("norm", "parameter"):
        bound, slope = Var(case.program.index[Name("clip")]), Var(step.arguments[1])
        yield Extreme("max", (Neg(bound), Extreme("min", (bound, slope))))


def _clips(case: Case, step: Step) -> str:
    return case.problem.update.clip if _stem(step) == "clipped" and case.problem.update else ""


@misconception(
    "clipping-after-the-update",
    "the update uses the gradients before clipping",
    "Clipping comes before the update: every line of the update has the clipped gradient.",
)
def _clipping_after_update(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.UPDATE or _stem(step) in ("m", "v", "g", "step"):

        def unclipped(number: int) -> Formula | None:
            other = case.steps[number]
            return Var(other.through) if _stem(other) == "clipped" and other.through is not None else None

        changed = replaced(case.formula(position), unclipped)
        if changed != case.formula(position):
            yield changed


@misconception(
    "online-for-batch",
    "the parameters were updated after each sample",
    "A batch update takes the gradients of all samples at the same old parameters, and changes these once.",
)
def _online_for_batch(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update, network = case.problem.update, case.network
    if network.samples is None or update is None or update.rule != "gd" or update.decay or update.clip:
        return
    sample = step.target.sample
    if step.target.iteration > 1 or (network.steps or 1) * network.samples > MOST_STEPS:
        return
    eta = Var(_rate_at(case, 1))
    scale = Const(Fraction(network.samples if case.loss.over_batch == "mean" else 1))
    if step.role is Role.UPDATE:
        whole = case.by_sample.get(step.arguments[0], [])
        if whole:
            yield Var(step.arguments[0]) - product(eta, scale, _added([Var(part) for _, part in whole]))
    elif sample is not None and sample > 1 and case.of_parameter(step) is None:

        def moved(number: int) -> Formula | None:
            parts: list[Formula] = [Var(part) for of, part in case.by_sample.get(number, ()) if of < sample]
            return Var(number) - product(eta, scale, _added(parts)) if parts else None

        changed = replaced(case.formula(position), moved)
        if changed != case.formula(position):
            yield changed


@misconception(
    "batch-for-online",
    "the old parameters for every sample",
    "Online, each sample is calculated with the parameters that the sample before it has left.",
)
def _batch_for_online(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if update is None or not update.online or step.role in (Role.UPDATE, Role.STATE) or step.target.iteration > update.iterations:
        return
    begin = (step.target.iteration - 1) // update.online * update.online

    def old(number: int) -> Formula | None:
        target = case.steps[number].target
        if not target.updated:
            return None
        name = target._replace(updated=bool(begin), iteration=begin or 1)
        before = case.find(name)
        return None if before is None or before == number else Var(before)

    changed = replaced(case.formula(position), old)
    if changed != case.formula(position):
        yield changed


@misconception(
    "old-parameters-again",
    "the old parameters in the new forward pass",
    "The loss after the update is calculated with the new parameters, all of them.",
)
def _old_parameters_again(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if update and step.target.iteration > update.iterations:

        def old(number: int) -> Formula | None:
            target = case.steps[number].target
            position = case.find(target._replace(updated=False)) if target.updated else None
            return None if position is None else Var(position)

        changed = replaced(case.formula(position), old)
        if changed != case.formula(position):
            yield changed
