"""Optimizers: parameter and gradient in, update steps out.

Each rule writes the lines of its state for one parameter and gives the step
that is taken from it. ``change`` writes what is common to all rules: weight
decay, and the new parameter.

``g`` is the gradient (clipped, if the problem clips), p the parameter, η the
learning rate, k the iteration, counted from 1 or on from the iterations that a
given state has behind it. What a rule carries from one iteration to the next is
0 before the first, unless it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from bptt_trace.engine.formula import ONE, ZERO, Apply, Const, Extreme, Formula, Power, Var
from bptt_trace.engine.functions import absolute, exp, ln, sqrt
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Builder


@dataclass(frozen=True)
class Update:
    """The update of parameters; its numbers (learning rate, β, ε …) are given numbers of the problem."""

    rule: str = "gd"
    freeze: tuple[Name, ...] = ()
    velocity: str = "sum"
    """For momentum: ``sum``, v = βv + g, or ``mean``, v = βv + (1 − β)g."""
    rate: str = "outside"
    """For momentum: the learning rate ``outside`` the velocity, p − ηv, or ``inside``, v = βv + ηg."""
    epsilon: str = "outside"
    """ε ``outside`` the root, √v + ε, or ``inside``, √(v + ε), or ``none`` where it is 0.

    Of Adam also ``uncorrected``, beside the root of v as it is, before its correction."""
    centered: bool = False
    """For RMSProp: whether the square of the mean gradient is subtracted from the mean square."""
    accumulator: bool = False
    """For AdaGrad: whether the sum of squares begins with a given number instead of 0."""
    decay: str = ""
    """Weight decay: none, ``l2`` (λp is added to the gradient) or ``decoupled`` (ηλp is taken from the parameter)."""
    clip: str = ""
    """Clipping of gradients: none, by their ``norm``, by ``value``, or by the norm of each ``parameter``."""
    schedule: str = ""
    """The schedule of the learning rate: empty for none, ``list``, ``step``, ``exponential`` or ``warmup``."""
    every: int = 1
    """The period of a schedule: the iterations of one learning rate (step), or those of the warm-up."""
    truncate: int | None = None
    """Time steps of the windows at whose borders the backward pass is cut; None for all of it."""
    truncate_every: int | None = None
    """The number of steps between two backward passes, if it is less than their length, so that windows overlap."""
    iterations: int = 1
    online: int = 0
    """The number of samples that take turns, one in each iteration; 0 where every iteration uses all samples."""
    told: bool = False
    """Whether the gradients themselves are given, and no network."""
    corrected: bool = True
    """For Adam: whether the means are corrected for their start at 0."""
    amsgrad: bool = False
    """For Adam: whether the largest mean square so far is used."""
    look_ahead: bool = False
    """For Nesterov: whether the gradient is taken at the point to which the velocity alone leads."""
    momentum_decay: str = ""
    """For Nadam: the growth of its momentum, ``keras`` (ψ = 1), ``given`` (ψ is a number of the problem), or empty for none."""
    done: int = 0
    """The number of iterations before the given state of an optimizer."""


STATES = (
    "m", "v", "s", "mhat", "vhat", "g", "step", "clipped", "squares", "norm", "scale", "cut", "u", "delta", "vmax", "ahead",
)  # fmt: skip
"""Stems of the lines that belong to one parameter: ``v_w_hh``."""
COMMON = ("alpha", "mu", "mu_next", "mu_product")
"""Stems of the lines that belong to an iteration, for all parameters."""


class AnyIteration(int):
    """The number of any iteration, or of the one after it: formulas write k or k+1, and no other number is equal to it."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __new__(cls, number: int, written: str = "k") -> AnyIteration:
        """A number and its symbol in formulas."""
        self = super().__new__(cls, number)
        self.written = written
        return self

    written: str

    def __add__(self, other: int) -> AnyIteration:
        return AnyIteration(int(self) + other, f"{self.written}+{other}" if other else self.written)

    def __str__(self) -> str:
        return self.written


def of_parameter(stem: str, parameter: Name) -> Name:
    """The name of an optimizer's line for a parameter.

    >>> str(of_parameter("v", Name("W_hh", index=(1, 2), iteration=3)))
    'v_W_hh[1,2]@3'
    """
    return Name(f"{stem}_{parameter.stem}", parameter.layer, None, parameter.index, None, parameter.iteration)


def at_start(stem: str, parameter: Name) -> Name:
    """The name of a given number of an optimizer's state, before the first iteration.

    >>> str(at_start("v", Name("w_hh")))
    'v_w_hh_0'
    """
    return of_parameter(stem, parameter)._replace(time=0)


Ageing = dict[int, tuple[int, Callable[[int], Formula]]]
"""Lines whose formula has the number of the iteration: the line that each was written for, and the function that makes it."""


@dataclass(frozen=True)
class Turn:
    """One parameter in one iteration, while its update is being written."""

    builder: Builder
    options: Update
    numbers: Mapping[str, Var]
    """The given numbers of the update by name: ``beta``, ``beta_1``, ``epsilon``, ``lambda`` …"""
    rate: Var
    """η in this iteration."""
    name: Name
    """The parameter, with the number of this iteration."""
    parameter: Var
    gradient: Var
    before: Mapping[str, Var]
    """The state after the iteration before, by stem; empty at the first."""
    ageing: Ageing
    after: dict[str, Var]
    """The state after this iteration."""
    common: dict[str, Var]
    """The lines that all parameters share: those of this iteration, and until they are written those of the one before."""

    @property
    def iteration(self) -> int:
        """The number of the iteration, counted from 1."""
        return self.name.iteration

    def let(self, stem: str, formula: Formula) -> Var:
        """A line of the state."""
        line = self.builder.let(of_parameter(stem, self.name), formula, Role.STATE, self.gradient.number)
        self.after[stem] = line
        return line

    def aged(self, stem: str, make: Callable[[int], Formula]) -> Var:
        """A line of the state whose formula has k in it: ``make`` is given k."""
        return self._ages(self.let(stem, make(self.iteration + self.options.done)), make)

    def shared(self, stem: str, make: Callable[[int], Formula]) -> Var:
        """A line of the iteration, the same for all parameters; its formula may have k in it."""
        known, name = self.common.get(stem), Name(stem, iteration=self.iteration)
        if known is not None and self.builder.steps[known.number].target == name:
            return known
        line = self.builder.let(name, make(self.iteration + self.options.done), Role.STATE)
        self.common[stem] = line
        return self._ages(line, make)

    def _ages(self, line: Var, make: Callable[[int], Formula]) -> Var:
        done = self.options.done
        self.ageing[line.number] = line.number, lambda iteration: make(iteration + done)
        return line

    def last(self, stem: str) -> Formula:
        """A line of the state as the iteration before has left it."""
        return self.before.get(stem, ZERO)

    @property
    def squared(self) -> Formula:
        """g², number by number."""
        return square(self.builder, self.gradient)

    def root(self, of: Formula) -> Formula:
        """√of with the ε of this sheet beside it, or under it."""
        match self.options.epsilon:
            case "inside":
                return Apply(sqrt, of + self.numbers["epsilon"])
            case "none":
                return Apply(sqrt, of)
            case _:
                return Apply(sqrt, of) + self.numbers["epsilon"]


def square(builder: Builder, gradient: Var) -> Formula:
    """The square of a gradient, with brackets where its name is a fraction."""
    return Power(gradient, 2, bracketed=builder.steps[gradient.number].target.of is not None)


UpdateRule = Callable[[Turn], Formula]
"""Writes the state, and gives the step that is taken from the parameter."""


def gradient_descent(turn: Turn) -> Formula:
    """p' = p − η · g

    Source: Goodfellow, Bengio and Courville, *Deep Learning* (2016), eq. 4.5.
    """
    return turn.rate * turn.gradient


def _velocity(turn: Turn) -> Var:
    beta, g = turn.numbers["beta"], turn.gradient
    push: Formula = (1 - beta) * g if turn.options.velocity == "mean" else g
    return turn.let("v", beta * turn.last("v") + (turn.rate * push if turn.options.rate == "inside" else push))


def momentum(turn: Turn) -> Formula:
    """v = β · v + g, p' = p − η · v; with η inside: v = β · v + η · g, p' = p − v

    Sources: outside, torch.optim.SGD; inside, Polyak (1964), Sutskever et al.
    (2013), keras.optimizers.SGD with the sign of v turned; with 1 − β, Kingma
    and Ba (2015), without the correction.
    """
    v = _velocity(turn)
    return v if turn.options.rate == "inside" else turn.rate * v


def nesterov(turn: Turn) -> Formula:
    """v = β · v + g, p' = p − η · (g + β · v); with η inside: v = β · v + η · g, p' = p − (β · v + η · g)

    The gradient is that of the parameters as they stand on the sheet: Bengio,
    Boulanger-Lewandowski and Pascanu (2013), eq. 7; torch.optim.SGD
    (``nesterov=True``) and, with η inside, keras.optimizers.SGD. Looking ahead,
    the gradient is that of p − β · v, and p' = p − v: Sutskever et al. (2013),
    eqs. 3 and 4, with the sign of v turned.
    """
    v, beta = _velocity(turn), turn.numbers["beta"]
    if turn.options.look_ahead:
        return v
    if turn.options.rate == "inside":
        return turn.let("step", beta * v + turn.rate * turn.gradient)
    return turn.let("step", turn.rate * (turn.gradient + beta * v))


def ahead(parameter: Formula, beta: Formula, velocity: Formula) -> Formula:
    """The point of the gradient with look-ahead: p − β · v."""
    return parameter - beta * velocity


def adagrad(turn: Turn) -> Formula:
    """v = v + g², p' = p − η · g / (√v + ε)

    Source: Duchi, Hazan and Singer (2011); torch.optim.Adagrad.
    """
    start = turn.numbers.get("v_0")
    before = start if start is not None and "v" not in turn.before else turn.last("v")
    v = turn.let("v", before + turn.squared)
    return turn.let("step", turn.rate * turn.gradient / turn.root(v))


def rmsprop(turn: Turn) -> Formula:
    """v = β · v + (1 − β) · g², p' = p − η · g / (√v + ε); centred: √(v − m²), m = β · m + (1 − β) · g

    Sources: Hinton (2012), lecture 6e; centred, Graves (2013), eqs. 38 to 45;
    torch.optim.RMSprop.
    """
    beta, g = turn.numbers["beta"], turn.gradient
    spread = turn.let("v", beta * turn.last("v") + (1 - beta) * turn.squared)
    if turn.options.centered:
        m = turn.let("m", beta * turn.last("m") + (1 - beta) * g)
        spread = turn.let("s", spread - m**2)
    return turn.let("step", turn.rate * g / turn.root(spread))


def adadelta(turn: Turn) -> Formula:
    """v = β · v + (1 − β) · g², δ = √(u + ε) / √(v + ε) · g, u = β · u + (1 − β) · δ², p' = p − η · δ

    Source: Zeiler (2012), algorithm 1, which has no η (η = 1); torch.optim.Adadelta.
    """
    beta = turn.numbers["beta"]
    v = turn.let("v", beta * turn.last("v") + (1 - beta) * turn.squared)
    delta = turn.let("delta", turn.root(turn.last("u")) / turn.root(v) * turn.gradient)
    turn.let("u", beta * turn.last("u") + (1 - beta) * delta**2)
    return turn.rate * delta


def adam(turn: Turn) -> Formula:
    """m = β₁ · m + (1 − β₁) · g, v = β₂ · v + (1 − β₂) · g², m̂ = m / (1 − β₁^k), v̂ = v / (1 − β₂^k)

    p' = p − η · m̂ / (√v̂ + ε). Source: Kingma and Ba (2015), algorithm 1;
    torch.optim.Adam. With ε before the correction, p' = p − α · m / (√v + ε),
    α = η · √(1 − β₂^k) / (1 − β₁^k): ibid., end of sect. 2; keras.optimizers.Adam.
    Without the correction m and v stand for m̂ and v̂.

    AMSGrad puts v_max = max(v_max, v) for v: Reddi, Kale and Kumar (2018),
    algorithm 2, without the correction; torch.optim.Adam (``amsgrad=True``).
    """
    beta_1, beta_2, rate = turn.numbers["beta_1"], turn.numbers["beta_2"], turn.rate
    uncorrected = turn.options.epsilon == "uncorrected"
    if uncorrected:
        rate = turn.shared("alpha", lambda k: turn.rate * Apply(sqrt, 1 - powered(beta_2, k)) / (1 - powered(beta_1, k)))
    corrected = turn.options.corrected and not uncorrected
    mean = m = _mean(turn)
    if corrected:
        m = turn.aged("mhat", lambda k: mean / (1 - powered(beta_1, k)))
    square = v = _mean_square(turn)
    if turn.options.amsgrad:
        square = v = turn.let("vmax", Extreme("max", (turn.before["vmax"], v)) if "vmax" in turn.before else v)
    if corrected:
        v = turn.aged("vhat", lambda k: square / (1 - powered(beta_2, k)))
    return turn.let("step", rate * m / turn.root(v))


def _mean(turn: Turn) -> Var:
    """The running mean of the gradient."""
    beta = turn.numbers["beta_1"]
    return turn.let("m", beta * turn.last("m") + (1 - beta) * turn.gradient)


def _mean_square(turn: Turn) -> Var:
    """The running mean of the square of the gradient."""
    beta = turn.numbers["beta_2"]
    return turn.let("v", beta * turn.last("v") + (1 - beta) * turn.squared)


def adamax(turn: Turn) -> Formula:
    """m = β₁ · m + (1 − β₁) · g, u = max(β₂ · u, |g|), p' = p − η / (1 − β₁^k) · m / (u + ε)

    Source: Kingma and Ba (2015), algorithm 2, without ε; with it,
    keras.optimizers.Adamax. Inside, u = max(β₂ · u, |g| + ε): torch.optim.Adamax.
    """
    beta_1, beta_2, epsilon = turn.numbers["beta_1"], turn.numbers["beta_2"], turn.options.epsilon
    m = _mean(turn)
    size: Formula = Apply(absolute, turn.gradient)
    if epsilon == "inside":
        size = size + turn.numbers["epsilon"]
    u = turn.let("u", Extreme("max", (beta_2 * turn.last("u"), size)))
    below = u + turn.numbers["epsilon"] if epsilon == "outside" else u
    return turn.aged("step", lambda k: turn.rate / (1 - powered(beta_1, k)) * m / below)


def nadam(turn: Turn) -> Formula:
    """m and v as of Adam, m̂ = β₁ · m / (1 − β₁^(k+1)) + (1 − β₁) · g / (1 − β₁^k), p' = p − η · m̂ / (√v̂ + ε)

    Source: Dozat (2016), algorithm 2, with the same momentum in every iteration.
    Where it grows, μ_k = β₁ · (1 − ½ · 0.96^(kψ)) stands for β₁ in m̂, and the
    product of all μ for its power: ibid.; keras.optimizers.Nadam has ψ = 1,
    torch.optim.NAdam ψ = 0.004 (``momentum_decay``).
    """
    beta_1, beta_2, g = turn.numbers["beta_1"], turn.numbers["beta_2"], turn.gradient
    if not turn.options.momentum_decay:
        m, v = _mean(turn), _mean_square(turn)
        mhat = turn.aged(
            "mhat", lambda k: beta_1 * m / (1 - powered(beta_1, k + 1)) + (1 - beta_1) * g / (1 - powered(beta_1, k))
        )
    else:
        mu = turn.shared("mu", lambda k: _growing(turn, k))
        after = turn.shared("mu_next", lambda k: _growing(turn, k + 1))
        before = turn.common.get("mu_product")
        product = turn.shared("mu_product", lambda _: mu if before is None else before * mu)
        m, v = _mean(turn), _mean_square(turn)
        mhat = turn.let("mhat", after * m / (1 - product * after) + (1 - mu) * g / (1 - product))
    vhat = turn.aged("vhat", lambda k: v / (1 - powered(beta_2, k)))
    return turn.let("step", turn.rate * mhat / turn.root(vhat))


def _growing(turn: Turn, k: int) -> Formula:
    """μ_k = β₁ · (1 − ½ · 0.96^(kψ)); a power that need not be whole is exp(k · ψ · ln 0.96)."""
    base, half = Const(Fraction(24, 25)), Const(Fraction(1, 2))
    if turn.options.momentum_decay == "keras":
        less = powered(base, k)
    else:
        less = Apply(exp, _counted(k) * turn.numbers["psi"] * Apply(ln, base))
    return turn.numbers["beta_1"] * (ONE - half * less)


def _counted(k: int) -> Const:
    """The number of an iteration as a factor."""
    return Const(Fraction(k), (str(k) if str(k).isalnum() else f"({k})") if isinstance(k, AnyIteration) else "")


def powered(base: Formula, exponent: int) -> Formula:
    """A power as it is written: the first is the base itself."""
    return base if exponent == 1 else Power(base, exponent)


RULES: dict[str, UpdateRule] = {
    "gd": gradient_descent,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adam,
    "adadelta": adadelta,
    "adamax": adamax,
    "nadam": nadam,
}
"""The update rules that a problem may name; adamw is adam with decoupled weight decay (Loshchilov and Hutter 2019)."""


def change(turn: Turn) -> Var:
    """The lines of one parameter in one iteration, up to the new parameter.

    Weight decay: l2, g = g + λ · p before the rule; decoupled, p' = p − η · λ · p − step
    (Loshchilov and Hutter 2019, algorithm 2; torch.optim.AdamW).
    """
    p, decay = turn.parameter, turn.options.decay
    used = turn
    if decay == "l2":
        with_decay = turn.let("g", turn.gradient + turn.numbers["lambda"] * p)
        used = replace(turn, gradient=with_decay)
    step = RULES[turn.options.rule](used)
    kept: Formula = p - turn.rate * turn.numbers["lambda"] * p if decay == "decoupled" else p
    return turn.builder.let(turn.name._replace(updated=True), kept - step, Role.UPDATE, turn.gradient.number)


# ------------------------------------------------------------------- schedules


def scheduled(options: Update, eta: Formula, gamma: Formula | None, k: int) -> Formula:
    """The learning rate of iteration k as a formula; torch.optim.lr_scheduler has these as StepLR, ExponentialLR, LinearLR.

    step: η · γ^⌊(k − 1) / every⌋. exponential: η · γ^(k − 1). warmup: η · k / every, from ``every`` on η.
    """
    if options.schedule == "warmup":
        share = Fraction(k, options.every)
        return eta * Const(share) if share < 1 else eta
    exponent = (k - 1) // options.every
    assert gamma is not None
    return eta * powered(gamma, exponent) if exponent else eta


BETA, BETA_1, BETA_2, EPSILON = Name("beta"), Name("beta", time=1), Name("beta", time=2), Name("epsilon")
_OF_ADAM = {"beta_1": BETA_1, "beta_2": BETA_2, "epsilon": EPSILON}
WANTED: dict[str, dict[str, Name]] = {
    "gd": {},
    "momentum": {"beta": BETA},
    "nesterov": {"beta": BETA},
    "adagrad": {"epsilon": EPSILON},
    "rmsprop": {"beta": BETA, "epsilon": EPSILON},
    "adadelta": {"beta": BETA, "epsilon": EPSILON},
    "adam": _OF_ADAM,
    "adamw": _OF_ADAM,
    "adamax": _OF_ADAM,
    "nadam": _OF_ADAM,
}
"""The numbers that each rule needs besides the learning rate, by their keys."""
CARRIED: dict[str, tuple[str, ...]] = {
    "gd": (),
    "momentum": ("v",),
    "nesterov": ("v",),
    "adagrad": ("v",),
    "rmsprop": ("v",),
    "adadelta": ("v", "u"),
    "adam": ("m", "v"),
    "adamw": ("m", "v"),
    "adamax": ("m", "u"),
    "nadam": ("m", "v"),
}
"""The state of each rule between iterations; centred RMSProp also has m, AMSGrad also vmax."""
COUNTING = ("adam", "adamw", "adamax", "nadam")
"""Rules whose formulas have the number of the iteration in them."""
HYPER = ("eta", "beta", "epsilon", "lambda", "gamma", "clip", "v", "rate", "psi")
"""Stems of numbers that belong to the update, and of the learning rate of an iteration."""
