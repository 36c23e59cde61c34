"""Names of a lecturer's own: shown everywhere, while keys and JSON keep the canonical ones."""

from __future__ import annotations

import json
import re

import pytest
from random_problems import examples
from sweeps import at_once, paired, solution, thinned
from sweeps import problem as built_in

from bptt_trace import Name, ProblemError, check, load, parse, solve
from bptt_trace.problem.files import example
from bptt_trace.problem.vocabulary import PRESETS, Vocabulary

BRITZ = '\n[names]\nw_xh = "U"\nw_hh = "W"\nh = "s"\nL = "E"\n'
"""The names of D. Britz's tutorial: s for the state, E for the loss."""


def renamed(extra: str = BRITZ, name: str = "rnn") -> str:
    return example(name) + extra


def test_a_sheet_shows_the_lecturers_names() -> None:
    """In formulas, names of lines, conventions, tables and sentences."""
    solution = solve(parse(renamed()))
    for text in (solution.to_text(), solution.to_markdown(), solution.to_latex()):
        assert "w_hh" not in text.replace("_{hh}", "_hh")
        assert "h_1" not in text.replace("_{", "_")
    assert "a_t = U · x_t + W · s_(t−1) + b_h" in solution.to_text()
    assert "dE/ds_1 via a_2" in solution.to_text()
    assert r"\frac{\partial E}{\partial s_{1}}\text{ via }a_{2}" in solution.to_latex()


def test_json_keeps_the_canonical_names() -> None:
    """Names, text and values are those of the problem without names of its own, but for nothing."""
    assert json.loads(solve("rnn").to_json()) == json.loads(solve(parse(renamed())).to_json())


def test_either_name_finds_a_value() -> None:
    """``solution["dE/dW"]`` is ``solution["dL/dw_hh"]``."""
    solution = solve(parse(renamed()))
    assert solution["dL/dw_hh"] == solution["dE/dW"]
    assert solution["dL/dh_1 via a_2"] == solution["dE/ds_1 via a_2"]


@pytest.mark.parametrize(
    ("name", "notation"),
    paired(thinned((name for name in examples() if not built_in(name).vocabulary.renamed), 3), sorted(PRESETS)),
)
def test_every_preset_fits_every_example(name: str, notation: str) -> None:
    """One word renames what the network has, and no two quantities get one name."""
    text = f'notation = "{notation}"\n' + example(name)
    problem = parse(text)
    shown = [str(problem.vocabulary.shown(quantity)) for quantity in problem.given]
    assert len(set(shown)) == len(shown)
    for quantity in problem.given:
        assert quantity == problem.vocabulary.canonical(problem.vocabulary.shown(quantity))
    assert solve(problem).values.numbers == solution(name).values.numbers


def test_the_presets_say_what_their_texts_say() -> None:
    """U, V, W and c of Goodfellow et al.; net and out of Mazur."""

    def forward(notation: str, name: str) -> str:
        text = solve(parse(f'notation = "{notation}"\n' + example(name))).to_text(120)
        return re.sub(r" +", " ", text)

    assert "a_t = U · x_t + W · h_(t−1) + b" in forward("goodfellow", "rnn")
    assert "o_T = V h_T + c" in forward("goodfellow", "classifier")
    assert "out_h = sigmoid(net_h)" in solve("mazur").to_text()
    assert "kernel · x_t + recurrent_kernel · h_(t−1) + bias" in forward("keras", "rnn")
    assert "weight_ih · x_t + weight_hh · h_(t−1) + bias" in forward("pytorch", "rnn")


@at_once(
    ("names", "said"),
    [
        ('h = "x"', 'h and x would both be shown as "x"'),
        ('h = "s"\nx = "s"', 'h and x would both be shown as "s"'),
        ('q = "s"', 'no quantity "q"'),
        ('w_hy = "V"\nW_hh = "W"', 'no quantity "W_hh" (did you mean "w_hh"?)'),
        ('h = "h_1"', 'names.h: "h_1" is not possible here'),
        ('h = "dL/dh"', "names.h: "),
        ('h = ""', "names.h: "),
        ('h = "s s"', "names.h: "),
        ("h = 3", "names.h: 3 is not possible here"),
        ('h = "\\\\input"', "names.h: "),
    ],
)
def test_names_that_are_refused(names: str, said: str) -> None:
    """Names that clash, that nothing has, or that are no names."""
    with pytest.raises(ProblemError) as caught:
        parse(renamed(f"\n[names]\n{names}\n"))
    assert said in str(caught.value)


def test_two_stems_may_change_places() -> None:
    """A name that another quantity gives up is free."""
    problem = parse(renamed('\n[names]\nw_xh = "w_hh"\nw_hh = "w_xh"\n'))
    assert "a_t = w_hh · x_t + w_xh · h_(t−1) + b_h" in solve(problem).to_text()


def test_a_vocabulary_is_undone_by_its_inverse() -> None:
    """Every part of a name is renamed, and read back."""
    vocabulary = Vocabulary({"h": "s", "L": "E", "a": "net"})
    name = Name.parse("dL/dh_1[2]#3@2 via a_2#3@2")
    assert "dE/ds_1[2]#3@2 via net_2#3@2" == str(vocabulary.shown(name))
    assert name == vocabulary.canonical(vocabulary.shown(name))


def test_a_name_may_have_digits() -> None:
    """``W1`` and ``W2`` stand in formulas, and answers under these names are found."""
    parameters = {"w_xh": "0.5", "b_h": "0.1", "w_hy": "0.3", "b_y": 0}
    document = {"network": {"cell": "dense"}, "parameters": parameters, "given": {"x": 1, "target": 1}}
    problem = parse(json.dumps({**document, "names": {"w_xh": "W1", "w_hy": "W2"}}))
    assert "y = W2 · h + b_y" in solve(problem).to_text()
    marks = check(problem, {"dL/dW1": str(solve(problem)["dL/dw_xh"])})
    assert [("dL/dw_xh", "correct")] == [(str(answer.name), answer.verdict) for answer in marks.answers]


@pytest.mark.parametrize(
    ("problem", "change", "said"),
    [
        ("lstm", "c_0=12", "did you mean given.c_0?"),
        ("gru", "parameters.h_0=1", "did you mean given.h_0?"),
        ("fnn", "w_xh=[0.5,0.1]", "several weights have a name with a capital: W_xh = [0.5, 0.1]"),
    ],
)
def test_a_number_in_the_wrong_place_is_told_its_own(problem: str, change: str, said: str) -> None:
    """An initial state among the parameters, and the weights of two inputs under the name of one."""
    with pytest.raises(ProblemError, match=re.escape(said)):
        load(problem, [change])
