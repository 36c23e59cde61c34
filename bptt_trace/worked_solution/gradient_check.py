"""The section on a gradient check: two passes with a parameter moved a little, and their quotient beside BPTT."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from bptt_trace.document.mathematics import Math, Number
from bptt_trace.document.sentences import inline, say, to_say
from bptt_trace.document.sheet import Block, Lines, Note, Paragraph, Word
from bptt_trace.engine.gradient_check import CHECK, EPSILON
from bptt_trace.engine.names import LOSS, WHOLE_LOSS, Name, gradient
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.rows import Label
from bptt_trace.lines.spelling import plain


def blocks(desk: Desk, *, compact: bool) -> Iterator[Block]:
    """The blocks of the section; none if the problem does not ask for it."""
    passes: list[int] = []
    if desk.parts.checks and not compact:
        yield Paragraph(
            inline(
                "A parameter is moved by {eps} to either side, and what depends on it is calculated again. The quotient of the "
                "difference of the losses and of 2 {eps} comes near the gradient; no rule of differentiation is in it.",
                eps=desk.speller.math(EPSILON),
            )
        )
    for position in desk.parts.checks:
        target = desk.steps[position].target
        if target.of != CHECK:
            passes.append(position)
            continue
        name = desk.speller.math(target._replace(of=None))
        yield Lines(inline("Passes with {name} moved", name=name), desk.stream(passes, _word(desk)))
        yield Lines(inline("Quotient for {name}", name=name), desk.stream([position], _word(desk)))
        passes = []
        if not compact:
            yield from _beside(desk, position, target._replace(of=None))


def _word(desk: Desk) -> Label:
    """The role of a line: the moved parameter, a recalculated line, the loss."""

    def word(position: int, component: int) -> Word:
        del component
        step = desk.steps[position]
        if step.target.of is not None:
            return Word(say("quotient"), short=say("quotient"))
        if step.target.stem == LOSS.stem and step.target._replace(iteration=1) == LOSS:
            return Word(say("loss"))
        return Word(say("moved")) if EPSILON in {desk.steps[p].target for p in step.arguments} else Word(say("again"))

    return word


def _beside(desk: Desk, quotient: int, parameter: Name) -> Iterator[Note]:
    """The distance of the quotient from the gradient, and the effect of rounding the two losses."""
    known = desk.find(gradient(parameter, of=WHOLE_LOSS))
    known = desk.find(gradient(parameter)) if known is None else known
    if known is None or desk.policy not in ("by_hand", "full"):
        return
    difference = abs(Fraction(desk.printed(quotient)) - Fraction(desk.printed(known)))
    pattern = to_say(
        "{quotient} ({line}) and the gradient of BPTT, {gradient} ({other}), are apart by {apart}: by the order of the square of "
        "{eps}."
    )
    shown = {}
    if desk.policy == "by_hand":
        unit = sum(map(_half_a_unit, _losses(desk, quotient)), Fraction(0)) / 2 / desk.problem.given[EPSILON].value
        pattern = to_say(
            "{quotient} ({line}) and the gradient of BPTT, {gradient} ({other}), are apart by {apart}: by the "
            "order of the square "
            "of {eps}, and by rounding: that of the two losses alone can do {unit}."
        )
        shown = {"unit": _brief(unit)}
    yield Note(
        say("Quotient"),
        inline(
            pattern,
            quotient=desk.equals(quotient),
            line=desk.line(quotient),
            gradient=desk.equals(known),
            other=desk.line(known),
            apart=_brief(difference),
            eps=desk.speller.math(EPSILON),
            **shown,
        ),
    )


def _losses(desk: Desk, quotient: int) -> list[Decimal]:
    """The two losses of a quotient, rounded by hand."""
    arguments = desk.steps[quotient].arguments
    return [desk.values.numbers[p] for p in arguments if desk.steps[p].target.stem == LOSS.stem]


def _half_a_unit(value: Decimal) -> Fraction:
    """Half a unit of the last digit that is kept of a number."""
    return Fraction(10) ** int(value.as_tuple().exponent) / 2


def _brief(size: Fraction) -> Math:
    """Two figures of a size."""
    return Number(plain(Decimal(f"{float(size):.2g}")))
