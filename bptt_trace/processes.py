"""Work shared by several processes; results come in the order of the tasks, even if a later one is ready first.

The processes are forked, so they have what has been worked out by then, and
nothing is sent to them but tasks. Each ends with the process that started it,
however that ends.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain, islice
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection, wait
from time import process_time
from typing import Any, TypeVar

from bptt_trace.errors import OutputError

ALONE = 0.15
"""The seconds of work from which on other processes help: more than their start and their own preparations take."""
AHEAD = 2
"""The number of tasks for each process that are running, or finished before their turn."""


Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Task], Result], tasks: Iterable[Task], jobs: int = 1, *, heavy: bool = False
) -> Generator[Result, None, None]:
    """The results of ``work`` for each task, by a number of processes, which does not change them.

    The first tasks are done here, so that little work is never slower for
    having several jobs; not so where each task is ``heavy``, longer than it takes to
    start processes. Raises what ``work`` raises, and ``OutputError`` where a
    process was ended from outside.
    """
    rest = iter(tasks)
    several = jobs > 1 and "fork" in get_all_start_methods()
    spent = 0.0
    for task in () if several and heavy else rest:
        begun = process_time()
        result = work(task)
        spent += process_time() - begun
        yield result
        if several and spent > ALONE:
            break
    if several and (following := list(islice(rest, 1))):
        with _Processes(work, jobs) as processes:
            yield from processes.results(chain(following, rest))


class _Processes:
    """Processes that wait for tasks, each at the other end of a pipe."""

    def __init__(self, work: Callable[[Any], Any], jobs: int) -> None:
        context = get_context("fork")
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(jobs):
            here, there = context.Pipe()
            self._pipes.append(here)
            process = context.Process(target=_serve, args=(work, there, list(self._pipes)), daemon=True)
            process.start()
            there.close()  # so that this process notices its end
            self._processes.append(process)

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.terminate()
            process.join()

    def results(self, tasks: Iterable[Any]) -> Iterator[Any]:
        """The results, in the order of the tasks; at most a few tasks are under way."""
        numbered = enumerate(tasks)
        done: dict[int, tuple[Any, BaseException | None]] = {}
        busy: dict[Connection, int] = {}
        turn, most = 0, AHEAD * len(self._pipes)
        exhausted = False
        while True:
            free = [pipe for pipe in self._pipes if pipe not in busy]
            while free and not exhausted and len(busy) + len(done) < most:
                for number, task in islice(numbered, 1):
                    pipe = free.pop()
                    busy[pipe] = number
                    pipe.send(task)
                    break
                else:
                    exhausted = True
            while turn in done:
                result, error = done.pop(turn)
                if error is not None:
                    raise error
                turn += 1
                yield result
            if not busy:
                if exhausted:
                    return
                continue
            for pipe in [pipe for pipe in wait(list(busy)) if isinstance(pipe, Connection)]:
                try:
                    done[busy.pop(pipe)] = pipe.recv()
                except (EOFError, OSError):
                    what = "a process was ended from outside, perhaps for want of memory"
                    raise OutputError(f"{what}; the same command with fewer jobs goes on from there") from None


def _serve(work: Callable[[Any], Any], pipe: Connection, others: list[Connection]) -> None:
    """Do the tasks that come along a pipe until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one gets the error, and ends it
    signal.signal(signal.SIGTERM, _leave)
    for other in others:
        other.close()  # else the end of the process that started this one would not be seen
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        answer: tuple[Any, Exception | None]
        try:
            answer = work(task), None
        except Exception as error:
            answer = None, error
        try:
            pipe.send(answer)
        except BrokenPipeError:
            return


def _leave(*_: object) -> None:
    raise SystemExit(1)


def unseen(_: int) -> None:
    """Do nothing: no progress is shown."""
