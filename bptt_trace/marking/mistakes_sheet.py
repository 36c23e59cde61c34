"""The sheet of mistakes that a problem can show."""

from __future__ import annotations

from bptt_trace.document.sentences import Inline, in_a_row, inline, say, to_say
from bptt_trace.document.sheet import Column, Paragraph, Section, Sheet, Table
from bptt_trace.lines.spelling import Speller
from bptt_trace.marking.catalogue.entry import CATALOGUE
from bptt_trace.marking.key import Key
from bptt_trace.marking.visible_mistakes import visibility


def mistakes_sheet(key: Key) -> Sheet:
    """The mistakes of the catalogue that a problem's numbers distinguish."""
    seen = visibility(key)
    possible = [mistake for mistake in seen if mistake.possible]
    shown = [mistake for mistake in possible if mistake.shows]
    hidden = [mistake for mistake in possible if not mistake.shows]
    speller = Speller(key.problem.vocabulary)
    heads = (say("mistake"), say("what is done"), say("shows in"), say("looks like"))
    columns = tuple(Column((head,)) for head in heads)
    rows: list[tuple[Inline, ...]] = []
    for mistake in shown:
        names = in_a_row(say(", "), [speller.math(name) for name in mistake.shows[:2]])
        more = len(mistake.shows) - 2
        where = inline("{names}, and {n} more", names=names, n=more) if more > 0 else names
        rows.append(((mistake.mistake.slug,), (mistake.mistake.title,), where, (", ".join(mistake.like),)))
    if not any(mistake.like for mistake in shown):  # no two of them give the same numbers
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    sections = [Section("shown", say("Mistakes that show"), (Table(columns, rows),))]
    if hidden:
        table = Table(
            (Column(inline("mistake")), Column(inline("what is done"))), [((o.mistake.slug,), (o.mistake.title,)) for o in hidden]
        )
        text = say("They change no line by more than five units of the last place: other numbers may show them.")
        sections.append(Section("hidden", say("Mistakes that these numbers hide"), (Paragraph((text,)), table)))
    box = say(
        "{shown} of the {possible} mistakes that can be made here show; the catalogue has {catalogue}.",
        shown=len(shown),
        possible=len(possible),
        catalogue=len(CATALOGUE),
    )
    title = say("Mistakes: {title}", title=key.problem.title)
    return Sheet(title, "", (), (), tuple(sections), kind=to_say("mistakes"), box=(box,),
                 locale=key.problem.handout.locale)  # fmt: skip
