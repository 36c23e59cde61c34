"""Greek letters and accents in ``[names]``: read however they are written, set by every medium, found in answers."""

from __future__ import annotations

import random
import subprocess
import unicodedata
from collections import Counter
from contextlib import suppress

import pytest
from random_problems import examples
from sweeps import at_once, thinned
from test_code import last_line

from bptt_trace import Name, Problem, ProblemError, check, load, parse, solve
from bptt_trace.calculation.build import build
from bptt_trace.document.letters import GREEK, in_plain_text
from bptt_trace.document.notation import LATEX, TEXT, UNICODE
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.lines.spelling import Named, spelled
from bptt_trace.marking.answer_files import Register
from bptt_trace.media.pdf import as_pdf, typst_pdf
from bptt_trace.media.templates import typst
from bptt_trace.problem.files import example

TAKEN = ("alpha", "beta", "delta", "epsilon", "eta", "gamma", "lambda", "mu", "phi", "psi")
"""Letters that updates use, and those that are drawn in another shape than the usual one."""
FREE = sorted(set(GREEK) - {"sigma", "phi", "psi"})
"""Letters that formulas do not use for functions."""


def renamed(names: dict[str, str], name: str = "rnn") -> Problem:
    """An example with names of its own."""
    return parse(example(name) + "\n[names]\n" + "".join(f"{old} = '{new}'\n" for old, new in names.items()))


@at_once("name", sorted(GREEK))
def test_a_letter_is_the_one_that_unicode_calls_so(name: str) -> None:
    """Its sign, and the command of LaTeX that it is set with."""
    case, script = ("CAPITAL", "GREEK") if name[0].isupper() else ("SMALL", "GREEK")
    unicode = {"lambda": "LAMDA"}.get(name.lower(), name.upper())
    assert f"{script} {case} LETTER {unicode}" == unicodedata.name(GREEK[name])
    assert GREEK[name] == spelled(Name(name), UNICODE)
    assert name == spelled(Name(name), TEXT)
    assert {"epsilon": r"\varepsilon", "phi": r"\varphi"}.get(name, f"\\{name}") == spelled(Name(name), LATEX)


@at_once(
    ("written", "stem"),
    [
        ("alpha", "alpha"), ("α", "alpha"), (r"\alpha", "alpha"), (r"$\alpha$", "alpha"), ("θ_h", "theta_h"),
        (r"\theta_1", "theta1"), (r"\theta_{1}", "theta1"), ("θ₁", "theta1"), ("θ1", "theta1"), ("theta1", "theta1"),
        ("W_{hh}", "W_hh"), (r"W_{\theta}", "W_theta"), (r"W_\theta", "W_theta"), ("W₁", "W1"), (r"\varepsilon", "epsilon"),
        (r"\hat{w}", "what"), (r"\tilde{\alpha}", "alphatilde"), (r"\bar w", "wbar"), (r"\mathrm{rec}", "rec"),
        ("W_{h,1a}", None), ("αβ", None), (r"\foo", None), (r"\theta^2", None), (r"h\theta", None), (r"\theta h", None),
        (r"\theta_{", None), ("σ", None), (r"\varphi", None), ("tanh", None), ("N", None), ("é", None), ("中", None),
    ],
)  # fmt: skip
def test_how_a_name_may_be_written(written: str, stem: str | None) -> None:
    """As a word, a sign or a command of LaTeX; what no notation can set is an error at its place."""
    if stem is None:
        with pytest.raises(ProblemError, match=r"names\.w_hh: .*(is not possible here|in formulas|counts)"):
            renamed({"w_hh": written})
    else:
        assert {"w_hh": stem} == renamed({"w_hh": written}).vocabulary.renamed


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"w_hh": "α", "w_xh": r"\alpha"}, 'w_hh and w_xh would both be shown as "alpha"'),
        ({"w_hh": r"\theta_1", "h": "θ"}, 'w_hh and h_1 would both be shown as "theta_1"'),
        ({"w_hh": "x_1"}, 'w_hh and x_1 would both be shown as "x_1"'),
        ({"b_h": r"\eta"}, 'b_h and eta would both be shown as "eta"'),
        ({"h": r"\theta_1"}, "is not possible here"),
    ],
)
def test_names_that_collide(names: dict[str, str], said: str) -> None:
    """Two ways to write one letter are one name, and a number below a letter is not a time."""
    with pytest.raises(ProblemError, match="names") as caught:
        renamed(names)
    assert said in str(caught.value)


def drawn(name: str) -> Problem:
    """An example in which as many quantities as possible have Greek names."""
    draw = random.Random(name)
    letters = draw.sample(FREE, len(FREE))
    problem = load(name)
    stems = Counter(step.target.stem for step in build(problem).steps)
    for stem in sorted(stems):
        if not letters:
            break
        letter = letters[-1] + draw.choice(["", "", "_h", "hat", "tilde"])
        with suppress(ProblemError):  # a stem that is no key of its own, or a letter that is taken
            problem = load(name, [*changes(problem), f'names.{stem}="{letter}"'])
            letters.pop()
    assert problem.vocabulary.renamed
    return problem


def changes(problem: Problem) -> list[str]:
    """The names that a problem has by now, as changes."""
    return [f'names.{old}="{new}"' for old, new in problem.vocabulary.renamed.items()]


@pytest.mark.parametrize("name", thinned(examples(), 6))
def test_answers_have_the_names_as_they_are_printed(name: str) -> None:
    """In the signs of a terminal, in ASCII, in LaTeX, and canonically; no two quantities are printed alike."""
    problem = drawn(name)
    names = [step.target for step in scalars(build(problem)).steps]
    register = Register(names, problem.vocabulary)
    for notation in (TEXT, UNICODE, LATEX):
        seen = {Named(problem.vocabulary.shown(name)).spell(notation): name for name in names}
        assert len(names) == len(seen)
        for text, quantity in seen.items():
            assert quantity == register.find(f"${text}$" if notation is LATEX else text)
    assert names == [register.find(str(name)) for name in names]


def test_what_students_write_for_a_name() -> None:
    """With a line below, braces, signs or commands."""
    problem = renamed({"w_xh": r"\theta_1", "h": "ξ", "L": r"\Lambda"})
    value = str(solve(problem)["dL/dw_xh"])
    for text in ("dΛ/dθ1", "dLambda/dtheta1", "dΛ/dθ_1", r"d\Lambda/d\theta_1", r"$d\Lambda/d\theta_1$", "dL/dw_xh"):
        marks = check(problem, {text: value})
        assert [("dL/dw_xh", "correct")] == [(str(answer.name), answer.verdict) for answer in marks.answers], text


def test_the_state_of_an_optimizer_has_the_name_of_its_parameter() -> None:
    """``m_w_hh`` is shown as m with θ below it."""
    problem = load("rnn", ["update.rule=adam", 'names.w_hh="θ"'])
    text = solve(problem).to_text()
    assert "m_θ " in text
    assert "w_hh" not in text
    assert r"m_{\theta}" in solve(problem).to_latex()
    assert Name.parse("m_w_hh") == problem.vocabulary.canonical(Name.parse("m_theta"))


@pytest.mark.parametrize("form", ["python", "numpy"])
@pytest.mark.parametrize("name", ["rnn", "adam"])
def test_programs_have_identifiers(name: str, form: str) -> None:
    """They run, and find the digits of the sheet; ``lambda`` is a word of Python."""
    stem = "h" if name == "rnn" else "w"
    assert last_line(solve(load(name, [f'names.{stem}="λ"'])).to_code(form)).startswith("All ")


def test_files_for_machines_keep_their_names() -> None:
    """JSON is that of the same problem without names of its own."""
    assert solve("rnn").to_json() == solve(renamed({"h": "ξ", "w_hh": r"\theta"})).to_json()


@pytest.mark.latex
@pytest.mark.parametrize("program", [pytest.param("latex", marks=pytest.mark.exhaustive), "typst"])
def test_every_letter_is_on_paper(program: str) -> None:
    """What a reader of PDF finds on the page are the letters of Unicode."""
    names = [name for name in GREEK if name not in TAKEN]
    table = "".join(f"{name} = 1\n" for name in names)
    gradients = "".join(f"{name} = [0.5]\n" for name in names)
    sheet = solve(parse(f"[parameters]\n{table}[given.gradient]\n{gradients}[update]\nlearning_rate = 0.1\n")).sheet
    pdf = as_pdf(sheet) if program == "latex" else typst_pdf(typst(sheet))
    text = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    found = set(unicodedata.normalize("NFKC", text).replace("\N{INCREMENT}", "Δ"))
    assert not [name for name in names if GREEK[name] not in found]


def test_plain_names_are_left_alone() -> None:
    """Only what is no plain text is read anew."""
    for text in ("dL/dh_1 via a_2", "W_hh[1,2]", "h(2)_1#3@2", "w_hh'"):
        assert in_plain_text(text) is text
