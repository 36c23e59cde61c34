"""Losses: from predictions and targets to steps of a program.

The loss of every prediction is a line; with several samples or time steps,
their sums or means are further lines, up to ``L``. If textbooks have a shorter
derivative than the chain rule through these lines, a loss also gives a route
for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from bptt_trace.engine.activation_parser import comparison
from bptt_trace.engine.formula import ONE, Apply, Const, Entry, Formula, Neg, Shape, Total, Var, product
from bptt_trace.engine.formula_walks import rewrite, variables
from bptt_trace.engine.functions import Function, ln, sigmoid, softmax
from bptt_trace.engine.gradients import RESULT, Route, adjoint
from bptt_trace.engine.names import LOSS, Name, Role
from bptt_trace.engine.program import Builder, Step
from bptt_trace.engine.rules import Rule, rule_of
from bptt_trace.errors import DesignError


@dataclass(frozen=True)
class Loss:
    """The loss that is minimised, with the conventions on which textbooks differ."""

    kind: str = "squared_error"
    """``squared_error``, ``cross_entropy`` and ``kl_divergence`` (after softmax), ``binary_cross_entropy`` (after sigmoid),
    ``perceptron`` (after a step): (y − target) · a, ``output``: the prediction is itself the loss (exercises on ∂h_T/∂w),
    ``equation``: the loss of each output is ``equation``, ``above``: the gradients of some quantities are handed in,
    ``graph``: the last line of an expression graph, or ``none``: a forward pass only."""
    factor: Fraction = Fraction(1)
    """The factor of every term: 1, or 1/2 for the half squared error."""
    over_time: str = "mean"
    """``mean`` or ``sum`` of the terms of the time steps."""
    over_units: str = "sum"
    """``mean`` or ``sum`` of the terms of the output units."""
    over_batch: str = "mean"
    """``mean`` or ``sum`` of the losses of the samples."""
    gradient: str = "short"
    """For a cross-entropy: ``short`` (``y − target`` at the pre-activation) or ``long`` (through ∂L/∂y)."""
    equation: str = ""
    """An expression in ``y_t`` and ``target_t``."""

    @property
    def has_target(self) -> bool:
        """Whether the prediction is compared with a target."""
        if self.kind == "equation":
            return any(variable.number == 1 for variable in variables(comparison(self.equation)))
        return self.kind not in ("output", "above", "graph", "none")

    @property
    def over_classes(self) -> bool:
        """Whether the prediction is a distribution over classes, and its loss one line."""
        return self.kind in ("cross_entropy", "kl_divergence")

    @property
    def of_probabilities(self) -> bool:
        """Whether the prediction is one or several probabilities, so that there are a short and a long gradient."""
        return self.over_classes or self.kind == "binary_cross_entropy"

    @property
    def is_error(self) -> bool:
        """Whether it is known to be never negative."""
        return self.kind in ("squared_error", "cross_entropy", "binary_cross_entropy")


class Compared(NamedTuple):
    """A prediction and its target at one time step."""

    time: int | None
    prediction: Var
    target: Var | None
    numbers: tuple[Fraction, ...]
    """The components of the target; a cross-entropy omits the terms of components that are exactly 0."""


def write(
    builder: Builder,
    loss: Loss,
    samples: Mapping[int | None, Sequence[Compared]],
    single: bool,
    iteration: int = 1,
) -> dict[int, Route]:
    """Write the lines of the loss, up to ``L``; return the routes for the backward pass.

    ``samples`` has the predictions of each sample of a batch; without a batch
    its only key is None. With ``single`` each sample has one prediction, whose
    loss has no time.
    """
    total = LOSS._replace(iteration=iteration)
    routes: dict[int, Route] = {}
    if loss.kind == "none":
        return routes
    wholes: list[int] = []
    for number, sample in samples.items():
        whole = total._replace(sample=number)
        terms: list[int] = []
        for compared in sample:
            name = whole if single else whole._replace(time=compared.time)
            terms.append(_term(builder, loss, name, compared, routes))
        wholes.append(terms[0] if single else builder.sum(whole, terms, Role.LOSS, _mean(loss.over_time, terms, "T")))
    if None not in samples:
        builder.sum(total, wholes, Role.LOSS, _mean(loss.over_batch, wholes, "N"))
    return routes


def handed_in(builder: Builder, pairs: Sequence[tuple[Var, Var]], iteration: int = 1) -> None:
    """The line L = Σ g · q of quantities q whose gradients g are handed in: it has just these gradients.

    Source: a vector–Jacobian product as the gradient of a scalar, as ``torch.autograd.backward(q, g)`` has it.
    """
    terms = [Total(given * quantity) if given.shape else given * quantity for quantity, given in pairs]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    builder.let(LOSS._replace(iteration=iteration), total, Role.LOSS)


def _mean(how: str, terms: Sequence[int], symbol: str) -> Formula | None:
    return ONE / Const(Fraction(len(terms)), symbol) if how == "mean" else None


def _term(builder: Builder, loss: Loss, name: Name, compared: Compared, routes: dict[int, Route]) -> int:
    """Write the loss of one prediction, after the terms of its units if it has several; return its position."""
    _, y, target, numbers = compared
    filled = (y.number,) if target is None else (y.number, target.number)
    if loss.kind == "perceptron":
        filled = (*filled, builder.steps[y.number].arguments[0])
    lines: list[int] = []
    for unit, (rule, sources) in enumerate(_rules(loss, y.shape, _pattern(loss, numbers)), start=1):
        term = name._replace(index=(unit,)) if y.shape and not loss.over_classes else name
        lines.append(builder.fill(term, rule, tuple([filled[source] for source in sources]), Role.LOSS))
    line = lines[0] if not y.shape or loss.over_classes else builder.sum(name, lines, Role.LOSS)
    route = _route(builder.steps, loss, y, filled)
    if route is not None:
        routes[line] = route
    return line


def _pattern(loss: Loss, numbers: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    """The components of a target that determine the formula of its line; for a squared error or an equation none do."""
    return (Fraction(2),) * len(numbers) if loss.kind in ("squared_error", "equation", "perceptron") else numbers


@lru_cache(maxsize=1024)
def _rules(loss: Loss, shape: Shape, numbers: tuple[Fraction, ...]) -> list[tuple[Rule, tuple[int, ...]]]:
    """The rules of the lines of one prediction; each is filled by 0, the prediction, and 1, its target."""
    y, target, scale = Var(0, shape), Var(1, shape), _scale(loss, shape)
    if loss.kind == "perceptron":
        # The perceptron criterion: its gradient at the pre-activation is y − target, and 0 where the answer is right.
        # Source: Bishop, *Pattern Recognition and Machine Learning* (2006), for targets 0 and 1 as for ±1.
        forms: list[Formula] = [(y - target) * Var(2)]
    elif loss.kind == "equation":
        units = [(y, target)] if not shape else [(Entry(y, i), Entry(target, i)) for i in range(shape[0])]
        forms = [_compared(loss, *both) for both in units]
    elif not loss.has_target:
        forms = [y]
    elif loss.kind == "cross_entropy":
        forms = [_entropy(y, target, numbers)]
    elif loss.kind == "kl_divergence":
        forms = [_divergence(y, target, numbers)]
    elif not shape:
        forms = [_of_one_unit(loss, y, target, numbers[0])]
    else:
        forms = [_of_one_unit(loss, Entry(y, i), Entry(target, i), number) for i, number in enumerate(numbers)]
    return [rule_of(product(scale, form)) for form in forms]


def _scale(loss: Loss, shape: Shape) -> Formula:
    """The exact factor of every term: ``loss.factor``, times 1/K if the K units are averaged."""
    averaged = loss.over_units == "mean" and shape
    return product(Const(loss.factor), ONE / Const(Fraction(shape[0]), "K")) if averaged else Const(loss.factor)


def _of_one_unit(loss: Loss, y: Formula, target: Formula, number: Fraction) -> Formula:
    """The loss of one output unit.

    (y − target)²: Goodfellow, Bengio and Courville, *Deep Learning* (2016),
    sec. 5.1.4. −(target · ln y + (1 − target) · ln(1 − y)): ibid., sec. 6.2.2.2.
    """
    if loss.kind == "squared_error":
        return (y - target) ** 2
    if number == 1:
        return Neg(Apply(ln, y))
    if number == 0:
        return Neg(Apply(ln, 1 - y))
    return Neg(target * Apply(ln, y) + (1 - target) * Apply(ln, 1 - y))


def _compared(loss: Loss, y: Formula, target: Formula) -> Formula:
    """The user's own loss of one output."""
    return rewrite(comparison(loss.equation), lambda part: (y, target)[part.number] if isinstance(part, Var) else None)


def _slope_of_equation(loss: Loss, shape: Shape) -> Formula:
    """The slope of the user's own loss in the prediction, entry by entry, in the prediction (0) and the target (1)."""
    form = comparison(loss.equation)
    rule, filled = rule_of(form)
    back = adjoint(rule, filled.index(0), ONE)
    column = {0: Var(0, shape), 1: Var(1, shape)}

    def own(part: Formula) -> Formula | None:
        return column[part.number] if isinstance(part, Var) else None

    def put(part: Formula) -> Formula | None:
        if not isinstance(part, Var):
            return None
        source = back.sources[part.number]
        return rewrite(form, own) if source == RESULT else column[filled[source]]

    return rewrite(back.rule.formula, put)


def _entropy(y: Var, target: Var, numbers: Sequence[Fraction]) -> Formula:
    """−Σ target_i · ln y_i, over the classes whose target is not 0.

    Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), sec. 6.2.2.3.
    """
    classes = [index for index, number in enumerate(numbers) if number]
    if [numbers[index] for index in classes] == [1]:
        return Neg(Apply(ln, Entry(y, classes[0])))
    terms = [Entry(target, index) * Apply(ln, Entry(y, index)) for index in classes]
    return Neg(sum(terms[1:], start=terms[0]))


def _divergence(y: Var, target: Var, numbers: Sequence[Fraction]) -> Formula:
    """Σ target_i · ln(target_i / y_i), written for the classes that the target has; the slope is that of the cross-entropy.

    Source: Kullback and Leibler (1951); Goodfellow, Bengio and Courville, *Deep Learning* (2016), sec. 3.13.
    """
    classes = [place for place, number in enumerate(numbers) if number]
    terms = [Entry(target, place) * Apply(ln, Entry(target, place) / Entry(y, place)) for place in classes]
    return sum(terms[1:], start=terms[0])


def _route(steps: Sequence[Step], loss: Loss, y: Var, filled: tuple[int, ...]) -> Route | None:
    """The route from the loss of one prediction, if it is not the chain rule through its line.

    The short gradient of a cross-entropy leaves the prediction out; the long one is its alternative.
    """
    slope = _slope(loss, y.shape)
    if slope is None:
        return None
    if loss.kind == "perceptron":
        return Route(filled[2], slope, filled, y.number)
    if loss.kind in ("squared_error", "equation") or loss.gradient == "long":
        return Route(y.number, slope, filled)
    logits = _logits(steps, y, softmax if loss.over_classes else sigmoid)
    return Route(logits, slope, filled, y.number, _route(steps, replace(loss, gradient="long"), y, filled))


@lru_cache(maxsize=64)
def _slope(loss: Loss, shape: Shape) -> Formula | None:
    """The slope of the backward pass in prediction (0) and target (1), if it is not the chain rule through the line.

    y − target: Bishop, *Pattern
    Recognition and Machine Learning* (2006), sec. 5.3.1.
    """
    y, target = Var(0, shape), Var(1, shape)
    slope: Formula | None = None
    if loss.kind == "squared_error":
        slope = product(Const(Fraction(2)), y - target) if shape else None
    elif loss.kind == "perceptron":
        slope = y - target
    elif loss.kind == "equation":
        slope = _slope_of_equation(loss, shape) if shape else None
    elif loss.of_probabilities:
        if loss.gradient == "short":
            slope = y - target
        elif loss.over_classes:
            slope = Neg(target / y)
        elif shape:
            slope = (y - target) / (y * (1 - y))
    return None if slope is None else product(_scale(loss, shape), slope)


def _logits(steps: Sequence[Step], y: Var, function: Function) -> int:
    """The pre-activation of a prediction."""
    step = steps[y.number]
    formula = step.rule.formula if step.rule else None
    if isinstance(formula, Apply) and formula.function is function:
        return step.arguments[0]
    if function is softmax and len(step.arguments) == 2:  # exponentials and their sum are lines of their own
        return steps[step.arguments[0]].arguments[0]
    raise DesignError(f"{step.target} is no {function.name}")
