"""Side calculations of sentences: values that go into further ones, and leave the rows as they are."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from sweeps import of_examples, solution

from bptt_trace.calculation.unrounded import unrounded
from bptt_trace.document.notation import TEXT
from bptt_trace.engine.formula import Var
from bptt_trace.lines.desk import Desk
from bptt_trace.worked_solution.sections import sections
from bptt_trace.worked_solution.writer import Writer


def desk_of(name: str, rounding: str | None = None) -> Desk:
    one = solution(name, rounding=rounding)
    return Desk(one.problem, one.program, one.values, unrounded(one.program, one.problem.given), detail="both")


def rounded(number: Fraction, places: int = 4) -> Decimal:
    """Half up, by whole numbers alone."""
    scaled = Decimal(number.numerator) / Decimal(number.denominator)
    return scaled.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


@pytest.mark.parametrize("name", of_examples())
def test_a_sheet_leaves_its_rows_as_they_are(name: str) -> None:
    """Whatever its sentences calculate: numbers and strings are those of the steps, before and after."""
    desk = desk_of(name)
    numbers, going_on, texts = list(desk.numbers), list(desk.unrounded), list(desk.shown.bare[TEXT])
    assert all(section is not None for section in sections(Writer(desk)))
    assert (numbers, going_on, texts) == (list(desk.numbers), list(desk.unrounded), list(desk.shown.bare[TEXT]))
    assert len(texts) == len(desk.steps)


@pytest.mark.parametrize("rounding", ["4dp", "carry:4dp"])
def test_a_result_goes_into_a_further_calculation(rounding: str) -> None:
    """Sum times difference, each from what is carried on; with two digits less it would be another number."""
    desk = desk_of("rnn", rounding)
    one, other = (position for position, step in enumerate(desk.steps) if str(step.target) in ("h_1", "h_2"))
    total, difference = desk.calculate(Var(one) + Var(other)), desk.calculate(Var(one) - Var(other))
    product = desk.calculate(total.variable * difference.variable)
    parts = [Fraction(desk.unrounded[position]) for position in (one, other)]
    expected = (parts[0] + parts[1]) * (parts[0] - parts[1])
    if rounding == "4dp":
        expected = Fraction(rounded(parts[0] + parts[1])) * Fraction(rounded(parts[0] - parts[1]))
    assert product.value.text == str(rounded(expected)) == f"{product.number}"
    printed = [value.text if value.text[0] != "-" else f"({value.text})" for value in (total.value, difference.value)]
    assert product.equation.text.split(" = ")[0].split(" ~ ")[0] == " * ".join(printed)


def test_results_that_come_to_the_same_are_two() -> None:
    """A number minus an equal one is written with both, and a result that is used twice is one variable."""
    desk = desk_of("rnn")
    place = next(position for position, step in enumerate(desk.steps) if str(step.target) == "h_1")
    one, other = desk.calculate(2 * Var(place)), desk.calculate(Var(place) + Var(place))
    assert one.variable != other.variable
    assert desk.calculate(one.variable - other.variable).equation.text == f"{one.value.text} - {other.value.text} = 0.0000"
    assert desk.calculate(one.variable / one.variable).equation.text == f"{one.value.text} / {one.value.text} = 1.0000"


def test_a_result_has_no_place_among_the_steps() -> None:
    """Looking it up there is an error, and not the number of another line."""
    desk = desk_of("rnn")
    result = desk.calculate(Var(0) + Var(1))
    with pytest.raises(IndexError):
        desk.printed(result.variable.number)
    assert desk.as_calculation(result.variable).number == result.number
