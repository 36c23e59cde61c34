"""Many sheets at once: columns of numbers find the sheets in which everything is right.

Most sheets of a class have nothing but rounding in them. These are settled here
as NumPy arrays, a column for each quantity, by the same rules as ``check``; a
sheet with anything else in it is left to ``check``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bptt_trace.calculation.compiled_rules import source
from bptt_trace.calculation.function_values import floats, resolve
from bptt_trace.engine.functions import Function
from bptt_trace.engine.names import Name
from bptt_trace.engine.rules import Rule
from bptt_trace.marking.key import Key, World
from bptt_trace.marking.tolerance import is_near, is_rounded, radius

Column = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_PLAIN = re.compile(r"(?:-?[0-9]{1,15}(?:\.[0-9]{1,15})?;)+")
"""Sheets with points alone and no blank: the meaning of a comma depends on the whole sheet."""
MOST_WORDS = 1000
"""The number of cached combinations of verdicts for right sheets."""


class Columns:
    """A problem's lines over whole columns of answers."""

    def __init__(self, key: Key, names: Sequence[Name]) -> None:
        self.key = key
        self.positions = [key.program.index[name] for name in names]
        self._lines: dict[Rule, Callable[..., Any]] = {}
        self._words: dict[bytes, tuple[str, ...]] = {}

    def right(self, sheets: Sequence[Sequence[str]]) -> tuple[list[int], Mask]:
        """The sheets in which all is right and easy to tell, and which of their answers are correct, not just rounded."""
        width = len(self.positions)
        texts = [";".join(cells) + ";" if len(cells) == width else "" for cells in sheets]
        plain = [row for row, text in enumerate(texts) if text.count(";") == width and _PLAIN.fullmatch(text)]
        if not plain:
            return [], np.empty((0, width), dtype=bool)
        numbers = np.fromstring("".join([texts[row] for row in plain]), sep=";").reshape(len(plain), width)
        correct, right = self._judged(numbers, [sheets[row] for row in plain])
        return [row for row, good in zip(plain, right.tolist(), strict=True) if good], correct[right]

    def words(self, correct: Mask) -> Iterator[tuple[str, ...]]:
        """The verdicts of sheets in which all is right; sheets with the same ones share them."""
        for answers in correct:
            which = answers.tobytes()
            if which not in self._words:
                if len(self._words) == MOST_WORDS:
                    self._words.clear()
                self._words[which] = tuple(["correct" if is_correct else "rounded" for is_correct in answers.tolist()])
            yield self._words[which]

    def _judged(self, numbers: Column, cells: Sequence[Sequence[str]]) -> tuple[Mask, Mask]:
        """The correct answers, and the sheets in which everything is right."""
        key = self.key
        columns = np.ascontiguousarray(numbers.T)
        sheets = _Sheets(key, dict(zip(self.positions, columns, strict=True)), self._line)
        right = ~(numbers == numbers[:, :1]).all(axis=1)  # a sheet with one number in every box is left to check
        correct = np.empty(columns.shape, dtype=bool)
        with np.errstate(all="ignore"):
            for column_number, position in enumerate(self.positions):
                column, quantum = columns[column_number], key.quantum[position]
                apart = np.abs(column - key.exact[position])
                correct[column_number] = is_rounded(apart, quantum)
                if position in key.printed:
                    correct[column_number] |= column == float(key.printed[position])
                off = ~correct[column_number] & right
                if not off.any():
                    continue
                if key.figures(position) is not None or key.places[position] > key.usual[position]:
                    for row in np.flatnonzero(off).tolist():  # fewer decimals make the tolerance larger, which check gives
                        right[row] = key.unit(position, column[row], _decimals(cells[row][column_number])) <= quantum
                reference: Any = sheets.rule(position)
                follows = np.abs(column - reference)
                near = is_rounded(follows, quantum)
                if not (near | ~off).all():
                    near = follows <= radius(quantum, sheets.spread(position))
                    near &= is_near(follows, apart, key.farthest[position])
                right &= near | correct[column_number]
        return np.ascontiguousarray(correct.T), right

    def _line(self, position: int) -> Callable[..., Any]:
        """The rule of a line over columns; functions of one number are applied number by number."""
        rule = self.key.steps[position].rule
        assert rule is not None
        if rule not in self._lines:
            self._lines[rule] = source(rule).bind(float, _over_columns)
        return self._lines[rule]


class _Sheets(World):
    """The lines of many sheets, each a column of numbers; where a number cannot be had it is NaN."""

    written: Mapping[int, Any]

    def __init__(self, key: Key, written: Mapping[int, Column], over_columns: Callable[[int], Callable[..., Any]]) -> None:
        super().__init__(key, written)  # type: ignore[arg-type]
        self._over_columns = over_columns

    def line(self, position: int) -> tuple[Callable[..., Any] | None, Sequence[int]]:
        """The rule of a line over columns."""
        given = self.key.steps[position].rule is None
        return None if given else self._over_columns(position), self.key.arguments[position]

    def _result(self, line: Callable[..., Any], values: list[Any]) -> Any:
        result = line(*values)
        finite = np.where(np.isfinite(result), result, np.nan)
        return finite if finite.ndim else float(finite)  # a line of given numbers alone is one number

    def rounding(self, position: int) -> Any:
        """The rounding error of each number, by the rule of one sheet."""
        step, half = self.key.steps[position], self.key.quantum[position] / 2
        if step.rule is None:
            return 0.0
        if position in self.written:
            return half if self.key.exact[position] else np.where(self.written[position] == 0, 0.0, half)
        return 0.0 if step.repeats else np.where(self.value(position) == 0, 0.0, half)

    def steeper(self, slopes: list[Any]) -> Any:
        """The larger slope in each sheet; a slope without a value is passed over."""
        there, other = (np.where(np.isnan(slope), 0.0, slope) for slope in slopes)
        return np.where(np.abs(other) > np.abs(there), other, there)


def _over_columns(function: Function) -> Callable[[Any], Any]:
    of_number = resolve(function, float, floats)

    def each(column: Any) -> Any:
        if isinstance(column, float):
            return of_number(column)
        return np.array([_or_nan(of_number, value) for value in column.tolist()])

    return each


def _or_nan(function: Callable[[Any], Any], value: float) -> Any:
    try:
        return function(value)
    except (ArithmeticError, ValueError):
        return float("nan")


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
