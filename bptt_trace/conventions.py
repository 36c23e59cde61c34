"""The box of conventions: everything on which textbooks differ, as this sheet has it."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_trace.desk import Desk
from bptt_trace.formula import Apply, Var, product
from bptt_trace.functions import Function, identity, slope_of
from bptt_trace.lines import LATEX, TEXT, LinePrinter, expression, in_z
from bptt_trace.losses import Loss
from bptt_trace.names import Name, spell
from bptt_trace.notation import SPELLINGS, clock_at, general, latex
from bptt_trace.numbers import Rounding
from bptt_trace.parts import way
from bptt_trace.sheet import Inline, Math, inline


def conventions(desk: Desk) -> Iterator[tuple[str, Inline]]:
    """Term and explanation, only those that this problem has."""
    problem = desk.problem
    yield "Loss", _loss(desk)
    yield "Activations", _activations(desk)
    network = problem.network
    if max(*network.hidden, network.inputs, network.outputs) > 1:
        yield "Products", (_PRODUCTS[network.rows],)
    if problem.update:
        frozen = [str(name) for name in problem.update.freeze]
        stays = f"; {', '.join(frozen)} {'stays' if len(frozen) == 1 else 'stay'} as given" if frozen else ""
        yield (
            "Update",
            (f"gradient descent; every gradient uses the old parameters, all are updated once, at the end{stays}",),
        )
    if network.steps and (via := _via_example(desk)):
        yield "via", inline('{via} is the part of the gradient that arrives through {by}; without "via", the total', **via)
    yield "Rounding", (rounding_rule(desk.values.rounding),)
    yield "Reading", ('the column "uses" names the lines that a line takes its numbers from',)


_PRODUCTS = {
    False: "W x: a weight matrix stands left of its column; row i of W belongs to unit i",
    True: "x W: vectors are rows, and a weight matrix stands right of its row; column i of W belongs to unit i",
}


def rounding_rule(rounding: Rounding) -> str:
    """The rule of rounding in words."""
    digits = f"{rounding.figures} significant figures" if rounding.figures else f"{rounding.places} decimals"
    match rounding.policy:
        case "by_hand":
            return (
                f"by hand: each result is rounded half up to {digits} and the rounded value is used next; "
                "given numbers are not rounded"
            )
        case "carry":
            return (
                f"each result is shown rounded half up to {digits}, but the unrounded value is used next; "
                "where the printed digits do not give the printed result, ≈ stands instead of ="
            )
        case "full":
            return "none: double precision, with the shortest digits that read back to the same number"
        case _:
            return "none: closed forms, each with its decimal value beside it"


def _loss(desk: Desk) -> Inline:
    loss, network = desk.problem.loss, desk.problem.network
    steps = network.steps
    summed = steps is not None and network.every
    words = {"squared_error": "squared error", "output": "the prediction itself"}[loss.kind]
    if loss.has_target:
        words += f", factor {loss.factor}"
    if summed:
        words += f", {loss.over_time} over the T = {steps} steps" if steps != 1 else f", {loss.over_time} over one step (T = 1)"
    elif steps is not None:
        words += f", at the last step only (T = {steps})"
    return inline("{formula}: {words}", formula=_loss_formula(desk, loss, summed), words=words)


def _loss_formula(desk: Desk, loss: Loss, summed: bool) -> Math:
    first = next(position for position, step in enumerate(desk.steps) if step.target.stem == "L")
    now = desk.steps[first].target.time
    _, term = general(desk.steps, first, str if now is None else clock_at(now))
    if not summed:
        return Math(f"L = {term.text}", f"L = {term.latex}")
    front = Math("(1/T) * ", r"\frac{1}{T} \cdot ") if loss.over_time == "mean" else Math("", "")
    return Math(f"L = {front.text}{sum_over_time(False)} {term.text}", f"L = {front.latex}{sum_over_time(True)} {term.latex}")


def sum_over_time(in_latex: bool) -> str:
    """The sign of a sum over all time steps."""
    return r"\sum_t" if in_latex else "sum_t"


def _activations(desk: Desk) -> Inline:
    network = desk.problem.network
    time = None if network.steps is None else 1
    parts: list[str | Math | tuple[str | Math, ...]] = [*_activation("hidden", network.activation, "a", "h", time)]
    if network.readout:
        parts += ["; ", *_activation("output", network.readout.activation, "z", "y", time)]
    return tuple(part for part in parts if isinstance(part, str | Math))


def _activation(layer: str, function: Function, before: str, after: str, time: int | None) -> Inline:
    if function is identity:
        return (f"{layer} identity",)
    names = {0: Name(before, time=time), 1: Name(after, time=time)}
    slope = slope_of(function, Var(0), Var(1))
    clock = str if time is None else clock_at(time)
    spelled = []
    for signs, spelling in ((TEXT, spell), (LATEX, latex)):
        form = LinePrinter(signs, numbers=False).template(expression(product(slope)))
        spelled.append(form.pattern % tuple(spelling(names[hole], clock) for hole in form.holes))
    known = inline("{layer} {name}, slope {slope}", layer=layer, name=function.name, slope=Math(*spelled))
    if function.definition is not None:
        known = inline(
            "{layer} {phi}, slope {slope}",
            layer=layer,
            phi=Math(f"{function.name}(z) = {in_z(function, TEXT)}", f"{function.latex}(z) = {in_z(function, LATEX)}"),
            slope=_derivative(function),
        )
    corner = _corner(function)
    return (*known, corner) if corner else known


def _derivative(function: Function) -> Math:
    """What the slope of a user's function is, as SymPy derives it."""
    slope = _slope(function)
    return Math(f"{slope.name}(z) = {in_z(slope, TEXT)}", f"{slope.latex}(z) = {in_z(slope, LATEX)}")


def _slope(function: Function) -> Function:
    """The slope of a function for which that is a function with a name."""
    applied = slope_of(function, Var(0), Var(1))
    assert isinstance(applied, Apply)
    return applied.function


def _corner(function: Function) -> str:
    """What is done at 0, where a function made of straight pieces has no slope."""
    if function.pieces is None or function is identity:
        return ""
    pieces = _slope(function).pieces
    assert pieces is not None
    return f" ({pieces.right} right of 0, {pieces.left} left of 0, and at exactly 0 taken as {pieces.at_zero})"


def _via_example(desk: Desk) -> dict[str, Math] | None:
    """A carried gradient if there is one, else any contribution that has a line."""
    lines = [position for position, step in enumerate(desk.steps) if step.target.via is not None and not step.repeats]
    if not lines:
        return None
    carried = [p for p in lines if desk.steps[p].target.stem == "h" and _carried(desk.steps[p].target)]
    position = (carried or lines)[-1]
    via = desk.steps[position].target.via
    assert via is not None
    return {"via": desk.name(position), "by": Math(*(SPELLINGS[signs](via) for signs in (TEXT, LATEX)))}


def _carried(name: Name) -> bool:
    return name.via is not None and way(name, name.via) == "carried"
