"""The page as one file of HTML: the typeset sheet, its numbers as inputs, and the engine."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.document.figures import Figure
from bptt_trace.document.mathematics import Math, words
from bptt_trace.document.sheet import Sheet
from bptt_trace.engine.names import LOSS
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import ProblemError
from bptt_trace.exports.page.book import book
from bptt_trace.exports.page.given_numbers import bounds, fixed, groups, is_free
from bptt_trace.exports.page.live_desk import CLOSE, OPEN, SPOKEN
from bptt_trace.exports.page.live_sheet import LiveSheet, live_sheet
from bptt_trace.exports.page.program import GIVEN, compact, script
from bptt_trace.marking.key import Key
from bptt_trace.media.templates import page as rendered
from bptt_trace.problem.problem import Problem

SCRIPTS = ("arithmetic", "calculation", "marking")
PARTS = ("page", "guide", "answers")
MOST_LINES = 5_000
"""The largest number of component lines of a page: with more no browser keeps up with who types."""


def page(problem: Problem, *, steps: str = "auto", detail: str = "both", style: str = "full", templates: Path | None = None) -> str:
    """A page on which every given number is an input and every line follows.

    ``steps``, ``detail`` and ``style`` are those of ``solve``. Raises ``ProblemError`` for closed forms and unrounded values,
    which a page does not calculate, and for more lines than it has room for.
    """
    if problem.rounding.policy not in ("by_hand", "carry"):
        what = "closed forms" if problem.rounding.policy == "exact" else "unrounded values, whose last digits differ from computer to computer"
        raise ProblemError(f"a page calculates with rounded numbers, not with {what}; --round 4dp, 5sf or carry would do", path="rounding")
    program = scalars(build(problem))
    if len(program) > MOST_LINES:
        raise ProblemError(f"{len(program):,} lines, more than the {MOST_LINES:,} of a page; fewer units, samples, time steps or iterations would do")
    values = evaluate(program, problem.given, problem.rounding)
    live = live_sheet(problem, program, values, steps=steps, detail=detail, style=style)
    found: list[list[Any]] = []
    """The conditions of the blocks that are shown while they are true, in the order of the page."""

    def when(block: object) -> str:
        conditions = live.conditions.get(id(block))
        if not conditions:
            return ""
        found.append([list(one) for one in conditions])
        return str(len(found) - 1)

    own = {"groups": list(groups(live.desk, live.board)), "fixed": fixed(problem)}
    filters: dict[str, Callable[..., str]] = {"when": when, "digest": digest}
    body = rendered(live.sheet, templates, filters, own | {"script": "", "style": ""})
    key = Key(problem, program)
    data = _data(live, found)
    code = "\n".join([_engine(SCRIPTS), live.desk.code.javascript(), book(key, live.desk.code), data, _engine(PARTS), START])
    del body
    return rendered(live.sheet, templates, filters, own | {"script": f'"use strict";{{\n{code}\n}}', "style": script_style()})


START = "start();\nguide();\nanswers();"
