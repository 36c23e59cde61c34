"""Commands that make sheets for students: ``worksheet`` and ``vary``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bptt_trace.commands import options
from bptt_trace.commands.options import JOBS, PATH
from bptt_trace.commands.output import Output, ends_in

if TYPE_CHECKING:
    from bptt_trace.handouts.variant_sheets import Medium
    from bptt_trace.handouts.variants import Search
    from bptt_trace.problem.problem import Problem

FORMS = ("markdown", "latex", "pdf", "html", "typst", "ipynb", "page", "csv", "toml")
"""The forms of a printed worksheet; a page has boxes to type into, csv and toml are answer sheets."""
EXPORTS = ("xlsx", "qti", "qti2.1", "qti2.2", "moodle", "canvas")
"""The forms of a worksheet for other programs."""


seed = click.option("--seed", type=int, help="A number, by default 1; the same seed gives the same variants on any machine.")
numbers = click.option(
    "--numbers",
    type=click.Choice(["decimals", "whole", "halves"]),
    help="The kind of numbers to draw: decimals; whole numbers, so that every line is short without rounding; "
    "or halves for weights and biases (by default the problem's own kind, or decimals).",
)


@click.command()
@options.problem
@options.form_and_file(
    FORMS + EXPORTS,
    "A page has boxes and writes answers.csv; csv and toml are answer sheets; xlsx is a workbook to fill in; "
    "qti, moodle and canvas are for learning platforms.",
)
@options.blanks
@click.option("--key", "as_key", is_flag=True, help="Print the key instead: the results, and the values of likely mistakes.")
@numbers
@click.option("--seed", type=int, help="Draw the numbers, as the first variant of vary with this seed; 1 with --numbers.")
@click.option(
    "--switch", is_flag=True, help="LaTeX for the lecturer: one source for the worksheet and its key, chosen by a switch."
)
@click.option("--exam", is_flag=True, help="LaTeX for the class exam; with --switch its option answers prints the answers.")
@options.detail_of_blanks
@options.style
@options.fragment
@options.flavor
@options.templates
def worksheet(
    problem: str, changes: tuple[str, ...], form: str | None, target: Path | None, blanks: tuple[str, ...], hints: int,
    as_key: bool, switch: bool, exam: bool, detail: str, style: str, fragment: bool, flavor: str | None, templates: Path | None,
    numbers: str | None, seed: int | None,
) -> None:  # fmt: skip
    """Print a worksheet: the sheet with blanks, or its key.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.

    \b
    Examples:
      bptt-trace worksheet rnn -f pdf -o rnn-worksheet.pdf
      bptt-trace worksheet rnn -f pdf -o rnn-key.pdf --key
      bptt-trace worksheet rnn --blanks gradients --hints 1
      bptt-trace worksheet rnn -f page -o homework.html
      bptt-trace worksheet rnn -f csv -o answers.csv
      bptt-trace worksheet whole-numbers --seed 7 -f pdf -o worksheet.pdf
    """
    from bptt_trace.commands.exported import exported, tell
    from bptt_trace.handouts.answer_key import key_sheet
    from bptt_trace.handouts.blanks import answers_csv, answers_toml, blanks_of, of_a_size_to_fill_in
    from bptt_trace.handouts.worksheet import worksheet as written
    from bptt_trace.lines.view import View
    from bptt_trace.marking.key import Key
    from bptt_trace.problem.problem import loaded

    output = Output.chosen(
        form, target, FORMS + EXPORTS, templates=templates, flavor=flavor, fragment=fragment, switch=switch, exam=exam
    )
    for_answers = output.form in ("csv", "toml", "ipynb")
    if exam and fragment:
        raise click.UsageError("--exam makes a document of its own; --fragment is LaTeX without one")
    if as_key and (switch or exam):
        raise click.UsageError("--key is a sheet of its own; --switch and --exam have the answers in the worksheet")
    if as_key and output.form in EXPORTS:
        raise click.UsageError(
            f"--key does not go with -f {output.form}; a key is printed as terminal, markdown, latex, pdf or html"
        )
    if as_key and for_answers:
        raise click.UsageError("--key goes with a form for people; solve -f json has every result as data")
    if as_key and output.form == "page":
        raise click.UsageError("--key goes with a form for people; the command page shows every result")
    changes = _with_numbers(changes, numbers)
    if numbers is None and seed is None:
        read, content = loaded(problem, changes)
    else:
        read, content = _drawn(problem, changes, 1 if seed is None else seed, blanks, hints)
    of_a_size_to_fill_in(read)
    key = Key(read)
    wanted = blanks_of(key, blanks or ("all",), hints)
    view = View(detail=detail, style=style)
    if output.form in EXPORTS:
        output.write_bytes(exported(output.form, key, wanted))
        tell(output.form)
        return
    if output.form == "ipynb":
        from bptt_trace.exports.notebook import worksheet_notebook

        output.write([worksheet_notebook(key, wanted, written(key, wanted, view), content)])
        return
    if output.form == "page":
        from bptt_trace.exports.page.collect import collecting

        output.write([collecting(key, wanted, view, templates=templates)])
        return
    if for_answers:
        output.write([(answers_csv if output.form == "csv" else answers_toml)(key, wanted)])
        return
    sheet = key_sheet(key, wanted) if as_key else written(key, wanted, view, answers=switch)
    output.show(sheet)


@click.command()
@options.problem
@click.option("-n", "count", type=click.IntRange(1, 100_000), help="The number of variants.")
@seed
@click.option("-o", "--output", type=PATH, metavar="DIR", help="A new folder for all files.")
@click.option("--archive", type=PATH, metavar="FILE.zip", help="One ZIP archive in place of the folder.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["markdown", "latex", "pdf", *EXPORTS]),
    default="markdown",
    show_default=True,
    help="The form of worksheets and keys; for learning platforms keys are Markdown.",
)
@click.option("--students", type=PATH, metavar="IDS.csv", help="A CSV file of students, one in each row; each gets a variant.")
@click.option("--code", metavar="CODE", help="Make the variant with this code again.")
@numbers
@options.blanks
@options.detail_of_blanks
@options.style
@options.templates
@click.option("--jobs", type=JOBS, default=1, show_default=True, help="The number of processes that work.")
def vary(
    problem: str, changes: tuple[str, ...], count: int | None, seed: int | None, output: Path | None, archive: Path | None,
    form: str, students: Path | None, code: str | None, blanks: tuple[str, ...], hints: int, detail: str, style: str,
    templates: Path | None, jobs: int, numbers: str | None,
) -> None:  # fmt: skip
    """Write variants with other numbers.

    Each variant has a worksheet, a key, an answer sheet and a problem file. The numbers are drawn from ranges, which the
    table [vary] of the problem may set, and kept if they are friendly and show the mistakes of the catalogue. The code on
    each sheet makes its variant again.

    PROBLEM is a TOML or JSON file, "-" for standard input, or the name of a built-in example.

    \b
    Examples:
      bptt-trace vary rnn -n 30 --seed 7 -o handouts
      bptt-trace vary rnn --students ids.csv -f pdf -o handouts
      bptt-trace vary rnn --code 36P-K71 -o again
      bptt-trace vary rnn -n 10000 --archive variants.zip --jobs 2
      bptt-trace vary whole-numbers -n 30 -o handouts
      bptt-trace vary rnn --numbers whole --set network.activation=relu -n 30 -o handouts
    """
    from bptt_trace.commands.exported import exporter, prepare, tell
    from bptt_trace.errors import ProblemError
    from bptt_trace.handouts.folder import students_of, write_archive, write_folder
    from bptt_trace.handouts.variant_sheets import Typesetter
    from bptt_trace.handouts.variants import Factory, Search
    from bptt_trace.lines.view import View
    from bptt_trace.marking.class_run import bar
    from bptt_trace.problem.problem import document

    target = archive or output
    if target is None or (archive and output):
        raise click.UsageError("expected -o DIR (a folder for all files) or --archive FILE.zip (one archive)")
    ends_in(archive, ".zip", option="--archive")
    ids = students_of(students) if students else []
    if code is not None and (count or seed is not None or ids):
        raise click.UsageError("--code names one variant; -n, --seed and --students draw others")
    if ids and count not in (None, len(ids)):
        raise click.UsageError(f"-n {count}, but {students} has {len(ids)} students; without -n each gets a variant")
    if form in EXPORTS and templates is not None:
        raise click.UsageError("--templates goes with -f markdown, -f latex or -f pdf")
    prepare(form)
    medium = None if form in EXPORTS else _medium(form, templates)
    read, name = document(problem, _with_numbers(changes, numbers))
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
    setter = exporter(form, factory) if medium is None else Typesetter(factory, medium, View(detail=detail, style=style))
    with bar("writing", shown) as advance:
        write = write_folder if archive is None else write_archive
        write(target, search.found, setter, ids, advance, jobs)
    Output().write(_told(search, target, ids))
    tell(form)


def _drawn(
    problem: str, changes: tuple[str, ...], seed: int, blanks: tuple[str, ...], hints: int
) -> tuple[Problem, dict[str, Any]]:
    """The first variant of a seed, and the table of keys of its file."""
    from bptt_trace.handouts.variant_sheets import ProblemFiles
    from bptt_trace.handouts.variants import Factory
    from bptt_trace.problem.files import document_of
    from bptt_trace.problem.problem import document, from_document

    table, name = document(problem, changes)
    factory = Factory(table, blanks or ("all",), hints, name)
    content = document_of(ProblemFiles(factory).text(factory.search(1, seed).found[0]))
    return from_document(content, name), content


def _with_numbers(changes: tuple[str, ...], numbers: str | None) -> tuple[str, ...]:
    """The changes of a problem, with that of ``--numbers``."""
    return changes if numbers is None else (*changes, f"vary.numbers={numbers}")


def _medium(form: str, templates: Path | None) -> Medium:
    """The renderers and writers of the sheets of variants."""
    from bptt_trace.handouts.variant_sheets import Medium
    from bptt_trace.media.latex_words import is_plain, tex_words
    from bptt_trace.media.templates import latex, markdown, markdown_words

    match form:
        case "markdown":
            return Medium("md", lambda sheet: markdown(sheet, templates), markdown_words)
        case "latex":
            return Medium("tex", lambda sheet: latex(sheet, templates), tex_words, is_plain)
    from bptt_trace.media.latex_program import TYPST, find_engine
    from bptt_trace.media.pdf import compile_many, joined, source

    engine = find_engine()
    return Medium(
        "pdf",
        lambda sheet: source(sheet, templates, engine),
        tex_words,
        is_plain,
        holes=engine.name != TYPST,
        compile=lambda documents: compile_many(documents, engine=engine),
        join=joined,
    )


def _told(search: Search, folder: Path, students: Sequence[str]) -> Iterator[str]:
    """The summary of the written variants and the rejected candidates."""
    from bptt_trace.marking.report import written

    found = len(search.found)
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
        yield f"Mistakes that hardly any numbers show, at least not with all others: {', '.join(search.never_shown)}\n"
