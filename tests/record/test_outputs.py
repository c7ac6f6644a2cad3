"""Saved outputs keep every bit, say where they come from, and appear whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.core.errors import FormatError, OutputError
from mlparity.core.words import Provenance
from mlparity.record.outputs import OutputsHeader, read_header, writing_outputs
from mlparity.samples.arrays import read_arrays

HEADER = OutputsHeader(
    artifact_sha256="ab" * 32,
    setting="fp16/ALL",
    provenance=Provenance.MEASURED,
    runtime="Core ML",
    platform="macOS 26.0 Apple M4",
    samples_sha256="cd" * 32,
    created="2025-11-23T09:41:07Z",
    mlparity_version="0.1.0",
    seconds=(0.2, 0.1),
)


def test_outputs_and_header_come_back(tmp_path: Path) -> None:
    path = tmp_path / "outputs.npz"
    arrays: dict[str, np.ndarray] = {
        "y": np.array([np.nan, -0.0, 1e-8], np.float16),
        "n": np.zeros((0, 2), np.int32),
        "s": np.array(True),
    }
    with writing_outputs(path) as writer:
        writer.add("a/b.png", arrays)
        writer.close_with(HEADER)
    assert read_header(path) == HEADER
    found = read_arrays(path, "")
    assert set(found) == {"a/b.png/y", "a/b.png/n", "a/b.png/s"}
    for name, array in arrays.items():
        assert found[f"a/b.png/{name}"].tobytes() == array.tobytes()
        assert found[f"a/b.png/{name}"].shape == array.shape


def test_an_end_on_the_way_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "outputs.npz"
    path.write_bytes(b"earlier")
    with pytest.raises(KeyboardInterrupt), writing_outputs(path):
        raise KeyboardInterrupt
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "outputs.npz").symlink_to("disk/real.npz")
    with writing_outputs(tmp_path / "outputs.npz") as writer:
        writer.close_with(HEADER)
    assert (tmp_path / "outputs.npz").is_symlink()
    assert read_header(tmp_path / "disk" / "real.npz") == HEADER
    assert [each.name for each in (tmp_path / "disk").iterdir()] == ["real.npz"]


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.npz")
    (tmp_path / "circle.npz").symlink_to("circle.npz")
    (tmp_path / "folder.npz").mkdir()
    for name in ("fifo.npz", "circle.npz", "folder.npz"):
        with pytest.raises(OutputError), writing_outputs(tmp_path / name):
            pass
    assert stat.S_ISFIFO((tmp_path / "fifo.npz").stat().st_mode)
    assert len(list(tmp_path.iterdir())) == 3


def test_no_place_to_write_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not be written"), writing_outputs(tmp_path / "absent" / "o.npz"):
        pass


def test_files_without_a_header_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "plain.npz", y=np.ones(3))
    np.save(tmp_path / "lone.npy", np.ones(3))
    for name in ("plain.npz", "lone.npy", "absent.npz"):
        with pytest.raises(FormatError, match="no outputs of a device") as caught:
            read_header(tmp_path / name)
        assert "mlparity compare" in caught.value.next_step
        assert (name == "plain.npz") == ("no entry mlparity.json" in caught.value.found)


def test_a_newer_header_is_refused(tmp_path: Path) -> None:
    text = b'{"version": 2}'
    np.savez(tmp_path / "new.npz", **{"mlparity.json": np.frombuffer(text, np.uint8)})  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="newer than this mlparity"):
        read_header(tmp_path / "new.npz")


@given(st.binary(max_size=200))
def test_any_header_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "any.npz"
    np.savez(path, **{"mlparity.json": np.frombuffer(data, np.uint8)})  # type: ignore[arg-type]
    with pytest.raises(FormatError):
        read_header(path)


class Marker:
    """What leaves a trace when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_in_the_place_of_the_header_does_not_run(tmp_path: Path) -> None:
    array = np.array([Marker(tmp_path / "ran")], dtype=object)
    np.savez(tmp_path / "bad.npz", **{"mlparity.json": array})  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="no outputs of a device"):
        read_header(tmp_path / "bad.npz")
    assert not (tmp_path / "ran").exists()


def test_what_a_killed_process_left_is_removed_and_other_folders_stay(tmp_path: Path) -> None:
    path = tmp_path / "outputs.npz"
    left = tmp_path / ".outputs.npz.left"
    left.mkdir()
    (left / "claim").write_text("mlparity works here; process 1\n")
    other = tmp_path / ".outputs.npz.mine"
    other.mkdir()
    with writing_outputs(path) as writer:
        writer.close_with(HEADER)
    assert read_header(path) == HEADER
    assert sorted(tmp_path.iterdir()) == [other, path]


def test_what_another_process_removed_first_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlparity.record.outputs.abandoned_work", lambda _: (tmp_path / "gone",))
    with writing_outputs(tmp_path / "outputs.npz") as writer:
        writer.close_with(HEADER)
    assert read_header(tmp_path / "outputs.npz") == HEADER


def test_objects_are_never_pickled(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"), writing_outputs(tmp_path / "outputs.npz") as writer:
        writer.add("a", {"y": np.array([Marker(tmp_path)], dtype=object)})
    assert list(tmp_path.iterdir()) == []


def test_an_output_may_have_more_than_two_gib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 4000)  # in place of 2 GiB: where sizes of 64 bits begin
    with writing_outputs(tmp_path / "outputs.npz") as writer:
        writer.add("a", {"y": np.ones(1000)})
        writer.close_with(HEADER)
    with np.load(tmp_path / "outputs.npz") as saved:
        assert saved["a/y"].sum() == 1000


def _header(tmp_path: Path, **changes: object) -> Path:
    fields = {**asdict(HEADER), **changes}
    text = json.dumps({name: value for name, value in fields.items() if value is not None}).encode()
    np.savez(tmp_path / "own.npz", **{"mlparity.json": np.frombuffer(text, np.uint8)})  # type: ignore[arg-type]
    return tmp_path / "own.npz"


def test_the_first_field_that_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        read_header(_header(tmp_path, setting=3, runtime=None))
    assert "valid string" in caught.value.found
    with pytest.raises(FormatError) as caught:
        read_header(_header(tmp_path, setting=None, runtime=3))
    assert "required" in caught.value.found


@pytest.mark.parametrize(("version", "is_read"), [(0, True), (1, True), (2, False)])
def test_headers_up_to_this_version_are_read(tmp_path: Path, version: object, is_read: bool) -> None:
    path = _header(tmp_path, version=version)
    if is_read:
        assert read_header(path).version == version
    else:
        with pytest.raises(FormatError):
            read_header(path)
