"""The general formulas of the backward pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bptt_trace.document.mathematics import Math
from bptt_trace.document.sentences import say
from bptt_trace.document.sheet import Equation, Part
from bptt_trace.engine.names import BACKWARD, ENCODER, LOSS, Name, Role, word_and_number
from bptt_trace.engine.program import Moment
from bptt_trace.lines.parts_of_sheet import by_track, way
from bptt_trace.lines.spelling import Clock, clock_at, seen
from bptt_trace.worked_solution.loss_formulas import slope_of_binary
from bptt_trace.worked_solution.writer import Writer


def equations(writer: Writer) -> Iterator[Equation]:
    """The general formulas of the backward pass; a formula that holds only at the last step says so."""
    tracks = by_track(writer.parts.backward)
    if writer.desk.problem.loss.kind == "above":
        for backward in tracks.values():
            yield from _from_above(writer, backward)
        return
    for track, backward in tracks.items():
        moments = [moment for moment in backward if moment.sample in (None, 1)]
        network = writer.desk.problem.network
        last = "end" if word_and_number(track)[0] == BACKWARD else "T"
        at_the_end = not network.every and (len(moments) > 1 or (not track and len(tracks) > 1))
        if at_the_end:
            yield from equations_at(writer, backward[moments[0]], last)
        elif track == ENCODER:  # its last state is blamed by the decoder, and every earlier one by the next step
            of_state = [p for p in backward[moments[0]] if _of_state(writer, writer.board.steps[p].target)]
            yield from equations_at(writer, of_state, "S" if len(moments) > 1 else "t")
        usual = moments[-1]
        if len(moments) > 2 and network.first_only:
            usual = moments[-2]
        if network.tokens:  # the first token sees itself alone
            usual = moments[0]
        if network.every:  # the last prediction may have its target alone, every earlier one is used again
            yield from equations_at(writer, _only_from_loss(writer, backward[moments[0]], backward[usual]), last)
        if len(moments) > 1 or not at_the_end:
            yield from equations_at(writer, backward[usual], "t")


def _from_above(writer: Writer, backward: Mapping[Moment, Sequence[int]]) -> Iterator[Equation]:
    """The formulas of a backward pass into which gradients are handed: those gradients as they are, then all others in t."""
    steps = writer.board.steps
    handed = {steps[p].target._replace(via=None) for lines in backward.values() for p in lines if _from_loss(writer, p)}
    written: set[Name] = set()
    for lines in backward.values():
        yield from equations_at(writer, [p for p in lines if steps[p].target._replace(via=None) in handed], "1")
    for lines in list(backward.values())[::-1]:  # the first step has all sources, the last has nothing carried to it
        here = {p: steps[p].target._replace(via=None) for p in lines}
        open_to = [p for p, target in here.items() if target not in handed and target._replace(time=None) not in written]
        yield from equations_at(writer, open_to, "t")
        written |= {here[p]._replace(time=None) for p in open_to}


def _only_from_loss(writer: Writer, lines: Sequence[int], others: Sequence[int]) -> list[int]:
    """Those of these gradients that come from the loss itself, where at another step they do not."""
    steps = writer.board.steps
    known = {steps[p].target._replace(time=None): p for p in others}
    pairs = ((p, known.get(steps[p].target._replace(time=None))) for p in lines)
    return [p for p, other in pairs if other is not None and _from_loss(writer, p) and not _from_loss(writer, other)]


def _from_loss(writer: Writer, position: int) -> bool:
    through = writer.board.steps[position].through
    return through is not None and writer.board.steps[through].role is Role.LOSS


def equations_at(writer: Writer, positions: Sequence[int], symbol: str) -> Iterator[Equation]:
    """The formulas of these lines, with the time of the lines written as ``symbol``; a sum with its terms in its place."""
    contributions: dict[Name, list[int]] = {}
    for position in positions:
        target = writer.board.steps[position].target
        if target.via is not None:
            contributions.setdefault(target._replace(via=None), []).append(position)
            continue
        if writer.attention and writer.attention.covers(target):
            yield _attended(writer, position, contributions.get(target, []), symbol)
            continue
        yield _equation(writer, position, contributions.get(target, []), symbol)


def _equation(writer: Writer, position: int, sources: Sequence[int], symbol: str) -> Equation:
    board = writer.board
    target = board.steps[position].target
    clock = _clock(writer, target.time, symbol)
    left = board.general(position, clock)[0]
    if not sources:
        return Equation(left, (Part(_general(writer, position, clock)),), _remark(writer, position))
    state = _of_state(writer, target)
    parts = []
    for source in sources:
        via = board.steps[source].target.via
        assert via is not None
        shown = writer.desk.speller.math(*seen(clock, target, via._replace(sample=None)))
        word = way(board.steps[source].target, via) if state and writer.recurrent else ""
        if _from_loss(writer, source) and writer.desk.problem.loss.kind == "above":
            word = say("handed in")
        right = _general(writer, source, clock)
        parts.append(Part(right, word, kind=str(word)) if word else Part(right, say("via"), shown))
    if not state or target.layer is not None:
        return Equation(left, tuple(parts))
    if len(parts) > 2:
        return Equation(left, tuple(parts))
    return Equation(left, tuple(parts), say("two sources, because the state is used twice; the last step has only the first"))


def _clock(writer: Writer, time: int | None, symbol: str) -> Clock:
    """The spelling of times in a formula at this time: ``t``, ``T``, numbers (``1``), or those at the end of a way back.

    A layer that reads backward ends at the first step, and its output stands at the last.
    """
    if symbol == "end" and time is not None:
        return lambda other: "T" if other == writer.desk.last_time else str(other)
    return str if time is None or symbol == "1" else clock_at(time, symbol)


def _general(writer: Writer, position: int, clock: Clock) -> Math:
    """The right side of a line for every time, also where the formula of the line is that of a target 0 or 1."""
    step, loss = writer.board.steps[position], writer.desk.problem.loss
    if loss.kind == "binary_cross_entropy" and _from_loss(writer, position) and not step.shape and len(step.arguments) == 1:
        return slope_of_binary(writer.desk, step.target.time, clock)
    return writer.board.general(position, clock)[1]


def _attended(writer: Writer, position: int, sources: Sequence[int], symbol: str) -> Equation:
    """The gradient of a key, a value or a query: the part by attention, and the parts by other ways."""
    assert writer.attention is not None
    steps, target = writer.board.steps, writer.board.steps[position].target
    place = writer.attention.place(target, symbol)
    others: list[Part] = []
    for source in sources:
        via = steps[source].target.via
        if via is not None and via.stem not in ("score", "context"):
            right = writer.board.general(source, clock_at(target.time or 1, place))[1]
            others.append(Part(right, word := way(steps[source].target, via), kind=str(word)))
    left = writer.attention.slope(target._replace(of=None, time=1, index=(), sample=None), place)
    return Equation(left, (*others, *writer.attention.backward(target, symbol)))


def _of_state(writer: Writer, target: Name) -> bool:
    return target.stem in writer.desk.problem.network.cell_of(target.layer).state


def _remark(writer: Writer, position: int) -> str:
    target = writer.board.steps[position].target
    if target.of != LOSS:
        return say("the slopes of softmax")
    if _from_loss(writer, position):
        if writer.desk.problem.loss.kind == "above":
            return say("handed in from above")
        return say("the error of this step") if writer.recurrent else say("the error")
    match target.stem:
        case "a":
            return say("through {name}", name=writer.desk.problem.network.cell_of(target.layer).activation.name)
        case stem:
            gate = writer.desk.problem.network.cell_of(target.layer).gates.get(stem.removeprefix("a_"))
            return say("through {name}", name=gate.name) if gate and stem.startswith("a_") else ""
