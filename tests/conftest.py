"""What several tests share: problems made to order, their values, and a network calculated without this package."""

from __future__ import annotations

import gc
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mpmath
import pytest
import sweeps
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings

from bptt_trace.calculation.arithmetic import Values, evaluate
from bptt_trace.calculation.build import build
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.problem.problem import Problem, from_document
from bptt_trace.problem.rounding import Rounding

settings.register_profile(
    "quick",
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),  # explaining a failure traces every line, which takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("exhaustive", settings.get_profile("quick"), max_examples=50)
settings.register_profile("long", settings.get_profile("quick"), max_examples=2000, derandomize=False)


def pytest_configure(config: pytest.Config) -> None:
    """Whoever does not leave out the wide sweeps gets more random problems too; the environment may say how many."""
    gc.set_threshold(100_000, 50, 100)  # a tenth of the time would go into looking through SymPy and PyTorch for garbage
    sweeps.wide = config.option.markexpr != "not exhaustive"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "exhaustive" if sweeps.wide else "quick"))
    if sys.dont_write_bytecode and hasattr(config, "cache"):
        # Some tests start a process, and each worker is one: without bytecode each of them compiles everything anew.
        sys.dont_write_bytecode = False
        sys.pycache_prefix = str(config.cache.mkdir("bytecode"))
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix


PYTORCH = re.compile(r'import .*\btorch\b|importorskip\("torch"')
"""A test that asks PyTorch."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whatever draws random problems is in every run, with few of them, and in the exhaustive one, with many.

    Files that need a browser are neighbours, and so are those that ask PyTorch: a worker is given neighbours, and one starts it.
    """
    for item in items if config.option.markexpr == "exhaustive" else ():
        if is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("exhaustive")
    with_a_browser = {item.path for item in items if "browser" in getattr(item, "fixturenames", ())}
    with_pytorch = {path for path in {item.path for item in items} if PYTORCH.search(path.read_text("utf-8"))}
    items.sort(key=lambda item: (item.path not in with_a_browser, item.path not in with_pytorch))


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Values that are left to the exhaustive run are not even collected by the default one, if others are there."""
    for mark in metafunc.definition.iter_markers("parametrize") if not sweeps.wide else ():
        values = mark.args[1] if len(mark.args) > 1 and not isinstance(mark.kwargs.get("ids"), list) else None
        if isinstance(values, list) and (kept := [one for one in values if not sweeps.is_exhaustive(one)]):
            values[:] = kept


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-golden`` writes what the examples print now."""
    parser.addoption("--update-golden", action="store_true", help="write the committed output of the examples anew")


MP = mpmath.mp.clone()
MP.dps = 50

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "tanh": MP.tanh,
    "sigmoid": lambda z: 1 / (1 + MP.exp(-z)),
    "relu": lambda z: z if z > 0 else MP.zero,
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "softplus": lambda z: MP.log(1 + MP.exp(z)),
    "z/(1+abs(z))": lambda z: z / (1 + abs(z)),
    "z*sigmoid(z)": lambda z: z / (1 + MP.exp(-z)),
    "sin(z) + z^3/10": lambda z: MP.sin(z) + z**3 / 10,
    "exp(-z^2)*cos(2*z)": lambda z: MP.exp(-(z**2)) * MP.cos(2 * z),
    "ln(1 + z^2) - sqrt(z^2 + 1)/3": lambda z: MP.log(1 + z**2) - MP.sqrt(z**2 + 1) / 3,
}

Numbers = dict[str, Any]


@dataclass(frozen=True)
class Net:
    """A network of which both a problem and, in 50 digits, its loss can be made.

    ``loss`` is written down from the equations, index by index, and shares
    nothing with the package.
    """

    cell: str = "rnn"
    T: int = 2
    n: int = 1
    d: int = 1
    k: int = 1
    activation: str = "tanh"
    output_activation: str = "identity"
    outputs: str = "every"
    over_time: str = "mean"
    factor: str = "1"
    bias: bool = True
    readout: bool = True
    learning_rate: str | None = "0.1"
    freeze: tuple[str, ...] = ()
    seed: int = 1

    @property
    def recurrent(self) -> bool:
        return self.cell == "rnn"

    @property
    def size(self) -> int:
        """How many numbers a prediction has."""
        return self.k if self.readout else self.n

    def shapes(self) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {"W_xh": (self.n, self.d)}
        if self.recurrent:
            shapes["W_hh"] = (self.n, self.n)
        if self.bias:
            shapes["b_h"] = (self.n,)
        if self.readout:
            shapes["W_hy"] = (self.k, self.n)
            if self.bias:
                shapes["b_y"] = (self.k,)
        return shapes

    def keys(self, stem: str) -> list[str]:
        """The names of the single numbers of a parameter."""
        shape = self.shapes()[stem]
        if all(size == 1 for size in shape):
            return [stem.lower()]
        if len(shape) == 1:
            return [f"{stem}[{i + 1}]" for i in range(shape[0])]
        return [f"{stem}[{i + 1},{j + 1}]" for i in range(shape[0]) for j in range(shape[1])]

    @cached_property
    def document(self) -> dict[str, Any]:
        """The problem file, with random numbers of two or three decimals, as text."""
        chance = random.Random(self.seed)

        def number() -> str:
            return f"{chance.uniform(-1.2, 1.2):.3f}"

        def column(size: int) -> Any:
            return number() if size == 1 else [number() for _ in range(size)]

        def block(shape: tuple[int, ...]) -> Any:
            if all(size == 1 for size in shape):
                return number()
            return column(shape[0]) if len(shape) == 1 else [[number() for _ in range(shape[1])] for _ in range(shape[0])]

        parameters = {self.keys(stem)[0].partition("[")[0]: block(shape) for stem, shape in self.shapes().items()}
        network = {
            "cell": self.cell,
            "hidden": self.n,
            "activation": self.activation,
            "bias": self.bias,
            "readout": self.readout,
        }
        if self.readout:
            network["output_activation"] = self.output_activation
        given: dict[str, Any]
        if self.recurrent:
            network["outputs"] = self.outputs
            every = self.outputs == "every"
            given = {
                "x": [column(self.d) for _ in range(self.T)],
                "target": [column(self.size) for _ in range(self.T)] if every else column(self.size),
                "h_0": column(self.n),
            }
        else:
            given = {"x": column(self.d), "target": column(self.size)}
        document = {
            "network": network,
            "parameters": parameters,
            "given": given,
            "loss": {"factor": self.factor} | ({"over_time": self.over_time} if self.cell == "rnn" else {}),
        }
        if self.learning_rate is not None:
            document["update"] = {"learning_rate": self.learning_rate, "freeze": list(self.freeze)}
        return document

    @property
    def problem(self) -> Problem:
        return from_document(self.document)

    @property
    def start(self) -> Numbers:
        """The parameters, one number for each name."""
        numbers: Numbers = {}
        for stem in self.shapes():
            keys = self.keys(stem)
            block = self.document["parameters"][keys[0].partition("[")[0]]
            numbers.update(zip(keys, map(MP.mpf, _flat(block)), strict=True))
        return numbers

    def _affine(self, weights: str, bias: str, into: int, numbers: Numbers, inputs: list[Any]) -> list[Any]:
        keys = self.keys(weights)
        total = []
        for i in range(into):
            row = keys[i * len(inputs) : (i + 1) * len(inputs)]
            total.append(sum((numbers[key] * value for key, value in zip(row, inputs, strict=True)), MP.zero))
            if self.bias and bias:
                total[i] += numbers[self.keys(bias)[i]]
        return total

    def states(self, numbers: Numbers, first: int = 1, before: list[Any] | None = None) -> list[list[Any]]:
        """The hidden values from time step ``first`` on, with the state before it."""
        phi = ACTIVATIONS[self.activation]
        given = self.document["given"]
        h = before if before is not None else [MP.mpf(value) for value in _flat(given.get("h_0", "0"))]
        states = []
        for x in given["x"][first - 1 :] if self.recurrent else [given["x"]]:
            a = self._affine("W_xh", "b_h", self.n, numbers, [MP.mpf(value) for value in _flat(x)])
            if self.recurrent:
                a = [p + q for p, q in zip(a, self._affine("W_hh", "", self.n, numbers, h), strict=True)]
            h = [phi(z) for z in a]
            states.append(h)
        return states

    def loss(self, numbers: Numbers) -> Any:
        """The total loss."""
        psi = ACTIVATIONS[self.output_activation]
        terms = []
        states = self.states(numbers)
        targets = self.document["given"]["target"]
        listed = self.recurrent and self.outputs == "every"
        for h, target in zip(states, targets, strict=True) if listed else [(states[-1], targets)]:
            y = [psi(z) for z in self._affine("W_hy", "b_y", self.k, numbers, h)] if self.readout else h
            errors = [(p - MP.mpf(q)) ** 2 for p, q in zip(y, _flat(target), strict=True)]
            terms.append(MP.mpf(_fraction(self.factor)) * sum(errors))
        total = sum(terms)
        return total / len(terms) if self.over_time == "mean" else total

    def slope(self, key: str) -> Any:
        """The derivative of the loss in one parameter, by central differences in 50 digits."""
        step = MP.mpf("1e-15")
        above, below = ({**self.start, key: self.start[key] + sign * step} for sign in (1, -1))
        return (self.loss(above) - self.loss(below)) / (2 * step)


def _fraction(text: str) -> Any:
    above, _, below = text.partition("/")
    return MP.mpf(above) / MP.mpf(below or 1)


def _flat(value: Any) -> Iterable[Any]:
    return [part for item in value for part in _flat(item)] if isinstance(value, list) else [value]


@pytest.fixture(scope="session")
def net() -> type[Net]:
    """A network made to order, with its loss in 50 digits from the equations alone."""
    return Net


@pytest.fixture(scope="session")
def mp() -> Any:
    """mpmath with 50 digits."""
    return MP


@pytest.fixture(scope="session")
def solved() -> Callable[..., Values]:
    """The values of a problem, one for each single number."""

    def values(problem: Problem, rounding: Rounding | None = None) -> Values:
        return evaluate(scalars(build(problem)), problem.given, rounding or Rounding("full"))

    return values


@pytest.fixture(scope="session")
def pdflatex() -> Callable[..., str]:
    """Compile a document in a folder; the log comes back, and an error fails the test.

    A draft has the same log, and no PDF, which takes half of the time.
    Where pdflatex is missing the test is skipped, but never where ``CI`` is set.
    """
    program = shutil.which("pdflatex")
    if program is None and not os.environ.get("CI"):
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-recommended, texlive-pictures, lmodern)")

    def compile_in(folder: Path, source: str, *, draft: bool = False) -> str:
        assert program, "pdflatex is missing; with CI set, nothing is skipped"
        (folder / "document.tex").write_text(source, "utf-8")
        command = [
            program,
            "-no-shell-escape",
            "-interaction=nonstopmode",
            "-halt-on-error",
            *["-draftmode"] * draft,
            "document.tex",
        ]
        safe = {**os.environ, "openin_any": "p", "openout_any": "p", "max_print_line": "1000"}
        run = subprocess.run(command, cwd=folder, env=safe, capture_output=True, timeout=600, check=False)
        log = (folder / "document.log").read_text("utf-8", "replace")
        complaint = [line for line in log.splitlines() if line.startswith(("!", "l."))]
        assert run.returncode == 0, "\n".join(complaint) or log[-2000:]
        return log

    return compile_in


BROWSER = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""A browser that asks nobody anything."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, led by playwright.

    Where one of both is missing the test is skipped, but never where ``CI`` is set.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    missing = "chromium" if program is None else "playwright" if find_spec("playwright") is None else ""
    if missing and not os.environ.get("CI"):
        pytest.skip(f"{missing} is not installed (Debian: chromium; pip install playwright)")
    assert not missing, f"{missing} is missing; with CI set, nothing is skipped"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=program, args=BROWSER)
        yield chromium
        chromium.close()


class Tabs:
    """Tabs of a browser, lent to one test after another: a new one is a process, which takes a sixth of a second."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.heard: list[tuple[str, str]] = []
        """What tabs that are lent have written on the console, thrown and asked for."""
        self._windows: dict[str, Any] = {}
        self._free: dict[str, list[Any]] = {}
        self._lent: list[tuple[str, Any]] = []

    def lend(self, width: int = 1280, height: int = 900, *, scheme: Any = "light", **window: Any) -> Any:
        """A tab to open a page in, until ``take_back``; ``window`` are settings that a tab cannot change."""
        kind = repr(window)
        free = self._free.setdefault(kind, [])
        tab = free.pop() if free else self._opened(kind, window)
        if tab.viewport_size != (size := {"width": width, "height": height}):
            tab.set_viewport_size(size)
        tab.emulate_media(media="null", color_scheme=scheme)
        self._lent.append((kind, tab))
        return tab

    def _opened(self, kind: str, window: dict[str, Any]) -> Any:
        if kind not in self._windows:
            self._windows[kind] = self.browser.new_context(**window)
        tab = self._windows[kind].new_page()
        tab.on("console", lambda message: self.heard.append(("console", message.text)))
        tab.on("pageerror", lambda error: self.heard.append(("error", str(error))))
        tab.on("request", lambda request: self.heard.append(("request", request.url)))
        return tab

    def take_back(self) -> list[tuple[str, str]]:
        """What has been heard of all tabs, which may be lent again."""
        for kind, tab in self._lent:
            self._free[kind].append(tab)
        heard, self.heard, self._lent = self.heard, [], []
        return heard


@pytest.fixture(scope="session")
def tabs(browser: Any) -> Tabs:
    """The tabs of the browser of this process."""
    return Tabs(browser)


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which finds what keeps people from reading a page; ``AXE_CORE`` says where it is.

    Where it is missing the test is skipped, but never where ``CI`` is set.
    """
    path = os.environ.get("AXE_CORE", "")
    if not path and not os.environ.get("CI"):
        pytest.skip("AXE_CORE does not say where axe.min.js is (npm install axe-core)")
    assert path, "AXE_CORE is not set; with CI set, nothing is skipped"
    return Path(path).read_text("utf-8")
