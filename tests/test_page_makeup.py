"""How many pages documents take on paper."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader
from sweeps import chosen, key, solution

from bptt_trace.document.sheet import Sheet
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.media.pdf import as_pdf

pytestmark = pytest.mark.latex

SOLUTIONS = {"rnn": 4, "fnn": 2, "adam": 2, "lstm": 8, "classifier": 8}


def pages(sheet: Sheet) -> int:
    """The pages that LaTeX makes of a sheet."""
    return len(PdfReader(io.BytesIO(as_pdf(sheet))).pages)


@pytest.mark.parametrize("name", chosen(SOLUTIONS, ["fnn", "adam"]))
def test_worked_solutions_are_no_longer_than_they_must_be(name: str) -> None:
    """A page more would be half empty."""
    assert pages(solution(name).sheet) <= SOLUTIONS[name]


def test_a_worksheet_has_three_pages_and_its_key_one() -> None:
    """For the one-neuron RNN over two steps."""
    asked = blanks_of(key("rnn"), ("all",), 2)
    assert pages(worksheet(key("rnn"), asked)) == 3
    assert pages(key_sheet(key("rnn"), asked)) == 1
