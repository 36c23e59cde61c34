"""Names, numbers and lines as a reader sees them: plain text and LaTeX.

Plain text is ASCII and uses the names of answer files; the terminal's finer
signs are made from it by ``render/terminal.py``. Spellings come from the fields
of a name. A line is a rule's template with its holes filled, so nothing here
knows what a formula means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from bptt_trace.calculation.arithmetic import SNAP, ByHand, Values, decimal, settler
from bptt_trace.document.mathematics import Math
from bptt_trace.engine.formula_text import LATEX, TEXT, Signs, Template
from bptt_trace.engine.names import BACKWARD, DECODER, ENCODER, FORWARD, Layer, Name, Role, spell, word_and_number
from bptt_trace.engine.program import KEEPS_FIGURES
from bptt_trace.engine.rules import Rule
from bptt_trace.networks.optimizers import STATES
from bptt_trace.problem.numbers import Rounding
from bptt_trace.problem.vocabulary import Vocabulary

Clock = Callable[[int], str]
"""How a time is written: as a number, or as ``t``, ``t-1``."""

GREEK = {
    "eta": r"\eta", "beta": r"\beta", "gamma": r"\gamma", "epsilon": r"\varepsilon", "lambda": r"\lambda", "theta": r"\theta",
    "yhat": r"\hat{y}", "mhat": r"\hat{m}", "vhat": r"\hat{v}",
}  # fmt: skip


def latex(name: Name, clock: Clock = str) -> str:
    r"""A name in LaTeX: ``\frac{\partial L}{\partial h_{2}}\text{ via }a_{3}``."""
    own = _latex(name, clock)
    if name.of is None:
        return own
    fraction = rf"\frac{{\partial {_latex(name.of, clock)}}}{{\partial {own}}}"
    return fraction if name.via is None else rf"{fraction}\text{{ via }}{_latex(name.via, clock)}"


ARROWS = {FORWARD: r"\overrightarrow", BACKWARD: r"\overleftarrow"}
LAYER_WORDS = {FORWARD: "reading forward", BACKWARD: "reading backward", ENCODER: "encoder", DECODER: "decoder"}


def layer_in_words(layer: Layer) -> str:
    """What a sheet calls a layer.

    >>> layer_in_words(2), layer_in_words("enc"), layer_in_words("fwd2")
    ('layer 2', 'encoder', 'reading forward, layer 2')
    """
    word, number = word_and_number(layer)
    return ", ".join(part for part in (LAYER_WORDS.get(word, ""), f"layer {number}" if number else "") if part)


def _latex(name: Name, clock: Clock) -> str:
    letter, _, subscript = name.stem.partition("_")
    word, number = word_and_number(name.layer)
    time = "" if name.time is None else clock(name.time)
    text = GREEK.get(letter) or (letter if len(letter) == 1 else rf"\mathrm{{{letter}}}")
    if word in ARROWS:
        text = rf"{ARROWS[word]}{{{text}}}"
    # v_w_hh: the letter of the optimizer, and below it the name of the parameter.
    subscript = _latex(Name(subscript), clock) if letter in STATES and subscript else subscript.replace("_", ",")
    below = ",".join(part for part in (subscript, time) if part)
    if below:
        text += f"_{{{below}}}"
    if name.updated:
        text += "'"
    outside = "" if word in ARROWS or not word else rf"\mathrm{{{word}}}"
    above = f"({outside}{number})" if outside or number else ""
    if name.sample is not None:
        above += rf"\langle {name.sample}\rangle"
    if name.iteration != 1:
        above += f"@{name.iteration}"
    if above:
        text = f"{{{text}^{{{above}}}}}"  # a power of it is a sign of its own above
    if name.index:
        text += f"[{','.join(map(str, name.index))}]"
    return text


class Speller:
    """Names as one sheet writes them, in the lecturer's vocabulary."""

    def __init__(self, vocabulary: Vocabulary | None = None) -> None:
        self.vocabulary = vocabulary or Vocabulary()

    def text(self, name: Name, clock: Clock = str) -> str:
        """In plain text."""
        return spell(self.vocabulary.shown(name), clock)

    def latex(self, name: Name, clock: Clock = str) -> str:
        """In LaTeX."""
        return latex(self.vocabulary.shown(name), clock)

    def math(self, name: Name, clock: Clock = str) -> Math:
        """In both."""
        shown = self.vocabulary.shown(name)
        return Math(spell(shown, clock), latex(shown, clock))

    def spelling(self, signs: Signs) -> Callable[..., str]:
        """The function for one notation; of a name, and if need be of a clock."""
        if not self.vocabulary.renamed:
            return latex if signs is LATEX else spell
        return self.latex if signs is LATEX else self.text

    def seen_from(self, name: Name, now: int) -> Math:
        """In both, its times as seen from step ``now``: ``h_t``."""
        return self.math(name, clock_at(now))


# -------------------------------------------------------------------- numbers


def shown(values: Values) -> list[str]:
    """Every value as it is printed, in plain text: given numbers as typed, results rounded."""
    given = values.given
    rounding = values.rounding
    show = shower(rounding)
    # A decimal with at most six places prints itself; asking each for its exponent would take most of the time.
    by_itself = rounding.policy == "by_hand" and rounding.figures is None and rounding.places <= 6
    texts: list[str] = []
    for (target, rule, _, role, _, _), number in zip(values.program.steps, values.numbers, strict=True):
        if rule is None and target in given:
            texts.append(given[target].text)
        elif by_itself and role not in KEEPS_FIGURES:
            texts.append(str(number))
        else:
            texts.append(show(number, role))
    return texts


def shower(rounding: Rounding) -> Callable[[Any, Role], str]:
    """How a result is printed under a rounding policy."""
    match rounding.policy:
        case "by_hand":
            return lambda number, role: plain(number)
        case "carry":
            settle = {role: settler(rounding, role) for role in Role}
            return lambda number, role: plain(settle[role](SNAP.plus(number if isinstance(number, Decimal) else decimal(number))))
        case "full":
            return lambda number, role: repr(number + 0.0).replace("e+", "e")
        case _:
            return lambda number, role: closed(number)


def plain(number: Decimal) -> str:
    """A decimal as a person writes it; far from 1, with a power of ten: ``1.234e-10``."""
    text = str(number)
    if len(text) < 17 and "E" not in text:
        return text
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent <= 0 and (exponent >= -16 or number.adjusted() >= 0):
        return str(number) if exponent > -7 else f"{number:f}"
    return f"{number:e}".replace("e+", "e")


def power_of_ten(text: str) -> str:
    r"""A number in LaTeX: ``1.234e-10`` becomes ``1.234 \cdot 10^{-10}``."""
    mantissa, sign, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if sign else text


def closed(number: Any) -> str:
    """A closed form in plain text."""
    from bptt_trace.calculation.symbolic import in_text

    return in_text(number)


def closed_latex(number: Any) -> str:
    """A closed form in LaTeX."""
    from bptt_trace.calculation.symbolic import in_latex

    return in_latex(number)


def operand(text: str) -> str:
    """A number inside a calculation: negative numbers, fractions and sums stand in brackets."""
    return text if text.replace(".", "", 1).isdigit() else f"({text})"


class Shown:
    """The numbers of a program as strings: bare, and as operands; two for each value, made once."""

    def __init__(self, values: Values, with_latex: bool) -> None:
        exact = values.rounding.policy == "exact"
        text = shown(values)
        self.bare: dict[Signs, list[str]] = {TEXT: text}
        self.operands: dict[Signs, list[str]] = {TEXT: [operand(one) for one in text]}
        if with_latex:
            if exact:
                typed = [
                    one if step.rule is None else closed_latex(number)
                    for one, step, number in zip(text, values.program.steps, values.numbers, strict=True)
                ]
            else:
                typed = [power_of_ten(one) if "e" in one else one for one in text]
            self.bare[LATEX] = typed
            self.operands[LATEX] = list(self.operands[TEXT]) if typed == text else [operand(one) for one in typed]

    def with_gaps(self, boxes: Mapping[int, Math]) -> Shown:
        """The same with boxes in place of some numbers."""
        other = copy(self)
        other.bare = {signs: list(texts) for signs, texts in self.bare.items()}
        other.operands = {signs: list(texts) for signs, texts in self.operands.items()}
        for place, box in boxes.items():
            for signs in self.bare:
                spelled = box.latex if signs is LATEX else box.text
                other.bare[signs][place] = other.operands[signs][place] = spelled
        return other

    def add(self, text: str, in_latex: str) -> None:
        """Append one more value."""
        for signs, one in ((TEXT, text), (LATEX, in_latex)):
            if signs in self.bare:
                self.bare[signs].append(one)
                self.operands[signs].append(operand(one))


Filler = Callable[[Sequence[int]], str]
"""The strings of arguments set into a template."""


def filler(form: Template, bare: Sequence[str], operands: Sequence[str]) -> Filler:
    """A template as a function of its arguments, by the shortest way that its holes allow."""
    pattern, holes, alone = form.pattern, form.holes, form.bare
    if holes == tuple(range(len(holes))) and len(set(alone)) == 1:
        get = (bare if alone[0] else operands).__getitem__
        return lambda arguments: pattern % (*map(get, arguments),)
    pairs = [(bare if one else operands, hole) for hole, one in zip(holes, alone, strict=True)]
    return lambda arguments: pattern % tuple([strings[arguments[hole]] for strings, hole in pairs])


# -------------------------------------------------------------- general forms


def clock_at(now: int, symbol: str = "t") -> Clock:
    """Times as seen from one step: ``t``, ``t-1``, ``t+1``."""
    return lambda time: symbol if time == now else f"{symbol}{time - now:+d}"


def seen(clock: Clock, here: Name, name: Name) -> tuple[Name, Clock]:
    """How a line of one pass over time refers to a name of another: by which name, and with which clock.

    What a decoder takes over from its encoder is its own state before the first
    step; every other step of another pass is written with its number.
    """
    (word, _), (other, number) = word_and_number(here.layer), word_and_number(name.layer)
    if (word, other) == (DECODER, ENCODER) and here.time is not None:
        return name._replace(layer=f"{DECODER}{number}", time=here.time - 1), clock
    handed_over = (word, other) == (ENCODER, DECODER)
    at_an_end = word != other and here.time not in (None, name.time) and not {FORWARD, BACKWARD}.isdisjoint((word, other))
    return name, str if handed_over or at_an_end else clock


@cache
def _checker(rule: Rule, role: Role, rounding: Rounding, endless: bool) -> Callable[..., Any]:
    return ByHand(rounding, endless).line(rule, role)


def recomputes(rule: Rule, role: Role, rounding: Rounding, arguments: Sequence[Decimal | Fraction], result: Decimal) -> bool:
    """Whether a printed line gives its printed result from its own printed digits.

    It does not where these digits give nothing at all: ln(0.00), or 0.00 / 0.00.
    """
    endless = any(isinstance(argument, Fraction) for argument in arguments)
    try:
        return bool(_checker(rule, role, rounding, endless)(*arguments) == result)
    except (ArithmeticError, ValueError):
        return False


def printed(values: Values, position: int, texts: Sequence[str]) -> Decimal | Fraction:
    """The number that stands printed for a step: a given one exactly, if need be as a fraction."""
    step = values.program.steps[position]
    if step.rule is None and step.target in values.given:
        exact: Decimal | Fraction = ByHand(values.rounding, endless=True).number(values.given[step.target].value)
        return exact
    return Decimal(texts[position])
