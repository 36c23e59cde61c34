"""Every path from a loss to the use of a parameter: slopes, products, the triangle of contributions and its sums."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner
from law import Digits, Printed, evaluate, number, read_json, read_latex, read_markdown, read_terminal
from networks import filled, sequence
from sweeps import of_examples, paired, thinned
from test_law import solved_functions

from bptt_trace import Key, check, load
from bptt_trace.calculation.arithmetic import Precise, Values, run
from bptt_trace.calculation.arithmetic import evaluate as values_of
from bptt_trace.calculation.build import build
from bptt_trace.commands import command
from bptt_trace.document.sheet import Sheet
from bptt_trace.engine.every_path import SUM_OF_PATHS
from bptt_trace.engine.names import LOSS, Name, Role
from bptt_trace.engine.program import Program
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import ProblemError
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.lines.view import View
from bptt_trace.media.drawing.svg import pictures
from bptt_trace.media.sheet_json import write_json
from bptt_trace.media.templates import html, latex, markdown
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import Problem, from_document
from bptt_trace.problem.rounding import Rounding
from bptt_trace.worked_solution.worked_solution import write

SMALL = Decimal("1e-20")
NETWORKS: list[dict[str, Any]] = [
    {"cell": "dense", "hidden": [2, 2]},
    {"cell": "rnn"},
    {"cell": "rnn", "hidden": [1, 1]},
    {"cell": "rnn", "feedback": "output"},
    {"cell": "rnn", "hidden": 2, "outputs": "last"},
    {"cell": "rnn", "bidirectional": True},
    {"cell": "gru"},
    {"cell": "gru", "form": "concatenated", "reset": "before"},
    {"cell": "lstm"},
    {"cell": "lstm", "peepholes": True, "feedback": "output"},
    {"cell": "slstm"},
]


def problem(network: dict[str, Any], T: int = 3, **tables: Any) -> Problem:
    given = {"x": sequence(T), "target": sequence(T, seed=2)} if network["cell"] != "dense" else {"x": "0.5", "target": "0.25"}
    return from_document({**filled(network, given), **tables})


def lines_of(one: Problem) -> tuple[Program, dict[Name, Any]]:
    program = scalars(build(one))
    numbers = run(program, one.given, Precise())
    return program, {step.target: number for step, number in zip(program.steps, numbers, strict=True)}


def asked(name: str, what: str = "paths") -> Problem:
    """An example with every path; skipped where it has no gradient at the parameters."""
    try:
        return load(name, [f"also.{what}=all"])
    except ProblemError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", of_examples())
def test_all_paths_together_are_the_gradient(name: str) -> None:
    """Column sums are the parts of BPTT, and the total is ``dL/dw``, to 12 digits, for every parameter."""
    one = asked(name)
    try:
        program, value = lines_of(one)
    except ProblemError as error:  # more lines than anybody prints
        pytest.skip(str(error))
    # A single path from the loss of the only step is its own sum.
    totals = {SUM_OF_PATHS} | ({Name("L", time=1)} if Name("L", time=2) not in value else set())
    sums = [target for target in value if target.of in totals and not target.via and target._replace(of=LOSS) in value]
    learned = {step.target for step in program.steps if step.role is Role.PARAMETER and step.target._replace(of=LOSS) in value}
    assert learned <= {target._replace(of=None) for target in sums}
    for target in sums:
        assert abs(value[target] - value[target._replace(of=LOSS)]) < Decimal("1e-12"), target


def nudged(one: Problem, program: Program, value: dict[Name, Any], use: Name, parameter: Name, wanted: Name) -> Decimal:
    """d(wanted)/d(parameter) where only the line ``use`` has the changed parameter; by central differences alone."""
    place = program.index[use]
    before = {step.target: value[step.target] for step in program.steps[:place]}
    moved = []
    for by in (SMALL, -SMALL):
        alone = run(Program(program.steps[: place + 1]), one.given, Precise(), {**before, parameter: value[parameter] + by})[
            place
        ]
        moved.append(run(program, one.given, Precise(), {use: alone})[program.index[wanted]])
    slope: Decimal = (moved[0] - moved[1]) / (2 * SMALL)
    return slope


@pytest.mark.parametrize("network", thinned(NETWORKS, 2), ids=str)
def test_an_entry_is_what_one_use_alone_does_to_one_loss(network: dict[str, Any]) -> None:
    """The weight is changed in the line of one time step only, and the loss of another step is looked at."""
    one = problem(network, also={"paths": "all"})
    program, value = lines_of(one)
    entries = [
        step.target
        for step in program.steps
        if step.role is Role.PATH and step.target.via is not None and step.target.of is not None
        and step.target.of.stem in ("L", "L_paths") and step.target._replace(of=None, via=None) in value
    ]  # fmt: skip
    assert len(entries) > 5 or network["cell"] == "dense"
    for target in entries[:: max(1, len(entries) // 12)]:
        assert target.of is not None and target.via is not None
        slope = nudged(
            one, program, value, target.via, target._replace(of=None, via=None), LOSS if target.of == SUM_OF_PATHS else target.of
        )
        assert abs(slope - value[target]) < Decimal("1e-15"), target


@pytest.mark.parametrize("network", thinned(NETWORKS[1:], 2), ids=str)
def test_a_total_derivative_is_a_central_difference_of_the_state(network: dict[str, Any]) -> None:
    """The parameter is changed everywhere; the immediate part is that of the last use alone."""
    one = problem(network, also={"paths": "all"})
    program, value = lines_of(one)
    # The stabiliser of an sLSTM is held, which moves its memory but not what is read.
    states = ("h",) if network["cell"] == "slstm" else ("h", "c")
    totals = [t for t in value if t.of is not None and t.of.stem in states and t.time is None and t.via is None]
    assert totals
    for target in totals[:: max(1, len(totals) // 10)]:
        assert target.of is not None
        parameter = target._replace(of=None)
        ends = [run(program, one.given, Precise(), {parameter: value[parameter] + by}) for by in (SMALL, -SMALL)]
        slope = (ends[0][program.index[target.of]] - ends[1][program.index[target.of]]) / (2 * SMALL)
        assert abs(slope - value[target]) < Decimal("1e-15"), target


def test_pytorch_has_the_same_triangle() -> None:
    """Autograd with a copy of the weight for each time step: dL_s/dw_t."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    one = load("rnn3", ['also.paths=["w_hh"]'])
    _, value = lines_of(one)
    g = {str(name): float(number.value) for name, number in one.given.items()}
    copies = [torch.tensor(g["w_hh"], dtype=torch.float64, requires_grad=True) for _ in range(3)]
    h = torch.tensor(g["h_0"], dtype=torch.float64)
    for s in range(1, 4):
        h = torch.tanh(g["w_xh"] * g[f"x_{s}"] + copies[s - 1] * h + g["b_h"])
        loss = (g["w_hy"] * h + g["b_y"] - g[f"target_{s}"]) ** 2
        for t, slope in enumerate(torch.autograd.grad(loss, copies[:s], retain_graph=True), start=1):
            ours = value[Name("w_hh", of=Name("L", time=s), via=Name("a", time=t))]
            assert abs(float(slope) - float(ours)) < 1e-12


def test_an_entry_is_the_product_of_the_slopes_on_its_path() -> None:
    """From the error of the loss to the input that the weight multiplies, as a book writes it."""
    lines = str(scalars(build(load("rnn3", ['also.paths=["w_xh"]'])))).splitlines()
    assert "dL_3/dw_xh via a_2 = dL_3/dy_3 * dy_3/dh_3 * dh_3/dh_2 * dh_2/da_2 * x_2" in lines
    assert "dL_paths/dw_xh via a_2 = (1/T) * (dL_2/dw_xh via a_2 + dL_3/dw_xh via a_2)" in lines
    assert "dh_2/dw_xh = dh_2/dw_xh via a_2 + dh_2/dh_1 * dh_1/dw_xh" in lines


def test_where_there_are_several_paths_each_is_a_line() -> None:
    """Two states carry an LSTM on, so 3 paths lead over one step to the forget gate, and 8 over two."""
    program, value = lines_of(load("lstm", ['also.paths=["w_hf"]']))
    entries = {
        t: program[t] for t in value if t.of is not None and t.of.stem == "L" and t.via is not None and t.via.stem == "a_f"
    }
    paths = {
        (t.of.time, t.via.time): sum(program.steps[p].target.stem.startswith("path") for p in step.arguments)
        for t, step in entries.items()
        if t.of and t.via and t.stem == "w_hf" and step.role is Role.PATH
    }
    assert {(1, 1): 0, (2, 1): 3, (2, 2): 0, (3, 1): 8, (3, 2): 3, (3, 3): 0} == paths


def test_very_many_paths_are_added_up_from_state_to_state() -> None:
    """Over eight steps an LSTM has thousands of them: then the slope of the loss in each state is a line."""
    program, value = lines_of(load("vanishing-lstm", ['also.paths=["w_hf"]']))
    assert Name("c", time=3, of=SUM_OF_PATHS) in value
    total = Name("w_hf", of=SUM_OF_PATHS)
    assert abs(value[total] - value[total._replace(of=LOSS)]) < Decimal("1e-12")
    of_first = program[Name("w_hf", of=SUM_OF_PATHS, via=Name("a_f", time=1))]
    assert not any(program.steps[p].target.stem.startswith("path") for p in of_first.arguments)


def test_a_truncated_pass_has_the_paths_that_it_follows() -> None:
    """Across the border of two windows no path leads back; the sum is the truncated gradient."""
    one = problem({"cell": "rnn"}, 4, update={"learning_rate": "0.1", "truncate": 2}, also={"paths": ["w_hh"]})
    _, value = lines_of(one)
    assert Name("w_hh", of=Name("L", time=3), via=Name("a", time=2)) not in value
    assert Name("w_hh", of=Name("L", time=4), via=Name("a", time=3)) in value
    total = Name("w_hh", of=SUM_OF_PATHS)
    assert abs(value[total] - value[total._replace(of=LOSS)]) < Decimal("1e-12")
    assert value[total] != value[total._replace(of=Name("L_full"))]


# ------------------------------------------------------------------ the sheet

MEDIA: dict[str, tuple[Callable[[Sheet], str], Callable[[str], list[list[Printed]]]]] = {
    "json": (lambda sheet: "".join(write_json(sheet)), read_json),
    "markdown": (markdown, read_markdown),
    "latex": (latex, read_latex),
    "terminal-60": (lambda sheet: as_text(sheet, 60, unicode=False), read_terminal),
    "terminal-80": (lambda sheet: as_text(sheet, 80), read_terminal),
    "terminal-120": (lambda sheet: as_text(sheet, 120), read_terminal),
}
ASKED = [
    ("rnn3", "all"), ("lstm", '["w_hf"]'), ("gru", '["w_hr"]'), ("fnn", "all"), ("classifier", '["W_hh[1,2]"]'),
    ("toy-batch", '["w_hh"]'), ("micrograd", '["a"]'), ("gomez", '["w_hi"]'), ("seq2seq", '["w_hh(enc)"]'),
]  # fmt: skip


def sheet_of(name: str, which: str, key: str = "paths", rounding: str = "", **how: Any) -> Sheet:
    one = load(name, [f"also.{key}={which}"])
    one = one.rounded(Rounding.parse(rounding)) if rounding else one
    program = scalars(build(one))
    return write(one, program, values_of(program, one.given, one.rounding), View(detail="lines"), only=(key,), **how)


@pytest.mark.parametrize(("example", "rounding", "medium"), paired(ASKED, ["4dp", "2dp", "6sf"], MEDIA))
def test_every_line_recomputes_from_its_printed_digits(example: tuple[str, str], rounding: str, medium: str) -> None:
    """Slopes, paths, sums and derivatives, in every medium, to the figures that the sheet keeps."""
    write_as, read = MEDIA[medium]
    sheet = sheet_of(*example, rounding=rounding)
    figures = Digits(int(rounding[0]), figures=True)
    rows = [row for section in read(write_as(sheet)) for row in section]
    assert len(list(sheet.rows())) == len(rows) > 3
    for row in rows:
        assert figures.rounded(evaluate(row.numbers, solved_functions())) == number(row.result), row
        assert figures.shown(row.result) and row.relation == "=", row


def test_the_triangle_has_what_the_lines_have() -> None:
    """A row for each loss, a column for each use, sums at the ends."""
    sheet = sheet_of("rnn3", '["w_hh"]')
    table = next(block for section in sheet.sections for block in section.blocks if block.kind == "table")
    value = {row.name.text: row.result.text for row in sheet.rows()}

    def told(row: int) -> list[str]:
        return ["".join(part if isinstance(part, str) else part.text for part in cell) for cell in table.rows[row]]

    assert ["L_2", value["dL_2/dw_hh via a_1"], value["dL_2/dw_hh via a_2"], "", value["dL_2/dw_hh"]] == told(1)
    columns = [value[f"dL_paths/dw_hh via a_{t}"] for t in (1, 2, 3)]
    assert ["L, together", *columns, value["dL_paths/dw_hh"]] == told(3)


@pytest.mark.parametrize("rounding", ["carry:3dp", "full", "exact"])
def test_the_sheet_takes_every_rounding(rounding: str) -> None:
    """With the same lines."""
    assert len(list(sheet_of("shared-weight", "all", rounding=rounding).rows())) == len(
        list(sheet_of("shared-weight", "all").rows())
    )


def test_the_longest_path_is_drawn_in_every_medium() -> None:
    """SVG in HTML, TikZ in LaTeX, characters in the terminal; its slopes stand at its arrows."""
    sheet = sheet_of("rnn3", '["w_hh"]')
    assert {"path"} == pictures(sheet).keys()
    assert "<svg" in html(sheet)
    assert "tikzpicture" in latex(sheet)
    value = {row.name.text: row.result.text for row in sheet.rows()}
    (figure,) = sheet.figures()
    slopes = {str(edge.label[0][0][0].text) for edge in figure.edges if edge.kind != "forward"}  # type: ignore[union-attr]
    assert f"dL_3/dy_3 = {value['dL_3/dy_3']}" in slopes
    assert f"dy_3/dh_3 = {value['dy_3/dh_3']}" in slopes
    assert 4 == len(slopes)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_of_the_terminal_is_wider_than_it(width: int) -> None:
    """Also with many factors in a product."""
    for example in (("lstm", '["w_hf"]'), ("rnn3", "all")):
        assert max(map(len, as_text(sheet_of(*example), width).splitlines())) <= width


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "rnn",
            ['also.paths=["w_x"]'],
            '"w_x" is not a parameter that learns (did you mean "w_xh"?); "all", or a list of some of',
        ),
        ("rnn", ['also.paths=["w_hh"]', 'update.freeze=["w_hh"]'], '"w_hh" is not a parameter that learns (it is frozen)'),
        ("classifier", ['also.paths=["W_hh[3,1]"]'], '"W_hh[3,1]" has no such entry; from W_hh[1,1] to W_hh[2,2]'),
        ("adam", ["also.paths=all"], "also: the gradients are given"),
        ("tomyeh-small", ["also.paths=all"], "also: without a loss"),
        ("look-ahead", ["also.paths=all"], "look_ahead"),
    ],
)
def test_what_has_no_paths_is_refused(name: str, changes: list[str], message: str) -> None:
    """With the key that it is about, and what is accepted."""
    with pytest.raises(ProblemError, match=re.escape(message)):
        load(name, changes)


def test_too_many_lines_are_refused() -> None:
    """Twelve time steps of an LSTM would take a book."""
    long = problem({"cell": "lstm"}, 12, also={"paths": "all"})
    with pytest.raises(
        ProblemError, match=re.escape("also.paths: more than 1,000 lines; use one unit (hidden = 1), fewer time steps")
    ):
        build(long)


def test_the_command_prints_one_parameter_and_solve_a_section() -> None:
    """``--of`` names the parameters; ``[also]`` of a file says it for every command."""
    alone = CliRunner().invoke(command, ["paths", "rnn3", "--of", "w_hh"])
    assert 0 == alone.exit_code
    assert "The triangle of contributions to the gradient of w_hh" in alone.output
    assert "of w_xh" not in alone.output
    whole = CliRunner().invoke(command, ["solve", "rnn3", "--set", 'also.paths=["w_hh"]'])
    assert "Every path" in whole.output and "Key takeaways" in whole.output
    wrong = CliRunner().invoke(command, ["paths", "rnn3", "--of", "w_x"])
    assert str(wrong.exception).startswith("rnn3: also.paths:")


def test_a_worksheet_leaves_the_paths_to_the_student_and_check_marks_them() -> None:
    """Blanks of the part ``paths``; right answers are right, also where another road rounds otherwise."""
    from bptt_trace.handouts.blanks import blanks_of

    key = Key(load("rnn3", ['also.paths=["w_hh"]']))
    sheet = worksheet(key, blanks_of(key, ("paths",)))
    blank = [row.name.text for row in sheet.rows() if row.blank]
    assert "dL_3/dw_hh via a_1" in blank and "dL_paths/dw_hh" in blank
    assert "−0.03513" not in as_text(sheet, 80)
    values: Values = values_of(key.program, key.problem.given, key.problem.rounding)
    right = {str(step.target): str(values[step.target]) for step in key.program.steps if step.role is Role.PATH}
    marks = check(key, right)
    assert not marks.faults and len(marks.answers) >= len(right)
    assert json.loads(marks.to_json())
