"""The ranges of the numbers of variants: the table ``[vary]`` of a problem, and its defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from bptt_trace.engine.functions import identity, sigmoid, softmax, tanh
from bptt_trace.engine.gradient_check import EPSILON
from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError, UnknownName, nearest
from bptt_trace.networks.graph import Graph
from bptt_trace.networks.optimizers import HYPER, STATES
from bptt_trace.problem.numbers import Number, exact_number, shown
from bptt_trace.problem.problem import Problem

Choices = tuple[Number, ...]
MOST_CHOICES = 10_001
SETTINGS = ("accept", "grid", "may_hide", "numbers", "tries")
DECIMALS, WHOLE, HALVES = KINDS = ("decimals", "whole", "halves")
"""The kinds of numbers: decimals on a grid; whole numbers; halves for parameters, and whole numbers for the rest."""

BIAS, INPUT, STATE, TARGET = (Fraction(text) for text in ("0.5", "2", "0.9", "1.5"))
"""The default bounds of these numbers: activations of sums of a few of them are neither saturated nor straight."""

FAN_IN = ((2, Fraction("1.2")), (4, Fraction("0.7")), (8, Fraction("0.5")), (16, Fraction("0.3")), (10**9, Fraction("0.2")))
"""The default bound of weights for at most so many summands."""


HALF, ONE = Fraction(1, 2), Fraction(1)
SMALL_NUMBERS: Mapping[str, Mapping[str, tuple[int, Fraction]]] = {
    WHOLE: {"w": (3, ONE), "b": (2, ONE), "x": (3, ONE), "target": (5, ONE), "h": (2, ONE)},
    HALVES: {"w": (2, HALF), "b": (1, HALF), "x": (3, ONE), "target": (5, ONE), "h": (1, HALF)},
}
"""The bounds and grids of weights, biases, inputs, targets and initial states that are whole or halves."""
GROUPS = {"weights": "w", "biases": "b", "inputs": "x", "targets": "target", "states": "h"}
"""The keys for all numbers of a kind."""


@dataclass(frozen=True)
class Ranges:
    """The numbers that may be drawn for a variant."""

    choices: Mapping[Name, Choices]
    """The choices of each number that varies."""
    classes: tuple[tuple[Name, ...], ...]
    """Targets that stand for a class: one of these numbers is 1, the others are 0."""
    may_hide: frozenset[str]
    """Mistakes that the numbers may hide."""
    accept: frozenset[str]
    """The screens that reject nothing, by their words."""
    numbers: str
    """The kind of numbers, one of ``KINDS``."""
    tries: int


def ranges_of(problem: Problem, table: Mapping[str, Any]) -> Ranges:
    """The ranges of a problem. Raises ``ProblemError`` for an unknown key or an impossible number."""
    grid = exact_number(table["grid"], "vary.grid")
    if grid.value <= 0:
        raise ProblemError(f"{grid.text} is not possible here; a grid is positive", path="vary.grid")
    may_hide = _mistakes(table.get("may_hide", ()))
    kind = table["numbers"]
    classes = _classes(problem) if problem.loss.over_classes and not problem.network.letters else ()
    of_classes = {name for group in classes for name in group}
    choices = {
        name: default
        for name in problem.given
        if name not in of_classes and (default := _default(problem, name, grid, kind)) is not None
    }
    varied_classes: tuple[tuple[Name, ...], ...] = ()
    told = [(key, value, _meant(problem, key)) for key, value in table.items() if key not in SETTINGS]
    # A key for fewer numbers comes later and wins: W_hh[1,2] after W_hh, x_2 after x.
    for key, value, names in sorted(told, key=lambda entry: -len(entry[2])):
        if problem.network.letters and names[0].stem in ("x", "target"):
            raise ProblemError("the letters of a text stay as they are", path=f"vary.{key}")
        if of_classes.intersection(names):
            varied_classes = classes if _classes_vary(value, f"vary.{key}") else ()
            continue
        for name in names:
            allowed = _told(value, grid, f"vary.{key}")
            _possible(problem, name, allowed or (), f"vary.{key}")
            if allowed is None:
                choices.pop(name, None)
            else:
                choices[name] = allowed
    accept = frozenset(table.get("accept", ()))
    tries = table["tries"] if "tries" in table or kind == DECIMALS else 5 * table["tries"]
    return Ranges(choices, varied_classes, may_hide, accept, kind, tries)


def _mistakes(slugs: Sequence[str]) -> frozenset[str]:
    from bptt_trace.marking.catalogue.entry import CATALOGUE

    known = {misconception.slug for misconception in CATALOGUE}
    for slug in slugs:
        if slug not in known:
            raise ProblemError(f"no mistake {shown(slug)} in the catalogue{nearest(slug, known)}", path="vary.may_hide")
    return frozenset(slugs)


def _classes(problem: Problem) -> tuple[tuple[Name, ...], ...]:
    """The targets, grouped by prediction."""
    groups: dict[Name, list[Name]] = {}
    for name in problem.given:
        if name.stem == "target":
            groups.setdefault(name._replace(index=()), []).append(name)
    return tuple(map(tuple, groups.values()))


def _classes_vary(value: Any, path: str) -> bool:
    if value == "fixed":
        return False
    if value == "classes":
        return True
    raise ProblemError('a target that is a class is "fixed", or varies over all "classes"', path=path)


# --------------------------------------------------------------------- defaults


def _default(problem: Problem, name: Name, grid: Number, kind: str) -> Choices | None:
    """The default choices of a number; None if it does not vary."""
    stem = name.stem.lower()
    sort = _sort(problem, name)
    if sort is None or (sort == "h" and not problem.given[name].value):
        return None  # an initial state of 0 stays 0: there is no memory yet
    if kind != DECIMALS:
        return _small(problem, sort, kind)
    if name.of is not None:
        return _span(-INPUT, INPUT, grid)
    if stem == "target":
        return _default_target(problem, grid)
    if stem == "x":
        return _span(-INPUT, INPUT, grid if _few(problem) else Number(grid.value / 10, ""))
    if stem.startswith("w"):
        return _span(-_weight(problem, name), _weight(problem, name), grid)
    return _span(-BIAS, BIAS, grid) if stem.startswith("b") else _span(-STATE, STATE, grid)


def _sort(problem: Problem, name: Name) -> str | None:
    """The group of a number, one of the values of ``GROUPS``; None for a number that does not vary by itself."""
    stem = name.stem.lower()
    if name.of is not None:
        return "x"
    if problem.network.letters and stem in ("x", "target"):
        return None
    constant = isinstance(problem.network, Graph) and name._replace(index=()) in dict(problem.network.fixed)
    if constant or name == EPSILON or stem == "mask" or name.stem in HYPER:
        return None
    if name.time == 0 and name.letter in STATES and name.below:
        return None
    if stem in ("x", "target"):
        return stem
    return stem[0] if stem.startswith(("w", "b")) else "h"


def _small(problem: Problem, sort: str, kind: str) -> Choices | None:
    """Small numbers without 0, whole or halves. ±1 are among them: screening finds the mistakes that these hide."""
    if sort == "target" and problem.loss.kind == "binary_cross_entropy":
        return None
    size, step = SMALL_NUMBERS[kind][sort]
    if sort == "x":
        size = max(size, min(problem.network.steps or 0, 9))  # or two inputs of a long sequence would often be equal
    bent = problem.network.output_activation.pieces if sort == "target" else None
    count = int(size / step)
    values = [number * step for number in range(-count if bent is None or bent.left else 1, count + 1) if number]
    return tuple(Number(value, _text(value, _places(value))) for value in values)


def _few(problem: Problem) -> bool:
    """Whether so few inputs are drawn that two of them are seldom equal on the grid."""
    return (problem.network.steps or 1) <= 5 or problem.network.inputs > 1


def _weight(problem: Problem, name: Name) -> Fraction:
    """The bound of a weight: smaller if its unit adds up many products, so that the activation is not saturated."""
    shape = problem.network.parameters()[name._replace(index=())]
    into = shape[-1] if len(shape) == 2 else 1
    return next(size for most, size in FAN_IN if into <= most)


def _default_target(problem: Problem, grid: Number) -> Choices | None:
    network = problem.network
    output = network.output_activation
    if problem.loss.kind == "binary_cross_entropy":
        return None  # the class is part of the exercise
    if output in (sigmoid, softmax):
        return _span(Fraction(1, 10), Fraction(9, 10), grid)
    if output is tanh:
        return _span(-STATE, STATE, grid)
    low = -TARGET if output is identity else Fraction(1, 10)
    return _span(low, TARGET, grid)


def _span(low: Fraction, high: Fraction, grid: Number) -> Choices:
    return _grid(low, high, grid, "vary.grid")


# ------------------------------------------------------------------------ told


def _meant(problem: Problem, key: str) -> list[Name]:
    """The numbers that a key stands for: one, all of a matrix, or all over time."""
    if key == "learning_rate":
        key = "eta"
    names = list(problem.given)
    if key in GROUPS and key not in {name.stem for name in names}:
        return [name for name in names if _sort(problem, name) == GROUPS[key]]
    meant = [name for name in names if key in (str(name), str(name._replace(index=())), name.stem)]
    if not meant:
        try:
            canonical = str(problem.vocabulary.canonical(Name.parse(key)))
        except UnknownName:
            canonical = key
        meant = [name for name in names if canonical in (str(name), str(name._replace(index=())), name.stem)]
    if not meant:
        known = {str(name) for name in names} | {name.stem for name in names} | set(SETTINGS) | set(GROUPS)
        raise ProblemError(
            f"{shown(key)} is not a given number of this problem{nearest(key, known)}; "
            f"it has {', '.join(dict.fromkeys(str(name._replace(index=())) for name in names))}",
            path="vary",
        )
    return meant


def _possible(problem: Problem, name: Name, choices: Choices, path: str) -> None:
    """Raise ``ProblemError`` for a number that the problem file would not accept."""
    for number in choices:
        if name.stem == "eta" and number.value < 0:
            raise ProblemError(f"{number.text} goes uphill; a learning rate is not negative", path=path)
        if name.stem == "target" and problem.loss.kind == "binary_cross_entropy" and not 0 <= number.value <= 1:
            raise ProblemError(f"{number.text} is not a probability; expected a number from 0 to 1", path=path)


def _told(value: Any, grid: Number, path: str) -> Choices | None:
    """The choices that a file gives; None if the number does not vary."""
    if value == "fixed":
        return None
    if isinstance(value, list):
        if not value:
            raise ProblemError("an empty list; expected at least one number", path=path)
        numbers = [exact_number(item, f"{path}[{number}]") for number, item in enumerate(value, start=1)]
        return tuple({number.value: number for number in reversed(numbers)}.values())[::-1]  # each value once
    if not isinstance(value, dict):
        return (exact_number(value, path),)
    step = exact_number(value["step"], f"{path}.step") if "step" in value else grid
    low, high = (exact_number(value[end], f"{path}.{end}").value for end in ("from", "to"))
    if step.value <= 0:
        raise ProblemError(f"{step.text} is not possible here; a step is positive", path=f"{path}.step")
    if low > high:
        raise ProblemError(f"from {value['from']} to {value['to']}: the first is the smaller one", path=path)
    return _grid(low, high, step, path)


def _grid(low: Fraction, high: Fraction, step: Number, path: str) -> Choices:
    """The numbers of a range, in steps from its lower end, without 0 and ±1, which hide factors."""
    count = int((high - low) / step.value) + 1
    if count > MOST_CHOICES:
        raise ProblemError(f"{count:,} numbers, but at most {MOST_CHOICES:,} are possible; use a larger step", path=path)
    places = max(_places(step.value), _places(low))
    values = [low + number * step.value for number in range(count)]
    kept = [value for value in values if value not in (0, 1, -1)]
    if not kept:
        raise ProblemError("no numbers but 0, 1 and −1, which hide factors; a list has them if they are meant", path=path)
    return tuple(Number(value, _text(value, places)) for value in kept)


def _places(value: Fraction) -> int:
    """The number of decimals of a number; 12 if they do not end."""
    return next((places for places in range(12) if (value * 10**places).denominator == 1), 12)


def _text(value: Fraction, places: int) -> str:
    if (value * 10**places).denominator != 1:
        return str(value)
    return f"{float(value):.{places}f}" if places else str(int(value))
