"""The command line inside another program: a notebook, or a document that is being built."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING

import click

from bptt_trace.commands.output import EMBEDDED
from bptt_trace.errors import TraceError

if TYPE_CHECKING:
    from bptt_trace.document.sheet import Sheet


class Refused(Exception):
    """The error of a command for bad input or usage, in one line."""


def run(words: Sequence[str], problem: str | None, where: str, show: Callable[[Sheet], None]) -> None:
    """Run a command; a sheet that it would print in the terminal goes to ``show``.

    Args:
        words: The command line; ``solve`` is understood where it does not begin with a command.
        problem: The problem file as text, where it is not named in ``words``.
        where: What to call that text in messages.
        show: What takes the sheets.

    Raises:
        Refused: For bad input or usage.

    """
    from bptt_trace.commands import MODULES, command

    known = (*MODULES, "--help", "-h")
    line = [*([] if words and words[0] in known else ["solve"]), *words, *([] if problem is None else ["-"])]
    before = EMBEDDED.set(show)
    try:
        with _standard_input(problem or ""):
            command(line, prog_name="bptt", standalone_mode=False)
    except click.ClickException as error:
        raise Refused(error.format_message()) from None
    except TraceError as error:
        raise Refused(str(error).replace("<standard input>", where)) from None
    except SystemExit:  # the status of a command, such as that answers are wrong; what it shows says so
        pass
    finally:
        EMBEDDED.reset(before)


@contextmanager
def _standard_input(text: str) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = TextIOWrapper(BytesIO(text.encode("utf-8", "replace")), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before
