"""What the note on the two sources of a gradient says, against the lines that it names."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from law import number
from networks import filled

from bptt_trace import solve
from bptt_trace.problem.problem import from_document
from bptt_trace.solution import Solution

NOTE = re.compile(r"\(line (\d+): (\S+)\) and through the memory of step (\d+) \(line (\d+): (\S+)\)\.")


def compare(solution: Solution) -> set[str]:
    """Check the notes of a solution; returns what they say."""
    printed, said = json.loads(solution.to_json()), set()
    lines = {line["line"]: line for section in printed["sections"] for line in section["entries"]}
    notes = [note for section in printed["sections"] for note in section["notes"] if note.startswith("Two sources:")]
    for note in notes:
        match = NOTE.search(note)
        assert match, note
        direct, carried = lines[int(match[1])], lines[int(match[4])]
        assert (direct["note"], carried["note"]) == ("direct", "carried"), note
        assert (direct["value"], carried["value"]) == (match[2], match[5]), note
        assert direct["name"].partition(" via ")[0] == carried["name"].partition(" via ")[0]
        assert carried["name"].endswith(f"_{match[3]}"), note
        d, c = number(direct["value"]), number(carried["value"])
        if "opposite directions" in note:
            assert d * c < 0, note
            larger = "direct" if abs(d) > abs(c) else "carried" if abs(c) > abs(d) else ""
            told = re.findall(r"The (direct|carried) part is larger in size and decides the sign", note)
            assert told == ([larger] if larger else []), note
            (total,) = [line for line in lines.values() if line["name"] == direct["name"].partition(" via ")[0]]
            cancels = not larger and number(total["value"]) == 0  # carried numbers that are printed alike need not cancel
            assert ("are of the same size and cancel" in note) == cancels, note
            said |= {f"{larger or 'neither'} decides"}
        else:
            assert d * c > 0, note
            assert ("Both are negative: both ask for a larger" in note) == (d < 0), note
            assert ("Both are positive: both ask for a smaller" in note) == (d > 0), note
            said.add("same direction")
    return said


def solved(w_hh: str, w_hy: str, targets: list[str], policy: str = "by_hand") -> Solution:
    made = filled(
        {"cell": "rnn", "activation": "identity"},
        {"x": ["1", "0.5", "-1"], "target": targets},
        rounding={"policy": policy, "places": 2},
    )
    made["parameters"] |= {"w_hh": w_hh, "w_hy": w_hy}
    return solve(from_document(made))


def test_every_case_of_the_note_is_met() -> None:
    """Either part larger, both of one sign: these problems say each."""
    met = set()
    for targets in (["3", "1", "0"], ["3", "3", "3"], ["0", "0", "5"], ["0", "5", "0"]):
        met |= compare(solved("0.9", "1", targets))
    assert met >= {"direct decides", "carried decides", "same direction"}


@pytest.mark.parametrize("policy", ["by_hand", "carry"])
@settings(max_examples=6)
@given(
    w_hh=st.sampled_from(["0.5", "1", "-1", "2", "0.01"]),
    w_hy=st.sampled_from(["1", "-0.5", "0.02"]),
    targets=st.lists(st.sampled_from(["0", "1", "-1", "0.5", "3"]), min_size=3, max_size=3),
)
def test_the_note_is_true_of_its_lines(policy: str, w_hh: str, w_hy: str, targets: list[str]) -> None:
    """Which lines are direct and carried, which is larger and decides the sign, and what both ask for."""
    assume(float(w_hy) != 0)
    compare(solved(w_hh, w_hy, targets, policy))
