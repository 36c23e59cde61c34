"""The loss in general: its formula in t, i and s, and the conventions on which textbooks differ, in words."""

from __future__ import annotations

from fractions import Fraction

from bptt_trace.document.mathematics import Inline, Math, inline
from bptt_trace.document.sheet import Equation, Part
from bptt_trace.engine.names import LOSS, Name
from bptt_trace.lines.matrix_rows import Blackboard
from bptt_trace.lines.rows import Desk
from bptt_trace.lines.spelling import clock_at

KINDS = {
    "squared_error": "squared error",
    "cross_entropy": "cross-entropy",
    "kl_divergence": "Kullback-Leibler divergence of the prediction from the target",
    "binary_cross_entropy": "binary cross-entropy",
    "output": "the prediction itself",
}


def sum_over(what: str, *, latex: bool = False) -> str:
    """The sign of a sum over time steps (``t``), units (``i``), samples (``s``), or over both (``st``)."""
    if latex:
        return rf"\sum_{{{','.join(what)}}}" if len(what) > 1 else rf"\sum_{what}"
    return f"sum_{what}"


def loss_name(desk: Desk, which: str = "") -> Math:
    """``L``, ``L_t``, ``L#s`` or ``L_t#s``."""
    stem = desk.speller.math(LOSS)
    return Math(
        f"{stem.text}{which}",
        stem.latex + which.replace("#s", r"^{\langle s\rangle}"),
    )


def summed(how: str, count: str, over: str, term: Math) -> Math:
    """The mean, or the sum, of terms."""
    front = Math(f"(1/{count}) * ", rf"\frac{{1}}{{{count}}} \cdot ") if how == "mean" else Math("", "")
    return Math(f"{front.text}{sum_over(over)} {term.text}", f"{front.latex}{sum_over(over, latex=True)} {term.latex}")


def term_equation(desk: Desk, board: Desk | Blackboard) -> Equation:
    """The loss of one prediction."""
    network = desk.problem.network
    which = ("" if network.single or desk.problem.loss.kind == "above" else "_t") + ("#s" if network.samples is not None else "")
    return Equation(loss_name(desk, which), (Part(term(desk, board)),))


def term(desk: Desk, board: Desk | Blackboard) -> Math:
    """The right side of it."""
    network, loss = desk.problem.network, desk.problem.loss
    if loss.kind == "above":
        return board.general(board.parts.forward.losses[-1], str)[1]
    several = network.outputs > 1
    if (loss.kind == "squared_error" and not several) or not loss.has_target:
        first = next(position for position, step in enumerate(board.steps) if step.target.stem == LOSS.stem)
        now = board.steps[first].target.time
        return board.general(first, str if now is None else clock_at(now))[1]
    y, target = _compared(desk, several)
    if loss.kind == "squared_error":
        one = Math(f"({y.text} - {target.text})^2", f"({y.latex} - {target.latex})^{{2}}")
    elif loss.kind == "cross_entropy":
        one = Math(f"{target.text} * ln({y.text})", rf"{target.latex} \cdot \ln({y.latex})")
    else:
        one = Math(
            f"({target.text} * ln({y.text}) + (1 - {target.text}) * ln(1 - {y.text}))",
            rf"({target.latex} \cdot \ln({y.latex}) + (1 - {target.latex}) \cdot \ln(1 - {y.latex}))",
        )
    if loss.kind == "kl_divergence":
        one = Math(
            f"{target.text} * ln({target.text} / {y.text})", rf"{target.latex} \cdot \ln(\frac{{{target.latex}}}{{{y.latex}}})"
        )
    front = _front(loss.factor, averaged=loss.over_units == "mean" and several)
    sign = "" if loss.kind in ("squared_error", "kl_divergence") else "-"
    sums = Math(f"{sum_over('i')} ", rf"{sum_over('i', latex=True)} ") if several else Math("", "")
    return Math(f"{sign}{front.text}{sums.text}{one.text}", f"{sign}{front.latex}{sums.latex}{one.latex}")


def _compared(desk: Desk, several: bool) -> tuple[Math, Math]:
    """Prediction and target, of unit i where there are several."""
    network = desk.problem.network
    time = None if network.steps is None else 1
    y = network.prediction(time)
    symbol = "t" if network.every else "T"
    clock = str if time is None else clock_at(1, symbol)
    index = "[i]" if several else ""
    one, other = desk.speller.math(y, clock), desk.speller.math(Name("target", time=time), clock)
    return Math(f"{one.text}{index}", f"{one.latex}{index}"), Math(f"{other.text}{index}", f"{other.latex}{index}")


def _front(factor: Fraction, *, averaged: bool) -> Math:
    text, latex = "", ""
    if factor != 1:
        text = f"{factor} * " if factor.denominator == 1 else f"({factor}) * "
        latex = rf"{factor} \cdot " if factor.denominator == 1 else rf"\frac{{{factor.numerator}}}{{{factor.denominator}}} \cdot "
    if averaged:
        text, latex = f"{text}(1/K) * ", rf"{latex}\frac{{1}}{{K}} \cdot "
    return Math(text, latex)


def whole(desk: Desk, board: Desk | Blackboard) -> Inline:
    """The whole loss in one formula, and its conventions."""
    network, loss = desk.problem.network, desk.problem.loss
    formula = term(desk, board)
    if not network.single and loss.kind != "above":
        formula = summed(loss.over_time, "T", "t", formula)
    if network.samples is not None:
        formula = summed(loss.over_batch, "N", "s", formula)
    name = loss_name(desk)
    if loss.kind == "above":
        stands = Math(f"{name.text} = {formula.text}", f"{name.latex} = {formula.latex}")
        return inline(
            "none: gradients are handed in from above; {stands} stands for it, because it has just these", stands=stands
        )
    shown = Math(f"{name.text} = {formula.text}", f"{name.latex} = {formula.latex}")
    return inline("{formula}: {words}", formula=shown, words=_words(desk))


def _words(desk: Desk) -> str:
    network, loss = desk.problem.network, desk.problem.loss
    words = KINDS[loss.kind]
    if loss.has_target:
        words += f", factor {loss.factor}"
    if network.outputs > 1 and loss.kind in ("squared_error", "binary_cross_entropy"):
        words += f", {loss.over_units} over the K = {network.outputs} output units"
    if network.steps is not None and not network.single:
        words += (
            f", {loss.over_time} over the T = {network.steps} steps"
            if network.steps != 1
            else f", {loss.over_time} over one step (T = 1)"
        )
    elif network.steps is not None:
        words += f", at the last step only (T = {network.steps})"
    if network.samples is not None:
        words += f", {loss.over_batch} over the N = {network.samples} samples"
    return words
