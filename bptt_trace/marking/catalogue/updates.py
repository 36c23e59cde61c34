"""Mistakes of updates: their sign and learning rate, and the lines of optimizers."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import ONE, ZERO, Apply, Extreme, Formula, Neg, Over, Power, Sum, Times, Var, product
from bptt_trace.engine.formula_walks import children, rewrite
from bptt_trace.engine.functions import absolute
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import Case, added, misconception, replaced, simplified, swapped, terms_of
from bptt_trace.networks.optimizers import BETA_1, BETA_2, COMMON, COUNTING, powered


@misconception(
    "uphill",
    say("the update goes uphill"),
    say("Gradient descent goes against the gradient: p' = p - eta * dL/dp."),
)
def _uphill(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.UPDATE and isinstance(formula := case.formula(position), Sum) and isinstance(formula.terms[-1], Neg):
        yield Sum((*formula.terms[:-1], formula.terms[-1].operand))


@misconception(
    "learning-rate-forgotten",
    say("the learning rate is missing"),
    say("A step has the length eta * dL/dp, not dL/dp."),
)
def _learning_rate_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    plain = step.role is Role.UPDATE and rule_of_update(case) == "gd" and not decays(case, "decoupled")
    if plain or part_of_rule(step) == "step":  # of momentum there are mistakes of their own about it
        yield from map(simplified, swapped(case.formula(position), lambda n: ONE if is_rate(case, n) else None))


def is_rate(case: Case, position: int) -> bool:
    """Whether a quantity is a learning rate."""
    return case.steps[position].target.stem in ("eta", "rate")


@misconception(
    "step-for-parameter",
    say("the step instead of the new parameter"),
    say("The new parameter is the old one minus the step eta * dL/dp."),
)
def _step_for_parameter(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.UPDATE and isinstance(formula := case.formula(position), Sum) and isinstance(formula.terms[-1], Neg):
        yield formula.terms[-1].operand
        yield formula.terms[-1]


# ----------------------------------------------------- optimizers and clipping


def part_of_rule(step: Step) -> str:
    """The letter of an optimizer's line: ``v`` of ``v_w_hh``."""
    return step.target.letter if step.role is Role.STATE else ""


def rule_of_update(case: Case) -> str:
    """The rule of the update; empty without an update."""
    return case.problem.update.rule if case.problem.update else ""


def decays(case: Case, how: str) -> bool:
    """Whether the update has weight decay of this kind: ``l2`` or ``decoupled``."""
    return case.problem.update is not None and case.problem.update.decay == how


@misconception(
    "bias-correction-forgotten",
    say("Adam without its bias correction"),
    say(
        "Both means of Adam begin at 0 and are too small at first: mhat = m / (1 - beta_1^k) and vhat = v / (1 - beta_2^k) "
        "set that right."
    ),
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
    """The k of a line: its iteration, counted on from the iterations of the given state."""
    return step.target.iteration + (case.problem.update.done if case.problem.update else 0)


@misconception(
    "bias-correction-without-power",
    say("the bias correction without its power"),
    say("The bias correction has the power of the iteration: 1 - beta^k, and 1 - beta in the first iteration only."),
)
def _correction_without_power(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.target.iteration > 1:
        yield from _with_power(case, position, step, 1)


@misconception(
    "iterations-counted-from-0",
    say("the iterations of Adam are counted from 0"),
    say("The iterations of Adam are counted from 1: the first correction has beta^1, the third beta^3."),
)
def _counted_from_0(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.target.iteration > 2:
        yield from _with_power(case, position, step, _count(case, step) - 1)


@misconception(
    "iterations-counted-by-parameter",
    say("the iterations of Adam are counted on with every parameter"),
    say("The k of Adam counts iterations: it is the same for all parameters of one update."),
)
def _counted_by_parameter(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not any(_corrections(case, position, step)) or part_of_rule(step) in COMMON:
        return
    same = [
        other.target
        for other in case.steps
        if part_of_rule(other) == part_of_rule(step) and other.target.iteration == step.target.iteration
    ]
    before, each = same.index(step.target), len(same)
    count = (_count(case, step) - 1) * each + before + 1
    if count != _count(case, step):
        yield from _with_power(case, position, step, count)


@misconception(
    "iterations-counted-anew",
    say("the iterations are counted anew"),
    say("The state on this sheet has iterations behind it, and the k of the bias correction goes on from them."),
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
    say("Adam with a bias correction"),
    say("On this sheet m and v are used as they are, without the division by 1 - beta^k."),
)
def _corrected_all_the_same(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if update is None or update.corrected or part_of_rule(step) != "step":
        return

    def corrected(number: int) -> Formula | None:
        beta = {"m": BETA_1, "v": BETA_2, "vmax": BETA_2}.get(part_of_rule(case.steps[number]))
        if beta is None:
            return None
        return Var(number) / (ONE - powered(Var(case.program.index[beta]), step.target.iteration))

    yield replaced(case.formula(position), corrected)


@misconception(
    "mean-without-looking-ahead",
    say("the mean of Adam in Nadam"),
    say("Nadam takes a step ahead: the mean and the gradient itself both go into mhat."),
)
def _mean_of_adam(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if rule_of_update(case) == "nadam" and part_of_rule(step) == "mhat":
        mean = next(Var(number) for number in step.arguments if part_of_rule(case.steps[number]) == "m")
        yield mean / (ONE - powered(Var(case.program.index[BETA_1]), _count(case, step)))


@misconception(
    "latest-for-the-largest",
    say("the mean square itself instead of the largest so far"),
    say("AMSGrad keeps the largest mean square so far, so that no step grows again."),
)
def _latest_for_largest(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if part_of_rule(step) == "vmax" and isinstance(formula := case.formula(position), Extreme):
        yield formula.parts[1]


@misconception(
    "mean-for-the-larger",
    say("a running mean instead of the larger of two"),
    say("Adamax takes the larger of beta_2 * u and the size of the gradient: u = max(beta_2 * u, |g|), and adds nothing up."),
)
def _mean_for_larger(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if part_of_rule(step) == "u" and isinstance(formula := case.formula(position), Extreme):
        kept, size = formula.parts
        yield kept + (ONE - Var(case.program.index[BETA_2])) * size


@misconception(
    "sign-of-the-gradient-kept",
    say("the gradient instead of its size"),
    say("Adamax compares sizes: the gradient enters u without its sign, as |g|."),
)
def _sign_kept(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if part_of_rule(step) == "u" and isinstance(case.formula(position), Extreme):
        yield rewrite(
            case.formula(position), lambda part: part.argument if isinstance(part, Apply) and part.function is absolute else None
        )


@misconception(
    "changes-forgotten",
    say("Adadelta without the root of the changes"),
    say("Adadelta divides two roots: that of the mean square of its changes by that of the gradients."),
)
def _changes_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if part_of_rule(step) == "delta":
        formula = case.formula(position)
        yield rewrite(formula, lambda part: Over(ONE, part.denominator) if isinstance(part, Over) else None)


@misconception(
    "state-begins-at-0",
    say("the state begins at 0"),
    say("This optimizer does not begin anew: its first means and velocities are made from those that are given."),
)
def _state_begins_at_0(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.STATE and step.target.iteration == 1:

        def nothing(number: int) -> Formula | None:
            given = case.steps[number]
            return ZERO if given.rule is None and given.target.time == 0 else None

        yield from swapped(case.formula(position), nothing)


@misconception(
    "gradient-not-ahead",
    say("the gradient where the parameters stand"),
    say("Who looks ahead takes the gradient at p - beta * v: every line of the forward pass uses those parameters."),
)
def _gradient_not_ahead(case: Case, position: int, step: Step) -> Iterator[Formula]:
    def plain(number: int) -> Formula | None:
        used = case.steps[number]
        return Var(used.arguments[0]) if part_of_rule(used) == "ahead" else None

    yield from swapped(case.formula(position), plain)


@misconception(
    "velocity-as-a-mean",
    say("the velocity with the factor 1 - beta"),
    say("On this sheet the whole gradient is added to the velocity: v = beta * v + g. Other books take (1 - beta) * g."),
)
def _velocity_as_mean(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if _is_velocity(case, step) and update and update.velocity == "sum":
        old, push = terms_of(case.formula(position))
        yield old + (ONE - Var(_beta(case))) * push


@misconception(
    "velocity-as-a-sum",
    say("the velocity without the factor 1 - beta"),
    say("On this sheet the velocity is a running mean: v = beta * v + (1 - beta) * g. Other books add the whole gradient."),
)
def _velocity_as_sum(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if _is_velocity(case, step) and update and update.velocity == "mean":
        old, push = terms_of(case.formula(position))
        assert isinstance(push, Times)
        yield old + product(*(factor for factor in push.factors if not isinstance(factor, Sum)))


def _is_velocity(case: Case, step: Step) -> bool:
    return part_of_rule(step) == "v" and case.problem.update is not None and case.problem.update.rule in ("momentum", "nesterov")


def _beta(case: Case) -> int:
    return case.program.index[Name("beta")]


def rate_at(case: Case, iteration: int) -> int:
    """The learning rate of an iteration."""
    for name in (Name("rate", iteration=iteration), Name("eta", iteration=iteration), Name("eta")):
        position = case.find(name)
        if position is not None:
            return position
    raise KeyError(iteration)


@misconception(
    "rate-inside-the-velocity",
    say("the learning rate inside the velocity"),
    say("On this sheet the velocity has no learning rate; the step has it: p' = p - eta * v."),
)
def _rate_inside(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if update and update.rule == "momentum" and update.rate == "outside":
        formula = case.formula(position)
        if _is_velocity(case, step):
            old, push = terms_of(formula)
            yield old + Var(rate_at(case, step.target.iteration)) * push
        elif step.role is Role.UPDATE:
            yield simplified(replaced(formula, lambda n: ONE if is_rate(case, n) else None))


@misconception(
    "rate-outside-the-velocity",
    say("the learning rate outside the velocity"),
    say("On this sheet the velocity has the learning rate in it, v = beta * v + eta * g; the step is v itself."),
)
def _rate_outside(case: Case, position: int, step: Step) -> Iterator[Formula]:
    update = case.problem.update
    if update and update.rule == "momentum" and update.rate == "inside":
        formula = case.formula(position)
        if _is_velocity(case, step):
            old, push = terms_of(formula)
            yield old + simplified(replaced(push, lambda n: ONE if is_rate(case, n) else None))
        elif step.role is Role.UPDATE and isinstance(formula, Sum) and isinstance(formula.terms[-1], Neg):
            taken = Var(rate_at(case, step.target.iteration)) * formula.terms[-1].operand
            yield Sum((*formula.terms[:-1], Neg(taken)))


@misconception(
    "epsilon-under-the-root",
    say("epsilon under the root"),
    say("On this sheet epsilon stands beside the root: sqrt(v) + epsilon."),
)
def _epsilon_inside(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if part_of_rule(step) == "step" and isinstance(formula, Over) and isinstance(formula.denominator, Sum):
        root, epsilon = formula.denominator.terms
        if isinstance(root, Apply):
            yield Over(formula.numerator, Apply(root.function, root.argument + epsilon))


@misconception(
    "epsilon-beside-the-root",
    say("epsilon beside the root"),
    say("On this sheet epsilon stands under the root: sqrt(v + epsilon)."),
)
def _epsilon_outside(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if part_of_rule(step) == "step" and isinstance(formula, Over) and isinstance(root := formula.denominator, Apply):
        *inner, epsilon = terms_of(root.argument)
        if inner:
            yield Over(formula.numerator, Apply(root.function, added(inner)) + epsilon)


@misconception(
    "square-of-the-gradient-forgotten",
    say("the gradient instead of its square"),
    say("The mean (or sum) of squares takes the square of the gradient."),
)
def _gradient_not_squared(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if (part_of_rule(step) == "v" and not _is_velocity(case, step)) or (
        part_of_rule(step) == "u" and rule_of_update(case) == "adadelta"
    ):
        yield rewrite(case.formula(position), lambda part: part.base if isinstance(part, Power) else None)
