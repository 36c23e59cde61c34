"""The layouts of the arrays of trained models in PyTorch and Keras.

PyTorch stacks the gates of a recurrent layer row on row in ``weight_ih_l0`` and
``weight_hh_l0`` (documentation of ``torch.nn.LSTM`` and ``torch.nn.GRU``), with a
bias for each; ``_reverse`` marks the layer that reads backward. Keras puts
the gates side by side in ``kernel`` and ``recurrent_kernel``, and its vectors
are rows (``keras.layers.LSTM`` and ``keras.layers.GRU``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bptt_trace.engine.names import Layer, Name
from bptt_trace.errors import ProblemError
from bptt_trace.problem.network_keys import BOTH, layer_name
from bptt_trace.problem.numbers import shown

Arrays = dict[str, Any]

PYTORCH = {"rnn": "h", "lstm": "ifgo", "gru": "rzn"}
KERAS = {"rnn": "h", "lstm": "ifgo", "gru": "zrn"}
"""The order of the gates of a cell in its arrays."""


@dataclass
class Trained:
    """The network that the arrays of a model describe."""

    cell: str
    rows: bool
    """Whether the vectors of the framework are rows; ``parameters`` are those for columns."""
    sizes: list[int] = field(default_factory=list)
    """The number of inputs, then the number of units of each layer."""
    seen: int = 0
    """The number of components that the readout reads."""
    network: dict[str, Any] = field(default_factory=dict)
    """Keys of the table [network]: the conventions of the framework."""
    parameters: dict[Name, Sequence[Any]] = field(default_factory=dict)
    """The array of each parameter; two arrays for a bias whose parts are added up."""


def trained(left: Arrays, cell: str | None, *, merge_biases: bool, reset: str | None) -> Trained:
    """The model in these arrays, which are removed from ``left``.

    If ``cell`` is None, the arrays determine it; they determine ``reset`` if they have biases. Raises
    ``ProblemError`` if an array is missing or has a wrong shape.
    """
    layers = _layers(left)
    if cell is None and not layers and not any(_ending(name) in ("weight", "kernel") for name in left):
        raise ProblemError(_nothing_known(left))
    if cell == "dense" or (cell is None and not layers):
        if reset is not None:
            raise ProblemError("a network of dense layers has no reset gate, so --reset has no meaning")
        return _dense(left)
    if not layers:
        raise ProblemError(_nothing_known(left))
    cell = cell or _told(left, layers[0])
    model = Trained(cell, rows=layers[0].keras)
    _recurrent(model, left, layers)
    _conventions(model, layers, merge_biases, reset)
    return model


def oriented(name: str, array: Any) -> Any:
    """A matrix that multiplies columns: the transpose of a kernel of Keras, whose vectors are rows."""
    return array.T if _ending(name).endswith("kernel") else array


def bias_of(name: str) -> str:
    """The name of the bias of a linear layer, from the name of its weights."""
    return re.sub(r"(weight|kernel)(:0)?$", r"bias\2", name)


def _ending(name: str) -> str:
    return re.split(r"[/.]", name)[-1].removesuffix(":0")


def _nothing_known(left: Iterable[str]) -> str:
    return (
        f"there is no weight_ih_l0 among {', '.join(sorted(left))}; expected PyTorch's names (model.state_dict()), "
        "or Keras's, kernel and recurrent_kernel ({w.path: w.numpy() for w in model.weights})"
    )


# ----------------------------------------------------------------------- layers


class _LayerArrays(NamedTuple):
    """The names of the arrays of a recurrent layer in one direction."""

    place: Any
    """Its place among the layers: the sort key."""
    backward: bool
    into: str
    back: str
    biases: tuple[str, ...]
    keras: bool


def _layers(left: Mapping[str, Any]) -> list[_LayerArrays]:
    """The recurrent layers from the input on, each forward before backward."""
    layers = _of_pytorch(left) or _of_keras(left)
    return sorted(layers, key=lambda layer: (layer.place, layer.backward))


def _of_pytorch(left: Mapping[str, Any]) -> list[_LayerArrays]:
    layers: list[_LayerArrays] = []
    prefixes: dict[str, None] = {}
    for name in left:
        # A single cell (nn.LSTMCell) has no number.
        match = re.fullmatch(r"(?P<prefix>.*\.)?weight_ih(?P<end>(?:_l(?P<number>\d{1,6}))?(?P<backward>_reverse)?)", name)
        if match is None:
            continue
        prefix, end = match["prefix"] or "", match["end"]
        prefixes[prefix] = None
        back, *biases = (f"{prefix}{kind}{end}" for kind in ("weight_hh", "bias_ih", "bias_hh"))
        there = tuple(bias for bias in biases if bias in left)
        layers.append(_LayerArrays(int(match["number"] or 0), bool(match["backward"]), name, back, there, keras=False))
    if len(prefixes) > 1:
        whose = " and ".join(prefix.rstrip(".") or "one without a name" for prefix in prefixes)
        raise ProblemError(f"{len(prefixes)} recurrent networks ({whose}); expected one, so leave out the arrays of the others")
    numbers = {layer.place for layer in layers}
    for number in range(max(numbers, default=-1) + 1):
        if number not in numbers:
            raise ProblemError(f"weight_ih_l{number} is missing")
    return layers


def _of_keras(left: Mapping[str, Any]) -> list[_LayerArrays]:
    """Recurrent layers by their paths: ``lstm/lstm_cell/kernel``, ``bidirectional/backward_gru/gru_cell/recurrent_kernel``."""
    paths = [match for name in left if (match := re.fullmatch(r"(?P<path>.*?)recurrent_kernel(?P<end>(:0)?)", name))]
    directions = [re.search(r"(?:^|[/.])(forward|backward)(?=[_/.])", match["path"]) for match in paths]
    # A layer's path without its direction: the two directions of one layer share it.
    whole = [
        match["path"] if way is None else match["path"][: way.start(1)] + match["path"][way.end(1) :]
        for match, way in zip(paths, directions, strict=True)
    ]
    order = _in_order(list(dict.fromkeys(whole)))
    layers: list[_LayerArrays] = []
    for match, way, path in zip(paths, directions, whole, strict=True):
        into, bias = (f"{match['path']}{kind}{match['end']}" for kind in ("kernel", "bias"))
        biases = (bias,) if bias in left else ()
        backward = way is not None and way[1] == "backward"
        layers.append(_LayerArrays(order.index(path), backward, into, match[0], biases, keras=True))
    return layers


def _in_order(paths: list[str]) -> list[str]:
    """Keras counts layers of one kind, ``lstm``, ``lstm_1``; layers with other names keep the order of the file."""
    if len({re.sub(r"_?\d+", "", path) for path in paths}) > 1:
        return paths
    return sorted(paths, key=lambda path: [int(number) for number in re.findall(r"\d+", path)])


def _told(left: Arrays, layer: _LayerArrays) -> str:
    """The cell, from the ratio of its recurrent weights to its units."""
    _due(left, layer.back)
    shape = oriented(layer.back, left[layer.back]).shape
    for cell, gates in PYTORCH.items():
        if len(shape) == 2 and shape[0] == len(gates) * shape[1]:
            return cell
    raise ProblemError(
        f"{layer.back}: of shape {shown(list(left[layer.back].shape))}; for n units an rnn has n rows, a gru 3n "
        "and an lstm 4n (in Keras, columns)"
    )


def _due(left: Arrays, name: str) -> None:
    if name not in left:
        raise ProblemError(f"{name} is missing")


def _recurrent(model: Trained, left: Arrays, layers: list[_LayerArrays]) -> None:
    """Split the arrays of recurrent layers into those of their gates."""
    gates = (KERAS if model.rows else PYTORCH)[model.cell]
    both = any(layer.backward for layer in layers)
    places = list(dict.fromkeys(layer.place for layer in layers))
    if both and [layer.backward for layer in layers] != [False, True] * len(places):
        raise ProblemError("some layers read in both directions and some in one; expected the same for all")
    for layer in layers:
        _due(left, layer.into)
        _due(left, layer.back)
        into, back = oriented(layer.into, left.pop(layer.into)), oriented(layer.back, left.pop(layer.back))
        units, rest = divmod(len(into), len(gates))
        if into.ndim != 2 or rest:
            many = f"{len(into)} {'columns' if layer.keras else 'rows'}"
            raise ProblemError(f"{layer.into}: {many}; expected {len(gates)} for each unit of an {model.cell}")
        if back.shape != (len(into), units):
            raise ProblemError(_misfit(layer.back, back, shown([len(into), units][:: -1 if layer.keras else 1]), model.cell))
        if not model.sizes:
            model.sizes = [into.shape[1]]
            model.seen = into.shape[1]
        place = places.index(layer.place)
        if not layer.backward:
            below, model.seen = model.seen, units * (1 + both)
            model.sizes.append(units)
        if into.shape[1] != below:
            added = ", one direction behind the other" if both and place else ""
            raise ProblemError(_misfit(layer.into, into, f"room for the {below} numbers that come into it{added}"))
        if units != model.sizes[-1]:
            raise ProblemError(
                f"{layer.into}: {units} units, but the other direction has {model.sizes[-1]}; expected the same number"
            )
        name = layer_name(BOTH[layer.backward] if both else "", len(places), place)
        _share_out(model, "W_x{}", name, gates, [into])
        _share_out(model, "W_h{}", name, gates, [back])
        _biases(model, left, layer, name, gates, units)
    if both:
        model.network["bidirectional"] = True


def _misfit(name: str, array: Any, due: str, cell: str = "") -> str:
    """The message about a wrong shape, which is printed as in the file."""
    stored = oriented(name, array).shape
    said = f"{name}: of shape {shown(list(stored))}; expected {due}"
    rows, units = array.shape if array.ndim == 2 else (0, 1)
    others = [other for other, gates in PYTORCH.items() if other != cell and rows == units * len(gates)]
    return f"{said} (--cell {others[0]} has this shape)" if cell and others else said


def _share_out(model: Trained, stem: str, layer: Layer, gates: str, stacked: list[Any]) -> None:
    """Give each gate its rows of arrays in which all gates are stacked."""
    units = len(stacked[0]) // len(gates)
    for number, gate in enumerate(gates):
        parts = [array[number * units : (number + 1) * units] for array in stacked]
        model.parameters[Name(stem.format(gate), layer)] = parts


def _biases(model: Trained, left: Arrays, layer: _LayerArrays, name: Layer, gates: str, units: int) -> None:
    """Give each gate its one or two biases; Keras has two as rows of one array."""
    biases: list[Any] = []
    for key in layer.biases:
        array = left.pop(key)
        many = len(gates) * units
        if array.shape != (many,) and not (layer.keras and array.shape == (2, many)):
            due = f"{[many]}, or {[2, many]}," if layer.keras else str([many])
            raise ProblemError(f"{key}: of shape {shown(list(array.shape))}; expected {due}")
        biases += [array] if array.ndim == 1 else list(array)
    if len(biases) == 2:
        _share_out(model, "b_x{}", name, gates, biases[:1])
        _share_out(model, "b_h{}", name, gates, biases[1:])
    elif biases:
        _share_out(model, "b_{}", name, gates, biases)


def _conventions(model: Trained, layers: list[_LayerArrays], merge_biases: bool, reset: str | None) -> None:
    """Set the keys of the file for the conventions of the framework."""
    two = any(name.stem.startswith("b_x") for name in model.parameters)
    if two and merge_biases:
        if model.cell == "gru":
            raise ProblemError("the two biases of a gru cannot be added up: its reset gate multiplies one of them alone")
        _add_up(model)
    elif two:
        model.network["biases"] = 2
    if model.cell == "lstm":
        model.network["gate_order"] = "ifgo"
    if model.cell != "gru":
        if reset is not None:
            raise ProblemError(f"a cell of the kind {model.cell} has no reset gate, so --reset has no meaning")
        return
    told = "after" if two or not model.rows else "before" if layers[0].biases else None
    if told is None and reset is None:
        raise ProblemError(
            "without biases the arrays do not show where the reset of a gru of Keras stands: --reset after (reset_after=True, "
            "which is the default of Keras), or --reset before"
        )
    if told and reset and told != reset:
        raise ProblemError(f"--reset {reset}, but the arrays are of a gru whose reset stands {told} the product")
    model.network |= {"keeps": "z", "reset": told or reset}


def _add_up(model: Trained) -> None:
    """Merge two biases: both arrays under one name."""
    for name in [name for name in model.parameters if name.stem.startswith("b_x")]:
        gate = name.stem.removeprefix("b_x")
        both = [model.parameters.pop(name._replace(stem=f"b_{beside}{gate}"))[0] for beside in "xh"]
        model.parameters[name._replace(stem=f"b_{gate}")] = both


# ----------------------------------------------------------------- linear layers


def _dense(left: Arrays) -> Trained:
    """Linear layers in the order of the file; the last one remains for the readout, unless it is the only one."""
    names = [name for name in left if left[name].ndim == 2]
    if not names:
        raise ProblemError(f"there is no matrix of weights among {', '.join(sorted(left))}")
    hidden = names[:-1] or names
    model = Trained("dense", rows=_ending(names[0]) == "kernel")
    for place, name in enumerate(names):
        weights = oriented(name, left[name])
        if not model.sizes:
            model.sizes = [weights.shape[1]]
        if weights.shape[1] != model.sizes[-1]:
            shape = shown(list(left[name].shape))
            raise ProblemError(f"{name}: of shape {shape}, but what comes into it has {model.sizes[-1]} numbers")
        if name not in hidden:
            break
        layer = layer_name("", len(hidden), place)
        model.sizes.append(len(weights))
        model.parameters[Name("W_xh", layer)] = [weights]
        del left[name]
        if (bias := bias_of(name)) in left:
            model.parameters[Name("b_h", layer)] = [left.pop(bias)]
    model.seen = model.sizes[-1]
    return model
