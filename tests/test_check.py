"""Marking: what is right is never called wrong, what is wrong is found where it begins, and has its name."""

from __future__ import annotations

import csv
import random
from decimal import ROUND_HALF_EVEN
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cell_mistakes import OF_CELLS
from hypothesis import given
from hypothesis import strategies as st
from networks import document as network_document
from students import assert_diagnosed, blanked, by_hand, rounded
from sweeps import at_once, of_examples, paired, runs
from sweeps import problem as built_in

from bptt_trace import Name, load
from bptt_trace.marking.catalogue.entry import CATALOGUE
from bptt_trace.marking.check import check
from bptt_trace.marking.key import Key
from bptt_trace.marking.marks import RIGHT, Marks
from bptt_trace.marking.slips import slip
from bptt_trace.marking.visible_mistakes import visibility
from bptt_trace.problem.files import examples
from bptt_trace.problem.problem import from_document

ANSWERS = Path(__file__).parent.parent / "examples" / "answers"
SHEETS = ["fnn", "rnn", "rnn3", "classifier", "toy-batch", "recurrent-layer", "mazur", "hi-there-class"]


@cache
def key(name: str, *changes: str) -> Key:
    return Key(load(name, changes))


def marked(name: str, changes: dict[str, str], problem: tuple[str, ...] = ()) -> Marks:
    """The sheet of a student who rounds every line, with some answers changed."""
    one = key(name, *problem)
    answers = by_hand(one)
    answers |= {Name.parse(quantity): text for quantity, text in changes.items()}
    return check(one, answers)


def verdicts(marks: Marks) -> dict[str, str]:
    return {str(answer.name): answer.verdict for answer in marks.answers}


# ---------------------------------------------------------- error-free students


@pytest.mark.parametrize(
    ("name", "extra", "share"),
    paired(of_examples(name for name in examples() if built_in(name).loss.kind != "none"), [0, 1, 4], [0.0, 0.5, 0.8]),
)
def test_an_error_free_student_has_nothing_wrong(name: str, extra: int, share: float) -> None:
    """Rounding every line to the places asked for or more, with blanks or without, is never held against anybody."""
    one = key(name)
    for how in ("ROUND_HALF_UP", ROUND_HALF_EVEN):
        marks = check(one, blanked(by_hand(one, extra=extra, how=how), share, seed=extra))
        assert {answer.verdict for answer in marks.answers} <= {"correct", "rounded", "blank"}
        assert marks.score == sum(answer.verdict != "blank" for answer in marks.answers)


@pytest.mark.parametrize("places", [2, 3, 4])
@runs(25)
@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.0, 0.5, 0.8]))
def test_an_error_free_student_of_any_network(places: int, seed: int, share: float) -> None:
    """Two tanh units over three steps, at 2, 3 and 4 places, also with half of the answers blank."""
    made = network_document(hidden=2, d=1, k=1, T=3, seed=seed)
    one = Key(from_document({**made, "rounding": {"places": places}}))
    marks = check(one, blanked(by_hand(one), share, seed))
    assert {answer.verdict for answer in marks.answers} <= {"correct", "rounded", "blank"}


def test_the_key_scores_everything() -> None:
    """The exact numbers, in any notation and with any number of digits, are right."""
    one = key("rnn3")
    for write in ("{:.12f}", "{:.10e}", "+{:.9f}"):
        answers = {}
        for position, step in enumerate(one.steps):
            if step.rule is not None:
                text = write.format(one.exact[position]).replace("+-", "-")
                answers[step.target] = text
        assert {answer.verdict for answer in check(one, answers).answers} == {"correct"}


# ------------------------------------------------------------------- one slip


@runs(60)
@given(seed=st.integers(0, 10_000), size=st.integers(20, 400), sign=st.sampled_from([1, -1]))
def test_one_slip_is_found_where_it_is(seed: int, size: int, sign: int) -> None:
    """A result that is off by twenty units of the last place or more is one root fault, and nothing else is."""
    one = key("rnn3")
    lines = [p for p, step in enumerate(one.steps) if step.rule is not None and not step.repeats and step.target.iteration == 1]
    position = random.Random(seed).choice(lines)
    marks = check(one, by_hand(one, slips={position: sign * size * one.quantum[position]}))
    roots = [answer.name for answer in marks.faults]
    odd = [answer for answer in marks.answers if answer.verdict in ("not-assessable", "needs-human")]
    assert roots == [one.steps[position].target] or (roots == [] and odd)
    assert marks.first_wrong in (None, one.steps[position].target)


def test_follow_through_costs_nothing_and_names_its_source() -> None:
    """Line 16 is wrong; six later lines follow from it."""
    changes = {"dL/dh_1": "-0.3000"}
    one = key("rnn")
    answers = by_hand(one, slips={one.program.index[Name.parse("dL/dh_1")]: -0.0792})
    marks = check(one, answers)
    assert changes["dL/dh_1"] == answers[Name.parse("dL/dh_1")]
    assert Name.parse("dL/dh_1") == marks.first_wrong
    followers = [answer for answer in marks.answers if answer.verdict == "follow-through"]
    assert {"dL/da_1", "dL/dw_xh", "dL/db_h", "w_xh'", "b_h'"} <= {str(answer.name) for answer in followers}
    assert all(answer.inherits == (Name.parse("dL/dh_1"),) and answer.credit == 1 for answer in followers)
    assert marks.score == marks.out_of - 1


def test_what_is_copied_from_the_board_is_mixed() -> None:
    """One wrong parent replaced by the right value, the other one kept."""
    one = key("rnn")
    index = one.program.index
    slips = {index[Name.parse("dL/dh_1 via y_1")]: 0.05, index[Name.parse("dL/dh_1 via a_2")]: 0.03}
    answers = by_hand(one, slips=slips)
    value = one.exact[index[Name.parse("dL/dh_1 via y_1")]] + float(answers[Name.parse("dL/dh_1 via a_2")])
    answers[Name.parse("dL/dh_1")] = rounded(value, 4)
    assert "mixed" == verdicts(check(one, answers))["dL/dh_1"]


def test_too_few_decimals_are_half_right() -> None:
    """The right number with two decimals too few; what follows from either reading is right."""
    marks = marked("rnn", {"y_2": "0.79"})
    assert "rough" == verdicts(marks)["y_2"]
    assert marks.out_of - 0.5 == marks.score
    assert () == marks.faults


@pytest.mark.parametrize(
    ("quantity", "text", "said"),
    [
        ("dL/dw_xh", "0.2423", "the sign is turned"),
        ("dL/dw_xh", "-2.423", "the decimal point is shifted"),
        ("dL/dw_xh", "-0.2432", "two digits are swapped"),
        ("h_2", "0.5370", "this is h_1: the value of another time step"),
        ("dL/dy_1", "-0.0426", "this is dL/da_2: the value of another cell"),
    ],
)
def test_slips_have_a_name(quantity: str, text: str, said: str) -> None:
    """Sign, point, digits, cell."""
    marks = marked("rnn", {quantity: text})
    (answer,) = [answer for answer in marks.answers if str(answer.name) == quantity]
    assert ("slip", True) == (answer.verdict, answer.message.startswith(said)), answer


@pytest.mark.parametrize(
    ("name", "stem", "said"),
    [
        ("classifier", "dL/dW_hh", "the whole matrix is transposed"),
        ("classifier", "W_hh'", "the whole matrix is transposed"),
        ("classifier", "dL/dz_3", "the whole vector is shifted by one place"),
        ("classifier", "h_2", "the whole vector is shifted by one place"),
    ],
)
def test_a_matrix_is_looked_at_before_its_cells(name: str, stem: str, said: str) -> None:
    """Transposed, or shifted by one place: the cells say so, and what follows from them follows."""
    one = key(name)
    cells = one.cells[Name.parse(stem)]
    moved = {index: index[::-1] if len(index) == 2 else (index[0] % len(cells) + 1,) for index in cells}
    slips = {cells[index]: one.exact[cells[other]] - one.exact[cells[index]] for index, other in moved.items()}
    marks = check(one, by_hand(one, slips=slips))
    changed = {one.steps[cells[index]].target for index, other in moved.items() if index != other}
    assert changed == {answer.name for answer in marks.faults}
    assert {("slip", said)} == {(answer.verdict, answer.message) for answer in marks.faults}


def test_cut_off_instead_of_rounded() -> None:
    """0.91038… is 0.9104, not 0.9103."""
    assert "cut off instead of rounded" == slip(0.9103, 0.910388, 0.00005, 4)
    assert "" == slip(0.9104, 0.910388, 0.000005, 4)
    assert "cut off instead of rounded" == slip(15518600.1234, 15518600.12347, 0.00005, 4)
    assert "" == slip(15518599.9919, 15518600.0, 0.00005, 4), "of a large number that is 81 units off"
    assert "the sign is turned" == slip(-1e306, 1e306, 1e300, 4)
    assert "" == slip(2.5e306, 1e306, 1e300, 4), "of which there are more units than doubles have"


def test_a_blank_line_with_a_slip_is_located() -> None:
    """Two lines that go together with one wrong value of a line that was left blank are one fault, there."""
    one = key("rnn")
    position = one.program.index[Name.parse("dL/da_2")]
    answers = by_hand(one, slips={position: 0.02})
    answers[Name.parse("dL/da_2")] = ""
    marks = check(one, answers)
    assert [Name.parse("dL/da_2")] == [fault.name for fault in marks.unwritten]
    assert () == marks.faults
    assert Name.parse("dL/da_2") == marks.first_wrong


def test_nothing_follows_from_the_impossible() -> None:
    """tanh is never 1.5: what is calculated from it is not assessable, and earns nothing."""
    marks = marked("rnn", {"h_1": "1.5", "y_1": "1.5000"})
    assert "not-assessable" == verdicts(marks)["y_1"]
    marks = marked("rnn", {"dL/dh_1": "0", "dL/da_1": "0.0000"})
    assert "not-assessable" == verdicts(marks)["dL/da_1"]


def test_where_a_misconception_hides_it_earns_nothing_more() -> None:
    """Who forgets the slope is not given credit for a line in which the slope is 1: nobody can tell."""
    one = key("rnn3", "x=[0,1,2]", "b_h=0", "h_0=0")
    lines = {m.slug: lines for m, lines in one.changes}["slope-forgotten"]
    marks = check(one, by_hand(one, changed=lines))
    assert "h_1" not in {str(answer.name) for answer in marks.faults}
    (answer,) = [answer for answer in marks.answers if str(answer.name) == "dL/da_1"]
    assert ("not-assessable", 0, "the earlier mistake, made again here, would give the same number") == (
        answer.verdict,
        answer.credit,
        answer.message,
    )


def test_marks_are_what_the_problem_says(tmp_path: Path) -> None:
    """Weights by quantity and by section; shares for follow-through and few decimals."""
    text = (Path(__file__).parent.parent / "examples" / "rnn.toml").read_text("utf-8")
    path = tmp_path / "weighed.toml"
    path.write_text(text + '\n[marks]\nfollow_through = "1/2"\n[marks.weights]\nforward = 2\n"dL/dw_hh" = 5\n', "utf-8")
    one = Key(load(path))
    worth = dict(zip((str(step.target) for step in one.steps), one.weights, strict=True))
    assert (2, 2, 1, 5, 1) == (worth["a_1"], worth["y_2"], worth["L"], worth["dL/dw_hh"], worth["dL/dw_xh"])
    marks = check(one, by_hand(one, slips={one.program.index[Name.parse("dL/dh_1")]: -0.08}))
    assert 0.5 == next(answer.credit for answer in marks.answers if str(answer.name) == "dL/da_1")


# ---------------------------------------------------------------- misconceptions

ADAM = ("rnn", "update.rule=adam", "update.iterations=3")
MOMENTUM = ("rnn", "update.rule=momentum", "update.iterations=2", "update.learning_rate=0.3")
DIVERGENCE = ("classifier", "loss.kind=kl_divergence", "target=[0.2,0.5,0.3]")
ADAMAX = ("rnn", "update.rule=adamax", "update.iterations=2", "update.beta_2=0.9")
CLIPPED = ("classifier", "update.clip=0.1", "update.learning_rate=2")
PATHS = ("rnn3", "h_0=0.5", 'also.paths=["w_hh"]')
PERCEPTRON = ("perceptron", "parameters.b_h=0.35")
HOMES: dict[str, tuple[Any, ...]] = {
    "dropout-mask-forgotten": ("dropout",),
    "dropout-not-scaled": ("dropout",),
    "mask-turned-round": ("dropout", "given.mask=[[1,0],[0,1]]"),
    "path-left-out": PATHS,
    "path-counted-twice": PATHS,
    "slope-of-the-wrong-step": PATHS,
    "slopes-added-along-a-path": PATHS,
    "immediate-for-total": PATHS,
    "paths-not-averaged": PATHS,
    "softmax-not-normalised": ("classifier",),
    "softmax-twice": ("classifier",),
    "common-logarithm": ("classifier",),
    "entropy-with-slope": ("classifier",),
    "rows-and-columns-swapped": ("classifier",),
    "one-path-only": ("mazur",),
    "half-forgotten": ("rnn3", "loss.factor=1/2"),
    "mean-for-sum": ("rnn3", "loss.over_time=sum"),
    "longest-path-only": ("infosys",),
    "contributions-averaged": ("rnn3", "h_0=0.5"),
    "updated-inside-the-loop": ("rnn3", "h_0=0.5", "update.learning_rate=2"),
    "bias-correction-forgotten": ADAM,
    "bias-correction-without-power": ADAM,
    "iterations-counted-from-0": (*ADAM, "update.iterations=4"),
    "iterations-counted-by-parameter": ADAM,
    "square-of-the-gradient-forgotten": ADAM,
    "iterations-counted-anew": (*ADAM, "update.state.t=3"),
    "correction-where-there-is-none": (*ADAM, "update.bias_correction=false"),
    "mean-without-looking-ahead": ("rnn", "update.rule=nadam", "update.iterations=2"),
    "latest-for-the-largest": (*ADAM, "update.amsgrad=true", "update.beta_2=0.5"),
    "mean-for-the-larger": ADAMAX,
    "sign-of-the-gradient-kept": ADAMAX,
    "changes-forgotten": ("rnn", "update.rule=adadelta"),
    "state-begins-at-0": (*MOMENTUM, "update.state.v.w_hh=0.5"),
    "gradient-not-ahead": (*MOMENTUM, "update.rule=nesterov", "update.look_ahead=true"),
    "entropy-of-the-target-forgotten": DIVERGENCE,
    "divergence-turned-round": DIVERGENCE,
    "handed-in-forgotten": ("handed-in",),
    "updated-although-right": PERCEPTRON,
    "sum-for-the-answer": PERCEPTRON,
    "bias-not-updated": PERCEPTRON,
    "rate-times-the-new-weight": PERCEPTRON,
    "root-of-d-forgotten": ("self-attention",),
    "mask-forgotten": ("self-attention",),
    "softmax-over-columns": ("self-attention",),
    "scores-for-weights": ("self-attention",),
    "query-for-key": ("self-attention",),
    "slopes-of-the-softmax-on-the-diagonal-alone": ("self-attention",),
    "column-of-another-letter": ("hello", "update.iterations=1"),
    "velocity-as-a-mean": MOMENTUM,
    "velocity-as-a-sum": (*MOMENTUM, "update.velocity=mean"),
    "rate-inside-the-velocity": MOMENTUM,
    "rate-outside-the-velocity": (*MOMENTUM, "update.rate=inside"),
    "epsilon-under-the-root": (*ADAM, "update.epsilon=0.1"),
    "epsilon-beside-the-root": (*ADAM, "update.epsilon=0.1", "update.epsilon_at=inside"),
    "decay-without-the-rate": ("rnn", "update.rule=adamw", "update.weight_decay=0.1"),
    "decay-in-the-gradient": ("rnn", "update.rule=adamw", "update.weight_decay=0.1", "update.iterations=2"),
    "decay-beside-the-step": (*MOMENTUM, "update.weight_decay=0.1"),
    "clipped-one-by-one": CLIPPED,
    "clipped-number-by-number": CLIPPED,
    "clipping-after-the-update": CLIPPED,
    "online-for-batch": ("toy-batch",),
    "truncation-ignored": ("rnn3", "update.truncate=2", "h_0=0.5"),
    "slope-of-the-next-step-twice": ("rnn3", "h_0=0.5"),
    "output-of-the-bias-alone": ("rnn3", "h_0=0.5"),
    "total-for-a-part": ("rnn3", "h_0=0.5"),
    "batch-for-online": ("toy-batch", "update.mode=online", "update.epochs=2"),
}
"""Where a misconception shows; the others do in three steps of one unit."""

OF_ANY_NETWORK = [one for one in CATALOGUE if one.slug not in OF_CELLS]


@pytest.mark.parametrize("one", OF_ANY_NETWORK, ids=lambda one: one.slug)
def test_each_misconception_is_diagnosed_as_itself(one: Any) -> None:
    """Whoever makes one mistake at every place where it can be made is told that mistake and no other."""
    here = key(*HOMES.get(one.slug, ("rnn3", "h_0=0.5")))
    assert_diagnosed(here, one.slug)


def test_a_forgotten_activation_is_the_number_before_it() -> None:
    """Where a_1 is 0.6, an h_1 of 0.6 has no activation; −0.6 is wrong in another way."""
    verdicts = {str(answer.name): answer.misconceptions for answer in check(load("rnn"), {"a_1": "0.6", "h_1": "0.6"}).answers}
    assert ("activation-forgotten",) == verdicts["h_1"]
    (answer,) = check(load("rnn"), {"h_1": "-0.6"}).answers
    assert () == answer.misconceptions


def test_the_catalogue_is_large_and_clear() -> None:
    """At least twenty-five entries; every message is a sentence that tells a rule and no number of the sheet."""
    assert len(CATALOGUE) >= 25
    assert len({one.slug for one in CATALOGUE}) == len(CATALOGUE)
    for one in CATALOGUE:
        assert one.message.endswith(".")
        assert 20 < len(one.message) < 220


def test_mistakes_that_numbers_hide() -> None:
    """With T = 2 and a mean, 2/T is 1: the forgotten 2 and others are listed as far as they show."""
    seen = {one.mistake.slug: one for one in visibility(key("rnn"))}
    assert seen["memory-path-dropped"].shows == (Name.parse("dL/dh_1"),)
    assert not seen["softmax-twice"].possible
    hidden = {one.mistake.slug: one for one in visibility(Key(load("rnn", ["x=[0,0]", "h_0=0"])))}
    assert not hidden["input-forgotten"].shows or hidden["input-forgotten"].possible


# --------------------------------------------------------------------- the gallery


def published(name: str) -> Marks:
    one = key(name)
    with (ANSWERS / f"{name}.csv").open(encoding="utf-8") as file:
        return check(one, {row["quantity"]: row["answer"] for row in csv.DictReader(file)})


def named(marks: Marks) -> dict[str, tuple[str, ...]]:
    return {str(answer.name): answer.misconceptions for answer in marks.faults}


def test_mazurs_total_comes_from_updated_output_weights() -> None:
    """0.291027924 is named for what it is."""
    assert {"L@2": ("stale-output-weights",)} == named(published("mazur"))


def test_the_chapter_with_stale_weights() -> None:
    """Its first wrong line is the hidden error, taken with the updated output weights."""
    marks = published("stale-weights")
    assert Name.parse("dL/da[1]") == marks.first_wrong
    assert ("stale-output-weights",) == named(marks)["dL/da[1]"]


def test_the_notebook_that_drops_the_memory_path() -> None:
    """Only the longest path is followed: what the later steps contribute is dropped."""
    found = named(published("infosys"))
    assert found["dL/dW_xh[1,1]"] == found["dL/dW_xh[2,1]"] == ("longest-path-only",)


def test_one_wrong_tanh_and_what_follows() -> None:
    """PracHub's h_2 is wrong; eight of the nine numbers after it follow."""
    marks = published("prachub")
    assert Name.parse("h_2") == marks.first_wrong
    followers = [answer for answer in marks.answers if answer.verdict == "follow-through"]
    assert {"y_2", "dL/dy_2", "dL/dh_2", "dL/da_2", "dL/dw_xh via a_2", "dL/dw_hh via a_2"} <= {str(a.name) for a in followers}


def test_the_loss_without_its_square() -> None:
    """NBIS prints a negative squared error."""
    assert {"L": ("square-forgotten",)} == named(published("nbis-chain"))


@pytest.mark.parametrize("name", ["sachin-rnn", "hi-there-class", "tomyeh-small", "tomyeh-medium", "han-kamber", "softmax-loss"])
def test_a_right_publication_has_no_fault(name: str) -> None:
    """What was printed right is right, to its digits or to its author's rounding."""
    assert () == published(name).faults


# -------------------------------------------------------------------- invariants


@runs(40)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_blanks_and_digits(seed: int, data: st.DataObject) -> None:
    """Blanking an answer changes nothing that does not depend on it; extra correct digits change nothing at all."""
    one = key("rnn3")
    chance = random.Random(seed)
    lines = [p for p, step in enumerate(one.steps) if step.rule is not None and not step.repeats]
    slips = {p: chance.uniform(-0.3, 0.3) for p in chance.sample(lines, 3)}
    answers = by_hand(one, slips=slips)
    before = verdicts(check(one, answers))
    blank = data.draw(st.sampled_from(sorted(answers, key=str)))
    after = verdicts(check(one, {**answers, blank: ""}))
    depends = dependents(one, one.program.index[blank])
    for name, verdict in before.items():
        if one.program.index[Name.parse(name)] not in depends and name != str(blank):
            assert after[name] == verdict or {after[name], verdict} <= {"slip", "wrong", "follow-through", "mixed"}
    longer = {name: text + "0" if "." in text else text for name, text in answers.items()}
    assert before == verdicts(check(one, longer))
    shuffled = list(answers.items())
    chance.shuffle(shuffled)
    assert before == verdicts(check(one, dict(shuffled)))


def dependents(one: Key, position: int) -> set[int]:
    found = {position}
    for later in range(position + 1, len(one.steps)):
        if found & set(one.arguments[later]):
            found.add(later)
    return found


HOSTILE = [
    "1e999999999",
    "9**9**9**9",
    "__import__('os').getpid()",
    "().__class__.__base__",
    "factorial(10**8)",
    "nan",
    "-NaN",
    "sNaN",
    "inf",
    "1e309",
    "1_000",
    "\u0660\u066b\u0662\u0669",
    "\uff11\uff12",
    "0.29\u202e31",
    "9" * 5000,
    "0x1F",
    "1j",
    "0.29 or 0.31",
    "0.2..0.4",
    "\u22480.29",
    "1/0",
    "=1+1",
    "@SUM(A1)",
    "=HYPERLINK(1)",
    "<script>alert(1)</script>",
    "[x](javascript:1)",
    "\\input{/etc/passwd}",
    "\\write18{id}",
    "^^5cinput",
    "{{7*7}}",
    "{0.__class__}",
    "\x1b]0;owned\x07",
    "]]>",
    "|",
    "`",
    "\ud800",
    "True",
    "--1",
    "+-1",
    "1e",
    "e5",
    ".",
    ",",
    "1,234,567",
    "1 000",
]


@at_once("text", HOSTILE)
def test_hostile_answers_earn_nothing(text: str) -> None:
    """They are unreadable, with the reason; nothing else is marked differently."""
    marks = marked("rnn", {"h_2": text})
    (answer,) = [answer for answer in marks.answers if str(answer.name) == "h_2"]
    assert (answer.verdict, answer.credit) == ("unreadable", 0)
    assert answer.message
    assert {a.verdict for a in marks.answers if a is not answer} <= RIGHT


@pytest.mark.parametrize("text", ["0", "-0.0", "0.0000", "1e300", "-1e300"])
def test_a_number_that_is_none_of_it(text: str) -> None:
    """0 where the value is not 0, and numbers beyond all measure, are wrong."""
    marks = marked("rnn", {"dL/dw_hh": text})
    assert "dL/dw_hh" in {str(answer.name) for answer in marks.faults}
    assert 0 == next(answer.credit for answer in marks.answers if str(answer.name) == "dL/dw_hh")
