"""LibreOffice as a calculator of workbooks: an oracle that shares no code with the package."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bptt_trace.problem.problem import Problem

SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"><item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item></oor:items>"""
"""All formulas are calculated anew when a file is opened."""
ALL_TABS = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"
"""UTF-8 with commas; numbers with all their digits; a file for each tab."""


def spreadsheets_hold(problem: Problem) -> bool:
    """Whether a spreadsheet can calculate with the given numbers: it has no closed forms, and 15 digits."""
    digits = (number.text.replace("-", "").replace(".", "").lstrip("0") for number in problem.given.values())
    return problem.rounding.policy != "exact" and all(len(one) <= 15 for one in digits)


def office(folder: Path, form: str, *files: Path) -> None:
    """Convert workbooks. Skips the test where LibreOffice is missing, but never where ``CI`` is set."""
    program = shutil.which("soffice")
    if program is None and not os.environ.get("CI"):
        pytest.skip("LibreOffice is not installed (Debian: libreoffice-calc-nogui)")
    assert program, "LibreOffice is missing; with CI set, nothing is skipped"
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True, exist_ok=True)
    (profile / "user" / "registrymodifications.xcu").write_text(SETTINGS, "utf-8")
    command = [program, f"-env:UserInstallation=file://{profile.resolve()}", "--headless", "--convert-to", form]
    run = subprocess.run([*command, "--outdir", folder, *files], capture_output=True, timeout=900, check=False, text=True)
    assert run.returncode == 0, run.stderr


def recalculated(folder: Path, file: Path) -> dict[str, list[list[str]]]:
    """The cells of every tab of a workbook, by its name, after all formulas were calculated anew."""
    office(folder, ALL_TABS, file)
    return tabs_of(folder, file)


def tabs_of(folder: Path, file: Path) -> dict[str, list[list[str]]]:
    """The cells of every tab of a workbook that ``office`` has converted."""
    tabs = {}
    for written in folder.glob(f"{file.stem}-*.csv"):
        with written.open(encoding="utf-8", newline="") as lines:
            tabs[written.stem.removeprefix(f"{file.stem}-")] = list(csv.reader(lines))
    return tabs


def cell(tab: list[list[str]], name: str) -> str:
    """One cell, by its name: ``B3``; nothing beyond the end."""
    column, row = ord(name[0]) - ord("A"), int(name[1:]) - 1
    return tab[row][column] if row < len(tab) and column < len(tab[row]) else ""
