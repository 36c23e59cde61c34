"""Every example compiles with pdflatex, without an error and without an overfull box."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from networks import document as network_document
from networks import filled, sequence
from printed_pages import ill_made
from random_problems import examples
from sweeps import SHARE, chosen, of_examples, printed
from sweeps import key as key_of
from sweeps import solution as example

from bptt_trace import Key, Problem, load, solve
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.lines.view import View
from bptt_trace.media.templates import latex
from bptt_trace.problem.problem import from_document

pytestmark = pytest.mark.latex

Compile = Callable[..., str]

LONG = ["x=[1,-2,3,0.5,1,1,-0.25,2]", "target=[1,2,0,0.5,1,1,-1,0]"]
USERS = ["network.activation=ln(1 + z^2) - sqrt(z^2 + 1)/3", "network.output_activation=z/(1+abs(z))"]


Write = Callable[[], str]
Documents = Iterator[tuple[str, Write]]
"""The names of documents, and what writes each."""


def worked(problem: Problem, **how: Any) -> str:
    """A worked solution."""
    return solve(problem, **how).to_latex()


def worked_example(name: str, **how: Any) -> str:
    """That of a built-in example."""
    return printed(example(name, **how), "latex")


def documents() -> Documents:
    """Each example, in both step styles and in other roundings."""
    for name in examples():
        for steps in ("full", "ledger"):
            yield f"{name}-{steps}", partial(worked_example, name, steps=steps)
        for rounding in ("8dp", "6sf", "carry:4dp"):
            yield f"{name}-{rounding}", partial(worked_example, name, rounding=rounding)


def seventeen_digits() -> Documents:
    """Examples at full precision."""
    for name in examples():
        for steps in ("full", "ledger"):
            yield f"{name}-{steps}", partial(worked_example, name, rounding="full", steps=steps)


def other_shapes() -> Documents:
    """Problems that are longer, larger, or have other functions than the example they begin with."""
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
        for steps in ("full", "ledger"):
            yield f"{name}-{steps}", partial(worked, load("rnn", changes), steps=steps)


def vectors() -> Documents:
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
            yield f"{name}-{detail}", partial(worked, problem, steps="full", detail=detail)
        yield f"{name}-ledger", partial(worked, problem, steps="ledger")
        for notation in ("keras", "pytorch", "mazur"):
            yield f"{name}-{notation}", partial(worked, from_document({**network_document(**keys, seed=3), "notation": notation}))


def gates() -> Documents:
    """Cells with gates, two units over three steps, and networks that go over time more than once."""
    for name, network in {
        "lstm": {"cell": "lstm", "peepholes": True},
        "concatenated": {"cell": "lstm", "form": "concatenated"},
        "gru": {"cell": "gru", "biases": 2},
        "slstm": {"cell": "slstm", "forget": "sigmoid"},
        "both-ways": {"cell": "gru", "bidirectional": True},
        "decoder": {"cell": "lstm", "decoder": "target"},
    }.items():
        given = {"x": sequence(3, 2), "target": sequence(3, 1, seed=2)}
        problem = from_document(filled({"hidden": 2, **network}, given, update={"learning_rate": "0.1"}))
        for detail in ("both", "board", "lines"):
            yield f"{name}-{detail}", partial(worked, problem, steps="full", detail=detail)


def asked(key: Callable[[], Key], wanted: Sequence[str], hints: int) -> str:
    """A worksheet that asks for some lines."""
    return latex(worksheet(key(), blanks_of(key(), wanted, hints)))


def in_one(key: Callable[[], Key]) -> str:
    """A worksheet and its key, as the key."""
    return latex(worksheet(key(), answers=True)).replace("%\\keytrue", "\\keytrue")


def handouts() -> Documents:
    """Worksheets with every hint, their keys, and the two in one, of every example and of larger networks."""
    keys: dict[str, tuple[Problem, Callable[[], Key]]] = {name: (load(name), partial(key_of, name)) for name in examples()}
    head = ["handout.course=CS & $1", 'handout.author="A_B #"', 'handout.date="1 % 2"', "handout.instructions=Work {slowly}"]
    keys["head"] = (one := load("rnn", head), partial(Key, one))
    for name, sizes in {
        "three": {"hidden": 3, "d": 3, "k": 3, "T": 3},
        "batch": {"hidden": 2, "d": 2, "k": 2, "T": 2, "batch": 3},
        "long": {"T": 12},
    }.items():
        keys[name] = (one := from_document(network_document(**sizes, seed=3)), partial(Key, one))
    for name, (problem, key) in keys.items():
        for hints in range(4):
            yield f"{name}-{hints}", partial(asked, key, ["all"], hints)
        for wanted in ("results", "forward") if problem.network.cells else ():
            yield f"{name}-{wanted}", partial(asked, key, [wanted], 0)
        yield f"{name}-key", lambda key=key: latex(key_sheet(key()))
        yield f"{name}-lines", lambda key=key: latex(worksheet(key(), view=View(detail="lines")))
        yield f"{name}-both", partial(in_one, key)


SOME = {
    documents: ["adam-ledger", "min-gru-6sf", "clipping-carry:4dp"],
    seventeen_digits: ["rnn-ledger"],
    other_shapes: ["formula-full"],
    vectors: ["deep-keras"],
    handouts: ["clipping-1", "recurrent-layer-key", "head-2", "rnn-both"],
}
"""The documents that every run sets, in one run of LaTeX: each way of writing, each kind of row, each hint."""


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


EACH = {documents: 8, seventeen_digits: 9, vectors: 3, handouts: 16}
"""Of these documents the exhaustive run sets one in so many, of every kind; all where ``SWEEP_SHARE`` is 1."""
TOO_WIDE = {
    "documents/attention-backward-8dp", "seventeen_digits/attention-mask-full", "seventeen_digits/hi-there-class-full",
    "seventeen_digits/min-lstm-full",
    "vectors/batch-both", "vectors/batch-ledger", "vectors/batch-keras", "vectors/batch-pytorch", "vectors/batch-mazur",
}  # fmt: skip
"""Known limits: matrices with many digits stand out of their column by 7 to 17 points, a sum over a batch by 0.3 points."""
WANTED = [
    pytest.param(SOME, id="some"),
    *(pytest.param(dict.fromkeys([kind]), id=kind.__name__, marks=pytest.mark.exhaustive) for kind in (*SOME, gates)),
]


@pytest.mark.parametrize("wanted", WANTED)
def test_every_document_compiles_without_an_overfull_box(
    tmp_path: Path, pdflatex: Compile, wanted: dict[Callable[[], Documents], list[str] | None]
) -> None:
    """Examples in all styles; one run, because they share a preamble but for the title, in the footer and in the PDF."""
    bodies, preambles = {}, set()
    for kind, names in wanted.items():
        writers = dict(kind())
        for name in names or list(writers)[:: 1 if SHARE >= 1 else EACH.get(kind, 1)]:
            preamble, body = split(writers[name]())
            preambles.add(re.sub(r"(?m)^\\(?:fancyfoot\[L\]|ifdefined\\pdfinfo).*$", "", preamble))
            # The switch of one must not stay for the next.
            bodies[f"{kind.__name__}/{name}"] = f"\\keytrue {body}\\keyfalse" if "\\keytrue" in preamble else body
    preamble = max(preambles, key=len)
    found = overfull(pdflatex(tmp_path, together(bodies, preamble), draft=True))
    again = together({name: bodies[name] for name in found}, preamble)
    for _ in range(4 if found else 0):  # a long table knows the widths of its columns after some runs
        found = overfull(pdflatex(tmp_path, again, draft=True))
    assert set(found) == TOO_WIDE & set(bodies), found
    assert len(preambles) == (2 if handouts in wanted else 1)


@pytest.mark.parametrize("name", chosen(examples(), ["training"], each=4))
def test_a_document_compiles_on_its_own(tmp_path: Path, pdflatex: Compile, name: str) -> None:
    """As ``bptt-trace solve NAME -f latex`` prints it, the footer with its title included; no page is ill made up."""
    source = printed(example(name), "latex")
    log = pdflatex(tmp_path, source)
    if r"\begin{longtable}" in source:  # which knows the widths of its columns after one run
        log = pdflatex(tmp_path, source)
    assert re.findall(r"^Overfull.*$|^LaTeX Warning.*$", log, re.MULTILINE) == []
    assert ill_made(tmp_path / "document.pdf") == []


def words(pdf: Path) -> str:
    """The text of a PDF, as a reader sees it."""
    return subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, check=True, text=True).stdout


@pytest.mark.parametrize("form", chosen(["worksheet", "key", "exam", "exam-key"], ["key", "exam"]))
@pytest.mark.parametrize("name", chosen(["fnn", "rnn", "rnn3", "classifier"], ["fnn"]))
def test_one_source_prints_the_worksheet_or_the_key(tmp_path: Path, pdflatex: Compile, name: str, form: str) -> None:
    """By a switch in its preamble; as printed, the worksheet has no result, and the key has every one."""
    key = Key(load(name))
    values = dict(solve(name, steps="full", detail="lines").sheet.values)
    results = {values[str(key.steps[p].target)].replace("-", "−") for p in blanks_of(key).asked}
    results -= {number.text for number in key.problem.given.values()}
    source = latex(worksheet(key, answers=True))
    exam = latex(worksheet(key, answers=True), exam=True)
    forms = {
        "worksheet": source,
        "key": source.replace("%\\keytrue", "\\keytrue"),
        "exam": exam,
        "exam-key": re.sub(r"(?m)^\\documentclass.*\n(.*\n)%", r"\1", exam),
    }
    assert not re.findall(r"^Overfull.*$", pdflatex(tmp_path, forms[form]), re.MULTILINE)
    (pdf,) = tmp_path.glob("*.pdf")
    printed = set(re.findall(r"[-−]?\d+\.\d+", words(pdf)))
    assert (results if form.endswith("key") else set()) == printed & results


def test_the_pdf_of_a_worksheet_has_no_trace_of_its_key(tmp_path: Path, pdflatex: Compile) -> None:
    """Neither in its text nor in its metadata, uncompressed."""
    key = Key(load("fnn"))
    source = latex(worksheet(key))
    pdflatex(tmp_path, source.replace("\\begin{document}", "\\pdfcompresslevel=0 \\pdfobjcompresslevel=0 \\begin{document}"))
    (pdf,) = tmp_path.glob("*.pdf")
    values = dict(solve("fnn", steps="full").sheet.values)
    results = {values[str(key.steps[p].target)] for p in blanks_of(key).asked}
    assert not [value for value in results if value in words(pdf).replace("−", "-") or value.encode() in pdf.read_bytes()]


@pytest.mark.parametrize(
    "names", [("rnn", "clipping"), pytest.param(tuple(examples()), marks=pytest.mark.exhaustive)], ids=["some", "all"]
)
def test_fragments_compile_inside_a_document_of_the_users_own(tmp_path: Path, pdflatex: Compile, names: Sequence[str]) -> None:
    r"""``\input`` needs only the packages that the documentation names; a group keeps our settings inside."""
    needed = "lmodern,amsmath,amssymb,array,booktabs,colortbl,graphicx,longtable,tikz,xcolor,microtype"
    packages = rf"\usepackage[T1]{{fontenc}}\usepackage{{{needed}}}"
    preamble = rf"\documentclass[10pt,a4paper]{{article}}{packages}\usepackage[margin=19mm]{{geometry}}"
    bodies = {name: printed(example(name), "fragment") for name in names}
    for name, body in bodies.items():
        (tmp_path / f"{name}.tex").write_text(body, "utf-8")
    source = together({name: rf"Before. \input{{{name}}} After: \the\parindent." for name in bodies}, preamble)
    assert overfull(pdflatex(tmp_path, source, draft=True)) == {}


PACKAGES = r"\usepackage{amsmath,amssymb,array,booktabs,colortbl,graphicx,longtable,tikz,xcolor}"
ORDINARY = {
    "article": r"\documentclass[11pt]{article}\usepackage[T1]{fontenc}\usepackage{lmodern}",
    "report": r"\documentclass[12pt,a4paper]{report}\usepackage[T1]{fontenc}\usepackage{lmodern}",
    "other-fonts": r"\documentclass{article}\usepackage[T1]{fontenc}",
    "beamer": r"\documentclass{beamer}\usepackage[T1]{fontenc}\usepackage{lmodern}",
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=[] if (name, kind) == ("rnn", "report") else pytest.mark.exhaustive)
        for name in ("rnn", "fnn", "lstm", "classifier", "adam", "training", "handed-in")
        for kind in ORDINARY
    ],
)
def test_a_fragment_fits_the_line_that_it_is_set_on(tmp_path: Path, pdflatex: Compile, name: str, kind: str) -> None:
    r"""Solution and worksheet stand out of no line of an article, a report or a frame, with the margins of its class."""
    fragments = {"solution": printed(example(name), "fragment"), "worksheet": latex(worksheet(key_of(name)), fragment=True)}
    for which, body in fragments.items():
        (tmp_path / f"{which}.tex").write_text(body, "utf-8")
    frame = ("\\begin{frame}[allowframebreaks]{Sheet}", "\\end{frame}") if kind == "beamer" else ("Before.", "After.")
    body = "\n\n".join(f"{frame[0]} \\input{{{which}}} {frame[1]}" for which in fragments)
    log = pdflatex(tmp_path, f"{ORDINARY[kind]}{PACKAGES}\\begin{{document}}{body}\\end{{document}}")
    assert [] == re.findall(r"Overfull .*", log)


@pytest.mark.parametrize("name", of_examples())
def test_a_fragment_is_the_body_of_the_document(name: str) -> None:
    """Nothing is lost or added."""
    solution = example(name)
    assert printed(solution, "fragment").split() == split(printed(solution, "latex"))[1].split()


def test_only_packages_of_a_basic_installation_are_used() -> None:
    """Debian's texlive-latex-base, -recommended, texlive-pictures and lmodern have them all."""
    preamble, _ = map("".join, zip(split(solve("rnn").to_latex()), split(solve("rnn", style="one-page").to_latex()), strict=True))
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
        "multicol",
    }
    assert used <= basic
    assert r"\usetikzlibrary" not in solve("rnn").to_latex()


def test_an_overfull_box_would_be_noticed(tmp_path: Path, pdflatex: Compile) -> None:
    """The search of the log finds a box that is too full, and says in which body."""
    preamble = r"\documentclass{article}\usepackage{lmodern}"
    log = pdflatex(tmp_path, together({"good": "text", "bad": r"\hbox to 1mm{much too wide}"}, preamble), draft=True)
    assert list(overfull(log)) == ["bad"]


def test_an_error_would_be_noticed(tmp_path: Path, pdflatex: Compile) -> None:
    """An undefined command fails the compilation."""
    with pytest.raises(AssertionError, match="Undefined control sequence"):
        pdflatex(tmp_path, together({"bad": r"\undefinedcommand"}, r"\documentclass{article}"))
