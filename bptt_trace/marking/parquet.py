"""Classes and marks as Parquet files, some rows at a time. Needs the extra ``cluster``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from bptt_trace.errors import ProblemError, ProgramMissing
from bptt_trace.files import in_place_of

ENDING = ".parquet"
ROWS = 4096
"""Rows that are in memory at a time."""
NUMBERS = ("score", "out_of")


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise ProgramMissing(f"{path}: Parquet needs PyArrow: pip install 'bptt-trace[cluster]'") from None
    return pyarrow


def is_parquet(path: Path) -> bool:
    """Whether a file is one of Parquet, by its ending."""
    return path.suffix.lower() == ENDING


@contextmanager
def as_csv(path: Path) -> Iterator[Path]:
    """A class in Parquet as a CSV file, while it is marked; raises ``ProblemError`` for any other file."""
    pyarrow = _pyarrow(path)
    with TemporaryDirectory(prefix="bptt-trace-") as folder:
        copy = Path(folder) / f"{path.stem}.csv"
        try:
            with pyarrow.parquet.ParquetFile(path) as table, copy.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(table.schema_arrow.names)
                for batch in table.iter_batches(batch_size=ROWS):
                    columns = [["" if cell is None else _cell(cell) for cell in column.to_pylist()] for column in batch.columns]
                    writer.writerows(zip(*columns, strict=True))
        except FileNotFoundError:
            raise ProblemError("no such file", source=str(path)) from None
        except (pyarrow.ArrowException, OSError) as error:
            raise ProblemError(f"not a Parquet file that can be read: {str(error)[:200]}", source=str(path)) from None
        yield copy


def _cell(value: Any) -> str:
    """A number or a text, in one line."""
    return str(value).translate({ord("\n"): " ", ord("\r"): " "})


def write(marks: IO[str], output: Path) -> None:
    """Marks as a Parquet file that is whole or absent, from the lines of their CSV file: scores are numbers, all else is text."""
    pyarrow = _pyarrow(output)
    rows = csv.reader(marks)
    names = next(rows)
    kinds = [pyarrow.float64() if name in NUMBERS else pyarrow.string() for name in names]
    schema = pyarrow.schema(list(zip(names, kinds, strict=True)))
    with in_place_of(output, binary=True) as file, pyarrow.parquet.ParquetWriter(file, schema) as writer:
        while some := list(islice(rows, ROWS)):
            columns = [
                [(float(cell) if cell else None) for cell in column] if name in NUMBERS else list(column)
                for name, column in zip(names, zip(*some, strict=True), strict=True)
            ]
            writer.write_table(pyarrow.table(columns, schema=schema))
