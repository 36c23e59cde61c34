"""The box of conventions: everything on which textbooks differ, as this sheet has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import cast

from bptt_trace.calculation.compiled_rules import definition
from bptt_trace.document.mathematics import Applied, Math, MathRow, Number, Put, Relation, Symbol, sum_over
from bptt_trace.document.sentences import Inline, Phrase, Place, in_a_row, inline, row_of, say, say_many, to_say, together
from bptt_trace.engine.activation_parser import comparison
from bptt_trace.engine.formula import Apply, Extreme, Formula, Var, product
from bptt_trace.engine.formula_walks import applications, children
from bptt_trace.engine.functions import Function, exp, identity, slope_of, softmax, unit_step
from bptt_trace.engine.names import LOSS, Layer, Name, Role, gradient
from bptt_trace.lines.cell_words import choices, handed_over, names_in, over_time
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.parts_of_sheet import way
from bptt_trace.lines.row_mathematics import Written
from bptt_trace.lines.rows import Rows
from bptt_trace.lines.spelling import Clock, clock_at
from bptt_trace.networks.cells import Cell
from bptt_trace.networks.cells.equations import Equations
from bptt_trace.networks.graph import Graph
from bptt_trace.networks.losses import Loss
from bptt_trace.networks.optimizers import Update
from bptt_trace.worked_solution.letters import alphabet
from bptt_trace.worked_solution.loss_formulas import whole
from bptt_trace.worked_solution.update_formulas import clipping, named, recipe
from bptt_trace.worked_solution.wording import kept_digits


def conventions(desk: Desk, board: Rows) -> Iterator[tuple[str, Inline]]:
    """Term and explanation, only those that this problem has."""
    problem = desk.problem
    if problem.update and problem.update.told:
        yield from _update(desk, problem.update)
        yield say("Rounding"), rounding_rule(desk, states=_states(desk))
        yield say("Reading"), (_READING,)
        return
    if isinstance(problem.network, Graph):
        yield from _of_graph(desk, problem.network)
        yield say("Rounding"), rounding_rule(desk, states=_states(desk))
        yield say("Reading"), (_READING,)
        return
    yield say("Loss"), whole(desk, board) + tuple(_corners_of_loss(problem.loss)) if problem.loss.kind != "none" else _NO_LOSS
    if problem.loss.of_probabilities:
        yield say("Gradient"), _entropy_gradient(desk)
    yield say("Activations"), _activations(desk)
    network = problem.network
    if network.samples is not None:
        yield (
            say("Samples"),
            inline("{x} belongs to sample 2", x=desk.speller.math(Name("x", time=1 if network.steps else None, sample=2))),
        )
    if kinds := tuple(choices(network.cells[0])):
        yield say("Cell"), _sentences(desk, kinds)
    if network.letters:
        yield say("Letters"), alphabet(desk, network.letters)
    if shape := tuple(over_time(network)):
        yield say("Over time"), _sentences(desk, shape)
    if max(*network.hidden, network.inputs, network.outputs) > 1:
        yield say("Products"), (_PRODUCTS[network.rows],)
    if network.dropout is not None:
        yield say("Dropout"), _dropout(desk, network.dropout)
    if problem.update:
        yield from _update(desk, problem.update)
    if (network.steps or network.samples) and (via := _via_example(desk)):
        part = to_say('{via} is the part of the gradient that arrives through {by}; a gradient without "via" is the total')
        yield say("via"), inline(part, **via)
    yield say("Rounding"), rounding_rule(desk, states=_states(desk))
    yield say("Reading"), (_READING,)


def _of_graph(desk: Desk, graph: Graph) -> Iterator[tuple[str, Inline]]:
    """The quantities with gradients, and the meaning of ``via`` for a quantity that is used more than once."""
    last = desk.speller.math(LOSS)
    constants: Inline = inline("; constants have none") if graph.fixed else ()
    yield say("Gradients"), inline("those of {last}, the last line, in every quantity", last=last) + constants
    applied = (graph.functions[call.text] for _, _, right in graph.lines for call in right.calls())
    corners = list(_corners(applied))
    if corners:
        yield say("Corners"), tuple(corners[1:])
    if via := _via_example(desk):
        yield (
            say("via"),
            inline('{via} is the part of the gradient that arrives through {by}; without "via" it is the total', **via),
        )


def _dropout(desk: Desk, share: Fraction) -> Inline:
    """The dropped units, and the scale of the kept ones."""
    return inline(
        "between the last hidden layer and the output, of which {share} is dropped: what {mask} keeps is multiplied by "
        "{scale} = 1 / (1 − {share}) (inverted dropout); {mask} is given, and the same in every pass",
        share=Number(share),
        scale=Number(1 / (1 - share)),
        mask=desk.speller.math(Name("mask")),
    )


_NO_LOSS = inline("none: a forward pass alone")
_READING = say('the column "uses" lists the lines whose results are needed here')


def _states(desk: Desk) -> bool:
    """Whether there are lines that keep significant figures, beside those of the memory."""
    return any(desk.steps[position].role is Role.STATE for position in (*desk.parts.cut, *desk.parts.changes))


def _update(desk: Desk, update: Update) -> Iterator[tuple[str, Inline]]:
    """The rule with its formulas and its source; clipping, truncation, and what an iteration sees."""
    network = desk.problem.network
    frozen = [desk.speller.text(name) for name in update.freeze]
    stays = (
        say_many("; {names} stays as given", "; {names} stay as given", len(frozen), names=", ".join(frozen)) if frozen else ""
    )
    batch = say(" of the whole batch (batch update)") if network.samples is not None else ""
    turns = say(" of one sample (online: the {online} samples take turns)", online=update.online) if update.online else ""
    at_end = say("all parameters are updated together at the end")
    moment = at_end if update.iterations == 1 else say("all parameters are updated together at the end of an iteration")
    uses = "" if update.look_ahead else say("all gradients use the old parameters; ")
    when = row_of(say("; "), uses, moment, batch, turns) if not update.told else ""
    formulas: Inline = ()
    if update.rule != "gd" or update.decay:
        for place, (left, right) in enumerate(recipe(update, desk.speller)):
            formulas = in_a_row("", (formulas, say("; ") if place else ": ", Relation(left, right)))
        if any(desk.steps[position].role is Role.STATE for position in desk.parts.updates):
            formulas += inline("; where a letter stands on both sides, the right-hand one is its old value (0 at the start")
            if update.momentum_decay:  # a product begins with 1
                formulas += inline(", 1 for {product}", product=desk.speller.math(Name("mu_product")))
            formulas += inline(", unless given)")
    if update.done:
        formulas += inline(
            "; k is counted on from {done}: it is {done2} in the first iteration of this sheet",
            done=update.done,
            done2=update.done + 1,
        )
    if update.look_ahead:
        ahead = desk.speller.math(Name("ahead"))
        formulas += inline("; every gradient {g}, and the loss beside it, is that of {ahead}", g=Symbol("g"), ahead=ahead)
    yield say("Update"), in_a_row("", (named(update), formulas, when, stays))
    if update.schedule:
        yield say("Learning rate"), _schedule(desk, update)
    if update.clip:
        yield say("Clipping"), clipping(update, desk.speller)
    if update.truncate:
        if update.truncate_every:
            often = say("every {every} steps", every=update.truncate_every) if update.truncate_every > 1 else say("every step")
            yield (
                say("Truncation"),
                inline(
                    "a backward pass {often}, which goes back {truncate} steps; their gradients are added up",
                    often=often,
                    truncate=update.truncate,
                ),
            )
            return
        windows = say_many("windows of {n} time step", "windows of {n} time steps", update.truncate, n=update.truncate)
        ends = "" if network.every else say(", the last of them ending with the last step")
        yield (
            say("Truncation"),
            inline("nothing is carried back from one window to the one before: {windows}{ends}", windows=windows, ends=ends),
        )


def _every(count: int) -> str:
    return say("every iteration") if count == 1 else say("every {count} iterations", count=count)


def _schedule(desk: Desk, update: Update) -> Inline:
    """The course of the learning rate over the iterations."""
    eta, gamma, k = desk.speller.math(Name("eta")), desk.speller.math(Name("gamma")), Symbol("k")
    match update.schedule:
        case "list":
            return inline("given for each iteration")
        case "step":
            return inline("{eta}, multiplied by {gamma} after {n}", eta=eta, gamma=gamma, n=_every(update.every))
        case "exponential":
            power = MathRow(eta, " * ", Put("raised", gamma, MathRow(k, "-", Number(1))))
            return inline("{power} in iteration {k}", power=power, k=k)
        case _:
            share = MathRow(eta, " * ", Put("over", k, Number(update.every)))
            return inline(
                "warm-up: {share} in iteration {k}, from iteration {n} on {eta}", share=share, k=k, n=str(update.every), eta=eta
            )


def _sentences(desk: Desk, sentences: Sequence[str]) -> Inline:
    """Sentences about this network, with its names set in."""
    network = desk.problem.network
    clock = clock_at(1)
    names = {
        key: desk.speller.math(name, clock if name.time == 1 and not key.endswith("_end") else str)
        for key, name in names_in(network).items()
        if key not in ("y", "target")
    }
    names |= {key: desk.speller.math(Name(stem, time=0), clock) for key, stem in (("y", "y"), ("target", "target"))}
    handed = [
        inline("{start} is {end}", start=desk.speller.math(Name(stem, layer, 0)),
               end=desk.speller.math(Name(stem, source, network.source_steps)))
        for layer, source, stem in handed_over(network)
    ]  # fmt: skip
    places: dict[str, Place] = {**names, "handed": in_a_row(", ", handed)}
    return in_a_row(
        say("; "), [sentence if isinstance(sentence, Phrase) else inline(sentence, **places) for sentence in sentences]
    )


_PRODUCTS = {
    False: say("W x: a weight matrix stands left of its column; row i of W belongs to unit i"),
    True: say("x W: vectors are rows, and a weight matrix stands right of its row; column i of W belongs to unit i"),
}


def rounding_rule(desk: Desk, *, states: bool = False) -> Inline:
    """The rule of rounding in words; with ``states`` it says that the lines of an optimizer are rounded in their own way."""
    rounding = desk.values.rounding
    if states and rounding.figures is None and rounding.policy in ("by_hand", "carry"):
        own = say(
            "; lines of norms, clipped gradients and of what the update carries on keep {figures}, because small "
            "squares would be 0 with so many decimals",
            figures=rounding.of_products.words,
        )
        return together(rounding_rule(desk), own)
    digits = kept_digits(rounding, desk.speller)
    match rounding.policy:
        case "by_hand":
            return inline(
                "by hand: each result is rounded half up to {digits} and the rounded value is used next; given "
                "numbers are not rounded",
                digits=digits,
            )
        case "carry":
            return inline(
                "each result is shown rounded half up to {digits}, but the unrounded value is used next; where the "
                "printed digits do not give the printed result, ≈ stands instead of =",
                digits=digits,
            )
        case "full":
            return inline("none: double precision, with the shortest digits that read back to the same number")
        case _:
            return inline("none: closed forms, each with its decimal value beside it")


def _entropy_gradient(desk: Desk) -> Inline:
    """The way of the gradient of a cross-entropy."""
    network = desk.problem.network
    output = network.output_activation
    before, after = _prediction(desk)
    if desk.problem.loss.gradient == "long":
        if network.readout and network.readout.exponentials:
            return inline("the long way: through {y}, the exponentials and their sum to {z}", y=after, z=before)
        if output is softmax:
            return inline("the long way: through {y} and the matrix of the slopes of softmax to {z}", y=after, z=before)
        return inline("the long way: through {y} and the slope of the {name} to {z}", y=after, name=output.name, z=before)
    short = inline("the short way: {name} and logarithm together give prediction − target at {z}", name=output.name, z=before)
    if not _used_again(desk):
        return short
    return short + inline("; where {y} is used again, the way leads through {y}, whose gradient is a sum", y=after)


def _used_again(desk: Desk) -> bool:
    """Whether a prediction is more than compared with its target, so that its gradient has a line."""
    network, known = desk.problem.network, desk.program.vectors.program.index
    return any(
        gradient(network.prediction(time)._replace(sample=sample)) in known
        for time in network.predicting
        for sample in network.numbers
    )


def _prediction(desk: Desk) -> tuple[Math, Math]:
    """The prediction and its pre-activation."""
    network = desk.problem.network
    time = None if network.steps is None else 1
    names = [Name(network.readout.logits if network.readout else "z", time=time), Name("y", time=time)]
    if not network.readout:
        names = [Name(stem, network.layers[-1], time) for stem in ("a", "h")]
    clock = str if time is None else clock_at(1, "t" if network.every else "T")
    before, after = (desk.speller.math(name, clock) for name in names)
    return before, after


def _activations(desk: Desk) -> Inline:
    network = desk.problem.network
    time = None if network.steps is None else 1
    parts: list[Inline] = []
    functions = [cell.activation for cell in network.cells]
    first = network.cells[0]
    if network.tokens:
        parts.append(inline("weights softmax of the scores of one row"))
    elif not first.simple if isinstance(first, Equations) else first.gates:
        parts.append(together(*_gates(desk, network.cells[0], network.layers[0])))
    elif len(set(functions)) == 1:
        layer = network.layers[0]
        parts.append(_activation(desk, say("hidden"), functions[0], Name("a", layer, time), Name("h", layer, time)))
    else:
        for layer, function in zip(network.layers, functions, strict=True):
            which = say("layer {layer}", layer=layer)
            parts.append(_activation(desk, which, function, Name("a", layer, time), Name("h", layer, time)))
    if network.readout:
        before, after = Name(network.readout.logits, time=time), Name("y", time=time)
        parts.append(_activation(desk, say("output"), network.readout.activation, before, after))
    return in_a_row(say("; "), parts)


def _corners(functions: Iterable[Function]) -> Iterator[str | Math]:
    """The slopes of functions with a corner."""
    for own in dict.fromkeys(_slope(bent) for function in functions for bent in _bent(function)):
        yield from ("; ", Applied(own, Symbol("z")), _corner(own))


def _corners_of_loss(loss: Loss) -> Iterator[str | Math]:
    """The slopes of such functions in the user's own loss."""
    if loss.kind == "equation":
        yield from _corners(applied.function for applied in applications(comparison(loss.equation)))


def _chooses(formula: Formula) -> bool:
    """Whether a formula takes the larger or the smaller of two, through which a gradient goes back."""
    return (isinstance(formula, Extreme) and not formula.held) or any(map(_chooses, children(formula)))


def _first(desk: Desk, cell: Cell, layer: Layer) -> int | None:
    """The first time step of a cell."""
    stems = (*cell.gates, *cell.state)
    steps = desk.program.vectors.program.steps
    return next(step.target.time for step in steps if step.rule and step.target.layer == layer and step.target.stem in stems)


def _gates(desk: Desk, cell: Cell, layer: Layer) -> Iterator[Place]:
    """The activation of each line of a cell with gates, taken from its lines."""
    whole: dict[Function, list[Math]] = {}
    inside: dict[Function, list[Math]] = {}
    lines = desk.program.vectors.program.steps
    first = _first(desk, cell, layer)
    for step in lines:
        target, rule = step.target, step.rule
        if rule is None or (target.layer, target.time, target.iteration, target.of) != (layer, first, 1, None):
            continue
        for applied in applications(rule.formula):
            of_name = isinstance(applied.argument, Var)
            if applied is rule.formula:
                whole.setdefault(applied.function, []).append(_in_time(desk, target))
            elif of_name:
                argument = lines[step.arguments[cast(Var, applied.argument).number]].target
                inside.setdefault(applied.function, []).append(_in_time(desk, argument))
    for place, (function, gates) in enumerate(whole.items()):
        yield "; " if place else ""
        yield from _listed(gates)
        yield f" {function.name}"
    for place, (function, arguments) in enumerate(inside.items()):
        yield "; " if place or whole else ""
        yield inline("{name} of {arguments}", name=function.name, arguments=tuple(_listed(arguments)))
    for function in dict.fromkeys([*whole, *inside]):
        if function.definition is not None:
            yield inline("; {phi}, slope {slope}", phi=_in_z(function), slope=_in_z(_slope(function)))
        yield from _corners([function])
    if any(_chooses(step.rule.formula) for step in lines if step.rule and step.target.layer == layer and step.target.of is None):
        yield inline("; slopes of max and min: {z}{step}", z=Applied(unit_step, Symbol("z")), step=_corner(unit_step))


def _in_time(desk: Desk, name: Name) -> Math:
    return desk.speller.seen_from(name._replace(sample=None), name.time or 0)


def _listed(names: Iterable[Math]) -> Iterator[str | Math]:
    for number, name in enumerate(dict.fromkeys(names)):
        yield from (", " if number else "", name)


def _activation(desk: Desk, layer: str, function: Function, before: Name, after: Name) -> Inline:
    if function is identity:
        return inline("{layer} identity", layer=layer)
    clock = str if before.time is None else clock_at(before.time)
    if function.pieces is not None and function.pieces.steps:
        low, at_zero = function.pieces.left, function.pieces.at_zero
        return inline(
            "{layer} {name}: 1 right of 0, {low} left of 0, and {zero} at exactly 0; it has no slope to go through",
            layer=layer,
            name=function.name,
            low=low,
            zero=at_zero,
        )
    if function is softmax:
        return _softmax(desk, layer, before, after, clock)
    names = [desk.speller.math(name, clock) for name in (before, after)]
    slope = Written(product(slope_of(function, Var(0), Var(1))), names.__getitem__)
    known = inline("{layer} {name}, slope {slope}", layer=layer, name=function.name, slope=slope)
    if function.definition is not None:
        known = inline(
            "{layer} {phi}, slope {slope}",
            layer=layer,
            phi=_in_z(function),
            slope=_in_z(_slope(function)),
        )
    for bent in dict.fromkeys(_bent(function)):
        own = _slope(bent)
        name: Inline = (", ", Applied(own, Symbol("z"))) if bent is not function else ()
        known = in_a_row("", (known, name, _corner(own)))
    return known


def _softmax(desk: Desk, layer: str, before: Name, after: Name, clock: Clock) -> Inline:
    z, y = desk.speller.math(before, clock), desk.speller.math(after, clock)
    one, other = (Applied(exp, MathRow(z, index)) for index in ("[i]", "[j]"))
    formula = Relation(MathRow(y, "[i]"), Put("over", one, MathRow(sum_over("j"), " ", other)))
    return inline("{layer} softmax, {formula}", layer=layer, formula=formula)


def _in_z(function: Function) -> Math:
    """The definition of a user's function, or of its slope."""
    told = definition(function)
    z = Symbol("z")
    return Relation(Applied(function, z), Written(told, lambda _: z))


def _slope(function: Function) -> Function:
    """The slope of a function whose slope has a name of its own."""
    applied = slope_of(function, Var(0), Var(1))
    assert isinstance(applied, Apply)
    return applied.function


def _bent(function: Function) -> Iterator[Function]:
    """The functions with a corner at 0: a function made of straight pieces, or those in a formula."""
    if function.pieces is not None and function is not identity:
        yield function
    for applied in applications(function.definition) if function.definition else ():
        yield from _bent(applied.function)


def _corner(slope: Function) -> str:
    """The slope of a function of straight pieces, and the value that stands for it at 0, where it has none."""
    pieces = slope.pieces
    assert pieces is not None
    return say(
        " ({right} right of 0, {left} left of 0, and at exactly 0 taken as {zero})",
        right=pieces.right,
        left=pieces.left,
        zero=pieces.at_zero,
    )


def _via_example(desk: Desk) -> dict[str, Math] | None:
    """A carried gradient if there is one, else any contribution that has a line."""
    lines = [
        position
        for position, step in enumerate(desk.steps)
        if step.target.via is not None and step.target.iteration == 1 and not step.repeats
    ]
    if not lines:
        return None
    carried = [p for p in lines if desk.steps[p].target.stem == "h" and _carried(desk.steps[p].target)]
    position = (carried or lines)[-1]
    via = desk.steps[position].target.via
    assert via is not None
    return {"via": desk.name(position), "by": desk.speller.math(via)}


def _carried(name: Name) -> bool:
    return name.via is not None and way(name, name.via) == "carried"
