"""Commands that mark: ``check`` one sheet, ``grade`` a class; ``mistakes`` lists what can be noticed."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bptt_trace.commands import options
from bptt_trace.commands.options import JOBS, PATH
from bptt_trace.commands.output import Output, ends_in

FORMS = ("markdown", "latex", "pdf", "html", "json", "gradescope")
"""The forms of the marks of one sheet."""


@click.command()
@click.argument("problem")
@click.argument("answers")
@options.changes
@options.form_and_file(FORMS)
@click.option("--student", default="", help="The student's name or number in the report.")
@click.option("--reveal", is_flag=True, help="Also show the right values and the tolerances, for teachers.")
def check(
    problem: str, answers: str, changes: tuple[str, ...], form: str | None, target: Path | None, student: str, reveal: bool
) -> None:
    """Mark an answer sheet and name its mistakes.

    The report shows the first wrong line; later lines are marked by the student's own numbers.

    ANSWERS is a CSV file (quantity,answer), TOML, JSON, or the Markdown table of a filled-in worksheet; "-" is standard
    input. The exit status is 1 if an answer is wrong, and 2 if no answer is wrong but one could not be read.

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

    output = Output.chosen(form, target, FORMS)
    key = Key(load(problem, changes))
    marks = mark(key, load_answers(answers, key.register))
    if output.form in ("json", "gradescope"):
        from bptt_trace.marking.marks import as_json, gradescope

        output.write([(as_json if output.form == "json" else gradescope)(marks, reveal=reveal)])
    else:
        from bptt_trace.marking.report import report

        output.show(report(key, marks, student, reveal=reveal))
    if marks.faults or marks.unwritten:
        raise SystemExit(1)
    unread = [str(answer.name) for answer in marks.answers if answer.verdict == "unreadable"]
    if unread:
        raise ProblemError(f"could not be read: {', '.join(unread)}; the marks say why", source=answers)


@click.command()
@click.argument("problem")
@click.argument("class_file", metavar="CLASS.csv", type=PATH)
@options.changes
@click.option("-o", "--output", type=PATH, required=True, help="The file of the marks: CSV, or Parquet.")
@click.option("--reports", type=PATH, metavar="DIR", help="A folder for a report on each student.")
@click.option(
    "--report-format",
    "form",
    type=click.Choice(["html", "markdown", "latex", "pdf", "json"]),
    default="html",
    show_default=True,
    help="The form of these reports.",
)
@click.option("--summary", type=PATH, help="Also write a summary of the class, to a .md or .html file.")
@click.option("--variants", type=PATH, metavar="DIR", help="The problem of each student: a folder, or an archive of vary.")
@click.option("--jobs", type=JOBS, default=1, show_default=True, help="The number of processes that mark.")
@click.option("--scheduler", default="", metavar="ADDRESS", help="A Dask cluster that marks, as in tcp://10.0.0.1:8786.")
def grade(
    problem: str, class_file: Path, changes: tuple[str, ...], output: Path, reports: Path | None, form: str,
    summary: Path | None, variants: Path | None, jobs: int, scheduler: str,
) -> None:  # fmt: skip
    """Mark a whole class.

    CLASS.csv has a row for each student: first the student, then an answer in the column of each quantity. The marks file
    has a row for each of them; for a row that cannot be read it gives the reason. An interrupted run goes on where it stopped.
    Exit status 1 if an answer is wrong, 2 if a row could not be read.

    \b
    Examples:
      bptt-trace grade rnn class.csv -o marks.csv
      bptt-trace grade rnn class.csv -o marks.csv --reports reports --jobs 2
      bptt-trace grade rnn class.csv -o marks.csv --reports reports --report-format pdf
    """
    from bptt_trace.errors import ProblemError, TypesettingError
    from bptt_trace.marking.class_run import run
    from bptt_trace.problem.problem import load

    ends_in(output, ".csv", ".parquet")
    ends_in(summary, ".md", ".html", option="--summary")
    read = load(problem, changes)
    tally = run(
        read, class_file, output, reports=reports, form=form, variants=variants, jobs=jobs, progress=sys.stderr.isatty(),
        scheduler=scheduler,
    )  # fmt: skip
    sheet = tally.sheet(read.title, read.handout.locale)
    Output().show(sheet)
    if summary is not None:
        Output("html" if summary.suffix == ".html" else "markdown", summary).show(sheet)
    if tally.failures:
        raise TypesettingError(tally.failures)
    if tally.unread:
        raise ProblemError(f"{tally.unread} of its rows could not be read; {output} says why", source=str(class_file))
    if tally.wrong:
        raise SystemExit(1)


@click.command()
@options.problem
def mistakes(problem: str, changes: tuple[str, ...]) -> None:
    """List the mistakes that a problem's numbers show or hide.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.
    """
    from bptt_trace.marking.key import Key
    from bptt_trace.marking.mistakes_sheet import mistakes_sheet
    from bptt_trace.problem.problem import load

    Output().show(mistakes_sheet(Key(load(problem, changes))))
