"""From the arrays of a trained model to a problem file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bptt_trace import ProblemError, parse
from bptt_trace.cli import command
from bptt_trace.names import Name
from bptt_trace.weights import arrays_of, document_from, text_of

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


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize(("n", "d", "k"), [(1, 1, 1), (2, 3, 1), (3, 1, 2), (2, 2, None)])
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


def bad(change: Callable[[Arrays], Any], **keys: Any) -> str:
    arrays = rnn()
    change(arrays)
    with pytest.raises(ProblemError) as caught:
        parse(text_of(document_from(arrays, keys.pop("cell", "rnn"), **keys), "model"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a.pop("rnn.weight_ih_l0"), "there is no weight_ih_l0 among"),
        (lambda a: a.pop("rnn.weight_hh_l0"), "rnn.weight_hh_l0 is missing"),
        (lambda a: a.update({"rnn.weight_hh_l0": np.ones((8, 2))}), "rnn.weight_hh_l0: of shape [8, 2], where [2, 2] is due"),
        (lambda a: a.update({"extra": np.ones(3)}), "no place for extra"),
        (lambda a: a.update({"fc.bias": np.array([np.nan])}), "fc.bias: has a number that is not finite"),
        (lambda a: a.update({"fc.bias": np.array(["x"])}), "fc.bias: an array of <U1; numbers are due"),
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
