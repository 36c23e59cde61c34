"""The tables of a problem file, with the defaults of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bptt_trace.problem.files import schema

Keys = Mapping[str, Any]
"""A table of keys, as far as it is read."""


class Table(dict[str, Any]):
    """A table of keys that knows the defaults of its keys.

    ``table[key]`` is what the file says, and else the default; ``key in table`` and ``get`` speak of the file alone.
    A table that the file does not have is empty. A key without a default raises ``KeyError``.
    """

    def __init__(self, written: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
        self._known: Mapping[str, Any] = definition.get("properties", {})
        super().__init__((key, self._inner(key, value)) for key, value in written.items())

    def _inner(self, key: str, value: Any) -> Any:
        return Table(value, self._known.get(key, {})) if isinstance(value, dict) else value

    def __missing__(self, key: str) -> Any:
        definition = self._known[key]
        return Table({}, definition) if definition.get("type") == "object" else definition["default"]


def with_defaults(document: Mapping[str, Any]) -> Table:
    """The tables of a problem file, with their defaults."""
    return Table(document, schema())


def description(definition: Mapping[str, Any]) -> str:
    """The description of a key of the schema, with its default."""
    text: str = definition.get("description", f"expected {definition.get('type')}")
    if "default" not in definition:
        return text
    default = definition["default"]
    return f"{text}; {default if isinstance(default, str) else str(default).lower()} by default"
