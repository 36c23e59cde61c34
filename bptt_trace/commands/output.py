"""The target of a command's output, and its form."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bptt_trace.commands.exported import prepare
from bptt_trace.commands.screen import Screen, paged
from bptt_trace.files import opened

if TYPE_CHECKING:
    from bptt_trace.document.sheet import Sheet

ENDINGS = {
    ".md": "markdown", ".tex": "latex", ".pdf": "pdf", ".html": "html", ".json": "json", ".csv": "csv", ".toml": "toml",
    ".py": "python", ".txt": "terminal", ".xlsx": "xlsx", ".zip": "qti", ".xml": "moodle", ".typ": "typst",
    ".ipynb": "ipynb",
}  # fmt: skip
"""The form of a file by its ending."""
BINARY = {
    "pdf": "a PDF",
    "xlsx": "a workbook",
    "qti": "a package",
    "qti2.1": "a package",
    "qti2.2": "a package",
    "canvas": "a package",
}
"""Forms that are not text."""
TEMPLATED = ("latex", "pdf", "markdown", "html", "page", "typst", "beamer")
"""The forms that are made by templates."""


EMBEDDED: ContextVar[Callable[[Sheet], None] | None] = ContextVar("EMBEDDED", default=None)
"""The function that shows sheets inside a notebook or a document, instead of the terminal."""


@dataclass(frozen=True)
class Output:
    """One form, and a file for it or standard output."""

    form: str = "terminal"
    file: Path | None = None
    templates: Path | None = None
    fragment: bool = False
    exam: bool = False
    flavor: str = "github"

    @classmethod
    def chosen(
        cls,
        form: str | None,
        file: Path | None,
        forms: tuple[str, ...],
        *,
        templates: Path | None = None,
        flavor: str | None = None,
        **latex: bool,
    ) -> Output:
        """The output that the options ask for.

        Args:
            form: What ``-f`` says.
            file: What ``-o`` says.
            forms: What the command prints.
            templates: What ``--templates`` says.
            flavor: What ``--flavor`` says.
            latex: Options that go with LaTeX only, by name.

        Raises:
            click.UsageError: If these options do not go together.
            ProgramMissing: If nothing here makes a PDF, or a workbook; then nothing has been calculated yet.

        """
        form = _form(form, file, forms)
        for name, given in latex.items():
            if given and form != "latex":
                raise click.UsageError(f"--{name} goes with -f latex")
        if flavor is not None and form != "markdown":
            raise click.UsageError("--flavor goes with -f markdown")
        if templates is not None and form not in TEMPLATED:
            *others, last = (f"-f {form}" for form in TEMPLATED)
            raise click.UsageError(f"--templates goes with {', '.join(others)} or {last}")
        if form in BINARY and file is None and sys.stdout.isatty():
            raise click.UsageError(f"{BINARY[form]} is not for the screen; -o FILE writes it to a file")
        if form == "pdf":
            from bptt_trace.media.latex_program import find_engine

            find_engine()
        prepare(form)
        return cls(form, file, templates, latex.get("fragment", False), latex.get("exam", False), flavor or "github")

    def write(self, pieces: Iterable[str]) -> None:
        """Text that is made already."""
        with opened(self.file) as file:
            file.writelines(pieces)

    def write_bytes(self, data: bytes) -> None:
        """A file that is made already."""
        with opened(self.file, binary=True) as file:
            file.write(data)

    def show(self, sheet: Sheet) -> None:
        """A sheet."""
        elsewhere = EMBEDDED.get()
        if self.form == "terminal" and self.file is None and elsewhere is not None:
            elsewhere(sheet)
        elif self.form == "terminal":
            from bptt_trace.media.terminal import show

            screen = Screen.chosen()
            if self.file is not None or not sys.stdout.isatty():
                with opened(self.file) as file:
                    show(sheet, screen.on(file, file.isatty()), unicode=screen.prints_unicode(file))
            else:
                with paged() as file:
                    show(sheet, screen.on(file, True), unicode=screen.prints_unicode(sys.stdout))
        elif self.form == "json":
            from bptt_trace.media.sheet_json import write_json

            self.write(write_json(sheet))
        elif self.form == "pdf":
            from bptt_trace.media.pdf import as_pdf

            self.write_bytes(as_pdf(sheet, self.templates))
        else:
            self._show_by_template(sheet)

    def _show_by_template(self, sheet: Sheet) -> None:
        from bptt_trace.media.templates import html, latex, markdown, typst

        if self.form == "typst":
            self.write([typst(sheet, self.templates)])
        elif self.form == "latex":
            self.write([latex(sheet, self.templates, fragment=self.fragment, exam=self.exam)])
        elif self.form == "html":
            self.write([html(sheet, self.templates)])
        elif self.file is None or _is_no_file(self.file):
            self.write([markdown(sheet, self.templates, flavor=self.flavor)])
        else:
            self._show_with_pictures(sheet, self.file)

    def _show_with_pictures(self, sheet: Sheet, output: Path) -> None:
        """A Markdown file, and beside it the pictures that it links."""
        from bptt_trace.media.drawing.svg import pictures
        from bptt_trace.media.templates import markdown

        drawn = {which: (output.with_name(f"{output.stem}-{which}.svg"), svg) for which, svg in pictures(sheet).items()}
        text = markdown(sheet, self.templates, {which: file.name for which, (file, _) in drawn.items()}, self.flavor)
        with ExitStack() as files:  # all of them are there before the first takes its place
            files.enter_context(opened(output)).write(text)
            for file, svg in drawn.values():
                files.enter_context(opened(file)).write(svg)


def ends_in(output: Path | None, *endings: str, option: str = "-o") -> None:
    """Raise ``click.UsageError`` for a file whose ending says that it is something else."""
    if output is not None and output.suffix.lower() not in endings and not _is_no_file(output):
        what = f"the ending {output.suffix} says nothing" if output.suffix else "no ending"
        raise click.UsageError(f"{output}: {what}; {option} takes a file that ends in {', '.join(endings)}")


def _is_no_file(output: Path) -> bool:
    """Whether a folder, a pipe or a device stands there: nothing can be written beside it, and its name says nothing."""
    return output.exists() and not output.is_file()


def _form(form: str | None, output: Path | None, forms: tuple[str, ...]) -> str:
    """The form by ``-f``, else by the ending of the file."""
    if form is not None or output is None or _is_no_file(output):
        return form or "terminal"
    ending = output.suffix.lower()
    by_ending = ENDINGS.get(ending, "")
    if by_ending not in ("terminal", *forms):
        endings = ", ".join(ending for ending, other in ENDINGS.items() if other in ("terminal", *forms))
        what = f"the ending {ending} says nothing" if ending else "no ending"
        why = f"this command writes no {by_ending}" if by_ending else what
        raise click.UsageError(f"{output}: {why}; -o takes a file that ends in {endings}, or -f says what to write")
    return by_ending
