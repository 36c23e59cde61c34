"""The table [also]: what is calculated beside the training step, and of which parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from bptt_trace.engine.names import Name
from bptt_trace.engine.scalar_program import indices
from bptt_trace.errors import ProblemError, UnknownName, nearest
from bptt_trace.networks.forward_pass import Network
from bptt_trace.networks.optimizers import Update
from bptt_trace.problem.numbers import shown


@dataclass(frozen=True)
class Also:
    """Parameters, each a number or an entry of a matrix, by what is calculated of them."""

    paths: tuple[Name, ...] = ()
    """Whose gradients are followed along every path."""
    forward_mode: tuple[Name, ...] = ()
    """By which every line is differentiated from left to right."""

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def also_of(table: Mapping[str, Any], network: Network, update: Update | None, *, has_loss: bool) -> Also:
    """What a table asks for; raises ``ProblemError`` for what is no parameter that learns."""
    if not table:
        return Also()
    if not has_loss:
        raise ProblemError("without a loss (kind none, or gradients that are given) nothing has a gradient", path="also")
    if update and update.look_ahead:
        raise ProblemError("the gradients are taken ahead of the parameters (look_ahead), which has no such lines", path="also")
    frozen = update.freeze if update else ()
    return Also(**{key: tuple(dict.fromkeys(_named(key, value, network, frozen))) for key, value in table.items()})


def _named(key: str, value: Any, network: Network, frozen: Collection[Name]) -> Iterator[Name]:
    """The numbers of the parameters that are asked for."""
    shapes = {name: shape for name, shape in network.parameters().items() if name not in frozen}
    texts = list(map(str, shapes)) if value == "all" else [value] if isinstance(value, str) else value
    path = f"also.{key}"
    for text in dict.fromkeys(texts):
        try:
            name = Name.parse(text)
        except UnknownName:
            name = Name(text)
        whole = name._replace(index=())
        if whole not in shapes:
            why = " (it is frozen)" if whole in frozen else nearest(text, list(map(str, shapes)))
            raise ProblemError(f"{shown(text)} is no parameter that learns{why}; {_all(shapes)}", path=path)
        entries = indices(shapes[whole], network.rows) if shapes[whole] else [()]
        if name.index and name.index not in entries:
            raise ProblemError(
                f"{shown(text)} has no such entry; from {_entry(whole, entries[0])} to {_entry(whole, entries[-1])}", path=path
            )
        yield from (whole._replace(index=index) for index in ([name.index] if name.index else entries))


def _all(shapes: Collection[Name]) -> str:
    return f'"all", or a list of some of {", ".join(map(str, shapes))}'


def _entry(name: Name, index: tuple[int, ...]) -> str:
    return str(name._replace(index=index))
