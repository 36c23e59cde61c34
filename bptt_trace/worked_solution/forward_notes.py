"""The notes on the forward pass and the loss: short, made from the problem, printed only where their condition holds.

Each function looks at the numbers and returns the notes that are true of them,
in the order in which they are read. Every number in a sentence stands in a
line, or is calculated in that sentence by ``Desk.calculate``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from bptt_trace.calculation.iterations import borders
from bptt_trace.document.mathematics import Applied, Math, Relation
from bptt_trace.document.sentences import Inline, in_a_row, inline, say, to_say, together
from bptt_trace.document.sheet import Note
from bptt_trace.engine.formula import Apply, Formula, Sum, Times, Var
from bptt_trace.engine.formula_walks import variables
from bptt_trace.engine.functions import identity, sigmoid, softmax, softplus, tanh
from bptt_trace.engine.names import Name, Role, gradient
from bptt_trace.engine.program import Moment
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.parts_of_sheet import Parts
from bptt_trace.lines.readings import whole_percent
from bptt_trace.lines.side_calculations import Calculation
from bptt_trace.networks.cells.equations import Equations
from bptt_trace.worked_solution.wording import full_line, in_words, listed, named, readable, summed


class Voices(NamedTuple):
    """The terms of a recurrent pre-activation, distinguished by their factors."""

    position: int
    """The pre-activation."""
    hidden: int
    """The state that it makes."""
    state: int
    """The state before."""
    memory: Formula
    others: tuple[tuple[str, Formula], ...]
    """The terms of the input and of the bias, if there are any."""


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
        (say("the bias") if _is_bias(desk, term) else say("the feedback") if _fed_back(desk, term) else say("the input"), term)
        for term in terms
        if not any(v.number == state for v in variables(term))
    )
    return Voices(position, hidden, state, memory[0], others) if len(memory) == 1 else None


def _is_bias(desk: Desk, term: Formula) -> bool:
    """Whether a term is a bias, and not the weight of a letter."""
    return isinstance(term, Var) and desk.steps[term.number].target.stem.startswith("b")


def _fed_back(desk: Desk, term: Formula) -> bool:
    """Whether a term has the output, or the target, of the step before."""
    return any(desk.steps[v.number].target.stem in ("y", "target") for v in variables(term))


# --------------------------------------------------------------- forward pass


def memory(desk: Desk, time: int) -> Iterator[Note]:
    """The sentences on the memory of the state at this time."""
    found = voices(desk, time)
    if found is None or not readable(desk):
        return
    if time == 1:
        yield _first_memory(desk, found)
    elif found.others:
        yield _later_memory(desk, found)
    factor = desk.find(Name("h", time=time - 1, of=Name("h", time=time)))
    if time > 1 and factor is not None:
        yield _passed_on(desk, found, factor, time)


def gates(desk: Desk, moment: Moment) -> Iterator[Note]:
    """The effect of each gate with these numbers, from the products in which it stands; for vectors in unit 1."""
    if not readable(desk):
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
        yield Note(say("Gates"), together(in_a_row(say("; "), said), say(".")))


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
    let = to_say("{gate} lets {share} of {what} in") if adds else to_say("{gate} lets {share} of {what} through")
    pattern = to_say("{gate} keeps {share} of {what}") if earlier and adds else let
    name = desk.name(gated[0])
    if isinstance(second, Apply):
        name = Applied(second.function, name)
    yield inline(pattern, gate=whole, share=_share(desk, share), what=name)


def _opened(desk: Desk, gate: int, *, closes: bool) -> tuple[Math, Calculation]:
    """The opening of a gate as an equation and a number: its value, or 1 minus its value where it ``closes``."""
    if not closes:
        return desk.equals(gate), desk.as_calculation(Var(gate))
    rest = desk.calculate(1 - Var(gate), desk.precision(gate))
    return rest.equation, rest


NEARLY_NOTHING, NEARLY_ALL = Decimal("0.005"), Decimal("0.995")
"""Below the one 0 percent would be printed, from the other on 100."""


def _share(desk: Desk, part: Calculation) -> Inline:
    """A share in whole percent; shares near 0 or 1 are not rounded to 0 or 100."""
    if part.number != 0 and part.number < NEARLY_NOTHING:
        return inline("less than 1 %")
    if part.number != 1 and part.number >= NEARLY_ALL:
        return inline("more than 99 %")
    return inline("{percent} %", percent=desk.said(whole_percent, part))


def _first_memory(desk: Desk, found: Voices) -> Note:
    brought = desk.calculate(found.memory, desk.precision(found.position))
    h_0 = desk.equals(found.state)
    line = desk.line(found.position)
    if desk.numbers[found.state] != 0:
        return Note(
            say("Memory"),
            inline(
                "The memory is not empty: {h_0} brings {calculation} into {line}.",
                h_0=h_0,
                calculation=brought.equation,
                line=line,
            ),
        )
    sources: list[str | Math] = []
    for word, term in found.others:
        sources.append(word if isinstance(term, Var) else _inputs(desk, term))
    start = inline(
        "{h_0}: the memory is empty, so {line} gets {calculation} from the past.",
        h_0=h_0,
        line=line,
        calculation=brought.equation,
    )
    if not sources:
        return Note(say("Memory"), start)
    return Note(
        say("Memory"),
        start + inline(" All that {h_1} carries on comes from {sources}.", h_1=desk.equals(found.hidden), sources=named(sources)),
    )


def _inputs(desk: Desk, term: Formula) -> Math:
    given = [v.number for v in variables(term) if desk.steps[v.number].role is Role.GIVEN]
    return desk.name(given[0])


def _later_memory(desk: Desk, found: Voices) -> Note:
    remembered = desk.calculate(found.memory, desk.precision(found.position))
    spoken, silent = other_terms(desk, found)
    spoken.insert(1, inline("the memory {shown}", shown=remembered.equation))
    sentence = inline(
        "{line} adds {count} terms: {voices}.",
        line=desk.line(found.position).capitalize(),
        count=in_words(len(spoken)),
        voices=in_a_row(say(", "), spoken),
    )
    difference = _without_memory(desk, found, silent)
    return Note(say("Memory"), sentence + difference)


def other_terms(desk: Desk, found: Voices) -> tuple[list[Inline], Formula]:
    """The other terms, one by one, and their sum: the pre-activation without the memory term."""
    spoken: list[Inline] = []
    silent: Formula | None = None
    for word, term in found.others:
        if isinstance(term, Var):
            value, shown = term, desk.value(term.number)
        else:
            calculated = desk.calculate(term, desk.precision(found.position))
            value, shown = calculated.variable, calculated.equation
        silent = value if silent is None else silent + value
        spoken.append(inline("{word} {shown}", word=word, shown=shown))
    assert silent is not None
    return spoken, silent


class Silence(NamedTuple):
    """The state without its memory term."""

    before: Inline
    shown: Math
    same: bool
    """Whether it is printed like the state itself."""
    difference: Calculation


def silence(desk: Desk, found: Voices, silent: Formula) -> Silence:
    """The state from the other terms alone, and its distance from the state."""
    before: Inline = ()
    if not isinstance(silent, Var):
        added = desk.calculate(silent, desk.precision(found.position))
        before = inline("the pre-activation would be {sum} and ", sum=added.equation)
        silent = added.variable
    alone = desk.as_calculation(silent)
    shown = alone.value
    formula = desk.steps[found.hidden].formula
    if isinstance(formula, Apply) and formula.function is not identity:
        alone = desk.calculate(Apply(formula.function, silent), desk.precision(found.hidden))
        shown = alone.equation
    same = desk.printed(found.hidden) == alone.number
    return Silence(before, shown, same, desk.calculate(Var(found.hidden) - alone.variable, desk.precision(found.hidden)))


def _without_memory(desk: Desk, found: Voices, silent: Formula) -> Inline:
    """The state without its memory term, in words."""
    before, shown, same, difference = silence(desk, found, silent)
    h = desk.name(found.hidden)
    if same:
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
        passed += inline(" The gradient travels back through the same factor (lines {lines}).", lines=listed(lines))
    return Note(say("Memory"), passed)


# ----------------------------------------------------------------------- loss


def loss_check(desk: Desk, parts: Parts) -> Iterator[Note]:
    """Facts on a loss that can be seen without calculating it again."""
    loss, network = desk.problem.loss, desk.problem.network
    if not loss.is_error or not readable(desk) or network.samples is not None:
        return
    *terms, total = [p for p in parts.forward.losses if not desk.steps[p].target.index]
    if not terms:
        if loss.kind == "squared_error" and network.outputs == 1:
            yield from _one_error(desk, total)
        return
    kind = (
        say("A squared error")
        if loss.kind == "squared_error"
        else say("The logarithm of a probability is not positive, so a cross-entropy")
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
            bounds=Relation(desk.value(least), desk.value(total), desk.value(most), sign=" <= "),
        )
    elif loss.over_time == "sum" and numbers[most] <= numbers[total]:
        start = inline(
            "{kind} is never negative, so a sum is not smaller than its largest term: {bounds}.",
            kind=kind,
            bounds=Relation(desk.value(most), desk.value(total), sign=" <= "),
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
    yield Note(say("Check"), start)


def _one_error(desk: Desk, total: int) -> Iterator[Note]:
    arguments = desk.steps[total].arguments
    if len(arguments) != 2:
        return
    prediction, target = arguments
    difference = desk.calculate(Var(prediction) - Var(target), desk.precision(prediction))
    apart = Fraction(desk.printed(prediction)) - Fraction(desk.numbers[target])
    side = say("above") if apart > 0 else say("below") if apart < 0 else say("exactly at")
    yield Note(
        say("Check"),
        inline(
            "{y} is {side} its target {target}: the difference is {difference}; its square is never negative.",
            y=desk.equals(prediction),
            side=side,
            target=desk.value(target),
            difference=difference.equation,
        ),
    )


def probabilities(desk: Desk, moment: Moment) -> Iterator[Note]:
    """The sum of the probabilities, which is 1, and the likeliest class."""
    network = desk.problem.network
    output = network.output_activation
    name = network.prediction(moment.time)
    lines = [desk.find(name._replace(index=(i,), sample=moment.sample)) for i in range(1, network.outputs + 1)]
    if output is not softmax or not readable(desk) or len(lines) > 6:
        return
    positions = [line for line in lines if line is not None]
    if len(positions) != len(lines):
        return
    total = desk.calculate(summed([Var(position) for position in positions]), desk.precision(positions[0]))
    rounded = total.number != 1
    pattern = to_say("Probabilities add up to 1, apart from rounding: {total}.")
    sums = inline(pattern if rounded else to_say("Probabilities add up to 1: {total}."), total=total.equation)
    highest = max(map(desk.printed, positions))
    best = [position for position in positions if desk.printed(position) == highest]
    target = desk.find(desk.steps[best[0]].target._replace(stem="target", layer=None))
    letters = network.letters
    equal = desk.equals(best[0])
    best_one = inline("{letter}: {equal}", letter=letters.letter(positions.index(best[0])), equal=equal) if letters else (equal,)
    if len(best) > 1:
        names = named([desk.name(position) for position in best])
        pattern = (
            to_say(" The likeliest letters are {names}, with {value} each.")
            if letters
            else to_say(" The likeliest classes are {names}, with {value} each.")
        )
        likeliest = inline(pattern, names=names, value=desk.value(best[0]))
    elif target is not None and desk.numbers[target] in (0, 1):
        likeliest = inline(_LIKELIEST[bool(letters), bool(desk.numbers[target])], best=best_one)
    else:
        pattern = to_say(" The likeliest letter is {best}.") if letters else to_say(" The likeliest class is {best}.")
        likeliest = inline(pattern, best=best_one)
    yield Note(say("Check"), sums + likeliest)


_LIKELIEST = {
    (True, True): to_say(" The likeliest letter is {best}, and it is the target."),
    (True, False): to_say(" The likeliest letter is {best}, and it is not the target."),
    (False, True): to_say(" The likeliest class is {best}, and it is the target."),
    (False, False): to_say(" The likeliest class is {best}, and it is not the target."),
}
"""By whether classes are letters, and whether the likeliest one is the target."""


def goes_downhill(desk: Desk) -> bool:
    """Whether a small enough step of this update lowers the loss: it goes against the slope of a loss without corners."""
    update, network = desk.problem.update, desk.problem.network
    if update is None or update.rule != "gd" or update.decay or update.clip or update.truncate:
        return False
    functions = [
        function for cell in network.cells for function in (cell.applied if isinstance(cell, Equations) else [cell.activation])
    ]
    functions += [network.readout.activation] if network.readout else []
    if not all(function in (identity, tanh, sigmoid, softplus, softmax) for function in functions):
        return False
    exact = desk.reference.numbers
    return any(abs(exact[group[-1]]) > NO_SLOPE for group in desk.parts.gradients.values())


NO_SLOPE = 1e-9
"""A gradient that is no larger may be all rounding."""
