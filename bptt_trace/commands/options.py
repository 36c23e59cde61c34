"""Options that several commands share, each written once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bptt_trace.commands import screen
from bptt_trace.document.locale import LANGUAGES

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
            metavar="FORM",
            help=f"terminal, {', '.join(forms)}; by default that of the ending of -o, or terminal. {more}".rstrip(),
        ),
        output,
        screen.width,
        screen.ascii_only,
    )


output = click.option("-o", "--output", "target", type=PATH, help="Write to a file instead of the screen.")


def _chosen(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Keep a key of the handout for the changes, which are read after it."""
    context.meta.setdefault(__name__, {})[parameter.name] = value


def _with_chosen(context: click.Context, parameter: click.Parameter, changes: tuple[str, ...]) -> tuple[str, ...]:
    """The changes, and with them the language and the sign of multiplication: keys of the problem like any other."""
    del parameter
    kept = context.meta.get(__name__, {})
    return (*changes, *(f'handout.{key}="{value}"' for key, value in kept.items() if value))


changes = together(
    click.option(
        "--set", "changes", multiple=True, metavar="KEY=VALUE", callback=_with_chosen,
        help="Change a number or a setting; may be repeated.",
    ),
    click.option(
        "--language", type=click.Choice(LANGUAGES), metavar="CODE", is_eager=True, expose_value=False, callback=_chosen,
        help=f"The language of sheets and reports, instead of the problem's own: {', '.join(LANGUAGES)}.",
    ),
    click.option(
        "--multiplication", type=click.Choice(["dot", "cross", "none"]), is_eager=True, expose_value=False, callback=_chosen,
        help="The sign of multiplication: a dot, a cross, or none between names.",
    ),
)  # fmt: skip
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
style_of_solution = click.option(
    "--style",
    type=click.Choice(["full", "compact", "one-page", "results"]),
    default="full",
    show_default=True,
    help="Explanations, pictures and summary; formulas and lines only; everything arranged for one page: the picture with "
    "its numbers, formulas and lines; or the results of all lines.",
)
only = click.option(
    "--only",
    metavar="SECTIONS",
    help="The sections that are printed, with commas: --only backward,update; an unknown name lists those of the sheet.",
)
fragment = click.option("--fragment", is_flag=True, help="LaTeX without preamble, for \\input.")
templates = click.option("--templates", type=PATH, metavar="DIR", help="A folder with templates that replace the built-in ones.")
flavor = click.option(
    "--flavor",
    type=click.Choice(["github", "pandoc"]),
    help="The reader of the Markdown: GitHub and Jupyter (by default), or pandoc and Quarto.",
)
blanks = together(
    click.option(
        "--blanks",
        multiple=True,
        metavar="WHAT",
        help="Lines left to the student: all (by default), results (calculations are printed), gradients, a part of the sheet "
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
