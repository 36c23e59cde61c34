"""A random problem file of any kind that there is: every cell, shape, loss, optimizer, rounding and notation.

The file is drawn key by key from the seed; its parameters get the shapes that the network turns out to have.
"""

from __future__ import annotations

from random import Random
from typing import Any

from bptt_trace.problem.network_keys import network_of
from bptt_trace.problem.tables import with_defaults

CELLS = ("rnn", "rnn", "lstm", "gru", "slstm", "dense")
SHAPES = ("every", "every", "every", "last", "last", "both directions", "decoder target", "decoder output", "feedback target",
          "feedback output", "first input", "first input, fed back", "no input")  # fmt: skip
ACTIVATIONS = ("tanh", "tanh", "sigmoid", "relu", "relu", "leaky_relu", "identity", "softplus", "z/(1+abs(z))",
               "relu(z)^2 - abs(z)/3",
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
    {"rule": "adam", "epsilon_at": "uncorrected", "epsilon": "0.01"}, {"rule": "adam", "bias_correction": False},
    {"rule": "adam", "amsgrad": True}, {"rule": "adadelta"}, {"rule": "adamax"}, {"rule": "nadam"},
    {"rule": "nadam", "momentum_decay": 1}, {"rule": "nadam", "momentum_decay": "0.004"},
    {"rule": "nesterov", "look_ahead": True}, {"rule": "adam", "state": {"t": 7}},
)  # fmt: skip
CONVENTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "rnn": ({}, {"form": "concatenated"}, {"biases": 2}),
    "lstm": ({}, {"peepholes": True}, {"form": "concatenated", "gate_order": "fiog"}, {"biases": 2}),
    "gru": ({}, {"keeps": "1 - z"}, {"reset": "before"}, {"biases": 2}, {"form": "concatenated", "reset": "before"}),
    "slstm": ({}, {"stabiliser": False}, {"forget": "sigmoid"}, {"forget": "sigmoid", "stabiliser": False}),
    "dense": ({},),
}


class _Numbers:
    """A source of chance, and the kind of numbers of one problem."""

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


class _Drawn(_Numbers):
    """What is drawn from one seed, each table from what was drawn before."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        pick, once_in = self.pick, self.once_in
        self.cell = pick(CELLS)
        self.over_time = self.cell != "dense"
        self.shape = pick(SHAPES) if self.over_time else ""
        self.wide = once_in(2)
        self.own_activation = self.cell in ("rnn", "dense")
        self.layers = pick([1, 1, 1, 2, 2, 3]) if self.own_activation else pick([1, 1, 1, 2])
        self.hidden = [pick([1, 2, 2, 3]) if self.wide else 1 for _ in range(self.layers)]
        self.width, self.outputs = (pick([1, 2, 3]), pick([1, 2, 3])) if self.wide else (1, 1)
        self.steps = self.predictions = pick([1, 2, 2, 3, 4, 5])
        self.kind = pick(["squared_error"] * 4 + ["cross_entropy", "kl_divergence", "binary_cross_entropy", "output", "none"])
        # What is given back is what a readout has made.
        self.gives_back = "decoder" in self.shape or "fe" in self.shape
        self.readout = not (not self.gives_back and self.shape != "both directions" and once_in(4))
        self.network = self._network()
        self.once = not self.over_time or self.network.get("outputs") == "last"
        self.samples = pick([2, 3]) if once_in(5) and self.shape != "no input" else 0

    @property
    def needs_targets(self) -> bool:
        """Whether targets are there for more than the loss."""
        return "decoder" in self.shape or self.shape == "feedback target"

    # ------------------------------------------------------------------ [network]

    def _network(self) -> dict[str, Any]:
        pick, once_in = self.pick, self.once_in
        network: dict[str, Any] = {"cell": self.cell, "hidden": self.hidden if self.layers > 1 else self.hidden[0]}
        network |= pick(CONVENTIONS[self.cell])
        activations = [pick(ACTIVATIONS) for _ in range(self.layers)]
        network |= self._output(activations)
        if self.own_activation:
            network |= self._activation(activations)
        if once_in(5) and not network.get("biases"):
            network["bias"] = False
        if self.wide and once_in(5):
            network["products"] = "x W"
        self._go_over_time(network)
        return network

    def _output(self, activations: list[str]) -> dict[str, Any]:
        """Keys of the readout; settles the kind of the loss, and how many outputs there are."""
        network: dict[str, Any] = {}
        last = self.pick(["identity", "identity", "sigmoid", "tanh", "relu", "z/(1+abs(z))", "abs(z)/2"])
        if self.readout:
            if self.kind in ("cross_entropy", "kl_divergence") or (
                self.kind == "squared_error" and self.wide and self.once_in(6)
            ):
                last, self.outputs = "softmax", max(self.outputs, 2)
                if self.once_in(2):
                    network["softmax"] = "steps"
            elif self.kind == "binary_cross_entropy":
                last = "sigmoid"
            network["output_activation"] = last
        else:
            network["readout"] = False
            if self.kind == "binary_cross_entropy" and self.own_activation:
                activations[-1] = "sigmoid"
            elif self.kind in ("cross_entropy", "kl_divergence", "binary_cross_entropy"):
                self.kind = "squared_error"
            self.outputs = self.hidden[-1]
        if self.kind == "output" and self.readout:
            self.outputs = 1
        if (self.kind == "output" and self.outputs > 1) or (self.kind in ("output", "none") and self.needs_targets):
            self.kind = "squared_error"
        return network

    def _activation(self, activations: list[str]) -> dict[str, Any]:
        several = self.layers > 1 and self.once_in(2)
        network: dict[str, Any] = {"activation": activations if several else activations[-1]}
        used = activations if several else activations[-1:]
        if "relu" in used and self.once_in(2):
            network["relu_slope_at_0"] = self.pick([0, 1, "0.5"])
        if "leaky_relu" in used and self.once_in(2):
            network["leak"] = "0.1"
        return network

    def _go_over_time(self, network: dict[str, Any]) -> None:
        match self.shape:
            case "last":
                network["outputs"] = "last"
            case "both directions":
                network["bidirectional"] = True
                network |= {"outputs": "last"} if self.once_in(3) else {}
            case "decoder target" | "decoder output":
                network["decoder"] = self.shape.split()[1]
                self.predictions = self.pick([1, 2, 3])
            case "feedback target" | "feedback output":
                network["feedback"] = self.shape.split()[1]
            case "first input" | "first input, fed back":
                network |= {"inputs": "first", "steps": self.steps}
                if self.shape == "first input, fed back":
                    network["feedback"], self.width = "output", self.outputs
                elif network.get("form") == "concatenated":
                    del network["form"]
            case "no input":
                network["steps"] = self.steps
                network.pop("form", None)

    # -------------------------------------------------------------------- [given]

    def given(self) -> dict[str, Any]:
        """Inputs and targets."""
        pairs = [self._sample() for _ in range(self.samples or 1)]
        return {key: [pair[key] for pair in pairs] if self.samples else pairs[0][key] for key in pairs[0]}

    def _sample(self) -> dict[str, Any]:
        given: dict[str, Any] = {}
        first_only = not self.over_time or self.network.get("inputs") == "first"
        if self.shape != "no input":
            x = [self.column(self.width, bracketed=self.samples > 0) for _ in range(1 if first_only else self.steps)]
            given["x"] = x[0] if first_only else x
        if self.kind not in ("output", "none") or self.needs_targets:
            given["target"] = self._target() if self.once else [self._target() for _ in range(self.predictions)]
        return given

    def _target(self) -> Any:
        if self.kind in ("cross_entropy", "kl_divergence"):
            hot = self.chance.randrange(self.outputs)
            return self.pick([[int(place == hot) for place in range(self.outputs)], ["1/2", "1/2", *[0] * (self.outputs - 2)]])
        if self.kind == "binary_cross_entropy":
            values = [self.pick([0, 1, 1, "0.3"]) for _ in range(self.outputs)]
            return values if self.outputs > 1 or self.samples else values[0]
        return self.column(self.outputs, bracketed=self.samples > 0)

    def state(self, stem: str, size: int) -> Any:
        """A part of the state before the first step; what divides begins with 1."""
        if stem == "n":
            return "1" if size == 1 else ["1"] * size
        return self.column(size)

    def output_weights(self) -> dict[str, Any]:
        """Weights that tell how many outputs there are, where targets do not."""
        if not self.readout or self.outputs == 1:
            return {}
        seen = self.hidden[-1] * (2 if self.network.get("bidirectional") else 1)
        high, across = (seen, self.outputs) if self.network.get("products") else (self.outputs, seen)
        return {"W_hy": [[0] * across] * high}

    # --------------------------------------------------------------- [loss], [update]

    def loss(self) -> dict[str, Any]:
        """The table ``[loss]``."""
        pick, once_in, kind = self.pick, self.once_in, self.kind
        loss: dict[str, Any] = {"kind": kind} if kind != "squared_error" or once_in(4) else {}
        if kind == "none":
            return loss
        loss |= {"factor": pick(["1/2", 2, "1/3"])} if once_in(3) else {}
        loss |= {"over_time": pick(["sum", "mean"])} if self.over_time and not self.once and once_in(2) else {}
        loss |= {"over_batch": pick(["sum", "mean"])} if self.samples and once_in(2) else {}
        if self.outputs > 1 and kind in ("squared_error", "binary_cross_entropy") and once_in(2):
            loss["over_units"] = pick(["sum", "mean"])
        if kind in ("cross_entropy", "kl_divergence", "binary_cross_entropy") and once_in(2):
            loss["gradient"] = "long"
        return loss

    def update(self, parameters: list[str]) -> dict[str, Any]:
        """The table ``[update]``."""
        pick, once_in = self.pick, self.once_in
        update: dict[str, Any] = {"learning_rate": pick(["0.1", "0.1", "1/3", 1, "0.01", 0]), **pick(RULES)}
        if once_in(5) and update.get("rule") != "adamw":
            update |= {"weight_decay": "0.1"} | ({"decay": "decoupled"} if once_in(2) else {})
        if once_in(4):
            update |= {"clip": pick(["0.1", "0.5", 100]), "clip_by": pick(["norm", "value", "parameter"])}
        if self.shape in ("every", "last", "feedback target", "no input") and self.steps > 1 and once_in(3):
            update["truncate"] = self.chance.randrange(1, self.steps)
        iterations = pick([1, 1, 1, 2, 2, 3, 4])
        if iterations > 1:
            update["iterations"] = iterations
            update |= pick([{}, {}, {"schedule": "exponential", "gamma": "0.5"}, {"schedule": "warmup", "every": 2}])
        if self.samples > 0 and once_in(3):
            update["mode"] = "online"
        if once_in(6):
            update["freeze"] = [pick(parameters)]
        return update


def problem_of_any_kind(seed: int) -> dict[str, Any]:
    """The table of keys of a problem."""
    drawn = _Drawn(seed)
    given = drawn.given()
    built = network_of(with_defaults({"network": drawn.network})["network"], given, drawn.output_weights())
    for name, size in built.state:
        if drawn.once_in(3) and not drawn.samples:
            given[str(name)] = drawn.state(name.stem, size)
    parameters = {str(name): drawn.block(shape[::-1] if built.rows else shape) for name, shape in built.parameters().items()}
    document: dict[str, Any] = {
        "title": f"Problem {seed}",
        "network": drawn.network,
        "parameters": parameters,
        "given": given,
        "rounding": dict(drawn.pick(ROUNDINGS)),
    }
    if loss := drawn.loss():
        document["loss"] = loss
    if drawn.kind != "none" and not drawn.once_in(6):
        document["update"] = drawn.update(list(parameters))
    if drawn.kind != "none" and drawn.once_in(4):
        document["network"] = {**drawn.network, "input_gradients": True}
    if drawn.once_in(8):
        document["names"] = {"h": "state", "L": "E"} if drawn.over_time else {"L": "E"}
    return document
