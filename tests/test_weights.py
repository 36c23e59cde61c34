"""From the arrays of a trained model to a problem file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sweeps import at_once

from bptt_trace import ProblemError, parse, solve
from bptt_trace.commands import command
from bptt_trace.engine.names import Name
from bptt_trace.trained_models.problem_file import arrays_of, document_from, text_of

Arrays = dict[str, Any]


def rnn(n: int = 2, d: int = 3, k: int | None = 1, *, layers: int = 1, dtype: Any = np.float32) -> Arrays:
    chance = np.random.default_rng(n + 10 * d)

    def array(*shape: int) -> Any:
        return chance.normal(size=shape).astype(dtype)

    arrays: Arrays = {}
    below = d
    for layer in range(layers):
        arrays[f"rnn.weight_ih_l{layer}"], arrays[f"rnn.weight_hh_l{layer}"] = array(n, below), array(n, n)
        arrays[f"rnn.bias_ih_l{layer}"], arrays[f"rnn.bias_hh_l{layer}"] = array(n), array(n)
        below = n
    if k:
        arrays |= {"fc.weight": array(k, n), "fc.bias": array(k)}
    return arrays


@pytest.fixture(params=["npz", "safetensors"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Arrays], Path]:
    """Arrays written to a file, in either format."""

    def save(arrays: Arrays) -> Path:
        path = tmp_path / f"model.{request.param}"
        if request.param == "npz":
            np.savez(path, **arrays)
        else:
            from safetensors.numpy import save_file

            save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
        return path

    return save


@at_once("dtype", [np.float32, np.float64, np.float16])
@at_once(("n", "d", "k"), [(1, 1, 1), (2, 3, 1), (3, 1, 2), (2, 2, None)])
def test_every_number_reads_back(saved: Callable[[Arrays], Path], dtype: Any, n: int, d: int, k: int | None) -> None:
    """Each parameter is the stored number, with the fewest digits that say so."""
    arrays = rnn(n, d, k, dtype=dtype)
    problem = parse(text_of(document_from(arrays_of(saved(arrays)), "rnn"), "model"))
    for stem, array in {"W_xh": "rnn.weight_ih_l0", "b_xh": "rnn.bias_ih_l0", "W_hy": "fc.weight"}.items():
        if array not in arrays:
            continue
        for place, number in np.ndenumerate(arrays[array]):
            index = tuple(i + 1 for i in place) if arrays[array].size > 1 else ()
            name = Name(stem if index else stem.lower(), index=index)
            assert dtype(str(problem.given[name].text)) == number


def test_two_biases_are_kept_or_merged() -> None:
    """PyTorch's two biases stay two, or are added up exactly."""
    arrays = rnn()
    kept = document_from(arrays, "rnn")
    merged = document_from(arrays, "rnn", merge_biases=True)
    assert {"b_xh", "b_hh"} <= set(kept["parameters"])
    assert 2 == kept["network"]["biases"]
    assert "biases" not in merged["network"]
    both = zip(kept["parameters"]["b_xh"], kept["parameters"]["b_hh"], strict=True)
    assert [a + b for a, b in both] == merged["parameters"]["b_h"]


def test_layers_and_linear_networks() -> None:
    """Stacked layers have numbers; linear layers follow each other, and the last is the readout."""
    stacked = document_from(rnn(layers=2), "rnn", merge_biases=True)
    assert [2, 2] == stacked["network"]["hidden"]
    assert {"W_xh(1)", "W_hh(2)", "b_h(2)", "W_hy"} <= set(stacked["parameters"])
    linear = {"0.weight": np.ones((3, 2)), "0.bias": np.ones(3), "2.weight": np.ones((1, 3)), "2.bias": np.ones(1)}
    made = document_from(linear, "dense")
    assert {"W_xh", "b_h", "W_hy", "b_y"} == set(made["parameters"])
    for document in (stacked, made):
        parse(text_of(document, "model"))


def test_a_model_without_biases() -> None:
    """What the arrays do not have, the problem does not have."""
    arrays = {name: array for name, array in rnn().items() if "bias" not in name}
    document = document_from(arrays, "rnn")
    assert document["network"]["bias"] is False
    parse(text_of(document, "model"))


def test_the_command_line(saved: Callable[[Arrays], Path], capsys: pytest.CaptureFixture[str]) -> None:
    """The file is a problem that says where its numbers are from; ``--set`` changes it."""
    path = saved(rnn())
    command(["from-weights", str(path), "--cell", "rnn", "--merge-biases", "--set", "x=[[1,2,3]]", "--set", "target=[1]"],
            standalone_mode=False)  # fmt: skip
    text = capsys.readouterr().out
    assert text.startswith(f"# Parameters from {path.name}")
    assert [[1, 2, 3]] == tomllib.loads(text)["given"]["x"]
    assert 1 == parse(text).network.steps


# ------------------------------------------------------------ PyTorch's gates


def gated(cell: str, n: int = 2, d: int = 3, *, layers: int = 1, both: bool = False, k: int | None = 1) -> Arrays:
    """Arrays of ``nn.LSTM`` or ``nn.GRU`` and a linear layer; each number says where it stands."""
    gates = {"lstm": 4, "gru": 3}[cell]
    arrays: Arrays = {}
    for layer in range(layers):
        below = d if layer == 0 else n * (1 + both)
        for end in ("", "_reverse") if both else ("",):
            shapes = {
                "weight_ih": (gates * n, below),
                "weight_hh": (gates * n, n),
                "bias_ih": (gates * n,),
                "bias_hh": (gates * n,),
            }
            for kind, shape in shapes.items():
                start = 1000 * len(arrays)
                arrays[f"{kind}_l{layer}{end}"] = np.arange(start, start + np.prod(shape), dtype=np.int64).reshape(shape)
    return arrays | ({"fc.weight": np.ones((k, n * (1 + both))), "fc.bias": np.ones(k)} if k else {})


@pytest.mark.parametrize(("cell", "gates"), [("lstm", "ifgo"), ("gru", "rzn")])
def test_gates_lie_one_below_the_other(cell: str, gates: str) -> None:
    """Each gate has its rows, in PyTorch's order; the arrays tell the cell, and the file says its conventions."""
    document = document_from(gated(cell))
    assert cell == document["network"]["cell"]
    assert 2 == document["network"]["biases"]
    conventions = {"lstm": {"gate_order": "ifgo"}, "gru": {"keeps": "z", "reset": "after"}}[cell]
    assert conventions.items() <= document["network"].items()
    for place, gate in enumerate(gates):
        assert [[6 * place, 6 * place + 1, 6 * place + 2], [6 * place + 3, 6 * place + 4, 6 * place + 5]] == document[
            "parameters"
        ][f"W_x{gate}"]
        assert [3000 + 2 * place, 3001 + 2 * place] == document["parameters"][f"b_h{gate}"]
    parse(text_of(document, "model"))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize(("layers", "ends"), [(1, ["(fwd)", "(bwd)"]), (2, ["(fwd1)", "(bwd1)", "(fwd2)", "(bwd2)"])])
def test_both_directions(cell: str, layers: int, ends: list[str]) -> None:
    """``_reverse`` is the layer that reads backward; a layer above is given both."""
    document = document_from(gated(cell, layers=layers, both=True))
    assert document["network"]["bidirectional"] is True
    for place, end in enumerate(ends):
        assert 4000 * place == document["parameters"][f"W_x{'i' if cell == 'lstm' else 'r'}{end}"][0][0]
    assert [1, 1, 1, 1] == document["parameters"]["W_hy"][0]
    parse(text_of(document, "model"))


def test_a_cell_on_its_own_and_one_unit() -> None:
    """``nn.LSTMCell`` has no number of a layer; single numbers have names in small letters."""
    arrays = {name.removesuffix("_l0"): array for name, array in gated("lstm", 1, 1, k=None).items()}
    document = document_from(arrays, merge_biases=True)
    assert {"w_xi": 0, "w_xf": 1, "w_xg": 2, "w_xo": 3, "b_i": 2000 + 3000}.items() <= document["parameters"].items()
    assert "biases" not in document["network"]
    parse(text_of(document, "model"))


# --------------------------------------------------------------------- Keras


def keras(cell: str, *, reset: str = "after", path: str = "sequential/{}/{}_cell", unit_forget_bias: bool = True) -> Arrays:
    """The layer of Keras's own tests: 3 units, 4 inputs, constant weights and biases."""
    many = 3 * {"lstm": 4, "gru": 3}[cell]
    bias = np.full((2, many) if cell == "gru" and reset == "after" else many, 0.03)
    if cell == "lstm" and unit_forget_bias:
        bias[3:6] = 1
    path = path.format(cell, cell)
    return {
        f"{path}/kernel": np.full((4, many), 0.01),
        f"{path}/recurrent_kernel": np.full((3, many), 0.02),
        f"{path}/bias": bias,
    }


# keras/src/layers/rnn/lstm_test.py and gru_test.py, test_correctness, commit 3422977: the last state of each sample
KERAS = [
    ("lstm", False, ("0.6288687", "0.86899155", "0.9460773")),
    ("lstm", True, ("0.35622165", "0.74789524", "0.8872726")),
    ("gru", False, ("0.5217289", "0.6371659", "0.39384964")),
    ("gru", True, ("0.24406259", "0.611516", "0.3928808")),
]


@pytest.mark.parametrize(("cell", "backwards", "printed"), KERAS)
def test_the_published_numbers_of_keras(cell: str, backwards: bool, printed: tuple[str, ...]) -> None:
    """The arrays of Keras's layers make the numbers of its tests, in single precision, forward and with ``go_backwards``."""
    document = document_from(keras(cell))
    assert (cell, "x W") == (document["network"]["cell"], document["network"]["products"])
    x = np.arange(72).reshape(3, 6, 4)
    document["given"] = {"x": (x[:, ::-1] if backwards else x).tolist()}
    document["loss"] = {"kind": "none"}
    solution = solve(parse(text_of(document, "model")), rounding="full")
    for sample, number in enumerate(printed, 1):
        for unit in (1, 2, 3):
            assert pytest.approx(float(number), abs=2e-7) == solution[f"h_6[{unit}]#{sample}"]


@pytest.mark.parametrize(("cell", "gates"), [("lstm", "ifgo"), ("gru", "zrn")])
def test_gates_lie_side_by_side(cell: str, gates: str) -> None:
    """Keras's order, and its matrices as they stand: a vector is a row."""
    arrays = keras(cell)
    for name, array in arrays.items():
        arrays[name] = np.arange(array.size).reshape(array.shape)
    document = document_from(arrays)
    many = 3 * len(gates)
    for place, gate in enumerate(gates):
        assert [[many * row + 3 * place + column for column in range(3)] for row in range(4)] == document["parameters"][
            f"W_x{gate}"
        ]
    biases = ["b_xz", "b_xr", "b_xn", "b_hz", "b_hr", "b_hn"] if cell == "gru" else ["b_i", "b_f", "b_g", "b_o"]
    assert [[3 * place, 3 * place + 1, 3 * place + 2] for place in range(len(biases))] == [
        document["parameters"][key] for key in biases
    ]
    parse(text_of(document, "model"))


def test_where_the_reset_of_keras_stands() -> None:
    """Two biases tell ``reset_after=True``, one tells False; without any it is asked for."""
    assert {"reset": "after", "biases": 2}.items() <= document_from(keras("gru"))["network"].items()
    before = document_from(keras("gru", reset="before"))["network"]
    assert "before" == before["reset"]
    assert "biases" not in before
    without = {name: array for name, array in keras("gru").items() if not name.endswith("bias")}
    with pytest.raises(ProblemError, match=r"without biases the arrays do not show .*--reset after"):
        document_from(without)
    assert "before" == document_from(without, reset="before")["network"]["reset"]


def test_layers_of_keras_by_their_paths() -> None:
    """Layers are counted, both directions of one share its path; ``:0`` at the end of a name, and a dense layer above."""
    lower = {
        f"{name}:0": a
        for way in ("forward", "backward")
        for name, a in keras("lstm", path=f"bidirectional/{way}_{{}}/{{}}_cell").items()
    }
    upper = {
        name: np.ones((6, 12)) if name.endswith("/kernel") else array
        for name, array in keras("lstm", path="lstm_1/lstm_cell").items()
    }
    with pytest.raises(ProblemError, match="some layers read in both directions and some in one"):
        document_from({**upper, **lower})
    document = document_from({**lower, "dense/kernel:0": np.ones((6, 2)), "dense/bias:0": np.ones(2)})
    assert {"W_xi(fwd)", "W_ho(bwd)", "b_g(bwd)", "W_hy", "b_y"} <= set(document["parameters"])
    assert 6 == len(document["parameters"]["W_hy"])
    parse(text_of(document, "model"))
    first, second = (keras("gru", path=f"{name}/gru_cell") for name in ("gru", "gru_1"))
    second["gru_1/gru_cell/kernel"] = np.ones((3, 9))
    stacked = document_from({**second, **first})
    assert [3, 3] == stacked["network"]["hidden"]
    assert [1, 1, 1] == stacked["parameters"]["W_xz(2)"][0]
    parse(text_of(stacked, "model"))


def test_a_simple_network_of_keras() -> None:
    """Dense layers, and a SimpleRNN with its readout, read the same transposed."""
    dense = document_from(
        {"dense/kernel": np.arange(6).reshape(2, 3), "dense/bias": np.ones(3), "dense_1/kernel": np.ones((3, 1))}
    )
    assert ("dense", "x W", [[0, 1, 2], [3, 4, 5]]) == (
        dense["network"]["cell"],
        dense["network"]["products"],
        dense["parameters"]["W_xh"],
    )
    path = "simple_rnn/simple_rnn_cell"
    arrays = {f"{path}/kernel": np.ones((3, 2)), f"{path}/recurrent_kernel": np.ones((2, 2)), f"{path}/bias": np.ones(2)}
    document = document_from(arrays | {"dense/kernel": np.ones((2, 1)), "dense/bias": np.ones(1)})
    assert "rnn" == document["network"]["cell"]
    parse(text_of(document, "model"))


@at_once(
    ("arrays", "keys", "said"),
    [
        (gated("lstm"), {"cell": "rnn"}, "weight_hh_l0: of shape [8, 2]; expected [8, 8] (--cell lstm has this shape)"),
        (gated("gru"), {"cell": "lstm"}, "6 rows; expected 4 for each unit of an lstm"),
        (gated("gru"), {"merge_biases": True}, "the two biases of a gru cannot be added up"),
        (gated("gru"), {"reset": "before"}, "--reset before, but the arrays are of a gru whose reset stands after the product"),
        (gated("lstm"), {"reset": "after"}, "a cell of the kind lstm has no reset gate"),
        (gated("lstm") | {"weight_hh_l0": np.ones((8, 4))}, {}, "of shape [8, 4]; for n units an rnn has n rows"),
        (gated("lstm") | {"weight_hr_l0": np.ones((1, 2))}, {}, "no place for weight_hr_l0"),
        (gated("lstm") | {"bias_ih_l0": np.ones(2)}, {}, "bias_ih_l0: of shape [2]; expected [8]"),
        (gated("lstm", layers=2) | {"weight_ih_l1": np.ones((8, 3))}, {}, "room for the 2 numbers that come into it"),
        ({f"enc.{k}": v for k, v in gated("gru").items()} | {f"dec.{k}": v for k, v in gated("gru").items()}, {},
         "2 recurrent networks (enc and dec); expected one"),
        (keras("gru") | {"sequential/gru/gru_cell/bias": np.ones(3)}, {}, "of shape [3]; expected [9], or [2, 9],"),
        (keras("lstm") | {"sequential/lstm/lstm_cell/recurrent_kernel": np.ones((4, 12))}, {"cell": "lstm"},
         "expected [3, 12]"),
        ({"arr_0": np.ones((3, 8)), "arr_1": np.ones((2, 8))}, {}, "there is no weight_ih_l0 among arr_0, arr_1"),
    ],
)  # fmt: skip
def test_gates_that_do_not_fit(arrays: Arrays, keys: dict[str, Any], said: str) -> None:
    """The message names the array, what was met and what is due."""
    with pytest.raises(ProblemError) as caught:
        document_from(arrays, **keys)
    assert said in str(caught.value)


# -------------------------------------------------------------------- errors


def bad(change: Callable[[Arrays], Any], **keys: Any) -> str:
    arrays = rnn()
    change(arrays)
    with pytest.raises(ProblemError) as caught:
        parse(text_of(document_from(arrays, keys.pop("cell", "rnn"), **keys), "model"))
    return str(caught.value)


@at_once(
    ("change", "said"),
    [
        (lambda a: a.pop("rnn.weight_ih_l0"), "there is no weight_ih_l0 among"),
        (lambda a: a.pop("rnn.weight_hh_l0"), "rnn.weight_hh_l0 is missing"),
        (lambda a: a.update({"rnn.weight_hh_l0": np.ones((8, 2))}), "rnn.weight_hh_l0: of shape [8, 2]; expected [2, 2]"),
        (lambda a: a.update({"extra": np.ones(3)}), "no place for extra"),
        (lambda a: a.update({"fc.bias": np.array([np.nan])}), "fc.bias: has a number that is not finite"),
        (lambda a: a.update({"fc.bias": np.array(["x"])}), "fc.bias: an array of <U1; expected numbers"),
        (lambda a: a.update({"fc.bias": np.ones((1, 1, 1))}), "fc.bias: of shape [1, 1, 1]"),
        (lambda a: a.clear(), "no arrays in it"),
        (lambda a: a.update({"rnn.weight_ih_l3": np.ones((2, 2))}), "weight_ih_l1 is missing"),
        (lambda a: a.update({"rnn.weight_ih_l0": np.ones((2, 3)) * 1e60}), "out of range"),
    ],
)
def test_arrays_that_do_not_fit(change: Callable[[Arrays], Any], said: str) -> None:
    """The message names the array, what was met and what is due."""
    assert said in bad(change)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.npz", b"not a zip", "cannot be read as .npz"),
        ("model.safetensors", b"\x08\0\0\0\0\0\0\0{broken}", "cannot be read as .safetensors"),
        ("model.pt", b"", ".pt: a file of arrays ends in .npz or .safetensors"),
        ("missing.npz", None, "no such file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    """A damaged file, a file of another kind, no file."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProblemError, match=r"^\S+: ") as caught:
        arrays_of(path)
    assert said in str(caught.value)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    """An array of objects would run code; it is refused."""

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "run",))

    np.savez(tmp_path / "model.npz", weight_ih_l0=np.array([Trap()], dtype=object))
    with pytest.raises(ProblemError, match="pickle"):
        arrays_of(tmp_path / "model.npz")
    assert not (tmp_path / "run").exists()


def test_a_large_array_is_not_unpacked(tmp_path: Path) -> None:
    """A small file can hold gigabytes of zeros."""
    np.savez_compressed(tmp_path / "model.npz", weight_ih_l0=np.zeros(2_000_000))
    with pytest.raises(ProblemError, match="at most 4,000,000"):
        arrays_of(tmp_path / "model.npz")


def test_digits_are_those_of_the_precision() -> None:
    """0.1 in single precision is written 0.1."""
    document = document_from(
        {"weight_ih_l0": np.array([[0.1]], np.float32), "weight_hh_l0": np.array([[0.2]], np.float32)}, "rnn"
    )
    assert {"w_xh": Decimal("0.1"), "w_hh": Decimal("0.2")} == document["parameters"]
