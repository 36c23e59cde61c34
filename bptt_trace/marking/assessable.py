"""Whether a line that follows from wrong numbers shows that its writer can calculate it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from bptt_trace.document.mathematics import Figures
from bptt_trace.document.sentences import say
from bptt_trace.marking.key import Key
from bptt_trace.marking.marks import FAULTS, RIGHT
from bptt_trace.marking.slips import out_of_range
from bptt_trace.marking.tolerance import HALF, MOST_UNITS

HUGE = 1e6
FEW = 2
"""A number is informative if it is at least this many tolerances away from 0, or from another number."""

LEAST_FILLED = 3
"""From this many answers on, the same number in every box is no coincidence."""

ASTRAY = 3
"""With this many faults for each right line, an answer that follows from wrong numbers may be chance."""

IN_VAIN = 2
"""A number that is wrong in this many boxes, and in no fewer than it follows in, may follow by chance."""

FEWEST_FOR_A_FAULT = 10
"""The fewest answers for each fault with which a line may show the work of another; with fewer it may all be chance."""

DULL_FOR_EACH = 2
"""So many lines that show no work may follow from a fault, for each that shows it."""

NO_RESULT = say(
    "with the earlier wrong numbers this line has no result: a division by 0, or a root or logarithm that does not exist"
)


# ------------------------------------------------------------------- one answer


def from_nowhere(key: Key, written: Mapping[int, float], sources: Sequence[int]) -> str:
    """The reason why a line follows from a number that is no result of its line; empty if it does not."""
    for source in sources:
        if abs(written[source]) > HUGE * max(1.0, abs(key.exact[source])) or out_of_range(key, source, written[source]):
            return say("this follows from a wrong number that its line cannot have, such as a tanh of {z}", z=Figures("1.5"))
    return ""


def says_nothing(
    key: Key, written: Mapping[int, float], position: int, value: float, sources: Sequence[int], reference: float, radius: float
) -> str:
    """The reason why a line that follows from wrong numbers shows no work by itself; empty if it shows some.

    A line shows work if it cannot be filled in without calculating: none of its
    sources is a 0 or ±1 that leaves nothing to calculate (a product is 0 then, a
    sigmoid 0.5), its value is more than a few tolerances away from 0, and it
    does not repeat a source, unless it should. Other lines may show the work
    for it: see ``shown_elsewhere``.
    """
    exact = key.exact[position]
    given = (key.exact[argument] for argument in key.arguments[position] if key.steps[argument].rule is None)
    emptied = {0.0, 1.0, -1.0, float(f"{reference:.1g}"), *given}
    near = HALF * key.quantum[position]
    dull = any(abs(reference - number) <= near < abs(exact - number) for number in emptied)
    if dull and _empties(key, written, sources):
        return say("an earlier wrong 0, 1 or -1 leaves nothing to calculate here")
    room = max(radius, key.quantum[position])
    unit = max(room, 10.0 ** -key.usual[position])
    if abs(reference) <= FEW * room or (MOST_UNITS * abs(reference) < abs(exact) and abs(reference) <= FEW * unit):
        return say("with the earlier wrong numbers any number near 0 would follow here")
    if any(abs(value - written[source]) <= room and abs(exact - key.exact[source]) > FEW * unit for source in sources):
        return say("this only repeats an earlier wrong number")
    return ""


def _empties(key: Key, written: Mapping[int, float], sources: Sequence[int]) -> bool:
    """Whether a source is itself 0 or ±1 where it should not be."""
    return any(
        written[source] in (0.0, 1.0, -1.0) and abs(key.exact[source] - written[source]) > key.quantum[source]
        for source in sources
    )


# -------------------------------------------------------------- the whole sheet


def of_zeros_and_ones(key: Key, positions: Collection[int]) -> bool:
    """Whether at least half of these right results are 0, 1 or -1, as those of a neuron with a step are."""
    return 2 * sum(key.exact[position] in (0.0, 1.0, -1.0) for position in positions) >= len(positions)


def shown_elsewhere(
    dull: Mapping[int, frozenset[int]],
    working: Iterable[frozenset[int]],
    numbers: Mapping[int, Decimal],
    correct: Collection[int],
) -> Iterator[int]:
    """The lines that show no work by themselves, of a sheet on which other lines show it.

    ``dull`` has the faults from which each of these lines follows, ``working`` those of each line that follows and does
    show work. After every one of its faults at least one line must show work for two that do not. Lines that are right
    by themselves count as well where they are ``correct``, of problems whose results are 0 and 1 by nature, and have
    another number: honest results are then 0 and 1, but who goes on with zeros alone has calculated nothing.
    """
    shown = Counter(root for roots in working for root in roots)
    for root in {root for roots in dull.values() for root in roots}:
        hidden = [position for position, roots in dull.items() if root in roots]
        filler = Counter(numbers[position] for position in hidden).most_common(1)[0][0]
        shown[root] += sum(position > root and numbers[position] != filler for position in correct)
        shown[root] = DULL_FOR_EACH * shown[root] - len(hidden)
    return (position for position, roots in dull.items() if all(shown[root] >= 0 for root in roots))


def by_chance(numbers: Mapping[int, Decimal], kinds: Mapping[int, str], followed: Collection[int]) -> dict[int, str]:
    """The answers of a sheet that may be right by chance, each with the reason.

    ``numbers`` and ``kinds`` are the answers and their verdicts by position;
    ``followed`` are the positions of those that follow from wrong ones. Who fills
    in one number everywhere has calculated nothing. On a sheet where hardly any
    line is right, what follows may be chance. So may a number that was tried in
    other boxes and failed there: whoever draws from a few numbers hits sometimes.
    """
    right = [position for position, kind in kinds.items() if kind in RIGHT]
    astray = [position for position, kind in kinds.items() if kind in FAULTS]
    few_right = list(kinds.values()).count("correct") < len(numbers) / 2
    if len(set(numbers.values())) == 1 and len(numbers) >= LEAST_FILLED and (few_right or len(astray) >= LEAST_FILLED):
        return dict.fromkeys(right, say("the same number is in every box"))
    if len(astray) >= max(LEAST_FILLED, ASTRAY * len(right)):
        return dict.fromkeys(followed, say("hardly any line of this sheet is right, or follows from another: this may be chance"))
    failed = Counter(numbers[position] for position in astray)
    hits = Counter(numbers[position] for position in followed if kinds[position] in RIGHT)
    return {
        position: say("this number is wrong in {number} other boxes: here it may follow by chance", number=failed[number])
        for position in followed
        if failed[number := numbers[position]] >= max(IN_VAIN, hits[number])
    }
