"""Words for LaTeX: nothing in them is a command, and every letter is set where some font has it.

A plain LaTeX installation has fonts for the letters of Europe west of Cyrillic.
Signs beyond them become commands where LaTeX has one, and an accent on a letter
stays an accent. All other letters are set by LuaLaTeX, XeLaTeX or Typst, with
a font of the system.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

_COMMANDS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "–": "--", "—": "---", "‐": "-", "‑": r"\mbox{-}", "…": r"\dots{}",
    "−": "$-$", "≈": r"$\approx$", "±": r"$\pm$", "’": "'", "‘": "`", "“": "``", "”": "''", "·": r"$\cdot$",
    "<": r"\textless{}", ">": r"\textgreater{}", "≤": r"$\le$", "≥": r"$\ge$", "≠": r"$\ne$", "≡": r"$\equiv$",
    "∂": r"$\partial$", "`": r"\textasciigrave{}", '"': r"\textquotedbl{}", "²": r"$^2$", "³": r"$^3$", "¹": r"$^1$",
    "✓": r"$\checkmark$", "✗": r"$\times$", "○": r"$\circ$", "„": ",,", "‚": ",", "→": r"$\to$", "←": r"$\gets$",
    "↔": r"$\leftrightarrow$", "⇒": r"$\Rightarrow$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "×": r"$\times$",
    "÷": r"$\div$", "•": r"\textbullet{}", "√": r"$\surd$", "∞": r"$\infty$", "∑": r"$\sum$", "∏": r"$\prod$",
    "∫": r"$\int$", "∇": r"$\nabla$", "∈": r"$\in$", "∉": r"$\notin$", "∀": r"$\forall$", "∃": r"$\exists$",
    "⊙": r"$\odot$", "⊕": r"$\oplus$", "⊗": r"$\otimes$", "∘": r"$\circ$", "∝": r"$\propto$", "∼": r"$\sim$",
    "ℝ": r"$\mathbb{R}$", "ℓ": r"$\ell$", "′": r"$'$", "″": r"$''$", "†": r"\dag{}", "‡": r"\ddag{}", "‰": r"\textperthousand{}",
    "€": r"\texteuro{}", "™": r"\texttrademark{}", "№": r"N\textsuperscript{o}", "ﬁ": "fi", "ﬂ": "fl", "ẞ": r"\SS{}",
    "ș": r"\textcommabelow{s}", "ț": r"\textcommabelow{t}", "Ș": r"\textcommabelow{S}", "Ț": r"\textcommabelow{T}",
    "\u2009": r"\,", "\u202f": r"\,", "\u2002": r"\enspace{}", "\u2003": r"\quad{}", "\u200b": "", "\ufeff": "",
} | {letter: f"$\\{name}$" for letter, name in {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "η": "eta", "θ": "theta", "λ": "lambda",
    "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "varphi", "ψ": "psi", "ω": "omega", "Δ": "Delta",
    "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}.items()}  # fmt: skip
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".", "\u0308": '"',
    "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0323": "d", "\u0327": "c", "\u0328": "k", "\u0331": "b",
}  # fmt: skip
"""The commands of LaTeX for combining accents."""
_BELOW = "\u0323\u0327\u0328\u0331"
_LAST_LATIN = "\u017e"
"""The last letter that the fonts of a plain LaTeX installation have."""
_NO_LATIN = "ĦħĸĿŀŉŦŧ"
"""Letters before it that they do not have."""
_SCRIPTS = (
    ("hangul", r"HANGUL"),
    ("han", r"CJK|HIRAGANA|KATAKANA|BOPOMOFO|IDEOGRAPH|FULLWIDTH|HALFWIDTH"),
)
FONTS = {
    "han": (
        "Noto Serif CJK SC",
        "Noto Sans CJK SC",
        "Source Han Serif SC",
        "Songti SC",
        "SimSun",
        "WenQuanYi Micro Hei",
        "FandolSong",
    ),
    "hangul": ("Noto Serif CJK KR", "Noto Sans CJK KR", "Source Han Serif KR", "AppleMyungjo", "Batang", "UnBatang"),
    "other": ("CMU Serif", "Noto Serif", "DejaVu Serif", "Times New Roman", "Arial Unicode MS"),
}
"""By script, the fonts in which LuaLaTeX and XeLaTeX look for a letter, the best ones first."""


def tex_words(text: str, scripts: set[str] | None = None) -> str:
    """Words for LaTeX; ``scripts`` receives those that a plain installation has no font for."""
    broken = text.replace("\n", "\0")
    apart = re.sub(r"(?<=[-'])(?=[-'])", "\1", broken)  # -- and '' would become other signs
    pieces = []
    for script, run in groupby(unicodedata.normalize("NFC", apart), _script):
        if script:
            if scripts is not None:
                scripts.add(script)
            pieces.append(rf"\lettersof{{{script}}}{{{''.join(run)}}}")
        else:
            pieces.extend(map(_sign, run))
    escaped = "".join(pieces).replace("\0", r"\newline ").replace("\1", "{}")
    # An address may break behind a slash or a hyphen, and within what is long without one: the number of a commit.
    return re.sub(r"https?:\S{30,}", lambda word: re.sub(r"([/-](?=\w)|\w{20}(?=\w{8}))", r"\1\\allowbreak{}", word[0]), escaped)


def other_letters(latex: str, scripts: set[str]) -> str:
    """A formula in which the letters of words that a plain installation has no font for have those of their script.

    ``scripts`` receives the scripts. Signs that stand for numbers of variants are no letters.
    """
    if latex.isascii():
        return latex
    pieces = []
    for script, run in groupby(latex, lambda sign: _script(sign) if sign.isprintable() else ""):
        letters = "".join(run)
        pieces.append(rf"\lettersof{{{script}}}{{{letters}}}" if script else letters)
        scripts |= {script} - {""}
    return "".join(pieces)


def is_plain(text: str) -> bool:
    """Whether a plain LaTeX installation can set all letters of a text."""
    return not any(map(_script, unicodedata.normalize("NFC", text)))


def _script(sign: str) -> str:
    """The script of a letter that a plain installation cannot set; empty for all others."""
    if sign <= _LAST_LATIN and sign not in _NO_LATIN:
        return ""
    if sign in _COMMANDS or _accented(sign):
        return ""
    name = unicodedata.name(sign, "")
    return next((script for script, names in _SCRIPTS if re.match(names, name)), "other")


def _sign(sign: str) -> str:
    if sign in _COMMANDS:
        return _COMMANDS[sign]
    return sign if sign <= _LAST_LATIN else _accented(sign)


def _accented(sign: str) -> str:
    """A letter with accents by LaTeX's commands; empty where it is not made of a Latin letter and accents."""
    letter, *accents = list(unicodedata.normalize("NFD", sign))
    if not accents or not letter.isascii() or not all(accent in _ACCENTS for accent in accents):
        return ""
    for accent in sorted(accents, key=_BELOW.__contains__):  # below last: those commands take a whole letter
        letter = rf"\{_ACCENTS[accent]}{{{letter}}}"
    return letter


def pdf_text(text: str) -> str:
    """A text as a string of PDF: as it is, or in hexadecimal digits, so that nothing in it is markup, whatever its letters.

    >>> pdf_text("An RNN"), pdf_text("(é")
    ('(An RNN)', '<FEFF002800E9>')
    """
    plain = all(sign.isascii() and (sign.isalnum() or sign in " .,:;+=/'-") for sign in text)
    return f"({text})" if plain else f"<FEFF{text.encode('utf-16-be', 'replace').hex().upper()}>"
