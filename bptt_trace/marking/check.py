"""Marking: a verdict for each answer, following the student's own numbers.

An answer is right if it follows from the exact numbers, or by the rule of its
line from the student's own; a mistake begins where it does neither. Blank lines
are calculated on the way. Tolerances come from the precision asked for, never
from the precision typed.
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, combinations, islice

from bptt_trace.document.sentences import joined, say
from bptt_trace.engine.names import Name
from bptt_trace.marking.answer_files import Answers
from bptt_trace.marking.answer_number import Reading, read
from bptt_trace.marking.assessable import (
    FEWEST_FOR_A_FAULT,
    NO_RESULT,
    by_chance,
    from_nowhere,
    of_zeros_and_ones,
    says_nothing,
    shown_elsewhere,
)
from bptt_trace.marking.blank_lines import absurd, solved
from bptt_trace.marking.decimal_mark import decided
from bptt_trace.marking.key import Changed, Key, Mistakes, Sources, TooMuchWork, Work, World
from bptt_trace.marking.marks import FAULTS, RIGHT, Marked, Marks, Unwritten
from bptt_trace.marking.rounded_lines import by_hand
from bptt_trace.marking.slips import CUT_OFF, neighbours, out_of_range, slip
from bptt_trace.marking.tolerance import HALF, MOST_UNITS, TOLD_APART, is_near, is_rounded, radius
from bptt_trace.problem.problem import Problem

MOST_COMBINATIONS = 15
TOO_FAR = say("rounding alone can make this difference, but it is too large to be accepted without a look")
MOST_WORK = 5_000_000
"""The largest number of lines calculated for one sheet, about ten seconds; undecided answers then need a human."""


# ---------------------------------------------------------------------- marking


def check(problem: Problem | Key, answers: Mapping[Name, str] | Mapping[str, str]) -> Marks:
    """The marks of one answer sheet.

    ``answers`` has the text of each answer by the name of its quantity, also of
    blank and unreadable answers. A ``Key`` instead of the problem saves the work
    of making it for every sheet. Raises ``UnknownName`` for a name that the
    problem does not have.
    """
    key = problem if isinstance(problem, Key) else Key(problem)
    index, find = key.program.index, key.register.find
    order = sorted((index[name if isinstance(name, Name) else find(name)], str(text)) for name, text in answers.items())
    separator = answers.separator if isinstance(answers, Answers) else ""
    cells, asked = [(text, key.exact[p]) for p, text in order], key.problem
    comma = decided(cells, separator, asked.marks.decimal_comma, printed=asked.handout.locale.comma)
    readings = {position: (text, read(text, mark=comma.mark)) for position, text in order}
    return replace(_Marking(key, readings).marks(), comma=comma, key=key)


@dataclass
class _Verdict:
    kind: str
    message: str = ""
    slugs: tuple[str, ...] = ()
    inherits: frozenset[int] = frozenset()
    reference: float | None = None
    radius: float | None = None
    dull: bool = False
    """Whether the line follows, and it is not assessable because it shows no work by itself."""


_CORRECT = _Verdict("correct")


@dataclass
class _Marking:
    """The marking of one sheet, in the order of the calculation."""

    key: Key
    readings: Mapping[int, tuple[str, Reading]]
    verdicts: dict[int, _Verdict] = field(default_factory=dict)
    roots: dict[int, frozenset[int]] = field(default_factory=dict)
    """For each answer that is not right itself, the root faults that it follows from."""

    def __post_init__(self) -> None:
        self.written = {p: float(r.value) for p, (_, r) in self.readings.items() if r.value is not None}
        self.work = Work(MOST_WORK)
        self.world = World(self.key, self.written, work=self.work, unit=self.unit)
        self.mistaken: dict[tuple[str, int], World] = {}
        self.typed: dict[int, float] = {}
        """The right numbers with too few decimals, as they were typed."""
        self._sources: Sources | None = None
        self.first_cut = -1
        """The first line that is cut off instead of rounded; −1 if there is none."""

    def marks(self) -> Marks:
        """Mark all answers, then look for faults in blank lines."""
        for position, (_, reading) in self.readings.items():
            if reading.value is None:
                self.verdicts[position] = _Verdict("blank") if reading.blank else _Verdict("unreadable", reading.reason)
            else:
                self.verdicts[position] = self.judged(position)
        unwritten = self.unwritten() if any(v.kind in FAULTS for v in self.verdicts.values()) else ()
        self.look_over()
        return Marks(tuple(self.marked(position) for position in self.readings), unwritten)

    def marked(self, position: int) -> Marked:
        """The answer with its verdict, for reports."""
        text, reading = self.readings[position]
        verdict, key = self.verdicts[position], self.key
        exact, weight = key.exact[position], key.weights[position]
        return Marked(
            key.steps[position].target,
            key.line_texts[position],
            text,
            reading.value,
            verdict.kind,
            weight * key.shares[verdict.kind],
            weight,
            verdict.message,
            verdict.slugs,
            tuple(key.steps[root].target for root in sorted(verdict.inherits)) if verdict.inherits else (),
            exact,
            exact if verdict.reference is None else verdict.reference,
            HALF * key.quantum[position] if verdict.radius is None else verdict.radius,
        )

    # ---------------------------------------------------------------- verdicts

    def judged(self, position: int) -> _Verdict:
        """The verdict on an answer; ``needs-human`` if finding it takes too much work."""
        try:
            return self.judge(position, self.written[position], self.readings[position][1])
        except TooMuchWork:
            self.roots[position] = frozenset({position})
            return _Verdict("needs-human", say("this sheet takes too much calculation to be marked to its end"))

    def look_over(self) -> None:
        """Leave to a human what the sheet as a whole shows to be right by chance; accept those that it shows to be none."""
        numbers = {position: reading.value for position, (_, reading) in self.readings.items() if reading.value is not None}
        verdicts = {position: self.verdicts[position] for position in numbers}
        kinds = {position: verdict.kind for position, verdict in verdicts.items()}
        followed = [p for p, verdict in verdicts.items() if verdict.dull or (verdict.kind in RIGHT and verdict.inherits)]
        chance = by_chance(numbers, kinds, followed)
        for position in [p for p in chance if not verdicts[p].dull]:
            self.verdicts[position] = _Verdict("not-assessable", chance[position])
        dull = {p: verdict.inherits for p, verdict in verdicts.items() if verdict.dull}
        if not dull or FEWEST_FOR_A_FAULT * sum(kind in FAULTS for kind in kinds.values()) > len(numbers):
            return
        working = (verdicts[p].inherits for p in followed if p not in dull and p not in chance)
        correct = [p for p, kind in kinds.items() if kind == "correct"] if of_zeros_and_ones(self.key, numbers) else []
        for position in shown_elsewhere(dull, working, numbers, correct):
            if position not in chance:
                self.verdicts[position] = replace(verdicts[position], kind="follow-through", message="", dull=False)

    def judge(self, position: int, value: float, reading: Reading) -> _Verdict:
        """The first verdict that applies."""
        key, exact = self.key, self.key.exact[position]
        off = abs(value - exact)
        if is_rounded(off, key.quantum[position]) or is_rounded(off, self.unit(position)):
            return _CORRECT
        if reading.value == key.printed.get(position):
            return _CORRECT
        verdict = self.consistent(position, value) or self.cut_short(position, value, reading)
        verdict = verdict or self.from_few_decimals(position, value)
        if verdict is not None:
            return verdict
        reference = self.world.rule(position)
        radius = self.radius(position, reference)
        fault = (
            self.rearranged(position)
            or self.from_right_numbers(position, value)
            or self.mixed(position, value)
            or self.misconceived(position, self.explained_here(position, value, reference, radius))
            or self.slipped(position, value, reference, radius)
            or self.misconceived(position, self.explained_everywhere(position, value, radius))
            or _Verdict("wrong")
        )
        if fault.kind not in RIGHT:
            fault.reference, fault.radius = reference, radius
        if fault.kind in FAULTS:
            self.roots[position] = frozenset({position})
        return fault

    def cut_short(self, position: int, value: float, reading: Reading) -> _Verdict | None:
        """The verdict if the answer is the right number, or one that follows, with up to two decimals too few."""
        key, exact = self.key, self.key.exact[position]
        advice = say("the right number; give {position} decimals", position=max(key.places[position], 0))
        if self.is_rough(position, value, reading, exact):
            verdict, meant = _Verdict("rough", advice), exact
        else:
            reference = self.world.rule(position)
            if reference is None or not self.is_rough(position, value, reading, reference):
                return None
            whole = self.consistent(position, reference)  # the verdict with all decimals
            if whole is None or whole.kind not in ("rounded", "follow-through"):
                return whole
            verdict, meant = _Verdict("rough", advice, (), whole.inherits, reference, whole.radius), reference
        self.typed[position] = value
        self.written[position] = meant
        return verdict

    def is_rough(self, position: int, value: float, reading: Reading, goal: float) -> bool:
        """Whether the answer is ``goal`` with up to two decimals too few, or with those that the sheet keeps in the line."""
        half = HALF * 10.0**-reading.decimals
        if not abs(value - goal) <= half:
            return False
        if self.key.problem.rounding.figures is None and reading.decimals >= self.key.usual[position]:
            return True
        short = self.key.decimals(position, goal) - reading.decimals
        return 0 < short <= 2 and reading.digits >= 2 and half <= 0.05 * abs(goal)

    def unit(self, position: int) -> float:
        """One unit of the last place that this student keeps in a line; blank lines follow the written ones."""
        key = self.key
        if position in self.written and position in self.readings:
            return key.unit(position, self.written[position], self.readings[position][1].decimals)
        typed = max(key.places[position], 0) if self.keeps_small_digits else 0
        return key.unit(position, self.world.value(position), typed)

    @cached_property
    def keeps_small_digits(self) -> bool:
        """Whether small numbers on this sheet have more decimals than the worked solution keeps."""
        usual, figures = self.key.usual, self.key.figures
        return any(reading.decimals > usual[p] and figures(p) is None for p, (_, reading) in self.readings.items())

    def consistent(self, position: int, value: float) -> _Verdict | None:
        """The verdict if the answer follows from the student's own numbers."""
        reference = self.world.rule(position)
        sources = self.unsound(position)
        behind = frozenset().union(*(self.roots[source] for source in sources))
        if reference is None:
            if behind:
                self.roots[position] = behind
            return _Verdict("not-assessable", NO_RESULT, (), behind) if behind else None
        unit = self.unit(position)
        if not sources and is_rounded(abs(value - reference), unit):
            return _Verdict("rounded", reference=reference)  # the most common case needs no further tolerance
        radius = self.radius(position, reference)
        within = abs(value - reference) <= radius
        if not within or self.is_far(position, value, reference):
            results = chain(by_hand(self.key, self.written, self.work, position), self.carried(position, behind))
            calculated = next((result for result in results if is_rounded(abs(value - result), unit)), None)
            if calculated is not None:
                reference, radius = calculated, HALF * unit
            elif within:
                self.roots[position] = behind or frozenset({position})
                return _Verdict("needs-human", TOO_FAR, (), behind, reference, radius)
            else:
                return None
        if not sources:
            return _Verdict("rounded", reference=reference, radius=radius)
        self.roots[position] = behind
        why = from_nowhere(self.key, self.written, sources) or self.hides_again(position, behind, reference, radius)
        dull = "" if why else says_nothing(self.key, self.written, position, value, sources, reference, radius)
        why = why or dull
        return _Verdict("not-assessable" if why else "follow-through", why, (), behind, reference, radius, bool(dull))

    def carried(self, position: int, behind: frozenset[int]) -> Iterator[float]:
        """The value of a line without a further mistake, for somebody who carries all digits of the mistakes named so far.

        There is none where a fault behind the line has no name: its number is not among what is carried.
        """
        if not behind or not all(root in self.verdicts and self.verdicts[root].slugs for root in behind):
            return
        named = {slug for verdict in self.verdicts.values() for slug in verdict.slugs}
        changed = dict(ChainMap(*(dict(lines) for misconception, lines in self.key.changes if misconception.slug in named)))
        changed.pop(position, None)
        value = World(self.key, {}, changed, work=self.work).rule(position) if named else None
        if value is not None:
            yield value

    def is_far(self, position: int, value: float, reference: float) -> bool:
        """Whether an answer is too far from the reference and from the right number for any tolerance.

        That is ten units of the last place that is asked for. What follows from wrong numbers may have been carried
        with more digits than are written: there it is ten of the place that is kept, if no small number here has more.
        """
        carried = self.unsound(position) and not self.keeps_small_digits
        most = max(self.key.farthest[position], (MOST_UNITS if carried else HALF) * self.unit(position))
        return not is_near(abs(value - reference), abs(value - self.key.exact[position]), most)

    def from_few_decimals(self, position: int, value: float) -> _Verdict | None:
        """The verdict if the answer follows from numbers with too few decimals, as they were written."""
        rough = {source: self.typed[source] for source in self.sources(position)[0] if source in self.typed}
        if not rough:
            return None
        world = World(self.key, {**self.written, **rough}, work=self.work, unit=self.unit)
        reference = world.rule(position)
        radius = self.radius(position, reference, world)
        if reference is None or not abs(value - reference) <= radius:
            return None
        behind = frozenset().union(*(self.roots[source] for source in self.unsound(position)))
        self.roots[position] = behind
        return _Verdict("follow-through", "", (), behind | rough.keys(), reference, radius)

    def from_right_numbers(self, position: int, value: float) -> _Verdict | None:
        """The verdict if the answer comes out by hand where wrong numbers are left blank: they were only copied wrong."""
        if not self.unsound(position):
            return None
        right = {place: number for place, number in self.written.items() if place not in self.roots}
        results = by_hand(self.key, right, self.work, position)
        found = next((result for result in results if is_rounded(abs(value - result), self.unit(position))), None)
        return _Verdict("rounded", reference=found) if found is not None else None

    def mixed(self, position: int, value: float) -> _Verdict | None:
        """The verdict if the answer follows when one or two of several wrong numbers are replaced by the right ones.

        An answer that then only repeats another wrong number shows no calculation.
        """
        sources = sorted(self.unsound(position))
        some = (chosen for size in (1, 2) for chosen in combinations(sources, size) if size < len(sources))
        for replaced in islice(some, MOST_COMBINATIONS):
            world = World(
                self.key,
                {**self.written, **{source: self.key.exact[source] for source in replaced}},
                work=self.work,
                unit=self.unit,
            )
            reference = world.rule(position)
            radius = self.radius(position, reference, world)
            kept = [source for source in sources if source not in replaced]
            if (
                reference is not None
                and abs(value - reference) <= radius
                and not self.is_far(position, value, reference)
                and not any(abs(value - self.written[source]) <= radius for source in kept)
                and not from_nowhere(self.key, self.written, kept)
                and not says_nothing(self.key, self.written, position, value, kept, reference, radius)
            ):
                behind = frozenset().union(*(self.roots[source] for source in kept))
                self.roots[position] = behind
                return _Verdict("mixed", "", (), behind, reference, radius)
        return None

    def misconceived(self, position: int, explanations: Iterable[tuple[float, Mistakes]]) -> _Verdict | None:
        """The verdict for the mistake that fits best, or for several that fit equally well.

        Each explanation is the distance of the answer from the value that a mistake
        gives, or several at once.
        """
        fits = list(explanations)
        if not fits:
            return None
        # A mistake that was made before is likelier than another that gives the same number, and one likelier than two.
        named = {slug for verdict in self.verdicts.values() for slug in verdict.slugs}
        fits = [(apart, made) for apart, made in fits if all(misconception.slug in named for misconception in made)] or fits
        nearest = min(apart for apart, _ in fits) + 0.02 * self.key.quantum[position]
        best = list(dict.fromkeys(made for apart, made in fits if apart <= nearest))
        fewest = min(map(len, best))
        told = [misconception for made in best if len(made) == fewest for misconception in made]
        return _Verdict(
            "misconception",
            joined(" ", [misconception.message for misconception in told]),
            tuple(misconception.slug for misconception in told),
        )

    def explained_here(
        self, position: int, value: float, reference: float | None, radius: float
    ) -> Iterator[tuple[float, Mistakes]]:
        """The mistakes in this line, or in blank lines before it, that give the answer from the student's numbers."""
        most = 20 * max(radius, self.key.quantum[position])
        for made, lines in self.paths.changes(position):
            distances: list[float] = []
            for way in range(max(len(ways) for ways in lines.values())):
                world = self.mistaken_world(" ".join(misconception.slug for misconception in made), lines, way)
                other = world.rule(position)
                if other is None or not abs(value - other) <= most:
                    continue
                room = self.radius(position, other, world)
                if abs(value - other) <= room and (reference is None or abs(other - reference) > TOLD_APART * max(radius, room)):
                    distances.append(abs(value - other))
            if distances:
                yield min(distances), made

    def explained_everywhere(self, position: int, value: float, radius: float) -> Iterator[tuple[float, Mistakes]]:
        """The misconceptions that give the answer if they are in every line, from the exact numbers."""
        quantum, exact = self.key.quantum[position], self.key.exact[position]
        room = max(HALF * quantum, min(radius, 5 * quantum))
        for misconception, other in self.key.mistaken[position]:
            if abs(value - other) <= room and abs(other - exact) > TOLD_APART * room:
                yield abs(value - other), (misconception,)

    def mistaken_world(self, slug: str, lines: Changed, way: int) -> World:
        """All lines under a misconception, from the student's numbers; made once for the sheet."""
        if (slug, way) not in self.mistaken:
            self.mistaken[slug, way] = World(self.key, self.written, lines, way, self.work, self.unit)
        return self.mistaken[slug, way]

    def rearranged(self, position: int) -> _Verdict | None:
        """The verdict if the whole matrix is transposed, or the whole vector shifted by one place."""
        target = self.key.steps[position].target
        cells = self.key.cells.get(target._replace(index=()), {}) if target.index else {}
        if len(cells) < 2 or not all(cell in self.written for cell in cells.values()):
            return None
        order = list(cells)
        if len(target.index) == 2:
            ways = [(say("the whole matrix is transposed"), [index[::-1] for index in order])]
        else:
            ways = [(say("the whole vector is shifted by one place"), order[by:] + order[:by]) for by in (1, -1)]
        for said, shifted in ways:
            pairs = [(cells[index], cells.get(source)) for index, source in zip(order, shifted, strict=True)]
            if all(other is not None and self.has_value_of(cell, other) for cell, other in pairs):
                return _Verdict("slip", said)
        return None

    def has_value_of(self, position: int, other: int) -> bool:
        """Whether an answer is the result of another line."""
        reference = self.world.rule(other)
        radius = self.radius(other, reference)
        goals = [goal for goal in (reference, self.key.exact[other]) if goal is not None]
        return any(abs(self.written[position] - goal) <= radius for goal in goals)

    def slipped(self, position: int, value: float, reference: float | None, radius: float) -> _Verdict | None:
        """The verdict for a slip of the pen: the sign, the decimal point, two digits, another line."""
        goals = [goal for goal in (reference, self.key.exact[position]) if goal is not None]
        for goal in goals:
            said = slip(value, goal, radius, self.key.places[position])
            if said == CUT_OFF and self.first_cut not in (-1, position):
                # A student who always cuts off gets one message and loses one line.
                self.roots[position] = frozenset({self.first_cut})
                return _Verdict("follow-through", say("{said}, as before", said=said), (), self.roots[position])
            if said:
                self.first_cut = position if said == CUT_OFF else self.first_cut
                return _Verdict("slip", said)
        steps, exact = self.key.steps, self.key.exact
        quantum = HALF * self.key.quantum[position]
        target = steps[position].target
        for other in neighbours(self.key, list(self.readings), position):
            follows = position in self.sources(other)[0]  # then its wrong number may have been made from this one
            theirs = exact[other] if follows else self.written.get(other, exact[other])
            there = min(abs(value - exact[other]), abs(value - theirs))
            if there <= quantum and abs(exact[other] - exact[position]) > 3 * radius and exact[other] != 0:
                name = steps[other].target
                same = name._replace(time=target.time) == target
                what = say("the value of another time step") if same else say("the value of another cell")
                return _Verdict(
                    "slip", say("this is {name}: {what}", name=str(self.key.problem.vocabulary.shown(name)), what=what)
                )
        return None

    # --------------------------------------------------------------- tolerances

    @property
    def paths(self) -> Sources:
        """The sources of each line, given the written lines."""
        if self._sources is None:
            self._sources = self.key.sources(frozenset(self.written))
        return self._sources

    def sources(self, position: int) -> tuple[frozenset[int], frozenset[int]]:
        """The written lines that a line uses, and the blank lines on the way to them."""
        return self.paths.of(position)

    def unsound(self, position: int) -> list[int]:
        """The written lines that a line uses and that are not right themselves."""
        return [source for source in self.sources(position)[0] if source in self.roots] if self.roots else []

    def radius(self, position: int, reference: float | None, world: World | None = None) -> float:
        """The tolerance of an answer: half a unit, and the effect of rounding on the way."""
        unit = self.unit(position)
        if reference is None:
            return HALF * unit
        room: float = radius(unit, (world or self.world).spread(position))
        return room if math.isfinite(room) else math.inf

    def hides_again(self, position: int, behind: Iterable[int], reference: float, radius: float) -> str:
        """Why a line cannot show whether an earlier misconception was repeated here; empty if it can."""
        slugs = {slug for root in behind if root in self.verdicts for slug in self.verdicts[root].slugs}
        for misconception, lines in self.key.changes if slugs else ():
            if misconception.slug not in slugs or position not in lines:
                continue
            for way in range(len(lines[position])):
                other = self.mistaken_world(misconception.slug, lines, way).rule(position)
                if other is not None and abs(other - reference) <= radius:
                    return say("the earlier mistake, made again here, would give the same number")
        return ""

    # ----------------------------------------------------------- blank lines

    def unwritten(self) -> tuple[Unwritten, ...]:
        """Blank lines with a wrong value: it follows from one wrong answer and explains others."""
        faults: list[Unwritten] = []
        try:
            while True:
                wrong = [p for p in self.readings if self.verdicts[p].kind in FAULTS]
                if not any(self.explain(blank, wrong, faults) for blank in self.candidates(wrong)):
                    break
        except TooMuchWork:
            pass  # the faults that were found so far remain
        return tuple(faults)

    def candidates(self, wrong: list[int]) -> list[int]:
        """Blank lines that two or more wrong answers use, the last ones first."""
        counts: dict[int, int] = {}
        for position in wrong:
            for blank in self.sources(position)[1]:
                counts[blank] = counts.get(blank, 0) + 1
        return sorted((blank for blank, count in counts.items() if count > 1), reverse=True)

    def explain(self, blank: int, wrong: list[int], faults: list[Unwritten]) -> bool:
        """Solve a blank line for one wrong answer; whether its value explains all wrong answers that use the line."""
        behind = [p for p in wrong if blank in self.sources(p)[1]]
        value = solved(self.key, self.world, blank, behind[0], self.written[behind[0]])
        if value is None or out_of_range(self.key, blank, value) or absurd(self.key, blank, value):
            return False
        if set.intersection(*(set(self.verdicts[position].slugs) for position in behind)):
            return False  # one mistake, named at each of these answers
        self.take(blank, value)
        if not all(self.goes_with(position) for position in behind):
            self.take(blank, None)
            return False
        self.roots[blank] = frozenset({blank})
        names = tuple(self.key.steps[position].target for position in behind)
        faults.append(Unwritten(self.key.steps[blank].target, self.key.line_texts[blank], names))
        unsettled = ("wrong", "slip", "follow-through", "mixed", "needs-human", "not-assessable")
        for position in [p for p in self.readings if p > blank and (p in behind or self.verdicts[p].kind in unsettled)]:
            self.roots.pop(position, None)
            self.verdicts[position] = self.judged(position)
        return True

    def take(self, blank: int, value: float | None) -> None:
        """Treat a blank line as written with this value, or as blank again."""
        if value is None:
            del self.written[blank]
        else:
            self.written[blank] = value
        self._sources = None
        self.world = World(self.key, self.written, work=self.work, unit=self.unit)
        self.mistaken = {}

    def goes_with(self, position: int) -> bool:
        """Whether an answer follows, with twice the usual tolerance: the blank line is known from a rounded answer only."""
        reference = self.world.rule(position)
        if reference is None:
            return False
        radius = self.radius(position, reference)
        return radius <= 10 * self.key.quantum[position] and abs(self.written[position] - reference) <= 2 * radius
