"""Integers drawn by HMAC-SHA256 in counter mode: the same on every machine and in every version of Python.

The numbers of a variant follow from its code and its problem, so these two are
enough to make it again.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable, Iterator

from bptt_trace.errors import ProblemError
from bptt_trace.problem.codes import SIGNS, grouped, spelled

GENERATOR = 1
"""The version of the generator; another version gives other variants."""
DATA = 5
"""The number of characters of a code that carry information; the sixth checks them."""
_WORD = 1 << 32
_WORDS = struct.Struct(">8I")
"""A digest as words."""


class Draws:
    """A stream of integers, determined by a key and a label."""

    def __init__(self, key: bytes, label: str) -> None:
        self._words = self._stream(key, f"bptt-trace {GENERATOR} {label}".encode())

    @staticmethod
    def _stream(key: bytes, label: bytes) -> Iterator[int]:
        count = 0
        while True:
            block = hmac.digest(key, b"%s %d" % (label, count), "sha256")
            yield from _WORDS.unpack(block)
            count += 1

    def below_each(self, bounds: Iterable[int]) -> tuple[int, ...]:
        """An integer below each of these bounds, as ``below`` draws one after the other."""
        words, drawn = self._words, []
        for bound in bounds:
            fair = _WORD - _WORD % bound
            while (word := next(words)) >= fair:
                pass
            drawn.append(word % bound)
        return tuple(drawn)

    def below(self, bound: int) -> int:
        """An integer from 0 to ``bound − 1``, each equally likely; ``bound`` is at most 2^32."""
        fair = _WORD - _WORD % bound  # the incomplete range at the end would favour small integers
        while (word := next(self._words)) >= fair:
            pass
        return word % bound


def codes(key: bytes, seed: int) -> Iterator[str]:
    """The codes of all candidates of a seed, in order and without repetition."""
    draws, seen = Draws(key, f"codes of {seed}"), set[int]()
    while True:
        number = draws.below(1 << 5 * DATA)
        if number not in seen:
            seen.add(number)
            data = spelled(number, DATA)
            yield grouped(data + _check(key, data))


def _check(key: bytes, data: str) -> str:
    """The check character, which depends on all others and on the problem."""
    return SIGNS[Draws(key, f"check of {data}").below(len(SIGNS))]


def read_code(key: bytes, text: str) -> str:
    """A code in its standard spelling, from the text that was typed.

    ``O`` is read as 0, ``I`` and ``L`` as 1; case and hyphens do not matter.
    Raises ``ProblemError`` if it is not a code of this problem.
    """
    plain = text.strip().upper().replace("-", "").replace(" ", "").translate(str.maketrans("OIL", "011"))
    if len(plain) != DATA + 1 or not set(plain) <= set(SIGNS):
        raise ProblemError(f"{text[:40]!r} is not a code; six letters and digits are due, as in K7M-2QX", path="code")
    if plain[-1] != _check(key, plain[:-1]):
        raise ProblemError(
            f"{grouped(plain)} is not a code of this problem; it was mistyped, or the problem file has changed",
            path="code",
        )
    return grouped(plain)
