"""Sampling by argmax: each letter that is read is the likeliest one of the step before.

Which column of the input weights a step takes depends on the result of the step
before, so the text grows by one letter at a time. What comes out is a problem
like any other: a forward pass over the text that the network has written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.document.notation import TEXT
from bptt_trace.document.sentences import say
from bptt_trace.engine.names import LOSS, Name, Role
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import ProblemError
from bptt_trace.lines.spelling import Shown
from bptt_trace.networks.forward_pass import Letters
from bptt_trace.networks.losses import Loss
from bptt_trace.problem.numbers import Number
from bptt_trace.problem.problem import Problem

NOTHING = Number(Fraction(0), "0")
HOT = Number(Fraction(1), "1")


def sampled(problem: Problem, first: str, count: int, *, updated: bool = False) -> Problem:
    """The forward pass in which the network writes ``count`` letters behind ``first``, its likeliest one each time.

    Of letters that are printed equally likely, the first of the vocabulary is taken. ``updated`` takes the
    parameters after the last update, as printed. Raises ``ProblemError`` for a problem without letters, for a
    letter that is not in its vocabulary, and where predictions are no letters.
    """
    letters = _letters(problem, first)
    given = {**_needed(problem), **(_updated(problem) if updated else {})}
    text = [letters.vocabulary.index(first)]
    while len(text) <= count:
        text.append(_likeliest(_reading(problem, given, letters, (*text, text[-1]))))
    return _reading(problem, given, letters, tuple(text))


def _letters(problem: Problem, first: str) -> Letters:
    network = problem.network
    letters = network.letters
    if letters is None:
        raise ProblemError("there are no letters; given.text makes a network read and write them", path="given")
    if network.outputs != len(letters.vocabulary) or network.bidirectional or network.feedback == "target":
        raise ProblemError("a network that writes letters has an output for each, and knows none that follow", path="network")
    if problem.rounding.policy == "exact":
        raise ProblemError("closed forms have no likeliest letter; expected 4dp, carry or full", path="rounding")
    if first not in letters.vocabulary:
        known = ", ".join(letters.vocabulary)
        raise ProblemError(f"{first!r} is not in the vocabulary, which has {known}", path="network.vocabulary")
    return letters


def _updated(problem: Problem) -> Mapping[Name, Number]:
    """The parameters after the last update, as they are printed."""
    if problem.update is None:
        raise ProblemError("the table [update] is missing, so there are no updated parameters", path="")
    program = scalars(build(problem))
    values = evaluate(program, problem.given, problem.rounding)
    texts = Shown(values).bare[TEXT]
    found: dict[Name, Number] = {}
    for position, step in enumerate(program.steps):
        if step.role is Role.UPDATE:
            found[step.target._replace(updated=False, iteration=1)] = Number(Fraction(texts[position]), texts[position])
    return found


def _reading(problem: Problem, given: Mapping[Name, Number], letters: Letters, text: tuple[int, ...]) -> Problem:
    """The forward pass over all letters of a text but its last."""
    columns = {
        Name("x", time=time, index=(place + 1,)): HOT if place == letter else NOTHING
        for time, letter in enumerate(text[:-1], 1)
        for place in range(len(letters.vocabulary))
    }
    network = replace(
        problem.network, letters=replace(letters, text=text), steps=len(text) - 1, every=True, input_gradients=False
    )
    between = "" if all(len(letter) == 1 for letter in letters.vocabulary) else " "
    written = between.join(letters.vocabulary[letter] for letter in text)
    forward = tuple(one for one in problem.rounding.places_of if one[0].of is None and not one[0].updated and one[0] != LOSS)
    rounding = replace(problem.rounding, places_of=forward)
    title, none = say("Sampled by argmax: {written}", written=written), Loss("none")
    given = {**given, **columns}
    return replace(problem, title=title, network=network, given=given, loss=none, update=None, rounding=rounding, citation=None)


def _needed(problem: Problem) -> Mapping[Name, Number]:
    """The given numbers of a forward pass besides its inputs: parameters and initial states."""
    known = {*problem.network.parameters(), *(name for name, _ in problem.network.state)}
    return {name: number for name, number in problem.given.items() if name._replace(index=(), sample=None) in known}


def _likeliest(problem: Problem) -> int:
    """The place of the likeliest letter at the last step, as it is printed."""
    program = scalars(build(problem))
    values = evaluate(program, problem.given, problem.rounding)
    prediction, count = problem.network.prediction(problem.network.steps), problem.network.outputs
    numbers = [values[prediction._replace(index=(place,))] for place in range(1, count + 1)]
    return numbers.index(max(numbers))
