"""HTML: words, native MathML, and references from line to line.

There is no script, no font and nothing from elsewhere. A long formula takes
several elements ``math``, because a browser breaks lines only between these.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from html import escape

from bptt_trace.document.figures import Figure
from bptt_trace.document.mathematics import Math, Number, Relation
from bptt_trace.document.notation import MATHML, UNICODE
from bptt_trace.document.sentences import Inline, words
from bptt_trace.document.sheet import LineNumber, Part, Row, Uses
from bptt_trace.media.drawing.svg import Colours, svg

PAGE = Colours(
    ink="var(--ink)", ground="var(--ground)", given="var(--tint)", forward="var(--forward)", direct="var(--direct)",
    carried="var(--carried)", sum="var(--sum)",
)  # fmt: skip
"""The colours of a picture within a page, which has them for light and for dark."""

CLOSING = frozenset(".,;:)?%")
"""Signs with which no line begins."""


def html_words(text: str) -> str:
    """Words for HTML: nothing in them is markup."""
    return escape(text, quote=True).replace("\n", "<br>")


def html_math(math: Math, closing: str = "") -> str:
    """Mathematics in MathML; lines may end before its relations. ``closing`` is a sign that stays with it: a full stop."""
    if isinstance(math, Relation):
        sign = MATHML.marks[math.sign]
        first, *others = (side.spell(MATHML) for side in math.sides)
        text = "</math><wbr/><math>".join((first, *(f"{sign}{side}" for side in others)))
    else:
        text = math.spell(MATHML)
    closed = f"<mtext>{html_words(closing)}</mtext>" if closing else ""
    return f"<math>{text}{closed}</math>" if text else html_words(closing)


def html_inline(text: Inline) -> str:
    """Words with mathematics; no line begins with the sign behind a piece of mathematics."""
    markup = ""
    for part, before in zip((*text, ""), ("", *text), strict=True):
        closing = part[:1] if isinstance(part, str) and part[:1] in CLOSING and isinstance(before, Math) else ""
        if isinstance(before, Math):
            markup += html_math(before, closing)
        if isinstance(part, str):
            markup += html_words(part.removeprefix(closing))
    return markup


def html_formula(math: Math) -> str:
    """Mathematics within an element ``math``."""
    return math.spell(MATHML)


def html_told(text: Inline) -> str:
    """Words with mathematics as an attribute has them."""
    return escape(words(text, lambda math: math.spell(UNICODE)), quote=True)


def html_heading(text: Inline) -> str:
    """The heading of a row or a column; pure mathematics has a plain text too, for readers that skip MathML."""
    label = "" if any(isinstance(part, str) for part in text) else f' aria-label="{html_told(text)}"'
    return html_inline(text).replace("<math>", f"<math{label}>", 1)


def html_number(digits: str) -> str:
    """A number in digits alone."""
    return html_math(Number(digits))


def html_summand(part: Part) -> str:
    """A summand of a general formula, with the word for its way below a brace."""
    if not part.word:
        return part.math.spell(MATHML)
    below = part.below.spell(MATHML.within)
    brace = f'<munder><mrow>{part.math.spell(MATHML.within)}</mrow><mo stretchy="true">⏟</mo></munder>'
    return f'<munder>{brace}<mrow class="{html_words(part.kind or part.word)}">{below}</mrow></munder>'


def compact(style: str) -> str:
    """A style without the spaces that make it readable."""
    text = "".join(line.strip() for line in style.splitlines())
    for loose in (" {", "{ ", "; ", ": ", ", ", " }"):
        text = text.replace(loose, loose.strip())
    return text.replace(";}", "}")


def html_picture(figure: Figure) -> str:
    """A picture in the colours of the page."""
    return svg(figure, PAGE)


def html_box(row: Row) -> str:
    """The space for a result that is written by hand."""
    del row
    return '<span class="blank"></span>'


def anchor(number: str) -> str:
    """The id of a line: ``line-12``, ``line-22-1-2``."""
    return f"line-{number.replace('.', '-').replace(',', '-')}"


def named(prefix: str) -> Callable[[str], str]:
    """A filter for the ids of a page; they begin with ``prefix`` where several sheets are on one."""
    return lambda name: f"{prefix}{name}"


def linked(lines: Container[str], prefix: str = "") -> Callable[[Uses], str]:
    """A filter for the lines that a line uses; a number leads to its line where the sheet has it."""

    def link(part: str) -> str:
        at = next((number for number in (part.at, part.whole) if number in lines), "") if isinstance(part, LineNumber) else ""
        return f'<a href="#{prefix}{anchor(at)}">{part}</a>' if at else escape(part)

    return lambda uses: "".join(map(link, uses.parts))
