r"""The letters of mathematics: Greek ones and those with an accent, by their names in plain text.

A quantity ``theta_h`` is written with the letter ``theta`` in answer files and
programs, which every notation sets in its own way. What people write
instead, ``θ_h`` or ``\theta_{h}``, is read as the same name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

GREEK: Mapping[str, str] = MappingProxyType({
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ", "iota": "ι",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ",
    "Psi": "Ψ", "Omega": "Ω",
})  # fmt: skip
"""Letters that look like no Latin one, and have a command in LaTeX."""
ACCENTS = ("hat", "tilde", "bar")
"""Accents that stand behind a letter in plain text: ``yhat``."""

_VARIANTS = {
    "varepsilon": "epsilon",
    "vartheta": "theta",
    "varphi": "phi",
    "varrho": "rho",
    "ϑ": "theta",
    "ϵ": "epsilon",
    "ϕ": "phi",
}
_NAMES = {sign: name for name, sign in GREEK.items()} | {"µ": "mu"} | _VARIANTS
_UPRIGHT = re.compile(r"\\(?:mathrm|text|textrm|mathit|operatorname)\s*\{([A-Za-z0-9]+)\}")
_ACCENTED = re.compile(rf"\\({'|'.join(ACCENTS)})\s*(?:\{{\s*(\\?\w+)\s*\}}|\s(\w))")
_COMMAND = re.compile(r"\\([A-Za-z]+)\s*")
_BRACED = re.compile(r"_\s*\{\s*([A-Za-z0-9](?:[A-Za-z0-9_]|,\s*(?=[A-Za-z0-9]))*)\s*\}")


def parted(letter: str) -> tuple[str, str]:
    """A letter without the digits behind it, and these digits; a word keeps its digits.

    >>> parted("theta1"), parted("W1"), parted("net1"), parted("h")
    (('theta', '1'), ('W', '1'), ('net1', ''), ('h', ''))
    """
    alone = letter.rstrip("0123456789")
    return (alone, letter[len(alone) :]) if alone in GREEK or len(alone) == 1 else (letter, "")


def greek(letter: str) -> str:
    """A letter by its sign, with the digits behind it.

    >>> greek("eta"), greek("beta2"), greek("net")
    ('η', 'β2', 'net')
    """
    alone, digits = parted(letter)
    return GREEK.get(alone, alone) + digits


def is_greek_index(below: str) -> bool:
    """Whether what stands below a letter is a Greek letter; names of two letters there are those of two quantities, ``W_xi``."""
    return below in GREEK and len(below) > 2


def by_name(letters: Mapping[str, str], accents: Mapping[str, str]) -> dict[str, str]:
    """The letters of a notation, and these with accents; an accent is a pattern with a place for its letter."""
    latin = {sign: sign for sign in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    bases = {**latin, **letters}
    return {
        **letters,
        **{f"{name}{accent}": form.format(sign) for name, sign in bases.items() for accent, form in accents.items()},
    }


def in_plain_text(text: str) -> str:
    r"""A name as people write it, with the letters of answer files; what is no letter stays.

    >>> in_plain_text("θ_h"), in_plain_text(r"dL/d\theta_{hh}"), in_plain_text(r"$\hat{y}$")
    ('theta_h', 'dL/dtheta_hh', 'yhat')
    """
    if text.isascii() and "\\" not in text and "{" not in text and "$" not in text:
        return text
    text = text.strip()
    text = text[1:-1] if text[:1] == text[-1:] == "$" and len(text) > 2 else text
    text = _UPRIGHT.sub(r"\1", text)
    text = _ACCENTED.sub(lambda found: f"{found[2] or found[3]}{found[1]}", text)
    text = _COMMAND.sub(lambda found: _NAMES.get(found[1], found[1]) if _known(found[1]) else found[0], text)
    text = "".join(_NAMES.get(sign, sign) for sign in text)
    return _BRACED.sub(lambda found: "_" + re.sub(r",\s*", "_", found[1]), text)


def _known(command: str) -> bool:
    name = _VARIANTS.get(command, command)
    for accent in ACCENTS:
        name = name.removesuffix(accent) if name not in GREEK else name
    return name in GREEK
