"""QTI: the verdicts of an item, in a certified player and in a browser, are those of ``check``."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from students import rounded
from sweeps import chosen

from bptt_trace import Key, load
from bptt_trace.exports.qti import item
from bptt_trace.handouts.blanks import Blanks, blanks_of
from bptt_trace.marking.check import check
from bptt_trace.marking.key import World

PLAYER = os.environ.get("BPTT_QTI_PLAYER", "")
"""The folder ``node_modules`` with qti3-item-player and vue 2."""
STUDENTS = int(os.environ.get("BPTT_QTI_STUDENTS", "12"))
"""How many random students each item is given."""


class Page:
    """The player in a browser."""

    def __init__(self, page: Any) -> None:
        self.page, self.count = page, 0

    def load(self, xml: str) -> None:
        self.count += 1
        self.page.evaluate("([xml, guid]) => load(xml, guid)", [xml, f"item{self.count}"])
        self.page.wait_for_function("window.itemReady", timeout=60_000, polling=20)

    def verdicts(self, texts: list[str]) -> dict[str, Any]:
        """The outcome of one attempt."""
        self.page.evaluate("texts => answer(texts)", texts)
        self.page.wait_for_function("window.result", timeout=60_000, polling=20)
        outcomes = self.page.evaluate("window.result.state.outcomeVariables.map(one => [one.identifier, one.value])")
        return dict(outcomes)


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The player; the test is skipped where it or a browser is missing, but never where ``CI`` is set and names the player."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not PLAYER or chromium is None:
        pytest.skip("BPTT_QTI_PLAYER names no folder with qti3-item-player and vue@2 (npm), or chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    html = tmp_path_factory.mktemp("player") / "player.html"
    html.write_text(
        (Path(__file__).parent / "player.html").read_text("utf-8").replace("FOLDER", f"file://{Path(PLAYER).resolve()}")
    )
    with playwright.sync_playwright() as programs:
        browser = programs.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--allow-file-access-from-files"])
        page = browser.new_page()
        page.goto(f"file://{html}")
        page.wait_for_function("window.player", timeout=60_000, polling=20)
        yield Page(page)
        browser.close()


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
        "a mistake before it hides": any("the mistake before" in answer.message for answer in marks.answers),
        "cut off as before": any("as before" in answer.message for answer in marks.answers),
        "decimals that end in 0": any(
            answer.raw.endswith("0") and len(answer.raw.partition(".")[2]) > key.problem.rounding.places
            for answer in marks.answers
        ),
        "it repeats a number behind a blank line": any("repeats" in answer.message for answer in marks.answers),
    }
    return next((why for why, holds in reasons.items() if holds), "")


SAME = {"rounded": "rounded", "misconception": "wrong", "slip": "wrong"}


@pytest.mark.parametrize("name", chosen(["rnn", "lstm", "classifier"], ["rnn"]))
def test_the_player_gives_the_verdicts_of_check(name: str, player: Page) -> None:
    """Verdicts and score of random students are those of ``check``, but on sheets of the classes that docs/exports.md names."""
    key, chance = Key(load(name)), random.Random(name)
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
