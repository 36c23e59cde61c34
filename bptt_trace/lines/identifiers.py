"""Names of quantities as identifiers of a programming language: ``dL_dh_1_via_a_2``, ``w_hh_new``."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable

from bptt_trace.engine.names import Name


def identifier(name: Name) -> str:
    """The identifier of a name in code.

    >>> [identifier(Name.parse(text)) for text in ("W_hh[1,2]", "h(2)_3", "w_hh'", "a_1@2", "L_2#3", "dL/dh_1 via a_2")]
    ['W_hh_1_2', 'h2_3', 'w_hh_new', 'a_1_at2', 'L_2_s3', 'dL_dh_1_via_a_2']
    """
    parts = [name.stem if name.layer is None else f"{name.stem}{name.layer}"]
    if name.time is not None:
        parts.append(str(name.time))
    if name.updated:
        parts.append("new")
    parts += map(str, name.index)
    if name.sample is not None:
        parts.append(f"s{name.sample}")
    if name.iteration != 1:
        parts.append(f"at{name.iteration}")
    text = "_".join(parts)
    if name.of is not None:
        text = f"d{identifier(name.of)}_d{text}"
    return text if name.via is None else f"{text}_via_{identifier(name.via)}"


class Identifiers:
    """The identifiers of one program of Python: no two are alike, and none is a word of the language."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = {*keyword.kwlist, *dir(builtins), *reserved}

    def fresh(self, wanted: str) -> str:
        """The wanted identifier, with underscores appended if it is taken."""
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted
