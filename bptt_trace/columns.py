"""Many sheets at once: those in which everything is right, told by columns of numbers.

Most sheets of a class have nothing but rounding in them. These are settled here
as NumPy arrays, a column for each quantity, by the same rules as ``check``; a
sheet with anything else in it is left to ``check``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bptt_trace.check import HALF, MARGIN, Key
from bptt_trace.evaluate import FLOATS, resolve
from bptt_trace.functions import Function
from bptt_trace.lines import source
from bptt_trace.names import Name
from bptt_trace.rules import Rule

Column = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_PLAIN = re.compile(r"(?:-?[0-9]{1,15}(?:\.[0-9]{1,15})?;)+")
"""Points only, and nothing blank: what a comma is, the whole sheet has to tell."""


class Columns:
    """A problem's lines over whole columns of answers."""

    def __init__(self, key: Key, names: Sequence[Name]) -> None:
        self.key = key
        self.positions = [key.program.index[name] for name in names]
        self._sources = key.sources(frozenset(self.positions))
        self._lines: dict[Rule, Callable[..., Any]] = {}

    def settle(self, sheets: Sequence[Sequence[str]]) -> list[list[str] | None]:
        """For each sheet its verdicts, if all are correct or rounded and easy to tell; else None."""
        found: list[list[str] | None] = [None] * len(sheets)
        width = len(self.positions)
        texts = [";".join(cells) + ";" if len(cells) == width else "" for cells in sheets]
        plain = [place for place, text in enumerate(texts) if text.count(";") == width and _PLAIN.fullmatch(text)]
        if not plain:
            return found
        numbers = np.array([sheets[place] for place in plain]).astype(float)
        correct, right = self._judged(numbers, [sheets[place] for place in plain])
        words = np.where(correct, "correct", "rounded").astype(object)
        for place, good, verdicts in zip(plain, right, words, strict=True):
            if good:
                found[place] = verdicts.tolist()
        return found

    def _judged(self, numbers: Column, cells: Sequence[Sequence[str]]) -> tuple[Mask, Mask]:
        """Which answers are correct, and which sheets are right altogether."""
        key = self.key
        columns: dict[int, Any] = {p: numbers[:, place] for place, p in enumerate(self.positions)}
        right = np.ones(len(cells), dtype=bool)
        correct = np.empty(numbers.shape, dtype=bool)
        with np.errstate(all="ignore"):
            for place, position in enumerate(self.positions):
                column, quantum = columns[position], key.quantum[position]
                correct[:, place] = np.abs(column - key.exact[position]) <= HALF * quantum
                if position in key.printed:
                    correct[:, place] |= column == float(key.printed[position])
                off = ~correct[:, place] & right
                if not off.any():
                    continue
                for row in np.flatnonzero(off).tolist():  # whoever keeps fewer decimals has more room, which check gives
                    right[row] = key.unit(position, column[row], _decimals(cells[row][place])) <= quantum
                reference = self._value(position, columns, {})
                near = np.abs(column - reference) <= HALF * quantum
                if not (near | ~off).all():
                    near = np.abs(column - reference) <= self._radius(position, reference, columns)
                right &= near | correct[:, place]
        return correct, right

    def _value(self, position: int, columns: dict[int, Any], instead: dict[int, Any]) -> Any:
        """What the rule of a line gives from the columns, some replaced; lines without a column are walked through."""
        values = []
        for argument in self.key.arguments[position]:
            if argument in instead:
                values.append(instead[argument])
            elif argument in columns:
                values.append(columns[argument])
            elif self.key.steps[argument].rule is None:
                values.append(self.key.exact[argument])
            else:
                values.append(self._value(argument, columns, instead))
        return self._line(position)(*values)

    def _radius(self, position: int, reference: Column, columns: dict[int, Any]) -> Column:
        """Half a unit, and what rounding the sources can do, written ones and blank ones."""
        written, blank = self._sources.of(position)
        spread = np.zeros_like(reference)
        for one in (*written, *blank):
            value = columns[one] if one in columns else self._value(one, columns, {})
            shift = self.key.quantum[one] / 2
            moved = [np.abs(self._value(position, columns, {one: value + sign * shift}) - reference) for sign in (1, -1)]
            spread += np.maximum(*moved)
        return HALF * self.key.quantum[position] + MARGIN * spread

    def _line(self, position: int) -> Callable[..., Any]:
        """The rule of a line over columns; functions of one number are applied number by number."""
        rule = self.key.steps[position].rule
        assert rule is not None
        if rule not in self._lines:
            self._lines[rule] = source(rule).bind(float, _over_columns)
        return self._lines[rule]


def _over_columns(function: Function) -> Callable[[Any], Any]:
    one = resolve(function, float, FLOATS)

    def each(column: Any) -> Any:
        if isinstance(column, float):
            return one(column)
        return np.array([_or_nan(one, value) for value in column.tolist()])

    return each


def _or_nan(function: Callable[[Any], Any], value: float) -> Any:
    try:
        return function(value)
    except (ArithmeticError, ValueError):
        return float("nan")


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
