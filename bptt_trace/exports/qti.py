"""QTI: a worksheet as one item whose response processing follows the student's own numbers, in a content package.

Every line is an expression over what was written in the lines before it; a line
that was left out is calculated on the way. The verdicts are those of ``check``,
with the same tolerance: half a unit of the last place, and the sum of half a
unit times slope over all numbers that go in. What an item cannot know, because
it has the value of an answer and not its text, is named in docs/exports.md.

The item holds the key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from bptt_trace.archives import small_archive
from bptt_trace.document.notation import SUM, UNICODE
from bptt_trace.document.sentences import say, to_say
from bptt_trace.document.sheet import Row
from bptt_trace.engine.formula import Formula
from bptt_trace.engine.gradients import RESULT
from bptt_trace.exports.asked_lines import AskedSheet, needed, original
from bptt_trace.exports.formulas import Referring, slopes
from bptt_trace.exports.html import plain
from bptt_trace.exports.qti_expressions import V3, Dialect
from bptt_trace.lines.blanks import Blanks
from bptt_trace.marking.assessable import FEW, HUGE
from bptt_trace.marking.key import Key
from bptt_trace.marking.report import number
from bptt_trace.marking.slips import bounds
from bptt_trace.marking.tolerance import HALF, LEAST_FIGURES, MARGIN, MOST_UNITS

SAID = {
    "correct": to_say("✓ right"),
    "rounded": to_say("✓ right"),
    "follow-through": to_say("✓ from your own numbers"),
    "wrong": to_say("look again at line {line}"),
    "not-assessable": to_say("line {line} cannot be marked: {name} follows from numbers that leave nothing to calculate"),
    "needs-human": to_say("line {line} is for a person to look at"),
}
"""The feedback behind an answer, by its verdict."""
INDENT = re.compile(r"[^A-Za-z0-9]+")


def package(items: Mapping[str, str], dialect: Dialect = V3) -> bytes:
    """A content package with these items, by their names; the same items give the same bytes."""
    texts = {f"items/{name}.xml": text for name, text in items.items()}
    return small_archive({"imsmanifest.xml": _manifest(items, dialect), **texts})


def _manifest(items: Mapping[str, str], dialect: Dialect) -> str:
    schema, version = dialect.about
    places = {name: f"items/{name}.xml" for name in items}
    resources = "".join(
        f'<resource identifier="{name}" type="{dialect.kind}" href="{place}"><file href="{place}"/></resource>\n'
        for name, place in places.items()
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<manifest xmlns="{dialect.manifest}" identifier="bptt-trace">\n'
        f"<metadata><schema>{schema}</schema><schemaversion>{version}</schemaversion></metadata>\n"
        f"<organizations/>\n<resources>\n{resources}</resources>\n</manifest>\n"
    )


def identifier(code: str) -> str:
    """The name of an item, from the code of its sheet: letters, digits and hyphens, a letter first."""
    return f"sheet-{INDENT.sub('-', code).strip('-')}" if code else "sheet"


def item(key: Key, blanks: Blanks, dialect: Dialect = V3) -> str:
    """A worksheet as an item."""
    return _Item(key, blanks, dialect).text()


class _Item(AskedSheet):
    """One item while it is written.

    Variables of a line n, which is its position: ``Rn`` the answer, ``Vn`` the
    verdict, ``Fn`` what follows from the numbers before it, ``Un`` what later
    lines use, ``Sn`` the effect of rounding on the way, ``Nn`` one unit of the
    last place, ``Dn`` the tolerance, ``Wn`` the largest error of what later lines use, ``Tn`` whether
    the line, or one that it is made of, is not right, ``On`` and ``En`` whether
    such a number is out of range, and whether it is a 0 or ±1 that leaves
    nothing to calculate.
    """

    def __init__(self, key: Key, blanks: Blanks, dialect: Dialect) -> None:
        super().__init__(key, blanks)
        self.q = dialect
        self.lines = needed(key, blanks.asked)

    # ------------------------------------------------------------------ values

    def value(self, position: int) -> str:
        """The value of a line for later lines."""
        position = original(self.key, position)
        if position not in self.passed:
            return self.q.number(self.key.exact[position])
        return self.q.variable(f"U{position}")

    @cached_property
    def passed(self) -> frozenset[int]:
        """The lines whose value depends on the student."""
        return frozenset(self.lines)

    def formula(self, formula: Formula, fill: Sequence[int], result: str = "", rest: Sequence[int] = ()) -> str:
        """A formula as an expression; ``result`` stands for the result of its line."""
        references = [result if position == RESULT else self.value(position) for position in fill]
        return Referring(self.q.signs, references, "".join(map(self.value, rest))).part(formula, SUM)

    def sources(self, position: int) -> list[int]:
        """The arguments of a line that depend on the student."""
        every = (original(self.key, argument) for argument in self.key.steps[position].arguments)
        return [argument for argument in dict.fromkeys(every) if argument in self.passed]

    def spread(self, position: int) -> str:
        """The sum of half a unit times slope over all arguments."""
        q, terms = self.q, []
        for argument, slope, fill in slopes(self.key.steps[position]):
            argument = original(self.key, argument)
            if argument in self.passed:
                size = q.size(self.formula(slope, fill, q.variable(f"F{position}")))
                terms.append(q.element("product", size, q.variable(f"W{argument}")))
        return q.added(terms)

    # ----------------------------------------------------------------- tolerance

    def unit(self, position: int, value: str) -> str:
        """One unit of the last place of a number, which has as many digits as its size asks for."""
        q, key, figures = self.q, self.key, self.key.figures(position)
        size = q.element("math-operator", q.element("math-operator", q.size(value), name="log"), name="floor")
        kept = q.element("subtract", q.number((figures or LEAST_FIGURES) - 1), size)
        if figures is None:
            kept = q.element("min", q.number(key.places[position]), q.element("max", q.number(key.usual[position]), kept))
        unit = q.element("power", q.number(10), q.element("product", q.number(-1), kept))
        return q.element("max", q.number(key.quantum[position]), unit)

    def put_unit(self, position: int, value: str, fine: str) -> str:
        """Give ``N`` its value; ``fine`` is whether more decimals than those of the sheet are kept."""
        q, key, name = self.q, self.key, f"N{position}"
        keeps_figures = key.figures(position) is not None
        usual = key.quantum[position] if keeps_figures else 10.0 ** -key.usual[position]
        if not keeps_figures and (key.places[position] <= key.usual[position] or not fine):
            return q.put(name, q.number(usual))
        known = q.never(q.is_(value, 0))
        condition = known if keeps_figures else q.all(known, fine)
        return q.cases((condition, q.put(name, self.unit(position, value))), otherwise=q.put(name, q.number(usual)))

    def is_fine(self, position: int) -> str:
        """Whether an answer has more decimals than the sheet keeps in its line; one that ends in 0 does not tell."""
        q, answer = self.q, self.q.variable(f"R{position}")
        if self.key.figures(position) is not None:
            return ""
        scaled = q.times(10.0 ** self.key.usual[position], answer)
        whole = q.element("math-operator", q.element("sum", scaled, q.number(0.5)), name="floor")
        return q.never(q.at_most(q.apart(scaled, whole), q.number(1e-6)))

    @cached_property
    def watched(self) -> list[int]:
        """The lines that are asked for with more decimals than the sheet keeps."""
        key = self.key
        return [p for p in self.blanks.asked if key.figures(p) is None and key.places[p] > key.usual[p]]

    # ------------------------------------------------------------------ verdicts

    def rules(self) -> Iterator[str]:
        """The response processing."""
        q = self.q
        if self.watched:
            fine = [q.all(q.never(q.element("is-null", q.variable(f"R{p}"))), self.is_fine(p)) for p in self.watched]
            yield q.cases((q.any(fine), q.put("FINE", q.truth(True))), otherwise=q.put("FINE", q.truth(False)))
        for position in self.lines:
            step = self.key.steps[position]
            assert step.rule is not None
            arity = step.rule.arity
            yield q.put(f"F{position}", self.formula(step.rule.formula, step.arguments[:arity], rest=step.arguments[arity:]))
            yield q.put(f"S{position}", self.spread(position))
            if position in self.blanks.asked:
                blank = q.element("is-null", q.variable(f"R{position}"))
                left_out = q.put(f"V{position}", q.word("blank")) + self.carried(position)
                yield q.cases((blank, left_out), otherwise=self.marked(position))
            else:
                yield self.carried(position)

    def carried(self, position: int) -> str:
        """A line that is left out."""
        q, follows, spread = self.q, self.q.variable(f"F{position}"), self.q.variable(f"S{position}")
        half = q.element("sum", q.times(0.5, q.variable(f"N{position}")), spread)
        width = f"W{position}"
        rules = [
            q.put(f"U{position}", follows),
            self.put_unit(position, follows, q.variable("FINE") if self.watched else ""),
            q.cases((q.is_(follows, 0), q.put(width, spread)), otherwise=q.put(width, half)),
        ]
        for flag in "TOE":
            rules.append(q.put(f"{flag}{position}", q.any(q.variable(f"{flag}{source}") for source in self.sources(position))))
        return "".join(rules)

    def marked(self, position: int) -> str:
        """A line that is filled in."""
        q, key = self.q, self.key
        answer, exact = q.variable(f"R{position}"), key.exact[position]
        half = q.times(0.5, q.variable(f"N{position}"))
        rounding = q.times(MARGIN, q.variable(f"S{position}"))
        width = q.put(f"W{position}", half)
        if exact == 0:
            width = q.cases((q.is_(answer, 0), q.put(f"W{position}", q.number(0))), otherwise=width)
        return "".join(
            [
                q.put(f"U{position}", answer),
                self.put_unit(position, answer, self.is_fine(position)),
                q.put(f"D{position}", q.element("sum", q.times(HALF, q.variable(f"N{position}")), rounding)),
                width,
                self.verdict(position),
                self.flags(position),
            ]
        )

    def verdict(self, position: int) -> str:
        """The first verdict that applies."""
        q, key = self.q, self.key
        answer, follows, unit = (q.variable(f"{letter}{position}") for letter in "RFN")
        exact = q.number(key.exact[position])
        radius = q.variable(f"D{position}")
        off = q.apart(answer, exact)
        correct = [q.at_most(off, q.number(HALF * key.quantum[position])), q.at_most(off, q.times(HALF, unit))]
        if position in key.printed:
            correct.append(q.at_most(q.apart(answer, q.number(float(key.printed[position]))), q.number(1e-12)))
        most = q.element("max", q.number(key.farthest[position]), q.times(MOST_UNITS, unit))
        near = q.any([q.at_most(q.apart(answer, follows), most), q.at_most(off, most)])
        unsound = q.any(q.variable(f"T{source}") for source in self.sources(position))
        consistent = q.cases(
            (q.never(near), self.found(position, "needs-human")),
            (q.never(unsound), self.found(position, "rounded")),
            (self.says_nothing(position, radius), self.found(position, "not-assessable")),
            otherwise=self.found(position, "follow-through"),
        )
        return q.cases(
            (q.any(correct), self.found(position, "correct")),
            (q.at_most(q.apart(answer, follows), radius), consistent),
            otherwise=self.found(position, "wrong"),
        )

    def found(self, position: int, verdict: str) -> str:
        """The verdict, its marks, and the first line that is wrong."""
        q, key = self.q, self.key
        right = verdict in ("correct", "rounded")
        marks = key.weights[position] * key.shares[verdict]
        rules = [q.put(f"V{position}", q.word(verdict)), q.put(f"T{position}", q.truth(not right))]
        if marks:
            rules.append(q.put("SCORE", q.element("sum", q.variable("SCORE"), q.number(marks))))
        if verdict == "wrong":
            rules.append(q.cases((q.element("is-null", q.variable("FIRST")), q.put("FIRST", q.word(f"L{position}")))))
        return "".join(rules)

    def says_nothing(self, position: int, radius: str) -> str:
        """Whether a line that follows from wrong numbers shows no work, as ``assessable`` has it."""
        q, key, sources = self.q, self.key, self.sources(position)
        follows, answer = q.variable(f"F{position}"), q.variable(f"R{position}")
        quantum, exact = key.quantum[position], key.exact[position]
        near = HALF * quantum
        room = q.element("max", radius, q.number(quantum))
        reasons = [q.variable(f"O{source}") for source in sources]
        arguments = [original(key, argument) for argument in key.steps[position].arguments]
        emptied = {0.0, 1.0, -1.0} | {key.exact[argument] for argument in arguments if key.steps[argument].rule is None}
        dull = [
            q.at_most(q.apart(follows, q.number(value)), q.number(near)) for value in sorted(emptied) if abs(exact - value) > near
        ]
        short = q.element("round-to", follows, rounding_mode="significantFigures", figures="1")
        differs = q.never(q.at_most(q.apart(q.number(exact), short), q.number(near)))
        dull.append(q.all(q.at_most(q.apart(follows, short), q.number(near)), differs))
        if sources:
            reasons.append(q.all(q.any(dull), q.any(q.variable(f"E{source}") for source in sources)))
        reasons.append(q.at_most(q.size(follows), q.times(FEW, room)))
        unit = q.element("max", room, q.number(10.0 ** -key.usual[position]))
        if exact:
            small = q.element("lt", q.times(MOST_UNITS, q.size(follows)), q.number(abs(exact)))
            reasons.append(q.all(small, q.at_most(q.size(follows), q.times(FEW, unit))))
        for source in sources:
            if source in self.blanks.asked:
                alike = q.at_most(q.apart(answer, q.variable(f"U{source}")), room)
                differ = q.element("gt", q.number(abs(exact - key.exact[source])), q.times(FEW, unit))
                wrote = q.never(q.element("is-null", q.variable(f"R{source}")))
                reasons.append(q.all(wrote, q.variable(f"T{source}"), alike, differ))
        return q.any(reasons)

    def flags(self, position: int) -> str:
        """Whether a wrong number is out of range, and whether it leaves nothing to calculate."""
        q, key = self.q, self.key
        answer, wrong, exact = q.variable(f"R{position}"), q.variable(f"T{position}"), key.exact[position]
        low, high = bounds(key, position)
        largest = HUGE * max(1.0, abs(exact))
        out = [
            q.element("gt", answer, q.number(min(high, largest))),
            q.element("lt", answer, q.number(max(low, -largest))),
        ]
        empty = [q.is_(answer, number) for number in (0.0, 1.0, -1.0) if abs(exact - number) > key.quantum[position]]
        return q.put(f"O{position}", q.all(wrong, q.any(out))) + q.put(f"E{position}", q.all(wrong, q.any(empty)))

    # ---------------------------------------------------------------------- text

    def text(self) -> str:
        """The item."""
        q, sheet = self.q, self.sheet
        head: dict[str, str | bool] = {
            "identifier": identifier(sheet.handout.code),
            "title": self.title,
            "adaptive": False,
            "time_dependent": False,
        }
        spaces = (
            f'xmlns="{q.items}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="{q.items} {q.schema}"'
        )
        inside = [*self.declared(), q.element("item-body", *self.body()), q.element("response-processing", *self.rules())]
        whole = q.element("assessment-item", *inside, *self.closing(), **head)
        name = q.name("assessment-item")
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole.replace(f"<{name} ", f"<{name} {spaces} ", 1)}\n'

    def declared(self) -> Iterator[str]:
        """All variables of the item."""
        q, key = self.q, self.key
        for position in self.blanks.asked:
            right = q.element("correct-response", q.element("value", repr(key.exact[position])))
            yield q.element("response-declaration", right, identifier=f"R{position}", cardinality="single", base_type="float")
        most = sum(key.weights[position] for position in self.blanks.asked)
        yield q.outcome("SCORE", "float", start="0", normal_maximum=most, normal_minimum=0)
        yield q.outcome("MAXSCORE", "float", start=number(most))
        yield q.outcome("FIRST", "identifier")
        if self.watched:
            yield q.outcome("FINE", "boolean")
        for position in self.lines:
            for letter in "FUSNW":
                yield q.outcome(f"{letter}{position}", "float")
            for letter in "TOE":
                yield q.outcome(f"{letter}{position}", "boolean")
            if position in self.blanks.asked:
                yield q.outcome(f"D{position}", "float")
                yield q.outcome(f"V{position}", "identifier")

    def body(self) -> Iterator[str]:
        """The body of the item."""
        yield f"<h2>{plain(self.title)}</h2>"
        yield from self.instructions()
        given, rules = self.said(say("Given")), self.said(say("Conventions of this sheet"))
        yield f"<h3>{given}</h3>"
        yield from self.given()
        yield f"<h3>{rules}</h3><ul>"
        yield from self.conventions("li")
        yield "</ul>"
        yield from self.decimal_point()
        for part in self.parts:
            yield f"<h3>{plain(part.title)}</h3>"
            for title, lines in part.blocks:
                if title:
                    yield f"<h4>{plain(title)}</h4>"
                yield f"<table><tbody>{''.join(self.row(position, row) for position, row in lines)}</tbody></table>"

    def row(self, position: int, row: Row) -> str:
        """A line of the sheet."""
        sides = [side.spell(UNICODE) for side in (row.formula, row.numbers)]
        said = plain(" = ".join([row.name.spell(UNICODE), *filter(None, sides)]))
        if not self.is_asked(position, row):
            return f"<tr><td>{row.number}</td><td>{said}</td><td>{plain(row.result.spell(UNICODE))}</td><td></td></tr>"
        box = self.q.element("text-entry-interaction", response_identifier=f"R{position}", expected_length="12")
        remarks = "".join(self.remarks(position, row))
        return f"<tr><td>{row.number}</td><td>{said} =</td><td>{box} {self.said(row.blank.in_words)}</td><td>{remarks}</td></tr>"

    def remarks(self, position: int, row: Row) -> Iterator[str]:
        """The feedback behind an answer, by its verdict."""
        for verdict, said in SAID.items():
            text = self.said(say(said, line=row.number, name=row.name.spell(UNICODE)))
            yield self.q.element("feedback-inline", text, outcome_identifier=f"V{position}", identifier=verdict, show_hide="show")

    def closing(self) -> Iterator[str]:
        """The feedback at the end of an attempt."""
        q = self.q
        for position, row, _, _ in self.asked():
            name = row.name.spell(UNICODE)
            first = self.said(say("The first line to look at again is line {line}, {name}.", line=row.number, name=name))
            text = q.element("content-body", f"<p>{first}</p>") if q is V3 else f"<p>{first}</p>"
            yield q.element("modal-feedback", text, outcome_identifier="FIRST", identifier=f"L{position}", show_hide="show")
