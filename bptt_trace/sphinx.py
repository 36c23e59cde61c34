"""A directive for MyST pages of Sphinx and Jupyter Book: a fenced ``bptt`` block becomes the sheet of the problem in it.

In conf.py: ``extensions = ["myst_parser", "bptt_trace.sphinx"]`` and ``myst_enable_extensions = ["dollarmath"]``.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList

from bptt_trace import __version__
from bptt_trace.commands.embedding import Refused, run

if TYPE_CHECKING:
    from bptt_trace.document.sheet import Sheet


class Bptt(Directive):  # type: ignore[misc]
    """A command of bptt-trace, ``solve`` by default; the problem stands in the block, or is named in ``:problem:``."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = dict.fromkeys(("command", "options", "problem"), directives.unchanged)

    def run(self) -> list[nodes.Node]:
        """The sheet, as nodes of the page."""
        made: list[nodes.Node] = []
        named = self.options.get("problem")
        words = [self.options.get("command", "solve"), *shlex.split(self.options.get("options", "")), *([named] if named else [])]
        try:
            run(words, None if named else "\n".join(self.content), "this block", lambda sheet: made.extend(self._nodes(sheet)))
        except Refused as error:
            raise self.error(f"bptt: {error}") from None
        return made

    def _nodes(self, sheet: Sheet) -> list[nodes.Node]:
        from bptt_trace.media.drawing.svg import embedded
        from bptt_trace.media.templates import rendered

        links, around, node = embedded(sheet), 0, self.state_machine.node
        while node is not None:  # headings go below those around the block
            node, around = node.parent, around + isinstance(node, nodes.section)
        picture, level = '<img src="{}" alt="">', "#" * around
        filters = {"picture": lambda figure: picture.format(links[figure.id]), "level": lambda own: (level + "#" * own)[:6]}
        text, made = rendered("sheet.md.j2", {"sheet": sheet}, filters=filters), nodes.Element()
        self.state.nested_parse(StringList(text.splitlines(), source="bptt"), self.content_offset, made, match_titles=True)
        return list(made.children)


def setup(app: Any) -> dict[str, Any]:
    """The entry point for Sphinx."""
    app.add_directive("bptt", Bptt)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}
