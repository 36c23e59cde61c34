"""The tables of given numbers and their meanings."""

from __future__ import annotations

from bptt_trace.engine.gradient_check import EPSILON
from bptt_trace.engine.names import Name
from bptt_trace.lines.cell_words import word_of
from bptt_trace.lines.row_words import carried
from bptt_trace.lines.spelling import layer_in_words
from bptt_trace.networks.cells.equations import Equations
from bptt_trace.networks.forward_pass import Network
from bptt_trace.networks.graph import Graph
from bptt_trace.networks.optimizers import STATES

MEANINGS = {
    "w_xh": "input to hidden",
    "w_hh": "hidden to hidden",
    "w_h": "state and input to hidden",
    "b_h": "bias, hidden",
    "b_xh": "bias beside the input",
    "b_hh": "bias beside the state",
    "w_hy": "hidden to output",
    "b_y": "bias, output",
    "w_q": "token to query",
    "w_k": "token to key",
    "w_v": "token to value",
    "w_a": "weights of the score",
    "u_a": "weights of the score, encoder",
    "v_a": "vector of the score",
    "w_c": "context and state to what is read out",
    "x": "input",
    "target": "target",
    "mask": "kept (1) or dropped (0)",
    "h": "initial memory",
    "y": "output before the first step",
    "eta": "learning rate",
    "gamma": "factor of the schedule",
    "epsilon": "keeps the root from 0",
    "lambda": "weight decay",
    "clip": "bound of the gradients",
    "v": "sum of squares at the start",
    "psi": "growth of the momentum",
}


BETAS = {None: "what stays of the state", 1: "what stays of m", 2: "what stays of v"}


OF_GATES = {
    "w_x": "input to {}",
    "w_h": "state to {}",
    "w_c": "cell to {}",
    "w_": "state and input to {}",
    "b_x": "bias beside the input, {}",
    "b_h": "bias beside the state, {}",
    "b_": "bias, {}",
}
"""What the parameters of a gate are, by what stands before its letter."""


def meaning_of(network: Network, name: Name, rule: str = "") -> str:
    """What a given quantity is; in a network of several layers, of which layer. ``rule`` is that of the update."""
    if name == EPSILON:
        return "moves a parameter in the gradient check"
    if isinstance(network, Graph):
        return "constant" if name in dict(network.fixed) else ""
    again = f", iteration {name.iteration}" if name.iteration != 1 else ""
    if name.of is not None:
        return f"gradient{again}" if name.via is None else "gradient, handed in from above"
    if name.stem == "eta":
        return MEANINGS["eta"] + again
    if name.stem == "beta":
        return "what stays of u" if rule == "adamax" and name.time == 2 else BETAS[name.time]
    letter, _, parameter = name.stem.partition("_")
    if letter in STATES and parameter and name.time == 0:
        return f"{carried(letter, rule)} at the start"
    stem = name.stem.lower()
    meaning = MEANINGS.get(stem, "")
    if network.cells:
        cell = network.cell_of(name.layer)
        if name.stem in cell.state[1:]:
            meaning = f"initial {word_of(cell, name.stem)}"
        elif stem not in MEANINGS:
            told = dict(cell.told_words) if isinstance(cell, Equations) else None
            words = ((form, stem.removeprefix(start)) for start, form in OF_GATES.items() if stem.startswith(start))
            found = ((form, told.get(line, "") if told is not None else word_of(cell, line)) for form, line in words)
            meaning = next((form.format(word) for form, word in found if word), "")
    if name.layer is None or not meaning:
        return meaning
    if name.stem.lower() == "w_xh" and isinstance(name.layer, int) and name.layer > 1:
        return f"layer {name.layer - 1} to layer {name.layer}"
    return f"{meaning}, {layer_in_words(name.layer)}"
