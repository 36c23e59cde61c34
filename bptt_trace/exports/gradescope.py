"""An autograder for Gradescope: the archive that a lecturer uploads, and the program that runs there.

Layout: Gradescope unpacks the archive to /autograder/source, runs its setup.sh once, and for each submission calls
/autograder/run_autograder, which reads the folder submission and writes results/results.json (Gradescope's
autograder specifications).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bptt_trace import __version__
from bptt_trace.archives import small_archive
from bptt_trace.errors import ProblemError
from bptt_trace.exports.problem_text import problem_text
from bptt_trace.files import in_place_of
from bptt_trace.marking.answer_files import load as load_answers
from bptt_trace.marking.check import check
from bptt_trace.marking.key import Key
from bptt_trace.marking.marks import gradescope
from bptt_trace.problem.problem import load

ENDINGS = (".csv", ".toml", ".json", ".md", ".markdown")
"""The files in which answers are handed in."""
RUNS = ("setup.sh", "run_autograder")
"""The files of the archive that are programs."""

SETUP = f"""#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image. Put a wheel of bptt-trace into the archive to install that one.
set -euo pipefail
cd "$(dirname "$0")"
apt-get update -qq
apt-get install -y -qq --no-install-recommends python3 python3-venv
python=python3
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  apt-get install -y -qq --no-install-recommends python3.11 python3.11-venv
  python=python3.11
fi
"$python" -m venv ../venv
wheels=(*.whl)
[ -e "${{wheels[0]}}" ] || wheels=(bptt-trace=={__version__})
../venv/bin/pip install --quiet "${{wheels[@]}}"
"""
RUN = """#!/usr/bin/env bash
# Gradescope calls this for each submission; it reads results/results.json.
cd "$(dirname "$0")"
python=venv/bin/python
[ -x "$python" ] || python=python3
exec "$python" -P -m bptt_trace.exports.gradescope .
"""


def autograder(document: Mapping[str, Any]) -> bytes:
    """The archive for the problem with this table of keys: setup, runner, problem. The results are worked out there."""
    files = {"setup.sh": SETUP, "run_autograder": RUN, "problem.toml": problem_text(document)}
    return small_archive(files, {name: 0o100755 if name in RUNS else 0o100644 for name in files})


def run(folder: Path) -> None:
    """Mark a submission in a folder laid out as Gradescope's; one that cannot be marked gets 0 marks and the reason."""
    try:
        key = Key(load(folder / "source" / "problem.toml"))
        results = gradescope(check(key, load_answers(_handed_in(folder / "submission"), key.register)))
    except ProblemError as error:
        error.source = Path(error.source).name
        results = json.dumps({"score": 0, "output": str(error), "output_format": "text", "tests": []}, indent=1) + "\n"
    (folder / "results").mkdir(exist_ok=True)
    with in_place_of(folder / "results" / "results.json") as file:
        file.write(results)


def _handed_in(folder: Path) -> Path:
    """The one file with answers."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    if len(files) != 1:
        found = f"{len(files)} files: {', '.join(path.name for path in files)}" if files else "no such file"
        raise ProblemError(f"expected one file with answers, ending in {', '.join(ENDINGS)}; {found}", source="submission")
    return files[0]


if __name__ == "__main__":
    run(Path(sys.argv[1]))
