"""The gradients of BPTT compared with two independent calculations.

(a) The whole loss is composed into one SymPy expression in the parameters and
differentiated by SymPy; where that would take minutes, SymPy differentiates each
line in what it uses, and these slopes are multiplied and added up with 60 digits.
(b) The loss is calculated with 60 digits at points on
both sides of each parameter (central differences).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import Any

import mpmath
import sympy

from bptt_trace.calculation import symbolic
from bptt_trace.calculation.arithmetic import SIXTY, Arithmetic, Precise, Remembering, decimal, run
from bptt_trace.calculation.bounds import Between, Untold
from bptt_trace.calculation.build import build
from bptt_trace.calculation.iterations import first_iteration
from bptt_trace.calculation.symbolic import Size, closed, defined, expression, rational
from bptt_trace.engine.every_path import SUM_OF_PATHS
from bptt_trace.engine.formula import Extreme
from bptt_trace.engine.forward_mode import FORWARD_LOSS
from bptt_trace.engine.functions import Function, Pieces
from bptt_trace.engine.names import LOSS, WHOLE_LOSS, Name, gradient
from bptt_trace.engine.program import Program
from bptt_trace.engine.rules import Rule
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import CalculationError
from bptt_trace.problem.problem import Problem
from bptt_trace.problem.rounding import WORKING, Precision, Rounding

DISTANCE = Decimal("1e-15")
"""The distance of these points from a parameter."""
TOLERANCE = Decimal("1e-20")
"""The largest difference, relative to the gradient or to 1, that counts as agreement."""
CORNER = Decimal("1e-7")
"""The least difference between the slopes of both sides that counts as a corner, relative to the slopes or to 1."""
MAX_COMPOSED = 3_000
"""The largest number of operations of a composed loss that is differentiated."""
MAX_DERIVED = 12_000
"""The largest product of operations and parameters: a bound of the time for all derivatives."""


@dataclass(frozen=True)
class Comparison:
    """The gradient of one parameter by three calculations, with 50 digits."""

    name: Name
    bptt: Decimal
    composed: Decimal | None
    """SymPy's derivative of the loss; None where a slope is not defined, as 0/0 where it has a limit."""
    left: Decimal
    """The slope of the loss on the side of smaller values of the parameter."""
    right: Decimal
    roads: tuple[tuple[str, Decimal], ...] = ()
    """The same gradient in forward mode and by all paths, where these are asked for, each behind its name."""
    by_lines: bool = False
    """Whether SymPy differentiated the loss line by line, because it is too long to be composed."""

    @property
    def central(self) -> Decimal:
        """The central difference: the mean of both sides."""
        return (self.left + self.right) / 2

    @property
    def at_corner(self) -> bool:
        """Whether the loss has different slopes on both sides; a derivative of BPTT is then one of those between them."""
        return abs(self.left - self.right) > CORNER * max(abs(self.left), abs(self.right), Decimal(1))

    @cached_property
    def difference(self) -> Decimal:
        """The largest difference of the others from BPTT; at a corner, how far BPTT is from the slopes between both sides."""
        roads = max((abs(self.bptt - other) for _, other in self.roads), default=Decimal(0))
        if self.at_corner:
            low, high = sorted((self.left, self.right))
            return max(low - self.bptt, self.bptt - high, roads, Decimal(0))
        composed = Decimal(0) if self.composed is None else abs(self.bptt - self.composed)
        return max(composed, abs(self.bptt - self.central), roads)

    @property
    def agrees(self) -> bool:
        """Whether the three are equal apart from the last digits."""
        return self.difference <= TOLERANCE * max(abs(self.bptt), Decimal(1))


def prove(problem: Problem, program: Program | None = None) -> list[Comparison]:
    """Compare the total gradient of every parameter, and of every input with one, with SymPy's and with central differences.

    A truncated backward pass is compared without truncation, and of several
    iterations the first is compared. Raises ``CalculationError`` if a value
    cannot be calculated. Where the loss has a corner, as with a relu whose
    argument is exactly 0, BPTT agrees if its slope is one of those between both
    sides (a subgradient).
    """
    if problem.loss.kind == "none":
        return []
    whole = scalars(program or build(first_iteration(problem)))
    forward = Program(whole.steps[: whole.index[LOSS] + 1])
    of = WHOLE_LOSS if problem.update and problem.update.truncate else LOSS  # derivatives of the loss are never truncated
    given = [step.target for step in whole.steps if step.rule is None and step.target.of is None]
    names = [name for name in given if gradient(name, of=of) in whole.index]
    # Paths are cut where the backward pass is truncated, and forward mode never is.
    roads = {"forward mode": Name(FORWARD_LOSS)} | ({"paths": SUM_OF_PATHS} if of == LOSS else {})
    ways = {name: [(said, whole.index.get(gradient(name, of=road))) for said, road in roads.items()] for name in names}
    totals = [whole.index[gradient(name, of=of)] for name in names]
    back = max([whole.index[LOSS], *totals, *(p for way in ways.values() for _, p in way if p is not None)])
    numbers = run(Program(whole.steps[: back + 1]), problem.given, Precise())
    composed = _composed(problem, forward, names)
    by_lines = composed is None
    if composed is None:
        composed = _line_by_line(forward, numbers, names)
    how = Remembering(Precise())
    found = [
        Comparison(
            name,
            numbers[whole.index[gradient(name, of=of)]],
            None if composed is None else composed[name],
            *_sides(problem, forward, name, how, numbers[whole.index[LOSS]]),
            tuple((said, numbers[p]) for said, p in ways[name] if p is not None),
            by_lines,
        )
        for name in names
    ]
    if not all(comparison.agrees for comparison in found):
        _have_digits(problem, Program(whole.steps[: back + 1]), [whole.index[LOSS], *totals])
    return found


def _have_digits(problem: Problem, program: Program, positions: Sequence[int]) -> None:
    """Raise ``CalculationError`` where terms cancel so far that 60 digits of the loss and of its gradients prove nothing."""
    bounds, room = run(program, problem.given, Between(WORKING.prec)), TOLERANCE * DISTANCE
    for position in positions:
        bound, name = bounds[position], program.steps[position].target
        if isinstance(bound, Untold) or bound.width > (room if name == LOSS else TOLERANCE * max(abs(bound.high), Decimal(1))):
            raise CalculationError(
                f"{name} is not known to enough digits: its terms cancel, and of {WORKING.prec} digits too few are left to prove "
                "anything; smaller weights and inputs may do"
            )


def _sides(problem: Problem, forward: Program, name: Name, how: Arithmetic, here: Decimal) -> tuple[Decimal, Decimal]:
    """The slopes of the loss to the left and to the right of a parameter, at which the loss is ``here``."""

    def loss(value: Decimal) -> Decimal:
        result: Decimal = run(forward, problem.given, how, {name: value})[-1]
        return result

    at = decimal(problem.given[name].value)
    with localcontext(WORKING):
        return (here - loss(at - DISTANCE)) / DISTANCE, (loss(at + DISTANCE) - here) / DISTANCE


@dataclass(frozen=True)
class _Composing:
    """SymPy expressions in the parameters: every line is substituted into the next."""

    number: Callable[[Fraction], Any] = rational
    rounding: Rounding = SIXTY
    made: dict[Pieces, Callable[[Any], Any]] = field(default_factory=dict)
    """The functions of straight pieces."""
    values: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    """The implementations of these functions by their names."""

    def line(self, rule: Rule, precision: Precision | None = None) -> Callable[..., Any]:
        del precision

        def composed(*arguments: Any) -> Any:
            value = expression(
                rule.formula, arguments.__getitem__, arguments[rule.arity :], function=self.function, evaluate=True
            )
            return value.rewrite(sympy.Piecewise) if isinstance(rule.formula, Extreme) else value

        return composed

    def function(self, function: Function) -> Callable[[Any], Any]:
        """A function of the table, of straight pieces, or of a problem file, for SymPy."""
        if function.pieces is not None:
            return self.bent(function.pieces)
        return closed(function.libraries) if function.libraries is not None else defined(function, self.function)

    def bent(self, pieces: Pieces) -> Callable[[Any], Any]:
        """A function of straight pieces as a class of its own, because SymPy is slow with cases."""
        if pieces not in self.made:
            steps = None if pieces.steps else self.bent(Pieces(pieces.left, pieces.left, pieces.right, steps=True))
            name = f"bent{len(self.made)}"

            def fdiff(applied: Any, argument: int = 1) -> Any:
                del argument
                return steps(applied.args[0]) if steps else sympy.Integer(0)

            def value(z: Any) -> Any:
                piece = pieces.right if z > 0 else pieces.left if z < 0 else pieces.at_zero
                number = mpmath.mpf(piece.numerator) / piece.denominator
                return number if pieces.steps else number * z

            self.made[pieces] = type(sympy.Function)(name, (sympy.Function,), {"fdiff": fdiff, "nargs": 1})
            self.values[name] = value
        return self.made[pieces]


def _composed(problem: Problem, forward: Program, names: list[Name]) -> dict[Name, Decimal] | None:
    # Measured before SymPy puts it together, which may take minutes.
    if len(forward) * len(forward) > MAX_COMPOSED * 3 or _operations(forward) > MAX_COMPOSED // 5:
        return None
    symbols = {name: sympy.Symbol(f"p{number}", real=True) for number, name in enumerate(names)}
    how = _Composing()
    loss = run(forward, problem.given, how, symbols)[-1]
    size = loss.count_ops()
    if size > MAX_COMPOSED or size * len(names) > MAX_DERIVED:
        return None
    # Common parts of the derivatives are calculated once, with 60 digits; substituted exact numbers would grow.
    derivatives = [sympy.diff(loss, symbol) for symbol in symbols.values()]
    slopes = sympy.lambdify(list(symbols.values()), derivatives, [how.values, "mpmath"], cse=True)
    try:
        with mpmath.workdps(WORKING.prec):
            values = [problem.given[name].value for name in names]
            results = slopes(*[mpmath.mpf(value.numerator) / value.denominator for value in values])
            if not all(isinstance(result, mpmath.mpf | int) and mpmath.isfinite(result) for result in results):
                return None
            return {name: Decimal(mpmath.nstr(result, 50)) for name, result in zip(names, map(mpmath.mpf, results), strict=True)}
    except (ArithmeticError, ValueError):
        return None  # the expression is not defined at these numbers, as 0/0 where it has a limit


def _operations(forward: Program) -> int:
    """The number of operations of the loss in the parameters, before any of it is simplified."""
    sizes: list[Size] = []
    for step in forward.steps:
        rule, inner = step.rule, [sizes[argument] for argument in step.arguments]
        sizes.append(Size(0, 0) if rule is None else symbolic.composed(rule.formula, inner, inner[rule.arity :]))
    return sizes[-1].operations


def _line_by_line(forward: Program, numbers: Sequence[Decimal], names: Sequence[Name]) -> dict[Name, Decimal] | None:
    """The derivatives of the loss by the chain rule, from the last line back, with SymPy's slopes of each line."""
    how, slopes_of = _Composing(), dict[Rule, Callable[..., Any]]()
    with mpmath.workdps(WORKING.prec):
        values = [mpmath.mpf(str(number)) for number in numbers[: len(forward)]]
        back = [mpmath.mpf(0)] * len(forward)
        back[-1] = mpmath.mpf(1)
        for position in range(len(forward) - 1, -1, -1):
            _, rule, arguments, _, _, _ = forward.steps[position]
            if rule is None or not back[position]:
                continue
            slopes = slopes_of.get(rule) or slopes_of.setdefault(rule, _slopes(how, rule))
            others = arguments[rule.arity :]
            rest = [mpmath.fsum(values[p] for p in others)] if rule.sums_rest else []
            try:
                found = slopes(*[values[p] for p in arguments[: rule.arity]], *rest)
            except (ArithmeticError, ValueError):
                return None
            further = [found[-1]] * (len(others) - 1) if others else []
            for argument, slope in zip(arguments, (*found, *further), strict=True):
                back[argument] += back[position] * slope
        results = [back[forward.index[name]] for name in names]
        if not all(map(mpmath.isfinite, results)):
            return None
        return {name: Decimal(mpmath.nstr(result, 50)) for name, result in zip(names, results, strict=True)}


def _slopes(how: _Composing, rule: Rule) -> Callable[..., Any]:
    """The slopes of a line by its arguments, and last by the sum of all further arguments, as SymPy finds them."""
    symbols = [sympy.Symbol(f"s{number}", real=True) for number in range(rule.arity + rule.sums_rest)]
    value = how.line(rule)(*symbols)
    derivatives = [sympy.diff(value, symbol) for symbol in symbols]
    found: Callable[..., Any] = sympy.lambdify(symbols, derivatives, [how.values, "mpmath"], cse=True)
    return found
