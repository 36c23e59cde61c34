"""Names: text to value and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import at_once

from bptt_trace import load, solve
from bptt_trace.engine.names import LOSS, WHOLE_LOSS, Name, gradient
from bptt_trace.errors import UnknownName

SPELLINGS = [
    ("x_2", Name("x", time=2)),
    ("a_2", Name("a", time=2)),
    ("h_2", Name("h", time=2)),
    ("y_2", Name("y", time=2)),
    ("z_2", Name("z", time=2)),
    ("target_2", Name("target", time=2)),
    ("L_2", Name("L", time=2)),
    ("x", Name("x")),
    ("target", Name("target")),
    ("L", LOSS),
    ("h_0", Name("h", time=0)),
    ("h(1)", Name("h", layer=1)),
    ("a(2)_3", Name("a", layer=2, time=3)),
    ("w_xh", Name("w_xh")),
    ("b_y", Name("b_y")),
    ("W_hh", Name("W_hh")),
    ("h_2[1]", Name("h", time=2, index=(1,))),
    ("W_hh[1,2]", Name("W_hh", index=(1, 2))),
    ("h_2#3", Name("h", time=2, sample=3)),
    ("h_2@4", Name("h", time=2, iteration=4)),
    ("L@2", Name("L", iteration=2)),
    ("h_2[1]#3@4", Name("h", time=2, index=(1,), sample=3, iteration=4)),
    ("dL/dh_2", gradient(Name("h", time=2))),
    ("dL/dw_hh", gradient(Name("w_hh"))),
    ("dL/dW_hh[2,1]", gradient(Name("W_hh", index=(2, 1)))),
    ("dL/dh_2 via y_2", gradient(Name("h", time=2), Name("y", time=2))),
    ("dL/dh_2 via a_3", gradient(Name("h", time=2), Name("a", time=3))),
    ("dL/dw_hh via a_3", gradient(Name("w_hh"), Name("a", time=3))),
    ("dL/dh_2[1] via a_3", gradient(Name("h", time=2, index=(1,)), Name("a", time=3))),
    ("dh_3/dh_1", Name("h", time=1, of=Name("h", time=3))),
    ("w_hh'", Name("w_hh", updated=True)),
    ("W_hh'[1,2]", Name("W_hh", index=(1, 2), updated=True)),
    ("w_hh'@2", Name("w_hh", updated=True, iteration=2)),
    ("i_2", Name("i", time=2)),
    ("a_i_2", Name("a_i", time=2)),
    ("beta_1", Name("beta", time=1)),
    ("mhat_w_hh@3", Name("mhat_w_hh", iteration=3)),
    ("v_W_hh[1,2]@3", Name("v_W_hh", index=(1, 2), iteration=3)),
    ("v_W_xh(2)", Name("v_W_xh", layer=2)),
    ("dL/dw_hh@2 via a_3@2", gradient(Name("w_hh", iteration=2), Name("a", time=3, iteration=2))),
    ("dL_full/dh_2", gradient(Name("h", time=2), of=WHOLE_LOSS)),
]


@at_once(("text", "name"), SPELLINGS)
def test_every_spelling_of_the_grammar_is_read(text: str, name: Name):
    """A text has one reading."""
    assert name == Name.parse(text)


@at_once(("text", "name"), SPELLINGS)
def test_every_spelling_of_the_grammar_is_written(text: str, name: Name):
    """A name has one spelling."""
    assert text == str(name)


GARBAGE = [
    "",
    " ",
    "h 2",
    "h_2 ",
    " h_2",
    "h_2\n",
    "2",
    "_2",
    "h_",
    "h__2",
    "h₁",
    "һ_2",  # Cyrillic
    "h_٢",
    "h_-1",
    "h_1.5",
    "h[",
    "h[]",
    "h[1,]",
    "h[a]",
    "h(x)",
    "h@",
    "h#",
    "h''",
    "h_99999999999999999999",
    "dL/d",
    "dL/dh_1 via",
    "dL/dh_1 via ",
    "dL/dh_1  via a_2",
    "dL/dh_1 via a_2 via a_3",
    "dL/dL/dh_1",
    "dL//dh_1",
    "/dh_1",
    "∂L/∂h_1",
    "__import__('os')",
    "<script>",
    "h_1\x1b[31m",
    "=1+1",
]


@at_once("text", GARBAGE)
def test_what_spells_no_quantity_is_refused(text: str):
    """A text outside the grammar is an error that shows what a name looks like."""
    with pytest.raises(UnknownName, match="dL/dh_1 via a_2"):
        Name.parse(text)


@given(st.text())
def test_any_text_is_a_name_or_unknown(text: str):
    """No text makes anything but a name or ``UnknownName``."""
    try:
        name = Name.parse(text)
    except UnknownName as error:
        said = str(error)
    else:
        said = str(name)
        assert name == Name.parse(said)
    assert said.isprintable()


letters = st.text("abcdghijknortwxyzLWT", min_size=1, max_size=6)
stems = st.lists(letters, min_size=1, max_size=3).map("_".join)
numbers = st.integers(0, 10**5)
simple = st.builds(
    Name,
    stems,
    layer=st.none() | numbers,
    time=st.none() | numbers,
    index=st.lists(numbers, max_size=3).map(tuple),
    sample=st.none() | numbers,
    iteration=numbers,
    updated=st.booleans(),
    of=st.none(),
    via=st.none(),
)
derivatives = st.builds(lambda name, of, via: name._replace(of=of, via=via), simple, simple, st.none() | simple)


@given(simple | derivatives)
def test_text_and_name_are_inverse(name: Name):
    """Every field of a name survives its text."""
    assert name == Name.parse(str(name))


@given(simple | derivatives, simple | derivatives)
def test_different_names_have_different_texts(one: Name, other: Name):
    """A text names one quantity only."""
    assert (one == other) == (str(one) == str(other))


def test_an_slstm_may_have_other_names() -> None:
    """Its stabiliser is one of its states, and no letter of the author's."""
    assert "state_1 = " in solve(load("slstm", ["names.h=state"])).to_text(120)
