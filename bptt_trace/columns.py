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

Column = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_PLAIN = re.compile(r"(?:-?[0-9]{1,15}(?:\.[0-9]{1,15})?,)+")


class Columns:
    """A problem's lines over whole columns of answers."""

    def __init__(self, key: Key, names: Sequence[Name]) -> None:
        self.key = key
        self.positions = [key.program.index[name] for name in names]
        self._lines: dict[int, Callable[..., Any]] = {}

    def settle(self, sheets: Sequence[Sequence[str]]) -> list[list[str] | None]:
        """For each sheet its verdicts, if all are correct or rounded and easy to tell; else None."""
        found: list[list[str] | None] = [None] * len(sheets)
        width = len(self.positions)
        texts = [",".join(cells) + "," if len(cells) == width else "" for cells in sheets]
        plain = [place for place, text in enumerate(texts) if _PLAIN.fullmatch(text)]
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
                off = ~correct[:, place] & right
                if not off.any():
                    continue
                if key.places[position] > 0:  # with too few decimals it may be a number cut short
                    short = [row for row in np.flatnonzero(off).tolist() if _decimals(cells[row][place]) < key.places[position]]
                    right[short] = False
                arguments = key.arguments[position]
                if not all(argument in columns or key.steps[argument].rule is None for argument in arguments):
                    right &= correct[:, place]
                    continue
                values = [columns.get(argument, key.exact[argument]) for argument in arguments]
                reference = self._line(position)(*values)
                near = np.abs(column - reference) <= HALF * quantum
                if not (near | ~off).all():
                    near = np.abs(column - reference) <= self._radius(position, values, reference, columns)
                right &= near | correct[:, place]
        return correct, right

    def _radius(self, position: int, values: list[Any], reference: Column, columns: dict[int, Any]) -> Column:
        """Half a unit, and what rounding the written sources can do."""
        key, line = self.key, self._line(position)
        spread = np.zeros_like(reference)
        for argument in dict.fromkeys(key.arguments[position]):
            if argument not in columns:
                continue
            shift, moved = key.quantum[argument] / 2, []
            for sign in (1, -1):
                places = zip(key.arguments[position], values, strict=True)
                moved.append(np.abs(line(*(v + sign * shift if a == argument else v for a, v in places)) - reference))
            spread += np.maximum(*moved)
        return HALF * key.quantum[position] + MARGIN * spread

    def _line(self, position: int) -> Callable[..., Any]:
        """The rule of a line over columns; functions of one number are applied number by number."""
        if position not in self._lines:
            rule = self.key.steps[position].rule
            assert rule is not None
            self._lines[position] = source(rule).bind(float, _over_columns)
        return self._lines[position]


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
