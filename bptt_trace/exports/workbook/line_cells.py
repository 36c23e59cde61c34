"""The cells of a line in a workbook: its result, and the verdict on an answer, as formulas of a spreadsheet.

A verdict follows the student's own numbers as ``check`` does: a line is right if
it follows, by its rule, from what was written in the lines before it. Lines
that were left out are calculated on the way. The tolerance is half a unit of the
last place and the effect of rounding on the way: the sum of half a unit times
slope over all numbers that go in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from bptt_trace.document.calculated_notations import SPREADSHEET
from bptt_trace.document.notation import SUM
from bptt_trace.document.sentences import say
from bptt_trace.engine.formula import Formula
from bptt_trace.engine.gradients import RESULT
from bptt_trace.errors import ProblemError
from bptt_trace.exports.asked_lines import original
from bptt_trace.exports.formulas import Referring, slopes
from bptt_trace.marking.key import Key
from bptt_trace.marking.tolerance import HALF, MARGIN

LONGEST = 8192
"""The largest length of a formula in a cell."""
MOST_ARGUMENTS = 255
"""The largest number of arguments of a function."""
MOST_DIGITS = 15
"""The significant digits of a number in a spreadsheet."""
GUARD = 8
"""Further digits to which a result is rounded first: a double that should be a tie is not one in its last digits."""


class Verdicts(NamedTuple):
    """The texts beside an answer; each can be translated."""

    right: str = say("✓ right")
    follows: str = say("✓ from your own numbers")
    wrong: str = say("look again")
    later: str = say("first the lines before it")
    no_number: str = say("not a number")


SAID = Verdicts()


@dataclass(frozen=True)
class Columns:
    """The letters of the columns of a line."""

    result: str = "E"
    answer: str = "F"
    verdict: str = "G"
    follows: str = "H"
    """The result that follows from the student's own numbers, not rounded."""
    used: str = "I"
    """The value for later lines: the answer, or the result that follows."""
    spread: str = "J"
    """The effect of rounding on the way."""
    unsound: str = "K"
    """1 where the line, or one of its arguments, is not right."""
    unit: str = "L"
    width: str = "M"
    """The largest error of the value for later lines."""


COLUMNS = Columns()


@dataclass
class Cells:
    """The cell of every number of a program, and its content.

    ``told`` are the lines whose results the workbook has, ``boxed`` those that a
    student fills in; the others, where a verdict needs them, are only carried on.
    """

    key: Key
    given: Mapping[int, str]
    """The cells of given numbers."""
    rows: Mapping[int, int]
    """The rows of lines, counted from 1."""
    told: frozenset[int]
    boxed: frozenset[int]
    verdicts: Verdicts = SAID

    @property
    def carried(self) -> frozenset[int]:
        """The lines that are neither shown nor filled in, but that verdicts need."""
        return frozenset(self.rows) - self.told - self.boxed

    @property
    def marked_by_key(self) -> bool:
        """Whether an answer is compared with the right one too; a worksheet has none."""
        return self.boxed <= self.told

    def at(self, column: str, position: int) -> str:
        """The cell of a line in a column."""
        return f"${column}${self.rows[position]}"

    def original(self, position: int) -> int:
        """The line itself, or the one that it repeats."""
        return original(self.key, position)

    def where(self, position: int) -> str:
        """The cell of the result of a line."""
        position = self.original(position)
        return self.given.get(position) or self.at(COLUMNS.result, position)

    def used(self, position: int) -> str:
        """The cell of its value for later lines, with the student's own numbers."""
        position = self.original(position)
        if position in self.given or (position in self.told and position not in self.boxed):
            return self.where(position)
        return self.at(COLUMNS.used, position)

    # ---------------------------------------------------------------- formulas

    def formula(self, formula: Formula, fill: Sequence[int], rest: Sequence[int], place: Callable[[int], str]) -> str:
        """A formula over cells; ``fill`` are the positions of its variables, ``rest`` those of ``Rest``."""
        total = _call("SUM", [place(argument) for argument in rest]) if rest else ""
        return Referring(SPREADSHEET, [place(argument) for argument in fill], total).part(formula, SUM)

    def rule(self, position: int, cell_of: Callable[[int], str]) -> str:
        """The rule of a line over cells."""
        step = self.key.steps[position]
        assert step.rule is not None
        arity = step.rule.arity
        return self.formula(step.rule.formula, step.arguments[:arity], step.arguments[arity:], cell_of)

    def result(self, position: int) -> str:
        """The result of a line, rounded as the problem says."""
        figures = self.key.figures(position)
        body = self.rule(position, self.where)
        if self.key.problem.rounding.policy != "by_hand":
            return fitting(f"={body}")
        if figures is None:
            places = self.key.usual[position]
            return fitting(f"=ROUND(ROUND({body},{places + min(GUARD, max(13 - places, 0))}),{places})")
        size = f"INT(LOG10(ABS({body})))"
        inner = figures - 1 + min(GUARD, max(14 - figures, 0))
        return fitting(f"=IF(({body})=0,0,ROUND(ROUND({body},{inner}-{size}),{figures - 1}-{size}))")

    def follows(self, position: int) -> str:
        """The result that follows from the student's own numbers; on a worksheet only from lines that are filled in."""
        body = self.rule(position, self.used)
        return fitting(f"={self.if_filled(body, self.waited_for(position))}")

    def waited_for(self, position: int) -> list[str]:
        """The cells that must be filled in before a line can be judged."""
        if self.marked_by_key:
            return []
        arguments = dict.fromkeys(map(self.original, self.key.steps[position].arguments))
        return [self.used(argument) for argument in arguments if argument not in self.given and argument not in self.told]

    @staticmethod
    def if_filled(formula: str, cells: Sequence[str]) -> str:
        """The formula, or nothing where one of these cells has no number."""
        return f'IF({_call("COUNT", cells)}={len(cells)},{formula},"")' if cells else formula

    def used_next(self, position: int) -> str:
        """The value for later lines."""
        answer = self.at(COLUMNS.answer, position)
        if position not in self.boxed:
            return f"={self.at(COLUMNS.follows, position)}"
        other = self.at(COLUMNS.follows, position) if self.marked_by_key else '""'
        return f"=IF(ISNUMBER({answer}),{answer},{other})"

    def spread(self, position: int) -> str:
        """The sum of half a unit times slope over all arguments."""
        own = self.at(COLUMNS.answer if position in self.boxed and not self.marked_by_key else COLUMNS.follows, position)

        def place(filled: int) -> str:
            return own if filled == RESULT else self.used(filled)

        terms = []
        rest: list[str] = []
        for argument, slope, fill in slopes(self.key.steps[position]):
            argument = self.original(argument)
            if argument in self.given:
                continue
            width = self.at(COLUMNS.width, argument)
            text = self.formula(slope, fill, (), place)
            if text in ("1", "(0-1)"):
                rest.append(width)
            else:
                terms.append(f"ABS({text})*{width}")
        if rest:
            terms.append(_call("SUM", rest))
        cells = [own, *self.waited_for(position)] if not self.marked_by_key else []
        body = self.if_filled("+".join(terms) or "0", cells)
        return fitting(f"={body}")

    def unit(self, position: int, digits: str = "") -> str:
        """One unit of the last place; ``digits`` is the cell of the decimals that a worksheet asks for."""
        places, figures = self.key.usual[position], self.key.figures(position)
        if figures is not None:
            size = self.used(position)
            return f"=IF(N({size})=0,0,10^(INT(LOG10(ABS({size})))-{figures - 1}))"
        usual = f"10^-{places}"
        answer = self.at(COLUMNS.answer, position)
        return f"=IF(ROUND(N({answer}),{places})=N({answer}),{usual},10^-{digits})" if digits else f"={usual}"

    def width(self, position: int) -> str:
        """The largest error of what later lines use; that of an exact 0 is 0."""
        half, spread = f"{self.at(COLUMNS.unit, position)}/2", self.at(COLUMNS.spread, position)
        if position not in self.boxed:
            return f"={half}" if position in self.told else f"=IF({self.used(position)}=0,0,{half})+N({spread})"
        answer = self.at(COLUMNS.answer, position)
        zero = f"AND({answer}=0,{self.where(position)}=0)" if self.marked_by_key else f"{answer}=0"
        blank = f"IF({self.used(position)}=0,0,{half})+{spread}" if self.marked_by_key else "0"
        return f"=IF(ISNUMBER({answer}),IF({zero},0,{half}),{blank})"

    def unsound_sources(self, position: int) -> str:
        """1 where an argument is not right."""
        arguments = dict.fromkeys(map(self.original, self.key.steps[position].arguments))
        cells = [
            self.at(COLUMNS.unsound, argument) for argument in arguments if argument in self.boxed or argument in self.carried
        ]
        return _call("MAX", cells) if cells else "0"

    def unsound(self, position: int) -> str:
        """1 where the line is not right or, if it is not filled in, where one of its arguments is not."""
        if position not in self.boxed:
            return f"={self.unsound_sources(position)}"
        answer, verdict = self.at(COLUMNS.answer, position), self.at(COLUMNS.verdict, position)
        return f'=IF(ISBLANK({answer}),{self.unsound_sources(position)},IF({verdict}="{self.verdicts.right}",0,1))'

    def verdict(self, position: int) -> str:
        """The verdict beside the answer."""
        answer, unit, said = self.at(COLUMNS.answer, position), self.at(COLUMNS.unit, position), self.verdicts
        tolerance = f"{HALF}*{unit}+{MARGIN}*{self.at(COLUMNS.spread, position)}"
        if self.marked_by_key:
            follows = self.at(COLUMNS.follows, position)
            correct = f"ABS({answer}-{self.where(position)})<={HALF}*{unit}"
            told = f'IF({correct},"{said.right}",{{}})'
        else:
            follows, told = f"({self.rule(position, self.used)})", "{}"
            waiting = self.waited_for(position)
            if waiting:
                told = f'IF({_call("COUNT", waiting)}<{len(waiting)},"{said.later}",{{}})'
        sound = f'IF({self.unsound_sources(position)}=0,"{said.right}","{said.follows}")'
        by_rule = f'IF(ABS({answer}-{follows})<={tolerance},{sound},"{said.wrong}")'
        checked = told.format(by_rule)
        return fitting(f'=IF(ISBLANK({answer}),"",IF(ISNUMBER({answer}),{checked},"{said.no_number}"))')


def fitting(formula: str) -> str:
    """A formula. Raises ``ProblemError`` where it is longer than a cell has room for."""
    if len(formula) > LONGEST:
        raise ProblemError(f"a formula of {len(formula):,} signs, too long for a cell; use fewer units or time steps")
    return formula


def _call(function: str, cells: Sequence[str]) -> str:
    """A function of a list of cells: SUM, COUNT or MAX; in parts where there are very many."""
    parts = list(_together(cells))
    starts = range(0, len(parts), MOST_ARGUMENTS)
    calls = [f"{function}({','.join(parts[start : start + MOST_ARGUMENTS])})" for start in starts]
    return calls[0] if len(calls) == 1 else f"{'MAX' if function == 'MAX' else 'SUM'}({','.join(calls)})"


def _together(cells: Sequence[str]) -> Iterator[str]:
    """Cells as a list of a spreadsheet; neighbours in a column form a range."""

    def line(pair: tuple[int, str]) -> tuple[str, int]:
        column, _, row = pair[1].rpartition("$")
        return column, int(row) - pair[0]

    for _, run in groupby(enumerate(cells), line):
        found = [cell for _, cell in run]
        yield found[0] if len(found) == 1 else f"{found[0]}:{found[-1].rpartition('!')[2]}"
