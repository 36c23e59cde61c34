"""Each cell of a table over time is the value of the line that its row and its column name, in every medium."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from html_reader import page, told
from hypothesis import assume, given, settings
from law import answer_name, number
from networks import filled, sequence
from random_problems import Case, cases
from sweeps import chosen, of_examples, paired, thinned
from sweeps import solution as example

from bptt_trace import parse, solve
from bptt_trace.errors import CalculationError
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import from_document
from bptt_trace.solution import Solution

MEDIA = ["markdown", "latex", "html", "terminal-80", "terminal-140"]
Grid = list[list[str]]
Cells = dict[tuple[str, int], str]
"""Of a table over time: each cell by what its row, and the time of its column, call it: ``dL/dh_1 direct``, 1."""


# -------------------------------------------------------------------- readers


def _cell(text: str) -> str:
    """Words and mathematics of a cell, names as in answer files, their times still ``t``."""
    return re.sub(r"\$([^$]*)\$", lambda math: math[1], text).strip()


def of_markdown(text: str) -> Iterator[Grid]:
    for block in re.findall(r"\*\*Over time[^*]*\*\*\n\n((?:\|.*\n)+)", text):
        yield [[_cell(cell) for cell in line.split("|")[1:-1]] for line in block.splitlines() if set(line) - set("|:-")]


def of_latex(text: str) -> Iterator[Grid]:
    """A table that is set by itself has its last rule before its rows."""
    text = text.replace("\\bottomrule\n\\endfoot\n", "")
    for block in re.findall(r"\\textbf\{Over time.*?\\toprule\n(.*?)(?:\\bottomrule|\\end\{longtable\})", text, re.DOTALL):
        yield [
            [_cell(cell) for cell in line.split("&")]
            for line in re.split(r"\\\\", re.sub(r"\\midrule|\\endhead", "", block))
            if line.strip()
        ]


def of_html(text: str) -> Iterator[Grid]:
    for table in page(text).all("table"):
        if any(told(caption).startswith("Over time") for caption in table.all("caption")):
            yield [[told(cell).strip() for cell in row.elements] for row in table.all("tr")]


def of_terminal(text: str) -> Iterator[Grid]:
    """A wide table comes in several, one below the other, each with the first column."""
    inside, rows = False, []
    for line in [*text.splitlines(), ""]:
        if line and set(line) <= set("-"):
            continue
        if rows and not line.strip():
            yield rows
            rows = []
        elif inside and re.match(r"t  |  +t = ", line):
            rows = [["" if line.startswith(" ") else "t", *re.split(r"\s{2,}", line[1:].strip())]]
        elif rows:
            rows.append(re.split(r"\s{2,}", line.strip()))
        elif line.strip():
            inside = line.startswith("Over time")


READERS = {"markdown": of_markdown, "latex": of_latex, "html": of_html, "terminal": of_terminal}


def document(solution: Solution, medium: str) -> str:
    kind, _, width = medium.partition("-")
    if kind == "terminal":
        return as_text(solution.sheet, int(width), unicode=False)
    return {"markdown": solution.to_markdown, "latex": solution.to_latex, "html": solution.to_html}[kind]()


def cells_over_time(text: str, medium: str) -> Cells:
    """The cells of the tables over time in a document."""
    cells: Cells = {}
    for head, *rows in READERS[medium.partition("-")[0]](text):
        for row in rows:
            assert len(row) == len(head), (head, row)
            for heading, cell in zip(head[1:], row[1:], strict=True):
                column = re.fullmatch(r"t = (\d+)", heading)
                time = int(column[1] if column else row[0])
                called = at(row[0] if column else heading, time)
                assert (called, time) not in cells, called
                cells[called, time] = cell
    return cells


def at(heading: str, time: int) -> str:
    r"""A heading at a time: ``dL/dh_1 carried via a_i_2`` of ``\frac{\partial L}{\partial h_{t}} carried via a_{i,t+1}``."""
    heading = re.sub("[α-ω]", lambda letter: unicodedata.name(letter[0]).split()[-1].lower(), heading)
    told = re.sub(r"(?<=[_{,(])\(?t([+-]\d+)?\)?(?=[],}^ []|$)", lambda match: str(time + int(match[1] or 0)), heading)
    return " ".join(answer_name(part) for part in told.split(" ") if part) if "\\frac" not in told else answer_name(told)


# ----------------------------------------------------------------------- the law


def lawful(solution: Solution, text: str, medium: str) -> int:
    """Compare each cell with the lines; returns how many there are."""
    printed = json.loads(solution.to_json())
    values, lines = printed["values"], [line for section in printed["sections"] for line in section["entries"]]
    notes = {line["name"]: line["note"] for line in lines}
    cells = cells_over_time(text, medium)
    met: set[str] = set()
    for (called, time), cell in cells.items():
        match = re.fullmatch(
            r"(?P<what>[a-z -]+ )?(?P<name>[A-Za-z]\S*)(?: (?P<word>sum|direct|carried|from above|from the decoder|handed in))?"
            r"(?: via (?P<via>\S+))?",
            called,
        )
        assert match, called
        what, name, word, via = match["what"], match["name"], match["word"], match["via"]
        if word in (None, "sum"):
            if name in notes and what:
                assert notes[name] == what.strip(), called
            source = name if name in values else None
        elif word == "handed in":
            source = f"{name} via above" if f"{name} via above" in values else None
        else:
            own = [one for one in notes if one.startswith(f"{name} via ") and notes[one] == word]
            own = [one for one in own if via is None or one == f"{name} via {via}"]
            assert len(own) <= 1, (called, own)
            source = own[0] if own else name if notes.get(name) == f"{word} only" else None
            met.update(own)
        assert (cell == "none") == (source is None), (called, time, cell)
        if source is not None:
            assert number(cell) == number(values[source]), (called, time, cell, values[source])
    summed = {called.removesuffix(" sum") for called, _ in cells if called.endswith(" sum")}
    terms = {one for one in notes if one.partition(" via ")[0] in summed and " via " in one}
    assert terms == met, "each term of a sum has its cell"
    return len(cells)


SHAPES: dict[str, tuple[dict[str, Any], int]] = {
    "both directions": ({"cell": "rnn", "bidirectional": True}, 3),
    "both directions, lstm": ({"cell": "lstm", "bidirectional": True}, 2),
    "peepholes": ({"cell": "lstm", "peepholes": True}, 3),
    "gru": ({"cell": "gru"}, 3),
    "layers": ({"cell": "rnn", "hidden": [1, 1]}, 3),
    "layers, lstm": ({"cell": "lstm", "hidden": [1, 1]}, 2),
    "layers in both directions": ({"cell": "rnn", "hidden": [1, 1], "bidirectional": True}, 2),
    "several units": ({"cell": "rnn", "hidden": 2}, 3),
    "decoder": ({"cell": "rnn", "decoder": "target"}, 2),
    "decoder of layers": ({"cell": "rnn", "hidden": [1, 1], "decoder": "output"}, 2),
    "decoder, lstm": ({"cell": "lstm", "decoder": "output"}, 3),
    "output fed back": ({"cell": "gru", "feedback": "output"}, 3),
    "five steps": ({"cell": "rnn"}, 5),
    "five steps, lstm": ({"cell": "lstm"}, 5),
    "no readout": ({"cell": "rnn", "readout": False}, 3),
    "last output": ({"cell": "rnn", "outputs": "last"}, 3),
    "a decoder that looks back": ({"cell": "rnn", "decoder": "target", "attention": "dot"}, 3),
    "a decoder that looks back, lstm": ({"cell": "lstm", "decoder": "output", "attention": "additive"}, 2),
}


def shaped(name: str, seed: int = 1) -> Solution:
    network, T = SHAPES[name]
    target = sequence(T, seed=seed) if network.get("outputs") != "last" else "0.5"
    if network.get("readout") is False:
        target = sequence(T, seed=seed)
    return solve(from_document(filled(network, {"x": sequence(T, seed=seed + 1), "target": target}, seed=seed)), detail="lines")


@pytest.mark.parametrize(("name", "medium"), paired(thinned(SHAPES, 2), MEDIA))
def test_every_cell_over_time_is_the_value_of_its_line(name: str, medium: str) -> None:
    """States, outputs, losses, gradients, and each part of a gradient under the word that its line has."""
    solution = shaped(name)
    assert lawful(solution, document(solution, medium), medium) >= 12


@pytest.mark.parametrize(
    "name", ["decoder, lstm", "decoder of layers", "a decoder that looks back", "a decoder that looks back, lstm"]
)
def test_whatever_comes_from_the_decoder_is_called_so(name: str) -> None:
    """The state of an encoder is handed to its next step, to the layer above, and to the decoder, also as what it looks at."""
    seen = set()
    for section in json.loads(shaped(name).to_json())["sections"]:
        for entry in section["entries"]:
            if match := re.fullmatch(r"dL/dh\(enc\d?\)_(\d+) via ([a-z_]+?)(?:\((\w+)\))?_(\d+).*", entry["name"]):
                time, stem, layer, at = match.groups()
                word = "carried" if time != at else "direct"
                if layer is None or layer.startswith("dec"):
                    word = "from the decoder"
                elif stem.startswith("a") and layer != re.search(r"enc\d?", entry["name"])[0]:  # type: ignore[index]
                    word = "from above"
                seen.add(word)
                assert word == entry["note"], entry["name"]
    assert "from the decoder" in seen


@pytest.mark.parametrize("name", chosen(["rnn", "seq2seq"], ["rnn"]))
def test_every_cell_over_time_of_an_example(name: str) -> None:
    """Built-in problems too."""
    solution = solve(name)
    for medium in MEDIA:
        assert lawful(solution, document(solution, medium), medium) >= 12


@pytest.mark.parametrize("medium", chosen(MEDIA, ["html"]))
@settings(max_examples=2)
@given(case=cases(any_shape=True))
def test_every_cell_over_time_of_any_network(medium: str, case: Case) -> None:
    """Whatever the cell, the shape and the rounding."""
    assume(len(case.document["given"]["target"]) > 1 if isinstance(case.document["given"]["target"], list) else False)
    try:
        solution = solve(parse(case.text), detail="lines")
    except CalculationError:
        assume(False)
    lawful(solution, document(solution, medium), medium)


@pytest.mark.parametrize(
    ("name", "medium", "rounding"), paired(of_examples(every_run=["rnn"]), MEDIA, ["4dp", "carry:3dp", "5sf", "full"])
)
def test_every_cell_over_time_of_all_examples(name: str, medium: str, rounding: str) -> None:
    """All built-in problems, however they are rounded."""
    solution = example(name, rounding=rounding, detail="lines")
    lawful(solution, document(solution, medium), medium)


@pytest.mark.parametrize("medium", chosen(MEDIA, ["latex", "terminal-80"]))
def test_a_cell_of_the_next_step_would_be_noticed(medium: str) -> None:
    """Two values of one row that have changed places break the law."""
    solution = solve("rnn3")
    text = document(solution, medium)
    cells = cells_over_time(text, medium)
    one, other = cells["dL/dh_1 direct", 1], cells["dL/dh_2 direct", 2]
    assert one != other
    begin = text.index("Over time")
    row = text.index(other, begin)
    changed = text[:begin] + text[begin:].replace(one, "@").replace(other, one).replace("@", other)
    assert row > begin
    with pytest.raises(AssertionError):
        lawful(solution, changed, medium)
