"""Answer files: the same answers in six forms; and whatever else a file holds is one message with file and place."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sweeps import at_once

from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError, UnknownName
from bptt_trace.marking.answer_files import MAX_BYTES, MAX_ROWS, Register, cells, decoded, delimiter_of, load, parse
from bptt_trace.marking.answer_number import read
from bptt_trace.problem.vocabulary import Vocabulary

NAMES = ["a_1", "h_1", "h_2", "h_3", "W_hh[1,2]", "h_2[1]#2", "L", "dL/dh_1", "dL/dh_1 via a_2", "dL/dw_hh", "w_hh'", "h_1@2"]
REGISTER = Register([Name.parse(name) for name in NAMES], Vocabulary())
HEAD = "quantity,answer\n"
MARKDOWN = "| quantity | answer |\n|---|---|\n"


def texts(answers: dict[Name, str]) -> dict[str, str]:
    return {str(name): cell for name, cell in answers.items()}


def parsed(text: str, suffix: str = "") -> dict[str, str]:
    return texts(parse(text, REGISTER, suffix))


def loaded(folder: Path, data: bytes, name: str = "answers.csv") -> dict[str, str]:
    path = folder / name
    path.write_bytes(data)
    return texts(load(path, REGISTER))


def complaint(source: Path | str) -> str:
    """What is said of a file; it begins with the name of the file and stays on one short printable line."""
    with pytest.raises(ProblemError) as caught:
        load(source, REGISTER)
    message = str(caught.value)
    assert message.startswith(f"{source}: ")
    said = message.removeprefix(f"{source}: ")
    assert said.isprintable(), ascii(said)
    assert len(said) < 400
    return said


# ----------------------------------------------------------------------- forms


FORMS: list[tuple[str, str]] = [
    ("a.csv", 'quantity,answer\nh_1,"−0,4621"\n"W_hh[1,2]",2.9e-4\n'),
    ("a.csv", 'h_1,"−0,4621"\n"W_hh[1,2]",2.9e-4\n'),
    ("a.csv", '\n\nName,Answer\n\nh_1,"−0,4621"\n,\n"W_hh[1,2]",2.9e-4'),
    ("a.csv", 'quantity,answer,\nh_1,"−0,4621",\n"W_hh[1,2]",2.9e-4, \n'),
    ("a.csv", "quantity;answer\nh_1;−0,4621\nW_hh[1,2];2.9e-4\n"),
    ("a.csv", "h_1;−0,4621\nW_hh[1,2];2.9e-4\n"),
    ("a.csv", "\nW_hh[1,2];2.9e-4\nh_1;−0,4621\n"),
    ("a.tsv", "quantity\tanswer\nh_1\t−0,4621\nW_hh[1,2]\t2.9e-4\n"),
    ("a.tsv", "h_1\t−0,4621\nW_hh[1,2]\t2.9e-4\n"),
    ("a.txt", "quantity\tanswer\t\nh_1\t−0,4621\t\nW_hh[1,2]\t2.9e-4\t\n"),
    ("a.json", '{"h_1": "−0,4621", "W_hh[1,2]": 2.9e-4}'),
    ("a.txt", '\n {"h_1": "\\u22120,4621", "W_hh[1,2]": "2.9e-4"}'),
    ("a.json", '{"answers": {"h_1": "−0,4621", "W_hh[1,2]": "2.9e-4"}}'),
    ("a.toml", 'h_1 = "−0,4621"\n"W_hh[1,2]" = 2.9e-4\n'),
    ("A.TOML", "[answers]\n'h_1' = '−0,4621'\n\"W_hh[1,2]\" = '2.9e-4'\n"),
    ("a.md", "# Worksheet\n\n| quantity | answer |\n|:--|--:|\n| h_1 | −0,4621 |\n| `W_hh[1,2]` | 2.9e-4 |\n"),
    ("a.txt", "|quantity|answer|\n|-|-|\n|h_1|−0,4621|\n|W\\_hh\\[1,2\\]|2.9e-4\n"),
    ("a.md", "Text\n\n| name | formula | = your answer |\n|-|-|-|\n| h_1 | 1 \\| 2 | −0,4621 |\n| W_hh[1,2] | | 2.9e-4 |\n\nEnd"),
    (
        "a.md",
        "| | quantity | answer |\n|-|-|-|\n|| h_1 | −0,4621 |\n| 2 | W_hh[1,2] | 2.9e-4 |\n\n| other |\n|-|\n| h_9 |",
    ),
]


@at_once(("name", "text"), FORMS)
def test_the_form_does_not_matter(tmp_path: Path, name: str, text: str) -> None:
    """Comma, semicolon, tab, JSON, TOML and Markdown give the same answers, every cell as it was typed."""
    assert loaded(tmp_path, text.encode(), name) == {"h_1": "−0,4621", "W_hh[1,2]": "2.9e-4"}


@at_once("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@at_once("end", ["\n", "\r\n", "\r"])
@at_once(("name", "text"), FORMS[::4])
def test_neither_does_the_encoding(tmp_path: Path, name: str, text: str, encoding: str, end: str) -> None:
    """UTF-8 with or without its mark, UTF-16 with it, and lines that end as on Unix, Windows or an old Mac."""
    data = text.replace("\n", end).encode(encoding)
    assert loaded(tmp_path, data, name) == {"h_1": "−0,4621", "W_hh[1,2]": "2.9e-4"}


CELLS = st.one_of(
    st.decimals(-1000, 1000, places=4).map(str),
    st.sampled_from(
        ["", "−0,1515", "2,9·10^-4", "2.9×10⁻⁴", "1;2", "nan", "=1+1", '"', '""', "a,b", "|", "||", "=cmd|' /C calc'!A0", "`0.1`"]
    ),
)


def as_csv(answers: dict[str, str], sign: str) -> str:
    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    return f"quantity{sign}answer\n" + "".join(f"{quoted(name)}{sign}{quoted(cell)}\n" for name, cell in answers.items())


@given(answers=st.dictionaries(st.sampled_from(NAMES), CELLS, min_size=1))
def test_the_same_answers_whatever_the_form(answers: dict[str, str]) -> None:
    """Blanks, quotes, bars and formulas of a spreadsheet are text, and arrive as the text that was written."""
    bars = {name: cell.replace("|", "\\|") for name, cell in answers.items()}
    document = json.dumps(answers)
    assert answers == parsed(as_csv(answers, ","))
    assert answers == parsed(as_csv(answers, ";"))
    assert answers == parsed(as_csv(answers, "\t"))
    assert answers == parsed(document) == parsed(document, ".json")
    assert answers == parsed("".join(f"{json.dumps(name)} = {json.dumps(cell)}\n" for name, cell in answers.items()), ".toml")
    assert answers == parsed(MARKDOWN + "".join(f"| {name} | {cell} |\n" for name, cell in bars.items()), ".md")


@at_once(
    ("line", "sign"),
    [
        ("quantity,answer", ","),
        ("quantity;answer", ";"),
        ("quantity\tanswer", "\t"),
        ("student;W_hh[1,1];W_hh[1,2]", ";"),
        ("student,h_1,h_2", ","),
        ("h_1;0,5", ";"),
        ("h_1\t0,5", "\t"),
        ("h_1,0.5\t", ","),
        ("h_1", ","),
        ("", ","),
    ],
)
def test_what_separates_cells_is_told_by_the_first_line(line: str, sign: str) -> None:
    """A comma inside ``W_hh[1,2]``, or a decimal one, does not make a file comma-separated."""
    assert sign == delimiter_of(line)


@at_once(
    ("value", "cell"),
    [
        ("NaN", "NaN"), ("-Infinity", "-Infinity"), ("true", "true"), ("false", "false"), ("1e309", "1e309"),
        ("9" * 5000, "9" * 5000), ('"\\ud800"', "\ud800"), ('"\\u0000"', "\0"), ('"__import__"', "__import__"),
    ],
)  # fmt: skip
def test_json_that_is_no_number_is_kept_and_unreadable(value: str, cell: str) -> None:
    """``NaN``, ``true``, a number out of range or of 5,000 digits: the cell stays as typed, and no value comes of it."""
    answers = parsed(f'{{"h_1": {value}, "h_2": "0.5"}}')
    assert {"h_1": cell, "h_2": "0.5"} == answers
    assert (None, False) == (read(answers["h_1"]).value, read(answers["h_1"]).blank)


@pytest.mark.parametrize("value", ["nan", "-inf", "true", "1e309", "1979-05-27", "1_000.5", "9" * 4000])
def test_toml_that_is_no_number_is_unreadable(value: str) -> None:
    """Truth values, dates and numbers that are none are cells from which no value comes."""
    reading = read(parsed(f"h_1 = {value}", ".toml")["h_1"])
    assert (None, False) == (reading.value, reading.blank)


def test_null_is_a_blank() -> None:
    """JSON's ``null`` is the empty cell of the other forms."""
    assert {"h_1": "", "h_2": "1"} == parsed('{"h_1": null, "h_2": 1}')


@pytest.mark.parametrize("cell", ["-0.50", "1E-4", "0.10", "100", "1e2"])
def test_a_bare_number_keeps_its_digits(cell: str) -> None:
    """JSON and TOML numbers are text too: the zeros that were typed count as decimals."""
    assert {"h_1": cell} == parsed(f'{{"h_1": {cell}}}') == parsed(f"h_1 = {cell}", ".toml")


# ----------------------------------------------------------------------- names


@pytest.mark.parametrize("text", ["h_1", "h_1 ", "  h_1\t", "`h_1`", " ` h_1 ` ", "\u00a0h_1\u00a0"], ids=ascii)
def test_spaces_and_backticks_around_a_name_do_not_matter(text: str) -> None:
    """A trailing space is not a mistake."""
    assert Name.parse("h_1") == REGISTER.find(text)


def test_spaces_within_a_name_are_one() -> None:
    """``dL/dh_1  via  a_2`` is the contribution that arrives via ``a_2``."""
    assert Name.parse("dL/dh_1 via a_2") == REGISTER.find("dL/dh_1  via\u00a0 a_2")


@at_once(
    ("text", "meant"),
    [
        ("H1", "h_1"), ("H_1", "h_1"), ("h1", "h_1"), ("h₁", "h_1"), ("h_₁", "h_1"), ("һ_1", "h_1"), ("һ1", "h_1"),
        ("dL/dh1", "dL/dh_1"),
        ("∂L/∂h_1", "dL/dh_1"), ("dl/dh_1", "dL/dh_1"), ("dL/dh_1 via a2", "dL/dh_1 via a_2"), ("dLdw_hh", "dL/dw_hh"),
        ("h-1", "h_1"), ("W_hh(1,2)", "W_hh[1,2]"), ("h_2[1]", "h_2[1]#2"),
    ],
)  # fmt: skip
def test_a_near_name_is_suggested_and_not_taken(text: str, meant: str) -> None:
    """``H1``, ``h₁`` and a Cyrillic ``һ`` are not names of this problem; the message says which one is."""
    with pytest.raises(UnknownName) as caught:
        REGISTER.find(text)
    assert str(caught.value).endswith(f' in this problem (did you mean "{meant}"?)')


@at_once(
    "text",
    [
        "",
        " ",
        "``",
        "h99999",
        "__proto__",
        "constructor",
        "=1+1",
        "\x1b]0;owned\x07",
        "\ud800",
        "x" * 100_000,
        "d/" * 50_000,
        "_" * 100_000,
    ],
)
def test_an_unknown_name_is_refused_in_one_short_line(text: str) -> None:
    """Nothing of the text reaches a terminal as it is, and not more than the beginning of it."""
    with pytest.raises(UnknownName, match=r"^no quantity ") as caught:
        REGISTER.find(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_a_lecturer_s_names_are_found_beside_the_canonical_ones() -> None:
    """Where ``h`` is shown as ``s``, both ``s_1`` and ``h_1`` are ``h_1``, and ``s1`` suggests ``s_1``."""
    register = Register([Name.parse(name) for name in NAMES], Vocabulary({"h": "s", "w_hh": "U"}))
    for text, name in [("s_1", "h_1"), ("h_1", "h_1"), ("dL/ds_1 via a_2", "dL/dh_1 via a_2"), ("U'", "w_hh'"), ("L", "L")]:
        assert Name.parse(name) == register.find(text)
    with pytest.raises(UnknownName, match=r"did you mean .s_1."):
        register.find("s1")


@given(text=st.text(max_size=60))
def test_any_text_is_a_name_or_unknown(text: str) -> None:
    """Finding a name gives one of the problem's, or raises ``UnknownName``."""
    with suppress(UnknownName):
        assert str(REGISTER.find(text)) in NAMES


# ---------------------------------------------------------------------- places


BAD: list[tuple[str, str, str]] = [  # file, text, what is said of it
    ("a.csv", HEAD + "h_1,1\nh99,2\n", 'row 3: no quantity "h99" in this problem'),
    ("a.csv", HEAD + "__proto__,2\n", 'row 2: no quantity "__proto__" in this problem'),
    ("a.csv", HEAD + "H1,2\n", 'row 2: no quantity "H1" in this problem (did you mean "h_1"?)'),
    ("a.csv", HEAD + ",2\n", 'row 2: no quantity "" in this problem'),
    ("a.csv", HEAD + "h_1,1\n\nh_1 ,1\n", "row 4: h_1 is answered twice"),
    ("a.csv", HEAD + "h_1\n", 'row 2: "h_1" has no answer beside it; expected a comma between the two'),
    ("a.csv", "quantity;answer\nh_1,5\n", 'row 2: "h_1,5" has no answer beside it; expected a semicolon between the two'),
    ("a.csv", "quantity\tanswer\nh_1 5\n", 'row 2: "h_1 5" has no answer beside it; expected a tab between the two'),
    ("a.csv", HEAD + "h_1,0,4621\n", "row 2: 3 cells; a decimal comma wants semicolons between the cells"),
    ("a.csv", HEAD + "W_hh[1,2],0.5\n", "row 2: 3 cells; a name with a comma wants quotes"),
    ("a.csv", "quantity;answer\nh_1;1;2\n", "row 2: 3 cells; expected two"),
    ("a.csv", HEAD + 'h_1,1\nh_2,"2\nh_3,3\n', "row 3: unexpected end of data; is a quote closed?"),
    ("a.csv", HEAD + 'h_1,"1"2\n', "row 2: ',' expected after '\"'; is a quote closed?"),
    ("a.tsv", 'quantity\tanswer\n"h_1"x\t2\n', "row 2: 'tab' expected after '\"'; is a quote closed?"),
    ("a.csv", HEAD + "h_1," + "9" * 200_000, "row 2: field larger than field limit (100000); is a quote closed?"),
    ("a.csv", HEAD + "h" * 200_000 + ",1", "row 2: field larger than field limit (100000); is a quote closed?"),
    ("a.csv", " " * 3_000_000, "row 1: field larger than field limit (100000); is a quote closed?"),
    ("a.csv", "h_1" + ",1" * 1_000_000, "row 1: 1000001 cells; a decimal comma wants semicolons between the cells"),
    ("a.csv", "," * 1_000_000, "no answers in it"),
    ("a.csv", "", "no answers in it"),
    ("a.csv", " \n\t\n", "no answers in it"),
    ("a.csv", HEAD, "no answers in it"),
    ("a.csv", "\n" * MAX_ROWS + "h_1,1", f"row {MAX_ROWS + 1}: more than 100,000 rows"),
    ("a.csv", "[" * 200_000, "row 1: field larger than field limit (100000); is a quote closed?"),
    ("a.csv", "\u202eh_1,1", 'row 1: no quantity "\\u202eh_1" in this problem (did you mean "h_1"?)'),
    ("a.json", '{"h_1": 1, "h99": 2}', '"h99": no quantity "h99" in this problem'),
    ("a.json", '{"__proto__": {"h_1": 1}}', '"__proto__": a list or a table; expected one answer'),
    ("a.json", '{"h_1": [1]}', '"h_1": a list or a table; expected one answer'),
    ("a.json", '{"h_1": {}}', '"h_1": a list or a table; expected one answer'),
    ("a.json", '{"h_1": 1, "h_1": 1}', '"h_1": h_1 is answered twice'),
    ("a.json", '{"h_1": 1, " h_1": 1}', '" h_1": h_1 is answered twice'),
    ("a.json", '{"\\ud800": 1}', '"\\ud800": no quantity "\\ud800" in this problem'),
    ("a.json", '{"\\u001b]0;owned\\u0007": 1}', '"\\u001b]0;owned\\u0007": no quantity "\\u001b]0;owned\\u0007" in this problem'),
    ("a.json", '{"h_1": 1,\n}', "not valid JSON: "),
    ("a.json", '["h_1", 1]', "expected a table of names and answers, in JSON"),
    ("a.json", '[["h_1", 1]]', "expected a table of names and answers, in JSON"),
    ("a.json", '{"answers": {"h_1": 1}, "h_2": 1}', '"answers": a list or a table; expected one answer'),
    ("a.json", "NaN", "expected a table of names and answers, in JSON"),
    ("a.json", "9" * 5000, "expected a table of names and answers, in JSON"),
    ("a.json", "{}", "no answers in it"),
    ("a.json", "[]", "no answers in it"),
    ("a.json", "", "not valid JSON: "),
    ("a.json", "[" * 200_000, "nested too deeply"),
    ("a.json", '{"h_1":' * 200_000, "nested too deeply"),
    ("a.toml", "h_1 = 1\nh99 = 1\n", '"h99": no quantity "h99" in this problem'),
    ("a.toml", "h_1 = [1]\n", '"h_1": a list or a table; expected one answer'),
    ("a.toml", "h_1 = 1\n[answers]\nh_2 = 1\n", '"answers": a list or a table; expected one answer'),
    ("a.toml", "answers = 1\n", '"answers": no quantity "answers" in this problem'),
    ("a.toml", "h_1 = 1\nh_1 = 1\n", "not valid TOML: "),
    ("a.toml", "h_1 = 0,5\n", "not valid TOML: "),
    ("a.toml", 'h_1 = "1\n', "not valid TOML: "),
    ("a.toml", "h_1 = " + "9" * 5000, "an integer of thousands of digits"),
    ("a.toml", "h_1 = " + "[" * 200_000, "nested too deeply"),
    ("a.toml", "[" * 200_000, "not valid TOML: "),
    ("a.toml", "h_1 = 1\nh" + ".a" * 1_000_000 + " = 1", "line 2: more than 20 points in a line"),
    ("a.toml", ("h" + ".a" * 20 + " = 1\n") * 20_000, "more than 200,000 points; an answer has one"),
    ("a.toml", "", "no answers in it"),
    ("a.md", "# Nothing\n", "no answers in it"),
    ("a.md", "| quantity | formula |\n|-|-|\n| h_1 | 1 |\n", "no answers in it"),
    ("a.md", MARKDOWN + "| h99 | 1 |\n", 'line 3: no quantity "h99" in this problem'),
    ("a.md", MARKDOWN + "| h_1 | 1 |\n| h_1 | 1 |\n", "line 4: h_1 is answered twice"),
    ("a.md", MARKDOWN + "| h_1 |\n", "line 3: 1 cells in a table of 2 columns"),
    ("a.md", MARKDOWN + "| h_1 | 0.2|0.4 |\n", "line 3: 3 cells in a table of 2 columns"),
    ("a.md", MARKDOWN + "| h_1" + "|1" * 1_000_000, "line 3: 1000001 cells in a table of 2 columns"),
]  # fmt: skip


@at_once(("name", "text", "said"), BAD)
def test_what_is_wrong_in_a_file_is_said_with_its_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    """One ``ProblemError``: the file, the row or the name, what was met and what would do."""
    path = tmp_path / name
    path.write_bytes(text.encode())
    assert complaint(path).startswith(said)


@at_once(
    ("data", "said"),
    [
        (b"quantity,answer\nh_1,\x960.29\n", "not UTF-8 text (line 2); save it as UTF-8"),
        (b"quantity,answer\rh_1,1\rh_2,\x96\r", "not UTF-8 text (line 3); save it as UTF-8"),
        (b"\x80", "not UTF-8 text (line 1); save it as UTF-8"),
        (b"\xff\xfeh", "not UTF-8 text (line 1); save it as UTF-8"),
        (b"\xff\xfe\x00\xd8", "not UTF-8 text (line 1); save it as UTF-8"),
        (b"h_1,\xed\xa0\x80", "not UTF-8 text (line 1); save it as UTF-8"),
        (b"h_1,1\r\nh_2,\0\r\n", "a character NUL in it (line 2); answers are text"),
        ("h_1,1".encode("utf-16-le"), "a character NUL in it (line 1); answers are text"),
        (b"\xff\xfe", "no answers in it"),
        (b"\xef\xbb\xbf", "no answers in it"),
        (b"\0" * MAX_BYTES, "a character NUL in it (line 1); answers are text"),
        (b" " * (MAX_BYTES + 1), "larger than 4,000,000 bytes"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, data: bytes, said: str) -> None:
    """Windows' code page, half of UTF-16, a NUL, and more bytes than answers can have."""
    path = tmp_path / "answers.csv"
    path.write_bytes(data)
    assert complaint(path).startswith(said)


# ----------------------------------------------------------------------- files


def test_a_file_without_end_is_refused_by_its_size(tmp_path: Path) -> None:
    """A gigabyte is not read: a little more than the limit is enough to know."""
    path = tmp_path / "answers.csv"
    with path.open("wb") as file:
        file.truncate(10**9)
    assert "larger than 4,000,000 bytes" == complaint(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe that nobody writes to and a device are not opened."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, Path("/dev/zero")):
        assert "not a regular file; answers are a CSV, TOML, JSON or Markdown file" == complaint(path)


def test_a_link_is_what_it_points_to(tmp_path: Path) -> None:
    """A symbolic link to answers is answers; to itself, to nothing or to a device it is a complaint."""
    (tmp_path / "answers.csv").write_text(HEAD + "h_1,0.5\n")
    links = {"good": "answers.csv", "nothing": "nowhere.csv", "circle": "circle", "zero": "/dev/zero"}
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    assert {"h_1": "0.5"} == texts(load(tmp_path / "good", REGISTER))
    assert "no such file" == complaint(tmp_path / "nothing")
    assert complaint(tmp_path / "circle").startswith("cannot be read: ")
    assert complaint(tmp_path / "zero").startswith("not a regular file")


@pytest.mark.parametrize("name", ["nowhere.csv", "a\0b", "x" * 5000, "\ud800\0"], ids=lambda name: ascii(name[:20]))
def test_a_path_that_cannot_be_is_one_message(name: str) -> None:
    """No file of this name, or none possible."""
    with pytest.raises(ProblemError, match=r": (no such file|cannot be read: )"):
        load(name, REGISTER)


def test_a_hyphen_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any form can be piped in; what is wrong with it is said of ``<standard input>``."""

    def piped(data: bytes) -> dict[str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        return texts(load("-", REGISTER))

    assert {"h_1": "0.5"} == piped(b"h_1;0.5") == piped(b'{"h_1": 0.5}') == piped(MARKDOWN.encode() + b"| h_1 | 0.5 |")
    for data, said in [(b"h99,1", "row 1: no quantity"), (b" " * (MAX_BYTES + 1), "larger than"), (b"\x80", "not UTF-8")]:
        with pytest.raises(ProblemError, match=f"^<standard input>: {said}"):
            piped(data)


# ------------------------------------------------------------------ properties


SIGNS = [
    *NAMES,
    *"0,;:.=|#\t\n\r \"'`\\{}[]\0\ufeff",
    "|-|-|",
    "quantity",
    "answer",
    "[answers]",
    "h99",
    "−0,5",
    "nan",
    "true",
    "null",
    "1e999",
]
PIECES = st.lists(
    st.sampled_from(SIGNS),
    max_size=30,
).map(lambda pieces: "".join(pieces).encode())


@pytest.mark.parametrize("suffix", [".csv", ".json", ".toml", ".md", ""])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(data=b"")
@given(data=st.one_of(st.binary(max_size=200), PIECES, PIECES.map(lambda data: b"\xff\xfe" + data)))
def test_any_bytes_are_answers_or_one_complaint(tmp_path: Path, suffix: str, data: bytes) -> None:
    """What is read is text under names of the problem; everything else is one ``ProblemError`` of one printable line."""
    path = tmp_path / f"answers{suffix}"
    path.write_bytes(data)
    try:
        answers = texts(load(path, REGISTER))
    except ProblemError:
        assert complaint(path)
    else:
        assert answers
        assert set(answers) <= set(NAMES)


@given(text=st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r\ufeff")))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_decoded_as_it_was_encoded(encoding: str, text: str) -> None:
    """UTF-8 and UTF-16 come back letter for letter."""
    assert text == decoded(text.encode(encoding), "answers.csv")


def test_the_limit_of_the_csv_module_is_left_alone() -> None:
    """It belongs to the whole process; ours holds whatever it is."""
    before = csv.field_size_limit(300_000)
    try:
        with pytest.raises(ProblemError, match=r"row 1: field larger than field limit \(100000\)"):
            list(cells(["x" * 200_000], ","))
        assert csv.field_size_limit() == 300_000
    finally:
        csv.field_size_limit(before)


def test_a_class_of_one_student_is_an_answer_sheet() -> None:
    """Names across and one row below, as a page saves it; a second student, or a cell too many, is told with its row."""
    assert parsed("student,a_1,h_1\nAda,0.6,0.5370\n") == {"a_1": "0.6", "h_1": "0.5370"}
    with pytest.raises(ProblemError, match="row 3: a second student"):
        parsed("student,a_1\nAda,0.6\nBob,0.5\n")
    with pytest.raises(ProblemError, match="row 2: 3 cells below 2 names"):
        parsed("student,a_1\nAda,0.6,0.5\n")
