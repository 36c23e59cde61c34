"""The exports of ``worksheet`` and ``vary`` for other programs, by the name of the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bptt_trace.handouts.variant_sheets import Typesetter
    from bptt_trace.handouts.variants import Factory
    from bptt_trace.lines.blanks import Blanks
    from bptt_trace.marking.key import Key

KEYED = ("qti", "qti2.1", "qti2.2", "moodle", "canvas")
"""Forms that hold the key, because the platform marks by it."""


def prepare(form: str) -> None:
    """Raise ``ProgramMissing`` where a library that a form needs is not installed; then nothing has been calculated yet."""
    if form == "xlsx":
        from bptt_trace.exports.workbook.book import writer_of_workbooks

        writer_of_workbooks()


def exported(form: str, key: Key, blanks: Blanks) -> bytes:
    """A worksheet in a form."""
    if form == "xlsx":
        from bptt_trace.exports.workbook import workbook

        return workbook(key, blanks)
    from bptt_trace.exports.platforms import Platform

    platform = Platform(form)
    return platform.file([platform.questions(key, blanks)])


def exporter(form: str, factory: Factory) -> Typesetter:
    """The exporter of a factory's variants in a form."""
    if form == "xlsx":
        from bptt_trace.exports.workbook.variants import workbooks

        return workbooks(factory)
    from bptt_trace.exports.platforms import variants

    return variants(form, factory)


def tell(form: str) -> None:
    """Warn of a form that holds the key."""
    if form in KEYED:
        click.echo(f"bptt-trace: -f {form} holds the key, by which the platform marks; it is not for students", err=True)
