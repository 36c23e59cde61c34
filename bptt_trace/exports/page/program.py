"""A program as data and code of a page: its rules as JavaScript functions, its steps as numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from bptt_trace.document.locale import Locale
from bptt_trace.document.sentences import Pattern
from bptt_trace.engine.program import Step
from bptt_trace.engine.rules import Rule
from bptt_trace.exports.page.rules import Functions, in_javascript, inexact
from bptt_trace.lines.readings import READINGS
from bptt_trace.problem.rounding import Precision, Rounding

SCRIPTS = Path(__file__).parent / "scripts"
_SENTENCE = re.compile(r'\bsay\(\s*"([^"]+)"')
"""A sentence of a script, as gettext collects it."""
GIVEN, TOTAL, READING = -1, -2, -3
"""In place of a rule: the problem gives the number; the sum of what is printed, which nothing rounds; a printed number in
another way."""


class Code:
    """Steps for the engine of a page, in the order of the calculation."""

    def __init__(self, steps: Sequence[Step], rounding: Rounding) -> None:
        self.rounding = rounding
        self.functions = Functions()
        self._rules: dict[Rule, int] = {}
        self._precisions: dict[Precision, int] = {rounding.precision: 0}
        self._steps: list[Sequence[int | list[int]]] = []
        for step, precision in zip(steps, rounding.of_lines(steps), strict=True):
            self.add(step.rule, step.arguments, precision)

    def add(self, rule: Rule | None, arguments: Sequence[int], precision: Precision) -> int:
        """Append one more step; its position."""
        which = GIVEN if rule is None else self._rules.setdefault(rule, len(self._rules))
        self._steps.append((which, list(arguments), self._precisions.setdefault(precision, len(self._precisions))))
        return len(self._steps) - 1

    def add_total(self, terms: Sequence[int]) -> int:
        """Append a running total; its position."""
        self._steps.append((TOTAL, list(terms), 0))
        return len(self._steps) - 1

    def add_reading(self, how: Callable[[str], str], place: int) -> int:
        """Append a printed number as a sentence has it; its position."""
        self._steps.append((READING, [place], 0, READINGS.index(how)))
        return len(self._steps) - 1

    def javascript(self, name: str = "program") -> str:
        """The definition of the program."""
        rules = [in_javascript(rule, self.functions) for rule in self._rules]
        shown = {"policy": self.rounding.policy, "places": self.rounding.places, "precisions": list(self._precisions)}
        data = {"inexact": [int(inexact(rule)) for rule in self._rules], "steps": self._steps, **shown}
        listed = ",\n".join(rules)
        return "\n".join([*self.functions.definitions, f"const {name} = {compact(data)};", f"{name}.rules = [\n{listed}];"])


def compact(data: object) -> str:
    """Data as a value of JavaScript that may stand in a page of HTML."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


@lru_cache(maxsize=16)
def script(name: str) -> str:
    """A file of the engine."""
    return (SCRIPTS / f"{name}.js").read_text("utf-8")


def scripts(names: Iterable[str]) -> str:
    """Files of the engine, one behind the other."""
    return "\n".join(map(script, names))


def language(code: str, locale: Locale) -> str:
    """The sentences of some scripts in a language, its decimal mark, and what says them; it stands before these scripts."""
    said = () if locale.language == "en" else dict.fromkeys(_SENTENCE.findall(code))
    sentences = {sentence: locale.words(Pattern(sentence, {})) for sentence in said}
    data = {"mark": locale.decimal_mark, "sentences": sentences}
    return f"const language = {compact(data)};\n{script('words')}"
