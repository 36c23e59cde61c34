"""Names, numbers and lines for readers, in the notation that a medium asks for.

Spellings come from the fields of a name. A line is a rule's template with its
holes filled, so nothing here knows what a formula means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from bptt_trace.calculation.arithmetic import SNAP, ByHand, Values, decimal
from bptt_trace.document.letters import greek, is_greek_index, parted
from bptt_trace.document.mathematics import Derivative, Math, Number, Symbol
from bptt_trace.document.notation import TEXT, Signs
from bptt_trace.document.sentences import joined, say
from bptt_trace.engine.formula_text import Template
from bptt_trace.engine.names import BACKWARD, DECODER, ENCODER, FORWARD, OVER_PLACES, Layer, Name, spell, word_and_number
from bptt_trace.engine.program import Step
from bptt_trace.engine.rules import KEPT_RULES, Rule
from bptt_trace.networks.optimizers import STATES
from bptt_trace.problem.rounding import Precision, Rounding
from bptt_trace.problem.vocabulary import Vocabulary

Clock = Callable[[int], str]
"""The spelling of a time: a number, or ``t``, ``t-1``."""


def symbol(name: Name, clock: Clock = str) -> Symbol | Derivative:
    """A name as a letter with signs around it, or as a fraction of two of these."""
    own = _symbol(name, clock)
    if name.of is None:
        return own
    return Derivative(_symbol(name.of, clock), own, None if name.via is None else _symbol(name.via, clock))


def _symbol(name: Name, clock: Clock) -> Symbol:
    letter, _, below = name.stem.partition("_")
    word, number = word_and_number(name.layer)
    time, index = "" if name.time is None else clock(name.time), name.index
    if name.stem in OVER_PLACES and name.time is not None and len(index) == 1:
        time, index = f"{time},{index[0]}", ()
    letter, digits = parted(letter)
    return Symbol(
        letter,
        _below(letter, below, clock) if not digits else ",".join((digits, *below.split("_"))).rstrip(","),
        time,
        word,
        number,
        name.updated,
        index,
        name.sample,
        name.iteration,
    )


def _below(letter: str, below: str, clock: Clock) -> str | Symbol:
    """The subscript of a letter; ``v_w_hh`` is the letter of an optimizer, with the name of the parameter below it."""
    if letter in STATES and below:
        return _symbol(Name(below), clock)
    return Symbol(below) if is_greek_index(below) else below.replace("_", ",")


def spelled(name: Name, signs: Signs, clock: Clock = str) -> str:
    r"""A name in a notation: ``dL/dh_2 via a_3``, or ``\frac{\partial L}{\partial h_{2}}\text{ via }a_{3}``."""
    if signs.root is TEXT:
        return spell(name, clock)
    if signs.in_line:
        return spell(_lettered(name), lambda time: signs.script(clock(time)))
    return symbol(name, clock).spell(signs)


def _lettered(name: Name) -> Name:
    """The name with Greek letters."""
    stem, of, via = greek_stem(name.stem), name.of and _lettered(name.of), name.via and _lettered(name.via)
    same = stem == name.stem and of is name.of and via is name.via
    return name if same else name._replace(stem=stem, of=of, via=via)


@lru_cache(maxsize=1024)
def greek_stem(stem: str) -> str:
    """A stem with the signs of Greek letters.

    >>> greek_stem("eta"), greek_stem("beta2"), greek_stem("v_gamma"), greek_stem("W_xi"), greek_stem("W_theta")
    ('η', 'β2', 'v_γ', 'W_xi', 'W_θ')
    """
    letter, line, below = stem.partition("_")
    if letter in STATES and below:
        return f"{letter}_{greek_stem(below)}"
    return f"{greek(letter)}{line}{greek(below) if is_greek_index(below) else below}"


class Named(Math):
    """The name of a quantity."""

    __slots__ = ("clock", "name")

    def __init__(self, name: Name, clock: Clock = str) -> None:
        self.name, self.clock = name, clock

    @property
    def is_name(self) -> bool:
        """Always true."""
        return True

    @property
    def has_fraction(self) -> bool:
        """Whether it is the name of a derivative."""
        return self.name.of is not None

    def spell(self, signs: Signs) -> str:
        """The spelling of the notation for names."""
        return spelled(self.name, signs, self.clock)

    def flat(self, signs: Signs) -> Iterator[str | Symbol | Derivative | Number]:
        """The letter with its signs."""
        return symbol(self.name, self.clock).flat(signs)


LAYER_WORDS = {
    FORWARD: say("reading forward"), BACKWARD: say("reading backward"), ENCODER: say("encoder"), DECODER: say("decoder"),
    "qkv": say("query, key and value"), "att": say("attention"),
}  # fmt: skip


def layer_in_words(layer: Layer) -> str:
    """The words for a layer on a sheet.

    >>> layer_in_words(2), layer_in_words("enc"), layer_in_words("fwd2")
    ('layer 2', 'encoder', 'reading forward, layer 2')
    """
    word, number = word_and_number(layer)
    return joined(say(", "), filter(None, (LAYER_WORDS.get(word, ""), say("layer {number}", number=number) if number else "")))


class Stems(dict[str, bool]):
    """Whether a stem reads the same with Greek letters; looked up once for each."""

    def __missing__(self, stem: str) -> bool:
        same = self[stem] = greek_stem(stem) == stem
        return same


class Speller:
    """Names as one sheet writes them, in the lecturer's vocabulary."""

    def __init__(self, vocabulary: Vocabulary | None = None) -> None:
        self.vocabulary = vocabulary or Vocabulary()

    def text(self, name: Name, clock: Clock = str) -> str:
        """The spelling in plain text."""
        return spell(self.vocabulary.shown(name), clock)

    def math(self, name: Name, clock: Clock = str) -> Math:
        """The name as mathematics."""
        return Named(self.vocabulary.shown(name), clock)

    def spelling(self, signs: Signs) -> Callable[[Name], str]:
        """The names of steps in one notation."""
        shown = self.vocabulary.shown
        if signs.root is TEXT:
            return (lambda name: spell(shown(name))) if self.vocabulary.renamed else spell
        return lambda name: spelled(shown(name), signs)

    def all(self, steps: Sequence[Step], texts: Sequence[str], signs: Signs) -> Sequence[str]:
        """The names of steps in a notation that stands in one line; those without Greek letters are the strings of plain text."""
        same: dict[str, bool] = Stems()

        def alike(name: Name) -> bool:
            of, via = name.of, name.via
            return same[name.stem] and (of is None or (same[of.stem] and (via is None or same[via.stem])))

        lettered = [place for place, step in enumerate(steps) if not alike(self.vocabulary.shown(step.target))]
        if not lettered:
            return texts
        found = list(texts)
        for place in lettered:
            found[place] = spelled(self.vocabulary.shown(steps[place].target), signs)
        return found

    def seen_from(self, name: Name, now: int) -> Math:
        """The spelling in both, its times as seen from step ``now``: ``h_t``."""
        return self.math(name, clock_at(now))


# -------------------------------------------------------------------- numbers


def shown(values: Values) -> list[str]:
    """Every value as it is printed, in plain text: given numbers as typed, results rounded; empty where it was not calculated."""
    given = values.given
    rounding = values.rounding
    show, precisions = shower(rounding), rounding.of_lines(values.program.steps)
    # A decimal with at most six places prints itself; asking each for its exponent would take most of the time.
    by_itself = (
        rounding.policy == "by_hand" and rounding.figures is None and rounding.most_digits <= 6 and not rounding.scientific
    )
    texts: list[str] = []
    for (target, rule, _, _, _, _), precision, number in zip(values.program.steps, precisions, values.numbers, strict=True):
        if rule is None and (typed := given.get(target)) is not None:
            texts.append(shorter(typed.text) if rounding.scientific else typed.text)
        elif number is None:
            texts.append("")
        elif by_itself and not precision.significant:
            texts.append(str(number))
        else:
            texts.append(show(number, precision))
    return texts


def shower(rounding: Rounding) -> Callable[[Any, Precision], str]:
    """The function that prints a result under a rounding policy, with the digits of its line."""
    if rounding.scientific and rounding.policy != "exact":
        show = shower(replace(rounding, scientific=False))
        return lambda number, precision: shorter(show(number, precision))
    match rounding.policy:
        case "by_hand":
            return lambda number, _: plain(number)
        case "carry":
            return lambda number, precision: plain(
                precision.settle(SNAP.plus(number if isinstance(number, Decimal) else decimal(number)))
            )
        case "full":
            return lambda number, _: repr(number + 0.0).replace("e+", "e")
        case _:
            return lambda number, _: closed(number)


def plain(number: Decimal) -> str:
    """A decimal as a person writes it; far from 1, with a power of ten: ``1.234e-10``."""
    text = str(number)
    if len(text) < 17 and "E" not in text:
        return text
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent <= 0 and (exponent >= -16 or number.adjusted() >= 0):
        return str(number) if exponent > -7 else f"{number:f}"
    return f"{number:e}".replace("e+", "e")


def shorter(text: str) -> str:
    """A number with a power of ten where that is shorter when it is set: the power takes three signs and its exponent.

    >>> shorter("0.0000012"), shorter("-1200000000"), shorter("0.0012"), shorter("0.000012340"), shorter("1/3")
    ('1.2e-6', '-1.2e9', '0.0012', '0.000012340', '1/3')
    """
    digits = text.lstrip("-")
    if not digits.replace(".", "", 1).isdigit() or not digits.strip("0."):
        return text
    figures = digits.replace(".", "").lstrip("0")
    figures = figures if "." in digits else figures.rstrip("0")
    mantissa, exponent = figures[0] + (f".{figures[1:]}" if figures[1:] else ""), Decimal(digits).adjusted()
    power = f"{text[: len(text) - len(digits)]}{mantissa}e{exponent}"
    return power if len(mantissa) + len("·10") + len(str(exponent)) < len(digits) else text


def closed(number: Any, signs: Signs = TEXT) -> str:
    """A closed form in a notation."""
    from bptt_trace.calculation.symbolic import in_notation

    return in_notation(number, signs)


class Shown:
    """The numbers of a program as strings in each notation: bare, and as operands; made when a notation is first asked for."""

    def __init__(self, values: Values) -> None:
        self.steps = values.program.steps
        self.exact = values.rounding.policy == "exact"
        self.boxes: Mapping[int, Math] = {}
        """The boxes in place of some numbers."""
        self.bare: dict[Signs, list[str]] = Notations(self._bare)
        self.operands: dict[Signs, list[str]] = Notations(self._operands)
        self._closed: list[Any] = list(values.numbers) if self.exact else []
        self.bare[TEXT] = shown(values)

    def _bare(self, signs: Signs) -> list[str] | _Made:
        texts = self.bare[TEXT]
        if self.exact or self.boxes:
            return [self._numeral(place, text, signs) for place, text in enumerate(texts)]
        numeral = signs.numeral
        # In one line a number differs by its minus alone: quicker made again than kept for a long trace.
        return _Made(lambda place: numeral(texts[place])) if signs.in_line else list(map(numeral, texts))

    def _numeral(self, place: int, text: str, signs: Signs) -> str:
        if place in self.boxes:
            return self.boxes[place].spell(signs)
        if self.exact and (place >= len(self.steps) or self.steps[place].rule is not None):
            return text if signs is TEXT else closed(self._closed[place], signs)
        return signs.numeral(text)

    def operand(self, place: int, bare: str, signs: Signs) -> str:
        """A number as it stands in a calculation, from its string ``bare``: in brackets, if it needs them."""
        alone = place in self.boxes or _alone(self.bare[TEXT][place])
        return bare if alone else signs.bracket.format(bare)

    def _operands(self, signs: Signs) -> list[str] | _Made:
        bare, texts, bracket = self.bare[signs], self.bare[TEXT], signs.bracket.format
        if signs.in_line and not self.boxes:
            made = _getter(bare)
            return _Made(lambda place: made(place) if _alone(texts[place]) else bracket(made(place)))
        if self.boxes:
            return [self.operand(place, one, signs) for place, one in enumerate(bare)]
        return [one if _alone(text) else bracket(one) for text, one in zip(texts, bare, strict=True)]

    def with_gaps(self, boxes: Mapping[int, Math]) -> Shown:
        """The same with boxes in place of some numbers, of which it then has no string."""
        other = copy(self)
        other.boxes = boxes
        other._closed = [None if place in boxes else number for place, number in enumerate(self._closed)]
        other.bare, other.operands = Notations(other._bare), Notations(other._operands)
        for made, own in ((self.bare, other.bare), (self.operands, other.operands)):
            for signs, texts in made.items():
                if isinstance(texts, _Made):
                    continue
                own[signs] = [boxes[place].spell(signs) if place in boxes else text for place, text in enumerate(texts)]
        return other

    def followed_by(self, numbers: Sequence[tuple[str, Any]]) -> Shown:
        """The same with further numbers behind the last, each with its string in plain text."""
        size = len(self.bare[TEXT])
        texts = [text for text, _ in numbers]
        other = copy(self)
        other._closed = [*self._closed, *(number for _, number in numbers)] if self.exact else []
        other.bare = Notations(
            lambda signs: _Behind(self.bare[signs], size, [other._numeral(size + i, text, signs) for i, text in enumerate(texts)])
        )
        other.operands = Notations(
            lambda signs: _Behind(
                self.operands[signs],
                size,
                [other.operand(size + i, other.bare[signs][size + i], signs) for i in range(len(texts))],
            )
        )
        return other


class _Behind:
    """Strings, and further ones behind the last."""

    def __init__(self, texts: Sequence[str], size: int, more: Sequence[str]) -> None:
        self.texts, self.size, self.more = texts, size, more

    def __getitem__(self, place: int) -> str:
        return self.texts[place] if place < self.size else self.more[place - self.size]


class _Made:
    """Strings that are made whenever they are asked for."""

    def __init__(self, make: Callable[[int], str]) -> None:
        self.make = make

    def __getitem__(self, place: int) -> str:
        return self.make(place)


class Notations(dict[Signs, Any]):
    """Strings by notation, made when a notation is first asked for."""

    def __init__(self, make: Callable[[Signs], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, signs: Signs) -> Any:
        made = self[signs] = self._make(signs)
        return made


def _alone(text: str) -> bool:
    """Whether a number stands in a calculation without brackets: negative numbers, fractions and sums do not."""
    return text.replace(".", "", 1).isdigit()


Filler = Callable[[Sequence[int]], str]
"""The strings of arguments set into a template."""


def filler(form: Template, bare: Sequence[str], operands: Sequence[str]) -> Filler:
    """A template as a function of its arguments, by the shortest way that its holes allow."""
    pattern, holes, alone = form.pattern, form.holes, form.bare
    if holes == tuple(range(len(holes))) and len(set(alone)) == 1:
        get = _getter(bare if alone[0] else operands)
        return lambda arguments: pattern % (*map(get, arguments),)
    pairs = [(_getter(bare if one else operands), hole) for hole, one in zip(holes, alone, strict=True)]
    return lambda arguments: pattern % tuple([get(arguments[hole]) for get, hole in pairs])


def _getter(strings: Any) -> Callable[[int], str]:
    """The lookup of a string by its position."""
    get: Callable[[int], str] = strings.make if isinstance(strings, _Made) else strings.__getitem__
    return get


# -------------------------------------------------------------- general forms


def clock_at(now: int, symbol: str = "t") -> Clock:
    """Times as seen from one step: ``t``, ``t-1``, ``t+1``."""
    return lambda time: symbol if time == now else f"{symbol}{time - now:+d}"


def seen(clock: Clock, here: Name, name: Name) -> tuple[Name, Clock]:
    """The reference of a line of one pass over time to a name of another: its name and its clock.

    What a decoder takes over from its encoder is its own state before the first
    step; every other step of another pass is written with its number.
    """
    (word, _), (other, number) = word_and_number(here.layer), word_and_number(name.layer)
    if (word, other) == (DECODER, ENCODER) and here.time is not None:
        return name._replace(layer=f"{DECODER}{number}", time=here.time - 1), clock
    handed_over = (word, other) == (ENCODER, DECODER) or word != ENCODER == other
    looks = word == ENCODER and not other and name.stem not in ("x", "target")  # a step of the decoder
    at_an_end = word != other and here.time not in (None, name.time) and not {FORWARD, BACKWARD}.isdisjoint((word, other))
    return name, str if handed_over or looks or at_an_end else clock


@lru_cache(maxsize=KEPT_RULES)
def _checker(rule: Rule, precision: Precision, endless: bool) -> Callable[..., Any]:
    return ByHand(Rounding(), endless).line(rule, precision)


def recomputes(rule: Rule, precision: Precision, arguments: Sequence[Decimal | Fraction], result: Decimal) -> bool:
    """Whether a printed line gives its printed result from its own printed digits.

    It does not where these digits give nothing at all: ln(0.00), or 0.00 / 0.00.
    """
    endless = any(isinstance(argument, Fraction) for argument in arguments)
    try:
        return bool(_checker(rule, precision, endless)(*arguments) == result)
    except (ArithmeticError, ValueError):
        return False


def printed(values: Values, position: int, texts: Sequence[str]) -> Decimal | Fraction:
    """The printed number of a step; a given one exactly, if necessary as a fraction."""
    step = values.program.steps[position]
    if step.rule is None and step.target in values.given:
        exact: Decimal | Fraction = ByHand(values.rounding, endless=True).number(values.given[step.target].value)
        return exact
    return Decimal(texts[position])
