"""The plane of two inputs: the samples, and the line on whose sides a neuron answers differently."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from bptt_trace.document.figures import Dot, Plane, Stroke
from bptt_trace.document.mathematics import MathRow, Number
from bptt_trace.document.sentences import Inline, Pattern, in_pattern, inline, to_say
from bptt_trace.engine.names import Name, Role
from bptt_trace.lines.desk import Desk

MARGIN = Fraction(1, 4)
"""The margin of the plane beyond the samples, as a share of their extent."""


def separating_line(desk: Desk) -> Plane | None:
    """Samples of both classes, the line before the first update, and that after the last."""
    network, given = desk.problem.network, desk.problem.given
    answers = sorted({number.value for name, number in given.items() if name.stem == "target"})
    if network.inputs != 2 or len(answers) != 2 or desk.values.rounding.policy == "exact":
        return None
    # A step answers by the sign of the sum; without one the answer is the nearer of the two targets.
    at = Fraction(0) if desk.problem.loss.kind == "perceptron" else (answers[0] + answers[1]) / 2
    points: list[tuple[Fraction, Fraction, Fraction]] = []
    for sample in desk.problem.samples:
        x, y = (given[Name("x", index=(place,), sample=sample)].value for place in (1, 2))
        points.append((x, y, given[Name("target", sample=sample)].value))
    box = _box([point[:2] for point in points])
    last = max((step.target.iteration for step in desk.steps if step.role is Role.UPDATE), default=0)
    first_and_last = _stroke(desk, 0, at, box, "first"), _stroke(desk, last, at, box, "last") if last else None
    strokes = [stroke for stroke in first_and_last if stroke]
    dots = tuple(Dot(*_at((x, y), box), target == answers[1]) for x, y, target in points)
    names = tuple(desk.speller.math(Name("x", index=(place,))) for place in (1, 2))
    title: Inline = inline(
        "The plane of the inputs: filled where the target is {one}; the line on which the answer changes", one=str(answers[1])
    )
    told: dict[str, Any] = {"one": names[0], "other": names[1], "count": str(len(points))}
    alternative = in_pattern(Pattern(SAID[tuple(stroke.kind for stroke in strokes)], told))
    low, high = (
        MathRow(Number(_short(box[0])), " ... ", Number(_short(box[1]))),
        MathRow(Number(_short(box[2])), " ... ", Number(_short(box[3]))),
    )
    return Plane("plane", title, names, (low, high), dots, tuple(strokes), alternative)


SAID = {
    (): to_say("The plane of {one} and {other} with {count} samples."),
    ("first",): to_say("The plane of {one} and {other} with {count} samples, and the line on which the answer changes, before."),
    ("last",): to_say("The plane of {one} and {other} with {count} samples, and the line on which the answer changes, after."),
    ("first", "last"): to_say(
        "The plane of {one} and {other} with {count} samples, and the line on which the answer changes, before and after."
    ),
}
"""The alternative text, by the lines that are drawn."""

Box = tuple[Fraction, Fraction, Fraction, Fraction]
"""The least and the largest input shown, of the first and of the second."""


def _short(value: Fraction) -> str:
    return f"{float(value):.4g}"


def _box(points: list[tuple[Fraction, Fraction]]) -> Box:
    sides: list[Fraction] = []
    for values in zip(*points, strict=True):
        low, high = min(values), max(values)
        room = (high - low or Fraction(1)) * MARGIN
        sides += [low - room, high + room]
    return sides[0], sides[1], sides[2], sides[3]


def _at(point: tuple[Fraction, Fraction], box: Box) -> tuple[int, int]:
    """A point in thousandths of the box, from its lower left corner."""
    left, right, low, high = box
    return round((point[0] - left) * 1000 / (right - left)), round((point[1] - low) * 1000 / (high - low))


def _stroke(desk: Desk, k: int, at: Fraction, box: Box, kind: str) -> Stroke | None:
    """The line w_1 x_1 + w_2 x_2 + b = ``at`` after iteration k, as far as it is within the box."""
    weights = [_value(desk, Name("W_xh", index=(1, place)) if desk.find(Name("W_xh", index=(1, 1))) is not None
                      else Name("W_xh", index=(place, 1)), k) for place in (1, 2)]  # fmt: skip
    bias = _value(desk, Name("b_h"), k)
    if None in (*weights, bias) or not any(weights):
        return None
    w, v, b = (Fraction(number or 0) for number in (*weights, bias))
    b -= at
    left, right, low, high = box
    found: list[tuple[Fraction, Fraction]] = []
    if v:
        found += [(x, -(w * x + b) / v) for x in (left, right)]
    if w:
        found += [(-(v * y + b) / w, y) for y in (low, high)]
    within = sorted({point for point in found if left <= point[0] <= right and low <= point[1] <= high})
    return Stroke(_at(within[0], box), _at(within[-1], box), kind) if len(within) > 1 else None


def _value(desk: Desk, name: Name, k: int) -> Fraction | None:
    """A parameter after iteration k, as printed; None where it is left to the student."""
    position = desk.find(name._replace(updated=True, iteration=k)) if k else desk.find(name)
    if position is None:
        position = desk.find(name)
    if position is None:
        return Fraction(0) if name.stem == "b_h" else None
    text = desk.value(position).text
    try:
        return Fraction(text)
    except ValueError:
        return None
