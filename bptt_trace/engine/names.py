"""Names of quantities.

A name is a value with fields; its text is the key of problem files, answer
sheets and JSON. ``str(name)`` and ``Name.parse(text)`` are inverse to each
other. Spellings for other media are made from the fields, never from the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from bptt_trace.document.letters import in_plain_text
from bptt_trace.errors import UnknownName

FORWARD, BACKWARD, ENCODER, DECODER = "fwd", "bwd", "enc", "dec"
"""The names of layers that read forward or backward in time, and of the layers of an encoder and a decoder."""

Layer = int | str | None
"""The layer of a quantity: its number, or one of these words with or without a number (``enc2``)."""


def word_and_number(layer: Layer) -> tuple[str, str]:
    """The two parts of a layer's name, empty where there is none.

    >>> word_and_number("enc2"), word_and_number(2), word_and_number(None)
    (('enc', '2'), ('', '2'), ('', ''))
    """
    text = "" if layer is None else str(layer)
    number = text.lstrip("abcdefghijklmnopqrstuvwxyz")
    return text.removesuffix(number) if number else text, number


def layer_word(layer: Layer) -> str:
    """The direction, or the part of a network, in which a layer reads: ``fwd``, ``bwd``, ``enc``, ``dec``; else empty."""
    return word_and_number(layer)[0]


class Name(NamedTuple):
    """A quantity: ``h_2``, ``W_hh[1,2]``, ``alpha_2,1``, ``dL/dh_2 via a_3``, ``w_hh'``.

    It is a named tuple and not a dataclass because a long trace has hundreds of
    thousands of names, and a named tuple is built and hashed in C.
    """

    stem: str
    layer: Layer = None
    time: int | None = None
    index: tuple[int, ...] = ()  # type: ignore[assignment]  # hides tuple.index, which no name needs
    """Component, counted from 1: ``(row,)`` or ``(row, column)``."""
    sample: int | None = None
    iteration: int = 1
    of: Name | None = None
    """The numerator of a derivative: ``L`` in ``dL/dh_2``."""
    via: Name | None = None
    """The quantity through which a contribution arrives."""
    updated: bool = False

    def __str__(self) -> str:
        return spell(self)

    @property
    def letter(self) -> str:
        """The letter of the quantity without its subscript: ``w`` of ``w_hh``, ``v`` of ``v_w_hh``."""
        return self.stem.partition("_")[0]

    @property
    def below(self) -> str:
        """The subscript: ``hh`` of ``w_hh``; for ``v_w_hh``, the state of an optimizer, the parameter ``w_hh``."""
        return self.stem.partition("_")[2]

    @property
    def is_bias(self) -> bool:
        """Whether it is ``b_h``, and not a ``b`` of the user's own."""
        return self.letter == "b" and bool(self.below)

    @classmethod
    def parse(cls, text: str) -> Name:
        r"""The name that ``text`` spells; Greek letters may be signs, or commands of LaTeX: ``dL/dθ_h``, ``dL/d\theta_{h}``.

        Raises ``UnknownName`` if it spells no name.
        """
        text = in_plain_text(text)
        match = _DERIVATIVE.fullmatch(text)
        if match:
            name = _simple(match["name"], text)
            via = _simple(match["via"], text) if match["via"] else None
            return name._replace(of=_simple(match["of"], text), via=via)
        return _simple(text, text)


def spell(name: Name, clock: Callable[[int], str] = str) -> str:
    """The text of a name; ``clock`` writes its times: ``h_2``, or ``h_(t-1)``."""
    text, layer, time, index, sample, iteration, of, via, updated = name
    if layer is not None:
        text = f"{text}({layer})"
    if time is not None:
        written = clock(time)
        if len(index) == 1 and name.stem in OVER_PLACES:
            text = f"{text}_{written},{index[0]}" if written.isalnum() else f"{text}_({written},{index[0]})"
            index = ()
        else:
            text = f"{text}_{written}" if written.isalnum() else f"{text}_({written})"
    if updated:
        text += "'"
    if index:
        text = f"{text}[{','.join(map(str, index))}]"
    if sample is not None:
        text = f"{text}#{sample}"
    if iteration != 1:
        text = f"{text}@{iteration}"
    if of is not None:
        text = f"d{of.stem if of == LOSS else spell(of, clock)}/d{text}"
        if via is not None:
            text = f"{text} via {spell(via, clock)}"
    return text


_SIMPLE = re.compile(
    r"(?P<stem>[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z][A-Za-z0-9]*)*)"
    r"(?:\((?P<layer>[0-9]{1,6}|(?:fwd|bwd|enc|dec)[0-9]{0,6})\))?"
    r"(?:_(?P<time>[0-9]{1,9})(?:,(?P<place>[0-9]{1,6}))?)?"
    r"(?P<updated>')?"
    r"(?:\[(?P<index>[0-9]{1,6}(?:,[0-9]{1,6})*)\])?"
    r"(?:#(?P<sample>[0-9]{1,9}))?"
    r"(?:@(?P<iteration>[0-9]{1,9}))?",
)
_DERIVATIVE = re.compile(r"d(?P<of>[^/]+)/d(?P<name>\S+)(?: via (?P<via>\S+))?")


def _simple(part: str, whole: str) -> Name:
    match = _SIMPLE.fullmatch(part)
    if match is None or (match["place"] and match["index"]):
        raise UnknownName(f"{whole!r} is not the name of a quantity; a name looks like h_2, dL/dw_hh or dL/dh_1 via a_2")
    return Name(
        match["stem"],
        layer=int(match["layer"]) if match["layer"] and match["layer"].isdigit() else match["layer"],
        time=int(match["time"]) if match["time"] else None,
        index=tuple(map(int, (match["index"] or match["place"]).split(","))) if match["index"] or match["place"] else (),
        sample=int(match["sample"]) if match["sample"] else None,
        iteration=int(match["iteration"]) if match["iteration"] else 1,
        updated=bool(match["updated"]),
    )


OVER_PLACES = frozenset({"score", "alpha", "α"})
"""Stems of columns with an entry for each place of a sequence: ``alpha_2,1``, the weight of place 1 in step 2."""

LOSS = Name("L")
LOSS_OF_WINDOW = "L_pass"
"""The stem of the loss in the names of gradients of one of several backward passes: ``dL_pass_4/dw_hh`` of that from step 4."""
WHOLE_LOSS = Name("L_full")
"""The loss in the names of gradients without truncation: ``dL_full/dw_hh``."""


ABOVE = Name("above")
"""The ``via`` of a gradient that the problem hands in, instead of a loss."""


def gradient(name: Name, via: Name | None = None, of: Name = LOSS) -> Name:
    """``dL/dname``, or the part of it that arrives via another quantity."""
    return Name(name.stem, name.layer, name.time, name.index, name.sample, name.iteration, of, via)


class Role(Enum):
    """The part that a quantity plays in the calculation."""

    PARAMETER = "parameter"
    GIVEN = "given"
    PREACTIVATION = "preactivation"
    HIDDEN = "hidden"
    OUTPUT = "output"
    LOSS = "loss"
    CONTRIBUTION = "contribution"
    GRADIENT = "gradient"
    UPDATE = "update"
    FACTOR = "factor"
    """∂h_t/∂h_{t−1} and the products of these: how far an error reaches back."""
    STATE = "state"
    """The quantities of an optimizer between gradient and update: velocities, moments, norms, clipped gradients."""
    PATH = "path"
    """Slopes from junction to junction, the contributions of paths, and their sums."""
    TANGENT = "tangent"
    """The slope of a line in one parameter, calculated forward."""
    EXTRA = "extra"
    """A line that the problem asks for besides its calculation: tanh(c_t) alone."""
    CHECK = "check"
    """A parameter that is moved a little for a gradient check, and the quotient of the losses."""

    # The members are many keys of many dictionaries; the default hash is a Python function.
    __hash__ = object.__hash__
