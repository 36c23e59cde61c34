"""What holds of every marked sheet, over random networks, students and slips."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import document as network_document
from students import blanked, by_hand, rounded, settled_together
from sweeps import chosen, runs, thinned

from bptt_trace import Key, Marks, Name, check
from bptt_trace.marking.catalogue.entry import CATALOGUE
from bptt_trace.marking.visible_mistakes import visibility
from bptt_trace.problem.problem import from_document

SHAPES: list[dict[str, Any]] = [
    {"T": 2},
    {"T": 3, "hidden": 2},
    {"T": 2, "hidden": 2, "d": 2, "k": 2, "activation": "sigmoid"},
    {"cell": "dense", "hidden": 2, "d": 2, "k": 2},
    {"cell": "dense", "hidden": [2, 2], "d": 2, "k": 1},
    {"T": 2, "hidden": 2, "k": 3, "classes": True, "output_activation": "softmax", "loss": {"kind": "cross_entropy"}},
    {"T": 2, "batch": 2},
]
NOTATIONS = [None, "goodfellow", "pytorch"]


@lru_cache(maxsize=64)
def key(shape: int, seed: int, places: int = 4, notation: str | None = None, full: bool = True) -> Key:
    """A random problem of one of the shapes; without follow-through it costs all."""
    document = {**network_document(**{**SHAPES[shape], "seed": seed}), "rounding": {"places": places}}
    if notation is not None:
        document["notation"] = notation
    if not full:
        document["marks"] = {"follow_through": 0}
    return Key(from_document(document))


problems = st.builds(key, st.integers(0, len(SHAPES) - 1), st.integers(1, 6))


def verdicts(marks: Marks) -> dict[Name, str]:
    return {answer.name: answer.verdict for answer in marks.answers}


def lines(one: Key) -> list[int]:
    return [p for p, step in enumerate(one.steps) if step.rule is not None and not step.repeats]


def slipping(one: Key, chance: random.Random, count: int) -> dict[Name, str]:
    """A student with some slips, of which each is carried on."""
    slips = {p: chance.choice([1, -1]) * chance.uniform(20, 3000) * one.quantum[p] for p in chance.sample(lines(one), count)}
    return by_hand(one, slips=slips)


@runs(40)
@given(st.integers(0, len(SHAPES) - 1), st.integers(1, 6), st.sampled_from(NOTATIONS), st.integers(0, 6))
def test_the_key_scores_everything(shape: int, seed: int, notation: str | None, extra: int) -> None:
    """For every problem, in every notation, with any number of digits from those asked for."""
    one = key(shape, seed, notation=notation)
    shown = one.problem.vocabulary.shown
    sheet = {str(shown(one.steps[p].target)): rounded(one.exact[p], max(one.places[p], 0) + extra) for p in lines(one)}
    marks = check(one, sheet)
    assert {"correct"} == {answer.verdict for answer in marks.answers}
    assert marks.score == marks.out_of == len(lines(one))


@runs(40)
@given(problems, st.integers(0, 4), st.sampled_from(["ROUND_HALF_UP", "ROUND_HALF_EVEN"]), st.sampled_from([0, 0.5, 0.8]))
def test_rounding_every_step_costs_nothing(one: Key, extra: int, how: str, share: float) -> None:
    """To the places asked for or more, half up or half even, with blanks or without."""
    marks = check(one, blanked(by_hand(one, extra=extra, how=how), share, extra))
    assert {"correct", "rounded", "blank"} >= set(verdicts(marks).values())
    assert marks.score == sum(answer.verdict != "blank" for answer in marks.answers)


@runs(40)
@given(problems, st.integers(0, 10_000))
def test_one_slip_is_one_fault(one: Key, seed: int) -> None:
    """A slip of twenty units of the last place or more is one root fault, there; or so rough a step that a person looks."""
    chance = random.Random(seed)
    position = chance.choice([p for p in lines(one) if "@2" not in str(one.steps[p].target)])
    slip = chance.choice([1, -1]) * chance.uniform(20, 400) * one.quantum[position]
    marks = check(one, by_hand(one, slips={position: slip}))
    roots = [answer.name for answer in marks.faults]
    person = {"not-assessable", "needs-human"} & set(verdicts(marks).values())
    assert roots == [one.steps[position].target] or (not roots and person), roots


@runs(40)
@given(st.integers(0, len(SHAPES) - 1), st.integers(1, 6), st.integers(0, 10_000))
def test_follow_through_never_costs(shape: int, problem: int, seed: int) -> None:
    """Answer by answer, credit with follow-through is at least credit without it."""
    answers = slipping(key(shape, problem), random.Random(seed), 3)
    with_it = check(key(shape, problem), answers)
    without = check(key(shape, problem, full=False), answers)
    assert all(a.credit >= b.credit for a, b in zip(with_it.answers, without.answers, strict=True))
    assert with_it.score >= without.score


@runs(40)
@given(problems, st.integers(0, 10_000))
def test_how_a_number_is_written_changes_nothing(one: Key, seed: int) -> None:
    """Another notation, spaces, more zeros, another order of rows, half the sheet given as text."""
    chance = random.Random(seed)
    answers = slipping(one, chance, 2)
    before = verdicts(check(one, answers))

    def otherwise(text: str) -> str:
        forms = [text, f" {text}\u00a0", text.replace("-", "\u2212"), f"{text}e0", f"{text}00" if "." in text else text]
        return chance.choice([*forms, f"+{text}" if text[0] != "-" else text])

    rows = [(name, otherwise(text)) for name, text in answers.items()]
    chance.shuffle(rows)
    assert before == verdicts(check(one, dict(rows)))
    assert before == verdicts(check(one, {str(name): text for name, text in rows}))


@runs(40)
@given(problems, st.integers(0, 10_000), st.integers(1, 3))
def test_fewer_digits_never_earn_more(one: Key, seed: int, fewer: int) -> None:
    """An answer with digits left out earns no more, and no other answer is accepted that was not before."""
    chance = random.Random(seed)
    answers = slipping(one, chance, 2)
    name = chance.choice(list(answers))
    position = one.program.index[name]
    short = rounded(float(answers[name]), max(one.places[position] - fewer, 0))
    full, less = check(one, answers), check(one, {**answers, name: short})
    credit = {answer.name: answer.credit for answer in full.answers}
    assert next(answer.credit for answer in less.answers if answer.name == name) <= credit[name]
    # Where more than half a unit is room for rounding, that room is no wider.
    before = {answer.name: answer for answer in full.answers}
    for answer in less.answers:
        quantum = one.quantum[one.program.index[answer.name]]
        radius, was = answer.radius or 0, before[answer.name].radius or 0
        if answer.name != name and min(radius, was) > 0.52 * quantum:
            assert radius <= 1.2 * was + 0.2 * quantum
        if answer.name != name and before[answer.name].root:
            assert answer.verdict not in ("correct", "rounded")


@runs(60)
@given(problems, st.integers(0, 10_000), st.sampled_from([0, 1, 3]))
def test_columns_say_what_check_says(one: Key, seed: int, extra: int) -> None:
    """Of many sheets together those that are settled have the verdicts that each has alone; no right one is left over."""
    chance = random.Random(seed)
    every = [one.steps[p].target for p in lines(one)]
    names = [name for name in every if chance.random() < 0.7] if extra else every  # some lines may not be asked for
    clean = [by_hand(one, extra=extra, how=how) for how in ("ROUND_HALF_UP", "ROUND_HALF_EVEN")]
    short = {**clean[0], names[-1]: "0.1", names[0]: clean[0][names[0]][:-1]}
    odd = [
        slipping(one, chance, 1),
        blanked(clean[0], 0.2, seed),
        short,
        {**clean[0], names[0]: "nan"},
        {**clean[0], names[1]: "0"},
    ]
    sheets = clean + odd
    sheets = [{name: sheet[name] for name in names} for sheet in sheets]
    settled = settled_together(one, names, [list(sheet.values()) for sheet in sheets])
    for sheet, verdicts_together in zip(sheets, settled, strict=True):
        alone = verdicts(check(one, sheet))
        if verdicts_together is not None:
            assert [alone[name] for name in names] == verdicts_together
    assert all(together is not None for together in settled[: len(clean)])


IMPOSSIBLE = ["nan", "inf", "1e309", "-1e300", "1e300", "9" * 40, "0.1.2", "one", "1e-300"]


@runs(40)
@given(problems, st.integers(0, 10_000), st.sampled_from(IMPOSSIBLE), st.integers(1, 4))
def test_impossible_numbers_never_earn(one: Key, seed: int, text: str, count: int) -> None:
    """Nothing is raised, and they have no credit."""
    answers = by_hand(one)
    chosen = random.Random(seed).sample(list(answers), count)
    zeros = {name for name in chosen if abs(one.exact[one.program.index[name]]) < one.quantum[one.program.index[name]]}
    marks = check(one, answers | dict.fromkeys(chosen, text))
    for answer in marks.answers:
        if answer.name in chosen and not (text == "1e-300" and answer.name in zeros):
            assert 0 == answer.credit or answer.verdict == "follow-through", answer
        assert answer.credit <= answer.out_of


@runs(40)
@given(problems, st.integers(0, 10_000))
def test_a_blank_changes_only_what_depends_on_it(one: Key, seed: int) -> None:
    """Of a sheet with one slip, every answer that is not made of the blank one keeps its verdict."""
    chance = random.Random(seed)
    answers = slipping(one, chance, 1)
    blank = chance.choice(list(answers))
    before, after = verdicts(check(one, answers)), verdicts(check(one, {**answers, blank: ""}))
    reached = {one.program.index[blank]}
    for position, arguments in enumerate(one.arguments):
        if reached & set(arguments):
            reached.add(position)
    rest = {name: verdict for name, verdict in before.items() if one.program.index[name] not in reached}
    named = {"slip", "wrong"}  # the name of a fault may be taken from a neighbour
    assert all(after[name] == verdict or {after[name], verdict} <= named for name, verdict in rest.items())


@pytest.mark.parametrize("shape", thinned(range(len(SHAPES)), 2))
@pytest.mark.parametrize("seed", chosen([1, 2, 3], [1]))
def test_every_visible_misconception_is_named(shape: int, seed: int) -> None:
    """Whoever has one misconception that a problem shows is told its name at one line or more, or one that looks alike."""
    one = key(shape, seed)
    changed: Mapping[str, Any] = {misconception.slug: lines for misconception, lines in one.changes}
    seen = {visible.mistake.slug: visible for visible in visibility(one)}
    missed = []
    for misconception in CATALOGUE:
        visible = seen[misconception.slug]
        if not visible.shows:
            continue
        marks = check(one, by_hand(one, changed=changed[misconception.slug]))
        named = {slug for answer in marks.faults for slug in answer.misconceptions}
        if not named & {misconception.slug, *visible.like}:
            missed.append((misconception.slug, named))
    assert [] == missed
