"""A process that solves one problem after another does not grow without end."""

from __future__ import annotations

import gc
import importlib
import inspect
import pkgutil
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sweeps import share_of

import bptt_trace
from bptt_trace.engine.activation_parser import activation

SERVER = Path(__file__).with_name("server.py")
MOST = 300
"""Megabytes."""


def kept() -> Iterator[tuple[str, Any]]:
    """Every function and method of the package that keeps its results."""
    for module in pkgutil.walk_packages(bptt_trace.__path__, "bptt_trace."):
        if module.name.endswith("__main__"):
            continue
        things = vars(importlib.import_module(module.name))
        for name, thing in things.items():
            members = vars(thing).items() if inspect.isclass(thing) and thing.__module__ == module.name else [(name, thing)]
            for member, value in members:
                if hasattr(value, "cache_info"):
                    yield f"{module.name}.{name}.{member}", value


def test_nothing_that_depends_on_a_problem_is_kept_for_ever() -> None:
    """What is kept without bound takes no arguments; everything else has a bound."""
    found = dict(kept())
    assert len(found) > 10
    unbounded = {name for name, value in found.items() if value.cache_info().maxsize is None}
    assert {name for name in unbounded if inspect.signature(found[name]).parameters} == set()


def test_an_activation_lives_as_long_as_it_is_used() -> None:
    """The same text is the same function while one is held; afterwards nothing is left of it."""
    first = activation("z/(2+abs(z))", "f", "f")
    assert activation("z/(2+abs(z))", "f", "f") is first
    left = weakref.ref(first)
    del first
    gc.collect(1)  # it is young; the old objects of other tests are many
    assert left() is None


@pytest.mark.exhaustive
@pytest.mark.parametrize("many", [20, share_of(3_000)])
def test_many_different_problems_take_little_memory(many: int) -> None:
    """Each with an activation, a loss or an update of its own."""
    printed = subprocess.run([sys.executable, str(SERVER), str(many)], capture_output=True, text=True, check=True).stdout
    taken = [int(line) for line in printed.splitlines()]
    assert len(taken) == 10
    assert taken[-1] < MOST
