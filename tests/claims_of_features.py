"""What sentences claim of attention, letters, perceptrons: what few networks have. ``claims`` has the others."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from claims import Sheet, claim, n

# ------------------------------------------------------------------- attention


@claim(r"The weights of the attention: (.+)\.")
def _(sheet: Sheet, said: str) -> None:
    weights = {name for name in sheet.by_name if re.fullmatch(r"alpha_\d+,\d+", name)}
    named = [re.fullmatch(r"(alpha_\d+,\d+) = (\S+)", one) for one in said.split("; ")]
    assert [match[1] for match in named if match] == [name for name in sheet.by_name if name in weights]
    rows: dict[str, dict[str, float]] = {}
    for match in named:
        assert match
        assert sheet[match[1]] == Fraction(match[2])
        row, place = match[1].removeprefix("alpha_").split(",")
        rows.setdefault(row, {})[place] = float(sheet.by_name[match[1]]["exact"])
    for row, shares in rows.items():
        assert abs(sum(shares.values()) - 1) < 1e-9
        scores = {place: float(sheet.by_name[f"score_{row},{place}"]["exact"]) for place in shares}
        powers = {place: math.exp(score - max(scores.values())) for place, score in scores.items()}
        assert all(abs(shares[place] - power / sum(powers.values())) < 1e-9 for place, power in powers.items())


@claim(
    r"Each parameter is used for every token\. Every use contributes"
    r"(, but for the query of the first token, which sees itself alone)?; the gradient is the sum\."
)
def _(sheet: Sheet, alone: str) -> None:
    tokens = len(sheet.document["given"]["x"])
    assert bool(alone) == (sheet.network.get("mask") == "causal")
    told = "|".join(map(re.escape, sheet.document["parameters"]))
    uses: dict[str, set[str]] = {}
    for name in sheet.by_name:
        if match := re.fullmatch(rf"dL/d({told})(?:\[[\d,]+\])? via \w+?_(\d+)", name):
            uses.setdefault(match[1], set()).add(match[2])
    first = {str(token) for token in range(1, tokens + 1)}
    for parameter, seen in uses.items():
        assert seen == first - ({"1"} if alone and parameter == "W_q" else set()), parameter


# --------------------------------------------------------------------- letters


@claim(
    r"Check: Probabilities add up to 1(, apart from rounding)?: (.+?) [=~] {N}\. (?:The likeliest letter is (\S+): {V} = {N}, "
    r"and it is (the|not the) target|The likeliest letters are (.+), with {N} each)\."
)
def _(sheet: Sheet, apart: str, added: str, total: str, letter: str, best: str, highest: str, whether: str,
      several: str, each: str) -> None:  # fmt: skip
    letters, text = sheet.network["vocabulary"], sheet.document["given"]["text"]
    terms = [n(term) for term in added.split(" + ")]
    assert len(terms) == len(letters)
    assert (n(total) != 1) == bool(apart)
    places = [place for place, term in enumerate(terms) if term == max(terms)]
    if several:
        names = re.split(", | and ", several)
        assert len(names) == len(places) > 1
        assert {sheet[name] for name in names} == {max(terms)} == {n(each)}
        return
    assert len(places) == 1, "a tie has no likeliest letter"
    match = re.fullmatch(r"(?:y|h)_(\d+)\[(\d+)\](?:#1)?", best)
    assert match
    assert n(highest) == max(terms) == sheet[best]
    assert letters[places[0]] == letter == letters[int(match[2]) - 1]
    assert (whether == "the") == (text[int(match[1])] == letter), "the next letter of the text is the target"


# ------------------------------------------------------- samples that take turns


def _turns(sheet: Sheet) -> int:
    """How many samples an epoch has."""
    return len(sheet.document["given"]["target"])


def _epochs(sheet: Sheet) -> list[tuple[Fraction, ...]]:
    """What all parameters are at the beginning, and at the end of each epoch."""
    numbers = [name for name in sheet.values if re.match(r"[wWb]_", name) and "'" not in name]
    turns, states = _turns(sheet), [tuple(sheet[name] for name in numbers)]
    last = max(int(name.partition("@")[2] or 1) for name in sheet.by_name if "'" in name)
    assert last % turns == 0
    for epoch in range(1, last // turns + 1):
        ends = [re.sub(r"(\[.*)?$", lambda m: f"'{m[0]}", name, count=1) + _at(epoch * turns) for name in numbers]
        states.append(tuple(sheet[end] for end in ends))
    return states


def _at(iteration: int) -> str:
    return f"@{iteration}" if iteration > 1 else ""


def _wrong(sheet: Sheet, epoch: int) -> int:
    """How many samples of an epoch are answered wrongly when their turn comes: by the sign of the weighted sum."""
    turns, wrong = _turns(sheet), 0
    low = Fraction(0 if sheet.network["activation"] == "step" else -1)
    at_0 = Fraction(str(sheet.network.get("step_at_0", 1 if sheet.network["activation"] == "step" else 0)))
    for sample in range(1, turns + 1):
        a = sheet[f"a{_at((epoch - 1) * turns + sample)}"]
        answer = Fraction(1) if a > 0 else low if a < 0 else at_0
        wrong += answer != sheet[f"target#{sample}"]
    return wrong


@claim(r"End: Epoch (\d+) changes nothing: every sample is answered right, and the rule has ended\.")
def _(sheet: Sheet, epoch: str) -> None:
    states = _epochs(sheet)
    assert int(epoch) == len(states) - 1
    assert states[-1] == states[-2]
    assert _wrong(sheet, int(epoch)) == 0


@claim(
    r"No end: The weights after epoch (\d+) are those (?:after epoch (\d+)|at the beginning): all of it happens again, "
    r"and the rule does not end\. By the convergence theorem of the perceptron no line separates these samples\."
)
def _(sheet: Sheet, epoch: str, before: str) -> None:
    states = _epochs(sheet)
    assert int(epoch) == len(states) - 1
    assert states[-1] == states[int(before or 0)]
    assert any(_wrong(sheet, one) for one in range(int(before or 0) + 1, int(epoch) + 1)), "something is wrong in each round"


@claim(r"No end yet: After (\d+) epochs? something still changes\.")
def _(sheet: Sheet, count: str) -> None:
    states = _epochs(sheet)
    assert int(count) == len(states) - 1
    assert states[-1] not in states[:-1]


@claim(
    r"The plane of {V} and {V} with (\d+) samples"
    r"(?:, and the line on which the answer changes, (before and after|before|after))?\."
)
def _(sheet: Sheet, one: str, other: str, count: str, when: str) -> None:
    assert (one, other) == ("x[1]", "x[2]")
    samples = sheet.document["given"]["x"]
    assert {len(sample) for sample in samples} == {2}
    assert int(count) == len(samples)
    crossed = [word for word, weights in zip(("before", "after"), _planes(sheet), strict=True) if _crosses(sheet, *weights)]
    assert (when or "") == " and ".join(crossed)


def _planes(sheet: Sheet) -> list[list[Fraction]]:
    """Both weights and the bias, before the first update and after the last."""
    last = max(int(name.partition("@")[2] or 1) for name in sheet.by_name if "'" in name)
    ends = [[sheet.values.get(f"{stem}{new}{index}{at}", sheet.values.get(f"{stem}{index}", "0")) for stem, index in
             (("W_xh", "[1,1]"), ("W_xh", "[1,2]"), ("b_h", ""))] for new, at in (("", ""), ("'", _at(last)))]  # fmt: skip
    return [[Fraction(text) for text in end] for end in ends]


def _crosses(sheet: Sheet, w: Fraction, v: Fraction, b: Fraction) -> bool:
    """Whether the line on which the answer changes has points on both sides among the corners of what is drawn."""
    answers = sorted(sheet[f"target#{sample}"] for sample in range(1, _turns(sheet) + 1))
    at = Fraction(0) if sheet.document["loss"]["kind"] == "perceptron" else (answers[0] + answers[-1]) / 2
    sides = []
    for place in ("1", "2"):
        values = [sheet[f"x[{place}]#{sample}"] for sample in range(1, _turns(sheet) + 1)]
        room = (max(values) - min(values) or 1) / Fraction(4)
        sides.append((min(values) - room, max(values) + room))
    corners = [w * x + v * y + b - at for x in sides[0] for y in sides[1]]
    return min(corners) < 0 < max(corners)
