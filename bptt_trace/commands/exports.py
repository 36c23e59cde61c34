"""The group ``export``: assignments for autograders, and the filter for pandoc."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from bptt_trace.commands import options
from bptt_trace.commands.options import PATH
from bptt_trace.commands.output import Output, ends_in

if TYPE_CHECKING:
    from bptt_trace.document.sheet import Sheet
    from bptt_trace.lines.blanks import Blanks
    from bptt_trace.marking.key import Key

in_folder = click.option("-o", "--output", "target", type=PATH, metavar="DIR", required=True, help="A new folder for its files.")


@click.group()
def export() -> None:
    """Write an assignment for an autograder.

    The command pandoc writes a filter for documents.

    \b
    Examples:
      bptt-trace export gradescope rnn -o autograder.zip
      bptt-trace export prairielearn rnn --vary -o rnn
      bptt-trace export otter rnn -o rnn
    """


@export.command()
@options.problem
@click.option("-o", "--output", "target", type=PATH, metavar="FILE.zip", required=True, help="The archive to upload.")
def gradescope(problem: str, changes: tuple[str, ...], target: Path) -> None:
    """Write the autograder of a programming assignment on Gradescope.

    Students hand in a sheet of answers (CSV, TOML, JSON or Markdown); they see what check -f gradescope prints. The archive
    is for Gradescope and not for students.
    """
    from bptt_trace.exports.gradescope import autograder
    from bptt_trace.files import opened
    from bptt_trace.marking.key import Key
    from bptt_trace.problem.problem import loaded

    ends_in(target, ".zip")
    read, document = loaded(problem, changes)
    Key(read)  # an uploaded problem must have marks
    with opened(target, binary=True) as file:
        file.write(autograder(document))


@export.command()
@options.problem
@options.blanks
@click.option("--vary", is_flag=True, help="Give each student other numbers, drawn as by the command vary.")
@in_folder
def prairielearn(problem: str, changes: tuple[str, ...], blanks: tuple[str, ...], hints: int, vary: bool, target: Path) -> None:
    """Write the folder of a question for PrairieLearn.

    It has info.json, question.html and server.py, which needs bptt-trace on the server.
    """
    from bptt_trace.errors import ProblemError
    from bptt_trace.exports.prairielearn import folder
    from bptt_trace.handouts.variants import Factory

    made = _assignment(problem, changes, blanks, hints)
    if vary:
        if any(row.numbers or row.result for row in made.sheet.rows()):
            raise click.UsageError("with --vary each student has other numbers, and these blanks or hints print some")
        try:
            Factory(made.document).search(1, 1)  # there are numbers to be drawn
        except ProblemError as error:
            error.source = error.source or problem
            raise
    _write(target, folder(made.key, made.blanks, made.sheet, made.document, vary=vary))


@export.command()
@options.problem
@options.blanks
@in_folder
def otter(problem: str, changes: tuple[str, ...], blanks: tuple[str, ...], hints: int, target: Path) -> None:
    """Write an assignment for otter-grader: a notebook, its tests, and their requirements.

    For nbgrader the notebook of worksheet -f ipynb is ready as it is.
    """
    from bptt_trace.exports.otter import folder

    made = _assignment(problem, changes, blanks, hints)
    _write(target, folder(target.name, made.key, made.blanks, made.sheet, made.document))


@export.command()
@click.option("-o", "--output", "target", type=PATH, metavar="FILE.lua", help="Write to a file instead of the screen.")
def pandoc(target: Path | None) -> None:
    """Write the filter for pandoc and Quarto.

    With it a fenced block of class "bptt" in a document becomes the sheet of the problem in it.
    """
    from importlib.resources import files

    ends_in(target, ".lua")
    Output(file=target).write([files("bptt_trace.exports").joinpath("bptt.lua").read_text("utf-8")])


class _Assignment(NamedTuple):
    key: Key
    blanks: Blanks
    sheet: Sheet
    document: dict[str, Any]


def _assignment(problem: str, changes: tuple[str, ...], blanks: tuple[str, ...], hints: int) -> _Assignment:
    """The worksheet of a problem, with its key, its blanks and its document."""
    from bptt_trace.handouts.blanks import blanks_of, of_a_size_to_fill_in
    from bptt_trace.handouts.worksheet import worksheet
    from bptt_trace.marking.key import Key
    from bptt_trace.problem.problem import loaded

    read, document = loaded(problem, changes)
    of_a_size_to_fill_in(read)
    key = Key(read)
    wanted = blanks_of(key, blanks or ("all",), hints)
    return _Assignment(key, wanted, worksheet(key, wanted), document)


def _write(target: Path, files: Mapping[str, str]) -> None:
    """A folder of texts, which is there whole or not at all."""
    from bptt_trace.handouts.folder import new_folder

    with new_folder(target) as made:
        for name, text in files.items():
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).write_text(text, "utf-8", newline="\n")
