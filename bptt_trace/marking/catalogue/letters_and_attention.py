"""Mistakes with letters (which column of a matrix one stands for) and with attention (who looks at whom)."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import Apply, Formula, Over, Sum, Times, Var
from bptt_trace.engine.functions import exp, sqrt
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import Case, added, misconception, swapped, terms_of


@misconception(
    "column-of-another-letter",
    say("the column of the letter that follows"),
    say(
        "A letter that is read picks its own column of the input weights. The letter that should follow is "
        "the target, and stands "
        "in the loss alone."
    ),
)
def _column_of_another_letter(case: Case, position: int, step: Step) -> Iterator[Formula]:
    letters, time = case.network.letters, step.target.time
    if letters is None or time is None or step.role is not Role.PREACTIVATION:
        return
    read, stems, at = letters.text[time - 1], _read_by(case), 0 if case.network.rows else 1

    def follows(number: int) -> Formula | None:
        name = case.steps[number].target
        if number not in case.parameters or name.stem not in stems or name.index[at] != read + 1:
            return None
        index = list(name.index)
        index[at] = letters.text[time] + 1
        return Var(case.program.index[name._replace(index=tuple(index))])

    yield from swapped(case.formula(position), follows)


def _read_by(case: Case) -> set[str]:
    """The stems of the matrices that multiply the letters alone."""
    return {stem for stem, shape in case.network.cells[0].parameters.items() if shape[1:] == ("d",)}


# ------------------------------------------------------------------- attention


@misconception(
    "root-of-d-forgotten",
    say("the scores are not divided by the root of d"),
    say(
        "The product of query and key is divided by the root of the number of its terms, and so is every gradient that goes back "
        "through a score."
    ),
)
def _root_of_d_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.network.tokens and (step.target.stem == "score" or (case.is_gradient(step) and step.target.stem in "qk")):
        match case.formula(position):
            case Over(numerator, Apply(function)) if function is sqrt:
                yield numerator


@misconception(
    "mask-forgotten",
    say("the mask is forgotten"),
    say("With a causal mask a token sees itself and those before it: a row of the softmax ends with the token's own score."),
)
def _mask_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    head, target = case.network.tokens, step.target
    if head is None or head.mask != "causal" or step.role is not Role.HIDDEN or target.time is None:
        return
    steps = case.network.steps or 0
    if target.stem not in ("alpha", "context") or target.time == steps:
        return
    scores = [_score(case, target, place) for place in range(1, steps + 1)]
    whole = added([Apply(exp, score) for score in scores])
    if target.stem == "alpha":
        yield Apply(exp, scores[target.index[0] - 1]) / whole
        return
    seen = terms_of(case.formula(position))
    values = [case.find(Name("v", None, place, target.index, target.sample, target.iteration))
              for place in range(target.time + 1, steps + 1)]  # fmt: skip
    late = zip(scores[target.time :], values, strict=True)
    yield added([*seen, *(Apply(exp, score) / whole * Var(value) for score, value in late if value is not None)])


def _score(case: Case, row: Name, place: int) -> Formula:
    """The score of a place in the row of a token: its line, or the formula that it would have."""
    known = case.find(row._replace(stem="score", index=(place,)))
    if known is not None:
        return Var(known)
    units = case.network.hidden[0]
    indices = [(unit,) for unit in range(1, units + 1)] if units > 1 else [()]
    pairs = [
        (case.find(row._replace(stem="q", index=index)), case.find(row._replace(stem="k", index=index, time=place)))
        for index in indices
    ]
    product = added([Var(q) * Var(k) for q, k in pairs if q is not None and k is not None])
    like = case.formula(case.program.index[row._replace(stem="score", index=(1,))])
    return Over(product, like.denominator) if isinstance(like, Over) else product


@misconception(
    "softmax-over-columns",
    say("the softmax goes over the columns"),
    say(
        "A row of the weights belongs to one query and adds up to 1: the sum below goes over the places that this query looks at."
    ),
)
def _softmax_over_columns(case: Case, position: int, step: Step) -> Iterator[Formula]:
    target = step.target
    if target.stem != "alpha" or step.role is not Role.HIDDEN or not target.index:
        return
    own = case.find(target._replace(stem="score"))
    column = [case.find(target._replace(stem="score", time=time)) for time in range(1, (case.network.steps or 0) + 1)]
    found = [Apply(exp, Var(score)) for score in column if score is not None]
    if own is not None and found:
        yield Apply(exp, Var(own)) / added(found)


@misconception(
    "scores-for-weights",
    say("the scores themselves weigh the values"),
    say("The values are weighed by the softmax of the scores, not by the scores."),
    goes_back_to=lambda case, number: case.steps[number].target.stem in ("v", "h"),
)
def _scores_for_weights(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.target.stem == "context" and step.role is Role.HIDDEN:

        def score(number: int) -> Formula | None:
            name = case.steps[number].target
            there = case.find(name._replace(stem="score")) if name.stem == "alpha" else None
            return None if there is None else Var(there)

        yield from swapped(case.formula(position), score)


@misconception(
    "query-for-key",
    say("query and key are exchanged on the way back"),
    say("A score is the product of a query and a key: the gradient of the one has the other as a factor."),
)
def _query_for_key(case: Case, position: int, step: Step) -> Iterator[Formula]:
    stem = step.target.stem
    if case.network.tokens is None or not case.is_gradient(step) or stem not in ("q", "k"):
        return

    def exchanged(number: int) -> Formula | None:
        name = case.steps[number].target
        if name.of is not None or name.stem not in ("q", "k") or name.stem == stem:
            return None
        there = case.find(name._replace(stem=stem))
        return None if there is None else Var(there)

    yield from swapped(case.formula(position), exchanged)


@misconception(
    "slopes-of-the-softmax-on-the-diagonal-alone",
    say("each score is given the gradient of its own weight alone"),
    say("Every weight of a row depends on every score of the row: the gradient of a score adds up what comes by all weights."),
)
def _slopes_on_the_diagonal_alone(case: Case, position: int, step: Step) -> Iterator[Formula]:
    target = step.target
    if not case.is_gradient(step) or target.stem != "score" or not isinstance(formula := case.formula(position), Sum):
        return
    for term in formula.terms:
        names = [case.steps[part.number].target for part in getattr(term, "factors", ()) if isinstance(part, Var)]
        if isinstance(term, Times) and any(name.index == (*target.index, *target.index) for name in names):
            yield term
