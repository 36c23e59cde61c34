"""What each sentence of a sheet claims, worked out again from the numbers that are printed.

``check`` reads a sheet as JSON and Markdown, finds for every sentence the one
pattern that it is an instance of, and asserts its claim. A sentence without a
pattern is an error. Nothing here comes from the package.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from law import FUNCTIONS, Unreadable, bent, evaluate, to_figures, to_places

NUM = r"\(?-?\d[\d.]*(?:/\d+)?(?:e-?\d+)?\)?"
NAME = r"[A-Za-z](?:[\w'#@/]|\([a-z]*\d*\)|\[[\d,]+\])*"
WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
Claim = Callable[..., None]
CLAIMS: list[tuple[re.Pattern[str], Claim]] = []


def counted(word: str) -> int:
    """A number in a word or in digits."""
    return WORDS.index(word) if word in WORDS else int(word)


def claim(pattern: str) -> Callable[[Claim], Claim]:
    """What makes a function the check of all sentences of this pattern; {N} is a number, {V} a name."""

    def enter(check: Claim) -> Claim:
        CLAIMS.append((re.compile(pattern.replace("{N}", f"({NUM})").replace("{V}", f"({NAME})")), check))
        return check

    return enter


def always(*patterns: str) -> None:
    """Sentences that claim nothing about numbers."""
    for pattern in patterns:
        claim(pattern)(lambda sheet, *groups: None)


def n(text: str) -> Fraction:
    """A printed number."""
    return Fraction(text.strip("()"))


@dataclass
class Sheet:
    """A sheet as it is printed, and the problem file that it is of."""

    document: dict[str, Any]
    data: dict[str, Any]
    checked: int = 0
    section: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    nudge: Fraction = Fraction(1)
    """By what unrounded results are multiplied where a formula is tried with other digits."""

    def __post_init__(self) -> None:
        self.values: dict[str, str] = self.data["values"]
        self.entries = [entry for section in self.data["sections"] for entry in section["entries"]]
        self.by_line = {str(entry["line"]): entry for entry in self.entries}
        self.by_name = {entry["name"]: entry for entry in self.entries}
        self.rounding = self.data["rounding"]
        self.carry = self.rounding["policy"] == "carry"
        self.network = self.document.get("network", {})

    def __getitem__(self, name: str) -> Fraction:
        return Fraction(self.values[name])

    def line(self, number: str) -> Fraction:
        """The result of a line."""
        return Fraction(self.by_line[number]["value"])

    def rounded(self, value: Fraction, *, factor: bool = False, like: str = "") -> Fraction:
        """A result as the sheet would print it: with the decimals of a number ``like`` it, of which each quantity may have its own."""
        if self.rounding["policy"] == "full":
            return value
        if "figures" in self.rounding or factor:
            return to_figures(value, self.rounding.get("figures") or self.rounding["places"])
        own = len(like.strip("()").partition(".")[2]) if "places_of" in self.rounding and like else self.rounding["places"]
        return to_places(value, own)

    def same(self, one: Fraction, other: Fraction) -> bool:
        """Whether two numbers are the same, in double precision where nothing is rounded."""
        return one == other or (self.rounding["policy"] == "full" and abs(one - other) <= 1e-9 * max(1, abs(one)))

    def samples(self) -> list[str]:
        """The numbers of the samples of a batch; of a later iteration they are the same."""
        return sorted({match[1] for name in self.values if (match := re.search(r"#(\d+)$", name))})

    def steps(self, stem: str = "h") -> int:
        """The last time step."""
        return max(
            [
                int(m[1])
                for name in self.values
                if (m := re.fullmatch(rf"{stem}(?:\((?!bwd)\w+\))?_(\d+)(?:\[\d+\])?(?:#\d+)?", name))
            ]
            or [0]
        )


def check(document: dict[str, Any], data: str, markdown: str = "") -> Sheet:
    """Assert every claim of a sheet; returns it with the number of sentences that were checked."""
    sheet = Sheet(document, json.loads(data))
    for section in sheet.data["sections"]:
        sheet.section = section["id"]
        for note in section["notes"]:
            _check(sheet, note)
    for note in sheet.data["footer"]:
        _check(sheet, note)
    for step, explanation in re.findall(r"^\| ((?:forward|backward)[^|]*) \|.*\| ([^|$]*) \|$", markdown, re.M):
        _check(sheet, f"{step.replace('$', '')}: {explanation}")
    return sheet


def _check(sheet: Sheet, note: str) -> None:
    if _is_formula(note):
        return
    for name, number in re.findall(
        rf"(?<![\w/)\]])(?<!\* )({NAME}(?: via {NAME})?) = (-?\d+(?:\.\d+)?(?:e-?\d+)?)(?=[;,:)]|\.(?: |$)|$| (?:is|for|and|keeps|lets|brings|carries)\b)",
        note,
    ):
        name = f"{name}#1" if "(sample 1 of the batch)" in note and f"{name}#1" in sheet.values else name
        if name in sheet.values:
            assert sheet[name] == Fraction(number), f"{name} is {sheet.values[name]}: {note}"
    for pattern, about in CLAIMS:
        if match := pattern.fullmatch(note):
            about(sheet, *match.groups())
            sheet.checked += 1
            sheet.seen[pattern.pattern] = sheet.seen.get(pattern.pattern, 0) + 1
            return
    raise AssertionError(f"no claim is known for the sentence {note!r} in {sheet.section}")


def _is_formula(note: str) -> bool:
    """Whether this is a general formula, which has a test of its own."""
    left, equal, _ = note.partition(" = ")
    return (
        bool(equal)
        and re.fullmatch(r"[\w\[\](){}#'/@+\-,T ]+", left) is not None
        and not re.search(r"[a-z]{3,}: ", note)
        and (not note.endswith("."))
    )


# --------------------------------------------------------------------- memory


@claim(
    r"Memory: {V} = {N}: the memory is empty, so line (\S+) gets .+? [=~] {N} from the past\.(?: All that {V} = {N} carries on comes from (.+)\.)?"
)
def _(sheet: Sheet, h_0: str, zero: str, line: str, product: str, h_1: str, value: str, sources: str) -> None:
    assert n(zero) == n(product) == 0
    formula = sheet.by_line[line]["formula"]["text"]
    assert h_0 in formula
    said = re.split(", | and ", sources) if sources else []
    assert len(said) == formula.count(" + "), "every other term is a source"
    assert said.count("the bias") == len(re.findall(r"(?<![\w/])b_\w+", formula))
    assert said.count("the input") == len(re.findall(r"\bW_x\w+\[\d+,\d+\](?! \*)", formula)), "a letter picks a weight"
    assert all(one in ("the bias", "the input") or one in formula for one in said)


@claim(r"Memory: The memory is not empty: {V} = {N} brings .+? [=~] {N} into line (\S+)\.")
def _(sheet: Sheet, h_0: str, value: str, product: str, line: str) -> None:
    assert n(value) != 0
    assert h_0 in sheet.by_line[line]["formula"]["text"]


@claim(
    r"Memory: Line (\S+) adds (\w+) terms: (.+)\. Without the memory term, (?:the pre-activation would be .+? [=~] {N} and )?"
    r"{V} would be (?:[^=~]+ [=~] )?{N}(?:; with it, {V} = {N}\. The memory term changes {V} by .+? [=~] {N}\."
    r"|: as printed, {V} is the same with and without it\.)"
)
def _(sheet: Sheet, line: str, count: str, terms: str, before: str, h: str, without: str,
      h_with: str, value: str, changed: str, change: str, same: str) -> None:  # fmt: skip
    said = terms.split(", ")
    formula = sheet.by_line[line]["formula"]["text"]
    assert counted(count) == len(said) == formula.count(" + ") + 1
    assert sum(term.startswith("the memory") for term in said) == 1
    if same:
        assert same == h
        assert sheet[h] == n(without)
    else:
        assert h == h_with == changed
        unit = Fraction(10) ** -sheet.rounding.get("places", 4) if sheet.carry else Fraction(0)
        assert abs(sheet.rounded(n(value) - n(without), like=change) - n(change)) <= 2 * unit + Fraction(1e-12)
        assert n(change) or sheet.carry


@claim(
    r"Memory: A small change of {V} reaches {V} multiplied by (.+)\.(?: The gradient travels back through the same factor \(lines (.+)\)\.)"
)
def _(sheet: Sheet, before: str, after: str, factor: str, lines: str) -> None:
    slope = sheet.by_name[f"d{after}/d{before}"]
    assert n(re.split(" [=~] ", factor)[-1]) == Fraction(slope["value"])
    back = sheet.by_line[re.findall(r"[\d.]+", lines)[-1]]
    assert back["name"].startswith(f"dL/d{before}")
    arrived = sheet.by_name.get(f"dL/d{after}") or {"exact": "0"}
    expected = float(arrived["exact"]) * float(slope["exact"])
    assert abs(float(back["exact"]) - expected) <= 1e-9 * max(1.0, abs(expected)), "the gradient takes the same factor"


@claim(r"Memory: A small change of {V} reaches {V} multiplied by ([^(]*(?:\(.+\).*)?)\.")
def _(sheet: Sheet, before: str, after: str, factor: str) -> None:
    *chain, last = re.split(" [=~] ", factor)
    assert n(last) == Fraction(sheet.by_name[f"d{after}/d{before}"]["value"])
    if len(chain) > 1 and re.fullmatch(NUM, chain[-1]) and " = " in factor and not sheet.carry:
        assert (n(chain[-1]) == n(last)) == (factor.endswith(f"= {last}")), "unequal numbers are not equal"


@claim(r"Gates: (.+)\.")
def _(sheet: Sheet, said: str) -> None:
    for one in said.split("; "):
        match = re.fullmatch(
            rf"(?:({NAME}) = ({NUM})|1 - ({NUM}) [=~] ({NUM})) (keeps|lets) (.+?) of (?:tanh\()?({NAME})\)?( in| through)?", one
        )
        assert match, one
        gate = n(match[2] or match[4])
        if match[6] == "less than 1 %":
            assert 0 < gate < Fraction(5, 1000), one
        elif match[6] == "more than 99 %":
            assert Fraction(995, 1000) <= gate < 1, one
        else:
            assert match[6] == f"{int(to_places(gate * 100, 0))} %", one
            assert gate in (0, 1) or match[6] not in ("0 %", "100 %"), one
        if match[1] and "(" not in match[7]:
            assert (match[5] == "keeps") == (_time(match[7]) < _time(match[1]) and not match[8]), one


def _time(name: str) -> int:
    match = re.search(r"_(\d+)(?:\[[\d,]+\])?(?:#\d+)?$", name)
    assert match, name
    return int(match[1])


# ----------------------------------------------------------------------- loss


@claim(
    r"Check: (A squared error|The logarithm of a probability is not positive, so a cross-entropy) is never negative, "
    r"(and a mean lies between its terms|so a sum is not smaller than its largest term): ((?:-?\d+(?:\.\d+)?(?:e-?\d+)?(?: <= )?)+)\."
    r"(?: Step (\d+) adds (more|most) to the loss(?: than step (\d+))? \({N}(?: against {N})?\)\.)?"
)
def _(sheet: Sheet, kind: str, rule: str, chain: str, most: str, degree: str, least: str, large: str, small: str) -> None:
    terms = {int(m[1]): sheet[name] for name in sheet.values if (m := re.fullmatch(r"L_(\d+)", name))}
    bounds = [n(one) for one in chain.split(" <= ")]
    assert bounds == sorted(bounds)
    assert min(terms.values()) >= 0
    ends = [min(terms.values()), sheet["L"], max(terms.values())] if rule.startswith("and") else [max(terms.values()), sheet["L"]]
    assert bounds == ends
    if most:
        others = [value for time, value in terms.items() if time != int(most)]
        assert n(large) == terms[int(most)] > max(others)
        assert (degree == "more") == (len(terms) == 2)
        assert not least or n(small) == terms[int(least)]


@claim(
    r"Check: {V} = {N} is (above|below|exactly at) its target {N}: the difference is .+? [=~] {N}; its square is never negative\."
)
def _(sheet: Sheet, y: str, value: str, side: str, target: str, difference: str) -> None:
    apart = n(value) - n(target)
    assert side == ("above" if apart > 0 else "below" if apart < 0 else "exactly at")
    if not sheet.carry:
        assert sheet.same(sheet.rounded(apart, like=difference), n(difference))


@claim(
    r"Check: Probabilities add up to 1(, apart from rounding)?: (.+?) [=~] {N}\. "
    r"(?:The likeliest class is {V} = {N}(?:, and it is (the|not the) target)?|The likeliest classes are (.+), with {N} each)\."
)
def _(sheet: Sheet, apart: str, added: str, total: str, best: str, highest: str, whether: str, several: str, each: str) -> None:
    terms = [n(term) for term in added.split(" + ")]
    assert (n(total) != 1) == bool(apart)
    top = [term for term in terms if term == max(terms)]
    if several:
        names = re.split(", | and ", several)
        assert len(names) == len(top) > 1
        assert {sheet[name] for name in names} == {max(terms)} == {n(each)}
        return
    assert n(highest) == max(terms)
    assert len(top) == 1, "a tie has no likeliest class"
    if whether:
        target = sheet[re.sub(r"^(?:y|h)(?:\(\d+\))?", "target", best)]
        assert target == (1 if whether == "the" else 0)


# -------------------------------------------------------------- backward pass


@claim(r"Check: What one class gains the others lose: these gradients add up to 0(, apart from rounding)?: (.+) [=~] {N}\.")
def _(sheet: Sheet, apart: str, added: str, total: str) -> None:
    assert (n(total) != 0) == bool(apart)


@claim(
    r"Short way: Prediction − target (gives the same in one line|would give the same in one line if nothing were rounded on the long way): (.+)\."
)
def _(sheet: Sheet, words: str, said: str) -> None:
    results = [n(one.strip()) for one in re.findall(r"[=~] (-?[\d.]+(?:e-?\d+)?)(?=, |$)", said)]
    # The logits of the first step of the way back: the first lines of that many.
    slopes = [e for e in sheet.entries if re.fullmatch(r"dL/d(?:z|a_y|a|a\(\w+\))(?:_\d+)?(?:\[\d+\])?(?:#1)?", e["name"])]
    stem = re.sub(r"\[\d+\]", "", slopes[0]["name"])
    printed = [n(e["value"]) for e in slopes if re.sub(r"\[\d+\]", "", e["name"]) == stem]
    same = len(printed) == len(results) and all(map(sheet.same, printed, results))
    assert same == (words == "gives the same in one line") or sheet.rounding["policy"] == "full"


@claim(
    r"Two sources: {V} acts on the loss through its own output(, which is also fed back)? \(line (\S+): {N}\) and through the memory "
    r"of step (\d+) \(line (\S+): {N}\)\.(?: Both are (negative|positive): both ask for a (larger|smaller) {V}\."
    r"(?: The memory path makes up .+? [=~] {N}, that is ([\d.]+) %, of the sum\.)?| They pull in opposite directions: .+? [=~] {N}\."
    r"(?: (They are of the same size and cancel)\.| The (direct|carried) part is larger in size and decides the sign\.)?)"
    r"(?: Leaving out the memory path is the most common mistake in this calculation\.)?"
)
def _(sheet: Sheet, h: str, too: str, own: str, d: str, step: str, other: str, c: str, sign: str, size: str, h_again: str,
      share: str, percent: str, total: str, cancel: str, larger: str) -> None:  # fmt: skip
    direct, carried = n(d), n(c)
    assert sheet.line(own) == direct
    assert sheet.line(other) == carried
    assert bool(too) == ("output" in (sheet.network.get("feedback"), sheet.network.get("decoder")))
    assert f"via a_{step}" in sheet.by_line[other]["name"] or _time(sheet.by_line[other]["name"].partition(" via ")[2]) == int(
        step
    )
    assert int(step) == _time(h) + 1
    if sign:
        assert h_again == h
        assert (direct < 0 and carried < 0) if sign == "negative" else (direct > 0 and carried > 0)
        assert size == ("larger" if sign == "negative" else "smaller"), "against the gradient"
        if share:
            assert 0 < n(share) < 1
            assert Fraction(percent) == to_figures(n(share) * 100, 2)
    else:
        assert direct * carried < 0
        if cancel:
            assert abs(direct) == abs(carried)
            assert n(total) == 0
        elif larger:
            bigger = carried if larger == "carried" else direct
            assert abs(bigger) == max(abs(direct), abs(carried)) > min(abs(direct), abs(carried))
            assert n(total) * bigger > 0 or sheet.carry, "it decides the sign"
        else:
            assert abs(direct) == abs(carried)


@claim(
    r"Check: The slope of (tanh|the sigmoid) lies between 0 and (?:1|1/4), so line (\S+) has the sign of line (\S+) "
    r"and is not larger in size \({N} <= {N}\)(?:; likewise (.+))?\."
)
def _(sheet: Sheet, function: str, after: str, before: str, small: str, large: str, others: str) -> None:
    pairs = [(after, before), *re.findall(r"lines (\S+) and (\d+(?:\.\d+)?)", others or "")]
    assert (function == "tanh") == (sheet.network.get("activation", "tanh") == "tanh")
    assert (n(small), n(large)) == (abs(sheet.line(after)), abs(sheet.line(before)))
    for a, h in pairs:
        assert sheet.line(a) * sheet.line(h) > 0
        assert abs(sheet.line(a)) <= abs(sheet.line(h))
        assert sheet.by_line[a]["name"].replace("dL/da", "") == sheet.by_line[h]["name"].replace("dL/dh", "")


@claim(r"Off: {V} = {N} is negative: the unit is off, its slope is 0, and nothing passes back through it\.")
def _(sheet: Sheet, a: str, value: str) -> None:
    assert n(value) < 0 or (sheet.carry and n(value) == 0)
    assert sheet.by_name[f"dL/d{a}"]["exact"] in ("0.0", "-0.0")


@claim(r"Saturated: The slope .+? [=~] {N} is small: {V} is near ±1 and lets almost nothing through\.")
def _(sheet: Sheet, slope: str, h: str) -> None:
    assert n(slope) <= Fraction(1, 100)
    assert abs(abs(sheet[h]) - 1) < Fraction(6, 1000) + Fraction(5, 10 ** (sheet.rounding.get("places", 4) + 1))


@claim(
    r"Chain: The error {N} is passed back(?:, through the slope of the output \((.+?)\),)? through the weight \({N}\)"
    r"(?: and through the slope of \S+ \((.+)\))?: {N} at {V} becomes {N} at {V}\."
)
def _(sheet: Sheet, error: str, outer: str, weight: str, slope: str, before: str, h: str, after: str, a: str) -> None:
    assert n(error) == sheet["dL/dy"]
    assert n(weight) == sheet["w_hy"]
    assert (n(before), n(after)) == (sheet["dL/dh"], sheet["dL/da"])


# --------------------------------------------------------- gradients and update


@claim(
    r"Memory: Line (\S+) is 0 because {V} = {N}: at step 1 there was nothing to remember, so {V} can only be blamed for "
    r"(step 2|the later steps)\. It multiplies h_\(t-1\), the memory before the step, never h_t\."
)
def _(sheet: Sheet, line: str, h_0: str, value: str, weight: str, later: str) -> None:
    assert sheet.line(line) == n(value) == 0
    assert (later == "step 2") == (sheet.steps() == 2)


@claim(
    r"Memory: {V} is blamed for step 1 too, because {V} = {N} was there to be remembered\. It multiplies h_\(t-1\), the memory before the step, never h_t\."
)
def _(sheet: Sheet, weight: str, h_0: str, value: str) -> None:
    assert n(value) != 0
    own = sheet.by_name.get(f"dL/d{weight} via a_1") or sheet.by_name[f"dL/d{weight}"]
    assert Fraction(own["value"]) != 0


@claim(r"Check: A negative gradient makes its parameter rise, a positive one makes it fall; here (.+)\.")
def _(sheet: Sheet, here: str) -> None:
    found = {"rise": 0, "fall": 0, "stay": 0, "rounded": 0}
    for entry in sheet.entries:
        match = re.fullmatch(rf"({NAME}?)'(\[[\d,]+\])?", entry["name"])
        if entry["role"] != "update" or not match:
            continue
        name = match[1] + (match[2] or "")
        old, new = sheet[name], Fraction(entry["value"])
        gradient = sheet[f"dL/d{name}"]
        if new == old or (sheet.rounding["policy"] == "full" and float(new) == float(old)):  # 1/3 is a double there
            word = "stay"
        elif sheet.rounding["policy"] != "full" and sheet.rounded(old, like=entry["value"]) == new:
            word = "rounded"
        else:
            word = "rise" if new > old else "fall"
        found[word] += 1
        assert entry["note"] == {"rise": "rises", "fall": "falls", "stay": "stays", "rounded": "rounded"}[word]
        if word in ("rise", "fall"):
            assert gradient * (new - old) <= 0, f"{name} moves against its gradient"
    said = dict.fromkeys(found, 0)
    if match := re.fullmatch(r"(?:(both|it)|all (\w+)) (rise|fall|stay)s?", here):
        said[match[3]] = {"both": 2, "it": 1}.get(match[1] or "") or counted(match[2])
    else:
        for part in re.split(", | and ", here):
            match = re.fullmatch(r"(\w+) (?:(rise|fall|stay)s?|(?:is|are) only (rounded))", part)
            assert match, here
            said[match[2] or match[3]] = counted(match[1])
    assert said == found


@claim(
    r"Check: (?:With the new parameters|After (\w+) updates) (L@\d+) = {N} \(line (\S+); (before|before the first|before the last): "
    r"{N}\)\. (.+)"
)
def _(sheet: Sheet, count: str, name: str, new: str, line: str, when: str, old: str, verdict: str) -> None:
    last = int(name[2:]) - 1
    assert (counted(count) if count else 1) == last
    before = f"L@{last}" if when == "before the last" and last > 1 else "L"
    assert sheet[before] == n(old)
    change = n(new) - n(old)
    exact = float(sheet.by_name[name]["exact"]) - float(sheet.by_name[before]["exact"])
    hidden = re.fullmatch(r"Rounding hides the change: at full precision the loss (falls|rises|stays)\.", verdict)
    if hidden:
        assert hidden[1] == ("falls" if exact < 0 else "rises" if exact > 0 else "stays")
        return
    word = re.match(r"The loss (falls|rises|stays)", verdict)
    assert word
    assert word[1] == ("falls" if change < 0 else "rises" if change > 0 else "stays")
    assert verdict in (
        "The loss falls.", "The loss falls: the step went downhill.", "The loss rises.", "The loss stays the same.", TOO_LONG,
    )  # fmt: skip


TOO_LONG = "The loss rises: the step was too long, and a smaller learning rate would do."


# --------------------------------------------------------- how far it reaches


@claim(
    r"Reach: Truncation keeps an error at {V} from reaching {V}; without it, it would arrive there multiplied by {N} \(line (\S+)\)"
    r"(?: along this memory alone)?\."
)
def _(sheet: Sheet, last: str, first: str, product: str, line: str) -> None:
    assert sheet.by_line[line]["name"] == f"d{last}/d{first}"
    assert sheet.line(line) == n(product)
    assert _time(last) - _time(first) >= int(sheet.document["update"]["truncate"])


@claim(r"Reach: An error at {V} reaches {V} multiplied by {N} \(line (\S+)\)( along this memory alone)?: (.+)\.")
def _(sheet: Sheet, last: str, first: str, product: str, line: str, along: str, verdict: str) -> None:
    assert sheet.by_line[line]["name"] == f"d{last}/d{first}"
    assert sheet.line(line) == n(product)
    sizes, whole = _slopes(sheet, last[0], _time(last)), abs(n(product))
    one = len(sizes) == 1
    assert "truncate" not in sheet.document.get("update", {})
    if verdict.startswith("the memory is rescaled"):
        assert sheet.network["cell"] == "slstm"
    elif match := re.fullmatch(r"(the factor|a factor) is 0, so nothing comes back through it", verdict):
        assert 0 in sizes
        assert (match[1] == "the factor") == one
    elif match := re.fullmatch(r"(the|each) factor is 1 in size, so all of it comes back \(stable gradient\)", verdict):
        assert set(sizes) == {1}
        assert (match[1] == "the") == one
    elif match := re.fullmatch(
        r"(the|each) factor is (close enough to 1|smaller than 1 in size|larger than 1 in size),? .+", verdict
    ):
        assert (match[1] == "the") == one
        assert all(size < 1 for size in sizes) or all(size > 1 for size in sizes)
        if match[2].startswith("close"):
            assert Fraction(1, 2) <= whole < 2
            assert verdict.endswith("that at least half of it comes back and it does not double (stable gradient)")
        elif match[2].startswith("smaller"):
            assert whole < Fraction(1, 2)
            assert sizes[0] < 1
            assert verdict.endswith("so what comes back fades (vanishing gradient)")
        else:
            assert whole >= 2
            assert sizes[0] > 1
            assert verdict.endswith("so what comes back grows (exploding gradient)")
    else:
        match = re.fullmatch(
            r"some factors (shrink it and some enlarge it|enlarge it, none shrinks it|shrink it, none enlarges it); "
            r"on the whole it (fades|grows|stays)",
            verdict,
        )
        assert match, verdict
        assert (any(size < 1 for size in sizes)) == ("shrink it" in match[1])
        assert (any(size > 1 for size in sizes)) == ("enlarge it" in match[1])
        assert match[2] == ("fades" if whole < 1 else "grows" if whole > 1 else "stays")


def _slopes(sheet: Sheet, memory: str, last: int) -> list[Fraction]:
    return [abs(sheet[f"d{memory}_{time + 1}/d{memory}_{time}"]) for time in range(1, last)]


@claim(r"What is left of an error at the last step: (.+)\.")
def _(sheet: Sheet, said: str) -> None:
    products = [re.fullmatch(rf"({NAME}) = ({NUM})", one) for one in said.split("; ")]
    last = max(_time(match[1].partition("/")[0]) for match in products if match)
    for match in products:
        assert match
        assert _time(match[1].partition("/")[0]) == last
        assert sheet[match[1]] == n(match[2])


@claim(
    r"Memory (lasts|fades|grows) \((stable|vanishing|exploding) gradient\): over (\w+) steps the slopes multiply to {V} = {N}\."
)
def _(sheet: Sheet, word: str, kind: str, count: str, name: str, product: str) -> None:
    match = re.fullmatch(r"d([hcs])_(\d+)/d\1_1", name)
    assert match
    assert counted(count) == int(match[2]) - 1
    assert kind == {"lasts": "stable", "fades": "vanishing", "grows": "exploding"}[word]
    _judged(word, _slopes(sheet, match[1], int(match[2])), abs(n(product)))


@claim(
    r"Memory (lasts|fades|grows) \((?:stable|vanishing|exploding) gradient\): one step multiplies by {V} = {N}; two such steps would multiply by .+ [=~] {N}\."
)
def _(sheet: Sheet, word: str, name: str, factor: str, square: str) -> None:
    assert re.fullmatch(r"d([hcs])_2/d\1_1", name)
    _judged(word, [abs(n(factor))], abs(n(factor)))
    if not sheet.carry:
        assert sheet.same(sheet.rounded(n(factor) ** 2, factor=True), n(square))


def _judged(word: str, sizes: list[Fraction], whole: Fraction) -> None:
    assert all(size < 1 for size in sizes) or all(size > 1 for size in sizes)
    assert word == ("lasts" if Fraction(1, 2) <= whole < 2 else "fades" if whole < 1 else "grows")


@claim(r"Progress: (.+)\.")
def _(sheet: Sheet, said: str) -> None:
    losses = [sheet["L"]]
    while f"L@{len(losses) + 1}" in sheet.values:
        losses.append(sheet[f"L@{len(losses) + 1}"])
    rises = [k for k in range(1, len(losses)) if losses[k] > losses[k - 1]]
    if match := re.fullmatch(r"(\d+) of (\d+) iterations raise the loss", said):
        assert (int(match[1]), int(match[2])) == (len(rises), len(losses) - 1)
    else:
        assert rises == [int(k) for k in re.findall(r"\d+", said)]
        assert said.startswith({0: "No iteration raises", 1: "Iteration "}.get(len(rises), "Iterations "))


# ------------------------------------------------------------------ takeaways


@claim(r"The hidden state is the memory: step (\d+) reaches {V} only through {V}(?:, whose term changes {V} by {N})?\.")
def _(sheet: Sheet, early: str, late: str, state: str, changed: str, amount: str) -> None:
    assert (_time(late), _time(state)) == (int(early) + 1, int(early))
    assert not sheet.network.get("feedback"), "what is fed back is another way"
    if amount:
        assert changed == late
        # What the term adds: the state, less the state of the other terms.
        formula = sheet.by_name[f"a_{_time(late)}"]["formula"]["text"]
        assert state in formula


@claim(r"Going back, {V} has two sources: direct {N} and carried {N}, together (about )?{N}\.")
def _(sheet: Sheet, h: str, direct: str, carried: str, about: str, total: str) -> None:
    assert sheet[f"dL/d{h}"] == n(total)
    differs = n(direct) + n(carried) != n(total)
    rounding = sheet.document.get("rounding", {})
    assert differs == bool(about) or (not about and ("figures" in rounding or rounding.get("policy") == "full"))
    parts = {Fraction(e["value"]): e["note"] for e in sheet.entries if e["name"].startswith(f"dL/d{h} via ")}
    assert {n(direct), n(carried)} == set(parts)
    if len(parts) == 2:
        assert parts[n(direct)] == "direct"
        assert parts[n(carried)] == "carried"


@claim(r"A parameter that is used at every step collects one contribution from each of the (\w+) steps(, and is updated once)?\.")
def _(sheet: Sheet, count: str, once: str) -> None:
    sizes = _contributions(sheet)
    assert counted(count) in sizes.values()
    assert not once or sheet.document["update"].get("iterations", 1) == 1


@claim(
    r"A parameter of the encoder collects one contribution from each of its (\w+) steps, one of the decoder from each of its (\w+)\."
)
def _(sheet: Sheet, encoder: str, decoder: str) -> None:
    for name, size in _contributions(sheet).items():
        assert size == counted(encoder if "(enc" in name else decoder)


def _of_parameter(sheet: Sheet, name: str) -> re.Match[str] | None:
    """Whether a line is the gradient of a parameter, and of which; a cell told by its equations has names of its own."""
    told = "|".join(map(re.escape, sheet.document["parameters"]))
    return re.fullmatch(rf"dL/d([wWb]_\w+(?:\((?:enc|dec|fwd|bwd)?\d*\))?|{told})(?:\[[\d,]+\])?", name)


def _contributions(sheet: Sheet) -> dict[str, int]:
    """From how many time steps each gradient of a parameter is made, told by the problem file."""
    given, found = sheet.document["given"], {}
    for entry in sheet.entries:
        match = _of_parameter(sheet, entry["name"])
        if match and sheet.section != "":
            name = match[1]
            of_inputs = "(enc" in name or "decoder" not in sheet.network
            read = given["text"][1:] if "text" in given else given.get("x" if of_inputs else "target")
            found[name] = sheet.network.get("steps") or len(read)
    return found


@claim(r"Along the cell, one step multiplies an error by its forget gate: near 1 it passes, near 0 it is blocked\.")
def _(sheet: Sheet) -> None:
    for name in sheet.values:
        match = re.fullmatch(r"dc_(\d+)/dc_(\d+)", name)
        if match and int(match[1]) == int(match[2]) + 1:
            factor, gate = (float(sheet.by_name[one]["exact"]) for one in (name, f"f_{match[1]}"))
            assert abs(factor - gate) < 1e-12


@claim(r"Clipping by the norm makes a long gradient shorter and keeps its direction\.")
def _(sheet: Sheet) -> None:
    assert sheet.document["update"].get("clip_by", "norm") == "norm"


@claim(r"Erratum: The source has (-?[\d.]+) for (\S+(?: via \S+)?) \(line ([\d.,]+)\); right is (-?[\d.]+), unrounded: (.+)\.")
def _(sheet: Sheet, printed: str, name: str, line: str, right: str, why: str) -> None:
    told = sheet.document["source"]["errata"][name]
    assert (Fraction(told["printed"]), told["why"].rstrip(".")) == (Fraction(printed), why)
    places = len(right.partition(".")[2])
    assert abs(Fraction(sheet.by_line[line]["exact"]) - Fraction(right)) <= Fraction(6, 10 ** (places + 1))
    assert abs(Fraction(right) - Fraction(printed)) > Fraction(1, 2 * 10 ** len(printed.partition(".")[2]))


@claim(r"Erratum: line ([\d.,]+) is wrong in the source: (.+)\.")
def _(sheet: Sheet, line: str, why: str) -> None:
    assert sheet.document["source"]["errata"][sheet.by_line[line]["name"]].rstrip(".") == why


@claim(r"There is no loss; the sum of what is handed in times what it belongs to stands for it:")
def _(sheet: Sheet) -> None:
    given = {key.removeprefix("dL/d"): value for key, value in sheet.document["given"].items() if key.startswith("dL/d")}
    assert "loss" not in sheet.document
    for name, value in given.items():
        if not isinstance(value, list):
            assert sheet[f"dL/d{name} via above"] == Fraction(str(value))
    if not any(isinstance(value, list) for value in given.values()):
        whole = sum(sheet[name] * Fraction(str(value)) for name, value in given.items())
        assert abs(whole - sheet["L"]) <= Fraction(1, 10 ** len(sheet.values["L"].partition(".")[2])) / 2


@claim(r"Momentum moves a parameter by its velocity, in which earlier gradients go on acting\.")
def _(sheet: Sheet) -> None:
    assert sheet.document["update"]["rule"] in ("momentum", "nesterov")


@claim(r"Truncation leaves out what would be carried over a border of two windows; the forward pass is not cut\.")
def _(sheet: Sheet) -> None:
    assert sheet.document["update"]["truncate"]
    assert "truncate_every" not in sheet.document["update"], "these windows have no borders: they overlap"


@claim(r"Truncation leaves out what a backward pass would carry beyond its end; the forward pass is not cut\.")
def _(sheet: Sheet) -> None:
    assert 0 < sheet.document["update"]["truncate_every"] <= sheet.document["update"]["truncate"]


@claim(r"With teacher forcing a target is the next input, so no gradient goes from an input to the output before\.")
def _(sheet: Sheet) -> None:
    assert "target" in (sheet.network.get("feedback"), sheet.network.get("decoder"))


@claim(r"The stabiliser cancels in c / n, so no gradient goes through it\.")
def _(sheet: Sheet) -> None:
    assert sheet.network["cell"] == "slstm"
    assert not any(re.match(r"dL/dm(?:\(\d\))?_\d", name) for name in sheet.values)


@claim(r"Before the softmax, the gradient of the cross-entropy is prediction minus target, times a constant\.")
def _(sheet: Sheet) -> None:
    ratios = set()
    logit = "a_y" if sheet.network["cell"] in ("gru", "slstm") else "z"  # z is a gate there
    for entry in sheet.entries:
        if match := re.fullmatch(rf"dL/d{logit}((?:_\d+)?\[\d+\](?:#\d+)?)", entry["name"]):
            apart = float(sheet.by_name[f"y{match[1]}"]["exact"]) - float(sheet[f"target{match[1]}"])
            if abs(apart) > 1e-6:
                ratios.add(round(float(entry["exact"]) / apart, 6))
    assert len(ratios) <= 1


@claim(r"Each quantity is used once, so each gradient has one source: the chain rule is a single product\.")
def _(sheet: Sheet) -> None:
    assert not any(" via " in entry["name"] for entry in sheet.entries)


@claim(
    r"A feedforward network, by contrast, has no carried part: each hidden value has one source, each parameter one contribution, "
    r"and nothing is remembered for the next input\."
)
def _(sheet: Sheet) -> None:
    said = sheet.data["sections"][-1]["notes"]
    assert len(said) > 1, "there is something that it is a contrast to"
    assert sheet.network["cell"] != "dense"


@claim(r"A feedforward network meets each input on its own: .+")
def _(sheet: Sheet) -> None:
    assert sheet.network["cell"] == "dense"


@claim(r"With one time step there is nothing to carry back; from two steps on, a state has two sources of blame\.")
def _(sheet: Sheet) -> None:
    assert sheet.steps() == 1


@claim(r"All gradients are taken with the old parameters; the parameters are updated together, at the end\.")
def _(sheet: Sheet) -> None:
    assert "update" in sheet.document


# ---------------------------------------------------------------------- words


@claim(
    r"(.+ (?:is|are) (?:one number )?used at .+|Each of these parameters is used at the (?:first|last) step(?: of every sample)? only\.)"
)
def _(sheet: Sheet, text: str) -> None:
    assert sheet.section == "gradients"
    names = {match[1] for e in sheet.entries if (match := _of_parameter(sheet, e["name"]))}
    said: dict[str, str] = {}
    if match := re.match(r"Each of these parameters is used at the (first|last)", text):
        assert {match[1]} == {_used(sheet, name) for name in names}
        return
    for listed, once in re.findall(r"(?:^|\. )([^.]+?) (?:is|are) used at (every|the first|the last) step", text):
        said |= dict.fromkeys(re.split(", | and ", listed), once.removeprefix("the "))
    if text.startswith("Each parameter of the encoder"):
        assert "decoder" in sheet.network
        return
    if text.startswith("Each parameter"):
        assert re.match(r"Each parameter is (?:one number )?used at every step(?: of every sample)?\. ", text)
        said = dict.fromkeys(names, "every")
    assert set(said) == names
    for name, when in said.items():
        assert when == _used(sheet, name), name


@claim(r"The truncated backward pass ends at step (\d+): only the uses from there on contribute; the gradient is the sum\.")
def _(sheet: Sheet, step: str) -> None:
    assert sheet.network["outputs"] == "last"
    assert int(step) == sheet.steps() - sheet.document["update"]["truncate"] + 1 > 1


def _used(sheet: Sheet, name: str) -> str:
    """At which time steps a parameter is used, told by the problem file."""
    if sheet.steps() < 2:
        return "every"
    if re.match(r"(?:[wW]_hy|b_y)", name):
        return "last" if sheet.network.get("outputs") == "last" else "every"
    if re.match(r"[wW]_x\w(?:\(1\))?$", name) and sheet.network.get("inputs") == "first":
        return "first"
    return "every"


KEPT = r"(?: Slopes and their products are kept to (?:1 significant figure|(?!1 )\d+ significant figures)\.)?"


@claim(
    rf"Same gradient: dL_(?:paths|1)/d({NAME}) = {{N}} \(line (\S+)\) is the gradient once more\. BPTT adds up the same products, factored: "
    rf"dL/d({NAME}) = {{N}} \(line (\S+)\)\."
)
def _(sheet: Sheet, one: str, value: str, line: str, other: str, known: str, where: str) -> None:
    assert one == other
    assert (sheet.line(line), sheet.line(where)) == (n(value), n(known))
    exact = [float(sheet.by_line[number]["exact"]) for number in (line, where)]
    assert abs(exact[0] - exact[1]) <= 1e-12 * max(1, abs(exact[1]))


@claim(r"Lines: Forward mode takes (\d+) lines? for (.+); the backward pass takes (\d+) for all (\d+) parameters that learn\.")
def _(sheet: Sheet, forward: str, names: str, backward: str, parameters: str) -> None:
    roles = [entry["role"] for entry in sheet.entries if "@" not in entry["name"]]
    assert roles.count("tangent") == int(forward)
    assert roles.count("gradient") + roles.count("contribution") == int(backward)
    learned = [name for name in sheet.by_name if _of_parameter(sheet, name)]  # of the first iteration
    assert len(learned) == int(parameters), "each number is a parameter, as in the list before"
    asked = {e["name"].partition("/d")[2] for e in sheet.entries if e["role"] == "tangent"}
    assert asked == set(names.split(", "))


@claim(
    r"Quotient: dL_check/d(\S+) = {N} \(line (\S+)\) and the gradient of BPTT, dL(?:_full)?/d(\S+) = {N} \(line (\S+)\), are apart by {N}: "
    r"by the order of the square of eps(?:, and by rounding: that of the two losses alone can do {N})?\."
)
def _(sheet: Sheet, one: str, value: str, line: str, other: str, known: str, where: str, apart: str, unit: str | None) -> None:
    assert one == other
    assert (sheet.line(line), sheet.line(where)) == (n(value), n(known))
    assert Fraction(f"{float(abs(n(value) - n(known))):.2g}") == n(apart)
    assert (unit is None) == (sheet.rounding["policy"] == "full")
    if unit is not None:
        place = next(k for k, entry in enumerate(sheet.entries) if str(entry["line"]) == line)
        losses = [entry["value"] for entry in sheet.entries[:place] if re.match(r"L(?![\w/])", entry["name"])][-2:]
        half = sum(map(_unit, losses)) / 4
        assert Fraction(f"{float(half / Fraction(sheet.values['eps'])):.2g}") == n(unit)


def _unit(printed: str) -> Fraction:
    """One unit of the last digit of a printed number."""
    digits, _, exponent = printed.partition("e")
    return Fraction(10) ** (int(exponent or 0) - len(digits.partition(".")[2]))


always(
    r"A pass begins after every (?:\w+ steps|step), with the losses that no earlier pass had, and goes back \w+ steps\. .+",
    r"Each parameter has a gradient in every pass that reaches it; the gradient of the update is their sum\.",
    r"dL_full/dp is the gradient without any cut\. The update uses dL/dp\.",
    r"A parameter is moved by eps to either side, and what depends on it is calculated again\. .+",
    r"A loss blames each use of a parameter by every path between them\. .+ add up to the gradient\." + KEPT,
    r"The slope of every line in one parameter, from left to right: .+ real-time recurrent learning \(RTRL\)\." + KEPT,
    r"The graph with its values and gradients: .+",
    r"The slopes on the longest path, from the loss back: .+\.",
    r"Each parameter is (?:one number )?used for every sample\. Every use contributes; the gradient is the sum\.",
    r"(?:(?:[\w()]+, )*[\w()]+ and )?[\w()]+ (?:is|are) used for every sample: .+",
    r"For every parameter p: p' = p - eta \* dL/dp",
    r"Clipping: .+",
    r"Each quantity is used once, so each gradient has one source\. Read it as a chain: .+",
    r"Gradients are carried back within windows of .+",
    r"The same forward pass with the new parameters shows whether the step helped; @\d+ marks its quantities\.",
    r"A small change of one state reaches the next multiplied by the slope between them; over several steps the slopes multiply\."
    r"(?: Factors are kept to (?:1 significant figure|(?!1 )\d+ significant figures): with decimals a product of many would print as 0\.)?",
    r"The loss by iteration: .+",
    r"The (?:cell|network)(?! by)[^:]*: .+",
    r"One time step[^:]*: .+",
    r"Source: .+",
    r"update: against the gradient",
)  # fmt: skip


@claim(r"(forward|backward)(?:, [^:]*)?: (.*)")
def _(sheet: Sheet, way: str, text: str) -> None:
    dense = sheet.network["cell"] == "dense"
    readout = sheet.network.get("readout", True)
    layers = sheet.network.get("hidden", 1)
    many = isinstance(layers, list) and len(layers) > 1
    start = {name: sheet[name] for name in sheet.values if re.search(r"_0(?:\[\d+\])?$", name) and not name.startswith("dL/")}
    if text == "the input is weighted, passed through the activation, and weighted again":
        assert dense and readout and not many
    elif text == "the input is weighted and passed through the activation":
        assert dense and not readout and not many
    elif text == "each layer weights what comes in, and passes it through its activation":
        assert dense and many
    elif text.startswith("the error goes back through"):
        assert dense
        assert ("weight and" in text) == (readout and not many)
    elif text in ("the memory is empty", "the memory is empty: the state knows this input only"):
        assert not any(value for name, value in start.items() if name[0] not in "yt")
        assert "input only" not in text or not sheet.network.get("feedback")
    elif text == "the state begins with the initial memory":
        assert any(value for name, value in start.items() if name[0] not in "yt")
    elif text.startswith("the state carries"):
        assert not dense
    else:
        assert text in EXPLANATIONS, text


EXPLANATIONS = {
    "", "both directions are read", "the encoder's state is handed over", "what is differentiated",
    *(f"{only}{part}" for only in ("", "only ") for part in (
        "the own error", "the own part of the loss", "what is carried back", "what comes from above", "what comes from the decoder",
    )),
    *(f"only this step's own {part}; nothing is carried back" for part in ("error", "part of the loss")),
    *(f"the own {own} and what is carried back" for own in ("error", "part of the loss")),
    "what is carried back and what comes from above", "what is carried back and what comes from the decoder",
    "what comes from above and what comes from the decoder",
    "what is carried back and what comes from above and what comes from the decoder",
    "the own error and what comes from above", "the own error and what is carried back and what comes from above",
}  # fmt: skip


# --------------------------------------------------------------------- footer


def _distances(sheet: Sheet) -> dict[str, Fraction]:
    return {str(e["line"]): abs(Fraction(e["value"]) - Fraction(e["exact"])) for e in sheet.entries if e["line"]}


@claim(r"Rounding: The largest distance of a result from full precision is {N} \(line (\S+): {N} here, {N} unrounded\)\.")
def _(sheet: Sheet, distance: str, line: str, here: str, there: str) -> None:
    apart = _distances(sheet)
    assert apart[line] >= max(apart.values()) * (1 - Fraction(1, 10**6))
    assert to_figures(apart[line], 2) == n(distance)
    assert sheet.line(line) == n(here)
    assert to_figures(n(distance), 2) == n(distance)
    assert abs(abs(n(here) - n(there)) - n(distance)) <= n(distance) / 10, "the digits show the distance"


@claim(r"Rounding: No result differs from full precision\.")
def _(sheet: Sheet) -> None:
    for entry in sheet.entries:
        assert abs(Fraction(entry["value"]) - Fraction(entry["exact"])) <= abs(Fraction(entry["exact"])) * Fraction(1, 10**11)


@claim(r"Rounding: Every result agrees with full precision to 12 decimals\.")
def _(sheet: Sheet) -> None:
    for entry in sheet.entries:
        exact = Fraction(entry["exact"])
        assert abs(Fraction(entry["value"]) - exact) <= max(1, abs(exact)) * Fraction(1, 10**12)


@claim(r"Rounding: On (\d+) of (\d+) lines the printed digits do not give the printed result; they are marked with ≈\.")
def _(sheet: Sheet, marked: str, lines: str) -> None:
    numbered = [entry for entry in sheet.entries if entry["line"]]
    assert len(numbered) == int(lines)
    assert 0 < int(marked) == sum("~" in entry["text"] for entry in numbered)


@claim(r"Rounding: On every line the printed digits give the printed result\.")
def _(sheet: Sheet) -> None:
    assert sheet.carry
    assert not any("~" in entry["text"] for entry in sheet.entries)


# ------------------------------------------------------------- general formulas

SKIPPED = re.compile(r"\.\*|\^T|[A-Z]_\w+ |softmax|\[[^\]i]*;|_\[|phi|psi|relu|p'|max\(|row|x W|diag")


def instances(sheet: Sheet, note: str, functions: dict[str, Any], told: Collection[str] = ()) -> int:
    """Assert that a general formula, with numbers for t, i and s, gives the unrounded lines; how many were compared.

    ``told`` are the names on the left of all formulas: a first step that has a formula of its own is not one of t.
    """
    left, _, right = note.partition(" = ")
    cut = "truncate" in sheet.document.get("update", {}) and "(t+1)" in right
    if SKIPPED.search(note) or not _is_formula(note) or cut:
        return 0
    last = sheet.steps("y") or sheet.steps()
    samples: list[Any] = sheet.samples() or [None]
    compared = 0
    for time in range(1, last + 1) if re.search(r"_t\b|_\(t", left) else [None]:
        for sample in samples if "#s" in left or (len(samples) > 1 and not left.startswith("dL/d")) else [None]:
            name = _at(left, time, sample, last)
            if name != left and name in told:
                continue
            entry = sheet.by_name.get(name, sheet.by_name.get(f"{name}#{sample}"))
            value = None if entry is None else _value(sheet, right, time, sample, last, functions)
            if entry is None or value is None:
                continue
            exact = float(entry["exact"])
            room = 1e-9 * max(1.0, abs(exact))
            if abs(float(value) - exact) > room:
                room += _unknown(sheet, right, time, sample, last, functions, value)
            assert abs(float(value) - exact) <= room, f"{note}: {entry['name']} is {exact}, not {float(value)}"
            compared += 1
    return compared


def _unknown(
    sheet: Sheet, text: str, time: int | None, sample: str | None, last: int, functions: dict[str, Any], value: Fraction
) -> float:
    """How far the digits that a double does not hold may move a right side: 1 - y has few where y is almost 1."""
    moved = []
    for sheet.nudge in (1 + Fraction(1, 2**52), 1 - Fraction(1, 2**52)):
        other = _value(sheet, text, time, sample, last, functions)
        moved.append(abs(float(other - value)) if other is not None else 0.0)
    sheet.nudge = Fraction(1)
    return max(moved)


def _at(text: str, time: int | None, sample: str | None, last: int) -> str:
    if time is not None:
        text = re.sub(r"_\(t([+-]\d+)\)", lambda m: f"_{time + int(m[1])}", text)
        text = re.sub(r"_t(?![\w])", f"_{time}", text)
    text = re.sub(r"_T(?![\w])", f"_{last}", text)
    return text if sample is None else text.replace("#s", f"#{sample}")


def _value(
    sheet: Sheet, text: str, time: int | None, sample: str | None, last: int, functions: dict[str, Any]
) -> Fraction | None:
    """The value of a right side; nothing where a name has no value."""
    if match := re.search(r"sum_(t|s|st|i)\b ", text):
        if "(enc" in text:
            last = len(sheet.document["given"]["x"])
        front, term = text[: match.start()], text[match.end() :]
        times = range(1, last + 1) if "t" in match[1] else [time]
        samples = sheet.samples() if "s" in match[1] else [sample]
        outputs = len({m[1] for name in sheet.values if (m := re.match(r"target(?:_\d+)?\[(\d+)\]", name))}) or 1
        units = range(1, outputs + 1) if match[1] == "i" else [None]
        total = Fraction(0)
        for t in times:
            for s in samples:
                for i in units:
                    one = _value(sheet, term if i is None else term.replace("[i]", f"[{i}]"), t, s, last, functions)
                    if one is None:
                        return None
                    total += one
        closing = "" if not front.endswith("-") else "1 * "
        counts = {
            "T": len({e["time"] for e in sheet.entries if re.match(r"L_\d", e["name"])}) or last,
            "N": len(samples),
            "K": outputs,
        }
        front = re.sub(r"/([TNK])\)", lambda m: f"/{counts[m[1]]})", front)
        return Fraction(evaluate(f"{front}{closing}({Fraction(float(total))})", functions))
    filled = _at(text, time, sample, last)
    counts = {"T": len({m[1] for name in sheet.values if (m := re.match(r"L_(\d+)", name))}) or last,
              "N": len(sheet.samples()) or 1,
              "K": len({m[1] for name in sheet.values if (m := re.match(r"target(?:_\d+)?\[(\d+)\]", name))}) or 1}  # fmt: skip
    filled = re.sub(r"/([TNK])\)", lambda m: f"/{counts[m[1]]})", filled)

    def number(match: re.Match[str]) -> str:
        name = match[0]
        if name in functions:
            return name
        for spelled in (name, f"{name}#{sample}"):
            if spelled in sheet.by_name:
                return f"({Fraction(sheet.by_name[spelled]['exact']) * sheet.nudge})"
            if spelled in sheet.values:
                return f"({Fraction(sheet.values[spelled])})"
        raise Unreadable(name)

    try:
        return Fraction(evaluate(re.sub(NAME, number, filled), functions))
    except Unreadable:
        return None


def functions_of() -> dict[str, Any]:
    """What the functions in general formulas are."""
    known = dict(FUNCTIONS)
    known["leaky_relu"], known["leaky_relu'"] = bent(Fraction(1, 100), Fraction(1, 100))
    known["ln"] = known["log"]
    return known


# ----------------------------------------------------------------------- flow


def flow(sheet: Sheet, note: str) -> None:
    """Assert a verdict or a share of a sheet of gradient flow."""
    if match := re.fullmatch(
        rf"Share: Step (\d+) contributes most( in size)? to ({NAME})(, but against the sum)?: (.+) [=~] ({NUM}) %\.", note
    ):
        table = next(t for s in sheet.data["sections"] for t in s.get("tables", []) if t["title"] == "Contributions")
        rows = table["rows"]
        column = table["columns"].index(match[3])
        parts = {row[0]: Fraction(row[column]) for row in rows if re.fullmatch(r"-?\d[\d.e-]*", row[column])}
        total = parts.pop("sum")
        most = abs(parts[match[1]])
        assert all(abs(size) < most for step, size in parts.items() if step != match[1])
        assert bool(match[2]) == bool(match[4]) == (parts[match[1]] * total < 0)
        return
    match = re.fullmatch(
        rf"Verdict: (\w+)\. The slope (.+?) is (.+); a change of ({NAME}) arrives at ({NAME})(?: along this memory)? multiplied by "
        rf"({NUM}) \(line (\S+)\): (.+)\.",
        note,
    )
    assert match, note
    word, _, why, first, last, product, line, meaning = match.groups()
    assert _time(first) == 1 < _time(last)
    whole = abs(n(product))
    assert sheet.line(line) == n(product)
    sizes = [abs(Fraction(e["value"])) for e in sheet.entries if e["name"] and (m := re.fullmatch(r"d([hcs])_(\d+)/d\1_(\d+)", e["name"]))
             and int(m[2]) == int(m[3]) + 1]  # fmt: skip
    clause = meaning.split("; ")[0]
    expected = (
        ("Blocked", "nothing comes back") if whole == 0
        else ("Stable", "at least half of it is left, and it does not double") if Fraction(1, 2) <= whole < 2
        else ("Vanishing", "less than half of it is left") if whole < 1 else ("Exploding", "it at least doubles")
    )  # fmt: skip
    assert (word, clause) == expected
    if found := re.match(r"(0|1|below 1|above 1) in size", why):
        test = {"0": lambda x: x == 0, "1": lambda x: x == 1, "below 1": lambda x: x < 1, "above 1": lambda x: x > 1}[found[1]]
        assert all(map(test, sizes)), why
        assert ("at every step" in why) == (len(sizes) > 1)
    else:
        found = re.fullmatch(rf"between ({NAME}) = ({NUM}) and ({NAME}) = ({NUM}) in size", why)
        assert found, why
        assert (abs(n(found[2])), abs(n(found[4]))) == (min(sizes), max(sizes))
        assert min(sizes) <= 1 <= max(sizes)
