"""The tables and sentences on a text that is read letter by letter."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.mathematics import Number, Symbol
from bptt_trace.document.sentences import Inline, inline, joined, say, to_say
from bptt_trace.document.sheet import Column, Table, turned
from bptt_trace.engine.names import Name
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.rows import Rows
from bptt_trace.networks.forward_pass import Letters

MOST_LETTERS = 8
"""Letters of a vocabulary, or of a text, that have a column of their own."""
MOST_ROWS = 60
"""Time steps that the table of letters has."""


def alphabet(desk: Desk, letters: Letters) -> Inline:
    """The place of each letter, and the meaning of a product with a letter."""
    x, weight = desk.speller.math(Name("x", time=1)), desk.speller.math(Name("W_xh"))
    places = ", ".join(f"{place} {letters.letter(place - 1)}" for place in range(1, len(letters.vocabulary) + 1))
    rows = desk.program.rows
    first = letters.letter(letters.text[0])
    said = inline("a letter is a column with 1 at its place ({places}): {x} is {first}", places=places, x=x, first=first)
    if Name("W_xh") not in desk.problem.network.shapes():
        if rows:
            return said + inline("; a product with it takes one row of the matrix")
        return said + inline("; a product with it takes one column of the matrix")
    of_rows = to_say("; its product with {weight} is one row of {weight}, so nothing is multiplied")
    of_columns = to_say("; its product with {weight} is one column of {weight}, so nothing is multiplied")
    return said + inline(of_rows if rows else of_columns, weight=weight)


def reading(desk: Desk, board: Rows, letters: Letters) -> Table:
    """The letter that is read at each time step, and the letter that should follow."""
    columns = [
        Column(inline("time {t}", t=Symbol("t"))),
        Column(inline("letter")),
        Column((desk.speller.seen_from(Name("x", time=1), 1),)),
    ]
    targets = [board.find(Name("target", time=time)) for time in desk.problem.network.reading]
    if any(target is not None for target in targets):
        columns += [Column(inline("next")), Column((desk.speller.seen_from(Name("target", time=1), 1),))]
    rows: list[tuple[Inline, ...]] = []
    for time, target in zip(desk.problem.network.reading, targets, strict=True):
        assert time is not None
        x = board.find(Name("x", time=time))
        assert x is not None
        row: list[Inline] = [(Number(time),), (letters.letter(letters.text[time - 1]),), (board.value(x),)]
        if len(columns) > 3:
            row += (
                [inline("none"), inline("none")]
                if target is None
                else [(letters.letter(letters.text[time]),), (board.value(target),)]
            )
        rows.append(tuple(row))
    return turned(columns, rows) if len(rows) <= MOST_LETTERS else Table(tuple(columns), rows)


def predicted(desk: Desk, letters: Letters) -> Iterator[Table]:
    """The probability of each letter at each time step, and the likeliest one."""
    network = desk.problem.network
    count = len(letters.vocabulary)
    every = range(count) if count <= MOST_LETTERS else ()
    times = [time for time in network.predicting if time is not None]
    if len(times) > MOST_ROWS or network.outputs != count:
        return
    columns = [Column((Symbol("t"),), right=True), Column(inline("read"))]
    columns += [Column((letters.letter(place),), right=True) for place in every]
    columns += [Column(inline("likeliest"), strong=True), Column(inline("its value"), right=True)] if not every else [
        Column(inline("likeliest"), strong=True)
    ]  # fmt: skip
    compared = desk.find(Name("target", time=times[-1], index=(1,))) is not None
    columns += [Column(inline("next"))] * compared
    rows: list[tuple[Inline, ...]] = []
    for time in times:
        lines = [desk.program.index[network.prediction(time)._replace(index=(place + 1,))] for place in range(count)]
        best = likeliest(desk, lines)
        row: list[Inline] = [(Number(time),), (letters.letter(letters.text[time - 1]),)]
        row += [(desk.value(lines[place]),) for place in every]
        row.append((joined(say(" or "), map(letters.letter, best)),))
        row += [] if every else [(desk.value(lines[best[0]]),)]
        row += [(letters.letter(letters.text[time]),)] * compared
        rows.append(tuple(row))
    yield Table(tuple(columns), rows, inline("Which letter is next"))


def likeliest(desk: Desk, lines: list[int]) -> list[int]:
    """The places of the highest of these lines: one, or several where they are printed alike."""
    highest = max(map(desk.printed, lines))
    return [place for place, line in enumerate(lines) if desk.printed(line) == highest]
