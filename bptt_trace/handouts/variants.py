"""Variants of a problem: other numbers, drawn by a code, kept if they make a good exercise."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np

from bptt_trace.calculation.arrays import Column
from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError
from bptt_trace.handouts.blanks import Blanks, blanks_of
from bptt_trace.handouts.fill_in_text import FIRST
from bptt_trace.handouts.number_places import Document, Path, completed, leaves
from bptt_trace.handouts.number_ranges import Ranges, ranges_of
from bptt_trace.handouts.screening import DEAD, EQUAL_INPUTS, NEAR_TIE, SATURATED, SMALL, SYMMETRIC, Screens, summary
from bptt_trace.handouts.seeded_numbers import GENERATOR, Draws, codes, read_code
from bptt_trace.marking.key import Key
from bptt_trace.marking.visible_mistakes import Best
from bptt_trace.problem.codes import digest
from bptt_trace.problem.loss_keys import PAIRED
from bptt_trace.problem.numbers import Number, exact_number
from bptt_trace.problem.problem import Problem, from_document
from bptt_trace.processes import in_order, unseen

Result = TypeVar("Result")
ONE, ZERO = exact_number(1, ""), exact_number(0, "")

PROBES = 512
"""Candidates from which is learnt what this problem's numbers can show at all."""
BATCH = 4096
MOST_NUMBERS = 4_000_000
"""Numbers in all columns together that are looked at at once."""
ALIKE = "equal to an earlier variant"

ADVICE = {
    EQUAL_INPUTS: "a range for x with more numbers in it would do",
    SYMMETRIC: "other ranges for the recurrent matrix would do",
    ALIKE: "there are too few numbers to draw from: more or wider ranges would do",
    SATURATED: "smaller weights or inputs would do",
    DEAD: "other ranges for weights and biases would do",
}
Drawn = tuple[int, ...]
"""For each number that varies the place of what was drawn among its choices, then the classes."""


class Candidate(NamedTuple):
    """A code, and what it draws: all that has to be kept of a variant."""

    code: str
    drawn: Drawn


class Variant(NamedTuple):
    """One variant, with what its sheets need."""

    code: str
    drawn: Drawn
    exact: dict[int, float]
    """The answers at full precision, by the places of their lines."""
    mistakes: tuple[Best, ...]
    """Where each mistake is seen best."""


@dataclass
class Search:
    """What was found, and what was rejected on the way."""

    factory: Factory
    found: list[Candidate] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def drawn(self) -> int:
        """How many candidates were looked at."""
        return len(self.found) + self.rejected.total()

    @property
    def variants(self) -> list[Variant]:
        """What was found, with what its sheets need."""
        return self.factory.finished(self.found)

    @property
    def never_shown(self) -> tuple[str, ...]:
        """Mistakes that these variants do not show, whatever their numbers."""
        shapes = {id(shape): shape for shape in (self.factory.shape(one.drawn) for one in self.found)}
        return tuple(dict.fromkeys(slug for shape in shapes.values() for slug in shape.screens.never_shown))


class Factory:
    """Makes variants of one problem."""

    def __init__(self, document: Document, blanks: Sequence[str] = ("all",), hints: int = 2, source: str = "") -> None:
        table = document.get("vary", {})
        if any(ord(sign) >= FIRST for sign in json.dumps(document, ensure_ascii=False, default=str)):
            raise ProblemError("a private sign of Unicode (from U+F0000 on) in a text; it would stand in place of a number")
        self.problem = from_document(document, source)
        document = {key: value for key, value in document.items() if key != "vary"}
        self.document = completed(document, self.problem)
        self.ranges: Ranges = ranges_of(self.problem, table)
        if not self.ranges.choices and not self.ranges.classes:
            raise ProblemError("every number is fixed, so all variants would be the same", path="vary")
        self._wanted = tuple(blanks), hints
        self.key = digest(self._facts(document, table))
        """What all draws depend on: the numbers of the file and the ranges, and nothing that is only shown."""
        self._shapes: dict[Drawn, Shape] = {}

    @staticmethod
    def _facts(document: Document, table: dict[str, Any]) -> Iterator[str]:
        yield f"generator {GENERATOR}"
        used = {key: document.get(key) for key in ("network", "parameters", "given", "loss", "update", "rounding")}
        ranges = {key: value for key, value in table.items() if key not in ("tries", "may_hide")}
        for part in (used, ranges):
            yield json.dumps(part, sort_keys=True, default=str)

    @cached_property
    def leaves(self) -> dict[Path, tuple[Name, ...]]:
        """Where each number stands in the file."""
        return leaves(self.document, self.problem)

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """The numbers that vary one by one."""
        return tuple(self.ranges.choices)

    @cached_property
    def _bounds(self) -> list[int]:
        return [*map(len, self.ranges.choices.values()), *map(len, self.ranges.classes)]

    # ---------------------------------------------------------------- drawing

    def drawn(self, label: str) -> Drawn:
        """What is drawn by a code."""
        below = Draws(self.key, label).below
        return tuple([below(bound) for bound in self._bounds])

    def given(self, drawn: Drawn) -> dict[Name, Number]:
        """All given numbers of a variant."""
        numbers = dict(self.problem.given)
        for (name, choices), place in zip(self.ranges.choices.items(), drawn, strict=False):
            numbers[name] = choices[place]
        for group, chosen in zip(self.ranges.classes, drawn[len(self.names) :], strict=True):
            for place, name in enumerate(group):
                numbers[name] = ONE if place == chosen else ZERO
        return numbers

    def variant_problem(self, code: str, drawn: Drawn) -> Problem:
        """A variant as a problem."""
        return replace(self.problem, given=self.given(drawn), handout=replace(self.problem.handout, code=code))

    @cached_property
    def probes(self) -> list[Drawn]:
        """Draws that tell what this problem's numbers can show."""
        return [self.drawn(f"probe {number}") for number in range(PROBES)]

    def shape(self, drawn: Drawn) -> Shape:
        """What variants have in common that have one program: in a cross-entropy a target of 0 leaves a term out."""
        choices = list(self.ranges.choices.values())
        told = [choices[place][drawn[place]].value for place in self.telling]
        key = (*((value == 0) - (value == 1) for value in told), *drawn[len(self.names) :])
        if key not in self._shapes:
            self._shapes[key] = Shape(self, drawn)
        return self._shapes[key]

    @cached_property
    def telling(self) -> list[int]:
        """Which of the numbers that vary make the program another one."""
        if self.problem.loss.kind not in PAIRED:
            return []
        return [place for place, name in enumerate(self.names) if name.stem == "target"]

    def blanks(self, key: Key) -> Blanks:
        """What the worksheets ask for."""
        return blanks_of(key, *self._wanted)

    # -------------------------------------------------------------- searching

    def candidate(self, text: str) -> Candidate:
        """What a code draws; raises ``ProblemError`` for one that is not this problem's."""
        code = read_code(self.key, text)
        return Candidate(code, self.drawn(code))

    def regenerate(self, text: str) -> Variant:
        """The variant of a code; raises ``ProblemError`` for one that is not this problem's."""
        return self.finished([self.candidate(text)])[0]

    def rejected(self, variant: Candidate | Variant) -> str:
        """The condition that a variant fails; empty where it would have been found by a search."""
        return self.shape(variant.drawn).screened([variant.drawn])[0]

    def search(self, count: int, seed: int, advance: Callable[[int], None] = unseen, jobs: int = 1) -> Search:
        """So many variants that pass every screen; raises ``ProblemError`` where they cannot be found.

        ``advance`` is told how many more are found. Which are found does not depend on ``jobs``.
        """
        found = Search(self)
        seen: set[Drawn] = set()
        with closing(in_order(self._looked_at, self._batches(count, seed), jobs)) as batches:
            for batch in batches:
                before = len(found.found)
                for one, condition in batch:
                    condition = condition or (ALIKE if one.drawn in seen else "")
                    if condition:
                        found.rejected[condition] += 1
                    else:
                        seen.add(one.drawn)
                        found.found.append(one)
                    if len(found.found) == count:
                        break
                advance(len(found.found) - before)
                if len(found.found) == count:
                    return found
        raise ProblemError(self._failure(found, count), path="vary")

    def _batches(self, count: int, seed: int) -> Iterator[list[str]]:
        """The codes of all candidates that are looked at, if need be."""
        every = islice(codes(self.key, seed), self.ranges.tries * count)
        size = self._batch(count)
        while batch := list(islice(every, size)):
            yield batch
            size = min(2 * size, self._largest)

    def _batch(self, count: int) -> int:
        """How many candidates are drawn first: about one in six passes."""
        return max(64, min(8 * count, self._largest))

    @cached_property
    def _largest(self) -> int:
        return max(64, min(BATCH, MOST_NUMBERS // max(len(self.shape(self.drawn("probe 0")).key.steps), 1)))

    def _looked_at(self, batch: Sequence[str]) -> list[tuple[Candidate, str]]:
        """What some codes draw, and for each the condition that it fails."""
        candidates = [Candidate(code, self.drawn(code)) for code in batch]
        failed = self._by_shape(candidates, lambda shape, some: shape.screened([one.drawn for one in some]))
        return list(zip(candidates, failed, strict=True))

    def finished(self, candidates: Sequence[Candidate | Variant]) -> list[Variant]:
        """Candidates with what their sheets need."""
        return self._by_shape(
            candidates, lambda shape, some: shape.finished([one.code for one in some], [one.drawn for one in some])
        )

    def _by_shape(self, candidates: Sequence[Any], look: Callable[[Shape, Sequence[Any]], Sequence[Result]]) -> list[Result]:
        """What is found of each candidate, those of one program together."""
        groups: dict[int, tuple[Shape, list[int]]] = {}
        for place, one in enumerate(candidates):
            shape = self.shape(one.drawn)
            groups.setdefault(id(shape), (shape, []))[1].append(place)
        found: dict[int, Result] = {}
        for shape, places in groups.values():
            found.update(zip(places, look(shape, [candidates[place] for place in places]), strict=True))
        return [found[place] for place in range(len(candidates))]

    def _failure(self, found: Search, count: int) -> str:
        some = f"only {len(found.found)} of {count} variants" if found.found else "no variant"
        most = found.rejected.most_common(1)[0][0]
        advice = ADVICE.get(most, "wider ranges, a finer grid or more places would do")
        if most.startswith("the mistake"):
            advice = "other ranges would do, or may_hide in the table [vary]"
        if most in (NEAR_TIE, SMALL) and self.problem.rounding.figures is None and self.problem.rounding.places < 3:
            advice = f"with {self.problem.rounding.places} places hardly any numbers pass: rounding.places = 4 would do"
        return f"{some} found among {found.drawn:,} candidates; what failed: {summary(found.rejected)}; {advice}"


class Shape:
    """Variants that have one program."""

    def __init__(self, factory: Factory, model: Drawn) -> None:
        self.factory = factory
        self.model = model
        self.key = Key(replace(factory.problem, given=factory.given(model)))
        self.blanks = factory.blanks(self.key)
        self.screens = Screens(self.key, self.blanks, factory.ranges.may_hide)
        self._positions = [self.key.program.index[name] for name in factory.names]
        self._choices = [np.array([float(n.value) for n in choices]) for choices in factory.ranges.choices.values()]
        # Learnt from draws of their own, so that it is the same for every seed.
        self.screens.learn(self._columns([self._like_model(drawn) for drawn in factory.probes]))

    def _like_model(self, drawn: Drawn) -> Drawn:
        """A draw with what makes the program another one as in this shape."""
        same = {*self.factory.telling, *range(len(self.factory.names), len(drawn))}
        return tuple(self.model[place] if place in same else one for place, one in enumerate(drawn))

    def _columns(self, drawn: Sequence[Drawn]) -> dict[int, Column]:
        if not self._positions:  # only classes vary
            first = next(p for p, step in enumerate(self.key.steps) if step.rule is None)
            return {first: np.full(len(drawn), self.key.exact[first])}
        table = np.array([one[: len(self._positions)] for one in drawn])
        return {p: choices[table[:, j]] for j, (p, choices) in enumerate(zip(self._positions, self._choices, strict=True))}

    def screened(self, drawn: Sequence[Drawn]) -> list[str]:
        """For each candidate the condition that it fails; empty where it passes."""
        return self.screens.screen(self._columns(drawn))

    def finished(self, labels: Sequence[str], drawn: Sequence[Drawn]) -> list[Variant]:
        """Candidates with what their keys need."""
        columns = self._columns(drawn)
        values = self.screens.evaluate(columns)
        rows = np.array([values[position] for position in self.screens.asked]).T.tolist()
        best = self.screens.best(columns)
        return [
            Variant(code, one, dict(zip(self.screens.asked, row, strict=True)), tuple(mistakes))
            for code, one, row, mistakes in zip(labels, drawn, rows, best, strict=True)
        ]
