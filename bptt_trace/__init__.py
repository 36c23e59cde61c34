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

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bptt_trace.calculation.arithmetic import Values, evaluate
    from bptt_trace.calculation.build import build
    from bptt_trace.calculation.prove import Comparison, prove
    from bptt_trace.document.sheet import Sheet
    from bptt_trace.engine.names import Name, Role
    from bptt_trace.engine.program import Program, Step
    from bptt_trace.engine.scalar_program import scalars
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
    from bptt_trace.lines.view import View
    from bptt_trace.marking.check import check
    from bptt_trace.marking.class_rows import grade_part
    from bptt_trace.marking.class_summary import Tally
    from bptt_trace.marking.key import Key
    from bptt_trace.marking.marks import Marked, Marks
    from bptt_trace.problem.problem import Problem, load, parse
    from bptt_trace.problem.rounding import Rounding
    from bptt_trace.solution import Solution, solve
    from bptt_trace.worked_solution.worked_solution import write

__version__ = "0.1.0"

_HOMES = {
    "build": "calculation.build",
    "CalculationError": "errors",
    "check": "marking.check",
    "Comparison": "calculation.prove",
    "evaluate": "calculation.arithmetic",
    "grade_part": "marking.class_rows",
    "InputError": "errors",
    "Key": "marking.key",
    "load": "problem.problem",
    "Marked": "marking.marks",
    "Marks": "marking.marks",
    "Name": "engine.names",
    "OutputError": "errors",
    "parse": "problem.problem",
    "Problem": "problem.problem",
    "ProblemError": "errors",
    "Program": "engine.program",
    "ProgramMissing": "errors",
    "prove": "calculation.prove",
    "Role": "engine.names",
    "Rounding": "problem.rounding",
    "scalars": "engine.scalar_program",
    "Sheet": "document.sheet",
    "Solution": "solution",
    "solve": "solution",
    "Step": "engine.program",
    "Tally": "marking.class_summary",
    "TraceError": "errors",
    "TypesettingError": "errors",
    "UnknownName": "errors",
    "Values": "calculation.arithmetic",
    "View": "lines.view",
    "write": "worked_solution.worked_solution",
}

__all__ = [  # noqa: RUF022 - sorted without regard to case, and checked by a test
    "build",
    "CalculationError",
    "check",
    "Comparison",
    "evaluate",
    "grade_part",
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
    "Tally",
    "TraceError",
    "TypesettingError",
    "UnknownName",
    "Values",
    "View",
    "write",
]


def load_ipython_extension(shell: Any) -> None:
    """The entry point of ``%load_ext bptt_trace`` in a notebook: the magics ``%bptt`` and ``%%bptt``."""
    import_module(f"{__name__}.commands.magics").register(shell)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
