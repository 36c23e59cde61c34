"""Commands that print a sheet: ``solve`` and ``flow``; ``prove`` checks one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bptt_trace.commands import options
from bptt_trace.commands.output import Output

if TYPE_CHECKING:
    from bptt_trace.calculation.arithmetic import Values
    from bptt_trace.document.sheet import Sheet
    from bptt_trace.engine.program import Program
    from bptt_trace.lines.view import View
    from bptt_trace.problem.problem import Problem

SHEETS = ("markdown", "latex", "pdf", "html", "json")
"""The forms of a sheet for people, and of data."""
DOCUMENTS = ("ipynb", "beamer")
"""Further forms of a worked solution, made by ``exports``."""
CODE = ("python", "numpy", "torch", "sympy")
"""The forms of a sheet that a machine runs."""
WORKBOOK = ("xlsx",)
"""The forms that another program calculates with."""
LINES_ALONE = ("json", "python", "sympy")
"""Forms in which vectors are told by their components whatever ``--detail`` says; other programs have matrices alone."""


@click.command()
@options.problem
@options.form_and_file(
    (*SHEETS, "typst", *DOCUMENTS, *WORKBOOK, *CODE),
    "python, numpy, torch and sympy are programs that reproduce the sheet, xlsx is a live workbook.",
)
@options.rounding
@options.steps
@click.option(
    "--show",
    metavar="WHICH",
    default="auto",
    show_default=True,
    help="The iterations that are printed in full: numbers with commas and last, as in 1,2,last; all; none for the "
    "summary only (auto: up to three; of more, the first and the last).",
)
@options.detail
@options.style_of_solution
@options.only
@click.option(
    "--prove", "with_proof", is_flag=True, help="Check the gradients (as the command prove does) and report it in the footer."
)
@options.fragment
@options.flavor
@options.templates
def solve(
    problem: str, changes: tuple[str, ...], form: str | None, target: Path | None, rounding: str | None, steps: str, show: str,
    detail: str, style: str, only: str | None, with_proof: bool, fragment: bool, flavor: str | None, templates: Path | None,
) -> None:  # fmt: skip
    """Print the worked solution of a problem.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.

    \b
    Examples:
      bptt-trace solve rnn
      bptt-trace solve rnn3 --round full
      bptt-trace solve fnn -f markdown -o fnn.md
      bptt-trace solve rnn -f pdf -o rnn.pdf
      bptt-trace solve rnn --style one-page -o rnn.pdf
      bptt-trace solve rnn --only backward,update
      bptt-trace solve rnn -f torch -o rnn.py
      bptt-trace solve rnn --set x=[1,2,3] --set target=[0.5,1.0,1.5]
      bptt-trace solve rnn --set update.rule=adam --set update.iterations=20 --show 1,2,last
    """
    from bptt_trace.lines.view import View
    from bptt_trace.problem.problem import load
    from bptt_trace.problem.rounding import Rounding

    forms = (*SHEETS, "typst", *DOCUMENTS, *WORKBOOK, *CODE)
    output = Output.chosen(form, target, forms, templates=templates, flavor=flavor, fragment=fragment)
    _goes_with_a_sheet(style, only, output)
    _may_prove(output, with_proof)
    read = load(problem, changes)
    read = read if rounding is None else read.rounded(Rounding.parse(rounding))
    if output.form == "xlsx":
        from bptt_trace.exports.workbook import workbook
        from bptt_trace.marking.key import Key

        output.write_bytes(workbook(Key(read)))
        return
    sections = [] if only is None else [name.strip() for name in only.split(",")]
    _print(read, output, View(steps, detail, style, show), sections, with_proof)


def _print(read: Problem, output: Output, view: View, only: Sequence[str], with_proof: bool) -> None:
    """Calculate a problem, and print it as the program, the data or the sheet that is asked for."""
    from bptt_trace.calculation.arithmetic import evaluate
    from bptt_trace.calculation.build import build
    from bptt_trace.commands.proof import proof_note
    from bptt_trace.engine.scalar_program import scalars
    from bptt_trace.worked_solution.worked_solution import within_reach, write

    program = scalars(build(read))
    data = output.form == "json"
    if output.form in CODE or data:
        view = replace(view, detail="lines" if output.form in LINES_ALONE else "board")
    within_reach(program, view.detail)
    values = evaluate(program, read.given, read.rounding)
    if output.form in CODE:
        from bptt_trace.media.templates import code
        from bptt_trace.worked_solution.python_program import listing

        output.write([code(listing(read, program, values, output.form))])
        return
    if data or (output.form == "beamer" and view.steps == "auto"):
        view = replace(view, steps="full")
    sheet = write(
        read,
        program,
        values,
        replace(view, show="all") if data else view,
        with_latex=output.form != "terminal",
        canonical=data,
        proof=proof_note(read) if with_proof else None,
        only=only,
    )
    if output.form in DOCUMENTS:
        output.write([_exported(output, read, program, values, sheet)])
        return
    output.show(sheet)


def _may_prove(output: Output, with_proof: bool) -> None:
    """Raise ``UsageError`` where there is no footer for a proof."""
    if with_proof and output.form in WORKBOOK:
        raise click.UsageError("--prove writes into the footer of a sheet, and a workbook has none")
    if with_proof and output.form in CODE:
        raise click.UsageError(
            "--prove writes into the footer of a sheet, and a program has none; -f torch and -f sympy are proofs of their own"
        )


def _goes_with_a_sheet(style: str, only: str | None, output: Output) -> None:
    """Raise ``click.UsageError`` for an option that arranges a sheet, where something else is printed."""
    arranged = {"--only": only is not None, f"--style {style}": style in ("one-page", "results")}
    for option in [option for option, given in arranged.items() if given]:
        if output.form in (*CODE, *WORKBOOK, *DOCUMENTS, "json"):
            raise click.UsageError(f"{option} goes with a sheet on paper or on the screen; -f {output.form} has every line")
    if style == "one-page" and output.fragment:
        raise click.UsageError("--style one-page is a whole page, and --fragment a part of one")


def _exported(output: Output, problem: Problem, program: Program, values: Values, sheet: Sheet) -> str:
    """A worked solution as a notebook or as slides."""
    if output.form == "beamer":
        from bptt_trace.exports.slides import slides

        return slides(problem, program, values, sheet, output.templates)
    from bptt_trace.exports.notebook import solution_notebook
    from bptt_trace.media.templates import code
    from bptt_trace.worked_solution.python_program import listing

    exact = problem.rounding.policy == "exact"  # closed forms have no program
    return solution_notebook(sheet, "" if exact else code(listing(problem, program, values, "python")))


@click.command()
@click.argument("problem", nargs=-1, required=True)
@options.changes
@options.form_and_file(SHEETS)
@options.rounding
@options.fragment
@options.flavor
@options.templates
def flow(
    problem: tuple[str, ...], changes: tuple[str, ...], form: str | None, target: Path | None, rounding: str | None,
    fragment: bool, flavor: str | None, templates: Path | None,
) -> None:  # fmt: skip
    """Print how far an error reaches back through time.

    The sheet has the slope from each state to the next, the products of these slopes from the last step back, the share
    of each time step in the gradients of the recurrent weights, and a verdict: vanishing, stable or exploding, and why.
    Up to three problems of one recurrent unit are compared. For one problem with several units or layers the slopes are
    matrices; the sheet has their entries, and the spectral norms of the matrices and of their products.

    Each PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example; --set changes each of
    them.

    \b
    Examples:
      bptt-trace flow rnn3
      bptt-trace flow rnn3 --set w_hh=1.6
      bptt-trace flow vanishing vanishing-lstm -f pdf -o vanishing.pdf
    """
    from bptt_trace.errors import ProblemError
    from bptt_trace.problem.problem import load
    from bptt_trace.problem.rounding import Rounding
    from bptt_trace.worked_solution.gradient_flow import flow_sheet, followed
    from bptt_trace.worked_solution.matrix_flow import is_matrix, matrix_flow_sheet

    output = Output.chosen(form, target, SHEETS, templates=templates, flavor=flavor, fragment=fragment)
    read = [load(name, changes) for name in problem]
    if rounding is not None:
        read = [each.rounded(Rounding.parse(rounding)) for each in read]
    for name, one in zip(problem, read, strict=True):
        try:
            followed(one, matrices=len(read) == 1)
        except ProblemError as error:
            error.source = name
            raise
    how = {"with_latex": output.form != "terminal", "canonical": output.form == "json"}
    output.show(matrix_flow_sheet(read[0], **how) if is_matrix(read[0]) else flow_sheet(read, **how))


@click.command()
@options.problem
@click.option("--first", metavar="LETTER", help="The first letter that is read; by default the first of the text.")
@click.option("--letters", type=click.IntRange(1, 100), default=6, show_default=True, help="The number of letters to write.")
@click.option("--updated", is_flag=True, help="Take the parameters after the last update, as printed.")
@options.form_and_file(SHEETS)
@options.rounding
@options.detail
@options.fragment
@options.templates
def sample(
    problem: str, changes: tuple[str, ...], first: str | None, letters: int, updated: bool, form: str | None,
    target: Path | None, rounding: str | None, detail: str, fragment: bool, templates: Path | None,
) -> None:  # fmt: skip
    """Let a network of letters write a text.

    Each letter that it reads is the likeliest one of the step before.
    PROBLEM is a TOML or JSON file with given.text, "-" for standard input, or the name of a built-in example.

    \b
    Examples:
      bptt-trace sample hello
      bptt-trace sample hello --updated --letters 10 --set update.iterations=200
    """
    from bptt_trace.calculation.arithmetic import evaluate
    from bptt_trace.calculation.build import build
    from bptt_trace.engine.scalar_program import scalars
    from bptt_trace.errors import ProblemError
    from bptt_trace.lines.view import View
    from bptt_trace.problem.problem import load
    from bptt_trace.problem.rounding import Rounding
    from bptt_trace.worked_solution.sampled_text import sampled
    from bptt_trace.worked_solution.worked_solution import within_reach, write

    output = Output.chosen(form, target, SHEETS, templates=templates, fragment=fragment)
    read = load(problem, changes)
    read = read if rounding is None else read.rounded(Rounding.parse(rounding))
    text = read.network.letters
    start = first or (text.vocabulary[text.text[0]] if text else "")
    try:
        written = sampled(read, start, letters, updated=updated)
    except ProblemError as error:
        error.source = problem
        raise
    program = scalars(build(written))
    within_reach(program, detail)
    data = output.form == "json"
    view = View("full", "lines") if data else View(detail=detail)
    values = evaluate(program, written.given, written.rounding)
    with_latex = output.form != "terminal"
    output.show(write(written, program, values, view, with_latex=with_latex, canonical=data))


@click.command()
@options.problem
def prove(problem: str, changes: tuple[str, ...]) -> None:
    """Compare all gradients with SymPy and central differences.

    SymPy composes the loss into one expression and differentiates it. For central differences the loss is calculated with
    60 digits on both sides of each parameter. The exit status is 1 if a gradient disagrees.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.
    """
    from bptt_trace.calculation.prove import prove as compare
    from bptt_trace.commands.proof import show_proof
    from bptt_trace.problem.problem import load

    read = load(problem, changes)
    comparisons = compare(read)
    show_proof(read, comparisons)
    if not all(comparison.agrees for comparison in comparisons):
        raise SystemExit(1)
