"""The check of documents against the schema of a problem, with its complaints in plain words."""

from __future__ import annotations

import re
from binascii import crc32
from collections.abc import Callable
from functools import cache, reduce
from typing import Any

from bptt_trace.errors import ProblemError, nearest
from bptt_trace.problem.files import SCHEMA, schema
from bptt_trace.problem.numbers import shown
from bptt_trace.problem.tables import description


class Mismatch(Exception):
    """The error of the compiled schema: a value that it does not allow, and its place in the document.

    ``definition`` is the part of the schema that the value breaks, or the keys that lead to it.
    """

    def __init__(self, message: str, value: Any, name: str, definition: Any, rule: str) -> None:
        super().__init__(message)
        self.value, self.rule = value, rule
        self.path = ".".join(part for part in re.split(r"[.\[\]]+", name)[1:] if part)
        self.definition = (
            reduce(lambda table, key: table[key], definition, schema()) if isinstance(definition, tuple) else definition
        )


def validate(document: dict[str, Any]) -> None:
    """Raise ``ProblemError``, with the path of the key, where a document is not as the schema says."""
    try:
        _compiled()(document)
    except Mismatch as error:
        raise _explained(error) from None


@cache
def _compiled() -> Callable[[dict[str, Any]], object]:
    """The schema as code: from the build, or made now, where the schema of a checkout has changed since."""
    data = SCHEMA.read_bytes()
    check: Callable[[dict[str, Any]], object]
    try:
        import bptt_trace.problem.compiled_schema as compiled_schema
    except ImportError:
        pass
    else:
        if crc32(data) == compiled_schema.CHECKSUM:
            check = compiled_schema.validate
            return check
    from bptt_trace.problem.compile_schema import source

    module: dict[str, Any] = {}
    exec(source(data), module)  # noqa: S102 - made from a file of the package
    check = module["validate"]
    return check


def _explained(error: Mismatch) -> ProblemError:
    """A schema's complaint in the words of the problem file."""
    path, definition, value = error.path, error.definition, error.value
    if error.rule == "additionalProperties":
        known = list(definition["properties"])
        unknown = next(key for key in value if key not in known)
        return ProblemError(f"unknown key {shown(unknown)}{nearest(unknown, known)}; known here: {', '.join(known)}", path=path)
    if error.rule == "required":
        for unknown in value:
            if unknown in SYNONYMS and SYNONYMS[unknown] not in value:
                return ProblemError(f'unknown key "{unknown}" (did you mean "{SYNONYMS[unknown]}"?)', path=path)
        missing = next(key for key in definition["required"] if key not in value)
        known = definition.get("properties", {})
        if definition.get("additionalProperties") is False:
            for unknown in value:
                if unknown not in known and nearest(unknown, [missing]):
                    return ProblemError(f"unknown key {shown(unknown)}{nearest(unknown, [missing])}", path=path)
        return ProblemError(f'the key "{missing}" is missing; {description(definition["properties"][missing])}', path=path)
    if error.rule == "enum":
        options = [str(option) for option in definition["enum"]]
        hint = nearest(str(value), options)
        return ProblemError(f"{shown(value)} is not possible here{hint}; one of {', '.join(options)}", path=path)
    return ProblemError(f"{shown(value)} is not possible here; {description(definition)}", path=path)


SYNONYMS = {"lr": "learning_rate", "eta": "learning_rate"}
"""The names of a key in other programs."""
