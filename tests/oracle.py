"""The loss of any problem file, calculated in 50 digits from the textbook's equations alone.

It reads the same table of keys as the package and shares nothing else with it:
no parser, no formulas, no derivative. Its slopes are central differences.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath

MP = mpmath.mp.clone()
MP.dps = 50

Numbers = dict[str, Any]

FUNCTIONS = {
    "identity": lambda z: z,
    "tanh": MP.tanh,
    "sigmoid": lambda z: 1 / (1 + MP.exp(-z)),
    "relu": lambda z: max(z, MP.zero),
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "softplus": lambda z: MP.log(1 + MP.exp(z)),
    "z/(1+abs(z))": lambda z: z / (1 + abs(z)),
}


def number(value: Any) -> Any:
    fraction = Fraction(str(value))
    return MP.mpf(fraction.numerator) / fraction.denominator


def column(value: Any) -> list[Any]:
    return [number(item) for item in value] if isinstance(value, list) else [number(value)]


class Oracle:
    """A problem file with its parameters as single numbers, and the loss as a function of them."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.network = document["network"]
        self.loss_keys = document.get("loss", {})
        self.rows = self.network.get("products") == "x W"
        self.start: Numbers = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        for key, value in document["parameters"].items():
            if not isinstance(value, list):
                self.start[key] = number(value)
            elif not isinstance(value[0], list):
                self.start |= {f"{key}[{i}]": number(item) for i, item in enumerate(value, 1)}
                self.shapes[key] = (len(value),)
            else:
                self.start |= {f"{key}[{i},{j}]": number(x) for i, row in enumerate(value, 1) for j, x in enumerate(row, 1)}
                self.shapes[key] = (len(value), len(value[0]))

    # ------------------------------------------------------------ matrices

    def find(self, stem: str, layer: str) -> str | None:
        keys = (stem + layer, stem.lower() + layer)
        return next((key for key in keys if key in self.document["parameters"]), None)

    def product(self, numbers: Numbers, stem: str, layer: str, vector: list[Any], units: int) -> list[Any]:
        """W x, or x W, entry by entry."""
        key = self.find(stem, layer)
        assert key is not None, stem
        total = []
        for unit in range(1, units + 1):
            if key in numbers:
                total.append(numbers[key] * vector[0])
                continue
            places = [(i, unit) if self.rows else (unit, i) for i in range(1, len(vector) + 1)]
            total.append(sum((numbers[f"{key}[{i},{j}]"] * x for (i, j), x in zip(places, vector, strict=True)), MP.zero))
        return total

    def bias(self, numbers: Numbers, stem: str, layer: str, units: int) -> list[Any]:
        key = self.find(stem, layer)
        if key is None:
            return [MP.zero] * units
        return [numbers[key] if key in numbers else numbers[f"{key}[{unit}]"] for unit in range(1, units + 1)]

    # ------------------------------------------------------------- forward

    @property
    def layers(self) -> list[tuple[str, int, str]]:
        """Suffix of the keys, units and activation of each layer."""
        units = self.network.get("hidden", 1)
        units = units if isinstance(units, list) else [units]
        activation = self.network.get("activation", "tanh")
        activations = activation if isinstance(activation, list) else [activation] * len(units)
        suffixes = [""] if len(units) == 1 else [f"({i})" for i in range(1, len(units) + 1)]
        return list(zip(suffixes, units, activations, strict=True))

    def layer(self, numbers: Numbers, suffix: str, units: int, phi: str, x: list[Any], h: list[Any] | None) -> list[Any]:
        if self.network["cell"] == "rnn" and self.network.get("form") == "concatenated":
            a = self.product(numbers, "W_h", suffix, [*h, *x], units)
        else:
            a = self.product(numbers, "W_xh", suffix, x, units) if x else [MP.zero] * units
            if h is not None:
                a = [p + q for p, q in zip(a, self.product(numbers, "W_hh", suffix, h, units), strict=True)]
        for stem in ("b_h", "b_xh", "b_hh"):
            a = [p + q for p, q in zip(a, self.bias(numbers, stem, suffix, units), strict=True)]
        return self.activated(phi, a)

    @staticmethod
    def activated(phi: str, a: list[Any]) -> list[Any]:
        if phi == "softmax":
            powers = [MP.exp(z) for z in a]
            return [power / sum(powers) for power in powers]
        return [FUNCTIONS[phi](z) for z in a]

    def predictions(self, numbers: Numbers, sample: int) -> list[list[Any]]:
        """The prediction at every step of one sample."""
        given, layers = self.document["given"], self.layers
        recurrent = self.network["cell"] == "rnn"
        x = given.get("x")
        if self.batch:
            x = x[sample]
        steps = 1
        if recurrent:
            steps = self.network.get("steps") or len(x)
            if self.network.get("inputs") == "first":
                x = [x] + [None] * (steps - 1)
        states: list[list[Any] | None] = []
        for suffix, units, _ in layers:
            start = given.get(f"h{suffix}_0", [0] * units)
            if self.batch and isinstance(start, list) and len(start) == self.batch and isinstance(start[0], list):
                start = start[sample]
            states.append(column(start) if recurrent else None)
        found = []
        for time in range(steps):
            value = x if not recurrent else None if x is None else x[time]
            signal = [] if value is None else column(value)
            for place, (suffix, units, phi) in enumerate(layers):
                signal = self.layer(numbers, suffix, units, phi, signal, states[place])
                if recurrent:
                    states[place] = signal
            found.append(self.readout(numbers, signal))
        return found

    def readout(self, numbers: Numbers, h: list[Any]) -> list[Any]:
        if not self.network.get("readout", True):
            return h
        key = self.find("W_hy", "")
        outputs = 1 if key in numbers else self.shapes[key][1 if self.rows else 0]
        z = self.product(numbers, "W_hy", "", h, outputs)
        z = [p + q for p, q in zip(z, self.bias(numbers, "b_y", "", outputs), strict=True)]
        return self.activated(self.network.get("output_activation", "identity"), z)

    # ---------------------------------------------------------------- loss

    @property
    def batch(self) -> int:
        """How many samples; 0 without a batch (told by a list of targets that is one level deeper)."""
        return self.document.get("samples", 0)

    def loss(self, numbers: Numbers) -> Any:
        """The total loss."""
        losses = []
        for sample in range(self.batch or 1):
            target = self.document["given"]["target"]
            target = target[sample] if self.batch else target
            predictions = self.predictions(numbers, sample)
            every = self.network["cell"] == "rnn" and self.network.get("outputs", "every") == "every"
            pairs = list(zip(predictions, target, strict=True)) if every else [(predictions[-1], target)]
            terms = [self.term(y, one) for y, one in pairs]
            mean = self.loss_keys.get("over_time", "mean") == "mean"
            losses.append(sum(terms) / (len(terms) if mean else 1))
        mean = self.loss_keys.get("over_batch", "mean") == "mean"
        return sum(losses) / (len(losses) if mean else 1)

    def term(self, y: list[Any], target: Any) -> Any:
        """The loss of one prediction."""
        kind = self.loss_keys.get("kind", "squared_error")
        factor = number(self.loss_keys.get("factor", 1))
        if kind == "cross_entropy":
            if not isinstance(target, list):
                return -factor * MP.log(y[int(target) - self.loss_keys.get("first_class", 1)])
            return -factor * sum(t * MP.log(p) for p, t in zip(y, column(target), strict=True) if t)
        goal = column(target)
        if kind == "squared_error":
            units = [(p - t) ** 2 for p, t in zip(y, goal, strict=True)]
        else:
            units = [-t * MP.log(p) - (1 - t) * MP.log(1 - p) for p, t in zip(y, goal, strict=True)]
        return factor * sum(units) / (len(units) if self.loss_keys.get("over_units") == "mean" else 1)

    def slope(self, key: str) -> Any:
        """The derivative of the loss in one number of a parameter, by central differences."""
        step = MP.mpf("1e-15")
        above, below = ({**self.start, key: self.start[key] + sign * step} for sign in (1, -1))
        return (self.loss(above) - self.loss(below)) / (2 * step)
