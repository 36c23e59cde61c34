"""Notebooks for Jupyter and Colab: a worked solution that runs, and a worksheet that marks itself.

Format: Jupyter Notebook 4.5. The cells of a worksheet carry the metadata of nbgrader (its schema 3): students fill in
the cells of answers, all others are locked, and the last one is worth the marks of the sheet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bptt_trace.document.local import local
from bptt_trace.document.sentences import to_say
from bptt_trace.document.sheet import Block, Lines, Sheet
from bptt_trace.exports.problem_text import in_python, problem_text
from bptt_trace.lines.blanks import Blanks
from bptt_trace.marking.key import Key
from bptt_trace.marking.marks import Marks
from bptt_trace.media.drawing.svg import embedded
from bptt_trace.media.templates import markdown, markdown_parts

Cell = dict[str, Any]

INSTALL = to_say("In Colab, or wherever bptt-trace is not installed, run this first:")


def solution_notebook(sheet: Sheet, program: str = "") -> str:
    """A worked solution: a cell of text for each section and, where there is one, the program that reproduces the sheet."""
    sheet, say = local(sheet), sheet.locale.say
    parts = markdown_parts(sheet, embedded(sheet))
    cells = [text(parts.head())]
    for number, section in enumerate(sheet.sections, start=1):
        cells.append(text(parts.heading(number, section), *map(parts.block, section.blocks)))
    cells.append(text(parts.foot()))
    if program:
        heading = say("The sheet as a program")
        said = say("Each line of the sheet is a statement; its result is compared with the printed one. It needs Python alone.")
        cells += [text(f"## {heading}\n", said), code(program)]
    return notebook(cells)


def worksheet_notebook(key: Key, blanks: Blanks, sheet: Sheet, document: Mapping[str, Any]) -> str:
    """A worksheet: below each block of lines a cell for its answers, at the end a cell that marks them.

    Args:
        key: The key of the problem.
        blanks: What is left to the student.
        sheet: The worksheet.
        document: The table of keys that the problem was read from. The cell that marks works the results out from it; no
            result of a blank stands in the file.

    """
    return notebook([cell for cell, _ in worksheet_cells(key, blanks, sheet, document)])


def worksheet_cells(key: Key, blanks: Blanks, sheet: Sheet, document: Mapping[str, Any]) -> list[tuple[Cell, Sequence[str]]]:
    """The cells of a worksheet, ready for nbgrader, each with the names of the answers in it."""
    sheet, say = local(sheet), sheet.locale.say
    parts = markdown_parts(sheet, embedded(sheet))
    install = f"# {say(INSTALL)}\n# %pip install --quiet bptt-trace\n"
    cells: list[tuple[Cell, Sequence[str]]] = [
        (text(parts.head()), ()),
        (locked(code(install + _given(document)), "problem"), ()),
    ]
    boxes = 0
    asked = {key.line_texts[position]: str(key.steps[position].target) for position in blanks.asked}
    for number, section in enumerate(sheet.sections, start=1):
        pieces = [parts.heading(number, section)]
        for block in section.blocks:
            pieces.append(parts.block(block))
            wanted = answers_in(block, asked)
            if wanted:
                boxes += 1
                cells += [(text(*pieces), ()), (answers(wanted, f"answers-{boxes}"), wanted)]
                pieces = []
        if pieces:
            cells.append((text(*pieces), ()))
    points = sum(key.weights[position] for position in blanks.asked)
    heading = say("Check your answers")
    said = say("Whenever you have changed an answer, run the cell of this answer and then the next one.")
    last = [
        text(f"## {heading}\n", said),
        locked(code(_MARKING), "marking"),
        locked(code("round(marks.score, 4)"), "marks", points),
    ]
    return [*cells, *((cell, ()) for cell in last)]


_MARKING = """from bptt_trace import check
from bptt_trace.exports.notebook import Report

marks = check(key, {name: str(answer) for name, answer in answers.items()})
Report(key, marks)
"""


def _given(document: Mapping[str, Any]) -> str:
    """The cell that reads the problem: the given numbers, and no result."""
    return f"from bptt_trace import Key, parse\n\nkey = Key(parse({in_python(problem_text(document))}))\nanswers = {{}}\n"


def answers_in(block: Block, asked: Mapping[str, str]) -> list[str]:
    """The names, as in answer files, of the blanks of a block; ``asked`` has them by the number of their line."""
    return [asked[row.number] for row in block.rows if row.blank] if isinstance(block, Lines) else []


def answers(names: Sequence[str], identifier: str) -> Cell:
    """A cell for answers."""
    lines = "".join(f"    {json.dumps(name)}: {json.dumps('')},\n" for name in names)
    return _graded(code(f"answers |= {{\n{lines}}}\n"), identifier, solution=True)


class Report:
    """The report on marked answers, which shows itself in a notebook."""

    def __init__(self, key: Key, marks: Marks) -> None:
        self.key, self.marks = key, marks

    def _repr_markdown_(self) -> str:
        from bptt_trace.marking.report import report

        return markdown(report(self.key, self.marks))


# ----------------------------------------------------------------------- cells


def text(*pieces: str) -> Cell:
    """A cell of Markdown."""
    return {"cell_type": "markdown", "metadata": {}, "source": "\n".join(pieces).rstrip()}


def code(program: str) -> Cell:
    """A cell of Python."""
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": program.rstrip()}


def locked(cell: Cell, identifier: str, points: float | None = None) -> Cell:
    """A cell that nbgrader restores before it marks; with ``points`` what it evaluates to is the credit."""
    return _graded(cell, identifier, points=points)


def _graded(cell: Cell, identifier: str, *, solution: bool = False, points: float | None = None) -> Cell:
    graded = points is not None
    facts = {
        "grade": graded,
        "grade_id": identifier,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    return cell | {"metadata": {"nbgrader": facts | ({"points": points} if graded else {})}}


def notebook(cells: Sequence[Cell], metadata: Mapping[str, Any] | None = None) -> str:
    """The notebook as text; the same cells give the same bytes."""
    document = {
        "cells": list(_numbered(cells)),
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            **(metadata or {}),
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _numbered(cells: Sequence[Cell]) -> Iterator[Cell]:
    for number, cell in enumerate(cells, start=1):
        yield {"id": f"cell-{number}", **cell, "source": cell["source"].splitlines(keepends=True)}
