"""ZIP archives of very many small files, written as they come and read one by one.

The standard library keeps an object for each file: of 400,000 that is 300 MB
and a minute. Here the list of files is kept as the bytes that it will be, and
files can be packed in one process and put into the archive by another.
Format: APPNOTE.TXT, PKWARE, version 6.3.10, with its 64-bit fields where they are needed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple

from bptt_trace.errors import ProblemError
from bptt_trace.files import _temporary

STORED, DEFLATED = 0, 8
LEVEL = 1
"""Of compression: the quickest; small texts gain little by more."""
UTF8 = 1 << 11
ENCRYPTED = 1
MIDNIGHT = 0x21
"""1 January 1980, the first day of the format: the same files give the same bytes."""
MOST, MANY = 0xFFFFFFFF, 0xFFFF
"""What stands in a field of 32 or 16 bits where the number stands in one of 64."""

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")


class Packed(NamedTuple):
    """One file, compressed."""

    name: str
    data: bytes
    size: int
    check: int


def packed(name: str, data: bytes) -> Packed:
    """A file, compressed; of less than 4 GB."""
    return Packed(name, *_pressed(data))


@lru_cache(maxsize=8)
def _pressed(data: bytes) -> tuple[bytes, int, int]:
    """Bytes compressed, their number and their check sum; the same bytes often come again, as in sheets for answers."""
    press = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
    return press.compress(data) + press.flush(), len(data), zlib.crc32(data)


@contextmanager
def new_archive(path: Path) -> Iterator[Callable[[Packed], None]]:
    """An archive that appears whole or not at all; what this gives puts a file into it."""
    with _temporary(path, binary=True) as file:
        listed, count = bytearray(), 0

        def put(one: Packed) -> None:
            nonlocal count
            name, start = one.name.encode(), file.tell()
            facts = UTF8, DEFLATED, 0, MIDNIGHT, one.check, len(one.data), one.size, len(name)
            file.write(_LOCAL.pack(b"PK\x03\x04", 20, *facts, 0) + name + one.data)
            far = struct.pack("<2HQ", 1, 8, start) if start >= MOST else b""
            place = MOST if far else start
            listed.extend(_CENTRAL.pack(b"PK\x01\x02", 45, 45 if far else 20, *facts, len(far), 0, 0, 0, 0, place) + name + far)
            count += 1

        yield put
        start = file.tell()
        file.write(listed)
        if count >= MANY or start + len(listed) >= MOST:
            end = start + len(listed)
            file.write(_END_64.pack(b"PK\x06\x06", _END_64.size - 12, 45, 45, 0, 0, count, count, len(listed), start))
            file.write(_LOCATOR.pack(b"PK\x06\x07", 0, end, 1))
        few = min(count, MANY)
        file.write(_END.pack(b"PK\x05\x06", 0, 0, few, few, min(len(listed), MOST), min(start, MOST), 0))


class Archive:
    """The files of an archive, or those whose names one asks for."""

    def __init__(self, path: Path, wanted: Callable[[str], bool] = bool) -> None:
        """Raises ``ProblemError`` for what is no archive."""
        self.path = path
        self._places: dict[str, tuple[int, int, int]] = {}
        """Where each file begins, its bytes there, and how it is compressed."""
        try:
            with path.open("rb") as file:
                for name, place in _listed(file):
                    if wanted(name):
                        self._places[name] = place
        except (OSError, struct.error, ValueError) as error:
            why = getattr(error, "strerror", None) or (str(error) if isinstance(error, ValueError) else "it ends too soon")
            raise ProblemError(f"not a ZIP archive that can be read: {why}", source=str(path)) from None

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def read(self, name: str) -> bytes:
        """What is in a file; raises ``KeyError`` where there is none of this name, ``ProblemError`` where it is damaged."""
        start, size, method = self._places[name]
        with self.path.open("rb") as file:
            file.seek(start)
            fields = _LOCAL.unpack(file.read(_LOCAL.size))
            file.seek(fields[-2] + fields[-1], 1)
            data = file.read(size)
        try:
            return data if method == STORED else zlib.decompress(data, -15)
        except zlib.error:
            raise ProblemError(f"{name} is damaged", source=str(self.path)) from None


def _listed(file: IO[bytes]) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """The list at the end of an archive; raises ``ValueError`` or ``struct.error`` for what is none."""
    end = file.seek(0, 2)
    begun = max(end - _END.size - MANY - _LOCATOR.size, 0)
    file.seek(begun)
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0:
        raise ValueError("its end is missing")
    _, _, _, _, count, size, start, _ = _END.unpack_from(tail, place)
    if place >= _LOCATOR.size and tail[place - _LOCATOR.size :].startswith(b"PK\x06\x07"):
        file.seek(_LOCATOR.unpack_from(tail, place - _LOCATOR.size)[2])
        *_, count, size, start = _END_64.unpack(file.read(_END_64.size))
    file.seek(start)
    table = file.read(size)
    at = 0
    for _ in range(count):
        sign, _, _, flags, method, *_ = fields = _CENTRAL.unpack_from(table, at)
        packed_size, full, name, extra, comment, first = *fields[8:13], fields[16]
        if sign != b"PK\x01\x02" or flags & ENCRYPTED or method not in (STORED, DEFLATED):
            raise ValueError("a file in it is encrypted, or compressed in another way than deflated")
        at += _CENTRAL.size
        text = table[at : at + name].decode("utf-8" if flags & UTF8 else "cp437")
        if MOST in (packed_size, full, first):
            packed_size, first = _far(table[at + name : at + name + extra], packed_size, full, first)
        at += name + extra + comment
        yield text, (first, packed_size, method)


def _far(extra: bytes, packed_size: int, full: int, first: int) -> tuple[int, int]:
    """Size and place from the fields of 64 bits, of which there are those that do not fit into 32."""
    while extra:
        kind, size = struct.unpack_from("<2H", extra)
        if kind == 1:
            numbers = iter(struct.unpack_from(f"<{size // 8}Q", extra, 4))
            if full == MOST:
                next(numbers, 0)
            packed_size = next(numbers, 0) if packed_size == MOST else packed_size
            return packed_size, next(numbers, 0) if first == MOST else first
        extra = extra[4 + size :]
    return packed_size, first
