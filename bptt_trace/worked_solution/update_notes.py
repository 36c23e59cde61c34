"""Sentences on the update and the loss after it."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.mathematics import inline
from bptt_trace.document.sheet import Note
from bptt_trace.engine.names import LOSS, Name, Role, gradient
from bptt_trace.lines.parts_of_sheet import Parts
from bptt_trace.lines.rows import Desk
from bptt_trace.lines.spelling import clock_at
from bptt_trace.worked_solution.backward_notes import name_of
from bptt_trace.worked_solution.forward_notes import goes_downhill
from bptt_trace.worked_solution.wording import in_words, listed


def recurrent_weight(desk: Desk) -> Iterator[Note]:
    """Which memory the gradient of w_hh multiplies."""
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
        later = "step 2" if desk.last_time == 2 else "the later steps"
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
    yield Note("Memory", (*text, *never))


def update_check(desk: Desk, parts: Parts) -> Iterator[Note]:
    """Which parameters rise and which fall."""
    changes = [desk.change(position) for position in parts.updates if desk.steps[position].role is Role.UPDATE]
    if not {"rises", "falls"} & set(changes):
        return
    verbs = {"rises": "rise", "falls": "fall", "stays": "stay", "rounded": "are only rounded"}
    met = [(changes.count(one), one, several) for one, several in verbs.items() if one in changes]
    if len(met) == 1 and len(changes) > 1:
        here = f"{'both' if len(changes) == 2 else f'all {in_words(len(changes))}'} {met[0][2]}"
    elif len(met) == 1:
        here = f"it {met[0][1]}"
    else:
        alone = {"rounded": "is only rounded"}
        here = listed([f"{in_words(count)} {alone.get(one, one) if count == 1 else many}" for count, one, many in met])
    yield Note("Check", (f"A negative gradient makes its parameter rise, a positive one makes it fall; here {here}.",))


def new_loss(desk: Desk) -> Iterator[Note]:
    """Whether the step went downhill."""
    last = desk.parts.last
    online = desk.problem.update is not None and desk.problem.update.online
    # Where samples take turns, the last one is looked at again.
    before = desk.find(LOSS._replace(iteration=last if online else 1))
    after = desk.find(LOSS._replace(iteration=last + 1))
    if before is None or after is None or desk.parts.ahead:
        return  # a loss of look-ahead parameters is not that before the update
    printed = desk.printed(after) - desk.printed(before)
    unrounded = desk.reference.numbers[after] - desk.reference.numbers[before]
    falls, rises = unrounded < 0, unrounded > 0
    if bool(printed < 0) != falls or bool(printed > 0) != rises:
        verdict = f"Rounding hides the change: at full precision the loss {'falls' if falls else 'rises' if rises else 'stays'}."
    elif falls:
        verdict = "The loss falls: the step went downhill." if last == 1 else "The loss falls."
    elif rises and last == 1 and goes_downhill(desk):
        verdict = "The loss rises: the step was too long, and a smaller learning rate would do."
    elif rises:
        verdict = "The loss rises."
    else:
        verdict = "The loss stays the same."
    yield Note(
        "Check",
        inline(
            "{when} {new} ({line}; {before}: {old}). {verdict}",
            when="With the new parameters" if last == 1 else f"After {in_words(last)} updates",
            before="before" if last == 1 else "before the last" if online else "before the first",
            new=desk.equals(after),
            line=desk.line(after),
            old=desk.value(before),
            verdict=verdict,
        ),
    )
