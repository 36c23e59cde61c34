"""ZIP archives of very many small files, written as they come and read one by one.

The standard library keeps an object for each file: of 400,000 that is 300 MB
and a minute. Here the list of files is kept as the bytes that it will be, and
files can be packed in one process and put into the archive by another. An
archive of a few texts is written by the standard library.
Format: APPNOTE.TXT, PKWARE, version 6.3.10, with its 64-bit fields where they are needed.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import IO, NamedTuple

from bptt_trace.errors import ProblemError
from bptt_trace.files import in_place_of

STORED, DEFLATED = 0, 8
LEVEL = 1
"""The quickest level of compression; small texts gain little by a higher one."""
UTF8 = 1 << 11
ENCRYPTED = 1
MIDNIGHT = 0x21
"""1 January 1980, the first day of the format: the same files give the same bytes."""
UNIX = 3
"""The code of the system whose file modes an archive has: Unix."""
MOST, MANY = 0xFFFFFFFF, 0xFFFF
"""The mark in a field of 32 or 16 bits that refers to a field of 64."""

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")


def small_archive(texts: Mapping[str, str], modes: Mapping[str, int] = MappingProxyType({})) -> bytes:
    """An archive of a few texts, by their names, as bytes; the same texts give the same bytes.

    ``modes`` are modes of files as Unix has them; without one a file is its owner's alone.
    """
    from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

    held = BytesIO()
    with ZipFile(held, "w") as file:
        for name, text in texts.items():
            entry = ZipInfo(name)  # dated 1 January 1980
            entry.compress_type, entry.create_system = ZIP_DEFLATED, UNIX
            entry.external_attr = modes.get(name, 0o600) << 16
            file.writestr(entry, text)
    return held.getvalue()


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
    with in_place_of(path, binary=True) as file:
        listed, count = bytearray(), 0

        def put(packed_file: Packed) -> None:
            nonlocal count
            name, start = packed_file.name.encode(), file.tell()
            facts = UTF8, DEFLATED, 0, MIDNIGHT, packed_file.check, len(packed_file.data), packed_file.size, len(name)
            file.write(_LOCAL.pack(b"PK\x03\x04", 20, *facts, 0) + name + packed_file.data)
            far = struct.pack("<2HQ", 1, 8, start) if start >= MOST else b""
            offset = MOST if far else start
            listed.extend(_CENTRAL.pack(b"PK\x01\x02", 45, 45 if far else 20, *facts, len(far), 0, 0, 0, 0, offset) + name + far)
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


class _Place(NamedTuple):
    """The position of a file in an archive, its sizes and its check sum."""

    start: int
    packed: int
    size: int
    check: int
    method: int


class Archive:
    """The files of an archive, or those whose names one asks for."""

    def __init__(self, path: Path, wanted: Callable[[str], bool] = bool) -> None:
        """Raises ``ProblemError`` for what is no archive."""
        self.path = path
        try:
            with path.open("rb") as file:
                self._places = {name: entry for name, entry in _listed(file) if wanted(name)}
        except struct.error:
            raise ProblemError("not a ZIP archive that can be read: it ends too soon", source=str(path)) from None
        except (OSError, ValueError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise ProblemError(f"not a ZIP archive that can be read: {why}", source=str(path)) from None

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def read(self, name: str) -> bytes:
        """The content of a file; raises ``KeyError`` for an unknown name, ``ProblemError`` for a damaged file."""
        entry = self._places[name]
        try:
            with self.path.open("rb") as file:
                file.seek(entry.start)
                sign, *_, long, extra = _LOCAL.unpack(file.read(_LOCAL.size))
                file.seek(long + extra, 1)
                data = file.read(entry.packed)
            if entry.method == DEFLATED:
                data = zlib.decompressobj(-15).decompress(data, entry.size + 1)
            if sign == b"PK\x03\x04" and (len(data), zlib.crc32(data)) == (entry.size, entry.check):
                return data
        except (struct.error, zlib.error, OverflowError):
            pass
        raise ProblemError(f"{name} is damaged", source=str(self.path))


def _listed(file: IO[bytes]) -> Iterator[tuple[str, _Place]]:
    """The list at the end of an archive; raises ``ValueError`` or ``struct.error`` if there is no such list."""
    length = file.seek(0, 2)
    file.seek(max(length - _END.size - MANY - _LOCATOR.size, 0))
    tail = file.read()
    ends = (match.start() for match in re.finditer(rb"PK\x05\x06", tail))
    # A comment may stand behind it, with anything in it; its length tells which sign is the right one.
    end = next((at for at in ends if tail[at + 20 : at + 22] == struct.pack("<H", max(len(tail) - at - _END.size, 0))), -1)
    if end < 0:
        raise ValueError("its end is missing")
    *_, count, size, start, _ = _END.unpack_from(tail, end)
    if tail[max(end - _LOCATOR.size, 0) :].startswith(b"PK\x06\x07"):
        file.seek(_LOCATOR.unpack_from(tail, end - _LOCATOR.size)[2])
        *_, count, size, start = _END_64.unpack(file.read(_END_64.size))
    if start + size > length:
        raise ValueError("the list of its files is missing")
    file.seek(start)
    table, at = file.read(size), 0
    for _ in range(count):
        sign, _, _, flags, method, _, _, check, packed_size, full, long, extra, comment, *_, first = _CENTRAL.unpack_from(
            table, at
        )
        if sign != b"PK\x01\x02" or flags & ENCRYPTED or method not in (STORED, DEFLATED):
            raise ValueError("a file in it is encrypted, or compressed in another way than deflated")
        at += _CENTRAL.size
        name = table[at : at + long].decode("utf-8" if flags & UTF8 else "cp437")
        if MOST in (packed_size, full, first):
            full, packed_size, first = _far(table[at + long : at + long + extra], (full, packed_size, first))
        at += long + extra + comment
        yield name, _Place(first, min(packed_size, length), full, check, method)


def _far(extra: bytes, numbers: tuple[int, int, int]) -> tuple[int, ...]:
    """Sizes and place, with the fields of 64 bits for those that do not fit into 32."""
    while extra:
        kind, size = struct.unpack_from("<2H", extra)
        if kind == 1:
            given = iter(struct.unpack_from(f"<{size // 8}Q", extra, 4))
            return tuple(next(given, number) if number == MOST else number for number in numbers)
        extra = extra[4 + size :]
    return numbers
