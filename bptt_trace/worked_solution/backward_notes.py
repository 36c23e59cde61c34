"""Sentences on the backward pass, each printed only where it is true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from bptt_trace.calculation.iterations import truncated
from bptt_trace.document.mathematics import Math, Relation
from bptt_trace.document.sentences import Inline, Place, in_a_row, inline, say, to_say, together
from bptt_trace.document.sheet import Note
from bptt_trace.engine.formula import Const, Over, Var, product
from bptt_trace.engine.functions import Function, identity, relu, sigmoid, tanh
from bptt_trace.engine.names import Name, gradient
from bptt_trace.engine.program import Moment
from bptt_trace.lines.cell_words import scaled
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.parts_of_sheet import Parts, one_step, sources_of
from bptt_trace.lines.readings import percent, size
from bptt_trace.worked_solution.wording import listed, readable, summed


def short_gradient(desk: Desk, moment: Moment) -> Iterator[Note]:
    """The sum of the gradients of the logits, or that the long way gives the short gradient."""
    network, loss = desk.problem.network, desk.problem.loss
    stems = (network.readout.logits, "y", None) if network.readout else ("a", "h", network.layers[-1])
    name = Name(str(stems[0]), stems[2], moment.time, sample=moment.sample)
    indices = [(i,) for i in range(1, network.outputs + 1)] if network.outputs > 1 else [()]
    lines = [desk.find(gradient(name._replace(index=index))) for index in indices]
    if not loss.of_probabilities or None in lines or not readable(desk) or len(lines) > 6:
        return
    positions = [line for line in lines if line is not None]
    if loss.gradient == "short":
        if loss.over_classes:
            total = desk.calculate(summed([Var(position) for position in positions]), desk.precision(positions[0]))
            yield Note(
                say("Check"),
                inline(
                    to_say("What one class gains the others lose: these gradients add up to 0, apart from rounding: {total}.")
                    if total.number
                    else to_say("What one class gains the others lose: these gradients add up to 0: {total}."),
                    total=total.equation,
                ),
            )
        return
    scale = loss.factor
    if network.steps is not None and not network.single and loss.over_time == "mean":
        scale /= network.steps
    if network.samples is not None and loss.over_batch == "mean":
        scale /= network.samples
    if network.outputs > 1 and loss.over_units == "mean":
        scale /= network.outputs
    said: list[Math] = []
    same = True
    for index, position in zip(indices, positions, strict=True):
        y = desk.find(Name(str(stems[1]), stems[2], moment.time, index, moment.sample))
        target = desk.find(Name("target", time=moment.time, index=index, sample=moment.sample))
        if y is None or target is None:
            return
        difference = desk.calculate(product(Const(scale), Var(y) - Var(target)), desk.precision(position))
        said.append(difference.equation)
        same = same and difference.value.text == desk.value(position).text
    pattern = (
        to_say("Prediction − target gives the same in one line: {said}.")
        if same
        else to_say("Prediction − target would give the same in one line if nothing were rounded on the long way: {said}.")
    )
    yield Note(say("Short way"), inline(pattern, said=in_a_row(say(", "), said)))


class Sources(NamedTuple):
    """The two ways by which a gradient reaches a hidden state."""

    direct: int
    carried: int
    total: int


def sources(desk: Desk, time: int) -> Sources | None:
    """Direct, carried and sum of the gradient of the hidden state at this time, where these are its two parts."""
    total = desk.find(gradient(Name("h", time=time)))
    if total is None:
        return None
    found = {source.word: source.position for source in sources_of(desk.program, total)}
    if len(desk.steps[total].arguments) != 2 or found.keys() != {"direct", "carried"}:
        return None
    return Sources(found["direct"], found["carried"], total)


def two_sources(desk: Desk, time: int, *, first: bool) -> Iterator[Note]:
    """A comparison of the direct and the carried part of a gradient."""
    found = sources(desk, time)
    if found is None or not readable(desk):
        return
    signs = desk.sign(found.direct), desk.sign(found.carried)
    h = desk.name(found.total)
    fed_back = desk.problem.network.feedback == "output"
    pattern = (
        to_say(
            "{h} acts on the loss through its own output, which is also fed back ({direct}: {d}) "
            "and through the memory of step {next} ({carried}: {c})."
        )
        if fed_back
        else to_say(
            "{h} acts on the loss through its own output ({direct}: {d}) and through the memory of step {next} ({carried}: {c})."
        )
    )
    start = inline(
        pattern,
        h=desk.name(position) if (position := desk.find(Name("h", time=time))) is not None else h,
        direct=desk.line(found.direct),
        d=desk.value(found.direct),
        next=str(time + 1),
        carried=desk.line(found.carried),
        c=desk.value(found.carried),
    )
    if signs[0] * signs[1] > 0:
        start += _same_direction(desk, found, signs[0])
    elif signs[0] * signs[1] < 0:
        start += _opposite(desk, found)
    else:
        return
    if first:
        start += inline(" Leaving out the memory path is the most common mistake in this calculation.")
    yield Note(say("Two sources"), start)


def _same_direction(desk: Desk, found: Sources, sign: int) -> Inline:
    h = desk.steps[found.total].target._replace(of=None)
    position = desk.find(h)
    both = inline(
        to_say(" Both are negative: both ask for a larger {h}.")
        if sign < 0
        else to_say(" Both are positive: both ask for a smaller {h}."),
        h=desk.name(position) if position is not None else str(h),
    )
    if not desk.printed(found.total):
        return both
    share = desk.calculate(Over(Var(found.carried), Var(found.total)))
    if not 0 < share.number < 1:
        return both  # a share of nearly 0, or of nearly 1, is not rounded to it
    return both + inline(
        " The memory path makes up {share}, that is {percent} %, of the sum.",
        share=share.equation,
        percent=desk.said(percent, share),
    )


def _opposite(desk: Desk, found: Sources) -> Inline:
    total = desk.calculate(Var(found.direct) + Var(found.carried), desk.precision(found.total))
    opposite = inline(" They pull in opposite directions: {sum}.", sum=total.equation)
    direct, carried = abs(desk.printed(found.direct)), abs(desk.printed(found.carried))
    if direct != carried:
        if carried > direct:
            return opposite + inline(" The carried part is larger in size and decides the sign.")
        return opposite + inline(" The direct part is larger in size and decides the sign.")
    cancel = not total.number
    return opposite + inline(" They are of the same size and cancel.") if cancel else opposite


def through_activation(desk: Desk, times: Sequence[int | None]) -> Iterator[Note]:
    """The effect of the slope of the hidden activation on the gradient."""
    function = desk.problem.network.activation
    pairs = [pair for time in times if (pair := _crossing(desk, time)) is not None]
    if not pairs or not readable(desk):
        return
    bound = {tanh: ("tanh", say("between 0 and 1")), sigmoid: (say("the sigmoid"), say("between 0 and 1/4"))}.get(function)
    if bound and all(_shrinks(desk, *pair) for pair in pairs):
        (before, after), *others = pairs
        text = inline(
            "The slope of {name} lies {bounds}, so {after} has the sign of {before} and is not larger in size ({sizes})",
            name=bound[0],
            bounds=bound[1],
            after=desk.line(after),
            before=desk.line(before),
            sizes=Relation(desk.reading(size, after), desk.reading(size, before), sign=" <= "),
        )
        if others:
            same = listed([say("lines {a} and {b}", a=desk.line_of[a], b=desk.line_of[b]) for b, a in others[:3]])
            text += inline("; likewise {same}", same=same)
        yield Note(say("Check"), together(text, "."))
    for before, after in pairs:
        yield from _blocked(desk, function, before, after)


def _crossing(desk: Desk, time: int | None) -> tuple[int, int] | None:
    before, after = (desk.find(gradient(Name(stem, time=time))) for stem in ("h", "a"))
    return (before, after) if before is not None and after is not None else None


def _shrinks(desk: Desk, before: int, after: int) -> bool:
    one, other = desk.printed(before), desk.printed(after)
    return bool(abs(other) <= abs(one) and one * other > 0)


def _blocked(desk: Desk, function: Function, before: int, after: int) -> Iterator[Note]:
    """A unit that lets almost nothing through."""
    target = desk.steps[after].target._replace(of=None)
    a, h = desk.find(target), desk.find(target._replace(stem="h"))
    assert a is not None and h is not None
    if function.name == "relu" and function.pieces == relu().pieces and desk.printed(a) < 0 and desk.numbers[before] != 0:
        yield Note(
            say("Off"),
            inline("{a} is negative: the unit is off, its slope is 0, and nothing passes back through it.", a=desk.equals(a)),
        )
    if function is not tanh:
        return
    slope = desk.calculate(1 - Var(h) ** 2)
    if slope.number < Decimal("0.01") and desk.numbers[before] != 0:
        yield Note(
            say("Saturated"),
            inline(
                "The slope {slope} is small: {h} is near ±1 and lets almost nothing through.",
                slope=slope.equation,
                h=desk.name(h),
            ),
        )


def chain(desk: Desk) -> Iterator[Note]:
    """The way of the error of a feedforward network to its hidden unit."""
    position = desk.find(gradient(Name("a")))
    before = desk.find(gradient(Name("h")))
    error = desk.find(gradient(Name("y")))
    weight = desk.find(Name("w_hy"))
    if None in (position, before, error, weight) or not readable(desk):
        return
    assert position is not None and before is not None and error is not None and weight is not None
    slope = desk.find(Name("a", of=Name("h")))
    through: Inline = ()
    if slope is not None and desk.problem.network.activation is not identity:
        function = desk.problem.network.activation.name
        through = inline(" and through the slope of {name} ({slope})", name=function, slope=desk.filled_numbers(slope))
    outer = (
        inline(", through the slope of the output ({slope}),", slope=desk.filled_numbers(z))
        if (z := desk.find(Name("z", of=Name("y")))) is not None
        else ()
    )
    yield Note(
        say("Chain"),
        inline(
            "The error {error} is passed back{outer} through the weight ({weight}){through}: "
            "{before} at {h} becomes {after} at {a}.",
            error=desk.value(error),
            outer=outer,
            weight=desk.value(weight),
            through=through,
            before=desk.value(before),
            after=desk.value(position),
            h=name_of(desk, Name("h")),
            a=name_of(desk, Name("a")),
        ),
    )


def name_of(desk: Desk, name: Name) -> Math:
    """The printed name of a step."""
    position = desk.find(name)
    assert position is not None
    return desk.name(position)


def reach(desk: Desk, parts: Parts) -> Iterator[Note]:
    """The meaning of the factors between the states."""
    singles = [p for p in parts.factors if one_step(desk.steps[p].target)]
    if not singles or not readable(desk):
        return
    product = parts.factors[-1]
    state = desk.steps[singles[0]].target._replace(of=None)
    sizes = [abs(desk.printed(position)) for position in singles]
    others = len(desk.problem.network.cells[0].state) > 1
    told: dict[str, Place] = {
        "last": name_of(desk, state._replace(time=desk.last_time)),
        "first": name_of(desk, state._replace(time=1)),
        "product": desk.value(product),
        "line": desk.line(product),
    }
    if truncated(desk.problem):
        cut = (
            to_say(
                "Truncation keeps an error at {last} from reaching {first}; without it, it would arrive there "
                "multiplied by {product} ({line}) along this memory alone."
            )
            if others
            else to_say(
                "Truncation keeps an error at {last} from reaching {first}; without it, it would arrive there "
                "multiplied by {product} ({line})."
            )
        )
        yield Note(say("Reach"), inline(cut, **told))
        return
    whole = inline(
        to_say("An error at {last} reaches {first} multiplied by {product} ({line}) along this memory alone")
        if others
        else to_say("An error at {last} reaches {first} multiplied by {product} ({line})"),
        **told,
    )
    verdict = _verdict(sizes, abs(desk.printed(product)))
    if scaled(desk.problem.network.cells[0]):
        verdict = say(
            "the memory is rescaled by the stabiliser at every step, so this factor does not measure what is "
            "kept; in the output the stabiliser cancels"
        )
    yield Note(say("Reach"), inline("{whole}: {verdict}.", whole=whole, verdict=verdict))


LASTING = (0.5, 2.0)
"""A gradient is called stable where at least half of it arrives, and less than double."""


def lasts(product: Any) -> bool:
    """Whether a change that is multiplied by this is neither lost nor blown up."""
    least, most = LASTING
    return bool(least <= abs(product) < most)


def _verdict(sizes: Sequence[Any], product: Any) -> str:
    """The effect of factors of these sizes on the gradient."""
    single = len(sizes) == 1
    if any(size == 0 for size in sizes):
        nothing = say("the factor is 0, so nothing comes back through it")
        return nothing if single else say("a factor is 0, so nothing comes back through it")
    if all(size == 1 for size in sizes):
        alone = say("the factor is 1 in size, so all of it comes back (stable gradient)")
        return alone if single else say("each factor is 1 in size, so all of it comes back (stable gradient)")
    shrink, enlarge = all(size < 1 for size in sizes), all(size > 1 for size in sizes)
    if lasts(product) and (shrink or enlarge):
        alone = say(
            "the factor is close enough to 1 that at least half of it comes back and it does not double (stable gradient)"
        )
        return (
            alone
            if single
            else say(
                "each factor is close enough to 1 that at least half of it comes back and it does not double (stable gradient)"
            )
        )
    if shrink:
        alone = say("the factor is smaller than 1 in size, so what comes back fades (vanishing gradient)")
        return alone if single else say("each factor is smaller than 1 in size, so what comes back fades (vanishing gradient)")
    if enlarge:
        alone = say("the factor is larger than 1 in size, so what comes back grows (exploding gradient)")
        return alone if single else say("each factor is larger than 1 in size, so what comes back grows (exploding gradient)")
    whole = (
        say("on the whole it fades")
        if product < 1
        else say("on the whole it grows")
        if product > 1
        else say("on the whole it stays")
    )
    if any(size < 1 for size in sizes) and any(size > 1 for size in sizes):
        return say("some factors shrink it and some enlarge it; {whole}", whole=whole)
    if product > 1:
        return say("some factors enlarge it, none shrinks it; {whole}", whole=whole)
    return say("some factors shrink it, none enlarges it; {whole}", whole=whole)
