"""Numbers and lists in words."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from bptt_trace.document.mathematics import Math, Relation
from bptt_trace.document.sentences import Inline, in_a_row, inline, joined, say
from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.names import LOSS
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.spelling import Speller
from bptt_trace.problem.rounding import GRADIENTS, Rounding

NUMBER_WORDS = (
    say("no"), say("one"), say("two"), say("three"), say("four"), say("five"), say("six"), say("seven"), say("eight"),
    say("nine"), say("ten"), say("eleven"), say("twelve"),
)  # fmt: skip


def in_words(count: int) -> str:
    """A small number as a word."""
    return NUMBER_WORDS[count] if count < len(NUMBER_WORDS) else str(count)


def listed(items: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *others, last = items
    return say("{others} and {last}", others=joined(say(", "), others), last=last) if others else last


def named(names: Sequence[str | Math]) -> Inline:
    """Names, or words, in a row of words: ``a, b and c``."""
    *others, last = names
    return inline("{others} and {last}", others=in_a_row(say(", "), others), last=last) if others else (last,)


def kept_digits(rounding: Rounding, speller: Speller) -> Inline:
    """The digits that results keep: ``4 decimals (3 for h, 6 for L)``."""
    if not rounding.places_of:
        return (rounding.precision.words,)
    own, rest = [one for one in rounding.places_of if one[0] != GRADIENTS], dict(rounding.places_of).get(GRADIENTS)
    others = [inline("{places} for {quantity}", places=places, quantity=speller.math(name)) for name, places in own]
    if rest is not None:
        every = not any(name.of == LOSS for name, _ in own)
        others.append(
            inline("{places} for {quantity}", places=rest, quantity=say("gradients") if every else say("other gradients"))
        )
    return inline("{digits} ({others})", digits=rounding.precision.words, others=in_a_row(say(", "), others))


def readable(desk: Desk) -> bool:
    """Whether numbers are short enough to be calculated with in a sentence."""
    return desk.values.rounding.policy != "exact"


def full_line(desk: Desk, position: int, *, with_name: bool = True) -> Math:
    """A step as one chain of equations: ``name = formula = numbers = value``."""
    row = desk.row(position)
    # A given number that is shown with fewer digits is not equal to what is shown.
    other = isinstance(desk.steps[position].formula, Var) and _differs(row.numbers, row.result)
    sign = " ~ " if row.relation != "=" or other else " = "
    same = row.formula == row.numbers or not desk.steps[position].arguments
    sides = [row.name] * with_name + [row.formula] * (not same)
    return Relation(*sides, Relation(row.numbers, row.result, sign=sign))


def _differs(one: Math, other: Math) -> bool:
    """Whether two printed numbers are not the same number: 0.25 and 0.3, but not 0.5 and 0.5000."""
    try:
        return Fraction(one.text) != Fraction(other.text)
    except ValueError:
        return True


def summed(terms: Sequence[Formula]) -> Formula:
    """The sum of terms, as a formula in which they stand in this order."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
