"""The lines that a line uses are all named: a list, a range that is one, or a progression that is one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from networks import filled, sequence
from random_problems import examples
from sweeps import thinned

from bptt_trace import solve
from bptt_trace.problem.problem import from_document
from bptt_trace.solution import Solution

SHAPES: dict[str, tuple[dict[str, Any], int, dict[str, Any]]] = {
    "gru": ({"cell": "gru"}, 3, {}),
    "peepholes": ({"cell": "lstm", "peepholes": True}, 3, {}),
    "two units": ({"cell": "rnn", "hidden": 2}, 6, {}),
    "two units, lstm": ({"cell": "lstm", "hidden": 2}, 2, {}),
    "a long sum": ({"cell": "rnn"}, 30, {}),
    "both directions": ({"cell": "gru", "bidirectional": True}, 14, {}),
    "decoder": ({"cell": "lstm", "decoder": "output"}, 2, {}),
    "clipping": ({"cell": "rnn", "hidden": 2}, 2, {"update": {"rule": "adam", "learning_rate": "0.1", "clip": 1}}),
}


def told(uses: str) -> list[str]:
    """Every line of a text in its order: ``12, 17, 50–54``, ``4.1–4.3``, ``4.1,1–4.1,3``, ``[1,2] of 30–35``, ``3, …``."""
    found: list[str] = []
    component = ""
    pieces = re.findall(r"\[[\d,]+\] of|\d+(?:\.\d+(?:,\d+)?)?(?:–\d+(?:\.\d+(?:,\d+)?)?)?|…|;", uses)
    assert re.sub(r"[ ,]", "", "".join(pieces)) == re.sub(r"[ ,]", "", uses), uses
    for place, piece in enumerate(pieces):
        if piece.endswith(" of"):
            component = f".{piece[1:-4]}"
        elif piece == ";":
            component = ""
        elif piece == "…":
            (first, second), last = map(int, found[-2:]), int(pieces[place + 1])
            assert (last - second) % (second - first) == 0, uses
            found += [f"{line}{component}" for line in range(2 * second - first, last, second - first)]
        elif "–" in piece:
            (line, first), (other, last) = (end.partition(".")[::2] for end in piece.split("–"))
            if first:
                row, start = re.fullmatch(r"(\d+,)?(\d+)", first).groups("")  # type: ignore[union-attr]
                assert line == other and last.startswith(row), uses
                found += [f"{line}.{row}{one}" for one in range(int(start), int(last.removeprefix(row)) + 1)]
            else:
                found += [f"{one}{component}" for one in range(int(line), int(other) + 1)]
        else:
            found.append(f"{piece}{component if '.' not in piece else ''}")
    return found


def names_in(formula: str, known: dict[str, str]) -> set[str]:
    """The lines of the names in a formula; the longest name wins."""
    names = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    return {known[name] for name in re.findall(rf"(?<![\w/])(?:{names})(?![\w'\[]| via)", formula)} - {""}


def honest(solution: Solution) -> int:
    """Compare what every line of the JSON uses with the names in its formula; returns how many have any."""
    printed = json.loads(solution.to_json())
    lines = [line for section in printed["sections"] for line in section["entries"]]
    known = dict.fromkeys(printed["values"], "") | {line["name"]: str(line["line"] or "") for line in lines}
    count = 0
    for line in lines:
        uses, expected = told(line["uses"]), names_in(line["formula"]["text"], known)
        if "..." in line["formula"]["text"]:
            assert expected <= set(uses), line
        else:
            assert set(uses) == expected, (line["name"], line["uses"], expected)
        assert len(set(uses)) == len(uses)
        assert uses == sorted(uses, key=lambda text: [int(part) for part in re.split("[.,]", text)]), line["uses"]
        count += bool(uses)
    return count


@pytest.mark.parametrize("shape", thinned(SHAPES, 2))
def test_every_line_that_is_used_is_named(shape: str) -> None:
    """What a line uses are the lines of the names in its formula, in the order of the sheet."""
    network, T, tables = SHAPES[shape]
    made = filled(network, {"x": sequence(T), "target": sequence(T, seed=2)}, **tables)
    assert honest(solve(from_document(made))) > 20


@pytest.mark.parametrize("name", ["gru", "lstm", pytest.param("training", marks=pytest.mark.exhaustive)])
def test_every_line_that_an_example_uses_is_named(name: str) -> None:
    """Built-in problems too."""
    assert honest(solve(name)) > 20


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", examples())
def test_every_line_that_any_example_uses_is_named(name: str) -> None:
    """All of them."""
    assert honest(solve(name)) > 2


def test_matrices_name_the_lines_that_they_use() -> None:
    """Beside matrices, 4 stands for all components of line 4, and none is left out."""
    sheet = solve("recurrent-layer", detail="both").sheet
    numbers = {row.number for row in sheet.rows()}
    for row in sheet.rows():
        assert set(told(row.uses)) <= numbers, row


def test_a_long_sum_is_told_by_a_progression() -> None:
    """A bias over 30 steps uses one line in every few: the first two show the distance, the last one the end."""
    network, T, _ = SHAPES["a long sum"]
    rows = list(
        solve(from_document(filled(network, {"x": sequence(T), "target": sequence(T, seed=2)})), steps="full").sheet.rows()
    )
    (uses,) = [row.uses for row in rows if row.name.text == "dL/db_h"]
    assert len(uses) < 30
    assert len(told(uses)) == T
