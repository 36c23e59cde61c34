"""Further lines of a program, which a problem asks for beside its training step."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bptt_trace.calculation.iterations import borders
from bptt_trace.engine.every_path import Uncountable, write_paths
from bptt_trace.engine.extra_lines import write_extra
from bptt_trace.engine.forward_mode import write_forward
from bptt_trace.engine.gradient_check import write_check
from bptt_trace.engine.gradients import Route
from bptt_trace.engine.names import LOSS
from bptt_trace.engine.program import Builder, Program
from bptt_trace.errors import ProblemError
from bptt_trace.networks.forward_pass import Network
from bptt_trace.networks.graph import Graph
from bptt_trace.problem.problem import Problem

MOST_LINES = 1_000
"""The largest number of lines of all slopes, paths and sums together."""


def with_more(program: Program, problem: Problem, routes: Mapping[int, Route], leaves: Collection[int]) -> Program:
    """The program, followed by what the table [also] asks for.

    ``routes`` are those of its losses, ``leaves`` the positions of its
    parameters. Raises ``ProblemError`` where the paths are too many to print.
    """
    also = problem.also
    if not also:
        return program
    builder = Builder(program)
    for name, text in also.lines:
        try:
            write_extra(builder, name, text, problem.network.steps or 0)
        except ProblemError as error:
            error.path = error.path or f"also.lines.{name}"
            error.source = error.source or problem.source
            raise
    if also.forward_mode:
        write_forward(builder, program.index[LOSS], also.forward_mode)
        if len(builder.steps) - len(program) > MOST_LINES:
            raise _too_many(problem, "forward_mode")
    if also.gradient_check:
        write_check(builder, program.index[LOSS], also.gradient_check, (problem.update.iterations if problem.update else 0) + 2)
        if len(builder.steps) - len(program) > MOST_LINES:
            raise _too_many(problem, "gradient_check")
    if also.paths:
        frozen = problem.update.freeze if problem.update else ()
        try:
            write_paths(
                builder,
                program.index[LOSS],
                also.paths,
                leaves=[leaf for leaf in leaves if program.steps[leaf].target not in frozen],
                routes=routes,
                states=_carrying(problem.network),
                borders=borders(problem),
                most=MOST_LINES,
            )
        except Uncountable:
            raise _too_many(problem, "paths") from None
    return builder.build()


def _carrying(network: Network) -> set[str]:
    """The stems of the quantities on a path: states and hidden values, or all lines of a graph."""
    if isinstance(network, Graph):
        return set(network.stems)
    return {stem for cell in network.cells for stem in (*cell.state, "h")}


def _too_many(problem: Problem, key: str) -> ProblemError:
    return ProblemError(
        f'more than {MOST_LINES:,} lines; use one unit (hidden = 1), fewer time steps, or fewer parameters, as in ["w_hh"]',
        path=f"also.{key}",
        source=problem.source,
    )
