"""The words for the conventions of cells, and for the shape of a network over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from bptt_trace.document.sentences import say, to_say
from bptt_trace.engine.names import Layer, Name
from bptt_trace.networks.cells import Cell
from bptt_trace.networks.cells.equations import Equations
from bptt_trace.networks.forward_pass import Network

CHOICES = {
    ("form", "concatenated"): say("one matrix multiplies state and input, one below the other: [h, x], a stack and not a sum"),
    ("biases", 2): say("two biases, one beside each matrix (as PyTorch and cuDNN have them)"),
    ("peepholes", True): to_say("peepholes: {i} and {f} also see the cell before, {o} the new one, each entry its own"),
    ("keeps", "z"): to_say("{z} multiplies the old state, and 1 − {z} the candidate (Cho et al. 2014; PyTorch, Keras)"),
    ("keeps", "1 - z"): to_say("1 − {z} multiplies the old state, and {z} the candidate (Chung et al. 2014)"),
    ("reset", "after"): to_say("{r} is applied after the matrix product of the state (PyTorch; Keras with reset_after)"),
    ("reset", "before"): to_say("{r} is applied to the state before the matrix product (Cho et al. 2014)"),
    ("forget", "exp"): say("input and forget gate are exponentials"),
    ("forget", "sigmoid"): say("the input gate is an exponential, the forget gate a sigmoid; ln σ(a) is written −softplus(−a)"),
    ("mask", "causal"): to_say(
        "causal mask: a token sees itself and those before it; of itself alone {alpha} is 1, whatever its score"
    ),
    ("mask", "none"): say("no mask: each token sees all of them"),
    ("scale", True): say("scores are divided by the root of the number of units"),
    ("scale", False): say("scores are not divided by a root"),
    ("residual", True): to_say("{h} is the token plus its context"),
    ("stabiliser", True): (
        to_say(
            "{m} keeps the exponentials small; {i} and {f} are the stabilised gates, and {h} is the same as "
            "without; no gradient goes through {m}, because it cancels in c / n"
        )
    ),
}
"""The conventions of cells in words, by field and value."""


LOOKING = {
    "dot": (
        say(
            "at each step of the decoder a product compares its new state with every state of the encoder; "
            "context and state are read out together (Luong et al. 2015, dot)"
        )
    ),
    "general": (
        say(
            "at each step of the decoder a product through a matrix compares its new state with every state of "
            "the encoder; context and state are read out together (Luong et al. 2015, general)"
        )
    ),
    "additive": (
        say(
            "before each step of the decoder a small network compares its old state with every state of the "
            "encoder; the context is an input of the step (Bahdanau et al. 2015)"
        )
    ),
}
"""The kinds of attention of a decoder, in words."""


def choices(cell: Cell) -> Iterator[str]:
    """The conventions of a cell as sentences, with names in braces."""
    if isinstance(cell, Equations):
        source = f" ({cell.source})" if cell.source else ""
        yield say("{name}, as the equations of the problem file tell it{source}", name=cell.name, source=source)
        if cell.stabiliser:
            yield to_say("no gradient goes through {stabiliser}, because it cancels in what is read")
        return
    for field in fields(cell):  # type: ignore[arg-type]
        words = CHOICES.get((field.name, getattr(cell, field.name)))
        if words is not None:
            yield words


def scaled(cell: Cell) -> bool:
    """Whether a stabiliser rescales the memory at every step, so that slopes along it do not measure what it keeps."""
    return getattr(cell, "stabiliser", False)


def over_time(network: Network) -> Iterator[str]:
    """The order in which a sequence is read, if it is not step by step from one state to the next; names in braces."""
    if network.bidirectional:
        yield (
            to_say(
                "each layer reads the sequence twice: {fwd} from the first step to the last, {bwd} from the last to "
                "the first; what comes next sees both, one below the other"
            )
        )
        if not network.every:
            yield to_say("the output sees each direction where it ends: {fwd_end} and {bwd_end}")
    if network.attention:
        yield LOOKING[network.attention.kind]
    if network.source_steps:
        yield to_say("the encoder reads the input and predicts nothing; the decoder starts from its last state: {handed}")
    target = network.feedback == "target"
    if network.feedback and network.source_steps:
        own = to_say("the decoder's input is {y}, its own last output; at the first step {y0}")
        forced = to_say(
            "the decoder's input is {target}, the target of the step before (teacher forcing); at the first step {y0}"
        )
        yield forced if target else own
    elif network.feedback and network.first_only:
        own = to_say("from the second step on the input is {y}, its own last output")
        yield (
            to_say("from the second step on the input is {target}, the target of the step before (teacher forcing)")
            if target
            else own
        )
    elif network.feedback:
        own = to_say("beside the input each step is given {y}, its own last output; the first step {y0}")
        forced = to_say(
            "beside the input each step is given {target}, the target of the step before (teacher forcing); the first step {y0}"
        )
        yield forced if target else own


def handed_over(network: Network) -> Iterator[tuple[Layer, Layer, str]]:
    """The state that a decoder takes over: its layer, that of its encoder, and the stem of the state."""
    half = len(network.layers) // 2 if network.source_steps else 0
    for source, layer, cell in zip(network.layers[:half], network.layers[half:], network.cells, strict=False):
        yield from ((layer, source, stem) for stem in cell.state)


def names_in(network: Network) -> dict[str, Name]:
    """The names that stand in braces in these sentences, at time 1 where they belong to a step."""
    layer = network.layers[0]
    stabiliser = getattr(network.cells[0], "stabiliser", "")  # a stem; an sLSTM, where it is m, says whether it has one
    gates = {stem: Name(stem, layer, 1) for stem in (*network.cells[0].gates, *network.cells[0].state, "alpha", "h")}
    return gates | {
        "fwd": Name("h", network.layers[0], 1),
        "bwd": Name("h", network.layers[min(1, len(network.layers) - 1)], 1),
        "fwd_end": Name("h", network.layers[-2:][0], network.steps),
        "bwd_end": Name("h", network.layers[-1], 1),
        "stabiliser": Name(stabiliser if isinstance(stabiliser, str) and stabiliser else "m", layer, 1),
        "y": Name("y", None, 0),
        "target": Name("target", None, 0),
        "y0": Name("y", None, 0),
    }
