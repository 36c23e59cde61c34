"""The benchmarks run: each in its quick form, which compares both sides and measures nothing that counts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
QUICK = {
    "cold_start": "--quick", "flow": "--quick", "long_trace": "--check", "marking": "--quick", "pdf": "--quick",
    "training": "--quick", "variants": "--quick", "vectors": "--quick",
}  # fmt: skip
LIGHT = ("long_trace",)
"""What every run of the tests does; the others are for CI."""


def printed(name: str) -> str:
    command = [sys.executable, f"benchmarks/{name}.py", QUICK[name]]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr.decode()[-2000:] + run.stdout.decode()[-2000:]
    return run.stdout.decode()


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in LIGHT else pytest.mark.exhaustive) for n in QUICK])
def test_a_benchmark_runs(name: str) -> None:
    """It ends with status 0 and prints its figures; the two sides that it compares are the same."""
    if name == "pdf" and shutil.which("pdflatex") is None:
        pytest.skip("needs pdflatex")
    text = printed(name)
    assert re.search(r"\d [×x]|the same on both sides", text)
    assert "WRONGED" not in text


def test_every_benchmark_has_a_quick_form() -> None:
    """All programs of the folder but the floor, which is no benchmark by itself."""
    assert set(QUICK) == {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {"floor"}
