"""Commands that print the same gradients by other roads: ``paths`` and ``rtrl``."""

from __future__ import annotations

from pathlib import Path

import click

from bptt_trace.commands import options
from bptt_trace.commands.options import together
from bptt_trace.commands.output import Output
from bptt_trace.commands.solutions import SHEETS

of = click.option(
    "--of",
    "parameters",
    multiple=True,
    metavar="PARAMETER",
    help="A parameter, as in w_hh or W_hh[1,2]; may be repeated. Without it, those that the problem names under [also], or all.",
)
asked = together(options.problem, of, options.form_and_file(SHEETS), options.rounding, options.fragment, options.templates)


@click.command()
@asked
def paths(
    problem: str, changes: tuple[str, ...], parameters: tuple[str, ...], form: str | None, target: Path | None,
    rounding: str | None, fragment: bool, templates: Path | None,
) -> None:  # fmt: skip
    """Print the gradient of a parameter along every path.

    The sheet has the slopes from state to state; for each loss and each use of the parameter the product of the slopes on
    the path between them; these contributions as a triangle with row and column sums; the immediate and the total
    derivative of each state; and a picture of the longest path.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.

    \b
    Examples:
      bptt-trace paths rnn3 --of w_hh
      bptt-trace paths lstm --of w_hf --of b_f -f pdf -o paths.pdf
    """
    _print("paths", problem, changes, parameters, form, target, rounding, fragment, templates)


@click.command()
@asked
def rtrl(
    problem: str, changes: tuple[str, ...], parameters: tuple[str, ...], form: str | None, target: Path | None,
    rounding: str | None, fragment: bool, templates: Path | None,
) -> None:  # fmt: skip
    """Print the gradient of a parameter in forward mode.

    The sheet calculates the derivative of every line by the parameter from left to right (over time: real-time recurrent
    learning). It ends with the gradient of backpropagation through time; a table compares both, with the number of lines of
    each.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.

    \b
    Examples:
      bptt-trace rtrl rnn3 --of w_hh
      bptt-trace rtrl classifier --of W_hh[1,2]
    """
    _print("forward_mode", problem, changes, parameters, form, target, rounding, fragment, templates)


def _print(
    section: str, problem: str, changes: tuple[str, ...], parameters: tuple[str, ...], form: str | None, target: Path | None,
    rounding: str | None, fragment: bool, templates: Path | None,
) -> None:  # fmt: skip
    """Print the sections that the table [also] asks for under a key, and no others."""
    from bptt_trace.calculation.arithmetic import evaluate
    from bptt_trace.calculation.build import build
    from bptt_trace.engine.scalar_program import scalars
    from bptt_trace.errors import ProblemError
    from bptt_trace.lines.view import View
    from bptt_trace.problem.problem import document, from_document
    from bptt_trace.problem.rounding import Rounding
    from bptt_trace.worked_solution.worked_solution import write

    output = Output.chosen(form, target, SHEETS, templates=templates, fragment=fragment)
    table, name = document(problem, changes)
    also = table.setdefault("also", {})
    if isinstance(also, dict):
        also[section] = list(parameters) or also.get(section, "all")
    try:
        read = from_document(table, name)
    except ProblemError as error:
        error.source = error.source or name
        raise
    read = read if rounding is None else read.rounded(Rounding.parse(rounding))
    program = scalars(build(read))
    data = output.form == "json"
    sheet = write(
        read,
        program,
        evaluate(program, read.given, read.rounding),
        View(detail="lines"),
        with_latex=output.form != "terminal",
        canonical=data,
        only=(section,),
    )
    output.show(sheet)
