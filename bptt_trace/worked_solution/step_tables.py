"""Many time steps on little paper: one row for each step.

A ledger shows exactly the operands of the lines it stands for, never a rounded
intermediate that no line rounds; so its rows re-compute as lines do.
"""

from __future__ import annotations

from collections.abc import Sequence

from bptt_trace.document.mathematics import Number, Symbol
from bptt_trace.document.sentences import Inline, inline
from bptt_trace.document.sheet import Column, Table
from bptt_trace.engine.names import Name, Role
from bptt_trace.lines.line_numbers import ranges
from bptt_trace.lines.parts_of_sheet import way
from bptt_trace.lines.rows import Rows, of_any_sample
from bptt_trace.lines.spelling import clock_at

Cells = tuple[Inline, ...]


def ledger(desk: Rows, groups: dict[int, list[int]], title: Inline) -> Table:
    """One row for each time step, with a column for every operand and every result of its lines.

    ``groups`` has the lines of each step. Operands that are the same at every
    step (parameters), or that stand in the same row already, get no column;
    neither does a result that stands in the row before (``∂L/∂a_(t+1)``).
    """
    # The last of the longest: in a forward pass the first step takes its state from the given numbers.
    model = max(reversed(groups.values()), key=len)
    now = desk.steps[model[-1]].target.time
    assert now is not None
    columns: list[tuple[Name, bool]] = []
    for position in model:
        step = desk.steps[position]
        for argument in step.arguments:
            target = desk.steps[argument].target
            if target.time is None or _known(target, columns) or _from_another_row(desk, argument, groups, now):
                continue
            columns.append((target, False))
        if not _known(step.target, columns):
            columns.append((step.target, step.role in (Role.HIDDEN, Role.GRADIENT) and step.target.stem == "h"))
    headings = (
        Column((Symbol("t"),), right=True),
        *(_heading(desk, name, now, strong, [other for other, _ in columns]) for name, strong in columns),
        Column(inline("lines")),
    )
    rows = [_row(desk, time, positions, [name for name, _ in columns], now) for time, positions in groups.items()]
    return Table(headings, rows, title)


def _known(target: Name, columns: Sequence[tuple[Name, bool]]) -> bool:
    return any(name == target for name, _ in columns)


def _from_another_row(desk: Rows, argument: int, groups: dict[int, list[int]], now: int) -> bool:
    """Whether this operand is a gradient of the row before."""
    step = desk.steps[argument]
    return step.role is Role.GRADIENT and step.target.time != now and argument in groups.get(step.target.time or 0, ())


def _heading(desk: Rows, name: Name, now: int, strong: bool, columns: Sequence[Name]) -> Column:
    word = heading_word(name) if name.stem in desk.problem.network.cell_of(name.layer).state else ""
    alike = [other for other in columns if other._replace(via=None) == name._replace(via=None) and heading_word(other) == word]
    if word and name.via is not None and len(alike) > 1:  # through each of the gates
        return Column(
            inline("via {now}", now=desk.speller.math(of_any_sample(name.via), clock_at(now))), right=True, strong=strong
        )
    if word:
        return Column((word,), right=True, strong=strong)
    return Column((desk.speller.math(of_any_sample(name), clock_at(now)),), right=True, strong=strong)


def heading_word(name: Name) -> str:
    """The two contributions to ∂L/∂h_t are named by a word."""
    if name.via is None:
        return ""
    return way(name, name.via)


def _row(desk: Rows, time: int, positions: Sequence[int], columns: Sequence[Name], now: int) -> Cells:
    cells: list[Inline] = [(Number(time),)]
    for name in columns:
        cells.append(_cell(desk, _moved(name, time - now), positions))
    lines = sorted({desk.line_of[position] for position in positions} - {0})
    cells.append((ranges(lines),))
    return tuple(cells)


def _moved(name: Name, by: int) -> Name:
    def move(part: Name | None) -> Name | None:
        return part if part is None or part.time is None else part._replace(time=part.time + by)

    own = move(name._replace(of=None, via=None))
    assert own is not None
    return own._replace(of=move(name.of), via=move(name.via))


def _cell(desk: Rows, name: Name, own: Sequence[int]) -> Inline:
    position = desk.find(name)
    if position is None and name.of is None:
        position = desk.find(name._replace(iteration=1))  # the initial state is given once
    if position is not None:
        return (desk.result(position) if position in own else desk.value(position),)
    if name.via is not None:
        return _only_source(desk, name)
    return inline("none")


def _only_source(desk: Rows, name: Name) -> Inline:
    """A gradient with one source has no line of its own for it: the total is that source."""
    total = desk.find(name._replace(via=None))
    if total is None or desk.steps[total].through is None:
        return inline("none")
    through = desk.steps[desk.steps[total].through or 0].target
    return (desk.value(total),) if through == name.via else inline("none")


def parameter_ledger(desk: Rows, positions: Sequence[int], title: Inline) -> Table:
    """The contributions to the gradient of one parameter, with what they are made of and the sum so far."""
    *terms, total = positions
    first = desk.steps[terms[0]]
    now = desk.steps[first.arguments[0]].target.time or 1
    clock = clock_at(now)
    operands = [desk.steps[argument].target for argument in first.arguments]
    columns = [Column((Symbol("t"),), right=True)]
    columns += [Column((desk.speller.math(name, clock),), right=True) for name in operands]
    if not first.repeats:
        columns.append(Column(inline("contribution"), right=True))
    columns += [Column(inline("sum so far"), right=True, strong=True), Column(inline("line"))]
    rows: list[Cells] = []
    for term, so_far in zip(terms, desk.running_totals(terms), strict=False):
        step = desk.steps[term]
        time = desk.steps[step.arguments[0]].target.time
        cells: list[Inline] = [(Number(time),)]
        cells += [(desk.value(argument),) for argument in step.arguments]
        if not step.repeats:
            cells.append((desk.result(term),))
        line = desk.line_of[term] or desk.line_of[step.arguments[0]]
        cells += [(so_far,), (str(line),)]
        rows.append(tuple(cells))
    empty: Inline = ()
    last: list[Inline] = [empty] * (len(columns) - 3)
    rows.append((*last, (desk.name(total),), (desk.result(total),), (str(desk.line_of[total]),)))
    return Table(tuple(columns), rows, title)


def loss_ledger(desk: Rows, losses: Sequence[int], title: Inline = ()) -> Table:
    """The loss terms with the sum so far, which the last line then uses."""
    *terms, _ = losses
    name = desk.steps[terms[0]].target
    clock = clock_at(name.time or 1)
    columns = (
        Column((Symbol("t"),), right=True),
        Column((desk.speller.math(name, clock),), right=True),
        Column(inline("sum so far"), right=True, strong=True),
        Column(inline("line")),
    )
    rows: list[Cells] = []
    for term, so_far in zip(terms, desk.running_totals(terms), strict=False):
        rows.append(((Number(desk.steps[term].target.time),), (desk.result(term),), (so_far,), (str(desk.line_of[term]),)))
    return Table(columns, rows, title)
