"""The command line: reads arguments, calls the library, writes output whole.

Exit status: 0 all well, 1 answers are wrong or a proof fails, 2 bad input or usage, 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import sys
import warnings
from importlib import import_module
from io import TextIOWrapper

import click

from bptt_trace import __version__
from bptt_trace.errors import TraceError
from bptt_trace.files import ReaderGone

MODULES = {
    "solve": "solutions", "page": "pages", "worksheet": "handouts", "vary": "handouts", "check": "marking", "grade": "marking",
    "export": "exports", "flow": "solutions", "paths": "more_derivatives", "rtrl": "more_derivatives", "sample": "solutions",
    "mistakes": "marking", "prove": "solutions", "names": "problems", "examples": "problems", "from-weights": "problems",
}  # fmt: skip
"""The commands in the order of the help, and the module of each."""


class _OnDemand(click.Group):
    """Commands that are loaded when they are asked for: one of them starts without the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in MODULES:
            return None
        module = import_module(f"bptt_trace.commands.{MODULES[cmd_name]}")
        found: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return found


@click.group(cls=_OnDemand, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bptt-trace")
def command() -> None:
    """Print backpropagation through time by hand: every line re-computes from its own digits.

    \b
    Examples:
      bptt-trace solve rnn                     a two-step recurrent network, worked out
      bptt-trace solve rnn --set w_hh=0.9      the same with another weight
      bptt-trace solve my.toml -f latex -o my.tex
      bptt-trace page rnn -o rnn.html          a page on which every number can be changed
      bptt-trace worksheet rnn                 the same with blanks; --key prints its key
      bptt-trace flow rnn3                     how far an error reaches back
      bptt-trace paths rnn3 --of w_hh          its gradient along every path
      bptt-trace rtrl rnn3 --of w_hh           the same gradient in forward mode
      bptt-trace vary rnn -n 30 -o handouts    thirty of them, each with other numbers
      bptt-trace check rnn answers.csv         a homework, marked
      bptt-trace grade rnn class.csv -o marks.csv
      bptt-trace examples rnn > my.toml        a problem file to start from
    """


def main() -> None:
    """Run the command line; every error becomes one message and an exit status."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a title may have letters that this terminal has not
    gc.disable()  # a third of the time of a long trace; the process ends soon
    warnings.showwarning = lambda message, *_, **__: click.echo(f"bptt-trace: {message}", err=True)
    try:
        command(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _fail("interrupted", 130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except TraceError as error:
        _fail(str(error), 2)
    except (BrokenPipeError, ReaderGone):
        # The reader has gone (| head): there is no one to report to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
    except OSError as error:
        _fail(f"standard output: cannot be written: {error.strerror or error}", 2)


def _fail(message: str, status: int) -> None:
    shown = "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in message)
    click.echo(f"bptt-trace: {shown}", err=True)
    sys.exit(status)
