"""The backward pass: the gradients of everything but parameters, last step first."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.calculation.iterations import borders
from bptt_trace.document.mathematics import MathRow, Relation, between
from bptt_trace.document.sentences import inline, say
from bptt_trace.document.sheet import Block, Equations, Lines, Paragraph
from bptt_trace.engine.names import LOSS, gradient
from bptt_trace.engine.program import Moment
from bptt_trace.worked_solution import backward_notes, truncated_passes
from bptt_trace.worked_solution.backward_equations import equations, equations_at
from bptt_trace.worked_solution.step_tables import ledger
from bptt_trace.worked_solution.summary import ONE_BLOCK_FROM
from bptt_trace.worked_solution.writer import EXPLAINED_STEPS, Writer, every_step


def backward(writer: Writer) -> Iterator[Block]:
    """The gradients of everything but parameters, last step first."""
    board, backward = writer.board, writer.parts.backward
    if writer.parts.passes:
        yield from truncated_passes.passes(writer.board, writer.labels, writer.parts, writer.update_of)
        return
    if not backward:
        return  # every parameter is frozen
    if writer.parts.links:
        yield from _links(writer)
    lead = say("From the last step to the first") if writer.recurrent else say("From the output back")
    if writer.desk.problem.network.bidirectional:
        lead = say(
            "From the last step to the first where a layer reads forward, from the first to the last where it reads backward"
        )
    if not writer.graph:
        yield Equations(inline("{lead}:", lead=lead), tuple(equations(writer)))
    if not writer.recurrent:
        for place, (moment, lines) in enumerate(backward.items()):
            yield Lines(writer.title(moment), board.stream(lines, writer.labels.of))
            if place == 0:
                yield from writer.said(backward_notes.short_gradient, writer.desk, moment)
        yield from writer.said(backward_notes.chain, writer.desk)
        yield from writer.said(backward_notes.through_activation, writer.desk, [None])
    elif len(backward) > ONE_BLOCK_FROM and not writer.on_ledger:
        yield writer.all_steps(backward)
    else:
        yield from _over_time(writer)
    yield from writer.network()


def inputs(writer: Writer) -> Iterator[Block]:
    """The gradients of inputs and of initial states, if the problem asks for them."""
    if not writer.parts.inputs:
        return
    steps = writer.board.steps
    lines = [position for position in writer.parts.inputs if not steps[position].repeats]
    of_input = [p for p in lines if steps[p].target.stem == "x" and steps[p].target.sample in (None, 1)]
    of_state = [p for p in lines if steps[p].target.stem != "x" and steps[p].target.sample in (None, 1)]
    last = [p for p in of_input if steps[p].target.time == steps[of_input[-1]].target.time]
    yield Equations((), (*equations_at(writer, last, "t"), *equations_at(writer, of_state, "1")))
    yield Lines((), writer.board.stream(lines, writer.labels.of))


def _over_time(writer: Writer) -> Iterator[Block]:
    desk, backward = writer.desk, writer.parts.backward
    moments = list(backward)
    shown = writer.in_full(moments)
    first = True
    for moment in shown:
        title = writer.title(moment)
        if moment.time == desk.last_time and len(moments) > 1 and _carries(writer):
            title = inline("{title} (the last: nothing is carried back)", title=title)
        if _is_cut(writer, moment):
            title = inline("{title} (cut: nothing is carried back from the step after it)", title=title)
        yield Lines(title, writer.board.stream(backward[moment], writer.labels.of))
        if moment == moments[0]:
            yield from writer.said(backward_notes.short_gradient, desk, moment)
        if moment.time is not None and (desk.last_time <= EXPLAINED_STEPS or moment in shown[:EXPLAINED_STEPS]):
            notes = list(writer.said(backward_notes.two_sources, desk, moment.time, first=first))
            first = first and not notes
            yield from notes
    if writer.on_ledger:
        for sample in desk.problem.network.numbers:
            groups = {m.time: lines for m, lines in backward.items() if m.sample == sample and m.time is not None}
            yield ledger(writer.board, groups, (every_step(sample),))
    yield from writer.said(backward_notes.through_activation, desk, [moment.time for moment in shown[:EXPLAINED_STEPS][::-1]])


def _is_cut(writer: Writer, moment: Moment) -> bool:
    """Whether a border of truncation lies behind this time step."""
    return moment.time in borders(writer.desk.problem) and _carries(writer)


def _carries(writer: Writer) -> bool:
    """Whether the steps are one way back: all that is carried may be frozen, and two directions have two last steps."""
    return len(writer.parts.forward.tracks) == 1 and len({moment.time for moment in writer.parts.backward}) > 1


def _links(writer: Writer) -> Iterator[Block]:
    links, board, speller = writer.parts.links, writer.board, writer.desk.speller
    names = [board.name(position) for position in links]
    last = board.steps[links[-1]].target
    first = gradient(board.steps[links[0]].target.of or LOSS)
    weight = next((p for p in writer.parts.parameters if board.steps[p].target.stem == "w_xh"), None)
    if weight in writer.parts.gradients and weight is not None:
        target = board.steps[weight].target
        local = target._replace(of=last._replace(of=None))
        chain = [*map(speller.math, (gradient(target), first)), *names, speller.math(local)]
        whole = Relation(chain[0], MathRow(*between(" * ", chain[1:])))
        yield Paragraph(
            inline("Each quantity is used once, so each gradient has one source. Read it as a chain: {chain}.", chain=whole)
        )
    yield Lines(inline("The links of the chain"), board.stream(links, writer.labels.of))
