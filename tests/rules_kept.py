"""The rules of "Check yourself", read from a worksheet and held against results. Nothing here comes from the package."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

APART = ", apart from rounding."


class Results:
    """The printed results of a problem, by name."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.values = {name: Fraction(value) for name, value in data["values"].items()}
        self.rounding = data["rounding"]
        entries = (entry for section in data["sections"] for entry in section["entries"])
        self.lines = {re.sub(r"\[[\d,]+\]", "", entry["name"]) for entry in entries}

    def unit(self, size: Fraction) -> Fraction:
        """How far rounding takes a number of this size."""
        if self.rounding["policy"] == "full":
            return Fraction(1, 10**9) * max(1, abs(size))
        if "figures" in self.rounding:
            return abs(size) * Fraction(1, 10 ** (self.rounding["figures"] - 1))
        return Fraction(1, 10 ** self.rounding["places"])

    def at(self, general: str) -> dict[tuple[str, ...], Fraction]:
        """The values of a name in t, by what stands for t, the component and the sample."""
        shift = {"_(t-1)": -1, "_(t+1)": 1}
        moved = next((by for sign, by in shift.items() if sign in general), 0)
        spelled = re.escape(general.replace("_(t-1)", "_t").replace("_(t+1)", "_t"))
        timed = re.sub(r"_t$", r"_(?P<time>\\d+)", spelled)
        pattern = re.compile(timed + r"(?P<index>\[[\d,]+\])?(?P<sample>#\d+)?")
        found, results = {}, set()
        for name, value in self.values.items():
            if match := pattern.fullmatch(name):
                time = match.groupdict().get("time")
                if time and int(time) == moved:
                    continue  # it is given
                key = (str(int(time) - moved) if time else "", match["index"] or "", match["sample"] or "")
                found[key] = value
                if re.sub(r"\[[\d,]+\]", "", name) in self.lines:
                    results.add(key)
        # Beside results, a state of the same name is the one that a backward reader begins with.
        return {key: value for key, value in found.items() if key in results or moved} if results else found


def keeps(results: Results, rule: str) -> None:
    """Assert that the results keep a rule."""
    for pattern, check in RULES.items():
        if match := re.fullmatch(pattern, rule):
            check(results, *match.groups())
            return
    raise AssertionError("no check is known for this rule")


def _between(results: Results, low: str, name: str, high: str) -> None:
    found = results.at(name)
    assert found
    assert all(int(low) <= value <= int(high) for value in found.values())


def _not_negative(results: Results, name: str) -> None:
    assert all(value >= 0 for value in results.at(name).values())


def _inside(results: Results, name: str, one: str, other: str) -> None:
    first, second = results.at(one), results.at(other)
    for key, value in results.at(name).items():
        time, index, _ = key
        before = second.get(key, second.get((time, index, "")))  # a first state may be that of all samples
        if key not in first or before is None:
            continue  # given behind the last step, or handed over by an encoder
        low, high = sorted((first[key], before))
        assert low - results.unit(low) <= value <= high + results.unit(high), key


def _at_most_ratio(results: Results, name: str, top: str, bottom: str) -> None:
    tops, bottoms = results.at(top), results.at(bottom)
    for key, value in results.at(name).items():
        if not bottoms[key]:
            continue  # to the digits that are kept there is no such ratio
        bound = abs(tops[key] / bottoms[key])
        assert abs(value) <= bound + results.unit(bound), key


def _groups(found: dict[tuple[str, ...], Fraction]) -> list[list[Fraction]]:
    groups: dict[tuple[str, str], list[Fraction]] = {}
    for (time, _, sample), value in found.items():
        groups.setdefault((time, sample), []).append(value)
    return list(groups.values())


def _adds_up_to_one(results: Results, name: str) -> None:
    for group in _groups(results.at(name)):
        assert min(group) >= 0
        assert abs(sum(group) - 1) <= len(group) * results.unit(Fraction(1))


def _rows_add_up_to_one(results: Results, alpha: str) -> None:
    stem, rows = re.escape(alpha.removesuffix("_t")), dict[tuple[str, ...], list[Fraction]]()
    for name, value in results.values.items():
        if match := re.fullmatch(stem + r"_(\d+),\d+(#\d+)?(@\d+)?", name):
            rows.setdefault(match.groups(), []).append(value)
    assert rows
    for row in rows.values():
        assert min(row) >= 0
        assert abs(sum(row) - 1) <= len(row) * results.unit(Fraction(1))


def _adds_up_to_zero(results: Results, name: str) -> None:
    for group in _groups(results.at(name)):
        assert abs(sum(group)) <= 3 * sum(map(results.unit, group))


def _terms(results: Results) -> dict[str, Fraction]:
    return {name: value for name, value in results.values.items() if re.fullmatch(r"L_\d+(?:#\d+)?", name)}


def _no_negative_term(results: Results) -> None:
    assert all(value >= 0 for name, value in results.values.items() if re.fullmatch(r"L(?:_\d+)?(?:\[\d+\])?(?:#\d+)?", name))


def _mean(results: Results) -> None:
    terms = _terms(results).values()
    assert min(terms) <= results.values["L"] <= max(terms)


def _sum(results: Results) -> None:
    assert results.values["L"] >= max(_terms(results).values())


def _sign_of_error(results: Results, error: str, y: str, target: str) -> None:
    predictions, targets = results.at(y), results.at(target)
    for key, value in results.at(error).items():
        apart = predictions[key] - targets[key]
        if apart < -results.unit(targets[key]):
            assert value <= 0, key
        if apart > results.unit(targets[key]):
            assert value >= 0, key


def _shrinks(results: Results, after: str, before: str, quarter: str | None) -> None:
    arrived = results.at(before)
    for key, value in results.at(after).items():
        if key not in arrived:
            continue
        assert value * arrived[key] >= 0, key
        bound = abs(arrived[key]) * (Fraction(1, 4) if quarter else 1)
        assert abs(value) <= bound + results.unit(bound), key


def _downhill(results: Results) -> None:
    for name, old in list(results.values.items()):
        new = results.values.get(re.sub(r"(\[[\d,]+\])?$", lambda m: "'" + (m[1] or ""), name, count=1))
        gradient = results.values.get(f"dL/d{name}")
        if new is None or gradient is None:
            continue
        change = new - old
        assert change * gradient <= 0 or abs(change) <= results.unit(old), name


def _nothing(results: Results, *said: str) -> None:
    """A rule about words, or about the reader's own results."""


NAME = r"(\S+)"
RULES: dict[str, Any] = {
    rf"(-1|0) <= {NAME} <= (1)\.": _between,
    rf"{NAME} is never negative\.": _not_negative,
    rf"{NAME} lies between {NAME} and {NAME}{APART}": _inside,
    rf"{NAME} is not larger in size than {NAME} / {NAME}{APART}": _at_most_ratio,
    rf"No entry of {NAME} is negative, and they add up to 1{APART}": _adds_up_to_one,
    rf"No weight {NAME} is negative, and those of one row add up to 1{APART}": _rows_add_up_to_one,
    rf"The entries of {NAME} add up to 0{APART}": _adds_up_to_zero,
    r"No loss term is negative\.": _no_negative_term,
    r"The loss is not negative\.": _no_negative_term,
    r"\S+ lies between the smallest and the largest of its terms\.": _mean,
    r"\S+ is the sum of its terms, so it is not smaller than any of them\.": _sum,
    rf"{NAME} is negative where {NAME} is below {NAME}{APART}": _sign_of_error,
    rf"{NAME} has the sign of {NAME} and is (?:not larger|(at most a quarter) of it) in size{APART}": _shrinks,
    rf"{NAME} has the sign of {NAME} and is (at most a quarter) of it in size{APART}": _shrinks,
    r"The gradient of a shared parameter is the sum of what all of its uses contribute\.": _nothing,
    rf"A parameter with a negative gradient rises, one with a positive gradient falls{APART}": _downhill,
    r"The step went downhill if \S+ is below \S+\.": _nothing,
}
