"""Students without an error have full marks, however they round; and one mistake made throughout is one fault where it enters."""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hand_students import EXAMPLES, KINDS, NETWORKS, OTHERS, Calculator, blanked, other_numbers, sheets, stripped
from sweeps import chosen, share_of

from bptt_trace import Key, Marks, check, load, solve

ROUNDINGS = [(2, None), (3, None), (4, None), (4, 3), (4, 4), (4, 5)]


def losses(problem: str, settings: tuple[str, ...], rounding: tuple[int, int | None], shares: tuple[float, ...]) -> Counter[str]:
    """The verdicts that cost an error-free student marks, each with its first example."""
    chance = random.Random(f"{problem}{settings}{rounding}")
    calculator = Calculator(problem, settings, *rounding)
    key = Key(load(problem, [*settings, *calculator.set_rounding]))
    found: Counter[str] = Counter()
    for what, sheet in sheets(calculator, chance, shares):
        for answer in check(key, sheet).answers:
            if answer.verdict != "blank" and answer.credit < answer.out_of:
                found[f"{what}: {answer.name} = {answer.raw} is {answer.verdict}"] += 1
    return found


@pytest.mark.parametrize(("places", "figures"), [(2, None), (4, None), (4, 3)], ids=["2 places", "4 places", "3 figures"])
@pytest.mark.parametrize("problem", ["rnn", "fnn", "lstm"])
def test_rounding_costs_nothing(problem: str, places: int, figures: int | None) -> None:
    """Rounded at every line or only where it is written, half up or half even, zeros dropped, half of it blank: full marks."""
    assert Counter() == losses(problem, (), (places, figures), (0, 0.5))


@pytest.mark.exhaustive
@pytest.mark.parametrize("rounding", ROUNDINGS, ids=lambda r: f"{r[1]}sf" if r[1] else f"{r[0]}dp")
@pytest.mark.parametrize("problem", NETWORKS)
def test_rounding_costs_nothing_in_any_network(problem: str, rounding: tuple[int, int | None]) -> None:
    """The same with the problem's numbers and draws of others, and 0 to 80 % blanks."""
    for draw in range(1 + share_of(10)):
        settings = other_numbers(problem, random.Random(f"{problem}{draw}")) if draw else ()
        assert Counter() == losses(problem, settings, rounding, (0, 0.3, 0.6, 0.8)), settings


@pytest.mark.parametrize("problem", chosen(OTHERS, ["luong-attention", "graph"]))
def test_rounding_costs_nothing_in_examples_of_other_kinds(problem: str) -> None:
    """The same where queries meet keys, letters are read, equations are told, a neuron steps."""
    for rounding in ROUNDINGS if problem in OTHERS[::4] else ROUNDINGS[2::2]:
        assert Counter() == losses(problem, (), rounding, (0, 0.5))


@pytest.mark.parametrize("problem", ["rnn", "classifier", "gru"])
def test_what_the_worked_solution_prints_is_right_after_a_wrong_line(problem: str) -> None:
    """Every line of it is correct where every second line is wrong; with zeros at the end or without."""
    key = Key(load(problem))
    printed = Calculator(problem, (), 4).answers("rule")
    for change in (str, stripped):
        for odd in (0, 1):
            sheet = {name: "0.4321" if place % 2 == odd else change(text) for place, (name, text) in enumerate(printed.items())}
            marks = check(key, sheet)
            verdicts = {str(answer.name): answer.verdict for answer in marks.answers}
            assert {"correct"} == {verdicts[name] for place, name in enumerate(printed) if place % 2 != odd}


def test_the_problem_s_own_decimals_are_enough_for_small_numbers() -> None:
    """A line of which a worksheet asks five decimals, because it is small, is right with four; with three it is not."""
    key = Key(load("lstm"))
    (answer,) = check(key, {"dL/dh_2 via a_f_3": "-0.0010"}).answers
    assert ("correct", 5) == (answer.verdict, key.places[key.program.index[answer.name]])
    (answer,) = check(key, {"dL/dh_2 via a_f_3": "-0.002"}).answers
    assert answer.root


@pytest.mark.parametrize("loss", ["0.4696", "0.4761"])
def test_a_number_that_follows_may_be_cut_short(loss: str) -> None:
    """Half marks for a follow-through with two decimals too few; what is made of it goes on from 0.3148 or 0.31."""
    marks = check(load("rnn"), {"h_2": "0.5123", "y_2": "0.31", "L_2": loss})
    assert ["wrong", "rough", "follow-through"] == [answer.verdict for answer in marks.answers]
    assert [0, 0.5, 1] == [answer.credit for answer in marks.answers]
    assert ["h_2"] == list(map(str, marks.answers[1].inherits))


# ------------------------------------------------- one mistake, made throughout


@cache
def student_without_the_memory_path(problem: str, places: int) -> tuple[Calculator, set[str], Key]:
    """Who leaves out what comes back from the next step; the lines at which it is left out; and the key."""
    calculator = Calculator(problem, (), places)
    assert calculator.exact
    text = solve(load(problem, calculator.set_rounding)).to_code("python")
    text = re.sub(r"\nprint\(.*", "", text[text.index("# ---- Given") :])
    enters: set[str] = set()

    def cut(match: re.Match[str]) -> str:
        terms = match["sum"].split(" + ")
        own = [term for term in terms if term.strip().endswith(f"_{match['name'][-1]}")]
        if not own or len(own) == len(terms):
            return match[0]
        enters.add(match["name"])
        return match[0].replace(match["sum"], " + ".join(own))

    text = re.sub(r'"(?P<name>dL/d[ch]_\d)",\s+(?P<sum>\w+( \+ \w+)+),\s', cut, text)
    calculator.__dict__["code"] = compile(text, problem, "exec")
    return calculator, enters, Key(load(problem, calculator.set_rounding))


def without_the_memory_path(
    problem: str, places: int, kind: str, share: float = 0.0, chance: random.Random | None = None
) -> tuple[set[str], Marks]:
    """The lines at which it is left out, and the marks of a sheet of which a share is blank."""
    calculator, enters, key = student_without_the_memory_path(problem, places)
    return enters, check(key, blanked(calculator.answers(kind), share, chance or random.Random(0)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("problem", "count"), [("lstm", 4), ("rnn3", 2)])
def test_a_network_without_its_memory_path_has_one_fault_where_it_enters(problem: str, count: int, kind: str) -> None:
    """Each of these lines is told the mistake by its name, and no other line has a fault."""
    enters, marks = without_the_memory_path(problem, 4, kind)
    assert count == len(enters)
    assert enters == {str(answer.name) for answer in marks.faults}
    assert {"misconception"} == {answer.verdict for answer in marks.faults}
    rest = Counter(answer.verdict for answer in marks.answers if not answer.root)
    assert set(rest) <= {"correct", "rounded", "follow-through"}
    assert rest["follow-through"] > 10


@pytest.mark.parametrize("sheets", [2, pytest.param(max(40, share_of(80)), marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("problem", ["lstm", "rnn3"])
def test_the_missing_memory_path_keeps_its_name_between_blanks(problem: str, sheets: int) -> None:
    """Of the faults that are found one in fifty at most has another name, and hardly a blank line is called one beside them.

    Hundreds of faults are too few to tell such a share.
    """
    names = {"memory-path-dropped", "carry-dropped"}
    faults = other = blank = 0
    for seed in range(sheets):
        for kind in KINDS:
            for share in (0.3, 0.6):
                _, marks = without_the_memory_path(problem, 4, kind, share, random.Random(f"{problem}{kind}{share}{seed}"))
                faults += len(marks.faults)
                other += sum(not names.issuperset(answer.misconceptions or ("",)) for answer in marks.faults)
                blank += len(marks.unwritten)
    assert faults > 4 * sheets
    assert other <= faults / 50
    assert blank <= faults / 50


def test_the_examples_are_there() -> None:
    """Every network of the sweep is a built-in problem."""
    assert all((Path(EXAMPLES) / f"{name}.toml").is_file() for name in NETWORKS)
