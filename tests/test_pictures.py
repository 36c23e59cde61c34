"""Pictures: their numbers are lines of the sheet, nothing in them overlaps, and every medium can draw them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import given
from markdown_it import MarkdownIt
from networks import document, filled, sequence
from random_problems import Case, cases, examples
from sweeps import chosen, paired, runs, thinned
from sweeps import problem as built_in

from bptt_trace import load, parse, solve
from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.commands import command
from bptt_trace.document.figures import Bars, Figure, Picture
from bptt_trace.document.mathematics import Math, Relation, Verbatim
from bptt_trace.document.sentences import Inline, words
from bptt_trace.engine.functions import tanh
from bptt_trace.engine.names import Name, Role
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.matrix_rows import board_of
from bptt_trace.lines.rows import Rows, of_any_sample
from bptt_trace.media.drawing.bar_layout import on_paper
from bptt_trace.media.drawing.cell_layout import lay
from bptt_trace.media.drawing.characters import squeezed, text
from bptt_trace.media.drawing.narrower import shortened, turned
from bptt_trace.media.drawing.network_layout import Arrow, Drawing, Frame, Label
from bptt_trace.media.drawing.sizes import Points
from bptt_trace.media.drawing.svg import embedded, svg
from bptt_trace.media.drawing.text_width import COMPUTER_MODERN, DEJAVU
from bptt_trace.media.templates import html, latex, markdown
from bptt_trace.media.unicode import Script
from bptt_trace.networks.forward_pass import OF_CELL
from bptt_trace.pictures import gradient_bars, network_picture
from bptt_trace.pictures.cell_picture import cell
from bptt_trace.problem.problem import Problem, from_document
from bptt_trace.problem.rounding import Rounding
from bptt_trace.solution import Solution

LONG = ["x=[1,-2,3,0.5,1,1]", "target=[1,2,0,0.5,1,1]"]
ENTROPY = {"kind": "cross_entropy"}
SHAPES: dict[str, dict[str, Any]] = {
    "scalar": {},
    "four steps": {"T": 4},
    "six steps": {"T": 6},
    "three units": {"hidden": 3, "d": 3, "k": 3, "T": 6},
    "larger": {"hidden": 5, "d": 4, "k": 6, "T": 3},
    "layers": {"hidden": [2, 2], "d": 2, "k": 2, "T": 3},
    "scalar layers": {"hidden": [1, 1], "T": 4},
    "last output": {"outputs": "last", "T": 3},
    "first input": {"inputs": "first", "T": 3},
    "no readout": {"readout": False, "T": 3},
    "no readout, last": {"readout": False, "outputs": "last", "T": 3},
    "softmax": {"hidden": 2, "k": 3, "T": 2, "loss": ENTROPY, "output_activation": "softmax"},
    "long softmax": {
        "hidden": 2, "k": 3, "loss": {**ENTROPY, "gradient": "long"}, "output_activation": "softmax", "softmax": "steps",
    },
    "sigmoid": {"T": 3, "output_activation": "sigmoid"},
    "two biases": {"biases": 2, "T": 3, "hidden": 2},
    "concatenated": {"form": "concatenated", "hidden": 2, "d": 2, "T": 3},
    "rows": {"products": "x W", "hidden": 3, "d": 2, "k": 2, "T": 3},
    "batch": {"batch": 3, "hidden": 2, "T": 2},
    "scalar batch": {"batch": 2, "T": 3},
    "no bias": {"bias": False, "T": 3},
    "one step": {"T": 1},
    "dense": {"cell": "dense"},
    "dense layers": {"cell": "dense", "hidden": [3, 2], "d": 3, "k": 2},
    "dense batch": {"cell": "dense", "hidden": 2, "batch": 2},
    "dense classes": {"cell": "dense", "hidden": 3, "d": 2, "k": 3, "loss": ENTROPY, "output_activation": "softmax"},
}  # fmt: skip


def problem(name: str, **more: Any) -> Problem:
    return from_document({**document(**SHAPES[name], seed=3), **more})


GATES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "lstm": ({"cell": "lstm", "hidden": 1}, {"x": sequence(2), "target": sequence(2, seed=2)}),
    "lstm, two units, four inputs": ({"cell": "lstm", "hidden": 2}, {"x": sequence(3, 4), "target": sequence(3, 2)}),
    "lstm, four units": ({"cell": "lstm", "hidden": 4, "readout": False}, {"x": sequence(5), "target": sequence(5, 4)}),
    "peepholes": ({"cell": "lstm", "hidden": 1, "peepholes": True}, {"x": sequence(3), "target": sequence(3, seed=2)}),
    "concatenated lstm": ({"cell": "lstm", "hidden": 2, "form": "concatenated"}, {"x": sequence(2), "target": sequence(2)}),
    "gru": ({"cell": "gru", "hidden": 1}, {"x": sequence(3), "target": sequence(3, seed=2)}),
    "gru, two biases": ({"cell": "gru", "hidden": 3, "biases": 2}, {"x": sequence(2, 2), "target": sequence(2)}),
    "gru, reset before": ({"cell": "gru", "hidden": 2, "reset": "before"}, {"x": sequence(2), "target": sequence(2)}),
    "gru, 1 - z": ({"cell": "gru", "hidden": 1, "keeps": "1 - z"}, {"x": sequence(2), "target": sequence(2)}),
    "slstm": ({"cell": "slstm", "hidden": 1}, {"x": sequence(2), "target": sequence(2, seed=2)}),
    "slstm, sigmoid": ({"cell": "slstm", "hidden": 2, "forget": "sigmoid"}, {"x": sequence(2), "target": sequence(2)}),
    "slstm, plain": ({"cell": "slstm", "hidden": 1, "stabiliser": False}, {"x": sequence(2), "target": sequence(2)}),
    "lstm layers": ({"cell": "lstm", "hidden": [2, 1]}, {"x": sequence(3), "target": sequence(3, seed=2)}),
    "lstm batch": ({"cell": "lstm", "hidden": 1}, {"x": sequence(2, samples=2), "target": sequence(2, samples=2, seed=2)}),
}
"""Cells with gates."""
SHAPED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "both directions": ({"cell": "rnn", "hidden": 1, "bidirectional": True}, {"x": sequence(3), "target": sequence(3, seed=2)}),
    "both directions, long": (
        {"cell": "gru", "hidden": 2, "bidirectional": True}, {"x": sequence(6, 2), "target": sequence(6, seed=2)},
    ),
    "both directions, last": (
        {"cell": "rnn", "hidden": 1, "bidirectional": True, "outputs": "last"}, {"x": sequence(3), "target": "0.5"},
    ),
    "both directions, layers": (
        {"cell": "rnn", "hidden": [1, 1], "bidirectional": True}, {"x": sequence(3), "target": sequence(3, seed=2)},
    ),
    "teacher forcing": ({"cell": "rnn", "hidden": 1, "decoder": "target"}, {"x": sequence(3), "target": sequence(2, seed=2)}),
    "own output": ({"cell": "lstm", "hidden": 1, "decoder": "output"}, {"x": sequence(6), "target": sequence(5, seed=2)}),
    "translation in layers": (
        {"cell": "rnn", "hidden": [2, 1], "decoder": "target"}, {"x": sequence(1), "target": sequence(2, seed=2)},
    ),
    "feedback": ({"cell": "rnn", "hidden": 1, "feedback": "output"}, {"x": sequence(3), "target": sequence(3, seed=2)}),
}  # fmt: skip
"""Shapes over time."""


def wide() -> Iterator[tuple[str, Problem]]:
    """Numbers of many digits, other names, other roundings."""
    yield "large", load("rnn", [*LONG, "w_hy=-12345.6789", "b_h=-31.25"])
    yield "six places", problem("four steps", rounding={"places": 6})
    yield "all digits", problem("six steps", rounding={"policy": "full"})
    yield "vectors of all digits", problem("three units", rounding={"policy": "full"})
    yield "vanishing", load("rnn", [*LONG, "w_hh=-0.01"])
    for notation in ("keras", "pytorch", "mazur", "goodfellow"):
        yield notation, problem("four steps", notation=notation)
        yield f"{notation}, vectors", problem("layers", notation=notation)


PROBLEMS = {
    **{name: problem(name) for name in SHAPES},
    **dict(wide()),
    **{name: from_document(filled(*keys, update={"learning_rate": "0.1"})) for name, keys in (GATES | SHAPED).items()},
    **{name: built_in(name) for name in examples() if built_in(name).network.cells},
    "no update": from_document({key: value for key, value in document(T=3).items() if key != "update"}),
    "frozen": load("rnn", ["update.freeze=['w_xh','w_hh','b_h','w_hy','b_y']"]),
}


def desk_of(one: Problem) -> tuple[Desk, Rows]:
    solution = solve(one)
    full = evaluate(solution.program, one.given, Rounding("full"))
    desk = Desk(one, solution.program, solution.values, full, with_latex=True)
    return desk, board_of(desk)


EVERY_RUN = [
    "cs224n-gru", "training", "one step", "last output", "no readout", "rows", "batch", "dense", "dense classes", "long softmax",
    "all digits", "pytorch", "concatenated lstm", "gru, two biases", "slstm, sigmoid", "both directions",
    "both directions, last", "translation in layers", "frozen",
]  # fmt: skip
"""They execute 99.8 % of the branches that all pictures together do."""
EACH = chosen(PROBLEMS, EVERY_RUN)
SOME = chosen(PROBLEMS, EVERY_RUN[::2])
"""For what is asked of a picture beside the room that its parts have."""


@cache
def drawn(name: str) -> list[Figure]:
    """Every picture of one of the problems."""
    return figures(PROBLEMS[name])


@cache
def empty(name: str) -> list[Figure]:
    """The same with blanks for results."""
    return figures(PROBLEMS[name], blank=True)


def figures(one: Problem, *, blank: bool = False) -> list[Figure]:
    """Every picture that can be made of a problem."""
    desk, board = desk_of(one)
    if blank:
        for strings in desk.shown.bare.values():
            strings[:] = ["" if step.rule is not None else value for step, value in zip(desk.steps, strings, strict=False)]
    made = [
        network_picture.unrolled(desk, board),
        network_picture.rolled_up(desk, board),
        network_picture.by_layer(desk, board),
        cell(desk, board),
    ]
    return [figure for figure in (*made, gradient_bars.gradient_flow(desk)) if figure is not None]


def pieces(figure: Figure) -> Iterator[Math]:
    """All mathematics in a picture."""

    def of(text: Inline) -> Iterator[Math]:
        return (part for part in text if isinstance(part, Math))

    if isinstance(figure, Bars):
        for bar in figure.bars:
            yield from (bar.name, bar.value, bar.factor)
            yield Relation(bar.name, bar.value)
    else:
        grids = [grid for node in figure.nodes for grid in (node.cells, node.totals)] + [edge.label for edge in figure.edges]
        for grid in grids:
            for row in grid:
                for cell in row:
                    yield from of(cell)
    yield from of(figure.alternative)


NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?(?:/\d+)?"


def numbers(piece: Math) -> list[str]:
    """The numbers that a piece of mathematics tells: alone, or behind an equals sign."""
    value = piece.text.rpartition(" = ")[2]
    return value.split(", ") if re.fullmatch(rf"{NUMBER}(, {NUMBER})*", value) else []


# ------------------------------------------------------------------ the numbers


@pytest.mark.parametrize("name", SOME)
def test_every_number_of_a_picture_is_that_of_a_line(name: str) -> None:
    """``h_1 = 0.5370`` in a picture is a line of the sheet; a number that stands alone is the value of some line."""
    desk, _ = desk_of(PROBLEMS[name])
    known = {value.text for value in map(desk.value, range(len(desk.steps)))}
    by_name: dict[str, set[str]] = {}
    for position, step in enumerate(desk.steps):
        shown = desk.speller.text(of_any_sample(step.target))
        by_name.setdefault(shown, set()).add(desk.value(position).text)
    for figure in drawn(name):
        for piece in pieces(figure):
            told = numbers(piece)
            assert set(told) <= known, piece
            left, _, _ = piece.text.partition(" = ")
            if " = " in piece.text and len(told) == 1 and left not in ("direct", "carried", "from above", "from the decoder"):
                assert told[0] in by_name[left], piece


@runs(15)
@given(case=cases())
def test_the_pictures_of_random_problems_show_values_of_lines(case: Case) -> None:
    """Whatever the network and rounding."""
    one = parse(case.text)
    known = set(solve(one).sheet.values)
    assert {number for figure in figures(one) for piece in pieces(figure) for number in numbers(piece)} <= {v for _, v in known}


def test_the_unrolled_network_tells_what_flows() -> None:
    """Values in the boxes, parameters on forward arrows, direct and carried gradients on the arrows back, sums below."""
    picture = next(figure for figure in figures(load("rnn")) if figure.id == "unrolled")
    assert isinstance(picture, Picture)
    told = {f"{edge.kind}: {' / '.join(words(c) for row in edge.label for c in row)}" for edge in picture.edges if edge.label}
    assert told == {
        "forward: w_xh = 0.5 / b_h = 0.1",
        "forward: w_hh = 0.8",
        "forward: w_hy = 1.2 / b_y = -0.3",
        "direct: dL/dy_1 = -0.1556",
        "direct: dL/dy_2 = -0.2075",
        "direct: direct -0.1867",
        "direct: direct -0.2490",
        "carried: carried -0.0341",
    }
    states = [node for node in picture.nodes if node.style == "state"]
    assert [words(row[0]) for node in states for row in node.totals] == [
        "dL/dh_1 = -0.2208 (sum)",
        "dL/da_1 = -0.1571",
        "dL/dh_2 = -0.2490",
        "dL/da_2 = -0.0426",
    ]


@pytest.mark.parametrize("name", chosen([name for name in PROBLEMS if PROBLEMS[name].network.steps], EVERY_RUN))
def test_every_gradient_of_a_state_that_is_drawn_has_its_arrows(name: str) -> None:
    """An arrow back for every source of the gradient of a state: ``via`` in the names of lines."""
    past_boxes = name in ("both directions, last", "both directions, layers")
    network = PROBLEMS[name].network
    if past_boxes or network.tokens or network.attention:  # a map of the weights tells who looks at whom
        assert not {"unrolled", "rolled-up"} & {one.id for one in drawn(name)}
        return
    picture = drawn(name)[0]
    desk, _ = desk_of(PROBLEMS[name])
    assert isinstance(picture, Picture)
    back = [edge.kind for edge in picture.edges if edge.kind != "forward"]
    assert bool(back) == bool(desk.parts.backward)
    update = PROBLEMS[name].update
    every_step_is_cut = update is not None and update.truncate == 1
    if desk.parts.backward and desk.last_time > 1 and name != "first input" and not every_step_is_cut:
        assert ("carried" in back) == hands_on_a_state(desk)


def hands_on_a_state(desk: Any) -> bool:
    """Whether a line uses a state of the step before; of a Jordan network none does."""
    steps, stems = desk.steps, {stem for cell in desk.problem.network.cells for stem in cell.state}
    pairs = ((step.target, steps[argument].target) for step in steps for argument in step.arguments)
    return any(
        None not in (now.time, used.time) and now.of is None and used.of is None and used.stem in stems and now.time != used.time
        for now, used in pairs
    )


@pytest.mark.parametrize(("steps", "drawn"), [(1, [1]), (4, [1, 2, 3, 4]), (5, [1, 2, 4, 5]), (60, [1, 2, 59, 60])])
def test_at_most_four_steps_are_drawn(steps: int, drawn: list[int]) -> None:
    """Up to four all of them; of more the first two, dots, and the last two."""
    one = from_document(document(T=steps))
    picture = figures(one)[0]
    assert isinstance(picture, Picture)
    inputs = [words(node.cells[0][0]) for node in picture.nodes if node.row == 0]
    assert [int(re.match(r"x_(\d+)", name)[1]) for name in inputs] == drawn  # type: ignore[index]
    assert (sum(node.style == "dots" for node in picture.nodes) == 1) == (steps > 4)


def test_a_picture_of_many_steps_asks_for_no_more_values_than_one_of_six(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long trace gets no slower by more than a constant."""
    asked: list[int] = []
    for steps in (6, 300):
        desk, board = desk_of(from_document(document(T=steps)))
        count = 0
        value = Desk.value

        def counted(self: Desk, position: int, value: Any = value) -> Math:
            nonlocal count
            count += 1
            return value(self, position)

        monkeypatch.setattr(Desk, "value", counted)
        network_picture.unrolled(desk, board)
        monkeypatch.setattr(Desk, "value", value)
        asked.append(count)
    assert asked[0] == asked[1]


def test_a_batch_is_drawn_by_its_first_sample_and_says_so() -> None:
    """Title and alternative text name the sample."""
    for name in ("batch", "scalar batch", "dense batch"):
        picture = next(figure for figure in drawn(name) if figure.id != "rolled-up")
        assert "(sample 1 of the batch)" in words(picture.title)
        assert "(sample 1 of the batch)" in words(picture.alternative)


def test_a_rolled_up_network_has_a_loop_for_each_layer_and_no_number() -> None:
    """The state comes back by its own matrix."""
    picture = next(figure for figure in figures(PROBLEMS["layers"]) if figure.id == "rolled-up")
    assert isinstance(picture, Picture)
    loops = [edge for edge in picture.edges if edge.start == edge.end]
    assert ["W_hh(1)", "W_hh(2)"] == [words(edge.label[0][0]) for edge in loops]
    assert [piece for piece in pieces(picture) if numbers(piece)] == []


def test_a_larger_vector_has_its_name_only() -> None:
    """Beyond three components a box tells no values."""
    picture = figures(PROBLEMS["larger"])[0]
    states = [node for node in picture.nodes if node.style == "state"] if isinstance(picture, Picture) else []
    assert [[words(cell) for row in node.cells for cell in row] for node in states] == [[f"a_{t}", f"h_{t}"] for t in (1, 2, 3)]


def test_closed_forms_have_no_pictures() -> None:
    """They are too long for a box."""
    assert list(solve("fnn", rounding="exact").sheet.figures()) == []


def test_a_forward_pass_alone_is_drawn_without_gradients() -> None:
    """Where there is nothing to differentiate, the picture ends the forward section."""
    for section in solve(PROBLEMS["frozen"]).sheet.sections:
        found = [block for block in section.blocks if isinstance(block, Picture)]
        assert [figure.id for figure in found] == (["rolled-up", "unrolled"] if section.id == "forward" else [])
        assert {edge.kind for figure in found for edge in figure.edges} <= {"forward"}


@dataclass(frozen=True)
class TwoStates:
    """A cell that carries a second state, which takes part in the first."""

    activation: ClassVar = tanh
    parameters: ClassVar = {"W_xh": ("n", "d"), "W_hh": ("n", "n"), "b_h": ("n",)}
    state: ClassVar = ("h", "c")
    memory: ClassVar = "c"
    gates: ClassVar = {}

    def step(self, let: Any, p: Any, x: Any, h: Any, c: Any) -> Any:
        a = let("a", p.W_xh @ x + p.W_hh @ h + p.b_h)
        i = let("i", tanh(a))
        new = let("c", c * i + a)
        return let("h", tanh(new)), new


def test_a_cell_with_two_states_is_drawn_without_further_knowledge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both states stand in the box, and every part of their gradients has its name on its arrow."""
    monkeypatch.setitem(OF_CELL, "c", Role.HIDDEN)
    monkeypatch.setitem(OF_CELL, "i", Role.PREACTIVATION)
    one = load("rnn", ["x=[1,2,3]", "target=[1,2,3]"])
    given = {**one.given, Name("c", time=0): one.given[Name("h", time=0)]}
    one = replace(one, network=replace(one.network, cells=(TwoStates(),)), given=given)
    picture = figures(one)[0]
    assert isinstance(picture, Picture)
    boxes = [[words(cell) for row in node.cells for cell in row] for node in picture.nodes if node.style == "state"]
    assert ["c_1 = 0.6000", "h_1 = 0.5370"] == boxes[0]
    carried = [[words(row[0]) for row in edge.label] for edge in picture.edges if edge.kind == "carried"]
    assert ["carried", "dL/dc_1 via c_2 = -0.0515", "dL/dh_1 via a_2 = -0.0499"] == carried[0]
    desk, _ = desk_of(one)
    for figure in figures(one):
        assert overlaps(on_paper(figure, DEJAVU)) == []
        values = {value.text for value in map(desk.value, range(len(desk.steps)))}
        assert {number for piece in pieces(figure) for number in numbers(piece)} <= values


# ------------------------------------------------------------------------ bars


def test_bars_are_as_high_as_the_slopes_of_the_last_state_are_large() -> None:
    """In thousandths of the largest: what the section says of an error at the last step is what it draws."""
    bars = figures(load("rnn", LONG))[-1]
    assert isinstance(bars, Bars)
    sizes = [abs(float(bar.value.text)) for bar in bars.bars]
    for bar, size in zip(bars.bars, sizes, strict=True):
        assert abs(sum(share for _, share in bar.parts) - 1000 * size / max(sizes)) <= 1
    last = len(bars.bars) + 1
    assert [bar.name.text for bar in bars.bars] == [f"dh_{last}/dh_{time}" for time in range(1, last)]
    assert {kind for bar in bars.bars for kind, _ in bar.parts} == {"carried"}


def test_bars_need_three_steps() -> None:
    """Two steps have one factor, which is no product."""
    assert "gradient-flow" not in {figure.id for figure in figures(load("rnn"))}
    assert "gradient-flow" in {figure.id for figure in figures(load("rnn3"))}


def test_many_bars_are_left_out() -> None:
    """Beyond eight steps: the first two, dots, the last three."""
    bars = figures(from_document(document(T=40)))[-1]
    assert isinstance(bars, Bars)
    assert ["dh_40/dh_1", "dh_40/dh_2", "…", "dh_40/dh_37", "dh_40/dh_38", "dh_40/dh_39"] == [bar.name.text for bar in bars.bars]


# ----------------------------------------------------------------------- blank


@pytest.mark.parametrize("name", SOME)
def test_a_blank_desk_leaves_no_trace_of_a_result(name: str) -> None:
    """Names stand alone, bars have no height, and no digit of a result is in any drawing."""
    one = PROBLEMS[name]
    desk, _ = desk_of(one)
    typed = {desk.value(p).text for p, step in enumerate(desk.steps) if step.rule is None}
    for full, blank in zip(drawn(name), empty(name), strict=True):
        assert full.id == blank.id
        assert {number for piece in pieces(blank) for number in numbers(piece)} <= typed
        if isinstance(blank, Bars):
            assert not any(bar.parts or bar.value.text or bar.factor.text for bar in blank.bars)
        results = {number for piece in pieces(full) for number in numbers(piece)} - typed
        results = {number for number in results if "." in number}
        shown = [re.sub(r"<[^>]*>", " ", svg(blank)).replace("−", "-"), text(blank, 200, Script(unicode=False))]
        for said in shown:
            assert not results & set(re.findall(NUMBER, said))


# --------------------------------------------------------------------- overlap


def rectangles(drawing: Drawing) -> Iterator[tuple[float, float, float, float]]:
    for one in (*drawing.labels, *drawing.frames):
        yield one.x, one.y, one.x + one.width, one.y + one.height


def meet(one: Any, other: Any, slack: float = 0.01) -> bool:
    """Whether two rectangles have an area in common."""
    return (
        one.x + slack < other.x + other.width
        and other.x + slack < one.x + one.width
        and one.y + slack < other.y + other.height
        and other.y + slack < one.y + one.height
    )


def inside(label: Label, frame: Frame) -> bool:
    return (
        frame.x <= label.x
        and frame.y <= label.y
        and label.x + label.width <= frame.x + frame.width + 0.01
        and label.y + label.height <= frame.y + frame.height + 0.01
    )


def crosses(arrow: Arrow, one: Any) -> bool:
    """Whether an arrow runs over a rectangle."""
    for (x1, y1), (x2, y2) in pairwise(arrow.points):
        left, right, top, bottom = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
        low = bottom + (1e-6 if y1 == y2 else 0)  # an upright arrow may end at the top of a sign
        if left < one.x + one.width and one.x < right + 1e-6 and top < one.y + one.height and one.y < low:
            return True
    return False


def runs_through(arrow: Arrow, frame: Frame) -> bool:
    """Whether an arrow goes on inside a frame, and not only up to it."""
    slim = replace(frame, x=frame.x + 0.1, y=frame.y + 0.1, width=frame.width - 0.2, height=frame.height - 0.2)
    return crosses(arrow, slim)


def overlaps(drawing: Drawing) -> list[Any]:
    found: list[Any] = [pair for pair in combinations(drawing.labels, 2) if meet(*pair)]
    found += [pair for pair in combinations(drawing.frames, 2) if meet(*pair)]
    found += [
        (label, frame) for label in drawing.labels for frame in drawing.frames if meet(label, frame) and not inside(label, frame)
    ]
    found += [(label, block) for label in drawing.labels for block in drawing.blocks if meet(label, block)]
    found += [(label, arrow) for label in drawing.labels for arrow in drawing.arrows if crosses(arrow, label)]
    lines = [Arrow(wire, "forward") for wire in drawing.wires]
    found += [(label, line) for label in drawing.labels for line in lines if crosses(line, label)]
    if drawing.wires:
        found += [(frame, line) for frame in drawing.frames for line in (*lines, *drawing.arrows) if runs_through(line, frame)]
    found += [box for box in rectangles(drawing) if min(box[:2]) < -0.01 or box[2] > drawing.width + 0.01]
    return found


@pytest.mark.parametrize("name", EACH)
def test_nothing_overlaps_on_paper(name: str) -> None:
    """Boxes, labels, bars and arrows have rectangles of their own, in both faces."""
    for figure in (*drawn(name), *empty(name)):
        for face in (DEJAVU, COMPUTER_MODERN):
            assert overlaps(on_paper(figure, face)) == []


@pytest.mark.parametrize("name", EACH)
def test_nothing_overlaps_in_a_terminal(name: str) -> None:
    """Every place is whole, at every degree of squeezing, however many steps are left out."""
    for figure in drawn(name):
        if isinstance(figure, Bars):
            continue
        attempts = [figure, turned(figure)] if figure.id == "layers" else [figure]
        how = list(squeezed(figure, Script(unicode=True)))
        while figure.id == "unrolled" and (shorter := shortened(attempts[-1])):
            attempts.append(shorter)
        for picture in attempts:
            for cells in how:
                drawing = lay(picture, cells)
                assert overlaps(drawing) == []
                assert all(float(place).is_integer() for box in rectangles(drawing) for place in box)


# -------------------------------------------------------------------- terminal


@pytest.mark.parametrize(("name", "width"), paired(SOME, [30, 60, 80, 120]))
def test_no_row_is_wider_than_the_terminal(name: str, width: int) -> None:
    """In Unicode and in ASCII, down to thirty columns."""
    for figure in drawn(name):
        for unicode in (True, False):
            said = text(figure, width, Script(unicode))
            assert max(map(len, said.splitlines())) <= width
            assert unicode or said.isascii()


def test_what_no_terminal_could_hold_is_told_in_words() -> None:
    """The alternative text, wrapped."""
    picture = figures(PROBLEMS["three units"])[0]
    said = text(picture, 40, Script(unicode=True))
    assert said.startswith("The network unrolled in time: h_0 =")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_small_network_is_drawn_at_every_usual_width(width: int) -> None:
    """Two steps fit in 60 columns with all of their numbers."""
    picture = figures(load("rnn"))[0]
    said = text(picture, width, Script(unicode=True))
    assert "▶" in said
    for number in ("0.5370", "0.9104", "−0.2208", "−0.1571", "−0.0341", "−0.2490", "0.0242"):
        assert number in said


# -------------------------------------------------------------------- the cell


def the_cell(name: str) -> Picture:
    """The picture of a cell."""
    figure = next(one for one in drawn(name) if one.id == "cell")
    assert isinstance(figure, Picture)
    return figure


def named(picture: Picture) -> dict[str, str]:
    """What each node is called: the name of its last line, or its sign."""
    said = {node.id: [words(cell).partition(" = ")[0] for row in node.cells for cell in row] for node in picture.nodes}
    lines = {key: [one for one in found if re.match(r"[a-z]\w*(\(\w+\))?_\d", one)] for key, found in said.items()}
    return {key: (lines[key] or found or [""])[-1] for key, found in said.items()}


def test_an_lstm_is_drawn_as_everybody_draws_it() -> None:
    """Four gates read x and h; the cell is f · c + i · g; h is o · tanh(c); the cell runs along the top."""
    picture = the_cell("lstm")
    names = named(picture)
    uses: dict[str, list[str]] = {}
    for edge in picture.edges:
        uses.setdefault(names[edge.end] or "out", []).append(names[edge.start])
    assert all(set(uses[gate]) == {"x_2", "h_1"} for gate in ("i_2", "f_2", "g_2", "o_2"))
    assert uses["c_2"] == ["+"]
    assert uses["+"] == ["*", "*"]
    assert uses["*"] == ["f_2", "c_1", "i_2", "g_2", "o_2", "tanh"]
    assert uses["tanh"] == ["c_2"]
    assert sorted(uses["out"]) == ["c_2", "h_2"]
    top = max(node.row for node in picture.nodes)
    assert {names[node.id] for node in picture.nodes if node.row == top} >= {"c_1", "*", "+", "c_2"}


@pytest.mark.parametrize("name", GATES)
def test_a_line_of_the_cell_has_one_place_and_follows_what_it_uses(name: str) -> None:
    """Every box stands right of what it reads; no two share a place; each state goes in and out."""
    picture = the_cell(name)
    places = {node.id: (node.column, node.row) for node in picture.nodes}
    assert len(set(places.values())) == len(places)
    assert all(places[edge.start][0] < places[edge.end][0] for edge in picture.edges)
    cell = PROBLEMS[name].network.cells[0]
    assert sum(node.style == "exit" for node in picture.nodes) == len(cell.state)
    gates = {one.partition("(")[0].partition("_")[0] for one in named(picture).values()}
    assert set(cell.gates) <= gates


@pytest.mark.parametrize("name", ["lstm", "gru", "lstm, two units, four inputs"])
def test_a_small_cell_is_drawn_in_eighty_columns(name: str) -> None:
    """With all of its numbers."""
    said = text(the_cell(name), 80, Script(unicode=True))
    told = {number.replace("-", "−") for piece in pieces(the_cell(name)) for number in numbers(piece)}
    assert "▶" in said
    assert all(number in said for number in told)


def test_lines_that_cross_are_not_joined() -> None:
    """A line that only crosses another has no dot; where one goes on behind a turn there is one."""
    picture = the_cell("lstm")
    drawing = lay(picture, Points(DEJAVU))
    x = {node.id: node.column for node in picture.nodes}
    assert len(drawing.joins) == 5  # at x and at three gates, and where tanh takes the cell that goes on
    assert len(x) == len(picture.nodes)


def test_a_cell_without_gates_has_no_picture_of_its_own() -> None:
    """The rolled-up network says it all."""
    assert all(figure.id != "cell" for figure in figures(PROBLEMS["scalar"]))


# --------------------------------------------------------------- in both directions, encoder and decoder


def test_a_network_of_both_directions_has_two_rows_and_arrows_both_ways() -> None:
    """The states of one direction are handed to the right, those of the other to the left, and gradients against them."""
    picture = next(one for one in figures(PROBLEMS["both directions"]) if one.id == "unrolled")
    assert isinstance(picture, Picture)
    nodes = {node.id: node for node in picture.nodes}
    level = [edge for edge in picture.edges if nodes[edge.start].row == nodes[edge.end].row]
    right = {(nodes[e.start].row, e.kind): nodes[e.start].column < nodes[e.end].column for e in level}
    assert right == {(1, "forward"): True, (1, "carried"): False, (3, "forward"): False, (3, "carried"): True}
    said = text(picture, 120, Script(unicode=True))
    assert "h(bwd)_4" in said
    assert "h(fwd)_0" in said


def test_a_decoder_stands_right_of_its_encoder_and_starts_from_its_state() -> None:
    """One arrow leads from the encoder's last state to the decoder's first, and one gradient comes back."""
    picture = next(one for one in figures(PROBLEMS["teacher forcing"]) if one.id == "unrolled")
    assert isinstance(picture, Picture)
    names = named(picture)
    handed = [
        (e.kind, names[e.start], names[e.end])
        for e in picture.edges
        if {"h(enc)_3", "h(dec)_1"} == {names[e.start], names[e.end]}
    ]
    assert handed == [("forward", "h(enc)_3", "h(dec)_1"), ("carried", "h(dec)_1", "h(enc)_3")]
    assert ("target_1", "h(dec)_2") in {(names[edge.start], names[edge.end]) for edge in picture.edges}


# ------------------------------------------------------------------------- SVG


@pytest.mark.parametrize("name", SOME)
def test_an_svg_is_valid_xml_and_stands_for_itself(name: str) -> None:
    """It has a title and a description, and nothing from elsewhere: no script, style, link or identifier."""
    for figure in drawn(name):
        root = ElementTree.fromstring(svg(figure))
        space = "{http://www.w3.org/2000/svg}"
        assert [f"{space}title", f"{space}desc"] == [child.tag for child in root][:2]
        assert {element.tag.removeprefix(space) for element in root.iter()} <= {
            "svg", "title", "desc", "text", "tspan", "rect", "line", "polygon",
        }  # fmt: skip
        attributes = {key for element in root.iter() for key in element.attrib}
        assert not attributes & {"id", "style", "class", "href", "onload"}
        told = [number.replace("-", "−") for piece in pieces(figure) for number in numbers(piece)]
        description = root[1].text or ""
        values = [n for n in told if isinstance(figure, Picture) and n in words(figure.alternative).replace("-", "−")]
        assert all(value in description.replace("·10", "e") for value in values if "e" not in value)


HOSTILE = ["<script>alert(1)</script>", r"\input{x}", "]]>", "a & b", '"quoted"', "](javascript:x)"]


def titled(title: str) -> Solution:
    return solve(parse(json.dumps({**document(T=3), "title": title})))


@pytest.mark.parametrize("title", thinned(HOSTILE, 3))
def test_a_title_is_only_text_in_every_picture(title: str) -> None:
    """XML, HTML and Markdown keep their structure; LaTeX meets no command; what XML forbids is a space."""
    solution = titled(title)
    title += "\x0b"
    sheet = solution.sheet
    for figure in sheet.figures():
        changed = type(figure)(**{**vars(figure), "title": (title,), "alternative": (title, Verbatim(title))})
        root = ElementTree.fromstring(svg(changed))
        spoken = "".join(sign if sign.isprintable() else " " for sign in title)
        assert root[0].text == spoken
        assert (root[1].text or "").startswith(spoken)
    assert "<script" not in html(sheet)
    assert r"\input{x}" not in latex(sheet)
    assert markdown(sheet, links=embedded(sheet)).count("![") == len(list(sheet.figures()))


@pytest.mark.parametrize("title", HOSTILE)
def test_an_alternative_text_in_markdown_is_only_text(title: str) -> None:
    """Read by a Markdown parser, there is one image with these words."""
    sheet = solve("rnn").sheet
    figure = next(sheet.figures())
    changed = replace(figure, alternative=(title,))
    sections = tuple(replace(s, blocks=tuple(changed if b is figure else b for b in s.blocks)) for s in sheet.sections)
    said = markdown(replace(sheet, sections=sections), links={figure.id: "a (b).svg"})
    tokens = [child for token in MarkdownIt("commonmark").parse(said) for child in token.children or []]
    (image,) = [token for token in tokens if token.type == "image"]
    assert image.attrs["src"] == "a%20%28b%29.svg"
    assert image.content.replace("\\", "") == title.replace("\\", "")


MEASURED = """
<script>
const found = [];
for (const one of document.querySelectorAll("svg")) {
  const area = one.getBoundingClientRect();
  const boxes = [...one.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
  for (let i = 0; i < boxes.length; i++) {
    const [a, p] = boxes[i];
    if (p.left < area.left || p.right > area.right || p.top < area.top - 1 || p.bottom > area.bottom + 1) found.push(a);
    for (let j = 0; j < i; j++) {
      const [b, q] = boxes[j];
      const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (wide > 1 && high > Math.min(p.height, q.height) / 2) found.push(a + " / " + b);
    }
  }
}
document.title = "measured";
document.body.innerHTML = "<pre>" + found.length + " overlaps: " + found.join("; ") + "</pre>";
</script>
"""


@pytest.mark.parametrize("names", chosen(["some", "all"], ["some"]))
def test_a_browser_draws_every_svg_without_an_overlap(names: str, tabs: Any) -> None:
    """Measured by chromium with the fonts that are there, no text lies on another or leaves its picture."""
    pictures = [svg(figure) for name in (PROBLEMS if names == "all" else EVERY_RUN) for figure in drawn(name)]
    page = tabs.lend()
    page.goto("about:blank")
    page.set_content(f"<!DOCTYPE html><meta charset=utf-8><body>{''.join(pictures)}{MEASURED}</body>")
    assert page.inner_text("pre").strip() == "0 overlaps:"
    tabs.take_back()


# ----------------------------------------------------------------------- media


def test_every_medium_has_the_pictures() -> None:
    """HTML and LaTeX contain them; Markdown draws or links them; JSON tells them in words."""
    solution = solve("rnn3")
    sheet = solution.sheet
    ids = [figure.id for figure in sheet.figures()]
    assert ids == ["rolled-up", "unrolled", "gradient-flow"]
    assert html(sheet).count("<svg") == len(ids)
    assert latex(sheet).count(r"\begin{tikzpicture}") == len(ids)
    assert solution.to_markdown().count("```text") == len(ids)
    notes = [note for section in json.loads(solution.to_json())["sections"] for note in section["notes"]]
    assert sum(note.startswith(("The network", "What is left of an error")) for note in notes) == len(ids)
    assert list(solution.to_svg()) == ids


def test_jupyter_shows_pictures_that_are_in_the_text() -> None:
    """``_repr_markdown_`` embeds them as addresses."""
    said = solve("rnn")._repr_markdown_()
    found = re.findall(r"!\[[^\n]*\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", said)
    assert len(found) == 2
    for one in found:
        ElementTree.fromstring(base64.b64decode(one))


def test_markdown_in_a_file_has_its_pictures_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linked relatively, with the numbers in the alternative text."""
    monkeypatch.chdir(tmp_path)
    outcome = CliRunner().invoke(command, ["solve", "rnn3", "-f", "markdown", "-o", "my sheet.md"])
    assert outcome.exit_code == 0, outcome.output
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "my sheet-gradient-flow.svg", "my sheet-rolled-up.svg", "my sheet-unrolled.svg", "my sheet.md",
    ]  # fmt: skip
    said = Path("my sheet.md").read_text("utf-8")
    assert "](my%20sheet-unrolled.svg)" in said
    assert "h\\_1 = 0.5154" in said
    assert "```" not in said


def test_markdown_and_its_pictures_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one of them cannot be written, none is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sheet-unrolled.svg").mkdir()
    outcome = CliRunner().invoke(command, ["solve", "rnn", "-f", "markdown", "-o", "sheet.md"])
    assert outcome.exit_code != 0
    assert [path.name for path in tmp_path.iterdir()] == ["sheet-unrolled.svg"]


def test_markdown_on_the_screen_draws_in_characters() -> None:
    """Where no file can stand beside it."""
    outcome = CliRunner().invoke(command, ["solve", "rnn", "-f", "markdown"])
    assert "```text\n" in outcome.output
    assert "![" not in outcome.output


def test_the_picture_of_the_readme_is_fresh(request: pytest.FixtureRequest) -> None:
    """It is what the example has today (``--update-golden`` writes it)."""
    path = Path(__file__).parent.parent / "docs" / "rnn-unrolled.svg"
    said = solve("rnn").to_svg()["unrolled"]
    if request.config.getoption("--update-golden"):
        path.write_text(said, "utf-8", newline="\n")
    assert said == path.read_text("utf-8")
