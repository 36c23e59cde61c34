"""Mistakes with gates, cells and sequences: each is told as itself, in every cell that has what it is about."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from cell_mistakes import ALIKE, ALSO_OF_CELLS, OF_CELLS, problem_with
from students import assert_diagnosed

from bptt_trace.check import Key
from bptt_trace.misconceptions import cells
from bptt_trace.misconceptions.catalogue import CATALOGUE
from bptt_trace.problem import from_document

HOMES = [
    pytest.param(slug, tuple(network.items()), way, id=f"{slug}-{'-'.join(map(str, network.values()))}-{way}")
    for slug, homes in (OF_CELLS | ALSO_OF_CELLS).items()
    for network, way in homes
]


@cache
def key(network: tuple[tuple[str, Any], ...]) -> Key:
    return Key(from_document(problem_with(dict(network))))


@pytest.mark.parametrize(("slug", "network", "way"), HOMES)
def test_each_is_diagnosed_as_itself(slug: str, network: tuple[tuple[str, Any], ...], way: int) -> None:
    """Whoever makes one mistake at every place where it can be made is told that mistake and no other."""
    assert_diagnosed(key(network), slug, way, ALIKE.get(slug, ""))


def test_every_mistake_of_cells_has_a_home() -> None:
    """The file of the catalogue and the table of fixtures have the same slugs."""
    entered = {one.slug for one in CATALOGUE if one.change.__module__ == cells.__name__ or one.slug in OF_CELLS}
    assert entered == set(OF_CELLS)


def test_none_is_offered_where_a_network_has_nothing_of_it() -> None:
    """A simple recurrent network with one bias has no gate, no cell and no other direction."""
    simple = key((("cell", "rnn"), ("hidden", 1)))
    assert not {one.slug for one, _ in simple.changes} & set(OF_CELLS)
