"""Published worked examples: what they print, and where they are wrong."""

from decimal import Decimal
from fractions import Fraction

import pytest
from sweeps import at_once

from bptt_trace.engine.names import LOSS, Name
from bptt_trace.problem.problem import load
from bptt_trace.problem.rounding import Rounding

BY_HAND = [
    ("a_1", "0.6000"),
    ("h_1", "0.5370"),
    ("y_1", "0.3444"),
    ("a_2", "1.5296"),
    ("h_2", "0.9104"),
    ("y_2", "0.7925"),
    ("L_1", "0.0242"),
    ("L_2", "0.0431"),
    ("L", "0.0337"),
    ("dL/dy_2", "-0.2075"),
    ("dL/dh_2", "-0.2490"),
    ("dL/da_2", "-0.0426"),
    ("dL/dy_1", "-0.1556"),
    ("dL/dh_1 via y_1", "-0.1867"),
    ("dL/dh_1 via a_2", "-0.0341"),
    ("dL/dh_1", "-0.2208"),
    ("dL/da_1", "-0.1571"),
    ("dL/dw_xh via a_1", "-0.1571"),
    ("dL/dw_xh via a_2", "-0.0852"),
    ("dL/dw_xh", "-0.2423"),
    ("dL/dw_hh via a_1", "0.0000"),
    ("dL/dw_hh via a_2", "-0.0229"),
    ("dL/dw_hh", "-0.0229"),
    ("dL/db_h", "-0.1997"),
    ("dL/dw_hy via y_1", "-0.0836"),
    ("dL/dw_hy via y_2", "-0.1889"),
    ("dL/dw_hy", "-0.2725"),
    ("dL/db_y", "-0.3631"),
    ("w_xh'", "0.5242"),
    ("w_hh'", "0.8023"),
    ("b_h'", "0.1200"),
    ("w_hy'", "1.2273"),
    ("b_y'", "-0.2637"),
]


@pytest.fixture(scope="module")
def sheet(solved):
    """The one-neuron network over two steps, by hand to four places."""
    return solved(load("rnn"), Rounding())


@at_once(("name", "shown"), BY_HAND)
def test_the_two_step_sheet_by_hand(sheet, name, shown):
    """Thirty-three results, digit for digit."""
    assert shown == f"{sheet[Name.parse(name)]:f}"


def test_the_two_step_sheet_beside_its_lines(sheet, solved):
    """The loss after the update, the factor of one step back, and the largest distance from full precision."""
    assert ("0.0105", "0.1369") == (str(sheet[LOSS._replace(iteration=2)]), str(sheet[Name.parse("dh_2/dh_1")]))
    full = solved(load("rnn"))
    drift = {name: abs(float(sheet[Name.parse(name)]) - full[Name.parse(name)]) for name, _ in BY_HAND}
    assert ("dL/dw_xh via a_2", "0.00010") == (max(drift, key=drift.__getitem__), f"{max(drift.values()):.5f}")
    assert "-0.085304" == f"{full[Name.parse('dL/dw_xh via a_2')]:.6f}"


def reproduced(printed: str, value: float) -> bool:
    """Whether a value gives the printed digits; the 17th digit of a double may differ in its last unit."""
    unit = Decimal((0, (1,), Decimal(printed).as_tuple().exponent))
    return abs(Decimal(value) - Decimal(printed)) <= max(unit / 2, Decimal("4e-16") * abs(Decimal(printed)))


# S. (Sachin860), deep_learing / Untitled.ipynb, https://github.com/Sachin860/deep_learing
SACHIN = [
    ("h_1", "0.04995837"),
    ("h_2", "0.12433251"),
    ("h_3", "0.20903903"),
    ("L", "0.08378517767647224"),
    ("dL/dy_1", "-0.10002775"),
    ("dL/dy_2", "-0.18377833"),
    ("dL/dy_3", "-0.26064065"),
    ("dL/dw_hy", "-0.08233091265892165"),
    ("dL/db_y", "-0.5444467220306203"),
    ("dL/dw_xh", "-0.16062445174417353"),
    ("dL/dw_hh", "-0.04615923298359283"),
    ("dL/db_h", "-0.8041053042318597"),
    ("w_xh'", "0.5016062445174417"),
    ("w_hh'", "0.5004615923298359"),
    ("b_h'", "0.008041053042318596"),
    ("w_hy'", "1.0008233091265892"),
    ("b_y'", "0.005444467220306203"),
]


@at_once(("name", "printed"), SACHIN)
def test_a_notebook_over_three_steps(solved, name, printed):
    """Every number of the notebook is reproduced to its printed digits."""
    assert reproduced(printed, solved(load("sachin-rnn"))[Name.parse(name)])


# "Assignment: Backpropagation Through Time", task 6 and calculation challenge: h_t = w h_(t-1), L = h_T
SHARED = [
    ("shared-weight", "h_2", "18"),
    ("shared-weight", "L", "18"),
    ("shared-weight", "dL/dw_hh", "12"),
    ("shared-weight-4", "h_4", "0.0625"),
    ("shared-weight-4", "L", "0.0625"),
    ("shared-weight-4", "dL/dw_hh", "0.5"),
]


@at_once(("example", "name", "printed"), SHARED)
@at_once("policy", ["full", "carry", "exact"])
def test_a_shared_weight(solved, example, name, printed, policy):
    """Powers of one weight come out exactly."""
    value = solved(load(example), Rounding(policy))[Name.parse(name)]
    assert Fraction(printed) == Fraction(str(value))


@pytest.mark.parametrize(("weight", "steps", "printed"), [("0.6", 10, "0.00605"), ("1.4", 5, "5.38"), ("1.4", 10, "28.93")])
def test_powers_of_a_weight(solved, weight, steps, printed):
    """How an error shrinks or grows over T steps is the weight to the power T."""
    problem = load("shared-weight", [f"w_hh={weight}", f"network.steps={steps}", "h_0=1"])
    values = solved(problem)
    assert reproduced(printed, values[LOSS])
    factor = values[Name.parse(f"dh_{steps}/dh_1")]
    assert pytest.approx(float(Fraction(weight) ** (steps - 1)), rel=1e-13) == factor


# NBIS Sweden, workshop "Neural nets and deep learning", exercise_back_prop_guide.ipynb, commit 0fdf94e
NBIS = [
    ("x", "0.05"),
    ("a", "-0.095"),
    ("h", "0.476"),
    ("z", "0.443"),
    ("y", "0.609"),
    ("dL/dy", "0.599"),
    ("dy/dz", "0.238"),
    ("dz/dh", "0.3"),
    ("dh/da", "0.249"),
    ("dL/dw_hy", "0.0679"),
    ("w_hy'", "0.297"),
    ("dL/dw_xh", "0.000534"),
    ("w_xh'", "0.1"),
]


@at_once(("name", "printed"), NBIS)
def test_a_chain_of_two_sigmoids(solved, name, printed):
    """Every right number of the workshop is reproduced to its three figures."""
    assert printed == f"{solved(load('nbis-chain'))[Name.parse(name)]:.3g}"


@pytest.mark.parametrize(
    ("name", "published", "verified", "mistake"),
    [
        ("x", "5", 0.05, "the input is printed from a fixed 5.0"),
        ("L", "-0.299", 0.17936764453811835, "the square of the error was forgotten: (target - y)/2"),
        ("dL/dw_hy", "0.0577", 0.06792883494534964, "the text has a number that the table below it has not"),
    ],
)
def test_published_mistakes(solved, name, published, verified, mistake):
    """Where the workshop is wrong, the verified value is what comes out."""
    value = solved(load("nbis-chain"))[Name.parse(name)]
    assert pytest.approx(verified, rel=1e-15) == value
    assert published != f"{value:.3g}", mistake


def test_how_a_squared_loss_became_negative(solved):
    """The published loss is the halved difference of target and output."""
    values = solved(load("nbis-chain"))
    assert "-0.299" == f"{(values[Name('target')] - values[Name('y')]) / 2:.3g}"


@pytest.mark.parametrize(
    ("name", "shown"), [("a", "-0.0950"), ("h", "0.476"), ("z", "0.443"), ("y", "0.609"), ("L", "0.179"), ("dL/dw_hy", "0.0681")]
)
def test_the_chain_in_three_figures(solved, name, shown):
    """By hand, rounding every line, the forward pass is the workshop's; the gradient drifts by two units from its 0.0679."""
    problem = load("nbis-chain")
    assert shown == f"{solved(problem, problem.rounding)[Name.parse(name)]:f}"
