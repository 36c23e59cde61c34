"""Random given numbers for the built-in examples, calculated by Python and by the engine of the page."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from students import blanked, by_hand

from bptt_trace import CalculationError, Key, check, load
from bptt_trace.calculation.arithmetic import Remembering, Values, arithmetic, evaluate, run
from bptt_trace.calculation.build import build
from bptt_trace.document.locale import ENGLISH
from bptt_trace.engine.names import Name
from bptt_trace.engine.program import Program
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.exports.page.book import book
from bptt_trace.exports.page.program import Code, language, scripts
from bptt_trace.lines.spelling import shown
from bptt_trace.problem.numbers import exact_number
from bptt_trace.problem.problem import Problem
from bptt_trace.problem.rounding import Rounding

NODE = shutil.which("node")

COMPARE = """
const wanted = JSON.parse(require("fs").readFileSync(0, "utf8"));
let differ = [], lines = 0, failures = 0, kinds = {};
for (const [texts, want, failing] of wanted) {
  const inputs = new Map(); let j = 0;
  program.steps.forEach(([rule], place) => { if (rule < 0) inputs.set(place, given(texts[j++])); });
  const out = evaluate(program, inputs);
  const failed = out.findIndex(one => one.reason !== undefined);
  if (failing !== null || failed >= 0) {
    failures++;
    if (failing !== failed) differ.push([texts, "failing line", failing, failed, out[failed]?.reason ?? ""]);
    continue;
  }
  want.forEach((text, place) => {
    if (program.steps[place][0] >= 0) lines++;
    if (out[place].text !== text) differ.push([texts, place, text, out[place].text]);
  });
}
console.log(JSON.stringify({ lines, failures, count: differ.length, differ: differ.slice(0, 5) }));
"""


@cache
def program_of(name: str) -> tuple[Problem, Program]:
    """A built-in example and its program of numbers, of at most four iterations."""
    problem = load(name)
    if problem.update is not None and problem.update.iterations > 4 and problem.update.schedule != "list":
        problem = replace(problem, update=replace(problem.update, iterations=4))
    return problem, scalars(build(problem))


def drawn(by: random.Random, text: str) -> str:
    """A number in place of one of the problem: decimals, whole numbers, zeros and fractions, some of them far from 1."""
    kind = by.random()
    if kind < 0.04:
        return "0"
    if kind < 0.30:
        return text
    if kind < 0.60:
        return f"{by.randint(-30, 30) / 10:g}"
    if kind < 0.80:
        return f"{by.randint(-300, 300) / 100:.2f}"
    if kind < 0.93:
        return f"{by.uniform(-2, 2):.4f}"
    if kind < 0.96:
        return f"{by.choice((-1, 1)) * by.randint(1, 9)}/{by.randint(2, 9)}"
    if kind < 0.98:
        return f"{by.uniform(-40, 40):.3f}"
    return f"{by.choice((-1, 1)) * by.randint(1, 99)}e{by.randint(-9, 2)}"


def cases(problem: Problem, program: Program, rounding: Rounding, count: int, seed: int) -> list[tuple[Any, ...]]:
    """Typed numbers; what Python prints for every step; else the place of the line that it cannot calculate."""
    by, found = random.Random(seed), []
    hows: dict[bool, Remembering] = {}
    given_steps = [step.target for step in program.steps if step.rule is None]
    for _ in range(count):
        texts = [drawn(by, problem.given[name].text) for name in given_steps]
        given = {name: exact_number(text, "x") for name, text in zip(given_steps, texts, strict=True)}
        ends = all(_ends(number.value.denominator) for number in given.values())
        how = hows.setdefault(ends, Remembering(arithmetic(rounding, given)))
        try:
            carries = rounding.policy == "carry"
            numbers = evaluate(program, given, rounding).numbers if carries else run(program, given, how)
        except CalculationError as error:
            target = str(error).partition(" cannot be calculated")[0]
            place = next(p for p, step in enumerate(program.steps) if str(step.target) == target)
            found.append((texts, None, place))
            continue
        found.append((texts, shown(Values(program, numbers, given, rounding)), None))
    return found


def _ends(denominator: int) -> bool:
    for factor in (2, 5):
        while denominator % factor == 0:
            denominator //= factor
    return denominator == 1


def node(script_text: str, data: object) -> Any:
    """What a script prints as JSON, with the data on its standard input."""
    assert NODE is not None
    with TemporaryDirectory() as folder:
        script_file = Path(folder) / "script.js"
        script_file.write_text(script_text, "utf-8")
        words = [NODE, "--stack-size=4000", str(script_file)]
        done = subprocess.run(words, input=json.dumps(data), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def engine(*names: str) -> str:
    """Files of the engine, one behind the other, as they stand in a page."""
    return f'"use strict";\n{language("", ENGLISH)}\n{scripts(names)}'


def compared(name: str, rule: str, count: int, seed: int = 1, changes: Sequence[str] = ()) -> dict[str, Any]:
    """How many lines of random problems the engine prints otherwise than Python, and the first of them.

    A rule that is empty is that of the problem, with these changes.
    """
    problem, program = program_of(name)
    rounding = Rounding.parse(rule) if rule else load(name, changes).rounding
    code = Code(program.steps, rounding).javascript()
    wanted = cases(problem, program, rounding, count, seed)
    return dict(node("\n".join([engine("arithmetic", "calculation"), code, COMPARE]), wanted))


MARK = """
const wanted = JSON.parse(require("fs").readFileSync(0, "utf8"));
const inputs = new Map(), texts = wanted.given; let j = 0;
program.steps.forEach(([rule], place) => { if (rule === GIVEN) inputs.set(place, given(texts[j++])); });
const key = new Key(program, book, unrounded(program, inputs), evaluate(program, inputs));
console.log(JSON.stringify(wanted.sheets.map(sheet => {
  const marking = new Marking(key, new Map(sheet.map(([place, text]) => [place, reading(text)]))).marks();
  return [...marking.verdicts].map(([place, one]) => [place, one.kind, one.slugs ?? []]);
})));
"""


def sheet_of(key: Key, by: random.Random) -> dict[Name, str]:
    """A random answer sheet: error-free, with slips, with a mistake of the catalogue, with blanks, with few decimals, or wild."""
    changed, way, slips = None, 0, {}
    lines = [p for p, step in enumerate(key.steps) if step.rule is not None and not step.repeats]
    kind = by.random()
    if kind < 0.35 and key.changes:
        _, changed = by.choice(key.changes)
        way = by.randrange(max(map(len, changed.values())))
        if by.random() < 0.5:
            changed = {p: ways for p, ways in changed.items() if by.random() < 0.5}
    elif kind < 0.75:
        for place in by.sample(lines, by.randint(1, min(3, len(lines)))):
            slips[place] = by.choice((-1, 1)) * by.choice((20, 50, 300, 2000)) * key.quantum[place]
    answers = by_hand(key, changed=changed, way=way, slips=slips, extra=by.choice((0, 0, 0, 1)))
    if by.random() < 0.4:
        answers = blanked(answers, by.random() * 0.7, by.randrange(10**6))
    for name in by.sample(list(answers), min(len(answers), by.choice((0, 0, 1, 2)))):
        answers[name] = spoilt(answers[name], by)
    return answers


def spoilt(text: str, by: random.Random) -> str:
    """An answer with the sign turned, a decimal dropped, digits swapped, or cut to nothing that can be read."""
    if not text:
        return text
    kind = by.randrange(6)
    if kind == 0:
        return text[1:] if text.startswith("-") else f"-{text}"
    if kind == 1:
        return text[:-1].rstrip(".")
    if kind == 2 and len(text) > 3:
        return f"{text[:-2]}{text[-1]}{text[-2]}"
    if kind == 3:
        return f"{float(text) * 10:.3f}"
    return f"{by.uniform(-2, 2):.4f}" if kind == 4 else "abc"


def agreement(name: str, count: int, seed: int = 1, changes: Sequence[str] = ()) -> tuple[int, int, list[Any]]:
    """Of how many random sheets the verdicts are those of ``check``, of how many, and the first other ones."""
    key, by = Key(load(name, changes)), random.Random(seed)
    sheets = [sheet_of(key, by) for _ in range(count)]
    index = key.program.index
    code = Code(key.steps, key.problem.rounding)
    script_text = "\n".join(
        [engine("arithmetic", "calculation", "worlds", "assessable", "marking"), code.javascript(), book(key, code), MARK]
    )
    texts = [key.problem.given[step.target].text for step in key.steps if step.rule is None]
    told = [sorted((index[name], text) for name, text in sheet.items()) for sheet in sheets]
    found = node(script_text, {"given": texts, "sheets": told})
    same, others = 0, []
    for sheet, page in zip(sheets, found, strict=True):
        wanted = [[index[one.name], one.verdict, list(one.misconceptions)] for one in check(key, sheet).answers]
        differ = [(a, b) for a, b in zip(wanted, page, strict=True) if a != b]
        same += not differ
        if differ:
            others.append((differ[:4], {str(k): v for k, v in sheet.items()}))
    return same, count, others
