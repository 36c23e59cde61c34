"""LaTeX as a program: the search for an engine, and a run that can do no harm.

A document may hold what a stranger wrote, and a user's own template anything.
So a run has a folder of its own that goes away, no shell, no file from outside
the folder but those of TeX itself, nothing to read from, an environment without
the user's settings, and limits to its time, its files and its memory.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from bptt_trace.errors import ProgramMissing, TypesettingError

VARIABLE = "BPTT_TRACE_LATEX"
"""The environment variable that names an engine, or the path of one."""
SECONDS = 60.0
"""The time limit of a run, with a second more for each ``BYTES_A_SECOND`` of its document."""
BYTES_A_SECOND = 10_000  # a slow machine sets twenty times as many
MOST_RUNS = 4
_MOST_BYTES = 1 << 29
_MOST_MEMORY = 1 << 32
_HERE = "document"
_LOG_BYTES = 20_000_000

_SAFE = ["-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error"]
ENGINES: Mapping[str, list[str]] = {
    # The fastest first: pdflatex takes two thirds of lualatex's time, and both are in every TeX Live and MiKTeX. Tectonic
    # may want the network for a file that it has not met before. latexmk only calls one of these: its runs are counted
    # here anyway, so it comes last, for users who ask for it by name.
    "pdflatex": _SAFE,
    "lualatex": [*_SAFE, "-nosocket"],
    "tectonic": ["--untrusted", "--keep-logs", "--keep-intermediates", "--reruns=0", "-Zdeterministic-mode"],
    "latexmk": ["-norc", "-pdf", *_SAFE],
}
_PRELUDE = (
    r"\ifdefined\pdftrailerid\pdftrailerid{}\pdfinfoomitdate=1 \pdfsuppressptexinfo=-1 \fi"
    r"\ifdefined\pdfvariable\pdfvariable suppressoptionalinfo 1023 \fi"
)
"""Commands that keep place and time out of the file; in the first line, so that lines keep their numbers."""

TYPST = "typst"
"""The engine for machines without LaTeX: a wheel from the extra ``pdf``, which runs in this process."""

MISSING = f"""PDF needs a LaTeX program: {", ".join(ENGINES)}; none of them was found.
Debian, Ubuntu: apt install texlive-latex-recommended texlive-fonts-recommended texlive-pictures lmodern
Elsewhere: TeX Live, MiKTeX or MacTeX. {VARIABLE} may hold the path of one.
Without LaTeX: pip install 'bptt-trace[pdf]' brings Typst, which sets all sheets."""


class Engine(NamedTuple):
    """A maker of PDF: a program for LaTeX, or Typst."""

    name: str
    path: str


def find_engine(name: str | None = None) -> Engine:
    """The engine that is named, by argument or environment, or the first that is installed; Typst where none is.

    Raises ``ProgramMissing``.
    """
    wanted = name or asked_for()
    if wanted:
        if wanted == TYPST and find_spec(TYPST) is None:
            raise ProgramMissing("Typst is not installed: pip install 'bptt-trace[pdf]'")
        if wanted == TYPST:
            return Engine(TYPST, "")
        kind = Path(wanted).stem
        if kind not in ENGINES:
            raise ProgramMissing(
                f'"{wanted}" is no LaTeX program known here; one of {", ".join(ENGINES)}, the path of one, or {TYPST}'
            )
        if (path := shutil.which(wanted)) is None:
            raise ProgramMissing(f'"{wanted}" is not installed; unset {VARIABLE} to use any of {", ".join(ENGINES)}')
        return Engine(kind, path)
    for kind in ENGINES:
        if path := shutil.which(kind):
            return Engine(kind, path)
    if find_spec(TYPST) is not None:
        return Engine(TYPST, "")
    raise ProgramMissing(MISSING)


def asked_for() -> str:
    """The engine that the environment names; empty if it names none."""
    return os.environ.get(VARIABLE, "")


class Running:
    """The running processes, so that none outlives its caller."""

    def __init__(self) -> None:
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._over = False

    def stop(self) -> None:
        """End all processes with their children, and let no other begin."""
        with self._lock:
            self._over = True
            for process in self._processes:
                _kill(process)

    def run(self, command: list[str], folder: Path, environment: dict[str, str], seconds: float) -> int | None:
        """The exit status of a command in a folder; None if its time was over."""
        late = threading.Event()
        with self._lock:
            if self._over:
                return None
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a group, so that what it starts ends with it
            )
            self._processes.add(process)
        _limit(process.pid)

        def end() -> None:
            late.set()
            _kill(process)

        # A timer and a plain wait: Python's wait with a limit asks only every 50 ms.
        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            status = process.wait()
        finally:
            timer.cancel()
            with self._lock:
                _kill(process)
                self._processes.discard(process)
        return None if late.is_set() else status


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group, if it is still there."""
    try:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        pass


def _limit(process: int) -> None:
    """Bound the files that a process writes, and its memory, where the system can."""
    if sys.platform != "linux":
        return
    import resource

    try:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))
        resource.prlimit(process, resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    except (OSError, ValueError):
        pass  # it has ended already


class Typeset(NamedTuple):
    """The result of a run."""

    pdf: bytes
    log: str


def typeset(tex: str, engine: Engine, running: Running, seconds: float | None = None) -> Typeset:
    """A document as PDF, in as many runs as it asks for.

    Raises ``TypesettingError`` with the lines of the log that matter.
    """
    limit = SECONDS + len(tex) / BYTES_A_SECOND if seconds is None else seconds
    with tempfile.TemporaryDirectory(prefix="bptt-trace-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / f"{_HERE}.tex").write_text(_PRELUDE + tex, "utf-8", errors="replace", newline="\n")
        command = [engine.path, *ENGINES[engine.name], f"{_HERE}.tex"]
        for _ in range(MOST_RUNS):
            status = running.run(command, folder, _environment(engine, folder), limit)
            log = _read(folder / f"{_HERE}.log")
            if status is None:
                raise TypesettingError({"": f"it took longer than {limit:g} s and was ended"})
            pdf = folder / f"{_HERE}.pdf"
            if status != 0 or not pdf.is_file():
                raise TypesettingError({"": complaint(log) or f"{engine.name} ended with status {status} and no word"})
            if not _again(log):
                break
        return Typeset(pdf.read_bytes(), log)


def _environment(engine: Engine, folder: Path) -> dict[str, str]:
    """An environment with the user's search path, TeX's own settings, and a fixed clock."""
    home = os.environ.get("HOME", str(folder)) if engine.name == "tectonic" else str(folder)  # it keeps its files there
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC") if name in os.environ}
    return kept | {
        "HOME": home,
        "TMPDIR": str(folder),
        "TEMP": str(folder),
        "LC_ALL": "C",
        "openin_any": "p",
        "openout_any": "p",
        "max_print_line": "10000",
        "SOURCE_DATE_EPOCH": _epoch(),
        "FORCE_SOURCE_DATE": "1",
    }


def _epoch() -> str:
    r"""The time that ``\today`` takes for now: the user's SOURCE_DATE_EPOCH, or always the same."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    return given if given.isascii() and given.isdigit() and len(given) < 12 else "0"


def _read(log: Path) -> str:
    try:
        with log.open("rb") as file:
            return file.read(_LOG_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _again(log: str) -> bool:
    """Whether a package asks for another run: a table of more than 200 rows learns its widths in the first."""
    return re.search(r"Warning: (?:[^\n]|\n\(\w+\))*?\bRerun\b", log) is not None


def complaint(log: str) -> str:
    r"""The first error of a log: its ``!`` line, and what follows down to ``l.123`` with the rest of that line.

    Folders are left out: a path tells about the machine.

    >>> print(complaint("(/usr/x.sty)\n! Undefined control sequence.\nl.7 \\foo\n       bar\n?"))
    ! Undefined control sequence.
    l.7 \foo
           bar
    """
    lines = log.splitlines()
    start = next((place for place, line in enumerate(lines) if line.startswith("!")), None)
    if start is None:
        return ""
    place = next((i for i in range(start, min(start + 40, len(lines))) if lines[i].startswith("l.")), start)
    between = [line for line in lines[start + 1 : place] if line.startswith("<")][:2]
    after = lines[place : place + 2] if place > start else []
    shown = (line[:200].rstrip() for line in [lines[start], *between, *after])
    return "\n".join(re.sub(r"(?<![\w.])/(?:[\w.+~-]+/)+", "", line) for line in shown if line)
