"""A random problem file of any kind that there is: every cell, shape, loss, optimizer, rounding and notation.

The file is drawn key by key from the seed; its parameters get the shapes that the network turns out to have.
"""

from __future__ import annotations

from random import Random
from typing import Any

from bptt_trace.networks import network_of

CELLS = ("rnn", "rnn", "lstm", "gru", "slstm", "dense")
SHAPES = ("every", "every", "every", "last", "last", "both directions", "decoder target", "decoder output", "feedback target",
          "feedback output", "first input", "first input, fed back", "no input")  # fmt: skip
ACTIVATIONS = ("tanh", "tanh", "sigmoid", "relu", "relu", "leaky_relu", "identity", "softplus", "z/(1+abs(z))", "relu(z)^2 - abs(z)/3",
               "sin(z) + z^3/10", "exp(-z^2)*cos(2*z)", "ln(1 + z^2) - sqrt(z^2 + 1)/3", "((z/2)^2)^3*exp(1)/3 + 1/3*z - (2/3)^2",
               "2*z - z", "abs(z)")  # fmt: skip
ROUNDINGS: tuple[dict[str, Any], ...] = (
    {}, {"places": 2}, {"places": 3}, {"places": 6}, {"places": 1}, {"figures": 3}, {"figures": 5}, {"figures": 1},
    {"policy": "carry"}, {"policy": "carry", "places": 2}, {"policy": "carry", "figures": 3}, {"policy": "carry", "places": 1},
    {"policy": "full"}, {"policy": "exact"},
)  # fmt: skip
NUMBERS: dict[str, tuple[Any, ...]] = {
    "plain": (),
    "coarse": (-1, "-0.5", "0.5", 1, "0.25", 2, -2),
    "zero": (0, 0, 0, 1, -1, "0.5"),
    "large": (5, -7, "12.5", 3, -20, 100),
    "tiny": ("0.001", "-0.0003", "1e-5", "0.02"),
    "fractions": ("1/3", "-2/3", "1/7", "0.5", "-1/6", "2/9"),
    "equal": ("0.7",),
}
"""Numbers that are drawn from; ``plain`` ones have one or two decimals."""
RULES: tuple[dict[str, Any], ...] = (
    {}, {}, {}, {"rule": "momentum"}, {"rule": "momentum", "velocity": "mean"}, {"rule": "nesterov", "rate": "inside"},
    {"rule": "adagrad", "accumulator": "0.1"}, {"rule": "adagrad", "epsilon_at": "inside"}, {"rule": "rmsprop"},
    {"rule": "rmsprop", "centered": True, "epsilon": "0.01"}, {"rule": "adam"}, {"rule": "adam", "epsilon": 0}, {"rule": "adamw"},
)  # fmt: skip
CONVENTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "rnn": ({}, {"form": "concatenated"}, {"biases": 2}),
    "lstm": ({}, {"peepholes": True}, {"form": "concatenated", "gate_order": "fiog"}, {"biases": 2}),
    "gru": ({}, {"keeps": "1 - z"}, {"reset": "before"}, {"biases": 2}, {"form": "concatenated", "reset": "before"}),
    "slstm": ({}, {"stabiliser": False}, {"forget": "sigmoid"}, {"forget": "sigmoid", "stabiliser": False}),
    "dense": ({},),
}


class _Drawn:
    """What is drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.pick = self.chance.choice
        self.style = self.pick(["plain", "plain", "plain", *NUMBERS])

    def once_in(self, count: int) -> bool:
        return self.chance.randrange(count) == 0

    def number(self) -> Any:
        return self.pick(NUMBERS[self.style] or (f"{self.chance.uniform(-1.5, 1.5):.{self.pick([1, 2])}f}",))

    def column(self, size: int, *, bracketed: bool = False) -> Any:
        return self.number() if size == 1 and not bracketed else [self.number() for _ in range(size)]

    def block(self, shape: tuple[int, ...]) -> Any:
        return [self.block(shape[1:]) for _ in range(shape[0])] if shape else self.number()


def problem_of_any_kind(seed: int) -> dict[str, Any]:
    """The table of keys of a problem."""
    drawn = _Drawn(seed)
    pick, once_in = drawn.pick, drawn.once_in
    cell = pick(CELLS)
    over_time = cell != "dense"
    shape = pick(SHAPES) if over_time else ""
    wide = once_in(2)
    layers = pick([1, 1, 1, 2, 2, 3]) if cell in ("rnn", "dense") else pick([1, 1, 1, 2])
    hidden = [pick([1, 2, 2, 3]) if wide else 1 for _ in range(layers)]
    width, outputs = (pick([1, 2, 3]), pick([1, 2, 3])) if wide else (1, 1)
    steps = pick([1, 2, 2, 3, 4, 5])
    kind = pick(["squared_error"] * 4 + ["cross_entropy", "cross_entropy", "binary_cross_entropy", "output", "none"])
    plain_shape = "decoder" not in shape and "fed" not in shape and "feed" not in shape
    readout = not (plain_shape and shape != "both directions" and once_in(4))

    network: dict[str, Any] = {"cell": cell, "hidden": hidden if layers > 1 else hidden[0]}
    network |= pick(CONVENTIONS[cell])
    activations = [pick(ACTIVATIONS) for _ in range(layers)]
    own = cell in ("rnn", "dense")
    last = pick(["identity", "identity", "sigmoid", "tanh", "relu", "z/(1+abs(z))", "abs(z)/2"])
    if readout:
        if kind == "cross_entropy" or (kind == "squared_error" and wide and once_in(6)):
            last, outputs = "softmax", max(outputs, 2)
            if once_in(2):
                network["softmax"] = "steps"
        elif kind == "binary_cross_entropy":
            last = "sigmoid"
        network["output_activation"] = last
    else:
        network["readout"] = False
        if kind in ("cross_entropy", "binary_cross_entropy"):
            fits = kind == "binary_cross_entropy" and own
            kind = kind if fits else "squared_error"
            activations[-1] = "sigmoid" if fits else activations[-1]
        outputs = hidden[-1]
    if kind == "output" and readout:
        outputs = 1
    if (kind == "output" and outputs > 1) or (kind in ("output", "none") and ("decoder" in shape or shape == "feedback target")):
        kind = "squared_error"
    if own:
        network["activation"] = activations if layers > 1 and once_in(2) else activations[-1]
        named = str(network["activation"])
        if "'relu'" in named or named == "relu":
            network |= {"relu_slope_at_0": pick([0, 1, "0.5"])} if once_in(2) else {}
        if "leaky_relu" in named and once_in(2):
            network["leak"] = "0.1"
    if once_in(5) and not network.get("biases"):
        network["bias"] = False
    if wide and once_in(5):
        network["products"] = "x W"
    steps_back = steps
    match shape:
        case "last":
            network["outputs"] = "last"
        case "both directions":
            network["bidirectional"] = True
            network |= {"outputs": "last"} if once_in(3) else {}
        case "decoder target" | "decoder output":
            network["decoder"] = shape.split()[1]
            steps_back = pick([1, 2, 3])
        case "feedback target" | "feedback output":
            network["feedback"] = shape.split()[1]
        case "first input" | "first input, fed back":
            network |= {"inputs": "first", "steps": steps}
            if shape == "first input, fed back":
                network["feedback"], width = "output", outputs
            elif network.get("form") == "concatenated":
                del network["form"]
        case "no input":
            network["steps"] = steps
            network.pop("form", None)
    once = not over_time or network.get("outputs") == "last"
    samples = pick([2, 3]) if once_in(5) and shape != "no input" else 0

    def one_target() -> Any:
        if kind == "cross_entropy":
            hot = drawn.chance.randrange(outputs)
            return pick([[int(place == hot) for place in range(outputs)], ["1/2", "1/2", *[0] * (outputs - 2)]])
        if kind == "binary_cross_entropy":
            values = [pick([0, 1, 1, "0.3"]) for _ in range(outputs)]
            return values if outputs > 1 or samples else values[0]
        return drawn.column(outputs, bracketed=samples > 0)

    def sample() -> dict[str, Any]:
        once_only = not over_time or network.get("inputs") == "first"
        given: dict[str, Any] = {}
        if shape != "no input":
            one = [drawn.column(width, bracketed=samples > 0) for _ in range(1 if once_only else steps)]
            given["x"] = one[0] if once_only else one
        if kind not in ("output", "none") or "decoder" in shape or shape == "feedback target":
            given["target"] = one_target() if once else [one_target() for _ in range(steps_back)]
        return given

    pairs = [sample() for _ in range(samples or 1)]
    given = {key: [pair[key] for pair in pairs] if samples else pairs[0][key] for key in pairs[0]}
    built = network_of(network, given, _output_weights(network, hidden, outputs) if readout and outputs > 1 else {})
    for name, size in built.state:
        if once_in(3) and not samples:
            given[str(name)] = "1" if name.stem == "n" and size == 1 else ["1"] * size if name.stem == "n" else drawn.column(size)
    document: dict[str, Any] = {
        "title": f"Problem {seed}",
        "network": network,
        "parameters": {
            str(name): drawn.block(shape[::-1] if built.rows else shape) for name, shape in built.parameters().items()
        },
        "given": given,
        "rounding": dict(pick(ROUNDINGS)),
    }
    several_terms = over_time and not once
    loss: dict[str, Any] = {"kind": kind} if kind != "squared_error" or once_in(4) else {}
    if kind != "none":
        loss |= {"factor": pick(["1/2", 2, "1/3"])} if once_in(3) else {}
        loss |= {"over_time": pick(["sum", "mean"])} if several_terms and once_in(2) else {}
        loss |= {"over_batch": pick(["sum", "mean"])} if samples and once_in(2) else {}
        if outputs > 1 and kind in ("squared_error", "binary_cross_entropy") and once_in(2):
            loss["over_units"] = pick(["sum", "mean"])
        if kind in ("cross_entropy", "binary_cross_entropy") and once_in(2):
            loss["gradient"] = "long"
    if loss:
        document["loss"] = loss
    if kind != "none" and not once_in(6):
        windows = shape in ("every", "last", "feedback target", "no input") and steps > 1
        document["update"] = _update(drawn, document, steps if windows else 0, samples)
    if once_in(8):
        document["names"] = {"h": "state", "L": "E"} if over_time else {"L": "E"}
    return document


def _output_weights(network: dict[str, Any], hidden: list[int], outputs: int) -> dict[str, Any]:
    """Weights that tell how many outputs there are, where targets do not."""
    seen = hidden[-1] * (2 if network.get("bidirectional") else 1)
    shape = (seen, outputs) if network.get("products") else (outputs, seen)
    return {"W_hy": [[0] * shape[1]] * shape[0]}


def _update(drawn: _Drawn, document: dict[str, Any], steps: int, samples: int) -> dict[str, Any]:
    """The table ``[update]``; ``steps`` is how many steps windows may cut."""
    pick, once_in = drawn.pick, drawn.once_in
    update: dict[str, Any] = {"learning_rate": pick(["0.1", "0.1", "1/3", 1, "0.01", 0]), **pick(RULES)}
    if once_in(5) and update.get("rule") != "adamw":
        update |= {"weight_decay": "0.1"} | ({"decay": "decoupled"} if once_in(2) else {})
    if once_in(4):
        update |= {"clip": pick(["0.1", "0.5", 100]), "clip_by": pick(["norm", "value", "parameter"])}
    if steps > 1 and once_in(3):
        update["truncate"] = drawn.chance.randrange(1, steps)
    iterations = pick([1, 1, 1, 2, 2, 3, 4])
    if iterations > 1:
        update["iterations"] = iterations
        update |= pick([{}, {}, {"schedule": "exponential", "gamma": "0.5"}, {"schedule": "warmup", "every": 2}])
    if samples > 0 and once_in(3):
        update["mode"] = "online"
    if once_in(6):
        update["freeze"] = [pick(list(document["parameters"]))]
    return update
