"""The table of functions: the spelling, the values and the slope of each.

A slope is written as textbooks write it, in the argument ``z`` or in the value
``y`` of the function: ``1 − y²`` for tanh, ``y · (1 − y)`` for the sigmoid.
The tests prove with SymPy that it is the derivative.

A function is defined in one of three ways: libraries calculate it (``tanh``); it
consists of straight pieces (``relu``); or a formula in ``z`` defines it, such as an
activation of a problem file, or the derivative of one.

For a function that libraries calculate, its row also says how each library
does, and how each generated program defines it.
"""

from __future__ import annotations

import copyreg
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import wraps
from typing import Any, ParamSpec
from weakref import WeakValueDictionary

from bptt_trace.engine.formula import (
    ONE,
    ZERO,
    Apply,
    Const,
    Diagonal,
    Formula,
    Neg,
    Outer,
    Over,
    Power,
    Sum,
    Times,
    Var,
    constant,
    product,
)
from bptt_trace.errors import DesignError


@dataclass(frozen=True)
class Pieces:
    """Slope left of 0, value at 0 and slope right of 0, or constants on the three (``steps``)."""

    left: Fraction
    at_zero: Fraction
    right: Fraction
    steps: bool = False


@dataclass(frozen=True)
class Libraries:
    """A function of one number in the libraries; a library that is imported late is passed with the argument."""

    math: Callable[[float], float]
    """The value of a double, correct to its last digits."""
    mpmath: Callable[[Any, Any], Any]
    """The value in mpmath, with the digits of its context."""
    sympy: Callable[[Any, Any], Any]
    """The value as a closed form."""
    numpy: Callable[[Any, Any], Any]
    """The values of a column of doubles."""
    near_zero: float | None = None
    """The error of ``math`` where the value is close to 0; None where its doubles are not reliable."""
    bounds: str = ""
    """Its name in ``enclosure.py``, where it has bounds of its own."""


@dataclass(frozen=True, eq=False)
class Function:
    """A function of one number. Two functions are the same only if they are one object."""

    name: str
    sign: str
    """The name in set formulas: a word, or the name of a Greek letter."""
    slope: Callable[[Formula, Formula], Formula] | None = None
    """The slope as a formula, from formulas for the argument z and the value y."""
    pieces: Pieces | None = None
    definition: Formula | None = None
    source: str = ""
    """The text of a definition, as its author wrote it."""
    entry: Callable[[Sequence[Formula], int], Formula] | None = None
    """For a function of a whole column: one entry of the value, from the entries of the argument."""
    jacobian: Callable[[Formula], Formula] | None = None
    """For a function of a whole column: the matrix of its slopes, from its value y."""
    values: tuple[int | None, int | None] = (None, None)
    """The bounds of the values; None where there are none."""
    libraries: Libraries | None = None
    code: Mapping[str, str] | None = None
    """The definition under its own name in generated programs: with decimals of 60 digits (``decimal``), with Python's
    doubles (``float``), with arrays (``numpy``, ``torch``) and with SymPy (``sympy``)."""
    number: int | None = None
    """The number below the sign, for one of several functions of a user."""
    prime: bool = False
    """Whether it is the slope of the function with this sign."""
    made: tuple[Callable[..., Function], tuple[Any, ...]] | None = None
    """The function and the arguments that made it; another process makes it again by these, since its formulas cannot be sent."""

    def __call__(self, argument: Formula) -> Formula:
        """The function applied to a formula; the identity leaves it as it is."""
        return argument if self is identity else Apply(self, argument)

    def __repr__(self) -> str:
        return self.name


identity = Function("identity", "id", lambda z, y: ONE, pieces=Pieces(Fraction(1), Fraction(0), Fraction(1)))

P = ParamSpec("P")


def while_used(make: Callable[P, Function]) -> Callable[P, Function]:
    """The same object for the same arguments while something refers to it: functions are equal only if they are one object."""
    known: WeakValueDictionary[object, Function] = WeakValueDictionary()

    @wraps(make)
    def kept(*args: P.args, **kwargs: P.kwargs) -> Function:
        arguments = (args, *sorted(kwargs.items()))
        function = known.get(arguments)
        if function is None:
            function = known[arguments] = make(*args, **kwargs)
        return function

    return kept


Z = Var(0)
"""The argument, in a definition."""
MAX_EXPONENT = 690
"""Beyond e^±690 doubles overflow, or lose digits."""


def _everywhere(name: str, near_zero: float | None = None, bounds: str = "") -> Libraries:
    """A function that all libraries have under one name."""

    def called(library: Any, z: Any) -> Any:
        return getattr(library, name)(z)

    return Libraries(getattr(math, name), called, called, called, near_zero, bounds or name)


def _exp(z: float) -> float:
    """The exponential as a double. Raises ``OverflowError`` where a double loses digits; then 60 digits are used."""
    if abs(z) > MAX_EXPONENT:
        raise OverflowError
    return math.exp(z)


def _code(name: str, library: str, decimal: str = "") -> dict[str, str]:
    """The definitions of a function that all libraries have; without ``decimal`` the decimal module has it too."""
    of_decimals = f'def {name}(z):\n    """As the decimal module has it."""\n    return number(decimal(z).{name}())'
    modules = {"float": "math", "numpy": "np", "torch": "torch", "sympy": "sympy"}
    return {form: f"{name} = {module}.{library}" for form, module in modules.items()} | {"decimal": decimal or of_decimals}


exp = Function("exp", "exp", lambda z, y: y, libraries=replace(_everywhere("exp", 0.0), math=_exp), code=_code("exp", "exp"))
ln = Function("ln", "ln", lambda z, y: 1 / z, libraries=_everywhere("log", 1e-15, "ln"), code=_code("ln", "log"))
sqrt = Function("sqrt", "sqrt", lambda z, y: 1 / (2 * y), libraries=_everywhere("sqrt", 0.0), code=_code("sqrt", "sqrt"))

tanh = Function(
    "tanh",
    "tanh",
    lambda z, y: 1 - y**2,
    values=(-1, 1),
    libraries=_everywhere("tanh", 0.0),
    code=_code(
        "tanh",
        "tanh",
        decimal='''\
def tanh(z):
    """(exp(z) - exp(-z)) / (exp(z) + exp(-z)), without large exponentials."""
    if abs(z) < Decimal("1e-20"):
        return number(decimal(z) - decimal(z) ** 3 / 3)  # 1 - small would lose its digits
    small = (-2 * abs(decimal(z))).exp()
    size = (1 - small) / (1 + small)
    return number(size if z >= 0 else -size)''',
    ),
)

sigmoid = Function(
    "sigmoid",
    "sigma",
    lambda z, y: y * (1 - y),
    values=(0, 1),
    libraries=Libraries(
        math=lambda z: 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z)),
        mpmath=lambda mpmath, z: 1 / (1 + mpmath.exp(-z)),
        sympy=lambda sympy, z: 1 / (1 + sympy.exp(-z)),
        numpy=lambda numpy, z: 1 / (1 + numpy.exp(-z)),
        near_zero=0.0,
        bounds="sigmoid",
    ),
    code={
        "decimal": '''\
def sigmoid(z):
    """1 / (1 + exp(-z)), without large exponentials."""
    small = (-abs(decimal(z))).exp()
    return number((1 if z >= 0 else small) / (1 + small))''',
        "float": '''\
def sigmoid(z):
    """1 / (1 + exp(-z)), without large exponentials."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))''',
        "numpy": '''\
def sigmoid(z):
    """1 / (1 + exp(-z)), without large exponentials."""
    return np.exp(-np.logaddexp(0, -z))''',
        "torch": "sigmoid = torch.sigmoid",
        "sympy": """\
def sigmoid(z):
    return 1 / (1 + sympy.exp(-z))""",
    },
)

softplus = Function(
    "softplus",
    "softplus",
    lambda z, y: sigmoid(z),
    values=(0, None),
    libraries=Libraries(
        math=lambda z: max(z, 0.0) + math.log1p(math.exp(-abs(z))),
        mpmath=lambda mpmath, z: mpmath.log1p(mpmath.exp(-abs(z))) + max(z, mpmath.zero),
        sympy=lambda sympy, z: sympy.log(1 + sympy.exp(z)),
        numpy=lambda numpy, z: numpy.maximum(z, 0) + numpy.log1p(numpy.exp(-numpy.abs(z))),
        near_zero=0.0,
        bounds="softplus",
    ),
    code={
        "decimal": '''\
def softplus(z):
    """ln(1 + exp(z)), without large exponentials."""
    small = (-abs(decimal(z))).exp()
    rest = (1 + small).ln() if small > Decimal("1e-20") else small - small**2 / 2 + small**3 / 3
    return number(max(decimal(z), Decimal(0)) + rest)''',
        "float": '''\
def softplus(z):
    """ln(1 + exp(z)), without large exponentials."""
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))''',
        "numpy": '''\
def softplus(z):
    """ln(1 + exp(z)), without large exponentials."""
    return np.logaddexp(0, z)''',
        "torch": '''\
def softplus(z):
    """ln(1 + exp(z)), without large exponentials."""
    return torch.logaddexp(z, torch.zeros_like(z))''',
        "sympy": """\
def softplus(z):
    return sympy.log(1 + sympy.exp(z))""",
    },
)


def _wave(name: str, series: str, doubled: str, result: str) -> str:
    """The definition of sin or cos with the decimal module.

    A large number has large terms in its series, which cancel: the series of 164 has lost all of its 60 digits. So it is
    taken of a part that is smaller than 1, and each doubling loses a third of a digit.
    """
    return f'''\
def {name}(z):
    """{series} for a small part of z, which is then doubled: {doubled}."""
    doublings = int(abs(decimal(z))).bit_length()
    part = decimal(z) / 2**doublings
    sine, cosine, term, power = part, Decimal(1), part, 1
    while sine + term != sine or power == 1:
        power += 2
        even = -term * part / (power - 1)
        term = even * part / power
        sine, cosine = sine + term, cosine + even
    for _ in range(doublings):
        sine, cosine = 2 * sine * cosine, cosine * cosine - sine * sine
    return number({result})'''


sin: Function = Function(
    "sin",
    "sin",
    lambda z, y: cos(z),
    libraries=_everywhere("sin"),
    code=_code("sin", "sin", _wave("sin", "z - z^3/3! + z^5/5! - ...", "sin 2a = 2 sin a cos a", "sine")),
)

cos: Function = Function(
    "cos",
    "cos",
    lambda z, y: -sin(z),
    libraries=_everywhere("cos"),
    code=_code("cos", "cos", _wave("cos", "1 - z^2/2! + z^4/4! - ...", "cos 2a = cos^2 a - sin^2 a", "cosine")),
)

softmax = Function(
    "softmax",
    "softmax",
    entry=lambda z, row: exp(z[row]) / Sum(tuple(map(exp, z))),
    jacobian=lambda y: Diagonal(y) - Outer(y, y),
    code={
        "numpy": '''\
def softmax(z):
    """exp(z) / sum(exp(z)), without large exponentials."""
    e = np.exp(z - z.max())
    return e / e.sum()''',
        "torch": '''\
def softmax(z):
    """Over all entries of a column or a row."""
    return torch.softmax(z.ravel(), 0).reshape(z.shape)''',
    },
)
"""exp(z_i) / Σ exp(z_j). Its slopes ∂y_i/∂z_j are y_i − y_i² on the diagonal and −y_i · y_j off it (Bridle 1990)."""


@while_used
def _bent(name: str, sign: str, left: Fraction, at_zero: Fraction) -> Function:
    """``z`` right of 0 and ``left · z`` left of it; ``at_zero`` is the slope taken at 0."""
    one, zero = Fraction(1), Fraction(0)
    slope = Function(f"{name}'", sign, lambda z, y: ZERO, pieces=Pieces(left, at_zero, one, steps=True), prime=True)
    values = (None, None) if left > 0 else (0, None)
    made = _bent, (name, sign, left, at_zero)
    return Function(name, sign, lambda z, y: slope(z), pieces=Pieces(left, zero, one), values=values, made=made)


def relu(slope_at_0: Fraction = Fraction(0)) -> Function:
    """max(0, z); it has no derivative at 0, where ``slope_at_0`` is used."""
    return _bent("relu", "ReLU", Fraction(0), slope_at_0)


def leaky_relu(leak: Fraction = Fraction(1, 100), slope_at_0: Fraction | None = None) -> Function:
    """z right of 0 and ``leak`` · z left of it (Maas et al. 2013); at 0 the slope is ``leak`` by default."""
    return _bent("leaky_relu", "LeakyReLU", leak, leak if slope_at_0 is None else slope_at_0)


unit_step = Function("step", "step", lambda z, y: ZERO, pieces=Pieces(ZERO.value, Fraction(1, 2), ONE.value, steps=True))
"""The slope of the larger of two in the first of them, from the first minus the second: 1, 0, and 1/2 where they are equal."""


@while_used
def threshold(name: str = "step", at_zero: Fraction = Fraction(1)) -> Function:
    """1 right of 0; left of it 0 (``step``) or −1 (``sign``); at 0 the given value. Its slope is 0 wherever it has one.

    Source: Rosenblatt (1958), *Psychological Review* 65:386.
    """
    low = Fraction(-1 if name == "sign" else 0)
    pieces = Pieces(low, at_zero, Fraction(1), steps=True)
    return Function(name, name, lambda z, y: ZERO, pieces=pieces, values=(int(low), 1), made=(threshold, (name, at_zero)))


absolute = _bent("abs", "abs", Fraction(-1), Fraction(0))

ACTIVATIONS = {function.name: function for function in (identity, tanh, sigmoid, relu(), leaky_relu(), softplus, softmax)}
"""The activations that a problem file may name; anything else is an expression in z."""

ELEMENTARY = {function.name: function for function in (exp, ln, sqrt, sin, cos, tanh, sigmoid, softplus, absolute, relu())} | {
    "log": ln
}
"""The functions that an expression in z may use."""


def named(name: str) -> Function:
    """The function of this name in the table."""
    return ACTIVATIONS.get(name) or ELEMENTARY[name]


copyreg.pickle(Function, lambda function: function.made or (named, (function.name,)))


def defined(
    name: str, sign: str, definition: Formula, source: str, number: int | None = None, made: tuple[Any, ...] | None = None
) -> Function:
    """A function given by a formula in ``Z``, and its derivative; ``made`` is what makes it again."""
    slope = Function(f"{name}'", sign, definition=derivative(definition), number=number, prime=True)
    return Function(name, sign, lambda z, y: slope(z), definition=definition, source=source, number=number, made=made)


def derivative(formula: Formula) -> Formula:
    """The derivative of a formula of one number, ``Z``, by the rules of differentiation.

    Only factors 1 and terms 0 are simplified, so the derivative is defined
    wherever the rules are. Raises ``DesignError`` for vectors and matrices.
    """
    match formula:
        case Var():
            return ONE
        case Const():
            return ZERO
        case Neg(operand):
            return _negated(derivative(operand))
        case Sum(terms):
            return _added(map(derivative, terms))
        case Times(factors):
            return _added(
                _times(*factors[:number], derivative(factor), *factors[number + 1 :]) for number, factor in enumerate(factors)
            )
        case Over(above, below):
            return _added([_over(derivative(above), below), _negated(_over(_times(above, derivative(below)), below**2))])
        case Power(base, exponent):
            lower = base ** (exponent - 1) if exponent > 2 else base
            return _times(Const(Fraction(exponent)), lower, derivative(base))
        case Apply(function, argument):
            slope, inner = slope_of(function, argument, formula), derivative(argument)
            if isinstance(slope, Over) and slope.numerator == ONE:
                return _over(inner, slope.denominator)
            return _times(slope, inner)
        case _:
            raise DesignError(f"{formula} is not a formula of one number")


def _times(*factors: Formula) -> Formula:
    """A product with its sign in front; 0 if a factor is 0."""
    if ZERO in factors:
        return ZERO
    plain = [
        part for factor in factors for part in ((Const(Fraction(-1)), factor.operand) if isinstance(factor, Neg) else (factor,))
    ]
    return product(*plain)


def _over(above: Formula, below: Formula) -> Formula:
    """A quotient with its sign in front; one number if both parts are exact numbers."""
    if isinstance(above, Neg):
        return Neg(_over(above.operand, below))
    if isinstance(above, Const) and isinstance(below, Const) and below != ZERO:
        return Const(above.value / below.value)
    return ZERO if above == ZERO else above / below


def _negated(formula: Formula) -> Formula:
    if isinstance(formula, Const):
        return Const(-formula.value)
    return formula.operand if isinstance(formula, Neg) else Neg(formula)


def _added(terms: Iterable[Formula]) -> Formula:
    present = [term for term in terms if term != ZERO]
    if all(isinstance(term, Const) for term in present):
        return Const(sum((term.value for term in present if isinstance(term, Const)), Fraction(0)))
    return sum(present[1:], start=present[0]) if present else ZERO


def slope_of(function: Function, z: Formula, y: Formula) -> Formula:
    """The slope of a function at z, where its value is y. Raises ``NotImplementedError`` if the table has none."""
    if function.slope is None:
        raise NotImplementedError(f"{function.name} has no slope in the table")
    return constant(function.slope(z, y))
