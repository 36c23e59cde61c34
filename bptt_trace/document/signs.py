"""The class of notations: a row of ``Signs`` has a pattern for each kind of node of a formula or a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple

BESIDE = ",\N{NO-BREAK SPACE}"
"""The sign between the entries of a row that stands without brackets; in plain text a comma."""

SUM, NEGATION, PRODUCT, POWER, ATOM = range(5)
"""The precedence of formulas, for brackets: a sum has the lowest, a name the highest."""


def exponent_in_line(exponent: Any) -> str:
    """An exponent; one of several signs, ``k+1``, stands in brackets where a notation has one line."""
    text = str(exponent)
    return text if text.isalnum() else f"({text})"


class Form(NamedTuple):
    """The pattern of one kind of node in a notation."""

    pattern: str
    """The pattern, with ``{}`` for each part."""
    least: tuple[int, ...] = (SUM, SUM)
    """The precedence that each part needs; a part below it stands in brackets."""
    strength: int = ATOM
    """The precedence of the whole."""


@dataclass(frozen=True, eq=False)
class Signs:
    """One notation. Two are the same only if they are one object."""

    # Numbers
    plus: Form = Form("{} + {}", (NEGATION, PRODUCT), SUM)
    minus: Form = Form("{} - {}", (NEGATION, PRODUCT), SUM)
    negative: Form = Form("-{}", (PRODUCT,), NEGATION)
    times: Form = Form("{} * {}", (POWER, POWER), PRODUCT)
    over: Form = Form("{} / {}", (POWER, POWER), PRODUCT)
    ratio: Form = Form("({}/{})", (ATOM, ATOM))
    """A quotient of two whole numbers."""
    power: Form = Form("{}^{}", (ATOM,), POWER)
    exponent: Callable[[Any], str] = exponent_in_line
    """A whole exponent."""
    call: Form = Form("{}({})", (SUM,))
    """A function with its argument."""
    calls: Mapping[str, str] = field(default_factory=dict)
    """Functions with a sign of their own, by name: a root."""
    word: Callable[[Any], str] = attrgetter("name")
    """The name of a function, by default as in answer files."""
    extreme: Form = Form("{}({}, {})")
    extremes: Mapping[str, str] = field(default_factory=lambda: {"max": "max", "min": "min"})
    """The names of the maximum and the minimum of two numbers."""
    number: str = "{}"
    """A whole number."""
    bracket: str = "({})"
    ellipsis: str = "{} + ... + {}"
    """A sum of many, from the first to the last."""

    # Vectors and matrices
    entrywise: Form = Form("{} .* {}", (POWER, POWER), PRODUCT)
    """A product entry by entry."""
    matmul: Form = Form("{} {}", (PRODUCT, POWER), PRODUCT)
    """A matrix product of names."""
    matmul_of_entries: Form = Form("{} {}", (PRODUCT, POWER), PRODUCT)
    scaled: Form = Form("{} * {}", (PRODUCT, POWER), PRODUCT)
    """A matrix product with a single number."""
    transposed: Form = Form("{}^T", (ATOM,))
    total: Form = Form("sum({})", (SUM,))
    diagonal: Form = Form("diag({})", (SUM,))
    column: Form = Form("[{}]", (SUM,))
    row: Form = Form("[{}]", (SUM,))
    below: str = "; "
    """The sign between the rows of a matrix."""
    beside: str = ", "
    """The sign between the entries of a row."""
    ones: str = "ones"
    cut: str = "{}_[{}]"
    """Some entries of a column."""
    tall: str = "({})"
    """Brackets as high as a matrix."""
    matrix: str = "[{}]"
    fraction: str = "{}/{}"
    """A fraction on the board, in one line in every notation."""

    # Names and numbers
    in_line: bool = True
    """Whether a name is written as in answer files, from left to right; else with signs above and below its letter."""
    letters: Mapping[str, str] = field(default_factory=dict)
    """Greek letters and letters with an accent, by their names in answer files."""
    letter: str = "{}"
    upright: str = "{}"
    """A word in place of a letter."""
    numeral: Callable[[str], str] = str
    """A number, from its plain text."""
    comma: Callable[[str], str] = lambda text: text.replace(".", ",")
    """The same with a decimal comma."""
    script: Callable[[str], str] = str
    """Letters and digits above or below a letter."""
    verbatim: Callable[[str], str] = str
    """Signs that read the same in every notation."""
    below_and_time: str = "{},{}"
    """The subscript of a letter, and its time."""
    under: str = "{}_{}"
    under_above: str = "{}_{}^{}"
    """One thing below a letter and another above it."""
    under_primed: str = "{}_{}'"
    low: str = "{}_{}"
    """One letter below another, or below the sign of a sum."""
    prime: str = "{}'"
    above: str = "{}^{}"
    """A symbol as a whole, which takes a power of its own."""
    layer: str = "({})"
    sample: str = "#{}"
    iteration: str = "@{}"
    index: str = "[{}]"
    accents: Mapping[str, str] = field(default_factory=dict)
    """The sign above the letter of a layer that reads forward or backward in time."""
    derivative: str = "d{}/d{}"
    via: str = "{} via {}"

    # Small pieces
    dot: str = "*"
    """The sign of multiplication, as the patterns of the notation have it."""
    cross: str = "*"
    """The other sign of multiplication."""
    adjacent: bool = False
    """Whether two names, or a whole number and a name, stand beside each other without a sign where they are multiplied."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Signs between the parts of a piece, by their plain text; those that are not named stand as they are."""
    raised: str = "{}^({})"
    """A power with a formula as its exponent."""
    powered: str = "^{}"
    """The sign of a whole power, for the ring of a picture."""
    sum: str = "sum_{}"
    sums: str = "sum_{}"
    """The sign of a sum over one letter, and over several."""
    of_sample: str = "{}#{}"
    """The loss of one sample."""
    box: str = "[{}]"
    """The number of a line, in place of its result."""
    words: str = "{}"
    """Words in mathematics."""
    column_of: str = "column {letter} of {matrix}"
    row_of: str = "row {letter} of {matrix}"
    """A column or a row of a matrix, chosen by a letter, in words."""
    after_words: str = " "
    """The space between such words and a name."""
    together: Signs | None = None
    """For a notation that lets lines end before the signs of a whole formula: the same without, for the parts of a fraction and
    for all that stands in brackets."""

    base: Signs | None = None
    """For a variation, such as the one with a decimal comma: the notation that it varies."""

    @cached_property
    def root(self) -> Signs:
        """The notation itself, or the one that it varies."""
        return self.base or self

    @cached_property
    def within(self) -> Signs:
        """The notation of what stands within a formula."""
        return self.together or self

    flat: Signs | None = None
    """For a notation that sets one part of a fraction above the other: the same with slashes."""

    @cached_property
    def without_fractions(self) -> Signs:
        """The notation with fractions in one line."""
        return self.flat or self

    label: Callable[[str], str] = str
    """A letter of a vocabulary among such words: nothing in it is markup."""

    def in_words(self, text: str) -> str:
        """Words beside a name in mathematics, with the space between them; nothing where there are none."""
        start, end = (self.after_words if text[place : place + 1 or None] == " " else "" for place in (0, -1))
        return self.words.format(f"{start}{text.strip(' ')}{end}") if text else ""


def like(signs: Signs, **own: Any) -> Signs:
    """A notation like another; a pattern alone keeps what the other says of brackets."""
    forms = {
        name: getattr(signs, name)._replace(pattern=value)
        for name, value in own.items()
        if isinstance(value, str) and isinstance(getattr(signs, name), Form)
    }
    return replace(signs, **(own | forms))
