"""The numbers of a problem file, each under its name; raises ``ProblemError`` where one does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from bptt_trace.engine.formula import Shape, shape_of
from bptt_trace.engine.names import ABOVE, Name, gradient
from bptt_trace.engine.scalar_program import indices
from bptt_trace.errors import ProblemError, nearest
from bptt_trace.networks.forward_pass import Network
from bptt_trace.networks.losses import Loss
from bptt_trace.problem.numbers import Number, exact_number, shown

Named = Iterator[tuple[Name, Number]]


# ------------------------------------------------------------------- parameters


def parameters_of(network: Network, table: Mapping[str, Any]) -> Named:
    """The numbers of all parameters."""
    shapes = network.parameters()
    known = {str(name) for name in shapes}
    for key in table:
        if key not in known:
            raise ProblemError(
                f"unknown parameter {shown(key)}{_why(key, network) or nearest(key, known)}; "
                f"this network has {', '.join(map(str, shapes))}",
                path="parameters",
            )
    declared = list(network.declared().values())
    for (name, shape), dimensions in zip(shapes.items(), declared, strict=True):
        _not_transposed(name, table.get(str(name)), _written(shape, network.rows), network.rows)
        if str(name) not in table:
            kind = "a number" if not shape else _kind(_written(shape, network.rows))
            raise ProblemError(f'the parameter "{name}" is missing; expected {kind}', path="parameters")
        value = table[str(name)]
        if len(shape) == 2 and isinstance(value, list) and value and not isinstance(value[0], list) and 1 in dimensions:
            # A matrix of one row, or of one column, may be written as a plain list.
            value = [value] if _written(shape, network.rows)[0] == 1 else [[item] for item in value]
        if not shape and name.letter == "w" and name.below and isinstance(value, list) and len(value) > 1:
            matrix = name._replace(stem=name.stem.capitalize())
            numbers = "" if any(isinstance(entry, list) for entry in value) else f" = [{', '.join(map(str, value))}]"
            raise ProblemError(
                f"a list of {len(value)}; expected one number; several weights have a name with a capital: {matrix}{numbers}",
                path=f"parameters.{name}",
            )
        yield from quantity(name, value, shape, f"parameters.{name}", network.rows)


def _not_transposed(name: Name, value: Any, due: Shape, rows: bool) -> None:
    """A matrix whose rows and columns do not fit, said in one go."""
    if len(due) != 2 or not isinstance(value, list) or not value or not all(isinstance(row, list) for row in value):
        return
    widths = {len(row) for row in value}
    if len(widths) > 1 or (met := (len(value), widths.pop())) == due:
        return
    other = "W x" if rows else "x W"
    turned = f'; it looks transposed: products = "{other}" reads it so' if met == due[::-1] else ""
    raise ProblemError(f"{_rows(met)}; expected {_rows(due)}{turned}", path=f"parameters.{name}")


def _rows(size: Shape) -> str:
    return f"{size[0]} row{'s' if size[0] != 1 else ''} of {size[1]} number{'s' if size[1] != 1 else ''}"


def _written(shape: Shape, rows: bool) -> Shape:
    """The shape in which the file has it."""
    return (shape[1], shape[0]) if rows and len(shape) == 2 else shape


def _why(key: str, network: Network) -> str:
    """A hint on a missing parameter."""
    if key in map(str, dict(network.state)):
        return f" (did you mean given.{key}?)"
    if key in ("eta", "lr", "learning_rate"):
        return " (the learning rate is update.learning_rate)"
    if key.startswith("b_") and not network.bias:
        return " (bias = false)"
    if key.lower().endswith("hy") and network.readout is None:
        return " (readout = false)"
    if key.lower().partition("(")[0] == "w_h":
        return ' (form = "concatenated" has one)'
    if key.partition("(")[0] in ("b_xh", "b_hh"):
        return " (biases = 2 has one)"
    if len(network.cells) > 1 and "(" not in key:
        kinds = "directions" if network.bidirectional else "encoder and decoder" if network.source_steps else "layers"
        return f' (of several {kinds} each has its own, in quotes: "{key}({network.layers[0]})")'
    return ""


# ------------------------------------------------------------------------ given


def given_of(network: Network, loss: Loss, table: Mapping[str, Any], first_class: int) -> Named:
    """Inputs, targets and initial states of all samples."""
    if network.inputs:
        reading = network.reading
        listed = network.steps is not None and not network.first_only
        for sample, value in _samples("x", table["x"], network):
            yield from _over_time(Name("x", sample=sample), value, network.inputs, reading, listed)
    if loss.has_target or network.feedback == "target":
        yield from _targets(network, loss, table, first_class)
    elif "target" in table:
        raise ProblemError(f'the loss "{loss.kind}" has no target', path="given.target")
    if network.dropout is not None:
        yield from _masks(network, table)
    yield from _initial(network, table)


def _masks(network: Network, table: Mapping[str, Any]) -> Named:
    """The masks of dropout, for each prediction."""
    if "mask" not in table:
        raise ProblemError('the key "mask" is missing: 1 for each hidden value that dropout keeps, 0 for others', path="given")
    listed = network.every and network.steps is not None
    for sample, value in _samples("mask", table["mask"], network):
        for name, number in _over_time(Name("mask", sample=sample), value, network.seen, network.predicting, listed):
            if number.value not in (0, 1):
                raise ProblemError(f"{number.text} is not possible here; 1 keeps and 0 drops", path="given.mask")
            yield name, number


HANDED = "dL/d"
"""The beginning of the keys of gradients that are handed in instead of a loss."""


def handed_of(network: Network, table: Mapping[str, Any]) -> Named:
    """The gradients that are handed in: ``"dL/dh_3" = 0.4``."""
    known = {f"{HANDED}{name}": (name, size) for name, size in network.handed.items()}
    for key, value in table.items():
        if key not in known:
            few = list(known) if len(known) < 8 else [*list(known)[:3], "…", *list(known)[-3:]]
            raise ProblemError(
                f"no gradient that may be handed in{nearest(key, known)}; there are {', '.join(few)}", path=f"given.{key}"
            )
        name, size = known[key]
        yield from quantity(gradient(name, via=ABOVE), value, shape_of(size), f"given.{key}")


def _samples(key: str, value: Any, network: Network) -> Iterator[tuple[int | None, Any]]:
    """The values of each sample of the batch."""
    if network.samples is None:
        yield None, value
        return
    if not isinstance(value, list) or len(value) != network.samples:
        read = "" if key == "x" else f" (x is read as a batch of {network.samples})"
        raise ProblemError(
            f"{_met(value)}, but {_are(network.samples, 'sample')}{read}; expected a list with one value per sample",
            path=f"given.{key}",
        )
    yield from enumerate(value, start=1)


def _met(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} value{'s' if len(value) != 1 else ''}"
    return shown(value)


def _are(count: int, what: str) -> str:
    return f"there is {count} {what}" if count == 1 else f"there are {count} {what}s"


def _targets(network: Network, loss: Loss, table: Mapping[str, Any], first_class: int) -> Named:
    if "target" not in table:
        raise ProblemError('the key "target" is missing; the loss compares the output with it', path="given")
    predicted = network.predicting
    listed = network.every and network.steps is not None
    width = network.outputs
    for sample, value in _samples("target", table["target"], network):
        named = list(
            _over_time(Name("target", sample=sample), value, width, predicted, listed, _classes(loss, width, first_class))
        )
        _is_distribution(loss, named, width)
        yield from named


def _classes(loss: Loss, width: int, first_class: int) -> tuple[int, int] | None:
    """First and last class, where a target may be the number of one."""
    return (first_class, first_class + width - 1) if loss.over_classes else None


def _is_distribution(loss: Loss, named: Sequence[tuple[Name, Number]], width: int) -> None:
    """The targets of cross-entropies are probabilities; a distribution over classes adds up to 1."""
    if not loss.of_probabilities:
        return
    for name, number in named:
        if not 0 <= number.value <= 1:
            raise ProblemError(f"{number.text} is not a probability; expected a number from 0 to 1", path=f"given.{name}")
    if loss.over_classes:
        for start in range(0, len(named), width):
            whole = sum((number.value for _, number in named[start : start + width]), Fraction(0))
            if whole != 1:
                first = named[start][0]._replace(index=())
                raise ProblemError(
                    f"probabilities that add up to {whole}; expected the number of a class, or a list that adds up to 1",
                    path=f"given.{first}",
                )


def _initial(network: Network, table: Mapping[str, Any]) -> Named:
    """The initial states: 0 by default, for all samples the same or for each its own."""
    known = {str(name): (name, units) for name, units in network.state}
    for key in table:
        if key == "mask" and network.dropout is None:
            raise ProblemError("without network.dropout nothing is dropped", path="given.mask")
        if key not in ("x", "target", "mask") and key not in known:
            raise ProblemError(_no_such_state(known), path=f"given.{key}")
    for key, (name, units) in known.items():
        shape = shape_of(units)
        value = table.get(key, [0] * units if shape else 0)
        if own_states(network, table, name):
            for sample, one in _samples(key, value, network):
                yield from quantity(name._replace(sample=sample), one, shape, f"given.{key}")
        else:
            yield from quantity(name, value, shape, f"given.{key}")


def _no_such_state(known: Mapping[str, Any]) -> str:
    if not known:
        return "a feedforward network has no initial state"
    return f"there is no state of that name; the initial state{'s are' if len(known) > 1 else ' is'} {', '.join(known)}"


def own_states(network: Network, table: Mapping[str, Any], name: Name) -> bool:
    """Whether each sample has an initial state of its own."""
    value = table.get(str(name))
    units = dict(network.state)[name]
    if network.samples is None or not isinstance(value, list) or not value:
        return False
    return isinstance(value[0], list) if units > 1 else len(value) > 1 or isinstance(value[0], list)


# --------------------------------------------------------------------- numbers


def _over_time(
    name: Name, value: Any, width: int, times: Sequence[int | None], listed: bool, classes: tuple[int, int] | None = None
) -> Named:
    """The numbers of an input or target at each of these times."""
    shape = shape_of(width)
    path = f"given.{name.stem}" + (f"[{name.sample}]" if name.sample else "")
    if times == [None] or (len(times) == 1 and not listed):
        yield from quantity(name._replace(time=times[0]), _one_hot(value, classes, path), shape, path)
        return
    if not isinstance(value, list) or len(value) != len(times):
        expected = "expected a list with one value per time step"
        raise ProblemError(f"{_met(value)}, but {_are(len(times), 'time step')}; {expected}", path=path)
    for time, item in zip(times, value, strict=True):
        if not shape and not isinstance(item, list):  # the common case, once for each time step
            yield name._replace(time=time), exact_number(item, f"{path}[{time}]")
            continue
        yield from quantity(name._replace(time=time), _one_hot(item, classes, f"{path}[{time}]"), shape, f"{path}[{time}]")


def _one_hot(value: Any, classes: tuple[int, int] | None, path: str) -> Any:
    """The number of a class as a list with a 1 at its place."""
    if classes is None or isinstance(value, list):
        return value
    first, last = classes
    number = exact_number(value, path)
    if number.value.denominator != 1 or not first <= number.value <= last:
        other = f" (with first_class = {1 - first} they are counted from {1 - first})"
        raise ProblemError(f"{number.text} is not a class; the classes are {first} to {last}{other}", path=path)
    return [int(class_number == number.value) for class_number in range(first, last + 1)]


def quantity(name: Name, value: Any, shape: Shape, path: str, rows: bool = False) -> Named:
    """The single numbers of a quantity of this shape; beside row vectors a matrix is written transposed."""
    due = _written(shape, rows)
    numbers = list(_flat(value, due, path, due))
    for index, item in zip(indices(shape, rows), numbers, strict=True):
        where = f"{path}[{','.join(map(str, index))}]" if index else path
        yield name._replace(index=index), exact_number(item, where)


def _flat(value: Any, shape: Shape, path: str, whole: Shape) -> Iterator[Any]:
    if not shape:
        if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
            value = value[0]
        if isinstance(value, list):
            raise ProblemError(f"a list of {len(value)}; expected {_kind(whole)}", path=path)
        yield value
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        met = f"a list of {len(value)}" if isinstance(value, list) else shown(value)
        raise ProblemError(f"{met}; expected {_kind(whole)}", path=path)
    for item in value:
        yield from _flat(item, shape[1:], path, whole)


def _kind(shape: Shape) -> str:
    match shape:
        case ():
            return "one number"
        case (n,):
            return f"a list of {n} numbers"
        case _:
            return f"a list of {shape[0]} row{'s' if shape[0] > 1 else ''} of {shape[1]} number{'s' if shape[1] > 1 else ''}"
