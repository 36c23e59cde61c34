"""Classic quizzes of Canvas: QTI 1.2, a numerical question for each line.

Canvas keeps four decimals of a number: 0.00004 is 0 there. So the question for a line with more decimals asks for a multiple of
a power of ten, and
the bounds of every answer lie on the grid of four decimals, rounded outward. A
question cannot follow a student's numbers. The package holds the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from html import escape

from bptt_trace.archives import small_archive
from bptt_trace.document.digits import Digits
from bptt_trace.document.local import localized
from bptt_trace.document.notation import UNICODE
from bptt_trace.document.sentences import say
from bptt_trace.document.sheet import Row
from bptt_trace.exports.asked_lines import AskedSheet
from bptt_trace.exports.expected_answers import ExpectedAnswers
from bptt_trace.exports.html import plain
from bptt_trace.exports.qti import identifier
from bptt_trace.lines.blanks import Blanks
from bptt_trace.marking.key import Key

KEPT = 4
"""Decimals of a number that Canvas keeps."""
GRID = Decimal(1).scaleb(-KEPT)
SPACE = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"


def package(quizzes: Mapping[str, str]) -> bytes:
    """A content package with these quizzes, by their names; the same quizzes give the same bytes."""
    resources = "".join(
        f'<resource identifier="{name}" type="imsqti_xmlv1p2" href="{name}.xml"><file href="{name}.xml"/></resource>\n'
        for name in quizzes
    )
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<manifest xmlns="http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1" '
        'identifier="bptt-trace">\n<metadata><schema>IMS Content</schema><schemaversion>1.1.3</schemaversion></metadata>\n'
        f"<organizations/>\n<resources>\n{resources}</resources>\n</manifest>\n"
    )
    return small_archive({"imsmanifest.xml": manifest, **{f"{name}.xml": text for name, text in quizzes.items()}})


def quiz(key: Key, blanks: Blanks) -> str:
    """A worksheet as a quiz."""
    return _Quiz(key, blanks).text()


class _Quiz(AskedSheet):
    """One quiz while it is written."""

    def __init__(self, key: Key, blanks: Blanks) -> None:
        super().__init__(key, blanks)
        self.answers = ExpectedAnswers(key)

    def text(self) -> str:
        """The quiz."""
        name, title = identifier(self.sheet.handout.code), escape(self.title)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<questestinterop xmlns="{SPACE}">\n'
            f'<assessment ident="{name}" title="{title}">\n{_facts(cc_maxattempts="1")}'
            f'<section ident="root_section">\n{"".join(self.items(name))}</section>\n</assessment>\n</questestinterop>\n'
        )

    def items(self, name: str) -> Iterator[str]:
        """The given numbers as a text, then a question for each line."""
        given = "".join([*self.given(), *self.conventions("p", without=["Answers", "Boxes"]), *self.decimal_point()])
        facts = _facts(question_type="text_only_question", points_possible="0")
        title = self.named(say("Given"))
        yield f'<item ident="{name}-given" title="{title}">{facts}<presentation>{_material(given)}</presentation></item>\n'
        for line in self.asked():
            yield self.item(name, line.position, line.row, " · ".join(filter(None, (line.section, line.block))))

    def item(self, name: str, position: int, row: Row, where: str) -> str:
        """The question of one line."""
        power = self.power(position)
        sides = [side.spell(UNICODE) for side in (row.name, row.formula, row.numbers)]
        asked = Digits(max(self.key.places[position] - power, 0)).in_words
        if power:
            task = say("Write the result times {power}, with {digits}.", power=f"10^{power}", digits=asked)
        else:
            task = say("Write the result with {digits}.", digits=asked)
        line = say("Line {number}: {formula}", number=row.number, formula=" = ".join(filter(None, sides)))
        text = f"<p>{plain(where)}</p><p>{self.said(line)}</p><p>{self.said(task)}</p>"
        marks = self.key.weights[position]
        facts = _facts(question_type="numerical_question", points_possible=f"{marks:g}")
        label = '<response_label ident="answer1"/>'
        blank = f'<render_fib fibtype="Decimal">{label}</render_fib>'
        box = f'<response_str ident="response1" rcardinality="Single">{blank}</response_str>'
        bounds = "".join(self.conditions(position, power))
        title = self.named(say("Line {number}", number=row.number))
        return (
            f'<item ident="{name}-{position}" title="{title}">{facts}'
            f"<presentation>{_material(text)}{box}</presentation>"
            '<resprocessing><outcomes><decvar maxvalue="100" minvalue="0" varname="SCORE" vartype="Decimal"/></outcomes>'
            f"{bounds}</resprocessing></item>\n"
        )

    def named(self, title: str) -> str:
        """The title of an item, in the language of the sheet, as an attribute."""
        return escape(localized(title, self.sheet.locale))

    def power(self, position: int) -> int:
        """The power of ten that multiplies a result, so that four decimals hold the digits asked for."""
        return max(self.key.places[position] - KEPT, 0)

    def conditions(self, position: int, power: int) -> Iterator[str]:
        """The right answers, each within bounds that Canvas can hold."""
        for one in self.answers.of(position):
            if not one.right:
                continue
            value, tolerance = (Decimal(number).scaleb(power) for number in (one.value, one.tolerance))
            low, high = (value - tolerance).quantize(GRID, ROUND_FLOOR), (value + tolerance).quantize(GRID, ROUND_CEILING)
            middle = value.quantize(GRID) + Decimal(0)
            yield (
                '<respcondition continue="No"><conditionvar><or>'
                f'<varequal respident="response1">{middle:f}</varequal>'
                f'<and><vargte respident="response1">{low:f}</vargte><varlte respident="response1">{high:f}</varlte></and>'
                '</or></conditionvar><setvar action="Set" varname="SCORE">100</setvar></respcondition>'
            )


def _facts(**facts: str) -> str:
    """Metadata, as Canvas reads it."""
    fields = "".join(
        f"<qtimetadatafield><fieldlabel>{label}</fieldlabel><fieldentry>{entry}</fieldentry></qtimetadatafield>"
        for label, entry in facts.items()
    )
    inside = f"<qtimetadata>{fields}</qtimetadata>"
    return inside if "cc_maxattempts" in facts else f"<itemmetadata>{inside}</itemmetadata>"


def _material(html: str) -> str:
    return f'<material><mattext texttype="text/html">{escape(html, quote=False)}</mattext></material>'
