"""From a problem to its program: the whole calculation in one function."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_trace.calculation.also import with_more
from bptt_trace.calculation.iterations import Training
from bptt_trace.engine.components import entries
from bptt_trace.engine.formula import Var, shape_of
from bptt_trace.engine.gradients import Route
from bptt_trace.engine.names import ABOVE, LOSS, Name, Role
from bptt_trace.engine.program import Builder, Program
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.engine.state_slopes import factors, links
from bptt_trace.errors import ProblemError, nearest
from bptt_trace.networks import losses
from bptt_trace.networks.forward_pass import Sample, forward
from bptt_trace.networks.graph import Graph
from bptt_trace.networks.losses import Compared
from bptt_trace.networks.optimizers import HYPER, STATES, at_start
from bptt_trace.problem.problem import Problem
from bptt_trace.problem.rounding import GRADIENTS, quantity, said
from bptt_trace.problem.rounding_keys import PATH


def build(problem: Problem) -> Program:
    """Forward pass, loss, backward pass, update, the loss after it, and how far errors reach back.

    Raises ``ProblemError`` if the rounding names a quantity that no line has.
    """
    program = _built(problem)
    if problem.rounding.places_of:
        _lines_to_round(problem, program)
        _entries_to_round(problem, program)
    return program


def _lines_to_round(problem: Problem, program: Program) -> None:
    """Raise ``ProblemError`` where a quantity with decimals of its own is given, keeps figures, or is none."""
    rounding, kinds = problem.rounding, dict[Name, str]()
    lines = zip(program.steps, rounding.of_lines(program.steps), strict=True)
    alike = {
        (name.stem, name.of and name.of.stem, name.updated, rule is None, kept.significant): name
        for (name, rule, _, _, _, _), kept in lines
    }
    for (_, _, _, is_given, keeps_figures), name in alike.items():
        name, kind = quantity(name), "given" if is_given else "figures" if keeps_figures else ""
        kinds[name] = kind and kinds.get(name, kind)  # h_0 is given, and h_1 a result
    if any(name.of == LOSS and not kind for name, kind in kinds.items()):
        kinds[GRADIENTS] = ""
    known = {name: said(problem.vocabulary.shown(name)) for name, kind in kinds.items() if not kind}
    for name, _ in rounding.places_of:
        text = said(problem.vocabulary.shown(name))
        match kinds.get(name):
            case "":
                continue
            case "given":
                what = f"{text} is given, and stands on the sheet as it was typed; expected the name of a result"
            case "figures":
                what = f"{text} keeps significant figures, because small products and squares would be 0 with few decimals"
            case _:
                what = f"no line has the result {text}{nearest(text, known.values())}; there are {', '.join(known.values())}"
        raise ProblemError(what, path=PATH, source=problem.source)


def _entries_to_round(problem: Problem, program: Program) -> None:
    """Raise ``ProblemError`` where some entries of a matrix would have other decimals than the rest.

    Where an input is the 1 of a letter, the entry of a gradient is that of another gradient, whose digits stand in it.
    """
    lines, name = scalars(program), problem.vocabulary.shown
    if lines is program:
        return
    kept = problem.rounding.of_lines(lines.steps)
    for place, step in enumerate(program.steps):
        whole = quantity(step.target)
        for position in () if step.repeats or not step.shape else lines.vectors.lines(place):
            entry = lines.steps[position]
            if entry.repeats and kept[position] != problem.rounding.of_quantity(whole):
                other = quantity(lines.steps[entry.arguments[0]].target)
                what = f"entries of {name(whole)} repeat those of {name(other)}; expected the same number of decimals for both"
                raise ProblemError(what, path=PATH, source=problem.source)


def _built(problem: Problem) -> Program:
    network, update = problem.network, problem.update
    builder = Builder(rows=network.rows)
    given = GivenSteps(builder, problem)
    training = Training(builder, problem, given.names, given.parameters, given.numbers)
    if problem.network.input_gradients:
        training.inputs = given.received
    if update and update.told:
        for _ in range(update.iterations):
            training.update(given.gradients[training.iteration])
        return builder.build()
    routes = given.pass_forward(training.begin())
    if problem.loss.kind == "none":
        return with_more(_with_factors(builder, problem), problem, routes, [])
    start = len(builder.steps) - 1
    learns = problem.loss.kind != "perceptron" and not isinstance(network, Graph)
    if learns and not training.frozen.issuperset(network.inner):
        links(builder)  # the chain ends at the hidden layer, if that learns at all
    training.backward(start, routes, compared=True)
    if update:
        training.update()
        training.repeat(given.pass_forward)
        given.pass_forward(training.parameters, training.iteration, training.sample(training.iteration - 1))
    return with_more(_with_factors(builder, problem), problem, routes, [parameter.number for parameter in given.parameters])


def _with_factors(builder: Builder, problem: Problem) -> Program:
    """The program, and how far errors reach back; there are such factors in networks of one layer only."""
    program, cell = builder.build(), problem.network.cells[0]
    return factors(program, cell.memory, cell.state)


class GivenSteps:
    """The given numbers of a problem, as the first steps of its program, and the forward pass from there."""

    def __init__(self, builder: Builder, problem: Problem) -> None:
        self.builder, self.problem = builder, problem
        network = self.network = problem.network
        shapes = network.parameters()
        self.names = list(shapes)
        self.parameters = [builder.given(name, Role.PARAMETER, shape) for name, shape in shapes.items()]
        width, size = shape_of(network.inputs or 1), shape_of(network.outputs)
        predicting = network.predicting if problem.loss.has_target or network.feedback == "target" else []
        self.inputs, self.state, self.targets = [], [], []
        for sample in problem.samples:
            self.inputs.append(
                {time: builder.given(Name("x", time=time, sample=sample), shape=width) for time in network.reading}
            )
        common: dict[Name, Var] = {}
        for sample in problem.samples:
            own: list[Var] = []
            for name, units in network.state:
                one = problem.initial(name, sample)
                if one not in common:
                    common[one] = builder.given(one, shape=shape_of(units))
                own.append(common[one])
            self.state.append(own)
        for sample in problem.samples:
            self.targets.append(
                {time: builder.given(Name("target", time=time, sample=sample), shape=size) for time in predicting}
            )
        self.fixed = [builder.given(name, shape=shape) for name, shape in network.fixed] if isinstance(network, Graph) else []
        """The constants of an expression graph."""
        dropped = network.predicting if network.dropout is not None else []
        self.masks = [
            {time: builder.given(Name("mask", time=time, sample=sample), shape=shape_of(network.seen)) for time in dropped}
            for sample in problem.samples
        ]
        self.handed = {
            name: builder.given(name, shape=shape_of(problem.network.handed[name._replace(of=None, via=None)]))
            for name in dict.fromkeys(name._replace(index=()) for name in problem.given if name.via == ABOVE)
        }
        """Gradients that the problem hands in instead of a loss."""
        self.gradients: dict[int, list[Var]] = {}
        """The gradients by iteration, for a problem without a network."""
        self.numbers: dict[str, Var] = {}
        """Learning rate, β and so on by name."""
        if problem.update:
            self._of_update(shapes)

    def _of_update(self, shapes: dict[Name, tuple[int, ...]]) -> None:
        """The gradients that are given, and the numbers of the update."""
        known = set(shapes)
        states = {at_start(stem, parameter): shape for parameter, shape in shapes.items() for stem in STATES}
        for name in self.problem.given:
            if name.via == ABOVE:
                continue
            if name.of is not None:
                plain = name._replace(index=(), iteration=1, of=None)
                if not name.index or set(name.index) == {1}:
                    gradient = self.builder.given(name._replace(index=()), shape=shapes[plain])
                    self.gradients.setdefault(name.iteration, []).append(gradient)
            elif name.stem in HYPER and name not in known and name.sample is None:
                self.numbers[str(name)] = self.builder.given(name)
            elif (whole := name._replace(index=())) in states and str(whole) not in self.numbers:
                self.numbers[str(whole)] = self.builder.given(whole, shape=states[whole])

    @property
    def received(self) -> list[Var]:
        """The inputs of all samples, and the initial states."""
        states = {quantity.number: quantity for of_sample in self.state for quantity in of_sample}
        return [*(quantity for of_sample in self.inputs for quantity in of_sample.values()), *states.values()]

    def pass_forward(self, parameters: Sequence[Var], iteration: int = 1, only: int | None = None) -> dict[int, Route]:
        """The forward pass of all samples, or of one alone, then the loss; returns the loss's routes for the way back.

        Where samples take turns, ``only`` says which; its lines do not, because the number of the iteration tells.
        """
        if isinstance(self.network, Graph):
            self.network.write(self.builder, parameters, self.fixed)
            return {}
        samples: dict[int | None, list[Compared]] = {}
        since = len(self.builder.steps)
        for index, sample in enumerate(self.network.numbers):
            own = index if only is None else only - 1
            given = Sample(self.inputs[own], self.state[own], self.targets[own], self.masks[own], sample)
            predictions = forward(self.builder, self.network, parameters, given, iteration)
            samples[sample] = [self._compared(time, prediction, self.targets[own].get(time)) for time, prediction in predictions]
        if self.handed:
            wanted = {name._replace(of=None, via=None, iteration=iteration): given for name, given in self.handed.items()}
            made = enumerate(self.builder.steps[since:], since)
            pairs = [(Var(position, step.shape), wanted[step.target]) for position, step in made if step.target in wanted]
            losses.handed_in(self.builder, pairs, iteration)
            return {}
        return losses.write(self.builder, self.problem.loss, samples, self.network.single, iteration)

    def _compared(self, time: int | None, prediction: Var, target: Var | None) -> Compared:
        if target is None:
            return Compared(time, prediction, None, ())
        name = self.builder.steps[target.number].target
        numbers = tuple(self.problem.given[name._replace(index=index)].value for index in entries(target.shape))
        return Compared(time, prediction, target, numbers)
