"""The problem file: what a lecturer writes, read exactly and checked.

TOML, or the same structure as JSON. The shipped JSON Schema says what may
stand where. ``networks`` finds the network in it, ``quantities`` its numbers;
this module adds what else a schema cannot say, and puts the problem together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from bptt_trace.documents import change_document, content, document_of, schema
from bptt_trace.errors import ProblemError, UnknownName, nearest
from bptt_trace.functions import Function, identity, sigmoid, softmax
from bptt_trace.handout import Handout, digest, grouped, spelled
from bptt_trace.losses import Loss
from bptt_trace.names import Name
from bptt_trace.networks import network_of
from bptt_trace.numbers import Number, Rounding, exact_number, shown
from bptt_trace.optimizers import Update
from bptt_trace.program import Role
from bptt_trace.quantities import given_of, parameters_of
from bptt_trace.updates import of_a_size_to_work_with, told_gradients, update_of
from bptt_trace.vocabulary import Vocabulary, preset
from bptt_trace.wiring import Network


@dataclass(frozen=True)
class Marking:
    """What answers are worth."""

    weights: Mapping[str, float] = field(default_factory=dict)
    """Marks for a quantity by name, or for a section: forward, loss, backward, gradients, update."""
    follow_through: float = 1.0
    """What a line is worth that follows from an earlier fault."""
    rough: float = 0.5
    """What the right number with too few decimals is worth."""
    misconception: float = 0.0
    decimal_comma: bool = False

    def weight(self, name: Name, role: Role) -> float:
        """Marks for a quantity: its own, else those of its section, else 1."""
        own = self.weights.get(str(name), self.weights.get(str(name._replace(index=()))))
        if own is not None:
            return own
        return self.weights.get("gradients" if _of_parameter(name) else _SECTIONS.get(role, ""), 1.0)

    def credit(self, verdict: str) -> float:
        """The share of these marks that a verdict earns."""
        shares = {"rough": self.rough, "follow-through": self.follow_through, "mixed": self.follow_through,
                  "misconception": self.misconception, "correct": 1.0, "rounded": 1.0}  # fmt: skip
        return shares.get(verdict, 0.0)


_SECTIONS = {
    Role.PREACTIVATION: "forward",
    Role.HIDDEN: "forward",
    Role.OUTPUT: "forward",
    Role.LOSS: "loss",
    Role.GRADIENT: "backward",
    Role.CONTRIBUTION: "backward",
    Role.UPDATE: "update",
    Role.STATE: "update",
    Role.FACTOR: "backward",
}


def _of_parameter(name: Name) -> bool:
    return name.of is not None and name.time is None and name.stem.lower().startswith(("w_", "b_"))


@dataclass(frozen=True)
class Citation:
    """Where the numbers of a problem come from."""

    title: str
    url: str = ""
    note: str = ""
    errata: Mapping[str, str] = field(default_factory=dict)
    """What the source printed wrong: why, by the name of the quantity."""


@dataclass(frozen=True)
class Problem:
    """A network with its numbers, and what is to be done with it."""

    title: str
    network: Network
    given: Mapping[Name, Number]
    """Every single number that comes with the problem, by name."""
    loss: Loss
    update: Update | None
    rounding: Rounding
    source: str = ""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    """The names that are shown."""
    citation: Citation | None = None
    marks: Marking = field(default_factory=Marking)
    handout: Handout = field(default_factory=Handout)

    @property
    def code(self) -> str:
        """The code on its sheets: that of the variant, else one that is made from the given numbers."""
        if self.handout.code:
            return self.handout.code
        numbers = (f"{name}={number.value}" for name, number in self.given.items())
        cells = (one for cell in self.network.cells for one in (told(cell), cell.activation.source))
        shared = sorted(map(str, self.network.shared))  # a set has no order
        plain = replace(self.network, cells=(), shared=frozenset())
        parts = (plain, self.network.readout, self.loss, self.update, self.rounding)
        facts = (*map(told, parts), *cells, *shared, *numbers)
        return grouped(spelled(int.from_bytes(digest(facts)[:4]) >> 2))

    @property
    def handout_with_code(self) -> Handout:
        """What stands at the head of its worksheets and keys."""
        return replace(self.handout, code=self.code)

    def rounded(self, rounding: Rounding) -> Problem:
        """The same problem under another rounding."""
        return replace(self, rounding=rounding)

    @property
    def samples(self) -> Sequence[int | None]:
        """1 … N for a batch or for samples that take turns, or None alone where there is one."""
        turns = self.update.online if self.update else 0
        return range(1, turns + 1) if turns else self.network.numbers

    def initial(self, name: Name, sample: int | None) -> Name:
        """The initial state of a sample: its own where there is one, else that of all."""
        own = name._replace(sample=sample)
        sized = dict(self.network.state)[name] > 1
        return own if (own._replace(index=(1,)) if sized else own) in self.given else name


# ------------------------------------------------------------------ reading


def told(part: Any) -> str:
    """A dataclass as text, without the fields that have their default value: a convention added later changes no text.

    >>> told(Update("gd")), told(None)
    ('Update()', 'None')
    """
    if part is None:
        return "None"
    said = ((field, getattr(part, field.name)) for field in fields(part))
    ours = (f"{field.name}={value!r}" for field, value in said if value != field.default)
    return f"{type(part).__name__}({', '.join(ours)})"


def document(source: str | Path, changes: Sequence[str] = ()) -> tuple[dict[str, Any], str]:
    """The table of keys in a file, changed, and what to call the file; raises ``ProblemError``."""
    text, name = content(source)
    try:
        return _changed(text, changes), name
    except ProblemError as error:
        error.source = error.source or name
        raise


def _changed(text: str, changes: Sequence[str]) -> dict[str, Any]:
    read = document_of(text)
    steps = _length(read)
    for change in changes:
        change_document(read, change)
    if _length(read) != steps and not any(change.startswith("title") for change in changes):
        read.pop("title", None)  # it spoke of another number of steps
    return read


def load(source: str | Path, changes: Sequence[str] = ()) -> Problem:
    """The problem in a file; ``-`` is standard input, a bare word a built-in example.

    ``changes`` are texts such as ``w_hh=0.9`` or ``network.activation=sigmoid``.
    Raises ``ProblemError`` with the file, the place, what was met and what would do.
    """
    text, name = content(source)
    return parse(text, name, changes)


def parse(text: str, source: str = "<text>", changes: Sequence[str] = ()) -> Problem:
    """The problem that a TOML or JSON text describes."""
    try:
        return from_document(_changed(text, changes), source)
    except ProblemError as error:
        error.source = error.source or source
        raise


# ----------------------------------------------------------------- checking


def _length(document: dict[str, Any]) -> int | None:
    """How many inputs a document has, as far as it can be told before it is checked."""
    given = document.get("given")
    x = given.get("x") if isinstance(given, dict) else None
    return len(x) if isinstance(x, list) else None


def from_document(document: dict[str, Any], source: str = "") -> Problem:
    """The problem that a table of keys describes; raises ``ProblemError``."""
    handout = document.get("handout")
    if isinstance(handout, dict) and isinstance(handout.get("date"), date):  # as TOML has dates, without quotes
        document = {**document, "handout": {**handout, "date": handout["date"].isoformat()}}
    _validate(document)
    if "gradient" in document.get("given", {}):
        return _of_gradients(document, source)
    if "network" not in document:
        kind = schema()["properties"]["network"]["description"]
        raise ProblemError(
            f'the key "network" is missing; {kind} (or, for an update alone, the gradients in given.gradient)', path=""
        )
    table = document["network"]
    given = dict(document.get("given", {}))
    parameters = document.get("parameters", {})
    network = network_of(table, given, parameters)
    loss = _loss(document.get("loss", {}), network)
    update, of_update, lines = _update(document.get("update"), network)
    rounding = _rounding(document.get("rounding", {}))
    numbers: dict[Name, Number] = {}
    numbers.update(parameters_of(network, parameters))
    numbers.update(given_of(network, loss, given, document.get("loss", {}).get("first_class", 1)))
    if update and loss.kind == "none":
        raise ProblemError("without a loss (kind none) there is no gradient to follow", path="update")
    numbers.update(of_update)
    title = document.get("title") or _default_title(network)
    vocabulary = _vocabulary(document, network, numbers)
    return Problem(
        title,
        lines,
        numbers,
        loss,
        update,
        rounding,
        source,
        vocabulary,
        _citation(document.get("source")),
        _marking(document.get("marks", {}), numbers),
        Handout(**document.get("handout", {})),
    )


def _of_gradients(document: dict[str, Any], source: str) -> Problem:
    """The problem of a table that has gradients and no network."""
    if "network" in document:
        raise ProblemError("gradients are given, or they come from a network: one of the two", path="given.gradient")
    network, numbers, iterations = told_gradients(document)
    update, of_update = update_of(document["update"], network, None, iterations)
    numbers.update(of_update)
    of_a_size_to_work_with(update, network)
    return Problem(
        document.get("title") or f"Optimizer: {update.rule}",
        network,
        numbers,
        Loss("none"),
        update,
        _rounding(document.get("rounding", {})),
        source,
        _vocabulary(document, network, numbers),
        _citation(document.get("source")),
        _marking(document.get("marks", {}), numbers),
        Handout(**document.get("handout", {})),
    )


def _validate(document: dict[str, Any]) -> None:
    import fastjsonschema

    try:
        _validator()(document)
    except fastjsonschema.JsonSchemaValueException as error:
        raise _explained(error) from None


@cache
def _validator() -> Any:
    import fastjsonschema

    return fastjsonschema.compile(schema(), use_default=False)


def _explained(error: Any) -> ProblemError:
    """A schema's complaint in the words of whoever wrote the file."""
    path = ".".join(str(part) for part in error.path[1:])
    definition, value = error.definition, error.value
    if error.rule == "additionalProperties":
        known = list(definition["properties"])
        unknown = next(key for key in value if key not in known)
        return ProblemError(f"unknown key {shown(unknown)}{nearest(unknown, known)}; known here: {', '.join(known)}", path=path)
    if error.rule == "required":
        for unknown in value:
            if unknown in SYNONYMS and SYNONYMS[unknown] not in value:
                return ProblemError(f'unknown key "{unknown}" (did you mean "{SYNONYMS[unknown]}"?)', path=path)
        missing = next(key for key in definition["required"] if key not in value)
        known = definition.get("properties", {})
        if definition.get("additionalProperties") is False:
            for unknown in value:
                if unknown not in known and nearest(unknown, [missing]):
                    return ProblemError(f"unknown key {shown(unknown)}{nearest(unknown, [missing])}", path=path)
        return ProblemError(f'the key "{missing}" is missing; {definition["properties"][missing]["description"]}', path=path)
    if error.rule == "enum":
        options = [str(option) for option in definition["enum"]]
        hint = nearest(str(value), options)
        return ProblemError(f"{shown(value)} is not possible here{hint}; one of {', '.join(options)}", path=path)
    wanted = definition.get("description", f"expected {definition.get('type')}")
    return ProblemError(f"{shown(value)} is not possible here; {wanted}", path=path)


COUNTS = {"T": "the time steps", "N": "the samples of a batch", "K": "the output units"}
"""Letters that formulas use themselves."""
SYNONYMS = {"lr": "learning_rate", "eta": "learning_rate"}
"""What other programs call a key."""

PAIRED: dict[str, Function] = {"cross_entropy": softmax, "binary_cross_entropy": sigmoid}
"""The output activation that each of these losses is made for."""


def _loss(table: dict[str, Any], network: Network) -> Loss:
    kind = table.get("kind", "squared_error")
    _no_meaning(table, network, kind)
    factor = exact_number(table.get("factor", 1), "loss.factor").value
    if factor <= 0:
        raise ProblemError(f"{factor} is not possible here; a factor is positive", path="loss.factor")
    output = network.output_activation
    if kind in PAIRED and output is not PAIRED[kind]:
        raise ProblemError(
            f"{kind} compares probabilities: it goes with {PAIRED[kind].name} at the output, not with {output.name}",
            path="loss.kind",
        )
    if kind == "none" and len(table) > 1:
        other = next(key for key in table if key != "kind")
        raise ProblemError("there is no loss (kind none), so nothing more is to be said of it", path=f"loss.{other}")
    if kind == "output" and network.outputs > 1:
        raise ProblemError(f"{network.outputs} outputs, but a loss is one number", path="loss.kind")
    return Loss(
        kind, factor, **{key: table[key] for key in ("over_time", "over_units", "over_batch", "gradient") if key in table}
    )


def _no_meaning(table: dict[str, Any], network: Network, kind: str) -> None:
    """Keys that say nothing for this network are errors, not ignored."""
    reasons = {
        "over_time": network.steps is None and "there is one loss term only, so nothing is summed or averaged over time",
        "over_units": (network.outputs < 2 or kind in ("cross_entropy", "output"))
        and "there are no terms of several output units to be summed or averaged",
        "over_batch": network.samples is None and "there is one sample only, so nothing is summed or averaged over a batch",
        "gradient": kind not in PAIRED and "only a cross-entropy has a short and a long gradient",
        "first_class": kind != "cross_entropy" and "there are no classes to be counted",
    }
    for key, reason in reasons.items():
        if key in table and reason:
            raise ProblemError(reason, path=f"loss.{key}")


def _update(table: dict[str, Any] | None, network: Network) -> tuple[Update | None, dict[Name, Number], Network]:
    """The update, its numbers, and the network as its lines have it: of one sample, where samples take turns."""
    if table is None:
        return None, {}, network
    update, numbers = update_of(table, network, network.samples)
    of_a_size_to_work_with(update, network)
    return update, numbers, replace(network, samples=None) if update.online else network


def _vocabulary(document: dict[str, Any], network: Network, numbers: Mapping[Name, Number]) -> Vocabulary:
    """The names that the file asks for: those of a preset, and its own."""
    stems = {name.stem for name in numbers} | {"L", "a", "h"}
    for cell in network.cells:
        stems |= {*cell.state, *cell.gates, *(f"a_{gate}" for gate in cell.gates)}
    if network.bidirectional:
        stems |= {"y"}
    if network.readout:
        stems |= {"y"} | ({network.readout.logits} if network.readout.activation is not identity else set())
        stems |= {"e", "s"} if network.readout.exponentials else set()
    renamed = preset(document["notation"], stems) if "notation" in document else {}
    for old, new in document.get("names", {}).items():
        if old not in stems:
            raise ProblemError(
                f"no quantity {shown(old)}{nearest(old, stems)}; there are {', '.join(sorted(stems))}", path="names"
            )
        try:
            plain = Name.parse(new) == Name(new)
        except UnknownName:
            plain = False
        if not plain:
            raise ProblemError(
                f"{shown(new)} is not possible here; letters, digits behind them, in groups joined by _, as in W1 or w_rec",
                path=f"names.{old}",
            )
        if new in COUNTS:
            raise ProblemError(f"{new} counts {COUNTS[new]}; another name would do", path=f"names.{old}")
        renamed[old] = new
    _unmistakable(renamed, stems)
    return Vocabulary(renamed)


def _unmistakable(renamed: Mapping[str, str], stems: set[str]) -> None:
    """No two quantities are shown under one name."""
    met: dict[str, str] = {}
    for stem in sorted(stems):
        new = renamed.get(stem, stem)
        if new in met:
            raise ProblemError(f"{met[new]} and {stem} would both be shown as {shown(new)}", path="names")
        met[new] = stem


def _rounding(table: dict[str, Any]) -> Rounding:
    if "figures" in table and "places" in table:
        raise ProblemError("places and figures exclude each other; leave one out", path="rounding")
    return Rounding(table.get("policy", "by_hand"), table.get("places", 4), table.get("figures"))


SHARES = ("follow_through", "rough", "misconception")


def _marking(table: dict[str, Any], numbers: Mapping[Name, Number]) -> Marking:
    del numbers
    weights: dict[str, float] = {}
    for key, value in table.get("weights", {}).items():
        weight = exact_number(value, f"marks.weights.{key}").value
        if not 0 <= weight <= 1000:
            raise ProblemError(f"{weight} is not possible here; from 0 to 1000", path=f"marks.weights.{key}")
        if key not in _SECTIONS.values() and key != "gradients":
            try:
                Name.parse(key)
            except UnknownName:
                raise ProblemError(
                    f"{shown(key)} is no quantity and no section; forward, loss, backward, gradients and update are sections",
                    path="marks.weights",
                ) from None
        weights[key] = float(weight)
    shares = {}
    for key in SHARES:
        if key in table:
            share = exact_number(table[key], f"marks.{key}").value
            if not 0 <= share <= 1:
                raise ProblemError(f"{share} is not possible here; a share from 0 to 1", path=f"marks.{key}")
            shares[key] = float(share)
    return Marking(weights, **shares, decimal_comma=table.get("decimal_comma", False))


def _citation(table: dict[str, Any] | None) -> Citation | None:
    return (
        None if table is None else Citation(table["title"], table.get("url", ""), table.get("note", ""), table.get("errata", {}))
    )


def _default_title(network: Network) -> str:
    if network.steps is None:
        return "Feedforward network"
    return f"Recurrent network, {network.steps} time step{'s' if network.steps != 1 else ''}"
