"""The table [update], and gradients that are given instead of a network: keys become an ``Update`` and its numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bptt_trace.engine.components import entries
from bptt_trace.engine.formula import Shape
from bptt_trace.engine.functions import Function, identity
from bptt_trace.engine.names import Name, gradient
from bptt_trace.errors import ProblemError, UnknownName, nearest
from bptt_trace.networks.forward_pass import Network
from bptt_trace.networks.optimizers import CARRIED, COMMON, COUNTING, HYPER, STATES, WANTED, Update, at_start
from bptt_trace.problem.network_keys import MAX_LINES
from bptt_trace.problem.number_keys import quantity
from bptt_trace.problem.numbers import Number, exact_number, shown
from bptt_trace.problem.tables import Keys

Numbers = dict[Name, Number]

MAX_ITERATIONS = 10_000
ETA = Name("eta")
OF_RULE = {
    ("adadelta", "epsilon"): "1e-6",
    ("adadelta", "epsilon_at"): "inside",
    ("adamw", "decay"): "decoupled",
    ("adamw", "weight_decay"): "0.01",
}
"""Defaults of a rule that are not those of the schema; the schema names them in words."""


@dataclass(frozen=True)
class NoNetwork(Network):
    """The stand-in for a network where the gradients are given: parameters, and nothing else."""

    told: tuple[tuple[Name, Shape], ...] = ()
    """The parameters with their shapes."""

    def parameters(self) -> dict[Name, Shape]:
        """The parameters of the problem."""
        return dict(self.told)

    @property
    def activation(self) -> Function:
        """Nothing is activated."""
        return identity

    @property
    def output_activation(self) -> Function:
        """Nothing is predicted."""
        return identity


# ----------------------------------------------------------------------- [update]


def update_of(table: Keys, network: Network, samples: int | None, told: int = 0) -> tuple[Update, Numbers]:
    """The update that a table describes, and its numbers; raises ``ProblemError`` with the key's path.

    ``samples`` is the size of the batch; ``told`` says for how many iterations gradients are given.
    """
    rule = table["rule"]
    numbers: Numbers = {}
    schedule, every = _learning_rate(table, numbers)
    _numbers_of_rule(rule, table, numbers)
    _only_with(rule, table, ONLY_WITH)
    _looks_ahead(table, told)
    epsilon_at = _epsilon(rule, table, numbers)
    if "accumulator" in table:
        numbers[Name("v", time=0)] = _number(table, "accumulator", least=0)
    iterations, online = _iterations(table, samples, told)
    rates = table["learning_rate"]
    if isinstance(rates, list) and len(rates) != iterations:
        raise ProblemError(
            f"{len(rates)} learning rates for {iterations} iteration{'s' if iterations != 1 else ''}; expected one for each",
            path="update.learning_rate",
        )
    return (
        Update(
            rule,
            _frozen(table, network),
            velocity=table["velocity"],
            rate="inside" if table["look_ahead"] else table["rate"],
            epsilon=epsilon_at,
            centered=table["centered"],
            accumulator="accumulator" in table,
            decay=_decay(rule, table, numbers),
            clip=_clip(table, numbers),
            schedule=schedule,
            every=every,
            truncate=_truncate(table, network),
            truncate_every=_truncate_every(table, network),
            iterations=iterations,
            online=online,
            told=bool(told),
            corrected=table["bias_correction"],
            amsgrad=table["amsgrad"],
            look_ahead=table["look_ahead"],
            momentum_decay=_momentum_decay(table, numbers),
            done=_state(rule, table, network, numbers),
        ),
        numbers,
    )


ONLY_WITH: dict[str, tuple[str, ...]] = {
    "velocity": ("momentum",),
    "rate": ("momentum", "nesterov"),
    "look_ahead": ("nesterov",),
    "centered": ("rmsprop",),
    "accumulator": ("adagrad",),
    "bias_correction": ("adam", "adamw"),
    "amsgrad": ("adam", "adamw"),
    "momentum_decay": ("nadam",),
    "epsilon_at": ("adagrad", "rmsprop", "adam", "adamw", "adadelta", "adamax", "nadam"),
}
"""Keys that belong to some rules alone, with these rules."""


def _looks_ahead(table: Keys, told: int) -> None:
    if not table["look_ahead"]:
        return
    if told:
        raise ProblemError("the gradients are given, so there is nothing to look ahead with", path="update.look_ahead")
    if table.get("rate") == "outside":
        raise ProblemError('who looks ahead has the learning rate in the velocity; rate = "inside"', path="update.rate")


def _epsilon(rule: str, table: Keys, numbers: Numbers) -> str:
    """The position of ε; an ε of 0 is removed from the numbers."""
    epsilon = numbers.get(Name("epsilon"))
    epsilon_at: str = _usual(rule, table, "epsilon_at")
    if epsilon_at == "uncorrected":
        _only_with(rule, {"epsilon_at = uncorrected": epsilon_at}, {"epsilon_at = uncorrected": ("adam", "adamw")}, "epsilon_at")
        if not table["bias_correction"]:
            raise ProblemError("without the bias correction there is no other place for epsilon", path="update.epsilon_at")
    if epsilon is None or epsilon.value:
        return epsilon_at
    if "epsilon_at" in table:
        raise ProblemError("epsilon is 0, so it stands nowhere", path="update.epsilon_at")
    if rule == "adadelta":
        raise ProblemError("with an epsilon of 0 adadelta never begins to move; a number more than 0", path="update.epsilon")
    del numbers[Name("epsilon")]
    return "none"


def _momentum_decay(table: Keys, numbers: Numbers) -> str:
    """The growth of nadam's momentum: with ψ = 1 a whole power, else by the given number."""
    if "momentum_decay" not in table:
        return ""
    psi = _number(table, "momentum_decay", least=0)
    if psi.value == 1:
        return "keras"
    numbers[Name("psi")] = psi
    return "given"


def _state(rule: str, table: Keys, network: Network, numbers: Numbers) -> int:
    """Put the initial state of an optimizer into ``numbers``; return the number of iterations before it."""
    told = table["state"]
    stems = CARRIED[rule] + ("m",) * table["centered"] + ("vmax",) * table["amsgrad"]
    shapes = {str(name): (name, shape) for name, shape in network.parameters().items()}
    for stem in (key for key in told if key != "t"):
        path = f"update.state.{stem}"
        if stem not in stems:
            known = f"; it carries {' and '.join(stems)}" if stems else ", which carries nothing"
            raise ProblemError(f"the rule {rule} has no {stem}{known}", path=path)
        if stem == "v" and "accumulator" in table:
            raise ProblemError("accumulator says already with what v begins; leave one out", path=path)
        if not isinstance(told[stem], dict) and len(shapes) > 1:
            raise ProblemError(f"expected a table with a number for each parameter: {', '.join(shapes)}", path=path)
        by_name = told[stem] if isinstance(told[stem], dict) else {next(iter(shapes)): told[stem]}
        for key, value in by_name.items():
            if key not in shapes or key in table.get("freeze", []):
                why = "stays as it is (freeze)" if key in shapes else f"is not a parameter{nearest(key, shapes)}"
                raise ProblemError(f"{shown(key)} {why}; there are {', '.join(shapes)}", path=path)
            name, shape = shapes[key]
            for one, number in quantity(at_start(stem, name), value, shape, f"{path}.{key}", network.rows):
                if number.value < 0 and stem != "m" and rule not in ("momentum", "nesterov"):
                    raise ProblemError(f"{number.text} is not a square; expected a number from 0 on", path=f"{path}.{key}")
                numbers[one] = number
    done: int = told["t"]
    if done and (rule not in COUNTING or not table["bias_correction"] or "momentum_decay" in table):
        why = "the product of all momenta would be needed too" if "momentum_decay" in table else "no formula has it in it"
        raise ProblemError(f"{why}; leave t out", path="update.state.t")
    return done


def _number(table: Keys, key: str, least: int | None = None, below: int | None = None, *, zero: bool = True) -> Number:
    number = exact_number(table[key], f"update.{key}")
    low = least is not None and (number.value < least or (not zero and number.value == least))
    if low or (below is not None and number.value >= below):
        bounds = f"from {least}" if zero else f"more than {least}"
        upper = f", below {below}" if below is not None else ""
        raise ProblemError(f"{number.text} is not possible here; a number {bounds}{upper}", path=f"update.{key}")
    return number


def _learning_rate(table: Keys, numbers: Numbers) -> tuple[str, int]:
    """The learning rate, or one for each iteration, and how it changes."""
    value = table["learning_rate"]
    if isinstance(value, list):
        for key in ("schedule", "gamma", "every"):
            if key in table:
                raise ProblemError("the learning rates are given one by one, so there is no schedule", path=f"update.{key}")
        if not value:
            raise ProblemError("an empty list; expected one learning rate for each iteration", path="update.learning_rate")
        for iteration, item in enumerate(value, start=1):
            numbers[ETA._replace(iteration=iteration)] = _uphill(exact_number(item, f"update.learning_rate[{iteration}]"))
        return "list", 1
    numbers[ETA] = _uphill(exact_number(value, "update.learning_rate"))
    schedule = table.get("schedule", "")
    wanted = {"": (), "step": ("gamma", "every"), "exponential": ("gamma",), "warmup": ("every",)}[schedule]
    for key in ("gamma", "every"):
        if key in table and key not in wanted:
            why = f"the schedule {schedule} has none" if schedule else "there is no schedule"
            raise ProblemError(f"{why}, so {key} has no meaning", path=f"update.{key}")
        if key in wanted and key not in table:
            raise ProblemError(f'the key "{key}" is missing; the schedule {schedule} needs it', path="update")
    if "gamma" in wanted:
        numbers[Name("gamma")] = _number(table, "gamma", least=0, zero=False)
    return schedule, table.get("every", 1)


def _uphill(rate: Number) -> Number:
    if rate.value < 0:
        raise ProblemError(f"{rate.text} goes uphill; a learning rate is not negative", path="update.learning_rate")
    return rate


def _numbers_of_rule(rule: str, table: Keys, numbers: Numbers) -> None:
    """β and ε from the file, or their defaults."""
    wanted = WANTED[rule]
    for key in ("beta", "beta_1", "beta_2", "epsilon"):
        if key in table and key not in wanted:
            known = f"; it has {', '.join(wanted)}" if wanted else ""
            raise ProblemError(f"the rule {rule} has no {key}{known}", path=f"update.{key}")
        if key in wanted:
            value: Keys = {key: _usual(rule, table, key)}
            numbers[wanted[key]] = _number(value, key, least=0, below=None if key == "epsilon" else 1)


def _usual(rule: str, table: Keys, key: str) -> Any:
    """The value of a key, or what a rule has by default."""
    return OF_RULE[rule, key] if key not in table and (rule, key) in OF_RULE else table[key]


def _only_with(rule: str, table: Keys, keys: Mapping[str, tuple[str, ...]], path: str = "") -> None:
    for key, rules in keys.items():
        if key in table and rule not in rules:
            said = f"{key} says nothing of the rule {rule}; it goes with {', '.join(rules)}"
            raise ProblemError(said, path=f"update.{path or key}")


def _decay(rule: str, table: Keys, numbers: Numbers) -> str:
    kind: str = _usual(rule, table, "decay")
    if rule == "adamw" and kind == "l2":
        raise ProblemError('adamw decays decoupled; with l2 it is the rule "adam"', path="update.decay")
    if "weight_decay" not in table:
        if "decay" in table:
            raise ProblemError("there is no weight_decay, so nothing decays", path="update.decay")
        if (rule, "weight_decay") not in OF_RULE:
            return ""
    numbers[Name("lambda")] = _number({"weight_decay": _usual(rule, table, "weight_decay")}, "weight_decay", least=0, zero=False)
    return kind


def _clip(table: Keys, numbers: Numbers) -> str:
    if "clip" not in table:
        if "clip_by" in table:
            raise ProblemError("there is no clip: the largest norm or value that a gradient may have", path="update.clip_by")
        return ""
    numbers[Name("clip")] = _number(table, "clip", least=0, zero=False)
    return str(table["clip_by"])


def _truncate_every(table: Keys, network: Network) -> int | None:
    """The number of steps between two backward passes; None where each begins where the one before ends."""
    if "truncate_every" not in table:
        return None
    if "truncate" not in table:
        raise ProblemError("how far a pass goes back is missing: truncate, a number of time steps", path="update")
    every, back = table["truncate_every"], table["truncate"]
    if not network.every:
        raise ProblemError('with outputs = "last" there is one loss, and one backward pass', path="update.truncate_every")
    if every > back:
        raise ProblemError(
            f"{every} steps between passes that go back {back}: losses between them would be lost; from 1 to {back} is possible",
            path="update.truncate_every",
        )
    return every if every < back else None


def _truncate(table: Keys, network: Network) -> int | None:
    if "truncate" not in table:
        return None
    length: int = table["truncate"]
    if network.steps is None:
        raise ProblemError("there is no time, so nothing is carried back that could be cut", path="update.truncate")
    for there, what in (
        (network.bidirectional, "each layer reads in both directions"),
        (network.source_steps, "there are an encoder and a decoder"),
        (network.feedback == "output", "the output is fed back"),
        (network.first_only, "there is an input at the first step only"),
    ):
        if there:
            raise ProblemError(f"{what}, so windows of time steps are not defined; leave truncate out", path="update.truncate")
    if length >= network.steps:
        raise ProblemError(
            f"windows of {length}, where the steps are {network.steps}: nothing would be cut", path="update.truncate"
        )
    return length


def _iterations(table: Keys, samples: int | None, told: int) -> tuple[int, int]:
    """The number of iterations, and that of the samples that take turns."""
    online = table["mode"] == "online"
    if "mode" in table and samples is None:
        raise ProblemError("there is one sample only, so batch and online are the same", path="update.mode")
    if "epochs" in table and "iterations" in table:
        raise ProblemError("epochs and iterations exclude each other; leave one out", path="update.epochs")
    turns = samples if online and samples else 1
    if told:
        if "epochs" in table:
            raise ProblemError("the gradients are given, one for each iteration, so there are no epochs", path="update.epochs")
        if table.get("iterations", told) != told:
            raise ProblemError(
                f"{table['iterations']} iterations, but gradients for {told}; leave it out, or give as many",
                path="update.iterations",
            )
        return told, 0
    count = table["epochs"] * turns if "epochs" in table else table.get("iterations", turns)
    if count > MAX_ITERATIONS:
        raise ProblemError(f"{count:,} iterations; up to {MAX_ITERATIONS:,} are possible", path="update")
    return count, turns if online and samples else 0


def _frozen(table: Keys, network: Network) -> tuple[Name, ...]:
    known = {str(name): name for name in network.parameters()}
    for stem in table.get("freeze", []):
        if stem not in known:
            raise ProblemError(
                f"no parameter {shown(stem)}{nearest(stem, known)}; there are {', '.join(sorted(known))}", path="update.freeze"
            )
    return tuple(known[stem] for stem in table.get("freeze", []))


# --------------------------------------------------------------- given gradients


def told_gradients(document: Keys) -> tuple[NoNetwork, Numbers, int]:
    """Parameters with their gradients, one for each iteration: network, numbers, and how many iterations."""
    given, parameters = document["given"], document["parameters"]
    for key in given:
        if key != "gradient":
            raise ProblemError("there is no network; with given gradients nothing else is given", path=f"given.{key}")
    if "loss" in document:
        raise ProblemError("there is no network; with given gradients there is no loss", path="loss")
    if "update" not in document:
        raise ProblemError('the key "update" is missing; with given gradients the update is all there is', path="")
    names = {key: _plain(key) for key in parameters}
    if not names:
        raise ProblemError(
            "a number (or a list) for each parameter whose gradient is given, such as theta = 1", path="parameters"
        )
    _apart(names)
    for key, value in parameters.items():
        if isinstance(value, list) and (not value or any(row == [] for row in value)):
            raise ProblemError("an empty list; expected a number or a list of numbers", path=f"parameters.{key}")
    shapes = {key: _shape(value) for key, value in parameters.items()}
    gradients = _by_parameter(given["gradient"], list(names))
    numbers: Numbers = {}
    for key, name in names.items():
        numbers.update(quantity(name, _unpacked(parameters[key]), shapes[key], f"parameters.{key}"))
    counts = {}
    for key, value in gradients.items():
        path = "given.gradient" + (f".{key}" if isinstance(given["gradient"], dict) else "")
        rows = value if isinstance(value, list) else [value]
        if not rows:
            raise ProblemError("an empty list; expected a gradient for each iteration", path=path)
        counts[key] = len(rows)
        for iteration, row in enumerate(rows, start=1):
            name = gradient(names[key]._replace(iteration=iteration))
            numbers.update(quantity(name, row, shapes[key], f"{path}[{iteration}]"))
    if len(set(counts.values())) > 1:
        met = ", ".join(f"{count} of {key}" for key, count in counts.items())
        raise ProblemError(f"gradients for different numbers of iterations: {met}", path="given.gradient")
    network = NoNetwork((), None, 0, (), 0, layers=(), told=tuple((names[key], shapes[key]) for key in names))
    return network, numbers, next(iter(counts.values()))


def _plain(key: str) -> Name:
    """The name of a parameter that is its own author's: letters in groups."""
    try:
        name = Name.parse(key)
    except UnknownName:
        name = Name("")
    taken = (*HYPER, "L", *STATES, *COMMON)
    if name != Name(key) or key in taken:
        why = "the update uses that name itself" if key in taken else "letters, in groups joined by _, as in theta or w_hh"
        raise ProblemError(f"{shown(key)} is not possible here; {why}", path="parameters")
    return name


def _apart(names: Collection[str]) -> None:
    """Check that no parameter has the name of another's state: ``v_a`` beside ``a``."""
    for key in names:
        for other in names:
            if any(key == f"{state}_{other}" for state in STATES):
                raise ProblemError(f"{shown(key)} is what the update itself calls a line of {other}", path="parameters")


def _shape(value: Any) -> Shape:
    """The shape of a number, a list of numbers or a list of rows."""
    value = _unpacked(value)
    if not isinstance(value, list):
        return ()
    if value and isinstance(value[0], list):
        return len(value), len(value[0])
    return (len(value),)


def _unpacked(value: Any) -> Any:
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def _by_parameter(value: Any, names: list[str]) -> dict[str, Any]:
    """The gradients of each parameter."""
    if not isinstance(value, dict):
        if len(names) > 1:
            raise ProblemError(
                f"gradients of one parameter, but there are {', '.join(names)}; expected a table with a list for each",
                path="given.gradient",
            )
        return {names[0]: value}
    for key in value:
        if key not in names:
            raise ProblemError(
                f"no parameter {shown(key)}{nearest(key, names)}; there are {', '.join(names)}", path="given.gradient"
            )
    for name in names:
        if name not in value:
            raise ProblemError(
                f'the gradient of "{name}" is missing; expected a list with one value per iteration', path="given.gradient"
            )
    return value


def of_a_size_to_work_with(update: Update, network: Network) -> None:
    """Raise ``ProblemError`` where the iterations together have too many lines."""
    weights = sum(len(entries(shape)) for shape in network.parameters().values())
    steps = (network.steps or 1) * (network.samples or 1)
    size = update.iterations * (weights * (3 + 2 * steps) + 8 * steps)
    if update.iterations > 1 and size > MAX_LINES:
        raise ProblemError(
            f"about {size:,} lines in {update.iterations:,} iterations, more than {MAX_LINES:,}; use fewer", path="update"
        )
