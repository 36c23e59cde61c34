"""The table [also]: calculations besides the training step, and their parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bptt_trace.engine.extra_lines import parsed
from bptt_trace.engine.gradient_check import EPSILON
from bptt_trace.engine.names import Name
from bptt_trace.engine.scalar_program import indices
from bptt_trace.errors import ProblemError, UnknownName, nearest
from bptt_trace.networks.forward_pass import Network
from bptt_trace.networks.optimizers import Update
from bptt_trace.problem.numbers import Number, exact_number, shown
from bptt_trace.problem.tables import Keys


@dataclass(frozen=True)
class Also:
    """Parameters, each a number or an entry of a matrix, by the calculation that they are for."""

    paths: tuple[Name, ...] = ()
    """The parameters whose gradients are followed along every path."""
    forward_mode: tuple[Name, ...] = ()
    """The parameters by which every line is differentiated from left to right."""

    gradient_check: tuple[Name, ...] = ()
    """The parameters whose gradients are compared with a quotient of differences."""
    lines: tuple[tuple[str, str], ...] = ()
    """Further lines, by name: expressions over those of the program."""
    epsilon: Number | None = None
    """The distance by which a parameter is moved to either side for that quotient."""

    @property
    def numbers(self) -> dict[Name, Number]:
        """The given numbers of these calculations."""
        return {EPSILON: self.epsilon} if self.epsilon else {}

    def __bool__(self) -> bool:
        return bool(self.paths or self.forward_mode or self.gradient_check or self.lines)


NOTHING_ELSE = Also()


def also_of(table: Keys, network: Network, update: Update | None, *, has_loss: bool) -> Also:
    """The requests of a table; raises ``ProblemError`` for a name that is no learning parameter."""
    if not table:
        return NOTHING_ELSE
    lines = tuple(_lines(table["lines"]))
    if set(table) == {"lines"}:
        return Also(lines=lines)
    if not has_loss:
        raise ProblemError("without a loss (kind none, or gradients that are given) nothing has a gradient", path="also")
    if update and update.look_ahead:
        raise ProblemError("the gradients are taken ahead of the parameters (look_ahead), which has no such lines", path="also")
    frozen = update.freeze if update else ()
    asked = {key: value for key, value in table.items() if key not in ("epsilon", "lines")}
    named = {key: tuple(dict.fromkeys(_named(key, value, network, frozen))) for key, value in asked.items()}
    found = Also(named.get("paths", ()), named.get("forward_mode", ()), named.get("gradient_check", ()), lines)
    if found.paths and update and update.truncate_every:
        raise ProblemError("windows overlap (update.truncate_every), so a path counts for some passes only", path="also.paths")
    if found.gradient_check and EPSILON in network.parameters():
        raise ProblemError(f"{EPSILON} is what moves a parameter; use another name for that parameter", path="parameters")
    epsilon = exact_number(table["epsilon"], "also.epsilon")
    if epsilon.value <= 0:
        raise ProblemError(f"{epsilon.text} is not possible here; a number above 0", path="also.epsilon")
    if "epsilon" in table and not found.gradient_check:
        raise ProblemError("nothing is moved by it; also.gradient_check names what is", path="also.epsilon")
    return replace(found, epsilon=epsilon) if found.gradient_check else found


def _lines(table: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Further lines; raises ``ProblemError`` where a name or an expression cannot be read."""
    for name, text in table.items():
        try:
            plain = Name.parse(name.removesuffix("_t")) == Name(name.removesuffix("_t"))
        except UnknownName:
            plain = False
        if not plain:
            raise ProblemError(f"{shown(name)} is not possible here; letters, and _t for a line at every step", path="also.lines")
        try:
            parsed(text)
        except ProblemError as error:
            error.path = f"also.lines.{name}"
            raise
        yield name, text


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
            raise ProblemError(f"{shown(text)} is not a parameter that learns{why}; {_all(shapes)}", path=path)
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
