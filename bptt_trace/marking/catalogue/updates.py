"""Mistakes with updates: their sign and rate, optimizers, clipping, and what is updated when."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from bptt_trace.engine.formula import ONE, ZERO, Apply, Const, Extreme, Formula, Neg, Over, Power, Sum, Times, Var, product
from bptt_trace.engine.formula_walks import children, rewrite
from bptt_trace.engine.functions import absolute, sqrt
from bptt_trace.engine.names import LOSS, Name, Role
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import MOST_STEPS, Case, added, misconception, replaced, simplified, terms_of
from bptt_trace.networks.optimizers import BETA_1, BETA_2, COMMON, COUNTING, powered


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
            yield simplified(changed)


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


# ----------------------------------------------------- optimizers and clipping


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
    if corrections := list(_corrections(case, position, step)):
        yield rewrite(case.formula(position), lambda part: part.numerator if part in corrections else None)


def _corrections(case: Case, position: int, step: Step) -> Iterator[Over]:
    """The quotients of a line that have the bias correction below them."""

    def corrects(part: Formula) -> bool:
        below = part.denominator if isinstance(part, Over) else None
        return isinstance(below, Sum) and below.terms[0] == ONE and isinstance(below.terms[-1], Neg)

    if case.problem.update is not None and case.problem.update.rule in COUNTING and step.role is Role.STATE:
        yield from (part for part in _within(case.formula(position)) if corrects(part))  # type: ignore[misc]


def _within(formula: Formula) -> Iterator[Formula]:
    """A formula and all of its parts."""
    yield formula
    for part in children(formula):
        yield from _within(part)


def _count(case: Case, step: Step) -> int:
    """The k of a line: its iteration, counted on from those that the given state has behind it."""
    return step.target.iteration + (case.problem.update.done if case.problem.update else 0)


@misconception(
    "bias-correction-without-power",
    "the bias correction without its power",
    "The bias correction has the power of the iteration: 1 - beta^k, and 1 - beta in the first iteration only.",
)
def _correction_without_power(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.target.iteration > 1:
        yield from _with_power(case, position, step, 1)


@misconception(
    "iterations-counted-from-0",
    "the iterations of Adam are counted from 0",
    "The iterations of Adam are counted from 1: the first correction has beta^1, the third beta^3.",
)
def _counted_from_0(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.target.iteration > 2:
        yield from _with_power(case, position, step, _count(case, step) - 1)


@misconception(
    "iterations-counted-by-parameter",
    "the iterations of Adam are counted on with every parameter",
    "The k of Adam counts iterations: it is the same for all parameters of one update.",
)
def _counted_by_parameter(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not any(_corrections(case, position, step)) or _stem(step) in COMMON:
        return
    same = [
        other.target for other in case.steps if _stem(other) == _stem(step) and other.target.iteration == step.target.iteration
    ]
    before, each = same.index(step.target), len(same)
    count = (_count(case, step) - 1) * each + before + 1
    if count != _count(case, step):
        yield from _with_power(case, position, step, count)


@misconception(
    "iterations-counted-anew",
    "the iterations are counted anew",
    "The state on this sheet has iterations behind it, and the k of the bias correction goes on from them.",
)
def _counted_anew(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _count(case, step) != step.target.iteration:
        yield from _with_power(case, position, step, step.target.iteration)


def _with_power(case: Case, position: int, step: Step, count: int) -> Iterator[Formula]:
    """A line whose bias corrections count another iteration."""
    k = _count(case, step)
    corrections = list(_corrections(case, position, step))

    def counted(part: Formula) -> Formula | None:
        if isinstance(part, Power) and isinstance(part.base, Var):
            return powered(part.base, part.exponent - k + count)
        return powered(part, count) if k == 1 and isinstance(part, Var) else None

    def recounted(part: Formula) -> Formula | None:
        if part not in corrections or not isinstance(part, Over):
            return None
        return Over(part.numerator, rewrite(part.denominator, counted))

    changed = rewrite(case.formula(position), recounted)
    if changed != case.formula(position):
        yield changed


@misconception(
    "correction-where-there-is-none",
    "Adam with a bias correction",
    "On this sheet m and v are used as they are, without the division by 1 - beta^k.",
)
def _corrected_all_the_same(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if update is None or update.corrected or _stem(step) != "step":
        return

    def corrected(number: int) -> Formula | None:
        beta = {"m": BETA_1, "v": BETA_2, "vmax": BETA_2}.get(_stem(case.steps[number]))
        if beta is None:
            return None
        return Var(number) / (ONE - powered(Var(case.program.index[beta]), step.target.iteration))

    yield replaced(case.formula(position), corrected)


@misconception(
    "mean-without-looking-ahead",
    "the mean of Adam in Nadam",
    "Nadam takes a step ahead: the mean and the gradient itself both go into mhat.",
)
def _mean_of_adam(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _stem_of_rule(case) == "nadam" and _stem(step) == "mhat":
        mean = next(Var(number) for number in step.arguments if _stem(case.steps[number]) == "m")
        yield mean / (ONE - powered(Var(case.program.index[BETA_1]), _count(case, step)))


@misconception(
    "latest-for-the-largest",
    "the mean square itself instead of the largest so far",
    "AMSGrad keeps the largest mean square so far, so that no step grows again.",
)
def _latest_for_largest(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _stem(step) == "vmax" and isinstance(formula := case.formula(position), Extreme):
        yield formula.parts[1]


@misconception(
    "mean-for-the-larger",
    "a running mean instead of the larger of two",
    "Adamax takes the larger of beta_2 * u and the size of the gradient: u = max(beta_2 * u, |g|), and adds nothing up.",
)
def _mean_for_larger(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _stem(step) == "u" and isinstance(formula := case.formula(position), Extreme):
        kept, size = formula.parts
        yield kept + (ONE - Var(case.program.index[BETA_2])) * size


@misconception(
    "sign-of-the-gradient-kept",
    "the gradient instead of its size",
    "Adamax compares sizes: the gradient enters u without its sign, as |g|.",
)
def _sign_kept(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _stem(step) == "u" and isinstance(case.formula(position), Extreme):
        yield rewrite(
            case.formula(position), lambda part: part.argument if isinstance(part, Apply) and part.function is absolute else None
        )


@misconception(
    "changes-forgotten",
    "Adadelta without the root of the changes",
    "Adadelta divides two roots: that of the mean square of its changes by that of the gradients.",
)
def _changes_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _stem(step) == "delta":
        formula = case.formula(position)
        yield rewrite(formula, lambda part: Over(ONE, part.denominator) if isinstance(part, Over) else None)


@misconception(
    "state-begins-at-0",
    "the state begins at 0",
    "This optimizer does not begin anew: its first means and velocities are made from those that are given.",
)
def _state_begins_at_0(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.STATE and step.target.iteration == 1:

        def nothing(number: int) -> Formula | None:
            given = case.steps[number]
            return ZERO if given.rule is None and given.target.time == 0 else None

        changed = replaced(case.formula(position), nothing)
        if changed != case.formula(position):
            yield changed


@misconception(
    "gradient-not-ahead",
    "the gradient where the parameters stand",
    "Who looks ahead takes the gradient at p - beta * v: every line of the forward pass uses those parameters.",
)
def _gradient_not_ahead(case: Case, position: int, step: Step) -> Iterator[Formula]:
    def plain(number: int) -> Formula | None:
        used = case.steps[number]
        return Var(used.arguments[0]) if _stem(used) == "ahead" else None

    changed = replaced(case.formula(position), plain)
    if changed != case.formula(position):
        yield changed


@misconception(
    "velocity-as-a-mean",
    "the velocity with the factor 1 - beta",
    "On this sheet the whole gradient is added to the velocity: v = beta * v + g. Other books take (1 - beta) * g.",
)
def _velocity_as_mean(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if _is_velocity(case, step) and update and update.velocity == "sum":
        old, push = terms_of(case.formula(position))
        yield old + (ONE - Var(_beta(case))) * push


@misconception(
    "velocity-as-a-sum",
    "the velocity without the factor 1 - beta",
    "On this sheet the velocity is a running mean: v = beta * v + (1 - beta) * g. Other books add the whole gradient.",
)
def _velocity_as_sum(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if _is_velocity(case, step) and update and update.velocity == "mean":
        old, push = terms_of(case.formula(position))
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
            old, push = terms_of(formula)
            yield old + Var(_rate_at(case, step.target.iteration)) * push
        elif step.role is Role.UPDATE:
            yield simplified(replaced(formula, lambda n: ONE if _is_rate(case, n) else None))


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
            old, push = terms_of(formula)
            yield old + simplified(replaced(push, lambda n: ONE if _is_rate(case, n) else None))
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
        *inner, epsilon = terms_of(root.argument)
        if inner:
            yield Over(formula.numerator, Apply(root.function, added(inner)) + epsilon)


@misconception(
    "square-of-the-gradient-forgotten",
    "the gradient instead of its square",
    "The mean (or sum) of squares takes the square of the gradient.",
)
def _gradient_not_squared(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (_stem(step) == "v" and not _is_velocity(case, step)) or (_stem(step) == "u" and _stem_of_rule(case) == "adadelta"):
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
        yield Sum((old, simplified(replaced(decay, lambda n: ONE if _is_rate(case, n) else None)), *others))


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
        yield terms_of(formula)[0]
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
            yield Var(step.arguments[0]) - product(eta, scale, added([Var(part) for _, part in whole]))
    elif sample is not None and sample > 1 and case.of_parameter(step) is None:

        def moved(number: int) -> Formula | None:
            parts: list[Formula] = [Var(part) for of, part in case.by_sample.get(number, ()) if of < sample]
            return Var(number) - product(eta, scale, added(parts)) if parts else None

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
