"""What marking comes to: verdicts, points, and marks as data."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from bptt_trace.engine.names import Name
from bptt_trace.marking.decimal_mark import NONE, DecimalMark

RIGHT = frozenset({"correct", "rough", "rounded", "follow-through", "mixed"})


FAULTS = frozenset({"misconception", "slip", "wrong"})


VERDICTS = RIGHT | FAULTS | {"unreadable", "blank", "not-assessable", "needs-human"}


class Marked(NamedTuple):
    """One answer with its verdict; a named tuple, as a class has hundreds of thousands of them."""

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
    """The root faults that a follow-through rests on."""
    expected: float | None = None
    """The right value."""
    reference: float | None = None
    """What it was compared with: the right value, or what follows from the student's own numbers."""
    radius: float | None = None

    @property
    def root(self) -> bool:
        """Whether a fault begins here."""
        return self.verdict in FAULTS


@dataclass(frozen=True)
class Unwritten:
    """A fault in a line that was left blank, found by what follows from it."""

    name: Name
    line: str
    explains: tuple[Name, ...]


@dataclass(frozen=True)
class Marks:
    """One answer sheet, marked."""

    answers: tuple[Marked, ...]
    unwritten: tuple[Unwritten, ...] = ()
    comma: DecimalMark = NONE
    """What a comma was taken for, where there is one."""

    @property
    def score(self) -> float:
        """What was earned."""
        return math.fsum(answer.credit for answer in self.answers)

    @property
    def out_of(self) -> float:
        """What could be earned."""
        return math.fsum(answer.out_of for answer in self.answers)

    @property
    def faults(self) -> tuple[Marked, ...]:
        """The answers in which a fault begins, in the order of the calculation."""
        return tuple(answer for answer in self.answers if answer.root)

    @property
    def first_wrong(self) -> Name | None:
        """Where it first goes wrong; a blank line counts where what follows shows that its value was wrong."""
        places = [(float(one.line.partition(".")[0] or "inf"), one.name) for one in self.faults]
        places += [(float(one.line.partition(".")[0] or "inf"), one.name) for one in self.unwritten]
        return min(places, key=lambda place: place[0])[1] if places else None

    def to_data(self, *, reveal: bool = False) -> dict[str, Any]:
        """As plain data (format ``bptt-trace-marks/1``); ``reveal`` adds the right values and the tolerances."""
        return as_data(self, reveal=reveal)

    def to_json(self, *, reveal: bool = False) -> str:
        """The same as text."""
        return as_json(self, reveal=reveal)

    def to_gradescope(self, *, reveal: bool = False) -> str:
        """The ``results.json`` of an autograder at Gradescope."""
        return gradescope(self, reveal=reveal)


FORMAT = "bptt-trace-marks/1"


def as_data(marks: Marks, *, reveal: bool = False) -> dict[str, Any]:
    """One marked sheet as a table (format ``bptt-trace-marks/1``)."""
    data: dict[str, Any] = {
        "format": FORMAT,
        "score": round(marks.score, 4),
        "out_of": round(marks.out_of, 4),
        "first_wrong": None if marks.first_wrong is None else str(marks.first_wrong),
        "answers": [_answer(answer, reveal) for answer in marks.answers],
        "unwritten": [{"name": str(one.name), "explains": list(map(str, one.explains))} for one in marks.unwritten],
    }
    if marks.comma.mark:
        data["decimal_mark"] = {"mark": marks.comma.mark, "because": marks.comma.because}
    return data


def _answer(answer: Marked, reveal: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
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
        found |= {"expected": _shown(answer.expected), "reference": _shown(answer.reference), "radius": radius}
    return found


def _shown(value: float | None) -> str:
    """A double without the traces of its binary digits: 0.3925, not 0.39249999999999996."""
    return "null" if value is None else f"{value:.12g}"


def as_json(marks: Marks, *, reveal: bool = False) -> str:
    """The same as text; no NaN can be in it."""
    return json.dumps(as_data(marks, reveal=reveal), indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def gradescope(marks: Marks, *, reveal: bool = False) -> str:
    """The ``results.json`` of Gradescope: a test for each answer, the score with four places."""
    tests = [
        {
            "name": str(answer.name),
            "score": round(answer.credit, 4),
            "max_score": round(answer.out_of, 4),
            "status": "passed" if answer.credit >= answer.out_of else "failed",
            "output": _said(answer, reveal),
        }
        for answer in marks.answers
    ]
    document = {"score": round(marks.score, 4), "output": _first(marks), "output_format": "text", "tests": tests}
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _said(answer: Marked, reveal: bool) -> str:
    text = f"{answer.verdict}. {answer.message}".strip()
    return f"{text} Right: {answer.expected:.8g}." if reveal else text


def _first(marks: Marks) -> str:
    return f"{_where(marks)} {marks.comma.said}".strip()


def _where(marks: Marks) -> str:
    if marks.first_wrong is not None:
        return f"The first wrong line is {marks.first_wrong}."
    unreadable = sum(answer.verdict == "unreadable" for answer in marks.answers)
    rest = f" {unreadable} line{'s' if unreadable > 1 else ''} could not be read." if unreadable else ""
    return f"No line is wrong.{rest}"
