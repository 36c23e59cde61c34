"""The picture of one path in the unrolled network: the longest one, with the slopes on its way."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_trace.document.figures import Picture
from bptt_trace.document.mathematics import MathRow
from bptt_trace.document.sentences import Inline, in_a_row, inline
from bptt_trace.engine.names import LOSS, Name
from bptt_trace.lines.desk import Desk
from bptt_trace.pictures.boxes import MOST_DIGITS, MOST_STEPS, Pencil, Quantity, digits_of, grid


def longest_path(desk: Desk, entries: Sequence[int]) -> Picture | None:
    """The path with the most slopes; None where there are vectors, several layers, or more steps than are drawn."""
    network = desk.problem.network
    if not 1 < desk.last_time <= MOST_STEPS or desk.has_components or digits_of(desk) > MOST_DIGITS:
        return None
    if len(network.layers) > 1 or desk.values.rounding.policy == "exact":
        return None
    ways = {entry: [p for p in desk.steps[entry].arguments if _is_slope(desk, p)] for entry in entries}
    entry = max(ways, key=lambda start: len(ways[start]))
    return _Sketch(desk, entry, ways[entry]).picture() if len(ways[entry]) > 1 else None


def _is_slope(desk: Desk, position: int) -> bool:
    """Whether a factor is the slope of one line of the network in another."""
    target = desk.steps[position].target
    return target.of is not None and target.time is not None and desk.find(target._replace(of=None, via=None)) is not None


class _Sketch:
    """The network, step by step from the left, and the path back from the right."""

    def __init__(self, desk: Desk, entry: int, slopes: Sequence[int]) -> None:
        self.desk, self.entry, self.slopes = desk, entry, slopes
        self.pencil = Pencil(desk, desk)
        ends = (desk.steps[slope].target._replace(of=None, via=None) for slope in slopes)
        self.passed = {p for name in ends if (p := desk.find(name)) is not None}
        before = ""
        for time in range(1, desk.last_time + 1):
            before = self._time_step(time, before)

    def _time_step(self, time: int, before: str) -> str:
        pencil = self.pencil
        (cell,), readout = pencil.step(time)
        lines = [p for p in pencil.inputs(cell) if p not in pencil.owner]
        _, states = pencil.shown(cell)
        shown = [p for p in cell if p in states or p in self.passed]
        node = pencil.node((time, 1), cell, list(map(pencil.quantity, shown)), "state", self._inside(cell))
        if lines:
            pencil.edge(pencil.node((time, 0), lines, list(map(pencil.quantity, lines)), "given"), node, "forward")
        if before:
            pencil.edge(before, node, "forward")
        above = node
        if readout:
            above = pencil.node((time, 2), readout, [pencil.quantity(readout[-1])], "plain", self._inside(readout))
            pencil.edge(node, above, "forward")
        loss = pencil.loss(time)
        if loss is not None:
            pencil.edge(above, pencil.node((time, 3), [loss], [pencil.quantity(loss)], "plain"), "forward")
        return node

    def _inside(self, lines: Sequence[int]) -> list[Quantity]:
        """The slopes on the path from one line of a box to another."""
        return [self.pencil.quantity(p) for p in self.slopes if {*map(self.desk.find, self._ends(p))} <= set(lines)]

    def _ends(self, slope: int) -> tuple[Name, Name]:
        target = self.desk.steps[slope].target
        assert target.of is not None
        of = target.of if self.desk.find(target.of) is not None else LOSS
        return of, target._replace(of=None, via=None)

    def picture(self) -> Picture:
        """The network with this path; the way in words."""
        pencil, desk = self.pencil, self.desk
        for slope in self.slopes:
            start, end = (pencil.owner.get(p) for name in self._ends(slope) if (p := desk.find(name)) is not None)
            if start is not None and end is not None and start != end:
                kind = "carried" if start.split("-")[0] != end.split("-")[0] else "direct"
                pencil.edge(start, end, kind, grid([pencil.quantity(slope)]))
        said = in_a_row(MathRow(" * "), [(desk.equals(slope),) for slope in self.slopes])
        whole = next((p for p in desk.parts.paths if self.entry in desk.steps[p].arguments), self.entry)
        of = desk.name(whole if desk.steps[self.entry].target.of is None else self.entry)
        title: Inline = inline("The longest path of {of}", of=of)
        alternative: Inline = inline("The slopes on the longest path, from the loss back: {said}.", said=said)
        return Picture("path", title, tuple(pencil.nodes.values()), tuple(pencil.edges.values()), alternative)
