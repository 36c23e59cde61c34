"""Mathematics in every notation: what is spelled is the same piece, and nothing is markup by chance."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jinja2 import nodes
from random_problems import examples
from sweeps import at_once, chosen
from sweeps import solution as example

from bptt_trace import Name
from bptt_trace.document.local import local_math
from bptt_trace.document.locale import Locale
from bptt_trace.document.mathematics import Applied, Derivative, Math, MathRow, Number, Put, Relation, Symbol, Verbatim, sum_over
from bptt_trace.document.notation import BESIDE, LATEX, MATHML, TEXT, TYPST, UNICODE, Signs
from bptt_trace.engine.functions import ACTIVATIONS, sigmoid
from bptt_trace.lines.spelling import Named, clock_at
from bptt_trace.media.templates import environment_for, template_directory


def mathematics(value: Any) -> Iterator[Math]:
    """All mathematics of a sheet."""
    if isinstance(value, Math):
        yield value
    elif is_dataclass(value):
        for one in fields(value):
            yield from mathematics(getattr(value, one.name))
    elif isinstance(value, tuple | list) or hasattr(value, "count"):
        for part in () if isinstance(value, str) else value:
            yield from mathematics(part)


@cache
def pieces_of(name: str) -> frozenset[Math]:
    """The mathematics of the sheet of an example."""
    return frozenset(mathematics(example(name).sheet))


SOME = ("rnn", "seq2seq", "bidirectional", "adam", "classifier", "perceptron")


@pytest.mark.parametrize("name", chosen(examples(), SOME))
def test_all_mathematics_of_a_sheet_is_mathml(name: str) -> None:
    """Each piece is XML of MathML's elements; letters stand in tokens, with the digits of plain text in their order."""
    known = {"math", "mi", "mn", "mo", "mrow", "mfrac", "msub", "msup", "msubsup", "mover", "munder", "mtext", "mspace", "msqrt",
             "mtable", "mtr", "mtd", "wbr"}  # fmt: skip
    pieces = pieces_of(name)
    assert len(pieces) > 40
    for piece in pieces:
        root = ElementTree.fromstring(f"<p><math>{piece.spell(MATHML)}</math></p>")
        assert {element.tag for element in root.iter()} - {"p"} <= known, piece
        tokens = [element for element in root.iter() if element.tag in ("mi", "mn", "mo", "mtext")]
        assert re.sub(r"\s", "", "".join(root.itertext())) == re.sub(r"\s", "", "".join(token.text or "" for token in tokens)), (
            piece
        )
        if not set(piece.text) & set("@#("):  # what stands in another order where letters are set
            assert re.findall(r"\d", "".join(root.itertext())) == re.findall(r"\d", piece.text), piece


def asked(piece: Math) -> tuple[bool, bool, bool, int]:
    """What layouts ask of a piece."""
    return piece.has_fraction, piece.has_exponential, piece.divides_exponentials, piece.height


@pytest.mark.parametrize("name", chosen(examples(), (*SOME, "luong-attention", "softmax-of-logits", "cs224n-gru")))
def test_a_piece_says_of_itself_what_its_spellings_show(name: str) -> None:
    """Templates ask a piece for its fractions, its exponentials and its size; they need not look into a spelling."""
    for piece in pieces_of(name):
        text, latex = piece.spell(TEXT), piece.spell(LATEX)
        assert asked(local_math(piece, Locale.of("de"))) == asked(piece)
        assert piece.has_fraction == (r"\frac" in latex), piece
        assert piece.has_exponential == (r"\exp" in latex), piece
        assert piece.divides_exponentials == (r"\frac{\exp" in latex), piece
        assert (bool(piece), piece.width) == (bool(latex), len(text)), piece
        matrices = re.findall(r"begin\{pmatrix\}(.*?)\\end", latex)
        if "[[" not in text:
            assert piece.height == max((1 + matrix.count(r"\cr") for matrix in matrices), default=1), piece


READS_A_SPELLING = ("latex", "text")


@at_once("path", sorted(template_directory().glob("*.j2")))
def test_no_template_decides_by_a_spelling(path: Path) -> None:
    """What a template tests, compares or measures is never the LaTeX or the plain text of a piece."""
    tree = environment_for(path.name).parse(path.read_text("utf-8"))
    asked: list[nodes.Node] = [test for choice in tree.find_all((nodes.If, nodes.CondExpr)) for test in [choice.test]]
    asked += [*tree.find_all(nodes.Compare), *(piped for piped in tree.find_all(nodes.Filter) if piped.name == "length")]
    found = [part for node in asked for part in (node, *node.find_all(nodes.Getattr)) if isinstance(part, nodes.Getattr)]
    assert not [(part.lineno, part.attr) for part in found if part.attr in READS_A_SPELLING]


@at_once(
    ("piece", "signs", "spelled"),
    [
        (Named(Name.parse("dL/dw_xh via a_1")), TYPST, 'frac(∂L, ∂w_(x h))" via "a_(1)'),
        (Named(Name.parse("w_xh'")), TYPST, "w'_(x h)"),
        (Named(Name.parse("h_1#4")), TYPST, 'class("normal", h_(1)^(⟨4⟩))'),
        (Named(Name.parse("target_1[2,3]")), TYPST, r'"target"_(1)\[2 \, 3\]'),
        (Named(Name.parse("h(fwd2)_1")), LATEX, r"{\overrightarrow{h}_{1}^{(2)}}"),
        (Named(Name.parse("h(enc)_1")), TYPST, 'class("normal", h_(1)^(\\("enc"\\)))'),
        (Named(Name("h", None, 1), clock_at(2)), UNICODE, "h_(t−1)"),
        (Named(Name.parse("v_gamma@2")), UNICODE, "v_γ@2"),
        (Named(Name.parse("v_w_hh")), LATEX, "v_{w_{hh}}"),
        (Number("-1.5e-10"), TEXT, "-1.5e-10"),
        (Number("-1.5e-10"), UNICODE, "−1.5·10⁻¹⁰"),
        (Number("-1.5e-10"), LATEX, r"-1.5 \cdot 10^{-10}"),
        (Number("-1.5e-10"), TYPST, "-1.5⋅10^(-10)"),
        (Relation(Symbol("t"), Number(1), sign=" ~ "), LATEX, r"t \approx 1"),
        (Put("over", Symbol("c"), Symbol("n")), TEXT, "c / n"),
        (Put("over", Symbol("c"), Symbol("n")), LATEX, r"\frac{c}{n}"),
        (Put("power", Put("bracket", MathRow(Symbol("y"), " - ", Number(1))), 2), UNICODE, "(y − 1)²"),
        (Put("box", Verbatim("4.1")), LATEX, r"\boxed{\scriptstyle 4.1}"),
        (Applied(sigmoid, Symbol("z")), TYPST, r"σ\(z\)"),
        (Applied(ACTIVATIONS["leaky_relu"], Symbol("z")), LATEX, r"\mathrm{LeakyReLU}(z)"),
        (MathRow(sum_over("st"), " ", Symbol("L")), LATEX, r"\sum_{s,t} L"),
        (MathRow(sum_over("st"), " ", Symbol("L")), UNICODE, "Σ_st L"),
        (MathRow(Number(1), BESIDE, Number(2)), LATEX, r"1,\ 2"),
    ],
)
def test_spellings(piece: Math, signs: Signs, spelled: str) -> None:
    """A piece in one notation."""
    assert piece.spell(signs) == spelled


def test_pieces_that_read_the_same_are_equal() -> None:
    """However they are made; and their parts can be told apart."""
    name = Named(Name.parse("dL/dh_1"))
    assert name == Verbatim("dL/dh_1")
    assert len({name, Verbatim("dL/dh_1"), Number(1), Verbatim("1")}) == 2
    assert [type(part) for part in MathRow(name, " = ", Number(1)).flat(UNICODE)] == [Derivative, str, Number]
