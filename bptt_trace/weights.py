"""From a trained model's arrays to a problem file.

Reads ``.npz`` (without pickle: arrays and nothing else) and ``.safetensors``,
with the names that PyTorch gives: ``weight_ih_l0``, ``weight_hh_l0``,
``bias_ih_l0``, ``bias_hh_l0`` for recurrent layers, ``….weight`` and ``….bias``
for linear ones. Numbers are written with the fewest digits that read back to
the same stored number.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from bptt_trace.documents import as_toml
from bptt_trace.errors import ProblemError
from bptt_trace.numbers import shown

MAX_BYTES = 4_000_000
"""Of one array, unpacked: far more than a problem can have."""

Arrays = dict[str, Any]


def arrays_of(path: Path) -> Arrays:
    """The arrays of a file by name; raises ``ProblemError`` where there are none to be read."""
    readers = {".npz": _npz, ".safetensors": _safetensors}
    if path.suffix not in readers:
        raise ProblemError(f"{path.suffix or 'no ending'}: a file of arrays ends in {' or '.join(readers)}", source=str(path))
    if not path.is_file():
        raise ProblemError("no such file", source=str(path))
    try:
        return readers[path.suffix](path)
    except ProblemError as error:
        error.source = str(path)
        raise
    except Exception as error:  # a damaged file fails in as many ways as there are formats
        raise ProblemError(f"cannot be read as {path.suffix}: {str(error) or type(error).__name__}", source=str(path)) from None


def _npz(path: Path) -> Arrays:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > MAX_BYTES:
                raise ProblemError(f"{member.filename}: {member.file_size:,} bytes; at most {MAX_BYTES:,} are possible")
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _safetensors(path: Path) -> Arrays:
    try:
        from safetensors.numpy import load_file
    except ImportError:
        raise ProblemError("reading .safetensors needs the package safetensors: pip install 'bptt-trace[safetensors]'") from None
    if path.stat().st_size > MAX_BYTES:
        raise ProblemError(f"{path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are possible")
    return dict(load_file(path))


# ---------------------------------------------------------------------- mapping


def document_from(
    arrays: Mapping[str, Any],
    cell: str,
    *,
    activation: str = "tanh",
    output_activation: str = "identity",
    merge_biases: bool = False,
    steps: int = 2,
) -> dict[str, Any]:
    """The table of keys of a problem with these parameters; inputs and targets are placeholders.

    Raises ``ProblemError`` where an array is missing, left over or of a shape
    that does not fit.
    """
    left = {name: _checked(name, array) for name, array in arrays.items()}
    if not left:
        raise ProblemError("no arrays in it")
    parameters: dict[str, Any] = {}
    take = _recurrent if cell == "rnn" else _linear
    sizes, network, readout = take(left, parameters, merge_biases)
    network = {"cell": cell, "hidden": sizes[1:] if len(sizes) > 2 else sizes[1], "activation": activation, **network}
    outputs = sizes[-1]
    if readout is not None:
        weights = left.pop(readout)
        outputs = len(weights)
        parameters[_stem("W_hy", weights)] = _numbers(weights)
        if (bias := readout.removesuffix("weight") + "bias") in left:
            parameters["b_y"] = _numbers(left.pop(bias))
        network["output_activation"] = output_activation
    else:
        network["readout"] = False
    has_biases = any(key.startswith("b_") for key in parameters)
    if not has_biases:
        network["bias"] = False
    if left:
        raise ProblemError(f"no place for {', '.join(sorted(left))}; a network of {cell} layers has none")
    one, goal = _placeholder(sizes[0], Decimal("0.5")), _placeholder(outputs, Decimal(0))
    loss = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}.get(output_activation if readout else activation)
    if loss == "cross_entropy":
        goal = 1  # the number of a class
    given = {"x": one, "target": goal} if cell == "dense" else {"x": [one] * steps, "target": [goal] * steps}
    document = {"title": f"From a trained model ({cell})", "network": network, "parameters": parameters, "given": given}
    return document | ({"loss": {"kind": loss}} if loss else {})


def text_of(document: Mapping[str, Any], source: str) -> str:
    """The problem file, with a word on what is still to be put in."""
    return (
        f"# Parameters from {source}, each with the fewest digits that read back to the stored number.\n"
        f"# x and target are placeholders: put your own.\n{as_toml(document)}"
    )


def _checked(name: str, array: Any) -> Any:
    if array.dtype.kind not in "fiu":
        raise ProblemError(f"{name}: an array of {array.dtype}; numbers are due")
    if array.ndim not in (1, 2) or 0 in array.shape:
        raise ProblemError(f"{name}: of shape {shown(list(array.shape))}; a list or a matrix is due")
    if not np.isfinite(array).all():
        raise ProblemError(f"{name}: has a number that is not finite")
    return array


def _recurrent(left: Arrays, parameters: dict[str, Any], merge_biases: bool) -> tuple[list[int], dict[str, Any], str | None]:
    """The layers of ``nn.RNN``: sizes from the input on, keys of the network, and the name of the readout's weights."""
    found = {match[2]: name for name in left if (match := re.fullmatch(r"(.*\.)?weight_ih_l(\d+)", name))}
    if not found:
        raise ProblemError(f"there is no weight_ih_l0 among {', '.join(sorted(left))}")
    several = len(found) > 1
    sizes: list[int] = []
    two = False
    for layer in range(len(found)):
        if str(layer) not in found:
            raise ProblemError(f"weight_ih_l{layer} is missing")
        prefix = found[str(layer)].removesuffix(f"weight_ih_l{layer}")
        names = {kind: f"{prefix}{kind}_l{layer}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        if names["weight_hh"] not in left:
            raise ProblemError(f"{names['weight_hh']} is missing")
        into, back = left.pop(names["weight_ih"]), left.pop(names["weight_hh"])
        units = len(into)
        if back.shape != (units, units):
            raise ProblemError(
                f"{names['weight_hh']}: of shape {list(back.shape)}, where {[units, units]} is due "
                "(an LSTM or a GRU is no simple recurrent network)"
            )
        sizes += [into.shape[1], units] if not sizes else [units]
        suffix = f"({layer + 1})" if several else ""
        parameters[_stem("W_xh", into) + suffix] = _numbers(into)
        parameters[_stem("W_hh", back) + suffix] = _numbers(back)
        biases = [left.pop(names[kind]) for kind in ("bias_ih", "bias_hh") if names[kind] in left]
        if merge_biases and len(biases) == 2:
            parameters[f"b_h{suffix}"] = _added(*map(_numbers, biases))
        elif len(biases) == 2:
            parameters[f"b_xh{suffix}"], parameters[f"b_hh{suffix}"] = map(_numbers, biases)
            two = True
        elif biases:
            parameters[f"b_h{suffix}"] = _numbers(biases[0])
    readout = next((name for name in left if left[name].ndim == 2 and left[name].shape[1] == sizes[-1]), None)
    return sizes, {"biases": 2} if two else {}, readout


def _linear(left: Arrays, parameters: dict[str, Any], merge_biases: bool) -> tuple[list[int], dict[str, Any], str | None]:
    """The layers of ``nn.Linear`` in the order of the file; the last one is the readout."""
    del merge_biases
    names = [name for name in left if left[name].ndim == 2]
    if not names:
        raise ProblemError(f"there is no matrix of weights among {', '.join(sorted(left))}")
    *hidden, readout = names
    if not hidden:
        hidden, readout = names, ""
    sizes = [left[hidden[0]].shape[1]]
    for place, name in enumerate([*hidden, readout] if readout else hidden):
        if left[name].shape[1] != sizes[-1]:
            raise ProblemError(f"{name}: of shape {list(left[name].shape)}, but what comes into it has {sizes[-1]} numbers")
        if name == readout:
            break
        suffix = f"({place + 1})" if len(hidden) > 1 else ""
        weights = left.pop(name)
        sizes.append(len(weights))
        parameters[_stem("W_xh", weights) + suffix] = _numbers(weights)
        if (bias := name.removesuffix("weight") + "bias") in left:
            parameters[f"b_h{suffix}"] = _numbers(left.pop(bias))
    return sizes, {}, readout or None


def _stem(stem: str, array: Any) -> str:
    return stem.lower() if array.size == 1 else stem


def _numbers(array: Any) -> Any:
    """An array as lists of decimals; a single number as itself."""
    if array.size == 1:
        return _decimal(array.reshape(-1)[0])
    if array.ndim == 1:
        return [_decimal(item) for item in array]
    return [[_decimal(item) for item in row] for row in array]


def _decimal(number: Any) -> Decimal:
    """The fewest digits that read back to the stored number, of whatever precision it is."""
    if number.dtype.kind in "iu":
        return Decimal(int(number))
    return Decimal(np.format_float_positional(number, unique=True, trim="0"))


def _added(one: Any, other: Any) -> Any:
    if isinstance(one, list):
        return [_added(a, b) for a, b in zip(one, other, strict=True)]
    return one + other


def _placeholder(size: int, number: Decimal) -> Any:
    return number if size == 1 else [number] * size
