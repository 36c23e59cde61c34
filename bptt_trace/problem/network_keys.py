"""From the keys of a problem file to a network: its cells, its sizes, its shape over time and samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

from bptt_trace.engine.functions import Function, softmax
from bptt_trace.engine.names import BACKWARD, DECODER, ENCODER, FORWARD, Layer, Name
from bptt_trace.errors import ProblemError
from bptt_trace.networks.attention import Attention, SelfAttention
from bptt_trace.networks.cells import Cell
from bptt_trace.networks.cells.dense import Dense
from bptt_trace.networks.cells.equations import Equations
from bptt_trace.networks.cells.gru import GRU
from bptt_trace.networks.cells.lstm import LSTM
from bptt_trace.networks.cells.rnn import RNN
from bptt_trace.networks.cells.slstm import SLSTM
from bptt_trace.networks.forward_pass import Network
from bptt_trace.problem.activation_keys import activation_of, number_of
from bptt_trace.problem.cell_keys import equations_of, fits
from bptt_trace.problem.network_sizes import MAX_UNITS, Sizes, count_layers, decoder_steps, samples_of, steps_of, within
from bptt_trace.problem.numbers import shown
from bptt_trace.problem.readout_keys import dropped_share, output_layer
from bptt_trace.problem.tables import Keys

CELLS: dict[str, Callable[..., Cell]] = {
    "dense": Dense, "rnn": RNN, "lstm": LSTM, "gru": GRU, "slstm": SLSTM, "attention": SelfAttention,
}  # fmt: skip
EQUATIONS = "equations"
"""The cell that the table [cell] describes."""
CONVENTIONS = (
    "form", "biases", "peepholes", "gate_order", "keeps", "reset", "forget", "stabiliser", "mask", "scale", "residual",
)  # fmt: skip
"""Keys for the conventions of a cell; each is a field of the cells that have this choice."""

MAX_LINES = 3_000_000


def network_of(table: Keys, given: Keys, parameters: Keys, cell: Keys | None = None) -> Network:
    """The network of a problem file; raises ``ProblemError`` with the key's path. ``cell`` is the table of its equations."""
    rows = table["products"] == "x W"
    words = _words(table)
    count = count_layers(table, parameters, words[0])
    one_way = _of_equations(table, parameters, cell, count) if table["cell"] == EQUATIONS else _cells(table, count)
    if cell is not None and table["cell"] != EQUATIONS:
        raise ProblemError(f'[cell] has the equations of network.cell = "{EQUATIONS}", and of no other cell', path="cell")
    recurrent = bool(one_way[0].state) or isinstance(one_way[0], SelfAttention)
    if isinstance(one_way[0], SelfAttention):
        _one_head(table, given)
    _no_time(table, recurrent)
    _fits_together(table, given, recurrent)
    sizes = Sizes(table, given, parameters, rows, one_way, [layer_name(words[0], count, index) for index in range(count)])
    units = sizes.hidden()
    layers, cells, hidden = _side_by_side(words, count, one_way, units)
    readout = output_layer(table, cells, cell or {})
    first_only = table["inputs"] == "first"
    feedback = table.get("decoder", table.get("feedback", ""))
    seen = sum(hidden[-2:]) if words == BOTH else hidden[-1]
    # What is fed back beside x takes columns of the weights of x; how many, the weights of the readout tell.
    beside = sizes.outputs(seen, recurrent, None) if "feedback" in table and not first_only else 0
    inputs = sizes.inputs(units[0], recurrent and not first_only, beside)
    samples = samples_of(given, inputs, recurrent and not first_only)
    steps = steps_of(table, given, samples, first_only) if recurrent else None
    source_steps = None
    if "decoder" in table:
        source_steps, steps = steps, decoder_steps(table, given, samples)
    _has_input(given, recurrent)
    outputs = sizes.outputs(seen, recurrent, samples) if readout else seen
    for size, what in ((inputs, "inputs"), (outputs, "outputs")):
        within(size, 0, MAX_UNITS, what, "given.x" if what == "inputs" else "given.target")
    network = Network(
        cells=cells,
        readout=readout,
        inputs=inputs,
        hidden=hidden,
        outputs=outputs,
        steps=steps,
        every=table["outputs"] == "every",
        first_only=first_only,
        samples=samples,
        bias=table["bias"],
        rows=rows,
        layers=layers,
        feedback=feedback,
        source_steps=source_steps,
        input_gradients=table["input_gradients"],
        dropout=dropped_share(table, readout),
        attention=_looking_back(table, source_steps),
    )
    network = replace(network, shared=_shared(network, parameters))
    for own in network.cells:
        if isinstance(own, Equations):
            fits(own, network)
    _feeds_what_it_reads(network, table)
    _sees_several(network)
    _softmax_stands_last(network)
    _of_a_size_to_work_with(network)
    return network


BOTH = (FORWARD, BACKWARD)


def _words(table: Keys) -> tuple[str, ...]:
    """The words in the names of a network's layers."""
    if table["bidirectional"]:
        return BOTH
    return (ENCODER, DECODER) if "decoder" in table else ("",)


def layer_name(word: str, count: int, index: int) -> Layer:
    """The name of a layer: its number, a word, or a word with a number; a single layer has none."""
    number = index + 1 if count > 1 else None
    return f"{word}{number or ''}" if word else number


def _side_by_side(
    words: tuple[str, ...], count: int, cells: tuple[Cell, ...], units: tuple[int, ...]
) -> tuple[tuple[Layer, ...], tuple[Cell, ...], tuple[int, ...]]:
    """All layers in the order of their equations: two directions beside each other, a decoder behind its encoder."""
    if words == BOTH:
        order = [(word, index) for index in range(count) for word in words]
    else:
        order = [(word, index) for word in words for index in range(count)]
    layers = tuple(layer_name(word, count, index) for word, index in order)
    return layers, tuple(cells[index] for _, index in order), tuple(units[index] for _, index in order)


def _no_time(table: Keys, recurrent: bool) -> None:
    if recurrent:
        return
    for key in ("outputs", "steps", "inputs"):
        if key in table:
            raise ProblemError(f"a feedforward network knows no time, so {key} has no meaning", path=f"network.{key}")


def _has_input(given: Keys, recurrent: bool) -> None:
    if not recurrent and "x" not in given:
        raise ProblemError('the key "x" is missing; the input, a number or a list', path="given")


def _fits_together(table: Keys, given: Keys, recurrent: bool) -> None:
    """Shapes over time that exclude each other, or have no meaning for a network, are errors."""
    several = [key for key in ("bidirectional", "decoder", "feedback") if table.get(key, False)]
    if table["form"] == "concatenated" and table["inputs"] == "first" and "feedback" not in table:
        raise ProblemError(
            'after the first step there is no x for one matrix to multiply; form = "separate", or feedback = "output"',
            path="network.form",
        )
    if several and not recurrent:
        raise ProblemError(f"a feedforward network knows no time, so {several[0]} has no meaning", path=f"network.{several[0]}")
    if len(several) > 1:
        raise ProblemError(f"{several[0]} and {several[1]} exclude each other; leave one out", path=f"network.{several[1]}")
    if not several:
        return
    key = several[0]
    for other in ("inputs", "outputs") if key == "decoder" else ("inputs",) if key == "bidirectional" else ():
        if other in table:
            raise ProblemError(f"with {key}, {other} has no meaning; leave it out", path=f"network.{other}")
    if key == "feedback" and table["outputs"] == "last":
        raise ProblemError('an output that is fed back is there at every step; outputs = "every"', path="network.outputs")
    if key != "feedback" and "x" not in given:
        raise ProblemError('the key "x" is missing: a list with an input for each time step', path="given")
    if key != "bidirectional" and not table["readout"]:
        raise ProblemError("what is fed back is the output of a readout; readout = false has none", path="network.readout")
    if table.get(key) == "target" and "target" not in given:
        raise ProblemError(f'the key "target" is missing; with {key} = "target" it is what the next step is given', path="given")


# -------------------------------------------------------------------- attention


def _one_head(table: Keys, given: Keys) -> None:
    """Keys that say nothing for self-attention are errors, not ignored."""
    for key in ("bidirectional", "feedback", "decoder", "inputs", "steps", "activation", "attention"):
        if key in table:
            raise ProblemError(f"the tokens of a sequence look at each other, so {key} has no meaning", path=f"network.{key}")
    if isinstance(table.get("hidden"), list) and len(table["hidden"]) > 1:
        raise ProblemError("self-attention is one head in one layer; expected one number", path="network.hidden")
    if "x" not in given:
        raise ProblemError('the key "x" is missing: a list with a column for each token', path="given")


def _looking_back(table: Keys, source_steps: int | None) -> Attention | None:
    """The attention of a decoder to its encoder, if it has any."""
    if "attention" not in table:
        return None
    if source_steps is None:
        raise ProblemError(
            'a decoder looks at its encoder: network.decoder makes both (cell = "attention" is self-attention)',
            path="network.attention",
        )
    return Attention(table["attention"])


def _sees_several(network: Network) -> None:
    """Check that attention has more than one place: a single place has the weight 1 for any parameters."""
    seen = network.source_steps if network.attention else network.steps if network.tokens else None
    if seen is not None and seen < 2:
        raise ProblemError("attention to one place alone is always 1; expected at least two inputs", path="given.x")
    head = network.tokens
    if head and head.residual and network.hidden[0] != network.inputs:
        raise ProblemError(
            f"a token of {network.inputs} numbers and a context of {network.hidden[0]} cannot be added; expected the same number",
            path="network.residual",
        )


# ------------------------------------------------------------------------ cells


def _cells(table: Keys, layers: int) -> tuple[Cell, ...]:
    given = "identity" if CELLS[table["cell"]] is SelfAttention else table["activation"]
    several = isinstance(given, list)
    texts = given if isinstance(given, list) else [given] * layers
    if len(texts) != layers:
        raise ProblemError(
            f"{len(texts)} activation{'s' if len(texts) != 1 else ''} for {layers} layer{'s' if layers > 1 else ''}; "
            "expected one for each, or one for all",
            path="network.activation",
        )
    _only_with_corners(table)
    names = [(f"phi{'abcdefgh'[i]}", i + 1) if several else ("phi", None) for i in range(layers)]
    made: dict[str, Function] = {}
    cells: list[Cell] = []
    for text, (name, number) in zip(texts, names, strict=True):
        if text not in made:
            made[text] = activation_of(table, text, "activation", name, "phi", number)
        cells.append(_cell(table, made[text]))
    return tuple(cells)


def _cell(table: Keys, activation: Function) -> Cell:
    """A cell, in the conventions that the file asks for."""
    kind = CELLS[table["cell"]]
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    options = {key: table[key] for key in CONVENTIONS if key in table}
    for key in options:
        if key not in known:
            open_to = [name for name, other in CELLS.items() if key in {field.name for field in fields(other)}]  # type: ignore[arg-type]
            raise ProblemError(
                f"a cell of the kind {shown(table['cell'])} leaves no choice of {key}; {' and '.join(open_to)} "
                f"{'do' if len(open_to) > 1 else 'does'}",
                path=f"network.{key}",
            )
    return kind(activation, **options)


def _of_equations(table: Keys, parameters: Keys, cell: Keys | None, layers: int) -> tuple[Cell, ...]:
    """The cell of the table [cell], for all layers."""
    if cell is None:
        raise ProblemError(f'the table [cell] is missing: the equations of network.cell = "{EQUATIONS}"', path="")
    if key := next((key for key in CONVENTIONS if key in table), ""):
        raise ProblemError(f"the equations say it, so {key} has no meaning beside them", path=f"network.{key}")
    _only_with_corners(table, " ".join([*cell["equations"], *cell["functions"].values()]))
    slope, leak = number_of(table, "relu_slope_at_0"), number_of(table, "leak")
    return (equations_of(cell, table, parameters, slope, leak),) * layers


def _only_with_corners(table: Keys, equations: str = "") -> None:
    """Slopes that have no meaning for the activations chosen are errors, not ignored."""
    used = " ".join([equations, *(str(table.get(key, "")) for key in ("activation", "output_activation"))])
    for key, function, what in (
        ("leak", "leaky_relu", "leak"),
        ("relu_slope_at_0", "relu", "its slope at 0"),
        ("step_at_0", "step", "its value at 0"),
    ):
        if key not in table:
            continue
        number_of(table, key)
        if function not in used and not (key == "step_at_0" and "sign" in used):
            raise ProblemError(f"there is no {function} in this network, so {what} has no meaning", path=f"network.{key}")


def _feeds_what_it_reads(network: Network, table: Keys) -> None:
    """Check that an output that is fed back as the input has the width of the input."""
    if network.feedback and network.first_only and network.inputs != network.outputs:
        raise ProblemError(
            f"{network.inputs} inputs and {network.outputs} outputs: what is fed back takes the place of x, so both are as many",
            path="network.feedback" if "feedback" in table else "network",
        )


def _softmax_stands_last(network: Network) -> None:
    """Softmax makes a prediction of several outputs: nowhere else has it a meaning here."""
    hidden = [cell.activation is softmax for cell in network.cells]
    if any(hidden) and (network.readout or any(hidden[:-1]) or network.cells[-1].state):
        raise ProblemError("softmax belongs to the output: network.output_activation", path="network.activation")
    last = network.output_activation
    if last is softmax and network.outputs < 2:
        key = "output_activation" if network.readout else "activation"
        raise ProblemError("softmax of one output is always 1; use two outputs or more, or sigmoid", path=f"network.{key}")


# ----------------------------------------------------------------------- limits


def _shared(network: Network, parameters: Keys) -> frozenset[Name]:
    """Biases that are given as one number: one for all units of their layer."""
    names = [name for name in network.declared() if name.is_bias]
    return frozenset(name for name in names if not isinstance(parameters.get(str(name), []), list))


def _of_a_size_to_work_with(network: Network) -> None:
    sizes = zip(network.cells, network.hidden, network.below, strict=True)
    weights = sum(max(a * (b + a + network.outputs + 8), 1) * max(len(cell.gates), 1) for cell, a, b in sizes)
    size = 3 * weights * ((network.steps or 1) + (network.source_steps or 0)) * (network.samples or 1)
    if size > MAX_LINES:
        raise ProblemError(
            f"about {size:,} lines, more than {MAX_LINES:,}; use fewer units, samples or time steps", path="network"
        )
