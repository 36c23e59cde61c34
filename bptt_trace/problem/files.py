"""The sources of problems: files, standard input, built-in examples; TOML or JSON; changes by ``--set``.

What comes out is a table of keys, not yet checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from bptt_trace.errors import ProblemError, nearest
from bptt_trace.files import read
from bptt_trace.problem.numbers import shown

SCHEMA = Path(__file__).parent / "problem.schema.json"
"""The JSON Schema of a problem."""
MAX_BYTES = 4_000_000


def content(source: str | Path) -> tuple[str, str]:
    """The text of a problem and what to call it in messages."""
    path = Path(source)
    if isinstance(source, str) and re.fullmatch(r"[A-Za-z0-9_-]+", source) and source != "-" and not path.is_file():
        return example(source), source
    known = "" if path.exists() else f"{nearest(str(source), examples())}; built-in examples: {', '.join(examples())}"
    data, name = read(source, "a problem is a TOML or JSON file", MAX_BYTES, known)
    return _decoded(data, name), name


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProblemError(f"not UTF-8 text (line {line})", source=source) from None


@cache
def example_directory() -> Path:
    """The folder of the built-in examples: inside the package when installed, beside it in a checkout."""
    here = Path(__file__).parent.parent
    return next(path for path in (here / "examples", here.parent / "examples") if path.is_dir())


def examples() -> list[str]:
    """The names of the built-in problems."""
    return sorted(path.stem for path in example_directory().glob("*.toml"))


def example(name: str) -> str:
    """The text of a built-in problem."""
    if name not in examples():
        raise ProblemError(
            f"no such file, and no built-in example of that name{nearest(name, examples())}; built in: {', '.join(examples())}",
            source=name,
        )
    return (example_directory() / f"{name}.toml").read_text("utf-8")


def document_of(text: str) -> dict[str, Any]:
    """The table of keys in a TOML or JSON text."""
    if text.lstrip().startswith("{"):
        return _json(text)
    import tomllib

    try:
        return tomllib.loads(text, parse_float=_decimal)
    except tomllib.TOMLDecodeError as error:
        lines = text.rstrip().split("\n")
        end = f"at the end: line {len(lines)}, column {len(lines[-1]) + 1}"
        raise ProblemError(f"not valid TOML: {str(error).replace('at end of document', end)}") from None
    except RecursionError:
        raise ProblemError("lists nested too deeply") from None
    except ValueError as error:
        raise ProblemError(f"a number cannot be read: {error}") from None


def _json(text: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            twice = next(key for place, key in enumerate(keys) if key in keys[:place])
            raise ProblemError(f"the key {shown(twice)} is given twice")
        return dict(pairs)

    try:
        document = json.loads(text, parse_float=_decimal, parse_constant=_decimal, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise ProblemError(f"not valid JSON: {error.msg} (at line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise ProblemError("lists nested too deeply") from None
    except ValueError as error:
        raise ProblemError(f"a number cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise ProblemError("a problem is a table of keys")
    return document


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text.replace("_", ""))
    except ArithmeticError:
        raise ProblemError(f"a number cannot be read: {shown(text)} is out of range") from None


def as_toml(document: Mapping[str, Any]) -> str:
    """A table of keys as a problem file, each list of numbers on one line."""
    import tomli_w

    return re.sub(r"\[\s+([^][]+?),\s+\]", lambda row: f"[{' '.join(row[1].split())}]", tomli_w.dumps(document))


def change_document(document: dict[str, Any], change: str) -> None:
    """Apply one ``--set``: ``w_hh=0.9``, ``x=[1,2]``, ``network.activation=relu``."""
    key, sign, text = change.partition("=")
    key, text = key.strip(), text.strip()
    if not sign or not key or not text:
        raise ProblemError(f"--set {change!r}: expected KEY=VALUE, for example w_hh=0.9 or network.activation=sigmoid")
    table, dot, inner = key.partition(".")
    if not dot:
        table, inner = _table_of(key), key
    value: Any
    try:
        import tomllib

        read = tomllib.loads(f"value = {text}", parse_float=_decimal)
        value = read["value"] if len(read) == 1 and "\n" not in text else text
    except ValueError:
        value = text
    except RecursionError:
        raise ProblemError(f"--set {key}: lists nested too deeply") from None
    if not dot and key in schema()["properties"] and schema()["properties"][key]["type"] != "object":
        document[key] = value
        return
    target = document
    *tables, inner = (table, *inner.split("."))
    for table in tables:
        target = target.setdefault(table, {})
        if not isinstance(target, dict):
            raise ProblemError(f"--set {change!r}: {table} is not a table")
    for key, others in (("places", ("figures",)), ("figures", ("places", "places_of"))):
        if table == "rounding" and inner == key:
            for other in others:
                target.pop(other, None)
    target[inner] = value


def _table_of(key: str) -> str:
    """The table in which a bare key of ``--set`` belongs."""
    for table, definition in schema()["properties"].items():
        if key in definition.get("properties", {}) and table not in ("parameters",):
            return str(table)
    return "given" if key in schema()["properties"]["given"]["properties"] else "parameters"


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a problem."""
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"), parse_float=Decimal)
    return loaded
