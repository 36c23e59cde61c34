"""The screen of a command: a terminal, through a pager where a sheet would scroll away, or plain text.

``--width`` and ``--ascii`` come before the environment (COLUMNS, FORCE_COLOR,
NO_COLOR, PAGER), and the environment before what the terminal says of itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from typing import IO, TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from bptt_trace.media.terminal import Plain

PLAIN_WIDTH = 80
"""Columns of output that does not go to a terminal."""
LEAST_WIDTH, MOST_WIDTH = 30, 1_000


@dataclass
class Screen:
    """The settings of the screen from the options."""

    width: int | None = None
    ascii: bool = False

    @classmethod
    def chosen(cls) -> Screen:
        """The settings of the running command."""
        context = click.get_current_context(silent=True)
        return cls() if context is None else context.meta.setdefault(__name__, cls())

    def on(self, file: IO[str], terminal: bool) -> Console | Plain:
        """The target of a sheet: with colour and its own width for a terminal, plain for anything else."""
        if terminal or _colour_is_forced():
            return self.console(file, terminal)
        from bptt_trace.media.terminal import Plain

        return Plain(file, self._width)

    def console(self, file: IO[str], terminal: bool) -> Console:
        """The same with rich, also for what is no terminal; a pager fills the terminal behind it."""
        from shutil import get_terminal_size

        from rich.console import Console

        if not terminal:
            force = _colour_is_forced()
            return Console(
                file=file, width=self._width, color_system="truecolor" if force else None, force_terminal=force,
                highlight=False, emoji=False, legacy_windows=False,
            )  # fmt: skip
        behind = None if file.isatty() else get_terminal_size().columns
        forced = None if file.isatty() else True
        return Console(file=file, width=self.width or behind, force_terminal=forced, highlight=False, emoji=False)

    @property
    def _width(self) -> int:
        return self.width or _columns() or PLAIN_WIDTH

    def prints_unicode(self, file: IO[str]) -> bool:
        """Whether the letters and lines of a sheet may be written, and the encoding of a file has them."""
        try:
            "·−²Ση─━│└…≈•═║╌▲█▒".encode(getattr(file, "encoding", None) or "ascii")
        except (UnicodeEncodeError, LookupError):
            return False
        return not self.ascii


@contextmanager
def paged() -> Iterator[IO[str]]:
    """Standard output; if that is a terminal, through the user's pager, which ends at once where all fits on one page."""
    if not sys.stdout.isatty() or os.environ.get("TERM") in (None, "dumb"):
        yield sys.stdout
        return
    import shlex
    import shutil
    import subprocess

    command = shlex.split(os.environ.get("PAGER", "less"))
    if not command or not shutil.which(command[0]):
        yield sys.stdout
        return
    settings = {"LESS": "FRX", "LESSCHARSET": "utf-8", **os.environ}  # F: not for one page; R: colours; X: what was read stays
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=settings) as pager:  # noqa: S603 - the user's own pager
        assert pager.stdin is not None
        try:
            with TextIOWrapper(pager.stdin, "utf-8", errors="replace") as file:
                yield file
        except BrokenPipeError:
            pass  # the reader has seen enough


def _columns() -> int | None:
    """The width that the environment gives."""
    text = os.environ.get("COLUMNS", "")
    return max(LEAST_WIDTH, int(text)) if text.isascii() and text.isdigit() and 0 < int(text) <= MOST_WIDTH else None


def _colour_is_forced() -> bool:
    return bool(os.environ.get("FORCE_COLOR")) and not os.environ.get("NO_COLOR")


def _told(context: click.Context, parameter: click.Parameter, value: int | bool | None) -> None:
    """Keep what an option says, for when something is printed."""
    if value:
        setattr(context.meta.setdefault(__name__, Screen()), str(parameter.name), value)


width = click.option(
    "--width",
    type=click.IntRange(LEAST_WIDTH, MOST_WIDTH),
    expose_value=False,
    callback=_told,
    help="Columns of text on the screen or in a file; by default those of the terminal, of COLUMNS, or 80.",
)
ascii_only = click.option(
    "--ascii", is_flag=True, expose_value=False, callback=_told, help="Text in ASCII: no Greek letters, no lines of Unicode."
)
