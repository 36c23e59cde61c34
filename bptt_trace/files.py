"""Files on disk: read up to a size and with one message for each thing that may be wrong, written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bptt_trace.errors import OutputError, ProblemError


class ReaderGone(Exception):
    """Standard output was closed from the other side (``| head``)."""


def read(source: str | Path, wanted: str, most: int, known: str = "") -> tuple[bytes, str]:
    """The bytes of a file, or of standard input where ``source`` is ``-``, and what to call it in messages.

    Args:
        source: The file.
        wanted: Which files would do, for a message on a folder or a device.
        most: The bytes that are read at most.
        known: What a message says further where there is no such file.

    Raises:
        ProblemError: If it is no file, cannot be read or is larger.

    """
    name = "<standard input>" if source == "-" else str(source)
    path = Path(source)
    try:
        if source == "-":
            data = sys.stdin.buffer.read(most + 1)
        elif path.exists() and not path.is_file():
            raise ProblemError(f"not a regular file; {wanted}", source=name)
        else:
            with path.open("rb") as file:
                data = file.read(most + 1)
    except FileNotFoundError:
        raise ProblemError(f"no such file{known}", source=name) from None
    except (OSError, ValueError) as error:
        raise ProblemError(f"cannot be read: {getattr(error, 'strerror', None) or error}", source=name) from None
    if len(data) > most:
        raise ProblemError(f"larger than {most:,} bytes", source=name)
    return data, name


@contextmanager
def opened(output: Path | None, *, binary: bool = False) -> Iterator[IO[Any]]:
    """Standard output, or a file that appears whole or not at all."""
    if output is None:
        try:
            yield sys.stdout.buffer if binary else sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:
            raise ReaderGone from None
        return
    try:
        if output.exists() and not output.is_file() and not output.is_dir():
            with output.open("wb" if binary else "w", encoding=None if binary else "utf-8") as file:
                yield file  # a pipe or a device cannot be replaced
            return
        with in_place_of(output, binary=binary) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{output}: cannot be written: {error.strerror or error}") from None


@contextmanager
def in_place_of(output: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file beside the one wanted, which takes its place when it is complete."""
    if output.is_dir():
        raise OutputError(f"{output}: is a folder; expected the name of a file")
    # The name is known before the file is there, so that nothing can come between making it and removing it.
    beside = output.with_name(f".{output.name[:40]}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        how: dict[str, Any] = {"mode": "xb"} if binary else {"mode": "x", "encoding": "utf-8", "newline": "\n"}
        with beside.open(**how) as file:
            yield file
        if output.exists():
            beside.chmod(output.stat().st_mode & 0o777)
        beside.replace(output)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
