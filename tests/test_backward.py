"""Gradients, against central differences of a network written down a second time."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import crooked
from sweeps import at_once, each_once, runs

from bptt_trace.calculation.build import build
from bptt_trace.engine.formula import Var
from bptt_trace.engine.functions import leaky_relu, relu, sigmoid, softplus, tanh
from bptt_trace.engine.gradients import backward
from bptt_trace.engine.names import LOSS, Name, Role, gradient
from bptt_trace.engine.program import Builder
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import DesignError
from bptt_trace.problem.problem import load

TABLE = ["identity", "tanh", "sigmoid", "relu", "leaky_relu", "softplus"]
OWN = ["z/(1+abs(z))", "z*sigmoid(z)", "sin(z) + z^3/10", "exp(-z^2)*cos(2*z)", "ln(1 + z^2) - sqrt(z^2 + 1)/3"]


def distance(network, values) -> float:
    """How far the gradients of a network are from central differences, relative to their size."""
    worst = 0.0
    for key in network.start:
        if key in network.freeze or key.partition("[")[0] in network.freeze:
            continue
        expected = network.slope(key)
        met = values[Name.parse(f"dL/d{key}")]
        worst = max(worst, float(abs(met - expected) / (abs(expected) + 1e-3)))
    return worst


SIZES = list(product([1, 2, 3], [1, 2], [1, 2]))
CASES = [
    {
        "T": T,
        "n": n,
        "d": d,
        "k": k,
        "activation": activation,
        "output_activation": (["identity", "identity", *TABLE, OWN[0]])[place % 9],
        "outputs": ("every", "last")[place % 2],
        "over_time": ("mean", "sum")[place // 2 % 2],
        "factor": ("1", "1/2", "3")[place % 3],
        "bias": place % 5 != 0,
        "readout": place % 7 != 0,
        "seed": place,
    }
    for place, (activation, T, (n, d, k)) in enumerate(
        (activation, T, SIZES[(7 * i + 5 * j) % 12])
        for (i, activation), (j, T) in product(enumerate([*TABLE, *OWN]), enumerate([1, 2, 4, 6]))
    )
]


def features(case):
    """What of a case every run wants to have seen."""
    return {(key, case[key]) for key in case if key != "seed"} | {(case["T"], case["n"])}


@pytest.mark.parametrize("case", each_once(CASES, features), ids=lambda case: "-".join(map(str, case.values())))
def test_gradients_of_a_recurrent_network(net, solved, case):
    """Loss, gradients, updated parameters and the loss after the update agree with an independent calculation."""
    network = net(**case)
    values = solved(network.problem)
    assert pytest.approx(float(network.loss(network.start)), rel=1e-13) == values[LOSS]
    assert distance(network, values) < 1e-11
    moved = {key: start - network.slope(key) / 10 for key, start in network.start.items()}
    for key, value in moved.items():
        stem, bracket, index = key.partition("[")
        assert pytest.approx(float(value), rel=1e-11, abs=1e-14) == values[Name.parse(f"{stem}'{bracket}{index}")]
    assert pytest.approx(float(network.loss(moved)), rel=1e-10) == values[LOSS._replace(iteration=2)]


@pytest.mark.parametrize(
    ("activation", "size"), list(zip([*TABLE, *OWN, "tanh"], SIZES, strict=True)), ids=lambda value: str(value)
)
@pytest.mark.parametrize("output_activation", ["identity", "sigmoid"])
def test_gradients_of_a_feedforward_network(net, solved, activation, size, output_activation):
    """Without time, a quantity has one gradient line and the same agreement."""
    n, d, k = size
    network = net(cell="dense", n=n, d=d, k=k, activation=activation, output_activation=output_activation, factor="1/2")
    values = solved(network.problem)
    assert pytest.approx(float(network.loss(network.start)), rel=1e-13) == values[LOSS]
    assert distance(network, values) < 1e-11
    assert not [step for step in values.program if step.role is Role.CONTRIBUTION]


@runs(60)
@given(
    st.fixed_dictionaries(
        {
            "cell": st.sampled_from(["rnn", "rnn", "dense"]),
            "T": st.integers(1, 6),
            "n": st.integers(1, 3),
            "d": st.integers(1, 3),
            "k": st.integers(1, 3),
            "activation": st.sampled_from([*TABLE, *OWN]),
            "output_activation": st.sampled_from([*TABLE, *OWN]),
            "outputs": st.sampled_from(["every", "last"]),
            "over_time": st.sampled_from(["mean", "sum"]),
            "factor": st.sampled_from(["1", "1/2", "5/3"]),
            "bias": st.booleans(),
            "readout": st.booleans(),
            "seed": st.integers(0, 10**6),
        }
    )
)
def test_gradients_of_any_network(net, solved, case):
    """No combination of sizes and conventions parts the gradients from the central differences."""
    network = net(**case, learning_rate=None)
    assert distance(network, solved(network.problem)) < 1e-10


# ------------------------------------------------- the oracle would notice


@pytest.mark.parametrize("function", [tanh, sigmoid, softplus, relu(), leaky_relu()], ids=repr)
@pytest.mark.parametrize("cell", ["rnn", "dense"])
def test_a_slope_off_by_a_thousandth_is_noticed(net, solved, function, cell):
    """The comparison above fails for a derivative that is wrong in the fourth digit."""
    network = net(cell=cell, T=4, n=2, activation=function.name, seed=3)
    problem = network.problem
    wrong = replace(problem, network=replace(problem.network, cells=(type(problem.network.cells[0])(crooked(function)),)))
    assert distance(network, solved(problem)) < 1e-11
    assert distance(network, solved(wrong)) > 1e-5


# ----------------------------------------------------------- contributions


@pytest.mark.parametrize(
    "case", [{}, {"T": 4, "n": 2, "d": 2, "k": 2}, {"T": 6, "outputs": "last"}, {"T": 6, "n": 3, "bias": False}]
)
def test_contributions_sum_to_their_total(net, solved, case):
    """Wherever a gradient has several sources, it is the sum of what arrives by each."""
    values = solved(net(**case).problem)
    parts = defaultdict(list)
    for step, value in zip(values.program, values.numbers, strict=True):
        if step.role is Role.CONTRIBUTION:
            parts[step.target._replace(via=None)].append(value)
    assert parts
    for name, terms in parts.items():
        assert len(terms) > 1
        assert pytest.approx(sum(terms), rel=1e-12, abs=1e-15) == values[name]


@pytest.mark.parametrize("T", [2, 3, 6])
def test_every_hidden_state_but_the_last_has_two_sources(net, T):
    """Direct through its own output, carried through the next step; the last has the direct one only."""
    program = build(net(T=T).problem)
    for t in range(1, T):
        h = Name("h", time=t)
        assert program[gradient(h, Name("y", time=t))].role is Role.CONTRIBUTION
        assert program[gradient(h, Name("a", time=t + 1))].role is Role.CONTRIBUTION
        assert 1 + program.index[gradient(h, Name("a", time=t + 1))] == program.index[gradient(h)]
    assert [f"dL/dh_{T}"] == [str(step.target) for step in program if str(step.target).startswith(f"dL/dh_{T}")]


def test_with_one_output_every_gradient_of_a_state_is_carried(net):
    """Many-to-one: a hidden state has one source, and therefore no ``via``."""
    program = build(net(T=4, outputs="last").problem)
    assert ["dL/dh_4", "dL/dh_3", "dL/dh_2", "dL/dh_1"] == [
        str(step.target) for step in program if step.target.of == LOSS and step.target.stem == "h"
    ]
    assert "dL/dw_hy = dL/dy_4 * h_4" in str(program).splitlines()


@pytest.mark.parametrize("n", [1, 2])
def test_contributions_that_only_repeat_exist_by_name(net, solved, n):
    """The share of a bias at one step equals the gradient of that step's pre-activation."""
    values = solved(net(T=3, n=n).problem)
    for t, i in product((1, 2, 3), range(1, n + 1)):
        index = (i,) if n > 1 else ()
        a = Name("a", time=t)
        assert values[gradient(a._replace(index=index))] == values[gradient(Name("b_h", index=index), a)]


@pytest.mark.parametrize("n", [1, 2])
def test_every_time_step_contributes_to_a_shared_parameter(net, n):
    """T uses make T contributions, each named by the quantity through which it arrives."""
    program = build(net(T=6, n=n).problem)
    stem = "W_hh" if n > 1 else "w_hh"
    assert [f"dL/d{stem} via a_{t}" for t in range(1, 7)] + [f"dL/d{stem}"] == [
        str(step.target) for step in program if step.target.of == LOSS and step.target.stem == stem
    ]


# -------------------------------------------------------------------- freeze


@pytest.mark.parametrize("frozen", [("b_h",), ("w_hh",), ("b_h", "b_y"), ("w_xh", "w_hh", "b_h"), ("w_hy", "b_y")])
def test_a_frozen_parameter_has_no_gradient_and_no_update(net, solved, frozen):
    """The other gradients are what they were, and the next pass uses the frozen parameter itself."""
    network = net(T=3, freeze=frozen)
    values = solved(network.problem)
    names = {str(step.target) for step in values.program}
    for stem in network.start:
        assert (stem not in frozen) == (f"dL/d{stem}" in names) == (f"{stem}'" in names)
    assert distance(network, values) < 1e-11
    moved = {key: start - (0 if key in frozen else network.slope(key) / 10) for key, start in network.start.items()}
    assert pytest.approx(float(network.loss(moved)), rel=1e-10) == values[LOSS._replace(iteration=2)]


def test_a_matrix_can_be_frozen(net, solved):
    """Freezing goes by the name that the problem file uses."""
    network = net(n=2, freeze=("W_hh",))
    assert distance(network, solved(network.problem)) < 1e-11
    assert not [step for step in build(network.problem) if step.target.stem == "W_hh" and step.role is not Role.PARAMETER]


def test_with_everything_frozen_nothing_is_learnt(net, solved):
    """No gradient, no update, and the second loss is the first."""
    values = solved(net(freeze=("w_xh", "w_hh", "b_h", "w_hy", "b_y")).problem)
    assert not [step for step in values.program if step.role in (Role.GRADIENT, Role.CONTRIBUTION, Role.UPDATE)]
    assert values[LOSS] == values[LOSS._replace(iteration=2)]


def test_without_an_update_the_program_ends_with_the_gradients(net):
    """No learning rate, no second pass."""
    program = build(net(learning_rate=None).problem)
    assert {1} == {step.target.iteration for step in program}
    assert gradient(Name("b_y")) in program.index
    assert Name("eta") not in program.index


# ---------------------------------------------------------------------- flow


@at_once("activation", ["tanh", "sigmoid", "identity", "softplus", "z/(1+abs(z))"])
@at_once("T", [2, 3, 6])
def test_products_of_factors_are_derivatives_of_the_last_state(net, solved, mp, activation, T):
    """∂h_T/∂h_t is what central differences of the unrolled network give, for every t."""
    network = net(T=T, activation=activation, seed=T)
    values = solved(network.problem)
    states = [h for (h,) in network.states(network.start)]
    step = mp.mpf("1e-15")
    for t in range(1, T):
        above, below = (network.states(network.start, t + 1, [states[t - 1] + sign * step]) for sign in (1, -1))
        for last in {t + 1, T}:
            expected = (above[last - t - 1][0] - below[last - t - 1][0]) / (2 * step)
            assert pytest.approx(float(expected), rel=1e-12) == values[Name("h", time=t, of=Name("h", time=last))]


@pytest.mark.parametrize("output_activation", ["identity", "sigmoid"])
@pytest.mark.parametrize("activation", TABLE)
def test_the_links_of_a_feedforward_chain_multiply_to_its_gradients(net, solved, activation, output_activation):
    """∂L/∂y times the links from the output back is the gradient of every quantity on the way."""
    values = solved(net(cell="dense", activation=activation, output_activation=output_activation, seed=4).problem)
    way = ["y", "h", "a"] if output_activation == "identity" else ["y", "z", "h", "a"]
    so_far = values[Name.parse("dL/dy")]
    for after, before in pairwise(way):
        so_far *= values[Name.parse(f"d{after}/d{before}")]
        assert pytest.approx(so_far, rel=1e-14) == values[Name.parse(f"dL/d{before}")]


@pytest.mark.parametrize("case", [{"T": 1}, {"cell": "dense", "n": 2}, {"cell": "dense", "k": 2}, {"n": 2}])
def test_without_a_way_from_number_to_number_there_are_no_factors(net, case):
    """One step, or a layer of several units: no factor lines."""
    assert not [step for step in build(net(**case).problem) if step.role is Role.FACTOR]


# --------------------------------------------------------------------- design


def test_a_parameter_that_the_loss_does_not_meet():
    """A gradient that cannot exist is an error of design, not a silent zero."""
    builder = Builder()
    used, _ = builder.given(Name("w"), Role.PARAMETER), builder.given(Name("v"), Role.PARAMETER)
    builder.let(LOSS, used**2, Role.LOSS)
    with pytest.raises(DesignError, match="does not depend on v"):
        backward(builder.build())


def test_backward_only_appends():
    """The forward pass stays as it was written, line by line."""
    builder = Builder()
    w = builder.given(Name("w"), Role.PARAMETER)
    builder.let(LOSS, tanh(w) ** 2, Role.LOSS)
    program = builder.build()
    assert program.steps == backward(program).steps[:2]
    assert "dL/dw = 2 * tanh(w) * (1 - tanh(w)^2)" == str(backward(program)).splitlines()[-1]


def test_several_uses_in_one_formula_are_one_line():
    """What comes in is factored out; the uses stand in a bracket."""
    builder = Builder()
    w = builder.given(Name("w"), Role.PARAMETER)
    x, y = builder.given(Name("x")), builder.given(Name("y"))
    h = builder.let(Name("h"), w * x - w * y, Role.HIDDEN)
    builder.let(LOSS, h**2, Role.LOSS)
    assert ["dL/dh = 2 * h", "dL/dw = dL/dh * (x - y)"] == str(backward(builder.build())).splitlines()[-2:]


def test_a_number_used_by_every_unit_collects_from_all():
    """One shared bias of a layer of two units receives the sum over the units."""
    builder = Builder()
    b = builder.given(Name("b"), Role.PARAMETER)
    x = builder.given(Name("x"), shape=(2,))
    a = builder.let(Name("a"), x + b, Role.PREACTIVATION)
    builder.let(LOSS, (Var(x.number, (2,)).T @ tanh(a)), Role.LOSS)
    program = backward(builder.build())
    assert "dL/db = total(dL/da)" == str(program).splitlines()[-1]
    assert "dL/db = dL/da[1] + dL/da[2]" == str(scalars(program)).splitlines()[-1]


def test_gradients_at_work_in_the_examples(solved):
    """The sign of every update is against its gradient."""
    values = solved(load("rnn"))
    for stem in ("w_xh", "w_hh", "b_h", "w_hy", "b_y"):
        change = values[Name(stem, updated=True)] - values[Name(stem)]
        assert change * values[gradient(Name(stem))] < 0
