"""Mistakes with sequences that two networks read: an encoder and a decoder, or both directions."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import ZERO, Formula, Var
from bptt_trace.engine.names import BACKWARD, DECODER, ENCODER, Role, word_and_number
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import Case, misconception, swapped


@misconception(
    "encoder-gets-nothing",
    say("the gradient stops between decoder and encoder"),
    say("The decoder starts from the last state of the encoder: by that state the gradient goes back into the encoder."),
)
def _encoder_gets_nothing(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if case.is_gradient(step) and step.through is not None:
        words = [word_and_number(name.layer)[0] for name in (step.target, case.steps[step.through].target)]
        if words == [ENCODER, DECODER]:
            yield ZERO


@misconception(
    "backward-reader-forwards",
    say("both directions read from the first step on"),
    say("The second direction reads the sequence from its last step to its first: its state at t comes from t + 1."),
)
def _backward_reader_forwards(case: Case, position: int, step: Step) -> Iterator[Formula]:
    here, last = step.target, case.network.steps
    if step.role not in (Role.PREACTIVATION, Role.HIDDEN) or word_and_number(here.layer)[0] != BACKWARD:
        return
    if here.time is None or last is None:
        return

    def before(number: int) -> Formula | None:
        target = case.steps[number].target
        if not case.is_carried(number, here) or here.time is None:
            return None
        name = target._replace(time=here.time - 1 or last + 1)
        if here.time == 1:  # given numbers are the same in every pass, and perhaps for every sample
            name = name._replace(iteration=1)
        elif here.time == last:
            name = name._replace(iteration=here.iteration, sample=here.sample)
        there = case.find(name) if name in case.program.index else case.find(name._replace(sample=None))
        return None if there is None else Var(there)

    yield from swapped(case.formula(position), before)


@misconception(
    "wrong-end-of-the-backward-reader",
    say("the second direction is read at its first step"),
    say("The second direction reads the last step first: when it has seen the whole sequence, its state is the one of step 1."),
)
def _wrong_end_of_the_backward_reader(case: Case, position: int, step: Step) -> Iterator[Formula]:
    reader = step if step.role in (Role.PREACTIVATION, Role.OUTPUT) else None
    if case.is_gradient(step) and step.through is not None and case.of_parameter(step) is not None:
        reader = case.steps[step.through]
    last = case.network.steps
    if reader is None or reader.target.time != last or word_and_number(reader.target.layer)[0] == BACKWARD:
        return

    def at_its_start(number: int) -> Formula | None:
        target = case.steps[number].target
        if target.stem != "h" or word_and_number(target.layer)[0] != BACKWARD or target.time == last:
            return None
        return None if (there := case.find(target._replace(time=last))) is None else Var(there)

    yield from swapped(case.formula(position), at_its_start)
