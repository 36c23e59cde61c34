"""The update: the new parameters."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.mathematics import MathRow, Put, Symbol
from bptt_trace.document.sentences import inline, to_say
from bptt_trace.document.sheet import Block, Equation, Equations, Lines, Paragraph, Part
from bptt_trace.engine.names import Name, Role, gradient
from bptt_trace.lines.parts_of_sheet import Parts
from bptt_trace.worked_solution import update_notes
from bptt_trace.worked_solution.update_formulas import clipping, recipe
from bptt_trace.worked_solution.writer import Writer


def update(writer: Writer) -> Iterator[Block]:
    """The new parameters."""
    parts, options = writer.parts, writer.update_of
    if not parts.updates:
        return
    if options.clip:
        yield Paragraph(inline("Clipping: {rule}.", rule=clipping(options, writer.desk.speller)))
    if options.rule == "gd" and not options.decay and not options.clip and not options.schedule:
        p, eta, slope = Symbol("p"), *map(writer.desk.speller.math, (Name("eta"), gradient(Name("p"))))
        rule = MathRow(Put("prime", p), " = ", p, " - ", eta, " * ", slope)
        yield Paragraph(inline("For every parameter {p}: {rule}", p=Symbol("p"), rule=rule))
    else:
        clipped = to_say("For every parameter {p} with the gradient {g} (clipped):")
        pattern = clipped if options.clip else to_say("For every parameter {p} with the gradient {g}:")
        lead = inline(pattern, p=Symbol("p"), g=Symbol("g"))
        yield Equations(lead, tuple(Equation(left, (Part(right),)) for left, right in recipe(options, writer.desk.speller)))
    yield from changes(writer, parts)
    if not options.decay:
        yield from writer.said(update_notes.update_check, writer.desk, writer.desk.parts)


def changes(writer: Writer, parts: Parts) -> Iterator[Block]:
    """The lines from the clipping to the new parameters."""
    board = writer.board
    if parts.clipping:
        yield Lines(inline("Clipping"), board.stream(parts.clipping, writer.labels.of))
    steps = board.steps
    if all(steps[position].role is Role.UPDATE for position in parts.updates):
        yield Lines(inline("All parameters"), board.stream(parts.updates, writer.labels.of))
        return
    group: list[int] = []
    for position in parts.updates:
        group.append(position)
        if steps[position].role is Role.UPDATE:
            name = steps[position].target._replace(updated=False, iteration=1)
            yield Lines(inline("Parameter {name}", name=writer.desk.speller.math(name)), board.stream(group, writer.labels.of))
            group = []
