from __future__ import annotations

import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mlparity.core.errors import BackendUnavailableError, InputError
from mlparity.samples.arrays import ArraySamples, read_arrays
from mlparity.samples.load import load_samples

ARRAYS: dict[str, np.ndarray] = {
    "x": np.arange(12, dtype=np.float32).reshape(4, 3),
    "ids": np.arange(8, dtype=np.int64).reshape(4, 2),
}


def test_an_npy_file_is_one_sample_of_the_only_input(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", ARRAYS["x"])
    [(name, sample)] = load_samples(tmp_path / "x.npy", input_names=["image"])
    assert name == "x.npy"
    np.testing.assert_array_equal(sample["image"], ARRAYS["x"])


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_a_file_with_names_is_one_sample(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"one.{ending}"
    save_file(ARRAYS, path) if ending == "safetensors" else np.savez(path, **ARRAYS)  # type: ignore[arg-type]
    [(_, sample)] = load_samples(path)
    assert {name: array.tolist() for name, array in sample.items()} == {
        name: array.tolist() for name, array in ARRAYS.items()
    }
    assert sample["ids"].dtype == np.int64


def test_a_folder_of_files_is_a_sample_each_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        np.savez(tmp_path / f"{name}.npz", x=np.full(2, ord(name), np.float32))
    samples = load_samples(tmp_path)
    assert [(name, int(sample["x"][0])) for name, sample in samples] == [("a.npz", 97), ("b.npz", 98), ("c.npz", 99)]


def test_rows_cut_axis_zero_and_keep_it(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", **ARRAYS)  # type: ignore[arg-type]
    samples = load_samples(tmp_path / "rows.npz", rows=True)
    assert len(samples) == 4
    name, third = list(samples)[2]
    assert name == "rows.npz[2]"
    assert (third["x"].tolist(), third["ids"].tolist()) == ([[6, 7, 8]], [[4, 5]])
    limited = load_samples(tmp_path / "rows.npz", rows=True, limit=3)
    assert (len(limited), len(list(limited))) == (3, 3)


def test_float64_becomes_float32(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([0.1]))
    [(_, sample)] = load_samples(tmp_path / "x.npy", input_names=["x"])
    assert sample["x"].dtype == np.float32


@pytest.mark.parametrize(
    "arrays",
    [{"x": np.zeros((2, 1)), "y": np.zeros((3, 1))}, {"x": np.zeros(())}, {"x": np.zeros((0, 3))}],
)
def test_arrays_that_have_no_rows_in_common_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "odd.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="cannot be cut into rows"):
        list(load_samples(tmp_path / "odd.npz", rows=True))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_their_place(tmp_path: Path, value: float) -> None:
    array = np.zeros((2, 3), np.float32)
    array[1, 2] = value
    np.savez(tmp_path / "bad.npz", x=array)
    with pytest.raises(InputError, match="NaN or infinity") as caught:
        list(load_samples(tmp_path / "bad.npz"))
    assert "input x of" in caught.value.where
    assert caught.value.found == "1 of 6 values, the first at [1, 2]"
    assert len(list(load_samples(tmp_path / "bad.npz", finite=False))) == 1


@pytest.mark.parametrize("ending", ["npy", "npz", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"not an array file at all, whatever it is called"])
def test_a_damaged_file_is_named(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"bad.{ending}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read") as caught:
        list(load_samples(path, input_names=["x"]))
    assert caught.value.where == str(path)


def test_a_truncated_npz_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "whole.npz", x=np.zeros(1000))
    content = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        list(load_samples(tmp_path / "cut.npz"))


def test_python_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        list(load_samples(tmp_path / "objects.npy", input_names=["x"]))


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([1j])])
def test_what_is_no_number_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.savez(tmp_path / "odd.npz", x=array)
    with pytest.raises(InputError, match="holds no numbers"):
        list(load_samples(tmp_path / "odd.npz"))


def test_an_npz_without_arrays_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "empty.npz")
    with pytest.raises(InputError, match="is empty"):
        list(load_samples(tmp_path / "empty.npz"))


def test_an_npy_file_for_a_model_with_several_inputs_asks_for_names(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", ARRAYS["x"])
    with pytest.raises(InputError, match="no input names"):
        list(load_samples(tmp_path / "x.npy", input_names=["a", "b"]))


def test_a_missing_place_an_empty_folder_and_a_mixed_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no "):
        load_samples(tmp_path / "gone")
    with pytest.raises(InputError, match="there are no samples") as caught:
        load_samples(tmp_path)
    assert caught.value.found == "0 files: an empty folder"
    np.save(tmp_path / "x.npy", ARRAYS["x"])
    (tmp_path / "y.png").write_bytes(b"")
    with pytest.raises(InputError, match="pictures and arrays"):
        load_samples(tmp_path)


def test_a_limit_keeps_the_first_files_and_rows(tmp_path: Path) -> None:
    for name in "abc":
        np.savez(tmp_path / f"{name}.npz", x=np.zeros((4, 1), np.float32))
    for limit, whole, rows in ((None, 3, 12), (1, 1, 1), (3, 3, 3), (9, 3, 9), (20, 3, 12)):
        files, cut = (load_samples(tmp_path, rows=cut, limit=limit) for cut in (False, True))
        assert (len(files), len(list(files))) == (whole, whole)
        assert (len(cut), len(list(cut))) == (rows, rows)


def test_rows_go_on_in_the_next_file(tmp_path: Path) -> None:
    for name, rows in (("a", 1), ("b", 2)):
        np.savez(tmp_path / f"{name}.npz", x=np.arange(rows, dtype=np.float32)[:, None])
    assert [name for name, _ in load_samples(tmp_path, rows=True)] == ["a.npz[0]", "b.npz[0]", "b.npz[1]"]


def test_hidden_files_and_other_kinds_are_passed_over(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", ARRAYS["x"])
    np.save(tmp_path / ".hidden.npy", ARRAYS["x"])
    (tmp_path / "notes.txt").write_text("")
    assert [name for name, _ in load_samples(tmp_path, input_names=["x"])] == ["x.npy"]


def test_what_is_neither_picture_nor_array_is_no_sample(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "c.txt", "d.txt", "e.txt"):
        (tmp_path / name).write_text("")
    with pytest.raises(InputError, match="there are no samples") as caught:
        load_samples(tmp_path)
    assert caught.value.found == "5 files: a.txt, b.txt, c.txt, d.txt"


def test_an_npy_file_without_a_known_input_asks_for_names(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", ARRAYS["x"])
    with pytest.raises(InputError, match="no input names"):
        list(load_samples(tmp_path / "x.npy"))


def test_types_other_than_float64_stay(tmp_path: Path) -> None:
    arrays = {name: np.zeros(2, name) for name in ("float16", "float32", "int8", "int64", "bool", "uint16")}
    np.savez(tmp_path / "all.npz", **arrays)  # type: ignore[arg-type]
    [(_, sample)] = load_samples(tmp_path / "all.npz")
    assert {name: array.dtype.name for name, array in sample.items()} == {name: name for name in arrays}


class Marker:
    """What leaves a trace when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_a_pickle_inside_an_array_file_does_not_run(tmp_path: Path, ending: str) -> None:
    array = np.array([Marker(tmp_path / "ran")], dtype=object)
    path = tmp_path / f"objects.{ending}"
    np.save(path, array, allow_pickle=True) if ending == "npy" else np.savez(path, x=array)
    with pytest.raises(InputError, match="cannot be read"):
        list(load_samples(path, input_names=["x"]))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("narrow", "dtype"), [({}, "float32"), ({"narrow": True}, "float32"), ({"narrow": False}, "float64")]
)
def test_float64_is_narrowed_unless_it_is_to_stay(tmp_path: Path, narrow: dict[str, bool], dtype: str) -> None:
    np.savez(tmp_path / "x.npz", x=np.array([1e300]) if not narrow.get("narrow", True) else np.array([0.5]))
    assert read_arrays(tmp_path / "x.npz", "", **narrow)["x"].dtype == dtype


def test_a_set_of_files_is_whole_and_finite_unless_told_otherwise(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([[1.0], [math.nan]], np.float32))
    samples = ArraySamples((tmp_path / "a.npz",), "", "one file")
    assert len(samples) == 1
    with pytest.raises(InputError, match="NaN or infinity"):
        list(samples)


def test_without_safetensors_its_files_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file(ARRAYS, tmp_path / "x.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(BackendUnavailableError) as caught:
        list(load_samples(tmp_path / "x.safetensors"))
    assert "mlparity[safetensors]" in caught.value.next_step


def test_a_set_says_what_it_is_and_where_it_is_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        np.savez(tmp_path / f"{name}.npz", **ARRAYS)  # type: ignore[arg-type]
    assert load_samples(tmp_path).description == f"2 array files from {tmp_path.name}"
    monkeypatch.chdir(tmp_path)
    assert load_samples(".", rows=True).description == "2 array files, cut into rows from ."


def test_a_file_whose_name_is_not_utf8_is_refused(tmp_path: Path) -> None:
    try:
        np.save(tmp_path / os.fsdecode(b"x\xff.npy"), ARRAYS["x"])
    except OSError as error:  # macOS
        pytest.skip(f"this file system has no such names: {error}")
    with pytest.raises(InputError, match="not UTF-8"):
        load_samples(tmp_path, input_names=["x"])
