"""Rules as formulas that another program calculates: cells of a spreadsheet, expressions of QTI.

The walk is that of every printed line; a variable is a reference to the place
of its number. A function that the other program does not have is written out
by its definition, and one of straight pieces by max, min and sign, because the
expressions of QTI have no branches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache

from bptt_trace.document.notation import ATOM, SUM, Signs
from bptt_trace.engine.formula import ONE, ZERO, Apply, Const, Extreme, Formula, Sum, Times, Var, product
from bptt_trace.engine.formula_text import Printer, Written
from bptt_trace.engine.formula_walks import rewrite
from bptt_trace.engine.functions import Function, Pieces, Z
from bptt_trace.engine.gradients import RESULT, adjoint
from bptt_trace.engine.program import Step
from bptt_trace.engine.rules import KEPT_RULES, Rule
from bptt_trace.errors import DesignError

SIGN = Function("sign", "sign")
"""−1, 0 or 1."""
LARGEST_EXPONENT = Const(Fraction(700))
"""Beyond e^709 a double overflows."""
SHIFT = Fraction(1, 100_000)
"""The step of an argument, for a slope without a rule of differentiation."""


class Referring(Printer):
    """Writes a formula of numbers with references in the place of variables."""

    numbers = True

    def __init__(self, signs: Signs, references: Sequence[str], rest: str = "") -> None:
        """``references`` has one for each variable by its number; ``rest`` is what ``Rest`` adds up, in the notation."""
        super().__init__(signs)
        self.references, self.others = references, rest

    def variable(self, variable: Var, bare: bool) -> str:
        """The reference of a variable."""
        del bare
        return self.references[variable.number]

    def rest(self) -> Written:
        """The sum of all further references."""
        return self.signs.ellipsis.format(self.others), ATOM

    def constant(self, number: Const) -> Written:
        """An exact number; one with a symbol is its value."""
        return super().constant(Const(number.value))

    def applied(self, function: Function, argument: Formula) -> Written:
        """A function that the program has, or its definition."""
        own = self.signs.calls.get(function.name) if function.number is None else None
        if own:
            return own.format(self.part(argument, SUM, bare=True)), ATOM
        inner = Referring(self.signs, [self.signs.bracket.format(self.part(argument, SUM))])
        return inner.part(written_out(function), ATOM), ATOM

    def over(self, numerator: Formula, denominator: Formula) -> Written:
        """A quotient; that of exponentials, a probability, without large ones."""
        match numerator, denominator:
            case Apply(Function(name="exp"), one), Sum(terms) if all(_is_exponential(term) for term in terms):
                others = (Apply(term.function, _no_larger(term.argument - one)) for term in terms if isinstance(term, Apply))
                return super().over(ONE, Sum(tuple(others)))
        return super().over(numerator, denominator)


def _is_exponential(formula: Formula) -> bool:
    return isinstance(formula, Apply) and formula.function.name == "exp"


def _no_larger(exponent: Formula) -> Formula:
    return Extreme("min", (LARGEST_EXPONENT, exponent))


@lru_cache(maxsize=256)
def written_out(function: Function) -> Formula:
    """A function of one number as a formula in ``Z``. Raises ``DesignError`` where it has no definition."""
    if function.pieces is not None:
        return _pieces(function.pieces)
    if function.definition is None:
        raise DesignError(f"{function.name} has no definition")
    return function.definition


def _pieces(pieces: Pieces) -> Formula:
    """Straight pieces: with max and min, and for constants with the sign of z and its square."""
    if not pieces.steps:
        above, below = Extreme("max", (ZERO, Z)), Extreme("min", (ZERO, Z))
        parts = [(pieces.right, above), (pieces.left, below)]
        return _added([product(Const(share), part) for share, part in parts if share])
    sign = Apply(SIGN, Z)
    odd, even = (pieces.right - pieces.left) / 2, (pieces.right + pieces.left) / 2 - pieces.at_zero
    terms = [Const(pieces.at_zero)] if pieces.at_zero else []
    return _added([*terms, *(Times((Const(share), part)) for share, part in ((odd, sign), (even, sign**2)) if share)])


def _added(terms: Sequence[Formula]) -> Formula:
    return (Sum(tuple(terms)) if len(terms) > 1 else terms[0]) if terms else ZERO


@lru_cache(maxsize=KEPT_RULES)
def _slope(rule: Rule, place: int) -> tuple[Formula, tuple[int, ...]]:
    """The slope of a rule in one argument, and the arguments that fill its variables; ``RESULT`` is the value of the rule."""
    try:
        slope = adjoint(rule, min(place, rule.arity), ONE)
    except (DesignError, NotImplementedError):  # bounds of gradients, slopes of slopes: by a small difference
        ahead, behind = (_shifted(rule.formula, place, by) for by in (SHIFT, -SHIFT))
        return (ahead - behind) / (2 * SHIFT), tuple(range(rule.arity))
    return slope.rule.formula, slope.sources


def _shifted(formula: Formula, place: int, by: Fraction) -> Formula:
    """The formula with a number added to one of its variables."""
    return rewrite(formula, lambda part: part + by if isinstance(part, Var) and part.number == place else None)


def slopes(step: Step) -> Iterator[tuple[int, Formula, tuple[int, ...]]]:
    """The slope in each argument of a step, by its position, and the positions that fill it (``RESULT``: that of the step)."""
    rule, arguments = step.rule, step.arguments
    assert rule is not None
    for place, argument in enumerate(arguments):
        slope, sources = _slope(rule, place)
        yield argument, slope, tuple(source if source == RESULT else arguments[source] for source in sources)
