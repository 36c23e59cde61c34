"""The report for a student, made from marks.

Root faults come first, each with the answer, the rule and the lines to redo. The
report shows no value that the student has not written, unless ``reveal`` asks
for the right values.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from bptt_trace.document.mathematics import Figures, Math
from bptt_trace.document.sentences import Inline, inline, joined, row_of, say, say_many, to_say, to_say_many, together
from bptt_trace.document.sheet import Block, Column, Equation, Equations, Paragraph, Part, Section, Sheet, Table
from bptt_trace.engine.names import Name
from bptt_trace.lines.line_numbers import ranges
from bptt_trace.lines.row_mathematics import Written
from bptt_trace.lines.spelling import Speller
from bptt_trace.marking.catalogue.entry import CATALOGUE
from bptt_trace.marking.key import Key
from bptt_trace.marking.marks import WORDS, Marked, Marks

TITLES = {misconception.slug: misconception.title for misconception in CATALOGUE}
SIGNS = {"correct": "✓", "rounded": "✓", "follow-through": "✓", "mixed": "✓", "rough": "○", "blank": "–"}
FOOTER = say(
    "✓ right, ○ right number with too few decimals, × wrong, – blank. A line is also right if it follows "
    "from your own earlier numbers. Rounding of the last digit is never held against you."
)


def number(value: float) -> Figures:
    """Marks without zeros at the end.

    >>> number(29.5), number(33.0), number(0.333333)
    ('29.5', '33', '0.3333')
    """
    return Figures(f"{round(value, 4):g}")


def written(text: str) -> str:
    """An answer as it was written, shortened, and without control characters."""
    plain = "".join(sign if sign.isprintable() else " " if sign.isspace() else "?" for sign in text.strip())
    return plain if len(plain) <= 40 else plain[:39] + "…"


def report(key: Key, marks: Marks, student: str = "", *, reveal: bool = False) -> Sheet:
    """The marked sheet of one student."""
    return _Report(key, marks, reveal).sheet(student)


class _Report:
    """Writes the report on one sheet."""

    def __init__(self, key: Key, marks: Marks, reveal: bool) -> None:
        self.key, self.marks, self.reveal = key, marks, reveal
        self.speller = Speller(key.problem.vocabulary)
        self.index = key.program.index
        self.by_name = {answer.name: answer for answer in marks.answers}
        self.numbers = {answer.name: number for number, answer in enumerate(marks.faults, start=1)}

    def sheet(self, student: str) -> Sheet:
        sections = [*(self.fault(answer) for answer in self.marks.faults), *self.blanks()]
        sections.append(Section("all", say("All lines"), (self.all_lines(),)))
        title = say("Marked: {title}", title=self.key.problem.title)
        return Sheet(title, written(student), (), (), tuple(sections), (), kind=to_say("marked"), box=self.box(), closing=FOOTER,
                     locale=self.key.problem.handout.locale)  # fmt: skip

    # ------------------------------------------------------------------ summary

    def box(self) -> Inline:
        """The score, the first wrong line, and the number of lines that follow from it."""
        marks = self.marks
        score = inline("{score} of {all}. ", score=number(marks.score), all=number(marks.out_of))
        first = marks.first_wrong
        if first is None:
            whole = all(answer.verdict in ("correct", "rounded") for answer in marks.answers)
            return together(
                score,
                say("Every line is right.") if whole else say("No line is wrong.{unanswered}", unanswered=self.unanswered()),
                self.comma(),
            )
        followers = sum(answer.verdict in ("follow-through", "mixed") for answer in marks.answers)
        sentence = inline("The first wrong line is {line}, {name}.", line=self.place(first), name=self.speller.math(first))
        later = ""
        if followers:
            later = say_many(
                " {n} later line differs from the key only because of what is wrong before; by your own numbers it is right.",
                " {n} later lines differ from the key only because of what is wrong before; by your own numbers they are right.",
                followers,
                n=followers,
            )
        rest = later + self.unanswered()
        return together(score, sentence, rest, self.comma())

    def comma(self) -> Inline:
        """The sentence on the meaning of a comma."""
        said = self.marks.comma.said
        return (row_of(" ", said),) if said else ()

    def unanswered(self) -> str:
        """The sentence on lines without a number."""
        counts = Counter(answer.verdict for answer in self.marks.answers)
        blank, unreadable = counts["blank"], counts["unreadable"]
        text = say_many(" {n} line is blank.", " {n} lines are blank.", blank, n=blank) if blank else ""
        if unreadable:
            one, many = to_say_many(" {n} line could not be read.", " {n} lines could not be read.")
            text = row_of(text, say_many(one, many, unreadable, n=unreadable))
        return text

    def place(self, name: Name) -> str:
        line = self.key.line_texts[self.index[name]]
        return say("line {line}", line=line) if line else say("the line")

    # ------------------------------------------------------------------- faults

    def fault(self, answer: Marked) -> Section:
        """The section on a root fault: the answer, the rule, the lines to redo."""
        name = self.speller.math(answer.name)
        wrote = inline("You wrote {name} = {raw}.", name=name, raw=written(answer.raw))
        blocks: list[Block] = [Paragraph(wrote + self.evidence(answer))]
        blocks.append(Paragraph((self.explanation(answer),)))
        blocks.append(Equations((), (self.rule(answer.name),)))
        blocks.append(Paragraph(self.advice(answer)))
        if self.reveal:
            blocks.append(Paragraph(self.revealed(answer)))
        place = self.place(answer.name)
        return Section(f"fault-{self.numbers[answer.name]}", row_of(place.capitalize(), ": ", self.title(answer)), tuple(blocks))

    def title(self, answer: Marked) -> str:
        if answer.verdict == "misconception":
            return joined(say(" or "), [TITLES[slug] for slug in answer.misconceptions[:2]])
        return answer.message if answer.verdict == "slip" else say("this does not follow")

    def evidence(self, answer: Marked) -> Inline:
        """The sentence that explains a wrong answer, such as another line with the same number."""
        if answer.read is None or not answer.read:
            return ()
        for other in self.marks.answers:
            same = other.name != answer.name and other.read == answer.read
            if same and other.line and other.verdict in ("correct", "rounded"):
                name = self.speller.math(other.name)
                return inline(" That is exactly your line {line}, {name}.", line=other.line, name=name)
        return ()

    def explanation(self, answer: Marked) -> str:
        match answer.verdict:
            case "misconception":
                return answer.message
            case "slip":
                return say("It looks like a slip of the pen: {message}.", message=answer.message)
            case _:
                return say("It follows neither from the exact numbers nor from your own: go through the line again.")

    def rule(self, name: Name) -> Equation:
        """The formula of a line, with names."""
        step = self.key.steps[self.index[name]]
        assert step.rule is not None

        def named(argument: int) -> Math:
            return self.speller.math(self.key.steps[step.arguments[argument]].target)

        return Equation(self.speller.math(name), (Part(Written(step.rule, named)),))

    def advice(self, answer: Marked) -> Inline:
        """The sentence on the lines to use and those to redo."""
        step = self.key.steps[self.index[answer.name]]
        uses = [self.key.line_texts[a] for a in step.arguments if self.key.line_texts[a]]
        redo = [later.line for later in self.marks.answers if answer.name in later.inherits and later.line]
        said = say("Try it again from the given numbers")
        if uses:
            one, many = to_say_many(
                "Try it: work it out again from your line {n}", "Try it: work it out again from your lines {n}"
            )
            said = say_many(one, many, len(uses), n=", ".join(dict.fromkeys(uses)))
        if not redo:
            return (row_of(said, say(".")),)
        redone = say_many("then redo line {n}", "then redo lines {n}", len(redo), n=listed_lines(redo))
        return inline("{said}; {redone}.", said=said, redone=redone)

    def revealed(self, answer: Marked) -> Inline:
        return inline(
            "Read as {read}; right is {right}; from your numbers {own}, within {room}.",
            read=Figures(answer.read),
            right=Figures(f"{answer.expected:.10g}"),
            own=Figures(f"{answer.reference:.10g}"),
            room=_room(answer),
        )

    def blanks(self) -> Iterator[Section]:
        """The sections on faults in blank lines."""
        for fault in self.marks.unwritten:
            names: list[str | Math] = []
            for other in fault.explains:
                names += [", "] if names else []
                names.append(self.speller.math(other))
            text = inline(
                "You left {name} blank; {names} go together with one wrong value of it. "
                "The fault is at or just before this line.",
                name=self.speller.math(fault.name),
                names=tuple(names),
            )
            blocks: tuple[Block, ...] = (Paragraph(text), Equations((), (self.rule(fault.name),)))
            yield Section(f"blank-{fault.line}", say("Line {line}: left blank, and wrong", line=fault.line), blocks)

    # -------------------------------------------------------------------- table

    def all_lines(self) -> Table:
        columns = [
            Column(inline("line"), right=True),
            Column(inline("quantity")),
            Column(inline("you wrote"), right=True, room=22 if self.reveal else 42),
            Column(()),
            Column(inline("verdict"), room=30 if self.reveal else 50),
            Column(inline("credit"), right=True),
        ]
        if self.reveal:
            columns += [Column((word,), right=True) for word in (say("right"), say("from yours"), say("within"))]
        return Table(tuple(columns), [self.row(answer) for answer in self.marks.answers], ())

    def row(self, answer: Marked) -> tuple[Inline, ...]:
        sign = SIGNS.get(answer.verdict, "×" if answer.root else "?")
        cells: list[Inline] = [
            (answer.line,),
            (self.speller.math(answer.name),),
            (written(answer.raw),),
            (sign,),
            (self.word(answer),),
            (number(answer.credit), *(inline(" of {of}", of=number(answer.out_of)) if answer.out_of != 1 else ())),
        ]
        if self.reveal:
            cells += [(Figures(f"{answer.expected:.8g}"),), (Figures(f"{answer.reference:.8g}"),), (_room(answer),)]
        return tuple(cells)

    def word(self, answer: Marked) -> str:
        if answer.verdict in ("follow-through", "mixed"):
            lines = [self.key.line_texts[self.index[name]] for name in answer.inherits]
            return (
                say("follows from {line}", line=listed_lines([line for line in lines if line])) if any(lines) else say("follows")
            )
        word = WORDS[answer.verdict]
        if answer.name in self.numbers:
            return say("{word}, see {name}", word=word, name=self.numbers[answer.name])
        return row_of(word, ": ", answer.message) if answer.verdict == "unreadable" else word


def listed_lines(lines: Sequence[str]) -> str:
    """Line numbers in short; numbers of components in full."""
    if all(line.isdigit() for line in lines):
        return ranges(sorted(set(map(int, lines))))
    return ", ".join(dict.fromkeys(lines))


def _room(answer: Marked) -> str:
    """The tolerance of an answer; words where rounding on the way makes it unbounded."""
    return Figures(f"{answer.radius:.2g}") if math.isfinite(answer.radius or 0.0) else say("any distance")
