"""A random problem file with what few networks have.

Attention, letters, perceptrons, equations of one's own, graphs, dropout, windows that overlap, a loss of one's own, and the
sections that are asked for: paths, forward mode, gradient check, further lines. What is drawn by shape gets its parameters from
the network; what is told by equations is an example with other numbers.
"""

from __future__ import annotations

import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

from any_problem import ROUNDINGS, RULES, _Numbers

from bptt_trace.problem.network_keys import network_of
from bptt_trace.problem.tables import with_defaults

EXAMPLES = Path(__file__).parent.parent / "examples"
TOLD = ("graph", "micrograd", "softmax-of-logits", "coupled-gates", "jordan", "leaky-integrator", "min-gru", "min-lstm",
        "minimal-gated-unit", "readout-equations", "selective-state-space")  # fmt: skip
"""Examples of equations."""
SEQUENCES = ("rnn", "rnn", "lstm", "gru", "slstm")
KINDS = 9
"""How many kinds there are, one seed after the other."""
LOSSES = ("(y_t - target_t)^4", "abs(y_t - target_t)", "ln(1 + (y_t - target_t)^2)", "sqrt((y_t - target_t)^2 + 1) - 1")


class _Featured(_Numbers):
    """What is drawn from one seed."""

    def document(self, seed: int) -> dict[str, Any]:
        kinds = (self.attending, self.looking_back, self.letters, self.perceptron, self.told, self.dropping, self.windows,
                 self.asked, self.own_loss)  # fmt: skip
        made = kinds[seed % len(kinds)]()
        if "parameters" not in made:
            made["parameters"] = self.parameters(made)
        graph = made["network"]["cell"] == "graph"
        if "rounding" not in made:
            made["rounding"] = dict(self.pick([one for one in ROUNDINGS if one.get("policy") != "exact"]))
        if made.get("loss", {}).get("kind") not in ("none", "perceptron") and "update" not in made and not graph:
            made["update"] = {"learning_rate": self.pick(["0.1", "1/3", 1, "0.01"]), **self.pick(RULES)}
            if self.once_in(4):
                made["update"] |= {"clip": self.pick(["0.1", "0.5"]), "clip_by": self.pick(["norm", "value", "parameter"])}
            if self.once_in(4):
                made["update"]["iterations"] = self.pick([2, 3])
        return {"title": f"Feature {seed}", **made}

    def parameters(self, made: dict[str, Any]) -> dict[str, Any]:
        built = network_of(with_defaults(made)["network"], made["given"], {})
        return {str(name): self.block(shape[::-1] if built.rows else shape) for name, shape in built.parameters().items()}

    def series(self, count: int, size: int = 1) -> list[Any]:
        return [self.column(size) for _ in range(count)]

    # ---------------------------------------------------------------- by shape

    def attending(self) -> dict[str, Any]:
        """One head of self-attention."""
        units, width = self.pick([2, 3]), self.pick([2, 3])
        network: dict[str, Any] = {"cell": "attention", "hidden": units, "mask": self.pick(["causal", "none"])}
        network["scale"] = not self.once_in(3)
        if self.once_in(3):
            network["residual"], width = True, units
        if self.once_in(4):
            network["products"] = "x W"
        tokens, several = self.pick([2, 3]), self.once_in(3)
        loss: dict[str, Any] = {}
        if several:
            network["output_activation"], loss = "softmax", {"kind": "cross_entropy", "gradient": self.pick(["short", "long"])}
        elif self.once_in(3):
            network["output_activation"] = "sigmoid"
        target = [self.pick([[1, 0], [0, 1]]) for _ in range(tokens)] if several else self.series(tokens)
        return {"network": network, "given": {"x": self.series(tokens, width), "target": target}, "loss": loss}

    def looking_back(self) -> dict[str, Any]:
        """A decoder that looks at the states of its encoder."""
        network = {"cell": self.pick(SEQUENCES[:4]), "decoder": self.pick(["target", "output"]), "hidden": self.pick([1, 1, 2])}
        network["attention"] = self.pick(["dot", "general", "additive"])
        return {"network": network, "given": {"x": self.series(self.pick([2, 3])), "target": self.series(self.pick([1, 2, 3]))}}

    def letters(self) -> dict[str, Any]:
        """A text, letter by letter."""
        text = self.pick(["aba", "abba", "hi", "hello", "aab"])
        network = {"cell": self.pick(SEQUENCES), "hidden": self.pick([1, 2]), "output_activation": "softmax"}
        network["vocabulary"] = sorted(set(text))
        size = len(set(text))
        seen = {"x": [[0] * size] * (len(text) - 1), "target": [[1] + [0] * (size - 1)] * (len(text) - 1)}
        shapes = {**network}
        del shapes["vocabulary"]
        made = {"network": network, "given": {"text": text}, "loss": {"kind": "cross_entropy"}}
        return {**made, "parameters": self.parameters({"network": shapes, "given": seen})}

    def perceptron(self) -> dict[str, Any]:
        """One neuron that learns by the perceptron rule."""
        network = {"cell": "dense", "hidden": 1, "readout": False, "activation": self.pick(["step", "sign"])}
        low = 0 if network["activation"] == "step" else -1
        if self.once_in(2):
            network["step_at_0"] = self.pick([low, 1])
        width = self.pick([1, 2, 3])
        samples = [[self.pick([0, 1, "0.5"]) for _ in range(width)] for _ in range(self.pick([2, 3, 4]))]
        update = {"learning_rate": self.pick([1, "0.1", "0.5"]), "mode": "online", "iterations": self.pick([2, 3, 6])}
        given = {"x": samples, "target": [self.pick([low, 1]) for _ in samples]}
        return {"network": network, "given": given, "loss": {"kind": "perceptron"}, "update": update}

    def dropping(self) -> dict[str, Any]:
        """Units that are dropped before the output."""
        cell, units = self.pick(["dense", *SEQUENCES]), self.pick([1, 2, 3])
        network = {"cell": cell, "hidden": units, "dropout": self.pick(["0.5", "0.2", "1/3"])}

        def kept() -> Any:
            return self.pick([0, 1]) if units == 1 else [self.pick([0, 1]) for _ in range(units)]

        if cell == "dense":
            return {"network": network, "given": {"x": self.number(), "target": self.number(), "mask": kept()}}
        steps = self.pick([1, 2, 3])
        given = {"x": self.series(steps), "target": self.series(steps), "mask": [kept() for _ in range(steps)]}
        return {"network": network, "given": given}

    def windows(self) -> dict[str, Any]:
        """A backward pass after every so many steps."""
        steps = self.pick([3, 4, 5])
        back = min(self.pick([2, 3]), steps - 1)
        network = {"cell": self.pick(SEQUENCES), "hidden": self.pick([1, 1, 2])}
        update = {
            "learning_rate": "0.1",
            "truncate": min(back, steps - 1),
            "truncate_every": self.pick([1, min(back, steps - 1)]),
        }
        return {"network": network, "given": {"x": self.series(steps), "target": self.series(steps)}, "update": update}

    def asked(self) -> dict[str, Any]:
        """Sections that are asked for."""
        cell, steps = self.pick(["dense", *SEQUENCES]), self.pick([1, 2, 3])
        network = {"cell": cell, "hidden": self.pick([1, 1, 2])}
        given = {"x": self.series(steps), "target": self.series(steps)}
        also: dict[str, Any] = {}
        if cell == "dense":
            given = {"x": self.number(), "target": self.number()}
        if self.once_in(2):
            also["gradient_check"] = "all"
        if self.once_in(2):
            also["forward_mode"] = "all"
        if self.once_in(2):
            also["paths"] = "all"
        if not also or self.once_in(3):
            state = "h" if cell == "dense" else "h_t"
            also["lines"] = {("slope" if cell == "dense" else "slope_t"): self.pick([f"1 - {state}^2", f"abs({state})/3"])}
        if network["hidden"] == 2:
            also.pop("lines", None)
        return {"network": network, "given": given, "also": also or {"forward_mode": "all"}}

    def own_loss(self) -> dict[str, Any]:
        """A loss that is an expression."""
        network = {"cell": self.pick(["dense", *SEQUENCES]), "hidden": self.pick([1, 2])}
        steps = self.pick([1, 2, 3])
        given = {"x": self.series(steps), "target": self.series(steps)}
        if network["cell"] == "dense":
            given = {"x": self.number(), "target": self.number()}
        return {"network": network, "given": given, "loss": {"kind": "equation", "equation": self.pick(LOSSES)}}

    # ------------------------------------------------------------- by equations

    def told(self) -> dict[str, Any]:
        """An example of equations, with other numbers."""
        made = deepcopy(tomllib.loads((EXAMPLES / f"{self.pick(TOLD)}.toml").read_text("utf-8")))
        for key in ("title", "source", "rounding", "update", "notation", "names"):
            made.pop(key, None)
        made["parameters"] = {name: self.other(value) for name, value in made["parameters"].items()}
        binary = made.get("loss", {}).get("kind") == "binary_cross_entropy"
        made["given"] = {
            name: value if binary and name == "target" else self.other(value) for name, value in made.get("given", {}).items()
        }
        return made if made["given"] else {key: value for key, value in made.items() if key != "given"}

    def other(self, value: Any) -> Any:
        return [self.other(one) for one in value] if isinstance(value, list) else self.number()


def problem_with_a_feature(seed: int) -> dict[str, Any]:
    """The table of keys of a problem."""
    return _Featured(seed).document(seed)
