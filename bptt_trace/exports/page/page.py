"""The page as one file of HTML: the typeset sheet, its numbers as inputs, and the engine."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.document.figures import Figure
from bptt_trace.document.local import localized
from bptt_trace.document.notation import TEXT
from bptt_trace.document.sentences import words
from bptt_trace.document.sheet import Sheet
from bptt_trace.engine.names import LOSS, Role
from bptt_trace.engine.program import Program
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import ProblemError
from bptt_trace.exports.page.book import book
from bptt_trace.exports.page.given_numbers import bounds, calculates, fixed, groups
from bptt_trace.exports.page.live_desk import CLOSE, OPEN, SPOKEN
from bptt_trace.exports.page.live_sheet import LiveSheet, live_sheet
from bptt_trace.exports.page.program import compact, language, script, scripts
from bptt_trace.lines.view import View
from bptt_trace.marking.key import Key
from bptt_trace.media.templates import page as rendered
from bptt_trace.problem.problem import Problem

SCRIPTS = ("arithmetic", "calculation", "worlds", "assessable", "marking")
PARTS = ("page", "guide", "answers")
MOST_LINES = 5_000
"""The largest number of component lines of a page: with more no browser keeps up with who types."""


def page(
    problem: Problem,
    view: View = View(),
    *,
    plain: bool = False,
    templates: Path | None = None,
) -> str:
    """A page on which every given number is an input and every line follows.

    The sheet and the engine stand deflated in the file; ``plain``
    leaves them as they are, which takes three times the room. Closed forms and unrounded values are shown as they are, with
    the reason. Raises ``ProblemError`` for more lines than a page has room for.
    """
    problem = replace(problem, rounding=replace(problem.rounding, scientific=False))
    program = _within_reach(problem)
    values = evaluate(program, problem.given, problem.rounding)
    live = live_sheet(problem, program, values, view)
    shown = _Conditions(live)
    locale = live.sheet.locale
    inputs = {
        "groups": localized(list(groups(live.desk, live.board)), locale),
        "fixed": localized(fixed(problem), locale),
        "calculates": calculates(problem),
        "closed": live.desk.policy == "exact",
    }
    filters = {"when": shown.when, "marked": lambda text: text.replace(".", locale.decimal_mark)}
    body = rendered("live.html.j2", live.sheet, templates, filters, **inputs)
    code = (
        language(scripts((*SCRIPTS, *PARTS)), locale),
        scripts(SCRIPTS),
        live.desk.code.javascript(),
        book(Key(problem, program), live.desk.code),
        f"const sheet = {compact(_data(live, shown.found))};",
        scripts(PARTS),
        START,
    )
    whole = rendered("stage.html.j2", live.sheet, templates, {}, body=body)
    return framed(live.sheet, whole, "\n".join(code), plain=plain, templates=templates)


def _within_reach(problem: Problem) -> Program:
    """The program of a problem that can have a page; raises ``ProblemError`` for one that cannot."""
    program = scalars(build(problem))
    if len(program) > MOST_LINES:
        fewer = "use fewer units, samples, time steps or iterations"
        raise ProblemError(f"{len(program):,} lines, more than the {MOST_LINES:,} of a page; {fewer}")
    return program


class _Conditions:
    """The conditions of the blocks that are shown while they are true, in the order of the page."""

    def __init__(self, live: LiveSheet) -> None:
        self.live = live
        self.found: list[list[Any]] = []

    def when(self, block: object) -> str:
        """A filter: the number of the conditions of a block; empty where it is always shown."""
        conditions = self.live.conditions.get(id(block))
        if not conditions:
            return ""
        self.found.append([list(condition) for condition in conditions])
        return str(len(self.found) - 1)


def framed(sheet: Sheet, body: str, code: str, *, plain: bool, templates: Path | None) -> str:
    """The file: a head with its policy, the style, the body and the script; ``plain`` leaves these as they are."""
    engine = squeezed(f'"use strict";\n{{\n{code}\n}}')
    style = squeezed(rendered("page.css.j2", sheet, templates, {}))
    scripts = [engine] if plain else [script("unpack"), engine]
    told = {"body": body, "scripts": scripts, "style": style, "packed": "" if plain else packed(f"{body}\0{engine}")}
    return rendered("page.html.j2", sheet, templates, {"digest": digest}, **told)


def packed(text: str) -> str:
    """A text deflated, in letters and digits."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9)
    return base64.b64encode(deflate.compress(text.encode()) + deflate.flush()).decode()


def squeezed(text: str) -> str:
    """A text without empty lines, as the page has it, so that its digest is that of the page."""
    return re.sub(r"\n{2,}", "\n", text)


START = "start();\nguide();\nanswers();"


def digest(text: str) -> str:
    """The digest of a script or a style, for the content security policy of the page."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _data(live: LiveSheet, conditions: list[list[Any]]) -> dict[str, Any]:
    """The data of the page about its sheet, besides the steps."""
    desk, problem = live.desk, live.desk.problem
    given = [(place, step) for place, step in enumerate(desk.steps) if step.rule is None]
    within = ((place, bounds(problem, step.target, step.role)) for place, step in given)
    return {
        "names": [desk.speller.text(step.target) for step in desk.steps],
        "lines": desk.line_numbers.texts,
        "first": {place: problem.given[step.target].text for place, step in given},
        "bounds": {place: limits for place, limits in within if limits},
        "changes": {place: step.arguments[0] for place, step in enumerate(desk.steps) if step.role is Role.UPDATE},
        "loss": desk.find(LOSS),
        "when": conditions,
        "told": [list(_pieces(figure)) for figure in live.sheet.figures()],
        "fixed": None if calculates(problem) else desk.shown.bare[TEXT],
    }


def _pieces(figure: Figure) -> Iterator[str | int]:
    """The alternative text of a picture, with a place for each number."""
    text = words(figure.alternative, lambda math: math.spell(SPOKEN))
    for piece in text.split(OPEN):
        place, mark, rest = piece.partition(CLOSE)
        if mark:
            yield int(place)
        yield rest if mark else piece
