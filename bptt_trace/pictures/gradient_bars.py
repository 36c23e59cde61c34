"""A figure of bars for the reach of an error back in time."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from bptt_trace.document.figures import Bar, Bars
from bptt_trace.document.mathematics import NOTHING, MathRow
from bptt_trace.document.sentences import Inline, in_a_row, inline, say
from bptt_trace.lines.desk import Desk
from bptt_trace.pictures.boxes import Quantity
from bptt_trace.pictures.network_picture import MOST_BARS


def gradient_flow(desk: Desk) -> Bars | None:
    """The remaining share of an error of the last step at each earlier step: products of slopes between states."""
    factors, last = desk.parts.factors, desk.last_time
    if not factors or last < 3 or desk.values.rounding.policy == "exact":
        return None
    end = desk.steps[factors[0]].target.of
    assert end is not None
    earlier = range(1, last)
    times = list(earlier) if last <= MOST_BARS else [1, 2, *earlier[-3:]]
    left = {time: desk.find(end._replace(time=time, of=end)) for time in times}
    products = {time: position for time, position in left.items() if position is not None}
    highest = max((abs(_number(desk, position)) for position in products.values()), default=Decimal(0))
    bars: list[Bar] = []
    for time, position in products.items():
        if bars and time - 1 not in times:
            bars.append(Bar(MathRow("…"), NOTHING, dots=True))
        bars.append(_bar(desk, position, highest))
    title = inline("How far an error reaches back: what is left of an error at {end}", end=desk.speller.math(end))
    said = [Quantity(bar.name, (bar.value,) if bar.value else ()).told() for bar in bars if not bar.dots]
    alternative: Inline = inline("What is left of an error at the last step: {said}.", said=in_a_row(say("; "), said))
    return Bars("gradient-flow", title, tuple(bars), alternative)


def _number(desk: Desk, position: int) -> Decimal:
    """The printed number of a line; 0 if the line has none."""
    try:
        return Decimal(desk.value(position).text)
    except InvalidOperation:
        return Decimal(0)


def _bar(desk: Desk, product: int, highest: Decimal) -> Bar:
    """The bar of one time step: the slope of the last state in this one; its arrow: that of the next state."""
    state = desk.steps[product].target
    assert state.time is not None
    value = desk.value(product)
    height = abs(_number(desk, product)) * 1000 / highest if highest else Decimal(0)
    after = state._replace(time=state.time + 1, of=None)
    step = desk.find(state._replace(of=after)) if after != state.of else None
    return Bar(
        name=desk.name(product),
        value=value,
        parts=(("carried", int(height.to_integral_value())),) if value else (),
        factor=desk.value(step) if step is not None else NOTHING,
    )
