"""The sections of a worked solution, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.document.sentences import say
from bptt_trace.document.sheet import NO_WORD, Block, Lines, Section
from bptt_trace.lines.row_words import headings
from bptt_trace.worked_solution import every_path, forward_mode, gradient_check, truncated_passes
from bptt_trace.worked_solution.backward_section import backward, inputs
from bptt_trace.worked_solution.forward_section import forward
from bptt_trace.worked_solution.gradients_section import gradients
from bptt_trace.worked_solution.iteration_table import title
from bptt_trace.worked_solution.later_iterations import again, iteration, training
from bptt_trace.worked_solution.loss_section import loss
from bptt_trace.worked_solution.memory_section import memory
from bptt_trace.worked_solution.summary import Summary
from bptt_trace.worked_solution.update_section import update
from bptt_trace.worked_solution.wording import in_words
from bptt_trace.worked_solution.writer import Writer


def sections(writer: Writer) -> Iterator[Section]:
    """All sections, empty ones included."""
    first, last = 1 in writer.shown, writer.parts.last
    titles = headings(writer.desk)
    several = last > 1
    if first:
        yield from _first_iteration(writer)
    for k in sorted(writer.shown - {1}):
        yield Section(f"iteration-{k}", title(writer.update_of, k), writer.collected(iteration(writer, k)))
    if last in writer.shown:
        yield Section("again", _after(last) if several else titles["again"], writer.collected(again(writer)))
    if first:
        yield Section("memory", titles["memory"], writer.collected(memory(writer)))
        yield Section("extra", titles["extra"], writer.collected(_extra(writer)))
        checks = gradient_check.blocks(writer.desk, compact=writer.compact)
        yield Section("gradient_check", titles["gradient_check"], writer.collected(iter(checks)))
        of_forward_mode = forward_mode.blocks(writer.desk, compact=writer.compact)
        yield Section("forward_mode", titles["forward_mode"], writer.collected(of_forward_mode))
        of_paths = every_path.blocks(writer.desk, sketch=writer.sketch if writer.drawn else None, compact=writer.compact)
        yield Section("paths", titles["paths"], writer.collected(of_paths))
    if several:
        yield Section("training", say("All iterations"), writer.collected(training(writer)))
    if writer.compact or writer.graph or not first or writer.update_of.told:
        return
    summed = say("Summary of the first iteration") if several else say("Summary")
    yield Section("summary", summed, writer.collected(Summary(writer.desk, writer.board, on_ledger=writer.on_ledger).tables()))
    yield Section("takeaways", say("Key takeaways"), writer.collected(writer.takeaways()))


def _first_iteration(writer: Writer) -> Iterator[Section]:
    """The first iteration, each part of it a section with its formulas."""
    titles = headings(writer.desk)
    blocks = {
        "forward": forward,
        "loss": loss,
        "backward": backward,
        "inputs": inputs,
        "gradients": gradients,
    }
    for which, block in blocks.items():
        yield Section(which, titles[which], writer.collected(block(writer)))
    left_out = truncated_passes.left_out(writer.board, writer.labels, writer.parts, writer.update_of, brief=writer.on_ledger)
    yield Section("truncation", titles["truncation"], writer.collected(left_out))
    numbered = writer.parts.last > 1 and writer.update_of.told
    yield Section("update", title(writer.update_of, 1) if numbered else titles["update"], writer.collected(update(writer)))


def _after(last: int) -> str:
    return say("Forward pass with the new parameters after {n} updates", n=in_words(last))


def _extra(writer: Writer) -> Iterator[Block]:
    """Lines that the problem asks for besides its calculation."""
    if writer.parts.extras:
        yield Lines((), writer.board.stream(writer.parts.extras, lambda _, __: NO_WORD))
