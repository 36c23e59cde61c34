"""Variants: drawn the same everywhere, friendly, informative, and written whole."""

from __future__ import annotations

import csv
import hmac
import math
import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from networks import document as network_document
from pypdf import PdfReader
from students import blanked, by_hand, rounded, variant_of
from sweeps import at_once, chosen, paired, runs

from bptt_trace import Key, check, load, solve
from bptt_trace.commands import command
from bptt_trace.engine.names import Role
from bptt_trace.errors import OutputError, ProblemError
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.handouts.fill_in_text import Form, hole
from bptt_trace.handouts.folder import students_of, write_archive, write_folder
from bptt_trace.handouts.number_places import completed, leaves, replaced
from bptt_trace.handouts.number_ranges import ranges_of
from bptt_trace.handouts.screening import EQUAL_INPUTS, NEAR_TIE, SATURATED, SMALL, SYMMETRIC
from bptt_trace.handouts.seeded_numbers import Draws, codes, read_code
from bptt_trace.handouts.variant_sheets import Medium, Typesetter
from bptt_trace.handouts.variants import Factory, Search
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.marking.answer_files import load as load_answers
from bptt_trace.marking.visible_mistakes import seen_best, visibility
from bptt_trace.media.latex_words import tex_words
from bptt_trace.media.templates import latex, markdown, markdown_words
from bptt_trace.problem.codes import SIGNS
from bptt_trace.problem.files import content, document_of
from bptt_trace.problem.problem import from_document, parse
from bptt_trace.problem.tables import with_defaults

MARKDOWN, LATEX = Medium("md", markdown, markdown_words), Medium("tex", latex, tex_words)
PROBLEMS = ("rnn3", "fnn", "classifier")
SMALL_ONES = PROBLEMS[:2]
"""The examples of which 200 variants are looked at."""


def document(name: str) -> dict[str, Any]:
    return document_of(content(name)[0])


@cache
def factory(name: str) -> Factory:
    return Factory(document(name))


@cache
def found(name: str, count: int = 200, seed: int = 7) -> Search:
    return factory(name).search(count, seed)


@cache
def key(name: str, place: int) -> Key:
    variant = found(name).variants[place]
    return Key(factory(name).variant_problem(variant.code, variant.drawn))


variants = st.tuples(st.sampled_from(PROBLEMS), st.integers(0, 199))


# ---------------------------------------------------------------------- drawing


def test_draws_are_the_same_everywhere() -> None:
    """These numbers were written down once; another machine, another Python, another NumPy draws them too."""
    draws = Draws(bytes(range(32)), "a label")
    assert [0, 2, 5, 0, 7, 2, 0, 3] == [draws.below(10) for _ in range(8)]
    assert ["QWX-BGC", "2QG-EC3", "G4D-BVK"] == list(islice(codes(bytes(range(32)), 7), 3))


def test_the_first_variants_of_an_example() -> None:
    """Seed 7 of ``rnn``, as it was on the first day of this generator."""
    first = factory("rnn").search(2, 7).variants
    assert ["36P-K71", "BGZ-X04"] == [variant.code for variant in first]
    numbers = {str(name): number.text for name, number in factory("rnn").given(first[0].drawn).items()}
    assert {"w_xh": "0.8", "w_hh": "-0.9", "x_1": "-1.7", "x_2": "-0.2", "target_1": "1.5"}.items() <= numbers.items()


@pytest.mark.exhaustive
def test_no_seed_of_python_and_no_locale_matter(tmp_path: Path) -> None:
    """The bytes of all files are the same."""
    texts = []
    for seed, locale in (("0", "C"), ("4321", "de_DE.UTF-8")):
        folder = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale}
        arguments = [sys.executable, "-m", "bptt_trace", "vary", "fnn", "-n", "3", "--seed", "-5", "-o", str(folder)]
        subprocess.run(arguments, check=True, env=environment, capture_output=True)
        texts.append({str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.*"))})
    assert texts[0] == texts[1]
    assert 13 == len(texts[0])


@runs(30)
@given(st.binary(min_size=1, max_size=40), st.integers(1, 2**32))
def test_draws_lie_below_their_bound(seed: bytes, bound: int) -> None:
    """And a smaller bound of the same stream is not a cut of the larger one."""
    draws = Draws(seed, "x")
    assert all(0 <= draws.below(bound) < bound for _ in range(50))


@runs(30)
@given(st.binary(min_size=1, max_size=64), st.lists(st.sampled_from((1, 2, 10, 3 << 30, (1 << 32) - 1)), max_size=30))
def test_draws_are_words_of_hmac(key: bytes, bounds: list[int]) -> None:
    """Words are HMAC-SHA256 in counter mode; one beyond the last whole range of its bound is passed over."""
    blocks = (hmac.digest(key, b"bptt-trace 1 label %d" % count, "sha256") for count in range(1000))
    words = (int.from_bytes(block[start : start + 4], "big") for block in blocks for start in range(0, 32, 4))
    wanted = [next(word % bound for word in words if word < (1 << 32) // bound * bound) for bound in bounds]
    assert wanted == list(Draws(key, "label").below_each(tuple(bounds)))
    draws = Draws(key, "label")
    assert wanted == [draws.below(bound) for bound in bounds]


def test_draws_are_even() -> None:
    """60,000 draws below 6: no face is further from 10,000 than chance lets it be once in a million."""
    draws = Draws(b"dice", "even")
    counts = Counter(draws.below(6) for _ in range(60_000))
    assert max(abs(count - 10_000) for count in counts.values()) < 5 * math.sqrt(60_000 * 5 / 36)


def test_draws_below_a_large_bound_are_even() -> None:
    """Below 3 · 2^30 a third lies below 2^30, though the words of 32 bits leave a rest that would favour it."""
    draws = Draws(b"dice", "large")
    count = sum(draws.below(3 << 30) < 1 << 30 for _ in range(9_000))
    assert abs(count - 3_000) < 5 * math.sqrt(9_000 * 2 / 9)


def test_a_code_can_be_typed_as_it_is_read() -> None:
    """Small letters, spaces, O for 0 and I for 1; a wrong sign, or another problem's code, is noticed."""
    one = factory("rnn")
    code = found("rnn", 30).variants[0].code
    assert code == read_code(one.key, f" {code.lower().replace('-', ' ')} ")
    assert "36P-K71" == code
    assert code == read_code(one.key, "36p-k7l")
    wrong = [code[:place] + sign + code[place + 1 :] for place in (0, 1, 2, 4, 5, 6) for sign in SIGNS if sign != code[place]]
    noticed = 0
    for text in wrong:
        try:
            read_code(one.key, text)
        except ProblemError as error:
            noticed += "mistyped, or the problem file has changed" in str(error)
    assert noticed > 0.9 * len(wrong)
    for text in ("", "K7M", "K7M-2QXX", "K7M-2Q!"):
        with pytest.raises(ProblemError, match="expected six letters and digits"):
            read_code(one.key, text)


def test_a_code_makes_its_variant_again() -> None:
    """With all that its key needs; from the same problem alone."""
    for name in SMALL_ONES:
        for variant in found(name).variants[:2]:
            assert variant == variant_of(factory(name), variant.code)
    changed = Factory({**document("rnn"), "title": "Another title", "marks": {"rough": 1}})
    assert factory("rnn").key == changed.key
    assert factory("rnn").key != Factory({**document("rnn"), "vary": {"w_hh": "fixed"}}).key


# ----------------------------------------------------------------------- ranges


def ranges(table: dict[str, Any], name: str = "rnn") -> dict[str, list[str]]:
    choices = ranges_of(load(name), with_defaults({"vary": table})["vary"]).choices
    return {str(quantity): [number.text for number in numbers] for quantity, numbers in choices.items()}


def test_numbers_lie_on_a_grid_of_tenths() -> None:
    """Without 0 and ±1, which hide factors; an initial state of 0 and the learning rate stay."""
    usual = ranges({})
    assert {"w_xh", "w_hh", "b_h", "w_hy", "b_y", "x_1", "x_2", "target_1", "target_2"} == set(usual)
    assert ["-0.5", "-0.4", "-0.3", "-0.2", "-0.1", "0.1", "0.2", "0.3", "0.4", "0.5"] == usual["b_h"]
    assert ("-1.2", "1.2", 22) == (usual["w_hh"][0], usual["w_hh"][-1], len(usual["w_hh"]))
    assert "h_0" in map(str, ranges_of(load("rnn", ["h_0=0.3"]), with_defaults({"vary": {}})["vary"]).choices)


def test_a_file_says_what_may_be_drawn() -> None:
    """A range, with a step or on the grid; a list; one number; nothing. What is closer to one number counts more."""
    told = ranges(
        {
            "grid": "0.25",
            "w_hh": {"from": "0.5", "to": "1.25"},
            "x": [1, 2, 3],
            "x_2": {"from": 4, "to": 6, "step": 1},
            "b_h": "fixed",
            "b_y": "1/3",
            "learning_rate": ["0.1", "0.5"],
        }
    )
    assert ["0.50", "0.75", "1.25"] == told["w_hh"]
    assert ["1", "2", "3"] == told["x_1"]
    assert ["4", "5", "6"] == told["x_2"]
    assert "b_h" not in told
    assert ["1/3"] == told["b_y"]
    assert ["0.1", "0.5"] == told["eta"]
    assert ["-1.20", "-0.95"] == told["w_xh"][:2]


def test_entries_and_own_names_may_be_told() -> None:
    """Of a matrix all entries or one; in the names of the problem."""
    told = ranges({"W_hh": [2], "W_hh[1,2]": [3]}, "classifier")
    assert [["2"], ["3"], ["2"], ["2"]] == [told[f"W_hh[{i},{j}]"] for i in (1, 2) for j in (1, 2)]
    own = ranges_of(load("rnn", ["names.w_hh=U"]), with_defaults({"vary": {"U": [2]}})["vary"]).choices
    assert ["2"] == [number.text for name, numbers in own.items() if str(name) == "w_hh" for number in numbers]


def test_targets_fit_their_output() -> None:
    """Between 0 and 1 behind a sigmoid, positive behind ReLU, and a class stays, or varies as a class."""
    sigmoid = ranges_of(load("fnn", ["network.output_activation=sigmoid"]), with_defaults({"vary": {}})["vary"]).choices
    assert all(0 < number.value < 1 for name, numbers in sigmoid.items() if name.stem == "target" for number in numbers)
    assert not any(name.stem == "target" for name in ranges_of(load("classifier"), with_defaults({"vary": {}})["vary"]).choices)
    assert 1 == len(ranges_of(load("classifier"), with_defaults({"vary": {"target": "classes"}})["vary"]).classes)


@at_once(
    ("table", "message"),
    [
        ({"w_hx": [1]}, 'vary: "w_hx" is not a given number of this problem (did you mean "w_xh"?)'),
        ({"h_1": [1]}, '"h_1" is not a given number'),
        ({"w_hh": []}, "vary.w_hh: an empty list"),
        ({"w_hh": ["a"]}, 'vary.w_hh[1]: "a" is not a number'),
        ({"w_hh": "any"}, '"any" is not a number'),
        ({"w_hh": {"from": 2, "to": 1}}, "from 2 to 1: the first is the smaller one"),
        ({"w_hh": {"from": 0, "to": 1, "step": 0}}, "a step is positive"),
        ({"w_hh": {"from": 0, "to": 1, "step": 1}}, "no numbers but 0, 1 and −1"),
        ({"w_hh": {"from": 0, "to": 100, "step": "0.001"}}, "100,001 numbers, but at most 10,001 are possible"),
        ({"grid": -1}, "a grid is positive"),
        ({"may_hide": ["memory-path"]}, 'no mistake "memory-path" in the catalogue (did you mean "memory-path-dropped"?)'),
        ({"w_hh": {"from": 1}}, "vary.w_hh"),
        ({"w_hh": True}, "vary.w_hh"),
        ({"tries": 0}, "vary.tries"),
        (
            dict.fromkeys(("w_xh", "w_hh", "b_h", "w_hy", "b_y", "x", "target"), "fixed"),
            "every number is fixed, so all variants would be the same",
        ),
    ],
)
def test_ranges_that_cannot_be(table: dict[str, Any], message: str) -> None:
    """Name the place, what was met and what would do."""
    with pytest.raises(ProblemError, match=re.escape(message)):
        Factory({**document("rnn"), "vary": table})


@runs(20)
@given(st.integers(1, 10_000))
def test_every_number_is_found_in_the_file_again(seed: int) -> None:
    """For random networks: reading the file with each number put in its place gives the same problem."""
    chance = random.Random(seed)
    made = network_document(
        **chance.choice([{"T": 2}, {"T": 2, "hidden": 2, "d": 2, "k": 2, "batch": 2}, {"cell": "dense", "hidden": [2, 2]}]),
        seed=seed,
    )
    problem = from_document(made)
    whole = completed(made, problem)
    places = leaves(whole, problem)
    assert sorted(map(str, problem.given)) == sorted(str(name) for names in places.values() for name in names)
    again = from_document(replaced(whole, {path: problem.given[names[0]].text for path, names in places.items()}))
    assert {n: v.value for n, v in problem.given.items()} == {n: v.value for n, v in again.given.items()}


# ---------------------------------------------------------------------- screens


def conditions(one: Key) -> Iterator[str]:
    """What is wrong with a variant, told from its key alone, line by line."""
    asked = blanks_of(one).asked
    inputs = [n for n in one.problem.given if n.stem == "x"]
    vectors: dict[Any, list[Any]] = {}
    for name in inputs:
        vectors.setdefault((name.sample, name.time), []).append(one.problem.given[name].value)
    values = list(vectors.values())
    if any(values[a] == values[b] for a in range(len(values)) for b in range(a)):
        yield EQUAL_INPUTS
    recurrent = {s.target.index: one.exact[p] for p, s in enumerate(one.steps) if s.target.stem == "W_hh" and s.rule is None}
    if recurrent and all(value == recurrent[j, i] for (i, j), value in recurrent.items()):
        yield SYMMETRIC
    bent = [
        abs(one.exact[position])
        for position, step in enumerate(one.steps)
        if step.role is Role.PREACTIVATION and step.target.stem == "a" and step.target.iteration == 1
    ]
    if sum(not 0.05 <= size <= 2.5 for size in bent) > len(bent) // 50:
        yield SATURATED
    sizes = [abs(one.exact[position]) for position in asked]
    if sum(1e-12 < size < 5 * 10.0**-one.problem.rounding.places for size in sizes) > len(sizes) // 50:
        yield SMALL
    closest = min(0.02, 1 / len(asked)) - 0.0001
    if any(abs(size / one.quantum[position] % 1 - 0.5) < closest for size, position in zip(sizes, asked, strict=True)):
        yield NEAR_TIE
    can_be_made = {misconception.slug for misconception, lines in one.changed_formulas if not set(asked).isdisjoint(lines)}
    for visible in visibility(one):
        if visible.mistake.slug in can_be_made and not any(one.program.index[name] in asked for name in visible.shows):
            yield visible.mistake.slug


@pytest.mark.parametrize("each", chosen([50, 1], [50]))
@pytest.mark.parametrize("name", chosen(PROBLEMS, SMALL_ONES))
def test_every_variant_keeps_every_condition(name: str, each: int) -> None:
    """Of 200 variants, looked at again by itself, without columns, none fails, and no two are equal."""
    assert 200 == len(found(name).variants) == len({variant.drawn for variant in found(name).variants})
    assert () == found(name).never_shown
    for place in range(0, 200, each):
        assert [] == list(conditions(key(name, place)))


@pytest.mark.parametrize("name", chosen(PROBLEMS, ["rnn3"]))
def test_what_is_rejected_deserves_it(name: str) -> None:
    """Every candidate on the way is counted under a condition that it fails by itself, or it is a variant."""
    search, one = factory(name).search(1, 3), factory(name)
    passed = {variant.code for variant in search.variants}
    counted: Counter[str] = Counter()
    for code in islice(codes(one.key, 3), search.drawn):
        failures = set(conditions(Key(one.variant_problem(code, one.drawn(code)))))
        assert (code in passed) == (not failures)
        counted.update(failures)
    for condition, count in search.rejected.items():
        slug = condition.removeprefix("the mistake ").removesuffix(" does not show")
        assert count <= counted[slug]
    assert search.rejected.total() + 1 == search.drawn


def test_a_screen_that_lets_one_through_would_be_noticed() -> None:
    """The conditions above find candidates that were rejected, of each of the frequent kinds."""
    one, unseen = factory("rnn3"), {EQUAL_INPUTS, SATURATED, SMALL, NEAR_TIE}
    for code in islice(codes(one.key, 1), 300):
        if unseen:
            unseen -= set(conditions(Key(one.variant_problem(code, one.drawn(code)))))
    assert not unseen


def test_columns_have_the_values_that_each_variant_has_alone() -> None:
    """To twelve digits, for every answer."""
    for name in PROBLEMS:
        for place in (0, 17, 199):
            one, variant = key(name, place), found(name).variants[place]
            exact = np.array([one.exact[position] for position in variant.exact])
            assert np.allclose(exact, list(variant.exact.values()), rtol=1e-12, atol=1e-14)


def test_a_mistake_that_may_hide_is_not_asked_for() -> None:
    """``may_hide`` takes its condition away; nothing else changes but what is found."""
    strict = factory("rnn").search(30, 7)
    free = Factory({**document("rnn"), "vary": {"may_hide": ["updated-inside-the-loop"]}}).search(30, 7)
    condition = "the mistake updated-inside-the-loop does not show"
    assert condition in strict.rejected
    assert condition not in free.rejected


def test_an_impossible_demand_names_what_failed() -> None:
    """With the share of each condition, and what would do."""
    table = {"x": [2], "tries": 20}
    with pytest.raises(
        ProblemError, match=re.escape("no variant found among 100 candidates; what failed: two inputs are equal (100%)")
    ):
        Factory({**document("rnn"), "vary": table}).search(5, 1)
    few = {
        **dict.fromkeys(("w_xh", "b_h", "w_hy", "b_y", "x", "target"), "fixed"),
        "w_hh": ["0.7", "0.8", "0.9"],
        "tries": 20,
    }
    with pytest.raises(ProblemError, match=r"of 30 variants|no variant") as failure:
        Factory({**document("rnn"), "vary": few}).search(30, 1)
    assert "among 600 candidates" in str(failure.value)
    with pytest.raises(ProblemError, match=r"enough are found with --set rounding\.places=4"):
        Factory({**document("rnn3"), "rounding": {"places": 1}, "vary": {"tries": 40}}).search(30, 1)


def test_classes_vary_as_classes() -> None:
    """Each variant has one class, its program leaves the other terms out, and its key is right."""
    one = Factory({**document("classifier"), "vary": {"target": "classes"}})
    search = one.search(4, 2)
    classes = {variant.drawn[-1] for variant in search.variants}
    assert len(classes) > 1
    setter = Typesetter(one, MARKDOWN)
    for variant in search.variants:
        problem = parse(setter.sheets(variant).problem)
        target = [float(problem.given[name].value) for name in problem.given if name.stem == "target"]
        assert 1 == sum(target) == target[variant.drawn[-1]]
        assert [] == [c for c in conditions(Key(problem)) if c in (NEAR_TIE, SMALL, SATURATED)]


# ------------------------------------------------------- marking (MARKING.md §5)


@runs(60)
@given(variants, st.integers(0, 3))
def test_the_key_of_a_variant_scores_everything(which: tuple[str, int], extra: int) -> None:
    """With any number of digits from those asked for."""
    one = key(*which)
    sheet = {one.steps[p].target: rounded(one.exact[p], max(one.places[p], 0) + extra) for p in blanks_of(one).asked}
    marks = check(one, sheet)
    assert {"correct"} == {answer.verdict for answer in marks.answers}


@runs(60)
@given(variants, st.sampled_from(["ROUND_HALF_UP", "ROUND_HALF_EVEN"]), st.sampled_from([0, 0.5]))
def test_rounding_costs_nothing_on_a_variant(which: tuple[str, int], how: str, share: float) -> None:
    """An error-free student, half up or half even, with blanks or without."""
    marks = check(key(*which), blanked(by_hand(key(*which), how=how), share, which[1]))
    assert {"correct", "rounded", "blank"} >= {answer.verdict for answer in marks.answers}


@runs(60)
@given(variants, st.integers(0, 10_000))
def test_a_slip_on_a_variant_is_found_where_it_is(which: tuple[str, int], seed: int) -> None:
    """One root fault, there; or a line so rough that a person looks."""
    one, chance = key(*which), random.Random(seed)
    position = chance.choice(list(blanks_of(one).asked))
    marks = check(one, by_hand(one, slips={position: chance.choice([1, -1]) * chance.uniform(20, 400) * one.quantum[position]}))
    person = {"not-assessable", "needs-human"} & {answer.verdict for answer in marks.answers}
    assert [one.steps[position].target] == [fault.name for fault in marks.faults] or (not marks.faults and person)


@pytest.mark.parametrize("each", chosen([50, 5], [50]))
@pytest.mark.parametrize("name", chosen(PROBLEMS, SMALL_ONES))
def test_every_mistake_is_named_on_every_variant(name: str, each: int) -> None:
    """Whoever makes one mistake of the catalogue is told its name at one line or more, or that of one that looks alike."""
    missed = []
    for place in range(0, 200, each):
        one = key(name, place)
        seen = {v.mistake.slug: v for v in visibility(one)}
        asked = {one.steps[p].target for p in blanks_of(one).asked}
        for misconception, lines in one.changes:
            if not any(one.steps[p].target in asked for p in lines):
                continue
            student = by_hand(one, changed=lines)
            marks = check(one, {quantity: text for quantity, text in student.items() if quantity in asked})
            named = {slug for fault in marks.faults for slug in fault.misconceptions}
            if not named & {misconception.slug, *seen[misconception.slug].like}:
                missed.append((place, misconception.slug, named))
    assert [] == missed


# ------------------------------------------------------------------- typesetting


@pytest.mark.parametrize(
    ("name", "wanted"),
    paired(
        chosen(
            ["rnn", "rnn3", "fnn", "classifier", "mazur", "toy-batch", "recurrent-layer"],
            ["rnn3", "toy-batch"],
        ),
        [["all"], *chosen([["results"], ["gradients"]], []), ["all", "again", "memory"]],
    ),
)
def test_a_filled_in_sheet_is_what_writing_it_anew_would_print(name: str, wanted: list[str]) -> None:
    """In Markdown byte for byte, worksheet and key."""
    one = Factory(document(name), wanted, 3 if wanted == ["gradients"] else 2)
    setter = Typesetter(one, MARKDOWN)
    for code in islice(codes(one.key, 5), 2):  # whether they make good exercises or not
        variant = variant_of(one, code)
        sheets = setter.sheets(variant)
        own = Key(parse(sheets.problem))
        blanks = blanks_of(own, wanted, 3 if wanted == ["gradients"] else 2)
        assert markdown(worksheet(own, blanks)) == sheets.worksheet
        assert markdown(key_sheet(own, blanks)) == sheets.key


@pytest.mark.parametrize("rounding", ["5sf", "carry:4dp", "full", "2dp"])
def test_any_rounding_can_be_varied(rounding: str) -> None:
    """Problems under another policy have sheets of their own."""
    changes = {"5sf": {"figures": 5}, "carry:4dp": {"policy": "carry"}, "full": {"policy": "full"}, "2dp": {"places": 2}}
    one = Factory({**document("fnn"), "rounding": changes[rounding]}, ["gradients"], 3)
    variant = variant_of(one, next(codes(one.key, 1)))
    sheets = Typesetter(one, MARKDOWN).sheets(variant)
    own = Key(parse(sheets.problem))
    assert markdown(worksheet(own, blanks_of(own, ["gradients"], 3))) == sheets.worksheet
    assert markdown(key_sheet(own, blanks_of(own, ["gradients"], 3))) == sheets.key


def test_all_variants_have_one_layout() -> None:
    """In LaTeX they differ in numbers and codes alone."""
    setter = Typesetter(factory("rnn3"), LATEX)
    texts = [setter.sheets(variant) for variant in found("rnn3").variants[:10]]
    numbers = re.compile(r"-?\d+\.\d+|[0-9A-Z]{3}-[0-9A-Z]{3}|& \d+ \\\\")
    assert 1 == len({numbers.sub("", sheets.worksheet) for sheets in texts})


@runs(50)
@given(st.lists(st.tuples(st.text(alphabet="ab|$\\{}", max_size=5), st.integers(0, 70_000)), max_size=12), st.text(max_size=3))
def test_holes_are_filled_where_they_are(parts: list[tuple[str, int]], like: str) -> None:
    """Whatever stands between them, and however wide they are."""
    text = "".join(words + hole(number, like) for words, number in parts)
    strings = [f"<{number}>" for number in range(70_001)]
    assert "".join(f"{words}<{number}>" for words, number in parts) == Form(text).fill(strings)


# ------------------------------------------------------------------- the folder


def run(*arguments: str, status: int = 0) -> str:
    outcome = CliRunner().invoke(command, list(arguments), catch_exceptions=True)
    if status == 0:
        assert outcome.exit_code == 0, outcome.output
    return outcome.output if outcome.exception is None or isinstance(outcome.exception, SystemExit) else str(outcome.exception)


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def test_a_folder_of_handouts(tmp_path: Path) -> None:
    """Worksheet, key, sheet for the answers and problem of each variant, and a list of them."""
    folder = tmp_path / "handouts"
    told = run("vary", "rnn", "-n", "12", "--seed", "7", "-o", str(folder))
    assert "12 variants in" in told
    assert "an answer is within 2% of a rounding tie" in told
    listed = table(folder / "index.csv")
    assert 12 == len(listed) == len({row["code"] for row in listed})
    for row in listed:
        problem = load(folder / row["problem"])
        sheet, own = (folder / row["worksheet"]).read_text("utf-8"), (folder / row["key"]).read_text("utf-8")
        assert row["code"] == problem.code
        assert row["code"] in sheet
        assert row["code"] in own
        for value in (solve(problem)["L"], solve(problem)["dL/dw_hh"]):
            assert f"${value:.4f}$" in own
            assert f"{value:.4f}" not in sheet
        one = Key(problem)
        assert {"blank"} == {a.verdict for a in check(one, load_answers(folder / row["answers"], one.register)).answers}


def test_a_code_makes_its_files_again(tmp_path: Path) -> None:
    """The same bytes in another folder."""
    run("vary", "rnn", "-n", "3", "--seed", "7", "-o", str(tmp_path / "all"))
    run("vary", "rnn", "--code", "BGZ-X04", "-o", str(tmp_path / "one"))
    for kind, ending in (("worksheets", "md"), ("keys", "md"), ("problems", "toml"), ("answers", "csv")):
        assert (tmp_path / f"all/{kind}/2.{ending}").read_bytes() == (tmp_path / f"one/{kind}/1.{ending}").read_bytes()


def test_each_student_has_a_variant_and_is_marked_with_it(tmp_path: Path) -> None:
    """``vary --students``, then ``grade --variants``: everybody's own right answers score everything."""
    students = ["ann", "=cmd|' /C calc'!A0", "Doe, Jr", "../x", "CON", "-rf", "Zoë", "x" * 10_000]
    ids = tmp_path / "ids.csv"
    with ids.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["student"], *([student] for student in students)])
    folder = tmp_path / "handouts"
    run("vary", "rnn", "--students", str(ids), "-o", str(folder))
    listed = table(folder / "index.csv")
    assert len(students) == len(listed)
    assert all(re.fullmatch(r"problems/[A-Za-z0-9_-]+\.toml", row["problem"]) for row in listed)
    assert {path.parent for path in tmp_path.rglob("*.toml")} == {folder / "problems"}
    names = ["h_1", "L", "dL/dw_hh"]
    rows = []
    for student, row in zip(students, listed, strict=True):
        answers = by_hand(Key(load(folder / row["problem"])))
        rows.append([student, *(next(text for name, text in answers.items() if str(name) == wanted) for wanted in names)])
    with (tmp_path / "class.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["student", *names], *rows])
    run("grade", "rnn", str(tmp_path / "class.csv"), "-o", str(tmp_path / "marks.csv"), "--variants", str(folder))
    marks = table(tmp_path / "marks.csv")
    assert ["3"] * len(students) == [row["score"] for row in marks]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no students in it"),
        ("student\n", "no students in it"),
        ("a\nb\na\n", 'row 3: "a" is there twice, first in row 1'),
        ('a\n"b\n', "is a quote closed?"),
    ],
)
def test_a_list_of_students_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    """Names the file and the row."""
    path = tmp_path / "ids.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(ProblemError, match=re.escape(message)) as failure:
        students_of(path)
    assert str(path) in str(failure.value)


def test_a_folder_with_something_in_it_stays_as_it_is(tmp_path: Path) -> None:
    """An empty one is used."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("kept", "utf-8")
    (tmp_path / "empty").mkdir()
    message = run("vary", "rnn", "-n", "1", "-o", str(tmp_path / "full"), status=2)
    assert "is there already, with something in it; expected the name of a new folder" in message
    assert ["mine.txt"] == [path.name for path in (tmp_path / "full").iterdir()]
    run("vary", "rnn", "-n", "1", "-o", str(tmp_path / "empty"))
    assert (tmp_path / "empty" / "index.csv").is_file()
    assert {"full", "empty"} == {path.name for path in tmp_path.iterdir()}


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    """The folder appears whole or not at all."""

    def interrupted(done: int) -> None:
        assert done > 0
        raise KeyboardInterrupt

    setter = Typesetter(factory("rnn"), MARKDOWN)
    for write in (write_folder, write_archive):
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "x", found("rnn", 30).found, setter, advance=interrupted)
        assert [] == list(tmp_path.iterdir())
    blocked = tmp_path / "file"
    blocked.write_text("", "utf-8")
    with pytest.raises(OutputError, match="is a file"):
        write_folder(blocked, [], setter)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--code", "36P-K71", "-n", "3"], "--code names one variant"),
        (["--code", "36P-K72"], "is not a code of this problem"),
        (["--students", "ids.csv", "-n", "3"], "ids.csv has 2 students; without -n each gets a variant"),
        (["--set", "vary.w_hh=[]"], "rnn: vary.w_hh: an empty list"),
    ],
)
def test_what_does_not_go_together(arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Says so, and writes nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ids.csv").write_text("a\nb\n", "utf-8")
    assert message in " ".join(run("vary", "rnn", "-o", "out", *arguments, status=2).split())
    assert not (tmp_path / "out").exists()


def test_a_variant_tells_where_its_mistakes_are_seen() -> None:
    """At the line that is furthest from right; the same that its key names by itself."""
    for variant in found("rnn3").variants[:10]:
        one = Key(factory("rnn3").variant_problem(variant.code, variant.drawn))
        alone = [(best.slug, best.position) for best in seen_best(one, blanks_of(one).asked)]
        assert alone == [(best.slug, best.position) for best in variant.mistakes]


# --------------------------------------------------- found by reading it again


@pytest.mark.parametrize(
    "changes",
    [
        {"given": {"x": [["0.5", -1], [1, "0.5"], [-1, 2]], "target": [0, 1, 0]}},
        pytest.param(
            {
                "given": {"x": [["0.5", -1], [1, "0.5"], [-1, 2]], "target": 1},
                "loss": {"kind": "cross_entropy", "first_class": 0},
            },
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_a_written_problem_is_that_of_its_sheets(changes: dict[str, Any]) -> None:
    """However the file says a class: by its number, from 0 or 1, or by a list with a 1 in it."""
    one = Factory({**document("classifier"), **changes, "vary": {"target": "classes"}})
    setter = Typesetter(one, MARKDOWN)
    classes = set()
    for code in islice(codes(one.key, 1), 4):
        variant = variant_of(one, code)
        sheets = setter.sheets(variant)
        own = parse(sheets.problem)
        classes.add(variant.drawn[-1])
        assert {name: number.value for name, number in one.given(variant.drawn).items()} == {
            name: number.value for name, number in own.given.items()
        }
        assert markdown(key_sheet(Key(own))) == sheets.key
    assert len(classes) > 1


def test_numbers_are_compared_by_value() -> None:
    """0.5, 0.50 and 1/2 are one choice, so no two variants have the same numbers."""
    told = ranges({"x": ["0.5", "0.50", "1/2", "1.1", "1.10"]})
    assert ["0.5", "1.1"] == told["x_1"]


@pytest.mark.parametrize(
    ("name", "table", "message"),
    [
        ("rnn", {"learning_rate": [-1]}, "vary.learning_rate: -1 goes uphill"),
        ("relu-bce", {"target": ["0.5", 7]}, "vary.target: 7 is not a probability"),
    ],
)
def test_ranges_keep_the_rules_of_the_problem(name: str, table: dict[str, Any], message: str) -> None:
    """What the file itself could not have cannot be drawn."""
    with pytest.raises(ProblemError, match=re.escape(message)):
        Factory({**document(name), "vary": table})


def test_signs_of_holes_in_a_text_are_refused() -> None:
    """A title with a private sign would have a number in it; one with the mark of a code is typeset each time."""
    with pytest.raises(ProblemError, match="a private sign of Unicode"):
        Factory({**document("rnn"), "title": "A \U000f0018 b"})
    one = Factory({**document("rnn"), "title": "ZZZ-ZZZ and ZZZ-STUDENT-ZZZ"})
    variant = variant_of(one, next(codes(one.key, 1)))
    sheets = Typesetter(one, MARKDOWN).sheets(variant, "ann")
    assert "# ZZZ-ZZZ and ZZZ-STUDENT-ZZZ" in sheets.worksheet
    assert "| ann | | |" in sheets.worksheet


def test_targets_of_a_cross_entropy_share_their_programs() -> None:
    """Whether a target is 0, 1 or between is what makes the program another one, not how large it is."""
    one = Factory({**document("relu-bce"), "vary": {"target": {"from": "0.1", "to": "0.9"}}})
    assert 1 == len({id(one.family(one.drawn(code))) for code in islice(codes(one.key, 1), 20)})


@pytest.mark.parametrize("steps", [6, 12])
def test_long_sequences_have_variants(steps: int) -> None:
    """Inputs lie on a finer grid, so that they are not equal by chance."""
    sizes = {"x": [0.1 * t for t in range(1, steps + 1)], "target": [0.5] * steps}
    one = Factory({**document("rnn"), "given": {key: [str(v) for v in values] for key, values in sizes.items()}}, ["gradients"])
    search = one.search(1, 1)
    assert search.rejected[EQUAL_INPUTS] < search.drawn / 3


def test_a_variant_that_no_search_would_keep_is_made_with_a_warning(tmp_path: Path) -> None:
    """The condition that it fails is told."""
    one = factory("rnn")
    kept = {variant.code for variant in found("rnn", 30).variants}
    code = next(code for code in codes(one.key, 7) if code not in kept)
    condition = one.rejected(variant_of(one, code))
    assert condition
    outcome = CliRunner().invoke(command, ["vary", "rnn", "--code", code, "-o", str(tmp_path / "x")])
    assert 0 == outcome.exit_code
    assert f"would not have been kept: {condition}" in outcome.output


def test_students_that_differ_in_case_have_files_of_their_own(tmp_path: Path) -> None:
    """A file system may not tell Ann from ann; their sheets have their names, and the class a file for its answers.

    A space that does not break, which a word processor puts into a name, is a space on a sheet.
    """
    ids = tmp_path / "ids.csv"
    ids.write_text("student\nann\nAnn\nJean\u00a0Dupont\nA|B *c*\n", "utf-8")
    told = run("vary", "rnn", "--students", str(ids), "-o", str(tmp_path / "out"))
    assert "from ann to A|B *c*" in told
    names = [path.name for path in (tmp_path / "out/worksheets").iterdir()]
    assert 4 == len({name.casefold() for name in names})
    sheets = {
        path.read_text("utf-8").split("\n|:---|:---|:---|\n")[1].split(" |")[0]
        for path in (tmp_path / "out/worksheets").iterdir()
    }
    assert {"| ann", "| Ann", "| Jean Dupont", r"| A\|B \*c\*"} == sheets
    rows = list(csv.reader((tmp_path / "out/class.csv").read_text("utf-8").splitlines()))
    assert ["student", "a_1", "h_1"] == rows[0][:3]
    assert ["ann", "Ann", "Jean Dupont", "A|B *c*"] == [row[0] for row in rows[1:]]


def test_the_folder_may_be_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one, by whatever name."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    run("vary", "rnn", "-n", "1", "-o", str(tmp_path / "empty" / ".." / "empty"))
    assert (tmp_path / "empty" / "index.csv").is_file()


@pytest.mark.latex
def test_a_class_as_pdf(tmp_path: Path) -> None:
    """A file for each, all of them together for the copier, and in no worksheet a result."""
    if shutil.which("pdflatex") is None and not os.environ.get("CI"):
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-recommended, texlive-pictures, lmodern)")
    run("vary", "fnn", "-n", "2", "-f", "pdf", "-o", str(tmp_path / "out"))
    pages = {path.name: len(PdfReader(path).pages) for path in (tmp_path / "out").rglob("*.pdf")}
    assert pages["all-worksheets.pdf"] == sum(len(PdfReader(p).pages) for p in (tmp_path / "out/worksheets").iterdir())
    for row in table(tmp_path / "out/index.csv"):
        values = dict(solve(load(tmp_path / "out" / row["problem"]), steps="full").sheet.values)
        results = {values[name].replace("-", "−") for name in ("a", "h", "L", "dL/dw_xh")}
        for kind in ("worksheet", "key"):
            reader = PdfReader(tmp_path / "out" / row[kind])
            text = "".join(page.extract_text() for page in reader.pages)
            assert (kind == "key") == any(value in text for value in results)
            assert row["code"] in text
