"""A solved problem: the nouns of the calculation in one place, and every way to print it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bptt_trace.calculation.arithmetic import Values, evaluate
from bptt_trace.calculation.build import build
from bptt_trace.engine.names import Name
from bptt_trace.engine.program import Program
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.lines.spelling import Speller
from bptt_trace.lines.view import View
from bptt_trace.problem.problem import Problem, load
from bptt_trace.problem.rounding import Rounding
from bptt_trace.worked_solution.worked_solution import within_reach, write

if TYPE_CHECKING:
    import sympy

    from bptt_trace.document.sheet import Sheet


@dataclass(frozen=True, eq=False)
class Solution:
    """The result of ``solve``; it shows itself in Jupyter."""

    problem: Problem
    program: Program
    """The program of numbers: each step is one printed line."""
    values: Values
    view: View = View()

    @cached_property
    def sheet(self) -> Sheet:
        """The worked solution."""
        return write(self.problem, self.program, self.values, self.view)

    def __getitem__(self, name: str) -> float:
        """The value of a quantity by its name, canonical or the problem's own: ``solution["dL/dw_hh"]``."""
        return float(self.values[self.problem.vocabulary.canonical(Name.parse(name))])

    def to_text(self, width: int = 80) -> str:
        """The sheet as the terminal prints it, without colour."""
        from bptt_trace.media.terminal import as_text

        return as_text(self.sheet, width)

    def to_markdown(self) -> str:
        """The sheet as Markdown with mathematics for GitHub, Jupyter and Quarto."""
        from bptt_trace.media.templates import markdown

        return markdown(self.sheet)

    def to_latex(self, *, fragment: bool = False) -> str:
        r"""The sheet as a LaTeX document, or as a fragment for ``\\input``."""
        from bptt_trace.media.templates import latex

        return latex(self.sheet, fragment=fragment)

    def to_html(self) -> str:
        """The sheet as one page of HTML with native MathML, without scripts and without outside resources."""
        from bptt_trace.media.templates import html

        return html(self.sheet)

    def to_pdf(self) -> bytes:
        """The sheet as PDF, set by the LaTeX program that is installed or by Typst; the bytes are the same each time.

        Raises ``ProgramMissing`` where neither is.
        """
        from bptt_trace.media.pdf import as_pdf

        return as_pdf(self.sheet)

    @cached_property
    def graph(self) -> dict[str, sympy.Eq]:
        """The computation graph in SymPy: the equation of each line by its name, in the order of the lines."""
        from bptt_trace.calculation.symbolic import graph

        return graph(self.program, self.problem.given, Speller(self.problem.vocabulary).text)

    def to_code(self, form: str = "python") -> str:
        """A program that reproduces the sheet: ``python``, ``numpy``, ``torch`` or ``sympy``.

        Raises ``ProblemError`` for closed forms, and for ``torch`` and ``sympy`` where there is nothing to differentiate.
        """
        from bptt_trace.media.templates import code
        from bptt_trace.worked_solution.python_program import listing

        return code(listing(self.problem, self.program, self.values, form))

    def to_json(self) -> str:
        """Every line as JSON (format ``bptt-trace/1``)."""
        from bptt_trace.media.sheet_json import write_json

        sheet = write(self.problem, self.program, self.values, View("full", "lines", show="all"), canonical=True)
        return "".join(write_json(sheet))

    def to_svg(self) -> dict[str, str]:
        """The pictures as SVG documents, by name: ``rolled-up``, ``unrolled``, ``layers``, ``cell``, ``gradient-flow``."""
        from bptt_trace.media.drawing.svg import pictures

        return pictures(self.sheet)

    def _repr_html_(self) -> str:
        from bptt_trace.media.templates import html_fragment

        return html_fragment(self.sheet)

    def _repr_markdown_(self) -> str:
        from bptt_trace.media.drawing.svg import embedded
        from bptt_trace.media.templates import markdown

        return markdown(self.sheet, links=embedded(self.sheet))


def solve(
    problem: Problem | str | Path,
    *,
    rounding: str | None = None,
    steps: str = "auto",
    detail: str = "both",
    show: str = "auto",
    style: str = "full",
) -> Solution:
    """Solve a problem, given as such, as a file, or as the name of a built-in example.

    ``rounding`` is ``"4dp"``, ``"5sf"``, ``"carry:4dp"``, ``"full"`` or
    ``"exact"`` and replaces the problem's own; ``steps`` is ``"auto"``,
    ``"full"`` or ``"ledger"``; ``detail`` shows vectors as matrices
    (``"board"``), component by component (``"lines"``) or as ``"both"``; ``show``
    says which of several iterations are printed in full (``"auto"``, ``"all"``,
    ``"none"``, or ``"1,2,last"``); ``style`` is ``"full"``, ``"compact"`` or
    ``"one-page"``. Raises ``ProblemError`` for a problem that cannot
    be read and ``CalculationError`` for one that cannot be calculated.
    """
    if not isinstance(problem, Problem):
        problem = load(problem)
    if rounding is not None:
        problem = problem.rounded(Rounding.parse(rounding))
    program = scalars(build(problem))
    within_reach(program, detail)
    values = evaluate(program, problem.given, problem.rounding)
    return Solution(problem, program, values, View(steps, detail, style, show))
