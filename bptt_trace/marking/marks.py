"""The result of marking: verdicts, points, and marks as data."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from bptt_trace.document.local import localized
from bptt_trace.document.locale import ENGLISH, Locale
from bptt_trace.document.mathematics import Figures
from bptt_trace.document.sentences import joined, say, say_many
from bptt_trace.engine.names import Name
from bptt_trace.marking.decimal_mark import NONE, DecimalMark

if TYPE_CHECKING:
    from bptt_trace.marking.key import Key

RIGHT = frozenset({"correct", "rough", "rounded", "follow-through", "mixed"})


FAULTS = frozenset({"misconception", "slip", "wrong"})


VERDICTS = RIGHT | FAULTS | {"unreadable", "blank", "not-assessable", "needs-human"}

WORDS = {
    "correct": say("correct"),
    "rounded": say("correct"),
    "follow-through": say("follows from your own numbers"),
    "mixed": say("follows from your own numbers"),
    "rough": say("too few decimals"),
    "misconception": say("misconception"),
    "slip": say("slip"),
    "wrong": say("wrong"),
    "unreadable": say("could not be read"),
    "blank": say("blank"),
    "not-assessable": say("not assessable"),
    "needs-human": say("for a person to look at"),
}
"""The verdicts as a student reads them."""


class Marked(NamedTuple):
    """One answer with its verdict; a named tuple because a class has hundreds of thousands of answers."""

    name: Name
    line: str
    raw: str
    read: Decimal | None
    verdict: str
    credit: float
    out_of: float
    message: str = ""
    misconceptions: tuple[str, ...] = ()
    inherits: tuple[Name, ...] = ()
    """The root faults that a follow-through depends on."""
    expected: float | None = None
    """The right value."""
    reference: float | None = None
    """The value that the answer was compared with: the right one, or one that follows from the student's numbers."""
    radius: float | None = None

    @property
    def root(self) -> bool:
        """Whether a fault begins here."""
        return self.verdict in FAULTS


@dataclass(frozen=True)
class Unwritten:
    """A fault in a blank line, found through the answers that follow from it."""

    name: Name
    line: str
    explains: tuple[Name, ...]


@dataclass(frozen=True)
class Marks:
    """A marked answer sheet."""

    answers: tuple[Marked, ...]
    unwritten: tuple[Unwritten, ...] = ()
    comma: DecimalMark = NONE
    """The meaning of a comma on this sheet, if there is a comma."""
    key: Key | None = field(default=None, repr=False, compare=False)
    """The key that marked the sheet: the report needs its formulas."""

    @property
    def score(self) -> float:
        """The marks earned."""
        return math.fsum(answer.credit for answer in self.answers)

    @property
    def out_of(self) -> float:
        """The marks that could be earned."""
        return math.fsum(answer.out_of for answer in self.answers)

    @property
    def faults(self) -> tuple[Marked, ...]:
        """The answers in which a fault begins, in the order of the calculation."""
        return tuple(answer for answer in self.answers if answer.root)

    @property
    def first_wrong(self) -> Name | None:
        """The first wrong line; a blank line counts if later answers show that its value was wrong."""
        places = [(float(answer.line.partition(".")[0] or "inf"), answer.name) for answer in self.faults]
        places += [(float(blank.line.partition(".")[0] or "inf"), blank.name) for blank in self.unwritten]
        return min(places, key=lambda place: place[0])[1] if places else None

    def to_data(self, *, reveal: bool = False) -> dict[str, Any]:
        """The marks as plain data (format ``bptt-trace-marks/1``); ``reveal`` adds the right values and the tolerances."""
        return as_data(self, reveal=reveal)

    def to_json(self, *, reveal: bool = False) -> str:
        """The marks as JSON."""
        return as_json(self, reveal=reveal)

    def to_gradescope(self, *, reveal: bool = False) -> str:
        """The ``results.json`` of an autograder at Gradescope."""
        return gradescope(self, reveal=reveal)

    def _repr_html_(self) -> str | None:
        """The report, in Jupyter; nothing where the marks do not know their key."""
        from bptt_trace.marking.report import report
        from bptt_trace.media.templates import html_fragment

        return html_fragment(report(self.key, self)) if self.key else None

    def _repr_markdown_(self) -> str | None:
        from bptt_trace.marking.report import report
        from bptt_trace.media.templates import markdown

        return markdown(report(self.key, self)) if self.key else None


FORMAT = "bptt-trace-marks/1"


def as_data(marks: Marks, *, reveal: bool = False) -> dict[str, Any]:
    """A marked sheet as plain data (format ``bptt-trace-marks/1``)."""
    data: dict[str, Any] = {
        "format": FORMAT,
        "score": round(marks.score, 4),
        "out_of": round(marks.out_of, 4),
        "first_wrong": None if marks.first_wrong is None else str(marks.first_wrong),
        "answers": [_answer(answer, reveal) for answer in marks.answers],
        "unwritten": [{"name": str(fault.name), "explains": list(map(str, fault.explains))} for fault in marks.unwritten],
    }
    if marks.comma.mark:
        data["decimal_mark"] = {"mark": marks.comma.mark, "because": marks.comma.because}
    return data


def _answer(answer: Marked, reveal: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": str(answer.name),
        "raw": answer.raw.encode("utf-8", "replace").decode("utf-8"),
        "read": None if answer.read is None else str(answer.read),
        "verdict": answer.verdict,
        "credit": round(answer.credit, 4),
        "out_of": round(answer.out_of, 4),
        "root": answer.root,
        "misconceptions": list(answer.misconceptions),
        "inherits": list(map(str, answer.inherits)),
        "message": answer.message,
    }
    if reveal:
        radius = f"{answer.radius:.3g}" if math.isfinite(answer.radius or 0.0) else None
        data |= {"expected": _shown(answer.expected), "reference": _shown(answer.reference), "radius": radius}
    return data


def _shown(value: float | None) -> str:
    """A double without the traces of its binary digits: 0.3925, not 0.39249999999999996."""
    return "null" if value is None else f"{value:.12g}"


def as_json(marks: Marks, *, reveal: bool = False) -> str:
    """A marked sheet as JSON, without NaN."""
    return json.dumps(as_data(marks, reveal=reveal), indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def gradescope(marks: Marks, *, reveal: bool = False) -> str:
    """The ``results.json`` of Gradescope: a test for each answer; scores have four decimals.

    A student reads its sentences in the language of the sheet.
    """
    locale = marks.key.problem.handout.locale if marks.key else ENGLISH
    tests = [
        {
            "name": str(answer.name),
            "score": round(answer.credit, 4),
            "max_score": round(answer.out_of, 4),
            "status": "passed" if answer.credit >= answer.out_of else "failed",
            "output": _said(answer, locale, reveal=reveal),
        }
        for answer in marks.answers
    ]
    document = {
        "score": round(marks.score, 4),
        "output": localized(first_fault(marks), locale),
        "output_format": "text",
        "tests": tests,
    }
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _said(answer: Marked, locale: Locale, *, reveal: bool) -> str:
    said = [say("{verdict}.", verdict=WORDS[answer.verdict]), answer.message]
    if reveal:
        said.append(say("Right: {number}.", number=Figures(f"{answer.expected:.8g}")))
    text: str = localized(joined(" ", filter(None, said)), locale)
    return text


def first_fault(marks: Marks) -> str:
    """The first wrong line, the number of lines that could not be read, and the meaning of a comma, as sentences."""
    if marks.first_wrong is not None:
        said = [say("The first wrong line is {name}.", name=str(marks.first_wrong))]
    else:
        said = [say("No line is wrong.")]
        if unreadable := sum(answer.verdict == "unreadable" for answer in marks.answers):
            said.append(say_many("{n} line could not be read.", "{n} lines could not be read.", unreadable, n=unreadable))
    return joined(" ", filter(None, [*said, marks.comma.said]))
