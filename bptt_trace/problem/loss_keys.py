"""The table [loss] of a problem file."""

from __future__ import annotations

from bptt_trace.engine.activation_parser import comparison
from bptt_trace.engine.functions import Function, sigmoid, softmax
from bptt_trace.errors import ProblemError
from bptt_trace.networks.forward_pass import Network
from bptt_trace.networks.losses import Loss
from bptt_trace.problem.activation_keys import THRESHOLDS
from bptt_trace.problem.numbers import exact_number
from bptt_trace.problem.tables import Keys

PAIRED: dict[str, Function] = {"cross_entropy": softmax, "kl_divergence": softmax, "binary_cross_entropy": sigmoid}
"""The output activation that each of these losses is made for."""


def loss_from(table: Keys, network: Network) -> Loss:
    """The loss that the table ``[loss]`` describes; ``ProblemError`` where a key has no meaning for this network."""
    kind = table["kind"]
    _no_meaning(table, network, kind)
    factor = exact_number(table["factor"], "loss.factor").value
    if factor <= 0:
        raise ProblemError(f"{factor} is not possible here; a factor is positive", path="loss.factor")
    output = network.output_activation
    if kind in PAIRED and output is not PAIRED[kind]:
        raise ProblemError(
            f"{kind} compares probabilities: it goes with {PAIRED[kind].name} at the output, not with {output.name}",
            path="loss.kind",
        )
    steps = any(cell.activation.name in THRESHOLDS for cell in network.cells) or output.name in THRESHOLDS
    if kind == "perceptron" and not (output.name in THRESHOLDS and len(network.cells) == 1 and not network.readout):
        raise ProblemError(
            'a perceptron is one neuron: cell = "dense", readout = false, and activation = "step" or "sign"', path="loss.kind"
        )
    if kind == "perceptron" and network.outputs > 1:
        raise ProblemError(f"{network.outputs} neurons; a perceptron is one", path="loss.kind")
    if steps and kind not in ("perceptron", "none"):
        raise ProblemError(
            'a step has no slope to go back through; kind = "perceptron" learns with one neuron, "none" goes forward alone',
            path="loss.kind",
        )
    if kind == "none" and len(table) > 1:
        other = next(key for key in table if key != "kind")
        raise ProblemError("there is no loss (kind none), so this key has no meaning", path=f"loss.{other}")
    if kind == "output" and network.outputs > 1:
        raise ProblemError(f"{network.outputs} outputs, but a loss is one number", path="loss.kind")
    if ("equation" in table) != (kind == "equation"):
        raise ProblemError('a loss of your own is kind = "equation" and equation, an expression in y_t and target_t', path="loss")
    if kind == "equation":
        try:
            comparison(table["equation"])
        except ProblemError as error:
            error.path = "loss.equation"
            raise
    return Loss(
        kind,
        factor,
        **{key: table[key] for key in ("over_time", "over_units", "over_batch", "gradient")},
        equation=table.get("equation", ""),
    )


def _no_meaning(table: Keys, network: Network, kind: str) -> None:
    """Keys that say nothing for this network are errors, not ignored."""
    reasons = {
        "over_time": network.steps is None and "there is one loss term only, so nothing is summed or averaged over time",
        "over_units": (network.outputs < 2 or kind in ("cross_entropy", "kl_divergence", "output", "perceptron"))
        and "there are no terms of several output units to be summed or averaged",
        "over_batch": network.samples is None and "there is one sample only, so nothing is summed or averaged over a batch",
        "gradient": kind not in PAIRED and "only the loss of probabilities has a short and a long gradient",
        "first_class": kind not in ("cross_entropy", "kl_divergence") and "there are no classes to be counted",
    }
    for key, reason in reasons.items():
        if key in table and reason:
            raise ProblemError(reason, path=f"loss.{key}")
