"""Problem files of every shape, with random numbers in them."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

from bptt_trace.engine.functions import Function
from bptt_trace.problem.network_keys import network_of
from bptt_trace.problem.tables import with_defaults


def without_pictures(markdown: str) -> str:
    """A Markdown document with a mark where a picture is linked, embedded, or drawn in characters."""
    return re.sub(r"```text\n.*?\n```|!\[[^\n]*\]\([^\n]*\)", "(picture)", markdown, flags=re.DOTALL)


def document(
    cell: str = "rnn",
    *,
    hidden: int | list[int] = 1,
    d: int = 1,
    k: int = 1,
    T: int = 2,
    batch: int = 0,
    loss: dict[str, Any] | None = None,
    classes: bool = False,
    update: bool = True,
    seed: int = 1,
    **network: Any,
) -> dict[str, Any]:
    """The table of keys of a problem; ``network`` has further keys of ``[network]``."""
    chance = random.Random(seed)
    rows = network.get("products") == "x W"
    loss = dict(loss or {})
    kind = loss.get("kind", "squared_error")
    units = hidden if isinstance(hidden, list) else [hidden]
    suffixes = [""] if len(units) == 1 else [f"({i})" for i in range(1, len(units) + 1)]
    readout, bias, recurrent = network.get("readout", True), network.get("bias", True), cell == "rnn"

    def one() -> str:
        return f"{chance.uniform(-1.2, 1.2):.3f}"

    def column(size: int) -> Any:
        return one() if size == 1 else [one() for _ in range(size)]

    def matrix(into: int, out: int) -> tuple[str, Any]:
        """Whether the stem is lower case, and the numbers in the orientation of the file."""
        if into == out == 1:
            return "lower", one()
        high, wide = (out, into) if rows else (into, out)
        return "upper", [[one() for _ in range(wide)] for _ in range(high)]

    parameters: dict[str, Any] = {}

    def add(stem: str, suffix: str, into: int, out: int) -> None:
        case, value = matrix(into, out)
        parameters[(stem if case == "upper" else stem.lower()) + suffix] = value

    below = d
    for suffix, n in zip(suffixes, units, strict=True):
        if recurrent and network.get("form") == "concatenated":
            add("W_h", suffix, n, n + below)
        else:
            add("W_xh", suffix, n, below)
            if recurrent:
                add("W_hh", suffix, n, n)
        if bias:
            for stem in ("b_xh", "b_hh") if network.get("biases") == 2 else ("b_h",):
                parameters[stem + suffix] = column(n)
        below = n
    if readout:
        add("W_hy", "", k, below)
        if bias:
            parameters["b_y"] = column(k)
    else:
        k = below

    def target() -> Any:
        if kind == "cross_entropy":
            first = loss.get("first_class", 1)
            if classes:
                return chance.randrange(first, first + k)
            if chance.random() < 0.5:
                hot = chance.randrange(k)
                return [int(place == hot) for place in range(k)]
            parts = [chance.randrange(0, 4) for _ in range(k)]
            parts[0] += 1
            return [f"{part}/{sum(parts)}" for part in parts]
        if kind == "binary_cross_entropy":
            values: list[Any] = [chance.choice([0, 1, "0.25"]) for _ in range(k)]
            return values[0] if k == 1 else values
        return column(k)

    def sample() -> tuple[Any, Any]:
        if not recurrent:
            return column(d), target()
        x = column(d) if network.get("inputs") == "first" else [column(d) for _ in range(T)]
        return x, target() if network.get("outputs") == "last" else [target() for _ in range(T)]

    pairs = [sample() for _ in range(batch or 1)]
    given: dict[str, Any] = {"x": [x for x, _ in pairs], "target": [y for _, y in pairs]}
    if not batch:
        given = {key: value[0] for key, value in given.items()}
    if recurrent:
        given |= {f"h{suffix}_0": column(n) for suffix, n in zip(suffixes, units, strict=True)}
        if network.get("inputs") == "first":
            network["steps"] = T
    made: dict[str, Any] = {
        "network": {"cell": cell, "hidden": hidden, **network},
        "parameters": parameters,
        "given": given,
        "loss": loss,
    }
    if update:
        made["update"] = {"learning_rate": "0.1"}
    return made


def filled(network: dict[str, Any], given: dict[str, Any], *, seed: int = 1, scale: float = 0.9, **tables: Any) -> dict[str, Any]:
    """The table of keys of a problem, with random numbers for whatever parameters its network turns out to have."""
    chance = random.Random(f"{network} {seed}")

    def numbers(shape: tuple[int, ...]) -> Any:
        return [numbers(shape[1:]) for _ in range(shape[0])] if shape else f"{chance.uniform(-scale, scale):.2f}"

    parameters = {}
    built = network_of(with_defaults({"network": network})["network"], given, {})
    for name, shape in built.parameters().items():
        parameters[str(name)] = numbers(shape[::-1] if built.rows else shape)
    return {"network": network, "parameters": parameters, "given": given, **tables}


def sequence(T: int, width: int = 1, samples: int = 0, *, seed: int = 1) -> Any:
    """Random inputs or targets over time: numbers, or columns; for a batch, one sequence for each sample.

    In a batch single numbers stand in brackets, because a list of lists could also be one sequence of columns.
    """
    chance = random.Random(f"{T} {width} {samples} {seed}")

    def one() -> Any:
        numbers = [f"{chance.uniform(-1.5, 1.5):.1f}" for _ in range(width)]
        return numbers if width > 1 or samples else numbers[0]

    return [[one() for _ in range(T)] for _ in range(samples)] if samples else [one() for _ in range(T)]


def crooked(function: Function) -> Function:
    """The same function with a slope that is 0.1 % too large."""
    slope = function.slope
    assert slope is not None
    return replace(function, slope=lambda z, y: Fraction(1001, 1000) * slope(z, y))
