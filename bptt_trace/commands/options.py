"""Options that several commands share, each written once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bptt_trace.commands import screen

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH = click.Path(path_type=Path)
JOBS = click.IntRange(1, 64)


def together(*options: Decorator) -> Decorator:
    """Several options as one decorator; help prints them in this order."""

    def added(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return added


def form_and_file(forms: tuple[str, ...], more: str = "") -> Decorator:
    """``-f``, one of ``forms`` or the terminal, and ``-o``; ``more`` is added to the help of ``-f``."""
    return together(
        click.option(
            "-f",
            "--format",
            "form",
            type=click.Choice(["terminal", *forms]),
            help=f"The form; by default that of the ending of -o, or terminal. {more}".rstrip(),
        ),
        output,
        screen.width,
        screen.ascii_only,
    )


output = click.option("-o", "--output", "target", type=PATH, help="Write to a file instead of the screen.")
changes = click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a number or a setting; may be repeated."
)
problem = together(click.argument("problem"), changes)
rounding = click.option(
    "--round", "rounding", metavar="RULE", help="4dp, 5sf, carry:4dp, full or exact, instead of the problem's own."
)
steps = click.option(
    "--steps",
    type=click.Choice(["auto", "full", "ledger"]),
    default="auto",
    show_default=True,
    help="Every line, or a row for each time step (auto: from four steps on).",
)
detail = click.option(
    "--detail",
    type=click.Choice(["board", "lines", "both"]),
    default="both",
    show_default=True,
    help="Vectors as matrices, component by component, or both.",
)
detail_of_blanks = click.option(
    "--detail",
    type=click.Choice(["lines", "both"]),
    default="both",
    show_default=True,
    help="Vectors component by component, or below a line of matrices.",
)
style = click.option(
    "--style",
    type=click.Choice(["full", "compact"]),
    default="full",
    show_default=True,
    help="Explanations, pictures and summary, or formulas and lines only.",
)
fragment = click.option("--fragment", is_flag=True, help="LaTeX without preamble, for \\input.")
templates = click.option("--templates", type=PATH, metavar="DIR", help="A folder with templates that replace the built-in ones.")
blanks = together(
    click.option(
        "--blanks",
        multiple=True,
        metavar="WHAT",
        help="What is left to the student: all (by default), results (calculations are printed), gradients, a part of the sheet "
        "(forward, loss, backward, update, again, memory), or the name of a quantity; may be repeated.",
    ),
    click.option(
        "--hints",
        type=click.IntRange(0, 3),
        default=2,
        show_default=True,
        help="Beside each blank: 0 nothing, 1 the kind of line, 2 its formula, 3 also the formula with the given numbers.",
    ),
)
