"""The command line in a notebook: ``%%bptt`` with a problem file in the cell, ``%bptt`` with the name of a problem."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING, Any

import click

from bptt_trace.commands.output import IN_NOTEBOOK
from bptt_trace.errors import TraceError

if TYPE_CHECKING:
    from bptt_trace.document.sheet import Sheet


def register(shell: Any) -> None:
    """Give the magics to a shell of IPython."""
    shell.register_magic_function(bptt, magic_kind="line_cell", magic_name="bptt")


def bptt(line: str, cell: str | None = None) -> None:
    """Run a command of bptt-trace: ``solve`` by default, with the options of the command line.

    In ``%%bptt`` the cell holds the problem file; in ``%bptt`` a problem is named, as in ``%bptt flow rnn3``.
    """
    from IPython.core.error import UsageError

    from bptt_trace.commands import command

    words = shlex.split(line)
    if not words or words[0] not in (*command.commands, "--help", "-h"):
        words.insert(0, "solve")
    if cell is not None:
        words.append("-")
    shown = IN_NOTEBOOK.set(_show)
    try:
        with _input(cell or ""):
            command(words, prog_name="bptt", standalone_mode=False)
    except click.ClickException as error:
        raise UsageError(error.format_message()) from None
    except TraceError as error:
        raise UsageError(str(error).replace("<standard input>", "this cell")) from None
    except SystemExit:  # the status of a command, such as that answers are wrong; what it shows says so
        pass
    finally:
        IN_NOTEBOOK.reset(shown)


@contextmanager
def _input(text: str) -> Iterator[None]:
    """Standard input that holds a text."""
    before = sys.stdin
    sys.stdin = TextIOWrapper(BytesIO(text.encode("utf-8", "replace")), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before


def _show(sheet: Sheet) -> None:
    from IPython.display import Markdown, display

    from bptt_trace.media.drawing.svg import embedded
    from bptt_trace.media.templates import markdown

    display(Markdown(markdown(sheet, links=embedded(sheet))))
