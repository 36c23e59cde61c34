"""Compiled rules: the Python source of a rule, from which every arithmetic makes its own function.

The walk that writes the printed line also writes the source, so text and value
cannot disagree. The source is made once for each rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, reduce
from operator import add
from types import CodeType
from typing import Any

from bptt_trace.calculation.enclosure import Enclosure
from bptt_trace.document.notation import ATOM, POWER, PYTHON, SUM, Form, like
from bptt_trace.engine.formula import Const, Formula, Rest, Var
from bptt_trace.engine.formula_text import Printer, Written
from bptt_trace.engine.functions import Function, Z
from bptt_trace.engine.rules import KEPT_RULES, Rule
from bptt_trace.errors import DesignError


@dataclass(frozen=True)
class Source:
    """A rule as Python source, the same for every arithmetic."""

    body: str
    parameters: str
    constants: tuple[Fraction, ...]
    functions: tuple[Function, ...]

    def bind(
        self,
        number: Callable[[Fraction], Any],
        function: Callable[[Function], Callable[[Any], Any]],
        settle: Callable[[Any], Any] | None = None,
    ) -> Callable[..., Any]:
        """The rule as a function of its arguments in one arithmetic.

        ``number`` makes a constant, ``function`` a function of one number;
        ``settle`` is applied to the result (it rounds).
        """
        scope: dict[str, Any] = {f"k{position}": number(value) for position, value in enumerate(self.constants)}
        scope |= {f"f{position}": function(applied) for position, applied in enumerate(self.functions)}
        scope |= {"settle": settle, "total": total, "larger": larger, "smaller": smaller}
        body = self.body if settle is None else f"settle({self.body})"
        bound: Callable[..., Any] = eval(_code(f"lambda {self.parameters}: {body}"), scope)  # noqa: S307
        return bound


@lru_cache(maxsize=KEPT_RULES)
def _code(text: str) -> CodeType:
    """Python source, compiled once for all arithmetics; ``_Compiling`` writes it, from numbered names and operators only."""
    return compile(text, "<rule>", "eval")


def total(terms: Sequence[Any]) -> Any:
    """The sum from left to right, as the running totals of a sheet show it (``sum`` compensates floats)."""
    return reduce(add, terms)


def larger(left: Any, right: Any) -> Any:
    """The larger of two numbers, or of two columns number by number."""
    if isinstance(left, Enclosure):
        return left.larger(right)
    return _where(left, right, lambda a, b: a >= b)


def smaller(left: Any, right: Any) -> Any:
    """The smaller of two numbers, or of two columns number by number."""
    if isinstance(left, Enclosure):
        return -(-left).larger(-right)
    return _where(left, right, lambda a, b: a <= b)


def _where(left: Any, right: Any, better: Callable[[Any, Any], Any]) -> Any:
    chosen = better(left, right)
    if hasattr(chosen, "dtype"):
        import numpy as np

        return np.where(chosen, left, right)
    return left if chosen else right


_COMPILED = like(PYTHON, negative=Form("-{}", (POWER,), SUM), extremes={"max": "larger", "min": "smaller"})


class _Compiling(Printer):
    """Writes a formula as Python with the arguments s0, s1, …, the constants k0, … and the functions f0, …."""

    def __init__(self) -> None:
        super().__init__(_COMPILED)
        self.constants: list[Fraction] = []
        self.functions: list[Function] = []

    def variable(self, variable: Var, bare: bool) -> str:
        """The name of an argument."""
        del bare
        return f"s{variable.number}"

    def rest(self) -> Written:
        """All further arguments."""
        return "total(rest)", ATOM

    def constant(self, number: Const) -> Written:
        """The name of a constant; each arithmetic makes its own constants."""
        if number.value not in self.constants:
            self.constants.append(number.value)
        return f"k{self.constants.index(number.value)}", ATOM

    def function(self, function: Function) -> str:
        """The name of a function."""
        if function not in self.functions:
            self.functions.append(function)
        return f"f{self.functions.index(function)}"

    def power(self, base: Formula, exponent: int, bracketed: bool) -> Written:
        """A square as a product, which every arithmetic calculates exactly."""
        if exponent == 2 and not bracketed and isinstance(base, Var | Rest | Const):
            return self.times((base, base))
        return super().power(base, exponent, False)


@lru_cache(maxsize=KEPT_RULES)
def source(rule: Rule) -> Source:
    """The Python source of a rule."""
    parameters = [f"s{number}" for number in range(rule.arity)] + (["*rest"] if rule.sums_rest else [])
    return _source(rule.formula, ", ".join(parameters))


def definition(function: Function) -> Formula:
    """The definition in z of a function of a problem file, or of its slope. Raises ``DesignError`` without one."""
    if function.definition is None:
        raise DesignError(f"{function.name} has no definition")
    return function.definition


@lru_cache(maxsize=256)
def definition_source(function: Function) -> Source:
    """The Python source of a function of a problem file, or of its slope."""
    return _source(definition(function), f"s{Z.number}")


def _source(formula: Formula, parameters: str) -> Source:
    compiling = _Compiling()
    body = compiling.part(formula, SUM)
    return Source(body, parameters, tuple(compiling.constants), tuple(compiling.functions))
