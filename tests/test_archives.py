"""Archives of many files, against the ZIP of the standard library; variants in one, written and marked by."""

from __future__ import annotations

import csv
import random
import subprocess
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from students import by_hand
from sweeps import chosen

from bptt_trace import Key, ProblemError, load
from bptt_trace import archives as archives_module
from bptt_trace import processes as processes_module
from bptt_trace.archives import Archive, new_archive, packed
from bptt_trace.commands import command
from bptt_trace.marking.class_run import run


def files() -> dict[str, bytes]:
    chance = random.Random(1)
    sizes = [0, 1, 70_000, *(chance.randrange(3000) for _ in range(40))]
    return {f"{place % 3}/grün {place}.md": chance.randbytes(size // 2) * 2 for place, size in enumerate(sizes)}


def write(path: Path, content: dict[str, bytes]) -> None:
    with new_archive(path) as put:
        for name, data in content.items():
            put(packed(name, data))


@pytest.mark.parametrize("large", [False, True])
def test_what_is_written_is_read_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    """By the standard library, byte for byte, with check sums; also with the fields of 64 bits that large archives have."""
    if large:
        monkeypatch.setattr(archives_module, "MANY", 3)
    content = files()
    write(tmp_path / "a.zip", content)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert content == {name: archive.read(name) for name in archive.namelist()}
    archive_here = Archive(tmp_path / "a.zip")
    assert content == {name: archive_here.read(name) for name in content}


@pytest.mark.exhaustive
def test_more_files_than_16_bits_count(tmp_path: Path) -> None:
    """As in a course of 100,000."""
    write(tmp_path / "a.zip", {f"{place}": b"%d" % place for place in range(70_000)})
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert 70_000 == len(archive.namelist())
        assert b"69999" == archive.read("69999")
    assert b"69999" == Archive(tmp_path / "a.zip").read("69999")


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_others_write_is_read(tmp_path: Path, how: int) -> None:
    """Stored or deflated, in one go or as a stream with fields of 64 bits, with a comment behind, with other files between."""
    content = files()
    with zipfile.ZipFile(tmp_path / "a.zip", "w", how) as archive:
        for place, (name, data) in enumerate(content.items()):
            if place % 2:
                archive.writestr(name, data)
            else:
                with archive.open(name, "w", force_zip64=True) as file:
                    file.write(data)
        archive.comment = b"PK\x05\x06 is no end" * 9
    read = Archive(tmp_path / "a.zip", lambda name: name.startswith("1/"))
    assert all(read.read(name) == data for name, data in content.items() if name.startswith("1/"))
    assert not any(name in read for name in content if not name.startswith("1/"))
    with pytest.raises(KeyError):
        read.read("none")


def test_what_is_no_archive(tmp_path: Path) -> None:
    """Says so, with the name of the file, wherever it is damaged; never anything else."""
    write(tmp_path / "a.zip", {"a.toml": b"title = 1\n" * 50, "b.toml": b"x"})
    sound, chance = (tmp_path / "a.zip").read_bytes(), random.Random(2)
    content = {"a.toml": b"title = 1\n" * 50, "b.toml": b"x"}
    damaged = [b"", b"PK", sound[:-30], sound[40:]]
    for _ in range(200):
        place = chance.randrange(len(sound))
        damaged.append(sound[:place] + bytes([chance.randrange(256)]) + sound[place + 1 :])
    for data in damaged:
        path = tmp_path / "damaged.zip"
        path.write_bytes(data)
        try:
            archive = Archive(path)
            for name in ("a.toml", "b.toml"):
                if name in archive:
                    assert content[name] == archive.read(name)
        except ProblemError as error:
            assert str(path) in str(error)  # noqa: PT017 - most damage raises, some changes nothing that is read
    for data in damaged[:3]:
        (tmp_path / "none.zip").write_bytes(data)
        with pytest.raises(ProblemError, match=r"none\.zip: not a ZIP archive that can be read"):
            Archive(tmp_path / "none.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w", zipfile.ZIP_LZMA) as other:
        other.writestr("a.toml", b"x" * 100)
    with pytest.raises(ProblemError, match="compressed in another way"):
        Archive(tmp_path / "other.zip")


# ---------------------------------------------------------------------- variants


def vary(*words: object) -> str:
    outcome = CliRunner().invoke(command, ["vary", "rnn", *map(str, words)])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


@pytest.mark.parametrize("jobs", chosen([1, 2], [2]))
def test_an_archive_has_the_files_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    """The same bytes in each, for any number of jobs; the archive itself is the same every time."""
    monkeypatch.setattr(processes_module, "ALONE", 0.0)
    students = tmp_path / "ids.csv"
    students.write_text("".join(f"s{i}\n" for i in range(100)), "utf-8")
    vary("--students", students, "-o", tmp_path / "folder")
    told = vary("--students", students, "--archive", tmp_path / "a.zip", "--jobs", jobs)
    assert told.startswith(f"100 variants in {tmp_path / 'a.zip'}, from s0 to s99\n")
    in_folder = {
        str(path.relative_to(tmp_path / "folder")): path.read_bytes()
        for path in (tmp_path / "folder").rglob("*")
        if path.is_file()
    }
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert in_folder == {name: archive.read(name) for name in archive.namelist()}
    vary("--students", students, "-o", tmp_path / "again", "--jobs", jobs)
    assert subprocess.run(["diff", "-r", tmp_path / "folder", tmp_path / "again"], check=False).returncode == 0
    before = (tmp_path / "a.zip").read_bytes()
    vary("--students", students, "--archive", tmp_path / "a.zip")
    assert before == (tmp_path / "a.zip").read_bytes()


def test_a_folder_or_an_archive(tmp_path: Path) -> None:
    """One of the two, and not both."""
    for words in ([], ["-o", str(tmp_path / "x"), "--archive", str(tmp_path / "x.zip")]):
        outcome = CliRunner().invoke(command, ["vary", "rnn", *words])
        assert outcome.exit_code == 2
        assert "expected -o DIR (a folder for all files) or --archive" in " ".join(outcome.output.split())
    assert [] == list(tmp_path.iterdir())


def test_a_class_is_marked_by_an_archive_of_variants(tmp_path: Path) -> None:
    """Each student by the own numbers, as by the folder; who has none is a row that says so, and no other file is reached."""
    students = ["Ada", "Bo Li", "Cy"]
    (tmp_path / "ids.csv").write_text("\n".join(students), "utf-8")
    vary("--students", tmp_path / "ids.csv", "-o", tmp_path / "folder")
    vary("--students", tmp_path / "ids.csv", "--archive", tmp_path / "a.zip")
    with (tmp_path / "folder" / "index.csv").open(encoding="utf-8", newline="") as file:
        problems = {row["student"]: row["problem"] for row in csv.DictReader(file)}
    with (tmp_path / "folder" / "class.csv").open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file))[1:]
    with (tmp_path / "class.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["student", *names])
        for student in students:
            answers = {str(name): text for name, text in by_hand(Key(load(tmp_path / "folder" / problems[student]))).items()}
            writer.writerow([student, *(answers[name] for name in names)])
        writer.writerows([["Eve", *["0.5"] * len(names)], ["../ids", *["0.5"] * len(names)]])
    for variants in ("folder", "a.zip"):
        tally = run(load("rnn"), tmp_path / "class.csv", tmp_path / f"{variants}.csv", variants=tmp_path / variants)
        assert (3, 2, 0) == (tally.students, tally.unread, tally.wrong)
    one, other = ((tmp_path / f"{variants}.csv").read_text("utf-8") for variants in ("folder", "a.zip"))
    assert one.replace(str(tmp_path / "folder"), "") == other.replace(str(tmp_path / "a.zip"), "")
    (tmp_path / "none.zip").write_bytes(b"none")
    for path, message in (("none.zip", "not a ZIP archive"), ("nowhere", "no such folder or archive")):
        with pytest.raises(ProblemError, match=message):
            run(load("rnn"), tmp_path / "class.csv", tmp_path / "marks.csv", variants=tmp_path / path)
