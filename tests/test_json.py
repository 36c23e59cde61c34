"""``-f json``: every line of the calculation, as the shipped schema describes it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given
from random_problems import Case, cases
from sweeps import of_examples, paired, runs

from bptt_trace import parse, solve
from bptt_trace.commands import command

SCHEMA: dict[str, Any] = json.loads((files("bptt_trace") / "media" / "solution.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
POLICIES = ["4dp", "3sf", "carry:4dp", "carry:5sf", "full"]
LONG = ["rnn", "--set", "x=[1,-2,3,0.5,1,1]", "--set", "target=[1,2,0,0.5,1,1]"]


def no_constant(text: str) -> Any:
    raise AssertionError(f"{text} is not JSON")


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(pairs) == len(dict(pairs)), "a key is given twice"
    return dict(pairs)


def read(*arguments: str) -> dict[str, Any]:
    """What ``solve -f json`` prints, read strictly."""
    result = CliRunner().invoke(command, ["solve", *arguments, "-f", "json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout, parse_constant=no_constant, object_pairs_hook=unique)
    return document


def names(*arguments: str) -> list[str]:
    return CliRunner().invoke(command, ["names", *arguments], catch_exceptions=False).stdout.splitlines()


def complaints(document: dict[str, Any]) -> list[str]:
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in VALIDATOR.iter_errors(document)]


def test_the_schema_is_a_schema() -> None:
    """The shipped file is a valid JSON Schema (draft 7)."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("name", "rounding"), paired(of_examples(), POLICIES))
def test_every_example_is_as_the_schema_says(name: str, rounding: str) -> None:
    """The built-in problems, under every policy of decimals."""
    assert complaints(read(name, "--round", rounding)) == []


@pytest.mark.parametrize("name", ["fnn", "shared-weight", "shared-weight-4"])
def test_closed_forms_are_as_the_schema_says(name: str) -> None:
    """Under ``exact`` a value is a closed form, and ``exact`` its decimal."""
    assert complaints(read(name, "--round", "exact")) == []


@runs(30)
@given(case=cases())
def test_random_problems_are_as_the_schema_says(case: Case) -> None:
    """Whatever the network, loss and rounding."""
    assert complaints(json.loads(solve(parse(case.text)).to_json())) == []


@pytest.mark.parametrize("name", [*of_examples(), "long"])
def test_values_has_every_name(name: str) -> None:
    """``values`` has exactly the names that ``bptt-trace names`` prints, in that order."""
    arguments = LONG if name == "long" else [name]
    assert [line.split("  ")[0] for line in names(*arguments)] == list(read(*arguments)["values"])


@pytest.mark.parametrize("name", [*of_examples(), "long"])
def test_every_line_is_there_once(name: str) -> None:
    """Lines are numbered from 1 without gaps, and only given numbers and repeated contributions have none."""
    document = read(*(LONG if name == "long" else [name]))
    entries = [entry for section in document["sections"] for entry in section["entries"]]
    lines = [entry["line"] for entry in entries if entry["line"] is not None]
    whole = list(dict.fromkeys(int(str(line).partition(".")[0]) for line in lines))
    assert list(range(1, len(whole) + 1)) == whole
    assert len(set(lines)) == len(lines)
    assert len({entry["name"] for entry in entries}) == len(entries)
    assert [] == [entry["name"] for entry in entries if document["values"][entry["name"]] != entry["value"]]


def test_a_vector_network_has_its_components() -> None:
    """Components are named ``h_2[1]`` and ``W_hh[1,2]``."""
    problem = {
        "network": {"cell": "rnn", "hidden": 2},
        "parameters": {
            "W_xh": [["0.1"], ["0.2"]],
            "W_hh": [["0.1", "0.2"], ["0.3", "0.4"]],
            "b_h": [0, 1],
            "W_hy": [[1, 2]],
            "b_y": 0,
        },
        "given": {"x": [1, 2], "target": [1, 2]},
        "update": {"learning_rate": "0.1"},
    }
    document = json.loads(solve(parse(json.dumps(problem))).to_json(), parse_constant=no_constant)
    assert complaints(document) == []
    assert {"h_2[1]", "W_hh[1,2]", "dL/dW_hh[2,1]", "dL/dW_hh[2,1] via a_2", "W_hh'[1,2]", "L@2"} <= set(document["values"])


def test_json_has_every_line_of_a_long_trace() -> None:
    """``--steps ledger`` shortens paper, never JSON."""
    assert read(*LONG) == read(*LONG, "--steps", "ledger")
    assert "forward ledger" not in json.dumps(read(*LONG))


def test_a_title_is_escaped() -> None:
    """Quotes, backslashes and signs outside ASCII cannot break the document."""
    title = 'a "quoted" \\ title </script> ]]> é 😀'
    document = read("rnn", "--set", f"title={json.dumps(title, ensure_ascii=False)}")
    assert title == document["title"]


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("format",), "bptt-trace/2"),
        (("sections", 0, "entries", 0, "role"), "guess"),
        (("sections", 0, "entries", 0, "line"), 0),
        (("sections", 0, "entries", 0, "value"), "-0.0000"),
        (("sections", 0, "entries", 0, "exact"), "nan"),
        (("sections", 0, "entries", 0, "extra"), 1),
        (("values", "h_1"), 0.5),
        (("rounding", "places"), 0),
        (("extra",), 1),
    ],
    ids=lambda value: str(value),
)
def test_the_schema_would_notice(place: tuple[str | int, ...], wrong: Any) -> None:
    """A document with one wrong value is refused."""
    document = read("rnn")
    table: Any = document
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = wrong
    assert complaints(document) != []


def test_a_document_without_a_required_key_is_refused() -> None:
    """Every key of the contract is required."""
    document = read("rnn")
    for key in list(document):
        assert complaints({other: value for other, value in document.items() if other != key}) != [], key
    entry = document["sections"][0]["entries"][0]
    for key in list(entry):
        assert complaints(
            document | {"sections": [document["sections"][0] | {"entries": [{k: v for k, v in entry.items() if k != key}]}]}
        )
