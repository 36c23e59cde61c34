"""Worked examples of backpropagation through time, with the numbers in.

::

    from bptt_trace import load, solve

    solution = solve(load("rnn"))
    print(solution.to_text())
    print(solution["dL/dw_hh"])

Everything else is imported when it is first asked for, because SymPy takes a
while to load and reading a problem does not need it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bptt_trace.build import build
    from bptt_trace.check import Key, Marked, Marks, check
    from bptt_trace.errors import (
        CalculationError,
        InputError,
        OutputError,
        ProblemError,
        ProgramMissing,
        TraceError,
        TypesettingError,
        UnknownName,
    )
    from bptt_trace.evaluate import Values, evaluate
    from bptt_trace.lowering import scalars
    from bptt_trace.names import Name
    from bptt_trace.numbers import Rounding
    from bptt_trace.problem import Problem, load, parse
    from bptt_trace.program import Program, Role, Step
    from bptt_trace.prove import Comparison, prove
    from bptt_trace.sheet import Sheet
    from bptt_trace.solution import Solution, solve
    from bptt_trace.write import write

__version__ = "0.1.0"

_HOMES = {
    "build": "build",
    "CalculationError": "errors",
    "check": "check",
    "Comparison": "prove",
    "evaluate": "evaluate",
    "InputError": "errors",
    "Key": "check",
    "load": "problem",
    "Marked": "check",
    "Marks": "check",
    "Name": "names",
    "OutputError": "errors",
    "parse": "problem",
    "Problem": "problem",
    "ProblemError": "errors",
    "Program": "program",
    "ProgramMissing": "errors",
    "prove": "prove",
    "Role": "program",
    "Rounding": "numbers",
    "scalars": "lowering",
    "Sheet": "sheet",
    "Solution": "solution",
    "solve": "solution",
    "Step": "program",
    "TraceError": "errors",
    "TypesettingError": "errors",
    "UnknownName": "errors",
    "Values": "evaluate",
    "write": "write",
}

__all__ = [  # noqa: RUF022 - sorted without regard to case, and checked by a test
    "build",
    "CalculationError",
    "check",
    "Comparison",
    "evaluate",
    "InputError",
    "Key",
    "load",
    "Marked",
    "Marks",
    "Name",
    "OutputError",
    "parse",
    "Problem",
    "ProblemError",
    "Program",
    "ProgramMissing",
    "prove",
    "Role",
    "Rounding",
    "scalars",
    "Sheet",
    "Solution",
    "solve",
    "Step",
    "TraceError",
    "TypesettingError",
    "UnknownName",
    "Values",
    "write",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


class _Package(ModuleType):
    """A package whose public functions win over its modules of the same name (``build``, ``check``, ``prove`` …)."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
