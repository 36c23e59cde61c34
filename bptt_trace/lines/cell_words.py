"""What sheets say of cells and of the shape of a network over time: a word for each line, a sentence for each choice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from bptt_trace.engine.names import Layer, Name
from bptt_trace.networks.cells import Cell
from bptt_trace.networks.cells.equations import Equations
from bptt_trace.networks.forward_pass import Network

WORDS = {
    "LSTM": {"i": "input gate", "f": "forget gate", "g": "candidate", "o": "output gate", "c": "cell"},
    "GRU": {"r": "reset gate", "z": "update gate", "n": "candidate", "rh": "reset state", "a_hn": "from the state"},
    "SLSTM": {
        "i": "input gate",
        "f": "forget gate",
        "z": "cell input",
        "o": "output gate",
        "c": "cell",
        "n": "normaliser",
        "m": "stabiliser",
        "l": "log of forget gate",
    },
}
"""What the lines of a cell are, by stem; for the others their role says enough."""


def word_of(cell: Cell, stem: str) -> str:
    """What a line of a cell is, in a word; empty where its role says enough."""
    if isinstance(cell, Equations):
        return cell.words.get(stem, "")
    return WORDS.get(type(cell).__name__, {}).get(stem, "")


CHOICES = {
    ("form", "concatenated"): "one matrix multiplies state and input, one below the other: [h, x], a stack and not a sum",
    ("biases", 2): "two biases, one beside each matrix (as PyTorch and cuDNN have them)",
    ("peepholes", True): "peepholes: {i} and {f} also see the cell before, {o} the new one, each entry its own",
    ("keeps", "z"): "{z} multiplies the old state, and 1 − {z} the candidate (Cho et al. 2014; PyTorch, Keras)",
    ("keeps", "1 - z"): "1 − {z} multiplies the old state, and {z} the candidate (Chung et al. 2014)",
    ("reset", "after"): "{r} is applied after the matrix product of the state (PyTorch; Keras with reset_after)",
    ("reset", "before"): "{r} is applied to the state before the matrix product (Cho et al. 2014)",
    ("forget", "exp"): "input and forget gate are exponentials",
    ("forget", "sigmoid"): "the input gate is an exponential, the forget gate a sigmoid; ln σ(a) is written −softplus(−a)",
    ("mask", "causal"): "causal mask: a token sees itself and those before it; of itself alone {alpha} is 1, whatever its score",
    ("mask", "none"): "no mask: each token sees all of them",
    ("scale", True): "scores are divided by the root of the number of units",
    ("scale", False): "scores are not divided by a root",
    ("residual", True): "{h} is the token plus its context",
    ("stabiliser", True): (
        "{m} keeps the exponentials small; {i} and {f} are the stabilised gates, and {h} is the same as without; "
        "no gradient goes through {m}, because it cancels in c / n"
    ),
}
"""What a cell leaves open, by field and value, in words."""


LOOKING = {
    "dot": (
        "at each step of the decoder a product compares its new state with every state of the encoder; context and state are "
        "read out together (Luong et al. 2015, dot)"
    ),
    "general": (
        "at each step of the decoder a product through a matrix compares its new state with every state of the encoder; context "
        "and state are read out together (Luong et al. 2015, general)"
    ),
    "additive": (
        "before each step of the decoder a small network compares its old state with every state of the encoder; the context is "
        "an input of the step (Bahdanau et al. 2015)"
    ),
}
"""How a decoder looks at its encoder."""


def choices(cell: Cell) -> Iterator[str]:
    """What was chosen where cells differ; names in braces."""
    if isinstance(cell, Equations):
        said = f"{cell.name}, as the equations of the problem file tell it{f' ({cell.source})' if cell.source else ''}"
        yield said.replace("{", "").replace("}", "")
        if cell.stabiliser:
            yield f"no gradient goes through {{{cell.stabiliser}}}, because it cancels in what is read"
        return
    for field in fields(cell):  # type: ignore[arg-type]
        words = CHOICES.get((field.name, getattr(cell, field.name)))
        if words is not None:
            yield words


def scaled(cell: Cell) -> bool:
    """Whether the memory is divided by a stabiliser at every step, so that slopes along it say nothing of what it keeps."""
    return getattr(cell, "stabiliser", False)


def over_time(network: Network) -> Iterator[str]:
    """How a sequence is read and answered, where it is not step by step from one state to the next; names in braces."""
    if network.bidirectional:
        yield (
            "each layer reads the sequence twice: {fwd} from the first step to the last, {bwd} from the last to the first; "
            "what comes next sees both, one below the other"
        )
        if not network.every:
            yield "the output sees each direction where it ends: {fwd_end} and {bwd_end}"
    if network.attention:
        yield LOOKING[network.attention.kind]
    if network.source_steps:
        handed = ", ".join(f"{{start_{stem}_{layer}}} is {{end_{stem}_{layer}}}" for layer, _, stem in _handed_over(network))
        yield f"the encoder reads the input and predicts nothing; the decoder starts from its last state: {handed}"
    fed = {"target": "{target}, the target of the step before (teacher forcing)", "output": "{y}, its own last output"}
    if network.feedback and network.source_steps:
        yield f"the decoder's input is {fed[network.feedback]}; at the first step {{y0}}"
    elif network.feedback and network.first_only:
        yield f"from the second step on the input is {fed[network.feedback]}"
    elif network.feedback:
        yield f"beside the input each step is given {fed[network.feedback]}; the first step {{y0}}"


def _handed_over(network: Network) -> Iterator[tuple[Layer, Layer, str]]:
    """What a decoder takes over: its layer, that of its encoder, and the stem of the state."""
    half = len(network.layers) // 2 if network.source_steps else 0
    for source, layer, cell in zip(network.layers[:half], network.layers[half:], network.cells, strict=False):
        yield from ((layer, source, stem) for stem in cell.state)


def names_in(network: Network) -> dict[str, Name]:
    """The names that stand in braces in these sentences, at time 1 where they belong to a step."""
    layer = network.layers[0]
    gates = {stem: Name(stem, layer, 1) for stem in (*network.cells[0].gates, *network.cells[0].state, "alpha", "h")}
    return gates | {
        "fwd": Name("h", network.layers[0], 1),
        "bwd": Name("h", network.layers[min(1, len(network.layers) - 1)], 1),
        "fwd_end": Name("h", network.layers[-2:][0], network.steps),
        "bwd_end": Name("h", network.layers[-1], 1),
        **{f"start_{stem}_{layer}": Name(stem, layer, 0) for layer, _, stem in _handed_over(network)},
        **{f"end_{stem}_{layer}": Name(stem, source, network.source_steps) for layer, source, stem in _handed_over(network)},
        "y": Name("y", None, 0),
        "target": Name("target", None, 0),
        "y0": Name("y", None, 0),
    }
