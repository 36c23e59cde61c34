"""Lines on request: expressions over the lines of a program, such as ``tanh(c_t)`` or ``1 - h_t^2``.

Books print them on the way to a line that has them inside; here they stand beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bptt_trace.engine.expressions import Expression, Parser, Reading
from bptt_trace.engine.formula import Formula, Var
from bptt_trace.engine.functions import ELEMENTARY, Function, identity
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Builder
from bptt_trace.errors import ProblemError, UnknownName, nearest

FUNCTIONS: Mapping[str, Function] = {**ELEMENTARY, "identity": identity}
"""The functions of such an expression."""


class _ExtraLine(Parser):
    """An expression in names of lines; a time is ``t`` or a number, ``h_(t-1)`` the step before."""

    token = re.compile(
        r"\s*(?:(?P<word>[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*(?:\([a-z]*[0-9]*\)_[A-Za-z0-9]+)?(?:_\(t-1\))?)"
        r"|(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)|(?P<sign>\*\*|[-+*/^()]))",
        re.ASCII,
    )
    atoms = "a number, the name of a line, a function or a bracket"

    def word(self, text: str, place: int) -> Expression:
        if text in FUNCTIONS and self.take("("):
            return Expression("call", place, (self.closed(")"),), text)
        before = text.endswith("_(t-1)")
        return Expression("name", place, text=text.removesuffix("_(t-1)") if before else text.removesuffix("_t"), before=before)


def is_over_time(name: str) -> bool:
    """Whether the expression asks for a line at every time step."""
    return name.endswith("_t")


def parsed(text: str) -> Expression:
    """The tree of such an expression; raises ``ProblemError`` with a caret."""
    return _ExtraLine(text).whole()


def write_extra(builder: Builder, name: str, text: str, steps: int) -> None:
    """Append a line, or one for each time step at which all that it needs is there.

    Raises ``ProblemError`` with a caret under a name that no line has, or where shapes do not fit.
    """
    expression = parsed(text)
    index = {step.target: position for position, step in enumerate(builder.steps)}
    times = range(1, steps + 1) if is_over_time(name) else [None]
    stem = name.removesuffix("_t")
    missing: ProblemError | None = None
    written = False
    for time in times:
        target = Name(stem, time=time)
        if target in index:
            raise ProblemError(f"{target} is a line already; use another name")

        def named(part: Expression, time: int | None = time) -> Formula:
            position = index.get(_meant(part, text, time))
            if position is None:
                known = sorted({str(one) for one in index if one.of is None})
                raise _ExtraLine(text).error(f"no line {_meant(part, text, time)}{nearest(part.text, known)}", part.place)
            return Var(position, builder.steps[position].shape)

        try:
            formula = Reading(text, named, FUNCTIONS).formula(expression)
        except ProblemError as error:
            missing = error
            continue
        builder.let(target, formula, Role.EXTRA)
        written = True
    if not written and missing is not None:
        raise missing


def _meant(part: Expression, text: str, time: int | None) -> Name:
    """The line of a name at a time step."""
    try:
        name = Name.parse(part.text)
    except UnknownName:
        name = Name(part.text)
    behind = text[part.place + len(part.text) :]
    if part.before or behind.startswith("_t"):
        return name._replace(time=None if time is None else time - part.before)
    return name
