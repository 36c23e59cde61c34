"""Words and pictures for Typst, which sets PDF without a TeX installation; its mathematics is a notation."""

from __future__ import annotations

from bptt_trace.document.notation import quoted


def typst_words(text: str) -> str:
    """Words for Typst: a string, in which nothing is markup."""
    plain = "".join(map(_sign, text))
    return f"#{quoted(plain)};" if plain else ""


def typst_image(svg: str) -> str:
    """A picture for Typst, in the size that it has, or as wide as the page."""
    return f'#fitted(image(bytes({quoted(svg)}), format: "svg"))'


def _sign(sign: str) -> str:
    """One character; where the fonts that Typst brings along have no glyph for it, its number in Unicode."""
    if not sign.isprintable() and sign != "\n":
        return "?"
    known = sign < "\u0530" or "\u1e00" <= sign < "\u2300" or "\u2500" <= sign < "\u27c0"
    return sign if known else f"[U+{ord(sign):04X}]"
