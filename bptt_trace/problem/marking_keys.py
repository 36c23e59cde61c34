"""The table [marks] of a problem file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bptt_trace.engine.names import Name, Role
from bptt_trace.errors import ProblemError, UnknownName
from bptt_trace.problem.numbers import exact_number, shown
from bptt_trace.problem.tables import Keys


@dataclass(frozen=True)
class Marking:
    """The marks of answers."""

    weights: Mapping[str, float] = field(default_factory=dict)
    """Marks for a quantity by name, or for a section: forward, loss, backward, gradients, update."""
    follow_through: float = 1.0
    """The share for a line that follows from an earlier fault."""
    rough: float = 0.5
    """The share for the right number with too few decimals."""
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
    Role.TANGENT: "backward",
    Role.PATH: "backward",
    Role.CHECK: "backward",
    Role.EXTRA: "forward",
}


def _of_parameter(name: Name) -> bool:
    return name.of is not None and name.time is None and name.stem.lower().startswith(("w_", "b_"))


SHARES = ("follow_through", "rough", "misconception")


def marking_from(table: Keys) -> Marking:
    """The marking by the table ``[marks]``; ``ProblemError`` where it names nothing of the problem."""
    weights: dict[str, float] = {}
    for key, value in table["weights"].items():
        weight = exact_number(value, f"marks.weights.{key}").value
        if not 0 <= weight <= 1000:
            raise ProblemError(f"{weight} is not possible here; from 0 to 1000", path=f"marks.weights.{key}")
        if key not in _SECTIONS.values() and key != "gradients":
            try:
                Name.parse(key)
            except UnknownName:
                raise ProblemError(
                    f"{shown(key)} is neither a quantity nor one of the sections forward, loss, backward, gradients, update",
                    path="marks.weights",
                ) from None
        weights[key] = float(weight)
    shares = {}
    for key in SHARES:
        share = exact_number(table[key], f"marks.{key}").value
        if not 0 <= share <= 1:
            raise ProblemError(f"{share} is not possible here; a share from 0 to 1", path=f"marks.{key}")
        shares[key] = float(share)
    return Marking(weights, **shares, decimal_comma=table["decimal_comma"])
