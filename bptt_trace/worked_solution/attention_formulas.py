"""The formulas of attention, with a letter for each of the two places: t for the query, j for the key."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from bptt_trace.document.mathematics import Applied, Math, MathRow, Put, sum_over
from bptt_trace.document.notation import Signs
from bptt_trace.document.sentences import say
from bptt_trace.document.sheet import Equation, Part
from bptt_trace.engine.formula import Apply, Const, Formula, Times, Var, product
from bptt_trace.engine.formula_text import ArrayPrinter
from bptt_trace.engine.functions import exp, sqrt, tanh
from bptt_trace.engine.names import Name, gradient
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.matrix_rows import Spelled


class Formulas:
    """The formulas of one network that has attention."""

    def __init__(self, desk: Desk) -> None:
        network = desk.problem.network
        self.desk, self.network = desk, network
        self.head, self.looking = network.tokens, network.attention
        self.units = network.hidden[-1]
        encoder = network.layers[len(network.layers) // 2 - 1] if self.looking else None
        self.value = Name("h", encoder, 1) if self.looking else Name("v", None, 1)
        """The sequence of keys and values."""
        kind = self.looking.kind if self.looking else ""
        self.key = {"": Name("k", None, 1), "dot": self.value}.get(kind, Name("key", encoder, 1))
        self.query = {"": Name("q", None, 1), "additive": Name("query", None, 1)}.get(kind, Name("h", network.layers[-1], 1))

    # --------------------------------------------------------------- the parts

    def at(self, name: Name | str, place: str) -> Math:
        """A name at a place: ``t``, ``j``, or both."""
        whole = Name(name, None, 1) if isinstance(name, str) else name
        return self.desk.speller.math(whole, lambda _: place)

    def slope(self, name: Name | str, place: str) -> Math:
        """The gradient of the loss in it."""
        return self.at(gradient(Name(name, None, 1) if isinstance(name, str) else name), place)

    def written(self, formula: Formula, *names: Math) -> Math:
        """A formula with these names for its variables."""

        def spelled(signs: Signs) -> str:
            def leaf(part: Var) -> str:
                return names[part.number].spell(signs)

            return ArrayPrinter(signs, leaf, lambda _, __: "", rows=self.desk.program.rows)(formula)

        return Spelled(spelled, formula, names)

    def column(self, number: int) -> Var:
        """A placeholder for a column of so many numbers as there are units."""
        return Var(number, (self.units,) if self.units > 1 else ())

    def scaled(self, formula: Formula) -> Formula:
        """Divided by the root of the number of units, where scores are."""
        if not self.head or not self.head.scale or self.units < 2:
            return formula
        return formula / Apply(sqrt, Const(Fraction(self.units)))

    def summed(self, letter: str, formula: Math) -> Math:
        """The sum over the keys, or over the queries."""
        return MathRow(sum_over(letter), " ", formula)

    # ----------------------------------------------------------------- forward

    def forward(self, stem: str) -> Equation | None:
        """The formula of a line of the forward pass; None where its own rule reads well."""
        match stem:
            case "score":
                return Equation(self.at("score", "t,j"), (Part(self._score()),), self._mask())
            case "alpha":
                own, other = (Applied(exp, self.at("score", place)) for place in ("t,j", "t,i"))
                return Equation(
                    self.at("alpha", "t,j"), (Part(Put("over", own, self.summed("i", other))),), say("softmax of row t")
                )
            case "context":
                one = self.written(Times((Var(0), self.column(1))), self.at("alpha", "t,j"), self.at(self.value, "j"))
                return Equation(self.at("context", "t"), (Part(self.summed("j", one)),))
        return None

    def _mask(self) -> str:
        return say("for j up to t: the mask") if self.head and self.head.mask == "causal" else ""

    def _score(self) -> Math:
        query, key = self.at(self.query, "t"), self.at(self.key, "j")
        if not self._additive:
            return self.written(self.scaled(self.column(0).T @ self.column(1)), query, key)
        formula = self.column(0).T @ tanh(self.column(1) + self.column(2))
        return self.written(formula, self.desk.speller.math(Name("v_a")), query, key)

    @property
    def _additive(self) -> bool:
        return bool(self.looking and self.looking.kind == "additive")

    # ---------------------------------------------------------------- backward

    def covers(self, target: Name) -> bool:
        """Whether the gradient of a quantity has a formula here."""
        return target.stem == "alpha" or _plain(target) in (self.value, self.key, self.query)

    def place(self, target: Name, symbol: str) -> str:
        """The letter of the places of a quantity; ``symbol`` is that of the step at which it is looked at."""
        looked_at = _plain(target) in (self.value, self.key)
        return "t,j" if target.stem == "alpha" else "j" if looked_at and symbol == "t" else symbol

    def backward(self, target: Name, symbol: str) -> Iterator[Part]:
        """The part of a gradient that comes through attention."""
        plain, j = _plain(target), self.place(target, symbol)
        if target.stem == "alpha":
            formula = self.column(0).T @ self.column(1)
            yield Part(self.written(formula, self.at(self.value, "j"), self.slope("context", "t")))
            return
        if plain == self.value:
            weight = self.at("alpha", f"t,{j}")
            one = self.written(Times((Var(0), self.column(1))), weight, self.slope("context", "t"))
            yield self._part(self.summed("t", one), "context", plain)
        if plain == self.key:
            yield self._part(self.summed("t", self._through_score(self.query, "t", f"t,{j}")), "score", plain)
        if plain == self.query:
            yield self._part(self.summed("j", self._through_score(self.key, "j", "t,j")), "score", plain)

    def _part(self, math: Math, stem: str, target: Name) -> Part:
        """A summand; of a state, with the quantity by which it arrives."""
        return Part(math, say("via"), self.at(stem, "t")) if target.stem == "h" else Part(math)

    def _through_score(self, other: Name, place: str, both: str) -> Math:
        """The slope of a score times the factor of the quantity in it."""
        score = self.slope("score", both)
        if not self._additive:
            return self.written(self.scaled(Times((Var(0), self.column(1)))), score, self.at(other, place))
        slope = 1 - tanh(self.column(2) + self.column(3)) ** 2
        names = (score, self.desk.speller.math(Name("v_a")), self.at(self.query, "t"), self.at(self.key, "j"))
        return self.written(product(Var(0), self.column(1), slope), *names)


def _plain(target: Name) -> Name:
    """The quantity, without its step and sample, whose gradient a name is."""
    return target._replace(of=None, via=None, time=1, index=(), sample=None)
