"""The rounding of results: the digits that each line keeps, in numbers and in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import (
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    Subnormal,
    Underflow,
)
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from bptt_trace.document.sentences import say_many
from bptt_trace.engine.gradient_check import CHECK
from bptt_trace.engine.names import LOSS, LOSS_OF_WINDOW, WHOLE_LOSS, Name, gradient
from bptt_trace.engine.program import KEEPS_FIGURES, Step
from bptt_trace.errors import ProblemError

WORKING = Context(
    prec=60, rounding=ROUND_HALF_UP, Emax=999_999, Emin=-999_999, traps=[InvalidOperation, DivisionByZero, Overflow]
)
"""The context of decimals that are not rounded to less than 60 digits."""


GRADIENTS = gradient(Name(""))
"""All gradients of the loss, where names of quantities stand: ``dL``."""
_LOSSES = {LOSS_OF_WINDOW, WHOLE_LOSS.stem, CHECK.stem}
"""The loss in the names of gradients by other methods."""


def quantity(name: Name) -> Name:
    """The name of a quantity without layer, time step, component, sample and iteration.

    >>> str(quantity(Name.parse("dL/dh(2)_3[1]#2 via a_4"))), str(quantity(Name.parse("dL_full/dw_hh")))
    ('dL/dh', 'dL/dw_hh')
    """
    stem = LOSS.stem if name.stem in _LOSSES else name.stem
    return Name(stem, of=name.of and quantity(name.of), updated=name.updated)


def said(name: Name) -> str:
    """The name of a quantity as a key: ``dL/dw_hh``, and ``dL`` for all gradients."""
    return f"d{name.of}" if name.of is not None and not name.stem else str(name)


class Precision(NamedTuple):
    """The digits that one line keeps."""

    digits: int
    significant: bool = False
    """Whether these are significant figures, and not decimals."""

    @property
    def words(self) -> str:
        """``4 decimals``, ``1 significant figure``."""
        if self.significant:
            return say_many("{n} significant figure", "{n} significant figures", self.digits, n=self.digits)
        return say_many("{n} decimal", "{n} decimals", self.digits, n=self.digits)

    @property
    def settle(self) -> Callable[[Decimal], Decimal]:
        """The function that rounds a result half up to these digits, for the context ``WORKING``."""
        return _to_figures(self.digits) if self.significant else _to_places(self.digits)


@lru_cache
def _to_places(places: int) -> Callable[[Decimal], Decimal]:
    quantum = Decimal(1).scaleb(-places)
    zero = Decimal((0, (0,), -places))

    def to_places(value: Decimal) -> Decimal:
        return value.quantize(quantum, ROUND_HALF_UP, WORKING) or zero  # minus zero is zero

    return to_places


@lru_cache
def _to_figures(count: int) -> Callable[[Decimal], Decimal]:
    figures = Context(
        prec=count,
        rounding=ROUND_HALF_UP,
        Emax=999_999,
        Emin=-999_999,
        traps=[InvalidOperation, Overflow, Underflow, Subnormal],
    )
    least = count - 1

    def to_figures(value: Decimal) -> Decimal:
        rounded = figures.plus(value)
        if not rounded:
            return Decimal((0, (0,), -least))
        return rounded.quantize(Decimal((0, (1,), rounded.adjusted() - least)), None, figures)

    return to_figures


@dataclass(frozen=True)
class Rounding:
    """The rounding of results: the printed digits, and those that later lines use."""

    policy: str = "by_hand"
    """``by_hand``, ``carry``, ``full`` or ``exact``."""
    places: int = 4
    figures: int | None = None
    """Significant figures, instead of ``places``."""
    scientific: bool = False
    """Whether a number is printed with a power of ten where that is shorter."""
    places_of: tuple[tuple[Name, int], ...] = ()
    """The decimals of single quantities, by their canonical names; ``GRADIENTS`` are all that have none of their own."""

    @cached_property
    def precision(self) -> Precision:
        """The digits of a result."""
        return Precision(self.figures, significant=True) if self.figures else Precision(self.places)

    @cached_property
    def of_products(self) -> Precision:
        """The digits of squares and of products of small numbers, which keep figures under every rounding.

        With four places the product of a few factors, or a squared gradient, would be 0.0000.
        """
        return Precision(self.figures or self.places, significant=True)

    def of_lines(self, steps: Sequence[Step]) -> list[Precision]:
        """The digits of every line of a program; a line that only repeats another has the digits of that line."""
        figures, usual, found = self.of_products, self.precision, list[Precision]()
        if not self.places_of:
            return [figures if step.role in KEEPS_FIGURES else usual for step in steps]
        known: dict[tuple[str, str | None, bool], Precision] = {}
        for step in steps:
            if step.role in KEEPS_FIGURES:
                found.append(figures)
            elif step.repeats:
                found.append(found[step.arguments[0]])
            else:
                name = step.target
                key = name.stem, name.of and name.of.stem, name.updated
                found.append(known.get(key) or known.setdefault(key, self.of_quantity(quantity(name))))
        return found

    def of_quantity(self, name: Name) -> Precision:
        """The digits of a quantity, if it keeps no figures."""
        own = dict(self.places_of)
        return Precision(own.get(name, own.get(GRADIENTS, self.places) if name.of == LOSS else self.places))

    @cached_property
    def most_digits(self) -> int:
        """The largest number of digits that lines keep."""
        return max(self.figures or self.places, *(places for _, places in self.places_of), 0)

    @property
    def data(self) -> dict[str, Any]:
        """The rounding for machines: its policy, and the digits where results are rounded."""
        if self.policy not in ("by_hand", "carry"):
            return {"policy": self.policy}
        if self.figures:
            return {"policy": self.policy, "figures": self.figures}
        own = {"places_of": {said(name): places for name, places in self.places_of}} if self.places_of else {}
        return {"policy": self.policy, "places": self.places, **own}

    @classmethod
    def parse(cls, text: str) -> Rounding:
        """The rounding that ``--round`` spells: ``4dp``, ``5sf``, ``carry:4dp``, ``full``, ``exact``."""
        if text in ("by_hand", "full", "exact"):
            return cls(text)
        match = re.fullmatch(r"(?:(?P<carry>carry)(?::|$))?(?:(?P<count>[0-9]{1,2})(?P<kind>dp|sf))?", text, re.ASCII)
        if match is None or not text:
            raise ProblemError(
                f"{text!r} is not a rounding; it is one of 4dp, 5sf, by_hand, carry, carry:4dp, carry:5sf, full, exact"
            )
        policy = "carry" if match["carry"] else "by_hand"
        if match["count"] is None:
            return cls(policy)
        count = int(match["count"])
        if match["kind"] == "dp":
            return cls(policy, places=_within(count, 1, 15, "decimal places"))
        return cls(policy, figures=_within(count, 1, 15, "significant figures"))


def _within(count: int, least: int, most: int, what: str) -> int:
    if not least <= count <= most:
        raise ProblemError(f"{count} {what}; from {least} to {most} are possible", path="rounding")
    return count
