"""Variations of a notation: a decimal comma, words in another language, another sign of multiplication."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from bptt_trace.document.signs import BESIDE, Signs, like


@lru_cache(maxsize=32)
def with_comma(signs: Signs) -> Signs:
    r"""A notation with a decimal comma.

    What a comma separates elsewhere, a semicolon does: the entries of a row, the arguments of a function. In one line a bar
    stands between the rows of a matrix, as in the arrays of spreadsheets with a decimal comma.

    >>> from bptt_trace.document.notation import LATEX, TEXT
    >>> with_comma(LATEX).numeral("-0.5e-7"), with_comma(TEXT).beside, with_comma(TEXT).below
    ('-0{,}5 \\cdot 10^{-7}', '; ', ' | ')
    """
    lists = {mark: signs.marks.get(mark, mark).replace(",", ";") for mark in (", ", ", ..., ", BESIDE)}
    return like(
        signs,
        numeral=signs.comma,
        marks={**signs.marks, **lists},
        extreme=signs.extreme.pattern.replace(",", ";"),
        **({"beside": "; ", "below": " | "} if signs.in_line else {}),
        together=signs.together and with_comma(signs.together),
        flat=signs.flat and with_comma(signs.flat),
        base=signs.root,
    )


@lru_cache(maxsize=64)
def with_words(signs: Signs, column_of: str, row_of: str) -> Signs:
    """A notation with its words in another language: what a letter picks of a matrix."""
    together, flat = (part and with_words(part, column_of, row_of) for part in (signs.together, signs.flat))
    return replace(signs, column_of=column_of, row_of=row_of, together=together, flat=flat, base=signs.root)


@lru_cache(maxsize=64)
def with_multiplication(signs: Signs, sign: str) -> Signs:
    r"""A notation with another sign of multiplication: ``cross``, or ``none`` where names stand beside each other; else ``dot``.

    >>> from bptt_trace.document.notation import LATEX, UNICODE
    >>> with_multiplication(UNICODE, "cross").numeral("1.2e-6"), with_multiplication(LATEX, "cross").times.pattern
    ('1.2×10⁻⁶', '{} \\times {}')
    """
    if sign == "dot":
        return signs
    together, flat = (part and with_multiplication(part, sign) for part in (signs.together, signs.flat))
    if sign == "none":
        return replace(signs, adjacent=True, together=together, flat=flat, base=signs.root)

    def crossed(text: str) -> str:
        return text.replace(signs.dot, signs.cross)

    return like(
        signs,
        **{name: crossed(getattr(signs, name).pattern) for name in ("times", "scaled")},
        numeral=lambda text: crossed(signs.numeral(text)),
        marks={plain: crossed(mark) if "*" in plain else mark for plain, mark in signs.marks.items()},
        dot=signs.cross,
        together=together,
        flat=flat,
        base=signs.root,
    )
