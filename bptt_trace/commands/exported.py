"""What ``worksheet`` and ``vary`` write for other programs, by the name of the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bptt_trace.handouts.blanks import Blanks
    from bptt_trace.handouts.variant_sheets import Typesetter
    from bptt_trace.handouts.variants import Factory
    from bptt_trace.marking.key import Key


def exported(form: str, key: Key, blanks: Blanks) -> bytes:
    """A worksheet in a form."""
    from bptt_trace.exports.workbook import workbook

    del form
    return workbook(key, blanks)


def exporter(form: str, factory: Factory) -> Typesetter:
    """What writes the variants of a factory in a form."""
    from bptt_trace.exports.workbook.variants import workbooks

    del form
    return workbooks(factory)
