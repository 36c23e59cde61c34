"""A class on a cluster, and as Parquet: the same marks by other ways. The cluster is of this machine, started by the test."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import reduce
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sweeps import of_examples
from test_grade import written

from bptt_trace import Key, OutputError, ProblemError, ProgramMissing, grade_part, load
from bptt_trace.marking import cluster
from bptt_trace.marking.class_file import Piece
from bptt_trace.marking.class_rows import MarkedRows
from bptt_trace.marking.class_run import run
from bptt_trace.problem.files import example

needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs Dask: the extra cluster")
needs_parquet = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="needs PyArrow: the extra cluster")


# ------------------------------------------------------------------------- Dask


@contextmanager
def process(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of Dask on the loopback interface, ended with all that it started."""
    quiet = {**os.environ, "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"distributed.cli.dask_{words[0]}"]
    started = subprocess.Popen(
        [*command, *words[1:]], env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler without workers."""
    told = tmp_path_factory.mktemp("dask") / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter", "--scheduler-file", str(told))
    with process("scheduler", *words):
        deadline = time.monotonic() + 60
        while not (told.is_file() and told.read_text("utf-8").strip()):
            assert time.monotonic() < deadline, "no scheduler"
            time.sleep(0.05)
        yield json.loads(told.read_text("utf-8"))["address"]


def worker(address: str, folder: Path) -> object:
    """A worker of one thread, without anybody who would start it again."""
    limits = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0", "--host", "127.0.0.1")
    return process("worker", address, *limits, "--local-directory", str(folder))


@needs_dask
@pytest.mark.exhaustive
def test_a_lost_worker_loses_nothing(tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marked by two workers of which one is killed on the way, marks, reports and counts are those of one process."""
    students = [f"s{i}" for i in range(600)]
    path = written(tmp_path / "class.csv", students, {i: {"h_1": f"0.{i:04}"} for i in range(600)})
    alone = run(load("rnn"), path, tmp_path / "alone.csv", reports=tmp_path / "alone", form="json")
    on_cluster, seen = cluster.on_cluster, list[int]()
    with worker(scheduler, tmp_path / "a") as doomed, worker(scheduler, tmp_path / "b"):  # type: ignore[attr-defined]
        import distributed

        with distributed.Client(scheduler, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)

        def killing(*arguments: object) -> Iterator[tuple[Piece, MarkedRows]]:
            for piece, part in on_cluster(*arguments):  # type: ignore[arg-type]
                seen.append(piece.line)
                if len(seen) == 3:
                    doomed.kill()
                    doomed.wait()
                yield piece, part

        monkeypatch.setattr(cluster, "on_cluster", killing)
        tally = run(load("rnn"), path, tmp_path / "marks.csv", reports=tmp_path / "reports", form="json", scheduler=scheduler)
    assert len(seen) > 6
    assert alone == tally
    assert (tmp_path / "alone.csv").read_bytes() == (tmp_path / "marks.csv").read_bytes()
    for one in (tmp_path / "alone").iterdir():
        assert one.read_bytes() == (tmp_path / "reports" / one.name).read_bytes()


@needs_dask
@pytest.mark.exhaustive
def test_a_cluster_that_does_not_answer(tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address is named, and what is wrong with it: nobody there, no workers, no address."""
    monkeypatch.setattr(cluster, "SECONDS", 1)
    path = written(tmp_path / "class.csv", ["a"])
    for address, message in (
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1: no Dask scheduler answers there"),
        ("nonsense://x", "nonsense://x: no Dask scheduler answers there"),
        (scheduler, f"{scheduler}: the Dask scheduler there has no workers"),
    ):
        with pytest.raises(ProblemError) as caught:
            run(load("rnn"), path, tmp_path / "marks.csv", scheduler=address)
        assert str(caught.value).startswith(message)


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    path = written(tmp_path / "class.csv", ["a"])
    for name in ("distributed", "pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ProgramMissing, match=r"pip install 'bptt-trace\[cluster\]'"):
        run(load("rnn"), path, tmp_path / "marks.csv", scheduler="tcp://127.0.0.1:1")
    with pytest.raises(ProgramMissing, match=r"pip install 'bptt-trace\[cluster\]'"):
        run(load("rnn"), tmp_path / "class.parquet", tmp_path / "marks.csv")
    with pytest.raises(ProgramMissing, match=r"pip install 'bptt-trace\[cluster\]'"):
        run(load("rnn"), path, tmp_path / "marks.parquet")


@pytest.mark.parametrize("name", of_examples())
def test_a_problem_goes_to_another_process(name: str) -> None:
    """It is the same problem there, with the same functions; a key is made of it again."""
    one = load(name)
    assert one == pickle.loads(pickle.dumps(one))


def test_a_key_with_a_function_of_its_own_goes_to_another_process(tmp_path: Path) -> None:
    """The example of the documentation: what a cluster is given is the key, and a part of the class as text."""
    key = Key(load("rnn", ["network.activation=0.5*z*(1+tanh(z))"]))
    text = "student,h_1\nA,0.46\nB,0.11\n"
    task = tmp_path / "task"
    task.write_bytes(pickle.dumps((key, text)))
    program = f"""
import pickle
from bptt_trace import grade_part
rows, tally = grade_part(*pickle.load(open({str(task)!r}, "rb")))
pickle.dump((rows, tally), open({str(task)!r}, "wb"))
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert grade_part(key, text) == pickle.loads(task.read_bytes())


# ---------------------------------------------------------------- other engines


class Lines:
    """As much of Spark's distributed lists as the documentation uses, in one process, two items to a partition."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def first(self) -> Any:
        return self.items[0]

    def cache(self) -> Lines:
        return self

    def map(self, function: Callable[[Any], Any]) -> Lines:
        return Lines([function(pickle.loads(pickle.dumps(one))) for one in self.items])

    def flatMap(self, function: Callable[[Any], Any]) -> Lines:
        return Lines([each for one in self.items for each in function(one)])

    def mapPartitions(self, function: Callable[[Any], Any]) -> Lines:
        return Lines([each for start in range(0, len(self.items), 2) for each in function(iter(self.items[start : start + 2]))])

    def treeReduce(self, function: Callable[[Any, Any], Any]) -> Any:
        return reduce(function, self.items)


def documented(engine: str) -> str:
    text = (Path(__file__).parent.parent / "docs" / "large-classes.md").read_text("utf-8")
    return text.partition(f"### {engine}\n\n```python\n")[2].partition("```")[0]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a class and its problem, where programs of the documentation run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "problem.toml").write_text(example("rnn"), "utf-8")
    return written(tmp_path / "class.csv", [f"s{i}" for i in range(7)], {3: {"h_1": "0.6"}})


def test_the_program_for_spark_marks_a_class(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``grade`` does; Spark itself is stood in for by its few functions that are used."""
    whole = run(load("problem.toml"), course, course.with_name("marks.csv"))
    lines = course.read_text("utf-8").splitlines()
    made: dict[str, Any] = {}
    context = SimpleNamespace(
        broadcast=lambda value: SimpleNamespace(value=pickle.loads(pickle.dumps(value))), textFile=lambda _: Lines(lines)
    )

    def frame(rows: Lines, names: list[str]) -> Any:
        return SimpleNamespace(write=SimpleNamespace(parquet=lambda _: made.update(rows=[names, *rows.items])))

    session = SimpleNamespace(sparkContext=context, createDataFrame=frame)
    builder = SimpleNamespace(builder=SimpleNamespace(getOrCreate=lambda: session))
    monkeypatch.setitem(sys.modules, "pyspark", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "pyspark.sql", SimpleNamespace(SparkSession=builder))
    names: dict[str, Any] = {}
    exec(documented("Spark"), names)
    assert whole == names["tally"]
    with course.with_name("marks.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == made["rows"]


def test_the_program_for_ray_marks_a_class(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``grade`` does; Ray itself is stood in for by its three functions that are used."""
    whole = run(load("problem.toml"), course, course.with_name("whole.csv"))
    ray = SimpleNamespace(
        put=lambda value: pickle.loads(pickle.dumps(value)),
        get=lambda value: pickle.loads(pickle.dumps(value)),
        remote=lambda function: SimpleNamespace(remote=function),
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    names: dict[str, Any] = {}
    exec(documented("Ray").replace("lines=5000", "lines=3"), names)
    assert whole == names["total"]
    marks = course.with_name("whole.csv").read_text("utf-8").splitlines()
    assert marks[1:] == course.with_name("marks.csv").read_text("utf-8").splitlines()


# ---------------------------------------------------------------------- Parquet


@needs_parquet
def test_a_class_in_parquet(tmp_path: Path) -> None:
    """Text, numbers, decimals and nothing at all have the marks that they have as CSV; marks may be Parquet too."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = written(tmp_path / "class.csv", [f"s{i}" for i in range(30)], {1: {"h_1": "0.6"}, 2: {"h_1": ""}, 3: {"h_1": "x"}})
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    columns: dict[str, object] = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns["a_1"] = [float(row[1]) for row in rows]
    columns["h_1"] = [row[2] or None for row in rows]
    columns["y_1"] = pa.array([row[3] for row in rows]).cast(pa.decimal128(9, 6))
    pq.write_table(pa.table(columns), tmp_path / "class.parquet", row_group_size=7)
    tally = run(load("rnn"), path, tmp_path / "marks.csv")
    assert tally == run(load("rnn"), tmp_path / "class.parquet", tmp_path / "again.csv")
    assert (tmp_path / "marks.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    assert tally == run(load("rnn"), tmp_path / "class.parquet", tmp_path / "marks.parquet")
    table = pq.read_table(tmp_path / "marks.parquet")
    assert pa.float64() == table.schema.field("score").type
    with (tmp_path / "marks.csv").open(encoding="utf-8", newline="") as file:
        assert [
            {name: float(cell) if name in ("score", "out_of") else cell for name, cell in row.items()}
            for row in csv.DictReader(file)
        ] == table.to_pylist()
    assert {"class.csv", "class.parquet", "marks.csv", "again.csv", "marks.parquet"} == {one.name for one in tmp_path.iterdir()}


@needs_parquet
def test_what_is_no_class_in_parquet(tmp_path: Path) -> None:
    """The file is named, and its column; nothing is written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "text.parquet").write_text("student,h_1\n", "utf-8")
    pq.write_table(pa.table({"student": ["a"], "h_99": ["1"]}), tmp_path / "other.parquet")
    for name, message in (
        ("none.parquet", "no such file"),
        ("text.parquet", "not a Parquet file that can be read"),
        ("other.parquet", 'row 1, column 2: no quantity "h_99"'),
    ):
        with pytest.raises(ProblemError) as caught:
            run(load("rnn"), tmp_path / name, tmp_path / "marks.csv")
        assert str(caught.value).startswith(f"{tmp_path / name}: {message}")
    pq.write_table(pa.table({"student": ["a"], "h_1": ["1"]}), tmp_path / "class.parquet")
    with pytest.raises(OutputError, match="is the class itself"):
        run(load("rnn"), tmp_path / "class.parquet", tmp_path / "class.parquet")
