"""The output layer of a problem file, and the dropout before it."""

from __future__ import annotations

from fractions import Fraction

from bptt_trace.errors import ProblemError
from bptt_trace.networks.cells import Cell
from bptt_trace.networks.cells.equations import Equations
from bptt_trace.networks.cells.readout import Readout
from bptt_trace.networks.cells.readout_equations import ReadoutEquations
from bptt_trace.problem.activation_keys import activation_of
from bptt_trace.problem.cell_keys import readout_of
from bptt_trace.problem.numbers import exact_number
from bptt_trace.problem.tables import Keys


def output_layer(table: Keys, cells: tuple[Cell, ...], own: Keys) -> Readout | ReadoutEquations | None:
    """The output layer of a network; ``own`` is the table [cell], which may tell its equations. None where there is none."""
    if told := own.get("readout"):
        for key in ("readout", "output_activation", "softmax"):
            if key in table:
                raise ProblemError("the readout is given by its equations (cell.readout)", path=f"network.{key}")
        return readout_of(cells[0], told, own)
    text = table["output_activation"]
    if not table["readout"]:
        for key in ("output_activation", "softmax"):
            if key in table:
                raise ProblemError("there is no output layer (readout = false), so it has no activation", path=f"network.{key}")
        return None
    if "softmax" in table and text != "softmax":
        raise ProblemError("there is no softmax at the output, so this key has no meaning", path="network.softmax")
    function = activation_of(table, text, "output_activation", "psi", "psi")
    taken = any("z" in (cell.stems if isinstance(cell, Equations) else cell.gates) for cell in cells)
    return Readout(function, table["softmax"] == "steps", "a_y" if taken else "z")


def dropped_share(table: Keys, readout: Readout | ReadoutEquations | None) -> Fraction | None:
    """The share that is dropped between the last hidden layer and the output."""
    if "dropout" not in table:
        return None
    if readout is None:
        raise ProblemError("dropout stands before an output layer, and there is none (readout = false)", path="network.dropout")
    for key in ("bidirectional", "decoder"):
        if table.get(key, False):
            raise ProblemError(f"with {key}, dropout has no meaning here; leave it out", path="network.dropout")
    share = exact_number(table["dropout"], "network.dropout")
    if not 0 < share.value < 1:
        raise ProblemError(f"{share.text} is not possible here; a share above 0 and below 1", path="network.dropout")
    return share.value
