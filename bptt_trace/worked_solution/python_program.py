"""From a program with its values to a program of Python: code that reproduces the sheet.

``python`` has a statement for every line of numbers, ``numpy`` one for every
line on the board; both compare each value with the digits that the sheet
prints. ``torch`` and ``sympy`` have the forward pass alone: autograd goes back,
or SymPy differentiates the loss, and what they find is compared with the
sheet's gradients.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from bptt_trace.calculation.arithmetic import Values, digits_needed, evaluate, run
from bptt_trace.calculation.bounds import Between, BetweenDoubles, Untold
from bptt_trace.calculation.iterations import borders, passes
from bptt_trace.calculation.unrounded import unrounded
from bptt_trace.document.notation import TEXT
from bptt_trace.document.program_text import Listing, Passage
from bptt_trace.engine.formula import Extreme, Var
from bptt_trace.engine.formula_text import Template, literal
from bptt_trace.engine.names import LOSS, WHOLE_LOSS, Role, gradient
from bptt_trace.engine.program import Program, Step, composed_size
from bptt_trace.engine.rules import Rule
from bptt_trace.errors import CalculationError, ProblemError
from bptt_trace.lines.desk import Desk
from bptt_trace.lines.identifiers import identifier
from bptt_trace.lines.matrix_rows import board_of
from bptt_trace.lines.python_code import Scope, of_arrays, of_numbers
from bptt_trace.lines.row_words import headings, title_of
from bptt_trace.lines.rows import Rows
from bptt_trace.problem.problem import Problem
from bptt_trace.problem.rounding import WORKING, Rounding

WIDTH = 100
"""Columns of a statement, where it can be broken."""
FINE = 12
"""Significant figures of unrounded values."""
OF_NUMBERS = ("python", "sympy")
"""Forms with a statement for each line of numbers; the others have one for each line on the board."""
MOST_COMPOSED = 60
"""The largest number of lines of a composed loss, one that is used twice counted twice; with more SymPy takes minutes."""
ROOM = {"carry": (1e-12, 1e-15), "full": (1e-10, 1e-13)}
"""The allowed error of doubles on every line, relative to a value and absolute, where calculations go on with doubles."""
NOISE = 1e-30
"""The share of a value by which 60 digits may be off without a remark."""
CLOSE = 1e-9, 1e-11
"""The allowed distance of autograd from an unrounded value, relative and absolute."""
UNSURE = {"numpy": (Untold.DIVISION, Untold.WAY), "torch": (Untold.DIVISION,)}
"""The reasons for which doubles may differ. PyTorch usually goes the way of the sheet, and is compared without room.

Where bounds have become too wide, PyTorch's values are shown and not compared."""
FORWARD = {Role.PREACTIVATION, Role.HIDDEN, Role.OUTPUT, Role.LOSS}


def listing(problem: Problem, program: Program, values: Values, form: str) -> Listing:
    """The program that reproduces a sheet: ``form`` is ``python``, ``numpy``, ``torch`` or ``sympy``.

    ``program`` is a program of numbers and ``values`` its values. Raises
    ``ProblemError`` for closed forms, where ``torch`` and ``sympy`` have nothing
    to differentiate, and where ``numpy`` and ``torch`` have no doubles for the values.
    """
    if values.rounding.policy == "exact":
        raise ProblemError(
            f"-f {form} compares numbers, and closed forms are not numbers; expected 4dp, carry or full", path="rounding"
        )
    full = unrounded(program, problem.given) if form in OF_NUMBERS else _doubles(problem, program, form)
    desk = Desk(problem, program, values, full, with_latex=False, detail="lines" if form in OF_NUMBERS else "board")
    board = board_of(desk) if desk.on_board else desk
    if form == "torch" and passes(problem):
        why = "autograd goes back once, and here several passes overlap; use -f python"
        raise ProblemError(why, path="update.truncate_every")
    if form == "torch":
        return _Autograd(desk, board, form).listing()
    return (_Symbolic if form == "sympy" else _Lines)(desk, board, form).listing()


def _doubles(problem: Problem, program: Program, form: str) -> Values:
    """The values as doubles have them, which is how NumPy and PyTorch calculate: ln(e^-800) does not exist there."""
    try:
        return evaluate(program, problem.given, Rounding("full"))
    except CalculationError as error:
        raise ProblemError(f"-f {form} calculates in double precision, and there {error}; -f python has more digits") from None


class _Writer:
    """The common parts of the writers of programs."""

    def __init__(self, desk: Desk, board: Rows, form: str) -> None:
        self.desk, self.board, self.form = desk, board, form
        self.steps: Sequence[Step] = board.steps
        arithmetic = "float" if desk.values.rounding.policy == "full" else "decimal"
        self.scope = Scope(arithmetic if form == "python" else form)
        self._names: dict[int, str] = {}
        self._forms: dict[Rule, Template] = {}

    def name(self, position: int) -> str:
        """The identifier of a step, made of its name on the sheet."""
        if position not in self._names:
            shown = self.desk.speller.vocabulary.shown(self.steps[position].target)
            self._names[position] = self.scope.identifiers.fresh(identifier(shown))
        return self._names[position]

    def right_side(self, position: int) -> str:
        """The formula of a step as code."""
        _, rule, arguments, _, _, _ = self.steps[position]
        assert rule is not None
        rest = f"sum([{', '.join(map(self.name, arguments[rule.arity :]))}])" if rule.sums_rest else ""
        if self.form in OF_NUMBERS:
            form = self._forms.get(rule)
            if form is None:
                form = self._forms[rule] = of_numbers(self.scope, rule.formula)
            return form.pattern % tuple([self.name(arguments[hole]) if hole >= 0 else rest for hole in form.holes])

        def leaf(part: Var) -> str:
            return self.used(arguments[part.number], position)

        return of_arrays(self.scope, rule.formula, self.desk.program.rows, leaf, rest)

    def used(self, argument: int, position: int) -> str:
        """The reference of the line at a position to another line."""
        del position
        return self.name(argument)

    def title(self, position: int) -> str:
        """The name of a step as the sheet has it, in quotes."""
        return _quoted(self.board.name(position).text)

    def value(self, position: int) -> str:
        """The value of a step as the sheet has it, in quotes."""
        return _quoted(self.board.value(position).text)

    def number(self, position: int) -> str:
        """The number of a line."""
        return self.board.line_number(position)

    def given(self, reader: Callable[[Step], str]) -> tuple[str, ...]:
        """The numbers that come with the problem, each read by the function that ``reader`` names."""
        fixed = [position for position, step in enumerate(self.steps) if step.rule is None]
        return tuple(_call(f"{self.name(p)} = {reader(self.steps[p])}", [self.value(p)]) for p in fixed)

    def passages(self, positions: Iterable[int], statement: Callable[[int], str]) -> Iterator[Passage]:
        """Statements in the order of the calculation, under the titles of the sheet's sections and blocks."""
        places, titles = self._places(), headings(self.desk)
        section, block, sections = "", "", 0
        held: list[str] = []
        for position in positions:
            here = places.get(position, (section, block))
            if here != (section, block) and held:
                yield Passage(block, tuple(held))
                held = []
            if here[0] != section:
                sections += 1
                yield Passage(f"{sections}  {titles[here[0]]}", level=1)
            section, block = here
            held.append(statement(position))
        if held:
            yield Passage(block, tuple(held))

    def _places(self) -> dict[int, tuple[str, str]]:
        """The section and the block of each step."""
        parts, places = self.board.parts, dict[int, tuple[str, str]]()
        for section, groups in (
            ("forward", parts.forward.steps),
            ("backward", parts.backward),
            ("again", parts.again.steps),
        ):
            for moment, lines in groups.items():
                places |= dict.fromkeys(lines, (section, title_of(moment, several=len(parts.forward.tracks) > 1)))
        for end, lines in parts.passes.items():
            places |= dict.fromkeys(lines, ("backward", f"Pass from step {end}"))
        shared = self.desk.last_time > 0 or self.desk.problem.network.samples is not None
        for parameter, lines in parts.gradients.items():
            block = f"Gradient of {self.board.name(parameter).text}" if shared else ""
            places |= dict.fromkeys(lines, ("gradients", block))
        for section, lines in (
            ("loss", parts.forward.losses),
            ("backward", parts.links),
            ("inputs", parts.inputs),
            ("update", parts.updates),
            ("again", parts.again.losses),
            ("memory", parts.factors),
            ("extra", parts.extras),
            ("gradient_check", parts.checks),
            ("forward_mode", parts.tangents),
            ("paths", parts.paths),
        ):
            places |= dict.fromkeys(lines, (section, ""))
        return places

    def drift(self, positions: Iterable[int]) -> str:
        """The largest distance of these printed lines from full precision, in two figures, rounded up."""
        printed, exact = self.desk.shown.bare[TEXT], self.desk.reference.numbers
        lines = [line for position in positions for line in self.board.lines(position)]
        return f"{max(abs(float(printed[line]) - exact[line]) for line in lines) * 1.05:.1e}"

    def lost(self, position: int, relative: float, absolute: float) -> list[str]:
        """The error of doubles where terms cancel, as an argument; empty where the usual allowance covers it.

        Raises ``ProblemError`` where they may come to anything: what is 0 on the sheet may not be 0 in them.
        """
        beyond = [0.0]
        for line in self.board.lines(position):
            lost = self._lost[line]
            if lost in UNSURE[self.form] or lost == math.inf:
                raise ProblemError(
                    f"-f {self.form} calculates in double precision, in which no digit of {self.steps[position].target} is sure; "
                    "-f python has more digits"
                )
            if lost is Untold.WIDE and self.form == "torch":
                return ['float("inf")']
            if not isinstance(lost, Untold) and lost > relative * abs(self.desk.reference.numbers[line]) + absolute:
                beyond.append(lost)
        return [f"{1.5 * max(beyond):.1g}"] if any(beyond) else []

    @cached_property
    def _lost(self) -> tuple[float | Untold, ...]:
        """The allowed distance of two calculations at each step."""
        how = Between(WORKING.prec) if self.form in OF_NUMBERS else BetweenDoubles()
        bounds = run(self.desk.program, self.desk.problem.given, how)
        return tuple(one if isinstance(one, Untold) else float(one.width) for one in bounds)

    def filled(self, **own: Any) -> Listing:
        """The listing, with the parts that all forms share; all other parts are already written."""
        rounding = self.desk.values.rounding
        by_hand = rounding.policy != "full"
        return Listing(
            form=self.form,
            title="".join(sign if sign.isprintable() else "?" for sign in self.desk.problem.title),
            policy=rounding.policy,
            quantum=f"{10**-rounding.places:.{rounding.places}f}" if by_hand and not rounding.figures else "",
            figures=str(rounding.figures or rounding.places),
            digits=rounding.precision.words,
            working=str(digits_needed(self.desk.values)) if by_hand and self.form == "python" else "",
            slopes=by_hand and any(self.desk.precision(position).significant for position in range(len(self.steps))),
            others=bool(rounding.places_of),
            symbols=tuple(
                f'{name} = number("{value}")' if self.form in OF_NUMBERS else f"{name} = {value}"
                for (_, value), name in self.scope.symbols.items()
            ),
            definitions=(*self.scope.standard, *self.scope.definitions),
            **own,
        )


class _Lines(_Writer):
    """Every line of the sheet as a statement, which is compared with what the sheet prints."""

    def listing(self) -> Listing:
        """The whole program."""
        reader = "number" if self.form == "python" else "array"
        given = self.given(lambda _: reader)
        written = [position for position in range(len(self.steps)) if self.board.line_of[position]]
        return self.filled(given=given, passages=tuple(self.passages(written, self._line)))

    def _line(self, position: int) -> str:
        """``h_1 = line("h_1", tanh(a_1), "0.5370")  # 2``"""
        rounding = self.desk.values.rounding
        texts = [self.title(position), self.right_side(position), self.value(position)]
        precision = self.desk.precision(position)
        if self.form == "python" and precision != rounding.precision and rounding.policy != "full":
            # products and squares keep figures where all else keeps decimals, and some quantities decimals of their own
            texts.append("to_figures" if precision.significant else f"to_places({precision.digits})")
        if self.form == "python" and rounding.policy == "carry":
            texts += self._cancelled(position)
        if self.form == "numpy" and rounding.policy in ROOM:
            texts += self.lost(position, *ROOM[rounding.policy])
        return _call(f"{self.name(position)} = line", texts, self.number(position))

    def _cancelled(self, position: int) -> list[str]:
        """The noise of 60 digits, as an argument, where most of the digits, or all, are noise."""
        lost, size = self._lost[position], abs(float(self.desk.values.numbers[position]))
        if isinstance(lost, Untold) or not lost or lost <= NOISE * size:
            return []
        allowed = f"{1.5 * lost:.1g}"
        if 0 < size <= float(allowed):  # the program would take for 0 what the sheet does not
            return []
        return [f'lost=Decimal("{allowed}")']


class _Autograd(_Writer):
    """The forward pass, a call of ``backward``, and what is compared with the sheet."""

    def __init__(self, desk: Desk, board: Rows, form: str) -> None:
        """Raise ``ProblemError`` where there is nothing to differentiate."""
        super().__init__(desk, board, form)
        self.borders = borders(desk.problem)
        index = {step.target: position for position, step in enumerate(self.steps)}
        if LOSS not in index:
            raise ProblemError("without a loss autograd has nothing to do; -f numpy has the forward pass", path="loss.kind")
        self.loss = index[LOSS]
        self.totals = {
            position: index[gradient(step.target)]
            for position, step in enumerate(self.steps[: self.loss])
            if step.target.of is None and gradient(step.target) in index
        }
        """The gradient of each quantity before the loss that has one on the sheet."""
        if not self.totals:
            raise ProblemError("where every parameter is frozen autograd has nothing to do; use -f numpy", path="update.freeze")

    def listing(self) -> Listing:
        """The whole program."""
        learning = {self.steps[position].target for position in self.totals}
        given = self.given(lambda step: "parameter" if step.target in learning else "array")
        forward = [p for p, step in enumerate(self.steps[: self.loss + 1]) if step.rule is not None]
        passages = tuple(self.passages(forward, self._forward))
        # The names of tensors are the sheet's; the gradient of each hangs on it.
        grads = {total: f"{self.name(position)}.grad" for position, total in self.totals.items()}
        compared = {self.loss: self.name(self.loss)} | dict(sorted(grads.items()))
        updates = tuple(self._updates(grads))
        changed = [position for position, step in enumerate(self.steps) if step.role is Role.UPDATE and step.target.updated]
        return self.filled(
            given=given,
            passages=passages,
            loss=self.name(self.loss),
            comparisons=tuple(self._compare(position, found) for position, found in compared.items()),
            updates=updates,
            new=tuple(self._compare(position, self.name(position)) for position in changed),
            drift=self.drift([*compared, *changed]),
        )

    def right_side(self, position: int) -> str:
        """The formula of a step as code; an exact number is a tensor too, and no gradient enters a stabiliser."""
        text, (_, rule, arguments, *_) = super().right_side(position), self.steps[position]
        if rule is not None and isinstance(rule.formula, Extreme) and rule.formula.held:
            return f"{text}.detach()"  # it cancels, but not all digits of doubles would
        return text if arguments else f"torch.tensor(float({text}))"

    def _forward(self, position: int) -> str:
        """``h_1 = keep(tanh(a_1))  # 2``; without ``keep`` where the sheet has no gradient of it."""
        target, right = self.name(position), self.right_side(position)
        if position in self.totals or position == self.loss:
            return _call(f"{target} = keep", [right], self.number(position))
        return _assignment(target, right, self.number(position))

    def used(self, argument: int, position: int) -> str:
        """A state beyond the end of a window is detached: that is how a truncated backward pass is asked for."""
        source, user = self.steps[argument], self.steps[position].target
        beyond = source.target.time in self.borders and source.target.time != user.time
        return f"{self.name(argument)}.detach()" if beyond and source.role is Role.HIDDEN else self.name(argument)

    def _updates(self, grads: Mapping[int, str]) -> Iterator[str]:
        """From the gradients that autograd has found to the new parameters, by the rules of the sheet."""
        wanted = [position for position, step in enumerate(self.steps) if step.role is Role.UPDATE]
        needed: set[int] = set()
        while wanted:
            position = wanted.pop()
            if position > self.loss and position not in needed:
                needed.add(position)
                wanted += () if position in grads else self.steps[position].arguments
        for position in sorted(needed):
            right = grads.get(position) or self.right_side(position)
            yield _assignment(self.name(position), right, self.number(position))

    def _compare(self, position: int, found: str) -> str:
        """``compare("dL/dw_hh", w_hh.grad, "-0.0229", "-0.0228497")``: the line by hand, and unrounded."""
        texts = [f"{self.desk.reference.numbers[line]:.{FINE}g}" for line in self.board.lines(position)]
        unrounded = literal(texts, self.steps[position].shape, TEXT, self.desk.program.rows)
        lost = self.lost(position, *CLOSE)
        return _call("compare", [self.title(position), found, self.value(position), _quoted(unrounded), *lost])


class _Symbolic(_Writer):
    """The forward pass as a graph of equations, and the sheet's gradients beside SymPy's."""

    def listing(self) -> Listing:
        """The whole program; raise ``ProblemError`` where there is nothing to differentiate."""
        index = {step.target: position for position, step in enumerate(self.steps)}
        if LOSS not in index:
            raise ProblemError("without a loss SymPy has nothing to differentiate; -f python has the lines", path="loss.kind")
        loss = index[LOSS]
        # SymPy's derivative knows of no truncation.
        update = self.desk.problem.update
        of = WHOLE_LOSS if update and update.truncate else LOSS
        totals = {
            position: index[gradient(step.target, of=of)]
            for position, step in enumerate(self.steps[:loss])
            if step.rule is None and step.target.of is None and gradient(step.target, of=of) in index
        }
        if not totals:
            raise ProblemError(
                "where every parameter is frozen there is nothing to differentiate; use -f python", path="update.freeze"
            )
        given = tuple(
            _call(f"{self.name(position)} = quantity", [self.title(position), self.value(position)])
            for position, step in enumerate(self.steps[:loss])
            if step.rule is None
        )
        forward = [position for position in range(loss + 1) if self.steps[position].rule is not None]
        passages = tuple(self.passages(forward, self._line))
        return self.filled(
            given=given,
            passages=passages,
            loss=self.name(loss),
            comparisons=tuple(self._compare(parameter, total) for parameter, total in totals.items()),
            composed=composed_size(self.steps[: loss + 1]) <= MOST_COMPOSED,
            drift=self.drift(totals.values()),
        )

    def _line(self, position: int) -> str:
        """``h_1 = line("h_1", tanh(a_1))  # 2``"""
        return _call(f"{self.name(position)} = line", [self.title(position), self.right_side(position)], self.number(position))

    def _compare(self, parameter: int, total: int) -> str:
        """``compare("dL/dw_hh", w_hh, "-0.0229", "-0.0228497")``: the line by hand, and unrounded."""
        unrounded = f"{self.desk.reference.numbers[self.board.lines(total)[0]]:.{FINE}g}"
        return _call("compare", [self.title(total), self.name(parameter), self.value(total), _quoted(unrounded)])


# ------------------------------------------------------------------- statements


def _quoted(text: str) -> str:
    return f'"{text}"'


def _call(start: str, arguments: Sequence[str], number: str = "") -> str:
    """``start(arguments)  # number``, on several lines where one is too long."""
    comment = f"  # {number}" if number else ""
    line = f"{start}({', '.join(arguments)}){comment}"
    if len(line) <= WIDTH:
        return line
    inner = f"    {', '.join(arguments)}"
    lines = [inner] if len(inner) <= WIDTH else [f"{_broken(argument)}," for argument in arguments]
    return "\n".join([f"{start}({comment}", *lines, ")"])


def _assignment(target: str, right: str, number: str) -> str:
    """``target = right  # number``, on several lines where one is too long."""
    line = f"{target} = {right}  # {number}"
    return line if len(line) <= WIDTH else f"{target} = (  # {number}\n{_broken(right)}\n)"


def _broken(argument: str) -> str:
    """An argument on lines of its own: a formula broken at spaces, a text into texts that Python puts together."""
    if not argument.startswith('"'):
        return textwrap.fill(
            argument, WIDTH, initial_indent="    ", subsequent_indent="        ", break_long_words=False, break_on_hyphens=False
        )
    lines = textwrap.wrap(argument.strip('"'), WIDTH - 10, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f'    "{line} "' for line in lines[:-1]) + "\n" * (len(lines) > 1) + f'    "{lines[-1]}"'
