"""Files on disk: a file is written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bptt_trace.errors import OutputError


class ReaderGone(Exception):
    """Standard output was closed from the other side (``| head``)."""


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
        with _temporary(output, binary=binary) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{output}: cannot be written: {error.strerror or error}") from None


@contextmanager
def _temporary(output: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file beside the one wanted, which takes its place when it is complete."""
    if output.is_dir():
        raise OutputError(f"{output}: is a folder; the name of a file is due")
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
