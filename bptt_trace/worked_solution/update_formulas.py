"""An update rule in general: the lines that it writes, for any parameter p with the gradient g.

The rule itself writes them, on a program of its own, so that what is said of
it and what is done by it are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bptt_trace.document.mathematics import Math, MathRow, Put, Symbol
from bptt_trace.document.sentences import Inline, inline, say
from bptt_trace.engine.formula import Var
from bptt_trace.engine.names import Name, Role
from bptt_trace.engine.program import Builder, Step
from bptt_trace.lines.row_mathematics import Written
from bptt_trace.lines.spelling import Speller
from bptt_trace.networks.optimizers import WANTED, AnyIteration, Turn, Update, ahead, change, of_parameter

P = Name("p", iteration=AnyIteration(2))


def recipe(options: Update, speller: Speller) -> Iterator[tuple[Math, Math]]:
    """Both sides of the lines of one update: ``v = beta * v + g``, ``p' = p - eta * v``; on the right stands the v before."""
    builder = Builder()
    wanted = list(WANTED[options.rule].values())
    numbers = {str(name): builder.given(name) for name in (*wanted, Name("lambda"), Name("v", time=0), Name("psi"))}
    eta, old, gradient = (builder.given(Name(stem)) for stem in ("eta", "p", "g"))
    before: dict[str, Var] = {stem: builder.given(Name(stem)) for stem in ("m", "v", "u", "vmax")}
    common = {"mu_product": builder.given(Name("mu_product"))}
    start = len(builder.steps)
    if options.look_ahead:
        builder.let(of_parameter("ahead", P), ahead(old, numbers["beta"], before["v"]), Role.STATE)
    change(Turn(builder, replace(options, done=0), numbers, eta, P, old, gradient, before, {}, {}, common))
    for step in builder.steps[start:]:
        yield _equation(builder, step, speller)


def _equation(builder: Builder, step: Step, speller: Speller) -> tuple[Math, Math]:
    assert step.rule is not None

    def named(argument: int) -> Math:
        return speller.math(_short(builder.steps[step.arguments[argument]].target))

    return speller.math(_short(step.target)), Written(step.rule, named)


def _short(name: Name) -> Name:
    """The name of a line without that of its parameter."""
    stem = name.stem if name.stem == "p" else name.stem.removesuffix("_p")
    return name._replace(stem=stem, iteration=1)


SOURCES = {
    "gd": say("gradient descent"),
    "momentum": say("momentum, as in torch.optim.SGD"),
    "momentum inside": say("momentum, as Polyak (1964) and Keras have it (Keras with the sign of v turned)"),
    "nesterov": say("Nesterov momentum, as in torch.optim.SGD (nesterov=True)"),
    "nesterov inside": say("Nesterov momentum, as in keras.optimizers.SGD (with the sign of v turned)"),
    "adagrad": say("AdaGrad (Duchi, Hazan and Singer 2011)"),
    "rmsprop": "RMSProp (Hinton 2012)",
    "rmsprop centered": say("centred RMSProp (Graves 2013)"),
    "adam": say("Adam (Kingma and Ba 2015, algorithm 1)"),
    "adamw": say("AdamW (Loshchilov and Hutter 2019): Adam with decoupled weight decay"),
    "adadelta": say("Adadelta (Zeiler 2012), with a learning rate as in torch.optim.Adadelta"),
    "adamax": say("Adamax (Kingma and Ba 2015, algorithm 2)"),
    "nadam": say("Nadam (Dozat 2016): Adam with Nesterov's momentum"),
}


def named(options: Update) -> str:
    """The name of the rule, and its source."""
    key = options.rule + (" inside" if options.rate == "inside" else " centered" if options.centered else "")
    words = SOURCES[key]
    if options.look_ahead:
        words = say("Nesterov's momentum, looking ahead (Sutskever et al. 2013, with the sign of v turned)")
    if options.amsgrad:
        words += say("; AMSGrad: the largest mean square so far (Reddi, Kale and Kumar 2018)")
    if not options.corrected:
        words += say("; without the correction of the means")
    elif options.epsilon == "uncorrected":
        words += say("; epsilon beside the root before its correction (ibid., end of sect. 2; keras.optimizers.Adam)")
    if options.momentum_decay:
        words += say("; its momentum mu grows from iteration to iteration, as in torch.optim.NAdam and Keras")
    if options.velocity == "mean":
        words = say("momentum with the velocity as a running mean (factor 1 - beta)")
    if options.decay == "l2":
        words += say("; L2 weight decay in the gradient")
    elif options.decay and options.rule != "adamw":
        words += say("; weight decay beside the step (decoupled)")
    return words


def clipping(options: Update, speller: Speller) -> Inline:
    """The clipping of gradients, in words and a formula."""
    c = speller.math(Name("clip"))
    g = Symbol("g")
    size = Symbol("norm")
    scaled = MathRow(g, " * ", Put("over", c, MathRow("max", "(", size, ", ", c, ")")))
    bounded = MathRow("max", "(", "-", c, ", ", "min", "(", c, ", ", g, ")", ")")
    match options.clip:
        case "value":
            return inline("every number of a gradient becomes {bounded}, before any parameter is changed", bounded=bounded)
        case "parameter":
            whose = say("of this gradient alone")
        case _:
            whose = say("of all gradients together")
    return inline(
        "every gradient {g} becomes {scaled} before any parameter is changed: unchanged if the norm is at most {c}, otherwise "
        "scaled down to it; {size} is the root of the sum of squares {whose}",
        g=g, scaled=scaled, c=c, size=size, whose=whose,
    )  # fmt: skip
