"""The problem file: what a lecturer writes, read exactly and checked.

TOML, or the same structure as JSON. The shipped JSON Schema says what may
stand where; this module adds what a schema cannot: that shapes fit, that every
parameter is there, that numbers are finite and of a size a person can work with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from bptt_trace.cells import Cell
from bptt_trace.cells.dense import Dense
from bptt_trace.cells.readout import Readout
from bptt_trace.cells.rnn import RNN
from bptt_trace.documents import change_document, content, document_of, schema
from bptt_trace.errors import ProblemError, nearest
from bptt_trace.expressions import activation as expression
from bptt_trace.formula import Shape, entries
from bptt_trace.functions import (
    ACTIVATIONS,
    Function,
    identity,
    leaky_relu,
    relu,
    sigmoid,
    softplus,
    tanh,
)
from bptt_trace.losses import Loss
from bptt_trace.names import Name
from bptt_trace.numbers import Number, Rounding, exact_number, shown
from bptt_trace.wiring import Network, written

CELLS: dict[str, type[Dense] | type[RNN]] = {"dense": Dense, "rnn": RNN}

MAX_STEPS = 50_000
MAX_UNITS = 16
MAX_LINES = 1_000_000


@dataclass(frozen=True)
class Update:
    """How parameters change; the learning rate is a given number, ``eta``."""

    rule: str = "gd"
    freeze: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A network with its numbers, and what is to be done with it."""

    title: str
    network: Network
    given: Mapping[Name, Number]
    """Every single number that comes with the problem, by name."""
    loss: Loss
    update: Update | None
    rounding: Rounding
    source: str = ""

    def rounded(self, rounding: Rounding) -> Problem:
        """The same problem under another rounding."""
        return replace(self, rounding=rounding)


# ------------------------------------------------------------------ reading


def load(source: str | Path, changes: Sequence[str] = ()) -> Problem:
    """The problem in a file; ``-`` is standard input, a bare word a built-in example.

    ``changes`` are texts such as ``w_hh=0.9`` or ``network.activation=sigmoid``.
    Raises ``ProblemError`` with the file, the place, what was met and what would do.
    """
    text, name = content(source)
    return parse(text, name, changes)


def parse(text: str, source: str = "<text>", changes: Sequence[str] = ()) -> Problem:
    """The problem that a TOML or JSON text describes."""
    try:
        document = document_of(text)
        steps = _length(document)
        for change in changes:
            change_document(document, change)
        if _length(document) != steps and not any(change.startswith("title") for change in changes):
            document.pop("title", None)  # it spoke of another number of steps
        return from_document(document, source)
    except ProblemError as error:
        error.source = error.source or source
        raise


# ----------------------------------------------------------------- checking


def _length(document: dict[str, Any]) -> int | None:
    """How many inputs a document has, as far as it can be told before it is checked."""
    given = document.get("given")
    x = given.get("x") if isinstance(given, dict) else None
    return len(x) if isinstance(x, list) else None


def from_document(document: dict[str, Any], source: str = "") -> Problem:
    """The problem that a table of keys describes; raises ``ProblemError``."""
    _validate(document)
    table = document["network"]
    given = dict(document.get("given", {}))
    parameters = document.get("parameters", {})
    network = _network(table, given, parameters)
    loss = _loss(document.get("loss", {}), summed=network.steps is not None)
    update = _update(document.get("update"), network)
    rounding = _rounding(document.get("rounding", {}))
    numbers: dict[Name, Number] = {}
    numbers.update(_parameters(network, parameters))
    numbers.update(_given(network, loss, given))
    if update:
        learning_rate = exact_number(document["update"]["learning_rate"], "update.learning_rate")
        if learning_rate.value < 0:
            raise ProblemError(f"{learning_rate.text} goes uphill; a learning rate is not negative", path="update.learning_rate")
        numbers[Name("eta")] = learning_rate
    title = document.get("title") or _default_title(network)
    return Problem(title, network, numbers, loss, update, rounding, source)


def _validate(document: dict[str, Any]) -> None:
    import fastjsonschema

    try:
        _validator()(document)
    except fastjsonschema.JsonSchemaValueException as error:
        raise _explained(error) from None


@cache
def _validator() -> Any:
    import fastjsonschema

    return fastjsonschema.compile(schema(), use_default=False)


def _explained(error: Any) -> ProblemError:
    """A schema's complaint in the words of whoever wrote the file."""
    path = ".".join(str(part) for part in error.path[1:])
    definition, value = error.definition, error.value
    if error.rule == "additionalProperties":
        known = list(definition["properties"])
        unknown = next(key for key in value if key not in known)
        return ProblemError(f"unknown key {shown(unknown)}{nearest(unknown, known)}; known here: {', '.join(known)}", path=path)
    if error.rule == "required":
        missing = next(key for key in definition["required"] if key not in value)
        return ProblemError(f'the key "{missing}" is missing; {definition["properties"][missing]["description"]}', path=path)
    if error.rule == "enum":
        options = [str(option) for option in definition["enum"]]
        hint = nearest(str(value), options)
        return ProblemError(f"{shown(value)} is not possible here{hint}; one of {', '.join(options)}", path=path)
    wanted = definition.get("description", f"expected {definition.get('type')}")
    return ProblemError(f"{shown(value)} is not possible here; {wanted}", path=path)


def _network(table: dict[str, Any], given: dict[str, Any], parameters: dict[str, Any]) -> Network:
    at_zero = exact_number(table.get("relu_slope_at_0", 0), "network.relu_slope_at_0").value
    leak = exact_number(table.get("leak", Decimal("0.01")), "network.leak").value
    cell: Cell = CELLS[table["cell"]](_activation(table, "activation", "tanh", "phi", r"\varphi", at_zero, leak))
    recurrent = bool(cell.state)
    _only_with_corners(table)
    readout = None
    if table.get("readout", True):
        readout = Readout(_activation(table, "output_activation", "identity", "psi", r"\psi", at_zero, leak))
    elif "output_activation" in table:
        raise ProblemError(
            "there is no output layer (readout = false), so it has no activation", path="network.output_activation"
        )
    steps: int | None = None
    if recurrent:
        steps = _steps(table, given)
        _within_ceiling(steps, 1, MAX_STEPS, "time steps", "given.x" if "x" in given else "network.steps")
    else:
        for key in ("outputs", "steps"):
            if key in table:
                raise ProblemError(f"a feedforward network knows no time, so {key} has no meaning", path=f"network.{key}")
        if "x" not in given:
            raise ProblemError('the key "x" is missing; the input, a number or a list', path="given")
    hidden = table.get("hidden", _told_by_shapes(parameters))
    _within_ceiling(hidden, 1, MAX_UNITS, "hidden units", "network.hidden")
    network = Network(
        cell=cell,
        readout=readout,
        inputs=_width(given.get("x"), recurrent) if "x" in given else 0,
        hidden=hidden,
        outputs=_outputs(table, given, parameters, recurrent) if readout else hidden,
        steps=steps,
        every=table.get("outputs", "every") == "every",
        bias=table.get("bias", True),
        shared=frozenset(stem for stem in ("b_h", "b_y") if not isinstance(parameters.get(stem, []), list)),
    )
    for count, what in ((network.inputs, "inputs"), (network.outputs, "outputs")):
        _within_ceiling(count, 0, MAX_UNITS, what, "given.x" if what == "inputs" else "given.target")
    size = network.hidden * (network.hidden + network.inputs + network.outputs + 8) * (steps or 1) * 3
    if size > MAX_LINES * 3:
        raise ProblemError(
            f"about {size:,} lines, more than {MAX_LINES * 3:,}; fewer units or time steps would do", path="network"
        )
    return network


def _only_with_corners(table: dict[str, Any]) -> None:
    """Slopes that have no meaning for the activations chosen are errors, not ignored."""
    used = " ".join(str(table.get(key, "")) for key in ("activation", "output_activation"))
    if "leak" in table and "leaky_relu" not in used:
        raise ProblemError("there is no leaky_relu in this network, so leak has no meaning", path="network.leak")
    if "relu_slope_at_0" in table and "relu" not in used:
        raise ProblemError("there is no relu in this network, so its slope at 0 has no meaning", path="network.relu_slope_at_0")


def _told_by_shapes(parameters: dict[str, Any]) -> int:
    """The number of hidden units where nobody says it: the rows of the hidden layer's parameters."""
    for stem in ("W_hh", "W_xh", "b_h"):
        if isinstance(parameters.get(stem), list):
            return len(parameters[stem])
    return 1


def _within_ceiling(value: int, least: int, most: int, what: str, path: str) -> None:
    if not least <= value <= most:
        met = f"{value:,}" if abs(value) < 10**30 else shown(value)
        raise ProblemError(f"{met} {what}; from {least} to {most:,} are possible", path=path)


def _steps(table: dict[str, Any], given: dict[str, Any]) -> int:
    if "x" in given:
        if not isinstance(given["x"], list):
            raise ProblemError(
                f"{shown(given['x'])} is one input; a list with an input for each time step is due", path="given.x"
            )
        if "steps" in table and table["steps"] != len(given["x"]):
            raise ProblemError(f"{table['steps']} steps, but x has {len(given['x'])} inputs", path="network.steps")
        return len(given["x"])
    if "steps" not in table:
        raise ProblemError(
            'the key "x" is missing: a list with an input for each time step (or network.steps, without inputs)', path="given"
        )
    return int(table["steps"])


def _width(value: Any, over_time: bool) -> int:
    """How many numbers one input (or target) has, told by the first one."""
    first = value[0] if over_time and isinstance(value, list) and value else value
    return len(first) if isinstance(first, list) and first else 1


def _outputs(table: dict[str, Any], given: dict[str, Any], parameters: dict[str, Any], recurrent: bool) -> int:
    """How many outputs there are: as many as the output weights have rows, else as many as a target has numbers."""
    if "w_hy" in parameters:
        return 1
    if isinstance(parameters.get("W_hy"), list):
        return max(len(parameters["W_hy"]), 1)
    return _width(given.get("target", 0), recurrent and table.get("outputs", "every") == "every")


def _activation(
    table: dict[str, Any], key: str, default: str, name: str, latex: str, at_zero: Fraction, leak: Fraction
) -> Function:
    text = table.get(key, default)
    fixed = {"identity": identity, "tanh": tanh, "sigmoid": sigmoid, "softplus": softplus}
    if text in fixed:
        return fixed[text]
    if text == "relu":
        return relu(at_zero)
    if text == "leaky_relu":
        return leaky_relu(leak, at_zero if "relu_slope_at_0" in table else None)
    if re.fullmatch(r"[A-Za-z_]+", text) and text != "z":
        raise ProblemError(
            f"unknown activation {shown(text)}{nearest(text, ACTIVATIONS)}; "
            f"one of {', '.join(ACTIVATIONS)}, or an expression in z such as z/(1+abs(z))",
            path=f"network.{key}",
        )
    try:
        return expression(text, name, latex)
    except ProblemError as error:
        error.path = f"network.{key}"
        raise


def _loss(table: dict[str, Any], *, summed: bool) -> Loss:
    if "over_time" in table and not summed:
        raise ProblemError("there is one loss term only, so nothing is summed or averaged over time", path="loss.over_time")
    factor = exact_number(table.get("factor", 1), "loss.factor").value
    if factor <= 0:
        raise ProblemError(f"{factor} is not possible here; a factor is positive", path="loss.factor")
    return Loss(table.get("kind", "squared_error"), factor, table.get("over_time", "mean"))


def _update(table: dict[str, Any] | None, network: Network) -> Update | None:
    if table is None:
        return None
    known = {written(stem, shape) for stem, shape in network.shapes().items()}
    for stem in table.get("freeze", []):
        if stem not in known:
            raise ProblemError(
                f"no parameter {shown(stem)}{nearest(stem, known)}; there are {', '.join(sorted(known))}", path="update.freeze"
            )
    return Update(table.get("rule", "gd"), tuple(table.get("freeze", [])))


def _rounding(table: dict[str, Any]) -> Rounding:
    if "figures" in table and "places" in table:
        raise ProblemError("places and figures exclude each other; leave one out", path="rounding")
    return Rounding(table.get("policy", "by_hand"), table.get("places", 4), table.get("figures"))


def _parameters(network: Network, table: dict[str, Any]) -> Iterator[tuple[Name, Number]]:
    shapes = {written(stem, shape): shape for stem, shape in network.shapes().items()}
    for key in table:
        if key not in shapes:
            raise ProblemError(
                f"unknown parameter {shown(key)}{_why(key, network) or nearest(key, shapes)}; "
                f"this network has {', '.join(shapes)}",
                path="parameters",
            )
    for stem, shape in shapes.items():
        if stem not in table:
            kind = "a number" if not shape else f"numbers of shape {' × '.join(map(str, shape))}"
            raise ProblemError(f'the parameter "{stem}" is missing; {kind} is due', path="parameters")
        yield from _quantity(Name(stem), table[stem], shape, f"parameters.{stem}")


def _why(key: str, network: Network) -> str:
    """What a reader may not have in mind about a parameter that is not there."""
    if key in ("eta", "lr", "learning_rate"):
        return " (the learning rate is update.learning_rate)"
    if key.startswith("b_") and not network.bias:
        return " (bias = false)"
    if key.lower().endswith("hy") and network.readout is None:
        return " (readout = false)"
    return ""


def _given(network: Network, loss: Loss, table: dict[str, Any]) -> Iterator[tuple[Name, Number]]:
    times = list(network.times)
    if network.inputs:
        yield from _over_time("x", table["x"], (network.inputs,), times)
    if loss.has_target:
        if "target" not in table:
            raise ProblemError('the key "target" is missing; the loss compares the output with it', path="given")
        predicted = times if network.every else times[-1:]
        listed = network.every and network.steps is not None
        yield from _over_time("target", table["target"], (network.outputs,), predicted, listed)
    elif "target" in table:
        raise ProblemError('the loss "output" has no target', path="given.target")
    for stem in network.cell.state:
        shape = (network.hidden,) if network.hidden > 1 else ()
        value = table.get(f"{stem}_0", [0] * network.hidden if shape else 0)
        yield from _quantity(Name(stem, time=0), value, shape, f"given.{stem}_0")
    if not network.cell.state and "h_0" in table:
        raise ProblemError("a feedforward network has no initial state", path="given.h_0")


def _over_time(
    stem: str, value: Any, width: tuple[int, ...], times: Sequence[int | None], listed: bool = True
) -> Iterator[tuple[Name, Number]]:
    """The numbers of an input or target at each of these times."""
    shape = width if width[0] > 1 else ()
    if times == [None] or (len(times) == 1 and not listed):
        yield from _quantity(Name(stem, time=times[0]), value, shape, f"given.{stem}")
        return
    if not isinstance(value, list) or len(value) != len(times):
        met = f"{len(value)} value{'s' if len(value) != 1 else ''}" if isinstance(value, list) else shown(value)
        raise ProblemError(f"{met}, but there are {len(times)} time steps; a list with one for each is due", path=f"given.{stem}")
    for time, item in zip(times, value, strict=True):
        if not shape and not isinstance(item, list):  # the common case, once for each time step
            yield Name(stem, None, time), exact_number(item, f"given.{stem}[{time}]")
            continue
        yield from _quantity(Name(stem, time=time), item, shape, f"given.{stem}[{time}]")


def _quantity(name: Name, value: Any, shape: Shape, path: str) -> Iterator[tuple[Name, Number]]:
    """The single numbers of a quantity of this shape."""
    numbers = list(_flat(value, shape, path, shape))
    for index, item in zip(entries(shape), numbers, strict=True):
        place = f"{path}[{','.join(map(str, index))}]" if index else path
        yield name._replace(index=index), exact_number(item, place)


def _flat(value: Any, shape: Shape, path: str, whole: Shape) -> Iterator[Any]:
    if not shape:
        if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
            value = value[0]
        if isinstance(value, list):
            raise ProblemError(f"a list of {len(value)}, where {_kind(whole)} is due", path=path)
        yield value
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        met = f"a list of {len(value)}" if isinstance(value, list) else shown(value)
        raise ProblemError(f"{met}, where {_kind(whole)} is due", path=path)
    for item in value:
        yield from _flat(item, shape[1:], path, whole)


def _kind(shape: Shape) -> str:
    match shape:
        case ():
            return "one number"
        case (n,):
            return f"a list of {n} numbers"
        case _:
            return f"a list of {shape[0]} rows of {shape[1]} numbers"


def _default_title(network: Network) -> str:
    if network.steps is None:
        return "Feedforward network"
    return f"Recurrent network, {network.steps} time step{'s' if network.steps != 1 else ''}"
