"""A class marked by a Dask cluster: its pieces go to the workers as text, and come back marked.

A worker that is lost loses nothing: the scheduler gives what it had to others.
Needs the extra ``cluster``.
"""

from __future__ import annotations

import logging
import pickle
from collections import deque
from collections.abc import Generator, Iterator
from functools import lru_cache
from io import BytesIO, TextIOWrapper
from itertools import islice
from typing import Any

from bptt_trace.errors import OutputError, ProblemError, ProgramMissing
from bptt_trace.marking.class_file import ClassFile, Piece, rows_of
from bptt_trace.marking.class_rows import Grader, MarkedRows

SECONDS = 30
"""The time limits for the answers of a scheduler and of its first worker."""
AHEAD = 4
"""Pieces for each thread of the cluster that are under way."""
LARGEST = 1 << 24
"""Bytes of a piece that is sent; a larger one, with an endless line in it, is marked here."""


def on_cluster(
    address: str, source: ClassFile, grader: Grader, pieces: Iterator[Piece]
) -> Generator[tuple[Piece, MarkedRows], None, None]:
    """The pieces of a class, marked, in order; a few for each worker are under way.

    Raises ``ProgramMissing`` without the extra, ``ProblemError`` where no
    scheduler or no worker answers, and ``OutputError`` where a piece is lost again and again.
    """
    try:
        import distributed
    except ImportError:
        raise ProgramMissing("--scheduler needs Dask: pip install 'bptt-trace[cluster]'") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # lost workers are no matter here
    try:
        client = distributed.Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ProblemError(f"no Dask scheduler answers there: {error or 'it took too long'}", source=address) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=SECONDS)
        except TimeoutError:
            raise ProblemError("the Dask scheduler there has no workers", source=address) from None
        made_of = pickle.dumps(grader)

        def sent(piece: Piece) -> tuple[Piece, Any]:
            if piece.end - piece.start > LARGEST:
                return piece, grader.part(list(source.rows(piece)))
            with source.path.open("rb") as file:
                file.seek(piece.start)
                data = file.read(piece.end - piece.start)
            return piece, client.submit(_marked, made_of, data, source.encoding, source.first, piece.line, pure=False)

        under_way: deque[tuple[Piece, Any]] = deque()
        most = AHEAD * max(sum(client.ncores().values()), 1)
        while True:
            under_way.extend(map(sent, islice(pieces, most - len(under_way))))
            if not under_way:
                return
            piece, result = under_way.popleft()
            if not isinstance(result, MarkedRows):
                try:
                    result = result.result()
                except distributed.KilledWorker:
                    raise OutputError(
                        "workers of the cluster are lost again and again; the same command goes on from there"
                    ) from None
            yield piece, result


def _marked(made_of: bytes, data: bytes, encoding: str, first: int, number: int) -> MarkedRows:
    """The task of a worker: mark some lines of a class, the first of which has this number."""
    grader = _grader(made_of)
    text = TextIOWrapper(BytesIO(data), encoding, "replace")
    return grader.part(list(rows_of(text, grader.separator, first, number)))


@lru_cache(maxsize=8)
def _grader(made_of: bytes) -> Grader:
    """The grader of a class, made once in each process of the cluster."""
    grader = pickle.loads(made_of)  # noqa: S301 - it comes with the task, by the same connection as the program
    assert isinstance(grader, Grader)
    return grader
