"""What a line is, in a word: ``carried``, ``sum``, ``through tanh``."""

from __future__ import annotations

from bptt_trace.desk import Desk
from bptt_trace.names import LOSS
from bptt_trace.parts import Parts, one_step, way
from bptt_trace.program import Role


class Labels:
    """The words of one sheet."""

    def __init__(self, desk: Desk, parts: Parts) -> None:
        self.desk = desk
        self.recurrent = desk.last_time > 0
        self.words = {
            Role.PREACTIVATION: "pre-activation",
            Role.HIDDEN: "hidden state" if self.recurrent else "hidden value",
            Role.OUTPUT: "output",
        }
        self.summed_loss = len(parts.forward.losses) > 1
        parameters = [desk.steps[position].target for position in parts.parameters]
        self.parameter_keys = {(name.stem, name.layer, name.index) for name in parameters}

    def of(self, position: int) -> str:
        """What a line is, in a word."""
        step = self.desk.steps[position]
        word = self.words.get(step.role)
        if word is not None:
            return word
        match step.role:
            case Role.LOSS:
                return self._loss_label(position)
            case Role.CONTRIBUTION | Role.GRADIENT:
                return self._gradient_label(position)
            case Role.UPDATE:
                change = self.desk.change(position)
                return "grows" if change > 0 else "shrinks" if change < 0 else "stays"
            case Role.FACTOR:
                return "one step" if one_step(step.target) else "product"
            case _:
                return ""

    def _loss_label(self, position: int) -> str:
        if self.desk.steps[position].target.time is not None:
            return "loss term"
        return f"loss ({self.desk.problem.loss.over_time})" if self.summed_loss else "loss"

    def _gradient_label(self, position: int) -> str:
        step = self.desk.steps[position]
        target = step.target
        if target.of != LOSS:
            return "link"
        of_parameter = target.time is None and (target.stem, target.layer, target.index) in self.parameter_keys
        if step.through is None:
            return "sum"
        through = self.desk.steps[step.through].target
        if of_parameter:
            return f"step {through.time}" if target.via is not None else ""
        if target.stem == "h" and self.recurrent:
            word = way(target, through)
            return word if target.via is not None or self.desk.last_time == 1 else f"{word} only"
        return self._local_label(target.stem)

    def _local_label(self, stem: str) -> str:
        readout = self.desk.problem.network.readout
        match stem:
            case "y":
                return "own error" if self.recurrent else "error"
            case "z":
                return f"through {readout.activation.name}" if readout else ""
            case "a":
                return f"through {self.desk.problem.network.activation.name}"
            case _:
                return "" if self.recurrent else "one source"
