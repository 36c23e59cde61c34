"""Marks as plain data: JSON for whatever reads it, and the results file of an autograder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bptt_trace.check import Marked, Marks

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
        found |= {"expected": _shown(answer.expected), "reference": _shown(answer.reference), "radius": f"{answer.radius:.3g}"}
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
