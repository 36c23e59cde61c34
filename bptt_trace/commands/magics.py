"""The command line in a notebook: ``%%bptt`` with a problem file in the cell, ``%bptt`` with the name of a problem."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from bptt_trace.commands.embedding import Refused, run

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

    try:
        run(shlex.split(line), cell, "this cell", _show)
    except Refused as error:
        raise UsageError(str(error)) from None


def _show(sheet: Sheet) -> None:
    from IPython.display import Markdown, display

    from bptt_trace.media.drawing.svg import embedded
    from bptt_trace.media.templates import markdown

    display(Markdown(markdown(sheet, links=embedded(sheet))))
