"""Several iterations on a sheet: those that are printed in full, and a table and a figure of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from bptt_trace.document.figures import Bar, Bars
from bptt_trace.document.mathematics import NOTHING, MathRow, Number, Relation, Symbol
from bptt_trace.document.sentences import Inline, in_a_row, inline, inline_many, say, to_say
from bptt_trace.document.sheet import Column, Note, Table
from bptt_trace.engine.names import LOSS, Name
from bptt_trace.errors import ProblemError
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.rows import Rows
from bptt_trace.networks.optimizers import Update

IN_FULL_UP_TO = 3
"""Iterations that are all printed in full; of more, the first and the last."""
MOST_ROWS = 12
"""Iterations that a table has; of more, it has some."""
MOST_BARS = 16
MOST_PARAMETERS = 8
"""Parameters with a column of their own."""


def shown(text: str, last: int) -> frozenset[int]:
    """The iterations that ``--show`` asks for: ``auto``, ``all``, ``none``, or numbers and ``last`` with commas.

    >>> sorted(shown("1,2,last", 9))
    [1, 2, 9]

    Raises ``ProblemError`` for anything else, and for iterations that are not there.
    """
    match text:
        case "auto":
            return frozenset(range(1, last + 1)) if last <= IN_FULL_UP_TO else frozenset({1, last})
        case "all":
            return frozenset(range(1, last + 1))
        case "none":
            return frozenset()
    found = set()
    for word in text.split(","):
        plain = word.strip()
        if plain == "last":
            found.add(last)
        elif plain.isascii() and plain.isdigit() and 1 <= int(plain[:9]) <= last:
            found.add(int(plain[:9]))
        else:
            count = f"numbers from 1 to {last}" if last > 1 else "1 (there is one iteration)"
            raise ProblemError(f"{word!r} is no iteration; {count}, last, all or none are possible", path="show")
    return frozenset(found)


def picked(last: int, most: int) -> list[int]:
    """Some of the iterations 1 … ``last``, evenly spread, with the first and the last."""
    if last <= most:
        return list(range(1, last + 1))
    return sorted({1 + round(place * (last - 1) / (most - 1)) for place in range(most)})


class Course:
    """The course of loss and parameters over the iterations."""

    def __init__(self, desk: Desk, board: Rows) -> None:
        self.desk, self.board = desk, board
        self.last = desk.parts.last
        update = desk.problem.update
        assert update is not None
        self.update = update
        self.parameters = [desk.steps[position].target for position in desk.parts.parameters]

    def table(self) -> Iterator[Table]:
        """Loss and parameters at the beginning of each iteration, and after the last; closed forms are too long for any."""
        if self.desk.values.rounding.policy == "exact":
            return
        desk = self.desk
        told = self.parameters if len(self.parameters) <= MOST_PARAMETERS else []
        losses = bool(desk.parts.forward.losses)
        columns = [Column((Symbol("k"),), right=True)]
        columns += [Column(inline("sample"), right=True)] * bool(self.update.online)
        columns += [Column(inline("loss {loss}", loss=desk.speller.math(LOSS)), right=True, strong=True)] * losses
        columns += [Column((desk.speller.math(name),), right=True) for name in told]
        rows: list[tuple[Inline, ...]] = []
        for k in [*picked(self.last, MOST_ROWS), self.last + 1]:
            after = k > self.last
            cells: list[Inline] = [(Number(k),)]
            if self.update.online:
                of = self.last if after else k  # the last sample is looked at again
                cells.append((str((of - 1) % self.update.online + 1),))
            if losses:
                cells.append(self._value(LOSS._replace(iteration=k)))
            cells += [self._value(self.before(name, k)) for name in told]
            rows.append(tuple(cells))
        pattern = (
            to_say(
                "Before each iteration {k}; the last row, after all of them; every loss but the last is that of the look-ahead "
                "parameters"
            )
            if self.update.look_ahead
            else to_say("Before each iteration {k}; the last row, after all of them")
        )
        title = inline(pattern, k=Symbol("k"))
        if losses or told:
            yield Table(tuple(columns), rows, title)

    def before(self, name: Name, k: int) -> Name:
        """A parameter as it is at the beginning of an iteration."""
        if k == 1 or self.desk.find(name._replace(updated=True)) is None:
            return name
        return name._replace(updated=True, iteration=k - 1)

    def _value(self, name: Name) -> Inline:
        position = self.desk.find(name)
        return inline("none") if position is None else (self.desk.value(position),)

    def figure(self) -> Iterator[Bars]:
        """The loss by iteration."""
        desk = self.desk
        if not desk.parts.forward.losses or desk.values.rounding.policy == "exact":
            return
        picks = [*picked(self.last, MOST_BARS - 1), self.last + 1]
        positions = {k: desk.find(LOSS._replace(iteration=k)) for k in picks}
        sizes = {k: _size(desk.value(p).text) for k, p in positions.items() if p is not None}
        highest = max(sizes.values(), default=Decimal(0))
        if any(size < 0 for size in sizes.values()):
            return  # a loss that may be negative has no bars
        bars: list[Bar] = []
        for k, size in sizes.items():
            position = positions[k]
            assert position is not None
            if bars and k - 1 not in sizes:
                bars.append(Bar(MathRow("…"), NOTHING, dots=True))
            height = int((size * 1000 / highest).to_integral_value()) if highest else 0
            bars.append(Bar(desk.name(position), desk.value(position), (("sum", height),)))
        told = in_a_row(say("; "), [Relation(bar.name, bar.value) for bar in bars if not bar.dots])
        alternative = inline("The loss by iteration: {told}.", told=told)
        yield Bars("loss-by-iteration", inline("The loss by iteration"), tuple(bars), alternative)

    def said(self) -> Iterator[Note]:
        """Whether every iteration lowered the loss; unknown for samples that take turns."""
        if self.update.online or not self.desk.parts.forward.losses:
            return
        numbers = [self.desk.comparable(self.desk.program.index[LOSS._replace(iteration=k)]) for k in range(1, self.last + 2)]
        rises = [k for k in range(1, self.last + 1) if numbers[k] > numbers[k - 1]]
        if not rises:
            yield Note(say("Progress"), inline("No iteration raises the loss."))
        elif len(rises) <= 3:
            which = ", ".join(map(str, rises))
            several = inline_many("Iteration {k} raises the loss.", "Iterations {k} raise the loss.", len(rises), k=which)
            yield Note(say("Progress"), several)
        else:
            yield Note(say("Progress"), inline("{rises} of {last} iterations raise the loss.", rises=len(rises), last=self.last))


def _size(text: str) -> Decimal:
    """The number that is printed; 0 where none is."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)


def title(update: Update, k: int) -> str:
    """The title of a section about one iteration, with its sample where samples take turns."""
    if update.told:
        return say("Update {k}", k=k)
    sample = (k - 1) % update.online + 1 if update.online else 0
    return say("Iteration {k}, sample {sample}", k=k, sample=sample) if sample else say("Iteration {k}", k=k)
