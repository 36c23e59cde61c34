"""Programs: they read as the textbook does, and refuse what contradicts itself."""

from fractions import Fraction

import pytest
from sweeps import of_examples

from bptt_trace.calculation.build import build
from bptt_trace.engine.formula import Var
from bptt_trace.engine.functions import tanh
from bptt_trace.engine.names import Name, Role, gradient
from bptt_trace.engine.program import Builder, Program, Step
from bptt_trace.engine.rules import intern, lower, record, rule_of
from bptt_trace.engine.scalar_program import scalars
from bptt_trace.errors import DesignError
from bptt_trace.problem.problem import load, parse

RNN = """\
w_xh = parameter
w_hh = parameter
b_h = parameter
w_hy = parameter
b_y = parameter
x_1 = given
x_2 = given
h_0 = given
target_1 = given
target_2 = given
eta = given
a_1 = w_xh * x_1 + w_hh * h_0 + b_h
h_1 = tanh(a_1)
y_1 = w_hy * h_1 + b_y
a_2 = w_xh * x_2 + w_hh * h_1 + b_h
h_2 = tanh(a_2)
y_2 = w_hy * h_2 + b_y
L_1 = (y_1 - target_1)^2
L_2 = (y_2 - target_2)^2
L = (1/T) * (L_1 + L_2)
dL/dy_2 = (2/T) * (y_2 - target_2)
dL/dh_2 = dL/dy_2 * w_hy
dL/da_2 = dL/dh_2 * (1 - h_2^2)
dL/dy_1 = (2/T) * (y_1 - target_1)
dL/dh_1 via y_1 = dL/dy_1 * w_hy
dL/dh_1 via a_2 = dL/da_2 * w_hh
dL/dh_1 = dL/dh_1 via y_1 + dL/dh_1 via a_2
dL/da_1 = dL/dh_1 * (1 - h_1^2)
dL/dw_xh via a_1 = dL/da_1 * x_1
dL/dw_xh via a_2 = dL/da_2 * x_2
dL/dw_xh = dL/dw_xh via a_1 + dL/dw_xh via a_2
dL/dw_hh via a_1 = dL/da_1 * h_0
dL/dw_hh via a_2 = dL/da_2 * h_1
dL/dw_hh = dL/dw_hh via a_1 + dL/dw_hh via a_2
dL/db_h via a_1 = dL/da_1
dL/db_h via a_2 = dL/da_2
dL/db_h = dL/da_1 + dL/da_2
dL/dw_hy via y_1 = dL/dy_1 * h_1
dL/dw_hy via y_2 = dL/dy_2 * h_2
dL/dw_hy = dL/dw_hy via y_1 + dL/dw_hy via y_2
dL/db_y via y_1 = dL/dy_1
dL/db_y via y_2 = dL/dy_2
dL/db_y = dL/dy_1 + dL/dy_2
w_xh' = w_xh - eta * dL/dw_xh
w_hh' = w_hh - eta * dL/dw_hh
b_h' = b_h - eta * dL/db_h
w_hy' = w_hy - eta * dL/dw_hy
b_y' = b_y - eta * dL/db_y
a_1@2 = w_xh' * x_1 + w_hh' * h_0 + b_h'
h_1@2 = tanh(a_1@2)
y_1@2 = w_hy' * h_1@2 + b_y'
a_2@2 = w_xh' * x_2 + w_hh' * h_1@2 + b_h'
h_2@2 = tanh(a_2@2)
y_2@2 = w_hy' * h_2@2 + b_y'
L_1@2 = (y_1@2 - target_1)^2
L_2@2 = (y_2@2 - target_2)^2
L@2 = (1/T) * (L_1@2 + L_2@2)
dh_2/dh_1 = w_hh * (1 - h_2^2)"""

FNN = """\
w_xh = parameter
b_h = parameter
w_hy = parameter
b_y = parameter
x = given
target = given
eta = given
a = w_xh * x + b_h
h = tanh(a)
y = w_hy * h + b_y
L = (y - target)^2
dy/dh = w_hy
dh/da = 1 - h^2
dL/dy = 2 * (y - target)
dL/dh = dL/dy * w_hy
dL/da = dL/dh * (1 - h^2)
dL/dw_xh = dL/da * x
dL/db_h = dL/da
dL/dw_hy = dL/dy * h
dL/db_y = dL/dy
w_xh' = w_xh - eta * dL/dw_xh
b_h' = b_h - eta * dL/db_h
w_hy' = w_hy - eta * dL/dw_hy
b_y' = b_y - eta * dL/db_y
a@2 = w_xh' * x + b_h'
h@2 = tanh(a@2)
y@2 = w_hy' * h@2 + b_y'
L@2 = (y@2 - target)^2"""

SHARED_WEIGHT = """\
w_hh = parameter
h_0 = given
a_1 = w_hh * h_0
h_1 = a_1
a_2 = w_hh * h_1
h_2 = a_2
L = h_2
dL/dh_2 = 1
dL/da_2 = dL/dh_2
dL/dh_1 = dL/da_2 * w_hh
dL/da_1 = dL/dh_1
dL/dw_hh via a_1 = dL/da_1 * h_0
dL/dw_hh via a_2 = dL/da_2 * h_1
dL/dw_hh = dL/dw_hh via a_1 + dL/dw_hh via a_2
dh_2/dh_1 = w_hh"""


@pytest.mark.parametrize(("example", "lines"), [("rnn", RNN), ("fnn", FNN), ("shared-weight", SHARED_WEIGHT)])
def test_a_program_reads_as_the_textbook_does(example, lines):
    """One line for each quantity, from the given numbers to the loss after the update."""
    assert lines.splitlines() == str(build(load(example))).splitlines()


def test_a_vector_program_is_written_with_matrices(net):
    """A cell writes its equation once, whatever the number of units."""
    program = build(net(n=2, d=3, k=2, outputs="last").problem)
    lines = str(program).splitlines()
    assert [
        "a_2 = W_xh @ x_2 + W_hh @ h_1 + b_h",
        "h_2 = tanh(a_2)",
        "y_2 = W_hy @ h_2 + b_y",
        "L[1] = (y_2[1] - target_2[1])^2",
        "L[2] = (y_2[2] - target_2[2])^2",
        "L = L[1] + L[2]",
        "dL/dy_2 = 2 * (y_2 - target_2)",
        "dL/dh_2 = W_hy.T @ dL/dy_2",
        "dL/da_2 = dL/dh_2 * (1 - h_2^2)",
        "dL/dh_1 = W_hh.T @ dL/da_2",
        "dL/da_1 = dL/dh_1 * (1 - h_1^2)",
        "dL/dW_xh via a_1 = dL/da_1 @ x_1.T",
        "dL/dW_xh via a_2 = dL/da_2 @ x_2.T",
        "dL/dW_xh = dL/dW_xh via a_1 + dL/dW_xh via a_2",
        "dL/dW_hh via a_1 = dL/da_1 @ h_0.T",
        "dL/dW_hh via a_2 = dL/da_2 @ h_1.T",
    ] == lines[lines.index("a_2 = W_xh @ x_2 + W_hh @ h_1 + b_h") :][:16]


def test_the_component_lines_of_a_vector_program(net):
    """Scalars are a view of the program: every component line is a line on its own."""
    lines = str(scalars(build(net(n=2, d=1, k=1).problem))).splitlines()
    assert "a_1[1] = W_xh[1,1] * x_1 + W_hh[1,1] * h_0[1] + W_hh[1,2] * h_0[2] + b_h[1]" in lines
    assert "a_2[2] = W_xh[2,1] * x_2 + W_hh[2,1] * h_1[1] + W_hh[2,2] * h_1[2] + b_h[2]" in lines
    assert "h_2[2] = tanh(a_2[2])" in lines
    assert "dL/dh_1[1] via a_2 = dL/da_2[1] * W_hh[1,1] + dL/da_2[2] * W_hh[2,1]" in [
        line.replace("W_hh[1,1] * dL/da_2[1]", "dL/da_2[1] * W_hh[1,1]").replace(
            "W_hh[2,1] * dL/da_2[2]", "dL/da_2[2] * W_hh[2,1]"
        )
        for line in lines
    ]
    assert "dL/dW_hh[2,1] via a_2 = dL/da_2[2] * h_1[1]" in lines


@pytest.mark.parametrize("example", ["rnn", "fnn", "rnn3", "nbis-chain", "shared-weight"])
def test_a_program_of_numbers_is_its_own_scalar_program(example):
    """Nothing is copied where there is nothing to lower."""
    program = build(load(example))
    assert scalars(program) is program


def test_lowering_twice_is_lowering_once(net):
    """The component lines are a program of numbers."""
    lowered = scalars(build(net(n=3, d=2, k=2).problem))
    assert scalars(lowered) is lowered
    assert {()} == {step.shape for step in lowered}


def test_components_keep_role_and_way(net):
    """Each component line has the role of its step, and flows back by a line of the same quantity."""
    program = build(net(n=2, d=2, k=2, T=3).problem)
    lowered = scalars(program)
    for step in lowered:
        whole = program[step.target._replace(index=())]
        assert whole.role is step.role
        if whole.through is not None:
            ways = lowered.steps[step.through].target, program.steps[whole.through].target
            assert ways[0]._replace(index=()) == ways[1]


# ------------------------------------------------------------ what is refused


def test_a_name_given_twice():
    """Every quantity has one line."""
    builder = Builder()
    builder.given(Name("x"))
    builder.given(Name("x"))
    with pytest.raises(DesignError, match="x is given twice"):
        builder.build()


@pytest.mark.parametrize("argument", [1, 2])
def test_a_step_uses_only_earlier_ones(argument):
    """A program is a straight line: nothing refers forward, or to itself."""
    rule, _ = rule_of(Var(0))
    steps = [Step(Name("x"), None, (), Role.GIVEN), Step(Name("y"), rule, (argument,), Role.OUTPUT)]
    with pytest.raises(DesignError, match="y uses a step that is not there yet"):
        Program(steps)


@pytest.mark.parametrize("arguments", [(), (0,), (0, 0, 0)])
def test_a_rule_is_filled_completely(arguments):
    """A step has as many arguments as its rule has places."""
    rule, _ = rule_of(Var(0) * Var(1))
    with pytest.raises(DesignError, match="y fills"):
        Program([Step(Name("x"), None, (), Role.GIVEN), Step(Name("y"), rule, arguments, Role.OUTPUT)])


# ---------------------------------------------------------------------- rules


def test_equal_formulas_share_one_rule():
    """A rule is compared by identity: equal formulas over other quantities are the same rule."""
    one, first = rule_of(Var(7) * Var(3) + Var(7))
    other, second = rule_of(Var(2) * Var(9) + Var(2))
    assert one is other
    assert ((7, 3), (2, 9)) == (first, second)
    assert rule_of(Var(3) + Var(7) * Var(3))[0] is not one
    assert intern(one.formula) is one


def test_every_time_step_uses_the_same_rules():
    """h_1 and h_9 are made by one rule, and so are their gradients."""
    program = build(long(10))
    for one, other in [("a_1", "a_9"), ("h_1", "h_9"), ("dL/dh_1", "dL/dh_8"), ("dL/dw_hh via a_1", "dL/dw_hh via a_9")]:
        assert program[Name.parse(one)].rule is program[Name.parse(other)].rule


def long(steps: int, hidden: int = 1):
    """A recurrent network over so many steps."""
    row = [0.25] * hidden
    weights = (
        "w_xh = 0.5\nw_hh = 0.5\nb_h = 0\nw_hy = 1\nb_y = 0"
        if hidden == 1
        else f"W_xh = {[[0.5]] * hidden}\nW_hh = {[row] * hidden}\nb_h = {row}\nW_hy = {[row]}\nb_y = 0"
    )
    return parse(
        f'[network]\ncell = "rnn"\nhidden = {hidden}\n[parameters]\n{weights}\n'
        f"[given]\nx = {[0.5] * steps}\ntarget = {[1] * steps}\n[update]\nlearning_rate = 0.1"
    )


@pytest.mark.parametrize("hidden", [1, 2])
def test_rules_do_not_grow_with_time(hidden):
    """Fifty steps have the rules of five."""
    few, many = (scalars(build(long(steps, hidden))) for steps in (5, 50))
    assert len(many) > 5 * len(few)
    assert len({step.rule for step in few}) == len({step.rule for step in many})


def test_a_cell_is_lowered_once():
    """The component lines of a rule are made once and kept."""
    rule, _ = rule_of(Var(0, (2, 2)) @ Var(1, (2,)))
    assert lower(rule) is lower(rule)


def test_a_tape_says_what_is_new_and_what_is_carried():
    """A recording refers to placeholders by number and to its own lines behind them."""
    tape = record(
        [(), ()], lambda let, slots: [let("h", 2, Role.HIDDEN, tanh(let("a", 2, Role.HIDDEN, slots[0] * slots[1]))), slots[1]]
    )
    assert [("a", 2, (0, 1)), ("h", 2, (2,))] == [(line.stem, line.layer, line.sources) for line in tape.lines]
    assert (3, 1) == tape.results


# ----------------------------------------------------------------- long sums


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        (1, "L = (1/T) * L_1"),
        (2, "L = (1/T) * (L_1 + L_2)"),
        (4, "L = (1/T) * (L_1 + L_2 + L_3 + L_4)"),
        (5, "L = (1/T) * (L_1 + … + L_5)"),
        (50, "L = (1/T) * (L_1 + … + L_50)"),
    ],
)
def test_a_long_sum_is_written_by_its_ends(steps, line):
    """Up to four terms stand in a line; beyond, the first and the last."""
    assert line in str(build(long(steps))).splitlines()


@pytest.mark.parametrize(
    "line",
    [
        "dL/dw_xh = dL/dw_xh via a_1 + … + dL/dw_xh via a_5",
        "dL/dw_hy = dL/dw_hy via y_1 + … + dL/dw_hy via y_5",
        "dL/db_h = dL/da_1 + … + dL/da_5",
    ],
)
def test_a_long_sum_of_contributions(line):
    """The gradient of a shared parameter over five steps names its first and last contribution."""
    assert line in str(build(long(5))).splitlines()


# ------------------------------------------------------------------- reading


def test_a_step_by_its_name():
    """A program is read by name; a step knows its formula over the program's steps."""
    program = build(load("rnn"))
    step = program[Name("h", time=2)]
    assert Role.HIDDEN is step.role
    assert tanh(program.at(Name("a", time=2))) == step.formula
    assert program[Name("x", time=1)].formula is None


def test_contributions_that_repeat_a_line():
    """A bias has factor 1: its contributions stand in the program and are marked as repeating."""
    program = build(load("rnn"))
    assert ["dL/db_h via a_1", "dL/db_h via a_2", "dL/db_y via y_1", "dL/db_y via y_2"] == [
        str(step.target) for step in program if step.repeats
    ]


@pytest.mark.parametrize("example", of_examples())
def test_every_name_of_a_program_is_read_back(example):
    """The text of each line's name is in the grammar of names."""
    for step in build(load(example)):
        assert step.target == Name.parse(str(step.target))


@pytest.mark.parametrize("example", of_examples())
def test_every_gradient_says_by_which_step_it_flows_back(example):
    """``through`` is the step whose gradient is passed on; a sum has none."""
    program = build(load(example))
    for step in program:
        if step.role is Role.CONTRIBUTION:
            assert step.target.via == program.steps[step.through].target
        if step.role is Role.UPDATE:
            source = program.steps[step.through]
            if source.role is Role.STATE:  # the gradient after clipping
                source = program.steps[source.through]
            assert gradient(step.target._replace(updated=False)) == source.target


def test_the_factor_of_a_loss_is_exact():
    """A half squared error has no factor left in its gradient; other factors stand in front."""
    for factor, line in [
        ("1/2", "dL/dy = y - target"),
        ("1", "dL/dy = 2 * (y - target)"),
        ("3/4", "dL/dy = (3/2) * (y - target)"),
    ]:
        assert line in str(build(load("fnn", [f'loss.factor="{factor}"']))).splitlines()


def test_the_sum_over_time_has_no_factor():
    """A sum over the time steps is a mean without 1/T."""
    lines = str(build(load("rnn", ["loss.over_time=sum"]))).splitlines()
    assert "L = L_1 + L_2" in lines
    assert "dL/dy_2 = 2 * (y_2 - target_2)" in lines
    assert Fraction(1) != build(load("rnn"))[Name("L")].rule
