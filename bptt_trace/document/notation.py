"""Notations: how plain text, LaTeX, the signs of a terminal, Typst, MathML and Python write mathematics.

A notation is a row of ``Signs``. It knows no formula and no name: a walk over a formula, a name or a piece of mathematics asks
it for the pattern of each node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from html import escape
from operator import methodcaller
from typing import Any

from bptt_trace.document.letters import GREEK, by_name
from bptt_trace.document.signs import ATOM, BESIDE, NEGATION, POWER, PRODUCT, SUM, Form, Signs, exponent_in_line, like

__all__ = [
    "ATOM", "BESIDE", "INTERNAL", "JAVASCRIPT", "LATEX", "MATHML", "NEGATION", "PANDOC", "POWER", "PRODUCT", "PYTHON", "SUM",
    "TEXT", "TYPST", "TYPST_PIECES", "UNICODE", "Form", "Signs", "like", "power_of_ten", "quoted",
]  # fmt: skip


def _power_of_ten(pattern: str, point: str = ".") -> Callable[[str], str]:
    r"""Numbers with their powers of ten set: ``1.234e-10`` as ``1.234 \cdot 10^{-10}``; ``point`` is the decimal mark."""

    def numeral(text: str) -> str:
        if "e" not in text:  # a sheet has hundreds of these
            return text if point == "." else text.replace(".", point)
        mantissa, _, exponent = text.replace(".", point).partition("e")
        return pattern.format(mantissa, int(exponent))

    return numeral


power_of_ten = _power_of_ten(r"{} \cdot 10^{{{}}}")

OPERATORS = frozenset({"tanh", "exp", "ln", "log", "sin", "cos"})
"""Functions that every notation of set mathematics knows by their names."""


def _word(operator: str, letters: Mapping[str, str], upright: str, below: str, primed: str = "{}'") -> Callable[[Any], str]:
    r"""The names of functions in set mathematics: ``\tanh``, ``\sigma``, ``\mathrm{ReLU}``, ``\varphi_{1}'``."""

    def word(function: Any) -> str:
        sign: str = function.sign
        text = operator.format(sign) if sign in OPERATORS else letters.get(sign) or upright.format(sign)
        text = below.format(text, function.number) if function.number else text
        return primed.format(text) if function.prime else text

    return word


TEXT = Signs(marks={BESIDE: ", "})

_LATEX_LETTERS = by_name(
    {name: rf"\{name}" for name in GREEK} | {"epsilon": r"\varepsilon", "phi": r"\varphi"},
    {"hat": r"\hat{{{}}}", "tilde": r"\tilde{{{}}}", "bar": r"\bar{{{}}}"},
)
_TEX_SIGNS = {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    **{sign: f"\\{sign}" for sign in "{}$&#_%"},
}  # fmt: skip


def _tex_sign(sign: str) -> str:
    """A sign of a letter's name; where LaTeX has no glyph for it, its number in Unicode."""
    return _TEX_SIGNS.get(sign) or (sign if sign <= "ÿ" else rf"\texttt{{[U+{ord(sign):04X}]}}")


_LATEX = like(
    TEXT,
    times=r"{} \cdot {}",
    over=Form(r"\frac{{{}}}{{{}}}", (SUM, SUM), POWER),
    ratio=Form(r"\frac{{{}}}{{{}}}", (SUM, SUM), POWER),
    power="{}^{{{}}}",
    exponent=str,
    calls={"sqrt": r"\sqrt{{{}}}"},
    word=_word(r"\{}", {"sigma": r"\sigma", "phi": r"\varphi", "psi": r"\psi"}, r"\mathrm{{{}}}", "{}_{{{}}}"),
    extremes={"max": r"\max", "min": r"\min"},
    ellipsis=r"{} + \dots + {}",
    entrywise=r"{} \odot {}",
    matmul=r"{} \thinspace {}",
    scaled=r"{} \cdot {}",
    transposed=r"{}^{{\top}}",
    total=r"\textstyle\sum({})",
    diagonal=r"\mathrm{{diag}}({})",
    column=r"\begin{{pmatrix}}{}\end{{pmatrix}}",
    row=r"\begin{{pmatrix}}{}\end{{pmatrix}}",
    below=r" \cr ",
    beside=" & ",
    ones=r"\mathbf{1}",
    cut="{}_{{[{}]}}",
    tall=r"\left({}\right)",
    matrix=r"\begin{{pmatrix}}{}\end{{pmatrix}}",
    in_line=False,
    letters=_LATEX_LETTERS,
    upright=r"\mathrm{{{}}}",
    numeral=power_of_ten,
    comma=_power_of_ten(r"{} \cdot 10^{{{}}}", "{,}"),
    under="{}_{{{}}}",
    under_above="{{{}_{{{}}}^{{{}}}}}",
    under_primed="{}_{{{}}}'",
    above="{{{}^{{{}}}}}",
    sample=r"\langle {}\rangle",
    iteration="{{}}@{}",
    accents={"fwd": r"\overrightarrow{{{}}}", "bwd": r"\overleftarrow{{{}}}"},
    derivative=r"\frac{{\partial {}}}{{\partial {}}}",
    via=r"{}\text{{ via }}{}",
    dot=r"\cdot",
    cross=r"\times",
    marks={
        " * ": r" \cdot ", "* ": r"{}\cdot ", "*": r"\cdot", " ~ ": r" \approx ", "~ ": r"\approx ", " <= ": r" \le ",
        "…": r"\dots", " ... ": r" \dots ", ", ..., ": r", \dots, ", BESIDE: r",\ ", "max": r"\max", "min": r"\min",
    },
    raised="{}^{{{}}}",
    powered=r"(\cdot)^{}",
    sum=r"\sum_{}",
    sums=r"\sum_{{{}}}",
    of_sample=r"{}^{{\langle {}\rangle}}",
    box=r"\boxed{{\scriptstyle {}}}",
    words=r"\text{{{}}}",
    label=lambda text: "".join(map(_tex_sign, text)),
)  # fmt: skip
LATEX = like(_LATEX, flat=like(_LATEX, over=TEXT.over, ratio=TEXT.ratio, derivative=r"\partial {}/\partial {}"))

PANDOC = like(_LATEX, below=r" \\ ", matmul=r"{}\, {}")
r"""LaTeX as pandoc reads it, which knows neither ``\\cr`` nor ``\\thinspace``."""

PYTHON = like(
    TEXT,
    over=Form("{} / {}", (POWER, ATOM), PRODUCT),
    power="{}**{}",
)
JAVASCRIPT = like(
    TEXT,
    plus=Form("k.add({}, {})"),
    minus=Form("k.sub({}, {})"),
    negative=Form("k.neg({})", (SUM,)),
    times=Form("k.mul({}, {})"),
    over=Form("k.div({}, {})"),
    ratio=Form("k.div({}, {})"),
    power=Form("k.pow({}, {})", (SUM,)),
    exponent=str,
    extreme=Form("k.{}({}, {})"),
    number="k.int({}n)",
)
"""Calls on an arithmetic ``k``, for numbers that JavaScript has no operators for."""
INTERNAL = like(TEXT, matmul="{} @ {}", transposed="{}.T", total="total({})", below=", ", entrywise="{} * {}")
"""The notation of formulas for developers: ``s0 @ s1 + s2``."""


# ---------------------------------------------------------- the signs of a terminal

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"


def _superscript(exponent: Any) -> str:
    """One digit stands above; anything else behind the sign of a power."""
    text = exponent_in_line(exponent)
    return _SUPERSCRIPTS[int(text)] if len(text) == 1 and text.isdigit() else f"^{text}"


_minus: Callable[[str], str] = methodcaller("replace", "-", "−")
_RAISED = str.maketrans("-0123456789", f"⁻{_SUPERSCRIPTS}")


def _in_a_terminal(text: str) -> str:
    """A number with its power of ten in signs that stand above.

    >>> _in_a_terminal("-0.5"), _in_a_terminal("-3.696e-22")
    ('−0.5', '−3.696·10⁻²²')
    """
    if "e" not in text:  # nearly every number of a long trace
        return text.replace("-", "−")
    mantissa, _, exponent = text.partition("e")
    return f"{_minus(mantissa)}·10{str(int(exponent)).translate(_RAISED)}"


UNICODE = like(
    TEXT,
    minus="{} − {}",
    negative="−{}",
    times="{} · {}",
    power="{}{}",
    exponent=_superscript,
    ellipsis="{} + … + {}",
    entrywise="{} ⊙ {}",
    scaled="{} · {}",
    letters=GREEK,
    numeral=_in_a_terminal,
    comma=lambda text: _in_a_terminal(text).replace(".", ","),
    script=_minus,
    dot="·",
    cross="×",
    marks={
        " - ": " − ", "-": "−", " -": " −", " * ": " · ", "* ": "· ", "*": "·", " ~ ": " ≈ ", "~ ": "≈ ", " <= ": " ≤ ",
        ", ..., ": ", …, ", BESIDE: ", ",
    },
    powered="{}",
    sum="Σ_{}",
    sums="Σ_{}",
)  # fmt: skip


# ---------------------------------------------------------------------------- Typst

# Typst prints a space beside a word in quotes, so signs stand without spaces; letters without quotes are variables.


def _apart(text: str) -> str:
    """Letters one by one and whole numbers, as LaTeX reads them.

    >>> _apart("hh"), _apart("t-1"), _apart("12")
    ('h h', 't - 1', '12')
    """
    found = ""
    for sign in text:
        found += sign if not found or (sign.isdigit() and found[-1].isdigit()) else f" {_ESCAPED.get(sign, sign)}"
    return found


def quoted(text: str) -> str:
    """A string of Typst, in which nothing is markup."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


_ESCAPED = {sign: f"\\{sign}" for sign in "()[]{},;/*|@#_%&"}
_TYPST = like(
    _LATEX,
    plus="{}+{}",
    minus="{}-{}",
    times="{}⋅{}",
    over="frac({}, {})",
    ratio="frac({}, {})",
    power="{}^({})",
    call=r"{}\({}\)",
    calls={"sqrt": "sqrt({})"},
    word=_word("{}", {"sigma": "σ", "phi": "φ", "psi": "ψ"}, '"{}"', "{}_({})"),
    extreme=r"{}\({}\,{}\)",
    extremes={"max": "max", "min": "min"},
    bracket=r"\({}\)",
    ellipsis="{}+⋯+{}",
    entrywise="{}⊙{}",
    matmul="{}#math.thin;{}",
    matmul_of_entries="{} {}",
    scaled="{}⋅{}",
    transposed="{}^(⊤)",
    total=r"∑\({}\)",
    diagonal=r'"diag"\({}\)',
    column="display(mat({}))",
    row="display(mat({}))",
    below="; ",
    beside=", ",
    ones="bold(1)",
    cut=r"{}_(\[{}\])",
    tall="({})",
    matrix="display(mat({}))",
    fraction=r"{}\/{}",
    letters=by_name(GREEK, {"hat": "hat({})", "tilde": "tilde({})", "bar": "overline({})"}),
    upright='"{}"',
    numeral=_power_of_ten("{}⋅10^({})"),
    comma=_power_of_ten("{}⋅10^({})", '#math.class("normal", ",")'),
    script=_apart,
    verbatim=_apart,
    below_and_time="{}\\,{}",
    under="{}_({})",
    under_above='class("normal", {}_({})^({}))',
    under_primed="{}'_({})",
    low="{}_({})",
    above='class("normal", {}^({}))',
    layer=r"\({}\)",
    sample="⟨{}⟩",
    iteration=r"\@{}",
    index=r"\[{}\]",
    accents={"fwd": "accent({}, arrow)", "bwd": "accent({}, arrow.l)"},
    derivative="frac(∂{}, ∂{})",
    via='{}" via "{}',
    dot="⋅",
    cross="×",
    marks={
        "(": r"\(", ")": r"\)", ", ": r"\,", "[i]": r"\[i\]", "[j]": r"\[j\]", " = ": "=", " - ": "-", " + ": "+", " /": r"\/",
        " < ": "<", " > ": ">", " * ": "⋅", "* ": "⋅", "*": "⋅", " ~ ": "≈", "~ ": "≈", " <= ": "≤", "…": "⋯",
        " ... ": "⋯", ", ..., ": r"\,⋯\,", BESIDE: r"\, space ", "max": "max", "min": "min", "[": r"\[", "]": r"\]",
    },
    raised="{}^({})",
    powered=r"\(⋅\)^{}",
    sum="∑_({})",
    sums="∑_({})",
    of_sample="{}^(⟨{}⟩)",
    box="#box(stroke: .4pt, inset: 1.2pt, baseline: 1.2pt)[${}$]",
    words='"{}"',
    label=lambda text: quoted(text)[1:-1],
)  # fmt: skip
_TYPST_SLASHES = like(
    _TYPST,
    over=TEXT.over._replace(pattern=r"{}\/{}"),
    ratio=TEXT.ratio._replace(pattern=r"\({}\/{}\)"),
    derivative=r"∂{}\/∂{}",
)
TYPST = like(_TYPST, flat=_TYPST_SLASHES)


def _breaking(signs: Signs, before: Callable[[str], str], minus: str, dot: str, dots: str, **more: Any) -> Signs:
    """A notation with lines that may end before the signs of a whole formula, and nowhere else.

    ``before`` gives a sign with the break before it. What stands in brackets stays ``together``.
    """
    plus, point = before("+"), before(dot)
    return like(
        signs,
        plus=f"{{}}{plus}{{}}",
        minus=f"{{}}{before(minus)}{{}}",
        times=f"{{}}{point}{{}}",
        scaled=f"{{}}{point}{{}}",
        entrywise=f"{{}}{before('⊙')}{{}}",
        ellipsis=f"{{}}{plus}{dots}{plus}{{}}",
        together=signs,
        **more,
    )


_NEXT_PIECE = "$]#sym.zws;#piece[$"


def _next_piece(sign: str) -> str:
    """A sign before which a line may end: it begins another box."""
    return f"{_NEXT_PIECE}med{sign}med "


def _in_pieces(signs: Signs) -> Signs:
    """Typst with lines that may end: a whole formula stands in several boxes."""
    relations = {sign: f"{_NEXT_PIECE}thick{signs.marks[sign]}" for sign in (" = ", " ~ ", " <= ", " < ", " > ")}
    terms = {f" {sign} ": _next_piece(sign) for sign in "+-"}
    return _breaking(signs, _next_piece, minus="-", dot="⋅", dots="⋯", marks={**signs.marks, **relations, **terms})


TYPST_PIECES = replace(_in_pieces(TYPST), flat=_in_pieces(_TYPST_SLASHES))
"""Within ``#piece[$…$]``, of which a formula takes several."""


# --------------------------------------------------------------------------- MathML


def _elements(text: str, point: str = ".") -> str:
    """Letters, numbers and signs, each as an element; ``point`` is the decimal mark.

    >>> _elements("t-1"), _elements("2")
    ('<mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow>', '<mn>2</mn>')
    """
    kinds = [(sign, "mn" if sign.isdigit() or sign == point else "mi" if sign.isalpha() else "mo") for sign in _minus(text)]
    joined: list[tuple[str, str]] = []
    for sign, kind in kinds:
        if joined and kind == "mn" == joined[-1][1]:
            joined[-1] = (joined[-1][0] + sign, kind)
        else:
            joined.append((sign, kind))
    elements = "".join(f"<{kind}>{escape(sign)}</{kind}>" for sign, kind in joined)
    return f"<mrow>{elements}</mrow>" if len(joined) > 1 else elements


def _mathml_number(text: str, point: str = ".") -> str:
    mantissa, power, exponent = text.replace(".", point).partition("e")
    ten = f"<mo>·</mo><msup><mn>10</mn>{_elements(str(int(exponent)))}</msup>" if power else ""
    number = _elements(mantissa, point)
    return f"<mrow>{number}{ten}</mrow>" if power else number


def _operators(*signs: str) -> dict[str, str]:
    """Each sign of plain text as an operator."""
    return {sign: f"<mo>{escape(UNICODE.marks.get(sign, sign).strip())}</mo>" for sign in signs}


_BOLD_ONE = "\N{MATHEMATICAL BOLD DIGIT ONE}"


def _brackets(left: str, right: str) -> str:
    """Brackets as high as a letter; round a matrix they are as high as it is."""
    return f'<mo stretchy="false">{left}</mo>{{}}<mo stretchy="false">{right}</mo>'


_BRACKETS, _SQUARE, _ANGLE = _brackets("(", ")"), _brackets("[", "]"), _brackets("⟨", "⟩")
_OPEN, _, _CLOSE = _BRACKETS.partition("{}")
_OVER = "<mover><mi>{{}}</mi><mo>{}</mo></mover>"
_MATHML_LETTERS = by_name(GREEK, {"hat": _OVER.format("^"), "tilde": _OVER.format("~"), "bar": _OVER.format("¯")})
_TABLE = "<mrow><mo>(</mo><mtable><mtr><mtd>{}</mtd></mtr></mtable><mo>)</mo></mrow>"
_TOGETHER = like(
    _LATEX,
    plus="{}<mo>+</mo>{}",
    minus="{}<mo>−</mo>{}",
    negative="<mo>−</mo>{}",
    times="{}<mo>·</mo>{}",
    over="<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>",
    ratio="<mfrac>{}{}</mfrac>",
    power="<msup><mrow>{}</mrow>{}</msup>",
    exponent=lambda exponent: _elements(str(exponent)),
    call=f"{{}}{_BRACKETS}",
    calls={"sqrt": "<msqrt>{}</msqrt>"},
    word=_word(
        "<mi>{}</mi>",
        {"sigma": "<mi>σ</mi>", "phi": "<mi>φ</mi>", "psi": "<mi>ψ</mi>"},
        "<mi>{}</mi>",
        "<msub>{}<mn>{}</mn></msub>",
        "<msup>{}<mo>′</mo></msup>",
    ),
    extreme=f"{{}}{_OPEN}{{}}<mo>,</mo>{{}}{_CLOSE}",
    extremes={"max": "<mi>max</mi>", "min": "<mi>min</mi>"},
    number="<mn>{}</mn>",
    bracket=_BRACKETS,
    ellipsis="{}<mo>+</mo><mo>…</mo><mo>+</mo>{}",
    entrywise="{}<mo>⊙</mo>{}",
    matmul="{}<mspace width='0.17em'/>{}",
    matmul_of_entries="{}{}",
    scaled="{}<mo>·</mo>{}",
    transposed="<msup><mrow>{}</mrow><mo>⊤</mo></msup>",
    total=f"<mo>∑</mo>{_BRACKETS}",
    diagonal=f"<mi>diag</mi>{_BRACKETS}",
    column=_TABLE,
    row=_TABLE,
    below="</mtd></mtr><mtr><mtd>",
    beside="</mtd><mtd>",
    ones=f"<mn>{_BOLD_ONE}</mn>",
    cut="<msub><mrow>{}</mrow><mtext>[{}]</mtext></msub>",
    tall="<mrow><mo>(</mo>{}<mo>)</mo></mrow>",
    matrix=_TABLE,
    fraction="<mn>{}</mn><mo>/</mo><mn>{}</mn>",
    letters={name: sign if "<" in sign else f"<mi>{sign}</mi>" for name, sign in _MATHML_LETTERS.items()},
    letter="<mi>{}</mi>",
    upright="<mi>{}</mi>",
    numeral=_mathml_number,
    comma=lambda text: _mathml_number(text, ","),
    script=_elements,
    verbatim=_elements,
    below_and_time="<mrow>{}<mo>,</mo>{}</mrow>",
    under="<msub>{}{}</msub>",
    under_above="<msubsup>{}{}<mrow>{}</mrow></msubsup>",
    under_primed="<msubsup>{}{}<mo>′</mo></msubsup>",
    low="<msub>{}{}</msub>",
    prime="<msup>{}<mo>′</mo></msup>",
    above="<msup>{}<mrow>{}</mrow></msup>",
    layer=_BRACKETS,
    sample=_ANGLE,
    iteration="<mtext>@{}</mtext>",
    index=_SQUARE,
    accents={"fwd": "<mover>{}<mo>→</mo></mover>", "bwd": "<mover>{}<mo>←</mo></mover>"},
    derivative="<mfrac><mrow><mi>∂</mi>{}</mrow><mrow><mi>∂</mi>{}</mrow></mfrac>",
    via="{}<mtext>&#160;via&#160;</mtext>{}",
    dot="·",
    cross="×",
    marks=dict(zip("()[]", (_BRACKETS + "{}" + _SQUARE).split("{}"), strict=True))
    | {f"[{letter}]": _SQUARE.format(f"<mi>{letter}</mi>") for letter in "ij"}
    | {word: f"<mi>{word}</mi>" for word in ("max", "min")}
    | _operators(
        ", ", " = ", " - ", "-", " -", " + ", "+", " < ", " > ", " / ", " /", "' = ", " * ", "* ", "*", " ~ ",
        "~ ", " <= ", "…", ", ..., ", " ... ", BESIDE, "= ",
    ),
    raised="<msup>{}<mrow>{}</mrow></msup>",
    powered="<msup><mo>·</mo>{}</msup>",
    sum="<munder><mo>∑</mo>{}</munder>",
    sums="<munder><mo>∑</mo>{}</munder>",
    of_sample=f"<msup>{{}}<mrow>{_ANGLE}</mrow></msup>",
    box='<mrow class="boxed">{}</mrow>',
    words="<mtext>{}</mtext>",
    after_words="&#160;",
    label=escape,
)  # fmt: skip


def _next_line(sign: str) -> str:
    """A sign before which a line may end: it begins another element ``math``."""
    form = ' form="infix"' if sign in "+−" else ""  # not the signs of a number
    return f"</math><wbr/><math><mo{form}>{sign}</mo>"


MATHML = _breaking(_TOGETHER, _next_line, minus="−", dot="·", dots="<mo>…</mo>", matmul_of_entries="{}</math><wbr/><math>{}")
"""Within elements ``math``, of which a long formula takes several."""
