"""Mathematics on a sheet.

A piece of mathematics keeps what it is (a name, a number, a relation) and is
spelled when a medium asks for it, in the notation of that medium. What is made
of formulas and of the steps of a program comes from ``lines``; here is what
small pieces are made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bptt_trace.document.notation import LATEX, TEXT, Signs


class Math:
    """A piece of mathematics; two are equal if they read the same in plain text."""

    __slots__ = ()

    def spell(self, signs: Signs) -> str:
        """The piece in a notation; empty where there is nothing."""
        raise NotImplementedError

    def flat(self, signs: Signs) -> Iterator[str | Symbol | Derivative | Number]:
        """The piece from left to right for a medium that sets letters by itself: names, numbers and, as strings, signs."""
        yield self.spell(signs)

    @property
    def pieces(self) -> Iterable[Math]:
        """The pieces directly inside this one."""
        return ()

    def walk(self) -> Iterator[Math]:
        """This piece and all pieces inside it."""
        yield self
        for piece in self.pieces:
            yield from piece.walk()

    @property
    def is_name(self) -> bool:
        """Whether the piece is a single name."""
        return False

    @property
    def has_fraction(self) -> bool:
        """Whether the piece is higher than a line of words, because it has a fraction or the name of a derivative."""
        return any(piece.has_fraction for piece in self.pieces)

    @property
    def has_exponential(self) -> bool:
        """Whether the piece applies the exponential function."""
        return any(piece.has_exponential for piece in self.pieces)

    @property
    def divides_exponentials(self) -> bool:
        """Whether the piece has a fraction whose numerator is an exponential, as softmax has: no line can break inside it."""
        return any(piece.divides_exponentials for piece in self.pieces)

    @property
    def width(self) -> int:
        """The length in plain text, in characters."""
        return len(self.text)

    @property
    def height(self) -> int:
        """The number of rows of its highest matrix in plain text; 1 without a matrix."""
        return 1 + max(matrix.count(";") for matrix in self.text.split("["))

    @property
    def text(self) -> str:
        """The spelling in plain text, with the names of answer files."""
        return self.spell(TEXT)

    @property
    def latex(self) -> str:
        """The spelling in LaTeX."""
        return self.spell(LATEX)

    def __bool__(self) -> bool:
        """Whether there is anything to read."""
        return bool(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Math) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Math({self.text!r})"


class Number(Math):
    """A number, as it is printed."""

    __slots__ = ("digits",)

    def __init__(self, digits: object) -> None:
        self.digits = str(digits)

    def spell(self, signs: Signs) -> str:
        """With its power of ten, where it has one, as the notation writes powers."""
        return signs.numeral(self.digits)

    def flat(self, signs: Signs) -> Iterator[Number]:
        """Itself."""
        del signs
        yield self

    @property
    def times(self) -> str:
        """The sign before a power of ten, where letters are set one by one."""
        return "·"

    def alike(self, math: Math) -> Math:
        """A piece in the notation of this number."""
        return math

    def parted(self) -> tuple[Number, str]:
        """The number before its power of ten, and the exponent of that power; empty where there is none."""
        mantissa, _, exponent = self.digits.partition("e")
        return Number(mantissa), exponent


class Figures(str):
    """A number among words, in their letters: marks, a share; it has the decimal mark of its sheet."""

    __slots__ = ()


class Placed(Number):
    """A number that a page calculates again: it has a place there."""

    __slots__ = ("bracketed", "place")

    def __init__(self, digits: str, place: int, *, bracketed: bool = False) -> None:
        """With ``bracketed`` it stands in brackets while it is negative."""
        super().__init__(digits)
        self.place, self.bracketed = place, bracketed

    def operand(self) -> Placed:
        """The same as a factor."""
        return Placed(self.digits, self.place, bracketed=True)

    def spell(self, signs: Signs) -> str:
        """The number as any other, in brackets where it needs them."""
        negative = self.bracketed and self.digits.startswith("-")
        return signs.bracket.format(super().spell(signs)) if negative else super().spell(signs)

    def flat(self, signs: Signs) -> Iterator[Placed]:
        """Itself."""
        del signs
        yield self


class Power(Number):
    """A power of ten on a scale: 0.01, or 10 with an exponent where letters are set."""

    __slots__ = ("exponent",)

    def __init__(self, digits: str, exponent: int) -> None:
        super().__init__(digits)
        self.exponent = exponent

    def spell(self, signs: Signs) -> str:
        """The number in digits where a notation stands in one line."""
        if signs.in_line or 0 <= self.exponent <= 2:
            return signs.numeral(self.digits)
        return signs.power.pattern.format(signs.number.format(10), signs.script(str(self.exponent)))


class Verbatim(Math):
    """Signs that read the same in every notation: the number of a line, ``@2``."""

    __slots__ = ("said",)

    def __init__(self, said: str) -> None:
        self.said = said

    def spell(self, signs: Signs) -> str:
        """The signs themselves."""
        return signs.verbatim(self.said)


NOTHING = Verbatim("")


class Words(Math):
    """Words in mathematics."""

    __slots__ = ("said",)

    def __init__(self, said: str) -> None:
        self.said = said

    def spell(self, signs: Signs) -> str:
        """Upright."""
        return signs.words.format(self.said)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Symbol(Math):
    """A letter, or a word in its place, with what stands around it."""

    letter: str
    below: str | Symbol = ""
    """The subscript, as ``hh`` in ``w_hh``, or the name of a parameter."""
    time: str = ""
    word: str = ""
    """The group of layers: ``fwd``, ``enc``."""
    number: str = ""
    """The number of the layer."""
    prime: bool = False
    index: tuple[int, ...] = ()
    sample: int | None = None
    iteration: int = 1

    @property
    def is_name(self) -> bool:
        """Always true."""
        return True

    def spell(self, signs: Signs) -> str:
        """The letter, then what stands below and above it; an index in brackets comes last."""
        letter = self.letter
        text = signs.letters.get(letter) or (signs.letter if len(letter) == 1 else signs.upright).format(letter)
        if signs.in_line:  # a letter alone; the names of quantities are written by ``spell`` of the engine
            return text
        accent = signs.accents.get(self.word)
        if accent:
            text = accent.format(text)
        below = self.below.spell(signs) if isinstance(self.below, Symbol) else signs.script(self.below) if self.below else ""
        time = signs.script(self.time) if self.time else ""
        below = signs.below_and_time.format(below, time) if below and time else below or time
        above = self._above(signs, bool(accent))
        if below and above and not self.prime:
            text = signs.under_above.format(text, below, above)
        else:
            if below:
                text = (signs.under_primed if self.prime else signs.under).format(text, below)
            elif self.prime:
                text = signs.prime.format(text)
            if above:
                text = signs.above.format(text, above)  # a power of it is a sign of its own above
        if self.index:
            text += signs.index.format(signs.script(",".join(map(str, self.index))))
        return text

    def _above(self, signs: Signs, accented: bool) -> str:
        """The signs above the letter: its layer, its sample, its iteration."""
        above = ""
        if self.number or (self.word and not accented):
            word = signs.upright.format(self.word) if self.word and not accented else ""
            above = signs.layer.format(f"{word}{signs.script(self.number) if self.number else ''}")
        if self.sample is not None:
            above += signs.sample.format(signs.script(str(self.sample)))
        if self.iteration != 1:
            above += signs.iteration.format(self.iteration)
        return above

    def flat(self, signs: Signs) -> Iterator[Symbol | Derivative]:
        """Itself."""
        del signs
        yield self


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Derivative(Math):
    """The derivative of one quantity by another, and the quantity by which it arrives."""

    of: Symbol
    by: Symbol
    via: Symbol | None = None

    @property
    def is_name(self) -> bool:
        """Always true."""
        return True

    @property
    def has_fraction(self) -> bool:
        """Always true."""
        return True

    def spell(self, signs: Signs) -> str:
        """A fraction."""
        text = signs.derivative.format(self.of.spell(signs), self.by.spell(signs))
        return text if self.via is None else signs.via.format(text, self.via.spell(signs))

    def flat(self, signs: Signs) -> Iterator[str | Derivative | Symbol]:
        """The fraction, and behind it by which quantity it arrives."""
        del signs
        yield Derivative(self.of, self.by)
        if self.via is not None:
            yield " via "
            yield self.via


class MathRow(Math):
    """Pieces from left to right; strings between them are signs in plain text, which each notation writes in its own way."""

    __slots__ = ("parts",)

    def __init__(self, *parts: Math | str) -> None:
        self.parts = parts

    @property
    def pieces(self) -> Iterable[Math]:
        """Its parts without the signs between them."""
        return [part for part in self.parts if isinstance(part, Math)]

    @property
    def height(self) -> int:
        """The height of its highest part."""
        return max((piece.height for piece in self.pieces), default=1)

    def spell(self, signs: Signs) -> str:
        """One behind the other."""
        marks = signs.marks
        if signs.adjacent:
            return "".join([part if isinstance(part, str) else part.spell(signs) for part in self._without_signs(signs)])
        return "".join([marks.get(part, part) if isinstance(part, str) else part.spell(signs) for part in self.parts])

    def _without_signs(self, signs: Signs) -> Iterator[str | Math]:
        """The parts; between two names no sign of multiplication."""
        for place, part in enumerate(self.parts):
            beside = self.parts[max(place - 1, 0) : place + 2 : 2]
            if isinstance(part, Math):
                yield part
            elif part == " * " and len(beside) == 2 and all(isinstance(one, Math) and one.is_name for one in beside):
                yield signs.matmul.pattern.format("", "")
            else:
                yield signs.marks.get(part, part)

    def flat(self, signs: Signs) -> Iterator[str | Symbol | Derivative | Number]:
        """The parts of each part."""
        for part in self._without_signs(signs) if signs.adjacent else self.parts:
            if isinstance(part, str):
                yield part if signs.adjacent else signs.marks.get(part, part)
            else:
                yield from part.flat(signs)


class Relation(MathRow):
    """``a = b``, or a longer chain."""

    __slots__ = ("sides", "sign")

    def __init__(self, *sides: Math, sign: str = " = ") -> None:
        super().__init__(*between(sign, sides))
        self.sides, self.sign = sides, sign


class InLine(Math):
    """A piece with its fractions in one line, where the notation has that: their letters are as large as all others."""

    __slots__ = ("math",)

    def __init__(self, math: Math) -> None:
        self.math = math

    def spell(self, signs: Signs) -> str:
        """The spelling of the piece, with slashes."""
        return self.math.spell(signs.without_fractions)

    def flat(self, signs: Signs) -> Iterator[str | Symbol | Derivative | Number]:
        """The parts of the piece, with a derivative in parts of its own."""
        for part in self.math.flat(signs):
            if isinstance(part, Derivative):
                yield from ("∂", part.of, "/∂", part.by)
            else:
                yield part


class Put(Math):
    """Pieces set at the places of a form: ``Put("over", c, n)`` is a quotient."""

    __slots__ = ("form", "parts")

    def __init__(self, form: str, *parts: Math | Any) -> None:
        self.form, self.parts = form, parts

    @property
    def pieces(self) -> Iterable[Math]:
        """The pieces at the places of the form."""
        return [part for part in self.parts if isinstance(part, Math)]

    @property
    def has_fraction(self) -> bool:
        """Whether the form is one, or has one at its places."""
        return self.form in ("over", "ratio") or super().has_fraction

    @property
    def divides_exponentials(self) -> bool:
        """Whether the form is a quotient with an exponential above, or has one at its places."""
        above = self.parts[0]
        return (self.form == "over" and isinstance(above, Applied) and above.is_exponential) or super().divides_exponentials

    def spell(self, signs: Signs) -> str:
        """By the pattern of the notation."""
        signs = signs.within
        form = getattr(signs, self.form)
        spelled = [part.spell(signs) if isinstance(part, Math) else signs.exponent(part) for part in self.parts]
        text: str = (form if isinstance(form, str) else form.pattern).format(*spelled)
        return text


class Applied(Math):
    """A function with its argument, or the function alone."""

    __slots__ = ("argument", "function")

    def __init__(self, function: Any, argument: Math | None = None) -> None:
        self.function, self.argument = function, argument

    @property
    def pieces(self) -> Iterable[Math]:
        """The argument."""
        return () if self.argument is None else (self.argument,)

    @property
    def is_exponential(self) -> bool:
        """Whether the function is the exponential function."""
        return bool(self.function.name == "exp")

    @property
    def has_exponential(self) -> bool:
        """Whether it is one, or its argument has one."""
        return self.is_exponential or super().has_exponential

    def spell(self, signs: Signs) -> str:
        """The function as formulas write it."""
        word = signs.word(self.function)
        return word if self.argument is None else signs.call.pattern.format(word, self.argument.spell(signs.within))


def between(sign: str, parts: Iterable[Math]) -> list[Math | str]:
    """Pieces with a sign between each two."""
    found: list[Math | str] = []
    for part in parts:
        found += [sign, part] if found else [part]
    return found


def sum_over(letters: str) -> Math:
    """The sign of a sum over time steps (``t``), units (``i``), samples (``s``), or over both (``st``)."""
    return Put("sums" if len(letters) > 1 else "sum", Verbatim(letters) if len(letters) == 1 else _Letters(letters))


class _Letters(Math):
    """Letters under the sign of a sum: together in plain text, else with commas."""

    __slots__ = ("letters",)

    def __init__(self, letters: str) -> None:
        self.letters = letters

    def spell(self, signs: Signs) -> str:
        return self.letters if signs.in_line else signs.script(",".join(self.letters))
