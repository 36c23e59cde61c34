"""Precision: every line is its exact value, rounded, however much its terms cancel and however small its numbers are."""

from __future__ import annotations

import random
from decimal import localcontext
from typing import Any

from law import Digits, evaluate, number, read_json

from bptt_trace import CalculationError, solve
from bptt_trace.problem import from_document

ROUNDINGS = [{"figures": count} for count in (3, 5, 12, 15)] + [{"places": count} for count in (12, 13, 14, 15)]
PARAMETERS = {"lstm": "ifgo", "gru": "rzn", "slstm": "ifzo"}


def saturated(seed: int) -> dict[str, Any]:
    """A cell with gates over two steps, whose memory may be as large as 40."""
    draw = random.Random(seed)
    cell = draw.choice(sorted(PARAMETERS))

    def typed(largest: float) -> str:
        return f"{draw.uniform(-largest, largest):.{draw.randint(0, 4)}f}"

    gates = PARAMETERS[cell]
    parameters = {f"{kind}{gate}": typed(6) for gate in gates for kind in ("w_x", "w_h", "b_")}
    given = {"x": [typed(2), typed(2)], "target": [typed(1), typed(1)], "h_0": typed(40 if cell == "gru" else 1)}
    if cell != "gru":
        given["c_0"] = typed(40)
    if cell == "slstm":
        given |= {"n_0": "1", "m_0": typed(3)}
    return {
        "network": {"cell": cell},
        "parameters": parameters | {"w_hy": typed(2), "b_y": typed(2)},
        "given": given,
        "update": {"learning_rate": "0.1"},
        "rounding": draw.choice(ROUNDINGS),
    }


def false_lines(document: dict[str, Any]) -> list[str]:
    """The lines whose printed result is not what a calculator with 80 digits gives; and what the program says."""
    try:
        solution = solve(from_document(document), steps="full")
    except CalculationError as error:
        assert "division by zero" in str(error), document  # a normaliser of an sLSTM that is 0 with the digits kept
        return []
    rounding = solution.problem.rounding
    how = Digits(rounding.figures or rounding.places, rounding.figures is not None)
    found = [
        f"{row.name} = {row.numbers} = {row.result}"
        for section in read_json(solution.to_json())
        for row in section
        if how.of(row.name).rounded(evaluate(row.numbers)) != number(row.result)
    ]
    with localcontext():
        try:
            exec(compile(solution.to_code(), "sheet", "exec"), {"print": lambda *_: None})
        except SystemExit as error:
            found.append(f"-f python: {error}")
    return found
