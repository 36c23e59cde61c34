"""Random problems with awkward numbers: ties, zeros, ones, equal, large and tiny values, in every shape of network."""

from __future__ import annotations

import random
from typing import Any

from random_problems import CONVENTIONS

from bptt_trace.errors import ProblemError
from bptt_trace.problem.network_keys import network_of
from bptt_trace.problem.tables import with_defaults

NUMBERS: dict[str, tuple[str, ...]] = {
    "plain": ("0.4", "-0.7", "1.2", "0.15", "-0.35", "0.9", "-1.1"),
    "coarse": ("-1", "-0.5", "0.5", "1", "0.25", "2", "-2"),
    "zeros": ("0", "0", "0", "1", "-1", "0.5"),
    "ones": ("1", "1", "1", "-1", "0"),
    "equal": ("0.5",),
    "halves": ("0.00005", "0.15", "0.25", "-0.125", "1.5", "0.03125"),
    "large": ("5", "-7", "12.5", "3", "-20", "-4.5"),
    "tiny": ("0.001", "-0.0003", "0.00001", "0.02", "-0.00007"),
    "fractions": ("1/3", "-2/3", "1/7", "1/2", "2/9"),
}
ROUNDINGS: tuple[dict[str, Any], ...] = (
    {}, {}, {"places": 2}, {"places": 3}, {"places": 6}, {"places": 1}, {"figures": 1}, {"figures": 3}, {"figures": 5},
    {"policy": "full"}, {"policy": "carry", "places": 2}, {"policy": "carry", "places": 4},
)  # fmt: skip
OVER_TIME: tuple[dict[str, Any], ...] = (
    {}, {}, {}, {}, {"outputs": "last"}, {"bidirectional": True}, {"bidirectional": True, "outputs": "last"},
    {"decoder": "target"}, {"decoder": "output"}, {"feedback": "output"}, {"feedback": "target"},
    {"inputs": "first"}, {"readout": False},
)  # fmt: skip


def awkward(seed: int) -> dict[str, Any] | None:
    """The problem file of a seed, as a table of keys; nothing where the pieces do not fit together."""
    chance = random.Random(seed)
    pick = chance.choice
    style = pick([*NUMBERS, "plain", "plain", "mixed"])

    def number() -> str:
        return pick(NUMBERS[pick(list(NUMBERS)) if style == "mixed" else style])

    def filled(shape: tuple[int, ...]) -> Any:
        return [filled(shape[1:]) for _ in range(shape[0])] if shape else number()

    cell = pick(["rnn", "rnn", "rnn", "dense", "dense", "lstm", "gru", "slstm"])
    recurrent = cell != "dense"
    loss = pick(["squared_error"] * 4 + ["cross_entropy", "cross_entropy", "binary_cross_entropy", "output"])
    shape = dict(pick(OVER_TIME)) if recurrent else pick([{}, {}, {"readout": False}])
    outputs = pick([1, 1, 1, 2])
    network: dict[str, Any] = {"cell": cell, **shape, **pick(CONVENTIONS[cell])}
    if not chance.randrange(5):
        network["bias"] = False
        network.pop("biases", None)
    if loss == "cross_entropy":
        network["output_activation"], outputs = "softmax", pick([2, 2, 3])
    elif loss == "binary_cross_entropy":
        network["output_activation"] = "sigmoid"
    elif not chance.randrange(3):
        network["output_activation"] = pick(["sigmoid", "tanh"])
    if cell in ("rnn", "dense"):
        network["activation"] = pick(["tanh", "tanh", "sigmoid", "relu", "identity", "leaky_relu", "softplus"])
    if shape.get("readout") is False:
        last = network.pop("output_activation", None)
        if loss in ("cross_entropy", "binary_cross_entropy"):
            if cell in ("lstm", "gru", "slstm"):
                return None
            network["activation"] = last
        if outputs > 1:
            network["hidden"] = outputs
    elif not chance.randrange(4):
        network["hidden"] = pick([2, [1, 1], [2, 1]])
    if loss == "output":
        outputs = 1
        if isinstance(network.get("hidden"), int) and shape.get("readout") is False:
            return None
    steps = pick([1, 2, 2, 2, 3, 3, 4, 5])
    samples = pick([None, None, None, None, 2]) if "decoder" not in shape else None
    inputs = pick([1, 1, 1, 2])

    def target() -> Any:
        if loss == "cross_entropy":
            return chance.randrange(1, outputs + 1)
        one = (lambda: pick(["0", "1", "0.5"])) if loss == "binary_cross_entropy" else number
        return one() if outputs == 1 else [one() for _ in range(outputs)]

    def sample() -> tuple[Any, Any]:
        x = filled((inputs,) if inputs > 1 else ())
        if not recurrent:
            return x, target()
        xs = x if shape.get("inputs") == "first" else [filled((inputs,) if inputs > 1 else ()) for _ in range(steps)]
        return xs, target() if shape.get("outputs") == "last" else [target() for _ in range(steps)]

    pairs = [sample() for _ in range(samples or 1)]
    given: dict[str, Any] = {"x": pairs[0][0], "target": pairs[0][1]}
    if samples:
        given = {"x": [x for x, _ in pairs], "target": [y for _, y in pairs]}
    if loss == "output" and "decoder" not in shape and shape.get("feedback") != "target":
        del given["target"]
    if "decoder" in shape and chance.randrange(2):
        given["target"] = given["target"] * 2 if len(given["target"]) < 3 else given["target"][:2]
    if shape.get("inputs") == "first" or "target" not in given:
        network["steps"] = steps
        if "target" not in given and shape.get("inputs") != "first":
            del network["steps"]
    try:
        known = network_of(with_defaults({"network": network})["network"], given, {})
    except (ProblemError, KeyError, TypeError, ValueError):
        return None
    if chance.randrange(2):
        for name, size in known.state:
            if size == 1 and chance.randrange(2):
                given[str(name)] = "1" if name.stem == "n" else number()
    document: dict[str, Any] = {
        "network": network,
        "parameters": {str(name): filled(shape) for name, shape in known.parameters().items()},
        "given": given,
        "loss": {"kind": loss},
        "rounding": dict(pick(ROUNDINGS)),
    }
    if loss in ("cross_entropy", "binary_cross_entropy") and not chance.randrange(3):
        document["loss"]["gradient"] = "long"
    if recurrent and "outputs" not in shape:
        document["loss"]["over_time"] = pick(["mean", "mean", "sum"])
    if chance.randrange(5):
        update: dict[str, Any] = {"learning_rate": pick(["0.1", "0.1", "0.01", "1", "5", "1/3", "0"])}
        update |= pick([{}, {}, {}, {"rule": "momentum"}, {"rule": "adam"}, {"weight_decay": "0.1"}])
        if not chance.randrange(4):
            update |= {"clip": pick(["0.1", "1"]), "clip_by": pick(["norm", "value", "parameter"])}
        if not chance.randrange(4) and recurrent and steps > 1 and not {"bidirectional", "decoder", "inputs"} & set(shape):
            update["truncate"] = chance.randrange(1, steps)
        if not chance.randrange(3):
            update["iterations"] = pick([2, 3, 5])
        if not chance.randrange(6):
            update["freeze"] = [pick(list(document["parameters"]))]
        document["update"] = update
    return document
