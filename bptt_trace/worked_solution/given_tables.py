"""The tables of given numbers and their meanings."""

from __future__ import annotations

from bptt_trace.document.sentences import joined, say, to_say
from bptt_trace.engine.gradient_check import EPSILON
from bptt_trace.engine.names import Name
from bptt_trace.lines.row_words import carried
from bptt_trace.lines.spelling import layer_in_words
from bptt_trace.networks.cells.equations import Equations
from bptt_trace.networks.forward_pass import Network
from bptt_trace.networks.graph import Graph
from bptt_trace.networks.optimizers import STATES

MEANINGS = {
    "w_xh": say("input to hidden"),
    "w_hh": say("hidden to hidden"),
    "w_h": say("state and input to hidden"),
    "b_h": say("bias, hidden"),
    "b_xh": say("bias beside the input"),
    "b_hh": say("bias beside the state"),
    "w_hy": say("hidden to output"),
    "b_y": say("bias, output"),
    "w_q": say("token to query"),
    "w_k": say("token to key"),
    "w_v": say("token to value"),
    "w_a": say("weights of the score"),
    "u_a": say("weights of the score, encoder"),
    "v_a": say("vector of the score"),
    "w_c": say("context and state to what is read out"),
    "x": say("input"),
    "target": say("target"),
    "mask": say("kept (1) or dropped (0)"),
    "h": say("initial memory"),
    "y": say("output before the first step"),
    "eta": say("learning rate"),
    "gamma": say("factor of the schedule"),
    "epsilon": say("keeps the root from 0"),
    "lambda": say("weight decay"),
    "clip": say("bound of the gradients"),
    "v": say("sum of squares at the start"),
    "psi": say("growth of the momentum"),
}


BETAS = {None: say("what stays of the state"), 1: say("what stays of m"), 2: say("what stays of v")}


OF_GATES = {
    "w_x": to_say("input to {word}"),
    "w_h": to_say("state to {word}"),
    "w_c": to_say("cell to {word}"),
    "w_": to_say("state and input to {word}"),
    "b_x": to_say("bias beside the input, {word}"),
    "b_h": to_say("bias beside the state, {word}"),
    "b_": to_say("bias, {word}"),
}
"""The meanings of the parameters of a gate, by the prefix of its letter."""


def meaning_of(network: Network, name: Name, rule: str = "") -> str:
    """The meaning of a given quantity, with its layer where there are several. ``rule`` is that of the update."""
    if name == EPSILON:
        return say("moves a parameter in the gradient check")
    if isinstance(network, Graph):
        return say("constant") if name in dict(network.fixed) else ""
    again = say(", iteration {iteration}", iteration=name.iteration) if name.iteration != 1 else ""
    if name.of is not None:
        return say("gradient{again}", again=again) if name.via is None else say("gradient, handed in from above")
    if name.stem == "eta":
        return MEANINGS["eta"] + again
    if name.stem == "beta":
        return say("what stays of u") if rule == "adamax" and name.time == 2 else BETAS[name.time]
    if name.letter in STATES and name.below and name.time == 0:
        return say("{word} at the start", word=carried(name.letter, rule))
    stem = name.stem.lower()
    meaning = MEANINGS.get(stem, "")
    if network.cells:
        cell = network.cell_of(name.layer)
        if name.stem in cell.state[1:]:
            meaning = say("initial {word}", word=cell.words.get(name.stem, ""))
        elif stem not in MEANINGS:
            told = dict(cell.told_words) if isinstance(cell, Equations) else None
            words = ((form, stem.removeprefix(start)) for start, form in OF_GATES.items() if stem.startswith(start))
            found = ((form, told.get(line, "") if told is not None else cell.words.get(line, "")) for form, line in words)
            meaning = next((say(form, word=word) for form, word in found if word), "")
    if name.layer is None or not meaning:
        return meaning
    if name.stem.lower() == "w_xh" and isinstance(name.layer, int) and name.layer > 1:
        return say("layer {below} to layer {layer}", below=name.layer - 1, layer=name.layer)
    return joined(say(", "), (meaning, layer_in_words(name.layer)))
