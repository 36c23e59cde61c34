"""The summary of a class, counted while its rows go by, from what the marks file says of each student."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bptt_trace.document.locale import ENGLISH, Locale
from bptt_trace.document.mathematics import Math
from bptt_trace.document.sentences import Inline, inline, say, say_many, to_say
from bptt_trace.document.sheet import Block, Column, Paragraph, Section, Sheet, Table
from bptt_trace.engine.names import Name
from bptt_trace.lines.spelling import Named
from bptt_trace.marking.catalogue.entry import CATALOGUE

BINS = 10
FINE = 10**12
MOST = 12
"""Rows of a chart."""
WIDTH, PAGE = 24, 64
"""Length of the longest bar; columns for it and its label."""

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (say("right"), ("correct", "rounded")),
    (say("follows"), ("follow-through", "mixed")),
    (say("few decimals"), ("rough",)),
    (say("misconc."), ("misconception",)),
    (say("slip"), ("slip",)),
    (say("wrong"), ("wrong",)),
    (say("blank"), ("blank",)),
    (say("to look at"), ("unreadable", "needs-human", "not-assessable")),
)
"""Columns of the table of quantities, and the verdicts counted in each."""


@dataclass
class Tally:
    """The tally of a class; its size does not grow with the class."""

    names: Sequence[str]
    """The quantities, as the columns of the marks file."""
    students: int = 0
    unread: int = 0
    wrong: int = 0
    """Students with a wrong line."""
    shares: Counter[int] = field(default_factory=Counter)
    """Students by tenths of the marks."""
    total: int = 0
    """The shares of the marks, added up in units of 10^-12; as whole numbers they come to the same in any order."""
    squares: int = 0
    verdicts: dict[str, Counter[str]] = field(default_factory=dict)
    mistakes: Counter[str] = field(default_factory=Counter)
    first: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    """Reports that could not be set as PDF, by their file, and why."""

    @property
    def mean(self) -> float:
        """The share of the marks that a student has on average."""
        return self.total / FINE / max(self.students, 1)

    @property
    def deviation(self) -> float:
        """The standard deviation of the shares."""
        return math.sqrt(max(self.squares / FINE / max(self.students, 1) - self.mean**2, 0.0))

    def merge(self, other: Tally) -> None:
        """Add the tally of another part of the class."""
        for name in ("students", "unread", "wrong", "total", "squares"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.shares.update(other.shares)
        self.mistakes.update(other.mistakes)
        self.first.update(other.first)
        for name, counts in other.verdicts.items():
            self.verdicts.setdefault(name, Counter()).update(counts)
        self.failures |= other.failures

    def add_right(self, correct: Sequence[int], students: int, share: float = 1.0) -> None:
        """Count students in whose sheets all is right; of each quantity so many are correct, the others rounded."""
        self._count(share, students)
        for name, count in zip(self.names, correct, strict=True):
            known = self.verdicts.setdefault(name, Counter())
            for verdict, number in (("correct", count), ("rounded", students - count)):
                if number:
                    known[verdict] += number

    def _count(self, share: float, students: int = 1) -> None:
        self.students += students
        self.total += round(share * FINE) * students
        self.squares += round(share * share * FINE) * students
        self.shares[min(int(share * BINS), BINS - 1)] += students

    def add(self, row: Sequence[str]) -> None:
        """Count one row of the marks file."""
        _, score, out_of, first, mistakes, _, *verdicts = row
        if not score:
            self.unread += 1
            return
        self._count(float(score) / (float(out_of) or 1.0))
        for name, verdict in zip(self.names, verdicts, strict=True):
            if name not in self.verdicts:
                self.verdicts[name] = Counter()
            self.verdicts[name][verdict] += 1
        self.mistakes.update(mistakes.split())
        if first:
            self.wrong += 1
            self.first[first] += 1

    def sheet(self, title: str, locale: Locale = ENGLISH) -> Sheet:
        """The summary as a document, in the language of the problem."""
        mean, spread = self.mean, self.deviation
        words = say(
            "{students}, on average {mean} of the marks (standard deviation {spread}).",
            students=say_many("{count} student", "{count} students", self.students, count=self.students),
            mean=f"{mean:.0%}",
            spread=f"{spread:.0%}",
        )
        if self.unread:
            words += say_many(
                " {count} row could not be read; the marks file says why.",
                " {count} rows could not be read; the marks file says why.",
                self.unread,
                count=self.unread,
            )
        tenths = [(say("{low} to {high} %", low=10 * b, high=10 * b + 10), self.shares[b]) for b in range(BINS)]
        sections = (
            Section("distribution", say("Distribution"), (_bars(tenths, say("marks")),)),
            Section(
                "first",
                say("Where it first goes wrong"),
                _chart(self.first, say("line"), say("Nobody has a wrong line."), _quantity),
            ),
            Section(
                "mistakes", say("The most common mistakes"), _chart(self._titles(), say("mistake"), say("No mistake has a name."))
            ),
            Section("quantities", say("By quantity"), (self._quantities(),)),
        )
        head = say("Class: {title}", title=title)
        return Sheet(head, "", (), (), sections, kind=to_say("class summary"), box=(words,), locale=locale)

    def _titles(self) -> Counter[str]:
        titles = {mistake.slug: mistake.title for mistake in CATALOGUE}
        return Counter({titles[slug]: count for slug, count in self.mistakes.items()})

    def _quantities(self) -> Table:
        """The share of each verdict; columns that nobody needs are left out."""
        used = set().union(*self.verdicts.values()) if self.verdicts else set()
        groups = [(word, kinds) for word, kinds in GROUPS if used.intersection(kinds)]
        columns = (Column(inline("quantity")), *(Column((word,), right=True) for word, _ in groups))
        rows: list[tuple[Inline, ...]] = []
        for name in self.names:
            counts = self.verdicts.get(name, Counter())
            whole = sum(counts.values()) or 1
            shares = [sum(counts[kind] for kind in kinds) / whole for _, kinds in groups]
            rows.append(((_quantity(name),), *((f"{share:.0%}" if share else "",) for share in shares)))
        return Table(columns, rows)


def _quantity(name: str) -> Math:
    """A quantity by its name in the marks file."""
    return Named(Name.parse(name))


Told = Callable[[str], "str | Math"]


def _as_it_is(name: str) -> str:
    return name


def _chart(counts: Counter[str], what: str, nothing: str, told: Told = _as_it_is) -> tuple[Block, ...]:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST]
    return (_bars(most, what, told),) if most else (Paragraph((nothing,)),)


def _bars(rows: Sequence[tuple[str, int]], what: str, told: Told = _as_it_is) -> Table:
    """A table whose last column is a bar chart."""
    longest = max((count for _, count in rows), default=0) or 1
    width = max(min(WIDTH, PAGE - max((len(label) for label, _ in rows), default=0)), 6)
    bars = ["█" * max(round(width * count / longest), count > 0) for _, count in rows]
    columns = (Column((what,)), Column(inline("students"), right=True), Column(()))
    return Table(columns, [((told(label),), (str(count),), (bar,)) for (label, count), bar in zip(rows, bars, strict=True)])
