"""Mistakes of the loss, and of the error that goes back from it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import Apply, Const, Formula, Neg, Over, Var, constant, product
from bptt_trace.engine.formula_walks import children
from bptt_trace.engine.functions import ln
from bptt_trace.engine.names import Role
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import (
    Case,
    added,
    misconception,
)


@misconception(
    "square-forgotten",
    say("the square is forgotten"),
    say("A squared error is the square of the difference: it is never negative."),
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
    say("log to the base 10"),
    say("The logarithm of a cross-entropy is the natural one, ln."),
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
    say("the sum instead of the mean"),
    say("The loss of this sheet is the mean: its terms, and every gradient, carry the factor 1/T (or 1/N)."),
)
def _mean_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    for count, mean in _counts(case):
        if mean and (_is_total(case, step, count) or _is_error(case, step)):
            yield product(Const(Fraction(count)), case.formula(position))


@misconception(
    "mean-for-sum",
    say("the mean instead of the sum"),
    say("The loss of this sheet is the sum of its terms: nothing is divided by their number."),
)
def _mean_for_sum(case: Case, position: int, step: Step) -> Iterator[Formula]:
    for count, mean in _counts(case):
        if not mean and (_is_total(case, step, count) or _is_error(case, step)):
            yield product(Const(Fraction(1, count)), case.formula(position))


@misconception(
    "last-loss-only",
    say("the loss of the last step alone"),
    say("The loss has the terms of all time steps (or samples), not the last one alone."),
)
def _last_loss_only(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if any(_is_total(case, step, count) for count, _ in _counts(case)):
        yield Var(step.arguments[-1])


def _counts(case: Case) -> Iterator[tuple[int, bool]]:
    """The number of terms of the loss, and whether the loss is their mean."""
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


@misconception(
    "error-sign",
    say("the sign of the error"),
    say("The derivative of (y - target)^2 has y - target, prediction minus target. The update subtracts it."),
)
def _error_sign(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _is_error(case, step):
        yield product(Const(Fraction(-1)), case.formula(position))


@misconception(
    "two-forgotten",
    say("the 2 of the square is forgotten"),
    say("The derivative of a square is 2 times what is squared; only a factor 1/2 in the loss cancels it."),
)
def _two_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _is_error(case, step) and case.loss.kind == "squared_error" and case.loss.factor != Fraction(1, 2):
        yield product(Const(Fraction(1, 2)), case.formula(position))


@misconception(
    "half-forgotten",
    say("the 1/2 of the loss is forgotten"),
    say("The loss of this sheet has a factor 1/2, which belongs to its value and cancels the 2 of its derivative."),
)
def _half_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.loss.kind == "squared_error" and case.loss.factor == Fraction(1, 2):
        term = step.role is Role.LOSS and not _adds_losses(case, step)
        if term or _is_error(case, step):
            yield product(Const(Fraction(2)), case.formula(position))


@misconception(
    "entropy-of-the-target-forgotten",
    say("the cross-entropy instead of the divergence"),
    say(
        "The divergence compares two distributions, target * ln(target / y): it is 0 where they are equal. A "
        "cross-entropy is not."
    ),
)
def _entropy_of_target_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    for target, y in _divergence(case, position, step):
        yield Neg(added([wanted * Apply(ln, other) for wanted, other in zip(target, y, strict=True)]))


@misconception(
    "divergence-turned-round",
    say("the divergence the other way round"),
    say("The divergence weighs with the target: target * ln(target / y). With y * ln(y / target) it is another number."),
)
def _divergence_turned_round(case: Case, position: int, step: Step) -> Iterator[Formula]:
    for target, y in _divergence(case, position, step):
        yield added([other * Apply(ln, other / wanted) for wanted, other in zip(target, y, strict=True)])


def _divergence(case: Case, position: int, step: Step) -> Iterator[tuple[list[Formula], list[Formula]]]:
    """The targets of a term of the divergence, and the predictions beside them."""
    if case.loss.kind == "kl_divergence" and step.role is Role.LOSS and not _adds_losses(case, step):
        ratios = [part for part in _parts(case.formula(position)) if isinstance(part, Over) and isinstance(part.numerator, Var)]
        yield [ratio.numerator for ratio in ratios], [ratio.denominator for ratio in ratios]


@misconception(
    "entropy-with-slope",
    say("the slope of the output beside a cross-entropy"),
    say("The slope of sigmoid or softmax cancels with the logarithm: the gradient at the logits is prediction minus target."),
)
def _entropy_with_slope(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.loss.of_probabilities and case.loss.gradient == "short" and _is_error(case, step):
        y = next(Var(a) for a in step.arguments if case.steps[a].role in (Role.OUTPUT, Role.HIDDEN))
        yield product(case.formula(position), y, 1 - y)
