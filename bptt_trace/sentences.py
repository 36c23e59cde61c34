"""The explanations: short, made from the problem, printed only where their condition holds.

Each function looks at the numbers and returns the notes that are true of them,
in the order in which they are read. Every number in a sentence stands in a
line, or is calculated in that sentence by ``Desk.calculate``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, NamedTuple

from bptt_trace.cellwords import scaled
from bptt_trace.desk import Calculation, Desk
from bptt_trace.formula import Apply, Const, Formula, Over, Sum, Times, Var, product, variables
from bptt_trace.functions import Function, identity, relu, sigmoid, softmax, tanh
from bptt_trace.names import LOSS, Name, gradient
from bptt_trace.notation import clock_at
from bptt_trace.parts import Parts, one_step
from bptt_trace.problem import Problem
from bptt_trace.program import KEEPS_FIGURES, Moment, Role
from bptt_trace.sheet import Inline, Math, Note, inline
from bptt_trace.training import borders

NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def in_words(count: int) -> str:
    """A small number as a word."""
    return NUMBER_WORDS[count] if count < len(NUMBER_WORDS) else str(count)


def listed(items: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def named(names: Sequence[Math]) -> Inline:
    """Names in a row of words: ``a, b and c``."""
    pieces: list[str | Math] = []
    for place, name in enumerate(names):
        pieces += [" and " if place == len(names) - 1 else ", "] if place else []
        pieces.append(name)
    return tuple(pieces)


class Voices(NamedTuple):
    """The terms of a recurrent pre-activation, told apart by what they contain."""

    position: int
    """The pre-activation."""
    hidden: int
    """The state that it makes."""
    state: int
    """The state before."""
    memory: Formula
    others: tuple[tuple[str, Formula], ...]
    """The input and the bias, where they are there."""


def voices(desk: Desk, time: int) -> Voices | None:
    """The terms that line a_t adds, where they are single numbers."""
    position = desk.find(Name("a", time=time))
    hidden = desk.find(Name("h", time=time))
    state = desk.find(Name("h", time=time - 1))
    if position is None or hidden is None or state is None or desk.steps[position].formula is None:
        return None
    formula = desk.steps[position].formula
    assert formula is not None
    terms = formula.terms if isinstance(formula, Sum) else (formula,)
    memory = [term for term in terms if any(v.number == state for v in variables(term))]
    others = tuple(
        ("bias" if isinstance(term, Var) else "fed back" if _fed_back(desk, term) else "input", term)
        for term in terms
        if not any(v.number == state for v in variables(term))
    )
    return Voices(position, hidden, state, memory[0], others) if len(memory) == 1 else None


def _fed_back(desk: Desk, term: Formula) -> bool:
    """Whether a term is what the step before gave out, or should have."""
    return any(desk.steps[v.number].target.stem in ("y", "target") for v in variables(term))


def _readable(desk: Desk) -> bool:
    """Whether numbers are short enough to be calculated with in a sentence."""
    return desk.values.rounding.policy != "exact"


# --------------------------------------------------------------- forward pass


def memory(desk: Desk, time: int) -> Iterator[Note]:
    """What the state at this time remembers."""
    found = voices(desk, time)
    if found is None or not _readable(desk):
        return
    if time == 1:
        yield _first_memory(desk, found)
    elif found.others:
        yield _later_memory(desk, found, time)
    factor = desk.find(Name("h", time=time - 1, of=Name("h", time=time)))
    if time > 1 and factor is not None:
        yield _passed_on(desk, found, factor, time)


def gates(desk: Desk, moment: Moment) -> Iterator[Note]:
    """What each gate does with these numbers, told by the products in which it stands; of a vector, in unit 1."""
    if not _readable(desk):
        return
    network = desk.problem.network
    said: list[Inline] = []
    for position in desk.parts.forward.steps[moment]:
        step = desk.steps[position]
        if step.rule is None or step.target.index not in ((), (1,)):
            continue
        open_gates = {
            place
            for place, argument in enumerate(step.arguments)
            if network.cell_of(step.target.layer).gates.get(desk.steps[argument].target.stem) is sigmoid
        }
        formula = step.rule.formula
        terms = formula.terms if isinstance(formula, Sum) else (formula,)
        for term in terms:
            said += _gated(desk, position, term, open_gates, adds=len(terms) > 1)
    if said:
        yield Note("Gates", (*(part for place, one in enumerate(said) for part in ("; " if place else "", *one)), "."))


def _gated(desk: Desk, position: int, term: Formula, gates: Collection[int], *, adds: bool) -> Iterator[Inline]:
    """``f_2 = 0.8700 keeps 87 % of c_1``, where the term is a gate times something else."""
    if not isinstance(term, Times) or len(term.factors) != 2:
        return
    step = desk.steps[position]
    first, second = term.factors
    of = [v.number for v in variables(first)]
    if len(of) != 1 or of[0] not in gates:
        first, second = second, first
        of = [v.number for v in variables(first)]
    if len(of) != 1 or of[0] not in gates:
        return
    gate = step.arguments[of[0]]
    gated = [step.arguments[v.number] for v in variables(second)]
    if len(gated) != 1 or desk.numbers[gated[0]] == 0:
        return
    whole = desk.equals(gate) if isinstance(first, Var) else _one_minus(desk, gate)
    share = desk.numbers[gate] if isinstance(first, Var) else 1 - desk.numbers[gate]
    earlier = desk.steps[gated[0]].target.time != step.target.time
    # Into the sum that the cell is, or on to what reads it.
    passes = "in" if adds else "through"
    pattern = "keeps {share} of {what}" if earlier and adds else f"lets {{share}} of {{what}} {passes}"
    name = desk.name(gated[0])
    if isinstance(second, Apply):
        spelled = [f"{sign}({text})" for sign, text in ((second.function.name, name.text), (second.function.latex, name.latex))]
        name = Math(*spelled)
    yield (whole, " ", *inline(pattern, share=_share(share), what=name))


def _one_minus(desk: Desk, gate: int) -> Math:
    return desk.calculate(1 - Var(gate)).equation


def _share(part: Any) -> str:
    """A part of 1 in whole percent; what is nearly all or nearly nothing is not called all or nothing."""
    whole = int((Decimal(str(part)) * 100).to_integral_value(ROUND_HALF_UP))
    if whole in (0, 100) and part not in (0, 1):
        return "less than 1 %" if whole == 0 else "more than 99 %"
    return f"{whole} %"


def _first_memory(desk: Desk, found: Voices) -> Note:
    brought = desk.calculate(found.memory)
    h_0 = desk.equals(found.state)
    line = desk.line(found.position)
    if desk.numbers[found.state] != 0:
        return Note(
            "Memory",
            inline(
                "The memory is not empty: {h_0} brings {calculation} into {line}.",
                h_0=h_0,
                calculation=brought.equation,
                line=line,
            ),
        )
    sources: list[str | Math] = []
    for word, term in found.others:
        sources.append("the bias" if word == "bias" else _inputs(desk, term))
    carried: Inline = ()
    for place, source in enumerate(sources):
        carried += (" and ", source) if place else (source,)
    start = inline(
        "{h_0}: the memory is empty, so {line} gets {calculation} from the past.",
        h_0=h_0,
        line=line,
        calculation=brought.equation,
    )
    if not carried:
        return Note("Memory", start)
    return Note(
        "Memory",
        (*start, *inline(" All that {h_1} carries on comes from {sources}.", h_1=desk.equals(found.hidden), sources=carried)),
    )


def _inputs(desk: Desk, term: Formula) -> Math:
    given = [v.number for v in variables(term) if desk.steps[v.number].role is Role.GIVEN]
    return desk.name(given[0])


def _later_memory(desk: Desk, found: Voices, time: int) -> Note:
    remembered = desk.calculate(found.memory)
    spoken, silent = _without(desk, found)
    spoken.insert(1, inline("the memory {shown}", shown=remembered.equation))
    said: Inline = ()
    for place, voice in enumerate(spoken):
        said += (", ", *voice) if place else voice
    sentence = inline(
        "{line} adds {count} voices: {voices}.",
        line=desk.line(found.position).capitalize(),
        count=in_words(len(spoken)),
        voices=said,
    )
    difference = _without_memory(desk, found, silent, time)
    return Note("Memory", (*sentence, *difference))


def _without(desk: Desk, found: Voices) -> tuple[list[Inline], Formula]:
    """What the other voices say, one by one, and their sum: the pre-activation with the memory silent."""
    spoken: list[Inline] = []
    silent: Formula | None = None
    for word, term in found.others:
        if isinstance(term, Var):
            value, shown = term, desk.value(term.number)
        else:
            one = desk.calculate(term)
            value, shown = one.variable, one.equation
        silent = value if silent is None else silent + value
        spoken.append(inline("the {word} {shown}", word=word, shown=shown))
    assert silent is not None
    return spoken, silent


class Silence(NamedTuple):
    """What the state would be with its memory silent."""

    before: Inline
    shown: Math
    difference: Calculation


def _silence(desk: Desk, found: Voices, silent: Formula) -> Silence:
    """The state from the other voices alone, and how far it is from the state."""
    before: Inline = ()
    if not isinstance(silent, Var):
        added = desk.calculate(silent)
        before = inline("the pre-activation would be {sum} and ", sum=added.equation)
        silent = added.variable
    alone = _as_calculation(desk, silent)
    shown = alone.value
    formula = desk.steps[found.hidden].formula
    if isinstance(formula, Apply) and formula.function is not identity:
        alone = desk.calculate(Apply(formula.function, silent))
        shown = alone.equation
    return Silence(before, shown, desk.calculate(Var(found.hidden) - alone.variable))


def _without_memory(desk: Desk, found: Voices, silent: Formula, time: int) -> Inline:
    """What the state would be with its memory silent, in words."""
    before, shown, difference = _silence(desk, found, silent)
    h = desk.name(found.hidden)
    start = inline(" With the memory silent, {before}{h} would be {shown}", before=before, h=h, shown=shown)
    if difference.number == 0:
        return start + inline(": as printed, {h} is the same with and without its memory.", h=h)
    of = "step 1" if time == 2 else f"the {in_words(time - 1)} steps before"
    return start + inline(
        "; with it, {with_it}. The difference, {difference}, is what {h} remembers of {of}.",
        with_it=desk.equals(found.hidden),
        difference=difference.equation,
        h=h,
        of=of,
    )


def _as_calculation(desk: Desk, variable: Var) -> Calculation:
    """An earlier calculation, or a step, for use where a calculation is wanted."""
    value = desk.value(variable.number)
    return Calculation(variable, desk.numbers[variable.number], value, value)


def _passed_on(desk: Desk, found: Voices, factor: int, time: int) -> Note:
    ways = [
        desk.find(gradient(Name("a", time=time))),
        desk.find(gradient(Name("h", time=time - 1), Name("a", time=time))) or desk.find(gradient(Name("h", time=time - 1))),
    ]
    passed = inline(
        "A small change of {before} reaches {after} multiplied by {factor}.",
        before=desk.name(found.state),
        after=desk.name(found.hidden),
        factor=full_line(desk, factor, with_name=False),
    )
    lines = [str(desk.line_of[way]) for way in ways if way is not None]
    if lines and time - 1 not in borders(desk.problem):
        passed += (f" The gradient travels back through the same factor (lines {listed(lines)}).",)
    return Note("Memory", passed)


def full_line(desk: Desk, position: int, *, with_name: bool = True) -> Math:
    """A step as one chain of equations: ``name = formula = numbers = value``."""
    row = desk.row(position)
    relation = Math(row.relation, "=" if row.relation == "=" else r"\approx")
    start = (f"{row.name.text} = ", f"{row.name.latex} = ") if with_name else ("", "")
    same = row.formula.text == row.numbers.text or not desk.steps[position].arguments
    middle = ("", "") if same else (f"{row.formula.text} = ", f"{row.formula.latex} = ")
    return Math(
        f"{start[0]}{middle[0]}{row.numbers.text} {relation.text} {row.result.text}",
        f"{start[1]}{middle[1]}{row.numbers.latex} {relation.latex} {row.result.latex}",
    )


# ----------------------------------------------------------------------- loss


def loss_check(desk: Desk, parts: Parts) -> Iterator[Note]:
    """What can be seen of a squared error without calculating it again."""
    loss, network = desk.problem.loss, desk.problem.network
    if not loss.has_target or not _readable(desk) or network.samples is not None:
        return
    *terms, total = [p for p in parts.forward.losses if not desk.steps[p].target.index]
    if not terms:
        if loss.kind == "squared_error" and network.outputs == 1:
            yield from _one_error(desk, total)
        return
    kind = (
        "A squared error"
        if loss.kind == "squared_error"
        else "The logarithm of a probability is not positive, so a cross-entropy"
    )
    if len(terms) < 2:
        return
    ordered = sorted(terms, key=lambda position: desk.numbers[position])
    least, most = ordered[0], ordered[-1]
    numbers = desk.numbers
    if loss.over_time == "mean" and numbers[least] <= numbers[total] <= numbers[most]:
        start = inline(
            "{kind} is never negative, and a mean lies between its terms: {bounds}.",
            kind=kind,
            bounds=_chain([desk.value(least), desk.value(total), desk.value(most)], "<=", r"\le"),
        )
    elif loss.over_time == "sum" and numbers[most] <= numbers[total]:
        start = inline(
            "{kind} is never negative, so a sum is not smaller than its largest term: {bounds}.",
            kind=kind,
            bounds=_chain([desk.value(most), desk.value(total)], "<=", r"\le"),
        )
    else:
        return
    worst = desk.steps[most].target.time
    if len(terms) == 2 and numbers[most] > numbers[least]:
        start += inline(
            " Step {far} is further from its target than step {near} ({most} against {least}).",
            far=str(worst),
            near=str(desk.steps[least].target.time),
            most=desk.value(most),
            least=desk.value(least),
        )
    elif numbers[most] > numbers[ordered[-2]]:
        start += inline(" Step {far} is furthest from its target ({most}).", far=str(worst), most=desk.value(most))
    yield Note("Check", start)


def _one_error(desk: Desk, total: int) -> Iterator[Note]:
    arguments = desk.steps[total].arguments
    if len(arguments) != 2:
        return
    prediction, target = arguments
    error = desk.calculate(Var(prediction) - Var(target))
    side = "above" if error.number > 0 else "below" if error.number < 0 else "exactly at"
    yield Note(
        "Check",
        inline(
            "{y} is {side} its target {target}: the error is {error}; its square is never negative.",
            y=desk.equals(prediction),
            side=side,
            target=desk.value(target),
            error=error.equation,
        ),
    )


def _chain(values: Sequence[Math], sign: str, in_latex: str) -> Math:
    return Math(f" {sign} ".join(v.text for v in values), f" {in_latex} ".join(v.latex for v in values))


def probabilities(desk: Desk, moment: Moment) -> Iterator[Note]:
    """That probabilities add up to 1, and which class is the likeliest."""
    network = desk.problem.network
    output = network.output_activation
    name = network.prediction(moment.time)
    lines = [desk.find(name._replace(index=(i,), sample=moment.sample)) for i in range(1, network.outputs + 1)]
    if output is not softmax or not _readable(desk) or len(lines) > 6:
        return
    positions = [line for line in lines if line is not None]
    if len(positions) != len(lines):
        return
    total = desk.calculate(_added([Var(position) for position in positions]))
    apart = total.number - 1
    rounded = " but for rounding" if apart else ""
    best = max(positions, key=lambda position: desk.numbers[position])
    text = inline(
        "Probabilities add up to 1{rounded}: {total}. The likeliest class is {best}",
        rounded=rounded,
        total=total.equation,
        best=desk.equals(best),
    )
    target = desk.find(desk.steps[best].target._replace(stem="target", layer=None))
    if target is not None and desk.numbers[target] in (0, 1):
        text += (f", and it is {'the' if desk.numbers[target] else 'not the'} target",)
    yield Note("Check", (*text, "."))


def _added(terms: Sequence[Formula]) -> Formula:
    total = terms[0]
    for one in terms[1:]:
        total = total + one
    return total


# -------------------------------------------------------------- backward pass


def short_gradient(desk: Desk, moment: Moment) -> Iterator[Note]:
    """What the gradients of the logits add up to, or that the long way gives the short gradient."""
    network, loss = desk.problem.network, desk.problem.loss
    stems = (network.readout.logits, "y", None) if network.readout else ("a", "h", network.layers[-1])
    name = Name(str(stems[0]), stems[2], moment.time, sample=moment.sample)
    indices = [(i,) for i in range(1, network.outputs + 1)] if network.outputs > 1 else [()]
    lines = [desk.find(gradient(name._replace(index=index))) for index in indices]
    if loss.kind not in ("cross_entropy", "binary_cross_entropy") or None in lines or not _readable(desk) or len(lines) > 6:
        return
    positions = [line for line in lines if line is not None]
    if loss.gradient == "short":
        if loss.kind == "cross_entropy":
            total = desk.calculate(_added([Var(position) for position in positions]))
            yield Note(
                "Check",
                inline(
                    "What one class gains the others lose: these gradients add up to 0{rounded}: {total}.",
                    rounded=" but for rounding" if total.number else "",
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
    said: Inline = ()
    for index in indices:
        y = desk.find(Name(str(stems[1]), stems[2], moment.time, index, moment.sample))
        target = desk.find(Name("target", time=moment.time, index=index, sample=moment.sample))
        if y is None or target is None:
            return
        one = desk.calculate(product(Const(scale), Var(y) - Var(target)))
        said += (", ", one.equation) if said else (one.equation,)
    yield Note(
        "Short way",
        inline("Prediction − target gives the same in one line{digits}: {said}.", digits=_up_to_digits(desk), said=said),
    )


def _up_to_digits(desk: Desk) -> str:
    return ", up to the last digits kept" if desk.values.rounding.policy in ("by_hand", "carry") else ""


HIDDEN_STATE = Name("h")


class Sources(NamedTuple):
    """The two ways by which a gradient reaches a hidden state."""

    direct: int
    carried: int
    total: int


def sources(desk: Desk, time: int, state: Name = HIDDEN_STATE) -> Sources | None:
    """Direct, carried and sum of the gradient of a state at this time, where there are both."""
    total = desk.find(gradient(state._replace(time=time)))
    if total is None:
        return None
    step = desk.steps[total]
    if step.through is not None or len(step.arguments) != 2:
        return None
    return Sources(*step.arguments, total)


def two_sources(desk: Desk, time: int, *, first: bool) -> Iterator[Note]:
    """How the direct and the carried part of a gradient compare."""
    found = sources(desk, time)
    if found is None or not _readable(desk):
        return
    signs = desk.sign(found.direct), desk.sign(found.carried)
    h = desk.name(found.total)
    start = inline(
        "{h} acts on the loss through its own output ({direct}: {d}) and through the memory of step {next} ({carried}: {c}).",
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
        start += (" To leave the memory path out is the most common mistake in this calculation.",)
    yield Note("Two sources", start)


def _same_direction(desk: Desk, found: Sources, sign: int) -> Inline:
    asks = ("negative", "larger") if sign < 0 else ("positive", "smaller")
    h = desk.steps[found.total].target._replace(of=None)
    share = desk.calculate(Over(Var(found.carried), Var(found.total)))
    position = desk.find(h)
    return inline(
        " Both are {sign}: both ask for a {size} {h}. The memory path makes up {share}, that is {percent} %, of the sum.",
        sign=asks[0],
        size=asks[1],
        h=desk.name(position) if position is not None else str(h),
        share=share.equation,
        percent=percent(share.number),
    )


def _opposite(desk: Desk, found: Sources) -> Inline:
    total = desk.calculate(Var(found.direct) + Var(found.carried))
    sizes = abs(desk.numbers[found.direct]), abs(desk.numbers[found.carried])
    if sizes[0] == sizes[1]:
        decides = "They are of the same size and cancel."
    else:
        decides = f"The {'carried' if sizes[1] > sizes[0] else 'direct'} part is larger in size and decides the sign."
    return inline(" They pull in opposite directions: {sum}. {decides}", sum=total.equation, decides=decides)


def percent(share: Any) -> str:
    """A share as a percentage with two significant figures.

    >>> percent(0.1544), percent(0.00033), percent(-1.5)
    ('15', '0.033', '150')
    """
    two = Context(prec=2, rounding=ROUND_HALF_UP)
    return f"{two.plus(abs(Decimal(str(share))) * 100):f}"


def through_activation(desk: Desk, times: Sequence[int | None]) -> Iterator[Note]:
    """What the slope of the hidden activation does to the gradient."""
    function = desk.problem.network.activation
    pairs = [pair for time in times if (pair := _crossing(desk, time)) is not None]
    if not pairs or not _readable(desk):
        return
    bound = {tanh: ("tanh", "between 0 and 1"), sigmoid: ("the sigmoid", "between 0 and 1/4")}.get(function)
    if bound and all(_shrinks(desk, *pair) for pair in pairs):
        (before, after), *others = pairs
        text = inline(
            "The slope of {name} lies {bounds}, so {after} has the sign of {before} and is not larger in size ({sizes})",
            name=bound[0],
            bounds=bound[1],
            after=desk.line(after),
            before=desk.line(before),
            sizes=_chain([_size(desk.value(after)), _size(desk.value(before))], "<=", r"\le"),
        )
        if others:
            same = listed([f"{desk.line_of[a]} and {desk.line_of[b]}" for b, a in others[:3]])
            text += (f"; the same holds for lines {same}",)
        yield Note("Check", (*text, "."))
    for before, after in pairs:
        yield from _blocked(desk, function, before, after)


def _crossing(desk: Desk, time: int | None) -> tuple[int, int] | None:
    before, after = (desk.find(gradient(Name(stem, time=time))) for stem in ("h", "a"))
    return (before, after) if before is not None and after is not None else None


def _shrinks(desk: Desk, before: int, after: int) -> bool:
    one, other = desk.numbers[before], desk.numbers[after]
    return bool(abs(other) <= abs(one) and one * other > 0)


def _size(value: Math) -> Math:
    return Math(value.text.removeprefix("-"), value.latex.removeprefix("-"))


def _blocked(desk: Desk, function: Function, before: int, after: int) -> Iterator[Note]:
    """A unit that lets almost nothing through."""
    target = desk.steps[after].target._replace(of=None)
    a, h = desk.find(target), desk.find(target._replace(stem="h"))
    assert a is not None and h is not None
    if function.name == "relu" and function.pieces == relu().pieces and desk.numbers[a] < 0 and desk.numbers[before] != 0:
        yield Note(
            "Off",
            inline("{a} is negative: the unit is off, its slope is 0, and nothing passes back through it.", a=desk.equals(a)),
        )
    if function is not tanh:
        return
    slope = desk.calculate(1 - Var(h) ** 2)
    if slope.number < Decimal("0.01") and desk.numbers[before] != 0:
        yield Note(
            "Saturated",
            inline(
                "The slope {slope} is small: {h} is near ±1 and lets almost nothing through.",
                slope=slope.equation,
                h=desk.name(h),
            ),
        )


def chain(desk: Desk) -> Iterator[Note]:
    """How the error of a feedforward network gets to its hidden unit."""
    position = desk.find(gradient(Name("a")))
    before = desk.find(gradient(Name("h")))
    error = desk.find(gradient(Name("y")))
    weight = desk.find(Name("w_hy"))
    if None in (position, before, error, weight) or not _readable(desk):
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
        "Chain",
        inline(
            "The error {error} is passed back{outer} through the weight ({weight}){through}: "
            "{before} at {h} becomes {after} at {a}.",
            error=desk.value(error),
            outer=outer,
            weight=desk.value(weight),
            through=through,
            before=desk.value(before),
            after=desk.value(position),
            h=_of(desk, Name("h")),
            a=_of(desk, Name("a")),
        ),
    )


def _of(desk: Desk, name: Name) -> Math:
    position = desk.find(name)
    assert position is not None
    return desk.name(position)


# ------------------------------------------------- gradients, update, new loss


def recurrent_weight(desk: Desk) -> Iterator[Note]:
    """Which memory the gradient of w_hh multiplies."""
    first = desk.find(gradient(Name("w_hh"), Name("a", time=1)))
    h_0 = desk.find(Name("h", time=0))
    if first is None or h_0 is None or desk.last_time < 2:
        return
    never = inline(
        " It multiplies {before}, the memory before the step, never {now}.",
        before=desk.speller.math(Name("h", time=0), clock_at(1)),
        now=desk.speller.math(Name("h", time=1), clock_at(1)),
    )
    w = _of(desk, Name("w_hh"))
    if desk.numbers[h_0] == 0:
        later = "step 2" if desk.last_time == 2 else "the later steps"
        text = inline(
            "{line} is 0 because {h_0}: at step 1 there was nothing to remember, so {w} can only be blamed for {later}.",
            line=desk.line(first).capitalize(),
            h_0=desk.equals(h_0),
            w=w,
            later=later,
        )
    else:
        text = inline("{w} is blamed for step 1 too, because {h_0} was there to be remembered.", w=w, h_0=desk.equals(h_0))
    yield Note("Memory", (*text, *never))


def update_check(desk: Desk, parts: Parts) -> Iterator[Note]:
    """Which parameters grow and which shrink."""
    changes = [desk.change(position) for position in parts.updates if desk.steps[position].role is Role.UPDATE]
    groups = [(changes.count(1), "grow"), (changes.count(-1), "shrink"), (changes.count(0), "stay")]
    met = [(count, verb) for count, verb in groups if count]
    if not any(changes):
        return
    if len(met) == 1 and len(changes) > 1:
        here = f"{'both' if len(changes) == 2 else f'all {in_words(len(changes))}'} {met[0][1]}"
    elif len(met) == 1:
        here = f"it {met[0][1]}s"
    else:
        here = listed([f"{in_words(count)} {verb}{'s' if count == 1 else ''}" for count, verb in met])
    rule = "A negative gradient makes its parameter grow, a positive one makes it shrink"
    yield Note("Check", (f"{rule}; here {here}.",))


def new_loss(desk: Desk) -> Iterator[Note]:
    """Whether the step went downhill."""
    last = desk.parts.last
    online = desk.problem.update is not None and desk.problem.update.online
    # Where samples take turns, the last one is looked at again.
    before = desk.find(LOSS._replace(iteration=last if online else 1))
    after = desk.find(LOSS._replace(iteration=last + 1))
    if before is None or after is None:
        return
    printed = desk.printed(after) - desk.printed(before)
    unrounded = desk.reference.numbers[after] - desk.reference.numbers[before]
    falls, rises = unrounded < 0, unrounded > 0
    if bool(printed < 0) != falls or bool(printed > 0) != rises:
        verdict = f"Rounding hides the change: at full precision the loss {'falls' if falls else 'rises' if rises else 'stays'}."
    elif falls:
        verdict = "The loss falls: the step went downhill." if last == 1 else "The loss falls."
    elif rises and last == 1 and not desk.parts.clipping and desk.problem.update and desk.problem.update.rule == "gd":
        verdict = "The loss rises: the step was too long, and a smaller learning rate would do."
    elif rises:
        verdict = "The loss rises."
    else:
        verdict = "The loss stays the same."
    yield Note(
        "Check",
        inline(
            "{when} {new} ({line}; {before}: {old}). {verdict}",
            when="With the new parameters" if last == 1 else f"After {in_words(last)} updates",
            before="before" if last == 1 else "before the last" if online else "before the first",
            new=desk.equals(after),
            line=desk.line(after),
            old=desk.value(before),
            verdict=verdict,
        ),
    )


# --------------------------------------------------------- how far it reaches


def reach(desk: Desk, parts: Parts) -> Iterator[Note]:
    """What the factors between the states mean."""
    singles = [p for p in parts.factors if one_step(desk.steps[p].target)]
    if not singles or not _readable(desk):
        return
    product = parts.factors[-1]
    state = desk.steps[singles[0]].target._replace(of=None)
    sizes = [abs(desk.numbers[position]) for position in singles]
    others = len(desk.problem.network.cells[0].state) > 1
    whole = inline(
        "An error at {last} reaches {first} multiplied by {product} ({line}){along}",
        last=_of(desk, state._replace(time=desk.last_time)),
        first=_of(desk, state._replace(time=1)),
        along=" along this memory alone" if others else "",
        product=desk.value(product),
        line=desk.line(product),
    )
    verdict = _verdict(sizes, abs(desk.numbers[product]))
    if scaled(desk.problem.network.cells[0]):
        verdict = "it is divided by the stabiliser at every step, so this is no measure of what it keeps; c / n is read"
    if borders(desk.problem):
        verdict = "so far the slopes; but at the border of two windows nothing is carried back"
    yield Note("Reach", (*whole, f": {verdict}."))


LASTING = (0.5, 2.0)
"""A gradient is called stable where at least half of it arrives, and at most double."""


def lasts(product: Any) -> bool:
    """Whether a change that is multiplied by this is neither lost nor blown up."""
    least, most = LASTING
    return least <= abs(float(product)) <= most


def _verdict(sizes: Sequence[Any], product: Any) -> str:
    """What factors of these sizes do to what comes back."""
    each = "the factor is" if len(sizes) == 1 else "each factor is"
    if any(size == 0 for size in sizes):
        return f"{'the factor' if len(sizes) == 1 else 'a factor'} is 0, so nothing comes back through it"
    if lasts(product) and (all(size < 1 for size in sizes) or all(size > 1 for size in sizes)):
        return f"{each} close enough to 1 that at least half of it comes back and it does not double (stable gradient)"
    if all(size < 1 for size in sizes):
        return f"{each} smaller than 1 in size, so what comes back fades (vanishing gradient)"
    if all(size > 1 for size in sizes):
        return f"{each} larger than 1 in size, so what comes back grows (exploding gradient)"
    whole = "fades" if product < 1 else "grows" if product > 1 else "stays"
    return f"some factors shrink it and some enlarge it; on the whole it {whole}"


# ------------------------------------------------------------------ takeaways


def takeaways(desk: Desk, parts: Parts) -> Iterator[Inline]:
    """What to remember, at most five sentences."""
    if desk.last_time == 0:
        yield from _feedforward_takeaways(parts, chained=bool(parts.links) and not desk.has_components)
        return
    if desk.last_time == 1:
        yield ("With one time step there is nothing to carry back; from two steps on, a state has two sources of blame.",)
        return
    yield from _recurrent_takeaways(desk, parts)


def _recurrent_takeaways(desk: Desk, parts: Parts) -> Iterator[Inline]:
    last = desk.last_time
    found = voices(desk, last)
    if found is not None:
        yield inline(
            "The hidden state is the memory: step {early} reaches {late} only through {state}{moved}.",
            early=str(last - 1),
            late=_of(desk, Name("h", time=last)),
            state=_of(desk, Name("h", time=last - 1)),
            moved=_moved(desk, found),
        )
    both = sources(desk, last - 1)
    if both is not None and _readable(desk):
        h = desk.find(desk.steps[both.total].target._replace(of=None))
        assert h is not None
        yield inline(
            "Going back, {h} has two sources: direct {direct} and carried {carried}, together {total}.",
            h=desk.name(h),
            direct=desk.value(both.direct),
            carried=desk.value(both.carried),
            total=desk.value(both.total),
        )
    if parts.gradients and desk.problem.network.samples is None:
        once = ", and is updated once" if parts.updates and not parts.later else ""
        yield (
            f"A parameter that is used at every step collects one contribution from each of the {in_words(last)} steps{once}.",
        )
    factors = [p for p in parts.factors if one_step(desk.steps[p].target)]
    if factors and _readable(desk):
        yield from _fading(desk, factors, lasting=lasts(desk.numbers[parts.factors[-1]]))
    if not parts.gradients:
        return
    beside = "each hidden value has one source, each parameter one contribution, and " if both is not None else ""
    yield (f"A feedforward network, by contrast, has no carried part: {beside}nothing is remembered for the next input.",)


def _moved(desk: Desk, found: Voices) -> Inline:
    """How much the memory moves the state, where the other voices are there to compare."""
    if not found.others or not _readable(desk):
        return ()
    _, silent = _without(desk, found)
    difference = _silence(desk, found, silent).difference
    return inline(", and moves it by {amount}", amount=difference.value) if difference.number else ()


def _fading(desk: Desk, factors: Sequence[int], *, lasting: bool) -> Iterator[Inline]:
    """What one step back does, where all steps do the same."""
    sizes = [abs(desk.numbers[factor]) for factor in factors]
    if not (all(0 < size < 1 for size in sizes) or all(size > 1 for size in sizes)):
        return
    factor = factors[-1]
    if borders(desk.problem) or scaled(desk.problem.network.cells[0]):
        return
    if lasting:
        words = "Memory lasts (stable gradient): {name} multiplies by {factor}."
        yield inline(words, name=desk.name(factor), factor=desk.value(factor))
        return
    square = desk.calculate(Var(factor) ** 2, Role.FACTOR)
    yield inline(
        "Memory {word}: {name} multiplies by {factor}; two such steps would multiply by {square}.",
        word="fades (vanishing gradient)" if sizes[-1] < 1 else "grows (exploding gradient)",
        name=desk.name(factor),
        factor=desk.value(factor),
        square=square.equation,
    )


def _feedforward_takeaways(parts: Parts, *, chained: bool) -> Iterator[Inline]:
    if chained:
        yield ("Each quantity is used once, so each gradient has one source: the chain rule is a single product.",)
    if parts.updates:
        yield ("All gradients are taken with the old parameters; the parameters are updated together, at the end.",)
    yield (
        "A feedforward network meets each input on its own: nothing of this calculation is remembered for the next input. "
        "A recurrent network would keep its hidden value, whose gradient would have a second source.",
    )


# --------------------------------------------------------------------- footer


def drift(desk: Desk) -> Iterator[Note]:
    """How far a sheet calculated by hand is from full precision."""
    if desk.values.rounding.policy == "carry":
        yield from _contradictions(desk)
    if desk.values.rounding.policy != "by_hand":
        return
    exact, here = desk.reference.numbers, desk.values.numbers
    line_of = desk.line_of
    lines = [p for p, step in enumerate(desk.steps) if line_of[p] and step.role not in KEEPS_FIGURES]
    apart = [abs(exact[position] - float(here[position])) for position in lines]
    nearly = max(apart, default=0.0) * (1 - 1e-6)
    # Floating point finds the few that are furthest away, decimals the one among them.
    far = [position for position, distance in zip(lines, apart, strict=True) if distance >= nearly]
    worst = max(far, key=lambda position: abs(Decimal(exact[position]) - here[position]), default=None)
    if worst is None:
        return
    distance = abs(exact[worst] - float(here[worst]))
    if distance < 1e-12 * max(1.0, abs(exact[worst])):  # what is left is the error of double precision itself
        yield Note("Rounding", ("No result differs from full precision.",))
        return
    yield Note(
        "Rounding",
        inline(
            "The largest distance of a result from full precision is {distance} ({line}: {here} here, {there} unrounded).",
            distance=_plain(f"{distance:.1e}"),
            line=desk.line(worst),
            here=desk.value(worst),
            there=_plain(_finer(desk, exact[worst], distance)),
        ),
    )


def source(problem: Problem) -> Iterator[Note]:
    """Where the numbers come from."""
    cited = problem.citation
    if cited is not None:
        where = f" ({cited.url})" if cited.url else ""
        note = f" {cited.note}" if cited.note else ""
        yield Note("Source", (f"{cited.title}{where}.{note}",))


def _finer(desk: Desk, number: float, distance: float) -> str:
    """A number with two digits more than the sheet shows, or as many as make its distance visible."""
    rounding = desk.values.rounding
    figures = (rounding.figures or 0) + 2
    if not rounding.figures:
        decimals = max(rounding.places + 2, 1 - math.floor(math.log10(distance)))
        figures = max(1, decimals + 1 + math.floor(math.log10(abs(number) or 1)))
    return f"{number:.{min(figures, 17)}g}"


def _plain(text: str) -> Math:
    number = f"{Decimal(text):f}"
    return Math(number, number)


def _contradictions(desk: Desk) -> Iterator[Note]:
    lines = [p for p in range(len(desk.steps)) if desk.line_of[p]]
    marked = sum(1 for p in lines if desk.row(p).relation != "=")
    yield Note(
        "Rounding",
        (f"On {marked} of {len(lines)} lines the printed digits do not give the printed result; they are marked with ≈.",),
    )
