"""The problem file: what a lecturer writes, read exactly and checked.

TOML, or the same structure as JSON. The shipped JSON Schema says what may
stand where. ``networks`` finds the network in it, ``quantities`` its numbers;
this module adds what else a schema cannot say, and puts the problem together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from bptt_trace.document.heading import Handout
from bptt_trace.engine.names import Name
from bptt_trace.errors import ProblemError
from bptt_trace.networks.forward_pass import Network
from bptt_trace.networks.losses import Loss
from bptt_trace.networks.optimizers import Update
from bptt_trace.problem.also_keys import NOTHING_ELSE, Also, also_of
from bptt_trace.problem.codes import digest, grouped, spelled
from bptt_trace.problem.files import change_document, content, document_of, schema
from bptt_trace.problem.graph_keys import GRAPH, graph_of
from bptt_trace.problem.loss_keys import loss_from
from bptt_trace.problem.marking_keys import Marking, marking_from
from bptt_trace.problem.name_keys import vocabulary_of
from bptt_trace.problem.network_keys import network_of
from bptt_trace.problem.number_keys import HANDED, given_of, handed_of, parameters_of
from bptt_trace.problem.numbers import Number
from bptt_trace.problem.rounding import Rounding
from bptt_trace.problem.rounding_keys import rounding_from
from bptt_trace.problem.schema_errors import validate
from bptt_trace.problem.tables import Keys, with_defaults
from bptt_trace.problem.text_keys import letters_of, spelled_out
from bptt_trace.problem.until_keys import until
from bptt_trace.problem.update_keys import of_a_size_to_work_with, told_gradients, update_of
from bptt_trace.problem.vocabulary import Vocabulary


class Erratum(NamedTuple):
    """A number that a source printed wrong."""

    why: str
    printed: str = ""
    """The printed number; empty where it is not known."""


@dataclass(frozen=True)
class Citation:
    """The source of a problem's numbers."""

    title: str
    url: str = ""
    note: str = ""
    errata: Mapping[str, Erratum] = field(default_factory=dict)
    """The misprints of the source, by the name of the quantity."""


@dataclass(frozen=True)
class Problem:
    """A network with its numbers, and the calculations to do with it."""

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
    also: Also = NOTHING_ELSE
    """The calculations besides the training step."""

    @property
    def code(self) -> str:
        """The code on its sheets: that of the variant, else one that is made from the given numbers."""
        if self.handout.code:
            return self.handout.code
        numbers = (f"{name}={number.value}" for name, number in self.given.items())
        cells = (fact for cell in self.network.cells for fact in (told(cell), cell.activation.source))
        shared = sorted(map(str, self.network.shared))  # a set has no order
        plain = replace(self.network, cells=(), shared=frozenset())
        rounding = replace(self.rounding, scientific=False)  # which changes no number
        parts = (plain, self.network.readout, self.loss, self.update, rounding)
        facts = (*map(told, parts), *cells, *shared, *numbers)
        return grouped(spelled(int.from_bytes(digest(facts)[:4]) >> 2))

    @property
    def handout_with_code(self) -> Handout:
        """The head of its worksheets and keys."""
        return replace(self.handout, code=self.code)

    def rounded(self, rounding: Rounding) -> Problem:
        """The same problem under another rounding."""
        return replace(self, rounding=replace(rounding, scientific=self.rounding.scientific))

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


CALCULATED = ("network", "graph", "parameters", "given", "loss", "update")
"""The tables of a file that say what is calculated, and not how it is shown."""


def _changed(text: str, changes: Sequence[str]) -> dict[str, Any]:
    read = document_of(text)
    steps = _length(read)
    for change in changes:
        change_document(read, change)
    if changes and _calculated(read) != _calculated(document_of(text)):
        read.get("source", {}).pop("errata", None)  # the source did not print these numbers
    if _length(read) != steps and not any(change.startswith("title") for change in changes):
        read.pop("title", None)  # it spoke of another number of steps
    return read


def _calculated(read: Mapping[str, Any]) -> dict[str, Any]:
    return {table: read.get(table) for table in CALCULATED}


def load(source: str | Path, changes: Sequence[str] = ()) -> Problem:
    """The problem in a file; ``-`` is standard input, a bare word a built-in example.

    ``changes`` are texts such as ``w_hh=0.9`` or ``network.activation=sigmoid``.
    Raises ``ProblemError`` with the file, the place, what was found and what is accepted.
    """
    return loaded(source, changes)[0]


def loaded(source: str | Path, changes: Sequence[str] = ()) -> tuple[Problem, dict[str, Any]]:
    """The problem in a file as ``load`` gives it, and the table of keys, changed, that it was made from."""
    table, name = document(source, changes)
    try:
        return from_document(table, name), table
    except ProblemError as error:
        error.source = error.source or name
        raise


def parse(text: str, source: str = "<text>", changes: Sequence[str] = ()) -> Problem:
    """The problem that a TOML or JSON text describes."""
    try:
        return from_document(_changed(text, changes), source)
    except ProblemError as error:
        error.source = error.source or source
        raise


# ----------------------------------------------------------------- checking


def _length(document: dict[str, Any]) -> int | None:
    """The number of inputs of a document, as far as it is known before the check."""
    given = document.get("given")
    x = given.get("x") if isinstance(given, dict) else None
    return len(x) if isinstance(x, list) else None


def from_document(document: dict[str, Any], source: str = "") -> Problem:
    """The problem that a table of keys describes; raises ``ProblemError``."""
    document = _with_date_as_text(document)
    validate(document)
    document = with_defaults(document)
    if "gradient" in document["given"]:
        return _of_gradients(document, source)
    if "network" not in document:
        kind = schema()["properties"]["network"]["description"]
        raise ProblemError(
            f'the key "network" is missing; {kind} (or, for an update alone, the gradients in given.gradient)', path=""
        )
    table = document["network"]
    if table["cell"] == GRAPH:
        return _of_graph(document, source)
    if GRAPH in document:
        raise ProblemError(f'[graph] has the equations of network.cell = "{GRAPH}", and of no other', path=GRAPH)
    given, parameters = dict(document["given"]), document["parameters"]
    handed = {key: given.pop(key) for key in list(given) if key.startswith(HANDED)}
    letters = letters_of(table, given)
    if letters:
        given = spelled_out(letters, given, table, document["loss"])
    network = replace(network_of(table, given, parameters, document.get("cell")), letters=letters)
    loss = loss_from(document["loss"], network)
    if handed:
        loss = _handed(document, network)
    update, of_update, lines = _update(document.get("update"), network)
    numbers: dict[Name, Number] = {}
    numbers.update(parameters_of(network, parameters))
    numbers.update(given_of(network, loss, given, document["loss"]["first_class"]))
    numbers.update(handed_of(network, handed))
    if network.input_gradients and loss.kind == "none":
        raise ProblemError("without a loss (kind none) nothing has a gradient", path="network.input_gradients")
    if update and loss.kind == "none":
        raise ProblemError("without a loss (kind none) there is no gradient to follow", path="update")
    numbers.update(of_update)
    also = also_of(document["also"], lines, update, has_loss=loss.kind != "none")
    numbers.update(also.numbers)
    if update:
        update = until(document["update"], update, network, loss, numbers)
    if loss.kind == "perceptron":
        _answers(network, numbers)
    return _problem(document, source, _default_title(network), lines, numbers, loss, update, also)


def _problem(
    document: Keys,
    source: str,
    title: str,
    network: Network,
    numbers: dict[Name, Number],
    loss: Loss,
    update: Update | None = None,
    also: Also = NOTHING_ELSE,
) -> Problem:
    """A problem with what every file may say beside its numbers; ``title`` is for a file without one."""
    vocabulary = vocabulary_of(document, network, numbers)
    return Problem(
        document.get("title") or title,
        network,
        numbers,
        loss,
        update,
        rounding_from(document["rounding"], vocabulary),
        source,
        vocabulary,
        _citation(document.get("source")),
        marking_from(document["marks"]),
        Handout(**document["handout"]),
        also,
    )


def _with_date_as_text(document: dict[str, Any]) -> dict[str, Any]:
    """The date of a handout may be one of TOML, without quotes."""
    handout = document.get("handout")
    if isinstance(handout, dict) and isinstance(handout.get("date"), date):
        return {**document, "handout": {**handout, "date": handout["date"].isoformat()}}
    return document


def _answers(network: Network, numbers: Mapping[Name, Number]) -> None:
    """Check that the targets of a perceptron are values of its step."""
    pieces = network.activation.pieces
    for name, number in numbers.items():
        if name.stem == "target" and pieces and number.value not in (pieces.left, pieces.right):
            both = f"{pieces.left} or {pieces.right}"
            raise ProblemError(
                f"{number.text} is not an output of {network.activation.name}; expected {both}", path=f"given.{name}"
            )


def _handed(document: Keys, network: Network) -> Loss:
    """The stand-in for the loss where gradients are handed in; raises ``ProblemError`` for keys that contradict them."""
    if "loss" in document:
        raise ProblemError("gradients are handed in, or they follow from a loss: one of the two", path="loss")
    if network.samples is not None:
        raise ProblemError("gradients are handed in for one sample, but x is a batch", path="given.x")
    update = document["update"]
    for key in ("iterations", "epochs"):
        if update.get(key, 1) != 1:
            raise ProblemError("the gradients are handed in for one iteration", path=f"update.{key}")
    if "truncate" in update:
        raise ProblemError("where gradients are handed in, each window is a problem of its own", path="update.truncate")
    return Loss("above")


def _of_gradients(document: Keys, source: str) -> Problem:
    """The problem of a table that has gradients and no network."""
    if "network" in document:
        raise ProblemError("gradients are given, or they come from a network: one of the two", path="given.gradient")
    if "also" in document:
        raise ProblemError("the gradients are given, so there is no way back to follow", path="also")
    network, numbers, iterations = told_gradients(document)
    update, of_update = update_of(document["update"], network, None, iterations)
    numbers.update(of_update)
    of_a_size_to_work_with(update, network)
    return _problem(document, source, f"Optimizer: {update.rule}", network, numbers, Loss("none"), update)


def _of_graph(document: Keys, source: str) -> Problem:
    """The problem of equations over given numbers."""
    graph, numbers = graph_of(document)
    also = also_of(document["also"], graph, None, has_loss=True)
    numbers.update(also.numbers)
    title = f"The gradients of {graph.stems[-1]}"
    return _problem(document, source, title, graph, numbers, Loss("graph"), also=also)


def _update(table: Keys | None, network: Network) -> tuple[Update | None, dict[Name, Number], Network]:
    """The update, its numbers, and the network as its lines have it: of one sample, where samples take turns."""
    if table is None:
        return None, {}, network
    update, numbers = update_of(table, network, network.samples)
    of_a_size_to_work_with(update, network)
    return update, numbers, replace(network, samples=None) if update.online else network


def _citation(table: Keys | None) -> Citation | None:
    if table is None:
        return None
    errata = {key: Erratum(**one) if isinstance(one, dict) else Erratum(one) for key, one in table.get("errata", {}).items()}
    return Citation(table["title"], table.get("url", ""), table.get("note", ""), errata)


def _default_title(network: Network) -> str:
    if network.steps is None:
        return "Feedforward network"
    return f"Recurrent network, {network.steps} time step{'s' if network.steps != 1 else ''}"
