"""How far an error reaches back: slopes between states, their products, and what the sheet of ``flow`` says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from click.testing import CliRunner
from law import FUNCTIONS, Digits, Printed, evaluate, number, read_json, read_latex, read_markdown, read_terminal, said_in_text
from networks import filled, sequence
from sweeps import paired

from bptt_trace import load
from bptt_trace.calculation.arithmetic import WORKING, Precise, run
from bptt_trace.calculation.build import build
from bptt_trace.commands import command
from bptt_trace.document.figures import Decades
from bptt_trace.document.sheet import Sheet
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import ProblemError
from bptt_trace.lines.parts_of_sheet import one_step
from bptt_trace.media.drawing.svg import pictures
from bptt_trace.media.sheet_json import write_json
from bptt_trace.media.templates import html, latex, markdown
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import Problem, from_document
from bptt_trace.problem.rounding import Rounding
from bptt_trace.worked_solution.gradient_flow import flow_sheet

NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("h", {"cell": "rnn"}),
    ("h", {"cell": "rnn", "activation": "sigmoid", "biases": 2}),
    ("h", {"cell": "rnn", "feedback": "output"}),
    ("h", {"cell": "gru"}),
    ("h", {"cell": "gru", "reset": "before", "keeps": "1 - z"}),
    ("h", {"cell": "gru", "biases": 2}),
    ("c", {"cell": "lstm"}),
    ("c", {"cell": "lstm", "peepholes": True}),
    ("c", {"cell": "lstm", "feedback": "output"}),
    ("c", {"cell": "slstm"}),
    ("c", {"cell": "slstm", "stabiliser": False, "forget": "sigmoid"}),
]
"""The state that is followed, and the keys of the network."""
SMALL = Decimal("1e-20")


def problem(network: dict[str, Any], T: int = 4) -> Problem:
    return from_document(filled(network, {"x": sequence(T), "target": sequence(T, seed=2)}))


@pytest.mark.parametrize(("memory", "network"), NETWORKS, ids=str)
def test_a_factor_is_a_central_difference_with_the_other_states_held(memory: str, network: dict[str, Any]) -> None:
    """The state before is moved a little, with 60 digits; what the step makes of it is the factor."""
    one = problem(network)
    program = scalars(build(one))
    numbers = run(program, one.given, Precise())
    value = {step.target: number for step, number in zip(program.steps, numbers, strict=True)}
    others = set(one.network.cells[0].state) - {memory}
    factors = [step.target for step in program.steps if step.role is Role.FACTOR]
    singles = [target for target in factors if one_step(target)]
    assert [(4, 3), (3, 2), (2, 1)] == [(target.of.time, target.time) for target in singles if target.of]
    for target in singles:
        assert target.of is not None
        before = target._replace(of=None)
        held: dict[Name, Any] = {(name := before._replace(stem=stem)): value[name] for stem in others}
        moved = [
            run(program, one.given, Precise(), {**held, before: value[before] + by})[program.index[target.of]]
            for by in (SMALL, -SMALL)
        ]
        assert abs((moved[0] - moved[1]) / (2 * SMALL) - value[target]) < Decimal("1e-15")


@pytest.mark.parametrize(("memory", "network"), NETWORKS, ids=str)
def test_a_product_is_that_of_its_factors(memory: str, network: dict[str, Any]) -> None:
    """``dh_4/dh_1`` is ``dh_4/dh_3 · dh_3/dh_2 · dh_2/dh_1``."""
    one = problem(network)
    program = scalars(build(one))
    numbers = run(program, one.given, Precise())

    def at(late: int, early: int) -> Any:
        return numbers[program.index[Name(memory, time=early, of=Name(memory, time=late))]]

    for early in (1, 2):
        product = Decimal(1)
        for time in range(early, 4):
            product = WORKING.multiply(product, at(time + 1, time))
        assert abs(product - at(4, early)) < Decimal("1e-40")


def test_along_the_cell_the_factor_is_the_forget_gate() -> None:
    """The constant error carousel: one line, one name."""
    for cell in ("lstm", "slstm"):
        lines = str(build(problem({"cell": cell}, 3))).splitlines()
        assert ["dc_3/dc_2 = f_3", "dc_2/dc_1 = f_2", "dc_3/dc_1 = dc_3/dc_2 * dc_2/dc_1"] == lines[-3:]


@pytest.mark.parametrize("network", [{"hidden": 2}, {"hidden": [1, 1]}, {"bidirectional": True}], ids=str)
def test_vectors_and_several_layers_have_no_factors(network: dict[str, Any]) -> None:
    """There a slope between states is a matrix, or not the only way back."""
    assert not any(step.role is Role.FACTOR for step in build(problem({"cell": "rnn", **network})))


@pytest.mark.parametrize("cell", ["rnn", "gru"])
def test_pytorch_has_the_same_products(cell: str) -> None:
    """∂h_4/∂h_1 by autograd, through cells with the same weights."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    one = problem({"cell": cell, "biases": 2})
    given = {str(name): float(value.value) for name, value in one.given.items()}
    net = {"rnn": torch.nn.RNNCell, "gru": torch.nn.GRUCell}[cell](1, 1, dtype=torch.float64)
    gates = ["h"] if cell == "rnn" else ["r", "z", "n"]
    with torch.no_grad():
        for stem, kind in (("w_x", net.weight_ih), ("w_h", net.weight_hh), ("b_x", net.bias_ih), ("b_h", net.bias_hh)):
            kind.copy_(torch.tensor([given[f"{stem}{gate}"] for gate in gates], dtype=torch.float64).reshape(kind.shape))
    states = [torch.zeros(1, 1, dtype=torch.float64)]
    for time in range(1, 5):
        states.append(net(torch.tensor([[given[f"x_{time}"]]], dtype=torch.float64), states[-1]))
    program = scalars(build(one))
    numbers = run(program, one.given, Precise())
    for time in (1, 2, 3):
        (slope,) = torch.autograd.grad(states[4], states[time], retain_graph=True)
        ours = numbers[program.index[Name("h", time=time, of=Name("h", time=4))]]
        assert abs(float(slope) - float(ours)) < 1e-12


# ------------------------------------------------------------------ the sheet


PAIR = ("vanishing", "vanishing-lstm")


def terminal(width: int, unicode: bool) -> Callable[[Sheet], str]:
    return lambda sheet: as_text(sheet, width, unicode=unicode)


MEDIA: dict[str, tuple[Callable[[Sheet], str], Callable[[str], list[list[Printed]]]]] = {
    "json": (lambda sheet: "".join(write_json(sheet)), read_json),
    "markdown": (markdown, read_markdown),
    "latex": (latex, read_latex),
    **{
        f"terminal-{width}-{signs}": (terminal(width, signs), read_terminal) for width in (60, 80, 120) for signs in (True, False)
    },
}
"""How a sheet is printed, and how its lines are read back."""


def sheet_of(*names: str, changes: list[str] | None = None, rounding: str = "", **how: Any) -> Sheet:
    problems = [load(name, changes or []) for name in names]
    return flow_sheet([one.rounded(Rounding.parse(rounding)) if rounding else one for one in problems], **how)


@pytest.mark.parametrize(("names", "medium"), paired([("rnn3",), ("gomez",), PAIR], MEDIA), ids=str)
def test_every_line_of_the_sheet_recomputes(names: tuple[str, ...], medium: str) -> None:
    """A slope or a product is what its printed numbers give, to significant figures, in every medium."""
    write, read = MEDIA[medium]
    sheet = sheet_of(*names)
    figures = Digits(load(names[0]).rounding.figures or load(names[0]).rounding.places, figures=True)
    rows = [row for section in read(write(sheet)) for row in section]
    assert len(list(sheet.rows())) == len(rows) > 0
    for row in rows:
        assert figures.rounded(evaluate(row.numbers, FUNCTIONS)) == number(row.result), row
        assert figures.shown(row.result) and row.relation == "=", row


@pytest.mark.parametrize("names", [("rnn3",), ("gomez",), PAIR], ids=str)
def test_products_and_percentages_of_the_tables_recompute(names: tuple[str, ...]) -> None:
    """A product is the one above it times the slope beside it; a percentage is 100 · contribution / sum."""
    figures = Digits(load(names[0]).rounding.figures or load(names[0]).rounding.places, figures=True)
    printed = json.loads("".join(write_json(sheet_of(*names, canonical=True))))
    for section in printed["sections"]:
        for table in section.get("tables", []):
            rows = table["rows"]
            for place in range(1, len(table["columns"]), 2):
                if table["columns"][place + 1] == "%":
                    whole = number(rows[-1][place])
                    for row in rows[:-1]:
                        assert figures.rounded(number(row[place]) / whole * 100) == number(row[place + 1])
                else:
                    assert rows[0][place] == rows[0][place + 1]
                    for above, row in pairwise(rows):
                        assert figures.rounded(number(above[place + 1]) * number(row[place])) == number(row[place + 1])


@pytest.mark.parametrize(("memory", "network"), NETWORKS, ids=str)
def test_shares_add_up_to_the_whole(memory: str, network: dict[str, Any]) -> None:
    """The percentages of all time steps are 100 together, for each weight that multiplies the state."""
    del memory
    printed = json.loads("".join(write_json(flow_sheet([problem(network).rounded(Rounding("full"))]))))
    (table,) = next(section["tables"] for section in printed["sections"] if section["id"] == "shares")
    weights = {"rnn": 1, "gru": 3, "lstm": 4, "slstm": 4}[network["cell"]]
    assert 1 + 2 * weights == len(table["columns"])
    for place in range(2, len(table["columns"]), 2):
        assert abs(sum(float(row[place]) for row in table["rows"][:-1]) - 100) < 1e-9


def test_calculations_in_sentences_recompute() -> None:
    """The largest share is calculated where it is named."""
    printed = json.loads("".join(write_json(sheet_of(*PAIR))))
    notes = [note for section in printed["sections"] for note in section["notes"] if note.startswith("Share")]
    said = [one for note in notes for one in said_in_text(note, FUNCTIONS)]
    assert 5 == len(said) == len(notes)
    for one in said:
        assert Digits(4, figures=True).rounded(evaluate(one.numbers, FUNCTIONS)) == number(one.result)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ([], "Vanishing. The slope w_hh * (1 - h_(t+1)^2) is below 1 in size at every step"),
        (["activation=identity", "w_hh=1.5"], "Exploding. The slope w_hh is above 1 in size at every step"),
        (["activation=identity", "w_hh=1"], "Stable. The slope w_hh is 1 in size at every step"),
        (["activation=identity", "w_hh=-0.95"], "Stable. The slope w_hh is below 1 in size at every step"),
        (["w_hh=1.2", "w_xh=0.3", "b_h=0"], "Vanishing. The slope w_hh * (1 - h_(t+1)^2) is between"),
        (["activation=relu", "b_h=-9"], "Blocked. The slope w_hh * relu'(a_(t+1)) is 0 in size at every step"),
    ],
    ids=str,
)
def test_the_verdict_says_what_the_product_is_and_where_the_slopes_lie(changes: list[str], verdict: str) -> None:
    """Below 1, above 1, exactly 1, on both sides, or 0."""
    printed = json.loads("".join(write_json(sheet_of("vanishing", changes=changes))))
    (note,) = [note for note in printed["sections"][0]["notes"] if note.startswith("Verdict")]
    assert note.startswith(f"Verdict: {verdict}"), note


def test_the_rnn_forgets_what_the_lstm_keeps() -> None:
    """The lesson of the examples: eight steps leave 0.3 % of a change here, and 72 % there."""
    product = [Decimal(list(sheet_of(name).rows())[-1].result.text) for name in PAIR]
    assert product[0] < Decimal("0.01")
    assert product[1] > Decimal("0.7")
    given = [load(name) for name in PAIR]
    series = [{str(n): v.value for n, v in one.given.items() if n.stem in ("x", "target")} for one in given]
    assert series[0] == series[1]


def long(T: int) -> Problem:
    return problem({"cell": "rnn"}, T)


def test_a_long_sequence_has_a_row_for_each_step_and_a_few_lines() -> None:
    """Of T = 200 the first slopes are printed as lines; as data all of them."""
    sheet = flow_sheet([long(200)], with_latex=False)
    assert 3 == len(list(sheet.rows()))
    assert [199, 201] == [len(block.rows) for section in sheet.sections for block in section.blocks if block.kind == "table"]
    assert 397 == len(list(flow_sheet([long(200)], canonical=True).rows()))


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_of_the_terminal_is_wider_than_it(width: int, unicode: bool) -> None:
    """Two networks side by side, and a long sequence."""
    for sheet in (sheet_of(*PAIR), flow_sheet([long(40)])):
        text = as_text(sheet, width, unicode=unicode)
        assert max(map(len, text.splitlines())) <= width
        assert unicode or text.isascii()


def figure(sheet: Sheet) -> Decades:
    (found,) = sheet.figures()
    assert isinstance(found, Decades)
    return found


def test_a_decade_is_a_decade_on_the_scale() -> None:
    """Bars and marks are as far along as their logarithms; a product of 0 has no bar."""
    picture = figure(sheet_of(*PAIR))
    marks = {mark.text: height for mark, height in picture.marks}
    assert {"0.001": 0, "0.01": 333, "0.1": 667, "1": 1000} == marks
    for group in picture.groups:
        for level in group.levels:
            assert abs(level.height - 1000 - 1000 / 3 * float(Decimal(level.value.text).log10())) <= 1
    blocked = sheet_of("vanishing", changes=["activation=relu", "x=[1,1,1,-9,1,1,1,1]", "w_hh=0.1"])
    assert [True] * 4 + [False] * 3 == [level.height > 0 for group in figure(blocked).groups for level in group.levels]


def test_the_picture_of_a_long_sequence_has_eight_steps_from_the_last_to_the_first() -> None:
    """Evenly spread; the powers of ten beside it are few."""
    picture = figure(flow_sheet([long(200)]))
    times = [int(group.name.text) for group in picture.groups]
    assert (8, 199, 1) == (len(times), times[0], times[-1])
    assert len(picture.marks) <= 5


def test_pictures_are_drawn_in_every_medium() -> None:
    """SVG in HTML, TikZ in LaTeX, characters in Markdown; the alternative has the products."""
    sheet = sheet_of(*PAIR)
    assert {"decades"} == pictures(sheet).keys()
    assert "0.002922" in pictures(sheet)["decades"]
    assert "<svg" in html(sheet)
    assert "tikzpicture" in latex(sheet)
    assert re.search(r"```text\nt +0.001 .*```", markdown(sheet), re.DOTALL)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("fnn", [], "network.cell: a network without time has no state that is carried back"),
        ("classifier", [], "network.hidden: 2 units: the slope between two states is a matrix"),
        ("toy-batch", [], "given.x: 4 samples: flow follows one sequence"),
        ("rnn", ["x=[1]", "target=[1]"], "given.x: one time step: nothing is carried back"),
    ],
)
def test_what_has_no_slopes_of_single_numbers_is_refused(name: str, changes: list[str], message: str) -> None:
    """With the key that it is about."""
    with pytest.raises(ProblemError, match=re.escape(message)):
        sheet_of(name, changes=changes)


def test_several_layers_are_refused_too() -> None:
    """There is more than one way back."""
    with pytest.raises(ProblemError, match="2 layers"):
        flow_sheet([problem({"cell": "rnn", "hidden": [1, 1]})])


def test_frozen_weights_and_no_loss_leave_the_slopes() -> None:
    """Without a gradient there is nothing to share out."""
    frozen = sheet_of("rnn3", changes=['update.freeze=["w_hh"]'])
    assert ["reach", "slopes"] == [section.id for section in frozen.sections]
    silent = from_document(filled({"cell": "rnn"}, {"x": sequence(4)}, loss={"kind": "none"}))
    assert ["reach", "slopes"] == [section.id for section in flow_sheet([silent]).sections]


def test_a_gradient_of_zero_has_no_percentages() -> None:
    """Where the error is 0 there is nothing to share out, and no division by zero."""
    sheet = sheet_of("vanishing", changes=["w_hy=0", "target=0"])
    table = next(
        block for section in sheet.sections for block in section.blocks if block.kind == "table" and "%" in str(block.columns)
    )
    assert {("none",)} == {row[2] for row in table.rows[:-1]}


@pytest.mark.parametrize("rounding", ["2dp", "7sf", "carry:3dp", "full"])
def test_the_sheet_takes_every_rounding(rounding: str) -> None:
    """Slopes have as many figures as the sheet has digits."""
    rows = list(sheet_of("vanishing", rounding=rounding).rows())
    assert 13 == len(rows)
    if rounding in ("2dp", "7sf"):
        figures = Digits(int(rounding[0]), figures=True)
        assert all(figures.rounded(Fraction(evaluate(row.numbers.text, FUNCTIONS))) == number(row.result.text) for row in rows)


def test_the_command_prints_several_problems_and_says_which_it_cannot_follow() -> None:
    """Three have room; an error names the problem."""
    three = CliRunner().invoke(command, ["flow", "rnn", "rnn3", "gomez"])
    assert 0 == three.exit_code
    assert "A: One-neuron RNN, two time steps; B: " in three.output.replace("\n", " ")
    assert {"Verdict A", "Verdict B", "Verdict C"} == set(re.findall("Verdict [A-Z]", three.output))
    four = CliRunner().invoke(command, ["flow", *["rnn"] * 4])
    assert "4 problems; from one to 3 have room side by side" in str(four.exception)
    one_of_two = CliRunner().invoke(command, ["flow", "rnn", "fnn"])
    assert str(one_of_two.exception).startswith("fnn: network.cell:")


def test_a_vocabulary_of_ones_own_is_kept() -> None:
    """Names as the problem has them; in JSON those of answer files."""
    sheet = sheet_of("vanishing", changes=['names.h="s"'])
    assert "ds_8/ds_7" in as_text(sheet, 80)
    assert "dh_8/dh_7" in "".join(write_json(sheet_of("vanishing", changes=['names.h="s"'], canonical=True)))
