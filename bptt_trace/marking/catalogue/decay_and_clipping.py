"""Mistakes of weight decay, of clipping, and of what is updated when."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import ONE, Apply, Const, Extreme, Formula, Neg, Power, Sum, Var, product
from bptt_trace.engine.formula_walks import rewrite
from bptt_trace.engine.functions import sqrt
from bptt_trace.engine.names import LOSS, Name, Role
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import MOST_STEPS, Case, added, misconception, replaced, simplified, swapped, terms_of
from bptt_trace.marking.catalogue.updates import decays, is_rate, part_of_rule, rate_at, rule_of_update


@misconception(
    "decay-without-the-rate",
    say("the weight decay without the learning rate"),
    say("Decoupled weight decay takes eta * lambda * p from the parameter; the learning rate is in it."),
)
def _decay_without_rate(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if step.role is Role.UPDATE and decays(case, "decoupled") and isinstance(formula, Sum):
        old, decay, *others = formula.terms
        yield Sum((old, simplified(replaced(decay, lambda n: ONE if is_rate(case, n) else None)), *others))


@misconception(
    "decay-in-the-gradient",
    say("the weight decay in the gradient"),
    say("On this sheet weight decay is decoupled: it stands in the line of the new parameter, and no gradient has it."),
)
def _decay_in_gradient(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not decays(case, "decoupled"):
        return
    formula = case.formula(position)
    if step.role is Role.UPDATE and isinstance(formula, Sum) and rule_of_update(case) != "gd":
        old, _, *others = formula.terms
        yield Sum((old, *others))
    elif part_of_rule(step) in ("m", "v", "step"):
        whole = Name(step.target.below, step.target.layer, None, step.target.index)
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
    return step.target.of == LOSS or part_of_rule(step) == "clipped"


@misconception(
    "decay-beside-the-step",
    say("the weight decay beside the step"),
    say("On this sheet weight decay is L2: lambda * p is added to the gradient before the rule takes it."),
)
def _decay_beside_step(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not decays(case, "l2") or rule_of_update(case) == "gd":
        return  # in plain descent both are the same
    formula = case.formula(position)
    if part_of_rule(step) == "g":
        yield terms_of(formula)[0]
    elif step.role is Role.UPDATE and isinstance(formula, Sum):
        old, *others = formula.terms
        rate, factor = Var(rate_at(case, step.target.iteration)), Var(case.program.index[Name("lambda")])
        yield Sum((old, Neg(rate * factor * old), *others))


@misconception(
    "clipped-one-by-one",
    say("each parameter is clipped by its own norm"),
    say("One norm is taken of all gradients together, and all are scaled by the same factor: their direction stays."),
)
def _clipped_one_by_one(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _clips(case, step) == "norm":
        whole = Name(step.target.below, step.target.layer, None, (), None, step.target.iteration)
        squares = case.find(whole._replace(stem=f"squares_{whole.stem}"))
        if squares is not None:
            norm, bound = Apply(sqrt, Var(squares)), Var(case.program.index[Name("clip")])
            yield bound / Extreme("max", (norm, bound)) * Var(step.arguments[1])


@misconception(
    "clipped-number-by-number",
    say("every number is clipped by itself"),
    say("Clipping by the norm scales all numbers by one factor; it does not cut each of them off."),
)
def _clipped_by_number(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _clips(case, step) in ("norm", "parameter"):
        bound, slope = Var(case.program.index[Name("clip")]), Var(step.arguments[1])
        yield Extreme("max", (Neg(bound), Extreme("min", (bound, slope))))


def _clips(case: Case, step: Step) -> str:
    return case.problem.update.clip if part_of_rule(step) == "clipped" and case.problem.update else ""


@misconception(
    "clipping-after-the-update",
    say("the update uses the gradients before clipping"),
    say("Clipping comes before the update: every line of the update has the clipped gradient."),
)
def _clipping_after_update(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.UPDATE or part_of_rule(step) in ("m", "v", "g", "step"):

        def unclipped(number: int) -> Formula | None:
            other = case.steps[number]
            return Var(other.through) if part_of_rule(other) == "clipped" and other.through is not None else None

        yield from swapped(case.formula(position), unclipped)


@misconception(
    "online-for-batch",
    say("the parameters were updated after each sample"),
    say("A batch update takes the gradients of all samples at the same old parameters, and changes these once."),
)
def _online_for_batch(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update, network = case.problem.update, case.network
    if network.samples is None or update is None or update.rule != "gd" or update.decay or update.clip:
        return
    sample = step.target.sample
    if step.target.iteration > 1 or (network.steps or 1) * network.samples > MOST_STEPS:
        return
    eta = Var(rate_at(case, 1))
    scale = Const(Fraction(network.samples if case.loss.over_batch == "mean" else 1))
    if step.role is Role.UPDATE:
        whole = case.by_sample.get(step.arguments[0], [])
        if whole:
            yield Var(step.arguments[0]) - product(eta, scale, added([Var(part) for _, part in whole]))
    elif sample is not None and sample > 1 and case.of_parameter(step) is None:

        def moved(number: int) -> Formula | None:
            parts: list[Formula] = [Var(part) for of, part in case.by_sample.get(number, ()) if of < sample]
            return Var(number) - product(eta, scale, added(parts)) if parts else None

        yield from swapped(case.formula(position), moved)


@misconception(
    "batch-for-online",
    say("the old parameters for every sample"),
    say("Online, each sample is calculated with the parameters that the sample before it has left."),
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

    yield from swapped(case.formula(position), old)


@misconception(
    "old-parameters-again",
    say("the old parameters in the new forward pass"),
    say("The loss after the update is calculated with the new parameters, all of them."),
)
def _old_parameters_again(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if update and step.target.iteration > update.iterations:

        def old(number: int) -> Formula | None:
            target = case.steps[number].target
            position = case.find(target._replace(updated=False)) if target.updated else None
            return None if position is None else Var(position)

        yield from swapped(case.formula(position), old)
