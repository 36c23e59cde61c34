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
from bptt_trace.handouts.advice import remedies, what_works
from bptt_trace.handouts.blanks import blanks_of, lines_up_to_update
from bptt_trace.handouts.fill_in_text import FIRST
from bptt_trace.handouts.number_places import Document, Path, completed, leaves
from bptt_trace.handouts.number_ranges import DECIMALS, SETTINGS, Ranges, ranges_of
from bptt_trace.handouts.screening import Screens, summary
from bptt_trace.handouts.seeded_numbers import GENERATOR, Draws, codes, read_code
from bptt_trace.handouts.whole_numbers import WholeNumbers, possible, with_places
from bptt_trace.lines.blanks import Blanks
from bptt_trace.marking.key import Key
from bptt_trace.marking.visible_mistakes import Best
from bptt_trace.problem.codes import digest
from bptt_trace.problem.loss_keys import PAIRED
from bptt_trace.problem.numbers import Number, exact_number
from bptt_trace.problem.problem import Problem, from_document
from bptt_trace.problem.tables import with_defaults
from bptt_trace.processes import in_order, unseen

Result = TypeVar("Result")
ONE, ZERO = exact_number(1, ""), exact_number(0, "")

PROBES = 512
"""The number of candidates that show which mistakes the numbers of a problem can show at all."""
BATCH = 4096
MOST_NUMBERS = 4_000_000
"""The largest number of numbers, in all columns together, that are screened at once."""
ALIKE = "equal to an earlier variant"

PILOT = 4096
"""The number of candidates that show whether a change is worth a search."""
Drawn = tuple[int, ...]
"""For each number that varies, the index of its choice; then the classes."""


class Candidate(NamedTuple):
    """A code and its draw: the data kept of a variant."""

    code: str
    drawn: Drawn


class Variant(NamedTuple):
    """A variant that passed all screens, with the data for its sheets."""

    code: str
    drawn: Drawn
    exact: dict[int, float]
    """The answers at full precision, by the positions of their lines."""
    mistakes: tuple[Best, ...]
    """For each mistake the line where it shows best."""


@dataclass
class Search:
    """The variants that were found, and the number of candidates that each condition rejected."""

    factory: Factory
    found: list[Candidate] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def drawn(self) -> int:
        """The number of candidates that were screened."""
        return len(self.found) + self.rejected.total()

    @property
    def variants(self) -> list[Variant]:
        """The variants that were found, with the data for their sheets."""
        return self.factory.finished(self.found)

    @property
    def never_shown(self) -> tuple[str, ...]:
        """The mistakes that no numbers of these variants need show."""
        families = {id(family): family for family in (self.factory.family(candidate.drawn) for candidate in self.found)}
        return tuple(dict.fromkeys(slug for family in families.values() for slug in family.screens.never_shown))


class Factory:
    """Makes variants of one problem."""

    def __init__(self, document: Document, blanks: Sequence[str] = ("all",), hints: int = 2, source: str = "") -> None:
        self._file = document
        document = with_places(document)
        table = with_defaults(document)["vary"]
        if any(ord(sign) >= FIRST for sign in json.dumps(document, ensure_ascii=False, default=str)):
            raise ProblemError("a private sign of Unicode (from U+F0000 on) in a text; it would stand in place of a number")
        self.problem = from_document(document, source)
        document = {key: value for key, value in document.items() if key != "vary"}
        self.document = completed(document, self.problem)
        self.ranges: Ranges = ranges_of(self.problem, table)
        if not self.ranges.choices and not self.ranges.classes:
            raise ProblemError("every number is fixed, so all variants would be the same", path="vary")
        if self.ranges.numbers != DECIMALS:
            possible(self.problem, document)
        self._wanted = tuple(blanks), hints
        self.key = digest(self._facts(document, table))
        """The key of all draws, made from the numbers of the file and the ranges, without anything that is only printed."""
        self._families: dict[Drawn, Family] = {}

    @staticmethod
    def _facts(document: Document, table: dict[str, Any]) -> Iterator[str]:
        yield f"generator {GENERATOR}"
        used = {key: document.get(key) for key in ("network", "parameters", "given", "loss", "update", "rounding")}
        ranges = {key: value for key, value in table.items() if key not in ("tries", "may_hide", "accept")}
        for part in (used, ranges):
            yield json.dumps(part, sort_keys=True, default=str)

    @cached_property
    def leaves(self) -> dict[Path, tuple[Name, ...]]:
        """The place of each number in the file."""
        return leaves(self.document, self.problem)

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """The numbers that vary, other than classes."""
        return tuple(self.ranges.choices)

    @cached_property
    def _bounds(self) -> tuple[int, ...]:
        return (*map(len, self.ranges.choices.values()), *map(len, self.ranges.classes))

    # ---------------------------------------------------------------- drawing

    def drawn(self, label: str) -> Drawn:
        """The draw of a code."""
        return Draws(self.key, label).below_each(self._bounds)

    def given(self, drawn: Drawn) -> dict[Name, Number]:
        """All given numbers of a variant."""
        numbers = dict(self.problem.given)
        for (name, choices), choice in zip(self.ranges.choices.items(), drawn, strict=False):
            numbers[name] = choices[choice]
        for group, chosen in zip(self.ranges.classes, drawn[len(self.names) :], strict=True):
            for index, name in enumerate(group):
                numbers[name] = ONE if index == chosen else ZERO
        return numbers

    def variant_problem(self, code: str, drawn: Drawn) -> Problem:
        """A variant as a problem."""
        return replace(self.problem, given=self.given(drawn), handout=replace(self.problem.handout, code=code))

    @cached_property
    def probes(self) -> list[Drawn]:
        """Draws that show which mistakes the numbers of this problem can show."""
        return [self.drawn(f"probe {number}") for number in range(PROBES)]

    def family(self, drawn: Drawn) -> Family:
        """The family of a draw: variants of one family share a program. In a cross-entropy a target of 0 omits a term."""
        key = drawn[len(self.names) :]
        if self.telling:
            told = [choices[drawn[index]].value for index, choices in self.telling.items()]
            key = (*((value == 0) - (value == 1) for value in told), *key)
        if key not in self._families:
            self._families[key] = Family(self, drawn)
        return self._families[key]

    @cached_property
    def telling(self) -> dict[int, Sequence[Number]]:
        """The numbers on which the program depends: by their indices, what they are drawn from."""
        if self.problem.loss.kind not in PAIRED:
            return {}
        drawn_from = enumerate(self.ranges.choices.items())
        return {index: choices for index, (name, choices) in drawn_from if name.stem == "target"}

    def blanks(self, key: Key) -> Blanks:
        """The blanks of the worksheets."""
        return blanks_of(key, *self._wanted)

    # -------------------------------------------------------------- searching

    def candidate(self, text: str) -> Candidate:
        """The draw of a code. Raises ``ProblemError`` if the code does not belong to this problem."""
        code = read_code(self.key, text)
        return Candidate(code, self.drawn(code))

    def rejected(self, variant: Candidate | Variant) -> str:
        """The condition that a variant fails; empty if it passes all screens."""
        return self.family(variant.drawn).screened([variant.drawn])[0]

    def search(self, count: int, seed: int, advance: Callable[[int], None] = unseen, jobs: int = 1) -> Search:
        """Find ``count`` variants that pass every screen. Raises ``ProblemError`` if there are too few.

        ``advance`` is told how many more are found. The number of processes, ``jobs``, does not change which are found.
        """
        result = self._search(count, seed, advance, jobs)
        if len(result.found) < count:
            raise ProblemError(self._failure(result, count, seed), path="vary")
        return result

    def _search(self, count: int, seed: int, advance: Callable[[int], None] = unseen, jobs: int = 1) -> Search:
        """The variants that are found among all candidates, at most ``count``."""
        result = Search(self)
        seen: set[Drawn] = set()
        with closing(in_order(self._screened, self._batches(count, seed), jobs)) as batches:
            for batch in batches:
                before = len(result.found)
                for candidate, condition in batch:
                    condition = condition or (ALIKE if candidate.drawn in seen else "")
                    if condition:
                        result.rejected[condition] += 1
                    else:
                        seen.add(candidate.drawn)
                        result.found.append(candidate)
                    if len(result.found) == count:
                        break
                advance(len(result.found) - before)
                if len(result.found) == count:
                    break
        return result

    def _batches(self, count: int, seed: int) -> Iterator[list[str]]:
        """The codes of the candidates that are screened, in batches."""
        every = islice(codes(self.key, seed), self.ranges.tries * count)
        size = self._batch(count)
        while batch := list(islice(every, size)):
            yield batch
            size = min(2 * size, self._largest)

    def _batch(self, count: int) -> int:
        """The number of candidates in the first batch: about one in six passes."""
        return max(64, min(8 * count, self._largest))

    @cached_property
    def _largest(self) -> int:
        return max(64, min(BATCH, MOST_NUMBERS // max(len(self.family(self.drawn("probe 0")).key.steps), 1)))

    def _screened(self, batch: Sequence[str]) -> list[tuple[Candidate, str]]:
        """The draws of some codes, each with the condition that it fails."""
        candidates = [Candidate(code, self.drawn(code)) for code in batch]
        failed = self._by_family(candidates, lambda family, some: family.screened([candidate.drawn for candidate in some]))
        return list(zip(candidates, failed, strict=True))

    def finished(self, candidates: Sequence[Candidate | Variant]) -> list[Variant]:
        """Candidates as variants, with the data for their sheets."""
        return self._by_family(
            candidates,
            lambda family, some: family.finished([candidate.code for candidate in some], [candidate.drawn for candidate in some]),
        )

    def _by_family(self, candidates: Sequence[Any], look: Callable[[Family, Sequence[Any]], Sequence[Result]]) -> list[Result]:
        """The results of ``look`` for the candidates, called once for each family."""
        families = [self.family(candidate.drawn) for candidate in candidates]
        if len(set(families)) == 1:
            return list(look(families[0], candidates))
        groups: dict[Family, list[int]] = {}
        for index, family in enumerate(families):
            groups.setdefault(family, []).append(index)
        results: dict[int, Result] = {}
        for family, indices in groups.items():
            results.update(zip(indices, look(family, [candidates[index] for index in indices]), strict=True))
        return [results[index] for index in range(len(candidates))]

    def _failure(self, search: Search, count: int, seed: int) -> str:
        some = f"only {len(search.found)} of {count} variants" if search.found else "no variant"
        some += f" found among {search.drawn:,} candidates; what failed: {summary(search.rejected)}; "
        own = [key for key in self._file.get("vary", {}) if key not in SETTINGS]
        changes = remedies(self.problem, self.ranges, own, search.rejected, len(search.found), count)
        works = what_works(self._file, changes, lambda changed: self._like(changed)._finds(count, seed))
        if works is None:
            return f"{some}wider ranges or more numbers that vary are needed"
        told = " ".join(
            f"--set {change}" if change.isascii() and not set(change) & set('[{"') else f"--set '{change}'" for change in works
        )
        return f"{some}enough are found with {told}"

    def _like(self, document: Document) -> Factory:
        """A factory with the same blanks for another problem."""
        blanks, hints = self._wanted
        return Factory(document, blanks, hints)

    def _finds(self, count: int, seed: int) -> bool:
        """Whether a search would succeed, which a first look at some candidates makes likely."""
        pilot = list(islice(codes(self.key, seed), min(PILOT, self._largest)))
        passed = sum(not condition for _, condition in self._screened(pilot))
        likely = passed * self.ranges.tries >= len(pilot) or self.ranges.tries > with_defaults({})["vary"]["tries"]
        return likely and len(self._search(count, seed).found) == count


class Family:
    """Variants that share one program."""

    def __init__(self, factory: Factory, model: Drawn) -> None:
        self.factory = factory
        self.model = model
        self.key = Key(replace(factory.problem, given=factory.given(model)))
        self.blanks = factory.blanks(self.key)
        self.whole = self._whole()
        self.screens = Screens(self.key, self.blanks, factory.ranges, self.whole)
        self._positions = [self.key.program.index[name] for name in factory.names]
        self._choices = [np.array([float(n.value) for n in choices]) for choices in factory.ranges.choices.values()]
        # Learn from separate draws, so that the screens are the same for every seed.
        self.screens.learn(self._columns([self._like_model(drawn) for drawn in factory.probes]))

    def _whole(self) -> WholeNumbers | None:
        """The condition that all lines up to the update, and those asked for, are short; None where decimals are drawn."""
        if self.factory.ranges.numbers == DECIMALS:
            return None
        program = self.key.program
        return WholeNumbers(program, {*lines_up_to_update(program), *self.blanks.asked}, self.key.problem.rounding)

    def _like_model(self, drawn: Drawn) -> Drawn:
        """A draw whose numbers are those of this family where the program depends on them."""
        same = {*self.factory.telling, *range(len(self.factory.names), len(drawn))}
        return tuple(self.model[index] if index in same else choice for index, choice in enumerate(drawn))

    def _columns(self, drawn: Sequence[Drawn]) -> dict[int, Column]:
        if not self._positions:  # only classes vary
            first = next(p for p, step in enumerate(self.key.steps) if step.rule is None)
            return {first: np.full(len(drawn), self.key.exact[first])}
        table = np.array([draw[: len(self._positions)] for draw in drawn])
        return {p: choices[table[:, j]] for j, (p, choices) in enumerate(zip(self._positions, self._choices, strict=True))}

    def screened(self, drawn: Sequence[Drawn]) -> list[str]:
        """The condition that each candidate fails; empty if it passes."""
        failed = self.screens.screen(self._columns(drawn))
        if (whole := self.whole) is None:
            return failed
        given = self.factory.given
        return [why or ("" if whole.holds(given(one)) else whole.condition) for why, one in zip(failed, drawn, strict=True)]

    def finished(self, labels: Sequence[str], drawn: Sequence[Drawn]) -> list[Variant]:
        """Candidates as variants, with the numbers that their keys need."""
        columns = self._columns(drawn)
        values = self.screens.evaluate(columns)
        rows = np.array([values[position] for position in self.screens.asked]).T.tolist()
        best = self.screens.best(columns)
        return [
            Variant(code, draw, dict(zip(self.screens.asked, row, strict=True)), tuple(mistakes))
            for code, draw, row, mistakes in zip(labels, drawn, rows, best, strict=True)
        ]
