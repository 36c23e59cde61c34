"""A question for PrairieLearn: the files of its folder, and the functions that its server.py calls.

The functions read and change the dictionary ``data`` that PrairieLearn documents for generate, parse and grade. No
result is in the folder: the server works the results out, where the package is installed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property, lru_cache
from html import escape
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bptt_trace.document.local import local, localized
from bptt_trace.document.locale import Locale
from bptt_trace.document.mathematics import Math
from bptt_trace.document.sentences import Inline, joined, say_many, to_say_many
from bptt_trace.document.sheet import Sheet
from bptt_trace.exports.problem_text import in_python, problem_text
from bptt_trace.handouts.variants import Factory
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.lines.blanks import Blanks
from bptt_trace.marking.check import check
from bptt_trace.marking.key import Key
from bptt_trace.marking.marks import RIGHT, Marks, first_fault
from bptt_trace.media.html import html_words
from bptt_trace.media.templates import Filters, Macros, rendered
from bptt_trace.problem.files import document_of
from bptt_trace.problem.problem import Problem, from_document

Data = dict[str, Any]

SERVER = '''"""What PrairieLearn calls; bptt-trace works the results out and marks them."""

from bptt_trace.exports.prairielearn import Question

FIELDS = {fields}

question = Question({problem}, FIELDS, vary={vary})


def generate(data):
    """Draw the given numbers and calculate the results."""
    question.generate(data)


def parse(data):
    """Send back an answer that is no number; it costs no attempt."""
    question.parse(data)


def grade(data):
    """Each line by the student's own numbers, as bptt-trace check does."""
    question.grade(data)
'''


def folder(key: Key, blanks: Blanks, sheet: Sheet, document: Mapping[str, Any], *, vary: bool = False) -> dict[str, str]:
    """The files of a question, by name.

    Args:
        key: The key of the problem.
        blanks: What is left to the student.
        sheet: The worksheet.
        document: The table of keys that the problem was read from.
        vary: Whether each student gets numbers of their own.

    """
    text = problem_text(document, ranges=vary)
    fields = {_field(key.line_texts[position]): str(key.steps[position].target) for position in blanks.asked}
    info = {
        "uuid": str(uuid5(NAMESPACE_URL, f"bptt-trace:{text}{sorted(fields)}{vary}")),
        "title": sheet.title,
        "topic": "Backpropagation through time",
        "tags": [],
        "type": "v3",
    }
    listed = "".join(f"    {json.dumps(field)}: {json.dumps(name)},\n" for field, name in fields.items())
    return {
        "info.json": json.dumps(info, indent=2, ensure_ascii=False) + "\n",
        "question.html": rendered("question.html.j2", {"sheet": local(sheet)}, filters=_FILTERS),
        "server.py": SERVER.format(fields=f"{{\n{listed}}}", problem=in_python(text), vary=vary),
    }


def _field(line: str) -> str:
    """The name of the box of a line: ``line_12``, or ``line_4_1_2`` for line 4.1,2."""
    return "line_" + line.replace(".", "_").replace(",", "_")


def _math(math: Math) -> str:
    return f"${escape(text, quote=True)}$" if (text := math.latex) else ""


def _words(text: str) -> str:
    """Words in which a dollar sign begins no formula."""
    return html_words(text).replace("$", "<span>$</span>")


def _inline(text: Inline) -> str:
    return "".join(_math(part) if isinstance(part, Math) else _words(part) for part in text)


_FILTERS: Filters = {"math": _math, "words": _words, "inline": _inline, "field": _field}


class Question:
    """A question in its ``server.py``: the problem, and the line of each box."""

    def __init__(self, problem: str, fields: Mapping[str, str], *, vary: bool = False) -> None:
        self.document = document_of(problem)
        self.fields, self.vary = fields, vary
        self.key_of = lru_cache(maxsize=64)(lambda code: Key(self._problem(code)))

    @cached_property
    def _factory(self) -> Factory:
        return Factory(self.document)

    @cached_property
    def _locale(self) -> Locale:
        return from_document(self.document).handout.locale

    def _problem(self, code: str) -> Problem:
        if not code:
            return from_document(self.document)
        factory = self._factory
        return factory.variant_problem(code, factory.candidate(code).drawn)

    def _key(self, data: Data) -> Key:
        return self.key_of(data["params"].get("code", ""))

    def generate(self, data: Data) -> None:
        """Draw this student's numbers, if they vary, show the given ones, and put the results where PrairieLearn keeps them."""
        data["params"]["code"] = self._factory.search(1, int(data["variant_seed"])).found[0].code if self.vary else ""
        key = self._key(data)
        data["params"]["given"] = Macros("question.html.j2", worksheet(key), _FILTERS).given()
        for field, name in self.fields.items():
            data["correct_answers"][field] = _right(key, key.program.index[key.register.find(name)])

    def parse(self, data: Data) -> None:
        """Report the answers that cannot be read as numbers; such a submission is not marked and costs no attempt."""
        for field, answer in self._marked(data)[1].items():
            if answer.verdict == "unreadable":
                data["format_errors"][field] = self._said(answer.message)

    def grade(self, data: Data) -> None:
        """Mark all lines together."""
        marks, of_field = self._marked(data)
        for field, answer in of_field.items():
            score = answer.credit / answer.out_of if answer.out_of else 0.0
            data["partial_scores"][field] = {"score": score, "weight": answer.out_of, "feedback": self._said(answer.message)}
        data["score"] = marks.score / marks.out_of if marks.out_of else 0.0
        data["feedback"]["report"] = self._said(_report(marks))

    def _said(self, text: str) -> str:
        """Words in the language of the problem, as HTML."""
        return escape(localized(text, self._locale))

    def _marked(self, data: Data) -> tuple[Marks, dict[str, Any]]:
        submitted = {field: data["submitted_answers"].get(field) for field in self.fields}
        answers = {self.fields[field]: "" if text is None else str(text) for field, text in submitted.items()}
        marks = check(self._key(data), answers)
        of_name = {str(answer.name): answer for answer in marks.answers}
        return marks, {field: of_name[name] for field, name in self.fields.items()}


def _right(key: Key, position: int) -> str:
    """The result of a line with the digits asked for."""
    printed = key.printed.get(position)
    return f"{key.exact[position]:.{max(key.places[position], 0)}f}" if printed is None else str(printed)


def _report(marks: Marks) -> str:
    """The first wrong line, and how many lines follow from it."""
    said = [first_fault(marks)]
    if followed := sum(answer.verdict in RIGHT and bool(answer.inherits) for answer in marks.answers):
        one, many = to_say_many("By your own numbers {n} later line is right.", "By your own numbers {n} later lines are right.")
        said.append(say_many(one, many, followed, n=followed))
    return joined(" ", said)
