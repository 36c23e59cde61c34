"""The section on every path: slopes, the triangle of contributions, immediate and total derivatives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bptt_trace.document.mathematics import Math
from bptt_trace.document.sentences import Inline, inline, say
from bptt_trace.document.sheet import Block, Column, Equation, Equations, Lines, Note, Paragraph, Part, Table, Word
from bptt_trace.engine.every_path import SUM_OF_PATHS, is_one_path
from bptt_trace.engine.names import LOSS, Name, gradient
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.row_words import SUM
from bptt_trace.lines.rows import Label
from bptt_trace.lines.spelling import clock_at
from bptt_trace.pictures.path_picture import longest_path


@dataclass
class Triangle:
    """The lines of one parameter: the contribution of each loss by each use, and the sums."""

    parameter: Name
    lines: list[int] = field(default_factory=list)
    """Paths and entries, in their order."""
    entries: dict[tuple[Name, Name | None], int] = field(default_factory=dict)
    """By loss and use; an entry that is the only one has no use in its name."""
    rows: dict[Name, int] = field(default_factory=dict)
    columns: dict[Name, int] = field(default_factory=dict)
    total: int = -1
    immediate: dict[Name, list[int]] = field(default_factory=dict)
    """By state."""
    totals: dict[Name, int] = field(default_factory=dict)

    @property
    def losses(self) -> list[Name]:
        """The losses from which paths begin."""
        return list(dict.fromkeys(loss for loss, _ in self.entries))

    @property
    def uses(self) -> list[Name]:
        """The lines that use the parameter, the earliest first."""
        return list(dict.fromkeys(use for _, use in self.entries if use is not None))

    @property
    def sums(self) -> list[int]:
        """The lines of row sums, column sums and their total."""
        alone = set(self.entries.values())
        return [p for p in (*self.rows.values(), *self.columns.values(), self.total) if p not in alone]


class Paths:
    """The lines of all paths, by their kind."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        steps = desk.steps
        parameters = {steps[p].target for p in desk.parts.parameters}
        self.slopes: list[int] = []
        self.triangles: dict[Name, Triangle] = {}
        waiting: list[int] = []
        for position in desk.parts.paths:
            target = steps[position].target
            plain = target._replace(of=None, via=None)
            if plain in parameters:
                triangle = self.triangles.setdefault(plain, Triangle(plain))
                self._enter(triangle, position, target, waiting)
                waiting = []
            elif is_one_path(target):
                waiting.append(position)
            else:
                self.slopes.append(position)
        for triangle in self.triangles.values():
            self._known(triangle)

    def _enter(self, triangle: Triangle, position: int, target: Name, paths: Sequence[int]) -> None:
        of, via = target.of, target.via
        assert of is not None
        alone = of == SUM_OF_PATHS and not any(loss != of for loss, _ in triangle.entries)
        through = self.desk.steps[position].through
        if of.stem not in (LOSS.stem, SUM_OF_PATHS.stem):
            if via is not None:
                triangle.immediate.setdefault(of, []).append(position)
            else:
                triangle.totals[of] = position
        elif through is not None and (of.stem == LOSS.stem or alone):
            triangle.lines += [*paths, position]
            triangle.entries[of, via] = position
            if via is None:
                triangle.total = position
        elif of.stem == LOSS.stem:
            triangle.rows[of] = position
        elif via is not None:
            triangle.columns[via] = position
        else:
            triangle.total = position

    def _known(self, triangle: Triangle) -> None:
        """Complete a triangle: a row or a column of one entry is its own sum, and forward mode may have the totals."""
        if triangle.columns:
            for (_, use), position in triangle.entries.items():
                if use is not None:
                    triangle.columns.setdefault(use, position)
        for loss in triangle.losses:
            own = [p for (start, _), p in triangle.entries.items() if start == loss]
            triangle.rows.setdefault(loss, own[0] if len(own) == 1 else triangle.total)
        for state in triangle.immediate:
            if state not in triangle.totals:
                known = self.desk.find(triangle.parameter._replace(of=state))
                if known is not None:
                    triangle.totals[state] = known


def blocks(desk: Desk, *, sketch: Desk | None, compact: bool) -> Iterator[Block]:
    """The blocks of the section, with a picture from the desk ``sketch``; none if the problem asks for no paths."""
    paths = Paths(desk)
    if not paths.triangles:
        return
    if not compact:
        yield Paragraph(
            (
                say(
                    "A loss blames each use of a parameter by every path between them. What a path contributes is the "
                    "product of the slopes along it, each with the other states and outputs held, times what the "
                    "parameter is multiplied by where it is used. The contributions of all losses by all "
                    "uses add up to "
                    "the gradient."
                )
                + kept(desk),
            )
        )
    formulas = tuple(_general(desk, paths.slopes))
    if formulas:
        yield Equations((), formulas)
    if paths.slopes:
        yield Lines(inline("Slopes"), desk.stream(paths.slopes, _slope_word(desk)))
    for triangle in paths.triangles.values():
        yield from _of_parameter(desk, triangle, compact=compact)
    figure = longest_path(sketch, [p for triangle in paths.triangles.values() for p in triangle.lines]) if sketch else None
    if figure is not None:
        yield figure


def _general(desk: Desk, slopes: Sequence[int]) -> Iterator[Equation]:
    """The formula of each kind of slope, in t."""
    seen: set[tuple[object, ...]] = set()
    for position in reversed(slopes):
        target = desk.steps[position].target
        of = target.of
        assert of is not None
        now = of.time or target.time
        kind = (
            target.stem,
            target.layer,
            target.index,
            of.stem,
            of.layer,
            of.index,
            target.via is None,
            desk.steps[position].rule,
        )
        if kind in seen or len(desk.steps[position].arguments) > 6:
            continue
        seen.add(kind)
        left, right = desk.general(position, str if now is None else clock_at(now))
        yield Equation(left, (Part(right),))


def kept(desk: Desk) -> str:
    """The number of digits of slopes, if it differs from the rounding of the sheet."""
    rounding = desk.values.rounding
    if rounding.policy not in ("by_hand", "carry") or rounding.figures is not None:
        return ""
    return say(" Slopes and their products are kept to {figures}.", figures=rounding.of_products.words)


def _slope_word(desk: Desk) -> Label:
    """An error of the loss, or a slope of the network."""

    def word(position: int, component: int) -> Word:
        del component
        target = desk.steps[position].target
        of_loss = target.of is not None and target.of.stem in (LOSS.stem, SUM_OF_PATHS.stem)
        return Word(say("error")) if of_loss else Word(say("slope"))

    return word


def _of_parameter(desk: Desk, triangle: Triangle, *, compact: bool) -> Iterator[Block]:
    name = desk.speller.math(triangle.parameter)
    steps = desk.steps

    def word(position: int, component: int) -> Word:
        del component
        target, step = steps[position].target, steps[position]
        if is_one_path(target):
            return Word(say("one path"))
        if position in triangle.entries.values():
            several = [p for p in step.arguments if is_one_path(steps[p].target)]
            return Word(say("{several} paths", several=len(several)), "sum", say("sum")) if several else Word(say("path"))
        if position == triangle.total:
            return SUM
        if position in triangle.rows.values():
            return Word(say("row sum"), "sum", say("sum"))
        return Word(say("column sum"), "sum", say("sum"))

    yield Lines(inline("Paths to {name}", name=name), desk.stream(triangle.lines, word))
    if triangle.sums:
        yield Lines(inline("Sums over the paths to {name}", name=name), desk.stream(triangle.sums, word))
    if triangle.uses:
        yield _table(desk, triangle)
    if not compact:
        yield from _same(desk, triangle)
    if triangle.totals:
        yield from _derivatives(desk, triangle)


def _table(desk: Desk, triangle: Triangle) -> Table:
    """A row for each loss, a column for each use."""
    uses, math = triangle.uses, desk.speller.math
    columns = [
        Column(inline("loss")),
        *(Column(inline("via {use}", use=math(use)), right=True) for use in uses),
        Column(inline("sum"), right=True, strong=True),
    ]
    rows: list[tuple[Inline, ...]] = []
    for loss in triangle.losses:
        found = [triangle.entries.get((loss, use)) for use in uses]
        cells: list[Inline] = [(desk.value(p),) if p is not None else ("",) for p in found]
        whole = loss == SUM_OF_PATHS
        rows.append(((math(LOSS if whole else loss),), *cells, (desk.value(triangle.rows[loss]),)))
    if triangle.columns:
        sums: list[Inline] = [(desk.value(triangle.columns[use]),) if use in triangle.columns else ("",) for use in uses]
        rows.append((inline("{loss}, together", loss=math(LOSS)), *sums, (desk.value(triangle.total),)))
    return Table(
        tuple(columns),
        rows,
        inline("The triangle of contributions to the gradient of {parameter}", parameter=math(triangle.parameter)),
    )


def _same(desk: Desk, triangle: Triangle) -> Iterator[Note]:
    """That this is the gradient of BPTT."""
    other = desk.find(gradient(triangle.parameter))
    if other is None:
        return
    text = inline(
        "{whole} ({line}) is the gradient once more. BPTT adds up the same products, factored: {known} ({other}).",
        whole=desk.equals(triangle.total),
        line=desk.line(triangle.total),
        known=desk.equals(other),
        other=desk.line(other),
    )
    yield Note(say("Same gradient"), text)


def _derivatives(desk: Desk, triangle: Triangle) -> Iterator[Block]:
    """Immediate and total derivatives of the states, as lines and side by side."""
    steps, parameter = desk.steps, triangle.parameter
    own = [p for state in triangle.totals for p in (*triangle.immediate.get(state, ()), triangle.totals[state])]

    def word(position: int, component: int) -> Word:
        del component
        return Word(say("immediate")) if steps[position].target.via is not None else Word(say("total"))

    name = desk.speller.math(parameter)
    yield Lines(
        inline("Immediate and total derivatives in {name}", name=name),
        desk.stream([p for p in own if p in desk.parts.paths], word),
    )
    rows: list[tuple[Inline, ...]] = []
    for state, total in triangle.totals.items():
        parts = triangle.immediate.get(state, [])
        used = steps[total].through is not None and not parts
        cell: list[str | Math] = [desk.value(total)] if used else []
        for part in parts:
            cell += [" + ", desk.value(part)] if cell else [desk.value(part)]
        rows.append(((desk.speller.math(state),), tuple(cell) or ("0",), (desk.value(total),)))
    columns = (
        Column(inline("state")),
        Column(inline("immediate, earlier states held"), right=True),
        Column(inline("total"), right=True, strong=True),
    )
    yield Table(columns, rows, inline("Immediate and total derivative in {name}, side by side", name=name))
