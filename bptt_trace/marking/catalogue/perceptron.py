"""Mistakes with one neuron that learns by the perceptron rule."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import Formula, Neg, Sum, Times, Var
from bptt_trace.engine.names import Role
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import Case, misconception


def _error(case: Case, position: int, step: Step) -> tuple[Var, Var] | None:
    """The answer and the target of a line that is their difference; None for any other line."""
    if case.loss.kind != "perceptron" or not case.is_gradient(step) or step.target.stem != "a":
        return None
    match case.formula(position):
        case Sum((Var() as answer, Neg(Var() as target))):
            return answer, target
    return None


@misconception(
    "updated-although-right",
    say("the weights are changed although the answer is right"),
    say(
        "The perceptron rule changes nothing where the answer is right: the input is multiplied by the error, not by the target."
    ),
)
def _updated_although_right(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if error := _error(case, position, step):
        yield Neg(error[1])


@misconception(
    "sum-for-the-answer",
    say("the weighted sum stands for the answer"),
    say(
        "The perceptron rule compares the target with the answer behind the step; the delta rule compares it "
        "with the weighted sum."
    ),
)
def _sum_for_the_answer(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if error := _error(case, position, step):
        before = case.steps[error[0].number].arguments[0]
        yield Var(before) - error[1]


@misconception(
    "bias-not-updated",
    say("the bias is not updated"),
    say("The bias is the weight of an input that is always 1, and learns like every other weight."),
)
def _bias_not_updated(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.UPDATE and step.target.is_bias and case.network.steps is None:
        formula = case.formula(position)
        if isinstance(formula, Sum):
            yield formula.terms[0]


@misconception(
    "rate-times-the-new-weight",
    say("the learning rate multiplies the old weight too"),
    say("The learning rate multiplies the change alone; the old weight is kept whole."),
)
def _rate_times_the_new_weight(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is not Role.UPDATE or case.loss.kind != "perceptron":
        return
    match case.formula(position):
        case Sum((old, Neg(Times((Var() as rate, change))))):
            yield rate * (old - change)
