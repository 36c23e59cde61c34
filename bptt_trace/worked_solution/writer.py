"""The common base of the sections of a worked solution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from bptt_trace.document.figures import Figure
from bptt_trace.document.sentences import Inline, inline, joined, say, say_many
from bptt_trace.document.sheet import Block, Bullets, Lines, Note
from bptt_trace.engine.program import Moment
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.matrix_rows import board_of
from bptt_trace.lines.parts_of_sheet import Parts
from bptt_trace.lines.row_words import Labels, title_of
from bptt_trace.lines.rows import Rows
from bptt_trace.lines.view import View
from bptt_trace.networks.graph import Graph
from bptt_trace.networks.optimizers import Update
from bptt_trace.pictures import graph_picture, network_picture
from bptt_trace.worked_solution import takeaways
from bptt_trace.worked_solution.attention_formulas import Formulas
from bptt_trace.worked_solution.iteration_table import shown
from bptt_trace.worked_solution.summary import EVERY_STEP_UP_TO
from bptt_trace.worked_solution.wording import in_words, listed

EXPLAINED_STEPS = 3
"""Time steps with sentences of their own."""


class Writer:
    """The common base of the sections of a worked solution: its desk, its view, and blocks that several of them write."""

    def __init__(self, desk: Desk, view: View = View(), *, sketch: Desk | None = None, drawn: bool | None = None) -> None:
        """``sketch`` has the lines from which pictures are drawn, and ``drawn`` says whether there are pictures."""
        self.desk = desk
        self.board = board_of(desk)
        """The lines that are written; in a network of single numbers the desk itself."""
        self.parts: Parts = self.board.parts
        self.compact = view.style != "full"
        """Whether there are formulas and lines only: no sentences, no summary."""
        self.drawn = view.style in ("full", "one-page") if drawn is None else drawn
        self.style = view.style
        self.sketch = sketch or desk
        network = desk.problem.network
        self.graph = isinstance(network, Graph)
        """Whether there is no network, of which sentences speak."""
        self.recurrent = desk.last_time > 0
        self.samples = network.samples
        in_rows = view.steps == "ledger" or (view.steps == "auto" and desk.last_time > EVERY_STEP_UP_TO)
        # Where time is gone through more than once, a row for each step would mix what does not belong together.
        self.on_ledger = in_rows and desk.last_time > 1 and len(self.parts.forward.tracks) == 1
        """Whether two time steps are printed line by line, and then a row for each."""
        self.labels = Labels(desk, self.board)
        self.update_of = desk.problem.update or Update()
        self.attention = Formulas(desk) if network.tokens or network.attention else None
        """The formulas of attention, where there is any."""
        self.shown = shown(view.show, self.parts.last)
        """The iterations that are printed in full."""

    def said(self, sentence: Callable[..., Iterator[Note]], *about: Any, **also: Any) -> Iterator[Note]:
        """The notes of a sentence, if the style has sentences."""
        if not self.compact and not self.graph:
            yield from sentence(*about, **also)

    def collected(self, blocks: Iterator[Block]) -> tuple[Block, ...]:
        """The blocks of a section, written one after the other."""
        return tuple(blocks)

    def takeaways(self) -> Iterator[Block]:
        """The takeaways."""
        points = tuple(takeaways.takeaways(self.desk, self.desk.parts))
        if points:
            yield Bullets(points)

    def subtitle(self, what: str = "") -> str:
        """The kind of sheet and its content, in one line; the kind is that of the style, if ``what`` names no other."""
        usual = say("Worked solution")
        styles = {"one-page": say("On one page"), "results": say("Results")}
        return say("{what}: {done}", what=what or styles.get(self.style, usual), done=self._done())

    def _done(self) -> str:
        last = self.parts.last
        updates = say_many("one update", "{n} updates", last, n=in_words(last))
        if self.update_of.told:
            return say("{updates} from given gradients", updates=updates)
        if not self.parts.forward.losses:
            return say("forward pass")
        recurrent = self.desk.problem.network.recurrent
        done = say("forward pass, backpropagation through time") if recurrent else say("forward pass, backpropagation")
        if self.parts.updates:
            done = joined(say(", "), (done, updates))
        if last > len(self.shown) > 0:
            done += say(" ({iterations} in full)", iterations=listed([str(k) for k in sorted(self.shown)]))
        if self.on_ledger:
            done += say(". In ledger form: two steps in full, then a row for every step")
        return done

    def picture(self, draw: Callable[[Desk, Rows], Figure | None]) -> Iterator[Block]:
        """A picture, where there are pictures and there is something to draw."""
        figure = draw(self.sketch, self._sketched) if self.drawn else None
        if figure is not None:
            yield figure

    @cached_property
    def _sketched(self) -> Rows:
        """The lines of vectors from which pictures are drawn."""
        return self.board if self.sketch is self.desk else board_of(self.sketch)

    def in_full(self, moments: Sequence[Moment]) -> Sequence[Moment]:
        """The moments that are printed line by line."""
        if not self.on_ledger:
            return moments
        return [moment for moment in moments if moment.sample in (None, 1)][:2]

    def title(self, moment: Moment) -> Inline:
        """The title of the lines of a moment."""
        title = title_of(moment, several=len(self.parts.forward.tracks) > 1)
        return (title,) if title else ()

    def all_steps(self, steps: Mapping[Moment, Sequence[int]]) -> Lines:
        """Every line in one block: in a long trace the names say which step it is."""
        lines = [position for positions in steps.values() for position in positions]
        return Lines(inline("All steps"), self.board.stream(lines, self.labels.of))

    def network(self) -> Iterator[Block]:
        """The network with its values and, where there are any, its gradients."""
        draw = network_picture.unrolled if self.recurrent else network_picture.by_layer
        if self.graph:
            draw = graph_picture.graph
        yield from self.picture(draw)


def every_step(sample: int | None) -> str:
    """The title of a table with a row for each time step."""
    return say("All steps") if sample is None else say("All steps of sample {sample}", sample=sample)
