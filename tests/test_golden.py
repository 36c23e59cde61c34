"""What the examples print is committed beside them, and is fresh."""

from __future__ import annotations

from pathlib import Path

import pytest

from bptt_trace import load, solve
from bptt_trace.documents import examples

OUTPUT = Path(__file__).parent.parent / "examples" / "output"


@pytest.mark.parametrize("name", examples())
@pytest.mark.parametrize("ending", ["txt", "md", "tex", "json"])
def test_the_committed_output_of_an_example_is_what_it_prints(name: str, ending: str, request: pytest.FixtureRequest) -> None:
    """``pytest --update-golden`` writes these files."""
    solution = solve(load(name))
    printed = {"txt": solution.to_text, "md": solution.to_markdown, "tex": solution.to_latex, "json": solution.to_json}[ending]()
    path = OUTPUT / f"{name}.{ending}"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(printed, "utf-8", newline="\n")
    assert path.read_text("utf-8") == printed


def test_there_is_no_output_without_an_example() -> None:
    """Every file in the folder of outputs belongs to an example."""
    assert {path.stem for path in OUTPUT.iterdir()} == set(examples())
