"""Printing, compiling and differentiating are done per rule, not per line; and a long trace is never held as text."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from io import TextIOBase
from typing import Any

import pytest
import sympy
from networks import document as network_document
from rich.console import Console
from sweeps import chosen

from bptt_trace import parse
from bptt_trace.calculation import compiled_rules, symbolic
from bptt_trace.calculation.arithmetic import evaluate
from bptt_trace.calculation.build import build
from bptt_trace.document.sheet import Row, Sheet
from bptt_trace.engine import formula_text
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.lines import spelling
from bptt_trace.lines.view import View
from bptt_trace.media.sheet_json import write_json
from bptt_trace.media.templates import latex, markdown
from bptt_trace.media.terminal import show
from bptt_trace.worked_solution.worked_solution import write


def sheet_of(steps: int, *, rounding: str = "by_hand", activation: str = "tanh", outputs: str = "every") -> Sheet:
    """A scalar recurrent network over many steps, every line printed; its sentences are the same for any number of them."""
    document = {
        "network": {"cell": "rnn", "activation": activation, "outputs": outputs},
        "parameters": {"w_xh": "0.5", "w_hh": "0.8", "b_h": "0.1", "w_hy": "1.2", "b_y": "-0.3"},
        "given": {"x": ["0.5"] * steps, "target": ["0.2"] * steps if outputs == "every" else "0.2"},
        "update": {"learning_rate": "0.001"},
        "rounding": {"policy": rounding},
    }
    problem = parse(json.dumps(document))
    program = scalars(build(problem))
    return write(problem, program, evaluate(program, problem.given, problem.rounding), View("full"))


class Devnull(TextIOBase):
    """A file that counts and forgets; now and then it may look around."""

    def __init__(self, look: Callable[[], None] = lambda: None) -> None:
        self.characters = 0
        self.look = look

    def write(self, text: str, /) -> int:
        before, self.characters = self.characters, self.characters + len(text)
        if before // 250_000 < self.characters // 250_000:
            self.look()
        return len(text)


def on_screen(sheet: Sheet, out: Devnull) -> None:
    show(sheet, Console(file=out, width=80, color_system=None, force_terminal=False, legacy_windows=False))


def as_json(sheet: Sheet, out: Devnull) -> None:
    for piece in write_json(sheet):
        out.write(piece)


@pytest.fixture(autouse=True)
def _new_objects_alone() -> Iterator[None]:
    """What is there before a test is neither collected nor looked through: other tests leave millions of objects."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a formula was printed, made into source, bound to an arithmetic or differentiated."""
    counter: Counter[str] = Counter()

    def counted(where: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(where, name)

        def count(*arguments: Any, **options: Any) -> Any:
            counter[name] += 1
            return original(*arguments, **options)

        monkeypatch.setattr(where, name, count)

    counted(compiled_rules, "_source")
    counted(formula_text.LinePrinter, "template")
    counted(formula_text.Printer, "part")
    counted(symbolic, "expression")
    counted(compiled_rules.Source, "bind")
    counted(sympy, "diff")
    counted(sympy, "latex")
    return counter


def forget() -> None:
    """Empty every cache, so that two runs start alike."""
    for module in (formula_text, compiled_rules, spelling, symbolic):
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
    sympy.core.cache.clear_cache()


@pytest.mark.parametrize(
    ("rounding", "activation", "outputs"),
    [("by_hand", "tanh", "every"), ("full", "z/(1+abs(z))", "every"), ("carry", "sigmoid", "every"), ("by_hand", "relu", "last")],
)
def test_calls_do_not_grow_with_time(calls: Counter[str], rounding: str, activation: str, outputs: str) -> None:
    """Five steps or a hundred: the same rules, the same work."""
    counts = []
    for steps in (5, 100):
        forget()
        calls.clear()
        for _ in write_json(sheet_of(steps, rounding=rounding, activation=activation, outputs=outputs)):
            pass
        counts.append(dict(calls))
    assert [] == [name for name in counts[1] if counts[1][name] > counts[0][name]]
    assert counts[0]["_source"] > 5
    assert counts[0]["template"] > 5
    assert counts[0]["bind"] > 5


@pytest.mark.parametrize("printer", chosen([markdown, latex], [latex]))
def test_documents_do_not_print_for_each_line(calls: Counter[str], printer: Callable[[Sheet], str]) -> None:
    """Markdown and LaTeX fill the same templates."""
    counts = []
    for steps in (5, 60):
        forget()
        calls.clear()
        printer(sheet_of(steps))
        counts.append(dict(calls))
    assert [] == [name for name in counts[1] if counts[1][name] > counts[0][name]]


def peak_of(pieces: Iterator[str]) -> tuple[int, int]:
    """How many characters were written, and the most memory that writing them took."""
    gc.collect()
    tracemalloc.start()
    try:
        written = sum(map(len, pieces))
        return written, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("steps", "part"), [(150, 2), pytest.param(1000, 8, marks=pytest.mark.exhaustive)])
def test_json_is_written_while_it_is_read(steps: int, part: int) -> None:
    """Many steps: writing takes a part of the memory that the text would, the smaller the longer it is."""
    sheet = sheet_of(steps)
    written, peak = peak_of(iter(write_json(sheet)))
    assert written > 5_000 * steps
    assert peak < written / part


@pytest.mark.exhaustive
def test_terminal_text_is_written_while_it_is_read() -> None:
    """Long traces go out row by row."""
    sheet = sheet_of(500)
    out = Devnull()

    def printed() -> Iterator[str]:
        on_screen(sheet, out)
        yield ""

    _, peak = peak_of(printed())
    assert out.characters > 1_000_000
    assert peak < out.characters / 2


@pytest.mark.filterwarnings("ignore::FutureWarning")  # looking at every object wakes some of PyTorch
@pytest.mark.parametrize(("printer", "steps"), [(as_json, 60), (on_screen, 150)])
def test_no_list_of_rows_is_kept(printer: Callable[[Sheet, Devnull], None], steps: int) -> None:
    """While a long trace is written, a handful of rows are alive."""
    alive: list[int] = []
    out = Devnull(lambda: alive.append(sum(1 for thing in gc.get_objects() if isinstance(thing, Row))))
    printer(sheet_of(steps), out)
    assert len(alive) > 1
    assert max(alive) < 20


def test_a_held_list_would_be_noticed() -> None:
    """The measure above sees a list of all pieces."""
    sheet = sheet_of(15)

    def held() -> Iterator[str]:
        yield from list(write_json(sheet))

    written, peak = peak_of(held())
    assert peak > written / 2


def test_calls_do_not_grow_with_the_lines_of_vectors(calls: Counter[str]) -> None:
    """Four units over three steps or over thirty: the rules of the component lines are the same."""
    counts = []
    for steps in (3, 30):
        forget()
        calls.clear()
        made = network_document(
            hidden=4, d=4, k=4, T=steps, loss={"kind": "cross_entropy"}, output_activation="softmax", classes=True
        )
        problem = parse(json.dumps(made))
        program = scalars(build(problem))
        sheet = write(problem, program, evaluate(program, problem.given, problem.rounding), View("full", "lines"))
        for _ in write_json(sheet):
            pass
        counts.append(calls["_source"])
    # A sum of up to four terms has a rule for each number of them; beyond, one for all. A class has a line of its own.
    assert counts[1] <= counts[0] + 60
