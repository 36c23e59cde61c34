"""Worksheets and keys: what is blank, what is told, and that nothing of the key is on a worksheet."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from html_reader import page
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from networks import document as network_document
from students import by_hand
from sweeps import FEW, abreast, key, of_examples, paired, runs
from sweeps import printed as written
from sweeps import solution as example

from bptt_trace import Key, check, load, solve
from bptt_trace.commands import command
from bptt_trace.document.mathematics import Math
from bptt_trace.document.sheet import Lines, Note, Row, Sheet, Table
from bptt_trace.errors import ProblemError
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.blanks import answers_csv, answers_toml, blanks_of
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.marking.answer_files import parse
from bptt_trace.marking.visible_mistakes import seen_best, visibility
from bptt_trace.media.templates import html, latex, markdown
from bptt_trace.media.terminal import as_text
from bptt_trace.problem.problem import from_document

MEDIA: dict[str, Callable[[Sheet], str]] = {"markdown": markdown, "latex": latex, "html": html, "terminal": as_text}
NUMBER = re.compile(r"(?<![\w.])[-−]?\d+\.\d+(?:e-?\d+)?")
SHAPES = [
    {"T": 2},
    {"T": 3, "hidden": 2, "d": 2, "k": 2},
    {"cell": "dense", "hidden": [2, 2], "d": 2, "k": 1},
    {"T": 2, "hidden": 2, "k": 3, "classes": True, "output_activation": "softmax", "loss": {"kind": "cross_entropy"}},
    {"T": 2, "batch": 2},
]


def rows(sheet: Sheet) -> list[Row]:
    return [row for row in sheet.rows() if row.kind != "board"]


def printed(text: str) -> set[str]:
    return {number.replace("−", "-") for number in NUMBER.findall(text)}


@cache
def results(name: str) -> set[str]:
    """Every result of a key, as it is printed there, and with the digits that are asked for."""
    one = key(name)
    tables = [block for section in key_sheet(one).sections for block in section.blocks if isinstance(block, Table)]
    numbers = {part.text for table in tables for row in table.rows for cell in row[2:] for part in cell if isinstance(part, Math)}
    return {number for number in numbers if NUMBER.fullmatch(number)} - {n.text for n in one.problem.given.values()}


# ------------------------------------------------------------------ the secret


@pytest.mark.parametrize(("name", "medium", "hints"), paired(of_examples(every_run=FEW), MEDIA, [0, 2, 3]))
def test_no_result_of_the_key_is_on_the_worksheet(name: str, medium: str, hints: int) -> None:
    """Of all that is printed on the key nothing but given numbers stands anywhere in the bytes of the worksheet."""
    one = key(name)
    text = MEDIA[medium](worksheet(one, blanks_of(one, ["all"], hints)))
    layout = r"(?<![\w.])-?\d*\.\d+(?=(?:\\linewidth|\\sheet|mm|pt|rem|\]))|\d\.\d(?=\.| )|(?<=stretch\}\{)[\d.]+"
    seen = printed(re.sub(layout, "", text)) | (printed(page(text).text) if medium == "html" else set())
    assert set() == seen & results(name)


@runs(40)
@given(st.integers(0, len(SHAPES) - 1), st.integers(1, 30), st.integers(0, 3), st.booleans())
def test_what_follows_from_a_blank_is_not_shown(shape: int, seed: int, hints: int, alone: bool) -> None:
    """Whatever is left to the student: no blank line has a result, and no line that is shown follows from one."""
    one = Key(from_document(network_document(**{**SHAPES[shape], "seed": seed})))
    chance = random.Random(seed)
    lines = [str(step.target) for step in one.steps if step.rule is not None and not step.repeats]
    blanks = blanks_of(one, chance.sample(lines, 1 if alone else 5), hints)
    tainted = set(blanks.asked)
    for position, arguments in enumerate(one.arguments):
        if tainted & set(arguments):
            tainted.add(position)
    places = {one.problem.vocabulary.shown(step.target): p for p, step in enumerate(one.steps)}
    spelled = {str(name): place for name, place in places.items()}
    seen = rows(worksheet(one, blanks))
    for row in seen:
        position = spelled[row.name.text]
        assert bool(row.blank) == (position in blanks.asked)
        assert bool(row.result.text) == (position not in tainted)
        assert not (row.exact or row.beside or row.so_far.text or row.answer)
    assert {spelled[row.name.text] for row in seen if row.blank} == set(blanks.asked)


def test_a_worksheet_is_no_worked_solution() -> None:
    """There are no sentences but those that help to check, no summary, and no value by name."""
    sheet = worksheet(key("rnn3"))
    words = {block.word for section in sheet.sections for block in section.blocks if isinstance(block, Note)}
    assert {"Check yourself"} == words
    assert {"summary", "takeaways", "again", "memory"}.isdisjoint(section.id for section in sheet.sections)
    assert [] == list(sheet.values)
    assert () == sheet.footer


# ----------------------------------------------------------------- what is told


@pytest.mark.parametrize("name", of_examples(every_run=FEW))
def test_every_line_up_to_the_update_is_blank(name: str) -> None:
    """In the order of the solution, under the same numbers; a part of a sum that only repeats a number is not asked again."""
    one = key(name)
    solution = solve(one.problem, steps="full", show="all")
    numbers = {row.name.text: row.number for row in solution.sheet.rows() if row.number}
    mine = rows(worksheet(one))
    assert all(numbers[row.name.text] == row.number for row in mine)
    parts = {s.id: s for s in solution.sheet.sections}
    iterations = [f"iteration-{k}" for k in range(2, 30)]
    lines = [
        row.name.text
        for part in ("forward", "loss", "backward", "inputs", "gradients", "truncation", "update", *iterations)
        if part in parts
        for block in parts[part].blocks
        if isinstance(block, Lines)
        for row in block.rows
        if row.kind != "board" and row.number and not (" via " in row.name.text and row.numbers == row.result)
    ]
    assert lines == [row.name.text for row in mine]


def test_hints() -> None:
    """Nothing, the kind of line, its formula, the formula with the given numbers in it."""
    told = {hints: rows(worksheet(key("rnn"), blanks_of(key("rnn"), ["all"], hints)))[3] for hints in range(4)}
    assert [("", ""), ("", "pre-activation"), ("w_xh * x_2 + w_hh * h_1 + b_h", ""), ("w_xh * x_2 + w_hh * h_1 + b_h", "")] == [
        (row.formula.text, row.label) for row in told.values()
    ]
    assert ["", "", "", "0.5 * 2 + 0.8 * [2] + 0.1"] == [row.numbers.text for row in told.values()]
    assert r"0.5 \cdot 2 + 0.8 \cdot \boxed{\scriptstyle 2} + 0.1" == told[3].numbers.latex
    assert "update" == rows(worksheet(key("rnn"), blanks_of(key("rnn"), ["all"], 1)))[-1].label


def test_results_alone() -> None:
    """The calculations stand there, with boxes for what the student finds."""
    found = rows(worksheet(key("rnn"), blanks_of(key("rnn"), ["results"])))
    assert "(2/2) * ([6] - 1.0)" == found[9].numbers.text
    assert {""} == {row.result.text for row in found}


def test_gradients_alone() -> None:
    """The forward pass and the loss are shown, all from the backward pass to the update is blank."""
    found = {row.name.text: row for row in rows(worksheet(key("rnn"), blanks_of(key("rnn"), ["gradients"])))}
    assert "0.5370" == found["h_1"].result.text
    assert "0.0337" == found["L"].result.text
    assert "4" == found["dL/dy_2"].blank
    assert "4" == found["b_y'"].blank
    assert "" == found["h_1"].blank


def test_a_single_quantity() -> None:
    """What it is made of is shown, what is made of it has no line; a vector stands for its components."""
    found = {row.name.text: row for row in rows(worksheet(key("rnn"), blanks_of(key("rnn"), ["dL/dw_hh"])))}
    assert "4" == found["dL/dw_hh"].blank
    assert "-0.0229" == found["dL/dw_hh via a_2"].result.text
    assert "w_hh'" not in found
    assert "0.5242" == found["w_xh'"].result.text
    vector = blanks_of(key("classifier"), ["h_2"])
    assert ["h_2[1]", "h_2[2]"] == [str(key("classifier").steps[position].target) for position in vector.asked]


def test_the_second_forward_pass_and_the_memory_are_there_if_they_are_asked_for() -> None:
    """The parts ``again`` and ``memory``."""
    sheet = worksheet(key("rnn3"), blanks_of(key("rnn3"), ["again", "memory"]))
    assert {"again", "memory"} <= {section.id for section in sheet.sections}
    assert {"4", "4 sf"} == {row.blank for row in rows(sheet) if row.blank}


def test_the_digits_asked_for_stand_beside_each_box() -> None:
    """Four, or more where a result is small; significant figures where the problem counts in them."""
    one = Key(load("rnn", ["h_0=0.001"]))
    found = {row.name.text: row.blank for row in rows(worksheet(one))}
    assert "4" == found["a_1"]
    assert "6" == found["dL/dw_hh via a_1"]
    assert {"3 sf"} == {row.blank for row in rows(worksheet(Key(load("rnn", ["rounding.figures=3"]))))}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["h_9"], 'no quantity "h_9" in this problem (did you mean "h_2"?); or all, results, gradients, forward'),
        (["w_xh"], 'no quantity "w_xh" in this problem'),
        (["everything"], 'no quantity "everything"'),
        (["memory"], "there is nothing to fill in"),
    ],
)
def test_words_that_name_nothing(wanted: list[str], message: str) -> None:
    """Are told with what would do."""
    with pytest.raises(ProblemError, match=re.escape(message)):
        blanks_of(key("rnn") if wanted != ["memory"] else key("fnn"), wanted)


# -------------------------------------------------------------------- answers


@pytest.mark.parametrize("name", of_examples(every_run=FEW))
def test_the_sheets_for_answers_are_read_back(name: str) -> None:
    """All blank as they are; with the numbers of the key in them everything is right."""
    one = key(name)
    blanks = blanks_of(one)
    for text, suffix in ((answers_csv(one, blanks), ".csv"), (answers_toml(one, blanks), ".toml")):
        empty = parse(text, one.register, suffix)
        assert [one.steps[p].target for p in blanks.asked] == list(empty)
        assert {"blank"} == {answer.verdict for answer in check(one, empty).answers}
        whole = by_hand(one)
        for target in empty:
            form = f'"{target}",' if f'"{target}",' in text else f"{target}," if suffix == ".csv" else f'"{target}" = ""'
            filled = f"{form}{whole[target]}" if suffix == ".csv" else f'"{target}" = "{whole[target]}"'
            text = text.replace(f"\n{form}\n" if suffix == ".csv" else form, f"\n{filled}\n" if suffix == ".csv" else filled, 1)
        marks = check(one, parse(text, one.register, suffix))
        assert marks.score == marks.out_of == len(blanks.asked)


@pytest.mark.parametrize("name", of_examples(every_run=FEW))
def test_a_worksheet_in_markdown_is_an_answer_sheet(name: str) -> None:
    """Filled in, in the column of the results, it is marked as any other."""
    one = key(name)
    whole = by_hand(one)
    filled = []
    for line in markdown(worksheet(one)).split("\n"):
        cells = line.split(" | ")
        if len(cells) == 6 and cells[1].startswith("$"):
            cells[4] = whole[one.register.find(cells[1])]
        filled.append(" | ".join(cells))
    marks = check(one, parse("\n".join(filled), one.register))
    assert marks.score == marks.out_of == len(blanks_of(one).asked)


# ------------------------------------------------------------------------- key


@pytest.mark.parametrize("name", of_examples(every_run=FEW))
def test_the_key_has_every_result_by_hand_and_unrounded(name: str) -> None:
    """Beside the lines that go in, under the numbers of the worksheet."""
    one = key(name)
    results = key_sheet(one).sections[0].blocks[1]
    values = dict(example(name, steps="full", detail="lines").sheet.values)
    for row, position in zip(results.rows, blanks_of(one).asked, strict=True):  # type: ignore[union-attr]
        texts = ["".join(getattr(part, "text", part) for part in cell) for cell in row]
        assert values[str(one.steps[position].target)] == texts[2]
        assert abs(float(texts[3]) - one.exact[position]) <= 0.5001 * 10.0 ** -(one.places[position] + 2)


@pytest.mark.parametrize("name", ["rnn", "rnn3", "fnn", "classifier", "mazur"])
def test_the_key_tells_what_mistakes_give(name: str) -> None:
    """Each one that shows in the lines asked for, by the number that a student with this mistake alone comes to."""
    one = key(name)
    blanks = blanks_of(one)
    found = seen_best(one, blanks.asked)
    changed = {misconception.slug: lines for misconception, lines in one.changes}
    shown = {v.mistake.slug for v in visibility(one) if any(one.program.index[n] in blanks.asked for n in v.shows)}
    assert shown == {best.slug for best in found}
    for best in found:
        lines = changed[best.slug]
        students = [by_hand(one, changed=lines, way=way) for way in range(max(map(len, lines.values())))]
        written = [float(student[one.steps[best.position].target]) for student in students]
        assert min(abs(number - best.value) for number in written) <= 0.02 * abs(best.value) + 5 * one.quantum[best.position]


def test_worksheet_and_key_have_one_code() -> None:
    """Which other numbers change, and a variant brings with it."""
    one = key("rnn")
    codes = {sheet.handout.code for sheet in (worksheet(one), key_sheet(one))}
    assert {load("rnn").code} == codes
    assert load("rnn", ["w_hh=0.81"]).code not in codes
    assert "K7M-2QX" == load("rnn", ["handout.code=K7M-2QX"]).code
    for render in MEDIA.values():
        assert load("rnn").code in render(worksheet(one))
        assert load("rnn").code in render(key_sheet(one))


@pytest.mark.parametrize("medium", MEDIA)
def test_the_head_of_a_handout(medium: str) -> None:
    """Course, author, date and instructions, as they are typed, harmless in every medium."""
    changes = [
        'handout.course="CS <231> & $x$"',
        'handout.author="Doe_Jr #1"',
        'handout.date="1 | 2"',
        'handout.instructions="50 % \\\\input{x}"',
    ]
    one = Key(load("rnn", changes))
    for sheet in (worksheet(one), key_sheet(one), solve(load("rnn", changes)).sheet):
        text = MEDIA[medium](sheet)
        words = {
            "markdown": r"CS \<231\> \& \$x\$ • Doe\_Jr \#1 • 1 \| 2",
            "latex": r"CS \textless{}231\textgreater{} \& \$x\$ \textbullet{} Doe\_Jr \#1 \textbullet{} 1 | 2",
            "html": "CS &lt;231&gt; &amp; $x$ • Doe_Jr #1 • 1 | 2",
            "terminal": "CS <231> & $x$ • Doe_Jr #1 • 1 | 2",
        }[medium]
        assert words in text
        instructions = {
            "markdown": r"50 % \\input\{x\}",
            "latex": r"50 \% \textbackslash{}input\{x\}",
        }
        assert instructions.get(medium, r"50 % \input{x}") in text


# ------------------------------------------------------------------- rendering


@pytest.mark.parametrize(("name", "hints"), abreast(of_examples(every_run=FEW), [0, 1, 2, 3]))
def test_markdown_is_rendered_without_debris(name: str, hints: int) -> None:
    """Worksheet and key, by a renderer with tables and mathematics: no bar, dollar or backslash is left over."""
    one = key(name)
    blanks = blanks_of(one, ["all"], hints)
    for text in (markdown(worksheet(one, blanks)), markdown(key_sheet(one, blanks)), written(example(name), "markdown")):
        page = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin).render(text)
        rules = re.compile(r"^\|(?::?-+:?\|)+$|^\| ?(?:[:-]+ ?\| ?)+$", re.MULTILINE)
        assert page.count("<table>") == len(rules.findall(text))
        left = re.sub(r'<(span|div) class="math [a-z]+">.*?</\1>|<pre>.*?</pre>', "", page, flags=re.DOTALL)
        words = re.sub(r"<[^>]+>", " ", left)
        assert "math" in page
        assert not re.search(r"[|$\\]", words), re.findall(r".{20}[|$\\].{20}", words)


# ---------------------------------------------------------------- command line


def run(*arguments: str) -> str:
    outcome = CliRunner().invoke(command, list(arguments))
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


@pytest.mark.parametrize(
    ("name", "width", "unicode"), paired(["rnn", "classifier", "recurrent-layer", "toy-batch"], [60, 80, 120], [True, False])
)
def test_a_worksheet_fits_a_terminal(name: str, width: int, unicode: bool) -> None:
    """At any width, with a box for every blank."""
    one = key(name)
    for hints in (0, 2, 3):
        text = as_text(worksheet(one, blanks_of(one, ["all"], hints)), width, unicode=unicode)
        assert max(map(len, text.split("\n"))) <= width
        assert len(blanks_of(one).asked) == text.count(f"[{'':10}]")
        assert unicode or text.isascii()


def test_the_switch_puts_the_answers_behind_the_blanks() -> None:
    """Only where it is asked for, and only in LaTeX."""
    one = key("rnn")
    with_answers = latex(worksheet(one, answers=True))
    assert "%\\keytrue" in with_answers
    assert "\\blank{$-0.0229$}" in with_answers
    assert "-0.0229" not in latex(worksheet(one))
    assert "keytrue}" not in latex(worksheet(one))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--switch"], "--switch goes with -f latex"),
        (["--exam"], "--exam goes with -f latex"),
        (["-f", "latex", "--exam", "--fragment"], "--exam makes a document of its own"),
        (["-f", "latex", "--key", "--switch"], "--key is a sheet of its own"),
        (["-f", "csv", "--key"], "solve -f json has every result as data"),
        (["--hints", "4"], "4 is not in the range 0<=x<=3"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], message: str) -> None:
    """Say with what they would."""
    outcome = CliRunner().invoke(command, ["worksheet", "rnn", *arguments])
    assert 2 == outcome.exit_code
    assert message in " ".join(outcome.output.split())


def test_the_compact_style_has_no_sentences() -> None:
    """Formulas and lines only, for the worked solution and for the worksheet."""
    full, compact = run("solve", "rnn", "-f", "markdown"), run("solve", "rnn", "-f", "markdown", "--style", "compact")
    assert "**Memory.**" in full
    assert "> **" not in compact
    assert "Key takeaways" not in compact
    assert "Summary" not in compact
    numbers = re.compile(r"^\| \d+ \|.*$", re.MULTILINE)
    assert numbers.findall(full) == numbers.findall(compact)
    assert "Check yourself" not in run("worksheet", "rnn", "--style", "compact")


def test_answer_sheets_from_the_command_line(tmp_path: Path) -> None:
    """Written by ``worksheet``, read by ``check``."""
    for form in ("csv", "toml"):
        path = tmp_path / f"answers.{form}"
        run("worksheet", "rnn", "-f", form, "-o", str(path))
        assert "33 lines are blank" in run("check", "rnn", str(path))


@pytest.mark.parametrize("name", of_examples(every_run=FEW))
def test_the_results_of_the_key_earn_everything(name: str) -> None:
    """As they are printed by hand, also where more decimals are asked for than the rounding rule keeps."""
    one = key(name)
    values = dict(example(name, steps="full", detail="lines").sheet.values)
    marks = check(one, {one.steps[p].target: values[str(one.steps[p].target)] for p in blanks_of(one).asked})
    assert marks.score == marks.out_of, [answer for answer in marks.answers if answer.credit < answer.out_of]


@pytest.mark.parametrize("medium", MEDIA)
def test_a_line_that_is_shown_says_where_its_digits_do_not_give_its_result(medium: str) -> None:
    """Rounded for display only, a line may contradict itself: as on the worked solution it has the sign for that."""
    one = Key(load("rnn3", ["rounding.policy=carry", "rounding.places=2"]))
    sheet = worksheet(one, blanks_of(one, ["gradients"]))
    shown = {row.name.text: row.relation for row in rows(sheet) if not row.blank}
    solved = solve(one.problem, steps="full").sheet
    assert shown == {row.name.text: row.relation for row in solved.rows() if row.name.text in shown}
    assert "~" in shown.values()
    sign = {"latex": "$\\approx$ $", "markdown": "$\\approx$ $"}.get(medium, "≈ ")
    lines = [line for line in MEDIA[medium](sheet).split("\n") if sign in line and "where the printed digits" not in line]
    assert len(lines) >= sum(relation == "~" for relation in shown.values())
