r"""Our mathematics for Typst, which sets PDF without a TeX installation.

What formulas are spelt with is a small closed part of LaTeX. It is read here
token by token; a command that is not in the table is an error, never a guess.
"""

from __future__ import annotations

import re

from bptt_trace.errors import DesignError

_TOKEN = re.compile(r"\\(?:text|mathrm)\{[^{}\\]*\}|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
_SIGNS = {
    "\\cdot": "⋅", "\\partial": "∂", "\\eta": "η", "\\sigma": "σ", "\\approx": "≈", "\\le": "≤", "\\odot": "⊙", "\\sum": "∑",
    "\\top": "⊤", "\\langle": "⟨", "\\rangle": "⟩", "\\dots": "⋯", "\\times": "×", "\\varepsilon": "ε", "\\gamma": "γ",
    "\\beta": "β", "\\delta": "δ", "\\alpha": "α", "\\theta": "θ", "\\lambda": "λ", "\\Delta": "Δ", "\\infty": "∞", "\\pm": "±",
    "\\tanh": "tanh", "\\exp": "exp", "\\ln": "ln", "\\log": "log", "\\max": "max", "\\min": "min", "\\sin": "sin",
    "\\cos": "cos",
    "\\thinspace": "thin", "\\quad": "quad", "\\left": "", "\\right": "", "\\textstyle": "",
    "\\scriptstyle": "", "\\_": "\\_", "\\%": "%", "\\&": "&",
    "\\{": "\\{", "\\}": "\\}", "\\,": "thin", "\\;": "med", "\\ ": "space",
    "=": "=", "+": "+", "-": "-", "'": "'", "<": "<", ">": ">", "!": "!",
    "(": "\\(", ")": "\\)", "[": "\\[", "]": "\\]", ",": "\\,", ";": "\\;",
    "/": "\\/", ".": ".", "*": "\\*", "|": "\\|", ":": ":", "@": "\\@",
}  # fmt: skip


def typst_math(latex: str) -> str:
    r"""A formula of ours in Typst's spelling.

    >>> typst_math(r"\frac{\partial L}{\partial h_{1}} \cdot w_{hh}")
    'frac(∂ L, ∂ h _(1)) ⋅ w _(h h)'

    Raises ``DesignError`` for a command that is no part of our formulas.
    """
    reader = _Reader(latex)
    return reader.until("")


def typst_words(text: str) -> str:
    """Words for Typst: a string, in which nothing is markup."""
    plain = "".join(map(_sign, text))
    return f"#{_string(plain)};" if plain else ""


def typst_image(svg: str) -> str:
    """A picture for Typst, in the size that it has, or as wide as the page."""
    return f'#fitted(image(bytes({_string(svg)}), format: "svg"))'


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _sign(sign: str) -> str:
    """One character; where the fonts that Typst brings along have no glyph for it, its number in Unicode."""
    if not sign.isprintable() and sign != "\n":
        return "?"
    known = sign < "\u0530" or "\u1e00" <= sign < "\u2300" or "\u2500" <= sign < "\u27c0"
    return sign if known else f"[U+{ord(sign):04X}]"


class _Reader:
    """Reads one formula."""

    def __init__(self, latex: str) -> None:
        self.latex = latex
        self.tokens: list[str] = [token for token in _TOKEN.findall(latex) if not token.isspace()]
        self.place = 0

    def error(self, met: str) -> DesignError:
        return DesignError(f"Typst has no spelling of {met!r} in the formula {self.latex}")

    def take(self) -> str:
        if self.place >= len(self.tokens):
            raise self.error("the end")
        self.place += 1
        return self.tokens[self.place - 1]

    def expect(self, token: str) -> None:
        if (met := self.take()) != token:
            raise self.error(met)

    def until(self, *ends: str) -> str:
        """What stands before one of some tokens, which is passed over."""
        parts: list[str] = []
        while self.place < len(self.tokens) or ends != ("",):
            token = self.take()
            if token in ends:
                break
            parts.append(self.one(token))
        text = ""
        for part in filter(None, parts):
            # A space beside a string would be printed; anything else wants one to stand apart.
            close = not text or text.endswith('"') or part.startswith(('"', "'"))
            text += part if close else f" {part}"
        return text

    def group(self) -> str:
        """What stands in braces, or one token."""
        first = self.take()
        return self.until("}") if first == "{" else self.one(first)

    def one(self, token: str) -> str:
        """One thing, whatever it is."""
        match token:
            case "{":
                inner = self.until("}")
                scripts = self.tokens[self.place : self.place + 1] in (["^"], ["_"], ["'"])
                return f'class("normal", {inner})' if scripts else inner  # or the square would be that of the exponent
            case "^" | "_":
                script = f"{token}({self.group()})"
                if self.tokens[self.place : self.place + 1] == ["'"]:
                    self.place += 1
                    return f"'{script}"  # Typst sets a prime above an index only where it comes first
                return script
            case "\\frac":
                return f"frac({self.group()}, {self.group()})"
            case "\\hat" | "\\sqrt":
                return f"{token[1:]}({self.group()})"
            case "\\overrightarrow" | "\\overleftarrow":
                return f"accent({self.group()}, arrow{'.l' if 'left' in token else ''})"
            case "\\mathbf":
                return f"bold({self.group()})"
            case "\\boxed":
                self.expect("{")
                return f"#box(stroke: .4pt, inset: 1.2pt, baseline: 1.2pt)[${self.until('}')}$]"
            case "\\begin":
                return self.matrix()
            case "\\left" | "\\right":
                # Brackets that grow are the ones that Typst pairs by itself.
                return self.take()
        if token in _SIGNS:
            return _SIGNS[token]
        if token[0].isalnum():
            return token
        if token.startswith(("\\text{", "\\mathrm{")):
            return _string(token.partition("{")[2][:-1])
        raise self.error(token)

    def matrix(self) -> str:
        for token in "{pmatrix}":
            self.expect(token)
        rows: list[str] = []
        cells: list[str] = []
        while True:
            start = self.place
            cells.append(self.until("&", "\\cr", "\\end"))
            assert self.place > start
            end = self.tokens[self.place - 1]
            if end != "&":
                rows.append(", ".join(cells))
                cells = []
            if end == "\\end":
                for token in "{pmatrix}":
                    self.expect(token)
                return f"display(mat({'; '.join(rows)}))"
