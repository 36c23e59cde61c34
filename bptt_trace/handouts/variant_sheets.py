"""The sheets of variants: typeset once for each family, filled in for each variant.

In Markdown a filled-in sheet is what rendering it anew would print, byte for
byte; in LaTeX all variants have the layout of the widest numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from typing import Any, NamedTuple

from bptt_trace.calculation.arithmetic import ByHand, Repeated, Values, arithmetic, run
from bptt_trace.document.mathematics import Math, Verbatim
from bptt_trace.document.notation import LATEX, TEXT
from bptt_trace.document.sheet import Sheet
from bptt_trace.engine.names import Name
from bptt_trace.handouts.answer_key import FINER, KeyStrings, decimals, key_sheet, lay_out
from bptt_trace.handouts.blanks import answers_csv, digits
from bptt_trace.handouts.fill_in_text import MOST, Form, hole
from bptt_trace.handouts.number_places import replaced
from bptt_trace.handouts.variants import Candidate, Factory, Family, Variant
from bptt_trace.handouts.worksheet import worksheet
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.spelling import Shown
from bptt_trace.lines.view import View
from bptt_trace.marking.key import Key
from bptt_trace.marking.report import TITLES
from bptt_trace.problem.files import as_toml
from bptt_trace.problem.rounding import Rounding
from bptt_trace.problem.tables import with_defaults

CODE, STUDENT = "ZZZ-ZZZ", "ZZZ-STUDENT-ZZZ"
"""The placeholders of the code and of the student on a sheet that is filled in later."""
LONGEST_NAME = 60


def always(_: str) -> bool:
    """Any words can be filled in."""
    return True


class Medium(NamedTuple):
    """The medium of worksheets and keys."""

    ending: str
    render: Callable[[Sheet], str]
    escape: Callable[[str], str]
    """The function that escapes the words of a student."""
    fits_in: Callable[[str], bool] = always
    """Whether such words can be filled into a text that was rendered without them."""
    holes: bool = True
    """Whether a text can have holes that are filled in later."""
    compile: Callable[[Mapping[str, str]], Mapping[str, bytes]] | None = None
    """For PDF: the function that sets rendered texts, by name."""
    join: Callable[[Sequence[bytes]], bytes] = b"".join
    """The function that joins several files for printing."""
    key_ending: str = ""
    """The ending of keys, if they have another."""
    file: Callable[[str, Any], bytes] | None = None
    """The function that makes a file of a binary sheet, from its kind: ``worksheets`` or ``keys``."""
    all: Callable[[str, Sequence[Any]], Mapping[str, bytes]] | None = None
    """The function that makes files of the sheets of all variants, by the ends of their names."""


@dataclass(frozen=True)
class Sheets:
    """The files of one variant."""

    worksheet: Any
    """Its text, or the data from which the medium makes a file."""
    key: Any
    answers: str
    problem: str


class Typesetter:
    """Makes the sheets of one factory's variants in one medium."""

    def __init__(self, factory: Factory, medium: Medium, view: View = View()) -> None:
        self.factory = factory
        self.medium = medium
        self.view = view
        self._families: dict[tuple[int, bool], Anew] = {}

    def sheets(self, variant: Variant, student: str = "") -> Sheets:
        """The files of one variant, possibly with its student."""
        # Spaces that do not break, which word processors put into names, are spaces; other signs without a shape are left out.
        student = "".join(sign for sign in " ".join(student.split()) if sign.isprintable())[:LONGEST_NAME]
        family = self.factory.family(variant.drawn)
        which = id(family), self.medium.fits_in(student)
        if which not in self._families:
            fits = self.medium.holes and which[1] and 4 * len(family.key.steps) + 3 * len(TITLES) + 2 < MOST
            fits = fits and not any(mark in str(self.factory.document) for mark in (CODE, STUDENT))
            by_hand = self.factory.problem.rounding.policy == "by_hand"
            # The other policies have signs beside their numbers that depend on them.
            self._families[which] = self.of_family(family, filled=fits and by_hand)
        return self._families[which].sheets(variant, student)

    def of_family(self, family: Family, *, filled: bool) -> Anew:
        """The maker of the sheets of one family; ``filled`` says whether they can be typeset once for all."""
        return (_Filled if filled else Anew)(self, family)


class ProblemFiles:
    """The problem files of one factory's variants."""

    def __init__(self, factory: Factory) -> None:
        self.factory = factory
        self.places = {path: names for path, names in factory.leaves.items() if _varies(factory, names)}
        marks = {path: hole(number) for number, path in enumerate(self.places)}
        document = replaced(factory.document, marks)
        document.setdefault("handout", {})["code"] = hole(len(marks))
        text = as_toml(document)
        for path, mark in marks.items():
            text = text.replace(f'"{mark}"', mark) if not _is_fraction(factory, self.places[path]) else text
        self.form = Form(text)

    def text(self, variant: Candidate | Variant) -> str:
        """The problem file of a variant."""
        given = self.factory.given(variant.drawn)
        strings = []
        for names in self.places.values():
            if len(names) == 1:
                strings.append(given[names[0]].text)
            else:  # a class by its number
                chosen = next(place for place, name in enumerate(names) if given[name].value)
                first = with_defaults(self.factory.document)["loss"]["first_class"]
                strings.append(str(chosen + first))
        return self.form.fill([*strings, variant.code])


class Anew:
    """Sheets that are typeset anew for each variant."""

    def __init__(self, setter: Typesetter, family: Family) -> None:
        self.setter, self.family = setter, family
        self.problem = ProblemFiles(setter.factory)
        self.answers = answers_csv(family.key, family.blanks)

    def sheets(self, variant: Variant, student: str) -> Sheets:
        """The files of one variant."""
        key = Key(self.setter.factory.variant_problem(variant.code, variant.drawn))
        blanks = self.setter.factory.blanks(key)
        sheet = worksheet(key, blanks, self.setter.view, student=student)
        texts = self.setter.medium.render(sheet), self.setter.medium.render(key_sheet(key, blanks))
        return Sheets(*texts, self.answers, self.problem.text(variant))


class _Filled(Anew):
    """Sheets that are typeset once."""

    def __init__(self, setter: Typesetter, family: Family) -> None:
        super().__init__(setter, family)
        key = family.key
        self._size = len(key.steps)
        self._signs = key.problem.handout.locale.notation(LATEX)
        how = self._by_hand()
        values = Values(key.program, run(key.program, key.problem.given, how), key.problem.given, key.problem.rounding)
        exact = Values(key.program, tuple(key.exact), key.problem.given, Rounding("full"))
        self._desk = Desk(key.problem, key.program, values, exact, with_latex=True)
        self._shown = Shown(values)
        widest = {name: max((n.text for n in choices), key=len) for name, choices in setter.factory.ranges.choices.items()}
        bare = [widest.get(step.target, text) for step, text in zip(key.steps, self._shown.bare[self._signs], strict=True)]
        holes = Shown(values)
        for signs in (TEXT, LATEX, self._signs):
            holes.bare[signs] = [hole(p, text) for p, text in enumerate(bare)]
            holes.operands[signs] = [hole(self._size + p, text) for p, text in enumerate(bare)]
        self._mistakes = 4 * self._size
        self._code = self._mistakes + 3 * len(TITLES)
        asked = {p: wanted.written(hole(3 * self._size + p, wanted)) for p, wanted in family.blanks.asked.items()}
        blanks = replace(family.blanks, asked=asked)
        sheet = worksheet(self._coded(key), blanks, setter.view, values=values, shown=holes, student=STUDENT)
        self._worksheet = self._form(sheet)
        self._operands = [number - self._size for number in {*self._worksheet.holes} if 0 <= number - self._size < self._size]
        self._keys: dict[tuple[str, ...], Form] = {}
        self._spelling = {
            position: (self._desk.name(position).latex, self._desk.line_number(position)) for position in blanks.asked
        }
        """Name and line number of each quantity that is asked for."""
        self._digits = cache(partial(digits, key))
        printed = {number % self._size for number in self._worksheet.holes if number < 2 * self._size}
        self._calculate = Repeated(key.program, how, printed | {*blanks.asked})
        index, choices = key.program.index, setter.factory.ranges.choices
        self._fixed = {index[name]: how.number(number.value) for name, number in key.problem.given.items() if name in index}
        self._varied = [(index[name], [how.number(number.value) for number in some]) for name, some in choices.items()]

    def _coded(self, key: Key) -> Key:
        return Key(self.setter.factory.variant_problem(CODE, self.family.model), key.program)

    def _form(self, sheet: Sheet) -> Form:
        text = self.setter.medium.render(sheet).replace(CODE, hole(self._code))
        return Form(text.replace(STUDENT, hole(self._code + 1)))

    def _values(self, drawn: tuple[int, ...]) -> Values:
        """The values of a variant under the problem's rounding, as far as its sheets show them."""
        given, key = self.setter.factory.given(drawn), self.family.key
        numbers = dict(self._fixed)
        for (position, choices), choice in zip(self._varied, drawn, strict=False):
            numbers[position] = choices[choice]
        return Values(key.program, self._calculate(given, numbers), given, key.problem.rounding)

    def _by_hand(self) -> ByHand:
        """By hand; exact for fractions without an end, if any may be drawn."""
        problem, ranges = self.setter.factory.problem, self.setter.factory.ranges
        numbers = [*problem.given.values(), *(number for choices in ranges.choices.values() for number in choices)]
        how = arithmetic(problem.rounding, {Name(str(place)): number for place, number in enumerate(numbers)})
        assert isinstance(how, ByHand)
        return how

    def sheets(self, variant: Variant, student: str) -> Sheets:
        """The files of one variant."""
        key = self.family.key
        shown = Shown(self._values(variant.drawn))
        bare, between = shown.bare[self._signs], [""] * (3 * self._size + 3 * len(TITLES))
        strings = [*bare, *between, variant.code, self.setter.medium.escape(student)]
        for position in self._operands:
            strings[self._size + position] = shown.operand(position, bare[position], self._signs)
        places = {position: key.decimals(position, value) for position, value in variant.exact.items()}
        numeral, size = self._signs.numeral, self._size
        for position, value in variant.exact.items():
            strings[2 * size + position] = numeral(decimals(value, places[position] + FINER))
            strings[3 * size + position] = self._digits(position, places[position])
        told = [
            (*self._spelling[position], numeral(decimals(wrong, places[position]))) for _, position, wrong in variant.mistakes
        ]
        strings[self._mistakes : self._mistakes + 3 * len(told)] = chain.from_iterable(told)
        filled = self._worksheet.fill(strings), self._key(variant).fill(strings)
        return Sheets(*filled, self.answers, self.problem.text(variant))

    def _key(self, variant: Variant) -> Form:
        slugs = tuple(best.slug for best in variant.mistakes)
        if slugs not in self._keys:
            self._keys[slugs] = self._key_form(variant, slugs)
        return self._keys[slugs]

    def _key_form(self, variant: Variant, slugs: tuple[str, ...]) -> Form:
        bare, size = self._shown.bare[self._signs], self._size

        def gap(number: int, like: str) -> Math:
            text = hole(number, like)
            return Verbatim(text)

        strings = KeyStrings(
            {position: gap(position, bare[position]) for position in self.family.blanks.asked},
            {position: gap(2 * size + position, bare[position] + "00") for position in self.family.blanks.asked},
            [
                (
                    gap(self._mistakes + 3 * place, self._desk.name(best.position).text),
                    gap(self._mistakes + 3 * place + 1, "00"),
                    gap(self._mistakes + 3 * place + 2, bare[best.position]),
                )
                for place, best in enumerate(variant.mistakes)
            ],
            [TITLES[slug] for slug in slugs],
        )
        return self._form(lay_out(self._coded(self.family.key), self._desk, self.family.blanks, strings))


def _varies(factory: Factory, names: tuple[Any, ...]) -> bool:
    of_classes = {name for group in factory.ranges.classes for name in group}
    return any(name in of_classes or name in factory.ranges.choices for name in names)


def _is_fraction(factory: Factory, names: tuple[Any, ...]) -> bool:
    """Whether some choice is written as a fraction, which stands in quotes in the file."""
    return any(number.is_fraction for name in names for number in factory.ranges.choices.get(name, ()))
