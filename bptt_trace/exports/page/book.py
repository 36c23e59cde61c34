"""The data by which a page checks answers: the catalogue of mistakes for one problem, and the range of each line."""

from __future__ import annotations

from typing import Any

from bptt_trace.calculation.compiled_rules import source
from bptt_trace.document.local import localized
from bptt_trace.engine.formula import Apply
from bptt_trace.engine.functions import exp
from bptt_trace.engine.names import Role
from bptt_trace.engine.rules import Rule, rule_of
from bptt_trace.exports.page.program import Code, compact
from bptt_trace.exports.page.rules import in_javascript
from bptt_trace.marking.key import Key
from bptt_trace.networks.cells.equations import Equations


def book(key: Key, code: Code, name: str = "book") -> str:
    """The definition of the catalogue in JavaScript; it shares the functions of the program."""
    rules: dict[Rule, int] = {}
    mistakes, locale = [], key.problem.handout.locale
    for mistake, lines in key.changed_formulas:
        made: dict[int, list[Any]] = {}
        for position, ways in lines.items():
            filled = [rule_of(formula) for formula in ways]
            made[position] = [[rules.setdefault(rule, len(rules)), arguments] for rule, arguments in filled]
        said = {"title": localized(mistake.title, locale), "message": localized(mistake.message, locale)}
        mistakes.append({"slug": mistake.slug, **said, "lines": made})
    steps = key.steps
    data = {
        "mistakes": mistakes,
        "repeats": [place for place, step in enumerate(steps) if step.repeats],
        "ranges": {place: kind for place in range(len(steps)) if (kind := _range(key, place))},
        "cells": [[[list(index), place] for index, place in cells.items()] for cells in key.cells.values() if len(cells) > 1],
        "together": [[misconception.slug for misconception in made] for made, _ in key.changes_at_once],
        "alike": _alike(key),
        "names": [str(key.problem.vocabulary.shown(step.target)) for step in steps],
    }
    before = len(code.functions.definitions)
    written = ",\n".join(in_javascript(rule, code.functions) for rule in rules)
    more = code.functions.definitions[before:]  # those of the program stand before it
    return "\n".join([*more, f"const {name} = {compact(data)};", f"{name}.rules = [\n{written}];"])


def _range(key: Key, place: int) -> str:
    """The range of a step, as ``out_of_range`` of the slips has it."""
    step = key.steps[place]
    if step.rule is None:
        return ""
    function = next(iter(source(step.rule).functions), None)
    cell = key.problem.network.cell_of(step.target.layer) if key.problem.network.cells else None
    if isinstance(cell, Equations) and (function is exp or not isinstance(step.rule.formula, Apply)):
        function = None  # neither an exponential nor an expression around a function has a bound
    if step.role in (Role.HIDDEN, Role.OUTPUT) and function is not None:
        if function.name == "tanh":
            return "tanh"
        if function.name in ("sigmoid", "exp"):
            return "positive" if step.target.stem == "e" else "unit"
    return "error" if step.role is Role.LOSS and key.problem.loss.is_error else ""


def _alike(key: Key) -> list[list[int]]:
    """The steps that are one quantity at several times."""
    groups: dict[Any, list[int]] = {}
    for place, step in enumerate(key.steps):
        if step.rule is not None and step.target.time is not None and step.target.via is None:
            groups.setdefault(step.target._replace(time=None), []).append(place)
    return [group for group in groups.values() if len(group) > 1]
