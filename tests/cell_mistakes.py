"""Where a mistake of gates, cells and sequences shows: a network, what is given, and which way of making it."""

from __future__ import annotations

from typing import Any

from networks import filled, sequence

STARTS = {"h": "0.4", "c": "-0.7", "n": "0.9", "m": "0.2"}

LSTM = {"cell": "lstm", "hidden": 1}
GRU = {"cell": "gru", "hidden": 1}
RESET_BEFORE = {"cell": "gru", "hidden": 2, "reset": "before", "keeps": "1 - z"}
RESET_AFTER = {"cell": "gru", "hidden": 2, "biases": 2}
SLSTM = {"cell": "slstm", "hidden": 1}

OF_CELLS: dict[str, list[tuple[dict[str, Any], int]]] = {
    "wrong-activation-on-a-gate": [(LSTM, 0), (GRU, 0), (SLSTM, 0)],
    "gate-activation-on-the-candidate": [(LSTM, 0), (GRU, 0), (SLSTM, 0)],
    "second-bias-forgotten": [({"cell": "rnn", "hidden": 1, "biases": 2}, 0), (RESET_AFTER, 0), ({**LSTM, "biases": 2}, 1)],
    "peephole-forgotten": [({**LSTM, "peepholes": True}, 0)],
    "concatenation-as-addition": [
        ({**LSTM, "form": "concatenated"}, 0),
        ({"cell": "rnn", "hidden": 1, "form": "concatenated"}, 0),
    ],
    "reset-on-the-other-side": [(RESET_AFTER, 0), (RESET_BEFORE, 0)],
    "keeping-and-renewing-exchanged": [(GRU, 0), (RESET_BEFORE, 0)],
    "gates-exchanged": [(LSTM, 0), ({**LSTM, "peepholes": True}, 0)],
    "gate-of-another-line": [(LSTM, 0), (LSTM, 1), (GRU, 0)],
    "gate-left-out": [(LSTM, 0), (LSTM, 1)],
    "forget-gate-on-the-candidate": [(LSTM, 0)],
    "candidate-not-activated": [(LSTM, 0), (GRU, 0), (SLSTM, 0)],
    "cell-not-activated": [(LSTM, 0), ({**LSTM, "hidden": 2}, 0)],
    "activated-cell-carried": [(LSTM, 0)],
    "normaliser-forgotten": [(SLSTM, 0)],
    "stabiliser-forgotten": [(SLSTM, 0)],
    "slope-of-the-complement": [(GRU, 0), (GRU, 1), (GRU, 2), (RESET_BEFORE, 0)],
    "carry-dropped": [(LSTM, 0), (GRU, 0), (SLSTM, 0)],
    "reading-dropped": [(LSTM, 0), (SLSTM, 0)],
    "one-gate-only": [(LSTM, 0), (GRU, 0)],
    "encoder-gets-nothing": [
        ({"cell": "rnn", "hidden": 1, "decoder": "target"}, 0),
        ({**LSTM, "decoder": "output"}, 0),
    ],
    "wrong-end-of-the-backward-reader": [
        ({"cell": "rnn", "hidden": 1, "bidirectional": True, "outputs": "last"}, 0),
        ({**LSTM, "bidirectional": True, "outputs": "last"}, 0),
    ],
    "backward-reader-forwards": [({"cell": "rnn", "hidden": 1, "bidirectional": True}, 0), ({**LSTM, "bidirectional": True}, 0)],
}
"""The mistakes of ``bptt_trace/misconceptions/cells.py`` by slug."""

ALSO_OF_CELLS: dict[str, list[tuple[dict[str, Any], int]]] = {
    "bias-forgotten": [(LSTM, 0), (GRU, 0), (SLSTM, 0)],
    "state-forgotten": [(LSTM, 0), (GRU, 0), (SLSTM, 0)],
    "initial-state-again": [(LSTM, 0), (GRU, 0), ({"cell": "rnn", "hidden": 1, "bidirectional": True}, 0)],
    "activation-forgotten": [(LSTM, 0), (GRU, 0)],
    "memory-path-dropped": [(LSTM, 0), (GRU, 0), (SLSTM, 0), ({**LSTM, "bidirectional": True}, 0)],
    "own-error-dropped": [(LSTM, 0), (GRU, 0)],
    "slope-of-the-next-step-twice": [(LSTM, 0), (GRU, 0)],
    "total-for-a-part": [(LSTM, 0), (GRU, 0)],
    "output-of-the-bias-alone": [(LSTM, 0), (GRU, 0)],
    "slope-forgotten": [(LSTM, 0), (GRU, 0), (SLSTM, 0), ({**LSTM, "hidden": 2}, 0)],
    "slope-at-the-net-input": [(LSTM, 0), (GRU, 0)],
    "slope-of-another-function": [(LSTM, 0), (GRU, 0)],
    "wrong-time": [(LSTM, 0), (GRU, 0)],
    "gradient-of-the-state": [(LSTM, 0), (GRU, 0)],
    "contributions-not-added": [(LSTM, 0), (GRU, 0)],
}
"""Mistakes of any network, where they are made with gates."""

ALIKE = {"backward-reader-forwards": "initial-state-again", "initial-state-again": "backward-reader-forwards"}
"""At the first time step a reader that goes the wrong way begins with its initial state, either way."""


def problem_with(network: dict[str, Any], steps: int = 3) -> dict[str, Any]:
    """The table of keys of a problem over a few steps, in which no state begins with 0."""
    from bptt_trace.problem.network_keys import network_of
    from bptt_trace.problem.tables import with_defaults

    given: dict[str, Any] = {"x": sequence(steps), "target": sequence(steps, seed=2)}
    for name, units in network_of(with_defaults({"network": network})["network"], given, {}).state:
        start = STARTS.get(name.stem)
        if start:
            given[str(name)] = start if units == 1 else [start, f"{float(start) / 2:.2f}"][:units]
    return filled(network, given, scale=1.4, update={"learning_rate": "0.5"}, rounding={"places": 5})
