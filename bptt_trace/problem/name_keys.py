"""The table ``[names]``, and the key ``notation``: the names of the quantities on the sheets of a problem."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from unicodedata import normalize

from bptt_trace.document.letters import ACCENTS, GREEK, in_plain_text, parted
from bptt_trace.engine.every_path import SUM_OF_PATHS
from bptt_trace.engine.forward_mode import FORWARD_LOSS
from bptt_trace.engine.functions import ACTIVATIONS, ELEMENTARY, identity
from bptt_trace.engine.gradient_check import CHECK
from bptt_trace.engine.names import LOSS, Name
from bptt_trace.errors import ProblemError, UnknownName, nearest
from bptt_trace.networks.cells.equations import Equations
from bptt_trace.networks.forward_pass import Network
from bptt_trace.networks.graph import Graph
from bptt_trace.problem.numbers import Number, shown
from bptt_trace.problem.vocabulary import Vocabulary, preset

LOSSES = (LOSS.stem, FORWARD_LOSS, SUM_OF_PATHS.stem, CHECK.stem)
"""The last line of a graph in names, by itself and in the names of other methods."""
COUNTS = {"T": "the time steps", "N": "the samples of a batch", "K": "the output units"}
"""Letters that formulas use themselves."""
FUNCTIONS = {"sigma": "the sigmoid function", "phi": "an activation", "psi": "an activation"} | dict.fromkeys(
    (*ACTIVATIONS, *ELEMENTARY, "max", "min"), "a function"
)
"""Letters and words that formulas write for functions."""
_LETTER = f"[A-Za-z{''.join(GREEK.values())}]"
_GLUED = re.compile(
    rf"(?![A-Za-z]){_LETTER}{_LETTER}|(?![A-Za-z])(?<={_LETTER}){_LETTER}|[A-Za-z0-9]\\"
    rf"|\\(?!(?:{'|'.join(ACCENTS)})\b)[A-Za-z]+\s+[A-Za-z0-9]"
)
"""A Greek letter with another letter beside it: ``αh``, ``h\\alpha``."""
_LOW = re.compile("[₀-₉]+")
_NUMBERED = re.compile(r"([A-Za-z]+)_([0-9]+)(_.*)?")


def vocabulary_of(document: Mapping[str, Any], network: Network, numbers: Mapping[Name, Number]) -> Vocabulary:
    """The names that the file asks for: those of a preset, and its own; raises ``ProblemError``."""
    stems = {name.stem for name in numbers} | {"L", "a", "h"}
    own: dict[str, str] = {}
    if isinstance(network, Graph):  # whose last line stands for the loss, and is shown under its own name
        stems = {name.stem for name in numbers} | {*network.stems[:-1], LOSS.stem}
        own = {loss: loss.replace(LOSS.stem, network.stems[-1], 1) for loss in LOSSES if network.stems[-1] != LOSS.stem}
    for cell in network.cells:
        lines = cell.stems if isinstance(cell, Equations) else [f"a_{gate}" for gate in cell.gates]
        stems |= {*cell.state, *cell.gates, *lines}
    if network.bidirectional:
        stems |= {"y"}
    if network.attention:
        stems |= {"score", "alpha", "context"}
    if network.readout:
        stems |= {"y"} | ({network.readout.logits} if network.readout.activation is not identity else set())
        stems |= {"e", "s"} if network.readout.exponentials else set()
    timeless = {name.stem for name in numbers} - {name.stem for name in numbers if name.time is not None}
    renamed = own | (preset(document["notation"], stems) if "notation" in document else {})
    for old, new in document.get("names", {}).items():
        if old not in stems:
            raise ProblemError(
                f"no quantity {shown(old)}{nearest(old, stems)}; there are {', '.join(sorted(stems))}", path="names"
            )
        renamed[old] = _stem(old, new, numbered=old in timeless)
    _unmistakable(renamed, stems, stems - timeless)
    return Vocabulary(renamed)


def _on_the_line(found: re.Match[str]) -> str:
    return "_" + normalize("NFKC", found[0])


def _stem(old: str, new: str, *, numbered: bool) -> str:
    """A name from a file, in the letters of answer files; raises ``ProblemError`` for one that no notation can set.

    With ``numbered`` it has no times, and ``theta_1`` is a letter with a number below it.
    """
    stem = in_plain_text(_LOW.sub(_on_the_line, new)) if isinstance(new, str) and not _GLUED.search(new) else ""
    match = _NUMBERED.fullmatch(stem)
    if numbered and match and all(parted(match[1] + match[2])):
        stem = f"{match[1]}{match[2]}{match[3] or ''}"
    try:
        possible = Name.parse(stem) == Name(stem)
    except UnknownName:
        possible = False
    if not possible:
        said = f'"{new}"' if isinstance(new, str) and new.isprintable() else shown(new)
        raise ProblemError(
            f"{said} is not possible here; letters, digits behind them, in groups joined by _, as in W1 or w_rec; "
            "one Greek letter for a group, as in θ_h or \\theta_{h}; an accent, as in \\hat{y}, \\tilde{c} or \\bar{x}",
            path=f"names.{old}",
        )
    if stem in COUNTS:
        raise ProblemError(f"{stem} counts {COUNTS[stem]}; use another name", path=f"names.{old}")
    letter = stem.partition("_")[0]
    if letter in FUNCTIONS:
        raise ProblemError(
            f"{GREEK.get(letter, letter)} is {FUNCTIONS[letter]} in formulas; use another name", path=f"names.{old}"
        )
    return stem


def _unmistakable(renamed: Mapping[str, str], stems: Collection[str], timed: Collection[str]) -> None:
    """No two quantities are shown under one name."""
    met: dict[str, str] = {}
    for stem in sorted(stems):
        new = renamed.get(stem, stem)
        if new in met:
            raise ProblemError(f"{met[new]} and {stem} would both be shown as {shown(new)}", path="names")
        met[new] = stem
    for new, stem in met.items():
        letter, number = parted(new)
        if number and met.get(letter) in timed:
            raise ProblemError(
                f"{stem} and {met[letter]}_{number} would both be shown as {shown(f'{letter}_{number}')}", path="names"
            )
