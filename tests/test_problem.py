"""Problem files: what is read, exactly, and what is refused, with its place."""

import copy
import datetime
import json
import math
import os
import re
from dataclasses import MISSING, fields
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from time import process_time
from typing import Any

import fastjsonschema
import jsonschema
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from sweeps import at_once, of_examples

from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.engine.names import LOSS, Name
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import CalculationError, ProblemError
from bptt_trace.networks.losses import Loss
from bptt_trace.networks.optimizers import Update
from bptt_trace.problem import schema_errors
from bptt_trace.problem.files import document_of, examples, schema
from bptt_trace.problem.files import example as text_of
from bptt_trace.problem.marking_keys import Marking
from bptt_trace.problem.network_sizes import MAX_STEPS, MAX_UNITS
from bptt_trace.problem.numbers import shown
from bptt_trace.problem.problem import Problem, from_document, load, parse
from bptt_trace.problem.rounding import Rounding
from bptt_trace.problem.schema_errors import Mismatch
from bptt_trace.problem.update_keys import OF_RULE

TEXT = """\
title = "Two steps"
[network]
cell = "rnn"
hidden = 1
activation = "tanh"
output_activation = "identity"
outputs = "every"
bias = true
[parameters]
w_xh = 0.5
w_hh = 0.8
b_h = 0
w_hy = 1.2
b_y = 0
[given]
h_0 = 0
x = [1, 2]
target = [0.5, 1.0]
[loss]
kind = "squared_error"
factor = "1"
over_time = "mean"
[update]
rule = "gd"
learning_rate = 0.1
freeze = []
[rounding]
policy = "by_hand"
places = 4
"""

VECTOR = """\
[network]
cell = "rnn"
hidden = 2
[parameters]
W_xh = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
W_hh = [[0.1, 0.2], [0.3, 0.4]]
b_h = [0.1, 0.2]
W_hy = [[0.5, 0.6]]
b_y = 0
[given]
x = [[1, 2, 3], [4, 5, 6]]
target = [1, 2]
"""

DENSE = """\
[network]
cell = "dense"
[parameters]
w_xh = 0.5
b_h = 0
w_hy = 1.2
b_y = 0
[given]
x = 1
target = 0.5
"""


def changed(text: str, old: str, new: str) -> str:
    """The text with one line written differently."""
    assert text.count(old) == 1
    return text.replace(old, new)


def refused(text: str, changes: tuple[str, ...] = ()) -> str:
    """What is said about a text that is no problem: in one screen, in printable characters."""
    with pytest.raises(ProblemError) as caught:
        parse(text, "file.toml", changes)
    message = str(caught.value)
    assert message.startswith("file.toml: ")
    assert len(message) < 600
    assert all(line.isprintable() for line in message.splitlines())
    return message.removeprefix("file.toml: ")


# --------------------------------------------------------------- what is read


def test_the_problem_of_the_documentation():
    """Every key of the file has its place."""
    problem = parse(TEXT)
    assert "Two steps" == problem.title
    assert (1, 1, 1, 2, True, True) == (
        problem.network.inputs,
        *problem.network.hidden,
        problem.network.outputs,
        problem.network.steps,
        problem.network.every,
        problem.network.bias,
    )
    assert ("squared_error", Fraction(1), "mean") == (problem.loss.kind, problem.loss.factor, problem.loss.over_time)
    assert problem.update is not None
    assert ("gd", ()) == (problem.update.rule, problem.update.freeze)
    assert Rounding("by_hand", 4, None) == problem.rounding
    names = ["w_xh", "w_hh", "b_h", "w_hy", "b_y", "x_1", "x_2", "target_1", "target_2", "h_0", "eta"]
    assert names == [str(name) for name in problem.given]


def test_everything_but_network_parameters_and_given_has_a_default():
    """Mean squared error with factor 1, by hand to four places, no update."""
    problem = parse(VECTOR)
    assert ("squared_error", 1, "mean") == (problem.loss.kind, problem.loss.factor, problem.loss.over_time)
    assert problem.update is None
    assert Rounding("by_hand", 4) == problem.rounding
    assert "Recurrent network, 2 time steps" == problem.title
    assert 0 == problem.given[Name("h", time=0, index=(2,))].value


def test_components_are_counted_from_one():
    """A matrix is read row by row."""
    given_numbers = parse(VECTOR).given
    assert Fraction("0.6") == given_numbers[Name("W_xh", index=(2, 3))].value
    assert Fraction("0.3") == given_numbers[Name("W_hh", index=(2, 1))].value
    assert Fraction("0.6") == given_numbers[Name("W_hy", index=(1, 2))].value
    assert 4 == given_numbers[Name("x", time=2, index=(1,))].value


@at_once("typed", ["0.1", '"0.1"', "1e-1", "0.10", '"1/10"', '" 1/10 "', "+0.1", "0.1_0"])
def test_a_tenth_is_a_tenth(typed):
    """Numbers are read exactly, however they are spelt."""
    assert Fraction(1, 10) == parse(changed(TEXT, "w_hh = 0.8", f"w_hh = {typed}")).given[Name("w_hh")].value


@at_once(
    ("typed", "value", "text"),
    [
        ("0.8", "4/5", "0.8"),
        ("0.80", "4/5", "0.80"),
        ("1.0", "1", "1.0"),
        ("1", "1", "1"),
        ("-3", "-3", "-3"),
        ("-0.250", "-1/4", "-0.250"),
        ('"1/3"', "1/3", "1/3"),
        ('"-2/6"', "-1/3", "-2/6"),
        ('"0.30"', "3/10", "0.30"),
        ("0", "0", "0"),
        ("-0", "0", "0"),
        ("0.0", "0", "0.0"),
        ("-0.0", "0", "0.0"),
        (
            "0.1234567890123456789012345678901234567",
            "1234567890123456789012345678901234567/10000000000000000000000000000000000000",
            "0.1234567890123456789012345678901234567",
        ),
    ],
)
def test_a_number_keeps_what_was_typed(typed, value, text):
    """The exact value, and the digits as they stand in the file; zero has no sign."""
    number = parse(changed(TEXT, "w_hh = 0.8", f"w_hh = {typed}")).given[Name("w_hh")]
    assert (Fraction(value), text) == (number.value, number.text)


@given(st.decimals(-1000, 1000, places=5) | st.decimals(-1, 1, places=20))
def test_any_decimal_but_zero_is_read_exactly(number):
    """TOML, JSON and a string give the same exact number and the same text."""
    assume(number)
    shown = f"{number:f}"
    texts = [changed(TEXT, "w_hh = 0.8", f"w_hh = {shown}"), changed(TEXT, "w_hh = 0.8", f'w_hh = "{shown}"')]
    texts.append(json.dumps(as_json(TEXT) | {}).replace('"w_hh": 0.8', f'"w_hh": {shown}'))
    read = {parse(text).given[Name("w_hh")] for text in texts}
    assert {(Fraction(number), shown)} == read


def as_json(text: str) -> dict:
    """The document as JSON would have it."""
    import tomllib

    return tomllib.loads(text)


@pytest.mark.parametrize("text", [TEXT, VECTOR, DENSE])
def test_json_and_toml_are_the_same_problem(text):
    """The structure is one, the notation two."""
    one, other = parse(text), parse(json.dumps(as_json(text), indent=1))
    assert (one.title, one.network.shapes(), one.given, one.loss, one.update, one.rounding) == (
        other.title,
        other.network.shapes(),
        other.given,
        other.loss,
        other.update,
        other.rounding,
    )
    assert str(build(one)) == str(build(other))
    assert one == other


@at_once("name", examples())
def test_every_example_is_read_built_and_calculated(name):
    """The built-in problems work as they stand, and as files."""
    problem = load(name)
    program = scalars(build(problem))
    assert len(program) == len(evaluate(program, problem.given, problem.rounding).numbers)
    assert problem.title == parse(text_of(name)).title
    assert problem.source == name


def test_every_example_fits_the_schema():
    """A second validator agrees with the shipped JSON Schema."""
    validator = jsonschema.Draft7Validator(schema())
    validator.check_schema(schema())
    for name in examples():
        validator.validate(as_json(text_of(name)))
    for text in (TEXT, VECTOR, DENSE):
        validator.validate(as_json(text))


def test_a_file_is_read(tmp_path):
    """UTF-8, with or without a byte order mark, and with the line ends of any system."""
    expected = parse(TEXT).given
    for number, data in enumerate([TEXT.encode(), b"\xef\xbb\xbf" + TEXT.encode(), TEXT.replace("\n", "\r\n").encode()]):
        path = tmp_path / f"{number}.toml"
        path.write_bytes(data)
        assert (expected, str(path)) == (load(path).given, load(str(path)).source)


def test_a_file_beside_an_example_of_the_same_name(tmp_path, monkeypatch):
    """A bare word is a built-in example unless a file of that name exists."""
    monkeypatch.chdir(tmp_path)
    assert "rnn" == load("rnn").source
    (tmp_path / "rnn").mkdir()
    assert "rnn" == load("rnn").source
    (tmp_path / "rnn").rmdir()
    (tmp_path / "rnn").write_text(changed(TEXT, '"Two steps"', '"Mine"'))
    assert "Mine" == load("rnn").title


def test_standard_input(monkeypatch):
    """A dash is the text that comes in."""
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    assert ("Two steps", "<standard input>") == ((problem := load("-")).title, problem.source)


# ------------------------------------------------------------------ changes


@at_once(
    ("change", "name", "value"),
    [
        ("w_hh=0.9", "w_hh", "9/10"),
        ("w_hh = 0.9", "w_hh", "9/10"),
        ("w_hh=1/3", "w_hh", "1/3"),
        ('w_hh="1/3"', "w_hh", "1/3"),
        ("parameters.w_hh=0.9", "w_hh", "9/10"),
        ("h_0=0.5", "h_0", "1/2"),
        ("x=[3, 4]", "x_2", "4"),
        ("given.target=[3, 4]", "target_1", "3"),
        ("learning_rate=0.5", "eta", "1/2"),
        ("update.learning_rate=0.5", "eta", "1/2"),
    ],
)
def test_a_number_is_changed(change, name, value):
    """KEY=VALUE, with or without its table."""
    assert Fraction(value) == parse(TEXT, changes=[change]).given[Name.parse(name)].value


def test_conventions_are_changed():
    """Words need no quotes; later changes win."""
    changes = [
        "activation=relu",
        "network.activation=sigmoid",
        "over_time=sum",
        "places=6",
        "factor=1/2",
        "outputs=last",
        "target=1",
    ]
    problem = parse(TEXT, changes=changes)
    assert "sigmoid" == repr(problem.network.activation)
    assert ("sum", Fraction(1, 2), 6, False) == (
        problem.loss.over_time,
        problem.loss.factor,
        problem.rounding.places,
        problem.network.every,
    )


def test_a_title_is_changed():
    """A key outside all tables is a key of the file."""
    assert "Other" == parse(TEXT, changes=["title=Other"]).title


@at_once(
    ("change", "said"),
    [
        ("", "expected KEY=VALUE"),
        ("w_hh", "expected KEY=VALUE"),
        ("w_hh=", "expected KEY=VALUE"),
        ("=1", "expected KEY=VALUE"),
        ("w_hhh=1", 'unknown parameter "w_hhh" (did you mean "w_hh"?)'),
        ("w_hh=abc", "parameters.w_hh: "),
        ("w_hh=nan", "parameters.w_hh: "),
        ("w_hh=true", "parameters.w_hh: "),
        ("w_hh=1e999999999", "parameters.w_hh: "),
        ("w_hh=1e99999999999999999999", "1e9999"),
        ("w_hh=" + "9" * 5000, "parameters.w_hh: "),
        ("w_hh=[[1]]", "parameters.w_hh: "),
        ("x=" + "[" * 5000, "x"),
        ("x=" + "[" * 5000 + "]" * 5000, "x"),
        ("title.x=1", "title is not a table"),
        ("nett.cell=rnn", 'unknown key "nett"'),
        ("network.cel=rnn", 'unknown key "cel" (did you mean "cell"?)'),
        ("w_hh=1\n[given]\nx=[5,6]", ""),
    ],
)
def test_a_change_that_is_refused(change, said):
    """A change is checked as if it stood in the file."""
    assert said in refused(TEXT, (change,))


# ---------------------------------------------------------------- rounding


@at_once(
    ("text", "rounding"),
    [
        ("4dp", Rounding("by_hand", 4)),
        ("15dp", Rounding("by_hand", 15)),
        ("5sf", Rounding("by_hand", figures=5)),
        ("carry", Rounding("carry")),
        ("carry:3dp", Rounding("carry", 3)),
        ("carry:3sf", Rounding("carry", figures=3)),
        ("full", Rounding("full")),
        ("exact", Rounding("exact")),
    ],
)
def test_roundings(text, rounding):
    """How ``--round`` spells a policy."""
    assert rounding == Rounding.parse(text)


@at_once(
    "text",
    [
        "",
        "4",
        "dp",
        "0dp",
        "16dp",
        "0sf",
        "99sf",
        "100dp",
        "-1dp",
        "4 dp",
        "4DP",
        "carry4dp",
        "full:4dp",
        "exactly",
        "٤dp",
        "4dp\n",
    ],
)
def test_no_roundings(text):
    """Anything else is refused with what would do."""
    with pytest.raises(ProblemError, match=r"4dp|from 1 to 15"):
        Rounding.parse(text)


# ---------------------------------------------------------- what is refused

NUMBER_TROUBLE = [
    "true",
    "false",
    '"abc"',
    '""',
    '"0x1F"',
    '"1_000"',
    '"٣"',
    '"１２"',
    '"1/0"',
    '"1/-2"',
    '"0.5/2"',
    '"1/2/3"',
    '"nan"',
    '"inf"',
    '"1,5"',
    '"1e9999"',
    "\"__import__('os')\"",
    f'"{"9" * 5000}"',
    "nan",
    "-nan",
    "inf",
    "-inf",
    "1e31",
    "1e309",
    "-1e400",
    "1e-31",
    "1e999999999",
    "1e-999999999",
    "1e99999999999999999999",
    "1e-99999999999999999999",
    "9" * 31,
    "9" * 5000,
    "0x" + "F" * 5000,
    "0." + "1" * 5000,
    "1" * 5000 + ".5",
    "0." + "1" * 41,
    "[1, 2]",
    "[]",
    "[[1]]",
    "{a = 1}",
    "2020-01-01",
    "12:30:00",
]


@at_once("typed", NUMBER_TROUBLE)
def test_what_is_no_number(typed):
    """Text, truth values, NaN, infinity, dates, lists and absurd sizes are refused where a number is due."""
    for line, path in (
        ("w_hh = 0.8", "parameters.w_hh"),
        ("h_0 = 0", "given.h_0"),
        ("learning_rate = 0.1", "update.learning_rate"),
        ('factor = "1"', "loss.factor"),
    ):
        key = line.partition(" ")[0]
        message = refused(changed(TEXT, line, f"{key} = {typed}"))
        unread = message.startswith(("a number cannot be read", "not valid TOML"))
        assert message.startswith(path) or unread


@at_once("typed", ["nan", "inf", "true", '"one"', "1e31", "[1]", "{a = 1}", "1e99999999999999999999"])
@at_once("key", ["x", "target"])
def test_what_is_no_number_inside_a_list(key, typed):
    """The place is told with the time step, counted from 1."""
    old = "x = [1, 2]" if key == "x" else "target = [0.5, 1.0]"
    if typed == "[1]":
        parse(changed(TEXT, old, f"{key} = [1, {typed}]"))
        return
    message = refused(changed(TEXT, old, f"{key} = [1, {typed}]"))
    assert message.startswith(f"given.{key}[2]") or "cannot be read" in message


@at_once(
    "typed",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "true",
        "null",
        "1e999999999",
        "1e99999999999999999999",
        "9" * 5000,
        "0." + "1" * 5000,
        '{"a": 1}',
        "[]",
    ],
)
def test_what_is_no_number_in_json(typed):
    """JSON has its own ways to spell trouble."""
    message = refused(json.dumps(as_json(TEXT)).replace('"w_hh": 0.8', f'"w_hh": {typed}'))
    assert message.startswith("parameters.w_hh") or "cannot be read" in message


REFUSED = [
    # the text itself
    ("", "", 'the key "network" is missing'),
    ('cell = "rnn"', "cell = ", "line 3, column 8"),
    ('cell = "rnn"', 'cell = "rnn', "line 3, column 12"),
    ("w_hh = 0.8", "w_hh = 0.8\nw_hh = 0.9", "line 12"),
    ("[loss]", "[given]", "line 19"),
    ("w_hh = 0.8", "w_hh = 0.8.1", "line 11"),
    ("w_hh = 0.8", "w_hh = .8", "line 11"),
    ("w_hh = 0.8", "w_hh 0.8", "line 11"),
    ("w_hh = 0.8", "w_hh = 0.8\x00", "line 11"),
    # keys
    ("hidden = 1", "hiden = 1", 'network: unknown key "hiden" (did you mean "hidden"?)'),
    ("[given]", "[givn]", 'unknown key "givn" (did you mean "given"?)'),
    ("[loss]", "[lost]", 'unknown key "lost" (did you mean "loss"?)'),
    ("over_time", "over_tiem", 'loss: unknown key "over_tiem" (did you mean "over_time"?)'),
    (
        "learning_rate = 0.1",
        "learning_rate = 0.1\nlearningrate = 0.1",
        'update: unknown key "learningrate" (did you mean "learning_rate"?)',
    ),
    ("places = 4", "place = 4", 'rounding: unknown key "place" (did you mean "places"?)'),
    ("h_0 = 0", "h0 = 0", 'given: unknown key "h0" (did you mean "h_0"?)'),
    ("w_hh = 0.8", "w_hhh = 0.8", 'parameters: unknown parameter "w_hhh" (did you mean "w_hh"?)'),
    ("w_hh = 0.8", "W_hh = 0.8", 'parameters: unknown parameter "W_hh" (did you mean "w_hh"?)'),
    ("w_hh = 0.8", "__proto__ = 0.8", "__proto__"),
    ("title =", "__class__ =", "__class__"),
    # missing
    ("w_hh = 0.8\n", "", 'parameters: the parameter "w_hh" is missing'),
    ("b_y = 0\n", "", 'parameters: the parameter "b_y" is missing'),
    ('cell = "rnn"\n', "", 'network: the key "cell" is missing'),
    ("x = [1, 2]\n", "", 'given: the key "x" is missing'),
    ("target = [0.5, 1.0]\n", "", 'given: the key "target" is missing'),
    ("learning_rate = 0.1\n", "", 'update: the key "learning_rate" is missing'),
    # the wrong kind
    ('"Two steps"', "3", "title: "),
    ('cell = "rnn"', "cell = 3", "network.cell: "),
    ("hidden = 1", 'hidden = "1"', "network.hidden: "),
    ("hidden = 1", "hidden = true", "network.hidden: "),
    ("hidden = 1", "hidden = 1.5", "network.hidden: "),
    ("hidden = 1", "hidden = nan", "network.hidden: "),
    ("bias = true", "bias = 1", "network.bias: "),
    ("bias = true", 'bias = "true"', "network.bias: "),
    ('activation = "tanh"', "activation = 1", "network.activation: "),
    ("freeze = []", 'freeze = "b_h"', "update.freeze: "),
    ("freeze = []", "freeze = [1]", "update.freeze"),
    ("places = 4", 'places = "4"', "rounding.places: "),
    ("places = 4", "places = true", "rounding.places: "),
    ("places = 4", "places = 4.5", "rounding.places: "),
    ("[given]", "[[given]]", "given: "),
    ("[parameters]", "[[parameters]]", "parameters: "),
    # the wrong word
    ('cell = "rnn"', 'cell = "rn"', 'network.cell: "rn" is not possible here (did you mean "rnn"?)'),
    ('cell = "rnn"', 'cell = "transformer"', "one of dense, rnn"),
    ('outputs = "every"', 'outputs = "all"', "network.outputs: "),
    ('kind = "squared_error"', 'kind = "squared"', "loss.kind: "),
    ('over_time = "mean"', 'over_time = "average"', "loss.over_time: "),
    ('rule = "gd"', 'rule = "sgdd"', "update.rule: "),
    ('policy = "by_hand"', 'policy = "byhand"', '(did you mean "by_hand"?)'),
    ("freeze = []", 'freeze = ["b_j"]', 'update.freeze: no parameter "b_j" (did you mean '),
    # activations
    ('activation = "tanh"', 'activation = "tahn"', 'network.activation: unknown activation "tahn" (did you mean "tanh"?)'),
    ('output_activation = "identity"', 'output_activation = "id"', "network.output_activation: "),
    ('activation = "tanh"', 'activation = ""', "network.activation: "),
    ('activation = "tanh"', 'activation = "1"', "network.activation: "),
    ('activation = "tanh"', "activation = \"__import__('os')\"", "network.activation: "),
    ('activation = "tanh"', 'activation = "z.__class__"', "network.activation: "),
    ('activation = "tanh"', 'activation = "z**999999999"', "network.activation: "),
    ('activation = "tanh"', f'activation = "{"(" * 5000}"', "network.activation: "),
    ('activation = "tanh"', 'activation = "\\u001b[31m"', "network.activation: "),
    # sizes and shapes
    ("hidden = 1", "hidden = 0", "network.hidden: "),
    ("hidden = 1", "hidden = -1", "network.hidden: "),
    ("hidden = 1", f"hidden = {MAX_UNITS + 1}", f"network.hidden: {MAX_UNITS + 1} hidden units; from 1 to {MAX_UNITS}"),
    ("hidden = 1", "hidden = 5000", "network.hidden: "),
    ("hidden = 1", f"hidden = {'9' * 4000}", "network.hidden: "),
    ("hidden = 1", f"hidden = 0x{'F' * 5000}", "network.hidden: "),
    ("hidden = 1", f"hidden = [0x{'F' * 5000}]", "network.hidden: "),
    ("hidden = 1", "hidden = 2", "parameters: "),
    ("x = [1, 2]", "x = []", "given.x: 0 time steps"),
    ("x = [1, 2]", "x = 1", "given.x: "),
    ("x = [1, 2]", 'x = "1"', "given.x: "),
    ("x = [1, 2]", "x = [1, 2, 3]", "given.target: 2 values, but there are 3 time steps"),
    ("x = [1, 2]", "x = [[1, 2], [3]]", "given.x[2]: 1 value, but there are 2 time steps"),
    ("target = [0.5, 1.0]", "target = [0.5]", "given.target: 1 value, but there are 2 time steps"),
    ("target = [0.5, 1.0]", "target = 0.5", "given.target: "),
    ("target = [0.5, 1.0]", "target = []", "given.target: "),
    ("h_0 = 0", "h_0 = [0, 0]", "given.h_0: a list of 2; expected one number"),
    ("hidden = 1", "hidden = 1\nsteps = 3", "network.steps: 3 steps, but x has 2 inputs"),
    ("x = [1, 2]", "", 'the key "x" is missing'),
    # what contradicts
    ("places = 4", "places = 4\nfigures = 4", "rounding: places and figures exclude each other"),
    ("places = 4", "places = 0", "rounding.places: "),
    ("places = 4", "places = 16", "rounding.places: "),
    ("places = 4", "figures = 0", "rounding.figures: "),
    ("places = 4", f"places = {'9' * 4000}", "rounding.places: "),
    ('factor = "1"', "factor = 0", "loss.factor: "),
    ('factor = "1"', "factor = -1", "loss.factor: "),
    ("bias = true", "bias = false", 'unknown parameter "b_h"'),
    ("bias = true", "readout = false", "network.output_activation: "),
    ('kind = "squared_error"', 'kind = "output"', "given.target: "),
    ("hidden = 1", 'hidden = 1\nleak = "x"', "network.leak: "),
    ("hidden = 1", 'hidden = 1\nrelu_slope_at_0 = "x"', "network.relu_slope_at_0: "),
    # the title
    ('"Two steps"', '"a\\u0000b"', "title: "),
    ('"Two steps"', '"a\\u001b[31mb"', "title: "),
    ('"Two steps"', '"a\\nb"', "title: "),
    ('"Two steps"', '"a\\u202eb"', "title: "),
    ('"Two steps"', '"a\\u009bb"', "title: "),
    ('"Two steps"', f'"{"a" * 201}"', "title: "),
    # keys and values that would move a cursor
    ("w_hh = 0.8", '"\\u001b[31m" = 0.8', "parameters: unknown parameter "),
    ("hidden = 1", '"\\u001b]0;owned\\u0007" = 1', "network: unknown key "),
    ('cell = "rnn"', 'cell = "\\u001b[31m"', "network.cell: "),
    ("freeze = []", 'freeze = ["\\u001b[31m"]', "update.freeze: "),
    ("w_hh = 0.8", 'w_hh = "\\u001b[31m"', "parameters.w_hh: "),
    ("w_hh = 0.8", f'"{"k" * 5000}" = 0.8', "parameters: "),
    ("hidden = 1", f'"{"k" * 5000}" = 0.8', "network: "),
]


@at_once(("old", "new", "said"), REFUSED)
def test_what_is_refused(old, new, said):
    """The message names the place, what was met, and what would do."""
    assert said in refused(changed(TEXT, old, new) if old else new)


@at_once(
    ("old", "new", "said"),
    [
        (
            "[[0.1, 0.2], [0.3, 0.4]]",
            "[[0.1, 0.2], [0.3]]",
            "parameters.W_hh: a list of 1; expected a list of 2 rows of 2 numbers",
        ),
        ("[[0.1, 0.2], [0.3, 0.4]]", "[0.1, 0.2]", "parameters.W_hh: "),
        ("[[0.1, 0.2], [0.3, 0.4]]", "0.1", "parameters.W_hh: 0.1; expected a list of 2 rows of 2 numbers"),
        ("[[0.1, 0.2], [0.3, 0.4]]", "[[0.1, 0.2], [0.3, true]]", "parameters.W_hh[2,2]: true is not a number"),
        ("[[0.1, 0.2], [0.3, 0.4]]", "[[[0.1], 0.2], [0.3, [[0.4]]]]", "parameters.W_hh: "),
        ("b_h = [0.1, 0.2]", "b_h = [0.1, 0.2, 0.3]", "parameters.b_h: a list of 3; expected a list of 2 numbers"),
        ("W_hy = [[0.5, 0.6]]", "W_hy = [0.5, 0.6, 0.7]", "parameters.W_hy: "),
        ("W_hy = [[0.5, 0.6]]", "w_hy = [[0.5, 0.6]]", '(did you mean "W_hy"?)'),
        ("x = [[1, 2, 3], [4, 5, 6]]", "x = [[1, 2, 3], [4, 5]]", "given.x[2]: a list of 2; expected a list of 3 numbers"),
        ("x = [[1, 2, 3], [4, 5, 6]]", "x = [[1, 2, 3], 4]", "given.x[2]: "),
        ("x = [[1, 2, 3], [4, 5, 6]]", "x = [[1, 2, 3], [4, 5, nan]]", "given.x[2][3]: "),
        ("target = [1, 2]", "target = [[1, 2], [3]]", "given.target[1]: a list of 2; expected one number"),
        ("hidden = 2", "hidden = 3", "parameters.W_xh: 2 rows of 3 numbers; expected 3 rows of 3 numbers"),
    ],
)
def test_shapes_that_do_not_fit(old, new, said):
    """A list of the wrong length is named with the length that is due."""
    message = refused(changed(VECTOR, old, new))
    assert said in message.replace("[2,3]", "[2][3]")


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ('cell = "dense"\noutputs = "last"', "network.outputs: a feedforward network knows no time"),
        ('cell = "dense"\nsteps = 3', "network.steps: a feedforward network knows no time"),
        ('cell = "rnn"', "given.x: "),
    ],
)
def test_a_feedforward_network_knows_no_time(new, said):
    """What has no meaning is refused, not ignored."""
    assert said in refused(changed(DENSE, 'cell = "dense"', new))


@pytest.mark.parametrize(
    ("old", "new"), [("x = 1", "x = []"), ("x = 1", "x = [[1]]"), ("x = 1\n", ""), ("x = 1", "x = 1\nh_0 = 0")]
)
def test_the_input_of_a_feedforward_network(old, new):
    """One number, or a list of numbers; and no initial state."""
    assert "given" in refused(changed(DENSE, old, new))


def test_time_has_a_ceiling():
    """As many steps as are documented are read; one more is refused."""
    shared = load("shared-weight", [f"steps={MAX_STEPS}"])
    assert MAX_STEPS == shared.network.steps
    for steps in (MAX_STEPS + 1, 10**6, 10**30):
        with pytest.raises(ProblemError, match=r"^shared-weight: network\.steps: .*50,000"):
            load("shared-weight", [f"steps={steps}"])
    for steps in (0, -1):
        with pytest.raises(ProblemError, match=r"network\.steps"):
            load("shared-weight", [f"steps={steps}"])
    long = changed(TEXT, "x = [1, 2]", f"x = {[1] * (MAX_STEPS + 1)}")
    assert refused(long).startswith("given.x: 50,001 time steps")


@pytest.mark.parametrize("width", [17, 2000])
@pytest.mark.parametrize("key", ["x", "target"])
def test_width_has_a_ceiling(key, width):
    """More inputs or outputs than a person can look at are refused before anything is written down."""
    row = [1] * width
    if key == "x":
        text = changed(changed(DENSE, "x = 1", f"x = {row}"), "w_xh = 0.5", f"W_xh = [{row}]")
    else:
        text = changed(changed(DENSE, "target = 0.5", f"target = {row}"), "w_hy = 1.2", f"W_hy = {[[1]] * width}")
        text = changed(text, "b_y = 0", f"b_y = {row}")
    assert refused(text).startswith(("network", f"given.{key}"))


@at_once("depth", [50, 200, 320, 500, 900, 980, 1000, 5000, 200_000])
@at_once("place", ["cell", "x", "w_hh", "unknown"])
def test_deep_nesting(depth, place):
    """Lists in lists in lists are refused, whatever the depth and the place."""
    nest = "[" * depth + "]" * depth
    toml = {
        "cell": changed(TEXT, 'cell = "rnn"', f"cell = {nest}"),
        "x": changed(TEXT, "x = [1, 2]", f"x = {nest}"),
        "w_hh": changed(TEXT, "w_hh = 0.8", f"w_hh = {nest}"),
        "unknown": f"deep = {nest}\n{TEXT}",
    }
    key = {"cell": '"cell": "rnn"', "x": '"x": [1, 2]', "w_hh": '"w_hh": 0.8', "unknown": '"title": "Two steps"'}[place]
    text = json.dumps(as_json(TEXT))
    assert key in text
    for trouble in (toml[place], text.replace(key, f'"{place}": {nest}')):
        if place == "x" and depth < 100:
            refused(trouble)
        assert refused(trouble)


def test_an_unclosed_bracket_without_end():
    """A file of nothing but brackets is refused at once."""
    for text in ("[" * 200_000, '{"a":' * 100_000, "x = " + "[" * 200_000):
        assert refused(text)


@at_once(
    ("text", "said"),
    [
        ("{", "line 1, column 2"),
        ('{"network": }', "line 1, column 13"),
        ('{"network": {"cell": "rnn"},\n "given": {"x": [1,]}}', "line 2"),
        ('{"network": {"cell": "rnn", "cell": "dense"}}', '"cell" is given twice'),
        ('{"network": 1}', "network: "),
        ("{}", 'the key "network" is missing'),
        ("{} {}", "line 1, column 4"),
        ('{"network": {"cell": "rnn"}, "title": "\\ud800"}', ""),
        ("[1, 2]", "not valid TOML"),
        ("null", "not valid TOML"),
        ("\x00", "not valid TOML"),
        ("<html>", "not valid TOML"),
        ("network: {cell: rnn}", "not valid TOML"),
    ],
)
def test_json_and_other_notations_that_are_refused(text, said):
    """Bad JSON has a line and a column too."""
    assert said in refused(text)


def test_many_keys_take_no_time():
    """A table of a hundred thousand keys is refused within a second or two."""
    text = "{" + ",".join(f'"k{number}": 1' for number in range(100_000)) + "}"
    small = "{" + ",".join(f'"k{number}": 1' for number in range(10_000)) + "}"
    started = process_time()
    refused(small)
    assert process_time() - started < 0.3
    started = process_time()
    refused(text)
    assert process_time() - started < 3


# ------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.toml", "no such file"),
        ("rn", '(did you mean "rnn"?)'),
        ("", ""),
        ("a\0b", ""),
        ("nowhere/at/all.toml", "no such file"),
    ],
)
def test_a_file_that_is_not_there(tmp_path, monkeypatch, name, said):
    """The built-in examples are told."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProblemError) as caught:
        load(name)
    assert said in str(caught.value)


def test_a_directory_and_a_device(tmp_path):
    """Only regular files are read."""
    for path in (tmp_path, str(tmp_path), "/dev/zero") if os.name == "posix" else (tmp_path,):
        with pytest.raises(ProblemError, match="not a regular file") as caught:
            load(path)
        assert str(caught.value).startswith(str(path))


@pytest.mark.skipif(os.name != "posix", reason="named pipes of this kind are POSIX")
def test_a_named_pipe(tmp_path):
    """A pipe that nobody writes into does not block."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ProblemError, match="not a regular file"):
        load(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (TEXT.replace("Two", "Zweï").encode("cp1252"), "not UTF-8 text (line 1)"),
        (TEXT.encode("utf-16"), "not UTF-8 text"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (TEXT.encode() + b"\n\x80", f"not UTF-8 text (line {TEXT.count(chr(10)) + 2})"),
        (b" " * 4_000_001, "larger than"),
        (b"", 'the key "network" is missing'),
        (TEXT.encode().replace(b"\n", b"\r"), "not valid TOML"),
    ],
    ids=["cp1252", "utf-16", "bytes", "late", "large", "empty", "carriage returns"],
)
def test_a_file_that_is_no_text(tmp_path, data, said):
    """The message names the file, and the line where it can."""
    path = tmp_path / "problem.toml"
    path.write_bytes(data)
    with pytest.raises(ProblemError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_an_error_is_made_of_parts():
    """Source, place and message can be had one by one."""
    with pytest.raises(ProblemError) as caught:
        parse(changed(TEXT, "w_hh = 0.8", "w_hh = true"), "a.toml")
    error = caught.value
    assert ("a.toml", "parameters.w_hh", "true is not a number") == (error.source, error.path, error.message)


# ---------------------------------------------------- agreed, and not ignored


def test_a_shared_bias():
    """One number for the bias of a layer of two units is shared: its gradient is the sum over the units."""
    problem = parse(changed(VECTOR, "b_h = [0.1, 0.2]", "b_h = 0.1") + "[update]\nlearning_rate = 0.1")
    program = scalars(build(problem))
    values = evaluate(program, problem.given, Rounding("full"))
    parts = [values[Name.parse(f"dL/da_{t}[{i}]")] for t in (1, 2) for i in (1, 2)]
    assert math.isclose(sum(parts), values[Name.parse("dL/db_h")], rel_tol=1e-12)


def test_hidden_may_be_told_by_the_shapes():
    """Where the parameters' shapes tell the number of units, it need not be written."""
    assert (2,) == parse(changed(VECTOR, "hidden = 2\n", "")).network.hidden


# --------------------------------------------------------------------- fuzz

WORDS = [
    *schema()["properties"],
    *(key for table in schema()["properties"].values() for key in table.get("properties", ())),
    *(
        "w_xh",
        "w_hh",
        "b_h",
        "w_hy",
        "b_y",
        "W_xh",
        "W_hh",
        "W_hy",
        "dense",
        "rnn",
        "tanh",
        "relu",
        "every",
        "last",
        "mean",
        "sum",
    ),
    *("gd", "by_hand", "exact", "squared_error", "output", "z", "z^2"),
]
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 2, 3, -1, 10**30, 10**4000, -(10**4000), 16, 17, MAX_STEPS + 1])
    | st.floats()
    | st.decimals()
    | st.sampled_from(["1/2", "1/0", "nan", "9" * 99, "\x1b[31m", "\ud800"])
    | st.sampled_from(WORDS)
    | st.text(max_size=5)
    | st.sampled_from([datetime.date(2020, 1, 1), Decimal("1e999999"), Decimal("sNaN"), Decimal("-0")]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def answered(document) -> None:
    """A document is a problem that builds and is calculated or refused, or it is refused with its place."""
    try:
        problem = from_document(document)
    except ProblemError as error:
        message = str(error)
        assert message
        assert len(message) < 700
        assert all(line.isprintable() for line in message.splitlines())
        return
    assert isinstance(problem, Problem)
    if len(problem.given) > 200 or (problem.network.steps or 1) > 20:
        return
    program = scalars(build(problem))
    try:
        result = evaluate(program, problem.given, problem.rounding if problem.rounding.policy != "exact" else Rounding())
    except CalculationError:
        return
    assert result[LOSS] == result[LOSS]


@given(st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), values, max_size=5))
def test_any_table_is_a_problem_or_refused(document):
    """Nothing but ``ProblemError`` comes of a table of anything."""
    answered(document)


def places(document, path=()):
    """Every place in a document."""
    yield path
    for key, inner in (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    ):
        yield from places(inner, (*path, key))


@given(st.sampled_from([TEXT, VECTOR, DENSE]), st.data())
def test_a_problem_with_one_thing_wrong_is_a_problem_or_refused(text, data):
    """Nothing but ``ProblemError`` comes of replacing any part of a problem by anything."""
    document = as_json(text)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([place for place in places(document) if place]))
        table = document
        for key in path[:-1]:
            table = table[key]
        table[path[-1]] = data.draw(values)
    answered(copy.deepcopy(document))


@given(st.text(max_size=60) | st.text('[]{}"=.,:#\n 0123456789eE+-_abcx', max_size=60))
@example("x = 1e99999999999999999999")
@example('{"x": 1e99999999999999999999}')
@example("x = 0x" + "F" * 5000)
def test_any_text_is_a_problem_or_refused(text):
    """Nothing but ``ProblemError`` comes of any text."""
    with pytest.raises(ProblemError):
        parse(text)


def with_a_default(document: dict[str, Any], table: str, key: str, value: Any) -> dict[str, Any]:
    """A document that says what it leaves open."""
    return {**document, table: {**document.get(table, {}), key: value}}


@pytest.mark.parametrize("name", of_examples())
def test_a_file_that_says_its_defaults_is_the_same_problem(name: str) -> None:
    """Each default of the schema is what the program takes; keys that have no meaning for a network are refused, as always."""
    document = document_of(text_of(name))
    problem = from_document(document)
    said = 0
    for table in set(document) & {"network", "loss", "update", "also"} | {"rounding", "marks"}:
        for key, definition in schema()["properties"][table]["properties"].items():
            if "default" not in definition or key in document.get(table, {}):
                continue
            try:
                same = from_document(with_a_default(document, table, key, definition["default"]))
            except ProblemError:
                continue
            assert same == problem, f"{table}.{key}"
            said += 1
    assert said > 4


ELSEWHERE = ("epsilon", "decay")
"""Fields of an update that mean another thing than their key: where epsilon stands, and what decays, if anything does."""


@pytest.mark.parametrize(("made", "table"), [(Loss, "loss"), (Update, "update"), (Rounding, "rounding"), (Marking, "marks")])
def test_what_is_built_in_python_has_the_defaults_of_the_schema(made: type, table: str) -> None:
    """``Rounding()`` is what an empty table [rounding] asks for."""
    known = schema()["properties"][table]["properties"]
    for field in fields(made):
        default = known.get(field.name, {}).get("default")
        if default is not None and field.default is not MISSING and field.name not in ELSEWHERE:
            assert field.default == (Fraction(default) if isinstance(field.default, Fraction | float) else default), field.name


def documented() -> dict[tuple[str, str], str]:
    """What the table of ``docs/problem-files.md`` says is the default of a key, as plain text."""
    page = (Path(__file__).parents[1] / "docs" / "problem-files.md").read_text("utf-8")
    defaults: dict[tuple[str, str], str] = {}
    table = ""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if found := re.fullmatch(r"\*\*`\[([a-z.]+)\]`\*\*", cells[0].strip("| ")):
            table = found[1]
        elif line.startswith("| `") and table and len(cells) == 3:
            for key in re.findall(r"`([a-z_0-9]+)`", cells[0]):
                defaults[table, key] = cells[2].strip("| ").replace("`", "")
    return defaults


def test_the_documentation_has_the_defaults_of_the_schema() -> None:
    """A key with a default says it in the table of keys, as the schema has it."""
    wrong = {}
    for (table, key), told in documented().items():
        definition = schema()["properties"].get(table, {}).get("properties", {}).get(key, {})
        if "default" in definition and not told.strip('"').lower().startswith(shown(definition["default"]).strip('"').lower()):
            wrong[table, key] = told
    assert not wrong


def test_a_default_of_one_rule_alone_is_named_in_words() -> None:
    """Who reads the schema sees that adadelta has another epsilon."""
    for (rule, key), value in OF_RULE.items():
        assert f"{value} for {rule}" in schema()["properties"]["update"]["properties"][key]["description"]


@given(st.sampled_from([TEXT, VECTOR, DENSE]), st.integers(0, 600), st.integers(0, 20), st.text(max_size=5))
def test_a_text_with_a_hole_is_a_problem_or_refused(text, start, length, new):
    """Nothing but ``ProblemError`` comes of cutting a problem and putting something else there."""
    start %= len(text)
    try:
        result = parse(text[:start] + new + text[start + length :])
    except ProblemError as error:
        result = error
    assert isinstance(result, Problem) or str(result).startswith("<text>: ")


BROKEN: tuple[dict[str, Any], ...] = (
    {"network": 1},
    {"network": {"cell": "rnm"}},
    {"network": {"cell": "rnn", "colour": 1}},
    {"network": {"cell": "rnn"}, "title": "x" * 201},
    {"network": {"cell": "rnn", "layers": 0}},
    {"network": {"cell": "rnn", "activation": [["a"], 1]}},
    {"network": {"cell": "rnn"}, "update": {"iterations": 0.5}},
)


@pytest.mark.parametrize("document", BROKEN, ids=repr)
def test_the_compiled_schema_finds_what_fastjsonschema_finds(document: dict[str, Any]) -> None:
    """The same value, at the same path, against the same rule."""
    with pytest.raises(fastjsonschema.JsonSchemaValueException) as wanted:
        fastjsonschema.compile(schema(), use_default=False)(document)
    with pytest.raises(Mismatch) as found:
        schema_errors._compiled()(document)
    theirs, ours = wanted.value, found.value
    assert (".".join(theirs.path[1:]), theirs.value, theirs.rule, theirs.definition) == (
        ours.path,
        ours.value,
        ours.rule,
        ours.definition,
    )


def test_a_schema_that_was_changed_after_the_build_is_compiled_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A checkout never checks documents against the schema of yesterday."""
    changed = tmp_path / "problem.schema.json"
    changed.write_text(schema_errors.SCHEMA.read_text("utf-8").replace('"title": {', '"motto": {', 1), "utf-8")
    monkeypatch.setattr(schema_errors, "SCHEMA", changed)
    check = schema_errors._compiled.__wrapped__()
    check({"motto": "x", "network": {"cell": "rnn"}})
    with pytest.raises(Mismatch):
        check({"title": "x", "network": {"cell": "rnn"}})
