"""Moodle XML: a worksheet as one question with a box for each line, and a numerical question for each final result.

The boxes are embedded answers (cloze): ``{1:NUMERICAL:=0.5370:0.0001~%0%0.6:0.0001#message}``. Each accepts the
unrounded value and the one by hand, and knows the values of named mistakes, which earn nothing and get their message.
It cannot follow a student's numbers. The questions hold the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cached_property
from html import escape
from math import lcm

from bptt_trace.document.local import localized
from bptt_trace.document.notation import UNICODE
from bptt_trace.document.sentences import say
from bptt_trace.document.sheet import Row
from bptt_trace.exports.asked_lines import AskedSheet
from bptt_trace.exports.expected_answers import Expected, ExpectedAnswers
from bptt_trace.exports.html import clean, plain
from bptt_trace.lines.blanks import Blanks
from bptt_trace.marking.key import Key

CELL = ' style="padding: 1px 8px; vertical-align: top"'
MOST_WEIGHT = 1_000
"""A weight is a whole number."""
BACKSLASH = "\\"


def question_bank(questions: Iterable[str]) -> str:
    """A file with these questions."""
    return "".join(['<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n', *questions, "</quiz>\n"])


def questions(key: Key, blanks: Blanks) -> Iterator[str]:
    """The questions of one worksheet, each in its category."""
    sheet = _Questions(key, blanks)
    yield sheet.category(say("Sheets"))
    yield sheet.whole()
    yield sheet.category(say("Results"))
    yield from sheet.results()


class _Questions(AskedSheet):
    """The questions of one worksheet."""

    def __init__(self, key: Key, blanks: Blanks) -> None:
        super().__init__(key, blanks)
        self.answers = ExpectedAnswers(key)

    @cached_property
    def name(self) -> str:
        """The title; a slash would begin another category."""
        return self.sheet.title.replace("/", "∕")

    def category(self, name: str) -> str:
        """The category of the questions that follow; the name is translated."""
        place = escape(f"$course$/top/{self.name}/{localized(name, self.sheet.locale)}", quote=False)
        return f'<question type="category"><category><text>{place}</text></category></question>\n'

    @cached_property
    def weights(self) -> dict[int, int]:
        """The weight of each line, as a whole number of a common share of a mark."""
        shares = {p: Fraction(self.key.weights[p]).limit_denominator(MOST_WEIGHT) for p in self.blanks.asked}
        common = lcm(*(share.denominator for share in shares.values()))
        return {p: int(share * common) for p, share in shares.items()}

    def whole(self) -> str:
        """All lines in one question."""
        text = "".join([self.head, *self.tables()])
        return f'<question type="cloze">\n{_named(self.title)}{_text("questiontext", text)}<penalty>0</penalty>\n</question>\n'

    @cached_property
    def head(self) -> str:
        """The given numbers, and the rules of the sheet."""
        return "".join(self._head())

    def _head(self) -> Iterator[str]:
        yield from self.instructions()
        yield from self.given(CELL)
        yield "<ul>"
        yield from self.conventions("li", without=["Answers"])  # these promise tolerances that only a person or check has
        yield "</ul>"

    def tables(self) -> Iterator[str]:
        """The lines, section by section."""
        for part in self.parts:
            yield f"<h4>{plain(part.title)}</h4>"
            for title, lines in part.blocks:
                if title:
                    yield f"<p><em>{plain(title)}</em></p>"
                yield f"<table>{''.join(self.row(position, row) for position, row in lines)}</table>"

    def row(self, position: int, row: Row) -> str:
        """A line with its box, or with its result."""
        sides = [side.spell(UNICODE) for side in (row.name, row.formula, row.numbers)]
        asked = self.is_asked(position, row)
        answer = f"{self.box(position)} ({self.said(row.blank.in_words)})" if asked else plain(row.result.spell(UNICODE))
        cells = [row.number, f"{plain(' = '.join(filter(None, sides)))} =", answer]
        return f"<tr>{''.join(f'<td{CELL}>{cell}</td>' for cell in cells)}</tr>"

    def box(self, position: int) -> str:
        """An embedded answer; a line without marks has none."""
        weight = self.weights[position]
        if not weight:
            return "____"
        return f"{{{weight}:NUMERICAL:{'~'.join(map(self.alternative, self.answers.of(position)))}}}"

    def alternative(self, one: Expected) -> str:
        """One answer of a box; what would end a message is written as an entity, which Moodle reads before it shows it."""
        number = f"{_number(one.value)}:{_tolerance(one.tolerance)}"
        if one.right:
            return f"={number}"
        return f"%0%{number}#{self.said(one.message).replace('~', '&#126;').replace(BACKSLASH, '&#92;')}"

    # ------------------------------------------------------------------ results

    def results(self) -> Iterator[str]:
        """A numerical question for each line that goes into no other line asked for."""
        used = {argument for position in self.blanks.asked for argument in self.key.arguments[position]}
        return (self.numerical(line.position, line.row) for line in self.asked() if line.position not in used)

    def numerical(self, position: int, row: Row) -> str:
        """One result, to be found from the given numbers."""
        name = row.name.spell(UNICODE)
        question = say("What is {name}? ({digits})", name=name, digits=row.blank.in_words)
        text = f"{self.head}<p>{self.said(question)}</p>"
        answers = "".join(map(self.answer, self.answers.of(position)))
        rest = "<unitgradingtype>0</unitgradingtype><unitpenalty>0</unitpenalty><showunits>3</showunits><unitsleft>0</unitsleft>"
        grade = f"<defaultgrade>{self.key.weights[position]:g}</defaultgrade><penalty>0</penalty>"
        head = f"{_named(f'{self.title}: {name}')}{_text('questiontext', text)}{grade}\n"
        return f'<question type="numerical">\n{head}{answers}{rest}\n</question>\n'

    def answer(self, one: Expected) -> str:
        """One answer of a numerical question."""
        message = escape(self.said(one.message), quote=False)
        feedback = f'<feedback format="html"><text>{message}</text></feedback>' if message else ""
        number = f"<text>{_number(one.value)}</text><tolerance>{_tolerance(one.tolerance)}</tolerance>"
        return f'<answer fraction="{100 if one.right else 0}" format="moodle_auto_format">{number}{feedback}</answer>\n'


def _named(title: str) -> str:
    return f"<name><text>{escape(clean(title), quote=False)}</text></name>\n"


def _text(element: str, html: str) -> str:
    return f'<{element} format="html"><text>{escape(html, quote=False)}</text></{element}>\n'


def _number(value: float) -> str:
    """A number with all its digits, with a minus sign of ASCII."""
    return repr(value + 0.0)


def _tolerance(value: float) -> str:
    return f"{value:.6g}"
