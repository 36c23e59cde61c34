"""Rules as JavaScript: functions of an arithmetic and of their arguments.

The walk that prints a line writes them too, with the row ``JAVASCRIPT`` of the
table of notations; so what the page calculates is what the sheet says.
"""

from __future__ import annotations

from fractions import Fraction

from bptt_trace.calculation.compiled_rules import definition
from bptt_trace.document.notation import ATOM, JAVASCRIPT, SUM
from bptt_trace.engine.formula import Const, Formula
from bptt_trace.engine.formula_text import LinePrinter, Written
from bptt_trace.engine.formula_walks import applications
from bptt_trace.engine.functions import Function, Z
from bptt_trace.engine.rules import Rule


class Functions:
    """The functions of problem files that rules apply, each defined once: ``f0``, ``f1``, …"""

    def __init__(self) -> None:
        self._names: dict[Function, str] = {}
        self.definitions: list[str] = []
        """Each behind those that it uses."""

    def name(self, function: Function) -> str:
        """The identifier of a function, which is defined from now on."""
        if function not in self._names:
            body = _Code(self).filled(definition(function))
            self._names[function] = f"f{len(self._names)}"
            self.definitions.append(f"const {self._names[function]} = (k, s{Z.number}) => {body};")
        return self._names[function]


class _Code(LinePrinter):
    """Writes a formula of numbers as calls on the arithmetic ``k``."""

    def __init__(self, functions: Functions) -> None:
        super().__init__(JAVASCRIPT)
        self.functions = functions

    def filled(self, formula: Formula) -> str:
        """The whole formula, with the names of its arguments."""
        form = self.template(formula)
        return form.pattern % tuple("k.sum(rest)" if hole < 0 else f"s{hole}" for hole in form.holes)

    def rest(self) -> Written:
        """The sum of all further arguments."""
        return self.hole(-1), ATOM

    def constant(self, number: Const) -> Written:
        """An exact number, also where formulas have a symbol for it."""
        return super().constant(Const(number.value))

    def applied(self, function: Function, argument: Formula) -> Written:
        """A function of the arithmetic, one of straight pieces, or one that is defined."""
        text = self.part(argument, SUM)
        if function.pieces is not None:
            left, at_zero, right = map(self._exact, (function.pieces.left, function.pieces.at_zero, function.pieces.right))
            pieces = f"steps({text}, {left}, {at_zero}, {right})" if function.pieces.steps else f"bent({text}, {left}, {right})"
            return f"k.{pieces}", ATOM
        if function.libraries is None:
            return f"{self.functions.name(function)}(k, {text})", ATOM
        return f"k.{function.name}({text})", ATOM

    def _exact(self, value: Fraction) -> str:
        return self.part(Const(value), SUM)


def in_javascript(rule: Rule, functions: Functions) -> str:
    """A rule as a function of an arithmetic and its arguments: ``(k, s0, s1) => k.mul(s0, s1)``."""
    parameters = ["k", *(f"s{number}" for number in range(rule.arity)), *(["...rest"] if rule.sums_rest else [])]
    return f"({', '.join(parameters)}) => {_Code(functions).filled(rule.formula)}"


def inexact(rule: Rule) -> bool:
    """Whether a rule has a function in it whose values no fraction holds."""
    return any(_inexact(applied.function) for applied in applications(rule.formula))


def _inexact(function: Function) -> bool:
    return function.pieces is None
