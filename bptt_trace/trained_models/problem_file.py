"""From a trained model's arrays to a problem file.

Reads ``.npz`` (without pickle: arrays and nothing else) and ``.safetensors``,
with the names that PyTorch gives (``weight_ih_l0`` of a recurrent layer,
``fc.weight`` of a linear one) or Keras (``lstm/lstm_cell/recurrent_kernel``,
``dense/kernel``). Numbers are written with the fewest digits that read back to
the same stored number.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError
from bptt_trace.networks.forward_pass import written
from bptt_trace.problem.files import as_toml
from bptt_trace.problem.numbers import shown
from bptt_trace.trained_models.array_layouts import Arrays, bias_of, oriented, trained

MAX_BYTES = 4_000_000
"""The largest size of an array, unpacked: far more than a problem can have."""


def arrays_of(path: Path) -> Arrays:
    """The arrays of a file by name. Raises ``ProblemError`` if the file cannot be read."""
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
    cell: str | None = None,
    *,
    activation: str = "tanh",
    output_activation: str = "identity",
    merge_biases: bool = False,
    reset: str | None = None,
    steps: int = 2,
) -> dict[str, Any]:
    """The keys of a problem with these parameters; inputs and targets are placeholders.

    If ``cell`` is None, the arrays determine it. ``reset`` is for a GRU of Keras without biases: whether the reset
    gate is applied ``after`` the matrix product or ``before`` it. Raises ``ProblemError`` if an array is missing,
    left over, or has a wrong shape.
    """
    left = {name: _checked(name, array) for name, array in arrays.items()}
    if not left:
        raise ProblemError("no arrays in it")
    model = trained(left, cell, merge_biases=merge_biases, reset=reset)
    inputs, *hidden = model.sizes
    network = {"cell": model.cell, "hidden": hidden if len(hidden) > 1 else hidden[0], "activation": activation, **model.network}
    if model.rows:
        network["products"] = "x W"
    parameters = {_key(name, parts): _parameter(parts, model.rows) for name, parts in model.parameters.items()}
    outputs = model.seen
    readout = next((name for name in left if left[name].ndim == 2 and oriented(name, left[name]).shape[1] == outputs), None)
    if readout is not None:
        weights = oriented(readout, left.pop(readout))
        outputs = len(weights)
        parameters[_key(Name("W_hy"), [weights])] = _parameter([weights], model.rows)
        if (bias := bias_of(readout)) in left:
            parameters["b_y"] = _parameter([left.pop(bias)], model.rows)
        network["output_activation"] = output_activation
    else:
        network["readout"] = False
    if not any(key.startswith("b_") for key in parameters):
        network["bias"] = False
    if left:
        raise ProblemError(f"no place for {', '.join(sorted(left))}; a network of {model.cell} layers has none")
    x, target = _placeholder(inputs, Decimal("0.5")), _placeholder(outputs, Decimal(0))
    last = output_activation if readout else activation if model.cell in ("dense", "rnn") else ""
    loss = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}.get(last)
    if loss == "cross_entropy":
        target = 1  # the number of a class
    given = {"x": x, "target": target} if model.cell == "dense" else {"x": [x] * steps, "target": [target] * steps}
    document = {"title": f"From a trained model ({model.cell})", "network": network, "parameters": parameters, "given": given}
    return document | ({"loss": {"kind": loss}} if loss else {})


def text_of(document: Mapping[str, Any], source: str) -> str:
    """The problem file, with a comment on the placeholders."""
    return (
        f"# Parameters from {source}, each with the fewest digits that read back to the stored number.\n"
        f"# x and target are placeholders: put your own.\n{as_toml(document)}"
    )


def _checked(name: str, array: Any) -> Any:
    if array.dtype.kind not in "fiu":
        raise ProblemError(f"{name}: an array of {array.dtype}; expected numbers")
    if array.ndim not in (1, 2) or 0 in array.shape:
        raise ProblemError(f"{name}: of shape {shown(list(array.shape))}; expected a list or a matrix")
    if not np.isfinite(array).all():
        raise ProblemError(f"{name}: has a number that is not finite")
    return array


def _key(name: Name, parts: Sequence[Any]) -> str:
    """The key of a parameter: a single number has small letters."""
    return str(written(name, () if parts[0].size == 1 else parts[0].shape))


def _parameter(parts: Sequence[Any], rows: bool) -> Any:
    """A parameter for the file; the two parts of a merged bias are added up."""
    numbers = [_numbers(array.T if rows else array) for array in parts]
    return numbers[0] if len(numbers) == 1 else _added(*numbers)


def _numbers(array: Any) -> Any:
    """An array as lists of decimals; a single number as itself."""
    if array.size == 1:
        return _decimal(array.reshape(-1)[0])
    if array.ndim == 1:
        return [_decimal(item) for item in array]
    return [[_decimal(item) for item in row] for row in array]


def _decimal(number: Any) -> Decimal:
    """The fewest digits that read back to the stored number, in the precision of its array."""
    if number.dtype.kind in "iu":
        return Decimal(int(number))
    return Decimal(np.format_float_positional(number, unique=True, trim="0"))


def _added(first: Any, second: Any) -> Any:
    if isinstance(first, list):
        return [_added(a, b) for a, b in zip(first, second, strict=True)]
    return first + second


def _placeholder(size: int, number: Decimal) -> Any:
    return number if size == 1 else [number] * size
