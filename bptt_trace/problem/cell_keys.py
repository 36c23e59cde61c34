"""The table [cell] of a problem file: a cell defined by its equations, and the check that it fits its network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from bptt_trace.engine.expressions import refusal, shape_in_words
from bptt_trace.engine.formula import ABSENT, Formula, Var, shape_of
from bptt_trace.engine.functions import identity
from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError, nearest
from bptt_trace.networks.cells import Cell, Parameters
from bptt_trace.networks.cells.equations import COMBINING, STEM, Equation, Equations, is_preactivation
from bptt_trace.networks.cells.readout_equations import ReadoutEquations
from bptt_trace.networks.forward_pass import Network
from bptt_trace.problem.numbers import shown
from bptt_trace.problem.tables import Keys

MAX_EQUATIONS = 40
TAKEN = {
    "x": "the input", "t": "the time step", "target": "what the output should be", "L": "the loss", "T": "the number of steps",
    "alpha": "the weight of an attention", "score": "the score of an attention", "N": "the number of samples",
    "K": "the number of outputs", "beta": "a number of the optimizer",
}  # fmt: skip
"""Names of lines that mean something else on a sheet."""
OF_UPDATES = ("eta", "gamma", "epsilon", "lambda", "clip", "norm", "scale", "squares", "rate", "v", "m", "s", "g", "k")
"""Names without a time that updates have."""


def equations_of(table: Keys, network: Keys, parameters: Keys, slope_at_0: Fraction, leak: Fraction) -> Equations:
    """The cell that a table [cell] describes; raises ``ProblemError`` with its path, and a caret where an equation is wrong."""
    for key in ("activation", "bias"):
        if key in network:
            raise ProblemError(f"the equations say it, so {key} has no meaning beside them", path=f"network.{key}")
    if len(table["equations"]) > MAX_EQUATIONS:
        raise ProblemError(f"{len(table['equations'])} equations; at most {MAX_EQUATIONS} are read", path="cell.equations")
    state = tuple(table["state"])
    if state[0] != "h":
        raise ProblemError("the first state is what is read out, and is called h; [names] shows another name", path="cell.state")
    for key in ("memory", "stabiliser"):
        if table.get(key, state[0]) not in state:
            hint = nearest(table[key], state)
            raise ProblemError(f"{shown(table[key])} is not a state{hint}; cell.state has {', '.join(state)}", path=f"cell.{key}")
    cell = Equations(
        table["name"],
        tuple(table["equations"]),
        state,
        table.get("memory", state[0]),
        (
            *(told for told in _told(table["shapes"]) if not _of_readout_alone(table, told[0])),
            *_numbers(table, parameters),
        ),
        tuple(table["functions"].items()),
        tuple(table["words"].items()),
        table.get("stabiliser", ""),
        table.get("source", ""),
        slope_at_0,
        leak,
    )
    _own_functions(cell)
    _names(cell)
    _states(cell)
    return cell


def readout_of(cell: Cell, lines: Sequence[str], table: Keys) -> ReadoutEquations:
    """The output layer that ``cell.readout`` describes, in the functions of its cell; raises ``ProblemError`` with a caret."""
    assert isinstance(cell, Equations)
    shapes = _told(table["shapes"])
    if len(lines) > MAX_EQUATIONS:
        raise ProblemError(f"{len(lines)} equations; at most {MAX_EQUATIONS} are read", path="cell.readout")
    told = tuple((stem, sizes) for stem, sizes in shapes if _has(lines, stem))
    own = replace(
        cell, equations=tuple(lines), state=(), memory="", told=told, stabiliser="", told_words=(), seen="h", key="readout"
    )
    readout = ReadoutEquations(own)
    for number, stem in enumerate(own.stems[:-1], 1):
        if stem in TAKEN or stem in cell.stems or stem in ("h", "y", "a"):
            raise ProblemError(f"{stem} means something else already; use another name", path=f"cell.readout[{number}]")
    return readout


def _has(lines: Sequence[str], stem: str) -> bool:
    """Whether one of these equations has a parameter."""
    return any(re.search(rf"(?<![A-Za-z0-9_]){stem}(?![A-Za-z0-9_])", line) for line in lines)


def _of_readout_alone(table: Keys, stem: str) -> bool:
    return _has(table.get("readout", ()), stem) and not _has(table["equations"], stem)


def _told(shapes: Keys) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The shapes that the file declares."""
    for stem, sizes in shapes.items():
        if not re.fullmatch(STEM, stem) or stem.endswith("_t"):
            raise ProblemError(f"{shown(stem)} is not the name of a parameter", path="cell.shapes")
        yield stem, tuple(size.replace(" ", "") for size in sizes)


def _numbers(table: Keys, parameters: Keys) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Weights that are one number: ``w_`` stands for a column or for a number, and the numbers of the file say which."""
    told = table["shapes"]
    used = {stem for text in table["equations"] for stem in re.findall(rf"(?<![A-Za-z0-9_])w_{STEM}", text)}
    for stem in sorted(used - set(told)):
        values = [value for key, value in parameters.items() if key.partition("(")[0] == stem]
        if values and not any(isinstance(value, list) for value in values):
            yield stem, ()


def _own_functions(cell: Equations) -> None:
    plain = Equations("", (), ("h",), "h").functions
    for name, _ in cell.definitions:
        if not re.fullmatch("[a-z]{1,20}", name) or name in (*plain, *COMBINING, "softmax"):
            raise ProblemError(
                f"{shown(name)} is not possible here; small letters that name no function yet", path="cell.functions"
            )


def _names(cell: Equations) -> None:
    """Check that no name has two meanings."""
    known = cell.stems
    if "a" in known and not cell.simple:
        raise ProblemError(
            "a is the pre-activation of an RNN: a_t of weights and biases alone, and h_t a function of a_t; "
            "use another name, such as a_h",
            path=f"cell.equations[{known.index('a') + 1}]",
        )
    for number, stem in enumerate(known, 1):
        if stem in TAKEN:
            raise ProblemError(f"{stem} is {TAKEN[stem]}; use another name", path=f"cell.equations[{number}]")
    written: dict[str, str] = {}
    for stem in cell.parameters:
        if stem in known or stem.lower() in known:
            raise ProblemError(f"{stem} is the name of a line too; use another name", path="cell.equations")
        if stem.lower() in (*OF_UPDATES, *TAKEN):
            raise ProblemError(
                f"{stem} is not possible as a parameter, because updates have one; use another name", path="cell.shapes"
            )
        other = written.setdefault(stem.lower(), stem)
        if other != stem:
            raise ProblemError(
                f"{other} and {stem} are one name where they are single numbers; use another name", path="cell.equations"
            )
    for stem, _ in cell.told_words:
        if stem not in known:
            raise ProblemError(f"no equation makes {shown(stem)}{nearest(stem, known)}", path="cell.words")


def _states(cell: Equations) -> None:
    """Check that every state has an equation, that lines are used, and that a stabiliser cancels."""
    for stem in cell.state:
        if stem not in cell.stems:
            raise ProblemError(f"no equation makes the state {stem}_t{nearest(stem, cell.stems)}", path="cell.state")
        if is_preactivation(stem):
            raise ProblemError(f"{stem} stands for a pre-activation; a state has another name, as in h", path="cell.state")
    if len(set(cell.state)) < len(cell.state):
        raise ProblemError("a state that is named twice", path="cell.state")
    used = frozenset[str]().union(*cell.needed())
    for number, line in enumerate(cell.lines, 1):
        if line.stem not in used:
            raise ProblemError(f"nothing that h is made of uses {line.stem}_t; leave it out", path=f"cell.equations[{number}]")
        if line.stem == cell.stabiliser and line.formula.kind not in ("max", "min"):
            message = f"a stabiliser is the larger of two: {line.stem}_t = max( , )"
            raise _whole(line, message, number)


def _whole(line: Equation, message: str, number: int) -> ProblemError:
    """The error for the shape of a whole right side."""
    start = line.source.index("=") + 1
    error = refusal(line.source, message, start + len(line.source[start:]) - len(line.source[start:].lstrip()))
    error.path = f"cell.equations[{number}]"
    return error


# --------------------------------------------------------- cell and network


def fits(cell: Equations, network: Network) -> None:
    """Check that the equations fit the sizes of their network, and its other names."""
    readout, taken = network.readout, {}
    if readout or network.bidirectional:
        taken["y"] = "the output"
    if readout and readout.activation is not identity:
        taken["a_y"] = "the pre-activation of the output"
        taken |= dict.fromkeys("es" if readout.exponentials else "", "a line of the softmax")
    for number, stem in enumerate(cell.stems, 1):
        if stem in taken:
            raise ProblemError(f"{stem} is {taken[stem]}; use another name", path=f"cell.equations[{number}]")
    for stem in readout.parameters if readout else ():
        if stem.lower() in map(str.lower, cell.parameters):
            raise ProblemError(
                f"{stem} is a parameter of the readout; use another name, or readout = false", path="cell.equations"
            )
    shapes = network.shapes()
    if isinstance(readout, ReadoutEquations):
        of_readout = Parameters({stem: _var(shapes.get(Name(stem))) for stem in readout.parameters})
        output = readout.step(_dry, of_readout, Var(0, shape_of(network.seen)))
        if output.shape != shape_of(network.outputs):
            line, message = readout.equations.lines[-1], f"this makes {shape_in_words(output.shape)} of y_t"
            error = _whole(line, f"{message}, which is {shape_in_words(shape_of(network.outputs))}", 0)
            error.path = f"cell.readout[{len(readout.equations.lines)}]"
            raise error
    for layer, units, below in zip(network.layers, network.hidden, network.below, strict=True):
        own = Parameters({stem: _var(shapes.get(Name(stem, layer))) for stem in cell.parameters})
        state = shape_of(units)
        for width in {below, 0 if network.first_only else below}:
            new = cell.step(_dry, own, _var(shape_of(width) if width else None), *(Var(0, state) for _ in cell.state))
            _kept(cell, [var.shape for var in new], state)
    _reached(cell, network)


def _var(shape: tuple[int, ...] | None) -> Formula:
    """A placeholder of a shape; ABSENT where there is none."""
    return ABSENT if shape is None else Var(0, shape)


def _dry(stem: str, formula: Formula) -> Var:
    """A line that is needed for its shape only."""
    del stem
    return Var(0, formula.shape)


def _kept(cell: Equations, made: Iterable[tuple[int, ...]], due: tuple[int, ...]) -> None:
    """Check that the new state has the shape of the old one."""
    for stem, shape in zip(cell.state, made, strict=True):
        if shape != due:
            number = cell.stems.index(stem)
            line = cell.lines[number]
            message = f"this makes {shape_in_words(shape)} of {stem}_t, which is {shape_in_words(due)}"
            raise _whole(line, message, number + 1)


def _reached(cell: Equations, network: Network) -> None:
    """Check that every parameter has a gradient: one that acts on the next step alone needs two steps."""
    steps = network.steps or 1
    reached = list(cell.needed(by_gradients=True))
    for stem in cell.parameters:
        if stem not in reached[-1]:
            raise ProblemError(
                f"{stem} acts through the stabiliser alone, which has no gradient; without cell.stabiliser it has",
                path="cell.stabiliser",
            )
        if stem not in reached[min(steps, len(reached)) - 1]:
            raise ProblemError(
                f"with {steps} time step{'s' if steps > 1 else ''} nothing depends on {stem}; use more steps", path="network"
            )
    hidden = next(line for line in cell.lines if line.stem == "h")
    handed_on = {
        name.text for line in cell.lines if line.stem in next(cell.needed()) for name in line.formula.names() if name.before
    }
    if network.first_only and "h" not in handed_on:
        message = 'with inputs = "first" h_t rests on h_(t-1), or what the first input does is lost'
        raise _whole(hidden, message, cell.stems.index("h") + 1)
