"""Students made to order: error-free ones that round, ones with one slip, ones with one misconception."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bptt_trace.engine.names import Name
from bptt_trace.handouts.variants import Factory, Search, Variant
from bptt_trace.marking.check import check
from bptt_trace.marking.class_columns import Columns
from bptt_trace.marking.key import Key, World


def rounded(value: float, places: int, how: str = ROUND_HALF_UP) -> str:
    """A number as a student writes it, who has no noise of doubles: what comes to 1.235 is a tie."""
    return f"{Decimal(f'{value:.14g}').quantize(Decimal(1).scaleb(-places), how) + Decimal(0):f}"


def by_hand(
    key: Key,
    *,
    extra: int = 0,
    how: str = ROUND_HALF_UP,
    changed: Mapping[int, Any] | None = None,
    way: int = 0,
    slips: Mapping[int, float] | None = None,
) -> dict[Name, str]:
    """Every line calculated from the rounded lines before it; ``slips`` are added to results."""
    written: dict[int, float] = {}
    answers: dict[Name, str] = {}
    world = World(key, written, changed, way)
    for position in order(key, world):
        step = key.steps[position]
        if step.rule is None:
            continue
        value = world.rule(position)
        if value is None:
            continue
        value += (slips or {}).get(position, 0.0)
        text = rounded(value, max(key.places[position], 0) + extra, how)
        written[position] = float(text)
        if not step.repeats:
            answers[step.target] = text
    return {key.steps[p].target: answers[key.steps[p].target] for p in range(len(key.steps)) if key.steps[p].target in answers}


def order(key: Key, world: World) -> list[int]:
    """The lines in an order in which each uses only earlier ones, also where some are calculated from later ones."""
    done: dict[int, None] = {}

    def visit(position: int) -> None:
        if position in done or position in visiting:
            return
        visiting.add(position)
        ways = world.changed.get(position)
        arguments = ways[min(world.way, len(ways) - 1)][1] if ways else key.arguments[position]
        for argument in arguments:
            visit(argument)
        done[position] = None

    visiting: set[int] = set()
    for position in range(len(key.steps)):
        visit(position)
    return list(done)


def blanked(answers: dict[Name, str], share: float, seed: int) -> dict[Name, str]:
    """Some of the answers left blank."""
    chance = random.Random(seed)
    return {name: "" if chance.random() < share else text for name, text in answers.items()}


def assert_diagnosed(key: Key, slug: str, way: int = 0, like: str = "") -> None:
    """Whoever makes one mistake at every place where it can be made is told that mistake and no other.

    ``like`` is another mistake that comes to the same formula on some of the lines.
    """
    lines = {one.slug: lines for one, lines in key.changes}[slug]
    marks = check(key, by_hand(key, changed=lines, way=way))
    assert marks.faults, "it does not show"
    named = [answer for answer in marks.faults if answer.verdict == "misconception"]
    assert {answer.misconceptions for answer in named if set(answer.misconceptions) != {slug, like}} == {(slug,)}
    assert len(named) >= len(marks.faults) / 2
    assert {answer.verdict for answer in marks.faults} <= {"misconception", "slip"}


def variant_of(factory: Factory, code: str) -> Variant:
    """The variant of the code on a sheet, as ``vary --code`` makes it again."""
    (variant,) = Search(factory, [factory.candidate(code)]).variants
    return variant


def settled_together(key: Key, names: Sequence[Name], sheets: Sequence[Sequence[str]]) -> list[list[str] | None]:
    """For each sheet its verdicts, where ``grade`` settles it together with others; else None."""
    columns = Columns(key, names)
    places, correct = columns.right(sheets)
    verdicts = dict(zip(places, map(list, columns.words(correct)), strict=True))
    return [verdicts.get(place) for place in range(len(sheets))]
