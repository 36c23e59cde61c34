"""How far an error reaches back: slopes between states, their products, and what the sheet of ``flow`` says of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from networks import filled, sequence

from bptt_trace.build import build
from bptt_trace.evaluate import WORKING, Precise, run
from bptt_trace.lowering import scalars
from bptt_trace.names import Name
from bptt_trace.parts import one_step
from bptt_trace.problem import Problem, from_document
from bptt_trace.program import Role

NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("h", {"cell": "rnn"}),
    ("h", {"cell": "rnn", "activation": "sigmoid", "biases": 2}),
    ("h", {"cell": "rnn", "feedback": "output"}),
    ("h", {"cell": "gru"}),
    ("h", {"cell": "gru", "reset": "before", "keeps": "1 - z"}),
    ("h", {"cell": "gru", "biases": 2}),
    ("c", {"cell": "lstm"}),
    ("c", {"cell": "lstm", "peepholes": True}),
    ("c", {"cell": "lstm", "feedback": "output"}),
    ("c", {"cell": "slstm"}),
    ("c", {"cell": "slstm", "stabiliser": False, "forget": "sigmoid"}),
]
"""The state that is followed, and the keys of the network."""
SMALL = Decimal("1e-20")


def problem(network: dict[str, Any], T: int = 4) -> Problem:
    return from_document(filled(network, {"x": sequence(T), "target": sequence(T, seed=2)}))


@pytest.mark.parametrize(("memory", "network"), NETWORKS, ids=str)
def test_a_factor_is_a_central_difference_with_the_other_states_held(memory: str, network: dict[str, Any]) -> None:
    """The state before is moved a little, with 60 digits; what the step makes of it is the factor."""
    one = problem(network)
    program = scalars(build(one))
    numbers = run(program, one.given, Precise())
    value = {step.target: number for step, number in zip(program.steps, numbers, strict=True)}
    others = set(one.network.cells[0].state) - {memory}
    factors = [step.target for step in program.steps if step.role is Role.FACTOR]
    singles = [target for target in factors if one_step(target)]
    assert [(4, 3), (3, 2), (2, 1)] == [(target.of.time, target.time) for target in singles if target.of]
    for target in singles:
        assert target.of is not None
        before = target._replace(of=None)
        held: dict[Name, Any] = {(name := before._replace(stem=stem)): value[name] for stem in others}
        moved = [
            run(program, one.given, Precise(), {**held, before: value[before] + by})[program.index[target.of]]
            for by in (SMALL, -SMALL)
        ]
        assert abs((moved[0] - moved[1]) / (2 * SMALL) - value[target]) < Decimal("1e-15")


@pytest.mark.parametrize(("memory", "network"), NETWORKS, ids=str)
def test_a_product_is_that_of_its_factors(memory: str, network: dict[str, Any]) -> None:
    """``dh_4/dh_1`` is ``dh_4/dh_3 · dh_3/dh_2 · dh_2/dh_1``."""
    one = problem(network)
    program = scalars(build(one))
    numbers = run(program, one.given, Precise())

    def at(late: int, early: int) -> Any:
        return numbers[program.index[Name(memory, time=early, of=Name(memory, time=late))]]

    for early in (1, 2):
        product = Decimal(1)
        for time in range(early, 4):
            product = WORKING.multiply(product, at(time + 1, time))
        assert abs(product - at(4, early)) < Decimal("1e-40")


def test_along_the_cell_the_factor_is_the_forget_gate() -> None:
    """The constant error carousel: one line, one name."""
    for cell in ("lstm", "slstm"):
        lines = str(build(problem({"cell": cell}, 3))).splitlines()
        assert ["dc_3/dc_2 = f_3", "dc_2/dc_1 = f_2", "dc_3/dc_1 = dc_3/dc_2 * dc_2/dc_1"] == lines[-3:]


@pytest.mark.parametrize("network", [{"hidden": 2}, {"hidden": [1, 1]}, {"bidirectional": True}], ids=str)
def test_vectors_and_several_layers_have_no_factors(network: dict[str, Any]) -> None:
    """There a slope between states is a matrix, or not the only way back."""
    assert not any(step.role is Role.FACTOR for step in build(problem({"cell": "rnn", **network})))
