"""Notations that other programs calculate with: cells of a spreadsheet, and response processing of QTI."""

from __future__ import annotations

from collections.abc import Callable

from bptt_trace.document.notation import ATOM, POWER, PRODUCT, SUM, TEXT, Form, Signs, like

SPREADSHEET = like(
    TEXT,
    plus="{}+{}",
    minus="{}-{}",
    negative=Form("(0-{})", (PRODUCT,), ATOM),  # in a spreadsheet -x^2 is (-x)^2
    times="{}*{}",
    over=Form("{}/{}", (POWER, POWER), PRODUCT),
    exponent=str,
    calls={
        "tanh": "TANH({0})", "ln": "LN({0})", "sqrt": "SQRT({0})", "sin": "SIN({0})", "cos": "COS({0})", "exp": "EXP({0})",
        "abs": "ABS({0})", "sign": "SIGN({0})",
        "sigmoid": "(1/(1+EXP(MIN(700,0-({0})))))",  # beyond e^709 there is no value
        "softplus": "IF(({0})<-12,EXP({0})-EXP(2*({0}))/2+EXP(3*({0}))/3,MAX(0,{0})+LN(1+EXP(0-ABS({0}))))",
    },
    extreme="{}({},{})",
    extremes={"max": "MAX", "min": "MIN"},
    ellipsis="{}",
)  # fmt: skip
"""A cell of a spreadsheet; ``{0}`` is the argument of a function, which may stand there more than once."""


def _qti(prefix: str, tag: Callable[[str], str]) -> Signs:
    """Expressions of QTI; every operation is an element, so nothing needs brackets."""

    def element(name: str, *parts: str, told: str = "") -> str:
        return f"<{prefix}{tag(name)}{told}>{''.join(parts)}</{prefix}{tag(name)}>"

    def number(value: str) -> str:
        return element("base-value", value, told=f' {tag("base-type")}="float"')

    def function(name: str, argument: str = "{0}") -> str:
        return element("math-operator", argument, told=f' name="{name}"')

    def operation(name: str, *parts: str) -> Form:
        parts = parts or ("{}", "{}")
        return Form(element(name, *parts), (SUM,) * "".join(parts).count("{}"))

    one, minus = number("1.0"), element("product", number("-1.0"), "{0}")
    small = element("product", number("-1.0"), function("abs"))  # e to it does not overflow
    return like(
        TEXT,
        plus=operation("sum"),
        minus=operation("subtract"),
        negative=operation("product", number("-1.0"), "{}"),
        times=operation("product"),
        over=operation("divide"),
        ratio=operation("divide"),
        power=Form(element("power", "{}", "{}"), (SUM,)),
        exponent=lambda exponent: number(f"{exponent}.0"),
        calls={name: function(name) for name in ("tanh", "exp", "ln", "sin", "cos", "abs")} | {
            "sign": function("signum"),
            "sqrt": element("power", "{0}", number("0.5")),
            "sigmoid": element("divide", one, element("sum", one, function("exp", minus))),
            "softplus": element("sum", element("max", number("0.0"), "{0}"),
                                function("ln", element("sum", one, function("exp", small)))),
        },
        extreme=Form(f"<{prefix}{{0}}>{{1}}{{2}}</{prefix}{{0}}>"),
        number=number("{}.0"),
        bracket="{}",
        ellipsis=element("sum", "{}"),
    )  # fmt: skip


def _joined(name: str) -> str:
    """A name of QTI 3.0 as versions 2.1 and 2.2 have it.

    >>> _joined("base-value")
    'baseValue'
    """
    first, *others = name.split("-")
    return first + "".join(map(str.title, others))


QTI = _qti("qti-", str)
"""QTI 3.0."""
QTI2 = _qti("", _joined)
"""QTI 2.1 and 2.2."""
