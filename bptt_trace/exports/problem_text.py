"""The problem file inside an export: the given numbers, and no result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bptt_trace.problem.files import as_toml


def problem_text(document: Mapping[str, Any], *, ranges: bool = False) -> str:
    """A table of keys as TOML, without comments and without the source, whose errata are results.

    The ranges of variants are for the lecturer, and there with ``ranges`` only.
    """
    left_out = ("source",) if ranges else ("source", "vary")
    return as_toml({table: content for table, content in document.items() if table not in left_out})


def in_python(text: str) -> str:
    """A text as a Python literal, over several lines where no escape is needed."""
    return repr(text) if "'''" in text or "\\" in text else f"'''\n{text}'''"
