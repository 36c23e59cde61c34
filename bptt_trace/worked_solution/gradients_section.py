"""The gradients of the parameters: contributions, and their sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_trace.document.mathematics import MathRow, sum_over
from bptt_trace.document.sentences import Inline, in_a_row, inline, inline_many, say, to_say, to_say_many
from bptt_trace.document.sheet import Block, Equation, Equations, Lines, Paragraph, Part
from bptt_trace.engine.names import gradient
from bptt_trace.engine.program import WRITTEN_OUT
from bptt_trace.lines.spelling import clock_at
from bptt_trace.worked_solution import update_notes, wording
from bptt_trace.worked_solution.step_tables import parameter_ledger
from bptt_trace.worked_solution.writer import Writer


def gradients(writer: Writer) -> Iterator[Block]:
    """The gradients of the parameters: contributions, and their sums."""
    board, gradients = writer.board, writer.parts.gradients
    if not gradients:
        return
    if writer.desk.last_time > 1 or writer.samples is not None:
        yield Paragraph(_sharing(writer))
    if not writer.graph:
        yield Equations((), tuple(_equation(writer, parameter, lines) for parameter, lines in gradients.items()))
    if not writer.recurrent and writer.samples is None and not writer.graph:
        lines = [line for group in gradients.values() for line in group]
        yield Lines((), board.stream(lines, writer.labels.of))
        return
    for parameter, group in gradients.items():
        name = board.name(parameter)
        long = len(group) > WRITTEN_OUT + 1
        if writer.on_ledger and len(group) > 1 and writer.samples is None:
            yield parameter_ledger(board, group, inline("Gradient of {name}", name=name))
            continue
        yield Lines(inline("Gradient of {name}", name=name), board.stream(group, writer.labels.of, long), long)
    yield from writer.said(update_notes.recurrent_weight, writer.desk)


def _sharing(writer: Writer) -> Inline:
    """The parameters that are used at every step."""
    network, gradients = writer.desk.problem.network, writer.parts.gradients
    if writer.parts.passes:
        return inline("Each parameter has a gradient in every pass that reaches it; the gradient of the update is their sum.")
    if network.tokens:
        alone = say(", but for the query of the first token, which sees itself alone") if network.tokens.mask == "causal" else ""
        return inline(
            "Each parameter is used for every token. Every use contributes{alone}; the gradient is the sum.", alone=alone
        )
    if network.source_steps:
        return inline(
            "Each parameter of the encoder is used at every step of the encoder, each of the decoder at every "
            "step of the decoder. Every use contributes; the gradient is the sum."
        )
    steps = (time for group in gradients.values() for time in _times(writer, group) if time is not None)
    reached = min(steps, default=1)
    if writer.update_of.truncate and reached > 1:
        return inline(
            "The truncated backward pass ends at step {reached}: only the uses from there on contribute; the "
            "gradient is the sum.",
            reached=reached,
        )
    where = "step" if writer.samples is None else "step of a sample" if writer.recurrent else "sample"
    at_one: dict[str, list[int]] = {}
    for parameter, group in gradients.items():
        times = _times(writer, group)
        if writer.desk.last_time > 1 and len(times) == 1:
            at_one.setdefault("first" if times == {1} else "last", []).append(parameter)
    shared = [p for p in gradients if not any(p in once for once in at_one.values())]
    if not at_one:
        return inline(_ALL[where] if writer.desk.has_components else _ALL_NUMBERS[where])
    ends = _ENDS[writer.samples is not None]
    if not shared and len(at_one) == 1:
        return inline(ends[next(iter(at_one))][0])
    sentences = [_are(writer, shared, *_SHARED[where])] if shared else []
    sentences += [_are(writer, once, *ends[which][1:]) for which, once in at_one.items()]
    return in_a_row(" ", sentences)


_ALL = {
    "step": to_say("Each parameter is used at every step. Every use contributes; the gradient is the sum."),
    "step of a sample": to_say(
        "Each parameter is used at every step of every sample. Every use contributes; the gradient is the sum."
    ),
    "sample": to_say("Each parameter is used for every sample. Every use contributes; the gradient is the sum."),
}
_ALL_NUMBERS = {
    "step": to_say("Each parameter is one number used at every step. Every use contributes; the gradient is the sum."),
    "step of a sample": to_say(
        "Each parameter is one number used at every step of every sample. Every use contributes; the gradient is the sum."
    ),
    "sample": to_say("Each parameter is one number used for every sample. Every use contributes; the gradient is the sum."),
}
"""The uses of all parameters, in a network of vectors and in one of single numbers."""
_SHARED = {
    "step": to_say_many(
        "{names} is used at every step: every use contributes, and the gradient is the sum.",
        "{names} are used at every step: every use contributes, and the gradient is the sum.",
    ),
    "step of a sample": to_say_many(
        "{names} is used at every step of every sample: every use contributes, and the gradient is the sum.",
        "{names} are used at every step of every sample: every use contributes, and the gradient is the sum.",
    ),
    "sample": to_say_many(
        "{names} is used for every sample: every use contributes, and the gradient is the sum.",
        "{names} are used for every sample: every use contributes, and the gradient is the sum.",
    ),
}
"""The same of one parameter, and of several."""
_ENDS = {
    False: {
        "first": (
            to_say("Each of these parameters is used at the first step only."),
            *to_say_many("{names} is used at the first step only.", "{names} are used at the first step only."),
        ),
        "last": (
            to_say("Each of these parameters is used at the last step only."),
            *to_say_many("{names} is used at the last step only.", "{names} are used at the last step only."),
        ),
    },
    True: {
        "first": (
            to_say("Each of these parameters is used at the first step of every sample only."),
            *to_say_many(
                "{names} is used at the first step of every sample only.",
                "{names} are used at the first step of every sample only.",
            ),
        ),
        "last": (
            to_say("Each of these parameters is used at the last step of every sample only."),
            *to_say_many(
                "{names} is used at the last step of every sample only.",
                "{names} are used at the last step of every sample only.",
            ),
        ),
    },
}
"""The sentences on parameters that are used at one step only, with and without samples: all, one, several."""


def _are(writer: Writer, parameters: Sequence[int], one: str, many: str) -> Inline:
    """``w_xh and w_hh are used at every step``"""
    names = wording.named([writer.board.name(p) for p in parameters])
    return inline_many(one, many, len(parameters), names=names)


def _times(writer: Writer, group: Sequence[int]) -> set[int | None]:
    """The time steps at which a parameter is used, from the lines of its gradient."""
    through = (writer.board.steps[line].through for line in group)
    return {writer.board.steps[position].target.time for position in through if position is not None}


def _equation(writer: Writer, parameter: int, lines: Sequence[int]) -> Equation:
    """``dL/dw_hh = sum_t dL/da_t * h_(t-1)``"""
    board, desk = writer.board, writer.desk
    left = desk.speller.math(gradient(board.steps[parameter].target))
    model = lines[min(1, len(lines) - 2)] if len(lines) > 1 else lines[0]
    first = board.steps[model]
    through = board.steps[first.through].target if first.through is not None else first.target
    once = len(_times(writer, lines)) == 1
    only_last = once and 1 < desk.last_time == through.time
    only_first = once and through.time == 1 < desk.last_time
    clock = str if through.time is None or only_first else clock_at(through.time, "T" if only_last else "t")
    _, right = board.general(model, clock)
    if len(lines) > 1:
        over = "st" if writer.samples and _over_steps(writer, lines) else "s" if writer.samples else "t"
        right = MathRow(sum_over(over), " ", right)
    return Equation(left, (Part(right),))


def _over_steps(writer: Writer, lines: Sequence[int]) -> bool:
    """Whether contributions come from several time steps."""
    vias = [writer.board.steps[line].target.via for line in lines]
    return len({via.time for via in vias if via is not None}) > 1
