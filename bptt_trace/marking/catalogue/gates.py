"""Mistakes with gates and memory cells, found by the shape of a line in any cell.

The equations are those of the files in ``networks/cells``; where a line has no
gate and no cell, none of these is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import ONE, Apply, Extreme, Formula, Neg, Over, Sum, Times, Var, product
from bptt_trace.engine.formula_walks import rewrite, variables
from bptt_trace.engine.functions import exp, sigmoid, tanh
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Step
from bptt_trace.marking.catalogue.entry import (
    Case,
    added,
    factors_of,
    handed_on,
    misconception,
    replaced,
    some_of,
    swapped,
    terms_of,
    uses,
    without,
)


def _any(case: Case, number: int) -> bool:
    return True


def _gate_or_candidate(case: Case, number: int) -> bool:
    return case.activation_of_gate(number) is not None


def _no_gate(case: Case, number: int) -> bool:
    return not case.is_gate(number)


# ------------------------------------------------------------------ activations


@misconception(
    "wrong-activation-on-a-gate",
    say("another activation on a gate"),
    say(
        "A gate says how much passes, so it has the activation that the box of conventions gives for gates; tanh belongs to "
        "the candidate and to the cell."
    ),
)
def _wrong_activation_on_a_gate(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.HIDDEN and case.is_gate(position) and isinstance(formula := case.formula(position), Apply):
        yield Apply(sigmoid if formula.function is exp else tanh, formula.argument)


@misconception(
    "gate-activation-on-the-candidate",
    say("the activation of a gate on the candidate"),
    say(
        "The candidate is what may be written to the memory, of either sign: it has the activation of the cell, not a gate's one."
    ),
)
def _gate_activation_on_the_candidate(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.HIDDEN and case.is_candidate(position) and isinstance(formula := case.formula(position), Apply):
        yield Apply(sigmoid, formula.argument)


# ----------------------------------------------------------------- weighted sums


@misconception(
    "second-bias-forgotten",
    say("one bias instead of two"),
    say("There is a bias beside each matrix, two in one pre-activation: both are added."),
)
def _second_bias_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.PREACTIVATION:
        terms = terms_of(case.formula(position))
        biases = [t for t in terms if isinstance(t, Var) and t.number in case.parameters]
        if len(biases) > 1:
            yield from (added([t for t in terms if t is not left_out]) for left_out in reversed(biases))


@misconception(
    "peephole-forgotten",
    say("the peephole is left out"),
    say("With peepholes a gate also looks at the cell: its pre-activation has a part with c."),
)
def _peephole_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.PREACTIVATION:
        cells = case.states(step.target.layer)[1:]
        yield from without(case.formula(position), lambda term: uses(term, lambda n: case.steps[n].target.stem in cells))


@misconception(
    "concatenation-as-addition",
    say("the concatenation is read as a sum"),
    say(
        "[h, x] is one long column, h above x: each of its entries has a column of the matrix of its own. h and x are not added."
    ),
)
def _concatenation_as_addition(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is not Role.PREACTIVATION:
        return
    terms = terms_of(case.formula(position))
    weighted = [(weight, value) for t in terms if (pair := _weighted(case, t)) for weight, value in [pair]]
    above = [pair for pair in weighted if case.is_memory(pair[1], step.target)]
    below = [pair for pair in weighted if pair not in above]
    if len(above) == len(below) > 0 and len({case.steps[weight].target.stem for weight, _ in weighted}) == 1:
        sums: list[Formula] = [Var(w) * (Var(h) + Var(x)) for (w, h), (_, x) in zip(above, below, strict=True)]
        yield added([*sums, *(t for t in terms if _weighted(case, t) is None)])


def _weighted(case: Case, term: Formula) -> tuple[int, int] | None:
    """A weight and its factor, in either order."""
    numbers = [part.number for part in factors_of(term) if isinstance(part, Var)]
    if len(numbers) != 2 or numbers != [v.number for v in variables(term)]:
        return None
    weight, value = numbers if numbers[0] in case.parameters else reversed(numbers)
    return (weight, value) if weight in case.parameters and value not in case.parameters else None


@misconception(
    "reset-on-the-other-side",
    say("the reset gate on the other side of the matrix product"),
    say(
        "The box of conventions says whether the reset gate multiplies the state before the matrix does, or the product after it."
    ),
)
def _reset_on_the_other_side(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is not Role.PREACTIVATION:
        return
    formula = case.formula(position)
    if inside := [(gate, net) for t in terms_of(formula) if (pair := _gated(case, t, _is_net)) for gate, net in [pair]]:
        # After the product, r * a_hn: without r here, with it inside.
        (gate, net), *_ = inside
        yield rewrite(formula, lambda part: Var(net) if part == Var(gate) * Var(net) else None)
    elif users := [g for user in case.users.get(position, ()) if (g := _gate_of(case, user, position)) is not None]:
        stem = case.steps[users[0]].target

        def reset(number: int) -> Formula | None:
            gate = case.find(stem._replace(index=case.steps[number].target.index))
            return Var(gate) * Var(number) if gate is not None and case.is_memory(number, step.target) else None

        yield replaced(formula, reset)
    else:
        # Before the product, W (r * h): the state as it is in the sum, and r in front.
        def unreset(number: int) -> tuple[int, int] | None:
            other = case.steps[number]
            if other.role is not Role.HIDDEN or other.rule is None:
                return None
            return _gated(case, case.formula(number), lambda c, n: c.is_memory(n, other.target))

        reset_terms = [t for t in terms_of(formula) if uses(t, lambda n: unreset(n) is not None)]
        if reset_terms:
            gate = next(pair[0] for v in variables(reset_terms[0]) if (pair := unreset(v.number)))
            own_gate = case.find(case.steps[gate].target._replace(index=step.target.index))
            plain = [replaced(t, lambda n: None if (pair := unreset(n)) is None else Var(pair[1])) for t in reset_terms]
            if own_gate is not None:
                yield added([t for t in terms_of(formula) if t not in reset_terms] + [Var(own_gate) * added(plain)])


def _is_net(case: Case, number: int) -> bool:
    return case.steps[number].role is Role.PREACTIVATION


def _gated(case: Case, term: Formula, wanted: Callable[[Case, int], bool]) -> tuple[int, int] | None:
    """A gate and the only quantity that it multiplies, if that quantity has this property."""
    match term:
        case Times((Var(gate), Var(other))) if case.is_gate(gate) and wanted(case, other):
            return gate, other
    return None


def _gate_of(case: Case, user: int, number: int) -> int | None:
    """The gate that a line multiplies a quantity by, as the reset gate does."""
    pairs = (_gated(case, term, lambda _, other: other == number) for term in terms_of(case.formula(user)))
    return next((pair[0] for pair in pairs if pair), None)


# ------------------------------------------------------------- states and gates


@misconception(
    "keeping-and-renewing-exchanged",
    say("z and 1 - z are exchanged"),
    say("The box of conventions says which of z and 1 - z multiplies the old state; the other one takes in the candidate."),
    goes_back_to=_no_gate,
)
def _keeping_and_renewing_exchanged(case: Case, position: int, step: Step) -> Iterator[Formula]:
    gate = _mixing(case, position)
    if gate is not None:

        def turned(part: Formula) -> Formula | None:
            return gate if part == 1 - gate else 1 - gate if part == gate else None

        yield rewrite(case.formula(position), turned)


def _mixing(case: Case, position: int) -> Var | None:
    """The gate v of a line that mixes two things as v and 1 - v."""
    step = case.steps[position]
    if step.role is not Role.HIDDEN or step.rule is None:
        return None
    parts = [factor for term in terms_of(case.formula(position)) for factor in factors_of(term)]
    gates = (part for part in parts if isinstance(part, Var) and case.is_gate(part.number))
    return next((gate for gate in gates if 1 - gate in parts), None)


@misconception(
    "gates-exchanged",
    say("two gates of one line are exchanged"),
    say(
        "Each gate has its place: one multiplies what is kept, another what is new. The equations in the box say which is which."
    ),
    goes_back_to=_any,
)
def _gates_exchanged(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.HIDDEN and not uses(case.formula(position), lambda n: _is_net(case, n)):
        gates = dict.fromkeys(v.number for v in variables(case.formula(position)) if case.is_gate(v.number))
        for gate, other in combinations(gates, 2):
            yield replaced(case.formula(position), lambda n, a=gate, b=other: {a: Var(b), b: Var(a)}.get(n))  # type: ignore[misc]


@misconception(
    "gate-of-another-line",
    say("a gate of another line"),
    say(
        "The gate that lets the cell out is not the one that lets the candidate in, nor the one that keeps: "
        "look at the equations."
    ),
)
def _gate_of_another_line(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role not in (Role.HIDDEN, Role.PREACTIVATION) or case.activation_of_gate(position) is not None:
        return
    own = step.target
    formula = case.formula(position)
    used = dict.fromkeys(v.number for v in variables(formula) if case.is_gate(v.number))
    stems = case.gates(own.layer)
    for gate, other in combinations(stems, 2):
        if case.share_a_line(own.layer, gate, other):
            continue
        turn = {gate: other, other: gate}

        def exchanged(number: int, turn: dict[str, str] = turn) -> Formula | None:
            target = case.steps[number].target
            there = case.find(target._replace(stem=turn[target.stem])) if number in used and target.stem in turn else None
            # A gate that looks at this very line cannot stand in it.
            return None if there is None or there > position else Var(there)

        yield from swapped(formula, exchanged)


@misconception(
    "gate-left-out",
    say("a gate is left out"),
    say("Each gate multiplies its own part: one what is kept, one what is new, one what is shown. None of them is left out."),
    goes_back_to=_any,
)
def _gate_left_out(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.HIDDEN and _mixing(case, position) is None:
        formula = case.formula(position)
        for term in terms_of(formula):
            kept = [f for f in factors_of(term) if not (isinstance(f, Var) and case.is_gate(f.number))]
            if 0 < len(kept) < len(factors_of(term)):
                yield added([product(*kept) if other is term else other for other in terms_of(formula)])


@misconception(
    "forget-gate-on-the-candidate",
    say("the forget gate multiplies the candidate"),
    say("The forget gate multiplies the cell of the step before, not what is new."),
    goes_back_to=_gate_or_candidate,
)
def _forget_gate_on_the_candidate(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.HIDDEN and _mixing(case, position) is None and len(terms_of(case.formula(position))) == 2:
        for old, new in _old_and_new(case, position):
            gates = [f for f in factors_of(old) if isinstance(f, Var) and case.is_gate(f.number)]
            rest = [f for f in factors_of(old) if f not in gates]
            if len(gates) == 1 and rest:
                yield added([product(*rest), product(gates[0], new)])


def _old_and_new(case: Case, position: int) -> Iterator[tuple[Formula, Formula]]:
    """The two terms of a cell: with what is carried, and with what is new."""
    first, second = terms_of(case.formula(position))
    target = case.steps[position].target
    for old, new in ((first, second), (second, first)):
        if uses(old, lambda n: case.is_carried(n, target)) and not uses(new, lambda n: case.is_carried(n, target)):
            yield old, new


@misconception(
    "candidate-not-activated",
    say("the pre-activation of the candidate is written"),
    say("What is written to the memory is the candidate, after its activation, not its pre-activation."),
)
def _candidate_not_activated(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.HIDDEN:

        def before(number: int) -> Formula | None:
            if not case.is_candidate(number):
                return None
            value = case.formula(number)
            return value.argument if isinstance(value, Apply) else None

        yield from swapped(case.formula(position), before)


@misconception(
    "cell-not-activated",
    say("the tanh of the cell is left out"),
    say("The hidden state shows the cell after its activation: h = o * tanh(c), not o * c."),
    goes_back_to=_gate_or_candidate,
)
def _cell_not_activated(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.HIDDEN and isinstance(formula := case.formula(position), Times):
        seen = [f for f in formula.factors if isinstance(f, Apply)]
        if seen:
            yield Times(tuple(f.argument if isinstance(f, Apply) else f for f in formula.factors))


@misconception(
    "activated-cell-carried",
    say("tanh of the cell is carried on"),
    say("The cell is carried to the next step as it is; only what the hidden state shows of it goes through tanh."),
    goes_back_to=_any,
)
def _activated_cell_carried(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.HIDDEN:

        def shown(number: int) -> Formula | None:
            state = case.steps[number]
            if state.rule is None or state.target.stem != step.target.stem or not case.is_carried(number, step.target):
                return None
            users = (f for user in case.users.get(number, ()) for f in factors_of(case.formula(user)))
            return next((f for f in users if isinstance(f, Apply) and f.argument == Var(number)), None)

        yield from swapped(case.formula(position), shown)


@misconception(
    "normaliser-forgotten",
    say("the normaliser is left out"),
    say("The hidden state shows the cell divided by the normaliser, the sum of the same gates: h = o * c / n."),
    goes_back_to=_any,
)
def _normaliser_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.role is Role.HIDDEN:
        match case.formula(position):
            case Over(numerator, Var(below)) if case.steps[below].target.stem in case.states(step.target.layer):
                yield numerator


@misconception(
    "stabiliser-forgotten",
    say("the stabiliser is left out of a gate"),
    say("The stabiliser is subtracted in the exponents of both gates, input and forget: only then does it cancel."),
)
def _stabiliser_forgotten(case: Case, position: int, step: Step) -> Iterator[Formula]:
    formula = case.formula(position)
    if step.role is Role.HIDDEN and isinstance(formula, Apply) and isinstance(formula.argument, Sum):
        terms = formula.argument.terms
        subtracted = (v.number for t in terms if isinstance(t, Neg) for v in variables(t))
        stabilisers = {case.steps[n].target.stem for n in subtracted if isinstance(case.steps[n].formula, Extreme)}
        kept = [t for t in terms if not uses(t, lambda n: case.steps[n].target.stem in stabilisers)]
        if 0 < len(kept) < len(terms):
            yield Apply(formula.function, added(kept))


# ---------------------------------------------------------------- backward pass


@misconception(
    "slope-of-the-complement",
    say("the slope of 1 - z"),
    say("The derivative of 1 - z is -1: the gradient of z has what z multiplies, minus what 1 - z multiplies."),
)
def _slope_of_the_complement(case: Case, position: int, step: Step) -> Iterator[Formula]:
    through = case.through(step)
    if not case.is_gradient(step) or through is None or (gate := _mixing(case, through)) is None:
        return
    if case.find(step.target._replace(of=None, via=None)) == gate.number:
        formula = case.formula(position)
        yield rewrite(formula, lambda part: part.operand if isinstance(part, Neg) else None)
        yield rewrite(formula, lambda part: 1 + part if isinstance(part, Sum) else None)
        yield product(-ONE, formula)


@misconception(
    "carry-dropped",
    say("what a state passes on itself is missing in the gradient"),
    say("A state that is carried on has a way back of its own beside the gates: for a cell, dL/dc_(t+1) times f_(t+1)."),
)
def _carry_dropped(case: Case, position: int, step: Step) -> Iterator[Formula]:
    yield from _without(case, step, lambda target, via: via.stem == target.stem and handed_on(target, via))


@misconception(
    "reading-dropped",
    say("the part of dL/dc that comes from h is missing"),
    say("A cell acts by the state that shows it and by the next cell: its gradient is the sum of both."),
)
def _reading_dropped(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if step.target.stem != "h":
        yield from _without(case, step, lambda target, via: via.stem == "h" and not handed_on(target, via))


def _without(case: Case, step: Step, dropped: Callable[[Name, Name], bool]) -> Iterator[Formula]:
    """The sum of the ways by which the gradient of a state arrives, without some of them."""
    if not case.is_gradient(step) or step.through is not None or step.target.stem not in case.states(step.target.layer):
        return
    kept = [Var(argument) for argument in step.arguments if not dropped(step.target, case.way(argument))]
    yield from some_of(kept, step.arguments)


@misconception(
    "one-gate-only",
    say("the way back through one gate alone"),
    say("Every gate and the candidate look at the state before: its gradient adds up what comes back through each of them."),
)
def _one_gate_only(case: Case, position: int, step: Step) -> Iterator[Formula]:
    if not case.of_state(step) or step.through is not None:
        return
    gates = [argument for argument in step.arguments if _through_weights(case, case.way(argument), step.target)]
    if len(gates) > 1:
        yield from (added([Var(a) for a in step.arguments if a == gate or a not in gates]) for gate in gates)


def _through_weights(case: Case, via: Name, target: Name) -> bool:
    position = case.find(via)
    return position is not None and _is_net(case, position) and handed_on(target, via)
