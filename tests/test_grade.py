"""A class: every line a student, nothing lost, nothing half written, whatever the file."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from itertools import islice, pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from students import by_hand
from sweeps import chosen, paired

from bptt_trace import Key, Name, OutputError, ProblemError, check, grade_part, load
from bptt_trace import processes as processes_module
from bptt_trace.commands import command
from bptt_trace.marking import class_columns, class_rows
from bptt_trace.marking import class_file as file_module
from bptt_trace.marking.class_file import ClassFile, Piece, StudentRow
from bptt_trace.marking.class_rows import HEADS, Grader, MarkedRows, as_csv, hardened, safe
from bptt_trace.marking.class_run import run
from bptt_trace.marking.class_summary import Tally
from bptt_trace.processes import in_order

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

    monkeypatch.setattr(class_rows, "check", failing)
    names = [name for name, _ in right()]
    cells = [[text for _, text in right()] for _ in range(4)]
    cells[1][3], cells[2][3] = "0.7777", "0.8888"
    rows = [StudentRow(place + 2, [f"s{place}", *sheet]) for place, sheet in enumerate(cells)]
    marked = Grader(load("rnn"), names, form).part(rows).rows
    assert ["s0", "s1", "s2", "s3"] == [row[0] for row in marked]
    assert "row 3: needs a human: marking failed with ZeroDivisionError: of all things; please report it" == marked[1][5]
    assert ["", *["needs-human"] * len(names)] == [marked[1][1], *marked[1][6:]]
    assert marked[0][1:] == marked[3][1:] and 0 < float(marked[2][1]) < float(marked[0][1])


def test_a_failure_in_what_many_rows_share_costs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the columns of a class cannot be worked out, its rows are marked one by one."""
    names, cells = [name for name, _ in right()], [text for _, text in right()]
    rows = [StudentRow(place + 2, [f"s{place}", *cells]) for place in range(3)]
    wanted = Grader(load("rnn"), names).part(rows).rows
    monkeypatch.setattr(class_columns.Columns, "right", lambda *_: 1 / 0)
    assert wanted == Grader(load("rnn"), names).part(rows).rows


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


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes help from the second piece on, however little work there is."""
    monkeypatch.setattr(processes_module, "ALONE", 0.0)


@pytest.mark.usefixtures("helped")
@pytest.mark.parametrize("jobs", chosen([2, 3], [2]))
def test_several_processes_give_the_same(tmp_path: Path, jobs: int) -> None:
    """Marks, reports and what was counted are those of one process, byte for byte."""
    path = written(tmp_path / "class.csv", [f"s{i}" for i in range(60)], {i: {"h_1": f"0.{i:04}"} for i in range(0, 60, 7)})
    counted = []
    for count in (1, jobs):
        folder = tmp_path / f"reports-{count}"
        run(load("rnn"), path, tmp_path / f"marks-{count}.csv", reports=folder, form="json", jobs=count)
        counted.append(run(load("rnn"), path, tmp_path / f"alone-{count}.csv", jobs=count))
        assert (tmp_path / f"marks-{count}.csv").read_bytes() == (tmp_path / f"alone-{count}.csv").read_bytes()
    assert counted[0] == counted[1]
    assert (tmp_path / "marks-1.csv").read_bytes() == (tmp_path / f"marks-{jobs}.csv").read_bytes()
    for one in (tmp_path / "reports-1").iterdir():
        assert one.read_bytes() == (tmp_path / f"reports-{jobs}" / one.name).read_bytes()
    assert 60 == len(list((tmp_path / f"reports-{jobs}").iterdir()))


@pytest.mark.usefixtures("helped")
@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order_and_no_task_is_taken_far_ahead(jobs: int) -> None:
    """Of endless tasks the first results come, and only a few more tasks have been taken."""
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    results = in_order(lambda task: time.sleep(0.002 * (task % 3)) or task * task, endless(), jobs)
    assert [i * i for i in range(1, 101)] == list(islice(results, 100))
    results.close()
    assert taken <= 101 + processes_module.AHEAD * jobs


@pytest.mark.usefixtures("helped")
def test_what_other_processes_raise_is_raised_here() -> None:
    """The error of a task, at its turn; and one that says so, where a process was ended from outside."""

    def failing(task: int) -> int:
        if task == 5:
            raise ProblemError("five", source="tasks")
        return task

    results = in_order(failing, range(10), 2)
    assert [0, 1, 2, 3, 4] == list(islice(results, 5))
    with pytest.raises(ProblemError, match="tasks: five"):
        next(results)
    with pytest.raises(OutputError, match="ended from outside"):
        list(in_order(lambda task: os.kill(os.getpid(), signal.SIGKILL) if task == 5 else task, range(10), 2))


def test_other_processes_end_with_the_one_that_started_them() -> None:
    """Also where that is killed and can tell them nothing."""
    program = (
        "import os, time\n"
        "from bptt_trace import processes\n"
        "processes.ALONE = 0\n"
        "for one in processes.in_order(lambda task: time.sleep(0.01) or os.getpid(), range(10**6), 2):\n"
        "    print(one, flush=True)\n"
    )
    started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    pids = {int(line) for line in islice(started.stdout, 12)} - {started.pid}
    started.kill()
    started.wait()
    started.stdout.close()
    assert 2 == len(pids)
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_the_key_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The true values of a problem are computed once, not for every student."""
    made = 0
    whole = Key.__init__

    def counted(self: Key, *arguments: object) -> None:
        nonlocal made
        made += 1
        whole(self, *arguments)  # type: ignore[arg-type]

    path = written(tmp_path / "class.csv", [f"s{i}" for i in range(60)])
    monkeypatch.setattr(Key, "__init__", counted)
    assert 60 == run(load("rnn"), path, tmp_path / "marks.csv").students
    assert 1 == made


# ------------------------------------------------------------------------ parts


@pytest.mark.parametrize(
    ("encoding", "ending"), paired(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"], ["\n", "\r\n", "\r", None])
)
def test_a_class_is_cut_where_a_line_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, ending: str | None
) -> None:
    """Its pieces have the rows that the class as a whole has, with their numbers, wherever blocks end."""
    chance = random.Random(f"{encoding}{ending}")
    names = ["ü", "a\u0a0ab", "\u0d0d", '"x, y"', "", '"open', "\U0001f600", "long " * 9]
    lines = ["student,h_1", *(f"{chance.choice(names)},0.{i}" if i % 5 else "," for i in range(400))]
    text = "".join(line + (ending or chance.choice(["\n", "\r\n", "\r", "\r\r\n"])) for line in lines)
    path = tmp_path / "class.csv"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_bytes((mark + text[: -chance.randrange(3) or None]).encode(encoding))
    source = ClassFile.open(path)
    for block in (64, 98, 1 << 20):
        monkeypatch.setattr(file_module, "BLOCK", block)
        outline = source.outline()
        for most in (24, 96, 1008):
            pieces = list(outline.pieces(most))
            assert all(one.end == other.start and one.line + one.lines == other.line for one, other in pairwise(pieces))
            assert (source.start, path.stat().st_size) == (pieces[0].start, pieces[-1].end)
            assert list(source.rows()) == [row for piece in pieces for row in source.rows(piece)]
    with path.open(encoding="utf-16" if "16" in encoding else "utf-8-sig") as file:  # by Python's own reader
        numbers = [number for number, line in enumerate(file, start=1) if number > 1 and line.strip(",\n")]
    assert numbers == [row.number for row in source.rows()]


def test_pieces_are_small_first_and_last() -> None:
    """So that several processes begin soon and end together; in between they are as large as is allowed."""
    outline = file_module.Outline("", range(0, 24_000 * 300 + 1, 24 * 300), 24_000)
    sizes = [piece.lines for piece in outline.pieces(1008)]
    assert 24 == sizes[0] == sizes[-1]
    assert 1008 == max(sizes)
    assert all(size <= max(24, sum(sizes[:place])) for place, size in enumerate(sizes))
    assert all(size <= max(24, sum(sizes[place + 1 :])) for place, size in enumerate(sizes))
    assert 24_000 == sum(sizes)
    assert {24} == {piece.lines for piece in outline.pieces(24)}


@pytest.mark.parametrize("size", [1, 7, 50])
def test_parts_of_a_class_add_up_to_the_whole(tmp_path: Path, size: int) -> None:
    """Marked apart and in any order, their rows are those of the class, and their tallies merge to its tally."""
    students = [f"s{i}" for i in range(50)]
    path = written(tmp_path / "class.csv", students, {i: {"h_1": f"0.{i:04}"} for i in range(0, 50, 3)})
    whole = run(load("rnn"), path, tmp_path / "marks.csv")
    names, *lines = path.read_text("utf-8").splitlines(keepends=True)
    parts = [grade_part(key(), names + "".join(lines[start : start + size])) for start in range(0, 50, size)]
    with (tmp_path / "marks.csv").open(encoding="utf-8", newline="") as file:
        assert [[*HEADS, *whole.names], *(row for rows, _ in parts for row in rows)] == list(csv.reader(file))
    tally = Tally(whole.names)
    for _, one in reversed(parts):
        tally.merge(one)
    assert whole == tally
    assert whole.mean == pytest.approx(sum(float(row[1]) / float(row[2]) for rows, _ in parts for row in rows) / 50)


def test_a_part_has_a_row_of_names() -> None:
    """Its faults are those of a class file."""
    for text, message in (("", "row of names first"), ("student,h_99\n", "row 1, column 2: no quantity")):
        with pytest.raises(ProblemError, match=message):
            grade_part(key(), text)
    assert ([], Tally(["h_1"])) == grade_part(key(), "student,h_1\n")


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


@pytest.mark.parametrize("form", [None, "json", "pdf"])
def test_a_row_that_breaks_the_program_is_left_to_a_human(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str | None
) -> None:
    """Whatever it raises, and wherever: the row says so, every quantity needs a human, and the other rows are as ever."""
    path = written(tmp_path / "class.csv", ["a", "b", "c", "d"], {1: {"h_1": "0.6666"}, 2: {"h_1": "0.7"}})
    run(load("rnn"), path, tmp_path / "sound.csv")
    sound = marks_of(tmp_path / "sound.csv")
    marking, judging = class_rows.check, class_columns.Columns._judged

    def breaks(one: Key, answers: dict[Name, str]) -> object:
        if "0.6666" in answers.values():
            raise RecursionError
        return marking(one, answers)

    def breaks_together(self: object, numbers: object, cells: list[list[str]]) -> object:
        if any("0.6666" in one for one in cells):
            raise ZeroDivisionError("here, and only here")
        return judging(self, numbers, cells)  # type: ignore[arg-type]

    monkeypatch.setattr(class_rows, "check", breaks)
    monkeypatch.setattr(class_columns.Columns, "_judged", breaks_together)
    if form == "pdf":  # what is set is no matter here
        monkeypatch.setattr(class_rows, "_set", lambda sources: ([b"%PDF" if one else None for one in sources], {}))
        monkeypatch.setattr("bptt_trace.media.latex_program.find_engine", lambda: None)
        monkeypatch.setattr(Grader, "report", lambda *_: "source")
    tally = run(load("rnn"), path, tmp_path / "marks.csv", reports=tmp_path / "reports" if form else None, form=form or "html")
    rows = marks_of(tmp_path / "marks.csv")
    assert [sound[0], sound[2], sound[3]] == [rows[0], rows[2], rows[3]]
    assert "b" == rows[1]["student"]
    assert "" == rows[1]["score"]
    assert "row 3: needs a human: marking failed with RecursionError; please report it" == rows[1]["remark"]
    assert {"needs-human"} == {rows[1][str(name)] for name, _ in right()}
    assert (3, 1) == (tally.students, tally.unread)
    if form:
        assert [f"a.{form}", f"c.{form}", f"d.{form}"] == sorted(one.name for one in (tmp_path / "reports").iterdir())


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


@pytest.mark.usefixtures("helped")
@pytest.mark.parametrize("jobs", chosen([1, 2], [1]))
def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    """There is no result before it is whole; what is done is not done again; the result is that of one run."""
    from bptt_trace.marking import class_run

    path = written(tmp_path / "class.csv", [f"s{i}" for i in range(90)], {3: {"h_1": "0.6"}, 80: {"h_1": "0.7"}})
    words: dict[str, object] = {"reports": tmp_path / "reports", "form": "json", "jobs": jobs}
    whole = run(load("rnn"), path, tmp_path / "whole.csv", **words)  # type: ignore[arg-type]
    marked, seen = class_run.marked, list[str]()

    def interrupted(*arguments: object) -> Iterator[tuple[Piece, MarkedRows]]:
        for piece, part in marked(*arguments):  # type: ignore[arg-type]
            if len(seen) >= 40:
                raise KeyboardInterrupt
            seen.extend(row[0] for row in part.rows)
            yield piece, part

    with monkeypatch.context() as patch:
        patch.setattr(class_run, "marked", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(load("rnn"), path, tmp_path / "marks.csv", **words)  # type: ignore[arg-type]
    assert not (tmp_path / "marks.csv").exists()
    part = tmp_path / "marks.csv.part"
    done = part.read_bytes()
    assert 2 + len(seen) == len(done.splitlines())
    for torn in (done + b"s70,half a li", done[:-30], done[:20]):
        part.write_bytes(torn)
        assert whole == run(load("rnn"), path, tmp_path / "marks.csv", **words)  # type: ignore[arg-type]
        assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "marks.csv").read_bytes()
        assert 90 == len(list((tmp_path / "reports").iterdir()))
        assert not part.exists()
    part.write_bytes(done)
    again: list[str] = []

    def watched(*arguments: object) -> Iterator[tuple[Piece, MarkedRows]]:
        for piece, part in marked(*arguments):  # type: ignore[arg-type]
            again.extend(row[0] for row in part.rows)
            yield piece, part

    monkeypatch.setattr(class_run, "marked", watched)
    run(load("rnn"), path, tmp_path / "marks.csv", **words)  # type: ignore[arg-type]
    assert [f"s{i}" for i in range(90)] == seen + again


@pytest.mark.exhaustive
@pytest.mark.parametrize(("end", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_run_that_is_ended_from_outside_goes_on(tmp_path: Path, end: int, status: int) -> None:
    """Killed or interrupted on the command line, with two jobs: no result, no process left, and then the result of one run."""
    changes = {i: {"h_1": f"0.{i:04}", "y_2": "0.9"} for i in range(3000)}
    path = written(tmp_path / "class.csv", [f"s{i}" for i in range(3000)], changes)
    command = [sys.executable, "-m", "bptt_trace", "grade", "rnn", str(path), "--jobs", "2", "-o"]
    started = subprocess.Popen(
        [*command, str(tmp_path / "marks.csv")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    part, deadline = tmp_path / "marks.csv.part", time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 100_000):
        assert started.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    started.send_signal(end)
    assert status == started.wait()
    while time.monotonic() < deadline and _alive(started.pid):
        time.sleep(0.02)
    assert not _alive(started.pid)
    assert not (tmp_path / "marks.csv").exists()
    done = part.read_bytes().count(b"\n")
    assert 300 < done < 3000
    for output in ("marks.csv", "whole.csv"):
        assert 1 == subprocess.run([*command, str(tmp_path / output)], stdout=subprocess.DEVNULL, check=False).returncode
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "marks.csv").read_bytes()


def _alive(group: int) -> bool:
    """Whether a process of this group is there, and not just waiting to be told of."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text("utf-8").rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            return True
    return False


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
    (variants / "index.csv").write_bytes(b"student,problem\nAda,\xff.toml\n")
    run(load("rnn"), path, tmp_path / "marks.csv", variants=variants)
    assert all("index.csv: not UTF-8 text (line 2)" in row["remark"] for row in marks_of(tmp_path / "marks.csv"))
    with pytest.raises(ProblemError, match="no such folder or archive"):
        run(load("rnn"), path, tmp_path / "marks.csv", variants=tmp_path / "none")


# ------------------------------------------------------------------------ summary


def test_the_summary_counts_what_the_marks_say(tmp_path: Path) -> None:
    """Mean, distribution, first wrong lines, mistakes, shares of verdicts."""
    tally = run(load("rnn"), EXAMPLE, tmp_path / "marks.csv")
    rows = marks_of(tmp_path / "marks.csv")
    shares = [float(row["score"]) / float(row["out_of"]) for row in rows]
    mean = sum(shares) / len(shares)
    assert tally.mean == pytest.approx(mean)
    assert tally.deviation**2 == pytest.approx(sum((share - mean) ** 2 for share in shares) / len(shares))
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
    assert ["", "1", "1", "", "", "", "correct"] == grader.grade(StudentRow(2, ["", "0.5370"])).row
    assert ["x", "0", "1", "", "", "", "blank"] == grader.grade(StudentRow(3, ["x"])).row
    assert ["x", "0", "1", "", "", "to look at: h_1", "unreadable"] == grader.grade(StudentRow(3, ["x", "nan"])).row


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


@pytest.mark.exhaustive
def test_another_process_knows_what_a_part_belongs_to(tmp_path: Path) -> None:
    """What is done of a class bears the same mark in every process, whatever the order of sets in it."""
    program = (
        "import sys; from pathlib import Path; from bptt_trace import load; from bptt_trace.marking import class_run\n"
        "class_run._finish = lambda part, output: None\n"
        "class_run.run(load('rnn'), Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    marks = set()
    for seed in range(1, 3):
        output = tmp_path / f"{seed}.csv"
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        subprocess.run([sys.executable, "-c", program, str(EXAMPLE), str(output)], env=environment, check=True)
        marks.add(output.with_name(f"{seed}.csv.part").read_text("utf-8").partition("\n")[0])
    assert 1 == len(marks)
