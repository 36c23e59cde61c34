"""The catalogues of translations, by Babel: messages are collected from the sources, and translations compiled.

The build of a wheel compiles them (``hatch_build.py`` runs this file by itself: it imports nothing of the package), so an
installed program needs no Babel. ``python bptt_trace/languages/catalogues.py`` brings the catalogues up to date with the
sources; ``python bptt_trace/languages/catalogues.py it`` begins one for Italian.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from babel.core import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
KEYWORDS = {
    "say": None, "inline": None, "to_say": None,
    "say_many": (1, 2), "inline_many": (1, 2), "to_say_many": (1, 2),
}  # fmt: skip
"""Functions whose first argument, or first two, are words to translate: those of ``document/sentences.py``."""
_BRACKETS = {
    "block_start_string": "((*", "block_end_string": "*))", "variable_start_string": "(((", "variable_end_string": ")))",
    "comment_start_string": "((=", "comment_end_string": "=))",
}  # fmt: skip
SOURCES: tuple[tuple[str, list[tuple[str, str]], dict[str, dict[str, str]]], ...] = (
    ("bptt_trace", [("**.py", "python"), ("**.js", "javascript")], {}),
    ("templates", [("**.tex.j2", "jinja2"), ("**.typ.j2", "jinja2"), ("**.j2", "jinja2")],
     {"**.tex.j2": _BRACKETS, "**.typ.j2": _BRACKETS}),
)  # fmt: skip


def collected() -> Catalog:
    """All messages to translate."""
    found = Catalog(project="bptt-trace", charset="utf-8")
    for folder, methods, options in SOURCES:
        for file, _, message, _, _ in extract_from_dir(ROOT / folder, methods, options, KEYWORDS):
            found.add(message, locations=[(f"{folder}/{file}", 0)])
    return found


def read(file: Path) -> Catalog:
    """A catalogue as it stands in a file."""
    with file.open("rb") as text:
        return read_po(text, locale=file.stem)


def compiled(file: Path) -> bytes:
    """A catalogue as gettext reads it; what a translator has marked as uncertain is left out."""
    made = BytesIO()
    write_mo(made, read(file))
    return made.getvalue()


def begun(locale: Locale) -> Catalog:
    """An empty catalogue, to whose head a translator may add a name."""
    comment = f"# The sentences of bptt-trace in {locale.english_name}.\n#"
    nobody = {"msgid_bugs_address": "none", "last_translator": "none", "language_team": "none"}
    return Catalog(locale, project="bptt-trace", header_comment=comment, **nobody)


def updated(file: Path, messages: Catalog) -> None:
    """Write a catalogue anew: with what is new in the sources, without what is gone."""
    catalogue = read(file) if file.is_file() else begun(Locale.parse(file.stem))
    catalogue.update(messages, no_fuzzy_matching=True, update_creation_date=False)  # nothing changes where no sentence does
    catalogue.obsolete.clear()
    with file.open("wb") as text:
        write_po(text, catalogue, width=130, include_lineno=False, sort_output=True)


if __name__ == "__main__":
    everything = collected()
    for file in [HERE / f"{language}.po" for language in sys.argv[1:]] or sorted(HERE.glob("*.po")):
        updated(file, everything)
