"""The schema of a problem as a Python module that checks documents, written by fastjsonschema.

The build of a wheel does this once, so that an installed program neither needs fastjsonschema nor waits for it
(``hatch_build.py`` runs this file by itself: it imports nothing of the package). A checkout whose schema has changed since
does it when it first reads a problem.
"""

from __future__ import annotations

import json
from binascii import crc32
from collections.abc import Iterator
from typing import Any

IMPORTS = "from fastjsonschema import JsonSchemaValueException, JsonSchemaValuesException\n"


def source(schema: bytes) -> str:
    """The source of a module with ``validate(document)``, and ``CHECKSUM`` of the schema that it is made from."""
    import fastjsonschema

    tree = json.loads(schema)
    code: str = fastjsonschema.compile_to_code(tree, use_default=False)
    if IMPORTS not in code:
        raise ValueError("this version of fastjsonschema begins its modules in another way")
    code = code.replace(IMPORTS, "from bptt_trace.problem.schema_errors import Mismatch as JsonSchemaValueException\n")
    for path, definition in definitions(tree):  # each stands in full wherever it may be broken: seven times the code
        code = code.replace(f"definition={definition!r}", f"definition={path!r}")
    return f'"""Made from problem.schema.json by the build; not to be edited."""\n\nCHECKSUM = {crc32(schema)}\n{code}'


def definitions(tree: dict[str, Any], *path: str) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every table in a schema, with the keys that lead to it; the outer before the inner."""
    yield path, tree
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from definitions(value, *path, key)
