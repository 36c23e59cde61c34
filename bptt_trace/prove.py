"""Is it right? BPTT's gradients against two others that know nothing of it.

(a) The whole loss is composed into one SymPy expression in the parameters and
differentiated by SymPy. (b) The loss is calculated with 60 digits a little left
and right of each parameter (central differences).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy

from bptt_trace.build import build
from bptt_trace.evaluate import WORKING, Arithmetic, Precise, Remembering, decimal, run
from bptt_trace.lowering import scalars
from bptt_trace.names import LOSS, WHOLE_LOSS, Name, gradient
from bptt_trace.problem import Problem
from bptt_trace.program import Program, Role, composed_size
from bptt_trace.rules import Rule
from bptt_trace.symbolic import expression, rational, true

DISTANCE = Decimal("1e-15")
"""How far left and right of a parameter the loss is calculated."""
TOLERANCE = Decimal("1e-20")
"""Largest difference, relative to the gradient or to 1, that counts as agreement."""
MAX_COMPOSED = 3_000
"""How many operations a composed loss may have before it is not worth differentiating."""


@dataclass(frozen=True)
class Comparison:
    """One parameter's gradient, three times, with 50 digits."""

    name: Name
    bptt: Decimal
    composed: Decimal | None
    """SymPy's derivative of the composed loss; None where the loss is too long to compose."""
    central: Decimal

    @cached_property
    def difference(self) -> Decimal:
        """The largest distance of the others from BPTT."""
        return max(abs(self.bptt - other) for other in (self.composed, self.central) if other is not None)

    @property
    def agrees(self) -> bool:
        """Whether the three are equal but for the last digits."""
        return self.difference <= TOLERANCE * max(abs(self.bptt), Decimal(1))


def prove(problem: Problem, program: Program | None = None) -> list[Comparison]:
    """Every parameter's total gradient beside SymPy's and beside central differences.

    Of a truncated backward pass the gradients without truncation are compared,
    and of several iterations those of the first.

    Raises ``CalculationError`` where a value cannot be had. A unit of relu that
    stands exactly at 0 has no derivative there, and the three need not agree.
    """
    if problem.loss.kind == "none":
        return []
    whole = scalars(program or build(problem))
    forward = Program(whole.steps[: whole.index[LOSS] + 1])
    numbers = run(whole, problem.given, Precise())
    of = WHOLE_LOSS if problem.update and problem.update.truncate else LOSS  # slopes know of no truncation
    names = [step.target for step in whole.steps if step.role is Role.PARAMETER and gradient(step.target, of=of) in whole.index]
    composed = _composed(problem, forward, names)
    how = Remembering(Precise())
    return [
        Comparison(
            name,
            numbers[whole.index[gradient(name, of=of)]],
            None if composed is None else composed[name],
            _central(problem, forward, name, how),
        )
        for name in names
    ]


def _central(problem: Problem, forward: Program, name: Name, how: Arithmetic) -> Decimal:
    def loss(value: Decimal) -> Decimal:
        result: Decimal = run(forward, problem.given, how, {name: value})[-1]
        return result

    at = decimal(problem.given[name].value)
    with localcontext(WORKING):
        return (loss(at + DISTANCE) - loss(at - DISTANCE)) / (2 * DISTANCE)


@dataclass(frozen=True)
class _Composing:
    """SymPy expressions in the parameters: every line is put into the next."""

    number: Callable[[Fraction], Any] = rational

    def line(self, rule: Rule, role: Role) -> Callable[..., Any]:
        del role
        return lambda *places: expression(rule.formula, places.__getitem__, places[rule.arity :], function=true, evaluate=True)


def _composed(problem: Problem, forward: Program, names: list[Name]) -> dict[Name, Decimal] | None:
    if len(forward) * len(forward) > MAX_COMPOSED * 3 or composed_size(forward.steps) > MAX_COMPOSED // 5:
        return None
    symbols = {name: sympy.Symbol(f"p{place}", real=True) for place, name in enumerate(names)}
    loss = run(forward, problem.given, _Composing(), symbols)[-1]
    if loss.count_ops() > MAX_COMPOSED:
        return None
    at = {symbol: rational(problem.given[name].value) for name, symbol in symbols.items()}
    return {name: Decimal(str(sympy.N(sympy.diff(loss, symbol).subs(at), 50))) for name, symbol in symbols.items()}
