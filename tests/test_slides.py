"""Slides for Beamer: nothing stands out of a frame, and a line comes as formula, numbers, result."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from random_problems import examples
from sweeps import solution as example

from bptt_trace.commands import command

pytestmark = pytest.mark.latex

FEW = ["rnn", "lstm", "classifier", "recurrent-layer", "seq2seq", "self-attention"]
DECKS = examples() if os.environ.get("BPTT_TRACE_ALL_DECKS") else FEW
"""The examples whose slides are set; all of them take several minutes."""
Compile = Callable[[Path, str], str]


def deck(*words: str) -> str:
    """The source that a command prints."""
    outcome = CliRunner().invoke(command, ["solve", *words, "-f", "beamer"], standalone_mode=False)
    assert outcome.exception is None, outcome.exception
    return outcome.output


def pages(folder: Path) -> list[str]:
    """The text of each slide."""
    (pdf,) = folder.glob("*.pdf")
    return subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True).stdout.split("\f")


def every_line_is_there(name: str, source: str) -> None:
    """Every line of the worked solution is on some slide."""
    numbers = {row.number for row in example(name, steps="full").sheet.rows() if row.number}
    assert numbers == set(re.findall(r"\\aside\{line ([\d.,]+?)(?:, uses|\})", source))


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", DECKS)
def test_no_slide_is_overfull(tmp_path: Path, pdflatex: Compile, name: str) -> None:
    """Neither too wide nor too high, with every line of the worked solution on some slide."""
    source = deck(name)
    assert [] == re.findall(r"Overfull .*", pdflatex(tmp_path, source))
    every_line_is_there(name, source)


@pytest.mark.exhaustive
def test_a_line_comes_in_three_slides_and_the_picture_fills_up(tmp_path: Path, pdflatex: Compile) -> None:
    """First the formula, then the numbers, then the result; a value is in the picture from its own line on."""
    source = deck("fnn")
    assert [] == re.findall(r"Overfull .*", pdflatex(tmp_path, source))
    every_line_is_there("fnn", source)
    slides = pages(tmp_path)
    lines = [slide for slide in slides if "line 2, uses 1" in slide][:3]
    assert [False, True, True] == ["= tanh(1.1000)" in slide for slide in lines]
    assert [False, False, True] == ["0.8005" in slide for slide in lines]
    pictures = [slide for slide in slides if "the network" in slide]
    shown = [len(set(re.findall(r"\d\.\d{4}", slide))) for slide in pictures]
    assert shown == sorted(shown)
    assert shown[0] < shown[-1]
    values = dict(example("fnn").sheet.values)
    for name in ("h", "y", "dL/da"):
        assert values[name].lstrip("-") in pictures[-1]
    assert values["dL/da"].lstrip("-") not in pictures[0]


def test_sentences_are_notes_for_the_speaker() -> None:
    """They are in the source, and on no slide."""
    source = deck("rnn")
    assert len(re.findall(r"\\note<1>\[item\]\{\\textbf\{\w", source)) >= 3


def test_a_template_of_the_users_own_makes_other_slides(tmp_path: Path) -> None:
    """``--templates`` replaces the layout, and gets the frames."""
    (tmp_path / "slides.tex.j2").write_text("((( sheet.title|words ))): ((( frames|length ))) frames\n", "utf-8")
    assert re.fullmatch(r"One-neuron RNN, two time steps: \d\d frames\n", deck("rnn", "--templates", str(tmp_path)))
