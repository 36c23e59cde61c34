"""The explanations: short, made from the problem, printed only where their condition holds.

Each function looks at the numbers and returns the notes that are true of them,
in the order in which they are read. Every number in a sentence stands in a
line, or is calculated in that sentence by ``Desk.calculate``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple

from bptt_trace.cellwords import scaled
from bptt_trace.desk import Calculation, Desk
from bptt_trace.formula import Apply, Const, Formula, Over, Sum, Times, Var, product, variables
from bptt_trace.functions import Function, identity, relu, sigmoid, softmax, softplus, tanh
from bptt_trace.names import LOSS, Name, gradient
from bptt_trace.notation import clock_at
from bptt_trace.parts import Parts, one_step, sources_of
from bptt_trace.problem import Problem
from bptt_trace.program import Moment, Role
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
        yield _later_memory(desk, found)
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
    whole, share = _opened(desk, gate, closes=not isinstance(first, Var))
    earlier = desk.steps[gated[0]].target.time != step.target.time
    # Into the sum that the cell is, or on to what reads it.
    passes = "in" if adds else "through"
    pattern = "keeps {share} of {what}" if earlier and adds else f"lets {{share}} of {{what}} {passes}"
    name = desk.name(gated[0])
    if isinstance(second, Apply):
        spelled = [f"{sign}({text})" for sign, text in ((second.function.name, name.text), (second.function.latex, name.latex))]
        name = Math(*spelled)
    yield (whole, " ", *inline(pattern, share=_share(share), what=name))


def _opened(desk: Desk, gate: int, *, closes: bool) -> tuple[Math, Any]:
    """How far a gate is open, as an equation and as it is printed: its value, or 1 minus that where it ``closes``."""
    if not closes:
        return desk.equals(gate), desk.printed(gate)
    rest = desk.calculate(1 - Var(gate))
    return rest.equation, desk.printed(rest.variable.number)


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


def _later_memory(desk: Desk, found: Voices) -> Note:
    remembered = desk.calculate(found.memory)
    spoken, silent = _without(desk, found)
    spoken.insert(1, inline("the memory {shown}", shown=remembered.equation))
    said: Inline = ()
    for place, voice in enumerate(spoken):
        said += (", ", *voice) if place else voice
    sentence = inline(
        "{line} adds {count} terms: {voices}.",
        line=desk.line(found.position).capitalize(),
        count=in_words(len(spoken)),
        voices=said,
    )
    difference = _without_memory(desk, found, silent)
    return Note("Memory", (*sentence, *difference))


def _without(desk: Desk, found: Voices) -> tuple[list[Inline], Formula]:
    """The other terms, one by one, and their sum: the pre-activation without the memory term."""
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
    """What the state would be without its memory term."""

    before: Inline
    shown: Math
    difference: Calculation


def _silence(desk: Desk, found: Voices, silent: Formula) -> Silence:
    """The state from the other terms alone, and how far it is from the state."""
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


def _without_memory(desk: Desk, found: Voices, silent: Formula) -> Inline:
    """What the state would be without its memory term, in words."""
    before, shown, difference = _silence(desk, found, silent)
    h = desk.name(found.hidden)
    if difference.number == 0:
        return inline(
            " Without the memory term, {before}{h} would be {shown}: as printed, {h} is the same with and without it.",
            before=before,
            h=h,
            shown=shown,
        )
    return inline(
        " Without the memory term, {before}{h} would be {shown}; with it, {with_it}. "
        "The memory term changes {h} by {difference}.",
        before=before,
        h=h,
        shown=shown,
        with_it=desk.equals(found.hidden),
        difference=difference.equation,
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
    arrived = desk.find(gradient(Name("h", time=time)))
    whole = ways[0] is not None and arrived in desk.steps[ways[0]].arguments  # a cross-entropy may go round the state
    # An output that is fed back is on the way of the change; the line of the way back has the state alone.
    if whole and time - 1 not in borders(desk.problem) and desk.problem.network.feedback != "output":
        passed += (f" The gradient travels back through the same factor (lines {listed(lines)}).",)
    return Note("Memory", passed)


def full_line(desk: Desk, position: int, *, with_name: bool = True) -> Math:
    """A step as one chain of equations: ``name = formula = numbers = value``."""
    row = desk.row(position)
    # A given number that is shown with fewer digits is not equal to what is shown.
    other = isinstance(desk.steps[position].formula, Var) and _differs(row.numbers, row.result)
    relation = Math("~", r"\approx") if row.relation != "=" or other else Math("=", "=")
    start = (f"{row.name.text} = ", f"{row.name.latex} = ") if with_name else ("", "")
    same = row.formula.text == row.numbers.text or not desk.steps[position].arguments
    middle = ("", "") if same else (f"{row.formula.text} = ", f"{row.formula.latex} = ")
    return Math(
        f"{start[0]}{middle[0]}{row.numbers.text} {relation.text} {row.result.text}",
        f"{start[1]}{middle[1]}{row.numbers.latex} {relation.latex} {row.result.latex}",
    )


def _differs(one: Math, other: Math) -> bool:
    """Whether two printed numbers are not the same number: 0.25 and 0.3, but not 0.5 and 0.5000."""
    try:
        return Fraction(one.text) != Fraction(other.text)
    except ValueError:
        return True


# ----------------------------------------------------------------------- loss


def loss_check(desk: Desk, parts: Parts) -> Iterator[Note]:
    """What can be seen of a loss without calculating it again."""
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
    numbers = {position: desk.printed(position) for position in (*terms, total)}
    ordered = sorted(terms, key=numbers.__getitem__)
    least, most = ordered[0], ordered[-1]
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
            " Step {most_at} adds more to the loss than step {least_at} ({most} against {least}).",
            most_at=str(worst),
            least_at=str(desk.steps[least].target.time),
            most=desk.value(most),
            least=desk.value(least),
        )
    elif numbers[most] > numbers[ordered[-2]]:
        start += inline(" Step {most_at} adds most to the loss ({most}).", most_at=str(worst), most=desk.value(most))
    yield Note("Check", start)


def _one_error(desk: Desk, total: int) -> Iterator[Note]:
    arguments = desk.steps[total].arguments
    if len(arguments) != 2:
        return
    prediction, target = arguments
    difference = desk.calculate(Var(prediction) - Var(target))
    apart = Fraction(desk.printed(prediction)) - Fraction(desk.numbers[target])
    side = "above" if apart > 0 else "below" if apart < 0 else "exactly at"
    yield Note(
        "Check",
        inline(
            "{y} is {side} its target {target}: the difference is {difference}; its square is never negative.",
            y=desk.equals(prediction),
            side=side,
            target=desk.value(target),
            difference=difference.equation,
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
    sums = inline(
        "Probabilities add up to 1{rounded}: {total}.",
        rounded=", apart from rounding" if desk.printed(total.variable.number) != 1 else "",
        total=total.equation,
    )
    highest = max(map(desk.printed, positions))
    best = [position for position in positions if desk.printed(position) == highest]
    target = desk.find(desk.steps[best[0]].target._replace(stem="target", layer=None))
    if len(best) > 1:
        names = named([desk.name(position) for position in best])
        likeliest = inline(" The likeliest classes are {names}, with {value} each.", names=names, value=desk.value(best[0]))
    elif target is not None and desk.numbers[target] in (0, 1):
        likeliest = inline(
            " The likeliest class is {best}, and it is {whether} target.",
            best=desk.equals(best[0]),
            whether="the" if desk.numbers[target] else "not the",
        )
    else:
        likeliest = inline(" The likeliest class is {best}.", best=desk.equals(best[0]))
    yield Note("Check", (*sums, *likeliest))


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
                    rounded=", apart from rounding" if desk.printed(total.variable.number) else "",
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
    same = True
    for index, position in zip(indices, positions, strict=True):
        y = desk.find(Name(str(stems[1]), stems[2], moment.time, index, moment.sample))
        target = desk.find(Name("target", time=moment.time, index=index, sample=moment.sample))
        if y is None or target is None:
            return
        one = desk.calculate(product(Const(scale), Var(y) - Var(target)))
        said += (", ", one.equation) if said else (one.equation,)
        same = same and one.value.text == desk.value(position).text
    words = "gives the same in one line" if same else "would give the same in one line if nothing were rounded on the long way"
    yield Note("Short way", inline("Prediction − target {words}: {said}.", words=words, said=said))


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
    """How the direct and the carried part of a gradient compare."""
    found = sources(desk, time)
    if found is None or not _readable(desk):
        return
    signs = desk.sign(found.direct), desk.sign(found.carried)
    h = desk.name(found.total)
    fed_back = desk.problem.network.feedback == "output"
    start = inline(
        "{h} acts on the loss through its own output{too} ({direct}: {d}) "
        "and through the memory of step {next} ({carried}: {c}).",
        too=", which is also fed back" if fed_back else "",
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
        start += (" Leaving out the memory path is the most common mistake in this calculation.",)
    yield Note("Two sources", start)


def _same_direction(desk: Desk, found: Sources, sign: int) -> Inline:
    asks = ("negative", "larger") if sign < 0 else ("positive", "smaller")
    h = desk.steps[found.total].target._replace(of=None)
    position = desk.find(h)
    both = inline(
        " Both are {sign}: both ask for a {size} {h}.",
        sign=asks[0],
        size=asks[1],
        h=desk.name(position) if position is not None else str(h),
    )
    if not desk.printed(found.total):
        return both
    share = desk.calculate(Over(Var(found.carried), Var(found.total)))
    if not 0 < desk.printed(share.variable.number) < 1:
        return both  # what is nearly nothing, or nearly all, is neither
    return both + inline(
        " The memory path makes up {share}, that is {percent} %, of the sum.",
        share=share.equation,
        percent=percent(desk.printed(share.variable.number)),
    )


def _opposite(desk: Desk, found: Sources) -> Inline:
    total = desk.calculate(Var(found.direct) + Var(found.carried))
    opposite = inline(" They pull in opposite directions: {sum}.", sum=total.equation)
    direct, carried = abs(desk.printed(found.direct)), abs(desk.printed(found.carried))
    if direct != carried:
        larger = "carried" if carried > direct else "direct"
        return (*opposite, f" The {larger} part is larger in size and decides the sign.")
    cancel = not desk.printed(total.variable.number)
    return (*opposite, " They are of the same size and cancel.") if cancel else opposite


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
            same = listed([f"lines {desk.line_of[a]} and {desk.line_of[b]}" for b, a in others[:3]])
            text += (f"; likewise {same}",)
        yield Note("Check", (*text, "."))
    for before, after in pairs:
        yield from _blocked(desk, function, before, after)


def _crossing(desk: Desk, time: int | None) -> tuple[int, int] | None:
    before, after = (desk.find(gradient(Name(stem, time=time))) for stem in ("h", "a"))
    return (before, after) if before is not None and after is not None else None


def _shrinks(desk: Desk, before: int, after: int) -> bool:
    one, other = desk.printed(before), desk.printed(after)
    return bool(abs(other) <= abs(one) and one * other > 0)


def _size(value: Math) -> Math:
    return Math(value.text.removeprefix("-"), value.latex.removeprefix("-"))


def _blocked(desk: Desk, function: Function, before: int, after: int) -> Iterator[Note]:
    """A unit that lets almost nothing through."""
    target = desk.steps[after].target._replace(of=None)
    a, h = desk.find(target), desk.find(target._replace(stem="h"))
    assert a is not None and h is not None
    if function.name == "relu" and function.pieces == relu().pieces and desk.printed(a) < 0 and desk.numbers[before] != 0:
        yield Note(
            "Off",
            inline("{a} is negative: the unit is off, its slope is 0, and nothing passes back through it.", a=desk.equals(a)),
        )
    if function is not tanh:
        return
    slope = desk.calculate(1 - Var(h) ** 2)
    if desk.printed(slope.variable.number) < Decimal("0.01") and desk.numbers[before] != 0:
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
    elif desk.printed(first) != 0:
        text = inline("{w} is blamed for step 1 too, because {h_0} was there to be remembered.", w=w, h_0=desk.equals(h_0))
    else:
        return  # something else let nothing through
    yield Note("Memory", (*text, *never))


def update_check(desk: Desk, parts: Parts) -> Iterator[Note]:
    """Which parameters rise and which fall."""
    changes = [desk.change(position) for position in parts.updates if desk.steps[position].role is Role.UPDATE]
    if not {"rises", "falls"} & set(changes):
        return
    verbs = {"rises": "rise", "falls": "fall", "stays": "stay", "rounded": "are only rounded"}
    met = [(changes.count(one), one, several) for one, several in verbs.items() if one in changes]
    if len(met) == 1 and len(changes) > 1:
        here = f"{'both' if len(changes) == 2 else f'all {in_words(len(changes))}'} {met[0][2]}"
    elif len(met) == 1:
        here = f"it {met[0][1]}"
    else:
        alone = {"rounded": "is only rounded"}
        here = listed([f"{in_words(count)} {alone.get(one, one) if count == 1 else many}" for count, one, many in met])
    yield Note("Check", (f"A negative gradient makes its parameter rise, a positive one makes it fall; here {here}.",))


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
    elif rises and last == 1 and _downhill(desk):
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


def _downhill(desk: Desk) -> bool:
    """Whether a small enough step of this update lowers the loss: it goes against the slope of a loss without corners."""
    update, network = desk.problem.update, desk.problem.network
    if update is None or update.rule != "gd" or update.decay or update.clip or update.truncate:
        return False
    functions = [cell.activation for cell in network.cells] + ([network.readout.activation] if network.readout else [])
    if not all(function in (identity, tanh, sigmoid, softplus, softmax) for function in functions):
        return False
    exact = desk.reference.numbers
    return any(abs(exact[group[-1]]) > NO_SLOPE for group in desk.parts.gradients.values())


NO_SLOPE = 1e-9
"""A gradient that is no larger may be all rounding."""


# --------------------------------------------------------- how far it reaches


def reach(desk: Desk, parts: Parts) -> Iterator[Note]:
    """What the factors between the states mean."""
    singles = [p for p in parts.factors if one_step(desk.steps[p].target)]
    if not singles or not _readable(desk):
        return
    product = parts.factors[-1]
    state = desk.steps[singles[0]].target._replace(of=None)
    sizes = [abs(desk.printed(position)) for position in singles]
    others = len(desk.problem.network.cells[0].state) > 1
    whole = inline(
        "An error at {last} reaches {first} multiplied by {product} ({line}){along}",
        last=_of(desk, state._replace(time=desk.last_time)),
        first=_of(desk, state._replace(time=1)),
        along=" along this memory alone" if others else "",
        product=desk.value(product),
        line=desk.line(product),
    )
    verdict = _verdict(sizes, abs(desk.printed(product)))
    if scaled(desk.problem.network.cells[0]):
        verdict = (
            "the memory is rescaled by the stabiliser at every step, so this factor does not measure what is kept; "
            "the output is made from c / n"
        )
    if borders(desk.problem):
        verdict = "these are the slopes; at the border of two windows, however, nothing is carried back"
    yield Note("Reach", (*whole, f": {verdict}."))


LASTING = (0.5, 2.0)
"""A gradient is called stable where at least half of it arrives, and less than double."""


def lasts(product: Any) -> bool:
    """Whether a change that is multiplied by this is neither lost nor blown up."""
    least, most = LASTING
    return least <= abs(float(product)) < most


def _verdict(sizes: Sequence[Any], product: Any) -> str:
    """What factors of these sizes do to what comes back."""
    one = len(sizes) == 1
    every, each = ("the factor", "the factor is") if one else ("each factor", "each factor is")
    if any(size == 0 for size in sizes):
        return f"{'the factor' if one else 'a factor'} is 0, so nothing comes back through it"
    if all(size == 1 for size in sizes):
        return f"{every} is 1 in size, so all of it comes back (stable gradient)"
    if lasts(product) and (all(size < 1 for size in sizes) or all(size > 1 for size in sizes)):
        return f"{each} close enough to 1 that at least half of it comes back and it does not double (stable gradient)"
    if all(size < 1 for size in sizes):
        return f"{each} smaller than 1 in size, so what comes back fades (vanishing gradient)"
    if all(size > 1 for size in sizes):
        return f"{each} larger than 1 in size, so what comes back grows (exploding gradient)"
    whole = "fades" if product < 1 else "grows" if product > 1 else "stays"
    if any(size < 1 for size in sizes) and any(size > 1 for size in sizes):
        return f"some factors shrink it and some enlarge it; on the whole it {whole}"
    kind = "enlarge it, none shrinks it" if product > 1 else "shrink it, none enlarges it"
    return f"some factors {kind}; on the whole it {whole}"


# ------------------------------------------------------------------ takeaways


def takeaways(desk: Desk, parts: Parts) -> Iterator[Inline]:
    """What to remember, at most five sentences."""
    if desk.last_time == 0:
        yield from _feedforward_takeaways(parts, chained=bool(parts.links) and not desk.has_components)
        return
    if desk.last_time == 1:
        yield ("With one time step there is nothing to carry back; from two steps on, a state has two sources of blame.",)
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
            late=_of(desk, Name("h", time=last)),
            state=_of(desk, Name("h", time=last - 1)),
            moved=_moved(desk, found),
        )
    both = sources(desk, last - 1)
    if both is not None and _readable(desk):
        h = desk.find(desk.steps[both.total].target._replace(of=None))
        assert h is not None
        yield inline(
            "Going back, {h} has two sources: direct {direct} and carried {carried}, together {about}{total}.",
            h=desk.name(h),
            direct=desk.value(both.direct),
            carried=desk.value(both.carried),
            about="" if desk.row(both.total).relation == "=" else "about ",
            total=desk.value(both.total),
        )
    yield from _contributions(desk, parts)
    yield from _of_this_network(desk)
    factors = [p for p in parts.factors if one_step(desk.steps[p].target)]
    if factors and _readable(desk):
        yield from _fading(desk, factors, parts.factors[-1])
    if both is not None and parts.gradients:
        yield (
            "A feedforward network, by contrast, has no carried part: each hidden value has one source, "
            "each parameter one contribution, and nothing is remembered for the next input.",
        )


def _contributions(desk: Desk, parts: Parts) -> Iterator[Inline]:
    """What a parameter collects that is used at every step; an encoder and a decoder may have different numbers of them."""
    network = desk.problem.network
    once = ", and is updated once" if parts.updates and not parts.later else ""
    steps = {"": desk.last_time}
    if network.source_steps:
        steps = {"encoder": network.source_steps, "decoder": desk.last_time}
    used = {len(group) - 1 for group in parts.gradients.values()}
    if network.samples is not None or not used >= set(steps.values()) or min(steps.values()) < 2:
        return
    if not network.source_steps:
        each = f"from each of the {in_words(desk.last_time)} steps"
        yield (f"A parameter that is used at every step collects one contribution {each}{once}.",)
        return
    yield (
        f"A parameter of the encoder collects one contribution from each of its {in_words(steps['encoder'])} steps, "
        f"one of the decoder from each of its {in_words(steps['decoder'])}.",
    )


def _of_this_network(desk: Desk) -> Iterator[Inline]:
    """What is particular to this cell, this output and this update, one sentence at most for each."""
    network, loss, update = desk.problem.network, desk.problem.loss, desk.problem.update
    cell = network.cells[0]
    if scaled(cell):
        yield ("The stabiliser cancels in c / n, so no gradient goes through it.",)
    elif cell.gates and cell.memory == "c" and not getattr(cell, "peepholes", False):
        yield ("Along the cell, one step multiplies an error by its forget gate: near 1 it passes, near 0 it is blocked.",)
    if network.feedback == "target":
        yield ("With teacher forcing a target is the next input, so no gradient goes from an input to the output before.",)
    paired = loss.kind == "cross_entropy" and loss.gradient == "short"
    if paired and network.readout and network.feedback != "output" and desk.parts.backward:
        yield ("Before the softmax, the gradient of the cross-entropy is prediction minus target, times a constant.",)
    if update is None:
        return
    if update.truncate:
        yield ("Truncation leaves out what would be carried over a border of two windows; the forward pass is not cut.",)
    if update.clip == "norm":
        yield ("Clipping by the norm makes a long gradient shorter and keeps its direction.",)
    if update.rule in ("momentum", "nesterov"):
        yield ("Momentum moves a parameter by its velocity, in which earlier gradients go on acting.",)


def _moved(desk: Desk, found: Voices) -> Inline:
    """How much the memory term changes the state, where there are other terms to compare."""
    if not found.others or not _readable(desk):
        return ()
    _, silent = _without(desk, found)
    difference = _silence(desk, found, silent).difference
    h = desk.name(found.hidden)
    return inline(", whose term changes {h} by {amount}", h=h, amount=difference.value) if difference.number else ()


def _fading(desk: Desk, factors: Sequence[int], product: int) -> Iterator[Inline]:
    """What the slopes do together, where each of them does the same."""
    sizes = [abs(desk.printed(factor)) for factor in factors]
    if borders(desk.problem) or scaled(desk.problem.network.cells[0]):
        return
    if not (all(0 < size < 1 for size in sizes) or all(size > 1 for size in sizes)):
        return
    if lasts(desk.printed(product)):
        word = "lasts (stable gradient)"
    else:
        word = "fades (vanishing gradient)" if sizes[0] < 1 else "grows (exploding gradient)"
    if len(factors) > 1:
        yield inline(
            "Memory {word}: over {count} steps the slopes multiply to {product}.",
            word=word,
            count=in_words(len(factors)),
            product=desk.equals(product),
        )
        return
    square = desk.calculate(Var(product) ** 2, Role.FACTOR)
    yield inline(
        "Memory {word}: one step multiplies by {product}; two such steps would multiply by {square}.",
        word=word,
        product=desk.equals(product),
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
    lines = [p for p in range(len(desk.steps)) if line_of[p]]
    apart = [abs(exact[position] - float(here[position])) for position in lines]
    nearly = max(apart, default=0.0) * (1 - 1e-6)
    # Floating point finds the few that are furthest away, decimals the one among them.
    far = [position for position, distance in zip(lines, apart, strict=True) if distance >= nearly]
    worst = max(far, key=lambda position: abs(Decimal(exact[position]) - here[position]), default=None)
    if worst is None:
        return
    # What is left below this is the error of double precision itself.
    if all(distance <= 1e-12 * abs(exact[position]) for position, distance in zip(lines, apart, strict=True)):
        yield Note("Rounding", ("No result differs from full precision.",))
        return
    distance = abs(Decimal(exact[worst]) - here[worst])
    if distance < 1e-12 * max(1.0, abs(exact[worst])):
        yield Note("Rounding", ("Every result agrees with full precision to 12 decimals.",))
        return
    yield Note(
        "Rounding",
        inline(
            "The largest distance of a result from full precision is {distance} ({line}: {here} here, {there} unrounded).",
            distance=_plain(f"{Context(prec=2, rounding=ROUND_HALF_UP).plus(distance)}"),
            line=desk.line(worst),
            here=desk.value(worst),
            there=_plain(_finer(desk, exact[worst], float(distance))),
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
    leading = math.floor(math.log10(abs(number) or 1)) + 1
    visible = leading + 1 - math.floor(math.log10(distance))
    usual = rounding.figures or leading + rounding.places
    return f"{number:.{min(max(1, usual + 2, visible), 17)}g}"


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
