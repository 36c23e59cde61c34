"""Marking in bounds: quick whatever is blank, no number right by tolerance alone, nothing for filling in numbers."""

from __future__ import annotations

import importlib
import random
import time
from collections.abc import Callable, Iterator
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from functools import cache

import mpmath
import pytest
from cell_mistakes import LSTM, OF_CELLS, problem_with
from students import by_hand, rounded, settled_together
from sweeps import abreast, chosen, share_of
from test_check import HOMES, OF_ANY_NETWORK
from test_check import key as key_of_example

from bptt_trace import Name, load
from bptt_trace.calculation.compiled_rules import source
from bptt_trace.handouts.answer_key import key_sheet
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.marking.check import check
from bptt_trace.marking.key import Key, World
from bptt_trace.marking.marks import RIGHT, Marks
from bptt_trace.problem.files import examples
from bptt_trace.problem.problem import from_document

WIDE = pytest.mark.exhaustive


def covering(few: list[str]) -> list[object]:
    """Some examples by default, all of them in a wide sweep."""
    return [pytest.param(name, marks=[] if name in few else [WIDE]) for name in examples()]


@cache
def key(name: str, *changes: str) -> Key:
    return Key(load(name, changes))


@cache
def key_with(network: tuple[tuple[str, object], ...], steps: int = 3) -> Key:
    return Key(from_document(problem_with(dict(network), steps)))


def asked(one: Key) -> list[int]:
    return [p for p, step in enumerate(one.steps) if step.rule is not None and not step.repeats]


# ------------------------------------------------------------------------ time


def seconds(one: Key, answers: dict[Name, str]) -> float:
    began = time.process_time()
    check(one, answers)
    return time.process_time() - began


@pytest.mark.parametrize("name", covering(["rnn", "vanishing-lstm", "keras-gru"]))
def test_one_wrong_answer_and_blanks_take_less_than_a_second(name: str) -> None:
    """However many paths lead to a line: all of them are added up in one pass back."""
    one = Key(load(name))
    lines = asked(one)
    for position in {lines[-1], *random.Random(name).sample(lines, min(3, len(lines)))}:
        assert 1 > seconds(one, {one.steps[position].target: "0.1234"})


@WIDE
def test_an_lstm_of_fifty_steps_takes_less_than_three_seconds() -> None:
    """About three thousand lines, one of them written and wrong, and all mistakes of the catalogue tried."""
    one = Key(from_document(problem_with(LSTM, 50)))
    assert 3 > seconds(one, {Name.parse("dL/dw_hf"): "0.1234"})


def test_what_takes_too_much_work_is_left_to_a_human(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit counts lines, not seconds: the same sheet has the same marks on every machine."""
    monkeypatch.setattr(importlib.import_module("bptt_trace.marking.check"), "MOST_WORK", 300)
    one = key("vanishing-lstm")
    answers = {name: text for place, (name, text) in enumerate(by_hand(one).items()) if place % 4 == 0}
    wrong = {
        name: rounded(float(text) + 0.3, 4) if place % 3 == 0 else text for place, (name, text) in enumerate(answers.items())
    }
    first, again = check(one, wrong), check(one, wrong)
    assert first == again
    left = [answer for answer in first.answers if answer.verdict == "needs-human"]
    assert left
    assert {"this sheet takes too much calculation to be marked to its end"} == {answer.message for answer in left}
    for answer in first.answers:
        position = one.program.index[answer.name]
        if abs(float(answer.raw) - one.exact[position]) <= 0.5 * one.quantum[position]:
            assert "correct" == answer.verdict, "what is right needs no calculation"


# ------------------------------------------------------------------ tolerances


Keeping = Callable[[int, mpmath.mpf], mpmath.mpf]
"""How a number is rounded, at the line of this position."""


def follows(one: Key, position: int, written: dict[int, float], keep: Keeping | None = None) -> mpmath.mpf | None:
    """What a line comes to from what is written, with 30 digits: the oracle, which knows nothing of tolerances.

    ``keep`` rounds what the blank lines on the way come to.
    """
    functions = {
        "ln": mpmath.log,
        "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
        "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    }
    known: dict[int, mpmath.mpf] = {}
    needed, ahead = {position}, list(one.arguments[position])
    while ahead:
        place = ahead.pop()
        if place not in needed and place not in written:
            needed.add(place)
            ahead += one.arguments[place]
    with mpmath.workdps(30):
        for place in sorted(needed):
            step = one.steps[place]
            if step.rule is None:
                known[place] = mpmath.mpf(one.exact[place])
                continue
            values = [mpmath.mpf(written[a]) if a in written else known[a] for a in step.arguments]
            line = source(step.rule).bind(
                lambda value: mpmath.mpf(value.numerator) / value.denominator,
                lambda function: functions.get(function.name) or bent(function) or getattr(mpmath, function.name),
            )
            try:
                known[place] = line(*values)
            except (ArithmeticError, ValueError):
                return None
            if keep is not None and place != position:
                known[place] = keep(place, known[place])
        return known[position]


def ways_to_round(one: Key) -> Iterator[Keeping]:
    """To the decimals that are asked for, or to those of the sheet; halves go up, or to the even digit."""
    places = one.problem.rounding.places
    for asked in (True, False):
        for how in (ROUND_HALF_UP, ROUND_HALF_EVEN):

            def keep(place: int, value: mpmath.mpf, asked: bool = asked, how: str = how) -> mpmath.mpf:
                number = Decimal(mpmath.nstr(value, 20))
                if one.figures(place) is not None:
                    decimals = one.figures(place) - 1 - number.adjusted()
                else:
                    size = Decimal(one.exact[place]).adjusted() if one.exact[place] else 2
                    decimals = max(places, 2 - size) if asked else places
                return mpmath.mpf(str(number.quantize(Decimal(1).scaleb(-decimals), how)) if number else value)

            yield keep


def bent(function: object) -> object:
    """ReLU and its like: a slope on either side of 0."""
    pieces = getattr(function, "pieces", None)
    if pieces is None:
        return None
    left, middle, right = (mpmath.mpf(float(part)) for part in (pieces.left, pieces.at_zero, pieces.right))
    if pieces.steps:
        return lambda z: right if z > 0 else left if z < 0 else middle
    return lambda z: right * z if z > 0 else left * z


def with_named_mistakes(one: Key, marks: Marks, position: int) -> float | None:
    """What a line comes to for somebody who makes the mistakes that have a name on this sheet, and no other, with all digits."""
    named = {slug for answer in marks.answers for slug in answer.misconceptions}
    changed = {place: line for mistake, lines in one.changes if mistake.slug in named for place, line in dict(lines).items()}
    changed.pop(position, None)
    return World(one, {}, changed).rule(position) if named else None


def assert_nothing_far_is_right(one: Key, seed: int) -> None:
    """Some lines are written, most of them far off, the others are blank."""
    chance = random.Random(seed)
    lines = asked(one)
    written: dict[int, float] = {}
    for position in chance.sample(lines, min(len(lines), chance.choice([1, 3, 12, 40]))):
        shift = chance.choice([0, 0, 11, 50, 1e3, 1e6]) * chance.choice([1, -1]) * chance.uniform(1, 2) * one.quantum[position]
        written[position] = float(f"{one.exact[position] + shift:.{max(one.places[position], 0)}f}")
    marks = check(one, {one.steps[p].target: repr(value) for p, value in written.items()})
    solved = {blank.name for blank in marks.unwritten}
    for answer in marks.answers:
        position = one.program.index[answer.name]
        unit = max(10 * one.quantum[position], 0.51 * 10.0**-one.problem.rounding.places)
        if abs(written[position] - one.exact[position]) <= unit or answer.verdict not in ("correct", "rounded", "follow-through"):
            continue
        if not solved.isdisjoint(answer.inherits):
            continue  # two wrong answers agree on one value of a blank line: the fault is there
        others = {p: value for p, value in written.items() if p != position}
        there = follows(one, position, others)
        assert there is not None
        if one.figures(position) is not None and there:  # 0.1006 has coarser units than 0.09999
            unit = max(unit, 10.0 ** (Decimal(float(there)).adjusted() - one.figures(position) + 2))
        if abs(written[position] - there) > unit * (1 + 1e-9):
            by_hand = [follows(one, position, known, keep) for keep in ways_to_round(one) for known in (others, {})]
            by_hand.append(with_named_mistakes(one, marks, position))
            half = 0.51 * max(one.quantum[position], 10.0**-one.problem.rounding.places)
            assert any(abs(written[position] - value) <= half for value in by_hand if value is not None), (answer, there)


@pytest.mark.parametrize("seed", [0, pytest.param(range(1, 1 + share_of(30)), marks=WIDE)])
@pytest.mark.parametrize("name", covering(["rnn", "gru", "adam", "relu-bce"]))
def test_no_tolerance_alone_makes_a_far_number_right(name: str, seed: int | range) -> None:
    """What is more than ten units off is right only where it follows from what is written.

    That is within ten units; or to half a unit where every blank line is rounded by hand, or every line, as on the sheet.
    """
    for one in [seed] if isinstance(seed, int) else seed:
        assert_nothing_far_is_right(key(name), one)


RULES = ["momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw", "adamax", "nadam"]


@pytest.mark.parametrize("seeds", [range(1), pytest.param(range(1, 72), marks=WIDE)], ids=["few", "many"])
@pytest.mark.parametrize("rule", RULES)
def test_no_optimizer_makes_a_far_number_right(rule: str, seeds: range) -> None:
    """Dead units, whose gradients are 0, divide by roots that are all but empty."""
    for seed in seeds:
        chance = random.Random(f"{rule} {seed}")
        made = {
            "network": {"cell": "dense", "activation": chance.choice(["relu", "tanh"]), "hidden": 2, "bias": False},
            "parameters": {"W_xh": [[chance.choice(["0.5", "-0.5"])], ["-0.7"]], "W_hy": [[1, f"{chance.uniform(-1, 1):.2f}"]]},
            "given": {"x": 1, "target": chance.choice([2, "0.5"])},
            "update": {"rule": rule, "learning_rate": "0.1"},
        }
        one = Key(from_document(made))
        for sheet in range(3):
            assert_nothing_far_is_right(one, sheet)


def test_a_dead_unit_keeps_its_weight() -> None:
    """Adam divides 0 by an almost empty root: the step is 0, and neither −500 nor 77 is a weight."""
    made = {
        "network": {"cell": "dense", "activation": "relu", "hidden": 2, "bias": False},
        "parameters": {"W_xh": [["0.5"], ["-0.5"]], "W_hy": [[1, 1]]},
        "given": {"x": 1, "target": 2},
        "update": {"rule": "adam", "learning_rate": "0.1"},
    }
    marks = check(Key(from_document(made)), {"dL/dW_xh[2,1]": "0", "W_xh'[2,1]": "-500", "W_hy'[1,2]": "77"})
    assert ["correct", "slip", "wrong"] == [answer.verdict for answer in marks.answers]


def test_a_line_without_a_result_hands_its_fault_on() -> None:
    """A division by a wrong 0 has no result: what is written there is not marked, and what follows from it follows from the 0."""
    sheet = {"s": "0", "y[2]": "2", "dL/dz[2]": "2"}
    answers = {str(answer.name): answer for answer in check(key("softmax-loss"), sheet).answers}
    assert answers["s"].root
    assert "not-assessable" == answers["y[2]"].verdict
    assert "a division by 0" in answers["y[2]"].message
    assert ("follow-through", ["s"]) == (answers["dL/dz[2]"].verdict, list(map(str, answers["dL/dz[2]"].inherits)))


@pytest.mark.parametrize("rounding", [{}, {"places": 15}, {"figures": 3}], ids=["4 places", "15 places", "3 figures"])
@pytest.mark.parametrize("x", [-20, -60, -708, -740])
def test_a_saturated_unit_can_be_asked_for_and_marked(x: int, rounding: dict[str, int]) -> None:
    """However small its slope is: no box asks for hundreds of decimals, and the key of it and verdicts on it are there."""
    made = {
        "network": {"cell": "dense", "activation": "sigmoid", "bias": False},
        "parameters": {"w_xh": 1, "w_hy": 1},
        "given": {"x": x, "target": "0.5"},
        "rounding": rounding,
    }
    one = Key(from_document(made))
    assert key_sheet(one, blanks_of(one))
    for wrong in ("0.1", "2e-300"):
        sheet = {str(name): text for name, text in by_hand(one).items()} | {"h": wrong}
        verdicts = {str(answer.name): answer.verdict for answer in check(one, sheet).answers}
        assert verdicts["a"] == "correct"
        assert verdicts["h"] not in RIGHT or (wrong == "2e-300" and not rounding.get("figures"))
    if not rounding.get("figures"):
        places = rounding.get("places", 4)
        assert max(one.places) <= max(12, places)
        nothing = check(one, dict.fromkeys(("h", "y", "dL/da"), "0")).answers
        assert x == -20 or {"correct"} == {answer.verdict for answer in nothing}


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("side", [1, -1])
def test_the_edge_of_what_rounding_can_do(side: int, inside: bool) -> None:
    """0.51 of a unit, and 1.05 of what half a unit in each source does: just inside is right, just outside is not."""
    one = key("rnn3")
    sources, position = [one.program.index[Name.parse(name)] for name in ("dL/dh_2 via y_2", "dL/dh_2 via a_3")], None
    position = one.program.index[Name.parse("dL/dh_2")]
    written = {p: float(rounded(one.exact[p], one.places[p])) for p in sources}
    edge = 0.51 * one.quantum[position] + 1.05 * sum(one.quantum[p] / 2 for p in sources)  # a sum has slopes of 1
    value = sum(written.values()) + side * edge * (0.999 if inside else 1.001)
    assert abs(value - one.exact[position]) > 0.51 * one.quantum[position]
    sheet = {one.steps[p].target: repr(number) for p, number in written.items()} | {one.steps[position].target: repr(value)}
    verdicts = {answer.name: answer.verdict for answer in check(one, sheet).answers}
    assert (verdicts[one.steps[position].target] == "rounded") is inside


@pytest.mark.parametrize("name", ["rnn", "classifier", pytest.param("gru", marks=WIDE), pytest.param("adam", marks=WIDE)])
def test_a_class_is_marked_as_each_sheet_of_it(name: str) -> None:
    """Where the quick path settles a sheet it gives the verdicts of ``check``, also for numbers near the edge."""
    one, chance, settled = key(name), random.Random(name), 0
    for share in (0.2, 0.5, 1):
        lines = sorted(chance.sample(asked(one), max(3, int(share * len(asked(one))))))
        names = [one.steps[p].target for p in lines]
        sheets = []
        for _ in range(12):
            honest = by_hand(one, extra=chance.choice([0, 0, 1]))
            sheet = [honest[each] for each in names]
            for place in chance.sample(range(len(sheet)), 2):
                moved = float(sheet[place]) + chance.choice([1, -1]) * chance.uniform(0.4, 1.6) * one.quantum[lines[place]]
                sheet[place] = f"{moved:.{max(one.places[lines[place]], 0) + 3}f}"
            sheets.append(sheet)
        for sheet, found in zip(sheets, settled_together(one, names, sheets), strict=True):
            if found is not None:
                settled += 1
                assert found == [answer.verdict for answer in check(one, dict(zip(names, sheet, strict=True))).answers]
    assert settled > 3


# ---------------------------------------------------------------------- gaming


FILLERS = ["0", "1", "-1", "0.5", "0.25", "0.01", "0.0001", "0.3333"]


def assert_earns_little(one: Key, sheet: dict[Name, str], share: float = 0.05) -> None:
    marks = check(one, sheet)
    assert marks.score <= max(share * marks.out_of, 1), (marks.score, marks.out_of)


@pytest.mark.parametrize("name", covering(["rnn", "classifier", "adam"]))
def test_one_number_in_every_box_earns_nothing(name: str) -> None:
    """Tiny numbers follow from tiny numbers, and 1 from 1: whoever fills them in has calculated nothing."""
    one = key(name)
    for number in FILLERS:
        assert_earns_little(one, {one.steps[p].target: number for p in asked(one)}, 0)


@pytest.mark.parametrize("name", covering(["rnn", "clipping", "softmax-gradient"]))
def test_random_numbers_earn_next_to_nothing(name: str) -> None:
    """At most one box in twenty over several sheets, boxes whose right answer is 0 among them."""
    one, chance = key(name), random.Random(name)
    earned = due = 0.0
    for scale, places in ((1, 4), (0.1, 4), (0.001, 6), (0.0003, 7)) * 2:
        sheet = {one.steps[p].target: f"{chance.uniform(-scale, scale):.{places}f}" for p in asked(one)}
        marks = check(one, sheet)
        earned, due = earned + marks.score, due + marks.out_of
    assert earned <= 0.05 * due


SIMPLE = {
    "fractions": ("0", "1", "0.5", "-1", "0.25"),
    "half and whole": ("0.5", "1"),
    "nothing and half": ("0", "0.5"),
    "nothing and two": ("0", "2"),
    "powers of ten": ("0.1", "0.01", "0.001"),
    "tenths": tuple(f"{tenth / 10}" for tenth in range(-9, 10)),
    "given": (),
}
"""A few numbers, of which many follow from one another; those of the problem itself stand in its place for "given"."""


@pytest.mark.parametrize(
    ("name", "numbers"), abreast(covering(["shared-weight", "prachub"]), chosen(SIMPLE, ["fractions", "given"]))
)
def test_a_few_numbers_drawn_at_random_earn_next_to_nothing(name: str, numbers: str) -> None:
    """Of the boxes that none of the numbers answers one in twenty earns at most, whether the others are filled in or not.

    A box whose right answer is among the numbers is right when it is drawn, and stays so: it is not counted.
    """
    one, chance = key(name), random.Random(name + numbers)
    given = sorted({f"{one.exact[p]:.4g}" for p, step in enumerate(one.steps) if step.rule is None})
    drawn, boxes = SIMPLE[numbers] or given, asked(one)
    least = 0.0 if one.problem.rounding.figures else 10.0**-one.problem.rounding.places
    half = {p: 0.51 * max(one.quantum[p], least) for p in boxes}
    answered = {p for p in boxes if any(abs(float(text) - one.exact[p]) <= half[p] for text in drawn)}
    rest = [p for p in boxes if p not in answered]
    for filled in (boxes, rest) if rest else ():
        counted = earned = 0
        while counted < 300:
            for answer in check(one, {one.steps[p].target: chance.choice(drawn) for p in filled}).answers:
                if one.program.index[answer.name] not in answered:
                    counted += 1
                    earned += answer.credit > 0
        assert earned <= 0.05 * counted


def test_what_follows_stays_on_a_sheet_that_is_mostly_right() -> None:
    """One line follows from five wrong ones: among right lines that is no chance, on a sheet of wrong ones it may be."""
    one = key("rnn3")
    wrong = {"a_1": "0.9000", "h_1": "0.7163", "y_2": "7.1111", "y_3": "6.2222", "dL/dh_3": "5.3333", "dL/da_3": "4.4444"}
    right = {str(name): text for name, text in by_hand(one).items()}
    for sheet, verdict in ((right | wrong, "follow-through"), (wrong, "not-assessable")):
        assert verdict == {str(answer.name): answer.verdict for answer in check(one, sheet).answers}["h_1"]


@pytest.mark.parametrize("name", ["rnn", "classifier"])
def test_the_same_number_in_almost_every_box_earns_little(name: str) -> None:
    """One other number among them leaves the lines that only copy another: the rest show nothing."""
    one = key(name)
    for number in ("0.0001", "0.01", "0.5"):
        sheet = {one.steps[p].target: number for p in asked(one)}
        assert_earns_little(one, sheet | {one.steps[asked(one)[0]].target: "0.7"}, 0.1)


@pytest.mark.parametrize("name", covering(["rnn", "clipping", "perceptron"]))
def test_who_goes_on_with_one_number_earns_nothing_for_it(name: str) -> None:
    """Some lines are honest, and 0, 1 or ½ stands in the rest: they earn what is right by itself, and one in twenty besides."""
    one = key(name)
    lines, honest = asked(one), by_hand(one)
    for filler in ("0", "1", "0.5"):
        for share in (0.3, 0.6):
            rest = [p for p in lines[int(share * len(lines)) :] if one.exact[p] != float(filler)]
            filled = {one.steps[p].target: filler for p in lines[int(share * len(lines)) :]}
            least = 0.0 if one.problem.rounding.figures else 10.0**-one.problem.rounding.places
            marks = check(one, {one.steps[p].target: honest.get(one.steps[p].target, "") for p in lines} | filled)
            earned = {answer.name for answer in marks.answers if answer.credit > 0}
            far = [p for p in rest if abs(one.exact[p] - float(filler)) > 0.51 * max(one.quantum[p], least)]
            assert sum(one.steps[p].target in earned for p in far) <= max(0.05 * len(far), 1)


@pytest.mark.parametrize("name", covering(["rnn", "seq2seq", "whole-numbers"]))
def test_who_slips_once_keeps_what_follows(name: str) -> None:
    """Of the lines that an early slip of the forward pass has changed at least 95 in 100 earn their marks."""
    one, chance = key(name), random.Random(name)
    after = earned = 0
    forward = [p for p in asked(one) if one.steps[p].role.value in ("preactivation", "hidden")][:6] or asked(one)[:3]
    for position in forward:
        for units in (30, 300):
            towards_0 = -1 if one.exact[position] > 0 else 1  # no activation goes out of its range
            slip = (
                (towards_0 if one.steps[position].role.value == "hidden" else chance.choice([1, -1]))
                * units
                * one.quantum[position]
            )
            for answer in check(one, by_hand(one, slips={position: slip})).answers:
                place = one.program.index[answer.name]
                if place != position and abs(float(answer.raw) - one.exact[place]) > 10 * one.quantum[place]:
                    after += 1
                    earned += answer.verdict in RIGHT
    assert earned >= 0.95 * after


@pytest.mark.parametrize("name", covering(["rnn", "classifier"]))
def test_who_copies_a_number_wrong_loses_its_line_alone(name: str) -> None:
    """Others were made of the right number: of a thousand one at most is not right, however often they were rounded."""
    one, chance, others, lost = key(name), random.Random(name), 0, []
    honest = by_hand(one)
    for position in chance.sample(asked(one), min(20, len(asked(one)))):
        copied = one.steps[position].target
        wrong = float(honest[copied]) + chance.choice([1, -1]) * chance.uniform(30, 3000) * one.quantum[position]
        for answer in check(one, honest | {copied: rounded(wrong, max(one.places[position], 0))}).answers:
            others += answer.name != copied
            lost += [(copied, answer)] * (answer.name != copied and answer.credit < answer.out_of)
    assert len(lost) <= others / 1000, lost[0]


@pytest.mark.parametrize("sheets", [3, pytest.param(100, marks=WIDE)])
@pytest.mark.parametrize("name", ["rnn", "rnn3", "lstm", "gru", "bidirectional"])
def test_two_slips_are_two_faults_and_no_other_line_is_one(name: str, sheets: int) -> None:
    """However they lie; one in two hundred at most gives by chance what follows from the right number in place of the other."""
    one, chance, missed = key(name), random.Random(name), 0
    for _ in range(sheets):
        slips = {p: chance.choice([1, -1]) * chance.uniform(20, 300) * one.quantum[p] for p in chance.sample(asked(one), 2)}
        faults = {one.program.index[answer.name] for answer in check(one, by_hand(one, slips=slips)).faults}
        assert faults <= slips.keys()
        missed += len(slips.keys() - faults)
    assert missed <= sheets / 100


# ------------------------------------------------------------------- mistakes


@pytest.mark.parametrize("name", ["rnn", "rnn3", "fnn", "classifier", "gru", pytest.param("lstm", marks=WIDE)])
def test_who_cuts_off_is_told_once(name: str) -> None:
    """The first line in which it shows says that numbers are rounded and not cut off; no other line costs anything."""
    one = key(name)
    marks = check(one, {one.steps[p].target: rounded(one.exact[p], one.places[p], ROUND_DOWN) for p in asked(one)})
    assert ["cut off instead of rounded"] == [answer.message for answer in marks.faults]
    assert "cut off instead of rounded, as before" in [answer.message for answer in marks.answers]
    assert marks.score == marks.out_of - 1


def test_a_wrong_sum_is_no_slip_for_what_was_made_of_it() -> None:
    """z is wrong, and y, without its activation, is the same number: z is not the value of another cell."""
    made = {
        "network": {"cell": "dense", "activation": "sigmoid", "output_activation": "sigmoid"},
        "parameters": {"W_xh": [["0.5", 1, "1.5"], [2, "2.5", 3]], "b_h": 0, "W_hy": [["0.5", 1]], "b_y": 0},
        "given": {"x": [1, 2, 3]},
        "loss": {"kind": "none"},
    }
    sheet = {"a[1]": "8.0", "a[2]": "16.0", "h[1]": "8.0", "h[2]": "16.0", "z": "12.0", "y": "12.0"}
    verdicts = {
        str(answer.name): (answer.verdict, answer.misconceptions) for answer in check(Key(from_document(made)), sheet).answers
    }
    assert ("wrong", ()) == verdicts["z"]
    assert ("misconception", ("activation-forgotten",)) == verdicts["y"]


OFTEN = {"memory-path-dropped", "total-for-a-part", "truncation-ignored", "clipping-after-the-update", "slope-of-the-complement"}
PLACES = [(one.slug, HOMES.get(one.slug, ("rnn3", "h_0=0.5")), 0) for one in OF_ANY_NETWORK]
PLACES += [(slug, tuple(network.items()), way) for slug, homes in OF_CELLS.items() for network, way in homes]


@pytest.mark.parametrize(
    ("slug", "home", "way"),
    [
        pytest.param(*place, id=f"{number}-{place[0]}", marks=[] if place[0] in OFTEN else [WIDE])
        for number, place in enumerate(PLACES)
    ],
)
def test_a_mistake_is_found_between_blanks(slug: str, home: tuple[object, ...], way: int) -> None:
    """A line that has a name keeps it where others are left blank, or nothing has another name."""
    one = key_of_example(*home) if isinstance(home[0], str) else key_with(home)  # type: ignore[arg-type]
    lines = {mistake.slug: lines for mistake, lines in one.changes}[slug]
    whole = by_hand(one, changed=lines, way=way)
    named = [answer.name for answer in check(one, whole).faults if slug in answer.misconceptions]
    chance = random.Random(slug)
    for share in (0.3, 0.6, 0.9):
        kept = chance.choice(named)
        sheet = {name: text if name == kept or chance.random() > share else "" for name, text in whole.items()}
        other = [answer for answer in check(one, sheet).faults if answer.misconceptions and slug not in answer.misconceptions]
        assert not other, [(str(answer.name), answer.misconceptions) for answer in other]
