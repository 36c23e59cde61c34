"""Sentences on the update and the loss after it."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.sentences import inline, say, say_many, to_say, to_say_many
from bptt_trace.document.sheet import Note
from bptt_trace.engine.names import LOSS, Name, Role, gradient
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.parts_of_sheet import Parts
from bptt_trace.lines.spelling import clock_at
from bptt_trace.worked_solution.backward_notes import name_of
from bptt_trace.worked_solution.forward_notes import goes_downhill
from bptt_trace.worked_solution.wording import in_words, listed


def recurrent_weight(desk: Desk) -> Iterator[Note]:
    """The memory that the gradient of w_hh multiplies."""
    first = desk.find(gradient(Name("w_hh"), Name("a", time=1)))
    h_0 = desk.find(Name("h", time=0))
    if first is None or h_0 is None or desk.last_time < 2:
        return
    never = inline(
        " It multiplies {before}, the memory before the step, never {now}.",
        before=desk.speller.math(Name("h", time=0), clock_at(1)),
        now=desk.speller.math(Name("h", time=1), clock_at(1)),
    )
    w = name_of(desk, Name("w_hh"))
    if desk.numbers[h_0] == 0:
        later = say("step 2") if desk.last_time == 2 else say("the later steps")
        text = inline(
            "{line} is 0 because {h_0}: at step 1 there was nothing to remember, so {w} can only be blamed for {later}.",
            line=desk.line(first).capitalize(),
            h_0=desk.equals(h_0),
            w=w,
            later=later,
        )
    elif desk.printed(first) != 0:
        text = inline("{w} is blamed for step 1 too, because {h_0} was there to be remembered.", w=w, h_0=desk.equals(h_0))
    else:
        return  # something else let nothing through
    yield Note(say("Memory"), text + never)


def update_check(desk: Desk, parts: Parts) -> Iterator[Note]:
    """The parameters that rise, and those that fall."""
    changes = [desk.change(position) for position in parts.updates if desk.steps[position].role is Role.UPDATE]
    if not {"rises", "falls"} & set(changes):
        return
    met = [(changes.count(change), change) for change in _CHANGES if change in changes]
    if len(met) == 1:
        alone, both, every = _ALIKE[met[0][1]]
        here: str = alone if len(changes) == 1 else both if len(changes) == 2 else say(every, n=in_words(len(changes)))
    else:
        here = listed([say_many(*_CHANGES[one], count, n=in_words(count)) for count, one in met])
    yield Note(
        say("Check"),
        inline("A negative gradient makes its parameter rise, a positive one makes it fall; here {here}.", here=here),
    )


_CHANGES = {
    "rises": to_say_many("{n} rises", "{n} rise"),
    "falls": to_say_many("{n} falls", "{n} fall"),
    "stays": to_say_many("{n} stays", "{n} stay"),
    "rounded": to_say_many("{n} is only rounded", "{n} are only rounded"),
}
"""The words for the change of one parameter, and of several."""
_ALIKE = {
    "rises": (say("it rises"), say("both rise"), to_say("all {n} rise")),
    "falls": (say("it falls"), say("both fall"), to_say("all {n} fall")),
    "stays": (say("it stays"), say("both stay"), to_say("all {n} stay")),
    "rounded": (say("it rounded"), say("both are only rounded"), to_say("all {n} are only rounded")),
}
"""The change of the only parameter, of both, or of all."""


def new_loss(desk: Desk) -> Iterator[Note]:
    """Whether the step went downhill."""
    last = desk.parts.last
    online = desk.problem.update is not None and desk.problem.update.online
    # Where samples take turns, the last one is looked at again.
    before = desk.find(LOSS._replace(iteration=last if online else 1))
    after = desk.find(LOSS._replace(iteration=last + 1))
    if before is None or after is None or desk.parts.ahead:
        return  # a loss of look-ahead parameters is not that before the update
    printed = desk.comparable(after) - desk.comparable(before)
    unrounded = desk.reference.numbers[after] - desk.reference.numbers[before]
    falls, rises = unrounded < 0, unrounded > 0
    if bool(printed < 0) != falls or bool(printed > 0) != rises:
        hidden = say("Rounding hides the change: at full precision the loss stays.")
        lower = say("Rounding hides the change: at full precision the loss falls.")
        verdict = lower if falls else say("Rounding hides the change: at full precision the loss rises.") if rises else hidden
    elif falls:
        verdict = say("The loss falls: the step went downhill.") if last == 1 else say("The loss falls.")
    elif rises and last == 1 and goes_downhill(desk):
        verdict = say("The loss rises: the step was too long, and a smaller learning rate would do.")
    elif rises:
        verdict = say("The loss rises.")
    else:
        verdict = say("The loss stays the same.")
    yield Note(
        say("Check"),
        inline(
            "{when} {new} ({line}; {before}: {old}). {verdict}",
            when=say("With the new parameters") if last == 1 else say("After {last} updates", last=in_words(last)),
            before=say("before") if last == 1 else say("before the last") if online else say("before the first"),
            new=desk.equals(after),
            line=desk.line(after),
            old=desk.value(before),
            verdict=verdict,
        ),
    )
