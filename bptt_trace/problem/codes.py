"""The short code that stands on a sheet."""

from __future__ import annotations

from collections.abc import Iterable

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The signs of codes: base 32 without I, L, O and U, which are misread (Crockford)."""


LENGTH = 6


def spelled(number: int, length: int = LENGTH) -> str:
    """A number in the signs of codes, most significant first.

    >>> spelled(31), spelled(32, 3)
    ('00000Z', '010')
    """
    return "".join([SIGNS[number >> 5 * place & 31] for place in range(length - 1, -1, -1)])


def grouped(code: str) -> str:
    """A code as it is printed.

    >>> grouped("K7M2QX")
    'K7M-2QX'
    """
    return f"{code[:3]}-{code[3:]}"


def digest(facts: Iterable[str]) -> bytes:
    """32 bytes that stand for these facts, in this order, on any machine."""
    import hashlib  # OpenSSL, which most starts do without

    whole = hashlib.sha256()
    for fact in facts:
        data = fact.encode("utf-8", "surrogatepass")
        whole.update(b"%d:%s" % (len(data), data))
    return whole.digest()
