"""Saved outputs of one sample or of many, in each format, and files that are damaged or hold something else."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mlparity.core.errors import BackendUnavailableError, InputError
from mlparity.core.session import OUTPUTS_HEADER
from mlparity.samples.saved import LONE_OUTPUT, open_saved

ARRAYS = {
    "a/y": np.array([1.0, 1e300]),
    "a/z": np.array([[2]], np.int16),
    "b/y": np.array([np.nan]),
    "b/z": np.array([[3]], np.int16),
}


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    save_file(dict(arrays), path) if path.suffix == ".safetensors" else np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_samples_are_read_one_by_one_in_the_types_that_were_saved(tmp_path: Path, ending: str) -> None:
    with open_saved(save(tmp_path / f"all.{ending}", ARRAYS)) as saved:
        assert sorted(saved.samples) == ["a", "b"]
        for sample in ("b", "a"):
            outputs = saved.read(sample)
            assert sorted(outputs) == ["y", "z"]
            for name, array in outputs.items():
                np.testing.assert_array_equal(array, ARRAYS[f"{sample}/{name}"])
                assert array.dtype == ARRAYS[f"{sample}/{name}"].dtype


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_a_lone_sample_has_the_name_of_its_file(tmp_path: Path, ending: str) -> None:
    path = save(tmp_path / f"one.{ending}", {"y": np.ones(2), OUTPUTS_HEADER: np.zeros(3, np.uint8)})
    with open_saved(path) as saved:
        assert saved.samples == (path.name,)
        assert {name: array.tolist() for name, array in saved.read(path.name).items()} == {"y": [1.0, 1.0]}


def test_a_file_of_one_array_is_the_only_output(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.arange(3))
    with open_saved(tmp_path / "one.npy") as saved:
        assert saved.samples == ("one.npy",)
        assert saved.read("one.npy")[LONE_OUTPUT].tolist() == [0, 1, 2]


def test_a_member_without_the_ending_is_an_array_as_well(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", np.arange(2))
    with zipfile.ZipFile(tmp_path / "own.npz", "w") as archive:
        archive.write(tmp_path / "y.npy", "y")
        archive.write(tmp_path / "y.npy", "z.npy")
    with open_saved(tmp_path / "own.npz") as saved:
        assert {name: array.tolist() for name, array in saved.read("own.npz").items()} == {"y": [0, 1], "z": [0, 1]}


@pytest.mark.parametrize("arrays", [{}, {OUTPUTS_HEADER: np.zeros(3, np.uint8)}])
def test_a_file_without_outputs_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError, match="is empty"), open_saved(save(tmp_path / "none.npz", arrays)):
        pass


def test_names_that_can_be_read_in_two_ways_are_told_as_such(tmp_path: Path) -> None:
    path = save(tmp_path / "two.npz", {"a/y": np.ones(1), "b/y": np.ones(1), "y": np.ones(1)})
    with pytest.raises(InputError, match="by some names, and of several by others"), open_saved(path):
        pass


@pytest.mark.parametrize("ending", ["npy", "npz", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"not an array file at all, whatever it is called"])
def test_a_damaged_file_is_named(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"bad.{ending}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read") as caught, open_saved(path):
        pass
    assert caught.value.where == str(path)


def test_a_damaged_array_is_told_when_it_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "part.npz", "w") as archive:
        archive.writestr("a/y.npy", b"no array")
    with open_saved(tmp_path / "part.npz") as saved, pytest.raises(InputError, match="cannot be read") as caught:
        saved.read("a")
    assert caught.value.where == str(tmp_path / "part.npz")


class Marker:
    """What leaves a trace when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_a_pickle_inside_does_not_run(tmp_path: Path, ending: str) -> None:
    array = np.array([Marker(tmp_path / "ran")], dtype=object)
    path = tmp_path / f"objects.{ending}"
    np.save(path, array, allow_pickle=True) if ending == "npy" else np.savez(path, y=array)
    with pytest.raises(InputError, match="cannot be read"), open_saved(path) as saved:
        saved.read(path.name)
    assert not (tmp_path / "ran").exists()


def test_what_fails_while_a_file_is_open_is_not_its_fault(tmp_path: Path) -> None:
    path = save(tmp_path / "all.npz", ARRAYS)
    with pytest.raises(ZeroDivisionError), open_saved(path):
        raise ZeroDivisionError


def test_without_safetensors_its_files_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "all.safetensors", ARRAYS)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(BackendUnavailableError) as caught, open_saved(path):
        pass
    assert "mlparity[safetensors]" in caught.value.next_step
