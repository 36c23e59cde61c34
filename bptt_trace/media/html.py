"""HTML: words, native MathML, and references from line to line.

There is no script, no font and nothing from elsewhere. A long formula takes
several elements ``math``, because a browser breaks lines only between these.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from html import escape

from bptt_trace.document.figures import Figure
from bptt_trace.document.mathematics import Inline, Math, Number, Relation, words
from bptt_trace.document.notation import MATHML, UNICODE
from bptt_trace.document.sheet import LineNumber, Part, Uses
from bptt_trace.media.drawing.svg import Colours, svg

PAGE = Colours(
    ink="var(--ink)", ground="var(--ground)", given="var(--tint)", forward="var(--forward)", direct="var(--direct)",
    carried="var(--carried)", sum="var(--sum)",
)  # fmt: skip
"""The colours of a picture within a page, which has them for light and for dark."""


def html_words(text: str) -> str:
    """Words for HTML: nothing in them is markup."""
    return escape(text, quote=True).replace("\n", "<br>")


def html_math(math: Math) -> str:
    """Mathematics in MathML; lines may end before its relations."""
    if isinstance(math, Relation):
        sign = MATHML.marks[math.sign]
        first, *others = (side.spell(MATHML) for side in math.sides)
        return "<wbr>".join(f"<math>{piece}</math>" for piece in (first, *(f"{sign}{side}" for side in others)))
    text = math.spell(MATHML)
    return f"<math>{text}</math>" if text else ""


def html_formula(math: Math) -> str:
    """Mathematics within an element ``math``."""
    return math.spell(MATHML)


def html_told(text: Inline) -> str:
    """Words with mathematics as an attribute has them."""
    return html_words(words(text, lambda math: math.spell(UNICODE)))


def html_number(digits: str) -> str:
    """A number that is told in digits alone."""
    return html_math(Number(digits))


def html_summand(part: Part) -> str:
    """A summand of a general formula, with the word for its way below a brace."""
    if not part.word:
        return part.math.spell(MATHML)
    below = part.below.spell(MATHML.within)
    brace = f'<munder><mrow>{part.math.spell(MATHML.within)}</mrow><mo stretchy="true">⏟</mo></munder>'
    return f'<munder>{brace}<mrow class="{html_words(part.word)}">{below}</mrow></munder>'


def html_picture(figure: Figure) -> str:
    """A picture in the colours of the page."""
    return svg(figure, PAGE)


def anchor(number: str) -> str:
    """Where a line is: ``line-12``, ``line-22-1-2``."""
    return f"line-{number.replace('.', '-').replace(',', '-')}"


def named(prefix: str) -> Callable[[str], str]:
    """A filter for the ids of a page; they begin with ``prefix`` where several sheets are on one."""
    return lambda name: f"{prefix}{name}"


def linked(lines: Container[str], prefix: str = "") -> Callable[[Uses], str]:
    """A filter for the lines that a line uses; a number leads to its line where the sheet has it."""

    def link(part: str) -> str:
        if isinstance(part, LineNumber) and part.at in lines:
            return f'<a href="#{prefix}{anchor(part.at)}">{part}</a>'
        return escape(part)

    return lambda uses: "".join(map(link, uses.parts))
