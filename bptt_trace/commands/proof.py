"""The output of a proof: a table of gradients, and a note in the footer of a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bptt_trace.commands.screen import Screen
from bptt_trace.files import opened

if TYPE_CHECKING:
    from decimal import Decimal

    from rich.console import Console

    from bptt_trace.calculation.prove import Comparison
    from bptt_trace.document.sheet import Note
    from bptt_trace.problem.problem import Problem


def proof_note(problem: Problem) -> Note | None:
    """The agreement of the gradients, for the footer; empty without a gradient."""
    from bptt_trace.calculation.prove import prove as compare
    from bptt_trace.document.mathematics import Number
    from bptt_trace.document.sentences import inline, say, to_say
    from bptt_trace.document.sheet import Note

    comparisons = compare(problem)
    if not comparisons:
        return None
    if not all(comparison.agrees for comparison in comparisons):
        return Note(say("Proof"), inline("The gradients do NOT agree with central differences; see bptt-trace prove."))
    largest = max((comparison.difference for comparison in comparisons), default=0)
    symbolic = all(comparison.composed is not None for comparison in comparisons)
    lines = any(comparison.by_lines for comparison in comparisons)
    count = len(comparisons)
    if symbolic and lines:
        one = to_say(
            "With 60 digits, the gradient agrees with SymPy's derivatives of every line, put together, and with central "
            "differences to {bound}."
        )
        all_of_them = to_say(
            "With 60 digits, all {n} gradients agree with SymPy's derivatives of every line, put together, and with central "
            "differences to {bound}."
        )
    elif symbolic:
        one = to_say(
            "With 60 digits, the gradient agrees with SymPy's derivative of the composed loss and with central differences to "
            "{bound}."
        )
        all_of_them = to_say(
            "With 60 digits, all {n} gradients agree with SymPy's derivative of the composed loss and with "
            "central differences to "
            "{bound}."
        )
    else:
        one = to_say("With 60 digits, the gradient agrees with central differences to {bound}.")
        all_of_them = to_say("With 60 digits, all {n} gradients agree with central differences to {bound}.")
    bound = Number(f"{largest:.0e}" if largest else "0")
    return Note(say("Proof"), inline(all_of_them if count > 1 else one, n=count, bound=bound))


def show_proof(problem: Problem, comparisons: list[Comparison]) -> None:
    """Print a row for each gradient, and the conclusion."""
    with opened(None) as file:
        screen = Screen.chosen()
        _print(problem, comparisons, screen.console(file, file.isatty()), screen.prints_unicode(file))


def _eight_figures(number: Decimal) -> str:
    """A number as the table shows it; 0 is 0, with however many digits it was calculated."""
    return f"{number:.8g}" if number else "0"


def _print(problem: Problem, comparisons: list[Comparison], console: Console, unicode: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if unicode else box.ASCII2, show_edge=False, pad_edge=False, header_style="bold")
    for heading in ("gradient", "BPTT", "SymPy", "central diff.", "apart by", ""):
        words = heading in ("gradient", "")
        table.add_column(heading, justify="left" if words else "right", no_wrap=words, overflow="fold")
    for comparison in comparisons:
        composed = "not defined" if comparison.composed is None else _eight_figures(comparison.composed)
        cells = [
            f"dL/d{comparison.name}",
            _eight_figures(comparison.bptt),
            composed,
            _eight_figures(comparison.central),
            f"{comparison.difference:.0e}" if comparison.difference else "0",
            ("agrees" if not comparison.at_corner else "corner") if comparison.agrees else "DIFFERS",
        ]
        table.add_row(*map(Text, cells))
    console.print(Text(problem.title, style="bold"))
    console.print(table)
    if any(comparison.composed is None for comparison in comparisons):
        console.print(Text("A slope is not defined at these numbers for SymPy; central differences alone are compared."))
    elif any(comparison.by_lines for comparison in comparisons):
        console.print(
            Text(
                "The loss is too long to be composed into one expression: SymPy differentiated every line, "
                "and the chain rule puts these slopes together."
            )
        )
    if roads := list(dict.fromkeys(said for comparison in comparisons for said, _ in comparison.roads)):
        console.print(Text(f"Compared too: {' and '.join(roads)}."))
    if not comparisons:
        why = "there is no loss" if problem.loss.kind == "none" else "every parameter is frozen"
        console.print(Text(f"There is nothing to compare: {why}."))
    elif all(comparison.agrees for comparison in comparisons):
        console.print(Text("All gradients agree."))
    else:
        console.print(Text("Some gradients differ: this is a mistake, or the loss jumps at these numbers."))
    corners = [
        f"{comparison.name} ({float(comparison.left):.6g} and {float(comparison.right):.6g})"
        for comparison in comparisons
        if comparison.at_corner and comparison.agrees
    ]
    if corners:
        console.print(
            Text(
                f"At a corner the loss has one slope to the left and another to the right: {', '.join(corners)}. "
                "There is no derivative; the gradient of the sheet is one of the slopes between the two."
            )
        )
