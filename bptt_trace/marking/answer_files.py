"""Answer sheets: CSV, TOML, JSON, or the Markdown table of a filled-in worksheet.

What comes out is text by name, every cell as it was typed. Names may be written
in the canonical spelling or in the problem's own.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError, UnknownName, nearest
from bptt_trace.files import read
from bptt_trace.lines.spelling import Named
from bptt_trace.problem.numbers import shown
from bptt_trace.problem.vocabulary import Vocabulary

MAX_BYTES = 4_000_000
MAX_ROWS = 100_000
MAX_CELL = 100_000
MAX_POINTS = 20
"""In one line of TOML: its parser takes the square of the length of a dotted key."""

SEPARATORS = {"\t": "tab", ";": "semicolon", ",": "comma"}

Rows = Iterator[tuple[str, str, str]]
"""The position of an answer in its file, its name, and its cell."""


class Answers(dict[Name, str]):
    """The answers of a sheet: the text of each, as it was typed."""

    separator: str = ""
    """The separator of the cells of its file; empty for a file without cells."""


class Register:
    """The names of one problem, and how they may be written in answers."""

    def __init__(self, names: Collection[Name], vocabulary: Vocabulary) -> None:
        self.names = {str(name): name for name in names}
        self.vocabulary = vocabulary
        self._shown = {str(vocabulary.shown(name)): name for name in names} if vocabulary.renamed else {}

    @cached_property
    def _in_latex(self) -> dict[str, Name]:
        """The names in a worksheet in Markdown."""
        return {f"${Named(self.vocabulary.shown(name)).latex}$": name for name in self.names.values()}

    def find(self, text: str) -> Name:
        """The quantity of this name; raises ``UnknownName``, with the nearest known name."""
        plain = text.strip().strip("`").strip()
        name = self._shown.get(plain) or self.names.get(plain) or (self._in_latex.get(plain) if plain[:1] == "$" else None)
        if name is not None:
            return name
        try:
            name = self.names.get(str(self.vocabulary.canonical(Name.parse(re.sub(r"\s+", " ", plain)))))
        except UnknownName:
            name = None
        if name is None:
            known = {*self.names, *self._shown}
            raise UnknownName(f"no quantity {shown(plain)} in this problem{nearest(_folded(plain), known)}")
        return name


def _folded(text: str) -> str:
    """A name with its usual misspellings corrected, for the search of the nearest known name."""
    subscripts = str.maketrans("₀₁₂₃₄₅₆₇₈₉∂һ", "0123456789dh")
    text = text[:80].translate(subscripts)
    return re.sub(r"(?<=[a-zA-Z])(?=\d)", "_", text.lower() if text[:1].isupper() and len(text) < 4 else text)


def load(source: str | Path, register: Register) -> Answers:
    """The answers in a file (``-`` is standard input); raises ``ProblemError`` with file and place."""
    text, name = content(source)
    try:
        return parse(text, register, Path(name).suffix)
    except ProblemError as error:
        error.source = error.source or name
        raise


def content(source: str | Path) -> tuple[str, str]:
    """The text of a file of answers, or of standard input, and what to call it."""
    data, name = read(source, "answers are a CSV, TOML, JSON or Markdown file", MAX_BYTES)
    return decoded(data, name), name


def decoded(data: bytes, source: str) -> str:
    """The text of a file; UTF-8, or UTF-16 with its mark."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = len((data[: error.start] + b"-").splitlines())
        raise ProblemError(f"not UTF-8 text (line {line}); save it as UTF-8", source=source) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ProblemError(f"a character NUL in it (line {line}); answers are text", source=source)
    return text


def parse(text: str, register: Register, suffix: str = "") -> Answers:
    """The answers in a text, whose form follows from the ending of the file or from its beginning."""
    start, suffix = text.lstrip(), suffix.lower()
    answers = Answers()
    if suffix == ".json" or start.startswith("{"):
        rows = _json(text)
    elif suffix == ".toml":
        rows = _toml(text)
    elif suffix in (".md", ".markdown") or start.startswith(("|", "#")):
        rows = _markdown(text)
    else:
        text, answers.separator = separated(text)
        rows = _csv(text, answers.separator)
    for where, key, cell in rows:
        try:
            name = register.find(key)
        except UnknownName as error:
            raise ProblemError(str(error), path=where) from None
        if name in answers:
            raise ProblemError(f"{name} is answered twice", path=where)
        answers[name] = cell
    if not answers:
        raise ProblemError('no answers in it; a row has the name of a quantity and an answer, below "quantity,answer"')
    return answers


# ------------------------------------------------------------------------ forms


def delimiter_of(line: str) -> str:
    """The separator of cells in a line: the most frequent sign; a comma can also be a decimal one, or part of ``W_hh[1,2]``."""
    plain = re.sub(r"\[[0-9, ]*\]", "", line.rstrip())
    return max((sign for sign in SEPARATORS if sign in plain), key=plain.count, default=",")


def separator_told(line: str) -> str:
    """The separator that the first line of a spreadsheet's file names, as in ``sep=;``; empty without such a line."""
    told = re.fullmatch(r'"?sep=([,;\t])"?', line.rstrip("\n").strip(" "))
    return told[1] if told else ""


def separated(text: str) -> tuple[str, str]:
    """The rows of a CSV file, and their separator."""
    lines = text.split("\n")
    first = next((first for first, line in enumerate(lines) if line.strip()), 0)
    told = separator_told(lines[first])
    if told:
        lines[first] = ""  # so that rows keep their numbers
    return "\n".join(lines), told or delimiter_of(lines[first])


def _csv(text: str, sign: str) -> Rows:
    lines = text.split("\n")
    first = True
    rows = enumerate(cells(lines, sign), start=1)
    filled = ((number, row) for number, row in rows if any(cell.strip() for cell in row))
    for number, row in filled:
        if first and row[0].strip().lower() == "student":
            yield from _of_one_student(row[1:], filled)
            return
        head, first = first and row[0].strip().lower() in ("quantity", "name"), False
        if head:
            continue
        if number > MAX_ROWS:
            raise ProblemError(f"more than {MAX_ROWS:,} rows", path=f"row {number}")
        if len(row) < 2:
            hint = f"expected a {SEPARATORS[sign]} between the two"
            raise ProblemError(f"{shown(row[0])} has no answer beside it; {hint}", path=f"row {number}")
        if len(row) > 2 and any(cell.strip() for cell in row[2:]):
            hint = "expected two"
            if sign == ",":
                hint = (
                    "a name with a comma wants quotes" if "[" in row[0] else "a decimal comma wants semicolons between the cells"
                )
            raise ProblemError(f"{len(row)} cells; {hint}", path=f"row {number}")
        yield f"row {number}", row[0], row[1]


def _of_one_student(names: list[str], rows: Iterator[tuple[int, list[str]]]) -> Rows:
    """A class of one student, with the names across, as a page saves it."""
    number, row = next(rows, (0, []))
    other = next(rows, None)
    if other is not None:
        raise ProblemError("a second student; a class is marked by grade", path=f"row {other[0]}")
    if len(row) > len(names) + 1:
        raise ProblemError(f"{len(row)} cells below {len(names) + 1} names", path=f"row {number}")
    for name, cell in zip(names, row[1:], strict=False):
        if name.strip():
            yield f"row {number}", name, cell


def cells(lines: Iterable[str], sign: str) -> Iterator[list[str]]:
    """The cells of every row; raises ``ProblemError`` where a quote is not closed or a cell is endless."""
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=sign, strict=True)
    number = 0
    while True:
        number += 1
        try:
            row = next(reader)
            if max(map(len, row), default=0) > MAX_CELL:
                raise csv.Error(f"field larger than field limit ({MAX_CELL})")
        except StopIteration:
            return
        except csv.Error as error:  # the limit of the module holds for the whole process, so it is not changed
            reason = str(error).replace("\t", "tab").replace(f"({csv.field_size_limit()})", f"({MAX_CELL})")
            raise ProblemError(f"{reason}; is a quote closed?", path=f"row {number}") from None
        yield [cell.rstrip("\n") for cell in row] if row else [""]


def _json(text: str) -> Rows:
    def once(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        return pairs

    try:
        document = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=once)
    except RecursionError:
        raise ProblemError("nested too deeply") from None
    except ValueError as error:
        raise ProblemError(f"not valid JSON: {str(error)[:200]}") from None
    match document:
        case [("answers", [*inner])]:
            document = inner
    yield from _table(document, "JSON")


def _toml(text: str) -> Rows:
    import tomllib

    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MAX_POINTS:
            raise ProblemError(f"more than {MAX_POINTS} points in a line", path=f"line {number}")
    if text.count(".") > 2 * MAX_ROWS:
        raise ProblemError(f"more than {2 * MAX_ROWS:,} points; an answer has one")
    try:
        document = tomllib.loads(text, parse_float=str)
    except RecursionError:
        raise ProblemError("nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise ProblemError(f"not valid TOML: {str(error)[:200]}") from None
    except ValueError:
        raise ProblemError("an integer of thousands of digits") from None
    if set(document) == {"answers"} and isinstance(document["answers"], dict):
        document = document["answers"]
    yield from _table(list(document.items()), "TOML")


def _table(document: Any, form: str) -> Rows:
    if not isinstance(document, list) or not all(isinstance(pair, tuple) for pair in document):
        raise ProblemError(f'expected a table of names and answers, in {form}: "h_1" with "0.4621"')
    for key, value in document:
        if isinstance(value, list | dict | tuple):
            raise ProblemError("a list or a table; expected one answer", path=shown(key))
        text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        yield shown(key), key, text


def _markdown(text: str) -> Rows:
    """The rows of the tables that have a column for quantities and one for answers."""
    columns: tuple[int, int] | None = None
    width = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip().startswith("|"):
            columns = None
            continue
        row = _row(line)
        if columns is None:
            width = len(row)
            heads = [cell.lower().lstrip("= ") for cell in row]
            quantity = next((i for i, head in enumerate(heads) if head in ("quantity", "name")), None)
            answer = next((i for i, head in enumerate(heads) if head in ("answer", "result", "your answer")), None)
            columns = (quantity, answer) if quantity is not None and answer is not None else (-1, -1)
        elif columns[0] >= 0 and not set(line) <= set("|-: "):
            if len(row) != width:
                raise ProblemError(f"{len(row)} cells in a table of {width} columns", path=f"line {number}")
            if row[columns[0]]:
                yield f"line {number}", row[columns[0]], row[columns[1]]


def _row(line: str) -> list[str]:
    """The cells between the bars of a line; a backslash takes a bar, or another sign, as it is."""
    inner = line.strip().removeprefix("|")
    parts = re.split(r"(?<!\\)\|", inner)
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()
    return [re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", part.strip()) if "\\" in part else part.strip() for part in parts]
