"""The command ``page``: a sheet that calculates, in one file for a browser."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bptt_trace.commands import options
from bptt_trace.commands.output import Output, ends_in


@click.command()
@options.problem
@options.output
@options.rounding
@options.steps
@options.detail_of_blanks
@options.style
@click.option("--collect", is_flag=True, help="A worksheet without the solution: boxes, and a button that writes answers.csv.")
@options.blanks
@click.option("--plain", is_flag=True, help="The sheet and the engine as they are, not deflated: three times the size.")
@options.templates
def page(
    problem: str, changes: tuple[str, ...], target: Path | None, rounding: str | None, steps: str, detail: str, style: str,
    collect: bool, blanks: tuple[str, ...], hints: int, plain: bool, templates: Path | None,
) -> None:  # fmt: skip
    """Write a page that calculates in a browser.

    Every given number is an input, and every line follows. The page is one file of HTML, which opens from disk and needs no
    network. It goes through the calculation line by line, and checks answers as the command check does.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.

    \b
    Examples:
      bptt-trace page rnn -o rnn.html
      bptt-trace page lstm --round 3sf -o lstm.html
      bptt-trace page rnn --collect -o homework.html
    """
    from bptt_trace.exports.page.collect import collecting
    from bptt_trace.exports.page.page import page as made
    from bptt_trace.handouts.blanks import blanks_of, of_a_size_to_fill_in
    from bptt_trace.lines.view import View
    from bptt_trace.marking.key import Key
    from bptt_trace.problem.problem import load
    from bptt_trace.problem.rounding import Rounding

    ends_in(target, ".html", ".htm")
    if target is None and sys.stdout.isatty():
        raise click.UsageError("a page is for a browser; -o FILE writes it to a file")
    if not collect and (blanks or hints != 2):
        raise click.UsageError("--blanks and --hints go with --collect")
    if collect and (plain or steps != "auto"):
        raise click.UsageError("--steps and --plain go without --collect, which writes a worksheet in full, as it is")
    read = load(problem, changes)
    read = read if rounding is None else read.rounded(Rounding.parse(rounding))
    if collect:
        of_a_size_to_fill_in(read)
        key = Key(read)
        text = collecting(key, blanks_of(key, blanks or ("all",), hints), View(detail=detail, style=style), templates=templates)
    else:
        text = made(read, View(steps, detail, style), plain=plain, templates=templates)
    Output("html", target).write([text])
