"""The takeaways of a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from bptt_trace.calculation.iterations import truncated
from bptt_trace.document.sentences import Inline, inline, say, to_say
from bptt_trace.engine.formula import Var
from bptt_trace.engine.names import Name
from bptt_trace.lines.cell_words import scaled
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.parts_of_sheet import Parts, one_step
from bptt_trace.networks.cells.equations import Equations
from bptt_trace.worked_solution.backward_notes import lasts, name_of, sources
from bptt_trace.worked_solution.forward_notes import Voices, other_terms, silence, voices
from bptt_trace.worked_solution.wording import in_words, readable


def takeaways(desk: Desk, parts: Parts) -> Iterator[Inline]:
    """At most five sentences to remember."""
    if desk.last_time == 0:
        yield from _feedforward_takeaways(parts, chained=bool(parts.links) and not desk.has_components)
        return
    if desk.last_time == 1:
        if (desk.problem.network.source_steps or 1) > 1:  # the states of the encoder do carry something back
            yield from of_this_network(desk)
            return
        yield inline("With one time step there is nothing to carry back; from two steps on, a state has two sources of blame.")
        return
    yield from islice(_recurrent_takeaways(desk, parts), 5)


def _recurrent_takeaways(desk: Desk, parts: Parts) -> Iterator[Inline]:
    last = desk.last_time
    network = desk.problem.network
    found = voices(desk, last)
    if found is not None and not network.feedback:
        yield inline(
            "The hidden state is the memory: step {early} reaches {late} only through {state}{moved}.",
            early=str(last - 1),
            late=name_of(desk, Name("h", time=last)),
            state=name_of(desk, Name("h", time=last - 1)),
            moved=_moved(desk, found),
        )
    both = sources(desk, last - 1)
    if both is not None and readable(desk):
        h = desk.find(desk.steps[both.total].target._replace(of=None))
        assert h is not None
        yield inline(
            "Going back, {h} has two sources: direct {direct} and carried {carried}, together {about}{total}.",
            h=desk.name(h),
            direct=desk.value(both.direct),
            carried=desk.value(both.carried),
            about="" if desk.row(both.total).relation == "=" else say("about "),
            total=desk.value(both.total),
        )
    yield from contributions(desk, parts)
    yield from of_this_network(desk)
    factors = [p for p in parts.factors if one_step(desk.steps[p].target)]
    if factors and readable(desk):
        yield from _fading(desk, factors, parts.factors[-1])
    if both is not None and parts.gradients:
        yield inline(
            "A feedforward network, by contrast, has no carried part: each hidden value has one source, each "
            "parameter one contribution, and nothing is remembered for the next input."
        )


def _moved(desk: Desk, found: Voices) -> Inline:
    """The effect of the memory term on the state, if there are other terms to compare."""
    if not found.others or not readable(desk):
        return ()
    _, silent = other_terms(desk, found)
    difference = silence(desk, found, silent).difference
    h = desk.name(found.hidden)
    return inline(", whose term changes {h} by {amount}", h=h, amount=difference.value) if difference.number else ()


def _fading(desk: Desk, factors: Sequence[int], product: int) -> Iterator[Inline]:
    """The joint effect of the slopes, if all of them have the same effect."""
    sizes = [abs(desk.printed(factor)) for factor in factors]
    if truncated(desk.problem) or scaled(desk.problem.network.cells[0]):
        return
    if not (all(0 < size < 1 for size in sizes) or all(size > 1 for size in sizes)):
        return
    if lasts(desk.printed(product)):
        word = say("lasts (stable gradient)")
    else:
        word = say("fades (vanishing gradient)") if sizes[0] < 1 else say("grows (exploding gradient)")
    if len(factors) > 1:
        yield inline(
            "Memory {word}: over {count} steps the slopes multiply to {product}.",
            word=word,
            count=in_words(len(factors)),
            product=desk.equals(product),
        )
        return
    square = desk.calculate(Var(product) ** 2, desk.values.rounding.of_products)
    yield inline(
        "Memory {word}: one step multiplies by {product}; two such steps would multiply by {square}.",
        word=word,
        product=desk.equals(product),
        square=square.equation,
    )


def _feedforward_takeaways(parts: Parts, *, chained: bool) -> Iterator[Inline]:
    if chained:
        yield inline("Each quantity is used once, so each gradient has one source: the chain rule is a single product.")
    if parts.updates:
        yield inline("All gradients are taken with the old parameters; the parameters are updated together, at the end.")
    yield inline(
        "A feedforward network meets each input on its own: nothing of this calculation is remembered for the "
        "next input. A recurrent network would keep its hidden value, whose gradient would have a second source."
    )


def contributions(desk: Desk, parts: Parts) -> Iterator[Inline]:
    """The gradient of a parameter that is used at every step; an encoder and a decoder may have different numbers of steps."""
    network = desk.problem.network
    once = parts.updates and not parts.later
    steps = {"": desk.last_time}
    if network.source_steps:
        steps = {"encoder": network.source_steps, "decoder": desk.last_time}
    used = {len(group) - 1 for group in parts.gradients.values()}
    if network.samples is not None or not used >= set(steps.values()) or min(steps.values()) < 2:
        return
    if not network.source_steps:
        pattern = (
            to_say(
                "A parameter that is used at every step collects one contribution from each of the {n} steps, and is "
                "updated once."
            )
            if once
            else to_say("A parameter that is used at every step collects one contribution from each of the {n} steps.")
        )
        yield inline(pattern, n=in_words(desk.last_time))
        return
    yield inline(
        "A parameter of the encoder collects one contribution from each of its {encoder} steps, one of the "
        "decoder from each of its {decoder}.",
        encoder=in_words(steps["encoder"]),
        decoder=in_words(steps["decoder"]),
    )


def of_this_network(desk: Desk) -> Iterator[Inline]:
    """The particular points of this cell, this output and this update, at most one sentence for each."""
    network, loss, update = desk.problem.network, desk.problem.loss, desk.problem.update
    cell = network.cells[0]
    if isinstance(cell, Equations):
        pass
    elif scaled(cell):
        yield inline("The stabiliser cancels in c / n, so no gradient goes through it.")
    elif cell.gates and cell.memory == "c" and not getattr(cell, "peepholes", False):
        yield inline("Along the cell, one step multiplies an error by its forget gate: near 1 it passes, near 0 it is blocked.")
    if network.feedback == "target":
        yield inline("With teacher forcing a target is the next input, so no gradient goes from an input to the output before.")
    paired = loss.kind == "cross_entropy" and loss.gradient == "short"
    if paired and network.readout and network.feedback != "output" and desk.parts.backward:
        yield inline("Before the softmax, the gradient of the cross-entropy is prediction minus target, times a constant.")
    if update is None:
        return
    if update.truncate_every:
        yield inline("Truncation leaves out what a backward pass would carry beyond its end; the forward pass is not cut.")
    elif update.truncate:
        yield inline("Truncation leaves out what would be carried over a border of two windows; the forward pass is not cut.")
    if update.clip == "norm":
        yield inline("Clipping by the norm makes a long gradient shorter and keeps its direction.")
    if update.rule in ("momentum", "nesterov"):
        yield inline("Momentum moves a parameter by its velocity, in which earlier gradients go on acting.")
