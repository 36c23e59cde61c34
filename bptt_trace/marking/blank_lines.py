"""Lines that a student left blank: the value with which a later answer is right."""

from __future__ import annotations

from bptt_trace.marking.key import Key, World


def absurd(key: Key, blank: int, value: float) -> bool:
    """Whether this value is too far off to be a student's: such a value would explain any answer."""
    exact = key.exact[blank]
    return abs(value) > 100 * max(abs(exact), 10 * key.quantum[blank])


def solved(key: Key, world: World, blank: int, position: int, goal: float) -> float | None:
    """The value of a blank line with which a later answer is right (secant method)."""
    way = _way(key, world, blank, position)

    def off(value: float) -> float | None:
        moved: dict[int, float] = {blank: value}
        for line in way:
            there = world.rule(line, moved)
            if there is None:
                return None
            moved[line] = there
        return moved[position] - goal

    start = world.value(blank)
    if start is None:
        return None
    left, right = start, start + max(abs(start), 1.0) * 1e-3
    low, high = off(left), off(right)
    for _ in range(40):
        if low is None or high is None or high == low:
            return None
        left, right = right, right - high * (right - left) / (high - low)
        low, high = high, off(right)
        if high is not None and abs(high) <= 1e-12 * max(1.0, abs(goal)):
            return right
    return None


def _way(key: Key, world: World, blank: int, position: int) -> list[int]:
    """The lines by which a blank line acts on a later answer, in order, and that answer."""
    on_the_way = {blank}
    for line in (*world.behind(key.arguments[position]), position):
        if not on_the_way.isdisjoint(key.arguments[line]):
            on_the_way.add(line)
    return sorted(on_the_way - {blank})
