"""The footer: distance from full precision, source, contradictions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, Decimal

from bptt_trace.document.mathematics import Math, Number
from bptt_trace.document.sentences import inline, say
from bptt_trace.document.sheet import Note
from bptt_trace.engine.names import Name
from bptt_trace.lines.desk import Desk
from bptt_trace.problem.problem import Problem
from bptt_trace.problem.rounding import Precision


def drift(desk: Desk) -> Iterator[Note]:
    """The distance of a sheet calculated by hand from full precision."""
    if desk.values.rounding.policy == "carry":
        yield from _contradictions(desk)
    if desk.values.rounding.policy != "by_hand":
        return
    exact, here = desk.reference.numbers, desk.values.numbers
    line_of = desk.line_of
    lines = [p for p in range(len(desk.steps)) if line_of[p]]
    apart = [abs(exact[position] - float(here[position])) for position in lines]
    nearly = max(apart, default=0.0) * (1 - 1e-6)
    # Floating point finds the few that are furthest away, decimals the one among them.
    far = [position for position, distance in zip(lines, apart, strict=True) if distance >= nearly]
    worst = max(far, key=lambda position: abs(Decimal(exact[position]) - here[position]), default=None)
    if worst is None:
        return
    # A smaller distance is the error of double precision itself.
    if all(distance <= 1e-12 * abs(exact[position]) for position, distance in zip(lines, apart, strict=True)):
        yield Note(say("Rounding"), inline("No result differs from full precision."))
        return
    # Fifteen digits of a double are free of its noise, so that 0.0000125 is a tie.
    distance = abs(Context(prec=15).create_decimal_from_float(exact[worst]) - here[worst])
    if distance < 1e-12 * max(1.0, abs(exact[worst])):
        yield Note(say("Rounding"), inline("Every result agrees with full precision to 12 decimals."))
        return
    yield Note(
        say("Rounding"),
        inline(
            "The largest distance of a result from full precision is {distance} ({line}: {here} here, {there} unrounded).",
            distance=_plain(f"{Context(prec=2, rounding=ROUND_HALF_UP).plus(distance)}"),
            line=desk.line(worst),
            here=desk.value(worst),
            there=_plain(_finer(exact[worst], desk.precision(worst), float(distance))),
        ),
    )


def source(problem: Problem) -> Iterator[Note]:
    """The source of the numbers."""
    cited = problem.citation
    if cited is not None:
        where = f" ({cited.url})" if cited.url else ""
        note = f" {cited.note}" if cited.note else ""
        yield Note(say("Source"), (f"{cited.title}{where}.{note}",))


def errata(desk: Desk) -> Iterator[Note]:
    """The misprints of the source, each with the right unrounded value, to two figures more than the source has."""
    cited = desk.problem.citation
    for key, (why, printed) in cited.errata.items() if cited else ():
        position = desk.find(Name.parse(key))
        if position is None:
            continue
        if not printed:
            yield Note(
                say("Erratum"),
                inline("{quantity} is wrong in the source: {why}.", quantity=desk.line(position), why=why.rstrip(".")),
            )
            continue
        figures = min(max(len(Decimal(printed).as_tuple().digits) + 2, 4), 12)
        yield Note(
            say("Erratum"),
            inline(
                "The source has {printed} for {quantity} ({line}); right is {right}, unrounded: {why}.",
                printed=_plain(printed),
                quantity=desk.name(position),
                line=desk.line(position),
                right=_plain(f"{desk.reference.numbers[position]:.{figures}g}"),
                why=why.rstrip("."),
            ),
        )


def _finer(number: float, precision: Precision, distance: float) -> str:
    """A number with two digits more than the sheet shows, or as many as make its distance visible."""
    leading = math.floor(math.log10(abs(number) or 1)) + 1
    visible = leading + 1 - math.floor(math.log10(distance))
    usual = precision.digits if precision.significant else leading + precision.digits
    return f"{number:.{min(max(1, usual + 2, visible), 17)}g}"


def _plain(text: str) -> Math:
    return Number(f"{Decimal(text):f}")


def _contradictions(desk: Desk) -> Iterator[Note]:
    lines = [p for p in range(len(desk.steps)) if desk.line_of[p]]
    marked = sum(1 for p in lines if desk.row(p).relation != "=")
    if not marked:
        yield Note(say("Rounding"), inline("On every line the printed digits give the printed result."))
        return
    yield Note(
        say("Rounding"),
        inline(
            "On {marked} of {lines} lines the printed digits do not give the printed result; they are marked with ≈.",
            marked=marked,
            lines=len(lines),
        ),
    )
