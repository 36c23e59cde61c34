"""Build hook: compiles the schema of a problem, and the catalogues of translations, into the package."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Compiled(BuildHookInterface):  # type: ignore[type-arg]
    """Writes ``problem/compiled_schema.py`` and ``languages/*.mo``; in an editable installation they stay in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the module, and add it to what is packed though git ignores it."""
        del version
        folder = Path(self.root) / "bptt_trace" / "problem"
        source = runpy.run_path(str(folder / "compile_schema.py"))["source"]
        text = source((folder / "problem.schema.json").read_bytes())
        (folder / "compiled_schema.py").write_text(text, "utf-8")
        build_data["artifacts"].append("/bptt_trace/problem/compiled_schema.py")
        languages = folder.parent / "languages"
        compiled = runpy.run_path(str(languages / "catalogues.py"))["compiled"]
        for catalogue in languages.glob("*.po"):
            catalogue.with_suffix(".mo").write_bytes(compiled(catalogue))
        build_data["artifacts"].append("/bptt_trace/languages/*.mo")
