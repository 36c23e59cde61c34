"""Every example compiles with pdflatex, without an error and without an overfull box."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from networks import document as network_document
from random_problems import examples

from bptt_trace import load, solve
from bptt_trace.problem import from_document

pytestmark = pytest.mark.latex

Compile = Callable[[Path, str], str]

LONG = ["x=[1,-2,3,0.5,1,1,-0.25,2]", "target=[1,2,0,0.5,1,1,-1,0]"]
USERS = ["network.activation=ln(1 + z^2) - sqrt(z^2 + 1)/3", "network.output_activation=z/(1+abs(z))"]


def documents() -> Iterator[tuple[str, str]]:
    """A name and a complete document for every example, step style and rounding; and for problems of other shapes."""
    for name in examples():
        for steps in ("full", "ledger"):
            yield f"{name}-{steps}", solve(name, steps=steps).to_latex()
        for rounding in ("8dp", "6sf", "carry:4dp"):
            yield f"{name}-{rounding}", solve(name, rounding=rounding).to_latex()
    for name, changes in {
        "long": LONG,
        "vanishing": [*LONG, "w_hh=-0.01", "network.activation=softplus"],
        "large": [*LONG, "w_hy=-1200.5", "b_h=-31.25"],
        "formula": USERS,
        "formula-long": [*LONG, *USERS],
        "relu": ["network.activation=relu", "network.output_activation=sigmoid", "loss.factor=1/2"],
        "last": ["x=[1,2,3]", "target=-0.5", "network.outputs=last"],
        "one-step": ["x=[1]", "target=[-0.5]", "h_0=0.5"],
        "frozen": ["update.freeze=['w_xh','b_h']"],
    }.items():
        problem = load("rnn", changes)
        for steps in ("full", "ledger"):
            yield f"{name}-{steps}", solve(problem, steps=steps).to_latex()


def split(document: str) -> tuple[str, str]:
    """Preamble and body."""
    preamble, _, rest = document.partition("\\begin{document}\n")
    return preamble, rest.partition("\\end{document}")[0]


def together(bodies: dict[str, str], preamble: str) -> str:
    """One document of many, with a mark in the log before each, and the pages shipped before the next."""
    pages = "".join(f"\\clearpage\\typeout{{BODY {name}}}\n{body}\n" for name, body in bodies.items())
    return f"{preamble}\\begin{{document}}\n{pages}\\clearpage\\typeout{{BODY end}}\n\\end{{document}}\n"


def overfull(log: str) -> dict[str, list[str]]:
    """The overfull boxes in a log, by the document that has them."""
    parts = re.split(r"^BODY (.*)$", log, flags=re.MULTILINE)
    found = {
        name: re.findall(r"^Overfull \\[hv]box .*$", text, re.MULTILINE)
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    return {name: boxes for name, boxes in found.items() if boxes}


def vectors() -> Iterator[tuple[str, str]]:
    """Networks of three units over three steps, batches, several layers, rows, other names, and the long way through softmax."""
    entropy = {"kind": "cross_entropy"}
    long_way = entropy | {"gradient": "long"}
    for name, keys in {
        "three": {"hidden": 3, "d": 3, "k": 3, "T": 3},
        "classes": {"hidden": 3, "d": 2, "k": 3, "T": 3, "loss": entropy, "output_activation": "softmax"},
        "long-way": {"hidden": 2, "d": 2, "k": 3, "loss": long_way, "output_activation": "softmax"},
        "exponentials": {"hidden": 2, "k": 3, "loss": long_way, "output_activation": "softmax", "softmax": "steps"},
        "rows": {"hidden": 3, "d": 2, "k": 2, "T": 3, "products": "x W", "form": "concatenated"},
        "batch": {"hidden": 2, "d": 2, "k": 2, "T": 2, "batch": 3},
        "deep": {"cell": "dense", "hidden": [3, 2], "d": 2, "k": 2, "batch": 2, "activation": ["relu", "tanh"]},
        "stacked": {"hidden": [2, 2], "d": 2, "k": 2, "T": 3, "biases": 2},
    }.items():
        problem = from_document(network_document(**keys, seed=3))
        for detail in ("both", "board", "lines"):
            yield f"{name}-{detail}", solve(problem, steps="full", detail=detail).to_latex()
        yield f"{name}-ledger", solve(problem, steps="ledger").to_latex()
        for notation in ("keras", "pytorch", "mazur"):
            renamed = from_document({**network_document(**keys, seed=3), "notation": notation})
            yield f"{name}-{notation}", solve(renamed).to_latex()


def seventeen_digits() -> Iterator[tuple[str, str]]:
    """Every example at full precision."""
    for name in examples():
        for steps in ("full", "ledger"):
            yield f"{name}-{steps}", solve(name, rounding="full", steps=steps).to_latex()


@pytest.mark.parametrize("all_of", [documents, vectors, seventeen_digits])
def test_every_document_compiles_without_an_overfull_box(
    tmp_path: Path, pdflatex: Compile, all_of: Callable[[], Iterator[tuple[str, str]]]
) -> None:
    """All examples in all styles; one run, because they share a preamble but for the title in the footer."""
    bodies, preambles = {}, set()
    for name, document in all_of():
        preamble, bodies[name] = split(document)
        preambles.add(re.sub(r"(?m)^\\fancyfoot\[L\].*$", "", preamble))
    assert len(preambles) == 1
    assert overfull(pdflatex(tmp_path, together(bodies, preambles.pop()))) == {}


@pytest.mark.parametrize("name", examples())
def test_a_document_compiles_on_its_own(tmp_path: Path, pdflatex: Compile, name: str) -> None:
    """As ``bptt-trace solve NAME -f latex`` prints it, the footer with its title included."""
    log = pdflatex(tmp_path, solve(name).to_latex())
    assert re.findall(r"^Overfull.*$|^LaTeX Warning.*$", log, re.MULTILINE) == []


def test_fragments_compile_inside_a_document_of_the_users_own(tmp_path: Path, pdflatex: Compile) -> None:
    r"""``\input`` needs only the packages that the documentation names; a group keeps our settings inside."""
    names = "lmodern,amsmath,amssymb,array,booktabs,colortbl,graphicx,longtable,tikz,xcolor,microtype"
    packages = rf"\usepackage[T1]{{fontenc}}\usepackage{{{names}}}"
    preamble = rf"\documentclass[10pt,a4paper]{{article}}{packages}\usepackage[margin=19mm]{{geometry}}"
    bodies = {name: solve(name).to_latex(fragment=True) for name in examples()}
    for name, body in bodies.items():
        (tmp_path / f"{name}.tex").write_text(body, "utf-8")
    source = together({name: rf"Before. \input{{{name}}} After: \the\parindent." for name in bodies}, preamble)
    assert overfull(pdflatex(tmp_path, source)) == {}


def test_a_fragment_is_the_body_of_the_document() -> None:
    """Nothing is lost or added."""
    for name in examples():
        solution = solve(name)
        assert solution.to_latex(fragment=True).split() == split(solution.to_latex())[1].split()


def test_only_packages_of_a_basic_installation_are_used() -> None:
    """Debian's texlive-latex-base, -recommended, texlive-pictures and lmodern have them all."""
    preamble, _ = split(solve("rnn").to_latex())
    used = set(re.findall(r"\\usepackage(?:\[[^]]*\])?\{([a-z0-9]+)\}", preamble))
    basic = {
        "inputenc",
        "fontenc",
        "lmodern",
        "amsmath",
        "array",
        "booktabs",
        "colortbl",
        "graphicx",
        "longtable",
        "tikz",
        "xcolor",
        "geometry",
        "fancyhdr",
        "microtype",
    }
    assert used <= basic
    assert r"\usetikzlibrary" not in solve("rnn").to_latex()


def test_an_overfull_box_would_be_noticed(tmp_path: Path, pdflatex: Compile) -> None:
    """The search of the log finds a box that is too full, and says in which body."""
    preamble = r"\documentclass{article}\usepackage{lmodern}"
    log = pdflatex(tmp_path, together({"good": "text", "bad": r"\hbox to 1mm{much too wide}"}, preamble))
    assert list(overfull(log)) == ["bad"]


def test_an_error_would_be_noticed(tmp_path: Path, pdflatex: Compile) -> None:
    """An undefined command fails the compilation."""
    with pytest.raises(AssertionError, match="Undefined control sequence"):
        pdflatex(tmp_path, together({"bad": r"\undefinedcommand"}, r"\documentclass{article}"))
