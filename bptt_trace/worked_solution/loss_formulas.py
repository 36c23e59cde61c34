"""The loss in general: its formula in t, i and s, and the conventions on which textbooks differ, in words."""

from __future__ import annotations

from fractions import Fraction

from bptt_trace.document.mathematics import Applied, Math, MathRow, Number, Put, Relation, Symbol, Verbatim, sum_over
from bptt_trace.document.sentences import Inline, inline, say
from bptt_trace.document.sheet import Equation, Part
from bptt_trace.engine.activation_parser import comparison
from bptt_trace.engine.formula import Sum, Var
from bptt_trace.engine.functions import ln
from bptt_trace.engine.names import LOSS, Name
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.row_mathematics import Written
from bptt_trace.lines.rows import Rows
from bptt_trace.lines.spelling import Clock, clock_at
from bptt_trace.networks.losses import Loss

KINDS = {
    "squared_error": say("squared error"),
    "perceptron": (
        say(
            "perceptron criterion, 0 where the answer is right; its gradient at the pre-activation is prediction "
            "− target, and so the update adds learning rate · (target − prediction) · input"
        )
    ),
    "cross_entropy": say("cross-entropy"),
    "kl_divergence": say("Kullback-Leibler divergence of the prediction from the target"),
    "binary_cross_entropy": say("binary cross-entropy"),
    "output": say("the prediction itself"),
    "equation": say("as the equation of the problem file tells it"),
}

OVER = {"mean": say("mean"), "sum": say("sum")}
"""The combination of terms: mean or sum."""


def loss_name(desk: Desk, time: str = "", sample: str = "") -> Math:
    """``L``, ``L_t``, ``L#s`` or ``L_t#s``."""
    name = desk.speller.math(LOSS)
    if time:
        name = Put("low", name, Verbatim(time))
    return Put("of_sample", name, Verbatim(sample)) if sample else name


def summed(how: str, count: str, over: str, term: Math) -> Math:
    """The mean, or the sum, of terms."""
    return MathRow(*_share(Symbol(count) if how == "mean" else None), sum_over(over), " ", term)


def _share(count: Math | None) -> tuple[Math | str, ...]:
    """The factor of a mean; nothing without a count."""
    return () if count is None else (Put("ratio", Number(1), count), " * ")


def term_equation(desk: Desk, board: Rows) -> Equation:
    """The loss of one prediction."""
    network = desk.problem.network
    single = network.single or desk.problem.loss.kind == "above"
    name = loss_name(desk, "" if single else "t", "" if network.samples is None else "s")
    return Equation(name, (Part(term(desk, board)),))


def term(desk: Desk, board: Rows) -> Math:
    """The right side of it."""
    network, loss = desk.problem.network, desk.problem.loss
    if loss.kind == "above":
        return board.general(board.parts.forward.losses[-1], str)[1]
    several = network.outputs > 1
    if (loss.kind in ("squared_error", "equation", "perceptron") and not several) or not (
        loss.has_target or loss.kind == "equation"
    ):
        first = next(position for position, step in enumerate(board.steps) if step.target.stem == LOSS.stem)
        now = board.steps[first].target.time
        return board.general(first, str if now is None else clock_at(now))[1]
    y, target = _compared(desk, several)
    if loss.kind == "equation":
        one: Math = _of_one_output(loss, y, target)
    elif loss.kind == "squared_error":
        one = Put("power", Put("bracket", MathRow(y, " - ", target)), 2)
    elif loss.kind == "cross_entropy":
        one = MathRow(target, " * ", Applied(ln, y))
    elif loss.kind == "kl_divergence":
        one = MathRow(target, " * ", Applied(ln, Put("over", target, y)))
    else:
        hit, miss = MathRow(target, " * ", Applied(ln, y)), MathRow(Number(1), " - ", target)
        one = Put("bracket", MathRow(hit, " + ", Put("bracket", miss), " * ", Applied(ln, MathRow(Number(1), " - ", y))))
    sign = () if loss.kind in ("squared_error", "kl_divergence", "equation") else ("-",)
    sums = (sum_over("i"), " ") if several else ()
    share = _share(Symbol("K") if loss.over_units == "mean" and several else None)
    return MathRow(*sign, *_front(loss.factor), *share, *sums, one)


def slope_of_binary(desk: Desk, time: int | None, clock: Clock) -> Math:
    """The slope of a binary cross-entropy in its prediction, for every target: that of a target 0 or 1 is shorter."""
    network, loss = desk.problem.network, desk.problem.loss
    y = desk.speller.math(network.prediction(time), clock)
    target = desk.speller.math(Name("target", time=time), clock)
    over_steps = _share(Symbol("T") if loss.over_time == "mean" and not network.single else None)
    over_samples = _share(Symbol("N") if loss.over_batch == "mean" and network.samples is not None else None)
    slope = Written((Var(0) - Var(1)) / (Var(0) * (1 - Var(0))), (y, target).__getitem__)
    return MathRow(*_front(loss.factor), *over_steps, *over_samples, slope)


def _of_one_output(loss: Loss, y: Math, target: Math) -> Math:
    """The user's own loss of one output, with these names."""
    formula = comparison(loss.equation)
    written = Written(formula, (y, target).__getitem__)
    return Put("bracket", written) if isinstance(formula, Sum) else written


def _compared(desk: Desk, several: bool) -> tuple[Math, Math]:
    """Prediction and target, of unit i where there are several."""
    network = desk.problem.network
    time = None if network.steps is None else 1
    y = network.prediction(time)
    symbol = "t" if network.every else "T"
    clock = str if time is None else clock_at(1, symbol)
    both = desk.speller.math(y, clock), desk.speller.math(Name("target", time=time), clock)
    return (MathRow(both[0], "[i]"), MathRow(both[1], "[i]")) if several else both


def _front(factor: Fraction) -> tuple[Math | str, ...]:
    """A factor of the loss before it; 1 is not written."""
    if factor == 1:
        return ()
    whole, number, parts = factor.denominator == 1, Number(factor.numerator), map(Number, factor.as_integer_ratio())
    return (number if whole else Put("ratio", *parts), " * ")


def whole(desk: Desk, board: Rows) -> Inline:
    """The whole loss in one formula, and its conventions."""
    network, loss = desk.problem.network, desk.problem.loss
    formula = term(desk, board)
    if not network.single and loss.kind != "above":
        formula = summed(loss.over_time, "T", "t", formula)
    if network.samples is not None:
        formula = summed(loss.over_batch, "N", "s", formula)
    stands = Relation(loss_name(desk), formula)
    if loss.kind == "above":
        return inline(
            "none: gradients are handed in from above; {stands} stands for it, because it has just these", stands=stands
        )
    return inline("{formula}: {words}", formula=stands, words=_words(desk))


def _words(desk: Desk) -> str:
    network, loss = desk.problem.network, desk.problem.loss
    words = KINDS[loss.kind]
    if (loss.has_target or loss.kind == "equation") and loss.kind != "perceptron":
        words += say(", factor {factor}", factor=loss.factor)
    if network.outputs > 1 and loss.kind in ("squared_error", "binary_cross_entropy", "equation"):
        words += say(", {units} over the K = {outputs} output units", units=OVER[loss.over_units], outputs=network.outputs)
    if network.steps is not None and not network.single:
        words += (
            say(", {time} over the T = {steps} steps", time=OVER[loss.over_time], steps=network.steps)
            if network.steps != 1
            else say(", {time} over one step (T = 1)", time=OVER[loss.over_time])
        )
    elif network.steps is not None:
        words += say(", at the last step only (T = {steps})", steps=network.steps)
    if network.samples is not None:
        words += say(", {batch} over the N = {samples} samples", batch=OVER[loss.over_batch], samples=network.samples)
    return words
