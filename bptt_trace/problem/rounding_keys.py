"""The table [rounding] of a problem file."""

from __future__ import annotations

from bptt_trace.engine.names import LOSS, Name
from bptt_trace.errors import ProblemError, UnknownName
from bptt_trace.problem.numbers import shown
from bptt_trace.problem.rounding import GRADIENTS, Rounding, quantity, said
from bptt_trace.problem.tables import Keys
from bptt_trace.problem.vocabulary import Vocabulary

PATH = "rounding.places_of"


def rounding_from(table: Keys, vocabulary: Vocabulary) -> Rounding:
    """The rounding by the table ``[rounding]``, whose quantities may have the names of ``vocabulary``.

    Raises ``ProblemError`` for keys that contradict each other, and for what cannot be the name of a quantity;
    whether a line has this name only the program tells, so ``build`` asks.
    """
    if "figures" in table and "places" in table:
        raise ProblemError("places and figures exclude each other; leave one out", path="rounding")
    policy, own = table["policy"], table["places_of"]
    if own and policy != "by_hand":
        what = f'single quantities have decimals of their own under policy = "by_hand"; here it is {shown(policy)}'
        raise ProblemError(what, path=PATH)
    if own and "figures" in table:
        raise ProblemError("these are decimals, and results have significant figures; leave figures or places_of out", path=PATH)
    places_of: dict[Name, int] = {}
    for key, places in own.items():
        name = _canonical(key, vocabulary)
        if name in places_of:
            raise ProblemError(f"{said(vocabulary.shown(name))} has two numbers of decimals; leave one out", path=PATH)
        places_of[name] = places
    scientific = table["notation"] == "scientific"
    return Rounding(policy, table["places"], table.get("figures"), scientific, tuple(places_of.items()))


def _canonical(key: str, vocabulary: Vocabulary) -> Name:
    """The canonical name of a quantity, or ``GRADIENTS``."""
    try:
        if key.startswith("d") and "/" not in key and vocabulary.canonical(Name.parse(key[1:])) == LOSS:
            return GRADIENTS
        name = vocabulary.canonical(Name.parse(key))
    except UnknownName:
        every = said(vocabulary.shown(GRADIENTS))
        what = f'{shown(key)} is not the name of a quantity, as h or "{every}/dw_hh" is; "{every}" stands for all gradients'
        raise ProblemError(what, path=PATH) from None
    whole = quantity(name)
    if name != whole:
        what = (
            f"{shown(key)} is more than the name of a quantity; {vocabulary.shown(whole)} stands for its lines at every time step"
        )
        raise ProblemError(what, path=PATH)
    return whole
