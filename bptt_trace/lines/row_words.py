"""The role of a line, in a word: ``carried``, ``sum``, ``through tanh``."""

from __future__ import annotations

from bptt_trace.document.sentences import joined, say
from bptt_trace.document.sheet import NO_WORD, Word
from bptt_trace.engine.names import LOSS, LOSS_OF_WINDOW, WHOLE_LOSS, Name, Role
from bptt_trace.engine.program import Moment, Step
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.parts_of_sheet import one_step, way
from bptt_trace.lines.rows import Rows
from bptt_trace.lines.spelling import layer_in_words
from bptt_trace.networks.cells.readout_equations import ReadoutEquations
from bptt_trace.networks.graph import Graph

FORWARD = {"e": say("exponential"), "s": say("their sum"), "drop": say("kept or dropped")}
"""The roles of the lines of a softmax that is written in steps, by stem."""


OF_ATTENTION = {
    "q": say("query"), "k": say("key"), "v": say("value"), "key": say("key"), "query": say("query"), "score": say("scores"),
    "alpha": say("weights"), "context": say("context"), "htilde": say("read out"),
}  # fmt: skip
"""The roles of the lines of an attention, by stem."""


def headings(desk: Desk) -> dict[str, str]:
    """The titles of the sections that have lines, by the ids of these."""
    graph = isinstance(desk.problem.network, Graph)
    several = desk.last_time > 1 or desk.problem.network.samples is not None
    shared = say("Gradients of the shared parameters") if several else say("Gradients of the parameters")
    return {
        "forward": say("Forward pass"),
        "loss": say("The last line") if graph else say("Loss"),
        "backward": say("Backward pass (backpropagation through time)")
        if desk.problem.network.recurrent
        else say("Backward pass"),
        "inputs": say("Gradients of the inputs and of the initial state") if desk.last_time else say("Gradient of the input"),
        "gradients": say("Gradients of the given numbers") if graph else shared,
        "truncation": say("What the truncation leaves out"),
        "update": say("Update"),
        "again": say("Forward pass with the new parameters"),
        "memory": say("Memory: how far an error reaches back"),
        "extra": say("Further lines"),
        "gradient_check": say("Gradient check"),
        "forward_mode": say("Forward mode"),
        "paths": say("Every path"),
    }


def title_of(moment: Moment, *, several: bool = False) -> str:
    """The title of a block of lines: ``Sample 2, encoder, time step 1``; empty where there is only one block.

    ``several`` says that time is gone through more than once.
    """
    parts: list[str] = [say("sample {sample}", sample=moment.sample)] * (moment.sample is not None)
    parts += [layer_in_words(moment.track) or say("output")] * several
    parts += [say("time step {time}", time=moment.time)] * (moment.time is not None)
    return joined(say(", "), parts).capitalize() if parts else ""


STATES = {
    "m": say("mean"),
    "mhat": say("corrected"),
    "vhat": say("corrected"),
    "s": say("variance"),
    "g": say("with decay"),
    "squares": say("squares"),
    "rate": say("learning rate"),
    "cut": say("left out"),
    "delta": say("change"),
    "vmax": say("largest mean square"),
    "ahead": say("look-ahead"),
    "alpha": say("corrected rate"),
    "mu": say("momentum"),
    "clipped": say("clipped"),
    "norm": say("norm"),
    "scale": say("scale"),
    "step": say("step"),
}
"""The roles of the lines of an update, by stem; for other stems the stem itself."""


SUM = Word(say("sum"), "sum", say("sum"))
OVER = {"mean": say("loss (mean)"), "sum": say("loss (sum)")}
"""The name of a loss of several terms."""


def _by(way: str, *, only: bool = False) -> Word:
    """The word for the way of a gradient, and whether it is the only way."""
    kind = way if way in ("direct", "carried") else ""
    return Word(say("{way} only", way=way) if only else way, kind, way if kind else "")


def carried(stem: str, rule: str) -> str:
    """The role of a line of an update, in a word; those of v and u depend on the rule.

    >>> carried("v", "momentum"), carried("v", "adam"), carried("m", "adam")
    ('velocity', 'mean square', 'mean')
    """
    if stem == "v":
        return {"adagrad": say("sum of squares"), "momentum": say("velocity"), "nesterov": say("velocity")}.get(
            rule, say("mean square")
        )
    if stem == "u":
        return say("largest gradient") if rule == "adamax" else say("mean square of the changes")
    return STATES.get(stem, stem)


CHANGES = {"rises": say("rises"), "falls": say("falls"), "stays": say("stays"), "rounded": say("rounded")}
"""The change of a parameter by an update, in a word."""


class Labels:
    """The words of one sheet."""

    def __init__(self, desk: Desk, board: Rows) -> None:
        self.desk = desk
        self.board = board
        parts = board.parts
        self.recurrent = desk.last_time > 0
        readout = desk.problem.network.readout
        self.logits = readout.logits if readout else ""
        self.words = {
            Role.PREACTIVATION: say("pre-activation"),
            Role.HIDDEN: say("hidden state") if self.recurrent else say("hidden value"),
            Role.OUTPUT: say("output"),
        }
        parameters = [board.steps[position].target for position in parts.parameters]
        self.parameter_keys = {(name.stem, name.layer, name.index) for name in parameters}

    def of(self, position: int, component: int) -> Word:
        """The role of a line, in a word; ``component`` is the component line, which may have a role of its own."""
        step = self.board.steps[position]
        if self.board.blanks and step.role is Role.UPDATE:
            return Word(say("update"))  # on a worksheet the word would give the result away
        if isinstance(self.desk.problem.network, Graph):
            return SUM if step.role is Role.GRADIENT and step.through is None else NO_WORD
        word = self.words.get(step.role)
        if word is not None:
            own = self._attended(step.target.stem) or self.desk.problem.network.cell_of(step.target.layer).words.get(
                step.target.stem, ""
            )
            if isinstance(readout := self.desk.problem.network.readout, ReadoutEquations) and not own:
                own = readout.word(step.target.stem)
            return Word(own if own and step.target.stem != self.logits else FORWARD.get(step.target.stem, word))
        match step.role:
            case Role.LOSS:
                return Word(self._loss_label(position))
            case Role.CONTRIBUTION | Role.GRADIENT:
                return self._gradient_label(position)
            case Role.STATE:
                return self._state_label(step.target.stem.partition("_")[0])
            case Role.UPDATE:
                change = self.desk.change(component)
                word = CHANGES[change]
                return Word(word, short=word)
            case _:
                return NO_WORD

    def _attended(self, stem: str) -> str:
        """The role of a line of an attention."""
        network = self.desk.problem.network
        return OF_ATTENTION.get(stem, "") if network.attention or network.tokens else ""

    def factor(self, position: int, component: int) -> Word:
        """The role of a slope between states; these are lines of numbers, even in a network of vectors."""
        del component
        return Word(say("one step")) if one_step(self.desk.steps[position].target) else Word(say("product"), short=say("product"))

    def _state_label(self, stem: str) -> Word:
        update = self.desk.problem.update
        return Word(carried(stem, update.rule if update else ""), short=say("step") if stem == "step" else "")

    def _loss_label(self, position: int) -> str:
        target, loss = self.board.steps[position].target, self.desk.problem.loss
        network = self.desk.problem.network
        if target.index:
            return say("unit {index}", index=target.index[0])
        if target.time is not None:
            return say("loss term")
        if target.sample is not None:
            return say("loss of the sample") if network.single else OVER[loss.over_time]
        if network.samples is not None:
            return OVER[loss.over_batch]
        return say("loss") if network.single else OVER[loss.over_time]

    def _gradient_label(self, position: int) -> Word:
        step = self.board.steps[position]
        target = step.target
        if target.of not in (LOSS, WHOLE_LOSS) and not (target.of and target.of.stem == LOSS_OF_WINDOW):
            return Word(say("slopes") if step.shape else say("link"))
        of_parameter = target.time is None and (target.stem, target.layer, target.index) in self.parameter_keys
        if step.through is None:
            return SUM
        through = self.board.steps[step.through].target
        if of_parameter:
            return self._share(through) if target.via is not None else NO_WORD
        state = target.stem in self.desk.problem.network.cell_of(target.layer).state
        if state and self.recurrent and not self._handed_in(self.board.steps[step.through]):
            return _by(way(target, through), only=target.via is None and self.desk.last_time != 1)
        return self._local_label(target, self.board.steps[step.through])

    @staticmethod
    def _share(through: Name) -> Word:
        """The use of a parameter that a contribution comes from."""
        step = say("step {time}", time=through.time) if through.time is not None else ""
        if through.sample is None:
            return Word(step, short=step)
        sample = say("sample {sample}", sample=through.sample)
        return Word(joined(say(", "), (sample, step)) if step else sample)

    def _handed_in(self, through: Step) -> bool:
        """Whether the gradient that arrives by a line is handed in, instead of following from a loss."""
        return through.role is Role.LOSS and self.desk.problem.loss.kind == "above"

    def _local_label(self, target: Name, through: Step) -> Word:
        if self._handed_in(through):
            return Word(say("handed in"))
        if through.role is Role.LOSS:
            return Word(say("own error") if self.recurrent else say("error"))
        network = self.desk.problem.network
        if word := self._attended(target.stem):
            return Word(word)
        cell = network.cell_of(target.layer)
        gate = cell.gates.get(target.stem.removeprefix("a_"))
        if gate is None and (word := cell.words.get(target.stem, "")):
            return Word(word)
        if gate is not None:
            return Word(
                say("through {name}", name=gate.name) if target.stem.startswith("a_") else cell.words.get(target.stem, "")
            )
        match "z" if target.stem == self.logits else target.stem:
            case "y":
                return Word(say("fed back"))
            case "z" if network.readout and network.readout.exponentials:
                return Word(say("through exp"))
            case "e" if target.via is None:
                return SUM
            case "e" | "s":
                return Word(say("via {stem}", stem=target.via.stem) if target.via else "")
            case "z":
                return Word(say("through {name}", name=network.readout.activation.name) if network.readout else "")
            case "a":
                return Word(say("through {name}", name=network.cell_of(target.layer).activation.name))
            case "h" if target.via is not None:
                return _by(way(target, target.via))
            case _:
                return NO_WORD if self.recurrent else Word(say("one source"))
