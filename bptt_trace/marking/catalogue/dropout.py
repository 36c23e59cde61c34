"""Mistakes with dropout: in what is kept, in its scale, and on the way back."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import Const, Formula, Times, Var
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import Case, misconception, product_of


def _factors(case: Case, position: int, step: Step) -> tuple[Formula, ...]:
    """The factors of a line in which a mask stands; none of any other line."""
    formula = case.formula(position)
    masked = any(case.steps[argument].target.stem == "mask" for argument in step.arguments)
    return formula.factors if masked and isinstance(formula, Times) else ()


@misconception(
    "dropout-mask-forgotten",
    say("the mask is left out"),
    say("What dropout drops is 0 going forward, and no gradient comes back through it."),
)
def _mask_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    factors = _factors(case, position, step)
    kept = [factor for factor in factors if not (isinstance(factor, Var) and case.steps[factor.number].target.stem == "mask")]
    if len(kept) < len(factors):
        yield product_of(kept)


@misconception(
    "dropout-not-scaled",
    say("what dropout keeps is not scaled"),
    say("What is kept is divided by the share that is kept, so that the sum is the same on average; the gradient is too."),
)
def _dropout_not_scaled(case: Case, position: int, step: Step) -> Iterator[Formula]:
    factors = _factors(case, position, step)
    kept = [factor for factor in factors if not isinstance(factor, Const)]
    if len(kept) < len(factors):
        yield product_of(kept)


@misconception(
    "mask-turned-round",
    say("what is dropped and what is kept are exchanged"),
    say("1 in a mask keeps a value, and 0 drops it."),
)
def _mask_turned_round(case: Case, position: int, step: Step) -> Iterator[Formula]:
    factors = _factors(case, position, step)
    masks = [factor for factor in factors if isinstance(factor, Var) and case.steps[factor.number].target.stem == "mask"]
    # Where a value is dropped, the same number comes out of no mask at all.
    if masks and case.problem.given[case.steps[masks[0].number].target].value:
        yield product_of([1 - factor if factor in masks else factor for factor in factors])
