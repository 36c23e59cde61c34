"""The conditions of a sentence: its comparisons of numbers, recorded while it is written.

A sentence is printed where it is true of the numbers. The functions that write
sentences compare numbers like any others; here these numbers remember how they
were compared. The sentence stays true as long as each comparison comes out as
it did. Where a number is read in another way, as digits or as a share in
percent, the sentence is true of these numbers only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from typing import Any

Way = Any
"""The origin of a number: ``["v", 12]`` is the printed number of step 12, ``["x", 12]`` the unrounded one, ``["abs", way]``
and ``["sub", way, way]`` are made of others; a text is a number itself."""
Condition = tuple[Any, ...]
"""A comparison, the origins of both sides, and its outcome; ``("lost",)`` alone holds for the numbers of the file only."""
LOST: Condition = ("lost",)


class Watch:
    """The comparisons that were made so far."""

    def __init__(self) -> None:
        self.conditions: list[Condition] = []
        self.recording = False

    def note(self, *condition: Any) -> None:
        """Record a condition, if conditions are being recorded."""
        if self.recording and condition not in self.conditions:
            self.conditions.append(condition)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Record nothing inside this context."""
        recording, self.recording = self.recording, False
        try:
            yield
        finally:
            self.recording = recording

    def written(self, things: Iterator[Any], *, apart: bool = False) -> Iterator[tuple[Any, tuple[Condition, ...]]]:
        """The items of an iterator, each with its conditions: since the start, or with ``apart`` since the item before."""
        own: list[Condition] = []
        outside, recording = self.conditions, self.recording
        things = iter(things)
        while True:
            self.conditions, self.recording = own, True
            try:
                thing = next(things)
            except StopIteration:
                return
            finally:
                self.conditions, self.recording = outside, recording
            yield thing, (LOST,) if LOST in own else tuple(own)
            if apart:
                own.clear()


def _compared(name: str) -> Callable[[Any, Any], Any]:
    def compare(self: Any, other: Any) -> Any:
        result = getattr(self.plain, name)(getattr(other, "plain", other))
        if result is not NotImplemented:
            self.watch.note(name.strip("_"), self.way, way_of(other), bool(result))
        return result

    return compare


def _made(name: str, word: str, *, turned: bool = False) -> Callable[[Any, Any], Any]:
    def make(self: Any, other: Any) -> Any:
        result = getattr(self.plain, name)(getattr(other, "plain", other))
        if result is NotImplemented:
            return result
        ways = [way_of(other), self.way] if turned else [self.way, way_of(other)]
        return watched(result, self.watch, [word, *ways])

    return make


def _read(name: str) -> Callable[..., Any]:
    def read(self: Any, *arguments: Any) -> Any:
        self.watch.note(*LOST)
        return getattr(self.plain, name)(*arguments)

    return read


class _Watched:
    """A number that remembers how it is compared."""

    watch: Watch
    way: Way
    plain: Any

    __lt__, __le__, __gt__, __ge__ = map(_compared, ("__lt__", "__le__", "__gt__", "__ge__"))
    __eq__, __ne__ = map(_compared, ("__eq__", "__ne__"))
    __add__, __sub__, __mul__ = _made("__add__", "add"), _made("__sub__", "sub"), _made("__mul__", "mul")
    __radd__, __rmul__ = _made("__radd__", "add"), _made("__rmul__", "mul")
    __rsub__ = _made("__rsub__", "sub", turned=True)
    __str__, __repr__, __float__, __int__, __format__ = map(_read, ("__str__", "__repr__", "__float__", "__int__", "__format__"))
    as_integer_ratio, __truediv__, __rtruediv__ = map(_read, ("as_integer_ratio", "__truediv__", "__rtruediv__"))
    quantize, to_integral_value, adjusted = map(_read, ("quantize", "to_integral_value", "adjusted"))

    def __hash__(self) -> int:
        return hash(self.plain)

    def __abs__(self) -> Any:
        return watched(abs(self.plain), self.watch, ["abs", self.way])

    def __neg__(self) -> Any:
        return watched(-self.plain, self.watch, ["neg", self.way])

    def __bool__(self) -> bool:
        return bool(self != 0)


class _Decimal(_Watched, Decimal):
    pass


class _Float(_Watched, float):
    pass


def watched(number: Any, watch: Watch, way: Way) -> Any:
    """A number that records its comparisons; a fraction cannot, and counts as read."""
    if not watch.recording:
        return number
    kind = _Decimal if isinstance(number, Decimal) else _Float if isinstance(number, float) else None
    if kind is None:
        watch.note(*LOST)
        return number
    made = kind(number)
    made.plain, made.watch, made.way = number, watch, way
    return made


def way_of(number: Any) -> Way:
    """The origin of the other side of a comparison."""
    return number.way if isinstance(number, _Watched) else str(Fraction(number))


class Numbers(Sequence[Any]):
    """The numbers of a desk, each of which remembers its step while a sentence is written."""

    def __init__(self, numbers: list[Any], watch: Watch, kind: str) -> None:
        self._numbers, self._watch, self._kind = numbers, watch, kind

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, place: Any) -> Any:
        number = self._numbers[place]
        return number if isinstance(place, slice) else watched(number, self._watch, [self._kind, place])

    def append(self, number: Any) -> None:
        """Append the number of a side calculation."""
        self._numbers.append(number)
