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
from typing import Any

from bptt_trace import CalculationError, load
from bptt_trace.calculation.arithmetic import Remembering, Values, arithmetic, run
from bptt_trace.calculation.build import build
from bptt_trace.engine.program import Program
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.exports.page.program import Code, script
from bptt_trace.lines.spelling import shown
from bptt_trace.problem.numbers import Rounding, exact_number
from bptt_trace.problem.problem import Problem

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
            numbers = run(program, given, how)
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
    done = subprocess.run([NODE, "--stack-size=4000", "-e", script_text], input=json.dumps(data), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def engine(*names: str) -> str:
    """Files of the engine, one behind the other, as they stand in a page."""
    return '"use strict";\n' + "\n".join(map(script, names))


def compared(name: str, rule: str, count: int, seed: int = 1) -> dict[str, Any]:
    """How many lines of random problems the engine prints otherwise than Python, and the first of them."""
    problem, program = program_of(name)
    rounding = Rounding.parse(rule)
    code = Code(program.steps, rounding).javascript()
    wanted = cases(problem, program, rounding, count, seed)
    return dict(node("\n".join([engine("arithmetic", "calculation"), code, COMPARE]), wanted))


