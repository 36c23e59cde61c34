"""From a program with its values to a sheet: the worked solution.

One function for each section, in the order in which they are read. What a
section says in sentences is in ``sentences``; the box of conventions is in
``conventions``; long traces on paper are in ``ledger``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bptt_trace.calculation.arithmetic import Values, unrounded
from bptt_trace.calculation.iterations import borders
from bptt_trace.document.figures import Figure
from bptt_trace.document.mathematics import Inline, Math, Number, Put, Relation, Row, Symbol, Verbatim, between, inline, sum_over
from bptt_trace.document.notation import TEXT
from bptt_trace.document.sheet import (
    NO_WORD,
    Block,
    Bullets,
    Column,
    Equation,
    Equations,
    Lines,
    Note,
    Paragraph,
    Part,
    Section,
    Sheet,
    Table,
    turned,
)
from bptt_trace.engine.names import BACKWARD, ENCODER, LOSS, Name, Role, gradient, word_and_number
from bptt_trace.engine.program import WRITTEN_OUT, Moment, Program, Step
from bptt_trace.engine.rules import Rule, of_any_letter
from bptt_trace.errors import ProblemError
from bptt_trace.lines.matrix_rows import Blackboard
from bptt_trace.lines.parts_of_sheet import Parts, Pass, by_track, way
from bptt_trace.lines.row_words import Labels, headings, title_of
from bptt_trace.lines.rows import Desk
from bptt_trace.lines.spelling import Clock, Speller, clock_at, seen
from bptt_trace.networks.graph import Graph
from bptt_trace.networks.optimizers import Update
from bptt_trace.pictures import attention_map, cell_picture, gradient_bars, graph_picture, network_picture, plane
from bptt_trace.problem.problem import Problem
from bptt_trace.worked_solution import (
    attention_weights,
    backward_notes,
    every_path,
    footer,
    forward_mode,
    forward_notes,
    gradient_check,
    letters,
    takeaways,
    truncated_passes,
    update_notes,
    wording,
)
from bptt_trace.worked_solution.attention_formulas import Formulas
from bptt_trace.worked_solution.conventions import conventions
from bptt_trace.worked_solution.given_tables import meaning_of
from bptt_trace.worked_solution.iteration_table import Course, shown, title
from bptt_trace.worked_solution.loss_formulas import loss_name, slope_of_binary, summed, term_equation
from bptt_trace.worked_solution.perceptron import Epochs
from bptt_trace.worked_solution.step_tables import ledger, loss_ledger, parameter_ledger
from bptt_trace.worked_solution.summary import EVERY_STEP_UP_TO, ONE_BLOCK_FROM, Summary
from bptt_trace.worked_solution.update_formulas import clipping, recipe
from bptt_trace.worked_solution.wording import in_words, listed

EXPLAINED_STEPS = 3
"""Time steps with sentences of their own."""


MANY = 1_000
"""Lines from which a sheet that prints some of its iterations spells only the names that it needs."""
MAX_PRINTED = 300_000
"""Component lines that are printed; without them, on the board, a network may be larger."""


OF_A_PART: tuple[tuple[str, Inline], ...] = (("Lines", ("they are numbered as in the worked solution (solve)",)),)
"""What is said where a sheet has some sections only."""


def within_reach(program: Program, detail: str) -> None:
    """Raise ``ProblemError`` where a network of vectors has more component lines than anybody prints."""
    has_components = program.vectors.program is not program
    if has_components and detail != "board" and len(program) > MAX_PRINTED:
        raise ProblemError(
            f"{len(program):,} component lines, more than {MAX_PRINTED:,}; "
            "fewer units, samples or time steps, or the matrices alone (--detail board), would do"
        )


def write(
    problem: Problem,
    program: Program,
    values: Values,
    *,
    steps: str = "auto",
    detail: str = "both",
    style: str = "full",
    with_latex: bool = True,
    canonical: bool = False,
    proof: Note | None = None,
    show: str = "auto",
    only: Collection[str] = (),
) -> Sheet:
    """The worked solution of a problem.

    ``program`` is a program of numbers and ``values`` its values. ``steps`` is
    ``auto`` (a ledger from four time steps on), ``full`` or ``ledger``;
    ``detail`` says how lines of vectors are shown: ``board`` (matrices),
    ``lines`` (component by component) or ``both``; ``style`` is ``full`` or
    ``compact`` (formulas and lines only). ``with_latex=False`` leaves the LaTeX
    spellings out, for media without them; ``canonical`` shows the names of
    answer files instead of those of the problem's own vocabulary. ``show``
    says which iterations are printed in full: ``auto``, ``all``, ``none``, or
    numbers with commas and ``last``. ``only`` names the sections that are
    printed, where that is not all of them.
    """
    full_precision = unrounded(program, problem.given)
    speller = Speller() if canonical else Speller(problem.vocabulary)
    few = bool(problem.update) and show not in ("all", "auto") and len(program) > MANY
    desk = Desk(problem, program, values, full_precision, with_latex=with_latex, speller=speller, detail=detail, few=few)
    board = Blackboard(desk, detail) if desk.has_components else desk
    on_ledger = steps == "ledger" or (steps == "auto" and desk.last_time > EVERY_STEP_UP_TO)
    # Where time is gone through more than once, a row for each step would mix what does not belong together.
    on_ledger = on_ledger and len(board.parts.forward.tracks) == 1
    writer = Writer(
        desk, board, on_ledger=on_ledger and desk.last_time > 1, compact=style == "compact", drawn=style == "full", show=show
    )
    sections = tuple(section for section in writer.sections() if section.blocks and (not only or section.id in only))
    rounding: dict[str, str | int] = {"policy": values.rounding.policy}
    if values.rounding.policy in ("by_hand", "carry"):
        digits = ("figures", values.rounding.figures) if values.rounding.figures else ("places", values.rounding.places)
        rounding[digits[0]] = digits[1] or 0
    names = [str(step.target) for step in program.steps] if speller.vocabulary.renamed else desk.names[TEXT]
    return Sheet(
        title=problem.title,
        subtitle="; ".join(section.title for section in sections) if only else writer.subtitle(),
        given=tuple(writer.given()),
        conventions=(*conventions(desk, board), *(OF_A_PART if only else ())),
        sections=sections,
        footer=(*footer.drift(desk), *([proof] if proof else []), *footer.source(problem), *footer.errata(desk)),
        rounding=rounding,
        values=_Pairs(names, desk.shown.bare[TEXT]),
        handout=problem.handout,
    )


def _general(step: Step) -> Rule | None:
    """The rule of a step, as it holds at every time."""
    return of_any_letter(step.rule) if step.rule else None


class _Pairs:
    """Names with values, paired while they are read."""

    def __init__(self, names: Sequence[str], values: Sequence[str]) -> None:
        self._names, self._values = names, values

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return zip(self._names, self._values, strict=False)


class Writer:
    """Writes the sections of a worked solution from a desk."""

    def __init__(
        self,
        desk: Desk,
        board: Desk | Blackboard,
        *,
        on_ledger: bool = False,
        compact: bool = False,
        sketch: tuple[Desk, Desk | Blackboard] | None = None,
        drawn: bool = True,
        labels: Labels | None = None,
        show: str = "auto",
    ) -> None:
        self.desk = desk
        self.compact = compact
        """Whether there are formulas and lines only: no sentences, no summary."""
        self.graph = isinstance(desk.problem.network, Graph)
        """Whether there is no network, of which sentences speak."""
        self.sketch = sketch or (desk, board)
        """Desk and board from which pictures are drawn."""
        self.drawn = drawn
        """Whether there are pictures."""
        self.board = board
        """The lines that are written; in a network of single numbers the desk itself."""
        self.parts: Parts = board.parts
        self.on_ledger = on_ledger
        self.recurrent = desk.last_time > 0
        self.samples = desk.problem.network.samples
        self.labels = labels or Labels(desk, board)
        self.update_of = desk.problem.update or Update()
        network = desk.problem.network
        self.attention = Formulas(desk) if network.tokens or network.attention else None
        """The formulas of attention, where there is any."""
        self.shown = shown(show, self.parts.last)
        """The iterations that are printed in full."""

    def said(self, sentence: Callable[..., Iterator[Note]], *about: Any, **also: Any) -> Iterator[Note]:
        """What a sentence has to say, where there are sentences."""
        if not self.compact and not self.graph:
            yield from sentence(*about, **also)

    def subtitle(self, what: str = "Worked solution") -> str:
        """What the sheet is, and what is done on it, in one line."""
        through_time = " through time" if self.desk.problem.network.recurrent else ""
        last = self.parts.last
        updates = f"{in_words(last)} update{'s' if last > 1 else ''}"
        if self.update_of.told:
            return f"{what}: {updates} from given gradients"
        if not self.parts.forward.losses:
            return f"{what}: forward pass"
        update = f", {updates}" if self.parts.updates else ""
        if last > len(self.shown) > 0:
            update += f" ({listed([str(k) for k in sorted(self.shown)])} in full)"
        shape = ". In ledger form: two steps in full, then a row for every step" if self.on_ledger else ""
        return f"{what}: forward pass, backpropagation{through_time}{update}{shape}"

    # ------------------------------------------------------------------ given

    def given(self) -> Iterator[Table]:
        """What comes with the problem: over time or over samples, parameters, and the rest."""
        steps = self.board.steps
        of_inputs = [p for p in self.parts.given if steps[p].target.stem in ("x", "target", "mask")]
        if self.desk.problem.network.letters:
            yield letters.reading(self.desk, self.board, self.desk.problem.network.letters)
            of_inputs = []
        if self.recurrent and of_inputs:
            for sample in self.desk.problem.samples:
                yield self._over_time([p for p in of_inputs if steps[p].target.sample == sample], sample)
            of_inputs = []
        elif self.desk.problem.samples[0] is not None:
            yield self._over_samples(of_inputs)
            of_inputs = []
        others = [p for p in self.parts.given if steps[p].target.stem not in ("x", "target", "mask")]
        rows = [self._given_row(position) for position in (*of_inputs, *self.parts.parameters, *others)]
        yield Table((Column(("quantity",)), Column(()), Column(("value",), right=True)), rows)

    def _given_row(self, position: int) -> tuple[Inline, ...]:
        return (
            (self.board.name(position),),
            (meaning_of(self.desk.problem.network, self.board.steps[position].target, self.update_of.rule),),
            (self.board.value(position),),
        )

    def _over_time(self, positions: Sequence[int], sample: int | None) -> Table:
        board = self.board
        names = dict.fromkeys(board.steps[p].target._replace(time=None) for p in positions)
        times = range(1, max(board.steps[p].target.time or 0 for p in positions) + 1)
        columns = [Column(("time ", Symbol("t"))), *(Column((self._general_given(name),), right=True) for name in names)]
        rows: list[tuple[Inline, ...]] = []
        for time in times:
            cells = [board.find(name._replace(time=time)) for name in names]
            rows.append(((Number(time),), *(((board.value(cell),) if cell is not None else ("none",)) for cell in cells)))
        title: Inline = (f"Sample {sample}",) if sample is not None else ()
        return turned(columns, rows, title) if len(rows) <= 10 else Table(tuple(columns), rows, title)

    def _general_given(self, name: Name) -> Math:
        return self.desk.speller.seen_from(name._replace(time=1), 1)

    def _over_samples(self, positions: Sequence[int]) -> Table:
        board = self.board
        names = dict.fromkeys(board.steps[p].target._replace(sample=None) for p in positions)
        columns = [Column(("sample",)), *(Column((self.desk.speller.math(name),), right=True) for name in names)]
        rows: list[tuple[Inline, ...]] = []
        for sample in self.desk.problem.samples:
            cells = [board.find(name._replace(sample=sample)) for name in names]
            rows.append(((str(sample),), *((board.value(cell),) if cell is not None else ("none",) for cell in cells)))
        return turned(columns, rows) if len(rows) <= 6 else Table(tuple(columns), rows)

    # --------------------------------------------------------------- sections

    def sections(self) -> Iterator[Section]:
        """All sections, empty ones included."""
        first, last = 1 in self.shown, self.parts.last
        titles = headings(self.desk)
        several = last > 1
        if first:
            yield from self._first_iteration()
        for k in sorted(self.shown - {1}):
            yield Section(f"iteration-{k}", title(self.update_of, k), self.collected(self.iteration(k)))
        if last in self.shown:
            after = f" after {in_words(last)} updates" if several else ""
            yield Section("again", f"{titles['again']}{after}", self.collected(self.again()))
        if first:
            yield Section("memory", titles["memory"], self.collected(self.memory()))
            yield Section("extra", titles["extra"], self.collected(self.extra()))
            checks = gradient_check.blocks(self.desk, compact=self.compact)
            yield Section("gradient_check", titles["gradient_check"], self.collected(iter(checks)))
            of_forward_mode = forward_mode.blocks(self.desk, compact=self.compact)
            yield Section("forward_mode", titles["forward_mode"], self.collected(of_forward_mode))
            of_paths = every_path.blocks(self.desk, sketch=self.sketch[0] if self.drawn else None, compact=self.compact)
            yield Section("paths", titles["paths"], self.collected(of_paths))
        if several:
            yield Section("training", "All iterations", self.collected(self.training()))
        if self.compact or self.graph or not first or self.update_of.told:
            return
        summed = "Summary of the first iteration" if several else "Summary"
        yield Section("summary", summed, self.collected(Summary(self.desk, self.board, on_ledger=self.on_ledger).tables()))
        yield Section("takeaways", "Key takeaways", self.collected(self.takeaways()))

    def collected(self, blocks: Iterator[Block]) -> tuple[Block, ...]:
        """The blocks of a section, written one after the other."""
        return tuple(blocks)

    def takeaways(self) -> Iterator[Block]:
        """What to remember."""
        points = tuple(takeaways.takeaways(self.desk, self.desk.parts))
        if points:
            yield Bullets(points)

    def _first_iteration(self) -> Iterator[Section]:
        """The first iteration, each part of it a section with its formulas."""
        titles = headings(self.desk)
        blocks = {
            "forward": self.forward,
            "loss": self.loss,
            "backward": self.backward,
            "inputs": self.inputs,
            "gradients": self.gradients,
        }
        for which, block in blocks.items():
            yield Section(which, titles[which], self.collected(block()))
        left_out = truncated_passes.left_out(self.board, self.labels, self.parts, self.update_of, brief=self.on_ledger)
        yield Section("truncation", titles["truncation"], self.collected(left_out))
        number = " 1" if self.parts.last > 1 and self.update_of.told else ""
        yield Section("update", f"{titles['update']}{number}", self.collected(self.update()))

    def iteration(self, k: int) -> Iterator[Block]:
        """A later iteration: its lines; the formulas are those of the first."""
        board, labels, parts = self.board, self.labels.of, self.parts.iteration(k)
        forward = [p for lines in parts.forward.steps.values() for p in lines]
        backward = self._numbered(p for lines in parts.backward.values() for p in lines)
        yield from self._ahead(parts)
        if forward:
            yield Lines(("Forward pass",), board.stream(forward, labels))
            *terms, _ = parts.forward.losses
            adds_up = self._adds_up(terms)
            yield Lines(("Loss",), board.stream(parts.forward.losses, labels, adds_up), adds_up)
        if backward:
            yield Lines(("Backward pass",), board.stream(backward, labels))
        if parts.passes:
            yield from truncated_passes.passes(board, self.labels, parts, self.update_of)
        for parameter, group in parts.gradients.items():
            long = len(group) > WRITTEN_OUT + 1
            lines = [p for p in group if long or not board.steps[p].repeats]
            yield Lines(("Gradient of ", board.name(parameter)), board.stream(lines, labels, long), long)
        if parts.inputs:
            yield Lines((headings(self.desk)["inputs"],), board.stream(self._numbered(parts.inputs), labels))
        yield from self._changes(parts)

    def _ahead(self, parts: Parts) -> Iterator[Block]:
        """Where the gradient is taken by an optimizer that looks ahead."""
        if parts.ahead:
            yield Lines(("Where the gradient is taken",), self.board.stream(parts.ahead, self.labels.of))

    def training(self) -> Iterator[Block]:
        """Loss and parameters by iteration."""
        course = Course(self.desk, self.board)
        epochs = None if self.compact else Epochs.of(self.desk)
        if epochs:
            yield from epochs.tables()
            yield from self._drawn(lambda desk, _: plane.separating_line(desk))
            yield from epochs.said()
            return
        yield from course.table()
        if self.drawn:
            yield from course.figure()
        if not self.compact:
            yield from course.said()

    def forward(self) -> Iterator[Block]:
        """The forward pass."""
        steps = self.parts.forward.steps
        if not steps:
            return
        yield from self._ahead(self.parts)
        lead = self._forward_lead()
        yield from self._drawn(network_picture.rolled_up)
        if not self.graph:  # whose lines are told by their equations already
            yield Equations(lead, tuple(self._forward_equations()))
        yield from self._forward_lines(steps)
        if self.attention and not self.compact:
            yield from attention_weights.table(self.desk)
        if self.attention:
            yield from self._drawn(lambda desk, _: attention_map.weights(desk))
        if self.desk.problem.network.letters and not self.compact:
            yield from letters.predicted(self.desk, self.desk.problem.network.letters)
        yield from self._drawn(cell_picture.cell)
        if not self.parts.backward:
            yield from self._network()

    def _forward_lead(self) -> Inline:
        """In which order the formulas are gone through."""
        network = self.desk.problem.network
        samples = "For every sample" if self.samples is not None else ""
        if not self.recurrent:
            return (f"{samples or 'In this order'}{', in this order' if samples else ''}:",)
        t = Symbol("t")
        each = f"{samples} and every step " if samples else "For every step "
        if network.source_steps:
            return (each, t, " of the encoder, then for every step of the decoder:")
        if network.bidirectional:
            order = "from the first to the last where a layer reads forward, from the last to the first where it reads backward"
            return (each, t, f", {order}; then what needs both:")
        return (each, t, ", in this order:")

    def _network(self) -> Iterator[Block]:
        """The network with its values and, where there are any, its gradients."""
        draw = network_picture.unrolled if self.recurrent else network_picture.by_layer
        if self.graph:
            draw = graph_picture.graph
        yield from self._drawn(draw)

    def _drawn(self, draw: Callable[[Desk, Desk | Blackboard], Figure | None]) -> Iterator[Block]:
        figure = draw(*self.sketch) if self.drawn else None
        if figure is not None:
            yield figure

    def _forward_lines(self, steps: Mapping[Moment, Sequence[int]]) -> Iterator[Block]:
        board = self.board
        if len(steps) > ONE_BLOCK_FROM and not self.on_ledger:
            yield self._all_steps(steps)
            return
        for moment in self._in_full(list(steps)):
            yield Lines(self._title(moment), board.stream(steps[moment], self.labels.of))
            if moment.time is not None and moment.time <= EXPLAINED_STEPS:
                yield from self.said(forward_notes.memory, self.desk, moment.time)
                if moment.sample in (None, 1):
                    yield from self.said(forward_notes.gates, self.desk, moment)
            if moment.sample in (None, 1) and any(board.steps[p].role is Role.OUTPUT for p in steps[moment]):
                yield from self.said(forward_notes.probabilities, self.desk, moment)
        if self.on_ledger:
            yield from self._forward_ledgers(self.parts.forward)

    def _title(self, moment: Moment) -> Inline:
        title = title_of(moment, several=len(self.parts.forward.tracks) > 1)
        return (title,) if title else ()

    def _forward_equations(self) -> Iterator[Equation]:
        """The formulas of a step in t; what happens only at the first or the last step is written with 1 or T."""
        for track in by_track(self.parts.forward.steps).values():
            yield from self._forward_equations_of([lines for moment, lines in track.items() if moment.sample in (None, 1)])

    def _forward_equations_of(self, groups: Sequence[Sequence[int]]) -> Iterator[Equation]:
        steps = self.board.steps
        model = groups[min(1, len(groups) - 1)] if len(groups) > 2 or self.desk.problem.network.every else groups[0]
        usual = {steps[position].target._replace(time=None): _general(steps[position]) for position in model}
        written: set[tuple[Name, Rule | None]] = set()
        attended: set[str] = set()
        if len(groups) == 1 and steps[model[0]].target.time not in (None, 1):
            model = []  # what is done at the last step only
        for lines, symbol in ((groups[0], "1"), (model, "t"), (groups[-1], "T")) if model else ((groups[-1], "T"),):
            for position in lines:
                form = steps[position].target._replace(time=None), _general(steps[position])
                if self.attention and (equation := self.attention.forward(form[0].stem)):
                    if form[0].stem not in attended:
                        yield equation
                    attended.add(form[0].stem)
                    continue
                if form in written or (symbol != "t" and usual.get(form[0]) is form[1]):
                    continue
                after_the_first = symbol == "t" and form[0] in {name for name, _ in written}
                written.add(form)
                yield self._plain_equation(position, symbol, "from step 2 on" if after_the_first else "")

    def _all_steps(self, steps: Mapping[Moment, Sequence[int]]) -> Lines:
        """Every line in one block: in a long trace the names say which step it is."""
        lines = self._numbered(p for positions in steps.values() for p in positions)
        return Lines(("All steps",), self.board.stream(lines, self.labels.of))

    def _forward_ledgers(self, one: Pass) -> Iterator[Table]:
        """A row for each time step; a table for each sample."""
        for sample in self.desk.problem.network.numbers:
            groups = {m.time: list(lines) for m, lines in one.steps.items() if m.sample == sample and m.time is not None}
            for position in one.losses:
                target = self.board.steps[position].target
                if target.time is not None and target.sample == sample:
                    groups[target.time].append(position)
            yield ledger(self.board, groups, (self._every_step(sample),))

    @staticmethod
    def _every_step(sample: int | None) -> str:
        return "All steps" if sample is None else f"All steps of sample {sample}"

    def loss(self) -> Iterator[Block]:
        """Its terms and their total."""
        if not self.parts.forward.losses:
            return
        if not self.graph:
            yield from self._loss_equations()
        yield from self._loss_lines(self.parts.forward)
        yield from self.said(forward_notes.loss_check, self.desk, self.desk.parts)

    def _loss_equations(self) -> Iterator[Block]:
        """The loss of one prediction, and how these are put together."""
        desk, network, loss = self.desk, self.desk.problem.network, self.desk.problem.loss
        if loss.kind == "above":
            yield Paragraph(("There is no loss; the sum of what is handed in times what it belongs to stands for it:",))
            yield Equations((), (term_equation(desk, self.board),))
            return
        items = [term_equation(desk, self.board)]
        sample = "" if self.samples is None else "s"
        if not network.single:
            items.append(
                Equation(loss_name(desk, sample=sample), (Part(summed(loss.over_time, "T", "t", loss_name(desk, "t", sample))),))
            )
        if self.samples is not None:
            items.append(Equation(loss_name(desk), (Part(summed(loss.over_batch, "N", "s", loss_name(desk, sample="s"))),)))
        lead = ("For every step, then in total:",) if not network.single and self.samples is None else ()
        if self.samples is not None:
            lead = ("For every sample, then for the batch:",)
        yield Equations(lead, tuple(items))

    def _loss_lines(self, one: Pass) -> Iterator[Block]:
        board = self.board
        *terms, total = one.losses
        if self.on_ledger and terms and self.samples is None:
            ends = [p for p in one.losses if board.steps[p].target.time is not None and not board.steps[p].target.index]
            if len(ends) > WRITTEN_OUT:
                yield loss_ledger(board, [*ends, total], ("All terms",))
            yield Lines((), board.stream([total], self.labels.of))
            return
        adds_up = self._adds_up(terms)
        yield Lines(self._all_terms() if terms else (), board.stream(one.losses, self.labels.of, adds_up), adds_up)

    def _adds_up(self, terms: Sequence[int]) -> bool:
        """Whether the terms are one long sum, which then has running totals."""
        steps = self.board.steps
        plain = all(not steps[p].target.index for p in terms)
        one_level = len({(steps[p].target.time is None, steps[p].target.sample is None) for p in terms}) == 1
        return len(terms) > WRITTEN_OUT and plain and one_level

    def _all_terms(self) -> Inline:
        return ("All steps",) if self.recurrent and self.samples is None else ("All terms",)

    def backward(self) -> Iterator[Block]:
        """The gradients of everything but parameters, last step first."""
        board, backward = self.board, self.parts.backward
        if self.parts.passes:
            yield from truncated_passes.passes(self.board, self.labels, self.parts, self.update_of)
            return
        if not backward:
            return  # every parameter is frozen
        if self.parts.links:
            yield from self._links()
        lead = ("From the last step to the first:",) if self.recurrent else ("From the output back:",)
        if self.desk.problem.network.bidirectional:
            order = "from the first to the last where it reads backward"
            lead = (f"From the last step to the first where a layer reads forward, {order}:",)
        if not self.graph:
            yield Equations(lead, tuple(self._backward_equations()))
        if not self.recurrent:
            for place, (moment, lines) in enumerate(backward.items()):
                yield Lines(self._title(moment), board.stream(self._numbered(lines), self.labels.of))
                if place == 0:
                    yield from self.said(backward_notes.short_gradient, self.desk, moment)
            yield from self.said(backward_notes.chain, self.desk)
            yield from self.said(backward_notes.through_activation, self.desk, [None])
        elif len(backward) > ONE_BLOCK_FROM and not self.on_ledger:
            yield self._all_steps(backward)
        else:
            yield from self._backward_over_time()
        yield from self._network()

    def _numbered(self, lines: Iterable[int]) -> list[int]:
        """These lines without the parts of sums that only repeat another line, which have no number."""
        return [position for position in lines if not self.board.steps[position].repeats]

    def inputs(self) -> Iterator[Block]:
        """The gradients of inputs and of initial states, where these are asked for."""
        if not self.parts.inputs:
            return
        lines = self._numbered(self.parts.inputs)
        steps = self.board.steps
        of_input = [p for p in lines if steps[p].target.stem == "x" and steps[p].target.sample in (None, 1)]
        of_state = [p for p in lines if steps[p].target.stem != "x" and steps[p].target.sample in (None, 1)]
        last = [p for p in of_input if steps[p].target.time == steps[of_input[-1]].target.time]
        yield Equations((), (*self._equations_at(last, "t"), *self._equations_at(of_state, "1")))
        yield Lines((), self.board.stream(lines, self.labels.of))

    def _backward_over_time(self) -> Iterator[Block]:
        desk, backward = self.desk, self.parts.backward
        moments = list(backward)
        shown = self._in_full(moments)
        first = True
        for moment in shown:
            title = self._title(moment)
            if moment.time == desk.last_time and len(moments) > 1 and self._carries():
                title = (*title, " (the last: nothing is carried back)")
            if self._is_cut(moment):
                title = (*title, " (cut: nothing is carried back from the step after it)")
            yield Lines(title, self.board.stream(self._numbered(backward[moment]), self.labels.of))
            if moment == moments[0]:
                yield from self.said(backward_notes.short_gradient, desk, moment)
            if moment.time is not None and (desk.last_time <= EXPLAINED_STEPS or moment in shown[:EXPLAINED_STEPS]):
                notes = list(self.said(backward_notes.two_sources, desk, moment.time, first=first))
                first = first and not notes
                yield from notes
        if self.on_ledger:
            for sample in desk.problem.network.numbers:
                groups = {m.time: lines for m, lines in backward.items() if m.sample == sample and m.time is not None}
                yield ledger(self.board, groups, (self._every_step(sample),))
        yield from self.said(backward_notes.through_activation, desk, [moment.time for moment in shown[:EXPLAINED_STEPS][::-1]])

    def _is_cut(self, moment: Moment) -> bool:
        """Whether a border of truncation lies behind this time step."""
        return moment.time in borders(self.desk.problem) and self._carries()

    def _carries(self) -> bool:
        """Whether the steps are one way back: all that is carried may be frozen, and two directions have two last steps."""
        return len(self.parts.forward.tracks) == 1 and len({moment.time for moment in self.parts.backward}) > 1

    def _links(self) -> Iterator[Block]:
        links, board, speller = self.parts.links, self.board, self.desk.speller
        names = [board.name(position) for position in links]
        last = board.steps[links[-1]].target
        first = gradient(board.steps[links[0]].target.of or LOSS)
        weight = next((p for p in self.parts.parameters if board.steps[p].target.stem == "w_xh"), None)
        if weight in self.parts.gradients and weight is not None:
            target = board.steps[weight].target
            local = target._replace(of=last._replace(of=None))
            chain = [*map(speller.math, (gradient(target), first)), *names, speller.math(local)]
            whole = Relation(chain[0], Row(*between(" * ", chain[1:])))
            yield Paragraph(
                inline("Each quantity is used once, so each gradient has one source. Read it as a chain: {chain}.", chain=whole)
            )
        yield Lines(("The links of the chain",), board.stream(links, self.labels.of))

    def _backward_equations(self) -> Iterator[Equation]:
        """The general formulas of the backward pass; a formula that holds only at the last step says so."""
        tracks = by_track(self.parts.backward)
        if self.desk.problem.loss.kind == "above":
            for backward in tracks.values():
                yield from self._equations_from_above(backward)
            return
        for track, backward in tracks.items():
            moments = [moment for moment in backward if moment.sample in (None, 1)]
            network = self.desk.problem.network
            last = "end" if word_and_number(track)[0] == BACKWARD else "T"
            at_the_end = not network.every and (len(moments) > 1 or (not track and len(tracks) > 1))
            if at_the_end:
                yield from self._equations_at(backward[moments[0]], last)
            elif track == ENCODER:  # its last state is blamed by the decoder, and every earlier one by the next step
                of_state = [p for p in backward[moments[0]] if self._of_state(self.board.steps[p].target)]
                yield from self._equations_at(of_state, "S" if len(moments) > 1 else "t")
            usual = moments[-1]
            if len(moments) > 2 and network.first_only:
                usual = moments[-2]
            if network.tokens:  # the first token sees itself alone
                usual = moments[0]
            if network.every:  # the last prediction may be compared with its target only, every earlier one is used again
                yield from self._equations_at(self._only_from_loss(backward[moments[0]], backward[usual]), last)
            if len(moments) > 1 or not at_the_end:
                yield from self._equations_at(backward[usual], "t")

    def _equations_from_above(self, backward: Mapping[Moment, Sequence[int]]) -> Iterator[Equation]:
        """Where gradients are handed in: the formulas of these gradients as they are, then all others in t."""
        steps = self.board.steps
        handed = {steps[p].target._replace(via=None) for lines in backward.values() for p in lines if self._from_loss(p)}
        written: set[Name] = set()
        for lines in backward.values():
            yield from self._equations_at([p for p in lines if steps[p].target._replace(via=None) in handed], "1")
        for lines in list(backward.values())[::-1]:  # the first step has all sources, the last has nothing carried to it
            here = {p: steps[p].target._replace(via=None) for p in lines}
            open_to = [p for p, target in here.items() if target not in handed and target._replace(time=None) not in written]
            yield from self._equations_at(open_to, "t")
            written |= {here[p]._replace(time=None) for p in open_to}

    def _only_from_loss(self, lines: Sequence[int], others: Sequence[int]) -> list[int]:
        """Those of these gradients that come from the loss itself, where at another step they do not."""
        steps = self.board.steps
        known = {steps[p].target._replace(time=None): p for p in others}
        pairs = ((p, known.get(steps[p].target._replace(time=None))) for p in lines)
        return [p for p, other in pairs if other is not None and self._from_loss(p) and not self._from_loss(other)]

    def _from_loss(self, position: int) -> bool:
        through = self.board.steps[position].through
        return through is not None and self.board.steps[through].role is Role.LOSS

    def _equations_at(self, positions: Sequence[int], symbol: str) -> Iterator[Equation]:
        contributions: dict[Name, list[int]] = {}
        for position in positions:
            target = self.board.steps[position].target
            if target.via is not None:
                contributions.setdefault(target._replace(via=None), []).append(position)
                continue
            if self.attention and self.attention.covers(target):
                yield self._attended(position, contributions.get(target, []), symbol)
                continue
            yield self._backward_equation(position, contributions.get(target, []), symbol)

    def _backward_equation(self, position: int, sources: Sequence[int], symbol: str) -> Equation:
        board = self.board
        target = board.steps[position].target
        clock = self._clock(target.time, symbol)
        left = board.general(position, clock)[0]
        if not sources:
            return Equation(left, (Part(self._general(position, clock)),), self._remark(position))
        state = self._of_state(target)
        parts = []
        for source in sources:
            via = board.steps[source].target.via
            assert via is not None
            shown = self.desk.speller.math(*seen(clock, target, via._replace(sample=None)))
            word = way(board.steps[source].target, via) if state and self.recurrent else ""
            if self._from_loss(source) and self.desk.problem.loss.kind == "above":
                word = "handed in"
            right = self._general(source, clock)
            parts.append(Part(right, word) if word else Part(right, "via", shown))
        if not state or target.layer is not None:
            return Equation(left, tuple(parts))
        if len(parts) > 2:
            return Equation(left, tuple(parts))
        return Equation(left, tuple(parts), "two sources, because the state is used twice; the last step has only the first")

    def _clock(self, time: int | None, symbol: str) -> Clock:
        """How times are written in a formula at this time: ``t``, ``T``, by numbers (``1``), or at the end of a way back.

        A layer that reads backward ends at the first step, and its output stands at the last.
        """
        if symbol == "end" and time is not None:
            return lambda other: "T" if other == self.desk.last_time else str(other)
        return str if time is None or symbol == "1" else clock_at(time, symbol)

    def _general(self, position: int, clock: Clock) -> Math:
        """The right side of a line for every time, also where the formula of the line is that of a target 0 or 1."""
        step, loss = self.board.steps[position], self.desk.problem.loss
        if loss.kind == "binary_cross_entropy" and self._from_loss(position) and not step.shape and len(step.arguments) == 1:
            return slope_of_binary(self.desk, step.target.time, clock)
        return self.board.general(position, clock)[1]

    def _attended(self, position: int, sources: Sequence[int], symbol: str) -> Equation:
        """The gradient of what attention looks at, or with: what comes by attention, and what comes in other ways."""
        assert self.attention is not None
        steps, target = self.board.steps, self.board.steps[position].target
        place = self.attention.place(target, symbol)
        others: list[Part] = []
        for source in sources:
            via = steps[source].target.via
            if via is not None and via.stem not in ("score", "context"):
                right = self.board.general(source, clock_at(target.time or 1, place))[1]
                others.append(Part(right, way(steps[source].target, via)))
        left = self.attention.slope(target._replace(of=None, time=1, index=(), sample=None), place)
        return Equation(left, (*others, *self.attention.backward(target, symbol)))

    def _of_state(self, target: Name) -> bool:
        return target.stem in self.desk.problem.network.cell_of(target.layer).state

    def _remark(self, position: int) -> str:
        target = self.board.steps[position].target
        if target.of != LOSS:
            return "the slopes of softmax"
        if self._from_loss(position):
            if self.desk.problem.loss.kind == "above":
                return "handed in from above"
            return "the error of this step" if self.recurrent else "the error"
        match target.stem:
            case "a":
                return f"through {self.desk.problem.network.cell_of(target.layer).activation.name}"
            case stem:
                gate = self.desk.problem.network.cell_of(target.layer).gates.get(stem.removeprefix("a_"))
                return f"through {gate.name}" if gate and stem.startswith("a_") else ""

    def gradients(self) -> Iterator[Block]:
        """The gradients of the parameters: contributions, and their sums."""
        board, gradients = self.board, self.parts.gradients
        if not gradients:
            return
        if self.desk.last_time > 1 or self.samples is not None:
            yield Paragraph(self._sharing())
        if not self.graph:
            yield Equations((), tuple(self._parameter_equation(parameter, lines) for parameter, lines in gradients.items()))
        if not self.recurrent and self.samples is None and not self.graph:
            lines = [line for group in gradients.values() for line in group]
            yield Lines((), board.stream(lines, self.labels.of))
            return
        for parameter, group in gradients.items():
            name = board.name(parameter)
            long = len(group) > WRITTEN_OUT + 1
            if self.on_ledger and len(group) > 1 and self.samples is None:
                yield parameter_ledger(board, group, ("Gradient of ", name))
                continue
            lines = [p for p in group if long or not board.steps[p].repeats]
            yield Lines(("Gradient of ", name), board.stream(lines, self.labels.of, long), long)
        yield from self.said(update_notes.recurrent_weight, self.desk)

    def _sharing(self) -> Inline:
        """Which parameters are used at every step."""
        network, gradients = self.desk.problem.network, self.parts.gradients
        if self.parts.passes:
            return ("Each parameter has a gradient in every pass that reaches it; the gradient of the update is their sum.",)
        if network.tokens:
            alone = ", but for the query of the first token, which sees itself alone" if network.tokens.mask == "causal" else ""
            return (f"Each parameter is used for every token. Every use contributes{alone}; the gradient is the sum.",)
        if network.source_steps:
            return (
                "Each parameter of the encoder is used at every step of the encoder, each of the decoder at every step of the "
                "decoder. Every use contributes; the gradient is the sum.",
            )
        steps = (time for group in gradients.values() for time in self._times(group) if time is not None)
        reached = min(steps, default=1)
        if self.update_of.truncate and reached > 1:
            return (
                f"The truncated backward pass ends at step {reached}: only the uses from there on contribute; "
                "the gradient is the sum.",
            )
        everywhere = (
            "at every step" if self.samples is None else "at every step of every sample" if self.recurrent else "for every sample"
        )
        of_samples = " of every sample" if self.samples is not None else ""
        at_one: dict[str, list[int]] = {}
        for parameter, group in gradients.items():
            times = self._times(group)
            if self.desk.last_time > 1 and len(times) == 1:
                at_one.setdefault("first" if times == {1} else "last", []).append(parameter)
        shared = [p for p in gradients if not any(p in once for once in at_one.values())]
        if not at_one:
            one = "" if self.desk.has_components else "one number "
            return (f"Each parameter is {one}used {everywhere}. Every use contributes; the gradient is the sum.",)
        if not shared and len(at_one) == 1:
            return (f"Each of these parameters is used at the {next(iter(at_one))} step{of_samples} only.",)
        said: Inline = ()
        if shared:
            said = (*self._are(shared), f" used {everywhere}: every use contributes, and the gradient is the sum.")
        for which, once in at_one.items():
            said = (*said, " ", *self._are(once), f" used at the {which} step{of_samples} only.")
        return said

    def _are(self, parameters: Sequence[int]) -> Inline:
        """``w_xh and w_hh are``"""
        names = wording.named([self.board.name(p) for p in parameters])
        return (*names, " are" if len(parameters) > 1 else " is")

    def _times(self, group: Sequence[int]) -> set[int | None]:
        """The time steps at which a parameter is used, told by the lines of its gradient."""
        through = (self.board.steps[line].through for line in group)
        return {self.board.steps[position].target.time for position in through if position is not None}

    def _parameter_equation(self, parameter: int, lines: Sequence[int]) -> Equation:
        """``dL/dw_hh = sum_t dL/da_t * h_(t-1)``"""
        board, desk = self.board, self.desk
        left = desk.speller.math(gradient(board.steps[parameter].target))
        model = lines[min(1, len(lines) - 2)] if len(lines) > 1 else lines[0]
        first = board.steps[model]
        through = board.steps[first.through].target if first.through is not None else first.target
        once = len(self._times(lines)) == 1
        only_last = once and 1 < desk.last_time == through.time
        only_first = once and through.time == 1 < desk.last_time
        clock = str if through.time is None or only_first else clock_at(through.time, "T" if only_last else "t")
        _, right = board.general(model, clock)
        if len(lines) > 1:
            over = "st" if self.samples and self._over_steps(lines) else "s" if self.samples else "t"
            right = Row(sum_over(over), " ", right)
        return Equation(left, (Part(right),))

    def _over_steps(self, lines: Sequence[int]) -> bool:
        """Whether contributions come from several time steps."""
        vias = [self.board.steps[line].target.via for line in lines]
        return len({via.time for via in vias if via is not None}) > 1

    def update(self) -> Iterator[Block]:
        """The new parameters."""
        parts, options = self.parts, self.update_of
        if not parts.updates:
            return
        if options.clip:
            yield Paragraph(("Clipping: ", *clipping(options, self.desk.speller), "."))
        if options.rule == "gd" and not options.decay and not options.clip and not options.schedule:
            p, eta, slope = Symbol("p"), *map(self.desk.speller.math, (Name("eta"), gradient(Name("p"))))
            rule = Row(Put("prime", p), " = ", p, " - ", eta, " * ", slope)
            yield Paragraph(inline("For every parameter {p}: {rule}", p=Symbol("p"), rule=rule))
        else:
            lead = inline("For every parameter {p} with the gradient {g}{clipped}:", p=Symbol("p"), g=Symbol("g"),
                          clipped=" (clipped)" if options.clip else "")  # fmt: skip
            yield Equations(lead, tuple(Equation(left, (Part(right),)) for left, right in recipe(options, self.desk.speller)))
        yield from self._changes(parts)
        if not options.decay:
            yield from self.said(update_notes.update_check, self.desk, self.desk.parts)

    def _changes(self, parts: Parts) -> Iterator[Block]:
        """The lines from the clipping to the new parameters."""
        board = self.board
        if parts.clipping:
            yield Lines(("Clipping",), board.stream(parts.clipping, self.labels.of))
        steps = board.steps
        if all(steps[position].role is Role.UPDATE for position in parts.updates):
            yield Lines(("All parameters",), board.stream(parts.updates, self.labels.of))
            return
        group: list[int] = []
        for position in parts.updates:
            group.append(position)
            if steps[position].role is Role.UPDATE:
                name = steps[position].target._replace(updated=False, iteration=1)
                yield Lines(("Parameter ", self.desk.speller.math(name)), board.stream(group, self.labels.of))
                group = []

    def again(self) -> Iterator[Block]:
        """The forward pass with the new parameters."""
        again = self.parts.again
        if not again.losses:
            return
        number = f"@{self.parts.last + 1}"
        yield Paragraph(
            (
                "The same forward pass with the new parameters shows whether the step helped; ",
                Verbatim(number),
                " marks its quantities.",
            ),
        )
        if self.on_ledger:
            yield from self._forward_ledgers(again)
            yield from self._loss_lines(again)
        else:
            everything = [position for positions in again.steps.values() for position in positions]
            if self._adds_up(again.losses[:-1]):
                yield Lines(("All steps",), self.board.stream(everything, self.labels.of))
                yield Lines(("Losses",), self.board.stream(again.losses, self.labels.of, True), True)
            else:
                everything += again.losses
                yield Lines(("All steps",) if self.recurrent else (), self.board.stream(everything, self.labels.of))
        yield from self.said(update_notes.new_loss, self.desk)

    def extra(self) -> Iterator[Block]:
        """Lines that are asked for beside those of the calculation."""
        if self.parts.extras:
            yield Lines((), self.board.stream(self.parts.extras, lambda _, __: NO_WORD))

    def memory(self) -> Iterator[Block]:
        """The slopes between states and their products."""
        desk, factors = self.desk, self.desk.parts.factors
        if not factors:
            return
        digits = (
            f" Factors are kept to {desk.values.rounding.kept_figures}: with decimals a product of many would print as 0."
            if desk.values.rounding.policy in ("by_hand", "carry")
            else ""
        )
        whole = inline(
            "A small change of one state reaches the next multiplied by the slope between them; "
            "over several steps the slopes multiply.{digits}",
            digits=digits,
        )
        yield Paragraph(whole)
        clock = clock_at(desk.steps[desk.steps[factors[0]].through or 0].target.time or 0)
        left, right = desk.general(factors[0], clock)
        yield Equations((), (Equation(left, (Part(right),)),))
        if self.on_ledger:
            yield self._factor_ledger()
        else:
            yield Lines(("From the last step back",), desk.stream(factors, self.labels.factor))
        yield from self._drawn(lambda desk, _: gradient_bars.gradient_flow(desk))
        yield from self.said(backward_notes.reach, desk, desk.parts)

    def _factor_ledger(self) -> Table:
        desk = self.desk
        first = desk.steps[desk.parts.factors[0]].target
        end, last = first._replace(time=desk.last_time, of=None), desk.last_time
        columns = (
            Column((Symbol("t"),), right=True),
            Column((desk.speller.seen_from(end, last),), right=True),
            Column((desk.speller.seen_from(first, last),), right=True),
            Column(("product back from T",), right=True, strong=True),
            Column(("lines",)),
        )
        rows: list[tuple[Inline, ...]] = []
        for time in range(last, 1, -1):
            state, before = (end._replace(time=t) for t in (time, time - 1))
            positions = [desk.find(before._replace(of=state)), desk.find(before._replace(of=end))]
            shown = [desk.result(p) for p in positions if p is not None]
            lines = dict.fromkeys(str(desk.line_of[p]) for p in positions if p is not None)
            at = desk.find(state)
            assert at is not None
            rows.append(((Number(time),), (desk.value(at),), (shown[0],), (shown[-1],), (", ".join(lines),)))
        return Table(columns, rows, ("All steps",))

    # ----------------------------------------------------------- small pieces

    def _in_full(self, moments: Sequence[Moment]) -> Sequence[Moment]:
        """The moments that are printed line by line."""
        if not self.on_ledger:
            return moments
        return [moment for moment in moments if moment.sample in (None, 1)][:2]

    def _plain_equation(self, position: int, symbol: str = "t", remark: str = "") -> Equation:
        target = self.board.steps[position].target
        clock = str if target.time is None else clock_at(target.time, symbol)
        if symbol == "1":
            clock = str
        left, right = self.board.general(position, clock)
        return Equation(left, (Part(right),), remark)
