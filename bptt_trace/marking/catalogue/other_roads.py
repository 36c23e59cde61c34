"""Mistakes on the other roads to a gradient: along every path, and in forward mode."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.sentences import say
from bptt_trace.engine.every_path import SUM_OF_PATHS
from bptt_trace.engine.formula import Const, Formula, Over, Sum, Times, Var
from bptt_trace.engine.formula_walks import variables
from bptt_trace.engine.names import LOSS, Role
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import Case, added, misconception, replaced, terms_of, without


def _adds_paths(case: Case, step: Step) -> bool:
    """Whether a line adds up the contributions of paths, losses or uses."""
    of = step.target.of
    return step.role is Role.PATH and of is not None and of.stem in (LOSS.stem, SUM_OF_PATHS.stem) and step.target.time is None


def _sum_in(formula: Formula) -> tuple[Formula, ...]:
    """The terms of a sum, or of the sum that an exact number multiplies."""
    if isinstance(formula, Times) and isinstance(formula.factors[-1], Sum):
        return formula.factors[-1].terms
    return terms_of(formula)


def _with(formula: Formula, terms: tuple[Formula, ...]) -> Formula:
    """The formula with another sum in it."""
    total = added(terms)
    return Times((*formula.factors[:-1], total)) if isinstance(formula, Times) else total


@misconception(
    "path-left-out",
    say("a path is left out"),
    say("Every path from a loss to a use of the weight contributes: the long ones, through several states, too."),
)
def _path_left_out(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _adds_paths(case, step):
        formula = case.formula(position)
        terms = _sum_in(formula)
        if len(terms) > 1:
            yield from (_with(formula, (*terms[:place], *terms[place + 1 :])) for place in range(len(terms)))


@misconception(
    "path-counted-twice",
    say("a path is counted twice"),
    say("Each path contributes once, although several paths have slopes in common."),
)
def _path_counted_twice(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if _adds_paths(case, step):
        formula = case.formula(position)
        terms = _sum_in(formula)
        if len(terms) > 1:
            yield from (_with(formula, (*terms, term)) for term in terms)


@misconception(
    "slope-of-the-wrong-step",
    say("a slope of another time step"),
    say("A path takes the slope of each step that it passes, and every step has its own."),
)
def _slope_of_the_wrong_step(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is not Role.PATH:
        return
    formula = case.formula(position)
    for variable in dict.fromkeys(variables(formula)):
        target = case.steps[variable.number].target
        of = target.of
        if of is None or None in (of.time, target.time):
            continue
        for by in (-1, 1):
            moved = target._replace(time=target.time + by, of=of._replace(time=of.time + by))  # type: ignore[operator]
            other = case.find(moved)
            if other is not None and other != position:
                yield replaced(formula, lambda number, old=variable.number, new=other: Var(new) if number == old else None)  # type: ignore[misc]


@misconception(
    "slopes-added-along-a-path",
    say("the slopes along a path are added"),
    say("Along a path slopes are multiplied; only different paths are added."),
)
def _slopes_added(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if step.role is Role.PATH and step.through is not None and isinstance(formula, Times) and len(formula.factors) > 2:
        yield added(formula.factors)


@misconception(
    "immediate-for-total",
    say("the immediate derivative for the total"),
    say(
        "The state before depends on the weight too: the total derivative adds the slope between the states times its derivative."
    ),
)
def _immediate_for_total(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role not in (Role.PATH, Role.TANGENT) or case.of_parameter(step) is None or _adds_paths(case, step):
        return
    yield from without(case.formula(position), lambda term: _carries(case, term, step))


def _carries(case: Case, term: Formula, step: Step) -> bool:
    """Whether a term is the contribution of an earlier state's derivative."""
    own = step.target.of
    for variable in variables(term):
        other = case.steps[variable.number].target
        if other.of is None or own is None or other._replace(of=None, via=None) != step.target._replace(of=None, via=None):
            continue
        if other.via is None and None not in (other.of.time, own.time) and other.of.time != own.time:
            return True
    return False


@misconception(
    "paths-not-averaged",
    say("the sum of the paths is not divided by T"),
    say("The loss is the mean over time, so each contribution counts with 1/T."),
)
def _paths_not_averaged(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if _adds_paths(case, step) and isinstance(formula, Times) and isinstance(formula.factors[0], Over | Const):
        yield added(_sum_in(formula)) if len(formula.factors) == 2 else Times(formula.factors[1:])
