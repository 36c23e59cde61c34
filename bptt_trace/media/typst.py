"""Words and pictures for Typst, which sets PDF without a TeX installation; its mathematics is a notation."""

from __future__ import annotations

from bptt_trace.document.notation import quoted


class TypstDocument(str):
    """A document for Typst, also where others are set by LaTeX."""

    __slots__ = ()


def typst_words(text: str) -> str:
    """Words for Typst: a string, in which nothing is markup."""
    plain = "".join(map(_sign, text))
    return f"#{quoted(plain)};" if plain else ""


def typst_image(svg: str) -> str:
    """A picture for Typst, in the size that it has, or as wide as the page."""
    return f'#drawn(image(bytes({quoted(svg)}), format: "svg"))'


def beyond_typst(text: str) -> set[str]:
    """The letters of a text that need a font of the system, because Typst's own fonts lack them."""
    return {sign for sign in text if sign.isprintable() and not _has_glyph(sign)}


def _has_glyph(sign: str) -> bool:
    return sign < "\u0530" or "\u1e00" <= sign < "\u2300" or "\u2500" <= sign < "\u27c0"


def _sign(sign: str) -> str:
    """A sign; spaces that do not break, as French has them before a colon, are not printable to Python."""
    return sign if sign.isprintable() or sign in "\n\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}" else "?"
