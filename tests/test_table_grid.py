"""Tables in a terminal have the widths and the breaks that rich gives them."""

from __future__ import annotations

from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sweeps import runs

from bptt_trace.media.table_grid import Column, Grid

PADDING = {3: (0, 1, 0, 1), 2: (0, 1, 0, 0), 1: (0, 0, 0, 0)}
"""What rich puts around cells for a gap of so many columns; one more stands between them."""

WORDS = st.lists(st.text("abxyz0.−=\u2800", min_size=1, max_size=14), max_size=6).map(" ".join)
CELLS = st.one_of(
    WORDS, WORDS, st.lists(WORDS, min_size=1, max_size=3).map("\n".join), st.sampled_from(["語 語語 字", "e\u0301 a", "  x  "])
)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """One to five columns, with or without headings."""
    rows = draw(st.integers(1, 4))
    headed = draw(st.booleans())
    columns = [
        Column(
            draw(WORDS) if headed else "",
            draw(st.lists(CELLS, min_size=rows, max_size=rows)),
            right=draw(st.booleans()),
            fixed=draw(st.booleans()),
        )
        for _ in range(draw(st.integers(1, 5)))
    ]
    return Grid(columns, draw(st.sampled_from([1, 2, 3])), "─")


def by_rich(grid: Grid) -> Table:
    """The same table for rich."""
    table = Table(
        box=box.SIMPLE_HEAD,
        show_header=grid.headed,
        pad_edge=False,
        show_edge=False,
        padding=PADDING[grid.gap],
        header_style="bold",
    )
    for column in grid.columns:
        table.add_column(Text(column.heading), justify="right" if column.right else "left", no_wrap=column.fixed)
    for row in zip(*(column.cells for column in grid.columns), strict=True):
        table.add_row(*map(Text, row))
    return table


@given(grids(), st.integers(8, 100))
@runs(400)
def test_a_table_is_as_rich_prints_it(grid: Grid, width: int) -> None:
    """Line by line, at any width, with words that are too long and columns that have no room."""
    out = StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=False, legacy_windows=False).print(by_rich(grid))
    ours = ["".join(text for text, _ in spans).rstrip() for spans in grid.lines(width)]
    assert ours == [line.rstrip() for line in out.getvalue().split("\n")[:-1]]


@given(grids())
@runs(100)
def test_the_natural_width_is_that_of_rich(grid: Grid) -> None:
    """What a table would take if it had the room."""
    console = Console(file=StringIO(), width=1000, color_system=None, force_terminal=False, legacy_windows=False)
    assert grid.natural == console.measure(by_rich(grid)).maximum
