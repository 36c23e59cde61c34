"""A notebook for otter-grader, with its tests: the worksheet's notebook, and a check below each block of answers.

A test of otter passes or fails. So a line has a case for each share of its marks that a verdict can earn, worth the
difference to the next smaller share: together they give the credit of ``check``. Test files are in otter's OK format.
"""

from __future__ import annotations

from collections.abc import Mapping
from pprint import pformat
from typing import Any

from bptt_trace import __version__
from bptt_trace.document.sheet import Sheet
from bptt_trace.exports.notebook import Cell, code, notebook, worksheet_cells
from bptt_trace.lines.blanks import Blanks
from bptt_trace.marking.check import check
from bptt_trace.marking.key import Key


def folder(name: str, key: Key, blanks: Blanks, sheet: Sheet, document: Mapping[str, Any]) -> dict[str, str]:
    """The files of an assignment: the notebook, a test for each block of answers, and what they need."""
    weights = {str(key.steps[position].target): key.weights[position] for position in blanks.asked}
    shares = sorted({share for share in key.shares.values() if share > 0})
    cells: list[Cell] = []
    files = {"requirements.txt": f"bptt-trace=={__version__}\n"}
    *pairs, _marks = worksheet_cells(key, blanks, sheet, document)  # otter adds the marks up by itself
    for cell, names in pairs:
        cells.append(cell | {"metadata": {}})
        if names:
            test = cell["metadata"]["nbgrader"]["grade_id"].replace("-", "_")
            cells.append(code(f'grader.check("{test}")'))
            files[f"tests/{test}.py"] = _test(test, {name: weights[name] for name in names}, shares)
    start = f'import otter\n\ngrader = otter.Notebook("{name}.ipynb")\n'
    return {f"{name}.ipynb": notebook([code(start), *cells, code("grader.check_all()")]), **files}


def _test(name: str, weights: Mapping[str, float], shares: list[float]) -> str:
    """A file of tests: for each line one case for each share."""
    cases = []
    for line, weight in weights.items():
        for least, below in zip(shares, [0.0, *shares], strict=False):
            cases.append({
                "code": f">>> from bptt_trace.exports.otter import earns\n>>> earns(key, answers, {line!r}, {least!r})\nTrue\n",
                "hidden": False,
                "locked": False,
                "points": round(weight * (least - below), 6),
            })  # fmt: skip
    test = {
        "name": name,
        "points": None,
        "suites": [{"cases": cases, "scored": True, "setup": "", "teardown": "", "type": "doctest"}],
    }
    return f"OK_FORMAT = True\n\ntest = {pformat(test, width=120, sort_dicts=False)}\n"


def earns(key: Key, answers: Mapping[str, Any], name: str, share: float) -> bool:
    """Whether the answer to a line earns this share of its marks, given all answers so far."""
    marks = check(key, {line: str(answer) for line, answer in answers.items()})
    (found,) = [answer for answer in marks.answers if str(answer.name) == name]
    return found.credit >= share * found.out_of - 1e-9
