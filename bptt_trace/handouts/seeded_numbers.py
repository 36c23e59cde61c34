"""Integers drawn by HMAC-SHA256 in counter mode: the same on every machine and in every version of Python.

The numbers of a variant follow from its code and its problem, so these two are
enough to make it again.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice
from operator import lt, mod
from typing import Any

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
        self._words: Iterator[int] = self._stream(key, f"bptt-trace {GENERATOR} {label}".encode())

    @staticmethod
    def _stream(key: bytes, label: bytes) -> Iterator[int]:
        begun, ended = _halves(key)
        count = 0
        while True:
            inner, outer = begun.copy(), ended.copy()
            inner.update(b"%s %d" % (label, count))
            outer.update(inner.digest())
            yield from _WORDS.unpack(outer.digest())
            count += 1

    def below_each(self, bounds: tuple[int, ...]) -> tuple[int, ...]:
        """An integer below each of these bounds, as ``below`` draws one after the other."""
        words = list(islice(self._words, len(bounds)))
        if all(map(lt, words, _fair(bounds))):
            return tuple(map(mod, words, bounds))
        self._words = chain(words, self._words)  # very seldom: a word is passed over
        return tuple(map(self.below, bounds))

    def below(self, bound: int) -> int:
        """An integer from 0 to ``bound − 1``, each equally likely; ``bound`` is at most 2^32."""
        (fair,) = _fair((bound,))
        while (word := next(self._words)) >= fair:
            pass
        return word % bound


@lru_cache(maxsize=256)
def _fair(bounds: tuple[int, ...]) -> tuple[int, ...]:
    """The end of the last whole range of words for each bound: the incomplete one would favour small integers."""
    return tuple(_WORD - _WORD % bound for bound in bounds)


@lru_cache(maxsize=8)
def _halves(key: bytes) -> tuple[Any, Any]:
    """The two hashes of HMAC (RFC 2104) begun with a key of at most 64 bytes: it takes half the time of ``hmac.digest``."""
    block = key.ljust(64, b"\0")
    return hashlib.sha256(bytes(byte ^ 0x36 for byte in block)), hashlib.sha256(bytes(byte ^ 0x5C for byte in block))


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
        raise ProblemError(f"{text[:40]!r} is not a code; expected six letters and digits, as in K7M-2QX", path="code")
    if plain[-1] != _check(key, plain[:-1]):
        raise ProblemError(
            f"{grouped(plain)} is not a code of this problem; it was mistyped, or the problem file has changed",
            path="code",
        )
    return grouped(plain)
