"""What the schema finds wrong in a problem file, in plain words."""

from __future__ import annotations

from functools import cache
from typing import Any

from bptt_trace.errors import ProblemError, nearest
from bptt_trace.problem.files import schema
from bptt_trace.problem.numbers import shown


def validate(document: dict[str, Any]) -> None:
    """Raise ``ProblemError``, with the path of the key, where a document is not as the schema says."""
    import fastjsonschema

    try:
        _validator()(document)
    except fastjsonschema.JsonSchemaValueException as error:
        raise _explained(error) from None


@cache
def _validator() -> Any:
    import fastjsonschema

    return fastjsonschema.compile(schema(), use_default=False)


def _explained(error: Any) -> ProblemError:
    """A schema's complaint in the words of whoever wrote the file."""
    path = ".".join(str(part) for part in error.path[1:])
    definition, value = error.definition, error.value
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
        return ProblemError(f'the key "{missing}" is missing; {definition["properties"][missing]["description"]}', path=path)
    if error.rule == "enum":
        options = [str(option) for option in definition["enum"]]
        hint = nearest(str(value), options)
        return ProblemError(f"{shown(value)} is not possible here{hint}; one of {', '.join(options)}", path=path)
    wanted = definition.get("description", f"expected {definition.get('type')}")
    return ProblemError(f"{shown(value)} is not possible here; {wanted}", path=path)


SYNONYMS = {"lr": "learning_rate", "eta": "learning_rate"}
"""What other programs call a key."""
