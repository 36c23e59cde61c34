"""QTI: the verdicts of an item, in a certified player and in a browser, are those of ``check``."""

from __future__ import annotations

import os
import random
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import sweeps
from click.testing import CliRunner
from random_problems import examples
from students import by_hand, rounded
from sweeps import abreast, chosen

from bptt_trace import Key, load
from bptt_trace.commands import command
from bptt_trace.exports.qti import item, package
from bptt_trace.exports.qti_expressions import DIALECTS
from bptt_trace.handouts.blanks import blanks_of
from bptt_trace.lines.blanks import Blanks
from bptt_trace.marking.check import check
from bptt_trace.marking.key import World

PLAYER = os.environ.get("BPTT_QTI_PLAYER", "")
"""The folder ``node_modules`` with qti3-item-player and vue 2."""
STUDENTS = int(os.environ.get("BPTT_QTI_STUDENTS", "12" if sweeps.wide else "4"))
"""How many random students each item is given."""


class Page:
    """The player in a browser."""

    def __init__(self, page: Any) -> None:
        self.page, self.count = page, 0

    def load(self, xml: str, *, feedback: bool = False) -> None:
        self.count += 1
        xml = re.sub(
            ' identifier="[^"]*"', f' identifier="item{self.count}"', xml, count=1
        )  # the player keeps one of the same name
        self.page.evaluate("([xml, guid, feedback]) => load(xml, guid, feedback)", [xml, f"item{self.count}", feedback])
        self.page.wait_for_function("window.itemReady", timeout=60_000, polling=20)

    def verdicts(self, texts: list[str]) -> dict[str, Any]:
        """The outcome of one attempt."""
        self.page.evaluate("texts => answer(texts)", texts)
        self.page.wait_for_function("window.result", timeout=60_000, polling=20)
        outcomes = self.page.evaluate("window.result.state.outcomeVariables.map(one => [one.identifier, one.value])")
        return dict(outcomes)


@pytest.fixture(scope="module")
def player(browser: Any) -> Iterator[Page]:
    """The player; the test is skipped where it or a browser is missing, but never where ``CI`` is set."""
    if not PLAYER and not os.environ.get("CI"):
        pytest.skip("BPTT_QTI_PLAYER names no folder with qti3-item-player and vue@2 (npm)")
    assert PLAYER, "the player is missing; with CI set, nothing is skipped"
    page = browser.new_page()
    address = "http://player.invalid/"  # nothing is asked of a network: all that the page wants comes from the folder

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix(address)
        route.fulfill(path=Path(PLAYER, path) if path != "player.html" else Path(__file__).parent / path)

    page.route(f"{address}**", answer)
    page.goto(f"{address}player.html")
    page.wait_for_function("window.player", timeout=60_000, polling=20)
    yield Page(page)
    page.close()


def student(key: Key, blanks: Blanks, chance: random.Random) -> dict[int, str]:
    """Answers of somebody who rounds every line, leaves some blank, and often makes one slip and goes on with it."""
    share = chance.choice([0, 0, 0.2, 0.5])
    slip = chance.choice(list(blanks.asked)) if chance.random() < 0.7 else None
    wrote: dict[int, float] = {}
    texts: dict[int, str] = {}
    for position in blanks.asked:
        value = World(key, wrote).rule(position)
        if value is None:
            continue
        if position == slip:
            kind = chance.randrange(3)
            value = [-value, value + 0.1, value * 2 + 0.03][kind]
        elif chance.random() < share:
            continue
        texts[position] = rounded(value, max(key.places[position], 0))
        wrote[position] = float(texts[position])
    return texts


def class_of(key: Key, marks: Any) -> str:
    """Why an item may judge a sheet differently: what it cannot know from the values of the answers; empty if it can."""
    kinds = {answer.verdict for answer in marks.answers}
    reasons = {
        "too few decimals": "rough" in kinds,
        "some sources right, some as written": "mixed" in kinds,
        "a fault in a blank line": bool(marks.unwritten),
        "chance": any("chance" in answer.message or "every box" in answer.message for answer in marks.answers),
        "a mistake before it hides": any("the earlier mistake" in answer.message for answer in marks.answers),
        "cut off as before": any("as before" in answer.message for answer in marks.answers),
        "decimals that end in 0": any(
            answer.raw.endswith("0") and len(answer.raw.partition(".")[2]) > key.usual[key.program.index[answer.name]]
            for answer in marks.answers
        ),
        "it repeats a number behind a blank line": any("repeats" in answer.message for answer in marks.answers),
        "near 0 behind a blank line": any("any number near 0" in answer.message for answer in marks.answers),
    }
    return next((why for why, holds in reasons.items() if holds), "")


def changed(name: str) -> tuple[str, list[str]]:
    """An example and its changes, which stand behind its name."""
    example, *changes = name.split()
    return example, changes


SAME = {"rounded": "rounded", "misconception": "wrong", "slip": "wrong"}


MARKED = ["rnn", "lstm", "classifier", "self-attention", "graph", "every-path"]
OWN_DECIMALS = "rnn rounding.places_of.h=3 rounding.places_of.L=6 rounding.places_of.dL=5 rounding.places_of.dL/dh=4"
"""An example and its changes."""


@pytest.mark.parametrize("name", chosen([*MARKED, OWN_DECIMALS], ["rnn"]))
def test_the_player_gives_the_verdicts_of_check(name: str, player: Page) -> None:
    """Verdicts and score of random students are those of ``check``, but on sheets of the classes that docs/exports.md names."""
    key, chance = Key(load(*changed(name))), random.Random(name)
    blanks = blanks_of(key)
    player.load(item(key, blanks))
    apart: dict[str, int] = {}
    for count in range(STUDENTS):
        texts = student(key, blanks, chance)
        outcome = player.verdicts([texts.get(position, "") for position in blanks.asked])
        marks = check(key, {key.steps[position].target: texts.get(position, "") for position in blanks.asked})
        verdicts = {key.program.index[answer.name]: SAME.get(answer.verdict, answer.verdict) for answer in marks.answers}
        differ = {
            position: (outcome[f"V{position}"], said) for position, said in verdicts.items() if outcome[f"V{position}"] != said
        }
        why = class_of(key, marks)
        if differ and why:
            apart[why] = apart.get(why, 0) + 1
            continue
        told = {str(key.steps[position].target): both for position, both in differ.items()}
        assert not differ, f"student {count}: {told}, of {texts}"
        assert abs(outcome["SCORE"] - marks.score) < 1e-9
    print(f"{name}: {STUDENTS} students, {sum(apart.values())} sheets differ: {apart}")
    assert sum(apart.values()) <= 0.1 * STUDENTS + 1


def test_feedback_names_the_line(player: Page) -> None:
    """After a slip the player shows which line to look at again, and which follow from the student's own numbers."""
    key = Key(load("rnn"))
    blanks = blanks_of(key)
    slip = next(position for position in blanks.asked if str(key.steps[position].target) == "h_1")
    answers = by_hand(key, slips={slip: 0.05})
    player.load(item(key, blanks), feedback=True)
    player.verdicts([answers[key.steps[position].target] for position in blanks.asked])
    player.page.wait_for_function("document.body.innerText.includes('look again')", timeout=10_000)
    said = player.page.evaluate("document.body.innerText")
    assert re.findall("look again at line ([0-9.]+)", said) == ["2"]
    assert "The first line to look at again is line 2, h_1." in said
    counts = [said.count(words) for words in ("✓ right", "✓ from your own numbers")]
    assert counts[0] >= 1 and sum(counts) == len(blanks.asked) - 1


@pytest.mark.parametrize("form", ["qti2.1", "qti2.2"])
@pytest.mark.parametrize("name", chosen(["rnn", "lstm", "relu-bce"], ["rnn"]))
def test_versions_say_the_same(name: str, form: str) -> None:
    """With its names changed to those of version 3.0, an item of version 2.1 or 2.2 is the item that the player marks by."""
    key = Key(load(name))
    blanks = blanks_of(key)

    def renamed(text: str) -> str:
        return re.sub("(?<=[a-z])([A-Z])", lambda found: f"-{found[1].lower()}", text)

    def told(one: ElementTree.Element, *, new: bool) -> list[Any]:
        tag = one.tag.rpartition("}")[2]
        tag = tag.removeprefix("qti-") if new else renamed(tag)
        inside = [
            part
            for child in one
            for part in (told(child, new=new) if child.tag.endswith("content-body") else [told(child, new=new)])
        ]
        facts = {key if new else renamed(key): value for key, value in one.attrib.items() if "schemaLocation" not in key}
        return inside if tag == "content-body" else [tag, sorted(facts.items()), (one.text or "").strip(), inside]

    new, old = (ElementTree.fromstring(item(key, blanks, DIALECTS[version])) for version in ("qti", form))
    assert told(new, new=True) == told(old, new=False)


# ------------------------------------------------------------------- the files


def tags(text: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(text).iter())


@pytest.mark.parametrize(("name", "form"), abreast(chosen(examples(), ["rnn", "clipping"]), DIALECTS))
def test_every_variable_is_declared_before_it_is_used(name: str, form: str) -> None:
    """An item is well formed; what is set, read, shown or filled in is declared, and set before it is read."""
    key = Key(load(name))
    if key.problem.rounding.policy == "exact" or len(key.steps) > 2_000:
        pytest.skip("nobody fills in so much")
    text = item(key, blanks_of(key), DIALECTS[form])
    declared: dict[str, str] = {}
    known: set[str] = {"SCORE", "FIRST"}
    for one in tags(text):
        kind = one.tag.rpartition("}")[2].removeprefix("qti-").replace("-", "").lower()
        if kind in ("outcomedeclaration", "responsedeclaration"):
            declared[one.get("identifier", "")] = kind
            known |= {one.get("identifier", "")} if kind == "responsedeclaration" else set()
        elif kind == "textentryinteraction":
            assert declared[one.get("response-identifier") or one.get("responseIdentifier") or ""] == "responsedeclaration"
        elif kind in ("feedbackinline", "modalfeedback"):
            assert (one.get("outcome-identifier") or one.get("outcomeIdentifier")) in declared
        elif kind == "setoutcomevalue":
            for inner in one.iter():
                if inner.tag.lower().endswith("variable"):
                    assert inner.get("identifier") in known, f"{inner.get('identifier')} is read before it is set"
            assert one.get("identifier") in declared
            known.add(one.get("identifier", ""))


@pytest.mark.parametrize("form", DIALECTS)
def test_versions_name_their_elements(form: str) -> None:
    """Version 3.0 has hyphens and a prefix; versions 2.1 and 2.2 have neither."""
    key = Key(load("rnn"))
    names = {one.tag.rpartition("}")[2] for one in tags(item(key, blanks_of(key), DIALECTS[form]))}
    html = {"h2", "h3", "h4", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
    if form == "qti":
        assert all(name in html or name.startswith("qti-") for name in names)
    else:
        assert not any("-" in name for name in names)


def test_points_are_those_of_the_table_of_marks() -> None:
    """The largest score of an item is the sum of the weights of its lines."""
    key = Key(load("rnn", ["marks.weights.forward=0.5"]))
    score = next(
        one for one in tags(item(key, blanks_of(key))) if one.get("identifier") == "SCORE" and "normal-maximum" in one.attrib
    )
    assert float(score.get("normal-maximum", "0")) == 6 * 0.5 + 27


def test_the_package_has_a_manifest_of_its_items() -> None:
    """Every item of a package is in its manifest; the same items give the same bytes."""
    key = Key(load("rnn"))
    items = {"sheet-a": item(key, blanks_of(key)), "sheet-b": item(key, blanks_of(key))}
    data = package(items)
    assert data == package(items)
    with zipfile.ZipFile(BytesIO(data)) as parts:
        files = re.findall(r'<file href="(.*?)"', parts.read("imsmanifest.xml").decode())
        assert files == [f"items/{name}.xml" for name in items] and set(files) <= set(parts.namelist())


def test_the_command_says_that_the_package_holds_the_key(tmp_path: Path) -> None:
    """A lecturer is told before a package is handed out."""
    result = CliRunner().invoke(command, ["worksheet", "rnn", "-f", "qti", "-o", str(tmp_path / "rnn.zip")])
    assert result.exit_code == 0 and "holds the key" in result.output
