from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlparity.core.errors import InputError
from mlparity.samples.load import load_samples
from mlparity.sessions import recorded
from mlparity.sessions.checked import run_checked


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    folder.mkdir()
    for name, array in arrays.items():
        np.savez(folder / f"{name}.npz", y=array)
    return folder


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    folder.mkdir()
    for name in ("cat", "dog"):
        np.save(folder / f"{name}.npy", np.array([len(name) + ord(name[0])], np.float32))
    return folder


@pytest.mark.parametrize("ending", ["", ".npy"])
def test_outputs_are_matched_by_name(tmp_path: Path, samples: Path, ending: str) -> None:
    outputs = saved(tmp_path / "outputs", **{f"dog{ending}": np.array([2.0]), f"cat{ending}": np.array([np.nan])})
    inputs = load_samples(samples, input_names=["x"])
    with recorded.open(load_samples(outputs, finite=False), inputs) as session:
        results = {name: run_checked(session, sample)["y"].item() for name, sample in inputs}
        assert session.runtime == "recorded outputs (2 array files from outputs)"
    assert results["dog.npy"] == 2
    assert np.isnan(results["cat.npy"])


def test_one_file_may_hold_the_outputs_of_all_samples(tmp_path: Path, samples: Path) -> None:
    arrays = {"dog.npy/y": np.array([2.0]), "cat.npy/y": np.array([3.0]), "cat.npy/z": np.array([4.0])}
    np.savez(tmp_path / "all.npz", **arrays)  # type: ignore[arg-type]
    inputs = load_samples(samples, input_names=["x"])
    session = recorded.open(load_samples(tmp_path / "all.npz"), inputs)
    found = {name: {key: array.item() for key, array in session.run(sample).items()} for name, sample in inputs}
    assert found == {"cat.npy": {"y": 3, "z": 4}, "dog.npy": {"y": 2}}


def test_a_lone_output_belongs_to_a_lone_sample(tmp_path: Path, samples: Path) -> None:
    outputs = saved(tmp_path / "outputs", device=np.array([5.0]))
    inputs = load_samples(samples / "cat.npy", input_names=["x"])
    session = recorded.open(load_samples(outputs), inputs)
    assert session.run(next(iter(inputs))[1])["y"].item() == 5


@pytest.mark.parametrize(
    ("names", "complaint"), [(("cat",), "no saved outputs"), (("cat", "dog", "dog.npy"), "several saved outputs")]
)
def test_a_sample_without_its_own_output_is_refused(
    tmp_path: Path, samples: Path, names: tuple[str, ...], complaint: str
) -> None:
    outputs = saved(tmp_path / "outputs", **{name: np.zeros(1) for name in names})
    with pytest.raises(InputError, match=complaint) as caught:
        recorded.open(load_samples(outputs), load_samples(samples, input_names=["x"]))
    assert "dog.npy" in caught.value.where


def test_an_output_that_two_files_hold_is_refused(tmp_path: Path, samples: Path) -> None:
    """Else the last file would replace what another one says."""
    (tmp_path / "outputs").mkdir()
    for name, value in (("first", np.nan), ("second", 1.0)):
        arrays = {"dog.npy/y": np.array([value]), "cat.npy/y": np.array([value])}
        np.savez(tmp_path / "outputs" / f"{name}.npz", **arrays)  # type: ignore[arg-type]
    outputs = load_samples(tmp_path / "outputs", finite=False)
    with pytest.raises(InputError, match="saved twice"):
        recorded.open(outputs, load_samples(samples, input_names=["x"]))


def test_another_sample_has_no_outputs(tmp_path: Path, samples: Path) -> None:
    outputs = saved(tmp_path / "outputs", cat=np.zeros(1), dog=np.zeros(1))
    session = recorded.open(load_samples(outputs), load_samples(samples, input_names=["x"]))
    with pytest.raises(InputError, match="no outputs were saved"):
        session.run({"x": np.array([-1], np.float32)})
