"""Worksheets for learning platforms: one file of the questions of one sheet, or of all sheets of a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bptt_trace.exports import canvas, moodle, qti
from bptt_trace.exports.qti_expressions import DIALECTS
from bptt_trace.exports.variants import Exporter
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.variant_sheets import Medium
from bptt_trace.handouts.variants import Factory, Family, Variant
from bptt_trace.lines.blanks import Blanks
from bptt_trace.marking.key import Key


class Questions(NamedTuple):
    """The questions of one sheet, under the name that they have in a file."""

    name: str
    text: str


class Platform:
    """The export for one platform."""

    def __init__(self, form: str) -> None:
        self.form = form
        self.ending = "xml" if form == "moodle" else "zip"

    def questions(self, key: Key, blanks: Blanks) -> Questions:
        """The questions of a worksheet."""
        name = qti.identifier(key.problem.handout_with_code.code)
        if self.form == "moodle":
            return Questions(name, "".join(moodle.questions(key, blanks)))
        if self.form == "canvas":
            return Questions(name, canvas.quiz(key, blanks))
        return Questions(name, qti.item(key, blanks, DIALECTS[self.form]))

    def file(self, sheets: Sequence[Questions]) -> bytes:
        """A file of the questions of some sheets."""
        if self.form == "moodle":
            return moodle.question_bank(sheet.text for sheet in sheets).encode()
        named = {sheet.name: sheet.text for sheet in sheets}
        return canvas.package(named) if self.form == "canvas" else qti.package(named, DIALECTS[self.form])


def variants(form: str, factory: Factory) -> Exporter:
    """The exporter of a factory's variants for a platform: a file for each, and one for all; keys are Markdown."""
    from bptt_trace.media.templates import markdown

    platform = Platform(form)

    def kept(family: Family, variant: Variant, student: str) -> tuple[Questions, str]:
        del student
        key = Key(factory.variant_problem(variant.code, variant.drawn), family.key.program)
        blanks = factory.blanks(key)
        return platform.questions(key, blanks), markdown(key_sheet(key, blanks))

    def file(kind: str, sheet: Questions | str) -> bytes:
        del kind
        return sheet.encode() if isinstance(sheet, str) else platform.file([sheet])

    def of_class(kind: str, sheets: Sequence[Questions]) -> Mapping[str, bytes]:
        return {f".{platform.ending}": platform.file(sheets)} if kind == "worksheets" else {}

    return Exporter(factory, Medium(platform.ending, str, str, key_ending="md", file=file, all=of_class), kept)
