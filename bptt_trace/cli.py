"""The command line: reads arguments, calls the library, writes output whole.

Exit status: 0 all well, 1 answers are wrong or a proof fails, 2 bad input or usage, 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from bptt_trace import __version__
from bptt_trace.errors import TraceError
from bptt_trace.files import ReaderGone, _opened

if TYPE_CHECKING:
    from rich.console import Console

    from bptt_trace.calculation.prove import Comparison
    from bptt_trace.document.sheet import Sheet
    from bptt_trace.handouts.variant_sheets import Medium
    from bptt_trace.handouts.variants import Search
    from bptt_trace.problem.problem import Problem

CODE = ("python", "numpy", "torch", "sympy")
"""What a sheet may be printed as for a machine to run."""
PLAIN_WIDTH = 80
"""Columns of output that does not go to a terminal."""


class _Commands(click.Group):
    """Commands in the order in which they are written here."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bptt-trace")
def command() -> None:
    """Print backpropagation through time by hand: every line re-computes from its own digits.

    \b
    Examples:
      bptt-trace solve rnn                     a two-step recurrent network, worked out
      bptt-trace solve rnn --set w_hh=0.9      the same with another weight
      bptt-trace solve my.toml -f latex -o my.tex
      bptt-trace worksheet rnn                 the same with blanks; --key prints its key
      bptt-trace flow rnn3                     how far an error reaches back
      bptt-trace vary rnn -n 30 -o handouts    thirty of them, each with other numbers
      bptt-trace check rnn answers.csv         a homework, marked
      bptt-trace grade rnn class.csv -o marks.csv
      bptt-trace examples rnn > my.toml        a problem file to start from
    """


def _problem_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The argument and the options of every command that reads a problem."""
    function = click.option(
        "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a number or a setting; may be repeated."
    )(function)
    return click.argument("problem")(function)


_blanks = click.option(
    "--blanks",
    multiple=True,
    metavar="WHAT",
    help="What is left to the student: all (if not told), results (calculations are told), gradients, a part of the sheet "
    "(forward, loss, backward, update, again, memory), or the name of a quantity; may be repeated.",
)
_hints = click.option(
    "--hints",
    type=click.IntRange(0, 3),
    default=2,
    show_default=True,
    help="Beside each blank: 0 nothing, 1 what kind of line it is, 2 its formula, 3 also the formula with the given numbers.",
)
_detail = click.option(
    "--detail",
    type=click.Choice(["board", "lines", "both"]),
    default="both",
    show_default=True,
    help="Of vectors: matrices as on the board, component by component, or both.",
)
_detail_of_blanks = click.option(
    "--detail",
    type=click.Choice(["lines", "both"]),
    default="both",
    show_default=True,
    help="Of vectors: component by component, or under a line of matrices.",
)
_style = click.option(
    "--style",
    type=click.Choice(["full", "compact"]),
    default="full",
    show_default=True,
    help="With explanations, pictures and summary, or formulas and lines only.",
)
_templates = click.option(
    "--templates", type=click.Path(path_type=Path), metavar="DIR", help="A folder with templates that replace the built-in ones."
)


@command.command()
@_problem_options
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "latex", "pdf", "html", "json", *CODE]),
    help="What to print; if not told, what the ending of -o says, else terminal. "
    "python, numpy, torch and sympy are programs that reproduce the sheet.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file instead of the screen.")
@click.option("--round", "rounding", metavar="RULE", help="4dp, 5sf, carry:4dp, full or exact, instead of the problem's own.")
@click.option(
    "--steps",
    type=click.Choice(["auto", "full", "ledger"]),
    default="auto",
    show_default=True,
    help="Every line, or a row for each time step (auto: from four steps on).",
)
@click.option(
    "--show",
    metavar="WHICH",
    default="auto",
    show_default=True,
    help="Of several iterations those that are printed in full: numbers with commas, last, as in 1,2,last; all; none: "
    "the summary alone (auto: up to three all, of more the first and the last).",
)
@_detail
@_style
@click.option(
    "--prove", "with_proof", is_flag=True, help="Check the gradients (as the command prove does) and say so in the footer."
)
@click.option("--fragment", is_flag=True, help="LaTeX without preamble, for \\input.")
@_templates
def solve(
    problem: str, changes: tuple[str, ...], form: str | None, output: Path | None, rounding: str | None, steps: str, show: str,
    detail: str, style: str, with_proof: bool, fragment: bool, templates: Path | None,
) -> None:  # fmt: skip
    """Print the worked solution of a problem.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.

    \b
    Examples:
      bptt-trace solve rnn
      bptt-trace solve rnn3 --round full
      bptt-trace solve fnn -f markdown -o fnn.md
      bptt-trace solve rnn -f pdf -o rnn.pdf
      bptt-trace solve rnn -f torch -o rnn.py
      bptt-trace solve rnn --set x=[1,2,3] --set target=[0.5,1.0,1.5]
      bptt-trace solve rnn --set update.rule=adam --set update.iterations=20 --show 1,2,last
    """
    from bptt_trace.calculation.build import build
    from bptt_trace.engine.scalar_program import scalars
    from bptt_trace.problem.numbers import Rounding
    from bptt_trace.problem.problem import load

    form = _form(form, output, "markdown", "latex", "pdf", "html", "json", "python")
    if fragment and form != "latex":
        raise click.UsageError("--fragment goes with -f latex")
    if templates is not None and form not in ("latex", "pdf", "markdown", "html"):
        raise click.UsageError("--templates goes with -f latex, -f pdf, -f markdown or -f html")
    if with_proof and form in CODE:
        raise click.UsageError(
            "--prove writes into the footer of a sheet, and a program has none; -f torch and -f sympy are proofs of their own"
        )
    _can_show(form, output)
    read = load(problem, changes)
    if rounding is not None:
        read = read.rounded(Rounding.parse(rounding))
    program = scalars(build(read))

    from bptt_trace.calculation.arithmetic import evaluate
    from bptt_trace.worked_solution.worked_solution import within_reach, write

    within_reach(
        program, {"json": "lines", "python": "lines", "numpy": "board", "torch": "board", "sympy": "lines"}.get(form, detail)
    )
    values = evaluate(program, read.given, read.rounding)
    if form in CODE:
        from bptt_trace.media.templates import code
        from bptt_trace.worked_solution.python_program import listing

        _written([code(listing(read, program, values, form))], output)
        return
    proof = _proof_note(read) if with_proof else None
    data = form == "json"
    sheet = write(
        read,
        program,
        values,
        steps="full" if data else steps,
        detail="lines" if data else detail,
        style=style,
        with_latex=form != "terminal",
        canonical=data,
        proof=proof,
        show="all" if data else show,
    )
    if form == "json":
        from bptt_trace.media.sheet_json import write_json

        _written(write_json(sheet), output)
        return
    _show(sheet, form, output, templates, fragment=fragment)


@command.command()
@_problem_options
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "latex", "pdf", "html", "csv", "toml"]),
    help="What to print; if not told, what the ending of -o says, else terminal. Sheets for the answers are csv and toml.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file instead of the screen.")
@_blanks
@_hints
@click.option("--key", "as_key", is_flag=True, help="Print the key instead: results, and what likely mistakes give.")
@click.option(
    "--switch", is_flag=True, help="LaTeX for the lecturer: one source that prints the worksheet or, by a switch, its key."
)
@click.option("--exam", is_flag=True, help="LaTeX of the class exam; --switch puts the answers in, which its option prints.")
@_detail_of_blanks
@_style
@click.option("--fragment", is_flag=True, help="LaTeX without preamble, for \\input.")
@_templates
def worksheet(
    problem: str, changes: tuple[str, ...], form: str | None, output: Path | None, blanks: tuple[str, ...], hints: int,
    as_key: bool, switch: bool, exam: bool, detail: str, style: str, fragment: bool, templates: Path | None,
) -> None:  # fmt: skip
    """Print the worksheet of a problem: the sheet with blanks, or its key.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.

    \b
    Examples:
      bptt-trace worksheet rnn -f pdf -o rnn-worksheet.pdf
      bptt-trace worksheet rnn -f pdf -o rnn-key.pdf --key
      bptt-trace worksheet rnn --blanks gradients --hints 1
      bptt-trace worksheet rnn -f csv -o answers.csv
    """
    from bptt_trace.handouts.answer_key import key_sheet
    from bptt_trace.handouts.blanks import answers_csv, answers_toml, blanks_of, of_a_size_to_fill_in
    from bptt_trace.handouts.worksheet import worksheet as written
    from bptt_trace.marking.key import Key
    from bptt_trace.problem.problem import load

    form = _form(form, output, "markdown", "latex", "pdf", "html", "csv", "toml")
    for name, given in (("--fragment", fragment), ("--switch", switch), ("--exam", exam)):
        if given and form != "latex":
            raise click.UsageError(f"{name} goes with -f latex")
    if exam and fragment:
        raise click.UsageError("--exam makes a document of its own; --fragment is LaTeX without one")
    if as_key and (switch or exam):
        raise click.UsageError("--key is a sheet of its own; --switch and --exam have the answers in the worksheet")
    if templates is not None and form not in ("latex", "pdf", "markdown", "html"):
        raise click.UsageError("--templates goes with -f latex, -f pdf, -f markdown or -f html")
    _can_show(form, output)
    if as_key and form in ("csv", "toml"):
        raise click.UsageError("--key goes with terminal, markdown, latex, pdf or html; solve -f json has every result as data")
    read = load(problem, changes)
    of_a_size_to_fill_in(read)
    key = Key(read)
    wanted = blanks_of(key, blanks or ("all",), hints)
    if form in ("csv", "toml"):
        _written([(answers_csv if form == "csv" else answers_toml)(key, wanted)], output)
        return
    sheet = key_sheet(key, wanted) if as_key else written(key, wanted, detail=detail, style=style, answers=switch)
    _show(sheet, form, output, templates, fragment=fragment, exam=exam)


@command.command()
@_problem_options
@click.option("-n", "count", type=click.IntRange(1, 100_000), help="How many variants.")
@click.option("--seed", type=int, help="A number; the same seed gives the same variants on any machine (1 if not told).")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="A new folder for all that is written.")
@click.option("--archive", type=click.Path(path_type=Path), metavar="FILE.zip", help="One ZIP archive in place of the folder.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["markdown", "latex", "pdf"]),
    default="markdown",
    show_default=True,
    help="Of worksheets and keys.",
)
@click.option(
    "--students", type=click.Path(path_type=Path), metavar="IDS.csv", help="A file with students: a variant for each, by name."
)
@click.option("--code", metavar="CODE", help="The variant of this code again, which stands on its sheets.")
@_blanks
@_hints
@_detail_of_blanks
@_style
@_templates
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="How many processes work at once.")
def vary(
    problem: str, changes: tuple[str, ...], count: int | None, seed: int | None, output: Path | None, archive: Path | None,
    form: str, students: Path | None, code: str | None, blanks: tuple[str, ...], hints: int, detail: str, style: str,
    templates: Path | None, jobs: int,
) -> None:  # fmt: skip
    """Write variants of a problem with other numbers: worksheet, key, sheet for the answers and problem file of each.

    The numbers are drawn from ranges that the table [vary] of the problem may give, and kept if they are friendly and
    no mistake of the catalogue goes unseen. Each sheet has a code from which it can be made again.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.

    \b
    Examples:
      bptt-trace vary rnn -n 30 --seed 7 -o handouts
      bptt-trace vary rnn --students ids.csv -f pdf -o handouts
      bptt-trace vary rnn --code 36P-K71 -o again
      bptt-trace vary rnn -n 10000 --archive variants.zip --jobs 2
    """
    from bptt_trace.errors import ProblemError
    from bptt_trace.handouts.folder import students_of, write_archive, write_folder
    from bptt_trace.handouts.variant_sheets import Typesetter
    from bptt_trace.handouts.variants import Factory, Search
    from bptt_trace.marking.class_run import bar
    from bptt_trace.problem.problem import document

    target = archive or output
    if target is None or (archive and output):
        raise click.UsageError("-o DIR is a folder for all that is written, --archive FILE.zip an archive: one of the two is due")
    ids = students_of(students) if students else []
    if code is not None and (count or seed is not None or ids):
        raise click.UsageError("--code tells which variant it is; -n, --seed and --students draw others")
    if ids and count not in (None, len(ids)):
        raise click.UsageError(f"-n {count}, but {students} has {len(ids)} students; without -n each gets a variant")
    medium = _medium(form, templates)
    read, name = document(problem, changes)
    wanted = len(ids) or count or 1
    shown = wanted if sys.stderr.isatty() else 0
    try:
        factory = Factory(read, blanks or ("all",), hints, name)
        if code is None:
            with bar("looking for variants", shown) as advance:
                search = factory.search(wanted, 1 if seed is None else seed, advance, jobs)
        else:
            search = Search(factory, [factory.candidate(code)])
            if condition := factory.rejected(search.found[0]):
                click.echo(f"bptt-trace: this variant would not have been kept: {condition}", err=True)
    except ProblemError as error:
        error.source = error.source or name
        raise
    setter = Typesetter(factory, medium, detail=detail, style=style)
    with bar("writing", shown) as advance:
        write = write_folder if archive is None else write_archive
        write(target, search.found, setter, ids, advance, jobs)
    _written(_told(search, target, ids), None)


@command.command()
@click.argument("problem")
@click.argument("answers")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a number or a setting; may be repeated.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "latex", "pdf", "html", "json", "gradescope"]),
    help="What to print; if not told, what the ending of -o says, else terminal.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file instead of the screen.")
@click.option("--student", default="", help="A name or a number for the report.")
@click.option("--reveal", is_flag=True, help="Show the right values and the tolerances too: for teachers.")
def check(
    problem: str, answers: str, changes: tuple[str, ...], form: str | None, output: Path | None, student: str, reveal: bool
) -> None:
    """Mark an answer sheet: find the first wrong line, follow the student's own numbers from there, name the mistake.

    ANSWERS is a CSV file (quantity,answer), TOML, JSON, or the Markdown table of a filled-in worksheet; "-" is standard
    input. Exit status 1 if an answer is wrong, 2 if none is but one could not be read.

    \b
    Examples:
      bptt-trace check rnn answers.csv
      bptt-trace check rnn answers.csv -f markdown -o marked.md
    """
    from bptt_trace.errors import ProblemError
    from bptt_trace.marking.answer_files import load as load_answers
    from bptt_trace.marking.check import check as mark
    from bptt_trace.marking.key import Key
    from bptt_trace.problem.problem import load

    form = _form(form, output, "markdown", "latex", "pdf", "html", "json")
    _can_show(form, output)
    key = Key(load(problem, changes))
    marks = mark(key, load_answers(answers, key.register))
    if form in ("json", "gradescope"):
        from bptt_trace.marking.marks import as_json, gradescope

        _written([(as_json if form == "json" else gradescope)(marks, reveal=reveal)], output)
    else:
        from bptt_trace.marking.report import report

        _show(report(key, marks, student, reveal=reveal), form, output)
    if marks.faults or marks.unwritten:
        raise SystemExit(1)
    unread = [str(answer.name) for answer in marks.answers if answer.verdict == "unreadable"]
    if unread:
        raise ProblemError(f"could not be read: {', '.join(unread)}; the marks say why", source=answers)


@command.command()
@click.argument("problem")
@click.argument("class_file", metavar="CLASS.csv", type=click.Path(path_type=Path))
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a number or a setting; may be repeated.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The file of the marks: CSV, or Parquet.")
@click.option("--reports", type=click.Path(path_type=Path), metavar="DIR", help="A folder for a report on each student.")
@click.option(
    "--report-format",
    "form",
    type=click.Choice(["html", "markdown", "latex", "pdf", "json"]),
    default="html",
    show_default=True,
    help="The form of these reports.",
)
@click.option("--summary", type=click.Path(path_type=Path), help="Write the class summary to a .md or .html file too.")
@click.option(
    "--variants",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The problem of each student: a folder, or an archive of vary.",
)
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="How many processes mark at once.")
@click.option("--scheduler", default="", metavar="ADDRESS", help="A Dask cluster that marks, as in tcp://10.0.0.1:8786.")
def grade(
    problem: str, class_file: Path, changes: tuple[str, ...], output: Path, reports: Path | None, form: str,
    summary: Path | None, variants: Path | None, jobs: int, scheduler: str,
) -> None:  # fmt: skip
    """Mark a whole class.

    CLASS.csv has a row for each student: first the student, then an answer in the column of each quantity. The marks file
    has a row for each of them; a row that cannot be read says so there. An interrupted run goes on where it stopped. Exit
    status 1 if an answer is wrong, 2 if a row could not be read.

    \b
    Examples:
      bptt-trace grade rnn class.csv -o marks.csv
      bptt-trace grade rnn class.csv -o marks.csv --reports reports --jobs 2
      bptt-trace grade rnn class.csv -o marks.csv --reports reports --report-format pdf
    """
    from bptt_trace.errors import ProblemError, TypesettingError
    from bptt_trace.marking.class_run import run
    from bptt_trace.problem.problem import load

    read = load(problem, changes)
    tally = run(
        read, class_file, output, reports=reports, form=form, variants=variants, jobs=jobs, progress=sys.stderr.isatty(),
        scheduler=scheduler,
    )  # fmt: skip
    sheet = tally.sheet(read.title)
    _show(sheet, "terminal", None)
    if summary is not None:
        _show(sheet, "html" if summary.suffix == ".html" else "markdown", summary)
    if tally.failures:
        raise TypesettingError(tally.failures)
    if tally.unread:
        raise ProblemError(f"{tally.unread} of its rows could not be read; {output} says why", source=str(class_file))
    if tally.wrong:
        raise SystemExit(1)


@command.command()
@click.argument("problem", nargs=-1, required=True)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a number or a setting; may be repeated.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "latex", "pdf", "html", "json"]),
    help="What to print; if not told, what the ending of -o says, else terminal.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file instead of the screen.")
@click.option("--round", "rounding", metavar="RULE", help="4dp, 5sf, carry:4dp, full or exact, instead of the problem's own.")
@click.option("--fragment", is_flag=True, help="LaTeX without preamble, for \\input.")
@_templates
def flow(
    problem: tuple[str, ...], changes: tuple[str, ...], form: str | None, output: Path | None, rounding: str | None,
    fragment: bool, templates: Path | None,
) -> None:  # fmt: skip
    """Print how far an error reaches back, and which time step the recurrent weights hear.

    The slope from each state to the next, the products of these from the last step back, the share of each time step in
    the gradients of the recurrent weights, and a verdict: vanishing, stable or exploding, and why. Up to three problems
    stand side by side.

    Each PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example, with one recurrent
    unit; what --set changes is changed in each.

    \b
    Examples:
      bptt-trace flow rnn3
      bptt-trace flow rnn3 --set w_hh=1.6
      bptt-trace flow vanishing vanishing-lstm -f pdf -o vanishing.pdf
    """
    from bptt_trace.errors import ProblemError
    from bptt_trace.problem.numbers import Rounding
    from bptt_trace.problem.problem import load
    from bptt_trace.worked_solution.gradient_flow import flow_sheet, followed

    form = _form(form, output, "markdown", "latex", "pdf", "html", "json")
    if fragment and form != "latex":
        raise click.UsageError("--fragment goes with -f latex")
    if templates is not None and form not in ("latex", "pdf", "markdown", "html"):
        raise click.UsageError("--templates goes with -f latex, -f pdf, -f markdown or -f html")
    _can_show(form, output)
    read = [load(one, changes) for one in problem]
    if rounding is not None:
        read = [one.rounded(Rounding.parse(rounding)) for one in read]
    for name, one in zip(problem, read, strict=True):
        try:
            followed(one)
        except ProblemError as error:
            error.source = name
            raise
    sheet = flow_sheet(read, with_latex=form != "terminal", canonical=form == "json")
    if form == "json":
        from bptt_trace.media.sheet_json import write_json

        _written(write_json(sheet), output)
        return
    _show(sheet, form, output, templates, fragment=fragment)


@command.command()
@_problem_options
def mistakes(problem: str, changes: tuple[str, ...]) -> None:
    """List the mistakes that a problem's numbers can show, and those they cannot.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.
    """
    from bptt_trace.marking.key import Key
    from bptt_trace.marking.mistakes_sheet import mistakes_sheet
    from bptt_trace.problem.problem import load

    _show(mistakes_sheet(Key(load(problem, changes))), "terminal", None)


@command.command()
@_problem_options
def prove(problem: str, changes: tuple[str, ...]) -> None:
    """Compare every gradient with SymPy's derivative and with central differences.

    The loss is composed into one expression and differentiated by SymPy, and it is calculated with 60 digits a little left
    and right of each parameter. Exit status 1 if anything disagrees.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.
    """
    from bptt_trace.calculation.prove import prove as compare
    from bptt_trace.problem.problem import load

    read = load(problem, changes)
    comparisons = compare(read)
    with _opened(None) as file:
        _show_proof(read, comparisons, _console(file), _prints_unicode(file))
    if not all(comparison.agrees for comparison in comparisons):
        raise SystemExit(1)


@command.command()
@_problem_options
def names(problem: str, changes: tuple[str, ...]) -> None:
    """Print the name of every quantity of a problem, one on each line.

    These are the names for answer sheets and for JSON; where the problem has names of its own, they stand beside them.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.
    """
    from bptt_trace.calculation.build import build
    from bptt_trace.engine.scalar_program import scalars
    from bptt_trace.problem.problem import load

    read = load(problem, changes)
    program = scalars(build(read))
    known = [str(step.target) for step in program]
    if read.vocabulary.renamed:
        width = max(map(len, known))
        own = [str(read.vocabulary.shown(step.target)) for step in program]
        known = [f"{name:<{width}}  {other}".rstrip() for name, other in zip(known, own, strict=True)]
    _written((f"{name}\n" for name in known), None)


@command.command()
@click.argument("name", required=False)
def examples(name: str | None) -> None:
    """List the built-in problems, or print the file of one of them, to start from.

    Those marked as published come from elsewhere, with their source in the file.
    """
    from bptt_trace.problem.files import example
    from bptt_trace.problem.files import examples as known
    from bptt_trace.problem.problem import load

    if name is not None:
        _written([example(name)], None)
        return
    width = max(map(len, known()))
    problems = {one: load(one) for one in known()}
    _written((f"{one:<{width}}  {p.title}{' (published)' if p.citation else ''}\n" for one, p in problems.items()), None)


@command.command("from-weights")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--cell", type=click.Choice(["dense", "rnn", "lstm", "gru"]), help="The kind of its layers; told by the arrays if not given."
)
@click.option("--activation", default="tanh", show_default=True, help="The hidden activation, which arrays do not tell.")
@click.option("--output-activation", default="identity", show_default=True, help="The activation of the output layer.")
@click.option("--merge-biases", is_flag=True, help="Add up the two biases of a recurrent layer; otherwise both are kept.")
@click.option(
    "--reset",
    type=click.Choice(["after", "before"]),
    help="Where the reset of a Keras GRU without biases stands: after or before the product.",
)
@click.option("--steps", type=click.IntRange(1, 100), default=2, show_default=True, help="Time steps of the placeholder input.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a number or a setting; may be repeated.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file instead of the screen.")
def from_weights(
    file: Path, cell: str | None, activation: str, output_activation: str, merge_biases: bool, reset: str | None, steps: int,
    changes: tuple[str, ...], output: Path | None,
) -> None:  # fmt: skip
    """Write a problem file with the parameters of a trained model.

    FILE is .npz or .safetensors with PyTorch's names (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0; fc.weight,
    fc.bias), also of several layers and of both directions, or with those of Keras (lstm/lstm_cell/kernel,
    recurrent_kernel, bias; dense/kernel). Names and shapes tell an RNN, an LSTM and a GRU apart. It is read without pickle.

    \b
    Examples:
      bptt-trace from-weights model.npz -o my.toml
      bptt-trace from-weights model.npz --cell rnn --merge-biases --set x=[1,2] | bptt-trace solve -
    """
    from bptt_trace.errors import ProblemError
    from bptt_trace.problem.files import change_document
    from bptt_trace.problem.problem import from_document
    from bptt_trace.trained_models.problem_file import arrays_of, document_from, text_of

    arrays = arrays_of(file)
    try:
        document = document_from(
            arrays,
            cell,
            activation=activation,
            output_activation=output_activation,
            merge_biases=merge_biases,
            reset=reset,
            steps=steps,
        )
        for change in changes:
            change_document(document, change)
        from_document(document)  # what is written can be solved
    except ProblemError as error:
        error.source = error.source or str(file)
        raise
    _written([text_of(document, file.name)], output)


# ---------------------------------------------------------------------- output


def _medium(form: str, templates: Path | None) -> Medium:
    """How the sheets of variants are rendered and written."""
    from bptt_trace.handouts.variant_sheets import Medium
    from bptt_trace.media.templates import latex, markdown, markdown_words, tex_words

    match form:
        case "markdown":
            return Medium("md", lambda sheet: markdown(sheet, templates), markdown_words)
        case "latex":
            return Medium("tex", lambda sheet: latex(sheet, templates), tex_words)
    from bptt_trace.media.latex_program import TYPST, find_engine
    from bptt_trace.media.pdf import compile_many, joined, source

    engine = find_engine()
    return Medium(
        "pdf",
        lambda sheet: source(sheet, templates, engine),
        tex_words,
        holes=engine.name != TYPST,
        compile=lambda documents: compile_many(documents, engine=engine),
        join=joined,
    )


def _told(search: Search, folder: Path, students: Sequence[str]) -> Iterator[str]:
    """What was written, and what was rejected on the way."""
    found = len(search.found)
    from bptt_trace.marking.report import written

    named = [written(student) for student in students[:: max(found - 1, 1)]]
    whose = f", from {named[0]} to {named[-1]}" if named else ""
    yield f"{found} variant{'s' if found != 1 else ''} in {folder}{whose}\n"
    if search.rejected:
        rejected = search.rejected.total()
        yield f"{rejected} of {search.drawn} candidates were rejected:\n"
        width = len(str(rejected))
        for condition, count in search.rejected.most_common():
            yield f"  {count:{width}}  {condition}\n"
    if search.never_shown:
        yield f"Hardly any numbers of this problem would show: {', '.join(search.never_shown)}\n"


def _console(file: IO[str]) -> Console:
    """A console for a terminal; for anything else one without colour, of a fixed width."""
    from rich.console import Console

    if file.isatty():
        return Console(file=file, highlight=False, emoji=False)
    return Console(
        file=file, width=PLAIN_WIDTH, color_system=None, force_terminal=False, legacy_windows=False, highlight=False, emoji=False
    )


def _prints_unicode(file: IO[str]) -> bool:
    try:
        "·−²Ση─━│└…≈•═║╌▲█▒".encode(getattr(file, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


ENDINGS = {
    ".md": "markdown", ".tex": "latex", ".pdf": "pdf", ".html": "html", ".json": "json", ".csv": "csv", ".toml": "toml",
    ".py": "python", ".txt": "terminal",
}  # fmt: skip


def _form(form: str | None, output: Path | None, *known: str) -> str:
    """What is to be printed: as it was told, else by the ending of the file."""
    if form is not None or output is None or (output.exists() and not output.is_file()):
        return form or "terminal"
    ending = output.suffix.lower()
    by_ending = ENDINGS.get(ending, "")
    if by_ending not in known and by_ending != "terminal":
        endings = ", ".join(one for one, other in ENDINGS.items() if other in ("terminal", *known))
        what = f"the ending {ending} says nothing" if ending else "no ending"
        why = f"this command writes no {by_ending}" if by_ending else what
        raise click.UsageError(f"{output}: {why}; -o takes a file that ends in {endings}, or -f says what to write")
    return by_ending


def _can_show(form: str, output: Path | None) -> None:
    """Before anything is calculated: a PDF goes to a file or a pipe, and needs a program."""
    if form != "pdf":
        return
    if output is None and sys.stdout.isatty():
        raise click.UsageError("a PDF is not for the screen; -o FILE writes it to a file")
    from bptt_trace.media.latex_program import find_engine

    find_engine()


def _show(
    sheet: Sheet, form: str, output: Path | None, templates: Path | None = None, *, fragment: bool = False, exam: bool = False
) -> None:
    """Print a sheet."""
    if form == "terminal":
        from bptt_trace.media.terminal import show

        with _opened(output) as file:
            show(sheet, _console(file), unicode=_prints_unicode(file))
        return
    from bptt_trace.media.templates import html, latex, markdown

    if form == "latex":
        _written([latex(sheet, templates, fragment=fragment, exam=exam)], output)
    elif form == "pdf":
        from bptt_trace.media.pdf import compile_one, source

        pdf = compile_one(source(sheet, templates))
        with _opened(output, binary=True) as file:
            file.write(pdf)
    elif form == "html":
        _written([html(sheet, templates)], output)
    elif output is None or (output.exists() and not output.is_file()):
        _written([markdown(sheet, templates)], output)
    else:
        _write_markdown(sheet, output, templates)


def _write_markdown(sheet: Sheet, output: Path, templates: Path | None) -> None:
    """A Markdown file, and beside it the pictures that it links."""
    from bptt_trace.media.drawing.svg import pictures
    from bptt_trace.media.templates import markdown

    drawn = {which: (output.with_name(f"{output.stem}-{which}.svg"), svg) for which, svg in pictures(sheet).items()}
    text = markdown(sheet, templates, {which: file.name for which, (file, _) in drawn.items()})
    with ExitStack() as files:  # all of them are there before the first takes its place
        files.enter_context(_opened(output)).write(text)
        for file, svg in drawn.values():
            files.enter_context(_opened(file)).write(svg)


def _written(pieces: Iterable[str], output: Path | None) -> None:
    with _opened(output) as file:
        file.writelines(pieces)


def _proof_note(problem: Problem) -> Any:
    from bptt_trace.calculation.prove import prove as compare
    from bptt_trace.document.mathematics import Math, inline
    from bptt_trace.document.sheet import Note

    comparisons = compare(problem)
    if not comparisons:
        return None
    if not all(comparison.agrees for comparison in comparisons):
        return Note("Proof", ("The gradients do NOT agree with central differences; see bptt-trace prove.",))
    largest = max((comparison.difference for comparison in comparisons), default=0)
    symbolic = all(comparison.composed is not None for comparison in comparisons)
    by = "SymPy's derivative of the composed loss and with central differences" if symbolic else "central differences"
    bound = f"{largest:.0e}" if largest else "0"
    mantissa, _, exponent = bound.partition("e")
    shown = Math(bound, rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else bound)
    count = len(comparisons)
    return Note(
        "Proof",
        inline(
            "With 60 digits, {which} with {by} to {bound}.",
            which=f"all {count} gradients agree" if count > 1 else "the gradient agrees",
            by=by,
            bound=shown,
        ),
    )


def _show_proof(problem: Problem, comparisons: list[Comparison], console: Console, unicode: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if unicode else box.ASCII2, show_edge=False, pad_edge=False, header_style="bold")
    for heading in ("gradient", "BPTT", "SymPy", "central diff.", "apart by", ""):
        words = heading in ("gradient", "")
        table.add_column(heading, justify="left" if words else "right", no_wrap=words, overflow="fold")
    for one in comparisons:
        composed = "not composed" if one.composed is None else f"{one.composed:.8g}"
        cells = [
            f"dL/d{one.name}",
            f"{one.bptt:.8g}",
            composed,
            f"{one.central:.8g}",
            f"{one.difference:.0e}",
            "agrees" if one.agrees else "DIFFERS",
        ]
        table.add_row(*map(Text, cells))
    console.print(Text(problem.title, style="bold"))
    console.print(table)
    if any(one.composed is None for one in comparisons):
        console.print(
            Text("The loss is too long to be composed into one expression; it was compared with central differences only.")
        )
    if not comparisons:
        why = "there is no loss" if problem.loss.kind == "none" else "every parameter is frozen"
        console.print(Text(f"There is nothing to compare: {why}."))
    elif all(one.agrees for one in comparisons):
        console.print(Text("All gradients agree."))
    else:
        console.print(
            Text(
                "Some gradients differ. A unit of relu that stands exactly at 0 has no derivative there; "
                "otherwise this is a mistake."
            )
        )


def main() -> None:
    """Run the command line; every error becomes one message and an exit status."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a title may have letters that this terminal has not
    gc.disable()  # a third of the time of a long trace; the process ends soon
    try:
        command(standalone_mode=False)
    except click.exceptions.Abort:
        _fail("interrupted", 130)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except TraceError as error:
        _fail(str(error), 2)
    except (BrokenPipeError, ReaderGone):
        # The reader has gone (| head): nobody is left to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
    except OSError as error:
        _fail(f"standard output: cannot be written: {error.strerror or error}", 2)


def _fail(message: str, status: int) -> None:
    shown = "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in message)
    click.echo(f"bptt-trace: {shown}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
