"""Small random problems, as problem files, with the functions they need for checking."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from law import FUNCTIONS, MP, Digits, Function, bent, by_digits

from bptt_trace.problem.network_keys import network_of
from bptt_trace.problem.tables import with_defaults

# An activation as a formula in z, with its value and slope written down by hand.
FORMULAS: dict[str, tuple[Function, Function]] = {
    "z/(1+abs(z))": (lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2),
    "(z^2 - 1)/(z^2 + 1)": (lambda z: (z**2 - 1) / (z**2 + 1), lambda z: 4 * z / (z**2 + 1) ** 2),
    "z*sigmoid(z)": (
        by_digits(lambda z: z / (1 + MP.exp(-z))),
        by_digits(lambda z: (1 + MP.exp(-z) + z * MP.exp(-z)) / (1 + MP.exp(-z)) ** 2),
    ),
    "exp(-z^2)*cos(2*z)": (
        by_digits(lambda z: MP.exp(-z * z) * MP.cos(2 * z)),
        by_digits(lambda z: -2 * MP.exp(-z * z) * (z * MP.cos(2 * z) + MP.sin(2 * z))),
    ),
}


def examples() -> list[str]:
    """The names of the built-in problems."""
    return sorted(path.stem for path in (Path(__file__).parent.parent / "examples").glob("*.toml"))


NAMED = ["tanh", "sigmoid", "identity", "relu", "leaky_relu", "softplus"]


@dataclass(frozen=True)
class Case:
    """A problem file as a table of keys."""

    document: dict[str, Any]

    @property
    def text(self) -> str:
        return json.dumps(self.document)

    @property
    def digits(self) -> Digits:
        rounding = self.document["rounding"]
        return Digits(rounding["figures"], figures=True) if "figures" in rounding else Digits(rounding["places"])

    @property
    def functions(self) -> dict[str, Function]:
        """What the functions in its printed lines are."""
        network = self.document["network"]
        at_zero = Fraction(network.get("relu_slope_at_0", 0))
        leak = Fraction(network.get("leak", "0.01"))
        known = dict(FUNCTIONS)
        known["step"] = lambda z: Fraction(z >= 0)
        known["sign"] = lambda z: Fraction(1 if z >= 0 else -1)
        known["relu"], known["relu'"] = bent(Fraction(0), at_zero)
        known["leaky_relu"], known["leaky_relu'"] = bent(leak, at_zero if "relu_slope_at_0" in network else leak)
        for key, name in (("activation", "phi"), ("output_activation", "psi")):
            if (formula := network.get(key)) in FORMULAS:
                known[name], known[f"{name}'"] = FORMULAS[formula]
        return known


def _decimal(places: int, scaled: int) -> str:
    sign, digits = ("-" if scaled < 0 else ""), str(abs(scaled)).zfill(places + 1)
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


numbers: st.SearchStrategy[str] = st.one_of(
    st.integers(0, 3).flatmap(lambda places: st.integers(-2 * 10**places, 2 * 10**places).map(lambda n: _decimal(places, n))),
    st.builds(lambda p, q: f"{p}/{q}", st.integers(-5, 5), st.sampled_from([3, 7, 8, 16])),
)
"""Numbers as they are typed: ``1.0``, ``-0.35``, ``-0.0``, ``1/3``."""


CONVENTIONS: dict[str, list[dict[str, Any]]] = {
    "dense": [{}],
    "rnn": [{}, {}, {"biases": 2}, {"form": "concatenated"}],
    "lstm": [{}, {"peepholes": True}, {"form": "concatenated", "gate_order": "fiog"}],
    "gru": [{}, {"keeps": "1 - z"}, {"reset": "before"}, {"biases": 2}],
    "slstm": [{}, {"stabiliser": False}, {"forget": "sigmoid"}],
}
"""What cells leave open."""
OVER_TIME: list[dict[str, Any]] = [{"bidirectional": True}, {"decoder": "target"}, {"decoder": "output"}, {"feedback": "output"}]


@st.composite
def cases(draw: Callable[..., Any], policy: str = "by_hand", most_places: int = 8, *, any_shape: bool = False) -> Case:
    """A network with one hidden neuron and one output, recurrent or not.

    With ``any_shape`` also one that goes over time more than once, or multiplies
    [h, x] by one matrix: then some lines have more than one number.
    """
    activation = draw(st.sampled_from([*NAMED, *FORMULAS]))
    network: dict[str, Any] = {
        "cell": draw(st.sampled_from(["rnn", "rnn", "rnn", "dense", "lstm", "gru", "slstm"])),
        "activation": activation,
        "output_activation": draw(st.sampled_from(["identity", "identity", "sigmoid", "relu", "z/(1+abs(z))"])),
        "bias": draw(st.booleans()),
    }
    if "relu" in activation + network["output_activation"] and draw(st.booleans()):
        network["relu_slope_at_0"] = draw(st.sampled_from(["0", "1", "1/2"]))
    if activation == "leaky_relu":
        network["leak"] = draw(st.sampled_from(["0.1", "0.25", "1/3"]))
    network |= draw(st.sampled_from([c for c in CONVENTIONS[network["cell"]] if any_shape or "form" not in c]))
    recurrent = network["cell"] != "dense"
    given: dict[str, Any]
    if recurrent:
        steps = draw(st.integers(1, 6))
        over_time = draw(st.sampled_from([{}, *OVER_TIME])) if any_shape else {}
        network |= over_time
        if not over_time:
            network["outputs"] = draw(st.sampled_from(["every", "every", "last"]))
        given = {"x": [draw(numbers) for _ in range(steps if "decoder" not in network else draw(st.integers(1, 3)))]}
        given["target"] = draw(numbers) if network.get("outputs") == "last" else [draw(numbers) for _ in range(steps)]
        states = [name for name, size in network_of(with_defaults({"network": network})["network"], given, {}).state if size == 1]
        if draw(st.booleans()):
            given[str(states[0])] = draw(numbers)
    else:
        given = {"x": draw(numbers), "target": draw(numbers)}

    def filled(shape: tuple[int, ...]) -> Any:
        return [filled(shape[1:]) for _ in range(shape[0])] if shape else draw(numbers)

    shapes = {
        str(name): shape
        for name, shape in network_of(with_defaults({"network": network})["network"], given, {}).parameters().items()
    }
    parameters = list(shapes)
    document: dict[str, Any] = {
        "network": network,
        "parameters": {name: filled(shape) for name, shape in shapes.items()},
        "given": given,
        "loss": {
            "factor": draw(st.sampled_from(["1", "1/2", "0.5", "3/7", "2"])),
            **({"over_time": draw(st.sampled_from(["mean", "sum"]))} if recurrent else {}),
        },
        "rounding": {"policy": policy},
    }
    if draw(st.integers(0, 4)):
        freeze = draw(st.lists(st.sampled_from(parameters), unique=True, max_size=2))
        document["update"] = {"learning_rate": draw(st.sampled_from(["0.1", "0.05", "1/3", "1"])), "freeze": freeze}
    if draw(st.booleans()):
        document["rounding"]["places"] = draw(st.integers(2, most_places))
    else:
        document["rounding"]["figures"] = draw(st.integers(2, 6))
    return Case(document)
