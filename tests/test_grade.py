"""A class: every line a student, nothing lost, nothing half written, whatever the file."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from students import by_hand

from bptt_trace import Key, Name, OutputError, ProblemError, check, load
from bptt_trace.commands import command
from bptt_trace.marking import class_rows as grade_module
from bptt_trace.marking.class_file import ClassFile, Row
from bptt_trace.marking.class_rows import Graded, Grader, as_csv, graded, hardened, safe
from bptt_trace.marking.class_run import run
from bptt_trace.marking.class_summary import Tally

EXAMPLE = Path(__file__).parent.parent / "examples" / "sheets" / "class.csv"


@cache
def key() -> Key:
    return Key(load("rnn"))


@cache
def right() -> tuple[tuple[Name, str], ...]:
    return tuple(by_hand(key()).items())


def written(path: Path, students: list[str], changes: dict[int, dict[str, str]] | None = None, sign: str = ",") -> Path:
    """A class of error-free students, but for some cells of some."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=sign, lineterminator="\n")
        writer.writerow(["student", *(str(name) for name, _ in right())])
        for place, student in enumerate(students):
            own = (changes or {}).get(place, {})
            writer.writerow([student, *(own.get(str(name), text) for name, text in right())])
    return path


def marks_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def grade(*words: object) -> Result:
    return CliRunner().invoke(command, ["grade", *map(str, words)])


# ------------------------------------------------------------------- the marks


@pytest.mark.parametrize("form", ["markdown", None])
def test_a_failure_of_the_program_itself_costs_one_row(form: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row in which marking fails says so and wants a human; all others have the marks they would have had."""

    def failing(key: Key, answers: dict[Name, str]) -> object:
        if "0.7777" in answers.values():
            raise ZeroDivisionError("of all things")
        return check(key, answers)

    monkeypatch.setattr(grade_module, "check", failing)
    names = [name for name, _ in right()]
    cells = [[text for _, text in right()] for _ in range(4)]
    cells[1][3], cells[2][3] = "0.7777", "0.8888"
    rows = [Row(place + 2, [f"s{place}", *sheet]) for place, sheet in enumerate(cells)]
    marked = [one.row for one in graded(load("rnn"), names, rows, form)]
    assert ["s0", "s1", "s2", "s3"] == [row[0] for row in marked]
    assert "needs a human: marking failed with ZeroDivisionError: of all things" == marked[1][5]
    assert ["", *[""] * len(names)] == [marked[1][1], *marked[1][6:]]
    assert marked[0][1:] == marked[3][1:] and 0 < float(marked[2][1]) < float(marked[0][1])


def test_a_failure_in_what_many_rows_share_costs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the columns of a class cannot be worked out, its rows are marked one by one."""
    names, cells = [name for name, _ in right()], [text for _, text in right()]
    rows = [Row(place + 2, [f"s{place}", *cells]) for place in range(3)]
    wanted = [one.row for one in graded(load("rnn"), names, rows)]
    monkeypatch.setattr(grade_module.Columns, "settle", lambda *_: 1 / 0)
    assert wanted == [one.row for one in graded(load("rnn"), names, rows)]


def test_a_row_for_each_student(tmp_path: Path) -> None:
    """In the order of the class, with the verdicts that ``check`` gives, in the columns of the class."""
    run(load("rnn"), EXAMPLE, tmp_path / "marks.csv")
    rows = marks_of(tmp_path / "marks.csv")
    with EXAMPLE.open(encoding="utf-8", newline="") as file:
        sheets = list(csv.DictReader(file))
    assert [sheet["student"] for sheet in sheets] == [row["student"] for row in rows]
    for sheet, row in zip(sheets, rows, strict=True):
        marks = check(key(), {name: text for name, text in sheet.items() if name != "student"})
        assert (f"{marks.score:g}", f"{marks.out_of:g}") == (row["score"], row["out_of"])
        assert {str(answer.name): answer.verdict for answer in marks.answers} == dict(islice(row.items(), 6, None))
        assert ("" if marks.first_wrong is None else str(marks.first_wrong)) == row["first_wrong"]


@pytest.mark.parametrize("jobs", [2, 3])
def test_several_processes_give_the_same(tmp_path: Path, jobs: int) -> None:
    """Marks and reports are byte for byte those of one process."""
    path = written(tmp_path / "class.csv", [f"s{i}" for i in range(300)], {i: {"h_1": f"0.{i:04}"} for i in range(0, 300, 7)})
    for count in (1, jobs):
        folder = tmp_path / f"reports-{count}"
        run(load("rnn"), path, tmp_path / f"marks-{count}.csv", reports=folder, form="json", jobs=count)
    assert (tmp_path / "marks-1.csv").read_bytes() == (tmp_path / f"marks-{jobs}.csv").read_bytes()
    for one in (tmp_path / "reports-1").iterdir():
        assert one.read_bytes() == (tmp_path / f"reports-{jobs}" / one.name).read_bytes()
    assert 300 == len(list((tmp_path / f"reports-{jobs}").iterdir()))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_class_is_never_in_memory_as_a_whole(jobs: int) -> None:
    """Of an endless class the first results come, and only so many rows have been read."""
    cells = [text for _, text in right()]
    read = 0

    def endless() -> Iterator[Row]:
        nonlocal read
        while True:
            read += 1
            yield Row(read + 1, [f"s{read}", *cells])

    stream = graded(load("rnn"), [name for name, _ in right()], endless(), jobs=jobs)
    first = list(islice(stream, 100))
    stream.close()  # type: ignore[attr-defined]
    assert [f"s{i}" for i in range(1, 101)] == [one.row[0] for one in first]
    assert read <= (2 * jobs + 2) * grade_module.CHUNK


def test_the_key_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The true values of a problem are computed once, not for every student."""
    cells = [text for _, text in right()]
    made = 0
    whole = Key.__init__

    def counted(self: Key, *arguments: object) -> None:
        nonlocal made
        made += 1
        whole(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Key, "__init__", counted)
    rows = [Row(i + 2, [f"s{i}", *cells]) for i in range(20)]
    assert 20 == len(list(graded(load("rnn"), [name for name, _ in right()], rows)))
    assert 1 == made


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_forms_of_class_files(tmp_path: Path, sign: str, encoding: str) -> None:
    """Commas, semicolons or tabs; with a byte order mark or without; lines end as they may."""
    path = written(tmp_path / "class.csv", ["Béla", "Doe, Jr"], sign=sign)
    for ending in ("\n", "\r\n", "\r"):
        path.write_bytes(path.read_bytes().decode("utf-8").replace("\n", ending).encode(encoding))
        tally = run(load("rnn"), path, tmp_path / "marks.csv")
        assert (2, 0, 0) == (tally.students, tally.unread, tally.wrong)
        assert ["Béla", "Doe, Jr"] == [row["student"] for row in marks_of(tmp_path / "marks.csv")]
        written(path, ["Béla", "Doe, Jr"], sign=sign)


# ---------------------------------------------------------------------- bad rows


def test_a_bad_row_stops_nothing(tmp_path: Path) -> None:
    """Too many cells, an open quote, NUL, too few cells: each stays in its line."""
    path = written(tmp_path / "class.csv", ["a", "b", "c", "d", "e", "f"])
    lines = path.read_text("utf-8").split("\n")
    lines[2] += ",0.5"
    lines[3] = 'c,"0.6000' + lines[3][8:]
    lines[4] = lines[4].replace("0.5370", "0.53\0")
    lines[5] = "e,0.6000"
    lines.insert(3, ",,,,")
    path.write_text("\n".join(lines), "utf-8")
    outcome = grade("rnn", path, "-o", tmp_path / "marks.csv")
    assert isinstance(outcome.exception, ProblemError)
    assert "3 of its rows could not be read" in str(outcome.exception)
    rows = marks_of(tmp_path / "marks.csv")
    assert ["a", "b", "", "", "e", "f"] == [row["student"] for row in rows]
    assert [True, False, False, False, True, True] == [bool(row["score"]) for row in rows]
    assert [row["remark"] for row in rows[1:4]] == [
        f"row 3: {len(right()) + 2} cells for {len(right()) + 1} columns",
        "row 5: unexpected end of data; is a quote closed?",
        "row 6: a character NUL in it",
    ]
    assert {"correct", "blank"} == {rows[4][str(name)] for name, _ in right()}


STUDENTS = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-rf",
    "@SUM(A1)",
    "\tTab",
    "Doe, Jr",
    "../x",
    "CON",
    "a" * 10_000,
    '"quoted"',
    "<b>",
    "-0.25",
]


def test_students_of_any_name(tmp_path: Path) -> None:
    """No cell is a formula, no report leaves its folder, each has a report of their own."""
    path = written(tmp_path / "class.csv", [*STUDENTS, "Ada", "ada", "Ada"])
    run(load("rnn"), path, tmp_path / "marks.csv", reports=tmp_path / "reports", form="json")
    for row in marks_of(tmp_path / "marks.csv"):
        assert not re.match(r"[=@\t\r]|[+-](?![\d.]+$)", row["student"])
        assert len(row["student"]) <= 1001
    names = sorted(one.name for one in (tmp_path / "reports").iterdir())
    assert len(STUDENTS) + 3 == len(names)
    assert all(re.fullmatch(r"[\w-]{1,80}(\.\d)?\.json", name) for name in names)
    assert {"Ada.json", "ada.2.json", "Ada.3.json"} <= set(names)
    assert ["class.csv", "marks.csv", "reports"] == sorted(one.name for one in tmp_path.iterdir())


def test_cells_of_spreadsheets() -> None:
    """A quote stands before what would be a formula; a number stays a number."""
    assert ["'=1+1", "'+a", "'@A1", "'-", "-0.25", "+1", "-1e-4", "a=b"] == list(
        map(hardened, ["=1+1", "+a", "@A1", "-", "-0.25", "+1", "-1e-4", "a=b"])
    )
    assert '"a,b","say ""x"""\n' == as_csv(["a,b", 'say "x"'])


def test_names_of_files() -> None:
    """Different students have different files; plain names stay as they are."""
    assert "Ada-7" == safe("Ada-7")
    assert len({safe(name) for name in [*STUDENTS, "", "..", "x", "nul", "com1", "Doe Jr"]}) == len(STUDENTS) + 6
    assert all(not re.fullmatch(r"(?i)con|nul|com1|\.*|-.*", safe(name)) for name in ["CON", "nul", "com1", "", "..", "-rf"])


# ------------------------------------------------------------------ whole or absent


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    """There is no result before it is whole; what is done is not done again; the result is that of one run."""
    path = written(tmp_path / "class.csv", [f"s{i}" for i in range(200)], {3: {"h_1": "0.6"}, 150: {"h_1": "0.7"}})
    words: dict[str, object] = {"reports": tmp_path / "reports", "form": "json", "jobs": jobs}
    whole = run(load("rnn"), path, tmp_path / "whole.csv", **words)  # type: ignore[arg-type]
    from bptt_trace.marking import class_run

    done = 0

    def interrupted(*arguments: object, **options: object) -> Iterator[Graded]:
        for one in graded(*arguments, **options):  # type: ignore[arg-type]
            if done + 70 == (count := next(counter)):
                raise KeyboardInterrupt
            assert count < 200
            yield one

    counter = iter(range(1000))
    monkeypatch.setattr(class_run, "graded", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(load("rnn"), path, tmp_path / "marks.csv", **words)  # type: ignore[arg-type]
    assert not (tmp_path / "marks.csv").exists()
    part = tmp_path / "marks.csv.part"
    assert 72 == len(part.read_text("utf-8").splitlines())
    with part.open("a") as file:
        file.write("s70,half a li")

    seen: list[str] = []

    def watched(*arguments: object, **options: object) -> Iterator[Graded]:
        for one in graded(*arguments, **options):  # type: ignore[arg-type]
            seen.append(one.row[0])
            yield one

    monkeypatch.setattr(class_run, "graded", watched)
    tally = run(load("rnn"), path, tmp_path / "marks.csv", **words)  # type: ignore[arg-type]
    assert [f"s{i}" for i in range(70, 200)] == seen
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "marks.csv").read_bytes()
    assert whole == tally
    assert 200 == len(list((tmp_path / "reports").iterdir()))
    assert not part.exists()


def test_a_part_of_something_else_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another class or another problem begins from the first row."""
    from bptt_trace.marking import class_run

    path = written(tmp_path / "class.csv", ["a", "b"])
    with monkeypatch.context() as patch:
        patch.setattr(class_run, "_finish", lambda *_: None)
        run(load("rnn"), path, tmp_path / "marks.csv")
    assert (tmp_path / "marks.csv.part").exists()
    run(load("rnn", ["w_hh=0.9"]), path, tmp_path / "marks.csv")
    assert "wrong" in (tmp_path / "marks.csv").read_text("utf-8")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("student,h_1,h_99\n", r'row 1, column 3: no quantity "h_99"'),
        ("student,h_1,H1\n", r'did you mean "h_1"'),
        ("student,h_1,h_1\n", r"row 1, column 3: h_1 has two columns"),
        ("student\n", r"a class has a row of names first"),
        ("", r"a class has a row of names first"),
        ('student,"h_1\n', r"a class has a row of names first"),
        ("student" + ",h_1" * 1_000_000 + "\n", r"a class has a row of names first|more than 20,000 columns"),
    ],
    ids=["unknown", "near", "twice", "short", "empty", "quote", "million"],
)
def test_a_header_that_is_none(tmp_path: Path, header: str, message: str) -> None:
    """The file, the column and what was met are named; nothing is written."""
    path = tmp_path / "class.csv"
    path.write_text(header, "utf-8")
    with pytest.raises(ProblemError, match=message) as caught:
        run(load("rnn"), path, tmp_path / "marks.csv")
    assert str(path) in str(caught.value)
    assert ["class.csv"] == [one.name for one in tmp_path.iterdir()]


def test_what_is_no_class(tmp_path: Path) -> None:
    """A folder, a pipe, a device, nothing at all, another encoding."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "latin.csv").write_bytes("student,h_1,Bél\n".encode("cp1252"))
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "none.csv", tmp_path / "latin.csv"):
        with pytest.raises(ProblemError, match=re.escape(str(path))):
            run(load("rnn"), path, tmp_path / "marks.csv")


def test_where_marks_cannot_be(tmp_path: Path) -> None:
    """In place of the class, in place of a folder, in a folder that is not there."""
    path = written(tmp_path / "class.csv", ["a"])
    for output in (path, tmp_path, tmp_path / "none" / "marks.csv"):
        with pytest.raises(OutputError, match=re.escape(str(output))):
            run(load("rnn"), path, output)
    assert written(tmp_path / "again.csv", ["a"]).read_bytes() == path.read_bytes()


# ----------------------------------------------------------------------- variants


def test_each_student_has_their_own_numbers(tmp_path: Path) -> None:
    """A problem by the student's name, or by the list in the folder; who has none is a row that says so."""
    variants = tmp_path / "variants"
    variants.mkdir()
    for name, weight in (("Ada", "0.8"), ("b7", "0.9")):
        text = (EXAMPLE.parent.parent / "rnn.toml").read_text("utf-8")
        (variants / f"{name}.toml").write_text(re.sub(r"w_hh *= *0.8", f"w_hh = {weight}", text), "utf-8")
    other = {str(name): text for name, text in by_hand(Key(load("rnn", ["w_hh=0.9"]))).items()}
    path = written(tmp_path / "class.csv", ["Ada", "Bo", "Cy", "../Ada"], {1: other})
    run(load("rnn"), path, tmp_path / "marks.csv", variants=variants)
    assert [True, False, False, False] == [bool(row["score"]) for row in marks_of(tmp_path / "marks.csv")]
    (variants / "index.csv").write_text("student,problem\nAda,Ada.toml\nBo,b7.toml\n../Ada,../../secret.toml\n", "utf-8")
    run(load("rnn"), path, tmp_path / "marks.csv", variants=variants)
    rows = marks_of(tmp_path / "marks.csv")
    assert [(rows[0]["out_of"],) * 2] * 2 == [(row["score"], row["out_of"]) for row in rows[:2]]
    assert all("no variant" in row["remark"] for row in rows[2:])
    with pytest.raises(ProblemError, match="no such folder"):
        run(load("rnn"), path, tmp_path / "marks.csv", variants=tmp_path / "none")


# ------------------------------------------------------------------------ summary


def test_the_summary_counts_what_the_marks_say(tmp_path: Path) -> None:
    """Mean, distribution, first wrong lines, mistakes, shares of verdicts."""
    tally = run(load("rnn"), EXAMPLE, tmp_path / "marks.csv")
    rows = marks_of(tmp_path / "marks.csv")
    shares = [float(row["score"]) / float(row["out_of"]) for row in rows]
    assert tally.total / tally.students == pytest.approx(sum(shares) / len(shares))
    assert sum(tally.shares.values()) == len(rows)
    assert 2 == tally.first["dL/dh_1"] == tally.mistakes["memory-path-dropped"]
    assert sum(bool(row["first_wrong"]) for row in rows) == tally.wrong == sum(tally.first.values())
    for name in tally.names:
        assert [row[name] for row in rows].count("correct") == tally.verdicts[name]["correct"]


def test_the_summary_of_an_empty_class() -> None:
    """Nobody is no reason to fail."""
    assert Tally(["h_1"]).sheet("x").box[0].startswith("0 students")  # type: ignore[union-attr]


@pytest.mark.parametrize("ending", ["md", "html"])
def test_the_summary_is_printed_and_written(tmp_path: Path, ending: str) -> None:
    """Its charts fit 80 columns; the exit status says that answers are wrong."""
    path = tmp_path / f"summary.{ending}"
    outcome = grade("rnn", EXAMPLE, "-o", tmp_path / "marks.csv", "--summary", path, "--reports", tmp_path / "reports")
    assert 1 == outcome.exit_code
    assert max(map(len, outcome.output.splitlines())) <= 80
    for text in (outcome.output, path.read_text("utf-8")):
        for words in ("12 students, on average", "the memory path is missing", "Where it first goes wrong", "████"):
            assert words in text
    assert 12 == len(list((tmp_path / "reports").glob("*.html")))


def test_a_class_without_a_mistake_ends_with_0(tmp_path: Path) -> None:
    """As every command does when all is well."""
    path = written(tmp_path / "class.csv", ["a", "b"])
    assert 0 == grade("rnn", path, "-o", tmp_path / "marks.csv").exit_code


@pytest.mark.parametrize("form", ["html", "markdown", "latex", "json"])
def test_reports_are_those_of_check(tmp_path: Path, form: str) -> None:
    """What a student gets from ``grade`` is what ``check`` prints."""
    run(load("rnn"), EXAMPLE, tmp_path / "marks.csv", reports=tmp_path / "reports", form=form)
    with EXAMPLE.open(encoding="utf-8", newline="") as file:
        chen = next(row for row in csv.DictReader(file) if row["student"] == "Chen")
    answers = tmp_path / "chen.json"
    answers.write_text(json.dumps({name: text for name, text in chen.items() if name != "student"}), "utf-8")
    alone = CliRunner().invoke(command, ["check", "rnn", str(answers), "-f", form, "--student", "Chen"]).output
    (path,) = (tmp_path / "reports").glob("Chen.*")
    assert alone == path.read_text("utf-8")


def test_a_class_file_reads_long_lines_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line longer than any class has is one bad row; the next one is read."""
    from bptt_trace.marking import class_file

    monkeypatch.setattr(class_file, "MAX_LINE", 2000)
    path = written(tmp_path / "class.csv", ["a", "b", "c"])
    lines = path.read_text("utf-8").split("\n")
    lines[2] += " " * 9000
    path.write_text("\n".join(lines), "utf-8")
    rows = list(ClassFile.open(path).rows())
    assert [2, 3, 4] == [row.number for row in rows]
    assert ["", "row 3: longer than 2,000 characters", ""] == [row.error for row in rows]


def test_one_grader_marks_many() -> None:
    """A row without a student is a row all the same."""
    grader = Grader(load("rnn"), [Name.parse("h_1")])
    assert ["", "1", "1", "", "", "", "correct"] == grader.grade(Row(2, ["", "0.5370"])).row
    assert ["x", "0", "1", "", "", "", "blank"] == grader.grade(Row(3, ["x"])).row
    assert ["x", "0", "1", "", "", "to look at: h_1", "unreadable"] == grader.grade(Row(3, ["x", "nan"])).row


# ------------------------------------------------------------------------ commas


@pytest.mark.parametrize("before", ["", "sep=;\n"])
@pytest.mark.parametrize("form", [None, "json"])
def test_a_class_with_decimal_commas(tmp_path: Path, form: str | None, before: str) -> None:
    """Of a European spreadsheet, with semicolons, quotes, a byte order mark and CRLF: the verdicts are those of points."""
    commas = {0: {str(name): text.replace(".", ",") for name, text in right()}, 1: {"h_1": "0,0187"}, 2: {"h_1": "3/8"}}
    path = written(tmp_path / "class.csv", ["a", "b", "c", "d"], commas, sign=";")
    quoted = "".join(f'"{line}"\n'.replace(";", '";"') for line in path.read_text("utf-8").splitlines())
    path.write_bytes((before + quoted).replace("\n", "\r\n").encode("utf-8-sig"))
    run(load("rnn"), path, tmp_path / "marks.csv", reports=tmp_path / "reports" if form else None, form=form or "html")
    rows = marks_of(tmp_path / "marks.csv")
    verdicts = [[row[str(name)] for name, _ in right()] for row in rows]
    assert verdicts[0] == verdicts[3]
    assert set(verdicts[0]) <= {"correct", "rounded"}
    assert [True] * 4 == [bool(row["score"]) for row in rows]
    assert ["wrong", "wrong"] == [row["h_1"] for row in rows[1:3]]


CELLS = [
    "0,0187",
    "1,530",
    "1;2",
    "1,2,3",
    ";",
    "0.5,",
    ",5",
    "3/8",
    "1/0",
    "1e5",
    "=1+1",
    "-",
    "0.5\u00a0",
    "",
    "x",
    "9" * 30,
    "٣",
]


@pytest.mark.parametrize("sign", [",", ";"])
def test_no_cell_stops_a_class(tmp_path: Path, sign: str) -> None:
    """Whatever stands in one cell, or in all of a row, every student has a row of marks, and the others' are as ever."""
    whole = {i: {str(name): cell for name, _ in right()} for i, cell in enumerate(CELLS)}
    single = {len(CELLS) + i: {"dL/dw_hh": cell} for i, cell in enumerate(CELLS)}
    path = written(tmp_path / "class.csv", [f"s{i}" for i in range(2 * len(CELLS) + 1)], {**whole, **single}, sign=sign)
    run(load("rnn"), path, tmp_path / "marks.csv")
    rows = marks_of(tmp_path / "marks.csv")
    assert 2 * len(CELLS) + 1 == len(rows)
    assert all(row["score"] for row in rows)
    assert rows[-1]["score"] == rows[-1]["out_of"]
